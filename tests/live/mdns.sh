#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The announcement against a real avahi-daemon on a private bus in a private network: name, port and TXT, a name that is
# taken, Avahi absent at first, restarted, and gone again.
#   mdns.sh PROGRAM     PROGRAM announce NAME PORT is run (build/tests/unit/test_http_mdns)
# Exit 77: what it needs is not here (root, avahi-daemon, avahi-browse, dbus-run-session, unshare, ip).
set -u
program=$(realpath "${1:?usage: mdns.sh PROGRAM}")
if [ -n "${LIVE_DIR:-}" ]; then
	"$(dirname "$0")/../../scripts/live-env.sh" "$LIVE_DIR" || exit $?
	. "$LIVE_DIR/env"
fi
for tool in avahi-daemon avahi-browse avahi-publish-service dbus-run-session unshare ip; do
	command -v $tool > /dev/null || { echo "no $tool"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
if [ -z "${MDNS_INSIDE:-}" ]; then
	MDNS_INSIDE=1 exec unshare -nm dbus-run-session -- bash "$0" "$program"
fi
export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
dir=$(mktemp -d)
mkdir -p /run/avahi-daemon
mount -t tmpfs none /run/avahi-daemon
# The daemon asks for its user and group even when it stays root; a machine that never had the package has neither.
for names in passwd group; do
	grep -q '^avahi:' /etc/$names && continue
	cp /etc/$names $dir/$names
	[ $names = passwd ] && rest=:65533::/:/usr/sbin/nologin || rest=:
	echo "avahi:x:65533$rest" >> $dir/$names
	mount --bind $dir/$names /etc/$names
done
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 10.88.0.1/24 dev d0
ip link set d0 up multicast on
ip link set d1 up
failed=0 pids=
trap 'kill $pids 2> /dev/null; rm -rf "$dir"' EXIT

check() { # TEXT COMMAND...
	local text=$1
	shift
	if "$@"; then echo "ok - $text"; else echo "not ok - $text"; failed=1; fi
}
start_avahi() {
	: > $dir/avahi.log
	avahi-daemon -f "${LIVE_ROOT:-}/etc/avahi/avahi-daemon.conf" --no-drop-root --no-chroot --no-rlimits > $dir/avahi.log 2>&1 &
	avahi=$!
	pids="$pids $avahi"
	for _ in $(seq 100); do grep -q 'startup complete' $dir/avahi.log && return; sleep .1; done
}
log_has() { # TEXT, within 20 s
	for _ in $(seq 200); do grep -q "$1" $dir/log && return 0; sleep .1; done
	return 1
}
browse_has() { timeout 10 avahi-browse -rpt _nvstream._tcp > $dir/browse 2>&1; grep -q "$1" $dir/browse; }

"$program" announce "test host" 47123 > $dir/log 2>&1 &
ours=$!
pids="$pids $ours"
check "without Avahi there is one warning" log_has 'Avahi does not answer'
sleep 1
check "and only one" [ "$(grep -c 'Avahi does not answer' $dir/log)" = 1 ]
start_avahi
check "announced when Avahi comes" log_has 'announced as "test-host" on port 47123'
check "a browser resolves name and port" browse_has '^=;.*;test-host;_nvstream._tcp;local;.*;10.88.0.1;47123;'
cat $dir/browse
txt() { # the bytes of the TXT record, by a plain query
	python3 - << 'END'
import socket, struct
name = b''.join(bytes([len(p)]) + p for p in (b'test-host', b'_nvstream', b'_tcp', b'local')) + b'\0'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.88.0.1'))
s.settimeout(10)
s.sendto(struct.pack('>6H', 1, 0, 1, 0, 0, 0) + name + struct.pack('>2H', 16, 1), ('224.0.0.251', 5353))
d = s.recv(2000)
at = d.rindex(struct.pack('>2H', 16, 1)) if d.count(struct.pack('>2H', 16, 1)) else d.rindex(struct.pack('>2H', 16, 0x8001))
n = struct.unpack('>H', d[at + 8:at + 10])[0]
print(d[at + 10:at + 10 + n].hex())
END
}
check "TXT is one empty string" [ "$(txt)" = 00 ]

kill $avahi; wait $avahi 2> /dev/null
: > $dir/log
start_avahi
check "announced again after Avahi restarts" log_has 'announced as "test-host"'

kill $ours; wait $ours 2> /dev/null
withdrawn() { # a farewell lives on for a second in the caches
	for _ in 1 2 3 4 5; do
		browse_has test-host || return 0
		sleep 1
	done
	return 1
}
check "withdrawn at exit" withdrawn

avahi-publish-service "test-host" _nvstream._tcp 1 > /dev/null 2>&1 &
pids="$pids $!"
sleep 3
"$program" announce "test host" 47123 > $dir/log 2>&1 &
ours=$!
pids="$pids $ours"
check "a taken name is changed" log_has 'announced as "test-host #2"'
cpu() { awk '{print $14 + $15}' /proc/$ours/stat; }
before=$(cpu); switches=$(awk '/^voluntary/{print $2}' /proc/$ours/status)
sleep 5
check "no CPU while nothing happens" [ "$(($(cpu) - before))" -le 1 ]
after=$(awk '/^voluntary/{print $2}' /proc/$ours/status)
echo "# $((after - switches)) wake-ups in 5 s"
check "and no polling" [ "$((after - switches))" -le 2 ]
[ $failed = 0 ] || cat $dir/log $dir/avahi.log
exit $failed
