/*
 * clv_state.c
 *		The state in which the fits of lifetime value collect customers.
 *
 * Customers with the same x, t_x and T (and the same covariates) are one cell
 * with a count, so a million customers with times in days are some hundred
 * thousand cells, and states are merged by adding counts.  The fit sorts the
 * cells, so its result is the same for any order of the rows and any number of
 * workers.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "segment/clv.h"

#define STATE_VERSION 1
#define MAX_CELLS 50000000
#define FIRST_CELLS 64

typedef struct CellKey
{
	double		t_x;
	double		t;
	int32		x;
	int32		pattern;
} CellKey;

typedef struct CellEntry
{
	CellKey		key;
	int64		count;
	uint32		hash;
	char		status;
} CellEntry;

/* Spreads the bits of a number (the last step of MurmurHash3). */
static inline uint64
mix(uint64 bits)
{
	bits = (bits ^ bits >> 33) * UINT64CONST(0xff51afd7ed558ccd);
	bits = (bits ^ bits >> 33) * UINT64CONST(0xc4ceb9fe1a85ec53);
	return bits ^ bits >> 33;
}

static inline uint32
hash_cell(const CellKey *key)
{
	uint64		bits;
	uint64		hash;

	memcpy(&bits, &key->t, 8);
	hash = mix(bits ^ ((uint64) key->pattern << 32 | (uint32) key->x));
	memcpy(&bits, &key->t_x, 8);
	return (uint32) mix(hash ^ bits);
}

#define SH_PREFIX cells
#define SH_ELEMENT_TYPE CellEntry
#define SH_KEY_TYPE CellKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_cell(&(key))
#define SH_EQUAL(tb, a, b) (memcmp(&(a), &(b), sizeof(CellKey)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

typedef struct PatternEntry
{
	double		covariate[CLV_MAX_COVARIATES];
	int32		number;
} PatternEntry;

struct ClvState
{
	cells_hash *cells;
	int			ncovariates;	/* -1: not known yet */
	HTAB	   *pattern_numbers;
	double	   *covariates;		/* npatterns times ncovariates */
	int			npatterns;
	int			pattern_capacity;
};

PG_FUNCTION_INFO_V1(omnicrm_clv_fit_accum);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_bg_bb_accum);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_gamma_gamma_accum);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_combine);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_serialize);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_deserialize);

static ClvState *
make_state(MemoryContext context, int64 ncells)
{
	ClvState   *state = MemoryContextAllocZero(context, sizeof(ClvState));

	state->cells = cells_create(context, (uint32) Max(ncells, FIRST_CELLS), NULL);
	state->ncovariates = -1;
	return state;
}

/* The number of a pattern of covariates, which is given one when it is new. */
static int32
pattern_number(ClvState *state, const double *covariate)
{
	PatternEntry key = {{0}, 0};
	PatternEntry *entry;
	bool		found;
	MemoryContext context = state->cells->ctx;
	Size		size = state->ncovariates * sizeof(double);

	if (state->ncovariates == 0)
	{
		state->npatterns = 1;
		return 0;
	}
	if (state->pattern_numbers == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(key.covariate);
		control.entrysize = sizeof(PatternEntry);
		control.hcxt = context;
		state->pattern_numbers = hash_create("patterns of covariates", 256, &control,
											 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		state->pattern_capacity = 16;
		state->covariates = MemoryContextAlloc(context, state->pattern_capacity * size);
	}
	memcpy(key.covariate, covariate, size);
	entry = hash_search(state->pattern_numbers, key.covariate, HASH_ENTER, &found);
	if (found)
		return entry->number;
	if (state->npatterns == state->pattern_capacity)
	{
		state->pattern_capacity *= 2;
		state->covariates = repalloc_huge(state->covariates, state->pattern_capacity * size);
	}
	memcpy(state->covariates + (Size) state->npatterns * state->ncovariates, covariate, size);
	entry->number = state->npatterns++;
	return entry->number;
}

/* Adds so many customers to a cell. */
static void
add_customers(ClvState *state, const CellKey *key, int64 count)
{
	bool		found;
	CellEntry  *entry = cells_insert(state->cells, *key, &found);

	if (!found)
	{
		if (state->cells->members > MAX_CELLS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d different customers in one fit", MAX_CELLS),
					 errhint("Round the times, for example to days, or fit a sample.")));
		entry->count = 0;
	}
	if (count > PG_INT64_MAX / 2 - entry->count)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of customers is out of range")));
	entry->count += count;
}

