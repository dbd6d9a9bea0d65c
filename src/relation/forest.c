/*
 * forest.c
 *		grow_forest(): a forest out of links between parents and children that
 *		may contradict each other.
 *
 * Links are tried in the order given.  A link is left out when its two ends are
 * one node, when its child has a parent already, or when it would close a circle
 * with links that were taken before it.  What comes out is what there would be if
 * each link had been refused at the time when it was made; so it is a function of
 * the links and their order alone.
 *
 * A child without parent is the root of its tree.  So a link closes a circle if
 * and only if its parent is in the tree of its child, and a union-find forest
 * tells that in almost constant time.
 *
 * The nodes are numbered tree by tree, each parent before its children (pre-
 * order): the descendants of a node are the positions behind its own, up to its
 * last_position.  With a running sum over positions the sum over any tree is one
 * difference (Celko's nested sets).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "common/arrays.h"
#include "common/compat.h"

#define MAX_FOREST_LINKS 16777216	/* 16 Mi: the result stays below 1 GB */
#define NOBODY PG_UINT32_MAX

/* what became of a link, as in grown_forest.outcome */
#define LINK_TAKEN 1
#define LINK_TO_ITSELF 2
#define LINK_HAS_PARENT 3
#define LINK_CIRCLE 4

/* Nodes are positions in the sorted list of ids. */
typedef struct ForestNode
{
	uint32		cluster;		/* union-find: towards the root of the tree */
	uint32		parent;
	uint32		first_child;
	uint32		last_child;
	uint32		next_sibling;
	uint32		root;
	int32		depth;
	int32		position;
	int32		last_position;
} ForestNode;

#define ST_SORT sort_ids
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(x, y) (*(x) < *(y) ? -1 : *(x) > *(y))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(omnicrm_grow_forest);

/* The elements of an array of bigint without nulls. */
static const int64 *
read_ids(ArrayType *array, const char *name, uint32 *count)
{
	int			items = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %d dimensions", name, ARR_NDIM(array)),
				 errhint("Give a one-dimensional array of ids.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s contains a null", name),
				 errhint("Leave links without a parent or a child out.")));
	if (items > MAX_FOREST_LINKS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d links are more than %d", items, MAX_FOREST_LINKS),
				 errhint("Grow the forest of a part of the links.")));
	*count = (uint32) items;
	return (const int64 *) ARR_DATA_PTR(array);
}

/* The different ids of all links in ascending order. */
static int64 *
sorted_nodes(const int64 *parents, const int64 *children, uint32 links, uint32 *count)
{
	int64	   *ids = palloc_extended(2 * sizeof(int64) * Max((Size) links, 1), MCXT_ALLOC_HUGE);
	uint32		used = 0,
				i;

	memcpy(ids, parents, sizeof(int64) * links);
	memcpy(ids + links, children, sizeof(int64) * links);
	sort_ids(ids, 2 * (Size) links);
	for (i = 0; i < 2 * links; i++)
	{
		if (used == 0 || ids[i] != ids[used - 1])
			ids[used++] = ids[i];
	}
	*count = used;
	return ids;
}

/* The position of an id that is there. */
static uint32
find_node(const int64 *ids, uint32 count, int64 id)
{
	uint32		low = 0;

	while (count > 1)
	{
		uint32		half = count / 2;

		if (ids[low + half] <= id)
			low += half;
		count -= half;
	}
	return low;
}

static uint32
find_cluster(ForestNode *nodes, uint32 node)
{
	while (nodes[node].cluster != node)
	{
		nodes[node].cluster = nodes[nodes[node].cluster].cluster;
		node = nodes[node].cluster;
	}
	return node;
}

/* Takes a link, or says why not. */
static int16
take_link(ForestNode *nodes, uint32 parent, uint32 child)
{
	uint32		tree;

	if (parent == child)
		return LINK_TO_ITSELF;
	if (nodes[child].parent != NOBODY)
		return LINK_HAS_PARENT;
	tree = find_cluster(nodes, parent);
	if (tree == child)
		return LINK_CIRCLE;
	nodes[child].cluster = tree;
	nodes[child].parent = parent;
	if (nodes[parent].first_child == NOBODY)
		nodes[parent].first_child = child;
	else
		nodes[nodes[parent].last_child].next_sibling = child;
	nodes[parent].last_child = child;
	return LINK_TAKEN;
}

