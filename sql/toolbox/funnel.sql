-- Journey analytics: funnels, sequences, retention, time between phases and flows,
-- from any table of events, GROUP BY customer or journey.

-- The state that window_funnel and the sequence aggregates share.
CREATE FUNCTION omnicrm.event_state_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_event_state_combine';
COMMENT ON FUNCTION omnicrm.event_state_combine(internal, internal) IS
  'Support function: joins two states of window_funnel, sequence_match or sequence_count.';

CREATE FUNCTION omnicrm.event_state_serial(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_event_state_serial';
COMMENT ON FUNCTION omnicrm.event_state_serial(internal) IS
  'Support function: a state of window_funnel, sequence_match or sequence_count as bytea, version 1, network byte order.';

CREATE FUNCTION omnicrm.event_state_deserial(bytes bytea, state internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_event_state_deserial';
COMMENT ON FUNCTION omnicrm.event_state_deserial(bytea, internal) IS
  'Support function: a state of window_funnel, sequence_match or sequence_count from bytea. Error: data_corrupted.';

-- Funnels.
CREATE FUNCTION omnicrm.window_funnel_trans(state internal, win interval, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_window_funnel_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_trans(internal, interval, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel(win, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_trans(state internal, win interval, mode text, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_window_funnel_mode_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_trans(internal, interval, text, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel(win, mode, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_final(state internal)
RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_window_funnel_final';
COMMENT ON FUNCTION omnicrm.window_funnel_final(internal) IS
  'Support function: the level that a state of window_funnel reached.';

CREATE AGGREGATE omnicrm.window_funnel(win interval, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_trans,
  STYPE = internal,
  SSPACE = 256,
  FINALFUNC = omnicrm.window_funnel_final,
  COMBINEFUNC = omnicrm.event_state_combine,
  SERIALFUNC = omnicrm.event_state_serial,
  DESERIALFUNC = omnicrm.event_state_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel(interval, timestamptz, VARIADIC boolean[]) IS
  'How many steps of a funnel a journey climbs within a window, with the semantics of ClickHouse windowFunnel: condition 1 starts a chain and each later occurrence starts it anew; condition k climbs when level k - 1 was reached and its chain started at most win ago. Arguments: the window (a day has 24 hours, a month 30 days, a year 365.25), the time of the row, 1 to 32 conditions; a condition that is NULL does not hold, a row without time is passed over. Result: the highest level, 0 to the number of conditions; 0 without rows. Rows of one instant: their conditions are taken in the order of their numbers. Same result for any order of the rows and number of workers. Errors: null_value_not_allowed, invalid_parameter_value (negative window, more than 32 conditions, window or number of conditions not the same in all rows of a group), datetime_field_overflow (infinite time), program_limit_exceeded (over 16,777,216 events in one group).';

CREATE AGGREGATE omnicrm.window_funnel(win interval, mode text, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_trans,
  STYPE = internal,
  SSPACE = 256,
  FINALFUNC = omnicrm.window_funnel_final,
  COMBINEFUNC = omnicrm.event_state_combine,
  SERIALFUNC = omnicrm.event_state_serial,
  DESERIALFUNC = omnicrm.event_state_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel(interval, text, timestamptz, VARIADIC boolean[]) IS
  'window_funnel(win, ts, conditions) with modes, a list separated by commas, or an empty text. strict_deduplication: a step after the first that was reached before ends the search. strict_order: after step 1, a row without a condition that holds, or a step whose predecessor was not reached, ends the search. strict_increase: a step must be later than the step before it. strict_once: a row climbs one step of a chain only. What was reached before the end is the result. Rows of one instant are ordered by their conditions, read as a number whose bit k - 1 is condition k. Errors: as there, and invalid_parameter_value for an unknown mode, or a mode that is not the same in all rows of a group.';

-- Funnels of all journeys at once, without a GROUP BY. The state that their aggregates share.
CREATE FUNCTION omnicrm.funnel_set_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_set_combine';
COMMENT ON FUNCTION omnicrm.funnel_set_combine(internal, internal) IS
  'Support function: joins two states of window_funnel_counts or window_funnel_levels.';

CREATE FUNCTION omnicrm.funnel_set_serial(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_set_serial';
COMMENT ON FUNCTION omnicrm.funnel_set_serial(internal) IS
  'Support function: a state of window_funnel_counts or window_funnel_levels as bytea, version 2, network byte order.';

CREATE FUNCTION omnicrm.funnel_set_deserial(bytes bytea, state internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_set_deserial';
COMMENT ON FUNCTION omnicrm.funnel_set_deserial(bytea, internal) IS
  'Support function: a state of window_funnel_counts or window_funnel_levels from bytea. Error: data_corrupted.';

-- How many journeys reach each step.
CREATE FUNCTION omnicrm.window_funnel_counts_trans(state internal, journey bigint, win interval, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_counts_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_counts_trans(internal, bigint, interval, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel_counts(journey, win, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_counts_trans(state internal, journey bigint, win interval, mode text, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_counts_mode_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_counts_trans(internal, bigint, interval, text, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel_counts(journey, win, mode, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_counts_final(state internal)
RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_counts_final';
COMMENT ON FUNCTION omnicrm.window_funnel_counts_final(internal) IS
  'Support function: the counts of a state of window_funnel_counts.';

CREATE AGGREGATE omnicrm.window_funnel_counts(journey bigint, win interval, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_counts_trans,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.window_funnel_counts_final,
  COMBINEFUNC = omnicrm.funnel_set_combine,
  SERIALFUNC = omnicrm.funnel_set_serial,
  DESERIALFUNC = omnicrm.funnel_set_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel_counts(bigint, interval, timestamptz, VARIADIC boolean[]) IS
  'How many journeys reach each step of a funnel: element k is the number of journeys whose window_funnel(win, ts, conditions) is k or more. It reads the rows of all journeys in any order in one pass, without a GROUP BY, which is several times faster than counting the results of window_funnel(). A row without journey or time is passed over. NULL without rows. Memory: 48 bytes for each row where a condition holds; beyond work_mem times hash_mem_multiplier rows go to a temporary file (as a window function: at most maintenance_work_mem). Same result for any order of the rows and number of workers. Errors: as window_funnel(), and program_limit_exceeded when a worker has more rows than fit into a value of 1 GB (51 million).';

CREATE AGGREGATE omnicrm.window_funnel_counts(journey bigint, win interval, mode text, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_counts_trans,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.window_funnel_counts_final,
  COMBINEFUNC = omnicrm.funnel_set_combine,
  SERIALFUNC = omnicrm.funnel_set_serial,
  DESERIALFUNC = omnicrm.funnel_set_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel_counts(bigint, interval, text, timestamptz, VARIADIC boolean[]) IS
  'window_funnel_counts(journey, win, ts, conditions) with the modes of window_funnel(win, mode, ts, conditions).';

-- The level of each journey.
CREATE TYPE omnicrm.journey_levels;

CREATE FUNCTION omnicrm.journey_levels_in(cstring)
RETURNS omnicrm.journey_levels
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_levels_in';
COMMENT ON FUNCTION omnicrm.journey_levels_in(cstring) IS
  'Support function: a value from its text form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.journey_levels_out(omnicrm.journey_levels)
RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_levels_out';
COMMENT ON FUNCTION omnicrm.journey_levels_out(omnicrm.journey_levels) IS
  'Support function: the text form of a value.';

CREATE FUNCTION omnicrm.journey_levels_recv(internal)
RETURNS omnicrm.journey_levels
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_levels_recv';
COMMENT ON FUNCTION omnicrm.journey_levels_recv(internal) IS
  'Support function: a value from its binary form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.journey_levels_send(omnicrm.journey_levels)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_levels_send';
COMMENT ON FUNCTION omnicrm.journey_levels_send(omnicrm.journey_levels) IS
  'Support function: the binary form of a value.';

CREATE TYPE omnicrm.journey_levels (
  INPUT = omnicrm.journey_levels_in,
  OUTPUT = omnicrm.journey_levels_out,
  RECEIVE = omnicrm.journey_levels_recv,
  SEND = omnicrm.journey_levels_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE omnicrm.journey_levels IS
  'How far each of many journeys climbed a funnel: made by window_funnel_levels(), read by funnel_levels(). Two to three bytes a journey where their numbers are dense. The same journeys and levels are the same bytes. Written as hexadecimal.';

-- Two values are the same when their bytes are, so values can be compared, grouped and made distinct as bytea.
CREATE CAST (omnicrm.journey_levels AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (omnicrm.journey_levels AS bytea) IS 'The bytes of a value, which lets values be compared, grouped and made distinct.';

CREATE FUNCTION omnicrm.window_funnel_levels_trans(state internal, journey bigint, win interval, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_levels_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_levels_trans(internal, bigint, interval, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel_levels(journey, win, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_levels_trans(state internal, journey bigint, win interval, mode text, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_levels_mode_trans';
COMMENT ON FUNCTION omnicrm.window_funnel_levels_trans(internal, bigint, interval, text, timestamptz, boolean[]) IS
  'Support function: transition of window_funnel_levels(journey, win, mode, ts, conditions).';

CREATE FUNCTION omnicrm.window_funnel_levels_final(state internal)
RETURNS omnicrm.journey_levels
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_funnel_levels_final';
COMMENT ON FUNCTION omnicrm.window_funnel_levels_final(internal) IS
  'Support function: the levels of a state of window_funnel_levels.';

CREATE AGGREGATE omnicrm.window_funnel_levels(journey bigint, win interval, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_levels_trans,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.window_funnel_levels_final,
  COMBINEFUNC = omnicrm.funnel_set_combine,
  SERIALFUNC = omnicrm.funnel_set_serial,
  DESERIALFUNC = omnicrm.funnel_set_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel_levels(bigint, interval, timestamptz, VARIADIC boolean[]) IS
  'The level that each journey reaches in a funnel, as one value that funnel_levels() reads: the same rows as SELECT journey, window_funnel(win, ts, conditions) ... GROUP BY journey, several times faster where there are many journeys. It reads the rows of all journeys in any order in one pass. A row without journey is passed over; a journey of whose rows none has a time and a condition that holds has level 0. NULL without rows. Memory: 48 bytes a row, but rows that only repeat a journey and climb nothing are not kept; beyond work_mem times hash_mem_multiplier rows go to a temporary file (as a window function: at most maintenance_work_mem). Same bytes for any order of the rows and number of workers. Errors: as window_funnel(), and program_limit_exceeded when the value passes 1 GB (hundreds of millions of journeys), or a worker has more rows than fit into 1 GB (51 million).';

CREATE AGGREGATE omnicrm.window_funnel_levels(journey bigint, win interval, mode text, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.window_funnel_levels_trans,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.window_funnel_levels_final,
  COMBINEFUNC = omnicrm.funnel_set_combine,
  SERIALFUNC = omnicrm.funnel_set_serial,
  DESERIALFUNC = omnicrm.funnel_set_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.window_funnel_levels(bigint, interval, text, timestamptz, VARIADIC boolean[]) IS
  'window_funnel_levels(journey, win, ts, conditions) with the modes of window_funnel(win, mode, ts, conditions).';

CREATE FUNCTION omnicrm.funnel_levels(levels omnicrm.journey_levels)
RETURNS TABLE (journey bigint, level integer)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_funnel_levels';
COMMENT ON FUNCTION omnicrm.funnel_levels(omnicrm.journey_levels) IS
  'The journeys of a result of window_funnel_levels() and the level that each reached, one row each, by journey: SELECT * FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(customer_id, ''30 days'', at, kind = ''visit'', kind = ''order'') FROM events)). No row for NULL. Errors: invalid_binary_representation.';

-- Sequences.
CREATE FUNCTION omnicrm.sequence_trans(state internal, pattern text, ts timestamptz, conditions boolean[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sequence_trans';
COMMENT ON FUNCTION omnicrm.sequence_trans(internal, text, timestamptz, boolean[]) IS
  'Support function: transition of sequence_match and sequence_count.';

CREATE FUNCTION omnicrm.sequence_match_final(state internal)
RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sequence_match_final';
COMMENT ON FUNCTION omnicrm.sequence_match_final(internal) IS
  'Support function: whether the events of a state match its pattern.';

CREATE FUNCTION omnicrm.sequence_count_final(state internal)
RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sequence_count_final';
COMMENT ON FUNCTION omnicrm.sequence_count_final(internal) IS
  'Support function: how often the events of a state match its pattern.';

CREATE AGGREGATE omnicrm.sequence_match(pattern text, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.sequence_trans,
  STYPE = internal,
  SSPACE = 256,
  FINALFUNC = omnicrm.sequence_match_final,
  COMBINEFUNC = omnicrm.event_state_combine,
  SERIALFUNC = omnicrm.event_state_serial,
  DESERIALFUNC = omnicrm.event_state_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.sequence_match(text, timestamptz, VARIADIC boolean[]) IS
  'Whether the events of a journey contain a pattern, with the semantics of ClickHouse sequenceMatch. Pattern: elements (?N), a row where condition N holds, and ., any row; between two elements nothing (the very next row), .* (any rows) or times (?t<=3600), (?t<60), (?t>=60), (?t>60), (?t==60): any rows, and so many seconds from the one element to the next; several times must all hold. At most 64 elements. Arguments: the pattern, the time of the row, 1 to 32 conditions; a condition that is NULL does not hold; a row without time, or where no condition holds, is passed over. Rows of one instant are ordered by their conditions, read as a number whose bit k - 1 is condition k. False without rows. Takes a time of rows times elements for any pattern. Errors: invalid_regular_expression (with the position), null_value_not_allowed, invalid_parameter_value (more than 32 conditions, pattern or number of conditions not the same in all rows of a group), datetime_field_overflow (infinite time), program_limit_exceeded (over 16,777,216 events in one group).';

CREATE AGGREGATE omnicrm.sequence_count(pattern text, ts timestamptz, VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.sequence_trans,
  STYPE = internal,
  SSPACE = 256,
  FINALFUNC = omnicrm.sequence_count_final,
  COMBINEFUNC = omnicrm.event_state_combine,
  SERIALFUNC = omnicrm.event_state_serial,
  DESERIALFUNC = omnicrm.event_state_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.sequence_count(text, timestamptz, VARIADIC boolean[]) IS
  'How often the events of a journey match a pattern without overlap, with the semantics of ClickHouse sequenceCount: the match that begins first, each further element as early as possible; the next match begins behind its last row. Pattern, arguments and errors as in sequence_match(). 0 without rows.';

-- Retention.
CREATE FUNCTION omnicrm.retention_trans(state bigint, conditions boolean[])
RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_retention_trans';
COMMENT ON FUNCTION omnicrm.retention_trans(bigint, boolean[]) IS
  'Support function: transition of retention.';

CREATE FUNCTION omnicrm.retention_combine(state bigint, other bigint)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_retention_combine';
COMMENT ON FUNCTION omnicrm.retention_combine(bigint, bigint) IS
  'Support function: joins two states of retention.';

CREATE FUNCTION omnicrm.retention_final(state bigint)
RETURNS boolean[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_retention_final';
COMMENT ON FUNCTION omnicrm.retention_final(bigint) IS
  'Support function: result of a state of retention. Error: invalid_parameter_value.';

CREATE AGGREGATE omnicrm.retention(VARIADIC conditions boolean[]) (
  SFUNC = omnicrm.retention_trans,
  STYPE = bigint,
  FINALFUNC = omnicrm.retention_final,
  COMBINEFUNC = omnicrm.retention_combine,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.retention(VARIADIC boolean[]) IS
  'Which conditions were ever met, of those that met the first, as ClickHouse retention: element 1 is whether condition 1 held in some row, element k whether condition 1 held in some row and condition k in some row. 1 to 32 conditions; NULL does not hold. NULL without rows. Errors: null_value_not_allowed, invalid_parameter_value (more than 32 conditions, or not as many in all rows of a group).';

-- Time between phases.
CREATE FUNCTION omnicrm.phase_durations_trans(state timestamptz[], ts timestamptz, phases boolean[])
RETURNS timestamptz[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_phase_durations_trans';
COMMENT ON FUNCTION omnicrm.phase_durations_trans(timestamptz[], timestamptz, boolean[]) IS
  'Support function: transition of phase_durations.';

CREATE FUNCTION omnicrm.phase_durations_combine(state timestamptz[], other timestamptz[])
RETURNS timestamptz[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_phase_durations_combine';
COMMENT ON FUNCTION omnicrm.phase_durations_combine(timestamptz[], timestamptz[]) IS
  'Support function: joins two states of phase_durations.';

CREATE FUNCTION omnicrm.phase_durations_final(state timestamptz[])
RETURNS interval[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_phase_durations_final';
COMMENT ON FUNCTION omnicrm.phase_durations_final(timestamptz[]) IS
  'Support function: result of a state of phase_durations. Error: invalid_parameter_value.';

CREATE AGGREGATE omnicrm.phase_durations(ts timestamptz, VARIADIC phases boolean[]) (
  SFUNC = omnicrm.phase_durations_trans,
  STYPE = timestamptz[],
  FINALFUNC = omnicrm.phase_durations_final,
  COMBINEFUNC = omnicrm.phase_durations_combine,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.phase_durations(timestamptz, VARIADIC boolean[]) IS
  'Time between the phases of a journey: element k is the time from the first row in phase k to the first row in phase k + 1, as the difference of two times; NULL where one of them was not entered, negative where the later phase was entered first. Arguments: the time of the row, 2 to 32 conditions that say whether the row is in phase 1, 2, ...; NULL does not hold, a row without time is passed over. NULL without rows. Exact quantiles over journeys: percentile_cont() WITHIN GROUP (ORDER BY durations[k]). Errors: null_value_not_allowed, invalid_parameter_value (less than 2 or more than 32 phases, or not as many in all rows of a group), datetime_field_overflow (infinite time).';

-- Flows.
CREATE TYPE omnicrm.path_edge AS (
  step      integer,
  from_step text,
  to_step   text
);
COMMENT ON TYPE omnicrm.path_edge IS 'One edge of a journey, from omnicrm.path_edges().';
COMMENT ON COLUMN omnicrm.path_edge.step IS 'Place of from_step in the journey, from 1.';
COMMENT ON COLUMN omnicrm.path_edge.from_step IS 'The step.';
COMMENT ON COLUMN omnicrm.path_edge.to_step IS 'The step after it; NULL: the journey ends here.';

CREATE FUNCTION omnicrm.path_edges_trans(state internal, ts timestamptz, step text)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_trans';
COMMENT ON FUNCTION omnicrm.path_edges_trans(internal, timestamptz, text) IS
  'Support function: transition of path_edges(ts, step).';

CREATE FUNCTION omnicrm.path_edges_trans(state internal, ts timestamptz, step text, max_steps integer)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_trans';
COMMENT ON FUNCTION omnicrm.path_edges_trans(internal, timestamptz, text, integer) IS
  'Support function: transition of path_edges(ts, step, max_steps).';

CREATE FUNCTION omnicrm.path_edges_trans(state internal, ts timestamptz, step text, max_steps integer, collapse boolean)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_trans';
COMMENT ON FUNCTION omnicrm.path_edges_trans(internal, timestamptz, text, integer, boolean) IS
  'Support function: transition of path_edges(ts, step, max_steps, collapse).';

CREATE FUNCTION omnicrm.path_edges_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_combine';
COMMENT ON FUNCTION omnicrm.path_edges_combine(internal, internal) IS
  'Support function: joins two states of path_edges.';

CREATE FUNCTION omnicrm.path_edges_serial(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_serial';
COMMENT ON FUNCTION omnicrm.path_edges_serial(internal) IS
  'Support function: a state of path_edges as bytea, version 1, network byte order.';

CREATE FUNCTION omnicrm.path_edges_deserial(bytes bytea, state internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_deserial';
COMMENT ON FUNCTION omnicrm.path_edges_deserial(bytea, internal) IS
  'Support function: a state of path_edges from bytea. Error: data_corrupted.';

CREATE FUNCTION omnicrm.path_edges_final(state internal)
RETURNS omnicrm.path_edge[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_path_edges_final';
COMMENT ON FUNCTION omnicrm.path_edges_final(internal) IS
  'Support function: the edges of a state of path_edges.';

CREATE AGGREGATE omnicrm.path_edges(ts timestamptz, step text) (
  SFUNC = omnicrm.path_edges_trans,
  STYPE = internal,
  SSPACE = 512,
  FINALFUNC = omnicrm.path_edges_final,
  COMBINEFUNC = omnicrm.path_edges_combine,
  SERIALFUNC = omnicrm.path_edges_serial,
  DESERIALFUNC = omnicrm.path_edges_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.path_edges(timestamptz, text) IS
  'From which step to which one a journey goes, for a flow diagram: unnest the result and count by step, from_step and to_step. One element for each step, with the step after it; the last one has to_step NULL, so that what flows into a step flows out of it. Arguments: time and name of the step; a row without one of them is passed over. Rows of one instant are ordered by name, byte by byte. NULL without steps. Same result for any order of the rows and number of workers. Errors: datetime_field_overflow (infinite time), program_limit_exceeded (over 4,194,304 steps or 256 MB of names in one group).';

CREATE AGGREGATE omnicrm.path_edges(ts timestamptz, step text, max_steps integer) (
  SFUNC = omnicrm.path_edges_trans,
  STYPE = internal,
  SSPACE = 512,
  FINALFUNC = omnicrm.path_edges_final,
  COMBINEFUNC = omnicrm.path_edges_combine,
  SERIALFUNC = omnicrm.path_edges_serial,
  DESERIALFUNC = omnicrm.path_edges_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.path_edges(timestamptz, text, integer) IS
  'path_edges(ts, step) of the first max_steps steps; a longer journey has no end there. NULL: all steps. Errors: as there, and invalid_parameter_value (max_steps below 1, or not the same in all rows of a group).';

CREATE AGGREGATE omnicrm.path_edges(ts timestamptz, step text, max_steps integer, collapse boolean) (
  SFUNC = omnicrm.path_edges_trans,
  STYPE = internal,
  SSPACE = 512,
  FINALFUNC = omnicrm.path_edges_final,
  COMBINEFUNC = omnicrm.path_edges_combine,
  SERIALFUNC = omnicrm.path_edges_serial,
  DESERIALFUNC = omnicrm.path_edges_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.path_edges(timestamptz, text, integer, boolean) IS
  'path_edges(ts, step, max_steps); with collapse, equal steps that follow each other count once, before the steps are counted. Errors: as there, and null_value_not_allowed or invalid_parameter_value for collapse that is NULL or not the same in all rows of a group.';
