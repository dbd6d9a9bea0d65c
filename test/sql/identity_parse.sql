-- Parsers: one stated reading, NULL for anything else, errors for bad options only.
\pset null '-'
SET client_min_messages = warning;
SET datestyle = 'ISO, MDY';
SET timezone = 'America/New_York';

-- Dates.
SELECT v.value, omnicrm.parse_date(v.value) AS auto, omnicrm.parse_date(v.value, 'YMD') AS ymd,
       omnicrm.parse_date(v.value, 'DMY') AS dmy, omnicrm.parse_date(v.value, 'MDY') AS mdy
FROM (VALUES (1, '1980-12-25'), (2, '1980/12/25'), (3, '25/12/1980'), (4, '12/25/1980'), (5, '05/08/1986'), (6, '5/8/1986'), (7, '05/05/1980'), (8, '25.12.1980'),
             (9, '25 12 1980'), (10, '19801225'), (11, '25121980'), (12, '1980-12-25 10:30:00'), (13, '1980-12-25T10:30:00Z'), (14, '1980-12-25x'), (15, '29/02/2023'),
             (16, '29/02/2024'), (17, '31/04/2020'), (18, '0000-01-01'), (19, '0001-01-01'), (20, '9999-12-31'), (21, '10000-01-01'), (22, '-0050-01-01'), (23, '25-12/1980'),
             (24, '25/12/80'), (25, '80-12-25'), (26, ''), (27, 'hoy'), (28, 'infinity'), (29, '25 / 12 / 1980'), (30, '1980-12'), (31, '٢٥/١٢/١٩٨٠'),
             (32, '1980-00-10'), (33, '1980-13-10'), (34, '99999999999999999999'), (35, '1900-02-29'), (36, '2000-02-29'), (37, '12/12/12')) AS v(n, value)
ORDER BY v.n;
SELECT omnicrm.parse_date('25/12/80', 'DMy') AS "1980", omnicrm.parse_date('25/12/69', 'DMy') AS "2069", omnicrm.parse_date('12-25-70', 'mdy') AS "1970",
       omnicrm.parse_date('05-01-02', 'yMD') AS "2005", omnicrm.parse_date('25/12/1980', 'DMy') AS four;
SELECT omnicrm.parse_date('x', 'DYM');
SELECT omnicrm.parse_date('x', repeat('D', 100));
-- Every day of the calendar comes back, in each order.
SELECT count(*) AS days,
       count(*) FILTER (WHERE omnicrm.parse_date(to_char(d.day, 'YYYY-MM-DD')) = d.day AND omnicrm.parse_date(to_char(d.day, 'DD/MM/YYYY'), 'DMY') = d.day
                          AND omnicrm.parse_date(to_char(d.day, 'FMMM/FMDD/YYYY'), 'MDY') = d.day AND omnicrm.parse_date(to_char(d.day, 'YYYYMMDD'), 'YMD') = d.day) AS back
FROM (SELECT '1895-01-01'::date + 7 * i AS day FROM generate_series(0, 8000) AS i) AS d;

-- Moments.
SELECT v.value, v.zone, omnicrm.parse_timestamp(v.value, v.format, v.zone) AT TIME ZONE 'UTC' AS utc
FROM (VALUES (1, '2024-01-15', 'auto', 'UTC'), (2, '2024-01-15', 'auto', 'Europe/Madrid'), (3, '2024-07-15', 'auto', 'Europe/Madrid'), (4, '2024-07-15T10:30', 'auto', 'Europe/Madrid'),
             (5, '2024-07-15T10:30:15.123456Z', 'auto', 'Europe/Madrid'), (6, '2024-07-15 10:30:15+02', 'auto', 'UTC'), (7, '2024-07-15 10:30:15 -0330', 'auto', 'UTC'),
             (8, '2024-07-15 10:30:15+05:45', 'auto', 'UTC'), (9, '7/15/2024 3:05 PM', 'MDY', 'UTC'), (10, '7/15/2024 12:05 am', 'MDY', 'UTC'), (11, '15/07/2024, 12:05 p. m.', 'DMY', 'UTC'),
             (12, '2024-03-31 02:30', 'auto', 'Europe/Madrid'), (13, '2024-10-27 02:30', 'auto', 'Europe/Madrid'), (14, '2024-07-15 24:00', 'auto', 'UTC'), (15, '2024-07-15 24:01', 'auto', 'UTC'),
             (16, '2024-07-15 10:60', 'auto', 'UTC'), (17, '2024-07-15 13:00 pm', 'auto', 'UTC'), (18, '2024-07-15 10', 'auto', 'UTC'), (19, '2024-07-15 10:30 CET', 'auto', 'UTC'),
             (20, '2024-07-15 10:30+16', 'auto', 'UTC'), (21, '2024-07-15T', 'auto', 'UTC'), (22, '0001-01-01 00:00+15:59', 'auto', 'UTC'), (23, '9999-12-31 24:00-15:59', 'auto', 'UTC'),
             (24, '2024-07-15 10:30 GMT+2', 'auto', 'UTC'), (25, '7:29', 'auto', 'UTC'), (26, '2024-07-15 7:29', 'auto', 'UTC'), (27, '', 'auto', 'UTC'),
             (28, '2024-07-15 10:30:00.9999999', 'auto', 'UTC')) AS v(n, value, format, zone)
