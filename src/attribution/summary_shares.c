/*
 * summary_shares.c
 *		What each actor of a summary has by one model, and its rounding.
 *
 * The position models are put together from their parts: the only touch has all;
 * two touches share by first : last; of three or more the first, the last and those
 * between have their weights.  Shares are multiples of 2^-56 and add up to the
 * totals; they are rounded to decimals by the largest remainder, ties to the
 * smaller name, so that what is shown adds up as well.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/summary.h"
#include "common/compat.h"

/* part * weight / whole, towards zero, without passing 128 bits on the way. */
static int128
weigh(int128 part, uint64 weight, uint64 whole)
{
	uint128		magnitude = part < 0 ? -(uint128) part : (uint128) part;
	uint128		result = magnitude / whole * weight + magnitude % whole * weight / whole;

	return part < 0 ? -(int128) result : (int128) result;
}

/* What an actor has by weights of first, between, last: conversions or values. */
static int128
by_position(const uint64 shape[3], int128 single, int128 first_of_two, int128 last_of_two,
			int128 first, int128 middle, int128 last)
{
	uint64		ends = shape[0] + shape[2];
	uint64		all = ends + shape[1];
	int128		result = single << SHARE_BITS;

	result += weigh(first_of_two << SHARE_BITS, ends == 0 ? 1 : shape[0], ends == 0 ? 2 : ends);
	result += weigh(last_of_two << SHARE_BITS, ends == 0 ? 1 : shape[2], ends == 0 ? 2 : ends);
	result += weigh(first << SHARE_BITS, shape[0], all);
	result += weigh(middle, shape[1], all);
	return result + weigh(last << SHARE_BITS, shape[2], all);
}

static void
position_share(const ActorCredit *credit, const uint64 shape[3], int128 *conversions, int128 *value)
{
	*conversions = by_position(shape, credit->counts[COUNT_SINGLE], credit->counts[COUNT_FIRST_OF_TWO],
							   credit->counts[COUNT_LAST_OF_TWO], credit->counts[COUNT_FIRST],
							   credit->shares[SHARE_MIDDLE], credit->counts[COUNT_LAST]);
	*value = by_position(shape, credit->values[COUNT_SINGLE], credit->values[COUNT_FIRST_OF_TWO],
						 credit->values[COUNT_LAST_OF_TWO], credit->values[COUNT_FIRST],
						 credit->share_values[SHARE_MIDDLE], credit->values[COUNT_LAST]);
}

static void
count_share(const ActorCredit *credit, CreditCount count, int128 *conversions, int128 *value)
{
	*conversions = (int128) credit->counts[count] << SHARE_BITS;
	*value = credit->values[count] * (int128) SHARE_ONE;
}

static void
part_share(const ActorCredit *credit, CreditShare share, int128 *conversions, int128 *value)
{
	*conversions = credit->shares[share];
	*value = credit->share_values[share];
}

/* Errors of models that a summary does not have. */
static void
refuse_model(AttributionModel model, const char *why, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a summary has no credit by model \"%s\": %s", omnicrm_attribution_model_name(model), why),
			 errhint("%s", hint)));
}

static void
actor_share(const AttributionSummary *summary, AttributionModel model, const ActorCredit *credit,
			int128 *conversions, int128 *value)
{
	/* first, between, last, as in models.c */
	static const uint64 first[3] = {1, 0, 0};
	static const uint64 last[3] = {0, 0, 1};
	static const uint64 u_shape[3] = {2, 1, 2};
	static const uint64 j_shape[3] = {1, 1, 3};
	static const uint64 inverse_j_shape[3] = {3, 1, 1};

	switch (model)
	{
		case MODEL_FIRST:
			position_share(credit, first, conversions, value);
			break;
		case MODEL_LAST:
			position_share(credit, last, conversions, value);
			break;
		case MODEL_U_SHAPED:
			position_share(credit, u_shape, conversions, value);
			break;
		case MODEL_J_SHAPED:
			position_share(credit, j_shape, conversions, value);
			break;
		case MODEL_INVERSE_J:
			position_share(credit, inverse_j_shape, conversions, value);
			break;
		case MODEL_CUSTOM:
			position_share(credit, summary->options->custom, conversions, value);
			break;
		case MODEL_LAST_NON:
			count_share(credit, COUNT_LAST_NON, conversions, value);
			break;
		case MODEL_PARTICIPATION:
			count_share(credit, COUNT_PARTICIPATION, conversions, value);
			break;
		case MODEL_SAME_TOUCH:
			count_share(credit, COUNT_SAME_TOUCH, conversions, value);
			break;
		case MODEL_LINEAR:
			part_share(credit, SHARE_LINEAR, conversions, value);
			break;
		case MODEL_SHAPLEY:
			part_share(credit, SHARE_SHAPLEY, conversions, value);
			break;
		case MODEL_TIME_DECAY:
			part_share(credit, SHARE_TIME_DECAY, conversions, value);
			break;
		case MODEL_W_SHAPED:
		case MODEL_ROLE:
			refuse_model(model, "it needs the kinds of touches", "Use journey_credit() on each journey.");
	}
}

