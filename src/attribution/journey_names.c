/*
 * journey_names.c
 *		The names of actors and kinds in a journey, each kept once.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/journey.h"
#include "common/compat.h"

/* so few names are looked through one by one */
#define FEW_NAMES 8

/* Order of two names: byte by byte. */
static int
compare_names(const JourneyName *a, const JourneyName *b)
{
	int			order = memcmp(a->text, b->text, Min(a->length, b->length));

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static bool
is_name(const JourneyName *name, const char *text, Size length)
{
	return name->length == length && memcmp(name->text, text, length) == 0;
}

/* The slot of a name in a table with slots: its own, or a free one. */
static int32 *
find_slot(const NameTable *table, const char *text, Size length)
{
	uint32		at = hash_bytes((const unsigned char *) text, (int) length) & (table->nslots - 1);

	while (table->slots[at] != NO_NUMBER && !is_name(&table->names[table->slots[at]], text, length))
		at = (at + 1) & (table->nslots - 1);
	return &table->slots[at];
}

/* Room for one more name; at most half of the slots are taken. */
static void
grow_names(MemoryContext context, NameTable *table)
{
	int32		room = Max(table->room * 2, FEW_NAMES);

	if (table->count < table->room)
		return;
	if (table->names == NULL)
		table->names = MemoryContextAlloc(context, room * sizeof(JourneyName));
	else
		table->names = repalloc_huge(table->names, (Size) room * sizeof(JourneyName));
	table->room = room;
	if (room <= FEW_NAMES)
		return;
	if (table->slots != NULL)
		pfree(table->slots);
	table->nslots = (uint32) room * 2;
	table->slots = MemoryContextAllocHuge(context, (Size) table->nslots * sizeof(int32));
	memset(table->slots, 0xff, (Size) table->nslots * sizeof(int32));
	for (int32 i = 0; i < table->count; i++)
		*find_slot(table, table->names[i].text, table->names[i].length) = i;
}

/*
 * journey_intern returns the number of a name in a growing table, which gets a
 * copy of it when it is new.  A journey has no more names than events.  Errors:
 * program_limit_exceeded.
 */
int32
journey_intern(MemoryContext context, NameTable *table, const char *text, Size length)
{
	int32	   *slot = NULL;
	char	   *copy;

	if (length > JOURNEY_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the name of an actor or kind has %zu bytes, at most %d are allowed", length, JOURNEY_MAX_NAME)));
	if (table->slots == NULL)
	{
		for (int32 i = table->count - 1; i >= 0; i--)
			if (is_name(&table->names[i], text, length))
				return i;
	}
	else
	{
		slot = find_slot(table, text, length);
		if (*slot != NO_NUMBER)
			return *slot;
	}
	grow_names(context, table);
	copy = MemoryContextAlloc(context, Max(length, 1));
	memcpy(copy, text, length);
	table->names[table->count].text = copy;
	table->names[table->count].length = (int32) length;
	if (table->slots != NULL)
		*find_slot(table, text, length) = table->count;
	return table->count++;
}

/* journey_find_name returns the number of a name in a table in order, or NO_NUMBER. */
int32
journey_find_name(const NameTable *table, const char *text, Size length)
{
	JourneyName wanted = {text, (int32) length};
	int32		low = 0;
	int32		high = table->count - 1;

	while (low <= high)
	{
		int32		middle = low + (high - low) / 2;
		int			order = compare_names(&table->names[middle], &wanted);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NO_NUMBER;
}

/* A name and the number that it had. */
typedef struct NumberedName
{
	JourneyName name;
	int32		number;
} NumberedName;

#define ST_SORT sort_names
#define ST_ELEMENT_TYPE NumberedName
#define ST_COMPARE(a, b) compare_names(&(a)->name, &(b)->name)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * journey_order_names fills a table with the names of another in the order of
 * their bytes, and returns the new number of each old one.  Equal names, which
 * only a value from outside may hold, become one.
 */
int32 *
journey_order_names(const NameTable *table, NameTable *ordered)
{
	Size		count = Max(table->count, 1);
	NumberedName *list = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(NumberedName));
	int32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(int32));

	for (int32 i = 0; i < table->count; i++)
	{
		list[i].name = table->names[i];
		list[i].number = i;
	}
	sort_names(list, table->count);
	memset(ordered, 0, sizeof(NameTable));
	ordered->names = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(JourneyName));
	ordered->room = table->count;
	for (int32 i = 0; i < table->count; i++)
	{
		if (i == 0 || compare_names(&list[i].name, &list[i - 1].name) != 0)
			ordered->names[ordered->count++] = list[i].name;
		numbers[list[i].number] = ordered->count - 1;
	}
	pfree(list);
	return numbers;
}
