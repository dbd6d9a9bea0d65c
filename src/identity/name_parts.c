/*
 * name_parts.c
 *		name_parts(): a full name as given names, surnames, title and suffix.
 *
 * The words become units: particles (de la, van), San and Mc belong to the word
 * behind them, words joined by hyphens belong together.  "García López, Ana" is
 * turned round by its comma.  Without a comma every border between given names
 * and surnames, in either order, gets points, and the highest wins, the given
 * name first where all is equal:
 *		+4	a unit that is only a given name among the given names, or only a
 *			surname (or has a particle) among the surnames; -4 the wrong way round
 *		+2	an initial among the given names, -2 among the surnames
 *		+1	an unknown unit, or one that may be both, among the surnames (not the
 *			unknown where one surname is likely: it comes first, or is English)
 *		+4	two surnames in a name of three or more units; -4 for each further one.
 *			Not where the last surname or a given name is English, a surname is an
 *			initial, or a surname stands first without a given name behind
 *		+3	the given name first; +3 a border of surnames at "y"
 *		-4	for each given name beyond the second
 * A given name behind one of the other gender counts as one that may be both
 * (Teresa Nemesio), but for those that cross (José María).  Particles after a
 * given name (María del Carmen) belong to it where their word is only a given
 * name.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/name.h"
#include "identity/name_parts.h"

#define RIGHT			4
#define INITIAL_POINTS	2
#define TWO_SURNAMES	4
#define GIVEN_FIRST		3
#define AT_CONJUNCTION	3
#define NO_SURNAME		(-12)

PG_FUNCTION_INFO_V1(omnicrm_name_parts);

typedef enum UnitClass
{
	UNIT_UNKNOWN,
	UNIT_GIVEN,
	UNIT_SURNAME,
	UNIT_BOTH,
	UNIT_INITIAL,
	UNIT_PARTICLE,				/* a surname by its particle */
	UNIT_DEVOTION				/* del Carmen: a given name behind a given name */
} UnitClass;

typedef struct Unit
{
	int			first;			/* words, particles included */
	int			last;
	int			head;			/* first word that is no particle */
	UnitClass	class;
	bool		conjunction;	/* y stands before it */
	bool		english;
	char		gender;			/* of a given name, as NameEntry has it */
} Unit;

typedef struct UnitList
{
	NameWord   *words;
	Unit	   *units;
	int			count;
} UnitList;

/* Words that mark an organisation wherever they stand. */
static const char organisation_words[] =
"|asociacion|associacio|fundacion|fundacio|fundazioa|foundation|ayuntamiento|ajuntament|concello|udala|diputacion|"
"ministerio|consejeria|universidad|universitat|universidade|university|college|instituto|institut|institute|colegio|"
"comunidad|comunitat|cooperativa|sociedad|societat|hotel|hostal|restaurante|restaurant|cafeteria|panaderia|farmacia|"
"ferreteria|supermercado|supermercados|construcciones|reformas|talleres|transportes|inmobiliaria|consultores|"
"consultoria|consulting|asesoria|asesores|servicios|serveis|services|suministros|distribuciones|industrias|"
"inversiones|promociones|company|corporation|corp|holding|holdings|grupo|grup|group|solutions|systems|association|"
"hospital|clinica|parroquia|academia|peluqueria|autoescuela|editorial|bodegas|electricidad|";

/* Words that belong to the one behind them, beside the particles. */
static const char prefixes[] = "|san|santa|santo|sant|saint|mc|mac|";

/* The same, but not at the start of a name, where they are given names. */
static const char inner_prefixes[] = "|al|ben|bin|ibn|abu|ait|bou|ould|";

static const char suffixes[] = "|jr|junior|ii|iii|iv|";

/* Whether a word is in a list of the form above. */
static bool
in_list(const char *list, const NameWord *word)
{
	char		key[24];

	if (word->length > sizeof(key) - 3)
		return false;
	key[0] = '|';
	for (int i = 0; i < word->length; i++)
	{
		if (word->text[i] >= 0x80)
			return false;
		key[i + 1] = word->text[i];
	}
	key[word->length + 1] = '|';
	key[word->length + 2] = '\0';
	return strstr(list, key) != NULL;
}

static bool
is_conjunction(const NameWord *word)
{
	return word->kind == NAME_PARTICLE && word->length == 1;
}

