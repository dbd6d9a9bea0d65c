-- The matching engine on small tables that are judged by hand.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- The entities of more than one record, as lists of ids, of those made by hand.
CREATE FUNCTION t.entities(relation regclass, fields jsonb, options jsonb DEFAULT '{}') RETURNS TABLE (records text)
LANGUAGE sql AS $$
  SELECT string_agg(id, ' ' ORDER BY length(id), id COLLATE "C")
  FROM omnicrm.resolve_entities(relation, 'id', fields, options)
  GROUP BY cluster_id
  HAVING count(*) > 1 AND min(id::integer) < 1000
  ORDER BY min(id::integer)
$$;
-- Whether hardly any of the others (one in a hundred) are taken for one.
CREATE FUNCTION t.strangers_apart(relation regclass, fields jsonb) RETURNS boolean
LANGUAGE sql AS $$
  SELECT count(*) - count(DISTINCT cluster_id) <= count(*) / 100 FROM omnicrm.resolve_entities(relation, 'id', fields) WHERE id::integer >= 1000
$$;
-- People as nobody knows them, to be among: names are made of syllables.
CREATE FUNCTION t.strangers(first integer, number integer)
RETURNS TABLE (id integer, given text, surname text, birth text, email text, phone text, city text) LANGUAGE sql AS $$
  SELECT n, v[1 + h % 24], initcap(g[1 + h / 32 % 16] || g[1 + h / 512 % 16] || g[1 + h / 8192 % 16] || g[1 + h / 131072 % 16] || 'z'),
         (date '1940-01-01' + h % 25000)::text, 'box' || h % 99991 || '@buzon.es', '6' || lpad((h / 7 % 99999999)::text, 8, '0'), c[1 + h / 11 % 6]
  FROM generate_series(first, first + number - 1) AS n,
       LATERAL (SELECT ('x' || substr(md5('stranger' || n), 1, 8))::bit(32)::integer & 2147483647) AS r(h),
       (SELECT ARRAY['Alba', 'Bruno', 'Celia', 'Diego', 'Esteban', 'Felisa', 'Gonzalo', 'Hugo', 'Irene', 'Joaquín', 'Kevin', 'Laura', 'Marcos', 'Nuria',
                     'Octavio', 'Patricia', 'Quique', 'Rocío', 'Salvador', 'Teresa', 'Unai', 'Verónica', 'Xavier', 'Yolanda'],
               ARRAY['ba', 'ce', 'di', 'fo', 'gu', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'zo', 'lu', 'ma'],
               ARRAY['Lugo', 'Soria', 'Teruel', 'Cuenca', 'Huesca', 'Zamora']) AS a(v, g, c)
$$;
\set person '{"given": "given_name", "surname": "surname", "birth": "birth_date", "email": "email", "phone": "phone", "city": "city"}'

-- Ten people, of whom two came twice.
CREATE TABLE t.ten (id integer, given text, surname text, birth text, email text, phone text, city text);
INSERT INTO t.ten VALUES
  (1, 'María', 'García López', '1980-05-01', 'maria.garcia@correo.es', '600111222', 'Madrid'),
  (2, 'Maria', 'GARCIA LOPEZ', '01/05/1980', 'maria.garcia@correo.es', '+34 600 11 12 22', 'MADRID'),
  (3, 'José', 'Pérez Ruiz', '1975-11-20', 'jose.perez@correo.es', '611222333', 'Sevilla'),
  (4, 'Pepe', 'Perez Ruiz', '1975-11-20', 'jperez@trabajo.es', '0034611222333', 'Sevila'),
  (5, 'Lucía', 'Martín Gil', '1990-02-14', 'lucia.martin@correo.es', '622333444', 'Cádiz'),
  (6, 'Pedro', 'Sánchez Mora', '1968-07-07', 'pedro.s@correo.es', '633444555', 'Bilbao'),
  (7, 'Ana', 'Romero Díaz', '1985-09-30', NULL, '644555666', 'Madrid'),
  (8, 'Carmen', 'Navarro Sanz', '1992-12-12', 'carmen@navarro.es', NULL, NULL),
  (9, 'John', 'Smith', '1979-03-03', 'john.smith@correo.es', '655666777', 'Madrid'),
  (10, 'Jane', 'Smith', '1981-04-04', 'jane.smith@correo.es', '655666778', 'Madrid');
