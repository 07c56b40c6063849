// SPDX-License-Identifier: GPL-3.0-or-later
/* The sending thread: whole frames from the encoder to the client, and what becomes of them when it cannot be. */
#include "net/video_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/batch.h"
#include "net/pacer.h"
#include "video_tx_rig.h"
#include "udp_pair.h"

static void stream(bool encrypt, unsigned slices)
{
	static struct rig r;

	rig_begin(&r, 1392, encrypt, 2000000);
	for (unsigned i = 0; i < 200; i++)
		rig_push_frame(&r, 1 + i * 977 % 60000, slices);
	rig_settle(&r, 200);
	assert_int_equal(atomic_load(&r.same), 200);
	assert_int_equal(STAT_GET(r.stats.frames_sent), 200);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 0);
	assert_int_equal(STAT_GET(r.stats.packets_sent),
			 STAT_GET(r.stats.shards_data) + STAT_GET(r.stats.shards_parity));
	assert_int_equal(STAT_GET(r.stats.bytes_sent), STAT_GET(r.stats.packets_sent) * r.packet_len);
	assert_int_equal(atomic_load(&r.stats.total.count), 200);
	assert_int_equal(atomic_load(&r.stats.pace.count), 200);
	rig_stop_receiving(&r);
	assert_in_range(r.longest_run, 2, PACER_TRAIN);
	rig_finish_lost(&r, 0);
}

static void frames_arrive_whole_and_in_order(void **state)
{
	(void)state;
	stream(false, 1);
}

static void encrypted_slices_arrive_as_frames(void **state)
{
	(void)state;
	stream(true, 8);
}

static void trains_that_had_to_wait_are_counted_with_their_lateness(void **state)
{
	static struct rig r;

	(void)state;
	rig_begin(&r, 1392, false, 20000);
	rig_push_frame(&r, 1000, 1); /* a line at rest: nothing waits */
	rig_settle(&r, 1);
	assert_int_equal(atomic_load(&r.stats.late.count), 0);
	rig_push_frame(&r, 20 * 1376, 1);
	rig_settle(&r, 2);
	/* 20 packets and parity for them, 8 at once and no more than 8 in each train behind. */
	assert_in_range(atomic_load(&r.stats.late.count), 2, 20);
	rig_finish_lost(&r, 0);
}

static void m14_frame_larger_than_the_whole_pool_is_sent(void **state)
{
	static struct rig r;
	size_t pool = BATCH_COUNT * BATCH_PACKETS_MAX * 1376u, len = 4092 * 1376u - 8;

	(void)state;
	assert_true(len > pool);
	rig_begin(&r, 1392, false, 4000000);
	rig_push_frame(&r, 2000, 1);
	rig_push_frame(&r, len, 4);
	rig_push_frame(&r, 2000, 1);
	rig_settle(&r, 3);
	assert_int_equal(atomic_load(&r.same), 3);
	rig_finish(&r);
}

static void m25_frame_beyond_the_format_gives_its_number_to_the_next(void **state)
{
	static struct rig r;

	(void)state;
	rig_begin(&r, 128, false, 2000000);
	rig_push_frame(&r, 4093 * 112, 2);
	rig_wait_credit(&r);
	rig_push_frame(&r, 100, 1);
	rig_settle(&r, 1);
	assert_int_equal(r.frame_no, 1);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 1);
	rig_finish_lost(&r, 0);
}

static void frame_without_end_is_given_up_when_the_next_begins(void **state)
{
	static struct rig r;

	(void)state;
	rig_begin(&r, 1392, false, 2000000);
	rig_push_frame(&r, 5000, 1);
	credit_take(&r.credit);
	rig_push_unit(&r, 2, 0, 100, true, false);
	rig_push_unit(&r, 2, 100, 200, false, false);
	r.frame_no = 2;
	rig_push_frame(&r, 5000, 1); /* useless: it refers to the one before */
	rig_wait_credit(&r);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	rig_expect_unsent(&r, 2, false);
	rig_push_frame(&r, 5000, 1);
	rig_settle(&r, 2);
	rig_finish_lost(&r, 0);
}

static void late_frame_is_dropped_whole_and_what_follows_waits_for_the_encoder(void **state)
{
	static struct rig r;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	r.params.video.fps_mhz = 60000; /* patience 50 ms */
	rig_start(&r);
	/* Nobody reads: the pair fills up and pushes back until the deadline. */
	for (unsigned i = 0; i < 40 && !STAT_GET(r.stats.frames_dropped); i++)
		rig_push_frame(&r, 1000000, 4);
	rig_recovers(&r, 3000, 1);
}

