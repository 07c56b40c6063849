#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# enter.sh [--writable] DIR COMMAND...: runs COMMAND in the root that trixie-env.sh put into DIR, as root of a user
# namespace, who has no more rights than the caller. The source tree is /moonrill, read only as the root itself is
# unless it is being set up; DIR/build is /build, /tmp and /run are empty, /dev has no devices.
set -u
writable=
[ "${1:-}" != --writable ] || { writable=1; shift; }
if [ -z "${TRIXIE_INSIDE:-}" ]; then
	TRIXIE_INSIDE=1 TRIXIE_WRITABLE=$writable TRIXIE_SOURCE=$(cd "$(dirname "$0")/../.." && pwd) \
		exec unshare --user --map-root-user --mount --propagation private "$(readlink -f "$0")" "$@"
fi
set -e
DIR=$(cd "$1" && pwd)
shift
root=$DIR/root
mount --bind "$root" "$root"
mount --bind "$TRIXIE_SOURCE" "$root/moonrill"
mount -o remount,bind,ro "$root/moonrill"
mount --bind "$DIR/build" "$root/build"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
[ -n "$TRIXIE_WRITABLE" ] || mount -o remount,bind,ro "$root"
cd "$root"
pivot_root . .
umount -l .
cd /
exec env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 "$@"
