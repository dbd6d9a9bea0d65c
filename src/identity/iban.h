/*
 * iban.h
 *		Numbers of bank accounts.
 */
#ifndef OMNICRM_IDENTITY_IBAN_H
#define OMNICRM_IDENTITY_IBAN_H

#include "fmgr.h"

/* longest IBAN with its final zero byte */
#define IBAN_SIZE 35

extern bool omni_iban(Datum value, char *result);

#endif							/* OMNICRM_IDENTITY_IBAN_H */
