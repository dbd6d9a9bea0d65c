/*
 * match_compare.c
 *		How far two records agree, field by field, and what that weighs.
 *
 * The levels of each kind stand in match_kind.c, best first; the last one is
 * "different".  A missing value is no evidence.  One record is held against many,
 * so what the kernels need of it is prepared once.
 */
#include "postgres.h"

#include <math.h>

#include "common/compat.h"
#include "identity/match.h"

/* similarity of words from which they are alike */
#define ALIKE			0.92
#define LOOSELY_ALIKE	0.85
#define FAINTLY_ALIKE	0.70
/* levels that the columns of given name and surname decide together */
#define SURNAME_OTHER_COLUMN	3
#define SURNAME_SHARED_WORD		4
#define GIVEN_SHARED_WORD		4

/*
 * omni_match_probe: makes a record the one that is held against others.
 */
void
omni_match_probe(MatchProbe *probe, uint32 record)
{
	probe->record = record;
	probe->row = probe->data->values + (Size) record * probe->data->model->nfields;
	memset(probe->ready, 0, sizeof(probe->ready));
}

static const OmniPattern *
pattern_of(MatchProbe *probe, int f, const unsigned char *text, int length)
{
	if (!probe->ready[f])
	{
		omni_pattern_set(&probe->pattern[f], text, length);
		probe->ready[f] = true;
	}
	return &probe->pattern[f];
}

/* Whether two values belong to one group of equivalent names. */
static bool
share_group(const MatchValue *a, const MatchValue *b)
{
	for (int i = 0; i < MATCH_GROUPS_MAX && a->groups[i] != 0; i++)
	{
		for (int k = 0; k < MATCH_GROUPS_MAX && b->groups[k] != 0; k++)
		{
			if (a->groups[i] == b->groups[k])
				return true;
		}
	}
	return false;
}

/* Next word of a text from *at on; its length, 0 at the end. */
static int
next_word(const unsigned char *text, int length, int *at)
{
	int			start;

	while (*at < length && text[*at] == ' ')
		(*at)++;
	start = *at;
	while (*at < length && text[*at] != ' ')
		(*at)++;
	return *at - start;
}

/*
 * Number of words of at least that many letters that both texts have, a word that
 * comes twice as often as in the one that has it less; their numbers of words.
 */
static int
shared_words(const unsigned char *a, int na, const unsigned char *b, int nb, int shortest, int *words_a, int *words_b)
{
	int			at = 0;
	int			length;
	int			shared = 0;
	uint64		taken = 0;		/* words of b; there are 32 at most */

	*words_a = *words_b = 0;
	while (next_word(b, nb, &at) > 0)
		(*words_b)++;
	at = 0;
	while ((length = next_word(a, na, &at)) > 0)
	{
		const unsigned char *word = a + at - length;
		int			other_at = 0;
		int			other;
		uint64		place = 1;

		(*words_a)++;
		if (length < shortest)
			continue;
		while ((other = next_word(b, nb, &other_at)) > 0)
		{
			if (other == length && (taken & place) == 0 && memcmp(word, b + other_at - other, length) == 0)
			{
				taken |= place;
				shared++;
				break;
			}
			place <<= 1;
		}
	}
	return shared;
}

/* Whether one name is an initial of the other's first word. */
static bool
is_initial(const unsigned char *a, int na, const unsigned char *b, int nb)
{
	return a[0] == b[0] && ((na == 1 || a[1] == ' ') != (nb == 1 || b[1] == ' '));
}

static int
level_of_given_name(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
					const unsigned char *x, const unsigned char *y)
{
	double		similarity;
	int			wa;
	int			wb;

	if (share_group(a, b))
		return 1;
	similarity = omni_pattern_jaro_winkler(p, y, b->length);
	if (similarity >= ALIKE)
		return 2;
	if (similarity >= LOOSELY_ALIKE)
		return 3;
	if (is_initial(x, a->length, y, b->length) || shared_words(x, a->length, y, b->length, 2, &wa, &wb) > 0)
		return 4;
	return similarity >= FAINTLY_ALIKE ? 5 : 6;
}

static int
level_of_surname(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
				 const unsigned char *x, const unsigned char *y)
{
	double		similarity = omni_pattern_jaro_winkler(p, y, b->length);
	int			wa;
	int			wb;

	if (similarity >= ALIKE)
		return 1;
	if (similarity >= LOOSELY_ALIKE)
		return 2;
	if (shared_words(x, a->length, y, b->length, 3, &wa, &wb) > 0)
		return SURNAME_SHARED_WORD;
	return similarity >= FAINTLY_ALIKE ? 5 : 6;
}