/* What the lexicon says of the words of a unit. */
static UnitClass
classify_unit(const NameWord *words, const Unit *unit)
{
	const NameWord *head = &words[unit->head];
	bool		given = false;
	bool		surname = false;

	if (head->length == 1 && unit->first == unit->last)
		return UNIT_INITIAL;
	for (int i = unit->head; i <= unit->last; i++)
	{
		const NameEntry *entry = words[i].entry;

		given |= entry != NULL && (entry->given || entry->compound);
		surname |= entry != NULL && entry->surname;
	}
	if (unit->first < unit->head)
		return given && !surname && words[unit->first].kind == NAME_PARTICLE ? UNIT_DEVOTION : UNIT_PARTICLE;
	if (given && surname)
		return UNIT_BOTH;
	return given ? UNIT_GIVEN : surname ? UNIT_SURNAME : UNIT_UNKNOWN;
}

/* Groups the words from .. to - 1 into units. */
static void
add_units(UnitList *list, int from, int to)
{
	NameWord   *words = list->words;

	for (int i = from; i < to;)
	{
		Unit	   *unit = &list->units[list->count];

		memset(unit, 0, sizeof(Unit));
		if (is_conjunction(&words[i]) && i + 1 < to)
		{
			unit->conjunction = true;
			i++;
		}
		unit->first = i;
		while (i + 1 < to && !is_conjunction(&words[i]) &&
			   (words[i].kind == NAME_PARTICLE || in_list(prefixes, &words[i]) ||
				(i > from && in_list(inner_prefixes, &words[i]))))
			i++;
		unit->head = i;
		while (i + 1 < to && words[i].hyphen)
			i++;
		unit->last = i++;
		/* a particle that nothing follows stays with the unit before */
		if (words[unit->head].kind == NAME_PARTICLE && unit->head + 1 == to && list->count > 0 &&
			list->units[list->count - 1].last >= from)
		{
			list->units[list->count - 1].last = unit->last;
			continue;
		}
		unit->class = classify_unit(words, unit);
		if (words[unit->head].entry != NULL)
		{
			unit->english = words[unit->head].entry->english;
			unit->gender = words[unit->head].entry->gender;
		}
		list->count++;
	}
}

/* Whether a word is a name that men and women bear beside another one. */
static bool
crosses_genders(const NameWord *word)
{
	return in_list("|maria|jose|jesus|guadalupe|", word);
}

/* Whether a unit is a given name of another gender than the one before it. */
static bool
changes_gender(const UnitList *list, int i)
{
	const Unit *unit = &list->units[i];
	const Unit *before = unit - 1;

	return i > 0 && before->class == UNIT_GIVEN && unit->gender != 0 && before->gender != 0 &&
		unit->gender != before->gender && !crosses_genders(&list->words[before->head]) &&
		!crosses_genders(&list->words[unit->head]);
}

/* del Carmen, de los Ángeles behind a given name; not José de la Rosa. */
static bool
is_devotion(const UnitList *list, int i)
{
	const Unit *unit = &list->units[i];

	return unit->class == UNIT_DEVOTION && i > 0 && list->units[i - 1].class == UNIT_GIVEN &&
		(unit->gender == list->units[i - 1].gender || in_list("|maria|", &list->words[list->units[i - 1].head]));
}

static int
points_as_given(const UnitList *list, int i)
{
	const Unit *unit = &list->units[i];
	int			conjunction = unit->conjunction ? -RIGHT : 0;

	switch (unit->class)
	{
		case UNIT_GIVEN:
			return (changes_gender(list, i) ? 0 : RIGHT) + conjunction;
		case UNIT_SURNAME:
		case UNIT_PARTICLE:
			return -RIGHT + conjunction;
		case UNIT_DEVOTION:
			return (is_devotion(list, i) ? RIGHT : -RIGHT) + conjunction;
		case UNIT_INITIAL:
			return INITIAL_POINTS + conjunction;
		default:
			return conjunction;
	}
}

static int
points_as_surname(const UnitList *list, int i, bool single)
{
	switch (list->units[i].class)
	{
		case UNIT_SURNAME:
		case UNIT_PARTICLE:
			return RIGHT;
		case UNIT_GIVEN:
			return changes_gender(list, i) ? 1 : -RIGHT;
		case UNIT_DEVOTION:
			return is_devotion(list, i) ? -1 : RIGHT;
		case UNIT_INITIAL:
			return -INITIAL_POINTS;
		case UNIT_UNKNOWN:
			return single ? 0 : 1;
		default:
			return 1;
	}
}

