# SPDX-License-Identifier: GPL-3.0-or-later
"""Pads of a client as the kernel and its drivers for them show them, and what games say to them (2-media 6.4, 5.4)."""
import contextlib
import pathlib
import time

from devices import rumble, same
from stream import FENCE, client, device, in_range, last, reader, run_tests, unreliable, wait

XBOX = {0x1000: "BTN_A", 0x2000: "BTN_B", 0x4000: "BTN_X", 0x8000: "BTN_Y", 0x0100: "BTN_TL", 0x0200: "BTN_TR",
        0x0010: "BTN_START", 0x0020: "BTN_SELECT", 0x0400: "BTN_MODE", 0x0040: "BTN_THUMBL", 0x0080: "BTN_THUMBR"}
# As hid-playstation and hid-nintendo name them: by place, whatever is printed there.
BY_PLACE = {**XBOX, 0x1000: "BTN_SOUTH", 0x2000: "BTN_EAST", 0x4000: "BTN_WEST", 0x8000: "BTN_NORTH"}
HATS = {0x1: ("ABS_HAT0Y", -1), 0x2: ("ABS_HAT0Y", 1), 0x4: ("ABS_HAT0X", -1), 0x8: ("ABS_HAT0X", 1)}
ALL_BUTTONS = 0xf7ff


XBOX_ID, DUALSENSE_ID, SWITCH_ID = (0x045e, 0x028e), (0x054c, 0x0ce6), (0x057e, 0x2009)


def family(ident):
    """All devices of such pads: with their sensors and touchpads."""
    return [d for d in reader.devices if not d.gone and (d.vendor, d.product) == ident]


def pads(ident):
    """The ones that have sticks and buttons."""
    return [d for d in family(ident) if d.has("ABS_X", "BTN_SOUTH") == []]


def wait_pads(ident, count=1):
    reader.until(lambda: len(pads(ident)) >= count, f"{count} pads of {ident}")
    return pads(ident)


def state(n, mask, buttons=0, lt=0, rt=0, lx=0, ly=0, rx=0, ry=0):
    return f"pad state {n} {mask} {buttons} {lt} {rt} {lx} {ly} {rx} {ry}"


@contextlib.contextmanager
def plugged(kind, ident, caps, devices=1):
    """Pad 0 of the client's kind: it arrives before, and is unplugged behind. None else is there."""
    with client.playing(f"pad arrival 0 {kind} {caps} {ALL_BUTTONS}", state(0, 1)):
        reader.until(lambda: len(family(ident)) >= devices, f"{devices} devices of {ident}")
        time.sleep(0.5)  # what the host says to it
    all_of_it = family(ident)
    assert len(all_of_it) == devices, all_of_it
    try:
        (pad,) = pads(ident)
        pad.wanted = client.messages("5501")
        yield pad
    finally:
        client.play(state(0, 0))
        reader.wait_gone(*all_of_it)


def part(ident, name):
    """The device of the one pad that is called so."""
    (d,) = [d for d in family(ident) if d.name.endswith(name)]
    return d


@contextlib.contextmanager
def listening():
    """A client that notes what the host sends; the with-block is what a game does."""
    with client.playing(f"key {FENCE} tap"):
        reader.saw(device("keyboard"), ("KEY_F24", 0))
        yield
        time.sleep(1)  # nothing tells when the last one has come


def press_all():
    """A script that presses each button alone, then moves each axis."""
    script = [s for b in [*XBOX, *HATS] for s in (state(0, 1, b), state(0, 1))]
    return [*script, state(0, 1, 0, 255, 128), state(0, 1, 0, 0, 0, 32767, 32767, -32768, -32768), state(0, 1)]


def buttons_of(events, ignored=()):
    return [e for e in events if e[0].startswith(("BTN_", "ABS_HAT")) and e[0] not in ignored]


def pressed(names):
    """What press_all makes of the buttons."""
    wanted = [e for name in names.values() for e in ((name, 1), (name, 0))]
    return wanted + [e for axis, v in HATS.values() for e in ((axis, v), (axis, 0))]


def extremes(events, axis):
    values = [v for n, v in events if n == axis]
    return min(values), max(values), values[-1]


def near(value, wanted, tolerance):
    assert value is not None and abs(value - wanted) <= tolerance, (value, wanted)


