/*
 * lexicon.c
 *		What is known of single names: gender, nicknames, spellings, abbreviations.
 *
 * The tables of lexicon_table.h go into a fixed hash table on first use in a
 * backend; nothing is allocated.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "common/compat.h"
#include "identity/name.h"
#include "identity/lexicon_table.h"

/* power of two, more than twice the words of the tables */
#define SLOTS			8192
#define LONGEST_WORD	24

/* the lists in the order of their groups, given names first */
static const struct
{
	const char *const *lines;
	int			count;
	char		gender;
	bool		english;
}			lists[] = {
	{given_male, lengthof(given_male), 'm', false},
	{english_male, lengthof(english_male), 'm', true},
	{given_female, lengthof(given_female), 'f', false},
	{english_female, lengthof(english_female), 'f', true},
	{surnames, lengthof(surnames), '\0', false},
	{english_surnames, lengthof(english_surnames), '\0', true},
};

static NameEntry slots[SLOTS];	/* keyed by word */
static bool filled = false;

/* The slot of a word: its own or an empty one. */
static NameEntry *
find_slot(const char *word, int length)
{
	uint32		at = hash_bytes((const unsigned char *) word, length) & (SLOTS - 1);

	while (slots[at].word != NULL &&
		   (slots[at].length != length || memcmp(slots[at].word, word, length) != 0))
		at = (at + 1) & (SLOTS - 1);
	return &slots[at];
}

/* The entry of a word of a list, made where there is none; the word's length. */
static NameEntry *
enter(const char *word, int *length)
{
	NameEntry  *entry;

	*length = strcspn(word, " ");
	entry = find_slot(word, *length);
	if (entry->word == NULL)
	{
		entry->word = word;
		entry->length = *length;
	}
	return entry;
}

/* Next word of a list. */
static const char *
next_word(const char *word, int length)
{
	return word[length] == ' ' ? word + length + 1 : word + length;
}

/* Enters the words of one line of names; they share a group. */
static void
add_line(const char *line, uint16 group, char gender, bool english)
{
	int			length;

	for (; *line; line = next_word(line, length))
	{
		NameEntry  *entry = enter(line, &length);

		entry->english = english && (entry->english || entry->groups[0] == 0);
		if (gender == '\0')
			entry->surname = true;
		else
		{
			entry->gender = entry->given && entry->gender != gender ? '\0' : gender;
			entry->given = true;
		}
		for (int i = 0; i < lengthof(entry->groups); i++)
		{
			if (entry->groups[i] == 0)
			{
				entry->groups[i] = group;
				break;
			}
		}
	}
}

static void
fill(void)
{
	uint16		group = 0;
	int			length;

	for (int i = 0; i < lengthof(lists); i++)
	{
		for (int j = 0; j < lists[i].count; j++)
			add_line(lists[i].lines[j], ++group, lists[i].gender, lists[i].english);
	}
	for (int i = 0; i < lengthof(compound_nicknames); i++)
	{
		const char *word = compound_nicknames[i];

		/* after the two given names */
		word += strcspn(word, " ") + 1;
		word += strcspn(word, " ") + 1;
		for (; *word; word = next_word(word, length))
			enter(word, &length)->compound = true;
	}
	for (int i = 0; i < lengthof(abbreviations); i++)
		enter(abbreviations[i].abbreviation, &length)->full = abbreviations[i].name;
	for (const char *word = titles; *word; word = next_word(word, length))
		enter(word, &length)->title = true;
	for (const char *word = particles; *word; word = next_word(word, length))
		enter(word, &length)->particle = true;
	for (const char *word = company_forms; *word; word = next_word(word, length))
		enter(word, &length)->company = true;
	filled = true;
}

/*
 * omni_name_entry: what is known of a folded word; NULL for an unknown one.
 */
const NameEntry *
omni_name_entry(const codepoint *word, int length)
{
	char		plain[LONGEST_WORD];
	NameEntry  *entry;

	if (length < 2 || length > LONGEST_WORD)
		return NULL;
	for (int i = 0; i < length; i++)
	{
		if (word[i] >= 0x80)
			return NULL;
		plain[i] = word[i];
	}
	if (!filled)
		fill();
	entry = find_slot(plain, length);
	return entry->word != NULL ? entry : NULL;
}

/*
 * omni_is_name: whether an entry is a given name or a surname.
 */
bool
omni_is_name(const NameEntry *entry)
{
	return entry != NULL && (entry->given || entry->surname);
}

/*
 * omni_same_group: whether two known names are forms of one.
 */
bool
omni_same_group(const NameEntry *a, const NameEntry *b)
{
	for (int i = 0; i < lengthof(a->groups) && a->groups[i] != 0; i++)
	{
		for (int j = 0; j < lengthof(b->groups) && b->groups[j] != 0; j++)
		{
			if (a->groups[i] == b->groups[j])
				return true;
		}
	}
	return false;
}

