/*
 * customer_stats_value.c
 *		The type omnicrm.customer_stats: reading, writing, text and binary form.
 *
 * A value is what the states of the aggregate are handed over as: version, sums,
 * counts, currency and days, big-endian.  Its text form is that in hexadecimal.
 * Whatever comes from outside is checked as a whole.
 */
#include "postgres.h"

#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "common/hex.h"
#include "segment/customer_stats.h"

#define VALUE_VERSION 1
#define VALUE_HEADER (4 + 4 * 16 + 3 * 8 + STATS_CURRENCY_SIZE + 4)

PG_FUNCTION_INFO_V1(omnicrm_customer_stats_in);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_out);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_recv);
PG_FUNCTION_INFO_V1(omnicrm_customer_stats_send);

/* Cursor over the bytes of a value; both directions in network order. */
static inline void
put32(char **at, uint32 value)
{
	value = pg_hton32(value);
	memcpy(*at, &value, 4);
	*at += 4;
}

static inline void
put64(char **at, uint64 value)
{
	value = pg_hton64(value);
	memcpy(*at, &value, 8);
	*at += 8;
}

static inline void
put128(char **at, int128 value)
{
	put64(at, (uint64) (value >> 64));
	put64(at, (uint64) value);
}

static inline uint32
get32(const char **at)
{
	uint32		value;

	memcpy(&value, *at, 4);
	*at += 4;
	return pg_ntoh32(value);
}

static inline uint64
get64(const char **at)
{
	uint64		value;

	memcpy(&value, *at, 8);
	*at += 8;
	return pg_ntoh64(value);
}

static inline int128
get128(const char **at)
{
	uint128		high = get64(at);

	return (int128) (high << 64 | get64(at));
}

/* The value of a state. */
bytea *
customer_stats_write(CustomerStats *stats)
{
	Size		size;
	bytea	   *value;
	char	   *at;

	customer_stats_order(stats);
	size = VARHDRSZ + VALUE_HEADER + (Size) stats->count * sizeof(DateADT);
	value = palloc(size);
	SET_VARSIZE(value, size);
	at = VARDATA(value);
	put32(&at, VALUE_VERSION);
	put128(&at, stats->returned);
	put128(&at, stats->margin);
	put128(&at, stats->sold);
	put128(&at, stats->first_sold);
	put64(&at, stats->sales);
	put64(&at, stats->returns);
	put64(&at, stats->with_margin);
	memcpy(at, stats->currency, STATS_CURRENCY_SIZE);
	at += STATS_CURRENCY_SIZE;
	put32(&at, stats->count);
	for (int32 i = 0; i < stats->count; i++)
		put32(&at, (uint32) stats->days[i]);
	return value;
}

/* Do the counts, sums and days agree with each other? */
static bool
is_consistent(const CustomerStats *stats)
{
	const int64 limit = PG_INT64_MAX / 2;

	if (stats->sales < 0 || stats->sales > limit || stats->returns < 0 || stats->returns > limit ||
		stats->with_margin < 0 || stats->with_margin > stats->sales + stats->returns)
		return false;
	if (stats->currency[STATS_CURRENCY_SIZE - 1] != '\0' ||
		(stats->currency[0] != '\0') != (strlen(stats->currency) == STATS_CURRENCY_SIZE - 1))
		return false;
	if (stats->count > stats->sales || (stats->count == 0) != (stats->sales == 0))
		return false;
	if (stats->count == 0)
		return stats->sold == 0 && stats->first_sold == 0;
	if ((stats->count == 1 && stats->sold != stats->first_sold) || (stats->returns == 0 && stats->returned != 0))
		return false;
	for (int32 i = 0; i < stats->count; i++)
		if (!IS_VALID_DATE(stats->days[i]) || (i > 0 && stats->days[i] <= stats->days[i - 1]))
			return false;
	return true;
}

/*
 * The state of a value.  Without days, only the sums, the counts, the currency
 * and the first day are read.  Errors: invalid_binary_representation unless it
 * is well formed.
 */
CustomerStats *
customer_stats_read(bytea *source, bool with_days)
{
	const char *at = VARDATA_ANY(source);
	Size		size = VARSIZE_ANY_EXHDR(source);
	CustomerStats *stats = NULL;

	if (size >= VALUE_HEADER && (size - VALUE_HEADER) % sizeof(DateADT) == 0 && get32(&at) == VALUE_VERSION)
	{
		Size		count = (size - VALUE_HEADER) / sizeof(DateADT);

		stats = customer_stats_make(CurrentMemoryContext, with_days ? (int32) count : 0);
		stats->returned = get128(&at);
		stats->margin = get128(&at);
		stats->sold = get128(&at);
		stats->first_sold = get128(&at);
		stats->sales = (int64) get64(&at);
		stats->returns = (int64) get64(&at);
		stats->with_margin = (int64) get64(&at);
		memcpy(stats->currency, at, STATS_CURRENCY_SIZE);
		at += STATS_CURRENCY_SIZE;
		stats->count = stats->ordered = (int32) get32(&at);
		for (Size i = 0; i < (with_days ? count : Min(count, 1)); i++)
			stats->days[i] = (DateADT) get32(&at);
		if (stats->count != (int32) count)
			stats = NULL;
		else if (count > 0)
			stats->first = stats->days[0];
	}
	if (stats == NULL || (with_days && !is_consistent(stats)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid value of customer_stats"),
				 errhint("Give a result of customer_stats() or stats_rollup().")));
	return stats;
}

/* Input: hexadecimal, as bytea.  Errors: invalid_binary_representation and those of bytea. */
Datum
omnicrm_customer_stats_in(PG_FUNCTION_ARGS)
{
	bytea	   *value = DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)));

	PG_RETURN_BYTEA_P(customer_stats_write(customer_stats_read(value, true)));
}

/* Output: \x and the bytes in hexadecimal, whatever bytea_output says. */
Datum
omnicrm_customer_stats_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(omni_hex_text(PG_GETARG_BYTEA_PP(0)));
}

/* Receive.  Errors: invalid_binary_representation. */
Datum
omnicrm_customer_stats_recv(PG_FUNCTION_ARGS)
{
	bytea	   *value = DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)));

	PG_RETURN_BYTEA_P(customer_stats_write(customer_stats_read(value, true)));
}

/* Send: the bytes. */
Datum
omnicrm_customer_stats_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
