/*
 * components.c
 *		link_components(): constrained single-link clustering as an aggregate.
 *
 * Input rows are links between two nodes, with the facts of both nodes.  The
 * final function takes the links in the order (attaching last, priority
 * ascending, similarity descending with null last, tie ascending, smaller node,
 * larger node)
 * and joins the clusters of the two ends in a union-find forest, unless
 *
 *	- both clusters carry an exclusive value and the two values differ,
 *	- a pair that is to stay apart has one end in each, or
 *	- the link is an attaching one and both clusters already have a named node.
 *
 * The first rule keeps two different tax numbers apart however they are
 * connected.  The second is for whatever else is known of two nodes: a link of
 * similarity minus infinity is none, but keeps its two nodes apart from the links
 * of its priority on.  The third lets a nameless node join one named cluster, the
 * one of its best link, and never lets it bridge two.  Since the order is total and
 * depends only on the links themselves, the result is the same for any order of
 * the input rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/arrays.h"
#include "common/compat.h"
#include "identity/components.h"

#define MAX_COMPONENT_ITEMS 67108864	/* nodes, and links: 64 Mi each */

/* similarity part of the key of a pair that stays apart: before all links of its priority */
#define APART_BITS 0

/* Start of a serialised state. */
typedef struct ComponentHeader
{
	uint32		version;
	uint32		node_count;
	uint32		link_count;
} ComponentHeader;

#define STATE_VERSION 1

typedef struct NodeEntry
{
	int64		id;
	uint32		position;
	char		status;
} NodeEntry;

/* Mixes the bits of a node id (the finaliser of MurmurHash3, 64 bits). */
static inline uint32
hash_node(int64 id)
{
	uint64		h = (uint64) id;

	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	return (uint32) (h ^ (h >> 33));
}

#define SH_PREFIX nodemap
#define SH_ELEMENT_TYPE NodeEntry
#define SH_KEY_TYPE int64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) hash_node(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct ComponentState
{
	MemoryContext context;
	nodemap_hash *map;
	ComponentNode *nodes;
	ComponentLink *links;
	uint32		node_count;
	uint32		node_space;
	uint32		link_count;
	uint32		link_space;
};

static inline int
compare_links(const ComponentLink *x, const ComponentLink *y)
{
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->tie != y->tie)
		return x->tie < y->tie ? -1 : 1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return 0;
}

#define ST_SORT sort_links
#define ST_ELEMENT_TYPE ComponentLink
#define ST_COMPARE(x, y) compare_links(x, y)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static inline int
compare_entries(const NodeEntry *x, const NodeEntry *y)
{
	return x->id < y->id ? -1 : (x->id > y->id ? 1 : 0);
}

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE NodeEntry
#define ST_COMPARE(x, y) compare_entries(x, y)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(omnicrm_link_components_transition);
PG_FUNCTION_INFO_V1(omnicrm_link_components_combine);
PG_FUNCTION_INFO_V1(omnicrm_link_components_serialize);
PG_FUNCTION_INFO_V1(omnicrm_link_components_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_link_components_final);

/*
 * omni_components_make: no nodes and no links; they will be kept in the context.
 */
ComponentState *
omni_components_make(MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ComponentState *state = palloc0_object(ComponentState);

	state->context = context;
	state->map = nodemap_create(context, 64, NULL);
	state->node_space = 64;
	state->nodes = palloc_array(ComponentNode, state->node_space);
	state->link_space = 64;
	state->links = palloc_array(ComponentLink, state->link_space);
	MemoryContextSwitchTo(old);
	return state;
}

static void
refuse_more(const char *what, Size limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("link_components is limited to %zu %s", limit, what),
			 errhint("Cluster independent parts of the data in separate groups (GROUP BY).")));
}

static void
refuse_bytes(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialised state of link_components")));
}

/*
 * omni_components_node: adds a node, or checks one that is there against its known
 * facts.  Result: its place, for omni_components_link().
 * Errors: data_exception for contradicting facts, program_limit_exceeded.
 */
