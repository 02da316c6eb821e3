#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad cables between all processes: clients and gateway, gateway and broker, workers and broker.

Each connection goes through tests/system/proxy.py and is cut in the middle of a frame, left half
open, stalled or throttled; now and then a whole cable is dead for longer than a lease or a heartbeat.
Then all is healed, and the same is checked as after the kill loop, and that nothing has grown.
Usage: chaos.py [--seed N] [--count CONNECTIONS] [--quick]; exits 1 on any loss.
"""
import argparse
import collections
import random
import sys
import time

import checks
import clients as clients_module
import far
import proxy

COMPETITION = "cables"
N_CLIENTS = 10
CABLES = ("clients", "gateways", "events", "workers")
KINDS = (("pass", 3), ("cut", 4), ("half", 2), ("stall", 2), ("throttle", 1))
DEAD_SECONDS = (0.2, 1.5, 4, 7)  # a lease is 1 s, a heartbeat of ZMTP 6 s
PATIENCE_SECONDS = 2.5  # of a client; a half-open connection costs as much
WARM_SECONDS = 2


class Cables:
    def __init__(self, seed):
        self.random = random.Random(f"{seed} cables")
        self.counts = collections.Counter()
        self.proxies = {}
        self.dead = []  # (until, name)

    def way(self, role, port):
        """The address of a proxy in front of that port."""
        if role not in self.proxies:
            self.proxies[role] = proxy.Proxy(port)
        return f"127.0.0.1:{self.proxies[role].port}"

    def choose(self, name):
        """Requests are about a kilobyte; the long connections of ZeroMQ get a few before it strikes."""
        kind = self.random.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
        is_long = name != "clients"
        if is_long and kind == "pass":
            kind = "cut"
        self.counts[f"{name}: {kind}"] += 1
        return proxy.Fate(kind, after=self.random.randrange(1, 20000 if is_long else 1500),
                          way=self.random.randrange(2), seconds=self.random.choice((0.1, 0.5, 2)),
                          rate=self.random.choice((2000, 10000)), is_reset=self.random.random() < 0.5)

    def make_bad(self):
        for name, cable in self.proxies.items():
            cable.choose = lambda name=name: self.choose(name)
            for link in cable.links:  # what has connected before
                link.n_bytes, link.fate = 0, self.choose(name)

    def strike(self):
        """One cable may go dead, others come back."""
        now = time.monotonic()
        for until, name in list(self.dead):
            if until <= now:
                self.proxies[name].is_cut = False
                self.dead.remove((until, name))
        if self.random.random() < 0.02:
            name = self.random.choice(CABLES)
            self.proxies[name].is_cut = True
            self.dead.append((now + self.random.choice(DEAD_SECONDS), name))
            self.counts[f"{name}: dead"] += 1

    def heal(self):
        for cable in self.proxies.values():
            cable.is_cut = False
            cable.heal()

    def n_connections(self):
        return sum(cable.n_links for cable in self.proxies.values())

    def close(self):
        for cable in self.proxies.values():
            cable.close()


def run(cluster, cables, seed, n_wanted):
    """(counts, problems)"""
    cluster.competition(COMPETITION)
    cables.way("clients", cluster.url_port)
    idle = cluster.sizes()
    clients = clients_module.start_all(cluster, COMPETITION, N_CLIENTS, seed, connect=cables.proxies["clients"].connect,
                                       timeout=PATIENCE_SECONDS)
    time.sleep(WARM_SECONDS)
    warm = cluster.sizes()
    n_before = cables.n_connections()
    cables.make_bad()
    while cables.n_connections() < n_before + n_wanted and not any(client.problems for client in clients):
        cables.strike()
        time.sleep(0.05)
    cables.counts["connections"] = cables.n_connections() - n_before
    cables.heal()
    problems = clients_module.end_all(clients)
    problems += [f"{daemon.name} ended by itself" for daemon in cluster.daemons() if not daemon.is_running()]
    problems += checks.check_sizes(cluster, idle, warm)
    problems += checks.come_to_rest(cluster, clients, COMPETITION, 60)
    checker = checks.Checker(cluster, clients).check()
    counts = cables.counts + checker.counts
    counts["unanswered requests"] = sum(client.n_unanswered for client in clients)
    return counts, problems + checker.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, help="connections (2000, quick: 80)")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    wanted = options.count or (80 if options.quick else 2000)
    print(f"chaos: seed {options.seed}, {wanted} connections", flush=True)
    cables = Cables(options.seed)
    with far.FarCluster(cables.way, is_gateway_far=True) as cluster:
        try:
            cluster.start()
            counts, problems = run(cluster, cables, options.seed, wanted)
        finally:
            cables.close()
    return checks.report("chaos", options.seed, counts, problems)


if __name__ == "__main__":
    sys.exit(main())
