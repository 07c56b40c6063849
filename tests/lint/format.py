#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""clang-format over all C files, and the width of comments, which it leaves alone. Only version 14 (Debian 12's) is
binding: others lay out some lines differently."""
import pathlib
import re
import subprocess
import sys


WIDTH = 120


def too_wide(path):
    """Lines, but for tables that say "clang-format off"."""
    off = False
    for n, line in enumerate(path.read_text().splitlines(), 1):
        off = "clang-format off" in line or (off and "clang-format on" not in line)
        if not off and len(line.expandtabs(8)) > WIDTH:
            yield f"{path}:{n}: wider than {WIDTH} columns"


def main():
    root, tool = pathlib.Path(sys.argv[1]), sys.argv[2]
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    if not re.search(r"version 14\.", version):
        print(f"skipped: {version.strip()}")
        return 77
    files = [p for d in ("src", "tests") for p in sorted((root / d).rglob("*.[ch]"))]
    run = subprocess.run([tool, "--dry-run", "-Werror", *map(str, files)], capture_output=True, text=True)
    bad = [f"{b}: run clang-format -i" for b in
           sorted({line.split(":")[0] for line in run.stderr.splitlines() if ": error:" in line})]
    bad += [wide for p in files for wide in too_wide(p)]
    print("\n".join(bad) or f"{len(files)} files formatted")
    return 1 if run.returncode or bad else 0


sys.exit(main())
