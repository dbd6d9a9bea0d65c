/*
 * markov_order.c
 *		How many touches a state of a Markov chain should have.
 *
 * A chain of order k says that whether a journey converts depends on its last k
 * touches: its chance is conversions / (conversions + nulls) of all journeys with the
 * same last touches (of fewer, when it has fewer).  How well that tells conversions
 * from nulls is the area under the ROC curve, here by the trapezoid rule through the
 * points of 100 thresholds at equal distances from the least to the greatest chance.
 * More states fit any data better, so the area is corrected as a coefficient of
 * determination is:
 *		1 - (1 - area) (p - 1) / (p - m - 1), no less than 0,
 * with p journeys and m = C(channels + k - 1, k) parameters.  The curve and its
 * correction are those by which ChannelAttribution chooses; the figures agree.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "common/int.h"
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

#define ORDERS 8
#define THRESHOLDS 100
#define STATE_VERSION 1
#define FIT_COLUMNS 5

PG_FUNCTION_INFO_V1(omnicrm_markov_order_choice_accum);
PG_FUNCTION_INFO_V1(omnicrm_markov_order_choice_combine);
PG_FUNCTION_INFO_V1(omnicrm_markov_order_choice_serialize);
PG_FUNCTION_INFO_V1(omnicrm_markov_order_choice_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_markov_order_choice_final);

/* The last touches of journeys, the very last first; NO_ACTOR where there are no more. */
typedef struct Tail
{
	uint32		touches[ORDERS];
} Tail;

typedef struct TailEntry
{
	Tail		tail;
	char		status;
	int64		conversions;
	int64		nulls;
} TailEntry;

#define SH_PREFIX tails
#define SH_ELEMENT_TYPE TailEntry
#define SH_KEY_TYPE Tail
#define SH_KEY tail
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) &(key), sizeof(Tail))
#define SH_EQUAL(tb, a, b) (memcmp(&(a), &(b), sizeof(Tail)) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct OrderState
{
	MemoryContext context;
	Actors	   *actors;
	tails_hash *tails;
} OrderState;

static OrderState *
make_state(MemoryContext context)
{
	OrderState *state = MemoryContextAlloc(context, sizeof(OrderState));

	state->context = context;
	state->actors = omni_actors_make(context);
	state->tails = tails_create(context, 256, NULL);
	return state;
}

static void
add_count(int64 *sum, int64 count)
{
	if (pg_add_s64_overflow(*sum, count, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the counts of journeys is out of range")));
}

static void
check_memory(const OrderState *state)
{
	if (state->tails->size * sizeof(TailEntry) / 1024 > (uint64) maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%u different ends of journeys need more than maintenance_work_mem allows (%d MB)",
						state->tails->members, maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or give a sample of the journeys.")));
}

/* Adds journeys with these last touches. */
static void
add_tail(OrderState *state, Tail tail, int64 conversions, int64 nulls)
{
	bool		found;
	TailEntry  *entry;

	entry = tails_insert(state->tails, tail, &found);
	if (!found)
	{
		entry->conversions = entry->nulls = 0;
		check_memory(state);
	}
	add_count(&entry->conversions, conversions);
	add_count(&entry->nulls, nulls);
}

static int64
count_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	int64		count = PG_ARGISNULL(number) ? 0 : PG_GETARG_INT64(number);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative, got %lld", what, (long long) count)));
	return count;
}

/*
 * Transition of markov_order_choice(path text[], conversions bigint, nulls bigint).
 * Errors: invalid_parameter_value, array_subscript_error, numeric_value_out_of_range,
 * program_limit_exceeded.
 */
Datum
omnicrm_markov_order_choice_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	OrderState *state = PG_ARGISNULL(0) ? make_state(context) : (OrderState *) PG_GETARG_POINTER(0);
	int64		conversions = count_argument(fcinfo, 2, "conversions");
	int64		nulls = count_argument(fcinfo, 3, "nulls");
	uint32	   *path = NULL;
	int			length = 0;
	Tail		tail;

	if (conversions == 0 && nulls == 0)
		PG_RETURN_POINTER(state);
	if (!PG_ARGISNULL(1))
		path = omni_actors_of_array(state->actors, PG_GETARG_ARRAYTYPE_P(1), &length);
	memset(&tail, 0xFF, sizeof(Tail));
	for (int i = 0; i < Min(length, ORDERS); i++)
		tail.touches[i] = path[length - 1 - i];
	add_tail(state, tail, conversions, nulls);
	PG_RETURN_POINTER(state);
}

/* Combine function. */
Datum
omnicrm_markov_order_choice_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	OrderState *state = PG_ARGISNULL(0) ? make_state(context) : (OrderState *) PG_GETARG_POINTER(0);
	OrderState *other;
	tails_iterator iterator;
	TailEntry  *entry;
	uint32	   *numbers;
	uint32		count;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	other = (OrderState *) PG_GETARG_POINTER(1);
	count = omni_actors_count(other->actors);
	numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
	{
		int			length;
		const char *name = omni_actor_name(other->actors, i, &length);

		numbers[i] = omni_actor_number(state->actors, name, length);
	}
	tails_start_iterate(other->tails, &iterator);
	while ((entry = tails_iterate(other->tails, &iterator)) != NULL)
	{
		Tail		tail = entry->tail;

		for (int i = 0; i < ORDERS && tail.touches[i] != NO_ACTOR; i++)
			tail.touches[i] = numbers[tail.touches[i]];
		add_tail(state, tail, entry->conversions, entry->nulls);
	}
	pfree(numbers);
	PG_RETURN_POINTER(state);
}

