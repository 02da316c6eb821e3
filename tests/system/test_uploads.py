# SPDX-License-Identifier: MIT
"""Promised files, files in pieces, slow files and what is swept: a real broker and gateway, raw
sockets where it matters what was read when."""
import hashlib
import json
import os
import signal
import time
import unittest

import harness
from parts import GatewayTest, read_answer

KEY = "0123456789abcdef" * 2
BODY = b"id,predicted\n" + b"1,2\n" * 50000


class UploadsTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.parts.competition(per_day=4)
        self.token = self.parts.team("a")["token"]

    def promise(self, body=BODY, key=KEY, token=None, competition="trees", **more):
        promise = {"sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body),
                   "file_name": "a.csv", "message": "hello", **more}
        return self.parts.ask("POST", f"/v1/competitions/{competition}/uploads",
                              json.dumps(promise), token or self.token, Idempotency_Key=key)

    def promised(self, *args, **more):
        status, headers, body = self.promise(*args, **more)
        self.assertEqual(status, 201, body)
        return headers["Location"], json.loads(body)

    def piece(self, path, data, offset, last=True, token=None, **headers):
        headers = {"Content_Type": "application/partial-upload", "Upload_Offset": str(offset),
                   "Upload_Complete": "?1" if last else "?0", **headers}
        return self.parts.ask("PATCH", path, data, token or self.token, **headers)

    def offset(self, path):
        status, headers, _ = self.parts.ask("HEAD", path, None, self.token)
        self.assertEqual(status, 200)
        return int(headers["Upload-Offset"]), headers["Upload-Complete"]

    def start_piece(self, path, size, offset=0, body=b""):
        """Sends the head of a piece and the first bytes of its body; the rest is the caller's."""
        connection = self.parts.raw()
        self.addCleanup(connection.close)
        connection.sendall((f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}"
                            "\r\nContent-Type: application/partial-upload\r\nUpload-Complete: ?1"
                            f"\r\nUpload-Offset: {offset}\r\nContent-Length: {size}\r\n\r\n").encode()
                           + body)
        return connection


