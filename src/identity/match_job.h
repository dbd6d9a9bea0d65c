/*
 * match_job.h
 *		Work of the matching engine that parallel workers share.
 *
 * A job is a number of tasks; each is done once, by this process or by a worker,
 * whoever comes first.  What a participant finds it puts into its output, and the
 * leader takes the outputs of all, in no particular order: what is made of them must
 * not depend on it.  Without workers the same tasks run here, one after the other.
 */
#ifndef OMNICRM_IDENTITY_MATCH_JOB_H
#define OMNICRM_IDENTITY_MATCH_JOB_H

#include "identity/match.h"
#include "storage/buffile.h"
#include "storage/fileset.h"

/* records taken at a time, and those of a scan */
#define MATCH_RECORD_CHUNK	4096
#define MATCH_SCAN_CHUNK	2048
/* parts of the keys, see match_spread.h */
#define MATCH_BUCKETS		256

typedef enum MatchJobKind
{
	MATCH_JOB_FIELDS,
	MATCH_JOB_RANDOM_PAIRS,
	MATCH_JOB_CONDITIONS,
	MATCH_JOB_SPREAD_KEYS,
	MATCH_JOB_BLOCKS,
	MATCH_JOB_SCAN,
	MATCH_JOB_CLUSTER
} MatchJobKind;

/* Temporary files that participants share. */
typedef struct MatchFiles
{
	FileSet		set;
	MemoryContextCallback clean_up;
	bool		there;			/* they have to be deleted */
} MatchFiles;

/* Files of the raw values of each field, row by row: two bytes of length, 0 for no value, and the bytes. */
#define MATCH_RAW_FILE		"field"

/* What is to be done; copied to the workers. */
typedef struct MatchJob
{
	MatchJobKind kind;
	uint64		ntasks;
	int32		floor;			/* of a scan */
	int			buckets;		/* of spreading keys: how many are wanted, from the first on */
	uint64		per_bucket[MATCH_BUCKETS];	/* of blocks: number of keys */
	int			first_bucket[MATCH_BUCKETS + 1];	/* of the range of each task, and the one after the last */
	int			limit[MATCH_KEY_KINDS]; /* largest block of each kind of key */
	FileSet		files;			/* of fields: their raw values; of keys and blocks: the keys */
	int			field[MATCH_FIELDS_MAX];	/* of each task */
} MatchJob;

/*
 * Who meets whom, as a scan reads it: from where a record stands in a block on, up to
 * the last record of that block.
 */
typedef struct MatchMeetings
{
	double		pairs;			/* those of several blocks counted in each */
	uint64		nmembers;
	uint64		nplaces;
	uint32	   *member;			/* records of one block after the other; MATCH_LAST_MEMBER marks the last one of each */
	uint64	   *start;			/* of the places of each chunk of records, and their end */
	uint32	   *place;			/* among the members where records of a chunk have others after them, in no order */
} MatchMeetings;

#define MATCH_LAST_MEMBER	((uint32) 1 << 31)
StaticAssertDecl(MATCH_RECORDS_MAX < MATCH_LAST_MEMBER, "the number of a record leaves a bit for the mark");

/* Bytes for the leader, in pieces of eight. */
typedef struct MatchOutput
{
	char	   *bytes;
	Size		size;
	Size		capacity;
} MatchOutput;

/* Connected components of pairs; the smallest record stands for each. */
typedef struct MatchComponents
{
	uint32	   *record;			/* records by component, ascending within each */
	uint32	   *record_start;	/* nrecords + 1: where those of each component start */
	MatchEdge  *edge;			/* pairs by component, of places among its records */
	uint64	   *edge_start;		/* nrecords + 1 */
	bool	   *together;		/* by smallest record: clustered together with others; NULL: none */
} MatchComponents;

/* Number of chunks of a scan. */
static inline uint64
omni_match_scan_chunks(uint32 nrecords)
{
	return ((uint64) nrecords + MATCH_SCAN_CHUNK - 1) / MATCH_SCAN_CHUNK;
}

/* What a participant works with. */
typedef struct MatchShare
{
	const MatchData *data;
	const MatchMeetings *meetings;	/* of a scan */
	const MatchComponents *components;	/* of clustering */
	const uint32 *original;		/* see MatchBlocks */
	const MatchJob *job;
	void	   *state;			/* its own, from task to task */
	MatchOutput output;
} MatchShare;

typedef struct MatchWork MatchWork;

/* Takes the output of a participant, which lasts until the end of the work. */
typedef void (*MatchTake) (void *target, const char *bytes, Size size);

/* match_parallel.c */
extern void omni_match_share_values(MatchData *data);
extern MatchWork *omni_match_begin_work(const MatchData *data, const uint32 *original, const MatchMeetings *meetings,
										const MatchComponents *components);
extern uint32 *omni_match_alloc_rows(MatchData *data);
extern bool omni_match_use_image(MatchWork *work);
extern MatchShare *omni_match_work_share(MatchWork *work);
extern const MatchData *omni_match_work_data(const MatchWork *work);
extern int	omni_match_participants(const MatchWork *work);
extern void omni_match_work(MatchWork *work, const MatchJob *job, MatchTake take, void *target);
extern void omni_match_work_beside(MatchWork *work, void (*beside) (void *argument), void *argument);
extern void omni_match_end_work(MatchWork *work);
extern void omni_match_put(MatchOutput *output, const void *bytes, Size size);

/* the jobs: a task, and what a participant does after its last one */
extern void omni_match_field_task(MatchShare *share, uint64 task);
extern void omni_match_random_task(MatchShare *share, uint64 task);
extern void omni_match_random_end(MatchShare *share);
extern void omni_match_condition_task(MatchShare *share, uint64 task);
extern void omni_match_spread_task(MatchShare *share, uint64 task);
extern void omni_match_spread_end(MatchShare *share);
extern void omni_match_blocks_task(MatchShare *share, uint64 task);
extern void omni_match_blocks_end(MatchShare *share);
extern void omni_match_scan_task(MatchShare *share, uint64 task);
extern void omni_match_scan_end(MatchShare *share);
extern void omni_match_cluster_task(MatchShare *share, uint64 task);

/* match_files.c */
extern MatchFiles *omni_match_make_files(MemoryContext context);
extern void omni_match_free_files(MatchFiles *files);
extern BufFile *omni_match_create_file(const FileSet *set, const char *kind, int number);
extern BufFile *omni_match_open_file(const FileSet *set, const char *kind, int number);

/* match_fields.c */
extern void omni_match_read_fields(MatchData *data, const MatchFiles *files, const uint64 *bytes);

/* match_blocks.c */
extern void omni_match_afford(MatchModel *model, MatchKeys *keys, uint32 nrecords);
extern int	omni_match_afford_buckets(uint32 nrecords);

/* match_cluster.c */
extern void omni_match_cluster_together(const MatchData *data, const MatchBlocks *blocks, const MatchComponents *components,
										MatchClusters *result);

#endif							/* OMNICRM_IDENTITY_MATCH_JOB_H */
