/*
 * phonetic.h
 *		How Spanish words sound.
 */
#ifndef OMNICRM_IDENTITY_PHONETIC_H
#define OMNICRM_IDENTITY_PHONETIC_H

#include "identity/chars.h"

extern int	omni_phonetic_es(const codepoint *word, int length, codepoint *result);

#endif							/* OMNICRM_IDENTITY_PHONETIC_H */
