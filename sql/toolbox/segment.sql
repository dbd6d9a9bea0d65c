-- Segmentation: RFM cut points, scores and segment maps; Pareto classes and
-- concentration. They work on any table or query.

-- The state of the aggregates below: the values of one group.
CREATE FUNCTION omnicrm.values_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_values_combine';
COMMENT ON FUNCTION omnicrm.values_combine(internal, internal) IS
  'Support function: merges two states of rfm_cuts, gini, top_share or share_needed.';

CREATE FUNCTION omnicrm.values_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_values_serialize';
COMMENT ON FUNCTION omnicrm.values_serialize(internal) IS
  'Support function: a state of rfm_cuts, gini, top_share or share_needed as bytea.';

CREATE FUNCTION omnicrm.values_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_values_deserialize';
COMMENT ON FUNCTION omnicrm.values_deserialize(bytea, internal) IS
  'Support function: a state of rfm_cuts, gini, top_share or share_needed from bytea. Errors: invalid_binary_representation.';

-- RFM: cut points.
CREATE FUNCTION omnicrm.rfm_cuts_accum(internal, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_cuts_accum';
COMMENT ON FUNCTION omnicrm.rfm_cuts_accum(internal, double precision) IS
  'Support function: transition of rfm_cuts(value).';

CREATE FUNCTION omnicrm.rfm_cuts_accum(internal, double precision, integer)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_cuts_accum';
COMMENT ON FUNCTION omnicrm.rfm_cuts_accum(internal, double precision, integer) IS
  'Support function: transition of rfm_cuts(value, bins).';

CREATE FUNCTION omnicrm.rfm_cuts_accum(internal, double precision, integer, text)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_cuts_accum';
COMMENT ON FUNCTION omnicrm.rfm_cuts_accum(internal, double precision, integer, text) IS
  'Support function: transition of rfm_cuts(value, bins, method).';

CREATE FUNCTION omnicrm.rfm_cuts_final(internal)
RETURNS double precision[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_cuts_final';
COMMENT ON FUNCTION omnicrm.rfm_cuts_final(internal) IS
  'Support function: cut points of a state of rfm_cuts.';

CREATE AGGREGATE omnicrm.rfm_cuts(value double precision) (
  SFUNC = omnicrm.rfm_cuts_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.rfm_cuts_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.rfm_cuts(double precision) IS
  'The four cut points that divide the values into five parts of equal size: quantiles of type 7 (Hyndman and Fan 1996), in ascending order; some coincide when many values are equal. Score values with rfm_score(). Nulls are left out; null without a value. Same result for any order of the rows. Errors: invalid_parameter_value for NaN and infinite values, program_limit_exceeded beyond 100 million values in one group.';

CREATE AGGREGATE omnicrm.rfm_cuts(value double precision, bins integer) (
  SFUNC = omnicrm.rfm_cuts_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.rfm_cuts_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.rfm_cuts(double precision, integer) IS
  'The bins - 1 cut points that divide the values into 2 to 100 parts of equal size, as rfm_cuts(value). Errors: as there, and invalid_parameter_value for bins out of range or not the same in each row.';

CREATE AGGREGATE omnicrm.rfm_cuts(value double precision, bins integer, method text) (
  SFUNC = omnicrm.rfm_cuts_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.rfm_cuts_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.rfm_cuts(double precision, integer, text) IS
  'Cut points by method: quantile as rfm_cuts(value, bins), or rfm as the R package rfm computes them (quantile of type 7 plus 1); give the same method to rfm_score(). Errors: as rfm_cuts(value, bins), and invalid_parameter_value for an unknown method.';

-- RFM: scores, codes and segments.
CREATE FUNCTION omnicrm.rfm_score(value double precision, cuts double precision[],
                                  descending boolean DEFAULT false, method text DEFAULT 'quantile')
RETURNS smallint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_score';
COMMENT ON FUNCTION omnicrm.rfm_score(double precision, double precision[], boolean, text) IS
  'Score of a value: 1 + number of cut points below it, so that equal values always have equal scores. descending: bins + 1 - score, for values of which less is better, such as days since the last order. method rfm counts cut points at or below the value, as the R package rfm does. Null for null. Errors: invalid_parameter_value for NaN, for cut points that do not ascend or are more than 99, for an unknown method; null_value_not_allowed for a null cut point.';

CREATE FUNCTION omnicrm.rfm_bin(value double precision, bins integer DEFAULT 5, descending boolean DEFAULT false)
RETURNS smallint
LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_bin';
COMMENT ON FUNCTION omnicrm.rfm_bin(double precision, integer, boolean) IS
  'Window function: score of a value by the cut points of its own partition, as rfm_score(value, rfm_cuts(value, bins), descending). Independent scores: OVER (); nested ones: frequency OVER (PARTITION BY the recency score), money OVER (PARTITION BY both). Equal values have equal scores. Order and frame of the window do not matter; null for null. bins: 2 to 100, that of the first row. Errors: invalid_parameter_value for bins out of range, NaN and infinite values; null_value_not_allowed.';

CREATE FUNCTION omnicrm.rfm_code(r integer, f integer, m integer)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_code';
COMMENT ON FUNCTION omnicrm.rfm_code(integer, integer, integer) IS
  'Three scores of 1 to 9 as one number: 100 r + 10 f + m, for example 543. Null for null. Errors: invalid_parameter_value for a score out of range.';

CREATE FUNCTION omnicrm.rfm_weighted(r integer, f integer, m integer, weights double precision[] DEFAULT '{100,10,1}')
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_rfm_weighted';
COMMENT ON FUNCTION omnicrm.rfm_weighted(integer, integer, integer, double precision[]) IS
  'The three scores as one figure to sort by: the sum of each times its weight. Null for null. Errors: invalid_parameter_value unless there are three finite weights.';

CREATE FUNCTION omnicrm.rfm_segment(r integer, f integer, m integer DEFAULT NULL, map text DEFAULT 'rf25')
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_segment';
COMMENT ON FUNCTION omnicrm.rfm_segment(integer, integer, integer, text) IS
  'Name of the segment of these scores (1 to 5). Maps: rf25 (one name for each of the 25 cells of recency and frequency; m is not needed), rfm_0_2 and rfm_0_3 (the maps of the R package rfm: first match wins, else Others). Null when a score that the map needs is null. Errors: invalid_parameter_value for an unknown map or a score out of range.';

CREATE FUNCTION omnicrm.rfm_segment(r integer, f integer, m integer, map jsonb)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_segment_jsonb';
COMMENT ON FUNCTION omnicrm.rfm_segment(integer, integer, integer, jsonb) IS
  'Name of the segment of these scores by a map of your own: {"scores": 5, "others": "rest", "rules": [{"segment": "best", "r": [4, 5], "f": 5}, ...]}. The first rule that matches names the segment, else others, else null; an axis that a rule does not name may have any score; scores: the highest, 2 to 9 (5). Check it by rfm_map_check(map). Null when a score that the map needs is null. Errors: invalid_parameter_value for a map that is not well formed or a score out of range.';

CREATE FUNCTION omnicrm.rfm_map(map text DEFAULT 'rf25',
  OUT rule integer, OUT segment text,
  OUT r_low smallint, OUT r_high smallint, OUT f_low smallint, OUT f_high smallint,
  OUT m_low smallint, OUT m_high smallint)
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_map';
COMMENT ON FUNCTION omnicrm.rfm_map(text) IS
  'The rules of a segment map, in the order in which they are tried: lowest and highest score of each axis. Errors: invalid_parameter_value for an unknown map.';

CREATE FUNCTION omnicrm.rfm_map(map jsonb,
  OUT rule integer, OUT segment text,
  OUT r_low smallint, OUT r_high smallint, OUT f_low smallint, OUT f_high smallint,
  OUT m_low smallint, OUT m_high smallint)
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_rfm_map_jsonb';
COMMENT ON FUNCTION omnicrm.rfm_map(jsonb) IS
  'The rules of a map of your own, as rfm_map(text). Errors: invalid_parameter_value for a map that is not well formed.';

CREATE FUNCTION omnicrm.rfm_map_check(map text DEFAULT 'rf25',
  OUT problem text, OUT r smallint, OUT f smallint, OUT m smallint, OUT segments text[])
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 50
AS 'MODULE_PATHNAME', 'omnicrm_rfm_map_check';
COMMENT ON FUNCTION omnicrm.rfm_map_check(text) IS
  'What is wrong with a segment map: a row for each cell that no rule matches (gap) or several match (overlap, with their segments in the order tried), and for each segment that no cell ever gets (unreachable). No row: the map is complete and disjoint. Errors: invalid_parameter_value for an unknown map.';

CREATE FUNCTION omnicrm.rfm_map_check(map jsonb,
  OUT problem text, OUT r smallint, OUT f smallint, OUT m smallint, OUT segments text[])
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 50
AS 'MODULE_PATHNAME', 'omnicrm_rfm_map_check_jsonb';
COMMENT ON FUNCTION omnicrm.rfm_map_check(jsonb) IS
  'What is wrong with a map of your own, as rfm_map_check(text): gaps, overlaps and segments that no cell ever gets. Errors: invalid_parameter_value for a map that is not well formed.';

-- Pareto classes.
CREATE FUNCTION omnicrm.abc_class(value double precision, limits double precision[] DEFAULT '{0.8,0.95}')
RETURNS text
LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_abc_class_float8';
COMMENT ON FUNCTION omnicrm.abc_class(double precision, double precision[]) IS
  'Window function: Pareto class of a value within its partition, by the share of the total that all larger values hold: A below the first limit, B below the second, and so on, so that the item which crosses a limit has the better class, and equal values one class. The total is the sum of the positive values; negative values are losses, class L; null for null. Order and frame of the window do not matter. limits: 1 to 8 ascending shares above 0 and up to 1, taken from the first row. Errors: invalid_parameter_value for NaN, infinite values and bad limits.';

CREATE FUNCTION omnicrm.abc_class(value numeric, limits double precision[] DEFAULT '{0.8,0.95}')
RETURNS text
LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_abc_class_numeric';
COMMENT ON FUNCTION omnicrm.abc_class(numeric, double precision[]) IS
  'As abc_class(double precision, ...), exact: sums and comparisons in integers of the smallest decimal unit that occurs, limits read to nine decimals. Errors: as there, and numeric_value_out_of_range for a value that has more than 18 digits in that unit.';

CREATE FUNCTION omnicrm.xyz_class(variation double precision, limits double precision[] DEFAULT '{0.5,1}')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_xyz_class';
COMMENT ON FUNCTION omnicrm.xyz_class(double precision, double precision[]) IS
  'Class of a coefficient of variation, stddev / mean, such as that of the quantities sold each month: X up to the first limit (regular), Y up to the second, Z beyond. With abc_class() it makes ABC-XYZ. Null for null. Errors: invalid_parameter_value for a negative variation or NaN and for limits that do not ascend.';

-- Concentration.
CREATE FUNCTION omnicrm.concentration_accum(internal, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_concentration_accum';
COMMENT ON FUNCTION omnicrm.concentration_accum(internal, double precision) IS
  'Support function: transition of gini.';

CREATE FUNCTION omnicrm.concentration_accum(internal, double precision, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_concentration_accum';
COMMENT ON FUNCTION omnicrm.concentration_accum(internal, double precision, double precision) IS
  'Support function: transition of top_share and share_needed.';

CREATE FUNCTION omnicrm.gini_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_gini_final';
COMMENT ON FUNCTION omnicrm.gini_final(internal) IS 'Support function: result of gini.';

CREATE FUNCTION omnicrm.top_share_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_top_share_final';
COMMENT ON FUNCTION omnicrm.top_share_final(internal) IS 'Support function: result of top_share.';

CREATE FUNCTION omnicrm.share_needed_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_share_needed_final';
COMMENT ON FUNCTION omnicrm.share_needed_final(internal) IS 'Support function: result of share_needed.';

CREATE AGGREGATE omnicrm.gini(value double precision) (
  SFUNC = omnicrm.concentration_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.gini_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.gini(double precision) IS
  'Gini coefficient: 2 sum(i v_i) / (n sum(v)) - (n + 1) / n over ascending values. 0 when all are equal, towards 1 when one holds all, above 1 only with negative values. Nulls are left out; null without a value or when the total is not above zero. Same result for any order of the rows. Errors: invalid_parameter_value for NaN and infinite values, numeric_value_out_of_range, program_limit_exceeded.';

CREATE AGGREGATE omnicrm.top_share(value double precision, p double precision) (
  SFUNC = omnicrm.concentration_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.top_share_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.top_share(double precision, double precision) IS
  'Share of the total in the largest ceil(n p) values; p from 0 to 1, read as the decimal that was written. Nulls are left out; null without a value or when the total is not above zero. Errors: as gini, and invalid_parameter_value for p out of range or not the same in each row.';

CREATE AGGREGATE omnicrm.share_needed(value double precision, s double precision) (
  SFUNC = omnicrm.concentration_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.share_needed_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.share_needed(double precision, double precision) IS
  'Smallest part k / n of the values whose k largest hold at least the share s of the total (how many customers make 80 percent of the business); s from 0 to 1. Nulls are left out; null without a value or when the total is not above zero. Errors: as top_share.';

CREATE FUNCTION omnicrm.customers_needed_final(internal)
RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customers_needed_final';
COMMENT ON FUNCTION omnicrm.customers_needed_final(internal) IS 'Support function: result of customers_needed.';

CREATE AGGREGATE omnicrm.customers_needed(value double precision, s double precision) (
  SFUNC = omnicrm.concentration_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.customers_needed_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customers_needed(double precision, double precision) IS
  'How many customers make this share of the business: smallest number of values that hold at least the share s of the total, the largest first; as share_needed, as a number. Errors: as top_share.';

-- Curves of concentration.
CREATE TYPE omnicrm.pareto_point AS (
  customers bigint,
  part      double precision,
  total     double precision,
  share     double precision,
  value     double precision
);
COMMENT ON TYPE omnicrm.pareto_point IS 'A point of a curve of pareto_curve() or lorenz_curve().';
COMMENT ON COLUMN omnicrm.pareto_point.customers IS 'Number of values up to here.';
COMMENT ON COLUMN omnicrm.pareto_point.part IS 'The same as a part of all.';
COMMENT ON COLUMN omnicrm.pareto_point.total IS 'Their sum.';
COMMENT ON COLUMN omnicrm.pareto_point.share IS 'The same as a part of the sum of all; null when that is not above zero.';
COMMENT ON COLUMN omnicrm.pareto_point.value IS 'The last value that was added.';

CREATE FUNCTION omnicrm.curve_accum(internal, double precision, integer)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_curve_accum';
COMMENT ON FUNCTION omnicrm.curve_accum(internal, double precision, integer) IS
  'Support function: transition of pareto_curve and lorenz_curve.';

CREATE FUNCTION omnicrm.pareto_curve_final(internal)
RETURNS omnicrm.pareto_point[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_pareto_curve_final';
COMMENT ON FUNCTION omnicrm.pareto_curve_final(internal) IS 'Support function: result of pareto_curve.';

CREATE FUNCTION omnicrm.lorenz_curve_final(internal)
RETURNS omnicrm.pareto_point[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_lorenz_curve_final';
COMMENT ON FUNCTION omnicrm.lorenz_curve_final(internal) IS 'Support function: result of lorenz_curve.';

CREATE AGGREGATE omnicrm.pareto_curve(value double precision, points integer) (
  SFUNC = omnicrm.curve_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.pareto_curve_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.pareto_curve(double precision, integer) IS
  'The Pareto curve, from the largest value down, at so many points (1 to 10,000; 100: each percent of the customers) as an array of rows: unnest() it. Point i takes the ceil(n i / points) largest values. Nulls are left out; null without a value. Same result for any order of the rows. Errors: invalid_parameter_value for NaN, infinite values and points out of range or not the same in each row; numeric_value_out_of_range, program_limit_exceeded.';

CREATE AGGREGATE omnicrm.lorenz_curve(value double precision, points integer) (
  SFUNC = omnicrm.curve_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.lorenz_curve_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.lorenz_curve(double precision, integer) IS
  'The Lorenz curve: as pareto_curve, from the smallest value up; below zero where there are losses. Errors: as there.';
