# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of the lab: a relay in user space, or namespaces with the kernel's own queue."""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

from harness import Skip

PORTS = {"video": 9, "control": 10, "audio": 11}


class Relay:
    """netlab-relay between 127.0.0.2, where the client looks for the host, and 127.0.0.1, where the host listens."""
    kind = "relay"
    address = "127.0.0.2"
    host_options = ("net.bind=127.0.0.1",)
    client_prefix = ()

    def __init__(self, spec, seed):
        self.spec = {k: v for k, v in spec.items() if k != "kind"}
        self.seed, self.proc = seed, None

    def start(self, host):
        path = host.dir / "path.json"
        path.write_text(json.dumps(self.spec))
        self.log = host.dir / "packets.log"
        self.proc = subprocess.Popen([os.environ["NETLAB_RELAY"], "--base", str(host.base), "--spec", str(path), "--seed",
                                      str(self.seed), "--log", str(self.log)], stdout=subprocess.PIPE, text=True)
        if self.proc.stdout.readline() != "ready\n":
            raise RuntimeError("the relay did not start")

    def stop(self):
        """What went through, as the relay counted it."""
        self.proc.terminate()
        out, _ = self.proc.communicate(timeout=30)
        assert self.proc.returncode == 0, "the relay failed"
        return json.loads(out)

    def close(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()


class Namespaces:
    """Host, router and client, each in a network of its own; the router's way to the client has the kernel's token bucket
    in front of it, and its forwarding may drop by a rule of nftables. Must run in a fresh network namespace (enter())."""
    kind = "netns"
    address = "10.77.1.1"
    host_options = ("net.bind=",)

    def __init__(self, spec, seed):
        self.spec, self.held, self.sampler, self.over = spec, [], None, threading.Event()
        del seed  # the kernel has its own chance; use counted drops (numgen inc) for repeatable ones

    @staticmethod
    def enter(argv):
        """The command that runs argv in a fresh network, or Skip."""
        for tool in ("unshare", "nsenter", "ip", "tc"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed")
        prefix = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
        probe = "ip link set lo up && ip link add a0 type veth peer name a1 && tc qdisc add dev a0 root tbf rate 1mbit " \
                "burst 4k limit 32k"
        p = subprocess.run([*prefix, "sh", "-c", probe], capture_output=True, text=True)
        if p.returncode:
            raise Skip("no network namespaces with tbf here: " + p.stderr.strip().split("\n")[-1])
        return [*prefix, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *argv]

    def run(self, where, *cmd):
        prefix = self.inside(where) if where else []
        p = subprocess.run([*prefix, *map(str, cmd)], capture_output=True, text=True)
        if p.returncode:
            raise Skip(f"{' '.join(map(str, cmd))}: {p.stderr.strip()}")
        return p.stdout

    @staticmethod
    def inside(ns):
        return ["nsenter", "-t", str(ns.pid), "-n"]

    def start(self, host):
        for _ in range(2):
            # Becomes the command in place: its pid is the namespace's.
            self.held.append(subprocess.Popen(["unshare", "-n", "sleep", "100000"]))
        router, client = self.held
        own = os.readlink("/proc/self/ns/net")
        while any(os.readlink(f"/proc/{p.pid}/ns/net") == own for p in self.held):
            time.sleep(0.01)
        self.client_prefix = self.inside(client)
        self.run(None, "ip", "link", "add", "h0", "type", "veth", "peer", "name", "r0", "netns", router.pid)
        self.run(router, "ip", "link", "add", "r1", "type", "veth", "peer", "name", "c0", "netns", client.pid)
        for ns, dev, address in ((None, "h0", "10.77.1.1/24"), (router, "r0", "10.77.1.2/24"),
                                 (router, "r1", "10.77.2.2/24"), (client, "c0", "10.77.2.1/24")):
            self.run(ns, "ip", "address", "add", address, "dev", dev)
            # Else the bucket would see the trains of segmentation offload as one packet.
            self.run(ns, "ip", "link", "set", dev, "up", "gso_max_segs", 1)
        self.run(router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.run(None, "ip", "route", "add", "10.77.2.0/24", "via", "10.77.1.2")
        self.run(client, "ip", "route", "add", "10.77.1.0/24", "via", "10.77.2.2")
        tbf = self.spec.get("tbf")
        if tbf:
            self.run(router, "tc", "qdisc", "add", "dev", "r1", "root", "tbf", "rate", f"{tbf['rate_mbps']}mbit", "burst",
                     tbf.get("burst_bytes", 6000), "limit", tbf["queue_bytes"])
        if self.spec.get("nft"):
            rule = self.spec["nft"].format(**{k: host.base + v for k, v in PORTS.items()})
            self.run(router, "nft", "add table inet lab; add chain inet lab f { type filter hook forward priority 0; }; "
                     f"add rule inet lab f {rule}")
        self.seconds = []
        self.zero = {"h0": self.bytes("self", "h0"), "c0": self.bytes(client.pid, "c0")}
        self.sampler = threading.Thread(target=self.sample, daemon=True)
        self.sampler.start()

    @staticmethod
    def bytes(pid, dev):
        """What the interface received, sent: (bytes, packets) of each."""
        for line in pathlib.Path(f"/proc/{pid}/net/dev").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name.strip() == dev:
                n = list(map(int, rest.split()))
                return {"rx": n[0], "rx_packets": n[1], "tx": n[8], "tx_packets": n[9]}
        raise RuntimeError(f"no {dev}")

    def sample(self):
        """(time, bytes sent by the host, bytes that came to the client), ten times a second."""
        while not self.over.wait(0.1):
            self.seconds.append((time.monotonic(), self.bytes("self", "h0")["tx"],
                                 self.bytes(self.held[1].pid, "c0")["rx"]))

    def stop(self):
        self.over.set()
        self.sampler.join()
        h, c = self.bytes("self", "h0"), self.bytes(self.held[1].pid, "c0")
        drops = 0
        if self.spec.get("tbf"):
            out = json.loads(self.run(self.held[0], "tc", "-s", "-j", "qdisc", "show", "dev", "r1"))
            drops = sum(q.get("drops", 0) for q in out)
        return {"sent_bytes": h["tx"] - self.zero["h0"]["tx"], "sent_packets": h["tx_packets"] - self.zero["h0"]["tx_packets"],
                "passed_bytes": c["rx"] - self.zero["c0"]["rx"],
                "passed_packets": c["rx_packets"] - self.zero["c0"]["rx_packets"], "queue_full": drops,
                "samples": self.seconds}

    def close(self):
        self.over.set()
        if self.sampler:
            self.sampler.join()
        for p in self.held:
            p.kill()
            p.wait()


def link_of(spec, seed):
    return {"relay": Relay, "netns": Namespaces}[spec.get("kind", "relay")](spec, seed)
