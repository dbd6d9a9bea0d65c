/*
 * shapley_exact.c
 *		Games by the worth of each coalition: Shapley values, dividends, and games made
 *		of journeys.
 *
 * The worth of a game of n players is an array of 2^n numbers: element 1 that of
 * nobody, element 1 + sum of 2^(i - 1) that of the players i.  The Shapley value of i is
 *		sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)),
 * the dividend of S (J. C. Harsanyi, 1963) the part of v(S) that is due to all of S
 * together, sum over T in S of (-1)^(|S| - |T|) v(T).
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "attribution/journey_sets.h"
#include "common/arrays.h"
#include "common/compat.h"
#include "common/elements.h"

#define MAX_PLAYERS 24
#define INTERRUPT_MASK 0xFFFFF

PG_FUNCTION_INFO_V1(omnicrm_shapley_exact);
PG_FUNCTION_INFO_V1(omnicrm_harsanyi);
PG_FUNCTION_INFO_V1(omnicrm_coalition_rate_final);
PG_FUNCTION_INFO_V1(omnicrm_coalition_sum_final);

/* A game as it is given. */
typedef struct Game
{
	int			players;
	Datum	   *keys;
	const double *worth;		/* 2^players */
} Game;

static void
refuse_players(int64 players)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%lld players have too many coalitions, at most %d are allowed", (long long) players, MAX_PLAYERS),
			 errhint("Use shapley() for sums over journeys, shapley_sample() for rates, or put rare players together.")));
}

/* Reads keys text[] and worth double precision[]. */
static Game
read_game(FunctionCallInfo fcinfo)
{
	ArrayType  *keys = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *worth = PG_GETARG_ARRAYTYPE_P(1);
	int64		count = ArrayGetNItems(ARR_NDIM(worth), ARR_DIMS(worth));
	Game		game;

	game.players = omni_array_elements(keys, "keys", &game.keys);
	if (game.players > MAX_PLAYERS)
		refuse_players(game.players);
	if (count != INT64CONST(1) << game.players)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("worth of %d players must have %lld elements, not %lld",
						game.players, (long long) (INT64CONST(1) << game.players), (long long) count),
				 errhint("One for each set of players: that of nobody first, then {1}, {2}, {1,2}, {3}, ...")));
	if (array_contains_nulls(worth))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("worth has an element that is null")));
	game.worth = (const double *) ARR_DATA_PTR(worth);
	for (int64 i = 0; i < count; i++)
		if (isnan(game.worth[i]) || isinf(game.worth[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("worth must be finite (element %lld)", (long long) i + 1)));
	return game;
}

/* The Shapley value of one player. */
static double
shapley_value(const Game *game, int player)
{
	uint32		half = UINT32_C(1) << (game->players - 1);
	uint32		low = (UINT32_C(1) << player) - 1;
	double		sums[MAX_PLAYERS] = {0};
	double		chance = 1.0 / game->players;
	double		value = 0;

	for (uint32 others = 0; others < half; others++)
	{
		/* make room for the player among the others */
		uint32		without = (others & ~low) << 1 | (others & low);

		if ((others & INTERRUPT_MASK) == INTERRUPT_MASK)
			CHECK_FOR_INTERRUPTS();
		sums[pg_popcount32(others)] += game->worth[without | (low + 1)] - game->worth[without];
	}
	for (int size = 0; size < game->players; size++)
	{
		value += chance * sums[size];
		chance = chance * (size + 1) / (game->players - size - 1);
	}
	return value;
}

/*
 * shapley_exact(keys text[], worth double precision[]) returns rows of key text,
 * value double precision, in the order of the keys.
 * Errors: program_limit_exceeded above 24 players, array_subscript_error,
 * null_value_not_allowed, invalid_parameter_value.
 */
Datum
omnicrm_shapley_exact(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Game		game;

	InitMaterializedSRF(fcinfo, 0);
	game = read_game(fcinfo);
	for (int player = 0; player < game.players; player++)
	{
		Datum		values[2] = {game.keys[player], Float8GetDatum(shapley_value(&game, player))};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * harsanyi(keys text[], worth double precision[]) returns rows of coalition text[],
 * dividend double precision: of all coalitions of at least one player whose dividend
 * is not 0, in the order of worth.
 * Errors: as shapley_exact().
 */
Datum
omnicrm_harsanyi(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Game		game;
	uint32		count;
	double	   *dividends;

	InitMaterializedSRF(fcinfo, 0);
	game = read_game(fcinfo);
	count = UINT32_C(1) << game.players;
	dividends = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(double));
	memcpy(dividends, game.worth, (Size) count * sizeof(double));
	for (uint32 bit = 1; bit < count; bit <<= 1)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 set = 0; set < count; set++)
			if (set & bit)
				dividends[set] -= dividends[set ^ bit];
	}
	for (uint32 set = 1; set < count; set++)
	{
		Datum		members[MAX_PLAYERS];
		Datum		values[2];
		bool		nulls[2] = {false, false};
		int			size = 0;
		ArrayType  *coalition;

		if ((set & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (dividends[set] == 0)
			continue;
		for (int player = 0; player < game.players; player++)
			if (set & UINT32_C(1) << player)
				members[size++] = game.keys[player];
		coalition = construct_array(members, size, TEXTOID, -1, false, TYPALIGN_INT);
		values[0] = PointerGetDatum(coalition);
		values[1] = Float8GetDatum(dividends[set]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(coalition);
	}
	pfree(dividends);
	return (Datum) 0;
}

/* Each element becomes the sum of those of all its subsets (zeta transform). */
static void
sum_subsets(double *sums, int players)
{
	uint32		count = UINT32_C(1) << players;

	for (uint32 bit = 1; bit < count; bit <<= 1)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 set = 0; set < count; set++)
			if (set & bit)
				sums[set] += sums[set ^ bit];
	}
}

