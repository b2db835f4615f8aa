"""Plain Alembic: needs the metadata, and a connection or a URL."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from mfa_service.persistence import models
from mfa_service.persistence.base import Base

TABLES = models.__all__  # importing the models fills the metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(os.environ["MFA_DATABASE_URL"]).begin() as own:
        run(own)
