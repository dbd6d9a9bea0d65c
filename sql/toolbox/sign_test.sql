-- Is a fall more than chance: an exact test, and the correction for many of them.

CREATE FUNCTION omnicrm.sign_test(worse bigint, better bigint)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sign_test';
COMMENT ON FUNCTION omnicrm.sign_test(bigint, bigint) IS
  'Sign test (Dixon and Mood 1946): the exact two-sided p-value of so many changes for the worse and so many for the better when both are equally likely; changes to the same do not count. Arguments: 0 or more each. Result: 0 to 1; 1 without observations; NULL for NULL. Errors: invalid_parameter_value (negative), program_limit_exceeded (more than 10^12 together).';

CREATE FUNCTION omnicrm.holm(p double precision[])
RETURNS double precision[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_holm';
COMMENT ON FUNCTION omnicrm.holm(double precision[]) IS
  'P-values adjusted for being many: of all tests together, the chance of any false alarm at a threshold is at most the threshold (Holm 1979, step-down; valid for tests that depend on each other). Argument: p-values of one dimension; a NULL is no test. Result: adjusted p-values in the same places, at least as large as before and at most 1. Errors: invalid_parameter_value (not from 0 to 1), array_subscript_error.';