static bool
has_particle(const UnitList *list, int i)
{
	return list->units[i].first < list->units[i].head;
}

/* Where the second surname starts among the surnames from .. to - 1; to = nowhere. */
static int
second_surname(const UnitList *list, int from, int to)
{
	for (int i = from + 1; i < to; i++)
	{
		if (list->units[i].conjunction)
			return i;
	}
	/* García de la Torre López; Gil Ruiz de Alarcón */
	if (to - from > 2 && has_particle(list, from + 1))
		return from + 2;
	return Min(from + 1, to);
}

static bool
is_english(const Unit *unit, UnitClass class)
{
	return unit->english && unit->class == class;
}

/* Whether these surnames are likely those of a country of two. */
static bool
expects_two(const UnitList *list, int from, int to)
{
	bool		known = false;

	if (is_english(&list->units[to - 1], UNIT_SURNAME) || is_english(&list->units[0], UNIT_GIVEN))
		return false;
	for (int i = 0; i < list->count; i++)
	{
		UnitClass	class = list->units[i].class;

		if (i >= from && i < to)
		{
			if (class == UNIT_INITIAL)
				return false;
		}
		else
			known |= class == UNIT_GIVEN || class == UNIT_BOTH || class == UNIT_INITIAL || class == UNIT_DEVOTION;
	}
	return from > 0 ? list->units[0].class != UNIT_SURNAME : known;
}

/* Points of one border: surnames are the units from .. to - 1, the rest given names. */
static int
points(const UnitList *list, int from, int to)
{
	int			surnames = to - from;
	int			given = list->count - surnames;
	int			result = from > 0 ? GIVEN_FIRST : 0;
	int			joined = 0;
	int			initials = 0;
	bool		single = from == 0 || is_english(&list->units[to - 1], UNIT_SURNAME);

	for (int i = 0; i < list->count; i++)
	{
		bool		among = i >= from && i < to;

		result += among ? points_as_surname(list, i, single) : points_as_given(list, i);
		initials += !among && list->units[i].class == UNIT_INITIAL;
		joined += among && i > from && has_particle(list, i) && surnames > 2;
		if (list->units[i].conjunction && among)
			result += i > from ? AT_CONJUNCTION : -RIGHT;
	}
	surnames -= joined;
	if (surnames == 2 && list->count > 2)
		result += expects_two(list, from, to) ? TWO_SURNAMES : -1;
	if (surnames > 2)
		result -= RIGHT * (surnames - 2);
	if (given - initials > 2)
		result -= (given - initials - 2) * RIGHT;
	return result;
}

/* Names that are often the first of two. */
static const char first_of_two[] =
"|maria|jose|juan|ana|luis|francisco|rosa|miguel|pedro|victor|carlos|angel|manuel|antonio|jesus|marco|carmen|mary|";

/* María José, Juan Carlos, María de los Ángeles: given names without a surname. */
static bool
given_names_only(const UnitList *list)
{
	static const codepoint maria[] = {'m', 'a', 'r', 'i', 'a'};
	const NameWord *first = &list->words[list->units[0].head];
	bool		is_maria = first->length == lengthof(maria) && memcmp(first->text, maria, sizeof(maria)) == 0;

	if (list->count != 2 || list->units[0].class != UNIT_GIVEN || !in_list(first_of_two, first))
		return false;
	return list->units[1].class == UNIT_GIVEN || (list->units[1].class == UNIT_DEVOTION && is_maria);
}

