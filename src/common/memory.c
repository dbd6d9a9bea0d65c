/*
 * memory.c
 *		Memory for what is read here and there: by cache lines, in huge pages.
 *
 * A table that is larger than the processor's cache costs two waits for each
 * entry that is read in no order: one for the page's address, one for the entry.
 * Huge pages save most of the first, an entry that does not cross a line half of
 * the second.
 */
#include "postgres.h"

#include <sys/mman.h>

#include "storage/shmem.h"
#include "utils/memutils.h"

#include "common/memory.h"

/*
 * omni_wish_huge_pages: asks the system to put the whole huge pages within some
 * memory, which is not used yet, into such.  Nothing depends on its success.
 */
void
omni_wish_huge_pages(void *memory, Size size)
{
#ifdef MADV_HUGEPAGE
	char	   *first = (char *) TYPEALIGN(OMNI_HUGE_PAGE, memory);
	char	   *end = (char *) TYPEALIGN_DOWN(OMNI_HUGE_PAGE, (char *) memory + size);

	if (first < end)
		(void) madvise(first, end - first, MADV_HUGEPAGE);
#endif
}

/*
 * omni_lines_alloc: memory that starts with a cache line, or with a huge page where it
 * is as large as one, and lies in such where the system has them.  It is given back by
 * omni_lines_free(), not pfree(), or goes with its context.  Errors: out_of_memory.
 */
void *
omni_lines_alloc(MemoryContext context, Size size)
{
	Size		boundary = size < OMNI_HUGE_PAGE ? OMNI_LINE : OMNI_HUGE_PAGE;
	Size		room = add_size(size, boundary);
	char	   *start = MemoryContextAllocHuge(context, add_size(room, sizeof(void *) + boundary));
	char	   *lines = (char *) TYPEALIGN(boundary, start + sizeof(void *));

	((void **) lines)[-1] = start;
	/* the last page, too, of which no more is used */
	omni_wish_huge_pages(lines, room);
	return lines;
}

/* omni_lines_free: gives memory of omni_lines_alloc() back. */
void
omni_lines_free(void *lines)
{
	pfree(((void **) lines)[-1]);
}