class PromisesTest(UploadsTest):
    def test_promise_and_bytes(self):
        path, promised = self.promised()
        entry = json.loads(promised["entry"])
        self.assertEqual((entry["kind"], entry["id"], entry["received"], entry["until"]),
                         ("promise", promised["id"], promised["received"], promised["until"]))
        self.assertEqual((promised["state"], promised["is_repeated"], promised["remaining_today"],
                          promised["remaining_total"]), ("receiving", False, 3, None))
        again = self.promised()[1]
        self.assertTrue(again["is_repeated"])
        self.assertEqual((again["entry"], again["minisig"]), (promised["entry"], promised["minisig"]))
        self.check_problem(self.promise(BODY + b"x"), 409, "conflict")
        other = self.parts.team("b")["token"]
        self.check_problem(self.parts.ask("GET", path, None, other), 404, "not_found")
        self.check_problem(self.piece(path, BODY, 0, token=other), 404, "not_found")
        self.assertEqual(self.offset(path), (0, "?0"))

        status, headers, answer = self.piece(path, BODY, 0)
        self.assertEqual(status, 202, answer)
        accepted = json.loads(answer)
        self.assertEqual((accepted["id"], accepted["received"], accepted["bytes"]),
                         (promised["id"], promised["received"], len(BODY)))
        self.assertEqual(headers["Location"], "/v1/submissions/" + promised["id"])
        self.assertEqual(self.offset(path), (len(BODY), "?1"))
        # the answer was lost: an empty last piece, the promise, and the whole file bring it again
        for status, _, body in (self.piece(path, b"", len(BODY)),
                                self.upload(self.token, BODY, Idempotency_Key=KEY)):
            self.assertEqual(status, 202, body)
            self.assertEqual(json.loads(body)["minisig"], accepted["minisig"])
        self.assertEqual(self.promised()[1]["state"], "accepted")
        status, receipt = self.parts.json("GET", f"/v1/submissions/{promised['id']}/receipt", None,
                                          self.token)
        self.assertEqual([file["name"] for file in receipt["files"]],
                         [promised["id"], promised["id"] + ".promise"])
        self.assertEqual(os.listdir(self.dir / "blobs" / "incoming"), [])
        sha256 = promised["sha256"]
        blob = self.dir / "blobs" / sha256[:2] / sha256[2:]
        self.assertEqual((blob.read_bytes(), blob.stat().st_mode & 0o7777), (BODY, 0o440))

    def test_the_page_of_a_submission(self):
        path, promised = self.promised()
        page = "/s/" + promised["id"]
        shown = self.parts.ask("GET", page, None, self.token)[2].decode()
        self.assertIn("State: <b>receiving</b>, its bytes are taken until", shown)
        self.piece(path, BODY, 0)
        shown = self.parts.ask("GET", page, None, self.token)[2].decode()
        self.assertIn("State: <b>accepted</b>, place 1 in the queue.", shown)
        other = self.parts.team("b")["token"]
        self.assertEqual(self.parts.ask("GET", page, None, other)[0], 404)

    def test_a_whole_file_keeps_a_promise(self):
        path, promised = self.promised()
        self.check_problem(self.upload(self.token, BODY[:-1], Idempotency_Key=KEY), 409, "conflict")
        other = BODY[:-2] + b"3\n"
        problem = self.check_problem(self.upload(self.token, other, Idempotency_Key=KEY), 409,
                                     "other_bytes")
        self.assertIn("begin at 0", problem["detail"])
        self.assertEqual(self.offset(path), (0, "?0"))
        status, _, body = self.upload(self.token, BODY, Idempotency_Key=KEY)
        self.assertEqual((status, json.loads(body)["id"]), (202, promised["id"]))

    def test_pieces(self):
        path, promised = self.promised()
        cuts = [0, 100, 70000, len(BODY)]
        for first, last in zip(cuts, cuts[1:]):
            status, headers, body = self.piece(path, BODY[first:last], first, last == len(BODY))
            self.assertEqual(status, 202 if last == len(BODY) else 204, body)
            if status == 204:
                self.assertEqual((headers["Upload-Offset"], headers["Upload-Complete"]),
                                 (str(last), "?0"))
                for wrong in (0, last - 1, last + 1):
                    answer = self.piece(path, b"x", wrong, False)
                    self.check_problem(answer, 409, "mismatching_upload_offset")
                    self.assertEqual(answer[1]["Upload-Offset"], str(last))
        self.assertEqual(json.loads(body)["sha256"], hashlib.sha256(BODY).hexdigest())

    def test_pieces_that_are_none(self):
        path, _ = self.promised()
        self.check_problem(self.piece(path, b"x", 0, Content_Type="text/csv"), 415,
                           "unsupported_media_type")
        for offset in ("", "-1", "1x", "9" * 16):
            self.check_problem(self.piece(path, b"x", offset), 400, "bad_request")
        self.check_problem(self.piece(path, b"x", 0, Upload_Complete="true"), 400, "bad_request")
        self.check_problem(self.piece(path, b"x", 0), 400, "inconsistent_upload_length")
        self.check_problem(self.piece(path, BODY + b"x", 0, False), 400,
                           "inconsistent_upload_length")
        self.check_problem(self.piece("/v1/uploads/" + "0" * 32, b"x", 0), 404, "not_found")
        self.check_problem(self.promise(key="short"), 400, "bad_request")
        self.check_problem(self.promise(sha256="12"), 400, "bad_request")
        self.check_problem(self.promise(bytes=-1), 400, "bad_request")
        self.check_problem(self.promise(bytes=2 << 20, key=KEY[::-1]), 413, "too_large")
        self.assertEqual(self.offset(path), (0, "?0"))

    def test_a_broken_connection_and_a_killed_gateway(self):
        path, promised = self.promised()
        connection = self.start_piece(path, len(BODY), body=BODY[:70000])
        harness.wait_for(lambda: self.part_bytes(promised) == 70000, "the bytes are written")
        connection.close()
        harness.wait_for(lambda: self.offset(path)[0] == 70000, "what has come stays")
        self.start_piece(path, len(BODY) - 70000, 70000, BODY[70000:90000])
        harness.wait_for(lambda: self.part_bytes(promised) == 90000, "the bytes are written")
        self.parts.stop("gateway", signal.SIGKILL)
        self.parts.start_gateway()
        self.assertEqual(self.offset(path), (90000, "?0"))
        self.assertEqual(self.promised()[1]["minisig"], promised["minisig"])
        status, _, answer = self.piece(path, BODY[90000:], 90000)
        self.assertEqual(status, 202, answer)
        self.assertEqual(json.loads(answer)["received"], promised["received"])
        self.assertEqual(os.listdir(self.dir / "blobs" / "incoming"), [])

    def part_bytes(self, promised):
        part = self.dir / "blobs" / "incoming" / (promised["id"] + ".part")
        return part.stat().st_size if part.exists() else 0

    def test_a_new_request_takes_over(self):
        path, promised = self.promised()
        old = self.start_piece(path, len(BODY), body=BODY[:1000])  # neither goes on nor ends
        harness.wait_for(lambda: self.part_bytes(promised) == 1000, "the bytes are written")
        status, _, body = self.piece(path, BODY[1000:], 1000)
        self.assertEqual(status, 202, body)
        self.assertIn(b"409", read_answer(old).split(b"\r\n")[0])

    def test_quota_of_promises(self):
        for number in range(4):
            self.promised(b"%d" % number, KEY[:-1] + str(number))
        answer = self.promise(b"x", KEY[::-1])
        problem = self.check_problem(answer, 429, "quota")
        self.assertEqual((problem["remaining_today"], problem["remaining_total"]), (0, None))
        self.assertTrue(problem["resets_at"].endswith("T00:00:00Z"))
        self.assertGreater(int(answer[1]["Retry-After"]), 0)
        problem = self.check_problem(self.upload(self.token), 429, "quota")
        self.assertEqual(problem["remaining_today"], 0)
        listed = self.parts.json("GET", "/v1/competitions/trees/submissions", None, self.token)[1]
        self.assertEqual([row["state"] for row in listed["submissions"]], ["receiving"] * 4)
        self.assertIsNotNone(listed["submissions"][0]["until"])

    def test_a_new_token(self):
        path = "/v1/competitions/trees/tokens"
        status, made = self.parts.json("POST", path, '{"name": "a"}', self.parts.token)
        self.assertEqual((status, made["name"]), (201, "a"))
        self.check_problem(self.promise(), 401, "invalid_token")
        self.token = made["token"]
        self.promised()
        self.check_problem(self.parts.ask("POST", path, '{"name": "a"}', self.token), 403,
                           "not_allowed")
        self.check_problem(self.parts.ask("POST", path, '{"name": "z"}', self.parts.token), 404,
                           "not_found")
        status, reader = self.parts.json("POST", path, '{"name": "a", "read_only": true, "days": 1}', self.parts.token)
        self.assertEqual(status, 201, reader)
        self.assertEqual(self.parts.ask("GET", "/v1/competitions/trees/submissions", None, reader["token"])[0], 200)
        self.promised()  # the team's own is still good
        self.token = reader["token"]
        self.check_problem(self.promise(), 403, "not_allowed")
        for body in ('{"name": "a", "days": 0}', '{"name": "a", "read_only": 1}', '{"name": "a", "members": []}'):
            self.check_problem(self.parts.ask("POST", path, body, self.parts.token), 400, "bad_request")


