-- Forests: who came by whom.

CREATE TYPE omnicrm.grown_forest AS (
  outcome       smallint[],
  root          bigint[],
  depth         integer[],
  position      integer[],
  last_position integer[]
);

COMMENT ON TYPE omnicrm.grown_forest IS
  'Result of omnicrm.grow_forest(): arrays with one element for each link, in their order: what became of it, and where its child stands. The descendants of a node are those whose position is greater than its own, up to its last_position.';
COMMENT ON COLUMN omnicrm.grown_forest.outcome IS '1 taken; left out: 2 the two ends are one node, 3 the child has a parent already, 4 it would close a circle.';
COMMENT ON COLUMN omnicrm.grown_forest.root IS 'The node at the head of the tree of the child: itself when it has no parent.';
COMMENT ON COLUMN omnicrm.grown_forest.depth IS 'Number of links from there to the child.';
COMMENT ON COLUMN omnicrm.grown_forest.position IS 'Place of the child when trees are written one after the other, each parent before its children (pre-order), from 1.';
COMMENT ON COLUMN omnicrm.grown_forest.last_position IS 'Position of the last of its descendants; its own when it has none.';

CREATE FUNCTION omnicrm.grow_forest(parents bigint[], children bigint[])
RETURNS omnicrm.grown_forest
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'omnicrm_grow_forest';

COMMENT ON FUNCTION omnicrm.grow_forest(bigint[], bigint[]) IS
  'Makes a forest of the links parents[i] -> children[i], which may contradict each other: tried in their order, a link is left out when its ends are one node, its child has a parent already, or it would close a circle with those taken before. Trees come in the order of their roots, children in that of their links. NULL when an argument is. At most 16,777,216 links; memory about 80 bytes a link. Errors: array_subscript_error (lengths differ), null_value_not_allowed, program_limit_exceeded.';
