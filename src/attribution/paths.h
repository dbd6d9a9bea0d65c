/*
 * paths.h
 *		Distinct paths and how often each led to a conversion or to none.
 */
#ifndef OMNICRM_ATTRIBUTION_PATHS_H
#define OMNICRM_ATTRIBUTION_PATHS_H

#include "storage/buffile.h"
#include "storage/fileset.h"

#include "common/units.h"

/* A path is an array of actors of 1, 2 or 4 bytes; up to 16 bytes stand in the entry. */
#define PATH_INLINE 16

typedef struct PathEntry
{
	union
	{
		uint64		words[PATH_INLINE / 8];
		char	   *bytes;
	}			key;
	uint32		length;			/* actors; 0 in waiting[]: nobody */
	uint32		hash;
	int64		conversions;
	int64		nulls;
	int128		value;			/* of the conversions */
	uint64		unused;			/* an entry is a line of the cache */
} PathEntry;

/* Where the entry of a hash is. */
typedef struct PathSlot
{
	uint32		hash;
	uint32		place;			/* of the entry, from 1; 0: free */
} PathSlot;

#define PATH_WAYS 64

/* entries lie in blocks, each twice as large as the one before */
#define PATH_FIRST_BLOCK 64
#define PATH_BLOCKS 26

/* Short paths wait for so many others until their slot and their entry have come from memory. */
#define PATHS_WAITING 16

typedef struct PathTable
{
	MemoryContext context;		/* of the table itself and its files */
	MemoryContext memory;		/* of entries and long paths */
	int			width;			/* bytes of an actor: 1, 2, 4 */
	PathSlot   *slots;
	uint64		mask;			/* slots less one */
	PathEntry  *blocks[PATH_BLOCKS];
	uint32		count;			/* entries */
	uint32		room;			/* entries that the blocks hold */
	char	   *block;			/* where long paths are put */
	Size		block_left;
	Size		bytes;
	Size		limit;			/* above it the entries go to files */
	BufFile    *files[PATH_WAYS];
	bool		spilled;
	PathEntry	waiting[PATHS_WAITING];	/* length 0: nobody waits here */
	uint32		next;			/* whose turn it is */
	int			self;			/* of several processes the one that this is */
	int			processes;		/* way w belongs to process w modulo their number */
} PathTable;

/* Takes a path; its actors as numbers. */
typedef void (*PathTaker) (void *taker, const uint32 *actors, uint32 length,
						   int64 conversions, int128 value, int64 nulls);

extern PathTable *paths_make(MemoryContext context, int width, Size limit);
extern int	paths_width(uint32 actors);
extern void paths_add(PathTable *table, const void *path, uint32 length,
					  int64 conversions, int128 value, int64 nulls);
extern void paths_expect(PathTable *table, uint64 count);
extern void paths_free(PathTable *table);
extern void paths_send(PathTable *table, FileSet *set, int self, int processes);
extern void paths_receive(PathTable *table, FileSet *set);
extern void paths_each(PathTable *table, PathTaker take, void *taker);

/* Writes an actor into a path as paths_add() takes it. */
static inline void
paths_put_actor(const PathTable *table, void *path, uint32 place, uint32 actor)
{
	if (table->width == 1)
		((uint8 *) path)[place] = (uint8) actor;
	else if (table->width == 2)
		((uint16 *) path)[place] = (uint16) actor;
	else
		((uint32 *) path)[place] = actor;
}

#endif							/* OMNICRM_ATTRIBUTION_PATHS_H */
