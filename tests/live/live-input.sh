#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-input.sh BUILD_DIR sway|kwin|mutter[:LAYOUT] [TEST...]: what a client sends, as a program in a headless compositor
# receives it: live_input.py inside a private session. Exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-input.sh BUILD_DIR sway|kwin|mutter[:LAYOUT] [TEST...]}" && pwd)
	shift
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build" "$@"
fi
. "$LIVE_LIB"
here=$(dirname "$(readlink -f "$0")")
desktop=${2:?sway, kwin or mutter} locale1=$1/tests/live/locale1
export INPUT_DRIVE=$1/tests/live/input_drive LIVE_DESKTOP=${desktop%:*} PYTHONDONTWRITEBYTECODE=1
LIVE_LAYOUT=${desktop#"$LIVE_DESKTOP"}
LIVE_LAYOUT=${LIVE_LAYOUT#:}
export LIVE_LAYOUT=${LIVE_LAYOUT:-us}
shift 2
case $LIVE_DESKTOP in
sway) start_sway 1280x720 ;;
kwin) start_kwin 1280x720 ;;
mutter) # its layout is the machine's
	export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
	bg locale1 "$locale1" "$LIVE_LAYOUT"
	wait_for 10 has_name org.freedesktop.locale1 || fail "locale1"
	start_mutter 1280x720 800x600
	;;
esac
python3 "$here/live_input.py" "$@"
