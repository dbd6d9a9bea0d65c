/*
 * models.c
 *		The local attribution models: what each touch of one conversion weighs.
 *
 * Weights are whole numbers on a scale of the conversion's own, so that amounts
 * are split in integers.  n touches in the order of the journey:
 *
 *	first, last		1 for the first, the last touch
 *	last_non		1 for the last touch of another actor than the one named; the
 *					last touch when there is none
 *	linear			1 each
 *	u_shaped		40 % first, 40 % last, 20 % over those between
 *	j_shaped		20 % first, 60 % last, 20 % over those between
 *	inverse_j		60 % first, 20 % last, 20 % over those between
 *	custom			as given: first, between, last
 *	w_shaped		30 % for the first touch and for the first touch of each milestone
 *					(added where they coincide), 10 % over all others
 *	role			each role's weight over the touches of that role
 *	time_decay		2^(-age / half-life), as a multiple of 2^-32 of the newest touch's
 *	shapley			1 for the first touch of each actor: with value = what the journeys
 *					of a set of actors brought, the Shapley value of a journey is
 *					its amount over its number of actors
 *	participation	the same weights, but each has the whole amount
 *	same_touch		0: only the converting event itself counts, which is no touch
 *
 * What is shared by nobody is not lost: the weights are relative to their sum.
 * Two touches of the first, between, last models share by first : last.
 *
 * Powers of two are computed in integers, so that a weight is the same on every
 * machine: the fraction of a half-life is cut into four bytes, and each has a
 * table of 256 factors made from repeated square roots.
 *
 * Sources: Adobe Analytics, Attribution models and lookback windows (shapes,
 * half-life, participation, same touch); Salesforce, W-shaped model; Y. Zhao, M.
 * Mahboobi and S. Bagheri, Shapley value methods for attribution modeling in
 * online advertising, arXiv 1804.05327, 2018.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/models.h"
#include "commission/allocate.h"
#include "common/compat.h"

/* 2^63, the one of the fixed point numbers of time decay */
#define DECAY_ONE (UINT64CONST(1) << 63)
#define DECAY_SCALE_BITS 32
#define DECAY_BYTES 4

static const char *const model_names[ATTRIBUTION_MODELS] = {
	[MODEL_FIRST] = "first",
	[MODEL_LAST] = "last",
	[MODEL_LAST_NON] = "last_non",
	[MODEL_LINEAR] = "linear",
	[MODEL_U_SHAPED] = "u_shaped",
	[MODEL_W_SHAPED] = "w_shaped",
	[MODEL_J_SHAPED] = "j_shaped",
	[MODEL_INVERSE_J] = "inverse_j",
	[MODEL_CUSTOM] = "custom",
	[MODEL_ROLE] = "role",
	[MODEL_TIME_DECAY] = "time_decay",
	[MODEL_PARTICIPATION] = "participation",
	[MODEL_SAME_TOUCH] = "same_touch",
	[MODEL_SHAPLEY] = "shapley",
};

/* first, between, last */
static const uint64 u_shape[3] = {2, 1, 2};
static const uint64 j_shape[3] = {1, 1, 3};
static const uint64 inverse_j_shape[3] = {3, 1, 1};

/*
 * omnicrm_attribution_model returns the model of a name.  Errors:
 * invalid_parameter_value, with the known names as hint.
 */
AttributionModel
omnicrm_attribution_model(const char *name, Size length)
{
	StringInfoData known;

	for (int model = 0; model < ATTRIBUTION_MODELS; model++)
		if (strlen(model_names[model]) == length && memcmp(model_names[model], name, length) == 0)
			return (AttributionModel) model;
	initStringInfo(&known);
	for (int model = 0; model < ATTRIBUTION_MODELS; model++)
		appendStringInfo(&known, "%s%s", model > 0 ? ", " : "", model_names[model]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown attribution model \"%s\"", pnstrdup(name, pg_mbcliplen(name, (int) Min(length, 100), 100))),
			 errhint("Known: %s.", known.data)));
}

/* omnicrm_attribution_model_name returns the name of a model. */
const char *
omnicrm_attribution_model_name(AttributionModel model)
{
	return model_names[model];
}

/* omnicrm_model_workspace returns an empty workspace in a memory context. */
ModelWorkspace *
omnicrm_model_workspace(MemoryContext context)
{
	ModelWorkspace *work = MemoryContextAllocZero(context, sizeof(ModelWorkspace));

	work->context = context;
	return work;
}

