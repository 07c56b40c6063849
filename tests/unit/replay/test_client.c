// SPDX-License-Identifier: GPL-3.0-or-later
/* What a stock client sent in recorded sessions goes through our parsers, message by message, and what our host sealed
 * then comes out of our writers again, byte for byte. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../session/fixture.h"
#include "../cmocka_all.h"
#include "base/str.h"
#include "control/dispatch.h"
#include "control/envelope.h"
#include "control/host.h"
#include "control/msg.h"
#include "input/input.h"
#include "net/media_port.h"
#include "rtsp/describe.h"
#include "rtsp/msg.h"
#include "rtsp/sdp.h"
#include "rtsp/seal.h"

#define MESSAGE_MAX (64u << 10)

static const struct session {
	const char *file;
	bool sealed_rtsp, video_encrypted, audio_encrypted, rfi, high_quality;
	unsigned channels, packet_ms;
} sessions[] = {
	{"session-sealed.jsonl", true, true, true, true, false, 2, 10},
	{"session-plain-media.jsonl", true, false, false, false, false, 2, 5},
	{"session-input.jsonl", true, true, true, false, false, 2, 10},
	{"session-plain-rtsp.jsonl", false, true, true, false, true, 8, 5},
};

static const char *const requests[] = {"OPTIONS", "DESCRIBE", "SETUP", "SETUP", "SETUP", "ANNOUNCE", "PLAY"};

/* What the daemon that was recorded offered. */
static struct rtsp_offer offer_of(const struct fixture *f)
{
	return (struct rtsp_offer){
		.rfi = true,
		.feature_flags = 3,
		.enc_supported = 7,
		.enc_requested = 1,
		.video_port = (uint16_t)(f->port + 9),
		.control_port = (uint16_t)(f->port + 10),
		.audio_port = (uint16_t)(f->port + 11),
		.fec_percent = 20,
	};
}

static const struct record *next_rtsp(const struct fixture *f, const struct record *r, bool sent)
{
	r = fixture_next(f, r, RECORD_RTSP, sent);
	assert_non_null(r);
	return r;
}

/* The text of an RTSP record, which is sealed if and only if the session is; terminated. */
static char *rtsp_text_of(const struct fixture *f, const struct session *s, const struct record *r, uint32_t *seq)
{
	char *text = fixture_unseal(f, r->data, r->len, r->sent, seq);

	assert_int_equal(text != NULL, s->sealed_rtsp);
	if (text)
		return text;
	text = calloc(1, r->len + 1);
	assert_non_null(text);
	memcpy(text, r->data, r->len);
	return text;
}

/* The same request in pieces of any size. */
static void parse_in_pieces(const char *text, size_t len, size_t piece)
{
	struct rtsp_request q;
	size_t at = 0;
	int got = 0;

	rtsp_request_init(&q, MESSAGE_MAX);
	while (!got && at < len) {
		at = at + piece < len ? at + piece : len;
		got = rtsp_request_parse(&q, text, at);
	}
	assert_int_equal(got, 1);
	assert_int_equal(at, len);
}

static void every_rtsp_request_is_understood_however_it_is_cut(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL;
		struct fixture f;

		fixture_load_vector(&f, sessions[i].file);
		assert_int_equal(fixture_count(&f, RECORD_RTSP, true), ARRAY_LEN(requests));
		for (unsigned n = 0; n < ARRAY_LEN(requests); n++) {
			struct rtsp_request q;
			uint32_t seq = n + 1;
			char *text;

			r = next_rtsp(&f, r, true);
			text = rtsp_text_of(&f, &sessions[i], r, &seq);
			assert_int_equal(seq, n + 1);
			rtsp_request_init(&q, MESSAGE_MAX);
			assert_int_equal(rtsp_request_parse(&q, text, strlen(text)), 1);
			assert_true(rtsp_text_equal(q.method, requests[n]));
			assert_int_equal(q.cseq, n + 1);
			/* From the second SETUP on the client repeats the id of the first answer. */
			assert_int_equal(rtsp_request_session(&q).len, n > 2 ? 16 : 0);
			for (size_t piece = 1; piece < 20; piece++)
				parse_in_pieces(text, strlen(text), piece);
			free(text);
		}
		fixture_free(&f);
	}
}

