# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyboard, mouse, touch and pen of a client as the kernel shows them (2-media 6.1 to 6.3, 6.5)."""
import json
import re

from devices import CODE, same, spread
from latency import Trace
from stream import (DEVICES, FENCE, Client, client, device, host, in_range, last, moves, plug_in, reader, run_tests,
                    unreliable, wait)

# 2-media 6.2
KEYS = """\
08 BACKSPACE 09 TAB 0c CLEAR 0d ENTER 13 PAUSE 14 CAPSLOCK 1b ESC 20 SPACE 21 PAGEUP 22 PAGEDOWN 23 END 24 HOME 25
LEFT 26 UP 27 RIGHT 28 DOWN 2c SYSRQ 2d INSERT 2e DELETE 5b LEFTMETA 5c RIGHTMETA 5d COMPOSE 6a KPASTERISK 6b KPPLUS
6c KPCOMMA 6d KPMINUS 6e KPDOT 6f KPSLASH 90 NUMLOCK 91 SCROLLLOCK a0 LEFTSHIFT a1 RIGHTSHIFT a2 LEFTCTRL a3
RIGHTCTRL a4 LEFTALT a5 RIGHTALT ba SEMICOLON bb EQUAL bc COMMA bd MINUS be DOT bf SLASH c0 GRAVE db LEFTBRACE dc
BACKSLASH dd RIGHTBRACE de APOSTROPHE e2 102ND 10 LEFTSHIFT 11 LEFTCTRL 12 LEFTALT""".split()
KEYS = {int(vk, 16): "KEY_" + name for vk, name in zip(KEYS[::2], KEYS[1::2])}
KEYS.update({0x30 + i: f"KEY_{i}" for i in range(10)})
KEYS.update({0x41 + i: f"KEY_{chr(0x41 + i)}" for i in range(26)})
KEYS.update({0x60 + i: f"KEY_KP{i}" for i in range(10)})
KEYS.update({0x70 + i: f"KEY_F{i + 1}" for i in range(24)})


# ---- the devices ----


def test_every_class_has_its_device():
    found = {part: device(part) for part in DEVICES}
    seats = {re.search(r"[0-9a-f]{8}", d.phys + d.uniq).group() for d in found.values()}
    assert len(seats) == 1, [(d.phys, d.uniq) for d in found.values()]
    assert found["keyboard"].has(*KEYS.values(), "KEY_RO", "KEY_YEN") == []
    assert found["mouse"].has("REL_X", "REL_Y", "REL_WHEEL", "REL_HWHEEL", "REL_WHEEL_HI_RES", "REL_HWHEEL_HI_RES",
                              "BTN_LEFT", "BTN_RIGHT", "BTN_MIDDLE", "BTN_SIDE", "BTN_EXTRA") == []
    assert found["pointer"].has("ABS_X", "ABS_Y", "BTN_LEFT") == []
    assert found["touch"].has("ABS_MT_SLOT", "ABS_MT_TRACKING_ID", "ABS_MT_POSITION_X", "ABS_MT_POSITION_Y",
                              "ABS_MT_PRESSURE", "BTN_TOUCH") == []
    assert found["pen"].has("BTN_TOOL_PEN", "BTN_TOOL_RUBBER", "BTN_TOUCH", "BTN_STYLUS", "BTN_STYLUS2", "ABS_PRESSURE",
                            "ABS_DISTANCE", "ABS_TILT_X", "ABS_TILT_Y") == []
    for part in ("touch", "pen"):
        assert CODE["INPUT_PROP_DIRECT"] in found[part].props, part
        assert all(found[part].abs[CODE[a]]["resolution"] > 0 for a in ("ABS_X", "ABS_Y")), part
    with client.playing():
        wait(lambda: host.status()["sessions"][0].get("stream"), "the stream is up")
        served = host.status()["sessions"][0]["stream"]["input"]
    assert {served[c] for c in ("keyboard", "mouse", "touch", "pen")} == {"uinput"}, served


# ---- keyboard ----


def test_m57_wrong_size_field_drops_the_packet():
    body = "0300000000418000" "0000"
    got = client.play(f"raw 0000000b{body}", f"raw 00000009{body}", f"raw 0000000a{body}", "key 0x41 up")
    same(got, ("KEY_A", 1), ("KEY_A", 0))


def test_m58_key_down_once_however_often_it_is_sent():
    got = client.play("key 0x41 down", "key 0x41 down", "key 0x41 up", "key 0x41 up")
    same(got, ("KEY_A", 1), ("KEY_A", 0))


