#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays scenarios of the network lab: a daemon and a client of their own, with a network between them that loses, delays
and narrows. One JSON row a run on standard output; exit status 0 when none failed.

usage: netlab.py [OPTIONS] SCENARIO...        (a file, or a name of tests/netlab/scenarios; none: all of them)

  --seeds N          runs of each, seeds 1..N (5)         --seconds S   length of each (the scenario's, or 60)
  --client COMMAND   instead of moonrill-probe: run in a shell with {host} {port} {keys} {width} {height} {fps} {bitrate}
                     {codec} {seconds} {rfi} (--rfi or nothing) {out} {frame_log} filled in. Writes the bitstream as its
                     decoder gets it to {out}, prints one JSON object (frames, frames_lost, idr are held against what is
                     counted), and may log each frame: JSON as moonrill-probe --frame-log does, or columns
                     `frame type bytes host_latency rtp_time ...`
  --pair COMMAND     pairs that client, with {host} {port} {keys} {pin}
  --keep DIR         leaves each run's files (bitstream, logs of host, frames and packets, the session
                     for netlab-replay) in a folder of its own there
  --table            a readable line a row on standard error

Scenario: {"title", "stream": {options of moonrill-probe stream}, "host": [options of the daemon], "host_if_known": [those
an older daemon may lack], "link": {"kind": "relay", "down": PATH, "up": PATH} (path_spec.h) or {"kind": "netns", "tbf":
{"rate_mbps", "queue_bytes", "burst_bytes"}, "nft": RULE}, "settle_s", "seconds", "min_seconds", "require": [EXPRESSION], "together":
[EXPRESSION over rows], "against": {NAME: {"stream", "host", "host_if_known", "link"}}}. An `against` is played in the same
run with the same seed, and is NAME in expressions; `figures()` below is what they may name.

Verdicts: pass; fail; disagree (the client's figures are not what was counted); busy (the machine had no processor time left
to judge by: neither passed nor failed, run it again); skip and error, with `why`. `require` shows each expression: true,
false, or null where this client does not tell.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import types

ROOT = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT.parent / "e2e"))
BUILD = pathlib.Path(os.environ.setdefault("MOONRILL_BUILD", "build"))
os.environ.setdefault("READ_PATTERN", str(BUILD / "tests/tools/read_pattern"))
os.environ.setdefault("NETLAB_RELAY", str(BUILD / "tests/netlab/netlab-relay"))
import harness  # noqa: E402
from harness import Skip  # noqa: E402
from lab_count import (Shown, Wire, count_idr, decode, densest_ms, disagreements, packets_of, percentile,  # noqa: E402
                       read_frame_log, recovery_times, requests_of)
from lab_link import Namespaces, link_of  # noqa: E402

# With less of the processors idle, a host is late for lack of them, and a row says nothing of the network.
IDLE_MIN = 0.1
STREAM = {"width": 1280, "height": 720, "fps": 60, "bitrate": 10000, "codec": "h264", "rfi": False}


def known_options():
    out = subprocess.run([str(harness.HOST), "config", "dump"], capture_output=True, text=True, check=True).stdout
    section, found = "", set()
    for line in out.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith((";", "#")):
            key = line.split("=")[0].strip()
            found.add(key if "." in key else f"{section}.{key}")
    return found


def host_options(part):
    known = known_options()
    for o in part.get("host", ()):
        if o.split("=")[0] not in known:
            raise Skip(f"this daemon has no {o.split('=')[0]}")
    return [*part.get("host", ()), *(o for o in part.get("host_if_known", ()) if o.split("=")[0] in known)]


def recording(keep):
    """The option that has the daemon record its stream among the files that are kept, to be replayed off line."""
    if not keep or "stream.record" not in known_options():
        return []
    keep.mkdir(parents=True, exist_ok=True)
    return [f"stream.record={keep.resolve()}"]


def merged(scenario, change):
    """A scenario with what an `against` changes."""
    out = dict(scenario)
    for key in ("host", "host_if_known"):
        out[key] = [*scenario.get(key, ()), *change.get(key, ())]
    out["stream"] = {**STREAM, **scenario.get("stream", {}), **change.get("stream", {})}
    out["link"] = change.get("link", scenario.get("link", {}))
    return out


