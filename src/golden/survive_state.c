/*
 * survive_state.c
 *		State of the aggregate survive(): the records of one group, collected,
 *		combined and serialised.
 *
 * A record is one piece of memory.  Between processes a state travels as values,
 * not as arrays, so that whatever arrives is built anew and cannot be malformed.
 */
#include "postgres.h"

#include <math.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "golden/survive.h"

#define STATE_VERSION 2

PG_FUNCTION_INFO_V1(omnicrm_survive_transition);
PG_FUNCTION_INFO_V1(omnicrm_survive_combine);
PG_FUNCTION_INFO_V1(omnicrm_survive_serialize);
PG_FUNCTION_INFO_V1(omnicrm_survive_deserialize);

static void
check_values(const SurvivePlan *plan, const ArrayType *vals, const char *quality, int length)
{
	int			n = ArrayGetNItems(ARR_NDIM(vals), ARR_DIMS(vals));

	if (ARR_NDIM(vals) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("values must be an array of one dimension, not %d", ARR_NDIM(vals))));
	if (n != plan->columns)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the survivorship plan has %d attributes, but there are %d values", plan->columns, n)));
	for (int i = 0; i < length; i++)
		if (quality[i] < '0' || quality[i] > '9')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the quality of attribute %d is no digit: \"%s\"", i + 1,
							pnstrdup(quality, length)),
					 errhint("Quality has one digit for each attribute: 0 none, 3 implausible, 6 unchecked, 9 valid.")));
}

