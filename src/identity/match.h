/*
 * match.h
 *		The matching engine: records of a table, compared and clustered.
 *
 * The records of a run are kept as rows of value numbers, the values of each
 * field in a dictionary.  Everything that follows (blocking keys, levels,
 * weights, clusters) is a function of the records and the model, in the order of
 * the ids, whatever the order in which the table gave its rows.
 */
#ifndef OMNICRM_IDENTITY_MATCH_H
#define OMNICRM_IDENTITY_MATCH_H

#include "fmgr.h"
#include <math.h>

#include "identity/kernel.h"
#include "storage/shmem.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#define MATCH_FIELDS_MAX	16
/* levels of a comparison, best first; a level takes three bits of a pattern */
#define MATCH_LEVELS_MAX	7
#define MATCH_NO_EVIDENCE	7
#define MATCH_LEVEL_BITS	3
/* a level, or no evidence */
#define MATCH_STATES		8
/* longest part of a value that is compared */
#define MATCH_TEXT_MAX		64
/* values above this many bytes are no value */
#define MATCH_RAW_MAX		4000
/* weights are whole numbers of 1/65536 bit, so that sums are exact */
#define MATCH_UNIT			65536
/* most that the frequency of a value adds to or takes from its weight, in bits */
#define MATCH_TERM_BITS		6.0
/* number of a record without value */
#define MATCH_NULL			PG_UINT32_MAX
/* most keys of one record: 16 alone, 6 words, 15 pairs of words three times, 6 x (2 + 16), 16, 120 */
#define MATCH_KEYS_MAX		320
/* most records of a run */
#define MATCH_RECORDS_MAX	200000000
/* longest text kept inside a MatchValue, which fills a cache line */
#define MATCH_INLINE_MAX	37
/* what the processor fetches at a time */
#define MATCH_LINE			64
/* most sources that are told apart */
#define MATCH_SOURCES_MAX	64
/* nickname groups kept for a value */
#define MATCH_GROUPS_MAX	4

typedef enum MatchKind
{
	MATCH_NAME,
	MATCH_GIVEN_NAME,
	MATCH_SURNAME,
	MATCH_BIRTH_DATE,
	MATCH_EMAIL,
	MATCH_PHONE,
	MATCH_TAX_ID,
	MATCH_CODE,
	MATCH_POSTCODE,
	MATCH_CITY,
	MATCH_ADDRESS,
	MATCH_TEXT,
	MATCH_CATEGORY,
	MATCH_NUMBER
} MatchKind;

/* What a kind brings: see match_kind.c. */
typedef struct MatchKindInfo
{
	const char *name;
	const char *placeholder;	/* kind of is_placeholder(), NULL: common rules */
	bool		term_frequency;
	bool		exclusive;		/* two valid, different values are two entities */
	const char *levels[MATCH_LEVELS_MAX + 1];	/* NULL ends the list */
} MatchKindInfo;

/* One comparison of a model. */
typedef struct MatchField
{
	char	   *column;
	MatchKind	kind;
	char	   *country;		/* of tax numbers and postcodes without one */
	char	   *format;			/* of dates */
	bool		term_frequency;
	bool		exclusive;
	bool		blocking;
	int			levels;
	double		m[MATCH_LEVELS_MAX];	/* share of the level among matches */
	double		u[MATCH_LEVELS_MAX];	/* and among others */
	/* the field whose agreement goes together with this one's, or -1; shares by its level */
	int			parent;
	double		m_given[MATCH_STATES][MATCH_LEVELS_MAX];
	double		u_given[MATCH_STATES][MATCH_LEVELS_MAX];
	/* log2(m/u) by level of the parent and own level; 0 without evidence */
	int32		weight[MATCH_STATES][MATCH_STATES];
	double		relatives[MATCH_LEVELS_MAX];	/* share of the level among relatives */
	/* log2(relatives/u), as weight; of equality without what chance brings */
	int32		relatives_weight[MATCH_STATES][MATCH_STATES];
	int32		best[1 << MATCH_LEVELS_MAX];	/* greatest weight of each set of levels, as bits */
	int32		best_different; /* and of all levels of different values */
	/* term frequencies: texts with their share of all values, and of any other */
	int			nterms;
	char	  **terms;
	double	   *term_share;
	double		rare_share;
	uint32	   *term_slots;		/* hash table of the terms: their numbers + 1 */
	uint32		nterm_slots;
} MatchField;

