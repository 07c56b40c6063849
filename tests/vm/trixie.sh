#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# trixie.sh COMMAND...: in the test machine (run.py --trixie), as root, runs COMMAND in the root of tests/trixie as it lies
# there: the tree is /moonrill, what was built of it /build, and devices are the machine's. /run/vm is shared with run.py.
set -e
root=$MOONRILL_BUILD/trixie/root
tree=$(cd "$(dirname "$0")/../.." && pwd)
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/vm"
mount --bind /run/vm "$root/run/vm"
mount --bind "$tree" "$root/moonrill"
mount --bind "$MOONRILL_BUILD/trixie/build" "$root/build"
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
	PYTHONPATH=/moonrill/tests/e2e MOONRILL_BUILD=/build "$@"
