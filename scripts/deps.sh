#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs what is missing to build and test on Debian and its children: -dev packages and small tools by name, nothing that
# changes how the machine runs. Does nothing when all is there. --list only prints the names.
set -eu

build="gcc make meson ninja-build pkg-config libc6-dev"
core="libssl-dev libmicrohttpd-dev libgnutls28-dev libenet-dev libopus-dev libjansson-dev libinih-dev"
features="libx264-dev libx265-dev libaom-dev libva-dev libisal-dev libyuv-dev libpipewire-0.3-dev libportal-dev libsystemd-dev
	libevdev-dev libwayland-dev libwayland-bin libxkbcommon-dev libvulkan-dev glslang-tools"
tests="libcmocka-dev python3 ffmpeg iproute2"
all="$build $core $features $tests"

[ "${1:-}" = --list ] && { echo "$all"; exit 0; }

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "deps: not a Debian system; these are needed under your distribution's names: $all" >&2
    exit 0
fi
missing=
for p in $all; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
