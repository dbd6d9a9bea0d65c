/*
 * item_pairs_state.c
 *		Collecting the input of the item_pairs aggregates.
 *
 * Baskets and items get dense numbers in order of arrival, so that a pair is
 * eight bytes whatever the ids are; nothing of that order reaches a result.
 * When the array of pairs is full it is sorted and repeated pairs are dropped,
 * and only when little was dropped does it grow.  The memory of a state is
 * limited by maintenance_work_mem.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "offer/item_pairs.h"

typedef struct NumberEntry
{
	int64		id;
	uint32		number;
	char		status;
} NumberEntry;

#define SH_PREFIX numbers
#define SH_ELEMENT_TYPE NumberEntry
#define SH_KEY_TYPE int64
#define SH_KEY id
/* multiplicative hashing, the upper half */
#define SH_HASH_KEY(tb, key) ((uint32) (((uint64) (key) * UINT64CONST(0x9E3779B97F4A7C15)) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define STATE_VERSION 1
#define FIRST_ALLOCATION 1024
/* simplehash keeps its table at most 90 % full and at powers of two */
#define NUMBER_BYTES (sizeof(int64) + 2 * sizeof(NumberEntry))

PG_FUNCTION_INFO_V1(omnicrm_item_pairs_add);
PG_FUNCTION_INFO_V1(omnicrm_item_pairs_combine);
PG_FUNCTION_INFO_V1(omnicrm_item_pairs_serialize);
PG_FUNCTION_INFO_V1(omnicrm_item_pairs_deserialize);

/*
 * Raises program_limit_exceeded when a step needs more bytes than
 * maintenance_work_mem allows.
 */
void
item_pairs_check_memory(uint64 needed, const char *what)
{
	uint64		allowed = (uint64) maintenance_work_mem * 1024;

	if (needed > allowed)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("item_pairs needs %llu MB for %s, maintenance_work_mem allows %llu MB",
						(unsigned long long) (needed >> 20) + 1, what,
						(unsigned long long) allowed >> 20),
				 errhint("Raise maintenance_work_mem, or give fewer rows.")));
}

/*
 * The radix sort needs a second array, so a state counts twice its pairs.
 */
static uint64
state_bytes(const ItemPairsState *state, uint64 pairs)
{
	return pairs * 2 * sizeof(uint64) +
		((uint64) state->baskets.allocated + state->items.allocated) * NUMBER_BYTES;
}

static void
numbering_init(Numbering *numbering, MemoryContext context)
{
	numbering->hash = (struct numbers_hash *) numbers_create(context, FIRST_ALLOCATION, NULL);
	numbering->ids = MemoryContextAllocHuge(context, FIRST_ALLOCATION * sizeof(int64));
	numbering->count = 0;
	numbering->allocated = FIRST_ALLOCATION;
}

/* The number of an id, a new one when it has none. */
static uint32
number_of(ItemPairsState *state, Numbering *numbering, int64 id)
{
	bool		found;
	NumberEntry *entry = numbers_insert((numbers_hash *) numbering->hash, id, &found);

	if (found)
		return entry->number;
	if (numbering->count == numbering->allocated)
	{
		if (numbering->allocated >= PG_UINT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("item_pairs takes at most %u different baskets or items",
							PG_UINT32_MAX / 2)));
		numbering->allocated *= 2;
		item_pairs_check_memory(state_bytes(state, state->allocated), "its input");
		numbering->ids = repalloc_huge(numbering->ids, (Size) numbering->allocated * sizeof(int64));
	}
	entry->number = numbering->count;
	numbering->ids[numbering->count++] = id;
	return entry->number;
}

/*
 * Sorts keys[0 .. count) by least significant byte first; bytes that are equal
 * in all keys cost nothing.  Needs a second array of the same size.
 */
