/*
 * item_pairs.c
 *		What is bought together: for each item its strongest neighbours.
 *
 * n_i is the number of baskets that hold item i, n_ij of those that hold i and
 * j.  The damped conditional probability n_ij / (n_i + damping) says how often
 * a basket with i also holds j; the damping keeps rare items from looking sure
 * after two baskets.  Item-to-item co-occurrence as in G. Linden, B. Smith and
 * J. York, "Amazon.com recommendations", IEEE Internet Computing 7 (2003).
 *
 * The pairs, sorted by basket, are turned round into the list of baskets of
 * each item.  One row of the co-occurrence matrix at a time is counted into a
 * dense array, of which only the touched places are read and cleaned, so the
 * memory is that of the input plus one row, and the work is the sum of the
 * squares of the basket sizes.  Baskets over max_basket are left out for that
 * reason, from n_i and n_ij alike, and counted.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "offer/item_pairs.h"

PG_FUNCTION_INFO_V1(omnicrm_item_pairs_final);
PG_FUNCTION_INFO_V1(omnicrm_item_counts_final);
PG_FUNCTION_INFO_V1(omnicrm_item_pairs_summary_final);

typedef struct Neighbour
{
	uint32		item;
	uint32		both;
} Neighbour;

/* Baskets by item and items by basket, baskets over the cap left out. */
typedef struct Baskets
{
	uint64	   *basket_start;	/* baskets + 1 places in state->pairs */
	uint64	   *item_start;		/* items + 1 places in item_baskets */
	uint32	   *item_baskets;
	uint64		skipped;
	uint64		largest;
} Baskets;

/* Array of composite values under construction. */
typedef struct Rows
{
	TupleDesc	desc;
	char	   *data;
	uint64		used;
	uint64		allocated;
	int64		count;
} Rows;

static bool
counts_basket(const ItemPairsState *state, const Baskets *baskets, uint32 basket)
{
	return baskets->basket_start[basket + 1] - baskets->basket_start[basket] <= state->max_basket;
}

static void
find_baskets(const ItemPairsState *state, Baskets *baskets)
{
	uint32		count = state->baskets.count;
	uint64		at = 0;

	baskets->basket_start = MemoryContextAllocHuge(CurrentMemoryContext,
												   ((Size) count + 1) * sizeof(uint64));
	baskets->skipped = 0;
	baskets->largest = 0;
	for (uint32 basket = 0; basket < count; basket++)
	{
		uint64		start = at;

		baskets->basket_start[basket] = start;
		while (at < state->count && state->pairs[at] >> 32 == basket)
			at++;
		if (at - start > baskets->largest)
			baskets->largest = at - start;
		if (at - start > state->max_basket)
			baskets->skipped++;
	}
	baskets->basket_start[count] = at;
}

/* For each item the baskets that hold it, in ascending order. */
static void
turn_round(const ItemPairsState *state, Baskets *baskets)
{
	uint32		items = state->items.count;
	uint64	   *next;

	baskets->item_start = MemoryContextAllocHuge(CurrentMemoryContext,
												 ((Size) items + 1) * sizeof(uint64));
	memset(baskets->item_start, 0, ((Size) items + 1) * sizeof(uint64));
	for (uint64 i = 0; i < state->count; i++)
		if (counts_basket(state, baskets, state->pairs[i] >> 32))
			baskets->item_start[(uint32) state->pairs[i] + 1]++;
	for (uint32 item = 0; item < items; item++)
		baskets->item_start[item + 1] += baskets->item_start[item];
	CHECK_FOR_INTERRUPTS();

	baskets->item_baskets = MemoryContextAllocHuge(CurrentMemoryContext,
												   (baskets->item_start[items] + 1) * sizeof(uint32));
	next = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) items + 1) * sizeof(uint64));
	memcpy(next, baskets->item_start, ((Size) items + 1) * sizeof(uint64));
	for (uint64 i = 0; i < state->count; i++)
		if (counts_basket(state, baskets, state->pairs[i] >> 32))
			baskets->item_baskets[next[(uint32) state->pairs[i]]++] = state->pairs[i] >> 32;
	pfree(next);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Counts one row of the co-occurrence matrix: both[j] for every j that shares
 * a basket with the item; the places touched go to touched[].  Returns how many.
 */