SELECT * FROM t.entities('t.ten', :'person');
-- The rows of all: each id once, in the order of the ids, with the smallest id of its cluster.
SELECT * FROM omnicrm.resolve_entities('t.ten', 'id', :'person');
-- Fewer records, down to two.
CREATE VIEW t.two AS SELECT * FROM t.ten WHERE id <= 2;
CREATE VIEW t.three AS SELECT * FROM t.ten WHERE id <= 3;
CREATE VIEW t.unlike AS SELECT * FROM t.ten WHERE id IN (1, 6);
SELECT v.relation, e.records
FROM (VALUES ('t.two'::regclass), ('t.three'), ('t.unlike')) AS v(relation) LEFT JOIN LATERAL t.entities(v.relation, :'person') AS e ON true;

-- What goes wrong when people are written down, each among 300 strangers.
CREATE TABLE t.errors (LIKE t.ten);
INSERT INTO t.errors SELECT * FROM t.strangers(1000, 300);
INSERT INTO t.errors VALUES
  (1, 'Francisco', 'Ibáñez Soler', '1961-04-09', 'fran.ibanez@correo.es', '677888999', 'Lugo'),
  (2, 'Paco', 'Ibañez Soler', '1961-09-04', NULL, '677888999', 'Lugo'),
  (3, 'Montserrat', 'Puigdollers Riba', '1977-12-03', 'mpuig@correo.es', NULL, 'Soria'),
  (4, 'Puigdollers Riba', 'Montserrat', '1977-12-03', NULL, '688999000', 'Soria'),
  (5, 'Aleksander', 'Wojciechowski', '1983-01-17', 'a.wojciechowski@poczta.pl', '699000111', 'Teruel'),
  (6, 'Alexander', 'Wojcieckowski', '1983-01-11', 'a.wojciechowsky@poczta.pl', '699000171', 'Teruel'),
  (7, 'Иван', 'Петров', '1970-06-15', NULL, '601234567', 'Cuenca'),
  (8, 'Ivan', 'Petrov', '1970-06-15', NULL, '601234567', 'Cuenca'),
  (9, '小明', '王', '1995-08-08', 'wang95@youxiang.cn', NULL, 'Huesca'),
  (10, '小明', '王', '1995-08-08', NULL, '602345678', 'Huesca'),
  (11, 'محمد', 'الحسن', '1988-03-21', 'm.hassan@barid.ma', '603456789', 'Zamora'),
  (12, 'محمد', 'الحسن', '1988-03-21', 'm.hassan@barid.ma', NULL, NULL),
  (13, 'Γιώργος', 'Παπαδόπουλος', '1966-10-30', NULL, '604567890', NULL),
  (14, 'Giorgos', 'Papadopoulos', '1966-10-30', NULL, '604567890', 'Lugo'),
  (15, 'M.', 'Echevarría Ugarte', '1959-02-27', 'mechevarria@correo.es', '605678901', 'Soria'),
  (16, 'Mikel', 'Etxebarria Ugarte', '1959-02-27', 'mechevarria@correo.es', '605678901', 'Soria'),
  (17, 'Ludivina', 'Carrascosa Bueno', '1948-11-11', 'ludi@correo.es', '612300111', 'Lugo'),
  (18, 'Wenceslao', 'Yáñez Otxoa', '2001-04-30', 'wences@correo.es', '613300222', 'Soria'),
  (19, 'Úrsula', 'Hoffmann', '1986-06-06', 'ursula@correo.de', '614300333', NULL);
SELECT * FROM t.entities('t.errors', :'person');
SELECT t.strangers_apart('t.errors', :'person');

-- A father and a namesake are others.
CREATE TABLE t.family AS TABLE t.errors;
DELETE FROM t.family WHERE id < 1000;
INSERT INTO t.family VALUES
  (1, 'Marta', 'Quiroga Vidal', '1999-05-05', 'marta.q@correo.es', '611000111', 'Lugo'),
  (2, 'Elena', 'Quiroga Vidal', '1996-12-24', 'elena.q@correo.es', '611000222', 'Lugo'),
  (3, 'Andrés', 'Quiroga Seoane', '1958-01-30', 'andres.q@correo.es', '611000333', 'Lugo'),
  (4, 'Andrés', 'Quiroga Vidal', '1990-08-19', 'a.quiroga90@correo.es', '611000444', 'Lugo');
SELECT * FROM t.entities('t.family', :'person');

