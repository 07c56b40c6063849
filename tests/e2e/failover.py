# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware that fails within a stream, played by the stand-in VA-API driver: the stream goes on in software."""
import json
import signal
import subprocess
import time

import colour
from harness import HOST, parse, read_pattern, run
from vaapi import SMALL, VAAPI, environment, host, scratch

AUTO = "encode.backend=auto"
# One codec is tried and nothing encoded twice for being late: a picture's number says where a stream is.
QUIET = ("encode.hevc=off", "encode.min_fps=1", "encode.refine=false")
FIRST, KEY, REPEAT = 1, 8, 64  # flags of a recorded unit (doc/network.md)


def watch(h, done, *args):
    """A stream that goes on for 60 frames after done(status of it); what the probe says of it, and the last status as JSON
    and as text."""
    p = h.probe_start("stream", *SMALL, "--audio", "none", "--seconds", 600, "--out", h.dir / "v.h264", *args)
    seen = text = since = None
    while p.poll() is None:
        streams = [s["stream"] for s in h.status()["sessions"] if "stream" in s]
        if streams:
            seen = streams[0]
            if since is None and done(seen):
                since = seen["frames"]
                text = h.ctl("status").stdout
            if since is not None and seen["frames"] >= since + 60:
                p.send_signal(signal.SIGINT)
                break
        time.sleep(0.1)
    out, err = p.communicate(timeout=120)
    r = parse(out)
    assert r and text, f"{p.returncode}\n{out}\n{err[-3000:]}\n{h.logged()[-3000:]}"
    # A sender that the machine holds up in the middle of a frame loses it, and says so.
    held_up = h.logged().count("did not leave whole")
    assert r["frames_lost"] <= held_up or args, (r, held_up)
    assert all("frames lost, though" in e for e in r["errors"]) and (held_up or not r["errors"]), r
    return r, seen, text


def past(frames):
    return lambda stream: stream["frames"] >= frames


def failed(stream):
    return stream["encoder_why"]


def recorded(h):
    """The units of the one recorded stream, as (time, epoch, flags), and how often the client asked for recovery."""
    (file,) = (h.dir / "rec").iterdir()
    lines = [line.split() for line in file.read_text().splitlines()]
    return ([(int(w[1]), int(w[4]), int(w[7])) for w in lines if w and w[0] == "unit"],
            sum(w[0] in ("idr", "lost") for w in lines if w))


def goes_on(fault, why, *options):
    with scratch() as d, host(d, *QUIET, *options, fault=fault, MOONRILL_VA_PROFILES="h264") as h:
        (h.dir / "rec").mkdir()
        h.stop()
        h.options += [f"stream.record={h.dir / 'rec'}"]
        h.start()
        _, seen, text = watch(h, failed)
        assert seen["encoder"].startswith("x264"), seen
        assert why in seen["encoder_why"] and "x264 goes on" in seen["encoder_why"], seen
        assert "   " + seen["encoder_why"] in text.splitlines() and seen["encoder_why"] in h.logged(), text
        units, asked = recorded(h)
        keys = sum(bool(flags & KEY and flags & FIRST) for _, _, flags in units)
        # The first and that of the change; each that was asked for, and for frames that did not leave, may be one more.
        assert 2 <= keys <= 2 + asked + max(epoch for _, epoch, _ in units), (keys, asked)
        p = read_pattern(h.dir / "v.h264")
        assert p["backwards"] == 0 and p["repeats"] <= sum(bool(flags & REPEAT) for _, _, flags in units), p
        gap = max(b[0] - a[0] for a, b in zip(units, units[1:])) / 1e9
        # A second is wanted; how much of it a busy machine adds to is another matter.
        print(f"# {fault}: {gap:.3f} s without a frame")
        noted = h.status()["encoders"]
        assert [n["why"] for n in noted if n["backend"] == "vaapi" and n["codec"] == "h264"] == [seen["encoder_why"]], noted
        listed = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1], "--socket", str(h.socket)],
                                env=environment(f"{d}/list.log"), capture_output=True, text=True, check=True)
        row = next(x for x in json.loads(listed.stdout) if x["backend"] == "vaapi" and x["codec"] == "h264")
        assert row["why"] == seen["encoder_why"], row
        # The next stream tries hardware again, finds that it works and keeps it.
        _, seen, _ = watch(h, past(60))
        assert seen["encoder"].startswith("vaapi") and seen["encoder_why"] == "", seen


def test_hang_is_followed_by_software():
    goes_on("hang:60", "vaapi failed at frame")


def test_hang_in_a_stream_that_auto_began():
    goes_on("hang:60", "vaapi failed at frame", AUTO)


