/*
 * customer_stats.c
 *		The aggregates customer_stats, of orders, and stats_rollup, of values.
 *
 * One compact state instead of one for each of six aggregates, so that a hash
 * aggregate over many customers stays small: exact sums in hundredths and the
 * days with a sale.  The result is the same for any order of the rows, any
 * number of workers and any split into parts that stats_rollup sums up.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "segment/customer_stats.h"

#define MAX_ORDERS (PG_INT64_MAX / 4)
#define FIRST_CAPACITY 5		/* makes a state of 128 bytes, a size that palloc() likes */
#define MAX_CAPACITY (1 << 27)

PG_FUNCTION_INFO_V1(omnicrm_customer_stats_accum_date);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_accum_timestamptz);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_combine);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_serialize);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_final);
PG_FUNCTION_INFO_V1(omnicrm_stats_rollup_accum);

static int
compare_days(const void *left, const void *right)
{
	DateADT		a = *(const DateADT *) left;
	DateADT		b = *(const DateADT *) right;

	return (a > b) - (a < b);
}

static Size
state_size(int32 capacity)
{
	return offsetof(CustomerStats, days) + (Size) capacity * sizeof(DateADT);
}

/* An empty state with room for so many days. */
CustomerStats *
customer_stats_make(MemoryContext context, int32 capacity)
{
	CustomerStats *stats;

	capacity = Max(capacity, FIRST_CAPACITY);
	stats = MemoryContextAlloc(context, state_size(capacity));
	memset(stats, 0, offsetof(CustomerStats, days));
	stats->capacity = capacity;
	return stats;
}

/* Sorts the days and drops repeated ones, which changes nothing that the state stands for. */
void
customer_stats_order(CustomerStats *stats)
{
	int32		kept = stats->count > 0 ? 1 : 0;

	if (stats->ordered == stats->count)
		return;
	qsort(stats->days, stats->count, sizeof(DateADT), compare_days);
	for (int32 i = 1; i < stats->count; i++)
		if (stats->days[i] != stats->days[kept - 1])
			stats->days[kept++] = stats->days[i];
	stats->count = stats->ordered = kept;
}

/* Adds a day; returns the state, which may have moved to a larger place. */
static CustomerStats *
add_day(CustomerStats *stats, DateADT day)
{
	bool		ascends = stats->count == 0 || day > stats->days[stats->count - 1];

	if (!ascends && day == stats->days[stats->count - 1])
		return stats;
	if (stats->count == stats->capacity)
	{
		customer_stats_order(stats);
		ascends = day > stats->days[stats->count - 1];
		if (stats->count > stats->capacity / 2)
		{
			if (stats->capacity >= MAX_CAPACITY)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d different days in one group", MAX_CAPACITY)));
			stats->capacity *= 2;
			stats = repalloc(stats, state_size(stats->capacity));
		}
	}
	if (ascends && stats->ordered == stats->count)
		stats->ordered++;
	stats->days[stats->count++] = day;
	return stats;
}

static void
add_money(int128 *sum, int128 amount)
{
	if (__builtin_add_overflow(*sum, amount, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the orders is out of range")));
}

/* Adds what was sold on the first of some days. */
static void
add_first_day(CustomerStats *stats, DateADT day, int128 sold)
{
	if (stats->count == 0 || day < stats->first)
	{
		stats->first = day;
		stats->first_sold = sold;
	}
	else if (day == stats->first)
		add_money(&stats->first_sold, sold);
}

/* Notes the currency of a row or state; another one than before is refused. */
static void
note_currency(CustomerStats *stats, const char *currency)
{
	if (currency[0] == '\0' || strcmp(stats->currency, currency) == 0)
		return;
	if (stats->currency[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("orders in different currencies: %s, %s",
						strcmp(stats->currency, currency) < 0 ? stats->currency : currency,
						strcmp(stats->currency, currency) < 0 ? currency : stats->currency),
				 errhint("Convert the amounts to one currency first, or group by currency.")));
	memcpy(stats->currency, currency, STATS_CURRENCY_SIZE);
}

/* The code of a currency argument; null stands for none told. */
static void
read_currency(FunctionCallInfo fcinfo, int number, char *currency)
{
	text	   *code;
	Size		length;

	memset(currency, 0, STATS_CURRENCY_SIZE);
	if (PG_NARGS() <= number || PG_ARGISNULL(number))
		return;
	code = PG_GETARG_TEXT_PP(number);
	length = VARSIZE_ANY_EXHDR(code);
	if (length != STATS_CURRENCY_SIZE - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a code of a currency: \"%.60s\"", text_to_cstring(code)),
				 errhint("Use the three letters of ISO 4217, for example EUR.")));
	memcpy(currency, VARDATA_ANY(code), length);
}

