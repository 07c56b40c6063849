// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/bus.h"

#include <errno.h>

#include "build_config.h"

#if HAVE_DBUS
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"

#define LOG_MODULE "bus"
#include "base/log.h"

struct bus_call {
	struct bus *bus;
	struct bus_call *next, **link;
	sd_bus_slot *slot;
	bus_reply_fn fn;
	void *ctx;
};

struct bus_match {
	struct bus *bus;
	struct bus_match *next, **link;
	sd_bus_slot *slot;
	bus_signal_fn fn;
	void *ctx;
};

struct bus {
	sd_bus *sd;
	struct loop *loop;
	struct loop_fd *handle;
	struct loop_timer *timer;
	void (*lost)(void *ctx, int err);
	void *ctx;
	struct bus_call *calls;
	struct bus_match *matches;
	bool gone, closed, dispatching;
};

/* sd_bus says what it waits for: events of its socket and a time. */
static void update_interest(struct bus *b)
{
	uint64_t usec;
	int events;

	if (!b->handle) /* lost */
		return;
	events = sd_bus_get_events(b->sd);
	if (events >= 0)
		loop_fd_events(b->handle, (uint32_t)events); /* poll and epoll agree on IN and OUT */
	if (sd_bus_get_timeout(b->sd, &usec) >= 0 && usec != UINT64_MAX)
		loop_timer_arm(b->timer, usec * NS_PER_US); /* absolute, of the same clock */
	else
		loop_timer_disarm(b->timer);
}

static void bus_free(struct bus *b)
{
	loop_fd_remove(b->handle);
	loop_timer_remove(b->timer);
	if (b->sd)
		sd_bus_close(b->sd);
	sd_bus_unref(b->sd);
	free(b);
}

/* A callback may close the bus: it is freed when we are out of the library again. */
static void dispatch(struct bus *b)
{
	int more = 1;

	b->dispatching = true;
	while (!b->closed && more > 0)
		more = sd_bus_process(b->sd, NULL);
	b->dispatching = false;
	if (b->closed) {
		bus_free(b);
		return;
	}
	if (more >= 0) {
		update_interest(b);
		return;
	}
	loop_fd_remove(b->handle);
	b->handle = NULL;
	loop_timer_disarm(b->timer);
	if (!b->gone) {
		b->gone = true;
		b->lost(b->ctx, more);
	}
}

static void on_fd(void *ctx, uint32_t events)
{
	(void)events;
	dispatch(ctx);
}

static void on_timer(void *ctx)
{
	struct bus *b = ctx;

	if (b->handle)
		dispatch(b);
}

int bus_open(struct bus **out, struct loop *loop, enum bus_which which, void (*lost)(void *ctx, int err), void *ctx)
{
	struct bus *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	b->loop = loop;
	b->lost = lost;
	b->ctx = ctx;
	err = which == BUS_SYSTEM ? sd_bus_open_system(&b->sd) : sd_bus_open_user(&b->sd);
	if (err < 0)
		goto fail;
	sd_bus_set_exit_on_disconnect(b->sd, 0);
	err = sd_bus_get_fd(b->sd);
	if (err < 0)
		goto fail;
	b->timer = loop_timer_add(loop, on_timer, b);
	b->handle = loop_fd_add(loop, err, EPOLLIN, on_fd, b);
	err = -ENOMEM;
	if (!b->timer || !b->handle)
		goto fail;
	loop_timer_arm(b->timer, 0); /* the first messages of the handshake */
	*out = b;
	return 0;
fail:
	bus_free(b);
	return err;
}

const char *bus_name(struct bus *b)
{
	const char *name;

	return sd_bus_get_unique_name(b->sd, &name) < 0 ? "" : name;
}

void bus_close(struct bus *b)
{
	if (!b)
		return;
	while (b->calls)
		bus_call_drop(b->calls);
	while (b->matches)
		bus_match_drop(b->matches);
	b->closed = true;
	if (!b->dispatching)
		bus_free(b);
}

static int read_value(sd_bus_message *m, char type, struct bus_value *v)
{
	uint16_t q;
	int flag, ok;

	switch (type) {
	case SD_BUS_TYPE_STRING:
	case SD_BUS_TYPE_OBJECT_PATH:
		v->type = type == SD_BUS_TYPE_STRING ? BUS_STRING : BUS_OBJECT;
		return sd_bus_message_read_basic(m, type, &v->s);
	case SD_BUS_TYPE_INT32:
		v->type = BUS_INT32;
		return sd_bus_message_read_basic(m, type, &v->i);
	case SD_BUS_TYPE_UINT32:
		v->type = BUS_UINT32;
		return sd_bus_message_read_basic(m, type, &v->u);
	case SD_BUS_TYPE_UINT16:
		v->type = BUS_UINT16;
		ok = sd_bus_message_read_basic(m, type, &q);
		v->u = q;
		return ok;
	case SD_BUS_TYPE_BOOLEAN:
		v->type = BUS_BOOL;
		ok = sd_bus_message_read_basic(m, type, &flag);
		v->b = flag != 0;
		return ok;
	case SD_BUS_TYPE_DOUBLE:
		v->type = BUS_DOUBLE;
		return sd_bus_message_read_basic(m, type, &v->d);
	case SD_BUS_TYPE_UNIX_FD:
		v->type = BUS_FD;
		return sd_bus_message_read_basic(m, type, &v->fd);
	default:
		return 0;
	}
}

