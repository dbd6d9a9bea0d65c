/*
 * keyed_hash.c
 *		Keyed hashes: HMAC-SHA256 (FIPS 198-1, RFC 2104) of a text under a secret,
 *		by PostgreSQL's own implementation.
 *
 * A plain hash of a phone number or an e-mail address is that number or address:
 * there are so few that all of them can be hashed and compared.  Under a secret
 * that whoever guesses does not have, the hash says nothing, and still the same
 * text gives the same hash.
 *
 * Neither function of the secret branches on, or reads memory at places chosen
 * by, a byte of secret or value: their time depends on the lengths alone.
 *
 * short_tag() comes before them where many values have to be looked up and few
 * are found: it takes a hundredth of the time, and so few bits that each stands
 * for thousands of values of any kind.
 */
#include "postgres.h"

#include "common/hmac.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"

#include "common/compat.h"

/* what is shorter can be guessed */
#define SECRET_MIN 16
#define TAG_BITS 20

PG_FUNCTION_INFO_V1(omnicrm_keyed_hash);
PG_FUNCTION_INFO_V1(omnicrm_keyed_hash_matches);
PG_FUNCTION_INFO_V1(omnicrm_short_tag);

static void
compute_hash(const bytea *secret, const text *value, uint8 *hash)
{
	pg_hmac_ctx *context;

	if (VARSIZE_ANY_EXHDR(secret) < SECRET_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("secret must have at least %d bytes, got %zu", SECRET_MIN, (size_t) VARSIZE_ANY_EXHDR(secret)),
				 errhint("Take 32 random bytes.")));
	context = pg_hmac_create(PG_SHA256);
	if (context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	if (pg_hmac_init(context, (const uint8 *) VARDATA_ANY(secret), VARSIZE_ANY_EXHDR(secret)) < 0 ||
		pg_hmac_update(context, (const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) < 0 ||
		pg_hmac_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute HMAC: %s", pg_hmac_error(context));
	pg_hmac_free(context);
}

/*
 * keyed_hash(secret bytea, value text) returns bytea: the 32 bytes of
 * HMAC-SHA256 of the bytes of the value in the encoding of the database.
 * Error: invalid_parameter_value for a secret below 16 bytes.
 */
Datum
omnicrm_keyed_hash(PG_FUNCTION_ARGS)
{
	bytea	   *secret = PG_GETARG_BYTEA_PP(0);
	text	   *value = PG_GETARG_TEXT_PP(1);
	bytea	   *result = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(result, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	compute_hash(secret, value, (uint8 *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

/*
 * keyed_hash_matches(secret bytea, value text, hash bytea) returns boolean: is
 * this the keyed hash of the value?  All bytes are compared, wherever the first
 * difference is, so that the time of an answer does not tell how much of a
 * forged hash is right.  Error: invalid_parameter_value for a secret below 16
 * bytes.
 */
Datum
omnicrm_keyed_hash_matches(PG_FUNCTION_ARGS)
{
	bytea	   *secret = PG_GETARG_BYTEA_PP(0);
	text	   *value = PG_GETARG_TEXT_PP(1);
	bytea	   *hash = PG_GETARG_BYTEA_PP(2);
	const uint8 *given = (const uint8 *) VARDATA_ANY(hash);
	uint8		expected[PG_SHA256_DIGEST_LENGTH];
	volatile uint8 difference = 0;

	compute_hash(secret, value, expected);
	if (VARSIZE_ANY_EXHDR(hash) != PG_SHA256_DIGEST_LENGTH)
		PG_RETURN_BOOL(false);
	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		difference |= expected[i] ^ given[i];
	PG_RETURN_BOOL(difference == 0);
}

/*
 * short_tag(value text) returns integer: the low 20 bits of the CRC-32C
 * (Castagnoli) of the bytes of the value, the same on every machine.
 */
Datum
omnicrm_short_tag(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	FIN_CRC32C(crc);
	PG_RETURN_INT32((int32) (crc & ((1 << TAG_BITS) - 1)));
}
