#!/usr/bin/env python3
"""An independent answer to "compare": what runq must say of a JSONL table, computed with pandas and scipy.

Written from the meanings of the design alone and sharing no code with runq, so that agreement means something.

usage: oracle.py FILE.jsonl [options]      prints JSON: arms, baseline, metric_summary, metric_winners, change_counts
       oracle.py --jobs FILE               the same for many: FILE holds a list of lists of arguments; prints a list,
                                           with {"error": text} for a job that has no answer
       oracle.py --self-test FOLDER        checks itself; FOLDER holds paired comparisons made by scipy and statsmodels

Rows have id (or case_id) and may have task, run, model, prompt, variant, epoch, status, timestamp, score, passed,
cost_usd, duration_ms, input_tokens, output_tokens, total_tokens; every other numeric column is a metric of its own,
carried by the rows that have the key, even with null. Bare NaN is read.
"""
import argparse
import json
import math
import multiprocessing
import pathlib
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import stats

KEY = ["run", "task", "case", "model", "prompt", "variant", "epoch"]
JUDGING = ["score", "passed"]
SPENDING = ["duration_ms", "cost_usd", "input_tokens", "output_tokens", "total_tokens"]
BUILT_IN = JUDGING + SPENDING
ERRORS = {"execution_error", "scorer_error", "cancelled"}
ZEROED = {"execution_error", "scorer_error"}
KNOWN = set(KEY + BUILT_IN) | {"id", "case_id", "attempt", "status", "error", "timestamp", "verdict", "input", "output",
                              "expected", "experiment", "provider", "category", "cluster"}
TOO_FEW = 6
ROUNDING = 1e-15  # of the largest value: a scatter or a difference no larger than that is what doubles round off
PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


# ---------------------------------------------------------------------------------------------- reading

def read(lines):
    """One dict per line, with the key columns filled in and the place in the file."""
    rows = []
    for place, line in enumerate(lines):
        row = json.loads(line) if isinstance(line, str) else dict(line)
        row["case"] = str(row.get("case_id", row.get("id")))
        row["run"] = row.get("run") if row.get("run") is not None else "unknown"
        row["task"] = row.get("task") if row.get("task") is not None else "unknown"
        row["epoch"] = row.get("epoch") if row.get("epoch") is not None else 1
        row["status"] = row.get("status") or "ok"
        row["place"] = place
        rows.append(row)
    return rows


def own_metrics(rows, cluster):
    names = {}
    for row in rows:
        for name, value in row.items():
            if name in KNOWN or name in ("place", cluster):
                continue
            number = value is None or (isinstance(value, (int, float)) and not isinstance(value, str))
            names[name] = names.get(name, True) and number
    return [name for name, numeric in names.items() if numeric]


def mark(value):
    """A text that is equal for equal values, NaN and null included."""
    return json.dumps(float(value) if isinstance(value, (int, float)) else value)


def latest(rows):
    """Folds equal rows (the first place counts) and keeps the last row of each key."""
    seen, last = set(), {}
    for row in rows:
        key = tuple(mark(row.get(column)) for column in KEY)
        stamp = row.get("timestamp")
        same = (stamp, row["status"], mark(row.get("score"))) if stamp is not None else json.dumps(
            {name: value for name, value in row.items() if name != "place"}, sort_keys=True)
        if (key, same) in seen:
            continue
        seen.add((key, same))
        last[key] = row
    return list(last.values())


def once_per_arm(rows, by):
    """Gives rows their arm; a result that another run of the arm copied counts once."""
    seen, kept = set(), []
    for row in rows:
        arm = row.get(by)
        if arm is None:
            continue
        if row.get("timestamp") is not None:
            same = tuple(mark(row.get(column)) for column in [*KEY[1:], "timestamp", "status", "score"])
            if (arm, same) in seen:
                continue
            seen.add((arm, same))
        kept.append({**row, "arm": str(arm)})
    return kept