/* Whether a word is at most one typing error away from a known one. */
static bool
within_one(const NameWord *word, const NameEntry *entry)
{
	const codepoint *a = word->text;
	const char *b = entry->word;
	int			na = word->length;
	int			nb = entry->length;

	while (na > 0 && nb > 0 && *a == (unsigned char) *b)
	{
		a++;
		b++;
		na--;
		nb--;
	}
	while (na > 0 && nb > 0 && a[na - 1] == (unsigned char) b[nb - 1])
	{
		na--;
		nb--;
	}
	return Max(na, nb) <= 1 ||
		(na == 2 && nb == 2 && a[0] == (unsigned char) b[1] && a[1] == (unsigned char) b[0]);
}

/*
 * omni_common_neighbour: whether some known name is at most one typing error
 * away from both words, which are then likely misspellings of it.
 */
bool
omni_common_neighbour(const NameWord *a, const NameWord *b)
{
	if (!filled)
		fill();
	for (int i = 0; i < SLOTS; i++)
	{
		if (omni_is_name(&slots[i]) &&
			abs(slots[i].length - a->length) <= 1 && abs(slots[i].length - b->length) <= 1 &&
			within_one(a, &slots[i]) && within_one(b, &slots[i]))
			return true;
	}
	return false;
}

/* Whether a word of code points equals the next word of a line. */
static bool
equals_word(const codepoint *word, int length, const char *line)
{
	if ((int) strcspn(line, " ") != length)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (word[i] != (unsigned char) line[i])
			return false;
	}
	return true;
}

/*
 * omni_compound_nickname: whether a word is a nickname of two given names
 * together, as Juanjo is of Juan José.
 */
bool
omni_compound_nickname(const NameWord *nickname, const NameWord *first, const NameWord *second)
{
	if (nickname->entry == NULL || !nickname->entry->compound)
		return false;
	for (int i = 0; i < lengthof(compound_nicknames); i++)
	{
		const char *line = compound_nicknames[i];

		if (!equals_word(first->text, first->length, line))
			continue;
		line += first->length + 1;
		if (!equals_word(second->text, second->length, line))
			continue;
		for (line += second->length; *line; line += strcspn(line, " "))
		{
			line++;
			if (equals_word(nickname->text, nickname->length, line))
				return true;
		}
	}
	return false;
}

/* The name that stands first in a group of given names; NULL for surnames. */
static const char *
group_name(uint16 group)
{
	for (int i = 0; i < lengthof(lists) && lists[i].gender != '\0'; i++)
	{
		if (group <= lists[i].count)
			return lists[i].lines[group - 1];
		group -= lists[i].count;
	}
	return NULL;
}

/* Adds a name that is not there yet. */
static int
add_formal(FormalName *names, int count, const char *text, int length)
{
	for (int i = 0; i < count; i++)
	{
		if (names[i].length == length && memcmp(names[i].text, text, length) == 0)
			return count;
	}
	if (count < FORMAL_NAMES_MAX)
		names[count++] = (FormalName) {text, length};
	return count;
}

/* The names that a known word stands for. */
static int
formal_names_of(const NameEntry *entry, FormalName *names)
{
	int			count = 0;

	if (entry == NULL)
		return 0;
	for (int i = 0; i < lengthof(entry->groups) && entry->groups[i] != 0; i++)
	{
		const char *name = group_name(entry->groups[i]);

		if (name != NULL)
			count = add_formal(names, count, name, strcspn(name, " "));
	}
	if (!entry->compound)
		return count;
	for (int i = 0; i < lengthof(compound_nicknames); i++)
	{
		const char *line = compound_nicknames[i];
		int			length = strcspn(line, " ");
		const char *word;

		length += 1 + strcspn(line + length + 1, " ");
		for (word = line + length; *word; word += strcspn(word, " "))
		{
			word++;
			if (strcspn(word, " ") == entry->length && memcmp(word, entry->word, entry->length) == 0)
				count = add_formal(names, count, line, length);
		}
	}
	return count;
}

/*
 * omni_formal_names: the names that a given name may stand for: the first name of
 * each group of equivalent names it is in (Paco: francisco; Tony: anthony), and
 * both names that a nickname joins (Juanjo: juan jose).  A diminutive in -ito or
 * -ita that is not listed stands for what its name stands for.
 * Arguments: a folded word; room for FORMAL_NAMES_MAX names.
 * Result: how many; 0 for a word that is no known given name.
 */
int
omni_formal_names(const codepoint *word, int length, FormalName *names)
{
	int			count = formal_names_of(omni_name_entry(word, length), names);
	codepoint	stem[LONGEST_WORD + 1];
	codepoint	endings[] = {0, 'o', 'e'};
	int			n = length - 3;

	if (count > 0 || n < 3 || length > LONGEST_WORD || word[n] != 'i' || word[n + 1] != 't' ||
		(word[n + 2] != 'o' && word[n + 2] != 'a'))
		return count;
	endings[1] = word[n + 2];
	memcpy(stem, word, n * sizeof(codepoint));
	for (int i = 0; i < lengthof(endings) && count == 0; i++)
	{
		stem[n] = endings[i];
		count = formal_names_of(omni_name_entry(stem, endings[i] == 0 ? n : n + 1), names);
	}
	/* Ivancito */
	if (count == 0 && stem[n - 1] == 'c')
		count = formal_names_of(omni_name_entry(stem, n - 1), names);
	return count;
}
