/*
 * compare.c
 *		SQL functions that compare texts by code point: Jaro, Jaro-Winkler,
 *		Levenshtein, Damerau-Levenshtein, and one text against an array.
 *
 * Two texts of at most 64 characters below 256 (Latin-1), most of all words, take
 * the byte kernels of kernel.c; everything else the code points of similarity.c.
 * Both give the same numbers.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/kernel.h"
#include "identity/similarity.h"

PG_FUNCTION_INFO_V1(omnicrm_jaro);
PG_FUNCTION_INFO_V1(omnicrm_jaro_winkler);
PG_FUNCTION_INFO_V1(omnicrm_levenshtein);
PG_FUNCTION_INFO_V1(omnicrm_damerau_levenshtein);
PG_FUNCTION_INFO_V1(omnicrm_jaro_winkler_many);
PG_FUNCTION_INFO_V1(omnicrm_damerau_levenshtein_many);
PG_FUNCTION_INFO_V1(omnicrm_best_match);

typedef enum Measure
{
	JARO,
	JARO_WINKLER,
	LEVENSHTEIN,
	DAMERAU_LEVENSHTEIN
} Measure;

/* A text to compare: bytes when it is short Latin-1, else code points. */
typedef struct Side
{
	const unsigned char *bytes;
	int			length;			/* bytes, -1: not short Latin-1 */
	Datum		value;
	Chars		chars;			/* data NULL: not decoded yet */
	unsigned char latin[OMNI_PATTERN_MAX];
} Side;

/* The pattern of the kernels; it remembers what to clear. */
static OmniPattern pattern;

/*
 * UTF-8 as one byte for each character; -1 where one is not Latin-1, or there
 * are more than 64.
 */
static int
utf8_to_latin(const unsigned char *s, int size, unsigned char *result)
{
	int			length = 0;

	for (int i = 0; i < size; i++)
	{
		unsigned char c = s[i];

		if (length == OMNI_PATTERN_MAX)
			return -1;
		if (c >= 0x80)
		{
			if ((c != 0xC2 && c != 0xC3) || i + 1 == size || (s[i + 1] & 0xC0) != 0x80)
				return -1;
			c = (c & 0x03) << 6 | (s[++i] & 0x3F);
		}
		result[length++] = c;
	}
	return length;
}

/* Looks at a text, decoding the short ones; false when it is surely too long. */
static inline bool
look(Datum value, Side *side)
{
	Size		size = toast_raw_datum_size(value) - VARHDRSZ;
	unsigned char seen = 0;

	side->length = -1;
	side->value = value;
	side->chars.data = NULL;
	if (size > OMNI_NAME_MAX * 4)
		return false;
	if (size > OMNI_PATTERN_MAX * 2)
		return true;
	side->value = PointerGetDatum(DatumGetTextPP(value));
	side->bytes = (const unsigned char *) VARDATA_ANY(DatumGetPointer(side->value));
	for (int i = 0; i < (int) size; i++)
		seen |= side->bytes[i];
	if (seen < 0x80)
		side->length = size <= OMNI_PATTERN_MAX ? size : -1;
	else if (GetDatabaseEncoding() == PG_UTF8)
	{
		side->length = utf8_to_latin(side->bytes, size, side->latin);
		side->bytes = side->latin;
	}
	return true;
}

/* Decodes a text once; false beyond 1,000 characters. */
static inline bool
decode(Side *side)
{
	return side->chars.data != NULL || omni_chars(side->value, OMNI_NAME_MAX, &side->chars);
}

/*
 * One comparison.  Result: false when a text is too long.  The pattern of a is
 * set by the caller when both have bytes.
 */
static inline bool
measure_sides(Side *a, Side *b, Measure measure, double *result)
{
	if (a->length >= 0 && b->length >= 0)
	{
		switch (measure)
		{
			case JARO:
				*result = omni_pattern_jaro(&pattern, b->bytes, b->length);
				break;
			case JARO_WINKLER:
				*result = omni_pattern_jaro_winkler(&pattern, b->bytes, b->length);
				break;
			case LEVENSHTEIN:
				*result = omni_pattern_levenshtein(&pattern, b->bytes, b->length);
				break;
			case DAMERAU_LEVENSHTEIN:
				*result = omni_pattern_distance(&pattern, b->bytes, b->length);
				break;
		}
		return true;
	}
	if (!decode(a) || !decode(b))
		return false;
	switch (measure)
	{
		case JARO:
			*result = omni_jaro(a->chars.data, a->chars.length, b->chars.data, b->chars.length);
			break;
		case JARO_WINKLER:
			*result = omni_jaro_winkler(a->chars.data, a->chars.length, b->chars.data, b->chars.length);
			break;
		case LEVENSHTEIN:
			*result = omni_levenshtein(a->chars.data, a->chars.length, b->chars.data, b->chars.length);
			break;
		case DAMERAU_LEVENSHTEIN:
			*result = omni_edit_distance(a->chars.data, a->chars.length, b->chars.data, b->chars.length);
			break;
	}
	return true;
}

/* Two arguments of a function; false when one is too long. */
static inline bool
measure_arguments(FunctionCallInfo fcinfo, Measure measure, double *result)
{
	Side		a;
	Side		b;

	if (!look(PG_GETARG_DATUM(0), &a) || !look(PG_GETARG_DATUM(1), &b))
		return false;
	if (a.length >= 0 && b.length >= 0)
		omni_pattern_set(&pattern, a.bytes, a.length);
	return measure_sides(&a, &b, measure, result);
}

