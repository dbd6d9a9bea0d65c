/*
 * omnicrm.c
 *		Library entry: module magic and the version of the loaded library.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "common/compat.h"

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "omnicrm", .version = OMNICRM_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PG_FUNCTION_INFO_V1(omnicrm_version);

/*
 * version() returns text: the version of the loaded library.  It differs from
 * pg_extension.extversion when a session still holds an older library, or when
 * ALTER EXTENSION omnicrm UPDATE has not been run.
 */
Datum
omnicrm_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(OMNICRM_VERSION));
}
