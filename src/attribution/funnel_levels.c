/*
 * funnel_levels.c
 *		window_funnel_levels: the level of each journey in a funnel, from the events of
 *		all journeys at once; the type omnicrm.journey_levels, which is its result,
 *		and funnel_levels(), which reads it.
 *
 * A value is a byte of version, a byte with the number of steps, and for each journey,
 * by its number, how far it is from the one before (the first: from -2^63), in the
 * form of varint.h, and a byte with its level.  Where numbers are dense a journey takes
 * two to three bytes.  The same journeys and levels are the same bytes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "attribution/funnel_set.h"
#include "common/aggregate.h"
#include "common/compat.h"
#include "common/hex.h"
#include "common/varint.h"

PG_FUNCTION_INFO_V1(omnicrm_funnel_levels_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_levels_mode_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_levels_final);
PG_FUNCTION_INFO_V1(omnicrm_funnel_levels);
PG_FUNCTION_INFO_V1(omnicrm_journey_levels_in);
PG_FUNCTION_INFO_V1(omnicrm_journey_levels_out);
PG_FUNCTION_INFO_V1(omnicrm_journey_levels_recv);
PG_FUNCTION_INFO_V1(omnicrm_journey_levels_send);

#define VALUE_VERSION 1
#define VALUE_HEADER 2
/* the most that a journey takes: how far it is, and its level */
#define JOURNEY_BYTES (VARINT_BYTES + 1)
#define FIRST_SIZE 1024
#define FIRST_JOURNEY UINT64CONST(0x8000000000000000)

/* A value that is written. */
typedef struct LevelWriter
{
	char	   *value;			/* with its varlena header */
	Size		used;
	Size		room;
	uint64		last;			/* journey */
} LevelWriter;

/* A value that is read. */
typedef struct LevelReader
{
	const uint8 *at;
	const uint8 *end;
	int			nconditions;
	bool		begun;
	uint64		journey;		/* unsigned, since the distance of two may pass 2^63 */
	int			level;
} LevelReader;

/*
 * Transition of window_funnel_levels(journey bigint, window interval, ts timestamptz,
 * VARIADIC conditions boolean[]).  A row without journey is passed over.
 * Errors: as window_funnel.
 */
Datum
omnicrm_funnel_levels_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(funnel_set_take_row(fcinfo, 0, 3, true));
}

/* The same with a mode behind the window. */
Datum
omnicrm_funnel_levels_mode_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(funnel_set_take_row(fcinfo, 3, 4, true));
}

static void
write_level(void *taker, int64 journey, int level)
{
	LevelWriter *writer = taker;
	char	   *at;

	if (writer->room - writer->used < JOURNEY_BYTES)
	{
		if (writer->room == MaxAllocSize)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the levels of all journeys take more than the %zu bytes of a value", (Size) MaxAllocSize),
					 errhint("Give the journeys in parts, for example with GROUP BY journey %% 8.")));
		writer->room = Min(writer->room * 2, MaxAllocSize);
		writer->value = repalloc(writer->value, writer->room);
	}
	at = varint_put(writer->value + writer->used, (uint64) journey - writer->last);
	*at++ = (char) level;
	writer->used = at - writer->value;
	writer->last = (uint64) journey;
}

/* Final function: (internal) returns omnicrm.journey_levels; null without rows. */
Datum
omnicrm_funnel_levels_final(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	LevelWriter writer;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	writer.room = FIRST_SIZE;
	writer.value = palloc(writer.room);
	writer.used = VARHDRSZ;
	writer.value[writer.used++] = VALUE_VERSION;
	writer.value[writer.used++] = (char) set->nconditions;
	writer.last = FIRST_JOURNEY;
	funnel_set_walk(fcinfo, set, write_level, &writer);
	SET_VARSIZE(writer.value, writer.used);
	PG_RETURN_BYTEA_P((bytea *) writer.value);
}

pg_noreturn static void
refuse_value(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid value of journey_levels"),
			 errhint("Give a result of window_funnel_levels().")));
}

static void
begin_reading(LevelReader *reader, const bytea *value)
{
	reader->at = (const uint8 *) VARDATA_ANY(value);
	reader->end = reader->at + VARSIZE_ANY_EXHDR(value);
	if (reader->end - reader->at < VALUE_HEADER || reader->at[0] != VALUE_VERSION ||
		reader->at[1] < 1 || reader->at[1] > MAX_CONDITIONS)
		refuse_value();
	reader->nconditions = reader->at[1];
	reader->at += VALUE_HEADER;
	reader->begun = false;
	reader->journey = FIRST_JOURNEY;
}

/* The next journey; false at the end.  Errors: invalid_binary_representation. */
static bool
read_level(LevelReader *reader)
{
	uint64		distance;

	if (reader->at == reader->end)
		return false;
	if (!varint_get(&reader->at, reader->end, &distance))
		refuse_value();
	/* seen from -2^63 on, journeys ascend */
	if ((reader->begun && distance == 0) || distance > PG_UINT64_MAX - (reader->journey - FIRST_JOURNEY))
		refuse_value();
	reader->journey += distance;
	reader->begun = true;
	if (reader->at == reader->end || *reader->at > reader->nconditions)
		refuse_value();
	reader->level = *reader->at++;
	return true;
}

/* funnel_levels(omnicrm.journey_levels): rows (journey bigint, level integer) by journey. */
Datum
omnicrm_funnel_levels(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	LevelReader reader;
	bool		nulls[2] = {false, false};

	InitMaterializedSRF(fcinfo, 0);
	begin_reading(&reader, PG_GETARG_BYTEA_PP(0));
	while (read_level(&reader))
	{
		Datum		values[2] = {Int64GetDatum((int64) reader.journey), Int32GetDatum(reader.level)};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Raises invalid_binary_representation unless a value from outside is well formed. */
static bytea *
checked_value(bytea *value)
{
	LevelReader reader;

	begin_reading(&reader, value);
	while (read_level(&reader))
		CHECK_FOR_INTERRUPTS();
	return value;
}

/* Input: hexadecimal, as bytea.  Errors: invalid_binary_representation and those of bytea. */
Datum
omnicrm_journey_levels_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(checked_value(DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)))));
}

/* Output: \x and the bytes in hexadecimal, whatever bytea_output says. */
Datum
omnicrm_journey_levels_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(omni_hex_text(PG_GETARG_BYTEA_PP(0)));
}

/* Receive.  Errors: invalid_binary_representation. */
Datum
omnicrm_journey_levels_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(checked_value(DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)))));
}

/* Send: the bytes. */
Datum
omnicrm_journey_levels_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
