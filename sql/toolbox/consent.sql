-- Keyed hashes: to recognise a value again without keeping it.

CREATE FUNCTION omnicrm.keyed_hash(secret bytea, value text)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_keyed_hash';

COMMENT ON FUNCTION omnicrm.keyed_hash(bytea, text) IS
  'HMAC-SHA256 (RFC 2104) of the bytes of a text under a secret: 32 bytes, the same for the same text, and nothing to guess from without the secret, as there is from a plain hash of a phone number. Its time depends on the lengths alone. Error: invalid_parameter_value for a secret below 16 bytes.';

CREATE FUNCTION omnicrm.keyed_hash_matches(secret bytea, value text, hash bytea)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_keyed_hash_matches';

COMMENT ON FUNCTION omnicrm.keyed_hash_matches(bytea, text, bytea) IS
  'True when the hash is omnicrm.keyed_hash() of the value under the secret. All bytes are compared, wherever the first difference is: the time of an answer tells nothing of the hash. Error: invalid_parameter_value for a secret below 16 bytes.';

CREATE FUNCTION omnicrm.short_tag(value text)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'omnicrm_short_tag';

COMMENT ON FUNCTION omnicrm.short_tag(text) IS
  'The low 20 bits of the CRC-32C of a text, 0 to 1048575, the same on every machine: a first look-up before omnicrm.keyed_hash(), which takes a hundred times as long. Thousands of phone numbers have one tag.';
