/*
 * actors.c
 *		Names of actors (channels, employees) as small numbers.
 *
 * A name gets a number when it is first seen, so that what is counted by the
 * million is four bytes wide.  Numbers depend on the order of the rows; whatever
 * leaves a state goes by rank, the place of the name among all names byte by
 * byte, and so does not.
 *
 * Open addressing with linear probing; the hash of a name stands beside its
 * number, so that a probe that fails hardly ever reads the name.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribution/actors.h"
#include "common/compat.h"

#define FIRST_SLOTS 64
#define FIRST_NAMES 32
#define FIRST_TEXT 512
#define MAX_ACTORS (1U << 30)

typedef struct Slot
{
	uint32		hash;
	uint32		number;			/* NO_ACTOR: free */
} Slot;

/* Where a name stands in the text. */
typedef struct ActorName
{
	Size		offset;
	int			length;
} ActorName;

struct Actors
{
	MemoryContext context;
	Slot	   *slots;
	uint32		mask;			/* number of slots, a power of two, less one */
	ActorName  *names;
	uint32		count;
	uint32		room;			/* of names */
	char	   *text;
	Size		text_used;
	Size		text_room;
};

/* omni_actors_make: no names yet; all memory is of this context. */
Actors *
omni_actors_make(MemoryContext context)
{
	Actors	   *actors = MemoryContextAllocZero(context, sizeof(Actors));

	actors->context = context;
	actors->mask = FIRST_SLOTS - 1;
	actors->slots = MemoryContextAlloc(context, FIRST_SLOTS * sizeof(Slot));
	memset(actors->slots, 0xFF, FIRST_SLOTS * sizeof(Slot));
	actors->room = FIRST_NAMES;
	actors->names = MemoryContextAlloc(context, FIRST_NAMES * sizeof(ActorName));
	actors->text_room = FIRST_TEXT;
	actors->text = MemoryContextAlloc(context, FIRST_TEXT);
	return actors;
}

/* omni_actors_count: how many names there are; their numbers are 0 to this less one. */
uint32
omni_actors_count(const Actors *actors)
{
	return actors->count;
}

/* omni_actors_bytes: the memory that the names take. */
Size
omni_actors_bytes(const Actors *actors)
{
	return sizeof(Actors) + ((Size) actors->mask + 1) * sizeof(Slot) +
		(Size) actors->room * sizeof(ActorName) + actors->text_room;
}

/* Mixes all bits of a hash (the finaliser of MurmurHash3, public domain). */
static inline uint64
mix(uint64 value)
{
	value ^= value >> 33;
	value *= UINT64CONST(0xFF51AFD7ED558CCD);
	value ^= value >> 33;
	value *= UINT64CONST(0xC4CEB9FE1A85EC53);
	return value ^ (value >> 33);
}

/* The hash of a name.  Names of up to 16 bytes, nearly all, are two words. */
static inline uint32
hash_name(const char *name, int length)
{
	uint64		first = 0;
	uint64		last = 0;

	if (length > 16)
		return DatumGetUInt32(hash_any((const unsigned char *) name, length));
	if (length >= 8)
	{
		memcpy(&first, name, 8);
		memcpy(&last, name + length - 8, 8);
	}
	else if (length >= 4)
	{
		memcpy(&first, name, 4);
		memcpy(&last, name + length - 4, 4);
	}
	else
		memcpy(&first, name, length);
	return (uint32) (mix(mix(first + length) + last) >> 32);
}

static inline bool
is_name(const Actors *actors, uint32 number, const char *name, int length)
{
	const ActorName *known = &actors->names[number];

	return known->length == length && memcmp(actors->text + known->offset, name, length) == 0;
}

/* The slot of a name: that which holds it, or the free one where it belongs. */
static inline Slot *
slot_of(const Actors *actors, uint32 hash, const char *name, int length)
{
	uint32		at = hash & actors->mask;

	while (actors->slots[at].number != NO_ACTOR &&
		   !(actors->slots[at].hash == hash && is_name(actors, actors->slots[at].number, name, length)))
		at = (at + 1) & actors->mask;
	return &actors->slots[at];
}

/* Twice as many slots. */
static void
double_slots(Actors *actors)
{
	uint32		mask = actors->mask * 2 + 1;
	Size		size = ((Size) mask + 1) * sizeof(Slot);
	Slot	   *slots = MemoryContextAllocHuge(actors->context, size);

	memset(slots, 0xFF, size);
	for (uint32 i = 0; i <= actors->mask; i++)
	{
		uint32		at = actors->slots[i].hash & mask;

		if (actors->slots[i].number == NO_ACTOR)
			continue;
		while (slots[at].number != NO_ACTOR)
			at = (at + 1) & mask;
		slots[at] = actors->slots[i];
	}
	pfree(actors->slots);
	actors->slots = slots;
	actors->mask = mask;
}