static void dead_socket_is_told_once_and_another_revives_the_stream(void **state)
{
	static struct rig r;
	int pipe_fd[2];

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	assert_int_equal(pipe(pipe_fd), 0);
	rig_start_to(&r, pipe_fd[1]);
	rig_push_frame(&r, 20000, 1);
	rig_wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), -ENOTSOCK);
	atomic_store(&r.failed, 0);
	rig_push_frame(&r, 20000, 1);
	rig_wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), 0);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	video_tx_set_fd(r.tx, r.pair[0]);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	rig_receive(&r);
	rig_push_frame(&r, 20000, 1);
	rig_settle(&r, 1);
	assert_int_equal(atomic_load(&r.same), 1);
	rig_finish(&r);
}

static void stop_gives_everything_back_at_any_moment(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 30; round++) {
		static struct rig r;

		rig_init(&r, 1392, round % 2, 20000);
		rig_start(&r);
		/* Without a reader, in the middle of pacing, with an unfinished frame behind. */
		rig_push_frame(&r, 1 + round * 20000, 1 + round % 8);
		if (round % 3 == 0) {
			credit_take(&r.credit);
			rig_push_unit(&r, 2, 0, 100, true, false);
		}
		if (round % 4 == 1)
			usleep(round * 200);
		rig_finish(&r);
	}
}

static unsigned udp_receive(int fd, struct client *c, size_t packet_len)
{
	uint8_t buf[CLIENT_SHARD_MAX];
	unsigned n = 0;
	ssize_t len;

	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		assert_int_equal(len, packet_len);
		client_datagram(c, buf, (size_t)len);
		n++;
	}
	return n;
}

/* Real UDP, small enough frames for any receive buffer; the peer moves halfway. */
static void m4_udp_stream_follows_to_another_socket(void **state)
{
	static struct rig r;
	int rx[2], tx[2];

	(void)state;
	rig_init(&r, 1392, true, 2000000);
	tx[0] = udp_pair("127.0.0.1", &rx[0]);
	tx[1] = udp_pair("::1", &rx[1]);
	rig_start_to(&r, tx[0]);
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < 50; i++) {
			rig_push_frame(&r, 30000, 1);
			rig_wait_credit(&r);
			assert_true(udp_receive(rx[half], &r.client, r.packet_len) > 0);
		}
		if (half == 0) {
			video_tx_set_fd(r.tx, tx[1]);
			close(tx[0]);
		}
	}
	/* None went to the old one after the move. */
	assert_int_equal(udp_receive(rx[0], &r.client, r.packet_len), 0);
	assert_int_equal(atomic_load(&r.same), 100);
	assert_int_equal(r.client.lost, 0);
	assert_int_equal(r.client.broken, 0);
	rig_finish(&r);
	close(rx[0]);
	close(rx[1]);
	close(tx[1]);
}

/* The receiver goes away: ICMP errors must neither stop nor fail the stream. */
static void refused_port_does_not_end_the_stream(void **state)
{
	static struct rig r;
	int rx, tx;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	tx = udp_pair("127.0.0.1", &rx);
	close(rx);
	rig_start_to(&r, tx);
	for (unsigned i = 0; i < 50; i++)
		rig_push_frame(&r, 30000, 1);
	rig_wait_credit(&r);
	assert_int_equal(atomic_load(&r.failed), 0);
	assert_int_equal(STAT_GET(r.stats.frames_sent), 50);
	rig_finish(&r);
	close(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_and_in_order),
		cmocka_unit_test(encrypted_slices_arrive_as_frames),
		cmocka_unit_test(trains_that_had_to_wait_are_counted_with_their_lateness),
		cmocka_unit_test(m14_frame_larger_than_the_whole_pool_is_sent),
		cmocka_unit_test(m25_frame_beyond_the_format_gives_its_number_to_the_next),
		cmocka_unit_test(frame_without_end_is_given_up_when_the_next_begins),
		cmocka_unit_test(late_frame_is_dropped_whole_and_what_follows_waits_for_the_encoder),
		cmocka_unit_test(dead_socket_is_told_once_and_another_revives_the_stream),
		cmocka_unit_test(stop_gives_everything_back_at_any_moment),
		cmocka_unit_test(m4_udp_stream_follows_to_another_socket),
		cmocka_unit_test(refused_port_does_not_end_the_stream),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