/* Serialisation for parallel workers: version, names, ends of journeys. */
Datum
omnicrm_markov_order_choice_serialize(PG_FUNCTION_ARGS)
{
	OrderState *state = (OrderState *) PG_GETARG_POINTER(0);
	StringInfoData buffer;
	tails_iterator iterator;
	TailEntry  *entry;

	(void) omni_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	omni_actors_send(&buffer, state->actors);
	pq_sendint32(&buffer, state->tails->members);
	tails_start_iterate(state->tails, &iterator);
	while ((entry = tails_iterate(state->tails, &iterator)) != NULL)
	{
		for (int i = 0; i < ORDERS; i++)
			pq_sendint32(&buffer, entry->tail.touches[i]);
		pq_sendint64(&buffer, entry->conversions);
		pq_sendint64(&buffer, entry->nulls);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Its inverse.  Errors: data_corrupted. */
Datum
omnicrm_markov_order_choice_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	OrderState *state = make_state(CurrentMemoryContext);
	StringInfoData buffer;
	uint32		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgint(&buffer, 4) != STATE_VERSION)
		omni_refuse_attribution_state();
	state->actors = omni_actors_receive(&buffer, CurrentMemoryContext);
	count = pq_getmsgint(&buffer, 4);
	for (uint32 entry = 0; entry < count; entry++)
	{
		Tail		tail;
		int64		conversions;
		int64		nulls;

		for (int i = 0; i < ORDERS; i++)
		{
			tail.touches[i] = pq_getmsgint(&buffer, 4);
			if (tail.touches[i] != NO_ACTOR && (tail.touches[i] >= omni_actors_count(state->actors) ||
												(i > 0 && tail.touches[i - 1] == NO_ACTOR)))
				omni_refuse_attribution_state();
		}
		conversions = pq_getmsgint64(&buffer);
		nulls = pq_getmsgint64(&buffer);
		if (conversions < 0 || nulls < 0)
			omni_refuse_attribution_state();
		add_tail(state, tail, conversions, nulls);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

static int
compare_tails(const void *left, const void *right)
{
	const TailEntry *a = left;
	const TailEntry *b = right;

	for (int i = 0; i < ORDERS; i++)
		if (a->tail.touches[i] != b->tail.touches[i])
			return a->tail.touches[i] < b->tail.touches[i] ? -1 : 1;
	return 0;
}

/* All ends of journeys, those that end alike side by side. */
static TailEntry *
sorted_tails(const OrderState *state)
{
	TailEntry  *entries = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) state->tails->members + 1) * sizeof(TailEntry));
	tails_iterator iterator;
	TailEntry  *entry;
	uint32		count = 0;

	tails_start_iterate(state->tails, &iterator);
	while ((entry = tails_iterate(state->tails, &iterator)) != NULL)
		entries[count++] = *entry;
	qsort(entries, count, sizeof(TailEntry), compare_tails);
	return entries;
}

/* Journeys with the same last touches. */
typedef struct TailGroup
{
	double		chance;			/* to convert */
	double		conversions;
	double		nulls;
} TailGroup;

