-- Contoso Coffee: three customer files, their purchases and reviews, matched
-- without the true key and compared with it. Run by psql -v data=DIR.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\o /dev/null
SELECT omnicrm.deploy('crm');
\ir contoso_load.sql
SELECT crm.resolve();

-- The truth: the ContactId that the loyalty file carries and that nothing was
-- matched on. CNTID_1005 of the third file is in the first under another id.
CREATE TABLE contoso.truth AS
SELECT m.record_id, m.customer_id,
       CASE WHEN s.name = 'loyalty' THEN r.payload ->> 'ContactId'
            WHEN r.source_key = 'CNTID_1005' THEN (SELECT c."ContactId" FROM contoso.contact AS c WHERE lower(c."EMail") = r.email)
            ELSE r.source_key END AS person
FROM crm.source_record AS r
JOIN crm.source AS s USING (source_id)
JOIN crm.customer_member AS m USING (record_id);

CREATE FUNCTION contoso.pairs(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT n * (n - 1) / 2 $$;

DO $$
DECLARE
  true_pairs numeric;
  found_pairs numeric;
  right_pairs numeric;
  persons numeric;
BEGIN
  SELECT count(*), sum(contoso.pairs(t.n)) INTO persons, true_pairs FROM (SELECT count(*) AS n FROM contoso.truth GROUP BY person) AS t;
  SELECT sum(contoso.pairs(t.n)) INTO found_pairs FROM (SELECT count(*) AS n FROM contoso.truth GROUP BY customer_id) AS t;
  SELECT sum(contoso.pairs(t.n)) INTO right_pairs FROM (SELECT count(*) AS n FROM contoso.truth GROUP BY customer_id, person) AS t;
  PERFORM contoso.expect('true persons', persons, 5002);
  PERFORM contoso.expect('wrong pairs', found_pairs - right_pairs, 0);
  IF right_pairs / true_pairs < 0.999 THEN
    RAISE EXCEPTION 'recall %, expected at least 0.999', round(right_pairs / true_pairs, 6);
  END IF;
  -- Three may stay apart: a member with a mistyped address and no other trait,
  -- and two whose given name is misspelt into another given name (Mary, Mara).
  IF (SELECT count(DISTINCT customer_id) FROM contoso.truth) NOT BETWEEN 5002 AND 5005 THEN
    RAISE EXCEPTION 'golden customers: %', (SELECT count(DISTINCT customer_id) FROM contoso.truth);
  END IF;
END
$$;

-- Conflicting birth dates resolve to the plausible one, the impossible is unknown.
DO $$
DECLARE
  born text;
BEGIN
  SELECT string_agg(r.source_key || ' ' || coalesce(c.birth_date::text, 'unknown'), ', ' ORDER BY r.source_key) INTO born
  FROM crm.source_record AS r
  JOIN crm.customer_member AS m USING (record_id)
  JOIN crm.customer AS c USING (customer_id)
  WHERE r.source_key IN ('LOYID_1000', 'LOYID_6000', 'LOYID_6001');
  IF born <> 'LOYID_1000 1986-05-08, LOYID_6000 1983-12-04, LOYID_6001 unknown' THEN
    RAISE EXCEPTION 'birth dates: %', born;
  END IF;
  PERFORM contoso.expect('dates on which both files agree and that did not survive',
    (SELECT count(*)
     FROM contoso.truth AS a
     JOIN contoso.truth AS b ON b.person = a.person AND b.record_id > a.record_id
     JOIN crm.source_record AS ra ON ra.record_id = a.record_id
     JOIN crm.source_record AS rb ON rb.record_id = b.record_id
     JOIN crm.customer AS c ON c.customer_id = a.customer_id
     WHERE ra.birth_date = rb.birth_date AND c.birth_date IS DISTINCT FROM ra.birth_date), 0);
END
$$;

-- Everything again: nothing changes.
CREATE TABLE contoso.before AS SELECT * FROM crm.customer;
SELECT contoso.load('contact', 5000, 0, 5000, 0);
SELECT contoso.load('loyalty', 5002, 0, 5002, 0);
SELECT contoso.load('record', 4999, 0, 4999, 0);
SELECT contoso.load('pos', 20024, 0, 20024, 0);
SELECT crm.resolve();
SELECT crm.resolve('{"all": true}');
DO $$
BEGIN
  PERFORM contoso.expect('customers changed by a repeated run',
    (SELECT count(*) FROM (SELECT * FROM crm.customer EXCEPT SELECT * FROM contoso.before) AS d), 0);
  PERFORM contoso.expect('broken invariants', (SELECT count(*) FROM crm.check()), 0);
  PERFORM contoso.expect('revenue of golden customers, with what waits',
    (SELECT sum(o.revenue) + 90
     FROM crm.sales_order AS o
     JOIN crm.customer_member AS m USING (record_id)
     JOIN crm.customer AS c ON c.customer_id = m.customer_id AND c.state = 'active'), 5642309);
END
$$;

-- RFM, Pareto and next best offer run on the result, and their sums tie.
SELECT crm.segment_customers('2021-01-01');
SELECT crm.refresh_offers();
DO $$
DECLARE
  offered bigint;
  owned bigint;
BEGIN
  PERFORM contoso.expect('monetary value of all scored customers, with what waits',
    (SELECT sum(monetary) + 90 FROM crm.customer_score WHERE as_of = '2021-01-01'), 5642309);
  PERFORM contoso.expect('scored customers', (SELECT count(*) FROM crm.customer_score WHERE as_of = '2021-01-01'),
    (SELECT count(DISTINCT m.customer_id) FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id)));
  SELECT count(*), count(*) FILTER (WHERE EXISTS (
           SELECT FROM crm.customer_member AS m JOIN crm.sales_order AS o USING (record_id) JOIN crm.order_line AS l USING (order_id)
           WHERE m.customer_id = c.customer_id AND l.product_id = n.product_id))
    INTO offered, owned
  FROM (SELECT customer_id FROM crm.customer WHERE state = 'active' ORDER BY customer_id LIMIT 100) AS c
  CROSS JOIN LATERAL crm.next_best_offer(c.customer_id, 3) AS n;
  PERFORM contoso.expect('offers of what they have', owned, 0);
  IF offered < 100 THEN
    RAISE EXCEPTION 'only % offers for 100 customers', offered;
  END IF;
END
$$;