static void every_announce_means_what_the_client_was_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct session *s = &sessions[i];
		const struct record *r = NULL;
		struct rtsp_announce a;
		struct rtsp_offer offer;
		struct rtsp_request q;
		struct fixture f;
		char why[SDP_WHY_MAX], *text;
		uint32_t seq;

		fixture_load_vector(&f, s->file);
		offer = offer_of(&f);
		for (unsigned n = 0; n < 6; n++)
			r = next_rtsp(&f, r, true);
		text = rtsp_text_of(&f, s, r, &seq);
		rtsp_request_init(&q, MESSAGE_MAX);
		assert_int_equal(rtsp_request_parse(&q, text, strlen(text)), 1);
		assert_int_equal(sdp_parse(q.body.p, q.body.len, &offer, !s->high_quality, &a, why), 0);
		assert_int_equal(a.video.codec, CODEC_H264);
		assert_int_equal(a.video.width, 1280);
		assert_int_equal(a.video.height, 720);
		assert_int_equal(a.video.fps_mhz, 60000);
		assert_int_equal(a.video.encrypt, s->video_encrypted);
		assert_int_equal(a.video.rfi, s->rfi);
		assert_int_equal(a.video.fec_percent, 20);
		assert_int_equal(a.video.fec_min, 2);
		assert_int_equal(a.audio.channels, s->channels);
		assert_int_equal(a.audio.high_quality, s->high_quality);
		assert_int_equal(a.audio.packet_ms, s->packet_ms);
		assert_int_equal(a.audio.encrypt, s->audio_encrypted);
		assert_true(a.control_v2 && a.session_id_v1 && a.fec_status);
		free(text);
		fixture_free(&f);
	}
}

/* Sealing is deterministic: the key, the direction and the number make the bytes. */
static void sealed_rtsp_of_both_sides_is_reproduced(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL;
		struct fixture f;
		struct gcm *g;

		if (!sessions[i].sealed_rtsp)
			continue;
		fixture_load_vector(&f, sessions[i].file);
		g = gcm_create(f.key, GCM_IV_LEN);
		while ((r = fixture_next(&f, r, RECORD_RTSP, true))) {
			struct seal_frame frame;
			uint8_t *again;
			size_t len;
			char *out;

			assert_int_equal(seal_find(r->data, r->len, MESSAGE_MAX, &frame), 1);
			out = malloc(frame.len);
			assert_non_null(out);
			assert_int_equal(seal_open(g, &frame, out), 0);
			again = fixture_seal(&f, frame.seq, out, frame.len, &len);
			assert_int_equal(len, r->len);
			assert_memory_equal(again, r->data, len);
			/* Not with one bit turned. */
			r->data[r->len - 1] ^= 1;
			assert_int_equal(seal_open(g, &frame, out), -EBADMSG);
			r->data[r->len - 1] ^= 1;
			free(again);
			free(out);
		}
		for (uint32_t seq = 1; (r = fixture_next(&f, r, RECORD_RTSP, false)); seq++) {
			uint32_t got;
			char *text = fixture_unseal(&f, r->data, r->len, false, &got);
			struct buf b;

			assert_non_null(text);
			assert_int_equal(got, seq);
			buf_init(&b, MESSAGE_MAX);
			assert_int_equal(seal_write(g, seq, text, strlen(text), &b), 0);
			assert_int_equal(b.len, r->len);
			assert_memory_equal(b.data, r->data, b.len);
			buf_finish(&b);
			free(text);
		}
		gcm_destroy(g);
		fixture_free(&f);
	}
}

static void answers_are_written_as_the_client_got_them(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL;
		struct fixture f;

		fixture_load_vector(&f, sessions[i].file);
		for (unsigned n = 0; n < ARRAY_LEN(requests); n++) {
			uint32_t seq;
			char *text;
			struct buf b, body;

			r = next_rtsp(&f, r, false);
			if (!strcmp(requests[n], "SETUP")) /* its values were drawn for that session */
				continue;
			text = rtsp_text_of(&f, &sessions[i], r, &seq);
			buf_init(&b, MESSAGE_MAX);
			buf_init(&body, DESCRIBE_MAX);
			rtsp_reply_begin(&b, 200, n + 1);
			if (!strcmp(requests[n], "DESCRIBE")) {
				struct rtsp_offer offer = offer_of(&f);

				describe_write(&body, &offer);
				rtsp_reply_header(&b, "Content-type", "application/sdp");
				rtsp_reply_end(&b, &body);
			} else {
				rtsp_reply_end(&b, NULL);
			}
			assert_string_equal(buf_cstr(&b), text);
			buf_finish(&body);
			buf_finish(&b);
			free(text);
		}
		fixture_free(&f);
	}
}