/* The groups of journeys with the same last touches; how many. */
static uint32
make_groups(const TailEntry *entries, uint32 count, int order, TailGroup *groups)
{
	uint32		ngroups = 0;

	for (uint32 i = 0; i < count; i++)
	{
		if (i == 0 || memcmp(&entries[i].tail, &entries[i - 1].tail, order * sizeof(uint32)) != 0)
			memset(&groups[ngroups++], 0, sizeof(TailGroup));
		groups[ngroups - 1].conversions += (double) entries[i].conversions;
		groups[ngroups - 1].nulls += (double) entries[i].nulls;
	}
	for (uint32 i = 0; i < ngroups; i++)
		groups[i].chance = groups[i].conversions / (groups[i].conversions + groups[i].nulls);
	return ngroups;
}

/* Area under the ROC curve of the groups; whole counts, so in any order of them. */
static double
roc_area(const TailGroup *groups, uint32 count, double conversions, double nulls)
{
	double		least = groups[0].chance;
	double		greatest = groups[0].chance;
	double		area = 0;
	double		hits_before = 0;
	double		alarms_before = 0;

	for (uint32 i = 1; i < count; i++)
	{
		least = Min(least, groups[i].chance);
		greatest = Max(greatest, groups[i].chance);
	}
	/* from the highest threshold down to one below all */
	for (int step = THRESHOLDS - 1; step >= -1; step--)
	{
		double		threshold = step == THRESHOLDS - 1 ? greatest : step * ((greatest - least) / (THRESHOLDS - 1)) + least;
		double		hits = 0;
		double		alarms = 0;

		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < count; i++)
			if (step < 0 || groups[i].chance >= threshold)
			{
				hits += groups[i].conversions;
				alarms += groups[i].nulls;
			}
		area += (alarms - alarms_before) * (hits + hits_before) / 2;
		hits_before = hits;
		alarms_before = alarms;
	}
	return area / conversions / nulls;
}

/* C(channels + order - 1, order). */
static double
parameters(uint32 channels, int order)
{
	double		result = 1;

	for (int i = 1; i <= order; i++)
		result = result * (channels + i - 1.0) / i;
	return result;
}

/* The rows: order, number of parameters, area, corrected area, whether it is the best. */
static void
fit_orders(const OrderState *state, Datum rows[ORDERS][FIT_COLUMNS], bool *undefined)
{
	uint32		count = state->tails->members;
	TailEntry  *entries = sorted_tails(state);
	TailGroup	   *groups = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(TailGroup));
	double		conversions = 0;
	double		nulls = 0;
	double		corrected[ORDERS];
	int			best = 0;

	for (uint32 i = 0; i < count; i++)
	{
		conversions += (double) entries[i].conversions;
		nulls += (double) entries[i].nulls;
	}
	*undefined = conversions == 0 || nulls == 0;
	for (int i = 0; i < ORDERS; i++)
	{
		double		journeys = conversions + nulls;
		double		free_parameters = parameters(omni_actors_count(state->actors), i + 1);
		double		area = *undefined ? 0 : roc_area(groups, make_groups(entries, count, i + 1, groups), conversions, nulls);
		double		freedom = journeys - free_parameters - 1;

		corrected[i] = freedom > 0 ? Max(1 - (1 - area) * (journeys - 1) / freedom, 0) : 0;
		if (corrected[i] > corrected[best])
			best = i;
		rows[i][0] = Int32GetDatum(i + 1);
		rows[i][1] = Float8GetDatum(free_parameters);
		rows[i][2] = Float8GetDatum(area);
		rows[i][3] = Float8GetDatum(corrected[i]);
	}
	for (int i = 0; i < ORDERS; i++)
		rows[i][4] = BoolGetDatum(i == best);
}

/*
 * Final function: markov_order_fit[] of orders 1 to 8; null without a row.  Areas and
 * the choice are null unless there are journeys that convert and some that do not.
 */
Datum
omnicrm_markov_order_choice_final(PG_FUNCTION_ARGS)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	row;
	Datum		rows[ORDERS][FIT_COLUMNS];
	Datum		elements[ORDERS];
	bool		undefined;
	int16		width;
	bool		by_value;
	char		align;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	row = lookup_rowtype_tupdesc_copy(element, -1);
	if (row->natts != FIT_COLUMNS)
		elog(ERROR, "unexpected row type of markov_order_choice");
	BlessTupleDesc(row);
	fit_orders((OrderState *) PG_GETARG_POINTER(0), rows, &undefined);
	for (int i = 0; i < ORDERS; i++)
	{
		bool		nulls[FIT_COLUMNS] = {false, false, undefined, undefined, undefined};

		elements[i] = HeapTupleGetDatum(heap_form_tuple(row, rows[i], nulls));
	}
	get_typlenbyvalalign(element, &width, &by_value, &align);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, ORDERS, element, width, by_value, align));
}
