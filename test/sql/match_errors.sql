-- The matching engine given what is bad: a right result or a clear error.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- What a statement says: its one value, or the error.
CREATE FUNCTION t.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE statement INTO result;
  RETURN result;
EXCEPTION WHEN others THEN
  RETURN sqlstate || ' ' || sqlerrm;
END
$$;
-- Entities and records that come out, or the error.
CREATE FUNCTION t.resolve(relation text, fields jsonb, options jsonb DEFAULT '{}', id name DEFAULT 'id') RETURNS text LANGUAGE sql AS $$
  SELECT t.try(format('SELECT count(DISTINCT cluster_id) || '' of '' || count(*) FROM omnicrm.resolve_entities(%L, %L, %L, %L)', relation, id, fields, options))
$$;
\set person '{"given": "given_name", "surname": "surname", "birth": "birth_date", "email": "email"}'
CREATE TABLE t.people (id integer, given text, surname text, birth text, email text);
INSERT INTO t.people
SELECT n, (ARRAY['Ana', 'Bruno', 'Celia', 'Diego', 'Elena', 'Félix', 'Gema'])[1 + n % 7], 'A' || translate(substr(md5(n::text), 1, 8), '0123456789', 'ghijklmnop'),
       (date '1950-01-01' + n * 97)::text, 'mail' || n || '@buzon.es'
FROM generate_series(1, 200) AS n;
INSERT INTO t.people SELECT id + 500, upper(given), surname || 'x', birth, email FROM t.people WHERE id <= 20;

