/*
 * paths.c
 *		Distinct paths and how often each led to a conversion or to none.
 *
 * Most models look at nothing but the path, so journeys are counted by path
 * first and each distinct path is worked through once.  Slots of a hash and a
 * place with linear probing, of which the cache holds many, lead to entries that lie
 * one after the other, as they came; a short path stands in its entry.  When the
 * entries need more memory than allowed, they are written to 64 files by their hash
 * and the table starts anew; at the end each file is counted by itself.  Several
 * processes part their paths by the same bits of the hash, so that each ends with
 * distinct paths that no other one has.
 */
#include "postgres.h"

#include <fcntl.h>

#include "common/hashfn.h"
#include "common/int.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "attribution/paths.h"
#include "common/compat.h"
#include "common/memory.h"

StaticAssertDecl(sizeof(PathEntry) == OMNI_LINE, "an entry is a line of the cache");

#define FIRST_SLOTS 128
#define MOST_ENTRIES (PG_UINT32_MAX / 2)
#define BLOCK_SIZE 65536
#define WAY_SHIFT 26			/* the top 6 bits of a hash of 32 */

/* What stands before the actors of a path in a file. */
typedef struct PathHead
{
	int64		conversions;
	int64		nulls;
	int128		value;
	uint32		length;
} PathHead;

static void
make_slots(PathTable *table, uint64 count)
{
	table->slots = omni_lines_alloc(table->memory, count * sizeof(PathSlot));
	memset(table->slots, 0, count * sizeof(PathSlot));
	table->mask = count - 1;
	table->bytes += count * sizeof(PathSlot);
}

static void
start_table(PathTable *table)
{
	table->count = 0;
	table->room = 0;
	table->block = NULL;
	table->block_left = 0;
	table->bytes = 0;
	make_slots(table, FIRST_SLOTS);
}

/* The entry at a place, from 0. */
static inline PathEntry *
entry_at(const PathTable *table, uint32 place)
{
	uint32		number = place / PATH_FIRST_BLOCK + 1;
	int			block = pg_leftmost_one_pos32(number);

	return &table->blocks[block][place - ((1U << block) - 1) * PATH_FIRST_BLOCK];
}

/* Bytes of the block that is made next. */
static inline Size
next_block(const PathTable *table)
{
	return ((Size) table->room + PATH_FIRST_BLOCK) * sizeof(PathEntry);
}

/* One more block of entries. */
static void
add_block(PathTable *table)
{
	Size		size = next_block(table);

	table->blocks[pg_leftmost_one_pos32(table->room / PATH_FIRST_BLOCK + 1)] = omni_lines_alloc(table->memory, size);
	table->bytes += size;
	table->room = table->room * 2 + PATH_FIRST_BLOCK;
}

/* paths_width: bytes that an actor takes in a path when there are so many of them. */
int
paths_width(uint32 actors)
{
	return actors <= 256 ? 1 : actors <= 65536 ? 2 : 4;
}

/* paths_make: no paths yet, of actors of so many bytes. */
PathTable *
paths_make(MemoryContext context, int width, Size limit)
{
	PathTable  *table = MemoryContextAllocZero(context, sizeof(PathTable));

	table->context = context;
	table->memory = AllocSetContextCreate(context, "attribution paths", ALLOCSET_DEFAULT_SIZES);
	table->width = width;
	table->limit = limit;
	table->processes = 1;
	start_table(table);
	return table;
}

static inline Size
path_size(const PathTable *table, uint32 length)
{
	return (Size) length * table->width;
}

static inline uint32
hash_words(uint64 first, uint64 second, uint32 length)
{
	uint64		value = (first ^ length) * UINT64CONST(0x9E3779B97F4A7C15);

	value = (value ^ value >> 32 ^ second) * UINT64CONST(0xD6E8FEB86659FD93);
	value = (value ^ value >> 32) * UINT64CONST(0xC4CEB9FE1A85EC53);
	return (uint32) (value >> 32);
}

/* The first so many bytes of a word as they lie in memory. */
static inline uint64
first_bytes(uint64 word, int count)
{
	if (count >= 8)
		return word;
#ifdef WORDS_BIGENDIAN
	return count <= 0 ? 0 : word & ~(UINT64_MAX >> (8 * count));
#else
	return count <= 0 ? 0 : word & ~(UINT64_MAX << (8 * count));
#endif
}

