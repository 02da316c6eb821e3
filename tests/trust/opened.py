# SPDX-License-Identifier: MIT
"""A small competition whose log is exported and opened with hashlib and openssl alone, for the tests
beside this file."""
import base64
import hashlib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import formats  # noqa: E402
import harness  # noqa: E402

FULL = contest.YAML + "reveal: {labels: full}\n"
SPKI = bytes.fromhex("302a300506032b6570032100")  # RFC 8410, before a key of Ed25519


class OpenedTest(harness.SystemTest):
    options = ("--workers", "2")

    def a_contest(self, yaml=contest.YAML):
        game = contest.Contest(self, yaml=yaml)
        harness.wait_for(lambda: self.service.log().count("worker ready") == 2, "both workers are there")
        game.team("owl")
        game.team("kestrel")
        self.ids = [game.submit_id("owl", contest.submission(1, 2), "--wait"),
                    game.submit_id("owl", contest.submission(2, 1), "--wait"),
                    game.submit_id("kestrel", contest.submission(0, 3), "--wait"),
                    game.submit_id("kestrel", "id,predicted\n1,x\n", "--wait", check=1)]
        return game

    def log(self):
        """The exported log of the competition: its entries by kind, and its folder."""
        folder = self.dir / "log"
        self.service.run("log", contest.ID, "--dir", folder)
        self.entries = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]
        return lambda kind: [entry for entry in self.entries if entry["kind"] == kind]

    def file(self, sha256):
        data = (self.dir / "log" / "files" / sha256).read_bytes()
        self.assertEqual(hashlib.sha256(data).hexdigest(), sha256)
        return data

    def check_signature(self, key, text, signature):
        for name, data in (("key.der", SPKI + key), ("text", text), ("signature", signature)):
            (self.dir / name).write_bytes(data)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der",
                               "-rawin", "-in", "text", "-sigfile", "signature"], cwd=self.dir, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def check_openings(self, kind):
        """Every commitment of every result opens with the one seed."""
        (genesis,) = kind("genesis")
        (opening,) = kind("opening")
        (reveal,) = kind("reveal")
        seed = bytes.fromhex(opening["score_seed"])
        self.assertEqual(hashlib.sha256(seed).hexdigest(), genesis["score_seed_sha256"])
        self.check_signature(bytes.fromhex(genesis["organizer"]), formats.reveal_order(genesis),
                             base64.b64decode(reveal["signature"]))
        scores = formats.openings(self.file(opening["scores_sha256"]))
        files = {entry["id"]: entry["file_sha256"] for entry in kind("submission")}
        results = kind("result")
        self.assertEqual(len(scores), len(results))
        self.assertEqual(opening["results"], len(results))
        for result in results:
            for track, score in zip(("public", "private"), scores[result["id"], result["labels"]]):
                made = formats.score_commitment(seed, contest.ID, result["id"], files[result["id"]], result["labels"],
                                                f"{genesis['metric']}/{track}", score)
                self.assertEqual(made, result[f"{track}_commitment"])
        return scores
