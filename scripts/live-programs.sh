#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-programs.sh ROOT BIN: builds our own small programs of a live session into BIN, with the libraries of ROOT ("" is
# the system itself): a client with known pixels, one that prints its input, and the shim that lets the portal's back end
# work with a compositor that has no GPU.
set -euo pipefail

ROOT=$1
mkdir -p "${2:?usage: live-programs.sh ROOT BIN}" && BIN=$(cd "$2" && pwd)
HERE=$(cd "$(dirname "$0")/.." && pwd)
ARCH=$(cc -print-multiarch 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH)
LIB=$ROOT/usr/lib/$ARCH
[ -z "$ROOT" ] || export LD_LIBRARY_PATH=$LIB
GEN=$BIN/protocol
mkdir -p "$GEN"
XDG_SHELL=$ROOT/usr/share/wayland-protocols/stable/xdg-shell/xdg-shell.xml
"$ROOT/usr/bin/wayland-scanner" client-header "$XDG_SHELL" "$GEN/xdg-shell-client-protocol.h"
"$ROOT/usr/bin/wayland-scanner" private-code "$XDG_SHELL" "$GEN/xdg-shell-protocol.c"

# program OUT SOURCE... FLAGS...
program() {
	cc -std=gnu11 -D_GNU_SOURCE -O2 -I"$GEN" -I"$HERE/src" -I"$ROOT/usr/include" -L"$LIB" -o "$BIN/$1" "${@:2}"
}
program wlclient "$HERE/tests/live/wlclient.c" "$HERE/src/capture/pattern_code.c" "$GEN/xdg-shell-protocol.c" -lwayland-client
program wlkeys "$HERE/tests/live/wlkeys.c" "$GEN/xdg-shell-protocol.c" -lwayland-client -lxkbcommon
program xdpw_shm.so -shared -fPIC "$HERE/tests/live/xdpw_shm.c" -ldl
