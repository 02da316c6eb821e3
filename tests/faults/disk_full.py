#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disks that are full for a while, under the real processes: small file systems of our own, one for
the whole state folder or one each for the database and the files, are filled at random moments and
get their room back.

While a disk is full new work is refused with 503 and Retry-After, with margins set before a byte of
the body is read; what was accepted is finished in the reserve. With room again everything goes on
by itself; checks.py compares in the end. Usage: disk_full.py [--seed N] [--count WINDOWS] [--quick];
prints its seed and counts, exits 1 on any loss, and 77 where no file system may be mounted.
"""
import argparse
import collections
import ctypes
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time

import checks
import clients as clients_module
import cluster as clusters

ROUND_WINDOWS = 40
QUICK_WINDOWS = 16
SKIPPED = 77
COMPETITION = "full"
N_CLIENTS = 3
DISK_MIB, RESERVE_MIB, MARGIN_MIB = 96, 4, 6
CLONE_NEWNS = 0x20000
MARGINS = {
    True: (f"disk_free_min_bytes: {MARGIN_MIB << 20}\n", f"limits: {{free_bytes: {MARGIN_MIB << 20}}}\n"),
    False: ("disk_free_min_bytes: 0\n", "limits: {free_bytes: 0}\n"),
}


def can_mount():
    """Whether file systems can be mounted; they are seen by this process only and go away with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    return (libc.unshare(CLONE_NEWNS) == 0
            and subprocess.run(["mount", "--make-rprivate", "/"], check=False, capture_output=True).returncode == 0)


class Disk:
    """A small file system, and the file that fills it."""

    def __init__(self, folder):
        self.folder, self.filler = folder, folder / "filler"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs", folder], check=True)

    def fill(self, rest_bytes):
        """Takes all room but so much, against whoever takes it at the same time."""
        with open(self.filler, "ab") as file:
            for _ in range(20):
                info = os.statvfs(self.folder)
                n_more = info.f_bavail * info.f_frsize - rest_bytes
                if n_more <= 0:
                    return
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), n_more)
                except OSError:
                    pass

    def room_bytes(self):
        info = os.statvfs(self.folder)
        return info.f_bavail * info.f_frsize

    def free(self):
        self.filler.unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


class Cluster(clusters.Cluster):
    """Its state lies on file systems of a few megabytes."""

    def __init__(self, has_two, has_margins):
        broker, gateway = MARGINS[has_margins]
        super().__init__(n_workers=1, broker=f"reserve_bytes: {RESERVE_MIB << 20}\n" + broker, gateway=gateway)
        self.disks = [Disk(self.state / name) for name in (("broker", "blobs") if has_two else ("",))]

    def __exit__(self, kind, *rest):
        for daemon in self.daemons():
            daemon.kill()
        if kind is not None and os.environ.get("ASSAY_FAULTS_KEEP"):
            shutil.copytree(self.state, self.dir / "kept", ignore=shutil.ignore_patterns("filler", "*.sock"))
        for disk in self.disks:
            disk.unmount()
        super().__exit__(kind, *rest)


