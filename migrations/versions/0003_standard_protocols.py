"""OpenID Connect, CIBA: client metadata, keys of several algorithms, requests on their way."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
expands_only = True


def upgrade():
    op.add_column(
        "client", sa.Column("client_metadata", sa.Text(), server_default="{}", nullable=False)
    )
    op.add_column("user", sa.Column("user_code_hash", sa.Text(), nullable=True))
    op.add_column(
        "user", sa.Column("user_code_failures", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "outbox", sa.Column("queued_at", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("session", sa.Column("authorization_id", sa.Text(), nullable=True))
    op.add_column("signing_key", sa.Column("x5c", sa.Text(), nullable=True))
    op.add_column(
        "signing_key", sa.Column("active_at", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("signing_key", sa.Column("retired_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "pushed_request",
        sa.Column("handle_hash", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("handle_hash", name=op.f("pk_pushed_request")),
    )
    op.create_index(op.f("ix_pushed_request_expires_at"), "pushed_request", ["expires_at"])
    op.create_table(
        "authorization",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("handle_hash", sa.Text(), nullable=True),
        sa.Column("handle_until", sa.BigInteger(), nullable=True),
        sa.Column("redeemed_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("poll_interval", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=True),
        sa.Column("ping_at", sa.BigInteger(), nullable=True),
        sa.Column("pings", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_authorization_handle_hash")),
    )
    op.create_index(op.f("ix_authorization_challenge_id"), "authorization", ["challenge_id"])
    op.create_index(op.f("ix_authorization_expires_at"), "authorization", ["expires_at"])
    op.create_index(op.f("ix_authorization_ping_at"), "authorization", ["ping_at"])


def downgrade():
    op.drop_table("authorization")
    op.drop_table("pushed_request")
    op.drop_column("signing_key", "retired_at")
    op.drop_column("signing_key", "active_at")
    op.drop_column("signing_key", "x5c")
    op.drop_column("outbox", "queued_at")
    op.drop_column("session", "authorization_id")
    op.drop_column("user", "user_code_failures")
    op.drop_column("user", "user_code_hash")
    op.drop_column("client", "client_metadata")
