#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The main job with the real service: create, submit, score, rank, receive, choose, reveal, re-score."""
import contextlib
import csv
import io
import json
import shutil
import sqlite3
import subprocess
import unittest

import contest
import harness


class MainJobTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.contest = contest.Contest(self)
        self.contest.publish()

    def test_board(self):
        for team in ("kestrel", "heron", "wren", "owl"):
            self.contest.team(team, f"{team}-user")
        self.contest.submit("heron", contest.submission(wrong_public=3), "--wait")
        self.contest.submit("kestrel", contest.submission(wrong_public=1), "--wait")
        self.contest.submit("wren", contest.submission(wrong_public=1), "--wait")
        self.contest.submit("heron", contest.submission(wrong_public=2), "--wait")
        self.contest.submit("kestrel", contest.submission(wrong_public=9), "--wait")
        self.contest.submit("owl", "id,predicted\n", check=0)
        self.assertEqual(self.contest.ranks(), [(1, "kestrel", "0.1000"), (2, "wren", "0.1000"),
                                                (3, "heron", "0.2000")])
        text = self.service.run("leaderboard", contest.ID).stdout.split("\n")
        self.assertEqual(text[0].split(), ["rank", "teamName", "score", "entries", "last", "members"])
        self.assertEqual(text[1].split(), ["-" * len(word) for word in text[1].split()])
        self.assertEqual(text[2].split()[:4], ["1", "kestrel", "0.1000", "2"])
        rows = list(csv.reader(io.StringIO(self.service.run("leaderboard", contest.ID, "--csv").stdout)))
        self.assertEqual(rows[0], ["Rank", "TeamId", "TeamName", "LastSubmissionDate", "Score",
                                   "SubmissionCount", "TeamMemberUserNames"])
        self.assertEqual([(row[0], row[2], row[4], row[6]) for row in rows[1:]],
                         [("1", "kestrel", "0.1000", "kestrel-user"), ("2", "wren", "0.1000", "wren-user"),
                          ("3", "heron", "0.2000", "heron-user")])
        self.assertRegex(rows[1][3], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")

    def test_broken_file(self):
        self.contest.team("owl")
        lines = contest.submission().split("\n")
        lines[3] = "2,2 3 4 5 2"  # a class repeats
        lines[7] = "6,6 0 x 2 3"  # text for a number
        lines[9] = "77,1 2 3 4 5"  # unknown, and 8 is missing
        done = self.contest.submit("owl", "\n".join(lines), "--wait", check=1)
        self.assertIn("invalid", done.stdout)
        for place in ("4:", "8:", "10:"):
            self.assertRegex(done.stderr, rf"(?m)^  {place}\d+: ")
        state = self.contest.status("owl", done.stdout.split("\n")[0])
        self.assertEqual((state["state"], state["public_score"]), ("invalid", None))
        self.assertGreaterEqual(state["n_problems"], 3)
        self.assertEqual(self.contest.ranks(), [])
        # no attempt was charged
        accepted = json.loads(self.contest.submit("owl", contest.submission(), "--json").stdout)
        self.assertEqual(accepted["remaining_today"], 999)

    def test_select_and_reveal(self):
        self.contest.team("kestrel")
        self.contest.team("wren")
        first = self.contest.submit_id("kestrel", contest.submission(0, 9), "--wait")
        second = self.contest.submit_id("kestrel", contest.submission(5, 1), "--wait")
        wren = self.contest.submit_id("wren", contest.submission(3, 5), "--wait")
        self.assertEqual([rank[1] for rank in self.contest.ranks()], ["kestrel", "wren"])
        kestrel = self.contest.tokens["kestrel"]
        # nobody, the organizer included, sees a private number before the reveal
        for path in (f"/v1/submissions/{second}", f"/v1/submissions/{second}/receipt",
                     f"/v1/competitions/{contest.ID}/submissions"):
            for token in (kestrel, self.service.admin_token()):
                self.assertNotIn(b'"private"', self.service.http("GET", path, token=token).body)
        self.assertIsNone(self.contest.status("kestrel", second)["private_score"])
        self.service.run("leaderboard", contest.ID, "--private", token=kestrel, check=3)
        # a team may choose its own submissions only
        self.service.run("select", "-c", contest.ID, wren, token=kestrel, check=None)
        self.service.run("select", "-c", contest.ID, second, token=kestrel)
        self.assertEqual([self.contest.status("kestrel", one)["is_selected"] for one in (first, second)],
                         [False, True])
        self.service.run("leaderboard", "reveal", "-c", contest.ID, token=kestrel, check=3)
        self.service.run("leaderboard", "freeze", "-c", contest.ID)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        self.assertEqual(self.contest.ranks("--private", token=kestrel),
                         [(1, "kestrel", "0.1000"), (2, "wren", "0.5000")])
        self.assertEqual(self.contest.status("kestrel", second)["private_score"], "0.1000")

    def test_rescore(self):
        self.contest.team("kestrel")
        for wrong in range(3):
            self.contest.submit("kestrel", contest.submission(wrong), "--wait")
        self.assertEqual(self.service.run("rescore", "-c", contest.ID).stdout,
                         "3 scored again: 3 equal, 0 different, 0 failed\n0 confirmed by a second worker\n")
        self.service.run("rescore", "-c", contest.ID, token=self.contest.tokens["kestrel"], check=3)

    def test_rescore_finds_a_difference(self):
        """Results that somebody changed by hand in the database: the scores that come out differ."""
        self.contest.team("kestrel")
        one = self.contest.submit_id("kestrel", contest.submission(0), "--wait")
        other = self.contest.submit_id("kestrel", contest.submission(1), "--wait")
        self.service.stop()
        with contextlib.closing(sqlite3.connect(self.service.state / "broker" / "assay.db")) as database, database:
            database.execute("UPDATE result SET score = '0.7500', value_bits = 1, digest = zeroblob(32)")
        self.service.start()
        done = self.service.run("rescore", "-c", contest.ID, check=1)
        self.assertIn("2 scored again: 0 equal, 2 different, 0 failed\n", done.stdout)
        self.assertIn(one, done.stdout)
        self.assertIn(other, done.stdout)
        # nothing that is recorded changed
        self.assertEqual([self.contest.status("kestrel", name)["public_score"] for name in (one, other)],
                         ["0.7500", "0.7500"])

    def test_labels_that_were_changed_are_refused(self):
        """A sealed set with one other bit, or sealed anew with other labels: no worker scores by it."""
        self.contest.team("kestrel")
        self.contest.submit_id("kestrel", contest.submission(0), "--wait")
        sealed = self.service.state / "worker" / "labels" / contest.ID / "1.sealed"
        right = sealed.read_bytes()
        self.assertTrue(right.startswith(b"SCORESEAL1\n"))
        changed = bytearray(right)
        changed[-40] ^= 4
        other = self.dir / "other"
        (self.dir / "other.csv").write_text(contest.solution().replace("\n2,2,Public\n", "\n2,6,Public\n"))
        self.service.run("competition", "create", "birds.yaml", "--labels", "other.csv", "--label-folder", other,
                         "--worker-keys", self.service.state / "worker" / "keys", check=3)  # the service has others
        self.assertFalse((other / contest.ID / "1.sealed").exists())
        for wrong in (bytes(changed), right[:-1]):
            self.service.stop()
            sealed.write_bytes(wrong)
            self.service.start()
            done = self.service.run("rescore", "-c", contest.ID, check=1)
            self.assertIn("1 scored again: 0 equal, 0 different, 1 failed\n", done.stdout)
        self.service.stop()
        sealed.write_bytes(right)
        self.service.start()
        self.assertEqual(self.service.run("rescore", "-c", contest.ID).stdout,
                         "1 scored again: 1 equal, 0 different, 0 failed\n0 confirmed by a second worker\n")

    def test_labels_are_nowhere_in_clear(self):
        """What rests on the disk holds no row of the solution, but the organizer's own file."""
        self.contest.team("kestrel")
        self.contest.submit_id("kestrel", contest.submission(0), "--wait")
        self.service.stop()
        files = [path for path in self.service.state.rglob("*") if path.is_file()]
        self.assertTrue(any(path.name == "assay.db" for path in files))
        for path in files:
            data = path.read_bytes()
            for row in contest.solution().splitlines()[1:]:
                self.assertNotIn(f"\n{row}\n".encode(), data, path)

    def test_receipts(self):
        self.contest.team("kestrel")
        text = contest.submission(2)
        done = self.contest.submit("kestrel", text, "--wait", "--receipts", "receipts")
        receipts = self.dir / "receipts"
        name = done.stdout.split("\n")[0]
        keys = ["receipt.pub", "allowed_signers", "log.vkey"]
        self.assertEqual(sorted(path.name for path in receipts.iterdir()),
                         sorted([f"{name}{kind}{end}" for kind in ("", ".result", ".promise")
                                 for end in (".json", ".json.minisig", ".json.sig", ".tlog-proof")]
                                + keys + [f"{contest.ID}.checkpoints"]))
        for key in keys:
            self.assertEqual((receipts / key).read_text(), (self.service.state / key).read_text())
        self.service.stop()  # everything from here on is offline
        entry = json.loads((receipts / f"{name}.json").read_text())
        self.assertEqual((entry["competition"], entry["id"], entry["file_bytes"]), (contest.ID, name, len(text)))
        self.assertEqual(json.loads((receipts / f"{name}.result.json").read_text())["score"], "0.2000")
        sent, other = self.contest.file(text), self.contest.file(text + "\n")
        for kind in ("", ".result", ".promise"):
            harness.run("assay", "verify", receipts / f"{name}{kind}.json")
        harness.run("assay", "verify", receipts / f"{name}.json", "--file", sent)
        harness.run("assay", "verify", receipts / f"{name}.json", "--file", other, check=1)
        self.flip_every_byte(receipts / f"{name}.json")

    def flip_every_byte(self, path):
        """One flipped bit in any byte of the entry is refused, by stock minisign and by us."""
        changed = self.dir / "changed" / path.name
        changed.parent.mkdir()
        for end in (".json.minisig", ".json.sig", ".tlog-proof"):
            shutil.copy(path.with_suffix(end), changed.with_suffix(end))
        key = path.parent / "receipt.pub"
        good = path.read_bytes()
        for at in range(len(good)):
            changed.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
            harness.run("assay", "verify", "--key", key, changed, check=1)
            self.assertNotEqual(self.minisign(key, changed), 0, f"byte {at}")
        changed.write_bytes(good)
        harness.run("assay", "verify", "--key", key, changed)
        self.assertEqual(self.minisign(key, changed), 0)

    @staticmethod
    def minisign(key, path):
        return subprocess.run(["minisign", "-Vqp", key, "-m", path], check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    def test_lists(self):
        self.contest.team("owl")
        for number in range(3):
            self.contest.submit("owl", contest.submission(number), "--wait", message=f"try {number}, \"ünï\"")
        done = self.contest.submit("owl", contest.submission(), message="\x1b]0;x\x07\x1b[2J", check=2)
        self.assertEqual((done.stdout, done.stderr.count("\x1b")), ("", 0))
        token = self.contest.tokens["owl"]
        text = self.service.run("submissions", contest.ID, "--limit", "2", token=token)
        self.assertIn("There are more: --before 2", text.stderr)
        rows = list(csv.DictReader(io.StringIO(self.service.run("submissions", "-c", contest.ID, "--csv",
                                                                token=token).stdout)))
        self.assertEqual([row["publicScore"] for row in rows], ["0.2000", "0.1000", "0.0000"])
        self.assertEqual([row["status"] for row in rows], ["scored"] * 3)
        self.assertEqual(rows[0]["description"], 'try 2, "ünï"')
        older = self.service.run("submissions", contest.ID, "--before", "2", "--json", token=token).stdout
        self.assertEqual([row["sequence"] for row in json.loads(older)["submissions"]], [1])
        self.assertIn(contest.ID, self.service.run("competition", "list").stdout)
        self.assertIn("top1_error", self.service.run("competition", "show", contest.ID).stdout)

    def test_refusals(self):
        self.contest.team("owl")
        token = self.contest.tokens["owl"]
        wrong = token[:-4] + "aaaa"
        self.service.run("submissions", contest.ID, token=wrong, check=3)
        self.service.run("submissions", "nowhere", token=token, check=2)
        self.service.run("team", "create", "-c", contest.ID, "crow", token=token, check=3)
        done = self.service.run("competition", "create", "birds.yaml", "--labels", "solution.csv",
                                "--label-folder", "elsewhere", "--worker-keys",
                                self.service.state / "worker" / "keys", token=token, check=3)
        self.assertIn("assay: ", done.stderr)
        self.assertFalse((self.dir / "elsewhere" / contest.ID / "1.sealed").exists())
        (self.dir / "bad.yaml").write_text(contest.YAML.replace("title:", "tilte:"))
        done = self.service.run("competition", "create", "bad.yaml", "--labels", "solution.csv", check=2)
        self.assertRegex(done.stderr, r"(?m)^  5:1: .*did you mean 'title'")

    def test_login(self):
        self.contest.team("owl")
        env = {"ASSAY_CONFIG_DIR": str(self.dir / "kept"), "ASSAY_URL": "", "ASSAY_TOKEN": ""}
        harness.run("assay", "login", self.service.url, "--token-file", self.dir / "owl.token", env=env)
        kept = self.dir / "kept" / "login.yaml"
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        harness.run("assay", "submissions", contest.ID, env=env)
        (self.dir / "wrong.token").write_text(self.contest.tokens["owl"][:-4] + "aaaa")
        harness.run("assay", "login", self.service.url, "--token-file", self.dir / "wrong.token", env=env, check=3)
        harness.run("assay", "submissions", contest.ID, env=env)

    def test_quota(self):
        self.service.run("competition", "create", self.write("few.yaml", contest.YAML.replace(
            "competition: birds", "competition: few").replace("per_day: 1000", "per_day: 1")),
            "--labels", "solution.csv")
        self.service.run("team", "create", "-c", "few", "owl", "--token-file", "few.token")
        token = (self.dir / "few.token").read_text().strip()
        sent = self.contest.file(contest.submission())
        self.service.run("submit", "few", "-f", sent, "-m", "one", "--wait", token=token)
        done = self.service.run("submit", "few", "-f", sent, "-m", "two", token=token, check=3)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"(?i)assay: .*00:00")


if __name__ == "__main__":
    unittest.main()
