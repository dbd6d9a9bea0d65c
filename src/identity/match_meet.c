/*
 * match_meet.c
 *		One changed record against the records that an index names: which of its
 *		keys are full, which records it meets, and what they weigh.
 *
 * Keys, limits and weights are those of a run over all records (match_blocks.c,
 * match_scan.c): whoever keeps an index over the keys finds the same pairs record
 * by record.
 *
 * The aggregate is given the lower halves of the keys of the others, as the index
 * has them.  They never say of a record that it lacks a key which it has, so they
 * bound the number of holders from above, and whoever shares none of them meets
 * nobody.  The keys themselves are made for pairs that are worth a look, and for all
 * where the bound does not tell whether a key is full: half of the work of making
 * them for all at each turn.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge.h"

PG_FUNCTION_INFO_V1(omnicrm_match_meet);
PG_FUNCTION_INFO_V1(omnicrm_match_meet_transition);
PG_FUNCTION_INFO_V1(omnicrm_match_meet_combine);
PG_FUNCTION_INFO_V1(omnicrm_match_meet_serial);
PG_FUNCTION_INFO_V1(omnicrm_match_meet_deserial);
PG_FUNCTION_INFO_V1(omnicrm_match_meet_final);
PG_FUNCTION_INFO_V1(omnicrm_match_weigh);

/* a hash table of the probe's keys, at most a third full */
#define KEY_SLOTS		1024
#define KEY_WORDS		((MATCH_KEYS_MAX + 63) / 64)

/* Some of the probe's keys, as bits by their numbers. */
typedef struct KeySet
{
	uint64		bits[KEY_WORDS];
} KeySet;

/* The keys of the probe that may bring records together. */
typedef struct ProbeKeys
{
	int			n;
	MatchKeyEntry entry[MATCH_KEYS_MAX];	/* ascending */
	int64		holders[MATCH_KEYS_MAX];
	KeySet		closed;			/* common to too many, or full: they bring nobody together */
	KeySet		full;
	uint16		slots[KEY_SLOTS];	/* numbers of keys + 1 */
} ProbeKeys;

/* A record that an index named. */
typedef struct Named
{
	int64		id;
	bytea	   *packed;
	KeySet		shared;			/* keys that it has, too */
} Named;

/* State of the aggregate. */
typedef struct Meeting
{
	Datum		json;			/* the model */
	int64		id;
	bytea	   *probe;
	ProbeKeys	keys;			/* holders: an upper bound */
	int			n;
	int			room;
	Named	   *named;
} Meeting;

/* The pairs that are worth a look. */
typedef struct Partners
{
	int			n;
	Datum	   *ids;
	Datum	   *weights;
	Datum	   *probabilities;
	Datum	   *patterns;
} Partners;

static inline void
add_to_set(KeySet *set, int key)
{
	set->bits[key / 64] |= UINT64CONST(1) << (key % 64);
}

static inline bool
in_set(const KeySet *set, int key)
{
	return set->bits[key / 64] >> (key % 64) & 1;
}

/* Where the search for a key begins: the two lowest bits say how much it selects, the others are a hash. */
static inline uint32
first_slot(uint32 short_key)
{
	return short_key >> 2;
}

/* The number of one of the probe's keys, or -1. */
static inline int
find_key(const ProbeKeys *keys, uint64 key)
{
	for (uint32 at = first_slot(key); keys->slots[at % KEY_SLOTS] != 0; at++)
	{
		int			number = keys->slots[at % KEY_SLOTS] - 1;

		if (keys->entry[number].key == key)
			return number;
	}
	return -1;
}

/* The keys of the probe; the whole key, by which copies find each other, is left out. */
static void
read_keys(ProbeKeys *keys, const bytea *probe, const MatchModel *model, ArrayType *common)
{
	Datum	   *elements;
	int			ncommon = omni_array_elements(common, "common_keys", &elements);
	int			n = omni_match_key_entries(probe, model, keys->entry);

	for (int i = 0; i < n; i++)
	{
		uint32		at = first_slot(keys->entry[i].key);

		if (keys->entry[i].kind == MATCH_KEY_COPY)
			continue;
		keys->entry[keys->n] = keys->entry[i];
		keys->holders[keys->n++] = 1;
		while (keys->slots[at % KEY_SLOTS] != 0)
			at++;
		keys->slots[at % KEY_SLOTS] = keys->n;
	}
	for (int i = 0; i < ncommon; i++)
	{
		int			key = find_key(keys, (uint64) DatumGetInt64(elements[i]));

		if (key >= 0)
			add_to_set(&keys->closed, key);
	}
}