/* The weight of a row, argument 4: how many customers it stands for. */
static int64
weight_argument(FunctionCallInfo fcinfo)
{
	int64		weight = 1;

	if (PG_NARGS() > 4 && !PG_ARGISNULL(4))
		weight = PG_GETARG_INT64(4);
	if (weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight must not be negative: " INT64_FORMAT, weight),
				 errhint("The weight is the number of customers that the row stands for.")));
	return weight;
}

static void
refuse_customer(int64 x, double t_x, double t, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no possible customer: x " INT64_FORMAT ", t_x %g, T %g", x, t_x, t),
			 errhint("%s", hint)));
}

/* Checks x, t_x and T, of the purchases of a customer in continuous time. */
static void
check_customer(int64 x, double t_x, double t)
{
	if (!(t_x >= 0 && t_x <= t && isfinite(t)))
		refuse_customer(x, t_x, t, "Times must be finite, with 0 <= t_x <= T.");
	if (x < 0 || x > CLV_MAX_X)
		refuse_customer(x, t_x, t, "x is the number of purchases after the first, 0 to 1,000,000.");
	if (x == 0 && t_x != 0)
		refuse_customer(x, t_x, t, "Without a purchase after the first t_x is 0.");
}

/* Reads the covariates of a row, argument 5, and returns the number of their pattern. */
static int32
pattern_argument(FunctionCallInfo fcinfo, ClvState *state)
{
	ArrayType  *array = NULL;
	double		covariate[CLV_MAX_COVARIATES];
	int			count = 0;

	if (PG_NARGS() > 5 && !PG_ARGISNULL(5))
	{
		array = PG_GETARG_ARRAYTYPE_P(5);
		count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		if (ARR_NDIM(array) > 1 || count > CLV_MAX_COVARIATES || array_contains_nulls(array))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("covariates must be one list of at most %d numbers without nulls", CLV_MAX_COVARIATES)));
	}
	if (state->ncovariates < 0)
		state->ncovariates = count;
	if (state->ncovariates != count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of covariates changes from row to row: %d, %d", state->ncovariates, count),
				 errhint("Give each customer the same list of covariates.")));
	for (int i = 0; i < count; i++)
	{
		covariate[i] = ((double *) ARR_DATA_PTR(array))[i] + 0.0;
		if (!isfinite(covariate[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("covariate %d is not finite", i + 1)));
	}
	return pattern_number(state, covariate);
}

/*
 * Transition of the fits in continuous time: (x, t_x, T [, weight [,
 * covariates]]).  A row with a null among the first three adds nothing.
 */
Datum
omnicrm_clv_fit_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ClvState   *state = PG_ARGISNULL(0) ? make_state(context, 0) : (ClvState *) PG_GETARG_POINTER(0);
	int64		weight = weight_argument(fcinfo);
	CellKey		key;
	int64		x;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || weight == 0)
		PG_RETURN_POINTER(state);
	x = PG_GETARG_INT64(1);
	key.t_x = PG_GETARG_FLOAT8(2) + 0.0;
	key.t = PG_GETARG_FLOAT8(3) + 0.0;
	check_customer(x, key.t_x, key.t);
	key.x = (int32) x;
	key.pattern = pattern_argument(fcinfo, state);
	add_customers(state, &key, weight);
	PG_RETURN_POINTER(state);
}

