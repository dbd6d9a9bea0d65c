-- The outbox: changes of customers for whoever follows the hub.
--
-- A row becomes visible when its transaction commits, and transactions commit in
-- another order than that of their sequence numbers. So rows are read in the
-- order of (xact, seq), and only those of transactions below the oldest one that
-- still runs: whatever is written from now on comes after them.

-- Transactions of other databases, and of autovacuum, which is nobody, are not
-- waited for: pg_locks tells whose a running transaction is. One that it does not
-- tell of counts. The answer is good for queries of the same snapshot, as a STABLE
-- function has.
CREATE OR REPLACE FUNCTION @hub@.outbox_limit()
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  present CONSTANT pg_snapshot := pg_current_snapshot();
BEGIN
  RETURN least(
    pg_snapshot_xmax(present), pg_current_xact_id_if_assigned(),
    (SELECT min(r.xact)
     FROM pg_snapshot_xip(present) AS r(xact)
     WHERE NOT EXISTS (SELECT
                       FROM pg_locks AS l
                       JOIN pg_stat_activity AS a ON a.pid = l.pid
                       WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid = r.xact::xid
                         AND (a.usesysid IS NULL
                              OR a.datid IS DISTINCT FROM (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))))
    )::text::bigint;
END
$$;

COMMENT ON FUNCTION @hub@.outbox_limit() IS
  'Used by crm.read_outbox() and crm.prune_outbox(): the number of the oldest transaction that may still write to the outbox.';

-- In another server transactions are counted anew. All rows that a restore
-- brought are older than what is written from then on.
CREATE OR REPLACE FUNCTION @hub@.settle_outbox()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM FROM @hub@.golden_state AS s WHERE s.outbox_home <> '@hub@.outbox'::regclass FOR UPDATE;
  IF FOUND THEN
    UPDATE @hub@.outbox AS o SET xact = o.xact - 1 - (SELECT max(k.xact) FROM @hub@.outbox AS k);
    UPDATE @hub@.golden_state AS s SET outbox_home = '@hub@.outbox'::regclass;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.settle_outbox() IS
  'Used by what writes to the outbox: after a restore into another server, puts the rows that came with it before all rows to come. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.announce(change text, customer_ids bigint[], other_ids bigint[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.settle_outbox();
  INSERT INTO @hub@.outbox (change, customer_id, other_id)
  SELECT announce.change, c.customer_id, c.other_id
  FROM unnest(customer_ids, other_ids) AS c(customer_id, other_id);
END
$$;

COMMENT ON FUNCTION @hub@.announce(text, bigint[], bigint[]) IS
  'Used by what merges, splits and erases customers: adds a row to the outbox for each customer, with the other customer at the same place of other_ids. change: merged, split or erased; created and changed come with write_golden(). Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.read_outbox(after_seq bigint DEFAULT 0, max_rows integer DEFAULT 1000)
RETURNS SETOF @hub@.outbox
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
  after_xact bigint := -9223372036854775808;
  -- Rows of this transaction and of later ones wait.
  limit_xact CONSTANT bigint := CASE WHEN (SELECT s.outbox_home FROM @hub@.golden_state AS s) = '@hub@.outbox'::regclass
                                     THEN @hub@.outbox_limit()
                                     ELSE 9223372036854775807 END;
BEGIN
  PERFORM @hub@.require_current();
  IF after_seq IS NULL OR after_seq < 0 THEN
    RAISE EXCEPTION 'a row of the outbox is told by its seq, not %', coalesce(after_seq::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the seq of the last row that was read; 0: from the start.';
  END IF;
  IF max_rows IS NULL OR max_rows < 1 THEN
    RAISE EXCEPTION 'cannot read % rows of the outbox', coalesce(max_rows::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for 1 row or more.';
  END IF;
  IF after_seq > 0 THEN
    SELECT o.xact INTO after_xact FROM @hub@.outbox AS o WHERE o.seq = after_seq;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'row % of the outbox is not there', after_seq
        USING ERRCODE = 'no_data_found',
              HINT = 'What followed it may be gone too: read the customers anew, then go on from after_seq => 0.';
    END IF;
  END IF;
  RETURN QUERY
  SELECT o.*
  FROM @hub@.outbox AS o
  WHERE (o.xact, o.seq) > (after_xact, after_seq) AND o.xact < limit_xact
  ORDER BY o.xact, o.seq
  LIMIT max_rows;
END
$$;

COMMENT ON FUNCTION @hub@.read_outbox(bigint, integer) IS
  'The changes of customers after the row with this seq (0: from the start), at most max_rows, in the order in which to apply them, which is not that of seq: go on from the last row. Rows wait until all transactions of this database that began to write before theirs have ended, so none is ever passed over; changes of the calling transaction are not among them. Errors: no_data_found when the row is not there any more, invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.prune_outbox(through_seq bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  through_xact bigint;
  -- Before the rows are looked at: none of a transaction below it is missed.
  limit_xact CONSTANT bigint := @hub@.outbox_limit();
  pruned bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.settle_outbox();
  SELECT o.xact INTO through_xact FROM @hub@.outbox AS o WHERE o.seq = through_seq;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'row % of the outbox is not there', coalesce(through_seq::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'Give the seq of the last row that every reader has read.';
  END IF;
  DELETE FROM @hub@.outbox AS o
  WHERE (o.xact, o.seq) < (through_xact, through_seq) AND o.xact < limit_xact;
  GET DIAGNOSTICS pruned = ROW_COUNT;
  RETURN pruned;
END
$$;

COMMENT ON FUNCTION @hub@.prune_outbox(bigint) IS
  'Removes the rows that are read before the row with this seq; that row stays, since its readers go on from it. Returns their number. Errors: no_data_found.';
