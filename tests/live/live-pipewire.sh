#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-pipewire.sh BUILD_DIR: the pipewire back end against a real daemon and session manager, with pw_source as the
# screen. Each line is one case; exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-pipewire.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests/live
failed=0

source_start() {
	bg source "$B/pw_source" --name screen "$@"
	source_pid=$LAST
	wait_for 5 sh -c 'pw-cli ls Node | grep -q "\"screen\""' || fail "pw_source does not come up"
}

source_stop() {
	kill "$source_pid" 2>/dev/null
	wait "$source_pid" 2>/dev/null
	wait_for 5 sh -c '! pw-cli ls Node | grep -q "\"screen\""'
}

check() { "$B/capture_check" --source pipewire --node screen "$@" 2>check.log; }

start_pipewire
all='u["frames"] >= 60 and u["marks"] == u["frames"] and u["pixels_bad"] == 0'

source_start --size 1280x720
expect "memory, by name" "$all and r['sizes'] == [[1280, 720]] and u['gaps'] < 5 and u['repeats'] == 0" \
	"$(check --frames 90 --pixels chart)"
id=$(pw-cli ls Node | awk '/^\tid/ { id = $2 } /"screen"/ { sub(",", "", id); print id }')
expect "by id" "$all" "$("$B/capture_check" --source pipewire --node "$id" --frames 60 --pixels chart 2>check.log)"
serial=$(pw-cli ls Node | awk '/object.serial/ { gsub("\"", ""); s = $3 } /node.name = "screen"/ { print s }')
expect "by serial" "$all" \
	"$("$B/capture_check" --source pipewire --node "serial:$serial" --frames 60 --pixels chart 2>check.log)"
expect "auto with a node named asks nobody" "$all and r['source'] == 'pipewire'" \
	"$("$B/capture_check" --source auto --node screen --frames 60 --pixels chart 2>check.log)"
expect "eight users of one capture" "all(v['frames'] > 30 and v['marks'] == v['frames'] for v in r['users'])" \
	"$(check --users 8 --frames 90 --pixels chart)"
expect "stopped and started again" "$all" "$(check --frames 90 --pause --pixels chart)"
source_stop

for format in RGBx BGRA RGBA xRGB xBGR; do
	source_start --size 640x360 --format $format
	expect "format $format" "$all" "$(check --frames 60 --pixels chart)"
	source_stop
done

source_start --size 640x360 --dmabuf
expect "only linear dma-bufs on offer, no sizes in the chunks" "$all and r['modifier'] == 0" \
	"$(check --frames 60 --pixels chart)"
source_stop

# For a reader that imports: the tilings are of the source's own making, its memory is what it always is.
imported="$all and u['imported'] == u['frames'] and r['mapped_bytes'] == 0"
source_start --size 640x360 --modifiers 0x0100000000000002,0
expect "a reader that imports gets the source's favourite, and not a byte is mapped" \
	"$imported and r['modifier'] == 0x0100000000000002" "$(check --frames 60 --import 0,0x0100000000000002)"
expect "or what it can import" "$imported and r['modifier'] == 0" "$(check --frames 60 --import 0)"
expect "a modifier that it refuses is not given again" \
	"u['frames'] == 200 and u['imported'] == 200 and r['modifier'] == 0 and r['losses'] == 0 and r['mapped_bytes'] == 0" \
	"$(check --frames 200 --import 0x0100000000000002,0 --refuse 30)"
expect "nor dma-bufs when it refuses them all" \
	"u['frames'] == 200 and 0 < u['imported'] < 100 and u['marks'] == 200 and r['mapped_bytes'] > 0 and u['pixels_bad'] == 0" \
	"$(check --frames 200 --import 0x0100000000000002,0 --refuse-all 30 --pixels chart)"
expect "one that imports something else gets memory" "$all and u['imported'] == 0" \
	"$(check --frames 60 --import 0x0200000000000001 --pixels chart)"
expect "and so does one that imports nothing" "$all and u['imported'] == 0" "$(check --frames 60 --pixels chart)"
source_stop

