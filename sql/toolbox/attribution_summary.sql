-- Attribution of whole sets of touches in one pass: a value that holds what all journeys
-- amount to, the aggregates that make it, and what it tells.
CREATE TYPE omnicrm.attribution_summary;

CREATE FUNCTION omnicrm.attribution_summary_in(cstring)
RETURNS omnicrm.attribution_summary
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_summary_in';
COMMENT ON FUNCTION omnicrm.attribution_summary_in(cstring) IS
  'Support function: a value from its text form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.attribution_summary_out(omnicrm.attribution_summary)
RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_summary_out';
COMMENT ON FUNCTION omnicrm.attribution_summary_out(omnicrm.attribution_summary) IS
  'Support function: the text form of a value.';

CREATE FUNCTION omnicrm.attribution_summary_recv(internal)
RETURNS omnicrm.attribution_summary
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_summary_recv';
COMMENT ON FUNCTION omnicrm.attribution_summary_recv(internal) IS
  'Support function: a value from its binary form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.attribution_summary_send(omnicrm.attribution_summary)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_summary_send';
COMMENT ON FUNCTION omnicrm.attribution_summary_send(omnicrm.attribution_summary) IS
  'Support function: the binary form of a value.';

CREATE TYPE omnicrm.attribution_summary (
  INPUT = omnicrm.attribution_summary_in,
  OUTPUT = omnicrm.attribution_summary_out,
  RECEIVE = omnicrm.attribution_summary_recv,
  SEND = omnicrm.attribution_summary_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE omnicrm.attribution_summary IS
  'What the journeys of a set amount to: credits by all local models, paths, flows, lengths, times to conversion and Markov counts. Made by attribution() and attribution_of_paths(), summed up by attribution_rollup(), read by the functions attribution_.... The same journeys and options give the same bytes in any order of the rows. Written as hexadecimal.';

-- Two values are the same when their bytes are, so values can be compared, grouped and made distinct as bytea.
CREATE CAST (omnicrm.attribution_summary AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (omnicrm.attribution_summary AS bytea) IS 'The bytes of a value, which lets values be compared, grouped and made distinct.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor text, value numeric)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_text';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, text, numeric) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor text, value numeric, options jsonb)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_text';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, text, numeric, jsonb) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor text, value numeric, event_id bigint, options jsonb)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_text_event';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, text, numeric, bigint, jsonb) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor integer, value numeric)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_integer';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, integer, numeric) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor integer, value numeric, options jsonb)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_integer';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, integer, numeric, jsonb) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_accum(state internal, journey_key bigint, ts timestamp with time zone, actor integer, value numeric, event_id bigint, options jsonb)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_integer_event';
COMMENT ON FUNCTION omnicrm.attribution_accum(internal, bigint, timestamp with time zone, integer, numeric, bigint, jsonb) IS
  'Support function: transition of attribution.';

CREATE FUNCTION omnicrm.attribution_combine(internal, internal)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_combine';
COMMENT ON FUNCTION omnicrm.attribution_combine(internal, internal) IS
  'Support function: combines two states of attribution.';

CREATE FUNCTION omnicrm.attribution_serial(internal)
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_serial';
COMMENT ON FUNCTION omnicrm.attribution_serial(internal) IS
  'Support function: serialises a state of attribution.';

CREATE FUNCTION omnicrm.attribution_deserial(bytea, internal)
RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_deserial';
COMMENT ON FUNCTION omnicrm.attribution_deserial(bytea, internal) IS
  'Support function: reads a serialised state of attribution. Errors: data_corrupted.';

