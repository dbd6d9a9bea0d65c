/*
 * journey.h
 *		The touches and conversions of one customer in the order of time.
 */
#ifndef OMNICRM_ATTRIBUTION_JOURNEY_H
#define OMNICRM_ATTRIBUTION_JOURNEY_H

#include "fmgr.h"
#include "lib/stringinfo.h"

#include "attribution/models.h"

/* bytes of the name of an actor or kind */
#define JOURNEY_MAX_NAME 65535

/* per journey: 512 MB of touches; their split takes just under 1 GB */
#define JOURNEY_MAX_EVENTS 16000000

/* amounts have at least the decimals of money */
#define JOURNEY_LEAST_SCALE 2

/* The actor of a touch that names none. */
#define JOURNEY_NO_ACTOR "unknown"

typedef struct JourneyName
{
	const char *text;			/* not ended by a null byte */
	int32		length;
} JourneyName;

/* Names by number.  Of a value they are in the order of their bytes. */
typedef struct NameTable
{
	JourneyName *names;
	int32		count;
	int32		room;
	int32	   *slots;			/* of a growing table: hash of the numbers */
	uint32		nslots;
} NameTable;

typedef struct JourneyEvent
{
	TimestampTz at;
	int64		id;
	int32		actor;			/* NO_NUMBER: none, only of a conversion */
	int32		kind;			/* NO_NUMBER: none */
	bool		has_id;
} JourneyEvent;

typedef struct JourneyConversion
{
	JourneyEvent event;
	int64		units;			/* the value, in units of 10^-scale */
	int32		scale;
} JourneyConversion;

/* A journey while it grows, in any order, or as read from a value, in order. */
typedef struct Journey
{
	NameTable	actors;
	NameTable	kinds;
	JourneyEvent *touches;
	JourneyConversion *conversions;
	int32		ntouches;
	int32		nconversions;
	int32		touch_room;
	int32		conversion_room;
	MemoryContext context;
} Journey;

/* What the calls of a function for one journey after the other share. */
typedef struct JourneyCall
{
	MemoryContext context;
	MemoryContext options_context;
	Jsonb	   *source;			/* what the options were read from */
	AttributionOptions *options;
	ModelWorkspace *work;
	ModelTouch *touches;		/* the eligible touches, see journey_eligible() */
	int32		room;
} JourneyCall;

/* journey_names.c */
extern int32 journey_intern(MemoryContext context, NameTable *table, const char *text, Size length);
extern int32 journey_find_name(const NameTable *table, const char *text, Size length);
extern int32 *journey_order_names(const NameTable *table, NameTable *ordered);

/* journey_order.c */
extern Journey *journey_make(MemoryContext context);
extern void journey_add_touch(Journey *journey, const JourneyEvent *touch);
extern void journey_add_conversion(Journey *journey, const JourneyConversion *conversion);
extern void journey_append(Journey *into, const Journey *from);
extern Journey *journey_ordered(const Journey *journey);
extern void journey_set_value(JourneyConversion *conversion, Datum value, const char *what);

/* journey_value.c */
extern bytea *journey_write(const Journey *journey);
extern Journey *journey_read(bytea *value);

/* journey_path.c */
extern JourneyCall *journey_call(FunctionCallInfo fcinfo, int argument, const Journey *journey);
extern void journey_window(const Journey *journey, const JourneyConversion *conversion, uint64 lookback,
						   int32 *from, int32 *upto);
extern int	journey_eligible(JourneyCall *call, const Journey *journey, int32 from, int32 upto);
extern Datum *journey_name_texts(const NameTable *table);

/* journey_text.c */
extern char *journey_to_text(const Journey *journey);
extern Journey *journey_from_text(char *text);

#endif							/* OMNICRM_ATTRIBUTION_JOURNEY_H */
