/*
 * match_compared.c
 *		A record in the form in which the engine compares it, packed into bytes, and
 *		the keys by which an index finds it.
 *
 * The bytes are a version, then for each field that has a value, in the order of
 * the model: the number of the field; its kind (four bits), the number of groups
 * of equivalent names (three) and whether it makes keys (one); the length of the
 * text; the groups, two bytes each, the higher one first; the text.  No value at
 * all is no byte.  They hold whatever the keys depend on, so that an index over
 * keys needs no model, and two records have the same bytes when they have the same
 * values.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "identity/judge.h"

PG_FUNCTION_INFO_V1(omnicrm_match_compared);
PG_FUNCTION_INFO_V1(omnicrm_match_compared_row);
PG_FUNCTION_INFO_V1(omnicrm_match_compared_keys);
PG_FUNCTION_INFO_V1(omnicrm_match_short_keys);
PG_FUNCTION_INFO_V1(omnicrm_match_whole_key);
PG_FUNCTION_INFO_V1(omnicrm_match_key_limits);

#define PACKED_VERSION		1
/* number of field, kind and length, before the groups and the text */
#define PACKED_HEAD			3
#define PACKED_MAX			(1 + MATCH_FIELDS_MAX * (PACKED_HEAD + 2 * MATCH_GROUPS_MAX + MATCH_TEXT_MAX))
#define KIND_BITS			4
#define KIND_MASK			((1 << KIND_BITS) - 1)
#define GROUPS_MASK			7
#define BLOCKING_BIT		0x80
#define DATE_LENGTH			8

/* Writes a value down; the number of bytes. */
static int
pack_value(const MatchField *field, int f, const MatchValue *value, const char *text, unsigned char *to)
{
	unsigned char *at = to + PACKED_HEAD;
	int			ngroups = 0;

	for (; ngroups < MATCH_GROUPS_MAX && value->groups[ngroups] != 0; ngroups++)
	{
		*at++ = value->groups[ngroups] >> 8;
		*at++ = value->groups[ngroups] & 0xff;
	}
	to[0] = f;
	to[1] = field->kind | ngroups << KIND_BITS | (field->blocking ? BLOCKING_BIT : 0);
	to[2] = value->length;
	memcpy(at, text, value->length);
	return at + value->length - to;
}

pg_noreturn static void
bad_packed(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid values of a record: %s", what),
			 errhint("Make them with omnicrm.match_compared() of this model.")));
}

/* Whether a value may stand where it stands, in a record of the model, when there is one. */
static void
check_value(const MatchPacked *value, int previous, const MatchModel *model)
{
	if (value->field <= previous || value->field >= MATCH_FIELDS_MAX)
		bad_packed(psprintf("no place for field %d", value->field));
	if (value->kind > MATCH_NUMBER)
		bad_packed(psprintf("field %d is of kind %d", value->field, value->kind));
	if (value->ngroups > MATCH_GROUPS_MAX)
		bad_packed(psprintf("field %d has %d groups of names", value->field, value->ngroups));
	if (value->length < 1 || value->length > MATCH_TEXT_MAX ||
		(value->kind == MATCH_BIRTH_DATE && value->length != DATE_LENGTH))
		bad_packed(psprintf("field %d is %d bytes long", value->field, value->length));
	if (model == NULL)
		return;
	if (value->field >= model->nfields || value->kind != model->field[value->field].kind ||
		value->blocking != model->field[value->field].blocking)
		bad_packed(psprintf("field %d is not that of the model", value->field));
}

/*
 * omni_match_unpack: the values of a packed record.
 * Arguments: its bytes; the model that the values must be of, or NULL for any; room
 * for MATCH_FIELDS_MAX values.
 * Result: their number; they point into the bytes.
 * Errors: invalid_parameter_value for bytes that no record of the model gives.
 */
int
omni_match_unpack(const bytea *packed, const MatchModel *model, MatchPacked *values)
{
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(packed);
	const unsigned char *end = at + VARSIZE_ANY_EXHDR(packed);
	int			n = 0;

	if (at == end)
		return 0;
	if (*at != PACKED_VERSION)
		bad_packed(psprintf("version %d", *at));
	at++;
	if (at == end)
		bad_packed("no field");
	while (at < end)
	{
		MatchPacked *value = &values[n];

		if (end - at < PACKED_HEAD)
			bad_packed("they end within a field");
		value->field = at[0];
		value->kind = at[1] & KIND_MASK;
		value->ngroups = at[1] >> KIND_BITS & GROUPS_MASK;
		value->blocking = (at[1] & BLOCKING_BIT) != 0;
		value->length = at[2];
		/* the numbers of the fields ascend, so that there is room for each */
		check_value(value, n > 0 ? values[n - 1].field : -1, model);
		value->groups = at + PACKED_HEAD;
		value->text = value->groups + 2 * value->ngroups;
		if (end - at < PACKED_HEAD + 2 * value->ngroups + value->length)
			bad_packed("they end within a field");
		at = value->text + value->length;
		value->local = 0;
		while (value->kind == MATCH_EMAIL && value->local < value->length && value->text[value->local] != '@')
			value->local++;
		n++;
	}
	return n;
}

