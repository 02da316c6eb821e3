#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that die at the wrong moment, and services that share a machine."""
import signal
import unittest

import contest
import harness

LEASE = "broker: {lease_ms: 1000}\n"


class RestartTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.options = ("--config", self.write("service.yaml", LEASE))
        self.contest = contest.Contest(self)
        self.contest.publish()
        self.contest.team("owl")

    def worker(self):
        return harness.wait_for(lambda: self.service.daemons("assay-worker"), "the worker runs")[0]

    @staticmethod
    def signal_all(worker, number):
        """To the worker and the processes it is made of."""
        for process in [worker] + harness.descendants(worker.pid):
            process.signal(number)

    def state_of(self, submission):
        return self.contest.status("owl", submission)["state"]

    def submit_to_stopped_worker(self):
        """A job that a worker has taken and cannot finish: (submission, worker)."""
        for attempt in range(20):
            worker = self.worker()
            self.signal_all(worker, signal.SIGSTOP)
            submission = self.contest.submit_id("owl", contest.submission(attempt % 10))
            try:
                harness.wait_for(lambda: self.state_of(submission) == "scoring", "the job is taken", 2)
                return submission, worker
            except AssertionError:  # its question was over before the job came
                self.signal_all(worker, signal.SIGCONT)
                self.contest.wait("owl", submission)
        raise AssertionError("a stopped worker never had a job")

    def test_worker_dies_in_a_job(self):
        submission, worker = self.submit_to_stopped_worker()
        below = harness.descendants(worker.pid)
        worker.signal(signal.SIGKILL)
        harness.wait_for(lambda: not any(process.is_alive() for process in [worker] + below), "the worker is dead")
        self.assertEqual(self.contest.wait("owl", submission)["state"], "scored")
        self.assertNotEqual(self.worker().pid, worker.pid)

    def test_part_of_a_worker_dies_in_a_job(self):
        for part in range(len(harness.descendants(self.worker().pid))):
            submission, worker = self.submit_to_stopped_worker()
            parts = harness.descendants(worker.pid)
            parts[min(part, len(parts) - 1)].signal(signal.SIGKILL)
            self.signal_all(worker, signal.SIGCONT)
            self.assertEqual(self.contest.wait("owl", submission)["state"], "scored", part)

    def test_worker_comes_back_too_late(self):
        submission, worker = self.submit_to_stopped_worker()
        harness.wait_for(lambda: self.state_of(submission) == "accepted", "the lease is lost")
        self.signal_all(worker, signal.SIGCONT)
        self.assertEqual(self.contest.wait("owl", submission)["state"], "scored")
        self.service.run("rescore", "-c", contest.ID)

    def test_failed_submission_is_put_back(self):
        """Labels that are not there are our failure: parked with its reason, nothing is charged."""
        labels = self.service.state / "worker" / "labels" / contest.ID / "1.sealed"
        away = labels.rename(self.dir / "away")
        submission = self.contest.submit_id("owl", contest.submission(2))
        failed = self.contest.wait("owl", submission, check=4)
        self.assertEqual((failed["state"], failed["public_score"]), ("failed", None))
        self.assertNotEqual(failed["reason"], "")
        away.rename(labels)
        self.service.run("retry", submission, token=self.contest.tokens["owl"], check=3)
        self.service.run("retry", submission, "--wait")
        scored = self.contest.wait("owl", submission)
        self.assertEqual((scored["public_score"], scored["received"]), ("0.2000", failed["received"]))
        self.service.run("retry", submission)  # not parked any more: nothing happens
        self.assertEqual(self.contest.status("owl", submission)["state"], "scored")

    def test_broker_dies_with_jobs_queued(self):
        self.signal_all(self.worker(), signal.SIGSTOP)
        submissions = [self.contest.submit_id("owl", contest.submission(wrong)) for wrong in range(8)]
        self.service.kill_daemon("assay-broker")
        self.signal_all(self.worker(), signal.SIGCONT)
        scores = [self.contest.wait("owl", submission)["public_score"] for submission in submissions]
        self.assertEqual(scores, [f"0.{wrong}000" for wrong in range(8)])
        self.assertEqual(self.contest.ranks(), [(1, "owl", "0.0000")])

    def test_gateway_dies(self):
        before = self.service.url
        self.service.kill_daemon("assay-gateway")
        submission = self.contest.submit_id("owl", contest.submission(3), "--wait")
        self.assertEqual(self.state_of(submission), "scored")
        self.assertEqual((self.service.state / "run" / "address").read_text().strip(), before)

    def test_service_stops_with_jobs_queued(self):
        self.signal_all(self.worker(), signal.SIGSTOP)
        submissions = [self.contest.submit_id("owl", contest.submission(wrong)) for wrong in range(4)]
        token, key = self.service.admin_token(), (self.service.state / "receipt.pub").read_text()
        self.assertEqual(self.service.stop(), 0)
        self.service.start()
        self.assertEqual((self.service.admin_token(), (self.service.state / "receipt.pub").read_text()), (token, key))
        for submission in submissions:
            self.assertEqual(self.contest.wait("owl", submission)["state"], "scored")

    def test_supervisor_killed(self):
        below = harness.descendants(self.service.process.pid)
        self.assertGreaterEqual(len(below), 3)
        self.service.process.kill()
        self.service.process.wait()
        harness.wait_for(lambda: not any(process.is_alive() for process in below), "no orphan is left")
        self.service.start()
        self.contest.submit("owl", contest.submission(), "--wait")

    def test_second_supervisor_is_refused(self):
        done = harness.run("assay", "up", "--state", self.service.state, "--listen", "127.0.0.1:0", check=2)
        self.assertIn(f"process {self.service.process.pid}", done.stderr)
        self.contest.submit("owl", contest.submission(), "--wait")

    def test_two_services(self):
        other = harness.Service(self.dir / "other", "--workers", "2")
        other.dir.mkdir()
        try:
            other.start()
            second = contest.Contest(self, other)
            second.publish()
            second.team("wren")
            for wrong in range(3):
                self.contest.submit("owl", contest.submission(wrong + 1), "--wait")
                second.submit("wren", contest.submission(wrong), "--wait")
            self.assertEqual(self.contest.ranks(), [(1, "owl", "0.1000")])
            self.assertEqual(second.ranks(), [(1, "wren", "0.0000")])
            self.assertEqual(len(other.daemons("assay-worker")), 2)
            self.assertEqual(other.stop(signal.SIGINT), 0)
        finally:
            other.kill()


if __name__ == "__main__":
    unittest.main()
