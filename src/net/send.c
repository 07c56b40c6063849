// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs on: the tx thread; send_finish() on main. */
#include "net/send.h"

#include <errno.h>

#define LOG_MODULE "send"
#include "base/log.h"

/* The kernel does not say when a device queue (ENOBUFS) has room again. */
#define RETRY_NS NS_PER_MS
/* Longer than a thread is late, shorter than a frame: what the kernel holds cannot be taken back. */
#define AHEAD_NS (2 * NS_PER_MS)

static const struct send_step done = {.what = SEND_DONE};

void send_set_fd(struct send *s, int fd)
{
	s->fd = fd;
	udp_train_init(&s->train, fd);
	s->dead = false;
}

static void account_frame(struct send *s, const struct trace *t, uint64_t now)
{
	STAT_ADD(s->stats->frames_sent, 1);
	if (t->captured && s->first_ns > t->captured)
		hist_add(&s->stats->total, s->first_ns - t->captured);
	if (t->packed && now > t->packed)
		hist_add(&s->stats->pace, now - t->packed);
}

/* Gives the front batch back, and the frame's credit with its last. */
static void finish_front(struct send *s)
{
	bool last = batch_front(s->pool)->last;

	batch_pop(s->pool);
	s->next = 0;
	if (!last)
		return;
	s->dropping = false;
	s->first_ns = 0;
	credit_give(s->credit);
}

/* What is left of the frame goes nowhere; batches of it that are not packed yet will follow. */
static void drop_frame(struct send *s, const struct pkt_batch *b)
{
	s->dropping = true;
	STAT_ADD(s->stats->frames_dropped, 1);
	if (!gate_stops(s->gate, b->epoch, b->frame_no))
		gate_close(s->gate, b->frame_no, s->first_ns != 0);
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

static struct send_step refused(struct send *s, const struct pkt_batch *b, int err)
{
	STAT_ADD(s->stats->send_errors, 1);
	drop_frame(s, b);
	if (passes(err)) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "cannot send now (errno %d), frame %u dropped", -err, b->frame_no);
		return done;
	}
	log_err("the video socket is unusable (errno %d)", -err);
	s->dead = true;
	return (struct send_step){.what = SEND_DEAD, .err = err};
}

/* A train left, or part of one. */
static void sent(struct send *s, const struct pkt_batch *b, unsigned count, uint64_t now)
{
	pacer_sent(&s->pacer, now, count, s->packet_len, TUNE_GET(s->tune->ceiling_kbps));
	STAT_ADD(s->stats->packets_sent, count);
	STAT_ADD(s->stats->bytes_sent, (uint64_t)count * s->packet_len);
	if (!s->first_ns)
		s->first_ns = now;
	s->next += count;
	if (s->next < b->n_packets)
		return;
	if (b->last)
		account_frame(s, &b->t, now);
	finish_front(s);
}

struct send_step send_step(struct send *s)
{
	const struct pkt_batch *b = batch_front(s->pool);
	struct pacer_step step;
	uint64_t now, at = 0;
	int n;

	if (!b)
		return (struct send_step){.what = SEND_IDLE};
	if (s->dropping) {
		finish_front(s);
		return done;
	}
	now = clock_ns();
	if (b->broken || s->dead || now >= b->deadline_ns || gate_stops(s->gate, b->epoch, b->frame_no)) {
		drop_frame(s, b);
		return done;
	}
	step = pacer_next(&s->pacer, now, b->n_packets - s->next, s->packet_len, TUNE_GET(s->tune->ceiling_kbps));
	/* A queue that keeps times is told a little ahead: then it does not matter when this thread wakes. */
	if (!step.count && s->train.timed && step.at_ns <= now + AHEAD_NS) {
		at = step.at_ns;
		step = pacer_next(&s->pacer, at, b->n_packets - s->next, s->packet_len,
				  TUNE_GET(s->tune->ceiling_kbps));
	}
	if (!step.count) {
		uint64_t wake_at = s->train.timed ? step.at_ns - AHEAD_NS / 2 : step.at_ns;

		s->due_ns = s->train.timed ? 0 : step.at_ns; /* the queue's own lateness cannot be seen from here */
		return (struct send_step){
			.what = SEND_WAIT,
			.at_ns = wake_at < b->deadline_ns ? wake_at : b->deadline_ns,
		};
	}
	if (s->due_ns)
		hist_add(&s->stats->late, now - s->due_ns);
	s->due_ns = 0;
	n = udp_train_send(&s->train, s->fd, b->bytes + (size_t)s->next * s->packet_len, s->packet_len, step.count, at);
	if (n == -EAGAIN)
		return (struct send_step){.what = SEND_BLOCKED, .at_ns = b->deadline_ns};
	if (n == -ENOBUFS)
		return (struct send_step){.what = SEND_WAIT, .at_ns = now + RETRY_NS};
	if (n < 0)
		return refused(s, b, n);
	/* Not now: whatever held this thread up before the packets really left must not bring the next train closer. */
	now = clock_ns();
	sent(s, b, (unsigned)n, at > now ? at : now);
	return done;
}

void send_finish(struct send *s)
{
	while (batch_front(s->pool))
		finish_front(s);
}
