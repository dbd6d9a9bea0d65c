/*
 * match_parallel.c
 *		Parallel workers for the jobs of match_job.h.
 *
 * Values and rows are laid out once in shared memory, what else a work needs for it;
 * workers and leader take tasks from a counter.  A worker writes its output to a shared temporary file,
 * which the leader reads when all have ended.  Where there is no shared memory or
 * no worker, the leader does everything.
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
#include "common/memory.h"
#include "identity/match_job.h"

#define KEY_JOB			UINT64CONST(0x6f6d6e690001)
/* records, and pairs of a scan, below which workers are not worth their start */
#define PARALLEL_RECORDS	50000
#define PARALLEL_PAIRS		1000000.0

/* What workers and leader share; values and the image of the records are segments of their own. */
typedef struct SharedJob
{
	dsm_handle	values;
	dsm_handle	rows;			/* DSM_HANDLE_INVALID: in the image */
	dsm_handle	image;
	pg_atomic_uint64 next;		/* first task not taken */
	SharedFileSet files;
	MatchJob	job;
} SharedJob;

struct MatchWork
{
	MemoryContext context;		/* outputs */
	MatchShare	share;			/* of the leader */
	dsm_segment *values;
	dsm_segment *rows;			/* NULL: in the image */
	dsm_segment *image;			/* NULL: no workers */
	int			workers;
	void		(*beside) (void *argument);	/* what this process does first, or NULL */
	void	   *beside_argument;
};

/* What a job consists of, see match_job.h. */
typedef struct JobType
{
	void		(*task) (MatchShare *share, uint64 task);
	void		(*end) (MatchShare *share);	/* or NULL */
} JobType;

static const JobType job_types[] = {
	[MATCH_JOB_FIELDS] = {omni_match_field_task, NULL},
	[MATCH_JOB_RANDOM_PAIRS] = {omni_match_random_task, omni_match_random_end},
	[MATCH_JOB_CONDITIONS] = {omni_match_condition_task, NULL},
	[MATCH_JOB_SPREAD_KEYS] = {omni_match_spread_task, omni_match_spread_end},
	[MATCH_JOB_BLOCKS] = {omni_match_blocks_task, omni_match_blocks_end},
	[MATCH_JOB_SCAN] = {omni_match_scan_task, omni_match_scan_end},
	[MATCH_JOB_CLUSTER] = {omni_match_cluster_task, NULL},
};

/* Records and blocks in one piece of memory; places are offsets, 0 is none. */
typedef struct Image
{
	MatchModel	model;
	Size		country[MATCH_FIELDS_MAX];	/* texts of the model that values are read with */
	Size		format[MATCH_FIELDS_MAX];
	uint32		nrecords;
	bool		across;
	bool		one_per_source;
	Size		order;
	Size		kept;
	Size		values;			/* 0: the rows have a segment of their own */
	Size		source;
	uint32		dictionary_count[MATCH_FIELDS_MAX];
	Size		dictionary_adjust[MATCH_FIELDS_MAX];
	Size		member;
	Size		member_start;
	Size		member_place;
	Size		original;
	Size		component_record;
	Size		component_record_start;
	Size		component_edge;
	Size		component_edge_start;
	Size		component_together;
} Image;

/* The distinct values in a piece of memory of their own, which serves all works on their records. */
typedef struct ValuesImage
{
	Size		values[MATCH_FIELDS_MAX];
	Size		pool[MATCH_FIELDS_MAX];
	Size		other[MATCH_FIELDS_MAX];
} ValuesImage;

/* Where that is, for all copies of a MatchData, and the rows of its records. */
struct MatchSharedValues
{
	dsm_segment *segment;		/* NULL: nowhere yet */
	dsm_segment *rows;			/* NULL: not in shared memory */
	MemoryContextCallback clean_up;
};

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

/* Room in the image, which the leader fills later. */
static Size
reserve(Size *used, Size size)
{
	Size		offset = *used;

	*used = add_size(*used, TYPEALIGN(MATCH_LINE, size));
	return offset;
}

static Size
place_text(char *image, Size *used, const char *text)
{
	return place(image, used, text, text != NULL ? strlen(text) + 1 : 0);
}

