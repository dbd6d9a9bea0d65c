-- Addresses taken apart.
\pset format unaligned
\pset null ''
SET client_min_messages = warning;

-- Spain.
SELECT replace(v.address, E'\n', ' / ') AS address, p.*
FROM (VALUES (1, 'C/ Mayor, 12, 3º B'), (2, 'Calle Mayor 12 3 B'), (3, 'CL MAYOR 12-3ºB'), (4, 'C/Mayor nº 12 piso 3 puerta B'),
             (5, 'C. Mayor, núm. 12, 3º izda.'), (6, 'Calle Mayor s/n'), (7, 'Avda. de la Constitución 12-14, bajo dcha'),
             (8, 'Av Constitucion 12 bis, esc. 2, 4º A'), (9, 'Pza. España 5 entlo 2ª'), (10, 'Pº de la Castellana, 200, planta 7'),
             (11, 'Ctra. N-340 km 12,5'), (12, 'Carretera de Burgos Km. 23.500'), (13, 'Pol. Ind. La Grela, parcela 5, nave 3'),
             (14, 'Urb. Los Olivos, C/ Rosa 5'), (15, 'C/ Rosa 5, Urb. Los Olivos'), (16, 'Calle 2 de Mayo 5'), (17, 'Calle 14, 25'),
             (18, 'Carrer de Balmes, 123, 3r 2a'), (19, 'Carrer Balmes 123 pral. 1a'), (20, 'Rúa do Franco 5, 2º'),
             (21, 'Autonomia kalea 5, 3. ezkerra'), (22, 'Kale Nagusia 12'), (23, 'Gran Vía 28, 28013 Madrid'),
             (24, 'Calle Alcalá 50, 4º Izq, 28014 Madrid (Madrid)'), (25, 'Calle Alcalá 50, Madrid 28014'), (26, 'Calle Alcalá, 50, Madrid'),
             (27, 'ALCALA, CALLE DE, 50'), (28, '12, Calle Mayor'), (29, 'Mayor 12'), (30, 'Calle Mayor 12 A'), (31, 'Calle Mayor 12A 3º B'),
             (32, 'Plaza Sta. María 3 ático'), (33, 'C/ Dr. Fleming 7 sót.'), (34, 'CL MAYOR 12 Es:1 Pl:03 Pt:B'),
             (35, 'Calle Mayor bloque 3 portal 2 2º A'), (36, 'Calle Mayor, 5, Edificio Sol, 2º'), (37, 'Calle Puerta Nueva 4'),
             (38, 'Calle Portal de Castilla 3'), (39, 'Travesía de San José 4 bajo'), (40, 'C/ Mª Auxiliadora 7'), (41, 'Mayor 12 1 3 2'),
             (42, 'Calle Mayor 5, 2º piso, 3ª puerta'), (43, 'Bº San Roque 14'), (44, 'Lugar de Abaixo 5'), (45, 'Calle Segunda 5'),
             (46, 'Calle Mayor 5, segundo izquierda'), (47, 'Apartado de Correos 123'), (48, '???'), (49, ''), (50, '12'), (51, 's/n'),
             (52, '王府井大街 12'), (53, 'C/ L''Hospital 5'), (54, 'Passatge de l''Olivera 7'), (55, 'Calle Mayor 12 y 14'), (56, 'Calle Mayor 12 s/n'),
             (57, 'Plaça Catalunya, 1, baixos'), (58, 'C/ Sol, nº 5, E. 2, 3º C'), (59, 'Sol 5 - 3º C'), (60, 'Calle Sol 5 E-28013 Madrid España'),
             (61, 'Calle s/n'), (62, 'Calle Mayor 5, 3º D'), (63, 'Calle Mayor 5 3 D'), (64, 'Calle Mayor 5 3º I'), (65, 'Calle Sin Numero'),
             (66, 'Plaza s n'), (67, 'Cl. Mayor 5 3ºdcha.'), (68, 'Calle del Pintor Sorolla nº12-1º-2ª'),
             (69, 'CALLE MAYOR, NUM. 5, PLANTA 3, PUERTA D'), (70, 'C/Mayor,5,3ºB'), (71, 'calle mayor 5 3b'), (72, 'C/ Mayor, 5. Esc. Dcha. 3º A'),
             (73, 'C/ Mayor 5 (bajo)'), (74, E'C/ Mayor 5\n28013 Madrid'), (75, 'Avenida del Ejército 20 bl 3 esc izq 4 C'),
             (76, 'C/ Río Duero, 5, portal 3, bajo A'), (77, 'Polígono Industrial Las Mercedes C/ Uno, 5'), (78, 'Calle A 5'), (79, 'Calle Uno 5'),
             (80, 'C Mayor 5'), (81, 'Barrio de la Concepción, 5'), (82, 'Cuesta de San Vicente, 4, sobreático'),
             (83, 'Av. Diagonal, 640, 5a planta'), (84, 'Passeig de Gràcia 55-57, 2n 1a'), (85, 'Pl. Major, 3, àtic 2a'),
             (86, 'C/ Aragó, 283, entl. 1a'), (87, 'Avda. País Valencià, 12-3-5'), (88, 'Ctra. Nacional 340, km. 12'),
             (89, 'Camino Viejo de Leganés, 12'), (90, 'Autovía A-6 km 20'), (91, 'Calle 1º de Mayo 3'), (92, 'Calle Alfonso XII, 36'),
             (93, 'Pza Mayor 1 y 2'), (94, 'Calle San Bernardo 20, 5a planta'), (95, 'Ronda de Segovia 5 1ª Dcha'), (96, 'C/ Sol 5, local 2'),
             (97, 'C/ Sol 5 1º ext. izda.'), (98, 'Torre Sur, Paseo Colón 3'), (99, 'Calle Real, 005'), (100, 'Av. Portugal 3, apto. 12'),
             (101, 'Conjunto Las Flores, portal 4, 2º B'), (102, E'\u202ACalle Mayor 5\u202C')) AS v(n, address),
     LATERAL omnicrm.normalize_address(v.address) AS p
