# SPDX-License-Identifier: MIT
"""assay audit: a true log passes; a changed byte does not, nor a whole log that was made and signed
anew with one lie in it."""
import base64
import ctypes
import hashlib
import json
import os
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))
import contest  # noqa: E402
import formats  # noqa: E402
import opened  # noqa: E402
import sodium  # noqa: E402


class Forger:
    """Signs what it likes, with a key of its own under the log's name."""

    def __init__(self, origin):
        self.origin = origin
        self.public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        sodium.call("crypto_sign_keypair", self.public, self.secret)
        typed = b"\x01" + self.public.raw
        self.id = hashlib.sha256(origin.encode() + b"\n" + typed).digest()[:4]
        self.vkey = f"{origin}+{self.id.hex()}+{base64.b64encode(typed).decode()}\n"

    def sign(self, text):
        signature = ctypes.create_string_buffer(64)
        sodium.call("crypto_sign_detached", signature, None, text, sodium.size(len(text)), self.secret)
        return signature.raw

    def write(self, folder, entries):
        lines = [json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in entries]
        root = base64.b64encode(formats.root_of([hashlib.sha256(b"\0" + line).digest() for line in lines])).decode()
        text = f"{self.origin}\n{len(lines)}\n{root}\n"
        signature = base64.b64encode(self.id + self.sign(text.encode())).decode()
        (folder / "entries.jsonl").write_bytes(b"".join(lines))
        (folder / "checkpoint").write_text(f"{text}\n\u2014 {self.origin} {signature}\n")
        (folder / "vkey").write_text(self.vkey)


class AuditTest(opened.OpenedTest):
    def setUp(self):
        super().setUp()
        self.a_contest(opened.FULL)
        self.service.run("rescore", "-c", contest.ID)
        self.service.run("leaderboard", "reveal", "-c", contest.ID)
        self.kind = self.log()
        self.folder = self.dir / "log"
        self.forged = self.dir / "forged"

    def audit(self, folder, *options, check=0):
        return self.service.run("audit", folder, *options, check=check)

    def test_the_true_log(self):
        said = self.audit(self.folder, "--vkey", self.folder / "log.vkey").stdout
        for line in ("log key       the one given", "results       4, each signed", "confirmations 3 ",
                     "re-scores     1 with", "orders        1, signed", "scores        4, both", "labels        1 of 1",
                     "board         NOT CHECKED", "submissions   NOT CHECKED"):
            self.assertIn(line, said)
        self.assertIn("log key       NOT CHECKED", self.audit(self.folder).stdout)
        self.audit(self.dir / "nowhere", check=2)
        self.service.run("audit", check=2)

    def test_one_changed_byte(self):
        """In every file; in large ones at many places."""
        names = ["checkpoint", "vkey", "entries.jsonl", *(f"files/{path.name}" for path in (self.folder / "files").iterdir())]
        for name in names:
            path = self.folder / name
            good = path.read_bytes()
            for at in range(0, len(good), max(1, len(good) // 40)):
                path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
                with self.subTest(name=name, at=at):
                    self.audit(self.folder, "--vkey", self.folder / "log.vkey", check=1)
            path.write_bytes(good)
        self.audit(self.folder)

    def lie(self, kind, at=0, files=(), **changes):
        """What the audit says of a log in which one entry was changed and all was signed anew."""
        shutil.rmtree(self.forged, ignore_errors=True)
        shutil.copytree(self.folder, self.forged)
        entries = [dict(entry) for entry in self.entries]
        entry = [entry for entry in entries if entry["kind"] == kind][at]
        entry.update(changes)
        for data in files:
            (self.forged / "files" / hashlib.sha256(data).hexdigest()).write_bytes(data)
        Forger((self.folder / "vkey").read_text().split("+")[0]).write(self.forged, entries)
        if not changes:
            return self.audit(self.forged)
        self.audit(self.forged, "--vkey", self.folder / "log.vkey", check=1)
        said = self.audit(self.forged, check=1).stderr
        self.assertIn(f"entry {entry['index']}: ", said)
        return said

    def changed_file(self, kind, key, old, new):
        """The file of an entry with other bytes, and what the entry then says of it."""
        (entry,) = self.kind(kind)
        data = self.file(entry[f"{key}_sha256"])
        self.assertIn(old, data)
        data = data.replace(old, new, 1)
        return {"files": [data], f"{key}_sha256": hashlib.sha256(data).hexdigest(), f"{key}_bytes": len(data)}

    def test_logs_with_a_lie(self):
        self.lie("result")  # unchanged, but signed anew: nothing but the key tells
        self.assertIn("not what its worker signed", self.lie("result", score="0.9999"))
        self.assertIn("not what its worker signed", self.lie("result", labels=1, problems=7))
        self.assertIn("labels of version 2", self.lie("result", labels=2))
        self.assertIn("no worker that is listed", self.lie("result", key="0" * 64))

    def test_openings_with_a_lie(self):
        self.assertIn("the score seed is not", self.lie("opening", score_seed="0" * 64))
        self.assertIn("3 of 4 results", self.lie("opening", **self.changed_file("opening", "scores", self.first_line(), b"")))
        self.assertIn("not those committed to",
                      self.lie("opening", **self.changed_file("opening", "scores", b" 0.1 0.2\n", b" 0.1 0.1\n")))
        self.assertIn("not those committed to",
                      self.lie("disclosure", **self.changed_file("disclosure", "rows", b"\t1\t", b"\t2\t")))
        self.assertIn("did not sign the order", self.lie("reveal", signature=base64.b64encode(bytes(64)).decode()))

    def first_line(self):
        (opening,) = self.kind("opening")
        return self.file(opening["scores_sha256"]).splitlines(keepends=True)[0]

    def test_rescores_with_a_lie(self):
        self.assertIn("root of the re-score", self.lie("rescore", results_root="0" * 64))
        self.assertIn("root of the re-score", self.lie("rescore", n=4))
        (rescore,) = self.kind("rescore")
        line = self.file(rescore["signatures_sha256"]).splitlines(keepends=True)[0]
        without = self.changed_file("rescore", "signatures", line, b"")
        self.assertIn("another number of signatures", self.lie("rescore", **without))
        other = line.replace(line.split(b" ")[2], base64.b64encode(os.urandom(64)))
        self.assertIn("not what its worker signed", self.lie("rescore", **self.changed_file("rescore", "signatures", line, other)))


if __name__ == "__main__":
    unittest.main()
