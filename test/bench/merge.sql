-- Merging lists: the case of dhongu/deltatech#2832, 4,235 groups of duplicates
-- over 543,036 partners with 1,163,295 entries (at 100,000 customers; otherwise in
-- proportion), which Odoo merges in 9 hours and a set-based rewrite in 5 minutes.
-- The plain way: facts are pointed to the survivor, whose gaps are filled from the
-- others, which are then switched off. It keeps no trace and cannot go back.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm_merge') \g /dev/null
DELETE FROM crm_merge.match_rule WHERE kind = 'model';
INSERT INTO crm_merge.source (name, kind, trust) VALUES ('erp', 'erp', 60);
INSERT INTO crm_merge.load_batch (source_id, entity, relation, mapping) VALUES (1, 'customer', 'bench', '{}');
-- partner: the row; who: the person. Groups of 2, 3 and 4, the others alone.
CREATE TABLE bench.partner AS
SELECT row_number() OVER (ORDER BY bench.unit(k.who, 40 + k.copy)) AS partner, k.who, k.copy,
       'Nombre' || k.who % 991 || ' Apellido' || k.who || CASE k.copy WHEN 0 THEN '' ELSE ' Otro' || k.copy END AS name,
       'partner' || k.who || '.' || k.copy || '@hotel-sol.es' AS email,
       CASE WHEN bench.unit(k.who, 50 + k.copy) < 0.7 THEN '+346' || lpad(((k.who * 4 + k.copy) % 100000000)::text, 8, '0') END AS phone,
       CASE WHEN bench.unit(k.who, 60 + k.copy) < 0.5 THEN lpad((1000 + k.who % 51000)::text, 5, '0') END AS postcode
FROM (SELECT w.who, c.copy
      FROM generate_series(1, (:customers * 5.37)::bigint) AS w(who)
      CROSS JOIN LATERAL generate_series(0, CASE WHEN w.who > :customers * 0.04235 THEN 0
                                                 WHEN w.who % 10 = 0 THEN 3 WHEN w.who % 10 < 3 THEN 2 ELSE 1 END) AS c(copy)) AS k;
CREATE UNIQUE INDEX ON bench.partner (partner);
ANALYZE bench.partner;
INSERT INTO crm_merge.source_record (source_id, source_key, load_id, content_hash, business_at, full_name, email, phone, postcode, name_key, quality, payload)
SELECT 1, p.partner, 1, p.partner, timestamptz '2023-01-01 00:00+00' + p.partner % 900 * interval '1 day', p.name, p.email, p.phone, p.postcode,
       omnicrm.name_key(p.name), '600009900600000', '{}'
FROM bench.partner AS p
ORDER BY p.partner;
INSERT INTO crm_merge.identifier (kind, value, record_id)
SELECT i.kind, i.value, r.record_id
FROM crm_merge.source_record AS r
CROSS JOIN LATERAL (VALUES ('email', r.email), ('phone', r.phone)) AS i(kind, value)
WHERE i.value IS NOT NULL
ORDER BY i.kind, i.value, r.record_id;
INSERT INTO crm_merge.resolve_queue (record_id) SELECT r.record_id FROM crm_merge.source_record AS r;
SELECT crm_merge.resolve() \g /dev/null
INSERT INTO crm_merge.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, sale_key, revenue, currency)
SELECT 1, 'O' || n, 1, n, 1 + floor(bench.unit(n, 70) * (SELECT count(*) FROM bench.partner))::bigint,
       timestamptz '2024-01-01 00:00+00' + n % 700 * interval '1 day', 'S' || n, 10 + n % 90, 'EUR'
FROM generate_series(1, (:customers * 6)::bigint) AS n;
INSERT INTO crm_merge.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at)
SELECT 1, 'T' || n, 1, n, 1 + floor(bench.unit(n, 71) * (SELECT count(*) FROM bench.partner))::bigint,
       timestamptz '2024-01-01 00:00+00' + n % 700 * interval '1 day'
FROM generate_series(1, (:customers * 5.63295)::bigint) AS n;
VACUUM ANALYZE crm_merge.source_record, crm_merge.identifier, crm_merge.customer, crm_merge.customer_member, crm_merge.match_link,
               crm_merge.sales_order, crm_merge.touch;

