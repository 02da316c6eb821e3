# SPDX-License-Identifier: MIT
"""What must hold after any fault, found out without the programs' own words: from the receipts that
the clients hold, the bytes of the database and the blobs, and libsodium's or minisign's opinion of
the signatures.
"""
import base64
import collections
import ctypes
import ctypes.util
import hashlib
import json
import re
import subprocess

import clients as clients_module
import cluster as clusters
import harness

SCORED = 2  # enum wire_submission_state
KIND_RESULT, KIND_SUBMISSION = "result", "submission"
GROWTH_BYTES, GROWTH_DESCRIPTORS = 32 << 20, 6
SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


class Verifier:
    """Signatures of minisign, by libsodium: the hash of the text is signed, and then the comment."""

    def __init__(self, public_key_text):
        raw = base64.b64decode(public_key_text.splitlines()[1])
        self.key_id, self.key = raw[2:10], raw[10:]

    def is_signed(self, signature, text):
        return SODIUM.crypto_sign_verify_detached(signature, text, ctypes.c_ulonglong(len(text)), self.key) == 0

    def is_good(self, text, minisig):
        lines = minisig.splitlines()
        raw, comment = base64.b64decode(lines[1]), lines[2].removeprefix("trusted comment: ")
        return (raw[:2] == b"ED" and raw[2:10] == self.key_id
                and self.is_signed(raw[10:], hashlib.blake2b(text).digest())
                and self.is_signed(base64.b64decode(lines[3]), raw[10:] + comment.encode()))


def minisign_says(cluster, sent):
    """Whether the program of that name accepts the receipt too."""
    path = cluster.dir / "receipt"
    path.write_text(sent.receipt[1])
    path.with_suffix(".minisig").write_text(sent.receipt[2])
    return subprocess.run(["minisign", "-Vq", "-p", cluster.state / "receipt.pub", "-m", path],
                          capture_output=True, check=False).returncode == 0