/* Lays out the values at an address, or, at NULL, finds their size. */
static Size
lay_out_values(char *address, const MatchData *data)
{
	ValuesImage *image = (ValuesImage *) (address != NULL ? address : palloc0(sizeof(ValuesImage)));
	Size		used = TYPEALIGN(MATCH_LINE, sizeof(ValuesImage));

	for (int f = 0; f < data->model->nfields; f++)
	{
		const MatchDictionary *dictionary = &data->dictionary[f];

		image->values[f] = place(address, &used, dictionary->values, mul_size(dictionary->count, sizeof(MatchValue)));
		image->pool[f] = place(address, &used, dictionary->pool, dictionary->pool_used);
		image->other[f] = place(address, &used, dictionary->other_column, mul_size(dictionary->count, sizeof(uint32)));
	}
	if (address == NULL)
		pfree(image);
	return used;
}

/* Lays out the image at an address, or, at NULL, finds its size. */
static Size
lay_out(char *address, const MatchShare *share)
{
	const MatchData *data = share->data;
	const MatchMeetings *meetings = share->meetings;
	const MatchComponents *components = share->components;
	Image	   *image = (Image *) (address != NULL ? address : palloc0(sizeof(Image)));
	int			nfields = data->model->nfields;
	Size		used = TYPEALIGN(MATCH_LINE, sizeof(Image));

	image->model = *data->model;
	image->nrecords = data->nrecords;
	image->across = data->across;
	image->one_per_source = data->one_per_source;
	image->kept = place(address, &used, data->kept, mul_size(data->nrecords, sizeof(uint32)));
	image->order = place(address, &used, data->order, mul_size(data->nrecords, sizeof(uint32)));
	if (meetings != NULL)
		image->values = reserve(&used, mul_size(data->nrecords, data->width * sizeof(uint32)));
	image->source = meetings != NULL ? reserve(&used, data->nrecords) : place(address, &used, data->source, data->nrecords);
	for (int f = 0; f < nfields; f++)
	{
		const MatchDictionary *dictionary = &data->dictionary[f];

		image->country[f] = place_text(address, &used, data->model->field[f].country);
		image->format[f] = place_text(address, &used, data->model->field[f].format);
		image->dictionary_count[f] = dictionary->count;
		image->dictionary_adjust[f] = place(address, &used, dictionary->adjust, mul_size(dictionary->count, sizeof(int32)));
	}
	image->original = place(address, &used, share->original, mul_size(data->nrecords, sizeof(uint32)));
	if (meetings != NULL)
	{
		image->member = reserve(&used, mul_size(meetings->nmembers, sizeof(uint32)));
		image->member_start = reserve(&used, mul_size(omni_match_scan_chunks(data->nrecords) + 1, sizeof(uint64)));
		image->member_place = reserve(&used, mul_size(meetings->nplaces, sizeof(uint32)));
	}
	if (components != NULL)
	{
		Size		starts = (Size) data->nrecords + 1;

		image->component_record = place(address, &used, components->record, mul_size(data->nrecords, sizeof(uint32)));
		image->component_record_start = place(address, &used, components->record_start, mul_size(starts, sizeof(uint32)));
		image->component_edge = place(address, &used, components->edge,
									  mul_size(components->edge_start[data->nrecords], sizeof(MatchEdge)));
		image->component_edge_start = place(address, &used, components->edge_start, mul_size(starts, sizeof(uint64)));
		image->component_together = place(address, &used, components->together, data->nrecords);
	}
	if (address == NULL)
		pfree(image);
	return used;
}

static void *
at(char *address, Size offset)
{
	return offset != 0 ? address + offset : NULL;
}

/* The model of an image with its texts where they lie for this process; terms stay with the leader. */
static const MatchModel *
open_model(char *address)
{
	const Image *image = (const Image *) address;
	MatchModel *model = palloc_object(MatchModel);

	*model = image->model;
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		field->country = at(address, image->country[f]);
		field->format = at(address, image->format[f]);
		field->column = NULL;
		field->terms = NULL;
		field->term_share = NULL;
		field->term_slots = NULL;
		field->nterms = field->nterm_slots = 0;
	}
	return model;
}

