/*
 * customer_row.h
 *		What a source delivers of a customer: see customer_row.c.
 */
#ifndef OMNICRM_IDENTITY_CUSTOMER_ROW_H
#define OMNICRM_IDENTITY_CUSTOMER_ROW_H

#include "fmgr.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* the targets of a customer in crm.load_target() that come as texts */
typedef enum CustomerTarget
{
	TARGET_KEY,
	TARGET_KIND,
	TARGET_FULL_NAME,
	TARGET_GIVEN_NAME,
	TARGET_SURNAME,
	TARGET_BIRTH_DATE,
	TARGET_GENDER,
	TARGET_EMAIL,
	TARGET_PHONE,
	TARGET_TAX_ID,
	TARGET_STREET,
	TARGET_POSTCODE,
	TARGET_CITY,
	TARGET_PROVINCE,
	TARGET_COUNTRY,
	TARGET_LOYALTY_CARD,
	TARGET_DEVICE,
	TARGET_USERNAME,
	TARGET_BUSINESS_AT,
	TARGET_ENTERED_BY,
	CUSTOMER_TARGETS
} CustomerTarget;

/* One row as delivered; what is missing is NULL. */
typedef struct DeliveredCustomer
{
	text	   *texts[CUSTOMER_TARGETS];
	NullableDatum birth_date;	/* read, where it can be */
	NullableDatum business_at;
	NullableDatum business_on;	/* the day of it, where the source is */
	Jsonb	   *attributes;
	Jsonb	   *payload;
	text	   *region;			/* of what comes without a country */
	text	   *fingerprint;	/* what the content hash depends on beside the payload */
	DateADT		today;
} DeliveredCustomer;

extern text *omni_iso_date(DateADT date);
extern DateADT omni_years_before(DateADT date, int years);
extern Datum omni_read_customer(FunctionCallInfo fcinfo, const DeliveredCustomer *row);

#endif							/* OMNICRM_IDENTITY_CUSTOMER_ROW_H */
