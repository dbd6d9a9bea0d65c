/*
 * markov_value.c
 *		The type omnicrm.markov: reading, writing, text and binary form.
 *
 * A value holds, big-endian: version, order, numbers of actors, states and
 * transitions; the names of the actors in the order of their bytes; the states in
 * the order of their actors, the start first; the transitions in the order of
 * their states.  So the same journeys give the same bytes in any order of the
 * rows.  The text form is the bytes in hexadecimal.
 *
 * Whatever comes from outside is checked as a whole: besides lengths and orders
 * that as many journeys leave a state as enter it.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "attribution/markov.h"
#include "common/compat.h"
#include "common/hex.h"

#define VALUE_VERSION 1
#define VALUE_HEADER (5 * 4)
#define STATE_END_SIZE (8 + 8 + 16)
#define TRANSITION_SIZE (4 + 4 + 8)

PG_FUNCTION_INFO_V1(omnicrm_markov_in);
PG_FUNCTION_INFO_V1(omnicrm_markov_out);
PG_FUNCTION_INFO_V1(omnicrm_markov_recv);
PG_FUNCTION_INFO_V1(omnicrm_markov_send);

/* Cursor over the bytes of a value; both directions in network order. */
static inline void
put32(char **at, uint32 value)
{
	value = pg_hton32(value);
	memcpy(*at, &value, 4);
	*at += 4;
}

static inline void
put64(char **at, uint64 value)
{
	value = pg_hton64(value);
	memcpy(*at, &value, 8);
	*at += 8;
}

static inline uint32
get32(const char **at)
{
	uint32		value;

	memcpy(&value, *at, 4);
	*at += 4;
	return pg_ntoh32(value);
}

static inline uint64
get64(const char **at)
{
	uint64		value;

	memcpy(&value, *at, 8);
	*at += 8;
	return pg_ntoh64(value);
}

/* What the numbers of actors and states become in a value. */
typedef struct Renumbering
{
	int			order;
	uint32		nactors;
	uint32	   *by_name;		/* actors in use, by name */
	uint32	   *ranks;			/* actor -> place in by_name */
	uint32	   *by_tuple;		/* states, by the ranks of their actors */
	uint32	   *places;			/* state -> place in by_tuple */
	const MarkovState *states;
} Renumbering;

static void *
allocate(Size count, Size width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, (count + 1) * width);
}

/* Ranks of the actors that some state has. */
static void
rank_actors(const MarkovCounts *markov, const Actors *actors, Renumbering *new)
{
	uint32		count = omni_actors_count(actors);
	bool	   *used = allocate(count, sizeof(bool));

	memset(used, 0, count);
	for (uint32 i = 1; i < markov->nstates; i++)
		for (int at = 0; at < markov->order && markov->states[i].tuple[at] != NO_ACTOR; at++)
			used[markov->states[i].tuple[at]] = true;
	new->by_name = omni_actors_by_name(actors);
	new->ranks = allocate(count, sizeof(uint32));
	new->nactors = 0;
	for (uint32 i = 0; i < count; i++)
	{
		uint32		actor = new->by_name[i];

		if (!used[actor])
			continue;
		new->ranks[actor] = new->nactors;
		new->by_name[new->nactors++] = actor;
	}
	pfree(used);
}

/* Rank of an actor of a state; none comes last. */
static inline uint32
rank_at(const Renumbering *new, uint32 state, int at)
{
	uint32		actor = new->states[state].tuple[at];

	return actor == NO_ACTOR ? NO_ACTOR : new->ranks[actor];
}

static int
compare_states(const void *left, const void *right, void *arg)
{
	const Renumbering *new = arg;

	for (int at = 0; at < new->order; at++)
	{
		uint32		a = rank_at(new, *(const uint32 *) left, at);
		uint32		b = rank_at(new, *(const uint32 *) right, at);

		if (a != b)
			return a < b ? -1 : 1;
	}
	return 0;
}