ORDER BY v.n;

-- Other countries.
SELECT v.address, v.country, p.*
FROM (VALUES (1, '10 Downing Street', 'GB'), (2, '221B Baker St, London', 'GB'), (3, 'Flat 3, 12 High Street', 'GB'), (4, '12 rue de Rivoli', 'FR'),
             (5, '12 bis, avenue Foch, 75016 Paris', 'FR'), (6, 'Hauptstraße 12a', 'DE'), (7, 'Hauptstr. 12 a', 'DE'), (8, 'Berliner Str. 5', 'DE'),
             (9, 'Via Roma, 5', 'IT'), (10, 'Rua Augusta 100, 3º Esq', 'PT'), (11, '123 5th Ave Apt 4', 'US'), (12, '123 N Main St #4', 'US'),
             (13, 'P.O. Box 123, Springfield', 'US'), (14, '7 wallaby place', 'AU'), (15, 'Calle 26 # 13-19', 'CO'),
             (16, 'Av. Reforma 222, Piso 3', 'MX'), (17, 'Kerkstraat 5', 'NL'), (18, 'Park Avenue South 5', 'US'),
             (19, '1600 Pennsylvania Avenue NW, Washington', 'US'), (20, 'Nowhere', 'ZZ'), (21, 'Unit 5, Building B, 12 Long Road', 'GB'),
             (22, 'Drottninggatan 5', 'SE'), (23, '4 rue du Bac, 2e etage', 'FR'), (24, 'Calle Mayor 5', 'España'), (25, 'Calle Mayor 5', '??'),
             (26, '東京都千代田区1-2-3', 'JP')) AS v(n, address, country),
     LATERAL omnicrm.normalize_address(v.address, v.country) AS p
ORDER BY v.n;

-- One address in many forms: equal parts whatever the spelling of its words.
SELECT count(*) AS forms, count(DISTINCT (p.street_type, p.street, p.number, p.floor, p.door)) AS addresses, min(p.street || ' ' || p.number || ' ' || p.floor || ' ' || p.door) AS example
FROM unnest('{Calle,C/,C.,Cl.,CALLE,Carrer,Rúa,"C/ de la"}'::text[]) AS type, unnest('{" "," nº ",", ",", núm. "," n. "}'::text[]) AS number,
     unnest('{" 3º B",", 3º B",", piso 3 puerta B"," - 3º - B",", 3.º B",", planta 3, letra B"," 3B"}'::text[]) AS rest,
     LATERAL omnicrm.normalize_address(type || ' Nueva' || number || '12' || rest) AS p;
