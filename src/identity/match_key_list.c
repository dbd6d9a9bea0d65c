/*
 * match_key_list.c
 *		match_keys(): the blocking keys of records, for an index of one's own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

PG_FUNCTION_INFO_V1(omnicrm_match_keys);

static int
compare_keys(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * omni_match_key_array: distinct keys in ascending order, as numbers without sign;
 * the argument is sorted.
 */
ArrayType *
omni_match_key_array(uint64 *keys, int n)
{
	Datum	   *items = palloc(Max(n, 1) * sizeof(Datum));
	int			count = 0;

	qsort(keys, n, sizeof(uint64), compare_keys);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || keys[i] != keys[i - 1])
			items[count++] = Int64GetDatum((int64) keys[i]);
	}
	return construct_array(items, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/*
 * match_keys(relation regclass, id_column name, model jsonb)
 * returns rows of id, keys: records that share a key are those that match_pairs()
 * holds against each other.
 */
Datum
omnicrm_match_keys(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchRunOptions options = {0};
	MatchData  *data;
	MemoryContext row;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	omni_match_model(PG_GETARG_JSONB_P(2), model);
	data = omni_match_read(&input, 1, &options, model);
	row = AllocSetContextCreate(CurrentMemoryContext, "omnicrm keys", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(row);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint64		keys[MATCH_KEYS_MAX];
		uint8		kinds[MATCH_KEYS_MAX];
		Datum		values[2];
		bool		nulls[2] = {false};
		int			n = omni_match_keys(data, r, keys, kinds);

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(omni_match_id(data, r));
		values[1] = PointerGetDatum(omni_match_key_array(keys, n));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	MemoryContextDelete(data->context);
	return (Datum) 0;
}
