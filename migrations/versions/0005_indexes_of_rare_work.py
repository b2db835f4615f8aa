"""Indexes for erasing a user and for forgetting old notifications: both read whole tables before.

The code of the version before runs on this schema too. While an index is made, PostgreSQL lets
nobody write to its table: all three are small beside the others, what they hold is kept for days.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
expands_only = True

_INDEXES = (("enrollment", "user_id"), ("account_link", "user_id"), ("push_sent", "sent_at"))


def upgrade():
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade():
    for table, column in _INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
