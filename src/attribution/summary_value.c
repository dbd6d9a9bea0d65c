/*
 * summary_value.c
 *		The type omnicrm.attribution_summary: reading, writing, text and binary form.
 *
 * A value is a version and whole numbers of variable length (7 bits a byte, the
 * lowest first, signed ones folded), in a fixed order: flags, settings and
 * options, totals, names in the order of their bytes, credits by actor, lengths,
 * times, flows, paths, and the value of the Markov counts.  The same journeys and
 * options give the same bytes.  The text form is the bytes in hexadecimal.
 *
 * Whatever comes from outside is checked as a whole: lengths, orders, and that
 * the credits of each model add up to the conversions and values of all paths.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "attribution/summary.h"
#include "common/compat.h"
#include "common/hex.h"

#define VALUE_VERSION 1
#define MOST_NAMES 1000
#define MOST_STEPS 20

/* no sum may leave 127 bits when two summaries are added */
#define MOST_SUM ((int128) 1 << 126)

PG_FUNCTION_INFO_V1(omnicrm_attribution_summary_in);
PG_FUNCTION_INFO_V1(omnicrm_attribution_summary_out);
PG_FUNCTION_INFO_V1(omnicrm_attribution_summary_recv);
PG_FUNCTION_INFO_V1(omnicrm_attribution_summary_send);

static void
put(StringInfo buffer, uint128 value)
{
	while (value >= 0x80)
	{
		appendStringInfoCharMacro(buffer, (char) ((value & 0x7F) | 0x80));
		value >>= 7;
	}
	appendStringInfoCharMacro(buffer, (char) value);
}

/* A signed number: 0, -1, 1, -2, ... */
static void
put_signed(StringInfo buffer, int128 value)
{
	put(buffer, (uint128) value << 1 ^ (uint128) (value >> 127));
}

static void
put_bytes(StringInfo buffer, const char *bytes, Size length)
{
	put(buffer, length);
	appendBinaryStringInfo(buffer, bytes, (int) length);
}

static void
put_names(StringInfo buffer, const NameList *list)
{
	put(buffer, list->count);
	for (int i = 0; i < list->count; i++)
		put_bytes(buffer, list->names[i], strlen(list->names[i]));
}

/*
 * summary_write_options: what two summaries must have in common to be added:
 * whether there are times, settings and options.
 */
void
summary_write_options(StringInfo buffer, const AttributionSummary *summary)
{
	const AttributionOptions *options = summary->options;

	put(buffer, summary->timed);
	put(buffer, summary->settings.markov_order);
	put(buffer, summary->settings.paths);
	put(buffer, summary->settings.flow_steps);
	put(buffer, options->lookback);
	put(buffer, options->half_life);
	for (int i = 0; i < 3; i++)
		put(buffer, options->custom[i]);
	put_names(buffer, &options->non);
	put(buffer, options->nsteps);
	for (int i = 0; i < options->nsteps; i++)
	{
		put(buffer, options->steps[i].kind);
		put(buffer, options->steps[i].most);
		put_names(buffer, &options->steps[i].actors);
	}
}

static void
put_totals(StringInfo buffer, const AttributionSummary *summary)
{
	put(buffer, summary->scale);
	put(buffer, summary->journeys);
	put(buffer, summary->touches);
	put(buffer, summary->conversions);
	put_signed(buffer, summary->value);
	put(buffer, summary->unattributed);
	put_signed(buffer, summary->unattributed_value);
	put(buffer, summary->same_touches);
	put_signed(buffer, summary->same_touch_value);
}

static void
put_actors(StringInfo buffer, const AttributionSummary *summary)
{
	put(buffer, summary->nactors);
	for (uint32 i = 0; i < summary->nactors; i++)
	{
		const ActorCredit *credit = &summary->credits[i];
		int			length;
		const char *name = omni_actor_name(summary->actors, i, &length);

		put_bytes(buffer, name, length);
		put(buffer, credit->touches);
		for (int c = 0; c < CREDIT_COUNTS; c++)
		{
			put(buffer, credit->counts[c]);
			put_signed(buffer, credit->values[c]);
		}
		for (int s = 0; s < CREDIT_SHARES; s++)
		{
			put(buffer, credit->shares[s]);
			put_signed(buffer, credit->share_values[s]);
		}
	}
}

