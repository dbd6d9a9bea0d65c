/*
 * kernel.h
 *		One value of at most 64 bytes against many, bit-parallel.
 */
#ifndef OMNICRM_IDENTITY_KERNEL_H
#define OMNICRM_IDENTITY_KERNEL_H

#define OMNI_PATTERN_MAX	64

/* all zero before the first omni_pattern_set() */
typedef struct OmniPattern
{
	uint64		mask[256];		/* positions of each byte in the text */
	unsigned char text[OMNI_PATTERN_MAX];
	int			length;
} OmniPattern;

extern void omni_pattern_set(OmniPattern *p, const unsigned char *text, int length);
extern int	omni_pattern_distance(const OmniPattern *p, const unsigned char *text, int length);
extern int	omni_pattern_levenshtein(const OmniPattern *p, const unsigned char *text, int length);
extern double omni_pattern_jaro(const OmniPattern *p, const unsigned char *text, int length);
extern double omni_pattern_jaro_winkler(const OmniPattern *p, const unsigned char *text, int length);

#endif							/* OMNICRM_IDENTITY_KERNEL_H */
