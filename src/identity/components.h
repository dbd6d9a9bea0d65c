/*
 * components.h
 *		Constrained single-link clustering: see components.c.
 */
#ifndef OMNICRM_IDENTITY_COMPONENTS_H
#define OMNICRM_IDENTITY_COMPONENTS_H

/* outcome of a link, as in linked_components.outcome */
#define OUTCOME_LINKED 1
#define OUTCOME_EXCLUSIVE 2
#define OUTCOME_ATTACHED_ELSEWHERE 3
#define OUTCOME_APART 4

typedef struct ComponentNode
{
	int64		id;
	int64		exclusive;
	bool		has_exclusive;
	bool		named;
} ComponentNode;

/* The two ends are positions in the node array, once solved sorted by id. */
typedef struct ComponentLink
{
	uint64		key;			/* attaching, priority, inverted similarity */
	int64		tie;			/* decides between equal keys */
	uint32		a;
	uint32		b;
} ComponentLink;

/* Nodes and links as they come. */
typedef struct ComponentState ComponentState;

typedef struct SolvedComponents
{
	uint32		node_count;
	ComponentNode *nodes;		/* ascending; roots have the facts of their cluster */
	uint32	   *parent;			/* position of the root of each node: the smallest of its cluster */
	uint32		link_count;
	ComponentLink *links;		/* in the order in which they were tried; a is the smaller */
	uint8	   *outcome;		/* of each link; 0: inside a cluster, or a pair that stays apart */
	uint32		outcome_count;	/* those that are not 0 */
} SolvedComponents;

/* components.c */
extern ComponentState *omni_components_make(MemoryContext context);
extern uint32 omni_components_node(ComponentState *state, int64 id, bool named, bool has_exclusive, int64 exclusive);
extern void omni_components_link(ComponentState *state, uint32 a, uint32 b, int32 priority, bool has_similarity,
								 float4 similarity, int64 tie, bool attach);
extern void omni_components_solve(const ComponentState *state, SolvedComponents *solved);

#endif							/* OMNICRM_IDENTITY_COMPONENTS_H */
