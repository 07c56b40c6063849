# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sessions of a stock client, played against the daemon; its answers are judged by the recorded ones.

HTTP here: the client's requests word by word, with a certificate that this daemon has paired. What lies between launch
and quit (RTSP, pings, control stream, media) is the work of play_session.
"""
import contextlib
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess

from harness import Host, run

VECTORS = pathlib.Path(os.environ["TEST_VECTORS"])
PLAY = os.environ["PLAY_SESSION"]


@contextlib.contextmanager
def host(*options):
    h = Host("host.name=replayed", "encode.av1=off", *options)  # as the host of the recordings was
    try:
        yield h.paired()
    finally:
        h.close()


def recorded_http(name):
    """What the session was, and pairs of request and answer."""
    with open(VECTORS / name, encoding="utf-8") as f:
        first = json.loads(next(f))
        records = [r for r in map(json.loads, f) if r["ch"] == "http"]
    asked = [r["plain"] for r in records if r["dir"] == "tx"]
    told = [r["plain"] for r in records if r["dir"] == "rx"]
    assert len(asked) == len(told) >= 5, (len(asked), len(told))
    return first, list(zip(asked, told))


def ask(h, request, tls):
    """One request on a connection of its own; the answer to its last byte."""
    sock = socket.create_connection(("127.0.0.1", h.base - 5 if tls else h.base), timeout=30)
    if tls:
        ctx = ssl.create_default_context()
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        ctx.load_cert_chain(h.dir / "keys" / "client.pem", h.dir / "keys" / "key.pem")
        sock = ctx.wrap_socket(sock)
    with sock:
        sock.sendall(request.encode("latin-1"))
        data = b""
        while True:
            head, sep, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if sep and length and len(body) >= int(length[1]):
                return data.decode("latin-1")
            chunk = sock.recv(65536)
            assert chunk, f"the host closed after {data!r}"
            data += chunk


def tags(body):
    """The document as a list: markup, each with the text before the next."""
    return re.findall(r"(<[^>]*>)([^<]*)", body)


def same_answer(h, then, now, port):
    """Status, names and order of headers, every element and every value, but what each host or moment has of its
    own."""
    then_head, then_body = then.split("\r\n\r\n", 1)
    now_head, now_body = now.split("\r\n\r\n", 1)
    then_lines, now_lines = then_head.split("\r\n"), now_head.split("\r\n")
    assert now_lines[0] == then_lines[0], now_lines[0]
    assert [x.split(":")[0] for x in now_lines] == [x.split(":")[0] for x in then_lines], (now_head, then_head)
    then_headers = dict(x.split(": ", 1) for x in then_lines[1:])
    for name, value in (x.split(": ", 1) for x in now_lines[1:]):
        if name == "Content-Length":
            assert int(value) == len(now_body), value
        elif name != "Date":
            assert value == then_headers[name], (name, value)
    a, b = tags(then_body), tags(now_body)
    assert [x[0] for x in b] == [x[0] for x in a], (now_body, then_body)
    for (tag, was), (_, value) in zip(a, b):
        if tag == "<uniqueid>":
            assert re.fullmatch(r"[0-9a-f-]{36}", value), value
        elif tag in ("<HttpsPort>", "<ExternalPort>"):
            assert int(value) - h.base == int(was) - port, (tag, value)
        elif tag == "<ServerCodecModeSupport>":  # the host of then had fewer encoders
            assert int(value) & int(was) == int(was), (tag, value, was)
        elif tag == "<sessionUrl0>":
            scheme, address, was_port = was.rsplit(":", 2)
            assert value == f"{scheme}:{address}:{int(was_port) - port + h.base}", value
        else:
            assert value == was, (tag, value, was)


def play(h, name, video, audio):
    """The whole session. Returns what play_session reports."""
    first, exchanges = recorded_http(name)
    port = first["port"]
    report = None
    for asked, told in exchanges:
        request = asked.replace(f"127.0.0.1:{port}", f"127.0.0.1:{h.base}")
        request = request.replace(f"127.0.0.1:{port - 5}", f"127.0.0.1:{h.base - 5}")
        tls = f"Host: 127.0.0.1:{port - 5}" in asked
        if asked.startswith("GET /cancel?"):
            assert len(h.status()["sessions"]) == 1
        same_answer(h, told, ask(h, request, tls), port)
        if asked.startswith("GET /launch?"):
            p = subprocess.run([PLAY, str(VECTORS / name), str(h.base), str(int(video)), str(int(audio))],
                               capture_output=True, text=True, timeout=120)
            assert p.returncode == 0, f"{p.returncode}\n{p.stdout}\n{p.stderr}\n{h.logged()[-3000:]}"
            report = json.loads(p.stdout)
    assert report, "no launch in the recording"
    assert h.status()["sessions"] == []
    return report


def test_sealed_session_with_loss_and_invalidation():
    with host() as h:
        r = play(h, "session-sealed.jsonl", video=True, audio=True)
        assert r["identical_requests"] == 3, r
        assert r["after_rfi"] >= 1 and r["messages_sent"] > 40, r


def test_session_with_plain_media():
    with host() as h:
        r = play(h, "session-plain-media.jsonl", video=False, audio=False)
        assert r["after_rfi"] == 0, r


def channel_of(line):
    """Clients send each kind on a channel of its own (2-media 5.1), and between channels there is no order."""
    e = json.loads(line)
    kind = e["event"].partition("_")[0]
    return {"motion": "pad motion"}.get(e["event"][4:], kind if kind != "scroll" else "mouse"), e.get("pad")


def by_channel(lines):
    return sorted(lines, key=lambda x: str(channel_of(x)))  # stable: the order within each stays


def test_session_with_every_input_call():
    with host("input.backend=log", "input.log_file=") as h:  # "": standard error, the daemon's log here
        play(h, "session-input.jsonl", video=True, audio=True)
        events = [x for x in h.logged().splitlines() if x.startswith('{"event":')]
    want = (VECTORS / "session-input.events").read_text(encoding="utf-8").splitlines()
    assert len(events) == len(want), (len(events), [x for x in want if x not in events][:5])
    events, want = by_channel(events), by_channel(want)
    assert events == want, [x for x in zip(events, want) if x[0] != x[1]][:5]


def test_session_with_plain_rtsp_and_surround():
    with host() as h:
        play(h, "session-plain-rtsp.jsonl", video=True, audio=True)


def test_a_recording_cannot_be_played_twice_to_one_daemon():
    """Its key was used: the host's counters under it would begin anew."""
    with host() as h:
        play(h, "session-plain-media.jsonl", video=False, audio=False)
        _, exchanges = recorded_http("session-plain-media.jsonl")
        launch = next(asked for asked, _ in exchanges if asked.startswith("GET /launch?"))
        assert 'status_code="400"' in ask(h, launch, tls=True)
        assert h.status()["sessions"] == []


if __name__ == "__main__":
    run(globals())