static void
renumber(const MarkovCounts *markov, const Actors *actors, Renumbering *new)
{
	new->order = markov->order;
	new->states = markov->states;
	rank_actors(markov, actors, new);
	new->by_tuple = allocate(markov->nstates, sizeof(uint32));
	new->places = allocate(markov->nstates, sizeof(uint32));
	for (uint32 i = 0; i < markov->nstates; i++)
		new->by_tuple[i] = i;
	qsort_arg(new->by_tuple + 1, markov->nstates - 1, sizeof(uint32), compare_states, new);
	for (uint32 i = 0; i < markov->nstates; i++)
		new->places[new->by_tuple[i]] = i;
}

/* One pass of a counting sort of transitions by the places of one of their ends. */
static void
sort_by_end(const MarkovTransition *source, MarkovTransition *result, uint32 count, uint32 nstates, bool by_from)
{
	uint32	   *start = allocate(nstates, sizeof(uint32));

	CHECK_FOR_INTERRUPTS();
	memset(start, 0, ((Size) nstates + 1) * sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
		start[(by_from ? source[i].from : source[i].to) + 1]++;
	for (uint32 i = 1; i <= nstates; i++)
		start[i] += start[i - 1];
	for (uint32 i = 0; i < count; i++)
		result[start[by_from ? source[i].from : source[i].to]++] = source[i];
	pfree(start);
}

/* The transitions with the new numbers, sorted. */
static MarkovTransition *
sorted_transitions(const MarkovCounts *markov, const Renumbering *new)
{
	MarkovTransition *first = allocate(markov->ntransitions, sizeof(MarkovTransition));
	MarkovTransition *second = allocate(markov->ntransitions, sizeof(MarkovTransition));

	for (uint32 i = 0; i < markov->ntransitions; i++)
	{
		first[i].from = new->places[markov->transitions[i].from];
		first[i].to = new->places[markov->transitions[i].to];
		first[i].count = markov->transitions[i].count;
	}
	sort_by_end(first, second, markov->ntransitions, markov->nstates, false);
	sort_by_end(second, first, markov->ntransitions, markov->nstates, true);
	pfree(second);
	return first;
}

static Size
value_size(const MarkovCounts *markov, const Actors *actors, const Renumbering *new)
{
	Size		size = VARHDRSZ + VALUE_HEADER;

	for (uint32 i = 0; i < new->nactors; i++)
	{
		int			length;

		(void) omni_actor_name(actors, new->by_name[i], &length);
		size += 4 + length;
	}
	size += (Size) (markov->nstates - 1) * markov->order * 4 + (Size) markov->nstates * STATE_END_SIZE;
	return size + (Size) markov->ntransitions * TRANSITION_SIZE;
}

/*
 * omni_markov_value: a value of the type omnicrm.markov, in current memory; the
 * same bytes in whatever order its journeys were counted.
 * Errors: program_limit_exceeded above 1 GB.
 */
struct varlena *
omni_markov_value(const MarkovCounts *markov, const Actors *actors)
{
	Renumbering new;
	MarkovTransition *transitions;
	struct varlena *value;
	char	   *at;
	Size		size;

	renumber(markov, actors, &new);
	size = value_size(markov, actors, &new);
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the transitions of the journeys take %zu MB, a value at most %zu MB", size >> 20, MaxAllocSize >> 20),
				 errhint("Use a lower order, or give fewer actors.")));
	value = palloc(size);
	SET_VARSIZE(value, size);
	at = VARDATA(value);
	put32(&at, VALUE_VERSION);
	put32(&at, markov->order);
	put32(&at, new.nactors);
	put32(&at, markov->nstates);
	put32(&at, markov->ntransitions);
	for (uint32 i = 0; i < new.nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(actors, new.by_name[i], &length);

		put32(&at, length);
		memcpy(at, name, length);
		at += length;
	}
	for (uint32 i = 0; i < markov->nstates; i++)
	{
		const MarkovState *state = &markov->states[new.by_tuple[i]];

		for (int part = 0; i != MARKOV_START && part < markov->order; part++)
			put32(&at, rank_at(&new, new.by_tuple[i], part));
		put64(&at, state->conversions);
		put64(&at, state->nulls);
		put64(&at, (uint64) (state->value >> 64));
		put64(&at, (uint64) state->value);
	}
	transitions = sorted_transitions(markov, &new);
	for (uint32 i = 0; i < markov->ntransitions; i++)
	{
		put32(&at, transitions[i].from);
		put32(&at, transitions[i].to);
		put64(&at, transitions[i].count);
	}
	Assert(at == (char *) value + size);
	pfree(transitions);
	pfree(new.by_name);
	pfree(new.ranks);
	pfree(new.by_tuple);
	pfree(new.places);
	return value;
}

