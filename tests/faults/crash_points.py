#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the process that reaches each named crash point (common/crashpoint.h), again and again.

The names are read out of the binaries, so that a new one is covered without being listed here. A
point is armed by starting the daemon with it, clients and the organizer keep the service busy until
it is hit, the daemon is started again without it, and at the end the same is checked as after the
kill loop. Usage: crash_points.py [--seed N] [--count TIMES] [--quick] [--only TEXT]... [--absent];
--absent: these binaries must not hold any. Exits 1 on any loss.
"""
import argparse
import collections
import contextlib
import random
import re
import signal
import subprocess
import sys
import time

import checks
import clients as clients_module
import cluster as clusters
import harness

COMPETITION = "points"
N_CLIENTS = 3
PATIENCE_SECONDS = 12
RESCORE_SECONDS = 60  # all that was sent is scored again in a twentieth of the time
DAEMONS = {"broker": "assay-broker", "gateway": "assay-gateway", "worker": "assay-worker"}
# Reached only at the first start of a folder.
FIRST_START = ("migration", "organizer's token", "file written")
# Reached only by what the organizer does.
MOVES = ("board about to move", "finals sent", "finals opened")
RESCORES = ("re-score", "columns")
FAILURES = ("failure reported",)
LOST = ("leases found lost",)
CORRECTIONS = ("all is corrected",)


def points():
    """[(daemon, name)] of every crash point in the binaries."""
    found = []
    for daemon, program in DAEMONS.items():
        data = (harness.BIN / program).read_bytes()
        names = sorted({name.decode() for name in re.findall(rb"crashpoint:([ -~]+)\0", data)})
        found += [(daemon, name) for name in names]
    return found


class Trial:
    """All rounds of some points on one service."""

    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.random = random.Random(f"{seed} points")
        self.counts = collections.Counter()
        self.problems = []
        self.n_boards = 0
        self.own = set()  # keys of submissions that no client sent

    def was_hit(self, daemon, name, n_before):
        return daemon.has_logged(f"crashpoint reached: {name}", n_before)

    def stir(self, name, worker):
        """What the clients alone do not bring about."""
        try:
            if any(word in name for word in RESCORES):
                self.cluster.http("POST", f"/v1/competitions/{COMPETITION}/rescores", b"",
                                  self.cluster.organizer(), timeout=5)
            elif any(word in name for word in MOVES):
                self.move_boards()
            elif any(word in name for word in CORRECTIONS):
                self.correct_labels()
            elif any(word in name for word in FAILURES):
                part = worker.part("assay-scorer")
                if part is not None:  # held, so that it dies with a job in its hands
                    part.signal(signal.SIGSTOP)
                    time.sleep(0.3)
                    part.signal(signal.SIGKILL)
            elif any(word in name for word in LOST):
                worker.kill()
                worker.start()
        except (OSError, AssertionError):
            pass

    def small_competition(self):
        """One with a submission."""
        self.n_boards += 1
        name = f"board{self.n_boards}"
        self.cluster.competition(name, is_published=False)
        token = self.cluster.team(name, "owl")
        key = f"{self.random.getrandbits(128):032x}"
        self.own.add(key)
        self.cluster.http("PUT", f"/v1/competitions/{name}/submissions", clients_module.submission(1, 1, 7), token,
                          {"Idempotency-Key": key})
        return name

    def correct_labels(self):
        """Everything of a small competition is scored again under other labels."""
        name = self.small_competition()
        labels = self.cluster.dir / "corrected.csv"
        labels.write_text((self.cluster.dir / "solution.csv").read_text().replace("\n0,0,Public", "\n0,1,Public"))
        self.cluster.drain(3)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for the workers
            self.cluster.run("competition", "correct", f"{name}.yaml", "--labels", labels, "--reason", "a mistake",
                             check=None, seconds=5)

    def move_boards(self):
        """A small competition that is published, played and revealed."""
        name = self.small_competition()
        for move in ("publish", "freeze", "reveal", "reveal"):
            self.cluster.drain(3)
            with contextlib.suppress(subprocess.TimeoutExpired):  # a reveal waits for its workers
                self.cluster.run("leaderboard", move, "-c", name, check=None, seconds=5)

    def once(self, kind, name):
        """Arms the point, waits until it is hit, and starts the daemon again."""
        daemon = self.random.choice(self.cluster.workers) if kind == "worker" else getattr(self.cluster, kind)
        daemon.kill()
        n_before = daemon.log_size()
        nth = self.random.randint(1, 4) if not any(word in name for word in MOVES + FAILURES + LOST + RESCORES + CORRECTIONS) else 1
        daemon.start(ASSAY_CRASHPOINT=f"{name} {nth}")
        patience = RESCORE_SECONDS if any(word in name for word in RESCORES) else PATIENCE_SECONDS
        end = time.monotonic() + patience
        next_stir = time.monotonic()
        while not self.was_hit(daemon, name, n_before) and time.monotonic() < end:
            if time.monotonic() >= next_stir:
                self.stir(name, self.cluster.workers[-1])
                next_stir = time.monotonic() + 1
            time.sleep(0.02)
        is_hit = self.was_hit(daemon, name, n_before)
        self.counts["hit" if is_hit else "not hit"] += 1
        daemon.kill()
        daemon.start()
        return is_hit

    def settle(self, clients):
        self.cluster.heal()
        self.problems += checks.come_to_rest(self.cluster, clients, COMPETITION)


def check_first_start(kind, name):
    """A point of the first start: whatever was there when it died, the next start must go on from it."""
    problems = []
    with clusters.Cluster(n_workers=1) as cluster:
        cluster.configure()
        daemon = cluster.workers[0] if kind == "worker" else getattr(cluster, kind)
        daemon.start(ASSAY_CRASHPOINT=f"{name} 1")
        try:
            daemon.process.wait(3)
        except subprocess.TimeoutExpired:  # a worker lives on without its part
            pass
        is_hit = f"crashpoint reached: {name}" in daemon.log(100000)
        daemon.kill()
        cluster.start()
        cluster.competition(COMPETITION)
        clients = clients_module.start_all(cluster, COMPETITION, 1, 1)
        time.sleep(0.3)
        problems += clients_module.end_all(clients)
        if not cluster.drain(30):
            problems.append("stuck: the queue does not drain")
        problems += cluster.stop()
        problems += checks.Checker(cluster, clients).check(1).problems
    return is_hit, problems


def run_points(wanted, seed, times):
    """(counts, hits by point, problems)"""
    first = [point for point in wanted if any(word in point[1] for word in FIRST_START)]
    later = [point for point in wanted if point not in first]
    counts, hits, problems = collections.Counter(), collections.Counter(), []
    for point in first:
        start = time.monotonic()
        for _ in range(times):
            is_hit, found = check_first_start(*point)
            hits[point] += is_hit
            problems += [f"{point[1]}: {text}" for text in found]
        print(f"{hits[point]:4} of {times} in {time.monotonic() - start:.1f} s  {point[0]:8} {point[1]}", flush=True)
    if later:
        with clusters.Cluster() as cluster:
            cluster.start()
            cluster.competition(COMPETITION)
            clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed)
            trial = Trial(cluster, seed)
            for point in later:
                start = time.monotonic()
                for _ in range(times):
                    hits[point] += trial.once(*point)
                print(f"{hits[point]:4} of {times} in {time.monotonic() - start:.1f} s  {point[0]:8} {point[1]}", flush=True)
            trial.settle(clients)
            checker = checks.Checker(cluster, clients)
            checker.foreign = trial.own
            checker.check()
            counts += trial.counts + checker.counts
            problems += trial.problems + checker.problems
    return counts, hits, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="kills at each point (50, quick: 1)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append")
    parser.add_argument("--absent", action="store_true")
    options = parser.parse_args()
    wanted = [point for point in points() if not options.only or any(text in point[1] for text in options.only)]
    if options.absent:
        n_planted = len(wanted) + sum((harness.BIN / name).read_bytes().count(b"misbehave:") for name in DAEMONS.values())
        print(f"crash points: {n_planted} in binaries that must hold none")
        return 1 if n_planted else 0
    times = options.count or (1 if options.quick else 50)
    print(f"crash points: seed {options.seed}, {len(wanted)} points, {times} times each", flush=True)
    counts, hits, problems = run_points(wanted, options.seed, times)
    for point in wanted:
        if hits[point] == 0:
            problems.append(f"never reached: {point[1]}")
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(f"crash points: seed {options.seed}, {len(wanted)} points, {sum(hits.values())} kills, {counts['acked']} "
          f"acknowledged, {counts['lost']} lost, {counts['doubled']} doubled, {len(problems)} problems", flush=True)
    return 1 if problems or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
