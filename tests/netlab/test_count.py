# SPDX-License-Identifier: GPL-3.0-or-later
"""The counting of the lab on made-up runs: it must find what a client hides, and blame the right side for a hole."""
import types

from harness import run
from lab_count import Shown, Wire, disagreements, densest_ms, recovery_times, seconds_of

FPS = 50


def stream(n, lost=(), passed_over=()):
    """Pictures of n frames painted at 50 a second from 1 s on, and the log of their frames on the wire."""
    seen, frames, wire = [], [], 0
    for i in range(n):
        if i in passed_over:
            continue
        wire += 1
        if i in lost:
            continue
        seen.append((i, 1_000_000 + i * 20_000))
        frames.append({"frame": wire, "t_us": i * 20_000, "first_us": i * 20_000 - 500, "idr": i == 0, "type": 1, "bytes": 1000,
                       "rtp": 1500 + i * 1800})
    return seen, frames


def shown(*args, **kw):
    seen, frames = stream(*args, **kw)
    return Shown(seen, frames, FPS, 1_000_000), frames


def wire(passed=1000, dropped=0, overflow=0):
    port = {"packets": passed + dropped, "bytes": 1450 * (passed + dropped), "passed": passed, "passed_bytes": 1450 * passed,
            "lost": dropped, "outage": 0, "queue_full": 0, "duplicated": 0, "reordered": 0, "longest_burst": 1,
            "second": [1450 * 100] * 10, "second_passed": [1450 * 90] * 10}
    none = {**port, **{k: 0 for k in ("packets", "bytes", "passed", "passed_bytes", "lost")}, "second": [], "second_passed": []}
    return Wire(types.SimpleNamespace(kind="relay"), {"down": {"video": port, "audio": none, "control": none, "queue_high": 0},
                                                      "overflow": overflow, "send_failed": 0, "late_us_max": 0})


def report(frames, lost=0, **kw):
    return {"frames": frames, "frames_lost": lost, "idr": 1, "packets": 1000, "missing_packets": 0, **kw}


def test_holes_are_blamed_on_the_right_side():
    s, _ = shown(500, lost={100, 101, 300}, passed_over={200, 400})
    assert s.missing() == (3, 2), s.holes
    assert s.missing(3) == (1, 2), s.holes
    assert s.missing(3, 7) == (1, 1), s.holes
    assert s.longest() == 2


def test_a_hole_of_both_kinds_is_split():
    s, _ = shown(100, lost={50}, passed_over={51})
    assert s.missing() == (1, 1), s.holes


def test_black_pictures_at_the_start_do_not_shift_the_match():
    seen, frames = stream(100, lost={40})
    s = Shown(seen[5:], frames, FPS, 1_000_000)
    assert s.missing() == (1, 0), s.holes
    assert s.numbers[0] == 5 and s.index[5]["frame"] == 6


def test_a_damaged_picture_in_the_middle_does_not_shift_the_match():
    seen, frames = stream(100, lost={40}, passed_over={70})
    s = Shown(seen[:20] + seen[21:], frames, FPS, 1_000_000)
    assert s.index[60]["frame"] == 61 and s.index[10]["frame"] == 11
    assert s.missing() == (2, 1), s.holes  # a picture that cannot be read is one that was not shown


def test_repeats_and_steps_back_are_counted():
    seen, frames = stream(10)
    s = Shown(seen[:6] + [seen[5], seen[2]] + seen[6:], frames, FPS, None)
    assert (s.repeats, s.backwards, len(s.numbers)) == (1, 1, 10)


def test_the_share_shown_is_of_the_screens_pictures():
    s, _ = shown(500, lost=set(range(100, 200)))
    assert abs(s.share(0, 2) - 1) < 0.02
    assert s.share(2, 4) == 0
    assert abs(s.share(1, 3) - 0.5) < 0.02


def check(rep, n=500, decoded=None, idr=1, w=None, **kw):
    s, frames = shown(n, **kw)
    return disagreements(rep, s, {"pictures": decoded if decoded is not None else len(frames)}, frames, idr, w or wire(), 10)