static void
put_distributions(StringInfo buffer, const AttributionSummary *summary)
{
	put(buffer, summary->nlengths);
	for (uint32 i = 0; i < summary->nlengths; i++)
	{
		put(buffer, summary->lengths[i].length);
		put(buffer, summary->lengths[i].conversions);
		put(buffer, summary->lengths[i].nulls);
		put_signed(buffer, summary->lengths[i].value);
	}
	put(buffer, summary->ntimes);
	put(buffer, summary->time_sum);
	put(buffer, summary->time_least);
	put(buffer, summary->time_most);
	for (uint32 i = 0; i < summary->ntimes; i++)
	{
		put(buffer, summary->times[i].bucket);
		put(buffer, summary->times[i].conversions);
	}
	put(buffer, summary->nflows);
	for (uint32 i = 0; i < summary->nflows; i++)
	{
		put(buffer, summary->flows[i].step);
		put(buffer, summary->flows[i].from);
		put(buffer, summary->flows[i].to);
		put(buffer, summary->flows[i].conversions);
		put(buffer, summary->flows[i].nulls);
	}
}

static void
put_paths(StringInfo buffer, const AttributionSummary *summary)
{
	put(buffer, summary->all_paths);
	put(buffer, summary->npaths);
	for (uint32 i = 0; i < summary->npaths; i++)
	{
		const SummaryPath *path = &summary->paths[i];

		put(buffer, path->length);
		for (uint32 a = 0; a < path->length; a++)
			put(buffer, path->actors[a]);
		put(buffer, path->conversions);
		put(buffer, path->nulls);
		put_signed(buffer, path->value);
	}
}

/*
 * summary_write: the value of a summary, in current memory.
 * Errors: program_limit_exceeded above 1 GB.
 */
bytea *
summary_write(const AttributionSummary *summary)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	appendStringInfoSpaces(&buffer, VARHDRSZ);
	put(&buffer, VALUE_VERSION);
	summary_write_options(&buffer, summary);
	put_totals(&buffer, summary);
	put_actors(&buffer, summary);
	put_distributions(&buffer, summary);
	put_paths(&buffer, summary);
	if (summary->markov != NULL)
		put_bytes(&buffer, VARDATA_ANY(summary->markov), VARSIZE_ANY_EXHDR(summary->markov));
	SET_VARSIZE(buffer.data, buffer.len);
	return (bytea *) buffer.data;
}

/* What is read, and whether it was well formed so far. */
typedef struct Reader
{
	const char *at;
	const char *end;
	bool		valid;
} Reader;

static uint128
get(Reader *reader, uint128 most)
{
	uint128		value = 0;
	int			shift = 0;

	while (reader->valid)
	{
		uint8		byte;

		if (reader->at == reader->end || shift > 126)
			break;
		byte = (uint8) *reader->at++;
		/* two bits are left of 128 in the nineteenth byte */
		if (shift == 126 && byte > 3)
			break;
		value |= (uint128) (byte & 0x7F) << shift;
		shift += 7;
		if ((byte & 0x80) == 0)
		{
			/* the shortest form only */
			if ((byte == 0 && shift > 7) || value > most)
				break;
			return value;
		}
	}
	reader->valid = false;
	return 0;
}

static int64
get_count(Reader *reader)
{
	return (int64) get(reader, PG_INT64_MAX);
}

static int128
get_signed(Reader *reader)
{
	uint128		value = get(reader, (uint128) MOST_SUM * 2);

	return (int128) (value >> 1) ^ -(int128) (value & 1);
}

/* So many elements of at least so many bytes must still be there. */
static uint32
get_number(Reader *reader, Size least)
{
	uint32		count = (uint32) get(reader, PG_UINT32_MAX);

	if (count > (Size) (reader->end - reader->at) / least)
		reader->valid = false;
	return reader->valid ? count : 0;
}

static const char *
get_bytes(Reader *reader, Size *length)
{
	const char *bytes;

	*length = get_number(reader, 1);
	bytes = reader->at;
	reader->at += *length;
	return bytes;
}

