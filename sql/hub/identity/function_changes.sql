-- Functions of a hub that was made before and that have other arguments or results
-- now; resolve_local.sql and its neighbours make them anew.
DROP FUNCTION IF EXISTS @hub@.judge_pairs(bigint[]);
DROP FUNCTION IF EXISTS @hub@.other_pairs(bigint[], boolean);
DROP FUNCTION IF EXISTS @hub@.linked_records(omnicrm.judged_pair[]);
DROP FUNCTION IF EXISTS @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], boolean);
DROP FUNCTION IF EXISTS @hub@.settle_values(bigint[]);
DROP FUNCTION IF EXISTS @hub@.store_links(bigint[], bigint[], omnicrm.judged_pair[]);
DROP FUNCTION IF EXISTS @hub@.store_candidates(bigint, integer, bigint[], double precision[], double precision[], text[]);
