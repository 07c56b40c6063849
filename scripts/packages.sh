# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts *-env.sh, which set DIR (where to unpack) and CACHE (where downloads stay):
# packages from the Debian mirrors that this machine's own apt is configured with, without installing any.

skip() { echo "SKIP: $*"; exit 77; }

# A private view on apt: the machine's sources and installed packages, unless APT_VIEW has options that say otherwise,
# and our own lists, archives and locks.
LISTS=/var/lib/apt/lists
APT_VIEW=()
apt_private() {
	local tool=$1
	shift
	"$tool" -o Dir::State::lists="$LISTS" -o Dir::Cache="$CACHE" -o Dir::Cache::archives="$DIR/plan" \
		-o Debug::NoLocking=1 -o APT::Sandbox::User=root -o APT::Install-Recommends=false "${APT_VIEW[@]}" "$@"
}

# view_of SUITE...: from here on apt's view is on these suites of Debian alone, from the archive that is among this machine's
# sources. Without package lists it is not known whose they are; then by the usual path.
view_of() {
	local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' 2>/dev/null |
		awk -F '|' '$3 != "main" || $4 ~ /-/ { next }
			$1 == "Debian" && $2 == "Debian" { print $5; exit }
			$1 == "" && $5 ~ /\/debian\/?$/ && !other { other = $5 }
			END { if (other) print other }' | head -1)
	[ -n "$mirror" ] || skip "this machine's apt has no mirror of Debian"
	{
		printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$mirror" "$*"
		[ ! -r "$keyring" ] || echo "Signed-By: $keyring"
	} >"$DIR/view.sources"
	LISTS=$CACHE/lists
	APT_VIEW=(-o APT::Update::Error-Mode=any
		-o Dir::Etc::sourcelist="$DIR/view.sources" -o Dir::Etc::sourceparts=/dev/null)
}

# In that view nothing is installed.
view_of_nothing_installed() {
	mkdir -p "$DIR/state"
	: >"$DIR/state/status"
	APT_VIEW+=(-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o Dir::State="$DIR/state" -o Dir::State::status="$DIR/state/status")
}

# planned PACKAGE...: where they come from, with what they need and the machine lacks. apt leaves out what lies in its
# archives: they are empty.
planned() {
	{ apt_private apt-get --print-uris -y -qq install "$@" &&
		apt_private apt-get --print-uris -y -qq --reinstall install "$@"; } 2>/dev/null
}

# What plan() prints, into $CACHE/archives; false where it cannot be planned or fetched, with $cause
download() {
	local label=$1 wanted=$2 missing= f
	cause="this distribution lacks one of: $(echo $wanted)"
	plan >"$DIR/uris" || return 1
	files=$(awk '{ print $2 }' "$DIR/uris" | sort -u)
	cause="apt named no packages"
	[ -n "$files" ] || return 1
	for f in $files; do
		[ -s "$CACHE/archives/$f" ] || missing="$missing ${f%%_*}"
	done
	[ -n "$missing" ] || return 0
	echo "$label: fetching $(echo $missing | wc -w) packages"
	cause="packages cannot be downloaded"
	(cd "$CACHE/archives" && apt_private apt-get -qq download $missing) >"$DIR/apt.log" 2>&1
}

# fetch LABEL WANTED: what the caller's plan() prints, into $CACHE/archives; the names of the files in $files. Lists
# that are old name packages that the mirrors have no more: then with new ones.
fetch() {
	local f
	mkdir -p "$CACHE/archives" "$CACHE/lists/partial" "$DIR/plan/partial"
	if ! download "$@"; then
		LISTS=$CACHE/lists
		apt_private apt-get -qq update >"$DIR/apt.log" 2>&1 ||
			{ tail -3 "$DIR/apt.log"; skip "apt's package lists cannot be fetched"; }
		download "$@" || { tail -3 "$DIR/apt.log"; skip "$cause"; }
	fi
	for f in $files; do
		[ -s "$CACHE/archives/$f" ] || { echo "not downloaded: $f" >&2; exit 1; }
	done
}

# Tests begin side by side: until the caller ends nobody else changes DIR. It may have become ready meanwhile.
alone() {
	exec 9>"$DIR/lock"
	flock 9
}
