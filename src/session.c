// SPDX-License-Identifier: GPL-3.0-or-later
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/layout.h"
#include "base/rand.h"
#include "base/str.h"
#include "net/rtp_video.h"
#include "session_media.h"
#include "session_record.h"
#include "stream_offer.h"

#define LOG_MODULE "session"
#include "base/log.h"

#define RTP_AUDIO_OVERHEAD 70u /* Ethernet, IP, UDP, RTP, the cipher's last block */

const char *const session_state_name[] = {
	[SESSION_STARTING] = "starting",     [SESSION_QUEUED] = "queued",       [SESSION_PENDING] = "pending",
	[SESSION_NEGOTIATED] = "negotiated", [SESSION_STREAMING] = "streaming", [SESSION_PARKED] = "parked",
	[SESSION_STOPPING] = "stopping",
};

static void set_state(struct session *s, enum session_state state)
{
	log_dbg("session %u: %s -> %s", s->id, session_state_name[s->state], session_state_name[state]);
	s->state = state;
	loop_timer_disarm(s->timer);
	if (state == SESSION_QUEUED || state == SESSION_PENDING || state == SESSION_NEGOTIATED)
		loop_timer_arm_in(s->timer, (uint64_t)s->host->config->session.handshake_timeout_ms * NS_PER_MS);
}

static void answer_launch(struct session *s, int status, const char *message)
{
	struct http_call *call = s->call;

	if (!call || s->cancel_call)
		return;
	s->call = NULL;
	http_launch_done(call, status, message, s->query.corever >= 1);
}

static void answer_cancel(struct session *s)
{
	struct http_call *call = s->call;

	if (!call || !s->cancel_call)
		return;
	s->call = NULL;
	http_cancel_done(call, 200, NULL);
}

/* ---- the stream's end ---- */

/* The client is told first; then the threads are joined, and only then the sockets they used are
 * closed. */
static void close_stages(struct session *s, uint32_t code)
{
	control_session_remove(s->control, code);
	s->control = NULL;
	pipeline_destroy(s->pipeline);
	s->pipeline = NULL;
	session_record_close(s);
	session_media_close(s);
	session_input_rest(s);
	s->control_up = false;
	s->stream_since_ns = 0;
}

static void end_stream(struct session *s, uint32_t code)
{
	bool was_expected = s->handshake != NULL;

	if (s->stream_since_ns)
		log_info("%s: stream ended", s->client_name);
	rtsp_forget(s->handshake);
	s->handshake = NULL;
	close_stages(s, code);
	explicit_bzero(&s->keys, sizeof(s->keys));
	explicit_bzero(s->query.rikey, sizeof(s->query.rikey));
	explicit_bzero(s->ping_payload, sizeof(s->ping_payload));
	if (was_expected)
		s->host->handshake_over(s->host->ctx);
}

static void park(struct session *s, uint32_t code)
{
	end_stream(s, code);
	set_state(s, SESSION_PARKED);
}

static void end_session(struct session *s)
{
	const struct session_host *host = s->host;

	answer_launch(s, 503, "The app could not be started or was stopped.");
	answer_cancel(s);
	host->ended(host->ctx, s);
}

/* ---- stream events, all on the main thread ---- */

static void on_pipeline_failed(void *ctx, const char *stage, int err)
{
	struct session *s = ctx;

	log_errno(err, "%s: the %s failed", s->client_name, stage);
	park(s, CONTROL_TERM_ERROR);
}

static void maybe_streaming(struct session *s)
{
	if (s->state != SESSION_NEGOTIATED || !s->control_up || s->media[MEDIA_VIDEO].fd < 0)
		return;
	set_state(s, SESSION_STREAMING);
	log_info("%s: streaming %ux%u at %u.%03u fps, %s, %u kbit/s", s->client_name, s->announce.video.width,
		 s->announce.video.height, s->announce.video.fps_mhz / 1000, s->announce.video.fps_mhz % 1000,
		 pipeline_encoder(s->pipeline), s->announce.video.configured_kbps);
}

