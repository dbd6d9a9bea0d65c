/*
 * sequence_pattern.c
 *		Reads the pattern of sequence_match and sequence_count.
 *
 *	pattern		[.*] element { gap element } [.*]
 *	element		(?N)	a row where condition N holds
 *				.		any row (that has a condition)
 *	gap			nothing			the next row
 *				.*				any rows between
 *				(?t op n) ...	any rows between; the time between both elements in
 *								seconds; op is <, <=, >, >= or ==
 *
 * It is the pattern of ClickHouse's sequenceMatch.  There a time condition may also
 * stand beside .* or at an end of the pattern, where it says something else than it
 * seems to: here that is refused.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "attribution/sequence.h"

/* 2^63 microseconds */
#define MAX_SECONDS UINT64CONST(9223372036854)
#define ANY_ROW PG_UINT32_MAX

typedef struct PatternReader
{
	const char *pattern;
	int			length;
	int			position;		/* of the next byte */
	int			nconditions;
	SequencePattern *result;
	bool		any_rows;		/* since the last element: .* */
	bool		has_time;		/* since the last element: a time condition */
	uint64		at_least;
	uint64		at_most;
} PatternReader;

/* Raises invalid_regular_expression for what stands at a position. */
static void
refuse_pattern(const PatternReader *reader, int position, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
			 errmsg("invalid pattern of a sequence: %s at position %d of \"%s\"", what,
					pg_mbstrlen_with_len(reader->pattern, position) + 1,
					pnstrdup(reader->pattern, reader->length)),
			 errhint("A pattern has elements (?N) and . with nothing, .* or times such as (?t<=3600) between them, for example '(?1).*(?2)(?t<=3600)(?3)'.")));
}

/* Passes over a text when it stands at the present position. */
static bool
take(PatternReader *reader, const char *text)
{
	int			length = strlen(text);

	if (reader->length - reader->position < length ||
		memcmp(reader->pattern + reader->position, text, length) != 0)
		return false;
	reader->position += length;
	return true;
}

/* A whole number up to a maximum. */
static uint64
take_number(PatternReader *reader, uint64 most, const char *too_large)
{
	int			start = reader->position;
	uint64		number = 0;

	while (reader->position < reader->length &&
		   reader->pattern[reader->position] >= '0' && reader->pattern[reader->position] <= '9')
	{
		number = number * 10 + (reader->pattern[reader->position++] - '0');
		if (number > most)
			refuse_pattern(reader, start, too_large);
	}
	if (reader->position == start)
		refuse_pattern(reader, start, "no number");
	return number;
}

/* Adds an element with what stood before it. */
static void
add_element(PatternReader *reader, int start, uint32 conditions)
{
	SequenceElement *element;

	if (reader->result->count == MAX_ELEMENTS)
		refuse_pattern(reader, start, "more than 64 elements");
	element = &reader->result->elements[reader->result->count++];
	element->conditions = conditions;
	element->adjacent = !reader->any_rows && !reader->has_time;
	element->at_least = reader->at_least;
	element->at_most = reader->at_most;
	reader->any_rows = reader->has_time = false;
	reader->at_least = 0;
	reader->at_most = PG_UINT64_MAX;
}

/* A time condition, behind "(?t". */
static void
take_time(PatternReader *reader, int start)
{
	bool		less = false;
	bool		greater = false;
	bool		strict = false;
	uint64		bound;

	if (reader->result->count == 0)
		refuse_pattern(reader, start, "a time without an element before it");
	if (reader->any_rows)
		refuse_pattern(reader, start, "a time beside .* (which it implies)");
	if (take(reader, "<="))
		less = true;
	else if (take(reader, ">="))
		greater = true;
	else if (take(reader, "=="))
		less = greater = true;
	else if (take(reader, "<"))
		less = strict = true;
	else if (take(reader, ">"))
		greater = strict = true;
	else
		refuse_pattern(reader, reader->position, "no comparison of a time");
	bound = take_number(reader, MAX_SECONDS, "too many seconds") * USECS_PER_SEC;
	if (less && strict && bound == 0)
		refuse_pattern(reader, start, "a time below 0");
	if (less)
		reader->at_most = Min(reader->at_most, strict ? bound - 1 : bound);
	if (greater)
		reader->at_least = Max(reader->at_least, strict ? bound + 1 : bound);
	if (reader->at_least > reader->at_most)
		refuse_pattern(reader, start, "times that exclude each other");
	reader->has_time = true;
}

/*
 * sequence_pattern_parse: reads a pattern over so many conditions.
 * Error: invalid_regular_expression.
 */
void
sequence_pattern_parse(const char *pattern, int length, int nconditions, SequencePattern *result)
{
	PatternReader reader = {pattern, length, 0, nconditions, result, false, false, 0, PG_UINT64_MAX};

	result->count = 0;
	while (reader.position < length)
	{
		int			start = reader.position;

		if (take(&reader, "(?"))
		{
			if (take(&reader, "t"))
				take_time(&reader, start);
			else
			{
				uint64		number = take_number(&reader, nconditions, "the number of a condition that is not given");

				if (number == 0)
					refuse_pattern(&reader, start, "condition 0 (the first is 1)");
				add_element(&reader, start, 1U << (number - 1));
			}
			if (!take(&reader, ")"))
				refuse_pattern(&reader, reader.position, "no closing parenthesis");
		}
		else if (take(&reader, ".*"))
		{
			if (reader.has_time)
				refuse_pattern(&reader, start, ".* beside a time (which implies it)");
			reader.any_rows = true;
		}
		else if (take(&reader, "."))
			add_element(&reader, start, ANY_ROW);
		else
			refuse_pattern(&reader, start, "an unknown symbol");
	}
	if (reader.has_time)
		refuse_pattern(&reader, length, "no element behind a time");
	if (result->count == 0)
		refuse_pattern(&reader, length, "no element");
}
