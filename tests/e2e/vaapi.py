# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams whose H.264, HEVC and AV1 come from the stand-in VA-API driver, through the real libva."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import colour
from harness import HOST, Host, read_pattern, run

SMALL = ("--width", 640, "--height", 360, "--fps", 30, "--bitrate", 3000)
# A stand-in in software: too slow for the trial of HEVC.
VAAPI = ("encode.backend=vaapi", "encode.device=/dev/null", "encode.hevc=on")
AV1 = "encode.av1=on"


def environment(log, fault="", **more):
    driver = pathlib.Path(os.environ["MOONRILL_BUILD"]) / "tests" / "drivers" / "va"
    return {**os.environ, "LD_PRELOAD": str(driver / "libmoonrill-drm-shim.so"), "LIBVA_DRIVERS_PATH": str(driver),
            "LIBVA_DRIVER_NAME": "moonrill", "MOONRILL_VA_FAULT": fault, "MOONRILL_VA_LOG": str(log),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0", **more}


@contextlib.contextmanager
def host(tmp, *options, fault="", **more):
    """more: of the daemon's environment."""
    log = pathlib.Path(tmp) / "va.log"
    h = Host(*VAAPI, *options, env=environment(log, fault, **more))
    try:
        yield h.paired()
    finally:
        h.close()
    # What the driver had to object to.
    said = log.read_text()
    assert "RULE" not in said and "LEAK" not in said, said[-3000:]


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="moonrill-vaapi-") as d:
        yield d


def test_stream_is_whole():
    with scratch() as d, host(d) as h:
        r = h.stream(*SMALL, "--frames", 90, "--out", h.dir / "v.h264")
        assert r["frames"] >= 90 and r["frames_lost"] == 0 and r["idr"] == 1 and r["errors"] == [], r
        p = read_pattern(h.dir / "v.h264")
        assert p["repeats"] == 0 and p["backwards"] == 0, p


def test_losses_are_answered_without_key_frames():
    with scratch() as d, host(d) as h:
        r = h.stream(*SMALL, "--frames", 150, "--drop-frames", "40,70-72,110", "--rfi", "--out", h.dir / "v.h264")
        assert r["rfi_requests"] > 0 and r["rfi_recovered"] >= 2 and r["idr"] == 1, r
        read_pattern(h.dir / "v.h264")


def test_driver_that_writes_its_own_headers_is_healed_by_an_idr():
    with scratch() as d, host(d, fault="no-packed-headers") as h:
        r = h.stream(*SMALL, "--frames", 100, "--drop-frames", "40", "--out", h.dir / "v.h264")
        assert r["rfi_recovered"] == 0 and r["idr"] >= 2, r
        read_pattern(h.dir / "v.h264")


def test_hang_is_survived():
    with scratch() as d, host(d, fault="hang:60") as h:
        r = h.stream(*SMALL, "--frames", 120, "--out", h.dir / "v.h264")
        assert r["frames"] >= 120 and r["idr"] == 2, r
        assert "the encoder hangs" in h.logged()
        read_pattern(h.dir / "v.h264")


def test_hevc_stream_is_whole():
    with scratch() as d, host(d) as h:
        r = h.stream(*SMALL, "--codec", "hevc", "--frames", 90, "--out", h.dir / "v.hevc")
        assert r["frames"] >= 90 and r["frames_lost"] == 0 and r["idr"] == 1 and r["errors"] == [], r
        p = read_pattern(h.dir / "v.hevc")
        assert p["repeats"] == 0 and p["backwards"] == 0, p


def test_hevc_losses_are_answered_without_key_frames():
    with scratch() as d, host(d) as h:
        r = h.stream(*SMALL, "--codec", "hevc", "--frames", 150, "--drop-frames", "40,70-72,110", "--rfi",
                     "--out", h.dir / "v.hevc")
        assert r["rfi_requests"] > 0 and r["rfi_recovered"] >= 2 and r["idr"] == 1, r
        read_pattern(h.dir / "v.hevc")


def test_hevc_colours_of_each_format():
    # The daemon's pattern of named patches, at the probe within two code values: tests/e2e/colour.py.
    for deep, whole in ((0, 0), (1, 0), (0, 1), (1, 1)):
        with scratch() as d, host(d, "video.pattern=patches") as h:
            for csc in colour.SPACES:
                for span in colour.RANGES:
                    colour.one(h, "hevc", deep, whole, csc, span)