/* The date of a state is that of all its rows. */
static void
check_date(SurviveState *state, bool has_as_of, TimestampTz as_of)
{
	if (state->count == 0)
	{
		state->has_as_of = has_as_of;
		state->as_of = has_as_of ? as_of : 0;
		if (!has_as_of && state->plan->dated)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("survive needs a date: its plan has trust that decays, or rules with a period"),
					 errhint("Give the date of the result as as_of, for example now().")));
	}
	else if (state->has_as_of != has_as_of || (has_as_of && state->as_of != as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the date of survive differs within one group of rows")));
}

static SurviveState *
make_state(MemoryContext context, SurvivePlan *plan)
{
	SurviveState *state = MemoryContextAllocZero(context, sizeof(SurviveState));

	state->plan = plan;
	state->space = lengthof(state->first_records);
	state->records = state->first_records;
	return state;
}

/* Adds a record, in the current memory context. */
static void
add_record(SurviveState *state, SurviveRecord *record)
{
	if (state->count >= MAX_SURVIVE_RECORDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d records in one group", MAX_SURVIVE_RECORDS)));
	if (state->count == state->space)
	{
		SurviveRecord **records = palloc_array(SurviveRecord *, state->space * 2);

		memcpy(records, state->records, sizeof(SurviveRecord *) * state->count);
		if (state->records != state->first_records)
			pfree(state->records);
		state->records = records;
		state->space *= 2;
	}
	state->records[state->count++] = record;
}

/* A copy of a record in one piece, in the current memory context. */
static SurviveRecord *
copy_record(const SurviveRecord *from)
{
	Size		vals_size = MAXALIGN(VARSIZE(from->vals));
	Size		attributes_size = from->attributes == NULL ? 0 : MAXALIGN(VARSIZE(from->attributes));
	char	   *place = palloc(MAXALIGN(sizeof(SurviveRecord)) + vals_size + attributes_size + from->quality_length);
	SurviveRecord *record = (SurviveRecord *) place;

	*record = *from;
	place += MAXALIGN(sizeof(SurviveRecord));
	record->vals = (ArrayType *) place;
	memcpy(place, from->vals, VARSIZE(from->vals));
	place += vals_size;
	if (from->attributes != NULL)
	{
		record->attributes = (Jsonb *) place;
		memcpy(place, from->attributes, VARSIZE(from->attributes));
		place += attributes_size;
	}
	record->quality = place;
	if (from->quality_length > 0)
		memcpy(place, from->quality, from->quality_length);
	return record;
}

/* Reads the arguments that make a record; its parts stay where they are. */
static void
read_record(FunctionCallInfo fcinfo, const SurvivePlan *plan, SurviveRecord *record)
{
	text	   *quality = PG_ARGISNULL(5) ? NULL : PG_GETARG_TEXT_PP(5);

	record->record_id = PG_GETARG_INT64(1);
	record->source_id = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	record->trust = PG_ARGISNULL(3) ? -get_float8_infinity() : PG_GETARG_FLOAT8(3);
	if (isnan(record->trust))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the trust of record " INT64_FORMAT " must be a number, not NaN", record->record_id)));
	record->business_at = PG_ARGISNULL(4) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(4);
	if (TIMESTAMP_NOT_FINITE(record->business_at))
		record->business_at = DT_NOBEGIN;
	record->quality = quality == NULL ? NULL : VARDATA_ANY(quality);
	record->quality_length = quality == NULL ? 0 : VARSIZE_ANY_EXHDR(quality);
	record->vals = PG_GETARG_ARRAYTYPE_P(6);
	check_values(plan, record->vals, record->quality, record->quality_length);
	record->attributes = PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7);
	if (record->attributes != NULL && !JB_ROOT_IS_OBJECT(record->attributes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the attributes of record " INT64_FORMAT " must be a jsonb object", record->record_id)));
}

/*
 * survive_transition(state internal, record_id bigint, source_id bigint, trust
 * double precision, business_at timestamptz, quality text, vals text[],
 * attributes jsonb, plan jsonb, as_of timestamptz) returns internal: keeps one
 * record.  Errors: null_value_not_allowed for record_id, vals or plan, and for
 * as_of where the plan asks for it, array_subscript_error for values that are
 * not as many as the plan says, invalid_parameter_value for a bad plan, a
 * quality that is no digit, a trust that is no number, attributes that are no
 * object, another plan or date within a group, program_limit_exceeded.
 */
Datum
omnicrm_survive_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				old;
	SurviveState *state;
	SurvivePlan *plan;
	SurviveRecord record;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "survive_transition called outside an aggregate");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(6) || PG_ARGISNULL(8))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("survive needs a record id, values and a plan")));
	plan = survive_find_plan(fcinfo, PG_GETARG_JSONB_P(8));
	read_record(fcinfo, plan, &record);
	if (PG_ARGISNULL(0))
		state = make_state(context, plan);
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	if (!survive_same_plan(state->plan, plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the survivorship plan differs within one group of rows")));
	check_date(state, !PG_ARGISNULL(9), PG_ARGISNULL(9) ? 0 : PG_GETARG_TIMESTAMPTZ(9));
	old = MemoryContextSwitchTo(context);
	add_record(state, copy_record(&record));
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

/*
 * survive_combine(internal, internal) returns internal: adds the records of the
 * second state to the first.
 */
Datum
omnicrm_survive_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				old;
	SurviveState *state;
	SurviveState *other;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "survive_combine called outside an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = (SurviveState *) PG_GETARG_POINTER(1);
	if (PG_ARGISNULL(0))
		state = make_state(context, survive_find_plan(fcinfo, other->plan->json));
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	if (!survive_same_plan(state->plan, other->plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the survivorship plan differs within one group of rows")));
	check_date(state, other->has_as_of, other->as_of);
	old = MemoryContextSwitchTo(context);
	for (int i = 0; i < other->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_record(state, copy_record(other->records[i]));
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

static void
send_bytes(StringInfo out, const char *bytes, int length)
{
	pq_sendint32(out, length);
	pq_sendbytes(out, bytes, length);
}

static void
send_record(StringInfo out, const SurviveRecord *record, int columns)
{
	char	   *place = ARR_DATA_PTR(record->vals);
	const bits8 *bitmap = ARR_NULLBITMAP(record->vals);

	pq_sendint64(out, record->record_id);
	pq_sendint64(out, record->source_id);
	pq_sendfloat8(out, record->trust);
	pq_sendint64(out, record->business_at);
	send_bytes(out, record->quality, record->quality_length);
	for (int i = 0; i < columns; i++)
	{
		if (bitmap != NULL && (bitmap[i / 8] & (1 << (i % 8))) == 0)
		{
			pq_sendint32(out, -1);
			continue;
		}
		send_bytes(out, VARDATA_ANY(place), VARSIZE_ANY_EXHDR(place));
		place = att_addlength_pointer(place, -1, place);
		place = (char *) att_align_nominal(place, TYPALIGN_INT);
	}
	if (record->attributes == NULL)
		pq_sendint32(out, -1);
	else
	{
		char	   *json = JsonbToCString(NULL, &record->attributes->root, VARSIZE(record->attributes));

		send_bytes(out, json, strlen(json));
		pfree(json);
	}
}

/*
 * survive_serialize(internal) returns bytea: version, plan, date and the records.
 */
Datum
omnicrm_survive_serialize(PG_FUNCTION_ARGS)
{
	SurviveState *state = (SurviveState *) PG_GETARG_POINTER(0);
	StringInfoData out;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_serialize called outside an aggregate");
	survive_plan_text(state->plan);
	pq_begintypsend(&out);
	pq_sendint32(&out, STATE_VERSION);
	send_bytes(&out, state->plan->text, state->plan->text_length);
	pq_sendbyte(&out, state->has_as_of);
	pq_sendint64(&out, state->as_of);
	pq_sendint32(&out, state->count);
	for (int i = 0; i < state->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		send_record(&out, state->records[i], state->plan->columns);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

static void
refuse_bytes(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialised state of survive")));
}

/* Bytes as sent; NULL for none.  They stay where they are. */
static const char *
receive_bytes(StringInfo in, int *length)
{
	*length = (int) pq_getmsgint(in, 4);
	if (*length == -1)
		return NULL;
	if (*length < 0 || *length > in->len - in->cursor)
		refuse_bytes();
	return pq_getmsgbytes(in, *length);
}

/* The same as text of the database's encoding. */
static const char *
receive_text(StringInfo in, int *length)
{
	const char *text = receive_bytes(in, length);

	if (text != NULL)
		pg_verify_mbstr(GetDatabaseEncoding(), text, *length, false);
	return text;
}

/* Reads a record as sent; values and nulls are room for those of the plan. */
static SurviveRecord *
receive_record(StringInfo in, const SurvivePlan *plan, Datum *values, bool *nulls)
{
	SurviveRecord record;
	const char *json;
	int			dims[1];
	int			bounds[1] = {1};
	int			length;

	record.record_id = pq_getmsgint64(in);
	record.source_id = pq_getmsgint64(in);
	record.trust = pq_getmsgfloat8(in);
	record.business_at = pq_getmsgint64(in);
	if (isnan(record.trust) ||
		(record.business_at != DT_NOBEGIN && !IS_VALID_TIMESTAMP(record.business_at)))
		refuse_bytes();
	record.quality = unconstify(char *, receive_bytes(in, &record.quality_length));
	if (record.quality == NULL)
		refuse_bytes();
	for (int i = 0; i < plan->columns; i++)
	{
		const char *text = receive_text(in, &length);

		nulls[i] = text == NULL;
		values[i] = text == NULL ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(text, length));
	}
	dims[0] = plan->columns;
	record.vals = plan->columns == 0 ? construct_empty_array(TEXTOID)
		: construct_md_array(values, nulls, 1, dims, bounds, TEXTOID, -1, false, TYPALIGN_INT);
	check_values(plan, record.vals, record.quality, record.quality_length);
	json = receive_text(in, &length);
	record.attributes = json == NULL ? NULL
		: DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json, length))));
	if (record.attributes != NULL && !JB_ROOT_IS_OBJECT(record.attributes))
		refuse_bytes();
	return copy_record(&record);
}

/*
 * survive_deserialize(bytea, internal) returns internal: the inverse.  Errors:
 * invalid_binary_representation for bytes that are no such state.
 */
Datum
omnicrm_survive_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfoData in;
	SurviveState *state;
	SurvivePlan *plan;
	const char *text;
	Datum	   *values;
	bool	   *nulls;
	bool		has_as_of;
	TimestampTz as_of;
	int			length,
				count;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_deserialize called outside an aggregate");
	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (pq_getmsgint(&in, 4) != STATE_VERSION)
		refuse_bytes();
	text = receive_text(&in, &length);
	if (text == NULL)
		refuse_bytes();
	plan = survive_find_plan_text(fcinfo, text, length);
	state = make_state(CurrentMemoryContext, plan);
	has_as_of = pq_getmsgbyte(&in) != 0;
	as_of = pq_getmsgint64(&in);
	count = pq_getmsgint(&in, 4);
	if (count < 0 || (!TIMESTAMP_NOT_FINITE(as_of) && !IS_VALID_TIMESTAMP(as_of)))
		refuse_bytes();
	check_date(state, has_as_of, as_of);
	values = palloc_array(Datum, Max(plan->columns, 1));
	nulls = palloc_array(bool, Max(plan->columns, 1));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		add_record(state, receive_record(&in, plan, values, nulls));
	}
	pq_getmsgend(&in);
	pfree(in.data);
	PG_RETURN_POINTER(state);
}
