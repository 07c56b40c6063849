// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define LOG_MODULE "test"
#include "base/log.h"

const uint8_t key_a[16] = {1}, key_b[16] = {2};

struct loop *loop;
struct control *control;

void owner_connected(void *ctx, const union addr *peer)
{
	struct owner *o = ctx;

	o->connected++;
	o->peer = *peer;
}

void owner_started(void *ctx)
{
	struct owner *o = ctx;

	assert_int_equal(o->connected, 1);
	o->started++;
}

void owner_disconnected(void *ctx, int err)
{
	struct owner *o = ctx;

	o->disconnected++;
	o->err = err;
}

const struct control_events owner_events = {owner_connected, owner_started, owner_disconnected};

static void setup_silence(uint32_t silence_ms)
{
	struct control_params p = {.bind = "", .silence_ms = silence_ms, .pause_ms = 300};

	log_set_level(LOG_LEVEL_ERR);
	loop = loop_create();
	assert_non_null(loop);
	assert_int_equal(control_create(&control, loop, &p), 0);
}

int setup(void **state)
{
	(void)state;
	setup_silence(60000);
	return 0;
}

int setup_short(void **state)
{
	(void)state;
	setup_silence(300);
	return 0;
}

/* What a failed case left behind: its frames are gone, so it is remembered here. */
static struct leftover {
	struct control_session *session;
	struct input *input;
	struct control_out *out;
} leftovers[CONTROL_SESSIONS_MAX + 1];

static struct leftover *leftover_of(const struct control_out *out)
{
	for (size_t i = 0; i < ARRAY_LEN(leftovers); i++)
		if (leftovers[i].out == out)
			return &leftovers[i];
	return NULL;
}

int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(leftovers); i++) {
		struct leftover *l = &leftovers[i];

		control_session_remove(l->session, 0);
		input_close(l->input);
		control_out_destroy(l->out);
		*l = (struct leftover){0};
	}
	control_destroy(control);
	loop_destroy(loop);
	return 0;
}

void owner_open(struct owner *o, const uint8_t *key, struct control_session_params p)
{
	int fd;

	memset(o, 0, sizeof(*o));
	snprintf(o->log, sizeof(o->log), "/tmp/control-input-XXXXXX");
	fd = mkstemp(o->log);
	assert_true(fd >= 0);
	close(fd);
	feedback_init(&o->feedback);
	o->out = control_out_create(control);
	assert_non_null(o->out);
	assert_int_equal(input_open(&o->input, &(struct input_params){.backend = "log",
								      .log_file = o->log,
								      .back = control_out_back(o->out)}),
			 0);
	memcpy(p.keys.key, key, 16);
	p.feedback = &o->feedback;
	p.stats = &o->stats;
	p.input = o->input;
	p.out = o->out;
	assert_int_equal(control_session_add(control, &p, &owner_events, o, &o->session), 0);
	*leftover_of(NULL) = (struct leftover){o->session, o->input, o->out};
}

void owner_default(struct owner *o, const uint8_t *key, uint32_t connect_data)
{
	owner_open(o, key, (struct control_session_params){.v2 = true, .connect_data = connect_data});
}

void owner_remove(struct owner *o, uint32_t code)
{
	leftover_of(o->out)->session = NULL;
	control_session_remove(o->session, code);
	o->session = NULL;
}

void owner_close(struct owner *o, uint32_t code)
{
	owner_remove(o, code);
	*leftover_of(o->out) = (struct leftover){0};
	input_close(o->input);
	control_out_destroy(o->out);
	unlink(o->log);
}

bool input_saw(const struct owner *o, const char *text)
{
	char content[8192];
	FILE *f = fopen(o->log, "re");
	size_t n;

	assert_non_null(f);
	n = fread(content, 1, sizeof(content) - 1, f);
	content[n] = 0;
	fclose(f);
	return strstr(content, text);
}

void step(struct client *clients, unsigned n)
{
	loop_step(loop, 1);
	for (unsigned i = 0; i < n; i++)
		client_pump(&clients[i]);
}

void settle(struct client *clients, unsigned n)
{
	for (unsigned i = 0; i < 50; i++)
		step(clients, n);
}

void start(struct client *c, struct owner *o, bool v6, uint32_t connect_data, const uint8_t *key)
{
	client_open(c, v6, control_port(control), connect_data, key, true);
	until(c, 1, c->connected);
	client_send(c, 0, IDR);
	client_send(c, 0, START);
	until(c, 1, o->started);
}

void finish(struct client *c, struct owner *o)
{
	owner_close(o, CONTROL_TERM_GRACEFUL);
	until(c, 1, c->disconnected);
	client_close(c);
}
