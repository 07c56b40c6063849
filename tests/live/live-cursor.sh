#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-cursor.sh BUILD_DIR: the pointer of a real desktop, Mutter without a screen, as it tells it beside its pictures.
# Each line is one case; exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-cursor.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests/live
failed=0

# A theme of one cursor, 20 x 12 of a half transparent green with its hotspot at 4,2: there is none in the session.
python3 - <<-'PY'
	import os, struct
	image = struct.pack("<9I", 36, 0xfffd0002, 24, 1, 20, 12, 4, 2, 0) + struct.pack("<I", 0x80008000) * 240
	for theme in "Adwaita", "default":
	    os.makedirs(f"icons/{theme}/cursors")
	    for name in "default", "left_ptr":
	        with open(f"icons/{theme}/cursors/{name}", "wb") as f:
	            f.write(b"Xcur" + struct.pack("<6I", 16, 0x10000, 1, 0xfffd0002, 24, 28) + image)
PY
export XCURSOR_PATH=$PWD/icons DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
bg locale1 "$B/locale1" us
wait_for 10 has_name org.freedesktop.locale1 || fail "locale1"
start_mutter 1280x720

# cast MODE: the desktop, shared; its node in $node
cast() {
	mkfifo "cast$1"
	sleep 60 >"cast$1" &
	pids+=("$!")
	bg "cast$1" sh -c "'$B/mutter_cast' $1 100 <'cast$1' >'cast$1.out'"
	wait_for 10 grep -q node "cast$1.out" || fail "mutter's ScreenCast"
	node=$(awk '/^node/ { print $2 }' "cast$1.out")
}

# check MODE: looks on while the pointer moves, and a while longer
check() {
	"$B/capture_check" --source pipewire --node "$node" --frames 100000 --seconds 10 2>check.log &
	local checker=$!
	sleep 1.5
	echo go >"cast$1"
	wait $checker
}

# Without a hardware's cursor Mutter draws its screen for each move all the same. Before its pointer has been anywhere it
# tells an empty one.
cursor="r['cursor']"
cast 1
expect "a pointer in the pictures is none beside them" "u['frames'] >= 30 and not $cursor['shown']" "$(check 1)"
cast 2
check 2 >cursor.json
expect "one beside them points where it should, and looks as it does" \
	"u['frames'] >= 30 and [$cursor[k] for k in ('shown', 'x', 'y', 'w', 'h')] == [True, 896, 498, 20, 12]" \
	"$(cat cursor.json)"
# Premultiplied, at least: the green is no brighter than its alpha.
expect "its alpha is premultiplied" "$cursor['argb'][0::2] == [0, 0] and 0 < $cursor['argb'][1] <= 128 == $cursor['argb'][3]" \
	"$(cat cursor.json)"

[ $failed = 0 ] && echo "live-cursor: all passed"
exit $failed
