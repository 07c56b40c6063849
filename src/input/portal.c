// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Any desktop whose portal has RemoteDesktop with EIS: keyboard, pointer and touch by libei, after a person at the host
 * has allowed it. The consent is kept as a token, so it is asked for once.
 *
 * Two entries of one code, because nobody is to be disturbed where something else works: "portal" comes before the
 * kernel's devices, but "auto" takes it only with a token; "portal-ask" comes after them. Named by the user, both ask.
 *
 * No screen is asked for along with the devices: an EIS server whose session has no streams offers a region for each
 * monitor, in the desktop's own coordinates (Mutter, KWin), and env->place says which one is meant.
 *
 * Like mutter.c it runs on a loop of its own inside that of whoever owns the input.
 */
#include "input/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/loop.h"
#include "base/str.h"
#include "bus/bus.h"
#include "input/ei.h"
#include "input/portal_session.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define WAIT_OFFER_NS (NS_PER_S)        /* the portal is started by the first who asks it */
#define WAIT_READY_NS (300 * NS_PER_MS) /* without a dialog it is there before the first event */

#define CLASSES_WORTH_ASKING (INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE))

struct portal_input {
	struct input_backend base;
	struct loop *loop;
	struct bus *bus;
	struct input_watch watch;
	struct portal_session *session;
	struct ei_sender *sender;
	struct ei_sender_events sender_events;
	uint32_t classes; /* that were asked for; after consent those that were given */
	uint32_t offered; /* as the portal counts */
	bool may_ask;
	bool restored; /* with a token: probably without a dialog */
	bool opened, ready, gone;
	int err; /* gone: why */
	char why[INPUT_WHY_MAX];
};

static const struct {
	enum input_class class;
	uint32_t type;
} devices[] = {
	{INPUT_CLASS_KEYBOARD, PORTAL_KEYBOARD},
	{INPUT_CLASS_MOUSE, PORTAL_POINTER},
	{INPUT_CLASS_TOUCH, PORTAL_TOUCH},
};

static uint32_t types_of(uint32_t classes)
{
	uint32_t types = 0;

	for (unsigned i = 0; i < ARRAY_LEN(devices); i++)
		if (classes & INPUT_CLASS(devices[i].class))
			types |= devices[i].type;
	return types;
}

static uint32_t classes_of(uint32_t types)
{
	uint32_t classes = 0;

	for (unsigned i = 0; i < ARRAY_LEN(devices); i++)
		if (types & devices[i].type)
			classes |= INPUT_CLASS(devices[i].class);
	return classes;
}

static void show(struct portal_input *p, const char *text)
{
	atomic_store(&p->base.shown, text);
}

/* --- the consent that is kept: "TYPES TOKEN", for a desktop asks again where other devices are wanted --- */

struct consent {
	uint32_t types; /* 0: there is none */
	char token[PORTAL_TOKEN_MAX];
};

static void read_consent(const struct portal_input *p, struct consent *c)
{
	const char *path = p->base.env->portal_token;
	struct buf b;

	*c = (struct consent){0};
	if (!path)
		return;
	buf_init(&b, 16 + PORTAL_TOKEN_MAX);
	if (fs_read(path, &b) != 0 || !b.len || strlen(buf_cstr(&b)) != b.len ||
	    sscanf(buf_cstr(&b), "%1u %255s", &c->types, c->token) != 2)
		c->types = 0;
	buf_finish(&b);
	_Static_assert(PORTAL_TOKEN_MAX == 256, "the width above");
}

static void forget_consent(const struct portal_input *p)
{
	const char *path = p->base.env->portal_token;

	if (path && unlink(path) && errno != ENOENT)
		log_errno(errno, "the portal's consent in %s is void and cannot be removed", path);
}

/* Usually on the control thread, between a dialog and the first key: it does not wait for the disk. What a crash of the
 * machine takes is one question more. */
