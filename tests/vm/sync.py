# SPDX-License-Identifier: GPL-3.0-or-later
"""Explicit synchronisation, with the kernel's own timelines, fences and dma-bufs: tests/live/sync_source hands pictures out
before they are drawn, capture_check reads them as an encoder would. Runs in the test machine, in the root of tests/trixie
(trixie.sh), for PipeWire 1.2 and Linux 6.6 know it first."""
import json
import os
import pathlib
import subprocess
import time

from harness import BUILD, run

LIVE = BUILD / "tests/live"
RUNTIME = pathlib.Path("/run/user")
LOGS = pathlib.Path("/run/vm")
FRAMES = 24
DRAWN = 30  # ms from the moment that a picture is handed out

RUNTIME.mkdir(mode=0o700)
os.environ["XDG_RUNTIME_DIR"] = str(RUNTIME)


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def start(name):
    return subprocess.Popen([name], stdout=open(LOGS / f"{name}.log", "w"), stderr=subprocess.STDOUT)


def nodes():
    return subprocess.run(["pw-cli", "ls"], capture_output=True, text=True).stdout


started = [start("pipewire")]
wait_for("pipewire", (RUNTIME / "pipewire-0").exists)
started.append(start("wireplumber"))
wait_for("wireplumber", lambda: "wireplumber" in nodes().lower())


class Source:
    def __init__(self, *options):
        self.proc = subprocess.Popen([LIVE / "sync_source", *map(str, options)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=open(LOGS / "source.log", "w"), text=True)
        assert self.proc.stdout.readline() == "ready\n", (LOGS / "source.log").read_text()

    def end(self):
        out, _ = self.proc.communicate(timeout=60)
        assert self.proc.returncode == 0, (self.proc.returncode, (LOGS / "source.log").read_text())
        return json.loads(out)


def captured(source, *options, before=()):
    """What a reader got, what it said, and what the source says once that is gone."""
    p = subprocess.run([*before, LIVE / "capture_check", "--source", "pipewire", "--node", "screen", "--import", "0", "--size",
                        "320x180", "--frames", str(FRAMES), "--seconds", "30", *options], capture_output=True, text=True)
    s = source.end()
    print(f"# {p.stdout.strip()} {s}")
    assert p.returncode == 0, (p.returncode, p.stdout, p.stderr[-4000:])
    r = json.loads(p.stdout)
    assert s["early"] == s["owed"] == 0, (s, p.stderr[-4000:])
    return r["users"][0], p.stderr, s


def all_right(u):
    """Each picture showed its number when it was read."""
    assert u["frames"] == u["marks"] == FRAMES and u["backwards"] == 0 and u["late"] == 0, u


def explicit(u, s):
    """With a fence each, of dma-bufs that the kernel made and that are synchronised by timelines only."""
    assert u["imported"] == u["kernels"] == u["fenced"] == u["frames"], u
    assert s["synchronised"] == s["handed_out"] >= u["frames"], s


def test_a_point_that_is_there_gives_a_fence_to_wait_for():
    u, said, s = captured(Source("--draw", DRAWN))
    all_right(u)
    explicit(u, s)
    assert u["waited"] >= 1, u  # handed on before they were drawn
    assert "dropped" not in said, said


def test_who_does_not_wait_sees_what_is_not_drawn():
    """That the other cases could fail."""
    u, _, _ = captured(Source("--draw", DRAWN), "--impatient")
    assert u["marks"] < u["frames"], u


def test_a_point_that_comes_later_is_waited_for():
    u, said, s = captured(Source("--submit", DRAWN, "--draw", DRAWN))
    all_right(u)
    explicit(u, s)
    assert "dropped" not in said, said


def test_a_picture_is_not_handed_on_before_its_point():
    """With work that is done when it is handed in, nobody has to wait."""
    u, _, s = captured(Source("--submit", DRAWN, "--draw-first"), "--impatient")
    all_right(u)
    explicit(u, s)
    assert u["waited"] == 0, u


def test_points_that_never_come_cost_their_pictures_only():
    u, said, s = captured(Source("--draw", DRAWN, "--never", 5))
    all_right(u)
    explicit(u, s)
    assert u["gaps"] >= 3, u


def test_a_source_whose_points_never_come_is_given_up_and_told():
    source = Source("--never", 1)
    p = subprocess.run([LIVE / "capture_check", "--source", "pipewire", "--node", "screen", "--import", "0", "--frames", "1",
                        "--seconds", "6"], capture_output=True, text=True)
    s = source.end()
    print(f"# {p.stdout.strip()} {s}")
    assert p.returncode == 3, (p.returncode, p.stdout, p.stderr)  # no frame
    assert 1 <= p.stderr.count("does not say when a picture is drawn") <= 7, p.stderr
    # The buffers went round and round.
    assert s["handed_out"] > 6 and s["owed"] == s["early"] == 0, s


def test_timelines_that_are_none_make_it_memory():
    u, said, s = captured(Source("--nonsense"))
    all_right(u)
    assert u["imported"] == 0 and s["synchronised"] == 0, (u, s)
    assert "planes or timelines" in said, said


def test_a_source_without_is_synchronised_implicitly():
    u, _, s = captured(Source("--no-sync"))
    all_right(u)
    assert u["imported"] == u["frames"] and s["synchronised"] == 0, (u, s)


def test_without_a_device_nobody_asks():
    u, _, s = captured(Source("--draw", DRAWN),
                       before=("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", 'mount -t tmpfs none /dev/dri && exec "$@"', "sh"))
    all_right(u)
    assert u["imported"] == u["frames"] and s["synchronised"] == 0, (u, s)


if __name__ == "__main__":
    try:
        run(globals())
    finally:
        for proc in reversed(started):
            proc.terminate()
            proc.wait(30)