# ---------------------------------------------------------------------------------------------- values

def finite(value):
    if isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else math.nan


def verdict_of(row, pass_threshold):
    for name in ("passed", "verdict"):
        if isinstance(row.get(name), bool):
            return float(row[name])
    if row["status"] == "quality_failure":
        return 0.0
    score = finite(row.get("score"))
    return math.nan if math.isnan(score) else float(score >= pass_threshold)


def built_in_value(row, metric, options):
    if metric == "passed":
        return verdict_of(row, options.pass_threshold)
    return finite(row.get(metric))


def measurements(rows, own, options):
    """Latest result x metric it carries, NaN where it has no value."""
    records = []
    for row in rows:
        error, zeroed = row["status"] in ERRORS, options.errors_as == "zero" and row["status"] in ZEROED
        for metric in BUILT_IN + [name for name in own if name in row]:
            judged = metric in JUDGING or metric in own
            if zeroed and judged and direction(metric, options) == "higher":
                value = 0.0
            elif error:
                value = math.nan
            else:
                value = built_in_value(row, metric, options) if metric in BUILT_IN else finite(row[metric])
            records.append((row["arm"], row["task"], row["case"], metric, value))
    frame = pd.DataFrame(records, columns=["arm", "task", "case", "metric", "value"])
    valued = set(frame.loc[frame["value"].notna(), "metric"])
    return frame[frame["metric"].isin(valued | set(own))]


def case_values(frame):
    """The mean of the values of each arm, task, case and metric, rounded once; NaN without a value."""
    group = frame.groupby(["arm", "task", "case", "metric"])["value"]
    means = group.mean()
    several = group.count()
    several = several[several > 1].index
    scored = frame.dropna(subset="value").set_index(["arm", "task", "case", "metric"]).sort_index()["value"]
    exact = scored[scored.index.isin(several)].groupby(level=[0, 1, 2, 3]).agg(exact_mean)
    means.loc[exact.index] = exact
    return means.reset_index()


def direction(metric, options):
    return options.direction.get(metric, "lower" if metric in SPENDING else "higher")


def aggregate(metric, options):
    return options.aggregate.get(metric, "median" if metric == "duration_ms" else "mean")


# ---------------------------------------------------------------------------------------------- summaries

def exact_mean(values):
    """The mean rounded once."""
    return float(sum(map(Fraction, map(float, values))) / len(values))


def describe(values):
    """The numbers of metric_summary over the case values of one arm, task and metric; NaN is unscored."""
    x = values.dropna().to_numpy()
    n = len(x)
    row = {"n": n, "unscored": int(values.isna().sum())}
    row["mean"] = exact_mean(x) if n else None
    row["sum"] = math.fsum(x) if n else None
    row["min"], row["max"] = (x.min(), x.max()) if n else (None, None)
    row["stddev"] = spread(x) if n > 1 else None
    for name, percent in PERCENTILES.items():
        row[name] = np.percentile(x, percent, method="linear") if n else None
    row["standard_error"] = row["stddev"] / math.sqrt(n) if n > 1 else None
    return row


def spread(x):
    return 0.0 if x.min() == x.max() else float(np.std(x, ddof=1))


def value_of(summary, name):
    return {"median": summary["p50"], "count": summary["n"]}.get(name, summary.get(name))


def metric_summary(cases, scopes, options):
    out = []
    for task, part in scopes(cases):
        for (arm, metric), group in part.groupby(["arm", "metric"], sort=True):
            numbers = describe(group["value"])
            out.append({"arm": arm, "task": task, "metric": metric, **numbers,
                        "value": value_of(numbers, aggregate(metric, options))})
    return out


