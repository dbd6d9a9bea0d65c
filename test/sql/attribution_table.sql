-- attribution_of_table(): the same bytes as the aggregate, for any order of rows, type of columns and number of processes.
SET client_min_messages = warning;
SET timezone = 'UTC';
\set VERBOSITY terse
CREATE SCHEMA touch_table;
SET search_path = touch_table, public;

-- 9,000 journeys with 5.3 touches on average: several windows of rows and dozens of stretches.  Ties, returns, sales
-- before, between and after touches, touches of nobody, journeys without a sale.
CREATE FUNCTION unit(n bigint, salt integer) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended(n, salt) & 9007199254740991) / 9007199254740992.0 $$;
CREATE TABLE event AS
SELECT j * 7 AS journey, timestamptz '2026-01-01Z' + floor(40 * unit(j * 64 + t, 2)) * interval '6 hours' AS ts,
       CASE WHEN unit(j * 64 + t, 3) < 0.99 THEN 'channel ' || floor(11 * unit(j * 64 + t, 4)) END AS actor,
       CASE WHEN unit(j * 64 + t, 5) < 0.06 THEN round((90 * unit(j * 64 + t, 6) - 10)::numeric, 1 + (j > 8000)::integer) END AS value,
       CASE WHEN unit(j * 64 + t, 7) < 0.9 THEN j * 64 + t END AS event_id
FROM generate_series(1, 9000) AS j, generate_series(1, 1 + floor(-5 * ln(1 - unit(j, 1)))::integer) AS t;

-- What a table gives by itself, with one worker, with three: whether each is what the aggregate gives.
CREATE FUNCTION agrees(source regclass, options jsonb DEFAULT '{}', events boolean DEFAULT false, memory text DEFAULT '64MB',
  OUT alone boolean, OUT one_worker boolean, OUT three_workers boolean)
LANGUAGE plpgsql
SET synchronize_seqscans = off
AS $$
DECLARE
  expected bytea;
  got boolean[];
BEGIN
  PERFORM set_config('work_mem', memory, true), set_config('max_parallel_workers_per_gather', '0', true);
  EXECUTE format('SELECT omnicrm.attribution(journey, ts, actor, value, %s$1)::bytea FROM %s', CASE WHEN events THEN 'event_id, ' ELSE '' END, source)
    INTO expected USING options;
  FOREACH alone IN ARRAY '{t,f}'::boolean[] LOOP
    FOREACH one_worker IN ARRAY '{t,f}'::boolean[] LOOP
      CONTINUE WHEN alone AND NOT one_worker;
      PERFORM set_config('max_parallel_workers_per_gather', CASE WHEN alone THEN '0' WHEN one_worker THEN '1' ELSE '3' END, true);
      got := got || (omnicrm.attribution_of_table(source, 'journey', 'ts', 'actor', 'value', CASE WHEN events THEN 'event_id' END, options)::bytea
                     IS NOT DISTINCT FROM expected);
    END LOOP;
  END LOOP;
  alone := got[1];
  one_worker := got[2];
  three_workers := got[3];