static void on_control_connected(void *ctx, const union addr *peer)
{
	struct session *s = ctx;
	char text[ADDR_TEXT];

	log_dbg("session %u: control stream from %s", s->id, addr_text(peer, text));
	s->control_up = true;
	/* Only what is really sent is called HDR; a client in SDR shows ten bits of SDR. */
	if (s->announce.video.hdr)
		control_session_hdr(s->control, s->announce.video.pq ? &s->announce.video.light : NULL);
	maybe_streaming(s);
}

static void on_control_started(void *ctx)
{
	const struct session *s = ctx;

	log_dbg("session %u: the client's threads run", s->id);
}

static void on_control_disconnected(void *ctx, int err)
{
	struct session *s = ctx;

	if (err == -ETIMEDOUT)
		log_info("%s: vanished", s->client_name);
	else if (err)
		log_errno(err, "%s: control stream", s->client_name);
	park(s, 0);
}

static const struct pipeline_events pipeline_events = {.failed = on_pipeline_failed};
static const struct control_events control_events = {
	.connected = on_control_connected,
	.started = on_control_started,
	.disconnected = on_control_disconnected,
};

static void begin_media(struct session *s, enum media_class cls)
{
	int err = session_media_connect(s, cls);
	char text[ADDR_TEXT];

	if (!err)
		return;
	log_errno(err, "%s: cannot send %s to %s", s->client_name, cls == MEDIA_VIDEO ? "video" : "audio",
		  addr_text(&s->media[cls].from, text));
	if (cls == MEDIA_VIDEO)
		park(s, CONTROL_TERM_ERROR);
}

void session_ping(struct session *s, enum media_class cls, const union addr *from, const union addr *to)
{
	struct session_media *m = &s->media[cls];
	bool moved = m->fd >= 0 && !addr_equal(&m->peer_from, from);

	if (s->state != SESSION_PENDING && s->state != SESSION_NEGOTIATED && s->state != SESSION_STREAMING)
		return;
	m->pinged = true;
	m->from = *from;
	m->to = *to;
	/* Pings begin before PLAY; the newest is remembered until the stages exist. */
	if (s->state == SESSION_PENDING || m->busy || (m->fd >= 0 && !moved))
		return;
	if (moved) {
		char text[ADDR_TEXT];

		log_info("%s: moved to %s", s->client_name, addr_text(from, text));
	}
	begin_media(s, cls);
	maybe_streaming(s);
}

/* ---- handshake ---- */

static void clamp_rate(struct session *s, struct video_params *v)
{
	uint32_t max = (uint32_t)s->host->config->encode.max_kbps;

	if (!max || v->configured_kbps <= max)
		return;
	v->encoder_kbps = (uint32_t)((uint64_t)v->encoder_kbps * max / v->configured_kbps);
	v->configured_kbps = max;
}

/* HDR where the client takes it and the source has it: then the matrix is not the client's to choose. */
static void take_light(struct session *s, struct video_params *v)
{
	v->pq = v->hdr && screens_hdr(s->host->screens, &v->light);
	if (v->pq)
		v->space = COLOUR_BT2020;
}

/* With its parity and all headers. */
static uint32_t audio_wire_kbps(const struct audio_params *a)
{
	const struct layout *l = layout_find(a->channels, a->high_quality);
	unsigned bytes = l ? layout_packet_bytes(l, a->packet_ms) : 0;

	return bytes ? (bytes + RTP_AUDIO_OVERHEAD) * 8 * 6 / 4 / a->packet_ms : 0;
}

