// SPDX-License-Identifier: GPL-3.0-or-later
#include "status.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "encode/closer.h"
#include "encoders.h"
#include "sessions.h"
#include "stream_offer.h"

#include "build_config.h"

static double ms(uint64_t ns)
{
	return (double)(ns / 1000) / 1000.0;
}

static json_t *hist_json(const struct hist *h)
{
	return json_pack("{s:f,s:f,s:f}", "p50_ms", ms(hist_percentile(h, 500)), "p99_ms", ms(hist_percentile(h, 990)),
			 "max_ms", ms(STAT_GET(h->max_ns)));
}

static json_t *stages_json(struct stream_stats *st)
{
	json_t *stages = json_object();

	for (int i = 0; i < STAGE_COUNT; i++)
		json_object_set_new(stages, stage_name[i], hist_json(stats_hist(st, (enum stage)i)));
	return stages;
}

/* Of the time since the last look, at least half a second; the whole stream at first. */
static uint32_t current_kbps(struct session *s)
{
	uint64_t now = clock_ns(), bytes = STAT_GET(s->stats->bytes_sent);
	uint64_t since = s->sample_ns ? s->sample_ns : s->stream_since_ns;

	if (now - since >= NS_PER_S / 2) {
		s->sample_kbps = (uint32_t)((bytes - s->sample_bytes) * 8 * 1000000 / (now - since));
		s->sample_ns = now;
		s->sample_bytes = bytes;
	}
	return s->sample_kbps;
}

/* For each kind of device the back end that serves it, or why none does. */
static json_t *input_json(const struct input *in)
{
	json_t *o = json_object();

	for (unsigned c = 0; in && c < INPUT_CLASSES; c++)
		json_object_set_new(o, input_class_name[c], json_string(input_shown(in, (enum input_class)c)));
	return o;
}

/* Why each of the three stands where it does. */
static json_t *adapt_json(struct stream_stats *st)
{
	const char *rate = STAT_GET(st->why_rate), *ceiling = STAT_GET(st->why_ceiling), *fec = STAT_GET(st->why_fec);

	return json_pack("{s:s,s:s,s:s}", "rate", rate ? rate : "", "ceiling", ceiling ? ceiling : "", "fec",
			 fec ? fec : "");
}

static json_t *stream_json(struct session *s)
{
	const struct video_params *v = &s->announce.video;
	struct stream_stats *st = s->stats;
	uint64_t data = STAT_GET(st->shards_data), missing = STAT_GET(st->shards_missing);
	json_t *o =
		json_pack("{s:s,s:i,s:i,s:f,s:s,s:s,s:b,s:b,s:I,s:I,s:I}", "codec", codec_name(v->codec), "width",
			  v->width, "height", v->height, "fps", (double)v->fps_mhz / 1000.0, "encoder",
			  pipeline_encoder(s->pipeline), "sound", pipeline_sound(s->pipeline), "video_encrypted",
			  v->encrypt, "rfi", v->rfi, "configured_kbps", (json_int_t)v->configured_kbps, "encoder_kbps",
			  (json_int_t)STAT_GET(st->encoder_kbps), "kbps", (json_int_t)current_kbps(s));

	/* Not empty: another encoder than at the start is in use, or the same one anew. */
	json_object_set_new(o, "encoder_why", json_string(pipeline_encoder_why(s->pipeline)));
	json_object_set_new(o, "seconds", json_real(ms(clock_ns() - s->stream_since_ns) / 1000.0));
#define COUNT(name, value) json_object_set_new(o, name, json_integer((json_int_t)(value)))
	COUNT("frames", STAT_GET(st->frames_encoded));
	COUNT("frames_repeated", STAT_GET(st->frames_repeated));
	COUNT("frames_cursor", STAT_GET(st->frames_cursor));
	COUNT("picture_bytes", STAT_GET(st->picture_bytes));
	COUNT("frames_skipped", STAT_GET(st->frames_skipped));
	COUNT("frames_dropped", STAT_GET(st->frames_dropped));
	COUNT("frames_in_parts", STAT_GET(st->frames_in_parts));
	COUNT("idr", STAT_GET(st->idr_frames));
	COUNT("idr_requests", STAT_GET(st->idr_requests));
	COUNT("rfi_requests", STAT_GET(st->rfi_requests));
	COUNT("rfi_frames", STAT_GET(st->rfi_frames));
	COUNT("packets", STAT_GET(st->packets_sent));
	COUNT("bytes", STAT_GET(st->bytes_sent));
	COUNT("audio_packets", STAT_GET(st->audio_packets));
	COUNT("input_packets", STAT_GET(st->input_packets));
	COUNT("packets_missing", missing);
	COUNT("rtt_us", STAT_GET(st->rtt_us));
	COUNT("wanted_kbps", STAT_GET(st->wanted_kbps));
	COUNT("ceiling_kbps", STAT_GET(st->ceiling_kbps));
	COUNT("fec_percent", STAT_GET(st->fec_percent));
	COUNT("ltr_acks", STAT_GET(st->ltr_acks));
#undef COUNT
	json_object_set_new(o, "adapt", adapt_json(st));
	json_object_set_new(o, "silent", json_boolean(STAT_GET(st->silent)));
	json_object_set_new(o, "loss_percent", json_real(data ? 100.0 * (double)missing / (double)data : 0.0));
	json_object_set_new(o, "input", input_json(s->in.input));
	json_object_set_new(o, "stages", stages_json(st));
	json_object_set_new(o, "trains_late", hist_json(&st->late));
	return o;
}

