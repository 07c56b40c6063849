// SPDX-License-Identifier: GPL-3.0-or-later
/* Named threads with a stop flag. Started and joined by their creator only. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct thread {
	pthread_t id;
	const char *name; /* static string, at most 15 characters */
	void (*run)(void *arg);
	void *arg;
	bool running;
	atomic_bool stop;
};

/* All signals are blocked in the new thread; its timer slack is 1 ns. -errno. */
int thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg);

/* Any thread: asks to stop; the caller pokes the thread's wake itself. */
void thread_stop(struct thread *t);

static inline bool thread_should_stop(struct thread *t)
{
	return atomic_load_explicit(&t->stop, memory_order_acquire);
}

/* Creator. Accepts a zeroed or already joined thread. */
void thread_join(struct thread *t);

/* Calling thread: tries SCHED_RR at a low real-time priority, else nice -10; whatever is refused is left as it was.
 * Returns whether real-time scheduling was granted. */
bool thread_try_realtime(void);

/* Calling thread: tries to get a processor sooner than other ordinary threads do, by short slices (Linux 6.12, no
 * privilege) and nice -10. For threads on which a library may compute too long for real time. Threads that it starts
 * are ordinary again. */
void thread_try_soon(void);
