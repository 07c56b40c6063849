# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real daemon and the real probe against each other. Standard library only.

A test is a script with functions named test_*; run(globals()) calls each with a fresh Host and prints TAP. Every
daemon has a base port, a state folder and a control socket of its own, so scripts may run side by side.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = pathlib.Path(os.environ.get("MOONRILL_BUILD", "build"))
HOST = BUILD / "moonrill"
PROBE = BUILD / "moonrill-probe"
START_S = 120  # under sanitizers the trials of encoders take a while
OFFSETS_TCP = (-5, 0, 21)
OFFSETS_UDP = (9, 10, 11)


class Skip(Exception):
    pass


def free_base():
    """A base port whose fixed offsets are all free on every address."""
    for _ in range(200):
        base = random.randrange(20000, 60000)
        held = []
        try:
            for offsets, kind in ((OFFSETS_TCP, socket.SOCK_STREAM), (OFFSETS_UDP, socket.SOCK_DGRAM)):
                for off in offsets:
                    s = socket.socket(socket.AF_INET6, kind)
                    held.append(s)
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                    s.bind(("::", base + off))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports")


class Host:
    """One daemon."""

    def __init__(self, *options, state=None, source="pattern", env=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="moonrill-e2e-"))
        self.state = pathlib.Path(state) if state else self.dir / "state"
        self.socket = self.dir / "ctl.sock"
        # A machine that is busy enough keeps a client from its pings: only the cases about it pause for that.
        self.options = ["stream.pause_ms=0", "net.mdns=false", f"video.source={source}", "audio.source=tone", "host.log_level=debug", "input.backend=null",
                        *options]
        self.base = free_base()
        self.env = env
        self.proc = None
        self.log = self.dir / "host.log"
        self.start()

    def start(self):
        cmd = [str(HOST), "run", "--state", str(self.state), "--socket", str(self.socket),
               "-o", f"net.port={self.base}"]
        for o in self.options:
            cmd += ["-o", o]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(cmd, stdout=log, stderr=log, env=self.env)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.proc.poll() is not None:
                raise RuntimeError(f"daemon ended at once: {self.proc.returncode}\n{self.logged()}")
            if self.ctl("status", check=False).returncode == 0:
                return
            time.sleep(0.02)
        raise RuntimeError("daemon does not answer\n" + self.logged())

    def stop(self, sig=signal.SIGTERM, limit=20):
        """Ends the daemon; returns its exit code and how long that took."""
        if self.proc is None or self.proc.poll() is not None:
            return (self.proc.returncode if self.proc else None), 0.0
        t = time.monotonic()
        self.proc.send_signal(sig)
        self.proc.wait(limit)
        return self.proc.returncode, time.monotonic() - t

    def close(self):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise
        finally:
            log = self.logged()
            if not os.environ.get("MOONRILL_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)
            if "Sanitizer" in log or "runtime error:" in log:
                raise AssertionError("the daemon's sanitizer spoke:\n" + log[-8000:])

    def logged(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ctl(self, *args, check=True):
        return subprocess.run([str(HOST), *args, "--socket", str(self.socket)], capture_output=True, text=True,
                              check=check, timeout=30)

    def status(self):
        return json.loads(self.ctl("status", "--json").stdout)

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.proc.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")

    # ---- probe ----

    def probe_cmd(self, *args, keys="keys", address="127.0.0.1"):
        return [str(PROBE), "--host", address, "--port", str(self.base), "--keys", str(self.dir / keys),
                *[str(a) for a in args]]

    def probe(self, *args, keys="keys", address="127.0.0.1", timeout=120):
        p = subprocess.run(self.probe_cmd(*args, keys=keys, address=address), capture_output=True, text=True,
                           timeout=timeout)
        p.report = parse(p.stdout)
        return p

    def probe_start(self, *args, keys="keys", address="127.0.0.1"):
        return subprocess.Popen(self.probe_cmd(*args, keys=keys, address=address), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def pair(self, keys="keys", pin="1234", address="127.0.0.1", typed=None, name=None):
        """Pairs as a person does: the probe shows its PIN, the PIN is typed on the host."""
        p = self.probe_start("pair", "--pin", pin, keys=keys, address=address)
        typed_rc = None
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and p.poll() is None:
            if self.status()["waiting_for_pin"]:
                typed_rc = self.ctl("pair", typed or pin, *([name] if name else []), check=False).returncode
                break
            time.sleep(0.02)
        out, err = p.communicate(timeout=60)
        p.stdout_text, p.stderr_text, p.typed_rc = out, err, typed_rc
        return p

    def paired(self, keys="keys", **kw):
        p = self.pair(keys=keys, **kw)
        assert p.returncode == 0, f"pairing failed: {p.stderr_text}\n{self.logged()}"
        return self

    def stream(self, *args, keys="keys", address="127.0.0.1", timeout=120, check=True):
        p = self.probe("stream", *args, keys=keys, address=address, timeout=timeout)
        if check:
            assert p.returncode == 0, f"probe: {p.returncode}\n{p.stdout}\n{p.stderr[-3000:]}\n{self.logged()[-3000:]}"
        return p.report


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def finish(proc, timeout=120):
    """The report of a probe begun with probe_start."""
    out, err = proc.communicate(timeout=timeout)
    report = parse(out)
    assert proc.returncode == 0, f"probe: {proc.returncode}\n{out}\n{err[-3000:]}"
    return report


def read_pattern(path):
    """Frame numbers read out of the decoded pictures of a raw H.264 file, of HEVC (*.hevc), or of AV1's temporal units (*.obu)."""
    if not shutil.which("ffmpeg"):
        raise Skip("ffmpeg is not installed")
    tool = os.environ["READ_PATTERN"]
    kind = {".obu": "obu", ".hevc": "hevc"}.get(os.path.splitext(path)[1], "h264")
    dec = subprocess.Popen(["ffmpeg", "-v", "error", "-f", kind, "-i", str(path), "-vsync", "passthrough", "-f",
                            "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE)
    out = subprocess.run([tool], stdin=dec.stdout, capture_output=True, text=True, timeout=300)
    assert dec.wait() == 0, "ffmpeg found errors in the stream"
    r = parse(out.stdout)
    assert r and r["pictures"], out.stderr
    # Black pictures come first when the source is slower than the encoder; nothing else is without a number.
    assert r["damaged"] == 0 and r["missing"] <= r["pictures"] // 20, r
    return r


def run(names):
    tests = [(n, f) for n, f in names.items() if n.startswith("test_")]
    only = sys.argv[1:]
    if only:
        tests = [(n, f) for n, f in tests if n in only]
    print(f"1..{len(tests)}")
    failed = 0
    for i, (name, fn) in enumerate(tests, 1):
        try:
            fn()
            print(f"ok {i} - {name}")
        except Skip as e:
            print(f"ok {i} - {name} # SKIP {e}")
        except BaseException as e:  # a KeyboardInterrupt ends the file too, after its line
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {i} - {name}")
            if isinstance(e, KeyboardInterrupt):
                break
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
