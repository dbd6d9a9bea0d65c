-- Whether two records are one customer: the rules for a pair, which a hub runs over
-- all its records and over those that one change touches (src/identity/judge.c).

CREATE TYPE omnicrm.judged_person AS (
  kind      text,
  full_name text,
  name_key  text,
  born      date,
  plausible boolean,
  email     text,
  phone     text,
  tax_id    text
);

COMMENT ON TYPE omnicrm.judged_person IS 'What is told of a person or organisation, as far as two of them are judged by it.';
COMMENT ON COLUMN omnicrm.judged_person.kind IS 'person or organisation.';
COMMENT ON COLUMN omnicrm.judged_person.full_name IS 'Full name.';
COMMENT ON COLUMN omnicrm.judged_person.name_key IS 'omnicrm.name_key() of it.';
COMMENT ON COLUMN omnicrm.judged_person.born IS 'Date of birth.';
COMMENT ON COLUMN omnicrm.judged_person.plausible IS 'True: the date of birth may tell people apart.';
COMMENT ON COLUMN omnicrm.judged_person.email IS 'Normalised e-mail address.';
COMMENT ON COLUMN omnicrm.judged_person.phone IS 'Phone number, E.164.';
COMMENT ON COLUMN omnicrm.judged_person.tax_id IS 'Normalised tax number.';

CREATE TYPE omnicrm.judgement AS (
  similarity real,
  attach     boolean,
  decision   text
);

COMMENT ON TYPE omnicrm.judgement IS 'Result of omnicrm.judge_value().';
COMMENT ON COLUMN omnicrm.judgement.similarity IS 'Similarity of the names, 0 to 1; NULL when one of the two has none.';
COMMENT ON COLUMN omnicrm.judgement.attach IS 'True: one of the two is not named (a person of whom one word is known, or none), so that a link may only attach it to one customer.';
COMMENT ON COLUMN omnicrm.judgement.decision IS 'linked, person and organisation, names differ or birth dates differ.';

CREATE FUNCTION omnicrm.judge_value(a omnicrm.judged_person, b omnicrm.judged_person, min_name_similarity real,
  birth_date_guard boolean, accept_mistyped boolean)
RETURNS omnicrm.judgement
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_judge_value';

COMMENT ON FUNCTION omnicrm.judge_value(omnicrm.judged_person, omnicrm.judged_person, real, boolean, boolean) IS
  'What a value that two records share makes of them, by the rule of its kind. min_name_similarity: two named records link only when omnicrm.name_similarity() reaches it (one word: .45 at most). birth_date_guard: two plausible birth dates that differ by more than a typing error forbid the link. accept_mistyped: names below the limit link too when they may be one, mistyped, and the birth date, or e-mail and phone, are the same. A person and an organisation never link.';

CREATE FUNCTION omnicrm.judge_weight(a omnicrm.judged_person, b omnicrm.judged_person, weight double precision, pattern text,
  model jsonb, min_name_similarity real, birth_date_guard boolean, accept_mistyped boolean)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_judge_weight';

COMMENT ON FUNCTION omnicrm.judge_weight(omnicrm.judged_person, omnicrm.judged_person, double precision, text, jsonb, real, boolean, boolean) IS
  'What the evidence of a matching model makes of two records of persons. weight: bits; pattern: as given by omnicrm.match_pairs(); the model''s threshold and review apply, and its columns given_name, surname, birth_date, email, phone, tax_id, street and postcode are looked at. Result: link, below the threshold, birth dates differ, name of one word, name and address only; NULL for a pair that is not worth a look. Errors: invalid_parameter_value for what is no model or no pattern of it.';

CREATE FUNCTION omnicrm.judge_contradiction(a omnicrm.judged_person, b omnicrm.judged_person, min_name_similarity real,
  birth_date_guard boolean, accept_mistyped boolean)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_judge_contradiction';

COMMENT ON FUNCTION omnicrm.judge_contradiction(omnicrm.judged_person, omnicrm.judged_person, real, boolean, boolean) IS
  'Whether two records contradict each other, so that no link of a model may bring them into one group: birth dates (plausible and more than a typing error apart), names (two words each, less similar than the limit); NULL: neither.';
