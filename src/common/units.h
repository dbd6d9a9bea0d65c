/*
 * units.h
 *		Exact conversion between numeric and 128-bit integers in minor units.
 */
#ifndef OMNICRM_UNITS_H
#define OMNICRM_UNITS_H

#include "utils/numeric.h"

#ifndef HAVE_INT128
#error "omnicrm needs a compiler with 128-bit integers"
#endif

/* most decimals that a unit may have: 10^30 still leaves 8 digits before the point */
#define OMNICRM_MAX_UNIT_SCALE 30

/* A finite decimal: magnitude / 10^scale, without trailing zeros after the point. */
typedef struct ExactDecimal
{
	uint128		magnitude;
	int			scale;
	bool		negative;
} ExactDecimal;

extern void omnicrm_decimal(Numeric value, const char *what, ExactDecimal *result);
extern bool omnicrm_scale_up(uint128 magnitude, int digits, uint128 *result);
extern int128 omnicrm_numeric_to_units(Numeric value, int scale, const char *what);
extern int128 omnicrm_datum_to_units(Datum value, int scale, const char *what);
extern bool omnicrm_datum_to_least_units(Datum value, const char *what, int *scale, int128 *units);
extern Numeric omnicrm_units_to_numeric(int128 units, int scale);

#endif							/* OMNICRM_UNITS_H */