/*
 * summary_model_shares: what each actor has by a model, in current memory.
 * Participation's total is the sum of what all have; it counts a conversion once
 * for each actor.
 * Errors: feature_not_supported for models that need kinds, and for those that need
 * times or events when the summary was made of paths.
 */
void
summary_model_shares(const AttributionSummary *summary, AttributionModel model, ModelShares *shares)
{
	uint32		n = summary->nactors;
	bool		same_touch = model == MODEL_SAME_TOUCH;
	int64		nobody = same_touch ? summary->conversions - summary->same_touches : summary->unattributed;
	int128		nobody_value = same_touch ? summary->value - summary->same_touch_value : summary->unattributed_value;

	if (!summary->timed && (model == MODEL_TIME_DECAY || same_touch))
		refuse_model(model, "it was made of paths, which have no times and events", "Use attribution() on the touches.");
	if (model == MODEL_W_SHAPED || model == MODEL_ROLE)
		actor_share(summary, model, NULL, NULL, NULL);
	shares->conversions = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) n + 1) * sizeof(int128));
	shares->values = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) n + 1) * sizeof(int128));
	shares->conversion_total = summary->conversions;
	shares->value_total = summary->value;
	for (uint32 i = 0; i < n; i++)
		actor_share(summary, model, &summary->credits[i], &shares->conversions[i], &shares->values[i]);
	shares->conversions[n] = (int128) nobody << SHARE_BITS;
	shares->values[n] = nobody_value * (int128) SHARE_ONE;
	if (model != MODEL_PARTICIPATION)
		return;
	shares->conversion_total = nobody;
	shares->value_total = nobody_value;
	for (uint32 i = 0; i < n; i++)
	{
		shares->conversion_total += summary->credits[i].counts[COUNT_PARTICIPATION];
		shares->value_total += summary->credits[i].values[COUNT_PARTICIPATION];
	}
}

/* What decides who gets one of the units that are left. */
typedef struct Rest
{
	uint128		rest;
	uint32		place;
} Rest;

static int
compare_rests(const void *left, const void *right)
{
	const Rest *a = left;
	const Rest *b = right;

	if (a->rest != b->rest)
		return a->rest > b->rest ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

static int128
power_of_ten(int exponent)
{
	int128		power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Whole units of a share at so many more (or fewer) decimals, downwards, and the rest. */
static int128
whole_units(int128 share, int more, Rest *rest)
{
	int128		whole = share >> SHARE_BITS;
	uint128		fraction = (uint128) share & (SHARE_ONE - 1);
	int128		power = power_of_ten(more < 0 ? -more : more);
	int128		units;

	if (more >= 0)
	{
		fraction *= (uint128) power;
		rest->rest = fraction & (SHARE_ONE - 1);
		return whole * power + (int128) (fraction >> SHARE_BITS);
	}
	units = whole / power;
	whole %= power;
	if (whole < 0)
	{
		whole += power;
		units--;
	}
	rest->rest = ((uint128) whole << SHARE_BITS) + fraction;
	return units;
}

/*
 * summary_allocate rounds shares, which are multiples of 2^-56 units of 10^-scale,
 * to units of 10^-decimals that add up to the total, itself rounded half away
 * from zero: by the largest remainder, ties to the smaller place.  A negative
 * total is the mirror image.
 */
void
summary_allocate(const int128 *shares, uint32 count, int128 total, int scale, int decimals, int128 *units)
{
	int			sign = total < 0 ? -1 : 1;
	int			more = decimals - scale;
	int128		left = total * sign;
	Rest	   *rests = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(Rest));

	if (more >= 0)
		left *= power_of_ten(more);
	else
		left = (left + power_of_ten(-more) / 2) / power_of_ten(-more);
	for (uint32 i = 0; i < count; i++)
	{
		rests[i].place = i;
		units[i] = whole_units(shares[i] * sign, more, &rests[i]);
		left -= units[i];
	}
	CHECK_FOR_INTERRUPTS();
	if (left > 0)
		qsort(rests, count, sizeof(Rest), compare_rests);
	for (uint32 i = 0; i < count && left > 0; i++, left--)
		units[rests[i].place]++;
	for (uint32 i = 0; i < count; i++)
		units[i] *= sign;
	pfree(rests);
}
