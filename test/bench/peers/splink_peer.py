"""Splink on DuckDB over one data set, measured: splink_peer.py SET FOLDER [keys]

FOLDER has SET.csv (id and the columns to match, no truth) and SET.truth.csv (id,
cluster). Writes SET.splink.result.json there. With the word keys the
generated rows are blocked by the keys of omnicrm: see SameBlocks.

The settings of the three public data sets are those of Splink's own demos
(docs/demos/examples/duckdb of its repository, version 5: comparisons, blocking
rules, training rules, recall, numbers of pairs); term frequency adjustments where
the demo or the comparison library has them. The demos keep intermediate columns
for charts; here they are off, which is faster. The time is from the table in
DuckDB to the clusters in DuckDB: training, prediction, clustering.
"""
import json
import os
import resource
import sys
import time

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_analysis import count_comparisons_from_blocking_rules

from judge import judge, read_partition

# What the demo clusters with, where it clusters at all.
PROBABILITY = 0.95


class Plan:
    """How Splink is set up for one data set; prepare is SQL over the table raw."""

    system = "Splink"
    prepare = "SELECT * FROM raw"
    em_without_term_frequencies = True
    predict_options = {}
    # Thresholds tried with the truth at hand, in bits.
    thresholds = range(-6, 31)


class Historical(Plan):
    prepare = "SELECT *, first_name || ' ' || surname AS first_name_surname_concat FROM raw"
    blocking = [
        block_on("substr(first_name,1,3)", "substr(surname,1,4)"),
        block_on("surname", "dob"),
        block_on("first_name", "dob"),
        block_on("postcode_fake", "first_name"),
        block_on("postcode_fake", "surname"),
        block_on("dob", "birth_place"),
        block_on("substr(postcode_fake,1,3)", "dob"),
        block_on("substr(postcode_fake,1,3)", "first_name"),
        block_on("substr(postcode_fake,1,3)", "surname"),
        block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
    ]
    comparisons = [
        cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="first_name_surname_concat"),
        cl.DateOfBirthComparison("dob", input_is_string=True),
        cl.PostcodeComparison("postcode_fake"),
        cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
        cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
    ]
    prior_rules = [
        block_on("first_name", "surname", "dob"),
        block_on("substr(first_name,1,2)", "surname", "substr(postcode_fake,1,2)"),
        block_on("dob", "postcode_fake"),
    ]
    prior_recall = 0.6
    u_pairs = 1e7
    em_rules = [block_on("first_name", "surname"), block_on("dob")]


class Febrl3(Plan):
    blocking = [block_on("soc_sec_id"), block_on("given_name"), block_on("surname"), block_on("date_of_birth"), block_on("postcode")]
    comparisons = [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
        cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
    ]
    prior_rules = [
        block_on("soc_sec_id"),
        block_on("given_name", "surname", "date_of_birth"),
        "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
    ]
    prior_recall = 0.9
    u_pairs = 1e6
    em_rules = [block_on("date_of_birth"), block_on("postcode")]
    em_without_term_frequencies = False


class Fake1000(Plan):
    prepare = "SELECT * REPLACE (CAST(dob AS date) AS dob) FROM raw"
    blocking = [block_on("first_name"), block_on("surname"), block_on("dob"), block_on("email")]
    comparisons = [
        cl.ForenameSurnameComparison("first_name", "surname"),
        cl.DateOfBirthComparison("dob", input_is_string=False),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.EmailComparison("email"),
    ]
    prior_rules = [
        "l.first_name = r.first_name and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
        "l.surname = r.surname and levenshtein(r.dob::VARCHAR, l.dob::VARCHAR) <= 1",
        "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2",
        "l.email = r.email",
    ]
    prior_recall = 0.7
    u_pairs = 1e6
    em_rules = [block_on("dob"), block_on("email"), block_on("first_name", "surname")]


class Generated(Plan):
    """Our generator's rows have no demo. Set up as Splink's pages recommend:
    values cleaned first (case, accents, phone formats), first surnames apart from
    whole ones, comparisons for names, dates and e-mails from the library with their
    term frequencies, and many narrow blocking rules instead of a few wide ones."""

    prepare = """
      WITH clean AS (
        SELECT id, birth_date, postcode,
               nullif(trim(regexp_replace(lower(strip_accents(first_name)), '[^a-z0-9 ]', '', 'g')), '') AS first_name,
               nullif(trim(regexp_replace(lower(strip_accents(surname)), '[^a-z0-9 ]', '', 'g')), '') AS surname,
               nullif(lower(strip_accents(city)), '') AS city,
               nullif(lower(email), 'noreply@example.com') AS email,
               nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 9), '000000000') AS phone
        FROM raw
      )
      SELECT * REPLACE (nullif(CAST(birth_date AS date), date '1900-01-01') AS birth_date),
             split_part(first_name, ' ', 1) AS given, split_part(surname, ' ', 1) AS surname1,
             first_name || ' ' || surname AS full_name
      FROM clean"""
    blocking = [
        block_on("email"),
        block_on("phone"),
        block_on("surname", "birth_date"),
        block_on("given", "birth_date"),
        block_on("surname1", "birth_date"),
        block_on("postcode", "birth_date"),
        block_on("full_name", "city"),
        block_on("given", "surname1", "postcode"),
        block_on("surname", "postcode"),
        block_on("substr(given,1,3)", "substr(surname1,1,4)", "substr(birth_date::VARCHAR,1,4)"),
    ]
    comparisons = [
        cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="full_name"),
        cl.DateOfBirthComparison("birth_date", input_is_string=False),
        cl.EmailComparison("email"),
        cl.LevenshteinAtThresholds("phone", [1, 2]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.LevenshteinAtThresholds("postcode", 1).configure(term_frequency_adjustments=True),
    ]
    prior_rules = [block_on("email"), block_on("first_name", "surname", "birth_date"), block_on("surname", "phone")]
    prior_recall = 0.7
    u_pairs = 1e7
    em_rules = [block_on("email"), block_on("birth_date", "given"), block_on("phone")]
    # Pairs below this are of no use to any clustering; keeping them costs time.
    predict_options = {"threshold_match_weight": -6}
    thresholds = [0, 2, 4, 6, 8, 10, 12, 15, 20, 25]


