# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests in the guest: a daemon, a client that plays scripts of input (moonrill-probe), a reader of the devices."""
import contextlib
import json
import signal
import time

import harness
from devices import CODE, Reader
from harness import Host, run

SMALL = ("--width", 320, "--height", 180, "--fps", 10, "--bitrate", 500, "--audio", "none", "--seconds", 600)
FENCE = 0x87  # F24: a tap of it tells that all before has come through
DEVICES = {"keyboard": "moonrill keyboard", "mouse": "moonrill mouse", "pointer": r"moonrill mouse \(absolute\)",
           "touch": "moonrill touch", "pen": "moonrill pen"}


class Client:
    """A paired probe. Its session stays on the host between streams, and with it the devices."""

    def __init__(self, host, keys="keys"):
        self.host, self.keys, self.again, self.proc, self.report = host, keys, False, None, None
        host.paired(keys=keys)

    def start(self, *script, keep=True):
        path = self.host.dir / f"{self.keys}.script"
        path.write_text("sleep 100\n" + "\n".join(script) + "\n")
        args = [*SMALL, "--input", path, *(["--keep"] if keep else []), *(["--resume"] if self.again else [])]
        self.proc = self.host.probe_start("stream", *args, keys=self.keys)
        self.again = keep

    def stop(self):
        """Leaves as a client does; the report of its stream."""
        self.proc.send_signal(signal.SIGINT)
        out, err = self.proc.communicate(timeout=60)
        self.report = json.loads(out)
        # It may have been too short for a picture.
        errors = [e for e in self.report["errors"] if "no frame was delivered" not in e]
        assert not errors and "failed" not in self.report, (self.report, err[-3000:], self.host.logged()[-3000:])
        assert self.report["input_skipped"] == 0, self.report
        return self.report

    @contextlib.contextmanager
    def playing(self, *script, keep=True):
        """A stream that has sent the script, then whatever the test waits for."""
        reader.forget()
        self.start(*script, keep=keep)
        try:
            yield
            self.stop()
        finally:
            if self.proc.poll() is None:
                self.proc.kill()
                self.proc.communicate()

    def play(self, *script):
        """All events of the script are through when this returns; keyboard events without the fence's."""
        keyboard = device("keyboard")
        with self.playing(*script, f"key {FENCE} tap"):
            reader.saw(keyboard, ("KEY_F24", 1), ("KEY_F24", 0))
        return [e for e in keyboard.events if e[0] != "KEY_F24" and e[1] != 2]  # 2: repeated by the kernel

    def messages(self, kind):
        """What the host sent of this type in the last stream, the payload as bytes."""
        return [bytes.fromhex(m["hex"]) for m in self.report["host_messages"] if m["type"] == kind]


harness.START_S = 120  # the first start makes a key, and an emulated processor takes its time for that
reader = Reader()
host = Host("input.backend=auto", "audio.source=none", "input.grace_ms=3600000")
client = Client(host)


def device(part):
    return reader.device(DEVICES[part])


def plug_in():
    """The devices appear with the first stream and stay: a test that plays a script finds its reader ready."""
    with client.playing():
        for part in DEVICES:
            device(part)


def run_tests(names):
    try:
        plug_in()
        run(names)
    finally:
        host.close()
        reader.close()


def wait(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def unreliable(line):
    """Of what a client sends without asking for it to arrive, one of three does."""
    return [line] * 3


def moves(d):
    """Relative motion without the wiggle that every client begins with (2-media 6.3)."""
    start = [("REL_X", 1), ("REL_Y", 1), ("REL_X", -1), ("REL_Y", -1)]
    assert d.events[:4] == start, d.events[:8]
    return d.events[4:]


def in_range(d):
    """All axes that were told lie in what the device promises."""
    for line in d.lines:
        if line["type"] == CODE["EV_ABS"]:
            a = d.abs[line["code"]]
            id_end = line["code"] == CODE["ABS_MT_TRACKING_ID"] and line["value"] == -1
            assert id_end or a["min"] <= line["value"] <= a["max"], (d, line, a)


def last(d, name):
    """The newest value, None if there was none."""
    return next((v for n, v in reversed(d.events) if n == name), None)
