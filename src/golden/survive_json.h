/*
 * survive_json.h
 *		Reading the plan of survive(): members of jsonb objects, with errors that
 *		say where.
 */
#ifndef OMNICRM_SURVIVE_JSON_H
#define OMNICRM_SURVIVE_JSON_H

#include "utils/jsonb.h"

extern JsonbValue *survive_json_member(JsonbContainer *object, const char *key);
extern JsonbContainer *survive_json_object(const JsonbValue *value, const char *where);
extern JsonbContainer *survive_json_array(JsonbContainer *object, const char *key, const char *where);
extern char *survive_json_text(JsonbContainer *object, const char *key, const char *where);
extern char *survive_json_element(JsonbContainer *array, int position, const char *where);
extern bool survive_json_number(JsonbContainer *object, const char *key, double least, double most, double *number,
								const char *where);
extern bool survive_json_boolean(JsonbContainer *object, const char *key, const char *where);
extern int64 survive_json_id(const JsonbValue *value, const char *where);
extern int64 *survive_json_ids(JsonbContainer *array, const char *where);
extern void survive_json_members(JsonbContainer *object, const char *const *known, const char *where);

#endif							/* OMNICRM_SURVIVE_JSON_H */
