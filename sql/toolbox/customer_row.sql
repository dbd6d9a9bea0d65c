-- What a source delivers of a customer, normalised, checked and flagged by the rules
-- of crm.contract_rule (src/identity/customer_row.c). crm.load() and crm.ingest() both
-- read their rows by it.

CREATE TYPE omnicrm.customer_row AS (
  key          text COLLATE "C",
  business_at  timestamptz,
  entered_by   text COLLATE "C",
  kind         text COLLATE "C",
  full_name    text COLLATE "C",
  given_name   text COLLATE "C",
  surname      text COLLATE "C",
  birth_date   date,
  gender       text COLLATE "C",
  email        text COLLATE "C",
  phone        text COLLATE "C",
  tax_id       text COLLATE "C",
  street       text COLLATE "C",
  postcode     text COLLATE "C",
  city         text COLLATE "C",
  province     text COLLATE "C",
  country      text COLLATE "C",
  loyalty_card text COLLATE "C",
  device       text COLLATE "C",
  username     text COLLATE "C",
  name_key     text COLLATE "C",
  quality      text,
  flags        text[],
  attributes   jsonb,
  content_hash bigint,
  rule         text,
  detail       text
);

COMMENT ON TYPE omnicrm.customer_row IS 'Result of omnicrm.read_customer(): a row that a source delivers of a customer, as crm.source_record keeps it.';
COMMENT ON COLUMN omnicrm.customer_row.key IS 'Key of the row in its source, without blanks around it.';
COMMENT ON COLUMN omnicrm.customer_row.business_at IS 'Date of the content according to the source.';
COMMENT ON COLUMN omnicrm.customer_row.entered_by IS 'Key of the employee who entered it.';
COMMENT ON COLUMN omnicrm.customer_row.kind IS 'person or organisation: as told, else as the tax number has it, else person.';
COMMENT ON COLUMN omnicrm.customer_row.full_name IS 'Full name, or given names and surname.';
COMMENT ON COLUMN omnicrm.customer_row.given_name IS 'Given names.';
COMMENT ON COLUMN omnicrm.customer_row.surname IS 'Surname or surnames.';
COMMENT ON COLUMN omnicrm.customer_row.birth_date IS 'Date of birth, where it is possible.';
COMMENT ON COLUMN omnicrm.customer_row.gender IS 'female, male or other.';
COMMENT ON COLUMN omnicrm.customer_row.email IS 'Normalised e-mail address.';
COMMENT ON COLUMN omnicrm.customer_row.phone IS 'Phone number, E.164.';
COMMENT ON COLUMN omnicrm.customer_row.tax_id IS 'Normalised tax number.';
COMMENT ON COLUMN omnicrm.customer_row.street IS 'Street, number, floor.';
COMMENT ON COLUMN omnicrm.customer_row.postcode IS 'Postal code.';
COMMENT ON COLUMN omnicrm.customer_row.city IS 'City.';
COMMENT ON COLUMN omnicrm.customer_row.province IS 'Province, state or region.';
COMMENT ON COLUMN omnicrm.customer_row.country IS 'Country as delivered.';
COMMENT ON COLUMN omnicrm.customer_row.loyalty_card IS 'Loyalty card number: capitals, no separators.';
COMMENT ON COLUMN omnicrm.customer_row.device IS 'Device or cookie identifier.';
COMMENT ON COLUMN omnicrm.customer_row.username IS 'User name, lower case.';
COMMENT ON COLUMN omnicrm.customer_row.name_key IS 'omnicrm.name_key() of the full name.';
COMMENT ON COLUMN omnicrm.customer_row.quality IS 'One digit for each of full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city, province, country, loyalty_card and username: 0 none or rejected, 3 implausible, 6 unchecked, 9 checked and valid.';
COMMENT ON COLUMN omnicrm.customer_row.flags IS 'Names of the value rules that the row broke; NULL: none.';
COMMENT ON COLUMN omnicrm.customer_row.attributes IS 'Further attributes.';
COMMENT ON COLUMN omnicrm.customer_row.content_hash IS 'omnicrm.content_hash() of the fingerprint and the row as delivered.';
COMMENT ON COLUMN omnicrm.customer_row.rule IS 'Rule by which the row goes into quarantine: missing_key, value_too_long or empty_row; NULL: none.';
COMMENT ON COLUMN omnicrm.customer_row.detail IS 'The value that broke it.';