static uint32
count_row(const ItemPairsState *state, const Baskets *baskets, uint32 item,
		  uint32 *both, uint32 *touched)
{
	uint32		count = 0;

	for (uint64 b = baskets->item_start[item]; b < baskets->item_start[item + 1]; b++)
	{
		uint32		basket = baskets->item_baskets[b];
		uint64		end = baskets->basket_start[basket + 1];

		if ((b & 0x3FF) == 0)
			CHECK_FOR_INTERRUPTS();
		for (uint64 i = baskets->basket_start[basket]; i < end; i++)
		{
			uint32		other = (uint32) state->pairs[i];

			if (both[other]++ == 0)
				touched[count++] = other;
		}
	}
	return count;
}

/* More baskets in common first, then the smaller id. */
static int
compare_neighbours(const void *a, const void *b, void *ids)
{
	const Neighbour *left = a;
	const Neighbour *right = b;
	int64		left_id = ((const int64 *) ids)[left->item];
	int64		right_id = ((const int64 *) ids)[right->item];

	if (left->both != right->both)
		return left->both > right->both ? -1 : 1;
	return left_id < right_id ? -1 : left_id > right_id;
}

/*
 * Moves the best `wanted` of the neighbours to the front, in no order
 * (quickselect, middle of three).
 */
static void
select_best(Neighbour *list, uint32 count, uint32 wanted, int64 *ids)
{
	int64		low = 0;
	int64		high = (int64) count - 1;

	while (low < high)
	{
		Neighbour	pivot = list[low + (high - low) / 2];
		int64		left = low;
		int64		right = high;

		while (left <= right)
		{
			Neighbour	swap;

			while (compare_neighbours(&list[left], &pivot, ids) < 0)
				left++;
			while (compare_neighbours(&pivot, &list[right], ids) < 0)
				right--;
			if (left > right)
				break;
			swap = list[left];
			list[left++] = list[right];
			list[right--] = swap;
		}
		if ((int64) wanted - 1 <= right)
			high = right;
		else if ((int64) wanted - 1 >= left)
			low = left;
		else
			break;
	}
}

static void
rows_add(Rows *rows, const Datum *values)
{
	bool		nulls[6] = {false, false, false, false, false, false};
	HeapTuple	tuple = heap_form_tuple(rows->desc, (Datum *) values, nulls);
	Datum		datum = heap_copy_tuple_as_datum(tuple, rows->desc);
	uint64		bytes = MAXALIGN(tuple->t_len);

	if (rows->used + bytes > MaxAllocSize - ARR_OVERHEAD_NONULLS(1))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result of item_pairs passes 1 GB at %lld rows", (long long) rows->count),
				 errhint("Ask for fewer neighbours, or leave out rare items.")));
	if (rows->used + bytes > rows->allocated)
	{
		rows->allocated = Min(rows->allocated * 2, (uint64) MaxAllocSize - ARR_OVERHEAD_NONULLS(1));
		rows->data = repalloc_huge(rows->data, rows->allocated);
	}
	memset(rows->data + rows->used, 0, bytes);
	memcpy(rows->data + rows->used, DatumGetPointer(datum), tuple->t_len);
	rows->used += bytes;
	rows->count++;
	pfree(DatumGetPointer(datum));
	heap_freetuple(tuple);
}