static int
level_of_name(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
			  const unsigned char *x, const unsigned char *y)
{
	double		similarity = omni_pattern_jaro_winkler(p, y, b->length);
	int			wa;
	int			wb;
	int			shared = shared_words(x, a->length, y, b->length, 2, &wa, &wb);

	if (shared == wa && shared == wb)
		return 1;
	if (shared >= 2 && shared == Min(wa, wb))
		return 2;
	if (similarity >= ALIKE)
		return 3;
	if (shared >= 2 || (shared == 1 && (share_group(a, b) || similarity >= LOOSELY_ALIKE)))
		return 4;
	return shared == 1 || similarity >= LOOSELY_ALIKE ? 5 : 6;
}

/* Texts of eight digits: yyyymmdd. */
static int
level_of_date(const OmniPattern *p, const unsigned char *x, const unsigned char *y)
{
	int			distance = omni_pattern_distance(p, y, 8);
	bool		year = memcmp(x, y, 4) == 0;
	bool		month = memcmp(x + 4, y + 4, 2) == 0;
	bool		day = memcmp(x + 6, y + 6, 2) == 0;
	bool		swapped = memcmp(x + 4, y + 6, 2) == 0 && memcmp(x + 6, y + 4, 2) == 0;

	if (distance <= 1 || (year && swapped))
		return 1;
	if (year + month + day == 2)
		return 2;
	if (distance <= 2)
		return 3;
	return year ? 4 : 5;
}

static int
level_of_email(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
			   const unsigned char *x, const unsigned char *y)
{
	double		similarity;

	if (a->local > 0 && a->local == b->local && memcmp(x, y, a->local) == 0)
		return 1;
	if (omni_pattern_distance(p, y, b->length) <= 2)
		return 2;
	similarity = omni_pattern_jaro_winkler(p, y, b->length);
	return similarity >= 0.88 ? 3 : 4;
}

/* Number of equal characters at the start. */
static int
common_prefix(const unsigned char *x, int nx, const unsigned char *y, int ny)
{
	int			n = 0;

	while (n < nx && n < ny && x[n] == y[n])
		n++;
	return n;
}

static int
level_of_postcode(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
				  const unsigned char *x, const unsigned char *y)
{
	int			prefix;

	if (omni_pattern_distance(p, y, b->length) <= 1)
		return 1;
	prefix = common_prefix(x, a->length, y, b->length);
	if (a->length == b->length && prefix >= Max(2, a->length - (a->length > 5 ? 3 : 2)))
		return 2;
	return prefix >= 2 ? 3 : 4;
}

static int
level_of_address(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
				 const unsigned char *x, const unsigned char *y)
{
	int			wa;
	int			wb;
	int			shared = shared_words(x, a->length, y, b->length, 1, &wa, &wb);
	double		similarity;

	if (shared * 5 >= (wa + wb) * 2)
		return 1;
	similarity = omni_pattern_jaro_winkler(p, y, b->length);
	if (similarity >= ALIKE)
		return 1;
	if (shared * 4 >= wa + wb)
		return 2;
	return similarity >= LOOSELY_ALIKE ? 3 : 4;
}

static int
level_of_number(double a, double b)
{
	double		difference = fabs(a - b);
	double		size = Max(fabs(a), fabs(b));

	if (difference <= 0.01 * size)
		return 1;
	return difference <= 0.1 * size ? 2 : 3;
}

