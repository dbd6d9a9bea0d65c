/*
 * dates.c
 *		How two dates agree: equal, mistyped, in the same month or year.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"

#include "common/compat.h"
#include "identity/dates.h"

PG_FUNCTION_INFO_V1(omnicrm_dates_agree);
PG_FUNCTION_INFO_V1(omnicrm_date_level);
PG_FUNCTION_INFO_V1(omnicrm_date_similarity);

#define DIGITS 8

/* by DateLevel */
static const char *const level_name[] = {
	"equal", "day_month_swapped", "digits_swapped", "one_digit", "same_month", "same_year", "different"
};
static const double level_similarity[] = {1.0, 0.95, 0.95, 0.9, 0.6, 0.3, 0.0};

typedef struct DateParts
{
	int			year;
	int			month;
	int			day;
	uint8		digits[DIGITS]; /* yyyymmdd */
} DateParts;

/* Parts and digits of a date; false outside the years 1 to 9999. */
static bool
date_parts(DateADT date, DateParts *result)
{
	uint32		number;

	if (DATE_NOT_FINITE(date))
		return false;
	j2date(date + POSTGRES_EPOCH_JDATE, &result->year, &result->month, &result->day);
	if (result->year < 1 || result->year > 9999)
		return false;
	number = result->year * 10000 + result->month * 100 + result->day;
	for (int i = DIGITS - 1; i >= 0; i--)
	{
		result->digits[i] = number % 10;
		number /= 10;
	}
	return true;
}

/*
 * omni_date_level: the first DateLevel that holds for two dates.  Dates that are
 * infinite or outside the years 1 to 9999 are equal or different.
 */
DateLevel
omni_date_level(DateADT a, DateADT b)
{
	DateParts	x;
	DateParts	y;
	int			first = -1;
	int			last = -1;
	int			different = 0;

	if (a == b)
		return DATE_EQUAL;
	if (!date_parts(a, &x) || !date_parts(b, &y))
		return DATE_DIFFERENT;
	if (x.year == y.year && x.month == y.day && x.day == y.month)
		return DATE_DAY_MONTH_SWAPPED;
	for (int i = 0; i < DIGITS; i++)
	{
		if (x.digits[i] == y.digits[i])
			continue;
		different++;
		if (first < 0)
			first = i;
		last = i;
	}
	if (different == 2 && last == first + 1 && x.digits[first] == y.digits[last] && x.digits[last] == y.digits[first])
		return DATE_DIGITS_SWAPPED;
	if (different == 1)
		return DATE_ONE_DIGIT;
	if (x.year != y.year)
		return DATE_DIFFERENT;
	return x.month == y.month ? DATE_SAME_MONTH : DATE_SAME_YEAR;
}

/*
 * dates_agree(a date, b date) returns boolean: true when the dates are equal,
 * differ in one digit of yyyymmdd, in two neighbouring digits that stand
 * swapped, or have day and month swapped.  Dates that are infinite or outside
 * the years 1 to 9999 agree only with themselves.
 */
Datum
omnicrm_dates_agree(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(omni_date_level(PG_GETARG_DATEADT(0), PG_GETARG_DATEADT(1)) <= DATE_ONE_DIGIT);
}

/*
 * date_level(a date, b date) returns text: the name of omni_date_level().
 */
Datum
omnicrm_date_level(PG_FUNCTION_ARGS)
{
	DateLevel	level = omni_date_level(PG_GETARG_DATEADT(0), PG_GETARG_DATEADT(1));

	PG_RETURN_TEXT_P(cstring_to_text(level_name[level]));
}

/*
 * date_similarity(a date, b date) returns float8: the number of
 * omni_date_level(), 0 to 1.
 */
Datum
omnicrm_date_similarity(PG_FUNCTION_ARGS)
{
	DateLevel	level = omni_date_level(PG_GETARG_DATEADT(0), PG_GETARG_DATEADT(1));

	PG_RETURN_FLOAT8(level_similarity[level]);
}
