// SPDX-License-Identifier: GPL-3.0-or-later
#include "relay_count.h"

#include <errno.h>
#include <jansson.h>
#include <time.h>

#include "base/clock.h"

const char *const relay_dirs[DIRS] = {"down", "up"};
static const char *const fate_names[PATH_FATES] = {"pass", "outage", "lost", "queue"};

int relay_count_log(struct relay_count *c, const char *file)
{
	c->log = fopen(file, "w");
	if (!c->log)
		return -errno;
	setvbuf(c->log, NULL, _IOFBF, 1 << 20);
	return 0;
}

static void add_second(const struct relay_count *c, uint64_t *seconds, uint64_t at_ns, uint64_t bytes)
{
	uint64_t s = c->start_ns && at_ns > c->start_ns ? (at_ns - c->start_ns) / NS_PER_S : 0;

	if (c->start_ns && s < RELAY_SECONDS)
		seconds[s] += bytes;
}

void relay_count_packet(struct relay_count *c, enum relay_dir dir, unsigned port, size_t len, uint64_t now_ns,
			const struct path_verdict *v)
{
	struct relay_tally *t = &c->tally[dir][port];
	uint64_t bytes = len + RELAY_OVERHEAD;

	t->packets++;
	t->bytes += bytes;
	add_second(c, t->second, now_ns, bytes);
	t->dropped[v->fate] += v->fate != PATH_PASS;
	t->duplicated += v->copies > 1;
	t->reordered += v->reordered;
	t->burst = v->fate == PATH_PASS ? 0 : t->burst + 1;
	if (t->burst > t->longest_burst)
		t->longest_burst = t->burst;
	if (v->fate == PATH_PASS) {
		t->passed++;
		t->passed_bytes += bytes;
	}
	for (unsigned i = 0; i < v->copies; i++)
		add_second(c, t->second_passed, v->at_ns[i], bytes);
	if (c->log)
		fprintf(c->log, "%llu %s %s %zu %s %llu\n", (unsigned long long)(now_ns / NS_PER_US), relay_dirs[dir],
			path_ports[port], len, fate_names[v->fate],
			v->copies ? (unsigned long long)(v->at_ns[0] / NS_PER_US) : 0);
}

static json_t *seconds_json(const uint64_t *s)
{
	json_t *list = json_array();
	unsigned n = RELAY_SECONDS;

	while (n && !s[n - 1])
		n--;
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)s[i]));
	return list;
}

static json_t *tally_json(const struct relay_tally *t)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:i,s:o,s:o}", "packets", (json_int_t)t->packets,
			 "bytes", (json_int_t)t->bytes, "passed", (json_int_t)t->passed, "passed_bytes",
			 (json_int_t)t->passed_bytes, "lost", (json_int_t)t->dropped[PATH_LOST], "outage",
			 (json_int_t)t->dropped[PATH_OUTAGE], "queue_full", (json_int_t)t->dropped[PATH_QUEUE_FULL],
			 "duplicated", (json_int_t)t->duplicated, "reordered", (json_int_t)t->reordered,
			 "longest_burst", (int)t->longest_burst, "second", seconds_json(t->second), "second_passed",
			 seconds_json(t->second_passed));
}

void relay_count_print(const struct relay_count *c, struct path *const path[DIRS])
{
	json_t *o = json_object();
	struct timespec cpu;

	for (unsigned d = 0; d < DIRS; d++) {
		json_t *dir = json_object();

		for (unsigned i = 0; i < PATH_PORTS; i++)
			json_object_set_new(dir, path_ports[i], tally_json(&c->tally[d][i]));
		json_object_set_new(dir, "queue_high", json_integer((json_int_t)path_queue_high(path[d])));
		json_object_set_new(o, relay_dirs[d], dir);
	}
	json_object_set_new(o, "start_us", json_integer((json_int_t)(c->start_ns / NS_PER_US)));
	json_object_set_new(o, "overflow", json_integer((json_int_t)(c->overflow + c->socket_overflow)));
	json_object_set_new(o, "send_failed", json_integer((json_int_t)(c->send_failed + c->no_flow)));
	json_object_set_new(o, "late_us_max", json_integer((json_int_t)(c->late_max_ns / NS_PER_US)));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	json_object_set_new(o, "cpu_ms", json_integer((json_int_t)cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

void relay_count_finish(struct relay_count *c)
{
	if (c->log)
		fclose(c->log);
}
