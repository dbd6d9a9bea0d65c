/*
 * match_pattern.c
 *		How often each pattern of agreement occurs.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

/* open addressing, count 0 = free */
struct MatchPatternTable
{
	MatchPatternCount *slots;
	uint32		size;
	uint32		used;
};

/*
 * omni_match_pattern_table: a table without patterns.
 */
MatchPatternTable *
omni_match_pattern_table(void)
{
	MatchPatternTable *table = palloc0_object(MatchPatternTable);

	table->size = 1024;
	table->slots = palloc0(table->size * sizeof(MatchPatternCount));
	return table;
}

static MatchPatternCount *
pattern_slot(const MatchPatternTable *table, uint64 pattern)
{
	uint32		at = omni_mix(pattern) & (table->size - 1);

	while (table->slots[at].count != 0 && table->slots[at].pattern != pattern)
		at = (at + 1) & (table->size - 1);
	return &table->slots[at];
}

/*
 * omni_match_add_pattern: counts more pairs of a pattern.
 */
void
omni_match_add_pattern(MatchPatternTable *table, uint64 pattern, uint64 pairs)
{
	MatchPatternCount *slot;

	if (table->used * 2 >= table->size)
	{
		MatchPatternTable old = *table;

		table->size *= 2;
		table->slots = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(table->size, sizeof(MatchPatternCount)),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (uint32 i = 0; i < old.size; i++)
		{
			if (old.slots[i].count != 0)
				*pattern_slot(table, old.slots[i].pattern) = old.slots[i];
		}
		pfree(old.slots);
	}
	slot = pattern_slot(table, pattern);
	if (slot->count == 0)
	{
		slot->pattern = pattern;
		table->used++;
	}
	slot->count += pairs;
}

static int
compare_patterns(const void *a, const void *b)
{
	uint64		x = ((const MatchPatternCount *) a)->pattern;
	uint64		y = ((const MatchPatternCount *) b)->pattern;

	return x < y ? -1 : x > y;
}

/*
 * omni_match_sorted_patterns: the counts in the order of the patterns, and their
 * number; the table is used up.
 */
MatchPatternCount *
omni_match_sorted_patterns(MatchPatternTable *table, int *count)
{
	int			n = 0;

	for (uint32 i = 0; i < table->size; i++)
	{
		if (table->slots[i].count != 0)
			table->slots[n++] = table->slots[i];
	}
	qsort(table->slots, n, sizeof(MatchPatternCount), compare_patterns);
	*count = n;
	return repalloc_huge(table->slots, Max(n, 1) * sizeof(MatchPatternCount));
}
