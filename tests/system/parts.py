# SPDX-License-Identifier: MIT
"""A broker and a gateway without a worker, each to be stopped and started for itself, and the base
of the tests on them."""
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import harness

COMPETITION = """\
competition: {id}
task: classification
metric: top1_accuracy
submission: {{format: topk, k: 1}}
title: "A <test> & more"
limits: {{per_day: {per_day}, file_bytes: {file_bytes}}}
"""


def creation(yaml, **labels):
    """The body that makes a competition, with labels and a worker that nobody has."""
    return json.dumps({"yaml": yaml, "workers": ["nobody:" + 64 * "1" + ":" + 64 * "2"],
                       "organizer": 64 * "d", "score_seed_sha256": 64 * "e",
                       "labels": {"root": 64 * "a", "set_sha256": 64 * "b", "ids_sha256": 64 * "c",
                                  "images": 10, "public": 4, "private": 6, **labels}})


class Parts:
    """A broker and a gateway in a folder; each can be stopped and started for itself."""

    def __init__(self, folder, settings="", broker_settings="disk_free_min_bytes: 0\n"):
        self.dir = pathlib.Path(folder)
        self.processes = {}
        (self.dir / "run").mkdir()
        (self.dir / "broker.yaml").write_text(
            "gateways: ipc://run/g\nworkers: ipc://run/w\nevents: ipc://run/e\n"
            "database: assay.db\nkeys: keys\nreceipt_public_key: receipt.pub\n"
            "organizer_token: organizer.token\n" + broker_settings)
        (self.dir / "gateway.yaml").write_text(
            "listen: 127.0.0.1:0\naddress_file: address\nbroker: ipc://run/g\nevents: ipc://run/e\n"
            "blobs: blobs\nlog: debug\n" + (settings or "limits: {free_bytes: 0}\n"))

    def start(self, name):
        with open(self.dir / "log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [harness.BIN / f"assay-{name}", "--config", f"{name}.yaml"], cwd=self.dir,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_all(self):
        self.start("broker")
        self.start_gateway()
        harness.wait_for(lambda: self.ask("GET", "/readyz")[0] == 200, "the broker answers")
        self.token = (self.dir / "organizer.token").read_text().strip()
        return self

    def start_gateway(self):
        address = self.dir / "address"
        address.unlink(missing_ok=True)
        self.start("gateway")
        harness.wait_for(address.exists, "the gateway listens")
        self.host, self.port = urllib.parse.urlsplit(address.read_text()).netloc.split(":")

    def stop(self, name, number=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(harness.PATIENCE_SECONDS)

    def end(self):
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)

    def ask(self, method, path, body=None, token=None, **headers):
        """Status, headers, body."""
        connection = http.client.HTTPConnection(self.host, int(self.port),
                                                timeout=harness.PATIENCE_SECONDS)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, *args, **headers):
        status, _, body = self.ask(*args, **headers)
        return status, json.loads(body)

    def raw(self):
        """A connected socket."""
        return socket.create_connection((self.host, int(self.port)), harness.PATIENCE_SECONDS)

    def competition(self, name="trees", per_day=5, file_bytes=1 << 20):
        text = COMPETITION.format(id=name, per_day=per_day, file_bytes=file_bytes)
        return self.json("POST", "/v1/competitions", creation(text), self.token, Content_Type="application/json")

    def team(self, name, competition="trees", members=()):
        status, team = self.json("POST", f"/v1/competitions/{competition}/teams",
                                 json.dumps({"name": name, "members": list(members)}), self.token)
        assert status == 201, team
        return team


def read_answer(connection):
    """Everything until the other side closes or has sent one whole answer."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
            if lengths and len(body) >= int(lengths[0].split(b":")[1]):
                return data
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


class GatewayTest(unittest.TestCase):
    settings = ""
    broker_settings = "disk_free_min_bytes: 0\n"
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="assay-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.parts = Parts(self.dir, self.settings, self.broker_settings)
        self.addCleanup(self.finish)
        self.parts.start_all()

    def finish(self):
        self.parts.end()
        if not self._outcome.success:
            print(f"--- log of {self.id()}\n{(self.dir / 'log').read_text()[-10000:]}---", flush=True)

    def check_problem(self, answer, status, code):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]["Content-Type"], "application/problem+json")
        problem = json.loads(answer[2])
        self.assertEqual((problem["status"], problem["code"]), (status, code))
        self.assertEqual(problem["detail"], problem["error"])
        self.assertEqual(problem["detail"], problem["message"])
        return problem

    def upload(self, token, body=b"id,predicted\n1,2\n", query="file_name=a.csv&message=hello",
               competition="trees", **headers):
        return self.parts.ask("PUT", f"/v1/competitions/{competition}/submissions?{query}", body,
                              token, **headers)
