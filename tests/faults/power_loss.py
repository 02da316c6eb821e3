#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Power cuts: what the real broker and gateway ask of the disk is recorded while clients submit, and
images are made of what a cut at any moment may leave (power_disk.py). Each is opened by the broker's
own store, as after the cut, and compared with the receipts that had been sent by then
(power_images.py).

A round is one recording and its images. Every second round begins on an image of the round before,
so that recoveries are cut off, too. Of every round some images are served by the real processes
until all that was ever sent is scored. At the end some syncs are ignored in the record: that must be
noticed. Usage: power_loss.py [--seed N] [--count IMAGES] [--quick] [--no-controls]; prints its seed
and counts, exits 1 on any loss.
"""
import argparse
import collections
import json
import random
import sys
import time

import clients as clients_module
import cluster as clusters
import harness
import power_disk
import power_images

QUICK_IMAGES = 500
ROUND_IMAGES = 1000
CONTROL_IMAGES = 150
COMPETITIONS = ("power", "cut")  # two logs: their checkpoints are written together
N_CLIENTS = 3
N_SHORT, N_LONG = 45, 450  # receipts of a round; in a long one the database is checkpointed on its way
BROKER = "reserve_bytes: 65536\n"

# name, what is said of it, of which files' and folders' syncs nothing comes
CONTROLS = [
    ("the database's log is not synced", "lost: ", lambda path: path.endswith("-wal")),
    ("folders of files are not synced", "without its file",
     lambda path: path.startswith("blobs/") and path.count("/") == 1),
    ("files are not synced", "without its file", lambda path: path.startswith("blobs/incoming/")),
]


class Client(clients_module.Client):
    """One that now and then promises before it sends."""

    def submit(self):
        sent = self.next()
        self.sent.append(sent)
        if self.random.random() < 0.2:
            self.promise(sent)
        while sent.receipt is None and not self.problems:
            if not self.put(sent):
                time.sleep(self.random.random() * 0.1)

    def promise(self, sent):
        promise = {"sha256": sent.sha256, "bytes": len(sent.body), "file_name": "a.csv"}
        headers = {"Idempotency-Key": sent.key, "Content-Type": "application/json"}
        try:
            answer = self.cluster.http("POST", f"/v1/competitions/{sent.competition}/uploads",
                                       json.dumps(promise), sent.token, headers)
        except OSError:
            return
        if answer.status not in (201, 503, 504):
            self.problems.append(f"{sent.team}: promise: {answer.status} {answer.body[:300]}")


class Recording:
    """A service while it is recorded, and what its clients hold."""

    def __init__(self, cluster, seed, known):
        self.cluster, self.seed = cluster, seed
        self.log_path = cluster.dir / "record"
        self.known = known  # sent by clients before
        self.clients, self.problems = [], []
        self.snapshot = self.places = None

    def run(self, n_receipts):
        cluster = self.cluster
        cluster.broker.env = cluster.gateway.env = {
            "LD_PRELOAD": str(harness.BIN / "assay-recorder.so"), "ASSAY_RECORD_LOG": str(self.log_path),
            "ASSAY_RECORD_ROOT": str(cluster.state), "ASAN_OPTIONS": "verify_asan_link_order=0"}
        cluster.configure()
        self.snapshot = power_disk.Snapshot(cluster.state)
        cluster.start()
        if cluster.count("SELECT count(*) FROM competition") == 0:
            for competition in COMPETITIONS:
                cluster.competition(competition)
        self.clients = [Client(cluster, COMPETITIONS[number % 2], f"team {number} of {self.seed}", self.seed, 0.01)
                        for number in range(N_CLIENTS)]
        for client in self.clients:
            client.start()
        for restarted in ([], [cluster.broker], [cluster.gateway, cluster.broker]):
            for daemon in restarted:
                daemon.stop()
                daemon.start()
            self.wait_for_receipts(n_receipts // 3)
        self.problems += clients_module.end_all(self.clients)
        self.problems += [problem for client in self.clients for problem in client.problems]
        if not cluster.drain():
            self.problems.append("stuck: the queue does not drain")
        self.problems += cluster.stop()
        self.places = power_disk.kinds(self.log_path)
        self.check()

    def wait_for_receipts(self, n_more):
        def n_given():
            return sum(sent.receipt is not None for client in self.clients for sent in client.sent)

        wanted = n_given() + n_more
        harness.wait_for(lambda: n_given() >= wanted or any(client.problems for client in self.clients),
                         "receipts", 300)

    def disk(self, mute=lambda path: False):
        """The disk as it was before, to be followed."""
        return power_disk.Disk(self.snapshot, self.log_path, mute)

    def sent(self):
        return self.known + [sent for client in self.clients for sent in client.sent]

    def check(self):
        """Nothing that was written may be missing in the record: else it proves nothing."""
        disk = self.disk()
        for _ in disk.follow():
            pass
        seen = {path: data for path, data in disk.whole().items() if power_images.is_recorded(path)}
        there = power_images.files_of(self.cluster.state, power_images.is_recorded)
        wrong = [path for path in {*seen, *there} if seen.get(path) != there.get(path)]
        if wrong:
            self.problems.append(f"the record is not what happened: {sorted(wrong)[:5]}")


def run_control(recording, control):
    """Whether it is noticed that nothing comes of these syncs."""
    name, sign, mute = control
    with power_images.Images(recording, mute) as images:
        images.run(CONTROL_IMAGES, n_served=0, n_problems_max=3)
    is_caught = any(sign in problem for problem in images.problems)
    print(f"{'caught' if is_caught else 'UNNOTICED'}: {name}: "
          f"{(images.problems or ['nothing is found'])[0][:150]}", flush=True)
    return is_caught


class Campaign:
    """Rounds, one after the other."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(f"{seed} power")
        self.counts, self.problems = collections.Counter(), []
        self.start = None  # (files, sent): an image to go on with

    def round(self, number, n_images, n_receipts, has_controls):
        with clusters.Cluster(n_workers=1, broker=BROKER) as cluster:
            known = []
            if self.start is not None and number % 2 == 1:
                files, known = self.start
                power_images.lay_down(files, cluster.state)
                self.counts["rounds on an image"] += 1
            recording = Recording(cluster, self.seed + number, known)
            recording.run(n_receipts)
            with power_images.Images(recording) as images:
                images.run(n_images)
            self.start = images.last
            self.problems += recording.problems + images.problems
            self.counts.update(images.counts)
            self.counts["records"] += len(recording.places)
            if has_controls and not self.problems:
                caught = [run_control(recording, control) for control in CONTROLS]
                self.problems += [] if all(caught) else ["a control goes unnoticed"]

    def run(self, n_images, has_controls):
        number = done = 0
        while done < n_images and len(self.problems) < 50:
            size = min(ROUND_IMAGES if n_images > QUICK_IMAGES else QUICK_IMAGES // 2, n_images - done)
            done += size
            n_receipts = N_LONG if number % 4 == 3 else N_SHORT
            n_before = len(self.problems)
            self.round(number, size, n_receipts, has_controls and done >= n_images)
            number += 1
            for problem in self.problems[n_before:]:
                print(f"PROBLEM {problem}", flush=True)
            print(json.dumps(self.counts), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="images")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-controls", action="store_true")
    options = parser.parse_args()
    wanted = options.count or (QUICK_IMAGES if options.quick else 20000)
    print(f"power loss: seed {options.seed}, {wanted} images", flush=True)
    campaign = Campaign(options.seed)
    campaign.run(wanted, not options.no_controls)
    counts = campaign.counts
    print(f"power loss: seed {options.seed}, {counts['images']} images, {counts['receipts']} receipts held against "
          f"them, {counts['served']} served, {len(campaign.problems)} problems", flush=True)
    return 1 if campaign.problems else 0


if __name__ == "__main__":
    sys.exit(main())
