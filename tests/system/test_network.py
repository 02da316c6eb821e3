#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers and gateways that reach the broker over TCP: who gets in, who does not, and what a network
that is cut and heals does to a job. Everything on loopback, or on a pair of interfaces of the
test's own where the machine allows that."""
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

import contest
import harness
import proxy

CONFIG = 'workers: 0\nbroker: {lease_ms: 2000, network_workers: "tcp://%s:*"}\n'


class NetworkTest(harness.SystemTest):
    host = "127.0.0.1"

    def setUp(self):
        super().setUp()
        self.options = ("--config", self.write("service.yaml", CONFIG % self.host))
        self.processes = []
        self.addCleanup(self.end_processes)
        self.contest = contest.Contest(self)
        self.contest.team("owl")
        self.port = int(re.search(r"endpoint=tcp://[0-9.]+:(\d+)", self.service.log()).group(1))
        self.broker_key = (self.service.state / "broker/keys/curve.pub").read_text().strip()

    def end_processes(self):
        for process in self.processes:
            for below in harness.descendants(process.pid):
                below.signal(signal.SIGKILL)
            process.kill()
            process.wait()

    def worker(self, name, port=None, host=None, prefix=()):
        """Starts a worker that is configured as on another machine; (process, its public key)."""
        folder = self.dir / name
        folder.mkdir()
        path = self.write(f"{name}/worker.yaml", "".join(f"{key}: {value}\n" for key, value in {
            "broker": f"tcp://{host or '127.0.0.1'}:{port or self.port}", "broker_key": self.broker_key,
            "blobs": self.service.state / "blobs", "labels": self.service.state / "worker/labels",
            "keys": folder / "keys", "name": name}.items()))
        with open(self.service.log_path, "ab") as log:
            process = subprocess.Popen([*prefix, harness.BIN / "assay-worker", "--config", path],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=harness.die_with_parent)
        self.processes.append(process)
        public = folder / "keys/curve.pub"
        harness.wait_for(lambda: public.exists() and public.read_text().strip(), "the worker made its key")
        self.assertEqual((folder / "keys/curve.key").stat().st_mode & 0o777, 0o600)
        harness.wait_for((folder / "keys" / f"{name}.worker").exists, "the worker made its own key")
        self.service.run("competition", "workers", contest.ID, "--worker-keys", folder / "keys")
        return process, public.read_text().strip()

    def allow(self, *lines):
        path = self.service.state / "allowed_keys"
        beside = path.with_suffix(".new")
        beside.write_text("".join(f"{line}\n" for line in lines))
        beside.chmod(0o600)
        beside.rename(path)

    def part(self, process, comm):
        """A process of a worker by its name: assay-scorer, assay-link."""
        def find():
            for below in harness.descendants(process.pid):
                try:
                    if pathlib.Path(f"/proc/{below.pid}/comm").read_text().strip() == comm:
                        return below
                except OSError:
                    pass
            return None
        return harness.wait_for(find, f"{comm} runs")

    def rows(self, sql):
        database = sqlite3.connect(f"file:{self.service.state}/broker/assay.db?mode=ro", uri=True)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def check_scored_once(self, submission):
        self.assertEqual(self.contest.wait("owl", submission)["state"], "scored")
        self.assertEqual(self.rows("SELECT count(*) FROM result"), [(1,)])
        self.assertEqual(self.rows("SELECT count(*) FROM alarm"), [(0,)])
        self.assertEqual(self.rows("SELECT count(*) FROM job"), [(0,)])
        self.service.run("receipt", submission, "--dir", self.dir / "receipts", token=self.contest.tokens["owl"])
        self.service.run("rescore", "-c", contest.ID)


