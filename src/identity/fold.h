/*
 * fold.h
 *		Folding of names: lower case, no accents, Latin letters only.
 */
#ifndef OMNICRM_IDENTITY_FOLD_H
#define OMNICRM_IDENTITY_FOLD_H

#include "identity/chars.h"

/* marks left in the folded text for the reader of tokens */
#define FOLD_DOT	'.'
#define FOLD_COMMA	','
#define FOLD_HYPHEN	'-'

extern void omni_fold(const Chars *input, bool keep_marks, Chars *result);
extern bool omni_fold_plain(Datum value, char *result, int size);

#endif							/* OMNICRM_IDENTITY_FOLD_H */
