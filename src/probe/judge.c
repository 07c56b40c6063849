// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "judge"
#include "base/log.h"

void judge_init(struct judge *j)
{
	*j = (struct judge){0};
	pthread_mutex_init(&j->lock, NULL);
}

void judge_finish(struct judge *j)
{
	pthread_mutex_destroy(&j->lock);
}

void judge_fault(struct judge *j, const char *rule, const char *fmt, ...)
{
	struct judge_entry *e = NULL;
	unsigned alike = 0;
	char text[sizeof(e->text)];
	va_list ap;

	if (!j)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&j->lock);
	j->total++;
	for (unsigned i = 0; i < j->n; i++) {
		struct judge_entry *at = &j->entry[i];

		if (at->fmt != fmt || at->rule != rule)
			continue;
		if (!e || strcmp(at->text, text) == 0)
			e = at;
		alike++;
	}
	if (e && (alike >= JUDGE_EXAMPLES || strcmp(e->text, text) == 0)) {
		e->count++;
	} else if (j->n < JUDGE_FAULTS) {
		e = &j->entry[j->n++];
		*e = (struct judge_entry){.rule = rule, .fmt = fmt, .count = 1};
		strcpy(e->text, text);
		log_warn("%s: %s", rule, e->text);
	}
	pthread_mutex_unlock(&j->lock);
}

unsigned judge_total(struct judge *j)
{
	unsigned n;

	pthread_mutex_lock(&j->lock);
	n = j->total;
	pthread_mutex_unlock(&j->lock);
	return n;
}