/* The path as it is looked for: in words when it is short. */
static inline void
make_key(PathEntry *key, const void *path, Size size, uint32 length)
{
	key->length = length;
	if (size <= PATH_INLINE)
	{
		memcpy(key->key.words, path, PATH_INLINE);
		key->key.words[0] = first_bytes(key->key.words[0], (int) size);
		key->key.words[1] = first_bytes(key->key.words[1], (int) size - 8);
		key->hash = hash_words(key->key.words[0], key->key.words[1], length);
		return;
	}
	key->key.words[1] = hash_bytes_extended((const unsigned char *) path, (int) size, length);
	key->key.bytes = (char *) path;
	key->hash = (uint32) (key->key.words[1] >> 32);
}

static inline bool
same_path(const PathEntry *a, const PathEntry *b, Size size)
{
	if (a->hash != b->hash || a->length != b->length || a->key.words[1] != b->key.words[1])
		return false;
	return size <= PATH_INLINE ? a->key.words[0] == b->key.words[0] :
		memcmp(a->key.bytes, b->key.bytes, size) == 0;
}

/* The slot of a path, or the free one where it belongs. */
static inline PathSlot *
find_slot(const PathTable *table, const PathEntry *key, Size size)
{
	uint64		at = key->hash & table->mask;

	while (table->slots[at].place != 0 &&
		   !(table->slots[at].hash == key->hash && same_path(entry_at(table, table->slots[at].place - 1), key, size)))
		at = (at + 1) & table->mask;
	return &table->slots[at];
}

static void
resize_slots(PathTable *table, uint64 count)
{
	PathSlot   *old = table->slots;
	uint64		old_count = table->mask + 1;

	make_slots(table, count);
	for (uint64 i = 0; i < old_count; i++)
	{
		uint64		at = old[i].hash & table->mask;

		if (old[i].place == 0)
			continue;
		while (table->slots[at].place != 0)
			at = (at + 1) & table->mask;
		table->slots[at] = old[i];
	}
	omni_lines_free(old);
	table->bytes -= old_count * sizeof(PathSlot);
}

/* Room for a path that does not stand in its entry. */
static char *
keep_path(PathTable *table, const void *path, Size size)
{
	char	   *place;

	if (size > BLOCK_SIZE / 8)
	{
		table->bytes += size;
		place = MemoryContextAllocHuge(table->memory, size);
	}
	else
	{
		if (size > table->block_left)
		{
			table->block = MemoryContextAlloc(table->memory, BLOCK_SIZE);
			table->block_left = BLOCK_SIZE;
			table->bytes += BLOCK_SIZE;
		}
		place = table->block + (BLOCK_SIZE - table->block_left);
		table->block_left -= size;
	}
	memcpy(place, path, size);
	return place;
}

static const void *
entry_path(const PathTable *table, const PathEntry *entry)
{
	return path_size(table, entry->length) <= PATH_INLINE ? (const void *) entry->key.words : entry->key.bytes;
}

/* Writes an entry to a file. */
static void
write_entry(const PathTable *table, const PathEntry *entry, BufFile *file)
{
	PathHead	head;

	memset(&head, 0, sizeof(head));
	head.conversions = entry->conversions;
	head.nulls = entry->nulls;
	head.value = entry->value;
	head.length = entry->length;
	BufFileWrite(file, &head, sizeof(head));
	BufFileWrite(file, unconstify(void *, entry_path(table, entry)), path_size(table, entry->length));
}

