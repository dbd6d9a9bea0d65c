/*
 * name.h
 *		Names of persons as words.
 */
#ifndef OMNICRM_IDENTITY_NAME_H
#define OMNICRM_IDENTITY_NAME_H

#include "identity/chars.h"

typedef enum NameWordKind
{
	NAME_WORD,					/* carries identity */
	NAME_INITIAL,				/* one letter */
	NAME_PARTICLE,				/* de, la, van */
	NAME_TITLE,					/* Sr., Mrs. */
	NAME_COMPANY				/* S.L., GmbH */
} NameWordKind;

/* what the lexicon says of a word */
typedef struct NameEntry
{
	const char *word;
	const char *full;			/* the name that an abbreviation stands for */
	uint8		length;
	char		gender;			/* m, f; 0 = both, a surname, or unknown */
	bool		given;			/* a given name */
	bool		surname;		/* a surname */
	bool		compound;		/* nickname of two given names together */
	bool		title;
	bool		particle;
	bool		company;		/* legal form of a company */
	bool		english;		/* in the English lists only */
	uint16		groups[6];		/* groups of equivalent names, 0 = none */
} NameEntry;

typedef struct NameWord
{
	const codepoint *text;
	int			length;
	NameWordKind kind;
	const NameEntry *entry;		/* NULL: unknown */
	bool		dotted;			/* a dot follows */
	bool		hyphen;			/* a hyphen joins it to the next word */
} NameWord;

/* a name that a given name may stand for; one word, or two with a blank */
typedef struct FormalName
{
	const char *text;
	int			length;
} FormalName;

/* more than any word of the lexicon has */
#define FORMAL_NAMES_MAX	16

/* lexicon.c */
extern const NameEntry *omni_name_entry(const codepoint *word, int length);
extern bool omni_same_group(const NameEntry *a, const NameEntry *b);
extern bool omni_common_neighbour(const NameWord *a, const NameWord *b);
extern bool omni_compound_nickname(const NameWord *nickname, const NameWord *first, const NameWord *second);
extern bool omni_is_name(const NameEntry *entry);
extern int	omni_formal_names(const codepoint *word, int length, FormalName *names);

/* name.c */
extern bool omni_name_words(Datum value, bool given_first, NameWord **words, int *count);
extern bool omni_name_read(Datum value, bool given_first, NameWord **words, int *count, int *surname_at);
extern int	omni_compare_words(const NameWord *a, const NameWord *b);

#endif							/* OMNICRM_IDENTITY_NAME_H */
