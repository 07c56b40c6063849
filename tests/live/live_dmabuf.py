# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen in dma-bufs (memory that calls itself so) through the daemon to the probe. Runs inside live-dmabuf.sh's session."""
import pathlib
import re

from harness import BUILD, Skip, run
from live_screen import BARS, codes, colours, host, moved, node, until
from vaapi import VAAPI, environment, scratch

SIZE = ("--width", 640, "--height", 360, "--fps", 30, "--bitrate", 4000)
TILED = "0x0100000000000002"


def streamed(source, *options, frames=60, env=None, codec="h264"):
    """What the probe got of such a source, and what the daemon said meanwhile."""
    with (node("screen", "--size", "640x360", *source),
          host("pipewire", "video.node=screen", "encode.convert=gpu", *options, env=env) as h):
        out = h.dir / f"v.{codec}"
        r = h.stream(*SIZE, "--codec", codec, "--frames", frames, "--out", out)
        assert r["frames"] >= frames and r["frames_lost"] == 0 and r["errors"] == [], r
        c = codes(out)
        assert c["missing"] == 0 and c["backwards"] == 0 and c["black"] < frames / 2, c
        until(lambda: read_by_cpu(h.logged()) is not None, "the stream's end")
        return h.logged()


def read_by_cpu(said):
    """Bytes of the stream's pictures, as the daemon counted them; None before its end."""
    n = re.search(r"the CPU read (\d+) bytes of pictures", said)
    return int(n[1]) if n else None


def test_imported_and_converted_on_the_gpu():
    said = streamed(["--modifiers", "0"])
    assert "in dma-bufs that are imported" in said and "pictures are converted on" in said, said[-4000:]
    # They come back for x264, all of them.
    assert read_by_cpu(said) >= 30 * 640 * 360 * 3 / 2, said[-4000:]


def test_a_tiling_that_the_device_lacks_is_not_asked_for():
    said = streamed(["--modifiers", f"{TILED},0"])
    assert "in dma-bufs that are imported" in said and "cannot be imported" not in said, said[-4000:]


def test_an_import_that_fails_ends_in_memory_not_in_the_stream():
    # Rows that no shader can address.
    said = streamed(["--modifiers", "0", "--padding", "130"], frames=120)
    assert "cannot be imported" in said and "XR24 in memory" in said, said[-4000:]


def test_a_cursor_moves_over_a_picture_that_was_imported():
    source = ("--size", "640x360", "--modifiers", "0", "--still", 3, "--cursor", 100)
    with node("screen", *source), host("pipewire", "video.node=screen", "encode.convert=gpu") as h:
        out = h.dir / "v.h264"
        r, n = moved(h, *SIZE, "--seconds", 7, "--audio", "none", "--out", out)
        assert n >= 20 and r["frames_lost"] == 0 and r["errors"] == [], (n, r)
        bars = {at: rgb for at, rgb in BARS.items() if at[0] < 0.8}
        colours(out, r["frames"] - 1, bars | {(563 / 640, 0.4): (255, 0, 255), (575 / 640, 0.4): (128, 128, 128)}, 640, 360)
        assert "in dma-bufs that are imported" in h.logged(), h.logged()[-4000:]


def test_no_pixel_is_touched_from_the_screen_to_the_stream():
    if not (BUILD / "tests/drivers/va/libmoonrill-drm-shim.so").exists():
        raise Skip("built without VA-API")
    with scratch() as d:
        for codec in "h264", "hevc":
            log = pathlib.Path(d) / codec
            # Readable and writable by the driver, which is its own hardware; the daemon maps nothing of it.
            said = streamed(["--modifiers", "0"], *VAAPI, codec=codec, env=environment(log))
            assert "in dma-bufs that are imported" in said and "pictures stay on" in said, said[-4000:]
            assert read_by_cpu(said) == 0, said[-4000:]
            for trouble in "handed over in memory", "is unusable", "goes on", "opened anew":
                assert trouble not in said, said[-4000:]
            objected = log.read_text()
            assert "RULE" not in objected and "LEAK" not in objected, objected[-3000:]


if __name__ == "__main__":
    run(globals())
