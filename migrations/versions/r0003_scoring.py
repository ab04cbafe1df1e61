"""Points: the ledger, what is scored already, teams; and the check of table templates."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = (
    # scored_version, scored_decisions: the versions whose points are in the ledger; scored_version is below 0 where
    # it has to be marked again. scored_seq: the highest seq that was marked. key_pending: the live counters still
    # follow an older key.
    "ALTER TABLE activities ADD COLUMN scored_version integer",
    "ALTER TABLE activities ADD COLUMN scored_decisions integer",
    "ALTER TABLE activities ADD COLUMN scored_seq bigint NOT NULL DEFAULT 0",
    "ALTER TABLE activities ADD COLUMN key_pending boolean NOT NULL DEFAULT false",
    "ALTER TABLE participants ADD COLUMN team varchar(40)",
)

_TABLES = (
    # Rows are only ever added: a change of mind is a further row with the difference.
    """
    CREATE TABLE points_ledger (
        id bigserial PRIMARY KEY,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        participant_id uuid NOT NULL REFERENCES participants (id) ON DELETE CASCADE,
        activity_id uuid NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
        round smallint NOT NULL,
        reason varchar(32) NOT NULL,
        correction integer NOT NULL DEFAULT 0 CHECK (correction >= 0),
        delta integer NOT NULL,
        meta jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_points_ledger_entry UNIQUE (activity_id, participant_id, round, reason, correction)
    )
    """,
    """
    CREATE TABLE scored_rounds (
        activity_id uuid NOT NULL REFERENCES activities (id) ON DELETE CASCADE,
        round smallint NOT NULL,
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        closed_at timestamptz NOT NULL,
        inputs text NOT NULL,
        scored_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (activity_id, round)
    )
    """,
)

_FUNCTIONS = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: add a row with the difference', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    # What is wrong with a cell of a table with so many rows and columns, NULL where nothing is. Never raises.
    """
    CREATE FUNCTION table_cell_error(cell jsonb, row_count numeric, column_count numeric) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        kind text;
    BEGIN
        IF jsonb_typeof(cell) IS DISTINCT FROM 'object' THEN RETURN 'a cell is not an object'; END IF;
        IF jsonb_typeof(cell -> 'rowIndex') IS DISTINCT FROM 'number'
           OR jsonb_typeof(cell -> 'colIndex') IS DISTINCT FROM 'number' THEN
            RETURN 'a cell lacks rowIndex or colIndex';
        END IF;
        IF (cell ->> 'rowIndex')::numeric NOT BETWEEN 0 AND row_count - 1
           OR (cell ->> 'colIndex')::numeric NOT BETWEEN 0 AND column_count - 1
           OR (cell ->> 'rowIndex')::numeric % 1 <> 0 OR (cell ->> 'colIndex')::numeric % 1 <> 0 THEN
            RETURN 'a cell lies outside the table';
        END IF;
        kind := cell ->> 'cellType';
        IF kind IS NULL OR kind NOT IN ('locked', 'editable') THEN RETURN 'cellType is neither locked nor editable'; END IF;
        IF kind = 'locked' THEN RETURN NULL; END IF;
        IF cell ? 'marks' AND (jsonb_typeof(cell -> 'marks') <> 'number' OR (cell ->> 'marks')::numeric <= 0) THEN
            RETURN 'an editable cell has no marks above 0';
        END IF;
        IF coalesce(cell -> 'ungraded', 'false') <> 'true' AND coalesce(trim(cell ->> 'expectedAnswer'), '') = '' THEN
            RETURN 'an editable cell lacks its expectedAnswer';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION table_template_errors(template jsonb) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        errors text[] := '{}';
        row_count numeric;
        column_count numeric;
    BEGIN
        IF jsonb_typeof(template) IS DISTINCT FROM 'object' THEN RETURN ARRAY['the template is not an object']; END IF;
        IF jsonb_typeof(template -> 'rows') IS DISTINCT FROM 'number' THEN errors := errors || 'rows is not a number'::text; END IF;
        IF jsonb_typeof(template -> 'columns') IS DISTINCT FROM 'number' THEN
            errors := errors || 'columns is not a number'::text;
        END IF;
        IF jsonb_typeof(template -> 'headers') IS DISTINCT FROM 'array' THEN
            errors := errors || 'headers is not a list'::text;
        END IF;
        IF jsonb_typeof(template -> 'cells') IS DISTINCT FROM 'array' THEN errors := errors || 'cells is not a list'::text; END IF;
        IF cardinality(errors) > 0 THEN RETURN errors; END IF;
        row_count := (template ->> 'rows')::numeric;
        column_count := (template ->> 'columns')::numeric;
        IF row_count NOT BETWEEN 2 AND 50 OR row_count % 1 <> 0 THEN
            errors := errors || 'rows is not within 2 and 50'::text;
        END IF;
        IF column_count NOT BETWEEN 2 AND 20 OR column_count % 1 <> 0 THEN
            errors := errors || 'columns is not within 2 and 20'::text;
        END IF;
        IF jsonb_array_length(template -> 'headers') <> column_count THEN
            errors := errors || 'there is not one header for each column'::text;
        END IF;
        IF jsonb_array_length(template -> 'cells') = 0 THEN RETURN errors || 'there are no cells'::text; END IF;
        errors := errors || coalesce((
            SELECT array_agg(DISTINCT error) FROM (
                SELECT table_cell_error(cell, row_count, column_count) AS error
                FROM jsonb_array_elements(template -> 'cells') AS cells (cell)
            ) AS judged WHERE error IS NOT NULL
        ), '{}');
        IF (SELECT count(*) <> count(DISTINCT (cell -> 'rowIndex', cell -> 'colIndex'))
            FROM jsonb_array_elements(template -> 'cells') AS cells (cell)) THEN
            errors := errors || 'a position has two cells'::text;
        END IF;
        IF NOT template @> '{"cells": [{"cellType": "editable"}]}' THEN errors := errors || 'no cell is editable'::text; END IF;
        RETURN errors;
    END $$
    """,
    """
    CREATE FUNCTION is_valid_table_template(template jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT cardinality(table_template_errors(template)) = 0 $$
    """,
    # Counts templates with errors too: rows older than the check may have some.
    """
    CREATE FUNCTION table_template_statistics(
        OUT total_templates bigint, OUT with_content bigint, OUT average_cells numeric, OUT average_editable_cells numeric,
        OUT average_rows numeric, OUT average_columns numeric, OUT with_errors bigint
    ) LANGUAGE sql STABLE AS $$
        WITH templates AS (
            SELECT config -> 'settings' AS template FROM activities WHERE type = 'table_completion'
        ), judged AS (
            SELECT template, is_valid_table_template(template) AS is_valid,
                   CASE WHEN jsonb_typeof(template -> 'cells') = 'array' THEN template -> 'cells' ELSE '[]' END AS cells
            FROM templates
        )
        SELECT count(*),
               count(*) FILTER (WHERE jsonb_array_length(cells) > 0),
               round(avg(jsonb_array_length(cells)), 2),
               round(avg((SELECT count(*) FROM jsonb_array_elements(cells) AS one (cell)
                          WHERE cell ->> 'cellType' = 'editable')), 2),
               round(avg((template ->> 'rows')::numeric) FILTER (WHERE is_valid), 2),
               round(avg((template ->> 'columns')::numeric) FILTER (WHERE is_valid), 2),
               count(*) FILTER (WHERE NOT is_valid)
        FROM judged
    $$
    """,
)

_INDEXES = (
    "CREATE INDEX idx_points_ledger_session_participant ON points_ledger (session_id, participant_id)",
    "CREATE INDEX idx_points_ledger_participant ON points_ledger (participant_id)",
    "CREATE INDEX idx_scored_rounds_session ON scored_rounds (session_id)",
    # Both are as small as what there is to do.
    """
    CREATE INDEX idx_activities_to_score ON activities (session_id)
    WHERE state IN ('closed', 'cancelled') AND (scored_version, scored_decisions) IS DISTINCT FROM (version, decisions_version)
          AND (coalesce(config #>> '{scoring,mode}', 'none') <> 'none' OR scored_version IS NOT NULL)
    """,
    "CREATE INDEX idx_activities_key_pending ON activities (session_id) WHERE key_pending",
    """
    CREATE INDEX idx_activities_table_template ON activities USING gin ((config -> 'settings') jsonb_path_ops)
    WHERE type = 'table_completion'
    """,
    "CREATE INDEX idx_activities_table_type ON activities (type, session_id) WHERE type = 'table_completion'",
)

_CHECK = "type <> 'table_completion' OR is_valid_table_template(config -> 'settings')"


def upgrade() -> None:
    """Add columns, tables, functions and indexes; the check is added before it is validated, so that writers go on."""
    for statement in (*_COLUMNS, *_TABLES, *_FUNCTIONS, *_INDEXES):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE ON points_ledger FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"ALTER TABLE activities ADD CONSTRAINT ck_activities_table_template CHECK ({_CHECK}) NOT VALID")
    op.execute("ALTER TABLE activities VALIDATE CONSTRAINT ck_activities_table_template")


def downgrade() -> None:
    """Take everything back; the points are lost."""
    op.execute("ALTER TABLE activities DROP CONSTRAINT ck_activities_table_template")
    op.execute("DROP TABLE scored_rounds")
    op.execute("DROP TABLE points_ledger")
    for index in ("to_score", "key_pending", "table_template", "table_type"):
        op.execute(f"DROP INDEX idx_activities_{index}")
    for function in (
        "table_template_statistics()",
        "is_valid_table_template(jsonb)",
        "table_template_errors(jsonb)",
        "table_cell_error(jsonb, numeric, numeric)",
        "refuse_change()",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("ALTER TABLE participants DROP COLUMN team")
    for column in ("scored_version", "scored_decisions", "scored_seq", "key_pending"):
        op.execute(f"ALTER TABLE activities DROP COLUMN {column}")
