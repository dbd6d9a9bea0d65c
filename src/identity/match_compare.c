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

#include "port/pg_bitutils.h"

#include "common/compat.h"
#include "identity/match_sketch.h"

/* similarity of words from which they are alike */
#define ALIKE			0.92
#define LOOSELY_ALIKE	0.85
#define FAINTLY_ALIKE	0.70
/* levels that the columns of given name and surname decide together */
#define SURNAME_OTHER_COLUMN	3
#define SURNAME_SHARED_WORD		4
#define GIVEN_SHARED_WORD		4

/* pairs of values whose levels are remembered: what fits into a core's own cache */
#define REMEMBERED		16384
#define LEVEL_FIELD_SHIFT	59
#define LEVEL_VALUE_BITS	28

StaticAssertDecl(MATCH_RECORDS_MAX < 1 << LEVEL_VALUE_BITS, "there are no more values than records");
StaticAssertDecl(MATCH_FIELDS_MAX <= 16, "the number of a field fits into four bits");

/*
 * omni_match_remember_levels: lets a probe remember what the comparison of two values
 * gave, in the present context: records that are held against each other one after the
 * other have much the same values.
 */
void
omni_match_remember_levels(MatchProbe *probe)
{
	probe->levels = palloc(REMEMBERED * sizeof(uint64));
	memset(probe->levels, 0xff, REMEMBERED * sizeof(uint64));
}

/* Where the level of two values is remembered, and how: that, the field and both values as one number. */
static inline uint64 *
remembered(const MatchProbe *probe, int f, uint32 a, uint32 b, uint64 *known)
{
	*known = (uint64) f << LEVEL_FIELD_SHIFT | (uint64) a << (LEVEL_VALUE_BITS + MATCH_LEVEL_BITS) | (uint64) b << MATCH_LEVEL_BITS;
	return &probe->levels[*known * UINT64CONST(0x9e3779b97f4a7c15) >> 50];
}

/*
 * omni_match_probe: makes a record the one that is held against others.
 */
void
omni_match_probe(MatchProbe *probe, uint32 record)
{
	omni_match_probe_row(probe, record, omni_match_row(probe->data, record));
}

/*
 * omni_match_probe_row: the same, with a copy of its row, which must last.
 */
