# SPDX-License-Identifier: GPL-3.0-or-later
"""Short runs of the lab itself: that the network does what a scenario says, and that what is counted outside agrees with
what the client says. How well the host does is for netlab.py; here it only has to live."""
import argparse
import json
import pathlib
import sys

import netlab
from harness import Skip, run

HERE = pathlib.Path(__file__).resolve().parent
ARGS = argparse.Namespace(client=None, pair=None, keep=None)


def row_of(name, seed=1):
    path = HERE / "smoke" / f"{name}.json"
    scenario = json.loads(path.read_text())
    if scenario["link"].get("kind") == "netns":
        row = netlab.in_namespaces(path, seed, scenario["seconds"], ARGS)
        if row["verdict"] == "skip":
            raise Skip(row["why"])
    else:
        row = netlab.run_once(scenario, name, seed, scenario["seconds"], netlab.Client(ARGS), None)
    print("# " + json.dumps(row))
    assert row["verdict"] == "pass", row
    return row


def test_a_clear_path_loses_nothing():
    row_of("clear")


def test_bursts_are_lost_outside_of_the_client():
    row = row_of("bursts")
    assert row["longest_burst"] % 8 == 0, row


def test_one_seed_loses_the_same_datagrams():
    a, b = (row_of("bursts", seed=5)["dropped_video"] for _ in range(2))
    # The runs differ by a few datagrams in length: by a burst or two at the end.
    assert abs(a - b) <= 24, (a, b)


def test_a_stream_outlives_silence():
    row_of("silence")


def test_a_narrow_link_overflows_its_queue():
    row_of("narrow")


def test_the_kernels_token_bucket():
    row_of("bucket")


def test_a_broken_expectation_fails():
    scenario = json.loads((HERE / "smoke" / "clear.json").read_text())
    scenario["require"] = ["lost > 0"]
    row = netlab.run_once(scenario, "clear", 1, 3, netlab.Client(ARGS), None)
    assert row["verdict"] == "fail", row


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
