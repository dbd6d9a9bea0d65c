-- A hub that was made before single records took the way that they take now
-- (ingest.sql, resolve_local.sql): functions with other arguments or results, or that
-- omnicrm.read_customer() stands for, and checks of tables that only functions write.
DROP FUNCTION IF EXISTS @hub@.judge_pairs(bigint[]);
DROP FUNCTION IF EXISTS @hub@.judge_pairs(bigint[], omnicrm.shared_value[], omnicrm.judge_rule[], integer);
DROP FUNCTION IF EXISTS @hub@.other_pairs(bigint[], boolean);
DROP FUNCTION IF EXISTS @hub@.other_pairs(bigint[], boolean, boolean);
DROP FUNCTION IF EXISTS @hub@.linked_records(omnicrm.judged_pair[]);
DROP FUNCTION IF EXISTS @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], boolean);
DROP FUNCTION IF EXISTS @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], omnicrm.judge_rule[], integer, boolean, boolean);
DROP FUNCTION IF EXISTS @hub@.touched_records(bigint[]);
DROP FUNCTION IF EXISTS @hub@.settle_values(bigint[]);
DROP FUNCTION IF EXISTS @hub@.store_links(bigint[], bigint[], omnicrm.judged_pair[]);
DROP FUNCTION IF EXISTS @hub@.store_review(bigint[], bigint[], integer);
DROP FUNCTION IF EXISTS @hub@.store_candidates(bigint, integer, bigint[], double precision[], double precision[], text[]);
DROP FUNCTION IF EXISTS @hub@.store_ingested(jsonb, integer, text, date, text, bigint, boolean);
DROP FUNCTION IF EXISTS @hub@.require_records(jsonb);
DROP FUNCTION IF EXISTS @hub@.ingest_batch(integer);
DROP FUNCTION IF EXISTS @hub@.lock_source(text, boolean);
DROP FUNCTION IF EXISTS @hub@.load_argument(jsonb, text, text);
DROP FUNCTION IF EXISTS @hub@.load_quality();
DROP FUNCTION IF EXISTS @hub@.load_short(jsonb, text, integer);
DROP FUNCTION IF EXISTS @hub@.load_too_long(jsonb);
DROP FUNCTION IF EXISTS @hub@.load_rejected(jsonb, text);
DROP FUNCTION IF EXISTS @hub@.store_candidates(bigint, integer, bigint[], double precision[], double precision[], text[], boolean);
DROP FUNCTION IF EXISTS @hub@.meet_copies(bigint, bytea, integer, omnicrm.match_meeting);
DROP FUNCTION IF EXISTS @hub@.compare_record(bigint, integer);
DROP FUNCTION IF EXISTS @hub@.resolve_alone(bigint, integer, bigint);
DO $change$
BEGIN
  IF EXISTS (SELECT FROM pg_proc AS p WHERE p.oid = to_regprocedure('@hub@.ingest_records(text, jsonb)') AND p.proallargtypes IS NOT NULL) THEN
    DROP FUNCTION @hub@.ingest_records(text, jsonb);
  END IF;
  IF EXISTS (SELECT FROM pg_proc AS p WHERE p.oid = to_regprocedure('@hub@.resolve_local(bigint[], integer)') AND p.prorettype = 'jsonb'::regtype) THEN
    DROP FUNCTION @hub@.resolve_local(bigint[], integer);
    DROP FUNCTION @hub@.resolve_slice(bigint[], bigint[], integer, boolean);
    DROP FUNCTION @hub@.add_counts(jsonb, jsonb);
  END IF;
  IF EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = '@hub@.outbox'::regclass AND c.conname = 'outbox_change_check') THEN
    ALTER TABLE @hub@.match_link DROP CONSTRAINT match_link_decision_check, DROP CONSTRAINT match_link_check;
    ALTER TABLE @hub@.match_candidate DROP CONSTRAINT match_candidate_verdict_check, DROP CONSTRAINT match_candidate_check;
    ALTER TABLE @hub@.outbox DROP CONSTRAINT outbox_change_check, DROP CONSTRAINT outbox_check;
  END IF;
  IF EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = '@hub@.customer'::regclass AND c.conname = 'customer_state_check') THEN
    ALTER TABLE @hub@.customer DROP CONSTRAINT customer_kind_check, DROP CONSTRAINT customer_state_check;
  END IF;
  IF EXISTS (SELECT FROM pg_constraint AS c WHERE c.conrelid = '@hub@.source_record'::regclass AND c.conname = 'source_record_kind_check') THEN
    ALTER TABLE @hub@.source_record DROP CONSTRAINT source_record_kind_check, DROP CONSTRAINT source_record_gender_check;
    ALTER TABLE @hub@.source_record_history DROP CONSTRAINT source_record_history_load_id_fkey;
    ALTER TABLE @hub@.contact_seen DROP CONSTRAINT contact_seen_kind_check, DROP CONSTRAINT contact_seen_check;
  END IF;
END
$change$;
