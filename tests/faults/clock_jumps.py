#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clocks that are set an hour ahead and back, under real processes with work in their hands.

Each daemon has a wall clock of its own (wall_clock.c, preloaded), so that they disagree by up to two
hours, too. No lease may be lost by it; every receive time lies where the broker's clock was while the
client waited; the deadline is decided by that time, for a promise by the promise's; quota days are
those of receive times. Then the machine "sleeps": the clock that counts suspend jumps for all, which
may cost leases and nothing else. At the end the same is checked as after the kill loop.
Usage: clock_jumps.py [--seed N] [--count JUMPS] [--quick]; exits 1 on any loss.
"""
import argparse
import collections
import datetime
import json
import math
import mmap
import os
import random
import signal
import struct
import sys
import time

import checks
import clients as clients_module
import cluster as clusters
import harness

COMPETITION, DEADLINE = "clocks", "deadline"
N_CLIENTS = 4
HOUR = 3600
CLOSES = HOUR // 2  # from the start: an hour ahead is too late
LEASE_MS = 10000
SKEW = 60  # what the broker lets a gateway's clock be behind its own
DAY = 24 * HOUR
SLACK = 2
INSTANT = 0.05  # for a clock to be set
EXPIRE_SECONDS = 1.2  # the broker looks for lost leases every second
N_SUSPENDS = 3
LIBRARY = harness.BIN / "libwall_clock.so"
YAML = clusters.COMPETITION + "closes: {closes}\n"


class Clock:
    """Of one daemon: how far its wall clock is ahead, in seconds, now and before."""

    def __init__(self, daemon):
        path = daemon.cluster.dir / f"clock-{daemon.name}"
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 16)
        self.ahead, self.history = 0.0, []  # (until, what it was ahead)
        daemon.env = {"LD_PRELOAD": str(LIBRARY), "ASSAY_FAULT_CLOCK": str(path),
                      "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def set(self, ahead):
        before, self.ahead = self.ahead, ahead
        self.page[:8] = struct.pack("<q", round(ahead * 1000))
        self.history.append((time.time(), before))

    def suspend(self, seconds):
        self.page[8:] = struct.pack("<q", struct.unpack("<q", self.page[8:])[0] + seconds * 1000)

    def during(self, start, end):
        """What it showed between these times: (earliest, latest)."""
        shown, since = [], 0.0
        for until, ahead in [*self.history, (math.inf, self.ahead)]:
            if since - INSTANT <= end and until >= start:
                shown.append(ahead)
            since = until
        return start + min(shown), end + max(shown)


class TimedClient(clients_module.Client):
    """Knows between which times each of its submissions was on its way."""

    def submit(self):
        start = time.time()
        sent = super().submit()
        sent.times = (start, time.time())
        return sent


def unix_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Jumps:
    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.random = random.Random(f"{seed} jumps")
        self.clocks = {daemon: Clock(daemon) for daemon in cluster.daemons()}
        self.broker_clock = self.clocks[cluster.broker]
        self.counts = collections.Counter()
        self.problems = []
        self.late = None  # a client of the competition with a deadline, asked here alone
        self.closes = time.time() + CLOSES

    def competitions(self):
        self.cluster.competition(COMPETITION)
        closes = datetime.datetime.fromtimestamp(self.closes, datetime.timezone.utc)
        self.cluster.competition(DEADLINE, yaml=YAML.replace("{closes}", f"{closes:%Y-%m-%dT%H:%M:%SZ}"))

    def once(self):
        time.sleep(min(self.random.expovariate(8), 0.5))
        whose = self.random.choice(("all", "broker", "broker", "gateway", "worker"))
        ahead = self.random.choice((-HOUR, 0, HOUR)) + self.random.choice((-0.3, 0, 0.3))
        daemons = {"all": self.cluster.daemons(), "worker": self.cluster.workers}.get(whose)
        is_held = self.random.random() < 0.2
        if is_held:
            self.hold(signal.SIGSTOP)
            time.sleep(0.2)
        for daemon in daemons or [getattr(self.cluster, whose)]:
            self.clocks[daemon].set(ahead)
        if is_held:  # long enough for whoever thinks that the lease is over
            time.sleep(EXPIRE_SECONDS)
            self.hold(signal.SIGCONT)
        elif self.random.random() < 0.1:
            self.cluster.broker.kill()
            self.cluster.broker.start()
            self.counts["restarts of the broker"] += 1
        if self.random.random() < 0.2:
            self.try_deadline()
        self.counts[f"jumps of {whose}"] += 1
        self.counts["jumps"] += 1
        self.counts["with jobs in hand"] += is_held

    def hold(self, number):
        for worker in self.cluster.workers:
            scorer = worker.part("assay-scorer")
            if scorer is not None:
                scorer.signal(number)

    def answer(self, send):
        """The first answer that is one."""
        def ask():
            try:
                answer = send()
                return answer if answer.status not in (503, 504) else None
            except OSError:
                return None
        return harness.wait_for(ask, "an answer")

    def submit_late(self, sent):
        """What became of it: its client's list has what was accepted."""
        start = time.time()
        answer = self.answer(lambda: self.late.ask(sent))
        if answer.status == 202:
            self.late.take(sent, answer)
            sent.times = (start, time.time())
            self.late.sent.append(sent)
        return answer

    def try_deadline(self):
        """Taken or refused as the broker's clock is before or after it."""
        is_over = time.time() + self.broker_clock.ahead > self.closes
        answer = self.submit_late(self.late.next())
        self.counts["at the deadline"] += 1
        if (answer.status, is_over) not in ((202, False), (403, True)):
            self.problems.append(f"deadline: {answer.status} with the clock {self.broker_clock.ahead} s ahead: "
                                 f"{answer.body[:200]}")

    def try_promise(self):
        """Promised in time, and sent after it: it counts, with the time of the promise."""
        self.set_all(0)
        sent = self.late.next()
        body = json.dumps({"sha256": sent.sha256, "bytes": len(sent.body)}).encode()
        promised = self.answer(lambda: self.cluster.http(
            "POST", f"/v1/competitions/{DEADLINE}/uploads", body, sent.token,
            {"Idempotency-Key": sent.key, "Content-Type": "application/json"})).json()
        end = time.time()
        self.set_all(HOUR)
        answer = self.submit_late(sent)
        sent.times = (end - SLACK, end)
        self.counts["promises"] += 1
        if answer.status != 202:
            self.problems.append(f"a promise in time is not kept: {answer.status} {answer.body[:200]}")
        elif unix_time(json.loads(sent.receipt[1])["received"]) != unix_time(promised["received"]):
            self.problems.append(f"a promise of {promised['received']} became {sent.receipt[1]}")
        self.set_all(0)

    def set_all(self, ahead):
        for clock in self.clocks.values():
            clock.set(ahead)

    def suspend(self):
        """The machine sleeps for longer than any lease, with jobs in hand."""
        self.hold(signal.SIGSTOP)
        time.sleep(0.2)
        for clock in self.clocks.values():
            clock.suspend(5 * LEASE_MS // 1000)
        self.hold(signal.SIGCONT)
        self.counts["suspends"] += 1
        time.sleep(EXPIRE_SECONDS)

    # ---- what must hold beyond the usual ----

    def check_times(self, clients):
        for client in clients:
            for sent in client.sent:
                if sent.receipt is None:
                    continue
                received = unix_time(json.loads(sent.receipt[1])["received"])
                earliest, latest = self.broker_clock.during(*sent.times)
                if not earliest - SKEW - SLACK <= received <= latest + SLACK:
                    self.problems.append(f"{sent.receipt[0]} was received {received - sent.times[0]:.1f} s after it was "
                                         f"sent, the broker's clock said {earliest - sent.times[0]:.1f} to "
                                         f"{latest - sent.times[0]:.1f}")

    def check_leases(self):
        n_lost = sum(daemon.log(1 << 30).count(text) for text, daemon in (
            ("leases lost=", self.cluster.broker), *(("lease lost", worker) for worker in self.cluster.workers)))
        if n_lost:
            self.problems.append(f"{n_lost} leases were lost by jumps")

    def check_days(self):
        view = self.cluster.database()
        first, last = (int((time.time() + ahead) // DAY) for ahead in (-2 * HOUR, HOUR + SLACK))
        for (day,) in view.execute("SELECT DISTINCT day FROM team_day"):
            if not first <= day <= last:
                self.problems.append(f"quota of day {day}, today is {last}")
        view.close()


def run(cluster, seed, n_jumps):
    """(counts, problems)"""
    jumps = Jumps(cluster, seed)
    cluster.start()
    jumps.competitions()
    jumps.late = clients_module.Client(cluster, DEADLINE, "late", seed)
    clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed, kind=TimedClient)
    while jumps.counts["jumps"] < n_jumps and not any(client.problems for client in clients):
        jumps.once()
        if jumps.counts["jumps"] % 20 == 0:
            jumps.try_promise()
    jumps.check_leases()
    for _ in range(N_SUSPENDS):
        jumps.suspend()
    everybody = [*clients, jumps.late]
    problems = clients_module.end_all(clients)
    jumps.check_days()
    problems += checks.come_to_rest(cluster, clients, COMPETITION)
    jumps.check_times(everybody)
    checker = checks.Checker(cluster, everybody).check()
    return jumps.counts + checker.counts, problems + jumps.problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="jumps (500, quick: 20)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n_jumps = options.count or (20 if options.quick else 500)
    print(f"clock jumps: seed {options.seed}, {n_jumps} jumps", flush=True)
    with clusters.Cluster(lease_ms=LEASE_MS, broker=f"promise_ms: {2 * HOUR * 1000}\n") as cluster:
        counts, problems = run(cluster, options.seed, n_jumps)
    return checks.report("clock jumps", options.seed, counts, problems)


if __name__ == "__main__":
    sys.exit(main())