/* The loop that follows the path; what the config pins stays as it begins. */
static void open_tuning(struct session *s)
{
	const struct config *c = s->host->config;
	const struct video_params *v = &s->announce.video;
	const struct adapt_params p = {
		.video = *v,
		.audio_kbps = audio_wire_kbps(&s->announce.audio),
		.packet_len = (uint16_t)(RTP_VIDEO_SHARD(v->packet_size) + (v->encrypt ? RTP_VIDEO_SEAL : 0)),
		.pacing_percent = (uint32_t)c->stream.pacing_percent,
		.floor_kbps = (uint32_t)c->stream.min_kbps,
		.pin_fec = !c->stream.adapt_fec,
		.pin_rate = !c->stream.adapt_rate,
		.pin_ceiling = !c->stream.adapt_pacing,
	};

	tuning_init(&s->tuning, &p, &s->feedback, s->stats, &s->tune);
	session_record_open(s, &p);
}

static int open_pipeline(struct session *s)
{
	const struct config *c = s->host->config;
	struct pipeline_params pp = {
		.video = s->announce.video,
		.audio = s->announce.audio,
		.keys = s->keys,
		.iv_generation = s->host->iv_generation++,
		.backend = c->encode.backend,
		.preset = stream_preset(c, s->announce.video.codec),
		.min_slices = stream_slices(c),
		.min_fps_mhz = (uint32_t)c->encode.min_fps * 1000,
		.refine = c->encode.refine,
		.early = (enum early_mode)c->stream.slices,
		.convert = (enum convert_where)c->encode.convert,
		.audio_source = (enum audio_source)c->audio.source,
		.audio_node = c->audio.node,
	};
	struct pipeline_shared shared = {.feedback = &s->feedback, .stats = s->stats, .tune = &s->tune};
	int err;

	memset(s->stats, 0, sizeof(*s->stats));
	feedback_init(&s->feedback);
	open_tuning(s);
	shared.record = s->record;
	pp.video.encoder_kbps = s->tuning.adapt.orders.encoder_kbps;
	s->sample_ns = s->sample_bytes = s->sample_kbps = 0;
	err = pipeline_create(&s->pipeline, s->host->loop, &pp, &shared, &pipeline_events, s);
	explicit_bzero(&pp.keys, sizeof(pp.keys));
	return err;
}

static int open_control(struct session *s)
{
	struct control_session_params cp = {
		.keys = s->keys,
		.v2 = s->announce.control_v2,
		.connect_data = s->connect_data,
		.match_by_ip = !s->announce.session_id_v1,
		.peer = s->query.peer,
		.feedback = &s->feedback,
		.stats = s->stats,
		.tuning = &s->tuning,
		.input = s->in.input,
		.out = s->in.out,
	};
	int err = control_session_add(s->host->control, &cp, &control_events, s, &s->control);

	explicit_bzero(&cp.keys, sizeof(cp.keys));
	return err;
}

static int on_announce(void *ctx, const struct rtsp_announce *a)
{
	struct session *s = ctx;
	int err;

	if (s->state != SESSION_PENDING || s->pipeline)
		return -ENOTSUP;
	s->announce = *a;
	clamp_rate(s, &s->announce.video);
	take_light(s, &s->announce.video);
	err = session_input_open(s);
	if (!err)
		err = open_pipeline(s);
	if (!err)
		err = open_control(s);
	if (err) {
		log_errno(err, "%s: cannot start a stream", s->client_name);
		close_stages(s, 0); /* the client may announce again */
		session_input_close(s);
		return err == -ENOTSUP ? err : -EIO;
	}
	return 0;
}

static int on_play(void *ctx)
{
	struct session *s = ctx;

	if (s->state == SESSION_NEGOTIATED || s->state == SESSION_STREAMING)
		return 0; /* a repeated PLAY changes nothing */
	if (s->state != SESSION_PENDING || !s->pipeline)
		return -EPROTO;
	s->stream_since_ns = clock_ns();
	set_state(s, SESSION_NEGOTIATED);
	if (s->media[MEDIA_AUDIO].pinged)
		begin_media(s, MEDIA_AUDIO);
	if (s->media[MEDIA_VIDEO].pinged)
		begin_media(s, MEDIA_VIDEO);
	maybe_streaming(s);
	s->host->handshake_over(s->host->ctx);
	return s->pipeline ? 0 : -EIO;
}

