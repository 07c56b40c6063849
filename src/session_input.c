// SPDX-License-Identifier: GPL-3.0-or-later
#include "session_input.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "capture/screen.h"
#include "session.h"

#define LOG_MODULE "session"
#include "base/log.h"

/* Of the client's fingerprint: enough to tell one client's devices from another's. */
#define SEAT_BYTES 4
/* A client that is back gets this long at least to name its pads. */
#define NAMING_NS (5 * NS_PER_S)

static void stop_resting(struct session_input *i)
{
	loop_fd_remove(i->watch);
	i->watch = NULL;
	loop_timer_remove(i->grace);
	i->grace = NULL;
}

void session_input_close(struct session *s)
{
	struct session_input *i = &s->in;

	stop_resting(i);
	input_close(i->input);
	control_out_destroy(i->out);
	*i = (struct session_input){0};
}

int session_input_open(struct session *s)
{
	const struct config *c = s->host->config;
	const uint64_t pads_ns = (uint64_t)c->input.grace_ms * NS_PER_MS;
	const struct screen_place at = screens_place(s->host->screens);
	struct session_input *i = &s->in;
	char seat[2 * SEAT_BYTES + 1];
	struct input_params p = {
		.backend = c->input.backend,
		.log_file = c->input.log_file,
		.pad_kind = c->input.pads,
		.portal_token = s->host->input_token,
		.seat = seat,
		.place = {at.x, at.y, at.width, at.height},
	};
	int err;

	stop_resting(i);
	if (i->input && memcmp(&i->place, &p.place, sizeof(p.place)) != 0) {
		log_info("%s: another screen is streamed than before, so the devices are made anew", s->client_name);
		input_close(i->input);
		i->input = NULL;
	}
	if (i->input) {
		err = input_await_pads(i->input, pads_ns > NAMING_NS ? pads_ns : NAMING_NS);
		if (err)
			log_errno(err, "%s: pads that the client no longer has stay", s->client_name);
		return 0;
	}
	i->place = p.place;
	if (!i->out)
		i->out = control_out_create(s->host->control);
	if (!i->out)
		return -ENOMEM;
	hex_encode(seat, s->client, SEAT_BYTES);
	p.back = control_out_back(i->out);
	err = input_open(&i->input, &p);
	if (err)
		log_errno(err, "%s: no input, back end %s", s->client_name, c->input.backend);
	return 0;
}

static void on_device(void *ctx, uint32_t events)
{
	const struct session *s = ctx;

	(void)events;
	input_dispatch(s->in.input);
}

static void on_grace_over(void *ctx)
{
	struct session *s = ctx;

	log_dbg("%s: devices unplugged", s->client_name);
	session_input_close(s);
}

void session_input_rest(struct session *s)
{
	struct session_input *i = &s->in;
	uint64_t grace_ns = (uint64_t)s->host->config->input.grace_ms * NS_PER_MS;

	if (!i->input || i->grace)
		return;
	if (!grace_ns) {
		session_input_close(s);
		return;
	}
	i->watch = loop_fd_add(s->host->loop, input_fd(i->input), EPOLLIN, on_device, s);
	i->grace = loop_timer_add(s->host->loop, on_grace_over, s);
	if (!i->watch || !i->grace) { /* a program that asks something of a device would hang */
		session_input_close(s);
		return;
	}
	input_await_pads(i->input, 0); /* the whole of the grace time is theirs again */
	loop_timer_arm_in(i->grace, grace_ns);
}