uint32
omni_components_node(ComponentState *state, int64 id, bool named, bool has_exclusive, int64 exclusive)
{
	bool		found;
	NodeEntry  *entry = nodemap_insert(state->map, id, &found);
	ComponentNode *node;

	if (found)
	{
		node = &state->nodes[entry->position];
		if (node->named != named || node->has_exclusive != has_exclusive ||
			node->exclusive != exclusive)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("node " INT64_FORMAT " is described in two different ways", id),
					 errhint("Give the same named and exclusive values for a node in each of its links.")));
		return entry->position;
	}
	if (state->node_count >= MAX_COMPONENT_ITEMS)
		refuse_more("nodes", MAX_COMPONENT_ITEMS);
	if (state->node_count == state->node_space)
	{
		state->node_space *= 2;
		state->nodes = repalloc_huge(state->nodes,
									 sizeof(ComponentNode) * (Size) state->node_space);
	}
	entry->position = state->node_count++;
	node = &state->nodes[entry->position];
	memset(node, 0, sizeof(ComponentNode));
	node->id = id;
	node->named = named;
	node->has_exclusive = has_exclusive;
	node->exclusive = exclusive;
	return entry->position;
}

static void
add_link(ComponentState *state, uint64 key, int64 tie, uint32 a, uint32 b)
{
	ComponentLink *link;

	if (state->link_count >= MAX_COMPONENT_ITEMS)
		refuse_more("links", MAX_COMPONENT_ITEMS);
	if (state->link_count == state->link_space)
	{
		state->link_space *= 2;
		state->links = repalloc_huge(state->links,
									 sizeof(ComponentLink) * (Size) state->link_space);
	}
	link = &state->links[state->link_count++];
	link->key = key;
	link->tie = tie;
	link->a = a;
	link->b = b;
}

/* Sort key of a link: smaller is earlier. */
static uint64
link_key(bool attach, int32 priority, bool has_similarity, float4 similarity)
{
	uint32		bits = PG_UINT32_MAX;

	if (has_similarity)
	{
		union
		{
			float4		number;
			uint32		bits;
		}			u;

		if (isinf(similarity) && similarity < 0)
			return ((uint64) attach << 63) | ((uint64) priority << 32) | APART_BITS;
		u.number = similarity == 0 ? 0 : similarity;	/* no negative zero */
		/* ascending order of floats as unsigned integers, then inverted */
		bits = (u.bits & 0x80000000U) ? ~u.bits : (u.bits | 0x80000000U);
		bits = ~bits;
	}
	return ((uint64) attach << 63) | ((uint64) priority << 32) | bits;
}

/*
 * omni_components_link: adds a link between two nodes, given by their places; one
 * of similarity minus infinity keeps them apart.
 * Errors: invalid_parameter_value for a negative priority or a similarity that is no
 * number, program_limit_exceeded.
 */
void
omni_components_link(ComponentState *state, uint32 a, uint32 b, int32 priority, bool has_similarity, float4 similarity,
					 int64 tie, bool attach)
{
	if (priority < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid priority of a link: %d", priority),
				 errhint("Priorities are 0 or greater; the smallest is tried first.")));
	if (has_similarity && isnan(similarity))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the similarity of a link must be a number, not NaN")));
	add_link(state, link_key(attach, priority, has_similarity, similarity), tie, a, b);
}

/*
 * link_components_transition(state internal, a bigint, b bigint, priority
 * integer, similarity real, tie bigint, attach boolean, a_named boolean,
 * b_named boolean, a_exclusive bigint, b_exclusive bigint) returns internal:
 * adds a link, or with b null or equal to a only the node a.  Null a_named and
 * b_named mean named, null attach means false, null tie means 0.  Errors: null_value_not_allowed without a
 * or without the priority of a link, invalid_parameter_value for a negative
 * priority or a similarity that is no number, data_exception for a node with
 * contradicting facts, program_limit_exceeded.
 */
Datum
omnicrm_link_components_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ComponentState *state;
	uint32		a,
				b;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "link_components_transition called outside an aggregate");
	state = PG_ARGISNULL(0) ? omni_components_make(context) : (ComponentState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("link_components needs a node in its first argument")));
	a = omni_components_node(state, PG_GETARG_INT64(1), PG_ARGISNULL(7) || PG_GETARG_BOOL(7),
							 !PG_ARGISNULL(9), PG_ARGISNULL(9) ? 0 : PG_GETARG_INT64(9));
	if (PG_ARGISNULL(2) || PG_GETARG_INT64(1) == PG_GETARG_INT64(2))
		PG_RETURN_POINTER(state);
	b = omni_components_node(state, PG_GETARG_INT64(2), PG_ARGISNULL(8) || PG_GETARG_BOOL(8),
							 !PG_ARGISNULL(10), PG_ARGISNULL(10) ? 0 : PG_GETARG_INT64(10));

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the priority of a link must not be null")));
	omni_components_link(state, a, b, PG_GETARG_INT32(3), !PG_ARGISNULL(4), PG_ARGISNULL(4) ? 0 : PG_GETARG_FLOAT4(4),
						 PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5), !PG_ARGISNULL(6) && PG_GETARG_BOOL(6));
	PG_RETURN_POINTER(state);
}

