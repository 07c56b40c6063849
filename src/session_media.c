// SPDX-License-Identifier: GPL-3.0-or-later
#include "session_media.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "net/udp_train.h"
#include "session.h"

#define LOG_MODULE "session"
#include "base/log.h"

void session_media_close(struct session *s)
{
	for (unsigned i = 0; i < ARRAY_LEN(s->media); i++) {
		loop_fd_remove(s->media[i].handle);
		if (s->media[i].fd >= 0)
			close(s->media[i].fd);
		s->media[i] = (struct session_media){.fd = -1};
	}
}

static void on_media_readable(struct session *s, enum media_class cls, struct media_port *port)
{
	struct session_media *m = &s->media[cls];

	/* Pings of this very session that come back in here are noted: the socket that is read must not go. */
	m->busy = true;
	media_port_drain(port, m->fd, &m->peer_to);
	m->busy = false;
}

static void on_video_readable(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	on_media_readable(s, MEDIA_VIDEO, s->host->video_port);
}

static void on_audio_readable(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	on_media_readable(s, MEDIA_AUDIO, s->host->audio_port);
}

int session_media_connect(struct session *s, enum media_class cls)
{
	struct session_media *m = &s->media[cls];
	struct media_port *port = cls == MEDIA_VIDEO ? s->host->video_port : s->host->audio_port;
	bool qos = cls == MEDIA_VIDEO ? s->announce.video.qos : s->announce.audio.qos;
	const union addr from = m->from, to = m->to;
	int old = m->fd, fd = -1, err;

	/* Pings that the new socket swallowed come back in here; the newest is only noted then. */
	m->busy = true;
	err = media_port_connect(port, &from, &to, qos, &fd);
	m->busy = false;
	if (err)
		return err;
	if (cls == MEDIA_VIDEO && udp_train_keep_times(fd))
		log_dbg("%s: the kernel's queue paces the packets", s->client_name);
	m->peer_from = from;
	m->peer_to = to;
	if (cls == MEDIA_VIDEO)
		err = pipeline_video(s->pipeline, s->host->screens, fd);
	else
		pipeline_audio(s->pipeline, fd);
	loop_fd_remove(m->handle);
	m->handle = NULL;
	if (old >= 0)
		close(old);
	m->fd = fd;
	if (!err) {
		m->handle = loop_fd_add(s->host->loop, fd, EPOLLIN,
					cls == MEDIA_VIDEO ? on_video_readable : on_audio_readable, s);
		err = m->handle ? 0 : -ENOMEM;
	}
	return err;
}
