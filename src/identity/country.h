/*
 * country.h
 *		Countries as people write them.
 */
#ifndef OMNICRM_IDENTITY_COUNTRY_H
#define OMNICRM_IDENTITY_COUNTRY_H

#include "fmgr.h"

extern bool omni_country(Datum value, char result[3]);

#endif							/* OMNICRM_IDENTITY_COUNTRY_H */
