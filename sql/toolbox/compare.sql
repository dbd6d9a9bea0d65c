-- Comparing values: how alike two texts, dates, numbers and arrays are, and one
-- text against many. Beside these: jaro_winkler(), damerau_levenshtein() and
-- name_similarity() of identity.sql, dates_agree() of cluster.sql.
-- Every function is the same for swapped arguments and never fails because of a
-- value; texts beyond 1,000 characters give NULL.

CREATE FUNCTION omnicrm.jaro(a text, b text)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_jaro';

COMMENT ON FUNCTION omnicrm.jaro(text, text) IS
  'Jaro similarity by code point, 0 to 1: (m/|a| + m/|b| + (m - t)/m) / 3 with m equal characters not farther apart than half the longer text less one, and t half the number of them in another order, an exact fraction. Two empty texts give 1. Case and accents matter. NULL beyond 1,000 characters. Source: Jaro 1989.';

CREATE FUNCTION omnicrm.levenshtein(a text, b text)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_levenshtein';

COMMENT ON FUNCTION omnicrm.levenshtein(text, text) IS
  'Edit distance by code point: insertions, deletions and substitutions. Case and accents matter; a combining mark is a character. NULL beyond 1,000 characters. Source: Hyyro 2003.';

CREATE FUNCTION omnicrm.token_set_similarity(a text, b text)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_token_set_similarity';

COMMENT ON FUNCTION omnicrm.token_set_similarity(text, text) IS
  'Similarity of two texts as sets of words, 0 to 1: both folded as normalize_name() does, distinct words paired one to one, equal ones first, then the most similar with a Jaro-Winkler similarity of .9 or more; a word with a digit pairs with its equal only. Twice the sum of the pairs over the number of words of both. Order and repetition of words do not matter. NULL when one has no word or more than 1,000 characters, folded or not. Sources: Dice 1945; Cohen, Ravikumar and Fienberg 2003.';

CREATE FUNCTION omnicrm.jaro_winkler_many(value text, candidates text[])
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_jaro_winkler_many';

COMMENT ON FUNCTION omnicrm.jaro_winkler_many(text, text[]) IS
  'jaro_winkler() of a text and each element of an array, in the order of unnest(); NULL for an element that is NULL or beyond 1,000 characters. NULL when the text is beyond 1,000 characters.';

CREATE FUNCTION omnicrm.damerau_levenshtein_many(value text, candidates text[])
RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_damerau_levenshtein_many';

COMMENT ON FUNCTION omnicrm.damerau_levenshtein_many(text, text[]) IS
  'damerau_levenshtein() of a text and each element of an array, in the order of unnest(); NULL for an element that is NULL or beyond 1,000 characters. NULL when the text is beyond 1,000 characters.';

CREATE FUNCTION omnicrm.best_match(value text, candidates text[], at_least double precision DEFAULT 0,
  OUT "position" integer, OUT similarity double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_best_match';

COMMENT ON FUNCTION omnicrm.best_match(text, text[], double precision) IS
  'The element of an array with the greatest jaro_winkler() similarity to a text, and not less than at_least: its number in the order of unnest() (the subscript of a plain array) and the similarity; of equally similar ones the first. Case and accents matter: normalise both before. NULL, NULL when there is none; NULL elements and those beyond 1,000 characters are passed over. Error: at_least is NaN (invalid_parameter_value).';

CREATE FUNCTION omnicrm.date_level(a date, b date)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_date_level';

COMMENT ON FUNCTION omnicrm.date_level(date, date) IS
  'How two dates agree, the first that holds: equal; day_month_swapped; digits_swapped (two neighbouring digits of yyyymmdd); one_digit (one digit differs); same_month (of one year); same_year; different. All but the last three are what dates_agree() accepts. Infinite dates and those outside the years 1 to 9999 are equal or different.';

CREATE FUNCTION omnicrm.date_similarity(a date, b date)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_date_similarity';

COMMENT ON FUNCTION omnicrm.date_similarity(date, date) IS
  'date_level() as a number: equal 1, day_month_swapped and digits_swapped .95, one_digit .9, same_month .6, same_year .3, different 0.';

CREATE FUNCTION omnicrm.number_similarity(a double precision, b double precision, tolerance double precision DEFAULT 1)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_number_similarity';

COMMENT ON FUNCTION omnicrm.number_similarity(double precision, double precision, double precision) IS
  'Nearness of two numbers, 0 to 1: 1 - d / tolerance, at least 0, where d is their difference over the greater of both without sign. tolerance: the relative difference from which on the similarity is 0 (.1: ten per cent; 0: equal or not). Equal numbers give 1, also two zeros and two equal infinities; one infinite number gives 0. NULL for NaN. Error: a tolerance that is negative or not finite (invalid_parameter_value).';

CREATE FUNCTION omnicrm.array_overlap(a anycompatiblearray, b anycompatiblearray)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_array_overlap';

COMMENT ON FUNCTION omnicrm.array_overlap(anycompatiblearray, anycompatiblearray) IS
  'Overlap coefficient of two arrays, 0 to 1: shared distinct elements over those of the smaller array, so 1 when one contains the other. Order, repetition and NULL elements do not matter. NULL when an array has no element but NULL, or more than 100,000. Error: an element type without an order (undefined_function).';

CREATE FUNCTION omnicrm.array_jaccard(a anycompatiblearray, b anycompatiblearray)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_array_jaccard';

COMMENT ON FUNCTION omnicrm.array_jaccard(anycompatiblearray, anycompatiblearray) IS
  'Jaccard coefficient of two arrays, 0 to 1: shared distinct elements over those of both together, so 1 when both have the same. Order, repetition and NULL elements do not matter. NULL when an array has no element but NULL, or more than 100,000. Error: an element type without an order (undefined_function).';
