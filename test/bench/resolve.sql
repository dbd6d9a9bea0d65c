-- Matching and golden records of what load.sql loaded: crm.resolve() against
-- the plain way: pairs by a self-join on identifiers, components by repeated
-- smallest-label updates, survivors by ordered array_agg. The plain way has no
-- guards, no provenance and no reasons, and starts from nothing each time.
SET client_min_messages = warning;
DO $bench$
DECLARE
  started timestamptz;
  ours double precision;
  changed bigint;
BEGIN
  started := clock_timestamp();
  PERFORM crm_load.resolve();
  ours := 1000 * extract(epoch FROM clock_timestamp() - started);

  started := clock_timestamp();
  CREATE TEMP TABLE pair AS
  SELECT DISTINCT a.record_id AS a, b.record_id AS b
  FROM bench.plain_identifier AS a
  JOIN bench.plain_identifier AS b ON b.kind = a.kind AND b.value = a.value AND a.record_id < b.record_id;
  ANALYZE pair;
  CREATE TEMP TABLE label AS
  SELECT r.record_id, r.record_id AS root FROM bench.plain_record AS r;
  CREATE UNIQUE INDEX ON label (record_id);
  ANALYZE label;
  LOOP
    UPDATE label AS l
    SET root = n.root
    FROM (SELECT p.node, min(o.root) AS root
          FROM (SELECT a AS node, b AS other FROM pair UNION ALL SELECT b, a FROM pair) AS p
          JOIN label AS o ON o.record_id = p.other
          GROUP BY p.node) AS n
    WHERE n.node = l.record_id AND n.root < l.root;
    GET DIAGNOSTICS changed = ROW_COUNT;
    EXIT WHEN changed = 0;
  END LOOP;
  CREATE TABLE bench.plain_golden AS
  SELECT l.root AS customer_id,
         (array_agg(r.given_name ORDER BY r.trust DESC, r.business_at DESC) FILTER (WHERE r.given_name IS NOT NULL))[1] AS given_name,
         (array_agg(r.surname ORDER BY r.trust DESC, r.business_at DESC) FILTER (WHERE r.surname IS NOT NULL))[1] AS surname,
         (array_agg(r.birth_date ORDER BY r.trust DESC, r.business_at DESC) FILTER (WHERE r.birth_date IS NOT NULL))[1] AS birth_date,
         (array_agg(r.email ORDER BY r.business_at DESC) FILTER (WHERE r.email IS NOT NULL))[1] AS email,
         (array_agg(r.phone ORDER BY r.business_at DESC) FILTER (WHERE r.phone IS NOT NULL))[1] AS phone,
         (array_agg(r.street ORDER BY r.business_at DESC) FILTER (WHERE r.street IS NOT NULL))[1] AS street,
         (array_agg(r.postcode ORDER BY r.business_at DESC) FILTER (WHERE r.postcode IS NOT NULL))[1] AS postcode,
         (array_agg(r.city ORDER BY r.business_at DESC) FILTER (WHERE r.city IS NOT NULL))[1] AS city
  FROM label AS l
  JOIN bench.plain_record AS r ON r.record_id = l.record_id
  GROUP BY l.root;
  CREATE UNIQUE INDEX ON bench.plain_golden (customer_id);
  INSERT INTO bench_result VALUES (
    format('resolve %s records into %s customers', (SELECT count(*) FROM bench.plain_record),
           (SELECT count(*) FROM crm_load.customer WHERE state = 'active')),
    ours, 1000 * extract(epoch FROM clock_timestamp() - started));

  -- One changed record: the plain way has to start over. The first small run
  -- after a full one also fills the blocking keys.
  FOR house IN 1 .. 2 LOOP
    UPDATE bench.contact SET street = 'Calle Nueva ' || house WHERE contact_id = 'W77';
    PERFORM crm_load.load('web', 'bench.contact', '{"key": "contact_id", "given_name": "first_name", "surname": "last_name",
      "birth_date": {"column": "born", "format": "DMY"}, "email": "mail", "phone": "tel", "postcode": "cp", "street": "street",
      "city": "town", "business_at": "created"}');
    started := clock_timestamp();
    PERFORM crm_load.resolve();
    INSERT INTO bench_result
    SELECT CASE house WHEN 1 THEN 'resolve after one changed record, blocking keys filled' ELSE 'resolve after one more changed record' END,
           1000 * extract(epoch FROM clock_timestamp() - started), b.plain_ms
    FROM bench_result AS b
    WHERE b.work LIKE 'resolve % records into %';
  END LOOP;
END
$bench$;