static void keep_consent(const struct portal_input *p, uint32_t types, const char *token)
{
	const char *path = p->base.env->portal_token;
	char line[16 + PORTAL_TOKEN_MAX];
	int n, err;

	if (!path)
		return;
	if (strpbrk(token, " \t\r\n\v\f")) {
		log_warn("portal: a token that cannot be kept: the desktop will ask again");
		return;
	}
	n = snprintf(line, sizeof(line), "%u %s\n", types, token);
	err = fs_replace(path, line, (size_t)n, 0600);
	if (err)
		log_errno(err, "the portal's consent cannot be kept in %s: the desktop will ask again", path);
}

/* --- what the portal says --- */

static void finish(struct portal_input *p, int err, const char *why, const char *shown)
{
	if (p->gone)
		return;
	p->gone = true;
	p->err = err;
	str_copy(p->why, sizeof(p->why), why);
	show(p, shown);
	portal_session_close(p->session);
	p->session = NULL;
}

/* Asks for the devices, now that it is known which there are. What it cannot serve is no longer in p->classes. */
static int begin(struct portal_input *p, const char **why)
{
	struct consent consent;

	p->classes &= classes_of(p->offered);
	if (!p->classes) {
		*why = "the desktop portal has no such devices";
		return -ENODEV;
	}
	read_consent(p, &consent);
	p->restored = consent.types == types_of(p->classes);
	if (!p->restored && !p->may_ask) {
		*why = "the portal was allowed for other devices only";
		return -EACCES;
	}
	portal_session_start(p->session, types_of(p->classes), p->restored ? consent.token : NULL, !p->may_ask);
	return 0;
}

static void on_offer(void *ctx, uint32_t types)
{
	struct portal_input *p = ctx;
	const char *why;
	int err;

	p->offered = types;
	if (!p->opened) /* open() waits for it */
		return;
	err = begin(p, &why);
	if (err) {
		log_warn("portal: %s", why);
		finish(p, err, why, "portal, without such devices");
	}
}

static void on_token_spent(void *ctx)
{
	forget_consent(ctx);
}

static void on_asking(void *ctx)
{
	struct portal_input *p = ctx;

	show(p, "portal, which waits for a person at the host to allow it");
	if (!p->restored)
		log_info("portal: a dialog at the host asks whether input is allowed");
}

static void on_consent(void *ctx, uint32_t types, const char *token)
{
	struct portal_input *p = ctx;

	if (token)
		keep_consent(p, types_of(p->classes), token);
	else
		log_info("portal: allowed for this time; the desktop will ask again");
	if (classes_of(types) != p->classes)
		log_warn("portal: not all devices were allowed at the host");
	p->classes &= classes_of(types);
}

static void on_sender_gone(void *ctx, const char *why)
{
	struct portal_input *p = ctx;

	if (p->gone)
		return;
	log_warn("portal: %s; no input until the next stream", why);
	finish(p, -EIO, why, "portal, whose connection has ended");
}

static void on_ready(void *ctx, int fd, const char *mapping_id)
{
	struct portal_input *p = ctx;
	int err = ei_sender_open(&p->sender, p->base.env, fd, p->classes, mapping_id, &p->sender_events);

	if (err) {
		log_errno(err, "portal: the connection for input");
		finish(p, err, "no connection for input", "portal, without a connection");
		return;
	}
	p->ready = true;
	show(p, NULL);
	log_dbg("portal: ready");
}

static void on_over(void *ctx, int err, const char *why)
{
	struct portal_input *p = ctx;

	if (p->opened) /* else open() says it */
		log_warn("portal: %s; no input until the next stream", why);
	ei_sender_close(p->sender);
	p->sender = NULL;
	if (p->ready)
		finish(p, err, why, "portal, ended by the desktop");
	else if (p->offered && (err == -EACCES || err == -ETIMEDOUT))
		finish(p, err, why, "portal, not allowed at the host");
	else
		finish(p, err, why, "portal, which does not work here");
}

static const struct portal_session_events session_events = {
	.offer = on_offer,
	.token_spent = on_token_spent,
	.asking = on_asking,
	.consent = on_consent,
	.ready = on_ready,
	.over = on_over,
};

