#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `cmake --install` puts where, and that systemd understands the units."""
import os
import shutil
import subprocess
import unittest

import harness

PROGRAMS = ["assay", "assay-broker", "assay-gateway", "assay-worker"]
UNITS = ["assay-broker.service", "assay-gateway.service", "assay-worker@.service",
         "assay-backup.service", "assay-backup.timer", "assay-rescore@.service", "assay-rescore@.timer"]


class InstallTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        subprocess.run(["cmake", "--install", harness.BIN.parent, "--prefix", self.dir / "usr"],
                       check=True, stdout=subprocess.DEVNULL)
        self.units = self.dir / "usr/lib/systemd/system"

    def test_files(self):
        for program in PROGRAMS:
            self.assertTrue(os.access(self.dir / "usr/bin" / program, os.X_OK), program)
        self.assertEqual(sorted(os.listdir(self.units)), sorted(UNITS))
        for path in ("lib/sysusers.d/assay.conf", "lib/tmpfiles.d/assay.conf", "share/doc/assay/LICENSE",
                     "share/doc/assay/examples/worker.yaml"):
            self.assertTrue((self.dir / "usr" / path).is_file(), path)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_units(self):
        paths = []
        for unit in UNITS:
            text = (self.units / unit).read_text()
            path = self.write(f"units/{unit.replace('@.', '@one.')}",
                              text.replace("ExecStart=", f"ExecStart={self.dir}/usr/bin/"))
            paths.append(path)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, [line for line in done.stderr.split("\n") if "assay" in line]), (0, []))


if __name__ == "__main__":
    unittest.main()
