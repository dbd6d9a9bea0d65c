-- Values taken apart and compared by their parts: accounts, names, addresses.
-- Types are called otherwise than the functions that return them: f('literal')
-- would be read as a cast to a type f.

CREATE FUNCTION omnicrm.normalize_iban(iban text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_normalize_iban';

COMMENT ON FUNCTION omnicrm.normalize_iban(text) IS
  'Number of a bank account in capital letters and digits; blanks, hyphens, dots, slashes and a leading IBAN are dropped. Country, length, form and check digits (mod 97) must be right, in Spain the control digits of the CCC too. 20 digits alone are a Spanish CCC and become its IBAN. NULL for anything else. Source: ISO 13616.';