def test_an_honest_client_agrees():
    assert check(report(500)) == []
    assert check(report(497, lost=3, missing_packets=40), lost={9, 10, 11}, w=wire(dropped=40)) == []


def test_a_client_that_hides_something_is_found_out():
    assert "frames" in check(report(500), decoded=480)[0]
    assert "frames_lost" in check(report(400, lost=0), lost=set(range(100, 200)))[0]
    assert "idr" in check(report(500), idr=4)[0]
    assert "missing_packets" in check(report(500), w=wire(dropped=200))[0]
    assert "missing_packets" in check(report(500, missing_packets=100))[0]
    assert "datagrams" in check(report(500, packets=500))[0]


def test_a_lost_picture_that_a_recovery_frame_shows_is_a_frame_less_and_no_picture():
    seen, frames, wire_no = [], [], 0
    for i in range(500):
        for again in (False, True) if i % 25 == 10 else (False,):
            wire_no += 1
            if i % 25 == 10 and not again:
                continue  # lost; the same picture comes once more, as a recovery
            seen.append((i, 1_000_000 + i * 20_000))
            frames.append({"frame": wire_no, "t_us": i * 20_000, "first_us": None, "idr": i == 0, "type": 5 if again else 1,
                           "bytes": 1000, "rtp": 1500 + i * 1800})
    s = Shown(seen, frames, FPS, 1_000_000)
    said = report(500, lost=20, missing_packets=20)
    assert s.missing() == (0, 0)
    assert disagreements(said, s, {"pictures": 500}, frames, 1, wire(dropped=20), 10) == []
    for f in frames:
        f["kept"], f["type"], f["t_us"] = f["t_us"], 2, None
    columns = Shown(seen, frames, FPS, 1_000_000)
    assert disagreements(said, columns, {"pictures": 500}, [], 1, wire(dropped=20), 10) == [] and columns.shown_again() == 20
    for f in frames:
        f["t_us"] = f["kept"]
    # The same without recoveries is a client that makes frames up.
    for f in frames:
        f["type"] = 1
    assert "lost pictures" in disagreements(said, s, {"pictures": 500}, frames, 1, wire(dropped=20), 10)[0]


def test_a_lab_that_lost_datagrams_itself_is_found_out():
    assert "sockets" in check(report(500), w=wire(overflow=1))[0]


def test_reversals_are_turns_beyond_the_percentage():
    w = wire()
    for seconds, turns in (([100] * 10, 0), ([100, 105, 98, 103] * 3, 0), (list(range(50, 100, 5)), 0),
                           ([100, 50, 100, 50, 100], 3), ([100, 50, 52, 55, 100], 1), ([50, 100, 95, 94, 50], 1)):
        w.sent = seconds
        assert w.reversals(0, len(seconds), 10) == turns, (seconds, w.reversals(0, len(seconds), 10))


def test_a_recovery_is_timed_from_its_first_request():
    _, frames = stream(100, lost={10, 11, 50})
    for f in frames:
        if f["frame"] in (13, 52):
            f["type"] = 5
    # Frame 10 came at 180 ms, 13 began at 239.5; the hole at 50 had no request.
    assert recovery_times([100_000, 205_000, 220_000], frames, 0) == [34_500]
    assert recovery_times([205_000], frames, 0, up_us=10_000, down_us=5_000) == [19_500]
    assert recovery_times([], frames, 0) == []


def test_seconds_begin_with_the_stream():
    samples = [(i / 10, 50 * i if i < 30 else 1500 + 100_000 * (i - 29), 0) for i in range(80)]
    sent, _ = seconds_of(samples)
    assert len(sent) == 5 and all(abs(x - 1_000_000) < 110_000 for x in sent), sent


def test_the_densest_millisecond():
    assert densest_ms([0, 100, 999, 1000, 1999, 5000]) == 3
    assert densest_ms([0]) == 1


if __name__ == "__main__":
    run(globals())
