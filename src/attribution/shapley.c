/*
 * shapley.c
 *		The aggregate shapley: Shapley values of a game that is a sum over journeys.
 *
 * When a coalition is worth the journeys whose actors are all in it, v(S) = sum of the
 * values of journeys with actors in S, the Shapley value of an actor is the sum over
 * its journeys of value / number of different actors of the journey (L. S. Shapley, "A
 * value for n-person games", 1953: each journey is a unanimity game).  So it needs no
 * coalitions, and any number of actors will do.
 *
 * Sums are kept exactly, by actor and number of actors; the division comes last, and
 * shares are rounded so that they add up to the total.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "attribution/actors.h"
#include "common/aggregate.h"
#include "common/compat.h"
#include "common/units.h"

#define STATE_VERSION 1
#define SHARE_SCALE 12			/* sums are kept and shares given in units of 10^-12 */

PG_FUNCTION_INFO_V1(omnicrm_shapley_accum);
PG_FUNCTION_INFO_V1(omnicrm_shapley_combine);
PG_FUNCTION_INFO_V1(omnicrm_shapley_serialize);
PG_FUNCTION_INFO_V1(omnicrm_shapley_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_shapley_final);

/* Values of the journeys of one actor that have so many actors. */
typedef struct SumEntry
{
	uint64		key;			/* actor << 32 | number of actors */
	int128		value;
	char		status;
} SumEntry;

