# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by live-env.sh and vm-env.sh, which set DIR (where to unpack) and CACHE (where downloads stay): packages from
# the Debian mirrors that this machine's own apt is configured with, without installing any.

skip() { echo "SKIP: $*"; exit 77; }

# A private view on apt: the machine's sources and installed packages, our own lists, archives and locks.
LISTS=/var/lib/apt/lists
apt_private() {
	local tool=$1
	shift
	"$tool" -o Dir::State::lists="$LISTS" -o Dir::Cache="$CACHE" -o Dir::Cache::archives="$DIR/plan" \
		-o Debug::NoLocking=1 -o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
}

# planned PACKAGE...: where they come from, with what they need and the machine lacks. apt leaves out what lies in its
# archives: they are empty.
planned() {
	{ apt_private apt-get --print-uris -y -qq install "$@" &&
		apt_private apt-get --print-uris -y -qq --reinstall install "$@"; } 2>/dev/null
}

# fetch LABEL WANTED: what the caller's plan() prints, into $CACHE/archives; the names of the files in $files
fetch() {
	local label=$1 wanted=$2 missing= f
	mkdir -p "$CACHE/archives" "$CACHE/lists/partial" "$DIR/plan/partial"
	if ! plan >"$DIR/uris"; then
		LISTS=$CACHE/lists
		apt_private apt-get -qq update >"$DIR/apt.log" 2>&1 ||
			{ tail -3 "$DIR/apt.log"; skip "apt's package lists cannot be fetched"; }
		plan >"$DIR/uris" || skip "this distribution lacks one of: $(echo $wanted)"
	fi
	files=$(awk '{ print $2 }' "$DIR/uris" | sort -u)
	[ -n "$files" ] || skip "apt named no packages"
	for f in $files; do
		[ -s "$CACHE/archives/$f" ] || missing="$missing ${f%%_*}"
	done
	if [ -n "$missing" ]; then
		echo "$label: fetching $(echo $missing | wc -w) packages"
		(cd "$CACHE/archives" && apt_private apt-get -qq download $missing) >"$DIR/apt.log" 2>&1 ||
			{ tail -3 "$DIR/apt.log"; skip "packages cannot be downloaded"; }
	fi
	for f in $files; do
		[ -s "$CACHE/archives/$f" ] || { echo "not downloaded: $f" >&2; exit 1; }
	done
}
