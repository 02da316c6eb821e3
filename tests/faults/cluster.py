# SPDX-License-Identifier: MIT
"""The real daemons in a temporary folder, each started, killed, paused and started again by itself.

Unlike `assay up` nothing here waits before it starts a dead process again: faults come faster than
any supervisor should answer them. Everything below is stopped by its process id when the run ends,
however it ends.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import contest  # noqa: E402  (the folder above)
import harness  # noqa: E402

LEASE_MS = 1000
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
COMPETITION = """competition: {name}
task: classification
metric: top1_error
submission: {{format: topk, k: 5}}
title: Faults
limits: {{per_day: 1000000, final_selections: 2}}
board: {{decimals: 4}}
"""
BROKER = """gateways: ipc://run/gateways.sock
workers: ipc://run/workers.sock
events: ipc://run/events.sock
database: broker/assay.db
keys: broker/keys
receipt_public_key: receipt.pub
organizer_token: organizer.token
lease_ms: {lease_ms}
log: info
"""
GATEWAY = """listen: "127.0.0.1:{port}"
address_file: run/address
broker: ipc://run/gateways.sock
events: ipc://run/events.sock
blobs: blobs
"""
WORKER = """broker: ipc://run/workers.sock
blobs: blobs
labels: worker/labels
columns: worker/columns
keys: worker/keys
name: {name}
job_seconds: {job_seconds}
job_memory_bytes: {job_memory_bytes}
claim_wait_ms: 500
sandbox: best_effort
log: debug
"""


def is_sanitized():
    """Whether these programs keep what they freed and need all addresses."""
    return b"__asan_init" in (harness.BIN / "assay-worker").read_bytes()


class Daemon:
    """One process of the service, with the log of all its lives."""

    def __init__(self, cluster, name, program):
        self.cluster, self.name, self.program = cluster, name, program
        self.config = f"run/{name}.yaml"
        self.log_path = cluster.dir / f"{name}.log"
        self.wrapper, self.env = [], {}
        self.process = None
        self.n_starts = 0

    def start(self, **env):
        self.n_starts += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, harness.BIN / self.program, "--config", self.config],
                cwd=self.cluster.state, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env, **env}, start_new_session=True,
                preexec_fn=harness.die_with_parent)
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def parts(self):
        """The processes that this one is made of, itself first."""
        return [harness.Process(self.process.pid)] + harness.descendants(self.process.pid)

    def part(self, name):
        """A worker's process of that name, "assay-link"; None while it is not there."""
        try:
            for part in self.parts()[1:]:
                if pathlib.Path(f"/proc/{part.pid}/comm").read_text().strip() == name:
                    return part
        except (OSError, ValueError):
            pass
        return None

    def signal(self, number):
        """To all of its processes, as the end of a machine or of its time would come to all."""
        if self.process is None:
            return
        try:
            for part in self.parts():
                part.signal(number)
        except (OSError, ValueError):  # it has ended
            pass

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=harness.PATIENCE_SECONDS):
        """As an operator would; the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def log_size(self):
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def size(self):
        """(bytes in memory, open descriptors) of all its processes; (0, 0) where it has ended."""
        n_bytes = n_open = 0
        try:
            for part in self.parts():
                n_bytes += int(pathlib.Path(f"/proc/{part.pid}/statm").read_text().split()[1]) * PAGE_BYTES
                n_open += len(os.listdir(f"/proc/{part.pid}/fd"))
        except (OSError, ValueError):
            pass
        return n_bytes, n_open

    def has_logged(self, text, n_before):
        """Whether `text` was logged since the log had n_before bytes."""
        with open(self.log_path, "rb") as log:
            log.seek(n_before)
            return text.encode() in log.read()

    def log(self, size=4000):
        return self.log_path.read_text(errors="replace")[-size:] if self.log_path.exists() else ""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Cluster:
    """A broker, a gateway and workers on one state folder; a context manager."""

    def __init__(self, n_workers=2, lease_ms=LEASE_MS, folder=None, job_seconds=120,
                 job_memory_bytes=4 << 30, broker="", gateway=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="assay-faults-", dir=folder))
        self.state = self.dir / "s"
        self.url_port = 0
        self.texts = {"broker": BROKER.format(lease_ms=lease_ms) + broker, "gateway": GATEWAY + gateway}
        self.broker = Daemon(self, "broker", "assay-broker")
        self.gateway = Daemon(self, "gateway", "assay-gateway")
        self.workers = []
        for number in range(1, n_workers + 1):
            name = f"worker-{number}"
            self.workers.append(Daemon(self, name, "assay-worker"))
            self.texts[name] = WORKER.format(name=name, job_seconds=job_seconds,
                                             job_memory_bytes=job_memory_bytes)

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a run that is stopped cleans up too
        return self

    def __exit__(self, kind, *_):
        for daemon in self.daemons():
            daemon.signal(signal.SIGCONT)
            daemon.kill()
        if kind is None or not os.environ.get("ASSAY_FAULTS_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"kept: {self.dir}", flush=True)

    def daemons(self):
        return [self.broker, self.gateway, *self.workers]

    # ---- starting and stopping ----

    def configure(self):
        for name in ("run", "broker", "blobs", "worker"):
            (self.state / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in self.texts.items():
            (self.state / "run" / f"{name}.yaml").write_text(text.replace("{port}", str(self.url_port)))

    def start(self):
        self.configure()
        for daemon in self.daemons():
            if not daemon.is_running():
                daemon.start()
        address = self.state / "run" / "address"
        text = harness.wait_for(lambda: address.exists() and address.read_text().strip(),
                                "the gateway has an address")
        self.url_port = int(text.rsplit(":", 1)[1])
        self.configure()  # a gateway that is started again has the same port
        self.wait_ready()
        return self

    def wait_ready(self, seconds=harness.PATIENCE_SECONDS):
        def is_ready():
            try:
                return self.http("GET", "/readyz", timeout=2).status == 200
            except OSError:
                return False

        harness.wait_for(is_ready, "the service is ready", seconds)

    def heal(self):
        """Everything runs again and nothing is paused."""
        for daemon in self.daemons():
            daemon.signal(signal.SIGCONT)
            if not daemon.is_running():
                daemon.start()
        self.wait_ready()

    def sizes(self):
        return {daemon.name: daemon.size() for daemon in self.daemons()}

    def stop(self):
        """Stops all in order; the daemons that did not end as they should."""
        return [f"{daemon.name} ended with {code}" for daemon in reversed(self.daemons())
                if (code := daemon.stop()) != 0]

    # ---- asking ----

    def organizer(self):
        return (self.state / "organizer.token").read_text().strip()

    def connect(self, timeout):
        return socket.create_connection(("127.0.0.1", self.url_port), timeout)

    def http(self, method, path, body=None, token=None, headers=None, timeout=30, connect=None):
        """One request, on a connection of its own; OSError where no whole answer came."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("assay", timeout=timeout)
        connection.sock = (connect or self.connect)(timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            if answer.length is None and not answer.chunked:
                raise OSError("an answer that ends in its head")
            return Answer(answer.status, answer.headers, answer.read())
        except http.client.HTTPException as error:
            raise OSError(f"broken answer: {error!r}") from error
        finally:
            connection.close()

    def run(self, *args, check=0, **options):
        env = {"ASSAY_URL": f"http://127.0.0.1:{self.url_port}", "ASSAY_TOKEN": self.organizer(),
               "ASSAY_LABELS": str(self.state / "worker" / "labels"),
               "ASSAY_CONFIG_DIR": str(self.dir / "config")}
        return harness.run("assay", *args, check=check, env=env, cwd=self.dir, **options)

    def competition(self, name, is_published=True, yaml=COMPETITION):
        (self.dir / f"{name}.yaml").write_text(yaml.format(name=name))
        (self.dir / "solution.csv").write_text(contest.solution())
        for worker in self.workers:  # each makes its key when it first starts
            harness.wait_for((self.state / "worker" / "keys" / f"{worker.name}.worker").exists, worker.name)
        self.run("competition", "create", f"{name}.yaml", "--labels", "solution.csv")
        if is_published:
            self.run("leaderboard", "publish", "-c", name)

    def team(self, competition, name):
        """A new team's token."""
        answer = self.http("POST", f"/v1/competitions/{competition}/teams",
                           json.dumps({"name": name, "members": []}), self.organizer(),
                           {"Content-Type": "application/json"})
        if answer.status != 201:
            raise AssertionError(f"team {name}: {answer.status} {answer.body}")
        return answer.json()["token"]

    # ---- looking ----

    def database(self):
        """A read-only view; it neither writes nor checkpoints."""
        view = sqlite3.connect(f"file:{self.state / 'broker' / 'assay.db'}?mode=ro", uri=True, timeout=30)
        view.execute("PRAGMA query_only = 1")
        return view

    def count(self, sql):
        view = self.database()
        try:
            return view.execute(sql).fetchone()[0]
        finally:
            view.close()

    def drain(self, seconds=120):
        """Waits until no work is left that goes on by itself; False where it sticks."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.count("SELECT count(*) FROM job WHERE state <> 3") == 0:
                return True
            time.sleep(0.1)
        return False
