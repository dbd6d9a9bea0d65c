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

CREATE TYPE omnicrm.judged_pair AS (
  record_a   bigint,
  record_b   bigint,
  kind       text,
  value      text,
  priority   integer,
  similarity real,
  strength   real,
  attach     boolean,
  decision   text
);

COMMENT ON TYPE omnicrm.judged_pair IS 'Two records and what is made of them, while their component is clustered.';
COMMENT ON COLUMN omnicrm.judged_pair.record_a IS 'Smaller record id.';
COMMENT ON COLUMN omnicrm.judged_pair.record_b IS 'Larger record id.';
COMMENT ON COLUMN omnicrm.judged_pair.kind IS 'Kind of the shared value, model, or decision.';
COMMENT ON COLUMN omnicrm.judged_pair.value IS 'The shared value; of the model its bits, of a decision who decided.';
COMMENT ON COLUMN omnicrm.judged_pair.priority IS 'Of the rule: the smallest is tried first.';
COMMENT ON COLUMN omnicrm.judged_pair.similarity IS 'Of the names, 0 to 1; of the model the probability.';
COMMENT ON COLUMN omnicrm.judged_pair.strength IS 'Of the model its bits: what links of one priority are tried by, in place of similarity.';
COMMENT ON COLUMN omnicrm.judged_pair.attach IS 'True: one of the two is not named, so the link may only attach it to one customer.';
COMMENT ON COLUMN omnicrm.judged_pair.decision IS 'linked, or why not, as in match_link.';