typedef struct MatchModel
{
	int			nfields;
	MatchField	field[MATCH_FIELDS_MAX];
	int			order[MATCH_FIELDS_MAX];	/* parents before those that depend on them */
	int			doubt_order[MATCH_FIELDS_MAX];	/* by what different values may weigh less than hoped for */
	int			given_name;		/* fields whose values may stand in each other's column, or -1 */
	int			surname;
	double		prior;			/* probability that two records drawn at random match */
	int32		prior_weight;
	double		relatives;		/* and that they are of relatives, see match_relatives.c; 0: none are known */
	int32		relatives_weight;
	double		threshold;		/* mean weight in bits at which clusters merge */
	double		review;			/* from here on a pair is worth a look */
	double		unscored;		/* what a pair counts that no key brought together */
	int			max_block;		/* largest block of records with one key */
	int			max_weak_block; /* and of those that have but two weak things in common; 0: the same */
	int			max_value_block;	/* and of those with one value that is no identifier; 0: the same */
	int64		records;		/* number of records that the model was trained on */
} MatchModel;

/* A distinct value of a field: one cache line. */
typedef struct MatchValue
{
	uint32		count;
	uint32		more;			/* where a longer text lies in the pool */
	double		number;
	uint16		groups[MATCH_GROUPS_MAX];	/* of equivalent names, 0 = none */
	uint8		length;
	uint8		valid;			/* checked by control characters */
	uint8		local;			/* e-mail: length of the part before @ */
	unsigned char text[MATCH_INLINE_MAX];
} MatchValue;

/* The values of one field. */
typedef struct MatchDictionary
{
	MatchValue *values;
	uint32		count;
	uint32		capacity;
	char	   *pool;			/* texts that do not fit into their value */
	Size		pool_used;
	Size		pool_size;
	uint32	   *slots;			/* hash table of value numbers + 1 */
	uint32		nslots;
	int64		present;		/* records with a value */
	int32	   *adjust;			/* of each value, by its frequency: added to the weight of equality */
	uint32	   *other_column;	/* of given names: the surname of the same text, or MATCH_NULL */
} MatchDictionary;

/*
 * A value of a record: what keys are made of, and what a packed record holds.  Its
 * texts lie in the dictionary or in the packed bytes.
 */
typedef struct MatchPacked
{
	uint8		field;			/* its number in the model */
	uint8		kind;
	bool		blocking;
	uint8		length;
	uint8		local;			/* e-mail: length of the part before @ */
	uint8		ngroups;
	const unsigned char *groups;	/* of equivalent names, two bytes each, the higher one first */
	const unsigned char *text;
} MatchPacked;

/* What a value of a packed record adds to the weight of a pair at most, by that of the probe. */
typedef struct MatchReachField
{
	int			head;			/* how a value of the field begins */
	int			length;			/* of the probe's value; 0: none */
	const unsigned char *text;
	int32		equal;
	int32		different;
} MatchReachField;

/* A probe as packed records are held against it: see omni_match_within_reach(). */
typedef struct MatchReach
{
	const struct MatchProbe *probe;
	MatchReachField field[MATCH_FIELDS_MAX];
} MatchReach;

/* What somebody decided of two records. */
typedef struct MatchDecision
{
	uint32		a;
	uint32		b;
	bool		same;
} MatchDecision;

/* Where the records of a run come from. */
typedef struct MatchInput
{
	Oid			relation;
	const char *id_column;
} MatchInput;

/* What a run may be told beside the model. */
typedef struct MatchRunOptions
{
	char	   *source;			/* column that names the source, or NULL */
	bool		one_per_source;
	Oid			decisions;		/* relation with id_a, id_b, same, or InvalidOid */
} MatchRunOptions;

typedef struct MatchSharedValues MatchSharedValues;
typedef struct MatchKeys MatchKeys;

