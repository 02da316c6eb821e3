#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Backups of a working service, put back: the newest one goes on, an older one is refused."""
import sqlite3
import threading
import unittest

import contest
import harness


class BackupTest(harness.SystemTest):
    def setUp(self):
        super().setUp()
        self.contest = contest.Contest(self)
        self.contest.publish()
        self.contest.team("owl")

    def backup(self, name):
        """Made as an operator would, from the state folder alone."""
        out = self.dir / name
        done = harness.run("assay", "backup", "--state", self.service.state, "--out", out)
        self.assertIn(str(out), done.stdout)
        return out

    def broker(self, *options, check=0):
        return harness.run("assay-broker", "--config", "run/broker.yaml", *options, check=check,
                           cwd=self.service.state)

    def submit(self, wrong):
        return self.contest.submit_id("owl", contest.submission(wrong), "--wait")

    def test_newest_backup_goes_on(self):
        kept = self.submit(2)
        backup = self.backup("newest.db")
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        with sqlite3.connect(f"file:{backup}?immutable=1", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA journal_mode").fetchall(), [("delete",)])
            self.assertEqual(database.execute("SELECT count(*) FROM submission").fetchall(), [(1,)])
        self.service.stop()
        for path in (self.service.state / "broker").glob("assay.db*"):
            if path.name in ("assay.db", "assay.db-wal", "assay.db-shm"):
                path.unlink()  # the disk's database is lost, what was signed is not
        self.broker("--restore", backup)
        self.service.start()
        self.assertEqual(self.contest.status("owl", kept)["state"], "scored")
        self.submit(1)
        self.assertEqual(self.contest.ranks(), [(1, "owl", "0.1000")])

    def test_older_backup_is_refused(self):
        """What was signed since is not in it: two histories, unless the operator says so."""
        self.submit(3)
        backup = self.backup("older.db")
        lost = self.submit(1)
        self.broker("--restore", backup, check=2)  # not while the broker runs
        self.service.stop()
        self.broker("--restore", backup)
        self.assertTrue((self.service.state / "broker" / "assay.db.replaced1").exists())
        refused = self.broker(check=2)
        self.assertIn("--void-lost", refused.stderr)
        self.assertIn("put the newest database back", refused.stderr)
        self.broker("--void-lost")
        self.service.start()
        self.contest.service.run("status", lost, token=self.contest.tokens["owl"], check=2)
        self.assertEqual(self.contest.ranks(), [(1, "owl", "0.3000")])
        self.submit(2)
        self.assertEqual(self.contest.ranks(), [(1, "owl", "0.2000")])

    def test_replaced_database_can_be_had_back(self):
        self.submit(3)
        backup = self.backup("older.db")
        kept = self.submit(1)
        self.service.stop()
        self.broker("--restore", backup)
        self.broker("--restore", self.service.state / "broker" / "assay.db.replaced1")
        self.service.start()
        self.assertEqual(self.contest.status("owl", kept)["public_score"], "0.1000")

    def test_backup_while_working(self):
        """Each is one moment of the whole: what is in it fits together, and nothing waits for it."""
        is_over = threading.Event()
        accepted = []

        def work():
            while not is_over.is_set():
                accepted.append(self.contest.submit_id("owl", contest.submission(len(accepted) % 10)))

        worker = threading.Thread(target=work)
        worker.start()
        try:
            backups = [self.backup(f"{i}.db") for i in range(3)]
        finally:
            is_over.set()
            worker.join()
        counts = []
        for backup in backups:
            with sqlite3.connect(f"file:{backup}?immutable=1", uri=True) as database:
                query = lambda sql: database.execute(sql).fetchall()
                self.assertEqual(query("PRAGMA integrity_check"), [("ok",)])
                self.assertEqual(query("PRAGMA foreign_key_check"), [])
                counts += query("SELECT count(*) FROM submission WHERE state NOT IN (5, 6)")[0]
                self.assertEqual(query("SELECT n_submissions FROM competition"), [(counts[-1],)])
                self.assertEqual(query("SELECT count(*) FROM entry WHERE kind = 1"), [(counts[-1],)])
        self.assertEqual(counts, sorted(counts))
        self.assertLessEqual(counts[-1], len(accepted))

    def test_damaged_backup_is_refused(self):
        backup = self.backup("damaged.db")
        data = bytearray(backup.read_bytes())
        data[8192:12288] = bytes(4096)
        backup.write_bytes(data)
        self.service.stop()
        self.assertIn("integrity_check", self.broker("--restore", backup, check=1).stderr)
        self.service.start()
        self.submit(0)

    def test_only_organizers(self):
        done = self.service.run("backup", token=self.contest.tokens["owl"], check=3)
        self.assertIn("organizer", done.stderr)

    def test_old_ones_are_removed(self):
        folder = self.service.state / "broker" / "backups"
        folder.mkdir()
        for day in range(1, 10):
            (folder / f"assay-2020010{day}T000000Z.db").touch()
        (folder / "notes.txt").touch()
        name = self.service.run("backup").stdout.split()[0]
        harness.wait_for(lambda: len(list(folder.glob("*.db"))) == 7, "two old ones are gone")
        names = sorted(path.name for path in folder.iterdir())
        self.assertEqual(names[0], "assay-20200104T000000Z.db")
        self.assertEqual(names[-2:], [name, "notes.txt"])


if __name__ == "__main__":
    unittest.main()