CREATE FUNCTION omnicrm.judge_rule_of(kind text, value text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_judge_rule_of';

COMMENT ON FUNCTION omnicrm.judge_rule_of(text, text) IS
  'The rule by which a shared value is judged: its kind, and company_tax_id for the tax number of an organisation.';

CREATE TYPE omnicrm.judge_rule AS (
  kind                text,
  priority            integer,
  max_records         integer,
  min_name_similarity real,
  birth_date_guard    boolean,
  accept_mistyped     boolean
);

COMMENT ON TYPE omnicrm.judge_rule IS 'How records that share a value are judged: a row of match_rule.';
COMMENT ON COLUMN omnicrm.judge_rule.kind IS 'Kind of value, or model.';
COMMENT ON COLUMN omnicrm.judge_rule.priority IS 'The smallest is tried first.';
COMMENT ON COLUMN omnicrm.judge_rule.max_records IS 'Of the model: links of the model hold in groups of so many records at most.';
COMMENT ON COLUMN omnicrm.judge_rule.min_name_similarity IS 'As in omnicrm.judge_value().';
COMMENT ON COLUMN omnicrm.judge_rule.birth_date_guard IS 'As in omnicrm.judge_value().';
COMMENT ON COLUMN omnicrm.judge_rule.accept_mistyped IS 'As in omnicrm.judge_value().';

CREATE TYPE omnicrm.shared_value AS (
  kind    text,
  value   text,
  records bigint[]
);

COMMENT ON TYPE omnicrm.shared_value IS 'A value that records share.';
COMMENT ON COLUMN omnicrm.shared_value.kind IS 'Kind of its rule.';
COMMENT ON COLUMN omnicrm.shared_value.value IS 'Normalised value.';
COMMENT ON COLUMN omnicrm.shared_value.records IS 'Records that hold it.';

CREATE TYPE omnicrm.solved_component AS (
  pairs  omnicrm.judged_pair[],
  nodes  bigint[],
  roots  bigint[],
  judged bigint
);

COMMENT ON TYPE omnicrm.solved_component IS 'Result of omnicrm.solve_component().';
COMMENT ON COLUMN omnicrm.solved_component.pairs IS 'Links that joined two clusters, and refusals, in the order of their records.';
COMMENT ON COLUMN omnicrm.solved_component.nodes IS 'Records with links or decisions, ascending.';
COMMENT ON COLUMN omnicrm.solved_component.roots IS 'Smallest record of the cluster of each.';
COMMENT ON COLUMN omnicrm.solved_component.judged IS 'Number of pairs that there were, with those that joined nothing.';

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

CREATE FUNCTION omnicrm.match_agreement(model jsonb, pattern text)
RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_match_agreement';

COMMENT ON FUNCTION omnicrm.match_agreement(jsonb, text) IS
  'A pattern of agreement in words: an object with the level of each comparison that both records have a value for, by column. pattern: as given by omnicrm.match_pairs(). Errors: invalid_parameter_value for what is no model or no pattern of it.';

CREATE FUNCTION omnicrm.solve_component(ids bigint[], persons omnicrm.judged_person[], ties bigint[], rules omnicrm.judge_rule[],
  shared omnicrm.shared_value[], pairs omnicrm.judged_pair[], touched bigint[] DEFAULT '{}')
RETURNS omnicrm.solved_component
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5000
AS 'MODULE_PATHNAME', 'omnicrm_solve_component';

COMMENT ON FUNCTION omnicrm.solve_component(bigint[], omnicrm.judged_person[], bigint[], omnicrm.judge_rule[], omnicrm.shared_value[], omnicrm.judged_pair[], bigint[]) IS
  'Who belongs together among few records. ids: the records, ascending; persons: what is told of them; ties: decide between equal links, by the exclusive or of both ends. shared: values whose holders are judged pair by pair, by the rule of their kind (omnicrm.judge_value()); a kind without a rule links nobody. pairs: what is known of pairs besides: of kind decision by people, of kind model all links of the model among these records, of others by rules. One pair counts once: a decision first, then a link by a value, then the model. Links of the model do not bring records together that contradict each other (omnicrm.judge_contradiction(); names give way to a link of the model between the two), nor hold in groups of more records than the rule of kind model allows. Clusters are those of omnicrm.link_components(). touched: the records to look at where more are given, ascending; none: all of them. Errors: invalid_parameter_value for ids that do not ascend, arrays of different length, a record that is linked or holds a value and is not among the ids, links of the model without a rule for them; null_value_not_allowed.';

CREATE FUNCTION omnicrm.judge_shared(ids bigint[], persons omnicrm.judged_person[], rules omnicrm.judge_rule[], shared omnicrm.shared_value[], dirty bigint[])
RETURNS omnicrm.judged_pair[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'omnicrm_judge_shared';

COMMENT ON FUNCTION omnicrm.judge_shared(bigint[], omnicrm.judged_person[], omnicrm.judge_rule[], omnicrm.shared_value[], bigint[]) IS
  'The pairs of dirty records with whoever shares a value with them, each with the decision of its best rule: the strongest that accepts it, else the strongest that refuses it. ids, persons, rules, shared: as of omnicrm.solve_component(). Errors: invalid_parameter_value, null_value_not_allowed.';

CREATE TYPE omnicrm.judged_records AS (
  ids     bigint[],
  persons omnicrm.judged_person[],
  ties    bigint[]
);

COMMENT ON TYPE omnicrm.judged_records IS 'Records, as omnicrm.solve_component() is given them: arrays that belong together element by element.';
COMMENT ON COLUMN omnicrm.judged_records.ids IS 'Record ids, ascending.';
COMMENT ON COLUMN omnicrm.judged_records.persons IS 'What is told of each.';
COMMENT ON COLUMN omnicrm.judged_records.ties IS 'Decides between equal links.';

CREATE TYPE omnicrm.judged_candidate AS (
  record_a    bigint,
  record_b    bigint,
  weight      double precision,
  probability double precision,
  pattern     text,
  verdict     text
);

COMMENT ON TYPE omnicrm.judged_candidate IS 'Two records that a matching model found alike.';
COMMENT ON COLUMN omnicrm.judged_candidate.record_a IS 'Smaller record id.';
COMMENT ON COLUMN omnicrm.judged_candidate.record_b IS 'Larger record id.';
COMMENT ON COLUMN omnicrm.judged_candidate.weight IS 'Evidence in bits, with the prior.';
COMMENT ON COLUMN omnicrm.judged_candidate.probability IS 'Probability of that weight.';
COMMENT ON COLUMN omnicrm.judged_candidate.pattern IS 'Pattern of agreement, as of omnicrm.match_pairs().';
COMMENT ON COLUMN omnicrm.judged_candidate.verdict IS 'As of omnicrm.judge_weight().';

CREATE FUNCTION omnicrm.judge_partners(record_id bigint, partners bigint[], weights double precision[], probabilities double precision[], patterns text[],
  ids bigint[], persons omnicrm.judged_person[], rules omnicrm.judge_rule[], model jsonb)
RETURNS omnicrm.judged_candidate[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'omnicrm_judge_partners';

COMMENT ON FUNCTION omnicrm.judge_partners(bigint, bigint[], double precision[], double precision[], text[], bigint[], omnicrm.judged_person[], omnicrm.judge_rule[], jsonb) IS
  'The pairs of a record with its partners, as of omnicrm.match_meet(), that omnicrm.judge_weight() finds worth a look, by the rule of kind model; none without that rule. ids: the record and its partners, ascending, and persons: what is told of them; who is not among them makes no pair. Errors: invalid_parameter_value for arrays of different length, for what is no model or no pattern of it; null_value_not_allowed.';

CREATE FUNCTION omnicrm.model_links(pairs omnicrm.judged_candidate[], rules omnicrm.judge_rule[], among bigint[] DEFAULT NULL)
RETURNS omnicrm.judged_pair[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_model_links';

COMMENT ON FUNCTION omnicrm.model_links(omnicrm.judged_candidate[], omnicrm.judge_rule[], bigint[]) IS
  'The links among pairs of a model (NULL: none), with the priority of the rule of kind model. among: those alone of which both records are among these; NULL: all. Errors: invalid_parameter_value for a link without a rule of kind model; null_value_not_allowed.';

CREATE FUNCTION omnicrm.paired_records(pairs omnicrm.judged_candidate[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_paired_records';

COMMENT ON FUNCTION omnicrm.paired_records(omnicrm.judged_candidate[]) IS
  'The records of pairs of a model (NULL: none), each once, ascending. Errors: null_value_not_allowed.';

CREATE TYPE omnicrm.record_pairs AS (
  record_a bigint[],
  record_b bigint[]
);

COMMENT ON TYPE omnicrm.record_pairs IS 'Pairs of records: arrays that belong together element by element, or NULL when there is none.';
COMMENT ON COLUMN omnicrm.record_pairs.record_a IS 'Smaller record id.';
COMMENT ON COLUMN omnicrm.record_pairs.record_b IS 'Larger record id.';

CREATE FUNCTION omnicrm.pairs_across(pairs omnicrm.judged_candidate[], record_ids bigint[], customer_ids bigint[])
RETURNS omnicrm.record_pairs
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_pairs_across';

COMMENT ON FUNCTION omnicrm.pairs_across(omnicrm.judged_candidate[], bigint[], bigint[]) IS
  'The pairs of a model (NULL: none) with one of these records and one that is not of the same customer, each once, in the order of their records; record_ids[i] belongs to customer_ids[i]. NULL for none. Errors: invalid_parameter_value for arrays of different length, null_value_not_allowed.';

CREATE FUNCTION omnicrm.shared_holders(shared omnicrm.shared_value[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_shared_holders';

COMMENT ON FUNCTION omnicrm.shared_holders(omnicrm.shared_value[]) IS
  'The records that hold one of these values, each once, ascending. Errors: null_value_not_allowed.';

CREATE FUNCTION omnicrm.apart_records(links omnicrm.judged_pair[], ids bigint[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_apart_records';

COMMENT ON FUNCTION omnicrm.apart_records(omnicrm.judged_pair[], bigint[]) IS
  'The records that clustering has kept apart from one of these (tax numbers differ, already linked elsewhere, groups differ, decided apart), each once, ascending. Errors: null_value_not_allowed.';

CREATE FUNCTION omnicrm.linked_records(pairs omnicrm.judged_pair[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_linked_records';

COMMENT ON FUNCTION omnicrm.linked_records(omnicrm.judged_pair[]) IS
  'The records of the pairs that are linked, and not decided apart, each once, ascending. Errors: null_value_not_allowed.';

CREATE FUNCTION omnicrm.changed_links(dirty bigint[], touched bigint[], old omnicrm.judged_pair[], pairs omnicrm.judged_pair[],
  OUT gone_a bigint[], OUT gone_b bigint[], OUT made omnicrm.judged_pair[], OUT linked bigint, OUT refused bigint)
RETURNS record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_changed_links';

COMMENT ON FUNCTION omnicrm.changed_links(bigint[], bigint[], omnicrm.judged_pair[], omnicrm.judged_pair[]) IS
  'What changes when the links of dirty records, and those between two touched ones, are these pairs. old: links of the touched records that are stored. Result: the records of links to be deleted, element by element; pairs to be stored; how many pairs are linked and how many refused. Errors: null_value_not_allowed.';

CREATE FUNCTION omnicrm.distinct_ids(ids bigint[], without bigint[] DEFAULT '{}')
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_distinct_ids';

COMMENT ON FUNCTION omnicrm.distinct_ids(bigint[], bigint[]) IS
  'Each id once, ascending, without those of the second array. Errors: null_value_not_allowed.';
