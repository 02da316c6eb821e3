#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Networks that are cut: broker and gateway in one, the workers in a second, the clients in a third.

The networks are namespaces of this run's own, joined by pairs of interfaces, so that nothing outside
can be met or harmed. Each pair is cut by taking an interface down, by dropping packets (one way, the
other, both, or one in three) and by doing either again and again in a second. Then all is healed, and
the same is checked as after the kill loop, and that nothing has grown. Usage: network.py [--seed N]
[--count CUTS] [--quick]; exits 1 on any loss, 77 where the machine allows no such networks.
"""
import argparse
import collections
import os
import random
import shutil
import socket
import subprocess
import sys
import time

import checks
import clients as clients_module
import far
import harness

COMPETITION = "cuts"
N_CLIENTS = 6
SKIPPED = 77
CLONE_NEWNET = 0x40000000
PATIENCE_SECONDS = 2.5
WARM_SECONDS = 2
WAYS = ("down", "drop in", "drop out", "drop both", "lossy", "flap")
CUT_SECONDS = (0.1, 0.3, 0.5, 1, 2, 7)  # a lease is 1 s, a heartbeat of ZMTP 6 s
FLAPS = 5
TABLE = "add table inet {name}; add chain inet {name} cut {{ type filter hook prerouting priority 0; }}"
RULE = 'add rule inet {name} cut iifname "{end}" {what}'


class Impossible(Exception):
    """This machine allows no networks of our own."""


def run(*words, text=None):
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Impossible(f"{' '.join(words)}: {done.stderr.strip()}")


def enter_own_network():
    """This process and all that it starts from now on."""
    for tool in ("ip", "nft", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            raise Impossible(f"there is no {tool}")
    if harness.LIBC.unshare(CLONE_NEWNET) != 0:
        raise Impossible("unshare(CLONE_NEWNET) is refused")
    run("ip", "link", "set", "lo", "up")


class Network:
    """One more network, joined to this process's by a pair of interfaces: name0 here, name1 there."""

    def __init__(self, name, number):
        self.name, self.near, self.far = name, f"10.213.{number}.1", f"10.213.{number}.2"
        self.ends = (f"{name}0", f"{name}1")
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, preexec_fn=harness.die_with_parent)
        path = f"/proc/{self.holder.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        harness.wait_for(lambda: os.readlink(path) != own, "a network of its own", 5)
        self.inside = ("nsenter", "--net", f"--target={self.holder.pid}")
        self.handle, self.own = os.open(path, os.O_RDONLY), os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        run("ip", "link", "add", self.ends[0], "type", "veth", "peer", "name", self.ends[1], "netns",
            str(self.holder.pid))
        for inside, address, end in (((), self.near, self.ends[0]), (self.inside, self.far, self.ends[1])):
            run(*inside, "ip", "addr", "add", f"{address}/30", "dev", end)
            run(*inside, "ip", "link", "set", end, "up")
            run(*inside, "nft", "-f", "-", text=TABLE.format(name=name))

    def cut(self, way):
        what = "numgen random mod 3 0 drop" if way == "lossy" else "drop"
        if way == "down":
            run("ip", "link", "set", self.ends[0], "down")
        if way in ("drop in", "drop both", "lossy"):
            run("nft", RULE.format(name=self.name, end=self.ends[0], what=what))
        if way in ("drop out", "drop both", "lossy"):
            run(*self.inside, "nft", RULE.format(name=self.name, end=self.ends[1], what=what))

    def heal(self):
        run("ip", "link", "set", self.ends[0], "up")
        for inside in ((), self.inside):
            run(*inside, "nft", f"flush chain inet {self.name} cut")

    def connect_to(self, port):
        """connect(timeout) from inside, for any thread: a socket belongs to where it was made."""
        def connect(timeout):
            try:
                harness.LIBC.setns(self.handle, CLONE_NEWNET)
                link = socket.socket()
            finally:
                harness.LIBC.setns(self.own, CLONE_NEWNET)
            link.settimeout(timeout)
            try:
                link.connect((self.near, port))
            except OSError:
                link.close()
                raise
            return link
        return connect

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        os.close(self.handle)
        os.close(self.own)


class Cutter:
    """Cuts and heals, until so many cuts are made; never two at once of the same network."""

    def __init__(self, networks, seed):
        self.networks = networks
        self.random = random.Random(f"{seed} cuts")
        self.counts = collections.Counter()
        self.cuts = {}  # network: until

    def once(self):
        time.sleep(min(self.random.expovariate(5), 0.5))
        self.heal()
        network, way = self.random.choice(self.networks), self.random.choice(WAYS)
        seconds = self.random.choice(CUT_SECONDS)
        if network in self.cuts:
            return
        self.counts["cuts"] += 1
        self.counts[f"{network.name}: {way}"] += 1
        if way == "flap":
            self.flap(network)
            return
        network.cut(way)
        self.cuts[network] = time.monotonic() + seconds

    def flap(self, network):
        way = self.random.choice(WAYS[:4])
        for _ in range(FLAPS):
            network.cut(way)
            time.sleep(self.random.random() * 0.1)
            network.heal()
            time.sleep(self.random.random() * 0.1)

    def heal(self, is_end=False):
        for network, until in list(self.cuts.items()):
            if is_end or until <= time.monotonic():
                network.heal()
                del self.cuts[network]


def run_cuts(cluster, networks, seed, n_cuts):
    """(counts, problems)"""
    cluster.competition(COMPETITION)
    idle = cluster.sizes()
    clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed, timeout=PATIENCE_SECONDS,
                                       connect=networks["clients"].connect_to(cluster.url_port))
    time.sleep(WARM_SECONDS)
    warm = cluster.sizes()
    cutter = Cutter(list(networks.values()), seed)
    while cutter.counts["cuts"] < n_cuts and not any(client.problems for client in clients):
        cutter.once()
    cutter.heal(is_end=True)
    problems = clients_module.end_all(clients)
    problems += [f"{daemon.name} ended by itself" for daemon in cluster.daemons() if not daemon.is_running()]
    problems += checks.check_sizes(cluster, idle, warm)
    problems += checks.come_to_rest(cluster, clients, COMPETITION, 60)
    checker = checks.Checker(cluster, clients).check()
    counts = cutter.counts + checker.counts
    counts["unanswered requests"] = sum(client.n_unanswered for client in clients)
    return counts, problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="cuts (1000, quick: 30)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    n_cuts = options.count or (30 if options.quick else 1000)
    print(f"network: seed {options.seed}, {n_cuts} cuts", flush=True)
    networks = {}
    try:
        enter_own_network()
        for number, name in enumerate(("workers", "clients"), 1):
            networks[name] = Network(name, number)
    except (Impossible, AssertionError) as error:
        print(f"network: skipped, this machine allows no networks of its own: {error}")
        return SKIPPED
    workers = networks["workers"]
    with far.FarCluster(lambda _, port: f"{workers.near}:{port}", host=workers.near, listen="0.0.0.0",
                        inside=workers.inside) as cluster:
        cluster.start()
        counts, problems = run_cuts(cluster, networks, options.seed, n_cuts)
    for network in networks.values():
        network.close()
    return checks.report("network", options.seed, counts, problems)


if __name__ == "__main__":
    sys.exit(main())
