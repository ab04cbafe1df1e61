"""What was changed and has perhaps not reached the live store, so that a process that dies in between leaves a note of it."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_UPGRADE = (
    # No foreign key: what was deleted has to be told as well. Activities that are there have unpublished_since.
    """
    CREATE TABLE unpublished (
        session_id uuid NOT NULL,
        kind text NOT NULL,
        subject text NOT NULL DEFAULT '',
        id bigserial NOT NULL,
        since timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (session_id, kind, subject)
    )
    """,
    "CREATE INDEX idx_unpublished_since ON unpublished (since)",
)

_DOWNGRADE = ("DROP TABLE unpublished",)


def upgrade() -> None:
    """Add the table of what is owed to the live store."""
    for statement in _UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it away again."""
    for statement in _DOWNGRADE:
        op.execute(statement)
