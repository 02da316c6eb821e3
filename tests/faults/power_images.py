# SPDX-License-Identifier: MIT
"""The images of one recording: each is opened by assay-reopen, the broker's own store, and compared
with what had been receipted by then. Some are served by the real processes.
"""
import collections
import hashlib
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time

import checks
import clients as clients_module
import cluster as clusters
import harness
import power_disk

HOST = "localhost"
PROMISED, EXPIRED = 5, 6             # enum wire_submission_state: rows that need no file
N_SERVED = 1
N_START = 120                        # records, about: keys, database, folders
BROKERS = ("broker/", "receipt.pub", "organizer.token", "allowed_signers")
REOPENED_KEY = b"\2" + bytes(15)     # of what assay-reopen submits
SIGNATURE = "\N{EM DASH} ".encode()  # begins the last line of a signed checkpoint


def is_recorded(path):
    """Whether it is the disk that a cut is about: neither sockets nor memory, nor the worker's."""
    return not path.startswith(("run/", "worker/")) and not path.endswith("-shm")


def files_of(folder, wants):
    """{path: bytes}"""
    names = {"/".join(path.relative_to(folder).parts): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if wants(name)}


def lay_down(files, folder, wants=lambda path: True):
    for path, data in files.items():
        if wants(path):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def open_database(folder):
    return sqlite3.connect(f"file:{folder}/broker/assay.db?mode=ro", uri=True)


def log_lines(state):
    """{competition: [(line, leaf)]} of a service that was stopped."""
    view, found = open_database(state), {}
    for name, line, leaf in view.execute("SELECT competition.id, line, leaf FROM entry JOIN competition ON "
                                         "competition.number = entry.competition ORDER BY place"):
        if hashlib.sha256(b"\0" + line).digest() != leaf:
            raise AssertionError("an entry has another leaf hash")
        found.setdefault(name, []).append((line, leaf))
    view.close()
    return found


