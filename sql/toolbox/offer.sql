-- What is bought together, for any table of baskets and items.

CREATE TYPE omnicrm.item_pair AS (
  item            bigint,
  neighbour       bigint,
  both_count      bigint,
  item_count      bigint,
  neighbour_count bigint,
  probability     double precision
);

COMMENT ON TYPE omnicrm.item_pair IS 'One row of omnicrm.item_pairs(): an item and one of its strongest neighbours.';
COMMENT ON COLUMN omnicrm.item_pair.item IS 'Item.';
COMMENT ON COLUMN omnicrm.item_pair.neighbour IS 'Item that is in the same baskets.';
COMMENT ON COLUMN omnicrm.item_pair.both_count IS 'Baskets that hold both.';
COMMENT ON COLUMN omnicrm.item_pair.item_count IS 'Baskets that hold the item.';
COMMENT ON COLUMN omnicrm.item_pair.neighbour_count IS 'Baskets that hold the neighbour.';
COMMENT ON COLUMN omnicrm.item_pair.probability IS 'Damped conditional probability: both_count / (item_count + damping).';

CREATE TYPE omnicrm.item_count AS (
  item    bigint,
  baskets bigint
);

COMMENT ON TYPE omnicrm.item_count IS 'One row of omnicrm.item_counts(): an item and in how many baskets it is.';
COMMENT ON COLUMN omnicrm.item_count.item IS 'Item.';
COMMENT ON COLUMN omnicrm.item_count.baskets IS 'Baskets that hold it, those with more than max_basket items included.';

CREATE TYPE omnicrm.item_pairs_summary AS (
  baskets         bigint,
  items           bigint,
  pairs           bigint,
  skipped_baskets bigint,
  largest_basket  bigint
);

COMMENT ON TYPE omnicrm.item_pairs_summary IS 'What omnicrm.item_pairs() counted and what it left out.';
COMMENT ON COLUMN omnicrm.item_pairs_summary.baskets IS 'Different baskets.';
COMMENT ON COLUMN omnicrm.item_pairs_summary.items IS 'Different items.';
COMMENT ON COLUMN omnicrm.item_pairs_summary.pairs IS 'Different (basket, item) pairs.';
COMMENT ON COLUMN omnicrm.item_pairs_summary.skipped_baskets IS 'Baskets with more than max_basket different items, left out of all counts.';
COMMENT ON COLUMN omnicrm.item_pairs_summary.largest_basket IS 'Different items in the largest basket, left out or not.';

CREATE FUNCTION omnicrm.item_pairs_add(state internal, basket bigint, item bigint)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_add';

CREATE FUNCTION omnicrm.item_pairs_add(state internal, basket bigint, item bigint,
                                       neighbours integer, damping double precision, max_basket integer)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_add';

CREATE FUNCTION omnicrm.item_pairs_combine(state internal, other internal)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_combine';

CREATE FUNCTION omnicrm.item_pairs_serialize(state internal)
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_serialize';

CREATE FUNCTION omnicrm.item_pairs_deserialize(state bytea, context internal)
RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_deserialize';

CREATE FUNCTION omnicrm.item_pairs_final(state internal)
RETURNS omnicrm.item_pair[]
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_final';

CREATE FUNCTION omnicrm.item_counts_final(state internal)
RETURNS omnicrm.item_count[]
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_counts_final';

CREATE FUNCTION omnicrm.item_pairs_summary_final(state internal)
RETURNS omnicrm.item_pairs_summary
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_item_pairs_summary_final';

CREATE AGGREGATE omnicrm.item_pairs(basket bigint, item bigint) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_pairs_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

CREATE AGGREGATE omnicrm.item_pairs(basket bigint, item bigint,
                                    neighbours integer, damping double precision, max_basket integer) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_pairs_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

CREATE AGGREGATE omnicrm.item_counts(basket bigint, item bigint) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_counts_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

CREATE AGGREGATE omnicrm.item_counts(basket bigint, item bigint,
                                     neighbours integer, damping double precision, max_basket integer) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_counts_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

CREATE AGGREGATE omnicrm.item_pairs_summary(basket bigint, item bigint) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_pairs_summary_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

CREATE AGGREGATE omnicrm.item_pairs_summary(basket bigint, item bigint,
                                            neighbours integer, damping double precision, max_basket integer) (
  SFUNC = omnicrm.item_pairs_add,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.item_pairs_summary_final,
  COMBINEFUNC = omnicrm.item_pairs_combine,
  SERIALFUNC = omnicrm.item_pairs_serialize,
  DESERIALFUNC = omnicrm.item_pairs_deserialize,
  PARALLEL = SAFE
);

COMMENT ON FUNCTION omnicrm.item_pairs_add(internal, bigint, bigint) IS 'Transition of omnicrm.item_pairs with default parameters; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_add(internal, bigint, bigint, integer, double precision, integer) IS 'Transition of omnicrm.item_pairs; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_combine(internal, internal) IS 'Combines two states of omnicrm.item_pairs; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_serialize(internal) IS 'Serialises a state of omnicrm.item_pairs; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_deserialize(bytea, internal) IS 'Reads a serialised state of omnicrm.item_pairs; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_final(internal) IS 'Result of omnicrm.item_pairs; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_counts_final(internal) IS 'Result of omnicrm.item_counts; not for direct use.';
COMMENT ON FUNCTION omnicrm.item_pairs_summary_final(internal) IS 'Result of omnicrm.item_pairs_summary; not for direct use.';
COMMENT ON AGGREGATE omnicrm.item_pairs(bigint, bigint) IS
  'item_pairs(basket, item, 50, 10, 500): the 50 strongest neighbours of each item, damping 10, baskets over 500 different items left out.';
COMMENT ON AGGREGATE omnicrm.item_pairs(bigint, bigint, integer, double precision, integer) IS
  'What is bought together. Rows are (basket, item); repeated rows count once, rows with a null are left out. Returns omnicrm.item_pair[] (read it with unnest): for each item its `neighbours` strongest neighbours by both_count / (item_count + damping), ordered by item, strength, neighbour id. Baskets with more than max_basket different items are left out of all counts; a NOTICE and omnicrm.item_pairs_summary say how many. The result does not depend on the order of rows or on parallel workers. Memory about 16 bytes per distinct pair and 56 per basket and item, at most maintenance_work_mem. Errors: invalid_parameter_value (neighbours 1 to 10000, damping finite and at least 0, max_basket 2 to 10000, the same in every row), null_value_not_allowed, program_limit_exceeded. Method: damped conditional probability, item-to-item co-occurrence (Linden, Smith, York, IEEE Internet Computing 7, 2003).';
COMMENT ON AGGREGATE omnicrm.item_counts(bigint, bigint) IS
  'item_counts(basket, item, 50, 10, 500): see the form with five arguments.';
COMMENT ON AGGREGATE omnicrm.item_counts(bigint, bigint, integer, double precision, integer) IS
  'In how many different baskets each item is, as omnicrm.item_count[] by item (read it with unnest), baskets over max_basket included. In one query with item_pairs and the same arguments both share one pass. Errors as item_pairs.';
COMMENT ON AGGREGATE omnicrm.item_pairs_summary(bigint, bigint) IS
  'item_pairs_summary(basket, item, 50, 10, 500): see the form with five arguments.';
COMMENT ON AGGREGATE omnicrm.item_pairs_summary(bigint, bigint, integer, double precision, integer) IS
  'Counts of the baskets that omnicrm.item_pairs reads and of those that it leaves out. In one query with item_pairs and the same arguments both share one pass. Errors as item_pairs.';
