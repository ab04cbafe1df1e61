"""Sessions, activities, participants, responses, and what the guarantees need beside them."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Tables with `updated_at`, which a trigger keeps: bulk upserts and statements typed by hand move it too.
_DATED_TABLES = ("sessions", "activities", "participants", "user_responses", "shards")

_TYPES_AND_FUNCTIONS = (
    """
    DO $$ BEGIN
        CREATE TYPE activity_status AS ENUM ('draft', 'active', 'completed', 'cancelled');
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$
    """,
    """
    CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.updated_at := now();
        RETURN NEW;
    END $$
    """,
    # Only `state` drives behaviour; `status` is what older clients and reports read.
    """
    CREATE FUNCTION derive_activity_status() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.status := CASE NEW.state
            WHEN 'active' THEN 'active'
            WHEN 'paused' THEN 'active'
            WHEN 'closed' THEN 'completed'
            WHEN 'cancelled' THEN 'cancelled'
            ELSE 'draft'
        END;
        RETURN NEW;
    END $$
    """,
)

_TABLES = (
    # seq_floor: the highest seq of rows that were deleted for good. Offsets of a new epoch start above it
    # too, so that no reader's cursor ever stands ahead of what it has yet to read.
    """
    CREATE TABLE sessions (
        id uuid PRIMARY KEY,
        title varchar(255) NOT NULL CHECK (length(title) >= 1),
        description text,
        state varchar(16) NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'active', 'completed')),
        join_code varchar(12) NOT NULL CONSTRAINT uq_sessions_join_code UNIQUE,
        settings jsonb NOT NULL DEFAULT '{}',
        max_participants integer NOT NULL CHECK (max_participants >= 0),
        version integer NOT NULL DEFAULT 1,
        shard smallint NOT NULL,
        seq_floor bigint NOT NULL DEFAULT 0,
        legacy_id integer CONSTRAINT uq_sessions_legacy_id UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        completed_at timestamptz
    )
    """,
    """
    CREATE TABLE activities (
        id uuid PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        type varchar(50) NOT NULL,
        title varchar(500) NOT NULL,
        config jsonb NOT NULL DEFAULT '{}',
        order_index integer NOT NULL,
        state varchar(16) NOT NULL DEFAULT 'draft'
            CHECK (state IN ('draft', 'published', 'active', 'paused', 'closed', 'cancelled')),
        status activity_status NOT NULL DEFAULT 'draft',
        round smallint NOT NULL DEFAULT 1 CHECK (round >= 1),
        revealed boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 1,
        opened_at timestamptz,
        closed_at timestamptz,
        deadline_at timestamptz,
        closed_offset bigint,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE participants (
        id uuid PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        nickname varchar(50) NOT NULL,
        anonymous boolean NOT NULL DEFAULT false,
        role varchar(16) NOT NULL DEFAULT 'participant',
        is_active boolean NOT NULL DEFAULT true,
        legacy_id integer,
        joined_at timestamptz NOT NULL DEFAULT now(),
        last_seen timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE user_responses (
        id uuid PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        activity_id uuid NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
        participant_id uuid NOT NULL REFERENCES participants (id) ON DELETE CASCADE,
        response_data jsonb NOT NULL,
        round smallint NOT NULL DEFAULT 1,
        entry varchar(80) COLLATE "C" NOT NULL DEFAULT '',
        revision integer NOT NULL DEFAULT 1,
        submission_id uuid NOT NULL CONSTRAINT uq_user_responses_submission UNIQUE,
        seq bigint NOT NULL,
        epoch text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        CONSTRAINT uq_user_responses_identity UNIQUE (activity_id, participant_id, round, entry)
    )
    """,
    """
    CREATE TABLE shards (
        shard smallint PRIMARY KEY,
        epoch text NOT NULL,
        run_id text NOT NULL DEFAULT '',
        lease_owner text,
        lease_token bigint NOT NULL DEFAULT 0,
        lease_expires_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    # No foreign key and no narrow type: what nobody else takes must always find room here.
    # The digest of the payload makes a repeated flush harmless.
    """
    CREATE TABLE dead_letters (
        id bigserial PRIMARY KEY,
        digest char(64) NOT NULL CONSTRAINT uq_dead_letters_digest UNIQUE,
        kind varchar(16) NOT NULL,
        session_id uuid,
        activity_id uuid,
        submission_id text,
        seq bigint,
        epoch text,
        payload bytea NOT NULL,
        sqlstate text,
        message text,
        created_at timestamptz NOT NULL DEFAULT now(),
        retried_at timestamptz
    )
    """,
    """
    CREATE TABLE tickets (
        sha256 char(64) PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        role varchar(16) NOT NULL,
        label text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz
    )
    """,
    """
    CREATE TABLE server_keys (
        kid text PRIMARY KEY,
        secret bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        retired_at timestamptz
    )
    """,
    # No foreign key: the audit outlives what it tells about.
    """
    CREATE TABLE session_events (
        id bigserial PRIMARY KEY,
        session_id uuid NOT NULL,
        activity_id uuid,
        actor text NOT NULL,
        action text NOT NULL,
        meta jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)

# Foreign keys from user_responses to activities are served by uq_user_responses_identity, those to sessions
# by either index on session_id.
_INDEXES = (
    "CREATE INDEX idx_sessions_state ON sessions (state)",
    "CREATE INDEX idx_sessions_created_at ON sessions (created_at)",
    "CREATE INDEX idx_activities_session_order ON activities (session_id, order_index)",
    "CREATE INDEX idx_activities_status ON activities (status)",
    "CREATE INDEX idx_activities_type ON activities (type)",
    "CREATE INDEX idx_activities_config_gin ON activities USING gin (config)",
    "CREATE INDEX idx_participants_session ON participants (session_id)",
    "CREATE INDEX idx_user_responses_session_activity ON user_responses (session_id, activity_id)",
    "CREATE INDEX idx_user_responses_created_at ON user_responses (created_at)",
    "CREATE INDEX idx_user_responses_participant ON user_responses (participant_id)",
    # fastupdate off cuts the flush to a third (measured: 8,000 rows/s against 22,000).
    (
        "CREATE INDEX idx_user_responses_data_gin ON user_responses "
        "USING gin (response_data) WITH (fastupdate = on)"
    ),
    "CREATE INDEX idx_user_responses_session_seq ON user_responses (session_id, seq)",
    "CREATE INDEX idx_dead_letters_session ON dead_letters (session_id)",
    "CREATE INDEX idx_tickets_session ON tickets (session_id)",
    "CREATE INDEX idx_session_events_session_created ON session_events (session_id, created_at)",
    "CREATE INDEX idx_session_events_actor_action ON session_events (actor, action)",
)


def upgrade() -> None:
    """Create types, tables (parents first), indexes and triggers."""
    for statement in (*_TYPES_AND_FUNCTIONS, *_TABLES, *_INDEXES):
        op.execute(statement)
    for table in _DATED_TABLES:
        op.execute(
            f"CREATE TRIGGER touch_updated_at BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
        )
    op.execute(
        "CREATE TRIGGER derive_activity_status BEFORE INSERT OR UPDATE ON activities "
        "FOR EACH ROW EXECUTE FUNCTION derive_activity_status()"
    )


def downgrade() -> None:
    """Drop everything again, children first; indexes and triggers go with their tables."""
    for table in (
        "session_events",
        "server_keys",
        "tickets",
        "dead_letters",
        "shards",
        "user_responses",
        "participants",
        "activities",
        "sessions",
    ):
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION derive_activity_status()")
    op.execute("DROP FUNCTION touch_updated_at()")
    op.execute("DROP TYPE activity_status")
