-- Text in columns, for reports on a terminal.

CREATE FUNCTION omnicrm.display_width(value text)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_display_width';

COMMENT ON FUNCTION omnicrm.display_width(text) IS
  'Columns that a text takes on a terminal: wide characters of East Asia take two, combining marks none, control characters one (see omnicrm.fit).';

CREATE FUNCTION omnicrm.fit(value text, width integer, align text DEFAULT 'left')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_fit';

COMMENT ON FUNCTION omnicrm.fit(text, integer, text) IS
  'The text in exactly width columns (0 to 10000): padded with blanks, or cut with an ellipsis at its end. align: left, right or center. Control characters, among them terminal escapes and marks that turn the direction of writing, become a middle dot. Error: invalid_parameter_value.';
