#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-product.sh BUILD_DIR: the conformance programs with a real PipeWire as a capture back end: what every capture
# promises, and its frames through the conversion into every encoder, the stand-in driver's included: of ten thousand that
# are encoded at least eighty are new ones, the rest shows what was there. Each line is one case; exit status 0, 1, or 77
# where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-product.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests
export CAPTURE_NODE=screen CMOCKA_MESSAGE_OUTPUT=TAP
failed=0

# NAME PROGRAM [VARIABLE=VALUE...]
run() {
	local name=$1 program=$2 pairs
	shift 2
	if env "$@" "$B/conformance/$program" >run.out 2>run.err && ! grep -q '^not ok\|# SKIP' run.out &&
		grep -q "^# pipewire to" run.out; then
		pairs=$(grep -c "^# pipewire to" run.out)
		echo "ok: $name ($pairs rounds)"
	else
		echo "FAILED: $name"
		tail -n 20 run.out run.err
		failed=1
	fi
}

source_start() {
	bg source "$B/live/pw_source" --name screen --size 640x360 "$@"
	wait_for 5 sh -c 'pw-cli ls Node | grep -q "\"screen\""' || fail "pw_source does not come up"
}

source_stop() {
	stop source
	wait_for 5 sh -c '! pw-cli ls Node | grep -q "\"screen\""'
}

start_pipewire
source_start
run "memory: what every capture promises" test_captures
run "memory: into every encoder in software" test_endurance
if [ -e "$B/drivers/va/moonrill_drv_video.so" ]; then
	for codec in h264 hevc av1; do
		run "memory: into VA-API, $codec" test_endurance TEST_ENCODER=vaapi TEST_ENCODER_DEVICE=/dev/null \
			TEST_ENCODER_CODEC=$codec LIBVA_DRIVERS_PATH="$B/drivers/va" LIBVA_DRIVER_NAME=moonrill \
			MOONRILL_VA_LOG="$PWD/va-$codec.log"
	done
fi
source_stop

# To encoders it is all the same where pictures were.
source_start --dmabuf
run "dma-bufs: what every capture promises" test_captures
run "dma-bufs: into an encoder" test_endurance TEST_ENCODER=x264
source_stop
[ $failed = 0 ] && echo "live-product: all passed"
exit $failed