def test_m64_m66_xbox_pad_with_every_button_and_axis():
    with plugged(1, XBOX_ID, 0x03) as d:
        assert d.has(*XBOX.values(), "ABS_X", "ABS_Y", "ABS_RX", "ABS_RY", "ABS_Z", "ABS_RZ", "ABS_HAT0X", "ABS_HAT0Y",
                     "FF_RUMBLE") == []
        assert d.range("ABS_Y") == (-32768, 32767) and d.range("ABS_Z") == (0, 255)
        client.play(*press_all())
        same(buttons_of(d.events), *pressed(XBOX))
        assert extremes(d.events, "ABS_Z") == (0, 255, 0) and extremes(d.events, "ABS_RZ") == (0, 128, 0), d.events
        assert extremes(d.events, "ABS_X") == (0, 32767, 0) and extremes(d.events, "ABS_RX") == (-32768, 0, 0), d.events
        low, high, end = extremes(d.events, "ABS_Y")
        assert low <= -32767 and (high, end) == (0, 0), "up is negative here"
        assert extremes(d.events, "ABS_RY") == (0, 32767, 0), "and down positive"


def test_m64_playstation_pad_is_one_dualsense():
    with plugged(2, DUALSENSE_ID, 0x1ff, 3) as d:
        assert d.has(*BY_PLACE.values(), "BTN_TL2", "BTN_TR2", "FF_RUMBLE") == []
        assert len({o.uniq for o in family(DUALSENSE_ID)}) == 1 and d.uniq, family(DUALSENSE_ID)
        client.play(*press_all())
        same(buttons_of(d.events, ("BTN_TL2", "BTN_TR2")), *pressed(BY_PLACE))
        assert extremes(d.events, "ABS_Z")[1] == 255 and extremes(d.events, "ABS_RZ")[1] == 128, d.events
        low, _, end = extremes(d.events, "ABS_Y")
        assert low == 0 and end in (127, 128), d.events
        assert extremes(d.events, "ABS_RY")[1] == 255, d.events


