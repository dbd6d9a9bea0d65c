-- Normalisers: one form for what is written in many ways, NULL for rubbish.
-- Unaligned: psql of different versions count different widths for invisible signs.
\pset format unaligned
\pset null '-'
SET client_min_messages = warning;

-- Names: folding, scripts, punctuation.
SELECT v.name, omnicrm.normalize_name(v.name) AS folded
FROM (VALUES (1, 'García López, María'), (2, 'MUÑOZ  ÇELIK'), (3, 'Straße Ærø Łódź İstanbul'), (4, 'O''Connor-O’Neill'),
             (5, 'Mª del Carmen'), (6, 'M.ª Ángeles'), (7, 'Col·lell Pi i Margall'), (8, 'Nguyễn Thị Hồng'), (9, '王小明'),
             (10, 'Александр Пушкин'), (11, 'Γιώργος Παπαδόπουλος'), (12, 'محمد'), (13, 'ｆｕｌｌ　ｗｉｄｔｈ'), (14, 'José'),
             (15, U&'Jose\0301'), (16, U&'zero\200Bwidth'), (17, '3M España S.A.'), (18, '😀 Ana 😀'), (19, '...'), (20, ''),
             (21, E'tab\tnew\nline'), (22, 'ⅷ')) AS v(n, name)
ORDER BY v.n;

-- Keys and tokens: order, accents, titles and particles do not matter.
SELECT v.name, omnicrm.name_key(v.name) AS key, omnicrm.name_tokens(v.name) AS tokens
FROM (VALUES (1, 'María de la Fuente García'), (2, 'FUENTE GARCIA, Maria'), (3, 'Dña. María de la Fuente y García'), (4, 'Sr. D. Juan Pérez'),
             (5, 'D. Juan Pérez Gil'), (6, 'D. García'), (7, 'Juan D. Pérez'), (8, 'Mª Fdez. Glez.'), (9, 'Ma. Luisa Ortiz'),
             (10, 'Ana García García'), (11, 'Acme Ibérica, S.L.'), (12, 'ACME IBERICA SL'), (13, 'Ludwig van Beethoven'), (14, 'La Don'),
             (15, 'Dr. Dr.'), (16, '1234'), (17, 'Costa e Silva'), (18, 'E. Silva')) AS v(n, name)
ORDER BY v.n;
-- Several names have the same words in whatever order: each is read alone.
SELECT omnicrm.name_tokens(E'TALLERES MENDOZA, S.L.\nSr. D. Juan Pérez\nTalleres Mendoza SL') AS tokens,
       omnicrm.name_tokens(E'\nTalleres Mendoza SL\n\nSr. D. Juan Pérez\nTALLERES MENDOZA, S.L.\n') AS turned,
       omnicrm.name_tokens(repeat('x', 1001) || E'\nAna\n' || repeat('y', 5000)) AS long, omnicrm.name_tokens(E'\n\n') AS blank;
SELECT omnicrm.name_key('José Ángel Núñez-Ruiz') = omnicrm.name_key('NUNEZ RUIZ jose angel') AS equal;

-- E-mail addresses.
SELECT v.email, omnicrm.normalize_email(v.email) AS normal
FROM (VALUES (1, ' Ana.Lopez@Example.COM '), (2, 'mailto:ana@tienda.es?subject=x'), (3, '"Ana López" <ana@tienda.es>'), (4, 'ana+shop@tienda.es'),
             (5, 'A.n.a+x@googlemail.com'), (6, 'ana@tienda.es;'), (7, 'ana@españa.es'), (8, 'ana@xn--espaa-rta.es'), (9, 'josé@tienda.es'),
             (10, 'ana'), (11, 'ana@tienda'), (12, '@tienda.es'), (13, 'ana@@tienda.es'), (14, 'a@b@c.es'), (15, '.ana@tienda.es'),
             (16, 'ana.@tienda.es'), (17, 'an..a@tienda.es'), (18, 'ana@tienda..es'), (19, 'ana@.tienda.es'), (20, 'ana@tienda.es.'),
             (21, 'ana@-tienda.es'), (22, 'ana@tien_da.es'), (23, 'an a@tienda.es'), (24, 'ana@192.168.1.1'), (25, 'ana@[192.168.1.1]'),
             (26, repeat('a', 65) || '@tienda.es'), (27, 'a@' || repeat('b', 64) || '.es'), (28, '+x@tienda.es'), (29, 'o''neil@tienda.es'),
             (30, '...@gmail.com'), (31, 'ana@tienda.e'), (32, 'ana@gamil.com'), (33, '')) AS v(n, email)
ORDER BY v.n;

