"""WebAuthn prompts and models, the hosted page's session, self-service sessions and links."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("challenge", sa.Column("disputed_at", sa.BigInteger(), nullable=True))
    op.add_column("challenge", sa.Column("page_session", sa.Text(), nullable=True))
    op.add_column("challenge", sa.Column("returned_at", sa.BigInteger(), nullable=True))
    op.add_column("authenticator", sa.Column("credential_name", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_authenticator_credential_name"), "authenticator", ["credential_name"], unique=False
    )
    op.create_table(
        "prompt",
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("challenge_id", "place", name=op.f("pk_prompt")),
    )
    op.create_index(op.f("ix_prompt_expires_at"), "prompt", ["expires_at"], unique=False)
    op.create_table(
        "authenticator_model",
        sa.Column("aaguid", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("no", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("aaguid", name=op.f("pk_authenticator_model")),
    )
    op.create_table(
        "metadata_blob",
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_metadata_blob")),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("began_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("shown", sa.LargeBinary(), nullable=True),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_session_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
        sa.UniqueConstraint("id", name=op.f("uq_session_id")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"], unique=False)
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"], unique=False)
    op.create_table(
        "account_link",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("spent_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_account_link_user_id")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name=op.f("fk_account_link_client_id")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_account_link")),
    )
    op.create_index(
        op.f("ix_account_link_expires_at"), "account_link", ["expires_at"], unique=False
    )


def downgrade():
    op.drop_table("account_link")
    op.drop_table("session")
    op.drop_table("metadata_blob")
    op.drop_table("authenticator_model")
    op.drop_table("prompt")
    op.drop_index(op.f("ix_authenticator_credential_name"), table_name="authenticator")
    op.drop_column("authenticator", "credential_name")
    op.drop_column("challenge", "returned_at")
    op.drop_column("challenge", "page_session")
    op.drop_column("challenge", "disputed_at")
