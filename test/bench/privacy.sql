-- The rights of a person: what a load pays where somebody was once erased, and
-- export, restriction and erasure of one customer among all. There is no plain
-- way to hold them against: nobody erases by hand from forty tables.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm_privacy') \g /dev/null
CREATE TABLE bench.visitor AS
SELECT 'V' || p.person AS id, p.given_name AS first_name, p.surname AS last_name, to_char(p.birth_date, 'DD/MM/YYYY') AS born, p.email AS mail,
       substr(p.phone, 4) AS tel, p.postcode AS cp
FROM bench.person AS p;
ANALYZE bench.visitor;

DO $bench$
DECLARE
  mapping CONSTANT jsonb := '{"key": "id", "given_name": "first_name", "surname": "last_name", "birth_date": {"column": "born", "format": "DMY"},
                              "email": "mail", "phone": "tel", "postcode": "cp"}';
  people CONSTANT bigint := (SELECT count(*) FROM bench.visitor);
  someone bigint;
  started timestamptz;
BEGIN
  PERFORM crm_privacy.add_source('a', 'web', 60), crm_privacy.add_source('b', 'web', 60);
  started := clock_timestamp();
  PERFORM crm_privacy.load('a', 'bench.visitor', mapping);
  INSERT INTO bench_result VALUES (format('load %s customer rows, nobody erased', people), 1000 * extract(epoch FROM clock_timestamp() - started));
  PERFORM crm_privacy.resolve();
  SELECT min(c.customer_id) INTO someone FROM crm_privacy.customer AS c WHERE c.state = 'active';
  started := clock_timestamp();
  PERFORM crm_privacy.subject_export(someone);
  INSERT INTO bench_result VALUES ('export one customer of as many', 1000 * extract(epoch FROM clock_timestamp() - started));
  started := clock_timestamp();
  PERFORM crm_privacy.subject_erase(someone, 'measured');
  INSERT INTO bench_result VALUES ('erase him', 1000 * extract(epoch FROM clock_timestamp() - started));
  started := clock_timestamp();
  PERFORM crm_privacy.load('b', 'bench.visitor', mapping);
  INSERT INTO bench_result VALUES (format('load %s customer rows, each looked up among the erased', people), 1000 * extract(epoch FROM clock_timestamp() - started));
END
$bench$;

-- In the hub with ten orders and thirty touches a customer, statistics included.
ANALYZE crm.customer, crm.source_record, crm.identifier, crm.sales_order, crm.order_line, crm.touch, crm.customer_member;
DO $bench$
DECLARE
  started timestamptz;
BEGIN
  started := clock_timestamp();
  PERFORM crm.subject_export(c.customer_id) FROM crm.customer AS c WHERE c.customer_id BETWEEN 1000 AND 1009;
  INSERT INTO bench_result VALUES ('export one customer with orders and touches', 100 * extract(epoch FROM clock_timestamp() - started));
  started := clock_timestamp();
  PERFORM crm.subject_erase(1000, 'measured');
  INSERT INTO bench_result VALUES ('erase one customer with orders and touches', 1000 * extract(epoch FROM clock_timestamp() - started));
  started := clock_timestamp();
  PERFORM crm.subject_restrict(1001, 'measured');
  INSERT INTO bench_result VALUES ('restrict one customer', 1000 * extract(epoch FROM clock_timestamp() - started));
END
$bench$;
DROP SCHEMA crm_privacy, crm_privacy_bi CASCADE;
