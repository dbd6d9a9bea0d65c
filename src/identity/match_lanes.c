/*
 * match_lanes.c
 *		One record held against several at once, by their sketches.
 *
 * Most pairs that meet in blocks are judged by their rows alone, and hardly any
 * branch of that judgement can be foreseen.  So the rows of some records are turned into
 * columns, and the levels that a field may reach are found for several records in
 * one loop without branches, which compilers make vector instructions of.  What
 * comes out is what omni_match_bound() finds for each pair, to the bit.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "common/compat.h"
#include "identity/match_lanes.h"
#include "identity/match_sketch.h"

/*
 * omni_match_given_names: for each surname the given name of the same text, or MATCH_NULL:
 * what omni_match_link_name_columns() found, the other way round.  NULL where a model has
 * not got both.
 */
uint32 *
omni_match_given_names(const MatchData *data)
{
	const MatchModel *model = data->model;
	const MatchDictionary *given;
	Size		size;
	uint32	   *names;

	if (model->given_name < 0 || model->surname < 0)
		return NULL;
	given = &data->dictionary[model->given_name];
	size = mul_size(Max(data->dictionary[model->surname].count, 1), sizeof(uint32));
	names = MemoryContextAllocHuge(CurrentMemoryContext, size);
	memset(names, 0xff, size);
	for (uint32 i = 0; i < given->count; i++)
	{
		if (given->other_column[i] != MATCH_NULL)
			names[given->other_column[i]] = i;
	}
	return names;
}

/* A loop over the lanes. */
#define EACH_LANE(statement) \
	do { \
		for (int k = 0; k < MATCH_LANES; k++) \
			statement; \
	} while (0)

/* The levels that different values of a field may reach. */
static pg_attribute_always_inline void
different_levels(MatchKind kind, uint32 mine, const uint32 *sketch, const int *more, uint32 *possible)
{
	switch (kind)
	{
		case MATCH_NAME:
			EACH_LANE(possible[k] = sketch_possible_name(mine, sketch[k], more[k]));
			break;
		case MATCH_GIVEN_NAME:
			EACH_LANE(possible[k] = sketch_possible_given_name(mine, sketch[k], more[k]));
			break;
		case MATCH_SURNAME:
			EACH_LANE(possible[k] = sketch_possible_surname(mine, sketch[k], more[k]));
			break;
		case MATCH_BIRTH_DATE:
			EACH_LANE(possible[k] = sketch_possible_date(mine, sketch[k]));
			break;
		case MATCH_EMAIL:
			EACH_LANE(possible[k] = sketch_possible_email(mine, sketch[k], more[k]));
			break;
		case MATCH_PHONE:
			EACH_LANE(possible[k] = sketch_possible_phone(mine, sketch[k]));
			break;
		case MATCH_TAX_ID:
			EACH_LANE(possible[k] = sketch_possible_tax_id(mine, sketch[k]));
			break;
		case MATCH_CODE:
			EACH_LANE(possible[k] = sketch_possible_code(mine, sketch[k]));
			break;
		case MATCH_POSTCODE:
			EACH_LANE(possible[k] = sketch_possible_postcode(mine, sketch[k]));
			break;
		case MATCH_CITY:
			EACH_LANE(possible[k] = sketch_possible_city(mine, sketch[k], more[k]));
			break;
		case MATCH_ADDRESS:
			EACH_LANE(possible[k] = sketch_possible_address(mine, sketch[k], more[k]));
			break;
		case MATCH_TEXT:
			EACH_LANE(possible[k] = sketch_possible_text(mine, sketch[k], more[k]));
			break;
		case MATCH_CATEGORY:
		case MATCH_NUMBER:
			EACH_LANE(possible[k] = sketch_possible(kind, 0, 0, 0));
			break;
	}
}

/* Where a name may stand in the other's column: name_in_other_column() in match_compare.c tells. */
static pg_attribute_always_inline void
find_exchanged(const MatchData *data, const uint32 *mine, uint32 given_name, const MatchColumns *columns, uint32 *exchanged)
{
	const uint32 *surname = columns->words[data->model->surname];
	const uint32 *given = columns->words[data->model->given_name];
	uint32		my_other = omni_match_other_name(data, mine);

	EACH_LANE(exchanged[k] = ((my_other != MATCH_NULL) & (my_other == surname[k])) |
			  ((given_name != MATCH_NULL) & (given_name == given[k])));
}

/*
 * omni_match_bound_lanes: what the probe and MATCH_LANES records may weigh at most, in
 * units, as far as their rows tell.
 * Arguments: the probe; the given name that is its surname, or MATCH_NULL; the rows of
 * the others; what was found.  Lanes may hold anything.
 */
OMNI_VECTOR_CLONES
void
omni_match_bound_lanes(const MatchProbe *probe, uint32 given_name, const MatchColumns *columns, MatchLaneBounds *bounds)
{
	const MatchData *data = probe->data;
	const MatchModel *model = data->model;
	const uint32 *mine = probe->row;
	int32		most[MATCH_LANES];

	EACH_LANE(most[k] = model->prior_weight);
	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];
		const uint32 *value = columns->words[f];
		const uint32 *sketch = columns->words[model->nfields + f];
		uint32		my_value = mine[f];
		uint32		possible[MATCH_LANES] = {0};
		int			more[MATCH_LANES] = {0};
		uint32		equal = 0;

		if (my_value != MATCH_NULL)
		{
			if (data->second[f] != 0)
			{
				const uint32 *second = columns->words[data->second[f]];
				uint32		my_second = mine[data->second[f]];

				EACH_LANE(more[k] = sketch_count(my_second ^ second[k]));
			}
			different_levels(field->kind, mine[model->nfields + f], sketch, more, possible);
			EACH_LANE(possible[k] = value[k] == my_value ? LEVEL(0) : possible[k]);
			EACH_LANE(possible[k] = value[k] == MATCH_NULL ? 0 : possible[k]);
			EACH_LANE(most[k] += field->best[possible[k]]);
			EACH_LANE(equal |= possible[k] & LEVEL(0));
		}
		/* looked at where it counts only: it may not be in the cache */
		if (equal != 0)
		{
			int32		adjust = data->dictionary[f].adjust[my_value];

			EACH_LANE(most[k] += possible[k] == LEVEL(0) ? adjust : 0);
		}
		memcpy(bounds->possible[f], possible, sizeof(possible));
	}
	memcpy(bounds->most, most, sizeof(most));
	if (model->given_name >= 0 && model->surname >= 0)
		find_exchanged(data, mine, given_name, columns, bounds->exchanged);
	else
		EACH_LANE(bounds->exchanged[k] = 0);
}

/*
 * omni_match_lane_bound: what omni_match_settle() goes on with, for one lane where no
 * name is exchanged.
 */
void
omni_match_lane_bound(const MatchProbe *probe, const MatchLaneBounds *bounds, int lane, MatchBound *bound)
{
	int			nfields = probe->data->model->nfields;

	bound->most = bounds->most[lane];
	bound->elsewhere = MATCH_NULL;
	bound->nopen = 0;
	for (int f = 0; f < nfields; f++)
	{
		uint32		possible = bounds->possible[f][lane];

		bound->possible[f] = possible;
		if (possible == 0)
			bound->level[f] = MATCH_NO_EVIDENCE;
		else if ((possible & (possible - 1)) == 0)
			bound->level[f] = pg_rightmost_one_pos32(possible);
		else
			bound->open[bound->nopen++] = f;
	}
}
