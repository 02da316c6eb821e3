# SPDX-License-Identifier: MIT
"""What a service signs and proves, checked with tools that we did not write: ssh-keygen, openssl,
Python's hashlib, Go's sumdb packages (Debian's golang-golang-x-mod-dev). And a service whose
database was edited by hand, which its competitors refuse."""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
from formats import node, root_of  # noqa: E402
import harness  # noqa: E402

GO_ENV = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOTOOLCHAIN": "local"}


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=harness.PATIENCE_SECONDS * 5, **options)


def root_from(leaf, index, size, path):
    """The root that a path leads to, as RFC 9162, section 2.1.3.2 computes it."""
    at, last, here = index, size - 1, leaf
    for step in path:
        if at & 1 or at == last:
            here = node(step, here)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            here = node(here, step)
        at, last = at >> 1, last >> 1
    return here


class ToolsTest(harness.SystemTest):
    def sumdb(self):
        program = self.dir / "sumdb"
        done = run("/usr/bin/go", "build", "-o", program, HERE / "sumdb.go",
                   env={**GO_ENV, "GOCACHE": str(self.dir / "go-cache")})
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def check_proofs(self, program, *words):
        made = subprocess.Popen([harness.BIN / "tree_proofs", *words], stdout=subprocess.PIPE)
        done = run(program, "proofs", stdin=made.stdout)
        made.stdout.close()
        self.assertEqual(made.wait(), 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [int(word) for word in done.stdout.split()]

    def test_go_accepts_every_proof(self):
        program = self.sumdb()
        self.assertEqual(self.check_proofs(program, "130", "0"), [130 * 131 // 2] * 2)
        few = sum(min(size, 6) for size in range(1, 1031))
        self.assertEqual(self.check_proofs(program, "1030", "6"), [few, few])
        self.assertEqual(self.check_proofs(program, "1000000", "50", "last"), [50, 50])

    def a_contest(self):
        game = contest.Contest(self)
        game.team("owl")
        ids = [game.submit_id("owl", contest.submission(number), "--wait", "--receipts", "receipts")
               for number in range(4)]
        return game, ids

    def check_ssh(self, receipts, name):
        signers = receipts / "allowed_signers"
        principal = signers.read_text().split()[0]
        words = ["ssh-keygen", "-q", "-Y", "verify", "-f", signers, "-I", principal, "-n"]
        files = ["-s", receipts / f"{name}.json.sig"]
        entry = (receipts / f"{name}.json").read_bytes()
        self.assertEqual(run(*words, "assay-receipt@v1", *files, input=entry).returncode, 0)
        self.assertNotEqual(run(*words, "file", *files, input=entry).returncode, 0)
        self.assertNotEqual(run(*words, "assay-receipt@v1", *files, input=entry[:-2]).returncode, 0)

    def check_openssl(self, receipts, name, signed, signature):
        """Ed25519 with nothing but openssl: the key's bytes stand behind the SPKI header of RFC 8410."""
        key = base64.b64decode((receipts / "log.vkey").read_text().strip().split("+", 2)[2])[1:]
        (receipts / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + key)
        (receipts / "signed").write_bytes(signed)
        (receipts / "signature").write_bytes(signature)
        done = run("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", receipts / "key.der",
                   "-rawin", "-in", receipts / "signed", "-sigfile", receipts / "signature")
        self.assertEqual(done.returncode, 0, (name, done.stdout, done.stderr))

    def check_inclusion(self, receipts, name):
        """The proof file by hand: the path to the root, and the checkpoint's signature."""
        proof = (receipts / f"{name}.tlog-proof").read_text()
        head, note = proof.split("\n\n", 1)
        first, index, *path = head.split("\n")
        self.assertEqual(first, "c2sp.org/tlog-proof@v1")
        leaf = hashlib.sha256(b"\0" + (receipts / f"{name}.json").read_bytes()).digest()
        text, signature = note.split("\n\n")
        _, size, root = text.split("\n")
        self.assertEqual(root_from(leaf, int(index.split()[1]), int(size), [base64.b64decode(line) for line in path]),
                         base64.b64decode(root))
        self.check_openssl(receipts, name, f"{text}\n".encode(), base64.b64decode(signature.split()[2])[4:])

    def test_receipts(self):
        _, ids = self.a_contest()
        receipts = self.dir / "receipts"
        for name in ids:
            for kind in ("", ".result", ".promise"):
                self.check_ssh(receipts, name + kind)
                self.check_inclusion(receipts, name + kind)

    def test_log_as_files(self):
        game, _ = self.a_contest()
        program = self.sumdb()
        self.service.run("log", contest.ID, "--dir", "log")  # the organizer's: every entry
        log = self.dir / "log"
        text = run(program, "note", (log / "vkey").read_text(), log / "checkpoint")
        self.assertEqual(text.returncode, 0, text.stderr)
        origin, size, root = text.stdout.decode().split()
        self.assertEqual(origin, "localhost/" + contest.ID)
        size = int(size)
        lines = (log / "entries.jsonl").read_bytes().splitlines(keepends=True)
        self.assertEqual([json.loads(line)["index"] for line in lines], list(range(size)))
        leaves = [hashlib.sha256(b"\0" + line).digest() for line in lines]
        self.assertEqual(root_of(leaves), base64.b64decode(root))
        self.assertEqual((log / "tile" / "0" / f"000.p/{size}").read_bytes(), b"".join(leaves))
        bundle = (log / "tile" / "entries" / f"000.p/{size}").read_bytes()
        self.assertEqual(bundle, b"".join(len(line).to_bytes(2, "big") + line for line in lines))
        self.service.run("log", contest.ID, "--dir", "public", token=game.tokens["owl"])
        kinds = [json.loads(line)["kind"] for line in (self.dir / "public" / "entries.jsonl").read_text().splitlines()]
        self.assertEqual(kinds, ["genesis", "key"])
        self.assertFalse((self.dir / "public" / "tile" / "entries").exists())

    # ---- a database that was edited by hand ----

    def forge(self, change):
        """Changes the stopped service's database, hides that anything was signed, and starts it again."""
        self.service.stop()
        database = self.service.state / "broker" / "assay.db"
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA foreign_keys = OFF")
        change(connection)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        refused = run(harness.BIN / "assay-broker", "--config", "run/broker.yaml", cwd=self.service.state)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn(b"--void-lost", refused.stderr)

    @staticmethod
    def remake(connection, change):
        """Entries with some changed, in their order, with the leaf hashes that they have then."""
        rows = connection.execute("SELECT competition, place, kind, submission, line FROM entry "
                                  "ORDER BY competition, place").fetchall()
        connection.execute("DELETE FROM entry")
        place = 0
        for competition, _, kind, submission, line in change([list(row) for row in rows]):
            entry = json.loads(line)
            entry["index"] = place
            line = (json.dumps(entry, separators=(",", ":")) + "\n").encode()
            leaf = hashlib.sha256(b"\0" + line).digest()
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
                               (competition, place, kind, submission, line, leaf))
            place += 1
        connection.execute("UPDATE competition SET next_entry = ?", (place,))

    def refuse(self, change, is_offline=True):
        """The forger's broker signs the changed log under its old name; the competitor notices."""
        _, ids = self.a_contest()
        self.forge(lambda connection: self.remake(connection, change))
        (self.service.state / "broker" / "assay.db.signed").write_bytes(b"")
        self.service.start()
        token = (self.dir / "owl.token").read_text().strip()
        fetched = self.service.run("receipt", ids[0], "--dir", "receipts", token=token, check=1)
        self.assertIn("refused", fetched.stderr)
        refused = self.dir / "receipts" / "refused"
        entries = sorted(refused.glob("*.json"))
        self.assertNotEqual(entries, [])
        for entry in entries:
            self.check_ssh_alone(entry)
            if is_offline:
                harness.run("assay", "verify", entry, check=1)
        for name in ids:  # what was good before still is
            harness.run("assay", "verify", self.dir / "receipts" / f"{name}.json")

    def check_ssh_alone(self, entry):
        signers = self.dir / "receipts" / "allowed_signers"
        done = run("ssh-keygen", "-q", "-Y", "verify", "-f", signers, "-I", signers.read_text().split()[0], "-n",
                   "assay-receipt@v1", "-s", f"{entry}.sig", input=entry.read_bytes())
        self.assertEqual(done.returncode, 0)

    def test_a_removed_submission_is_refused(self):
        def change(rows):
            ids = [json.loads(row[4])["id"] for row in rows if json.loads(row[4])["kind"] == "submission"]
            return [row for row in rows if json.loads(row[4]).get("id") != ids[1]]
        self.refuse(change)

    def test_a_log_that_was_cut_short_is_refused(self):
        """What is left is a log that was seen once: only the service's silence about the rest tells."""
        def change(rows):
            ids = [json.loads(row[4])["id"] for row in rows if json.loads(row[4])["kind"] == "submission"]
            return [row for row in rows if json.loads(row[4]).get("id") != ids[-1]]
        self.refuse(change, is_offline=False)

    def test_a_changed_score_is_refused(self):
        def change(rows):
            for row in rows:
                row[4] = row[4].replace(b'"score":"0.1000"', b'"score":"0.0000"')
            return rows
        self.refuse(change)

    def test_swapped_submissions_are_refused(self):
        def change(rows):
            places = [i for i, row in enumerate(rows) if json.loads(row[4])["kind"] == "submission"]
            one, other = places[1], places[2]
            rows[one], rows[other] = rows[other], rows[one]
            return rows
        self.refuse(change)


if __name__ == "__main__":
    unittest.main()
