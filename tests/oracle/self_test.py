"""Checks oracle.py: against comparisons made by scipy and statsmodels, published numbers, and cases worked by hand."""
import csv
import json
import math
import sys

import numpy as np

import oracle

failures = []
checked = 0


def check(what, found, expected, relative=1e-9):
    global checked
    checked += 1
    if isinstance(expected, float) and found is not None:
        fine = math.isclose(found, expected, rel_tol=relative, abs_tol=1e-12)
    else:
        fine = found == expected
    if not fine:
        failures.append(f"{what}: expected {expected!r}, found {found!r}")


def change_of(rows, *argv, metric="score", task="unknown", candidate=None):
    answer = oracle.compare(rows, oracle.options_from(list(argv)))
    return next(row for row in answer["change_counts"] if row["metric"] == metric and row["task"] == task
                and candidate in (None, row["candidate"]))


def run(folder):
    sets = sorted(path.parent for path in folder.glob("*/oracle.json"))
    if not sets:
        sys.exit(f"{folder}: no data set with an oracle.json")
    for data_set in sets:
        paired_set(data_set)
    multiplicity(json.loads((folder / "multiplicity.json").read_text()))
    power(json.loads((folder / "power.json").read_text()))
    published()
    worked_by_hand()
    print("\n".join(failures) or f"{checked} numbers agree in {len(sets)} data sets and the worked cases")
    return 1 if failures else 0


# ------------------------------------------------------------------------------------------ made by others

def paired_set(folder):
    expected = json.loads((folder / "oracle.json").read_text())
    rows = []
    for run_name in ("baseline", "candidate"):
        with open(folder / f"{run_name}.csv", newline="") as file:
            for row in csv.DictReader(file):
                rows.append({"id": row["item_id"], "run": run_name, "epoch": int(row["epoch"] or 0),
                             "score": float(row["score"]), "doc": row["cluster_id"] or None})
    first = [row for row in rows if row["epoch"] == 0]
    classic(folder.name, expected["classic"], change_of(first, "--baseline", "baseline"))
    only = change_of(first, "--baseline", "baseline")
    check(f"{folder.name} baseline_only", only["baseline_only"], len(expected["baseline_only"]))
    check(f"{folder.name} candidate_only", only["candidate_only"], len(expected["candidate_only"]))
    if "item_means" in expected:
        classic(folder.name + " means", expected["item_means"], change_of(rows, "--baseline", "baseline"))
    if "n_clusters" in expected["classic"]:
        clustered(folder.name, expected["classic"], change_of(first, "--baseline", "baseline", "--cluster", "doc"))


def classic(name, expected, found):
    for ours, theirs in [("common", "n"), ("mean_baseline", "mean_baseline"), ("mean_candidate", "mean_candidate"),
                         ("mean_delta", "delta"), ("standard_error", "se_paired"), ("improved", "improved"),
                         ("regressed", "degraded"), ("unchanged", "same")]:
        check(f"{name} {ours}", found[ours], expected[theirs])
    for ours, theirs in zip(("ci_low", "ci_high"), expected["scipy_ttest_rel"]["ci95"]):
        check(f"{name} {ours}", found[ours], theirs)
    binary = "statsmodels_mcnemar_exact" in expected
    check(f"{name} test", found["test"], "mcnemar_exact" if binary else "paired_t")
    check(f"{name} p", found["p_value"], expected["statsmodels_mcnemar_exact" if binary else "scipy_ttest_rel"]["p"])


def clustered(name, expected, found):
    se = expected["statsmodels_cluster_se_CR1"]["se"]
    check(f"{name} CR1", found["standard_error"], se)
    check(f"{name} test", found["test"], "cluster_t")
    check(f"{name} clusters", found["units"], expected["n_clusters"])
    check(f"{name} t", found["mean_delta"] / found["standard_error"], expected["statsmodels_cluster_se_CR1"]["z"])
    # The interval of t with G-1 degrees of freedom, from printed quantiles.
    quantile = {7: 2.4469118511449692, 14: 2.1603686564610127}[expected["n_clusters"]]
    check(f"{name} interval", found["ci_high"] - found["mean_delta"], quantile * se)


def multiplicity(expected):
    found = oracle.holm(list(expected["p_values"].values()))
    for ours, theirs in zip(found, expected["statsmodels"]["holm"]):
        check("holm", float(ours), theirs)


def power(expected):
    for row in expected:
        if row.get("one_sided") is False and row.get("icc") is None:
            n = row["n_pairs"]
            deltas = np.where(np.arange(n) % 2, 1.0, -1.0) * row["sd_diff"] * math.sqrt((n - 1) / n)
            rows = [{"id": i, "run": "a", "score": 0.0} for i in range(n)]
            rows += [{"id": i, "run": "b", "score": float(deltas[i])} for i in range(n)]
            check(f"mde {row['sd_diff']}", change_of(rows, "--baseline", "a")["mde"], row["mde"])


# ------------------------------------------------------------------------------------------ published

