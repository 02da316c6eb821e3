#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills and pauses the real broker, gateway and workers at random instants while clients submit.

Every round has a service of its own: faults come for a while, then everything is healed, the queue
drains, and checks.py compares what is stored with what the clients hold. Usage:
kill_loop.py [--seed N] [--count FAULTS] [--quick]; prints its seed and counts, exits 1 on any loss.
The seed fixes which faults come and what is submitted; the machine decides where they hit.
"""
import argparse
import collections
import json
import os
import random
import signal
import sys
import threading
import time

import checks
import clients as clients_module
import cluster as clusters

ROUND_FAULTS = 250
QUICK_FAULTS = 150
N_CLIENTS = 5
COMPETITION = "faults"

# weight, name: what one fault does
FAULTS = [
    (5, "kill broker"),
    (3, "kill gateway"),
    (3, "kill worker"),
    (1, "kill all"),
    (1, "kill part of a worker"),
    (2, "pause broker"),
    (1, "pause gateway"),
    (2, "pause worker"),
    (1, "late result"),
]
DUEL_EVERY = 25  # faults; one takes as long as 20 of the others
FAULTS_PER_SECOND = 16  # at most, and in the mean: more often, and nothing gets done between them


def wait_until(condition, seconds):
    """Whether it came true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def has_job(worker, n_before):
    """Whether a worker took a job since its log had that many bytes."""
    return worker.has_logged(" job: ", n_before)


class Round:
    """One service under faults, from its start to the check."""

    def __init__(self, cluster, seed, n_faults):
        self.cluster, self.n_faults = cluster, n_faults
        self.random = random.Random(f"{seed} faults")
        self.paused = []  # (until, daemon)
        self.counts = collections.Counter()
        self.problems = []
        self.may_end = set()  # workers whose part was killed end by themselves
        self.delays = []  # threads that hold a worker back

    def run(self, clients):
        for number in range(self.n_faults):
            time.sleep(min(self.random.expovariate(FAULTS_PER_SECOND), 0.6))
            self.resume()
            self.revive()
            names = [name for _, name in FAULTS]
            fault = self.random.choices(names, [weight for weight, _ in FAULTS])[0]
            if number % DUEL_EVERY == DUEL_EVERY // 2:
                fault = "duel"
                self.duel(clients)
            else:
                self.apply(fault)
            self.counts[fault] += 1
            if number == self.n_faults // 2:
                self.rescore()
            if any(client.problems for client in clients):
                break
        self.resume(is_end=True)

    def apply(self, fault):
        way, _, whom = fault.partition(" ")
        if whom == "all":
            victims = self.cluster.daemons()
        elif whom.endswith(("worker", "result")):
            victims = [self.random.choice(self.cluster.workers)]
        else:
            victims = [getattr(self.cluster, whom)]
        if whom.startswith("part"):
            self.kill_part(victims[0])
        elif way == "late":
            self.delays.append(threading.Thread(target=self.delay_result, args=victims, daemon=True))
            self.delays[-1].start()
        elif way == "kill":
            for victim in victims:
                victim.kill()
            for victim in victims:
                victim.start()
        else:
            seconds = self.random.choice((0.05, 0.3, 1.5, 2.5))
            victims[0].signal(signal.SIGSTOP)
            self.paused.append((time.monotonic() + seconds, victims[0]))

    def kill_part(self, worker):
        try:
            parts = worker.parts()[1:]
        except (OSError, ValueError):
            parts = []
        if parts:
            self.may_end.add(worker)
            self.random.choice(parts).signal(signal.SIGKILL)

    def delay_result(self, worker):
        """A job is taken, and its result lies unsent in a stopped process until the lease is long lost."""
        scorer, link = worker.part("assay-scorer"), worker.part("assay-link")
        if scorer is None or link is None:
            return
        n_before = worker.log_size()
        scorer.signal(signal.SIGSTOP)
        wait_until(lambda: has_job(worker, n_before), 1)
        link.signal(signal.SIGSTOP)
        scorer.signal(signal.SIGCONT)
        self.paused.append((time.monotonic() + 2.5, worker))

    def duel(self, clients):
        """One job in two hands: the first worker's result comes when the second has the job."""
        self.resume(is_end=True)
        self.cluster.heal()
        for client in clients:
            client.is_quiet.set()
        self.cluster.drain(20)
        workers = self.cluster.workers
        scorers = [worker.part("assay-scorer") for worker in workers]
        links = [worker.part("assay-link") for worker in workers]
        sizes = [worker.log_size() for worker in workers]
        if None not in scorers + links:
            for scorer in scorers:
                scorer.signal(signal.SIGSTOP)
            threading.Thread(target=clients[0].submit, daemon=True).start()
            if wait_until(lambda: any(map(has_job, workers, sizes)), 5):
                first = 0 if has_job(workers[0], sizes[0]) else 1
                links[first].signal(signal.SIGSTOP)
                scorers[first].signal(signal.SIGCONT)
                wait_until(lambda: has_job(workers[1 - first], sizes[1 - first]), 5)
                links[first].signal(signal.SIGCONT)
                time.sleep(0.3)
        for part in scorers + links:
            if part is not None:
                part.signal(signal.SIGCONT)
        for client in clients:
            client.is_quiet.clear()

    def resume(self, is_end=False):
        now = time.monotonic()
        while is_end and self.delays:
            self.delays.pop().join()
        for until, daemon in list(self.paused):
            if is_end or until <= now:
                daemon.signal(signal.SIGCONT)
                self.paused.remove((until, daemon))

    def revive(self):
        """Nobody may end by himself; who does is reported, and started again."""
        for daemon in self.cluster.daemons():
            if not daemon.is_running():
                if daemon not in self.may_end:
                    self.problems.append(f"{daemon.name} ended by itself with {daemon.process.returncode}: "
                                         f"{daemon.log(600)}")
                daemon.start()

    def rescore(self):
        """Asks once, under fire: whether it was answered or not, it may not do harm."""
        try:
            answer = self.cluster.http("POST", f"/v1/competitions/{COMPETITION}/rescores", b"",
                                       self.cluster.organizer(), timeout=5)
            self.counts["re-scores"] += answer.status == 202
        except OSError:
            pass

    def put_back_parked(self):
        """What was killed three times in the same job is parked, visibly: put back, and counted."""
        view = self.cluster.database()
        parked = view.execute("SELECT hex(submission.id), job.n_fails FROM job JOIN submission "
                              "ON submission.number = job.submission WHERE job.state = 3").fetchall()
        view.close()
        for name, n_fails in parked:
            if n_fails < 3:
                self.problems.append(f"parked though healthy: {name}")
            self.cluster.http("POST", f"/v1/submissions/{name.lower()}/retry", b"", self.cluster.organizer())
        self.counts["parked and put back"] += len(parked)
        return len(parked)

    def settle(self, clients):
        """Heals, and lets everything come to its end."""
        self.cluster.heal()
        self.problems += clients_module.end_all(clients)
        for _ in range(5):
            if not self.cluster.drain():
                self.problems.append("stuck: the queue does not drain within two minutes")
                break
            if self.put_back_parked() == 0:
                break
        self.check_runs()
        self.problems += checks.come_to_rest(self.cluster, clients, COMPETITION)

    def check_runs(self):
        view = self.cluster.database()
        for run, is_finished, n_different in view.execute(
                "SELECT number, is_finished, n_different FROM rescore_run"):
            if not is_finished or n_different:
                self.problems.append(f"re-score {run}: finished {is_finished}, {n_different} different")
        view.close()


