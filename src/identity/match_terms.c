/*
 * match_terms.c
 *		Term frequencies: what a value adds to the weight of its equality.
 *
 * Two records that agree in a rare value are one sooner than two that agree in
 * what many have.  A model lists its frequent values with their shares; a hash
 * table of them serves records by the few.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"

#include "common/compat.h"
#include "identity/match.h"

/*
 * omni_match_index_terms: makes the terms of a field known by their texts; of two
 * of the same text the later one counts.
 */
void
omni_match_index_terms(MatchField *field)
{
	field->nterm_slots = field->nterms > 0 ? pg_nextpower2_32(2 * (uint32) field->nterms) : 0;
	field->term_slots = palloc0(Max(field->nterm_slots, 1) * sizeof(uint32));
	for (int i = 0; i < field->nterms; i++)
	{
		const char *term = field->terms[i];
		uint32		at = hash_bytes((const unsigned char *) term, strlen(term)) & (field->nterm_slots - 1);

		while (field->term_slots[at] != 0 && strcmp(field->terms[field->term_slots[at] - 1], term) != 0)
			at = (at + 1) & (field->nterm_slots - 1);
		field->term_slots[at] = i + 1;
	}
}

/*
 * omni_match_term_share: the share of a value among all values of its field: that
 * of the model's list, or of any that is not listed.
 */
double
omni_match_term_share(const MatchField *field, const unsigned char *text, int length)
{
	uint32		at;

	if (field->nterm_slots == 0)
		return field->rare_share;
	at = hash_bytes(text, length) & (field->nterm_slots - 1);
	while (field->term_slots[at] != 0)
	{
		const char *term = field->terms[field->term_slots[at] - 1];

		if (strlen(term) == length && memcmp(term, text, length) == 0)
			return field->term_share[field->term_slots[at] - 1];
		at = (at + 1) & (field->nterm_slots - 1);
	}
	return field->rare_share;
}

/* What equality of a value of this share weighs more than equality on average. */
static int32
term_adjustment(const MatchField *field, double share)
{
	double		bits;

	if (share <= 0 || field->u[0] <= 0)
		return 0;
	bits = log2(field->u[0] / share);
	return omni_match_units(Max(-MATCH_TERM_BITS, Min(MATCH_TERM_BITS, bits)));
}

/* Few values are looked for among the terms. */
static void
adjust_few(MatchDictionary *dictionary, const MatchField *field)
{
	for (uint32 i = 0; i < dictionary->count; i++)
	{
		const MatchValue *value = &dictionary->values[i];

		dictionary->adjust[i] = term_adjustment(field, omni_match_term_share(field, omni_match_text(dictionary, value), value->length));
	}
}

/* The terms are looked for among many values. */
static void
adjust_many(MatchDictionary *dictionary, const MatchField *field)
{
	int32		rare = term_adjustment(field, field->rare_share);

	for (uint32 i = 0; i < dictionary->count; i++)
		dictionary->adjust[i] = rare;
	for (int i = 0; i < field->nterms; i++)
	{
		MatchValue *value = omni_match_find_value(dictionary, field->terms[i], strlen(field->terms[i]));

		if (value != NULL)
			dictionary->adjust[value - dictionary->values] = term_adjustment(field, field->term_share[i]);
	}
}

/*
 * omni_match_apply_terms: sets the adjustment of each value from the term
 * frequencies of the model.
 */
void
omni_match_apply_terms(MatchData *data)
{
	for (int f = 0; f < data->model->nfields; f++)
	{
		const MatchField *field = &data->model->field[f];
		MatchDictionary *dictionary = &data->dictionary[f];

		if (dictionary->adjust == NULL)
			dictionary->adjust = MemoryContextAllocHuge(data->context, mul_size(Max(dictionary->count, 1), sizeof(int32)));
		if (!field->term_frequency)
			memset(dictionary->adjust, 0, dictionary->count * sizeof(int32));
		else if (dictionary->count < field->nterms)
			adjust_few(dictionary, field);
		else
			adjust_many(dictionary, field);
	}
}
