// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs on: the send thread ("video-send"); init, start, set_fd, stop and finish on main. */
#include "net/send.h"

#include <errno.h>
#include <poll.h>

#define LOG_MODULE "send"
#include "base/log.h"

/* The kernel does not say when a device queue (ENOBUFS) has room again. */
#define RETRY_NS NS_PER_MS

static uint64_t fd_word(uint64_t before, int fd)
{
	return ((before >> 32) + 1) << 32 | (uint32_t)fd;
}

static void adopt_fd(struct send *s)
{
	uint64_t wanted = atomic_load_explicit(&s->fd_wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&s->fd_taken, memory_order_relaxed))
		return;
	s->fd = (int)(uint32_t)wanted;
	s->train = (struct udp_train){0};
	s->dead = false;
	atomic_store_explicit(&s->fd_taken, wanted, memory_order_release);
	wake_poke(&s->fd_answer);
}

static void account_frame(struct send *s, const struct trace *t, uint64_t now)
{
	STAT_ADD(s->stats->frames_sent, 1);
	if (t->captured && s->first_ns > t->captured)
		hist_add(&s->stats->total, s->first_ns - t->captured);
	if (t->packed && now > t->packed)
		hist_add(&s->stats->pace, now - t->packed);
}

/* Gives cur back, and the frame's credit with its last batch. */
static void finish_batch(struct send *s)
{
	bool last = s->cur->last;

	batch_put(s->pool, s->cur);
	s->cur = NULL;
	s->next = 0;
	if (!last)
		return;
	s->dropping = false;
	s->first_ns = 0;
	credit_give(s->credit);
}

/* What is left of cur's frame goes nowhere; batches of it that pack has not finished yet will follow cur's way. */
static void drop_frame(struct send *s)
{
	s->dropping = true;
	STAT_ADD(s->stats->frames_dropped, 1);
	feedback_post_rfi(s->feedback, s->cur->frame_no, s->cur->frame_no);
}

static void wait_writable(struct send *s, uint64_t deadline_ns)
{
	struct pollfd pfd[] = {{.fd = s->fd, .events = POLLOUT}, {.fd = s->wake.fd, .events = POLLIN}};
	uint64_t now = clock_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec ts = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};

	if (wake_arm(&s->wake))
		ppoll(pfd, 2, &ts, NULL);
	wake_disarm(&s->wake);
}

/* No route, no permission, an interface that went down: the network may come back. A socket error will not. */
static bool passes(int err)
{
	switch (err) {
	case -EBADF:
	case -ENOTSOCK:
	case -ENOTCONN:
	case -EDESTADDRREQ:
	case -EINVAL:
	case -EFAULT:
	case -EMSGSIZE: /* the client chose a packet size that the path does not carry */
		return false;
	default:
		return true;
	}
}

static void refused(struct send *s, int err)
{
	STAT_ADD(s->stats->send_errors, 1);
	if (passes(err)) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "cannot send now (errno %d), frame %u dropped", -err,
			  s->cur->frame_no);
	} else {
		log_err("the video socket is unusable (errno %d)", -err);
		s->dead = true;
		s->failed(s->ctx, err);
	}
	drop_frame(s);
}

/* A train left, or part of one. */
static void sent(struct send *s, unsigned count, uint64_t now)
{
	pacer_sent(&s->pacer, now, count, s->packet_len, s->ceiling_kbps);
	STAT_ADD(s->stats->packets_sent, count);
	STAT_ADD(s->stats->bytes_sent, (uint64_t)count * s->packet_len);
	if (!s->first_ns)
		s->first_ns = now;
	s->next += count;
	if (s->next < s->cur->n_packets)
		return;
	if (s->cur->last)
		account_frame(s, &s->cur->t, now);
	finish_batch(s);
}

static void send_some(struct send *s)
{
	uint64_t now = clock_ns();
	struct pacer_step step;
	int n;

	if (s->cur->broken || s->dead || now >= s->cur->deadline_ns) {
		drop_frame(s);
		return;
	}
	step = pacer_next(&s->pacer, now, s->cur->n_packets - s->next, s->packet_len, s->ceiling_kbps);
	if (!step.count) {
		wake_wait(&s->wake, step.at_ns < s->cur->deadline_ns ? step.at_ns : s->cur->deadline_ns);
		return;
	}
	n = udp_train_send(&s->train, s->fd, s->cur->bytes + (size_t)s->next * s->packet_len, s->packet_len,
			   step.count);
	if (n > 0)
		sent(s, (unsigned)n, now);
	else if (n == -EAGAIN)
		wait_writable(s, s->cur->deadline_ns);
	else if (n == -ENOBUFS)
		wake_wait(&s->wake, now + RETRY_NS);
	else
		refused(s, n);
}

static void run(void *arg)
{
	struct send *s = arg;

	log_hot_bind(s->log);
	thread_try_realtime();
	while (!thread_should_stop(&s->thread)) {
		adopt_fd(s);
		if (!s->cur)
			s->cur = ring_pop(&s->in);
		if (!s->cur)
			wake_wait(&s->wake, NS_NEVER);
		else if (s->dropping)
			finish_batch(s);
		else
			send_some(s);
	}
	log_hot_bind(NULL);
}

int send_init(struct send *s)
{
	int err = wake_init(&s->wake);

	if (!err)
		err = wake_init(&s->fd_answer);
	if (!err)
		err = ring_init(&s->in, BATCH_COUNT);
	return err;
}

void send_finish(struct send *s)
{
	ring_finish(&s->in);
	wake_finish(&s->fd_answer);
	wake_finish(&s->wake);
}

int send_start(struct send *s, int fd)
{
	atomic_store(&s->fd_wanted, fd_word(0, fd));
	atomic_store(&s->fd_taken, 0);
	return thread_start(&s->thread, "video-send", run, s);
}

void send_set_fd(struct send *s, int fd)
{
	uint64_t word = fd_word(atomic_load(&s->fd_wanted), fd);

	atomic_store_explicit(&s->fd_wanted, word, memory_order_release);
	wake_poke(&s->wake);
	while (atomic_load_explicit(&s->fd_taken, memory_order_acquire) != word)
		wake_wait(&s->fd_answer, NS_NEVER);
}

void send_stop(struct send *s)
{
	thread_stop(&s->thread);
	wake_poke(&s->wake);
	thread_join(&s->thread);
	while (s->cur || (s->cur = ring_pop(&s->in)))
		finish_batch(s);
}