class Round:
    """Windows without room on one service."""

    def __init__(self, cluster, seed, has_margins):
        self.cluster, self.has_margins = cluster, has_margins
        self.random = random.Random(f"{seed} windows")
        self.counts, self.problems = collections.Counter(), []

    def window(self, clients):
        disks = self.random.sample(self.cluster.disks, self.random.randint(1, len(self.cluster.disks)))
        rest = self.random.choice((0, 0, 4096, 65536, 1 << 20, 5 << 20))
        for disk in disks:
            disk.fill(rest)
        self.counts["windows"] += 1
        way = self.random.random()
        if way < 0.15:
            self.restart()
        elif way < 0.5:
            self.finish_accepted(disks)
        else:
            time.sleep(self.random.random() * 2)
        # a broker that starts without room gives its reserve up, which may be more than the margin
        if self.has_margins and any(disk.room_bytes() < (MARGIN_MIB << 20) for disk in disks):
            self.refuse_unread(clients[0])
        for disk in disks:
            disk.free()
        self.revive()

    def restart(self):
        """A broker that cannot start without room has to when there is room."""
        broker = self.cluster.broker
        broker.kill()
        broker.start()
        self.counts["restarts"] += 1
        time.sleep(1)
        if not broker.is_running():
            self.counts["starts that had to wait for room"] += 1

    def finish_accepted(self, disks):
        """What was accepted is finished although there is no room, while clients go on asking."""
        view = self.cluster.database()
        numbers = [number for (number,) in view.execute("SELECT number FROM submission WHERE state IN (0, 1)")]
        view.close()
        end = time.monotonic() + 60
        marks = ",".join(map(str, numbers)) or "0"
        while self.cluster.count(f"SELECT count(*) FROM submission WHERE number IN ({marks}) AND state IN (0, 1)"):
            if time.monotonic() > end:
                self.problems.append(f"stuck: accepted work is not finished on a full disk, {len(disks)} full")
                break
            time.sleep(0.05)
        self.counts["finished without room"] += len(numbers)

    def refuse_unread(self, client):
        """With the margin gone the refusal comes before any byte of the body."""
        head = (f"PUT /v1/competitions/{COMPETITION}/submissions HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
                f"Authorization: Bearer {client.token}\r\n\r\n").encode()
        end, answer = time.monotonic() + 60, b""
        while time.monotonic() < end:  # the room is measured once a second
            try:
                with socket.create_connection(("127.0.0.1", self.cluster.url_port), timeout=8) as link:
                    link.sendall(head)
                    answer = link.recv(65536)
            except OSError:  # taken: it waits for the body
                answer = b""
            if answer.startswith(b"HTTP/1.1 503") and b"\nRetry-After:" in answer:
                self.counts["refused unread"] += 1
                return
        if self.cluster.broker.is_running():
            self.problems.append(f"not refused before the body: {answer[:200]}")

    def revive(self):
        """Only a broker that was started without room may have ended."""
        for daemon in self.cluster.daemons():
            if not daemon.is_running():
                if daemon is not self.cluster.broker or self.counts["starts that had to wait for room"] == 0:
                    self.problems.append(f"{daemon.name} ended by itself with {daemon.process.returncode}: "
                                         f"{daemon.log(600)}")
                daemon.start()
        try:
            self.cluster.wait_ready()
        except AssertionError as error:
            self.problems.append(f"room again, but: {error}: {self.cluster.broker.log(600)}")

    def settle(self, clients):
        for disk in self.cluster.disks:
            disk.free()
        self.cluster.heal()
        self.problems += clients_module.end_all(clients)
        if not self.cluster.drain():
            self.problems.append("stuck: the queue does not drain")
        for client in clients:
            client.repeat_all()
        self.problems += checks.check_board(self.cluster, clients, COMPETITION)
        self.problems += self.cluster.stop()


def run_round(seed, n_windows, has_two, has_margins):
    """(counts, problems)"""
    with Cluster(has_two, has_margins) as cluster:
        cluster.start()
        cluster.competition(COMPETITION)
        clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed)
        trial = Round(cluster, seed, has_margins)
        for _ in range(n_windows):
            time.sleep(trial.random.random() * 0.5)
            trial.window(clients)
            if trial.problems or any(client.problems for client in clients):
                break
        trial.settle(clients)
        checker = checks.Checker(cluster, clients).check()
        counts = trial.counts + checker.counts
        counts["answers 503"] = sum(client.statuses.get(503, 0) for client in clients)
        counts["reserves given up"] = cluster.broker.log(1 << 30).count('reserve="given up"')
        return counts, trial.problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="windows")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    wanted = options.count or (QUICK_WINDOWS if options.quick else 500)
    print(f"disk full: seed {options.seed}, {wanted} windows", flush=True)
    if not can_mount():
        print("disk full: not possible here: no file system may be mounted")
        return SKIPPED
    total, n_bad, number = collections.Counter(), 0, 0
    while total["windows"] < wanted and n_bad == 0:
        size = min(ROUND_WINDOWS, max(1, wanted // 4), wanted - total["windows"])
        counts, problems = run_round(options.seed + number, size, number % 2 == 1, number % 4 < 2)
        number += 1
        total += counts
        n_bad += len(problems)
        for problem in problems:
            print(f"PROBLEM {problem}", flush=True)
        print(json.dumps(total), flush=True)
    print(f"disk full: seed {options.seed}, {total['windows']} windows, {total['acked']} acknowledged, "
          f"{total['lost']} lost, {total['doubled']} doubled, {total['stuck']} stuck, {n_bad} problems", flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
