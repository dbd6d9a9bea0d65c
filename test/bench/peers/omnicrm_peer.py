"""omnicrm over the data set in peer.data, measured: omnicrm_peer.py SET FOLDER POSTMASTER

One call, omnicrm.resolve_entities(), with nothing but the kinds of the columns,
and the same options for every data set. Memory is the greatest sum, sampled every
20 ms, of the proportional set sizes of the backend and its parallel workers, so
their share of the shared buffers is in it. Writes SET.omnicrm.result.json.
"""
import json
import os
import subprocess
import sys
import threading
import time

from judge import judge, read_partition

FIELDS = {
    "fake_1000": {"first_name": "given_name", "surname": "surname", "dob": "birth_date", "city": "city", "email": "email"},
    "febrl_dataset3": {"given_name": "given_name", "surname": "surname", "street_number": "code", "address_1": "address", "address_2": "text",
                       "suburb": "city", "postcode": "postcode", "state": "text", "date_of_birth": "birth_date", "soc_sec_id": "code"},
    "historical_50k": {"first_name": "given_name", "surname": "surname", "dob": "birth_date", "birth_place": "city", "postcode_fake": "postcode",
                       "occupation": "text"},
}
GENERATED = {"first_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email", "phone": "phone", "city": "city",
             "postcode": "postcode"}


def psql(*commands):
    """Output of SQL commands, run by psql in one session."""
    arguments = [part for command in commands for part in ("-c", command)]
    done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"psql failed: {commands}: {done.stderr}")
    return done.stdout.strip()


def proportional_set_kb(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, ValueError):
        return 0


def backends(postmaster):
    """Client backends and parallel workers of a server."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            if parent == postmaster:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8", errors="replace") as file:
                    title = file.read()
                if "omnicrm_owner" in title or "parallel worker" in title:
                    found.append(entry)
        except (OSError, ValueError, IndexError):
            continue
    return found


class MemoryWatch(threading.Thread):
    """Samples memory until stopped."""

    def __init__(self, postmaster):
        super().__init__(daemon=True)
        self.postmaster, self.peak, self.stopped = postmaster, 0, threading.Event()

    def run(self):
        while not self.stopped.wait(0.02):
            self.peak = max(self.peak, sum(proportional_set_kb(pid) for pid in backends(self.postmaster)))


def export_keys(name, folder, fields):
    """The blocking keys that a run keeps, for a peer to block by: SET.keys.csv."""
    psql(f"CREATE TABLE peer.model AS SELECT omnicrm.match_train('peer.data', 'id', '{fields}') AS model")
    query = """
      WITH cap AS (
        SELECT m.model, (m.model ->> 'max_block')::integer AS most,
               coalesce(m.model ->> 'max_weak_block', m.model ->> 'max_block')::integer AS weak
        FROM peer.model AS m
      ), held AS MATERIALIZED (
        SELECT k.id, u.key FROM cap AS c CROSS JOIN omnicrm.match_keys('peer.data', 'id', c.model) AS k CROSS JOIN unnest(k.keys) AS u(key)
      ), kept AS (
        SELECT h.key FROM held AS h CROSS JOIN cap AS c GROUP BY h.key, c.most, c.weak
        HAVING count(*) BETWEEN 2 AND CASE h.key & 3 WHEN 0 THEN c.weak WHEN 1 THEN least(c.most / 3, c.weak) ELSE c.most END
      )
      SELECT h.id, h.key FROM held AS h JOIN kept AS k ON k.key = h.key"""
    with open(os.path.join(folder, name + ".keys.csv"), "w", encoding="utf-8") as file:
        subprocess.run(["psql", "-qX", "-c", f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER true)"], stdout=file, check=True)


def main(name, folder, postmaster):
    if psql("SELECT to_regproc('omnicrm.resolve_entities') IS NULL") == "t":
        print("omnicrm: this version has no resolve_entities(), left out", file=sys.stderr)
        return
    fields = json.dumps(FIELDS.get(name, GENERATED))
    watch = MemoryWatch(postmaster)
    watch.start()
    started = time.monotonic()
    psql(f"CREATE TABLE peer.found AS SELECT r.id, r.cluster_id FROM omnicrm.resolve_entities('peer.data', 'id', '{fields}') AS r")
    seconds = time.monotonic() - started
    watch.stopped.set()
    watch.join()

    path = os.path.join(folder, name + ".omnicrm.csv")
    with open(path, "w", encoding="utf-8") as file:
        subprocess.run(["psql", "-qX", "-c", "COPY (SELECT f.id, f.cluster_id FROM peer.found AS f) TO STDOUT (FORMAT csv, HEADER true)"],
                       stdout=file, check=True)
    truth = read_partition(os.path.join(folder, name + ".truth.csv"))
    verdict = judge(read_partition(path), truth)
    # The same by the extension's own evaluator.
    own = json.loads(psql("SELECT to_json(e) FROM omnicrm.match_evaluate('peer.found', 'peer.truth') AS e"))
    for key, value in verdict.items():
        if abs(own[key] - value) > 1e-9:
            raise SystemExit(f"match_evaluate() differs in {key}: {own[key]} and {value}")
    compared = int(psql(f"SELECT b.pairs FROM omnicrm.match_blocking_report('peer.data', 'id', '{fields}') AS b WHERE b.kind = 'all'"))
    result = {"set": name, "system": "omnicrm", "records": len(truth), "pairs": compared, "seconds": seconds,
              "peak_mb": watch.peak / 1024, "rows": [dict(verdict, what="clusters, defaults")]}
    with open(os.path.join(folder, name + ".omnicrm.result.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    if name.startswith("generated_"):
        export_keys(name, folder, fields)
    print(f"omnicrm, {name}: {seconds:.1f} s, {watch.peak / 1024:,.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
