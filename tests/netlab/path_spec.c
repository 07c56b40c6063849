// SPDX-License-Identifier: GPL-3.0-or-later
#include "path_spec.h"

#include <errno.h>
#include <string.h>

#define NS_PER_S  1e9
#define NS_PER_MS 1e6
#define TIME_MAX  86400.0

const char *const path_ports[PATH_PORTS] = {"video", "control", "audio"};

struct reader {
	const char *why;
};

static void fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
}

static double number(struct reader *r, json_t *v, double min, double max, double otherwise)
{
	double d;

	if (!v)
		return otherwise;
	d = json_number_value(v);
	if (json_is_number(v) && d >= min && d <= max)
		return d;
	fail(r, "a number is missing or out of its range");
	return otherwise;
}

static double field(struct reader *r, json_t *o, const char *key, double min, double max, double otherwise)
{
	return number(r, json_object_get(o, key), min, max, otherwise);
}

static void only_keys(struct reader *r, json_t *o, const char *const *keys)
{
	const char *key;
	json_t *value;

	if (!json_is_object(o)) {
		fail(r, "an object is missing");
		return;
	}
	json_object_foreach(o, key, value)
	{
		unsigned i = 0;

		while (keys[i] && strcmp(keys[i], key))
			i++;
		if (!keys[i])
			fail(r, "an unknown key");
	}
}

static uint32_t read_ports(struct reader *r, json_t *list)
{
	uint32_t ports = 0;
	json_t *name;
	size_t i;

	if (!list)
		return (1u << PATH_PORTS) - 1;
	json_array_foreach(list, i, name)
	{
		unsigned k = 0;

		while (k < PATH_PORTS && (!json_is_string(name) || strcmp(path_ports[k], json_string_value(name))))
			k++;
		if (k == PATH_PORTS)
			fail(r, "ports are video, control, audio");
		else
			ports |= 1u << k;
	}
	return ports;
}

static void read_gilbert(struct reader *r, json_t *o, struct path_loss *l, double length)
{
	l->bad = field(r, o, "bad", 0, 1, 1);
	l->good = field(r, o, "good", 0, 1, 0);
	if (json_object_get(o, "enter")) {
		l->enter = field(r, o, "enter", 0, 1, 0);
		l->leave = field(r, o, "leave", 0, 1, 1);
	} else {
		l->leave = 1 / length;
		l->enter = l->rate < 1 ? l->rate * l->leave / (1 - l->rate) : 1;
		if (l->enter > 1)
			fail(r, "no such rate with such short runs");
	}
}

static void read_loss(struct reader *r, json_t *o, struct path_loss *l)
{
	static const char *const keys[] = {"model", "rate", "length", "n",      "enter",   "leave",
					   "bad",   "good", "ports",  "from_s", "until_s", NULL};
	static const char *const models[] = {"random", "gilbert", "nth", "burst"};
	const char *model = json_string_value(json_object_get(o, "model"));
	double length = field(r, o, "length", 1, 100000, 1);
	unsigned k = 0;

	only_keys(r, o, keys);
	while (k < 4 && (!model || strcmp(models[k], model)))
		k++;
	if (k == 4) {
		fail(r, "loss models are random, gilbert, nth, burst");
		return;
	}
	*l = (struct path_loss){
		.model = (enum path_loss_model)k,
		.ports = read_ports(r, json_object_get(o, "ports")),
		.rate = field(r, o, "rate", 0, 1, 0),
		.n = (unsigned)(k == PATH_LOSS_BURST ? length : field(r, o, "n", 1, 1e9, 1)),
		.from_ns = (uint64_t)(field(r, o, "from_s", 0, TIME_MAX, 0) * NS_PER_S),
		.until_ns = (uint64_t)(field(r, o, "until_s", 0, TIME_MAX, TIME_MAX) * NS_PER_S),
	};
	if (k == PATH_LOSS_GILBERT)
		read_gilbert(r, o, l, length);
}