def test_nintendo_pad_is_one_switch_pro():
    with plugged(3, SWITCH_ID, 0x3f, 2) as d:
        assert d.has(*BY_PLACE.values(), "BTN_TL2", "BTN_TR2", "FF_RUMBLE") == []
        client.play(*press_all())
        same(buttons_of(d.events, ("BTN_TL2", "BTN_TR2")), *pressed(BY_PLACE))
        low, high = d.range("ABS_Y")
        near(extremes(d.events, "ABS_Y")[0], low, (high - low) // 20)
        near(extremes(d.events, "ABS_RY")[1], high, (high - low) // 20)


def test_dualsense_motion():
    with plugged(2, DUALSENSE_ID, 0x1ff, 3) as d:
        sensors = part(DUALSENSE_ID, "Motion Sensors")
        client.play(*unreliable("pad motion 0 2 10 -20 30"), *unreliable("pad motion 0 1 1 4.903325 -4.903325"))
        gyro, accel = (sensors.abs[c]["resolution"] for c in (3, 0))  # ABS_RX, ABS_X: a degree a second, 1 g
        for axis, wanted in (("ABS_RX", 10), ("ABS_RY", -20), ("ABS_RZ", 30)):
            near(last(sensors, axis), wanted * gyro, gyro / 8)
        for axis, wanted in (("ABS_X", 0.102), ("ABS_Y", 0.5), ("ABS_Z", -0.5)):
            near(last(sensors, axis), wanted * accel, accel / 100)
        in_range(sensors)
        assert {m[4] for m in d.wanted} == {1, 2} and all(m[:2] == b"\0\0" != m[2:4] for m in d.wanted), d.wanted


def test_dualsense_touchpad():
    with plugged(2, DUALSENSE_ID, 0x1ff, 3):
        pad = part(DUALSENSE_ID, "Touchpad")
        client.play("pad touch 0 1 7 0.5 0.25 1", "pad touch 0 1 8 1 1 1", "pad touch 0 2 7 0 0 0",
                    "pad touch 0 2 8 0 0 0", state(0, 1, 0x100000), state(0, 1))
        xs, ys = ([v for n, v in pad.events if n == a] for a in ("ABS_MT_POSITION_X", "ABS_MT_POSITION_Y"))
        near(xs[0], pad.range("ABS_MT_POSITION_X")[1] / 2, 1)
        near(ys[0], pad.range("ABS_MT_POSITION_Y")[1] / 4, 1)
        assert (xs[1], ys[1]) == (pad.range("ABS_MT_POSITION_X")[1], pad.range("ABS_MT_POSITION_Y")[1]), pad.events
        assert [v for n, v in pad.events if n == "ABS_MT_TRACKING_ID"][2:] == [-1, -1], pad.events
        assert [v for n, v in pad.events if n == "BTN_LEFT"] == [1, 0], "the click"


def test_dualsense_battery():
    with plugged(2, DUALSENSE_ID, 0x1ff, 3):
        (supply,) = pathlib.Path("/sys/class/power_supply").glob("ps-controller-battery-*")
        for line, status, percent in (("pad battery 0 2 40", "Discharging", 40), ("pad battery 0 3 70", "Charging", 70),
                                      ("pad battery 0 5 100", "Full", 100)):
            client.play(line)
            wait(lambda: (supply / "status").read_text().strip() == status, f"{status}")
            near(int((supply / "capacity").read_text()), percent, 10)


def test_dualsense_light_and_triggers_reach_the_client():
    with plugged(2, DUALSENSE_ID, 0x1ff, 3):
        (light,) = pathlib.Path("/sys/class/leds").glob("*:rgb:indicator")
        (raw,) = [h for h in pathlib.Path("/sys/class/hidraw").iterdir()
                  if "0000054C:00000CE6" in (h / "device/uevent").read_text()]
        effect = bytearray(48)
        effect[0:2] = 0x02, 0x04 | 0x08  # both triggers
        effect[11:22] = bytes(range(0x21, 0x2c))
        effect[22:33] = bytes(range(0x01, 0x0c))
        with listening():
            (light / "brightness").write_text("255")
            (light / "multi_intensity").write_text("10 20 30")
            with open(f"/dev/{raw.name}", "wb", buffering=0) as f:
                f.write(effect)
        lights, triggers = client.messages("5502"), client.messages("5503")
        assert lights and lights[-1] == bytes([0, 0, 10, 20, 30]), lights
        wanted = bytes([0, 0, 0x0c, 0x01, 0x21]) + bytes(range(0x02, 0x0c)) + bytes(range(0x22, 0x2c))
        assert triggers == [wanted], (triggers, wanted)


def rumbles(kind, ident, caps, devices):
    """Low and high of the messages that a game's effect, 0x4000 strong and 0x8000 weak, makes of pad 0."""
    with plugged(kind, ident, caps, devices) as d:
        with listening():
            rumble(d, 0x4000, 0x8000, 300)
        got = client.messages("010b")
    assert all(len(m) == 10 and m[4:6] == b"\0\0" for m in got), got
    levels = [(int.from_bytes(m[6:8], "little"), int.from_bytes(m[8:], "little")) for m in got]
    # A client that comes back is told how things are: at rest.
    return levels[next((i for i, level in enumerate(levels) if any(level)), 0):]


def test_m53_rumble_of_a_game_reaches_the_client():
    assert rumbles(1, XBOX_ID, 0x03, 1) == [(0x4000, 0x8000), (0, 0)]


def test_rumble_of_a_dualsense():
    got = rumbles(2, DUALSENSE_ID, 0x1ff, 3)
    assert got[-1] == (0, 0), got
    low, high = got[0]
    assert abs(low - 0x4000) < 0x200 and abs(high - 0x8000) < 0x200, got


def test_rumble_of_a_switch_pro():
    got = rumbles(3, SWITCH_ID, 0x3f, 2)
    assert got[-1] == (0, 0), got
    assert 0 < max(low for low, _ in got) < max(high for _, high in got), got


def test_m65_clear_mask_bit_unplugs():
    for number, mask in ((3, 0x8), (15, 0x8000)):
        client.play(f"pad arrival {number} 1 3 0", f"pad arrival {number} 1 3 0", state(number, mask))
        (d,) = wait_pads(XBOX_ID)
        client.play(state(number, 0))
        reader.wait_gone(d)


def test_sixteen_pads_at_once():
    client.play(*[s for n in range(16) for s in (f"pad arrival {n} 1 3 0", state(n, (2 << n) - 1))])
    found = wait_pads(XBOX_ID, 16)
    assert len(found) == 16 and len({d.phys for d in found}) == 16, found
    client.play(state(5, 0xffff, 0x1000))
    down = [d for d in found if d.events]
    same(down[0].events[:1], ("BTN_A", 1))
    assert len(down) == 1, "one pad speaks for itself"
    client.play(*[state(n, 0) for n in range(16)])
    reader.wait_gone(*found)


if __name__ == "__main__":
    run_tests(globals())