-- Companies.
CREATE TABLE t.company (id integer, name text, tax text, street text, postcode text, city text);
INSERT INTO t.company
SELECT s.id, (ARRAY['Bar', 'Bodegas', 'Cristalería', 'Deportes', 'Electricidad', 'Ferretería', 'Gestoría', 'Hotel'])[1 + s.id % 8] || ' ' || s.surname
             || (ARRAY[' SL', ' SA', '', ' e Hijos'])[1 + s.id / 8 % 4], NULL,
       'Calle ' || z.surname || ' ' || s.id % 90, lpad((s.id * 7919 % 52000)::text, 5, '0'), s.city
FROM t.strangers(1000, 200) AS s JOIN t.strangers(2000, 200) AS z ON z.id = s.id + 1000;
INSERT INTO t.company VALUES
  (1, 'Talleres Mecánicos Hnos. Arrieta S.L.', 'B12345674', 'C/ Mayor 12', '31001', 'Pamplona'),
  (2, 'TALLERES MECANICOS ARRIETA', NULL, 'Calle Mayor, 12', '31001', 'Pamplona'),
  (3, 'Acme International Trading GmbH', NULL, 'Hauptstrasse 5', '10115', 'Berlin'),
  (4, 'ACME Intl. Trading', NULL, 'Hauptstr. 5', '10115', 'Berlin'),
  (5, 'Panadería San Blas', 'A58818501', 'Plaza San Blas 1', '28037', 'Madrid'),
  (6, 'Panaderia San Blas SA', 'A58818501', 'Pl. de San Blas, 1', '28037', 'Madrid');
\set firm '{"name": "name", "tax": "tax_id", "street": "address", "postcode": "postcode", "city": "city"}'
SELECT * FROM t.entities('t.company', :'firm');
SELECT t.strangers_apart('t.company', :'firm');

-- Sparse: nobody has more than a name and one thing more.
CREATE TABLE t.sparse AS
SELECT id, given, surname, CASE WHEN id % 3 = 0 THEN birth END AS birth, CASE WHEN id % 3 = 1 THEN email END AS email,
       CASE WHEN id % 3 = 2 THEN phone END AS phone, NULL::text AS city