/*
 * omni_match_make_reach: what omni_match_within_reach() asks of a probe, each time.
 */
void
omni_match_make_reach(MatchReach *reach, const MatchProbe *probe)
{
	const MatchModel *model = probe->data->model;

	memset(reach, 0, sizeof(*reach));
	reach->probe = probe;
	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];
		const MatchDictionary *dictionary = &probe->data->dictionary[f];
		MatchReachField *own = &reach->field[f];

		own->head = field->kind | (field->blocking ? BLOCKING_BIT : 0);
		if (probe->row[f] == MATCH_NULL)
			continue;
		own->length = dictionary->values[probe->row[f]].length;
		own->text = omni_match_text(dictionary, &dictionary->values[probe->row[f]]);
		own->equal = field->best[1 << 0] + dictionary->adjust[probe->row[f]];
		own->different = field->best_different;
	}
}

/* Bytes before the text of a packed value. */
static inline int
head_length(const unsigned char *value)
{
	return PACKED_HEAD + 2 * (value[1] >> KIND_BITS & GROUPS_MASK);
}

/* Whether a packed value is that of the probe. */
static inline bool
same_packed(const MatchReachField *own, const unsigned char *value)
{
	return own->length == value[2] && memcmp(own->text, value + head_length(value), own->length) == 0;
}

/* Whether there is a value of that field, as check_value() has it, before the end. */
static inline bool
sound_packed(const MatchReachField *own, const unsigned char *value, const unsigned char *end)
{
	return (value[1] & ~(GROUPS_MASK << KIND_BITS)) == own->head && (value[1] >> KIND_BITS & GROUPS_MASK) <= MATCH_GROUPS_MAX &&
		value[2] >= 1 && value[2] <= MATCH_TEXT_MAX && end - value >= head_length(value) + value[2] &&
		((own->head & KIND_MASK) != MATCH_BIRTH_DATE || value[2] == DATE_LENGTH);
}

/* The levels, as bits, that a value that is not the probe's may reach. */
static uint32
possible_of(const MatchReach *reach, int f, const unsigned char *at)
{
	MatchPacked value = {0};

	value.field = f;
	value.kind = at[1] & KIND_MASK;
	value.ngroups = at[1] >> KIND_BITS & GROUPS_MASK;
	value.length = at[2];
	value.groups = at + PACKED_HEAD;
	value.text = value.groups + 2 * value.ngroups;
	while (value.kind == MATCH_EMAIL && value.local < value.length && value.text[value.local] != '@')
		value.local++;
	return omni_match_possible_packed(reach->probe, &value);
}

/*
 * omni_match_within_reach: whether the weight of the probe and a packed record may
 * reach the floor: omni_match_bound() for one that has no row, of which as few
 * values as possible are looked at. True for bytes that omni_match_unpack() does not
 * read, which is left to say what is wrong with them.
 * Arguments: the probe; the bytes of the record; the floor in units.
 */
