-- Normalising and comparing what sources say of persons and organisations.
-- Every function returns NULL for a value that is none of its kind, and never
-- fails because of a value, however long or broken.

CREATE FUNCTION omnicrm.normalize_name(name text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_name';

COMMENT ON FUNCTION omnicrm.normalize_name(text) IS
  'Folded name: lower case, accents off (ñ = n, ß = ss), other scripts in Latin letters (ICU), apostrophes gone, other punctuation to single blanks; Mª = maria. Independent of the locale. NULL when nothing is left or beyond 1,000 characters.';

CREATE FUNCTION omnicrm.name_tokens(name text)
RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_name_tokens';

COMMENT ON FUNCTION omnicrm.name_tokens(text) IS
  'Distinct folded words of a name without titles (Sr., Mrs., Dr.), in byte order, for a GIN index; abbreviations spelt out (Fdez. = fernandez). Each line is a name of its own, of up to 1,000 characters. NULL when there is none.';

CREATE FUNCTION omnicrm.name_key(name text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_name_key';

COMMENT ON FUNCTION omnicrm.name_key(text) IS
  'Folded words of a name without titles and particles (de, la, y, van), initials first, in byte order, joined by blanks: equal for swapped words, accents, case and punctuation. NULL when no letter is left.';

CREATE FUNCTION omnicrm.name_similarity(a text, b text)
RETURNS real
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_name_similarity';

COMMENT ON FUNCTION omnicrm.name_similarity(text, text) IS
  'Similarity of two full names of persons, 0 to 1, the same for swapped arguments. Words are paired for the greatest sum: equal 1, one typing error .95, nickname or regional form .93, two errors .88 (.75 to .85 in shorter words that are plausibly misspelt), initial .85 (.95 when another given name agrees); two different known names never pair. When one name''s words all have a partner: product of the pairs, .93 for each further word, .96 for each further initial; at most .5 when one word only agrees, at most .6 when the given name is missing or the first given names differ in gender. When words remain on both sides: .9 x sum of pairs / words of the longer name, at most .65. NULL when one has no word. Details in doc/identity.md.';

CREATE FUNCTION omnicrm.jaro_winkler(a text, b text)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_jaro_winkler';

COMMENT ON FUNCTION omnicrm.jaro_winkler(text, text) IS
  'Jaro-Winkler similarity by code point, 0 to 1; half transpositions count as an exact fraction, the prefix (up to 4 characters, weight .1) where Jaro exceeds .7. Case and accents matter. NULL beyond 1,000 characters. Source: Winkler 1990.';

CREATE FUNCTION omnicrm.damerau_levenshtein(a text, b text)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_damerau_levenshtein';

COMMENT ON FUNCTION omnicrm.damerau_levenshtein(text, text) IS
  'Edit distance by code point: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). NULL beyond 1,000 characters. Source: Hyyro 2003.';

CREATE FUNCTION omnicrm.normalize_email(email text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_email';

COMMENT ON FUNCTION omnicrm.normalize_email(text) IS
  'E-mail address trimmed, in lower case, without mailto:, angle brackets and +tag, at Gmail without dots (googlemail.com = gmail.com), international domains in ASCII form. Typing errors are not mended. NULL when it is no address: one @, sane characters, a dotted domain, no dot doubled or at an end, at most 64 characters before @ and 320 in all.';

CREATE FUNCTION omnicrm.normalize_phone(phone text, region text)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_normalize_phone';

COMMENT ON FUNCTION omnicrm.normalize_phone(text, text) IS
  'Phone number in E.164 form (+34600111222), extension dropped, of several in one field the first. region: country of numbers without prefix, code or name (ES, Spain); NULL or unknown = none, then only numbers with + or 00. A number counts when it is possible (its length fits its country), in use or not. NULL when it is not. Spanish numbers by own rules, others by libphonenumber.';

CREATE FUNCTION omnicrm.normalize_tax_id(tax_id text, country text DEFAULT 'ES')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_tax_id';

COMMENT ON FUNCTION omnicrm.normalize_tax_id(text, text) IS
  'Tax number without separators when its check characters are right, else NULL. Spain: DNI (lost zeros completed), NIE, K/L/M, CIF (letter control for N P Q R S W, digit otherwise). Other countries of the EU, GB and CH with their prefix (DE136695976). A number with another country''s prefix is read as that country''s.';

CREATE FUNCTION omnicrm.tax_id_kind(tax_id text, country text DEFAULT 'ES')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_tax_id_kind';

COMMENT ON FUNCTION omnicrm.tax_id_kind(text, text) IS
  'person (DNI, NIE, K/L/M, numbers of persons abroad) or organisation (CIF, VAT numbers); NULL where normalize_tax_id() gives NULL.';

CREATE FUNCTION omnicrm.normalize_postcode(postcode text, country text DEFAULT 'ES')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_postcode';

COMMENT ON FUNCTION omnicrm.normalize_postcode(text, text) IS
  'Postcode in the form of its country; Spain: five digits, lost leading zero completed, province 01 to 52; unknown countries: capital letters and single separators. NULL when it is none.';

CREATE FUNCTION omnicrm.normalize_text(value text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_text';

COMMENT ON FUNCTION omnicrm.normalize_text(text) IS
  'Text tidied for display: Unicode NFC, control characters and white space to single blanks, invisible marks gone, trimmed. NULL when nothing is left, or beyond 16 million characters.';

CREATE FUNCTION omnicrm.normalize_gender(gender text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_gender';

COMMENT ON FUNCTION omnicrm.normalize_gender(text) IS
  'female, male or other from common spellings in several languages. M alone is male: map the letter before where a source writes H and M for hombre and mujer. Digits have no agreed meaning: NULL, as for anything else.';

CREATE FUNCTION omnicrm.is_placeholder(kind text, value text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_is_placeholder';

COMMENT ON FUNCTION omnicrm.is_placeholder(text, text) IS
  'True when the value says "nothing": n/a, unknown, xxx, noreply@, 000000000, 00000000T, 1900-01-01 and the like. kind: name (or full_name), given_name, surname, email, phone, tax_id, iban, birth_date, address (or street), postcode, city (or province); any other takes the rules common to all. Blank text is a placeholder; a value that is merely wrong, or longer than 200 characters, is not.';

CREATE FUNCTION omnicrm.parse_date(value text, format text DEFAULT 'auto')
RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_parse_date';

COMMENT ON FUNCTION omnicrm.parse_date(text, text) IS
  'Date from text. format: YMD, DMY, MDY, or auto (ISO and whatever has one reading only, as 25/12/1980); separators - / . or blank, or eight digits for YMD; a small y (DMy) admits two-digit years, 00-69 = 2000-2069. A time behind it is left aside. NULL when it is no calendar date of years 1 to 9999. Error: invalid_parameter_value for an unknown format.';

CREATE FUNCTION omnicrm.parse_timestamp(value text, format text DEFAULT 'auto', zone text DEFAULT 'UTC')
RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_parse_timestamp';

COMMENT ON FUNCTION omnicrm.parse_timestamp(text, text, text) IS
  'Moment from text: a date as for parse_date(), then nothing or T or a blank and hh:mm[:ss[.ffffff]] [am|pm] [Z or offset]. Without an offset it is local time in zone. NULL when it is none. Errors: invalid_parameter_value for an unknown format or zone.';

CREATE FUNCTION omnicrm.parse_number(value text, decimal_mark text DEFAULT '.')
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_parse_number';

COMMENT ON FUNCTION omnicrm.parse_number(text, text) IS
  'Number from text: sign before or after, parentheses for negative, currency signs and codes, groups of three, decimal exponent. decimal_mark: . or , (the other one separates groups, as blanks and apostrophes do). NULL when it is none or has more than 64 digits; never NaN. Error: invalid_parameter_value for another mark.';

CREATE FUNCTION omnicrm.parse_boolean(value text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_parse_boolean';

COMMENT ON FUNCTION omnicrm.parse_boolean(text) IS
  'True or false from yes/no, sí/no, true/false, 1/0, on/off, ja/nein, oui/non, x and the like; NULL for anything else.';

CREATE FUNCTION omnicrm.content_hash(value text)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_content_hash';

COMMENT ON FUNCTION omnicrm.content_hash(text) IS
  '64-bit hash of a text (the server''s hash_bytes_extended, seed 0): the same on every machine of one byte order.';
