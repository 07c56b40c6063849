// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The audio thread. It keeps an absolute grid of one tick per packet: at each tick it takes a
 * packet's frames from the source, encodes, and hands the datagram to the socket; parity leaves
 * with the fourth. The next tick follows from the last one, not from the time of waking, so a late
 * wake delays one packet and no other. The first tick is the moment the peer is known.
 *
 * After the first packet the thread allocates nothing, takes no lock and makes no system call but
 * clock, poll, send.
 */
#include "build_config.h"

#include "audio/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "audio/intake.h"
#include "audio/layout.h"
#include "audio/opus.h"
#include "audio/source.h"
#include "base/clock.h"
#include "base/thread.h"
#include "base/wake.h"
#include "net/rtp_audio.h"

#define LOG_MODULE "audio"
#include "base/log.h"

/* A thread this late was not merely delayed (suspended machine, stopped process): begin a new grid. */
#define OVERSLEPT_NS (100 * NS_PER_MS)
#define NO_SOCKET    (-1)

struct audio_worker {
	/* constant after start */
	const struct layout *layout;
	unsigned packet_frames, packet_bytes;
	uint64_t packet_ns;
	struct stream_stats *stats;
	struct source *source;
	struct opus_enc *opus;
	struct log_hot *log;
	struct thread thread;
	char description[64];
	/* shared */
	struct wake wake;
	atomic_int fd;        /* main writes: the socket, NO_SOCKET before begin */
	atomic_int fd_in_use; /* audio thread writes: the socket it may be sending on now */
	/* audio thread */
	struct audio_rtp rtp;
	struct intake intake;
	uint64_t underruns_told;
	float pcm[AUDIO_FRAMES_MAX * AUDIO_CHANNELS_MAX];
	uint8_t packet[AUDIO_OPUS_MAX];
	uint8_t datagram[AUDIO_DATAGRAM_MAX];
};

/* Announces which socket is being used, then looks again: whoever replaced it in between either
 * sees the announcement and waits, or is seen here. */
static int socket_hold(struct audio_worker *w)
{
	int fd = atomic_load(&w->fd), again;

	for (;;) {
		atomic_store(&w->fd_in_use, fd);
		again = atomic_load(&w->fd);
		if (again == fd)
			return fd;
		fd = again;
	}
}

static void socket_release(struct audio_worker *w)
{
	atomic_store_explicit(&w->fd_in_use, NO_SOCKET, memory_order_release);
}

static void send_datagram(int fd, const uint8_t *data, size_t len)
{
	/* A full buffer or a peer that is gone for the moment costs this packet only: parity and
	 * concealment are made for that, waiting would delay all that follow. */
	if (send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ENOBUFS &&
	    errno != ECONNREFUSED)
		log_every(NS_PER_S, LOG_LEVEL_WARN, "cannot send a packet: errno %d", errno);
}

/* Encodes and sends what is in pcm. */
static void send_packet(struct audio_worker *w)
{
	int fd, len, err = opus_enc_encode(w->opus, w->pcm, w->packet);

	if (err < 0) {
		log_every(NS_PER_S, LOG_LEVEL_ERR, "the encoder failed: a packet is missing");
		return;
	}
	len = audio_rtp_data(&w->rtp, w->packet, w->packet_bytes, w->datagram);
	if (len < 0) {
		log_every(NS_PER_S, LOG_LEVEL_ERR, "a packet could not be built: errno %d", -len);
		return;
	}
	fd = socket_hold(w);
	send_datagram(fd, w->datagram, (size_t)len);
	for (unsigned i = 0; i < audio_rtp_parity_due(&w->rtp); i++) {
		len = audio_rtp_parity(&w->rtp, i, w->datagram);
		send_datagram(fd, w->datagram, (size_t)len);
	}
	socket_release(w);
	STAT_ADD(w->stats->audio_packets, 1);
}

/* Fills pcm for the tick at grid time at_ns; the nanoseconds to the next. */
static uint64_t take_frames(struct audio_worker *w, uint64_t at_ns)
{
	uint64_t step_ns;

	if (w->source->ops->render) {
		w->source->ops->render(w->source, w->pcm, w->packet_frames);
		return w->packet_ns;
	}
	step_ns = intake_pull(&w->intake, at_ns, w->pcm);
	if (w->intake.underruns != w->underruns_told) {
		STAT_ADD(w->stats->audio_underruns, w->intake.underruns - w->underruns_told);
		w->underruns_told = w->intake.underruns;
	}
	return step_ns;
}

