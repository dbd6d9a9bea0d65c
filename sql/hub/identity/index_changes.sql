-- Indexes of a hub that was made before, as tables.sql and the other files of tables
-- have them now: identifiers are found by the hash of their value, the rows of the
-- queue by their record; keys that only grow leave no room in their pages.
DO $change$
BEGIN
  IF EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = '@hub@.identifier'::regclass AND c.contype = 'p') THEN
    ALTER TABLE @hub@.identifier DROP CONSTRAINT identifier_pkey;
    ALTER TABLE @hub@.identifier REPLICA IDENTITY FULL;
    CREATE INDEX identifier_value_idx ON @hub@.identifier (hashtextextended(value, 0));
    COMMENT ON COLUMN @hub@.identifier.value IS 'Normalised value. To find it by the index, ask for hashtextextended(value, 0) too.';
  END IF;
  IF EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = '@hub@.resolve_queue'::regclass AND c.contype = 'p') THEN
    ALTER TABLE @hub@.resolve_queue DROP CONSTRAINT resolve_queue_pkey;
    ALTER TABLE @hub@.resolve_queue REPLICA IDENTITY FULL;
    COMMENT ON COLUMN @hub@.resolve_queue.queue_id IS 'Number of the row.';
    -- Pages that are there stay as they are until somebody says REINDEX.
    ALTER INDEX @hub@.source_record_pkey SET (fillfactor = 100);
    ALTER INDEX @hub@.match_compared_pkey SET (fillfactor = 100);
    ALTER INDEX @hub@.customer_pkey SET (fillfactor = 100);
    ALTER INDEX @hub@.customer_member_pkey SET (fillfactor = 100);
    ALTER INDEX @hub@.outbox_pkey SET (fillfactor = 100);
    ALTER INDEX @hub@.outbox_xact_idx SET (fillfactor = 100);
  END IF;
END
$change$;