-- Phones. The region is that of numbers without prefix.
SELECT v.phone, v.region, omnicrm.normalize_phone(v.phone, v.region) AS normal
FROM (VALUES (1, '600 11 12 22', 'ES'), (2, '+34 600-111-222', NULL), (3, '0034600111222', 'US'), (4, '34600111222', 'ES'), (5, '(91) 555.12.34', 'España'),
             (6, '983.566.0706x9509', 'US'), (7, '001-811-506-2553x442', 'USA'), (8, '+1-569-626-5660', 'ES'), (9, '787699373', 'US'), (10, '0787699373', 'US'),
             (11, '020 7946 0958', 'GB'), (12, '+44 20 7946 0958', NULL), (13, '06 12345678', 'IT'), (14, '030 123456', 'DE'), (15, '600111222 / 600333444', 'ES'),
             (16, '+34 600 111 222 ext. 5', 'ES'), (17, U&'\202A+34 600 111 222\202C', 'ES'), (18, '٦٠٠١١١٢٢٢', 'ES'), (19, 'tel:+34-600-111-222', NULL),
             (20, '-6854', 'US'), (21, '12345', 'ES'), (22, '600111222', NULL), (23, '600111222', 'Atlantis'), (24, 'no tiene', 'ES'), (25, '6001112223334445556667', 'ES'),
             (26, '', 'ES'), (27, NULL, 'ES'), (28, '500111222', 'ES'), (29, '1-800-FLOWERS', 'US'), (30, '112', 'ES')) AS v(n, phone, region)
ORDER BY v.n;
-- Own rules and libphonenumber agree: "tel:" sends the same number through the
-- library. 4,000 numbers of Spain, 4,000 of North America.
SELECT count(*) AS numbers,
       count(*) FILTER (WHERE omnicrm.normalize_phone(n.number, 'ES') IS DISTINCT FROM omnicrm.normalize_phone('tel:' || n.number, 'ES')) AS national_differ,
       count(*) FILTER (WHERE omnicrm.normalize_phone('+34' || n.number, NULL) IS DISTINCT FROM omnicrm.normalize_phone('tel:+34' || n.number, NULL)) AS plus_differ,
       count(*) FILTER (WHERE omnicrm.normalize_phone('0034' || n.number, 'ES') IS DISTINCT FROM omnicrm.normalize_phone('tel:0034' || n.number, 'ES')) AS zeros_differ,
       count(*) FILTER (WHERE omnicrm.normalize_phone('34' || n.number, 'ES') IS DISTINCT FROM omnicrm.normalize_phone('tel:34' || n.number, 'ES')) AS prefix_differ
FROM (SELECT (6 + i % 4)::text || lpad((i::bigint * 7919 * 104729 % 100000000)::text, 8, '0') AS number
      FROM generate_series(1, 4000) AS i) AS n;
-- Fictitious American numbers (area codes 011 and 1xx) get a form that the library refuses.
SELECT count(*) AS numbers,
       count(*) FILTER (WHERE l.national <> omnicrm.normalize_phone(n.number, 'US')) AS national_differ, count(*) FILTER (WHERE l.national IS NULL) AS national_refused,
       count(*) FILTER (WHERE l.plus <> omnicrm.normalize_phone('+1' || n.number, NULL)) AS plus_differ, count(*) FILTER (WHERE l.plus IS NULL) AS plus_refused,
       count(*) FILTER (WHERE l.prefix <> omnicrm.normalize_phone('1' || n.number, 'CA')) AS prefix_differ, count(*) FILTER (WHERE l.prefix IS NULL) AS prefix_refused,
       count(omnicrm.normalize_phone(n.number, 'US')) AS own
FROM (SELECT lpad((i::bigint * 7919 * 104729 * 1009 % 10000000000)::text, 10, '0') AS number
      FROM generate_series(1, 4000) AS i) AS n,
     LATERAL (SELECT omnicrm.normalize_phone('tel:' || n.number, 'US') AS national, omnicrm.normalize_phone('tel:+1' || n.number, NULL) AS plus,
                     omnicrm.normalize_phone('tel:1' || n.number, 'CA') AS prefix) AS l;

-- Spanish tax numbers.
SELECT v.tax_id, omnicrm.normalize_tax_id(v.tax_id) AS normal, omnicrm.tax_id_kind(v.tax_id) AS kind
FROM (VALUES (1, '12345678Z'), (2, '12.345.678-z'), (3, 'ES12345678Z'), (4, '12345678A'), (5, '1234567L'), (6, '01234567L'), (7, 'X1234567L'),
             (8, 'Y-1234567-X'), (9, 'Z1234567R'), (10, 'X01234567L'), (11, 'K1234567L'), (12, 'B12345674'), (13, 'B1234567D'), (14, 'ES-B12345674'),
             (15, 'B12345675'), (16, 'Q2826000H'), (17, 'Q28260008'), (18, 'A58818501'), (19, 'I1234567A'), (20, '123'), (21, 'ñ2345678Z'), (22, ''),
             (23, 'desconocido'), (24, repeat('1', 100)), (25, 'DE136695976')) AS v(n, tax_id)
