"""Reading phases, pauses, extra time, moderation decisions, and what is still to be published."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UPGRADE = (
    # answers_from: when the reading phase ends; both it and deadline_at move on by every pause.
    # unpublished_since: set with every change, cleared once the live store has it, so that what a process
    # left behind when it died is published by another.
    """
    ALTER TABLE activities
        ADD COLUMN answers_from timestamptz,
        ADD COLUMN paused_at timestamptz,
        ADD COLUMN decisions_version integer NOT NULL DEFAULT 0,
        ADD COLUMN unpublished_since timestamptz
    """,
    """
    ALTER TABLE participants
        ADD COLUMN extra_time_percent smallint NOT NULL DEFAULT 0
            CONSTRAINT ck_participants_extra_time CHECK (extra_time_percent BETWEEN 0 AND 400)
    """,
    """
    CREATE TABLE activity_decisions (
        activity_id uuid NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
        round smallint NOT NULL,
        key text COLLATE "C" NOT NULL,
        value jsonb NOT NULL,
        actor text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (activity_id, round, key)
    )
    """,
    # The loops of all processes ask for these several times a second; the indexes hold only what is open.
    "CREATE INDEX idx_activities_due ON activities (deadline_at) WHERE state = 'active' AND deadline_at IS NOT NULL",
    "CREATE INDEX idx_activities_unpublished ON activities (unpublished_since) WHERE unpublished_since IS NOT NULL",
    "CREATE INDEX idx_participants_extra_time ON participants (session_id) WHERE extra_time_percent > 0",
    (
        "CREATE TRIGGER touch_updated_at BEFORE UPDATE ON activity_decisions "
        "FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
    ),
)

_DOWNGRADE = (
    "DROP TABLE activity_decisions",
    "DROP INDEX idx_participants_extra_time",
    "DROP INDEX idx_activities_unpublished",
    "DROP INDEX idx_activities_due",
    "ALTER TABLE participants DROP COLUMN extra_time_percent",
    """
    ALTER TABLE activities
        DROP COLUMN unpublished_since, DROP COLUMN decisions_version, DROP COLUMN paused_at, DROP COLUMN answers_from
    """,
)


def upgrade() -> None:
    """Add columns, the table of decisions and the indexes of the loops."""
    for statement in _UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take them away again."""
    for statement in _DOWNGRADE:
        op.execute(statement)