/* Moves all entries to the files. */
static void
spill(PathTable *table)
{
	MemoryContext caller = MemoryContextSwitchTo(table->context);

	for (uint32 i = 0; i < table->count; i++)
	{
		const PathEntry *entry = entry_at(table, i);
		BufFile   **file = &table->files[entry->hash >> WAY_SHIFT];

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (*file == NULL)
			*file = BufFileCreateTemp(false);
		write_entry(table, entry, *file);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(table->memory);
	start_table(table);
	table->spilled = true;
}

/* Adds counts; errors when they leave 64 bits. */
static void
add_counts(PathEntry *entry, int64 conversions, int128 value, int64 nulls)
{
	if (unlikely(pg_add_s64_overflow(entry->conversions, conversions, &entry->conversions) ||
				 pg_add_s64_overflow(entry->nulls, nulls, &entry->nulls)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the number of journeys of one path is out of range")));
	entry->value += value;
}

/* Makes room for one more entry, in memory or by moving all to files. */
static void
make_room(PathTable *table, Size size)
{
	Size		wanted = size > table->block_left ? size : 0;

	if (table->count == table->room)
		wanted += next_block(table);
	if ((table->bytes + wanted > table->limit && table->count >= PATH_FIRST_BLOCK / 4) || table->count >= MOST_ENTRIES)
		spill(table);
	if (table->count == table->room)
		add_block(table);
	if (table->count >= (table->mask + 1) / 4 * 3)
		resize_slots(table, (table->mask + 1) * 2);
}

/* Adds what a key counts to its entry. */
static inline void
count_key(PathTable *table, const PathEntry *key)
{
	Size		size = path_size(table, key->length);
	PathSlot   *slot = find_slot(table, key, size);
	PathEntry  *entry;

	if (slot->place != 0)
	{
		add_counts(entry_at(table, slot->place - 1), key->conversions, key->value, key->nulls);
		return;
	}
	if (unlikely(table->count == table->room || table->count >= (table->mask + 1) / 4 * 3 ||
				 table->bytes + (size > PATH_INLINE ? size : 0) > table->limit))
	{
		make_room(table, size > PATH_INLINE ? size : 0);
		slot = find_slot(table, key, size);
	}
	entry = entry_at(table, table->count);
	*entry = *key;
	if (size > PATH_INLINE)
		entry->key.bytes = keep_path(table, key->key.bytes, size);
	slot->hash = key->hash;
	slot->place = ++table->count;
}

/* Counts the paths that wait. */
static void
count_waiting(PathTable *table)
{
	for (int i = 0; i < PATHS_WAITING; i++)
		if (table->waiting[i].length != 0)
		{
			count_key(table, &table->waiting[i]);
			table->waiting[i].length = 0;
		}
}

/*
 * paths_add: counts a path of at least one actor; PATH_INLINE bytes of it may be
 * read whatever its length.  The sum of the absolute values is bounded by the caller.
 * Errors: numeric_value_out_of_range, out_of_memory, those of temporary files.
 */
void
paths_add(PathTable *table, const void *path, uint32 length,
		  int64 conversions, int128 value, int64 nulls)
{
	Size		size = path_size(table, length);
	PathEntry	key;
	PathEntry  *waiting;
	uint32		place;

	make_key(&key, path, size, length);
	key.conversions = conversions;
	key.nulls = nulls;
	key.value = value;
	if (size > PATH_INLINE)
	{
		count_key(table, &key);
		return;
	}
	waiting = &table->waiting[table->next % PATHS_WAITING];
	if (waiting->length != 0)
		count_key(table, waiting);
	*waiting = key;
	OMNI_PREFETCH_LINE(&table->slots[key.hash & table->mask]);
	/* half-way the slot has come; most lead to the right entry at once */
	waiting = &table->waiting[(table->next++ + PATHS_WAITING / 2) % PATHS_WAITING];
	place = table->slots[waiting->hash & table->mask].place;
	if (place != 0)
		OMNI_PREFETCH_LINE(entry_at(table, place - 1));
}

/* paths_expect: makes slots for so many paths at once, as far as memory allows it. */
void
paths_expect(PathTable *table, uint64 count)
{
	uint64		slots = table->mask + 1;

	while (slots / 4 * 3 < count && slots * 4 * sizeof(PathSlot) <= table->limit)
		slots *= 2;
	if (slots > table->mask + 1)
		resize_slots(table, slots);
}

/* paths_free: forgets all paths and closes the files. */
void
paths_free(PathTable *table)
{
	for (int way = 0; way < PATH_WAYS; way++)
		if (table->files[way] != NULL)
			BufFileClose(table->files[way]);
	MemoryContextDelete(table->memory);
	pfree(table);
}

/* The process that a way belongs to. */
static inline int
way_owner(const PathTable *table, int way)
{
	return way % table->processes;
}

/* Hands the entries in memory over, those of this process. */
static void
each_entry(const PathTable *table, PathTaker take, void *taker)
{
	uint32	   *actors = palloc_array(uint32, 64);
	Size		room = 64;

	for (uint32 i = 0; i < table->count; i++)
	{
		const PathEntry *entry = entry_at(table, i);
		const void *path = entry_path(table, entry);

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (way_owner(table, entry->hash >> WAY_SHIFT) != table->self)
			continue;
		if (entry->length > room)
		{
			room = (Size) entry->length * 2;
			actors = repalloc_huge(actors, room * sizeof(uint32));
		}
		for (uint32 a = 0; a < entry->length; a++)
			actors[a] = table->width == 1 ? ((const uint8 *) path)[a] :
				table->width == 2 ? ((const uint16 *) path)[a] : ((const uint32 *) path)[a];
		take(taker, actors, entry->length, entry->conversions, entry->value, entry->nulls);
	}
	pfree(actors);
}

static void
rewind_file(BufFile *file)
{
	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind temporary file of attribution")));
}

/* Counts the paths of one file. */
static void
read_file(PathTable *table, BufFile *file)
{
	PathHead	head;
	char	   *path = palloc(1024);
	Size		room = 1024;

	rewind_file(file);
	for (;;)
	{
		size_t		got = BufFileRead(file, &head, sizeof(head));
		Size		size;

		CHECK_FOR_INTERRUPTS();
		if (got == 0)
			break;
		if (got != sizeof(head))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file of attribution")));
		size = path_size(table, head.length);
		if (size > room)
		{
			room = size * 2;
			path = repalloc_huge(path, room);
		}
		BufFileReadExact(file, path, size);
		paths_add(table, path, head.length, head.conversions, head.value, head.nulls);
	}
	pfree(path);
}

static void
shared_name(char name[MAXPGPATH], int from, int to)
{
	snprintf(name, MAXPGPATH, "paths.%d.%d", from, to);
}

/* Appends a file, which is read from its start, to another. */
static void
copy_file(BufFile *from, BufFile *to)
{
	char	   *buffer = palloc(BLOCK_SIZE);
	size_t		got;

	rewind_file(from);
	while ((got = BufFileRead(from, buffer, BLOCK_SIZE)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		BufFileWrite(to, buffer, got);
	}
	pfree(buffer);
}

/*
 * paths_send: writes the paths that belong to other processes to files for them; what
 * this one keeps is what paths_receive() completes and paths_each() hands over.
 * Errors: those of temporary files.
 */
void
paths_send(PathTable *table, FileSet *set, int self, int processes)
{
	BufFile   **files = palloc0_array(BufFile *, processes);
	char		name[MAXPGPATH];

	table->self = self;
	table->processes = processes;
	count_waiting(table);
	if (table->spilled)
		spill(table);
	for (int to = 0; to < processes; to++)
		if (to != self)
		{
			shared_name(name, self, to);
			files[to] = BufFileCreateFileSet(set, name);
		}
	for (uint32 i = 0; i < table->count; i++)
	{
		const PathEntry *entry = entry_at(table, i);
		int			owner = way_owner(table, entry->hash >> WAY_SHIFT);

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (owner != self)
			write_entry(table, entry, files[owner]);
	}
	for (int way = 0; way < PATH_WAYS; way++)
		if (table->files[way] != NULL && way_owner(table, way) != self)
		{
			copy_file(table->files[way], files[way_owner(table, way)]);
			BufFileClose(table->files[way]);
			table->files[way] = NULL;
		}
	for (int to = 0; to < processes; to++)
		if (to != self)
		{
			BufFileExportFileSet(files[to]);
			BufFileClose(files[to]);
		}
	pfree(files);
}

/*
 * paths_receive: counts the paths that all others have sent to this process.
 * Errors: numeric_value_out_of_range, out_of_memory, those of temporary files.
 */
void
paths_receive(PathTable *table, FileSet *set)
{
	for (int from = 0; from < table->processes; from++)
	{
		char		name[MAXPGPATH];
		BufFile    *file;

		if (from == table->self)
			continue;
		shared_name(name, from, table->self);
		file = BufFileOpenFileSet(set, name, O_RDONLY, false);
		read_file(table, file);
		BufFileClose(file);
	}
}

/*
 * paths_each: hands each distinct path over once, in no order; of several processes
 * each hands over what belongs to it.  What is in files is read file by file and gone then.
 */
void
paths_each(PathTable *table, PathTaker take, void *taker)
{
	Size		limit = table->limit;

	count_waiting(table);
	if (!table->spilled)
	{
		each_entry(table, take, taker);
		return;
	}
	spill(table);
	/* a file holds one 64th of the paths, which must fit now */
	table->limit = SIZE_MAX;
	for (int way = 0; way < PATH_WAYS; way++)
	{
		BufFile    *file = table->files[way];

		if (file == NULL)
			continue;
		table->files[way] = NULL;
		if (way_owner(table, way) == table->self)
			read_file(table, file);
		BufFileClose(file);
		count_waiting(table);
		each_entry(table, take, taker);
		MemoryContextReset(table->memory);
		start_table(table);
	}
	table->limit = limit;
	table->spilled = false;
}
