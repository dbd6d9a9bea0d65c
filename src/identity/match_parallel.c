/*
 * match_parallel.c
 *		Parallel workers for the scan of blocks.
 *
 * The records and blocks are laid out once in shared memory; workers and leader
 * take chunks of blocks from a counter.  A worker writes its pairs to a shared
 * temporary file, which the leader reads when all have ended; sorted by their
 * records they are what one process alone would have found.  Where there is no
 * shared memory or no worker, the caller goes on alone.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/cost.h"
#include "port/atomics.h"
#include "storage/buffile.h"
#include "storage/dsm.h"
#include "storage/sharedfileset.h"
#include "storage/shm_toc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "common/compat.h"
#include "identity/match.h"

#define KEY_SCAN		UINT64CONST(0x6f6d6e690001)
/* blocks taken at a time */
#define CHUNK			512

/* What workers and leader share; the image of the records is a segment of its own. */
typedef struct SharedScan
{
	dsm_handle	image;
	int32		floor;
	pg_atomic_uint64 next;		/* first block not taken */
	pg_atomic_uint64 scored;
	SharedFileSet files;
} SharedScan;

/* Records and blocks in one piece of memory; places are offsets, 0 is none. */
typedef struct Image
{
	MatchModel	model;
	uint32		nrecords;
	int			width;
	bool		across;
	Size		values;
	Size		source;
	Size		dictionary_values[MATCH_FIELDS_MAX];
	Size		dictionary_pool[MATCH_FIELDS_MAX];
	Size		dictionary_other[MATCH_FIELDS_MAX];
	uint32		nblocks;
	Size		start;
	Size		member;
	Size		record_start;
	Size		record_block;
} Image;

extern PGDLLEXPORT void omni_match_worker(dsm_segment *segment, shm_toc *toc);

/* Puts an array into the image, or only counts its room. */
static Size
place(char *image, Size *used, const void *array, Size size)
{
	Size		offset = *used;

	if (array == NULL)
		return 0;
	*used = add_size(*used, TYPEALIGN(MATCH_LINE, size));
	if (image != NULL)
		memcpy(image + offset, array, size);
	return offset;
}

/* Lays out the image at an address, or, at NULL, finds its size. */
static Size
lay_out(char *address, const MatchData *data, const MatchBlocks *blocks)
{
	Image	   *image = (Image *) (address != NULL ? address : palloc0(sizeof(Image)));
	int			nfields = data->model->nfields;
	Size		used = TYPEALIGN(MATCH_LINE, sizeof(Image));

	image->model = *data->model;
	image->nrecords = data->nrecords;
	image->width = data->width;
	image->across = data->across;
	image->nblocks = blocks->nblocks;
	image->values = place(address, &used, data->values, mul_size(data->nrecords, data->width * sizeof(uint32)));
	image->source = place(address, &used, data->source, data->nrecords);
	for (int f = 0; f < nfields; f++)
	{
		const MatchDictionary *dictionary = &data->dictionary[f];

		image->dictionary_values[f] = place(address, &used, dictionary->values, mul_size(dictionary->count, sizeof(MatchValue)));
		image->dictionary_pool[f] = place(address, &used, dictionary->pool, dictionary->pool_used);
		image->dictionary_other[f] = place(address, &used, dictionary->other_column, mul_size(dictionary->count, sizeof(uint32)));
	}
	image->start = place(address, &used, blocks->start, mul_size((Size) blocks->nblocks + 1, sizeof(uint64)));
	image->member = place(address, &used, blocks->member, mul_size(blocks->nmembers, sizeof(uint32)));
	image->record_start = place(address, &used, blocks->record_start, mul_size((Size) data->nrecords + 1, sizeof(uint64)));
	image->record_block = place(address, &used, blocks->record_block, mul_size(blocks->nmembers, sizeof(uint32)));
	if (address == NULL)
		pfree(image);
	return used;
}

static void *
at(char *address, Size offset)
{
	return offset != 0 ? address + offset : NULL;
}

/* Records and blocks as the image has them. */
static void
open_image(char *address, MatchData *data, MatchBlocks *blocks)
{
	Image	   *image = (Image *) address;

	memset(data, 0, sizeof(*data));
	memset(blocks, 0, sizeof(*blocks));
	data->context = CurrentMemoryContext;
	data->model = &image->model;
	data->nrecords = image->nrecords;
	data->width = image->width;
	data->across = image->across;
	data->values = at(address, image->values);
	data->source = at(address, image->source);
	for (int f = 0; f < image->model.nfields; f++)
	{
		data->dictionary[f].values = at(address, image->dictionary_values[f]);
		data->dictionary[f].pool = at(address, image->dictionary_pool[f]);
		data->dictionary[f].other_column = at(address, image->dictionary_other[f]);
	}
	blocks->nblocks = image->nblocks;
	blocks->start = at(address, image->start);
	blocks->member = at(address, image->member);
	blocks->record_start = at(address, image->record_start);
	blocks->record_block = at(address, image->record_block);
}

