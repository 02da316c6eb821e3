# SPDX-License-Identifier: MIT
"""`assay audit` on a competition that was corrected, re-scored and revealed: it passes, from files alone;
one changed byte of any file fails it, and so does a log that an organizer changed and signed anew."""
import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import formats  # noqa: E402
import harness  # noqa: E402
import opened  # noqa: E402


class Forger:
    """An organizer who changes a log and signs the tree anew, with a key of his own."""

    def __init__(self, folder):
        self.folder = folder
        self.key = folder.parent / "forger.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True)
        public = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                                stdout=subprocess.PIPE).stdout
        self.public = public[-32:]
        self.entries = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]

    def kind(self, kind, at=0):
        return [entry for entry in self.entries if entry["kind"] == kind][at]

    def put_file(self, entry, what, change):
        """Changes the file that an entry names, and the entry with it."""
        old = self.folder / "files" / entry[f"{what}_sha256"]
        data = change(old.read_bytes())
        old.unlink()
        entry[f"{what}_sha256"] = hashlib.sha256(data).hexdigest()
        entry[f"{what}_bytes"] = len(data)
        (self.folder / "files" / entry[f"{what}_sha256"]).write_bytes(data)

    def put_tiles(self, lines):
        """Of a log of fewer than 256 entries: one of hashes, one of entries."""
        for level, data in (("0", b"".join(hashlib.sha256(b"\0" + line).digest() for line in lines)),
                            ("entries", b"".join(len(line).to_bytes(2, "big") + line for line in lines))):
            tile = self.folder / "tile" / level / "000.p" / str(len(lines))
            tile.parent.mkdir(parents=True, exist_ok=True)
            tile.write_bytes(data)

    def sign(self):
        lines = [(json.dumps(entry, separators=(",", ":")) + "\n").encode() for entry in self.entries]
        root = formats.root_of([hashlib.sha256(b"\0" + line).digest() for line in lines])
        origin = (self.folder / "checkpoint").read_text().split("\n", 1)[0]
        text = f"{origin}\n{len(lines)}\n{base64.b64encode(root).decode()}\n".encode()
        (self.folder.parent / "text").write_bytes(text)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in",
                                    self.folder.parent / "text"], check=True, stdout=subprocess.PIPE).stdout
        name = hashlib.sha256(origin.encode() + b"\n\1" + self.public).digest()[:4]
        note = text + f"\n\u2014 {origin} {base64.b64encode(name + signature).decode()}\n".encode()
        for tile in (self.folder / "tile").rglob("*"):
            if tile.is_file():
                tile.unlink()
        self.put_tiles(lines)
        (self.folder / "entries.jsonl").write_bytes(b"".join(lines))
        (self.folder / "checkpoint").write_bytes(note)
        (self.folder / "vkey").write_text(f"{origin}+{name.hex()}+{base64.b64encode(bytes([1]) + self.public).decode()}\n")


def flip_score(data):
    """The public score of the first line that has one."""
    at = data.index(b" 0.")
    return data[:at + 3] + (b"9" if data[at + 3:at + 4] != b"9" else b"8") + data[at + 4:]


def flip_labels(data):
    """Another label for every row, and so other scores of every submission."""
    rows = [line.split(b"\t", 2) for line in data.splitlines(keepends=True)]
    return b"".join(b"\t".join((split, b"%d" % ((int(label) + 3) % 7), rest)) for split, label, rest in rows)


def flip_signature(data):
    words = data.split(b" ", 3)
    words[2] = base64.b64encode(bytes(64))
    return b" ".join(words)


def forge_score(log):
    entry = log.kind("result")
    entry["score"] = "0.0100"


def forge_worker(log):
    log.kind("result")["key"] = log.public.hex()


def forge_team(log):
    log.kind("submission", 2)["team"] = "t9"


def forge_selection(log):
    entry = log.kind("selection")
    entry["submissions"] = log.kind("submission")["id"]