source_start --size 640x360 --crop 16,8,320x200 --transform 6
expect "crop and transform arrive" "$all and r['crop'] == [16, 8, 320, 200] and r['transform'] == 6" \
	"$(check --frames 60 --pixels chart)"
source_stop
source_start --size 640x360 --crop 600,300,320x200 --transform 99
expect "a crop that reaches out is cut, a transform out of range ignored" \
	"$all and r['crop'] == [600, 300, 40, 60] and r['transform'] == 0" "$(check --frames 60 --pixels chart)"
source_stop

source_start --size 640x360 --corrupt 5
expect "corrupted chunks are dropped" "$all and u['gaps'] >= 12" "$(check --frames 70 --pixels chart)"
source_stop
source_start --size 640x360 --overrun 5
expect "chunks that reach out of their buffer are dropped" "$all and u['gaps'] >= 12" \
	"$(check --frames 70 --pixels chart)"
source_stop

source_start --size 640x360 --resize 1024x768@100
expect "the size changes in mid-stream" "$all and r['sizes'] == [[640, 360], [1024, 768]] and r['losses'] == 0" \
	"$(check --frames 150 --seconds 10 --pixels chart)"
source_stop

source_start --size 640x360 --still 3
expect "a second user of a still screen gets its picture" "all(v['frames'] >= 1 and v['marks'] >= 1 for v in r['users'])" \
	"$(check --users 2 --frames 90 --seconds 2 --pixels chart)"
source_stop

# A cursor beside the pictures: at the end of 100 moves its hotspot is 80 pixels from the right, its bitmap long gone by.
cursor="r['cursor']"
source_start --size 640x360 --still 3 --cursor 100
expect "a cursor that moves over a still screen makes frames of its last picture" \
	"(all(v['moves'] >= 20 and v['marks'] == v['frames'] and v['pixels_bad'] == 0 for v in r['users']) and
	  [$cursor[k] for k in ('shown', 'x', 'y', 'w', 'h', 'argb')] == [True, 557, 139, 24, 16, [255, 0, 255, 255]])" \
	"$(check --users 2 --frames 20 --until-cursor 557,139 --seconds 60 --pixels chart)"
source_stop
source_start --size 640x360 --still 3 --cursor 100
expect "nobody asks for it when it is to be hidden" "u['moves'] == 0 and u['frames'] >= 1 and not $cursor['shown']" \
	"$(check --frames 1000 --seconds 3 --cursor hidden)"
source_stop
source_start --size 640x360 --cursor 100
expect "pictures that change bring it along" "$all and $cursor['shown'] and ($cursor['x'], $cursor['y']) == (37, 139)" \
	"$(check --frames 90 --pixels chart)"
source_stop

expect "no such node: a clear word" "u['frames'] == 0 and r['losses'] >= 1" "$(check --frames 1 --seconds 1)"
grep -q 'there is no PipeWire node "screen"' check.log || { echo "not ok - the word is missing"; failed=1; }

# lost and found: the node leaves and comes back while a stream runs
source_start --size 640x360
check --frames 200 --seconds 12 --pixels chart >lost.json &
checker=$!
sleep 1
source_stop
sleep 0.5
source_start --size 640x360
wait $checker
expect "a node that left is taken up again" "u['frames'] == 200 and r['losses'] >= 1 and u['pixels_bad'] == 0" \
	"$(cat lost.json)"
source_stop

# the daemon itself goes and comes back
source_start --size 640x360
check --frames 200 --seconds 15 --pixels chart >lost.json &
checker=$!
sleep 1
kill "${pids[@]}" 2>/dev/null
wait_for 5 sh -c '! test -S pipewire-0'
pids=()
sleep 0.3
start_pipewire
source_start --size 640x360
wait $checker
expect "a daemon that went is found again" "u['frames'] == 200 and r['losses'] >= 1 and u['pixels_bad'] == 0" \
	"$(cat lost.json)"

[ $failed = 0 ] && echo "live-pipewire: all passed"
exit $failed
