/*
 * chars.h
 *		Text arguments as arrays of Unicode code points, in every database
 *		encoding, without errors for bytes that mean nothing.
 */
#ifndef OMNICRM_IDENTITY_CHARS_H
#define OMNICRM_IDENTITY_CHARS_H

#include "fmgr.h"

/* longest inputs that are looked at; longer ones are no value of their kind */
#define OMNI_NAME_MAX		1000
#define OMNI_EMAIL_MAX		320
#define OMNI_SHORT_MAX		64

/* bytes that omni_plain() puts for characters without an ASCII stand-in */
#define OMNI_OTHER			0x01
#define OMNI_EURO			0x02
#define OMNI_POUND			0x03

typedef uint32 codepoint;

typedef struct Chars
{
	codepoint  *data;
	int			length;
} Chars;

extern bool omni_chars(Datum value, int max_length, Chars *result);
extern int	omni_plain(Datum value, char *result, int size);
extern text *omni_chars_to_text(const codepoint *data, int length);
extern text *omni_ascii_to_text(const char *data, int length);
extern bool omni_is_blank(codepoint c);
extern bool omni_is_invisible(codepoint c);

#endif							/* OMNICRM_IDENTITY_CHARS_H */