ORDER BY v.n;
SELECT omnicrm.parse_timestamp('2024-01-15', 'auto', 'Mars/Olympus');
SELECT omnicrm.parse_timestamp('2024-01-15', 'auto', repeat('x', 5000));
SELECT omnicrm.parse_timestamp('2024-01-15', 'auto', '');
SELECT omnicrm.parse_timestamp('2024-01-15', 'ISO');
-- The same as the server's own reading, through the changes of the clock.
SELECT count(*) AS moments,
       count(*) FILTER (WHERE omnicrm.parse_timestamp(m.local::text, 'auto', 'Europe/Madrid') = m.local AT TIME ZONE 'Europe/Madrid') AS equal
FROM (SELECT '2020-01-01 00:30'::timestamp + i * interval '7 hours 13 minutes' AS local FROM generate_series(0, 8000) AS i) AS m;

-- Numbers.
SELECT v.value, omnicrm.parse_number(v.value) AS point, omnicrm.parse_number(v.value, ',') AS comma
FROM (VALUES (1, '1234.56'), (2, '1234,56'), (3, '1,234.56'), (4, '1.234,56'), (5, '1 234,56'), (6, '1''234.56'), (7, '1,234'), (8, '1.234'), (9, '12,34'), (10, '1,234,567'),
             (11, '1,2345'), (12, '1234,567'), (13, '(12.50)'), (14, '12.50-'), (15, '-12.50'), (16, '+12'), (17, '-(12)'), (18, '--12'), (19, '€12.50'), (20, '12.50 €'), (21, '$ 1,000'),
             (22, 'EUR 10'), (23, '10 eur'), (24, '-€5'), (25, '(5 €)'), (26, '.5'), (27, '5.'), (28, '.'), (29, ''), (30, 'abc'), (31, 'NaN'), (32, 'Infinity'), (33, '1e5'), (34, '1.5E+02'),
             (35, '1e99'), (36, '1e-3'), (37, '1e'), (38, '12%'), (39, '0x10'), (40, '1.2.3'), (41, repeat('9', 64)), (42, repeat('9', 65)), (43, '−5'), (44, '٤٢'), (45, '256414.1127086401'),
             (46, '1,,234'), (47, ',234'), (48, '12 €uros'), (49, '1 2'), (50, '5 -')) AS v(n, value)
ORDER BY v.n;
SELECT omnicrm.parse_number('1', ';');
SELECT omnicrm.parse_number('1', '');
SELECT count(*) AS numbers,
       count(*) FILTER (WHERE omnicrm.parse_number(n.x::text) = n.x AND omnicrm.parse_number(replace(n.x::text, '.', ','), ',') = n.x
                          AND omnicrm.parse_number(to_char(n.x, 'FM999,999,999,999,990.0000')) = round(n.x, 4)) AS back
FROM (SELECT (i::numeric * 7919 * 104729 % 1000000007 - 500000003) / 10000 AS x FROM generate_series(1, 5000) AS i) AS n;

-- Truth.
SELECT string_agg(v.value || '=' || coalesce(omnicrm.parse_boolean(v.value)::text, '-'), ' ' ORDER BY v.n) AS truths
FROM (VALUES (1, 'yes'), (2, 'No'), (3, 'SÍ'), (4, 'si'), (5, 'true'), (6, 'F'), (7, '1'), (8, '0'), (9, 'on'), (10, 'off'), (11, 'verdadero'), (12, 'falso'), (13, 'x'), (14, '2'),
             (15, 'maybe'), (16, ''), (17, '-'), (18, 'Ja'), (19, 'Não')) AS v(n, value);
