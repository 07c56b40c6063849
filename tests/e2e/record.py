# SPDX-License-Identifier: GPL-3.0-or-later
"""moonrill record: every picture of the screen in a file, without a daemon."""
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time

from harness import HOST, Skip, parse, run

SMALL = ("--size", "640x360", "--fps", "60")


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="moonrill-record-") as d:
        yield pathlib.Path(d)


def command(d, file, *args):
    """RECORD_CONVERT: who converts (tests/gpu)."""
    return [str(HOST), "record", str(d / file), "--state", str(d / "state"), "--json", "-o", "video.source=pattern",
            "-o", "encode.convert=" + os.environ.get("RECORD_CONVERT", "auto"), *[str(a) for a in args]]


def record(d, file, *args, **kw):
    p = subprocess.run(command(d, file, *args), capture_output=True, text=True, timeout=300, **kw)
    p.report = parse(p.stdout)
    return p


def numbers(path):
    """Of the pattern, one for each picture that ffmpeg decodes; it must have nothing to say."""
    if not shutil.which("ffmpeg"):
        raise Skip("ffmpeg is not installed")
    dec = subprocess.Popen(["ffmpeg", "-v", "warning", "-probesize", "100M", "-i", str(path), "-vsync", "passthrough", "-f", "yuv4mpegpipe",
                            "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = subprocess.run([os.environ["READ_PATTERN"], "--list"], stdin=dec.stdout, capture_output=True, text=True, timeout=300)
    said = [line for line in dec.stderr.read().decode().splitlines() if "-vsync is deprecated" not in line]
    assert dec.wait() == 0 and said == [], said
    return next(v for v in parse(out.stdout).values() if isinstance(v, list))


def whole(path, count):
    n = numbers(path)
    assert n == list(range(count)), n


def test_two_seconds_hold_every_picture():
    with scratch() as d:
        for file in ("a.h264", "a.y4m"):
            p = record(d, file, *SMALL, "--seconds", 2)
            assert p.returncode == 0 and p.stderr == "", p
            assert p.report["frames"] == 120 and p.report["gaps"] == 0 and p.report["error"] == "", p.report
            whole(d / file, 120)
        head = (d / "a.y4m").read_bytes()[:80].split(b"\n")[0]
        assert head == b"YUV4MPEG2 W640 H360 F60000:1000 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED", head
        assert (d / "a.y4m").stat().st_size == len(head) + 1 + 120 * (6 + 640 * 360 * 3 // 2)


def test_an_encoder_that_is_too_slow_loses_nothing():
    with scratch() as d:
        # 97 pictures wait at most: the source waits as well.
        p = record(d, "a.264", "--size", "2560x1440", "--fps", 120, "--seconds", 1, "-o", "encode.preset=medium")
        assert p.returncode == 0 and p.report["frames"] == 120 and p.report["gaps"] == 0, (p.report, p.stderr)
        whole(d / "a.264", 120)


def test_a_still_screen_ends_in_time():
    with scratch() as d:
        p = record(d, "a.y4m", *SMALL, "--seconds", 1, "-o", "video.pattern=still")
        assert p.returncode == 0 and p.report["frames"] >= 1, p


def test_interrupt_ends_the_file():
    with scratch() as d:
        for sig in (signal.SIGINT, signal.SIGTERM):
            (d / "a.h264").unlink(missing_ok=True)
            p = subprocess.Popen(command(d, "a.h264", *SMALL), stdout=subprocess.PIPE, text=True)
            while not (d / "a.h264").exists() or (d / "a.h264").stat().st_size < 50000:
                assert p.poll() is None, p.returncode
                time.sleep(0.02)
            p.send_signal(sig)
            out, _ = p.communicate(timeout=60)
            assert p.returncode == 0, p.returncode
            whole(d / "a.h264", json.loads(out)["frames"])


@contextlib.contextmanager
def standing_still(d):
    """A recording that was interrupted, and a FIFO behind it that nobody has read: its reading end."""
    os.mkfifo(d / "a.y4m")
    fd = os.open(d / "a.y4m", os.O_RDONLY | os.O_NONBLOCK)
    p = subprocess.Popen(command(d, "a.y4m", *SMALL, "--force"), stdout=subprocess.PIPE, text=True)
    try:
        # One picture is more than it holds.
        while struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0] == 0:
            assert p.poll() is None, p.returncode
            time.sleep(0.02)
        assert blocks(p, signal.SIGINT)
        p.send_signal(signal.SIGINT)
        while blocks(p, signal.SIGINT):
            assert p.poll() is None, p.returncode
            time.sleep(0.02)
        yield p, fd
    finally:
        p.kill()
        p.communicate()
        os.close(fd)


def blocks(p, sig):
    """What the main thread blocks, its loop reads."""
    status = pathlib.Path(f"/proc/{p.pid}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
    return bool(mask >> (sig - 1) & 1)


def test_interrupt_waits_for_a_disk_that_stands_still():
    with scratch() as d, standing_still(d) as (p, fd):
        got = []

        def read_all():
            os.set_blocking(fd, True)
            while piece := os.read(fd, 1 << 20):
                got.append(piece)

        reader = threading.Thread(target=read_all)
        reader.start()
        out, _ = p.communicate(timeout=300)
        reader.join()
        (d / "b.y4m").write_bytes(b"".join(got))
        assert p.returncode == 0, p.returncode
        whole(d / "b.y4m", json.loads(out)["frames"])


def test_the_second_interrupt_does_not():
    for sig in (signal.SIGINT, signal.SIGTERM):
        with scratch() as d, standing_still(d) as (p, _):
            p.send_signal(sig)
            out, _ = p.communicate(timeout=60)
            assert p.returncode == -sig and out == "", (p.returncode, out)


def test_a_disk_that_goes_while_it_stands_still_ends_it():
    with scratch() as d:
        os.mkfifo(d / "a.y4m")
        fd = os.open(d / "a.y4m", os.O_RDONLY | os.O_NONBLOCK)
        p = subprocess.Popen(command(d, "a.y4m", *SMALL, "--force"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0] == 0:
            assert p.poll() is None, p.returncode
            time.sleep(0.02)
        os.close(fd)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 1 and "Broken pipe" in err and json.loads(out)["frames"] == 0, (p.returncode, out, err)


class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]


def without_fsync():
    """In the child: the kernel answers EIO, as for a disk that cannot keep what was written."""
    number = {"x86_64": 74, "aarch64": 82}[platform.machine()]
    filters = (Filter * 4)(Filter(0x20, 0, 0, 0),  # the call's number
                           Filter(0x15, 0, 1, number), Filter(0x06, 0, 0, 0x00050000 | errno.EIO), Filter(0x06, 0, 0, 0x7fff0000))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) < 0 or libc.prctl(22, 2, ctypes.byref(Program(4, filters))) < 0:
        os._exit(99)


def test_what_the_disk_does_not_keep_is_said():
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Skip("the number of fsync is not known here")
    with scratch() as d:
        p = record(d, "a.y4m", *SMALL, "--seconds", 1, preexec_fn=without_fsync)
        if p.returncode == 99:
            raise Skip("this kernel has no filters of system calls")
        assert p.returncode == 1 and p.report["frames"] == 60, p
        assert "Input/output error; not all of it may be on the disk" in p.stderr, p.stderr
        whole(d / "a.y4m", 60)


def test_a_file_that_is_there_stays():
    with scratch() as d:
        (d / "a.y4m").write_text("precious")
        p = record(d, "a.y4m", *SMALL, "--seconds", 1)
        assert p.returncode == 1 and "--force" in p.stderr and (d / "a.y4m").read_text() == "precious", p
        assert record(d, "a.y4m", *SMALL, "--seconds", 1, "--force").returncode == 0
        whole(d / "a.y4m", 60)


def test_an_old_file_stays_until_there_is_a_picture():
    with scratch() as d:
        (d / "a.h264").write_text("precious")
        p = record(d, "a.h264", *SMALL, "--seconds", 1, "--force", "-o", "encode.preset=warp")
        assert p.returncode == 1 and (d / "a.h264").read_text() == "precious", p


def test_a_source_that_is_not_there_ends_it():
    with scratch() as d:
        for seconds in ([], ["--seconds", 1]):
            p = record(d, "a.h264", *seconds, "-o", "video.source=pipewire", "-o", "video.node=none",
                       env={**os.environ, "PIPEWIRE_REMOTE": "/nonexistent"})
            assert p.returncode == 1 and p.report["error"] and p.report["frames"] == 0, p
            assert not (d / "a.h264").exists()


def test_a_pipe_that_nobody_reads_is_said():
    with scratch() as d:
        os.mkfifo(d / "a.h264")
        p = record(d, "a.h264", "--seconds", 1, "--force")
        assert p.returncode == 1 and "No such device or address" in p.stderr, p


def test_a_limit_of_the_file_is_said_and_the_file_is_good():
    if "RECORD_CONVERT" in os.environ:
        raise Skip("a driver that computes on the CPU has its memory in files too")
    with scratch() as d:
        p = record(d, "a.h264", *SMALL, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000)))
        assert p.returncode == 1 and "File too large" in p.stderr and p.report["frames"] > 0, p
        whole(d / "a.h264", p.report["frames"])


