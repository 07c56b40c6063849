// SPDX-License-Identifier: GPL-3.0-or-later
/* Recordings: what is in the file, that nothing is lost on the way, and each way to fail. */
#include "movie_rig.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "encode/registry.h"

static int setup(void **state)
{
	(void)state;
	scratch_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove();
	return 0;
}

/* --- the file --- */

static void the_ending_says_what_it_is(void **state)
{
	enum movie_kind k;

	(void)state;
	assert_int_equal(movie_kind_of("a.h264", &k), 0);
	assert_int_equal(k, MOVIE_H264);
	assert_int_equal(movie_kind_of("./x.y/a.b.264", &k), 0);
	assert_int_equal(k, MOVIE_H264);
	assert_int_equal(movie_kind_of("a.y4m", &k), 0);
	assert_int_equal(k, MOVIE_Y4M);
	assert_int_equal(movie_kind_of("a.mkv", &k), -EINVAL);
	assert_int_equal(movie_kind_of("h264", &k), -EINVAL);
	assert_int_equal(movie_kind_of("", &k), -EINVAL);
}

static void what_is_there_is_replaced_by_force_only(void **state)
{
	struct movie_file_params p = y4m;
	struct movie_file *m;
	struct picture pic;
	uint8_t *bytes;
	size_t len;

	(void)state;
	put_file("a.y4m", "precious");
	assert_int_equal(movie_file_create(&m, in_scratch("a.y4m"), &p), -EEXIST);
	assert_string_equal(get_file("a.y4m"), "precious");
	assert_int_equal(movie_file_create(&m, in_scratch("no/a.y4m"), &p), -ENOENT);
	p.force = true;
	/* Nothing was put in: what was there is still worth something, and a new one is no movie. */
	assert_int_equal(movie_file_create(&m, in_scratch("a.y4m"), &p), 0);
	assert_int_equal(movie_file_close(m), 0);
	assert_string_equal(get_file("a.y4m"), "precious");
	assert_int_equal(movie_file_create(&m, in_scratch("b.y4m"), &p), 0);
	assert_int_equal(movie_file_close(m), 0);
	assert_int_equal(access(in_scratch("b.y4m"), F_OK), -1);
	assert_int_equal(movie_file_close(NULL), 0);
	/* Longer than a picture: nothing of it is left. */
	assert_int_equal(truncate(in_scratch("a.y4m"), 1 << 20), 0);
	assert_int_equal(picture_init(&pic, W, H, COLOUR_BT709, false), 0);
	assert_int_equal(movie_file_create(&m, in_scratch("a.y4m"), &p), 0);
	assert_int_equal(movie_file_put(m, &pic), 0);
	assert_int_equal(movie_file_close(m), 0);
	len = load("a.y4m", &bytes);
	assert_memory_equal(bytes, "YUV4MPEG2", 9);
	assert_true(len > W * H && len < 2 * W * H);
	free(bytes);
	picture_finish(&pic);
}

static void a_full_disk_is_said(void **state)
{
	struct movie_file_params p = y4m;
	struct movie_file *m;
	struct picture pic;

	(void)state;
	p.force = true;
	assert_int_equal(picture_init(&pic, W, H, COLOUR_BT709, false), 0);
	assert_int_equal(movie_file_create(&m, "/dev/full", &p), 0);
	assert_int_equal(movie_file_put(m, &pic), -ENOSPC);
	assert_int_equal(movie_file_put(m, &pic), -ENOSPC);
	assert_int_equal(movie_file_frames(m), 0);
	movie_file_close(m);
	assert_int_equal(access("/dev/full", F_OK), 0);
	picture_finish(&pic);
}

