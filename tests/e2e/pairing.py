# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairing, clients and what an unpaired client may do."""
import contextlib
import socket
import ssl
import time

from harness import Host, run


@contextlib.contextmanager
def host(*options, **kw):
    h = Host(*options, **kw)
    try:
        yield h
    finally:
        h.close()


def get(h, path, port=None, address="127.0.0.1"):
    with socket.create_connection((address, port or h.base), timeout=10) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    return data.decode(errors="replace")


def test_pair_stream_side_is_open_to_the_client():
    with host() as h:
        p = h.pair(name="living room")
        assert p.returncode == 0, p.stderr_text
        assert p.typed_rc == 0
        assert "living room" in h.ctl("clients").stdout
        assert h.probe("apps").returncode == 0


def test_wrong_pin_stores_nothing():
    with host() as h:
        p = h.pair(pin="1234", typed="4321")
        assert p.returncode != 0
        assert "no client" in h.ctl("clients").stdout
        assert h.probe("apps").returncode != 0


def test_pair_command_fails_at_once_when_nobody_waits():
    with host() as h:
        t = time.monotonic()
        p = h.ctl("pair", "1234", check=False)
        assert p.returncode == 1, p
        assert time.monotonic() - t < 5
        assert h.ctl("pair", "12x4", check=False).returncode == 2
        assert h.ctl("pair", check=False).returncode == 2


def test_s23_pairing_survives_a_restart_and_removal_ends_it():
    with host() as h:
        h.paired(name="tv")
        h.stop()
        h.start()
        assert h.probe("apps").returncode == 0
        ident = h.ctl("clients").stdout.split()[0]
        assert h.ctl("clients", "remove", ident, check=False).returncode == 0
        assert h.probe("apps").returncode != 0
        assert h.ctl("clients", "remove", ident, check=False).returncode == 1


def test_client_that_leaves_while_it_waits_is_forgotten():
    with host() as h:
        p = h.probe_start("pair", "--pin", "1111")
        while not h.status()["waiting_for_pin"]:
            time.sleep(0.02)
        p.kill()
        p.wait()
        deadline = time.monotonic() + 20
        while h.status()["waiting_for_pin"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert h.status()["waiting_for_pin"] == 0
        assert h.ctl("pair", "1111", check=False).returncode == 1


def test_s22_unpair_by_a_stranger_changes_nothing():
    with host() as h:
        h.paired()
        assert "200 OK" in get(h, "/unpair?uniqueid=0123456789ABCDEF&uuid=x")
        assert h.probe("apps").returncode == 0


def test_s02_serverinfo_tells_a_stranger_little():
    with host() as h:
        body = get(h, "/serverinfo")
        assert "<PairStatus>0</PairStatus>" in body and "<mac>00:00:00:00:00:00</mac>" in body
        assert "SUNSHINE_SERVER_FREE" in body


def test_s25_paired_endpoints_are_closed_over_http():
    with host() as h:
        for path in ("applist", "launch?appid=1", "resume", "cancel", "appasset?appid=1"):
            assert 'status_code="200"' not in get(h, "/" + path), path


def test_stalled_tls_connections_delay_nobody():
    with host() as h:
        h.paired()
        ctx = ssl.create_default_context()
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
        stalled = [socket.create_connection(("127.0.0.1", h.base - 5)) for _ in range(5)]
        stalled[0].sendall(b"\x16\x03\x01\x02\x00\x01")  # half a ClientHello
        kept = ctx.wrap_socket(socket.create_connection(("127.0.0.1", h.base - 5)))
        kept.sendall(b"GET /serverinfo HTTP/1.1\r\nHo")  # half a request
        try:
            for _ in range(3):
                assert h.probe("apps", timeout=20).returncode == 0
        finally:
            for s in [*stalled, kept]:
                s.close()


if __name__ == "__main__":
    run(globals())
