// SPDX-License-Identifier: GPL-3.0-or-later
/* Tone -> Opus -> datagrams -> the client model, without a thread: 2-media 9, M29 and M34 to M40. */
#include "../cmocka_all.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/layout.h"
#include "audio/opus.h"
#include "audio/source.h"
#include "base/str.h"
#include "client.h"
#include "net/rtp_audio.h"

static const struct session_keys keys = {.key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
					 .rikeyid = 0xb669fd2e};

/* The table of 2-media 4.3, and the DESCRIBE digits of 1-session 6.6 that tell the client the same. */
static const struct {
	uint8_t channels;
	bool high;
	unsigned streams, coupled, bytes_5ms, bytes_10ms, udp_plain, udp_sealed, udp_parity;
	const char *surround;
} table[] = {
	{2, false, 1, 1, 60, 120, 72, 76, 88, NULL},
	{2, true, 1, 1, 320, 640, 332, 348, 360, NULL},
	{6, false, 4, 2, 160, 320, 172, 188, 200, "642012453"},
	{6, true, 6, 0, 960, 0, 972, 988, 1000, "660012345"},
	{8, false, 5, 3, 281, 562, 293, 300, 312, "85301245673"},
	{8, true, 8, 0, 1280, 0, 1292, 1308, 1320, "88001234567"},
};
#define TABLE_LEN (sizeof(table) / sizeof(*table))

/* A sender without thread and socket: what it makes goes to the client but for the datagrams that are lost. */
struct chain {
	struct audio_params p;
	struct source *source;
	struct opus_enc *opus;
	struct audio_rtp rtp;
	struct client client;
	unsigned bytes;
	unsigned lost; /* bits 0..3 data, 4..5 parity of each group */
	int data_len, parity_len;
	unsigned parity_count;
};

static void chain_open(struct chain *c, unsigned i, unsigned ms, bool encrypt)
{
	const struct layout *l = layout_find(table[i].channels, table[i].high);
	const struct source_params sp = {.channels = table[i].channels, .node = ""};

	memset(c, 0, sizeof(*c));
	c->p = (struct audio_params){.channels = table[i].channels,
				     .high_quality = table[i].high,
				     .packet_ms = (uint8_t)ms,
				     .encrypt = encrypt};
	c->bytes = layout_packet_bytes(l, ms);
	assert_int_equal(source_create(&c->source, &source_tone, &sp), 0);
	assert_int_equal(opus_enc_create(&c->opus, l, ms), 0);
	assert_int_equal(audio_rtp_init(&c->rtp, &keys, encrypt, ms), 0);
	client_init(&c->client, &c->p, &keys, table[i].surround, !table[i].high);
}

static void chain_close(struct chain *c)
{
	client_finish(&c->client);
	audio_rtp_finish(&c->rtp);
	opus_enc_destroy(c->opus);
	source_destroy(c->source);
}

static void chain_run(struct chain *c, unsigned packets)
{
	float pcm[AUDIO_FRAMES_MAX * AUDIO_CHANNELS_MAX];
	uint8_t opus[AUDIO_OPUS_MAX], out[AUDIO_DATAGRAM_MAX];

	for (unsigned n = 0; n < packets; n++) {
		unsigned index = c->rtp.seq % 4;

		c->source->ops->render(c->source, pcm, c->p.packet_ms * 48u);
		assert_int_equal(opus_enc_encode(c->opus, pcm, opus), 0);
		c->data_len = audio_rtp_data(&c->rtp, opus, c->bytes, out);
		assert_true(c->data_len > 0);
		if (!(c->lost & 1u << index))
			client_receive(&c->client, out, (size_t)c->data_len);
		for (unsigned i = 0; i < audio_rtp_parity_due(&c->rtp); i++) {
			c->parity_len = audio_rtp_parity(&c->rtp, i, out);
			c->parity_count++;
			if (!(c->lost & 16u << i))
				client_receive(&c->client, out, (size_t)c->parity_len);
		}
	}
	client_flush(&c->client);
}

static void layouts_are_those_of_the_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct layout *l = layout_find(table[i].channels, table[i].high);

		assert_non_null(l);
		assert_int_equal(l->streams, table[i].streams);
		assert_int_equal(l->coupled, table[i].coupled);
		assert_int_equal(layout_packet_bytes(l, 5), table[i].bytes_5ms);
		assert_int_equal(layout_packet_bytes(l, 10), table[i].bytes_10ms);
		assert_int_equal(layout_packet_bytes(l, 20), 0);
		for (unsigned ch = 0; ch < l->channels; ch++)
			assert_int_equal(layout_mapping[ch], ch);
	}
	assert_null(layout_find(1, false));
	assert_null(layout_find(4, false));
	assert_null(layout_find(255, true));
}

