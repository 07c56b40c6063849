#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-programs.sh ROOT BIN: builds our own small programs of a live session into BIN, with the libraries of ROOT (""
# is the system itself): a client with known pixels, one that prints its input, one that is a keyboard with a layout,
# and the shims that let the portal's back end work with a compositor or a card that has no GPU.
set -euo pipefail

ROOT=$1
mkdir -p "${2:?usage: live-programs.sh ROOT BIN}" && BIN=$(cd "$2" && pwd)
HERE=$(cd "$(dirname "$0")/.." && pwd)
ARCH=$(cc -print-multiarch 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH)
LIB=$ROOT/usr/lib/$ARCH
[ -z "$ROOT" ] || export LD_LIBRARY_PATH=$LIB
GEN=$BIN/protocol
mkdir -p "$GEN"
# protocol FILE.xml
protocol() {
	local name
	name=$(basename "$1" .xml)
	"$ROOT/usr/bin/wayland-scanner" client-header "$1" "$GEN/$name-client-protocol.h"
	"$ROOT/usr/bin/wayland-scanner" private-code "$1" "$GEN/$name-protocol.c"
}
protocol "$ROOT/usr/share/wayland-protocols/stable/xdg-shell/xdg-shell.xml"
protocol "$HERE/src/input/protocol/virtual-keyboard-unstable-v1.xml"

# program OUT SOURCE... FLAGS...
program() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -I"$GEN" -I"$HERE/src" -I"$ROOT/usr/include" -L"$LIB" -o "$BIN/$1" "${@:2}"
}
cd "$HERE/tests/live"
program wlclient wlclient.c "$HERE/src/capture/pattern_code.c" "$GEN/xdg-shell-protocol.c" -lwayland-client
program wlkeys wlkeys.c "$GEN/xdg-shell-protocol.c" -lwayland-client -lxkbcommon
program wllayout wllayout.c "$GEN/virtual-keyboard-unstable-v1-protocol.c" -lwayland-client -lxkbcommon
program xdpw_shm.so -shared -fPIC xdpw_shm.c -ldl
program primary_node.so -shared -fPIC primary_node.c -ldl