typedef struct MatchData
{
	MemoryContext context;
	const MatchModel *model;
	uint32		nrecords;
	uint32		capacity;
	int			width;			/* of a row, a power of two */
	uint8		second[MATCH_FIELDS_MAX];	/* word of a row with the second sketch of a field, or 0 */
	uint32		first_values;	/* room that a dictionary starts with, a power of two */
	uint32	   *kept;			/* of those without copies: their numbers among all; or NULL */
	uint32	   *values;			/* nrecords rows, of all where some are kept: the value number of each field, then the sketches, then second ones */
	MatchDictionary dictionary[MATCH_FIELDS_MAX];
	MatchSharedValues *shared;	/* with workers, see match_parallel.c */
	bool		keep_keys;		/* blocks follow the training, which leaves the keys: */
	MatchKeys  *keys;			/* or NULL */
	bool		copies_known;	/* training found the copies: */
	uint32	   *original;		/* as in MatchBlocks */
	uint32	   *order;			/* while values are read: the row of each record, as it was read */
	bool		integer_ids;
	int64	   *numbers;		/* ids, when they are integers */
	char	  **texts;			/* ids otherwise */
	uint8	   *source;			/* number of the source of each record, or NULL */
	int			nsources;
	bool		across;			/* only records of different sources are compared */
	bool		one_per_source;	/* an entity has at most one record of a source */
	/* decisions of people */
	MatchDecision *decisions;
	uint64		ndecisions;
} MatchData;

/* A record under a key. */
typedef struct MatchKeyEntry
{
	uint64		key;
	uint32		record;
	uint32		kind;			/* of key, where it matters */
} MatchKeyEntry;

/* Kinds of keys; names in match_keys.c. */
typedef enum MatchKeyKind
{
	MATCH_KEY_COPY = 1,			/* no key: another record has the same values */
	MATCH_KEY_WORD,
	MATCH_KEY_TWO_WORDS,
	MATCH_KEY_TWO_STARTS,
	MATCH_KEY_TWO_STARTS_YEAR,
	MATCH_KEY_WORD_YEAR,
	MATCH_KEY_WORD_DAY,
	MATCH_KEY_WORD_PLACE,
	MATCH_KEY_PLACE_MONTH,
	MATCH_KEY_TWO_PLACES,
	/* the value of a field alone, and the number of the field */
	MATCH_KEY_VALUE = 16,
	MATCH_KEY_KINDS = MATCH_KEY_VALUE + MATCH_FIELDS_MAX
} MatchKeyKind;

/* What became of the keys of one kind. */
typedef struct MatchKeyCount
{
	uint64		keys;
	uint64		dropped;		/* those of too many records */
	uint64		largest;		/* records of the most frequent one */
} MatchKeyCount;

/* Blocks of records with a common key. */
typedef struct MatchBlocks
{
	uint32		nblocks;
	uint64		nmembers;
	uint64	   *start;			/* nblocks + 1 */
	uint32	   *member;			/* records of each block, ascending */
	uint64	   *record_start;	/* nrecords + 1; by omni_match_list_blocks() */
	uint32	   *record_block;	/* blocks of each record, ascending; also by it */
	uint8	   *kind;			/* of the key of each block */
	MatchKeyCount count[MATCH_KEY_KINDS];
	/* first record of the same values, where there are many: only that has keys; MATCH_NULL for others, or NULL */
	uint32	   *original;
} MatchBlocks;

/* One record held against many. */
typedef struct MatchProbe
{
	const MatchData *data;
	uint32		record;
	const uint32 *row;
	uint64	   *levels;			/* of pairs of values that were compared, or NULL; see match_compare.c */
	bool		ready[MATCH_FIELDS_MAX];
	OmniPattern pattern[MATCH_FIELDS_MAX];
} MatchProbe;

/* What the rows of two records say of their weight. */
typedef struct MatchBound
{
	int32		most;			/* that they may weigh */
	uint32		elsewhere;		/* a name in the other's column, see match_compare.c, or MATCH_NULL */
	int			nopen;			/* fields of several possible levels */
	uint8		open[MATCH_FIELDS_MAX];
	uint8		possible[MATCH_FIELDS_MAX];	/* levels, as bits */
	uint8		level[MATCH_FIELDS_MAX];	/* of the other fields */
} MatchBound;

/* What one field adds to the weight of a pair. */
typedef struct MatchPart
{
	uint8		level;			/* own, MATCH_NO_EVIDENCE where the field says nothing */
	uint8		given;			/* of the field that it depends on */
	uint32		agreed;			/* value whose frequency counts, or MATCH_NULL */
	int32		weight;			/* with that frequency */
} MatchPart;

/* A pair above the floor. */
typedef struct MatchEdge
{
	uint32		a;				/* smaller record */
	uint32		b;
	int32		weight;
} MatchEdge;

typedef struct MatchEdges
{
	MatchEdge  *edge;
	uint64		count;
	uint64		capacity;
	uint64		scored;			/* pairs that their rows did not settle */
} MatchEdges;

