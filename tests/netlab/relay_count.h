// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the relay counts of each direction and port, as JSON on standard output at the end, and its log, a line a
 * datagram (relay.c says what is in it). Bytes are those of Ethernet frames, as interface counters have them.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "path.h"
#include "path_spec.h"

#define RELAY_OVERHEAD 42 /* Ethernet, IPv4 and UDP headers */
#define RELAY_SECONDS  900

enum relay_dir { DOWN, UP, DIRS };

extern const char *const relay_dirs[DIRS];

struct relay_tally {
	uint64_t packets, bytes, passed, passed_bytes, dropped[PATH_FATES], duplicated, reordered;
	unsigned burst, longest_burst;
	uint64_t second[RELAY_SECONDS], second_passed[RELAY_SECONDS]; /* bytes */
};

/* Zeroed at first. The relay itself writes all but tally and log. */
struct relay_count {
	uint64_t start_ns; /* when the path's clock started, 0: it has not */
	uint64_t overflow, socket_overflow, send_failed, late_max_ns, no_flow;
	struct relay_tally tally[DIRS][PATH_PORTS];
	FILE *log; /* NULL: none */
};

int relay_count_log(struct relay_count *c, const char *file); /* -errno */
/* A datagram of len bytes of payload came at now_ns; v has the times of CLOCK_MONOTONIC at which its copies leave. */
void relay_count_packet(struct relay_count *c, enum relay_dir dir, unsigned port, size_t len, uint64_t now_ns,
			const struct path_verdict *v);
void relay_count_print(const struct relay_count *c, struct path *const path[DIRS]);
void relay_count_finish(struct relay_count *c);
