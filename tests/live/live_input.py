#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program in a headless sway or mutter is given when input_drive plays a client's events: keys, text and mouse
of the desktop's own back end. Run by live-input.sh; names of tests as arguments select."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

RUNTIME = pathlib.Path(os.environ["XDG_RUNTIME_DIR"])
WIDTH, HEIGHT = 1280, 720
PATIENCE = 30  # seconds until something that must come is given up
BACKEND = {"sway": "wlroots", "mutter": "mutter", "kwin": "kwin"}[os.environ["LIVE_DESKTOP"]]
LAYOUT = os.environ["LIVE_LAYOUT"]
TESTS = []


def test(f, layouts=False):
    if LAYOUT == "us" or layouts:
        TESTS.append(f)
    return f


def only(*backends, layouts=False):
    """What not every back end can do. Of another layout than us only what is of layouts is shown."""
    return lambda f: test(f, layouts) if BACKEND in backends else f


class NoKeyboard(AssertionError):
    """The program was not given the keyboard: no other case would begin either."""


def wait(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"did not come: {what}")
        time.sleep(0.01)


def sway(command):
    subprocess.run(["swaymsg", command], check=True, stdout=subprocess.DEVNULL)


def through_libei():
    """Mutter 45 and later, and a moonrill built for it (where libei is)."""
    if BACKEND != "mutter" or not os.environ.get("LIVE_INSTALLED"):
        return False
    version = subprocess.run(["mutter", "--version"], capture_output=True, text=True).stdout
    return int(version.split()[1].split(".")[0]) >= 45


EIS = through_libei()


class Reader:
    """The program under test: wlkeys, whose lines are read as they come."""

    def __init__(self, size=f"{WIDTH}x{HEIGHT}"):
        self.log = RUNTIME / f"wlkeys-{size}.log"
        # KWin's screens have one size, and it places the window on the first
        command = ["wlkeys"] if BACKEND == "kwin" else ["wlkeys", size]
        self.process = subprocess.Popen(command, stdout=open(self.log, "wb"))
        self.mark = 0

    def lines(self):
        """Whole lines since the last forget()."""
        text = self.log.read_text()[self.mark:]
        return text[:text.rfind("\n") + 1].splitlines()

    def forget(self):
        self.mark = len(self.log.read_text())

    def of(self, *kinds):
        return [x for x in self.lines() if x.split()[0] in kinds]

    def wait_lines(self, n, *kinds):
        wait(f"{n} lines of {'/'.join(kinds)}; came: {self.lines()[-20:]}", lambda: len(self.of(*kinds)) >= n)
        return self.of(*kinds)

    def text(self):
        words = [x.split() for x in self.of("key")]
        data = "".join(w[4] for w in words if w[2] == "down" and w[4] != "-")
        return bytes.fromhex(data).decode("utf-8", "replace")

    def spelled(self):
        """text(), and what an input method makes of Ctrl+Shift+U, digits, space."""
        out, digits = "", None
        for w in (x.split() for x in self.of("key")):
            if w[2] != "down":
                continue
            c = "" if w[4] == "-" else bytes.fromhex(w[4]).decode("utf-8", "replace")
            if w[3] == "U" and w[5] == "shift,ctrl":
                digits = ""
            elif digits is None:
                out += c if "ctrl" not in w[5] else ""
            elif c == " ":
                out, digits = out + chr(int(digits, 16)), None
            else:
                digits += c
        return out


