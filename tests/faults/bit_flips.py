#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Single bits that turned around on the disk: in the database, in submitted files and in the columns
that a worker keeps. Whatever is made of them, it is never another score.

Database: a copy is flipped and must be refused at the start, or by integrity_check, or be told from
its own log: the log is signed, and every submission, result and board follows from it. Files: a
worker that is given one must report it, and score it right when it is put back. Columns: a re-score
must find them and read the file again. Usage: bit_flips.py [--seed N] [--count FLIPS] [--quick];
prints its seed and counts, exits 1 where a score or a log is another one and nothing tells.
"""
import argparse
import collections
import datetime
import hashlib
import json
import pathlib
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

import checks
import clients as clients_module
import cluster as clusters
import harness
import power_images

QUICK_FLIPS = 200
COMPETITION = "flips"
N_TEAMS, N_EACH = 2, 8
SCORED, PARKED = 2, 3  # of a submission, of a job
# What a score, a place on the board or a log is made of, and what is shown of it.
TRUSTED = {
    "entry": "SELECT competition, place, kind, submission, line, leaf FROM entry ORDER BY 1, 2",
    "submission": "SELECT number, id, competition, team, sha256, size_bytes, received_ms, state, sort_key "
                  "FROM submission ORDER BY 1",
    "result": "SELECT submission, outcome, score, scorecard, sealed, value_bits FROM result ORDER BY 1",
    "best": "SELECT competition, track, team, sort_key, received_ms, submission FROM best ORDER BY 1, 2, 3",
}


def flip(path, chance):
    """Turns one bit of a file around; what it was."""
    data = path.read_bytes()
    place = chance.randrange(8 * len(data))
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(place // 8)
        file.write(bytes([data[place // 8] ^ 1 << place % 8]))
    return data


def content(view):
    return {name: view.execute(sql).fetchall() for name, sql in TRUSTED.items()}


def lines(there):
    return [(competition, place, line) for competition, place, _, _, line, _ in there["entry"]]


def sort_key(bits):
    """Of a metric where less is better; never negative."""
    return struct.unpack("<q", struct.pack("<d", struct.unpack("<d", struct.pack("<q", bits))[0] + 0.0))[0]


def differences(view):
    """What in the rows does not follow from the log."""
    found, boards = [], collections.defaultdict(list)
    numbers = {}
    for competition, place, kind, number, line, leaf in view.execute(TRUSTED["entry"]).fetchall():
        entry = json.loads(line)
        if entry["index"] != place or hashlib.sha256(b"\0" + line).digest() != leaf:
            found.append(f"entry {place} of {competition}")
        numbers[entry["kind"], number] = entry
    rows = view.execute(TRUSTED["submission"]).fetchall()
    results = {row[0]: row[1:] for row in view.execute(TRUSTED["result"]).fetchall()}
    for number, name, competition, team, sha256, size, received, state, key in rows:
        entry, result = numbers[("submission", number)], results[number]
        scored = numbers["result", number]
        wanted = (entry["id"], entry["team"], entry["file_sha256"], entry["file_bytes"], SCORED, scored["score"],
                  scored["scorecard_sha256"], scored["sealed_sha256"], f"{value(result[4]):.4f}", key)
        there = (name.hex(), f"t{team}", sha256.hex(), size, state, result[1], hashlib.sha256(result[2]).hexdigest(),
                 hashlib.sha256(result[3]).hexdigest(), scored["score"], sort_key(result[4]))
        if wanted != there or milliseconds(entry["received"]) != received or scored["outcome"] != "scored":
            found.append(f"submission {number}")
        boards[competition, 0, team].append((key, received, number))
    best = {row[:3]: row[3:] for row in view.execute(TRUSTED["best"]).fetchall()}
    if best != {place: min(keys) for place, keys in boards.items()}:
        found.append("board")
    return found


def value(bits):
    return struct.unpack("<d", struct.pack("<q", bits))[0]


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


class DatabaseFlips:
    """Of the database of a service that was stopped."""

    def __init__(self, state, seed):
        self.state, self.random = state, random.Random(f"{seed} database")
        self.counts, self.problems = collections.Counter(), []
        self.right = self.look(state / "broker" / "assay.db")[1]

    def look(self, path):
        """(by what it is told, what it says)"""
        try:
            view = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
            if view.execute("PRAGMA integrity_check").fetchall() != [("ok",)] \
                    or view.execute("PRAGMA foreign_key_check").fetchall():
                return "integrity_check", None
            told = "its log" if differences(view) else None
            return told, content(view)
        except (sqlite3.Error, ValueError, KeyError, TypeError, IndexError, struct.error, OverflowError, AttributeError):
            return "what cannot be read", None

    def run(self, n_flips):
        with tempfile.TemporaryDirectory(prefix="assay-flips-") as folder:
            for number in range(n_flips):
                state = pathlib.Path(folder) / str(number)
                shutil.copytree(self.state / "broker", state / "broker", ignore=shutil.ignore_patterns("*.reserve"))
                flip(state / "broker" / "assay.db", self.random)
                self.one(state)
                shutil.rmtree(state)

    def one(self, state):
        told, there = self.look(state / "broker" / "assay.db")
        is_same = there == self.right
        opened = subprocess.run([harness.BIN / "assay-reopen", state, power_images.HOST], capture_output=True,
                                check=False)
        if opened.returncode != 0:
            self.counts["refused at the start"] += 1
        elif told is not None:
            self.counts[f"told by {told}"] += 1
        elif is_same:
            self.counts["in nothing that counts"] += 1
        else:
            found = [pair for name, rows in there.items() for pair in zip(rows, self.right[name]) if pair[0] != pair[1]]
            self.problems.append(f"another score, and nothing tells: {found}"[:600])
        if opened.returncode == 0 and there is not None and lines(there) != lines(self.right):
            self.problems.append("another log was opened")


class FileFlips:
    """Of files and columns of a service that runs."""

    def __init__(self, cluster, client_list, seed):
        self.cluster, self.clients, self.random = cluster, client_list, random.Random(f"{seed} files")
        self.counts, self.problems = collections.Counter(), []

    def blobs(self):
        """Files that turned before they were first scored: reported, not scored; put back, right."""
        worker = self.cluster.workers[0]
        worker.stop()
        flipped = {}
        for client in self.clients:
            for _ in range(N_EACH):
                sent = client.submit()
                path = self.cluster.state / "blobs" / sent.sha256[:2] / sent.sha256[2:]
                flipped[path] = flip(path, self.random)
        worker.start()
        n_parked = f"SELECT count(*) FROM job WHERE state = {PARKED}"
        harness.wait_for(lambda: self.cluster.count(n_parked) == len(flipped), "all of them are reported", 300)
        self.counts["files"] += len(flipped)
        view = self.cluster.database()
        for name, reason in view.execute("SELECT hex(submission.id), job.reason FROM job JOIN submission ON "
                                         "submission.number = job.submission").fetchall():
            if "bytes that its name says" not in reason:
                self.problems.append(f"{name}: {reason}")
        view.close()
        for path, data in flipped.items():
            path.write_bytes(data)
        for sent in [sent for client in self.clients for sent in client.sent]:
            self.cluster.http("POST", f"/v1/submissions/{sent.receipt[0]}/retry", b"", self.cluster.organizer())
        if not self.cluster.drain():
            self.problems.append("stuck: files that were put back are not scored")

    def columns(self):
        """A bit in all that is kept: a re-score is equal, and makes them again."""
        folder = self.cluster.state / "worker" / "columns"
        kept = sorted(path for path in folder.rglob("*") if path.is_file())
        right = {path: flip(path, self.random) for path in kept}
        answer = self.cluster.http("POST", f"/v1/competitions/{COMPETITION}/rescores", b"", self.cluster.organizer())
        if answer.status != 202:
            self.problems.append(f"re-score: {answer.status} {answer.body}")
            return
        done = "SELECT count(*) FROM rescore_run WHERE is_finished = 0"
        harness.wait_for(lambda: self.cluster.count(done) == 0, "the re-score is finished", 300)
        self.counts["columns"] += len(kept)
        wrong = self.cluster.count("SELECT total(n_different + n_failed) FROM rescore_run")
        if wrong:
            self.problems.append(f"{wrong} of a re-score from damaged columns are different or failed")
        left = [path.name for path, data in right.items() if not path.exists() or path.read_bytes() != data]
        if left:
            self.problems.append(f"not made again: {left[:3]}")


class Client(clients_module.Client):
    def submit(self):
        """One submission, once."""
        sent = self.next()
        self.sent.append(sent)
        while not self.put(sent) and not self.problems:
            time.sleep(0.1)
        return sent


def run(seed, n_flips):
    """(counts, problems)"""
    with clusters.Cluster(n_workers=1, broker="reserve_bytes: 0\n") as cluster:
        cluster.start()
        cluster.competition(COMPETITION)
        client_list = [Client(cluster, COMPETITION, f"team {number}", seed) for number in range(N_TEAMS)]
        files = FileFlips(cluster, client_list, seed)
        files.blobs()
        while files.counts["files"] + files.counts["columns"] < n_flips // 4 and not files.problems:
            files.columns()
        files.problems += checks.check_board(cluster, client_list, COMPETITION) + cluster.stop()
        checker = checks.Checker(cluster, client_list).check()
        database = DatabaseFlips(cluster.state, seed)
        database.run(n_flips - files.counts["files"] - files.counts["columns"])
        counts = files.counts + database.counts
        return counts, files.problems + checker.problems + database.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="bits")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    wanted = options.count or (QUICK_FLIPS if options.quick else 5000)
    print(f"bit flips: seed {options.seed}, {wanted} bits", flush=True)
    counts, problems = run(options.seed, wanted)
    for problem in problems[:20]:
        print(f"PROBLEM {problem}", flush=True)
    print(json.dumps(counts))
    print(f"bit flips: seed {options.seed}, {sum(counts.values())} bits, {len(problems)} problems", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