class Checker:
    """Collects the problems of one service that was healed, drained and stopped."""

    def __init__(self, cluster, clients):
        self.cluster, self.clients = cluster, clients
        self.acked = [sent for client in clients for sent in client.sent if sent.receipt]
        self.problems = [text for client in clients for text in client.problems]
        self.counts = collections.Counter(acked=len(self.acked),
                                          lost=sum(text.startswith("lost:") for text in self.problems))
        self.foreign = set()  # keys of submissions that no client of ours sent
        self.parked = set()  # names of submissions that have to be
        self.view = cluster.database()

    def found(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= 5:
            self.problems.append(f"{kind}: {text}")

    def rows(self, sql, *values):
        return self.view.execute(sql, values).fetchall()

    def check(self, n_minisign=5):
        self.check_file()
        self.check_submissions()
        self.check_log()
        self.check_teams()
        self.check_work()
        self.check_signatures(n_minisign)
        self.view.close()
        return self

    def check_file(self):
        for (text,) in self.rows("PRAGMA integrity_check"):
            if text != "ok":
                self.found("damaged", text)
        for row in self.rows("PRAGMA foreign_key_check"):
            self.found("damaged", str(row))

    def check_submissions(self):
        """Every acknowledged one is there as it was sent, scored once and right; no other is."""
        stored = {row[0].hex(): row[1:] for row in self.rows(
            "SELECT id, idempotency_key, sha256, size_bytes, state, reason, number FROM submission")}
        results = collections.Counter(row[0] for row in self.rows("SELECT submission FROM result"))
        scores = dict(self.rows("SELECT submission, score FROM result"))
        for sent in self.acked:
            row = stored.pop(sent.receipt[0], None)
            if row is None:
                self.found("lost", f"{sent.receipt[0]} of {sent.team}")
                continue
            key, sha256, size, state, reason, number = row
            if (key.hex(), sha256.hex(), size) != (sent.key, sent.sha256, len(sent.body)):
                self.found("lost", f"{sent.receipt[0]} is another file now")
            if state != SCORED:
                self.found("stuck", f"{sent.receipt[0]} is in state {state}: {reason}")
            elif results[number] != 1:
                self.found("doubled", f"{sent.receipt[0]} has {results[number]} results")
            elif scores[number] != sent.score():
                self.found("wrong", f"{sent.receipt[0]} has score {scores[number]}, not {sent.score()}")
            self.check_blob(sent.sha256)
        known = {sent.key for client in self.clients for sent in client.sent}
        for name, row in stored.items():
            if row[0].hex() in self.foreign:
                continue
            if row[0].hex() not in known:
                self.found("invented", f"{name} was sent by nobody")
            elif not self.problems:
                self.found("unanswered", f"{name} is accepted, but its client was never told")

    def check_blob(self, sha256):
        path = self.cluster.state / "blobs" / sha256[:2] / sha256[2:]
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                self.found("lost", f"blob {sha256} has other bytes")
        except OSError as error:
            self.found("lost", f"blob {sha256}: {error}")

    def check_log(self):
        """The entries are gapless, of their bytes, and one of a kind for every submission."""
        entries = {sent.receipt[0]: sent.receipt[1].encode() for sent in self.acked}
        kinds = collections.Counter()
        for competition, end in self.rows("SELECT number, next_entry FROM competition"):
            lines = self.rows("SELECT place, line, leaf FROM entry WHERE competition = ? ORDER BY place", competition)
            if [row[0] for row in lines] != list(range(end)):
                self.found("log", f"competition {competition} has {len(lines)} entries of {end}, or a gap")
            for place, line, leaf in lines:
                if hashlib.sha256(b"\0" + line).digest() != leaf:
                    self.found("log", f"entry {place} has another leaf hash")
                entry = json.loads(line)
                kinds[entry["kind"], entry.get("id")] += 1
                if entry["kind"] == KIND_SUBMISSION and entries.get(entry["id"], line) != line:
                    self.found("lost", f"the receipt of {entry['id']} is not the entry that is stored")
        for sent in self.acked:
            for kind in (KIND_SUBMISSION, KIND_RESULT):
                if kinds[kind, sent.receipt[0]] != 1:
                    self.found("doubled" if kinds[kind, sent.receipt[0]] else "lost",
                               f"{sent.receipt[0]} has {kinds[kind, sent.receipt[0]]} entries of kind {kind}")

    def check_teams(self):
        """The counters of quotas agree with what they count."""
        for table in ("team", "team_day"):
            n_open, n_scored = self.rows(f"SELECT total(n_open), total(n_scored) FROM {table}")[0]
            n_there = self.rows("SELECT count(*) FROM submission WHERE state = ?", SCORED)[0][0]
            if (n_open, n_scored) != (0, n_there):
                self.found("counted wrong", f"{table}: {n_open} open, {n_scored} scored of {n_there}")

    def check_work(self):
        """Nothing is left to do, no result differed, and each was taken under the fence it was given."""
        for name, state, reason in self.rows("SELECT hex(submission.id), job.state, job.reason FROM job "
                                             "JOIN submission ON submission.number = job.submission"):
            if name.lower() not in self.parked:
                self.found("stuck", f"the job of {name} is in state {state}: {reason}")
        for job, text in self.rows("SELECT job, text FROM alarm"):
            self.found("alarm", f"job {job}: {text}")
        fences = dict(self.rows("SELECT job, fence FROM finished"))
        recorded = collections.Counter()
        for worker in self.cluster.workers:
            text = worker.log_path.read_text(errors="replace")
            self.counts["lost leases"] += text.count("lease lost")
            for job, fence, verdict in reported(text):
                self.counts[verdict] += 1
                if verdict != "recorded" or job not in fences:
                    continue
                recorded[job] += 1
                if recorded[job] > 1:
                    self.found("doubled", f"job {job} was recorded {recorded[job]} times")
                if fence != fences[job]:
                    self.found("doubled", f"job {job} was recorded under fence {fence}, which was given on")

    def check_signatures(self, n_minisign):
        verifier = Verifier((self.cluster.state / "receipt.pub").read_text())
        for sent in self.acked:
            if not verifier.is_good(sent.receipt[1].encode(), sent.receipt[2]):
                self.found("unverifiable", sent.receipt[0])
        for sent in self.acked[:: max(1, len(self.acked) // n_minisign)][:n_minisign]:
            if not minisign_says(self.cluster, sent):
                self.found("unverifiable", f"{sent.receipt[0]}, says minisign")
            self.counts["minisign"] += 1


def reported(text):
    """(job, fence, verdict) of every result in a worker's log; of failures the verdict is "failed"."""
    is_failure = False
    for line in text.split("\n"):
        found = re.search(r"(?:job reported|late answer): job=(\d+) fence=(\d+) verdict=(\w+)", line)
        if found:
            yield int(found[1]), int(found[2]), "failed" if is_failure else found[3]
        if found or " job: " in line:
            is_failure = False
        elif "job failed:" in line:
            is_failure = True


def check_board(cluster, clients, competition):
    """The board, as served, against the best of what the clients know; problems."""
    wanted = []
    for client in clients:
        mine = [sent for sent in client.sent if sent.receipt and sent.competition == competition]
        best = min(mine, default=None, key=lambda sent: (sent.wrong_public, order(sent)))
        if best:
            wanted.append((best.wrong_public, order(best), client.team, best.score()))
    wanted = [(rank, team, score) for rank, (_, _, team, score) in enumerate(sorted(wanted), 1)]
    found = []

    def is_right():
        rows = clients_module.leaderboard(cluster, competition)
        found[:] = [(row["rank"], row["team"], row["score"]) for row in rows]
        return found == wanted

    try:
        harness.wait_for(is_right, "the board is right", 10)
    except AssertionError:
        return [f"board: {found} instead of {wanted}"]
    return []


def come_to_rest(cluster, clients, competition, drain_seconds=120):
    """Ends the clients when each is answered, lets the queue drain, asks for every receipt again and
    stops the service; problems. What was broken is healed before."""
    problems = clients_module.end_all(clients)
    if not cluster.drain(drain_seconds):
        problems.append(f"stuck: the queue does not drain within {drain_seconds} s")
    clients_module.repeat_all(clients)
    problems += check_board(cluster, clients, competition)
    return problems + cluster.stop()


def check_sizes(cluster, idle, warm):
    """What no fault may make grow for good: descriptors since all was idle, and memory since it was
    warm; problems."""
    found = []

    def is_small():
        found.clear()
        for name, (n_bytes, n_open) in cluster.sizes().items():
            if not clusters.is_sanitized() and n_bytes > warm[name][0] + GROWTH_BYTES:
                found.append(f"{name} grew from {warm[name][0]} to {n_bytes} bytes")
            if n_open > idle[name][1] + GROWTH_DESCRIPTORS:
                found.append(f"{name} had {idle[name][1]} descriptors, and has {n_open}")
        return not found

    try:  # connections that were left half open are closed by the gateway after 30 s of silence
        harness.wait_for(is_small, "everything is as small as before")
    except AssertionError:
        pass
    return found


def report(part, seed, counts, problems):
    """Prints how a part ended; its exit code."""
    for problem in problems[:50]:
        print(f"PROBLEM {problem}")
    print(f"{part}: seed {seed}, {json.dumps(dict(counts))}")
    print(f"{part}: seed {seed}, {counts['acked']} acknowledged, {counts['lost']} lost, {counts['doubled']} doubled, "
          f"{counts['stuck']} stuck, {len(problems)} problems", flush=True)
    return 1 if problems else 0


def order(sent):
    """The earlier wins a tie: receive time, then the place in the log."""
    entry = json.loads(sent.receipt[1])
    return entry["received"], entry["index"]
