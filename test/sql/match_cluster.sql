-- Average link beside a second implementation, which takes one step after the other
-- over tables: small components and large ones, sources, decisions of people.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;
CREATE FUNCTION t.hash(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5($1), 1, 8))::bit(32)::integer & 2147483647 $$;

-- 60 people of few names, of whom each came one to five times with errors.
CREATE TABLE t.people AS
SELECT (row_number() OVER (ORDER BY md5(p || ' ' || c)))::integer AS id, p AS person,
       CASE WHEN h % 6 = 0 THEN 'Mari' WHEN h % 9 = 1 THEN NULL ELSE (ARRAY['Maria', 'Marta', 'Mario', 'Martin', 'Marina', 'Ana', 'Anna'])[1 + t.hash('g' || p) % 7] END AS given,
       CASE WHEN h % 8 = 3 THEN NULL ELSE (ARRAY['Ruiz', 'Ruz', 'Sanz', 'Sainz', 'Moya', 'Maya', 'Lopez'])[1 + t.hash('s' || p) % 7] END AS surname,
       CASE WHEN h % 3 = 0 THEN NULL ELSE (date '1970-01-01' + t.hash('b' || p) % 300 + h / 4 % 2)::text END AS birth,
       CASE WHEN h % 5 < 3 THEN NULL ELSE '6' || lpad((t.hash('t' || p) % 100000000)::text, 8, '0') END AS phone,
       CASE WHEN h % 7 = 2 THEN NULL ELSE (ARRAY['Lugo', 'Soria', 'Teruel'])[1 + t.hash('c' || p) % 3] END AS city,
       'source ' || h % 5 AS source
FROM generate_series(1, 60) AS p, generate_series(1, 5) AS c, t.hash(p || 'x' || c) AS h
WHERE c <= 1 + t.hash('n' || p) % 5;
CREATE TABLE t.model AS
SELECT omnicrm.match_train('t.people', 'id', '{"given": "given_name", "surname": "surname", "birth": "birth_date", "phone": "phone", "city": "city"}') AS model;
CREATE TABLE t.decision (id_a integer, id_b integer, same boolean);

-- What all pairs weigh, in whole units.
CREATE TABLE t.weight AS
SELECT a.id AS a, b.id AS b, (w.weight * 65536)::bigint AS units
FROM (SELECT p.id, omnicrm.match_compared(m.model, to_jsonb(p) - 'id' - 'source' - 'person') AS packed FROM t.people AS p, t.model AS m) AS a
JOIN (SELECT p.id, omnicrm.match_compared(m.model, to_jsonb(p) - 'id' - 'source' - 'person') AS packed FROM t.people AS p, t.model AS m) AS b ON a.id < b.id,
     t.model AS m, omnicrm.match_weigh(m.model, a.packed, b.packed) AS w;

-- The clusters step by step: label is the smallest record, sum what is known of the
-- pairs between two clusters.
CREATE TABLE t.cluster (label integer PRIMARY KEY, members integer[], sources text[], weakest real);
CREATE TABLE t.sum (a integer, b integer, total bigint, scored bigint, PRIMARY KEY (a, b));
CREATE FUNCTION t.join(x integer, y integer, mean real) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE t.cluster AS c SET members = c.members || d.members, sources = c.sources || d.sources, weakest = least(mean, c.weakest, d.weakest)
  FROM t.cluster AS d WHERE c.label = x AND d.label = y;
  DELETE FROM t.cluster WHERE label = y;
  WITH gone AS (
    DELETE FROM t.sum AS s WHERE s.a IN (x, y) OR s.b IN (x, y) RETURNING s.*
  ), other AS (
    SELECT CASE WHEN g.a IN (x, y) THEN g.b ELSE g.a END AS k, g.total, g.scored FROM gone AS g WHERE NOT (g.a IN (x, y) AND g.b IN (x, y))
  )
  INSERT INTO t.sum SELECT least(x, o.k), greatest(x, o.k), sum(o.total), sum(o.scored) FROM other AS o GROUP BY o.k;
END
$$;
CREATE FUNCTION t.apart(x t.cluster, y t.cluster, one_per_source boolean) RETURNS boolean LANGUAGE sql AS $$
  SELECT one_per_source AND x.sources && y.sources OR
         EXISTS (SELECT FROM t.decision AS d WHERE NOT d.same AND (d.id_a = ANY (x.members) AND d.id_b = ANY (y.members) OR
                                                                   d.id_b = ANY (x.members) AND d.id_a = ANY (y.members)))
$$;
CREATE FUNCTION t.by_steps(threshold float8, unscored float8, one_per_source boolean) RETURNS SETOF t.cluster LANGUAGE plpgsql AS $$
DECLARE
  best record;
  decided record;