static ArrayType *
rows_array(const Rows *rows, Oid element)
{
	ArrayType  *array;
	Size		size = ARR_OVERHEAD_NONULLS(1) + rows->used;

	if (rows->count == 0)
		return construct_empty_array(element);
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = element;
	ARR_DIMS(array)[0] = rows->count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), rows->data, rows->used);
	return array;
}

static uint64
item_count(const Baskets *baskets, uint32 item)
{
	return baskets->item_start[item + 1] - baskets->item_start[item];
}

/* Adds the rows of one item, best neighbour first, and cleans both[]. */
static void
add_item(const ItemPairsState *state, const Baskets *baskets, uint32 item,
		 uint32 *both, uint32 *touched, Neighbour *list, Rows *rows)
{
	uint32		count = count_row(state, baskets, item, both, touched);
	uint32		others = 0;
	uint32		wanted;

	for (uint32 i = 0; i < count; i++)
	{
		if (touched[i] != item)
		{
			list[others].item = touched[i];
			list[others++].both = both[touched[i]];
		}
		both[touched[i]] = 0;
	}
	wanted = Min(others, (uint32) state->neighbours);
	if (wanted < others)
		select_best(list, others, wanted, state->items.ids);
	qsort_arg(list, wanted, sizeof(Neighbour), compare_neighbours, state->items.ids);
	for (uint32 i = 0; i < wanted; i++)
	{
		Datum		values[6];

		values[0] = Int64GetDatum(state->items.ids[item]);
		values[1] = Int64GetDatum(state->items.ids[list[i].item]);
		values[2] = Int64GetDatum((int64) list[i].both);
		values[3] = Int64GetDatum((int64) item_count(baskets, item));
		values[4] = Int64GetDatum((int64) item_count(baskets, list[i].item));
		values[5] = Float8GetDatum(list[i].both / (item_count(baskets, item) + state->damping));
		rows_add(rows, values);
	}
}

static int
compare_items(const void *a, const void *b, void *ids)
{
	int64		left = ((const int64 *) ids)[*(const uint32 *) a];
	int64		right = ((const int64 *) ids)[*(const uint32 *) b];

	return left < right ? -1 : left > right;
}

/* Item numbers in the order of their ids. */
static uint32 *
items_by_id(const ItemPairsState *state)
{
	uint32		count = state->items.count;
	uint32	   *order = MemoryContextAllocHuge(CurrentMemoryContext,
											   ((Size) count + 1) * sizeof(uint32));

	for (uint32 i = 0; i < count; i++)
		order[i] = i;
	qsort_arg(order, count, sizeof(uint32), compare_items, state->items.ids);
	return order;
}

static void
add_all_items(ItemPairsState *state, Rows *rows)
{
	uint32		items = state->items.count;
	Baskets		baskets;
	uint32	   *order;
	uint32	   *both;
	uint32	   *touched;
	Neighbour  *list;

	item_pairs_compact(state);
	item_pairs_check_memory(state->count * (sizeof(uint64) + sizeof(uint32)) +
							(uint64) state->baskets.count * sizeof(uint64) +
							(uint64) items * 48, "counting");
	find_baskets(state, &baskets);
	turn_round(state, &baskets);
	if (baskets.skipped > 0)
		ereport(NOTICE,
				(errmsg("item_pairs left out %llu of %u baskets, which hold more than %d items",
						(unsigned long long) baskets.skipped, state->baskets.count,
						state->max_basket)));
	order = items_by_id(state);
	both = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) items + 1) * sizeof(uint32));
	memset(both, 0, ((Size) items + 1) * sizeof(uint32));
	touched = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) items + 1) * sizeof(uint32));
	list = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) items + 1) * sizeof(Neighbour));
	for (uint32 i = 0; i < items; i++)
		add_item(state, &baskets, order[i], both, touched, list, rows);
}