static void m29_crypto_items_of_audio(void **state)
{
	char path[512];
	json_t *root;
	size_t i, found = 0;
	json_t *item;

	(void)state;
	snprintf(path, sizeof(path), "%s/crypto.json", getenv("TEST_VECTORS"));
	root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "items"), i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *plain = json_string_value(json_object_get(item, "plaintext_hex"));
		const char *wire = json_string_value(json_object_get(item, "wire_hex"));
		unsigned seq;
		struct audio_rtp rtp;
		uint8_t opus[256], out[AUDIO_DATAGRAM_MAX], want[256];
		int len;

		if (sscanf(name, "audio seq %u", &seq) != 1)
			continue;
		assert_int_equal(hex_decode(opus, sizeof(opus), plain, strlen(plain)), strlen(plain) / 2);
		assert_int_equal(hex_decode(want, sizeof(want), wire, strlen(wire)), strlen(wire) / 2);
		assert_int_equal(audio_rtp_init(&rtp, &keys, true, 5), 0);
		rtp.seq = (uint16_t)seq;
		rtp.timestamp = seq * 5;
		len = audio_rtp_data(&rtp, opus, strlen(plain) / 2, out);
		assert_int_equal(len, strlen(wire) / 2);
		assert_memory_equal(out, want, (size_t)len);
		audio_rtp_finish(&rtp);
		found++;
	}
	assert_int_equal(found, 3);
	json_decref(root);
}

static void m34_iv_after_the_sequence_wrapped(void **state)
{
	struct chain sealed, plain;

	(void)state;
	/* The model decrypts with BE32(rikeyid + 16-bit seq); a wrong IV spoils the first 16 bytes, which Opus may take
	 * for sound, so what was never encrypted is the measure. */
	chain_open(&sealed, 0, 5, true);
	chain_open(&plain, 0, 5, false);
	sealed.rtp.seq = plain.rtp.seq = 65520;
	sealed.rtp.timestamp = plain.rtp.timestamp = 65520 * 5;
	chain_run(&sealed, 64);
	chain_run(&plain, 64);
	assert_null(sealed.client.broken);
	assert_int_equal(sealed.client.packets, 64);
	assert_int_equal(sealed.rtp.seq, 48);
	assert_memory_equal(sealed.client.pcm, plain.client.pcm, 64 * 240 * 2 * sizeof(float));
	chain_close(&sealed);
	chain_close(&plain);
}

static void m35_a_multiple_of_16_grows_by_a_block(void **state)
{
	struct audio_rtp rtp;
	uint8_t opus[64] = {0}, out[AUDIO_DATAGRAM_MAX];

	(void)state;
	assert_int_equal(audio_rtp_init(&rtp, &keys, true, 5), 0);
	assert_int_equal(audio_rtp_data(&rtp, opus, 64, out), 12 + 80);
	audio_rtp_finish(&rtp);
}

static void m36_packets_are_equal_whatever_the_sound(void **state)
{
	static float pcm[AUDIO_FRAMES_MAX * AUDIO_CHANNELS_MAX];
	uint8_t opus[AUDIO_OPUS_MAX];
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < TABLE_LEN; i++) {
		for (unsigned ms = 5; ms <= 10; ms += 5) {
			const struct layout *l = layout_find(table[i].channels, table[i].high);
			struct opus_enc *e = NULL;

			if (!layout_packet_bytes(l, ms)) {
				assert_int_equal(opus_enc_create(&e, l, ms), -EINVAL);
				continue;
			}
			assert_int_equal(opus_enc_create(&e, l, ms), 0);
			for (unsigned n = 0; n < 60; n++) {
				/* Silence, noise, clipping, and back: encode fails on another length. */
				for (unsigned s = 0; s < ms * 48 * l->channels; s++) {
					x = x * 1664525u + 1013904223u;
					pcm[s] = n / 20 % 2 ? (float)(int32_t)x / 1.5e9f : 0.0f;
				}
				assert_int_equal(opus_enc_encode(e, pcm, opus), 0);
			}
			opus_enc_destroy(e);
		}
	}
}

static void m36_stereo_5_ms_counts_and_lengths(void **state)
{
	struct chain c;
	uint8_t out[AUDIO_DATAGRAM_MAX], opus[60] = {0};

	(void)state;
	chain_open(&c, 0, 5, false);
	for (unsigned n = 0; n < 8; n++) {
		assert_int_equal(audio_rtp_data(&c.rtp, opus, sizeof(opus), out), 72);
		assert_int_equal(out[1], 97);
		assert_int_equal(out[2] << 8 | out[3], n);
		assert_int_equal(out[6] << 8 | out[7], n * 5);
	}
	chain_close(&c);
}

