# SPDX-License-Identifier: GPL-3.0-or-later
"""Short runs of the lab itself: that the network does what a scenario says, and that what is counted outside agrees with
what the client says. How well the host does is for netlab.py; here it only has to live."""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import netlab
from harness import Skip, run

HERE = pathlib.Path(__file__).resolve().parent
ARGS = argparse.Namespace(client=None, pair=None, keep=None)


def row_of(name, seed=1, keep=None):
    path = HERE / "smoke" / f"{name}.json"
    scenario = json.loads(path.read_text())
    if scenario["link"].get("kind") == "netns":
        row = netlab.in_namespaces(path, seed, scenario["seconds"], ARGS)
        if row["verdict"] == "skip":
            raise Skip(row["why"])
    else:
        row = netlab.run_once(scenario, name, seed, scenario["seconds"], netlab.Client(ARGS), keep)
    print("# " + json.dumps(row))
    # On a busy machine too: the network answers for these.
    assert not row["disagree"] and False not in row["require"].values(), row
    return row


def test_a_clear_path_loses_nothing():
    row_of("clear")


def test_bursts_are_lost_outside_of_the_client():
    row = row_of("bursts")
    assert row["longest_burst"] % 8 == 0, row


def fates(folder):
    with open(folder / "bursts-5" / "packets.log") as log:
        words = [line.split() for line in log]
    return [w[4] for w in words if w[1:3] == ["down", "video"]]


def test_one_seed_loses_the_same_datagrams():
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for i in range(2):
            keep = pathlib.Path(folder) / str(i)
            row_of("bursts", seed=5, keep=keep)
            runs.append(fates(keep))
    n = min(map(len, runs))
    assert n > 300, n
    assert runs[0][:n] == runs[1][:n]
    assert "lost" in runs[0][:n]


def test_a_kept_run_replays_as_it_was():
    with tempfile.TemporaryDirectory() as folder:
        row_of("bursts", seed=5, keep=pathlib.Path(folder))
        session, = (pathlib.Path(folder) / "bursts-5").glob("*.session")
        out = subprocess.run([os.environ["NETLAB_REPLAY"], session], capture_output=True, text=True, check=True).stdout
    row = json.loads(out)
    print("# " + out.strip())
    assert row["complete"] and row["ticks"] > 20, row
    assert row["as_recorded"]["ticks_otherwise"] == 0, row
    # The daemon's last turn may fall between the encoding of a frame and its packing.
    for then, now in (row["as_recorded"][k] for k in ("data", "parity")):
        assert abs(then - now) < 60, row


def test_a_stream_outlives_silence():
    row_of("silence")


def test_a_narrow_link_overflows_its_queue():
    row_of("narrow")


def test_the_kernels_token_bucket():
    row_of("bucket")


def test_a_broken_expectation_fails():
    scenario = json.loads((HERE / "smoke" / "clear.json").read_text())
    scenario["require"] = ["lost > 1000"]
    row = netlab.run_once(scenario, "clear", 1, 3, netlab.Client(ARGS), None)
    assert row["verdict"] in ("fail", "busy") and row["require"] == {"lost > 1000": False}, row


def test_options_the_daemon_lacks_are_skipped():
    scenario = json.loads((HERE / "smoke" / "clear.json").read_text())
    scenario["host"] = ["no.such=1"]
    try:
        netlab.run_once(scenario, "clear", 1, 3, netlab.Client(ARGS), None)
    except Skip as e:
        assert "no.such" in str(e)
    else:
        raise AssertionError("not skipped")


if __name__ == "__main__":
    run(globals())
