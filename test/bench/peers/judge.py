"""Judges a partition of records by the true one, for every system alike, and
prints the table of results.

The definitions are those of omnicrm.match_evaluate(): pairwise over all true
pairs, B-cubed over all records (singletons included), on the final partition.
"""
import csv
import glob
import json
import os
import sys
from collections import Counter


def read_partition(path):
    """A CSV file with a header and two columns, id and cluster, as a dict."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        partition = {}
        for record, cluster in rows:
            if record in partition:
                raise SystemExit(f"{path}: record {record} comes twice")
            partition[record] = cluster
    return partition


def judge(found, truth):
    """Pairwise and B-cubed figures of one partition; both have the same records."""
    if found.keys() != truth.keys():
        raise SystemExit(f"the records differ: {len(found)} found, {len(truth)} in the truth")
    cells = Counter((found[record], cluster) for record, cluster in truth.items())
    cluster_size = Counter(found.values())
    truth_size = Counter(truth.values())
    pairs = lambda sizes: sum(n * (n - 1) // 2 for n in sizes.values())
    true_pairs, found_pairs, right_pairs = pairs(truth_size), pairs(cluster_size), pairs(cells)
    precision = sum(n * n / cluster_size[c] for (c, t), n in cells.items()) / len(truth)
    recall = sum(n * n / truth_size[t] for (c, t), n in cells.items()) / len(truth)
    return {
        "records": len(truth),
        "true_pairs": true_pairs,
        "found_pairs": found_pairs,
        "right_pairs": right_pairs,
        "precision": right_pairs / found_pairs if found_pairs else 1.0,
        "recall": right_pairs / true_pairs if true_pairs else 1.0,
        "f1": 2 * right_pairs / (found_pairs + true_pairs) if found_pairs + true_pairs else 1.0,
        "b_cubed_f1": 2 * precision * recall / (precision + recall),
    }


def table(folder):
    """All results of a folder as one table in Markdown."""
    order = ["fake_1000", "febrl_dataset3", "historical_50k"]
    results = []
    for path in glob.glob(os.path.join(folder, "*.result.json")):
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    results.sort(key=lambda r: (order.index(r["set"]) if r["set"] in order else len(order), r["records"], r["system"]))
    head = ["data set", "records", "system", "pairs scored", "seconds", "peak MB", "result", "precision", "recall", "F1", "B³"]
    lines = [head]
    for r in results:
        for position, row in enumerate(r["rows"]):
            first = position == 0
            lines.append([
                r["set"] if first else "",
                f"{r['records']:,}" if first else "",
                r["system"] if first else "",
                f"{r['pairs']:,}" if first and r.get("pairs") else "",
                f"{r['seconds']:.1f}" if first else "",
                f"{r['peak_mb']:,.0f}" if first else "",
                row["what"],
                f"{row['precision']:.4f}",
                f"{row['recall']:.4f}",
                f"{row['f1']:.4f}",
                f"{row['b_cubed_f1']:.4f}" if row.get("b_cubed_f1") is not None else "",
            ])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) if i in (0, 2, 6) else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))]
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 1) + ("-" if i in (0, 2, 6) else ":") for i, width in enumerate(widths)) + "|")


if __name__ == "__main__":
    table(sys.argv[1])
