# SPDX-License-Identifier: MIT
"""Runs the real processes in a temporary folder, for the tests beside this file.

    class SubmitTest(harness.SystemTest):
        def test_submit(self):
            with_labels = self.service.run("competition", "create", ...)

Each test gets its own service: its own folder, a port that the system picks, a process group. It is
stopped whatever happens, and its log is printed when the test fails, so that any number of runs can
go on at once. The programs are those in $ASSAY_BIN (ctest sets it; else build/release/bin).
Nothing here waits for a fixed time: `wait_for` polls until a condition holds or a minute is over.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
BIN = pathlib.Path(os.environ.get("ASSAY_BIN", ROOT / "build" / "release" / "bin")).resolve()
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PATIENCE_SECONDS = 60  # for what takes milliseconds on an idle machine


def wait_for(condition, what, seconds=PATIENCE_SECONDS):
    """Polls until condition() is true and returns its value; fails with `what` after a minute."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def die_with_parent():
    """In a child: a test that is killed takes its service along."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(program, *args, check=0, env=None, seconds=5 * PATIENCE_SECONDS, **options):
    """Runs a program of ours to its end; its exit code must be `check` (None: any)."""
    done = subprocess.run([BIN / program, *map(str, args)], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds,
                          env={**os.environ, **(env or {})}, check=False, **options)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{program} {' '.join(map(str, args))}: exit code {done.returncode}, "
                             f"expected {check}\n{done.stdout}{done.stderr}")
    return done


class Answer:
    """An HTTP answer: status, headers, body; json() of it."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Process:
    """A process that is found by its place in /proc, below the service's own."""

    def __init__(self, pid):
        self.pid = pid
        self.parent, self.start, self.state = self._stat()

    def _stat(self):
        text = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        fields = text[text.rindex(")") + 2 :].split()
        return int(fields[1]), int(fields[19]), fields[0]

    def name(self):
        """The program's name; empty when the process is gone."""
        try:
            words = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return ""
        return os.path.basename(words[0].decode()).split(":")[0]

    def is_alive(self):
        """Whether this very process runs, not another that got its number."""
        try:
            _, start, state = self._stat()
        except (OSError, ValueError):
            return False
        return start == self.start and state not in "ZX"

    def signal(self, number):
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):  # its parent may have ended it meanwhile
                os.kill(self.pid, number)


def descendants(pid):
    """Every process below `pid`, parents before children."""
    processes = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                processes.append(Process(int(entry)))
            except (OSError, ValueError):
                pass
    found, wanted = [], [pid]
    while wanted:
        children = [process for process in processes if process.parent == wanted[0]]
        found += children
        wanted = wanted[1:] + [child.pid for child in children]
    return found


class Service:
    """`assay up` in a folder of its own."""

    def __init__(self, folder, *options):
        self.dir = pathlib.Path(folder)
        self.state = self.dir / "state"
        self.options = options
        self.process = None
        self.url = None
        self.log_path = self.dir / "service.log"

    def start(self):
        """Starts the service, or starts it again on the state it left, and waits until it answers."""
        address = self.state / "run" / "address"
        address.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BIN / "assay", "up", "--state", self.state, "--listen", "127.0.0.1:0", *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent)
        self.url = wait_for(lambda: self._answers(address), "the service answers")
        return self

    def _answers(self, address):
        if self.process.poll() is not None:
            raise AssertionError(f"assay up ended with {self.process.returncode}\n{self.log()}")
        url = address.read_text().strip() if address.exists() else ""
        if url and run("assay", "health", "--ready", env={"ASSAY_URL": url}, check=None).returncode == 0:
            return url
        return None

    def stop(self, number=signal.SIGTERM):
        """Stops it as an operator would and returns the exit code of `assay up`."""
        if self.process is None:
            return None
        below = descendants(self.process.pid)
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"assay up did not stop\n{self.log()}") from None
        self.process = None
        wait_for(lambda: not any(process.is_alive() for process in below), "every process is gone")
        return code

    def kill(self):
        """Ends everything at once, as a power cut would end the processes."""
        if self.process is None:
            return
        for process in descendants(self.process.pid):
            process.signal(signal.SIGSTOP)  # nobody starts another meanwhile
        for process in descendants(self.process.pid):
            process.signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.process = None

    def daemons(self, name):
        """The running processes of that program that `assay up` started itself: "assay-worker"."""
        return [process for process in descendants(self.process.pid)
                if process.parent == self.process.pid and process.name() == name]

    def kill_daemon(self, name, number=signal.SIGKILL):
        """Kills one daemon and waits until another stands in its place."""
        victim = wait_for(lambda: self.daemons(name), f"{name} runs")[0]
        victim.signal(number)
        wait_for(lambda: not victim.is_alive(), f"{name} is dead")
        return wait_for(lambda: self.daemons(name), f"{name} runs again")[0]

    def admin_token(self):
        return (self.state / "organizer.token").read_text().strip()

    def run(self, *args, token=None, check=0, **options):
        """Runs an `assay` command against this service, as the organizer or with another token."""
        env = {"ASSAY_URL": self.url, "ASSAY_TOKEN": token or self.admin_token(),
               "ASSAY_LABELS": str(self.state / "worker" / "labels"),
               "ASSAY_CONFIG_DIR": str(self.dir / "config")}
        return run("assay", *args, check=check, env=env, cwd=self.dir, **options)

    def http(self, method, path, body=None, token=None, headers=None):
        """One HTTP request; an error status is an answer too."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


class SystemTest(unittest.TestCase):
    """A test with a folder, and a service in it when it first asks for one."""

    options = ()  # of `assay up`
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="assay-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self._service = None

    @property
    def service(self):
        if self._service is None:
            self._service = Service(self.dir, *self.options)
            self.addCleanup(self._end)
            self._service.start()
        return self._service

    def _end(self):
        if not self._outcome.success:
            print(f"--- log of the service of {self.id()}\n{self._service.log()[-20000:]}---", flush=True)
        self._service.kill()

    def write(self, name, text):
        """A file of the test's folder."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
