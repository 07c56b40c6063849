# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd-udevd in the guest, with our rules as `meson install` puts them."""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(os.environ["VM_ROOT"])  # where vm-env.sh has unpacked it
DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
GROUP = "moonrill-input"
LIBS = ":".join(str(p) for p in sorted(ROOT.glob("*lib/*-linux-gnu")) + sorted(ROOT.glob("usr/lib/*-linux-gnu")))
# The guest has changed its root after its first RAM disk, which udevadm takes for a chroot.
ENV = {**os.environ, "LD_LIBRARY_PATH": LIBS, "SYSTEMD_IGNORE_CHROOT": "1"}


def udevadm(*args):
    return subprocess.run(["/bin/udevadm", *args], env=ENV, check=True, capture_output=True, text=True, timeout=120).stdout


def settle():
    udevadm("settle", "--timeout=100")


def info(path):
    """The properties of /dev/PATH, and its tags as TAGS."""
    lines = udevadm("info", "--query=property", f"--name={path}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def run_daemon():
    # It says hello where this script says TAP.
    subprocess.run(["/run/systemd-udevd", "--daemon", "--resolve-names=early"], env=ENV, check=True, timeout=120,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    udevadm("trigger", "--action=add", "--subsystem-match=misc", "--subsystem-match=input", "--subsystem-match=hidraw")
    settle()


def restart():
    udevadm("control", "--exit")
    run_daemon()


def start():
    for source in ROOT / "lib/udev", ROOT / "usr/lib/udev":
        if source.is_dir():
            shutil.copytree(source, "/usr/lib/udev", dirs_exist_ok=True)
    shutil.copy(ROOT / "bin/udevadm", "/bin/udevadm")
    shutil.copy(DATA / "60-moonrill.rules", "/usr/lib/udev/rules.d/")
    subprocess.run(["systemd-sysusers", DATA / "moonrill-sysusers.conf"], check=True, env={**ENV, "SYSTEMD_LOG_LEVEL": "err"})
    os.symlink("/bin/udevadm", "/run/systemd-udevd")
    run_daemon()
