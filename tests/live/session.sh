#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# session.sh LIVE_DIR SCRIPT [ARG...]: runs SCRIPT (bash) in a private session made of what live-env.sh put into
# LIVE_DIR: its own runtime directory, home and D-Bus, as an ordinary user (sway refuses root, dbus-daemon users
# without a name). Nothing of the caller's own session is seen or touched. SCRIPT sources tests/live/lib.sh.
# With $LIVE_INSTALLED set all is installed where it belongs (a root like that of tests/trixie), and LIVE_DIR gets our own
# programs only.
# Exit status: that of SCRIPT, or 77 with a line "SKIP: why" when such a session cannot be had here.
set -u
mkdir -p "${1:?usage: session.sh LIVE_DIR SCRIPT [ARG...]}" && LIVE=$(cd "$1" && pwd) || exit 1
shift
HERE=$(dirname "$(readlink -f "$0")")
if [ -n "${LIVE_INSTALLED:-}" ]; then
	"$HERE/../../scripts/live-programs.sh" "" "$LIVE/bin" || exit 1
	export LIVE_ROOT= LIVE_BIN=$LIVE/bin PATH=$LIVE/bin:$PATH
else
	"$HERE/../../scripts/live-env.sh" "$LIVE" || exit $?
	. "$LIVE/env"
fi

export XDG_RUNTIME_DIR HOME LIVE_LIB=$HERE/lib.sh
XDG_RUNTIME_DIR=$(mktemp -d /tmp/live.XXXXXX)
HOME=$XDG_RUNTIME_DIR/home
mkdir "$HOME"
chmod 700 "$XDG_RUNTIME_DIR"
unset DISPLAY WAYLAND_DISPLAY PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS XDG_SESSION_TYPE \
	XDG_CONFIG_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_CURRENT_DESKTOP

drop=()
if [ "$(id -u)" = 0 ]; then
	user=${SUDO_UID:-65534}
	getent passwd "$user" >/dev/null || user=65534
	group=$(getent passwd "$user" | cut -d: -f4)
	drop=(setpriv "--reuid=$user" "--regid=$group" --clear-groups)
	chown -R "$user:$group" "$XDG_RUNTIME_DIR"
	if ! "${drop[@]}" test -x "$LIVE_ROOT/usr/bin/sway" || ! "${drop[@]}" test -r "$1"; then
		echo "SKIP: an ordinary user (uid $user) cannot read $LIVE or $1"
		rm -rf "$XDG_RUNTIME_DIR"
		exit 77
	fi
fi

# No service files: what runs on this bus is what the script starts.
cat >"$XDG_RUNTIME_DIR/bus.conf" <<BUS
<busconfig>
	<type>session</type>
	<listen>unix:dir=$XDG_RUNTIME_DIR</listen>
	<auth>EXTERNAL</auth>
	<policy context="default">
		<allow send_destination="*" eavesdrop="true"/>
		<allow eavesdrop="true"/>
		<allow own="*"/>
	</policy>
</busconfig>
BUS
"${drop[@]}" dbus-run-session --config-file="$XDG_RUNTIME_DIR/bus.conf" -- bash "$@" 2> >(grep -v "Failed to set fd limit" >&2)
rc=$?
if [ -n "${LIVE_KEEP:-}" ]; then
	mkdir -p "$LIVE_KEEP"
	cp -r "$XDG_RUNTIME_DIR"/*.log "$LIVE_KEEP"/ 2>/dev/null
fi
rm -rf "$XDG_RUNTIME_DIR"
exit $rc
