#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py [OPTIONS] BUILD COMMAND...: runs COMMAND as root in the test machine (HACKING.md), a Debian kernel under QEMU
that has this machine's files, read-only under a layer of memory. Its output is forwarded as it comes, its exit status
is ours. $VM_SHARE is a folder of the guest that outlives it: with --keep DIR it is that folder. Where no such machine
can be had a TAP line says so, and the exit status is 0. Everything is emulated: nothing asks for KVM or for privileges.
"""
import argparse
import fcntl
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "MOONRILL_BUILD", "PYTHONPATH", "LANG")


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def prepare(script, where, env=None):
    """Parts fetched and unpacked once by a script, also when several tests begin together; what it put into env."""
    where.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{where}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.run([HERE.parent.parent / script, where], stdout=subprocess.PIPE, text=True)
    last = p.stdout.strip().splitlines()[-1:] or [""]
    if p.returncode == 77:
        skip(last[0].removeprefix("SKIP: "))
    if p.returncode:
        sys.exit(f"{script}: {p.returncode}\n{p.stdout}")
    found = {}
    for line in env.read_text().splitlines() if env else ():
        if line.startswith("VM_"):
            key, _, value = line.partition("=")
            found[key] = value.strip("'")
    return found


def task(where, build, command):
    """The shell script that the guest runs."""
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/run/home",
           "XDG_RUNTIME_DIR": "/run/user", "TMPDIR": "/run", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1",
           "VM_SHARE": "/run/vm", "VM_BUILD": str(build), "VM_ROOT": str(where / "root")}
    env.update({"MOONRILL_BUILD": str(build), "PYTHONPATH": str(HERE.parent / "e2e")})  # our own tests, by hand
    env.update({k: os.environ[k] for k in PASSED_ON if k in os.environ})
    if command[0].endswith(".py"):
        command = [sys.executable, os.path.abspath(command[0]), *command[1:]]
    lines = ["mkdir -p -m 700 /run/home /run/user"]
    lines += [f"export {k}={shlex.quote(v)}" for k, v in env.items()]
    lines += [f"cd {shlex.quote(os.getcwd())}", "exec " + " ".join(shlex.quote(c) for c in command)]
    return "\n".join(lines) + "\n"


def machine(boots, env, share, options):
    """The command line of QEMU for the kernel in the folder boots."""
    kernel = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check"
    # Steady: an instruction takes 2 ns, and who sleeps is woken when its time has come, at once.
    clock = ["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off"] if options.steady else \
        ["-accel", "tcg,thread=multi"]
    cmd = [env["VM_QEMU"], "-M", "q35", *clock, "-cpu", "max", "-smp", str(options.cpus), "-m",
           str(options.memory), "-nodefaults", "-no-reboot", "-no-user-config", "-display", "none",
           "-kernel", str(boots / "kernel"), "-initrd", str(boots / "initrd"), "-append", kernel,
           "-serial", f"file:{share / 'console'}",
           "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
           "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
           "-fsdev", f"local,id=share,path={share},security_model=none",
           "-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]
    if options.screen or options.trixie:
        cmd += ["-device", "virtio-gpu-pci,xres=320,yres=180"]
    for firmware in env["VM_FIRMWARE"].split(":"):
        cmd += ["-L", firmware]
    return cmd


def forward(path, done):
    """Copies what is new in the file to stdout; returns how far it came."""
    if not path.exists():
        return done
    with open(path, "rb") as f:
        f.seek(done)
        data = f.read()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return done + len(data)


def boot(boots, env, share, options):
    """Runs the machine to its end; the exit status of the task, or None."""
    qenv = {**os.environ, "LD_LIBRARY_PATH": env["VM_LIB"]}
    done = 0
    limit = time.monotonic() + options.timeout
    with open(share / "qemu", "wb") as log:
        p = subprocess.Popen(machine(boots, env, share, options), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             env=qenv)
        try:
            while p.poll() is None and time.monotonic() < limit:
                done = forward(share / "output", done)
                time.sleep(0.1)
        finally:
            p.kill()
            p.wait()
    forward(share / "output", done)
    try:
        return int((share / "status").read_text())
    except (OSError, ValueError):
        return None


def tell(path, lines):
    """The end of a log, as comments of TAP."""
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    for line in text[-lines:]:
        print(f"# {path.name}: {line}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=500, metavar="SECONDS",
                        help="then it is switched off (%(default)s)")
    parser.add_argument("--cpus", type=int, default=1,
                        help="%(default)s: with one, who reads a device runs as soon as it is written")
    parser.add_argument("--steady", action="store_true",
                        help="its time is that of its own instructions: what else runs here changes no measurement")
    parser.add_argument("--memory", type=int, default=1536, metavar="MIB")
    parser.add_argument("--screen", action="store_true",
                        help="with a graphics card, and tests/live's session and tests/gpu's driver fetched")
    parser.add_argument("--trixie", action="store_true",
                        help="with a graphics card and the kernel of Debian 13, and tests/trixie's root built")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="where the share is left behind")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    build = options.build.resolve()
    where = pathlib.Path(os.environ.get("VM_DIR", build / "vm"))
    env = prepare("scripts/vm-env.sh", where, where / "env")
    if options.screen:
        prepare("scripts/live-env.sh", build / "live")
        prepare("scripts/gpu-env.sh", build / "gpu")
    boots = where
    if options.trixie:
        boots = where.with_name("vm-trixie")
        prepare("scripts/vm-trixie-env.sh", boots)
        prepare("scripts/trixie-env.sh", build / "trixie")
        subprocess.run([HERE.parent / "trixie/run.sh", build, "/moonrill/tests/trixie/build.sh", "true"], check=True,
                       stdout=sys.stderr, env={**os.environ, "TRIXIE_DIR": str(build / "trixie")})
    share = options.keep.resolve() if options.keep else pathlib.Path(tempfile.mkdtemp(prefix="moonrill-vm-"))
    share.mkdir(parents=True, exist_ok=True)
    for name in ("task", "output", "status", "console", "qemu"):
        (share / name).unlink(missing_ok=True)
    (share / "task").write_text(task(where, build, options.command))
    start = time.monotonic()
    try:
        status = boot(boots, env, share, options)
        if status is None:
            tell(share / "qemu", 10)
            tell(share / "console", 40)
            print(f"Bail out! the test machine ended without a result after {time.monotonic() - start:.0f} s")
            status = 1
        else:
            console = (share / "console").read_text(errors="replace")
            marks = re.findall(r"^vm: (.*?)\r?$", console, re.M)
            print(f"# test machine: {time.monotonic() - start:.1f} s; " + ", ".join(marks))
    finally:
        if not options.keep:
            shutil.rmtree(share, ignore_errors=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