static void on_progress(void *ctx, const union addr *peer)
{
	struct session *s = ctx;

	(void)peer;
	if (s->state == SESSION_PENDING)
		loop_timer_arm_in(s->timer, (uint64_t)s->host->config->session.handshake_timeout_ms * NS_PER_MS);
}

static const struct rtsp_events rtsp_events = {
	.announce = on_announce,
	.play = on_play,
	.progress = on_progress,
};

static void begin_handshake(struct session *s)
{
	struct rtsp_handshake_params hp = {
		.sealed = s->query.corever >= 1,
		.peer = s->query.peer,
	};
	uint8_t raw[PING_PAYLOAD_LEN / 2];
	int err;

	memcpy(s->keys.key, s->query.rikey, sizeof(s->keys.key));
	s->keys.rikeyid = (uint32_t)s->query.rikeyid;
	rand_bytes(raw, sizeof(raw));
	hex_encode(s->ping_payload, raw, sizeof(raw));
	do
		s->connect_data = rand_u32();
	while (!s->connect_data); /* 0 is what a client without one sends */

	stream_offer_fill(&hp.offer, s->host->config, &s->query);
	memcpy(hp.key, s->keys.key, sizeof(hp.key));
	memcpy(hp.ping_payload, s->ping_payload, sizeof(hp.ping_payload));
	hp.connect_data = s->connect_data;
	err = rtsp_expect(s->host->rtsp, &hp, &rtsp_events, s, &s->handshake);
	explicit_bzero(hp.key, sizeof(hp.key));
	explicit_bzero(s->query.rikey, sizeof(s->query.rikey));
	if (err) {
		log_errno(err, "%s: handshake", s->client_name);
		answer_launch(s, 503, "The host cannot take another stream.");
		park(s, 0);
		return;
	}
	set_state(s, SESSION_PENDING);
	answer_launch(s, 200, NULL);
}

void session_retry_queued(struct session *s)
{
	if (s->state == SESSION_QUEUED && !rtsp_plain_pending(s->host->rtsp, &s->query.peer))
		begin_handshake(s);
}

/* The app runs: RTSP may begin, unless the client left meanwhile or has to wait for its turn. */
static void app_ready(struct session *s)
{
	if (!s->call) {
		park(s, 0);
		return;
	}
	if (s->query.corever == 0 && rtsp_plain_pending(s->host->rtsp, &s->query.peer))
		set_state(s, SESSION_QUEUED);
	else
		begin_handshake(s);
}

/* ---- the app ---- */

static void start_app(struct session *s);

static void on_app_started(void *ctx, int err)
{
	struct session *s = ctx;

	if (s->state != SESSION_STARTING || s->replacing)
		return;
	if (err) {
		log_errno(err, "%s: app %u", s->client_name, s->app_id);
		answer_launch(s, 503, "The app could not be started; the host's log says why.");
		set_state(s, SESSION_STOPPING);
		return; /* the run ends by itself */
	}
	app_ready(s);
}

static void on_app_exited(void *ctx)
{
	struct session *s = ctx;

	if (s->state == SESSION_STARTING || s->state == SESSION_STOPPING)
		return;
	log_info("%s: the app has ended", s->client_name);
	answer_launch(s, 503, "The app has ended.");
	end_stream(s, CONTROL_TERM_GRACEFUL);
	set_state(s, SESSION_STOPPING);
}

/* The run is over, its undo commands included, and frees itself after this call. */
static void on_app_ended(void *ctx)
{
	struct session *s = ctx;

	s->app = NULL;
	if (s->state == SESSION_STARTING && s->call)
		start_app(s);
	else
		end_session(s); /* also when nobody waits any more for the app that would come next */
}

static const struct app_run_events app_events = {
	.started = on_app_started,
	.exited = on_app_exited,
	.ended = on_app_ended,
};

