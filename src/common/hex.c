/*
 * hex.c
 *		The text of types that are bytes.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "common/hex.h"

/*
 * omni_hex_text: \x and the bytes of a value that is not compressed in hexadecimal,
 * whatever bytea_output says, as the output functions of such types give them.
 */
char *
omni_hex_text(const struct varlena *value)
{
	uint64		size = VARSIZE_ANY_EXHDR(value);
	char	   *result = palloc(size * 2 + 3);

	result[0] = '\\';
	result[1] = 'x';
	result[2 + hex_encode(VARDATA_ANY(value), size, result + 2)] = '\0';
	return result;
}
