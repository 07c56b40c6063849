// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "probe/control_msg.h"
#include "probe/judge.h"
#include "probe/options.h"
#include "probe/session.h"

static double ms(uint64_t ns)
{
	return (double)(ns / NS_PER_US) / 1000.0;
}

json_t *report_begin(struct judge *j)
{
	json_t *o = json_object(), *errors = json_array();
	char text[400];

	for (unsigned i = 0; i < j->n; i++) {
		const struct judge_entry *e = &j->entry[i];
		int n = snprintf(text, sizeof(text), "%s: %s", e->rule, e->text);

		if (e->count > 1 && n > 0 && n < (int)sizeof(text))
			snprintf(text + n, sizeof(text) - (size_t)n, " (%u times)", e->count);
		json_array_append_new(errors, json_string(text));
	}
	json_object_set_new(o, "errors", errors);
	return o;
}

static void set_int(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_ms(json_t *o, const char *key, double v)
{
	json_object_set_new(o, key, json_real((double)(int64_t)(v * 1000.0 + (v < 0 ? -0.5 : 0.5)) / 1000.0));
}

static json_t *spread(uint64_t p50, uint64_t p99, uint64_t max)
{
	json_t *o = json_object();

	/* The histogram is coarse; what it says cannot be beyond the largest. */
	set_ms(o, "p50", ms(p50 < max ? p50 : max));
	set_ms(o, "p99", ms(p99 < max ? p99 : max));
	set_ms(o, "max", ms(max));
	return o;
}

static void add_frames(json_t *o, const struct session_result *r)
{
	const struct video_stats *v = &r->video;
	const struct depacket_stats *f = &v->frames;
	double span = (double)(v->last_frame_ns - v->first_frame_ns) / NS_PER_S;
	/* n frames stand for n intervals: without the last one's time the rate would come out too high. */
	double per = f->frames > 1 && span > 0 ? span * f->frames / (f->frames - 1) : 0;

	set_int(o, "frames", f->frames);
	set_int(o, "frames_lost", v->newest > f->frames ? v->newest - f->frames : 0);
	set_int(o, "frame_gaps", f->gaps);
	set_int(o, "first_frame", f->first);
	set_int(o, "last_frame", f->last);
	set_int(o, "idr", f->idr);
	set_int(o, "idr_requests", r->control.idr_sent);
	set_int(o, "rfi_requests", r->control.rfi_sent);
	set_int(o, "rfi_recovered", f->rfi_recovered);
	set_int(o, "ltr_acks", r->control.ltr_sent);
	set_ms(o, "fps", per > 0 ? f->frames / per : 0);
	set_ms(o, "kbps", per > 0 ? (double)f->payload * 8 / 1000 / per : 0);
	json_object_set_new(o, "frame_interval_ms", spread(v->interval_p50_ns, v->interval_p99_ns, v->interval_max_ns));
	if (f->max_slices) {
		set_int(o, "slices_min", f->min_slices);
		set_int(o, "slices_max", f->max_slices);
	}
	if (f->sequence_known)
		json_object_set_new(o, "sequence",
				    json_pack("{s:i,s:i,s:i,s:i,s:i,s:b}", "width", f->sequence.width, "height",
					      f->sequence.height, "profile", f->sequence.profile, "level",
					      f->sequence.level, "matrix", f->sequence.matrix, "full_range",
					      f->sequence.full_range));
	if (f->sps_known)
		json_object_set_new(o, "sps",
				    json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b,s:i}", "width", f->sps.width, "height",
					      f->sps.height, "profile", f->sps.profile, "level", f->sps.level, "refs",
					      f->sps.max_num_ref_frames, "dpb",
					      f->sps.has_restriction ? (int)f->sps.max_dec_frame_buffering : -1,
					      "matrix", f->sps.has_colour ? (int)f->sps.matrix : -1, "full_range",
					      f->sps.full_range, "reorder",
					      f->sps.has_restriction ? (int)f->sps.num_reorder_frames : -1));
}

static void add_wire(json_t *o, const struct session_result *r)
{
	const struct video_stats *v = &r->video;

	set_int(o, "packets", v->packets);
	set_int(o, "wire_bytes", v->wire_bytes);
	set_int(o, "recovered_packets", v->rebuilt);
	set_int(o, "dropped_packets", v->dropped);
	set_int(o, "missing_packets", v->wire.lost);
	set_int(o, "reordered_packets", v->wire.reordered);
	set_int(o, "duplicate_packets", v->wire.duplicates);
	set_int(o, "parity_packets", v->wire.parity);
	set_int(o, "fec_blocks", v->wire.blocks);
	set_int(o, "fec_blocks_without_parity", v->wire.blocks_plain);
	set_int(o, "max_blocks", v->wire.max_blocks);
	set_int(o, "max_data_shards", v->wire.max_d);
	set_int(o, "fec_reports", r->control.fec_sent);
	set_int(o, "undecryptable_packets", v->undecryptable);
}