/* Adds the nodes and links of one state, given as plain arrays, to another. */
static void
merge_into(ComponentState *state, const ComponentNode *nodes, uint32 node_count,
		   const ComponentLink *links, uint32 link_count)
{
	uint32	   *position = MemoryContextAllocHuge(CurrentMemoryContext,
												  sizeof(uint32) * (Size) Max(node_count, 1));
	uint32		i;

	for (i = 0; i < node_count; i++)
	{
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		position[i] = omni_components_node(state, nodes[i].id, nodes[i].named,
										   nodes[i].has_exclusive, nodes[i].exclusive);
	}
	for (i = 0; i < link_count; i++)
		add_link(state, links[i].key, links[i].tie, position[links[i].a], position[links[i].b]);
	pfree(position);
}

/*
 * link_components_combine(internal, internal) returns internal: adds the second
 * state to the first.
 */
Datum
omnicrm_link_components_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ComponentState *state;
	ComponentState *other;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "link_components_combine called outside an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	state = PG_ARGISNULL(0) ? omni_components_make(context) : (ComponentState *) PG_GETARG_POINTER(0);
	other = (ComponentState *) PG_GETARG_POINTER(1);
	merge_into(state, other->nodes, other->node_count, other->links, other->link_count);
	PG_RETURN_POINTER(state);
}

/*
 * link_components_serialize(internal) returns bytea: version, counts, nodes and
 * links as they lie in memory.  Errors: program_limit_exceeded above 1 GB.
 */
Datum
omnicrm_link_components_serialize(PG_FUNCTION_ARGS)
{
	ComponentState *state = (ComponentState *) PG_GETARG_POINTER(0);
	ComponentHeader header = {STATE_VERSION, 0, 0};
	Size		nodes,
				links;
	bytea	   *result;
	char	   *place;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "link_components_serialize called outside an aggregate");
	header.node_count = state->node_count;
	header.link_count = state->link_count;
	nodes = sizeof(ComponentNode) * (Size) state->node_count;
	links = sizeof(ComponentLink) * (Size) state->link_count;
	if (nodes + links > MaxAllocSize - 1024)
		refuse_more("bytes in one parallel worker", MaxAllocSize);
	result = palloc(VARHDRSZ + sizeof(header) + nodes + links);
	SET_VARSIZE(result, VARHDRSZ + sizeof(header) + nodes + links);
	place = VARDATA(result);
	memcpy(place, &header, sizeof(header));
	memcpy(place + sizeof(header), state->nodes, nodes);
	memcpy(place + sizeof(header) + nodes, state->links, links);
	PG_RETURN_BYTEA_P(result);
}

/*
 * link_components_deserialize(bytea, internal) returns internal: the inverse.
 * Errors: invalid_binary_representation for bytes that are no such state.
 */
Datum
omnicrm_link_components_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Size		size = VARSIZE_ANY_EXHDR(bytes);
	ComponentHeader header;
	ComponentNode *nodes;
	ComponentLink *links;
	ComponentState *state;
	uint32		i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "link_components_deserialize called outside an aggregate");
	if (size < sizeof(header))
		refuse_bytes();
	memcpy(&header, VARDATA_ANY(bytes), sizeof(header));
	if (header.version != STATE_VERSION || header.node_count > MAX_COMPONENT_ITEMS ||
		header.link_count > MAX_COMPONENT_ITEMS ||
		size != sizeof(header) + sizeof(ComponentNode) * (Size) header.node_count +
		sizeof(ComponentLink) * (Size) header.link_count)
		refuse_bytes();
	/* copies, since the bytes need not be aligned */
	nodes = palloc(sizeof(ComponentNode) * (Size) header.node_count);
	links = palloc(sizeof(ComponentLink) * (Size) header.link_count);
	memcpy(nodes, VARDATA_ANY(bytes) + sizeof(header), sizeof(ComponentNode) * (Size) header.node_count);
	memcpy(links, VARDATA_ANY(bytes) + sizeof(header) + sizeof(ComponentNode) * (Size) header.node_count,
		   sizeof(ComponentLink) * (Size) header.link_count);
	for (i = 0; i < header.link_count; i++)
		if (links[i].a >= header.node_count || links[i].b >= header.node_count)
			refuse_bytes();
	state = omni_components_make(CurrentMemoryContext);
	merge_into(state, nodes, header.node_count, links, header.link_count);
	pfree(nodes);
	pfree(links);
	PG_RETURN_POINTER(state);
}

