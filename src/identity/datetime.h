/*
 * datetime.h
 *		Dates and times as sources write them.
 */
#ifndef OMNICRM_IDENTITY_DATETIME_H
#define OMNICRM_IDENTITY_DATETIME_H

#include "utils/timestamp.h"

extern void omni_date_format(Datum value, char format[8]);
extern bool omni_scan_date(const char **text, const char *format, struct pg_tm *result);

#endif							/* OMNICRM_IDENTITY_DATETIME_H */
