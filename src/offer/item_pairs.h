/*
 * item_pairs.h
 *		State of the item_pairs aggregates: distinct (basket, item) pairs with
 *		baskets and items numbered in order of arrival.
 */
#ifndef OMNICRM_ITEM_PAIRS_H
#define OMNICRM_ITEM_PAIRS_H

/* id -> number in order of arrival; defined in item_pairs_state.c */
struct numbers_hash;

typedef struct Numbering
{
	struct numbers_hash *hash;
	int64	   *ids;			/* number -> id */
	uint32		count;
	uint32		allocated;
} Numbering;

typedef struct ItemPairsState
{
	MemoryContext context;
	Numbering	baskets;
	Numbering	items;
	uint64	   *pairs;			/* basket number << 32 | item number */
	uint64		count;
	uint64		allocated;
	uint64		sorted;			/* the first so many are sorted and distinct */
	int32		neighbours;
	int32		max_basket;
	double		damping;
} ItemPairsState;

extern void item_pairs_compact(ItemPairsState *state);
extern void item_pairs_check_memory(uint64 needed, const char *what);

#endif							/* OMNICRM_ITEM_PAIRS_H */
