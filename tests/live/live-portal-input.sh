#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# live-portal-input.sh BUILD_DIR: input through the real xdg-desktop-portal; the desktop behind it is portal_page.
# Exit status 0, 1, or 77 where no session can be had.
set -u
if [ -z "${LIVE_LIB:-}" ]; then
	build=$(cd "${1:?usage: live-portal-input.sh BUILD_DIR}" && pwd)
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:-$build/live}" "$(readlink -f "$0")" "$build"
fi
. "$LIVE_LIB"
B=$1/tests/live
failed=0
PATH=$PATH:/usr/libexec
export INPUT_TOKEN=$HOME/token

# answers WORD: what a dialog of the desktop's is answered with
answers() {
	start_page "$B/portal_page" RemoteDesktop "$1"
}

# drive: the lines of standard input go to the back end, each after what the desktop must have said first ("LINE # WORDS");
# shown: what serves what, empty where the back end was refused
drive() {
	local line words pid
	rm -f drive.in drive.out
	mkfifo drive.in drive.out
	"$B/input_drive" portal <drive.in >drive.out 2>>drive.log &
	pid=$!
	exec 7>drive.in 8<drive.out
	read -r shown <&8 || shown=
	while [ -n "$shown" ] && IFS='#' read -r line words; do
		[ -z "${words:-}" ] || wait_for 20 grep -q "^${words# }$" page.log
		echo "$line" >&7
	done
	exec 7>&-
	cat <&8 >/dev/null
	exec 8<&-
	wait "$pid"
}

heard() { # heard NAME WORDS...: one line each, in this order, among others
	local name=$1 at=0 found words
	shift
	for words; do
		found=$(tail -n +$((at + 1)) page.log | grep -n -m1 "^$words$" | cut -d: -f1)
		if [ -z "$found" ]; then
			not_ok "$name: no \"$words\""
			sed 's/^/# /' page.log drive.log
			return
		fi
		at=$((at + found))
	done
	echo "ok - $name"
}

is() { # is NAME A B
	[ "$2" = "$3" ] && echo "ok - $1" || not_ok "$1: '$2' is not '$3'"
}

answers yes
bg permission-store xdg-permission-store
bg portal xdg-desktop-portal -v
wait_for_portal RemoteDesktop

drive <<-LINES
	key 41 1 0 # start touch
	key 41 0 0
	text 41 7a
	rel 7 -9
	abs 0.5 0.5
	button 1 1
	button 1 0
	scroll 120
	touch down 4 0.25 0.75
	touch move 4 0.5 0.75
	touch up 4 0.5 0.75
	key 42 1 0
LINES
is "the back end serves keyboard, mouse and touch" "$(grep -o 'portal' <<<"$shown" | wc -l)" 3
heard "a person is asked once" "devices 7, persist 2" "dialog: yes" "start keyboard"
heard "keys, text, pointer and touch arrive" "key 30 1" "key 30 0" "key 42 1" "key 30 1" "key 30 0" "key 42 0" "key 44 1" \
	"key 44 0" "rel 7 -9" "abs 640 360" "button 272 1" "button 272 0" "scroll 0 -120" "down 320 539" "move 640 539" "up"
heard "what is held at the end is let go" "key 48 1" "key 48 0" "eis gone"
wait_for 10 grep -q "session closed" page.log || not_ok "the session is closed"
is "the token is kept, mode 600" "$(stat -c %a "$INPUT_TOKEN")" 600
first=$(cat "$INPUT_TOKEN")

: >page.log
drive <<-LINES
	key 41 1 0 # start touch
	key 41 0 0
LINES
heard "the second time the token is the consent" "devices 7, persist 2, restored" "key 30 1" "key 30 0"
is "and nobody is asked" "$(grep -c dialog page.log)" 0
is "the token stays good" "$([ -s "$INPUT_TOKEN" ] && echo yes)" yes

echo "7 ffffffff-ffff-4fff-bfff-ffffffffffff" >"$INPUT_TOKEN"
: >page.log
drive <<-LINES
	key 41 1 0 # start touch
	key 41 0 0
LINES
heard "with a token that the portal has forgotten a person is asked" "devices 7, persist 2" "dialog: yes" "key 30 1"

echo "7 what-is-no-token" >"$INPUT_TOKEN"
: >page.log
drive <<-LINES
	key 41 1 0 # start touch
	key 41 0 0
LINES
heard "and with one that is none" "devices 7, persist 2" "dialog: yes" "key 30 1"

stop page
answers once
rm "$INPUT_TOKEN"
drive <<-LINES
	key 41 1 0 # start touch
	key 41 0 0
LINES
heard "a consent for this time" "dialog: once" "key 30 1"
is "leaves no token" "$([ -e "$INPUT_TOKEN" ] || echo none)" none

stop page
answers no
drive </dev/null
heard "no is no" "dialog: no" "session closed"
is "no device was made" "$(grep -c "^bind" page.log)" 0

[ $failed = 0 ] && echo "live-portal-input: all passed"
exit $failed