/* Renumbers the nodes in ascending order of their ids; links follow. */
static ComponentNode *
sort_nodes(const ComponentState *state, ComponentLink *links)
{
	uint32		n = state->node_count;
	NodeEntry  *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(NodeEntry) * (Size) n);
	uint32	   *rank = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (Size) n);
	ComponentNode *nodes = MemoryContextAllocHuge(CurrentMemoryContext,
												  sizeof(ComponentNode) * (Size) n);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		order[i].id = state->nodes[i].id;
		order[i].position = i;
	}
	sort_entries(order, n);
	for (i = 0; i < n; i++)
	{
		rank[order[i].position] = i;
		nodes[i] = state->nodes[order[i].position];
	}
	for (i = 0; i < state->link_count; i++)
	{
		uint32		a = rank[state->links[i].a];
		uint32		b = rank[state->links[i].b];

		links[i].key = state->links[i].key;
		links[i].tie = state->links[i].tie;
		links[i].a = Min(a, b);
		links[i].b = Max(a, b);
	}
	pfree(order);
	pfree(rank);
	return nodes;
}

static inline uint32
find_root(uint32 *parent, uint32 x)
{
	while (parent[x] != x)
	{
		parent[x] = parent[parent[x]];
		x = parent[x];
	}
	return x;
}

/*
 * Nodes that a cluster must not meet: a list for each root, in one array of
 * entries; entry 0 ends a list.
 */
typedef struct ApartLists
{
	uint32	   *node;			/* by entry */
	uint32	   *next;
	uint32	   *first;			/* by root */
	uint32	   *last;
	uint32	   *count;
	uint32		used;
} ApartLists;

/* Room for the pairs among the links that stay apart; false when there are none. */
static bool
make_apart_lists(ApartLists *apart, const ComponentLink *links, uint32 link_count, uint32 node_count)
{
	Size		pairs = 0;

	for (uint32 i = 0; i < link_count; i++)
		pairs += (links[i].key & PG_UINT32_MAX) == APART_BITS;
	if (pairs == 0)
		return false;
	apart->node = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (2 * pairs + 1));
	apart->next = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (2 * pairs + 1));
	apart->first = MemoryContextAllocExtended(CurrentMemoryContext, 3 * sizeof(uint32) * (Size) node_count,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	apart->last = apart->first + node_count;
	apart->count = apart->last + node_count;
	apart->used = 0;
	return true;
}

/* Puts a node on the list of a root. */
static void
add_apart(ApartLists *apart, uint32 root, uint32 node)
{
	uint32		entry = ++apart->used;

	apart->node[entry] = node;
	apart->next[entry] = apart->first[root];
	if (apart->first[root] == 0)
		apart->last[root] = entry;
	apart->first[root] = entry;
	apart->count[root]++;
}

/* Whether the cluster of one root must not meet that of another. */
static bool
stay_apart(const ApartLists *apart, uint32 *parent, uint32 a, uint32 b)
{
	uint32		shorter = apart->count[a] <= apart->count[b] ? a : b;
	uint32		other = shorter == a ? b : a;

	for (uint32 entry = apart->first[shorter]; entry != 0; entry = apart->next[entry])
	{
		CHECK_FOR_INTERRUPTS();
		if (find_root(parent, apart->node[entry]) == other)
			return true;
	}
	return false;
}

/* The list of b behind that of a. */
static void
merge_apart(ApartLists *apart, uint32 a, uint32 b)
{
	if (apart->first[b] == 0)
		return;
	if (apart->first[a] == 0)
		apart->first[a] = apart->first[b];
	else
		apart->next[apart->last[a]] = apart->first[b];
	apart->last[a] = apart->last[b];
	apart->count[a] += apart->count[b];
}

/*
 * Joins the clusters of a and b, whose roots keep the facts of the whole
 * cluster, or keeps them apart where the link says so.  Returns an outcome, or 0
 * when they are one cluster already or the link is none.  The smaller position
 * becomes the root, so that a root is the smallest id of its cluster.
 */
