/*
 * match_meet.c
 *		One changed record against the records that an index names: which of its
 *		keys are full, which records it meets, and what they weigh.
 *
 * Keys, limits and weights are those of a run over all records (match_blocks.c,
 * match_scan.c): whoever keeps an index over the keys finds the same pairs record
 * by record.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge.h"

PG_FUNCTION_INFO_V1(omnicrm_match_meet);
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

/* The number of one of the probe's keys, or -1. */
static inline int
find_key(const ProbeKeys *keys, uint64 key)
{
	/* the two lowest bits say how much a key selects, the others are a hash */
	for (uint32 at = key >> 2; keys->slots[at % KEY_SLOTS] != 0; at++)
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
		uint32		at = keys->entry[i].key >> 2;

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
	qsort(named, n, sizeof(Named), compare_named);
	for (int i = 0; i < n; i++)
	{
		if (named[i].id == probe || (i > 0 && named[i].id == named[i - 1].id))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("id " INT64_FORMAT " is given twice", named[i].id),
					 errhint("Give each record that shares a key once, and not the one that is held against them.")));
	}
	*count = n;
	return named;
}

/* Who else has the keys of the probe; those of too many bring nobody together. */
static void
count_holders(ProbeKeys *keys, Named *named, int nnamed, const MatchModel *model)
{
	uint64		own[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];

	for (int i = 0; i < nnamed; i++)
	{
		int			n = omni_match_packed_keys(named[i].packed, model, own, kinds);

		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < n; k++)
		{
			int			key = find_key(keys, own[k]);

			/* a record may have a key twice */
			if (key < 0 || in_set(&named[i].shared, key))
				continue;
			add_to_set(&named[i].shared, key);
			keys->holders[key]++;
		}
	}
	for (int key = 0; key < keys->n; key++)
	{
		if (in_set(&keys->closed, key) || keys->holders[key] <= omni_match_key_limit(model, keys->entry[key].kind))
			continue;
		add_to_set(&keys->full, key);
		add_to_set(&keys->closed, key);
	}
}

/* Leaves those that share an open key; their number. */
static int
leave_met(Named *named, int n, const KeySet *closed)
{
	int			met = 0;

	for (int i = 0; i < n; i++)
	{
		uint64		open = 0;

		for (int w = 0; w < KEY_WORDS; w++)
			open |= named[i].shared.bits[w] & ~closed->bits[w];
		if (open != 0)
			named[met++] = named[i];
	}
	return met;
}

/* Weighs the probe against those it met; as in a run, the smaller id is held against the greater. */
static void
weigh(Partners *partners, const MatchModel *model, int64 id, const bytea *probe, const Named *named, int n)
{
	const bytea **packed = palloc_array(const bytea *, n + 1);
	MatchProbe *first = palloc0_object(MatchProbe);
	MatchProbe *second = palloc0_object(MatchProbe);
	int32		floor = omni_match_units(model->review);

	packed[0] = probe;
	for (int i = 0; i < n; i++)
		packed[i + 1] = named[i].packed;
	first->data = second->data = omni_match_of_packed(model, n + 1, packed);
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
		double		weight;
		int			at = partners->n;

		if ((i & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (smaller)
			omni_match_probe(second, i + 1);
		units = omni_match_score(mine, other, floor);
		if (units < floor)
			continue;
		weight = (double) units / MATCH_UNIT;
		partners->ids[at] = Int64GetDatum(named[i].id);
		partners->weights[at] = Float8GetDatum(weight);
		partners->probabilities[at] = Float8GetDatum(omni_match_probability(weight));
		partners->patterns[at] = CStringGetTextDatum(omni_match_pattern_text(model, omni_match_compare(mine, other)));
		partners->n++;
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
	bool		nulls[7] = {false};
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
	Datum		values[7];
	Datum		row;

	read_keys(keys, probe, model, PG_GETARG_ARRAYTYPE_P(3));
	named = read_named(PG_GETARG_ARRAYTYPE_P(4), PG_GETARG_ARRAYTYPE_P(5), id, &n);
	count_holders(keys, named, n, model);
	n = leave_met(named, n, &keys->closed);
	if (n > 0)
		weigh(&partners, model, id, probe, named, n);
	put_full_keys(keys, model, values);
	put_partners(&partners, values);
	row = make_row(fcinfo, query, values, lengthof(values), caller);
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
