#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What every daemon's command line does, and that the configurations beside the units are right."""
import unittest

import harness

DAEMONS = ["assay-broker", "assay-gateway", "assay-worker"]


class DaemonsTest(harness.SystemTest):
    def test_check_prints_the_shipped_configuration(self):
        for daemon in DAEMONS:
            path = harness.ROOT / "configs/systemd" / f"{daemon.removeprefix('assay-')}.yaml"
            printed = harness.run(daemon, "--config", path, "--check").stdout
            keys = [line.split(":")[0] for line in path.read_text().split("\n") if line[:1].isalpha()]
            for key in keys:
                self.assertRegex(printed, rf"(?m)^{key}: ", daemon)
            again = self.write(f"{daemon}.yaml", printed)
            self.assertEqual(harness.run(daemon, "--config", again, "--check").stdout, printed)

    def test_wrong_key(self):
        for daemon in DAEMONS:
            path = self.write("wrong.yaml", "blobz: here\n")
            done = harness.run(daemon, "--config", path, "--check", check=2)
            self.assertEqual(done.stdout, "")
            self.assertIn("wrong.yaml:1:1: ", done.stderr)

    def test_arguments(self):
        for daemon in DAEMONS:
            self.assertRegex(harness.run(daemon, "--version").stdout, rf"^{daemon} \d+\.\d+\.\d+\n$")
            self.assertIn(f"usage: {daemon} --config FILE", harness.run(daemon, "--help").stdout)
            for arguments in ((), ("--config",), ("--config", self.dir / "none.yaml"), ("--nonsense",)):
                done = harness.run(daemon, *arguments, check=2)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