/* Takes chunks of blocks until there are no more. */
static void
take_part(SharedScan *shared, const MatchData *data, const MatchBlocks *blocks, MatchEdges *edges)
{
	MatchScan  *scan = omni_match_begin_scan(data, blocks, shared->floor);
	uint64		first;

	while ((first = pg_atomic_fetch_add_u64(&shared->next, CHUNK)) < blocks->nblocks)
		omni_match_scan_blocks(scan, first, Min(first + CHUNK, blocks->nblocks), edges);
	omni_match_end_scan(scan);
}

static void
file_name(char *name, Size size, int worker)
{
	snprintf(name, size, "pairs.%d", worker);
}

/*
 * omni_match_worker: what a worker does.
 */
void
omni_match_worker(dsm_segment *segment, shm_toc *toc)
{
	SharedScan *shared = shm_toc_lookup(toc, KEY_SCAN, false);
	dsm_segment *image;
	MatchData	data;
	MatchBlocks blocks;
	MatchEdges *edges = omni_match_new_edges();
	BufFile    *file;
	char		name[32];

	SharedFileSetAttach(&shared->files, segment);
	image = dsm_attach(shared->image);
	if (image == NULL)
		elog(ERROR, "could not map the records to be matched");
	open_image(dsm_segment_address(image), &data, &blocks);
	take_part(shared, &data, &blocks, edges);
	file_name(name, sizeof(name), ParallelWorkerNumber);
	file = BufFileCreateFileSet(&shared->files.fs, name);
	BufFileWrite(file, &edges->count, sizeof(edges->count));
	BufFileWrite(file, edges->edge, edges->count * sizeof(MatchEdge));
	BufFileExportFileSet(file);
	BufFileClose(file);
	pg_atomic_fetch_add_u64(&shared->scored, edges->scored);
	dsm_detach(image);
}

/* The pairs that a worker found. */
static void
read_file(SharedScan *shared, int worker, MatchEdges *edges)
{
	char		name[32];
	BufFile    *file;
	uint64		count = 0;

	file_name(name, sizeof(name), worker);
	file = BufFileOpenFileSet(&shared->files.fs, name, O_RDONLY, false);
	BufFileReadExact(file, &count, sizeof(count));
	if (edges->count + count > edges->capacity)
	{
		edges->capacity = edges->count + count;
		edges->edge = repalloc_huge(edges->edge, mul_size(edges->capacity, sizeof(MatchEdge)));
	}
	BufFileReadExact(file, edges->edge + edges->count, count * sizeof(MatchEdge));
	edges->count += count;
	BufFileClose(file);
}

/* Shared memory for the image; NULL when the system has not got so much. */
static dsm_segment *
make_image(const MatchData *data, const MatchBlocks *blocks)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;
	Size		size = lay_out(NULL, data, blocks);

	/* a container may have next to no shared memory: that is no failure of the run */
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		/* only what lack of room raises */
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		FreeErrorData(error);
		segment = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (segment != NULL)
		lay_out(dsm_segment_address(segment), data, blocks);
	return segment;
}

/*
 * omni_match_parallel_scan: omni_match_scan() with parallel workers, as many as
 * max_parallel_workers_per_gather allows.
 * Result: false when there is none to be had; nothing was done then.
 */
bool
omni_match_parallel_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor, MatchEdges *edges)
{
	int			workers = Min(max_parallel_workers_per_gather, max_parallel_workers);
	dsm_segment *image;
	ParallelContext *context;
	SharedScan *shared;
	int			launched;

	if (workers == 0 || IsInParallelMode() || IsParallelWorker() || !IsUnderPostmaster)
		return false;
	image = make_image(data, blocks);
	if (image == NULL)
		return false;
	EnterParallelMode();
	context = CreateParallelContext("omnicrm", "omni_match_worker", workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(SharedScan));
	shm_toc_estimate_keys(&context->estimator, 1);
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		DestroyParallelContext(context);
		ExitParallelMode();
		dsm_detach(image);
		return false;
	}
	shared = shm_toc_allocate(context->toc, sizeof(SharedScan));
	shared->image = dsm_segment_handle(image);
	shared->floor = floor;
	pg_atomic_init_u64(&shared->next, 0);
	pg_atomic_init_u64(&shared->scored, 0);
	SharedFileSetInit(&shared->files, context->seg);
	shm_toc_insert(context->toc, KEY_SCAN, shared);
	LaunchParallelWorkers(context);
	launched = context->nworkers_launched;
	take_part(shared, data, blocks, edges);
	WaitForParallelWorkersToFinish(context);
	for (int worker = 0; worker < launched; worker++)
		read_file(shared, worker, edges);
	edges->scored += pg_atomic_read_u64(&shared->scored);
	DestroyParallelContext(context);
	ExitParallelMode();
	dsm_detach(image);
	return true;
}
