# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by scripts that session.sh runs: starts the parts of a session. Each part logs to $XDG_RUNTIME_DIR/PART.log
# (session.sh copies them to $LIVE_KEEP when that is set) and ends with the script.
cd "$XDG_RUNTIME_DIR" || exit 1
pids=()

cleanup() {
	local i
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null
	done
	for ((i = 0; i < 30 && ${#pids[@]}; i++)); do
		kill -0 "${pids[@]}" 2>/dev/null || break
		sleep 0.1
	done
	[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
}
trap cleanup EXIT

# bg NAME COMMAND...: in the background; its process id in $LAST
bg() {
	local name=$1
	shift
	"$@" >>"$name.log" 2>&1 &
	LAST=$!
	pids+=("$LAST")
	echo "$LAST" >"$name.pid"
}

# stop NAME: ends what bg started, and waits for it
stop() {
	local pid i
	pid=$(cat "$1.pid")
	kill "$pid" 2>/dev/null
	for ((i = 0; i < 50; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local seconds=$1 i
	shift
	for ((i = 0; i < seconds * 20; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	echo "timed out: $*" >&2
	return 1
}

fail() {
	echo "FAILED: $*"
	for log in *.log; do
		sed "s/^/$log: /" "$log" | tail -n 12
	done
	exit 1
}

not_ok() {
	echo "not ok - $*"
	failed=1
}

# expect NAME CONDITION OUTPUT: CONDITION is Python over r, the JSON report OUTPUT, and u, its first user if it has any
expect() {
	if [ -e check.log ] && grep -q "Sanitizer" check.log; then
		not_ok "$1: $(grep -A30 -m1 Sanitizer check.log)"
	elif python3 -c 'import json, sys
r = json.loads(sys.argv[2])
u = (r.get("users") or [{}])[0]
sys.exit(not eval(sys.argv[1]))' "$2" "$3" 2>/dev/null; then
		echo "ok - $1"
	else
		not_ok "$1: $3"
		[ -e check.log ] && tail -n 5 check.log | sed 's/^/# /'
	fi
}

has_name() {
	dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$1" |
		grep -q "boolean true"
}

# PipeWire and its session manager
start_pipewire() {
	bg pipewire pipewire
	wait_for 60 test -S pipewire-0 || fail "pipewire"
	bg wireplumber wireplumber
	wait_for 60 sh -c 'pw-cli ls Client | grep -qi wireplumber' || fail "wireplumber"
}

# start_sink NAME [POSITIONS]: a sink without a device, whose monitor can be recorded
start_sink() {
	pw-cli create-node adapter "{ factory.name=support.null-audio-sink node.name=$1 media.class=Audio/Sink object.linger=true audio.position=[${2:-FL FR}] monitor.channel-volumes=true }" >/dev/null
	wait_for 5 sh -c "pw-cli ls Node | grep -q '\"$1\"'" || fail "sink $1"
}

# start_sway WIDTHxHEIGHT: without GPU or input devices, one output HEADLESS-1, unless the caller has chosen a card and
# set OUTPUT, and wlroots' own variables
OUTPUT=${OUTPUT:-HEADLESS-1}
start_sway() {
	cat >sway.conf <<-SWAY
		output $OUTPUT mode --custom $1@60Hz
		output * bg #203040 solid_color
		default_border none
		default_floating_border none
		for_window [app_id=".*"] fullscreen enable
		seat * hide_cursor 100
	SWAY
	export WLR_BACKENDS=${WLR_BACKENDS:-headless} WLR_RENDERER=${WLR_RENDERER:-pixman} WLR_LIBINPUT_NO_DEVICES=1 \
		XDG_CURRENT_DESKTOP=sway XDG_SESSION_TYPE=wayland
	bg sway sway -c sway.conf
	wait_for 60 sh -c 'ls wayland-? sway-ipc.*.sock' || fail "sway"
	WAYLAND_DISPLAY=$(basename "$(ls -d wayland-? | head -1)")
	SWAYSOCK=$(ls "$XDG_RUNTIME_DIR"/sway-ipc.*.sock)
	export WAYLAND_DISPLAY SWAYSOCK
	wait_for 30 swaymsg -t get_outputs || fail "swaymsg"
}

# start_mutter WIDTHxHEIGHT...: GNOME's compositor without its shell, a virtual monitor each, drawn in software
start_mutter() {
	local lib
	local -a monitors=("${@/#/--virtual-monitor=}")
	lib=$(dirname "$LIVE_ROOT"/usr/lib/*/mutter-*)
	glib-compile-schemas --targetdir=. "$LIVE_ROOT/usr/share/glib-2.0/schemas" >schemas.log 2>&1 || fail "schemas"
	export GSETTINGS_SCHEMA_DIR=$XDG_RUNTIME_DIR GSETTINGS_BACKEND=memory LIBGL_ALWAYS_SOFTWARE=1 \
		LIBGL_DRIVERS_PATH=$lib/dri __EGL_VENDOR_LIBRARY_DIRS=$LIVE_ROOT/usr/share/glvnd/egl_vendor.d \
		LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(echo "$lib"/mutter-*) XDG_SESSION_TYPE=wayland XDG_CURRENT_DESKTOP=GNOME
	start_pipewire
	bg mutter mutter --headless --wayland --no-x11 --wayland-display=wl-live "${monitors[@]}" \
		--mutter-plugin="$(echo "$lib"/mutter-*/plugins/libdefault.so)"
	wait_for 15 test -S wl-live || fail "mutter"
	export WAYLAND_DISPLAY=wl-live
	wait_for 15 has_name org.gnome.Mutter.RemoteDesktop || fail "mutter's RemoteDesktop"
}

# start_kwin WIDTHxHEIGHT: KDE's compositor without its desktop, two virtual screens side by side, drawn in software
start_kwin() {
	local lib
	lib=$(echo "$LIVE_ROOT"/usr/lib/*/qt5)
	export QT_PLUGIN_PATH=$lib/plugins QML2_IMPORT_PATH=$lib/qml KWIN_COMPOSE=Q KWIN_WAYLAND_NO_PERMISSION_CHECKS=1 \
		XDG_CURRENT_DESKTOP=KDE XDG_SESSION_TYPE=wayland
	bg kwin kwin_wayland --virtual --width "${1%x*}" --height "${1#*x}" --output-count 2 --socket wl-live \
		--no-lockscreen --no-global-shortcuts
	wait_for 20 test -S wl-live || fail "kwin"
	wait_for 20 has_name org.kde.KWin || fail "kwin's workspace" # a window from before it is never seen
	sleep 1
	export WAYLAND_DISPLAY=wl-live
}

sway_resize() {
	swaymsg "output HEADLESS-1 mode --custom $1@60Hz" >/dev/null || fail "resize to $1"
}

# start_portal_backend OPTIONS: what the portal asks and who fetches the pictures; OPTIONS as in its configuration.
# PORTAL_SHIM: what is preloaded into it (live-programs.sh)
start_portal_backend() {
	mkdir -p "$HOME/.config/xdg-desktop-portal-wlr"
	printf "[screencast]\noutput_name=$OUTPUT\nmax_fps=0\n$1\n" >"$HOME/.config/xdg-desktop-portal-wlr/config"
	bg portal-wlr env LD_PRELOAD="$LIVE_BIN/${PORTAL_SHIM:-xdpw_shm.so}" xdg-desktop-portal-wlr -l INFO
	wait_for 60 has_name org.freedesktop.impl.portal.desktop.wlr || fail "xdg-desktop-portal-wlr"
}

# wait_for_portal INTERFACE: the real portal serves it
wait_for_portal() {
	wait_for 60 dbus-send --session --print-reply --dest=org.freedesktop.portal.Desktop /org/freedesktop/portal/desktop \
		org.freedesktop.DBus.Properties.Get "string:org.freedesktop.portal.$1" string:version || fail "xdg-desktop-portal"
}

# start_page PROGRAM INTERFACE ARGUMENT...: a desktop of our own (page.h) for the real portal, which is yet to be started
start_page() {
	local program=$1
	mkdir -p portals
	cat >portals/page.portal <<-PORTAL
		[portal]
		DBusName=org.freedesktop.impl.portal.desktop.page
		Interfaces=org.freedesktop.impl.portal.$2;
		UseIn=page
	PORTAL
	printf '[preferred]\ndefault=page\n' >portals/portals.conf
	export XDG_DESKTOP_PORTAL_DIR=$PWD/portals XDG_CURRENT_DESKTOP=page
	shift 2
	: >page.log
	bg page "$program" "$@"
	wait_for 10 has_name org.freedesktop.impl.portal.desktop.page || fail "$program"
}

# start_portal [OPTIONS]: the ScreenCast portal over sway; nobody is asked, unless the OPTIONS of the back end say so
start_portal() {
	bg permission-store xdg-permission-store
	start_portal_backend "${1:-chooser_type=none}"
	bg portal xdg-desktop-portal -v
	wait_for_portal ScreenCast
}
