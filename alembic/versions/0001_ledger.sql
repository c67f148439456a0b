-- The ledger: append-only events of the controller, in schema "audit". PostgreSQL 14 and newer, UTF8.
--
-- An event's body (RFC 8785 bytes) is the only truth: all columns but event_id, occurred_at, recorded_at and leaf_hash
-- are generated from it, those three of the first four that could lie are checked against it, and nothing can be
-- updated. The Merkle tree gets tables of its own beside this one (queue, leaf, checkpoint): leaf_hash is already the
-- hash of a leaf as RFC 6962 section 2.1 has it.

DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the database has encoding %, the ledger needs UTF8', current_setting('server_encoding')
            USING HINT = 'create it with ENCODING ''UTF8'' TEMPLATE template0';
    END IF;
END $$;

-- Roles belong to the whole server: an administrator may have made them before, another database at this moment.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['audit_owner', 'audit_writer', 'audit_reader'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    -- Who migrates must be able to act as the owner.
    BEGIN
        SET LOCAL ROLE audit_owner;
        RESET ROLE;
    EXCEPTION WHEN insufficient_privilege THEN
        EXECUTE format('GRANT audit_owner TO %I', current_user);
    END;
END $$;

GRANT USAGE, CREATE ON SCHEMA audit TO audit_owner;
GRANT USAGE ON SCHEMA audit TO audit_writer, audit_reader;
GRANT SELECT ON audit.schema_version TO audit_writer, audit_reader;

SET LOCAL ROLE audit_owner;

-- convert_from and the casts of text to time are STABLE, since they depend on settings: not on any for UTF8 bodies and
-- for times that end in Z.
CREATE FUNCTION audit.document(body bytea) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.convert_from(body, 'UTF8')::jsonb;
COMMENT ON FUNCTION audit.document(bytea) IS 'The body of an event as JSON.';

CREATE FUNCTION audit.moment(moment text) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN moment ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' THEN moment::timestamptz END;
COMMENT ON FUNCTION audit.moment(text) IS 'A time as bodies write it (RFC 3339, UTC, microseconds); NULL for another form.';

CREATE TABLE audit.event (
    event_id        uuid        NOT NULL,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    body            bytea       NOT NULL,
    leaf_hash       bytea       NOT NULL,
    type            text        NOT NULL GENERATED ALWAYS AS (audit.document(body) ->> 'type') STORED,
    code            text        NOT NULL GENERATED ALWAYS AS (audit.document(body) ->> 'code') STORED,
    severity        text        NOT NULL GENERATED ALWAYS AS (audit.document(body) ->> 'severity') STORED,
    outcome         text        NOT NULL GENERATED ALWAYS AS (audit.document(body) ->> 'outcome') STORED,
    actor_kind      text        NOT NULL GENERATED ALWAYS AS (audit.document(body) #>> '{actor,kind}') STORED,
    actor           text        NOT NULL GENERATED ALWAYS AS (audit.document(body) #>> '{actor,name}') STORED,
    namespace       text        GENERATED ALWAYS AS (audit.document(body) #>> '{target,namespace}') STORED,
    application     text        GENERATED ALWAYS AS (audit.document(body) #>> '{target,application}') STORED,
    cluster         text        GENERATED ALWAYS AS (audit.document(body) #>> '{target,cluster}') STORED,
    object          text        GENERATED ALWAYS AS (audit.document(body) #>> '{target,object}') STORED,
    revision        text        GENERATED ALWAYS AS (audit.document(body) ->> 'revision') STORED,
    correlation_id  text        GENERATED ALWAYS AS (audit.document(body) ->> 'correlation_id') STORED,
    causation_id    text        GENERATED ALWAYS AS (audit.document(body) ->> 'causation_id') STORED,
    producer        text        NOT NULL GENERATED ALWAYS AS (audit.document(body) ->> 'producer') STORED,
    boot            uuid        NOT NULL GENERATED ALWAYS AS ((audit.document(body) ->> 'boot')::uuid) STORED,
    seq             bigint      NOT NULL GENERATED ALWAYS AS ((audit.document(body) ->> 'seq')::bigint) STORED,
    PRIMARY KEY (event_id, occurred_at),
    CONSTRAINT body_is_bounded CHECK (octet_length(body) <= 65536),
    CONSTRAINT leaf_hash_is_of_body CHECK (leaf_hash = sha256('\x00'::bytea || body)),
    CONSTRAINT event_id_is_of_body CHECK (((audit.document(body) ->> 'id') = event_id::text) IS TRUE),
    CONSTRAINT occurred_at_is_of_body
        CHECK ((audit.moment(audit.document(body) ->> 'occurred_at') = occurred_at) IS TRUE)
) PARTITION BY RANGE (occurred_at);

COMMENT ON TABLE audit.event IS 'Everything the controller did, saw and decided. Append-only.';
COMMENT ON COLUMN audit.event.event_id IS 'Identifier: UUID version 7, or version 5 where a retry must yield the same event.';
COMMENT ON COLUMN audit.event.occurred_at IS 'When it happened, by the clock of the producer. Partitions go by it.';
COMMENT ON COLUMN audit.event.recorded_at IS 'When it came into this table, by the clock of the database.';
COMMENT ON COLUMN audit.event.body IS 'The event in canonical form (RFC 8785). audit.document(body) gives it as JSON.';
COMMENT ON COLUMN audit.event.leaf_hash IS 'SHA-256 of a zero byte and the body: the leaf of the Merkle tree (RFC 6962).';
COMMENT ON COLUMN audit.event.type IS 'What happened, as in drift.detected.';
COMMENT ON COLUMN audit.event.code IS 'Stable code of the type, as in S7000.';
COMMENT ON COLUMN audit.event.severity IS 'info or warning: belongs to the type.';
COMMENT ON COLUMN audit.event.outcome IS 'success, failure, refused or unknown.';
COMMENT ON COLUMN audit.event.actor_kind IS 'controller, user, manager (a field manager: a tool''s claim) or unknown.';
COMMENT ON COLUMN audit.event.actor IS 'Who did it.';
COMMENT ON COLUMN audit.event.namespace IS 'Namespace of the Application it was done to; NULL when none.';
COMMENT ON COLUMN audit.event.application IS 'Name of the Application it was done to; NULL when none.';
COMMENT ON COLUMN audit.event.cluster IS 'Name of the Cluster it was done to; NULL when none.';
COMMENT ON COLUMN audit.event.object IS 'The object it was done to; NULL when none.';
COMMENT ON COLUMN audit.event.revision IS 'Commit it belongs to; NULL when none.';
COMMENT ON COLUMN audit.event.correlation_id IS 'Identifier of the run: all its events carry it; NULL outside a run.';
COMMENT ON COLUMN audit.event.causation_id IS 'event_id of the event that caused this one, as the intent of a result; NULL when none.';
COMMENT ON COLUMN audit.event.producer IS 'The controller that recorded it: name of its Pod.';
COMMENT ON COLUMN audit.event.boot IS 'One life of the producer, from audit.started on.';
COMMENT ON COLUMN audit.event.seq IS 'Number within the boot, from 1, without gaps.';

CREATE INDEX event_by_time ON audit.event (occurred_at);
CREATE INDEX event_by_application ON audit.event (namespace, application, occurred_at) WHERE application IS NOT NULL;
CREATE INDEX event_by_run ON audit.event (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX event_by_type ON audit.event (type, occurred_at);
-- Arrival follows the order on disk, so a few bytes per range of pages do.
CREATE INDEX event_by_arrival ON audit.event USING brin (recorded_at) WITH (pages_per_range = 16);

CREATE FUNCTION audit.refuse() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: the ledger is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION audit.refuse() IS 'Refuses what would change or remove an event.';

CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE ON audit.event
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON audit.event
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
-- ALWAYS: with the default, session_replication_role = replica would skip them.
ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_is_never_changed;
ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_is_never_truncated;

-- The primary key holds the time too, as every unique key of a partitioned table must: it can't see that a retry gave
-- an event another time. Only identifiers that are derived (not version 7) are ever given twice.
CREATE FUNCTION audit.skip_known() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.event WHERE event_id = NEW.event_id) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION audit.skip_known() IS 'Passes over a derived event that is recorded already, at whatever time.';

CREATE TRIGGER event_is_recorded_once BEFORE INSERT ON audit.event
    FOR EACH ROW WHEN (substr(NEW.event_id::text, 15, 1) <> '7') EXECUTE FUNCTION audit.skip_known();
ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_is_recorded_once;

CREATE FUNCTION audit.protect_partition(partition text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- TRUNCATE of a partition does not fire the trigger of its parent.
    EXECUTE format('CREATE TRIGGER event_is_never_truncated BEFORE TRUNCATE ON audit.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()', partition);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER event_is_never_truncated', partition);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER event_is_never_changed', partition);
    EXECUTE format('ALTER TABLE audit.%I ENABLE ALWAYS TRIGGER event_is_recorded_once', partition);
END $$;
COMMENT ON FUNCTION audit.protect_partition(text) IS 'Gives a partition the triggers that do not come from its parent.';

CREATE FUNCTION audit.ensure_partitions(ahead integer DEFAULT 3, back integer DEFAULT 2) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '4s' AS $$
DECLARE
    this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    first timestamp;
    name text;
BEGIN
    IF (ahead BETWEEN 0 AND 24 AND back BETWEEN 0 AND 24) IS NOT TRUE THEN
        RAISE EXCEPTION 'ahead is % and back is %, each can be 0 to 24 months', ahead, back
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('audit.ensure_partitions', 0));
    FOR month IN -back .. ahead LOOP
        first := this_month + make_interval(months => month);
        name := to_char(first, '"event_"YYYY_MM');
        CONTINUE WHEN to_regclass('audit.' || quote_ident(name)) IS NOT NULL;
        -- A month that has events in the default partition can't get one of its own: rows never move.
        IF EXISTS (SELECT FROM audit.event_default WHERE occurred_at >= first AT TIME ZONE 'UTC'
                   AND occurred_at < (first + interval '1 month') AT TIME ZONE 'UTC') THEN
            RAISE WARNING 'month % has events in audit.event_default and stays there', to_char(first, 'YYYY-MM');
            CONTINUE;
        END IF;
        EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.event FOR VALUES FROM (%L) TO (%L)', name,
                       first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM audit.protect_partition(name);
        RETURN NEXT name;
    END LOOP;
END $$;
COMMENT ON FUNCTION audit.ensure_partitions(integer, integer) IS
    'Creates the monthly partitions from so many months back to so many ahead; gives those it created.';

CREATE TABLE audit.event_default PARTITION OF audit.event DEFAULT;
SELECT audit.protect_partition('event_default');
SELECT audit.ensure_partitions();

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
-- Whoever inserts computes the generated columns and the checks, so needs these two.
GRANT EXECUTE ON FUNCTION audit.document(bytea), audit.moment(text) TO audit_writer, audit_reader;
GRANT EXECUTE ON FUNCTION audit.ensure_partitions(integer, integer) TO audit_writer;
-- These four columns alone: recorded_at is the database's own word.
GRANT INSERT (event_id, occurred_at, body, leaf_hash) ON audit.event TO audit_writer;
GRANT SELECT ON audit.event TO audit_reader;

RESET ROLE;
