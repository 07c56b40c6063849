# SPDX-License-Identifier: GPL-3.0-or-later
"""A live screen through the daemon to the probe: decoded, and looked at. Runs inside live-screen.sh's session."""
import array
import contextlib
import json
import math
import os
import pathlib
import signal
import subprocess
import time
import wave

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
def player():
    """A tone into the sink, 440 Hz left and 880 Hz right."""
    with wave.open("tone.wav", "wb") as w:
        w.setnchannels(2), w.setsampwidth(2), w.setframerate(48000)
        second = array.array("h")
        for i in range(48000):
            second.extend(round(16000 * math.sin(2 * math.pi * hz * i / 48000)) for hz in (440, 880))
        w.writeframes(second.tobytes() * 60)
    # Cycles of 21 ms: what a player on a busy machine misses nobody can capture.
    subprocess.run(["pw-metadata", "-n", "settings", "0", "clock.force-quantum", "1024"], check=True, capture_output=True)
    with running("pw-play", "--target", "stream-sink", "tone.wav") as p:
        yield p


def ended_well(h):
    """Stops the daemon; a sanitizer's finding is in its log or its exit status."""
    rc, _ = h.stop()
    assert rc == 0 and "Sanitizer" not in h.logged(), (rc, h.logged()[-4000:])


@contextlib.contextmanager
def host(source, *options, env=None):
    h = Host(*options, source=source, env=env)
    try:
        deadline = time.monotonic() + 20
        while h.status()["screen"]["state"] != "ready":
            assert time.monotonic() < deadline, h.status()["screen"]
            time.sleep(0.05)
        yield h.paired()
        ended_well(h)
    finally:
        h.close()