def test_m59_iso_and_jis_keys_by_the_flag():
    got = client.play("key 0xe2 tap raw", "key 0xe2 tap", "key 0xdc tap raw", "key 0xdc tap")
    same(got, *[(key, v) for key in ("KEY_RO", "KEY_102ND", "KEY_YEN", "KEY_BACKSLASH") for v in (1, 0)])


def test_every_key_of_the_table():
    keys = {vk: name for vk, name in KEYS.items() if vk != FENCE}
    wanted = [e for name in keys.values() for e in ((name, 1), (name, 0))]
    script = [f"key {vk} tap" for vk in keys]
    same(client.play(*[s for i in range(0, len(script), 10) for s in (*script[i:i + 10], "sleep 20")]), *wanted)


def test_claimed_modifier_is_pressed_around_the_key_alone():
    got = client.play("key 0x41 tap 1", "key 0xa2 down 2", "key 0x43 tap 2", "key 0xa2 up")
    same(got, ("KEY_LEFTSHIFT", 1), ("KEY_A", 1), ("KEY_LEFTSHIFT", 0), ("KEY_A", 0),
         ("KEY_LEFTCTRL", 1), ("KEY_C", 1), ("KEY_C", 0), ("KEY_LEFTCTRL", 0))


def test_m70_text_is_typed_and_half_a_character_is_not():
    got = client.play("text \U0001f600", "raw 0000000717000000f09f98", "raw 0000000617000000c328", "key 0x41 tap")
    struck = [name for name, value in got if value]
    assert struck[-8:] == [f"KEY_{k}" for k in "U1F600"] + ["KEY_SPACE", "KEY_A"], got
    assert set(struck[:-8]) == {"KEY_LEFTCTRL", "KEY_LEFTSHIFT"}, got
    assert sorted(n for n, v in got if v) == sorted(n for n, v in got if not v), "something is still down"


# ---- mouse ----


def test_m61_relative_motion_is_exact():
    client.play("mouse -32768 32767", "mouse 0 -5", "mouse 7 0")
    same(moves(device("mouse")), ("REL_X", -32768), ("REL_Y", 32767), ("REL_Y", -5), ("REL_X", 7))


def test_m62_absolute_position_reaches_the_edges():
    d = device("pointer")
    client.play("abs 640 360 1281 721", "abs 1280 0 1281 721", "abs 0 720 1281 721")
    high_x, high_y = d.range("ABS_X")[1], d.range("ABS_Y")[1]
    got = d.events
    for axis, high in (("ABS_X", high_x), ("ABS_Y", high_y)):
        values = [v for n, v in got if n == axis]
        assert abs(values[0] - high / 2) <= 1, got
        assert values[-2:] == ([high, 0] if axis == "ABS_X" else [0, high]), got


def test_m63_scroll_by_hi_res_and_whole_notches():
    d = device("mouse")
    client.play("scroll 60", "scroll 60", "hscroll -120", "scroll -30")
    fine = [e for e in moves(d) if e[0].endswith("HI_RES")]
    same(fine, ("REL_WHEEL_HI_RES", 60), ("REL_WHEEL_HI_RES", 60), ("REL_HWHEEL_HI_RES", -120),
         ("REL_WHEEL_HI_RES", -30))
    whole = [e for e in moves(d) if not e[0].endswith("HI_RES")]
    same(whole, ("REL_WHEEL", 1), ("REL_HWHEEL", -1))
    assert moves(d)[0] == fine[0] and whole[0] in moves(d)[1:3], "the notch belongs to the second"


def test_five_buttons():
    client.play(*[f"button {n} click" for n in range(1, 6)])
    wanted = [(b, v) for b in ("BTN_LEFT", "BTN_MIDDLE", "BTN_RIGHT", "BTN_SIDE", "BTN_EXTRA") for v in (1, 0)]
    same(moves(device("mouse")), *wanted)


# ---- touch and pen ----


