# SPDX-License-Identifier: MIT
"""The nightly comparison: from kept columns, from damaged ones, and from none."""
import unittest

import harness


class RescoreTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.service.run("competition", "create", harness.ROOT / "configs/tutorial/competition.yaml",
                         "--labels", harness.ROOT / "configs/tutorial/solution.csv")
        token = self.service.dir / "team.token"
        self.service.run("team", "create", "-c", "tutorial", "Kestrel", "--token-file", token)
        self.service.run("submit", "-c", "tutorial", "-f",
                         harness.ROOT / "configs/tutorial/guesses.csv", "-m", "x", "--wait",
                         token=token.read_text().strip())
        folder = self.service.state / "worker" / "columns"
        self.columns = lambda: sorted(path for path in folder.rglob("*") if path.is_file())

    def rescore(self):
        done = self.service.run("rescore", "-c", "tutorial")
        self.assertIn("1 equal, 0 different, 0 failed", done.stdout + done.stderr)

    def test_from_kept_columns_and_without_the_file(self):
        (kept,) = harness.wait_for(self.columns, "the columns are kept")
        before = kept.stat().st_mtime_ns
        for blob in (self.service.state / "blobs").glob("??/*"):
            blob.rename(blob.with_name("away"))
        self.rescore()
        self.assertEqual(kept.stat().st_mtime_ns, before)

    def test_damaged_columns_are_made_again(self):
        (kept,) = harness.wait_for(self.columns, "the columns are kept")
        right = kept.read_bytes()
        kept.chmod(0o600)
        kept.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        self.rescore()
        harness.wait_for(lambda: [path for path in self.columns() if path.read_bytes() == right],
                         "the columns are right again")

    def test_deleted_columns_are_made_again(self):
        (kept,) = harness.wait_for(self.columns, "the columns are kept")
        kept.unlink()
        self.rescore()
        harness.wait_for(self.columns, "the columns are there again")


if __name__ == "__main__":
    unittest.main()
