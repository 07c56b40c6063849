// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "probe/control_msg.h"
#include "probe/http.h"
#include "probe/identity.h"
#include "probe/input_script.h"
#include "probe/judge.h"
#include "probe/options.h"
#include "probe/packet_log.h"

#define LOG_MODULE "session"
#include "base/log.h"

#define SCRIPT_MAX    (4u << 20)
#define FIRST_WAIT_NS (25 * NS_PER_S) /* longer than any time-out of a step that should fire first */

const char *const stage_names[STAGES] = {"serverinfo",  "launch",      "rtsp",       "control",
					 "first_video", "first_frame", "first_audio"};

static volatile sig_atomic_t stop_signal;

struct session {
	struct http_client *http;
	const struct options *o;
	struct session_result *r;
	struct judge *judge;
	uint64_t start_ns; /* the launch request */
	union addr host;
	struct opus_layout layout;
	struct audio *audio;
	struct video *video;
	struct control *control;
	struct packet_log log;
	struct input_script script;
	unsigned script_at;
	uint64_t script_due;
	FILE *out, *audio_out, *frame_log;
};

static void on_signal(int sig)
{
	stop_signal = sig;
}

static int fail(struct session *s, const char *step, int rc, const char *message)
{
	s->r->failed = step;
	s->r->error = rc;
	str_copy(s->r->message, sizeof(s->r->message), message && *message ? message : strerror(-rc));
	log_err("%s: %s", step, s->r->message);
	return rc;
}

static void stage_at(struct session *s, enum stage stage, uint64_t at_ns)
{
	if (at_ns && s->r->stage_ms[stage] < 0)
		s->r->stage_ms[stage] = (double)(int64_t)(at_ns - s->start_ns) / NS_PER_MS;
}

static unsigned channels_of(const struct options *o)
{
	return o->audio == AUDIO_51 ? 6 : o->audio == AUDIO_71 ? 8 : 2;
}

static unsigned mask_of(const struct options *o)
{
	return o->audio == AUDIO_51 ? 0x3f : o->audio == AUDIO_71 ? 0x63f : 3;
}

static int open_file(struct session *s, const char *path, FILE **out)
{
	if (!path)
		return 0;
	*out = fopen(path, "we");
	return *out ? 0 : fail(s, path, -errno, NULL);
}

static int read_script(struct session *s)
{
	struct buf text;
	unsigned line = 0;
	char message[96];
	int rc = input_script_hello(&s->script);

	if (rc || !s->o->input)
		return rc;
	buf_init(&text, SCRIPT_MAX);
	rc = fs_read(s->o->input, &text);
	if (rc) {
		fail(s, s->o->input, rc, NULL);
	} else {
		rc = input_script_parse(&s->script, buf_cstr(&text), text.len, &line);
		snprintf(message, sizeof(message), "line %u of the input script", line);
		if (rc)
			fail(s, s->o->input, rc, message);
	}
	buf_finish(&text);
	return rc;
}

static int prepare(struct session *s)
{
	int rc = open_file(s, s->o->out, &s->out);

	if (!rc)
		rc = open_file(s, s->o->audio_out, &s->audio_out);
	if (!rc)
		rc = open_file(s, s->o->packet_log, &s->log.file);
	if (!rc)
		rc = open_file(s, s->o->frame_log, &s->frame_log);
	return rc ? rc : read_script(s);
}

/* The app's id by title or by number. */
static int find_app(struct session *s)
{
	struct server_app *apps = calloc(SERVER_APPS, sizeof(*apps));
	int n = apps ? server_apps_get(s->http, apps, SERVER_APPS) : -ENOMEM, id = -ENOENT;
	int64_t number;

	for (int i = 0; i < n; i++) {
		if (strcmp(apps[i].title, s->o->app) == 0)
			id = apps[i].id;
	}
	/* An id that is not listed is for the host to refuse. */
	if (n >= 0 && id < 0 && str_to_i64(s->o->app, strlen(s->o->app), 1, INT32_MAX, &number) == 0)
		id = (int)number;
	free(apps);
	if (n < 0)
		return fail(s, "applist", n, NULL);
	return id < 0 ? fail(s, "applist", id, "no such app") : id;
}

