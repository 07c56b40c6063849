#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
. "$LIVE_LIB"
glib-compile-schemas --targetdir="$XDG_RUNTIME_DIR" "$LIVE_ROOT/usr/share/glib-2.0/schemas" 2>schemas.log || fail "GSettings schemas"
export GSETTINGS_SCHEMA_DIR=$XDG_RUNTIME_DIR GSETTINGS_BACKEND=memory
lib=$(dirname "$LIVE_ROOT"/usr/lib/*/mutter-*)
export LIBGL_DRIVERS_PATH=$lib/dri __EGL_VENDOR_LIBRARY_DIRS=$LIVE_ROOT/usr/share/glvnd/egl_vendor.d GBM_BACKENDS_PATH=$lib/gbm
export LIBGL_ALWAYS_SOFTWARE=1 XDG_SESSION_TYPE=wayland XDG_CURRENT_DESKTOP=GNOME
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$(echo "$lib"/mutter-*)
start_pipewire
bg mutter mutter --headless --wayland --no-x11 --wayland-display=wl-test --virtual-monitor 1280x720 --mutter-plugin="$(echo "$lib"/mutter-*/plugins/libdefault.so)"
wait_for 15 test -S wl-test || fail "mutter"
wait_for 15 has_name org.gnome.Mutter.RemoteDesktop || fail "RemoteDesktop"
echo "ok - mutter is up"
cat mutter.log
export WAYLAND_DISPLAY=wl-test
bg wlkeys wlkeys
wait_for 10 grep -q ready wlkeys.log
sleep 0.5
{ sleep 0.7; echo 'key 41 1 0'; echo 'key 41 0 0';  echo 'abs 0.5 0.5'; sleep 0.2; echo 'abs 1 1'; echo 'rel -10 -10';echo 'button 1 1'; echo 'button 1 0'; echo 'scroll 120'; echo 'scroll 60'; echo 'hscroll -120'; echo 'text 7e 40 7b 41 61 416'; sleep 0.5; } | /tmp/input_drive mutter
cat wlkeys.log
tail -3 mutter.log
