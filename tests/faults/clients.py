# SPDX-License-Identifier: MIT
"""Competitors that never give up: every submission is sent with its Idempotency-Key until it is
accepted. They also break connections off in the middle, send the same twice at once, and ask again
for what they have, whose receipt must then be the same bytes.
"""
import hashlib
import json
import random
import threading
import time

import cluster as clusters
import contest

N_PERMUTATIONS = 24  # of the places behind the first, a row


def submission(wrong_public, wrong_private, salt):
    """A file of its own for every salt, whose score is that of contest.submission()."""
    lines = contest.submission(wrong_public, wrong_private).splitlines()
    for row in range(1, len(lines)):
        name, guesses = lines[row].split(",")
        first, *rest = guesses.split()
        shift = salt % N_PERMUTATIONS
        salt //= N_PERMUTATIONS
        order = []
        for left in range(len(rest), 0, -1):
            order.append(rest.pop(shift % left))
            shift //= left
        lines[row] = f"{name},{first} {' '.join(order)}"
    return "".join(f"{line}\n" for line in lines).encode()


class Sent:
    """One submission as its client knows it."""

    def __init__(self, competition, team, token, key, body, wrong_public):
        self.competition, self.team, self.token = competition, team, token
        self.key, self.body, self.wrong_public = key, body, wrong_public
        self.sha256 = hashlib.sha256(body).hexdigest()
        self.receipt = None  # (id, entry, minisig) of the first 202

    def again(self, given):
        """As its client knew it when only receipts of these ids had been given."""
        known = Sent(self.competition, self.team, self.token, self.key, self.body, self.wrong_public)
        known.receipt = self.receipt if self.receipt and self.receipt[0] in given else None
        return known

    def score(self):
        return f"{self.wrong_public / 10:.4f}"


class Sender:
    """Sends submissions, once or again, and holds what was answered against what was answered before.
    connect(timeout) is its way to the gateway, timeout the longest silence it bears."""

    def __init__(self, cluster, sent, connect=None, timeout=15):
        self.cluster, self.sent = cluster, sent
        self.connect, self.timeout = connect or cluster.connect, timeout
        self.problems, self.statuses = [], {}
        self.n_unanswered = self.n_repeated = 0

    def ask(self, sent):
        return self.cluster.http("PUT", f"/v1/competitions/{sent.competition}/submissions?file_name=a.csv", sent.body,
                                 sent.token, {"Idempotency-Key": sent.key}, self.timeout, self.connect)

    def put(self, sent):
        """Sends it once; True where it was accepted, with the receipt it had before if any."""
        try:
            answer = self.ask(sent)
        except OSError:
            self.n_unanswered += 1
            return False
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status == 202:
            self.take(sent, answer)
        elif answer.status not in (503, 504):
            self.problems.append(f"{sent.team}: {answer.status} {answer.body[:300]}")
        elif answer.status == 503 and answer.headers.get("Retry-After") is None:
            self.problems.append(f"{sent.team}: 503 without Retry-After")
        return answer.status == 202

    def take(self, sent, answer):
        """The receipt of an answer 202, which is the one it had before if any."""
        document = answer.json()
        receipt = (document["id"], document["entry"], document["minisig"])
        if sent.receipt is not None:
            self.n_repeated += 1
        if sent.receipt is not None and sent.receipt[0] != receipt[0]:
            self.problems.append(f"lost: {sent.key} of {sent.team} was {sent.receipt[0]}, now {receipt[0]}")
        elif sent.receipt not in (None, receipt):
            self.problems.append(f"{sent.team}: {sent.key} has two receipts: {sent.receipt} {receipt}")
        if document["sha256"] != sent.sha256:
            self.problems.append(f"{sent.team}: {sent.key} has another sha256: {document['sha256']}")
        sent.receipt = receipt

    def repeat_all(self):
        """Asks again for everything that was acknowledged: nothing may be another."""
        for sent in self.sent:
            n_tries = 0
            while sent.receipt is not None and not self.put(sent) and n_tries < 20:
                n_tries += 1
                time.sleep(0.1)
            if n_tries == 20:
                self.problems.append(f"{sent.team}: {sent.key} is not accepted a second time")


class Client(Sender, threading.Thread):
    def __init__(self, cluster, competition, team, seed, pause=0.03, **options):
        threading.Thread.__init__(self, daemon=True)
        Sender.__init__(self, cluster, [], **options)
        self.competition, self.team, self.pause = competition, team, pause
        self.token = cluster.team(competition, team)
        self.random = random.Random(f"{seed} {team}")
        self.is_ending, self.is_quiet = threading.Event(), threading.Event()
        self.salt = self.random.getrandbits(60)

    def run(self):
        while not self.is_ending.is_set():
            if self.is_quiet.is_set():
                time.sleep(0.01)
                continue
            self.submit()
            time.sleep(self.random.random() * self.pause)

    def next(self):
        self.salt += 1
        wrong = self.random.randrange(11)
        body = submission(wrong, self.random.randrange(11), self.salt)
        return Sent(self.competition, self.team, self.token, f"{self.random.getrandbits(128):032x}", body, wrong)

    def submit(self):
        """One submission, until it is accepted; the whole life of a client."""
        sent = self.next()
        self.sent.append(sent)
        way = self.random.random()
        if way < 0.05:
            self.break_off(sent)
        elif way < 0.10:
            other = threading.Thread(target=self.put, args=(sent,), daemon=True)
            other.start()
            self.put(sent)
            other.join()
        while sent.receipt is None and not self.problems:
            if not self.put(sent):
                time.sleep(self.random.random() * 0.2)
        if self.random.random() < 0.05:
            self.put(sent)
        return sent

    def break_off(self, sent):
        """A connection that ends before the last byte."""
        head = (f"PUT /v1/competitions/{sent.competition}/submissions HTTP/1.1\r\nHost: a\r\n"
                f"Authorization: Bearer {sent.token}\r\nIdempotency-Key: {sent.key}\r\n"
                f"Content-Length: {len(sent.body)}\r\n\r\n").encode()
        try:
            with self.connect(5) as link:
                link.sendall(head + sent.body[: self.random.randrange(len(sent.body))])
                time.sleep(self.random.random() * 0.02)
        except OSError:
            self.n_unanswered += 1

    def end(self):
        self.is_ending.set()


def start_all(cluster, competition, n_clients, seed, kind=Client, **options):
    clients = [kind(cluster, competition, f"team {number}", seed, **options) for number in range(n_clients)]
    for client in clients:
        client.start()
    return clients


def end_all(clients, seconds=90):
    """Ends them when each has the receipt of its last submission; problems."""
    for client in clients:
        client.end()
    end = time.monotonic() + seconds
    for client in clients:
        client.join(max(0.1, end - time.monotonic()))
    return [f"{client.team} is not answered within {seconds} s" for client in clients if client.is_alive()]


def repeat_all(clients):
    threads = [threading.Thread(target=client.repeat_all, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def leaderboard(cluster, competition):
    answer = cluster.http("GET", f"/v1/competitions/{competition}/leaderboard?limit=1000", token=cluster.organizer())
    return json.loads(answer.body)["rows"] if answer.status == 200 else []


__all__ = ["Client", "Sender", "Sent", "clusters", "end_all", "leaderboard", "repeat_all", "start_all", "submission"]