-- Nothing, one row, all null, all alike.
CREATE TABLE t.rows (LIKE t.people);
SELECT t.resolve('t.rows', :'person');
SELECT omnicrm.match_train('t.rows', 'id', :'person') -> 'records';
INSERT INTO t.rows SELECT * FROM t.people WHERE id = 1;
SELECT t.resolve('t.rows', :'person');
SELECT count(*) FROM omnicrm.match_pairs('t.rows', 'id', omnicrm.match_train('t.rows', 'id', :'person'));
TRUNCATE t.rows;
INSERT INTO t.rows (id) SELECT n FROM generate_series(1, 1000) AS n;
SELECT t.resolve('t.rows', :'person');
SELECT t.resolve('t.rows', :'person', '{"threshold": -100}');
UPDATE t.rows SET given = '', surname = '  ', birth = '0000-00-00', email = 'n/a';
SELECT t.resolve('t.rows', :'person');
UPDATE t.rows SET given = 'Ana', surname = 'Zubeldia', birth = '1980-07-20', email = 'ana@buzon.es';
SELECT t.resolve('t.rows', :'person');
SELECT count(*), count(DISTINCT records), min(weakest) = max(weakest) AS one_weight
FROM omnicrm.match_clusters('t.rows', 'id', omnicrm.match_train('t.rows', 'id', :'person'));
SELECT t.resolve('t.rows', '{"given": "given_name"}');
CREATE FUNCTION t.alike(number integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE VIEW t.some AS SELECT * FROM t.rows WHERE id <= %s', number);
  RETURN t.resolve('t.some', '{"given": "given_name", "surname": "surname", "birth": "birth_date", "email": "email"}');
END
$$;
SELECT string_agg(t.alike(n), ', ' ORDER BY n) FROM unnest(ARRAY[2, 3, 5, 9, 10, 11, 49, 50, 70, 250]) AS n;
-- Also when somebody decided of some of them: one is another.
CREATE TABLE t.decision (id_a bigint, id_b bigint, same boolean);
INSERT INTO t.decision VALUES (5, 900, false), (900, 901, true), (901, 3, true);
SELECT t.resolve('t.rows', :'person', '{"decisions": "t.decision"}');

-- Huge values, and 100,000 times a value that is none, or that nobody knows to be none.
CREATE TABLE t.huge AS SELECT id, given, surname, birth, CASE WHEN id % 40 = 0 THEN repeat('x', 1048576) ELSE email END AS email FROM t.people;
SELECT t.resolve('t.huge', :'person');
SELECT t.resolve('t.huge', jsonb_set(:'person', '{email}', format('"%s"', kind)::jsonb))
FROM unnest(ARRAY['text', 'name', 'address', 'code', 'phone', 'number', 'category', 'tax_id', 'postcode', 'city', 'birth_date', 'given_name']) AS kind;
UPDATE t.huge SET given = repeat('é ', 1999), surname = repeat('ñ', 2000), birth = repeat('1', 4000), email = repeat('a.', 1000) || '@' || repeat('b', 1000) || id WHERE id % 40 = 1;
SELECT t.resolve('t.huge', :'person') ~ ' of 220$' AS works;
CREATE TABLE t.many AS SELECT n AS id, NULL::text AS given, 'Desconocido'::text AS surname, '1900-01-01'::text AS birth, 'none@none.com'::text AS email FROM generate_series(1, 100000) AS n;
SELECT t.resolve('t.many', :'person');
UPDATE t.many SET email = 'tienda@empresa.es', surname = NULL, given = chr(65 + id % 26) || chr(97 + id / 26 % 26) || chr(97 + id / 676 % 26) || chr(97 + id / 17576 % 26);
SELECT count(*), count(DISTINCT cluster_id) > 50000 AS apart FROM omnicrm.resolve_entities('t.many', 'id', :'person');
DROP TABLE t.many;

-- Columns and kinds that are not there.
SELECT t.resolve('t.people', '{"nobody": "name"}');
SELECT t.resolve('t.people', '{"given": "nonsense"}');
SELECT t.resolve('t.people', '{"given": {"kind": "nonsense"}}');
SELECT t.resolve('t.people', '{"given": {"type": "name"}}');
SELECT t.resolve('t.people', '{"given": {}}');
SELECT t.resolve('t.people', '{"given": 1}');
SELECT t.resolve('t.people', '{"given": null}');
SELECT t.resolve('t.people', '{"given": ["name"]}');
SELECT t.resolve('t.people', '{}');
SELECT t.resolve('t.people', '[]');
SELECT t.resolve('t.people', '"given"');
SELECT t.resolve('t.people', 'null');
SELECT t.resolve('t.people', '{"": "name"}');
SELECT t.resolve('t.people', jsonb_build_object(repeat('given', 50), 'name'));
SELECT t.resolve('t.people', '{"given": {"kind": "name", "country": "Atlantis"}}');
SELECT t.resolve('t.people', '{"given": {"kind": "name", "country": 34}}');
SELECT t.resolve('t.people', '{"birth": {"kind": "birth_date", "format": "D"}}');
SELECT t.resolve('t.people', '{"birth": {"kind": "birth_date", "format": ""}}');
SELECT t.resolve('t.people', '{"birth": {"kind": "birth_date", "format": "yyyy-mm-dd"}}');
SELECT t.resolve('t.people', '{"birth": {"kind": "birth_date", "exclusive": "yes"}}');
SELECT t.resolve('t.people', '{"birth": {"kind": "birth_date", "blocking": 0}}');
SELECT t.resolve('t.people', (SELECT jsonb_object_agg('c' || n, 'name') FROM generate_series(1, 17) AS n));
SELECT t.resolve('t.people', :'person', '{}', 'nobody');
SELECT t.resolve('t.people', :'person', '{}', '');
SELECT t.resolve('t.nobody', :'person');
SELECT t.try('SELECT count(*) FROM omnicrm.resolve_entities(0, ''id'', ''{"given": "name"}'')');
SELECT regexp_replace(t.try('SELECT count(*) FROM omnicrm.resolve_entities(4294967295, ''id'', ''{"given": "name"}'')'), '\d{6,}', 'N');
-- Null arguments give no row.
SELECT count(*) FROM omnicrm.resolve_entities(NULL, 'id', :'person');
SELECT count(*) FROM omnicrm.resolve_entities('t.people', 'id', :'person', NULL);
SELECT omnicrm.match_train('t.people', NULL, :'person') IS NULL AS nothing;

-- Options.
SELECT o AS options, t.resolve('t.people', :'person', o::jsonb)
FROM unnest(ARRAY['[]', 'null', '1', '{"treshold": 1}', '{"threshold": "1"}', '{"threshold": 1e400}', '{"threshold": -101}', '{"review": 101}', '{"unscored": 1}',
                  '{"max_block": 1}', '{"max_block": 1e9}', '{"max_block": -1}', '{"max_block": true}', '{"prior": 0.5}', '{"one_per_source": true}',
                  '{"one_per_source": 1, "source": "given"}', '{"source": "nobody"}', '{"source": 5}', '{"decisions": "t.nobody"}', '{"decisions": "t.people"}', '{"decisions": 1}',
                  '{"decisions": "-"}', '{"decisions": "\"; DROP TABLE t.people --"}', '{"decisions": ""}', '{"threshold": null, "source": null}',
                  '{"threshold": 100, "review": -100}', '{"max_block": 2}', '{"max_block": 100000}', '{"source": "email"}', '{"source": "given", "one_per_source": true}']) AS o;
CREATE TABLE t.bad_decision (id_a text, id_b integer[], same text);
SELECT t.resolve('t.people', :'person', '{"decisions": "t.bad_decision"}');
INSERT INTO t.bad_decision VALUES ('x', '{1,2}', 'yes'), ('', '{}', 'no'), ('99999999999999999999', NULL, 'on');
SELECT t.resolve('t.people', :'person', '{"decisions": "t.bad_decision"}');
INSERT INTO t.bad_decision VALUES ('1', '{1}', 'perhaps');
SELECT t.resolve('t.people', :'person', '{"decisions": "t.bad_decision"}');

-- Ids: null, twice, of any type.
CREATE TYPE t.composite AS (id integer, given text);
CREATE TABLE t.ids AS SELECT id, id::text AS word, id + 0.5 AS number, md5(id::text)::uuid AS uuid, decode(md5(id::text), 'hex') AS bytes,
  jsonb_build_object('id', id) AS json, ARRAY[id, 1] AS list, date '2000-01-01' + id AS day, id::smallint AS small, id::bigint * 1000000007 AS big,
  ROW(id, 'x')::t.composite AS pair, id::float8 AS float, interval '1 day' * id AS span, id % 10 AS few, NULLIF(id, 7) AS holes, given, surname, birth, email FROM t.people;
ALTER TABLE t.ids ADD made text GENERATED ALWAYS AS (id || given) STORED;
CREATE DOMAIN t.number AS integer CHECK (VALUE > 0);
ALTER TABLE t.ids ADD own t.number;
UPDATE t.ids SET own = id;
SELECT c AS id, t.resolve('t.ids', :'person', '{}', c)
FROM unnest(ARRAY['id', 'word', 'number', 'uuid', 'bytes', 'json', 'list', 'day', 'small', 'big', 'pair', 'float', 'span', 'made', 'own', 'ctid', 'few', 'holes']::name[]) AS c;
-- Cluster ids of integers are integers, also of a domain.
SELECT bool_and(cluster_id BETWEEN 1 AND 200) FROM omnicrm.resolve_entities('t.ids', 'own', :'person');

-- Fields of any type.
SELECT c AS field, k AS kind, t.resolve('t.ids', jsonb_build_object(c, k, 'given', 'given_name', 'surname', 'surname')) ~ '^\d+ of 220$' AS works
FROM unnest(ARRAY['number', 'uuid', 'bytes', 'json', 'list', 'day', 'small', 'big', 'pair', 'float', 'span', 'made', 'ctid'],
            ARRAY['number', 'code', 'code', 'text', 'address', 'birth_date', 'number', 'phone', 'text', 'number', 'text', 'name', 'code']) AS v(c, k);
-- How the session writes dates, numbers, bytes and intervals makes no difference.
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.ids', 'id', '{"day": "birth_date", "float": "number", "bytes": "code", "span": "text", "surname": "surname"}') AS model;
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SET intervalstyle = 'iso_8601';
SELECT m.model = omnicrm.match_train('t.ids', 'id', '{"day": "birth_date", "float": "number", "bytes": "code", "span": "text", "surname": "surname"}') AS same FROM t.model AS m;
SHOW datestyle;
SHOW bytea_output;
RESET datestyle;
RESET extra_float_digits;
RESET bytea_output;
RESET intervalstyle;

-- Relations of every kind.
CREATE TEMP TABLE pg_class AS TABLE t.people;
SELECT t.resolve('pg_temp.pg_class', :'person');
CREATE TABLE t.parted (LIKE t.people) PARTITION BY RANGE (id);
SELECT t.resolve('t.parted', :'person');
CREATE TABLE t.part1 PARTITION OF t.parted FOR VALUES FROM (0) TO (100);
CREATE TABLE t.part2 PARTITION OF t.parted FOR VALUES FROM (100) TO (9999);
INSERT INTO t.parted TABLE t.people;
SELECT t.resolve('t.parted', :'person'), t.resolve('t.part1', :'person');
CREATE TABLE t.parent (LIKE t.people);
CREATE TABLE t.child () INHERITS (t.parent);
INSERT INTO t.child TABLE t.people;
SELECT t.resolve('t.parent', :'person');
CREATE MATERIALIZED VIEW t.stored AS TABLE t.people;
SELECT t.resolve('t.stored', :'person');
CREATE MATERIALIZED VIEW t.unfilled AS TABLE t.people WITH NO DATA;
SELECT t.resolve('t.unfilled', :'person');
CREATE VIEW t.division AS SELECT id, given, surname, birth, email || (1 / (id - 150)) AS email FROM t.people;
SELECT t.resolve('t.division', :'person');
CREATE VIEW t.itself AS SELECT id::integer, cluster_id::text AS given FROM omnicrm.resolve_entities('t.people', 'id', '{"given": "given_name", "email": "email"}');
SELECT t.resolve('t.itself', '{"given": "code"}');
CREATE SEQUENCE t.counter;
SELECT t.resolve('t.counter', '{"last_value": "number"}', '{}', 'log_cnt');
CREATE INDEX people_index ON t.people (id);
-- How the message is worded depends on the version of the server.
SELECT left(t.resolve('t.people_index', '{"id": "number"}'), 5) AS error;
SELECT left(t.resolve('t.composite', '{"given": "name"}'), 5) AS error;
ALTER TABLE t.people ADD gone text;
ALTER TABLE t.people DROP gone;
SELECT t.resolve('t.people', '{"........pg.dropped.6........": "name"}');

-- Names made to do harm.
CREATE TABLE t."people""; DROP TABLE t.people --" AS
SELECT id AS "id'); DROP TABLE t.people --", given AS "g"" FROM t.people; --", surname AS "Ñ%s$1{}\", email AS "a.b" FROM t.people;
SELECT t.resolve('t."people""; DROP TABLE t.people --"', '{"g\" FROM t.people; --": "given_name", "Ñ%s$1{}\\": "surname", "a.b": "email"}', '{}', 'id''); DROP TABLE t.people --');
SELECT t.resolve('t.people', '{"g\" FROM t.people; --": "given_name"}');
SELECT count(*) FROM t.people;

-- Rights: a caller reads what he or she may read, and no more.
CREATE ROLE regress_omnicrm_match_reader;
GRANT regress_omnicrm_match_reader TO CURRENT_USER;
GRANT USAGE ON SCHEMA t TO regress_omnicrm_match_reader;
CREATE TABLE t.secret AS TABLE t.people;
ALTER TABLE t.secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON t.secret USING (id % 500 <= 10 OR current_user <> 'regress_omnicrm_match_reader');
SELECT t.resolve('t.secret', :'person');
SET ROLE regress_omnicrm_match_reader;
SELECT t.resolve('t.secret', :'person');
RESET ROLE;
GRANT SELECT ON t.secret TO regress_omnicrm_match_reader;
SET ROLE regress_omnicrm_match_reader;
SELECT t.resolve('t.secret', :'person');
SELECT omnicrm.match_train('t.secret', 'id', :'person') -> 'records' AS seen;
SELECT max(id_a::integer % 500) AS greatest_seen FROM omnicrm.match_pairs('t.secret', 'id', omnicrm.match_train('t.secret', 'id', :'person'));
SET row_security = off;
SELECT t.resolve('t.secret', :'person');
RESET row_security;
RESET ROLE;
REVOKE SELECT ON t.secret FROM regress_omnicrm_match_reader;
GRANT SELECT (id, given) ON t.secret TO regress_omnicrm_match_reader;
SET ROLE regress_omnicrm_match_reader;
SELECT t.resolve('t.secret', '{"given": "given_name"}'), t.resolve('t.secret', :'person');
SELECT t.resolve('t.people', :'person', '{"decisions": "t.decision"}');
RESET ROLE;

-- Dropped in between.
DO $$
DECLARE
  gone oid;
BEGIN
  CREATE TABLE t.gone AS TABLE t.people;
  gone := 't.gone'::regclass;
  DROP TABLE t.gone;
  PERFORM omnicrm.resolve_entities(gone, 'id', '{"given": "name"}');
EXCEPTION WHEN undefined_table THEN
  RAISE WARNING 'gone';
END
$$;
-- A function of the view that fails, or that drops what is being read.
CREATE FUNCTION t.drop_it(id integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN DROP TABLE IF EXISTS t.rows CASCADE; RETURN id; END $$;
CREATE VIEW t.dropping AS SELECT t.drop_it(id) AS id, given FROM t.rows;
SELECT t.resolve('t.dropping', '{"given": "name"}');
SELECT count(*) FROM t.rows;

-- Models edited into nonsense.
CREATE TABLE t.good AS SELECT omnicrm.match_train('t.people', 'id', :'person') AS model;
CREATE FUNCTION t.use(model jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT t.try(format('SELECT count(DISTINCT cluster_id) || '' of '' || count(*) FROM omnicrm.match_clusters(''t.people'', ''id'', %L)', model)) $$;
SELECT t.use(model) FROM t.good;
SELECT e AS edit, t.use(jsonb_set(model, e[1]::text[], e[2]::jsonb))
FROM t.good, (VALUES
  (ARRAY['{omnicrm_model}', '2']), (ARRAY['{omnicrm_model}', '"1"']), (ARRAY['{omnicrm_model}', 'null']), (ARRAY['{omnicrm_model}', '1.5']), (ARRAY['{omnicrm_model}', '-1']),
  (ARRAY['{prior}', '0']), (ARRAY['{prior}', '-0.1']), (ARRAY['{prior}', '1']), (ARRAY['{prior}', '"0.1"']), (ARRAY['{prior}', '1e-400']), (ARRAY['{prior}', 'null']), (ARRAY['{prior}', '1e-20']),
  (ARRAY['{records}', '-5']), (ARRAY['{records}', '1e300']), (ARRAY['{threshold}', '"NaN"']), (ARRAY['{threshold}', '1e9']), (ARRAY['{max_block}', '0']), (ARRAY['{max_block}', '2.5']),
  (ARRAY['{comparisons}', '[]']), (ARRAY['{comparisons}', '{}']), (ARRAY['{comparisons}', 'null']), (ARRAY['{comparisons}', '[1]']), (ARRAY['{comparisons}', '[[]]']), (ARRAY['{comparisons}', '[{}]']),
  (ARRAY['{comparisons,0,column}', '"nobody"']), (ARRAY['{comparisons,0,column}', '5']), (ARRAY['{comparisons,0,column}', 'null']),
  (ARRAY['{comparisons,0,kind}', '"nonsense"']), (ARRAY['{comparisons,0,kind}', '"phone"']), (ARRAY['{comparisons,0,kind}', '[]']),
  (ARRAY['{comparisons,0,levels}', '[]']), (ARRAY['{comparisons,0,levels}', '{"0": 1}']), (ARRAY['{comparisons,0,levels}', '"x"']), (ARRAY['{comparisons,0,levels,0}', '7']),
  (ARRAY['{comparisons,0,levels,0}', '{}']), (ARRAY['{comparisons,0,levels,0,m}', '-0.1']), (ARRAY['{comparisons,0,levels,0,m}', '0']), (ARRAY['{comparisons,0,levels,0,m}', '1.1']),
  (ARRAY['{comparisons,0,levels,0,m}', '"NaN"']), (ARRAY['{comparisons,0,levels,0,m}', '1e999']), (ARRAY['{comparisons,0,levels,0,u}', '1e-999']), (ARRAY['{comparisons,0,levels,0,u}', '[]']),
  (ARRAY['{comparisons,0,levels,0,u}', 'null']), (ARRAY['{comparisons,0,levels,3,u}', '0.99']), (ARRAY['{comparisons,0,levels,0,u}', '1e-15']), (ARRAY['{comparisons,0,levels,0,u}', '1e-16']),
  (ARRAY['{comparisons,0,exclusive}', '1']), (ARRAY['{comparisons,0,blocking}', '"no"']), (ARRAY['{comparisons,0,format}', '"YY"']), (ARRAY['{comparisons,0,country}', '""']),
  (ARRAY['{comparisons,0,depends_on}', '"nobody"']), (ARRAY['{comparisons,0,depends_on}', '"birth"']), (ARRAY['{comparisons,0,depends_on}', '"given"']), (ARRAY['{comparisons,0,depends_on}', '1']),
  (ARRAY['{comparisons,1,rare_frequency}', '-1']), (ARRAY['{comparisons,1,rare_frequency}', '"x"']), (ARRAY['{comparisons,1,rare_frequency}', '1e-300']),
  (ARRAY['{comparisons,1,term_frequency}', 'true']), (ARRAY['{comparisons,1,term_frequency}', '[]']), (ARRAY['{comparisons,1,term_frequency}', '{"ana": 0}']),
  (ARRAY['{comparisons,1,term_frequency}', '{"ana": "x"}']), (ARRAY['{comparisons,1,term_frequency}', '{"ana": {}}']), (ARRAY['{comparisons,1,term_frequency}', '{"ana": 1e-300, "": 1, "%zz%4": 0.5}']),
  (ARRAY['{comparisons,1,term_frequency}', 'null']), (ARRAY['{extra}', '{"any": ["thing"]}'])) AS v(e);
-- No member of the first level may be missing but those with a default.
SELECT k AS without, t.use(model - k) FROM t.good, jsonb_object_keys(model) AS k ORDER BY k;
SELECT k AS without, t.use(model #- ARRAY['comparisons', '2', k]) FROM t.good, jsonb_object_keys(model #> '{comparisons,2}') AS k WHERE k <> 'depends_on' ORDER BY k;
SELECT m AS model, t.use(m::jsonb) FROM unnest(ARRAY['{}', '[]', 'null', '1', '"x"', '[{"omnicrm_model": 1}]']) AS m;
-- Dependence: in a circle, on itself, on what has other levels.
CREATE FUNCTION t.depend(model jsonb, field integer, parent integer, states integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_set(model, ARRAY['comparisons', field::text],
    (model #> ARRAY['comparisons', field::text]) || jsonb_build_object('depends_on', model #> ARRAY['comparisons', parent::text, 'column'], 'levels',
      (SELECT jsonb_agg(l || jsonb_build_object('m_given', g.shares, 'u_given', g.shares) ORDER BY n)
       FROM jsonb_array_elements(model #> ARRAY['comparisons', field::text, 'levels']) WITH ORDINALITY AS x(l, n),
            (SELECT jsonb_agg(0.1) AS shares FROM generate_series(1, coalesce(states, jsonb_array_length(model #> ARRAY['comparisons', parent::text, 'levels'])))) AS g)))
$$;
CREATE TABLE t.plain AS
SELECT jsonb_set(model, '{comparisons}', (SELECT jsonb_agg(c - 'depends_on' ORDER BY n) FROM jsonb_array_elements(model -> 'comparisons') WITH ORDINALITY AS x(c, n))) AS model
FROM t.good;
SELECT t.use(t.depend(model, 0, 1)) AS well, t.use(t.depend(t.depend(t.depend(model, 0, 1), 1, 2), 2, 3)) AS chain FROM t.plain;
SELECT t.use(t.depend(model, 0, 0)) AS itself, t.use(t.depend(t.depend(model, 0, 1), 1, 0)) AS circle FROM t.plain;
SELECT t.use(t.depend(t.depend(t.depend(t.depend(model, 0, 1), 1, 2), 2, 3), 3, 0)) AS long_circle FROM t.plain;
SELECT t.use(t.depend(model, 0, 1, 3)) AS few, t.use(t.depend(model, 0, 1, 50)) AS many FROM t.plain;
SELECT e AS edit, t.use(jsonb_set(t.depend(model, 0, 1), '{comparisons,0,levels,0,m_given,0}', e::jsonb))
FROM t.plain, unnest(ARRAY['0', '-1', '2', '"0.1"', 'null', '[]', '1e-15']) AS e;
-- The same column twice; more comparisons than there can be.
SELECT t.use(jsonb_set(model, '{comparisons}', (model -> 'comparisons') || (model -> 'comparisons'))) AS twice,
       t.use(jsonb_set(model, '{comparisons}', (SELECT jsonb_agg(c) FROM generate_series(1, 17), jsonb_path_query(model, '$.comparisons[0]') AS c))) AS seventeen FROM t.plain;
-- The greatest weights there can be do not overflow: 16 times 50 bits and 6 more.
CREATE TABLE t.same AS SELECT n AS id, 'Zacarías' AS given FROM generate_series(1, 8) AS n;
SELECT round(max(weight)) AS highest, round(min(weight)) AS lowest, max(probability) AS probability
FROM t.plain AS p, LATERAL (SELECT jsonb_agg(jsonb_build_object('column', 'given', 'kind', 'category', 'levels', '[{"m": 1, "u": 1e-15}, {"m": 1e-15, "u": 1}]'::jsonb,
                                                                'rare_frequency', 1e-300, 'term_frequency', '{}'::jsonb)) AS c FROM generate_series(1, 15)) AS x,
     omnicrm.match_pairs('t.same', 'id', jsonb_set(jsonb_set(p.model, '{prior}', '0.5'), '{comparisons}', x.c ||
       '{"column": "given", "kind": "text", "levels": [{"m": 0.9, "u": 1e-15}, {"m": 0.02, "u": 0.2}, {"m": 0.02, "u": 0.2}, {"m": 0.02, "u": 0.2}, {"m": 0.02, "u": 0.2}]}'::jsonb));
SELECT count(*) AS pairs, round(max(weight)) AS highest
FROM t.plain AS p, LATERAL (SELECT jsonb_agg(jsonb_build_object('column', 'given', 'kind', 'category', 'levels', '[{"m": 1e-15, "u": 1}, {"m": 1, "u": 1e-15}]'::jsonb)) AS c
                            FROM generate_series(1, 15)) AS x,
     omnicrm.match_pairs('t.same', 'id', jsonb_set(jsonb_set(p.model, '{prior}', '1e-20'), '{comparisons}', x.c ||
       '{"column": "given", "kind": "text", "levels": [{"m": 1e-15, "u": 0.9}, {"m": 0.02, "u": 0.02}, {"m": 0.02, "u": 0.02}, {"m": 0.02, "u": 0.02}, {"m": 0.02, "u": 0.02}]}'::jsonb),
     '{"threshold": -100, "review": -100}');

-- Errors leave nothing behind: the same call then works, in the same transaction too.
BEGIN;
SAVEPOINT s;
SELECT omnicrm.match_train('t.ids', 'holes', :'person') IS NULL;
ROLLBACK TO s;
SELECT t.resolve('t.people', :'person');
SHOW datestyle;
COMMIT;

DROP SCHEMA t CASCADE;
DROP ROLE regress_omnicrm_match_reader;
