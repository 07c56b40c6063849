#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-cursor.sh BUILD_DIR: the pointer of a real desktop, Mutter without a screen, as it tells it beside its pictures; and
# what the real portal is asked for, with a desktop of a page behind it.
# Each line is one case; exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-cursor.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests/live
failed=0

# A theme of one cursor, 20 x 12 of a half transparent dark green with its hotspot at 4,2: there is none in the session.
python3 - <<-'PY'
	import os, struct
	image = struct.pack("<9I", 36, 0xfffd0002, 24, 1, 20, 12, 4, 2, 0) + struct.pack("<I", 0x80004000) * 240
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
	exec {go}<>"cast$1"
	bg "cast$1" sh -c "exec '$B/mutter_cast' $1 100 <'cast$1' >'cast$1.out'"
	wait_for 10 grep -q node "cast$1.out" || fail "mutter's ScreenCast"
	node=$(awk '/^node/ { print $2 }' "cast$1.out")
}

# check MODE [ARGUMENT...]: looks on while the pointer moves
check() {
	local mode=$1 checker
	shift
	: >check.log
	"$B/capture_check" --source pipewire --node "$node" --frames 20 --seconds 60 "$@" 2>check.log &
	checker=$!
	wait_for 30 grep -q "the first frame" check.log
	echo >&$go
	wait_for 30 grep -q "done" "cast$mode.out"
	wait $checker
}

# Without a hardware's cursor Mutter draws its screen for each move all the same. Before its pointer has been anywhere it
# tells an empty one.
cursor="r['cursor']"
cast 1
embedded=$node
expect "a pointer in the pictures is none beside them" "u['frames'] >= 20 and not $cursor['shown']" "$(check 1)"
cast 2
check 2 --until-cursor 896,498 --pixel 905,503 >cursor.json
expect "one beside them points where it should, and looks as it does" \
	"u['frames'] >= 20 and [$cursor[k] for k in ('shown', 'x', 'y', 'w', 'h')] == [True, 896, 498, 20, 12]" \
	"$(cat cursor.json)"
# Whatever Mutter makes of the theme's colour, its own pictures have it as well: over what lies below.
blended=$(python3 -c 'import json
r = json.load(open("cursor.json"))
b, g, r_, a = r["cursor"]["argb"]
print("%02x%02x%02x" % tuple(round(c + below * (255 - a) / 255) for c, below in zip((r_, g, b), r["pixel"])))')
expect "its alpha is premultiplied, and so it is blended into the pictures of the other" \
	"not $cursor['shown'] and all(abs(c - want) <= 2 for c, want in zip(r['pixel'], bytes.fromhex('$blended')))" \
	"$("$B/capture_check" --source pipewire --node "$embedded" --frames 1 --seconds 60 --pixel "905,503,$blended" 2>check.log)"

stop "cast1" && stop "cast2" && stop mutter

# A portal whose screen is pw_source's; of its cursor modes 1 is hidden, 2 embedded, 4 metadata.
bg permission-store xdg-permission-store

# portal MODES: it has these
portal() {
	bg source "$B/pw_source" --name screen --size 640x360 --still 3 --cursor 100
	wait_for 5 sh -c 'pw-cli ls Node | grep -q "\"screen\""' || fail "pw_source does not come up"
	start_page "$B/cast_page" ScreenCast "$1" \
		"$(pw-cli ls Node | awk '/^\tid/ { id = $2 } /"screen"/ { sub(",", "", id); print id }')"
	bg portal xdg-desktop-portal -v
	wait_for_portal ScreenCast
}

portal_stop() {
	stop portal && stop page && stop source
}

# asked NAME MODE WARNINGS ARGUMENT...: what the page was asked for by a look at its screen
asked() {
	local name=$1 want="cursor $2" warnings=$3
	shift 3
	"$B/capture_check" --source portal --frames 2 --seconds 10 "$@" >asked.json 2>check.log
	if [ "$(cat page.log)" = "$want" ] && [ "$(grep -c 'draws the cursor into its pictures' check.log)" = "$warnings" ]; then
		echo "ok - $name"
	else
		not_ok "$name: $(cat page.log check.log asked.json)"
	fi
	: >page.log
}

portal 7
asked "of a portal that has all modes, metadata" 4 0
asked "the picture with a pointer in it when that is wanted" 2 0 --cursor embedded
asked "and none when that is" 1 0 --cursor hidden
portal_stop
portal 7
expect "and what it then gives moves over the still picture" "u['moves'] >= 20 and ($cursor['x'], $cursor['w']) == (557, 24)" \
	"$("$B/capture_check" --source portal --frames 20 --until-cursor 557,139 --seconds 60 2>check.log)"
portal_stop
portal 2
asked "of one that has no metadata, a pointer in the picture" 2 0
asked "and it is told when metadata was asked for by name" 2 1 --cursor metadata
portal_stop

[ $failed = 0 ] && echo "live-cursor: all passed"
exit $failed