/* Two clusters that became one. */
typedef struct MatchMerge
{
	uint32		a;				/* smallest records of the two, a < b */
	uint32		b;
	uint32		records;		/* of both together */
	float		weight;			/* mean over their pairs, in bits; NaN: decided by somebody */
} MatchMerge;

/* The entities of a table. */
typedef struct MatchClusters
{
	uint32	   *cluster;		/* smallest record of the cluster of each record */
	MatchMerge *merges;			/* in their order */
	uint32		nmerges;
} MatchClusters;

typedef struct MatchPatternCount
{
	uint64		pattern;
	uint64		count;
} MatchPatternCount;

typedef struct MatchPatternTable MatchPatternTable;

/* Spreads the bits of a number (the finaliser of MurmurHash3). */
static inline uint64
omni_mix(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

/* The row of a record. */
static inline const uint32 *
omni_match_row(const MatchData *data, uint32 record)
{
	return data->values + (Size) record * data->width;
}

/* The text of a value. */
static inline const unsigned char *
omni_match_text(const MatchDictionary *dictionary, const MatchValue *value)
{
	return value->length <= MATCH_INLINE_MAX ? value->text
		: (const unsigned char *) dictionary->pool + value->more;
}

/* The surname that is the same text as the given name of a record, or MATCH_NULL. */
static inline uint32
omni_match_other_name(const MatchData *data, const uint32 *row)
{
	int			given_name = data->model->given_name;

	if (given_name < 0 || data->model->surname < 0 || row[given_name] == MATCH_NULL)
		return MATCH_NULL;
	return data->dictionary[given_name].other_column[row[given_name]];
}

/* The number of a record by which its row is found. */
static inline uint32
omni_match_kept(const MatchData *data, uint32 record)
{
	return data->kept != NULL ? data->kept[record] : record;
}

/* Bits as a weight in whole units. */
static inline int32
omni_match_units(double bits)
{
	return (int32) rint(bits * MATCH_UNIT);
}

/* match_kind.c */
extern const MatchKindInfo *omni_match_kind(MatchKind kind);
extern bool omni_match_kind_by_name(const char *name, MatchKind *kind);
extern int	omni_match_kind_levels(MatchKind kind);
extern char *omni_match_kind_names(void);
extern bool omni_match_is_identifier(MatchKind kind);
extern double omni_match_number(const unsigned char *text, int length);
extern bool omni_match_normalise(const MatchField *field, Datum raw, MatchValue *value, char *rest);

/* match_data.c */
extern MatchData *omni_match_read(const MatchInput *inputs, int ninputs, const MatchRunOptions *options,
								  const MatchModel *model);
extern uint32 omni_match_find_record(const MatchData *data, const char *id);
extern char *omni_match_id(const MatchData *data, uint32 record);

/* match_values.c */
extern void omni_match_lay_out_row(MatchData *data);
extern Size omni_match_add_to_pool(MemoryContext context, char **pool, Size *used, Size *size, const char *text, Size length);
extern uint32 omni_match_enter(MatchData *data, int f, Datum raw);
extern MatchValue *omni_match_find_value(const MatchDictionary *dictionary, const char *text, int length);
extern void omni_match_link_name_columns(MatchData *data);
extern MatchData *omni_match_of_values(const MatchModel *model, int nrecords, text *const *values);
extern void omni_match_packed_value(const MatchPacked *packed, MatchValue *value);
extern MatchData *omni_match_of_packed(const MatchModel *model, int nrecords, const bytea *const *packed);

/* match_terms.c */
extern void omni_match_index_terms(MatchField *field);
extern double omni_match_term_share(const MatchField *field, const unsigned char *text, int length);
extern void omni_match_apply_terms(MatchData *data);

/* match_compared.c */
extern int	omni_match_unpack(const bytea *packed, const MatchModel *model, MatchPacked *values);
extern void omni_match_make_reach(MatchReach *reach, const MatchProbe *probe);
extern bool omni_match_within_reach(const MatchReach *reach, const bytea *packed, int32 floor);
extern int	omni_match_packed_keys(const bytea *packed, const MatchModel *model, uint64 *keys, uint8 *kinds);
extern int	omni_match_key_entries(const bytea *packed, const MatchModel *model, MatchKeyEntry *entries);

/* match_sketch.c */
extern uint32 omni_match_possible_packed(const MatchProbe *probe, const MatchPacked *packed);
extern void omni_match_add_sketches(MatchData *data);

/* match_copies.c */
extern uint32 *omni_match_copies(const MatchData *data);
extern MatchData *omni_match_without_copies(MatchData *data);
extern void omni_match_with_copies(MatchData *data, MatchData *without);

/* match_keys.c */
extern int	omni_match_keys(const MatchData *data, uint32 record, uint64 *keys, uint8 *kinds);
extern int	omni_match_keys_of(const MatchPacked *values, int nvalues, uint64 *keys, uint8 *kinds);
extern uint64 omni_match_whole_key(const bytea *packed);
extern const char *omni_match_key_kind(const MatchModel *model, int kind);
extern int	omni_match_key_limit(const MatchModel *model, int kind);
extern void omni_match_prefetch_values(const MatchData *data, uint32 record);

/* match_key_list.c */
extern ArrayType *omni_match_key_array(uint64 *keys, int n);

/* match_blocks.c */
extern MatchKeyEntry *omni_match_sort_keys(MatchKeyEntry *entries, MatchKeyEntry *room, Size n, int lowest, int end);
extern MatchBlocks *omni_match_blocks(MatchData *data);
extern void omni_match_list_blocks(const MatchData *data, MatchBlocks *blocks);

/* match_compare.c */
extern void omni_match_remember_levels(MatchProbe *probe);
extern void omni_match_recall(const MatchProbe *probe, const uint32 *row, MatchBound *bound);
extern void omni_match_probe(MatchProbe *probe, uint32 record);
extern void omni_match_prefetch_compared(const MatchProbe *probe, uint32 other);
extern uint64 omni_match_compare(MatchProbe *probe, uint32 other);
extern void omni_match_probe_row(MatchProbe *probe, uint32 record, const uint32 *row);
extern int32 omni_match_bound(const MatchProbe *probe, const uint32 *row, MatchBound *bound, int32 floor);
extern int32 omni_match_settle(MatchProbe *probe, const uint32 *row, MatchBound *bound, int32 floor);
extern int32 omni_match_score(MatchProbe *probe, uint32 other, int32 floor);
extern int32 omni_match_parts(MatchProbe *probe, uint32 other, MatchPart *parts, int32 *relatives);

/* match_relatives.c */
extern bool omni_match_is_personal(MatchKind kind, int level);
extern void omni_match_relatives_weights(MatchModel *model);

/* match_scan.c */
extern MatchEdges *omni_match_new_edges(void);
extern void omni_match_add_edge(MatchEdges *edges, uint32 a, uint32 b, int32 weight);
extern double omni_match_block_pairs(const MatchBlocks *blocks);
extern void omni_match_sort_edges(const MatchData *data, MatchEdges *edges);
extern MatchEdges *omni_match_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor);

