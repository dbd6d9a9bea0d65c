/*
 * units.c
 *		Exact conversion between numeric and 128-bit integers in minor units.
 *
 * Money is split in integers, never in floats.  The conversions go through the
 * text form, which is the one exact representation that numeric shows to the
 * outside; amounts that fit 64 bits leave by the server's fast path.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "common/units.h"

#define UINT128_LIMIT (~(uint128) 0)
#define INT128_LIMIT ((int128) (UINT128_LIMIT >> 1))

/*
 * omnicrm_scale_up multiplies magnitude by 10^digits.  Returns false when the
 * result does not fit 128 bits.
 */
bool
omnicrm_scale_up(uint128 magnitude, int digits, uint128 *result)
{
	while (digits-- > 0 && magnitude != 0)
	{
		if (magnitude > UINT128_LIMIT / 10)
			return false;
		magnitude *= 10;
	}
	*result = magnitude;
	return true;
}

/*
 * omnicrm_decimal takes a numeric apart exactly.  "what" names the value in
 * messages.  Errors: invalid_parameter_value for NaN and infinity,
 * numeric_value_out_of_range for more digits than 128 bits hold.
 */
void
omnicrm_decimal(Numeric value, const char *what, ExactDecimal *result)
{
	char	   *text;
	char	   *p;
	int			pending = 0;
	bool		fraction = false;
	uint128		magnitude = 0;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number, not %s", what,
						numeric_is_nan(value) ? "NaN" : "infinity")));
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value)));
	result->negative = (*text == '-');
	result->scale = 0;
	for (p = text + (result->negative ? 1 : 0); *p; p++)
	{
		if (*p == '.')
		{
			fraction = true;
			continue;
		}
		/* zeros after the point count only when a digit follows them */
		if (fraction && *p == '0')
		{
			pending++;
			continue;
		}
		if (!omnicrm_scale_up(magnitude, pending + 1, &magnitude) ||
			magnitude > UINT128_LIMIT - (uint128) (*p - '0'))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("%s has too many digits: %.60s", what, text),
					 errhint("At most 38 digits are handled.")));
		magnitude += (uint128) (*p - '0');
		if (fraction)
			result->scale += pending + 1;
		pending = 0;
	}
	result->magnitude = magnitude;
	pfree(text);
}

/*
 * omnicrm_numeric_to_units returns value * 10^scale as an integer.  "what"
 * names the value in messages.  Errors: as omnicrm_decimal, and
 * invalid_parameter_value when the value has more decimals than the unit.
 */
int128
omnicrm_numeric_to_units(Numeric value, int scale, const char *what)
{
	ExactDecimal decimal;
	uint128		magnitude;

	omnicrm_decimal(value, what, &decimal);
	if (decimal.scale > scale)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %s has more than %d decimals", what,
						DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value))),
						scale),
				 errhint("Round it first: shares of an amount that is no whole number of units cannot add up to it.")));
	if (!omnicrm_scale_up(decimal.magnitude, scale - decimal.scale, &magnitude) ||
		magnitude > (uint128) INT128_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s does not fit 128 bits at %d decimals", what, scale)));
	return decimal.negative ? -(int128) magnitude : (int128) magnitude;
}

/*
 * What the parts of a stored numeric mean (utils/adt/numeric.c; the form is that
 * on disk, which does not change between versions): a header, for most numbers
 * of 16 bits, then digits to the base 10,000.
 */
#define STORED_KIND 0xC000
#define STORED_SHORT 0x8000
#define STORED_SPECIAL 0xC000
#define STORED_SHORT_NEGATIVE 0x2000
#define STORED_LONG_NEGATIVE 0x4000
#define STORED_SHORT_WEIGHT 0x003F
#define STORED_SHORT_WEIGHT_NEGATIVE 0x0040
#define STORED_BASE 10000
#define STORED_BASE_DIGITS 4
#define FAST_DIGITS 7			/* 28 decimal digits; ten more still fit 128 bits */