/* Transition of clv_fit_bg_bb(x, t_x, n [, weight]), whose times are counts of opportunities. */
Datum
omnicrm_clv_fit_bg_bb_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ClvState   *state = PG_ARGISNULL(0) ? make_state(context, 0) : (ClvState *) PG_GETARG_POINTER(0);
	int64		weight = weight_argument(fcinfo);
	int64		x;
	int64		t_x;
	int64		n;
	CellKey		key;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || weight == 0)
		PG_RETURN_POINTER(state);
	x = PG_GETARG_INT64(1);
	t_x = PG_GETARG_INT64(2);
	n = PG_GETARG_INT64(3);
	if (x < 0 || t_x < x || n < t_x || n > CLV_MAX_OPPORTUNITIES || (x == 0) != (t_x == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no possible customer: x " INT64_FORMAT ", t_x " INT64_FORMAT ", n " INT64_FORMAT, x, t_x, n),
				 errhint("x purchases at the n opportunities after the first (at most %d), the last of them at t_x: x <= t_x <= n; without a purchase both are 0.",
						 CLV_MAX_OPPORTUNITIES)));
	key.x = (int32) x;
	key.t_x = t_x;
	key.t = n;
	key.pattern = 0;
	state->ncovariates = 0;
	state->npatterns = 1;
	add_customers(state, &key, weight);
	PG_RETURN_POINTER(state);
}

/*
 * Transition of clv_fit_gamma_gamma(x, mean [, weight]).  Customers without a
 * purchase or with a mean that is not above zero say nothing of the spending of
 * buyers and are left out.
 */
Datum
omnicrm_clv_fit_gamma_gamma_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ClvState   *state = PG_ARGISNULL(0) ? make_state(context, 0) : (ClvState *) PG_GETARG_POINTER(0);
	int64		weight = PG_NARGS() > 3 && !PG_ARGISNULL(3) ? PG_GETARG_INT64(3) : 1;
	int64		x;
	CellKey		key;

	if (weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight must not be negative: " INT64_FORMAT, weight)));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || weight == 0)
		PG_RETURN_POINTER(state);
	x = PG_GETARG_INT64(1);
	key.t = PG_GETARG_FLOAT8(2);
	if (x < 0 || x > CLV_MAX_X || !isfinite(key.t))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no possible customer: x " INT64_FORMAT ", mean amount %g", x, key.t),
				 errhint("x is 0 to 1,000,000, and the mean amount finite.")));
	if (x == 0 || key.t <= 0)
		PG_RETURN_POINTER(state);
	key.x = (int32) x;
	key.t_x = 0;
	key.pattern = 0;
	state->ncovariates = 0;
	state->npatterns = 1;
	add_customers(state, &key, weight);
	PG_RETURN_POINTER(state);
}

/* Merges two states. */
Datum
omnicrm_clv_fit_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	ClvState   *first = PG_ARGISNULL(0) ? NULL : (ClvState *) PG_GETARG_POINTER(0);
	ClvState   *second = PG_ARGISNULL(1) ? NULL : (ClvState *) PG_GETARG_POINTER(1);
	cells_iterator iterator;
	CellEntry  *entry;
	int32	   *number;

	if (first == NULL && second == NULL)
		PG_RETURN_NULL();
	if (first == NULL)
		first = make_state(context, second->cells->members);
	if (second == NULL || second->ncovariates < 0)
		PG_RETURN_POINTER(first);
	if (first->ncovariates >= 0 && first->ncovariates != second->ncovariates)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of covariates changes from row to row: %d, %d",
						first->ncovariates, second->ncovariates)));
	first->ncovariates = second->ncovariates;
	number = palloc_array(int32, second->npatterns);
	for (int i = 0; i < second->npatterns; i++)
		number[i] = pattern_number(first, second->covariates + (Size) i * second->ncovariates);
	cells_start_iterate(second->cells, &iterator);
	while ((entry = cells_iterate(second->cells, &iterator)) != NULL)
	{
		CellKey		key = entry->key;

		key.pattern = number[key.pattern];
		add_customers(first, &key, entry->count);
	}
	pfree(number);
	PG_RETURN_POINTER(first);
}

