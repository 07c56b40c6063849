// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Logging. A file says what it is before the include:
 *
 *	#define LOG_MODULE "fec"
 *	#include "base/log.h"
 *
 * The level is tested before the arguments are evaluated. On ordinary threads a line is written at once (to stderr,
 * with the journal's <N> prefix when it is connected to one). A hot thread binds a log_hot first: its lines are
 * formatted into a ring of fixed records, without lock or system call, and the main thread prints them.
 * info tells a user's story (paired, client, codec, why a fall-back); secrets (PIN, keys) are logged at no level.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DBG, LOG_LEVEL_TRACE };

extern atomic_int log_level_max; /* read through log_on() */

static inline bool log_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&log_level_max, memory_order_relaxed);
}

void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug", "trace"; -EINVAL for another word. */
int log_level_parse(const char *word, enum log_level *level);

void log_write(enum log_level level, const char *module, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Appends ": " and the text of the (negative or positive) errno value. */
void log_write_errno(int err, const char *module, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_at(level, ...)                                                                                             \
	do {                                                                                                           \
		if (log_on(level))                                                                                     \
			log_write((level), LOG_MODULE, __VA_ARGS__);                                                   \
	} while (0)
#define log_err(...)        log_at(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)       log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)       log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_dbg(...)        log_at(LOG_LEVEL_DBG, __VA_ARGS__)
#define log_trace(...)      log_at(LOG_LEVEL_TRACE, __VA_ARGS__)
#define log_errno(err, ...) log_write_errno((err), LOG_MODULE, __VA_ARGS__)

/* At most one line per interval and place, for trouble that can come with every packet. */
#define log_every(interval_ns, level, ...)                                                                             \
	do {                                                                                                           \
		static atomic_ullong log_next_;                                                                        \
		unsigned long long now_ = clock_ns(), next_ = atomic_load(&log_next_);                                 \
		if (log_on(level) && now_ >= next_ &&                                                                  \
		    atomic_compare_exchange_strong(&log_next_, &next_, now_ + (interval_ns)))                          \
			log_write((level), LOG_MODULE, __VA_ARGS__);                                                   \
	} while (0)

/*
 * Hot threads. Created and destroyed on the main thread; bound and unbound by the hot thread itself. When the ring is
 * full the newest record is dropped and counted; the count is printed with the next drain.
 */
struct log_hot;

struct log_hot *log_hot_create(const char *thread_name); /* NULL: no memory */
void log_hot_destroy(struct log_hot *h);                 /* main; the thread has been joined; drains first */
void log_hot_bind(struct log_hot *h);                    /* calling thread; NULL unbinds */
void log_hot_drain(void);                                /* main; prints what all hot threads left */
