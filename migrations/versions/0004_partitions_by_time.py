"""Partitions by time on PostgreSQL, indexes of what is open, and who was erased a while ago.

On PostgreSQL the tables that were there become one partition each, so no row is copied. The code
of the version before runs on this schema too: what it writes falls into those.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
expands_only = True

_OPEN = sa.text("status = 'pending'")


def upgrade():
    op.create_table(
        "erasure",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_due_at"), "erasure", ["due_at"])
    op.execute(
        "INSERT INTO erasure (user_id, due_at)"
        " SELECT user_id, max(expires_at) + 86400 FROM challenge"
        ' WHERE user_id NOT IN (SELECT id FROM "user") GROUP BY user_id'
    )
    op.drop_index(op.f("ix_challenge_user_id_status"), table_name="challenge")
    if op.get_bind().dialect.name == "postgresql":
        _partition("challenge", "id", index="ix_challenge_expires_at")
        op.execute("ALTER TABLE challenge ADD CONSTRAINT pk_challenge PRIMARY KEY (id)")
        _partition("seen_token", "expires_at", index="ix_seen_token_expires_at")
        op.create_index(op.f("ix_seen_token_expires_at"), "seen_token", ["expires_at"])
        _partition_audit()
    else:
        op.drop_index(op.f("ix_challenge_expires_at"), table_name="challenge")
    op.create_index("ix_challenge_user_id_created_at", "challenge", ["user_id", "created_at"])
    for name, columns in (
        ("ix_challenge_open_user_id", ["user_id"]),
        ("ix_challenge_open_expires_at", ["expires_at"]),
    ):
        op.create_index(name, "challenge", columns, postgresql_where=_OPEN, sqlite_where=_OPEN)


def _partition(table: str, by: str, *, index: str, name: str = "before") -> None:
    """Put a partitioned table of the same name above what was there."""
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_{name}")
    op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{table}_{name}")
    op.execute(f"ALTER INDEX {index} RENAME TO {index}_{name}")
    op.execute(
        f"CREATE TABLE {table} (LIKE {table}_{name} INCLUDING DEFAULTS) PARTITION BY RANGE ({by})"
    )
    if name == "before":
        op.execute(f"ALTER TABLE {table} ATTACH PARTITION {table}_before DEFAULT")


def _partition_audit() -> None:
    op.execute("DROP TRIGGER audit_event_append_only ON audit_event")
    op.execute("ALTER INDEX ix_audit_event_user_id_at RENAME TO ix_audit_event_user_id_at_before")
    _partition_by_month()
    op.execute("ALTER SEQUENCE audit_event_id_seq OWNED BY audit_event.id")
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"])
    op.create_index(op.f("ix_audit_event_user_id_at"), "audit_event", ["user_id", "at"])
    op.execute(
        "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event"
        " FOR EACH ROW EXECUTE FUNCTION audit_event_refuse()"
    )


def _partition_by_month() -> None:
    """Let what was there be the partition of all months up to the next but one.

    It can be large for ever, and PostgreSQL reads a default partition whenever another is made.
    """
    newest = op.get_bind().scalar(sa.text("SELECT max(at) FROM audit_event"))
    if newest is None:
        _partition("audit_event", "at", index="ix_audit_event_at")
        return
    until = datetime.fromtimestamp(newest, UTC) + timedelta(days=62)
    until = until.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    name = f"until_{until:%Y%m%d}"
    _partition("audit_event", "at", index="ix_audit_event_at", name=name)
    op.execute(
        f"ALTER TABLE audit_event ATTACH PARTITION audit_event_{name}"
        f" FOR VALUES FROM (MINVALUE) TO ({int(until.timestamp())})"
    )
    op.execute("CREATE TABLE audit_event_before PARTITION OF audit_event DEFAULT")


def downgrade():
    raise NotImplementedError("There is no way back but a backup: rows are in many tables now.")