def run_round(seed, n_faults):
    """(counts, problems)"""
    with clusters.Cluster() as cluster:
        cluster.start()
        cluster.competition(COMPETITION)
        clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed)
        trial = Round(cluster, seed, n_faults)
        try:
            trial.run(clients)
            trial.settle(clients)
        except AssertionError as error:
            return trial.counts, [f"down: {error}: {cluster.broker.log(500)}"]
        checker = checks.Checker(cluster, clients).check()
        counts = trial.counts + checker.counts
        counts["repeated"] = sum(client.n_repeated for client in clients)
        counts["unanswered requests"] = sum(client.n_unanswered for client in clients)
        problems = trial.problems + checker.problems
        if problems and os.environ.get("ASSAY_FAULTS_KEEP"):
            raise SystemExit("\n".join(problems))
        return counts, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="faults")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    wanted = options.count or (QUICK_FAULTS if options.quick else 10000)
    total, n_faults, n_bad = collections.Counter(), 0, 0
    print(f"kill loop: seed {options.seed}, {wanted} faults", flush=True)
    start = time.monotonic()
    while n_faults < wanted:
        size = min(ROUND_FAULTS, wanted - n_faults)
        counts, problems = run_round(options.seed + n_faults, size)
        n_faults += size
        total += counts
        n_bad += len(problems)
        for problem in problems:
            print(f"PROBLEM {problem}", flush=True)
        print(json.dumps({"faults": n_faults, "seconds": round(time.monotonic() - start), **total}), flush=True)
        if n_bad > 50:
            break
    print(f"kill loop: seed {options.seed}, {n_faults} faults, {total['acked']} acknowledged, "
          f"{total['lost']} lost, {total['doubled']} doubled, {total['stuck']} stuck, {n_bad} problems", flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