def cpu_s(h):
    """CPU seconds of the daemon so far."""
    fields = pathlib.Path(f"/proc/{h.proc.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def encoded(h):
    """Frames of the one stream so far."""
    return sum(s.get("stream", {}).get("frames", 0) for s in h.status()["sessions"])


def moved(h, *args):
    """The report of a stream, and how many of its frames are a picture from before under another cursor."""
    p, n = h.probe_start("stream", *args), 0
    while p.poll() is None:
        n = max([n] + [s["stream"]["frames_cursor"] for s in h.status()["sessions"] if "stream" in s])
        time.sleep(0.05)
    r = finish(p)
    print(f"# {r['frames']} frames of three pictures, {n} by their cursor")
    return r, n


def resize(size):
    subprocess.run(["swaymsg", f"output HEADLESS-1 mode --custom {size}@60Hz"], check=True, capture_output=True)


def codes(path, source=None):
    """The report of read_pattern. Pictures that cannot be read are counted, not an error; the black ones before the
    source's first frame are not counted (there are few: black)."""
    codec = pathlib.Path(path).suffix.lstrip(".") or "h264"
    dec = subprocess.Popen(["ffmpeg", "-v", "error", "-f", codec, "-i", str(path), "-vsync", "passthrough", "-f", "yuv4mpegpipe",
                            "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE)
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


def colours_fit(path, n, source, width, height):
    """Picture n shows the client's quadrants between black bars, as a source of that size is fitted in."""
    sx, sy = source
    scale = min(width / sx, height / sy)
    w, h = sx * scale / width, sy * scale / height
    want = {((1 - w) / 2 + x * w, (1 - h) / 2 + y * h): rgb for (x, y), rgb in QUADRANTS.items()}
    if w < 0.97:
        want |= {(x, y): (0, 0, 0) for x in ((1 - w) / 4, 1 - (1 - w) / 4) for y in (0.1, 0.5, 0.9)}
    if h < 0.97:
        want |= {(x, y): (0, 0, 0) for y in ((1 - h) / 4, 1 - (1 - h) / 4) for x in (0.1, 0.5, 0.9)}
    colours(path, n, want, width, height)


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


def test_the_portal_tells_where_the_screen_lies():
    with client(), host("portal") as h:
        assert "1280x720 at 0,0)" in h.logged(), h.logged()[-2000:]


def test_portal_screen_scaled_and_letterboxed():
    with client(), host("portal") as h:
        for width, height in ((640, 360), (1280, 1024), (1920, 800)):
            out = h.dir / f"{height}.h264"
            whole(h.stream("--width", width, "--height", height, "--bitrate", 8000, "--seconds", 2, "--audio", "none",
                           "--out", out), 40)
            readable(codes(out, "1280x720"), 30)
            colours_fit(out, 30, (1280, 720), width, height)


def test_portal_figures():
    with client(), host("portal") as h:
        for _ in range(3):
            before = cpu_s(h)
            r = h.stream(*SIZE, "--seconds", 4, "--audio", "none")
            print(f"# launch to first frame {r['stages']['first_frame'] - r['stages']['launch']:.0f} ms, "
                  f"{(cpu_s(h) - before) / r['frames'] * 1000:.2f} ms CPU a frame, {r['frames']} frames, {r['stages']}")
            whole(r, 100)


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


def tone_share(path, hz, channel):
    """Of the tenths of a second with sound in them: how many have nine tenths of their power at hz."""
    s = array.array("h", path.read_bytes())[channel::2]
    n, good, loud = 4800, 0, 0
    for at in range(0, len(s) - n, n):
        part = s[at:at + n]
        power = sum(x * x for x in part)
        if power < n * 1000 ** 2:
            continue
        loud += 1
        re = sum(x * math.cos(2 * math.pi * hz * i / 48000) for i, x in enumerate(part))
        im = sum(x * math.sin(2 * math.pi * hz * i / 48000) for i, x in enumerate(part))
        good += (re * re + im * im) * 2 / n >= 0.9 * power
    return good, loud


def test_picture_and_sound_of_a_pipewire_session():
    with node("screen", "--size", "1280x720"), player(), \
            host("pipewire", "video.node=screen", "audio.source=pipewire", "audio.node=stream-sink") as h:
        out, sound = h.dir / "v.h264", h.dir / "a.s16"
        r = h.stream(*SIZE, "--seconds", 4, "--audio", "stereo", "--encrypt", "all", "--out", out, "--audio-out", sound)
        whole(r, 150)
        readable(codes(out), 150)
        colours(out, 120, BARS)
        for channel, hz in ((0, 440), (1, 880)):
            good, loud = tone_share(sound, hz, channel)
            print(f"# {hz} Hz in {good} of {loud} tenths of a second")
            assert loud >= 10 and good * 2 > loud, (hz, good, loud)


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


def test_a_cursor_in_metadata_moves_over_a_still_picture_and_leaves_no_trace():
    """It ends at 1200,288 of 1280x720: magenta from there, half a white over black further to the right."""
    with node("cursor", "--size", "1280x720", "--still", 3, "--cursor", 200), host("pipewire", "video.node=cursor") as h:
        out = h.dir / "v.h264"
        r, n = moved(h, *SIZE, "--seconds", 6, "--audio", "none", "--out", out)
        assert n >= 40 and r["errors"] == [] and r["frames_lost"] == 0, (n, r)
        bars = {at: rgb for at, rgb in BARS.items() if at[0] < 0.9}
        colours(out, r["frames"] - 1, bars | {(1201 / 1280, 0.4): (255, 0, 255), (1216 / 1280, 0.4): (128, 128, 128)})


def test_still_compositor_keeps_a_stream_alive_and_heals_its_last_frame():
    with client("--still", 180), host("portal") as h:
        out = h.dir / "v.h264"
        p = h.probe_start("stream", *SIZE, "--seconds", 7, "--audio", "none", "--rfi", "--out", out)
        r = finish(p)
        assert r["errors"] == [] and r["frames_lost"] == 0, r
        assert codes(out)["last"] == 179, codes(out)


def test_an_empty_screen_is_a_stream_too():
    with host("portal") as h:
        out = h.dir / "v.h264"
        p = h.probe_start("stream", *SIZE, "--seconds", 5, "--audio", "none", "--out", out)
        until(lambda: encoded(h) > 20, "pictures before the compositor gives one")
        with client():
            r = finish(p)
        whole(r, 40)
        c = codes(out)
        assert c["black"] >= 20 and c["read"] >= 10 and c["damaged"] == 0, c
        print(f"# first frame {r['stages']['first_frame'] - r['stages']['launch']:.0f} ms after the launch, {c}")


def test_a_still_screen_is_there_for_the_next_stream():
    with client("--still", 180), host("portal") as h:
        a = codes(still_stream(h, "a", 5))
        b = codes(still_stream(h, "b", 3))
        assert a["last"] == b["first"] == b["last"] == 179 and b["black"] <= BLACK_MAX, (a, b)


def still_stream(h, name, seconds):
    """At least five pictures a second, although the source sends none."""
    out = h.dir / name
    r = h.stream(*SIZE, "--seconds", seconds, "--audio", "none", "--out", out)
    assert r["frames"] >= 5 * seconds and r["errors"] == [], r
    return out


def lost_change(h, changing, last, *rfi):
    """A still screen changes twice; the second change falls into three frames that never arrive, and the end shows it
    nevertheless. Two frames a second leave a slow machine time to hit them."""
    out = h.dir / "v.h264"
    p = h.probe_start("stream", *SIZE, "--seconds", 9, "--audio", "none", *rfi, "--drop-frames", "11-13", "--out", out)
    for frames in (5, 10):
        until(lambda: encoded(h) >= frames, "a still stream")
        changing.send_signal(signal.SIGUSR1)
    r = finish(p)
    assert r["frames_lost"] >= 3 and r["errors"] == [], r
    c = codes(out)
    print(f"# IDR {r['idr']}, RFI {r['rfi_recovered']} of {r['rfi_requests']}; {c}")
    assert c["damaged"] == 0 and c["missing"] == 0 and c["last"] == last, (c, r)
    return r, out


SLOW = "encode.min_fps=2"


def test_a_lost_change_is_healed_by_an_idr():
    with client("--still", 60) as changing, host("portal", SLOW) as h:
        r, out = lost_change(h, changing, 61, "--no-rfi")
        assert r["idr"] >= 2, r
        colours(out, r["frames"] - 1, QUADRANTS)


def test_a_lost_change_is_healed_by_reference_invalidation():
    with node("still", "--size", "1280x720", "--still", 1) as changing, host("pipewire", "video.node=still", SLOW) as h:
        r, out = lost_change(h, changing, 2, "--rfi")
        assert r["rfi_recovered"] >= 1 or r["idr"] >= 2, r
        colours(out, r["frames"] - 1, BARS)


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
        colours(out, 20, QUADRANTS)
        colours_fit(out, r["frames"] - 2, (1024, 768), 1280, 720)


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
        assert h.status()["sessions"] == []


def test_nobody_looks_and_nothing_runs():
    with client(), host("portal") as h, node("idle", "--size", "640x360"), \
            host("pipewire", "video.node=idle") as other:
        for x in (h, other):
            whole(x.stream(*SIZE, "--seconds", 1, "--audio", "none"), 15)
        before = [cpu_s(x) for x in (h, other)]
        time.sleep(3)
        used = [(cpu_s(x) - b) / 3 for x, b in zip((h, other), before)]
        print(f"# CPU of an idle daemon: portal {used[0]:.1%}, pipewire {used[1]:.1%}")
        assert max(used) < 0.05, used


if __name__ == "__main__":
    run(globals())
