#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Poison files on real workers, between healthy ones of other teams.

A file that is wrong in any way becomes `invalid` with errors that say where. One that breaks the
parser is parked after three reported failures with its reason; since no file is known to break ours,
these carry a word that makes it crash, hang, eat memory, flood its output, fork or open a file
(common/crashpoint.h). Neither costs its team an attempt; no healthy submission is parked, fails or
waits for long; workers live on, and no process takes more than a job may. Usage: poison.py [--seed N]
[--count TIMES] [--quick] [--only TEXT]...; exits 1 on any loss, 77 without planted words in the binaries.
"""
import argparse
import collections
import dataclasses
import gzip
import io
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import zipfile

import checks
import clients as clients_module
import cluster as clusters
import harness

COMPETITION = "poison"
N_CLIENTS = 3
SKIPPED = 77
JOB_MEMORY = 192 << 20
BASE_BYTES = 64 << 20  # a process before its job
GATEWAY_MAX = 64 << 20
FAILS = 3
LARGE_TIMES = 2  # at most, of what is hundreds of megabytes
DRAIN_SECONDS = 300
YAML = clusters.COMPETITION.replace("per_day: 1000000", "per_day: 1000000, file_bytes: {file_bytes}")
HEADER = b"id,predicted\n"
MARK = b"misbehave:"

# What the reason of a parked one says. A sandbox ends a process by SIGSYS, 31.
PLANTED = {
    "crash": "reader crashed: signal 4",
    "hang": "reading took",
    "memory": "reader crashed: signal",
    "flood": "reader crashed: signal",
    "fork": "reader crashed: signal 31",
    "open": "reader crashed: signal 31",
}


def zip_of(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def gzip_bomb(size):
    """Twice the largest file, in about a thousandth of it."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as packed:
        packed.write(HEADER)
        for _ in range(2 * size.file_max >> 20):
            packed.write(bytes(1 << 20))
    return out.getvalue()


def zstd_bomb(size):
    with subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as packer:
        def feed():
            for _ in range(2 * size.file_max >> 20):
                packer.stdin.write(b"\n" * (1 << 20))
            packer.stdin.close()
        threading.Thread(target=feed, daemon=True).start()
        return packer.stdout.read()


@dataclasses.dataclass
class Size:
    file_max: int  # the competition's
    large: int  # bytes of a file without an end
    job_seconds: int  # three of them are what a file that hangs costs; these machines are busy