FROM t.strangers(1000, 300);
INSERT INTO t.sparse VALUES
  (1, 'Rosalía', 'Valdivieso Castañeda', NULL, 'rosalia.v@correo.es', NULL, NULL), (2, 'Rosalia', 'Valdivieso', NULL, 'rosalia.v@correo.es', NULL, NULL),
  (3, 'Rosalía', NULL, '1969-12-09', NULL, NULL, NULL), (4, NULL, NULL, NULL, NULL, NULL, NULL), (5, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM t.entities('t.sparse', :'person');
SELECT t.strangers_apart('t.sparse', :'person');

-- Placeholders are no values: nobody is one person because of them.
CREATE TABLE t.placeholder AS SELECT id, given, surname, '1900-01-01' AS birth, 'noemail@example.com' AS email, '000000000' AS phone, 'N/A' AS city FROM t.strangers(1000, 300);
SELECT t.strangers_apart('t.placeholder', :'person');
-- Values that are no placeholder for anybody else, but here half the rows have them.
CREATE TABLE t.half AS
SELECT id, given, CASE WHEN id % 2 = 0 THEN 'Garrido' ELSE surname END AS surname, CASE WHEN id % 2 = 1 THEN '2000-02-03' ELSE birth END AS birth, email,
       CASE WHEN id % 2 = 1 THEN '918765432' ELSE phone END AS phone, 'Lugo' AS city
FROM t.strangers(1000, 600);
INSERT INTO t.half VALUES (1, 'Saturnino', 'Garrido', '1964-07-28', 'satur@correo.es', '918765432', 'Lugo'), (2, 'Saturnino', 'Garido', '1964-07-28', 'satur@correo.es', NULL, 'Lugo');
SELECT * FROM t.entities('t.half', :'person');
SELECT t.strangers_apart('t.half', :'person');

-- The same record again and again is one record, whatever else there is.
CREATE TABLE t.again AS SELECT * FROM t.errors;
INSERT INTO t.again SELECT 5000 + n, e.given, e.surname, e.birth, e.email, e.phone, e.city FROM t.errors AS e, generate_series(1, 700) AS n WHERE e.id = 5;
SELECT min(id::integer), count(*) FROM omnicrm.resolve_entities('t.again', 'id', :'person') GROUP BY cluster_id HAVING count(*) > 1 ORDER BY 1;
SELECT count(*) AS pairs, count(DISTINCT id_b) FROM omnicrm.match_pairs('t.again', 'id', omnicrm.match_train('t.again', 'id', :'person')) WHERE id_a = '5';

-- A model, its pairs and its clusters.
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.errors', 'id', :'person') AS model;
SELECT m.model -> 'omnicrm_model' AS version, m.model -> 'records' AS records, m.model -> 'threshold' AS threshold, m.model -> 'review' AS review,
       (m.model -> 'prior')::float BETWEEN 0.00003 AND 0.0003 AS prior
FROM t.model AS m;
SELECT c ->> 'column' AS field, c ->> 'kind' AS kind, c -> 'exclusive' AS exclusive, c -> 'blocking' AS blocking, jsonb_array_length(c -> 'levels') AS levels,
       abs(1 - (SELECT sum((l -> 'm')::float) FROM jsonb_array_elements(c -> 'levels') AS l)) < 1e-6 AS m_is_whole,
       abs(1 - (SELECT sum((l -> 'u')::float) FROM jsonb_array_elements(c -> 'levels') AS l)) < 1e-6 AS u_is_whole,
       (c #> '{levels,0,m}')::float > (c #> '{levels,0,u}')::float AS equality_speaks_for, (c #> '{levels,-1,m}')::float < (c #> '{levels,-1,u}')::float AS difference_against
FROM t.model AS m, jsonb_array_elements(m.model -> 'comparisons') AS c;
-- Levels by field in the order of the model: city, birth, email, given, phone, surname.
SELECT p.id_a, p.id_b, p.pattern, p.weight > 0 AS clear, abs(p.probability - 1 / (1 + 2 ^ -p.weight)) < 1e-9 AS probability
FROM t.model AS m, omnicrm.match_pairs('t.errors', 'id', m.model) AS p
ORDER BY p.id_a::integer, p.id_b::integer;
SELECT c.id, c.cluster_id, c.records, c.weakest > -2 AS weakest
FROM t.model AS m, omnicrm.match_clusters('t.errors', 'id', m.model) AS c WHERE c.id::integer < 6;
-- One call gives the same as two.
SELECT count(*) AS differences
FROM (SELECT c.id, c.cluster_id FROM t.model AS m, omnicrm.match_clusters('t.errors', 'id', m.model) AS c
      EXCEPT
      SELECT * FROM omnicrm.resolve_entities('t.errors', 'id', :'person')) AS d;

-- Thresholds: nothing merges at 100 bits; what is worth a look is not merged.
SELECT count(DISTINCT cluster_id) AS entities, count(*) AS records FROM t.model AS m, omnicrm.match_clusters('t.errors', 'id', m.model, '{"threshold": 100}');
SELECT count(*) FROM t.model AS m, omnicrm.match_pairs('t.errors', 'id', m.model, '{"review": 100, "threshold": 100}');
SELECT bool_and(weight >= 5) AS only_those, count(*) > 0 AS some FROM t.model AS m, omnicrm.match_pairs('t.errors', 'id', m.model, '{"review": 5, "threshold": 6}');
-- A higher threshold never leaves more records together, here.
SELECT string_agg((SELECT count(DISTINCT cluster_id) FROM omnicrm.match_clusters('t.errors', 'id', m.model, jsonb_build_object('threshold', threshold)))::text,
                  ' ' ORDER BY threshold) AS entities
FROM t.model AS m, unnest(ARRAY[-2, 2, 90]) AS threshold;
-- A review above the threshold is the threshold.
SELECT count(*) = (SELECT count(*) FROM t.model AS m, omnicrm.match_pairs('t.errors', 'id', m.model, '{"review": 3, "threshold": 3}')) AS same
FROM t.model AS m, omnicrm.match_pairs('t.errors', 'id', m.model, '{"review": 50, "threshold": 3}');

-- A model edited by hand: equal phones are 64 times as rare among others.
CREATE FUNCTION t.weight(model jsonb, a text, b text) RETURNS double precision LANGUAGE sql AS
$$ SELECT weight FROM omnicrm.match_pairs('t.errors', 'id', model, '{"review": -100, "threshold": -100}') WHERE id_a = a AND id_b = b $$;
CREATE VIEW t.flat AS
SELECT jsonb_set(m.model, '{comparisons}', (SELECT jsonb_agg(c - 'term_frequency' - 'depends_on' ORDER BY n)
                                            FROM jsonb_array_elements(m.model -> 'comparisons') WITH ORDINALITY AS x(c, n))) AS model
FROM t.model AS m;
SELECT f.model #>> '{comparisons,4,column}' AS field,
       round((t.weight(jsonb_set(f.model, '{comparisons,4,levels,0,u}', '0.00001'), '1', '2')
              - t.weight(jsonb_set(f.model, '{comparisons,4,levels,0,u}', '0.00064'), '1', '2'))::numeric, 3) AS bits_more
FROM t.flat AS f;
-- The prior counts in the weight of each pair: odds of 1 to 1023 are 3 bits less than 1 to 127.
SELECT round((t.weight(jsonb_set(f.model, '{prior}', to_jsonb(1 / 128.0)), '1', '2') - t.weight(jsonb_set(f.model, '{prior}', to_jsonb(1 / 1024.0)), '1', '2'))::numeric, 2) AS bits_less
FROM t.flat AS f;
-- A frequency of a value: equal rare names weigh more than equal frequent ones.
SELECT c ->> 'column' AS field, round((t.weight(jsonb_set(jsonb_set(f.model, ARRAY['comparisons', (n - 1)::text, 'term_frequency'], '{"ivan": 0.001}'),
                                                          ARRAY['comparisons', (n - 1)::text, 'rare_frequency'], '0.001'), '7', '8')
                                       - t.weight(jsonb_set(jsonb_set(f.model, ARRAY['comparisons', (n - 1)::text, 'term_frequency'], '{"ivan": 0.004}'),
                                                            ARRAY['comparisons', (n - 1)::text, 'rare_frequency'], '0.001'), '7', '8'))::numeric, 3) AS bits_more
FROM t.flat AS f, jsonb_array_elements(f.model -> 'comparisons') WITH ORDINALITY AS x(c, n) WHERE c ->> 'column' = 'given';
-- Without blocking nothing meets.
SELECT count(DISTINCT cluster_id) = count(*) AS alone
FROM t.model AS m, omnicrm.match_clusters('t.errors', 'id',
  (SELECT jsonb_set(m.model, '{comparisons}', jsonb_agg(jsonb_set(c, '{blocking}', 'false') ORDER BY n))
   FROM jsonb_array_elements(m.model -> 'comparisons') WITH ORDINALITY AS x(c, n)));

-- Two tables: the pairs of a record of the one and a record of the other.
CREATE TABLE t.shop AS SELECT id + 90000 AS shop_id, given, surname, birth, email, phone, city FROM t.errors WHERE id % 2 = 1 OR id > 1150;
CREATE TABLE t.web AS SELECT * FROM t.errors WHERE id % 2 = 0 AND id < 1150;
SELECT p.id_a, p.id_b, p.pattern FROM t.model AS m, omnicrm.match_pairs('t.shop', 'shop_id', 't.web', 'id', m.model) AS p WHERE p.weight > -2
ORDER BY p.id_a::integer, p.id_b::integer;
-- The same id in both is no obstacle; ids of two types are compared as text.
CREATE VIEW t.web_again AS SELECT id::text || '' AS id, given, surname, birth, email, phone, city FROM t.web WHERE id < 1100;
SELECT count(*) AS links, count(*) FILTER (WHERE p.id_a = p.id_b) AS same FROM t.model AS m, omnicrm.match_pairs('t.web', 'id', 't.web_again', 'id', m.model) AS p WHERE p.weight > 5;
SELECT count(*) FROM t.web_again;

-- One record of a source: of two that would do, the better one.
CREATE TABLE t.sources AS SELECT *, CASE WHEN id % 2 = 0 THEN 'web' ELSE 'shop' END AS source FROM t.errors WHERE id > 100;
INSERT INTO t.sources VALUES
  (1, 'Guillermina', 'Zubizarreta Olano', '1972-03-14', 'guille@correo.es', '606789012', 'Lugo', 'web'),
  (2, 'Guillermina', 'Zubizarreta Olano', '1972-03-14', 'guille@correo.es', '606789012', 'Lugo', 'shop'),
  (3, 'Guillermina', 'Zubizareta Olano', '1972-03-14', 'guille@correo.es', NULL, 'Lugo', 'shop'),
  (4, 'Guillermina', 'Zubizarreta', '1972-03-14', 'guille@correo.es', NULL, 'Lugo', NULL);
SELECT * FROM t.entities('t.sources', :'person');
SELECT * FROM t.entities('t.sources', :'person', '{"source": "source", "one_per_source": true}');
SELECT * FROM t.entities('t.sources', :'person', '{"source": "source", "one_per_source": false}');

-- Decisions of people: apart wins; what is unknown is left out.
CREATE TABLE t.decision (id_a integer, id_b integer, same boolean);
INSERT INTO t.decision VALUES (1, 2, false), (17, 18, true), (99, 98, true), (5, NULL, true), (7, 7, false), (8, 7, NULL);
SELECT * FROM t.entities('t.errors', :'person', '{"decisions": "t.decision"}');
-- 17 and 18 apart, though both are said to be the same as 19, and each other.
TRUNCATE t.decision;
INSERT INTO t.decision VALUES (17, 19, true), (18, 19, true), (18, 17, false), (17, 18, true);
SELECT * FROM t.entities('t.errors', :'person', '{"decisions": "t.decision"}');
-- What is decided weighs nothing.
SELECT c.id, c.cluster_id, c.records, c.weakest IS NULL AS decided
FROM t.model AS m, omnicrm.match_clusters('t.errors', 'id', m.model, '{"threshold": 90, "decisions": "t.decision"}') AS c WHERE c.id::integer BETWEEN 15 AND 20;
-- Ids as text, in a view, with whatever stands for a boolean.
CREATE VIEW t.decision_view AS SELECT id_a::text, id_b::text, CASE WHEN same THEN 'yes' ELSE 'no' END AS same FROM t.decision;
SELECT * FROM t.entities('t.errors', :'person', '{"decisions": "t.decision_view"}');

-- An exclusive value: two valid tax numbers are two, an invalid one excludes nothing.
CREATE TABLE t.taxed AS SELECT *, NULL::text AS tax FROM t.errors WHERE id > 100;
INSERT INTO t.taxed VALUES
  (1, 'Leocadia', 'Berasategui Amo', '1980-08-08', 'leo@correo.es', '607890123', 'Lugo', '50123457V'),
  (2, 'Leocadia', 'Berasategui Amo', '1980-08-08', 'leo@correo.es', '607890123', 'Lugo', '71987604L'),
  (3, 'Fermín', 'Aguirregabiria Poza', '1970-01-09', 'fermin@correo.es', '608901234', 'Soria', '33604591G'),
  (4, 'Fermín', 'Aguirregabiria Poza', '1970-01-09', 'fermin@correo.es', '608901234', 'Soria', '33604591M'),
  (5, 'Fermin', 'Aguirregabiria', '1970-01-09', 'fermin@correo.es', NULL, 'Soria', NULL);
SELECT * FROM t.entities('t.taxed', jsonb_set(:'person', '{tax}', '"tax_id"'));
SELECT * FROM t.entities('t.taxed', jsonb_set(:'person', '{tax}', '{"kind": "tax_id", "exclusive": false}'));
-- Anything may exclude, when told so.
SELECT * FROM t.entities('t.errors', jsonb_set(:'person', '{birth}', '{"kind": "birth_date", "exclusive": true}'));

-- Dates in another order, when told so: 3/4 is 4 March or 3 April.
CREATE TABLE t.dates AS SELECT id, given, surname, to_char(birth::date, 'MM/DD/YYYY') AS birth FROM t.errors;
SELECT * FROM t.entities('t.dates', '{"given": "given_name", "surname": "surname", "birth": {"kind": "birth_date", "format": "MDY"}}');

-- All kinds at once, none of which is a person.
CREATE TABLE t.article AS
SELECT n AS id, 'article ' || md5(n::text) AS label, 'K' || n * 7919 AS code, n * 1.5 AS price, (ARRAY['red', 'green', 'blue'])[1 + n % 3] AS colour
FROM generate_series(1, 200) AS n;
INSERT INTO t.article SELECT 1000 + id, replace(label, 'article', 'aricle'), code, price * 1.001, upper(colour) FROM t.article WHERE id <= 3;
SELECT * FROM t.entities('t.article', '{"label": "text", "code": "code", "price": "number", "colour": "category"}');

DROP SCHEMA t CASCADE;
