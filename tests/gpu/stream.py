# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon converts on a GPU: what the probe gets is whole and readable."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from harness import Host, read_pattern, run  # noqa: E402


def test_stream_converted_on_the_gpu():
    h = Host("encode.convert=gpu")
    try:
        h.paired()
        out = h.dir / "v.h264"
        r = h.stream("--width", 320, "--height", 192, "--fps", 20, "--bitrate", 2000, "--frames", 40, "--out", out)
        assert r["frames"] >= 40 and r["frames_lost"] == 0 and r["errors"] == [], r
        seen = read_pattern(out)
        assert seen["pictures"] >= 39 and seen["repeats"] == 0 and seen["backwards"] == 0, seen
        assert "pictures are converted on" in h.logged(), h.logged()
    finally:
        h.close()


if __name__ == "__main__":
    run(globals())
