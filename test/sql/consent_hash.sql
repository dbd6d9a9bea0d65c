-- Keyed hashes against the test vectors of RFC 4231, and what they refuse.
\set SHOW_CONTEXT never
SELECT encode(omnicrm.keyed_hash(decode(repeat('0b', 20), 'hex'), 'Hi There'), 'hex') =
       'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7' AS case_1;
SELECT encode(omnicrm.keyed_hash(decode(repeat('aa', 131), 'hex'), 'Test Using Larger Than Block-Size Key - Hash Key First'), 'hex') =
       '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54' AS case_6;
SELECT encode(omnicrm.keyed_hash(decode(repeat('aa', 131), 'hex'), 'This is a test using a larger than block-size key and a larger than block-size data. '
              || 'The key needs to be hashed before being used by the HMAC algorithm.'), 'hex') =
       '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2' AS case_7;
-- The bytes of the value count, none is left out; a secret is not the other (zeros
-- at its end aside, which HMAC adds by itself).
SELECT count(DISTINCT omnicrm.keyed_hash(k.secret, v.value)) AS different
FROM (VALUES ('\x000102030405060708090a0b0c0d0e0f'::bytea), ('\x000102030405060708090a0b0c0d0e0f01'::bytea), ('\x010102030405060708090a0b0c0d0e0f'::bytea)) AS k(secret)
CROSS JOIN (VALUES (''), (' '), ('a'), ('A'), ('ana@example.org'), ('ñ'), (repeat('x', 100000)), (repeat('x', 100001))) AS v(value);
SELECT octet_length(omnicrm.keyed_hash('\x000102030405060708090a0b0c0d0e0f', '')) AS bytes;
-- Comparing: the hash, one bit off anywhere, too short, too long, empty.
WITH made AS (SELECT '\x000102030405060708090a0b0c0d0e0f'::bytea AS secret, 'x' AS value, omnicrm.keyed_hash('\x000102030405060708090a0b0c0d0e0f', 'x') AS hash)
SELECT omnicrm.keyed_hash_matches(m.secret, m.value, m.hash) AS same,
       (SELECT count(*) FROM generate_series(0, 255) AS b(bit) WHERE omnicrm.keyed_hash_matches(m.secret, m.value, set_bit(m.hash, b.bit, 1 - get_bit(m.hash, b.bit)))) AS one_bit_off,
       omnicrm.keyed_hash_matches(m.secret, m.value, substr(m.hash, 1, 31)) AS short,
       omnicrm.keyed_hash_matches(m.secret, m.value, m.hash || '\x00') AS long,
       omnicrm.keyed_hash_matches(m.secret, m.value, '') AS empty,
       omnicrm.keyed_hash_matches(m.secret, 'y', m.hash) AS other
FROM made AS m;
SELECT omnicrm.keyed_hash(NULL, 'x') IS NULL AND omnicrm.keyed_hash('\x000102030405060708090a0b0c0d0e0f', NULL) IS NULL AS null_is_null;
-- A secret that can be guessed.
SELECT omnicrm.keyed_hash('', 'x');
SELECT omnicrm.keyed_hash('\x000102030405060708090a0b0c0d0e', 'x');
SELECT omnicrm.keyed_hash_matches('short', 'x', '');
-- Short tags: CRC-32C of "123456789" is e3069283; 20 bits, spread evenly.
SELECT omnicrm.short_tag('123456789') = x'69283'::integer AS check_value, omnicrm.short_tag('') AS empty, omnicrm.short_tag(NULL) IS NULL AS null_is_null;
SELECT min(c.n) > 120 AND max(c.n) < 280 AS even, count(*) AS slots, max(c.highest) < 1048576 AS in_range
FROM (SELECT omnicrm.short_tag('phone|+34' || n) >> 11 AS slot, count(*) AS n, max(omnicrm.short_tag('phone|+34' || n)) AS highest
      FROM generate_series(600000000, 600102399) AS n GROUP BY 1) AS c;
-- In a parallel plan as alone.
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TABLE n AS SELECT i FROM generate_series(1, 20000) AS i;
SELECT count(DISTINCT omnicrm.keyed_hash('\x000102030405060708090a0b0c0d0e0f', n.i::text)) AS different FROM n;
DROP TABLE n;