bool
omni_match_within_reach(const MatchReach *reach, const bytea *packed, int32 floor)
{
	const MatchModel *model = reach->probe->data->model;
	const unsigned char *at = (const unsigned char *) VARDATA_ANY(packed);
	const unsigned char *end = at + VARSIZE_ANY_EXHDR(packed);
	const unsigned char *value[MATCH_FIELDS_MAX] = {NULL};
	const MatchReachField *given_name = model->given_name < 0 ? NULL : &reach->field[model->given_name];
	const MatchReachField *surname = model->surname < 0 ? NULL : &reach->field[model->surname];
	int32		most = model->prior_weight;
	uint32		different = 0;

	if (at < end && (*at++ != PACKED_VERSION || at == end))
		return true;
	for (int f, previous = -1; at < end; previous = f)
	{
		const MatchReachField *own = &reach->field[at[0] % MATCH_FIELDS_MAX];

		f = at[0];
		if (end - at < PACKED_HEAD || f <= previous || f >= model->nfields || !sound_packed(own, at, end))
			return true;
		value[f] = at;
		if (own->length > 0)
		{
			bool		same = same_packed(own, at);

			most += same ? own->equal : own->different;
			different |= (same ? 0 : 1) << f;
		}
		at += head_length(at) + at[2];
	}
	/* a name in the given name's column of one and in the surname's of the other */
	if (given_name != NULL && surname != NULL &&
		((given_name->length > 0 && value[model->surname] != NULL && same_packed(given_name, value[model->surname])) ||
		 (surname->length > 0 && value[model->given_name] != NULL && same_packed(surname, value[model->given_name]))))
		return true;
	for (int i = 0; i < model->nfields && most >= floor; i++)
	{
		int			f = model->doubt_order[i];

		if (different >> f & 1)
			most += model->field[f].best[possible_of(reach, f, value[f])] - model->field[f].best_different;
	}
	return most >= floor;
}

/* The values of a record, as texts by field, packed in the context given. */
static bytea *
pack_record(const MatchModel *model, text *const *raw, MemoryContext context)
{
	unsigned char packed[PACKED_MAX];
	int			length = 0;
	bytea	   *result;

	for (int f = 0; f < model->nfields; f++)
	{
		MatchValue	value;
		char		text[MATCH_TEXT_MAX];

		if (raw[f] == NULL || VARSIZE_ANY_EXHDR(raw[f]) > MATCH_RAW_MAX)
			continue;
		memset(&value, 0, sizeof(value));
		if (!omni_match_normalise(&model->field[f], PointerGetDatum(raw[f]), &value, text))
			continue;
		if (length == 0)
			packed[length++] = PACKED_VERSION;
		length += pack_value(&model->field[f], f, &value, text, packed + length);
	}
	result = MemoryContextAlloc(context, VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), packed, length);
	return result;
}

/*
 * match_compared(model jsonb, record jsonb) returns bytea: the values of a record,
 * as the engine compares them.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_compared(PG_FUNCTION_ARGS)
{
	const MatchModel *model = &omni_judge_query_model(fcinfo, 0)->model->model;
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm compared", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	text	   *raw[MATCH_FIELDS_MAX];
	bytea	   *result;

	omni_match_record(PG_GETARG_JSONB_P(1), "the record", model, raw);
	result = pack_record(model, raw, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/* A column of a row as to_jsonb() writes it. */
static text *
column_text(Form_pg_attribute column, Datum value)
{
	char		date[MAXDATELEN + 1];

	switch (column->atttypid)
	{
		case TEXTOID:
		case VARCHAROID:
			return DatumGetTextPP(value);
		case DATEOID:
			JsonEncodeDateTime(date, value, DATEOID, NULL);
			return cstring_to_text(date);
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of the record is of type %s", NameStr(column->attname), format_type_be(column->atttypid)),
					 errhint("Columns are of type text, varchar or date; omnicrm.match_compared() takes any as jsonb.")));
	}
	return NULL;
}

/*
 * match_compared_row(model jsonb, record record) returns bytea: the same of a row, of
 * columns of text and dates.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_compared_row(PG_FUNCTION_ARGS)
{
	const MatchModel *model = &omni_judge_query_model(fcinfo, 0)->model->model;
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1);
	TupleDesc	description = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm compared", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	HeapTupleData tuple = {0};
	Datum	   *values = palloc_array(Datum, description->natts + 1);
	bool	   *nulls = palloc_array(bool, description->natts + 1);
	text	   *raw[MATCH_FIELDS_MAX] = {NULL};
	bool		known = false;
	bytea	   *result;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	heap_deform_tuple(&tuple, description, values, nulls);
	for (int f = 0; f < model->nfields; f++)
	{
		for (int i = 0; i < description->natts; i++)
		{
			Form_pg_attribute column = TupleDescAttr(description, i);

			if (column->attisdropped || strcmp(NameStr(column->attname), model->field[f].column) != 0)
				continue;
			known = true;
			if (!nulls[i])
				raw[f] = column_text(column, values[i]);
			break;
		}
	}
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the record has none of the columns of the model"),
				 errhint("The first one is \"%s\".", model->field[0].column)));
	ReleaseTupleDesc(description);
	result = pack_record(model, raw, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}

/*
 * omni_match_packed_keys: the keys of a packed record, its whole key last; none of
 * a record without values.  Arguments and result as of omni_match_keys_of().
 */