/* Reads the names, which ascend; false when they are not as they must be. */
static bool
read_names(const char **at, const char *end, uint32 count, Actors *actors)
{
	const char *before = NULL;
	uint32		length_before = 0;

	for (uint32 i = 0; i < count; i++)
	{
		uint32		length;
		int			order = -1;

		if (end - *at < 4)
			return false;
		length = get32(at);
		if ((Size) (end - *at) < length || memchr(*at, '\0', length) != NULL ||
			pg_encoding_verifymbstr(GetDatabaseEncoding(), *at, length) != (int) length)
			return false;
		if (before != NULL)
			order = memcmp(before, *at, Min(length_before, length));
		if (order > 0 || (order == 0 && length_before >= length))
			return false;
		before = *at;
		length_before = length;
		(void) omni_actor_number(actors, *at, length);
		*at += length;
	}
	return true;
}

/* Is the state whole, with actors that there are, and greater than the one before? */
static bool
is_state(const MarkovState *state, int order, uint32 nactors)
{
	const MarkovState *before = state - 1;
	bool		greater = before->tuple[0] == NO_ACTOR;

	if (state->tuple[0] == NO_ACTOR)
		return false;
	for (int at = 0; at < order; at++)
	{
		if (state->tuple[at] == NO_ACTOR ? false : state->tuple[at] >= nactors || (at > 0 && state->tuple[at - 1] == NO_ACTOR))
			return false;
		if (!greater && state->tuple[at] < before->tuple[at])
			return false;
		greater = greater || state->tuple[at] > before->tuple[at];
	}
	return greater;
}

/* Reads the states; those after the start have actors. */
static bool
read_states(const char **at, MarkovCounts *markov, uint32 nactors)
{
	bool	   *used = allocate(nactors, sizeof(bool));
	bool		valid = true;

	memset(used, 0, nactors);
	for (uint32 i = 0; valid && i < markov->nstates; i++)
	{
		MarkovState *state = &markov->states[i];
		uint128		high;

		memset(state->tuple, 0xFF, sizeof(state->tuple));
		for (int part = 0; i != MARKOV_START && part < markov->order; part++)
			state->tuple[part] = get32(at);
		state->conversions = (int64) get64(at);
		state->nulls = (int64) get64(at);
		high = get64(at);
		state->value = (int128) (high << 64 | get64(at));
		valid = state->conversions >= 0 && state->nulls >= 0 &&
			(state->value == 0 || state->conversions > 0) &&
			(i == MARKOV_START || is_state(state, markov->order, nactors));
		for (int part = 0; valid && part < markov->order && state->tuple[part] != NO_ACTOR; part++)
			used[state->tuple[part]] = true;
	}
	for (uint32 i = 0; i < nactors; i++)
		valid = valid && used[i];
	pfree(used);
	return valid;
}

/* May a journey go from one state to the other? */
static bool
may_follow(const MarkovCounts *markov, const MarkovTransition *transition)
{
	const uint32 *from = markov->states[transition->from].tuple;
	const uint32 *to = markov->states[transition->to].tuple;

	if (transition->from == MARKOV_START)
		return true;
	/* a journey of fewer actors than the order has one state */
	if (transition->from == transition->to || from[markov->order - 1] == NO_ACTOR || to[markov->order - 1] == NO_ACTOR)
		return false;
	return memcmp(from + 1, to, (markov->order - 1) * sizeof(uint32)) == 0;
}