class Layout:
    """sway's layout, and that of a keyboard which somebody presses: since 1.10 sway leaves those of programs alone, and the
    seat has the layout of the keyboard that was pressed last."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        sway(f"input * xkb_layout {self.name}")
        self.keyboard = subprocess.Popen(["wllayout", self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.keyboard.stdout.readline() == b"there\n", "no other keyboard"
        time.sleep(0.5)

    def __exit__(self, *_):
        self.keyboard.communicate()
        sway("input * xkb_layout us")


class Client:
    """What a session has: the front of the input with the back end."""

    def __init__(self, reader, first=True, place=()):
        reader.forget()
        self.process = subprocess.Popen([os.environ["INPUT_DRIVE"], BACKEND, *map(str, place)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=open(RUNTIME / "drive.log", "a"), text=True,
                                        bufsize=1)
        self.serves = self.process.stdout.readline().strip()
        self.eis = EIS
        if first and BACKEND != "kwin":  # the seat had no keyboard
            try:
                reader.wait_lines(1, "ready")
                if BACKEND == "mutter":  # which never tells a program of a pointer that was there before it listened
                    reader.wait_lines(1, "pointer")
            except AssertionError as e:
                self.process.kill()
                raise NoKeyboard(e) from None
        reader.forget()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, *lines):
        for line in lines:
            answer = self.ask(line)
            assert answer == "ok", f"{line}: {answer}"

    def end(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.process.stdin.closed:
            assert self.end() == 0, "input_drive failed"


def keys(reader, n):
    """(code, direction, symbol, modifiers) of the n key events."""
    got = [x.split() for x in reader.wait_lines(n, "key")]
    return [(int(w[1]), w[2], w[3], w[5]) for w in got]


def tap(vk):
    return f"key {vk:x} 1 0", f"key {vk:x} 0 0"


@test
def keys_are_positions_and_go_up_again(reader):
    cases = [(0x41, 30, "a"), (0x5A, 44, "z"), (0x30, 11, "0"), (0x70, 59, "F1"), (0x0D, 28, "Return"),
             (0x08, 14, "BackSpace"), (0x25, 105, "Left"), (0x2E, 111, "Delete"), (0x60, 82, "KP_Insert"),
             (0xBA, 39, "semicolon"), (0xE2, 86, "less")]
    if BACKEND != "mutter":  # which keeps that one for itself
        cases.append((0x5B, 125, "Super_L"))
    with Client(reader) as client:
        assert f"keyboard: {BACKEND}, mouse: {BACKEND}" in client.serves, client.serves
        for vk, _, _ in cases:
            client.do(*tap(vk))
        got = keys(reader, 2 * len(cases))
    assert [g[:3] for g in got[::2]] == [(code, "down", sym) for _, code, sym in cases], got
    assert [g[:2] for g in got[1::2]] == [(code, "up") for _, code, _ in cases], got


@test
def modifiers_keep_step_and_a_chord_stays_held(reader):
    with Client(reader) as client:
        client.do("key a2 1 2", "key a0 1 3", *tap(0x43), *tap(0x56), "key a0 0 2", *tap(0x43), "key a2 0 0", *tap(0x43))
        got = keys(reader, 12)
    assert got == [(29, "down", "Control_L", "-"), (42, "down", "Shift_L", "ctrl"),
                   (46, "down", "C", "shift,ctrl"), (46, "up", "C", "shift,ctrl"),
                   (47, "down", "V", "shift,ctrl"), (47, "up", "V", "shift,ctrl"),
                   (42, "up", "Shift_L", "shift,ctrl"), (46, "down", "c", "ctrl"), (46, "up", "c", "ctrl"),
                   (29, "up", "Control_L", "ctrl"), (46, "down", "c", "-"), (46, "up", "c", "-")], got


@test
def locks_lock_and_unlock(reader):
    with Client(reader) as client:
        client.do(*tap(0x14), *tap(0x41), *tap(0x14), *tap(0x41), *tap(0x90), *tap(0x60), *tap(0x90))
        got = [g[2] for g in keys(reader, 14)[::2]]
    assert got == ["Caps_Lock", "A", "Caps_Lock", "a", "Num_Lock", "KP_0", "Num_Lock"], got


@test
def nothing_stays_down_when_the_client_ends(reader):
    with Client(reader) as client:
        client.do("abs 0.5 0.5")  # a pointer that comes back is at nobody's window until it moves
        reader.wait_lines(1, "frame")
        client.do("key a2 1 2", "key 43 1 2", "button 1 1", "button 5 1")
        keys(reader, 2)
        reader.wait_lines(2, "button")
        client.end()
        got = keys(reader, 4)
        buttons = reader.wait_lines(4, "button")
    assert [g[:2] for g in got[2:]] == [(46, "up"), (29, "up")], got
    assert buttons[2:] == ["button 272 up", "button 276 up"], buttons


@only("wlroots", "mutter")
def no_key_stays_down_when_the_daemon_is_killed(reader):
    with Client(reader) as client:
        client.do("key a2 1 2", "key 43 1 2")
        keys(reader, 2)
        client.process.kill()
        got = keys(reader, 4)
        client.process.wait()
        client.process.stdin.close()
    assert sorted(g[:2] for g in got[2:]) == [(29, "up"), (46, "up")], got


@test
def corners_of_the_output_are_reached_exactly(reader):
    points = [(0, 0), (WIDTH - 1, 0), (WIDTH - 1, HEIGHT - 1), (0, HEIGHT - 1), (1, 1), (640, 360), (WIDTH - 2, 5)]
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        reader.wait_lines(1, "frame")
        for x, y in points:
            reader.forget()
            client.do(f"abs {x / (WIDTH - 1):.9f} {y / (HEIGHT - 1):.9f}")
            got = [int(float(v)) for v in reader.wait_lines(1, "motion")[-1].split()[1:]]
            assert got == [x, y], f"{x},{y}: {got}"


@test
def deltas_are_taken_as_they_are(reader):
    deltas = [(1, 1), (-1, -1), (7, -3), (-250, 120), (33, 0), (0, 200)]
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        reader.wait_lines(1, "frame")
        at = [float(v) for v in reader.of("motion")[-1].split()[1:]]
        for dx, dy in deltas:
            reader.forget()
            client.do(f"rel {dx} {dy}")
            now = [float(v) for v in reader.wait_lines(1, "motion")[-1].split()[1:]]
            moved = now[0] - at[0], now[1] - at[1]
            assert max(abs(moved[0] - dx), abs(moved[1] - dy)) < 0.01, f"{dx},{dy}: {moved}"
            at = now


@test
def five_buttons(reader):
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        for n in range(1, 6):
            client.do(f"button {n} 1", f"button {n} 1", f"button {n} 0")
        got = reader.wait_lines(10, "button")
    want = [f"button {code} {way}" for code in (272, 274, 273, 275, 276) for way in ("down", "up")]
    assert got == want, got


@only("kwin")
def a_key_of_a_killed_daemon_goes_up_with_the_next_session(reader):
    """This KWin keeps down what a client held that has left (its protocol is older than version 5)."""
    with Client(reader) as client:
        client.do("key 43 1 0")
        keys(reader, 1)
        client.process.kill()
        client.process.wait()
        client.process.stdin.close()
        client.process.returncode = 0
    time.sleep(0.5)
    assert [g[:2] for g in keys(reader, 1)] == [(46, "down")], reader.lines()
    mark = reader.mark
    with Client(reader) as client:
        reader.mark = mark
        assert [g[:2] for g in keys(reader, 2)] == [(46, "down"), (46, "up")], reader.lines()
        reader.forget()
        client.do(*tap(0x43))
        assert [g[:3] for g in keys(reader, 2)] == [(46, "down", "c"), (46, "up", "c")], reader.lines()


@only("kwin")
def distances_on_both_axes(reader):
    cases = [("scroll 120", "axis v -15.000"), ("scroll -240", "axis v 30.000"), ("hscroll 120", "axis h 15.000"),
             ("hscroll -120", "axis h -15.000"), ("scroll 15", "axis v -1.875"), ("hscroll -1", "axis h -0.125")]
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        reader.wait_lines(1, "frame")
        for line, want in cases:
            reader.forget()
            client.do(line)
            assert reader.wait_lines(1, "axis") == [want], f"{line}: {reader.lines()}"


def kwin_layout(layout):
    config = pathlib.Path(os.environ["HOME"]) / ".config"
    config.mkdir(exist_ok=True)
    (config / "kxkbrc").write_text(f"[Layout]\nLayoutList={layout}\nUse=true\n")
    subprocess.run(["dbus-send", "--session", "--type=signal", "/Layouts", "org.kde.keyboard.reloadConfig"], check=True)
    time.sleep(0.5)


@only("kwin")
def text_of_the_layout_is_typed_on_it(reader):
    ascii_text = "The quick brown fox! 0123456789 \"#$%&'()*+,-./:;<=>?@[\\]_{|}~ zyqawm ZYQAWM"
    own = {"us": "`^", "de": "äöüßÄÖÜ€§°²³µ^`éèêÂ", "fr": "`^éèçàùµ£€§²", "jp": "`^"}
    try:
        for layout in "us", "de", "fr", "jp":
            kwin_layout(layout)
            with Client(reader) as client:
                text = ascii_text + own[layout]
                assert typed_as(reader, client, text) == text, f"{layout}: {reader.text()!r}"
                # held modifiers and a lock do not reach the text
                client.do("key a0 1 1", *tap(0x14))
                assert typed_as(reader, client, text) == text, f"{layout}, shift and Caps Lock: {reader.text()!r}"
                reader.forget()
                client.do(*tap(0x41))  # and come back
                wait("the key", lambda: len([k for k in reader.of("key") if k.split()[1] == "30"]) == 2)
                shifted_locked = [k.split()[3] for k in reader.of("key") if k.split()[1] == "30"][0]
                assert shifted_locked == ("q" if layout == "fr" else "a"), reader.lines()
                client.do(*tap(0x14), "key a0 0 0")
    finally:
        kwin_layout("us")


def typed_as(reader, client, text):
    """What a program makes of it, when keys beside those of the text come as well."""
    reader.forget()
    client.do("text " + " ".join(f"{ord(c):x}" for c in text))
    wait(f"{text!r}; came {reader.text()!r}", lambda: len(reader.text()) >= len(text))
    return reader.text()


@only("kwin")
def what_the_layout_lacks_goes_to_the_input_method(reader):
    for layout in "us", "fr":
        kwin_layout(layout)
        with Client(reader) as client:
            client.do("text 1f600")
            wait("the code point", lambda: reader.text().endswith(" "))
            got = [x.split() for x in reader.of("key")]
            downs = [(w[3], w[5]) for w in got if w[2] == "down" and w[3] not in ("Shift_L", "Control_L")]
            shift = "-" if layout == "us" else "shift"
            assert downs == [("U", "shift,ctrl")] + [(c, "-" if c == "f" else shift) for c in "1f600"] + \
                [("space", "-")], downs
            ups = sorted(w[1] for w in got if w[2] == "up")
            assert ups == sorted(w[1] for w in got if w[2] == "down"), got
    kwin_layout("us")


@only("kwin")
def accents_alone_are_their_dead_keys_and_a_space(reader):
    try:
        kwin_layout("de")
        with Client(reader) as client:
            client.do("text 5e 60")
            downs = [k[2] for k in keys(reader, 10) if k[1] == "down"]
            assert downs == ["dead_circumflex", "space", "Shift_L", "dead_grave", "space"], downs
    finally:
        kwin_layout("us")


@only("kwin")
def the_pointer_is_on_the_second_output(reader):
    """Beside that of the program: a step to the left leads to the program's far edge."""
    with Client(reader, place=(WIDTH, 0, WIDTH, HEIGHT)) as client:
        client.do("abs 0 0.5", "rel -1 0")
        last = reader.wait_lines(1, "motion")[-1].split()
        assert [int(float(v)) for v in last[1:]] == [WIDTH - 1, HEIGHT // 2], last
        reader.forget()
        client.do("abs 1 1", "rel 1 1", "abs 0 0")
        time.sleep(0.3)
        assert not reader.of("motion"), reader.lines()


@only("kwin")
def contacts_go_down_move_up_and_are_cancelled(reader):
    with Client(reader) as client:
        client.do("touch down 7 0 0", "touch down 9 1 1", "touch move 7 0.5 0", "touch up 7 0.5 0")
        got = [x.split() for x in reader.wait_lines(4, "touch")]
        first, second = got[0][2], got[1][2]
        assert first != second, got
        assert [g[1:3] for g in got] == [["down", first], ["down", second], ["move", first], ["up", first]], got
        assert [float(v) for v in got[1][3:]] == [WIDTH - 1, HEIGHT - 1], got
        client.do("touch cancel 9 1 1")
        assert reader.wait_lines(5, "touch")[4] == "touch cancel", reader.lines()
        client.do("touch down 1 0.5 0.5")
        reader.wait_lines(6, "touch")
        client.end()
        assert reader.wait_lines(7, "touch")[6].split()[1] in ("up", "cancel"), reader.lines()


@only("kwin")
def a_lock_that_somebody_else_pressed_is_known(reader):
    with Client(reader) as one, Client(reader) as two:
        one.do(*tap(0x14))
        keys(reader, 2)
        time.sleep(0.3)
        assert typed_as(reader, two, "aBc") == "aBc", reader.text()
        reader.forget()
        one.do(*tap(0x41), *tap(0x14))
        assert keys(reader, 4)[0][2] == "A", reader.lines()


@only("kwin")
def two_clients_hold_side_by_side(reader):
    with Client(reader) as one, Client(reader) as two:
        one.do("key 41 1 0")
        two.do("key 42 1 0")
        assert [g[:2] for g in keys(reader, 2)] == [(30, "down"), (48, "down")], reader.lines()
        one.end()
        assert keys(reader, 3)[2][:2] == (30, "up"), reader.lines()
        two.do("key 42 0 0")
        assert keys(reader, 4)[3][:2] == (48, "up"), reader.lines()


@only("wlroots")
def scroll_on_both_axes(reader):
    cases = [("scroll 120", ["discrete v -1", "axis v -15.000"]), ("scroll -240", ["discrete v 2", "axis v 30.000"]),
             ("hscroll 120", ["discrete h 1", "axis h 15.000"]), ("hscroll -120", ["discrete h -1", "axis h -15.000"]),
             ("scroll 15", ["axis v -1.875"]), ("hscroll -1", ["axis h -0.125"])]
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        reader.wait_lines(1, "frame")
        for line, want in cases:
            reader.forget()
            client.do(line)
            reader.wait_lines(1, "frame")
            assert sorted(reader.of("axis", "discrete")) == sorted(want), f"{line}: {reader.lines()}"
            assert reader.of("source") == ["source 0"], reader.lines()


def typed(reader, client, text):
    """The text as the program got it."""
    reader.forget()
    client.do("text " + " ".join(f"{ord(c):x}" for c in text))
    reader.wait_lines(2 * len(text), "key")
    return reader.text()


@only("wlroots")
def text_is_the_same_on_every_layout(reader):
    text = "The quick brown fox! 0123456789 \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ äöüßÄÖÜ éèàçùâêîôû " \
           "zyqawm ZYQAWM €£¥§°² ñå Привет Ελλάδα 日本語 かな 한국어 עברית العربية 😀🎮"
    for layout in "us", "de", "fr", "jp":
        with Client(reader) as client, Layout(layout):
            got = typed(reader, client, text)
            assert got == text, f"{layout}: {got}"
            # held modifiers and a lock do not reach the text
            client.do("key a0 1 1", *tap(0x14))
            got = typed(reader, client, "aÄ一z")
            assert got == "aÄ一z", f"{layout}, shift and Caps Lock: {got}"
            client.do(*tap(0x14))


@only("wlroots")
def random_strings_of_any_script(reader):
    pick = random.Random(3)

    def character():
        # one in four of any plane, the others where people write
        while True:
            cp = pick.randrange(0x20, 0x110000) if pick.random() < 0.25 else pick.randrange(0x20, 0x3000)
            if not (0x7F <= cp < 0xA0 or 0xD800 <= cp < 0xE000 or 0xFDD0 <= cp < 0xFDF0 or cp & 0xFFFE == 0xFFFE):
                return chr(cp)

    total = 0
    with Client(reader) as client:
        for n in range(500):
            text = "".join(character() for _ in range(pick.randint(1, 8)))
            got = typed(reader, client, text)
            assert got == text, f"string {n}: sent {text!r}, got {got!r}"
            total += len(text)
    print(f"# {total} characters in 500 strings")


@only("wlroots")
def a_layout_that_changes_is_followed(reader):
    with Client(reader) as client:
        client.do(*tap(0x41))
        assert keys(reader, 2)[0][2] == "a"
        with Layout("fr"):
            reader.forget()
            client.do(*tap(0x41))
            got = keys(reader, 2)
            assert got[0][2] == "q", got
            assert typed(reader, client, "azé漢") == "azé漢"


@only("wlroots")
def two_clients_type_and_hold_side_by_side(reader):
    with Client(reader) as one, Layout("de"):
        reader.forget()
        one.do(*tap(0x5A))
        assert keys(reader, 2)[0][2] == "y"
        assert typed(reader, one, "漢字Ω") == "漢字Ω"
        with Client(reader, first=False) as two:
            reader.forget()
            two.do(*tap(0x5A))
            assert keys(reader, 2)[0][2] == "y", "the second has another layout"
            assert typed(reader, two, "ß日本Ж") == "ß日本Ж"
            assert typed(reader, one, "ü漢Ω") == "ü漢Ω"
            reader.forget()
            one.do("key a0 1 0")  # held by one, of no concern to two
            keys(reader, 1)  # their sockets have no order between them
            two.do(*tap(0x41))
            keys(reader, 3)
            one.do(*tap(0x41), "key a0 0 0")
            assert [g[2] for g in keys(reader, 6)[1:5]] == ["a", "a", "A", "A"], keys(reader, 6)


def corner(reader, client, x, y):
    """Where the program sees the pointer when the client is there."""
    reader.forget()
    client.do(f"abs {x} {y}")
    return [int(float(v)) for v in reader.wait_lines(1, "motion")[-1].split()[1:]]


def second_output(x, y):
    """HEADLESS-2, 800x600, beside the first; sway never takes one away again, it is only disabled."""
    if "HEADLESS-2" not in subprocess.check_output(["swaymsg", "-rt", "get_outputs"], text=True):
        sway("create_output")
    sway("output HEADLESS-1 pos 0 0")
    sway(f"output HEADLESS-2 enable mode --custom 800x600@60Hz pos {x} {y}")


@only("wlroots")
def the_pointer_stays_on_its_output(reader):
    """With a second output beside it, which the far edge must not reach."""
    second_output(WIDTH, 0)
    try:
        with Client(reader) as client:
            client.do("abs 0.5 0.5")
            reader.wait_lines(1, "frame")
            assert corner(reader, client, 0, 0) == [0, 0]
            assert corner(reader, client, 1, 1) == [WIDTH - 1, HEIGHT - 1]
            assert corner(reader, client, 1, 0) == [WIDTH - 1, 0]
    finally:
        sway("output HEADLESS-2 disable")


def move_program(output):
    for command in "fullscreen disable", f"move container to output {output}", "fullscreen enable", "focus":
        sway(f'[app_id=".*"] {command}')
    time.sleep(0.5)


def corners(reader, client, width, height):
    """Of the program's screen; exactly."""
    def there():  # once the desktop is ready, and the program has its pointer
        client.do("abs 0.4 0.4", "abs 0.5 0.5")
        return reader.of("frame")

    wait("the pointer", there)
    time.sleep(0.3)  # for the last of them
    for x, y in (0, 0), (1, 0), (1, 1), (0, 1):
        want = [x * (width - 1), y * (height - 1)]
        got = corner(reader, client, x, y)
        assert got == want, f"{x},{y} of {width}x{height}: {got}"


@only("wlroots")
def the_pointer_is_on_the_output_that_is_captured(reader):
    """Another one than the first, of another size, and the program is on it; where it lies changes meanwhile."""
    second_output(WIDTH, 40)
    move_program("HEADLESS-2")
    try:
        for place in (WIDTH, 40, 800, 600), (0, 0, 800, 600), (WIDTH + 20, 100, 700, 500):
            with Client(reader, first=place[0] == WIDTH, place=place) as client:
                corners(reader, client, 800, 600)
        with Client(reader, first=False, place=(WIDTH, 40, 800, 600)) as client:
            sway(f"output HEADLESS-2 pos 0 {HEIGHT}")
            time.sleep(0.5)
            corners(reader, client, 800, 600)
            sway("output HEADLESS-2 scale 2")
            time.sleep(0.5)
            corners(reader, client, 400, 300)
    finally:
        sway("output HEADLESS-2 scale 1")
        move_program("HEADLESS-1")
        sway("output HEADLESS-2 disable")


@only("wlroots", "kwin")
def a_compositor_that_stops_reading_is_waited_for(reader):
    """Its socket fills up: moves are left out, what lets go is not, and nobody waits or spins meanwhile."""
    pid = int((RUNTIME / f"{os.environ['LIVE_DESKTOP']}.pid").read_text())
    with Client(reader) as client:
        client.do("abs 0.5 0.5", "key a2 1 2", "button 1 1")
        keys(reader, 1)
        reader.wait_lines(1, "button")
        os.kill(pid, signal.SIGSTOP)
        try:
            for n in range(20000):
                client.do(f"rel {1 if n % 2 else -1} 0")
            client.do("key 41 1 2", "key a2 0 0", "key 41 0 0", "button 1 0")
            before = int(client.ask("wakes"))
            time.sleep(0.5)
            assert int(client.ask("wakes")) <= before + 1, "it is woken for nothing"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert reader.wait_lines(2, "button")[1] == "button 272 up"
        assert [g[:2] for g in keys(reader, 2)] == [(29, "down"), (29, "up")]
        reader.forget()
        client.do(*tap(0x42), "rel 5 0")
        assert [g[:3] for g in keys(reader, 2)] == [(48, "down", "b"), (48, "up", "b")]


@only("wlroots", "kwin")
def a_compositor_that_ends_is_survived(reader):
    with Client(reader) as client:
        client.do("key 41 1 0", "abs 0.5 0.5")
        os.kill(int((RUNTIME / f"{os.environ['LIVE_DESKTOP']}.pid").read_text()), signal.SIGKILL)
        reader.process.wait(PATIENCE)
        client.do("key 41 0 0", "rel 1 1", "text 41 4e00", "button 1 1")
        before = int(client.ask("wakes"))
        time.sleep(0.5)
        assert int(client.ask("wakes")) <= before + 1, "it is woken for nothing"
        client.do("release")
        client.end()
    told = [x for x in (RUNTIME / "drive.log").read_text().splitlines() if "compositor has gone" in x]
    assert len(told) == 1, told


@only("mutter")
def the_pointer_is_on_the_monitor_that_is_captured(reader):
    """Another one than the primary, and of another size; a place where no monitor is leaves the primary one."""
    other = Reader("800x600")
    try:
        time.sleep(1)
        for place in (WIDTH, 0, 800, 600), (WIDTH, 0, 800, 600):
            with Client(other, first=False, place=place) as client:
                corners(other, client, 800, 600)
        with Client(reader, first=False, place=(0, 0, WIDTH, HEIGHT)) as client:
            corners(reader, client, WIDTH, HEIGHT)
        with Client(reader, first=False, place=(90000, 0, 800, 600)) as client:
            corners(reader, client, WIDTH, HEIGHT)
    finally:
        other.process.kill()
        other.process.wait()
        time.sleep(1)


@only("mutter")
def scroll_by_notches_and_smoothly(reader):
    cases = [("scroll 120", ["discrete v -1", "axis v -10.000"]), ("scroll -240", ["discrete v 2", "axis v 20.000"]),
             ("hscroll 120", ["discrete h 1", "axis h 10.000"])]
    smooth = [("scroll 15", ["axis v -1.250"]), ("hscroll -60", ["axis h -5.000"])]
    with Client(reader) as client:
        client.do("abs 0.5 0.5")
        reader.wait_lines(1, "frame")
        # through libei Mutter gives a program that knows clicks only whole ones, when they are complete
        for line, want in cases if client.eis else cases + smooth:
            reader.forget()
            client.do(line)
            whole = float(want[-1].split()[2])
            wait(f"{line}", lambda: abs(sum(float(x.split()[2]) for x in reader.of("axis")) - whole) < 0.01)
            notches = [sum(int(x.split()[2]) for x in lines if x.startswith("d")) for lines in (reader.lines(), want)]
            assert notches[0] == notches[1], f"{line}: {reader.lines()}"
        if client.eis:
            for axis, amount in ("", 15), ("h", -15):
                reader.forget()
                client.do(*[f"{axis}scroll {amount}"] * 32)
                wait("four notches of shares", lambda: len(reader.of("discrete")) >= 4)
                name, sign = ("h", -1) if axis else ("v", -1)
                assert set(reader.of("discrete")) == {f"discrete {name} {sign}"}, reader.lines()


@only("mutter", layouts=True)
def the_layout_is_the_one_of_the_machine(reader):
    with Client(reader) as client:
        client.do(*tap(0x51), *tap(0x5A), *tap(0xBA))
        got = [k[2] for k in keys(reader, 6)[::2]]
    assert got == {"us": ["q", "z", "semicolon"], "de": ["q", "y", "odiaeresis"], "fr": ["a", "w", "m"],
                   "jp": ["q", "z", "semicolon"]}[LAYOUT], got


@only("mutter", layouts=True)
def ascii_is_typed_on_every_layout(reader):
    text = "".join(chr(c) for c in range(0x20, 0x7F))
    # Mutter's own mistakes: what is only a dead key is dropped; of a symbol on the fourth level it presses the bare key.
    mistakes = {"de": {"^": "", "`": ""}, "fr": {"$": "'", "<": "z", ">": "x"}}.get(LAYOUT, {})
    with Client(reader) as client:
        mistakes = {} if client.eis else mistakes
        want = "".join(mistakes.get(c, c) for c in text)
        client.do("text " + " ".join(f"{ord(c):x}" for c in text))
        try:
            wait("the text", lambda: reader.text() == want)
        except AssertionError:
            raise AssertionError(f"{LAYOUT}: came {reader.text()!r}") from None
    if mistakes:
        print(f"# {LAYOUT}: Mutter types {mistakes}")


@only("mutter", layouts=True)
def the_layouts_own_characters_come_as_themselves(reader):
    text = {"de": "äöüßÄÖÜ§°€µ²³éèêÂ", "fr": "éèçàù²âêîôûäëïöü€ÂÊ¤£§"}.get(LAYOUT, "") + "".join(map(chr, range(33, 127)))
    with Client(reader) as client:
        if not client.eis:
            return print("# without libei the layout is not known")
        for before, after in ((), ()), (tap(0x14), tap(0x14)), (("key a0 1 1", "key a2 1 3"), ("key a2 0 0", "key a0 0 0")):
            client.do(*before)
            time.sleep(0.3)
            reader.forget()
            client.do("text " + " ".join(f"{ord(c):x}" for c in text))
            try:
                wait("the text", lambda: reader.spelled() == text)
            except AssertionError:
                raise AssertionError(f"{LAYOUT}, after {before}: came {reader.spelled()!r}") from None
            assert all(w.split()[3] != "U" or w.split()[5] != "shift,ctrl" for w in reader.of("key")) or before
            client.do(*after)
            time.sleep(0.3)


@only("mutter", layouts=True)
def random_strings_arrive_with_an_input_method(reader):
    """500 of any script: what the layout has as itself, the rest as the number that input methods understand."""
    pick = random.Random(3)

    def character():
        while True:
            cp = pick.randrange(0x20, 0x110000) if pick.random() < 0.25 else pick.randrange(0x20, 0x600)
            if not (0x7F <= cp < 0xA0 or 0xD800 <= cp < 0xE000):
                return chr(cp)

    total = 0
    with Client(reader) as client:
        if not client.eis:
            return print("# without libei the layout is not known")
        for n in range(500):
            text = "".join(character() for _ in range(pick.randint(1, 8)))
            reader.forget()
            client.do("text " + " ".join(f"{ord(c):x}" for c in text))
            try:
                wait("the text", lambda: reader.spelled() == text)
            except AssertionError:
                raise AssertionError(f"{LAYOUT}, string {n}: sent {text!r}, came {reader.spelled()!r}") from None
            total += len(text)
    print(f"# {total} characters in 500 strings")


@only("mutter")
def what_is_not_ascii_goes_to_the_input_method(reader):
    with Client(reader) as client:
        client.do("text 1f600")
        wait("the code point", lambda: reader.text().endswith(" "))
        got = [(w[2], w[3], w[5]) for w in (x.split() for x in reader.of("key"))]
        downs = [(sym, mods) for way, sym, mods in got if way == "down"]
        assert downs == [("Control_L", "-"), ("Shift_L", "ctrl"), ("U", "shift,ctrl"), ("1", "-"), ("f", "-"),
                         ("6", "-"), ("0", "-"), ("0", "-"), ("space", "-")], got
        assert sorted(x[1] for x in got if x[0] == "up") == sorted(x[0] for x in downs), got


@only("mutter")
def a_desktop_that_ends_is_survived(reader):
    with Client(reader) as client:
        client.do("key 41 1 0", "abs 0.5 0.5")
        os.kill(int((RUNTIME / "mutter.pid").read_text()), signal.SIGKILL)
        reader.process.wait(PATIENCE)
        client.do("key 41 0 0", "rel 1 1", "text 41 4e00", "button 1 1", "release")
        time.sleep(0.5)
        before = int(client.ask("wakes"))
        time.sleep(0.5)
        assert int(client.ask("wakes")) <= before + 1, "it is woken for nothing"
        client.end()


def main():
    chosen = [t for t in TESTS if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    reader = Reader()
    if BACKEND == "kwin":  # its seat has what a client brings along: with this one it never changes
        keeper = subprocess.Popen([os.environ["INPUT_DRIVE"], BACKEND], stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.DEVNULL, stderr=open(RUNTIME / "keeper.log", "w"))

        def clicked():
            """The window may still be on its way: a click gives it the keyboard as soon as it is there."""
            keeper.stdin.write("abs 0.25 0.25\nabs 0.5 0.5\nbutton 1 1\nbutton 1 0\n")
            keeper.stdin.flush()
            time.sleep(0.5)
            return reader.of("ready") and reader.of("button")

        wait("the keyboard, after a click", clicked)
        time.sleep(0.5)  # a click that is still under way
    elif BACKEND == "mutter":  # a new window gets its keyboard twice
        with Client(reader):
            time.sleep(1)
    failed = 0
    for t in chosen:
        begin = time.monotonic()
        try:
            t(reader)
            print(f"ok - {t.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
        except (AssertionError, OSError, ValueError) as e:
            failed += 1
            print(f"not ok - {t.__name__}: {e}", flush=True)
            if isinstance(e, NoKeyboard):
                print("Bail out! the program has no keyboard", flush=True)
                break
    reader.process.kill()
    if failed and (RUNTIME / "drive.log").exists():
        print((RUNTIME / "drive.log").read_text()[-3000:])
    return 1 if failed else 0


sys.exit(main())