int
omni_match_packed_keys(const bytea *packed, const MatchModel *model, uint64 *keys, uint8 *kinds)
{
	MatchPacked values[MATCH_FIELDS_MAX];
	int			nvalues = omni_match_unpack(packed, model, values);
	int			n = omni_match_keys_of(values, nvalues, keys, kinds);

	if (nvalues == 0)
		return 0;
	keys[n] = omni_match_whole_key(packed);
	kinds[n] = MATCH_KEY_COPY;
	return n + 1;
}

/*
 * match_compared_keys(compared bytea, copy boolean) returns bigint[]: the keys of a
 * record, ascending as numbers without sign; of a copy but the whole key.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_compared_keys(PG_FUNCTION_ARGS)
{
	const bytea *packed = PG_GETARG_BYTEA_PP(0);
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	int			n = omni_match_packed_keys(packed, NULL, keys, kinds);

	if (PG_GETARG_BOOL(1) && n > 0)
		PG_RETURN_ARRAYTYPE_P(omni_match_key_array(&keys[n - 1], 1));
	PG_RETURN_ARRAYTYPE_P(omni_match_key_array(keys, n));
}

/* Orders numbers of 32 bits. */
static int
compare_short_keys(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/*
 * match_short_keys(keys bigint[]) returns integer[]: the lower halves of keys, each
 * once, ascending.  Half the room in an index, at the price of a few strangers that
 * match_meet() passes over.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_match_short_keys(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const int64 *keys = (const int64 *) ARR_DATA_PTR(array);
	int32	   *halves = palloc(Max(n, 1) * sizeof(int32));
	Datum	   *items = palloc(Max(n, 1) * sizeof(Datum));
	int			distinct = 0;

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a key is null")));
	for (int i = 0; i < n; i++)
		halves[i] = (int32) (uint32) keys[i];
	qsort(halves, n, sizeof(int32), compare_short_keys);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || halves[i] != halves[i - 1])
			items[distinct++] = Int32GetDatum(halves[i]);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(items, distinct, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/*
 * match_whole_key(compared bytea) returns bigint: the key of all values at once;
 * NULL where there is none.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_whole_key(PG_FUNCTION_ARGS)
{
	const bytea *packed = PG_GETARG_BYTEA_PP(0);
	MatchPacked values[MATCH_FIELDS_MAX];

	if (omni_match_unpack(packed, NULL, values) == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) omni_match_whole_key(packed));
}

static int
compare_keys(const void *a, const void *b)
{
	uint64		x = ((const MatchKeyEntry *) a)->key;
	uint64		y = ((const MatchKeyEntry *) b)->key;

	return x < y ? -1 : x > y;
}

/*
 * omni_match_key_entries: the distinct keys of a packed record of a model, in
 * ascending order with their kinds.
 * Arguments: its bytes; the model; room for MATCH_KEYS_MAX entries.
 * Result: their number.
 * Errors: invalid_parameter_value.
 */
int
omni_match_key_entries(const bytea *packed, const MatchModel *model, MatchKeyEntry *entries)
{
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	int			n = omni_match_packed_keys(packed, model, keys, kinds);
	int			distinct = 0;

	for (int i = 0; i < n; i++)
	{
		entries[i].key = keys[i];
		entries[i].record = 0;
		entries[i].kind = kinds[i];
	}
	qsort(entries, n, sizeof(MatchKeyEntry), compare_keys);
	for (int i = 0; i < n; i++)
	{
		/* a key that two fields give has the same limit by either */
		if (i == 0 || entries[i].key != entries[distinct - 1].key)
			entries[distinct++] = entries[i];
	}
	return distinct;
}

/*
 * match_key_limits(model jsonb, compared bytea) returns integer[]: the largest block
 * of each key of match_compared_keys(); NULL for the whole key.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_key_limits(PG_FUNCTION_ARGS)
{
	const MatchModel *model = &omni_judge_query_model(fcinfo, 0)->model->model;
	MatchKeyEntry entries[MATCH_KEYS_MAX];
	Datum		limits[MATCH_KEYS_MAX];
	bool		nulls[MATCH_KEYS_MAX];
	int			n = omni_match_key_entries(PG_GETARG_BYTEA_PP(1), model, entries);
	int			lower = 1;

	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT4OID));
	for (int i = 0; i < n; i++)
	{
		nulls[i] = entries[i].kind == MATCH_KEY_COPY;
		limits[i] = nulls[i] ? (Datum) 0 : Int32GetDatum(omni_match_key_limit(model, entries[i].kind));
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(limits, nulls, 1, &n, &lower, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}