/* A name in the encoding of the database. */
static const char *
get_name(Reader *reader, Size *length)
{
	const char *name = get_bytes(reader, length);

	if (reader->valid && (memchr(name, '\0', *length) != NULL ||
						  pg_encoding_verifymbstr(GetDatabaseEncoding(), name, (int) *length) != (int) *length))
		reader->valid = false;
	return name;
}

static void
get_names(Reader *reader, NameList *list)
{
	list->count = (int) get(reader, MOST_NAMES);
	list->names = palloc_array(char *, list->count + 1);
	list->numbers = palloc_array(int32, list->count + 1);
	for (int i = 0; i < list->count; i++)
	{
		Size		length;
		const char *name = get_name(reader, &length);

		list->names[i] = reader->valid ? pnstrdup(name, length) : NULL;
		list->numbers[i] = NO_NUMBER;
	}
}

static void
get_options(Reader *reader, AttributionSummary *summary)
{
	AttributionOptions *options = palloc0_object(AttributionOptions);

	summary->options = options;
	summary->timed = get(reader, 1) != 0;
	summary->settings.markov_order = (int32) get(reader, MARKOV_MAX_ORDER);
	summary->settings.paths = (int32) get(reader, PG_INT32_MAX / 4);
	summary->settings.flow_steps = (int32) get(reader, 255);
	options->lookback = (uint64) get(reader, PG_UINT64_MAX);
	options->half_life = (uint64) get(reader, PG_INT64_MAX);
	for (int i = 0; i < 3; i++)
		options->custom[i] = (uint64) get(reader, 1000000000);
	get_names(reader, &options->non);
	options->nsteps = (int) get(reader, MOST_STEPS);
	options->steps = palloc0_array(PathStep, MOST_STEPS);
	for (int i = 0; i < options->nsteps; i++)
	{
		options->steps[i].kind = (PathStepKind) get(reader, STEP_TRIM_LONG);
		options->steps[i].most = (int32) get(reader, PG_INT32_MAX);
		get_names(reader, &options->steps[i].actors);
	}
	if (options->half_life == 0 || options->custom[0] + options->custom[1] + options->custom[2] == 0)
		reader->valid = false;
}

static void
get_totals(Reader *reader, AttributionSummary *summary)
{
	summary->scale = (int) get(reader, SUMMARY_MAX_SCALE);
	summary->journeys = get_count(reader);
	summary->touches = get_count(reader);
	summary->conversions = get_count(reader);
	summary->value = get_signed(reader);
	summary->unattributed = get_count(reader);
	summary->unattributed_value = get_signed(reader);
	summary->same_touches = get_count(reader);
	summary->same_touch_value = get_signed(reader);
	if (summary->unattributed > summary->conversions || summary->same_touches > summary->conversions)
		reader->valid = false;
}

static void
get_actors(Reader *reader, AttributionSummary *summary)
{
	const char *before = NULL;
	Size		length_before = 0;

	summary->nactors = get_number(reader, 2 + 2 * (CREDIT_COUNTS + CREDIT_SHARES));
	summary->actors = omni_actors_make(CurrentMemoryContext);
	summary->credits = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) summary->nactors + 1) * sizeof(ActorCredit));
	for (uint32 i = 0; reader->valid && i < summary->nactors; i++)
	{
		ActorCredit *credit = &summary->credits[i];
		Size		length;
		const char *name = get_name(reader, &length);
		int			order = before == NULL || !reader->valid ? -1 : memcmp(before, name, Min(length_before, length));

		if (!reader->valid || order > 0 || (order == 0 && length_before >= length))
		{
			reader->valid = false;
			break;
		}
		before = name;
		length_before = length;
		(void) omni_actor_number(summary->actors, name, (int) length);
		credit->touches = get_count(reader);
		for (int c = 0; c < CREDIT_COUNTS; c++)
		{
			credit->counts[c] = get_count(reader);
			credit->values[c] = get_signed(reader);
		}
		for (int s = 0; s < CREDIT_SHARES; s++)
		{
			credit->shares[s] = (int128) get(reader, MOST_SUM);
			credit->share_values[s] = get_signed(reader);
		}
	}
}