def test_touch_with_pressure_and_shape():
    d = device("touch")
    client.play("touch 1 77 0.25 0.75 0.5 0.1 0.05 45", *unreliable("touch 3 77 0.5 0.5 0.75 0.1 0.05 45"),
                "touch 2 77 0.5 0.5 0 0 0 0xffff")
    high = d.range("ABS_MT_POSITION_X")[1]
    xs = [v for n, v in d.events if n == "ABS_MT_POSITION_X"]
    assert abs(xs[0] - high / 4) <= 1 and abs(xs[-1] - high / 2) <= 1, d.events
    pressures = [v for n, v in d.events if n == "ABS_MT_PRESSURE"]
    full = d.range("ABS_MT_PRESSURE")[1]
    assert [abs(p - part * full) <= 1 for p, part in zip(pressures, (0.5, 0.75))] == [True, True], d.events
    assert last(d, "ABS_MT_TRACKING_ID") == -1 and last(d, "BTN_TOUCH") == 0
    in_range(d)


def test_m68_cancel_all_lifts_ten_contacts():
    d = device("touch")
    client.play(*[f"touch 1 {100 + i} {i / 10} 0.5 0.5 0 0 0xffff" for i in range(10)], "touch 7 0 0 0 0 0 0 0xffff")
    ids = [v for n, v in d.events if n == "ABS_MT_TRACKING_ID"]
    assert len(set(ids[:10])) == 10 and -1 not in ids[:10] and ids[10:] == [-1] * 10, ids
    assert last(d, "BTN_TOUCH") == 0
    in_range(d)


def test_m67_pen_contact_of_unknown_pressure_and_tilt():
    d = device("pen")
    client.play("pen 1 1 0 0.5 0.25 0 0xffff 0xff 0 0", "pen 2 1 0 0.5 0.25 0 0xffff 0xff 0 0",
                "pen 6 1 0 0 0 0 0xffff 0xff 0 0")
    got = d.events
    same([e for e in got if e[0].startswith("BTN_")],
         ("BTN_TOOL_PEN", 1), ("BTN_TOUCH", 1), ("BTN_TOUCH", 0), ("BTN_TOOL_PEN", 0))
    assert max(v for n, v in got if n == "ABS_PRESSURE") > 0, got
    assert not [e for e in got if e[0].startswith("ABS_TILT")], got
    in_range(d)


def test_pen_hover_tilt_buttons_and_eraser():
    d = device("pen")
    client.play(*unreliable("pen 0 1 0 0.1 0.1 0.5 90 45 0 0"), "pen 1 1 3 0.2 0.1 0.5 90 45 0 0",
                "pen 2 1 0 0.2 0.1 0 90 45 0 0",
                "pen 6 1 0 0 0 0 0xffff 0xff 0 0", "pen 1 2 0 0.3 0.1 1 0xffff 0xff 0 0", "pen 7 0 0 0 0 0 0 0 0 0")
    got = d.events
    same([e for e in got if e[0].startswith("BTN_")],
         ("BTN_TOOL_PEN", 1), ("BTN_TOUCH", 1), ("BTN_STYLUS", 1), ("BTN_STYLUS2", 1), ("BTN_TOUCH", 0),
         ("BTN_STYLUS", 0), ("BTN_STYLUS2", 0), ("BTN_TOOL_PEN", 0), ("BTN_TOOL_RUBBER", 1),
         ("BTN_TOUCH", 1), ("BTN_TOUCH", 0), ("BTN_TOOL_RUBBER", 0))
    # The tip points to the right, so the other end leans to the left, and neither up nor down.
    assert last(d, "ABS_TILT_X") == -45 and not [v for n, v in got if n == "ABS_TILT_Y" and v], got
    distances = [v for n, v in got if n == "ABS_DISTANCE"]
    assert abs(distances[0] - d.range("ABS_DISTANCE")[1] / 2) <= 1, got
    assert last(d, "ABS_PRESSURE") == 0
    in_range(d)


def test_m69_no_float_leaves_the_range():
    bad = ("nan", "inf", "-inf", "-1", "2", "1e38")
    script = ["pad arrival 9 2 0x1ff 0", "pad state 9 0x200 0 0 0 0 0 0 0"]
    for i, v in enumerate(bad):
        script += [f"touch 1 {i} {v} {v} {v} {v} {v} 400", f"pen 1 1 0 {v} {v} {v} 400 91 {v} {v}",
                   f"pad touch 9 1 {i} {v} {v} {v}", f"pad touch 9 2 {i} {v} {v} {v}",
                   f"pad motion 9 1 {v} {v} {v}", f"pad motion 9 2 {v} {v} {v}"]
    client.play(*script, "touch 7 0 0 0 0 0 0 0", "pen 7 0 0 0 0 0 0 0 0 0", "pad state 9 0 0 0 0 0 0 0 0")
    for d in (device("touch"), device("pen")):
        assert last(d, "BTN_TOUCH") == 0, d.events
    for d in reader.devices:
        in_range(d)
    client.play()  # the host still lives