static int launch(struct session *s)
{
	struct launch_params p = {.resume = s->o->resume,
				  .sealed = s->o->sealed,
				  .width = s->o->width,
				  .height = s->o->height,
				  .fps = s->o->fps,
				  .hdr = s->o->hdr,
				  .channels = channels_of(s->o),
				  .channel_mask = mask_of(s->o)};
	struct server_info info;
	uint64_t before = clock_ns();
	int rc = server_info_get(s->http, true, &info);

	s->r->stage_ms[STAGE_SERVERINFO] = (double)(clock_ns() - before) / NS_PER_MS;
	if (rc)
		return fail(s, "serverinfo", rc, NULL);
	if (!info.paired)
		return fail(s, "serverinfo", -EACCES, "not paired with this host");
	p.appid = find_app(s);
	if (p.appid < 0)
		return p.appid;
	s->start_ns = s->log.start_ns = s->r->start_ns = clock_ns();
	rc = launch_run(s->http, &p, &s->r->launch);
	stage_at(s, STAGE_LAUNCH, clock_ns());
	return rc ? fail(s, s->o->resume ? "resume" : "launch", rc, s->r->launch.message) : 0;
}

static int choose_layout(struct session *s, const struct sdp_offer *offer, bool *high)
{
	unsigned channels = channels_of(s->o), at = channels == 8;

	*high = s->o->audio_hq;
	if (channels == 2) {
		s->layout = (struct opus_layout){
			.found = true, .channels = 2, .streams = 1, .coupled = 1, .mapping = {0, 1}};
		return 0;
	}
	if (*high && !offer->high[at].found)
		*high = false; /* a client never asks for what was not listed twice */
	s->layout = *high ? offer->high[at] : offer->normal[at];
	return s->layout.found ? 0 : fail(s, "describe", -ENOTSUP, "no surround layout of that size");
}

/* DESCRIBE has been answered: settle what ANNOUNCE says. */
static int on_described(void *ctx, const struct sdp_offer *offer, struct sdp_announce *a)
{
	static char address[ADDR_TEXT];
	struct session *s = ctx;
	const struct options *o = s->o;
	uint32_t wanted = o->encrypt_all ? ENC_VIDEO | ENC_AUDIO : 0;
	bool high;
	int rc;

	if ((o->codec == CODEC_HEVC && !offer->hevc) || (o->codec == CODEC_AV1 && !offer->av1))
		return fail(s, "describe", -ENOTSUP, "the host does not offer that codec");
	rc = choose_layout(s, offer, &high);
	if (rc)
		return rc;
	*a = (struct sdp_announce){
		.address = addr_host(&s->host, true, address),
		.ipv6 = s->host.sa.sa_family == AF_INET6,
		.local = addr_is_local(&s->host),
		.width = o->width,
		.height = o->height,
		.fps = o->fps,
		.bitrate_kbps = o->bitrate_kbps,
		.slices = o->slices,
		.codec = o->codec,
		.csc = o->space << 1 | o->full_range,
		.hdr = o->hdr,
		.yuv444 = o->yuv444,
		.single_reference = !o->rfi,
		.channels = channels_of(o),
		.channel_mask = mask_of(o),
		.audio_hq = high,
		/* Long packets for thin lines, as stock clients choose (1-session 6.7). */
		.packet_ms = o->bitrate_kbps < 5000 && !high ? 10 : 5,
	};
	a->enc_enabled =
		(offer->enc_supported & (ENC_CONTROL_V2 | wanted)) | (offer->enc_requested & (ENC_VIDEO | ENC_AUDIO));
	a->audio_encrypted = (wanted | a->enc_enabled) & ENC_AUDIO;
	a->packet_size = o->packet_size / 16 * 16 - (a->enc_enabled & ENC_VIDEO ? 32 : 0);
	return 0;
}

static int on_audio_ready(void *ctx, uint16_t port, const char *ping)
{
	struct session *s = ctx;
	const struct sdp_announce *a = &s->r->rtsp.announce;
	struct audio_params p = {.host = s->host,
				 .port = port,
				 .ping = ping,
				 .layout = s->layout,
				 .packet_ms = a->packet_ms,
				 .encrypted = a->audio_encrypted,
				 .verify = s->o->verify,
				 .high = a->audio_hq,
				 .key = s->r->launch.key,
				 .key_id = s->r->launch.key_id,
				 .out = s->audio_out,
				 .judge = s->judge,
				 .log = &s->log};
	int rc;

	if (s->o->audio == AUDIO_NONE)
		return 0;
	rc = audio_start(&s->audio, &p);
	return rc ? fail(s, "audio", rc, NULL) : 0;
}

