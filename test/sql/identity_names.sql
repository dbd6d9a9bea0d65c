-- Names taken apart, nicknames, sounds.
\pset format unaligned
\pset null '-'
SET client_min_messages = warning;

-- Parts of names.
SELECT v.name, (p.parts).given_names AS given, (p.parts).surname_1, (p.parts).surname_2, concat_ws('/', (p.parts).title, (p.parts).suffix) AS around, (p.parts).flags
FROM (VALUES (1, 'María García López'), (2, 'GARCIA LOPEZ, MARIA'), (3, 'GARCIA LOPEZ MARIA'), (4, 'Mª del Carmen de la Fuente y García'), (5, 'Juan Carlos Pérez'),
             (6, 'Ana Martín Gil'), (7, 'Santiago Ramón y Cajal'), (8, 'Gil de Biedma, Jaime'), (9, 'Ludwig van Beethoven'), (10, 'Pedro Ruiz de Alarcón y Mendoza'),
             (11, 'Juan García de la Torre López'), (12, 'Ana'), (13, 'López'), (14, 'Xyzzy Foobar'), (15, 'John Smith Jr.'), (16, 'Smith, John A.'), (17, 'Smith John'),
             (18, 'J. R. R. Tolkien'), (19, 'John Quincy Adams'), (20, 'Martin Luther King, Jr.'), (21, 'Sr. D. Juan Pérez Gil'), (22, 'García, D. Juan'), (23, 'MARIA, GARCIA LOPEZ'),
             (24, 'Juan García-Margallo Marfil'), (25, 'Marie-Claire Dubois'), (26, '王小明'), (27, 'Nguyễn Thị Hồng'), (28, 'Juanjo San Martín'), (29, 'D. García'), (30, 'María José'),
             (31, 'María de los Ángeles'), (32, 'Ana de Jesús'), (33, 'Mohamed Ben Ali'), (34, 'O''Neill, Sean'), (35, 'María José Fdez. Glez.'), (36, 'José de la Rosa Soria'),
             (37, 'Teresa Nemesio Granados'), (38, 'José María Aznar López'), (39, 'López Ruiz, Ma. Luisa'), (40, 'Иванов Иван'), (41, 'de la'), (42, 'Dr. Dr.'), (43, '1234'),
             (44, ', ,'), (45, ''), (46, 'García,'), (47, ', Ana'), (48, 'Emily Jane Carter')) AS v(n, name),
     LATERAL (SELECT omnicrm.name_parts(v.name) AS parts) AS p
ORDER BY v.n;
SELECT v.name, (omnicrm.name_parts(v.name)).organisation, (omnicrm.name_parts(v.name)).legal_form, (omnicrm.name_parts(v.name)).given_names AS given, (omnicrm.name_parts(v.name)).flags
FROM (VALUES (1, 'Acme Ibérica, S.L.'), (2, 'ACME IBERICA SL'), (3, 'Asociación de Vecinos del Pilar'), (4, 'García e Hijos S.A.'), (5, 'Müller GmbH'), (6, 'Hotel Ana'), (7, 'Ana Hotel-Ruiz'),
             (8, 'Carmen Gil')) AS v(n, name)
ORDER BY v.n;
-- The function is not mistaken for a cast to its type.
SELECT (omnicrm.name_parts('Ana Gil')).surname_1 AS surname, omnicrm.name_parts(NULL) IS NULL AS without;