BEGIN
  TRUNCATE t.cluster, t.sum;
  INSERT INTO t.cluster SELECT p.id, ARRAY[p.id], ARRAY[p.source], NULL FROM t.people AS p;
  INSERT INTO t.sum
  SELECT p.id_a::integer, p.id_b::integer, (p.weight * 65536)::bigint, 1
  FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', m.model,
         jsonb_build_object('threshold', threshold, 'unscored', unscored, 'review', least(threshold, unscored))) AS p;
  FOR decided IN SELECT least(d.id_a, d.id_b) AS a, greatest(d.id_a, d.id_b) AS b FROM t.decision AS d WHERE d.same ORDER BY 1, 2 LOOP
    SELECT c.label AS a, d.label AS b INTO best
    FROM t.cluster AS c, t.cluster AS d
    WHERE c.label < d.label AND (decided.a = ANY (c.members) AND decided.b = ANY (d.members) OR decided.b = ANY (c.members) AND decided.a = ANY (d.members))
      AND NOT t.apart(c, d, one_per_source);
    IF FOUND THEN
      PERFORM t.join(best.a, best.b, NULL);
    END IF;
  END LOOP;
  LOOP
    SELECT k.a, k.b, k.mean, k.pairs, k.scored INTO best
    FROM (SELECT s.a, s.b, s.scored, n.pairs, n.smaller, (s.total::float8 + (n.pairs - s.scored) * unscored * 65536) / n.pairs AS mean, x, y
          FROM t.sum AS s JOIN t.cluster AS x ON x.label = s.a JOIN t.cluster AS y ON y.label = s.b,
               LATERAL (SELECT cardinality(x.members)::bigint * cardinality(y.members) AS pairs, least(cardinality(x.members), cardinality(y.members)) AS smaller) AS n) AS k
    WHERE k.mean >= threshold * 65536 + 1.5 * 65536 * log(2.0, k.smaller)::float8 AND NOT t.apart(k.x, k.y, one_per_source)
    ORDER BY k.mean DESC, k.a, k.b LIMIT 1;
    EXIT WHEN NOT FOUND;
    IF best.scored < best.pairs AND best.pairs <= 4096 THEN
      UPDATE t.sum AS s
      SET scored = best.pairs,
          total = (SELECT sum(w.units) FROM t.cluster AS x, t.cluster AS y, unnest(x.members) AS i, unnest(y.members) AS j, t.weight AS w
                   WHERE x.label = best.a AND y.label = best.b AND w.a = least(i, j) AND w.b = greatest(i, j))
      WHERE s.a = best.a AND s.b = best.b;
    ELSE
      PERFORM t.join(best.a, best.b, (best.mean / 65536)::real);
    END IF;
  END LOOP;
  RETURN QUERY SELECT * FROM t.cluster;
END
$$;
ANALYZE t.weight;
ALTER TABLE t.weight ADD PRIMARY KEY (a, b);

-- Clusters, records whose clusters differ, and the largest component of pairs.
CREATE FUNCTION t.compare(threshold float8, unscored float8, one_per_source boolean DEFAULT false,
                          OUT clusters bigint, OUT largest bigint, OUT differences bigint, OUT component bigint) LANGUAGE sql AS $$
  WITH RECURSIVE expected AS MATERIALIZED (
    SELECT i AS id, s.label, cardinality(s.members) AS records, s.weakest FROM t.by_steps(threshold, unscored, one_per_source) AS s, unnest(s.members) AS i
  ), pair AS MATERIALIZED (
    SELECT p.id_a, p.id_b
    FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', m.model,
           jsonb_build_object('threshold', threshold, 'unscored', unscored, 'review', least(threshold, unscored))) AS p
  ), reached(id) AS (
    SELECT (SELECT p.id_a FROM pair AS p GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)
    UNION
    SELECT CASE WHEN p.id_a = r.id THEN p.id_b ELSE p.id_a END FROM reached AS r JOIN pair AS p ON r.id IN (p.id_a, p.id_b)
  )
  SELECT count(DISTINCT c.cluster_id), max(c.records),
         count(*) FILTER (WHERE (c.cluster_id, c.records, c.weakest::real) IS DISTINCT FROM (e.label, e.records, e.weakest)),
         (SELECT count(*) FROM reached)
  FROM expected AS e FULL JOIN
       (SELECT c.*
        FROM t.model AS m, omnicrm.match_clusters('t.people', 'id', m.model,
               jsonb_build_object('threshold', threshold, 'unscored', unscored, 'decisions', 't.decision') ||
               CASE WHEN one_per_source THEN '{"source": "source", "one_per_source": true}'::jsonb ELSE '{}' END) AS c) AS c ON c.id::integer = e.id
$$;
SELECT count(*) FROM t.people;
SELECT * FROM t.compare(4, -2);
SELECT * FROM t.compare(-2, -2);
SELECT * FROM t.compare(-6, -3);
SELECT * FROM t.compare(-5, -8);
SELECT * FROM t.compare(-4, -4, true);

-- Decisions: who was joined is taken as a whole, who was kept apart stays apart.
INSERT INTO t.decision
SELECT p.id, 1 + t.hash('other' || p.id) % 180, p.id % 3 > 0 FROM t.people AS p WHERE p.id % 7 = 0 AND p.id <> 1 + t.hash('other' || p.id) % 180;
SELECT * FROM t.compare(4, -2);
SELECT * FROM t.compare(-2, -2);
SELECT * FROM t.compare(-5, -8);
-- Two people each of whom has one record joined with the other's: their other records
-- tell the two clusters apart, whatever number of pairs brought them together.
TRUNCATE t.decision;
INSERT INTO t.decision
SELECT x.ids[k], y.ids[k], true
FROM (SELECT p.person, array_agg(p.id ORDER BY p.id) AS ids FROM t.people AS p GROUP BY p.person) AS x
JOIN (SELECT p.person, array_agg(p.id ORDER BY p.id) AS ids FROM t.people AS p GROUP BY p.person) AS y ON y.person = x.person + 1,
     generate_series(1, 2) AS k
WHERE x.person % 2 = 1 AND cardinality(x.ids) > 1 AND cardinality(y.ids) > 1;
SELECT * FROM t.compare(4, -2);
SELECT * FROM t.compare(-2, -2);
SELECT * FROM t.compare(-5, -8);
