// SPDX-License-Identifier: GPL-3.0-or-later
/* What passes between one client and its session, over loopback. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "fixture.h"

static const struct hdr_metadata bright = {.max_nits = 1000};

static void m43_first_messages_connect_and_start(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	assert_int_equal(o.connected, 1);
	assert_int_equal(o.peer.sa.sa_family, AF_INET);
	assert_int_equal(o.peer.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_true(feedback_take_idr(&o.feedback));
	assert_false(feedback_take_idr(&o.feedback));
	client_send(&c, 0, START); /* once is enough */
	settle(&c, 1);
	assert_int_equal(o.started, 1);
	assert_false(o.disconnected);
	assert_true(STAT_GET(o.stats.rtt_us) > 0 && STAT_GET(o.stats.rtt_us) < 10000000);
	finish(&c, &o);
}

static void m41_wrong_connect_data_is_refused_at_once_and_frees_the_slot(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	for (unsigned i = 0; i < 20; i++) { /* more than strangers may be at once */
		client_open(&c, false, control_port(control), i % 2 ? 78 : 0, key_a, true);
		until(&c, 1, c.connected && c.disconnected);
		client_close(&c);
	}
	assert_int_equal(o.connected, 0);
	start(&c, &o, false, 77, key_a);
	finish(&c, &o);
}

static void m42_channel_47_is_delivered(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	assert_int_equal(c.peer->channelCount, 48);
	client_send(&c, 0x2f,
		    "06020c000000000807000000000100"
		    "02");
	until(&c, 1, input_saw(&o, "\"mouse_rel\",\"dx\":1,\"dy\":2"));
	finish(&c, &o);
}

static void m30_m31_damaged_plain_and_replayed_messages_are_dropped(void **state)
{
	static const uint8_t plain[] = {0x06, 0x02, 0x09, 0, 0, 0, 0, 5, 8, 0, 0, 0, 1};
	uint8_t wire[ENVELOPE_MAX];
	struct owner o;
	struct client c;
	int n;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	n = envelope_seal(&c.envelope, plain, sizeof(plain), wire);
	wire[n - 1] ^= 1;
	client_send_raw(&c, 0, wire, (size_t)n);
	client_send_raw(&c, 0, plain, sizeof(plain));
	until(&c, 1, STAT_GET(o.stats.control_rejected) == 2);
	assert_int_equal(STAT_GET(o.stats.input_packets), 0);
	wire[n - 1] ^= 1;
	client_send_raw(&c, 0, wire, (size_t)n);
	client_send_raw(&c, 1, wire, (size_t)n);
	until(&c, 1, STAT_GET(o.stats.control_rejected) == 3);
	until(&c, 1, STAT_GET(o.stats.input_packets) == 1);
	/* malformed inside, unknown types: the stream goes on */
	client_send(&c, 0,
		    "03020000"
		    "00");
	client_send(&c, 0, "77770000");
	until(&c, 1, STAT_GET(o.stats.control_rejected) == 4);
	client_send(&c, 0, IDR);
	until(&c, 1, STAT_GET(o.stats.idr_requests) == 2);
	assert_false(c.disconnected);
	finish(&c, &o);
}

static void m44_m45_silence_ends_the_session_and_releases_input(void **state)
{
	struct owner o;
	struct client c;
	uint64_t end;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	client_send(&c, 2, "06020e000000000a03000000004180000000");
	/* three times the limit with pings whose last bytes are garbage */
	for (end = clock_ns() + 900 * NS_PER_MS; clock_ns() < end && !o.disconnected;) {
		client_send(&c, 0, PING);
		for (unsigned i = 0; i < 10; i++)
			step(&c, 1);
	}
	assert_false(o.disconnected);
	assert_true(input_saw(&o, "\"vk\":65,\"evdev\":30,\"down\":true"));
	assert_false(input_saw(&o, "\"vk\":65,\"evdev\":30,\"down\":false"));
	until(&c, 1, o.disconnected); /* ENet still acknowledges: that is no sign of life */
	assert_int_equal(o.err, -ETIMEDOUT);
	assert_true(input_saw(&o, "\"vk\":65,\"evdev\":30,\"down\":false"));
	until(&c, 1, c.disconnected);
	owner_close(&o, CONTROL_TERM_GRACEFUL);
	client_close(&c);
}

static void a_client_that_vanishes_is_missed(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	client_close(&c);
	until(NULL, 0, o.disconnected);
	assert_int_equal(o.err, -ETIMEDOUT);
	owner_close(&o, CONTROL_TERM_GRACEFUL);
}

static void a_client_that_proves_nothing_is_dropped(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	client_open(&c, false, control_port(control), 77, key_b, true);
	until(&c, 1, c.connected);
	client_send(&c, 0, IDR);
	until(&c, 1, c.disconnected);
	assert_int_equal(o.connected, 0);
	assert_int_equal(o.disconnected, 0);
	assert_int_equal(STAT_GET(o.stats.idr_requests), 0);
	finish(&c, &o);
}

