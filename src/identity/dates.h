/*
 * dates.h
 *		How two dates agree.
 */
#ifndef OMNICRM_IDENTITY_DATES_H
#define OMNICRM_IDENTITY_DATES_H

#include "utils/date.h"

/* what a pair of dates is: the first that holds */
typedef enum DateLevel
{
	DATE_EQUAL,
	DATE_DAY_MONTH_SWAPPED,
	DATE_DIGITS_SWAPPED,
	DATE_ONE_DIGIT,
	DATE_SAME_MONTH,
	DATE_SAME_YEAR,
	DATE_DIFFERENT
} DateLevel;

extern DateLevel omni_date_level(DateADT a, DateADT b);

#endif							/* OMNICRM_IDENTITY_DATES_H */
