/*
 * journey_credit.c
 *		Who earned how much of each conversion of a journey: journey_credit() by one
 *		model, journey_credits() by several at once.
 *
 * Each amount is split in its own units, those of the decimals that it has, by
 * models.c; so the credits of a conversion add up to its amount in every model but
 * participation, which gives each actor the whole.  What nobody earned by a model
 * stands in one row without touch, at position 0.  The converting event itself,
 * which same_touch credits, stands behind the last touch.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "attribution/journey.h"
#include "common/compat.h"
#include "common/elements.h"
#include "common/units.h"

PG_FUNCTION_INFO_V1(omnicrm_journey_credit);
PG_FUNCTION_INFO_V1(omnicrm_journey_credits);

/* 1 GB of weights and amounts for one conversion */
#define MAX_SHARES 67108864

/* columns that both functions have: conversion ... event_id */
#define EVENT_COLUMNS 9
#define MAX_COLUMNS (EVENT_COLUMNS + 2)

/* What one call computes with. */
typedef struct CreditRun
{
	JourneyCall *call;
	const Journey *journey;
	ReturnSetInfo *result;
	MemoryContext row_context;
	Datum	   *actors;
	Datum	   *kinds;
	bool		with_weight;	/* weight and amount of one model, else amounts */
	int			nmodels;
	AttributionModel models[ATTRIBUTION_MODELS];
	bool		own_amount;		/* replaces the value of each conversion */
	int64		units;
	int32		scale;
	int			room;			/* touches in weights and amounts */
	uint64	   *weights;		/* model by model */
	int64	   *amounts;
} CreditRun;

/* One conversion: its eligible touches stand in call->touches. */
typedef struct Credited
{
	int32		number;
	const JourneyConversion *conversion;
	int			touches;
	int64		units;
	int32		scale;
	uint64		sums[ATTRIBUTION_MODELS];	/* of weights; 0: unattributed */
	bool		self;			/* may same_touch credit the converting event? */
} Credited;

static inline Datum
amount_datum(int64 units, int32 scale)
{
	return NumericGetDatum(omnicrm_units_to_numeric(units, scale));
}

/* What a row credits by each of the models. */
typedef struct RowCredit
{
	int32		position;
	const JourneyEvent *event;	/* NULL: unattributed */
	int64		amounts[ATTRIBUTION_MODELS];
	double		weight;			/* by the only model */
} RowCredit;

static Datum
amounts_datum(const CreditRun *run, const RowCredit *credit, int32 scale)
{
	Datum		amounts[ATTRIBUTION_MODELS];

	for (int m = 0; m < run->nmodels; m++)
		amounts[m] = amount_datum(credit->amounts[m], scale);
	return PointerGetDatum(construct_array(amounts, run->nmodels, NUMERICOID, -1, false, TYPALIGN_INT));
}

static void
put_row(CreditRun *run, const Credited *credited, const RowCredit *credit)
{
	const JourneyEvent *conversion = &credited->conversion->event;
	const JourneyEvent *event = credit->event;
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS] = {false};
	MemoryContext old = MemoryContextSwitchTo(run->row_context);

	CHECK_FOR_INTERRUPTS();
	memset(values, 0, sizeof(values));
	values[0] = Int32GetDatum(credited->number);
	values[1] = TimestampTzGetDatum(conversion->at);
	values[2] = Int64GetDatum(conversion->id);
	nulls[2] = !conversion->has_id;
	values[3] = Int32GetDatum(credit->position);
	values[4] = Int32GetDatum(credited->touches);
	nulls[5] = nulls[6] = nulls[7] = nulls[8] = true;
	if (event != NULL)
	{
		values[5] = TimestampTzGetDatum(event->at);
		values[6] = run->actors[event->actor];
		if (event->kind != NO_NUMBER)
			values[7] = run->kinds[event->kind];
		values[8] = Int64GetDatum(event->id);
		nulls[5] = nulls[6] = false;
		nulls[7] = event->kind == NO_NUMBER;
		nulls[8] = !event->has_id;
	}
	if (run->with_weight)
	{
		values[9] = Float8GetDatum(credit->weight);
		values[10] = amount_datum(credit->amounts[0], credited->scale);
	}
	else
		values[9] = amounts_datum(run, credit, credited->scale);
	tuplestore_putvalues(run->result->setResult, run->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->row_context);
}