/* What a participant works with, as the values and the image have it. */
static void
open_image(char *values, char *rows, char *address, MatchShare *share)
{
	const ValuesImage *shared = (const ValuesImage *) values;
	Image	   *image = (Image *) address;
	MatchData  *data = palloc0_object(MatchData);
	MatchMeetings *meetings = palloc0_object(MatchMeetings);
	MatchComponents *components = palloc0_object(MatchComponents);

	share->data = data;
	share->meetings = meetings;
	share->components = components;
	share->original = at(address, image->original);
	data->context = CurrentMemoryContext;
	data->model = open_model(address);
	data->nrecords = image->nrecords;
	omni_match_lay_out_row(data);
	data->across = image->across;
	data->one_per_source = image->one_per_source;
	data->order = at(address, image->order);
	data->kept = at(address, image->kept);
	data->values = rows != NULL ? (uint32 *) rows : at(address, image->values);
	data->source = at(address, image->source);
	for (int f = 0; f < image->model.nfields; f++)
	{
		data->dictionary[f].count = image->dictionary_count[f];
		data->dictionary[f].values = at(values, shared->values[f]);
		data->dictionary[f].pool = at(values, shared->pool[f]);
		data->dictionary[f].other_column = at(values, shared->other[f]);
		data->dictionary[f].adjust = at(address, image->dictionary_adjust[f]);
	}
	meetings->member = at(address, image->member);
	meetings->start = at(address, image->member_start);
	meetings->place = at(address, image->member_place);
	components->record = at(address, image->component_record);
	components->record_start = at(address, image->component_record_start);
	components->edge = at(address, image->component_edge);
	components->edge_start = at(address, image->component_edge_start);
	components->together = at(address, image->component_together);
}

/* Takes tasks until there are no more. */
static void
take_part(MatchShare *share, pg_atomic_uint64 *next)
{
	const JobType *type = &job_types[share->job->kind];
	uint64		task;

	share->state = NULL;
	while ((task = pg_atomic_fetch_add_u64(next, 1)) < share->job->ntasks)
	{
		CHECK_FOR_INTERRUPTS();
		type->task(share, task);
	}
	if (type->end != NULL)
		type->end(share);
}

/*
 * omni_match_put: adds bytes to an output, filled up to a multiple of eight.
 */
void
omni_match_put(MatchOutput *output, const void *bytes, Size size)
{
	Size		room = TYPEALIGN(sizeof(uint64), size);

	if (output->size + room > output->capacity)
	{
		output->capacity = Max(add_size(output->size, room), Max(output->capacity * 2, 8192));
		output->bytes = output->bytes == NULL ? MemoryContextAllocHuge(CurrentMemoryContext, output->capacity)
			: repalloc_huge(output->bytes, output->capacity);
	}
	if (size > 0)
		memcpy(output->bytes + output->size, bytes, size);
	memset(output->bytes + output->size + size, 0, room - size);
	output->size += room;
}

static void
file_name(char *name, Size size, int worker)
{
	snprintf(name, size, "output.%d", worker);
}

/*
 * omni_match_worker: what a worker does.
 */
void
omni_match_worker(dsm_segment *segment, shm_toc *toc)
{
	SharedJob  *shared = shm_toc_lookup(toc, KEY_JOB, false);
	dsm_segment *values;
	dsm_segment *rows = NULL;
	dsm_segment *image;
	MatchShare	share = {0};
	BufFile    *file;
	char		name[32];

	SharedFileSetAttach(&shared->files, segment);
	values = dsm_attach(shared->values);
	image = dsm_attach(shared->image);
	if (shared->rows != DSM_HANDLE_INVALID)
		rows = dsm_attach(shared->rows);
	if (values == NULL || image == NULL || (shared->rows != DSM_HANDLE_INVALID && rows == NULL))
		elog(ERROR, "could not map the records to be matched");
	open_image(dsm_segment_address(values), rows != NULL ? dsm_segment_address(rows) : NULL, dsm_segment_address(image), &share);
	share.job = &shared->job;
	take_part(&share, &shared->next);
	file_name(name, sizeof(name), ParallelWorkerNumber);
	file = BufFileCreateFileSet(&shared->files.fs, name);
	BufFileWrite(file, &share.output.size, sizeof(Size));
	if (share.output.size > 0)
		BufFileWrite(file, share.output.bytes, share.output.size);
	BufFileExportFileSet(file);
	BufFileClose(file);
	dsm_detach(image);
	if (rows != NULL)
		dsm_detach(rows);
	dsm_detach(values);
}

/* Takes the output of a worker. */
static void
read_output(SharedJob *shared, int worker, MatchTake take, void *target)
{
	char		name[32];
	BufFile    *file;
	Size		size = 0;
	char	   *bytes;

	file_name(name, sizeof(name), worker);
	file = BufFileOpenFileSet(&shared->files.fs, name, O_RDONLY, false);
	BufFileReadExact(file, &size, sizeof(size));
	bytes = MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
	if (size > 0)
		BufFileReadExact(file, bytes, size);
	BufFileClose(file);
	take(target, bytes, size);
}