static int
compare_named(const void *a, const void *b)
{
	int64		x = ((const Named *) a)->id;
	int64		y = ((const Named *) b)->id;

	return x < y ? -1 : x > y;
}

/* In the order of their ids, each once. */
static void
sort_named(Named *named, int n, int64 probe)
{
	qsort(named, n, sizeof(Named), compare_named);
	for (int i = 0; i < n; i++)
	{
		if (named[i].id == probe || (i > 0 && named[i].id == named[i - 1].id))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("id " INT64_FORMAT " is given twice", named[i].id),
					 errhint("Give each record that shares a key once, and not the one that is held against them.")));
	}
}

/* The records that an index named, in the order of their ids. */
static Named *
read_named(ArrayType *ids, ArrayType *others, int64 probe, int *count)
{
	Datum	   *id;
	Datum	   *packed;
	int			n = omni_array_elements(ids, "ids", &id);
	int			npacked = omni_array_elements(others, "others", &packed);
	Named	   *named = palloc0_array(Named, Max(n, 1));

	if (n != npacked)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d ids for %d records", n, npacked),
				 errhint("ids and others belong together, element by element.")));
	for (int i = 0; i < n; i++)
	{
		named[i].id = DatumGetInt64(id[i]);
		named[i].packed = DatumGetByteaPP(packed[i]);
	}
	sort_named(named, n, probe);
	*count = n;
	return named;
}