/* match_pattern.c */
extern MatchPatternTable *omni_match_pattern_table(void);
extern void omni_match_add_pattern(MatchPatternTable *table, uint64 pattern, uint64 pairs);
extern MatchPatternCount *omni_match_sorted_patterns(MatchPatternTable *table, int *count);

/* match_train.c */
extern void omni_match_train(MatchModel *model, MatchData *data);

/* match_model.c */
extern void omni_match_fields(Jsonb *fields, Jsonb *options, MatchModel *model);
extern void omni_match_model(Jsonb *json, MatchModel *model);
extern void omni_match_run_options(Jsonb *json, MatchModel *model, MatchRunOptions *options);
extern Jsonb *omni_match_model_json(const MatchModel *model);
extern void omni_match_weights(MatchModel *model);

/* match_cluster.c */
extern uint32 omni_match_exclusive(const MatchData *data, int f, uint32 record);
extern double omni_match_merge_threshold(int64 threshold, uint32 size_a, uint32 size_b);

/* match_connect.c */
extern MatchClusters *omni_match_cluster(const MatchData *data, const MatchBlocks *blocks, MatchEdges *edges);

/* match_explain.c */
extern void omni_match_record(Jsonb *record, const char *name, const MatchModel *model, text **values);
extern char *omni_match_shown(const MatchData *data, int f, uint32 value);
extern MatchData *omni_match_run(FunctionCallInfo fcinfo, int options_argument, MatchRunOptions *options,
								 MatchClusters **clusters, MatchBlocks **blocks);

/* match.c */
extern MatchClusters *omni_match_entities(MatchData *data, MatchBlocks **used);
extern char *omni_match_pattern_text(const MatchModel *model, uint64 pattern);
extern double omni_match_probability(double weight);
extern int64 omni_match_cluster_id(const MatchData *data, uint32 record);

#endif							/* OMNICRM_IDENTITY_MATCH_H */
