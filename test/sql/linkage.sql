-- How strongly a customer is tied to the company, and to what.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\pset null '(null)'


SELECT name, round(omnicrm.effective_number(v)::numeric, 9) AS number
FROM (VALUES ('equal', '{3,3,3,3}'::double precision[]), ('one holds most', '{97,1,1,1}'), ('losses have no share', '{5,5,-100,0,NULL}'), ('one', '{7}'),
             ('nothing above zero', '{0,-1}'), ('none', '{NULL}'), ('far apart', '{1e300,1e-300}')) AS t(name, list), unnest(list) AS v
GROUP BY name ORDER BY name;
SELECT omnicrm.effective_number('NaN');
SELECT omnicrm.effective_number(1e308) FROM generate_series(1, 10);

CREATE FUNCTION pg_temp.shown(l omnicrm.linkage) RETURNS text LANGUAGE sql
AS $$
  SELECT concat_ws(' ', coalesce(round((l).score::numeric, 4)::text, '-'), coalesce((l).class, '-'), ':', coalesce(round((l).tenure::numeric, 2)::text, '-'),
                   coalesce(round((l).frequency::numeric, 2)::text, '-'), coalesce(round((l).regularity::numeric, 2)::text, '-'),
                   coalesce(round((l).categories::numeric, 2)::text, '-'), coalesce(round((l).channels::numeric, 2)::text, '-'),
                   coalesce(round((l).referrals::numeric, 2)::text, '-'))
$$;
-- Each part at its half, nothing, everything, what is not known.
SELECT name, pg_temp.shown(l)
FROM (VALUES (1, 'halves', omnicrm.linkage_score(365, 4, 1, 3, 2, 1)),
             (2, 'nothing', omnicrm.linkage_score(0, 0, NULL, 0, 0, 0)),
             (3, 'first purchase', omnicrm.linkage_score(0, 1, NULL, 1, 1, 0)),
             (4, 'very much', omnicrm.linkage_score(1e300, 1e300, 0, 1e300, 1e300, 1e300)),
             (5, 'very uneven', omnicrm.linkage_score(730, 10, 1e300, 1, 1)),
             (6, 'unknown', omnicrm.linkage_score(NULL, NULL, NULL, NULL, NULL)),
             (7, 'only tenure', omnicrm.linkage_score(730, NULL, NULL, NULL, NULL)),
             (8, 'weights', omnicrm.linkage_score(365, 4, 1, 1, 1, 0, '{"tenure": 3, "frequency": 1, "regularity": 0, "categories": 4, "channels": 0, "referrals": 0}')),
             (9, 'one weight', omnicrm.linkage_score(365, 4, 1, 3, 2, 0, '{"referrals": 0}')),
             (10, 'null weights', omnicrm.linkage_score(365, 4, 1, 3, 2, 1, NULL)),
             (11, 'no weight', omnicrm.linkage_score(365, NULL, 1, 3, 2, 1, '{"tenure": 0, "regularity": 0, "categories": 0, "channels": 0, "referrals": 0}')),
             (12, 'limits', omnicrm.linkage_score(365, 4, 1, 3, 2, 1, '{}', '{50,50}')),
             (13, 'limits', omnicrm.linkage_score(365, 4, 1, 3, 2, 1, '{}', '{50.1,100}'))) AS t(n, name, l)
ORDER BY n;
-- More of anything never lowers the score; it stays in 0 to 100.
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a).score > (b).score OR NOT (a).score BETWEEN 0 AND 100) AS broken
FROM (SELECT omnicrm.linkage_score(t, f, cv + 0.5, c, h, r) AS a, omnicrm.linkage_score(t + 30, f + 1, cv, c + 1, h + 1, r + 1) AS b
      FROM unnest('{0,10,500,3000}'::double precision[]) AS t, unnest('{0,1,2,50}'::double precision[]) AS f, unnest('{0,0.3,2}'::double precision[]) AS cv,
           unnest('{0,1,1.5,6}'::double precision[]) AS c, unnest('{0,1,3}'::double precision[]) AS h, unnest('{0,1,9}'::double precision[]) AS r) AS p;
SELECT omnicrm.linkage_score(-1, 1, 1, 1, 1);
SELECT omnicrm.linkage_score(1, 'NaN', 1, 1, 1);
SELECT omnicrm.linkage_score(1, 1, 'Infinity', 1, 1);
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, -1);
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{"margin": 3}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{"tenure": -3}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{"tenure": "3"}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '[3]');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{}', NULL);
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{}', '{30}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{}', '{30,NULL}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{}', '{60,30}');
SELECT omnicrm.linkage_score(1, 1, 1, 1, 1, 1, '{}', '{30,NaN}');

-- Affinity: by rows, by value, of nobody.
CREATE TABLE line (customer integer, "the category" text, amount numeric);
INSERT INTO line VALUES (1, 'shoes', 10), (1, 'shoes', 30), (1, 'hats', 20), (2, 'hats', 5), (2, 'hats', 5), (2, 'hats', 5), (2, 'gloves', 5), (3, 'shoes', 100),
  (3, 'hats', -10), (4, NULL, 3), (NULL, 'hats', 3), (5, 'shoes', 20), (5, 'shoes', -20), (6, 'gloves', NULL);
SELECT customer, category, value, round(share::numeric, 4) AS share, round(base_share::numeric, 4) AS base, round(lift::numeric, 4) AS lift, place
FROM omnicrm.affinity('line', 'customer', 'the category');
SELECT customer, category, value, round(share::numeric, 4) AS share, round(base_share::numeric, 4) AS base, round(lift::numeric, 4) AS lift, place
FROM omnicrm.affinity('line', 'customer', 'the category', 'amount', 0);
-- Without damping the mean of the lifts of a customer, weighted by what all buy, is 1; much damping leaves 1.
SELECT customer, round(sum(base_share * lift)::numeric, 9) AS mean FROM omnicrm.affinity('line', 'customer', 'the category', damping => 0) GROUP BY customer ORDER BY customer;
SELECT max(abs(lift - 1)) < 1e-9 AS as_everybody FROM omnicrm.affinity('line', 'customer', 'the category', damping => 1e14);
INSERT INTO line VALUES (7, 'hats', 'NaN'), (7, 'shoes', 'Infinity'), (8, 'shoes', '-Infinity');
SELECT count(*) FROM omnicrm.affinity('line', 'customer', 'the category', 'amount');
CREATE VIEW no_line AS SELECT * FROM line WHERE false;
SELECT * FROM omnicrm.affinity('no_line', 'customer', 'the category');
CREATE TABLE odd ("a'b""c; DROP TABLE line" text, "%1$s" text);
INSERT INTO odd VALUES ('x''y', '%I');
SELECT customer, category, lift FROM omnicrm.affinity('odd', 'a''b"c; DROP TABLE line', '%1$s');
SELECT * FROM omnicrm.affinity('line', NULL, 'the category');
SELECT * FROM omnicrm.affinity('line', 'customer', 'category');
SELECT * FROM omnicrm.affinity('line', 'customer', 'the category', 'price');
SELECT * FROM omnicrm.affinity('line', 'customer', 'the category', 'the category');
SELECT * FROM omnicrm.affinity('line', 'customer', 'the category', damping => -1);
SELECT * FROM omnicrm.affinity('line', 'customer', 'the category', damping => 'NaN');
SELECT * FROM omnicrm.affinity('line', 'customer', 'the category', damping => NULL);
DROP VIEW no_line;
DROP TABLE line, odd;
