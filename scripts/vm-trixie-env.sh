#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# vm-trixie-env.sh DIR: the kernel of Debian 13 for the test machine that vm-env.sh has put into $VM_DIR, else into the
# folder "vm" beside DIR (DIR is normally BUILD/vm-trixie): DIR/kernel and DIR/initrd, which tests/vm/run.py boots with
# --trixie. Nothing is installed. The download (100 MB) is kept where trixie-env.sh keeps its own.
# Exit status: 0 ready, 77 cannot be had here (the reason is the last line), 1 failed.
set -euo pipefail

DIR=${1:?usage: vm-trixie-env.sh DIR}
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moonrill-trixie
HERE=$(cd "$(dirname "$0")/.." && pwd)
# Bump when the list of modules or the layout changes.
STAMP=1-$(cksum <"$HERE/tests/vm/init.sh" | tr ' ' -)

# Of newer kernels: timelines of virtio-gpu, dma-bufs made of memory. Fences that a program signals are vgem's.
MODULES="virtio_pci 9pnet_virtio 9p overlay virtio-gpu vgem"
KERNEL_FILES="drivers/(virtio|video/fbdev/core|media/cec)/|drivers/gpu/drm/(virtio/|vgem/|[^/]*$)"
KERNEL_FILES="$KERNEL_FILES|fs/(9p|netfs|fscache|overlayfs)/|net/9p/"

. "$HERE/scripts/packages.sh"
. "$HERE/scripts/vm-kernel.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; then
	exit 0
fi
VM=${VM_DIR:-$(dirname "$DIR")/vm}
BUSYBOX=$VM/initramfs/bin/busybox
[ -x "$BUSYBOX" ] || { echo "there is no test machine in $VM" >&2; exit 1; }
view_of trixie
view_of_nothing_installed
plan() {
	planned_kernel
}
fetch "kernel of trixie" "$KERNEL"
rm -rf "$DIR/root" "$DIR/initramfs" "$DIR/kernel" "$DIR/stamp"
mkdir -p "$DIR/root" "$DIR/initramfs"
unpack_kernel_package "$CACHE/archives/$files"
make_machine "$BUSYBOX" $MODULES
echo "$STAMP" >"$DIR/stamp"
echo "kernel of trixie: Linux $RELEASE, ready in $DIR ($(du -sh "$DIR/root" | cut -f1))"
