#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sound from a real PipeWire session: audio_live.sh AUDIO_LISTEN
# A null sink plays a tone; what the client model hears is checked: pitch by channel, no doubled or skipped piece,
# the grid goes on while the sink is gone and while the daemon is gone, and sound comes back after both.
# Exit status 77: no session can be had here.
set -u
LISTEN=$(readlink -f "${1:?usage: audio_live.sh AUDIO_LISTEN}")
if [ -z "${LIVE_LIB:-}" ]; then
	exec "$(dirname "$0")/session.sh" "${LIVE_DIR:?}" "$(readlink -f "$0")" "$LISTEN"
fi
cd "$XDG_RUNTIME_DIR" || exit 1
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait' EXIT

until_true() { # TRIES COMMAND...
	local n=$1
	shift
	for _ in $(seq "$n"); do
		"$@" >/dev/null 2>&1 && return 0
		sleep .05
	done
	echo "never true: $*"
	return 1
}
has_node() { pw-cli ls Node | grep -q "\"$1\""; }
has_manager() { pw-cli ls Client | grep -q '"WirePlumber"'; }
daemons() {
	pipewire >>pipewire.log 2>&1 &
	pw=$!
	until_true 200 test -S pipewire-0 || return 1
	wireplumber >>wireplumber.log 2>&1 &
	wp=$!
	pids+=("$pw" "$wp")
	until_true 200 has_manager || return 1
	# Cycles of 21 ms: on a machine busy with other tests the player would miss shorter ones, and what it misses
	# nobody can capture.
	cycle 1024
}
cycle() { pw-metadata -n settings 0 clock.force-quantum "$1" >/dev/null; }
sink() {
	pw-cli create-node adapter "{ factory.name=support.null-audio-sink node.name=stream-sink
		media.class=Audio/Sink object.linger=true audio.position=[FL FR] }" >/dev/null
	until_true 200 has_node stream-sink
}
play() {
	pw-play --target stream-sink tone.wav >>play.log 2>&1 &
	player=$!
	pids+=("$player")
}
replay() { # at another cycle: the player itself does not survive a change
	kill "$player"
	wait "$player" 2>/dev/null
	cycle "$1"
	play
}

python3 - <<'P'
import array, math, wave
w = wave.open("tone.wav", "wb")
w.setnchannels(2); w.setsampwidth(2); w.setframerate(48000)
a = array.array("h")
for i in range(48000):
    a.append(round(16000 * math.sin(2 * math.pi * 440 * i / 48000)))
    a.append(round(8000 * math.sin(2 * math.pi * 880 * i / 48000)))
for _ in range(60):
    w.writeframes(a.tobytes())
P

fail=0
check() { # FILE NAME EXPRESSION over rows
	python3 - "$@" <<'P' || fail=1
import json, sys
rows = [json.loads(x) for x in open(sys.argv[1])]
ok = bool(eval(sys.argv[3]))
print(("ok   " if ok else "FAIL ") + sys.argv[2])
if not ok:
    print(*rows, sep="\n")
sys.exit(not ok)
P
}
# A second of the tone as it was played. Other processes may have held up a single one, never most of them.
STEADY='(r["sounding"] and abs(r["left"] - .488) < .03 and abs(r["right"] - .244) < .02 and r["other"] < .02)'
MOST='sum(bool(x) for x in l) * 2 > len(l)'
most() { echo "(lambda l: ${MOST})([$1])"; }

# 1. No daemon at all: the stream is silent and even.
"$LISTEN" 2 >none.json 2>none.log
check none.json "without a daemon: silence" 'len(rows) == 2 and all(r["left"] < .001 for r in rows)'
[ "$(grep -c 'no sound from PipeWire' none.log)" = 1 ] || { echo "FAIL said once"; cat none.log; fail=1; }

# 2. A tone, 5.1 from a stereo sink and stereo.
daemons && sink || exit 1
play
sleep 1
"$LISTEN" 6 2 stream-sink >tone.json 2>tone.log
check tone.json "stereo: the tone is there, each side its own" "$(most "$STEADY for r in rows[1:]")"
check tone.json "stereo: nothing doubled or skipped" "$(most 'r["turns"] < .005 for r in rows[1:]')"
"$LISTEN" 3 6 stream-sink >surround.json 2>surround.log
check surround.json "5.1 from a stereo sink" "$(most 'r["sounding"] and r["left"] > .2 and r["other"] < .02 for r in rows[1:]')"
"$LISTEN" 4 2 >default.json 2>default.log
check default.json "the default sink" "$(most "$STEADY for r in rows[1:]")"
replay 0
"$LISTEN" 4 2 stream-sink >short.json 2>short.log
check short.json "with the cycles we ask for" 'len(rows) == 4 and any(r["sounding"] and r["left"] > .1 for r in rows)'
replay 1024

# 3. The sink goes away and comes back, then the daemon does.
"$LISTEN" 24 2 stream-sink >gone.json 2>gone.log &
l=$!
pids+=("$l")
sleep 3
id=$(pw-cli ls Node | awk '/^\tid/ {sub(",", "", $2); id = $2} /"stream-sink"/ {print id}')
kill "$player"
pw-cli destroy "$id" >/dev/null
sleep 3
sink && play
sleep 5
kill "$wp" "$pw"
wait "$wp" "$pw" 2>/dev/null
sleep 2
daemons && sink && play
wait "$l" || { echo "FAIL the listener ended badly"; fail=1; }
check gone.json "the grid went on throughout" 'len(rows) == 24'
check gone.json "sound before" "any($STEADY for r in rows[1:3])"
check gone.json "silence while the sink was gone" 'any(r["left"] < .001 for r in rows[3:7])'
check gone.json "sound after the sink came back" "any($STEADY for r in rows[6:12])"
check gone.json "silence while the daemon was gone" 'any(r["left"] < .001 for r in rows[10:16])'
check gone.json "sound after the daemon came back" "any($STEADY for r in rows[-4:])"
cat gone.log
[ "$fail" = 0 ] || tail -n 5 ./*.log
exit "$fail"
