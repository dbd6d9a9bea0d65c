/*
 * memory.h
 *		Memory for what is read here and there: by cache lines, in huge pages.
 */
#ifndef OMNICRM_COMMON_MEMORY_H
#define OMNICRM_COMMON_MEMORY_H

/* of a processor's cache */
#define OMNI_LINE 64

extern void omni_wish_huge_pages(void *memory, Size size);
extern void *omni_lines_alloc(MemoryContext context, Size size);
extern void omni_lines_free(void *lines);

#endif							/* OMNICRM_COMMON_MEMORY_H */
