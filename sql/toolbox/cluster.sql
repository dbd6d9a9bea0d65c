-- Constrained clustering of links.

CREATE TYPE omnicrm.linked_components AS (
  node    bigint[],
  root    bigint[],
  link_a  bigint[],
  link_b  bigint[],
  outcome smallint[]
);

COMMENT ON TYPE omnicrm.linked_components IS
  'Result of omnicrm.link_components(): unnest(node, root) gives each node and the smallest node of its cluster; unnest(link_a, link_b, outcome) gives the links that joined two clusters (1) or were refused: exclusive values differ (2), attached elsewhere (3). Links inside a cluster that is already joined are left out.';

CREATE FUNCTION omnicrm.link_components_transition(state internal, a bigint, b bigint, priority integer, similarity real,
  attach boolean, a_named boolean, b_named boolean, a_exclusive bigint, b_exclusive bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_transition';

COMMENT ON FUNCTION omnicrm.link_components_transition(internal, bigint, bigint, integer, real, boolean, boolean, boolean, bigint, bigint) IS
  'Transition function of omnicrm.link_components().';

CREATE FUNCTION omnicrm.link_components_final(state internal)
RETURNS omnicrm.linked_components
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_final';

COMMENT ON FUNCTION omnicrm.link_components_final(internal) IS 'Final function of omnicrm.link_components().';

CREATE AGGREGATE omnicrm.link_components(a bigint, b bigint, priority integer, similarity real, attach boolean,
  a_named boolean, b_named boolean, a_exclusive bigint, b_exclusive bigint) (
  SFUNC = omnicrm.link_components_transition,
  STYPE = internal,
  SSPACE = 4096,
  FINALFUNC = omnicrm.link_components_final,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.link_components(bigint, bigint, integer, real, boolean, boolean, boolean, bigint, bigint) IS
  'Clusters nodes by links (single link with constraints), the same for any order of rows. Links are tried by attach (false first), priority (smallest first), similarity (greatest first, null last), smaller and larger node. A link is refused when both clusters hold different exclusive values, and an attaching link when both clusters have a named node. b null or equal to a: only the node. named null: true; attach null: false. At most 67,108,864 nodes and as many links; memory 16 bytes a link and about 60 a node. Errors: null_value_not_allowed, invalid_parameter_value, data_exception (a node described in two ways), program_limit_exceeded.';
