/*
 * json.h
 *		Values of jsonb as text.
 */
#ifndef OMNICRM_COMMON_JSON_H
#define OMNICRM_COMMON_JSON_H

#include "utils/jsonb.h"

extern text *omni_json_text(const JsonbValue *value);

#endif							/* OMNICRM_COMMON_JSON_H */
