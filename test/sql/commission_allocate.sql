-- Penny-exact splits and tiers.
\set VERBOSITY terse

-- The documented vectors (moneyphp splits 5 as 4/1 and 3/2 for 70/30 and 30/70).
SELECT omnicrm.allocate(100, ARRAY[1, 1, 1]) AS thirds,
       omnicrm.allocate(10000::bigint, '{1,1,1}'::bigint[], NULL) AS ten_thousand,
       omnicrm.allocate(0.05, ARRAY[70, 30]) AS five_cents,
       omnicrm.allocate(0.05, ARRAY[30, 70]) AS turned_round;
-- Alabama 49 to 51: the pool grows from 49 to 51 and the first payee falls from 2 to 1.
SELECT omnicrm.allocate(49::bigint, '{3,7,90}'::bigint[], NULL) AS of_49,
       omnicrm.allocate(51::bigint, '{3,7,90}'::bigint[], NULL) AS of_51;
-- Ties go to the smaller key, wherever it stands.
SELECT omnicrm.allocate(100, ARRAY[1, 1, 1], '{9,2,5}'::bigint[]) AS keyed,
       omnicrm.allocate(100, ARRAY[1, 1, 1], '{2,5,9}'::bigint[]) AS sorted;
-- A refund takes back what was paid.
SELECT omnicrm.allocate(-100, ARRAY[1, 1, 1], '{9,2,5}'::bigint[]) AS refund,
       omnicrm.allocate(0, ARRAY[1, 2]) AS nothing;
-- Weight 0 gets 0, other scales, weights with many decimals; ERPNext #57802:
-- 72.68 + 10.93 + 2.73 + 13.66 is 100 here.
SELECT omnicrm.allocate(1, ARRAY[0, 1, 0, 2]) AS with_zero,
       omnicrm.allocate(10, ARRAY[1, 1, 1], scale => 0) AS whole,
       omnicrm.allocate(1, ARRAY[1, 1, 1], NULL, 4) AS four_decimals,
       omnicrm.allocate(100.01, ARRAY[0.333333333333, 0.666666666667]) AS decimals,
       omnicrm.allocate(0.3, ARRAY[72.68, 10.93, 2.73, 13.66]) AS not_a_hundred_in_floats;
SELECT omnicrm.allocate(12345678901234567890.12, ARRAY[1, 2]) AS large,
       omnicrm.allocate(9223372036854775807, '{1,1}'::bigint[], '{1,2}') AS largest,
       omnicrm.allocate((-9223372036854775808)::bigint, '{1,3}'::bigint[], NULL) AS smallest;
SELECT omnicrm.allocate(0.00, ARRAY[1.50]::numeric[], scale => 30) AS thirty_decimals;

-- What cannot be split says why.
SELECT omnicrm.allocate(NULL::numeric, ARRAY[1, 1]);
SELECT omnicrm.allocate(1, NULL);
SELECT omnicrm.allocate(1, ARRAY[1, NULL]);
SELECT omnicrm.allocate(1, ARRAY[1, -1]);
SELECT omnicrm.allocate(1::bigint, '{1,-1}'::bigint[], NULL);
SELECT omnicrm.allocate(1, ARRAY[0, 0.00]);
SELECT omnicrm.allocate(1, '{}'::numeric[]);
SELECT omnicrm.allocate(1, '{1,NaN}');
SELECT omnicrm.allocate(1, '{1,Infinity}');
SELECT omnicrm.allocate('NaN'::numeric, '{1,1}');
SELECT omnicrm.allocate('-Infinity'::numeric, '{1,1}');
SELECT omnicrm.allocate(1.005, ARRAY[1, 1]);
SELECT omnicrm.allocate(1, ARRAY[1, 1], '{1}'::bigint[]);
SELECT omnicrm.allocate(1, ARRAY[1, 1], '{1,NULL}'::bigint[]);
SELECT omnicrm.allocate(1, '{{1,1},{1,1}}'::numeric[]);
SELECT omnicrm.allocate(1, ARRAY[1], scale => -1);
SELECT omnicrm.allocate(1, ARRAY[1], scale => 31);
SELECT omnicrm.allocate(1e40, ARRAY[1]);
SELECT omnicrm.allocate(1e20, ARRAY[1e20, 1e-10]);
SELECT omnicrm.allocate(1, ARRAY[1e-16000]);
SELECT omnicrm.allocate(1, ARRAY[1, 1e-16000]);
SELECT omnicrm.allocate(1::bigint, array_fill(1::bigint, ARRAY[1000001]), NULL);

-- 10,000 random splits: sums, bounds, zero weights, and no influence of the
-- order of the payees.
CREATE TEMP TABLE split AS
WITH random_case AS (
  SELECT i, (hashint4extended(i, 1) % 100000000000) / 100.0 AS total,
         (1 + abs(hashint4extended(i, 2) % 20))::integer AS payees
  FROM generate_series(1, 10000) AS i
)
SELECT c.i, c.total, w.weights, w.keys,
       omnicrm.allocate(c.total, w.weights, w.keys) AS shares,
       omnicrm.allocate(c.total, w.back_weights, w.back_keys) AS back_shares,
       omnicrm.allocate(-c.total, w.weights, w.keys) AS refund