/* A state as bytea: version, patterns, cells; big-endian. */
Datum
omnicrm_clv_fit_serialize(PG_FUNCTION_ARGS)
{
	ClvState   *state;
	StringInfoData buffer;
	cells_iterator iterator;
	CellEntry  *entry;

	(void) omni_aggregate_context(fcinfo);
	state = (ClvState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint32(&buffer, (uint32) state->ncovariates);
	pq_sendint32(&buffer, (uint32) state->npatterns);
	for (Size i = 0; i < (Size) state->npatterns * Max(state->ncovariates, 0); i++)
		pq_sendfloat8(&buffer, state->covariates[i]);
	pq_sendint64(&buffer, (int64) state->cells->members);
	cells_start_iterate(state->cells, &iterator);
	while ((entry = cells_iterate(state->cells, &iterator)) != NULL)
	{
		pq_sendint32(&buffer, (uint32) entry->key.pattern);
		pq_sendint32(&buffer, (uint32) entry->key.x);
		pq_sendfloat8(&buffer, entry->key.t_x);
		pq_sendfloat8(&buffer, entry->key.t);
		pq_sendint64(&buffer, entry->count);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
refuse_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
}

/* A state from bytea.  Errors: invalid_binary_representation unless it is well formed. */
Datum
omnicrm_clv_fit_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *source;
	StringInfoData buffer;
	ClvState   *state;
	int			ncovariates;
	int			npatterns;
	int64		ncells;

	(void) omni_aggregate_context(fcinfo);
	source = PG_GETARG_BYTEA_PP(0);
	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	if (buffer.len < 20 || pq_getmsgint(&buffer, 4) != STATE_VERSION)
		refuse_state();
	ncovariates = (int) pq_getmsgint(&buffer, 4);
	npatterns = (int) pq_getmsgint(&buffer, 4);
	if (ncovariates < -1 || ncovariates > CLV_MAX_COVARIATES || npatterns < 0 ||
		(ncovariates <= 0 && npatterns > 1) ||
		(int64) npatterns * Max(ncovariates, 0) * 8 > buffer.len - 20)
		refuse_state();
	state = make_state(CurrentMemoryContext, 0);
	state->ncovariates = ncovariates;
	for (int i = 0; i < npatterns; i++)
	{
		double		covariate[CLV_MAX_COVARIATES];

		for (int k = 0; k < ncovariates; k++)
		{
			covariate[k] = pq_getmsgfloat8(&buffer);
			if (!isfinite(covariate[k]))
				refuse_state();
		}
		if (pattern_number(state, covariate) != i)
			refuse_state();
	}
	ncells = pq_getmsgint64(&buffer);
	if (ncells < 0 || ncells > MAX_CELLS || buffer.len - buffer.cursor != ncells * 32)
		refuse_state();
	for (int64 i = 0; i < ncells; i++)
	{
		CellKey		key;
		int64		count;

		key.pattern = (int32) pq_getmsgint(&buffer, 4);
		key.x = (int32) pq_getmsgint(&buffer, 4);
		key.t_x = pq_getmsgfloat8(&buffer);
		key.t = pq_getmsgfloat8(&buffer);
		count = pq_getmsgint64(&buffer);
		if (key.pattern < 0 || key.pattern >= npatterns || key.x < 0 || key.x > CLV_MAX_X ||
			!(key.t_x >= 0 && key.t_x <= key.t) || !isfinite(key.t) || count <= 0)
			refuse_state();
		add_customers(state, &key, count);
	}
	PG_RETURN_POINTER(state);
}

/* The customers of argument 0 in the form for a fit; NULL when there is none. */
ClvData *
clv_data(FunctionCallInfo fcinfo, bool with_pairs)
{
	ClvState   *state;
	ClvCell    *cells;
	int64		ncells = 0;
	cells_iterator iterator;
	CellEntry  *entry;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		return NULL;
	state = (ClvState *) PG_GETARG_POINTER(0);
	if (state->cells->members == 0)
		return NULL;
	cells = MemoryContextAllocHuge(CurrentMemoryContext, state->cells->members * sizeof(ClvCell));
	cells_start_iterate(state->cells, &iterator);
	while ((entry = cells_iterate(state->cells, &iterator)) != NULL)
	{
		ClvCell    *cell = &cells[ncells++];

		cell->t_x = entry->key.t_x;
		cell->t = entry->key.t;
		cell->x = entry->key.x;
		cell->pattern = entry->key.pattern;
		cell->count = entry->count;
	}
	return clv_data_make(cells, ncells, state->covariates, state->npatterns, state->ncovariates, with_pairs);
}
