#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the whole daemon as one JSON object: start, memory, wake-ups, first picture and sound, a long stream, CPU by thread.

usage: figures.py [--quick]      (MOONRILL_BUILD names the build folder)
Nothing here is a limit: machines differ. Medians of five where a figure is a time.
"""
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402

QUICK = "--quick" in sys.argv
HD = ("--width", 1280, "--height", 720, "--fps", 60, "--bitrate", 10000)
FHD = ("--width", 1920, "--height", 1080, "--fps", 60, "--bitrate", 20000)
TICK = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def host(*options):
    h = harness.Host("host.log_level=info", *options)
    try:
        yield h.paired()
    finally:
        h.close()


def median(values):
    return round(statistics.median(values), 3)


def threads(pid):
    """CPU seconds and voluntary switches by thread name."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            stat = (task / "stat").read_text()
            status = (task / "status").read_text()
            # Nanoseconds on a CPU: finer than the ticks of stat.
            run_ns = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
        name = stat[stat.index("(") + 1:stat.rindex(")")]
        switches = int(next(x for x in status.splitlines() if x.startswith("voluntary")).split()[1])
        cpu, sw = out.get(name, (0.0, 0))
        out[name] = (cpu + run_ns / 1e9, sw + switches)
    return out


def start_ms():
    """From exec to the first answered request, with state present."""
    state = tempfile.mkdtemp(prefix="moonrill-bench-")
    times = []
    for i in range(6):
        base = harness.free_base()
        t = time.monotonic()
        p = subprocess.Popen([str(harness.HOST), "run", "--state", state, "--socket", state + "/s", "-o",
                              f"net.port={base}", "-o", "net.mdns=false", "-o", "video.source=pattern", "-o", "input.backend=null"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{base}/serverinfo", timeout=5).read()
                break
            except OSError:
                time.sleep(0.0005)
        if i:  # the first run makes the certificate
            times.append((time.monotonic() - t) * 1000)
        p.terminate()
        p.wait()
    return median(times)


def idle():
    with host() as h:
        time.sleep(1)
        rss = h.rss_kib()
        before = threads(h.proc.pid)
        time.sleep(10)
        after = threads(h.proc.pid)
        wakes = sum(s for _, s in after.values()) - sum(s for _, s in before.values())
    return {"rss_mib": round(rss / 1024, 1), "wakes_per_s": wakes / 10}


def first():
    video, audio = [], []
    with host() as h:
        for _ in range(5):
            r = h.stream(*HD, "--frames", 30, "--audio", "stereo")
            video.append(r["stages"]["first_frame"])
            audio.append(r["stages"]["first_audio"])
    return {"launch_to_first_frame_ms": median(video), "launch_to_first_audio_ms": median(audio)}


def streaming(size, rfi, seconds):
    with host() as h:
        p = h.probe_start("stream", *size, "--seconds", seconds + 2, "--audio", "stereo", "--rfi" if rfi else "--no-rfi")
        while not any(s["state"] == "streaming" for s in h.status()["sessions"]):
            time.sleep(0.05)
        time.sleep(1)
        a, fa = threads(h.proc.pid), h.status()["sessions"][0]["stream"]["frames"]
        time.sleep(seconds)
        s = h.status()["sessions"][0]["stream"]
        b, fb = threads(h.proc.pid), s["frames"]
        rss = h.rss_kib()
        r = harness.finish(p)
    frames = fb - fa
    cpu = {n: round((b[n][0] - a.get(n, (0, 0))[0]) * 1000 / frames, 3) for n in b}
    return {
        "frames": r["frames"], "lost": r["frames_lost"], "idr": r["idr"], "fps": r["fps"], "kbps": r["kbps"],
        "rss_mib": round(rss / 1024, 1), "cpu_ms_per_frame": cpu,
        "cpu_ms_per_frame_without_pattern": round(sum(v for n, v in cpu.items() if n != "pattern"), 3),
        "stages": s["stages"], "host_latency_ms": r["host_latency_ms"],
    }


def sessions(n):
    with host() as h:
        h.stream("--width", 640, "--height", 360, "--fps", 60, "--bitrate", 4000, "--frames", 20)
        time.sleep(0.5)
        first_rss = h.rss_kib()
        for _ in range(n):
            h.stream("--width", 640, "--height", 360, "--fps", 60, "--bitrate", 4000, "--frames", 20)
        time.sleep(0.5)
        last = h.rss_kib()
    return {"sessions": n, "rss_after_first_mib": round(first_rss / 1024, 1), "rss_after_last_mib": round(last / 1024, 1),
            "kib_per_session": round((last - first_rss) / n, 1)}


def main():
    seconds = 5 if QUICK else 60
    out = {
        "start_ms": start_ms(),
        "idle": idle(),
        "first": first(),
        "stream_720p60": streaming(HD, False, seconds),
        "stream_720p60_rfi": streaming(HD, True, min(seconds, 15)),
        "stream_1080p60": streaming(FHD, False, min(seconds, 15)),
        "sessions": sessions(5 if QUICK else 50),
    }
    print(json.dumps(out, indent=1))


main()
