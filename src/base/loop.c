// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS_MAX  64
#define SIGNALS_MAX 8

struct loop_fd {
	struct loop *loop;
	struct loop_fd *next; /* live list, then graveyard */
	int fd;
	bool dead;
	loop_fd_fn fn;
	void *ctx;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next;
	uint64_t at_ns; /* NS_NEVER: disarmed */
	bool dead;
	loop_fn fn;
	void *ctx;
};

struct deferred {
	struct deferred *next;
	loop_fn fn;
	void *ctx;
};

struct loop {
	int epfd;
	bool quit;
	int rc;
	struct loop_fd *fds;
	struct loop_timer *timers;
	struct deferred *deferred, **deferred_end;
	bool reap;
	/* signals */
	int sigfd;
	sigset_t sigset;
	struct loop_fd *sig_handle;
	struct {
		int signo;
		void (*fn)(void *ctx, int signo);
		void *ctx;
	} sig[SIGNALS_MAX];
	unsigned n_sig;
};

struct loop *loop_create(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->sigfd = -1;
	sigemptyset(&l->sigset);
	l->deferred_end = &l->deferred;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		free(l);
		return NULL;
	}
	return l;
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *ctx)
{
	struct loop_fd *f = calloc(1, sizeof(*f));
	struct epoll_event ev = {.events = events, .data.ptr = f};

	if (!f)
		return NULL;
	*f = (struct loop_fd){.loop = l, .fd = fd, .fn = fn, .ctx = ctx, .next = l->fds};
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(f);
		return NULL;
	}
	l->fds = f;
	return f;
}

int loop_fd_events(struct loop_fd *f, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = f};

	return epoll_ctl(f->loop->epfd, EPOLL_CTL_MOD, f->fd, &ev) < 0 ? -errno : 0;
}

void loop_fd_remove(struct loop_fd *f)
{
	if (!f || f->dead)
		return;
	epoll_ctl(f->loop->epfd, EPOLL_CTL_DEL, f->fd, NULL);
	f->dead = true;
	f->loop->reap = true;
}

struct loop_timer *loop_timer_add(struct loop *l, loop_fn fn, void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct loop_timer){.loop = l, .fn = fn, .ctx = ctx, .at_ns = NS_NEVER, .next = l->timers};
	l->timers = t;
	return t;
}

void loop_timer_arm(struct loop_timer *t, uint64_t at_ns)
{
	t->at_ns = at_ns;
}

void loop_timer_arm_in(struct loop_timer *t, uint64_t delay_ns)
{
	t->at_ns = clock_ns() + delay_ns;
}

void loop_timer_disarm(struct loop_timer *t)
{
	t->at_ns = NS_NEVER;
}

bool loop_timer_armed(const struct loop_timer *t)
{
	return t->at_ns != NS_NEVER;
}

void loop_timer_remove(struct loop_timer *t)
{
	if (!t || t->dead)
		return;
	t->at_ns = NS_NEVER;
	t->dead = true;
	t->loop->reap = true;
}

static void on_signal_fd(void *ctx, uint32_t events)
{
	struct loop *l = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(l->sigfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		for (unsigned i = 0; i < l->n_sig; i++)
			if (l->sig[i].signo == (int)info.ssi_signo)
				l->sig[i].fn(l->sig[i].ctx, l->sig[i].signo);
	}
}

int loop_signal_add(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	int fd;

	if (l->n_sig == SIGNALS_MAX)
		return -ENOSPC;
	sigaddset(&l->sigset, signo);
	if (sigprocmask(SIG_BLOCK, &l->sigset, NULL) < 0)
		return -errno;
	fd = signalfd(l->sigfd, &l->sigset, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	l->sigfd = fd;
	if (!l->sig_handle)
		l->sig_handle = loop_fd_add(l, fd, EPOLLIN, on_signal_fd, l);
	if (!l->sig_handle)
		return -ENOMEM;
	l->sig[l->n_sig].signo = signo;
	l->sig[l->n_sig].fn = fn;
	l->sig[l->n_sig].ctx = ctx;
	l->n_sig++;
	return 0;
}

int loop_defer(struct loop *l, loop_fn fn, void *ctx)
{
	struct deferred *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct deferred){.fn = fn, .ctx = ctx};
	*l->deferred_end = d;
	l->deferred_end = &d->next;
	return 0;
}

static void run_deferred(struct loop *l)
{
	struct deferred *d = l->deferred;

	l->deferred = NULL;
	l->deferred_end = &l->deferred;
	while (d) {
		struct deferred *next = d->next;

		d->fn(d->ctx);
		free(d);
		d = next;
	}
}

static void run_timers(struct loop *l)
{
	uint64_t now = clock_ns();

	/* Timers added by a callback go to the head and wait for the next round. */
	for (struct loop_timer *t = l->timers; t; t = t->next) {
		if (t->dead || t->at_ns > now)
			continue;
		t->at_ns = NS_NEVER;
		t->fn(t->ctx);
	}
}

static void reap(struct loop *l)
{
	if (!l->reap)
		return;
	l->reap = false;
	for (struct loop_fd **p = &l->fds; *p;) {
		struct loop_fd *f = *p;

		if (f->dead) {
			*p = f->next;
			free(f);
		} else {
			p = &f->next;
		}
	}
	for (struct loop_timer **p = &l->timers; *p;) {
		struct loop_timer *t = *p;

		if (t->dead) {
			*p = t->next;
			free(t);
		} else {
			p = &t->next;
		}
	}
}

static int wait_ms(struct loop *l, int timeout_ms)
{
	uint64_t at = NS_NEVER, now, ms;

	if (l->deferred)
		return 0;
	for (struct loop_timer *t = l->timers; t; t = t->next)
		if (t->at_ns < at)
			at = t->at_ns;
	if (at == NS_NEVER)
		return timeout_ms;
	now = clock_ns();
	if (at <= now)
		return 0;
	/* Rounded up: a timer never fires early. */
	ms = (at - now + NS_PER_MS - 1) / NS_PER_MS;
	if (ms > INT32_MAX)
		ms = INT32_MAX;
	return timeout_ms >= 0 && (uint64_t)timeout_ms < ms ? timeout_ms : (int)ms;
}

int loop_step(struct loop *l, int timeout_ms)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(l->epfd, ev, EVENTS_MAX, wait_ms(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct loop_fd *f = ev[i].data.ptr;

		if (!f->dead)
			f->fn(f->ctx, ev[i].events);
	}
	run_timers(l);
	run_deferred(l);
	reap(l);
	return 0;
}

int loop_run(struct loop *l)
{
	l->quit = false;
	while (!l->quit) {
		int err = loop_step(l, -1);

		if (err < 0)
			return err;
	}
	return l->rc;
}

void loop_quit(struct loop *l, int rc)
{
	l->quit = true;
	l->rc = rc;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	loop_fd_remove(l->sig_handle);
	if (l->sigfd >= 0)
		close(l->sigfd);
	while (l->deferred)
		run_deferred(l);
	for (struct loop_fd *f = l->fds; f; f = f->next)
		f->dead = true;
	for (struct loop_timer *t = l->timers; t; t = t->next)
		t->dead = true;
	l->reap = true;
	reap(l);
	close(l->epfd);
	free(l);
}

int loop_poll_fd(const struct loop *l)
{
	return l->epfd;
}
