-- Every statement of the traffic. A `-- name:` line, one line of purpose, then one statement.
-- JSON goes in and out as text, ids as uuid; times are timestamptz.
-- An update takes the version its caller has seen (or NULL for "any") and finds no row when it lost the race.

-- name: read_server_settings
-- What decides whether a commit can be trusted.
SELECT current_setting('server_version') AS server_version,
       current_setting('server_version_num')::int AS server_version_num,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('full_page_writes') AS full_page_writes;

-- name: has_revision_table
-- Whether Alembic has ever run here.
SELECT to_regclass('alembic_version') IS NOT NULL;

-- name: read_revision
-- The schema revision that the database is at.
SELECT version_num FROM alembic_version;

-- name: try_migration_lock
-- Take the lock that lets one process migrate; never waits, as a waiting statement would block CONCURRENTLY.
SELECT pg_try_advisory_lock($1::bigint);

-- name: release_migration_lock
-- Give the migration lock back.
SELECT pg_advisory_unlock($1::bigint);

-- name: lock_for_transaction
-- Let one transaction at a time decide something that no row can be locked for.
SELECT pg_advisory_xact_lock($1::bigint);

-- name: lock_for_connection
-- Let one connection at a time do something that takes several transactions.
SELECT pg_advisory_lock($1::bigint);

-- name: unlock_for_connection
-- Give back what lock_for_connection took.
SELECT pg_advisory_unlock($1::bigint);

