#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-screen.sh BUILD_DIR [TEST...]: the daemon streams a live screen to moonrill-probe, and what arrives is decoded and
# looked at: live_screen.py inside a private session. Exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-screen.sh BUILD_DIR [TEST...]}" && pwd)
	shift
	command -v ffmpeg >/dev/null || { echo "SKIP: ffmpeg is not installed"; exit 77; }
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build" "$@"
fi
. "$LIVE_LIB"
here=$(dirname "$(readlink -f "$0")")
export MOONRILL_BUILD=$1 READ_PATTERN=$1/tests/tools/read_pattern PYTHONPATH=$here/../e2e PYTHONDONTWRITEBYTECODE=1
shift
start_pipewire
start_sink stream-sink
start_sway 1280x720
start_portal
python3 "$here/live_screen.py" "$@"
