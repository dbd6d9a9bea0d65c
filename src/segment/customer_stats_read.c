/*
 * customer_stats_read.c
 *		What a value of customer_stats tells: recency, frequency, money, and the
 *		statistics that models of lifetime value take.
 *
 * Functions of days that take as_of look at the days up to it, so that one value
 * serves any cut-off and orders of the future do no harm.  Without a sale up to
 * then they are null.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "segment/customer_stats.h"

PG_FUNCTION_INFO_V1(omnicrm_stats_first_order);
PG_FUNCTION_INFO_V1(omnicrm_stats_last_order);
PG_FUNCTION_INFO_V1(omnicrm_stats_recency);
PG_FUNCTION_INFO_V1(omnicrm_stats_tenure);
PG_FUNCTION_INFO_V1(omnicrm_stats_frequency);
PG_FUNCTION_INFO_V1(omnicrm_stats_days);
PG_FUNCTION_INFO_V1(omnicrm_stats_orders);
PG_FUNCTION_INFO_V1(omnicrm_stats_returns);
PG_FUNCTION_INFO_V1(omnicrm_stats_without_margin);
PG_FUNCTION_INFO_V1(omnicrm_stats_monetary);
PG_FUNCTION_INFO_V1(omnicrm_stats_sold);
PG_FUNCTION_INFO_V1(omnicrm_stats_margin);
PG_FUNCTION_INFO_V1(omnicrm_stats_currency);
PG_FUNCTION_INFO_V1(omnicrm_stats_average_ticket);
PG_FUNCTION_INFO_V1(omnicrm_clv_x);
PG_FUNCTION_INFO_V1(omnicrm_clv_t_x);
PG_FUNCTION_INFO_V1(omnicrm_clv_t);
PG_FUNCTION_INFO_V1(omnicrm_clv_spend);

/* The sums and counts of argument 0. */
static CustomerStats *
read_sums(FunctionCallInfo fcinfo)
{
	return customer_stats_read(PG_GETARG_BYTEA_PP(0), false);
}

/* Argument 0 with its days, of which *count lie up to argument 1, the cut-off. */
static CustomerStats *
read_days(FunctionCallInfo fcinfo, DateADT *as_of, int32 *count)
{
	CustomerStats *stats = customer_stats_read(PG_GETARG_BYTEA_PP(0), true);

	*as_of = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(*as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must be a finite day")));
	*count = stats->count;
	while (*count > 0 && stats->days[*count - 1] > *as_of)
		(*count)--;
	return stats;
}

/* Argument number, the length of a unit of time in days. */
static double
unit_argument(FunctionCallInfo fcinfo, int number)
{
	double		unit = PG_GETARG_FLOAT8(number);

	if (!(unit > 0) || isinf(unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unit of time out of range: %g days", unit),
				 errhint("Give its length in days: 1, 7 for weeks, 30.4375 for months.")));
	return unit;
}

static Datum
return_money(FunctionCallInfo fcinfo, int128 units)
{
	PG_RETURN_NUMERIC(omnicrm_units_to_numeric(units, STATS_MONEY_SCALE));
}

/* First day with a sale. */
Datum
omnicrm_stats_first_order(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);

	if (stats->count == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(stats->first);
}

/* Last day with a sale, up to a cut-off if there is a second argument. */
Datum
omnicrm_stats_last_order(PG_FUNCTION_ARGS)
{
	CustomerStats *stats;
	DateADT		as_of;
	int32		count;

	if (PG_NARGS() > 1)
		stats = read_days(fcinfo, &as_of, &count);
	else
	{
		stats = customer_stats_read(PG_GETARG_BYTEA_PP(0), true);
		count = stats->count;
	}
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(stats->days[count - 1]);
}

/* Days from the last sale to the cut-off. */
Datum
omnicrm_stats_recency(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;
	CustomerStats *stats = read_days(fcinfo, &as_of, &count);

	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(as_of - stats->days[count - 1]);
}

/* Days from the first sale to the cut-off. */
Datum
omnicrm_stats_tenure(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;
	CustomerStats *stats = read_days(fcinfo, &as_of, &count);

	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(as_of - stats->days[0]);
}

/* Number of days with a sale, up to a cut-off if there is a second argument. */
Datum
omnicrm_stats_frequency(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;

	if (PG_NARGS() > 1)
		(void) read_days(fcinfo, &as_of, &count);
	else
		count = read_sums(fcinfo)->count;
	PG_RETURN_INT32(count);
}

/* The days with a sale, ascending. */
Datum
omnicrm_stats_days(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = customer_stats_read(PG_GETARG_BYTEA_PP(0), true);
	Datum	   *days = palloc_array(Datum, Max(stats->count, 1));

	for (int32 i = 0; i < stats->count; i++)
		days[i] = DateADTGetDatum(stats->days[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(days, stats->count, DATEOID, sizeof(DateADT), true, TYPALIGN_INT));
}

/* Number of sales. */
Datum
omnicrm_stats_orders(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(read_sums(fcinfo)->sales);
}

/* Number of returns. */
Datum
omnicrm_stats_returns(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(read_sums(fcinfo)->returns);
}

/* Number of sales and returns without a known margin. */
Datum
omnicrm_stats_without_margin(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);

	PG_RETURN_INT64(stats->sales + stats->returns - stats->with_margin);
}

/* Sum of the amounts, net of returns. */
Datum
omnicrm_stats_monetary(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);
	int128		net;

	if (__builtin_add_overflow(stats->sold, stats->returned, &net))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the orders is out of range")));
	return return_money(fcinfo, net);
}