/* Shared memory; NULL when the system has not got so much. */
static dsm_segment *
make_segment(Size size)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;

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
	return segment;
}

/* Shared memory goes by itself when a transaction fails. */
static void
forget_values(dsm_segment *segment, Datum argument)
{
	((MatchSharedValues *) DatumGetPointer(argument))->segment = NULL;
}

static void
forget_rows(dsm_segment *segment, Datum argument)
{
	((MatchSharedValues *) DatumGetPointer(argument))->rows = NULL;
}

static void
detach_values(MatchSharedValues *shared)
{
	if (shared->segment != NULL)
		dsm_detach(shared->segment);
}

static void
detach_all(void *argument)
{
	MatchSharedValues *shared = argument;

	detach_values(shared);
	if (shared->rows != NULL)
		dsm_detach(shared->rows);
}

/*
 * omni_match_share_values: lets the values of records be shared with workers, from
 * the next work on until the records go; what was shared of them before is given up.
 */
void
omni_match_share_values(MatchData *data)
{
	MatchSharedValues *shared = data->shared;

	if (shared != NULL)
	{
		detach_values(shared);
		return;
	}
	data->shared = shared = MemoryContextAllocZero(data->context, sizeof(MatchSharedValues));
	shared->clean_up.func = detach_all;
	shared->clean_up.arg = shared;
	MemoryContextRegisterResetCallback(data->context, &shared->clean_up);
}

/* Puts the values into shared memory, where they are not there yet; whether they are. */
static bool
values_are_shared(const MatchData *data)
{
	MatchSharedValues *shared = data->shared;

	if (shared->segment != NULL)
		return true;
	shared->segment = make_segment(lay_out_values(NULL, data));
	if (shared->segment == NULL)
		return false;
	on_dsm_detach(shared->segment, forget_values, PointerGetDatum(shared));
	(void) lay_out_values(dsm_segment_address(shared->segment), data);
	return true;
}

/* Whether the rows of the records are in a segment of their own, if at all in shared memory. */
static bool
rows_are_shared(const MatchData *data)
{
	return data->shared->rows != NULL && (char *) data->values == (char *) dsm_segment_address(data->shared->rows);
}

/* Puts what a job works with into shared memory; NULL where there is none. */
static dsm_segment *
make_image(const MatchShare *share)
{
	dsm_segment *segment = NULL;

	if ((share->meetings != NULL || share->data->values == NULL || rows_are_shared(share->data)) && values_are_shared(share->data))
		segment = make_segment(lay_out(NULL, share));

	if (segment != NULL)
		(void) lay_out(dsm_segment_address(segment), share);
	return segment;
}

/* Number of workers that this work may have. */
static int
workers_worth(const MatchShare *share)
{
	int			workers = Min(max_parallel_workers_per_gather, max_parallel_workers);

	if (IsInParallelMode() || IsParallelWorker() || !IsUnderPostmaster)
		return 0;
	if (share->meetings != NULL ? share->meetings->pairs < PARALLEL_PAIRS : share->data->nrecords < PARALLEL_RECORDS)
		return 0;
	return workers;
}

/*
 * omni_match_alloc_rows: room for the rows of the records, which are not read yet: in
 * shared memory where workers will want them.
 */
uint32 *
omni_match_alloc_rows(MatchData *data)
{
	Size		size = mul_size(Max(data->nrecords, 1), data->width * sizeof(uint32));
	MatchShare	share = {.data = data};

	if (workers_worth(&share) > 0)
		data->shared->rows = make_segment(size);
	if (data->shared->rows == NULL)
		return omni_lines_alloc(data->context, size);
	on_dsm_detach(data->shared->rows, forget_rows, PointerGetDatum(data->shared));
	return dsm_segment_address(data->shared->rows);
}

/*
 * omni_match_begin_work: prepares jobs on some records: those that stand for others,
 * who meets whom and components are NULL where no job needs them.
 */
