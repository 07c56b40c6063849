// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "control/dispatch.h"
#include "control/out.h"

static int parse(struct msg *m, const char *hex)
{
	uint8_t *data = malloc(256), *exact;
	int n = hex_decode(data, 256, hex, strlen(hex)), err;

	assert_true(n >= 0);
	exact = realloc(data, n ? (size_t)n : 1); /* so that the sanitizer sees a read past the end */
	err = msg_parse(m, exact, (size_t)n);
	free(exact);
	return err;
}

static void every_client_message_is_known(void **state)
{
	static const struct {
		const char *hex;
		enum msg_kind kind;
	} rows[] = {
		{"020302000000", MSG_REQUEST_IDR},
		{"0703010000", MSG_START},
		{"000208000400000000000000", MSG_PING},
		{"01021000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", MSG_LOSS_STATS},
		{"01031800640000000000000066000000000000000000000000000000", MSG_RFI},
		{"500308006400000000000000", MSG_LTR_ACK},
		{"0255150000000064000a000900020005000200040001140001", MSG_FEC_STATUS},
		{"06020e000000000a03000000004180000000", MSG_INPUT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct msg m;

		assert_int_equal(parse(&m, rows[i].hex), 0);
		assert_int_equal(m.kind, rows[i].kind);
	}
}

static void m44_ping_with_garbage_is_a_ping(void **state)
{
	struct msg m;

	(void)state;
	assert_int_equal(parse(&m, "00020800040000000000dead"), 0);
	assert_int_equal(m.kind, MSG_PING);
}

static void m50_client_5502_is_fec_status_in_big_endian(void **state)
{
	struct msg m;

	(void)state;
	assert_int_equal(parse(&m, "02551500010203041112212231320041005100610071140203"), 0);
	assert_int_equal(m.kind, MSG_FEC_STATUS);
	assert_int_equal(m.fec.frame, 0x01020304);
	assert_int_equal(m.fec.highest_seq, 0x1112);
	assert_int_equal(m.fec.next_contiguous_seq, 0x2122);
	assert_int_equal(m.fec.missing_before_highest, 0x3132);
	assert_int_equal(m.fec.total_data, 0x41);
	assert_int_equal(m.fec.total_parity, 0x51);
	assert_int_equal(m.fec.received_data, 0x61);
	assert_int_equal(m.fec.received_parity, 0x71);
	assert_int_equal(m.fec.percent, 20);
	assert_int_equal(m.fec.block, 2);
	assert_int_equal(m.fec.block_count, 3);
	/* an LED message has 5 bytes: no status */
	assert_int_equal(parse(&m, "025505000000112233"), -EBADMSG);
}

static void m51_unknown_types_are_not_errors(void **state)
{
	static const char *const rows[] = {"0030010000", "01300300616263", "02300000", "77770000", "0901040080030023"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct msg m;

		assert_int_equal(parse(&m, rows[i]), -ENOTSUP);
	}
}

static void lengths_inside_must_be_exact(void **state)
{
	static const char *const rows[] = {
		"",
		"02",
		"0203",
		"020302",
		"0203020000",
		"020301000000",
		"0203ffff0000",
		"01030f00640000000000000066000000000000", /* M48: shorter than 16 */
		"5003040064000000",
		"0255140000000064000a0009000200050002000400011400",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct msg m;

		assert_int_equal(parse(&m, rows[i]), -EBADMSG);
	}
}

struct sink {
	struct feedback feedback;
	struct stream_stats stats;
	struct dispatch d;
};

static struct sink sink;

static void sink_reset(void)
{
	memset(&sink, 0, sizeof(sink));
	feedback_init(&sink.feedback);
	sink.d = (struct dispatch){.feedback = &sink.feedback, .stats = &sink.stats};
}

static int feed(const char *hex)
{
	static uint8_t data[256]; /* input points into it */
	int n = hex_decode(data, sizeof(data), hex, strlen(hex));
	struct msg m;
	int err;

	assert_true(n >= 0);
	err = msg_parse(&m, data, (size_t)n);
	return err ? err : dispatch_msg(&sink.d, &m);
}

static void m46_idr_requests_merge_into_one(void **state)
{
	(void)state;
	sink_reset();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(feed("020302000000"), 0);
	assert_true(feedback_take_idr(&sink.feedback));
	assert_false(feedback_take_idr(&sink.feedback));
	assert_int_equal(STAT_GET(sink.stats.idr_requests), 3);
}

static void m47_rfi_ranges_reach_the_encoder_merged(void **state)
{
	uint32_t first, last;

	(void)state;
	sink_reset();
	assert_int_equal(feed("010318000a000000000000000c000000000000000000000000000000"), 0);
	assert_true(feedback_take_rfi(&sink.feedback, &first, &last));
	assert_int_equal(first, 10);
	assert_int_equal(last, 12);
	assert_int_equal(feed("010318000a000000000000000c000000000000000000000000000000"), 0);
	assert_int_equal(feed("010318000a000000000000000e000000000000000000000000000000"), 0);
	assert_true(feedback_take_rfi(&sink.feedback, &first, &last));
	assert_int_equal(first, 10);
	assert_int_equal(last, 14);
	assert_false(feedback_take_idr(&sink.feedback));
}

static void m48_impossible_rfi_ranges_are_answered_by_an_idr(void **state)
{
	static const char *const rows[] = {
		"010318000c000000000000000a000000000000000000000000000000", /* first > last */
		"01031800010000000000000081000000000000000000000000000000", /* 129 frames */
		"010318000000000000000000ffffffff000000000000000000000000",
		"010318000a000000010000000c000000010000000000000000000000", /* above 32 bits */
		"010318000a0000000000000000000000010000000000000000000000",
		"01031000ffffffffffffffff0000000000000000",
	};
	uint32_t first, last;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		sink_reset();
		assert_int_equal(feed(rows[i]), 0);
		assert_true(feedback_take_idr(&sink.feedback));
		assert_false(feedback_take_rfi(&sink.feedback, &first, &last));
	}
	sink_reset();
	assert_int_equal(feed("01031800010000000000000080000000000000000000000000000000"), 0);
	assert_true(feedback_take_rfi(&sink.feedback, &first, &last)); /* 128 frames */
	assert_int_equal(feed("01030f00640000000000000066000000000000"), -EBADMSG);
	assert_false(feedback_take_idr(&sink.feedback));
}

