/*
 * name_parts.h
 *		A full name as given names and surnames.
 */
#ifndef OMNICRM_IDENTITY_NAME_PARTS_H
#define OMNICRM_IDENTITY_NAME_PARTS_H

#include "identity/chars.h"

/* what was noticed while reading */
#define NAME_IS_ORGANISATION	0x01
#define NAME_TURNED				0x02	/* the surname stood first */
#define NAME_GUESSED			0x04	/* no word told where the surname starts */
#define NAME_INITIALS			0x08	/* a given name is one letter */

/* empty parts have length 0 */
typedef struct NameParts
{
	Chars	   *given;			/* one word each, particles dropped */
	int			given_count;
	Chars		surname[2];		/* with their particles */
	Chars		title;
	Chars		suffix;			/* jr, ii */
	Chars		organisation;	/* without its legal form */
	Chars		legal_form;
	int			flags;
} NameParts;

extern bool omni_name_parts(Datum value, NameParts *parts);

#endif							/* OMNICRM_IDENTITY_NAME_PARTS_H */
