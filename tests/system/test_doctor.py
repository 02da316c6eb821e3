#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""assay doctor: silent about a service that is well, and every fault that an operator can make is
found and named, while the service runs and while it does not."""
import os
import unittest

import contest
import harness


class DoctorTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        contest.Contest(self).team("owl")
        self.state = self.service.state

    def doctor(self, check=0):
        return harness.run("assay", "doctor", "--state", self.state, check=check).stdout

    def wrong(self):
        """The lines that say so."""
        return [line for line in self.doctor(check=2).splitlines() if line.startswith("WRONG")]

    def test_a_service_that_is_well(self):
        running = self.doctor()
        self.assertNotIn("WRONG", running)
        for line in ("landlock and seccomp", "no damage", "master key", "Nothing is wrong."):
            self.assertIn(line, running)
        self.assertNotIn("does not run", running)
        before = sorted(os.listdir(self.state / "broker"))
        self.service.stop()
        self.assertIn("the broker does not run", self.doctor())
        stopped = sorted(os.listdir(self.state / "broker"))
        self.doctor()
        self.assertEqual(stopped, sorted(os.listdir(self.state / "broker")))
        self.assertIn("assay.db", before)
        self.service.start()
        contest_file = self.service.run("competition", "list")
        self.assertIn("birds", contest_file.stdout)

    def test_what_an_operator_gets_wrong(self):
        """Each fault alone: how it is made, what is said, how it is mended."""
        key, labels = self.state / "broker/keys/master", self.state / "worker/labels"
        signed, blobs = self.state / "broker/assay.db.signed", self.state / "blobs"
        allowed = self.state / "allowed_keys"
        allowed.touch(0o600)
        away = self.dir / "away"
        faults = [
            (lambda: key.chmod(0o644), "master key", "chmod 600", lambda: key.chmod(0o600)),
            (lambda: key.rename(away), "master key", "No such file", lambda: away.rename(key)),
            (lambda: labels.chmod(0o755), "labels", "chmod 700", lambda: labels.chmod(0o700)),
            (lambda: signed.rename(away), "signed checkpoints", "will not sign",
             lambda: away.rename(signed)),
            (lambda: blobs.chmod(0o777), "blobs", "chmod o-w", lambda: blobs.chmod(0o750)),
            (lambda: allowed.chmod(0o666), "allowed keys", "chmod go-w",
             lambda: allowed.chmod(0o600)),
            (lambda: (self.state / "run").chmod(0o755), "socket", "chmod o-rwx",
             lambda: (self.state / "run").chmod(0o700)),
            (lambda: os.utime(self.state / "broker/assay.db", (4e9, 4e9)), "clock", "went back",
             lambda: os.utime(self.state / "broker/assay.db")),
        ]
        for make, what, advice, mend in faults:
            with self.subTest(what=what, advice=advice):
                make()
                lines = self.wrong()
                mend()
                self.assertTrue(all(what in line and advice in line for line in lines), lines)
        self.doctor()

    def test_damaged_database(self):
        self.service.stop()
        database = self.state / "broker/assay.db"
        data = bytearray(database.read_bytes())
        data[4096:6000] = os.urandom(1904)
        database.write_bytes(data)
        self.assertIn("restore the newest backup", "".join(self.wrong()))

    def test_wrong_configuration(self):
        path = self.state / "run/broker.yaml"
        path.write_text(path.read_text() + "leese_ms: 5\n")
        done = harness.run("assay", "doctor", "--state", self.state, check=2)
        self.assertIn("leese_ms", done.stderr)
        harness.run("assay", "doctor", "--state", self.dir / "nothing", check=2)


if __name__ == "__main__":
    unittest.main()
