#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds and runs every test; the last line is "N passed, N failed[, N skipped]".  usage: test.sh [BUILD]
set -u
build=${1:-build}
cd "$(dirname "$0")/.." || exit 1

[ -f "$build/build.ninja" ] || meson setup "$build" || exit 1
ninja -C "$build" || { echo "0 passed, 1 failed"; exit 1; }
meson test -C "$build" --print-errorlogs --no-rebuild
rc=$?
python3 scripts/test_summary.py "$build/meson-logs/testlog.junit.xml"
sum=$?
[ $rc -eq 0 ] && [ $sum -eq 0 ]
