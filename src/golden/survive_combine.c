/*
 * survive_combine.c
 *		Values that are made of several, sum and union, and values read as
 *		numbers and dates.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "golden/survive.h"

/* what stands between the elements of a list in a text, and in the union */
#define LIST_SEPARATOR ';'

extern Datum omnicrm_parse_number(PG_FUNCTION_ARGS);
extern Datum omnicrm_parse_timestamp(PG_FUNCTION_ARGS);

/* Calls a function of three arguments that may return null. */
static bool
call_parser(PGFunction parser, Datum a, Datum b, Datum c, Datum *result)
{
	LOCAL_FCINFO(fcinfo, 3);

	InitFunctionCallInfoData(*fcinfo, NULL, 3, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = a;
	fcinfo->args[1].value = b;
	fcinfo->args[2].value = c;
	fcinfo->args[0].isnull = fcinfo->args[1].isnull = fcinfo->args[2].isnull = false;
	*result = parser(fcinfo);
	return !fcinfo->isnull;
}

/* A number as omnicrm.parse_number() reads it, with a decimal point; false: none. */
bool
survive_number(Datum value, Datum *number)
{
	return call_parser(omnicrm_parse_number, value, CStringGetTextDatum("."), (Datum) 0, number);
}

/* A date or time, ISO or of one reading, in UTC; false: none. */
bool
survive_date(Datum value, TimestampTz *date)
{
	Datum		result;

	if (!call_parser(omnicrm_parse_timestamp, value, CStringGetTextDatum("auto"), CStringGetTextDatum("UTC"), &result))
		return false;
	*date = DatumGetTimestampTz(result);
	return true;
}

/* The sum of the numbers; what is none does not count. */
static void
sum_values(const SurviveField *field, int attribute, const bool *competes, SurviveVerdict *verdict)
{
	Datum		sum = (Datum) 0;
	int			count = 0;

	for (int i = 0; i < field->count; i++)
	{
		Datum		number;

		CHECK_FOR_INTERRUPTS();
		if (!competes[i] || field_quality(field, i, attribute) == 0 ||
			!survive_number(field_value(field, i, attribute), &number))
			continue;
		sum = count++ == 0 ? number : DirectFunctionCall2(numeric_add, sum, number);
		verdict->record = i;
	}
	if (count == 0)
	{
		verdict->rule = (Datum) 0;
		return;
	}
	verdict->combined = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(numeric_out, sum)));
	if (count > 1)
		verdict->record = -1;
}

/* An element of a list, by its place among all. */
typedef struct ListElement
{
	const char *text;
	int			length;
	int			place;
} ListElement;

static int
compare_elements(const void *x, const void *y)
{
	const ListElement *a = x;
	const ListElement *b = y;
	int			order = memcmp(a->text, b->text, Min(a->length, b->length));

	if (order == 0)
		order = a->length - b->length;
	return order != 0 ? order : a->place - b->place;
}

static int
compare_places(const void *x, const void *y)
{
	return ((const ListElement *) x)->place - ((const ListElement *) y)->place;
}

/* Splits a text into the elements of its list; returns their number. */
static int
split_list(Datum value, ListElement *elements, int place)
{
	const char *s = VARDATA_ANY(DatumGetPointer(value));
	const char *end = s + value_length(value);
	int			n = 0;

	while (s <= end)
	{
		const char *stop = memchr(s, LIST_SEPARATOR, end - s);
		const char *last = stop == NULL ? end : stop;

		stop = last;
		while (s < last && *s == ' ')
			s++;
		while (last > s && last[-1] == ' ')
			last--;
		if (last > s)
		{
			elements[n].text = s;
			elements[n].length = last - s;
			elements[n].place = place + n;
			n++;
		}
		s = stop + 1;
	}
	return n;
}

/* Keeps the first of equal elements, in the order of their places. */
static int
unite(ListElement *elements, int count)
{
	int			kept = 0;

	qsort(elements, count, sizeof(ListElement), compare_elements);
	for (int i = 0; i < count; i++)
		if (kept == 0 || elements[kept - 1].length != elements[i].length ||
			memcmp(elements[kept - 1].text, elements[i].text, elements[i].length) != 0)
			elements[kept++] = elements[i];
	qsort(elements, kept, sizeof(ListElement), compare_places);
	return kept;
}

/* All elements of the lists, each once, the most trusted record's first. */
static void
unite_values(const SurviveField *field, int attribute, const bool *competes, SurviveVerdict *verdict)
{
	StringInfoData list;
	ListElement *elements;
	Size		space = 0;
	int			tellers = 0;
	int			count = 0;

	for (int i = 0; i < field->count; i++)
		if (competes[i] && field_quality(field, i, attribute) > 0)
			space += value_length(field_value(field, i, attribute)) / 2 + 1;
	if (space > MaxAllocSize / sizeof(ListElement))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the union of the values of one group is limited to %zu elements, got %zu",
						MaxAllocSize / sizeof(ListElement), space)));
	elements = palloc(sizeof(ListElement) * Max(space, 1));
	for (int i = 0; i < field->count; i++)
	{
		int			found;

		CHECK_FOR_INTERRUPTS();
		if (!competes[i] || field_quality(field, i, attribute) == 0)
			continue;
		found = split_list(field_value(field, i, attribute), elements + count, count);
		if (found == 0)
			continue;
		count += found;
		tellers++;
		verdict->record = i;
	}
	if (tellers != 1)
		verdict->record = -1;
	if (count == 0)
	{
		verdict->rule = (Datum) 0;
		return;
	}
	count = unite(elements, count);
	initStringInfo(&list);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfo(&list, "%c ", LIST_SEPARATOR);
		appendBinaryStringInfo(&list, elements[i].text, elements[i].length);
	}
	verdict->combined = PointerGetDatum(cstring_to_text_with_len(list.data, list.len));
	pfree(list.data);
	pfree(elements);
}

/*
 * Makes one value of those that compete.  The verdict has a record only where
 * all comes from that one.
 */
void
survive_combine_values(const SurviveField *field, const SurviveUnit *unit, const bool *competes,
					   SurviveVerdict *verdict)
{
	if (unit->steps[0].rule == RULE_SUM)
		sum_values(field, unit->members[0], competes, verdict);
	else
		unite_values(field, unit->members[0], competes, verdict);
}