static void a_client_that_leaves_is_no_error_and_input_is_released(void **state)
{
	struct owner o;
	struct client c;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	client_send(&c, 3,
		    "060209000000000508000000"
		    "01");
	until(&c, 1, STAT_GET(o.stats.input_packets) == 1);
	enet_peer_disconnect_later(c.peer, 0);
	until(&c, 1, o.disconnected && c.disconnected);
	assert_int_equal(o.err, 0);
	assert_true(input_saw(&o, "\"mouse_button\",\"button\":1,\"evdev\":272,\"down\":false"));
	client_close(&c);
	/* the session is over: its data let nobody in any more */
	client_open(&c, false, control_port(control), 77, key_a, true);
	until(&c, 1, c.disconnected);
	assert_int_equal(o.connected, 1);
	finish(&c, &o);
}

static void m54_termination_then_disconnect(void **state)
{
	struct owner o;
	struct client c;
	const uint8_t *m;
	int len;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c, &o, false, 77, key_a);
	client_send(&c, 2, "06020e000000000a03000000004180000000");
	until(&c, 1, STAT_GET(o.stats.input_packets) == 1);
	owner_remove(&o, CONTROL_TERM_GRACEFUL);
	assert_true(input_saw(&o, "\"vk\":65,\"evdev\":30,\"down\":false")); /* when remove returns */
	until(&c, 1, c.disconnected);
	m = client_message(&c, 0x0109, &len);
	assert_non_null(m);
	assert_int_equal(len, 8);
	assert_memory_equal(m + 4, "\x80\x03\x00\x23", 4);
	assert_int_equal(o.disconnected, 0);
	finish(&c, &o);
}

static void m55_the_old_peer_cannot_end_the_new_session(void **state)
{
	struct owner old, new;
	struct client c[2];

	(void)state;
	owner_default(&old, key_a, 77);
	start(&c[0], &old, false, 77, key_a);
	owner_default(&new, key_b, 78); /* the resume, before the old session is gone */
	start(&c[1], &new, false, 78, key_b);
	owner_close(&old, CONTROL_TERM_GRACEFUL);
	enet_peer_disconnect(c[0].peer, 0);
	until(c, 2, c[0].disconnected);
	settle(c, 2);
	assert_int_equal(new.disconnected, 0);
	client_send(&c[1], 1, IDR);
	until(c, 2, STAT_GET(new.stats.idr_requests) == 2);
	finish(&c[1], &new);
	client_close(&c[0]);
}

static void m55_newest_proven_peer_of_a_session_replaces_the_old_one(void **state)
{
	struct owner o;
	struct client c[3];
	const uint8_t *m;
	int len;

	(void)state;
	owner_default(&o, key_a, 77);
	start(&c[0], &o, false, 77, key_a);
	control_session_hdr(o.session, &bright);
	until(c, 1, client_message(&c[0], 0x010e, &len));
	/* without the key: nothing happens to the first */
	client_open(&c[1], false, control_port(control), 77, key_b, true);
	until(c, 2, c[1].connected);
	client_send(&c[1], 0, IDR);
	until(c, 2, STAT_GET(o.stats.control_rejected) == 1);
	enet_peer_disconnect(c[1].peer, 0); /* nor does its leaving */
	until(c, 2, c[1].disconnected);
	client_send(&c[0], 1, IDR);
	until(c, 2, STAT_GET(o.stats.idr_requests) == 2);
	assert_int_equal(o.disconnected, 0);
	/* the same client again, its sequence goes on */
	client_open(&c[2], false, control_port(control), 77, key_a, true);
	c[2].envelope.next_seq = c[0].envelope.next_seq;
	until(c, 3, c[2].connected);
	client_send(&c[2], 0, IDR);
	until(c, 3, STAT_GET(o.stats.idr_requests) == 3 && c[0].disconnected);
	until(c, 3, client_message(&c[2], 0x010e, &len)); /* told again */
	m = client_message(&c[2], 0x010e, &len);
	assert_int_equal(len, 4 + 27);
	assert_int_equal(m[4], 1);
	assert_int_equal(o.connected, 1);
	assert_int_equal(o.disconnected, 0);
	finish(&c[2], &o);
	client_close(&c[0]);
	client_close(&c[1]);
}

