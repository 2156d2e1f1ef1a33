"""A run that grows while it is watched: how often it is taken in, how long that takes, how much memory it needs.

usage: watch_growth.py RUNQ agentv|table [ROWS] [ROWS_PER_SECOND] [SECONDS]

Writes a run of ROWS rows, starts `runq ingest --watch --interval 1`, and appends rows every second. Linux only: CPU time
and peak memory are those of /proc.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time


def row(shape, at):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_767_600_000 + at)) + ".000Z"
    if shape == "agentv":
        scores = [{"name": "quality", "type": "code-grader", "score": at % 5 / 4, "weight": 1}]
        return {"timestamp": stamp, "test_id": f"case-{at}", "suite": "bench", "target": "gpt-x", "score": at % 5 / 4,
                "scores": scores, "execution_status": "ok", "duration_ms": 100 + at % 900, "output": "x" * 300}
    return {"id": f"case-{at}", "task": "bench", "model": "gpt-x", "timestamp": stamp, "score": at % 5 / 4,
            "duration_ms": 100 + at % 900, "output": "x" * 300}


def lines(shape, first, count):
    return "".join(json.dumps(row(shape, at)) + "\n" for at in range(first, first + count))


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    status = open(f"/proc/{pid}/status").read()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main():
    runq, shape = sys.argv[1], sys.argv[2]
    rows, more, seconds = (int(word) for word in (sys.argv[3:] + ["100000", "100", "60"][len(sys.argv) - 3:]))
    root = tempfile.mkdtemp()
    name = "runs/bench/2026-01-05T08-00-00-000Z/index.jsonl" if shape == "agentv" else "rows.jsonl"
    path = os.path.join(root, "watched", name)
    os.makedirs(os.path.dirname(path))
    open(path, "w").write(lines(shape, 0, rows))
    command = [runq, "ingest", "--watch", "--interval", "1", "--store", os.path.join(root, "store"), "watched"]
    began = time.time()
    watch = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    said = []

    def listen():
        for line in watch.stderr:
            said.append((time.time() - began, line.rstrip()))

    threading.Thread(target=listen, daemon=True).start()
    while not any("watching" in line for _, line in said):
        time.sleep(0.1)
    print(f"first look: {said[-1][0]:.1f} s, {cpu_seconds(watch.pid):.1f} s CPU, peak {peak_mib(watch.pid):.0f} MiB")
    before, since = cpu_seconds(watch.pid), time.time()
    with open(path, "a") as file:
        for second in range(seconds):
            file.write(lines(shape, rows + second * more, more))
            file.flush()
            time.sleep(1)
    spent, passed = cpu_seconds(watch.pid) - before, time.time() - since
    taken = [line for at, line in said if " cases" in line and at > since - began]
    print(f"growing: {len(taken)} times taken in within {passed:.0f} s, {spent:.1f} s CPU ({100 * spent / passed:.0f} %)")
    print(f"peak {peak_mib(watch.pid):.0f} MiB, last: {taken[-1] if taken else '-'}")
    stopped = time.time()
    watch.send_signal(signal.SIGINT)
    code = watch.wait()
    print(f"end: {time.time() - stopped:.1f} s, exit code {code}, {said[-2][1]}")


main()
