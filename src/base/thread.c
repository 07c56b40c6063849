// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Ample for our own frames and for the libraries that run on our threads; the default of 8 MiB is only address
 * space, but a small stack shows runaway recursion early. */
#define THREAD_STACK       (512 * 1024)
#define THREAD_RT_PRIORITY 5
#define THREAD_NICE        (-10)
#define THREAD_SLICE_NS    100000u /* the shortest that kernels grant */
#define FLAG_RESET_ON_FORK 1u      /* SCHED_FLAG_RESET_ON_FORK */

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	pthread_setname_np(pthread_self(), t->name);
	prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
	t->run(t->arg);
	return NULL;
}

int thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	t->name = name;
	t->run = run;
	t->arg = arg;
	atomic_store(&t->stop, false);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&t->id, &attr, thread_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	t->running = !err;
	return -err;
}

void thread_stop(struct thread *t)
{
	atomic_store_explicit(&t->stop, true, memory_order_release);
}

void thread_join(struct thread *t)
{
	if (!t->running)
		return;
	pthread_join(t->id, NULL);
	t->running = false;
}

bool thread_try_realtime(void)
{
	struct sched_param sp = {.sched_priority = THREAD_RT_PRIORITY};

	if (pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &sp) == 0)
		return true;
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), THREAD_NICE);
	return false;
}

/* First version of the kernel's struct sched_attr; its header and libc's <sched.h> cannot both be included. */
struct fair_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t rt_priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

void thread_try_soon(void)
{
	struct fair_attr a = {
		.size = sizeof(a),
		.policy = SCHED_OTHER,
		.flags = FLAG_RESET_ON_FORK,
		.nice = THREAD_NICE,
		.runtime_ns = THREAD_SLICE_NS,
	};

	if (syscall(SYS_sched_setattr, 0, &a, 0) == 0)
		return;
	a.nice = getpriority(PRIO_PROCESS, 0);
	syscall(SYS_sched_setattr, 0, &a, 0);
}