/*
 * jaro(text, text) returns float8: see omni_jaro(); NULL for a text of more than
 * 1,000 characters.
 */
Datum
omnicrm_jaro(PG_FUNCTION_ARGS)
{
	double		result;

	if (!measure_arguments(fcinfo, JARO, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/*
 * jaro_winkler(text, text) returns float8: see omni_jaro_winkler(); NULL for a
 * text of more than 1,000 characters.
 */
Datum
omnicrm_jaro_winkler(PG_FUNCTION_ARGS)
{
	double		result;

	if (!measure_arguments(fcinfo, JARO_WINKLER, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

/*
 * levenshtein(text, text) returns integer: see omni_levenshtein(); NULL for a
 * text of more than 1,000 characters.
 */
Datum
omnicrm_levenshtein(PG_FUNCTION_ARGS)
{
	double		result;

	if (!measure_arguments(fcinfo, LEVENSHTEIN, &result))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) result);
}

/*
 * damerau_levenshtein(text, text) returns integer: see omni_edit_distance();
 * NULL for a text of more than 1,000 characters.
 */
Datum
omnicrm_damerau_levenshtein(PG_FUNCTION_ARGS)
{
	double		result;

	if (!measure_arguments(fcinfo, DAMERAU_LEVENSHTEIN, &result))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) result);
}

/* The elements of a text array in the order of unnest(). */
static int
elements_of(ArrayType *array, Datum **elements, bool **nulls)
{
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, elements, nulls, &count);
	return count;
}

/* Sets the text that is compared with many; false beyond 1,000 characters. */
static bool
look_first(Datum value, Side *side)
{
	if (!look(value, side))
		return false;
	if (side->length < 0)
		return decode(side);
	omni_pattern_set(&pattern, side->bytes, side->length);
	return true;
}

/* One element against that text; false when it is too long. */
static inline bool
measure_element(Side *value, Datum element, Measure measure, double *result)
{
	Side		other;
	bool		known;

	CHECK_FOR_INTERRUPTS();
	if (!look(element, &other))
		return false;
	known = measure_sides(value, &other, measure, result);
	if (other.chars.data != NULL)
		pfree(other.chars.data);
	return known;
}

/* One text against an array, as an array of the same length. */
static Datum
measure_many(FunctionCallInfo fcinfo, Measure measure)
{
	bool		is_distance = measure == LEVENSHTEIN || measure == DAMERAU_LEVENSHTEIN;
	Side		value;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			low = 1;
	ArrayType  *result;

	if (!look_first(PG_GETARG_DATUM(0), &value))
		return (Datum) 0;
	count = elements_of(PG_GETARG_ARRAYTYPE_P(1), &elements, &nulls);
	for (int i = 0; i < count; i++)
	{
		double		x;

		if (nulls[i])
			continue;
		if (!measure_element(&value, elements[i], measure, &x))
			nulls[i] = true;
		else
			elements[i] = is_distance ? Int32GetDatum((int32) x) : Float8GetDatum(x);
	}
	if (count == 0)
		result = construct_empty_array(is_distance ? INT4OID : FLOAT8OID);
	else if (is_distance)
		result = construct_md_array(elements, nulls, 1, &count, &low, INT4OID, sizeof(int32), true, TYPALIGN_INT);
	else
		result = construct_md_array(elements, nulls, 1, &count, &low, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	return PointerGetDatum(result);
}

/*
 * jaro_winkler_many(text, text[]) returns float8[]: the similarity of each
 * element, in the order of unnest(); NULL for one that is NULL or has more than
 * 1,000 characters.
 */
Datum
omnicrm_jaro_winkler_many(PG_FUNCTION_ARGS)
{
	Datum		result = measure_many(fcinfo, JARO_WINKLER);

	if (result == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * damerau_levenshtein_many(text, text[]) returns integer[]: the distance of each
 * element, like jaro_winkler_many().
 */
Datum
omnicrm_damerau_levenshtein_many(PG_FUNCTION_ARGS)
{
	Datum		result = measure_many(fcinfo, DAMERAU_LEVENSHTEIN);

	if (result == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * best_match(text, text[], at_least float8) returns (position, similarity): the
 * element with the greatest Jaro-Winkler similarity that is at least as high,
 * of equal ones the first; its number in the order of unnest().  Two NULLs when
 * there is none; NULL elements and those beyond 1,000 characters are no match.
 * Error: a limit that is not a number.
 */
Datum
omnicrm_best_match(PG_FUNCTION_ARGS)
{
	double		at_least = PG_GETARG_FLOAT8(2);
	Side		value;
	Datum	   *elements;
	bool	   *nulls;
	int			count = 0;
	int			best = -1;
	double		similarity = 0;
	TupleDesc	descriptor;
	Datum		columns[2] = {0};
	bool		is_null[2] = {true, true};

	if (isnan(at_least))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at_least must be a number, not NaN"),
				 errhint("Similarities are between 0 and 1.")));
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (look_first(PG_GETARG_DATUM(0), &value))
		count = elements_of(PG_GETARG_ARRAYTYPE_P(1), &elements, &nulls);
	for (int i = 0; i < count; i++)
	{
		double		x;

		if (nulls[i] || !measure_element(&value, elements[i], JARO_WINKLER, &x) || x < at_least)
			continue;
		if (best < 0 || x > similarity)
		{
			best = i;
			similarity = x;
		}
		if (similarity == 1.0)
			break;
	}
	if (best >= 0)
	{
		columns[0] = Int32GetDatum(best + 1);
		columns[1] = Float8GetDatum(similarity);
		is_null[0] = is_null[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), columns, is_null)));
}
