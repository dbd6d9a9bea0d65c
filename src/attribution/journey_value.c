/*
 * journey_value.c
 *		The type omnicrm.journey: reading, writing, text and binary form.
 *
 * A value is a string of bytes; numbers are of variable length, 7 bits to a byte,
 * the lowest first, and those that may be negative alternate between the signs:
 *
 *		version		1 byte
 *		ids			1 byte: no event has an id, all have, or some
 *		actors		number; of each its length and bytes
 *		kinds		the same
 *		touches		number; of each: microseconds since the one before it (of the first:
 *					since 2000), id less the id before it, actor, 1 + kind
 *		conversions	number; of each the same with 1 + actor, then units, then scale
 *
 * A journey has one value: names are in the order of their bytes, events in that
 * of journey_order.c.  Whatever comes from outside is checked as a whole and
 * brought into that order.  A value is also what a state of the aggregate is
 * handed over as.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "attribution/journey.h"
#include "common/compat.h"
#include "common/units.h"

#define VALUE_VERSION 1
#define LONGEST_NUMBER 10		/* bytes of 64 bits, 7 to a byte */

typedef enum ValueIds
{
	IDS_NONE,
	IDS_ALL,
	IDS_SOME
} ValueIds;

PG_FUNCTION_INFO_V1(omnicrm_journey_in);
PG_FUNCTION_INFO_V1(omnicrm_journey_out);
PG_FUNCTION_INFO_V1(omnicrm_journey_recv);
PG_FUNCTION_INFO_V1(omnicrm_journey_send);

/* Signed numbers so that small ones stay small: 0, -1, 1, -2, 2 ... */
static inline uint64
fold_sign(int64 number)
{
	return ((uint64) number << 1) ^ (uint64) (number >> 63);
}

static inline int64
unfold_sign(uint64 number)
{
	return (int64) (number >> 1) ^ -(int64) (number & 1);
}

static void
put_number(StringInfo out, uint64 number)
{
	char		bytes[LONGEST_NUMBER];
	int			length = 0;

	while (number >= 0x80)
	{
		bytes[length++] = (char) (number | 0x80);
		number >>= 7;
	}
	bytes[length++] = (char) number;
	appendBinaryStringInfo(out, bytes, length);
}

static void
put_names(StringInfo out, const NameTable *table)
{
	put_number(out, (uint64) table->count);
	for (int32 i = 0; i < table->count; i++)
	{
		put_number(out, (uint64) table->names[i].length);
		appendBinaryStringInfo(out, table->names[i].text, table->names[i].length);
	}
}

/* What stands before an event in its list. */
typedef struct EventBefore
{
	TimestampTz at;
	int64		id;
} EventBefore;

static void
put_event(StringInfo out, const JourneyEvent *event, ValueIds ids, bool first, bool may_lack_actor, EventBefore *before)
{
	if (first)
		put_number(out, fold_sign(event->at));
	else
		put_number(out, (uint64) event->at - (uint64) before->at);
	before->at = event->at;
	if (ids == IDS_SOME)
		appendStringInfoCharMacro(out, event->has_id ? 1 : 0);
	if (event->has_id)
	{
		put_number(out, fold_sign((int64) ((uint64) event->id - (uint64) before->id)));
		before->id = event->id;
	}
	put_number(out, (uint64) (event->actor + (may_lack_actor ? 1 : 0)));
	put_number(out, (uint64) (event->kind + 1));
}

static ValueIds
which_ids(const Journey *journey)
{
	int64		count = 0;

	for (int32 i = 0; i < journey->ntouches; i++)
		count += journey->touches[i].has_id;
	for (int32 i = 0; i < journey->nconversions; i++)
		count += journey->conversions[i].event.has_id;
	if (count == 0)
		return IDS_NONE;
	return count == (int64) journey->ntouches + journey->nconversions ? IDS_ALL : IDS_SOME;
}