/* Finds the border; the surnames are units *from .. *to - 1. */
static void
find_border(const UnitList *list, int *from, int *to, int *flags)
{
	int			best = PG_INT32_MIN;
	bool		evidence = false;

	*from = *to = list->count;
	for (int i = 0; i < list->count; i++)
	{
		UnitClass	class = list->units[i].class;

		evidence |= class == UNIT_GIVEN || class == UNIT_SURNAME || class == UNIT_PARTICLE;
	}
	if (!evidence)
		*flags |= NAME_GUESSED;
	if (list->count == 1)
	{
		UnitClass	class = list->units[0].class;

		*from = class == UNIT_GIVEN || class == UNIT_BOTH || class == UNIT_INITIAL ? 1 : 0;
		return;
	}
	if (given_names_only(list))
	{
		*flags |= NAME_GUESSED;
		return;
	}
	/* the given names first, then the surnames first: the first of equals stays */
	for (int i = 1; i < list->count; i++)
	{
		int			score = points(list, i, list->count);

		CHECK_FOR_INTERRUPTS();
		if (score > best)
		{
			best = score;
			*from = i;
		}
	}
	for (int i = 1; i < list->count; i++)
	{
		int			score = points(list, 0, i);

		CHECK_FOR_INTERRUPTS();
		if (score > best)
		{
			best = score;
			*from = 0;
			*to = i;
			*flags |= NAME_TURNED;
		}
	}
}

/* The words from .. to - 1 with blanks; those of one kind only, where one is given. */
static Chars
join_words(const NameWord *words, int from, int to, int kind)
{
	Chars		result = {NULL, 0};
	int			length = 0;

	for (int i = from; i < to; i++)
		length += words[i].length + 1;
	result.data = palloc(Max(length, 1) * sizeof(codepoint));
	for (int i = from; i < to; i++)
	{
		if (kind >= 0 && words[i].kind != kind)
			continue;
		if (result.length > 0)
			result.data[result.length++] = ' ';
		memcpy(result.data + result.length, words[i].text, words[i].length * sizeof(codepoint));
		result.length += words[i].length;
	}
	return result;
}

/* An organisation, by its legal form or a word of its name. */
static bool
read_organisation(const NameWord *words, int count, NameParts *parts)
{
	bool		found = words[count - 1].kind == NAME_COMPANY;
	int			n = found ? count - 1 : count;

	for (int i = 0; i < count && !found; i++)
		found = in_list(organisation_words, &words[i]);
	if (!found)
		return false;
	parts->flags |= NAME_IS_ORGANISATION;
	parts->organisation = join_words(words, 0, n, -1);
	parts->legal_form = join_words(words, n, count, -1);
	return true;
}

/* Takes jr, iii and the like away from the end of a part; the new number of words. */
static int
take_suffix(NameWord *words, int count, int end, NameParts *parts)
{
	if (end < 2 || count < 3 || parts->suffix.length > 0 || !in_list(suffixes, &words[end - 1]))
		return count;
	parts->suffix = join_words(words, end - 1, end, -1);
	memmove(&words[end - 1], &words[end], (count - end) * sizeof(NameWord));
	return count - 1;
}

/* Drops the titles; the new number of words. */
static int
drop_titles(NameWord *words, int count, int *surname_at)
{
	int			before = *surname_at;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (words[i].kind == NAME_TITLE)
			*surname_at -= i < before;
		else
			words[n++] = words[i];
	}
	return n;
}

/* "MARIA, GARCIA LOPEZ": what stood before the comma can only be the given name. */
static bool
turned_in_error(const UnitList *list, int border)
{
	bool		surname = false;

	for (int i = 0; i < list->count; i++)
	{
		UnitClass	class = list->units[i].class;

		if (i >= border ? class != UNIT_GIVEN && class != UNIT_DEVOTION : class == UNIT_GIVEN || class == UNIT_INITIAL)
			return false;
		surname |= i < border && class == UNIT_SURNAME;
	}
	return surname;
}

/* Puts the units where they belong. */
static void
fill_parts(const UnitList *list, int from, int to, NameParts *parts)
{
	const NameWord *words = list->words;
	int			second = second_surname(list, from, to);
	int			total = 0;

	for (int i = 0; i < list->count; i++)
		total += list->units[i].last - list->units[i].head + 1;
	parts->given = palloc(Max(total, 1) * sizeof(Chars));
	for (int i = 0; i < list->count; i++)
	{
		if (i >= from && i < to)
			continue;
		for (int j = list->units[i].head; j <= list->units[i].last; j++)
		{
			if (words[j].length == 1)
				parts->flags |= NAME_INITIALS;
			parts->given[parts->given_count++] = join_words(words, j, j + 1, -1);
		}
	}
	if (from < to)
		parts->surname[0] = join_words(words, list->units[from].first, list->units[second - 1].last + 1, -1);
	if (second < to)
		parts->surname[1] = join_words(words, list->units[second].first, list->units[to - 1].last + 1, -1);
}