class GraceTest(UploadsTest):
    broker_settings = "disk_free_min_bytes: 0\npromise_ms: 1000\n"

    def test_late_bytes(self):
        path, promised = self.promised()
        time.sleep(1.1)
        self.check_problem(self.parts.ask("GET", path, None, self.token), 410, "expired")
        problem = self.check_problem(self.piece(path, BODY, 0), 410, "expired")
        self.assertIn(promised["until"][:16], problem["detail"])
        self.check_problem(self.upload(self.token, BODY, Idempotency_Key=KEY), 410, "expired")


class SlowTest(UploadsTest):
    settings = "limits: {free_bytes: 0, body_rate: 1000}\ntimes: {body_seconds: 1}\n"

    def test_a_trickled_file(self):
        path, promised = self.promised()
        connection = self.start_piece(path, len(BODY), body=BODY[:300])
        answer = read_answer(connection)
        self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
        self.assertIn(b"1000 bytes a second", answer)
        self.assertEqual(self.offset(path), (300, "?0"))
        self.assertEqual(self.piece(path, BODY[300:], 300)[0], 202)

    def test_a_trickled_request(self):
        connection = self.parts.raw()
        self.addCleanup(connection.close)
        connection.sendall(b"POST /v1/competitions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nx")
        self.assertTrue(read_answer(connection).startswith(b"HTTP/1.1 408 "))

    def test_a_file_that_is_fast_enough(self):
        path, _ = self.promised()
        connection = self.start_piece(path, len(BODY))
        end = time.monotonic() + 2.5
        sent = 0
        while time.monotonic() < end:
            connection.sendall(BODY[sent:sent + 400])
            sent += 400
            time.sleep(0.1)
        connection.sendall(BODY[sent:])
        self.assertTrue(read_answer(connection).startswith(b"HTTP/1.1 202 "))


