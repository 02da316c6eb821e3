#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lets the N-th write, sync, rename, open and allocation of a daemon fail, for one N after the other.

A daemon is started with nth_failure.c preloaded, lives through a start, a promise, an upload, its
score, the board and the receipt, and is started again without it if it ended. One call fails, those
behind it succeed. Whatever it did about it: what was acknowledged is there, once, and the next start
works. Kind lie is the control: a sync that fails and says that it did not. At the end the same is checked as after the kill loop. Usage:
nth_failure.py [--seed N] [--count N_MAX] [--step S] [--quick] [--only DAEMON]... [--kind KIND]...;
exits 1 on any loss, and where the control has none.
"""
import argparse
import collections
import json
import random
import sys
import threading
import time

import checks
import clients as clients_module
import cluster as clusters
import harness

COMPETITION = "nth"
SHIM = harness.BIN / "assay-nth-failure.so"
KINDS = ["write", "sync", "rename", "open", "memory"]
DAEMONS = ["broker", "gateway", "worker-1"]
# memory: calls before the first frame are some thousands, and each of them is one way to fail
N_MAX = {"write": 400, "sync": 100, "rename": 60, "open": 300, "memory": 20000, "lie": 13}
STEPS = {"write": 1, "sync": 1, "rename": 1, "open": 1, "memory": 23, "lie": 1}
QUICK_STEPS = {"write": 9, "sync": 4, "rename": 1, "open": 11, "memory": 601, "lie": 1}
SCENARIO_SECONDS = 20


class Client(clients_module.Client):
    """Promises every second submission; an error of the server's is an answer to try again on."""

    def put(self, sent):
        n_problems = len(self.problems)
        is_taken = super().put(sent)
        if not is_taken and len(self.problems) > n_problems and f"{self.team}: 5" in self.problems[-1]:
            self.problems.pop()
        return is_taken

    def submit(self):
        if len(self.sent) % 2 == 1:
            return super().submit()
        sent = self.next()
        self.sent.append(sent)
        self.promise(sent)
        while sent.receipt is None and not self.problems:
            if not self.put(sent):
                time.sleep(self.random.random() * 0.1)
        return sent

    def promise(self, sent):
        text = json.dumps({"sha256": sent.sha256, "bytes": len(sent.body), "file_name": "a.csv"})
        try:
            self.cluster.http("POST", f"/v1/competitions/{COMPETITION}/uploads", text, self.token,
                              {"Idempotency-Key": sent.key, "Content-Type": "application/json"}, timeout=15)
        except OSError:
            self.n_unanswered += 1


class Trial:
    def __init__(self, cluster, client):
        self.cluster, self.client = cluster, client
        self.counts = collections.Counter()
        self.problems = []

    def daemon(self, name):
        return next(daemon for daemon in self.cluster.daemons() if daemon.name == name)

    def look(self, sent):
        """The board, the submission and its receipt, as people ask for them."""
        for path in (f"/v1/competitions/{COMPETITION}/leaderboard", f"/v1/submissions/{sent.receipt[0]}"):
            try:
                self.cluster.http("GET", path, token=self.client.token, timeout=5)
            except OSError:
                self.counts["unanswered questions"] += 1

    def once(self, name, kind, nth):
        """True where the failure came about."""
        daemon = self.daemon(name)
        daemon.kill()
        n_before = daemon.log_path.stat().st_size
        daemon.start(LD_PRELOAD=str(SHIM), ASSAY_NTH=f"{kind} {nth}", ASAN_OPTIONS="verify_asan_link_order=0")
        done = threading.Thread(target=self.scenario, daemon=True)
        done.start()
        end = time.monotonic() + 6 * SCENARIO_SECONDS
        while done.is_alive() and time.monotonic() < end:
            if not daemon.is_running():
                self.counts["ended"] += 1
                daemon.start()
            time.sleep(0.01)
        if done.is_alive():
            self.problems.append(f"stuck: {name}, {kind} {nth}: no answer, or no score")
        is_hit = b"nth failure: reached" in daemon.log_path.read_bytes()[n_before:]
        self.counts["reached"] += is_hit
        return is_hit

    def scenario(self):
        self.look(self.client.submit())
        self.cluster.drain(SCENARIO_SECONDS)

    def sweep(self, name, kind, step, n_max):
        """N from 1 until it is not reached any more."""
        before = self.counts.copy()
        start = time.monotonic()
        for nth in range(1, n_max + 1, step):
            if not self.once(name, kind, nth) or self.problems or self.client.problems:
                break
        now = self.counts - before
        print(f"{now['reached']:5} of {name:8} {kind:7} {now['ended']} ended it, last N {nth} in "
              f"{time.monotonic() - start:.0f} s", flush=True)

    def put_back(self):
        """A job that failed three times by our doing is parked, visibly."""
        view = self.cluster.database()
        parked = view.execute("SELECT hex(s.id) FROM job j JOIN submission s ON s.number = j.submission "
                              "WHERE j.state = 3").fetchall()
        view.close()
        for (submission,) in parked:
            self.cluster.http("POST", f"/v1/submissions/{submission.lower()}/retry", b"", self.cluster.organizer())
        self.counts["parked and put back"] += len(parked)

    def settle(self):
        self.cluster.heal()
        self.put_back()
        if not self.cluster.drain():
            self.problems.append("stuck: the queue does not drain within two minutes")
        self.client.repeat_all()
        self.problems += checks.check_board(self.cluster, [self.client], COMPETITION)
        self.problems += self.cluster.stop()


def run(daemons, kinds, options, steps):
    """(counts, problems)"""
    with clusters.Cluster(n_workers=1) as cluster:
        cluster.start()
        cluster.competition(COMPETITION)
        client = Client(cluster, COMPETITION, "team 0", options.seed, 0)
        trial = Trial(cluster, client)
        for name in daemons:
            for kind in kinds:
                trial.sweep(name, kind, steps[kind], options.count or N_MAX[kind])
                daemon = trial.daemon(name)
                daemon.kill()
                daemon.start()
        try:
            trial.settle()
        except AssertionError as error:
            return trial.counts, [f"crash loop: {error}: {cluster.broker.log(500)}"]
        checker = checks.Checker(cluster, [client]).check(2)
        return trial.counts + checker.counts, client.problems[:5] + trial.problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="the last N of a kind")
    parser.add_argument("--step", type=int)
    parser.add_argument("--quick", action="store_true", help="every so many N only")
    parser.add_argument("--only", choices=DAEMONS, action="append")
    parser.add_argument("--kind", choices=[*KINDS, "lie"], action="append")
    options = parser.parse_args()
    steps = dict.fromkeys([*KINDS, "lie"], options.step) if options.step else QUICK_STEPS if options.quick else STEPS
    print(f"nth failure: seed {options.seed}", flush=True)
    random.seed(options.seed)
    counts, problems = run(options.only or DAEMONS, options.kind or KINDS, options, steps)
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(f"nth failure: seed {options.seed}, {counts['reached']} failures, {counts['ended']} ended a daemon, "
          f"{counts['acked']} acknowledged, {counts['lost']} lost, {counts['doubled']} doubled, "
          f"{len(problems)} problems", flush=True)
    if problems or options.only or options.kind:
        return 1 if problems else 0
    _, problems = run(["broker"], ["lie"], options, dict.fromkeys(["lie"], 3))
    print(f"nth failure: control: {len(problems)} problems, the first: {(problems or ['none'])[0][:200]}", flush=True)
    return 0 if problems else 1


if __name__ == "__main__":
    sys.exit(main())
