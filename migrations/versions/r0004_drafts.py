"""Drafts, so that a loss of the live store does not take what somebody has written and not sent."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UPGRADE = (
    # base: the revision of the answer that the draft changes. data is JSON text, not jsonb: nobody looks into a draft,
    # and nothing in it can then fail a batch.
    """
    CREATE TABLE response_drafts (
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        activity_id uuid NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
        participant_id uuid NOT NULL REFERENCES participants (id) ON DELETE CASCADE,
        round smallint NOT NULL,
        revision bigint NOT NULL,
        base integer NOT NULL,
        auto_submit boolean NOT NULL,
        saved_at_ms bigint NOT NULL,
        data text NOT NULL,
        PRIMARY KEY (activity_id, participant_id, round)
    )
    """,
    "CREATE INDEX idx_response_drafts_session ON response_drafts (session_id)",
    "CREATE INDEX idx_response_drafts_participant ON response_drafts (participant_id)",
)

_DOWNGRADE = ("DROP TABLE response_drafts",)


def upgrade() -> None:
    """Add the table of drafts."""
    for statement in _UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it away again."""
    for statement in _DOWNGRADE:
        op.execute(statement)
