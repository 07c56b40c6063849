// SPDX-License-Identifier: GPL-3.0-or-later
/* Builds the pack and send threads of one stream, and takes them down in the order in which data flows. */
#include "net/video_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "net"
#include "base/log.h"

#include "net/pack.h"
#include "net/send.h"

/* A frame that the network holds up for longer than this many frame times, beyond the time that its own bytes need at
 * the ceiling, is worth less than the ones behind it. */
#define PATIENCE_FRAMES 3u

struct video_tx {
	const struct video_tx_events *ev;
	void *ctx;
	struct batch_pool pool;
	struct pack pack;
	struct send send;
};

static void failed(void *ctx, int err)
{
	struct video_tx *tx = ctx;

	tx->ev->failed(tx->ctx, err);
}

/*
 * Padding to whole shards and the minimum of parity make small frames larger on the wire than their share of the stream
 * rate. One train per frame time is never a burst, and no ceiling may be so low that the stream itself does not fit:
 * the queue would only grow.
 */
static uint32_t ceiling_floor(const struct video_params *v, uint16_t packet_len)
{
	uint64_t frames_mhz = v->fps_mhz;
	uint64_t train = frames_mhz * PACER_TRAIN * packet_len * 8 / 1000000;
	uint64_t stream = (uint64_t)v->encoder_kbps * (100 + v->fec_percent) / 100 * 5 / 4;

	return (uint32_t)(train > stream ? train : stream);
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
	uint32_t floor_kbps = ceiling_floor(&p->video, packet_len);
	uint32_t ceiling_kbps = p->ceiling_kbps > floor_kbps ? p->ceiling_kbps : floor_kbps;
	struct video_tx *tx = aligned_alloc(64, (sizeof(*tx) + 63) / 64 * 64);
	int err;

	if (!tx)
		return -ENOMEM;
	memset(tx, 0, sizeof(*tx));
	tx->ev = ev;
	tx->ctx = ctx;

	err = batch_pool_init(&tx->pool, packet_len, p->pack_wake);
	if (!err)
		err = send_init(&tx->send);
	if (err)
		goto fail;
	memcpy(pp.key, p->keys.key, sizeof(pp.key));
	tx->pack.packetizer = packetizer_create(&pp);
	explicit_bzero(pp.key, sizeof(pp.key));
	tx->pack.log = log_hot_create("video-pack");
	tx->send.log = log_hot_create("video-send");
	if (!tx->pack.packetizer || !tx->pack.log || !tx->send.log) {
		err = -ENOMEM;
		goto fail;
	}

	tx->send.packet_len = packet_len;
	tx->send.ceiling_kbps = ceiling_kbps;
	tx->send.pool = &tx->pool;
	tx->send.credit = p->credit;
	tx->send.feedback = p->feedback;
	tx->send.stats = p->stats;
	tx->send.failed = failed;
	tx->send.ctx = tx;

	tx->pack.video = p->video;
	tx->pack.ceiling_kbps = ceiling_kbps;
	tx->pack.patience_ns = PATIENCE_FRAMES * 1000 * NS_PER_S / p->video.fps_mhz;
	tx->pack.wake = p->pack_wake;
	tx->pack.in = p->in;
	tx->pack.pool = &tx->pool;
	tx->pack.out = &tx->send.in;
	tx->pack.out_wake = &tx->send.wake;
	tx->pack.credit = p->credit;
	tx->pack.feedback = p->feedback;
	tx->pack.stats = p->stats;
	tx->pack.failed = failed;
	tx->pack.ctx = tx;

	err = send_start(&tx->send, fd);
	if (!err)
		err = pack_start(&tx->pack);
	if (err)
		goto fail;
	log_dbg("%u byte packets, %s, pacing ceiling %u kbit/s", packet_len,
		p->video.encrypt ? "encrypted" : "plain", ceiling_kbps);
	*out = tx;
	return 0;
fail:
	log_errno(err, "cannot start the video sender");
	video_tx_stop(tx);
	return err;
}

void video_tx_set_fd(struct video_tx *tx, int fd)
{
	send_set_fd(&tx->send, fd);
}

void video_tx_stop(struct video_tx *tx)
{
	if (!tx)
		return;
	if (tx->pack.thread.running)
		pack_stop(&tx->pack);
	if (tx->send.thread.running)
		send_stop(&tx->send);
	log_hot_destroy(tx->pack.log);
	log_hot_destroy(tx->send.log);
	packetizer_destroy(tx->pack.packetizer);
	send_finish(&tx->send);
	batch_pool_finish(&tx->pool);
	explicit_bzero(tx, sizeof(*tx));
	free(tx);
}
