/*
 * memory.h
 *		Memory for what is read here and there: by cache lines, in huge pages.
 */
#ifndef OMNICRM_COMMON_MEMORY_H
#define OMNICRM_COMMON_MEMORY_H

/* of a processor's cache */
#define OMNI_LINE 64

/* usual size of a huge page; where it is another one, less memory lies in such */
#define OMNI_HUGE_PAGE ((Size) 2 * 1024 * 1024)

extern void omni_wish_huge_pages(void *memory, Size size);
extern void *omni_lines_alloc(MemoryContext context, Size size);
extern void omni_lines_free(void *lines);

#endif							/* OMNICRM_COMMON_MEMORY_H */
