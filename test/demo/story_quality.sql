\echo
\echo '── How good are the data, and how well was it done ───────────────────────────────────────────────────────────'
\echo
\echo 'How well the golden record was found, measured against the truth that the generator hid (shop.truth).'
SELECT * FROM shop.evaluation
\gx