static int negotiate(struct session *s)
{
	struct rtsp_params p = {.host = s->host,
				.url = s->r->launch.url,
				.key = s->r->launch.key,
				.sealed = s->r->launch.sealed,
				.audio_hq = s->o->audio_hq,
				.judge = s->judge,
				.described = on_described,
				.audio_ready = on_audio_ready,
				.ctx = s};
	char message[64];
	int rc;

	addr_set_port(&p.host, s->r->launch.rtsp_port);
	rc = rtsp_run(&p, &s->r->rtsp);
	stage_at(s, STAGE_RTSP, clock_ns());
	if (!rc || s->r->failed)
		return rc;
	snprintf(message, sizeof(message), "RTSP answer %d", s->r->rtsp.status);
	return fail(s, "rtsp", rc, rc == -EREMOTEIO ? message : NULL);
}

static int start_media(struct session *s)
{
	const struct rtsp_result *t = &s->r->rtsp;
	const struct sdp_announce *a = &t->announce;
	struct video_params vp = {.host = s->host,
				  .port = t->video_port,
				  .ping = t->video_ping,
				  .packet_size = a->packet_size,
				  .encrypted = a->enc_enabled & ENC_VIDEO,
				  .key = s->r->launch.key,
				  .out = s->out,
				  .frame_log = s->frame_log,
				  .start_ns = s->start_ns,
				  .control = s->control,
				  .judge = s->judge,
				  .log = &s->log};
	int rc;

	vp.frames = (struct depacket_params){.codec = s->o->codec,
					     .rfi = s->o->rfi && t->offer.rfi,
					     .payload_max = a->packet_size - 16,
					     .slices = s->o->verify ? a->slices : 0,
					     .width = a->width,
					     .height = a->height,
					     .csc = a->csc,
					     .hdr = a->hdr,
					     .yuv444 = a->yuv444,
					     .verify = s->o->verify,
					     .judge = s->judge};
	loss_init(&vp.loss, s->o->loss, s->o->loss_burst, s->o->seed);
	if (s->o->drop_frames && loss_parse_frames(&vp.loss, s->o->drop_frames))
		return fail(s, "--drop-frames", -EINVAL, NULL);
	s->r->lossy = loss_active(&vp.loss);
	rc = video_start(&s->video, &vp);
	if (rc)
		return fail(s, "video socket", rc, NULL);
	return 0;
}

static int open_control(struct session *s)
{
	struct control_params p = {.host = s->host,
				   .connect_data = s->r->rtsp.connect_data,
				   .key = s->r->launch.key,
				   .v2 = s->r->rtsp.announce.enc_enabled & ENC_CONTROL_V2,
				   .start_ns = s->start_ns,
				   .judge = s->judge};
	int rc;

	addr_set_port(&p.host, s->r->rtsp.control_port);
	rc = control_open(&s->control, &p);
	stage_at(s, STAGE_CONTROL, clock_ns());
	return rc ? fail(s, "control", rc, NULL) : 0;
}

/* Sends the input that is due. */
static void feed_input(struct session *s, uint64_t now)
{
	while (s->script_at < s->script.n) {
		struct input_event *e = &s->script.event[s->script_at];

		if (!s->script_due)
			s->script_due = now;
		if (e->sleep_ms) {
			s->script_due += e->sleep_ms * NS_PER_MS;
			e->sleep_ms = 0;
		}
		if (now < s->script_due)
			return;
		s->script_at++;
		if (e->needs & ~s->r->rtsp.offer.features)
			s->r->input_skipped++;
		else if (e->type && control_send(s->control, e->channel, e->reliable, e->type, e->body, e->len) == 0)
			s->r->input_sent++;
	}
}