/* Keeps a new name; its number. */
static uint32
add_name(Actors *actors, const char *name, int length)
{
	ActorName  *known;

	if (actors->count >= MAX_ACTORS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u different actors", MAX_ACTORS)));
	if (actors->count == actors->room)
	{
		actors->room *= 2;
		actors->names = repalloc_huge(actors->names, (Size) actors->room * sizeof(ActorName));
	}
	if (actors->text_used + length > actors->text_room)
	{
		actors->text_room = actors->text_room * 2 + length;
		actors->text = repalloc_huge(actors->text, actors->text_room);
	}
	known = &actors->names[actors->count];
	known->offset = actors->text_used;
	known->length = length;
	memcpy(actors->text + actors->text_used, name, length);
	actors->text_used += length;
	return actors->count++;
}

/*
 * omni_actor_number: the number of a name, a new one when it has none yet.
 * Errors: program_limit_exceeded above 2^30 names, out_of_memory.
 */
uint32
omni_actor_number(Actors *actors, const char *name, int length)
{
	uint32		hash = hash_name(name, length);
	Slot	   *slot = slot_of(actors, hash, name, length);

	if (likely(slot->number != NO_ACTOR))
		return slot->number;
	slot->hash = hash;
	slot->number = add_name(actors, name, length);
	/* at most three quarters full; the slot may move */
	if (actors->count > actors->mask / 4 * 3)
		double_slots(actors);
	return actors->count - 1;
}

/* omni_actor_find: the number of a name, NO_ACTOR when it has none. */
uint32
omni_actor_find(const Actors *actors, const char *name, int length)
{
	return slot_of(actors, hash_name(name, length), name, length)->number;
}

/* omni_actor_name: the bytes of the name with this number, without a final zero. */
const char *
omni_actor_name(const Actors *actors, uint32 number, int *length)
{
	Assert(number < actors->count);
	*length = actors->names[number].length;
	return actors->text + actors->names[number].offset;
}

static int
compare_names(const void *left, const void *right, void *arg)
{
	const Actors *actors = arg;
	const ActorName *a = &actors->names[*(const uint32 *) left];
	const ActorName *b = &actors->names[*(const uint32 *) right];
	int			order = memcmp(actors->text + a->offset, actors->text + b->offset, Min(a->length, b->length));

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* omni_actors_by_name: the numbers in the order of the names' bytes, in current memory. */
uint32 *
omni_actors_by_name(const Actors *actors)
{
	uint32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) actors->count + 1) * sizeof(uint32));

	for (uint32 i = 0; i < actors->count; i++)
		numbers[i] = i;
	qsort_arg(numbers, actors->count, sizeof(uint32), compare_names, (void *) actors);
	return numbers;
}

/*
 * omni_actors_ranks: for each number the place of its name among all names byte
 * by byte, from 0, in current memory.
 */
uint32 *
omni_actors_ranks(const Actors *actors)
{
	uint32	   *numbers = omni_actors_by_name(actors);
	uint32	   *ranks = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) actors->count + 1) * sizeof(uint32));

	for (uint32 i = 0; i < actors->count; i++)
		ranks[numbers[i]] = i;
	pfree(numbers);
	return ranks;
}

/*
 * omni_actors_of_array: the numbers of the names of a text[], in its order, in
 * current memory.  Null elements are left out.
 * Errors: array_subscript_error for an array of several dimensions, and those of
 * omni_actor_number().
 */
uint32 *
omni_actors_of_array(Actors *actors, ArrayType *array, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	uint32	   *numbers;
	int			size;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("a path must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(array))));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &size);
	numbers = palloc_array(uint32, size + 1);
	*count = 0;
	for (int i = 0; i < size; i++)
		if (!nulls[i])
		{
			text	   *name = DatumGetTextPP(elements[i]);

			numbers[(*count)++] = omni_actor_number(actors, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
		}
	return numbers;
}

static int
compare_numbers(const void *left, const void *right)
{
	uint32		a = *(const uint32 *) left;
	uint32		b = *(const uint32 *) right;

	return (a > b) - (a < b);
}

/* omni_distinct_actors: sorts numbers and drops repeated ones; how many are left. */
int
omni_distinct_actors(uint32 *numbers, int count)
{
	int			kept = 0;

	qsort(numbers, count, sizeof(uint32), compare_numbers);
	for (int i = 0; i < count; i++)
		if (kept == 0 || numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

/* omni_actors_send: the names in the order of their numbers, for a serialised state. */
void
omni_actors_send(StringInfo buffer, const Actors *actors)
{
	pq_sendint32(buffer, actors->count);
	for (uint32 i = 0; i < actors->count; i++)
	{
		pq_sendint32(buffer, actors->names[i].length);
		pq_sendbytes(buffer, actors->text + actors->names[i].offset, actors->names[i].length);
	}
}

/* omni_refuse_attribution_state: a serialised state is not as it must be (data_corrupted). */
void
omni_refuse_attribution_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of an aggregate of journeys")));
}

/* omni_actors_receive: its inverse.  Errors: data_corrupted, protocol_violation. */
Actors *
omni_actors_receive(StringInfo buffer, MemoryContext context)
{
	Actors	   *actors = omni_actors_make(context);
	uint32		count = pq_getmsgint(buffer, 4);

	for (uint32 i = 0; i < count; i++)
	{
		uint32		length = pq_getmsgint(buffer, 4);

		if (length > (uint32) (buffer->len - buffer->cursor) ||
			omni_actor_number(actors, pq_getmsgbytes(buffer, length), length) != i)
			omni_refuse_attribution_state();
	}
	return actors;
}
