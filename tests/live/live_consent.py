# SPDX-License-Identifier: GPL-3.0-or-later
"""The person at the host and the portal's dialog: asked, silent, refusing, remembered. Runs inside live-consent.sh's
session, where a script answers for the person as the file $ANSWER says and counts the questions in $ASKED."""
import contextlib
import os
import pathlib
import re
import time

from harness import Host, run
from live_screen import QUADRANTS, SIZE, codes, colours, ended_well, readable, whole

ANSWER, ASKED = (pathlib.Path(os.environ[name]) for name in ("ANSWER", "ASKED"))
CLICK = "click on the host is needed"
QUICK = (*SIZE, "--seconds", 1, "--audio", "none")


def asked():
    return len(ASKED.read_text().splitlines())


def answer(word):
    ANSWER.write_text(word + "\n")


def until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def screen_is(h, state):
    until(lambda: h.status()["screen"]["state"] == state, f"{state}; {h.status()['screen']}")


def tokens(h):
    return [p for p in h.state.rglob("*token*") if p.is_file()]


@contextlib.contextmanager
def host(first="later", **kw):
    answer(first)
    h = Host(source="portal", **kw)
    try:
        yield h
        ended_well(h)
    finally:
        answer("no")  # nobody is left waiting
        h.close()


def launch_refused(h):
    """What the client is told; a refusal is an answer, not a broken connection."""
    p = h.probe("stream", *QUICK)
    assert p.returncode != 0 and "503" in p.stdout + p.stderr, (p.stdout, p.stderr)
    return p.stdout + p.stderr


def test_nobody_has_answered_yet():
    with host() as h:
        until(lambda: asked() == 1, "the dialog")
        screen_is(h, "waiting for consent")
        assert CLICK in h.logged() and CLICK in h.status()["screen"]["text"], h.logged()
        h.paired()  # all but the picture works meanwhile
        for _ in range(2):
            told = launch_refused(h)
            assert CLICK in told, told
        assert asked() == 1 and tokens(h) == [], (asked(), tokens(h))
        answer("yes")
        screen_is(h, "ready")
        (token,) = tokens(h)  # before any stream, and so before the first frame
        assert token.stat().st_mode & 0o777 == 0o600 and token.stat().st_size > 0, token.stat()
        out = h.dir / "v.h264"
        whole(h.stream(*SIZE, "--seconds", 2, "--audio", "none", "--out", out), 30)
        readable(codes(out), 30)
        colours(out, 25, QUADRANTS)


def test_what_was_allowed_is_not_asked_again():
    with host("yes") as h:
        screen_is(h, "ready")
        (first,) = [t.read_text() for t in tokens(h)]
        before = asked()
        answer("no")  # would be the answer to any question
        h.stop()
        h.start()
        screen_is(h, "ready")
        assert asked() == before, "the person was asked again"
        whole(h.paired().stream(*QUICK), 15)
        (token,) = tokens(h)
        assert token.stat().st_mode & 0o777 == 0o600 and token.read_text(), first


def test_a_token_that_nobody_knows_is_asked_about():
    with host("yes") as h:
        screen_is(h, "ready")
        (token,) = tokens(h)
        h.stop()
        token.write_text("00000000-0000-4000-8000-000000000000")
        before = asked()
        h.start()
        screen_is(h, "ready")
        assert asked() == before + 1 and "00000000-0000" not in token.read_text()


def test_a_refusal_is_told_and_the_next_launch_asks_again():
    with host("no") as h:
        screen_is(h, "failed")
        h.paired()
        before = asked()
        told = launch_refused(h)
        assert "refused" in told, told
        until(lambda: asked() == before + 1, "the dialog")
        screen_is(h, "failed")
        assert tokens(h) == []
        answer("later")
        told = launch_refused(h)
        assert "refused" in told, told
        screen_is(h, "waiting for consent")
        told = launch_refused(h)
        assert CLICK in told, told
        answer("yes")
        screen_is(h, "ready")
        whole(h.stream(*QUICK), 15)


def test_sigterm_while_the_dialog_is_open():
    with host() as h:
        screen_is(h, "waiting for consent")
        rc, took = h.stop()
        assert rc == 0 and took < 10, (rc, took)


def test_sigterm_in_a_stream():
    with host("yes") as h:
        screen_is(h, "ready")
        h.paired()
        p = h.probe_start("stream", *SIZE, "--seconds", 60)
        until(lambda: any(s.get("stream", {}).get("frames", 0) > 20 for s in h.status()["sessions"]), "a stream")
        rc, took = h.stop()
        out, err = p.communicate(timeout=60)
        assert rc == 0 and took < 10, (rc, took)
        assert re.search("2147680291|-2147287005|80030023", out), out
        print(f"# stopped in {took * 1000:.0f} ms")


if __name__ == "__main__":
    run(globals())