static void stream(struct session *s)
{
	uint64_t begun = clock_ns(), until = begun + FIRST_WAIT_NS, next;

	for (;;) {
		uint64_t now = clock_ns(), first = video_first_frame_ns(s->video);

		stage_at(s, STAGE_FIRST_VIDEO, video_first_packet_ns(s->video));
		stage_at(s, STAGE_FIRST_FRAME, first);
		stage_at(s, STAGE_FIRST_AUDIO, audio_first_ns(s->audio));
		if (first)
			until = s->o->seconds > 0 ? first + (uint64_t)(s->o->seconds * NS_PER_S) : NS_NEVER;
		s->r->failure = video_failure(s->video);
		s->r->interrupted = stop_signal;
		if (now >= until || s->r->failure || s->r->interrupted ||
		    (s->o->frames && video_frames(s->video) >= s->o->frames))
			break;
		feed_input(s, now);
		next = s->script_at < s->script.n && s->script_due < until ? s->script_due : until;
		if (!control_round(s->control, next))
			break;
	}
}

/* As a stock client: audio and video stop first, then the control stream says good-bye. */
static void finish(struct session *s)
{
	const struct control_log_entry *log;

	audio_stop(s->audio, &s->r->audio);
	video_stop(s->video, &s->r->video);
	s->r->audio_on = s->audio != NULL;
	if (s->control) {
		s->r->control = *control_stats(s->control);
		log = control_log(s->control, &s->r->n_log);
		s->r->log = calloc(s->r->n_log + 1, sizeof(*log));
		if (s->r->log)
			memcpy(s->r->log, log, s->r->n_log * sizeof(*log));
		else
			s->r->n_log = 0;
	}
	control_close(s->control);
	if (s->out)
		fclose(s->out);
	if (s->audio_out)
		fclose(s->audio_out);
	if (s->log.file)
		fclose(s->log.file);
	if (s->frame_log)
		fclose(s->frame_log);
	input_script_finish(&s->script);
}

/* What only the whole stream can show. */
static void judge_stream(struct session *s)
{
	const struct session_result *r = s->r;
	const struct depacket_stats *f = &r->video.frames;
	uint32_t lost = r->video.newest > f->frames ? r->video.newest - f->frames : 0;
	double span = (double)(r->video.last_frame_ns - r->video.first_frame_ns) / NS_PER_S;
	double fps = f->frames > 1 && span > 0 ? (f->frames - 1) / span : 0;

	if (r->failure)
		judge_fault(s->judge, "2-media 7.1",
			    r->failure == -100 ? "no video within 10 s"
					       : "no key frame within 10 s of the first packet");
	else if (!f->frames)
		judge_fault(s->judge, "2-media 7.1", "no frame was delivered");
	if (lost && !r->lossy)
		judge_fault(s->judge, "2-media 5.5", "%u frames lost, though the probe dropped nothing", lost);
	if (r->control.disconnected && !r->control.terminated)
		judge_fault(s->judge, "2-media 5.4", "the host disconnected without a termination message");
	if (r->control.terminated && control_result(r->control.termination_code, r->video.packets))
		judge_fault(s->judge, "2-media 5.4", "the host ended the stream with code %08x",
			    r->control.termination_code);
	if (r->audio_on && !r->audio.packets)
		judge_fault(s->judge, "2-media 4.2", "no audio came");
	if (s->o->verify && !r->lossy && span >= 2 && (fps < s->o->fps * 0.99 || fps > s->o->fps * 1.01))
		judge_fault(s->judge, "1-session 6.7", "%.2f frames a second, %u were announced", fps, s->o->fps);
}

int session_run(struct http_client *http, const struct options *o, struct session_result *r)
{
	struct session s = {.http = http, .o = o, .r = r, .judge = http->judge, .host = http->host};
	struct sigaction sa = {.sa_handler = on_signal};
	int rc;

	*r = (struct session_result){0};
	for (unsigned i = 0; i < STAGES; i++)
		r->stage_ms[i] = -1;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	addr_unmap(&s.host);
	if (!http->id->host)
		return fail(&s, "keys", -EACCES, "not paired: no host.pem");
	rc = prepare(&s);
	if (!rc)
		rc = launch(&s);
	if (!rc)
		rc = negotiate(&s);
	if (!rc)
		rc = open_control(&s);
	if (!rc)
		rc = start_media(&s);
	if (!rc)
		stream(&s);
	finish(&s);
	if (!rc)
		judge_stream(&s);
	/* A host that has gone away cannot be asked to quit. */
	if (s.start_ns && !o->keep && !r->control.terminated && !r->control.disconnected && launch_cancel(http))
		judge_fault(http->judge, "1-session 5.4", "/cancel failed");
	OPENSSL_cleanse(r->launch.key, sizeof(r->launch.key));
	return rc;
}
