# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run was: counted from decoded pictures, the bitstream and the network's counters, then held against what the
client says of itself."""
import bisect
import json
import os
import re
import shutil
import statistics
import subprocess

from harness import Skip

OVERHEAD = 42  # Ethernet, IPv4, UDP


def decode(path, codec, screen=None):
    """Painted numbers and times of every decoded picture, in order; pictures that could not be read are left out."""
    if not shutil.which("ffmpeg"):
        raise Skip("ffmpeg is not installed")
    form = {"h264": "h264", "hevc": "hevc", "av1": "obu"}[codec]
    dec = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-f", form, "-i", str(path), "-vsync", "passthrough", "-f",
                            "yuv4mpegpipe", "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    source = ["--source", screen] if screen else []
    tool = subprocess.Popen([os.environ["READ_PATTERN"], "--list", *source], stdin=dec.stdout, stdout=subprocess.PIPE, text=True)
    dec.stdout.close()
    out, _ = tool.communicate(timeout=900)
    errors = dec.stderr.read().decode(errors="replace").strip()
    dec.wait()
    r = json.loads(out)
    seen = [(n, t) for n, t in zip(r["numbers"], r["times_us"]) if n >= 0]
    return {"pictures": r["pictures"], "unreadable": r["pictures"] - len(seen), "damaged": r["damaged"], "seen": seen,
            "decoder_errors": len(errors.splitlines())}


def count_idr(path, codec):
    """IDR pictures by their first slices, or None for codecs without start codes."""
    data = path.read_bytes()
    if codec == "h264":  # NAL type 5 whose first_mb_in_slice is 0
        return sum(1 for m in re.finditer(rb"\x00\x00\x01([\x05\x25\x45\x65])([\x80-\xff])", data, re.S))
    if codec == "hevc":  # types 16..21, first_slice_segment_in_pic_flag
        return sum(1 for m in re.finditer(rb"\x00\x00\x01([\x20-\x2b]).([\x80-\xff])", data, re.S))
    return None


def read_frame_log(path):
    """A delivered frame a line: JSON (the probe), or columns `frame type bytes host_latency rtp_time received`."""
    out = []
    if not path.exists():
        return out
    for line in path.read_text().splitlines():
        try:
            if line.startswith("{"):
                o = json.loads(line)
                out.append({"frame": o["frame"], "type": o["type"], "bytes": o["bytes"], "rtp": o["rtp_time"], "idr": o["idr"],
                            "t_us": o["t_us"], "first_us": o.get("first_packet_us")})
            else:
                n = line.split()
                kind = {"IDR": 2, "P": 1}.get(n[1]) or int(n[1])
                out.append({"frame": int(n[0]), "type": kind, "bytes": int(n[2]), "rtp": int(n[4]), "idr": None,
                            "t_us": None, "first_us": None})
        except (ValueError, KeyError, IndexError):
            continue  # a heading, or a line cut off by the end
    return out


class Shown:
    """Which pictures were shown, and what the holes between them are: frames that were sent and did not come (the frame
    number on the wire jumps too), or pictures that the host passed over before encoding (it does not)."""

    def __init__(self, seen, frames, fps, start_us):
        self.fps = fps
        self.repeats = self.backwards = 0
        self.numbers, self.times = [], []
        for n, t in seen:
            if self.numbers and n <= self.numbers[-1]:
                self.repeats += n == self.numbers[-1]
                self.backwards += n < self.numbers[-1]
                continue
            self.numbers.append(n)
            self.times.append(t)
        self.start_us = start_us or (self.times[0] if self.times else 0)
        self.index = self.match(seen, frames)
        self.holes = [(self.times[i], self.numbers[i] - self.numbers[i - 1] - 1, self.wire_hole(i))
                      for i in range(1, len(self.numbers)) if self.numbers[i] > self.numbers[i - 1] + 1]

    def match(self, seen, frames):
        """Painted number -> frame number on the wire: decoder and log have the same frames in the same order. Some are
        unreadable (black until the source's first picture, damaged later): the frame's own time says which."""
        if len(frames) < len(seen) or not seen:
            return {}
        ahead = [f["rtp"] * 100 / 9 - t for (_, t), f in zip(seen, frames[len(frames) - len(seen):])]
        offset = statistics.median(ahead)
        out, at = {}, 0
        for n, t in seen:
            while at + 1 < len(frames) and (abs(frames[at + 1]["rtp"] * 100 / 9 - t - offset)
                                            <= abs(frames[at]["rtp"] * 100 / 9 - t - offset)):
                at += 1
            out.setdefault(n, frames[at])
        return out

    def wire_hole(self, i):
        a, b = (self.index.get(self.numbers[k]) for k in (i - 1, i))
        return None if a is None or b is None else b["frame"] - a["frame"] - 1

    def missing(self, from_s=0, until_s=1e9):
        """(lost on the way, passed over by the host) among pictures whose hole ends within the window."""
        lost = skipped = 0
        for t, hole, wire in self.holes:
            if from_s <= (t - self.start_us) / 1e6 < until_s:
                gone = hole if wire is None else min(hole, wire)
                lost += gone
                skipped += hole - gone
        return lost, skipped

    def shown_again(self):
        """Frames that were lost, and whose pictures came all the same: a recovery frame showed them again. A client that logs
        columns does not tell which those are."""
        out = 0
        for a, b in zip(self.numbers, self.numbers[1:]):
            if a in self.index and b in self.index and (self.index[b]["type"] == 5 or self.index[b]["t_us"] is None):
                out += max(0, self.index[b]["frame"] - self.index[a]["frame"] - (b - a))
        return out

    def longest(self, from_s=0):
        return max((h for t, h, _ in self.holes if (t - self.start_us) / 1e6 >= from_s), default=0)

    def share(self, from_s, until_s):
        """Pictures shown of those the screen had, by when they were painted."""
        a = bisect.bisect_left(self.times, self.start_us + from_s * 1e6)
        b = bisect.bisect_left(self.times, self.start_us + until_s * 1e6)
        return (b - a) / ((until_s - from_s) * self.fps)


class Wire:
    """Bytes of the network, by its own counters."""

    def __init__(self, link, counters):
        self.relay = link.kind == "relay"
        if self.relay:
            down = counters["down"]
            ports = [down[p] for p in ("video", "control", "audio")]
            self.video = down["video"]
            self.sent = [sum(x) for x in zip_longest0(p["second"] for p in ports)]
            self.passed = [sum(x) for x in zip_longest0(p["second_passed"] for p in ports)]
            self.dropped_video = sum(down["video"][k] for k in ("lost", "outage", "queue_full"))
            self.queue_full = sum(p["queue_full"] for p in ports)
            self.total_passed = sum(p["passed_bytes"] for p in ports)
            self.overflow = counters["overflow"] + counters["send_failed"]
            self.queue_high, self.late_us = down["queue_high"], counters["late_us_max"]
        else:
            self.video, self.dropped_video, self.overflow = None, None, 0
            self.queue_full, self.total_passed = counters["queue_full"], counters["passed_bytes"]
            self.queue_high = self.late_us = None
            self.sent, self.passed = seconds_of(counters["samples"])

    def mbps(self, from_s=0, until_s=None, passed=False):
        """Mean of whole seconds, all streams together, as Ethernet frames."""
        s = (self.passed if passed else self.sent)[int(from_s):int(until_s) if until_s is not None else None]
        return statistics.fmean(s) * 8e-6 if s else 0.0

    def video_mbps(self, from_s, until_s, of=statistics.fmean):
        """Mean or most of whole seconds: video datagrams without the headers below them, as a client's rate is meant."""
        if not self.video or not self.video["packets"]:
            return None
        s = self.video["second"][int(from_s):int(until_s)]
        net = 1 - OVERHEAD * self.video["packets"] / self.video["bytes"]
        return round(of(s) * net * 8e-6, 3) if s else 0.0

    def reversals(self, from_s, until_s, percent):
        """How often the rate turned round by more than percent of where it was."""
        s, turns, way = self.sent[int(from_s):int(until_s)], 0, 0
        if not s:
            return 0
        low = high = s[0]
        for x in s:
            low, high = min(low, x), max(high, x)
            if way <= 0 and x > low * (1 + percent / 100):
                turns += way < 0
                way, high = 1, x
            elif way >= 0 and x < high * (1 - percent / 100):
                turns += way > 0
                way, low = -1, x
        return turns


def zip_longest0(lists):
    lists = list(lists)
    n = max(map(len, lists), default=0)
    return zip(*(x + [0] * (n - len(x)) for x in lists))


def seconds_of(samples):
    """Bytes of each whole second since the stream began (its first tenth with more than 20 kB)."""
    begin = next((i for i in range(1, len(samples)) if samples[i][1] - samples[i - 1][1] > 20000), None)
    if begin is None:
        return [], []
    t0, out = samples[begin - 1][0], ([], [])
    last, second = samples[begin - 1], 1
    for s in samples[begin:]:
        if s[0] - t0 >= second:
            out[0].append(s[1] - last[1])
            out[1].append(s[2] - last[2])
            last, second = s, second + 1
    return out


def packets_of(log, from_us):
    """Arrival times (us) of the host's video datagrams at the network."""
    times = []
    with open(log) as f:
        for line in f:
            w = line.split(" ", 4)
            if len(w) == 5 and w[1] == "down" and w[2] == "video" and int(w[0]) >= from_us:
                times.append(int(w[0]))
    return times


# Datagrams of the control stream are sealed, but the two requests have sizes of their own when they travel alone: 52 bytes
# sealed for a range to invalidate, 30 for an IDR (2-media 3.3, 5.5), and ENet's headers of 10.
REQUEST_SIZES = {62, 40}


def requests_of(log):
    """When (us) requests for recovery passed the relay."""
    with open(log) as f:
        words = (line.split(" ", 5) for line in f)
        return [int(w[0]) for w in words if w[1:3] == ["up", "control"] and int(w[3]) in REQUEST_SIZES and w[4] == "pass"]


def recovery_times(requests, frames, begin_us, up_us=0, down_us=0):
    """For each hole that a recovery frame ended: us from the arrival of its first request at the host to the departure of
    that frame's first datagram. A recovery frame that was itself lost makes the next one late."""
    out = []
    for a, b in zip(frames, frames[1:]):
        if b["frame"] == a["frame"] + 1 or b["type"] not in (2, 5) or b["first_us"] is None:
            continue
        i = bisect.bisect_right(requests, begin_us + a["t_us"])
        left = begin_us + b["first_us"] - down_us
        if i < len(requests) and requests[i] + up_us < left:
            out.append(left - requests[i] - up_us)
    return out


def densest_ms(times):
    """Most packets in any millisecond."""
    most = first = 0
    for i, t in enumerate(times):
        while t - times[first] >= 1000:
            first += 1
        most = max(most, i - first + 1)
    return most


def percentile(values, p):
    v = sorted(values)
    return round(v[min(len(v) - 1, int(len(v) * p / 100))], 2) if v else None


def disagreements(report, shown, decoded, frames, idr, wire, seconds):
    """Where the client's own figures are not what was counted outside of it."""
    out = []

    def differ(what, said, counted, slack):
        if said is not None and counted is not None and abs(said - counted) > slack:
            out.append(f"{what}: the client says {said}, counted {counted}")

    differ("frames", report.get("frames"), decoded["pictures"], 1)
    if frames:
        differ("frames in the log", len(frames), decoded["pictures"], 1)
        gaps = frames[-1]["frame"] - frames[0]["frame"] + 1 - len(frames)
        said = report.get("frames_lost")
        # Frames before the first and after the last delivered one have no picture to tell of them.
        ends = seconds - (frames[-1]["t_us"] - frames[0]["t_us"]) / 1e6 if frames[0]["t_us"] else seconds / 10
        slack = 1 + max(0.5, ends) * shown.fps
        differ("frames_lost", said, gaps + slack / 2, slack / 2 + 1)
        differ("lost pictures", gaps - shown.shown_again(), shown.missing()[0], 2 + shown.repeats + gaps * 0.05)
    differ("idr", report.get("idr"), idr, 1)
    if wire.video and report.get("packets") is not None:
        tail = 1.5 * wire.video["packets"] / max(1.0, seconds)  # sent after the client had stopped counting
        differ("video datagrams", report["packets"], wire.video["passed"] + wire.video["duplicated"] - tail / 2, tail / 2 + 8)
        # A long outage is beyond what sequence numbers of 16 bits tell.
        if wire.video["longest_burst"] < 1000 and not wire.video["reordered"]:
            differ("missing_packets", report.get("missing_packets"), wire.dropped_video, 12 + wire.dropped_video * 0.1)
    elif report.get("wire_bytes") is not None and not wire.relay:
        said = report["wire_bytes"] + report.get("audio_wire_bytes", 0) + OVERHEAD * (report["packets"] + report["audio_packets"])
        tail = 1.5 * wire.total_passed / max(1.0, seconds)
        differ("bytes", said, wire.total_passed - tail / 2, tail / 2 + wire.total_passed * 0.03)
    if wire.overflow:
        out.append(f"{wire.overflow} datagrams did not fit into the lab's own sockets")
    return out