static void add_latency(json_t *o, const struct video_stats *v)
{
	json_t *l = json_object();
	double p99 = ms(v->latency_p99_ns);

	if (p99 > (double)v->latency_max / 10)
		p99 = (double)v->latency_max / 10;
	set_ms(l, "min", (double)v->latency_min / 10);
	set_ms(l, "avg", v->latency_count ? (double)v->latency_sum / 10 / (double)v->latency_count : 0);
	set_ms(l, "p99", p99);
	set_ms(l, "max", (double)v->latency_max / 10);
	json_object_set_new(o, "host_latency_ms", l);
}

static void add_audio(json_t *o, const struct session_result *r)
{
	const struct audio_stats *a = &r->audio;
	json_t *rms = json_array();

	set_int(o, "audio_packets", a->packets);
	set_int(o, "audio_lost", a->lost);
	set_int(o, "audio_recovered", a->rebuilt);
	set_int(o, "audio_parity_packets", a->parity);
	set_int(o, "audio_wire_bytes", a->wire_bytes);
	set_int(o, "audio_packet_bytes", a->packet_len);
	set_int(o, "audio_samples", a->samples);
	for (unsigned c = 0; c < r->rtsp.announce.channels && c < 8 && r->audio_on; c++)
		json_array_append_new(rms, json_real((double)(int64_t)(a->rms[c] * 10) / 10));
	json_object_set_new(o, "audio_rms", rms);
	json_object_set_new(o, "audio_interval_ms", spread(a->interval_p50_ns, a->interval_p99_ns, a->interval_max_ns));
}

/* The newest HDR_MODE; metadata as 13 numbers (2-media 5.4). */
static json_t *hdr_mode(const struct control_stats *c)
{
	json_t *words = json_array();

	for (size_t i = 0; i < sizeof(c->hdr_metadata); i += 2)
		json_array_append_new(words, json_integer(c->hdr_metadata[i] | c->hdr_metadata[i + 1] << 8));
	return json_pack("{s:i,s:b,s:o}", "messages", (int)c->hdr_messages, "on", c->hdr, "metadata", words);
}

static void add_end(json_t *o, const struct session_result *r)
{
	const struct control_stats *c = &r->control;
	json_int_t code = c->terminated ? (json_int_t)c->termination_code : c->disconnected ? -1 : r->failure;

	json_object_set_new(o, "termination_code", json_integer(code));
	if (c->hdr_messages)
		json_object_set_new(o, "hdr", hdr_mode(c));
	if (c->terminated)
		json_object_set_new(o, "termination_result",
				    json_integer(control_result(c->termination_code, r->video.packets)));
	json_object_set_new(o, "interrupted", json_boolean(r->interrupted));
	set_int(o, "rtt_ms", c->rtt_ms);
	set_int(o, "rtt_variance_ms", c->rtt_var_ms);
	set_int(o, "input_sent", r->input_sent);
	set_int(o, "input_skipped", r->input_skipped);
	if (r->failed)
		json_object_set_new(o, "failed", json_pack("{s:s,s:s}", "step", r->failed, "why", r->message));
}

static void add_negotiated(json_t *o, const struct session_result *r)
{
	const struct sdp_announce *a = &r->rtsp.announce;

	json_object_set_new(o, "negotiated",
			    json_pack("{s:s,s:b,s:i,s:i,s:i,s:i,s:b,s:b,s:i,s:i,s:i,s:i}", "url", r->launch.url,
				      "sealed", r->launch.sealed, "host_features", r->rtsp.offer.features,
				      "encryption_offered", r->rtsp.offer.enc_supported, "encryption", a->enc_enabled,
				      "packet_size", a->packet_size, "audio_encrypted", a->audio_encrypted, "host_rfi",
				      r->rtsp.offer.rfi, "audio_ms", a->packet_ms, "video_port", r->rtsp.video_port,
				      "audio_port", r->rtsp.audio_port, "control_port", r->rtsp.control_port));
}

static void add_messages(json_t *o, const struct session_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->n_log; i++) {
		const struct control_log_entry *e = &r->log[i];
		char type[8], hex[2 * sizeof(e->head) + 1];

		snprintf(type, sizeof(type), "%04x", e->type);
		hex_encode(hex, e->head, e->len < sizeof(e->head) ? e->len : sizeof(e->head));
		json_array_append_new(
			list, json_pack("{s:i,s:s,s:i,s:s}", "ms", e->ms, "type", type, "len", e->len, "hex", hex));
	}
	json_object_set_new(o, "host_messages", list);
}

void report_stream(json_t *o, const struct options *opt, const struct session_result *r)
{
	json_t *stages = json_object();

	(void)opt;
	add_frames(o, r);
	add_wire(o, r);
	add_latency(o, &r->video);
	add_audio(o, r);
	add_end(o, r);
	add_negotiated(o, r);
	add_messages(o, r);
	set_int(o, "start_us", r->start_ns / NS_PER_US);
	for (unsigned i = 0; i < STAGES; i++) {
		if (r->stage_ms[i] >= 0)
			set_ms(stages, stage_names[i], r->stage_ms[i]);
	}
	json_object_set_new(o, "stages", stages);
}

void report_print(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(o);
}
