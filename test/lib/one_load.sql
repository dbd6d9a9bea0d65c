-- The records of t.person, loaded and resolved at once with a model that is trained
-- on them: makes t.model and t.partition for random_order.sql.
SELECT omnicrm.deploy('crm') \g /dev/null
SELECT crm.add_source(d.source, 'other', 50, region => d.region) FROM (SELECT DISTINCT source, region FROM t.person) AS d ORDER BY d.source \g /dev/null
DO $$
DECLARE
  s record;
BEGIN
  FOR s IN SELECT DISTINCT p.source FROM t.person AS p ORDER BY 1 LOOP
    EXECUTE format($sql$
      CREATE TABLE t.delivery AS
      SELECT p.key, a.*
      FROM t.person AS p
      CROSS JOIN LATERAL jsonb_to_record(p.attributes) AS a(full_name text, given_name text, surname text, birth_date text, email text, phone text, tax_id text,
                                                            street text, postcode text, city text, loyalty_card text, device text, username text)
      WHERE p.source = %L$sql$, s.source);
    PERFORM crm.load(s.source, 't.delivery', '{"key": "key", "full_name": "full_name", "given_name": "given_name", "surname": "surname", "birth_date": "birth_date",
      "email": "email", "phone": "phone", "tax_id": "tax_id", "street": "street", "postcode": "postcode", "city": "city", "loyalty_card": "loyalty_card",
      "device": "device", "username": "username"}');
    DROP TABLE t.delivery;
  END LOOP;
END $$;
SELECT crm.train_match_model() \g /dev/null
SELECT crm.resolve() \g /dev/null
CREATE TABLE t.model AS SELECT m.model FROM crm.match_model AS m WHERE m.active;
CREATE TABLE t.partition AS
SELECT s.name AS source, r.source_key AS key, min(s.name || ' ' || r.source_key COLLATE "C") OVER (PARTITION BY m.customer_id) AS leader
FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) JOIN crm.source AS s USING (source_id);
SET client_min_messages = error;
DROP SCHEMA crm, crm_bi CASCADE;
SET client_min_messages = warning;
