/*
 * allocate.h
 *		Penny-exact split of an integer amount.
 */
#ifndef OMNICRM_ALLOCATE_H
#define OMNICRM_ALLOCATE_H

#include "common/units.h"

extern void omnicrm_allocate_units(int128 total, const uint128 *weights,
								   const int64 *keys, int count, int128 *shares);

#endif							/* OMNICRM_ALLOCATE_H */
