#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-consent.sh BUILD_DIR [TEST...]: the portal's dialog and the daemon: live_consent.py inside a private session whose
# portal asks a script. Exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-consent.sh BUILD_DIR [TEST...]}" && pwd)
	shift
	command -v ffmpeg >/dev/null || { echo "SKIP: ffmpeg is not installed"; exit 77; }
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build" "$@"
fi
. "$LIVE_LIB"
here=$(dirname "$(readlink -f "$0")")
export MOONRILL_BUILD=$1 READ_PATTERN=$1/tests/tools/read_pattern PYTHONPATH=$here/../e2e PYTHONDONTWRITEBYTECODE=1
shift

# The person at the host: $ANSWER holds yes, no, or anything else while there is nobody. Each question is a line in
# $ASKED.
export ANSWER=$XDG_RUNTIME_DIR/answer ASKED=$XDG_RUNTIME_DIR/asked
echo later >"$ANSWER"
: >"$ASKED"
cat >person <<'PERSON'
#!/bin/sh
echo >>"$ASKED"
while :; do
	case $(cat "$ANSWER") in
	yes) echo HEADLESS-1; exit 0 ;;
	no) exit 1 ;;
	esac
	sleep 0.05
done
PERSON
chmod +x person

start_pipewire
start_sway 1280x720
start_portal "chooser_type=simple\nchooser_cmd=$XDG_RUNTIME_DIR/person"
bg client wlclient
python3 "$here/live_consent.py" "$@"
