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
KERNEL=linux-image-amd64 # not the cloud one: that has no input devices

# Loaded in the guest; what they depend on comes along. What the kernel has built in is passed over.
MODULES="virtio_pci 9pnet_virtio 9p overlay uinput uhid evdev joydev hid-generic hid-playstation hid-nintendo sch_fq
	virtio-gpu"
KERNEL_FILES="drivers/(hid|input|leds|virtio|video/fbdev/core|media/cec)/|drivers/gpu/drm/(virtio/|[^/]*$)"
KERNEL_FILES="$KERNEL_FILES|fs/(9p|netfs|fscache|overlayfs)/|net/(9p|sched)/"

. "$HERE/scripts/packages.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; then
	exit 0
fi
[ "$(uname -m)" = x86_64 ] || skip "the test machine runs this machine's own programs and is made for x86-64 only"
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
	skip "the test machine is put together with apt-get and dpkg"

# The kernel alone, without what it asks for: tools that write boot loaders.
plan() {
	local kernel
	kernel=$(apt_private apt-cache depends "$KERNEL" 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
	[ -n "$kernel" ] || return 1
	planned $WANT && apt_private apt-get --print-uris -qq download "$kernel" 2>/dev/null
}
fetch "test machine" "$WANT $KERNEL"
rm -rf "$DIR/root" "$DIR/initramfs" "$DIR/kernel" "$DIR/stamp"
mkdir -p "$DIR/root" "$DIR/initramfs"
for f in $files; do
	case $f in
	linux-image-*) # of 400 MB of modules a few folders are needed
		deb=$CACHE/archives/$f
		dpkg --fsys-tarfile "$deb" | tar -t |
			grep -E "/boot/vmlinuz-|/modules/[^/]*/modules\.|/kernel/($KERNEL_FILES)" >"$DIR/kernel-files"
		dpkg --fsys-tarfile "$deb" | tar -x -C "$DIR/root" --no-recursion -T "$DIR/kernel-files"
		;;
	*) dpkg -x "$CACHE/archives/$f" "$DIR/root" ;;
	esac
done
BUSYBOX=$DIR/root/bin/busybox
[ -x "$BUSYBOX" ] || BUSYBOX=$DIR/root/usr/bin/busybox

# unpack_kernel IMAGE OUT: the kernel itself out of its compressed image, by the fields of the x86 boot protocol. An
# emulated processor needs 5 s to unpack it, so this halves the time to boot; what cannot be read is booted as it is.
unpack_kernel() {
	local setup offset length
	field() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
	setup=$(field "$1" $((0x1f1)) 1)
	offset=$(field "$1" $((0x248)) 4)
	length=$(field "$1" $((0x24c)) 4)
	# The payload ends with its unpacked size, 4 bytes that no unpacker knows.
	tail -c +$(((setup + 1) * 512 + offset + 1)) "$1" | head -c $((length - 4)) >"$2.packed" || true
	if ! { xz -dc "$2.packed" || zstd -qdc "$2.packed" || gzip -dc "$2.packed"; } >"$2" 2>/dev/null; then
		cp "$1" "$2"
	fi
	rm "$2.packed"
}

# The initial RAM disk: busybox, init.sh as /init, and the modules in the order they are to be loaded.
RELEASE=$(basename "$(ls -d "$DIR"/root/lib/modules/* "$DIR"/root/usr/lib/modules/* 2>/dev/null | head -1)")
TREE=$(dirname "$(find "$DIR/root" -path "*/modules/$RELEASE/kernel" -type d)")
unpack_kernel "$(find "$DIR/root/boot" -name "vmlinuz-$RELEASE")" "$DIR/kernel"
cd "$DIR/initramfs"
mkdir -p bin dev proc sys lower upper root modules
cp "$BUSYBOX" bin/busybox
install -m 755 "$HERE/tests/vm/init.sh" init

# load NAME: adds it to the list, behind what it needs. In names of modules - and _ are alike.
load() {
	local pattern=${1//[-_]/[-_]} file name need
	file=$(find "$TREE/kernel" -name "$pattern.ko*" | head -1)
	if [ -z "$file" ]; then
		grep -q "/$pattern\.ko" "$TREE/modules.builtin" && return
		echo "the kernel $RELEASE has no module $1" >&2
		exit 1
	fi
	name=${file##*/}
	name=${name%%.ko*}
	[ ! -e "modules/$name.ko" ] || return 0
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -qdc "$file" ;;
	*) cat "$file" ;;
	esac >"modules/$name.ko"
	for need in $(tr '\0' '\n' <"modules/$name.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
		load "$need"
	done
	echo "$name" >>modules/order
}
for m in $MODULES; do
	load "$m"
done
find . | "$BUSYBOX" cpio -o -H newc 2>/dev/null | gzip -1 >"$DIR/initrd"

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