static void every_ping_is_one_and_counts(void **state)
{
	static const enum record_channel channels[] = {RECORD_VIDEO, RECORD_AUDIO};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		struct fixture f;

		fixture_load_vector(&f, sessions[i].file);
		for (unsigned c = 0; c < ARRAY_LEN(channels); c++) {
			const struct record *r = NULL, *rtsp = NULL;
			char given[128] = "", *text, *at;
			uint32_t seq, count = 0;

			/* The word that the host gave in the answer to the first SETUP. */
			for (unsigned n = 0; n < 3; n++)
				rtsp = next_rtsp(&f, rtsp, false);
			text = rtsp_text_of(&f, &sessions[i], rtsp, &seq);
			at = strstr(text, "X-SS-Ping-Payload: ");
			assert_non_null(at);
			snprintf(given, sizeof(given), "%.16s", at + strlen("X-SS-Ping-Payload: "));
			free(text);
			while ((r = fixture_next(&f, r, channels[c], true))) {
				struct ping p;

				assert_int_equal(ping_parse(&p, r->data, r->len), 0);
				assert_false(p.legacy);
				assert_memory_equal(p.payload, given, PING_PAYLOAD_LEN);
				assert_int_equal(p.counter, ++count);
			}
			assert_true(count > 0);
		}
		fixture_free(&f);
	}
}

/* The text that was typed ends inside its last character: that one packet is refused, as it was then. */
static bool is_cut_text(const struct record *r)
{
	static const uint8_t cut[] = {0, 0, 0, 8, 0x17, 0, 0, 0, 0xf0, 0x9f, 0x98, 0};

	return r->type == 0x0206 && r->len == sizeof(cut) && !memcmp(r->data, cut, sizeof(cut));
}

static bool on_the_wire(const struct fixture *f, bool sent, const uint8_t *bytes, size_t n)
{
	for (const struct record *r = NULL; (r = fixture_next(f, r, RECORD_CONTROL, sent));)
		if (memmem(r->data, r->len, bytes, n))
			return true;
	return false;
}

static void every_control_message_opens_and_is_sealed_as_on_the_wire(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL;
		struct envelope host, client;
		struct fixture f;

		fixture_load_vector(&f, sessions[i].file);
		assert_int_equal(envelope_init(&host, f.key, true, true), 0);
		assert_int_equal(envelope_init(&client, f.key, true, false), 0);
		while ((r = fixture_next(&f, r, RECORD_CONTROL_MSG, true))) {
			uint8_t plain[ENVELOPE_PLAIN_MAX], wire[ENVELOPE_MAX], got[ENVELOPE_MAX];
			size_t len = record_message(r, plain, sizeof(plain));
			int n;

			client.next_seq = r->seq;
			n = envelope_seal(&client, plain, len, wire);
			assert_int_equal(n, ENVELOPE_OVERHEAD + len);
			assert_true(on_the_wire(&f, true, wire, (size_t)n));
			assert_int_equal(envelope_open(&host, wire, (size_t)n, got), len);
			assert_memory_equal(got, plain, len);
			assert_int_equal(envelope_open(&host, wire, (size_t)n, got), -EALREADY);
		}
		envelope_finish(&host);
		envelope_finish(&client);
		fixture_free(&f);
	}
}

