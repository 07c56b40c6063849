#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the cases of meson's JUnit logs: names what failed, then one closing line for all of them."""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET


TAIL = 25  # lines of what a failed test printed last


def outcome(case):
    for what in ("failure", "error", "skipped"):
        if case.find(what) is not None:
            return "skipped" if what == "skipped" else "failed"
    return "passed"


def report(path, suite, failed):
    """What failed, once more at the end, where a log that is cut still has it."""
    for case in failed:
        print(f"FAILED {path.split('/')[0]}: {suite.get('name')}: {case.get('name')}")
    for stream in ("system-out", "system-err"):
        text = suite.findtext(stream) or "\n".join(case.findtext(stream) or "" for case in failed)
        for line in text.rstrip().splitlines()[-TAIL:]:
            print(f"  {line}")


def broken_programs(path):
    """Those that meson says have failed. The JUnit log does not tell of one that breaks off, or whose sanitizer speaks at
    its end, while each of its cases was well."""
    for line in pathlib.Path(path).with_name("testlog.json").read_text().splitlines():
        test = json.loads(line)
        if test["result"] in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"):
            yield test


def count(path):
    total = {"passed": 0, "failed": 0, "skipped": 0}
    told = set()
    for suite in ET.parse(path).getroot().iter("testsuite"):
        failed = []
        for case in suite.iter("testcase"):
            total[outcome(case)] += 1
            if outcome(case) == "failed":
                failed.append(case)
        if failed:
            report(path, suite, failed)
            told.add(suite.get("name").rpartition(" / ")[2])
            told.update(case.get("name") for case in failed)
    for test in broken_programs(path):
        if test["name"].rpartition(" / ")[2] not in told:
            total["failed"] += 1
            print(f"FAILED {path.split('/')[0]}: {test['name']}: {test['result']}")
            for line in (test.get("stdout", "") + test.get("stderr", "")).rstrip().splitlines()[-TAIL:]:
                print(f"  {line}")
    return total


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for path in sys.argv[1:]:
        try:
            for key, n in count(path).items():
                total[key] += n
        except (OSError, ET.ParseError) as e:
            print(f"{path}: {e}")
            total["failed"] += 1
    print(f"{total['passed']} passed, {total['failed']} failed" +
          (f", {total['skipped']} skipped" if total["skipped"] else ""))
    return 1 if total["failed"] or not total["passed"] else 0


sys.exit(main())
