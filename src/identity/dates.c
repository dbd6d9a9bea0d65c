/*
 * dates.c
 *		dates_agree(): may two dates be the same one, mistyped?
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_dates_agree);

/* The eight digits of a date, year first; false outside the years 1 to 9999. */
static bool
date_digits(DateADT date, char digits[9], int *month, int *day)
{
	int			year;

	if (DATE_NOT_FINITE(date))
		return false;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, month, day);
	if (year < 1 || year > 9999)
		return false;
	snprintf(digits, 9, "%04d%02d%02d", year, *month, *day);
	return true;
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
	DateADT		a = PG_GETARG_DATEADT(0);
	DateADT		b = PG_GETARG_DATEADT(1);
	char		da[9];
	char		db[9];
	int			month_a,
				day_a,
				month_b,
				day_b;
	int			first = -1,
				last = -1,
				different = 0,
				i;

	if (a == b)
		PG_RETURN_BOOL(true);
	if (!date_digits(a, da, &month_a, &day_a) || !date_digits(b, db, &month_b, &day_b))
		PG_RETURN_BOOL(false);
	for (i = 0; i < 8; i++)
	{
		if (da[i] == db[i])
			continue;
		different++;
		if (first < 0)
			first = i;
		last = i;
	}
	if (different == 1)
		PG_RETURN_BOOL(true);
	if (different == 2 && last == first + 1 && da[first] == db[last] && da[last] == db[first])
		PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(memcmp(da, db, 4) == 0 && month_a == day_b && day_a == month_b);
}
