-- Indexes of a hub that was made before, as tables.sql and the other files of tables
-- have them now: identifiers are found by the hash of their value, the rows of the
-- queue by their record.
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
  END IF;
END
$change$;
