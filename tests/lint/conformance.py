#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""doc/conformance.md names every line of both checklists once, and only tests and cases that exist."""
import pathlib
import re
import sys

WANT = [f"S{n}" for n in range(1, 60)] + [f"M{n}" for n in range(1, 71)]
NOT_TESTED_MAX = 6


def cases_of(root):
    """{test: set of cases} as `meson test` names them."""
    tests = {}
    for path in (root / "tests/unit").glob("*/test_*.c"):
        tests[f"{path.parent.name}_{path.stem[5:]}"] = path
    for path in (root / "tests/conformance").glob("test_*.c"):
        tests[f"conformance_{path.stem[5:]}"] = path
    found = {t: set(re.findall(r"static void (\w+)\(void \*\*", p.read_text())) for t, p in tests.items()}
    for path in (root / "tests/e2e").glob("*.py"):
        found[f"e2e-{path.stem}"] = set(re.findall(r"^def (test_\w+)", path.read_text(), re.M))
    for path in (root / "tests/vm").glob("*.py"):
        found[f"vm-{path.stem}"] = set(re.findall(r"^def (test_\w+)", path.read_text(), re.M))
    for path in (root / "tests/live").glob("*.sh"):
        found["live_" + path.stem.replace("live-", "").replace("_live", "")] = set()
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    known, seen, errors, untested = cases_of(root), [], [], 0
    for line in (root / "doc/conformance.md").read_text().splitlines():
        row = re.match(r"\| ([SM]\d+) \| (.*) \| (.*) \|$", line)
        if not row:
            continue
        ident, tests, mutation = row.groups()
        seen.append(ident)
        if tests.startswith("not tested because"):
            untested += 1
            continue
        if not mutation.strip():
            errors.append(f"{ident}: no mutation")
        for part in tests.split(";"):
            test, _, cases = part.strip().partition(":")
            if test not in known:
                errors.append(f"{ident}: no test {test}")
                continue
            for case in filter(None, (c.strip() for c in cases.split(","))):
                if case not in known[test]:
                    errors.append(f"{ident}: {test} has no case {case}")
    if seen != WANT:
        errors.append(f"lines missing, doubled or out of order: {sorted(set(WANT) ^ set(seen))}")
    if untested > NOT_TESTED_MAX:
        errors.append(f"{untested} lines are not tested")
    print("\n".join(errors) or f"{len(seen)} lines")
    return 1 if errors else 0


sys.exit(main())
