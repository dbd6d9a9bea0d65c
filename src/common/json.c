/*
 * json.c
 *		Values of jsonb as text.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "common/json.h"

/*
 * omni_json_text: a value as the operator ->> gives it, in current memory; NULL for
 * the null of JSON.
 */
text *
omni_json_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return cstring_to_text_with_len(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return cstring_to_text(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))));
		case jbvBool:
			return cstring_to_text(value->val.boolean ? "true" : "false");
		case jbvBinary:
			return cstring_to_text(JsonbToCString(NULL, value->val.binary.data, value->val.binary.len));
		default:
			return NULL;
	}
}