static void run_grid(struct audio_worker *w)
{
	uint64_t tick_ns = clock_ns(); /* grid time of the next packet */
	uint64_t leave_ns = tick_ns;   /* when it may leave: its tick, or soon after one that was late */

	while (!thread_should_stop(&w->thread)) {
		uint64_t now_ns = clock_ns();

		if (now_ns < leave_ns) {
			wake_wait(&w->wake, leave_ns);
			continue;
		}
		if (now_ns - tick_ns > OVERSLEPT_NS) {
			log_every(NS_PER_S, LOG_LEVEL_WARN, "stood still for %llu ms",
				  (unsigned long long)((now_ns - tick_ns) / NS_PER_MS));
			tick_ns = now_ns;
			if (!w->source->ops->render)
				intake_restart(&w->intake);
		}
		tick_ns += take_frames(w, tick_ns);
		send_packet(w);
		/* Behind the grid, the missed packets follow at twice the pace, never in one lump. */
		leave_ns = now_ns + w->packet_ns / 2;
		if (leave_ns < tick_ns)
			leave_ns = tick_ns;
	}
}

static void audio_main(void *arg)
{
	struct audio_worker *w = arg;

	log_hot_bind(w->log);
	thread_try_realtime();
	while (!thread_should_stop(&w->thread) && atomic_load(&w->fd) == NO_SOCKET)
		wake_wait(&w->wake, NS_NEVER);
	if (!w->source->ops->render)
		intake_restart(&w->intake);
	run_grid(w);
	log_hot_bind(NULL);
}

static int pick_source(enum audio_source wanted, const struct source_ops **ops)
{
	switch (wanted) {
	case AUDIO_TONE:
		*ops = &source_tone;
		return 0;
	case AUDIO_NONE:
		*ops = &source_silence;
		return 0;
	case AUDIO_AUTO:
	case AUDIO_PIPEWIRE:
#if HAVE_PIPEWIRE
		*ops = &source_pipewire;
		return 0;
#else
		if (wanted == AUDIO_PIPEWIRE)
			break;
		log_info("built without PipeWire: the stream carries silence");
		*ops = &source_silence;
		return 0;
#endif
	}
	return -ENOTSUP;
}

int audio_worker_start(struct audio_worker **out, const struct audio_worker_params *p)
{
	const struct layout *layout = layout_find(p->audio.channels, p->audio.high_quality);
	struct source_params sp = {.channels = p->audio.channels,
				   .packet_frames = p->audio.packet_ms * AUDIO_RATE / 1000,
				   .node = p->node};
	const struct source_ops *ops;
	struct audio_worker *w;
	int err = pick_source(p->source, &ops);

	if (err < 0)
		return err;
	if (!layout || !layout_packet_bytes(layout, p->audio.packet_ms))
		return -ENOTSUP;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->layout = layout;
	w->packet_frames = sp.packet_frames;
	w->packet_bytes = layout_packet_bytes(layout, p->audio.packet_ms);
	w->packet_ns = p->audio.packet_ms * NS_PER_MS;
	w->stats = p->stats;
	atomic_init(&w->fd, NO_SOCKET);
	atomic_init(&w->fd_in_use, NO_SOCKET);
	snprintf(w->description, sizeof(w->description), "%s, %s %u kbit/s", ops->name, layout->name,
		 layout->bit_rate / 1000);
	err = wake_init(&w->wake);
	if (err < 0)
		goto fail;
	err = opus_enc_create(&w->opus, layout, p->audio.packet_ms);
	if (err < 0)
		goto fail;
	err = audio_rtp_init(&w->rtp, &p->keys, p->audio.encrypt, p->audio.packet_ms);
	if (err < 0)
		goto fail;
	err = -ENOMEM;
	w->log = log_hot_create("audio");
	if (!w->log)
		goto fail;
	err = source_create(&w->source, ops, &sp);
	if (err < 0)
		goto fail;
	if (!ops->render)
		intake_init(&w->intake, &w->source->fifo, w->packet_frames);
	err = ops->start(w->source);
	if (err < 0)
		goto fail;
	err = thread_start(&w->thread, "audio", audio_main, w);
	if (err < 0)
		goto fail;
	log_dbg("%s, %u ms packets", w->description, p->audio.packet_ms);
	*out = w;
	return 0;
fail:
	log_errno(err, "no sound");
	audio_worker_stop(w);
	return err;
}

void audio_worker_begin(struct audio_worker *w, int fd)
{
	int old = atomic_exchange(&w->fd, fd);

	wake_poke(&w->wake);
	/* The old one may be in the middle of a non-blocking send: microseconds. */
	while (old != NO_SOCKET && old != fd && atomic_load(&w->fd_in_use) == old)
		clock_sleep_until(clock_ns() + 20 * NS_PER_US);
}

void audio_worker_stop(struct audio_worker *w)
{
	if (!w)
		return;
	if (w->thread.running) {
		thread_stop(&w->thread);
		wake_poke(&w->wake);
		thread_join(&w->thread);
	}
	source_destroy(w->source);
	log_hot_destroy(w->log);
	audio_rtp_finish(&w->rtp);
	opus_enc_destroy(w->opus);
	wake_finish(&w->wake);
	free(w);
}

const char *audio_worker_describe(const struct audio_worker *w)
{
	return w->description;
}