ORDER BY v.n;
-- Every single wrong digit and every swap of neighbours is found.
SELECT count(*) AS wrong, count(omnicrm.normalize_tax_id(w.number)) AS accepted
FROM (SELECT overlay(o.number PLACING d.digit::text FROM p.place FOR 1) AS number
      FROM (SELECT lpad((i::bigint * 48271 % 100000000)::text, 8, '0')
                   || substr('TRWAGMYFPDXBNJZSQVHLCKE', (i::bigint * 48271 % 100000000 % 23)::integer + 1, 1) AS number
            FROM generate_series(1, 200) AS i) AS o,
           generate_series(1, 8) AS p(place), generate_series(0, 9) AS d(digit)
      WHERE substr(o.number, p.place, 1) <> d.digit::text) AS w;
-- Other countries.
SELECT v.tax_id, v.country, omnicrm.normalize_tax_id(v.tax_id, v.country) AS normal, omnicrm.tax_id_kind(v.tax_id, v.country) AS kind
FROM (VALUES (1, 'DE 136 695 976', 'DE'), (2, '136695978', 'DE'), (3, '36574261809', 'DE'), (4, 'ATU13585627', 'AT'), (5, 'ATU13585626', 'AT'), (6, 'BE 0403.019.261', 'BE'),
             (7, '403019261', 'BE'), (8, '0403019262', 'BE'), (9, 'FR 40 303 265 045', 'FR'), (10, '303265045', 'FR'), (11, 'FR41303265045', 'FR'), (12, 'K7399859412', 'FR'),
             (13, 'IT 00743110157', 'IT'), (14, '00743110158', 'IT'), (15, 'RCCMNL83S18D969H', 'IT'), (16, 'RCCMNL83S18D969I', 'IT'), (17, 'NL004495445B01', 'NL'),
             (18, 'NL123456789B90', 'NL'), (19, '111222333', 'NL'), (20, 'PT 501 964 843', 'PT'), (21, '501964842', 'PT'), (22, '123456789', 'PT'),
             (23, 'GB 980 7806 84', 'GB'), (24, '980780685', 'GB'), (25, 'AB123456C', 'GB'), (26, 'IE6433435F', 'IE'), (27, 'IE6433435E', 'IE'), (28, 'DK 13585628', 'DK'),
             (29, 'FI 20774740', 'FI'), (30, 'SE556188840401', 'SE'), (31, 'LU15027442', 'LU'), (32, 'PL 8567346215', 'PL'), (33, 'EL094259216', 'GR'), (34, 'HU12892312', 'HU'),
             (35, 'SI 5022 3054', 'SI'), (36, 'HR33392005961', 'HR'), (37, 'EE100931558', 'EE'), (38, 'MT11679112', 'MT'), (39, 'RO18547290', 'RO'), (40, 'SK2022749619', 'SK'),
             (41, 'CHE-100.155.212 MWST', 'CH'), (42, 'BG175074752', 'BG'), (43, '123456789', 'ZZ'), (44, 'B12345674', 'FR'), (45, 'ESB12345674', 'FR'),
             (46, 'BG175074751', 'BG'), (47, 'BG7523169263', 'BG'), (48, 'BG7523169260', 'BG'), (49, 'CY10259033P', 'CY'), (50, 'CY10259033Z', 'CY'), (51, 'CZ25123891', 'CZ'), (52, 'CZ25123890', 'CZ'),
             (53, 'CZ7103192745', 'CZ'), (54, 'CZ7103192746', 'CZ'), (55, 'CZ640903926', 'CZ'), (56, 'CZ991231123', 'CZ'), (57, 'LT119511515', 'LT'), (58, 'LT119511514', 'LT'), (59, 'LT100001919017', 'LT'),
             (60, 'LT100001919018', 'LT'), (61, 'LV40003521600', 'LV'), (62, 'LV40003521601', 'LV'), (63, 'LV16117519997', 'LV'), (64, 'LV16117519998', 'LV'), (65, 'NL004495445B00', 'NL')) AS v(n, tax_id, country)
ORDER BY v.n;

