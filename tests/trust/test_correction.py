# SPDX-License-Identifier: MIT
"""Labels are corrected while a competition runs: the log proves which rows changed and no other, the
board changes in one step, and what was scored before stays and opens in the end."""
import base64
import json
import pathlib
import signal
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import formats  # noqa: E402
import harness  # noqa: E402
import opened  # noqa: E402

REASON = "two images were mislabelled"


def solution(**changes):
    """The right labels are those of contest.solution; here some rows are others."""
    lines = contest.solution().splitlines()
    for image, row in changes.items():
        lines[1 + int(image[1:])] = f"{image[1:]},{row}"
    return "\n".join(lines) + "\n"


class CorrectionTest(opened.OpenedTest):
    def correct(self, labels, check=0):
        self.write("corrected.csv", labels)
        return self.service.run("competition", "correct", "birds.yaml", "--labels", "corrected.csv", "--reason", REASON,
                                check=check)

    def check_correction(self, kind, at=0):
        """The signature, and that the proof leads from the root before to the one behind."""
        (genesis,) = kind("genesis")
        before = [genesis["label_root"], *(entry["new_root"] for entry in kind("correction"))][at]
        entry = kind("correction")[at]
        self.assertEqual((entry["old_root"], entry["labels"], entry["reason"]), (before, at + 2, REASON))
        size, changes, siblings = formats.correction(self.file(entry["proof_sha256"]))
        self.assertEqual((size, len(changes)), (contest.N_IMAGES, entry["count"]))
        self.assertEqual([root.hex() for root in formats.fold(size, changes, siblings)], [entry["old_root"], entry["new_root"]])
        self.check_signature(bytes.fromhex(genesis["organizer"]), formats.correct_order(genesis, entry),
                             base64.b64decode(entry["signature"]))
        return changes, siblings

    def test_two_labels(self):
        """Images 0 and 3 are found to be of other classes; another image is ignored later."""
        game = contest.Contest(self, yaml=opened.FULL)
        harness.wait_for(lambda: self.service.log().count("worker ready") == 2, "both workers are there")
        game.publish()
        for name in ("owl", "kestrel"):
            game.team(name)
        ids = {"owl": game.submit_id("owl", contest.submission(1, 2), "--wait", "--receipts", "receipts"),
               "kestrel": game.submit_id("kestrel", contest.submission(2, 1), "--wait")}
        broken = game.submit_id("owl", "id,predicted\n1,x\n", "--wait", check=1)
        before = [(1, "owl", "0.1000"), (2, "kestrel", "0.2000")]
        self.assertEqual(game.ranks(), before)
        frozen = (self.dir / "receipts" / f"{ids['owl']}.result.json").read_bytes()

        # both teams guessed class 1 for image 0: so it is
        labels = solution(i0="1,Public", i3="6,Private")
        workers = self.service.daemons("assay-worker")
        below = [process for worker in workers for process in harness.descendants(worker.pid)] + workers
        for process in below:
            process.signal(signal.SIGSTOP)
        done = []
        thread = threading.Thread(target=lambda: done.append(self.correct(labels)))
        thread.start()
        harness.wait_for(lambda: self.log()("correction"), "the correction is in the log")
        late = game.submit_id("kestrel", contest.submission(0, 0))  # it is scored by the new labels alone
        self.assertEqual(game.ranks(), before)
        self.service.run("rescore", "-c", contest.ID, check=3)
        self.service.run("leaderboard", "reveal", "-c", contest.ID, check=3)
        for process in below:
            process.signal(signal.SIGCONT)
        seen = []
        while thread.is_alive():
            seen.append(tuple(game.ranks()))
        thread.join()
        self.assertIn("2 of 20 rows corrected, the board shows version 2 of the labels", done[0].stderr)
        game.wait("kestrel", late)
        after = harness.wait_for(lambda: game.ranks()[0][2] != "0.1000" and game.ranks(), "the new board")
        self.assertEqual(after, [(1, "owl", "0.0000"), (2, "kestrel", "0.1000")])
        self.assertLessEqual(set(seen), {tuple(before), tuple(after)})
        self.assertEqual(game.status("owl", ids["owl"])["labels"], 2)
        self.assertEqual(game.status("kestrel", late)["public_score"], "0.1000")

        self.check_receipts(game, ids["owl"], frozen)
        kind = self.log()
        changes, _ = self.check_correction(kind)
        self.assertEqual(len(changes), 2)
        results = [(entry["id"], entry["labels"]) for entry in kind("result")]
        self.assertEqual(sorted(results), sorted([(name, version) for name in (*ids.values(), broken) for version in (1, 2)] + [(late, 2)]))
        self.assertEqual([(entry["move"], entry["labels"]) for entry in kind("leaderboard")], [("publish", 1), ("correct", 2)])
        self.second_correction(game)
        self.check_folder()

    def check_receipts(self, game, name, frozen):
        """The old receipt is still good, and the new result has one of its own."""
        self.service.run("receipt", name, "--dir", "receipts", token=game.tokens["owl"])
        receipts = self.dir / "receipts"
        self.assertEqual((receipts / f"{name}.result.json").read_bytes(), frozen)
        self.assertEqual(json.loads((receipts / f"{name}.result-2.json").read_text())["labels"], 2)
        for end in ("", ".promise", ".result", ".result-2"):
            harness.run("assay", "verify", receipts / f"{name}{end}.json")

    def second_correction(self, game):
        """An image is to count no more; then all is opened, of every version."""
        self.correct(solution(i0="1,Public", i3="6,Private", i2="2,Ignored"))
        self.correct(solution(i0="1,Public", i3="6,Private", i2="2,Ignored"))  # again: it stands so
        missing = self.correct("".join(line for line in contest.solution().splitlines(keepends=True) if not line.startswith("7,")),
                               check=2)
        self.assertIn("image '7' is missing", missing.stderr)
        self.service.run("rescore", "-c", contest.ID)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        kind = self.log()
        self.check_correction(kind, 0)
        self.check_correction(kind, 1)
        self.check_openings(kind)
        roots = [kind("genesis")[0]["label_root"], *(entry["new_root"] for entry in kind("correction"))]
        for entry in kind("disclosure"):
            leaves = formats.label_leaves(self.file(entry["rows_sha256"]), bytes.fromhex(entry["label_seed"]), contest.ID)
            self.assertEqual(formats.root_of(leaves).hex(), roots[entry["labels"] - 1])
        self.assertEqual(len(kind("disclosure")), 3)
        refused = self.correct(contest.solution(), check=3)
        self.assertIn("the board was revealed", refused.stderr)

    def check_folder(self):
        """The exported log is good without the service; with any file or entry changed or gone it is not."""
        log = self.dir / "log"
        good = harness.run("assay", "log", "--check", log)
        self.assertIn("labels of version 3: as signed", good.stdout)
        self.assertIn("corrections  2", harness.run("assay", "audit", log).stdout)
        for path in (*(log / "files").iterdir(), log / "entries.jsonl", log / "checkpoint", log / "vkey"):
            right = path.read_bytes()
            for wrong in (right[:9] + bytes([right[9] ^ 1]) + right[10:], right[:-40]):
                path.write_bytes(wrong)
                harness.run("assay", "log", "--check", log, check=1)
            path.write_bytes(right)
        lines = (log / "entries.jsonl").read_bytes().splitlines(keepends=True)
        (log / "entries.jsonl").write_bytes(b"".join(lines[:4] + lines[5:]))
        self.assertIn("entries are there", harness.run("assay", "log", "--check", log, check=1).stderr)

    def test_a_silent_change_is_seen(self):
        """A proof that leaves one changed row out leads to another root than the labels have."""
        contest.Contest(self, yaml=opened.FULL)
        self.assertIn("no label is another", self.correct(contest.solution(), check=2).stderr)
        self.correct(solution(i0="1,Public", i3="6,Private", i5="0,Private"))
        kind = self.log()
        changes, siblings = self.check_correction(kind)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        kind = self.log()
        entry = kind("disclosure")[0]
        old = formats.label_leaves(self.file(entry["rows_sha256"]), bytes.fromhex(entry["label_seed"]), contest.ID)
        silent = sorted(changes)[1]
        told = {place: leaves for place, leaves in changes.items() if place != silent}
        self.assertEqual(len(told), 2)

        def siblings_of(first, count):
            if not any(first <= place < first + count for place in told):
                return [formats.root_of(old[first:first + count])]
            if count == 1:
                return []
            split = 1 << (count - 1).bit_length() - 1
            return siblings_of(first, split) + siblings_of(first + split, count - split)

        roots = formats.fold(contest.N_IMAGES, told, siblings_of(0, contest.N_IMAGES))
        self.assertEqual(roots[0].hex(), kind("correction")[0]["old_root"])
        self.assertNotEqual(roots[1].hex(), kind("correction")[0]["new_root"])


if __name__ == "__main__":
    unittest.main()
