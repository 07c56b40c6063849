#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# build.sh COMMAND...: in the trixie root, builds the tree into /build, or what has changed of it, then runs COMMAND
set -e
if [ ! -f /build/build.ninja ]; then
	features=
	for f in dbus libei pipewire uinput wayland; do # whatever else is missing, these must be found here
		! grep -q "^option('$f'" /moonrill/meson_options.txt || features="$features -D$f=enabled"
	done
	meson setup /build /moonrill -Dwerror=true $features >/build/setup.log || { cat /build/setup.log; exit 1; }
fi
ninja -C /build -j "${TRIXIE_JOBS:-2}" >/build/ninja.log || { grep -A20 -E '^FAILED|error:' /build/ninja.log; exit 1; }
exec "$@"
