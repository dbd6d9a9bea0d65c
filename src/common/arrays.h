/*
 * arrays.h
 *		Arrays that are made at their full size and filled in place.
 */
#ifndef OMNICRM_ARRAYS_H
#define OMNICRM_ARRAYS_H

#include "postgres.h"

#include "utils/array.h"

extern ArrayType *make_fixed_array(Oid type, Size width, uint32 count, void **data);

#endif							/* OMNICRM_ARRAYS_H */
