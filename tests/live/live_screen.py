# SPDX-License-Identifier: GPL-3.0-or-later
"""A live screen through the daemon to the probe: decoded, and looked at. Runs inside live-screen.sh's session."""
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import time

from harness import BUILD, Host, finish, run

SIZE = ("--width", 1280, "--height", 720, "--fps", 60, "--bitrate", 10000)
QUADRANTS = {(0.25, 0.35): (255, 0, 0), (0.75, 0.35): (0, 255, 0), (0.25, 0.75): (0, 0, 255),
             (0.75, 0.75): (255, 255, 255)}
BARS = {((i + 0.5) / 8, 0.4): rgb for i, rgb in enumerate(
    [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)])}

BLACK_MAX = 6  # pictures that a stream shows before its source gives one


@contextlib.contextmanager
def running(*cmd):
    p = subprocess.Popen([str(c) for c in cmd], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield p
    finally:
        p.terminate()
        p.wait()


@contextlib.contextmanager
def client(*args):
    """The animated Wayland client, full screen."""
    with running("wlclient", *args) as p:
        time.sleep(0.5)
        yield p


@contextlib.contextmanager
def node(name, *args):
    with running(BUILD / "tests/live/pw_source", "--name", name, *args) as p:
        deadline = time.monotonic() + 10
        while f'"{name}"' not in subprocess.run(["pw-cli", "ls", "Node"], capture_output=True, text=True).stdout:
            assert time.monotonic() < deadline, f"no node {name}"
            time.sleep(0.05)
        yield p


@contextlib.contextmanager
def host(source, *options):
    h = Host(*options, source=source)
    try:
        deadline = time.monotonic() + 20
        while h.status()["screen"]["state"] != "ready":
            assert time.monotonic() < deadline, h.status()["screen"]
            time.sleep(0.05)
        yield h.paired()
    finally:
        h.close()


def resize(size):
    subprocess.run(["swaymsg", f"output HEADLESS-1 mode --custom {size}@60Hz"], check=True, capture_output=True)


def codes(path, source=None):
    """The report of read_pattern. Pictures that cannot be read are counted, not an error; the black ones before the
    source's first frame are not counted (there are few: black)."""
    dec = subprocess.Popen(["ffmpeg", "-v", "error", "-f", "h264", "-i", str(path), "-vsync", "passthrough", "-f",
                            "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE)
    out = subprocess.run([os.environ["READ_PATTERN"], "--list", *(["--source", source] if source else [])], stdin=dec.stdout,
                         capture_output=True, text=True, timeout=300)
    assert dec.wait() == 0, "ffmpeg found errors in the stream"
    c = json.loads(out.stdout)
    numbers = c.pop("numbers")
    c["black"] = next((i for i, n in enumerate(numbers) if n >= 0), len(numbers))
    c["missing"] -= c["black"]
    c["pictures"] -= c["black"]
    return c


def colours(path, n, want, width=1280, height=720, tolerance=12):
    """Picture n has these colours (R G B) at these places (shares of width and height)."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-f", "h264", "-i", str(path), "-vf", f"select=eq(n\\,{n})",
                          "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True,
                         check=True).stdout
    assert len(raw) == width * height * 3, len(raw)
    for (x, y), rgb in want.items():
        at = (int(y * height) * width + int(x * width)) * 3
        got = tuple(raw[at:at + 3])
        assert all(abs(a - b) <= tolerance for a, b in zip(got, rgb)), f"at {x},{y}: {got}, not {rgb}"


def whole(r, frames):
    assert r["frames"] >= frames and r["frames_lost"] == 0 and r["idr"] == 1 and r["errors"] == [], r


def readable(c, pictures):
    assert c["pictures"] >= pictures and c["read"] == c["pictures"] and c["backwards"] == 0, c
    assert c["black"] <= BLACK_MAX, c


def test_portal_screen_arrives_with_the_right_pixels():
    with client(), host("portal") as h:
        out = h.dir / "v.h264"
        r = h.stream(*SIZE, "--seconds", 4, "--encrypt", "all", "--audio", "none", "--out", out)
        whole(r, 150)
        readable(codes(out), 150)
        colours(out, 100, QUADRANTS)


def test_auto_in_a_graphical_session_asks_the_portal():
    with client(), host("auto") as h:
        assert h.status()["screen"]["source"] == "portal", h.status()["screen"]
        whole(h.stream(*SIZE, "--seconds", 2, "--audio", "none"), 60)


def test_the_permission_outlives_the_daemon():
    with client(), host("portal") as h:
        tokens = [p for p in h.state.rglob("*") if p.is_file() and "token" in p.name]
        assert len(tokens) == 1 and tokens[0].stat().st_mode & 0o777 == 0o600, tokens
        h.stop()
        h.start()
        deadline = time.monotonic() + 20
        while h.status()["screen"]["state"] != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        whole(h.stream(*SIZE, "--seconds", 1, "--audio", "none"), 30)


def test_pipewire_node_arrives_with_the_right_pixels():
    with node("chart", "--size", "1280x720"), host("pipewire", "video.node=chart") as h:
        out = h.dir / "v.h264"
        r = h.stream(*SIZE, "--seconds", 4, "--audio", "none", "--out", out)
        whole(r, 200)
        readable(codes(out), 200)
        colours(out, 150, BARS)


def test_scaled_with_black_bars():
    with node("narrow", "--size", "800x600"), host("pipewire", "video.node=narrow") as h:
        out = h.dir / "v.h264"
        whole(h.stream(*SIZE, "--seconds", 2, "--audio", "none", "--out", out), 80)
        readable(codes(out, "800x600"), 80)
        colours(out, 60, {(0.02, 0.5): (0, 0, 0), (0.98, 0.5): (0, 0, 0)})


def test_two_clients_look_at_one_live_screen():
    with client(), host("portal") as h:
        h.paired(keys="second", pin="5678")
        a = h.probe_start("stream", *SIZE, "--seconds", 3, "--audio", "none", "--out", h.dir / "a.h264")
        time.sleep(0.3)
        b = h.probe_start("stream", "--width", 640, "--height", 360, "--fps", 60, "--bitrate", 4000, "--seconds", 3,
                          "--audio", "none", "--out", h.dir / "b.h264", keys="second")
        whole(finish(a), 80)
        whole(finish(b), 80)
        readable(codes(h.dir / "a.h264"), 80)
        readable(codes(h.dir / "b.h264", "1280x720"), 80)


def still(h, last):
    """Streams on while nothing changes, loses frames then, and shows the last picture in the end."""
    out = h.dir / "v.h264"
    r = h.stream(*SIZE, "--seconds", 6, "--audio", "none", "--rfi", "--drop-frames", "4-5,20,30-31", "--out", out)
    assert r["frames"] >= 30 and r["errors"] == [], r
    c = codes(out)
    assert c["damaged"] == 0 and c["missing"] == 0 and c["last"] == last, (c, r)


def test_still_node_keeps_a_stream_alive_and_heals_its_last_frame():
    with node("still", "--size", "1280x720", "--still", 40), host("pipewire", "video.node=still") as h:
        still(h, 39)


def test_still_compositor_keeps_a_stream_alive_and_heals_its_last_frame():
    with client("--still", 180), host("portal") as h:
        out = h.dir / "v.h264"
        p = h.probe_start("stream", *SIZE, "--seconds", 7, "--audio", "none", "--rfi", "--out", out)
        r = finish(p)
        assert r["errors"] == [] and r["frames_lost"] == 0, r
        assert codes(out)["last"] == 179, codes(out)


def test_the_screen_changes_its_size_in_mid_stream():
    with client(), host("portal") as h:
        out = h.dir / "v.h264"
        p = h.probe_start("stream", *SIZE, "--seconds", 5, "--audio", "none", "--out", out)
        time.sleep(2.5)
        try:
            resize("1024x768")
            r = finish(p)
        finally:
            resize("1280x720")
        whole(r, 120)
        before, after = codes(out), codes(out, "1024x768")
        assert before["read"] >= 40 and after["read"] >= 40, (before, after)
        assert before["read"] + after["read"] >= r["frames"] - 10, (before, after, r["frames"])
        assert after["first"] > before["last"] - 5, (before, after)


def test_a_node_that_leaves_is_taken_up_again_within_the_stream():
    with host("pipewire", "video.node=moody") as h:
        out = h.dir / "v.h264"
        with node("moody", "--size", "1280x720"):
            p = h.probe_start("stream", *SIZE, "--seconds", 8, "--audio", "none", "--out", out)
            time.sleep(2.5)
        time.sleep(0.7)
        with node("moody", "--size", "1280x720"):
            r = finish(p)
        assert r["errors"] == [] and r["frames_lost"] == 0, r
        c = codes(out)
        assert c["missing"] == 0 and c["damaged"] == 0 and c["backwards"] == 1, c


run(globals())