/* Does a model credit the converting event itself? */
static inline bool
credits_self(const CreditRun *run, const Credited *credited, int model)
{
	return run->models[model] == MODEL_SAME_TOUCH && credited->self;
}

/* The part of the amount that no touch earned by some of the models. */
static void
put_unattributed(CreditRun *run, const Credited *credited)
{
	RowCredit	credit = {0};
	bool		found = false;

	for (int m = 0; m < run->nmodels; m++)
		if (credited->sums[m] == 0 && !credits_self(run, credited, m))
		{
			credit.amounts[m] = credited->units;
			credit.weight = 1;
			found = true;
		}
	if (found)
		put_row(run, credited, &credit);
}

/* The row of a touch, unless its weight is zero in all models. */
static void
put_touch(CreditRun *run, const Credited *credited, int touch)
{
	RowCredit	credit = {0};
	bool		found = false;

	for (int m = 0; m < run->nmodels; m++)
	{
		Size		at = (Size) m * credited->touches + touch;

		if (credited->sums[m] == 0 || run->weights[at] == 0)
			continue;
		credit.amounts[m] = run->amounts[at];
		credit.weight = run->models[m] == MODEL_PARTICIPATION ? 1
			: (double) run->weights[at] / (double) credited->sums[m];
		found = true;
	}
	if (!found)
		return;
	credit.position = touch + 1;
	credit.event = &run->journey->touches[run->call->touches[touch].source];
	put_row(run, credited, &credit);
}

/* The row of the converting event, when same_touch credits it. */
static void
put_self(CreditRun *run, const Credited *credited)
{
	RowCredit	credit = {0};
	bool		found = false;

	for (int m = 0; m < run->nmodels; m++)
		if (credits_self(run, credited, m))
		{
			credit.amounts[m] = credited->units;
			found = true;
		}
	if (!found)
		return;
	credit.weight = 1;
	credit.position = credited->touches + 1;
	credit.event = &credited->conversion->event;
	put_row(run, credited, &credit);
}

/* May the converting event itself be credited: has it an actor that is not excluded? */
static bool
is_self_eligible(const JourneyCall *call, const JourneyEvent *event)
{
	ModelTouch	self = {event->at, event->actor, event->kind, 0, 1};

	return event->actor != NO_NUMBER && omnicrm_path_transform(call->options, call->work, &self, 1) == 1;
}

static void
make_room(CreditRun *run, int touches)
{
	Size		shares = (Size) touches * run->nmodels;

	if (touches <= run->room)
		return;
	if (shares > MAX_SHARES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a conversion has %d touches in %d models, %zu credits; at most %d are allowed",
						touches, run->nmodels, shares, MAX_SHARES),
				 errhint("Set \"lookback\" or \"max_touches\".")));
	if (run->room > 0)
	{
		pfree(run->weights);
		pfree(run->amounts);
	}
	run->room = Max(touches, Min(Max(run->room * 2, 16), MAX_SHARES / run->nmodels));
	shares = (Size) run->room * run->nmodels;
	run->weights = palloc_extended(shares * sizeof(uint64), MCXT_ALLOC_HUGE);
	run->amounts = palloc_extended(shares * sizeof(int64), MCXT_ALLOC_HUGE);
}

