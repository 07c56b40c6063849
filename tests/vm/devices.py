# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test in the guest sees of its input devices: evread's lines, with the kernel's numbers by their names."""
import json
import os
import pathlib
import re
import subprocess
import threading

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
PREFIXES = {"EV_SYN": ("SYN_",), "EV_KEY": ("KEY_", "BTN_"), "EV_REL": ("REL_",), "EV_ABS": ("ABS_",),
            "EV_MSC": ("MSC_",), "EV_SW": ("SW_",), "EV_LED": ("LED_",), "EV_FF": ("FF_",)}


FIRST_NAMES = {}  # the header gives several to some, and names where groups begin
GROUPS = ("BTN_MISC", "BTN_MOUSE", "BTN_JOYSTICK", "BTN_GAMEPAD", "BTN_DIGI", "BTN_WHEEL", "BTN_TRIGGER_HAPPY")
for _kind, _prefixes in PREFIXES.items():
    for _name, _value in CODE.items():
        if _name.startswith(_prefixes) and not _name.endswith(("_MAX", "_CNT")) and _name not in GROUPS:
            FIRST_NAMES.setdefault((CODE[_kind], _value), _name)


def kind_of(name):
    """EV_KEY of KEY_A."""
    return next(CODE[kind] for kind, prefixes in PREFIXES.items() if name.startswith(prefixes))


def events(*wanted):
    """Events (NAME, value), the names as Device.events has them: BTN_A is BTN_SOUTH."""
    return [(FIRST_NAMES[kind_of(name), CODE[name]], value) for name, value in wanted]


def same(got, *wanted):
    """Exactly these events, or an AssertionError that shows where they part."""
    named = events(*wanted)
    at = next((i for i, (g, w) in enumerate(zip(got, named)) if g != w), min(len(got), len(named)))
    assert got == named, f"event {at}: {got[at:at + 6]} instead of {named[at:at + 6]}"


class Device:
    def __init__(self, node, told):
        self.node = node
        self.name, self.phys, self.uniq = told["name"], told["phys"], told["uniq"]
        self.bus, self.vendor, self.product, self.version = (told[k] for k in ("bus", "vendor", "product", "version"))
        self.props = told["props"]
        self.codes = {int(kind): set(codes) for kind, codes in told["codes"].items()}
        self.abs = {int(code): dict(zip(("value", "min", "max", "fuzz", "flat", "resolution"), v))
                    for code, v in told["abs"].items()}
        self.events = []  # (name, value), without SYN_REPORT
        self.lines = []  # all that evread told of it
        self.gone = False

    def has(self, *wanted):
        """The wanted codes (by name) that it lacks: [] is good."""
        return [w for w in wanted if CODE[w] not in self.codes.get(kind_of(w), ())]

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
        self.ready = self.dropped = False
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
            self.dropped |= (line["type"], line["code"]) == (CODE["EV_SYN"], CODE["SYN_DROPPED"])
            if (line["type"], line["code"]) != (CODE["EV_SYN"], CODE["SYN_REPORT"]):
                d.events.append((FIRST_NAMES.get((line["type"], line["code"]), str(line["code"])), line["value"]))

    def until(self, condition, what, seconds=WAIT_S):
        """Waits for a condition over what has been read; returns its value."""
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                there = [f"{d}: {d.events[-12:]}" for d in self.devices]
                raise AssertionError(f"never: {what}; there is " + "; ".join(there))
            assert not self.dropped, "the reader was too slow, events are lost"
            return condition()

    def find(self, name):
        return [d for d in self.devices if not d.gone and re.fullmatch(name, d.name)]

    def device(self, name, seconds=WAIT_S):
        """The device whose name matches, once it is there."""
        return self.until(lambda: self.find(name), f"a device '{name}'", seconds)[0]

    def wait_gone(self, *devices):
        self.until(lambda: all(d.gone for d in devices), f"{devices} gone")

    def saw(self, device, *wanted):
        """Waits until these events, (name, value), came in this order; others may lie between."""
        def there():
            rest = iter(device.events)
            return all(w in rest for w in named)
        named = events(*wanted)
        self.until(there, f"{wanted} from {device}")

    def forget(self):
        with self.changed:
            self.dropped = False
            for d in self.devices:
                d.events.clear()
                d.lines.clear()

    def close(self):
        self.proc.stdin.close()
        self.proc.wait(WAIT_S)
        self.thread.join(WAIT_S)


def rumble(device, strong, weak, ms):
    """A game's effect on a pad."""
    subprocess.run([PROGRAMS / "rumble", f"/dev/input/{device.node}", str(strong), str(weak), str(ms)], check=True,
                   timeout=60)


def spread(ns):
    """p50 and p99 in microseconds, as text."""
    us = [t / 1000 for t in sorted(ns)]
    return f"p50 {us[len(us) // 2]:.0f} us, p99 {us[len(us) * 99 // 100]:.0f} us, of {len(us)}"

