// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The main thread's epoll loop: file descriptors, timers, signals, deferred calls. Everything here belongs to the
 * thread that runs the loop; other threads reach it only through an fd (usually a wake). Handles may be removed
 * inside any callback, their own included: memory is freed after the current dispatch round.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_fd;
struct loop_timer;

typedef void (*loop_fd_fn)(void *ctx, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
typedef void (*loop_fn)(void *ctx);

struct loop *loop_create(void); /* NULL: errno says why */
void loop_destroy(struct loop *l);

/* The fd stays the caller's and must outlive the handle. NULL: errno says why. */
struct loop_fd *loop_fd_add(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *ctx);
int loop_fd_events(struct loop_fd *f, uint32_t events); /* -errno */
void loop_fd_remove(struct loop_fd *f);                 /* accepts NULL */

/* A timer starts disarmed and fires once per arming. */
struct loop_timer *loop_timer_add(struct loop *l, loop_fn fn, void *ctx); /* NULL: no memory */
void loop_timer_arm(struct loop_timer *t, uint64_t at_ns);                /* absolute clock_ns() time */
void loop_timer_arm_in(struct loop_timer *t, uint64_t delay_ns);
void loop_timer_disarm(struct loop_timer *t);
bool loop_timer_armed(const struct loop_timer *t);
void loop_timer_remove(struct loop_timer *t); /* accepts NULL */

/* Calls fn(ctx, signo) on the loop; blocks the signal for the process: call before threads start. -errno. */
int loop_signal_add(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);

/* Runs fn once after the current dispatch round. -ENOMEM. */
int loop_defer(struct loop *l, loop_fn fn, void *ctx);

/* Returns what loop_quit() was given, or -errno. */
int loop_run(struct loop *l);
void loop_quit(struct loop *l, int rc);
/* One round; waits at most timeout_ms (-1: until something happens). For tests and foreign loops. -errno. */
int loop_step(struct loop *l, int timeout_ms);
/* For foreign loops: readable when a round would find an fd ready (timers do not show). The loop's. */
int loop_poll_fd(const struct loop *l);
