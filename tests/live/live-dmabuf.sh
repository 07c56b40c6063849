#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-dmabuf.sh BUILD_DIR [TEST...]: the daemon streams dma-bufs that PipeWire hands it and a Vulkan device (lavapipe, by
# scripts/gpu-env.sh) imports: live_dmabuf.py inside a private session. Exit status 0, 1, or 77 where that cannot be had.
set -u
here=$(dirname "$(readlink -f "$0")")
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-dmabuf.sh BUILD_DIR [TEST...]}" && pwd)
	shift
	command -v ffmpeg >/dev/null || { echo "SKIP: ffmpeg is not installed"; exit 77; }
	"$here/../../scripts/gpu-env.sh" "$build/gpu" || exit $?
	exec "$here/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build" "$@"
fi
. "$LIVE_LIB"
export MOONRILL_BUILD=$1 READ_PATTERN=$1/tests/tools/read_pattern PYTHONPATH=$here/../e2e PYTHONDONTWRITEBYTECODE=1
gpu=$1/gpu/env
shift
[ -r "$gpu" ] || { echo "SKIP: an ordinary user cannot read $gpu"; exit 77; }
start_pipewire
# The driver's libraries before the session's, for what follows.
session_path=${LD_LIBRARY_PATH:-}
. "$gpu"
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH${session_path:+:$session_path} LP_NUM_THREADS=1
python3 "$here/live_dmabuf.py" "$@"
