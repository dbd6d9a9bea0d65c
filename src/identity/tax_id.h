/*
 * tax_id.h
 *		Tax numbers: Spain in tax_id.c, other countries in tax_id_abroad.c.
 */
#ifndef OMNICRM_IDENTITY_TAX_ID_H
#define OMNICRM_IDENTITY_TAX_ID_H

/* longest canonical form with its final zero byte */
#define TAX_ID_SIZE 24

typedef enum TaxIdKind
{
	TAX_ID_NONE = 0,
	TAX_ID_PERSON,
	TAX_ID_ORGANISATION
} TaxIdKind;

extern TaxIdKind omni_tax_id_spain(const char *number, char *result);
extern TaxIdKind omni_tax_id_abroad(const char *country, const char *number, char *result);
extern bool omni_tax_id_country(const char *country);

#endif							/* OMNICRM_IDENTITY_TAX_ID_H */
