/*
 * survive_state.c
 *		State of the aggregate survive(): the records of one group, collected,
 *		combined and serialised.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "golden/survive.h"

PG_FUNCTION_INFO_V1(omnicrm_survive_transition);
PG_FUNCTION_INFO_V1(omnicrm_survive_combine);
PG_FUNCTION_INFO_V1(omnicrm_survive_serialize);
PG_FUNCTION_INFO_V1(omnicrm_survive_deserialize);

static void
check_values(const SurvivePlan *plan, const ArrayType *vals, const char *quality, int length)
{
	int			n = ArrayGetNItems(ARR_NDIM(vals), ARR_DIMS(vals));
	int			i;

	if (ARR_NDIM(vals) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("values must be an array of one dimension, not %d", ARR_NDIM(vals))));
	if (n != plan->attributes)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d survivorship rules, but %d values", plan->attributes, n)));
	for (i = 0; i < length; i++)
		if (quality[i] < '0' || quality[i] > '9')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the quality of attribute %d is no digit: \"%s\"", i + 1,
							pnstrdup(quality, length)),
					 errhint("Quality has one digit for each attribute: 0 none, 3 implausible, 6 unchecked, 9 valid.")));
}

static SurviveState *
make_state(MemoryContext context, SurvivePlan *plan)
{
	SurviveState *state = MemoryContextAllocZero(context, sizeof(SurviveState));

	state->plan = plan;
	state->space = 2;
	state->records = MemoryContextAlloc(context, sizeof(SurviveRecord) * state->space);
	return state;
}

/* An empty record at the end of a state, in the current memory context. */
static SurviveRecord *
add_record(SurviveState *state, const SurvivePlan *plan)
{
	SurviveRecord *record;

	if (state->plan != plan && !(survive_same_array(state->plan->rules, plan->rules) &&
								 survive_same_array(state->plan->groups, plan->groups)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("survivorship rules or groups differ within one group of rows")));
	if (state->count >= MAX_SURVIVE_RECORDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d records in one group", MAX_SURVIVE_RECORDS)));
	if (state->count == state->space)
	{
		state->space *= 2;
		state->records = repalloc(state->records, sizeof(SurviveRecord) * state->space);
	}
	record = &state->records[state->count++];
	memset(record, 0, sizeof(SurviveRecord));
	return record;
}

static void
refuse_bytes(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialised state of survive")));
}

/*
 * survive_transition(state internal, record_id bigint, source_id bigint, trust
 * double precision, business_at timestamptz, quality text, vals text[], rules
 * text[], groups integer[]) returns internal: keeps one record.  Errors:
 * null_value_not_allowed for record_id, vals or rules, array_subscript_error
 * for arrays of different length, invalid_parameter_value for an unknown rule,
 * a quality that is no digit, a trust that is no number or different rules in
 * one group, program_limit_exceeded.
 */
Datum
omnicrm_survive_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				old;
	SurviveState *state;
	SurvivePlan *plan;
	SurviveRecord *record;
	ArrayType  *vals;
	text	   *quality = NULL;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "survive_transition called outside an aggregate");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(6) || PG_ARGISNULL(7))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("survive needs a record id, values and rules")));
	plan = survive_find_plan(fcinfo, PG_GETARG_ARRAYTYPE_P(7),
					 PG_ARGISNULL(8) ? NULL : PG_GETARG_ARRAYTYPE_P(8));
	vals = PG_GETARG_ARRAYTYPE_P(6);
	if (!PG_ARGISNULL(5))
		quality = PG_GETARG_TEXT_PP(5);
	check_values(plan, vals, quality ? VARDATA_ANY(quality) : NULL,
				 quality ? VARSIZE_ANY_EXHDR(quality) : 0);

	if (PG_ARGISNULL(0))
		state = make_state(context, plan);
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	old = MemoryContextSwitchTo(context);
	record = add_record(state, plan);
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
	if (quality != NULL)
	{
		record->quality_length = VARSIZE_ANY_EXHDR(quality);
		record->quality = palloc(record->quality_length + 1);
		memcpy(record->quality, VARDATA_ANY(quality), record->quality_length);
	}
	record->vals = survive_copy_array(vals);
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
	int			i;

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
		state = make_state(context, survive_find_plan(fcinfo, other->plan->rules, other->plan->groups));
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	old = MemoryContextSwitchTo(context);
	for (i = 0; i < other->count; i++)
	{
		const SurviveRecord *from = &other->records[i];
		SurviveRecord *record = add_record(state, other->plan);

		record->record_id = from->record_id;
		record->source_id = from->source_id;
		record->trust = from->trust;
		record->business_at = from->business_at;
		record->quality_length = from->quality_length;
		record->quality = palloc(from->quality_length + 1);
		memcpy(record->quality, from->quality, from->quality_length);
		record->vals = survive_copy_array(from->vals);
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

static void
send_array(StringInfo out, const ArrayType *array)
{
	pq_sendint32(out, array == NULL ? 0 : VARSIZE(array));
	if (array != NULL)
		pq_sendbytes(out, (char *) array, VARSIZE(array));
}

/*
 * survive_serialize(internal) returns bytea: version, rules, groups and the
 * records.
 */
Datum
omnicrm_survive_serialize(PG_FUNCTION_ARGS)
{
	SurviveState *state = (SurviveState *) PG_GETARG_POINTER(0);
	StringInfoData out;
	int			i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_serialize called outside an aggregate");
	pq_begintypsend(&out);
	pq_sendint32(&out, STATE_VERSION);
	send_array(&out, state->plan->rules);
	send_array(&out, state->plan->groups);
	pq_sendint32(&out, state->count);
	for (i = 0; i < state->count; i++)
	{
		const SurviveRecord *record = &state->records[i];

		pq_sendint64(&out, record->record_id);
		pq_sendint64(&out, record->source_id);
		pq_sendfloat8(&out, record->trust);
		pq_sendint64(&out, record->business_at);
		pq_sendint32(&out, record->quality_length);
		pq_sendbytes(&out, record->quality, record->quality_length);
		send_array(&out, record->vals);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/* An array as sent; NULL for none.  The bytes come from survive_serialize(). */
static ArrayType *
receive_array(StringInfo in, Oid element)
{
	int			size = pq_getmsgint(in, 4);
	ArrayType  *array;

	if (size == 0)
		return NULL;
	if (size < (int) sizeof(ArrayType) || size > in->len - in->cursor)
		refuse_bytes();
	array = palloc(size);
	pq_copymsgbytes(in, (char *) array, size);
	if (VARSIZE(array) != size || ARR_ELEMTYPE(array) != element)
		refuse_bytes();
	return array;
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
	ArrayType  *rules,
			   *groups;
	int			count,
				i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_deserialize called outside an aggregate");
	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (pq_getmsgint(&in, 4) != STATE_VERSION)
		refuse_bytes();
	rules = receive_array(&in, TEXTOID);
	groups = receive_array(&in, INT4OID);
	if (rules == NULL)
		refuse_bytes();
	plan = survive_find_plan(fcinfo, rules, groups);
	state = make_state(CurrentMemoryContext, plan);
	count = pq_getmsgint(&in, 4);
	for (i = 0; i < count; i++)
	{
		SurviveRecord *record = add_record(state, plan);

		record->record_id = pq_getmsgint64(&in);
		record->source_id = pq_getmsgint64(&in);
		record->trust = pq_getmsgfloat8(&in);
		record->business_at = pq_getmsgint64(&in);
		record->quality_length = pq_getmsgint(&in, 4);
		if (record->quality_length < 0 || record->quality_length > in.len - in.cursor)
			refuse_bytes();
		record->quality = palloc(record->quality_length + 1);
		pq_copymsgbytes(&in, record->quality, record->quality_length);
		record->vals = receive_array(&in, TEXTOID);
		if (record->vals == NULL)
			refuse_bytes();
		check_values(plan, record->vals, record->quality, record->quality_length);
	}
	pq_getmsgend(&in);
	pfree(in.data);
	PG_RETURN_POINTER(state);
}