def forge_board(log):
    log.kind("leaderboard", -1)["board_sha256"] = "0" * 64


def forge_finals(log):
    log.kind("reveal")["finals_sha256"] = "0" * 64


def forge_order(log):
    log.kind("reveal")["signature"] = base64.b64encode(bytes(64)).decode()


def forge_correction(log):
    log.kind("correction")["signature"] = base64.b64encode(bytes(64)).decode()


def forge_rescore(log):
    log.kind("rescore")["results_root"] = "0" * 64


def forge_seed(log):
    log.kind("opening")["score_seed"] = "0" * 64


def forge_openings(log):
    log.put_file(log.kind("opening"), "scores", flip_score)


def forge_missing_opening(log):
    log.put_file(log.kind("opening"), "scores", lambda data: data[data.index(b"\n") + 1:])


def forge_labels(log):
    log.put_file(log.kind("disclosure"), "rows", flip_labels)


def forge_disclosure(log):
    log.entries = [entry for entry in log.entries if entry["kind"] != "disclosure"]
    for index, entry in enumerate(log.entries):
        entry["index"] = index


def forge_confirmation(log):
    log.put_file(log.kind("rescore"), "signatures", flip_signature)


def forge_dropped_confirmation(log):
    log.put_file(log.kind("rescore"), "signatures", lambda data: data[data.index(b"\n") + 1:])


def forge_mismatch(log):
    log.kind("rescore")["mismatches"] = 1


FORGERIES = [
    (forge_score, "is not what its worker signed"),
    (forge_worker, "is of a worker that no entry before it lists"),
    (forge_team, "FAILED   boards"),
    (forge_selection, "lets other submissions decide"),
    (forge_board, "is of another board than the log's"),
    (forge_finals, "lets other submissions decide"),
    (forge_order, "opened without the organizer's signature"),
    (forge_correction, "corrects labels without the organizer's signature"),
    (forge_rescore, "is not over the"),
    (forge_seed, "is not the one that was fixed at the start"),
    (forge_openings, "committed to other scores than were opened"),
    (forge_missing_opening, "was not opened"),
    (forge_labels, "is not what was committed to"),
    (forge_labels, "give other scores"),
    (forge_disclosure, "was to be published"),
    (forge_confirmation, "is not signed"),
    (forge_dropped_confirmation, "confirmations, its file has"),
    (forge_mismatch, "did not come to the same results"),
]