/* Into v from n on; returns the new n. The bus has checked that containers are not nested deeper than 64. */
static unsigned flatten(sd_bus_message *m, struct bus_value *v, unsigned n)
{
	const char *contents;
	char type;

	while (n < BUS_VALUES_MAX && sd_bus_message_peek_type(m, &type, &contents) > 0) {
		if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_VARIANT || type == SD_BUS_TYPE_STRUCT ||
		    type == SD_BUS_TYPE_DICT_ENTRY) {
			if (sd_bus_message_enter_container(m, type, contents) <= 0)
				break;
			n = flatten(m, v, n);
			if (n == BUS_VALUES_MAX || sd_bus_message_exit_container(m) < 0)
				break;
		} else if (read_value(m, type, &v[n]) > 0) {
			n++;
		} else if (sd_bus_message_skip(m, (char[]){type, '\0'}) < 0) {
			break;
		}
	}
	return n;
}

static unsigned read_values(sd_bus_message *m, struct bus_value *v)
{
	return flatten(m, v, 0);
}

static int append_bytes(sd_bus_message *m, const struct bus_value *v)
{
	int err = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "ay");

	for (unsigned i = 0; err >= 0 && i < v->bytes.n; i++)
		err = sd_bus_message_append_array(m, SD_BUS_TYPE_BYTE, v->bytes.data, v->bytes.len);
	return err < 0 ? err : sd_bus_message_close_container(m);
}

static int append(sd_bus_message *m, const struct bus_value *v);

static const char *variant_of(enum bus_type t)
{
	switch (t) {
	case BUS_STRING:
		return "s";
	case BUS_OBJECT:
		return "o";
	case BUS_INT32:
		return "i";
	case BUS_UINT32:
		return "u";
	case BUS_UINT16:
		return "q";
	case BUS_BOOL:
		return "b";
	case BUS_DOUBLE:
		return "d";
	case BUS_FD:
	case BUS_BYTE_ARRAYS:
	case BUS_OPTIONS:
		break;
	}
	return NULL;
}

static int append_option(sd_bus_message *m, const struct bus_option *o)
{
	const char *contents = variant_of(o->value.type);
	int err = contents ? sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv") : -EINVAL;

	if (err >= 0)
		err = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, o->key);
	if (err >= 0)
		err = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, contents);
	if (err >= 0)
		err = append(m, &o->value);
	if (err >= 0)
		err = sd_bus_message_close_container(m);
	return err < 0 ? err : sd_bus_message_close_container(m);
}

static int append_options(sd_bus_message *m, const struct bus_value *v)
{
	int err = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");

	for (unsigned i = 0; err >= 0 && i < v->options.n; i++)
		err = append_option(m, &v->options.item[i]);
	return err < 0 ? err : sd_bus_message_close_container(m);
}

static int append(sd_bus_message *m, const struct bus_value *v)
{
	uint16_t q;

	switch (v->type) {
	case BUS_STRING:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, v->s);
	case BUS_OBJECT:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_OBJECT_PATH, v->s);
	case BUS_INT32:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_INT32, &v->i);
	case BUS_UINT32:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT32, &v->u);
	case BUS_UINT16:
		q = (uint16_t)v->u;
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT16, &q);
	case BUS_BOOL:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_BOOLEAN, &(int){v->b});
	case BUS_DOUBLE:
		return sd_bus_message_append_basic(m, SD_BUS_TYPE_DOUBLE, &v->d);
	case BUS_BYTE_ARRAYS:
		return append_bytes(m, v);
	case BUS_OPTIONS:
		return append_options(m, v);
	case BUS_FD:
		break;
	}
	return -EINVAL;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret)
{
	struct bus_call *c = userdata;
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct bus_error err = {e ? e->name : NULL, e && e->message ? e->message : ""};
	struct bus_value v[BUS_VALUES_MAX];
	unsigned n = e ? 0 : read_values(m, v);
	bus_reply_fn fn = c->fn;
	void *ctx = c->ctx;

	(void)ret;
	bus_call_drop(c);
	fn(ctx, e ? &err : NULL, v, n);
	return 1;
}