def test_errors_again_and_again_are_followed_by_software():
    goes_on("error:60,map-error:61", "vaapi failed at frame", AUTO)


def test_a_single_error_is_mended():
    """In place, unless the machine is so slow that what is on its way does not come back in time."""
    with scratch() as d, host(d, *QUIET, AUTO, fault="error:60", MOONRILL_VA_PROFILES="h264") as h:
        _, seen, _ = watch(h, failed)
        assert "opened anew" in seen["encoder_why"] or "x264 goes on" in seen["encoder_why"], seen
        read_pattern(h.dir / "v.h264")


def test_auto_begins_with_hardware_that_works():
    with scratch() as d, host(d, *QUIET, AUTO) as h:
        r, seen, _ = watch(h, past(90), "--drop-frames", "40", "--rfi")
        # A slow machine may answer so late that an IDR is all that is left.
        assert r["rfi_recovered"] + r["idr"] - 1 >= 1, r
        assert seen["encoder"].startswith("vaapi") and seen["encoder_why"] == "", seen
        assert h.status()["encoders"] == []
        assert "vaapi works for h264 in NV12 at 640x360" in h.logged()


def test_auto_passes_over_hardware_that_fails_its_trial():
    with scratch() as d, host(d, *QUIET, AUTO, fault="no-context") as h:
        _, seen, _ = watch(h, past(60))
        assert seen["encoder"].startswith("x264") and seen["encoder_why"] == "", seen
        noted = [n for n in h.status()["encoders"] if n["codec"] == "h264"]
        assert len(noted) == 1 and "a trial at" in noted[0]["why"], noted


def test_formats_that_hardware_lacks_come_from_software():
    with scratch() as d, host(d, AUTO, "encode.min_fps=1", "encode.refine=false", MOONRILL_VA_FORMATS="main10") as h:
        serves = {(o["codec"], o["format"]): o["encoder"] for o in h.status()["offers"]}
        assert serves["h264", "NV12"] == serves["hevc", "NV12"] == serves["hevc", "P010"] == "vaapi", serves
        assert serves["h264", "4:4:4"] == "x264", serves
        text = h.ctl("status").stdout
        assert "offered: h264 (vaapi), " in text and "4:4:4 (x264)" in text, text
        modes, bits = h.probe("info").report["https"]["codec_modes"], colour.BITS
        assert modes & bits["h264"][0, 1] and modes & bits["hevc"][1, 0], hex(modes)
        shapes = [("h264", (), "vaapi"), ("h264", ("--yuv444",), "x264"), ("hevc", ("--hdr",), "vaapi")]
        if ("hevc", "4:4:4") in serves:  # x265 was built
            shapes += [("hevc", ("--yuv444",), "x265"), ("hevc", ("--yuv444", "--hdr"), "x265")]
            assert modes & bits["hevc"][0, 1] and modes & bits["hevc"][1, 1], hex(modes)
        for codec, shape, encoder in shapes:
            _, seen, _ = watch(h, past(10), "--codec", codec, *shape)
            assert seen["encoder"].startswith(encoder) and seen["encoder_why"] == "", (codec, shape, seen)


def test_a_driver_that_hangs_in_closing_holds_nobody():
    for backend in (VAAPI[0], AUTO):
        # The first context is the trial's, with auto the second as well: one at the start, one for the stream.
        hang = "destroy-hang:1" if backend == VAAPI[0] else "destroy-hang:3"
        with scratch() as d, host(d, *QUIET, backend, fault=hang, MOONRILL_VA_PROFILES="h264") as h:
            _, seen, _ = watch(h, past(60))
            assert seen["encoder"].startswith("vaapi"), seen
            while not h.status()["hung"]:  # answered all the time
                time.sleep(0.1)
            assert "1 encoder(s) or GPU(s) hang in their driver" in h.ctl("status").stdout
            assert "closing it hangs in its driver" in h.logged()
            _, seen, _ = watch(h, past(60))
            assert seen["encoder"].startswith("x264"), seen
            assert h.status()["hung"] == 1
            assert h.stop()[0] == 0  # by itself, or the harness says so


def test_a_name_that_does_not_open_is_refused():
    with scratch() as d, host(d, fault="no-context") as h:
        p = h.probe("stream", *SMALL, "--frames", 10)
        assert p.returncode != 0, p.stdout
        assert "vaapi does not open" in h.logged()


def test_names_that_are_not_built_are_refused():
    p = subprocess.run([str(HOST), "config", "check", "-o", "encode.backend=abacus"], capture_output=True, text=True)
    assert p.returncode == 2 and "'abacus' is none of auto" in p.stderr and "x264" in p.stderr, p


if __name__ == "__main__":
    run(globals())
