// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HOT_RECORDS 128u
#define HOT_TEXT    232u
#define LINE_MAX_   1024

struct hot_record {
	uint8_t level;
	const char *module;
	char text[HOT_TEXT];
};

struct log_hot {
	struct log_hot *next; /* main */
	const char *thread;
	_Alignas(64) atomic_uint head; /* main */
	_Alignas(64) atomic_uint tail; /* hot thread */
	atomic_uint dropped;
	struct hot_record record[HOT_RECORDS];
};

atomic_int log_level_max = LOG_LEVEL_INFO;

static struct log_hot *hot_list; /* main */
static _Thread_local struct log_hot *hot_self;

static const char *const level_word[] = {"error", "warn", "info", "debug", "trace"};
static const int level_syslog[] = {3, 4, 6, 7, 7};

void log_set_level(enum log_level level)
{
	atomic_store(&log_level_max, (int)level);
}

int log_level_parse(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < sizeof(level_word) / sizeof(*level_word); i++) {
		if (strcasecmp(word, level_word[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool to_journal(void)
{
	static atomic_int known; /* 0 unknown, 1 no, 2 yes */
	int k = atomic_load(&known);

	if (!k) {
		k = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO) ? 2 : 1;
		atomic_store(&known, k);
	}
	return k == 2;
}

static void print_line(enum log_level level, const char *module, const char *text)
{
	char line[LINE_MAX_];
	int n;

	if (to_journal())
		n = snprintf(line, sizeof(line), "<%d>%s: %s\n", level_syslog[level], module, text);
	else
		n = snprintf(line, sizeof(line), "%-5s %s: %s\n", level_word[level], module, text);
	if (n < 0)
		return;
	if (n >= (int)sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* One write, so that lines of several threads do not mix. Nothing can be done when stderr is gone. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

__attribute__((format(printf, 4, 0))) static void hot_vwrite(struct log_hot *h, enum log_level level,
							     const char *module, const char *fmt, va_list ap)
{
	unsigned tail = atomic_load_explicit(&h->tail, memory_order_relaxed);
	struct hot_record *r = &h->record[tail % HOT_RECORDS];

	if (tail - atomic_load_explicit(&h->head, memory_order_acquire) >= HOT_RECORDS) {
		atomic_fetch_add_explicit(&h->dropped, 1, memory_order_relaxed);
		return;
	}
	r->level = (uint8_t)level;
	r->module = module;
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	atomic_store_explicit(&h->tail, tail + 1, memory_order_release);
}

__attribute__((format(printf, 3, 0))) static void vwrite(enum log_level level, const char *module, const char *fmt,
							 va_list ap)
{
	char text[LINE_MAX_];

	if (hot_self) {
		hot_vwrite(hot_self, level, module, fmt, ap);
		return;
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	print_line(level, module, text);
}

void log_write(enum log_level level, const char *module, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vwrite(level, module, fmt, ap);
	va_end(ap);
}

void log_write_errno(int err, const char *module, const char *fmt, ...)
{
	char text[LINE_MAX_], reason[128];
	va_list ap;

	if (!log_on(LOG_LEVEL_ERR))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(LOG_LEVEL_ERR, module, "%.800s: %s", text, strerror_r(err < 0 ? -err : err, reason, sizeof(reason)));
}

struct log_hot *log_hot_create(const char *thread_name)
{
	struct log_hot *h = aligned_alloc(64, (sizeof(*h) + 63) / 64 * 64);

	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->thread = thread_name;
	h->next = hot_list;
	hot_list = h;
	return h;
}

static void drain_one(struct log_hot *h)
{
	unsigned head = atomic_load_explicit(&h->head, memory_order_relaxed);
	unsigned tail = atomic_load_explicit(&h->tail, memory_order_acquire);
	unsigned dropped = atomic_exchange(&h->dropped, 0);

	for (; head != tail; head++) {
		struct hot_record *r = &h->record[head % HOT_RECORDS];

		print_line((enum log_level)r->level, r->module, r->text);
		atomic_store_explicit(&h->head, head + 1, memory_order_release);
	}
	if (dropped)
		log_write(LOG_LEVEL_WARN, h->thread, "%u log lines dropped", dropped);
}

void log_hot_drain(void)
{
	for (struct log_hot *h = hot_list; h; h = h->next)
		drain_one(h);
}

void log_hot_bind(struct log_hot *h)
{
	hot_self = h;
}

void log_hot_destroy(struct log_hot *h)
{
	if (!h)
		return;
	drain_one(h);
	for (struct log_hot **p = &hot_list; *p; p = &(*p)->next) {
		if (*p == h) {
			*p = h->next;
			break;
		}
	}
	free(h);
}
