/*
 * tier.c
 *		What an amount pays under a table of tiers, exactly.
 *
 * bounds[] are the points where the rate changes and rates[] has one element
 * more: rates[1] applies to [0, bounds[1]), rates[2] to [bounds[1], bounds[2]),
 * the last from the last bound on.  The intervals are half open, so that every
 * amount falls into exactly one tier and no gap pays nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_tier_pay);

#define MAX_TIERS 1000

typedef struct TierTable
{
	Datum	   *bounds;
	Datum	   *rates;
	int			nbounds;
} TierTable;

static bool
less_than(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, a, b));
}

static Datum
zero(void)
{
	return NumericGetDatum(int64_to_numeric(0));
}

static void
require_finite(Datum value, const char *what)
{
	if (numeric_is_nan(DatumGetNumeric(value)) || numeric_is_inf(DatumGetNumeric(value)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number, not %s", what,
						DatumGetCString(DirectFunctionCall1(numeric_out, value)))));
}

static int
read_numbers(ArrayType *array, const char *what, Datum **elements)
{
	bool	   *nulls;
	int			count;
	int			i;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be a one-dimensional array", what)));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, elements, &nulls, &count);
	if (count > MAX_TIERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %d elements, at most %d are allowed", what, count, MAX_TIERS)));
	for (i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain NULL (element %d)", what, i + 1)));
		require_finite((*elements)[i], what);
	}
	return count;
}

static void
read_table(ArrayType *bounds, ArrayType *rates, TierTable *table)
{
	int			nrates;
	int			i;

	table->nbounds = read_numbers(bounds, "bounds", &table->bounds);
	nrates = read_numbers(rates, "rates", &table->rates);
	if (nrates != table->nbounds + 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d bounds but %d rates", table->nbounds, nrates),
				 errhint("Give one rate more than bounds: the last rate applies from the last bound on.")));
	for (i = 0; i < table->nbounds; i++)
		if (!less_than(i == 0 ? zero() : table->bounds[i - 1], table->bounds[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("bounds must be positive and ascending (element %d is %s)", i + 1,
							DatumGetCString(DirectFunctionCall1(numeric_out, table->bounds[i])))));
}

/* Position of the tier [lo, hi) that holds a cumulative amount. */
static int
tier_of(const TierTable *table, Datum cumulative)
{
	int			i = 0;

	while (i < table->nbounds && !less_than(cumulative, table->bounds[i]))
		i++;
	return i;
}

/* What a cumulative amount pays when each part of it has the rate of its tier. */
static Datum
marginal_total(const TierTable *table, Datum cumulative)
{
	Datum		pay = zero();
	Datum		from = zero();
	int			tier = tier_of(table, cumulative);
	int			i;

	for (i = 0; i <= tier; i++)
	{
		Datum		upto = (i < tier) ? table->bounds[i] : cumulative;
		Datum		part = DirectFunctionCall2(numeric_sub, upto, from);

		pay = DirectFunctionCall2(numeric_add, pay,
								  DirectFunctionCall2(numeric_mul, part, table->rates[i]));
		from = upto;
	}
	return pay;
}

/* What a cumulative amount pays when all of it has the rate that it reached. */
static Datum
whole_total(const TierTable *table, Datum cumulative)
{
	return DirectFunctionCall2(numeric_mul, cumulative, table->rates[tier_of(table, cumulative)]);
}

/*
 * tier_pay(amount, cumulative_before, bounds, rates, mode) returns numeric,
 * exact and not rounded.  marginal: each part at the rate of its tier; whole:
 * all of the amount at the rate that the cumulative amount reaches with it;
 * retro: as whole, and what was paid before is topped up to the new rate.  A
 * negative amount takes back.  Errors: invalid_parameter_value,
 * array_subscript_error, null_value_not_allowed, program_limit_exceeded.
 */
Datum
omnicrm_tier_pay(PG_FUNCTION_ARGS)
{
	Datum		amount = PG_GETARG_DATUM(0);
	Datum		before = PG_GETARG_DATUM(1);
	char	   *mode = text_to_cstring(PG_GETARG_TEXT_PP(4));
	TierTable	table;
	Datum		after;
	Datum		pay;

	require_finite(amount, "amount");
	require_finite(before, "cumulative_before");
	read_table(PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(3), &table);
	after = DirectFunctionCall2(numeric_add, before, amount);
	if (strcmp(mode, "marginal") == 0)
		pay = DirectFunctionCall2(numeric_sub, marginal_total(&table, after),
								  marginal_total(&table, before));
	else if (strcmp(mode, "whole") == 0)
		pay = DirectFunctionCall2(numeric_mul, amount,
								  table.rates[tier_of(&table,
													  less_than(after, before) ? before : after)]);
	else if (strcmp(mode, "retro") == 0)
		pay = DirectFunctionCall2(numeric_sub, whole_total(&table, after),
								  whole_total(&table, before));
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown tier mode: \"%s\"", mode),
				 errhint("Known modes: marginal, whole, retro.")));
	PG_RETURN_DATUM(pay);
}