/* One row (item, baskets) for each item, by id. */
static void
add_counts(ItemPairsState *state, Rows *rows)
{
	uint32	   *order = items_by_id(state);
	int64	   *baskets = MemoryContextAllocHuge(CurrentMemoryContext,
												 ((Size) state->items.count + 1) * sizeof(int64));

	item_pairs_compact(state);
	memset(baskets, 0, ((Size) state->items.count + 1) * sizeof(int64));
	for (uint64 i = 0; i < state->count; i++)
		baskets[(uint32) state->pairs[i]]++;
	for (uint32 i = 0; i < state->items.count; i++)
	{
		Datum		values[2];

		values[0] = Int64GetDatum(state->items.ids[order[i]]);
		values[1] = Int64GetDatum(baskets[order[i]]);
		rows_add(rows, values);
	}
}

/*
 * Calls one of the functions above on the state of an aggregate and returns its
 * rows as an array of the result type of the final function.
 */
static Datum
array_of(FunctionCallInfo fcinfo, int columns, void (*add_rows) (ItemPairsState *, Rows *))
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	ArrayType  *result;
	MemoryContext work;
	MemoryContext caller;
	Rows		rows = {NULL, NULL, 0, 8192, 0};

	if (!OidIsValid(element))
		elog(ERROR, "final function of item_pairs called without a result type");
	work = AllocSetContextCreate(CurrentMemoryContext, "item_pairs", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	rows.desc = lookup_rowtype_tupdesc_copy(element, -1);
	if (rows.desc->natts != columns)
		elog(ERROR, "unexpected row type of item_pairs");
	BlessTupleDesc(rows.desc);
	rows.data = palloc(rows.allocated);
	if (!PG_ARGISNULL(0))
		add_rows((ItemPairsState *) PG_GETARG_POINTER(0), &rows);
	MemoryContextSwitchTo(caller);
	result = rows_array(&rows, element);
	MemoryContextDelete(work);
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * Final function of item_pairs: (internal) returns omnicrm.item_pair[], by
 * item, then strongest neighbour first, ties by neighbour id; an empty array
 * without input.  Raises a NOTICE with the number of baskets left out.
 * Error: program_limit_exceeded at maintenance_work_mem or a result over 1 GB.
 */
Datum
omnicrm_item_pairs_final(PG_FUNCTION_ARGS)
{
	return array_of(fcinfo, 6, add_all_items);
}

/*
 * Final function of item_counts: (internal) returns omnicrm.item_count[], by
 * item: in how many baskets it is, baskets over the cap included.
 * Error: program_limit_exceeded for a result over 1 GB.
 */
Datum
omnicrm_item_counts_final(PG_FUNCTION_ARGS)
{
	return array_of(fcinfo, 2, add_counts);
}

/*
 * Final function of item_pairs_summary: (internal) returns
 * omnicrm.item_pairs_summary: baskets, items, distinct pairs, baskets left out
 * for their size, size of the largest basket.
 */
Datum
omnicrm_item_pairs_summary_final(PG_FUNCTION_ARGS)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(get_fn_expr_rettype(fcinfo->flinfo), -1);
	Datum		values[5] = {0, 0, 0, 0, 0};
	bool		nulls[5] = {false, false, false, false, false};

	if (desc->natts != 5)
		elog(ERROR, "unexpected row type of item_pairs_summary");
	BlessTupleDesc(desc);
	for (int i = 0; i < 5; i++)
		values[i] = Int64GetDatum(0);
	if (!PG_ARGISNULL(0))
	{
		ItemPairsState *state = (ItemPairsState *) PG_GETARG_POINTER(0);
		Baskets		baskets;

		item_pairs_compact(state);
		find_baskets(state, &baskets);
		pfree(baskets.basket_start);
		values[0] = Int64GetDatum((int64) state->baskets.count);
		values[1] = Int64GetDatum((int64) state->items.count);
		values[2] = Int64GetDatum((int64) state->count);
		values[3] = Int64GetDatum((int64) baskets.skipped);
		values[4] = Int64GetDatum((int64) baskets.largest);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
