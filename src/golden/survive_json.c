/*
 * survive_json.c
 *		Reading the plan of survive(): members of jsonb objects, with errors that
 *		say where.  A member that is null counts as missing.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "golden/survive_json.h"

/* A member, or NULL; NULL has none. */
JsonbValue *
survive_json_member(JsonbContainer *object, const char *key)
{
	JsonbValue *value = object == NULL ? NULL : getKeyJsonValueFromContainer(object, key, strlen(key), NULL);

	return value != NULL && value->type == jbvNull ? NULL : value;
}

/* The object that a value is. */
JsonbContainer *
survive_json_object(const JsonbValue *value, const char *where)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a text or an object", where)));
	return value->val.binary.data;
}

/* A member that is an array, or NULL. */
JsonbContainer *
survive_json_array(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be an array", where, key)));
	return value->val.binary.data;
}

/* A member that is a text, or NULL. */
char *
survive_json_text(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString || value->val.string.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be a text that is not empty", where, key)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A text in an array. */
char *
survive_json_element(JsonbContainer *array, int position, const char *where)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, position);

	if (value->type != jbvString || value->val.string.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: element %d of its list must be a text that is not empty", where, position + 1)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A number between two limits; false when it is missing. */
bool
survive_json_number(JsonbContainer *object, const char *key, double least, double most, double *number,
					const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return false;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be a number", where, key)));
	*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(*number >= least && *number <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must lie between %g and %g, not %g", where, key, least, most, *number)));
	return true;
}

/* True when a member is true; false when it is missing. */
bool
survive_json_boolean(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be true or false", where, key)));
	return value->val.boolean;
}

/* The id of a source. */
int64
survive_json_id(const JsonbValue *value, const char *where)
{
	if (value == NULL || value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: a source is told by its id, a number", where)));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}

/* The ids of sources. */
int64 *
survive_json_ids(JsonbContainer *array, const char *where)
{
	int			count = JsonContainerSize(array);
	int64	   *ids = palloc_array(int64, Max(count, 1));

	for (int i = 0; i < count; i++)
		ids[i] = survive_json_id(getIthJsonbValueFromContainer(array, i), where);
	return ids;
}

static bool
is_known(const JsonbValue *key, const char *const *known)
{
	for (int i = 0; known[i] != NULL; i++)
		if (strlen(known[i]) == key->val.string.len && memcmp(known[i], key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

/* Refuses members that are not in a list that ends with NULL. */
void
survive_json_members(JsonbContainer *object, const char *const *known, const char *where)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue	key;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		StringInfoData list;

		if (token != WJB_KEY || is_known(&key, known))
			continue;
		initStringInfo(&list);
		for (int i = 0; known[i] != NULL; i++)
			appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", known[i]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: unknown member \"%s\"", where, pnstrdup(key.val.string.val, key.val.string.len)),
				 errhint("Known: %s.", list.data)));
	}
}