/* value * 10^scale of a numeric of usual size; false when it is not one, or not a whole number. */
static bool
stored_to_units(const struct varlena *value, int scale, int128 *result)
{
	uint16		header;
	int16		weight;
	int			size = VARSIZE_ANY_EXHDR(value);
	const char *at = VARDATA_ANY(value);
	int			ndigits;
	bool		negative;
	uint128		magnitude = 0;
	int			power;

	memcpy(&header, at, sizeof(header));
	if ((header & STORED_KIND) == STORED_SPECIAL)
		return false;
	if ((header & STORED_KIND) == STORED_SHORT)
	{
		negative = (header & STORED_SHORT_NEGATIVE) != 0;
		weight = (header & STORED_SHORT_WEIGHT_NEGATIVE ? ~STORED_SHORT_WEIGHT : 0) | (header & STORED_SHORT_WEIGHT);
		at += 2;
		ndigits = (size - 2) / 2;
	}
	else
	{
		negative = (header & STORED_LONG_NEGATIVE) != 0;
		memcpy(&weight, at + 2, sizeof(weight));
		at += 4;
		ndigits = (size - 4) / 2;
	}
	if (ndigits > FAST_DIGITS)
		return false;
	for (int i = 0; i < ndigits; i++)
	{
		int16		digit;

		memcpy(&digit, at + 2 * i, sizeof(digit));
		magnitude = magnitude * STORED_BASE + digit;
	}
	power = STORED_BASE_DIGITS * (weight - ndigits + 1) + scale;
	if (power > 10 && magnitude != 0)
		return false;
	for (; power > 0 && magnitude != 0; power--)
		magnitude *= 10;
	for (; power < 0 && magnitude != 0; power++)
	{
		if (magnitude % 10 != 0)
			return false;
		magnitude /= 10;
	}
	*result = negative ? -(int128) magnitude : (int128) magnitude;
	return true;
}

/*
 * omnicrm_datum_to_units does the same as omnicrm_numeric_to_units with a numeric
 * as it is stored, and for usual amounts without a detour through text.
 */
int128
omnicrm_datum_to_units(Datum value, int scale, const char *what)
{
	int128		result;

	if (likely(stored_to_units(PG_DETOAST_DATUM_PACKED(value), scale, &result)))
		return result;
	return omnicrm_numeric_to_units(DatumGetNumeric(value), scale, what);
}

/*
 * omnicrm_datum_to_least_units gives the units of a value with the decimals that
 * it needs, zeros at the end left out, but no fewer than *scale, which becomes
 * their number.  Returns false when there are too many decimals or they do not fit
 * 128 bits.  Errors: as omnicrm_decimal.
 */
bool
omnicrm_datum_to_least_units(Datum value, const char *what, int *scale, int128 *units)
{
	ExactDecimal decimal;
	uint128		magnitude;
	int			least = *scale;

	if (likely(stored_to_units(PG_DETOAST_DATUM_PACKED(value), least, units)))
		return true;
	omnicrm_decimal(DatumGetNumeric(value), what, &decimal);
	*scale = Max(least, decimal.scale);
	if (*scale > OMNICRM_MAX_UNIT_SCALE ||
		!omnicrm_scale_up(decimal.magnitude, *scale - decimal.scale, &magnitude) ||
		magnitude > (uint128) INT128_LIMIT)
		return false;
	*units = decimal.negative ? -(int128) magnitude : (int128) magnitude;
	return true;
}

/*
 * omnicrm_units_to_numeric returns units / 10^scale with exactly "scale"
 * decimals.
 */
Numeric
omnicrm_units_to_numeric(int128 units, int scale)
{
	char		text[64];
	char	   *p = text + sizeof(text);
	uint128		magnitude = units < 0 ? -(uint128) units : (uint128) units;
	int			written = 0;

	if (units >= PG_INT64_MIN && units <= PG_INT64_MAX)
		return int64_div_fast_to_numeric((int64) units, scale);
	*--p = '\0';
	do
	{
		if (written == scale && scale > 0)
			*--p = '.';
		*--p = (char) ('0' + (int) (magnitude % 10));
		magnitude /= 10;
		written++;
	} while (magnitude != 0 || written <= scale);
	if (units < 0)
		*--p = '-';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(p),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}
