-- Constrained clustering of links.

CREATE TYPE omnicrm.linked_components AS (
  node    bigint[],
  root    bigint[],
  link_a  bigint[],
  link_b  bigint[],
  outcome smallint[]
);

COMMENT ON TYPE omnicrm.linked_components IS
  'Result of omnicrm.link_components(): unnest(node, root) gives each node and the smallest node of its cluster; unnest(link_a, link_b, outcome) gives the links that joined two clusters (1) or were refused: exclusive values differ (2), attached elsewhere (3), to stay apart (4). Links inside a cluster that is already joined are left out.';
COMMENT ON COLUMN omnicrm.linked_components.node IS 'All nodes, in ascending order.';
COMMENT ON COLUMN omnicrm.linked_components.root IS 'Smallest node of the cluster of each node.';
COMMENT ON COLUMN omnicrm.linked_components.link_a IS 'Smaller node of each reported link, in the order in which links were tried.';
COMMENT ON COLUMN omnicrm.linked_components.link_b IS 'Greater node of each reported link.';
COMMENT ON COLUMN omnicrm.linked_components.outcome IS '1 joined two clusters, 2 refused: exclusive values differ, 3 refused: both clusters have a named node, 4 refused: two of their nodes stay apart.';

CREATE FUNCTION omnicrm.link_components_transition(state internal, a bigint, b bigint, priority integer, similarity real,
  tie bigint, attach boolean, a_named boolean, b_named boolean, a_exclusive bigint, b_exclusive bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_transition';

COMMENT ON FUNCTION omnicrm.link_components_transition(internal, bigint, bigint, integer, real, bigint, boolean, boolean, boolean, bigint, bigint) IS
  'Transition function of omnicrm.link_components().';

CREATE FUNCTION omnicrm.link_components_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_combine';

COMMENT ON FUNCTION omnicrm.link_components_combine(internal, internal) IS 'Combine function of omnicrm.link_components().';

CREATE FUNCTION omnicrm.link_components_serialize(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_serialize';

COMMENT ON FUNCTION omnicrm.link_components_serialize(internal) IS 'Serialisation function of omnicrm.link_components().';

CREATE FUNCTION omnicrm.link_components_deserialize(state bytea, context internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_deserialize';

COMMENT ON FUNCTION omnicrm.link_components_deserialize(bytea, internal) IS 'Deserialisation function of omnicrm.link_components().';

CREATE FUNCTION omnicrm.link_components_final(state internal)
RETURNS omnicrm.linked_components
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_link_components_final';

COMMENT ON FUNCTION omnicrm.link_components_final(internal) IS 'Final function of omnicrm.link_components().';

CREATE AGGREGATE omnicrm.link_components(a bigint, b bigint, priority integer, similarity real, tie bigint,
  attach boolean, a_named boolean, b_named boolean, a_exclusive bigint, b_exclusive bigint) (
  SFUNC = omnicrm.link_components_transition,
  STYPE = internal,
  SSPACE = 4096,
  FINALFUNC = omnicrm.link_components_final,
  COMBINEFUNC = omnicrm.link_components_combine,
  SERIALFUNC = omnicrm.link_components_serialize,
  DESERIALFUNC = omnicrm.link_components_deserialize,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.link_components(bigint, bigint, integer, real, bigint, boolean, boolean, boolean, bigint, bigint) IS
  'Clusters nodes by links (single link with constraints), the same for any order of rows. Links are tried by attach (false first), priority (smallest first), similarity (greatest first, null last), tie (smallest first; null: 0), smaller and larger node. A link is refused when both clusters hold different exclusive values, and an attaching link when both clusters have a named node. A link of similarity -Infinity is none: it keeps its two nodes apart, so that the links of its priority and after do not bring them into one cluster. b null or equal to a: only the node. named null: true; attach null: false. At most 67,108,864 nodes and as many links; memory 24 bytes a link and about 60 a node. Errors: null_value_not_allowed, invalid_parameter_value, data_exception (a node described in two ways), program_limit_exceeded.';

CREATE FUNCTION omnicrm.dates_agree(a date, b date)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_dates_agree';

COMMENT ON FUNCTION omnicrm.dates_agree(date, date) IS
  'True when two dates may be one, mistyped: equal, one digit of yyyymmdd different, two neighbouring digits swapped, or day and month swapped. Null when one is null.';

CREATE FUNCTION omnicrm.names_mistyped(a text, b text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_names_mistyped';

COMMENT ON FUNCTION omnicrm.names_mistyped(text, text) IS
  'True when two full names may be one, mistyped: as many words in any order, all equal but one or two, of which one may have a single typing error and the other up to two (three from seven letters on), in words of four letters or more. Two different known names are never one. Weaker than name_similarity(), for pairs that agree on two further things. Null when one has no word.';
