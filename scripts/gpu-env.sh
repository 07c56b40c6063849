#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# gpu-env.sh DIR: fetches what the tests of src/gpu need on a machine without GPU into DIR (normally BUILD/gpu) and
# installs nothing: Mesa's Vulkan driver for the CPU (lavapipe, new enough to import memory as a dma-buf), Khronos'
# validation layer, and Mesa's OpenGL of that version, with which a compositor draws on the test machine's card (tests/vm).
# Packages come from the mirrors that this machine's own apt is configured with, on Debian 12 also from its backports.
# DIR/env is the shell file that tests/gpu/run.sh sources to run with them.
# Downloads are kept in $XDG_CACHE_HOME/moonrill-gpu, so that a second build folder fetches nothing.
# Exit status: 0 ready, 77 cannot be had here (the reason is the last line), 1 failed.
set -euo pipefail

DIR=${1:?usage: gpu-env.sh DIR}
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/moonrill-gpu
HERE=$(cd "$(dirname "$0")/.." && pwd)
# Bump when the list of packages or the layout changes.
STAMP=2

WANT="mesa-vulkan-drivers vulkan-validationlayers libgl1-mesa-dri libegl-mesa0 libgbm1"

. "$HERE/scripts/packages.sh"

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
ready() { [ "$(cat "$DIR/stamp" 2>/dev/null)" = "$STAMP" ]; }
if ready || { alone && ready; }; then
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "the driver is unpacked with apt-get and dpkg"

# Debian 12 has Mesa 22.3; its backports have what Debian 13 has.
SUITE=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
if [ "$SUITE" = bookworm ]; then
	view_of "$SUITE" "$SUITE-backports"
	APT_VIEW+=(-o APT::Default-Release="$SUITE-backports")
fi
plan() {
	planned $WANT
}
fetch "gpu" "$WANT"

rm -rf "$DIR/root" "$DIR/stamp"
mkdir -p "$DIR/root"
for f in $files; do
	dpkg -x "$CACHE/archives/$f" "$DIR/root"
done

# The manifests name their libraries for the place where they would be installed.
ARCH=$(cc -print-multiarch 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH)
LIB=$DIR/root/usr/lib/$ARCH
manifest() {
	local json
	json=$(find "$DIR/root/usr/share/vulkan" -name "$1" | head -1)
	[ -n "$json" ] || skip "no $1 among the packages"
	mkdir -p "$DIR/$3"
	sed -E "s|(\"library_path\": *\")[^\"]*|\\1$LIB/$2|" "$json" >"$DIR/$3/${json##*/}"
}
manifest 'lvp_icd*.json' libvulkan_lvp.so icd
manifest 'VkLayer_khronos_validation.json' libVkLayer_khronos_validation.so layer

cat >"$DIR/env" <<ENV
# Written by gpu-env.sh. Mesa, for Vulkan, OpenGL, GBM and EGL, and the layer; everything else is the machine's own.
export VK_DRIVER_FILES='$(ls "$DIR"/icd/*.json)'
export VK_ICD_FILENAMES="\$VK_DRIVER_FILES"
export VK_LAYER_PATH='$DIR/layer'
export LIBGL_DRIVERS_PATH='$LIB/dri' GBM_BACKENDS_PATH='$LIB/gbm' __EGL_VENDOR_LIBRARY_DIRS='$DIR/root/usr/share/glvnd/egl_vendor.d'
export LD_LIBRARY_PATH='$LIB:$DIR/root/lib/$ARCH'
ENV
echo "$STAMP" >"$DIR/stamp"
echo "gpu: ready in $DIR ($(du -sh "$DIR/root" | cut -f1))"