CREATE FUNCTION omnicrm.read_customer(
  key text, kind text, full_name text, given_name text, surname text, birth_date text, gender text, email text, phone text, tax_id text,
  street text, postcode text, city text, province text, country text, loyalty_card text, device text, username text, business_at text,
  entered_by text, born_on date, happened_at timestamptz, happened_on date, attributes jsonb, payload jsonb, region text, fingerprint text, today date
)
RETURNS omnicrm.customer_row
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'omnicrm_read_customer';

COMMENT ON FUNCTION omnicrm.read_customer(
  text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, text, date, timestamptz, date, jsonb,
  jsonb, text, text, date) IS
  'A row that a source delivers of a customer, normalised, checked and flagged as crm.load() does. key to entered_by: texts as delivered, NULL where there is none. born_on, happened_at: what the texts birth_date and business_at say; happened_on: the day of the latter where the source is. attributes: further ones. payload: the row as delivered. region: two-letter country of phones, postcodes and tax numbers that come without one. fingerprint: what the content hash depends on beside the payload. today: the day on which the row comes in. NULL when payload, fingerprint or today is NULL.';

CREATE FUNCTION omnicrm.read_customer(record jsonb, region text, fingerprint text, today date)
RETURNS omnicrm.customer_row
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'omnicrm_read_customer_json';

COMMENT ON FUNCTION omnicrm.read_customer(jsonb, text, text, date) IS
  'A customer as an object whose members are the targets of crm.load() (key, full_name, email, ..., further ones in an object "attributes"), normalised, checked and flagged as crm.load() does. Dates in ISO form or one that has one reading only, times in UTC. region, fingerprint, today: as for the other omnicrm.read_customer(). Error: invalid_parameter_value when record is no object.';

CREATE FUNCTION omnicrm.require_customers(records jsonb)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_require_customers';

COMMENT ON FUNCTION omnicrm.require_customers(jsonb) IS
  'Number of records in an array of objects that omnicrm.read_customer() can read. Errors: invalid_parameter_value for records that are no objects and for attributes that a customer does not have or that are objects or arrays.';

CREATE TYPE omnicrm.customer_identifier AS (
  kind  text COLLATE "C",
  value text COLLATE "C"
);

COMMENT ON TYPE omnicrm.customer_identifier IS 'Result of omnicrm.customer_identifiers(): an identifier of a customer record.';
COMMENT ON COLUMN omnicrm.customer_identifier.kind IS 'device, email, loyalty_card, name_birth, name_postcode, phone, tax_id or username.';
COMMENT ON COLUMN omnicrm.customer_identifier.value IS 'Normalised value; of a name its name_key, |, and the date of birth or the postcode.';

CREATE FUNCTION omnicrm.customer_identifiers(
  device text, email text, loyalty_card text, phone text, tax_id text, username text, name_key text, birth_date date, postcode text, region text,
  today date
)
RETURNS SETOF omnicrm.customer_identifier
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100 ROWS 5
AS 'MODULE_PATHNAME', 'omnicrm_customer_identifiers';

COMMENT ON FUNCTION omnicrm.customer_identifiers(text, text, text, text, text, text, text, date, text, text, date) IS
  'Identifiers by which a customer record is found, ascending by hashtextextended(value, 0): the values that are there, of up to 400 bytes; name_birth, where name_key has two words and the date of birth is less than 110 years before today; name_postcode, where it has two words, or three when region (two-letter country of the source) is one where people bear two surnames.';