class KeysTest(NetworkTest):
    def test_refused_then_allowed_then_refused(self):
        process, key = self.worker("far")
        submission = self.contest.submit_id("owl", contest.submission(1))
        harness.wait_for(lambda: f"public_key={key}" in self.service.log().split("peer refused", 1)[-1]
                         and "peer refused" in self.service.log(), "the worker is refused")
        self.assertEqual(self.contest.status("owl", submission)["state"], "accepted")
        self.allow("# the machine in the other room", f"worker far {key}")
        self.check_scored_once(submission)
        self.allow(f"gateway far {key}")  # no worker any more: its next message counts for nothing
        harness.wait_for(lambda: "key is not allowed any more" in self.service.log(), "its messages are dropped")
        second = self.contest.submit_id("owl", contest.submission(2))
        self.allow(f"worker other {key}")  # a key is good for its own name only
        harness.wait_for(lambda: "names another worker" in self.service.log(), "the name is wrong")
        self.assertEqual(self.contest.status("owl", second)["state"], "accepted")
        self.allow(f"worker far {key}")
        self.assertEqual(self.contest.wait("owl", second)["state"], "scored")
        self.assertIsNone(process.poll())

    def test_worker_without_the_brokers_key(self):
        path = self.write("worker.yaml", f"broker: tcp://127.0.0.1:{self.port}\nblobs: {self.dir}\nlabels: {self.dir}\n"
                          f"keys: {self.dir}/keys\n")
        done = harness.run("assay-worker", "--config", path, check=1)
        self.assertIn("broker_key", done.stderr)

    def test_cut_and_healed(self):
        cable = proxy.Proxy(self.port)
        self.addCleanup(cable.close)
        process, key = self.worker("far", port=cable.port)
        self.allow(f"worker far {key}")
        scorer = self.part(process, "assay-scorer")
        scorer.signal(signal.SIGSTOP)
        submission = self.contest.submit_id("owl", contest.submission(3))
        harness.wait_for(lambda: self.contest.status("owl", submission)["state"] == "scoring", "the job is taken")
        cable.is_cut = True
        scorer.signal(signal.SIGCONT)
        harness.wait_for(lambda: self.contest.status("owl", submission)["state"] == "accepted", "the lease is lost")
        cable.is_cut = False
        self.check_scored_once(submission)


class NamespaceTest(NetworkTest):
    """The worker in a network of its own, behind a pair of interfaces."""

    host = "0.0.0.0"

    def setUp(self):
        for tool in ("ip", "unshare", "nsenter"):
            if shutil.which(tool) is None:
                self.skipTest(f"no {tool}")
        self.ends = (f"asy{os.getpid()}a", f"asy{os.getpid()}b")
        self.net = f"10.213.{os.getpid() % 250}"
        super().setUp()
        holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  preexec_fn=harness.die_with_parent)
        self.processes.append(holder)
        self.addCleanup(holder.stdin.close)
        self.inside = ("nsenter", "--net", f"--target={holder.pid}")
        own = os.readlink("/proc/self/ns/net")
        try:
            harness.wait_for(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own, "a network of its own", 5)
            for words in (f"ip link add {self.ends[0]} type veth peer name {self.ends[1]} netns {holder.pid}",
                          f"ip addr add {self.net}.1/30 dev {self.ends[0]}", f"ip link set {self.ends[0]} up"):
                subprocess.run(words.split(), check=True, capture_output=True)
            for words in (f"ip addr add {self.net}.2/30 dev {self.ends[1]}", f"ip link set {self.ends[1]} up"):
                subprocess.run([*self.inside, *words.split()], check=True, capture_output=True)
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            self.skipTest(f"this machine allows no network of its own: {error}")

    def link(self, state):
        subprocess.run([*self.inside, "ip", "link", "set", self.ends[1], state], check=True)

    def test_cut_and_healed(self):
        process, key = self.worker("far", host=f"{self.net}.1", prefix=self.inside)
        self.allow(f"worker far {key}")
        scorer = self.part(process, "assay-scorer")
        scorer.signal(signal.SIGSTOP)
        submission = self.contest.submit_id("owl", contest.submission(3))
        harness.wait_for(lambda: self.contest.status("owl", submission)["state"] == "scoring", "the job is taken")
        self.link("down")
        scorer.signal(signal.SIGCONT)
        harness.wait_for(lambda: self.contest.status("owl", submission)["state"] == "accepted", "the lease is lost")
        self.link("up")
        self.check_scored_once(submission)