static void m53_rumble_reaches_the_right_pad_and_stops(void **state)
{
	struct owner o;
	struct client c;
	const struct input_back *back;
	const uint8_t *m;
	int len;

	(void)state;
	owner_default(&o, key_a, 77);
	back = control_out_back(o.out);
	back->rumble(back->ctx, 2, 0x1234, 0xabcd); /* before there is a client */
	start(&c, &o, false, 77, key_a);
	until(&c, 1, client_message(&c, 0x010b, &len));
	m = client_message(&c, 0x010b, &len);
	assert_int_equal(len, 14);
	assert_memory_equal(m + 8, "\x02\x00\x34\x12\xcd\xab", 6);
	back->rumble(back->ctx, 2, 0, 0);
	until(&c, 1, (m = client_message(&c, 0x010b, &len)) && !m[10] && !m[11] && !m[12] && !m[13]);
	/* a storm is merged: far fewer messages than posts, the last value arrives */
	c.n = 0;
	for (unsigned i = 1; i <= 5000; i++)
		back->rumble(back->ctx, 1, (uint16_t)i, 1);
	until(&c, 1, (m = client_message(&c, 0x010b, &len)) && (m[10] | m[11] << 8) == 5000);
	assert_true(c.n < 2500);
	back->led(back->ctx, 1, 1, 2, 3);
	until(&c, 1, client_message(&c, 0x5502, &len));
	assert_false(c.disconnected);
	finish(&c, &o);
}

static void m52_hdr_mode_arrives_with_27_bytes(void **state)
{
	struct owner o;
	struct client c;
	const uint8_t *m;
	int len;

	(void)state;
	owner_default(&o, key_a, 77);
	control_session_hdr(o.session, &bright); /* before the client is there */
	start(&c, &o, false, 77, key_a);
	until(&c, 1, client_message(&c, 0x010e, &len));
	m = client_message(&c, 0x010e, &len);
	assert_int_equal(len, 4 + 27);
	assert_int_equal(m[4], 1);
	assert_int_equal(m[5 + 16] | m[5 + 17] << 8, 1000);
	control_session_hdr(o.session, NULL);
	until(&c, 1, (m = client_message(&c, 0x010e, &len)) && !m[4]);
	finish(&c, &o);
}

static void m33_the_old_encryption_works_both_ways(void **state)
{
	struct owner o;
	struct client c;
	int len;

	(void)state;
	owner_open(&o, key_a, (struct control_session_params){.v2 = false, .connect_data = 5});
	client_open(&c, false, control_port(control), 5, key_a, false);
	until(&c, 1, c.connected);
	for (unsigned i = 0; i < 300; i++) { /* past the wrap of the IV's byte */
		client_send(&c, 0, PING);
		step(&c, 1);
	}
	client_send(&c, 0, START);
	until(&c, 1, o.started);
	assert_int_equal(STAT_GET(o.stats.control_rejected), 0);
	control_session_hdr(o.session, &bright);
	until(&c, 1, client_message(&c, 0x010e, &len));
	finish(&c, &o);
}

static struct owner *remove_me;

static void remove_inside(void *ctx, int err)
{
	owner_disconnected(ctx, err);
	owner_close(remove_me, 0);
	remove_me->session = NULL;
}

static void a_session_may_be_removed_inside_its_event(void **state)
{
	static const struct control_events inside = {owner_connected, owner_started, remove_inside};
	struct control_session_params p = {.v2 = true, .connect_data = 9};
	struct owner o, other;
	struct client c;

	(void)state;
	owner_default(&other, key_b, 10);
	owner_default(&o, key_a, 8);
	owner_remove(&o, 0);
	memcpy(p.keys.key, key_a, 16);
	p.feedback = &o.feedback;
	p.out = o.out;
	remove_me = &o;
	assert_int_equal(control_session_add(control, &p, &inside, &o, &o.session), 0);
	start(&c, &o, false, 9, key_a);
	enet_peer_disconnect(c.peer, 0);
	until(&c, 1, o.disconnected);
	assert_null(o.session);
	owner_close(&other, 0);
	client_close(&c);
}

static void bad_parameters(void **state)
{
	struct control_session_params p = {.connect_data = 0};
	struct feedback f;
	struct control_session *s;

	(void)state;
	p.out = control_out_create(control);
	p.feedback = &f;
	assert_int_equal(control_session_add(control, &p, &owner_events, NULL, &s), -EINVAL);
	assert_null(s);
	control_session_remove(NULL, 0);
	control_out_destroy(p.out);
	control_out_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(m43_first_messages_connect_and_start),
		CASE(m41_wrong_connect_data_is_refused_at_once_and_frees_the_slot),
		CASE(m42_channel_47_is_delivered),
		CASE(m30_m31_damaged_plain_and_replayed_messages_are_dropped),
		CASE_SHORT(m44_m45_silence_ends_the_session_and_releases_input),
		CASE_SHORT(a_client_that_vanishes_is_missed),
		CASE_SHORT(a_client_that_proves_nothing_is_dropped),
		CASE(a_client_that_leaves_is_no_error_and_input_is_released),
		CASE(m54_termination_then_disconnect),
		CASE(m55_the_old_peer_cannot_end_the_new_session),
		CASE(m55_newest_proven_peer_of_a_session_replaces_the_old_one),
		CASE(m53_rumble_reaches_the_right_pad_and_stops),
		CASE(m52_hdr_mode_arrives_with_27_bytes),
		CASE(m33_the_old_encryption_works_both_ways),
		CASE(a_session_may_be_removed_inside_its_event),
		CASE(bad_parameters),
	};

	if (enet_initialize())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