/* Which of the probe's keys a record has. */
static void
share_keys(const ProbeKeys *keys, Named *named, const MatchModel *model)
{
	uint64		own[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	int			n = omni_match_packed_keys(named->packed, model, own, kinds);

	memset(&named->shared, 0, sizeof(KeySet));
	for (int k = 0; k < n; k++)
	{
		int			key = find_key(keys, own[k]);

		if (key >= 0)
			add_to_set(&named->shared, key);
	}
}

/* Who else has the keys of the probe; those of too many bring nobody together. */
static void
count_holders(ProbeKeys *keys, Named *named, int nnamed, const MatchModel *model)
{
	for (int i = 0; i < nnamed; i++)
	{
		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		share_keys(keys, &named[i], model);
		for (int key = 0; key < keys->n; key++)
			keys->holders[key] += in_set(&named[i].shared, key);
	}
	for (int key = 0; key < keys->n; key++)
	{
		if (in_set(&keys->closed, key) || keys->holders[key] <= omni_match_key_limit(model, keys->entry[key].kind))
			continue;
		add_to_set(&keys->full, key);
		add_to_set(&keys->closed, key);
	}
}

/* Whether one of them has the values of the probe, which has some. */
static bool
twin_among(const bytea *probe, const Named *named, int n)
{
	for (int i = 0; i < n && VARSIZE_ANY_EXHDR(probe) > 0; i++)
	{
		if (VARSIZE_ANY_EXHDR(named[i].packed) == VARSIZE_ANY_EXHDR(probe) &&
			memcmp(VARDATA_ANY(named[i].packed), VARDATA_ANY(probe), VARSIZE_ANY_EXHDR(probe)) == 0)
			return true;
	}
	return false;
}

/* Whether a record shares an open key. */
static bool
has_met(const Named *named, const KeySet *closed)
{
	uint64		open = 0;

	for (int w = 0; w < KEY_WORDS; w++)
		open |= named->shared.bits[w] & ~closed->bits[w];
	return open != 0;
}

/* Leaves those that share an open key; their number. */
static int
leave_met(Named *named, int n, const KeySet *closed)
{
	int			met = 0;

	for (int i = 0; i < n; i++)
	{
		if (has_met(&named[i], closed))
			named[met++] = named[i];
	}
	return met;
}

/* A probe with room for the patterns of so many fields: all of them are larger than what is read of a call. */
static MatchProbe *
make_probe(const MatchData *data, int patterns)
{
	MatchProbe *probe = palloc0(offsetof(MatchProbe, pattern) + patterns * sizeof(OmniPattern));

	probe->data = data;
	return probe;
}

/* Leaves those that may be worth a look; their number. */
static int
leave_within_reach(const MatchModel *model, const bytea *probe, Named *named, int n, int32 floor)
{
	/* nobody's patterns are asked for */
	MatchProbe *own = make_probe(omni_match_of_packed(model, 1, &probe), 0);
	MatchReach	reach;
	int			left = 0;

	omni_match_probe(own, 0);
	omni_match_make_reach(&reach, own);
	for (int i = 0; i < n; i++)
	{
		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (omni_match_within_reach(&reach, named[i].packed, floor))
			named[left++] = named[i];
	}
	return left;
}

/* Notes a pair. */
static void
add_partner(Partners *partners, MatchProbe *mine, uint32 other, int64 id, int32 units)
{
	double		weight = (double) units / MATCH_UNIT;
	int			at = partners->n++;

	partners->ids[at] = Int64GetDatum(id);
	partners->weights[at] = Float8GetDatum(weight);
	partners->probabilities[at] = Float8GetDatum(omni_match_probability(weight));
	partners->patterns[at] = CStringGetTextDatum(omni_match_pattern_text(mine->data->model, omni_match_compare(mine, other)));
}

/*
 * Weighs the probe against those it met; as in a run, the smaller id is held against
 * the greater.  Where half a key has named them (keys), those that are worth a look
 * must have a whole one.
 */
static void
weigh(Partners *partners, const MatchModel *model, int64 id, const bytea *probe, Named *named, int n, const ProbeKeys *keys)
{
	MatchProbe *first;
	MatchProbe *second;
	const MatchData *data;
	int32		floor = omni_match_units(model->review);
	const bytea **packed;

	n = leave_within_reach(model, probe, named, n, floor);
	if (n == 0)
		return;
	packed = palloc_array(const bytea *, n + 1);
	packed[0] = probe;
	for (int i = 0; i < n; i++)
		packed[i + 1] = named[i].packed;
	data = omni_match_of_packed(model, n + 1, packed);
	first = make_probe(data, model->nfields);
	second = make_probe(data, model->nfields);
	omni_match_probe(first, 0);
	partners->ids = palloc_array(Datum, n);
	partners->weights = palloc_array(Datum, n);
	partners->probabilities = palloc_array(Datum, n);
	partners->patterns = palloc_array(Datum, n);
	for (int i = 0; i < n; i++)
	{
		bool		smaller = named[i].id < id;
		MatchProbe *mine = smaller ? second : first;
		uint32		other = smaller ? 0 : i + 1;
		int32		units;

		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (smaller)
			omni_match_probe(second, i + 1);
		units = omni_match_score(mine, other, floor);
		if (units < floor)
			continue;
		if (keys != NULL)
		{
			share_keys(keys, &named[i], model);
			if (!has_met(&named[i], &keys->closed))
				continue;
		}
		add_partner(partners, mine, other, named[i].id, units);
	}
}

/* Attributes 0 to 2 of a match_meeting: the full keys. */
static void
put_full_keys(const ProbeKeys *keys, const MatchModel *model, Datum *values)
{
	Datum	   *full = palloc_array(Datum, MATCH_KEYS_MAX);
	Datum	   *limits = palloc_array(Datum, MATCH_KEYS_MAX);
	Datum	   *records = palloc_array(Datum, MATCH_KEYS_MAX);
	int			n = 0;

	for (int key = 0; key < keys->n; key++)
	{
		if (!in_set(&keys->full, key))
			continue;
		full[n] = Int64GetDatum((int64) keys->entry[key].key);
		limits[n] = Int32GetDatum(omni_match_key_limit(model, keys->entry[key].kind));
		records[n++] = Int32GetDatum((int32) keys->holders[key]);
	}
	values[0] = PointerGetDatum(construct_array(full, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[1] = PointerGetDatum(construct_array(limits, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(records, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Attributes 3 to 6: the pairs. */
static void
put_partners(const Partners *partners, Datum *values)
{
	values[3] = PointerGetDatum(construct_array(partners->ids, partners->n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	values[4] = PointerGetDatum(construct_array(partners->weights, partners->n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	values[5] = PointerGetDatum(construct_array(partners->probabilities, partners->n, FLOAT8OID, sizeof(float8),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	values[6] = PointerGetDatum(construct_array(partners->patterns, partners->n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The row that a function returns, of so many attributes; it is made in the context given. */
static Datum
make_row(FunctionCallInfo fcinfo, QueryModel *query, Datum *values, int n, MemoryContext context)
{
	bool		nulls[8] = {false};
	MemoryContext old;
	Datum		row;

	if (query->result == NULL)
	{
		TupleDesc	description;

		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != n)
			elog(ERROR, "a function of match_meet.c does not return %d attributes", n);
		query->result = BlessTupleDesc(description);
		MemoryContextSwitchTo(old);
	}
	old = MemoryContextSwitchTo(context);
	row = HeapTupleGetDatum(heap_form_tuple(query->result, values, nulls));
	MemoryContextSwitchTo(old);
	return row;
}

/*
 * match_meet(model jsonb, id bigint, probe bytea, common_keys bigint[], ids bigint[],
 * others bytea[]) returns match_meeting: the full keys of a record, and its pairs
 * with the records that share a key with it.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_match_meet(PG_FUNCTION_ARGS)
{
	QueryModel *query = omni_judge_query_model(fcinfo, 0);
	const MatchModel *model = &query->model->model;
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm meeting", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	int64		id = PG_GETARG_INT64(1);
	const bytea *probe = PG_GETARG_BYTEA_PP(2);
	ProbeKeys  *keys = palloc0_object(ProbeKeys);
	Partners	partners = {0};
	Named	   *named;
	int			n;
	Datum		values[8];
	Datum		row;

	read_keys(keys, probe, model, PG_GETARG_ARRAYTYPE_P(3));
	named = read_named(PG_GETARG_ARRAYTYPE_P(4), PG_GETARG_ARRAYTYPE_P(5), id, &n);
	values[7] = BoolGetDatum(twin_among(probe, named, n));
	count_holders(keys, named, n, model);
	n = leave_met(named, n, &keys->closed);
	if (n > 0)
		weigh(&partners, model, id, probe, named, n, NULL);
	put_full_keys(keys, model, values);
	put_partners(&partners, values);
	row = make_row(fcinfo, query, values, lengthof(values), caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(row);
}

/* The state for the first record that an index named. */
static Meeting *
begin_meeting(FunctionCallInfo fcinfo)
{
	Meeting    *meeting;

	for (int i = 1; i <= 4; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the record, its model or its keys are NULL")));
	}
	meeting = palloc0_object(Meeting);
	meeting->json = datumCopy(PG_GETARG_DATUM(1), false, -1);
	meeting->id = PG_GETARG_INT64(2);
	meeting->probe = PG_GETARG_BYTEA_P_COPY(3);
	read_keys(&meeting->keys, meeting->probe, &omni_judge_model(meeting->json)->model, PG_GETARG_ARRAYTYPE_P(4));
	return meeting;
}

/* Room for another record. */
static Named *
add_named(Meeting *meeting)
{
	Named	   *named;

	if (meeting->n == meeting->room)
	{
		meeting->room = Max(64, 2 * meeting->room);
		meeting->named = meeting->named == NULL ? palloc_array(Named, meeting->room) :
			repalloc_huge(meeting->named, meeting->room * sizeof(Named));
	}
	named = &meeting->named[meeting->n++];
	memset(named, 0, sizeof(Named));
	return named;
}

/* Which of the probe's keys a record may have, by lower halves of its own. */
static void
share_short_keys(ProbeKeys *keys, Named *named, ArrayType *halves)
{
	int			n = ArrayGetNItems(ARR_NDIM(halves), ARR_DIMS(halves));
	const int32 *half = (const int32 *) ARR_DATA_PTR(halves);

	if (array_contains_nulls(halves))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a key is null")));
	for (int i = 0; i < n; i++)
	{
		/* several keys may end alike */
		for (uint32 at = first_slot(half[i]); keys->slots[at % KEY_SLOTS] != 0; at++)
		{
			int			number = keys->slots[at % KEY_SLOTS] - 1;

			if ((uint32) keys->entry[number].key == (uint32) half[i] && !in_set(&named->shared, number))
			{
				add_to_set(&named->shared, number);
				keys->holders[number]++;
			}
		}
	}
}

/*
 * match_meet_transition(state internal, model jsonb, id bigint, probe bytea,
 * common_keys bigint[], other_id bigint, other bytea, other_keys integer[]) returns
 * internal: notes a record that an index named.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_match_meet_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	Meeting    *meeting;
	Named	   *named;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "match_meet_transition called outside of an aggregate");
	if (PG_ARGISNULL(5) || PG_ARGISNULL(6) || PG_ARGISNULL(7))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("another record or its keys are NULL")));
	caller = MemoryContextSwitchTo(context);
	meeting = PG_ARGISNULL(0) ? begin_meeting(fcinfo) : (Meeting *) PG_GETARG_POINTER(0);
	named = add_named(meeting);
	named->id = PG_GETARG_INT64(5);
	named->packed = PG_GETARG_BYTEA_P_COPY(6);
	MemoryContextSwitchTo(caller);
	share_short_keys(&meeting->keys, named, PG_GETARG_ARRAYTYPE_P(7));
	PG_RETURN_POINTER(meeting);
}

/* A value of variable length, copied. */
static void *
copy_value(const void *value)
{
	return memcpy(palloc(VARSIZE_ANY(value)), value, VARSIZE_ANY(value));
}

/*
 * match_meet_combine(a internal, b internal) returns internal: notes the records of
 * both.
 */
Datum
omnicrm_match_meet_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	MemoryContext caller;
	Meeting    *a = PG_ARGISNULL(0) ? NULL : (Meeting *) PG_GETARG_POINTER(0);
	const Meeting *b = PG_ARGISNULL(1) ? NULL : (const Meeting *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "match_meet_combine called outside of an aggregate");
	if (b == NULL)
	{
		if (a == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(a);
	}
	caller = MemoryContextSwitchTo(context);
	if (a == NULL)
	{
		a = palloc_object(Meeting);
		*a = *b;
		a->json = PointerGetDatum(copy_value(DatumGetPointer(b->json)));
		a->probe = copy_value(b->probe);
		a->n = a->room = 0;
		a->named = NULL;
	}
	else
	{
		/* each has counted the probe itself */
		for (int key = 0; key < a->keys.n; key++)
			a->keys.holders[key] += b->keys.holders[key] - 1;
	}
	for (int i = 0; i < b->n; i++)
	{
		Named	   *named = add_named(a);

		*named = b->named[i];
		named->packed = copy_value(b->named[i].packed);
	}
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(a);
}

/* A value of variable length, after its length. */
static void
put_value(StringInfo buffer, const void *value)
{
	uint32		length = VARSIZE_ANY(value);

	pq_sendbytes(buffer, (const char *) &length, sizeof(length));
	pq_sendbytes(buffer, (const char *) value, length);
}

/*
 * match_meet_serial(state internal) returns bytea: the state for another process of
 * this server.
 */
Datum
omnicrm_match_meet_serial(PG_FUNCTION_ARGS)
{
	const Meeting *meeting = (const Meeting *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, (const char *) meeting, sizeof(Meeting));
	put_value(&buffer, DatumGetPointer(meeting->json));
	put_value(&buffer, meeting->probe);
	for (int i = 0; i < meeting->n; i++)
	{
		pq_sendbytes(&buffer, (const char *) &meeting->named[i], sizeof(Named));
		put_value(&buffer, meeting->named[i].packed);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Reads so many bytes. */
static void
take(const char **at, const char *end, void *to, Size length)
{
	if (end - *at < (ptrdiff_t) length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of match_meet")));
	memcpy(to, *at, length);
	*at += length;
}

/* A value of variable length; a header of four bytes need not be aligned where it lies. */
static void *
take_value(const char **at, const char *end)
{
	uint32		length;
	void	   *value;

	take(at, end, &length, sizeof(length));
	value = palloc(length);
	take(at, end, value, length);
	return value;
}

/*
 * match_meet_deserial(state bytea, internal) returns internal: see match_meet_serial().
 * Only an aggregate calls it, so the state is its own.
 */
Datum
omnicrm_match_meet_deserial(PG_FUNCTION_ARGS)
{
	const bytea *state = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(state);
	const char *end = at + VARSIZE_ANY_EXHDR(state);
	Meeting    *meeting = palloc_object(Meeting);

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "match_meet_deserial called outside of an aggregate");
	take(&at, end, meeting, sizeof(Meeting));
	meeting->json = PointerGetDatum(take_value(&at, end));
	meeting->probe = take_value(&at, end);
	meeting->room = Max(meeting->n, 1);
	meeting->named = MemoryContextAllocHuge(CurrentMemoryContext, meeting->room * sizeof(Named));
	for (int i = 0; i < meeting->n; i++)
	{
		take(&at, end, &meeting->named[i], sizeof(Named));
		meeting->named[i].packed = take_value(&at, end);
	}
	PG_RETURN_POINTER(meeting);
}

/* Whether a key may have too many holders, by lower halves of keys. */
static bool
may_be_full(const ProbeKeys *keys, const MatchModel *model)
{
	for (int key = 0; key < keys->n; key++)
	{
		if (!in_set(&keys->closed, key) && keys->holders[key] > omni_match_key_limit(model, keys->entry[key].kind))
			return true;
	}
	return false;
}

/*
 * match_meet_final(state internal) returns match_meeting: as match_meet() of the
 * records that were noted; the state stays as it is.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_meet_final(PG_FUNCTION_ARGS)
{
	const Meeting *meeting = PG_ARGISNULL(0) ? NULL : (const Meeting *) PG_GETARG_POINTER(0);
	QueryModel	unused = {0};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm meeting", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	ProbeKeys  *keys = palloc0_object(ProbeKeys);
	Partners	partners = {0};
	const MatchModel *model = NULL;
	Datum		values[8];
	Datum		row;

	values[7] = BoolGetDatum(false);
	if (meeting != NULL)
	{
		int			n = meeting->n;
		Named	   *named = palloc_array(Named, n);
		bool		exact;

		model = &omni_judge_model(meeting->json)->model;
		memcpy(named, meeting->named, n * sizeof(Named));
		sort_named(named, n, meeting->id);
		values[7] = BoolGetDatum(twin_among(meeting->probe, named, n));
		*keys = meeting->keys;
		exact = may_be_full(keys, model);
		if (exact)
		{
			for (int key = 0; key < keys->n; key++)
				keys->holders[key] = 1;
			count_holders(keys, named, n, model);
		}
		n = leave_met(named, n, &keys->closed);
		if (n > 0)
			weigh(&partners, model, meeting->id, meeting->probe, named, n, exact ? NULL : keys);
	}
	put_full_keys(keys, model, values);
	put_partners(&partners, values);
	row = make_row(fcinfo, &unused, values, lengthof(values), caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(row);
}

/*
 * match_weigh(model jsonb, a bytea, b bytea) returns a row of weight, probability,
 * pattern: two records, whatever keys they have.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_weigh(PG_FUNCTION_ARGS)
{
	QueryModel *query = omni_judge_query_model(fcinfo, 0);
	const MatchModel *model = &query->model->model;
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm weighing", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	const bytea *packed[2] = {PG_GETARG_BYTEA_PP(1), PG_GETARG_BYTEA_PP(2)};
	MatchProbe *probe = palloc0_object(MatchProbe);
	double		weight;
	Datum		values[3];
	Datum		row;

	probe->data = omni_match_of_packed(model, 2, packed);
	omni_match_probe(probe, 0);
	weight = (double) omni_match_score(probe, 1, PG_INT32_MIN) / MATCH_UNIT;
	values[0] = Float8GetDatum(weight);
	values[1] = Float8GetDatum(omni_match_probability(weight));
	values[2] = CStringGetTextDatum(omni_match_pattern_text(model, omni_match_compare(probe, 1)));
	row = make_row(fcinfo, query, values, lengthof(values), caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(row);
}
