# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test in the guest sees of its input devices: evread's lines, with the kernel's numbers by their names."""
import json
import os
import pathlib
import re
import subprocess
import threading
import time

PROGRAMS = pathlib.Path(os.environ["VM_BUILD"]) / "tests/vm"
WAIT_S = 30  # an emulated processor is slow, and a busy machine slower


def names():
    """Numbers of linux/input-event-codes.h by their names: KEY_A, ABS_X, EV_KEY, INPUT_PROP_DIRECT."""
    found = {}
    text = pathlib.Path("/usr/include/linux/input-event-codes.h").read_text()
    for name, value in re.findall(r"^#define\s+([A-Z]\w+)\s+(\w+)", text, re.M):
        if re.fullmatch(r"0x[0-9a-fA-F]+|\d+", value):
            found[name] = int(value, 0)
        elif value in found:
            found[name] = found[value]
    # linux/input.h has the effects.
    found.update(FF_RUMBLE=0x50, FF_PERIODIC=0x51, FF_GAIN=0x60)
    return found


CODE = names()
TYPES = {CODE[n]: n for n in ("EV_SYN", "EV_KEY", "EV_REL", "EV_ABS", "EV_MSC", "EV_SW", "EV_LED", "EV_FF")}
PREFIXES = {"EV_SYN": ("SYN_",), "EV_KEY": ("KEY_", "BTN_"), "EV_REL": ("REL_",), "EV_ABS": ("ABS_",), "EV_MSC": ("MSC_",),
            "EV_SW": ("SW_",), "EV_LED": ("LED_",), "EV_FF": ("FF_",)}


def name_of(kind, number):
    """The name of a code, for messages; the last one that the header gives to it."""
    prefixes = PREFIXES.get(TYPES.get(kind), ())
    return next((n for n in reversed(CODE) if CODE[n] == number and n.startswith(prefixes)), str(number))


class Device:
    def __init__(self, node, told):
        self.node = node
        self.__dict__.update({k: told[k] for k in ("name", "phys", "uniq", "bus", "vendor", "product", "version", "props")})
        self.codes = {int(kind): set(codes) for kind, codes in told["codes"].items()}
        self.abs = {int(code): dict(zip(("value", "min", "max", "fuzz", "flat", "resolution"), v))
                    for code, v in told["abs"].items()}
        self.events = []  # (name, value), without SYN_REPORT
        self.lines = []  # all that evread told of it
        self.gone = False

    def has(self, *wanted):
        """The wanted codes (by name) that it lacks: [] is good."""
        kinds = {p: CODE[t] for t, ps in PREFIXES.items() for p in ps}
        return [w for w in wanted if CODE[w] not in self.codes.get(kinds[w[:w.index("_") + 1]], ())]

    def range(self, axis):
        a = self.abs[CODE[axis]]
        return a["min"], a["max"]

    def __repr__(self):
        return f"{self.node} '{self.name}'{' (gone)' if self.gone else ''}"


class Reader:
    """evread, and what it told so far. Waiting ends with an AssertionError that says what was there instead."""

    def __init__(self):
        self.proc = subprocess.Popen([PROGRAMS / "evread"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.changed = threading.Condition()
        self.ready = False
        self.devices = []  # all that ever were, in order
        self.by_node = {}
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        self.until(lambda: self.ready, "the reader starts")

    def read(self):
        for text in self.proc.stdout:
            line = json.loads(text)
            with self.changed:
                self.take(line)
                self.changed.notify_all()

    def take(self, line):
        if "ready" in line:
            self.ready = True
        elif "device" in line:
            d = Device(line["dev"], line["device"])
            self.by_node[d.node] = d
            self.devices.append(d)
        elif "gone" in line:
            self.by_node.pop(line["dev"]).gone = True
        else:
            d = self.by_node[line["dev"]]
            d.lines.append(line)
            if (line["type"], line["code"]) != (CODE["EV_SYN"], CODE["SYN_REPORT"]):
                d.events.append((name_of(line["type"], line["code"]), line["value"]))

    def until(self, condition, what, seconds=WAIT_S):
        """Waits for a condition over what has been read; returns its value."""
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                there = [f"{d}: {d.events[-12:]}" for d in self.devices]
                raise AssertionError(f"never: {what}; there is " + "; ".join(there))
            return condition()

    def find(self, name, uniq=None):
        return [d for d in self.devices if not d.gone and re.fullmatch(name, d.name) and (uniq is None or d.uniq == uniq)]

    def device(self, name, seconds=WAIT_S):
        """The device whose name matches, once it is there."""
        return self.until(lambda: self.find(name), f"a device '{name}'", seconds)[0]

    def wait_gone(self, *devices):
        self.until(lambda: all(d.gone for d in devices), f"{devices} gone")

    def saw(self, device, *wanted):
        """Waits until these events, (name, value), came in this order; others may lie between."""
        def there():
            rest = iter(device.events)
            return all(w in rest for w in wanted)
        self.until(there, f"{wanted} from {device}")

    def forget(self):
        with self.changed:
            for d in self.devices:
                d.events.clear()
                d.lines.clear()

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(WAIT_S)
        self.thread.join(WAIT_S)


def rumble(device, strong, weak, ms):
    """A game's effect on a pad."""
    subprocess.run([PROGRAMS / "rumble", f"/dev/input/{device.node}", str(strong), str(weak), str(ms)], check=True, timeout=60)


def spread(ns):
    """p50 and p99 in microseconds, as text."""
    s = sorted(ns)
    return f"p50 {s[len(s) // 2] / 1000:.0f} us, p99 {s[min(len(s) - 1, len(s) * 99 // 100)] / 1000:.0f} us, of {len(s)}"


def settle(seconds=0.3):
    time.sleep(seconds)