class Images:
    """A context manager: it holds a folder in memory."""

    def __init__(self, recording, mute=lambda path: False):
        self.recording = recording
        self.disk = recording.disk(mute)
        self.random = random.Random(f"{recording.seed} images")
        self.counts, self.problems = collections.Counter(), []
        self.lines = log_lines(recording.cluster.state)
        self.worker = files_of(recording.cluster.state, lambda path: path.startswith("worker/labels/")
                               or path.startswith("worker/keys/"))
        self.hashed = {}  # SHA-256: bytes that have it
        self.last = None  # (files, sent): an image that was served

    def __enter__(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="assay-image-", dir=memory))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def choose(self, n_images):
        """{place: how often}: anywhere, at the start, before a sync has ended, and when a receipt is sent."""
        kinds = self.recording.places
        syncs = [place for place, kind in enumerate(kinds, 1) if kind == "b"]
        receipts = [place for place, kind in enumerate(kinds, 1) if kind == "S"]
        chosen = collections.Counter()
        for _ in range(n_images):
            way = self.random.random()
            places = syncs if way < 0.4 else receipts if way < 0.6 else range(1, N_START if way < 0.65 else len(kinds) + 1)
            chosen[self.random.choice(places)] += 1
        return chosen

    def run(self, n_images, n_served=N_SERVED, n_problems_max=20):
        chosen = self.choose(n_images)
        served = set(self.random.sample(range(n_images // 2, n_images), n_served))
        for place in self.disk.follow():
            for _ in range(chosen[place]):
                image, acks = self.disk.cut(self.random), list(self.disk.acks.values())
                number = self.counts["images"]
                found = self.check(image, acks)
                if number in served and acks and not found:
                    found += self.serve(image, acks)
                self.counts["images"] += 1
                self.counts["receipts"] += len(acks)
                self.problems += [f"seed {self.recording.seed}, image {number} at {place}: {text}" for text in found]
            if len(self.problems) >= n_problems_max:
                break

    # ---- one image ----

    def check(self, image, acks):
        shutil.rmtree(self.folder)
        (self.folder / "broker").mkdir(parents=True)
        lay_down(image, self.folder, lambda path: path.startswith(BROKERS))
        numbers = ("1", "1") if acks else ()  # of the competition and of its first team
        opened = subprocess.run([harness.BIN / "assay-reopen", self.folder, HOST, *numbers], text=True,
                                capture_output=True, check=False)
        found = self.check_keys(image, acks)
        if opened.returncode != 0:
            return found + [f"lost: it is not opened: {opened.returncode} {opened.stderr[-500:]}"]
        view = open_database(self.folder)
        found += self.check_database(view, image, acks)
        found += self.check_log(view, image)
        view.close()
        return found

    def check_keys(self, image, acks):
        """Without them what was receipted is of no use."""
        names = ("broker/keys/master", "organizer.token") if acks else ()
        return [f"lost: {name}" for name in names
                if image.get(name) != (self.recording.cluster.state / name).read_bytes()]

    def check_database(self, view, image, acks):
        found = [f"damaged: {row}" for name in ("integrity_check", "foreign_key_check")
                 for row in view.execute(f"PRAGMA {name}") if row != ("ok",)]
        rows = {name.hex(): (sha256.hex(), state) for name, sha256, state in view.execute(
            "SELECT id, sha256, state FROM submission WHERE idempotency_key <> ?", (REOPENED_KEY,))}
        entries = {line for (line,) in view.execute("SELECT line FROM entry WHERE submission IS NOT NULL")}
        for ack in acks:
            sha256, state = rows.get(ack.id, ("", 0))
            if sha256 != ack.sha256:
                found.append(f"lost: {ack.kind} {ack.id}")
            elif ack.entry not in entries:
                found.append(f"lost: the entry of {ack.kind} {ack.id}")
            elif ack.kind == "submission" and state in (PROMISED, EXPIRED):
                found.append(f"lost: the bytes of {ack.id}")
        return found + [f"row without its file: {name}" for name, (sha256, state) in rows.items()
                        if state not in (PROMISED, EXPIRED) and not self.has_blob(image, sha256)]

    def has_blob(self, image, sha256):
        data = image.get(f"blobs/{sha256[:2]}/{sha256[2:]}")
        if data is not None and self.hashed.get(sha256) != data:
            if hashlib.sha256(data).hexdigest() != sha256:
                return False
            self.hashed[sha256] = data
        return data is not None

    def check_log(self, view, image):
        """It is the beginning of what the log became, and all that was signed of it is there."""
        found = []
        for number, name, end in view.execute("SELECT number, id, next_entry FROM competition").fetchall():
            rows = view.execute(
                "SELECT place, line, leaf FROM entry LEFT JOIN submission ON submission.number = entry.submission "
                "WHERE entry.competition = ? AND coalesce(idempotency_key, '') <> ? ORDER BY place",
                (number, REOPENED_KEY)).fetchall()
            n_all, = view.execute("SELECT count(*) FROM entry WHERE competition = ?", (number,)).fetchone()
            if [row[0] for row in rows] != list(range(len(rows))) or n_all != end:
                found.append(f"the log has a gap: {len(rows)} of {end}")
            if [row[1:] for row in rows] != self.lines.get(name, [])[: len(rows)]:
                found.append("the log is not what was recorded")
            n_signed = signed_size(image.get("broker/assay.db.signed", b""), f"{HOST}/{name}".encode())
            if n_signed > len(rows):
                found.append(f"signed ahead: {n_signed} of {len(rows)} entries")
        return found

    # ---- an image that is served ----

    def serve(self, image, acks):
        """All of the service on an image: what was ever sent is sent again, and all is as it should be."""
        files = {**{path: data for path, data in image.items() if is_recorded(path)}, **self.worker}
        view = open_database(self.folder)
        teams = {name for (name,) in view.execute("SELECT name FROM team")}
        view.close()
        given = {ack.id for ack in acks if ack.kind == "submission"}
        known = [sent for sent in self.recording.sent() if sent.team in teams]
        with clusters.Cluster(n_workers=1) as cluster:
            lay_down(files, cluster.state)
            sender = clients_module.Sender(cluster, [sent.again(given) for sent in known])
            cluster.start()
            for sent in sender.sent:
                while not sender.put(sent) and not sender.problems:
                    time.sleep(0.05)
            problems = [] if cluster.drain() else ["stuck: the queue does not drain"]
            problems += cluster.stop()
            checker = checks.Checker(cluster, [sender]).check()
        self.counts["served"] += 1
        self.last = (files, known)
        return [f"served: {text}" for text in problems + checker.problems]


def signed_size(text, origin):
    """Entries in the last whole checkpoint of that log."""
    size = 0
    for note in text.split(origin + b"+")[1:] + text.split(origin + b"\n")[1:]:
        lines = note.split(b"\n")
        if len(lines) > 5 and lines[4].startswith(SIGNATURE) and lines[1].isdigit():
            size = max(size, int(lines[1]))
    return size