-- name: create_session
-- Store a new session.
INSERT INTO sessions (id, title, description, state, join_code, settings, max_participants, shard, legacy_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING *;

-- name: read_session
-- One session by its id.
SELECT * FROM sessions WHERE id = $1;

-- name: read_session_by_code
-- One session by its join code.
SELECT * FROM sessions WHERE join_code = $1;

-- name: read_session_by_legacy_id
-- One imported session by the id it had before.
SELECT * FROM sessions WHERE legacy_id = $1;

-- name: list_sessions
-- A page of sessions, newest first, of one state or of all.
SELECT * FROM sessions WHERE $1::text IS NULL OR state = $1
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3;

-- name: count_sessions
-- How many sessions there are, of one state or of all.
SELECT count(*) FROM sessions WHERE $1::text IS NULL OR state = $1;

-- name: update_session
-- Change what is given (NULL keeps a column).
UPDATE sessions
SET title = coalesce($3, title),
    description = coalesce($4, description),
    settings = coalesce($5, settings),
    max_participants = coalesce($6, max_participants),
    version = version + 1
WHERE id = $1 AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: set_session_state
-- Start, complete or reset a session, with the times that follow from it.
UPDATE sessions
SET state = $3::varchar,
    started_at = CASE WHEN $3 = 'active' THEN coalesce(started_at, now()) ELSE started_at END,
    completed_at = CASE WHEN $3 = 'completed' THEN now() END,
    version = version + 1
WHERE id = $1 AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: delete_session
-- Delete a session with everything that belongs to it.
DELETE FROM sessions WHERE id = $1;

-- name: create_activity
-- Store a new activity, after the last one unless a place is given.
INSERT INTO activities (id, session_id, type, title, config, order_index, state, unpublished_since)
VALUES ($1, $2, $3, $4, $5,
        coalesce($6::int, (SELECT max(order_index) + 1 FROM activities WHERE session_id = $2), 0), $7, now())
RETURNING *;

-- name: read_activity
-- One activity by its id.
SELECT * FROM activities WHERE id = $1;

-- name: list_activities_of_session
-- All activities of a session in their order, at most $2.
SELECT * FROM activities WHERE session_id = $1 ORDER BY order_index, id LIMIT $2;

-- name: list_activities
-- A page of a session's activities in their order, of one state or of all.
SELECT * FROM activities WHERE session_id = $1 AND ($2::text IS NULL OR state = $2)
ORDER BY order_index, id LIMIT $3 OFFSET $4;

-- name: count_activities
-- How many activities a session has, of one state or of all.
SELECT count(*) FROM activities WHERE session_id = $1 AND ($2::text IS NULL OR state = $2);

-- name: update_activity
-- Change what is given (NULL keeps a column); the state changes by move_activity only.
UPDATE activities
SET title = coalesce($3, title),
    config = coalesce($4, config),
    order_index = coalesce($5, order_index),
    unpublished_since = now(),
    version = version + 1
WHERE id = $1 AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: move_activity
-- Put an activity into a state, with the times that follow from it; reopening forgets where it was closed.
UPDATE activities
SET state = $3::varchar,
    round = $4::smallint,
    revealed = $5,
    deadline_at = $6,
    opened_at = CASE WHEN $3 = 'active' AND (state NOT IN ('active', 'paused') OR round <> $4::smallint) THEN now()
                     ELSE opened_at END,
    closed_at = CASE WHEN $3 NOT IN ('closed', 'cancelled') THEN NULL
                     WHEN state = $3 THEN closed_at
                     ELSE now() END,
    closed_offset = CASE WHEN $3 IN ('closed', 'cancelled') THEN closed_offset END,
    unpublished_since = now(),
    version = version + 1
WHERE id = $1 AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: open_activity
-- Begin a round, or go on with one that was closed: reading first ($5 ms), then answering ($6 ms; NULL: no end).
UPDATE activities
SET state = 'active',
    round = $3::smallint,
    revealed = $4,
    opened_at = now(),
    answers_from = now() + $5::int * interval '1 millisecond',
    deadline_at = now() + ($5::int + $6::bigint) * interval '1 millisecond',
    paused_at = NULL,
    closed_at = NULL,
    closed_offset = NULL,
    decisions_version = decisions_version + (round <> $3::smallint)::int,
    unpublished_since = now(),
    version = version + 1
WHERE id = $1 AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: pause_activity
-- Stop the clock of an open activity.
UPDATE activities
SET state = 'paused', paused_at = now(), unpublished_since = now(), version = version + 1
WHERE id = $1 AND state = 'active' AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: resume_activity
-- Let the clock of a paused activity run on; its times move by the pause.
UPDATE activities
SET state = 'active',
    answers_from = answers_from + (now() - paused_at),
    deadline_at = deadline_at + (now() - paused_at),
    paused_at = NULL,
    unpublished_since = now(),
    version = version + 1
WHERE id = $1 AND state = 'paused' AND ($2::int IS NULL OR version = $2)
RETURNING *;

-- name: list_due_activities
-- Open activities whose time is over for everybody: late grace and the longest extra time of the session included.
SELECT * FROM activities
WHERE state = 'active' AND deadline_at <= now()
  AND deadline_at + coalesce((config -> 'constraints' ->> 'grace_ms')::int, 2000) * interval '1 millisecond'
      + (deadline_at - coalesce(answers_from, opened_at, deadline_at))
        * (coalesce((SELECT max(extra_time_percent) FROM participants
                     WHERE session_id = activities.session_id AND extra_time_percent > 0 AND is_active), 0) / 100.0)
      <= now()
ORDER BY deadline_at LIMIT $1;

-- name: list_unpublished_activities
-- What was changed a while ago and never reached the live store.
SELECT id::text AS id, session_id::text AS session_id FROM activities
WHERE unpublished_since < now() - make_interval(secs => $2::double precision)
ORDER BY unpublished_since LIMIT $1;

-- name: note_activity_published
-- The live store has this version of an activity and of its decisions.
UPDATE activities SET unpublished_since = NULL
WHERE id = $1 AND version = $2 AND decisions_version = $3 AND unpublished_since IS NOT NULL;

-- name: lock_activity
-- One activity, kept from other deciders until the transaction ends; answers may still refer to it.
SELECT * FROM activities WHERE id = $1 FOR NO KEY UPDATE;

-- name: list_activities_left_open
-- Activities that still take answers though their session was ended a while ago, in any order: one that stays has no precedence.
SELECT activities.* FROM activities JOIN sessions ON sessions.id = session_id
WHERE activities.status = 'active' AND sessions.state = 'completed'
      AND completed_at < now() - make_interval(secs => $2::double precision)
ORDER BY random() LIMIT $1;

-- name: note_unpublished
-- Something was changed, and what of it is present when this is committed is to reach the live store.
INSERT INTO unpublished (session_id, kind, subject) VALUES ($1, $2, $3)
ON CONFLICT (session_id, kind, subject) DO UPDATE SET id = excluded.id, since = excluded.since
RETURNING session_id, kind, subject, id;

-- name: list_unpublished
-- What should have reached the live store a while ago, in any order: what cannot be published has no precedence.
SELECT session_id, kind, subject, id FROM unpublished
WHERE since < now() - make_interval(secs => $2::double precision) ORDER BY random() LIMIT $1;

-- name: forget_unpublished
-- The live store has it, unless it was changed once more.
DELETE FROM unpublished WHERE session_id = $1 AND kind = $2 AND subject = $3 AND id = $4;

-- name: list_decisions_of_round
-- What was decided about one round of an activity.
SELECT key, value FROM activity_decisions WHERE activity_id = $1 AND round = $2 ORDER BY key;

-- name: list_decisions_of_session
-- What was decided about all activities of a session.
SELECT activity_id::text AS activity_id, activity_decisions.round AS round, key, value
FROM activity_decisions JOIN activities ON activities.id = activity_id WHERE session_id = $1;

-- name: put_decisions
-- Decide, or decide anew.
INSERT INTO activity_decisions (activity_id, round, key, value, actor)
SELECT $1::uuid, $2::smallint, key, value::jsonb, $5::text FROM unnest($3::text[], $4::text[]) AS given (key, value)
ON CONFLICT (activity_id, round, key) DO UPDATE SET value = excluded.value, actor = excluded.actor;

-- name: delete_decisions
-- Take decisions back.
DELETE FROM activity_decisions WHERE activity_id = $1 AND round = $2 AND key = ANY($3::text[]);

-- name: note_decided
-- The decisions of an activity have changed.
UPDATE activities SET decisions_version = decisions_version + 1, unpublished_since = now()
WHERE id = $1 RETURNING *;

-- name: note_closed_offset
-- Remember the offset at which the live store closed an activity.
UPDATE activities SET closed_offset = $2
WHERE id = $1 AND state IN ('closed', 'cancelled')
RETURNING *;

-- name: delete_activity
-- Delete an activity with its responses, keeping their highest seq as the session's floor.
WITH gone AS (
    DELETE FROM activities WHERE id = $1 RETURNING id, session_id
), floor AS (
    UPDATE sessions
    SET seq_floor = greatest(seq_floor, coalesce((SELECT max(seq) FROM user_responses WHERE activity_id = $1), 0))
    FROM gone WHERE sessions.id = gone.session_id
)
SELECT count(*) FROM gone;

-- name: create_participant
-- Store a participant who did not come through the outbox (an import).
INSERT INTO participants (id, session_id, nickname, anonymous, role, legacy_id)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *;

-- name: read_participant
-- One participant by id.
SELECT * FROM participants WHERE id = $1;

-- name: list_participants
-- A page of a session's participants in the order they joined, all or only those who were not removed.
SELECT * FROM participants WHERE session_id = $1 AND (is_active OR NOT $2)
ORDER BY id LIMIT $3 OFFSET $4;

-- name: count_participants
-- How many participants a session has, all or only those who were not removed.
SELECT count(*) FROM participants WHERE session_id = $1 AND (is_active OR NOT $2);

-- name: set_participant_inactive
-- Remove a participant from the session.
UPDATE participants SET is_active = false WHERE id = $1 RETURNING *;

-- name: set_extra_time
-- Give a participant more time than others, in percent of the time to answer.
UPDATE participants SET extra_time_percent = $2 WHERE id = $1 RETURNING *;

-- name: lock_participant
-- One participant, kept from other writers until the transaction ends.
SELECT * FROM participants WHERE id = $1 FOR NO KEY UPDATE;

-- name: touch_participants
-- Note when participants were last seen; never goes back.
UPDATE participants SET last_seen = seen.at
FROM unnest($1::uuid[], $2::timestamptz[]) AS seen (id, at)
WHERE participants.id = seen.id AND last_seen < seen.at;

-- name: delete_participant
-- Delete a participant with their responses, keeping their highest seq as the session's floor.
WITH gone AS (
    DELETE FROM participants WHERE id = $1 RETURNING id, session_id
), floor AS (
    UPDATE sessions
    SET seq_floor = greatest(seq_floor, coalesce((SELECT max(seq) FROM user_responses WHERE participant_id = $1), 0))
    FROM gone WHERE sessions.id = gone.session_id
)
SELECT count(*) FROM gone;

-- name: read_response
-- One response by its id, also a withdrawn one.
SELECT * FROM user_responses WHERE id = $1;

-- name: list_newest_responses
-- A page of an activity's responses, newest first, without the withdrawn ones.
SELECT * FROM user_responses WHERE activity_id = $1 AND deleted_at IS NULL
ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3;

-- name: summarize_responses
-- The summary of a whole activity, without the withdrawn responses.
SELECT count(*) AS total_responses, count(DISTINCT participant_id) AS unique_participants,
       max(updated_at) AS last_updated
FROM user_responses WHERE activity_id = $1 AND deleted_at IS NULL;

-- name: list_responses_of_participant
-- A participant's responses, in one activity or in all, without the withdrawn ones.
SELECT * FROM user_responses
WHERE participant_id = $1 AND ($2::uuid IS NULL OR activity_id = $2) AND deleted_at IS NULL
ORDER BY seq LIMIT $3;

-- name: list_responses_since_seq
-- What was new, changed or withdrawn in a session after a seq, in that order.
SELECT * FROM user_responses WHERE session_id = $1 AND seq > $2 ORDER BY seq LIMIT $3;

-- name: list_activity_responses_since_seq
-- What was new, changed or withdrawn in one activity after a seq, in that order.
SELECT * FROM user_responses WHERE session_id = $1 AND activity_id = $2 AND seq > $3 ORDER BY seq LIMIT $4;

-- name: list_responses_since_time
-- What was saved in one activity at or after a time, after a seq (the page's cursor), in the order of seq.
SELECT * FROM user_responses
WHERE session_id = $1 AND activity_id = $2 AND updated_at >= $3 AND seq > $4 ORDER BY seq LIMIT $5;

-- name: list_responses_containing
-- An activity's responses whose stored JSON contains a document, without the withdrawn ones.
SELECT * FROM user_responses
WHERE session_id = $1 AND activity_id = $2 AND response_data @> $3::jsonb AND deleted_at IS NULL
ORDER BY seq LIMIT $4;

-- name: stream_responses
-- Every response of a session, also the withdrawn ones, for a rebuild or an export.
SELECT * FROM user_responses WHERE session_id = $1 ORDER BY seq;

-- name: read_max_seq
-- The highest seq that a session has ever saved or set aside, deleted rows included.
SELECT greatest((SELECT max(seq) FROM user_responses WHERE session_id = $1),
                (SELECT max(seq) FROM dead_letters WHERE session_id = $1),
                (SELECT seq_floor FROM sessions WHERE id = $1), 0);

-- name: count_responses_by_activity
-- The recount: per activity and round what is stored, what was withdrawn, and by how many people.
SELECT activity_id::text AS activity_id, round,
       count(*) FILTER (WHERE deleted_at IS NULL) AS responses,
       count(*) FILTER (WHERE deleted_at IS NOT NULL) AS withdrawn,
       count(DISTINCT participant_id) FILTER (WHERE deleted_at IS NULL) AS participants
FROM user_responses WHERE session_id = $1
GROUP BY activity_id, round ORDER BY activity_id, round;

-- name: count_duplicate_responses
-- How many responses of a session are stored more than once, by their identity or their submission id.
SELECT coalesce((SELECT sum(copies - 1) FROM (
           SELECT count(*) AS copies FROM user_responses WHERE session_id = $1
           GROUP BY activity_id, participant_id, round, entry) AS by_identity), 0)::bigint
     + coalesce((SELECT sum(copies - 1) FROM (
           SELECT count(*) AS copies FROM user_responses WHERE session_id = $1
           GROUP BY submission_id) AS by_submission), 0)::bigint;

-- name: fence_shard
-- Read a shard's epoch and lease, and keep both from changing until this transaction ends.
SELECT epoch, lease_token FROM shards WHERE shard = $1 FOR SHARE;

-- name: save_joins
-- Store the participants of a batch who are not stored yet.
INSERT INTO participants (id, session_id, nickname, anonymous, joined_at, last_seen, created_at)
SELECT id, session_id, nickname, anonymous, joined, joined, joined
FROM (
    SELECT id, session_id, nickname, anonymous, to_timestamp(joined_at_ms / 1000.0) AS joined
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bool[], $5::bigint[])
         AS b (id, session_id, nickname, anonymous, joined_at_ms)
) AS batch
ON CONFLICT (id) DO NOTHING;

-- name: save_responses
-- Store the responses of a batch; of a response already stored the higher revision stays. The constraint is named, because
-- in a partitioned table it has one column more.
INSERT INTO user_responses AS stored
    (id, session_id, activity_id, participant_id, response_data, round, entry, revision, submission_id,
     seq, epoch, created_at, deleted_at)
SELECT id, session_id, activity_id, participant_id, response_data::jsonb, round, entry, revision, submission_id,
       seq, epoch, to_timestamp(created_at_ms / 1000.0), to_timestamp(deleted_at_ms / 1000.0)
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::smallint[], $7::text[], $8::int[],
            $9::uuid[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[])
     AS batch (id, session_id, activity_id, participant_id, response_data, round, entry, revision,
               submission_id, seq, epoch, created_at_ms, deleted_at_ms)
ON CONFLICT ON CONSTRAINT uq_user_responses_identity DO UPDATE
SET response_data = excluded.response_data,
    revision = excluded.revision,
    submission_id = excluded.submission_id,
    seq = excluded.seq,
    epoch = excluded.epoch,
    deleted_at = excluded.deleted_at
WHERE (excluded.revision, excluded.submission_id) > (stored.revision, stored.submission_id);

-- name: add_dead_letter
-- Set aside what PostgreSQL refuses; a repeated flush adds it only once.
INSERT INTO dead_letters (digest, kind, session_id, activity_id, submission_id, seq, epoch, payload, sqlstate, message)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (digest) DO NOTHING;

-- name: list_dead_letters
-- A page of dead letters after an id, oldest first, all or only those not yet retried with success.
SELECT * FROM dead_letters WHERE id > $1 AND (retried_at IS NULL OR NOT $2) ORDER BY id LIMIT $3;

-- name: list_dead_letters_of_session
-- What waits to be retried of one session.
SELECT payload FROM dead_letters WHERE session_id = $1 AND retried_at IS NULL ORDER BY id LIMIT $2;

-- name: count_dead_letters
-- How many dead letters wait, of one session or of all.
SELECT count(*) FROM dead_letters WHERE retried_at IS NULL AND ($1::uuid IS NULL OR session_id = $1);

-- name: read_dead_letter
-- One dead letter by its id.
SELECT * FROM dead_letters WHERE id = $1;

-- name: note_dead_letter_retried
-- A dead letter has found its place after all.
UPDATE dead_letters SET retried_at = now() WHERE id = $1 RETURNING *;

-- name: delete_dead_letter
-- Throw a dead letter away.
DELETE FROM dead_letters WHERE id = $1;

-- name: count_shards
-- With how many shards the store was made.
SELECT count(*) FROM shards;

-- name: create_shards
-- Make all shards of a new store.
INSERT INTO shards (shard, epoch) SELECT shard, epoch FROM unnest($1::smallint[], $2::text[]) AS made (shard, epoch);

-- name: list_shards
-- Every shard with its epoch and lease.
SELECT * FROM shards ORDER BY shard;

-- name: read_shard
-- One shard with its epoch and lease.
SELECT * FROM shards WHERE shard = $1;

-- name: renew_epoch
-- Begin a new epoch of a shard, if it is still in the one that the caller has seen; waits for flushes under way.
UPDATE shards SET epoch = $2, run_id = $3 WHERE shard = $1 AND ($4::text IS NULL OR epoch = $4) RETURNING *;

-- name: note_run_id
-- Remember under which Redis run a shard's epoch goes on.
UPDATE shards SET run_id = $2 WHERE shard = $1 AND epoch = $3 RETURNING *;

-- name: acquire_lease
-- Take a shard that nobody holds, whose lease ran out, or that the caller held before; the new token fences others.
UPDATE shards
SET lease_owner = $2, lease_token = lease_token + 1,
    lease_expires_at = clock_timestamp() + make_interval(secs => $3::double precision)
WHERE shard = $1 AND (lease_owner IS NULL OR lease_owner = $2 OR lease_expires_at < clock_timestamp())
RETURNING lease_token;

-- name: seize_lease
-- Take a shard whoever holds it; only recovery may, after it began a new epoch.
UPDATE shards
SET lease_owner = $2, lease_token = lease_token + 1,
    lease_expires_at = clock_timestamp() + make_interval(secs => $3::double precision)
WHERE shard = $1
RETURNING lease_token;

-- name: renew_lease
-- Prolong a lease that nobody has taken over.
UPDATE shards SET lease_expires_at = clock_timestamp() + make_interval(secs => $3::double precision)
WHERE shard = $1 AND lease_token = $2 AND lease_owner IS NOT NULL
RETURNING lease_token;

-- name: release_lease
-- Give a lease back, unless somebody else has it; the raised token fences what the holder left under way.
UPDATE shards SET lease_owner = NULL, lease_expires_at = NULL, lease_token = lease_token + 1
WHERE shard = $1 AND lease_token = $2 AND lease_owner IS NOT NULL
RETURNING lease_token;

-- name: create_ticket
-- Store the hash of a ticket that was handed out.
INSERT INTO tickets (sha256, session_id, role, label) VALUES ($1, $2, $3, $4) RETURNING *;

-- name: read_ticket
-- A ticket by its hash, unless it was revoked.
SELECT * FROM tickets WHERE sha256 = $1 AND revoked_at IS NULL;

-- name: list_tickets
-- A session's tickets, oldest first, also the revoked ones.
SELECT * FROM tickets WHERE session_id = $1 ORDER BY created_at, sha256 LIMIT $2;

-- name: revoke_ticket
-- Make a ticket worthless from now on.
UPDATE tickets SET revoked_at = now() WHERE sha256 = $1 AND revoked_at IS NULL RETURNING *;

-- name: grant_ticket
-- Store the hash of what a user shows anyway, or give him another role.
INSERT INTO tickets (sha256, session_id, role, label) VALUES ($1, $2, $3, $4)
ON CONFLICT (sha256) DO UPDATE SET role = excluded.role, label = excluded.label, created_at = now(), revoked_at = NULL
RETURNING *;

-- name: lock_ticket
-- A ticket by its hash, also a revoked one, which nobody else changes before the transaction ends.
SELECT * FROM tickets WHERE sha256 = $1 FOR NO KEY UPDATE;

-- name: add_server_key
-- Add a signing key to the ring.
INSERT INTO server_keys (kid, secret) VALUES ($1, $2) RETURNING *;

-- name: list_server_keys
-- The keys that still count, the one to sign with first.
SELECT * FROM server_keys WHERE retired_at IS NULL ORDER BY created_at DESC, kid DESC;

-- name: retire_server_key
-- Let nothing signed with a key count any more.
UPDATE server_keys SET retired_at = now() WHERE kid = $1 AND retired_at IS NULL RETURNING *;

-- name: record_event
-- Write one line of the audit.
INSERT INTO session_events (session_id, activity_id, actor, action, meta) VALUES ($1, $2, $3, $4, $5) RETURNING *;

-- name: list_events_of_session
-- A session's audit after an id, oldest first.
SELECT * FROM session_events WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: list_events_of_actor
-- What one actor did, of one action or of all, newest first.
SELECT * FROM session_events WHERE actor = $1 AND ($2::text IS NULL OR action = $2) ORDER BY id DESC LIMIT $3;

-- name: list_activities_to_score
-- Closed or cancelled activities whose points are not in the ledger as they should be, of one session or of all.
SELECT id::text AS activity_id, session_id::text AS session_id, scored_version FROM activities
WHERE state IN ('closed', 'cancelled') AND (scored_version, scored_decisions) IS DISTINCT FROM (version, decisions_version)
      AND (coalesce(config #>> '{scoring,mode}', 'none') <> 'none' OR scored_version IS NOT NULL)
      AND ($1::uuid IS NULL OR session_id = $1)
ORDER BY random() LIMIT $2;

-- name: note_scored
-- The ledger holds the points of this version, unless it was changed or sent back meanwhile.
UPDATE activities SET scored_version = $2, scored_seq = greatest(scored_seq, $4), scored_decisions = $5
WHERE id = $1 AND version = $2 AND scored_version IS NOT DISTINCT FROM $3::int
RETURNING id;

-- name: request_remark
-- Send an activity back to be marked again; every request differs from the one before, so that none is lost.
UPDATE activities SET scored_version = least(coalesce(scored_version, 0), 0) - 1 WHERE id = $1 AND session_id = $2 RETURNING id;

-- name: request_remark_of_late
-- Send back the activities of a session that got responses (by receipt, say) after they were marked.
UPDATE activities SET scored_version = least(coalesce(scored_version, 0), 0) - 1
WHERE session_id = $1 AND state = 'closed' AND scored_version = version
      AND EXISTS (SELECT FROM user_responses
                  WHERE user_responses.session_id = $1 AND seq > greatest($2, activities.scored_seq)
                        AND activity_id = activities.id)
RETURNING id::text AS id;

-- name: list_scored_rounds
-- The rounds of a session whose points are in the ledger.
SELECT activity_id::text AS activity_id, round, closed_at, inputs FROM scored_rounds WHERE session_id = $1;

-- name: note_scored_round
-- Remember when a round was closed and from what its points came.
INSERT INTO scored_rounds (activity_id, round, session_id, closed_at, inputs) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (activity_id, round) DO UPDATE
SET closed_at = excluded.closed_at, inputs = excluded.inputs, scored_at = now();

-- name: forget_scored_rounds
-- A cancelled activity no longer scores.
DELETE FROM scored_rounds WHERE activity_id = $1;

-- name: read_max_seq_of_activity
-- The highest seq among an activity's responses.
SELECT coalesce(max(seq), 0) FROM user_responses WHERE activity_id = $1;

-- name: list_participant_ids
-- A page of a session's participants by id.
SELECT id::text AS id FROM participants WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: list_nicknames
-- The names of some participants.
SELECT id::text AS id, nickname FROM participants WHERE id = ANY ($1::uuid[]);

-- name: list_responses_to_mark
-- What some participants answered in an activity, in the order accepted.
SELECT participant_id::text AS participant_id, round, seq, response_data FROM user_responses
WHERE activity_id = $1 AND participant_id = ANY ($2::uuid[]) AND deleted_at IS NULL ORDER BY seq;

-- name: list_responses_to_review
-- A page of a round's responses by id: who answered has no part in the paging, so it tells nobody.
SELECT id::text AS id, participant_id::text AS participant_id, round, seq, response_data FROM user_responses
WHERE activity_id = $1 AND round = $2 AND deleted_at IS NULL AND id > $3 ORDER BY id LIMIT $4;

-- name: append_ledger
-- Add rows to the ledger; a row that is there already stays as it is.
INSERT INTO points_ledger (session_id, participant_id, activity_id, round, reason, correction, delta, meta)
SELECT $1, participant_id, activity_id, round, reason, correction, delta, meta::jsonb
FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::int[], $7::int[], $8::text[])
     AS added (participant_id, activity_id, round, reason, correction, delta, meta)
ON CONFLICT (activity_id, participant_id, round, reason, correction) DO NOTHING;

-- name: list_ledger_sums
-- What the ledger says of some participants, per activity and round: points, number of rows, the last row's meta.
SELECT participant_id::text AS participant_id, activity_id::text AS activity_id, round, sum(delta)::int AS points,
       count(*)::int AS entries, (array_agg(meta ORDER BY correction DESC))[1] AS meta
FROM points_ledger
WHERE session_id = $1 AND participant_id = ANY ($2::uuid[]) AND activity_id = ANY ($3::uuid[]) AND reason = $4
GROUP BY participant_id, activity_id, round;

-- name: list_ledger_of_participant
-- A participant's ledger, oldest row first.
SELECT * FROM points_ledger WHERE participant_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: read_balance
-- A participant's points.
SELECT coalesce(sum(delta), 0)::bigint FROM points_ledger WHERE participant_id = $1;

-- name: list_standings
-- Who has how many points from some activities, best first; the rank before is that without the last round.
WITH sums AS (
    SELECT participant_id, sum(delta)::bigint AS points,
           sum(delta) FILTER (WHERE (activity_id, round) IS DISTINCT FROM ($3::uuid, $4::smallint))::bigint AS points_before
    FROM points_ledger WHERE session_id = $1 AND activity_id = ANY ($2::uuid[]) GROUP BY participant_id
), ranked AS (
    SELECT participants.id, nickname, team, points,
           rank() OVER (ORDER BY points DESC) AS rank,
           CASE WHEN points_before IS NOT NULL THEN rank() OVER (ORDER BY points_before DESC NULLS LAST) END AS previous_rank,
           count(*) OVER () AS total
    FROM sums JOIN participants ON participants.id = participant_id WHERE is_active
)
SELECT id::text AS participant_id, nickname, team, points, rank::int AS rank, previous_rank::int AS previous_rank,
       total::int AS total
FROM ranked ORDER BY ranked.rank, nickname, id LIMIT $5 OFFSET $6;

-- name: list_team_standings
-- The teams of a session by the mean of their members' points; who has none counts too.
WITH members AS (
    SELECT participants.id, team, coalesce(sum(delta), 0) AS points
    FROM participants LEFT JOIN points_ledger ON participant_id = participants.id AND activity_id = ANY ($2::uuid[])
    WHERE participants.session_id = $1 AND is_active AND team IS NOT NULL GROUP BY participants.id
)
SELECT team, count(*)::int AS members, round(avg(points), 1)::float8 AS points,
       rank() OVER (ORDER BY round(avg(points), 1) DESC)::int AS rank
FROM members GROUP BY team ORDER BY rank, team LIMIT $3;

-- name: next_board_version
-- A number above all that were given before, for the order of published leaderboards.
SELECT nextval(pg_get_serial_sequence('points_ledger', 'id'));

-- name: has_scored_rounds
-- Which of these sessions have points to show.
SELECT DISTINCT session_id::text AS session_id FROM scored_rounds WHERE session_id = ANY ($1::uuid[]);

-- name: set_team
-- Put a participant into a team, or into none.
UPDATE participants SET team = $3 WHERE id = $1 AND session_id = $2 RETURNING id;

-- name: correct_answer_key
-- Replace the config of an activity, whose live counters then follow an older key until they are swapped.
UPDATE activities SET config = $3, version = version + 1, key_pending = true WHERE id = $1 AND version = $2 RETURNING *;

-- name: list_pending_keys
-- Activities whose live counters still follow an older key.
SELECT id::text AS activity_id, session_id::text AS session_id FROM activities
WHERE key_pending AND ($1::uuid IS NULL OR session_id = $1) LIMIT $2;

-- name: note_key_followed
-- The live counters follow the key of this version.
UPDATE activities SET key_pending = false WHERE id = $1 AND version = $2 RETURNING id;

-- name: read_key_state
-- How many keys of a session are pending, and a number that changes whenever one is corrected.
SELECT count(*) FILTER (WHERE key_pending)::int AS pending, coalesce(sum(version), 0)::bigint AS versions
FROM activities WHERE session_id = $1;

-- name: list_table_templates_with_rows
-- The table templates that have so many rows.
SELECT id::text AS activity_id, session_id::text AS session_id, title FROM activities
WHERE type = 'table_completion' AND config -> 'settings' @> jsonb_build_object('rows', $1::int) ORDER BY id LIMIT $2;

-- name: list_table_template_errors
-- The validity of every table template of a session, or of all.
SELECT id::text AS activity_id, session_id::text AS session_id, title, table_template_errors(config -> 'settings') AS errors
FROM activities
WHERE type = 'table_completion' AND ($1::uuid IS NULL OR session_id = $1) ORDER BY id LIMIT $2;

-- name: read_table_template_statistics
-- All table templates at a glance.
SELECT * FROM table_template_statistics();

-- name: list_filled_tables
-- The cells each participant of a session filled in, and what the marking (if it was scored) says of the whole.
SELECT response.activity_id::text AS activity_id, response.participant_id::text AS participant_id, response.round,
       response_data #> '{data,value,studentAnswers}' AS cells,
       (SELECT count(*)::int FROM jsonb_each_text(response_data #> '{data,value,studentAnswers}') AS cell
        WHERE cell.value <> '') AS completed_cells,
       (latest.meta #>> '{marks,score}')::float8 AS marks_earned, (latest.meta ->> 'correct')::boolean AS is_correct
FROM user_responses AS response
JOIN activities ON activities.id = response.activity_id AND type = 'table_completion'
LEFT JOIN LATERAL (
    SELECT meta FROM points_ledger AS ledger
    WHERE ledger.activity_id = response.activity_id AND ledger.participant_id = response.participant_id
          AND ledger.round = response.round
    ORDER BY correction DESC LIMIT 1
) AS latest ON true
WHERE response.session_id = $1 AND response.deleted_at IS NULL
ORDER BY response.seq LIMIT $2;

-- name: stream_results
-- The responses of an activity that stand, with who gave them and what they earned, person by person.
SELECT response.id::text AS id, response.participant_id::text AS participant_id, response.round, entry, response.revision,
       response_data, response.created_at, nickname, anonymous, team, is_active,
       (SELECT sum(delta)::int FROM points_ledger AS ledger
        WHERE ledger.activity_id = response.activity_id AND ledger.participant_id = response.participant_id
              AND ledger.round = response.round) AS points
FROM user_responses AS response JOIN participants ON participants.id = response.participant_id
WHERE response.activity_id = $1 AND deleted_at IS NULL
ORDER BY response.participant_id, response.round, entry;

-- name: stream_results_shuffled
-- The same without a trace of who: in an order that is another for every activity and tells nothing.
SELECT NULL::text AS id, NULL::text AS participant_id, round, '' AS entry, revision, response_data,
       NULL::timestamptz AS created_at, NULL::text AS nickname, true AS anonymous, NULL::text AS team, true AS is_active,
       NULL::int AS points
FROM user_responses WHERE activity_id = $1 AND deleted_at IS NULL
ORDER BY round, md5(id::text || activity_id::text);

-- name: stream_results_mixed
-- The same with who, in an order that does not put what one person gave together.
SELECT response.id::text AS id, response.participant_id::text AS participant_id, response.round, entry, response.revision,
       response_data, response.created_at, nickname, anonymous, team, is_active,
       (SELECT sum(delta)::int FROM points_ledger AS ledger
        WHERE ledger.activity_id = response.activity_id AND ledger.participant_id = response.participant_id
              AND ledger.round = response.round) AS points
FROM user_responses AS response JOIN participants ON participants.id = response.participant_id
WHERE response.activity_id = $1 AND deleted_at IS NULL
ORDER BY response.round, md5(response.id::text || response.activity_id::text);

-- name: list_answer_spans
-- When the first and the last response of each round were accepted.
SELECT round, min(created_at) AS first_at, max(created_at) AS last_at, count(*)::int AS responses
FROM user_responses WHERE activity_id = $1 AND deleted_at IS NULL GROUP BY round ORDER BY round;

-- name: count_answers_over_time
-- How many responses of a round were accepted in each stretch of so many seconds after its first.
SELECT floor(extract(epoch FROM created_at - $3::timestamptz) / $4::double precision)::int AS stretch, count(*)::int AS responses
FROM user_responses WHERE activity_id = $1 AND round = $2 AND deleted_at IS NULL GROUP BY stretch ORDER BY stretch;

-- name: list_people
-- A page of a session's participants by id.
SELECT id::text AS id, nickname, anonymous, team, is_active FROM participants
WHERE session_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: list_responses_of_people
-- What some participants answered in a session, without the withdrawn responses.
SELECT participant_id::text AS participant_id, activity_id::text AS activity_id, round, response_data FROM user_responses
WHERE session_id = $1 AND participant_id = ANY ($2::uuid[]) AND activity_id = ANY ($3::uuid[]) AND deleted_at IS NULL
ORDER BY participant_id, seq LIMIT $4;

-- name: list_points_of_people
-- What some participants earned in each activity and round.
SELECT participant_id::text AS participant_id, activity_id::text AS activity_id, sum(delta)::int AS points
FROM points_ledger WHERE session_id = $1 AND participant_id = ANY ($2::uuid[]) GROUP BY participant_id, activity_id;

-- name: save_drafts
-- Keep drafts as they were last written; one whose activity or author is not stored (yet) is left out.
INSERT INTO response_drafts (session_id, activity_id, participant_id, round, revision, base, auto_submit, saved_at_ms, data)
SELECT session_id, activity_id, participant_id, round, revision, base, auto_submit, saved_at_ms, data
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::bigint[], $6::int[], $7::boolean[], $8::bigint[], $9::text[])
     AS sent (session_id, activity_id, participant_id, round, revision, base, auto_submit, saved_at_ms, data)
WHERE EXISTS (SELECT FROM activities WHERE id = sent.activity_id)
  AND EXISTS (SELECT FROM participants WHERE id = sent.participant_id)
ORDER BY activity_id, participant_id, round
ON CONFLICT (activity_id, participant_id, round) DO UPDATE
SET revision = excluded.revision, base = excluded.base, auto_submit = excluded.auto_submit,
    saved_at_ms = excluded.saved_at_ms, data = excluded.data
WHERE excluded.saved_at_ms >= response_drafts.saved_at_ms;

-- name: delete_drafts
-- Forget drafts that were thrown away, unless they were written again later.
DELETE FROM response_drafts USING unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bigint[])
     AS thrown (activity_id, participant_id, round, at_ms)
WHERE response_drafts.activity_id = thrown.activity_id AND response_drafts.participant_id = thrown.participant_id
  AND response_drafts.round = thrown.round AND response_drafts.saved_at_ms <= thrown.at_ms;

-- name: delete_answered_drafts
-- Forget drafts that an answer has taken the place of.
DELETE FROM response_drafts USING user_responses AS response
WHERE response.activity_id = response_drafts.activity_id AND response.participant_id = response_drafts.participant_id
  AND response.round = response_drafts.round AND response.entry = '' AND response.revision > response_drafts.base;

-- name: list_unstored_authors
-- Those of some drafts' authors who are not stored (yet) while the activity is.
SELECT DISTINCT participant_id::text AS participant_id
FROM unnest($1::uuid[], $2::uuid[]) AS sent (activity_id, participant_id)
WHERE EXISTS (SELECT FROM activities WHERE id = sent.activity_id)
  AND NOT EXISTS (SELECT FROM participants WHERE id = sent.participant_id);

-- name: list_drafts
-- A page of a session's drafts that no answer has taken the place of.
SELECT * FROM response_drafts AS draft
WHERE session_id = $1 AND (activity_id, participant_id, round) > ($2::uuid, $3::uuid, $4::smallint)
  AND NOT EXISTS (SELECT FROM user_responses AS response
                  WHERE response.activity_id = draft.activity_id AND response.participant_id = draft.participant_id
                    AND response.round = draft.round AND response.entry = '' AND response.revision > draft.base)
ORDER BY activity_id, participant_id, round LIMIT $5;