def judge_arms(values, way):
    """arm -> (rank, winner, tied) from arm -> value or None."""
    scored = {arm: value for arm, value in values.items() if value is not None}
    none = {arm: (None, False, False) for arm in values}
    if way == "none" or not scored:
        return none
    better = (lambda a, b: a > b) if way == "higher" else (lambda a, b: a < b)
    out = dict(none)
    for arm, value in scored.items():
        rank = 1 + sum(better(other, value) for other in scored.values())
        equals = sum(other == value for other in scored.values())
        out[arm] = (rank, rank == 1 and equals == 1 and len(scored) > 1, rank == 1 and equals > 1)
    return out


def metric_winners(cases, summary, scopes, options):
    value = {(row["task"], row["metric"], row["arm"]): row["value"] for row in summary}
    out = []
    for task, part in scopes(cases):
        for metric, group in part.groupby("metric", sort=True):
            table = group.assign(pair=group["task"] + "\0" + group["case"]).pivot(
                index="pair", columns="arm", values="value")
            shared = table.dropna()
            name, way = aggregate(metric, options), direction(metric, options)
            common = {arm: value_of(describe(shared[arm]), name) if len(shared) else None for arm in table.columns}
            plain = judge_arms({arm: value[task, metric, arm] for arm in table.columns}, way)
            fair = judge_arms(common, way)
            for arm in table.columns:
                rank, winner, tied = plain[arm]
                out.append({"arm": arm, "task": task, "metric": metric, "value": value[task, metric, arm],
                            "rank": rank, "winner": winner, "tied": tied, "winner_common": fair[arm][1],
                            "value_common": common[arm], "n_common": len(shared)})
    return out


# ---------------------------------------------------------------------------------------------- changes

def outcome(row, threshold, way):
    if not row["ran_baseline"]:
        return "candidate_only"
    if not row["ran_candidate"]:
        return "baseline_only"
    delta = row["candidate"] - row["baseline"]
    if math.isnan(delta):
        return "unscored"
    if way == "none" or delta == 0 or abs(delta) < threshold:
        return "unchanged"
    return "improved" if (delta > 0) == (way == "higher") else "regressed"


def test_deltas(a, b, groups, alpha):
    """Standard error, interval and p of the mean of b - a over cases; groups are cluster labels or None."""
    d, n = b - a, len(a)
    out = dict.fromkeys(["standard_error", "ci_low", "ci_high", "p_value", "test"])
    if n == 0:
        return out
    binary = groups is None and bool(np.isin(np.concatenate([a, b]), [0.0, 1.0]).all())
    out["test"] = "cluster_t" if groups is not None else "mcnemar_exact" if binary else "paired_t"
    units = len(set(groups)) if groups is not None else n
    if units < 2:
        return out
    mean, noise = exact_mean(d), ROUNDING * max(abs(a).max(), abs(b).max())
    if groups is not None:
        sums = pd.Series(d - mean).groupby(np.asarray(groups)).sum().to_numpy()
        se = math.sqrt(units / (units - 1) * math.fsum(sums * sums)) / n
    else:
        se = float(stats.sem(d))
    se = 0.0 if se <= noise else se
    half = stats.t.ppf(1 - alpha / 2, units - 1) * se
    out.update(standard_error=se, ci_low=mean - half, ci_high=mean + half)
    if se > 0 and binary:
        up = int((d > 0).sum())
        out["p_value"] = float(stats.binomtest(up, up + int((d < 0).sum()), 0.5).pvalue)
    elif se > 0:
        out["p_value"] = float(2 * stats.t.sf(abs(mean / se), units - 1))
    elif abs(mean) > noise:
        out["test"] = "sign_test"
    return out


