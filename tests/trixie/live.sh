#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# live.sh SCRIPT [ARG...]: in the trixie root, a script of tests/live on what is in /build. Its session is an ordinary
# user's, made of what the root has; what its parts had to say is left in /build/live/logs.
name=$1
shift
exec unshare --user --map-user=1000 --map-group=1000 env LIVE_INSTALLED=1 LIVE_DIR=/build/live \
	LIVE_KEEP=/build/live/logs "/moonrill/tests/live/$name" /build "$@"
