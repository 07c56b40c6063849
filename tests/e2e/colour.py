# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours from the daemon's pattern of named patches to the probe, for every codec, format, matrix and range: ffmpeg
decodes without a warning, the stream says what it is, and converted back by what it says each patch is the RGB that was
painted, within two code values of eight bits. An HDR source reaches who asked for ten bits as HDR, others in SDR."""
import contextlib
import json
import pathlib
import re
import shutil
import subprocess

from harness import Host, Skip, run

W, H = 640, 360
SIZE = ("--width", W, "--height", H, "--fps", 30, "--bitrate", 16000, "--frames", 24, "--audio", "none")
SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src" / "capture" / "patches.h"
COLUMNS, ROWS = 8, 4
# The bits of ServerCodecModeSupport by format: (ten bits, whole chroma).
BITS = {"h264": {(0, 0): 0x1, (0, 1): 0x40000},
        "hevc": {(0, 0): 0x100, (1, 0): 0x200, (0, 1): 0x80000, (1, 1): 0x100000},
        "av1": {(0, 0): 0x10000, (1, 0): 0x20000, (0, 1): 0x200000, (1, 1): 0x400000}}
WEIGHTS = {"smpte170m": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
SPACES = {"601": "smpte170m", "709": "bt709", "2020": "bt2020nc"}
RANGES = {"limited": "tv", "full": "pc"}


@contextlib.contextmanager
def host(pattern="patches"):
    h = Host(f"video.pattern={pattern}", "encode.av1=on", "encode.hevc=on")
    try:
        yield h.paired()
    finally:
        h.close()


def patches(table="patches"):
    """Name, colour and the middle of its rectangle, as capture/paint.c places it."""
    text = SOURCE.read_text().split(f"}} {table}[")[1].split("};")[0]
    found = re.findall(r'\{"([^"]+)", (\d+), (\d+), (\d+)\}', text)
    assert len(found) == COLUMNS * ROWS, len(found)
    cell = min(W / 34, H / 10, 16) // 2 * 2
    top = (int(cell) * 5 + 1) & ~1
    w, h = W // COLUMNS & ~1, (H - top) // ROWS & ~1
    for i, (name, *rgb) in enumerate(found):
        yield name, [int(v) for v in rgb], (i % COLUMNS * w + w // 2, top + i // COLUMNS * h + h // 2)


def command(*args):
    if not shutil.which(args[0]):
        raise Skip(f"{args[0]} is not installed")
    p = subprocess.run([str(a) for a in args], capture_output=True, timeout=120)
    assert p.returncode == 0, p.stderr.decode()
    assert not p.stderr, f"a warning: {p.stderr.decode()}"
    return p.stdout


def describe(path, demuxer):
    out = command("ffprobe", "-v", "warning", "-f", demuxer, "-show_streams", "-of", "json", path)
    return json.loads(out)["streams"][0]


def decode(path, demuxer, pixels):
    """The planes of the last picture, each with how many of its samples make a line and what divides places in it."""
    size = 2 if "10" in pixels else 1
    part = 1 if "444" in pixels else 2
    raw = command("ffmpeg", "-v", "warning", "-f", demuxer, "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-")
    luma, chroma = W * H * size, W // part * (H // part) * size
    assert len(raw) % (luma + 2 * chroma) == 0, len(raw)
    raw = raw[-(luma + 2 * chroma):]
    return size, ((raw[:luma], W, 1), (raw[luma:luma + chroma], W // part, part), (raw[luma + chroma:], W // part, part))


def average(plane, size, x, y):
    """Of eight by eight samples around a place in the picture."""
    data, width, part = plane
    x, y = x // part, y // part
    total = 0
    for j in range(y - 4, y + 4):
        for i in range(x - 4, x + 4):
            at = (j * width + i) * size
            total += int.from_bytes(data[at:at + size], "little")
    return total / 64


def to_rgb(y, cb, cr, depth, matrix, full):
    kr, kb = WEIGHTS[matrix]
    top, step = (1 << depth) - 1, 1 << depth - 8
    y = y / top if full else (y - 16 * step) / (219 * step)
    cb, cr = ((c - 128 * step) / (top if full else 224 * step) for c in (cb, cr))
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return [min(max(v, 0), 1) * 255 for v in (r, g, b)]


def srgb(light):
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def stream(h, codec, deep, whole, csc, span, *more):
    """Streams; the file, its demuxer, what was asked for in words, and the report."""
    demuxer = "obu" if codec == "av1" else codec
    path = h.dir / f"v.{demuxer}"
    options = [*(["--hdr"] if deep else []), *(["--yuv444"] if whole else []), "--csc", csc, "--range", span]
    what = " ".join([codec, *options])
    r = h.stream(*SIZE, "--codec", codec, *options, *more, "--mode-verify", "--out", path)
    assert r["errors"] == [], (what, r["errors"])
    return path, demuxer, what, r


def measure(path, demuxer, what, s, deep, whole, wanted):
    """Each patch of wanted, its colour in 0..255, against the last picture, converted by what the stream says."""
    pixels = ("yuv444p" if whole else "yuv420p") + ("10le" if deep else "")
    assert s["pix_fmt"].replace("yuvj", "yuv") == pixels, (what, s)
    size, planes = decode(path, demuxer, pixels)
    worst = 0
    for name, rgb, (x, y) in wanted:
        got = to_rgb(*(average(p, size, x, y) for p in planes), 10 if deep else 8, s["color_space"],
                     s["color_range"] == "pc")
        off = max(abs(a - b) for a, b in zip(rgb, got))
        worst = max(worst, off)
        assert off <= 2, (what, name, rgb, got)
    print(f"# {what}: {worst:.2f}")


def one(h, codec, deep, whole, csc, span):
    path, demuxer, what, r = stream(h, codec, deep, whole, csc, span)
    if deep: # and what the client is told is the truth
        assert r["hdr"]["messages"] >= 1 and not r["hdr"]["on"], (what, r)
    s = describe(path, demuxer)
    assert s["color_space"] == SPACES[csc] and s["color_range"] == RANGES[span], (what, s)
    measure(path, demuxer, what, s, deep, whole, patches())


def all_of(codec):
    with host() as h:
        modes = h.probe("info").report["https"]["codec_modes"]
        if not modes & BITS[codec][0, 0]:
            raise Skip(f"no encoder for {codec}")
        for (deep, whole), bit in BITS[codec].items():
            if not modes & bit:
                print(f"# {codec}: no encoder for {'ten bits ' * deep}{'4:4:4' * whole}")
                continue
            for csc in SPACES:
                for span in RANGES:
                    one(h, codec, deep, whole, csc, span)


def test_hdr_source_is_hdr_for_who_takes_it():
    with host("pq") as h:
        modes = h.probe("info").report["https"]["codec_modes"]
        for codec in ("hevc", "av1"):
            for deep, whole in ((1, 0), (1, 1)):
                if not modes & BITS[codec][deep, whole]:
                    continue
                path, demuxer, what, r = stream(h, codec, deep, whole, "709", "limited")
                assert r["hdr"]["on"] and r["hdr"]["metadata"][8:11] == [10000, 1, 10000], (what, r["hdr"])
                s = describe(path, demuxer)
                said = [s["color_space"], s["color_transfer"], s["color_primaries"], s["color_range"]]
                assert said == ["bt2020nc", "smpte2084", "bt2020", "tv"], (what, said)
                wanted = [(n, [v * 255 / 1023 for v in rgb], at) for n, rgb, at in patches("patches_pq")]
                measure(path, demuxer, f"HDR {what}", s, deep, whole, wanted)


def test_hdr_source_is_sdr_for_the_rest():
    with host("pq") as h:
        path, demuxer, what, r = stream(h, "h264", 0, 0, "709", "limited")
        assert "hdr" not in r, r
        s = describe(path, demuxer)
        assert s["color_transfer"] == "bt709", s
        # Of white at 203 cd/m2, along the curve of sRGB; what is brighter is white.
        wanted = [(n, [255 * srgb(min(int(n[5:]) / 203, 1))] * 3, at) for n, _, at in patches("patches_pq")
                  if n.startswith("grey ")]
        assert len(wanted) == 8
        measure(path, demuxer, f"PQ as SDR, {what}", s, 0, 0, wanted)


def test_h264():
    all_of("h264")


def test_hevc():
    all_of("hevc")


def test_av1():
    all_of("av1")


if __name__ == "__main__":
    run(globals())