def change(pair, metric, options):
    """One row of change_counts from the cases that carry the metric in at least one of two arms."""
    way = direction(metric, options)
    outcomes = pair.apply(outcome, axis=1, args=(threshold_of(metric, options), way)).value_counts()
    scored = pair[pair["baseline"].notna() & pair["candidate"].notna() & pair["ran_baseline"] & pair["ran_candidate"]]
    a, b = scored["baseline"].to_numpy(), scored["candidate"].to_numpy()
    n = len(a)
    row = {"common": n}
    for name in ("improved", "regressed", "unchanged", "baseline_only", "candidate_only", "unscored"):
        row[name] = int(outcomes.get(name, 0))
    row["mean_baseline"] = exact_mean(a) if n else None
    row["mean_candidate"] = exact_mean(b) if n else None
    row["mean_delta"] = exact_mean(b - a) if n else None
    gains = ((b - a)[a < 1] / (1 - a[a < 1])) if metric not in SPENDING and way == "higher" else np.array([])
    row["normalized_gain"] = exact_mean(gains) if len(gains) else None
    groups = list(scored["cluster"]) if options.cluster else None
    row.update(test_deltas(a, b, groups, options.alpha))
    power = stats.norm.ppf(1 - options.alpha / 2) + stats.norm.ppf(0.8)
    row["mde"] = None if row["standard_error"] is None else float(power * row["standard_error"])
    row["units"] = len(set(groups)) if groups is not None else n
    return row


def threshold_of(metric, options):
    if metric in options.threshold:
        return options.threshold[metric]
    return 0.0 if metric in SPENDING or metric == "passed" else options.threshold.get(None, 0.0)


def holm(p_values):
    """Holm's adjusted p-values (1979)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def family(row, options):
    """Which Holm family a row belongs to, None for none."""
    if row["metric"] in SPENDING or direction(row["metric"], options) == "none" or row["p_value"] is None:
        return None
    return (row["task"] is None, row["metric"] == options.primary)


def verdict(row, options):
    way = direction(row["metric"], options)
    if row["metric"] in SPENDING or way == "none":
        return None
    if row["units"] < TOO_FEW:
        return "too few cases"
    p, delta = row["p_adjusted"], row["mean_delta"]
    if row["test"] == "sign_test":  # every unit moved by the same amount
        p = float(stats.binomtest(row["units"], row["units"], 0.5).pvalue)
    if p is None or p >= options.alpha or delta == 0:
        return "no difference shown"
    return "improved" if (delta > 0) == (way == "higher") else "regressed"


def change_counts(cases, ran, clusters, scopes, options):
    out = []
    for task, part in scopes(cases):
        sides = dict(tuple(part.groupby("arm")))
        nothing = part.iloc[:0]
        for arm in sorted(set(ran) - {options.baseline}):
            pair = pd.merge(sides.get(options.baseline, nothing), sides.get(arm, nothing), how="outer",
                            on=["task", "case", "metric"], suffixes=("_b", "_c")).rename(
                                columns={"value_b": "baseline", "value_c": "candidate"})
            if pair.empty:
                continue
            where = list(zip(pair["task"], pair["case"]))
            pair["ran_baseline"] = [place in ran[options.baseline] for place in where]
            pair["ran_candidate"] = [place in ran[arm] for place in where]
            pair["cluster"] = [clusters.get(place, "\0".join(place)) for place in where]
            for metric, group in pair.groupby("metric", sort=True):
                out.append({"baseline": options.baseline, "candidate": arm, "task": task, "metric": metric,
                            **change(group, metric, options)})
    for name in {family(row, options) for row in out} - {None}:
        members = [row for row in out if family(row, options) == name]
        for row, adjusted in zip(members, holm([row["p_value"] for row in members])):
            row["p_adjusted"] = float(adjusted)
    for row in out:
        row.setdefault("p_adjusted", None)
        row["verdict"] = verdict(row, options)
    return out


# ---------------------------------------------------------------------------------------------- the answer

def compare(lines, options):
    rows = read(lines)
    own = own_metrics(rows, options.cluster)
    results = once_per_arm(latest(rows), options.by)
    arms = sorted({row["arm"] for row in results})
    options.baseline = options.baseline or first_arm(rows, options.by)
    if options.baseline not in arms:
        sys.exit(f"no arm {options.baseline!r}; arms: {', '.join(arms)}")
    cases = case_values(measurements(results, own, options))
    ran = {arm: frozenset((row["task"], row["case"]) for row in results if row["arm"] == arm) for arm in arms}
    tasks = sorted({row["task"] for row in results})
    pooled = len(tasks) > 1 and len(set(ran.values())) == 1
    clusters = {}
    for row in sorted(results, key=lambda row: row["arm"] != options.baseline):
        if options.cluster and row.get(options.cluster) is not None:
            clusters.setdefault((row["task"], row["case"]), row[options.cluster])

    def scopes(frame):
        for task in tasks:
            yield task, frame[frame["task"] == task]
        if pooled:
            yield None, frame

    summary = metric_summary(cases, scopes, options)
    return {"arms": arms, "baseline": options.baseline, "metric_summary": summary,
            "metric_winners": metric_winners(cases, summary, scopes, options),
            "change_counts": change_counts(cases, ran, clusters, scopes, options)}


def first_arm(rows, by):
    """The arm with the earliest run, then the one whose row comes first in the source, be it its last attempt or not."""
    began = {}
    for row in rows:
        stamp = row.get("timestamp")
        if stamp is not None:
            began[row["run"]] = min(began.get(row["run"], stamp), stamp)
    placed = [row for row in rows if row.get(by) is not None]
    return str(min(placed, key=lambda row: (row["run"] not in began, began.get(row["run"], ""), row["place"]))[by])


def plain(value):
    """JSON without NaN and numpy types."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def named(convert):
    """Parses `NAME=X` options into a dict; a bare X stands under None."""
    def parse(text):
        name, equals, value = text.rpartition("=")
        return (name if equals else None, convert(value))
    return parse


