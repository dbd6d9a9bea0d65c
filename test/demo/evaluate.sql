-- How well the golden record was found, against shop.truth: exact pairwise and
-- B-cubed figures from the sizes of the groups, without looking at each pair.
CREATE OR REPLACE VIEW shop.judged AS
SELECT t.person_id, m.customer_id, r.record_id, t.source
FROM shop.truth AS t
JOIN crm.source AS s ON s.name = t.source
JOIN crm.source_record AS r ON r.source_id = s.source_id AND r.source_key = t.source_key
JOIN crm.customer_member AS m ON m.record_id = r.record_id;

CREATE OR REPLACE VIEW shop.evaluation AS
WITH cell AS (
  SELECT person_id, customer_id, count(*)::numeric AS n FROM shop.judged GROUP BY person_id, customer_id
), sized AS (
  SELECT n, sum(n) OVER (PARTITION BY person_id) AS of_person, sum(n) OVER (PARTITION BY customer_id) AS of_customer FROM cell
), summed AS (
  SELECT sum(n) AS records,
         sum(n * (n - 1) / 2) AS right_pairs,
         -- One row of each group stands for it: its share of the group's pairs.
         sum((of_person - 1) / 2 * n) AS true_pairs,
         sum((of_customer - 1) / 2 * n) AS found_pairs,
         sum(n * n / of_customer) / sum(n) AS bcubed_precision,
         sum(n * n / of_person) / sum(n) AS bcubed_recall
  FROM sized
), rated AS (
  SELECT *, CASE WHEN found_pairs = 0 THEN 1 ELSE right_pairs / found_pairs END AS precision,
         CASE WHEN true_pairs = 0 THEN 1 ELSE right_pairs / true_pairs END AS recall
  FROM summed
)
SELECT records::bigint AS records,
       (SELECT count(DISTINCT person_id) FROM shop.judged) AS people,
       (SELECT count(DISTINCT customer_id) FROM shop.judged) AS customers,
       true_pairs::bigint AS true_pairs, found_pairs::bigint AS found_pairs, right_pairs::bigint AS right_pairs,
       round(precision, 4) AS precision, round(recall, 4) AS recall,
       round(2 * precision * recall / nullif(precision + recall, 0), 4) AS f1,
       round(bcubed_precision, 4) AS bcubed_precision, round(bcubed_recall, 4) AS bcubed_recall,
       round(2 * bcubed_precision * bcubed_recall / (bcubed_precision + bcubed_recall), 4) AS bcubed_f1
FROM rated;
