# SPDX-License-Identifier: GPL-3.0-or-later
"""The test machine and its reader prove themselves, with a pad that is not the daemon's."""
import json
import os
import subprocess

from devices import CODE, PROGRAMS, Reader, rumble, spread
from harness import run

PRESSES = 200


class EchoPad:
    def __init__(self, reader):
        self.proc = subprocess.Popen([PROGRAMS / "echo_pad", str(PRESSES)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.device = reader.device("moonrill test pad")

    def said(self):
        return json.loads(self.proc.stdout.readline())

    def press(self):
        """Lets it press its button; the times it did."""
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()
        return [self.said()["t"] for _ in range(PRESSES)]

    def end(self):
        self.proc.stdin.close()
        assert self.proc.wait(30) == 0


reader = Reader()
pad = EchoPad(reader)


def test_kernel_is_the_machines_own():
    assert os.getpid() > 1 and os.geteuid() == 0
    cpu = open("/proc/cpuinfo").read()
    assert "QEMU TCG" in cpu or "QEMU Virtual" in cpu, cpu[:400]
    assert os.path.exists("/dev/uhid")
    # what is written stays here
    os.remove("/etc/passwd")
    assert not os.path.exists("/etc/passwd")


def test_device_is_described():
    d = pad.device
    assert (d.phys, d.uniq) == ("moonrill/test", "")
    assert (d.bus, d.vendor, d.product, d.version) == (6, 0x1234, 0x5678, 9)
    lacks = d.has("BTN_SOUTH", "BTN_EAST", "BTN_MODE", "ABS_X", "FF_RUMBLE", "BTN_TL", "ABS_Y")
    assert lacks == ["BTN_TL", "ABS_Y"], (lacks, d.codes)
    assert d.abs[CODE["ABS_X"]] == {"value": 0, "min": -32768, "max": 32767, "fuzz": 16, "flat": 128, "resolution": 0}


def test_every_event_arrives():
    sent = pad.press()
    reader.until(lambda: len(pad.device.events) >= PRESSES, "all presses")
    assert [v for _, v in pad.device.events] == [1, 0] * (PRESSES // 2), pad.device.events
    got = [line["r"] for line in pad.device.lines if line["type"] == CODE["EV_KEY"]]
    assert all(r > t for t, r in zip(sent, got))
    print(f"# write to evdev read: {spread([r - t for t, r in zip(sent, got)])}")


def test_force_feedback_comes_back():
    rumble(pad.device, 0x4000, 0x8000, 50)
    said = [pad.said() for _ in range(5)]
    # The kernel stops an effect once more before it is erased.
    assert said == [{"upload": [0x4000, 0x8000]}, {"play": 1}, {"play": 0}, {"play": 0}, {"erase": True}], said


def test_removed_device_is_told():
    pad.end()
    reader.wait_gone(pad.device)
    assert not reader.find("moonrill.*")


if __name__ == "__main__":
    run(globals())