/* journey_write returns the value of a journey that is in its one order. */
bytea *
journey_write(const Journey *journey)
{
	ValueIds	ids = which_ids(journey);
	EventBefore before = {0, 0};
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoCharMacro(&out, VALUE_VERSION);
	appendStringInfoCharMacro(&out, ids);
	put_names(&out, &journey->actors);
	put_names(&out, &journey->kinds);
	put_number(&out, (uint64) journey->ntouches);
	for (int32 i = 0; i < journey->ntouches; i++)
		put_event(&out, &journey->touches[i], ids, i == 0, false, &before);
	put_number(&out, (uint64) journey->nconversions);
	for (int32 i = 0; i < journey->nconversions; i++)
	{
		put_event(&out, &journey->conversions[i].event, ids, i == 0, true, &before);
		put_number(&out, fold_sign(journey->conversions[i].units));
		appendStringInfoCharMacro(&out, (char) journey->conversions[i].scale);
	}
	SET_VARSIZE(out.data, out.len);
	return (bytea *) out.data;
}

static void
corrupt_value(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid value of journey"),
			 errhint("Give a result of journey() or journey_rollup().")));
}

/* Cursor over the bytes of a value. */
typedef struct ValueReader
{
	const unsigned char *at;
	const unsigned char *end;
} ValueReader;

static inline unsigned char
get_byte(ValueReader *reader)
{
	if (reader->at >= reader->end)
		corrupt_value();
	return *reader->at++;
}

static inline uint64
get_number(ValueReader *reader)
{
	uint64		number = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		unsigned char byte = get_byte(reader);

		/* the tenth byte has one bit */
		if (shift == 63 && byte > 1)
			break;
		number |= (uint64) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	corrupt_value();
	return 0;
}

/* A number of things of which each takes at least so many of the bytes that follow. */
static int32
get_count(ValueReader *reader, Size least)
{
	uint64		count = get_number(reader);

	if (count > JOURNEY_MAX_EVENTS * (uint64) 2 || count * least > (uint64) (reader->end - reader->at))
		corrupt_value();
	return (int32) count;
}

static void
get_names(ValueReader *reader, NameTable *table)
{
	int32		count = get_count(reader, 1);

	table->names = MemoryContextAllocHuge(CurrentMemoryContext, Max(count, 1) * sizeof(JourneyName));
	table->room = count;
	for (; table->count < count; table->count++)
	{
		JourneyName *name = &table->names[table->count];

		name->length = get_count(reader, 1);
		if (name->length > JOURNEY_MAX_NAME)
			corrupt_value();
		name->text = (const char *) reader->at;
		reader->at += name->length;
	}
}

/* A number below a limit, less one when it may be none. */
static int32
get_place(ValueReader *reader, int32 count, bool may_be_none)
{
	uint64		number = get_number(reader);

	if (number >= (uint64) count + (may_be_none ? 1 : 0))
		corrupt_value();
	return (int32) number - (may_be_none ? 1 : 0);
}

static void
get_event(ValueReader *reader, const Journey *journey, JourneyEvent *event, ValueIds ids, bool first,
		  bool may_lack_actor, EventBefore *before)
{
	uint64		time = get_number(reader);

	event->at = first ? unfold_sign(time) : (int64) ((uint64) before->at + time);
	if (!IS_VALID_TIMESTAMP(event->at) || (!first && event->at < before->at))
		corrupt_value();
	before->at = event->at;
	event->has_id = ids == IDS_ALL;
	event->id = 0;
	if (ids == IDS_SOME)
	{
		unsigned char has_id = get_byte(reader);

		if (has_id > 1)
			corrupt_value();
		event->has_id = has_id == 1;
	}
	if (event->has_id)
		event->id = before->id = (int64) ((uint64) before->id + (uint64) unfold_sign(get_number(reader)));
	event->actor = get_place(reader, journey->actors.count, may_lack_actor);
	event->kind = get_place(reader, journey->kinds.count, true);
}

static void
get_touches(ValueReader *reader, Journey *journey, ValueIds ids, EventBefore *before)
{
	int32		count = get_count(reader, 3);

	if (count > JOURNEY_MAX_EVENTS)
		corrupt_value();
	journey->touches = MemoryContextAllocHuge(CurrentMemoryContext, Max(count, 1) * sizeof(JourneyEvent));
	journey->touch_room = count;
	for (; journey->ntouches < count; journey->ntouches++)
		get_event(reader, journey, &journey->touches[journey->ntouches], ids, journey->ntouches == 0, false, before);
}