def hdr(h, codec, whole, profile, *more):
    path, demuxer, what, r = colour.stream(h, codec, 1, whole, "709", "limited", *more)
    assert r["hdr"]["on"] and r["hdr"]["metadata"][8:11] == [10000, 1, 10000], (what, r["hdr"])
    s = colour.describe(path, demuxer)
    said = [s["color_space"], s["color_transfer"], s["color_primaries"], s["color_range"], s["profile"]]
    assert said == ["bt2020nc", "smpte2084", "bt2020", "tv", profile], (what, said)
    wanted = [(n, [v * 255 / 1023 for v in rgb], at) for n, rgb, at in colour.patches("patches_pq")]
    colour.measure(path, demuxer, f"HDR {what}", s, 1, whole, wanted)
    return path, r


def test_hevc_hdr_reaches_the_client():
    for whole in (0, 1):
        with scratch() as d, host(d, "video.pattern=pq") as h:
            hdr(h, "hevc", whole, "Rext" if whole else "Main 10")


def test_hevc_losses_in_ten_bits_are_answered_without_key_frames():
    with scratch() as d, host(d) as h:
        r = h.stream(*SMALL, "--codec", "hevc", "--hdr", "--frames", 120, "--drop-frames", "40,70-72", "--rfi")
        assert r["rfi_recovered"] >= 2 and r["idr"] == 1 and r["errors"] == [], r


def test_formats_that_the_driver_lacks_are_not_offered():
    bits = colour.BITS
    for has, there in (("none", ()), ("main10", ((1, 0),)), ("main444", ((0, 1),)),
                       ("main10,main444,main444-10", ((1, 0), (0, 1), (1, 1)))):
        with scratch() as d, host(d, AV1, MOONRILL_VA_FORMATS=has) as h:
            modes = h.probe("info").report["https"]["codec_modes"]
            assert modes & bits["hevc"][0, 0] and modes & bits["av1"][0, 0], hex(modes)
            for k in ((1, 0), (0, 1), (1, 1)):
                assert bool(modes & bits["hevc"][k]) == (k in there), (has, k, hex(modes))
                # AV1 has whole chroma in another profile, which is not asked for.
                assert bool(modes & bits["av1"][k]) == (k in there and not k[1]), (has, k, hex(modes))


def test_formats_that_fail_their_trial_are_not_offered():
    with scratch() as d, host(d, "encode.backend=auto", fault="deep-error") as h:
        serves = {(o["codec"], o["format"]): o["encoder"] for o in h.status()["offers"]}
        assert serves["hevc", "NV12"] == serves["hevc", "4:4:4"] == "vaapi", serves
        assert serves.get(("hevc", "P010"), "x265") == "x265", serves
        noted = {n["format"]: n["why"] for n in h.status()["encoders"] if n["codec"] == "hevc"}
        assert set(noted) == {"P010", "4:4:4 10 bit"} and "a trial at" in noted["P010"], noted
        assert "encoder vaapi, hevc in P010: a trial at" in h.ctl("status").stdout
        r = h.stream(*SMALL, "--codec", "hevc", "--frames", 30)
        assert r["errors"] == [], r


def test_av1_stream_is_whole():
    with scratch() as d, host(d, AV1) as h:
        r = h.stream(*SMALL, "--codec", "av1", "--frames", 90, "--out", h.dir / "v.obu")
        assert r["frames"] >= 90 and r["frames_lost"] == 0 and r["idr"] == 1 and r["errors"] == [], r
        p = read_pattern(h.dir / "v.obu")
        assert p["repeats"] == 0 and p["backwards"] == 0, p


def test_av1_losses_are_answered_without_key_frames():
    with scratch() as d, host(d, AV1) as h:
        r = h.stream(*SMALL, "--codec", "av1", "--frames", 150, "--drop-frames", "40,70-72,110", "--rfi",
                     "--out", h.dir / "v.obu")
        assert r["rfi_requests"] > 0 and r["rfi_recovered"] >= 2 and r["idr"] == 1, r
        read_pattern(h.dir / "v.obu")


DELIMITER, SEQUENCE, METADATA = 2, 1, 5
MASTERING, CONTENT = 2, 1  # metadata_type