static json_t *session_json(struct session *s)
{
	char hex[17], peer[ADDR_TEXT];
	json_t *o;

	hex_encode(hex, s->client, 8);
	o = json_pack("{s:i,s:s,s:s,s:s,s:I,s:s}", "id", (int)s->id, "client", s->client_name, "fingerprint", hex,
		      "state", session_state_name[s->state], "app", (json_int_t)s->app_id, "address",
		      addr_host(&s->query.peer, false, peer));
	if (s->stream_since_ns) /* a pipeline alone may still wait for PLAY */
		json_object_set_new(o, "stream", stream_json(s));
	return o;
}

/* Which encoder serves what clients are offered. */
static json_t *offers_json(const struct config *c)
{
	json_t *list = json_array();

	for (unsigned n = 0; list && n < CODECS * PICTURE_FORMATS; n++) {
		enum codec codec = (enum codec)(n / PICTURE_FORMATS);
		enum picture_format f = (enum picture_format)(n % PICTURE_FORMATS);
		const char *encoder = stream_offer_encoder(c, codec, f);

		if (encoder)
			json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "codec", codec_name(codec), "format",
							      picture_format_name(f), "encoder", encoder));
	}
	return list;
}

json_t *status_json(struct daemon_ctx *d)
{
	static const char *const screen_word[] = {"ready", "waiting for consent", "failed"};
	const char *why = NULL;
	json_t *list = json_array(), *o;
	enum screens_state screen = screens_state(d->host.screens, &why);

	for (struct session *s = sessions_first(d->sessions); s; s = s->next)
		json_array_append_new(list, session_json(s));
	o = json_pack("{s:s,s:i,s:s,s:i,s:{s:s,s:s,s:s},s:i,s:f,s:o}", "version", MOONRILL_VERSION, "pid",
		      (int)getpid(), "name", d->host_name, "port", (int)d->config.net.port, "screen", "source",
		      screens_source_name(d->host.screens), "state", screen_word[screen], "text", why ? why : "",
		      "waiting_for_pin", (int)http_pairings_waiting(d->http), "uptime_s",
		      ms(clock_ns() - d->started_ns) / 1000.0, "sessions", list);
	json_object_set_new(o, "offers", offers_json(&d->config));
	json_object_set_new(o, "encoders", encoders_noted());
	json_object_set_new(o, "hung", json_integer(closer_hung()));
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static double real_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* Kinds of devices that share a back end, or the want of one, stand together: "keyboard, mouse: uinput". */
static void input_text(const json_t *input, struct buf *out)
{
	unsigned told = 0;

	if (!json_object_size(input))
		return;
	for (unsigned c = 0; c < INPUT_CLASSES; c++) {
		const char *by = text_of(input, input_class_name[c]);

		if (told >> c & 1)
			continue;
		buf_fmt(out, "%s%s", told ? "; " : "   input: ", input_class_name[c]);
		for (unsigned k = c + 1; k < INPUT_CLASSES; k++) {
			if (strcmp(text_of(input, input_class_name[k]), by) != 0)
				continue;
			buf_fmt(out, ", %s", input_class_name[k]);
			told |= 1u << k;
		}
		told |= 1u << c;
		buf_fmt(out, ": %s", by);
	}
	buf_str(out, "\n");
}

static void stream_text(const json_t *v, struct buf *out)
{
	const json_t *stages = json_object_get(v, "stages"), *late = json_object_get(v, "trains_late");

	buf_fmt(out, "   %s %lldx%lld at %.2f fps, %s, sound %s\n", text_of(v, "codec"), int_of(v, "width"),
		int_of(v, "height"), real_of(v, "fps"), text_of(v, "encoder"), text_of(v, "sound"));
	if (*text_of(v, "encoder_why"))
		buf_fmt(out, "   %s\n", text_of(v, "encoder_why"));
	buf_fmt(out,
		"   %lld kbit/s of %lld, loss %.2f %%, rtt %.1f ms, %lld frames, %lld IDR, %lld "
		"RFI\n",
		int_of(v, "kbps"), int_of(v, "configured_kbps"), real_of(v, "loss_percent"),
		(double)int_of(v, "rtt_us") / 1000.0, int_of(v, "frames"), int_of(v, "idr"), int_of(v, "rfi_frames"));
	buf_str(out, "   ms p50/p99:");
	for (int i = 0; i < STAGE_COUNT; i++) {
		const json_t *h = json_object_get(stages, stage_name[i]);

		buf_fmt(out, " %s %.2f/%.2f", stage_name[i], real_of(h, "p50_ms"), real_of(h, "p99_ms"));
	}
	buf_fmt(out, ", trains late %.2f/%.2f", real_of(late, "p50_ms"), real_of(late, "p99_ms"));
	buf_str(out, "\n");
	input_text(json_object_get(v, "input"), out);
}

/* "offered: h264 (x264), 4:4:4 (x264); hevc (vaapi), P010 (vaapi)" */
static void offers_text(const json_t *list, struct buf *out)
{
	const char *before = "";
	const json_t *o;
	size_t i;

	if (!json_array_size(list))
		return;
	json_array_foreach(list, i, o)
	{
		const char *codec = text_of(o, "codec");

		if (strcmp(codec, before) != 0)
			buf_fmt(out, "%s%s", i ? "; " : "offered: ", codec);
		else
			buf_fmt(out, ", %s", text_of(o, "format"));
		buf_fmt(out, " (%s)", text_of(o, "encoder"));
		before = codec;
	}
	buf_str(out, "\n");
}

void status_text(const json_t *o, struct buf *out)
{
	const json_t *screen = json_object_get(o, "screen"), *list = json_object_get(o, "sessions"), *s;
	size_t i;

	buf_fmt(out, "%s, moonrill %s, port %lld, up %.0f s\n", text_of(o, "name"), text_of(o, "version"),
		int_of(o, "port"), real_of(o, "uptime_s"));
	buf_fmt(out, "screen: %s, %s%s%s\n", text_of(screen, "source"), text_of(screen, "state"),
		*text_of(screen, "text") ? ": " : "", text_of(screen, "text"));
	offers_text(json_object_get(o, "offers"), out);
	json_array_foreach(json_object_get(o, "encoders"), i, s)
		buf_fmt(out, "encoder %s, %s in %s: %s\n", text_of(s, "backend"), text_of(s, "codec"),
			text_of(s, "format"), text_of(s, "why"));
	if (int_of(o, "hung"))
		buf_fmt(out, "%lld encoder(s) or GPU(s) hang in their driver, with what they hold\n",
			int_of(o, "hung"));
	if (int_of(o, "waiting_for_pin"))
		buf_fmt(out, "%lld client(s) wait for a PIN: moonrill pair PIN\n", int_of(o, "waiting_for_pin"));
	if (!json_array_size(list))
		buf_str(out, "no sessions\n");
	json_array_foreach(list, i, s)
	{
		const json_t *v = json_object_get(s, "stream");

		buf_fmt(out, "%lld: %s (%s), %s\n", int_of(s, "id"), text_of(s, "client"), text_of(s, "address"),
			text_of(s, "state"));
		if (v)
			stream_text(v, out);
	}
}