static void
get_conversions(ValueReader *reader, Journey *journey, ValueIds ids, EventBefore *before)
{
	int32		count = get_count(reader, 5);

	if (count > JOURNEY_MAX_EVENTS)
		corrupt_value();
	journey->conversions = MemoryContextAllocHuge(CurrentMemoryContext, Max(count, 1) * sizeof(JourneyConversion));
	journey->conversion_room = count;
	for (; journey->nconversions < count; journey->nconversions++)
	{
		JourneyConversion *conversion = &journey->conversions[journey->nconversions];

		get_event(reader, journey, &conversion->event, ids, journey->nconversions == 0, true, before);
		conversion->units = unfold_sign(get_number(reader));
		conversion->scale = get_byte(reader);
		/* no zeros at the end beyond the decimals of money */
		if (conversion->units == PG_INT64_MIN || conversion->scale < JOURNEY_LEAST_SCALE ||
			conversion->scale > OMNICRM_MAX_UNIT_SCALE ||
			(conversion->scale > JOURNEY_LEAST_SCALE && conversion->units % 10 == 0))
			corrupt_value();
	}
}

/*
 * journey_read returns the journey of a value, which its names point into, in the
 * order in which it stands there.  Errors: invalid_binary_representation.
 */
Journey *
journey_read(bytea *value)
{
	Journey    *journey = journey_make(CurrentMemoryContext);
	EventBefore before = {0, 0};
	ValueReader reader;
	unsigned char ids;

	reader.at = (const unsigned char *) VARDATA_ANY(value);
	reader.end = reader.at + VARSIZE_ANY_EXHDR(value);
	if (get_byte(&reader) != VALUE_VERSION)
		corrupt_value();
	ids = get_byte(&reader);
	if (ids > IDS_SOME)
		corrupt_value();
	get_names(&reader, &journey->actors);
	get_names(&reader, &journey->kinds);
	get_touches(&reader, journey, (ValueIds) ids, &before);
	get_conversions(&reader, journey, (ValueIds) ids, &before);
	if (reader.at != reader.end)
		corrupt_value();
	return journey;
}

/* Names must be text of the database's encoding. */
static void
check_names(const NameTable *table)
{
	for (int32 i = 0; i < table->count; i++)
		if (!pg_verifymbstr(table->names[i].text, table->names[i].length, true))
			corrupt_value();
}

/* Names that no event has would give one journey two values. */
static void
check_names_used(const Journey *journey)
{
	bool	   *actors = palloc0(Max(journey->actors.count, 1));
	bool	   *kinds = palloc0(Max(journey->kinds.count, 1));

	for (int32 i = 0; i < journey->ntouches + journey->nconversions; i++)
	{
		const JourneyEvent *event = i < journey->ntouches ? &journey->touches[i]
			: &journey->conversions[i - journey->ntouches].event;

		if (event->actor != NO_NUMBER)
			actors[event->actor] = true;
		if (event->kind != NO_NUMBER)
			kinds[event->kind] = true;
	}
	for (int32 i = 0; i < journey->actors.count; i++)
		if (!actors[i])
			corrupt_value();
	for (int32 i = 0; i < journey->kinds.count; i++)
		if (!kinds[i])
			corrupt_value();
	pfree(actors);
	pfree(kinds);
}

/* Input: see journey_text.c.  Errors: those of json and of the parts. */
Datum
omnicrm_journey_in(PG_FUNCTION_ARGS)
{
	Journey    *journey = journey_from_text(PG_GETARG_CSTRING(0));

	PG_RETURN_BYTEA_P(journey_write(journey_ordered(journey)));
}

/* Output: see journey_text.c. */
Datum
omnicrm_journey_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(journey_to_text(journey_read(PG_GETARG_BYTEA_PP(0))));
}

/* Receive.  Errors: invalid_binary_representation, cardinality_violation. */
Datum
omnicrm_journey_recv(PG_FUNCTION_ARGS)
{
	bytea	   *value = DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)));
	Journey    *journey = journey_read(value);

	check_names(&journey->actors);
	check_names(&journey->kinds);
	check_names_used(journey);
	PG_RETURN_BYTEA_P(journey_write(journey_ordered(journey)));
}

/* Send: the bytes. */
Datum
omnicrm_journey_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