def leb128(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + leb128(n >> 7)


def temporal_units(data):
    """Lists of (type, payload) of an AV1 stream whose units all have a size."""
    unit, at = [], 0
    while at < len(data):
        head, size, shift = data[at], 0, 0
        assert head & 0x87 == 2, hex(head)
        at += 1
        while True:
            size |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 128:
                break
        if head >> 3 == DELIMITER and unit:
            yield unit
            unit = []
        unit.append((head >> 3, data[at:at + size]))
        at += size
    yield unit


def light(path):
    """The luminances of the mastering display that ffprobe finds at the first frame."""
    out = colour.command("ffprobe", "-v", "warning", "-f", "obu", "-show_frames", "-of", "json", path)
    said, = [s for s in json.loads(out)["frames"][0]["side_data_list"]
             if s["side_data_type"] == "Mastering display metadata"]
    return tuple(int(n) / int(d) for n, d in (said[k].split("/") for k in ("max_luminance", "min_luminance")))


def test_av1_colours_of_ten_bits():
    with scratch() as d, host(d, AV1, "video.pattern=patches") as h:
        for csc in colour.SPACES:
            for span in colour.RANGES:
                colour.one(h, "av1", 1, 0, csc, span)


def test_av1_hdr_reaches_the_client():
    # A loss that is answered with a key frame: each of them has the display's light in front of it.
    with scratch() as d, host(d, AV1, "video.pattern=pq") as h:
        path, r = hdr(h, "av1", 0, "Main", "--frames", 60, "--drop-frames", 20)
        units = list(temporal_units(path.read_bytes()))
        keys = [u for u in units if SEQUENCE in dict(u)]
        assert len(keys) == r["idr"] >= 2, (len(keys), r)
        for i, u in enumerate(units):
            said = [p[0] for t, p in u if t == METADATA]
            assert said == ([MASTERING, CONTENT] if u in keys else []), (i, said)
        for i, u in enumerate(keys):
            assert [t for t, _ in u[:4]] == [DELIMITER, SEQUENCE, METADATA, METADATA], i
            # Each by itself, as one who begins there sees it.
            alone = h.dir / f"{i}.obu"
            alone.write_bytes(b"".join(bytes([t << 3 | 2]) + leb128(len(p)) + p for t, p in u))
            assert light(alone) == (10000, 1 / 16384), i


def test_av1_losses_in_ten_bits_are_answered_without_key_frames():
    with scratch() as d, host(d, AV1) as h:
        r = h.stream(*SMALL, "--codec", "av1", "--hdr", "--frames", 120, "--drop-frames", "40,70-72", "--rfi")
        assert r["rfi_recovered"] >= 2 and r["idr"] == 1 and r["errors"] == [], r


def test_encoders_are_listed():
    with scratch() as d:
        p = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1]], env=environment(f"{d}/va.log"),
                           capture_output=True, text=True, check=True)
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi")
        assert row["rfi"] and row["ltr"] and not row["low_power"] and row["profile"] == "High", row
        assert row["packed_headers"] == "sequence picture slice" and row["device"] == "/dev/null", row
        assert "stand-in" in row["driver"], row
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi" and r["codec"] == "av1")
        assert row["rfi"] and row["packed_headers"] == "sequence picture", row
        assert row["profile"] == "Main" and row["formats"] == ["NV12", "P010"] and row["max_depth"] == 10, row
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi" and r["codec"] == "hevc")
        assert row["rfi"] and row["ltr"], row
        assert row["profile"] == "Main, Main 10, Main 4:4:4, Main 4:4:4 10", row
        assert row["formats"] == ["NV12", "P010", "4:4:4", "4:4:4 10 bit"] and row["max_depth"] == 10, row
        assert row["auto_formats"] == row["formats"] and row["why"] == "", row
        p = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1]],
                           env=environment(f"{d}/va.log", "deep-error"), capture_output=True, text=True, check=True)
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi" and r["codec"] == "hevc")
        assert row["auto"] and row["auto_formats"] == ["NV12", "4:4:4"] and "P010: a trial at" in row["why"], row
        p = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1]],
                           env=environment(f"{d}/va.log", MOONRILL_VA_FORMATS="main444"), capture_output=True, text=True, check=True)
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi" and r["codec"] == "hevc")
        assert row["formats"] == ["NV12", "4:4:4"] and row["max_depth"] == 8 and row["yuv444"], row
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi" and r["codec"] == "av1")
        assert row["formats"] == ["NV12"] and row["max_depth"] == 8, row
        p = subprocess.run([str(HOST), "encoders", "--json", "-o", VAAPI[1]],
                           env=environment(f"{d}/va.log", "low-power-only,no-packed-slice"), capture_output=True, text=True, check=True)
        row = next(r for r in json.loads(p.stdout) if r["backend"] == "vaapi")
        assert not row["rfi"] and row["low_power"] and row["packed_headers"] == "sequence picture", row


if __name__ == "__main__":
    run(globals())
