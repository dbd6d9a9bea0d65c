/*
 * elements.h
 *		Elements of arrays and attributes of rows that a function is given.
 */
#ifndef OMNICRM_COMMON_ELEMENTS_H
#define OMNICRM_COMMON_ELEMENTS_H

#include "utils/array.h"

extern int	omni_array_elements(ArrayType *array, const char *name, Datum **elements);
extern void omni_row_attributes(Datum row, const char *type, int count, Datum *values, bool *nulls);

#endif							/* OMNICRM_COMMON_ELEMENTS_H */