class SameBlocks(Generated):
    """The generated rows again, with the blocks of omnicrm: SET.keys.csv has the keys of
    each record that its run kept (omnicrm.match_keys()), so both score the very same
    pairs. Making the keys is in omnicrm's time and not in Splink's."""

    system = "Splink, omnicrm's blocks"
    prepare = f"""
      WITH cleaned AS ({Generated.prepare}),
      keyed AS (
        SELECT id, list(key) AS keys FROM read_csv(getvariable('keys_file'), header = true, columns = {{'id': 'VARCHAR', 'key': 'BIGINT'}}) GROUP BY id
      )
      SELECT c.*, k.keys FROM cleaned AS c LEFT JOIN keyed AS k ON k.id = c.id"""
    blocking = [block_on("keys", arrays_to_explode=["keys"])]


PLANS = {"historical_50k": Historical, "febrl_dataset3": Febrl3, "fake_1000": Fake1000}


def main(name, folder, keys):
    plan = PLANS.get(name, SameBlocks if keys else Generated)
    con = duckdb.connect()
    if os.environ.get("DUCKDB_MEMORY"):
        con.execute(f"SET memory_limit = '{os.environ['DUCKDB_MEMORY']}'")
    source = os.path.join(folder, name + ".csv")
    con.execute("SET VARIABLE keys_file = ?", [os.path.join(folder, name + ".keys.csv")])
    con.execute("CREATE TABLE raw AS SELECT * FROM read_csv(?, header = true, all_varchar = true)", [source])
    truth = read_partition(os.path.join(folder, name + ".truth.csv"))

    phases = {}
    started = last = time.monotonic()

    def lap(phase):
        nonlocal last
        now = time.monotonic()
        phases[phase] = round(now - last, 2)
        last = now

    con.execute("CREATE TABLE input AS " + plan.prepare)
    api = DuckDBAPI(connection=con)
    frame = api.register("input")
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        blocking_rules_to_generate_predictions=plan.blocking,
        comparisons=plan.comparisons,
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    linker = Linker(frame, settings)
    lap("prepare")
    linker.training.estimate_probability_two_random_records_match(plan.prior_rules, recall=plan.prior_recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=plan.u_pairs, seed=1)
    for rule in plan.em_rules:
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=plan.em_without_term_frequencies)
    lap("train")
    pairs = linker.inference.predict(**plan.predict_options)
    lap("predict")
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=PROBABILITY)
    con.execute(f"CREATE TABLE partition AS SELECT id, cluster_id FROM {clusters.physical_name}")
    lap("cluster")
    seconds = last - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    # From here on nothing is measured.
    def partition(query):
        return {str(record): str(cluster) for record, cluster in con.execute(query).fetchall()}

    rows = [dict(judge(partition("SELECT id, cluster_id FROM partition"), truth), what=f"clusters at p {PROBABILITY}")]
    best = None
    for threshold in plan.thresholds:
        found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_weight=threshold)
        verdict = judge(partition(f"SELECT id, cluster_id FROM {found.physical_name}"), truth)
        found.drop_table_from_database_and_remove_from_cache()
        if best is None or verdict["f1"] > best["f1"]:
            best = dict(verdict, what=f"clusters, best threshold by the truth ({threshold} bits)")
    rows.append(best)

    # The pairs themselves, without clustering: the curve of the demos' charts.
    con.execute("CREATE TABLE truth AS SELECT * FROM read_csv(?, header = true, all_varchar = true)",
                [os.path.join(folder, name + ".truth.csv")])
    curve = con.execute(f"""
        SELECT round(match_weight, 1) AS weight, count(*) AS found, count(*) FILTER (WHERE a.cluster_id = b.cluster_id) AS agreed
        FROM {pairs.physical_name} AS p
          JOIN truth AS a ON a.id = p.id_l::VARCHAR
          JOIN truth AS b ON b.id = p.id_r::VARCHAR
        GROUP BY 1 ORDER BY 1 DESC""").fetchall()
    found = right = 0
    best = None
    for weight, count, agreed in curve:
        found += count
        right += agreed
        f1 = 2 * right / (found + rows[0]["true_pairs"])
        if best is None or f1 > best["f1"]:
            best = {"what": f"pairs, best threshold by the truth ({weight:.1f} bits)", "precision": right / found,
                    "recall": right / rows[0]["true_pairs"], "f1": f1}
    rows.append(best)
    counted = count_comparisons_from_blocking_rules(
        frame, blocking_rules=plan.blocking, link_type="dedupe_only", unique_id_column_name="id", record_sample_proportion=1.0)
    scored = sum(rule["marginal_comparison_count"] for rule in counted)

    result = {"set": name, "system": plan.system, "records": len(truth), "pairs": int(scored), "seconds": seconds, "peak_mb": peak_mb,
              "phases": phases, "rows": rows}
    with open(os.path.join(folder, name + (".splink_keys" if keys else ".splink") + ".result.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    print(f"{plan.system}, {name}: {seconds:.1f} s {phases}, {peak_mb:,.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["keys"])