CREATE TABLE bench.plain_partner AS SELECT p.partner, p.name, p.email, p.phone, p.postcode, true AS active FROM bench.partner AS p;
ALTER TABLE bench.plain_partner ADD PRIMARY KEY (partner);
CREATE TABLE bench.plain_invoice AS SELECT o.order_id, o.record_id AS partner, o.ordered_at, o.revenue FROM crm_merge.sales_order AS o;
ALTER TABLE bench.plain_invoice ADD PRIMARY KEY (order_id);
CREATE INDEX ON bench.plain_invoice (partner);
CREATE TABLE bench.plain_touch AS SELECT t.touch_id, t.record_id AS partner, t.occurred_at FROM crm_merge.touch AS t;
ALTER TABLE bench.plain_touch ADD PRIMARY KEY (touch_id);
CREATE INDEX ON bench.plain_touch (partner);
-- The list: each duplicate with the survivor, the oldest of its group.
CREATE TABLE bench.duplicate AS
SELECT p.partner, min(p.partner) OVER (PARTITION BY p.who) AS survivor FROM bench.partner AS p WHERE p.who <= :customers * 0.04235;
DELETE FROM bench.duplicate WHERE partner = survivor;
CREATE UNIQUE INDEX ON bench.duplicate (partner);
VACUUM ANALYZE bench.plain_partner, bench.plain_invoice, bench.plain_touch, bench.duplicate;

DO $bench$
DECLARE
  started timestamptz;
  ours double precision;
  events bigint[];
BEGIN
  started := clock_timestamp();
  SELECT array_agg(e.event_id) INTO events
  FROM crm_merge.merge_many(ARRAY(SELECT m.customer_id FROM bench.duplicate AS d JOIN crm_merge.customer_member AS m ON m.record_id = d.survivor ORDER BY d.partner),
                            ARRAY(SELECT m.customer_id FROM bench.duplicate AS d JOIN crm_merge.customer_member AS m ON m.record_id = d.partner ORDER BY d.partner),
                            'bench', 'list of duplicates') AS e;
  ours := 1000 * extract(epoch FROM clock_timestamp() - started);

  started := clock_timestamp();
  UPDATE bench.plain_invoice AS f SET partner = d.survivor FROM bench.duplicate AS d WHERE f.partner = d.partner;
  UPDATE bench.plain_touch AS f SET partner = d.survivor FROM bench.duplicate AS d WHERE f.partner = d.partner;
  UPDATE bench.plain_partner AS p
  SET email = coalesce(p.email, f.email), phone = coalesce(p.phone, f.phone), postcode = coalesce(p.postcode, f.postcode)
  FROM (SELECT d.survivor, (array_agg(o.email ORDER BY o.partner) FILTER (WHERE o.email IS NOT NULL))[1] AS email,
               (array_agg(o.phone ORDER BY o.partner) FILTER (WHERE o.phone IS NOT NULL))[1] AS phone,
               (array_agg(o.postcode ORDER BY o.partner) FILTER (WHERE o.postcode IS NOT NULL))[1] AS postcode
        FROM bench.duplicate AS d
        JOIN bench.plain_partner AS o ON o.partner = d.partner
        GROUP BY d.survivor) AS f
  WHERE p.partner = f.survivor;
  UPDATE bench.plain_partner AS p SET active = false FROM bench.duplicate AS d WHERE p.partner = d.partner;
  INSERT INTO bench_result VALUES (
    format('merge %s groups of %s customers with %s facts', to_char(cardinality(events), 'FM999,999'),
           to_char((SELECT count(*) FROM bench.partner), 'FM9,999,999'),
           to_char((SELECT count(*) FROM bench.plain_invoice) + (SELECT count(*) FROM bench.plain_touch), 'FM99,999,999')),
    ours, 1000 * extract(epoch FROM clock_timestamp() - started));

  started := clock_timestamp();
  PERFORM crm_merge.undo_many(events);
  INSERT INTO bench_result VALUES (format('undo these %s merges', to_char(cardinality(events), 'FM999,999')),
                                   1000 * extract(epoch FROM clock_timestamp() - started), NULL);
END
$bench$;

-- One by one, each a transaction; the median.
CREATE TABLE bench.act (kind text, ms double precision);
CREATE PROCEDURE bench.measure_acts(times integer)
LANGUAGE plpgsql
AS $$
DECLARE
  started timestamptz;
  done bigint;
BEGIN
  FOR n IN 1 .. times LOOP
    started := clock_timestamp();
    PERFORM crm_merge.preview_merge(n * 7, n * 7 + 1);
    INSERT INTO bench.act VALUES ('preview of a merge', 1000 * extract(epoch FROM clock_timestamp() - started));
    COMMIT;
    started := clock_timestamp();
    SELECT e.event_id INTO done FROM crm_merge.merge(n * 7, n * 7 + 1, 'bench', 'one by one') AS e;
    INSERT INTO bench.act VALUES ('merge', 1000 * extract(epoch FROM clock_timestamp() - started));
    COMMIT;
    started := clock_timestamp();
    PERFORM crm_merge.undo(done);
    INSERT INTO bench.act VALUES ('undo', 1000 * extract(epoch FROM clock_timestamp() - started));
    COMMIT;
  END LOOP;
END
$$;
CALL bench.measure_acts(30);
INSERT INTO bench_result
SELECT format('%s, two of %s customers', a.kind, to_char((SELECT count(*) FROM bench.partner), 'FM9,999,999')),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ms), NULL
FROM bench.act AS a
GROUP BY a.kind
ORDER BY a.kind;
