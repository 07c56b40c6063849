#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD PROGRAM [ARGUMENT...]: runs PROGRAM with the driver and the validation layer of scripts/gpu-env.sh, on one
# thread beside its own. What the layer objects to is a failure. Exit status 77: they cannot be had here, the reason is
# the last line. GPU_OWN=1 takes the machine's own drivers instead, without the layer.
set -uo pipefail

BUILD=${1:?usage: run.sh BUILD PROGRAM}
shift
HERE=$(cd "$(dirname "$0")/../.." && pwd)
if [ -n "${GPU_OWN:-}" ]; then
	exec "$@"
fi
(
	flock 9
	"$HERE/scripts/gpu-env.sh" "$BUILD/gpu"
) 9>"$BUILD/gpu.lock" >"$BUILD/gpu-env.log" 2>&1
rc=$?
if [ $rc != 0 ]; then
	echo "1..0 # SKIP $(tail -1 "$BUILD/gpu-env.log" | sed 's/^SKIP: //')"
	exit $rc
fi
. "$BUILD/gpu/env"
export LP_NUM_THREADS=1
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation "$@" 2>&1 | tee "$LOG"
rc=${PIPESTATUS[0]}
if grep -q 'Validation Error' "$LOG"; then
	echo "# the validation layer objects"
	exit 1
fi
exit "$rc"