static void acknowledgements_and_reports_are_counted(void **state)
{
	(void)state;
	sink_reset();
	assert_int_equal(feed("500308006400000000000000"), 0);
	assert_int_equal(feed("500308006300000000000000"), 0);
	assert_int_equal(atomic_load(&sink.feedback.ltr_acked), 100);
	assert_int_equal(STAT_GET(sink.stats.ltr_acks), 2);
	assert_int_equal(feed("0255150000000064000a000900020005000200040001140001"), 0);
	assert_int_equal(STAT_GET(sink.stats.fec_reports), 1);
	assert_int_equal(STAT_GET(sink.stats.shards_missing), 2);
	/* a block of 256 shards: counted, not believed */
	assert_int_equal(feed("0255150000000064000a000900c800fe000200040001140001"), 0);
	assert_int_equal(STAT_GET(sink.stats.fec_reports), 2);
	assert_int_equal(STAT_GET(sink.stats.shards_missing), 2);
	assert_int_equal(feed("000208000400000000000000"), 0);
	assert_int_equal(feed("0703010000"), 0);
	assert_int_equal(feed("06020e000000000a03000000004180000000"), 0);
	assert_int_equal(STAT_GET(sink.stats.input_packets), 1);
	assert_int_equal(feed("06020e000000000b03000000004180000000"), -EBADMSG);
	assert_int_equal(feed("060208000000000499000055"), -ENOTSUP);
	assert_int_equal(STAT_GET(sink.stats.input_packets), 1);
}

static void assert_built(const uint8_t *out, size_t len, const char *hex)
{
	char text[2 * MSG_OUT_MAX + 1];

	assert_true(len <= MSG_OUT_MAX);
	hex_encode(text, out, len);
	assert_string_equal(text, hex);
}

static void m52_hdr_mode_has_27_bytes(void **state)
{
	static const uint16_t meta[HDR_METADATA_WORDS] = {35400, 14600, 8500, 39850, 6550, 2300, 15635,
							  16450, 1000,  1,    1000,  400,  1000};
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_built(out, msg_hdr(out, true, meta), "0e011b0001488a08393421aa9b9619fc08133d4240e8030100e8039001e803");
	assert_built(out, msg_hdr(out, false, NULL), "0e011b00000000000000000000000000000000000000000000000000000000");
}

static void m53_rumble_is_10_bytes_little_endian(void **state)
{
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_built(out, msg_rumble(out, 0, 0x1111, 0x2222), "0b010a00eeffc000000011112222");
	assert_built(out, msg_rumble(out, 3, 0x1234, 0xabcd), "0b010a00eeffc00003003412cdab");
	assert_built(out, msg_rumble(out, 3, 0, 0), "0b010a00eeffc000030000000000");
}

static void m54_termination_code_is_big_endian(void **state)
{
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_built(out, msg_termination(out, 0x80030023), "0901040080030023");
}

static void the_other_host_messages(void **state)
{
	static const struct msg_adaptive a = {.flags = ADAPTIVE_LEFT | ADAPTIVE_RIGHT,
					      .type_left = 1,
					      .type_right = 2,
					      .left = {3},
					      .right = {[9] = 4}};
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_built(out, msg_rumble_triggers(out, 1, 0x0102, 0x0304), "00550600010002010403");
	assert_built(out, msg_motion(out, 2, 100, MOTION_GYRO), "015505000200640002");
	assert_built(out, msg_led(out, 15, 1, 2, 3), "025505000f00010203");
	assert_built(out, msg_adaptive_triggers(out, 1, &a),
		     "0355190001000c01020300000000000000000000000000000000000004");
}

