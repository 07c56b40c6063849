#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-cast.sh BUILD_DIR [TEST...]: live_cast.py on a screen of the graphics card $CARD, inside session.sh's session; seatd
# runs already. The card is one without a GPU: sway draws with llvmpipe, pictures are "dumb" buffers of the kernel.
set -u
here=$(dirname "$(readlink -f "$0")")
. "$LIVE_LIB"
export MOONRILL_BUILD=$1 READ_PATTERN=$1/tests/tools/read_pattern PYTHONPATH=$here/../e2e PYTHONDONTWRITEBYTECODE=1
gpu=$1/gpu/env
shift
start_pipewire
# Mesa of one version for who draws, who allocates and who converts, before the session's.
session_path=${LD_LIBRARY_PATH:-}
. "$gpu"
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH${session_path:+:$session_path}
# Compiling takes an emulated processor longer than drawing.
export GALLIVM_PERF=nopt LP_NATIVE_VECTOR_WIDTH=128
# Without threads of its own llvmpipe has drawn when it is told to: no fence of a dma-buf would say when it has.
export LP_NUM_THREADS=0
export WLR_BACKENDS=drm WLR_RENDERER=gles2 WLR_RENDERER_ALLOW_SOFTWARE=1 WLR_DRM_DEVICES=$CARD LIBSEAT_BACKEND=seatd
export OUTPUT=Virtual-1 PORTAL_SHIM=primary_node.so PRIMARY_NODE=$CARD
start_sway 320x180
start_portal
LP_NUM_THREADS=1 python3 "$here/live_cast.py" "$@"