MatchWork *
omni_match_begin_work(const MatchData *data, const uint32 *original, const MatchMeetings *meetings,
					  const MatchComponents *components)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm work", ALLOCSET_DEFAULT_SIZES);
	MatchWork  *work = MemoryContextAllocZero(context, sizeof(MatchWork));

	work->context = context;
	work->share.data = data;
	work->share.original = original;
	work->share.meetings = meetings;
	work->share.components = components;
	work->workers = workers_worth(&work->share);
	if (work->workers > 0)
		work->image = make_image(&work->share);
	if (work->image != NULL)
	{
		work->values = data->shared->segment;
		if (meetings == NULL && data->values != NULL)
			work->rows = data->shared->rows;
	}
	else
		work->workers = 0;
	return work;
}

/*
 * omni_match_use_image: lets this process, too, work with the image, of which it fills
 * what a scan needs; false where there is none.
 */
bool
omni_match_use_image(MatchWork *work)
{
	MemoryContext old = MemoryContextSwitchTo(work->context);

	if (work->image != NULL)
		open_image(dsm_segment_address(work->values), work->rows != NULL ? dsm_segment_address(work->rows) : NULL,
				   dsm_segment_address(work->image), &work->share);
	MemoryContextSwitchTo(old);
	return work->image != NULL;
}

/*
 * omni_match_work_data: the records that jobs work on.
 */
const MatchData *
omni_match_work_data(const MatchWork *work)
{
	return work->share.data;
}

/*
 * omni_match_work_share: what this process works with.
 */
MatchShare *
omni_match_work_share(MatchWork *work)
{
	return &work->share;
}

/*
 * omni_match_participants: number of processes that will take part, if there are
 * workers to be had.
 */
int
omni_match_participants(const MatchWork *work)
{
	return work->workers + 1;
}

/* A parallel context with workers at their work, or NULL. */
static ParallelContext *
launch_workers(MatchWork *work, const MatchJob *job, SharedJob **shared)
{
	ParallelContext *context;
	int			workers = job->ntasks > work->workers ? work->workers : (int) job->ntasks - 1;

	if (workers <= 0)
		return NULL;
	EnterParallelMode();
	context = CreateParallelContext("omnicrm", "omni_match_worker", workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(SharedJob));
	shm_toc_estimate_keys(&context->estimator, 1);
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		DestroyParallelContext(context);
		ExitParallelMode();
		return NULL;
	}
	*shared = shm_toc_allocate(context->toc, sizeof(SharedJob));
	(*shared)->values = dsm_segment_handle(work->values);
	(*shared)->rows = work->rows != NULL ? dsm_segment_handle(work->rows) : DSM_HANDLE_INVALID;
	(*shared)->image = dsm_segment_handle(work->image);
	(*shared)->job = *job;
	pg_atomic_init_u64(&(*shared)->next, 0);
	SharedFileSetInit(&(*shared)->files, context->seg);
	shm_toc_insert(context->toc, KEY_JOB, *shared);
	LaunchParallelWorkers(context);
	return context;
}

/*
 * omni_match_work_beside: what this process does in the next job before it takes part,
 * while workers are at their tasks.
 */
void
omni_match_work_beside(MatchWork *work, void (*beside) (void *argument), void *argument)
{
	work->beside = beside;
	work->beside_argument = argument;
}

/*
 * omni_match_work: does a job, with workers where the work has any.
 * Arguments: the work; the job; what takes the outputs, and into what.
 */
void
omni_match_work(MatchWork *work, const MatchJob *job, MatchTake take, void *target)
{
	MemoryContext old = MemoryContextSwitchTo(work->context);
	SharedJob  *shared = NULL;
	ParallelContext *context;
	pg_atomic_uint64 alone;

	context = launch_workers(work, job, &shared);
	pg_atomic_init_u64(&alone, 0);
	work->share.job = job;
	memset(&work->share.output, 0, sizeof(MatchOutput));
	if (work->beside != NULL)
		work->beside(work->beside_argument);
	work->beside = NULL;
	take_part(&work->share, context != NULL ? &shared->next : &alone);
	if (context != NULL)
	{
		int			launched = context->nworkers_launched;

		WaitForParallelWorkersToFinish(context);
		for (int worker = 0; worker < launched; worker++)
			read_output(shared, worker, take, target);
		DestroyParallelContext(context);
		ExitParallelMode();
	}
	take(target, work->share.output.bytes, work->share.output.size);
	MemoryContextSwitchTo(old);
}

/*
 * omni_match_end_work: frees what the work and its outputs hold.
 */
void
omni_match_end_work(MatchWork *work)
{
	if (work->image != NULL)
		dsm_detach(work->image);
	MemoryContextDelete(work->context);
}
