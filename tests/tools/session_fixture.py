#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a fixture of tests/vectors/session-*.jsonl from the recording of a session with a stock client.

A recording is JSON lines: first what the session was (with its throwaway keys), then each HTTP message, RTSP message,
datagram and control message as the client saw it. Everything is kept but what makes recordings long: of the video and
audio datagrams from the host only the first ones stay.

    session_fixture.py RECORDING FIXTURE --video N --audio N
"""
import argparse
import json

KEEP = ("t_ms", "ch", "dir", "dropped", "type", "channel", "flags", "seq", "plain", "hex")


def record(o, limit):
    """One record as it is stored, or None."""
    if o["dir"] == "rx" and o["ch"] in limit:
        if limit[o["ch"]] == 0:
            return None
        limit[o["ch"]] -= 1
    kept = {k: o[k] for k in KEEP if k in o}
    kept["t_ms"] = round(o["t_ms"], 1)
    if o["ch"] == "http":
        del kept["hex"]  # its text says it all
    else:
        kept.pop("plain", None)  # the key opens it
    return kept


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("recording")
    a.add_argument("fixture")
    a.add_argument("--video", type=int, required=True, help="datagrams from the host that stay")
    a.add_argument("--audio", type=int, required=True, help="datagrams from the host that stay")
    a = a.parse_args()
    limit = {"video": a.video, "audio": a.audio}
    with open(a.recording, encoding="utf-8") as src, open(a.fixture, "w", encoding="utf-8") as dst:
        first = json.loads(next(src))
        del first["record_max"]
        print(json.dumps(first, separators=(",", ":")), file=dst)
        for line in src:
            kept = record(json.loads(line), limit)
            if kept:
                print(json.dumps(kept, separators=(",", ":")), file=dst)


if __name__ == "__main__":
    main()