def test_a_full_disk_is_said():
    with scratch() as d:
        (d / "full.y4m").symlink_to("/dev/full")
        p = record(d, "full.y4m", *SMALL, "--force")
        assert p.returncode == 1 and "No space left" in p.stderr and p.report["frames"] == 0, p
        assert (d / "full.y4m").is_symlink()


def test_what_makes_no_sense_is_refused():
    with scratch() as d:
        for args in (("a.mkv",), ("a.h264", "--seconds", 0), ("a.h264", "--seconds", "two"), ("a.h264", "--size", "641x360"),
                     ("a.h264", "--size", "1280"), ("a.h264", "--fps", 9)):
            p = record(d, *args)
            assert p.returncode == 2 and p.stderr.startswith("moonrill record: "), (args, p)
        p = subprocess.run([str(HOST), "record"], capture_output=True, text=True)
        assert p.returncode == 2, p
        p = record(d, "none/a.h264")
        assert p.returncode == 1 and "No such file" in p.stderr, p
        p = record(d, "a.h264", "--seconds", 1, "-o", "encode.preset=warp")
        assert p.returncode == 1 and "Invalid argument" in p.stderr, p
        assert [f.name for f in d.iterdir() if f.name != "state"] == []


if __name__ == "__main__":
    run(globals())