CREATE FUNCTION omnicrm.attribution_final(internal)
RETURNS omnicrm.attribution_summary
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_final';
COMMENT ON FUNCTION omnicrm.attribution_final(internal) IS
  'Support function: result of attribution.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor text, value numeric) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, text, numeric) IS
  'attribution(journey_key, ts, actor, value, ''{}''): see the form with event_id and options.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor text, value numeric, options jsonb) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, text, numeric, jsonb) IS
  'See the form with event_id.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor text, value numeric, event_id bigint, options jsonb) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, text, numeric, bigint, jsonb) IS
  'Whole-set attribution in one pass over touches and conversions in any order, without GROUP BY journey. A row with value is a conversion, one without a touch; journey_key says which journey (customer) it belongs to. Returns omnicrm.attribution_summary, NULL without rows: read credits by attribution_credit and attribution_comparison, and paths, flows, lengths, times, Markov counts by attribution_paths, ..._flows, ..._lengths, ..._times, ..._markov. The path of a conversion at t are the touches of its journey in [t - lookback, t] after exclusions and transforms; the touches after the last conversion of a journey are a path without conversion. Touches of one instant go by event_id (NULL last), then by name of the actor; an event with an id that is told twice counts once. A touch without actor is of the actor ''unknown'', one without journey is passed over; a conversion without journey or touch is unattributed; the actor of a conversion counts for same_touch only. options, the same in all rows: those of journey_credit ("lookback", "half_life", "exclude", "only_if_alone", "non", "collapse", "transform", "max_touches", "weights") and "markov_order" (0 to 4, default 1), "paths" (best paths kept, default 10000), "flow_steps" (default 10). The same bytes for any row order and number of workers. 16 bytes of memory a touch (24 when journey keys spread over more than 2^40, 8 more with event_id); above work_mem times hash_mem_multiplier temporary files. Errors: invalid_parameter_value (options), null_value_not_allowed and datetime_field_overflow (an event without a finite time), cardinality_violation (different conversions of one journey with one event_id), numeric_value_out_of_range, program_limit_exceeded.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor integer, value numeric) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, integer, numeric) IS
  'attribution(journey_key, ts, actor, value, ''{}''): see the form with event_id and options.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor integer, value numeric, options jsonb) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, integer, numeric, jsonb) IS
  'See the form with event_id.';