/* Reads the transitions; as many journeys must leave a state as enter it. */
static bool
read_transitions(const char **at, MarkovCounts *markov)
{
	int64	   *balance = allocate(markov->nstates, sizeof(int64));
	uint64		before = 0;
	bool		valid = true;

	for (uint32 i = 0; valid && i < markov->nstates; i++)
		valid = !pg_add_s64_overflow(markov->states[i].conversions, markov->states[i].nulls, &balance[i]);
	for (uint32 i = 0; valid && i < markov->ntransitions; i++)
	{
		MarkovTransition *transition = &markov->transitions[i];
		uint64		key;

		transition->from = get32(at);
		transition->to = get32(at);
		transition->count = (int64) get64(at);
		key = (uint64) transition->from << 32 | transition->to;
		valid = transition->from < markov->nstates && transition->to < markov->nstates &&
			transition->to != MARKOV_START && transition->count > 0 && (i == 0 || key > before) &&
			may_follow(markov, transition) &&
			!pg_add_s64_overflow(balance[transition->from], transition->count, &balance[transition->from]);
		before = key;
	}
	/* what leaves a state is known: now what enters it */
	for (uint32 i = 0; valid && i < markov->ntransitions; i++)
		valid = (balance[markov->transitions[i].to] -= markov->transitions[i].count) >= 0;
	for (uint32 i = 1; valid && i < markov->nstates; i++)
		valid = balance[i] == 0;
	pfree(balance);
	return valid;
}

/* Reads all that a value holds, or says no. */
static MarkovCounts *
read_counts(const char *at, Size size, MemoryContext context, Actors *actors)
{
	const char *end = at + size;
	MarkovCounts *markov = MemoryContextAllocZero(context, sizeof(MarkovCounts));
	uint32		nactors;
	Size		rest;

	if (size < VALUE_HEADER || get32(&at) != VALUE_VERSION)
		return NULL;
	markov->context = context;
	markov->order = (int) get32(&at);
	nactors = get32(&at);
	markov->nstates = markov->state_room = get32(&at);
	markov->ntransitions = markov->transition_room = get32(&at);
	if (markov->order < 1 || markov->order > MARKOV_MAX_ORDER || markov->nstates < 1 ||
		!read_names(&at, end, nactors, actors))
		return NULL;
	rest = (Size) (markov->nstates - 1) * markov->order * 4 + (Size) markov->nstates * STATE_END_SIZE +
		(Size) markov->ntransitions * TRANSITION_SIZE;
	if ((Size) (end - at) != rest)
		return NULL;
	markov->states = MemoryContextAllocHuge(context, (Size) markov->nstates * sizeof(MarkovState));
	markov->transitions = MemoryContextAllocHuge(context, ((Size) markov->ntransitions + 1) * sizeof(MarkovTransition));
	if (!read_states(&at, markov, nactors) || !read_transitions(&at, markov))
		return NULL;
	return markov;
}

/*
 * omni_markov_read: the counts of a value, its states and transitions in its
 * order, and its actors, numbered in the order of their names; in memory of the
 * context.  Nothing can be added to them.
 * Errors: invalid_binary_representation unless it is well formed.
 */
MarkovCounts *
omni_markov_read(const struct varlena *value, MemoryContext context, Actors **actors)
{
	MarkovCounts *markov;

	*actors = omni_actors_make(context);
	markov = read_counts(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), context, *actors);
	if (markov == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid value of markov"),
				 errhint("Give a result of markov() or markov_rollup().")));
	return markov;
}

/* A value from bytes that come from outside. */
static Datum
checked_value(Datum bytes)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(bytes);
	Actors	   *actors;

	(void) omni_markov_read(value, CurrentMemoryContext, &actors);
	return PointerGetDatum(value);
}

/* Input: hexadecimal, as bytea.  Errors: invalid_binary_representation and those of bytea. */
Datum
omnicrm_markov_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(checked_value(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0))));
}

/* Output: \x and the bytes in hexadecimal, whatever bytea_output says. */
Datum
omnicrm_markov_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(omni_hex_text(PG_GETARG_VARLENA_PP(0)));
}

/* Receive.  Errors: invalid_binary_representation. */
Datum
omnicrm_markov_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(checked_value(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0))));
}

/* Send: the bytes. */
Datum
omnicrm_markov_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