# ---- the end ----

HELD = ("key 0x41 down", "key 0xa0 down", "button 1 down", "touch 1 5 0.5 0.5 0.5 0 0 0xffff",
        "pen 1 1 1 0.5 0.5 0.5 0xffff 0xff 0 0")
HOLDS = {"keyboard": [("KEY_A", 1), ("KEY_LEFTSHIFT", 1)], "mouse": [("BTN_LEFT", 1)], "touch": [("BTN_TOUCH", 1)],
         "pen": [("BTN_TOUCH", 1), ("BTN_STYLUS", 1)]}
LETS_GO = {"keyboard": ["KEY_A", "KEY_LEFTSHIFT"], "mouse": ["BTN_LEFT"], "touch": ["BTN_TOUCH"],
           "pen": ["BTN_TOUCH", "BTN_STYLUS", "BTN_TOOL_PEN"]}


def all_up(found):
    return all(last(found[part], name) == 0 for part, names in LETS_GO.items() for name in names)


def hold():
    """A stream in which something of everything is held."""
    client.start(*HELD)
    found = {part: device(part) for part in HOLDS}
    for part, wanted in HOLDS.items():
        reader.saw(found[part], *wanted)
    return found


def test_m60_client_that_quits_leaves_nothing_held():
    reader.forget()
    found = hold()
    client.stop()
    reader.until(lambda: all_up(found), "all released")


def test_m60_client_that_is_thrown_out_leaves_nothing_held():
    reader.forget()
    found = hold()
    known = json.loads(host.ctl("clients", "--json").stdout)
    host.ctl("clients", "remove", known[0]["id"])
    reader.until(lambda: all_up(found), "all released")
    client.proc.communicate(timeout=60)
    client.again = False
    host.paired(keys=client.keys)
    plug_in()


def test_m60_client_that_vanishes_leaves_nothing_held():
    reader.forget()
    found = hold()
    client.proc.kill()
    client.proc.communicate()
    reader.until(lambda: all_up(found), "all released", 90)


def test_latency_from_the_probe_to_evdev():
    d = device("mouse")
    with Trace() as trace:
        client.play(*[s for i in range(200) for s in (f"mouse {i % 7 + 1} 0", "sleep 10")])
    seen = [(line["t"], line["r"]) for line in d.lines if line["type"] == CODE["EV_REL"]][4:]
    spans = trace.spans(host.proc.pid, client.proc.pid, seen)
    for name, values in spans.items():
        print(f"# {name}: {spread(values)}")
    assert len(spans["received to read"]) >= 100, {k: len(v) for k, v in spans.items()}


def test_two_clients_have_devices_of_their_own():
    other = Client(host, "keys2")
    mine = device("keyboard")
    with client.playing("key 0x41 tap"):
        other.start("sleep 2000", "key 0x42 tap", keep=False)
        theirs = reader.until(lambda: [d for d in reader.find(DEVICES["keyboard"]) if d is not mine],
                              "a second keyboard")
        reader.saw(theirs[0], ("KEY_B", 1), ("KEY_B", 0))
        reader.saw(mine, ("KEY_A", 1), ("KEY_A", 0))
        other.stop()
        reader.wait_gone(*theirs)
    assert theirs[0].phys + theirs[0].uniq != mine.phys + mine.uniq
    assert not [e for e in mine.events if e[0] == "KEY_B"] and not [e for e in theirs[0].events if e[0] == "KEY_A"]


def ours():
    return [d for d in reader.devices if not d.gone and d.name.startswith("moonrill")]


def leave():
    """The probe of a host that is gone."""
    client.proc.kill()
    client.proc.communicate()
    client.again = False


def test_m60_host_that_is_stopped_lets_go_and_unplugs():
    reader.forget()
    found, there = hold(), ours()
    status, _ = host.stop()
    assert status == 0
    reader.wait_gone(*there)
    assert all_up(found), [found[part].events for part in HOLDS]
    leave()
    host.start()
    plug_in()


def test_host_that_is_killed_leaves_no_device():
    reader.forget()
    hold()
    there = ours()
    host.proc.kill()
    host.proc.wait()
    reader.wait_gone(*there)
    leave()


if __name__ == "__main__":
    run_tests(globals())