class GatewayTest(harness.SystemTest):
    """A gateway over TCP, with a broker started by hand."""

    def start(self, daemon, config):
        path = self.write(f"{daemon}.yaml", "".join(f"{key}: {value}\n" for key, value in config.items()))
        log = open(self.dir / f"{daemon}.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([harness.BIN / daemon, "--config", path], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, cwd=self.dir, preexec_fn=harness.die_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def broker_config(self, **more):
        return {"gateways": '"tcp://127.0.0.1:*"', "workers": "ipc://workers.sock", "events": '"tcp://127.0.0.1:*"',
                "database": "assay.db", "keys": "keys", "receipt_public_key": "receipt.pub",
                "organizer_token": "organizer.token", **more}

    def test_gateway(self):
        self.write("allowed", "").chmod(0o600)
        self.start("assay-broker", self.broker_config(allowed_keys="allowed"))
        log = self.dir / "assay-broker.log"
        harness.wait_for(lambda: "broker: ready" in log.read_text(), "the broker is ready")
        ports = re.findall(r"endpoint=tcp://127.0.0.1:(\d+)", log.read_text())
        self.assertEqual(len(ports), 2)
        self.start("assay-gateway", {
            "listen": "127.0.0.1:0", "address_file": "address", "broker": f"tcp://127.0.0.1:{ports[1]}",
            "events": f"tcp://127.0.0.1:{ports[0]}", "keys": "gateway-keys", "blobs": "blobs",
            "broker_key": (self.dir / "keys/curve.pub").read_text().strip()})
        address = self.dir / "address"
        harness.wait_for(lambda: address.exists() and address.read_text(), "the gateway listens")
        env = {"ASSAY_URL": address.read_text()}
        harness.run("assay", "health", env=env)
        harness.run("assay", "health", "--ready", env=env, check=4)
        key = (self.dir / "gateway-keys/curve.pub").read_text().strip()
        self.write("allowed", f"gateway edge {key}\n")
        harness.wait_for(lambda: harness.run("assay", "health", "--ready", env=env, check=None).returncode == 0,
                         "the gateway is let in")

    def start_local(self, broker, gateway):
        """Both by ipc, with more configuration each; the URL."""
        self.start("assay-broker", self.broker_config(gateways="ipc://gateways.sock", events="ipc://events.sock",
                                                      **broker))
        self.start("assay-gateway", {"listen": "127.0.0.1:0", "address_file": "address", "blobs": "blobs",
                                     "broker": "ipc://gateways.sock", "events": "ipc://events.sock", **gateway})
        address = self.dir / "address"
        harness.wait_for(lambda: address.exists() and address.read_text(), "the gateway listens")
        return address.read_text()

    def check_not_ready(self, url, text):
        """It is alive all the same."""
        def says():
            done = harness.run("assay", "health", "--ready", env={"ASSAY_URL": url}, check=None)
            return done.returncode != 0 and text in done.stderr
        harness.wait_for(says, text)
        harness.run("assay", "health", env={"ASSAY_URL": url})

    def test_not_ready_where_the_broker_refuses(self):
        self.check_not_ready(self.start_local({"disk_free_min_bytes": 1 << 50}, {}), "takes no new submissions")

    def test_not_ready_where_the_disk_is_full(self):
        url = self.start_local({}, {"limits": "{free_bytes: 1099511627776}"})
        free = shutil.disk_usage(self.dir).free
        if free > 1 << 40:
            self.skipTest("this disk is never full")
        self.check_not_ready(url, "no room")

    def test_tcp_needs_allowed_keys(self):
        process = self.start("assay-broker", self.broker_config())
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 2)
        self.assertIn("allowed_keys", (self.dir / "assay-broker.log").read_text())


if __name__ == "__main__":
    unittest.main()