-- Swapped order gives the same parts: 2,000 names out of common parts.
CREATE FUNCTION pg_temp.pick(list text[], seed integer, salt integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT list[1 + ('x' || substr(md5(seed || 'p' || salt), 1, 7))::bit(28)::integer % cardinality(list)] $$;
WITH person AS (
  SELECT pg_temp.pick('{ANA,MARIA CARMEN,JOSE LUIS,PEDRO,LUCIA,JUAN MANUEL,MARIA,ELENA}', i, 1) AS given,
         pg_temp.pick('{GARCIA,LOPEZ,DE LA FUENTE,MUÑOZ,DEL RIO,RODRIGUEZ,SAN MIGUEL,PÉREZ}', i, 2) AS first,
         pg_temp.pick('{GONZALEZ,FERNANDEZ,SUAREZ,DE LA CRUZ,NAVARRO,IBAÑEZ}', i, 3) AS second
  FROM generate_series(1, 2000) AS i)
SELECT count(*) AS names,
       count(*) FILTER (WHERE p.surname_1 = omnicrm.normalize_name(n.first) AND p.surname_2 = omnicrm.normalize_name(n.second)
                          AND array_to_string(p.given_names, ' ') = omnicrm.normalize_name(n.given)) AS in_order,
       count(*) FILTER (WHERE (q.given_names, q.surname_1, q.surname_2) IS NOT DISTINCT FROM (p.given_names, p.surname_1, p.surname_2) AND 'turned' = ANY (q.flags)) AS with_comma,
       count(*) FILTER (WHERE (r.given_names, r.surname_1, r.surname_2) IS NOT DISTINCT FROM (p.given_names, p.surname_1, p.surname_2) AND 'turned' = ANY (r.flags)) AS without_comma
FROM person AS n, LATERAL omnicrm.name_parts(n.given || ' ' || n.first || ' ' || n.second) AS p,
     LATERAL omnicrm.name_parts(n.first || ' ' || n.second || ', ' || n.given) AS q, LATERAL omnicrm.name_parts(n.first || ' ' || n.second || ' ' || n.given) AS r;

-- Nicknames: one key of several names.
SELECT v.name, omnicrm.nickname_key(v.name) AS key
FROM (VALUES (1, 'Paco'), (2, 'Francisco'), (3, 'Patxi'), (4, 'Pepe'), (5, 'José'), (6, 'Xosé'), (7, 'Juanjo'), (8, 'Juan José'), (9, 'Mamen'), (10, 'Mª Carmen'), (11, 'María del Carmen'), (12, 'Bob'),
             (13, 'Robert'), (14, 'Chus'), (15, 'Tino'), (16, 'Fernandito'), (17, 'Ivancito'), (18, 'Zzyzx'), (19, 'Maite'), (20, 'M. Teresa'), (21, 'Toño'), (22, 'Xabi'), (23, 'Fco. Javier'), (24, 'Liz'),
             (25, 'D. Paco'), (26, '王'), (27, 'Sr.'), (28, ''), (29, '...')) AS v(n, name)
ORDER BY v.n;
-- Pairs that are forms of one name, and pairs that are not.
SELECT string_agg(v.a || '/' || v.b, ' ' ORDER BY v.n) FILTER (WHERE omnicrm.nickname_key(v.a) && omnicrm.nickname_key(v.b)) AS alike,
       string_agg(v.a || '/' || v.b, ' ' ORDER BY v.n) FILTER (WHERE NOT omnicrm.nickname_key(v.a) && omnicrm.nickname_key(v.b)) AS not_alike
FROM (VALUES (1, 'Paco', 'Francesc'), (2, 'Pepe', 'Josep'), (3, 'Jordi', 'Jorge'), (4, 'Xoán', 'Juan'), (5, 'Koldo', 'Luis'), (6, 'Mikel', 'Miguel'), (7, 'Iñaki', 'Ignacio'), (8, 'Nacho', 'Iñaki'),
             (9, 'Mari Carmen', 'Carmen'), (10, 'Maricarmen', 'María Carmen'), (11, 'Pili', 'María Pilar'), (12, 'Lola', 'Dolores'), (13, 'Bill', 'William'), (14, 'Peggy', 'Margaret'), (15, 'Ted', 'Edward'),
             (16, 'Jack', 'John'), (17, 'Juan', 'Juana'), (18, 'Paco', 'Pepe'), (19, 'Ana', 'Eva'), (20, 'Bob', 'Bill'), (21, 'Nuria', 'Núria'), (22, 'Teddy', 'Theodore'), (23, 'Javi', 'Xavier'),
             (24, 'Javi', 'Francisco Javier'), (25, 'Conchi', 'María Concepción'), (26, 'Quim', 'Joaquín'), (27, 'Montse', 'Montserrat'), (28, 'Uxía', 'Eugenia')) AS v(n, a, b);
SELECT cardinality(omnicrm.nickname_key(repeat('Chus Tino Toño Lola ', 40))) AS bounded;

-- Sounds.
SELECT omnicrm.phonetic_es(min(v.name)) AS key, string_agg(v.name, ' ' ORDER BY v.n) AS names
FROM (VALUES (1, 'Muñoz'), (2, 'MUNOZ'), (3, 'MU?OZ'), (4, 'Munyoz'), (5, U&'Mu\FFFDoz'), (6, 'Jiménez'), (7, 'Giménez'), (8, 'Vázquez'), (9, 'Bazquez'), (10, 'Vasquez'), (11, 'Echevarría'),
             (12, 'Etxebarria'), (13, 'Domènech'), (14, 'Doménec'), (15, 'Agüero'), (16, 'AGUERO'), (17, 'Sofía'), (18, 'Sophia'), (19, 'Guillermo'), (20, 'Guiyermo'), (21, 'Huerta'), (22, 'Uerta'),
             (23, 'Calixto'), (24, 'Calisto'), (25, 'Yolanda'), (26, 'Iolanda'), (27, 'Quique'), (28, 'Kike'), (29, 'Zabala'), (30, 'Zavala'), (31, 'Guerra'), (32, 'Gera'), (33, 'Canpos'), (34, 'Campos'),
             (35, 'Xirau'), (36, 'Sirau'), (37, 'de la Fuente'), (38, '王小明'), (39, 'Rey'), (40, 'Rei'), (41, 'Arantza'), (42, 'Arantsa')) AS v(n, name)
GROUP BY omnicrm.phonetic_es(v.name)
ORDER BY min(v.n);
SELECT omnicrm.phonetic_es('') AS empty, omnicrm.phonetic_es('h') AS silent, omnicrm.phonetic_es('?') AS mark, omnicrm.phonetic_es('Plaza 2 de Mayo') AS street;

-- Placeholders of the other kinds.
SELECT v.kind, string_agg(v.value || '=' || omnicrm.is_placeholder(v.kind, v.value), ', ' ORDER BY v.n) AS verdicts
FROM (VALUES (1, 'given_name', 'A'), (2, 'given_name', 'Ana'), (3, 'given_name', 'test'), (4, 'given_name', 'X'), (5, 'given_name', 'Nombre'), (6, 'given_name', '1'),
             (10, 'surname', 'Guest'), (11, 'surname', 'Apellido'), (12, 'surname', 'xxx'), (13, 'surname', 'O'), (14, 'surname', '王'),
             (20, 'address', 's/n'), (21, 'address', 'C/ , s/n'), (22, 'address', 'Calle Falsa 123'), (23, 'address', 'Calle Mayor 5'), (24, 'address', 'Sin dirección'), (25, 'address', '0'), (26, 'address', 'Calle 5'),
             (30, 'city', 'Ciudad'), (31, 'city', 'Madrid'), (32, 'city', '.'), (33, 'city', 'Otra'), (34, 'city', 'Å'), (35, 'city', '00000')) AS v(n, kind, value)
GROUP BY v.kind
ORDER BY min(v.n);
