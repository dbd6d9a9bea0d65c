-- What all pictures have in common: SVG as text, one file that a browser opens.
-- Signs outside ASCII are written as references, so that the encoding of the
-- database plays no part. A picture is a function of its data to the byte: sums
-- are exact, places are rounded, rows may come in any order.

CREATE FUNCTION omnicrm.svg_text(value text, longest integer DEFAULT 200)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  -- U+FFFE and U+FFFF are no characters of XML. Their numbers depend on the
  -- value for show only: as constants they would be computed in every encoding.
  SELECT replace(replace(replace(replace(replace(
           CASE WHEN getdatabaseencoding() = 'UTF8' THEN translate(shown, chr(65534 + 0 * length(value)) || chr(65535 + 0 * length(value)), '  ') ELSE shown END,
           '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
         || CASE WHEN length(value) > longest THEN '&#8230;' ELSE '' END
  FROM regexp_replace(left(value, CASE WHEN length(value) > longest THEN longest - 1 ELSE longest END), '[\x01-\x1f\x7f]+', ' ', 'g') AS shown
$$;

COMMENT ON FUNCTION omnicrm.svg_text(text, integer) IS
  'Text for use in XML: special characters as references, control characters as blanks, cut after so many characters. Null when one is null.';

CREATE FUNCTION omnicrm.svg_number(value double precision, format text DEFAULT 'FM999990.0')
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN value = 'Infinity' THEN '&#8734;'
              WHEN value = '-Infinity' THEN '&#8722;&#8734;'
              WHEN shown ~ '[1-9]' THEN CASE WHEN value < 0 THEN '&#8722;' ELSE '' END || shown
              ELSE shown END
  FROM rtrim(to_char(CASE WHEN abs(value) < 999999 THEN abs(value)::numeric ELSE 999999 END, format), '.') AS shown
$$;

COMMENT ON FUNCTION omnicrm.svg_number(double precision, text) IS
  'A number for use in a chart: in a format of to_char(), with a minus sign and a sign for infinity; 999999 stands for what is greater. Null when one is null.';

-- A count or an amount of any size in a few signs.
CREATE FUNCTION omnicrm.svg_short(value numeric)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN size >= 1e24 THEN CASE WHEN value < 0 THEN '&lt; &#8722;1e24' ELSE '&gt; 1e24' END
              ELSE CASE WHEN value < 0 AND shown ~ '[1-9]' THEN '&#8722;' ELSE '' END || shown END
  FROM (SELECT CASE
      WHEN size >= 999950000000 THEN to_char(size / 1000000000000, 'FM999,999,999,990.0') || ' T'
      WHEN size >= 999950000 THEN to_char(size / 1000000000, 'FM990.0') || ' bn'
      WHEN size >= 999950 THEN to_char(size / 1000000, 'FM990.0') || ' M'
      WHEN size >= 99999.5 THEN to_char(size / 1000, 'FM990.0') || ' k'
      WHEN size >= 100 OR size = trunc(size) THEN to_char(size, 'FM99,990')
      ELSE rtrim(to_char(size, 'FM990.99'), '.') END AS shown, size
    FROM (SELECT abs(value) AS size) AS a) AS s
$$;

COMMENT ON FUNCTION omnicrm.svg_short(numeric) IS
  'A number for use in a chart in a few signs: 12,345, 123.4 k, 1.2 M, 1.2 bn, 1.2 T. Null when it is null.';

-- Shares are read by their first digits, however small they are.
CREATE FUNCTION omnicrm.svg_percent(share double precision)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN size = 0 THEN '0'
              WHEN size < 0.000001 THEN '&lt; 0.0001'
              WHEN size >= 1000 THEN omnicrm.svg_short(round(share::numeric * 100))
              ELSE CASE WHEN share < 0 THEN '&#8722;' ELSE '' END
                   || to_char(size::numeric * 100, CASE WHEN size >= 0.0995 THEN 'FM999990.0' WHEN size >= 0.00995 THEN 'FM990.00'
                                                        WHEN size >= 0.0001 THEN 'FM990.000' ELSE 'FM990.0000' END) END || ' %'
  FROM (SELECT abs(share) AS size) AS s
$$;

COMMENT ON FUNCTION omnicrm.svg_percent(double precision) IS
  'A share, 1 for all, as percentage for use in a chart, with more decimals the smaller it is. Null when it is null.';

-- Round numbers for an axis: the step of at most so many.
CREATE FUNCTION omnicrm.svg_step(span double precision, marks integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT power * CASE WHEN span / marks <= power THEN 1 WHEN span / marks <= 2 * power THEN 2 WHEN span / marks <= 5 * power THEN 5 ELSE 10 END
  FROM (SELECT 10 ^ floor(log(span / marks)) AS power) AS p
$$;

COMMENT ON FUNCTION omnicrm.svg_step(double precision, integer) IS
  'The step 1, 2 or 5 times a power of ten that divides a positive span into at most so many parts. Null when one is null.';

CREATE FUNCTION omnicrm.svg_open(width integer, height integer, title text, description text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format($svg$<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %1$s %2$s" width="%1$s" height="%2$s" role="img" aria-labelledby="title description">
<title id="title">%3$s</title>
<desc id="description">%4$s</desc>
<style>
  text { font: 13px "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328; font-variant-numeric: tabular-nums; }
  .paper { fill: #ffffff; }
  .title { font-size: 20px; font-weight: 600; }
  .group { font-size: 14px; font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round; }
  .quiet { fill: #667079; }
  .small { font-size: 11.5px; fill: #667079; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  .band { fill: #f4f6f8; }
  .grid { stroke: #e3e7eb; stroke-width: 1; }
  .zero { stroke: #8b949e; stroke-width: 1; }
  .for { fill: #2b6cb0; }
  .against { fill: #d0672b; }
  .start { fill: #8b949e; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  .precision { stroke: #2b6cb0; }
  .recall { stroke: #d0672b; }
  .f1 { stroke: #2f7d4f; stroke-width: 3; }
  .dot { stroke: #ffffff; stroke-width: 1.5; }
  .dot.precision, .label.precision { fill: #2b6cb0; }
  .dot.recall, .label.recall { fill: #b9551e; }
  .dot.f1, .label.f1 { fill: #2f7d4f; }
  .label { stroke: none; font-weight: 600; }
  .best { stroke: #2f7d4f; stroke-width: 1; stroke-dasharray: 4 4; }
  .strong { font-weight: 600; }
  .small.ink { fill: #1f2328; }
  .small.over { fill: #ffffff; }
  .large { font-size: 17px; font-weight: 600; }
  .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .heat { fill: #1d4f8c; }
  .over { fill: #ffffff; }
  .area { fill: #2b6cb0; fill-opacity: 0.12; }
  .even { stroke: #8b949e; stroke-width: 1; stroke-dasharray: 3 4; }
  .flow { fill-opacity: 0.32; }
  .alarm { fill: none; stroke: #c4302b; stroke-width: 3; }
  .alarmed { fill: #c4302b; font-weight: 600; }
  .s1 { fill: #2b6cb0; } .s2 { fill: #d0672b; } .s3 { fill: #2f7d4f; } .s4 { fill: #8e4fa8; }
  .s5 { fill: #a9861d; } .s6 { fill: #2a8c94; } .s7 { fill: #b84a6b; } .s8 { fill: #6b7480; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .paper { fill: #15181d; }
    .group { stroke: #15181d; }
    .quiet, .small { fill: #9aa4af; }
    .band { fill: #1c2128; }
    .grid { stroke: #2c333b; }
    .zero { stroke: #768390; }
    .for { fill: #6cb0f5; }
    .against { fill: #f0935a; }
    .start { fill: #768390; }
    .precision { stroke: #6cb0f5; }
    .recall { stroke: #f0935a; }
    .f1 { stroke: #6fcf97; }
    .dot { stroke: #15181d; }
    .dot.precision, .label.precision { fill: #6cb0f5; }
    .dot.recall, .label.recall { fill: #f0935a; }
    .dot.f1, .label.f1 { fill: #6fcf97; }
    .label { stroke: none; }
    .best { stroke: #6fcf97; }
    .halo { stroke: #15181d; }
    .small.ink { fill: #e6edf3; }
    .small.over { fill: #15181d; }
    .heat { fill: #6cb0f5; }
    .over { fill: #15181d; }
    .area { fill: #6cb0f5; }
    .even { stroke: #768390; }
    .alarm { stroke: #ff7b72; }
    .alarmed { fill: #ff7b72; }
    .s1 { fill: #6cb0f5; } .s2 { fill: #f0935a; } .s3 { fill: #6fcf97; } .s4 { fill: #c79be0; }
    .s5 { fill: #e0bd5c; } .s6 { fill: #62c6cf; } .s7 { fill: #f08fae; } .s8 { fill: #a3adb8; }
  }
</style>
<rect class="paper" width="%1$s" height="%2$s" rx="8"/>
$svg$, width, height, title, description)
$$;

COMMENT ON FUNCTION omnicrm.svg_open(integer, integer, text, text) IS
  'Begin of an SVG picture of a size: title and description (already escaped), colours for light and dark, background. Null when one is null.';

CREATE FUNCTION omnicrm.svg_at(place double precision)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT trim_scale(round(place::numeric, 1))::text $$;

COMMENT ON FUNCTION omnicrm.svg_at(double precision) IS
  'A place or a length in a picture, to a tenth of a point. Null when it is null.';

-- Title, description and the two lines on top, or a picture that has nothing to show.
CREATE FUNCTION omnicrm.svg_begin(width integer, height integer, title text, note text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT omnicrm.svg_open(width, height, omnicrm.svg_text(coalesce(title, '')), note)
         || format(E'<text class="title" x="24" y="40">%s</text>\n<text class="quiet" x="24" y="64">%s</text>\n', omnicrm.svg_text(coalesce(title, ''), 70), note)
$$;

COMMENT ON FUNCTION omnicrm.svg_begin(integer, integer, text, text) IS
  'Begin of an SVG picture of a size with its title (any text; null: none) and a line below it (already escaped), both told to screen readers too.';

CREATE FUNCTION omnicrm.svg_nothing(title text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT omnicrm.svg_begin(860, 100, title, 'There is nothing to show.') || '</svg>' $$;

COMMENT ON FUNCTION omnicrm.svg_nothing(text) IS 'A picture that says that there is nothing to show.';

CREATE FUNCTION omnicrm.svg_rows(rows jsonb, most integer, OUT n integer, OUT body jsonb)
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF rows IS NULL OR rows = 'null' THEN
    RETURN;
  END IF;
  IF jsonb_typeof(rows) <> 'array' THEN
    RAISE EXCEPTION 'rows of a chart must be an array of objects, not %', left(rows::text, 40)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Make them by jsonb_agg(t) from a query with t as the name of its row.';
  END IF;
  IF jsonb_array_length(rows) > most THEN
    RAISE EXCEPTION 'a chart of % rows cannot be read', jsonb_array_length(rows)
      USING ERRCODE = 'program_limit_exceeded', HINT = format('At most %s are drawn: sum them up first, or show the largest.', most);
  END IF;
  FOR n, body IN SELECT r.ordinality, r.value FROM jsonb_array_elements(rows) WITH ORDINALITY AS r LOOP
    IF jsonb_typeof(body) <> 'object' THEN
      RAISE EXCEPTION 'row % of the chart is no object: %', n, left(body::text, 40)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Make them by jsonb_agg(t) from a query with t as the name of its row.';
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

COMMENT ON FUNCTION omnicrm.svg_rows(jsonb, integer) IS
  'The rows that a chart is given, a jsonb array of objects: number and object of each. Null or an empty array: none. Errors: invalid_parameter_value, program_limit_exceeded for more than so many.';

CREATE FUNCTION omnicrm.svg_value(body jsonb, member text, lowest numeric DEFAULT -1e15, needed boolean DEFAULT true)
RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kind text := coalesce(jsonb_typeof(body -> member), 'null');
  value numeric;
BEGIN
  IF kind = 'null' AND NOT needed THEN
    RETURN NULL;
  END IF;
  IF kind <> 'number' THEN
    RAISE EXCEPTION '% of a row of the chart is no number: %', member, coalesce(left((body -> member)::text, 40), 'missing')
      USING ERRCODE = 'invalid_parameter_value', HINT = format('The row is %s.', left(body::text, 200));
  END IF;
  value := (body ->> member)::numeric;
  IF value < lowest OR value > 1e15 THEN
    RAISE EXCEPTION '% of a row of the chart is out of range: %', member, left(value::text, 40)
      USING ERRCODE = 'invalid_parameter_value', HINT = format('It may lie between %s and 1e15.', lowest);
  END IF;
  RETURN round(value, 12);
END
$$;

COMMENT ON FUNCTION omnicrm.svg_value(jsonb, text, numeric, boolean) IS
  'A number of a row of a chart, with at most 12 decimals; null for a null or missing member that is not needed. Errors: invalid_parameter_value for another type, a needed member that is missing, and numbers below the lowest or above 1e15.';

CREATE FUNCTION omnicrm.svg_label(body jsonb, member text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(body ->> member, '(none)') $$;

COMMENT ON FUNCTION omnicrm.svg_label(jsonb, text) IS 'A name of a row of a chart as text, not yet escaped; (none) for a null or missing one.';
