-- Groceries: 9,835 baskets of a grocery shop, with counts and conditional
-- probabilities known from the literature (R package arules) and recomputed
-- exactly. Run by psql -v data=DIR -v ON_ERROR_STOP=1.
SET client_min_messages = warning;
CREATE TABLE grocery_line (basket bigint NOT NULL, item text NOT NULL, quantity integer NOT NULL);
\set cmd '\\copy grocery_line FROM ''' :data '/nbo/groceries.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
CREATE TABLE grocery_item AS
SELECT row_number() OVER (ORDER BY l.item COLLATE "C") AS item_id, l.item FROM grocery_line AS l GROUP BY l.item;
CREATE TABLE grocery AS
SELECT l.basket, i.item_id FROM grocery_line AS l JOIN grocery_item AS i ON i.item = l.item;

-- Fails unless a value is what it must be.
CREATE FUNCTION expect(what text, got numeric, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION '%: found %, expected %', what, got, wanted;
  END IF;
END
$$;

CREATE TABLE pairs AS
SELECT d.damping, a.item, b.item AS neighbour, n.both_count, n.item_count, n.neighbour_count, n.probability
FROM (VALUES (0), (10)) AS d(damping)
  CROSS JOIN LATERAL (SELECT omnicrm.item_pairs(g.basket, g.item_id, 200, d.damping, 500) AS pairs FROM grocery AS g) AS p
  CROSS JOIN LATERAL unnest(p.pairs) AS n
  JOIN grocery_item AS a ON a.item_id = n.item
  JOIN grocery_item AS b ON b.item_id = n.neighbour;

SELECT expect('baskets', (s).baskets, 9835), expect('items', (s).items, 169), expect('pairs', (s).pairs, 43367),
       expect('skipped', (s).skipped_baskets, 0), expect('largest basket', (s).largest_basket, 32)
FROM (SELECT omnicrm.item_pairs_summary(g.basket, g.item_id) AS s FROM grocery AS g) AS t \g /dev/null
SELECT expect('n(butter)', p.item_count, 545),
       expect('n(whole milk)', p.neighbour_count, 2513),
       expect('n(butter, whole milk)', p.both_count, 271),
       expect('damping 0', round(p.probability::numeric, 6), 0.497248)
FROM pairs AS p
WHERE p.damping = 0 AND p.item = 'butter' AND p.neighbour = 'whole milk' \g /dev/null
SELECT expect('damping 10', round(p.probability::numeric, 6), 0.488288),
       expect('lift', round(p.both_count * 9835 / (p.item_count * p.neighbour_count)::numeric, 6), 1.946053)
FROM pairs AS p
WHERE p.damping = 10 AND p.item = 'butter' AND p.neighbour = 'whole milk' \g /dev/null
SELECT expect('n(other vegetables)', max(p.item_count), 1903) FROM pairs AS p WHERE p.item = 'other vegetables' \g /dev/null
-- Every pair that shares a basket, in both directions, against a self-join.
SELECT expect('pairs that differ from plain SQL', count(*), 0)
FROM (
    SELECT a.item_id, b.item_id AS neighbour_id, count(*) AS both_count
    FROM grocery AS a
      JOIN grocery AS b ON b.basket = a.basket AND b.item_id <> a.item_id
    GROUP BY a.item_id, b.item_id
  ) AS x
  FULL JOIN (
    SELECT i.item_id, j.item_id AS neighbour_id, p.both_count
    FROM pairs AS p
      JOIN grocery_item AS i ON i.item = p.item
      JOIN grocery_item AS j ON j.item = p.neighbour
    WHERE p.damping = 0
  ) AS y USING (item_id, neighbour_id)
WHERE x.both_count IS DISTINCT FROM y.both_count \g /dev/null

-- Leave one out, as in the reference: train on four baskets of five, hide each
-- item of the other baskets in turn, rank by the sum of the damped conditional
-- probabilities of what is left (ties in the order of the list of items). 3,297
-- hits, .3937, is what exact rational arithmetic gives.
CREATE TABLE list (place serial, item text, level2 text, level1 text);
\set cmd '\\copy list (item, level2, level1) FROM ''' :data '/nbo/groceries_items.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
CREATE TABLE train AS
SELECT g.basket, l.place AS item FROM grocery_line AS g JOIN list AS l ON l.item = g.item WHERE (g.basket - 1) % 5 <> 4;
CREATE TABLE hidden AS
SELECT g.basket, l.place AS item FROM grocery_line AS g JOIN list AS l ON l.item = g.item
WHERE (g.basket - 1) % 5 = 4
  AND (SELECT count(*) FROM grocery_line AS o WHERE o.basket = g.basket) >= 2;
CREATE TABLE weight AS
SELECT n.item, n.neighbour, n.probability
FROM (SELECT omnicrm.item_pairs(t.basket, t.item, 200, 10, 500) AS pairs FROM train AS t) AS p
  CROSS JOIN LATERAL unnest(p.pairs) AS n;
CREATE UNIQUE INDEX ON weight (item, neighbour);
ANALYZE weight, hidden;
WITH
  -- Sums over whole test baskets; the hidden item's own share is taken off again.
  score AS (
    SELECT h.basket, w.neighbour AS item, sum(w.probability) AS score
    FROM hidden AS h
      JOIN weight AS w ON w.item = h.item
    GROUP BY h.basket, w.neighbour
  ),
  trial AS (
    SELECT h.basket, h.item AS target, s.item, s.score - coalesce(w.probability, 0) AS score
    FROM hidden AS h
      JOIN score AS s ON s.basket = h.basket
      LEFT JOIN weight AS w ON w.item = h.item AND w.neighbour = s.item
    WHERE s.item = h.item
       OR NOT EXISTS (SELECT 1 FROM hidden AS o WHERE o.basket = h.basket AND o.item = s.item)
  ),
  -- The place of the hidden item among all that are not in the basket.
  place AS (
    SELECT t.basket, t.target,
           1 + count(*) FILTER (WHERE r.score - t.score > 1e-9 OR abs(r.score - t.score) <= 1e-9 AND r.item < t.target) AS place
    FROM trial AS t
      JOIN trial AS r ON r.basket = t.basket AND r.target = t.target
    WHERE t.item = t.target
    GROUP BY t.basket, t.target
  )
SELECT expect('hidden items', (SELECT count(*) FROM hidden), 8375),
       expect('hits at 10', count(*) FILTER (WHERE p.place <= 10), 3297),
       expect('nDCG at 10', round(sum(CASE WHEN p.place <= 10 THEN ln(2) / ln(p.place + 1) ELSE 0 END)::numeric / 8375, 4), 0.2203)
FROM place AS p \g /dev/null
\echo Groceries: every count, probability and hit as it must be