static void read_rate(struct reader *r, json_t *v, struct path_params *p)
{
	json_t *step;
	size_t i;

	if (!v)
		return;
	if (json_is_number(v)) {
		p->rate[0].bps = (uint64_t)(number(r, v, 0, 100000, 0) * 1e6);
		p->steps = p->rate[0].bps != 0;
		return;
	}
	if (json_array_size(v) == 0 || json_array_size(v) > PATH_STEPS)
		fail(r, "rate_mbps is a number or a list of at most 32 steps");
	json_array_foreach(v, i, step)
	{
		struct path_step *s = &p->rate[p->steps];

		if (p->steps == PATH_STEPS || json_array_size(step) != 2) {
			fail(r, "a step of the rate is [at_s, mbps]");
			return;
		}
		s->at_ns = (uint64_t)(number(r, json_array_get(step, 0), 0, TIME_MAX, 0) * NS_PER_S);
		s->bps = (uint64_t)(number(r, json_array_get(step, 1), 0, 100000, 0) * 1e6);
		if (p->steps++ ? s->at_ns <= s[-1].at_ns : s->at_ns != 0)
			fail(r, "the steps of the rate begin at 0 and rise");
	}
}

static void read_outages(struct reader *r, json_t *list, struct path_params *p)
{
	json_t *w;
	size_t i;

	if (list && (!json_is_array(list) || json_array_size(list) > PATH_WINDOWS))
		fail(r, "outage is a list of at most 16 windows");
	json_array_foreach(list, i, w)
	{
		double from = number(r, json_array_get(w, 0), 0, TIME_MAX, 0);

		if (r->why || json_array_size(w) != 2) {
			fail(r, "an outage is [from_s, until_s]");
			return;
		}
		p->outage[p->outages++] = (struct path_window){
			(uint64_t)(from * NS_PER_S),
			(uint64_t)(number(r, json_array_get(w, 1), from, TIME_MAX, from) * NS_PER_S)};
	}
}

int path_spec_read(struct path_params *p, json_t *o, const char **why)
{
	static const char *const keys[] = {"loss",        "outage",     "rate_mbps", "queue_bytes",
					   "burst_bytes", "delay_ms",   "jitter_ms", "keep_order",
					   "reorder",     "reorder_ms", "duplicate", NULL};
	struct reader r = {NULL};
	json_t *losses, *loss, *order;
	size_t i;

	*p = (struct path_params){.keep_order = true};
	if (!o)
		return 0;
	only_keys(&r, o, keys);
	losses = json_object_get(o, "loss");
	if (losses && (!json_is_array(losses) || json_array_size(losses) > PATH_LOSSES))
		fail(&r, "loss is a list of at most 8");
	json_array_foreach(losses, i, loss)
	{
		if (!r.why)
			read_loss(&r, loss, &p->loss[p->losses++]);
	}
	read_outages(&r, json_object_get(o, "outage"), p);
	read_rate(&r, json_object_get(o, "rate_mbps"), p);
	p->queue_bytes = (uint32_t)field(&r, o, "queue_bytes", 0, 1e9, 0);
	p->burst_bytes = (uint32_t)field(&r, o, "burst_bytes", 0, 1e9, 0);
	p->delay_ns = (uint64_t)(field(&r, o, "delay_ms", 0, 10000, 0) * NS_PER_MS);
	p->jitter_ns = (uint64_t)(field(&r, o, "jitter_ms", 0, 10000, 0) * NS_PER_MS);
	p->reorder_ns = (uint64_t)(field(&r, o, "reorder_ms", 0, 10000, 5) * NS_PER_MS);
	p->reorder = field(&r, o, "reorder", 0, 1, 0);
	p->duplicate = field(&r, o, "duplicate", 0, 1, 0);
	order = json_object_get(o, "keep_order");
	if (order && !json_is_boolean(order))
		fail(&r, "keep_order is true or false");
	p->keep_order = !json_is_false(order);
	*why = r.why;
	return r.why ? -EINVAL : 0;
}