FROM random_case AS c
  CROSS JOIN LATERAL (
    SELECT array_agg(x.weight ORDER BY x.k) AS weights, array_agg(x.key ORDER BY x.k) AS keys,
           array_agg(x.weight ORDER BY x.k DESC) AS back_weights, array_agg(x.key ORDER BY x.k DESC) AS back_keys
    FROM (SELECT k,
                 CASE WHEN k > 1 AND hashint4extended(c.i * 100 + k, 3) % 5 = 0 THEN 0
                      ELSE 1 + abs(hashint4extended(c.i * 100 + k, 4) % CASE WHEN c.i % 2 = 0 THEN 4 ELSE 1000000 END)
                 END::numeric / CASE WHEN c.i % 3 = 0 THEN 1000 ELSE 1 END AS weight,
                 hashint4extended(c.i * 100 + k, 5) AS key
          FROM generate_series(1, c.payees) AS k) AS x) AS w;
SELECT count(*) AS cases,
       count(*) FILTER (WHERE total < 0) > 4000 AS many_negative,
       count(*) FILTER (WHERE total <> (SELECT sum(s) FROM unnest(shares) AS s)) AS wrong_sums,
       count(*) FILTER (WHERE refund <> ARRAY(SELECT -s FROM unnest(shares) WITH ORDINALITY AS u(s, n) ORDER BY n)) AS wrong_refunds,
       count(*) FILTER (WHERE ARRAY(SELECT s FROM unnest(shares) WITH ORDINALITY AS u(s, n) ORDER BY n)
                           <> ARRAY(SELECT s FROM unnest(back_shares) WITH ORDINALITY AS u(s, n) ORDER BY n DESC)) AS order_matters
FROM split;
SELECT count(*) FILTER (WHERE abs(u.share - exact.value) >= 0.01) AS a_cent_or_more_away,
       count(*) FILTER (WHERE u.weight = 0 AND u.share <> 0) AS zero_weight_paid
FROM split AS s
  CROSS JOIN LATERAL (SELECT sum(w) AS sum FROM unnest(s.weights) AS w) AS all_weights
  CROSS JOIN LATERAL unnest(s.weights, s.shares) AS u(weight, share)
  CROSS JOIN LATERAL (SELECT s.total * u.weight / all_weights.sum AS value) AS exact;
-- Rounding each share alone would have missed the total this often.
SELECT count(*) > 3000 AS naive_rounding_fails
FROM split AS s
WHERE s.total <> (SELECT sum(round(s.total * w / (SELECT sum(x) FROM unnest(s.weights) AS x), 2))
                  FROM unnest(s.weights) AS w);

-- Tiers: 3 % to 300,000, 5 % to 500,000, 7 % above.
SELECT omnicrm.tier_pay(600000, 0, '{300000,500000}', '{0.03,0.05,0.07}') AS marginal,
       omnicrm.tier_pay(600000, 0, '{300000,500000}', '{0.03,0.05,0.07}', 'whole') AS whole,
       omnicrm.tier_pay(600000, 0, '{300000,500000}', '{0.03,0.05,0.07}', 'retro') AS retro;
-- The same in two steps: marginal and retro do not depend on the cut, whole does.
SELECT m.mode, omnicrm.tier_pay(250000, 0, b, r, m.mode) AS first, omnicrm.tier_pay(350000, 250000, b, r, m.mode) AS second,
       omnicrm.tier_pay(-350000, 600000, b, r, m.mode) AS second_taken_back
FROM (VALUES ('marginal'), ('whole'), ('retro')) AS m(mode),
     (VALUES ('{300000,500000}'::numeric[], '{0.03,0.05,0.07}'::numeric[])) AS t(b, r);
-- Section gap: 0 to 1000, 1001 to 5000, base 1000.50: half-open bounds pay the upper tier.
SELECT omnicrm.tier_pay(1000.50, 0, '{1000}', '{0.01,0.02}', 'whole') AS section_gap,
       omnicrm.tier_pay(1000, 0, '{1000}', '{0.01,0.02}', 'whole') AS on_the_bound,
       omnicrm.tier_pay(999.99, 0, '{1000}', '{0.01,0.02}', 'whole') AS below_the_bound,
       omnicrm.tier_pay(10, 0, '{}', '{0.5}') AS one_tier,
       omnicrm.tier_pay(NULL, 0, '{}', '{0.5}') AS unknown;
SELECT omnicrm.tier_pay(1, 0, '{10}', '{0.1}');
SELECT omnicrm.tier_pay(1, 0, '{10,10}', '{0.1,0.2,0.3}');
SELECT omnicrm.tier_pay(1, 0, '{0}', '{0.1,0.2}');
SELECT omnicrm.tier_pay(1, 0, '{10,NULL}', '{0.1,0.2,0.3}');
SELECT omnicrm.tier_pay(1, 0, '{NaN}', '{0.1,0.2}');
SELECT omnicrm.tier_pay(1, 0, '{10}', '{0.1,Infinity}');
SELECT omnicrm.tier_pay('NaN', 0, '{10}', '{0.1,0.2}');
SELECT omnicrm.tier_pay(1, 0, '{10}', '{0.1,0.2}', 'margin');