class Client:
    """What plays the stream: the probe, or a command."""

    def __init__(self, args):
        self.command, self.pairing = args.client, args.pair

    def pair(self, host, at):
        if not self.command:
            host.paired()
            return
        if not self.pairing:
            raise Skip("--client without --pair")
        p = subprocess.Popen(self.pairing.format(host=at, port=host.base, keys=host.dir / "keys", pin="1234"), shell=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and p.poll() is None:
            if host.status()["waiting_for_pin"]:
                host.ctl("pair", "1234", check=False)
                break
            time.sleep(0.02)
        _, err = p.communicate(timeout=60)
        assert p.returncode == 0, f"pairing: {err[-1000:]}"

    def stream(self, host, link, s, seconds):
        out, log = host.dir / "video.bits", host.dir / "frames.log"
        if self.command:
            fields = {**s, "rfi": "--rfi" if s["rfi"] else "", "host": link.address, "port": host.base, "keys": host.dir / "keys",
                      "seconds": seconds, "out": out, "frame_log": log}
            cmd = ["sh", "-c", self.command.format(**fields)]
        else:
            cmd = host.probe_cmd("stream", "--seconds", seconds, "--out", out, "--frame-log", log, address=link.address)
            for k, v in s.items():
                cmd += [f"--{k}" if v else f"--no-{k}"] if isinstance(v, bool) else [f"--{k.replace('_', '-')}", str(v)]
        p = subprocess.run([*link.client_prefix, *cmd], capture_output=True, text=True, timeout=seconds + 180)
        report = next((json.loads(x) for x in reversed(p.stdout.splitlines()) if x.startswith("{")), None)
        assert report is not None, f"the client said nothing ({p.returncode}): {p.stderr[-2000:]}"
        report["exit"] = p.returncode
        return report, out, log


def figures(scenario, s, seconds, link, counters, report, out, log):
    """Everything that expressions may name. Times in seconds since the first video datagram (with a relay) or the first
    picture; `after` means after settle_s."""
    settle = scenario.get("settle_s", 1)
    decoded = decode(out, s["codec"]) if out.exists() and out.stat().st_size else \
        {"pictures": 0, "unreadable": 0, "damaged": 0, "seen": [], "decoder_errors": 0}
    frames = read_frame_log(log)
    idr = count_idr(out, s["codec"]) if out.exists() else 0
    start_us = counters.get("start_us")
    shown = Shown(decoded["seen"], frames, s["fps"], start_us)
    wire = Wire(link, counters)
    lost, skipped = shown.missing(settle)
    all_lost, all_skipped = shown.missing()
    late, early = [], []
    if report.get("start_us"):  # by one clock: painted, first datagram here, delivered
        painted = dict(zip(shown.numbers, shown.times))
        both = [(f, painted[n]) for n, f in shown.index.items() if n in painted]
        late = [(report["start_us"] + f["t_us"] - t) / 1000 for f, t in both if f["t_us"]]
        early = [(report["start_us"] + f["first_us"] - t) / 1000 for f, t in both if f["first_us"]]
    times = packets_of(link.log, start_us + settle * 1e6) if link.kind == "relay" and start_us else []
    begin_us = report.get("start_us")
    idr_after = None
    if begin_us and frames and frames[0]["idr"] is not None:
        idr_after = sum(bool(f["idr"]) and begin_us + f["t_us"] - shown.start_us >= settle * 1e6 for f in frames)
    rows = {
        "pictures": decoded["pictures"], "shown": len(shown.numbers), "repeats": shown.repeats, "backwards": shown.backwards,
        "unreadable": decoded["unreadable"], "damaged": decoded["damaged"], "decoder_errors": decoded["decoder_errors"],
        "lost": lost, "passed_over": skipped, "not_shown": lost + skipped, "lost_in_all": all_lost,
        "passed_over_in_all": all_skipped, "not_shown_in_all": all_lost + all_skipped, "longest_gap": shown.longest(settle),
        "shown_share": round(shown.share(settle, max(settle + 1, seconds - 0.5)), 4),
        "idr": idr if idr is not None else report.get("idr"), "idr_after": idr_after,
        "type5": sum(f["type"] == 5 for f in frames),
        "mbps": round(wire.mbps(settle, seconds - 1), 3), "mbps_passed": round(wire.mbps(settle, seconds - 1, True), 3),
        "mbps_max": round(max(wire.sent[int(settle):int(seconds)], default=0) * 8e-6, 3),
        "video_mbps": wire.video_mbps(settle, seconds - 1), "video_mbps_max": wire.video_mbps(settle, seconds, max),
        "queue_full": wire.queue_full, "queue_high": wire.queue_high, "dropped_video": wire.dropped_video,
        "longest_burst": wire.video["longest_burst"] if wire.video else None,
        "largest_frame": max((f["bytes"] for f in frames), default=None),
        "densest_ms": densest_ms(times) if times else None,
        "latency_p50_ms": percentile(late, 50), "latency_p99_ms": percentile(late, 99),
        "relay_late_us": wire.late_us, "relay_cpu_ms": counters.get("cpu_ms"), "seconds_mbps": [round(x * 8e-6, 2) for x in wire.sent[:int(seconds)]],
    }
    rows["largest_in_vbv"] = round(rows["largest_frame"] * 8 / (s["bitrate"] * 1000 / s["fps"]), 3) if frames else None
    parity, packets = report.get("parity_packets"), report.get("packets")
    rows["parity_share"] = round(parity / max(1, packets - parity), 4) if parity is not None and packets else None
    for k in ("frames", "frames_lost", "missing_packets", "recovered_packets", "rfi_requests", "rfi_recovered", "idr_requests",
              "ltr_acks", "termination_code", "audio_lost", "exit"):
        rows["client_" + k] = report.get(k)
    rows["client_failed"] = report.get("failed")
    # Behind a relay the host cannot know the address that its client sees.
    rows["client_errors"] = [e for e in report.get("errors", []) if "does not name the address" not in e]
    rows["latency_first_p50_ms"] = percentile(early, 50)
    answers = []
    if link.kind == "relay" and begin_us:
        delay = [link.spec.get(way, {}).get("delay_ms", 0) * 1000 for way in ("up", "down")]
        answers = recovery_times(requests_of(link.log), frames, begin_us, *delay)
    rows["recoveries_seen"] = len(answers)
    # In frame intervals.
    rows["recovery_p50"], rows["recovery_p90"] = (percentile([t * s["fps"] / 1e6 for t in answers], p) for p in (50, 90))
    rows["disagree"] = disagreements(report, shown, decoded, frames, idr, wire, seconds)
    names = types.SimpleNamespace(**rows)
    names.even_ms = s["bitrate"] * 1000 / 8 / 1000 / 1400
    names.share = shown.share
    names.wire = wire.mbps
    names.reversals = wire.reversals
    names.missing = lambda a, b: sum(shown.missing(a, b))
    # Needs a client that tells when frames came, by the same clock.
    came = [(f, (begin_us + f["t_us"] - shown.start_us) / 1e6) for f in frames if begin_us and f["t_us"]]
    names.idr_in = lambda a, b: sum(bool(f["idr"]) and a <= t < b for f, t in came) if came else None
    names.recoveries = lambda a, b: sum(f["type"] in (2, 5) and a <= t < b for f, t in came) if came else None
    names.bitrate = s["bitrate"] / 1000
    names.seconds, names.fps = seconds, s["fps"]
    return rows, names


def cpu_times():
    """Seconds that this machine's processors worked, and idled. What runs at a raised niceness yields, so it counts as idle."""
    user, nice, system, idle, wait, *rest = (int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + system + sum(rest)) / 100, (nice + idle + wait) / 100


def needs_codec(host, codec):
    bits = {"h264": 0x1, "hevc": 0x100, "av1": 0x10000}[codec]  # ServerCodecModeSupport, 1-session 2
    if not host.probe("info").report["https"]["codec_modes"] & bits:
        raise Skip(f"this daemon has no {codec}")


def play(scenario, seed, seconds, client, keep):
    """One run. Its row, and the names for expressions."""
    s = {**STREAM, **scenario.get("stream", {})}
    link = link_of(scenario.get("link", {}), seed)
    host = harness.Host(*link.host_options, "host.log_level=info", "stream.pause_ms=300",
                        *host_options(scenario), *recording(keep))
    try:
        client.pair(host, "127.0.0.1")
        needs_codec(host, s["codec"])
        link.start(host)
        worked, idled = cpu_times()
        report, out, log = client.stream(host, link, s, seconds)
        worked, idled = (b - a for a, b in zip((worked, idled), cpu_times()))
        counters = link.stop()
        rows, names = figures(scenario, s, seconds, link, counters, report, out, log)
        rows["cpu_idle"] = round(idled / max(0.01, worked + idled), 3)
        rows["busy"] = rows["cpu_idle"] < IDLE_MIN
        return rows, names
    finally:
        try:
            link.close()
        finally:
            host.stop()
            if keep:
                shutil.copytree(host.dir, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state", "keys*", "*.sock"))
            host.close()


class Untold:
    """What this client does not tell: no comparison with it is true or false."""
    def __eq__(self, other):
        raise TypeError("not told")

    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__


UNTOLD = Untold()


def or_untold(value):
    if callable(value):
        return lambda *args: or_untold(value(*args))
    return UNTOLD if value is None else value


def holds(expression, env):
    # Scenario files are part of the tree.
    names = {k: or_untold(v) for k, v in env.items()}
    try:
        return bool(eval(expression, {**names, "__builtins__": {"max": max, "min": min, "abs": abs, "sum": sum, "len": len}}))
    except TypeError:
        return None


def judge(expressions, env, row):
    row["require"] = {e: holds(e, env) for e in expressions}
    if not row.get("shown", 1):
        row["require"]["shown"] = False  # else a stream that never began would have lost nothing
    bad = [e for e, ok in row["require"].items() if ok is False]
    if row.get("disagree"):
        return "disagree"
    if row.get("busy"):
        return "busy"
    return "fail" if bad else "pass"


def run_once(scenario, name, seed, seconds, client, keep):
    row = {"scenario": name, "seed": seed, "seconds": seconds, "load": round(os.getloadavg()[0], 2)}
    env = {}
    for label, change in scenario.get("against", {}).items():
        other = {**merged(scenario, change), "settle_s": scenario.get("settle_s", 1)}
        figures_, names = play(other, seed, seconds, client, keep and keep / f"{name}-{seed}-{label}")
        assert names.shown, f"nothing was shown in {label}: {figures_['client_failed']}"
        row[label] = figures_
        env[label] = names
    figures_, names = play(scenario, seed, seconds, client, keep and keep / f"{name}-{seed}")
    row.update(figures_)
    row["busy"] = any(r["busy"] for r in (row, *(row[label] for label in scenario.get("against", {}))))
    env.update(vars(names))
    row["verdict"] = judge(scenario.get("require", []), env, row)
    return row


def in_namespaces(path, seed, seconds, args):
    """The same for a scenario that needs networks of its own: this program again, in a fresh one."""
    cmd = [sys.executable, str(ROOT / "netlab.py"), "--inside", "--first-seed", str(seed), "--seeds", "1", "--seconds", str(seconds)]
    for flag, value in (("--client", args.client), ("--pair", args.pair), ("--keep", args.keep)):
        cmd += [flag, str(value)] if value else []
    p = subprocess.Popen([*Namespaces.enter(cmd), str(path)], stdout=subprocess.PIPE, text=True)
    try:
        out, _ = p.communicate()
    except BaseException:
        p.terminate()  # it has a daemon and networks to take down
        p.communicate()
        raise
    return json.loads(out.splitlines()[-1])


def brief(row):
    if "why" in row:
        return f"{row['scenario']:<20} {row.get('seed', ''):>2} {row['verdict']}: {row['why']}"
    if "rows" in row:
        return f"{row['scenario']:<20} all {row['verdict']}: {row['require']}"
    bad = [e for e, ok in row["require"].items() if ok is False] + row["disagree"]
    return (f"{row['scenario']:<20} {row['seed']:>2} {row['verdict']:<8} lost {row['lost']} passed over {row['passed_over']} "
            f"idr {row['idr']} {row['mbps']:.1f} Mbit/s gap {row['longest_gap']} " + "; ".join(bad))


def find(name):
    path = pathlib.Path(name)
    return path if path.exists() else ROOT / "scenarios" / (name if name.endswith(".json") else name + ".json")


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("scenario", nargs="*")
    ap.add_argument("--seeds", type=int, default=5)
    ap.add_argument("--first-seed", type=int, default=1)
    ap.add_argument("--seconds", type=float)
    ap.add_argument("--client")
    ap.add_argument("--pair")
    ap.add_argument("--keep", type=pathlib.Path)
    ap.add_argument("--table", action="store_true")
    ap.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = ap.parse_args()
    client, failed = Client(args), False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that daemon, relay and client end too

    def tell(row):
        nonlocal failed
        failed |= row["verdict"] not in ("pass", "skip")
        print(json.dumps(row), flush=True)
        if args.table:
            print(brief(row), file=sys.stderr, flush=True)

    for path in map(find, args.scenario) if args.scenario else sorted((ROOT / "scenarios").glob("*.json")):
        scenario = json.loads(path.read_text())
        name, rows = path.stem, []
        seconds = max(args.seconds or scenario.get("seconds", 60), scenario.get("min_seconds", 0))
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            try:
                if scenario.get("link", {}).get("kind") == "netns" and not args.inside:
                    row = in_namespaces(path, seed, seconds, args)
                else:
                    row = run_once(scenario, name, seed, seconds, client, args.keep)
            except Skip as e:
                row = {"scenario": name, "seed": seed, "verdict": "skip", "why": str(e)}
            except (AssertionError, RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                row = {"scenario": name, "seed": seed, "verdict": "error", "why": f"{type(e).__name__}: {e}"[-2000:]}
            tell(row)
            if row["verdict"] == "skip":
                break
            if "why" not in row:
                rows.append(types.SimpleNamespace(**row))
        if rows and scenario.get("together") and not args.inside:
            row = {"scenario": name, "rows": len(rows)}
            row["verdict"] = judge(scenario["together"], {"rows": rows}, row)
            tell(row)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