QUICK, FULL = Size(128 << 20, 100 << 20, 10), Size(384 << 20, 300 << 20, 30)
GOOD = clients_module.submission(1, 1, 1)
# What cannot be a submission; each is invalid, with errors.
WRONG = {
    "empty": lambda size: b"",
    "one byte": lambda size: b"\0",
    "only a header": lambda size: HEADER,
    "NUL bytes": lambda size: HEADER + b"0,1 2\x003 4 5\n" + bytes(100000),
    "NUL bytes from the start": lambda size: bytes(5000000),
    "UTF-16": lambda size: GOOD.decode().encode("utf-16"),
    "random bytes": lambda size: random.Random(5).randbytes(1000000),
    "an endless header": lambda size: b"a" * size.large,
    "an endless row": lambda size: HEADER + b"0," + b"1 " * (size.large // 2),
    "an endless quoted field": lambda size: HEADER + b'"' + b"a\n" * (size.large // 2),
    "a number without end": lambda size: HEADER + b"0," + b"9" * 5000000 + b" 1 2 3 4\n",
    "a quote in a quote": lambda size: HEADER + b'"' * 5000001 + b"\n",
    "quotes row after row": lambda size: HEADER + b'"0","1 ""2"" 3 4 5\n' * 200000,
    "a million columns": lambda size: b"id,predicted" + b",a" * 1000000 + b"\n",
    "a million errors": lambda size: HEADER + b"".join(b"x%d,1 2 3\n" % i for i in range(1000000)),
    "a million empty rows": lambda size: HEADER + b"\n" * 1000000,
    "gzip bomb": gzip_bomb,
    "zstd bomb": zstd_bomb,
    "zip bomb": lambda size: zip_of(("a.csv", HEADER + b"\n" * (size.file_max + 1))),
    "zip in zip": lambda size: zip_of(("a.csv", zip_of(("a.csv", GOOD)))),
    "zip of two": lambda size: zip_of(("a.csv", GOOD), ("b.csv", GOOD)),
    "half a gzip": lambda size: gzip.compress(GOOD)[:60],
    "gzip with a flipped bit": lambda size: (lambda data: data[:40] + bytes([data[40] ^ 16]) + data[41:])(gzip.compress(GOOD)),
}


class Watch(threading.Thread):
    """The most memory that any process of the workers, and the gateway, ever had."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.is_over = cluster, threading.Event()
        self.most = collections.Counter()

    def run(self):
        while not self.is_over.wait(0.02):
            for daemon in (*self.cluster.workers, self.cluster.gateway):
                try:
                    for part in daemon.parts():
                        name = pathlib.Path(f"/proc/{part.pid}/comm").read_text().strip()
                        pages = int(pathlib.Path(f"/proc/{part.pid}/statm").read_text().split()[1])
                        self.most[name] = max(self.most[name], pages * clusters.PAGE_BYTES)
                except (OSError, ValueError, IndexError):
                    pass

    def end(self):
        self.is_over.set()
        self.join()


class Trial:
    def __init__(self, cluster, size, times, only):
        self.cluster, self.size, self.times, self.only = cluster, size, times, only
        self.has_limits = not clusters.is_sanitized()  # a sanitizer catches signals, and its memory needs all addresses
        self.counts = collections.Counter()
        self.problems = []
        self.sent = []  # (name, submission, planted reason or None)
        self.keys = set()

    def wanted(self, name):
        return not self.only or any(text in name for text in self.only)

    def send_all(self):
        for name, make in WRONG.items():
            if self.wanted(name):
                self.send(name, make(self.size), None)
        for word, reason in PLANTED.items():
            if self.wanted(word):
                self.send(word, b"id,predicted," + MARK + word.encode() + b"\n", reason)

    def send(self, name, data, reason):
        token = self.cluster.team(COMPETITION, name)
        times = min(self.times, LARGE_TIMES) if len(data) > self.size.large // 2 or "bomb" in name else self.times
        for _ in range(times):
            key = os.urandom(16).hex()
            self.keys.add(key)
            answer = self.cluster.http("PUT", f"/v1/competitions/{COMPETITION}/submissions", data, token,
                                       {"Idempotency-Key": key}, timeout=120)
            if answer.status != 202:
                self.problems.append(f"{name}: {answer.status} {answer.body[:300]}")
                return
            self.sent.append((name, answer.json()["id"], token, reason))

    def check(self):
        """What became of each, as its team sees it."""
        for name, submission, token, reason in self.sent:
            row = self.cluster.http("GET", f"/v1/submissions/{submission}", token=token).json()
            if reason is None:
                self.check_invalid(name, row)
            else:
                self.counts["parked"] += 1
                if row["state"] != "failed" or (reason if self.has_limits else "read") not in (row["reason"] or ""):
                    self.problems.append(f"{name}: {row['state']} because of {row['reason']}, not {reason}")

    def check_invalid(self, name, row):
        self.counts["invalid"] += 1
        errors = row["errors"]
        if row["state"] != "invalid" or row["n_problems"] < 1 or not errors:
            self.problems.append(f"{name}: {row['state']} because of {row['reason']}, {row['n_problems']} problems")
        elif len(errors) > 100 or any(not error["detail"].isprintable() or len(error["detail"]) < 10 for error in errors):
            self.problems.append(f"{name}: {len(errors)} errors, the first {errors[0]}")
        elif "million errors" in name and row["n_problems"] < 1000000:
            self.problems.append(f"{name}: {row['n_problems']} counted")

    def check_jobs(self):
        """Parked are the planted ones, each after its failures; no other has failed at all."""
        view = self.cluster.database()
        planted = {submission for _, submission, _, reason in self.sent if reason}
        parked = {name.lower(): n_fails for name, n_fails in view.execute(
            "SELECT hex(submission.id), job.n_fails FROM job JOIN submission ON submission.number = job.submission")}
        view.close()
        for submission in planted ^ parked.keys():
            self.problems.append(f"{submission} is {'parked' if submission in parked else 'not parked'}")
        for submission, n_fails in parked.items():
            if n_fails != FAILS:
                self.problems.append(f"{submission} is parked after {n_fails} failures")
        log = "".join(worker.log(1 << 30) for worker in self.cluster.workers)
        self.counts["failures"] = log.count("job failed:")
        if self.counts["failures"] != FAILS * len(planted):
            self.problems.append(f"{self.counts['failures']} failures of {len(planted)} files that cause any")
        if "process ended" in log or "lease lost" in log:
            self.problems.append("a worker lost a process or a lease")
        return parked.keys()


def check_memory(most, has_limits):
    limits = {"assay-gateway": GATEWAY_MAX, "assay-worker": BASE_BYTES, "assay-link": BASE_BYTES}
    return [f"{name} took {n_bytes >> 20} MiB" for name, n_bytes in most.items()
            if has_limits and n_bytes > limits.get(name, JOB_MEMORY + BASE_BYTES)]


def run(cluster, seed, trial):
    """(counts, problems)"""
    cluster.start()
    cluster.competition(COMPETITION, yaml=YAML.replace("{file_bytes}", str(trial.size.file_max)))
    clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed, pause=0.5)
    watch = Watch(cluster)
    watch.start()
    trial.send_all()
    problems = clients_module.end_all(clients)
    if not cluster.drain(DRAIN_SECONDS + FAILS * trial.times * trial.size.job_seconds):
        problems.append("stuck: the queue does not drain")
    watch.end()
    trial.check()
    parked = trial.check_jobs()
    problems += [f"{daemon.name} did not live on" for daemon in cluster.daemons()
                 if daemon.n_starts != 1 or not daemon.is_running()]
    problems += trial.problems + check_memory(watch.most, trial.has_limits)
    problems += checks.come_to_rest(cluster, clients, COMPETITION)
    checker = checks.Checker(cluster, clients)
    checker.foreign, checker.parked = trial.keys, parked
    checker.check()
    counts = trial.counts + checker.counts
    counts.update({f"MiB of {name}": n_bytes >> 20 for name, n_bytes in watch.most.items()})
    return counts, problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="times each file is sent (20, quick: 1)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    if MARK not in (harness.BIN / "assay-worker").read_bytes():
        print("poison: skipped, these binaries hold no planted words (preset faults does)")
        return SKIPPED
    times = options.count or (1 if options.quick else 20)
    print(f"poison: seed {options.seed}, {len(WRONG)} wrong and {len(PLANTED)} planted files, {times} times each", flush=True)
    size = QUICK if options.quick else FULL
    with clusters.Cluster(job_seconds=size.job_seconds, job_memory_bytes=JOB_MEMORY, lease_ms=30000) as cluster:
        counts, problems = run(cluster, options.seed, Trial(cluster, size, times, options.only))
    return checks.report("poison", options.seed, counts, problems)


if __name__ == "__main__":
    sys.exit(main())