static void
radix_sort(uint64 *keys, uint64 *other, uint64 count)
{
	uint64		histogram[8][256];
	uint64	   *from = keys;
	uint64	   *to = other;

	memset(histogram, 0, sizeof(histogram));
	for (uint64 i = 0; i < count; i++)
		for (int byte = 0; byte < 8; byte++)
			histogram[byte][(keys[i] >> (byte * 8)) & 0xFF]++;
	for (int byte = 0; byte < 8; byte++)
	{
		uint64		start = 0;
		uint64	   *swap;

		CHECK_FOR_INTERRUPTS();
		if (histogram[byte][(keys[0] >> (byte * 8)) & 0xFF] == count)
			continue;
		for (int value = 0; value < 256; value++)
		{
			uint64		here = histogram[byte][value];

			histogram[byte][value] = start;
			start += here;
		}
		for (uint64 i = 0; i < count; i++)
			to[histogram[byte][(from[i] >> (byte * 8)) & 0xFF]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, count * sizeof(uint64));
}

/*
 * Sorts the pairs of a state by basket and item and drops repeated ones.
 */
void
item_pairs_compact(ItemPairsState *state)
{
	uint64	   *other;
	uint64		kept = 0;

	if (state->sorted == state->count)
		return;
	other = MemoryContextAllocHuge(state->context, state->count * sizeof(uint64));
	radix_sort(state->pairs, other, state->count);
	pfree(other);
	for (uint64 i = 0; i < state->count; i++)
		if (i == 0 || state->pairs[i] != state->pairs[kept - 1])
			state->pairs[kept++] = state->pairs[i];
	state->count = kept;
	state->sorted = kept;
}

/*
 * Makes room for more pairs: twice as many, or near the limit as many as fit,
 * at least an eighth more.
 */
static void
grow(ItemPairsState *state)
{
	uint64		allowed = (uint64) maintenance_work_mem * 1024;
	uint64		fixed = state_bytes(state, 0);
	uint64		wanted = state->allocated * 2;

	if (state_bytes(state, wanted) > allowed)
	{
		wanted = allowed > fixed ? (allowed - fixed) / (2 * sizeof(uint64)) : 0;
		wanted = Max(wanted, state->allocated / 8 * 9);
		item_pairs_check_memory(state_bytes(state, wanted), "its input");
	}
	state->allocated = wanted;
	state->pairs = repalloc_huge(state->pairs, state->allocated * sizeof(uint64));
}

static void
add_pair(ItemPairsState *state, uint32 basket, uint32 item)
{
	if (state->count == state->allocated)
	{
		item_pairs_compact(state);
		if (state->count > state->allocated / 2)
			grow(state);
	}
	state->pairs[state->count++] = ((uint64) basket << 32) | item;
}

static ItemPairsState *
state_create(MemoryContext context, int32 neighbours, double damping, int32 max_basket)
{
	ItemPairsState *state = MemoryContextAllocZero(context, sizeof(ItemPairsState));

	state->context = context;
	numbering_init(&state->baskets, context);
	numbering_init(&state->items, context);
	state->allocated = FIRST_ALLOCATION;
	state->pairs = MemoryContextAllocHuge(context, state->allocated * sizeof(uint64));
	state->neighbours = neighbours;
	state->damping = damping;
	state->max_basket = max_basket;
	return state;
}

/* Reads and checks the three parameters; their defaults when left out. */
static ItemPairsState *
state_from_arguments(FunctionCallInfo fcinfo, MemoryContext context)
{
	int32		neighbours = 50;
	double		damping = 10;
	int32		max_basket = 500;

	if (PG_NARGS() > 3)
	{
		if (PG_ARGISNULL(3) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("neighbours, damping and max_basket of item_pairs must not be null")));
		neighbours = PG_GETARG_INT32(3);
		damping = PG_GETARG_FLOAT8(4);
		max_basket = PG_GETARG_INT32(5);
	}
	if (neighbours < 1 || neighbours > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("neighbours must be between 1 and 10000, got %d", neighbours)));
	if (isnan(damping) || isinf(damping) || damping < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("damping must be a finite number of at least 0, got %g", damping)));
	if (max_basket < 2 || max_basket > 10000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_basket must be between 2 and 10000, got %d", max_basket),
				 errhint("The work grows with the square of the basket: leave out baskets that are no persons'.")));
	return state_create(context, neighbours, damping, max_basket);
}

static bool
same_parameters(FunctionCallInfo fcinfo, const ItemPairsState *state)
{
	return PG_NARGS() <= 3 ||
		(!PG_ARGISNULL(3) && PG_GETARG_INT32(3) == state->neighbours &&
		 !PG_ARGISNULL(4) && PG_GETARG_FLOAT8(4) == state->damping &&
		 !PG_ARGISNULL(5) && PG_GETARG_INT32(5) == state->max_basket);
}

static void
refuse_changed_parameters(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("neighbours, damping and max_basket of item_pairs must be the same in every row")));
}

/*
 * Transition of item_pairs and item_pairs_summary: (internal, basket bigint,
 * item bigint [, neighbours integer, damping float8, max_basket integer])
 * returns internal.  Rows with a null basket or item are left out.  Errors:
 * null_value_not_allowed, invalid_parameter_value for the parameters,
 * program_limit_exceeded at maintenance_work_mem.
 */
Datum
omnicrm_item_pairs_add(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ItemPairsState *state;
	uint32		basket;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "item_pairs_add called outside an aggregate");
	if (PG_ARGISNULL(0))
		state = state_from_arguments(fcinfo, context);
	else
	{
		state = (ItemPairsState *) PG_GETARG_POINTER(0);
		if (!same_parameters(fcinfo, state))
			refuse_changed_parameters();
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	basket = number_of(state, &state->baskets, PG_GETARG_INT64(1));
	add_pair(state, basket, number_of(state, &state->items, PG_GETARG_INT64(2)));
	PG_RETURN_POINTER(state);
}