def published():
    sleep = [[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]]
    rows = [{"id": i, "run": f"group{g}", "score": x} for g, group in enumerate(sleep) for i, x in enumerate(group)]
    found = change_of(rows, "--baseline", "group1")
    for name, value in [("mean_delta", -1.58), ("standard_error", 0.388959), ("p_value", 0.002832890),
                        ("ci_low", -2.459886), ("ci_high", -0.700114)]:
        check(f"sleep {name}", found[name], value, 2e-6)
    check("sleep verdict", found["verdict"], "regressed")
    p = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]
    adjusted = [.0015, .0056, .0247, .114, .2211, .278, .278, .278, .3213, 1., 1., 1., 1., 1., 1.]
    for ours, theirs in zip(oracle.holm(p), adjusted):
        check("Benjamini-Hochberg 1995, Holm", float(ours), theirs)
    rows = [{"id": i, "run": run, "score": float(i) if run == "b" else 0.0, "c": i % 4} for run in "ab" for i in range(20)]
    check("CR1 of 0..19", change_of(rows, "--baseline", "a", "--cluster", "c")["standard_error"], 0.645497, 1e-6)


# ------------------------------------------------------------------------------------------ by hand

def worked_by_hand():
    thresholds()
    summaries()
    latest_and_copies()
    missing_values()
    winners()
    verdicts()


def pairs(values, **more):
    return [{"id": f"c{i}", "run": run, "score": pair[side], **more} for side, run in enumerate("ab")
            for i, pair in enumerate(values)]


def thresholds():
    rows = pairs([(0.70, 0.80), (0.85, 0.95), (0.5, 0.4), (0.5, 0.5)])
    for argv, expected in [(["--threshold", "0.1"], (1, 0, 3)), ([], (2, 1, 1)), (["--threshold", "score=0.09"], (2, 1, 1)),
                           (["--direction", "score=lower"], (1, 2, 1)), (["--direction", "score=none"], (0, 0, 4))]:
        row = change_of(rows, "--baseline", "a", *argv)
        check(f"threshold {argv}", (row["improved"], row["regressed"], row["unchanged"]), expected)


    row = change_of(pairs([(0.5, 0.75)]), "--baseline", "a", "--threshold", "0.25")
    check("a delta at the threshold counts", row["improved"], 1)


def summaries():
    rows = [{"id": i, "run": "a", "epoch": e, "score": i + e, "cost_usd": 2.0} for i in range(10) for e in (-1, 1)]
    answer = oracle.compare(rows, oracle.options_from([]))
    found = {row["metric"]: row for row in answer["metric_summary"]}
    for name, value in [("n", 10), ("unscored", 0), ("mean", 4.5), ("sum", 45.0), ("min", 0.0), ("max", 9.0),
                        ("stddev", math.sqrt(82.5 / 9)), ("standard_error", 0.9574271077563381), ("p50", 4.5),
                        ("p90", 8.1), ("p95", 8.55), ("p99", 8.91), ("value", 4.5)]:
        check(f"summary {name}", found["score"][name], value)
    check("no spread", (found["cost_usd"]["stddev"], found["cost_usd"]["standard_error"]), (0.0, 0.0))
    answer = oracle.compare(rows, oracle.options_from(["--aggregate", "score=p90"]))
    check("value by aggregate", next(row["value"] for row in answer["metric_summary"] if row["metric"] == "score"), 8.1)


def latest_and_copies():
    time = "2026-01-01T00:00:0{}Z".format
    rows = [
        {"id": "x", "run": "r1", "model": "m", "timestamp": time(1), "status": "execution_error", "score": 0},
        {"id": "x", "run": "r1", "model": "m", "timestamp": time(2), "status": "ok", "score": 0.4},
        {"id": "x", "run": "r1", "model": "m", "timestamp": time(2), "status": "ok", "score": 0.4},
        {"id": "x", "run": "r2", "model": "m", "timestamp": time(2), "status": "ok", "score": 0.4},
        {"id": "x", "run": "r3", "model": "m", "timestamp": time(3), "status": "ok", "score": 1.0},
        {"id": "x", "run": "r3", "model": "n", "timestamp": time(4), "status": "ok", "score": 0.9},
    ]
    row = change_of(rows, "--by", "model", "--baseline", "m")
    check("a copy counts once", row["mean_baseline"], 0.7)
    check("one case", row["common"], 1)
    check("one case has no error", (row["standard_error"], row["p_value"], row["ci_low"], row["mde"]), (None,) * 4)
    row = change_of(rows, "--baseline", "r1", candidate="r2")
    check("arms by run keep copies", (row["mean_baseline"], row["unchanged"]), (0.4, 1))