/* omnicrm_model_room makes room for so many actors and touches. */
void
omnicrm_model_room(ModelWorkspace *work, int actors, int touches)
{
	if (actors > work->actors)
	{
		if (work->seen != NULL)
			pfree(work->seen);
		work->actors = 0;
		work->seen = MemoryContextAllocExtended(work->context, (Size) actors * sizeof(SeenActor),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		work->round = 0;
		work->actors = actors;
	}
	if (touches > work->touches)
	{
		touches = Max(touches, Min(work->touches * 2, PG_INT32_MAX / 2));
		if (work->weights != NULL)
		{
			pfree(work->weights);
			pfree(work->shares);
			work->weights = NULL;
		}
		work->touches = 0;
		work->shares = MemoryContextAllocHuge(work->context, (Size) touches * sizeof(int128));
		work->weights = MemoryContextAllocHuge(work->context, (Size) touches * sizeof(uint128));
		work->touches = touches;
	}
}

/* omnicrm_model_new_round begins a round in which no actor has been seen. */
void
omnicrm_model_new_round(ModelWorkspace *work)
{
	if (++work->round == 0)
	{
		memset(work->seen, 0, (Size) work->actors * sizeof(SeenActor));
		work->round = 1;
	}
}

/* The whole part of a square root. */
static uint64
square_root(uint128 value)
{
	uint64		root = 0;

	for (int bit = 63; bit >= 0; bit--)
	{
		uint64		trial = root | UINT64CONST(1) << bit;

		if ((uint128) trial * trial <= value)
			root = trial;
	}
	return root;
}

/*
 * The tables of time decay: table[b][v] = 2^(-v / 256^(b + 1)).  The roots of
 * one half, 2^(-1 / 2^k), are the factors of the single bits.
 */
static void
make_decay_tables(uint64 table[DECAY_BYTES][256])
{
	uint64		root = DECAY_ONE / 2;

	for (int byte = 0; byte < DECAY_BYTES; byte++)
	{
		table[byte][0] = DECAY_ONE;
		for (int bit = 7; bit >= 0; bit--)
		{
			root = square_root((uint128) root << 63);
			table[byte][1 << bit] = root;
		}
		for (int v = 1; v < 256; v++)
			if ((v & (v - 1)) != 0)
				table[byte][v] = (uint64) ((uint128) table[byte][v & (v - 1)] * table[byte][v & -v] >> 63);
	}
}

/* Weights of time decay, the newest touch has 2^32. */
static uint64
decay_weights(uint64 half_life, const ModelTouch *touches, int n, uint64 *weights)
{
	static uint64 table[DECAY_BYTES][256];
	uint128		per_half_life = ((uint128) 1 << 96) / half_life;
	uint64		sum = 0;

	if (table[0][0] == 0)
		make_decay_tables(table);
	for (int i = 0; i < n; i++)
	{
		uint64		age = (uint64) touches[n - 1].at - (uint64) touches[i].at;
		uint64		halvings = age / half_life;
		uint32		fraction = (uint32) ((age - halvings * half_life) * per_half_life >> 64);
		uint64		weight = DECAY_ONE;

		if (halvings > DECAY_SCALE_BITS)
		{
			weights[i] = 0;
			continue;
		}
		for (int byte = 0; byte < DECAY_BYTES; byte++)
			weight = (uint64) ((uint128) weight * table[byte][fraction >> (24 - 8 * byte) & 0xff] >> 63);
		/* to the nearest multiple of 2^-32 */
		weights[i] = (weight + (UINT64CONST(1) << (30 + halvings))) >> (31 + halvings);
		sum += weights[i];
	}
	return sum;
}

/* Weights by position: shape = first, all between together, last. */
static uint64
shape_weights(const uint64 shape[3], int n, uint64 *weights)
{
	uint64		between = (uint64) (n - 2);

	if (n == 1)
		return weights[0] = 1;
	if (n == 2)
	{
		bool		nobody = shape[0] == 0 && shape[2] == 0;

		weights[0] = nobody ? 1 : shape[0];
		weights[1] = nobody ? 1 : shape[2];
		return weights[0] + weights[1];
	}
	for (int i = 1; i < n - 1; i++)
		weights[i] = shape[1];
	weights[0] = shape[0] * between;
	weights[n - 1] = shape[2] * between;
	return (shape[0] + shape[1] + shape[2]) * between;
}

/* 30 % for the first touch and the first of each milestone, 10 % over the others. */
static uint64
w_weights(const NameList *milestones, const ModelTouch *touches, int n, uint64 *weights)
{
	int			others = n;
	uint64		sum = 0;

	memset(weights, 0, n * sizeof(uint64));
	weights[0] = 3;
	for (int m = 0; m < milestones->count; m++)
	{
		if (milestones->numbers[m] == NO_NUMBER)
			continue;
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			if (touches[i].kind == milestones->numbers[m])
			{
				weights[i] += 3;
				break;
			}
	}
	for (int i = 0; i < n; i++)
		others -= weights[i] > 0;
	for (int i = 0; i < n; i++)
	{
		weights[i] = weights[i] > 0 ? weights[i] * Max(others, 1) : 1;
		sum += weights[i];
	}
	return sum;
}

/* The least common multiple of two numbers, or the limit when it is larger. */
static uint64
common_multiple(uint64 a, uint64 b, uint64 limit)
{
	uint64		x = a;
	uint64		y = b;

	while (y != 0)
	{
		uint64		rest = x % y;

		x = y;
		y = rest;
	}
	return a / x > limit / b ? limit : a / x * b;
}

/*
 * Each role's weight over its touches.  The scale is the common multiple of the
 * numbers of touches of the roles; where that is too large, the largest that
 * fits, and a weight is exact to the number of its role's touches over that scale.
 */
static uint64
role_weights(const AttributionOptions *options, const ModelTouch *touches, int n, uint64 *weights)
{
	const NameList *roles = &options->roles;
	uint64		count[MAX_ROLES] = {0};
	uint64		total = 0;
	uint64		scale = 1;
	uint64		sum = 0;

	memset(weights, 0, n * sizeof(uint64));
	for (int i = 0; i < n; i++)
		for (int r = 0; r < roles->count; r++)
			count[r] += touches[i].kind != NO_NUMBER && touches[i].kind == roles->numbers[r];
	for (int r = 0; r < roles->count; r++)
		total += options->role_weights[r];
	for (int r = 0; r < roles->count; r++)
		if (count[r] > 0)
			scale = common_multiple(scale, count[r], (uint64) PG_INT64_MAX / total);
	for (int i = 0; i < n; i++)
		for (int r = 0; r < roles->count; r++)
			if (touches[i].kind != NO_NUMBER && touches[i].kind == roles->numbers[r])
			{
				weights[i] = options->role_weights[r] * (scale / count[r]);
				sum += weights[i];
			}
	return sum;
}

/* 1 for the first touch of each actor. */
static uint64
distinct_weights(ModelWorkspace *work, const ModelTouch *touches, int n, uint64 *weights)
{
	uint64		sum = 0;

	omnicrm_model_new_round(work);
	for (int i = 0; i < n; i++)
	{
		SeenActor  *seen = &work->seen[touches[i].actor];

		weights[i] = seen->round != work->round;
		seen->round = work->round;
		sum += weights[i];
	}
	return sum;
}

static uint64
only(int position, int n, uint64 *weights)
{
	memset(weights, 0, n * sizeof(uint64));
	return weights[position] = 1;
}

/* Position of the last touch of another actor than those named, else the last. */
static int
last_other(const NameList *non, const ModelTouch *touches, int n)
{
	for (int i = n - 1; i >= 0; i--)
		if (!omnicrm_in_names(non, touches[i].actor))
			return i;
	return n - 1;
}

/*
 * omnicrm_model_weights gives the weights of the n touches of one conversion, in
 * the order of the journey, and returns their sum; 0: nobody is credited.  The
 * options are bound to the numbers of the touches (omnicrm_bind_options), and the
 * workspace has room for their actors.  The sum fits 63 bits for up to 2^24 touches.
 */
uint64
omnicrm_model_weights(AttributionModel model, const AttributionOptions *options, ModelWorkspace *work,
					  const ModelTouch *touches, int n, uint64 *weights)
{
	if (n == 0)
		return 0;
	switch (model)
	{
		case MODEL_FIRST:
			return only(0, n, weights);
		case MODEL_LAST:
			return only(n - 1, n, weights);
		case MODEL_LAST_NON:
			return only(last_other(&options->non, touches, n), n, weights);
		case MODEL_LINEAR:
			for (int i = 0; i < n; i++)
				weights[i] = 1;
			return (uint64) n;
		case MODEL_U_SHAPED:
			return shape_weights(u_shape, n, weights);
		case MODEL_J_SHAPED:
			return shape_weights(j_shape, n, weights);
		case MODEL_INVERSE_J:
			return shape_weights(inverse_j_shape, n, weights);
		case MODEL_CUSTOM:
			return shape_weights(options->custom, n, weights);
		case MODEL_W_SHAPED:
			return w_weights(&options->milestones, touches, n, weights);
		case MODEL_ROLE:
			return role_weights(options, touches, n, weights);
		case MODEL_TIME_DECAY:
			return decay_weights(options->half_life, touches, n, weights);
		case MODEL_PARTICIPATION:
		case MODEL_SHAPLEY:
			return distinct_weights(work, touches, n, weights);
		case MODEL_SAME_TOUCH:
			break;
	}
	memset(weights, 0, n * sizeof(uint64));
	return 0;
}

/*
 * omnicrm_model_amounts splits an amount in whole units by weights that do not
 * sum to zero: by the largest remainder, ties to the earlier touch; a negative
 * amount is the mirror image.  Participation gives each the whole amount.
 */
void
omnicrm_model_amounts(AttributionModel model, ModelWorkspace *work, int64 amount,
					  const uint64 *weights, int n, int64 *amounts)
{
	if (model == MODEL_PARTICIPATION || n == 1)
	{
		for (int i = 0; i < n; i++)
			amounts[i] = weights[i] > 0 ? amount : 0;
		return;
	}
	omnicrm_model_room(work, 0, n);
	for (int i = 0; i < n; i++)
		work->weights[i] = weights[i];
	omnicrm_allocate_units(amount, work->weights, NULL, n, work->shares);
	for (int i = 0; i < n; i++)
		amounts[i] = (int64) work->shares[i];
}
