#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The numbers for operators: what promtool says to their form, and that they are true."""
import re
import subprocess
import unittest
import urllib.error
import urllib.request

import contest
import harness


def fetch(url):
    with urllib.request.urlopen(url, timeout=harness.PATIENCE_SECONDS) as answer:
        return answer.read().decode()


def read(text):
    """{"name{labels}": value}"""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


class MetricsTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.options = ("--config", self.write("service.yaml", 'metrics: "127.0.0.1:0"\n'))
        self.service  # starts it
        self.url = self.address()

    def address(self):
        return re.findall(r"address=(http://\S+/metrics)", self.service.log())[-1]

    def numbers(self):
        return read(fetch(self.url))

    def test_promtool_finds_nothing(self):
        contest.Contest(self).team("owl")
        self.service.http("GET", "/nothing")
        done = subprocess.run(["promtool", "check", "metrics"], input=fetch(self.url), text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_numbers_are_true(self):
        birds = contest.Contest(self)
        birds.team("owl")
        for wrong in range(3):
            birds.submit_id("owl", contest.submission(wrong), "--wait")
        # the loop adds up what it did a moment after the answers are out
        harness.wait_for(lambda: self.numbers()["assay_broker_commits_total"] > 0, "commits are counted")
        numbers = self.numbers()
        self.assertEqual(numbers["assay_broker_up"], 1)
        self.assertEqual(numbers["assay_broker_accepted_total"], 3)
        self.assertEqual(numbers['assay_broker_results_total{outcome="recorded"}'], 3)
        self.assertEqual(numbers["assay_broker_workers"], 1)
        self.assertGreater(numbers["assay_broker_memory_bytes"], 1 << 20)
        self.assertGreater(numbers["assay_broker_disk_free_bytes"], 0)
        self.assertGreater(numbers["assay_gateway_upload_bytes_total"], 0)
        teams = 'assay_gateway_requests_total{method="POST",route="/v1/competitions/{competition}/teams",code="2xx"}'
        self.assertEqual(numbers[teams], 1)
        self.assertEqual(numbers["assay_gateway_request_duration_seconds_count"],
                         sum(value for name, value in numbers.items()
                             if name.startswith("assay_gateway_requests_total")))

    def test_names_are_never_told(self):
        birds = contest.Contest(self)
        birds.team("owl")
        submission = birds.submit_id("owl", contest.submission(), "--wait")
        self.service.http("GET", "/c/birds")
        self.service.http("GET", "/made-up-by-a-client")
        text = fetch(self.url)
        for secret in ("birds", "owl", submission, "made-up"):
            self.assertNotIn(secret, text)

    def test_the_public_address_has_none(self):
        self.assertEqual(self.service.http("GET", "/metrics").status, 404)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            fetch(self.url.replace("/metrics", "/v1/competitions"))
        with refused.exception:
            self.assertEqual(refused.exception.code, 404)
        self.assertIn("ok", fetch(self.url.replace("/metrics", "/healthz")))

    def test_without_the_broker(self):
        harness.wait_for(lambda: self.numbers()["assay_broker_up"] == 1, "the broker answers")
        broker = self.service.daemons("assay-broker")[0]
        broker.signal(19)
        try:
            numbers = self.numbers()
            self.assertEqual(numbers["assay_broker_up"], 0)
            self.assertNotIn("assay_broker_accepted_total", numbers)
            self.assertGreater(numbers["process_resident_memory_bytes"], 0)
        finally:
            broker.signal(18)


if __name__ == "__main__":
    unittest.main()