static bool
any_letter(const NameWord *words, int count)
{
	for (int i = 0; i < count; i++)
	{
		for (int j = 0; j < words[i].length; j++)
		{
			if (words[i].text[j] >= 'a')
				return true;
		}
	}
	return false;
}

/*
 * omni_name_parts: reads a full name.
 * Arguments: the value; its parts, folded.
 * Result: false without a letter, or beyond 1,000 characters.
 */
bool
omni_name_parts(Datum value, NameParts *parts)
{
	UnitList	list = {NULL, NULL, 0};
	NameWord   *words;
	int			count;
	int			surname_at;
	int			border;
	int			from;
	int			to;

	memset(parts, 0, sizeof(NameParts));
	if (!omni_name_read(value, true, &words, &count, &surname_at) || !any_letter(words, count))
		return false;
	if (read_organisation(words, count, parts))
		return true;
	/* "King, Martin Luther" is turned round, "Martin King, Jr." is not */
	if (surname_at == 1 && in_list(suffixes, &words[0]))
	{
		NameWord	suffix = words[0];

		memmove(&words[0], &words[1], (count - 1) * sizeof(NameWord));
		words[count - 1] = suffix;
		surname_at = 0;
	}
	parts->title = join_words(words, 0, count, NAME_TITLE);
	count = drop_titles(words, count, &surname_at);
	count = take_suffix(words, count, count, parts);
	if (surname_at > 1)
	{
		int			n = take_suffix(words, count, surname_at, parts);

		surname_at -= count - n;
		count = n;
	}
	list.words = words;
	list.units = palloc(count * sizeof(Unit));
	add_units(&list, 0, surname_at);
	border = list.count;
	add_units(&list, surname_at, count);
	if (border == 0 || border == list.count)
		find_border(&list, &from, &to, &parts->flags);
	else if (turned_in_error(&list, border))
	{
		from = 0;
		to = border;
	}
	else
	{
		from = border;
		to = list.count;
		parts->flags |= NAME_TURNED;
	}
	fill_parts(&list, from, to, parts);
	return true;
}

/* A part as a value of the result; NULL when it is empty. */
static void
set_text(const Chars *part, Datum *value, bool *null)
{
	text	   *result = part->length > 0 ? omni_chars_to_text(part->data, part->length) : NULL;

	*null = result == NULL;
	*value = PointerGetDatum(result);
}

static Datum
flag_array(int flags)
{
	static const char *const names[] = {"organisation", "turned", "guessed", "initial"};
	Datum		elements[lengthof(names)];
	int			n = 0;

	for (int i = 0; i < lengthof(names); i++)
	{
		if (flags >> i & 1)
			elements[n++] = CStringGetTextDatum(names[i]);
	}
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * name_parts(text) returns parsed_name: given names, surnames, title, suffix, or
 * the organisation and its legal form, all folded; and flags.
 * Result: NULL without a letter, or beyond 1,000 characters.
 */
Datum
omnicrm_name_parts(PG_FUNCTION_ARGS)
{
	NameParts	parts;
	TupleDesc	description;
	Datum		values[8] = {0};
	bool		nulls[8] = {false};
	Datum	   *given;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != lengthof(values))
		elog(ERROR, "name_parts must return parsed_name");
	if (!omni_name_parts(PG_GETARG_DATUM(0), &parts))
		PG_RETURN_NULL();
	given = palloc(Max(parts.given_count, 1) * sizeof(Datum));
	for (int i = 0; i < parts.given_count; i++)
	{
		text	   *name = omni_chars_to_text(parts.given[i].data, parts.given[i].length);

		if (name != NULL)
			given[n++] = PointerGetDatum(name);
	}
	nulls[0] = n == 0;
	values[0] = PointerGetDatum(construct_array(given, n, TEXTOID, -1, false, TYPALIGN_INT));
	set_text(&parts.surname[0], &values[1], &nulls[1]);
	set_text(&parts.surname[1], &values[2], &nulls[2]);
	set_text(&parts.title, &values[3], &nulls[3]);
	set_text(&parts.suffix, &values[4], &nulls[4]);
	set_text(&parts.organisation, &values[5], &nulls[5]);
	set_text(&parts.legal_form, &values[6], &nulls[6]);
	values[7] = flag_array(parts.flags);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
