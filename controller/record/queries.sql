-- Every statement the ledger sends. `-- name --`, then what it is for.

-- deliver_events --
-- Insert a batch; what is there already stays as it is. Needs no right to read: there is no conflict target.
INSERT INTO audit.event (event_id, occurred_at, body, leaf_hash)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::bytea[], $4::bytea[])
ON CONFLICT DO NOTHING;

-- ensure_partitions --
-- Create the monthly partitions around today that are missing.
SELECT audit.ensure_partitions();

-- tail_events --
-- The newest events that pass all filters, newest first. A NULL filter lets all pass.
SELECT event_id, occurred_at, recorded_at, type, code, severity, outcome, actor_kind, actor, namespace, application,
       cluster, object, revision, correlation_id, causation_id, producer, boot, seq, body
FROM audit.event
WHERE ($1::timestamptz IS NULL OR occurred_at >= $1)
  AND ($2::timestamptz IS NULL OR occurred_at < $2)
  AND ($3::text[] IS NULL OR type = ANY ($3))
  AND ($4::text IS NULL OR namespace = $4)
  AND ($5::text IS NULL OR application = $5)
  AND ($6::text IS NULL OR cluster = $6)
  AND ($7::text IS NULL OR object = $7 OR regexp_replace(object, '^([^. ]+)[.][^ ]+ ', '\1 ') = $7)
  AND ($8::text IS NULL OR actor = $8)
  AND ($9::text IS NULL OR outcome = $9)
  AND ($10::text IS NULL OR severity = $10)
  AND ($11::text IS NULL OR correlation_id = $11)
ORDER BY occurred_at DESC, producer DESC, boot DESC, seq DESC
LIMIT $12;

-- arrived_events --
-- Events that came into the table since a moment, in order of arrival: what a follower polls.
SELECT event_id, occurred_at, recorded_at, type, code, severity, outcome, actor_kind, actor, namespace, application,
       cluster, object, revision, correlation_id, causation_id, producer, boot, seq, body
FROM audit.event
WHERE recorded_at >= $1
ORDER BY recorded_at, producer, boot, seq
LIMIT $2;

-- database_time --
-- The database's clock, by which arrivals are told.
SELECT clock_timestamp();

-- show_event --
-- One event by its identifier.
SELECT event_id, occurred_at, recorded_at, type, code, severity, outcome, actor_kind, actor, namespace, application,
       cluster, object, revision, correlation_id, causation_id, producer, boot, seq, body
FROM audit.event
WHERE event_id = $1;

-- list_runs --
-- Runs (events that share a correlation_id), the newest first: one row each, with its first intent and last outcome.
-- The outer conditions look at the newest intents only; a run without one wrote nothing.
WITH intents AS (
    SELECT correlation_id, max(occurred_at) AS intended_at
    FROM audit.event
    WHERE type = 'apply.intent' AND correlation_id IS NOT NULL
      AND ($1::text IS NULL OR namespace = $1)
      AND ($2::text IS NULL OR application = $2)
    GROUP BY correlation_id
    ORDER BY intended_at DESC
    LIMIT $3
)
SELECT run.correlation_id,
       min(run.namespace) AS namespace,
       min(run.application) AS application,
       min(run.cluster) AS cluster,
       (array_agg(run.revision ORDER BY run.occurred_at, run.seq) FILTER (WHERE run.type = 'apply.intent'))[1] AS revision,
       (array_agg(run.actor ORDER BY run.occurred_at, run.seq) FILTER (WHERE run.type = 'apply.intent'))[1] AS actor,
       (array_agg(run.outcome ORDER BY run.occurred_at DESC, run.seq DESC)
           FILTER (WHERE run.type IN ('apply.result', 'sync.completed')))[1] AS outcome,
       min(run.occurred_at) AS first_at,
       max(run.occurred_at) AS last_at,
       count(*) FILTER (WHERE run.type = 'apply.object') AS applied,
       count(*) FILTER (WHERE run.type = 'prune.object') AS pruned,
       count(*) AS events
FROM intents JOIN audit.event AS run USING (correlation_id)
GROUP BY run.correlation_id
ORDER BY first_at DESC;
