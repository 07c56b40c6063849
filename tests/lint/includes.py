#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may include whom (HACKING.md): our own folders by direction, foreign libraries by folder. No cycles follow."""
import pathlib
import re
import sys

MAY = {
    "base": set(),
    "media": {"base"},
    "crypt": {"base"},
    "bus": {"base"},
    "portal": {"media", "base"},
    "capture": {"media", "base", "portal", "bus"},
    "gpu": {"media", "base"},
    "encode": {"gpu", "media", "base"},
    "net": {"media", "base", "crypt"},
    "audio": {"net", "media", "base", "crypt"},
    "rtsp": {"media", "base", "crypt"},
    "input": {"base", "bus"},
    "control": {"input", "net", "media", "base", "crypt"},
    "http": {"base", "crypt", "bus"},
    "probe": {"base"},
}
FOREIGN = {
    r"(glib|gio|libportal)": {"portal"},
    r"systemd/sd-bus": {"bus"},
    r"(microhttpd|gnutls)": {"http"},
    r"x264\.h": {"encode"},
    r"x265\.h": {"encode"},
    r"va/": {"encode"},
    r"libyuv": {"encode"},
    r"isa-l|erasure_code": {"net"},
    r"(pipewire|spa)/": {"capture", "audio"},
    r"opus": {"audio", "probe"},
    r"libevdev": {"input"},
    r"libei\.h": {"input"},
    r"(wayland-client|xkbcommon/|.*-client-protocol\.h)": {"input"},
    r"enet/": {"control", "probe"},
    r"(vulkan/|.*_spv\.h)": {"gpu"},
    r"ini\.h": {""},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def check(path, src):
    rel = path.relative_to(src)
    folder = rel.parts[0] if len(rel.parts) > 1 else ""
    for kind, name in INCLUDE.findall(path.read_text()):
        target = name.split("/")[0] if "/" in name else ""
        if kind == '"':
            if not target:
                if folder and not (src / folder / name).exists() and name != "build_config.h":
                    yield f"{rel}: {name} is not in this folder"
                elif folder and name != "build_config.h":
                    yield f"{rel}: name {name} by its path from src/"
            elif target in MAY and folder and target != folder and target not in MAY.get(folder, set()):
                yield f"{rel}: {folder} may not include {target}"
            elif target == "probe" and folder != "probe":
                yield f"{rel}: nobody includes the probe"
        else:
            for pattern, folders in FOREIGN.items():
                if re.match(pattern, name) and folder not in folders:
                    yield f"{rel}: <{name}> belongs in {', '.join(sorted(folders)) or 'src'}"


def main():
    src = pathlib.Path(sys.argv[1]) / "src"
    files = sorted(src.rglob("*.[ch]"))
    errors = [e for f in files for e in check(f, src)]
    print("\n".join(errors) or f"{len(files)} files, every include in direction")
    return 1 if errors or not files else 0


sys.exit(main())