#define SH_PREFIX sums
#define SH_ELEMENT_TYPE SumEntry
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, key) ((uint32) (((key) * UINT64CONST(0x9E3779B97F4A7C15)) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct ShapleyState
{
	MemoryContext context;
	Actors	   *actors;
	sums_hash  *sums;
	int128		alone;			/* value of journeys without an actor */
	int128		total;
} ShapleyState;

static ShapleyState *
make_state(MemoryContext context)
{
	ShapleyState *state = MemoryContextAllocZero(context, sizeof(ShapleyState));

	state->context = context;
	state->actors = omni_actors_make(context);
	state->sums = sums_create(context, 64, NULL);
	return state;
}

static void
add_value(int128 *sum, int128 value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the values of journeys is out of range")));
}

static void
check_memory(const ShapleyState *state)
{
	if ((state->sums->size * sizeof(SumEntry) + omni_actors_bytes(state->actors)) / 1024 > (uint64) maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%u different actors need more than maintenance_work_mem allows (%d MB)",
						omni_actors_count(state->actors), maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or give fewer actors.")));
}

static void
add_sum(ShapleyState *state, uint32 actor, uint32 actors, int128 value)
{
	bool		found;
	SumEntry   *entry;

	entry = sums_insert(state->sums, (uint64) actor << 32 | actors, &found);
	if (!found)
	{
		entry->value = 0;
		check_memory(state);
	}
	add_value(&entry->value, value);
}

/*
 * Transition of shapley(actors text[], value numeric).
 * Errors: invalid_parameter_value, array_subscript_error, numeric_value_out_of_range,
 * program_limit_exceeded.
 */
Datum
omnicrm_shapley_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ShapleyState *state = PG_ARGISNULL(0) ? make_state(context) : (ShapleyState *) PG_GETARG_POINTER(0);
	uint32	   *actors = NULL;
	int			count = 0;
	int128		value;

	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	value = omnicrm_datum_to_units(PG_GETARG_DATUM(2), SHARE_SCALE, "value");
	if (!PG_ARGISNULL(1))
	{
		actors = omni_actors_of_array(state->actors, PG_GETARG_ARRAYTYPE_P(1), &count);
		count = omni_distinct_actors(actors, count);
	}
	add_value(&state->total, value);
	if (count == 0)
		add_value(&state->alone, value);
	for (int i = 0; i < count; i++)
		add_sum(state, actors[i], count, value);
	PG_RETURN_POINTER(state);
}

/* Combine function. */
Datum
omnicrm_shapley_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ShapleyState *state = PG_ARGISNULL(0) ? make_state(context) : (ShapleyState *) PG_GETARG_POINTER(0);
	ShapleyState *other;
	sums_iterator iterator;
	SumEntry   *entry;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	other = (ShapleyState *) PG_GETARG_POINTER(1);
	add_value(&state->alone, other->alone);
	add_value(&state->total, other->total);
	for (uint32 i = 0; i < omni_actors_count(other->actors); i++)
	{
		int			length;
		const char *name = omni_actor_name(other->actors, i, &length);

		(void) omni_actor_number(state->actors, name, length);
	}
	sums_start_iterate(other->sums, &iterator);
	while ((entry = sums_iterate(other->sums, &iterator)) != NULL)
	{
		int			length;
		const char *name = omni_actor_name(other->actors, entry->key >> 32, &length);

		add_sum(state, omni_actor_find(state->actors, name, length), (uint32) entry->key, entry->value);
	}
	PG_RETURN_POINTER(state);
}

static void
send_value(StringInfo buffer, int128 value)
{
	pq_sendint64(buffer, (int64) (value >> 64));
	pq_sendint64(buffer, (int64) value);
}

static int128
receive_value(StringInfo buffer)
{
	uint128		high = (uint64) pq_getmsgint64(buffer);

	return (int128) (high << 64 | (uint64) pq_getmsgint64(buffer));
}

/* Serialisation for parallel workers: version, names, sums. */
Datum
omnicrm_shapley_serialize(PG_FUNCTION_ARGS)
{
	ShapleyState *state = (ShapleyState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	sums_iterator iterator;
	SumEntry   *entry;

	(void) omni_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	omni_actors_send(&buffer, state->actors);
	send_value(&buffer, state->alone);
	send_value(&buffer, state->total);
	pq_sendint32(&buffer, state->sums->members);
	sums_start_iterate(state->sums, &iterator);
	while ((entry = sums_iterate(state->sums, &iterator)) != NULL)
	{
		pq_sendint64(&buffer, entry->key);
		send_value(&buffer, entry->value);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Its inverse.  Errors: data_corrupted. */
Datum
omnicrm_shapley_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	ShapleyState *state = make_state(CurrentMemoryContext);
	StringInfoData buffer;
	uint32		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgint(&buffer, 4) != STATE_VERSION)
		omni_refuse_attribution_state();
	state->actors = omni_actors_receive(&buffer, CurrentMemoryContext);
	state->alone = receive_value(&buffer);
	state->total = receive_value(&buffer);
	count = pq_getmsgint(&buffer, 4);
	for (uint32 i = 0; i < count; i++)
	{
		uint64		key = pq_getmsgint64(&buffer);

		if (key >> 32 >= omni_actors_count(state->actors) || (uint32) key == 0)
			omni_refuse_attribution_state();
		add_sum(state, key >> 32, (uint32) key, receive_value(&buffer));
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/* The share of an actor: whole units and what is left, in 2^-64 of a unit. */
typedef struct Share
{
	uint32		rank;			/* of the name */
	int128		whole;
	uint128		rest;
} Share;

static int
compare_ranks(const void *left, const void *right)
{
	const Share *a = left;
	const Share *b = right;

	return (a->rank > b->rank) - (a->rank < b->rank);
}

/* Larger rest first, then by name. */
static int
compare_rests(const void *left, const void *right)
{
	const Share *a = left;
	const Share *b = right;

	if (a->rest != b->rest)
		return a->rest > b->rest ? -1 : 1;
	return compare_ranks(left, right);
}

/* The shares by rank, which add up to the total less what is nobody's. */
static Share *
make_shares(const ShapleyState *state)
{
	uint32		count = omni_actors_count(state->actors);
	uint32	   *ranks = omni_actors_ranks(state->actors);
	Share	   *shares = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(Share));
	int128		left = state->total;
	sums_iterator iterator;
	SumEntry   *entry;

	add_value(&left, -state->alone);
	memset(shares, 0, ((Size) count + 1) * sizeof(Share));
	sums_start_iterate(state->sums, &iterator);
	while ((entry = sums_iterate(state->sums, &iterator)) != NULL)
	{
		Share	   *share = &shares[entry->key >> 32];
		int64		actors = (uint32) entry->key;
		int128		whole = entry->value / actors;
		int128		rest = entry->value % actors;

		if (rest < 0)
		{
			rest += actors;
			whole--;
		}
		add_value(&share->whole, whole);
		share->rest += ((uint128) rest << 64) / (uint128) actors;
	}
	for (uint32 i = 0; i < count; i++)
	{
		shares[i].rank = ranks[i];
		shares[i].whole += (int128) (shares[i].rest >> 64);
		shares[i].rest = (uint64) shares[i].rest;
		add_value(&left, -shares[i].whole);
	}
	CHECK_FOR_INTERRUPTS();
	/* largest remainder: fewer units are left than there are actors */
	qsort(shares, count, sizeof(Share), compare_rests);
	for (uint32 i = 0; i < count && left > 0; i++, left--)
		shares[i].whole++;
	Assert(left == 0);
	qsort(shares, count, sizeof(Share), compare_ranks);
	return shares;
}

/*
 * Final function: shapley_share[] by actor, what is nobody's last with a null actor;
 * null without a row.
 */
Datum
omnicrm_shapley_final(PG_FUNCTION_ARGS)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	ShapleyState *state;
	ArrayBuildState *rows = NULL;
	TupleDesc	desc;
	Share	   *shares;
	uint32	   *by_name;
	uint32		count;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (ShapleyState *) PG_GETARG_POINTER(0);
	desc = lookup_rowtype_tupdesc_copy(element, -1);
	if (desc->natts != 2)
		elog(ERROR, "unexpected row type of shapley");
	BlessTupleDesc(desc);
	shares = make_shares(state);
	by_name = omni_actors_by_name(state->actors);
	count = omni_actors_count(state->actors);
	for (uint32 i = 0; i <= count; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {i == count, false};
		int			length;
		const char *name;

		if (i == count && state->alone == 0)
			break;
		if (i < count)
		{
			name = omni_actor_name(state->actors, by_name[i], &length);
			values[0] = PointerGetDatum(cstring_to_text_with_len(name, length));
		}
		values[1] = NumericGetDatum(omnicrm_units_to_numeric(i < count ? shares[i].whole : state->alone, SHARE_SCALE));
		rows = accumArrayResult(rows, HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)), false, element, CurrentMemoryContext);
	}
	if (rows == NULL)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(element));
	PG_RETURN_DATUM(makeArrayResult(rows, CurrentMemoryContext));
}
