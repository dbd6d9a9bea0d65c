/*
 * attribution_scan.c
 *		Rows of a table into the state of omnicrm.attribution(), without an executor.
 *
 * Several processes read a table by pieces, so each sees stretches of rows that lie
 * one behind the other.  Where journeys never go down from one stretch to the next,
 * as in a table that is clustered by journey, two processes have a journey in common
 * only where a stretch ends and the next one begins.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/memnodes.h"
#include "utils/memutils.h"

#include "attribution/attribution_table.h"
#include "common/compat.h"

#define FIRST_STRETCHES 64

/* with more stretches rows lie anyhow */
#define MOST_STRETCHES (1024 * 1024)

/* rows between two looks at interrupts */
#define ROWS_BETWEEN 1024

/* memory of values that is given back: those that are stored apart may be large */
#define MOST_ROW_BYTES (64 * 1024)

/* stretches_init: none yet, in current memory. */
void
stretches_init(StretchList *list)
{
	list->items = palloc_array(Stretch, FIRST_STRETCHES);
	list->count = 0;
	list->room = FIRST_STRETCHES;
	list->block = InvalidBlockNumber;
	list->full = false;
}

/* Begins a stretch. */
static void
add_stretch(StretchList *list, int64 journey)
{
	Stretch    *stretch;

	if (list->count == MOST_STRETCHES)
	{
		list->full = true;
		return;
	}
	if (list->count == list->room)
	{
		list->room *= 2;
		list->items = repalloc(list->items, list->room * sizeof(Stretch));
	}
	stretch = &list->items[list->count++];
	stretch->lowest = stretch->highest = journey;
}

/* Notes the journey of a row in a block of the table. */
static inline void
note_journey(StretchList *list, BlockNumber block, int64 journey)
{
	Stretch    *last;

	if (unlikely(list->count == 0 || (block != list->block && block != list->block + 1)))
		add_stretch(list, journey);
	list->block = block;
	last = &list->items[list->count - 1];
	if (journey < last->lowest)
		last->lowest = journey;
	if (journey > last->highest)
		last->highest = journey;
}

/* The value of a column as an argument. */
static inline void
take_column(NullableDatum *args, const TupleTableSlot *slot, const TouchColumns *columns, int arg)
{
	int			place = columns->number[arg] - 1;

	args[arg].value = slot->tts_values[place];
	args[arg].isnull = slot->tts_isnull[place];
}

/*
 * attribution_scan: takes the rows of a scan; how many there were.  stretches, stream:
 * NULL when nobody asks.  Stops when the stream is lost.
 * Errors: those of attribution_take_row() and of the stream.
 */
int64
attribution_scan(AttributionState *state, Relation relation, TableScanDesc scan,
				 const TouchColumns *columns, StretchList *stretches, JourneyStream *stream)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "attribution row", ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	const EventRun *run = &state->runs[0];
	NullableDatum args[ATTRIBUTION_ARGS] = {0};
	int64		rows = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		slot_getsomeattrs(slot, columns->last);
		take_column(args, slot, columns, ARG_JOURNEY);
		take_column(args, slot, columns, ARG_AT);
		take_column(args, slot, columns, ARG_ACTOR);
		take_column(args, slot, columns, ARG_VALUE);
		if (columns->has_event)
			take_column(args, slot, columns, ARG_EVENT);
		if (columns->journey_is_integer)
			args[ARG_JOURNEY].value = Int64GetDatum(DatumGetInt32(args[ARG_JOURNEY].value));
		attribution_take_row(state, args, columns->actor_is_text, columns->has_event);
		if (stretches != NULL && !args[ARG_JOURNEY].isnull)
			note_journey(stretches, ItemPointerGetBlockNumberNoCheck(&slot->tts_tid),
						 DatumGetInt64(args[ARG_JOURNEY].value));
		if (stream != NULL && unlikely(run->touches.count + run->conversions.count >= stream->window))
		{
			stream_window(stream);
			if (stream->lost)
				break;
		}
		if (unlikely(row_context->mem_allocated > MOST_ROW_BYTES))
			MemoryContextReset(row_context);
		if (++rows % ROWS_BETWEEN == 0)
			CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(caller);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	return rows;
}

static int
compare_stretches(const void *left, const void *right)
{
	const Stretch *a = left;
	const Stretch *b = right;

	if (a->lowest != b->lowest)
		return a->lowest < b->lowest ? -1 : 1;
	return a->highest < b->highest ? -1 : a->highest > b->highest;
}

/*
 * stretches_ascend: puts the stretches of all processes in order; false when two have
 * more than one journey in common.
 */
bool
stretches_ascend(Stretch *stretches, uint32 count)
{
	qsort(stretches, count, sizeof(Stretch), compare_stretches);
	for (uint32 i = 1; i < count; i++)
		if (stretches[i].lowest < stretches[i - 1].highest)
			return false;
	return true;
}
