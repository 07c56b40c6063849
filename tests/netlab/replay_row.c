// SPDX-License-Identifier: GPL-3.0-or-later
#include "replay_row.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static double ms(uint64_t ns)
{
	return (double)(ns / NS_PER_US) / 1000;
}

/* As it is printed, so that a row that was read again is equal. */
static json_t *share(double part, double whole)
{
	return json_real(whole > 0 ? round(part / whole * 1e4) / 1e4 : 0);
}

static json_t *decisions(const struct replay_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->n_decisions && i < REPLAY_DECISIONS_MAX; i++) {
		const struct replay_decision *d = &r->decision[i];

		json_array_append_new(list, json_pack("{s:f, s:s, s:I, s:s}", "ms", ms(d->at_ns), "what",
						      replay_order_name[d->order], "value", (json_int_t)d->value, "why",
						      d->why));
	}
	return list;
}

static json_t *as_recorded(const struct replay_result *r)
{
	json_t *o = json_pack("{s:I, s:[I, I], s:[I, I]}", "ticks_otherwise", (json_int_t)r->ticks_otherwise, "data",
			      (json_int_t)r->recorded_data, (json_int_t)r->replayed_data, "parity",
			      (json_int_t)r->recorded_parity, (json_int_t)r->replayed_parity);

	if (r->ticks_otherwise)
		json_object_set_new(o, "otherwise_from_ms", json_real(ms(r->otherwise_ns)));
	return o;
}

json_t *replay_row(const struct replay_result *r, const struct replay_params *p)
{
	const struct session_file *s = p->session;
	uint64_t packets = r->data + r->parity;
	char digest[17];
	json_t *o;

	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)r->digest);
	o = json_pack("{s:s, s:f, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "way", p->down ? "path" : "recorded", "seconds",
		      ms(r->ns) / 1000, "complete", s->complete && !s->missed, "frames", (json_int_t)r->frames, "sent",
		      (json_int_t)r->sent, "in_parts", (json_int_t)r->in_parts, "dropped", (json_int_t)r->dropped,
		      "passed_over", (json_int_t)r->passed_over, "blocks", (json_int_t)r->blocks);
	if (!o)
		return NULL;
	json_object_set_new(o, "packets", json_integer((json_int_t)packets));
	json_object_set_new(o, "parity_share", share((double)r->parity, (double)r->data));
	json_object_set_new(o, "mbps", share((double)r->bytes * 8e3, (double)r->ns));
	json_object_set_new(o, "densest_ms", json_integer(r->densest_ms));
	json_object_set_new(o, "longest_train", json_integer(r->longest_train));
	json_object_set_new(o, "spread_p50_ms", json_real(ms(r->spread_p50_ns)));
	json_object_set_new(o, "spread_p99_ms", json_real(ms(r->spread_p99_ns)));
	json_object_set_new(o, "frames_lost", json_integer(r->frames_lost));
	if (p->down) {
		json_object_set_new(o, "frames_not_shown", json_integer(r->frames_not_shown));
		json_object_set_new(o, "lost_packets", json_integer(r->lost_packets));
		json_object_set_new(o, "recovered_blocks", json_integer(r->recovered_blocks));
		json_object_set_new(o, "seed", json_integer((json_int_t)p->seed));
	} else {
		json_object_set_new(o, "as_recorded", as_recorded(r));
	}
	json_object_set_new(o, "digest", json_string(digest));
	json_object_set_new(o, "ticks", json_integer(r->ticks));
	json_object_set_new(o, "n_decisions", json_integer(r->n_decisions));
	json_object_set_new(o, "decisions", decisions(r));
	return o;
}

static size_t same_beginning(json_t *a, json_t *b)
{
	size_t n = 0;

	while (n < json_array_size(a) && n < json_array_size(b) &&
	       json_equal(json_array_get(a, n), json_array_get(b, n)))
		n++;
	return n;
}

json_t *replay_row_differences(json_t *there, json_t *here)
{
	json_t *o = json_object(), *now;
	const char *key;

	json_object_foreach(here, key, now)
	{
		json_t *was = json_object_get(there, key);

		if (json_equal(was, now))
			continue;
		if (strcmp(key, "decisions") == 0)
			json_object_set_new(o, "decisions_same", json_integer((json_int_t)same_beginning(was, now)));
		else
			json_object_set_new(o, key, json_pack("[O?, O]", was, now));
	}
	return o;
}