static void m37_two_parity_packets_after_every_fourth(void **state)
{
	struct chain c;

	(void)state;
	for (size_t i = 0; i < TABLE_LEN; i++) {
		for (unsigned enc = 0; enc < 2; enc++) {
			chain_open(&c, (unsigned)i, 5, enc);
			chain_run(&c, 40);
			assert_null(c.client.broken); /* bases, base timestamps, lengths */
			assert_int_equal(c.parity_count, 20);
			assert_int_equal(c.client.packets, 40);
			assert_int_equal(c.client.opus_len, table[i].bytes_5ms);
			assert_int_equal(c.data_len, enc ? table[i].udp_sealed : table[i].udp_plain);
			assert_int_equal(c.parity_len, (enc ? table[i].udp_parity : table[i].udp_plain + 12));
			chain_close(&c);
		}
	}
}

static void m38_any_two_of_six_may_be_lost(void **state)
{
	struct chain whole, c;

	(void)state;
	for (unsigned enc = 0; enc < 2; enc++) {
		chain_open(&whole, 0, 5, enc);
		chain_run(&whole, 8);
		for (unsigned a = 0; a < 6; a++) {
			for (unsigned b = a; b < 6; b++) {
				chain_open(&c, 0, 5, enc);
				c.lost = 1u << a | 1u << b;
				chain_run(&c, 8);
				assert_null(c.client.broken);
				assert_int_equal(c.client.packets, 8);
				assert_int_equal(c.client.gaps, 0);
				assert_memory_equal(c.client.pcm, whole.client.pcm, 8 * 240 * 2 * sizeof(float));
				chain_close(&c);
			}
		}
		chain_close(&whole);
	}
}

static void m38_three_losses_are_gaps_not_garbage(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c, 0, 5, true);
	c.lost = 1u << 0 | 1u << 2 | 1u << 5;
	chain_run(&c, 8);
	assert_null(c.client.broken);
	assert_int_equal(c.client.gaps, 4);
	assert_int_equal(c.client.packets, 4);
	chain_close(&c);
}

static void m39_tones_land_in_their_channels(void **state)
{
	struct chain c;

	(void)state;
	for (size_t i = 0; i < TABLE_LEN; i++) {
		for (unsigned ms = 5; ms <= (table[i].bytes_10ms ? 10u : 5u); ms += 5) {
			chain_open(&c, (unsigned)i, ms, true);
			chain_run(&c, 220 / ms);
			assert_null(c.client.broken);
			assert_true(client_hears_tones(&c.client));
			chain_close(&c);
		}
	}
}

static void m39_the_common_wrong_71_line_would_be_heard(void **state)
{
	struct chain c;
	OpusMSDecoder *wrong;
	struct client other;

	(void)state;
	/* The model is able to tell: with the digits that swap LFE, SL and SR the tones are elsewhere. */
	chain_open(&c, 4, 5, false);
	client_init(&other, &c.p, &keys, "85301245367", true);
	wrong = c.client.decoder;
	c.client.decoder = other.decoder;
	other.decoder = wrong;
	chain_run(&c, 44);
	assert_null(c.client.broken);
	assert_false(client_hears_tones(&c.client));
	client_finish(&other);
	chain_close(&c);
}

static void m40_stereo_quality_is_96_or_512_kbit(void **state)
{
	(void)state;
	assert_int_equal(layout_find(2, false)->bit_rate, 96000);
	assert_int_equal(layout_find(2, true)->bit_rate, 512000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_are_those_of_the_client),
		cmocka_unit_test(m29_crypto_items_of_audio),
		cmocka_unit_test(m34_iv_after_the_sequence_wrapped),
		cmocka_unit_test(m35_a_multiple_of_16_grows_by_a_block),
		cmocka_unit_test(m36_packets_are_equal_whatever_the_sound),
		cmocka_unit_test(m36_stereo_5_ms_counts_and_lengths),
		cmocka_unit_test(m37_two_parity_packets_after_every_fourth),
		cmocka_unit_test(m38_any_two_of_six_may_be_lost),
		cmocka_unit_test(m38_three_losses_are_gaps_not_garbage),
		cmocka_unit_test(m39_tones_land_in_their_channels),
		cmocka_unit_test(m39_the_common_wrong_71_line_would_be_heard),
		cmocka_unit_test(m40_stereo_quality_is_96_or_512_kbit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