/* The place of a set of actors in worth. */
static uint32
place_of(const JourneySets *journeys, const uint32 *ranked, const JourneySet *set)
{
	uint32		place = 0;

	for (uint32 i = 0; i < set->size; i++)
		place |= UINT32_C(1) << ranked[set->first + i];
	return place;
}

/* A row (keys text[], worth double precision[]) with the names in order. */
static Datum
game_row(FunctionCallInfo fcinfo, const JourneySets *journeys, ArrayType *worth)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(get_fn_expr_rettype(fcinfo->flinfo), -1);
	uint32		count = omni_actors_count(journeys->actors);
	uint32	   *by_name = omni_actors_by_name(journeys->actors);
	Datum		names[MAX_PLAYERS];
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (desc->natts != 2)
		elog(ERROR, "unexpected row type of a game");
	BlessTupleDesc(desc);
	for (uint32 i = 0; i < count; i++)
	{
		int			length;
		const char *name = omni_actor_name(journeys->actors, by_name[i], &length);

		names[i] = PointerGetDatum(cstring_to_text_with_len(name, length));
	}
	values[0] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(worth);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* An array of zeros for a game of the actors of the journeys. */
static ArrayType *
make_worth(const JourneySets *journeys, double **worth)
{
	uint32		players = omni_actors_count(journeys->actors);
	ArrayType  *array;
	void	   *data;

	if (players > MAX_PLAYERS)
		refuse_players(players);
	array = make_fixed_array(FLOAT8OID, sizeof(double), UINT32_C(1) << players, &data);
	*worth = data;
	return array;
}

/*
 * Final function of coalition_rate: a coalition is worth the rate of conversion of the
 * journeys whose actors are all in it, 0 without such a journey.
 * Errors: program_limit_exceeded above 24 actors.
 */
Datum
omnicrm_coalition_rate_final(PG_FUNCTION_ARGS)
{
	JourneySets *journeys;
	ArrayType  *array;
	uint32	   *ranked;
	double	   *worth;
	double	   *all;
	uint32		count;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	journeys = (JourneySets *) PG_GETARG_POINTER(0);
	array = make_worth(journeys, &worth);
	count = UINT32_C(1) << omni_actors_count(journeys->actors);
	all = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(double));
	memset(all, 0, (Size) count * sizeof(double));
	ranked = omni_journey_sets_ranked(journeys);
	for (uint32 i = 0; i < journeys->count; i++)
	{
		uint32		place = place_of(journeys, ranked, &journeys->sets[i]);

		worth[place] = (double) journeys->sets[i].conversions;
		all[place] = (double) journeys->sets[i].conversions + (double) journeys->sets[i].nulls;
	}
	sum_subsets(worth, omni_actors_count(journeys->actors));
	sum_subsets(all, omni_actors_count(journeys->actors));
	for (uint32 set = 0; set < count; set++)
		worth[set] = all[set] > 0 ? worth[set] / all[set] : 0;
	pfree(all);
	return game_row(fcinfo, journeys, array);
}

/*
 * Final function of coalition_sum: a coalition is worth the value of the journeys whose
 * actors are all in it.
 * Errors: program_limit_exceeded above 24 actors.
 */
Datum
omnicrm_coalition_sum_final(PG_FUNCTION_ARGS)
{
	JourneySets *journeys;
	ArrayType  *array;
	uint32	   *ranked;
	double	   *worth;
	double		unit = pow(10, JOURNEY_VALUE_SCALE);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	journeys = (JourneySets *) PG_GETARG_POINTER(0);
	array = make_worth(journeys, &worth);
	ranked = omni_journey_sets_ranked(journeys);
	for (uint32 i = 0; i < journeys->count; i++)
		worth[place_of(journeys, ranked, &journeys->sets[i])] = (double) journeys->sets[i].value / unit;
	sum_subsets(worth, omni_actors_count(journeys->actors));
	return game_row(fcinfo, journeys, array);
}