class SweepTest(UploadsTest):
    settings = ("limits: {free_bytes: 0}\n"
                "sweep: {round_seconds: 1, age_seconds: 3600, part_seconds: 60}\n")

    def age(self, path, seconds):
        then = time.time() - seconds
        os.utime(path, (then, then))

    def blob(self, text):
        sha256 = hashlib.sha256(text).hexdigest()
        return self.dir / "blobs" / sha256[:2] / sha256[2:]

    def test_what_belongs_to_nothing(self):
        self.assertEqual(self.upload(self.token, b"kept")[0], 202)
        self.promised(b"promised")
        for text in (b"lost", b"young", b"promised"):
            self.blob(text).write_bytes(text)
        part = self.dir / "blobs" / "incoming" / ("0" * 32 + ".part")
        part.write_bytes(b"x")
        path, promised = self.promised(BODY, KEY[::-1])
        self.assertEqual(self.piece(path, BODY[:10], 0, False)[0], 204)
        for text in (b"kept", b"lost", b"promised"):
            self.age(self.blob(text), 7200)
        self.age(part, 100)
        harness.wait_for(lambda: not self.blob(b"lost").exists() and not part.exists(), "a sweep")
        time.sleep(1.5)  # a round more
        for text in (b"kept", b"young", b"promised"):
            self.assertTrue(self.blob(text).exists(), text)
        self.assertEqual(self.offset(path), (10, "?0"))


class MarksTest(UploadsTest):
    """503 before a byte of the body is read, for each mark: a client that waits for 100 sends none."""
    broker_settings = "disk_free_min_bytes: 0\nready_age_max_ms: 100\n"

    def expect_continue(self):
        """What comes back before the client has sent a byte of the body."""
        connection = self.parts.raw()
        self.addCleanup(connection.close)
        connection.sendall(("PUT /v1/competitions/trees/submissions HTTP/1.1\r\nHost: x\r\n"
                            f"Authorization: Bearer {self.token}\r\nContent-Length: 1000\r\n"
                            "Expect: 100-continue\r\n\r\n").encode())
        return connection.recv(65536)

    def assert_busy(self):
        def is_busy():
            answer = self.expect_continue()
            return answer if answer.startswith(b"HTTP/1.1 503 ") else None

        self.assertIn(b"Retry-After: ", harness.wait_for(is_busy, "the mark is reached"))

    def restart(self, broker_settings):
        text = (self.dir / "broker.yaml").read_text().replace(self.broker_settings, broker_settings)
        (self.dir / "broker.yaml").write_text(text)
        self.parts.stop("broker")
        self.parts.start("broker")
        harness.wait_for(lambda: b"takes no new submissions" in self.parts.ask("GET", "/readyz")[2],
                         "the broker answers that it is busy")

    def test_queue_age(self):
        self.assertTrue(self.expect_continue().startswith(b"HTTP/1.1 100 "))
        self.assertEqual(self.upload(self.token)[0], 202)  # no worker: it gets old
        self.assert_busy()
        path, _ = self.promised()  # but a promise is taken
        self.check_problem(self.piece(path, BODY, 0), 503, "busy")

    def test_disk(self):
        self.restart("disk_free_min_bytes: 1125899906842624\n")
        self.assert_busy()
        self.check_problem(self.promise(), 503, "busy")

    def test_memory(self):
        self.restart("disk_free_min_bytes: 0\nmemory_max_bytes: 1\n")
        self.assert_busy()
        self.check_problem(self.promise(), 503, "busy")


if __name__ == "__main__":
    unittest.main()
