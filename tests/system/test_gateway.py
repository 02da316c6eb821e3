# SPDX-License-Identifier: MIT
"""The gateway on its own port with a real broker behind it: no worker, so that nothing is scored.

What a client sees of HTTP itself is tested on raw sockets: when an answer comes, before which byte.
"""
import hashlib
import json
import os
import pathlib
import signal
import threading
import time
import unittest

import harness
from parts import COMPETITION, GatewayTest, creation, read_answer

class RoutesTest(GatewayTest):
    def test_competitions_and_teams(self):
        ask, parts = self.parts.ask, self.parts
        self.assertEqual(parts.json("GET", "/v1/competitions"), (200, {"competitions": []}))
        self.assertEqual(parts.competition()[0], 201)
        status, listed = parts.json("GET", "/v1/competitions")
        self.assertEqual([c["id"] for c in listed["competitions"]], ["trees"])
        status, one = parts.json("GET", "/v1/competitions/trees")
        self.assertEqual(one["title"], "A <test> & more")
        self.assertEqual((one["state"], one["per_day"], one["closes"]), ("hidden", 5, None))
        self.check_problem(ask("GET", "/v1/competitions/none"), 404, "not_found")
        self.check_problem(ask("GET", "/v1/competitions/../etc"), 404, "not_found")

        wrong = self.check_problem(
            ask("POST", "/v1/competitions", creation("competition: b\ntask: cooking\nmetrik: x\n"),
                parts.token), 422, "invalid")
        self.assertIn((2, 7), [(error["line"], error["column"]) for error in wrong["errors"]])
        self.check_problem(ask("POST", "/v1/competitions", creation("competition: b\n")), 401,
                           "invalid_token")
        good = COMPETITION.format(id="b", per_day=1, file_bytes=1000)
        for labels in ({"root": "a"}, {"images": 0}, {"images": -1}, {"public": 5}, {"private": "6"}, {"more": 1}):
            self.check_problem(ask("POST", "/v1/competitions", creation(good, **labels), parts.token),
                               400, "bad_request")
        for workers in ('["nobody"]', '["nobody:11:22"]'):
            body = creation(good)
            body = body[:body.index('"workers": ') + 11] + workers + body[body.index(', "labels"'):]
            self.check_problem(ask("POST", "/v1/competitions", body, parts.token), 400, "bad_request")
        self.check_problem(ask("POST", "/v1/competitions", b"x" * 70000, parts.token), 413,
                           "too_large")

        more = '{"workers": ["%s:' + 64 * "3" + ":" + 64 * "4" + '"]}'
        for _ in range(2):
            self.assertEqual(ask("POST", "/v1/competitions/trees/workers", more % "gpu-2", parts.token)[0], 201)
        self.check_problem(ask("POST", "/v1/competitions/trees/workers", more % "gpu-3", parts.token), 409, "conflict")
        self.check_problem(ask("POST", "/v1/competitions/trees/workers", more % "GPU", parts.token), 400, "bad_request")
        entries = [json.loads(line) for line in
                   ask("GET", "/v1/competitions/trees/log/entries?first=0&end=100", None, parts.token)[2].splitlines()]
        self.assertEqual([entry["kind"] for entry in entries], ["genesis", "key", "worker"])
        self.assertEqual(entries[0]["label_root"], 64 * "a")
        self.assertTrue(entries[2]["key"].startswith("gpu-2:3333"))

        team = parts.team("Ärger & <b>", members=["anna", "bert"])
        self.assertTrue(team["token"].startswith("asy1_"))
        self.assertEqual(team["name"], "Ärger & <b>")
        self.check_problem(ask("POST", "/v1/competitions/trees/teams", '{"name":"x"}',
                               team["token"]), 403, "not_allowed")
        for body, where in (('{"name":\n 5x}', 2), ("[]", None), ('{"name":"a\\u0007"}', None),
                            ('{"name":"x","nick":"y"}', None), ("", None), ('{"name":""}', None),
                            ('{"name":"x","members":["a,b"]}', None)):
            problem = self.check_problem(
                ask("POST", "/v1/competitions/trees/teams", body, parts.token), 400, "bad_request")
            if where:
                self.assertEqual(problem["errors"][0]["line"], where)

    def test_submissions_and_receipts(self):
        parts = self.parts
        parts.competition()
        token = parts.team("a")["token"]
        other = parts.team("b")["token"]
        body = b"id,predicted\n" + b"1,2\n" * 20000
        key = "0123456789abcdef" * 2
        status, headers, answer = self.upload(token, body, Idempotency_Key=key)
        self.assertEqual(status, 202, answer)
        accepted = json.loads(answer)
        self.assertEqual(headers["Location"], "/v1/submissions/" + accepted["id"])
        self.assertEqual(headers["Idempotency-Key"], key)
        sha256 = hashlib.sha256(body).hexdigest()
        self.assertEqual((accepted["sha256"], accepted["bytes"], accepted["is_repeated"]),
                         (sha256, len(body), False))
        blob = self.dir / "blobs" / sha256[:2] / sha256[2:]
        self.assertEqual(blob.read_bytes(), body)
        self.assertEqual(blob.stat().st_mode & 0o7777, 0o440)
        entry = json.loads(accepted["entry"])
        self.assertEqual(entry["file_sha256"], sha256)
        self.assertEqual(entry["received"], accepted["received"])

        again = json.loads(self.upload(token, body, Idempotency_Key=key)[2])
        self.assertTrue(again["is_repeated"])
        for same in ("id", "entry", "minisig", "received"):
            self.assertEqual(again[same], accepted[same])
        self.check_problem(self.upload(token, b"other", Idempotency_Key=key), 409, "conflict")

        path = "/v1/submissions/" + accepted["id"]
        status, shown = parts.json("GET", path, None, token)
        self.assertEqual((shown["state"], shown["file_name"], shown["message"], shown["errors"],
                          shown["scorecard"], shown["public_score"], shown["sequence"]),
                         ("accepted", "a.csv", "hello", [], None, None, 1))
        self.check_problem(parts.ask("GET", path, None, other), 404, "not_found")
        self.check_problem(parts.ask("GET", path), 401, "invalid_token")
        status, receipt = parts.json("GET", path + "/receipt", None, token)
        first = receipt["files"][0]
        self.assertEqual((first["name"], first["entry"], first["minisig"]),
                         (accepted["id"], accepted["entry"], accepted["minisig"]))
        self.assertTrue(first["sshsig"].startswith("-----BEGIN SSH SIGNATURE-----\n"))
        self.assertTrue(first["proof"].startswith("c2sp.org/tlog-proof@v1\nindex 2\n"), first["proof"])
        for name, start in (("receipt.pub", b"untrusted comment"), ("log.vkey", b"localhost+"),
                            ("allowed_signers", b"assay@localhost namespaces=")):
            self.assertTrue(parts.ask("GET", f"/v1/keys/{name}")[2].startswith(start), name)
        self.check_log(first["proof"])

        for number in range(2, 5):
            self.assertEqual(self.upload(token, b"%d" % number)[0], 202)
        path = "/v1/competitions/trees/submissions"
        status, listed = parts.json("GET", path + "?limit=3", None, token)
        self.assertEqual([s["sequence"] for s in listed["submissions"]], [4, 3, 2])
        status, listed = parts.json("GET", f"{path}?limit=3&before={listed['next']}", None, token)
        self.assertEqual(([s["sequence"] for s in listed["submissions"]], listed["next"]),
                         ([1], None))
        self.assertEqual(parts.json("GET", path, None, other)[1]["submissions"], [])
        self.check_problem(parts.ask("GET", path + "?limit=x", None, token), 400, "bad_request")

        selection = json.dumps({"submissions": [accepted["id"]]})
        status = parts.ask("PUT", "/v1/competitions/trees/selection", selection, token)[0]
        self.assertIn(status, (200, 400))  # the broker decides; it knows whether it is scored

    def check_log(self, proof):
        """What the log hands out: its last checkpoint, growth, tiles, and no team's entry."""
        ask, log = self.parts.ask, "/v1/competitions/trees/log/"
        checkpoint = ask("GET", log + "checkpoint")[2].decode()
        self.assertTrue(proof.endswith("\n\n" + checkpoint))
        size = int(checkpoint.split("\n")[1])
        entries = [json.loads(line) for line in ask("GET", f"{log}entries?first=0&end={size}")[2].splitlines()]
        self.assertEqual([entry["kind"] for entry in entries], ["genesis", "key"])
        self.assertEqual(len(ask("GET", f"{log}entries?first=0&end={size}", None, self.parts.token)[2].splitlines()), size)
        leaves = ask("GET", f"{log}tile?width={size}")[2]
        self.assertEqual(len(leaves), 32 * size)
        line = ask("GET", f"{log}entries?first=0&end=1")[2]
        self.assertEqual(leaves[:32], hashlib.sha256(b"\0" + line).digest())
        self.assertEqual(ask("GET", f"{log}growth?old={size}&size={size}")[2], b"")
        for bad in (f"growth?old={size}&size=1", f"tile?index=1&width={size}", f"entries?first={size + 1}&end={size + 2}"):
            self.check_problem(ask("GET", log + bad), 404, "not_found")
        self.check_problem(ask("GET", log + "tile?width=x"), 400, "bad_request")

    def test_upload_refusals(self):
        parts = self.parts
        parts.competition(per_day=2, file_bytes=1000)
        token = parts.team("a")["token"]
        self.assertEqual(self.check_problem(self.upload(None), 401, "invalid_token")["detail"],
                         "Invalid token")
        self.check_problem(self.upload("asy1_" + "a" * 200), 401, "invalid_token")
        self.check_problem(self.upload(token, competition="other"), 404, "not_found")
        self.check_problem(self.upload(token, Idempotency_Key="short"), 400, "bad_request")
        self.check_problem(self.upload(token, query="message=%07"), 400, "bad_request")
        self.check_problem(self.upload(token, query="file_name=" + "x" * 256), 400, "bad_request")
        self.check_problem(self.upload(token, b"x" * 1001), 413, "too_large")
        self.check_problem(self.upload(token, b"x" * 5000000), 413, "too_large")
        self.assertEqual(self.upload(token, b"x" * 1000)[0], 202)
        self.assertEqual(self.upload(token, b"")[0], 202)
        answer = self.upload(token)
        self.check_problem(answer, 429, "quota")
        self.assertEqual(os.listdir(self.dir / "blobs" / "incoming"), [])

    def test_boards_and_pages(self):
        parts = self.parts
        parts.competition()
        parts.team("a")
        board = "/v1/competitions/trees/leaderboard"
        self.check_problem(parts.ask("GET", board), 403, "not_allowed")
        self.assertEqual(parts.json("GET", board, None, parts.token)[0], 200)
        self.assertEqual(parts.ask("GET", board, None, parts.token)[1]["Cache-Control"],
                         "private, no-store")
        self.check_problem(parts.ask("GET", board), 403, "not_allowed")  # nothing was kept
        self.check_problem(parts.ask("POST", board, '{"move":"open"}', parts.token), 400,
                           "bad_request")
        self.assertEqual(parts.ask("POST", board, '{"move":"publish"}', parts.token)[0], 200)
        status, headers, body = parts.ask("GET", board)
        shown = json.loads(body)
        self.assertEqual((shown["competition"], shown["track"], shown["state"], shown["n_teams"],
                          shown["metric"], shown["rows"]),
                         ("trees", "public", "public", 0, "top1_accuracy", []))
        again = parts.ask("GET", board, If_None_Match='"x", ' + headers["ETag"])
        self.assertEqual((again[0], again[2]), (304, b""))
        self.check_problem(parts.ask("GET", board + "?track=private"), 403, "not_allowed")
        self.check_problem(parts.ask("GET", board + "?track=secret"), 400, "bad_request")
        self.check_problem(parts.ask("GET", board + "?first=-1"), 400, "bad_request")
        status, headers, body = parts.ask("GET", board + ".csv")
        self.assertEqual(body, b"Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,"
                               b"TeamMemberUserNames\n")
        for path in ("/", "/c/trees"):
            status, headers, body = parts.ask("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertIn(b"A &lt;test&gt; &amp; more", body)
            self.assertNotIn(b"<test>", body)
            self.assertNotIn(b"<script", body)
        for path in ("/c/none", "/nowhere"):
            status, headers, body = parts.ask("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (404, "text/html; charset=utf-8"))
        self.assertEqual(parts.ask("GET", "/static/assay.css")[1]["Content-Type"],
                         "text/css; charset=utf-8")
        self.assertEqual(parts.ask("GET", "/s/" + "0" * 32)[0], 401)
        self.assertEqual(parts.ask("HEAD", "/c/trees")[2], b"")
        answer = parts.ask("DELETE", board)
        self.check_problem(answer, 405, "method_not_allowed")
        self.assertEqual(answer[1]["Allow"], "GET, HEAD, POST")
        run = parts.json("POST", "/v1/competitions/trees/rescores", "", parts.token)
        self.assertEqual(run[0], 202, run)
        run = parts.json("GET", f"/v1/rescores/{run[1]['run']}", None, parts.token)
        self.assertEqual((run[0], run[1]["planned"]), (200, 0))
        self.check_problem(parts.ask("GET", "/v1/rescores/77", None, parts.token), 404, "not_found")

    def test_many_uploads_at_once(self):
        parts = self.parts
        parts.competition(per_day=100)
        tokens = [parts.team(f"team {number}")["token"] for number in range(4)]
        answers = {}

        def upload(number):
            body = b"%d\n" % number * 20000
            answers[number] = self.upload(tokens[number % 4], body), hashlib.sha256(body).hexdigest()

        threads = [threading.Thread(target=upload, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(harness.PATIENCE_SECONDS)
        for (status, _, body), sha256 in answers.values():
            self.assertEqual((status, json.loads(body).get("sha256")), (202, sha256), body)
        self.assertEqual(len(answers), 40)
        self.assertEqual(parts.json("GET", "/v1/competitions/trees")[1]["n_submissions"], 40)
        self.assertEqual(os.listdir(self.dir / "blobs" / "incoming"), [])

    def test_wait_ends_with_the_wait(self):
        self.parts.competition()
        token = self.parts.team("a")["token"]
        path = "/v1/submissions/" + json.loads(self.upload(token)[2])["id"]
        before = time.monotonic()
        status, shown = self.parts.json("GET", path, None, token, Prefer="wait=1")
        self.assertGreaterEqual(time.monotonic() - before, 0.99)
        self.assertEqual((status, shown["state"]), (200, "accepted"))


class HttpTest(GatewayTest):
    settings = "limits: {free_bytes: 0, upload_bytes: 2000000}\ntimes: {answer_ms: 1000}\n"

    def setUp(self):
        super().setUp()
        self.parts.competition(file_bytes=1000000)
        self.token = self.parts.team("a")["token"]

    def head(self, *more, target="/v1/competitions/trees/submissions", token=None):
        lines = [f"PUT {target} HTTP/1.1", "Host: x", f"Authorization: Bearer {token or self.token}"]
        return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode()

    def test_refused_before_the_body(self):
        """With Expect, the refusal comes instead of 100 Continue."""
        for head, status in (
                (self.head("Expect: 100-continue", "Content-Length: 500", token="asy1_x"), b"401"),
                (self.head("Expect: 100-continue", "Content-Length: 1000001"), b"413"),
                (self.head("Expect: 100-continue", "Content-Length: 3000000"), b"413"),
                (self.head("Content-Length: 500", token="asy1_x"), b"401"),
                (self.head("Content-Length: 900000000"), b"413")):
            with self.parts.raw() as connection:
                connection.sendall(head)
                self.assertEqual(read_answer(connection)[9:12], status)

    def test_continue(self):
        with self.parts.raw() as connection:
            connection.sendall(self.head("Expect: 100-continue", "Content-Length: 5"))
            self.assertEqual(connection.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"12345")
            self.assertEqual(read_answer(connection)[9:12], b"202")

    def test_chunked(self):
        with self.parts.raw() as connection:
            connection.sendall(self.head("Transfer-Encoding: chunked"))
            connection.sendall(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            answer = json.loads(read_answer(connection).partition(b"\r\n\r\n")[2])
            self.assertEqual(answer["sha256"], hashlib.sha256(b"abcde").hexdigest())
        with self.parts.raw() as connection:
            connection.sendall(self.head("Transfer-Encoding: chunked"))
            connection.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n0\r\n\r\n")
            self.assertEqual(read_answer(connection)[9:12], b"413")

    def test_absolute_target_and_keep_alive(self):
        target = "http://other.example/v1/competitions/trees/submissions"
        with self.parts.raw() as connection:
            for _ in range(2):
                connection.sendall(self.head("Content-Length: 3", target=target) + b"abc")
                self.assertEqual(read_answer(connection)[9:12], b"202")
        with self.parts.raw() as connection:
            for _ in range(3):
                connection.sendall(b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = read_answer(connection)
                self.assertEqual(answer[9:12], b"200")
                self.assertNotIn(b"Connection: close", answer)

    def test_torn_upload_leaves_nothing(self):
        incoming = self.dir / "blobs" / "incoming"
        with self.parts.raw() as connection:
            connection.sendall(self.head("Content-Length: 1000") + b"half")
            harness.wait_for(lambda: os.listdir(incoming), "the upload has begun")
        harness.wait_for(lambda: not os.listdir(incoming), "the upload is forgotten")
        connection = self.parts.raw()
        connection.sendall(self.head("Content-Length: 1000") + b"half")
        harness.wait_for(lambda: os.listdir(incoming), "the upload has begun")
        self.parts.stop("gateway", signal.SIGKILL)
        self.assertEqual(len(os.listdir(incoming)), 1)
        self.parts.start_gateway()
        self.assertEqual(os.listdir(incoming), [])
        connection.close()

    def test_broker_away(self):
        board = "/v1/competitions/trees/leaderboard"
        self.parts.ask("POST", board, '{"move":"publish"}', self.parts.token)
        self.assertEqual(self.parts.ask("GET", board)[0], 200)
        self.parts.stop("broker", signal.SIGKILL)
        self.assertEqual(self.parts.ask("GET", board)[0], 200)
        self.assertEqual(self.parts.ask("GET", "/healthz")[0], 200)
        answer = self.parts.ask("GET", "/readyz")
        self.assertEqual((answer[0], answer[1]["Retry-After"]), (503, "1"))
        before = self.upload(self.token, b"x" * 500000)
        self.check_problem(before, 503, "busy")
        self.parts.start("broker")
        harness.wait_for(lambda: self.parts.ask("GET", "/readyz")[0] == 200, "the broker is back")
        self.assertEqual(self.upload(self.token, b"x" * 500000)[0], 202)

    def test_broker_restarts_during_an_upload(self):
        with self.parts.raw() as connection:
            connection.sendall(self.head("Content-Length: 1000") + b"a" * 500)
            harness.wait_for(lambda: os.listdir(self.dir / "blobs" / "incoming"), "it has begun")
            self.parts.stop("broker", signal.SIGKILL)
            connection.sendall(b"a" * 500)
            time.sleep(0.2)
            self.parts.start("broker")
            answer = read_answer(connection)
            self.assertEqual(answer[9:12], b"202", answer)
        listed = self.parts.json("GET", "/v1/competitions/trees/submissions", None, self.token)[1]
        self.assertEqual(len(listed["submissions"]), 1)

    def test_stops_with_requests_held(self):
        token = self.token
        path = "/v1/submissions/" + json.loads(self.upload(token)[2])["id"]
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(
            self.parts.ask("GET", path, None, token, Prefer="wait=50")))
        waiter.start()
        time.sleep(0.3)
        self.assertEqual(self.parts.stop("gateway"), 0)
        waiter.join(harness.PATIENCE_SECONDS)
        self.assertEqual(answers[0][0], 503)

    def test_no_token_in_the_log(self):
        self.upload(self.token, query="file_name=secret-name.csv")
        self.parts.ask("GET", "/?token=" + self.token)
        self.parts.ask("GET", "/%0a%1b[31m" + "x" * 300)
        log = (self.dir / "log").read_text()
        self.assertNotIn(self.token[5:], log)
        self.assertNotIn("secret-name", log)
        self.assertNotIn("\x1b", log)


class CrowdTest(GatewayTest):
    settings = "limits: {free_bytes: 0, connections: 8}\n"

    def test_waiting_leaves_room(self):
        """Half of the connections may wait; who comes then is answered at once."""
        self.parts.competition()
        token = self.parts.team("a")["token"]
        path = "/v1/submissions/" + json.loads(self.upload(token)[2])["id"]
        connections = [self.parts.raw() for _ in range(4)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nPrefer: wait=50\r\n"
                               f"Authorization: Bearer {token}\r\n\r\n".encode())

        def is_answered_at_once():
            before = time.monotonic()
            answer = self.parts.ask("GET", path, None, token, Prefer="wait=10")
            return answer[0] == 200 and time.monotonic() - before < 9

        harness.wait_for(is_answered_at_once, "an answer without a wait")
        for connection in connections:
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                connection.recv(1)


class MemoryTest(GatewayTest):
    LIMIT_KB = 16 << 10

    def memory_kb(self):
        """Anonymous memory of the gateway, and its peak of everything."""
        text = pathlib.Path(f"/proc/{self.parts.processes['gateway'].pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return int(fields["RssAnon"].split()[0]), int(fields["VmHWM"].split()[0])

    def test_large_upload(self):
        maps = pathlib.Path(f"/proc/{self.parts.processes['gateway'].pid}/maps").read_text()
        if "libasan" in maps or "libtsan" in maps:
            self.skipTest("a sanitizer has memory of its own")
        self.parts.competition(file_bytes=400 << 20)
        token = self.parts.team("a")["token"]
        piece, n_pieces = os.urandom(1 << 20), 300
        digest = hashlib.sha256()
        anonymous = 0
        with self.parts.raw() as connection:
            connection.sendall(f"PUT /v1/competitions/trees/submissions HTTP/1.1\r\nHost: x\r\n"
                               f"Authorization: Bearer {token}\r\n"
                               f"Content-Length: {n_pieces << 20}\r\n\r\n".encode())
            for _ in range(n_pieces):
                connection.sendall(piece)
                digest.update(piece)
                anonymous = max(anonymous, self.memory_kb()[0])
            answer = json.loads(read_answer(connection).partition(b"\r\n\r\n")[2])
        self.assertEqual(answer["sha256"], digest.hexdigest())
        print(f"anonymous {anonymous} kB, peak of all {self.memory_kb()[1]} kB", flush=True)
        self.assertLess(anonymous, self.LIMIT_KB)


class ScoredTest(harness.SystemTest):
    """The whole service: what changes when a file is scored."""

    def board(self, query="", **options):
        return self.service.http("GET", "/v1/competitions/digits/leaderboard" + query, **options)

    def submit(self, team, rows):
        text = "id,predicted\n" + "".join(f"{row},{guess}\n" for row, guess in enumerate(rows, 1))
        answer = self.service.http("PUT", "/v1/competitions/digits/submissions?file_name=a.csv",
                                   text.encode(), team["token"])
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json()["id"]

    def wait(self, team, submission):
        return self.service.http("GET", "/v1/submissions/" + submission, None, team["token"],
                                 {"Prefer": "wait=50"}).json()

    def test_from_upload_to_reveal(self):
        rules = self.write("digits.yaml", "competition: digits\ntask: classification\n"
                           "metric: top1_accuracy\nsubmission: {format: topk, k: 1}\n"
                           "board: {decimals: 3}\n")
        labels = self.write("labels.csv", "id,expected,usage\n1,1,Public\n2,2,Public\n"
                            "3,3,Private\n4,4,Private\n")
        self.service.run("competition", "create", rules, "--labels", labels)
        admin = self.service.admin_token()
        teams = [self.service.http("POST", "/v1/competitions/digits/teams",
                                   json.dumps({"name": name, "members": ["anna", "bert"]}).encode(),
                                   admin).json() for name in ('first, "A"', "second <i>")]
        move = lambda to: self.service.http(
            "POST", "/v1/competitions/digits/leaderboard", json.dumps({"move": to}).encode(), admin)
        self.assertEqual(move("publish").status, 200)
        self.assertEqual(self.board().json()["rows"], [])

        for team, rows, score in ((teams[1], [1, 2, 9, 9], "1.000"), (teams[0], [1, 9, 3, 4], "0.500")):
            done = self.wait(team, self.submit(team, rows))
            self.assertEqual((done["state"], done["public_score"], done["private_score"]),
                             ("scored", score, None))
            self.assertIn("public", done["scorecard"]["splits"])
            self.assertNotIn("private", done["scorecard"]["splits"])
            shown = {row["team"]: row["score"] for row in self.board().json()["rows"]}
            self.assertEqual(shown[team["name"]], score)  # who was told finds it on the board
        broken = self.wait(teams[0], self.submit(teams[0], [1, "x", 3]))
        self.assertEqual((broken["state"], broken["n_problems"]), ("invalid", 2))
        self.assertIn((3, 3), [(error["line"], error["column"]) for error in broken["errors"]])

        old = self.board()
        self.assertEqual(self.board(headers={"If-None-Match": old.headers["ETag"]}).status, 304)
        table = self.service.http("GET", "/v1/competitions/digits/leaderboard.csv").body.decode()
        self.assertRegex(table.splitlines()[2],
                         r'^2,\d+,"first, ""A""",\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,0\.500,2,"anna,bert"$')
        page = self.service.http("GET", "/c/digits").body.decode()
        self.assertIn("second &lt;i&gt;", page)
        self.assertNotIn("<i>", page)

        for track in ("?track=private", "?track=private&limit=1"):
            self.assertEqual(self.board(track).status, 403)
            self.assertEqual(self.board(track, token=admin).status, 403)
        self.assertEqual(move("reveal").status, 409)  # nobody signed for it
        self.service.run("leaderboard", "reveal", "-c", "digits")
        harness.wait_for(lambda: self.board().json()["state"] == "revealed", "the reveal")
        final = self.board("?track=private").json()
        self.assertEqual([(row["team"], row["score"], row["public_rank"]) for row in final["rows"]],
                         [('first, "A"', "1.000", 2), ("second <i>", "0.000", 1)])
        page = self.service.http("GET", "/c/digits?track=private").body.decode()
        self.assertIn("▲ 1", page)
        self.assertIn("▼ 1", page)


if __name__ == "__main__":
    unittest.main()
