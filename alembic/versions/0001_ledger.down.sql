-- Takes the ledger away, but never a record with it. The roles stay: they belong to the whole server.
DO $$
BEGIN
    IF EXISTS (SELECT FROM audit.event) THEN
        RAISE EXCEPTION 'audit.event holds events: a downgrade would destroy them'
            USING HINT = 'dump the schema "audit", then drop it by hand';
    END IF;
END $$;

DROP TABLE audit.event;
DROP FUNCTION audit.ensure_partitions(integer, integer);
DROP FUNCTION audit.protect_partition(text);
DROP FUNCTION audit.skip_known();
DROP FUNCTION audit.refuse();
DROP FUNCTION audit.moment(text);
DROP FUNCTION audit.document(bytea);
REVOKE ALL ON audit.schema_version FROM audit_writer, audit_reader;
REVOKE ALL ON SCHEMA audit FROM audit_owner, audit_writer, audit_reader;
