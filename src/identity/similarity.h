/*
 * similarity.h
 *		Similarity of two words over code points.
 */
#ifndef OMNICRM_IDENTITY_SIMILARITY_H
#define OMNICRM_IDENTITY_SIMILARITY_H

#include "identity/chars.h"

extern double omni_jaro(const codepoint *a, int na, const codepoint *b, int nb);
extern double omni_jaro_winkler(const codepoint *a, int na, const codepoint *b, int nb);
extern int	omni_levenshtein(const codepoint *a, int na, const codepoint *b, int nb);
extern int	omni_edit_distance(const codepoint *a, int na, const codepoint *b, int nb);

#endif							/* OMNICRM_IDENTITY_SIMILARITY_H */