class AuditTest(opened.OpenedTest):
    def audit(self, *options, check=0, log=None):
        done = harness.run("assay", "audit", log or self.dir / "log", *options, check=check)
        return done.stdout

    def a_revealed_contest(self):
        """Two teams, one of which chooses its worse submission; a correction between."""
        game = self.a_contest(opened.FULL)
        game.publish()
        self.log()
        shutil.copytree(self.dir / "log", self.dir / "early")
        self.service.run("select", "-c", contest.ID, self.ids[1], token=game.tokens["owl"])
        self.write("corrected.csv", contest.solution().replace("0,0,Public", "0,1,Public", 1))
        self.service.run("competition", "correct", "birds.yaml", "--labels", "corrected.csv", "--reason", "one was wrong")
        harness.wait_for(lambda: [row["move"] for row in self.log()("leaderboard")] == ["publish", "correct"], "the new board")
        self.service.run("rescore", "-c", contest.ID)
        self.service.run("leaderboard", "freeze", "-c", contest.ID)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        shutil.rmtree(self.dir / "log" / "tile")  # the narrow tiles of the shorter logs before
        self.log()
        self.files = self.dir / "files"
        self.files.mkdir()
        for path in self.dir.glob("submission*.csv"):
            shutil.copy(path, self.files)

    def test_audit(self):
        self.a_revealed_contest()
        self.service.stop()
        good = self.audit("--keys", self.dir / "log", "--submissions", self.files)
        for line in ("ok       key ", "ok       history      the log continues the", "ok       workers      8 results", "ok       labels       version 2: 20 rows",
                     "ok       corrections  1", "ok       scores       8 results", "ok       finals       2",
                     "(freeze): 2 teams", "(reveal): 2 teams", "ok       re-scoring   8 of 8 results"):
            self.assertIn(line, good)
        self.assertIn("is as it was signed", good)
        early = self.audit("--keys", self.dir / "log", check=1, log=self.dir / "early")
        self.assertIn("FAILED   history      you have seen 30 entries: some are left out", early)
        self.check_bytes()
        self.check_submissions()
        self.check_forgeries()

    def check_bytes(self):
        """Bytes of every file that is looked at, one at a time: each of the short ones, some of the long."""
        log = self.dir / "log"
        shutil.copytree(log, self.dir / "held")
        tiles = [path for path in (log / "tile").rglob("*") if path.is_file()]
        paths = [*(log / "files").iterdir(), *tiles, log / "entries.jsonl", log / "checkpoint", log / "vkey"]
        for path in paths:
            right = path.read_bytes()
            for at in range(0, len(right), 1 + len(right) // 60):
                path.write_bytes(right[:at] + bytes([right[at] ^ 1]) + right[at + 1:])
                self.audit("--keys", self.dir / "held", check=1)
            path.write_bytes(right)
        self.audit("--keys", self.dir / "held")

    def check_submissions(self):
        path = next(self.files.iterdir())
        right = path.read_bytes()
        path.write_bytes(right + b"\n")
        self.assertIn("was not submitted", self.audit("--submissions", self.files, check=1))
        path.write_bytes(right)

    def check_forgeries(self):
        for forge, finding in FORGERIES:
            with self.subTest(forge=forge.__name__):
                folder = self.dir / "forged"
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(self.dir / "log", folder)
                forger = Forger(folder)
                forge(forger)
                forger.sign()
                found = self.audit("--submissions", self.files, check=1, log=folder)
                self.assertIn(finding, found)
                if forge is not forge_correction:  # which is found while the log is read
                    self.assertIn("signed by another key than yours",
                                  self.audit("--keys", self.dir / "held", check=1, log=folder))

    def test_two_histories(self):
        """The service is set back to a copy of itself, and tells another story from there."""
        game = self.a_contest()
        self.service.stop()
        shutil.copytree(self.service.state, self.dir / "copy", ignore=shutil.ignore_patterns("*.sock"))
        self.service.start()
        game.submit_id("owl", contest.submission(1, 1), "--wait")
        self.log()
        shutil.move(self.dir / "log", self.dir / "seen")
        self.service.stop()
        shutil.rmtree(self.service.state)
        shutil.move(self.dir / "copy", self.service.state)
        self.service.start()
        game.submit_id("owl", contest.submission(3, 3), "--wait")
        game.submit_id("kestrel", contest.submission(3, 3), "--wait")
        self.log()
        found = self.audit("--keys", self.dir / "seen", check=1)
        self.assertIn("entries are others than those you have seen", found)

    def test_before_the_reveal(self):
        """What is not published is said not to have been seen; entries that are left out fail."""
        self.a_contest()
        self.log()
        said = self.audit("--submissions", self.dir)
        for what in ("labels       version 1 is not published", "scores       the commitments are not opened yet",
                     "re-scores    there were none", "re-scoring   scores or labels are not published"):
            self.assertIn(f"not seen {what}", said)
        lines = (self.dir / "log" / "entries.jsonl").read_bytes().splitlines(keepends=True)
        (self.dir / "log" / "entries.jsonl").write_bytes(b"".join(lines[:-1]))
        self.assertIn("entries are there", self.audit(check=1))
        harness.run("assay", "audit", self.dir / "nothing", check=2)
        harness.run("assay", "audit", check=2)


if __name__ == "__main__":
    unittest.main()
