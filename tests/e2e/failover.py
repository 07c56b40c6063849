# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware that fails within a stream, played by the stand-in VA-API driver: the stream goes on in software."""
import json
import subprocess
import time

from harness import HOST, finish, read_pattern, run
from vaapi import SMALL, VAAPI, environment, host, scratch

AUTO = "encode.backend=auto"


def watch(h, *args, frames=150):
    """A stream to its end, and the last that status said of it while it ran."""
    p = h.probe_start("stream", *SMALL, "--frames", frames, "--out", h.dir / "v.h264", *args)
    seen = text = None
    while p.poll() is None:
        streams = [s["stream"] for s in h.status()["sessions"] if "stream" in s]
        if streams:
            seen = streams[0]
            text = h.ctl("status").stdout
        time.sleep(0.05)
    return finish(p), seen, text


def longest_gap_s(h):
    """Between two frames that left the encoder, by the recorded session."""
    (file,) = (h.dir / "rec").iterdir()
    at = [int(w[1]) for w in (line.split() for line in file.read_text().splitlines()) if w and w[0] == "unit"]
    return max(b - a for a, b in zip(at, at[1:])) / 1e9


def one_key_frame_more(h, r):
    """And nothing else; but a frame that a busy machine could not send in time may be answered by one as well."""
    return 2 <= r["idr"] <= 2 + h.logged().count("did not leave")


def goes_on(fault, why, *options):
    with scratch() as d, host(d, *options, fault=fault) as h:
        (h.dir / "rec").mkdir()
        h.stop()
        h.options += [f"stream.record={h.dir / 'rec'}"]
        h.start()
        r, seen, text = watch(h)
        assert r["frames"] >= 150 and r["frames_lost"] == 0 and r["errors"] == [], r
        assert one_key_frame_more(h, r), r
        assert seen["encoder"].startswith("x264"), seen
        assert why in seen["encoder_why"] and "x264 goes on" in seen["encoder_why"], seen
        assert seen["encoder_why"] in text and seen["encoder_why"] in h.logged(), text
        p = read_pattern(h.dir / "v.h264")
        assert p["repeats"] == 0 and p["backwards"] == 0, p
        gap = longest_gap_s(h)
        print(f"# {fault}: {gap:.3f} s without a frame")
        # A second is wanted; how much of it a busy machine adds to is another matter.
        assert gap < 10, gap
        noted = h.status()["encoders"]
        assert [n["why"] for n in noted if n["backend"] == "vaapi" and n["codec"] == "h264"] == [seen["encoder_why"]], noted
        listed = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1], "--socket", str(h.socket)],
                                env=environment(f"{d}/list.log"), capture_output=True, text=True, check=True)
        row = next(x for x in json.loads(listed.stdout) if x["backend"] == "vaapi" and x["codec"] == "h264")
        assert row["why"] == seen["encoder_why"], row
        # The next stream tries hardware again, finds that it works and keeps it.
        _, seen, _ = watch(h)
        assert seen["encoder"].startswith("vaapi") and seen["encoder_why"] == "", seen


def test_hang_is_followed_by_software():
    goes_on("hang:60", "vaapi failed at frame")


def test_hang_in_a_stream_that_auto_began():
    goes_on("hang:60", "vaapi failed at frame", AUTO)


def test_errors_again_and_again_are_followed_by_software():
    goes_on("error:60,map-error:61", "vaapi failed at frame", AUTO)


def test_a_single_error_is_mended_in_place():
    with scratch() as d, host(d, AUTO, fault="error:60") as h:
        r, seen, _ = watch(h)
        assert one_key_frame_more(h, r) and r["frames_lost"] == 0 and r["errors"] == [], r
        assert seen["encoder"].startswith("vaapi") and "opened anew" in seen["encoder_why"], seen
        read_pattern(h.dir / "v.h264")


def test_auto_begins_with_hardware_that_works():
    with scratch() as d, host(d, AUTO) as h:
        r, seen, _ = watch(h, "--drop-frames", "40", "--rfi")
        # A slow machine may answer so late that an IDR is all that is left.
        assert r["rfi_recovered"] + r["idr"] - 1 >= 1 and r["errors"] == [], r
        assert seen["encoder"].startswith("vaapi") and seen["encoder_why"] == "", seen
        assert h.status()["encoders"] == []
        assert "vaapi works for h264 at 640x360" in h.logged()


def test_auto_passes_over_hardware_that_fails_its_trial():
    with scratch() as d, host(d, AUTO, fault="no-context") as h:
        r, seen, _ = watch(h)
        assert r["errors"] == [] and seen["encoder"].startswith("x264") and seen["encoder_why"] == "", (r, seen)
        noted = [n for n in h.status()["encoders"] if n["codec"] == "h264"]
        assert len(noted) == 1 and "a trial at" in noted[0]["why"], noted


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
