#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD COMMAND...: runs COMMAND in the root of Debian 13 (trixie) below BUILD (HACKING.md), which trixie-env.sh
# fetches once. Exit status: that of COMMAND, or 77 with a line "SKIP: why" where no such root can be had.
set -u
build=$(cd "${1:?usage: run.sh BUILD COMMAND...}" && pwd) || exit 1
shift
here=$(dirname "$(readlink -f "$0")")
dir=${TRIXIE_DIR:-$build/trixie}
told=$("$here/../../scripts/trixie-env.sh" "$dir")
rc=$?
[ $rc != 77 ] || told=$(echo "$told" | tail -1)
[ -z "$told" ] || echo "$told"
[ $rc = 0 ] || exit $rc
exec "$here/enter.sh" "$dir" "$@"
