// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The input of a session and its way back to the client. Devices outlive a stream for a while (input.grace_ms), so that
 * a game sees the same pads when the client comes back. While no stream uses them they belong to the main thread, which
 * answers what the kernel and programs ask of them.
 */
#pragma once

#include "base/loop.h"
#include "control/control.h"
#include "input/input.h"

struct session;

struct session_input {
	struct input *input;      /* NULL: this session has none */
	struct control_out *out;  /* what the client is told */
	struct input_place place; /* that the input was opened with */
	/* between streams */
	struct loop_fd *watch;
	struct loop_timer *grace;
};

/* Before the control session: takes the kept devices or makes new ones. A stream without input is still a stream.
 * -ENOMEM: no way back to the client. */
int session_input_open(struct session *s);
/* After the control session: nobody holds anything any more; devices stay for the grace time. */
void session_input_rest(struct session *s);
/* Unplugs everything. */
void session_input_close(struct session *s);