static void start_app(struct session *s)
{
	const struct app_client ac = {
		.session_id = s->id,
		.name = s->client_name,
		.fingerprint = s->client,
		.width = s->query.width,
		.height = s->query.height,
		.fps = s->query.fps,
		.hdr = s->query.hdr,
		.gcmap = s->query.gcmap,
		.host_audio = s->query.local_audio,
		.sops = s->query.sops,
		.channels = (uint8_t)(s->query.surround_info & 0xff),
	};
	int err = app_run_start(s->host->loop, s->host->apps, s->query.app_id, &ac, &app_events, s, &s->app);

	s->replacing = false;
	s->app_id = s->query.app_id;
	if (!err)
		return;
	log_errno(err, "%s: app %u", s->client_name, s->query.app_id);
	answer_launch(s, 503, "The app could not be started.");
	set_state(s, SESSION_STOPPING);
	end_session(s);
}

/* ---- the session ---- */

static void on_timer(void *ctx)
{
	struct session *s = ctx;

	if (s->state == SESSION_QUEUED) {
		answer_launch(s, 503, "Another client at your address is still connecting.");
		park(s, 0);
		return;
	}
	log_info("%s: did not come (%s for %lld ms)", s->client_name, session_state_name[s->state],
		 (long long)s->host->config->session.handshake_timeout_ms);
	park(s, CONTROL_TERM_GRACEFUL);
}

struct session *session_create(struct session_host *host, uint32_t id, const struct launch_query *q)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->host = host;
	s->id = id;
	s->state = SESSION_STARTING;
	memcpy(s->client, q->client, sizeof(s->client));
	str_copy(s->client_name, sizeof(s->client_name), q->client_name);
	s->media[MEDIA_VIDEO].fd = s->media[MEDIA_AUDIO].fd = -1;
	s->timer = loop_timer_add(host->loop, on_timer, s);
	s->stats = aligned_alloc(64, (sizeof(*s->stats) + 63) / 64 * 64);
	if (!s->timer || !s->stats) {
		session_destroy(s, 0);
		return NULL;
	}
	memset(s->stats, 0, sizeof(*s->stats));
	feedback_init(&s->feedback);
	return s;
}

void session_launch(struct session *s, struct http_call *call, const struct launch_query *q)
{
	/* A client that asks again has given up what it waited for; a cancel got what it asked for when its app ends
	 * before the new one begins. */
	answer_launch(s, 503, "Replaced by a newer request.");
	answer_cancel(s);
	end_stream(s, CONTROL_TERM_GRACEFUL);
	s->query = *q;
	if (q->resume)
		s->query.app_id = s->app_id;
	s->call = call;
	s->cancel_call = false;
	if (s->app && s->state != SESSION_STOPPING && !s->replacing && s->app_id == s->query.app_id) {
		if (s->state != SESSION_STARTING) /* else on_app_started goes on with the new query */
			app_ready(s);
		return;
	}
	set_state(s, SESSION_STARTING);
	if (!s->app) {
		start_app(s);
		return;
	}
	s->replacing = true; /* on_app_ended starts the new one */
	app_run_stop(s->app, APP_PATIENCE_OWN);
}

void session_cancel(struct session *s, struct http_call *call, uint64_t patience_ns)
{
	answer_launch(s, 503, "The session was ended.");
	answer_cancel(s); /* an earlier cancel: what it asked for is happening */
	end_stream(s, CONTROL_TERM_GRACEFUL);
	s->call = call;
	s->cancel_call = true;
	s->replacing = false;
	set_state(s, SESSION_STOPPING);
	if (s->app)
		app_run_stop(s->app, patience_ns);
	else
		end_session(s);
}

void session_call_gone(struct session *s, struct http_call *call)
{
	if (s->call != call)
		return;
	s->call = NULL;
	if (s->state == SESSION_QUEUED)
		park(s, 0);
}

void session_destroy(struct session *s, uint32_t code)
{
	if (!s)
		return;
	answer_launch(s, 503, "The host is stopping.");
	answer_cancel(s);
	end_stream(s, code);
	session_input_close(s);
	app_run_kill(s->app);
	loop_timer_remove(s->timer);
	explicit_bzero(&s->query, sizeof(s->query));
	free(s->stats);
	free(s);
}