static void
get_lengths(Reader *reader, AttributionSummary *summary)
{
	summary->nlengths = get_number(reader, 4);
	summary->lengths = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) summary->nlengths + 1) * sizeof(SummaryLength));
	for (uint32 i = 0; reader->valid && i < summary->nlengths; i++)
	{
		SummaryLength *length = &summary->lengths[i];

		length->length = (uint32) get(reader, PG_UINT32_MAX);
		length->conversions = get_count(reader);
		length->nulls = get_count(reader);
		length->value = get_signed(reader);
		if (length->length <= (i > 0 ? length[-1].length : 0) || (length->conversions == 0 && length->nulls == 0) ||
			(length->conversions == 0 && length->value != 0))
			reader->valid = false;
	}
}

static void
get_times(Reader *reader, AttributionSummary *summary)
{
	summary->ntimes = get_number(reader, 2);
	summary->time_sum = (int128) get(reader, MOST_SUM);
	summary->time_least = (uint64) get(reader, PG_UINT64_MAX);
	summary->time_most = (uint64) get(reader, PG_UINT64_MAX);
	summary->times = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) summary->ntimes + 1) * sizeof(SummaryTime));
	for (uint32 i = 0; reader->valid && i < summary->ntimes; i++)
	{
		SummaryTime *time = &summary->times[i];

		time->bucket = (uint32) get(reader, TIME_BUCKETS - 1);
		time->conversions = get_count(reader);
		if (time->conversions == 0 || (i > 0 && time->bucket <= time[-1].bucket))
			reader->valid = false;
	}
	if (summary->ntimes == 0)
		reader->valid = reader->valid && summary->time_sum == 0 && summary->time_least == 0 && summary->time_most == 0;
	else if (reader->valid)
		reader->valid = summary->time_least <= summary->time_most &&
			summary->times[0].bucket == time_bucket(summary->time_least / USECS_PER_SEC) &&
			summary->times[summary->ntimes - 1].bucket == time_bucket(summary->time_most / USECS_PER_SEC);
}

static int
compare_flows(const SummaryFlow *a, const SummaryFlow *b)
{
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

static void
get_flows(Reader *reader, AttributionSummary *summary)
{
	summary->nflows = get_number(reader, 5);
	summary->flows = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) summary->nflows + 1) * sizeof(SummaryFlow));
	for (uint32 i = 0; reader->valid && i < summary->nflows; i++)
	{
		SummaryFlow *flow = &summary->flows[i];

		flow->step = (uint32) get(reader, summary->settings.flow_steps);
		flow->from = (uint32) get(reader, PG_UINT32_MAX);
		flow->to = (uint32) get(reader, PG_UINT32_MAX);
		flow->conversions = get_count(reader);
		flow->nulls = get_count(reader);
		if (flow->step == 0 || (flow->from == FLOW_END) != (flow->step == 1) ||
			(flow->from >= summary->nactors && flow->from < FLOW_OTHER) ||
			(flow->to >= summary->nactors && flow->to < FLOW_OTHER) ||
			(flow->conversions == 0 && flow->nulls == 0) || (i > 0 && compare_flows(flow - 1, flow) >= 0))
			reader->valid = false;
	}
}

static void
get_paths(Reader *reader, AttributionSummary *summary)
{
	summary->all_paths = get(reader, 1) != 0;
	summary->npaths = get_number(reader, 5);
	if (summary->npaths > (uint32) summary->settings.paths)
		reader->valid = false;
	summary->paths = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) summary->npaths + 1) * sizeof(SummaryPath));
	for (uint32 i = 0; reader->valid && i < summary->npaths; i++)
	{
		SummaryPath *path = &summary->paths[i];

		path->length = get_number(reader, 1);
		path->actors = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) path->length + 1) * sizeof(uint32));
		for (uint32 a = 0; reader->valid && a < path->length; a++)
		{
			path->actors[a] = (uint32) get(reader, PG_UINT32_MAX);
			if (path->actors[a] >= summary->nactors)
				reader->valid = false;
		}
		path->conversions = get_count(reader);
		path->nulls = get_count(reader);
		path->value = get_signed(reader);
		if (path->length == 0 || (path->conversions == 0 && (path->nulls == 0 || path->value != 0)))
			reader->valid = false;
		else if (reader->valid && i > 0 && summary_compare_paths(path - 1, path) >= 0)
			reader->valid = false;
	}
}

