#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line without a service, or with one that stumbles: a few lines of HTTP that answer as
they are told, because a real gateway cannot be made to break a connection at a given byte."""
import hashlib
import http.server
import json
import os
import pty
import subprocess
import threading
import unittest

import harness

TOKEN = "asy1_" + "a" * 12 + "_" + "b" * 52
SUBMISSION = "0123456789abcdef" * 2
KEYS = ("untrusted comment: assay receipt key\nRWTA6x6XXidwMTxXBkBGKP4dM/aRy0gtfrumY1jhxUS5TN5B1suI0LIf\n",
        'assay@localhost namespaces="assay-receipt@v1" ssh-ed25519 '
        "AAAAC3NzaC1lZDI1NTE5AAAAIEF/cYUcRwaDs3cysrbC0jXxDRJFeupaQFUOp8dn64xa\n",
        "localhost+5f6c7f67+Acu+HIzDctq2K9avaL1hFdblg++Lu9MkdIG3q2nZyFBp\n")


class Stumbling(http.server.BaseHTTPRequestHandler):
    """Does what its server's next step says; a step is a status with headers and body, or "break"."""

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        step = self.server.steps.pop(0) if self.server.steps else (500, {}, "{}")
        if step == "break":
            self.close_connection = True
            self.connection.close()
            return
        status, headers, text = step
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        data = text(body).encode() if callable(text) else text.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_PATCH = handle_any

    def log_message(self, *_):
        pass

    def finish(self):
        try:
            super().finish()
        except OSError:
            pass


class ClientTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stumbling)
        self.server.seen, self.server.steps = [], []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env = {"ASSAY_URL": f"http://127.0.0.1:{self.server.server_port}", "ASSAY_TOKEN": TOKEN,
                    "ASSAY_CONFIG_DIR": str(self.dir / "config")}

    def assay(self, *args, check=0):
        return harness.run("assay", *args, check=check, env=self.env, cwd=self.dir)

    @staticmethod
    def accepted(body):
        return json.dumps({"id": SUBMISSION, "state": "accepted", "sha256": hashlib.sha256(body).hexdigest(),
                           "bytes": len(body), "received": "2017-06-01T00:00:00Z", "entry": "", "minisig": "",
                           "remaining_today": 1, "resets_at": "2017-06-02T00:00:00Z", "is_repeated": False})

    PROMISED = (201, {}, json.dumps({"id": SUBMISSION, "state": "receiving"}))

    def test_upload_goes_on_where_it_broke(self):
        path = self.write("boxes.csv", "id,predicted\n" + "1,2 3 4 5 6\n" * 200000)
        busy = (503, {"Retry-After": "0", "Content-Type": "application/problem+json"}, '{"detail":"full"}')
        whole = path.read_bytes()
        middle = (200, {"Upload-Offset": "1000000", "Upload-Complete": "?0"}, "{}")
        elsewhere = (409, {"Upload-Offset": "1500000"}, "{}")
        later = (200, {"Upload-Offset": "1500000"}, "{}")
        self.server.steps = ["break", self.PROMISED, "break", middle, busy, middle, elsewhere, later,
                             (202, {}, self.accepted(whole))]
        done = self.assay("submit", "birds", "-f", path, "-m", "a & b")
        self.assertEqual(done.stdout, f"{SUBMISSION}\n")
        self.assertIn("1 submission remaining today", done.stderr)
        self.assertEqual([seen[0] for seen in self.server.seen],
                         ["POST", "POST", "PATCH", "GET", "PATCH", "GET", "PATCH", "GET", "PATCH"])
        self.assertEqual(len({seen[2]["Idempotency-Key"] for seen in self.server.seen[:2]}), 1)
        self.assertRegex(self.server.seen[0][2]["Idempotency-Key"], "^[0-9a-f]{32}$")
        self.assertEqual(self.server.seen[0][1], "/v1/competitions/birds/uploads")
        self.assertEqual(json.loads(self.server.seen[1][3]),
                         {"sha256": hashlib.sha256(whole).hexdigest(), "bytes": len(whole),
                          "file_name": "boxes.csv", "message": "a & b"})
        for at, offset in ((2, 0), (4, 1000000), (6, 1000000), (8, 1500000)):
            _, request_path, headers, body = self.server.seen[at]
            self.assertEqual(request_path, f"/v1/uploads/{SUBMISSION}")
            self.assertEqual((headers["Upload-Offset"], headers["Upload-Complete"]), (str(offset), "?1"))
            self.assertEqual(headers["Content-Type"], "application/partial-upload")
            self.assertEqual(headers["Authorization"], f"Bearer {TOKEN}")
            self.assertEqual(body, whole[offset:])
        lines = [line for line in done.stderr.split("\n") if line.endswith(" %")]
        self.assertEqual(lines[-1], "100 %")
        self.assertEqual(sorted({int(line[:-2]) % 10 for line in lines}), [0])

    def test_progress_on_a_terminal(self):
        path = self.write("boxes.csv", "id,predicted\n" + "1,2 3 4 5 6\n" * 100000)
        self.server.steps = [self.PROMISED, (202, {}, self.accepted)]
        ours, theirs = pty.openpty()
        done = subprocess.run([harness.BIN / "assay", "submit", "birds", "-f", path, "-m", "x"], check=True,
                              env={**os.environ, **self.env}, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE)
        os.close(theirs)
        shown = os.read(ours, 1 << 16).decode()
        os.close(ours)
        self.assertEqual(done.stdout.decode(), f"{SUBMISSION}\n")
        self.assertRegex(shown, r"\r100%\|█+\| 1\.2M/1\.2M \[\d\d:\d\d<00:00, [\d.]+[kMG]?B/s\]  \r\n")
        self.assertNotIn(" %", shown)

    def test_other_bytes_arrived(self):
        self.server.steps = [self.PROMISED, (202, {}, lambda body: self.accepted(body + b"x"))]
        done = self.assay("submit", "birds", "-f", self.write("a.csv", "id\n"), "-m", "x", check=4)
        self.assertEqual(done.stdout, "")
        self.assertIn("other bytes", done.stderr)

    def test_exit_codes_of_refusals(self):
        path = self.write("a.csv", "id\n")
        for status, code in ((400, 2), (401, 3), (403, 3), (404, 2), (409, 3), (413, 3), (422, 2), (429, 3),
                             (500, 4), (502, 4), (301, 4)):
            problem = {"detail": "no\x1b[2J", "errors": [{"line": 2, "column": 7, "detail": "bad\x07"}]}
            self.server.steps = [(status, {"Content-Type": "application/problem+json"}, json.dumps(problem))]
            done = self.assay("submit", "birds", "-f", path, "-m", "x", check=code)
            self.assertEqual((done.stdout, done.stderr), ("", "assay: no?[2J\n  2:7: bad?\n"), status)

    def test_what_is_left_is_told(self):
        left = {"remaining_today": 0, "remaining_total": 7, "resets_at": "2017-06-02T00:00:00Z"}
        problem = {"detail": "no submission is left today", **left}
        self.server.steps = [(429, {"Content-Type": "application/problem+json"}, json.dumps(problem))]
        done = self.assay("submit", "birds", "-f", self.write("a.csv", "id\n"), "-m", "x", check=3)
        self.assertIn("0 submissions remaining today, 7 in total; they return at 2017-06-02T00:00:00Z\n", done.stderr)

    def test_an_upload_is_resumed_later(self):
        path = self.write("a.csv", "id\n" * 100)
        whole = path.read_bytes()
        self.server.steps = [(200, {"Upload-Offset": "30"}, "{}"), (202, {}, self.accepted(whole))]
        done = self.assay("submit", "birds", "-f", path, "--resume", SUBMISSION)
        self.assertEqual(done.stdout, f"{SUBMISSION}\n")
        self.assertEqual(self.server.seen[1][3], whole[30:])
        self.server.steps = [(200, {"Upload-Offset": "30"}, "{}"), (410, {}, '{"detail":"expired"}')]
        self.assay("submit", "birds", "-f", path, "--resume", SUBMISSION, check=3)
        self.assay("submit", "birds", "-f", path, "--resume", "12", check=2)

    def test_waiting_ends_with_the_file_accepted(self):
        path = self.write("a.csv", "id\n")
        waiting = json.dumps({"id": SUBMISSION, "state": "accepted", "queue_position": 3, "expected_seconds": 12,
                              "n_problems": 0})
        self.server.steps = [self.PROMISED, (202, {}, self.accepted), (200, {}, waiting)]
        done = self.assay("submit", "birds", "-f", path, "-m", "x", "--wait", "0")
        self.assertIn("accepted, not scored yet", done.stderr)
        self.assertIn("score expected about 12 s from now\n", done.stdout)

    def test_the_place_in_the_queue_is_told_while_waiting(self):
        answers = [{"state": "accepted", "queue_position": place, "expected_seconds": place * 4}
                   for place in (3, 3, 1)]
        answers += [{"state": "scoring"}, {"state": "scored", "public_score": "0.5"}]
        self.server.steps = [(200, {}, json.dumps({"id": SUBMISSION, "n_problems": 0, **answer}))
                             for answer in answers]
        done = self.assay("status", SUBMISSION, "--wait")
        self.assertEqual(done.stderr, "".join(
            f"assay: waiting, place {place} in the queue, score expected about {place * 4} s from now\n"
            for place in (3, 1)))
        self.assertIn("scored", done.stdout)

    def test_hostile_answers(self):
        rows = [{"rank": 1, "team": "a\x1b]0;x\x07\u009b2J", "score": "\x1b[31m1", "n_submissions": 1,
                 "last_submission": "x", "members": ["\x1bc"], "public_rank": None}]
        board = {"state": "public\x1b[2J", "n_teams": 1, "rows": rows}
        for text in (json.dumps(board), json.dumps(board, ensure_ascii=False)):
            for options in ((), ("--json",)):
                self.server.steps = [(200, {}, text)]
                done = self.assay("leaderboard", "birds", *options)
                self.assertNotRegex(done.stdout + done.stderr, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.server.steps = [(200, {}, '{"rows":[')]
        self.assay("leaderboard", "birds", check=4)
        self.server.steps = [(200, {}, "[" * 100000)]
        self.assay("leaderboard", "birds", check=4)
        names = {"files": [{"name": "../../evil", "entry": "x", "minisig": "y"}]}
        keys = [(200, {"Content-Type": "text/plain"}, text) for text in KEYS]
        self.server.steps = [*keys, (200, {}, json.dumps(names))]
        self.assay("receipt", SUBMISSION, "--dir", "receipts", check=4)
        self.assertEqual(sorted(path.name for path in (self.dir / "receipts").iterdir()),
                         ["allowed_signers", "log.vkey", "receipt.pub"])
        self.server.steps = [(200, {"Content-Type": "text/plain"}, "no key")] * 3
        self.assay("receipt", SUBMISSION, "--dir", "others", check=1)

    def test_redirect_gets_no_token(self):
        self.server.steps = [(302, {"Location": self.env["ASSAY_URL"] + "/elsewhere"}, "{}")]
        self.assay("submissions", "birds", check=4)
        self.assertEqual([seen[1] for seen in self.server.seen], ["/v1/competitions/birds/submissions?limit=20"])

    def test_unreachable(self):
        self.env["ASSAY_URL"] = "http://127.0.0.1:1"
        done = self.assay("health", check=4)
        self.assertEqual(done.stdout, "")
        self.assay("leaderboard", "publish", "-c", "birds", check=4)

    def test_usage(self):
        for words in ((), ("submitt",), ("submit",), ("submit", "-c", "birds", "-f", "a.csv"),
                      ("submit", "-c", "birds", "-m", "x"), ("submit", "birds", "-f", "missing.csv", "-m", "x"),
                      ("submit", "birds", "-f", "a.csv", "-m", "x", "--wait=soon"), ("leaderboard",),
                      ("submissions", "Birds"), ("receipt", "x"), ("verify",), ("team", "create", "-c", "birds"),
                      ("up", "--workers", "0"), ("up", "--listen", "here"), ("up", "--config", "missing.yaml")):
            done = self.assay(*words, check=2)
            self.assertEqual(done.stdout, "", words)
            self.assertNotEqual(done.stderr, "", words)
        self.assertEqual(self.server.seen, [])

    def test_help(self):
        commands = [line.split()[0] for line in self.assay("help").stdout.split("\n") if line.startswith("  ")]
        self.assertIn("submit", commands)
        for command in commands:
            self.assertIn("Usage: assay " + command, self.assay("help", command).stdout)
        self.assertRegex(self.assay("--version").stdout, r"^assay \d+\.\d+\.\d+\n$")

    def test_no_network_library_is_linked(self):
        text = subprocess.run(["readelf", "-d", harness.BIN / "assay"], check=True, text=True,
                              capture_output=True).stdout
        self.assertIn("NEEDED", text)
        for library in ("curl", "zmq", "microhttpd", "sqlite", "gnutls", "ssl"):
            self.assertNotIn(library, text)


if __name__ == "__main__":
    unittest.main()
