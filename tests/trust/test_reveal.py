# SPDX-License-Identifier: MIT
"""The reveal: nothing is opened without the organizer's signature, and then every commitment of the
log opens, with hashlib alone, from files that anybody can fetch."""
import base64
import json
import pathlib
import sqlite3
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import formats  # noqa: E402
import harness  # noqa: E402
import opened  # noqa: E402


class RevealTest(opened.OpenedTest):
    def test_every_commitment_opens(self):
        game = self.a_contest()
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        kind = self.log()
        scores = self.check_openings(kind)
        self.assertEqual([scores[name, 1] for name in self.ids], [("0.1", "0.2"), ("0.2", "0.1"), ("0.0", "0.3"), ("", "")])
        self.assertEqual(kind("disclosure"), [])
        self.assertEqual(game.status("owl", self.ids[0])["private_score"], "0.2000")
        self.assertEqual(game.ranks("--private"), [(1, "owl", "0.1000"), (2, "kestrel", "0.3000")])

    def test_labels_are_published(self):
        self.a_contest(opened.FULL)
        before = self.service.http("GET", f"/v1/competitions/{contest.ID}/log/file?sha256={'0' * 64}")
        self.assertEqual(before.status, 404)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        kind = self.log()
        self.check_openings(kind)
        (genesis,), (disclosure,) = kind("genesis"), kind("disclosure")
        self.assertEqual((genesis["reveal"], disclosure["labels"]), ("full", 1))
        self.assertEqual(self.file(genesis["rules_sha256"]).decode(), opened.FULL)
        rows = self.file(disclosure["rows_sha256"])
        seed = bytes.fromhex(disclosure["label_seed"])
        self.assertEqual(formats.root_of(formats.label_leaves(rows, seed, contest.ID)).hex(), genesis["label_root"])
        said = sorted((int(row_id), int(label), split.decode()) for split, label, row_id in formats.label_rows(rows))
        self.assertEqual(said, [(i, i % 7, "private" if i % 2 else "public") for i in range(contest.N_IMAGES)])
        self.service.run("leaderboard", "reveal", "-c", contest.ID)  # again: it stands so
        self.assertEqual(len(self.log()("disclosure")), 1)

    def test_nothing_opens_without_the_organizer(self):
        game = self.a_contest()
        path = f"/v1/competitions/{contest.ID}/leaderboard"
        orders = ["", base64.b64encode(bytes(64)).decode()]
        for order in orders:
            answer = self.service.http("POST", path, json.dumps({"move": "reveal", "order": order}).encode(),
                                       token=self.service.admin_token())
            self.assertEqual(answer.status, 409, answer.body)
        key = self.dir / "other.key"
        refused = self.service.run("leaderboard", "reveal", "-c", contest.ID, "--organizer-key", key, check=2)
        self.assertIn("another organizer's key", refused.stderr)
        self.assertEqual(self.log()("reveal"), [])
        self.assertIsNone(game.status("owl", self.ids[0])["private_score"])

    def test_a_captured_broker_cannot_ask_early(self):
        """Jobs to open that stand in the database without an order: every worker refuses them."""
        self.a_contest()
        self.service.stop()
        database = self.service.state / "broker" / "assay.db"
        connection = sqlite3.connect(database)
        connection.execute(
            "INSERT INTO job (kind, submission, competition, label_version, rules_version, run, lane, vtag, state, "
            "fence, due_boot_ms, ready_ms, worker, n_fails, n_lost, reason) "
            "SELECT 2, submission, 1, 1, 1, NULL, 1, 0, 0, 0, 0, 0, '', 0, 0, '' FROM result")
        connection.execute("UPDATE competition SET board_state = 3, reveal_order = zeroblob(64)")
        connection.commit()
        connection.close()
        self.service.start()
        refused = "the organizer did not ask to open private scores"
        harness.wait_for(lambda: self.service.log().count(refused) >= 3, "the workers refuse")
        self.service.stop()
        connection = sqlite3.connect(database)
        self.assertEqual(connection.execute("SELECT count(*) FROM opened").fetchone(), (0,))
        self.assertEqual(connection.execute("SELECT score_seed FROM competition").fetchone(), (None,))
        connection.close()


class RescoreTest(opened.OpenedTest):
    def test_a_second_worker_confirms(self):
        game = self.a_contest()
        done = self.service.run("rescore", "-c", contest.ID)
        self.assertIn("3 equal, 0 different, 0 failed\n3 confirmed", done.stdout)
        kind = self.log()
        (rescore,) = kind("rescore")
        results = sorted((entry for entry in kind("result") if entry["outcome"] == "scored"), key=lambda entry: entry["id"])
        self.assertEqual((rescore["n"], rescore["mismatches"], rescore["confirmed"], rescore["labels"]), (3, 0, 3, 1))
        self.assertTrue(all(entry["index"] < rescore["before"] for entry in results))
        self.assertEqual(formats.root_of([formats.result_leaf(entry) for entry in results]).hex(), rescore["results_root"])
        self.assertLessEqual({*rescore["workers"].split(" ")}, {"worker-1", "worker-2"})
        self.assertEqual([game.status("owl", name)["n_workers"] for name in self.ids[:2]], [2, 2])
        self.check_signatures(kind, rescore)
        self.service.run("rescore", "-c", contest.ID)  # again: nothing is left to confirm
        self.assertEqual([entry["signatures"] for entry in self.log()("rescore")], [3, 0])

    def check_signatures(self, kind, rescore):
        """Another listed worker than the one that scored signed each result again."""
        (genesis,) = kind("genesis")
        keys = {word.split(":")[1] for word in genesis["workers"].split(" ")}
        submissions = {entry["id"]: entry for entry in kind("submission")}
        results = {entry["id"]: entry for entry in kind("result") if entry["outcome"] == "scored"}
        lines = [line.split(" ", 3) for line in self.file(rescore["signatures_sha256"]).decode().splitlines()]
        self.assertEqual([line[0] for line in lines], sorted(results))
        for name, key, signature, build in lines:
            self.assertEqual({key, results[name]["key"]}, keys)
            text = formats.statement(genesis, submissions[name], results[name], genesis["label_root"], build)
            self.check_signature(bytes.fromhex(key), text, base64.b64decode(signature))


if __name__ == "__main__":
    unittest.main()
