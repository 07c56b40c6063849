# SPDX-License-Identifier: GPL-3.0-or-later
"""The udev rule, the group and the list of modules, tried by a real udevd, and what it takes our devices for."""
import grp
import os
import pathlib
import stat

import udevd

udevd.start()  # before anything makes devices

from pads import ALL_BUTTONS, DUALSENSE_ID, SWITCH_ID, XBOX_ID, family, plugged
from stream import DEVICES, device, run_tests

KINDS = {"KEYBOARD", "KEY", "MOUSE", "POINTINGSTICK", "TOUCHPAD", "TOUCHSCREEN", "TABLET", "JOYSTICK", "ACCELEROMETER"}


def kinds(d):
    """What input_id found in the device: ID_INPUT_*, but what tells of sizes."""
    found = udevd.info(f"input/{d.node}")
    assert found.get("ID_INPUT") == "1", (d, found)
    return {k.removeprefix("ID_INPUT_") for k, v in found.items() if v == "1"} & KINDS


def access(path):
    st = os.stat(path)
    return grp.getgrgid(st.st_gid).gr_name, oct(stat.S_IMODE(st.st_mode))


def tags(name):
    return set(udevd.info(name).get("TAGS", "").strip(":").split(":"))


def test_the_nodes_belong_to_the_group_and_to_who_sits_there():
    for name in "uinput", "uhid":
        assert access(f"/dev/{name}") == (udevd.GROUP, "0o660"), (name, access(f"/dev/{name}"))
        assert "uaccess" in tags(name), udevd.info(name)


def test_the_nodes_are_there_before_their_modules():
    """For udevd that is what static_node is: the rule gives a node its owner although no device has come."""
    for name in "uinput", "uhid":
        os.remove(f"/dev/{name}")
        os.mknod(f"/dev/{name}", 0o600 | stat.S_IFCHR, os.makedev(10, {"uinput": 223, "uhid": 239}[name]))
        assert access(f"/dev/{name}") == ("root", "0o600")
    udevd.restart()
    for name in "uinput", "uhid":
        assert access(f"/dev/{name}") == (udevd.GROUP, "0o660"), (name, access(f"/dev/{name}"))


def test_the_modules_are_this_kernels():
    names = [x for x in (udevd.DATA / "moonrill-modules.conf").read_text().split("\n") if x and x[0] not in "#;"]
    assert sorted(names) == ["uhid", "uinput"], names
    for name in names:
        assert pathlib.Path(f"/sys/module/{name}").is_dir(), name


def test_devices_are_taken_for_what_they_are():
    want = {"keyboard": {"KEYBOARD", "KEY"}, "mouse": {"MOUSE"}, "pointer": {"MOUSE"}, "touch": {"TOUCHSCREEN"},
            "pen": {"TABLET"}}
    udevd.settle()
    got = {part: kinds(device(part)) for part in DEVICES}
    assert got == want, got


def test_pads_are_joysticks_and_their_parts_are_not():
    for kind, ident, caps, count in (1, XBOX_ID, 0x3, 1), (2, DUALSENSE_ID, 0x1ff, 3), (3, SWITCH_ID, 0x33, 2):
        with plugged(kind, ident, caps, count) as pad:
            udevd.settle()
            assert kinds(pad) == {"JOYSTICK"}, (pad, kinds(pad))
            assert "uaccess" in tags(f"input/{pad.node}"), udevd.info(f"input/{pad.node}")
            rest = {d.name: kinds(d) for d in family(ident) if d is not pad}
            for name, found in rest.items():
                assert found == ({"ACCELEROMETER"} if "IMU" in name or "Motion" in name else {"TOUCHPAD"}), rest


def hidraws():
    """Nodes of our pads."""
    return [h.name for h in pathlib.Path("/sys/class/hidraw").iterdir()
            if "HID_PHYS=moonrill-" in (h / "device/uevent").read_text()]


def test_raw_reports_of_our_pads_are_for_who_sits_there():
    """SDL and Steam drive these pads by their reports."""
    for kind, ident, caps, count in (2, DUALSENSE_ID, 0x1ff, 3), (3, SWITCH_ID, 0x33, 2):
        with plugged(kind, ident, caps, count):
            udevd.settle()
            (name,) = hidraws()
            assert access(f"/dev/{name}") == (udevd.GROUP, "0o660"), (access(f"/dev/{name}"), udevd.info(name))
            assert "uaccess" in tags(name), udevd.info(name)


if __name__ == "__main__":
    run_tests(globals())
