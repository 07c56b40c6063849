// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the host did wrong. Every part of the probe that reads bytes from the host states the rules it checks here;
 * a broken rule never stops the stream by itself, it ends up in "errors" of the report and makes the exit code 1.
 * The same rule broken again and again only raises a count. Any thread; a lock inside (faults are rare).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#define JUDGE_FAULTS   128u
#define JUDGE_EXAMPLES 3u /* of one rule; more only raise the count of the first */

struct judge {
	pthread_mutex_t lock;
	unsigned n, total;
	struct judge_entry {
		const char *rule, *fmt;
		unsigned count;
		char text[240];
	} entry[JUDGE_FAULTS];
};

void judge_init(struct judge *j);
void judge_finish(struct judge *j);

/* rule: where the rule is written, "2-media 1.2". rule and fmt are static strings. j may be NULL (parsers in tests). */
void judge_fault(struct judge *j, const char *rule, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* How many faults were stated, repetitions included. */
unsigned judge_total(struct judge *j);