/* The limit cuts the third picture, or the second with H.264; the file ends with the one before. */
static void a_picture_that_does_not_fit_is_cut_off(void **state)
{
	struct rlimit before, limit;
	uint8_t *bytes;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	for (unsigned h264 = 0; h264 < 2; h264++) {
		struct movie_file_params p = y4m;
		const char *name = h264 ? "a.h264" : "a.y4m";
		struct movie_file *m;
		struct picture pic;
		struct stat st;
		int rc = 0;

		if (h264 && !encoder_find("x264", CODEC_H264, NULL))
			break;
		p.kind = h264 ? MOVIE_H264 : MOVIE_Y4M;
		assert_int_equal(picture_init(&pic, W, H, COLOUR_BT709, false), 0);
		assert_int_equal(movie_file_create(&m, in_scratch(name), &p), 0);
		assert_int_equal(movie_file_put(m, &pic), 0);
		assert_int_equal(stat(in_scratch(name), &st), 0);
		limit = (struct rlimit){(rlim_t)st.st_size + FRAME + 20, before.rlim_max};
		if (h264)
			limit.rlim_cur = (rlim_t)st.st_size + 3;
		setrlimit(RLIMIT_FSIZE, &limit);
		while (!rc)
			rc = movie_file_put(m, &pic);
		setrlimit(RLIMIT_FSIZE, &before);
		assert_int_equal(rc, -EFBIG);
		assert_int_equal(movie_file_frames(m), h264 ? 1 : 2);
		assert_int_equal(movie_file_close(m), 0);
		assert_int_equal(load(name, &bytes), h264 ? (size_t)st.st_size : strlen(HEADER) + 2 * FRAME);
		free(bytes);
		picture_finish(&pic);
	}
}

static void an_encoder_that_cannot_is_said(void **state)
{
	struct movie_file_params p = y4m;
	struct movie_file *m;
	struct picture pic;

	(void)state;
	if (!encoder_find("x264", CODEC_H264, NULL))
		skip();
	p.kind = MOVIE_H264;
	p.preset = "warp";
	assert_int_equal(picture_init(&pic, W, H, COLOUR_BT709, false), 0);
	assert_int_equal(movie_file_create(&m, in_scratch("a.264"), &p), 0);
	assert_int_equal(movie_file_put(m, &pic), -EINVAL);
	assert_int_equal(movie_file_put(m, &pic), -EINVAL);
	assert_int_equal(movie_file_close(m), 0);
	assert_int_equal(access(in_scratch("a.264"), F_OK), -1);
	picture_finish(&pic);
}

/* --- from the source to the file --- */

