#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Records tests/netlab/sessions anew: each scenario there, once, in the lab. Needed when the closed loop is to decide
# otherwise than it did. The machine should be quiet.
#
# usage: [MOONRILL_BUILD=build] tests/netlab/record_sessions.sh [NAME...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
[ $# -gt 0 ] || set -- random-3 bursts-rfi fall
for name; do
	seconds=$(sed -n 's/^  "seconds": \([0-9]*\).*/\1/p' "$here/sessions/$name.json")
	"$here/netlab.py" --table --seeds 1 --seconds "$seconds" --keep "$kept" "$here/sessions/$name.json" >"$kept/row" || {
		cat "$kept/row"
		echo "$name: not judged well; recorded all the same" >&2
	}
	cat "$kept/$name-1"/*.session >"$here/sessions/$name.session"
done
