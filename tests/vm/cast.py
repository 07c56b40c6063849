# SPDX-License-Identifier: GPL-3.0-or-later
"""A session on the emulated graphics card: starts who hands it out, then live-cast.sh as an ordinary user (tests/live)."""
import glob
import os
import pathlib
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ["MOONRILL_BUILD"])
TESTS = pathlib.Path(__file__).resolve().parent.parent
LIVE = BUILD / "live"

cards = sorted(glob.glob("/dev/dri/card*"))
assert cards, "the machine has no graphics card"
for node in glob.glob("/dev/dri/*"):
    os.chmod(node, 0o666)  # as logind does for who sits at it

for folder in ("seats", "sessions", "users", "machines"):  # WirePlumber watches them
    os.makedirs(f"/run/systemd/{folder}", exist_ok=True)
lib = glob.glob(str(LIVE / "root/usr/lib/*-linux-gnu"))[0]
env = {**os.environ, "LD_LIBRARY_PATH": lib, "SEATD_VTBOUND": "0"}
subprocess.Popen([str(LIVE / "root/usr/sbin/seatd"), "-u", "nobody"], env=env, stdout=subprocess.DEVNULL,
                 stderr=open("/run/vm/seatd.log", "w"))
deadline = time.monotonic() + 20
while not os.path.exists("/run/seatd.sock"):
    assert time.monotonic() < deadline, open("/run/vm/seatd.log").read()
    time.sleep(0.1)
os.environ.update({"CARD": cards[0], "LIVE_KEEP": "/run/vm"})
rc = subprocess.run([TESTS / "live/session.sh", LIVE, TESTS / "live/live-cast.sh", BUILD, *sys.argv[1:]]).returncode
if rc == 77:
    print("1..0 # SKIP an ordinary user cannot read the session's parts")
sys.exit(0 if rc == 77 else rc)