/*
 * Combines two states: (internal, internal) returns internal, the first one
 * with the pairs of the second added.  Errors as item_pairs_add.
 */
Datum
omnicrm_item_pairs_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ItemPairsState *state;
	ItemPairsState *other;
	uint32	   *item_numbers;
	uint64		basket = PG_UINT64_MAX;
	uint32		basket_number = 0;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "item_pairs_combine called outside an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	other = (ItemPairsState *) PG_GETARG_POINTER(1);
	if (PG_ARGISNULL(0))
		state = state_create(context, other->neighbours, other->damping, other->max_basket);
	else
		state = (ItemPairsState *) PG_GETARG_POINTER(0);
	if (state->neighbours != other->neighbours || state->damping != other->damping ||
		state->max_basket != other->max_basket)
		refuse_changed_parameters();

	item_pairs_compact(other);
	item_numbers = MemoryContextAllocHuge(CurrentMemoryContext,
										  ((Size) other->items.count + 1) * sizeof(uint32));
	for (uint32 i = 0; i < other->items.count; i++)
		item_numbers[i] = number_of(state, &state->items, other->items.ids[i]);
	for (uint64 i = 0; i < other->count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (other->pairs[i] >> 32 != basket)
		{
			basket = other->pairs[i] >> 32;
			basket_number = number_of(state, &state->baskets, other->baskets.ids[basket]);
		}
		add_pair(state, basket_number, item_numbers[(uint32) other->pairs[i]]);
	}
	pfree(item_numbers);
	PG_RETURN_POINTER(state);
}

static void
send_ids(StringInfo buffer, const Numbering *numbering)
{
	pq_sendint32(buffer, numbering->count);
	for (uint32 i = 0; i < numbering->count; i++)
		pq_sendint64(buffer, numbering->ids[i]);
}

/*
 * Serialises a state: (internal) returns bytea: version, parameters, ids of
 * baskets and items, pairs.  Error: program_limit_exceeded when it would not
 * fit into one value (about 100 million pairs).
 */
Datum
omnicrm_item_pairs_serialize(PG_FUNCTION_ARGS)
{
	ItemPairsState *state = (ItemPairsState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	uint64		bytes;

	item_pairs_compact(state);
	bytes = (state->count + state->baskets.count + state->items.count) * sizeof(int64) + 64;
	if (bytes >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partial state of item_pairs of %llu MB does not fit into one value",
						(unsigned long long) bytes >> 20),
				 errhint("Run it without parallel workers: SET max_parallel_workers_per_gather = 0.")));
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, (int) bytes);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint32(&buffer, state->neighbours);
	pq_sendfloat8(&buffer, state->damping);
	pq_sendint32(&buffer, state->max_basket);
	send_ids(&buffer, &state->baskets);
	send_ids(&buffer, &state->items);
	pq_sendint64(&buffer, state->count);
	for (uint64 i = 0; i < state->count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(&buffer, state->pairs[i]);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
refuse_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialised state of item_pairs")));
}

static void
receive_ids(StringInfo buffer, ItemPairsState *state, Numbering *numbering)
{
	uint32		count = pq_getmsgint(buffer, 4);

	if ((uint64) count * sizeof(int64) > (uint64) (buffer->len - buffer->cursor))
		refuse_state();
	for (uint32 i = 0; i < count; i++)
		if (number_of(state, numbering, pq_getmsgint64(buffer)) != i)
			refuse_state();
}

/*
 * Reads a serialised state: (bytea, internal) returns internal.  Errors:
 * invalid_binary_representation, program_limit_exceeded.
 */
Datum
omnicrm_item_pairs_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	MemoryContext context;
	ItemPairsState *state;
	StringInfoData buffer;
	int32		neighbours;
	double		damping;
	uint64		count;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "item_pairs_deserialize called outside an aggregate");
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = VARSIZE_ANY_EXHDR(bytes);
	buffer.maxlen = buffer.len;
	buffer.cursor = 0;
	if (pq_getmsgint(&buffer, 4) != STATE_VERSION)
		refuse_state();
	neighbours = pq_getmsgint(&buffer, 4);
	damping = pq_getmsgfloat8(&buffer);
	state = state_create(CurrentMemoryContext, neighbours, damping, pq_getmsgint(&buffer, 4));
	receive_ids(&buffer, state, &state->baskets);
	receive_ids(&buffer, state, &state->items);
	count = pq_getmsgint64(&buffer);
	if (count != (uint64) (buffer.len - buffer.cursor) / sizeof(uint64))
		refuse_state();
	for (uint64 i = 0; i < count; i++)
	{
		uint64		pair = pq_getmsgint64(&buffer);

		if (pair >> 32 >= state->baskets.count || (uint32) pair >= state->items.count)
			refuse_state();
		add_pair(state, pair >> 32, (uint32) pair);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}