static void on_lost(void *ctx, int err)
{
	struct portal_input *p = ctx;

	if (!p->gone && p->opened)
		log_errno(err, "the session bus");
	if (!p->sender) /* the desktop's end of it, if there is one, says by itself when it ends */
		finish(p, err, "the session bus is lost", "portal, without the session bus");
}

static void on_loop(struct input_watch *w)
{
	struct portal_input *p = (struct portal_input *)((char *)w - offsetof(struct portal_input, watch));

	loop_step(p->loop, 0);
}

/* --- */

static void close_portal(struct input_backend *b)
{
	struct portal_input *p = (struct portal_input *)b;

	ei_sender_close(p->sender);
	portal_session_close(p->session);
	input_watch_remove(b->env, &p->watch);
	bus_close(p->bus);
	if (p->loop)
		loop_destroy(p->loop);
}

static void wait_until(struct portal_input *p, const bool *flag, const uint32_t *number, uint64_t ns)
{
	uint64_t deadline = clock_ns() + ns;

	while (!p->gone && !(flag && *flag) && !(number && *number) && clock_ns() < deadline)
		loop_step(p->loop, 20);
}

/* A portal that is not there leaves the word to the back end before: that is nearer to a way out. */
static bool worth_saying(const struct input_backend *b, int err)
{
	return b->env->by_name || b->ops == &input_portal || err == -EACCES || err == -ETIMEDOUT;
}

static int open_portal(struct input_backend *b, uint32_t *classes, char reason[INPUT_WHY_MAX])
{
	struct portal_input *p = (struct portal_input *)b;
	const char *why = "the desktop portal does not answer";
	struct consent consent;
	int err;

	p->classes = *classes;
	p->may_ask = b->env->by_name || (b->ops == &input_portal_ask && *classes & CLASSES_WORTH_ASKING);
	p->watch.fd = -1;
	p->sender_events = (struct ei_sender_events){.gone = on_sender_gone, .ctx = p};
	read_consent(p, &consent);
	if (!p->may_ask && !consent.types) {
		if (b->ops == &input_portal)
			snprintf(reason, INPUT_WHY_MAX, "nobody at the host has allowed the portal yet");
		return -EACCES;
	}
	p->loop = loop_create();
	err = p->loop ? bus_open(&p->bus, p->loop, BUS_SESSION, on_lost, p) : -ENOMEM;
	if (err) {
		why = "no session bus";
		goto fail;
	}
	err = portal_session_open(&p->session, p->loop, p->bus, &session_events, p);
	if (err)
		goto fail;
	wait_until(p, NULL, &p->offered, WAIT_OFFER_NS);
	if (p->gone)
		goto gone;
	if (p->offered)
		err = begin(p, &why);
	else if (b->env->by_name) /* nobody else will serve it: so it may come late */
		show(p, "portal, which has yet to answer");
	else
		err = -ETIMEDOUT;
	if (err)
		goto fail;
	if (p->offered)
		wait_until(p, &p->ready, NULL, WAIT_READY_NS);
	if (p->gone)
		goto gone;
	p->watch = (struct input_watch){.fd = loop_poll_fd(p->loop), .ready = on_loop};
	err = input_watch_add(b->env, &p->watch);
	if (err)
		goto fail;
	*classes = p->classes;
	p->opened = true;
	return 0;
gone:
	err = p->err;
	why = p->why;
fail:
	if (worth_saying(b, err))
		snprintf(reason, INPUT_WHY_MAX, "%s", why);
	close_portal(b);
	return err;
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct portal_input *p = (struct portal_input *)b;

	if (p->ready && !p->gone)
		ei_sender_event(p->sender, e);
}

#define OPS(itself, says)                                                                                              \
	.name = (itself), .help = (says),                                                                              \
	.classes =                                                                                                     \
		INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_TOUCH),   \
	.automatic = true, .size = sizeof(struct portal_input), .open = open_portal, .event = event,                   \
	.close = close_portal

const struct input_ops input_portal = {
	OPS("portal", "keyboard, pointer and touch of a desktop whose portal was allowed to at the host"),
};

const struct input_ops input_portal_ask = {
	OPS("portal-ask", "the same, after asking a person at the host"),
};
