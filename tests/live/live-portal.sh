#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-portal.sh BUILD_DIR: the portal source against a real portal over sway, and against what can go wrong there.
# Exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-portal.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests/live
failed=0
check() { "$B/capture_check" --token "$HOME/state/token" "$@" 2>check.log; }
mkdir -p "$HOME/state"

start_pipewire
start_sway 1280x720

# a session, but nobody who shares it
expect "auto without a portal on the bus shows the pattern" "r['source'] == 'pattern' and u['frames'] == 10" \
	"$(check --source auto --frames 10)"
grep -q 'no portal for the screen on the session bus' check.log || not_ok "auto says why"
expect "portal without a portal fails at once" "r['source'] == 'portal' and 'no portal' in r['why']" \
	"$(check --source portal --frames 10)"

start_portal
# the dialog, answered with no
stop portal-wlr
start_portal_backend "chooser_type=simple\nchooser_cmd=false"
expect "a refusal is told, and nothing is shown instead" "r['source'] == 'portal' and 'refused' in r['why']" \
	"$(check --source auto --frames 10 --seconds 20)"
stop portal-wlr
start_portal_backend "chooser_type=none"

# a client with known pixels
bg client wlclient
sleep 0.5
all='u["frames"] >= 60 and u["marks"] == u["frames"]'
expect "the screen arrives with its pixels" "$all and u['pixels_bad'] == 0 and r['source'] == 'portal' and u['gaps'] < 10" \
	"$(check --source auto --frames 90 --pixels quadrants)"
if [ "$(stat -c %a "$HOME/state/token")" = 600 ] && [ -s "$HOME/state/token" ]; then
	echo "ok - the restore token is kept, mode 600"
else
	not_ok "the restore token: $(ls -l "$HOME/state")"
fi
expect "and again with the token" "$all and u['pixels_bad'] == 0" "$(check --source portal --frames 60 --pixels quadrants)"
expect "stopped and started within one portal session" "$all and u['pixels_bad'] == 0" \
	"$(check --source portal --frames 90 --pause --pixels quadrants)"

(sleep 1.5 && sway_resize 1600x900) &
expect "the screen changes its size" "$all and r['sizes'] == [[1280, 720], [1600, 900]] and r['losses'] == 0 and u['pixels_bad'] <= 3" \
	"$(check --source portal --frames 240 --pixels quadrants)"

(sleep 1.5 && stop portal-wlr) &
expect "sharing ended on the host ends the source" "r['losses'] >= 1 and u['frames'] > 30" \
	"$(check --source portal --frames 100000 --seconds 4)"

[ $failed = 0 ] && echo "live-portal: all passed"
exit $failed
