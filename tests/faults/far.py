# SPDX-License-Identifier: MIT
"""The cluster with its processes apart: workers, and the gateway if wanted, reach the broker by TCP
and CURVE, each with keys of its own, on ways that a test can break."""
import re
import shutil

import cluster as clusters
import harness

WORKER = """broker: tcp://{address}
broker_key: {broker_key}
blobs: blobs
labels: worker/labels
columns: worker/columns
keys: {keys}
name: {name}
claim_wait_ms: 500
sandbox: best_effort
log: debug
"""
GATEWAY = """listen: "{listen}:{{port}}"
address_file: run/address
broker: {broker}
events: {events}
blobs: blobs
keys: gateway-keys
broker_key: {broker_key}
"""
IDLE = "times: {idle_seconds: 5}\n"  # what was left half open is gone soon


class FarCluster(clusters.Cluster):
    """way(role, port) names the address at which a worker, or the gateway, finds that port of the
    broker; inside is the command that starts a program where the workers are."""

    def __init__(self, way, host="127.0.0.1", listen="127.0.0.1", inside=(), is_gateway_far=False, **options):
        super().__init__(gateway=IDLE, **options)
        self.way, self.listen, self.is_gateway_far = way, listen, is_gateway_far
        self.ports = {}
        roles = ("events", "workers", "gateways") if is_gateway_far else ("workers",)  # as the broker binds
        for role in roles:
            self.texts["broker"] = self.texts["broker"].replace(
                f"ipc://run/{role}.sock", f'"ipc://run/{role}.sock tcp://{host}:<{role}>"')
        self.texts["broker"] += "allowed_keys: allowed_keys\n"
        self.roles = roles
        for worker in self.workers:
            worker.wrapper = list(inside)

    def start(self):
        text = self.texts["broker"]
        self.texts["broker"] = re.sub("<[a-z]+>", "*", text)
        self.configure()
        self.allow({})
        self.broker.start()
        harness.wait_for(lambda: "broker: ready" in self.broker.log(), "the broker is ready")
        found = re.findall(r"listening: role=\w+ endpoint=tcp://[0-9.]+:(\d+)", self.broker.log(100000))
        self.ports = dict(zip(self.roles, map(int, found), strict=True))
        for role in self.roles:  # a broker that is started again is found at the same ports
            text = text.replace(f"<{role}>", str(self.ports[role]))
        self.texts["broker"] = text
        self.configure()
        self.start_far()
        return super().start()

    def address(self, role):
        return self.way(role, self.ports[role])

    def start_far(self):
        """Each makes its curve key at its first start; the seal key has to be the same for all."""
        broker_key = (self.state / "broker/keys/curve.pub").read_text().strip()
        public = {}
        for number, worker in enumerate(self.workers, 1):
            keys = self.state / "worker" / f"keys-{number}"
            self.texts[worker.name] = WORKER.format(address=self.address("workers"), broker_key=broker_key,
                                                    keys=keys.relative_to(self.state), name=worker.name)
            self.configure()
            if number > 1:
                keys.mkdir(mode=0o700)
                shutil.copy2(self.state / "worker/keys-1/seal.key", keys / "seal.key")
            worker.start()
            public["worker", worker.name] = self.key_of(keys)
            harness.wait_for((keys / "seal.key").exists, "the worker has a key to seal with")
            self.publish(keys / f"{worker.name}.worker")
        if self.is_gateway_far:
            self.texts["gateway"] = GATEWAY.format(listen=self.listen, broker=f"tcp://{self.address('gateways')}",
                                                   events=f"tcp://{self.address('events')}", broker_key=broker_key) + IDLE
            self.configure()
            self.gateway.start()
            public["gateway", "edge"] = self.key_of(self.state / "gateway-keys")
        else:
            self.texts["gateway"] = self.texts["gateway"].replace("127.0.0.1", self.listen)
        self.allow(public)

    def publish(self, path):
        """A worker's public keys come to where competitions are created from."""
        harness.wait_for(path.exists, "the worker has keys")
        folder = self.state / "worker" / "keys"
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(path, folder / path.name)

    def key_of(self, folder):
        path = folder / "curve.pub"
        return harness.wait_for(lambda: path.exists() and path.read_text().strip(), "a curve key")

    def allow(self, keys):
        beside = self.state / "allowed_keys.new"
        beside.write_text("".join(f"{role} {name} {key}\n" for (role, name), key in keys.items()))
        beside.chmod(0o600)
        beside.rename(self.state / "allowed_keys")