def parser():
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("file", nargs="?")
    cli.add_argument("--by", default="run", help="column that makes the arms")
    cli.add_argument("--baseline", help="arm; default: that of the earliest run")
    cli.add_argument("--threshold", action="append", default=[], type=named(float), metavar="[METRIC=]X")
    cli.add_argument("--direction", action="append", default=[], type=named(str), metavar="METRIC=higher|lower|none")
    cli.add_argument("--aggregate", action="append", default=[], type=named(str), metavar="METRIC=mean|sum|...")
    cli.add_argument("--errors-as", choices=["missing", "zero"], default="missing")
    cli.add_argument("--pass-threshold", type=float, default=0.8)
    cli.add_argument("--alpha", type=float, default=0.05)
    cli.add_argument("--primary", default="score")
    cli.add_argument("--cluster", help="column; a case without a value there is a cluster of its own")
    cli.add_argument("--jobs", metavar="FILE")
    cli.add_argument("--self-test", metavar="FOLDER")
    return cli


def options_from(argv):
    options = parser().parse_args(argv)
    for name in ("threshold", "direction", "aggregate"):
        setattr(options, name, dict(getattr(options, name)))
    return options


def answer_of(options):
    with open(options.file, encoding="utf-8") as file:
        return plain(compare((line for line in file if line.strip()), options))


def answer_of_job(argv):
    try:
        return answer_of(options_from(argv))
    except SystemExit as stop:
        return {"error": str(stop)}


def main():
    options = options_from(sys.argv[1:])
    if options.self_test:
        sys.dont_write_bytecode = True
        import self_test
        sys.exit(self_test.run(pathlib.Path(options.self_test)))
    if options.jobs:
        jobs = json.loads(pathlib.Path(options.jobs).read_text(encoding="utf-8"))
        with multiprocessing.Pool() as pool:
            answer = pool.map(answer_of_job, jobs, chunksize=1)
    elif options.file:
        answer = answer_of(options)
    else:
        parser().error("a file is needed")
    json.dump(answer, sys.stdout, indent=1, allow_nan=False)
    print()


if __name__ == "__main__":
    main()
