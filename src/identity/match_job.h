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

/* records and blocks taken at a time */
#define MATCH_RECORD_CHUNK	4096
#define MATCH_BLOCK_CHUNK	512

typedef enum MatchJobKind
{
	MATCH_JOB_FIELDS,
	MATCH_JOB_RANDOM_PAIRS,
	MATCH_JOB_CONDITIONS,
	MATCH_JOB_COUNT_KEYS,
	MATCH_JOB_BLOCKS,
	MATCH_JOB_SCAN,
	MATCH_JOB_CLUSTER
} MatchJobKind;

/* Temporary files of the raw values of each field, row by row: two bytes of length, 0 for no value, and the bytes. */
typedef struct MatchRawFiles
{
	FileSet		set;
	uint64		bytes[MATCH_FIELDS_MAX];
	MemoryContextCallback clean_up;
	bool		there;			/* they have to be deleted */
} MatchRawFiles;

/* What is to be done; copied to the workers. */
typedef struct MatchJob
{
	MatchJobKind kind;
	uint64		ntasks;
	int32		floor;			/* of a scan */
	uint64		per_bucket[256];	/* of blocks: keys by their highest eight bits */
	int			first_bucket[257];	/* of the range of each task, and 256 */
	FileSet		files;			/* of fields: their raw values */
	int			field[MATCH_FIELDS_MAX];	/* of each task */
} MatchJob;

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
	bool	   *together;		/* by smallest record: clustered with the whole table at hand; NULL: none */
} MatchComponents;

/* What a participant works with. */
typedef struct MatchShare
{
	const MatchData *data;
	const MatchBlocks *blocks;	/* of a scan */
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
extern MatchWork *omni_match_begin_work(const MatchData *data, const uint32 *original, const MatchBlocks *blocks,
										const MatchComponents *components);
extern bool omni_match_use_image(MatchWork *work);
extern const MatchData *omni_match_work_data(const MatchWork *work);
extern int	omni_match_participants(const MatchWork *work);
extern void omni_match_work(MatchWork *work, const MatchJob *job, MatchTake take, void *target);
extern void omni_match_end_work(MatchWork *work);
extern void omni_match_put(MatchOutput *output, const void *bytes, Size size);

/* the jobs: a task, and what a participant does after its last one */
extern void omni_match_field_task(MatchShare *share, uint64 task);
extern void omni_match_random_task(MatchShare *share, uint64 task);
extern void omni_match_random_end(MatchShare *share);
extern void omni_match_condition_task(MatchShare *share, uint64 task);
extern void omni_match_count_task(MatchShare *share, uint64 task);
extern void omni_match_count_end(MatchShare *share);
extern void omni_match_blocks_task(MatchShare *share, uint64 task);
extern void omni_match_scan_task(MatchShare *share, uint64 task);
extern void omni_match_scan_end(MatchShare *share);
extern void omni_match_cluster_task(MatchShare *share, uint64 task);

/* match_fields.c */
extern MatchRawFiles *omni_match_make_raw_files(MemoryContext context);
extern BufFile *omni_match_create_raw_file(MatchRawFiles *files, int f);
extern void omni_match_free_raw_files(MatchRawFiles *files);
extern void omni_match_read_fields(MatchData *data, const MatchRawFiles *files);

/* match_blocks.c */
extern void omni_match_afford(MatchModel *model, MatchWork *work);

/* match_cluster.c */
extern void omni_match_cluster_together(const MatchData *data, const MatchBlocks *blocks, const MatchComponents *components,
										MatchClusters *result);

#endif							/* OMNICRM_IDENTITY_MATCH_JOB_H */