/* Level of two different values of a field. */
static int
level_of(MatchProbe *probe, int f, const MatchValue *a, const MatchValue *b)
{
	const MatchField *field = &probe->data->model->field[f];
	const MatchDictionary *dictionary = &probe->data->dictionary[f];
	const unsigned char *x = omni_match_text(dictionary, a);
	const unsigned char *y = omni_match_text(dictionary, b);
	const OmniPattern *p;
	double		similarity;
	int			wa;
	int			wb;

	if (field->kind == MATCH_CATEGORY)
		return 1;
	if (field->kind == MATCH_NUMBER)
		return level_of_number(a->number, b->number);
	p = pattern_of(probe, f, x, a->length);
	switch (field->kind)
	{
		case MATCH_NAME:
			return level_of_name(p, a, b, x, y);
		case MATCH_GIVEN_NAME:
			return level_of_given_name(p, a, b, x, y);
		case MATCH_SURNAME:
			return level_of_surname(p, a, b, x, y);
		case MATCH_BIRTH_DATE:
			return level_of_date(p, x, y);
		case MATCH_EMAIL:
			return level_of_email(p, a, b, x, y);
		case MATCH_PHONE:
		case MATCH_TAX_ID:
			return omni_pattern_distance(p, y, b->length) <= 1 ? 1 : 2;
		case MATCH_CODE:
			return Min(omni_pattern_distance(p, y, b->length), 3);
		case MATCH_POSTCODE:
			return level_of_postcode(p, a, b, x, y);
		case MATCH_ADDRESS:
			return level_of_address(p, a, b, x, y);
		case MATCH_CITY:
			similarity = omni_pattern_jaro_winkler(p, y, b->length);
			return similarity >= ALIKE ? 1 : similarity >= 0.8 ? 2 : 3;
		default:
			similarity = omni_pattern_jaro_winkler(p, y, b->length);
			if (similarity >= ALIKE)
				return 1;
			if (similarity >= LOOSELY_ALIKE)
				return 2;
			return shared_words(x, a->length, y, b->length, 3, &wa, &wb) > 0 ? 3 : 4;
	}
}

static inline int
field_level(MatchProbe *probe, int f, uint32 a, uint32 b)
{
	const MatchValue *values = probe->data->dictionary[f].values;

	if (a == MATCH_NULL || b == MATCH_NULL)
		return MATCH_NO_EVIDENCE;
	if (a == b)
		return 0;
	return level_of(probe, f, &values[a], &values[b]);
}

/*
 * The surname that stands in the given name's column of one record and in its own
 * of the other, or MATCH_NULL; where both do, the rarer one.
 */
static inline uint32
name_in_other_column(const MatchProbe *probe, const uint32 *a, const uint32 *b)
{
	const MatchModel *model = probe->data->model;
	const uint32 *other_column;
	const MatchValue *values;
	uint32		x = MATCH_NULL;
	uint32		y = MATCH_NULL;

	if (model->given_name < 0 || model->surname < 0)
		return MATCH_NULL;
	other_column = probe->data->dictionary[model->given_name].other_column;
	if (a[model->given_name] != MATCH_NULL && b[model->surname] != MATCH_NULL &&
		other_column[a[model->given_name]] == b[model->surname])
		x = b[model->surname];
	if (b[model->given_name] != MATCH_NULL && a[model->surname] != MATCH_NULL &&
		other_column[b[model->given_name]] == a[model->surname])
		y = a[model->surname];
	/* MATCH_NULL is greater than any number */
	if (x == MATCH_NULL || y == MATCH_NULL)
		return Min(x, y);
	values = probe->data->dictionary[model->surname].values;
	return values[x].adjust >= values[y].adjust ? x : y;
}

/* Levels of the two name columns, given that a name stands in the other one. */
static inline void
exchange_name_columns(const MatchModel *model, uint8 *level)
{
	if (level[model->surname] < SURNAME_OTHER_COLUMN)
		return;
	level[model->surname] = SURNAME_OTHER_COLUMN;
	/* what then stands in the given name's columns are different things */
	if (level[model->given_name] >= GIVEN_SHARED_WORD)
		level[model->given_name] = MATCH_NO_EVIDENCE;
}

/*
 * omni_match_compare: the pattern of agreement of the probe and another record:
 * three bits for each field, the first one lowest.
 */
uint64
omni_match_compare(MatchProbe *probe, uint32 other)
{
	const MatchModel *model = probe->data->model;
	const uint32 *row = probe->data->values + (Size) other * model->nfields;
	uint8		level[MATCH_FIELDS_MAX] = {0};
	uint64		pattern = 0;

	for (int f = 0; f < model->nfields; f++)
		level[f] = field_level(probe, f, probe->row[f], row[f]);
	if (name_in_other_column(probe, probe->row, row) != MATCH_NULL)
		exchange_name_columns(model, level);
	for (int f = 0; f < model->nfields; f++)
		pattern |= (uint64) level[f] << (MATCH_LEVEL_BITS * f);
	return pattern;
}

/* Weight of a level, and what the frequency of an equal value adds. */
static inline int32
level_weight(const MatchProbe *probe, int f, const uint8 *level, uint32 value)
{
	const MatchField *field = &probe->data->model->field[f];
	int32		weight = field->weight[field->parent >= 0 ? level[field->parent] : MATCH_NO_EVIDENCE][level[f]];

	if (value != MATCH_NULL)
		weight += probe->data->dictionary[f].values[value].adjust;
	return weight;
}

