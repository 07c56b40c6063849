// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/closer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#define LOG_MODULE "encode"
#include "base/log.h"

struct closing {
	struct closing *next;
	const void *kind;
	const char *name;
	void (*close)(void *what);
	void *what;
	struct thread thread;
	uint64_t begun_ns;
	bool waited; /* its closer_close() has not returned */
	bool done;   /* the thread does nothing any more */
	bool told;   /* that it hangs */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended; /* counts on CLOCK_MONOTONIC */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct closing *list;

static void init(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ended, &attr);
	pthread_condattr_destroy(&attr);
}

static void run(void *arg)
{
	struct closing *c = arg;

	c->close(c->what);
	pthread_mutex_lock(&lock);
	c->done = true;
	pthread_cond_broadcast(&ended);
	pthread_mutex_unlock(&lock);
}

static bool hangs(const struct closing *c, uint64_t now)
{
	return !c->done && now - c->begun_ns >= CLOSER_PATIENCE_NS;
}

/* Locked. False: that time is over. */
static bool wait_until(uint64_t at_ns)
{
	const struct timespec at = {(time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S)};

	return pthread_cond_timedwait(&ended, &lock, &at) == 0;
}

/* Locked: joins what has ended. */
static void reap(void)
{
	struct closing **p = &list;

	while (*p) {
		struct closing *c = *p;

		if (!c->done || c->waited) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		thread_join(&c->thread); /* it may still have to let go of the lock, no more */
		if (c->told)
			log_info("%s: what hung is closed after all", c->name);
		free(c);
	}
}

/* Takes c. */
static bool begin(struct closing *c)
{
	int rc;

	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	rc = thread_start(&c->thread, "close", run, c);
	if (rc == 0) {
		c->next = list;
		list = c;
	}
	pthread_mutex_unlock(&lock);
	if (rc < 0)
		free(c);
	return rc == 0;
}

int closer_run(const void *kind, const char *name, void (*close)(void *what), void *what, uint64_t wait_ns)
{
	struct closing *c = calloc(1, sizeof(*c));
	uint64_t now = clock_ns();
	int rc = 0;

	if (c)
		*c = (struct closing){
			.kind = kind,
			.name = name,
			.close = close,
			.what = what,
			.begun_ns = now,
			.waited = true,
		};
	if (!c || !begin(c)) {
		close(what);
		return 0;
	}
	pthread_mutex_lock(&lock);
	while (!c->done && wait_until(now + wait_ns))
		continue;
	if (!c->done)
		rc = -ETIMEDOUT;
	c->waited = false;
	reap();
	pthread_mutex_unlock(&lock);
	return rc;
}

static void close_encoder(void *what)
{
	encoder_close(what);
}

int closer_close(struct encoder *e, uint64_t wait_ns)
{
	if (e && e->ops->hardware)
		return closer_run(e->ops, e->ops->name, close_encoder, e, wait_ns);
	encoder_close(e);
	return 0;
}

static unsigned count(const void *kind)
{
	uint64_t now = clock_ns();
	unsigned n = 0;

	for (const struct closing *c = list; c; c = c->next)
		n += (!kind || c->kind == kind) && hangs(c, now);
	return n;
}

/* Locked: when the last of them has no time left; 0: none has any. */
static uint64_t judged_at(const void *kind)
{
	uint64_t now = clock_ns(), at = 0;

	for (const struct closing *c = list; c; c = c->next)
		if ((!kind || c->kind == kind) && !c->done && !hangs(c, now) && c->begun_ns + CLOSER_PATIENCE_NS > at)
			at = c->begun_ns + CLOSER_PATIENCE_NS;
	return at;
}

static void give_time(const void *kind)
{
	uint64_t at;

	while ((at = judged_at(kind)))
		wait_until(at);
}

static void tell(void)
{
	uint64_t now = clock_ns();

	for (struct closing *c = list; c; c = c->next) {
		if (c->told || !hangs(c, now))
			continue;
		c->told = true;
		log_err("%s: closing it hangs in its driver: it is left alone with what it holds, "
			"and none is opened while that lasts",
			c->name);
	}
}

bool closer_hangs(const void *kind, bool wait)
{
	bool some;

	pthread_mutex_lock(&lock);
	if (wait)
		give_time(kind);
	reap();
	tell();
	some = count(kind);
	pthread_mutex_unlock(&lock);
	return some;
}

unsigned closer_hung(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	reap();
	tell();
	n = count(NULL);
	pthread_mutex_unlock(&lock);
	return n;
}

bool closer_look(void)
{
	bool more;

	pthread_mutex_lock(&lock);
	reap();
	tell();
	more = list;
	pthread_mutex_unlock(&lock);
	return more;
}

bool closer_finish(void)
{
	const uint64_t until = clock_ns() + CLOSER_MEND_NS;
	bool none;

	pthread_mutex_lock(&lock);
	for (reap(); list && wait_until(until); reap())
		continue;
	none = !list;
	pthread_mutex_unlock(&lock);
	return none;
}
