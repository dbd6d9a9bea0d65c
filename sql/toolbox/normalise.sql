-- Values taken apart and compared by their parts: accounts, names, addresses.
-- Types are called otherwise than the functions that return them: f('literal')
-- would be read as a cast to a type f.

CREATE FUNCTION omnicrm.normalize_iban(iban text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_iban';

COMMENT ON FUNCTION omnicrm.normalize_iban(text) IS
  'Number of a bank account in capital letters and digits; blanks, hyphens, dots, slashes and a leading IBAN are dropped. Country, length, form and check digits (mod 97) must be right, in Spain the control digits of the CCC too. 20 digits alone are a Spanish CCC and become its IBAN. NULL for anything else. Source: ISO 13616.';

CREATE FUNCTION omnicrm.phonetic_es(value text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 30
AS 'MODULE_PATHNAME', 'omnicrm_phonetic_es';

COMMENT ON FUNCTION omnicrm.phonetic_es(text) IS
  'How the words of a name or address sound in Spanish, in capital letters: B = V = W, C and Z before E and I = S, silent H, LL = Y, G and J, QU = K, TX = CH, Ñ = NI = N, doubled letters once; word order stays. MU?OZ is read as MUÑOZ. Any script (ICU). NULL when nothing is left, or beyond 1,000 characters.';

CREATE FUNCTION omnicrm.nickname_key(given_name text)
RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_nickname_key';

COMMENT ON FUNCTION omnicrm.nickname_key(text) IS
  'Canonical given names that a given name may stand for, folded, distinct, in byte order: Paco = {francisco}, Chus = {jesus,"maria jesus"}, Juanjo = {"juan jose",juanjo}. Two given names are forms of one when their keys overlap (&&). Several words give each combination, titles and particles left out; a name that is not known stands for itself. NULL without a word, or beyond 1,000 characters.';

CREATE TYPE omnicrm.parsed_name AS (
  given_names  text[],
  surname_1    text,
  surname_2    text,
  title        text,
  suffix       text,
  organisation text,
  legal_form   text,
  flags        text[]
);

COMMENT ON TYPE omnicrm.parsed_name IS 'Result of omnicrm.name_parts(): a name in its parts, folded as by normalize_name().';
COMMENT ON COLUMN omnicrm.parsed_name.given_names IS 'Given names and initials in their order, without particles (María del Carmen = maria, carmen); NULL when there is none.';
COMMENT ON COLUMN omnicrm.parsed_name.surname_1 IS 'First surname with its particles (de la fuente).';
COMMENT ON COLUMN omnicrm.parsed_name.surname_2 IS 'Second surname with its particles and whatever follows; NULL when there is one surname.';
COMMENT ON COLUMN omnicrm.parsed_name.title IS 'Titles (sr, dra), which carry no identity.';
COMMENT ON COLUMN omnicrm.parsed_name.suffix IS 'jr, junior, ii, iii or iv at the end.';
COMMENT ON COLUMN omnicrm.parsed_name.organisation IS 'Name of an organisation without its legal form; the name of a person is NULL then.';
COMMENT ON COLUMN omnicrm.parsed_name.legal_form IS 'Legal form of an organisation (sl, gmbh).';
COMMENT ON COLUMN omnicrm.parsed_name.flags IS 'organisation: by legal form or a word such as asociación; turned: the surname stood first; guessed: no word told where the surname starts; initial: a given name is one letter. Empty array when there is none.';

CREATE FUNCTION omnicrm.name_parts(name text)
RETURNS omnicrm.parsed_name
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_name_parts';

COMMENT ON FUNCTION omnicrm.name_parts(text) IS
  'Full name in its parts: given names, one or two surnames with their particles, title, suffix; or organisation and legal form. "Surname, given name" is turned round; without a comma some 2,900 known names decide where the surname starts and whether it stands first. Any script (ICU). NULL without a letter, or beyond 1,000 characters.';

CREATE TYPE omnicrm.parsed_address AS (
  street_type text,
  street      text,
  number      text,
  km          text,
  block       text,
  portal      text,
  staircase   text,
  floor       text,
  door        text,
  postcode    text,
  town        text,
  province    text,
  extra       text
);

COMMENT ON TYPE omnicrm.parsed_address IS 'Result of omnicrm.normalize_address(): an address in its parts, folded as by normalize_name(); a part that is missing is NULL.';
COMMENT ON COLUMN omnicrm.parsed_address.street_type IS 'Type of street as one word of Spanish in Spain (calle for C/, carrer, rúa, kalea), of the country abroad (street, rue); NULL when the address has none.';
COMMENT ON COLUMN omnicrm.parsed_address.street IS 'Name of the street without its type and the particles behind it (Calle de la Paz = paz), abbreviations spelt out (Sta. = santa).';
COMMENT ON COLUMN omnicrm.parsed_address.number IS 'House number: 12, 12 a, 12 bis, 12-14; s/n when the address says that there is none.';
COMMENT ON COLUMN omnicrm.parsed_address.km IS 'Kilometre of a road, with a decimal point.';
COMMENT ON COLUMN omnicrm.parsed_address.block IS 'Block; torre, fase, manzana and edificio keep their word (torre 2).';
COMMENT ON COLUMN omnicrm.parsed_address.portal IS 'Entrance of the building.';
COMMENT ON COLUMN omnicrm.parsed_address.staircase IS 'Staircase.';
COMMENT ON COLUMN omnicrm.parsed_address.floor IS 'Floor: a number, bajo, entresuelo, principal, atico, sobreatico, sotano, semisotano.';
COMMENT ON COLUMN omnicrm.parsed_address.door IS 'Door: a letter or number, izda, dcha, centro, int, ext; local, nave, oficina and the like keep their word (local 2).';
COMMENT ON COLUMN omnicrm.parsed_address.postcode IS 'Spanish postcode, where the address contains it.';
COMMENT ON COLUMN omnicrm.parsed_address.town IS 'Town beside the postcode.';
COMMENT ON COLUMN omnicrm.parsed_address.province IS 'Province behind the town.';
COMMENT ON COLUMN omnicrm.parsed_address.extra IS 'What is none of the others: an urbanización before the street, the name of a building, a town without postcode.';

CREATE FUNCTION omnicrm.normalize_address(address text, country text DEFAULT 'ES')
RETURNS omnicrm.parsed_address
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_normalize_address';

COMMENT ON FUNCTION omnicrm.normalize_address(text, text) IS
  'Postal address in its parts. country (code or name): Spain, Andorra and Spanish America are read by Spanish rules (types of street in Spanish, Catalan, Galician and Basque; number, s/n or km; portal, staircase, floor and door with or without their words), any other with the number before or behind the street. What is not understood is kept in extra. Any script (ICU). NULL without a word, or beyond 1,000 characters.';
