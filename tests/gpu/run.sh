#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD PROGRAM [ARGUMENT...]: runs PROGRAM with the driver and the validation layer of scripts/gpu-env.sh, on one
# thread beside its own. What the layer objects to is a failure. Where they cannot be had the test is skipped with the
# reason. GPU_OWN=1 takes the machine's own drivers instead, without the layer.
set -uo pipefail

BUILD=${1:?usage: run.sh BUILD PROGRAM}
shift
HERE=$(cd "$(dirname "$0")/../.." && pwd)
if [ -n "${GPU_OWN:-}" ]; then
	exec "$@"
fi
"$HERE/scripts/gpu-env.sh" "$BUILD/gpu" >"$BUILD/gpu-env.log" 2>&1
rc=$?
if [ $rc = 77 ]; then # as TAP says it
	echo "1..0 # SKIP $(tail -1 "$BUILD/gpu-env.log" | sed 's/^SKIP: //')"
	exit 0
elif [ $rc != 0 ]; then
	tail -3 "$BUILD/gpu-env.log" >&2
	exit 1
fi
. "$BUILD/gpu/env"
export LP_NUM_THREADS=1
LOG=$(mktemp -d)
trap 'rm -rf "$LOG"' EXIT
VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation "$@" 2>"$LOG/err" | tee "$LOG/out"
rc=${PIPESTATUS[0]}
cat "$LOG/err" >&2
if grep -q 'Validation Error' "$LOG/out" "$LOG/err"; then
	echo "# the validation layer objects"
	exit 1
fi
exit "$rc"
