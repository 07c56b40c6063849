# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of the kernel that keeps times (sch_fq): it is found, and trains leave when the pacer wants them to, though the
thread that sends them is late. Run with --steady: time is that of the guest's own instructions."""
import functools
import json
import os
import pathlib
import statistics
import subprocess

from devices import PROGRAMS
from harness import run

CEILING_KBPS, FRAMES, BYTES = 60000, 8, 200000
TRAIN = 8  # packets, as in net/pacer.h
US = 1000


def tc(*args):
    """Out of the package that vm-env.sh unpacked."""
    root = pathlib.Path(os.environ["VM_ROOT"])
    libs = ":".join(str(p) for pattern in ("lib", "usr/lib") for p in root.glob(f"{pattern}/*-linux-gnu"))
    program = next(p for p in (root / "sbin/tc", root / "usr/sbin/tc") if p.exists())
    return subprocess.run([program, *args], check=True, capture_output=True, text=True,
                          env={**os.environ, "LD_LIBRARY_PATH": libs}).stdout


@functools.cache
def sent():
    """Through the queue that keeps times, and with a plain socket in the same queue."""
    out = subprocess.run([PROGRAMS / "paced", str(CEILING_KBPS), str(FRAMES), str(BYTES)], check=True,
                         capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def lateness(r):
    """Of each train but the first of its frame: when it came, less the soonest that the pacer lets it come after those
    before it. Below 0 it was too close to them."""
    late = []
    for frame in r["frames"]:
        clear = before = 0
        for t, n in frame:
            if before:
                late.append(t - max(clear - (TRAIN - n) * r["packet_ns"], before))
            clear, before = max(clear, t) + n * r["packet_ns"], t
    return sorted(late)


def quantile(values, share):
    return values[min(int(share * len(values)), len(values) - 1)]


def told(name, r):
    late = lateness(r)
    print(f"# {name}: {len(late)} trains, late by " + ", ".join(
        f"{q:.0%} {quantile(late, q) / US:.0f} us" for q in (0, 0.05, 0.5, 0.95, 1)))
    return late


def test_another_queue_keeps_no_times():
    assert "fq" not in tc("qdisc", "show", "dev", "lo")
    assert [r["timed"] for r in sent()] == [False, False]
    told("without fq", sent()[0])
    sent.cache_clear()


def test_fq_keeps_times():
    tc("qdisc", "replace", "dev", "lo", "root", "fq")
    assert [r["timed"] for r in sent()] == [True, False]


def test_every_packet_arrives_in_trains():
    counts = [[n for _, n in frame] for r in sent() for frame in r["frames"]]
    assert len({sum(c) for c in counts}) == 1, counts
    assert all(n <= TRAIN for c in counts for n in c), counts


def test_trains_leave_when_they_are_due_though_their_thread_is_late():
    timed, plain = (told(name, r) for name, r in zip(("timed", "plain"), sent()))
    packet = sent()[0]["packet_ns"]
    assert quantile(timed, 0.95) < packet / 4 < quantile(plain, 0.95), "late"
    assert statistics.median(timed) * 4 < statistics.median(plain), "as late as without"
    assert timed[0] > -packet / 4, "two trains too close"


def test_a_frame_takes_as_long_as_its_bytes_at_the_ceiling():
    def spread(r):
        return statistics.median(frame[-1][0] - frame[0][0] for frame in r["frames"])

    timed, plain = map(spread, sent())
    packets = sum(n for _, n in sent()[0]["frames"][0])
    ideal = (packets - TRAIN) * sent()[0]["packet_ns"]
    print(f"# a frame of {packets} packets: {ideal / US:.0f} us at the ceiling; timed {timed / US:.0f} us, "
          f"plain {plain / US:.0f} us")
    assert 0.95 * ideal < timed < 1.05 * ideal < plain


if __name__ == "__main__":
    run(globals())