CREATE AGGREGATE omnicrm.attribution(journey_key bigint, ts timestamp with time zone, actor integer, value numeric, event_id bigint, options jsonb) (
  SFUNC = omnicrm.attribution_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_combine,
  SERIALFUNC = omnicrm.attribution_serial,
  DESERIALFUNC = omnicrm.attribution_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution(bigint, timestamp with time zone, integer, numeric, bigint, jsonb) IS
  'The same as the form with a text as actor, for actors that are numbers (employee_id): a name is the digits of the number.';

CREATE FUNCTION omnicrm.attribution_of_table(relation regclass, journey_column name, ts_column name, actor_column name, value_column name,
  event_column name DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS omnicrm.attribution_summary
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_table';
COMMENT ON FUNCTION omnicrm.attribution_of_table(regclass, name, name, name, name, name, jsonb) IS
  'What omnicrm.attribution() makes of the rows of a table, view or other relation, by the names of its columns: the same value, byte for byte, in less time and memory. An ordinary table whose columns are bigint or integer (journey), timestamptz, text, varchar or integer (actor), numeric (value) and bigint (event_column, NULL: none) is read without an executor, by as many processes as a parallel scan of it would have, within max_parallel_workers_per_gather and the machine''s processors, or the table''s parallel_workers. Rows in the order of journeys (CLUSTER) are worked through while they are read, so that only what has been counted stays in memory. Whatever else can be selected from goes through the aggregate. options as there. Sees the table as the query that calls it, with the caller''s rights. NULL without rows. Errors: those of attribution(), undefined_column, undefined_table, insufficient_privilege, null_value_not_allowed.';

CREATE FUNCTION omnicrm.attribution_of_paths_accum(state internal, path text[], conversions bigint, value numeric, nulls bigint)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_accum(internal, text[], bigint, numeric, bigint) IS
  'Support function: transition of attribution_of_paths.';

CREATE FUNCTION omnicrm.attribution_of_paths_accum(state internal, path text[], conversions bigint, value numeric, nulls bigint, options jsonb)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_accum(internal, text[], bigint, numeric, bigint, jsonb) IS
  'Support function: transition of attribution_of_paths.';

CREATE FUNCTION omnicrm.attribution_of_paths_combine(internal, internal)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths_combine';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_combine(internal, internal) IS
  'Support function: combines two states of attribution_of_paths.';

CREATE FUNCTION omnicrm.attribution_of_paths_serial(internal)
RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths_serial';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_serial(internal) IS
  'Support function: serialises a state of attribution_of_paths.';

CREATE FUNCTION omnicrm.attribution_of_paths_deserial(bytea, internal)
RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths_deserial';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_deserial(bytea, internal) IS
  'Support function: reads a serialised state of attribution_of_paths. Errors: data_corrupted.';

CREATE FUNCTION omnicrm.attribution_of_paths_final(internal)
RETURNS omnicrm.attribution_summary
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_of_paths_final';
COMMENT ON FUNCTION omnicrm.attribution_of_paths_final(internal) IS
  'Support function: result of attribution_of_paths.';

CREATE AGGREGATE omnicrm.attribution_of_paths(path text[], conversions bigint, value numeric, nulls bigint) (
  SFUNC = omnicrm.attribution_of_paths_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_of_paths_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_of_paths_combine,
  SERIALFUNC = omnicrm.attribution_of_paths_serial,
  DESERIALFUNC = omnicrm.attribution_of_paths_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution_of_paths(text[], bigint, numeric, bigint) IS
  'attribution_of_paths(path, conversions, value, nulls, ''{}''): see the form with options.';

CREATE AGGREGATE omnicrm.attribution_of_paths(path text[], conversions bigint, value numeric, nulls bigint, options jsonb) (
  SFUNC = omnicrm.attribution_of_paths_accum,
  STYPE = internal,
  SSPACE = 65536,
  FINALFUNC = omnicrm.attribution_of_paths_final,
  FINALFUNC_MODIFY = READ_WRITE,
  COMBINEFUNC = omnicrm.attribution_of_paths_combine,
  SERIALFUNC = omnicrm.attribution_of_paths_serial,
  DESERIALFUNC = omnicrm.attribution_of_paths_deserial,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution_of_paths(text[], bigint, numeric, bigint, jsonb) IS
  'The summary of paths that are counted already: a row is a path (its actors in order), how many conversions it had, their value together, and its journeys without a conversion. NULL counts are 0; a NULL or empty path has no touch, its conversions are unattributed and its nulls passed over; a NULL in a path is passed over. Returns omnicrm.attribution_summary, NULL without rows, as attribution() does, but without what needs times and events: time_decay, same_touch, times to conversion. options as for attribution(); lookback and half_life have no effect. Errors: invalid_parameter_value (options, a negative count, a value without a conversion), array_subscript_error, null_value_not_allowed, numeric_value_out_of_range.';

CREATE FUNCTION omnicrm.attribution_rollup_accum(omnicrm.attribution_summary, omnicrm.attribution_summary)
RETURNS omnicrm.attribution_summary
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_rollup_trans';
COMMENT ON FUNCTION omnicrm.attribution_rollup_accum(omnicrm.attribution_summary, omnicrm.attribution_summary) IS
  'Support function: transition of attribution_rollup. Errors: invalid_parameter_value, numeric_value_out_of_range.';

CREATE FUNCTION omnicrm.attribution_rollup_combine(omnicrm.attribution_summary, omnicrm.attribution_summary)
RETURNS omnicrm.attribution_summary
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_rollup_combine';
COMMENT ON FUNCTION omnicrm.attribution_rollup_combine(omnicrm.attribution_summary, omnicrm.attribution_summary) IS
  'Support function: combines two sums of attribution_rollup.';

CREATE AGGREGATE omnicrm.attribution_rollup(summary omnicrm.attribution_summary) (
  SFUNC = omnicrm.attribution_rollup_accum,
  STYPE = omnicrm.attribution_summary,
  COMBINEFUNC = omnicrm.attribution_rollup_combine,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.attribution_rollup(omnicrm.attribution_summary) IS
  'The summary of all journeys from summaries of disjoint sets of them (shards, regions), bit for bit, so that history need not be read again. A journey must be whole in one of them. Options must be equal. Cut are what was cut in a part: paths beyond the best "paths", actors that flows do not name. NULL is passed over. Errors: invalid_parameter_value (different options), numeric_value_out_of_range.';

CREATE FUNCTION omnicrm.attribution_credit(summary omnicrm.attribution_summary, model text, scale integer DEFAULT NULL)
RETURNS TABLE (actor text, conversions numeric, value numeric, touches bigint)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_attribution_credit';
COMMENT ON FUNCTION omnicrm.attribution_credit(omnicrm.attribution_summary, text, integer) IS
  'What each actor has by a model, ordered by name: conversions, value, touches in paths of conversions. Models: first, last, last_non, linear, u_shaped, j_shaped, inverse_j, custom, time_decay, participation, same_touch, shapley (additive). A row with actor NULL is what nobody has, so that both columns add up to all conversions and their value (participation counts a conversion for each actor). value has scale decimals (0 to 12), conversions and, without scale, value up to 12; both are rounded by the largest remainder, ties to the smaller name, so that they add up exactly. w_shaped and role need the kinds of touches: use journey_credit. Errors: invalid_parameter_value, feature_not_supported.';

CREATE FUNCTION omnicrm.attribution_comparison(summary omnicrm.attribution_summary, measure text DEFAULT 'value', scale integer DEFAULT NULL)
RETURNS TABLE (actor text, touches bigint, first numeric, last numeric, last_non numeric, linear numeric, u_shaped numeric, j_shaped numeric, inverse_j numeric, custom numeric, time_decay numeric, participation numeric, same_touch numeric, shapley numeric)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_attribution_comparison';
COMMENT ON FUNCTION omnicrm.attribution_comparison(omnicrm.attribution_summary, text, integer) IS
  'All models side by side: for each actor, by name, its touches in paths of conversions and what it has, as value (measure value) or number (measure conversions). A row with actor NULL is what nobody has. Rounding as in attribution_credit. time_decay and same_touch are NULL for a summary of paths. Errors: invalid_parameter_value.';

CREATE FUNCTION omnicrm.attribution_paths(summary omnicrm.attribution_summary, most integer DEFAULT 10)
RETURNS TABLE (place integer, path text[], conversions bigint, value numeric, nulls bigint)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_attribution_paths';
COMMENT ON FUNCTION omnicrm.attribution_paths(omnicrm.attribution_summary, integer) IS
  'The best paths: most conversions first, ties by value, fewer nulls, fewer touches, names; with the journeys of the same path without a conversion (nulls). Kept are as many as the option paths said; counts of those are exact. Errors: invalid_parameter_value.';

CREATE FUNCTION omnicrm.attribution_flows(summary omnicrm.attribution_summary)
RETURNS TABLE (step integer, from_actor text, to_actor text, conversions bigint, nulls bigint)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 100
AS 'MODULE_PATHNAME', 'omnicrm_attribution_flows';
COMMENT ON FUNCTION omnicrm.attribution_flows(omnicrm.attribution_summary) IS
  'Edges of a Sankey picture: how many paths with and without a conversion go from one actor to the next at a step; step 1 leads from the start (from_actor NULL) to the first touch; to_actor NULL is the end of the path. The first flow_steps steps; actors beyond the 100 with most touches are together (other). Ordered by step and names.';

CREATE FUNCTION omnicrm.attribution_lengths(summary omnicrm.attribution_summary)
RETURNS TABLE (touches bigint, conversions bigint, value numeric, nulls bigint)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_attribution_lengths';
COMMENT ON FUNCTION omnicrm.attribution_lengths(omnicrm.attribution_summary) IS
  'Paths by number of touches: conversions, their value, journeys without a conversion. 0 touches: conversions that are unattributed.';

CREATE FUNCTION omnicrm.attribution_times(summary omnicrm.attribution_summary, points double precision[] DEFAULT '{0,0.25,0.5,0.75,0.9,0.95,1}')
RETURNS TABLE (point double precision, elapsed interval, conversions bigint)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_attribution_times';
COMMENT ON FUNCTION omnicrm.attribution_times(omnicrm.attribution_summary, double precision[]) IS
  'Time from the first touch of the path to the conversion: for each part of the attributed conversions (0 to 1) the time they took at most, in days of 24 hours, and how many conversions that are. Least and longest time are exact; others are exact to the second below 256 seconds, above that rounded down by less than 0.8 percent. NULL without conversions. Errors: invalid_parameter_value.';

CREATE FUNCTION omnicrm.attribution_totals(summary omnicrm.attribution_summary)
RETURNS TABLE (journeys bigint, touches bigint, actors bigint, conversions bigint, value numeric, nulls bigint, unattributed bigint, unattributed_value numeric, mean_time interval, all_paths boolean)
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000 ROWS 1
AS 'MODULE_PATHNAME', 'omnicrm_attribution_totals';
COMMENT ON FUNCTION omnicrm.attribution_totals(omnicrm.attribution_summary) IS
  'One row: journeys, touches, actors; conversions and their value; paths without a conversion; conversions without a touch and their value; mean time from first touch to conversion; whether all distinct paths were kept.';

CREATE FUNCTION omnicrm.attribution_markov(summary omnicrm.attribution_summary)
RETURNS omnicrm.markov
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_attribution_markov';
COMMENT ON FUNCTION omnicrm.attribution_markov(omnicrm.attribution_summary) IS
  'The transitions of all paths, of the order that the option markov_order said, for the functions markov_...; conversions without a touch are journeys without a state. NULL when markov_order was 0.';
