#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# vm-env.sh DIR: fetches what the test machine needs into DIR (normally BUILD/vm) and installs nothing: QEMU with its
# firmware, Debian's own kernel with its modules, and a static busybox, from the Debian mirrors that this machine's apt
# is configured with. Packages are unpacked to DIR/root; DIR/kernel and DIR/initrd are what tests/vm/run.py boots.
# Downloads are kept in $XDG_CACHE_HOME/moonrill-vm, so that a second build folder fetches nothing.
# Exit status: 0 ready, 77 cannot be had here (the reason is the last line), 1 failed.
set -euo pipefail

DIR=${1:?usage: vm-env.sh DIR}
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moonrill-vm
HERE=$(cd "$(dirname "$0")/.." && pwd)
# Bump when the list of packages, of modules or the layout changes.
STAMP=4-$(cksum <"$HERE/tests/vm/init.sh" | tr ' ' -)

WANT="qemu-system-x86 qemu-system-common qemu-system-data seabios busybox-static udev iproute2"

# Loaded in the guest; what they depend on comes along. What the kernel has built in is passed over.
MODULES="virtio_pci 9pnet_virtio 9p overlay uinput uhid evdev joydev hid-generic hid-playstation hid-nintendo sch_fq
	virtio-gpu"
KERNEL_FILES="drivers/(hid|input|leds|virtio|video/fbdev/core|media/cec)/|drivers/gpu/drm/(virtio/|[^/]*$)"
KERNEL_FILES="$KERNEL_FILES|fs/(9p|netfs|fscache|overlayfs)/|net/(9p|sched)/"

. "$HERE/scripts/packages.sh"
. "$HERE/scripts/vm-kernel.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; then
	exit 0
fi
[ "$(uname -m)" = x86_64 ] || skip "the test machine runs this machine's own programs and is made for x86-64 only"
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
	skip "the test machine is put together with apt-get and dpkg"

plan() {
	planned $WANT && planned_kernel
}
fetch "test machine" "$WANT $KERNEL"
rm -rf "$DIR/root" "$DIR/initramfs" "$DIR/kernel" "$DIR/stamp"
mkdir -p "$DIR/root" "$DIR/initramfs"
for f in $files; do
	case $f in
	linux-image-*) unpack_kernel_package "$CACHE/archives/$f" ;;
	*) dpkg -x "$CACHE/archives/$f" "$DIR/root" ;;
	esac
done
BUSYBOX=$DIR/root/bin/busybox
[ -x "$BUSYBOX" ] || BUSYBOX=$DIR/root/usr/bin/busybox

make_machine "$BUSYBOX" $MODULES

cat >"$DIR/env" <<ENV
# Written by vm-env.sh: where run.py finds the machine's parts.
VM_QEMU='$DIR/root/usr/bin/qemu-system-x86_64'
VM_LIB='$DIR/root/usr/lib/$(uname -m)-linux-gnu:$DIR/root/lib/$(uname -m)-linux-gnu'
VM_FIRMWARE='$DIR/root/usr/share/qemu:$DIR/root/usr/share/seabios'
ENV
. "$DIR/env"
LD_LIBRARY_PATH=$VM_LIB "$VM_QEMU" -version >"$DIR/qemu.log" 2>&1 ||
	{ cat "$DIR/qemu.log"; skip "QEMU from the packages does not start"; }
echo "$STAMP" >"$DIR/stamp"
echo "test machine: $(head -1 "$DIR/qemu.log"), Linux $RELEASE, ready in $DIR ($(du -sh "$DIR/root" | cut -f1))"