/*
 * omni_match_prefetch_row, omni_match_prefetch_values: bring what a comparison with
 * a record will read into the cache, the row first and its values later: both lie
 * anywhere in memory.
 */
void
omni_match_prefetch_row(const MatchProbe *probe, uint32 other)
{
	__builtin_prefetch(probe->data->values + (Size) other * probe->data->model->nfields);
}

void
omni_match_prefetch_values(const MatchProbe *probe, uint32 other)
{
	int			nfields = probe->data->model->nfields;
	const uint32 *row = probe->data->values + (Size) other * nfields;

	for (int f = 0; f < nfields; f++)
	{
		if (row[f] != MATCH_NULL && probe->row[f] != MATCH_NULL)
			__builtin_prefetch(&probe->data->dictionary[f].values[row[f]]);
	}
}

/*
 * omni_match_score: the weight of the probe and another record, in units; some
 * weight below the floor as soon as the floor is out of reach.
 */
int32
omni_match_score(MatchProbe *probe, uint32 other, int32 floor)
{
	const MatchModel *model = probe->data->model;
	const uint32 *row = probe->data->values + (Size) other * model->nfields;
	uint32		elsewhere = name_in_other_column(probe, probe->row, row);
	uint8		level[MATCH_FIELDS_MAX] = {0};
	int32		weight = model->prior_weight;
	int32		best = 0;		/* most that the fields may still bring */

	for (int f = 0; f < model->nfields; f++)
	{
		if (probe->row[f] == MATCH_NULL || row[f] == MATCH_NULL)
			continue;
		if (probe->row[f] == row[f])
			best += model->field[f].best_equal + probe->data->dictionary[f].values[row[f]].adjust;
		else
			best += model->field[f].best_different;
	}
	if (elsewhere != MATCH_NULL)
	{
		for (int f = 0; f < model->nfields; f++)
			level[f] = field_level(probe, f, probe->row[f], row[f]);
		exchange_name_columns(model, level);
		for (int f = 0; f < model->nfields; f++)
			weight += level_weight(probe, f, level,
								   level[f] == 0 ? row[f] :
								   f == model->surname && level[f] == SURNAME_OTHER_COLUMN ? elsewhere : MATCH_NULL);
		return weight;
	}
	for (int i = 0; i < model->nfields; i++)
	{
		int			f = model->order[i];
		uint32		a = probe->row[f];
		uint32		b = row[f];

		if (a == MATCH_NULL || b == MATCH_NULL)
		{
			level[f] = MATCH_NO_EVIDENCE;
			continue;
		}
		if (weight + best < floor)
			return weight + best;
		if (a == b)
		{
			best -= model->field[f].best_equal + probe->data->dictionary[f].values[b].adjust;
			level[f] = 0;
			weight += level_weight(probe, f, level, b);
		}
		else
		{
			best -= model->field[f].best_different;
			level[f] = field_level(probe, f, a, b);
			weight += level_weight(probe, f, level, MATCH_NULL);
		}
	}
	return weight;
}

/*
 * omni_match_parts: what each field adds to the weight of the probe and another
 * record; the weight in units, that of omni_match_score().
 */
int32
omni_match_parts(MatchProbe *probe, uint32 other, MatchPart *parts)
{
	const MatchModel *model = probe->data->model;
	const uint32 *row = probe->data->values + (Size) other * model->nfields;
	uint32		elsewhere = name_in_other_column(probe, probe->row, row);
	uint8		level[MATCH_FIELDS_MAX] = {0};
	int32		weight = model->prior_weight;

	for (int f = 0; f < model->nfields; f++)
		level[f] = field_level(probe, f, probe->row[f], row[f]);
	if (elsewhere != MATCH_NULL)
		exchange_name_columns(model, level);
	for (int f = 0; f < model->nfields; f++)
	{
		MatchPart  *part = &parts[f];

		part->level = level[f];
		part->given = model->field[f].parent >= 0 ? level[model->field[f].parent] : MATCH_NO_EVIDENCE;
		part->agreed = MATCH_NULL;
		if (level[f] == 0)
			part->agreed = row[f];
		else if (elsewhere != MATCH_NULL && f == model->surname && level[f] == SURNAME_OTHER_COLUMN)
			part->agreed = elsewhere;
		part->weight = level_weight(probe, f, level, part->agreed);
		weight += part->weight;
	}
	return weight;
}
