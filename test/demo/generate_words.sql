-- Helper functions and word lists of the generator. The weights are rough
-- frequencies per ten thousand, from general knowledge.

-- A fraction in [0,1) and an integer in 0..n-1 that depend on key, salt and
-- seed alone. With a literal salt the inner hash is folded to a constant. Only
-- the low half of the hash is well mixed for keys that follow each other.
SELECT format($$
CREATE FUNCTION shop.u(key bigint, salt text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT (hashint8extended(key, hashtextextended(salt, %1$s)) & 4294967295)::double precision / 4294967296.0::double precision';
CREATE FUNCTION shop.k(key bigint, salt text, n integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT ((hashint8extended(key, hashtextextended(salt, %1$s)) & 4294967295) %% n)::integer';
$$, :seed::bigint)
\gexec

CREATE FUNCTION shop.fold(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT translate(word, 'áéíóúüñçÁÉÍÓÚÜÑÇºª', 'aeiouuncAEIOUUNCoa') $$;

-- Letters with accents too, whatever the locale of the database.
CREATE FUNCTION shop.capitals(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT translate(upper(word COLLATE "C"), 'áéíóúüñç', 'ÁÉÍÓÚÜÑÇ') $$;
CREATE FUNCTION shop.small(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT translate(lower(word COLLATE "C"), 'ÁÉÍÓÚÜÑÇ', 'áéíóúüñç') $$;

-- One typing error: neighbours swapped, a letter lost, doubled or mistyped.
CREATE FUNCTION shop.typo(word text, error bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN length(word) < 4 THEN word
    WHEN kind = 0 THEN overlay(word PLACING substr(word, at + 1, 1) || substr(word, at, 1) FROM at FOR 2)
    WHEN kind = 1 THEN overlay(word PLACING '' FROM at FOR 1)
    WHEN kind = 2 THEN overlay(word PLACING repeat(substr(word, at, 1), 2) FROM at FOR 1)
    ELSE overlay(word PLACING substr('aeiosrntlcdmbv', 1 + (error / 389 % 14)::integer, 1) FROM at FOR 1)
  END
  FROM (SELECT (error % 4)::integer AS kind, (2 + error / 97 % (length(word) - 2))::integer AS at) AS choice
$$;

-- Control letter of NIF and NIE, and control digit of a company's CIF.
CREATE FUNCTION shop.nif_letter(number bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT substr('TRWAGMYFPDXBNJZSQVHLCKE', 1 + (number % 23)::integer, 1) $$;

CREATE FUNCTION shop.cif(letter text, number integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT letter || digits || ((10 - sum(CASE WHEN place % 2 = 1 THEN digit * 2 / 10 + digit * 2 % 10 ELSE digit END) % 10) % 10)
  FROM (SELECT lpad(number::text, 7, '0') AS digits) AS d,
       LATERAL (SELECT place, substr(digits, place, 1)::integer AS digit FROM generate_series(1, 7) AS place) AS p
  GROUP BY digits
$$;

-- Given names: tilt o is a name of the old, y of the young, a of all ages.
CREATE TABLE shop_build.given (origin text, sex text, name text, weight double precision, tilt text);
INSERT INTO shop_build.given
SELECT g.origin, g.sex, split_part(item, ':', 1), split_part(item, ':', 2)::double precision,
       coalesce(nullif(split_part(item, ':', 3), ''), 'a')
FROM (VALUES
  ('es', 'M', 'Antonio:351:o|José:324:o|Manuel:302:o|Francisco:262:o|Juan:182:o|David:161:y|José Antonio:148|José Luis:143:o|Javier:137:y|Jesús:136|Francisco Javier:133|Carlos:129|Daniel:125:y|Miguel:121|Rafael:117:o|José Manuel:115|Pedro:115:o|Alejandro:109:y|Ángel:108|Miguel Ángel:105|José María:104:o|Fernando:100|Luis:98|Pablo:90:y|Sergio:90:y|Jorge:85:y|Alberto:83|Juan Carlos:75|Juan José:74|Ramón:65:o|Enrique:65|Diego:64|Juan Antonio:64|Vicente:64:o|Álvaro:62:y|Raúl:62:y|Adrián:60:y|Joaquín:58:o|Iván:57:y|Andrés:57|Óscar:55|Rubén:55:y|Juan Manuel:54|Santiago:53|Eduardo:51|Víctor:47:y|Roberto:45|Jaime:45|Francisco José:44|Ignacio:42|Alfonso:42|Salvador:41:o|Ricardo:41|Mario:39:y|Jordi:38|Emilio:38:o|Marcos:36:y|Julián:35:o|Julio:34:o|Tomás:33:o|Agustín:33:o|Guillermo:32|Gabriel:31|José Miguel:30|Félix:30:o|José Ramón:29|Gonzalo:27|Mariano:24:o|Ismael:24:y|Domingo:24:o|Cristian:24:y|Juan Francisco:22|Alfredo:22|Nicolás:22|Sebastián:22|José Carlos:21|Felipe:21:o|Samuel:21:y|Hugo:20:y|Martín:20|César:20|Aitor:20:y|José Ángel:19|José Ignacio:19|Gregorio:18:o|Víctor Manuel:18|Héctor:18:y|Luis Miguel:17|Lorenzo:16:o|Cristóbal:16:o|Esteban:16|Eugenio:15:o|Iker:15:y|Rodrigo:14:y|Antonio José:14|Arturo:14|Borja:13:y|Valentín:13:o|José Javier:13|Lucas:12:y|Marc:26:y|Xavier:15|Josep:24:o|Bruno:9:y|Mateo:9:y'),
  ('es', 'F', 'María del Carmen:310:o|María:304|Carmen:203:o|Josefa:148:o|Isabel:135|Ana María:128|María Dolores:124:o|María Pilar:124:o|María Teresa:120:o|Ana:119|Laura:113:y|Francisca:112:o|Antonia:109:o|Dolores:108:o|María de los Ángeles:107|Cristina:105:y|Marta:98:y|María José:94|María Isabel:94|Pilar:79:o|María Luisa:79:o|Lucía:78:y|Concepción:77:o|Elena:72|Mercedes:72:o|Manuela:72:o|Rosa María:68|Raquel:68:y|Sara:68:y|María Jesús:66|Paula:64:y|Juana:64:o|Teresa:64:o|Rosario:64:o|Encarnación:58:o|Beatriz:57:y|Rosa:56:o|Nuria:55|Silvia:54|Montserrat:53|Julia:52|Patricia:51:y|Irene:48:y|Mónica:47|Andrea:46:y|Rocío:46:y|Ángela:46|María del Mar:46|Margarita:45:o|Sonia:45|Sandra:44:y|Susana:44|Alicia:44|Yolanda:43|Alba:43:y|Marina:42:y|Natalia:40:y|María Rosario:38:o|Inmaculada:37|Esther:36|María Mercedes:35:o|Ana Isabel:35|Eva:35|Verónica:33|Amparo:32:o|Noelia:32:y|María Rosa:30|María Victoria:30|Carolina:29|Claudia:29:y|Eva María:29|Catalina:28:o|Consuelo:28:o|Victoria:28|Lorena:28:y|Ana Belén:28|María Antonia:28|María Elena:27|Miriam:27:y|Emilia:26:o|Nerea:26:y|Luisa:26:o|Inés:26|María Nieves:25|Gloria:24|Lidia:24:y|Carla:24:y|Aurora:24:o|Esperanza:23:o|Josefina:23:o|Sofía:23:y|Milagros:23:o|Olga:23|Celia:22|María Soledad:22|Purificación:21:o|Virginia:21|María Luz:21|Fátima:20|Lourdes:20|Vanesa:19|Alejandra:19:y|Clara:19|Magdalena:19:o|Remedios:15:o|Begoña:14|Trinidad:12:o|Leticia:12|Ainhoa:12:y|Martina:12:y|Daniela:11:y'),
  ('ro', 'M', 'Ion:5|Vasile:5|Gheorghe:4|Constantin:4|Adrian:3|Cristian:3|Florin:3|Mihai:3|Marius:3|Ionut:3|Nicolae:2|Alexandru:2'),
  ('ro', 'F', 'Maria:5|Elena:5|Mihaela:4|Ioana:4|Daniela:3|Cristina:3|Andreea:3|Alina:3|Gabriela:3|Simona:2|Loredana:2'),
  ('ma', 'M', 'Mohamed:12|Ahmed:6|Youssef:4|Rachid:4|Said:4|Hassan:4|Abdelkader:2|Mustapha:3|Omar:3|Karim:3|Hamza:2'),
  ('ma', 'F', 'Fatima:8|Aicha:4|Khadija:4|Malika:3|Samira:3|Naima:3|Latifa:2|Hafida:2|Nadia:3|Salma:2'),
  ('en', 'M', 'John:5|David:5|Michael:4|Peter:4|Paul:4|Stephen:3|Andrew:3|James:3|Klaus:2|Jürgen:2|Wolfgang:2|Brian:2'),
  ('en', 'F', 'Susan:4|Margaret:4|Linda:4|Karen:3|Helen:3|Patricia:3|Sarah:3|Emma:3|Monika:2|Petra:2|Christine:2'),
  ('it', 'M', 'Marco:4|Andrea:4|Francesco:4|Alessandro:4|Luca:4|Giuseppe:3|Matteo:3|Stefano:3|Davide:2'),
  ('it', 'F', 'Laura:4|Francesca:4|Chiara:4|Giulia:4|Silvia:3|Valentina:3|Elisa:3|Federica:3|Martina:2'),
  ('cn', 'M', 'Wei:5|Jun:4|Lei:3|Jie:3|Hao:3|Yong:2|Ming:2|Xiaoming:1'),
  ('cn', 'F', 'Li:4|Xiuying:3|Fang:3|Na:3|Yan:3|Mei:3|Xia:2|Jing:3')
) AS g(origin, sex, names),
LATERAL regexp_split_to_table(g.names, '\|') AS item;
-- Latin American customers carry Spanish names and two surnames.
INSERT INTO shop_build.given SELECT 'la', sex, name, weight, tilt FROM shop_build.given WHERE origin = 'es';

CREATE TABLE shop_build.surname (origin text, name text, weight double precision);
INSERT INTO shop_build.surname
SELECT g.origin, split_part(item, ':', 1), coalesce(nullif(split_part(item, ':', 2), ''), '14')::double precision
FROM (VALUES
  ('es', 'García:329|González:207|Rodríguez:207|Fernández:206|López:195|Martínez:187|Sánchez:183|Pérez:174|Gómez:110|Martín:110|Jiménez:87|Ruiz:82|Hernández:80|Díaz:76|Moreno:71|Álvarez:63|Muñoz:63|Romero:49|Alonso:44|Gutiérrez:43|Navarro:40|Torres:37|Domínguez:35|Vázquez:33|Ramos:32|Gil:31|Ramírez:30|Serrano:29|Blanco:28|Suárez:27|Molina:27|Morales:27|Ortega:26|Delgado:26|Castro:26|Ortiz:24|Rubio:23|Marín:23|Sanz:21|Núñez:20|Iglesias:20|Medina:19|Garrido:19|Santos:19|Castillo:19|Cortés:18|Lozano:18|Guerrero:17|Cano:17|Prieto:17|Méndez:16|Calvo:16|Cruz:16|Gallego:16|Vidal:16|León:15|Herrera:15|Márquez:15|Peña:15|Cabrera:15|Flores:15|Campos:15|Vega:14|Díez:14|Fuentes:14|Carrasco:14|Caballero:13|Nieto:13|Reyes:13|Aguilar:13|Pascual:13|Herrero:13|Santana:13|Lorenzo:13|Hidalgo:13|Montero:12|Ibáñez:12|Giménez:12|Ferrer:12|Durán:12|Vicente:12|Benítez:12|Mora:12|Santiago:12|Arias:12|Vargas:11|Carmona:11|Crespo:11|Román:11|Pastor:11|Soto:11|Sáez:11|Velasco:10|Soler:10|Moya:10|Esteban:10|Parra:10|Bravo:10|Gallardo:10|Rojas:10|Pardo:10|Merino:10|Franco:9|Espinosa:9|Izquierdo:9|Lara:9|Rivas:9|Silva:9|Rivera:9|Casado:9|Arroyo:9|Redondo:9|Camacho:9|Rey:9|Vera:9|Otero:9|Luque:9|Galán:9|Montes:9|Ríos:9|Sierra:9|Segura:8|Carrillo:8|Marcos:8|Martí:8|Soriano:8|Mendoza:8|Robles:8|Bernal:8|Vila:8|Valero:8|Palacios:8|Expósito:8|Benito:8|Andrés:8|Varela:8|Pereira:8|Macías:8|Guerra:8|Heredia:8|Bueno:8|Roldán:7|Mateo:7|Villar:7|Contreras:7|Miranda:7|Guillén:7|Mateos:7|Escudero:7|Aguilera:7|Menéndez:7|Casas:7|Aparicio:7|Rivero:7|Estévez:7|Beltrán:7|Padilla:7|Gracia:7|Rico:7|Calderón:7|Abad:7|Gálvez:7|Conde:7|Salas:7|Jurado:7|Quintana:7|Plaza:7|Acosta:6|Aranda:6|Blázquez:6|Roca:6|Bermúdez:6|Costa:6|Santamaría:6|Salazar:6|Guzmán:6|Serra:6|Villanueva:6|De la Fuente:10|De la Cruz:12|Del Río:8|De la Torre:9|De la Rosa:6|Del Pino:4|De Miguel:5|San Martín:4|De Castro:4|Del Valle:5'),
  ('es', 'Manzano|Tomás|Ventura|Cuesta|Rueda|Trujillo|Simón|Cordero|Quintero|Pons|Pacheco|Escobar|Ballesteros|Barroso|Bosch|Ávila|Cuenca|Cuevas|Lázaro|Salvador|Asensio|Oliva|Cárdenas|Gascón|Bautista|Toledo|Zamora|Hurtado|Maldonado|Sanchis|Burgos|Polo|Corral|Mas|Catalán|Vallejo|Puig|Valverde|Paredes|Villalba|Fajardo|Aragón|Peralta|Blasco|Valencia|Alarcón|Marrero|Castellano|Linares|Collado|Barrios|Sevilla|Robledo|Losada|Duarte|Olmedo|Saiz|Clemente|Trillo|Arranz|Carretero|Sosa|Cobo|Tapia|Pineda|Mena|Quesada|Cantero|Bermejo|Nadal|Cabello|Freire|Alba|Falcón|Sola|Portillo|Toro|Sastre|Piñeiro|Alfonso|Naranjo|Ferreiro|Barrera|Becerra|Ponce|Rosado|Zapata|Dorado|Garzón|Amador|Peñalver|Haro|Lamas|Pinto|Oliver|Miralles|Sáenz|Ureña|Alcaraz|Belmonte|Osorio|Villegas|Carbonell|Grau|Cervera|Ramón|Chacón|Cebrián|Marco|Navas|Cortijo|Aguado|Esteve|Gimeno|Climent|Segovia|Palomo|Zurita|Balaguer|Lorente|Baena|Nogales|Arenas|Barba|Bonilla|Cobos|Tejada|Aznar|Rosell|Ojeda|Perea|Palma|Rovira|Tena|Sotelo|Souto|Seoane|Etxebarria|Aguirre|Goñi|Zabala|Echeverría|Iriarte|Ochoa|Arrieta|Urrutia|Mendizábal|Elorza|Larrañaga|Garay|Azpiroz|Cobreros|Bustos|Bustamante|Pedraza|Guijarro|Matas|Riera|Ribas|Coll|Sureda|Llorens|Cardona|Font|Casals|Pujol|Farré|Solé|Vives|Mestre|Prats|Codina|Torrents|Adell|Berenguer|Monzón|Garcés|Lahoz|Bielsa|Cubero|Ariza|Cabeza|Pulido|Castaño|Tirado|Barrientos|Manrique|Lucas|Ledesma|Bayón|Tascón|Fidalgo|Robles|Cueto|Noriega|Cueva|Canal|Busto|Arce|Gándara|Ceballos|Cobián|Lastra|Pelayo|Revuelta|Salcedo|Villaverde|Zorrilla|Zamorano|Bárcena'),
  ('ro', 'Popescu:5|Ionescu:4|Popa:5|Radu:4|Stan:4|Stoica:3|Dumitru:4|Munteanu:3|Matei:3|Constantin:3|Florea:2|Rusu:3|Ciobanu:2|Ungureanu:2'),
  ('ma', 'El Amrani:4|Benali:3|El Idrissi:3|Alaoui:3|Bennani:2|El Fassi:2|Chaoui:3|Ziani:2|Haddad:2|Berrada:2|Tahiri:2|Mansouri:2'),
  ('en', 'Smith:6|Jones:5|Taylor:4|Brown:4|Williams:4|Wilson:3|Evans:3|Walker:3|Müller:3|Schmidt:3|Becker:2|Hughes:2'),
  ('it', 'Rossi:5|Russo:4|Ferrari:4|Esposito:3|Bianchi:4|Romano:3|Colombo:3|Ricci:3|Marino:3|Greco:2|Conti:2'),
  ('cn', 'Wang:5|Li:5|Zhang:5|Chen:5|Liu:4|Yang:4|Huang:3|Zhao:3|Zhou:3|Wu:3|Xu:2|Lin:3')
) AS g(origin, names),
LATERAL regexp_split_to_table(g.names, '\|') AS item;
INSERT INTO shop_build.surname SELECT 'la', name, weight FROM shop_build.surname WHERE origin = 'es';

-- Nicknames of whole given names, only used as "what a form says".
CREATE TABLE shop_build.nickname (given text PRIMARY KEY, nicks text[]);
INSERT INTO shop_build.nickname
SELECT split_part(item, ':', 1), string_to_array(split_part(item, ':', 2), ',')
FROM regexp_split_to_table('Francisco:Paco,Fran,Curro,Kiko|José:Pepe,Josep|Antonio:Toni,Toño|Manuel:Manolo,Manu,Lolo|Jesús:Chus,Suso|José María:Chema,Josema|José Manuel:Josema|José Antonio:Toño|José Luis:Joselu|José Ramón:Joserra|José Miguel:Josemi|José Carlos:Joseca|Francisco Javier:Javier,Javi|Javier:Javi|Ignacio:Nacho,Iñaki|Alejandro:Alex,Ale|Alberto:Berto|Daniel:Dani|Diego:Yago|Eduardo:Edu|Enrique:Quique,Kike|Fernando:Nando,Fer|Guillermo:Guille|Joaquín:Quino,Ximo|Jorge:Jordi|Juan Antonio:Juanan|Juan Carlos:Juanca|Juan Francisco:Juanfra|Juan José:Juanjo|Juan Manuel:Juanma|Luis Miguel:Luismi|Miguel:Miguelito|Nicolás:Nico|Pablo:Pau|Rafael:Rafa|Ramón:Moncho|Ricardo:Richi|Roberto:Rober|Rodrigo:Rodri|Salvador:Salva|Santiago:Santi,Yago|Sebastián:Sebas|Sergio:Checo|Tomás:Tomi|Gabriel:Gabi|Gregorio:Goyo|Gonzalo:Gonza|María del Carmen:Mamen,Maricarmen|María Teresa:Maite|María Isabel:Maribel,Marisa|María Luisa:Marisa|María Dolores:Lola|María Jesús:Chus|María José:Marijose|María Pilar:Pili|María de los Ángeles:Geli|María del Mar:Marimar|María Rosario:Charo|María Mercedes:Merche|María Elena:Malena|Ana Belén:Anabel|Ana Isabel:Anabel|Ana María:Anamari|Antonia:Toñi|Beatriz:Bea|Concepción:Concha,Conchi|Consuelo:Chelo|Cristina:Cris|Dolores:Lola,Loli|Encarnación:Encarna|Esperanza:Espe|Francisca:Paqui,Paca|Inmaculada:Inma|Isabel:Isa|Josefa:Pepa,Pepi|Josefina:Fina|Juana:Juani|Magdalena:Magda|Manuela:Manoli|Margarita:Marga|Mercedes:Merche|Milagros:Mila|Montserrat:Montse|Patricia:Patri|Pilar:Pili|Purificación:Puri|Remedios:Reme|Rosario:Charo|Susana:Susi|Teresa:Tere|Trinidad:Trini|Verónica:Vero|Yolanda:Yoli|Alejandra:Ale|Catalina:Cata', '\|') AS item;

-- Cities: province, province code, number of postcodes, prefix of fixed lines, weight.
CREATE TABLE shop_build.city (id integer GENERATED ALWAYS AS IDENTITY, name text, province text, code text, postcodes integer, prefix text, weight double precision);
INSERT INTO shop_build.city (name, province, code, postcodes, prefix, weight) VALUES
  ('Madrid', 'Madrid', '28', 55, '91', 330), ('Barcelona', 'Barcelona', '08', 42, '93', 165), ('València', 'Valencia', '46', 26, '963', 80),
  ('Sevilla', 'Sevilla', '41', 20, '954', 69), ('Zaragoza', 'Zaragoza', '50', 22, '976', 68), ('Málaga', 'Málaga', '29', 18, '952', 58),
  ('Murcia', 'Murcia', '30', 12, '968', 46), ('Palma', 'Illes Balears', '07', 15, '971', 42), ('Las Palmas de Gran Canaria', 'Las Palmas', '35', 20, '928', 38),
  ('Bilbao', 'Bizkaia', '48', 15, '944', 35), ('Alicante', 'Alicante', '03', 16, '965', 34), ('Córdoba', 'Córdoba', '14', 14, '957', 32),
  ('Valladolid', 'Valladolid', '47', 17, '983', 30), ('Vigo', 'Pontevedra', '36', 14, '986', 29), ('Gijón', 'Asturias', '33', 13, '985', 27),
  ('L''Hospitalet de Llobregat', 'Barcelona', '08', 8, '93', 26), ('A Coruña', 'A Coruña', '15', 11, '981', 25), ('Vitoria-Gasteiz', 'Álava', '01', 15, '945', 25),
  ('Granada', 'Granada', '18', 16, '958', 23), ('Elche', 'Alicante', '03', 8, '966', 23), ('Oviedo', 'Asturias', '33', 13, '985', 22),
  ('Terrassa', 'Barcelona', '08', 8, '93', 22), ('Badalona', 'Barcelona', '08', 8, '93', 22), ('Cartagena', 'Murcia', '30', 10, '968', 21),
  ('Jerez de la Frontera', 'Cádiz', '11', 8, '956', 21), ('Móstoles', 'Madrid', '28', 8, '91', 21), ('Pamplona', 'Navarra', '31', 16, '948', 20),
  ('Almería', 'Almería', '04', 9, '950', 20), ('Alcalá de Henares', 'Madrid', '28', 7, '91', 19), ('Leganés', 'Madrid', '28', 8, '91', 19),
  ('Donostia-San Sebastián', 'Gipuzkoa', '20', 18, '943', 19), ('Getafe', 'Madrid', '28', 9, '91', 18), ('Burgos', 'Burgos', '09', 7, '947', 17),
  ('Albacete', 'Albacete', '02', 8, '967', 17), ('Santander', 'Cantabria', '39', 12, '942', 17), ('Castelló de la Plana', 'Castellón', '12', 6, '964', 17),
  ('Logroño', 'La Rioja', '26', 9, '941', 15), ('Badajoz', 'Badajoz', '06', 11, '924', 15), ('Salamanca', 'Salamanca', '37', 8, '923', 14),
  ('Huelva', 'Huelva', '21', 7, '959', 14), ('Lleida', 'Lleida', '25', 8, '973', 14), ('Tarragona', 'Tarragona', '43', 8, '977', 13),
  ('León', 'León', '24', 10, '987', 12), ('Cádiz', 'Cádiz', '11', 12, '956', 11), ('Jaén', 'Jaén', '23', 9, '953', 11),
  ('Girona', 'Girona', '17', 7, '972', 10), ('Santiago de Compostela', 'A Coruña', '15', 7, '981', 10), ('Cáceres', 'Cáceres', '10', 5, '927', 10),
  ('Toledo', 'Toledo', '45', 8, '925', 9), ('Santa Cruz de Tenerife', 'Santa Cruz de Tenerife', '38', 11, '922', 20), ('Guadalajara', 'Guadalajara', '19', 5, '949', 9),
  ('Pontevedra', 'Pontevedra', '36', 6, '986', 8), ('Palencia', 'Palencia', '34', 6, '979', 8), ('Ciudad Real', 'Ciudad Real', '13', 5, '926', 7),
  ('Zamora', 'Zamora', '49', 8, '980', 6), ('Ávila', 'Ávila', '05', 6, '920', 6), ('Cuenca', 'Cuenca', '16', 5, '969', 5),
  ('Huesca', 'Huesca', '22', 6, '974', 5), ('Segovia', 'Segovia', '40', 6, '921', 5), ('Soria', 'Soria', '42', 5, '975', 4), ('Teruel', 'Teruel', '44', 3, '978', 4);

CREATE TABLE shop_build.street AS
SELECT array_agg(item ORDER BY item COLLATE "C") AS names
FROM regexp_split_to_table('Calle Mayor|Calle Real|Calle Nueva|Calle del Sol|Calle de la Paz|Calle San José|Calle San Juan|Calle Santa María|Calle Cervantes|Calle Colón|Calle Velázquez|Calle Goya|Calle Murillo|Calle Alcalá|Calle Toledo|Calle Valencia|Calle Sevilla|Calle Zaragoza|Calle Aragón|Calle Castilla|Calle Navarra|Calle Granada|Calle Córdoba|Calle Madrid|Calle Barcelona|Calle Bilbao|Calle del Carmen|Calle del Pilar|Calle San Antonio|Calle San Francisco|Calle San Miguel|Calle San Pedro|Calle San Sebastián|Calle Santiago|Calle Doctor Fleming|Calle Ramón y Cajal|Calle Pablo Picasso|Calle Antonio Machado|Calle Federico García Lorca|Calle Miguel Hernández|Calle Rosalía de Castro|Calle Lope de Vega|Calle Calderón de la Barca|Calle Quevedo|Calle Tirso de Molina|Calle de la Iglesia|Calle de la Fuente|Calle del Río|Calle del Mar|Calle de los Olivos|Calle de las Flores|Calle de los Pinos|Calle del Prado|Calle Jardines|Calle Libertad|Calle Independencia|Calle Hernán Cortés|Calle Pizarro|Calle Magallanes|Avenida de la Constitución|Avenida de Andalucía|Avenida de Madrid|Avenida del Mediterráneo|Avenida de Europa|Avenida de América|Avenida de la Estación|Avenida Juan Carlos I|Avenida de España|Avenida del Puerto|Avenida de la Libertad|Avenida de los Reyes Católicos|Avenida de Portugal|Plaza de España|Plaza Mayor|Plaza de la Constitución|Plaza del Ayuntamiento|Plaza Nueva|Paseo de la Castellana|Paseo Marítimo|Paseo de la Alameda|Paseo del Parque|Ronda de Toledo|Ronda Norte|Camino Viejo|Camino de la Ermita|Travesía del Carmen|Carretera de Cádiz', '\|') AS item;

-- Lookup rows for weighted choices: names[width_bucket(u, bounds)].
CREATE TABLE shop_build.given_pick AS
SELECT origin, sex, cohort, array_agg(name ORDER BY name COLLATE "C") AS names, array_agg(bound ORDER BY name COLLATE "C") AS bounds
FROM (
  SELECT g.origin, g.sex, c.cohort, g.name,
         (sum(w.weight) OVER (PARTITION BY g.origin, g.sex, c.cohort ORDER BY g.name COLLATE "C") - w.weight)
           / sum(w.weight) OVER (PARTITION BY g.origin, g.sex, c.cohort) AS bound
  FROM shop_build.given AS g
  CROSS JOIN (VALUES ('old', 1.7, 1.0, 0.12), ('middle', 0.8, 1.0, 1.0), ('young', 0.12, 0.8, 2.4)) AS c(cohort, o, a, y)
  CROSS JOIN LATERAL (SELECT g.weight * CASE g.tilt WHEN 'o' THEN c.o WHEN 'y' THEN c.y ELSE c.a END AS weight) AS w
) AS b
GROUP BY origin, sex, cohort;

CREATE TABLE shop_build.surname_pick AS
SELECT origin, array_agg(name ORDER BY name COLLATE "C") AS names, array_agg(bound ORDER BY name COLLATE "C") AS bounds
FROM (
  SELECT origin, name, (sum(weight) OVER (PARTITION BY origin ORDER BY name COLLATE "C") - weight) / sum(weight) OVER (PARTITION BY origin) AS bound
  FROM (SELECT origin, name, sum(weight) AS weight FROM shop_build.surname GROUP BY origin, name) AS s
) AS b
GROUP BY origin;

CREATE TABLE shop_build.city_pick AS
SELECT array_agg(id ORDER BY id) AS ids, array_agg(bound ORDER BY id) AS bounds
FROM (SELECT id, (sum(weight) OVER (ORDER BY id) - weight) / sum(weight) OVER () AS bound FROM shop_build.city) AS b;