static void m53_only_the_newest_value_of_a_pad_goes_out(void **state)
{
	static struct control_out o;
	struct wake w;
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_int_equal(wake_init(&w), 0);
	out_init(&o, &w);
	assert_int_equal(out_take(&o, out), 0);
	for (unsigned i = 0; i < 100; i++)
		o.back.rumble(o.back.ctx, 3, (uint16_t)i, 7);
	o.back.rumble(o.back.ctx, 3, 0, 0);
	o.back.rumble(o.back.ctx, 16, 1, 1); /* no such pad */
	assert_built(out, out_take(&o, out), "0b010a00eeffc000030000000000");
	assert_int_equal(out_take(&o, out), 0);
	/* kinds and pads do not shadow each other */
	o.back.rumble_triggers(o.back.ctx, 0, 1, 2);
	o.back.motion_wanted(o.back.ctx, 0, true, 100);
	o.back.motion_wanted(o.back.ctx, 0, false, 50);
	o.back.led(o.back.ctx, 0, 1, 2, 3);
	for (unsigned i = 0; i < 4; i++)
		assert_int_not_equal(out_take(&o, out), 0);
	assert_int_equal(out_take(&o, out), 0);
	/* the effect of one trigger leaves the newest of the other as it is */
	o.back.trigger_effect(o.back.ctx, 2,
			      &(struct input_trigger_effect){.left = true, .left_type = 9, .left_data = {5}});
	o.back.trigger_effect(o.back.ctx, 2, &(struct input_trigger_effect){.right = true, .right_type = 1});
	o.back.trigger_effect(o.back.ctx, 2,
			      &(struct input_trigger_effect){.right = true, .right_type = 2, .right_data = {[9] = 7}});
	o.back.trigger_effect(o.back.ctx, 16, &(struct input_trigger_effect){.right = true});
	assert_built(out, out_take(&o, out), "0355190002000c09020500000000000000000000000000000000000007");
	assert_int_equal(out_take(&o, out), 0);
	/* a client that connects anew hears everything known */
	out_again(&o);
	for (unsigned i = 0; i < 6; i++)
		assert_int_not_equal(out_take(&o, out), 0);
	assert_int_equal(out_take(&o, out), 0);
	wake_finish(&w);
}

static void m52_the_sources_metadata_go_out_with_hdr_and_again_to_a_new_client(void **state)
{
	static const struct hdr_metadata meta = {
		.red = {35400, 14600},
		.green = {8500, 39850},
		.blue = {6550, 2300},
		.white = {15635, 16450},
		.max_nits = 1000,
		.min_nits = 1,
		.max_cll = 1000,
		.max_fall = 400,
		.max_full_frame_nits = 1000,
	};
	static struct control_out o;
	struct wake w;
	uint8_t out[MSG_OUT_MAX];

	(void)state;
	assert_int_equal(wake_init(&w), 0);
	out_init(&o, &w);
	out_hdr(&o, &meta);
	assert_built(out, out_take(&o, out), "0e011b0001488a08393421aa9b9619fc08133d4240e8030100e8039001e803");
	assert_int_equal(out_take(&o, out), 0);
	out_again(&o);
	assert_built(out, out_take(&o, out), "0e011b0001488a08393421aa9b9619fc08133d4240e8030100e8039001e803");
	out_hdr(&o, NULL);
	assert_built(out, out_take(&o, out), "0e011b00000000000000000000000000000000000000000000000000000000");
	wake_finish(&w);
}

static void a_busy_pad_starves_no_other(void **state)
{
	static struct control_out o;
	struct wake w;
	uint8_t out[MSG_OUT_MAX];
	bool other = false;

	(void)state;
	assert_int_equal(wake_init(&w), 0);
	out_init(&o, &w);
	o.back.rumble(o.back.ctx, 9, 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		o.back.rumble(o.back.ctx, 0, (uint16_t)i, 7);
		assert_int_not_equal(out_take(&o, out), 0);
		other |= out[8] == 9;
	}
	assert_true(other);
	wake_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_client_message_is_known),
		cmocka_unit_test(m44_ping_with_garbage_is_a_ping),
		cmocka_unit_test(m50_client_5502_is_fec_status_in_big_endian),
		cmocka_unit_test(m51_unknown_types_are_not_errors),
		cmocka_unit_test(lengths_inside_must_be_exact),
		cmocka_unit_test(m46_idr_requests_merge_into_one),
		cmocka_unit_test(m47_rfi_ranges_reach_the_encoder_merged),
		cmocka_unit_test(m48_impossible_rfi_ranges_are_answered_by_an_idr),
		cmocka_unit_test(acknowledgements_and_reports_are_counted),
		cmocka_unit_test(m52_hdr_mode_has_27_bytes),
		cmocka_unit_test(m53_rumble_is_10_bytes_little_endian),
		cmocka_unit_test(m54_termination_code_is_big_endian),
		cmocka_unit_test(the_other_host_messages),
		cmocka_unit_test(m53_only_the_newest_value_of_a_pad_goes_out),
		cmocka_unit_test(m52_the_sources_metadata_go_out_with_hdr_and_again_to_a_new_client),
		cmocka_unit_test(a_busy_pad_starves_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
