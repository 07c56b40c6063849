#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# trixie-env.sh DIR: unpacks a root of Debian 13 (trixie) into DIR/root (DIR is normally BUILD/trixie) and installs
# nothing: a compiler, what moonrill is built from, libei, and newer desktops than this machine's Debian may have.
# Packages come from the mirror that this machine's own apt is configured with; tests/trixie/run.sh runs commands there.
# Downloads are kept in $XDG_CACHE_HOME/moonrill-trixie, so that a second build folder fetches nothing.
# Exit status: 0 ready, 77 cannot be had here (the reason is the last line), 1 failed.
set -euo pipefail

DIR=${1:?usage: trixie-env.sh DIR}
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moonrill-trixie
HERE=$(cd "$(dirname "$0")/.." && pwd)
SUITE=trixie

# What moonrill is built and tested with, less the stock decoder, and what this machine's Debian may lack.
WANT="$("$HERE/scripts/deps.sh" --list | tr ' \n' '\n\n' | grep -v '^ffmpeg$')
	libei-dev libeis-dev
	sway mutter gsettings-desktop-schemas libglib2.0-bin libgl1-mesa-dri libegl-mesa0 xkb-data libgdk-pixbuf-2.0-0
	dbus-daemon dbus-bin pipewire pipewire-bin wireplumber wayland-protocols procps xdg-desktop-portal"
# Bump the number when the layout changes.
STAMP=1-$(echo "$WANT" | cksum | tr ' ' -)

. "$HERE/scripts/packages.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; then
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
	skip "the $SUITE root is put together with apt-get and dpkg"
unshare -Urm mount -t tmpfs tmpfs /mnt 2>/dev/null ||
	skip "commands run in the $SUITE root through user namespaces, which cannot be had here"

view_of "$SUITE"
view_of_nothing_installed
plan() {
	planned '?essential' $WANT
}
fetch "$SUITE root" "$WANT"

# Of documents and translations nothing is needed. base-files brings the links that make one tree of /bin and /usr/bin.
ROOT=$DIR/root
rm -rf "$ROOT" "$DIR/build" "$DIR/stamp"
mkdir -p "$ROOT" "$DIR/build"
unpack() {
	dpkg --fsys-tarfile "$1" | tar -x -C "$ROOT" --keep-directory-symlink --no-same-owner \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
}
for f in $(echo "$files" | grep '^base-files_') $(echo "$files" | grep -v '^base-files_'); do
	unpack "$CACHE/archives/$f"
done

# What the packages' own scripts would have done, as far as it is needed.
cp "$ROOT/usr/share/base-passwd/passwd.master" "$ROOT/etc/passwd"
cp "$ROOT/usr/share/base-passwd/group.master" "$ROOT/etc/group"
echo "live:x:1000:1000:the live tests:/tmp:/bin/sh" >>"$ROOT/etc/passwd"
echo "live:x:1000:" >>"$ROOT/etc/group"
cp "$ROOT/usr/share/libc-bin/nsswitch.conf" "$ROOT/etc/nsswitch.conf"
[ -e "$ROOT/usr/bin/cc" ] || ln -s gcc "$ROOT/usr/bin/cc"
[ -e "$ROOT/usr/bin/awk" ] || ln -s mawk "$ROOT/usr/bin/awk"
mkdir -p "$ROOT/moonrill" "$ROOT/build"
"$HERE/tests/trixie/enter.sh" --writable "$DIR" sh -e -c '
	ldconfig
	lib=$(dirname /usr/lib/*/glib-2.0)
	"$lib/glib-2.0/glib-compile-schemas" /usr/share/glib-2.0/schemas
	"$lib/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders" --update-cache
	"$lib/glib-2.0/gio-querymodules" "$lib/gio/modules"
	dbus-uuidgen --ensure=/etc/machine-id' >"$DIR/setup.log" 2>&1 ||
	{ tail -5 "$DIR/setup.log" >&2; echo "the $SUITE root cannot be set up" >&2; exit 1; }
echo "$STAMP" >"$DIR/stamp"
echo "$SUITE root: ready in $DIR ($(du -sh "$ROOT" | cut -f1))"