/* Numbers the nodes of one tree; returns the last number given. */
static int32
number_tree(ForestNode *nodes, uint32 root, int32 last)
{
	uint32		node = root;
	int32		depth = 0;

	for (;;)
	{
		if ((last & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		nodes[node].position = ++last;
		nodes[node].depth = depth;
		nodes[node].root = root;
		if (nodes[node].first_child != NOBODY)
		{
			node = nodes[node].first_child;
			depth++;
			continue;
		}
		nodes[node].last_position = last;
		while (node != root && nodes[node].next_sibling == NOBODY)
		{
			node = nodes[node].parent;
			depth--;
			nodes[node].last_position = last;
		}
		if (node == root)
			return last;
		node = nodes[node].next_sibling;
	}
}

/* What became of each link, and where its child stands. */
static Datum
build_forest(FunctionCallInfo fcinfo, ArrayType *outcome, const int64 *ids, const ForestNode *nodes,
			 const uint32 *child, uint32 links)
{
	TupleDesc	description;
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};
	int64	   *root;
	int32	   *depth,
			   *position,
			   *last_position;
	uint32		i;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != 5)
		elog(ERROR, "grow_forest must return grown_forest");
	values[0] = PointerGetDatum(outcome);
	values[1] = PointerGetDatum(make_fixed_array(INT8OID, sizeof(int64), links, (void **) &root));
	values[2] = PointerGetDatum(make_fixed_array(INT4OID, sizeof(int32), links, (void **) &depth));
	values[3] = PointerGetDatum(make_fixed_array(INT4OID, sizeof(int32), links, (void **) &position));
	values[4] = PointerGetDatum(make_fixed_array(INT4OID, sizeof(int32), links, (void **) &last_position));
	for (i = 0; i < links; i++)
	{
		const ForestNode *node = &nodes[child[i]];

		root[i] = ids[node->root];
		depth[i] = node->depth;
		position[i] = node->position;
		last_position[i] = node->last_position;
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}

/*
 * grow_forest(parents bigint[], children bigint[]) returns grown_forest: what
 * became of each link parents[i] -> children[i], and where its child stands in
 * the forest that came out.  Errors: array_subscript_error (more dimensions than
 * one, lengths differ), null_value_not_allowed, program_limit_exceeded.
 */
Datum
omnicrm_grow_forest(PG_FUNCTION_ARGS)
{
	uint32		links,
				others,
				count,
				i;
	const int64 *parents = read_ids(PG_GETARG_ARRAYTYPE_P(0), "parents", &links);
	const int64 *children = read_ids(PG_GETARG_ARRAYTYPE_P(1), "children", &others);
	int64	   *ids;
	uint32	   *child;
	ForestNode *nodes;
	ArrayType  *result;
	int16	   *outcome;
	int32		last = 0;

	if (links != others)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %u parents and %u children", links, others),
				 errhint("parents[i] is the parent of children[i].")));
	ids = sorted_nodes(parents, children, links, &count);
	nodes = palloc_extended(sizeof(ForestNode) * Max((Size) count, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < count; i++)
	{
		nodes[i].cluster = i;
		nodes[i].parent = nodes[i].first_child = nodes[i].last_child = nodes[i].next_sibling = NOBODY;
	}
	child = palloc_extended(sizeof(uint32) * Max((Size) links, 1), MCXT_ALLOC_HUGE);
	result = make_fixed_array(INT2OID, sizeof(int16), links, (void **) &outcome);
	for (i = 0; i < links; i++)
	{
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		child[i] = find_node(ids, count, children[i]);
		outcome[i] = take_link(nodes, find_node(ids, count, parents[i]), child[i]);
	}
	for (i = 0; i < count; i++)
	{
		if (nodes[i].parent == NOBODY)
			last = number_tree(nodes, i, last);
	}
	PG_RETURN_DATUM(build_forest(fcinfo, result, ids, nodes, child, links));
}