def missing_values():
    rows = [
        {"id": "c1", "run": "a", "score": 0.5, "m1": 1}, {"id": "c1", "run": "b", "score": 0.5},
        {"id": "c2", "run": "a", "score": 0.5, "m1": None}, {"id": "c2", "run": "b", "score": 0.5, "m1": 1},
        {"id": "c3", "run": "a", "score": 0.5}, {"id": "c3", "run": "b", "score": math.nan},
        {"id": "c4", "run": "a", "score": 0.5}, {"id": "c5", "run": "b", "status": "execution_error", "score": 0},
        {"id": "c6", "run": "a", "score": 0.5}, {"id": "c6", "run": "b", "status": "scorer_error", "m1": None},
        {"id": "c7", "run": "a", "score": 0.5}, {"id": "c7", "run": "b", "status": "cancelled", "score": 0},
    ]
    names = ("common", "baseline_only", "candidate_only", "unscored")
    row = change_of(rows, "--baseline", "a")
    check("missing score", tuple(row[name] for name in names), (2, 1, 1, 3))
    row = change_of(rows, "--baseline", "a", metric="m1")
    check("missing m1", tuple(row[name] for name in names), (0, 0, 0, 3))
    row = change_of(rows, "--baseline", "a", "--errors-as", "zero")
    check("errors as zero", tuple(row[name] for name in names), (3, 1, 1, 2))
    check("an error loses", row["regressed"], 1)
    for row in rows:
        row.update(input_tokens=3, output_tokens=4)
    answer = oracle.compare(rows, oracle.options_from(["--baseline", "a"]))
    metrics = {row["metric"] for row in answer["metric_summary"]} - {"input_tokens", "output_tokens"}
    check("metrics without any value are left out", metrics, {"score", "passed", "m1"})
    summary = next(row for row in answer["metric_summary"] if row["arm"] == "b" and row["metric"] == "score")
    check("summary of b", (summary["n"], summary["unscored"]), (2, 4))


def winners():
    rows = [{"id": i, "run": run, "task": task, "score": s, "duration_ms": t} for run, s, t in
            [("a", 0.5, 10), ("b", 0.5, 20), ("c", 0.4, 5)] for i in range(2) for task in ("t", "u")]
    rows.append({"id": 9, "run": "a", "task": "t", "score": 1.0, "duration_ms": 1})
    answer = oracle.compare(rows, oracle.options_from(["--baseline", "a"]))
    found = {(row["task"], row["metric"], row["arm"]): row for row in answer["metric_winners"]}
    check("no pooled row", {row["task"] for row in answer["metric_winners"]}, {"t", "u"})
    check("a wins t", [found["t", "score", arm]["winner"] for arm in "abc"], [True, False, False])
    check("but not on common cases", [found["t", "score", arm]["winner_common"] for arm in "abc"], [False] * 3)
    check("tied in u", [(found["u", "score", arm]["rank"], found["u", "score", arm]["tied"]) for arm in "abc"],
          [(1, True), (1, True), (3, False)])
    check("shortest wins", [found["u", "duration_ms", arm]["winner"] for arm in "abc"], [False, False, True])
    answer = oracle.compare(rows[:-1], oracle.options_from(["--baseline", "a"]))
    pooled = [row for row in answer["metric_summary"] if row["task"] is None and row["metric"] == "score"]
    check("pooled", [(row["arm"], row["n"]) for row in pooled], [("a", 4), ("b", 4), ("c", 4)])


def verdicts():
    def score(values):
        return change_of(pairs(values), "--baseline", "a")
    row = score([(0.0, 1.0)] * 6)
    check("six of six", (row["verdict"], row["test"], row["p_value"], row["standard_error"]),
          ("improved", "sign_test", None, 0.0))
    check("five of five", score([(0.0, 1.0)] * 5)["verdict"], "too few cases")
    check("equal", score([(0.3, 0.3)] * 9)["verdict"], "no difference shown")
    row = score([(0.7, 0.8), (0.3, 0.4), (0.1, 0.2)] * 2)
    check("equal but for the last bit", (row["test"], row["p_value"], row["standard_error"], row["verdict"]),
          ("sign_test", None, 0.0, "improved"))
    row = score([(0.3, 0.1 + 0.2)] * 9)
    check("a last bit is no difference", (row["test"], row["verdict"]), ("paired_t", "no difference shown"))
    row = score([(0.0, 1.0)] * 9 + [(1.0, 0.0)])
    check("McNemar (9, 1)", (row["p_value"], row["p_adjusted"], row["verdict"]), (0.021484375, 0.021484375, "improved"))
    row = change_of(pairs([(0.1, 0.4), (0.2, 0.3)] * 4, c="one"), "--baseline", "a", "--cluster", "c")
    check("one cluster", (row["standard_error"], row["p_value"], row["verdict"]), (None, None, "too few cases"))
    rows = pairs([(0.0, float(i)) for i in range(4)])
    for row in rows:
        row["c"] = "together" if row["id"] in ("c0", "c1") else None
    row = change_of(rows, "--baseline", "a", "--cluster", "c")
    check("a case without a cluster is one of its own", row["units"], 3)
    rows = pairs([(0.5, 0.5 + i / 100) for i in range(1, 9)], cost_usd=1.0)
    row = change_of(rows, "--baseline", "a", metric="cost_usd")
    check("no verdict of cost", (row["verdict"], row["p_adjusted"]), (None, None))