-- Postcodes.
SELECT v.postcode, v.country, omnicrm.normalize_postcode(v.postcode, v.country) AS normal
FROM (VALUES (1, '28001', 'ES'), (2, '8001', 'ES'), (3, ' 28.001 ', 'España'), (4, 'E-28001', 'ES'), (5, '53001', 'ES'), (6, '00123', 'ES'), (7, '801', 'ES'), (8, '2800A', 'ES'),
             (9, '10753', 'USA'), (10, '2138', 'US'), (11, '12345-6789', 'US'), (12, '123456789', 'US'), (13, 'sw1a1aa', 'GB'), (14, 'SW1A 1AA', 'UK'), (15, '1234567', 'PT'),
             (16, '1234-567', 'PT'), (17, '1012ab', 'NL'), (18, '1010', 'AT'), (19, 'D-10115', 'DE'), (20, 'k1a0b1', 'CA'), (21, ' ab  12-c ', 'ZZ'), (22, '@', 'ZZ'), (23, '', 'ES'),
             (24, '00950', 'PL'), (25, '11455', 'SE')) AS v(n, postcode, country)
ORDER BY v.n;

-- Display text.
SELECT v.n, omnicrm.normalize_text(v.value) AS tidy, length(omnicrm.normalize_text(v.value)) AS characters
FROM (VALUES (1, E'  two\t\tblanks \n'), (2, U&'Jose\0301'), (3, U&'\FEFFBOM\00A0hard'), (4, U&'zero\200Bwidth'), (5, E' \t\n'), (6, ''),
             (7, U&'\1100\1161\11A8'), (8, U&'a\0301\0302\0323b'), (9, E'x\u0085y\u2028z')) AS v(n, value)
ORDER BY v.n;

-- Gender.
SELECT string_agg(v.value || '=' || coalesce(omnicrm.normalize_gender(v.value), '-'), ' ' ORDER BY v.n) AS genders
FROM (VALUES (1, 'F'), (2, 'M'), (3, 'H'), (4, 'V'), (5, 'Mujer'), (6, 'VARÓN'), (7, 'female'), (8, 'Male '), (9, 'Sra.'), (10, 'no binario'), (11, 'X'), (12, 'Männlich'),
             (13, '1'), (14, 'unknown'), (15, 'female | male'), (16, 't2227949966'), (17, ''), (18, 'dona')) AS v(n, value);

-- Placeholders.
SELECT v.kind, string_agg(v.value || '=' || omnicrm.is_placeholder(v.kind, v.value), ' ' ORDER BY v.n) AS verdicts
FROM (VALUES (1, 'name', 'Sin nombre'), (2, 'name', 'N/A'), (3, 'name', 'xxx'), (4, 'name', 'Cliente Contado'), (5, 'name', 'Test Prueba'), (6, 'name', 'X'), (7, 'name', 'Ana García'),
             (8, 'name', 'Na Li'), (9, 'name', 'Cliente 123'), (10, 'name', 'Nombre Apellido'), (11, 'name', '王小明'), (12, 'name', 'Prueba García'),
             (20, 'email', 'noreply@shop.com'), (21, 'email', 'test@test.com'), (22, 'email', 'na@na.com'), (23, 'email', 'ana@example.com'), (24, 'email', 'ana@tienda.es'),
             (25, 'email', 'aaa@bbb.com'), (26, 'email', 'info@tienda.es'), (27, 'email', 'no-tiene@tienda.es'), (28, 'email', 'x@y.invalid'), (29, 'email', 'unknown'),
             (40, 'phone', '000000000'), (41, 'phone', '+34600000000'), (42, 'phone', '999999999'), (43, 'phone', '123456789'), (44, 'phone', '+34600111222'),
             (45, 'phone', '+15555555555'), (46, 'phone', '987654321'), (47, 'phone', '-'), (48, 'phone', '+34912345678'), (49, 'phone', '+34902222222'), (50, 'phone', '+34902222221'),
             (60, 'tax_id', '00000000T'), (61, 'tax_id', '12345678Z'), (62, 'tax_id', '99999999R'), (63, 'tax_id', 'X0000000T'), (64, 'tax_id', '48123456K'), (65, 'tax_id', 'B00000000'),
             (80, 'birth_date', '1900-01-01'), (81, 'birth_date', '01/01/1970'), (82, 'birth_date', '1980-05-05'), (83, 'birth_date', '0001-01-01'), (84, 'birth_date', '9999-12-31'), (85, 'birth_date', 'unknown'),
             (100, 'postcode', '00000'), (101, 'postcode', '28001'), (102, 'postcode', 's/n'), (103, 'postcode', 'n/a'),
             (120, 'loyalty_card', '0000000'), (121, 'loyalty_card', 'none'), (122, 'loyalty_card', '2938475'), (123, 'loyalty_card', '?')) AS v(n, kind, value)
GROUP BY v.kind
ORDER BY min(v.n);

-- Hashes.
SELECT omnicrm.content_hash('') = omnicrm.content_hash('') AS stable, omnicrm.content_hash('a') <> omnicrm.content_hash('b') AS differ,
       count(DISTINCT omnicrm.content_hash(i::text)) AS of_100000
FROM generate_series(1, 100000) AS i;