static int
join_clusters(ComponentNode *nodes, uint32 *parent, ApartLists *apart, const ComponentLink *link)
{
	uint32		a = find_root(parent, link->a);
	uint32		b = find_root(parent, link->b);

	if (a == b)
		return 0;
	if ((link->key & PG_UINT32_MAX) == APART_BITS)
	{
		add_apart(apart, a, b);
		add_apart(apart, b, a);
		return 0;
	}
	if (nodes[a].has_exclusive && nodes[b].has_exclusive &&
		nodes[a].exclusive != nodes[b].exclusive)
		return OUTCOME_EXCLUSIVE;
	if (apart != NULL && stay_apart(apart, parent, a, b))
		return OUTCOME_APART;
	if ((link->key >> 63) != 0 && nodes[a].named && nodes[b].named)
		return OUTCOME_ATTACHED_ELSEWHERE;
	if (b < a)
	{
		uint32		swap = a;

		a = b;
		b = swap;
	}
	parent[b] = a;
	if (apart != NULL)
		merge_apart(apart, a, b);
	nodes[a].named |= nodes[b].named;
	if (nodes[b].has_exclusive)
	{
		nodes[a].has_exclusive = true;
		nodes[a].exclusive = nodes[b].exclusive;
	}
	return OUTCOME_LINKED;
}

/*
 * omni_components_solve: takes the links in their order.  The result is made in the
 * current context; the state stays as it is.
 */
void
omni_components_solve(const ComponentState *state, SolvedComponents *solved)
{
	uint32		link_count = state->link_count;
	ComponentLink *links = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(ComponentLink) * (Size) Max(link_count, 1));
	ApartLists	lists;
	ApartLists *apart;

	solved->node_count = state->node_count;
	solved->nodes = sort_nodes(state, links);
	sort_links(links, link_count);
	solved->links = links;
	solved->link_count = link_count;
	solved->parent = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (Size) Max(state->node_count, 1));
	for (uint32 i = 0; i < state->node_count; i++)
		solved->parent[i] = i;
	solved->outcome = MemoryContextAllocHuge(CurrentMemoryContext, Max(link_count, 1));
	solved->outcome_count = 0;
	apart = make_apart_lists(&lists, links, link_count, state->node_count) ? &lists : NULL;
	for (uint32 i = 0; i < link_count; i++)
	{
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		solved->outcome[i] = join_clusters(solved->nodes, solved->parent, apart, &links[i]);
		solved->outcome_count += solved->outcome[i] != 0;
	}
	/* roots in place of parents */
	for (uint32 i = 0; i < state->node_count; i++)
		solved->parent[i] = find_root(solved->parent, i);
}

static Datum
build_result(FunctionCallInfo fcinfo, const SolvedComponents *solved)
{
	TupleDesc	description;
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};
	uint32		node_count = solved->node_count;
	uint32		outcome_count = solved->outcome_count;
	int64	   *node,
			   *root,
			   *a,
			   *b;
	int16	   *result;
	uint32		i,
				used = 0;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE ||
		description->natts != 5)
		elog(ERROR, "link_components must return linked_components");
	if (2 * sizeof(int64) * (Size) node_count +
		(2 * sizeof(int64) + sizeof(int16)) * (Size) outcome_count > MaxAllocSize - 1024)
		refuse_more("bytes of result", MaxAllocSize);
	values[0] = PointerGetDatum(make_fixed_array(INT8OID, sizeof(int64), node_count, (void **) &node));
	values[1] = PointerGetDatum(make_fixed_array(INT8OID, sizeof(int64), node_count, (void **) &root));
	values[2] = PointerGetDatum(make_fixed_array(INT8OID, sizeof(int64), outcome_count, (void **) &a));
	values[3] = PointerGetDatum(make_fixed_array(INT8OID, sizeof(int64), outcome_count, (void **) &b));
	values[4] = PointerGetDatum(make_fixed_array(INT2OID, sizeof(int16), outcome_count, (void **) &result));
	for (i = 0; i < node_count; i++)
	{
		node[i] = solved->nodes[i].id;
		root[i] = solved->nodes[solved->parent[i]].id;
	}
	for (i = 0; i < solved->link_count; i++)
	{
		if (solved->outcome[i] == 0)
			continue;
		a[used] = solved->nodes[solved->links[i].a].id;
		b[used] = solved->nodes[solved->links[i].b].id;
		result[used++] = solved->outcome[i];
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}

/*
 * link_components_final(state internal) returns linked_components: clusters of
 * all nodes in ascending order, and the outcome of each link that joined two
 * clusters or was refused, in the order in which links were tried.  Null
 * without input.
 */
Datum
omnicrm_link_components_final(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				work,
				old;
	SolvedComponents solved;
	Datum		result;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "link_components_final called outside an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	work = AllocSetContextCreate(CurrentMemoryContext, "link_components", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	omni_components_solve((ComponentState *) PG_GETARG_POINTER(0), &solved);
	MemoryContextSwitchTo(old);
	result = build_result(fcinfo, &solved);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(result);
}