END
$$;
CREATE FUNCTION arrange(name text, query text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I WITH (parallel_workers = 3) AS %s', name, query);
END
$$;

-- Orders of rows.
SELECT arrange('clustered', 'SELECT * FROM event ORDER BY journey, ts'),
       arrange('clustered_only', 'SELECT * FROM event ORDER BY journey, event_id DESC'),
       arrange('random', 'SELECT * FROM event ORDER BY unit(journey * 1000 + coalesce(event_id, 0), 9)'),
       arrange('descending', 'SELECT * FROM event ORDER BY journey DESC'),
       arrange('by_time', 'SELECT * FROM event ORDER BY ts, event_id'),
       -- two halves that are each in order; the order breaks at the end; and with the first row of the second window
       arrange('halves', 'SELECT * FROM event ORDER BY journey % 2, journey'),
       arrange('broken', 'SELECT * FROM event ORDER BY journey = 7 * 4500, journey'),
       arrange('broken_early', 'SELECT journey, ts, actor, value, event_id FROM (SELECT *, row_number() OVER (ORDER BY journey, event_id) AS n FROM event) AS e
                                ORDER BY CASE n WHEN 5 THEN 33000.5 ELSE n END');
SELECT source, (agrees(source::regclass)).* FROM unnest('{clustered,clustered_only,random,descending,by_time,halves,broken,broken_early}'::text[]) AS source;
SELECT source, (agrees(source::regclass, events => true)).* FROM unnest('{clustered,clustered_only,random,by_time,halves,broken}'::text[]) AS source;
-- With little memory: events and paths go to files.
SELECT source, (agrees(source::regclass, memory => '64kB')).* FROM unnest('{clustered,random,halves,broken}'::text[]) AS source;
SELECT source, (agrees(source::regclass, memory => '1MB')).* FROM unnest('{clustered,random,broken}'::text[]) AS source;
-- Options.
SELECT o, (agrees('clustered', o)).*
FROM unnest(ARRAY['{"lookback": "2 days", "half_life": "1 day"}', '{"exclude": ["channel 3", "unknown"]}', '{"only_if_alone": "channel 1", "collapse": true}', '{"markov_order": 3}',
                  '{"markov_order": 0, "paths": 0, "flow_steps": 0}', '{"paths": 7}', '{"transform": "first", "max_touches": 3}']::jsonb[]) AS o;
SELECT (agrees('random', '{"lookback": "2 days", "paths": 100}')).*;

-- Actors: more than flows name, than a byte holds, new ones all the time; numbers.  Some processes meet others first.
SELECT arrange('many', 'SELECT journey, ts, ''actor '' || floor(300 * power(unit(event_id, 11), 3)) AS actor, value, event_id FROM event ORDER BY journey'),
       arrange('more_and_more', 'SELECT journey, ts, ''actor '' || coalesce(event_id, journey) / 2000 AS actor, value, event_id FROM event ORDER BY journey'),
       arrange('long_names', 'SELECT journey, ts, repeat(''x'', 3000) || actor AS actor, value, event_id FROM event WHERE journey < 7000 ORDER BY journey'),
       arrange('numbers', 'SELECT journey::integer, ts, floor(40 * unit(event_id, 11))::integer - 20 AS actor, value, event_id FROM event ORDER BY journey'),
       arrange('few_at_first', 'SELECT journey, ts, CASE WHEN journey > 40000 THEN actor ELSE ''only'' END::varchar(20) AS actor, value, event_id FROM event ORDER BY journey');
SELECT source, (agrees(source::regclass)).* FROM unnest('{many,more_and_more,long_names,numbers,few_at_first}'::text[]) AS source;
SELECT source, (agrees(source::regclass, events => true, memory => '64kB')).* FROM unnest('{many,numbers}'::text[]) AS source;
-- Names that are stored apart from their rows are names like others.
CREATE TABLE apart (LIKE event) WITH (parallel_workers = 3);
ALTER TABLE apart ALTER COLUMN actor SET STORAGE EXTERNAL;
INSERT INTO apart SELECT journey, ts, repeat('x', 3000) || actor, value, event_id FROM event WHERE journey < 1400 ORDER BY journey;
SELECT (agrees('apart')).*;
SELECT omnicrm.attribution(journey, ts, actor, value)::bytea = omnicrm.attribution(journey, ts, actor || '', value)::bytea AS same_names FROM apart;

-- Journeys: keys over all 64 bits; one that is longer than many windows; all rows of one; of nobody, at the end, at the beginning and between.
SELECT arrange('wide', 'SELECT hashint8extended(journey, 5) AS journey, ts, actor, value, event_id FROM event ORDER BY 1'),
       arrange('wide_random', 'SELECT hashint8extended(journey, 5) AS journey, ts, actor, value, event_id FROM event ORDER BY unit(event_id, 9)'),
       arrange('long', 'SELECT CASE WHEN journey BETWEEN 700 AND 49000 THEN 700 ELSE journey END AS journey, ts, actor, CASE WHEN unit(event_id, 12) < 0.01 THEN value END AS value, event_id
                        FROM event ORDER BY 1'),
       arrange('single', 'SELECT 1 AS journey, ts, actor, CASE WHEN unit(event_id, 12) < 0.01 THEN value END AS value, event_id FROM event'),
       arrange('nobody_last', 'SELECT CASE WHEN unit(event_id, 13) < 0.9 THEN journey END AS journey, ts, actor, value, event_id FROM event ORDER BY 1 NULLS LAST'),
       arrange('nobody_first', 'SELECT CASE WHEN unit(event_id, 13) < 0.9 THEN journey END AS journey, ts, actor, value, event_id FROM event ORDER BY 1 NULLS FIRST'),
       arrange('nobody_between', 'SELECT CASE WHEN unit(event_id, 13) < 0.9 THEN journey END AS journey, ts, actor, value, event_id FROM event ORDER BY event.journey');
SELECT source, (agrees(source::regclass, '{"lookback": "1 day"}')).* FROM unnest('{wide,wide_random,long,single,nobody_last,nobody_first,nobody_between}'::text[]) AS source;
SELECT source, (agrees(source::regclass, '{"lookback": "1 day"}', true)).* FROM unnest('{wide,wide_random,long,nobody_last}'::text[]) AS source;

-- Few rows, none.
SELECT arrange('nothing', 'SELECT * FROM event WHERE false'), arrange('one', 'SELECT * FROM event LIMIT 1'),
       arrange('passed_over', 'SELECT NULL::bigint AS journey, ts, actor, NULL::numeric AS value, event_id FROM event LIMIT 3');
SELECT source, (agrees(source::regclass)).* FROM unnest('{nothing,one,passed_over}'::text[]) AS source;
SELECT omnicrm.attribution_of_table('nothing', 'journey', 'ts', 'actor', 'value') IS NULL AS nothing;

-- What is not read directly goes through the aggregate.
CREATE VIEW seen AS SELECT * FROM clustered WHERE journey % 3 = 0;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM clustered;
CREATE TABLE parted (LIKE event) PARTITION BY RANGE (journey);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (20000);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (20000) TO (MAXVALUE);
INSERT INTO parted SELECT * FROM event;
CREATE TABLE parent (LIKE event);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent SELECT * FROM event WHERE journey < 10000;
INSERT INTO child SELECT * FROM event WHERE journey >= 10000;
CREATE TEMP TABLE for_a_time AS SELECT * FROM clustered;
CREATE TABLE others AS SELECT journey::smallint, ts::timestamp, actor, round(value)::integer AS value, event_id::integer FROM event WHERE journey < 30000;
CREATE TABLE generated (key bigint, journey bigint GENERATED ALWAYS AS (key * 7) STORED, ts timestamptz, actor text, value numeric, event_id bigint);
INSERT INTO generated (key, ts, actor, value, event_id) SELECT journey, ts, actor, value, event_id FROM event ORDER BY journey;
SELECT source, (agrees(source::regclass, events => true)).* FROM unnest('{seen,kept,parted,parent,for_a_time,others,generated}'::text[]) AS source;
-- Columns that were dropped, and that came later with a default.
CREATE TABLE altered WITH (parallel_workers = 2) AS SELECT 1 AS gone, * FROM event ORDER BY journey;
ALTER TABLE altered DROP COLUMN gone, DROP COLUMN actor;
ALTER TABLE altered ADD COLUMN actor text DEFAULT 'everybody';
SELECT (agrees('altered')).*;
-- A query sees its own snapshot: what it has deleted is not there.
BEGIN;
DELETE FROM clustered WHERE journey % 5 = 0;
SELECT (agrees('clustered')).*;
ROLLBACK;
-- Names that need quotes.
CREATE TABLE "My ""Events""" ("Journey" bigint, "When" timestamptz, "select" text, "Value €" numeric);
INSERT INTO "My ""Events""" SELECT journey, ts, actor, value FROM event;
CREATE VIEW "My ""View""" AS SELECT * FROM "My ""Events""";
SELECT omnicrm.attribution_of_table('"My ""Events"""', 'Journey', 'When', 'select', 'Value €')::bytea = e.s AS of_table,
       omnicrm.attribution_of_table('"My ""View"""', 'Journey', 'When', 'select', 'Value €')::bytea = e.s AS of_view
FROM (SELECT omnicrm.attribution(journey, ts, actor, value)::bytea AS s FROM event) AS e;
-- Within a query that has workers of its own, and in a parallel plan's leader.
SET max_parallel_workers_per_gather = 2;
SELECT count(*) FROM generate_series(1, 3) AS n, LATERAL (SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value') AS s WHERE n > 0) AS a
WHERE a.s::bytea = (SELECT omnicrm.attribution(journey, ts, actor, value)::bytea FROM event);
RESET max_parallel_workers_per_gather;

-- Rights: of the caller, column by column; policies hold.
CREATE TABLE guarded WITH (parallel_workers = 1) AS SELECT * FROM clustered;
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY even ON guarded USING (journey % 2 = 0);
SELECT (agrees('guarded')).*, (SELECT count(*) FROM guarded) < (SELECT count(*) FROM clustered) AS fewer;
REVOKE ALL ON clustered FROM CURRENT_USER;
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value');
GRANT SELECT (journey, ts, actor) ON clustered TO CURRENT_USER;
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value');
GRANT SELECT (value) ON clustered TO CURRENT_USER;
SELECT (agrees('clustered')).*;
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value', 'event_id');
GRANT ALL ON clustered TO CURRENT_USER;
-- The schema's rights hold, too, for one who knows the number of the table.
SELECT 'clustered'::regclass::oid AS number \gset
REVOKE ALL ON SCHEMA touch_table FROM CURRENT_USER;
SELECT omnicrm.attribution_of_table(:number::oid, 'journey', 'ts', 'actor', 'value');
GRANT ALL ON SCHEMA touch_table TO CURRENT_USER;

-- How often the table is read: once by each process, and once more when its order breaks after journeys have been walked.
SET max_parallel_workers_per_gather = 0;
SELECT omnicrm.attribution_of_table(t, 'journey', 'ts', 'actor', 'value') IS NULL AS nothing FROM unnest('{clustered,random,broken,nobody_between}'::regclass[]) AS t;
SELECT pg_stat_force_next_flush();
CREATE TABLE reading AS SELECT t, pg_stat_get_numscans(t) AS scans FROM unnest('{clustered,random,broken,nobody_between}'::regclass[]) AS t;
SELECT omnicrm.attribution_of_table(t, 'journey', 'ts', 'actor', 'value') IS NULL AS nothing FROM unnest('{clustered,random,broken,nobody_between}'::regclass[]) AS t;
SELECT pg_stat_force_next_flush();
SELECT t, pg_stat_get_numscans(t) - scans AS scans FROM reading ORDER BY t::text;
SET max_parallel_workers_per_gather = 3;
UPDATE reading SET scans = pg_stat_get_numscans(t);
SELECT omnicrm.attribution_of_table(t, 'journey', 'ts', 'actor', 'value') IS NULL AS nothing FROM unnest('{clustered,random,broken,nobody_between}'::regclass[]) AS t;
SELECT pg_stat_force_next_flush();
SELECT t, pg_stat_get_numscans(t) - scans > CASE t WHEN 'broken'::regclass THEN 2 ELSE 1 END AS by_several FROM reading ORDER BY t::text;
RESET max_parallel_workers_per_gather;

-- Errors, in the leader and in workers.
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'nobody', 'value');
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', NULL);
SELECT omnicrm.attribution_of_table(NULL, 'journey', 'ts', 'actor', 'value');
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value', options => '{"lookbak": 1}');
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'value', options => NULL);
SELECT omnicrm.attribution_of_table('clustered', 'actor', 'ts', 'actor', 'value');
SELECT omnicrm.attribution_of_table('clustered', 'journey', 'ts', 'actor', 'ctid');
CREATE SEQUENCE numbers_only;
SELECT omnicrm.attribution_of_table('numbers_only', 'journey', 'ts', 'actor', 'value');
CREATE FUNCTION fails(source regclass, events boolean DEFAULT false)
RETURNS TABLE (workers integer, state text, message text)
LANGUAGE plpgsql
AS $$
BEGIN
  FOREACH workers IN ARRAY '{0,1,3}'::integer[] LOOP
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
    BEGIN
      PERFORM omnicrm.attribution_of_table(source, 'journey', 'ts', 'actor', 'value', CASE WHEN events THEN 'event_id' END);
      state := 'no error';
      message := '';
    EXCEPTION WHEN OTHERS THEN
      state := SQLSTATE;
      message := SQLERRM;
    END;
    RETURN NEXT;
  END LOOP;
END
$$;
SELECT arrange('endless', 'SELECT journey, CASE WHEN journey = 35000 THEN ''infinity'' ELSE ts END AS ts, actor, value FROM event ORDER BY journey'),
       arrange('timeless', 'SELECT journey, CASE WHEN journey <> 35000 THEN ts END AS ts, coalesce(actor, ''x'') AS actor, value FROM event ORDER BY journey'),
       arrange('no_number', 'SELECT journey, ts, actor, CASE WHEN journey = 35000 THEN ''NaN'' ELSE value END AS value FROM event ORDER BY journey'),
       arrange('too_much', 'SELECT journey, ts, actor, sign(value) * 9e17 AS value FROM event ORDER BY journey'),
       arrange('contradicted', 'SELECT journey, ts, actor, value, CASE WHEN journey = 35000 THEN 1 ELSE event_id END AS event_id FROM
         (SELECT * FROM event UNION ALL SELECT 35000, ts, actor, 5, 1 FROM event WHERE journey IN (70, 77)) AS e ORDER BY journey');
SELECT source, (fails(source::regclass, source = 'contradicted')).* FROM unnest('{endless,timeless,no_number,too_much,contradicted}'::text[]) AS source;
SELECT state, message FROM fails(0::oid::regclass) WHERE workers = 0;
-- The session goes on as before.
SELECT (agrees('clustered')).*;

DROP SCHEMA touch_table CASCADE;