/* All rows of one conversion, whose touches are in [from, upto) of the journey. */
static void
credit_conversion(CreditRun *run, int32 number, int32 from, int32 upto)
{
	const JourneyConversion *conversion = &run->journey->conversions[number];
	JourneyCall *call = run->call;
	Credited	credited;
	int			n = journey_eligible(call, run->journey, from, upto);

	credited.number = number + 1;
	credited.conversion = conversion;
	credited.touches = n;
	credited.units = run->own_amount ? run->units : conversion->units;
	credited.scale = run->own_amount ? run->scale : conversion->scale;
	credited.self = is_self_eligible(call, &conversion->event);
	make_room(run, n);
	for (int m = 0; m < run->nmodels; m++)
	{
		uint64	   *weights = run->weights + (Size) m * n;

		credited.sums[m] = omnicrm_model_weights(run->models[m], call->options, call->work,
												 call->touches, n, weights);
		if (credited.sums[m] > 0)
			omnicrm_model_amounts(run->models[m], call->work, credited.units, weights, n,
								  run->amounts + (Size) m * n);
	}
	put_unattributed(run, &credited);
	for (int i = 0; i < n; i++)
		put_touch(run, &credited, i);
	put_self(run, &credited);
}

/* The rows of all conversions of a journey. */
static void
credit_journey(CreditRun *run)
{
	const Journey *journey = run->journey;
	int32		from = 0;
	int32		upto = 0;

	run->actors = journey_name_texts(&journey->actors);
	run->kinds = journey_name_texts(&journey->kinds);
	run->row_context = AllocSetContextCreate(CurrentMemoryContext, "journey credit row", ALLOCSET_SMALL_SIZES);
	for (int32 c = 0; c < journey->nconversions; c++)
	{
		journey_window(journey, &journey->conversions[c], run->call->options->lookback, &from, &upto);
		credit_conversion(run, c, from, upto);
	}
	MemoryContextDelete(run->row_context);
}

static void
null_argument(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be NULL", name)));
}

/*
 * journey_credit(journey, model text, amount numeric, options jsonb): one row for each
 * touch that earned a part of a conversion.  Errors: null_value_not_allowed,
 * invalid_parameter_value, numeric_value_out_of_range, program_limit_exceeded.
 */
Datum
omnicrm_journey_credit(PG_FUNCTION_ARGS)
{
	CreditRun	run = {0};
	text	   *model;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (PG_ARGISNULL(1))
		null_argument("model");
	model = PG_GETARG_TEXT_PP(1);
	run.result = (ReturnSetInfo *) fcinfo->resultinfo;
	run.with_weight = true;
	run.nmodels = 1;
	run.models[0] = omnicrm_attribution_model(VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model));
	run.own_amount = !PG_ARGISNULL(2);
	if (run.own_amount)
	{
		JourneyConversion amount;

		journey_set_value(&amount, PG_GETARG_DATUM(2), "amount");
		run.units = amount.units;
		run.scale = amount.scale;
	}
	run.journey = journey_read(PG_GETARG_BYTEA_PP(0));
	run.call = journey_call(fcinfo, 3, run.journey);
	credit_journey(&run);
	return (Datum) 0;
}

/*
 * journey_credits(journey, models text[], options jsonb): one row for each touch that
 * earned a part of a conversion by any of the models, with the amounts of all.
 * Errors as journey_credit.
 */
Datum
omnicrm_journey_credits(PG_FUNCTION_ARGS)
{
	CreditRun	run = {0};
	Datum	   *models;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	if (PG_ARGISNULL(1))
		null_argument("models");
	count = omni_array_elements(PG_GETARG_ARRAYTYPE_P(1), "models", &models);
	if (count < 1 || count > ATTRIBUTION_MODELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("models must have 1 to %d elements, it has %d", ATTRIBUTION_MODELS, count)));
	for (int m = 0; m < count; m++)
	{
		text	   *model = DatumGetTextPP(models[m]);

		run.models[m] = omnicrm_attribution_model(VARDATA_ANY(model), VARSIZE_ANY_EXHDR(model));
	}
	run.nmodels = count;
	run.result = (ReturnSetInfo *) fcinfo->resultinfo;
	run.journey = journey_read(PG_GETARG_BYTEA_PP(0));
	run.call = journey_call(fcinfo, 2, run.journey);
	credit_journey(&run);
	return (Datum) 0;
}