int bus_call(struct bus *b, struct bus_call **out, const char *dest, const char *path, const char *iface,
	     const char *method, const struct bus_value *v, unsigned n, bus_reply_fn fn, void *ctx)
{
	struct bus_call *c = calloc(1, sizeof(*c));
	sd_bus_message *m = NULL;
	int err;

	if (!c)
		return -ENOMEM;
	err = sd_bus_message_new_method_call(b->sd, &m, dest, path, iface, method);
	for (unsigned i = 0; err >= 0 && i < n; i++)
		err = append(m, &v[i]);
	if (err >= 0)
		err = sd_bus_call_async(b->sd, &c->slot, m, on_reply, c, 0);
	sd_bus_message_unref(m);
	if (err < 0) {
		free(c);
		return err;
	}
	*c = (struct bus_call){.bus = b, .slot = c->slot, .fn = fn, .ctx = ctx, .next = b->calls, .link = &b->calls};
	if (c->next)
		c->next->link = &c->next;
	b->calls = c;
	if (out)
		*out = c;
	if (!b->dispatching)
		update_interest(b);
	return 0;
}

int bus_tell(struct bus *b, const char *dest, const char *path, const char *iface, const char *method,
	     const struct bus_value *v, unsigned n)
{
	sd_bus_message *m = NULL;
	int err = sd_bus_message_new_method_call(b->sd, &m, dest, path, iface, method);

	for (unsigned i = 0; err >= 0 && i < n; i++)
		err = append(m, &v[i]);
	if (err >= 0)
		err = sd_bus_message_set_expect_reply(m, 0);
	if (err >= 0)
		err = sd_bus_send(b->sd, m, NULL);
	sd_bus_message_unref(m);
	if (!b->dispatching)
		update_interest(b);
	return err < 0 ? err : 0;
}

void bus_call_drop(struct bus_call *c)
{
	if (!c)
		return;
	sd_bus_slot_unref(c->slot);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret)
{
	struct bus_match *x = userdata;
	struct bus_value v[BUS_VALUES_MAX];
	unsigned n = read_values(m, v);

	(void)ret;
	x->fn(x->ctx, v, n);
	return 0;
}

int bus_match(struct bus *b, struct bus_match **out, const char *sender, const char *path, const char *iface,
	      const char *member, bus_signal_fn fn, void *ctx)
{
	struct bus_match *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->fn = fn;
	m->ctx = ctx;
	err = sd_bus_match_signal_async(b->sd, &m->slot, sender, path, iface, member, on_signal, NULL, m);
	if (err < 0) {
		free(m);
		return err;
	}
	m->bus = b;
	m->next = b->matches;
	m->link = &b->matches;
	if (m->next)
		m->next->link = &m->next;
	b->matches = m;
	*out = m;
	if (!b->dispatching)
		update_interest(b);
	return 0;
}

void bus_match_drop(struct bus_match *m)
{
	if (!m)
		return;
	sd_bus_slot_unref(m->slot);
	*m->link = m->next;
	if (m->next)
		m->next->link = m->link;
	free(m);
}

#else

int bus_open(struct bus **out, struct loop *loop, enum bus_which which, void (*lost)(void *ctx, int err), void *ctx)
{
	(void)out, (void)loop, (void)which, (void)lost, (void)ctx;
	return -ENOTSUP;
}

const char *bus_name(struct bus *b)
{
	(void)b;
	return "";
}

void bus_close(struct bus *b)
{
	(void)b;
}

int bus_call(struct bus *b, struct bus_call **out, const char *dest, const char *path, const char *iface,
	     const char *method, const struct bus_value *v, unsigned n, bus_reply_fn fn, void *ctx)
{
	(void)b, (void)out, (void)dest, (void)path, (void)iface, (void)method, (void)v, (void)n, (void)fn, (void)ctx;
	return -ENOTSUP;
}

int bus_tell(struct bus *b, const char *dest, const char *path, const char *iface, const char *method,
	     const struct bus_value *v, unsigned n)
{
	(void)b, (void)dest, (void)path, (void)iface, (void)method, (void)v, (void)n;
	return -ENOTSUP;
}

void bus_call_drop(struct bus_call *c)
{
	(void)c;
}

int bus_match(struct bus *b, struct bus_match **out, const char *sender, const char *path, const char *iface,
	      const char *member, bus_signal_fn fn, void *ctx)
{
	(void)b, (void)out, (void)sender, (void)path, (void)iface, (void)member, (void)fn, (void)ctx;
	return -ENOTSUP;
}

void bus_match_drop(struct bus_match *m)
{
	(void)m;
}
#endif