/* The Markov counts, of the order that the settings say. */
static void
get_markov(Reader *reader, AttributionSummary *summary)
{
	Size		length;
	const char *bytes;
	Actors	   *actors;

	if (!reader->valid || summary->settings.markov_order == 0)
		return;
	bytes = get_bytes(reader, &length);
	if (!reader->valid)
		return;
	summary->markov = palloc(VARHDRSZ + length);
	SET_VARSIZE(summary->markov, VARHDRSZ + length);
	memcpy(VARDATA(summary->markov), bytes, length);
	if (omni_markov_read(summary->markov, CurrentMemoryContext, &actors)->order != summary->settings.markov_order)
		reader->valid = false;
}

/* What all actors have together. */
typedef struct Sums
{
	int128		touches;
	int128		counts[CREDIT_COUNTS];
	int128		values[CREDIT_COUNTS];
	int128		shares[CREDIT_SHARES];
	int128		share_values[CREDIT_SHARES];
} Sums;

static bool
add_checked(int128 *sum, int128 value)
{
	return !__builtin_add_overflow(*sum, value, sum) && *sum <= MOST_SUM && *sum >= -MOST_SUM;
}

static bool
sum_actors(const AttributionSummary *summary, Sums *sums)
{
	bool		valid = true;

	memset(sums, 0, sizeof(Sums));
	for (uint32 i = 0; i < summary->nactors && valid; i++)
	{
		const ActorCredit *credit = &summary->credits[i];

		valid = add_checked(&sums->touches, credit->touches);
		for (int c = 0; c < CREDIT_COUNTS; c++)
			valid = valid && add_checked(&sums->counts[c], credit->counts[c]) &&
				add_checked(&sums->values[c], credit->values[c]);
		for (int s = 0; s < CREDIT_SHARES; s++)
			valid = valid && add_checked(&sums->shares[s], credit->shares[s]) &&
				add_checked(&sums->share_values[s], credit->share_values[s]);
	}
	return valid;
}

/* A count and its value are what they must be. */
static bool
is_count(const Sums *sums, CreditCount count, const SummaryLength *expected)
{
	return sums->counts[count] == expected->conversions && sums->values[count] == expected->value;
}

static bool
is_share(const Sums *sums, CreditShare share, const SummaryLength *expected)
{
	return sums->shares[share] == (int128) expected->conversions * SHARE_ONE &&
		sums->share_values[share] == expected->value * (int128) SHARE_ONE;
}

/* Adds the lengths up: one touch, two, more, all. */
static bool
sum_lengths(const AttributionSummary *summary, SummaryLength groups[4], int128 *touches)
{
	memset(groups, 0, 4 * sizeof(SummaryLength));
	*touches = 0;
	for (uint32 i = 0; i < summary->nlengths; i++)
	{
		const SummaryLength *length = &summary->lengths[i];

		*touches += (int128) length->length * length->conversions;
		for (int group = Min(length->length, 3) - 1; group < 4; group = group < 3 ? 3 : 4)
			if (pg_add_s64_overflow(groups[group].conversions, length->conversions, &groups[group].conversions) ||
				pg_add_s64_overflow(groups[group].nulls, length->nulls, &groups[group].nulls) ||
				!add_checked(&groups[group].value, length->value))
				return false;
	}
	return groups[3].value < SUMMARY_VALUE_LIMIT && groups[3].value > -SUMMARY_VALUE_LIMIT;
}

