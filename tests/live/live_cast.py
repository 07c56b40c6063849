# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen of a graphics card as the kernel's dma-bufs: through portal and PipeWire, imported by the daemon, to the probe.
Runs inside live-cast.sh's session, in the emulated machine, where a picture takes a while."""
import json
import pathlib
import re
import shutil
import subprocess
import time

from harness import BUILD, Host, Skip, finish, run
from live_screen import QUADRANTS, client, codes, colours, ended_well
from vaapi import environment, scratch

SIZE = ("--width", 320, "--height", 180, "--fps", 10, "--bitrate", 1000, "--audio", "none")


def captured(*options, frames):
    """What a reader of the capture got, with the client on the screen."""
    with client():
        p = subprocess.run([BUILD / "tests/live/capture_check", "--source", "portal", "--token", "token", "--size", "320x180",
                            "--pixels", "quadrants", "--frames", str(frames), "--seconds", "60", *options],
                           capture_output=True, text=True)
    assert p.returncode == 0, (p.returncode, p.stdout, p.stderr[-4000:])
    r = json.loads(p.stdout)
    print(f"# {p.stdout.strip()}")
    assert r["source"] == "portal" and r["sizes"] == [[320, 180]] and r["losses"] == 0, (r, p.stderr[-4000:])
    u = r["users"][0]
    # The code and the colours of the client, in every picture but those from before it was there.
    assert u["frames"] == frames and u["marks"] > frames / 2 and u["pixels_bad"] <= frames - u["marks"], r
    return r, u


def mapped(pid):
    """Bytes of dma-bufs that the process reads as memory: by the capture's own mappings, and by the driver's, which can
    be written to."""
    ours = drivers = 0
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if "/dmabuf:" in line:
            start, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            size = int(end, 16) - int(start, 16)
            ours, drivers = (ours, drivers + size) if "w" in rights else (ours + size, drivers)
    return ours, drivers


def ready(h):
    deadline = time.monotonic() + 60
    while h.status()["screen"]["state"] != "ready":
        assert time.monotonic() < deadline, h.status()["screen"]
        time.sleep(0.2)


def streamed(h, out):
    """Some pictures of the screen; the client's report, what the daemon said meanwhile, and the most it had mapped."""
    before, most = len(h.logged()), (0, 0)
    p = h.probe_start("stream", *SIZE, "--frames", 20, "--out", out)
    while p.poll() is None:
        most = tuple(map(max, most, mapped(h.proc.pid)))
        time.sleep(0.1)
    return finish(p), h.logged()[before:], most


def warm():
    """The driver compiles for its first picture: here that may take longer than the daemon waits for a GPU. What it has
    compiled is kept."""
    subprocess.run([BUILD / "tests/bench/bench_gpu", "320", "180", "1"], check=True, stdout=subprocess.DEVNULL)


def daemon(*options, env=None):
    """Streams what it imports, and the pictures are right; what it said."""
    if not shutil.which("ffmpeg"):
        raise Skip("ffmpeg is not installed")
    warm()
    # Trials of encoders that are not used take long here.
    h = Host("audio.source=none", "encode.hevc=off", "encode.av1=off", "encode.convert=gpu", "encode.min_fps=1",
             "encode.refine=false", *options, source="portal", env=env)
    try:
        ready(h.paired())
        out = h.dir / "v.h264"
        with client():
            r, said, (ours, drivers) = streamed(h, out)
        assert re.search(r"screen of 320x180, \S+ in dma-bufs that are imported", said), said[-4000:]
        assert "pictures are converted on" in said, said[-4000:]
        assert "cannot be imported" not in said and "the GPU failed" not in said, said[-4000:]
        assert ours == 0 and drivers > 0, (ours, drivers)  # this driver's device is the CPU
        assert r["frames"] >= 20 and r["frames_lost"] == 0 and r["errors"] == [], r
        c = codes(out)
        print(f"# {c}, mapped by the driver: {drivers}")
        assert c["read"] >= 5 and c["damaged"] == 0 and c["backwards"] == 0, c
        colours(out, r["frames"] - 1, QUADRANTS, 320, 180)
        ended_well(h)
        return said
    finally:
        h.close()


def test_frames_are_dma_bufs_of_the_card_and_show_its_screen():
    r, u = captured("--import", "0", frames=20)
    assert u["imported"] == u["kernels"] == 20 and r["exporter"] and u["backwards"] == 0, r
    assert r["modifier"] == 0 and r["mapped_bytes"] == 0, r


def test_a_reader_that_fails_to_import_them_gets_memory_in_mid_stream():
    r, u = captured("--import", "0", "--refuse-all", "6", frames=24)
    assert 6 <= u["imported"] == u["kernels"] < 20 and r["mapped_bytes"] == 0, r


def test_a_reader_that_imports_nothing_gets_memory():
    r, u = captured(frames=12)
    assert u["imported"] == 0 and r["mapped_bytes"] == 0, r


def test_streamed_from_imported_dma_bufs_of_which_the_capture_maps_nothing():
    daemon("encode.backend=x264")


def test_from_the_screen_to_the_stream_every_picture_stays_in_dma_bufs():
    if not (BUILD / "tests/drivers/va/libmoonrill-drm-shim.so").exists():
        raise Skip("built without VA-API")
    with scratch() as d:
        log = pathlib.Path(d) / "va.log"
        said = daemon("encode.backend=vaapi", "encode.device=/dev/null", env=environment(log))
        assert "pictures stay on" in said and "handed over in memory" not in said, said[-4000:]
        objected = log.read_text()
        assert "RULE" not in objected and "LEAK" not in objected, objected[-3000:]


if __name__ == "__main__":
    run(globals())