/*
 * Adds the order of a row: arguments amount, margin, currency and is_sale after
 * the day, the last three optional.  Returns the state, which may have moved.
 */
static CustomerStats *
add_order(FunctionCallInfo fcinfo, CustomerStats *stats, DateADT day)
{
	int128		amount = omnicrm_datum_to_units(PG_GETARG_DATUM(2), STATS_MONEY_SCALE, "amount");
	bool		is_sale = amount >= 0;
	char		currency[STATS_CURRENCY_SIZE];

	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("day of an order is not finite"),
				 errhint("Leave such rows out, for example with FILTER (WHERE isfinite(ordered_at)).")));
	if (PG_NARGS() > 5)
		is_sale = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);
	if (PG_NARGS() > 4)
	{
		read_currency(fcinfo, 4, currency);
		note_currency(stats, currency);
	}
	if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
	{
		stats->with_margin++;
		add_money(&stats->margin, omnicrm_datum_to_units(PG_GETARG_DATUM(3), STATS_MONEY_SCALE, "margin"));
	}
	if (!is_sale)
	{
		stats->returns++;
		add_money(&stats->returned, amount);
		return stats;
	}
	stats->sales++;
	add_money(&stats->sold, amount);
	add_first_day(stats, day, amount);
	return add_day(stats, day);
}

static CustomerStats *
state_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : (CustomerStats *) PG_GETARG_POINTER(number);
}

static Datum
return_state(FunctionCallInfo fcinfo, CustomerStats *stats)
{
	if (stats == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(stats);
}

/*
 * Transition of customer_stats(ordered_on, amount [, margin [, currency [,
 * is_sale]]]).  A row without day or amount adds nothing.
 */
Datum
omnicrm_customer_stats_accum_date(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CustomerStats *stats = state_argument(fcinfo, 0);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return return_state(fcinfo, stats);
	if (stats == NULL)
		stats = customer_stats_make(context, 0);
	return return_state(fcinfo, add_order(fcinfo, stats, PG_GETARG_DATEADT(1)));
}

/* The same with a point in time, whose day is that of the session's time zone. */
Datum
omnicrm_customer_stats_accum_timestamptz(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CustomerStats *stats = state_argument(fcinfo, 0);
	DateADT		day;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return return_state(fcinfo, stats);
	if (stats == NULL)
		stats = customer_stats_make(context, 0);
	day = DatumGetDateADT(DirectFunctionCall1(timestamptz_date, PG_GETARG_DATUM(1)));
	return return_state(fcinfo, add_order(fcinfo, stats, day));
}

/* Adds the orders of the second state to the first, which may be NULL. */
static CustomerStats *
merge_stats(MemoryContext context, CustomerStats *first, const CustomerStats *second)
{
	if (first == NULL)
		first = customer_stats_make(context, second->count);
	note_currency(first, second->currency);
	add_money(&first->returned, second->returned);
	add_money(&first->margin, second->margin);
	add_money(&first->sold, second->sold);
	if (first->sales > MAX_ORDERS || first->returns > MAX_ORDERS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of orders is out of range")));
	first->sales += second->sales;
	first->returns += second->returns;
	first->with_margin += second->with_margin;
	if (second->count > 0)
		add_first_day(first, second->first, second->first_sold);
	for (int32 i = 0; i < second->count; i++)
		first = add_day(first, second->days[i]);
	return first;
}

/* Combine function of customer_stats and stats_rollup. */
Datum
omnicrm_customer_stats_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CustomerStats *stats = state_argument(fcinfo, 0);

	if (!PG_ARGISNULL(1))
		stats = merge_stats(context, stats, state_argument(fcinfo, 1));
	return return_state(fcinfo, stats);
}

/* Serialisation for parallel workers: the form of the value. */
Datum
omnicrm_customer_stats_serialize(PG_FUNCTION_ARGS)
{
	(void) omni_aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(customer_stats_write(state_argument(fcinfo, 0)));
}

/* Its inverse.  Errors: invalid_binary_representation. */
Datum
omnicrm_customer_stats_deserialize(PG_FUNCTION_ARGS)
{
	(void) omni_aggregate_context(fcinfo);
	PG_RETURN_POINTER(customer_stats_read(PG_GETARG_BYTEA_PP(0), true));
}

/* Final function of both aggregates: the value; null without an order. */
Datum
omnicrm_customer_stats_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(customer_stats_write(state_argument(fcinfo, 0)));
}

/* Transition of stats_rollup(value); a null adds nothing. */
Datum
omnicrm_stats_rollup_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CustomerStats *stats = state_argument(fcinfo, 0);

	if (!PG_ARGISNULL(1))
		stats = merge_stats(context, stats, customer_stats_read(PG_GETARG_BYTEA_PP(1), true));
	return return_state(fcinfo, stats);
}
