// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Runs on: the tx thread ("video-tx"); start, set_fd and stop on main.
 *
 * One thread does both halves: what is due is sent, else what is there is packed, block by block, else it sleeps. So
 * packing happens in the gaps between trains, and a frame costs one wake for its first train instead of two.
 */
#include "net/video_tx.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "net"
#include "base/log.h"
#include "base/thread.h"

#include "net/pack.h"
#include "net/send.h"

/* A frame that the network holds up for longer than this many frame times, beyond the time that its own bytes need at
 * the ceiling, is worth less than the ones behind it. */
#define PATIENCE_FRAMES 3u

struct video_tx {
	/* constant */
	const struct video_tx_events *ev;
	void *ctx;
	struct wake *wake; /* the thread's; the pipeline's */
	struct log_hot *log;
	struct thread thread;
	/* main asks for another socket: generation << 32 | fd; the tx thread answers with the same word */
	_Atomic uint64_t fd_wanted, fd_taken;
	struct wake fd_answer; /* main's */
	/* tx thread */
	struct gate gate;
	struct batch_pool pool;
	struct pack pack;
	struct send send;
};

static uint64_t fd_word(uint64_t before, int fd)
{
	return ((before >> 32) + 1) << 32 | (uint32_t)fd;
}

static void adopt_fd(struct video_tx *tx)
{
	uint64_t wanted = atomic_load_explicit(&tx->fd_wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&tx->fd_taken, memory_order_relaxed))
		return;
	send_set_fd(&tx->send, (int)(uint32_t)wanted);
	atomic_store_explicit(&tx->fd_taken, wanted, memory_order_release);
	wake_poke(&tx->fd_answer);
}

static void wait_writable(struct video_tx *tx, uint64_t deadline_ns)
{
	struct pollfd pfd[] = {{.fd = tx->send.fd, .events = POLLOUT}, {.fd = tx->wake->fd, .events = POLLIN}};
	uint64_t now = clock_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec ts = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};

	if (wake_arm(tx->wake))
		ppoll(pfd, 2, &ts, NULL);
	wake_disarm(tx->wake);
}

static void run(void *arg)
{
	struct video_tx *tx = arg;

	log_hot_bind(tx->log);
	thread_try_realtime();
	while (!thread_should_stop(&tx->thread)) {
		struct send_step step;
		int packed;

		adopt_fd(tx);
		step = send_step(&tx->send);
		if (step.what == SEND_DEAD)
			tx->ev->failed(tx->ctx, step.err);
		if (step.what == SEND_DONE || step.what == SEND_DEAD)
			continue;
		packed = pack_step(&tx->pack);
		if (packed < 0) {
			log_err("no frame can be packed any more (errno %d)", -packed);
			tx->ev->failed(tx->ctx, packed);
		}
		if (packed)
			continue;
		if (step.what == SEND_BLOCKED)
			wait_writable(tx, step.at_ns);
		else
			wake_wait(tx->wake, step.what == SEND_WAIT ? step.at_ns : NS_NEVER);
	}
	log_hot_bind(NULL);
}

static void set_up(struct video_tx *tx, const struct video_tx_params *p, uint16_t packet_len)
{
	tx->gate.feedback = p->feedback;
	tx->send.packet_len = packet_len;
	tx->send.tune = p->tune;
	tx->send.pool = &tx->pool;
	tx->send.credit = p->credit;
	tx->send.gate = &tx->gate;
	tx->send.stats = p->stats;

	tx->pack.with_parity = p->video.fec_percent != 0;
	tx->pack.fec_min = p->video.fec_min;
	tx->pack.tune = p->tune;
	tx->pack.patience_ns = PATIENCE_FRAMES * 1000 * NS_PER_S / p->video.fps_mhz;
	tx->pack.fixed_blocks = p->fixed_blocks;
	tx->pack.in = p->in;
	tx->pack.pool = &tx->pool;
	tx->pack.credit = p->credit;
	tx->pack.gate = &tx->gate;
	tx->pack.stats = p->stats;
	log_dbg("%u byte packets, %s, pacing ceiling %u kbit/s", packet_len, p->video.encrypt ? "encrypted" : "plain",
		TUNE_GET(p->tune->ceiling_kbps));
}

int video_tx_start(struct video_tx **out, const struct video_tx_params *p, int fd, const struct video_tx_events *ev,
		   void *ctx)
{
	struct packetizer_params pp = {
		.packet_size = p->video.packet_size,
		.encrypt = p->video.encrypt,
		.iv_generation = p->iv_generation,
	};
	uint16_t packet_len = packetizer_packet_len(&pp);
	struct video_tx *tx = calloc(1, sizeof(*tx));
	int err;

	if (!tx)
		return -ENOMEM;
	tx->ev = ev;
	tx->ctx = ctx;
	tx->wake = p->tx_wake;
	set_up(tx, p, packet_len);

	err = wake_init(&tx->fd_answer);
	if (!err)
		err = batch_pool_init(&tx->pool, packet_len);
	if (err)
		goto fail;
	memcpy(pp.key, p->keys.key, sizeof(pp.key));
	tx->pack.packetizer = packetizer_create(&pp);
	explicit_bzero(pp.key, sizeof(pp.key));
	tx->log = log_hot_create("video-tx");
	if (!tx->pack.packetizer || !tx->log) {
		err = -ENOMEM;
		goto fail;
	}
	atomic_store(&tx->fd_wanted, fd_word(0, fd));
	err = thread_start(&tx->thread, "video-tx", run, tx);
	if (err)
		goto fail;
	*out = tx;
	return 0;
fail:
	log_errno(err, "cannot start the video sender");
	video_tx_stop(tx);
	return err;
}

void video_tx_set_fd(struct video_tx *tx, int fd)
{
	uint64_t word = fd_word(atomic_load(&tx->fd_wanted), fd);

	atomic_store_explicit(&tx->fd_wanted, word, memory_order_release);
	wake_poke(tx->wake);
	while (atomic_load_explicit(&tx->fd_taken, memory_order_acquire) != word)
		wake_wait(&tx->fd_answer, NS_NEVER);
}

void video_tx_stop(struct video_tx *tx)
{
	if (!tx)
		return;
	if (tx->thread.running) {
		thread_stop(&tx->thread);
		wake_poke(tx->wake);
		thread_join(&tx->thread);
		pack_finish(&tx->pack);
		send_finish(&tx->send);
	}
	log_hot_destroy(tx->log);
	packetizer_destroy(tx->pack.packetizer);
	batch_pool_finish(&tx->pool);
	wake_finish(&tx->fd_answer);
	free(tx);
}