static void every_picture_is_in_the_file_as_it_is_converted(void **state)
{
	enum { N = 400 };
	struct movie_state end;
	struct movie *m = start("a.y4m", NS_NEVER, CONVERT_CPU);
	uint8_t *bytes;
	size_t len;

	(void)state;
	for (unsigned n = 0; n < N; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	movie_stop(m, &end);
	assert_int_equal(end.frames, N);
	assert_int_equal(end.gaps + end.unusable, 0);
	assert_int_equal(end.err, 0);
	assert_false(end.unsaved);
	len = load("a.y4m", &bytes);
	assert_holds(bytes, len, N, 0);
	free(bytes);
}

static void a_disk_that_stands_still_loses_nothing_when_it_goes_on(void **state)
{
	struct reader r = {0};
	struct movie_state end = record_to_reader(&r, CONVERT_CPU, 320);

	(void)state;
	assert_int_equal(end.err, 0);
	assert_int_equal(end.frames, 320);
	assert_int_equal(end.gaps + end.unusable, 0);
	assert_holds(r.bytes, r.len, 320, 0);
	free(r.bytes);
}

static void a_disk_that_stands_still_and_goes_ends_it(void **state)
{
	struct reader r = {.leaves = true};
	struct movie_state end;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	end = record_to_reader(&r, CONVERT_CPU, 320);
	assert_int_equal(end.err, -EPIPE);
	/* What the FIFO held. */
	assert_in_range(end.frames, 1, 319);
	free(r.bytes);
}

struct stop {
	struct movie *movie;
	struct movie_state end;
	int filtered;
};

/* With a disk that cannot keep what was written to it: the system call fails in this thread alone. */
static void *stop_unsynced(void *arg)
{
	static struct sock_filter fail[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_LEN(fail), fail};
	struct stop *s = arg;

	s->filtered = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (s->filtered == 0)
		s->filtered = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	movie_stop(s->movie, &s->end);
	return NULL;
}

static void what_the_disk_does_not_keep_is_said(void **state)
{
	struct stop s = {.movie = start("a.y4m", NS_NEVER, CONVERT_CPU)};
	pthread_t thread;
	uint8_t *bytes;
	size_t len;

	(void)state;
	for (unsigned n = 0; n < 3; n++)
		give(s.movie, n, 1 + n, FOURCC_XRGB8888);
	assert_int_equal(pthread_create(&thread, NULL, stop_unsynced, &s), 0);
	pthread_join(thread, NULL);
	if (s.filtered < 0)
		skip(); /* this kernel has no filters */
	assert_int_equal(s.end.err, -EIO);
	assert_true(s.end.unsaved);
	/* All that could be written is there. */
	assert_int_equal(s.end.frames, 3);
	len = load("a.y4m", &bytes);
	assert_holds(bytes, len, 3, 0);
	free(bytes);
}

static void what_the_source_left_out_and_what_cannot_be_read_is_counted(void **state)
{
	static const uint64_t seq[] = {7, 8, 11, 12, 12, 20};
	struct movie *m = start("a.y4m", NS_NEVER, CONVERT_CPU);
	struct movie_state end;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		give(m, seq[i], 1 + i, i == 3 ? FOURCC('N', 'O', 'N', 'E') : FOURCC_XRGB8888);
	movie_stop(m, &end);
	assert_int_equal(end.taken, 6);
	assert_int_equal(end.gaps, 2 + 7);
	assert_int_equal(end.unusable, 1);
	assert_int_equal(end.frames, 5);
}

static void it_is_over_when_the_time_is_of_the_pictures_not_of_the_clock(void **state)
{
	struct movie *m = start("a.y4m", 2 * NS_PER_S, CONVERT_CPU);
	struct movie_state end;

	(void)state;
	/* 60 a second, an hour ago. */
	for (unsigned n = 0; n < 130; n++)
		give(m, n, 1000 + n * NS_PER_S / 60, FOURCC_XRGB8888);
	wait_over(m);
	movie_stop(m, &end);
	assert_true(end.over);
	assert_int_equal(end.frames, 120);
	assert_int_equal(end.gaps, 0);
}

static void a_file_that_fails_ends_it_and_gives_every_buffer_back(void **state)
{
	struct movie_params p = {.length_ns = NS_NEVER, .convert = CONVERT_CPU, .file = y4m};
	struct movie_state end;
	struct movie *m;

	(void)state;
	slots_init(&feed.slots, POOL);
	p.file.force = true;
	assert_int_equal(movie_start(&m, "/dev/full", &p), 0);
	for (unsigned n = 0; n < 600; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	wait_over(m);
	movie_stop(m, &end);
	assert_int_equal(end.err, -ENOSPC);
	assert_int_equal(end.frames, 0);
	assert_int_equal(slots_out(&feed.slots), 0);
	assert_int_equal(movie_start(&m, in_scratch("no/a.y4m"), &p), -ENOENT);
	assert_null(m);
	end.frames = 77;
	movie_stop(NULL, &end);
	assert_int_equal(end.frames, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ending_says_what_it_is),
		cmocka_unit_test_setup_teardown(what_is_there_is_replaced_by_force_only, setup, teardown),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test_setup_teardown(a_picture_that_does_not_fit_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(an_encoder_that_cannot_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(every_picture_is_in_the_file_as_it_is_converted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_stands_still_loses_nothing_when_it_goes_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_stands_still_and_goes_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_disk_does_not_keep_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_source_left_out_and_what_cannot_be_read_is_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_is_over_when_the_time_is_of_the_pictures_not_of_the_clock, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_that_fails_ends_it_and_gives_every_buffer_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
