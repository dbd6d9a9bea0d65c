/*
 * customer_stats.h
 *		What the orders of one customer amount to: the state of the aggregate
 *		customer_stats and its value, type omnicrm.customer_stats.
 */
#ifndef OMNICRM_CUSTOMER_STATS_H
#define OMNICRM_CUSTOMER_STATS_H

#include "fmgr.h"
#include "utils/date.h"

#include "common/units.h"

#define STATS_MONEY_SCALE 2
#define STATS_CURRENCY_SIZE 4	/* three letters of ISO 4217 and a zero */

/*
 * Days are those with a sale, strictly ascending up to ordered; what follows
 * came later.  The sales of the first day are kept apart, because what a
 * customer spends on a repeated visit is the rest of them.  What each sale
 * changes lies together at the end, so that a hash aggregate over many
 * customers touches little memory.
 */
typedef struct CustomerStats
{
	int128		returned;		/* rows that are no sales; negative */
	int128		margin;			/* rows with a known margin */
	int64		returns;
	int64		with_margin;
	char		currency[STATS_CURRENCY_SIZE];	/* empty: none told */
	int32		capacity;
	int128		sold;
	int128		first_sold;		/* of it, on the first day */
	int64		sales;
	DateADT		first;			/* first day, when there is one */
	int32		count;
	int32		ordered;
	DateADT		days[FLEXIBLE_ARRAY_MEMBER];
} CustomerStats;

/* customer_stats.c */
extern CustomerStats *customer_stats_make(MemoryContext context, int32 capacity);
extern void customer_stats_order(CustomerStats *stats);

/* customer_stats_value.c */
extern bytea *customer_stats_write(CustomerStats *stats);
extern CustomerStats *customer_stats_read(bytea *source, bool with_days);

#endif							/* OMNICRM_CUSTOMER_STATS_H */
