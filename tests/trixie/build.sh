#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# build.sh COMMAND...: in the trixie root, builds into /build what is run there, or what has changed of it; then COMMAND
set -e
if [ ! -f /build/build.ninja ]; then
	features=
	for f in dbus libei pipewire uinput wayland; do # whatever else is missing, these must be found here
		! grep -q "^option('$f'" /moonrill/meson_options.txt || features="$features -D$f=enabled"
	done
	meson setup /build /moonrill -Dwerror=true $features >/build/setup.log || { cat /build/setup.log; exit 1; }
fi
# The daemon, and the programs of the tests that run here, new ones too.
ninja -C /build build.ninja >/build/ninja.log || { tail -20 /build/ninja.log; exit 1; }
targets=$(ninja -C /build -t targets all | sed -nE 's,^(moonrill|tests/(drivers|hot|live|netlab|unit)/[a-z0-9_/.-]+): c_LINKER$,\1,p')
ninja -C /build -j "${TRIXIE_JOBS:-2}" $targets >/build/ninja.log ||
	{ grep -A20 -E '^FAILED|error:' /build/ninja.log; exit 1; }
exec "$@"
