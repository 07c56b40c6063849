#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-env.sh DIR: fetches what the live tests need into DIR (normally BUILD/live) and installs nothing: a compositor,
# portals, PipeWire and a session manager, from the Debian mirrors that this machine's own apt is configured with.
# Packages are unpacked to DIR/root; DIR/env is the shell file that tests/live/session.sh sources to run from there.
# Downloads are kept in $XDG_CACHE_HOME/moonrill-live, so that a second build folder fetches nothing.
# Exit status: 0 ready, 77 cannot be had here (the reason is the last line), 1 failed.
set -euo pipefail

DIR=${1:?usage: live-env.sh DIR}
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moonrill-live
HERE=$(cd "$(dirname "$0")/.." && pwd)
# Bump when the list of packages, the layout or one of our own programs changes.
STAMP=17

# The programs, and the libraries that find their own modules by path: these must lie in one root, so they are taken
# even where the machine has them.
WANT="sway xdg-desktop-portal xdg-desktop-portal-wlr pipewire pipewire-bin wireplumber dbus-daemon dbus-bin
	avahi-daemon avahi-utils iproute2 seatd
	kwin-wayland mutter gsettings-desktop-schemas libglib2.0-bin libgl1-mesa-dri libegl-mesa0 libegl1 libgbm1
	libwayland-dev libwayland-bin wayland-protocols xkb-data libxkbcommon-dev libxkbcommon0
	libwayland-client0 libwayland-cursor0 libwayland-egl1 libwayland-server0
	libpipewire-0.3-0 libpipewire-0.3-common libpipewire-0.3-modules libspa-0.2-modules"

. "$HERE/scripts/packages.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
ready() { [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; }
if ready || { alone && ready; }; then
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "the live session is put together with apt-get and dpkg"
command -v cc >/dev/null || skip "no C compiler"

# WirePlumber's own library has a version in its name and modules beside it.
plan() {
	planned $WANT $(apt_private apt-cache depends wireplumber 2>/dev/null | awk '/Depends: libwireplumber/ { print $2 }')
}
fetch "live session" "$WANT"
rm -rf "$DIR/root" "$DIR/stamp"
mkdir -p "$DIR/root"
for f in $files; do
	dpkg -x "$CACHE/archives/$f" "$DIR/root"
done

"$HERE/scripts/live-programs.sh" "$DIR/root" "$DIR/bin"
ARCH=$(cc -print-multiarch 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH)
LIB=$DIR/root/usr/lib/$ARCH

cat >"$DIR/env" <<ENV
# Written by live-env.sh. Programs and modules of the live session; everything else is the machine's own.
export LIVE_ROOT='$DIR/root' LIVE_BIN='$DIR/bin'
export LD_LIBRARY_PATH='$LIB:$DIR/root/lib/$ARCH'
export PATH="$DIR/bin:$DIR/root/usr/bin:$DIR/root/usr/sbin:$DIR/root/usr/libexec:\$PATH"
export PIPEWIRE_CONFIG_DIR='$DIR/root/usr/share/pipewire' PIPEWIRE_MODULE_DIR='$LIB/pipewire-0.3'
export SPA_PLUGIN_DIR='$LIB/spa-0.2' SPA_DATA_DIR='$DIR/root/usr/share/spa-0.2'
export WIREPLUMBER_DATA_DIR='$DIR/root/usr/share/wireplumber'
export WIREPLUMBER_CONFIG_DIR='$DIR/root/usr/share/wireplumber'
export WIREPLUMBER_MODULE_DIR='$(ls -d "$LIB"/wireplumber-0.* | head -1)'
export XKB_CONFIG_ROOT='$DIR/root/usr/share/X11/xkb'
export XDG_DESKTOP_PORTAL_DIR='$DIR/root/usr/share/xdg-desktop-portal/portals'
export XDG_DATA_DIRS='$DIR/root/usr/share:/usr/local/share:/usr/share'
ENV
echo "$STAMP" >"$DIR/stamp"
echo "live session: ready in $DIR ($(du -sh "$DIR/root" | cut -f1))"