void
omni_match_probe_row(MatchProbe *probe, uint32 record, const uint32 *row)
{
	probe->record = record;
	probe->row = row;
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

/*
 * The levels of two different values of a kind.  What their sketches rule out is not
 * computed: the functions know which levels are possible, as bits.
 */
static int
level_of_given_name(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
					const unsigned char *x, const unsigned char *y, uint32 possible)
{
	double		similarity = 0;
	int			wa;
	int			wb;

	if ((possible & LEVEL(1)) != 0 && share_group(a, b))
		return 1;
	if ((possible & (LEVEL(2) | LEVEL(3) | LEVEL(5))) != 0)
		similarity = omni_pattern_jaro_winkler(p, y, b->length);
	if (similarity >= ALIKE)
		return 2;
	if (similarity >= LOOSELY_ALIKE)
		return 3;
	if ((possible & LEVEL(4)) != 0 &&
		(is_initial(x, a->length, y, b->length) || shared_words(x, a->length, y, b->length, 2, &wa, &wb) > 0))
		return 4;
	return similarity >= FAINTLY_ALIKE ? 5 : 6;
}

static int
level_of_surname(const OmniPattern *p, const MatchValue *a, const MatchValue *b,
				 const unsigned char *x, const unsigned char *y, uint32 possible)
{
	double		similarity = 0;
	int			wa;
	int			wb;

	if ((possible & (LEVEL(1) | LEVEL(2) | LEVEL(5))) != 0)
		similarity = omni_pattern_jaro_winkler(p, y, b->length);
	if (similarity >= ALIKE)
		return 1;
	if (similarity >= LOOSELY_ALIKE)
		return 2;
	if ((possible & LEVEL(SURNAME_SHARED_WORD)) != 0 && shared_words(x, a->length, y, b->length, 3, &wa, &wb) > 0)
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
			   const unsigned char *x, const unsigned char *y, uint32 possible)
{

	if (a->local > 0 && a->local == b->local && memcmp(x, y, a->local) == 0)
		return 1;
	if ((possible & LEVEL(2)) != 0 && omni_pattern_distance(p, y, b->length) <= 2)
		return 2;
	return (possible & LEVEL(3)) != 0 && omni_pattern_jaro_winkler(p, y, b->length) >= 0.88 ? 3 : 4;
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
				  const unsigned char *x, const unsigned char *y, uint32 possible)
{
	int			prefix;

	if ((possible & LEVEL(1)) != 0 && omni_pattern_distance(p, y, b->length) <= 1)
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

/* Level of two different values of a field, one of the possible ones. */
static int
level_of(MatchProbe *probe, int f, const MatchValue *a, const MatchValue *b, uint32 possible)
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
			return level_of_given_name(p, a, b, x, y, possible);
		case MATCH_SURNAME:
			return level_of_surname(p, a, b, x, y, possible);
		case MATCH_BIRTH_DATE:
			return level_of_date(p, x, y);
		case MATCH_EMAIL:
			return level_of_email(p, a, b, x, y, possible);
		case MATCH_PHONE:
		case MATCH_TAX_ID:
			return omni_pattern_distance(p, y, b->length) <= 1 ? 1 : 2;
		case MATCH_CODE:
			return Min(omni_pattern_distance(p, y, b->length), 3);
		case MATCH_POSTCODE:
			return level_of_postcode(p, a, b, x, y, possible);
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

/* The levels, as bits, that two different values may reach by the rows of their records. */
static inline uint32
different_levels(const MatchData *data, int f, const uint32 *a, const uint32 *b)
{
	int			sketch = data->model->nfields + f;
	int			second = data->second[f];

	return sketch_possible(data->model->field[f].kind, a[sketch], b[sketch], second != 0 ? sketch_count(a[second] ^ b[second]) : 0);
}

/* The levels, as bits, that a field may reach by the rows of two records; 0 without evidence. */
static inline uint32
possible_levels(const MatchProbe *probe, int f, const uint32 *row)
{
	if (probe->row[f] == MATCH_NULL || row[f] == MATCH_NULL)
		return 0;
	if (probe->row[f] == row[f])
		return LEVEL(0);
	return different_levels(probe->data, f, probe->row, row);
}

/* The level of a field out of the possible ones; values are compared where there are several. */
static inline int
field_level(MatchProbe *probe, int f, const uint32 *row, uint32 possible)
{
	const MatchValue *values = probe->data->dictionary[f].values;
	uint64	   *place;
	uint64		known;
	int			level;

	if (possible == 0)
		return MATCH_NO_EVIDENCE;
	if ((possible & (possible - 1)) == 0)
		return pg_rightmost_one_pos32(possible);
	if (probe->levels == NULL)
		return level_of(probe, f, &values[probe->row[f]], &values[row[f]], possible);
	place = remembered(probe, f, probe->row[f], row[f], &known);
	if ((*place ^ known) < MATCH_STATES)
		return *place ^ known;
	level = level_of(probe, f, &values[probe->row[f]], &values[row[f]], possible);
	*place = known | level;
	return level;
}

/*
 * omni_match_recall: settles the open fields of a pair of which the probe remembers
 * the levels.
 * Arguments: the probe, the row of the other record, what omni_match_bound() found.
 */
void
omni_match_recall(const MatchProbe *probe, const uint32 *row, MatchBound *bound)
{
	int			open = 0;

	for (int i = 0; i < bound->nopen; i++)
	{
		int			f = bound->open[i];
		const MatchField *field = &probe->data->model->field[f];
		uint64		known;
		const uint64 *place = remembered(probe, f, probe->row[f], row[f], &known);

		if ((*place ^ known) >= MATCH_STATES)
		{
			bound->open[open++] = f;
			continue;
		}
		bound->level[f] = *place ^ known;
		if (bound->elsewhere == MATCH_NULL)
			bound->most += field->best[LEVEL(bound->level[f])] - field->best[bound->possible[f]];
	}
	bound->nopen = open;
}

/*
 * The surname that stands in the given name's column of one record and in its own
 * of the other, or MATCH_NULL; where both do, the rarer one.
 */
static inline uint32
name_in_other_column(const MatchProbe *probe, const uint32 *a, const uint32 *b)
{
	const MatchModel *model = probe->data->model;
	const int32 *adjust;
	uint32		x = omni_match_other_name(probe->data, a);
	uint32		y = omni_match_other_name(probe->data, b);

	/* the surname of the other one, which may be missing */
	if (x != MATCH_NULL && x != b[model->surname])
		x = MATCH_NULL;
	if (y != MATCH_NULL && y != a[model->surname])
		y = MATCH_NULL;
	/* MATCH_NULL is greater than any number */
	if (x == MATCH_NULL || y == MATCH_NULL)
		return Min(x, y);
	adjust = probe->data->dictionary[model->surname].adjust;
	return adjust[x] >= adjust[y] ? x : y;
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
 * omni_match_prefetch_compared: brings the values into the cache that
 * omni_match_compare() will look at.
 */
void
omni_match_prefetch_compared(const MatchProbe *probe, uint32 other)
{
	const MatchData *data = probe->data;
	const uint32 *row = omni_match_row(data, other);

	for (int f = 0; f < data->model->nfields; f++)
	{
		uint32		possible = possible_levels(probe, f, row);

		if ((possible & (possible - 1)) == 0)
			continue;
		__builtin_prefetch(&data->dictionary[f].values[probe->row[f]]);
		__builtin_prefetch(&data->dictionary[f].values[row[f]]);
	}
}

/*
 * omni_match_compare: the pattern of agreement of the probe and another record:
 * three bits for each field, the first one lowest.
 */
uint64
omni_match_compare(MatchProbe *probe, uint32 other)
{
	const MatchModel *model = probe->data->model;
	const uint32 *row = omni_match_row(probe->data, other);
	uint8		level[MATCH_FIELDS_MAX] = {0};
	uint64		pattern = 0;

	for (int f = 0; f < model->nfields; f++)
		level[f] = field_level(probe, f, row, possible_levels(probe, f, row));
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
		weight += probe->data->dictionary[f].adjust[value];
	return weight;
}

/* How much more often a level occurs among relatives than by chance, in units; see match_relatives.c. */
static inline int32
level_relatives(const MatchProbe *probe, int f, const uint8 *level, uint32 value)
{
	const MatchField *field = &probe->data->model->field[f];
	int32		weight = field->relatives_weight[field->parent >= 0 ? level[field->parent] : MATCH_NO_EVIDENCE][level[f]];

	/* relatives share any value as often, and agree on frequent ones by chance too */
	if (level[f] == 0)
		return Max(weight + probe->data->dictionary[f].adjust[value], 0);
	return weight;
}

/* The weight of the levels of all fields; a value counts with its frequency where both have it. */
static int32
score_of_levels(const MatchProbe *probe, const uint32 *row, const uint8 *level, uint32 elsewhere)
{
	const MatchModel *model = probe->data->model;
	int32		weight = model->prior_weight;
	int32		relatives = model->relatives_weight;

	for (int f = 0; f < model->nfields; f++)
	{
		bool		exchanged = elsewhere != MATCH_NULL && f == model->surname && level[f] == SURNAME_OTHER_COLUMN;

		if (level[f] == MATCH_NO_EVIDENCE)
			continue;
		weight += level_weight(probe, f, level, level[f] == 0 ? row[f] : exchanged ? elsewhere : MATCH_NULL);
		relatives += level_relatives(probe, f, level, row[f]);
	}
	return weight - Max(relatives, 0);
}

/*
 * omni_match_bound: what the probe and a record of that row may weigh at most, in
 * units, as far as their rows tell.  Sketches are looked at as long as the floor is
 * within reach, first those that may disappoint most.
 * Arguments: the probe, the row, what omni_match_settle() goes on with, the floor.
 */
int32
omni_match_bound(const MatchProbe *probe, const uint32 *row, MatchBound *bound, int32 floor)
{
	const MatchModel *model = probe->data->model;
	const uint32 *mine = probe->row;
	int32		most = model->prior_weight;
	int			different = 0;
	uint8		order[MATCH_FIELDS_MAX];

	bound->nopen = 0;
	bound->elsewhere = name_in_other_column(probe, mine, row);
	for (int i = 0; i < model->nfields; i++)
	{
		int			f = model->doubt_order[i];

		if (mine[f] == MATCH_NULL || row[f] == MATCH_NULL)
			bound->level[f] = MATCH_NO_EVIDENCE;
		else if (mine[f] == row[f])
		{
			bound->level[f] = 0;
			most += model->field[f].best[LEVEL(0)] + probe->data->dictionary[f].adjust[row[f]];
		}
		else
		{
			order[different++] = f;
			most += model->field[f].best_different;
		}
	}
	/* exchanged columns may weigh more than they seem to */
	if (bound->elsewhere != MATCH_NULL)
		floor = PG_INT32_MIN;
	for (int i = 0; i < different && most >= floor; i++)
	{
		int			f = order[i];
		const MatchField *field = &model->field[f];
		uint32		possible = different_levels(probe->data, f, mine, row);

		bound->possible[f] = possible;
		most += field->best[possible] - field->best_different;
		if ((possible & (possible - 1)) != 0)
			bound->open[bound->nopen++] = f;
		else
			bound->level[f] = pg_rightmost_one_pos32(possible);
	}
	bound->most = bound->elsewhere == MATCH_NULL ? most : PG_INT32_MAX;
	return bound->most;
}

/* The weight of two records of which one has a name in the column of the other's. */
static int32
settle_exchanged(MatchProbe *probe, const uint32 *row, MatchBound *bound)
{
	for (int i = 0; i < bound->nopen; i++)
		bound->level[bound->open[i]] = field_level(probe, bound->open[i], row, bound->possible[bound->open[i]]);
	exchange_name_columns(probe->data->model, bound->level);
	return score_of_levels(probe, row, bound->level, bound->elsewhere);
}

/* How much less than hoped for an open field may weigh. */
static inline int32
doubt(const MatchModel *model, const MatchBound *bound, int i)
{
	const MatchField *field = &model->field[bound->open[i]];

	return field->best[bound->possible[bound->open[i]]] - field->best[LEVEL(field->levels - 1)];
}

/*
 * omni_match_settle: the weight of the probe and a record of that row, in units;
 * some weight below the floor as soon as the floor is out of reach.  Fields whose
 * values have to be compared go by what they may disappoint, most first.
 * Arguments: the probe, the row, what omni_match_bound() found, which is used up;
 * the floor.
 */
int32
omni_match_settle(MatchProbe *probe, const uint32 *row, MatchBound *bound, int32 floor)
{
	const MatchModel *model = probe->data->model;

	if (bound->elsewhere != MATCH_NULL)
		return settle_exchanged(probe, row, bound);
	for (int i = 0; i < bound->nopen; i++)
	{
		int			next = i;
		int			f;

		if (bound->most < floor)
			return bound->most;
		for (int k = i + 1; k < bound->nopen; k++)
		{
			if (doubt(model, bound, k) > doubt(model, bound, next))
				next = k;
		}
		f = bound->open[next];
		bound->open[next] = bound->open[i];
		bound->level[f] = field_level(probe, f, row, bound->possible[f]);
		bound->most += model->field[f].best[LEVEL(bound->level[f])] - model->field[f].best[bound->possible[f]];
	}
	return score_of_levels(probe, row, bound->level, MATCH_NULL);
}

/*
 * omni_match_score: the weight of the probe and another record, in units; some
 * weight below the floor as soon as the floor is out of reach.
 */
int32
omni_match_score(MatchProbe *probe, uint32 other, int32 floor)
{
	const uint32 *row = omni_match_row(probe->data, other);
	MatchBound	bound;

	if (omni_match_bound(probe, row, &bound, floor) < floor)
		return bound.most;
	return omni_match_settle(probe, row, &bound, floor);
}

/*
 * omni_match_parts: what each field adds to the weight of the probe and another
 * record, and what is taken off because they may be of relatives; the weight in
 * units, that of omni_match_score().
 */
int32
omni_match_parts(MatchProbe *probe, uint32 other, MatchPart *parts, int32 *relatives)
{
	const MatchModel *model = probe->data->model;
	const uint32 *row = omni_match_row(probe->data, other);
	uint32		elsewhere = name_in_other_column(probe, probe->row, row);
	uint8		level[MATCH_FIELDS_MAX] = {0};
	int32		weight = model->prior_weight;

	*relatives = model->relatives_weight;
	for (int f = 0; f < model->nfields; f++)
		level[f] = field_level(probe, f, row, possible_levels(probe, f, row));
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
		if (level[f] != MATCH_NO_EVIDENCE)
			*relatives += level_relatives(probe, f, level, row[f]);
	}
	*relatives = -Max(*relatives, 0);
	return weight + *relatives;
}
