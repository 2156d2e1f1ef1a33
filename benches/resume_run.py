#!/usr/bin/env python3
"""Writes one AgentV run of many results for resume_beside_duckdb.py: five models, 10 % failed, 5 % run again.

usage: resume_run.py FOLDER [RESULTS] [--planned]

The same arguments give the same rows. With --planned the run lists what it was to run: a thousand cases more. The suite
that the run names is there, so that a plan has commands and foretells what AgentV does.
"""
import datetime
import json
import pathlib
import random
import sys

MODELS = [f"model-{number}" for number in range(5)]
WORDS = 'refund takes 14 days "quoted" Größe a comma, the answer is not order_id 42.'.split()
BEGAN = datetime.datetime(2026, 1, 5, 8)
MESSAGE = "connection reset by peer (exit code 3)"


def text(length):
    words = ""
    while len(words) < length:
        words += random.choice(WORDS) + " "
    return words[:length]


def row(key, place, last):
    draw = random.random()
    failed = draw < 0.1 if last else draw < 0.8
    error = failed and random.random() < 0.4
    score = 0 if error else (random.randrange(0, 12) if failed else random.randrange(13, 17)) / 16
    time = (BEGAN + datetime.timedelta(milliseconds=place)).isoformat(timespec="milliseconds") + "Z"
    case = key // len(MODELS)
    line = {
        "timestamp": time, "test_id": f"support-question-{case:06d}", "suite": "support", "category": "Uncategorized",
        "score": score, "assertions": [], "target": MODELS[key % len(MODELS)],
        "token_usage": {"input": random.randrange(2000), "output": random.randrange(500)},
        "cost_usd": random.randrange(2000) / 524_288, "duration_ms": random.randrange(200, 6000),
        "input": [{"role": "user", "content": f"Question {case}: {text(200)}"}],
        "output": [{"role": "assistant", "content": text(400)}],
        "execution_status": "execution_error" if error else "quality_failure" if failed else "ok",
    }
    if error:
        line |= {
            "error": MESSAGE, "failure_stage": "agent", "failure_reason_code": "provider_error",
            "execution_error": {"message": MESSAGE, "stage": "agent"},
        }
    return json.dumps(line, ensure_ascii=False) + "\n"


def main():
    words = [word for word in sys.argv[1:] if word != "--planned"]
    results = int(words[1]) if len(words) > 1 else 500_000
    folder = pathlib.Path(words[0], ".agentv/results/runs/nightly/2026-01-05T08-00-00-000Z")
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(7)
    keys = results * 20 // 21
    again = [random.random() < 0.05 for _ in range(keys)]
    with open(folder / "index.jsonl", "w", encoding="utf-8") as rows:
        for key in range(keys):
            rows.write(row(key, key, not again[key]))
        for place, key in enumerate(key for key in range(keys) if again[key]):
            rows.write(row(key, keys + place, True))
    suite = pathlib.Path(words[0], "evals/support.yaml")
    suite.parent.mkdir(exist_ok=True)
    suite.write_text("tests: []\n", encoding="utf-8")
    header = {"eval_file": "evals/support.yaml", "timestamp": BEGAN.isoformat() + ".000Z"}
    if "--planned" in sys.argv:
        tests = [f"support-question-{case:06d}" for case in range(keys // len(MODELS) + 1000)]
        header |= {"targets": MODELS, "tests_run": tests, "planned_test_count": len(tests) * len(MODELS)}
    (folder / "benchmark.json").write_text(json.dumps({"metadata": header}), encoding="utf-8")


main()
