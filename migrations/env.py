"""Alembic's entry: runs the revisions on the connection that `persistence.migration` opened and locked."""

from alembic import context
from sqlalchemy import Connection


def run_migrations() -> None:
    """Run the requested revisions, each in its own transaction."""
    connection = context.config.attributes.get("connection")
    if not isinstance(connection, Connection):
        raise RuntimeError("Migrations need a locked connection: run `plenum migrate`, not `alembic`.")
    # One transaction per revision, so that a later revision may leave it to build an index CONCURRENTLY.
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run_migrations()