static void every_control_message_is_known_and_does_what_it_says(void **state)
{
	unsigned kinds[MSG_INPUT + 1] = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL;
		struct feedback feedback;
		struct stream_stats *stats = calloc(1, sizeof(*stats));
		struct dispatch d = {.feedback = &feedback, .stats = stats};
		struct fixture f;

		assert_non_null(stats);
		feedback_init(&feedback);
		fixture_load_vector(&f, sessions[i].file);
		while ((r = fixture_next(&f, r, RECORD_CONTROL_MSG, true))) {
			uint8_t bytes[ENVELOPE_PLAIN_MAX];
			struct msg m;
			uint32_t first = 0, last = 0;

			assert_int_equal(msg_parse(&m, bytes, record_message(r, bytes, sizeof(bytes))), 0);
			kinds[m.kind]++;
			assert_int_equal(dispatch_msg(&d, &m), is_cut_text(r) ? -EBADMSG : 0);
			assert_int_equal(feedback_take_rfi(&feedback, &first, &last), m.kind == MSG_RFI);
			if (m.kind == MSG_RFI) {
				assert_true(first <= last && last - first < 8);
				assert_int_equal(first, m.rfi.first);
				assert_int_equal(last, m.rfi.last);
			}
			if (m.kind == MSG_FEC_STATUS) {
				assert_in_range(m.fec.total_data + m.fec.total_parity, 1, 255);
				assert_true(m.fec.block_count == 1 && m.fec.block == 0);
				assert_int_equal((m.fec.total_data * m.fec.percent + 99) / 100, m.fec.total_parity);
			}
		}
		fixture_free(&f);
		free(stats);
	}
	assert_int_equal(kinds[MSG_REQUEST_IDR], ARRAY_LEN(sessions));
	assert_int_equal(kinds[MSG_START], ARRAY_LEN(sessions));
	assert_true(kinds[MSG_PING] > 100);
	assert_int_equal(kinds[MSG_RFI], 11);
	assert_int_equal(kinds[MSG_FEC_STATUS], 21);
	assert_int_equal(kinds[MSG_INPUT], 81);
}

static void the_first_control_datagram_connects_with_the_data_that_was_given(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct record *r = NULL, *connect;
		uint32_t data, seq;
		struct fixture f;
		char *text, *at;

		fixture_load_vector(&f, sessions[i].file);
		for (unsigned n = 0; n < 5; n++)
			r = next_rtsp(&f, r, false);
		text = rtsp_text_of(&f, &sessions[i], r, &seq);
		at = strstr(text, "X-SS-Connect-Data: ");
		assert_non_null(at);
		connect = fixture_next(&f, NULL, RECORD_CONTROL, true);
		assert_true(host_is_stray(connect->data, connect->len));
		assert_true(host_is_connect(connect->data, connect->len, &data));
		assert_int_equal(data, strtoul(at + strlen("X-SS-Connect-Data: "), NULL, 10));
		for (connect++; (connect = fixture_next(&f, connect, RECORD_CONTROL, true));)
			assert_false(host_is_connect(connect->data, connect->len, &data));
		free(text);
		fixture_free(&f);
	}
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, MESSAGE_MAX);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, MESSAGE_MAX - 1, file) > 0);
	fclose(file);
	return text;
}

/* One pass of every input call the client has: the events are those that the recorded daemon wrote. */
static void every_input_packet_becomes_the_events_that_the_daemon_saw(void **state)
{
	char path[] = "/tmp/moonrill-replay-XXXXXX", want_path[4096];
	int fd = mkstemp(path);
	const struct record *r = NULL;
	struct input *in;
	struct fixture f;
	unsigned refused = 0;
	char *got, *want;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(want_path, sizeof(want_path), "%s/session-input.events", getenv("TEST_VECTORS"));
	fixture_load_vector(&f, "session-input.jsonl");
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "log", .log_file = path}), 0);
	while ((r = fixture_next(&f, r, RECORD_CONTROL_MSG, true))) {
		struct input_event e;

		if (r->type != 0x0206)
			continue;
		if (is_cut_text(r)) {
			refused++;
			assert_int_equal(input_packet_parse(&e, r->data, r->len), -EBADMSG);
			continue;
		}
		assert_int_equal(input_packet_parse(&e, r->data, r->len), 0);
		input_event(in, &e);
	}
	input_close(in);
	assert_int_equal(refused, 1);
	got = read_text(path);
	want = read_text(want_path);
	assert_string_equal(got, want);
	free(got);
	free(want);
	unlink(path);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rtsp_request_is_understood_however_it_is_cut),
		cmocka_unit_test(every_announce_means_what_the_client_was_told),
		cmocka_unit_test(sealed_rtsp_of_both_sides_is_reproduced),
		cmocka_unit_test(answers_are_written_as_the_client_got_them),
		cmocka_unit_test(every_ping_is_one_and_counts),
		cmocka_unit_test(the_first_control_datagram_connects_with_the_data_that_was_given),
		cmocka_unit_test(every_control_message_opens_and_is_sealed_as_on_the_wire),
		cmocka_unit_test(every_control_message_is_known_and_does_what_it_says),
		cmocka_unit_test(every_input_packet_becomes_the_events_that_the_daemon_saw),
	};

	return cmocka_run_group_tests_name("replay/client", tests, NULL, NULL);
}