/* Do the credits add up to the conversions and values of all paths? */
static bool
adds_up(const AttributionSummary *summary)
{
	Sums		sums;
	SummaryLength groups[4];
	SummaryLength none = {0};
	SummaryLength seen = {0};
	int128		touches;
	int64		timed = 0;
	int64		attributed = summary->conversions - summary->unattributed;

	if (!sum_actors(summary, &sums) || !sum_lengths(summary, groups, &touches))
		return false;
	for (uint32 i = 0; i < summary->ntimes; i++)
		if (pg_add_s64_overflow(timed, summary->times[i].conversions, &timed))
			return false;
	for (uint32 i = 0; i < summary->npaths; i++)
		if (pg_add_s64_overflow(seen.conversions, summary->paths[i].conversions, &seen.conversions) ||
			pg_add_s64_overflow(seen.nulls, summary->paths[i].nulls, &seen.nulls) ||
			!add_checked(&seen.value, summary->paths[i].value))
			return false;
	return groups[3].conversions == attributed &&
		groups[3].value == summary->value - summary->unattributed_value &&
		touches == sums.touches && timed == (summary->timed ? attributed : 0) &&
		seen.conversions <= attributed && seen.nulls <= groups[3].nulls &&
		(!summary->all_paths || (seen.conversions == attributed && seen.nulls == groups[3].nulls &&
								 seen.value == groups[3].value)) &&
		is_count(&sums, COUNT_SINGLE, &groups[0]) &&
		is_count(&sums, COUNT_FIRST_OF_TWO, &groups[1]) && is_count(&sums, COUNT_LAST_OF_TWO, &groups[1]) &&
		is_count(&sums, COUNT_FIRST, &groups[2]) && is_count(&sums, COUNT_LAST, &groups[2]) &&
		is_count(&sums, COUNT_LAST_NON, &groups[3]) &&
		sums.counts[COUNT_PARTICIPATION] >= attributed &&
		sums.counts[COUNT_SAME_TOUCH] == summary->same_touches &&
		sums.values[COUNT_SAME_TOUCH] == summary->same_touch_value &&
		is_share(&sums, SHARE_LINEAR, &groups[3]) && is_share(&sums, SHARE_MIDDLE, &groups[2]) &&
		is_share(&sums, SHARE_SHAPLEY, &groups[3]) &&
		is_share(&sums, SHARE_TIME_DECAY, summary->timed ? &groups[3] : &none);
}

pg_noreturn static void
refuse_value(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid value of attribution_summary"),
			 errhint("Give a result of attribution(), attribution_of_paths() or attribution_rollup().")));
}

/*
 * summary_read_part: the summary of a value in which counts need not tie, since one of
 * several processes has made it: the journeys of some paths, the paths of others.
 * Errors: invalid_binary_representation.
 */
AttributionSummary *
summary_read_part(bytea *value)
{
	AttributionSummary *summary = palloc0_object(AttributionSummary);
	Reader		reader = {VARDATA_ANY(value), VARDATA_ANY(value) + VARSIZE_ANY_EXHDR(value), true};

	if (get(&reader, PG_UINT32_MAX) != VALUE_VERSION)
		reader.valid = false;
	get_options(&reader, summary);
	get_totals(&reader, summary);
	get_actors(&reader, summary);
	get_lengths(&reader, summary);
	get_times(&reader, summary);
	get_flows(&reader, summary);
	get_paths(&reader, summary);
	get_markov(&reader, summary);
	if (!reader.valid || reader.at != reader.end)
		refuse_value();
	return summary;
}

/*
 * summary_read: the summary of a value, in current memory.
 * Errors: invalid_binary_representation unless it is well formed.
 */
AttributionSummary *
summary_read(bytea *value)
{
	AttributionSummary *summary = summary_read_part(value);

	if (!adds_up(summary))
		refuse_value();
	return summary;
}

/* A value from bytes that come from outside. */
static Datum
checked_value(Datum bytes)
{
	bytea	   *value = DatumGetByteaPP(bytes);

	(void) summary_read(value);
	return PointerGetDatum(value);
}

/* Input: hexadecimal, as bytea.  Errors: invalid_binary_representation and those of bytea. */
Datum
omnicrm_attribution_summary_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(checked_value(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0))));
}

/* Output: \x and the bytes in hexadecimal, whatever bytea_output says. */
Datum
omnicrm_attribution_summary_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(omni_hex_text(PG_GETARG_BYTEA_PP(0)));
}

/* Receive.  Errors: invalid_binary_representation. */
Datum
omnicrm_attribution_summary_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(checked_value(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0))));
}

/* Send: the bytes. */
Datum
omnicrm_attribution_summary_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
