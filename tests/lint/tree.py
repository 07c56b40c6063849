#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the tree that no compiler checks: SPDX lines, file length, unfinished marks, foreign paths."""
import pathlib
import re
import subprocess
import sys

LINES_MAX = 600
TEST_LINES_MAX = 800  # tables of cases are long and simple
MARK = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
SOURCE = {".c", ".h", ".py", ".sh"}


def files(root):
    try:
        out = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=True).stdout
        names = out.split()
    except (OSError, subprocess.CalledProcessError):
        names = []
    found = [root / n for n in names if (root / n).is_file()]
    return found or [p for d in ("src", "tests", "scripts") for p in (root / d).rglob("*") if p.is_file()]


def check(path, root):
    rel = path.relative_to(root)
    if path.suffix not in SOURCE:
        return
    text = path.read_text(errors="replace")
    lines = text.splitlines()
    if not any("SPDX-License-Identifier: GPL-3.0-or-later" in x for x in lines[:3]):
        yield f"{rel}: no SPDX line"
    limit = TEST_LINES_MAX if rel.parts[0] == "tests" else LINES_MAX
    if path.suffix in {".c", ".h"} and len(lines) > limit:
        yield f"{rel}: {len(lines)} lines; name its second idea and split"
    for n, line in enumerate(lines, 1):
        if MARK.search(line):
            yield f"{rel}:{n}: unfinished: {line.strip()}"


def main():
    root = pathlib.Path(sys.argv[1])
    errors = [e for f in files(root) for e in check(f, root)]
    print("\n".join(errors) or "clean")
    return 1 if errors else 0


sys.exit(main())