/* Sum of the amounts of sales, returns left out. */
Datum
omnicrm_stats_sold(PG_FUNCTION_ARGS)
{
	return return_money(fcinfo, read_sums(fcinfo)->sold);
}

/* Sum of the margins that are known. */
Datum
omnicrm_stats_margin(PG_FUNCTION_ARGS)
{
	return return_money(fcinfo, read_sums(fcinfo)->margin);
}

/* Code of the currency; null when none was told. */
Datum
omnicrm_stats_currency(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);

	if (stats->currency[0] == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(stats->currency));
}

/* Amount of sales for each sale, rounded to hundredths, half away from zero. */
Datum
omnicrm_stats_average_ticket(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);
	int128		quotient;
	int128		rest;

	if (stats->sales == 0)
		PG_RETURN_NULL();
	quotient = stats->sold / stats->sales;
	rest = stats->sold % stats->sales;
	if ((rest < 0 ? -rest : rest) * 2 >= stats->sales)
		quotient += stats->sold < 0 ? -1 : 1;
	return return_money(fcinfo, quotient);
}

/* x: days with a sale after the first, up to the cut-off. */
Datum
omnicrm_clv_x(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;

	(void) read_days(fcinfo, &as_of, &count);
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(count - 1);
}

/* t_x: units of time from the first to the last sale up to the cut-off. */
Datum
omnicrm_clv_t_x(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;
	CustomerStats *stats = read_days(fcinfo, &as_of, &count);
	double		unit = unit_argument(fcinfo, 2);

	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((stats->days[count - 1] - stats->days[0]) / unit);
}

/* T: units of time from the first sale to the cut-off. */
Datum
omnicrm_clv_t(PG_FUNCTION_ARGS)
{
	DateADT		as_of;
	int32		count;
	CustomerStats *stats = read_days(fcinfo, &as_of, &count);
	double		unit = unit_argument(fcinfo, 2);

	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((as_of - stats->days[0]) / unit);
}

/* Mean amount of the days with a sale after the first; null when there is none. */
Datum
omnicrm_clv_spend(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_sums(fcinfo);

	if (stats->count < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) (stats->sold - stats->first_sold) / 100 / (stats->count - 1));
}
