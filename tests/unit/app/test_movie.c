// SPDX-License-Identifier: GPL-3.0-or-later
/* Recordings: what is in the file, that nothing is lost on the way, and each way to fail. */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/slots.h"
#include "encode/picture.h"
#include "encode/registry.h"
#include "encode/scale.h"
#include "media/frame.h"
#include "movie.h"

#define W      64u
#define H      48u
#define POOL   4u
#define HEADER "YUV4MPEG2 W64 H48 F60000:1000 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
#define FRAME  (6 + W * H * 3 / 2)

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

static const struct movie_file_params y4m = {.kind = MOVIE_Y4M, .fps_mhz = 60000, .preset = "superfast", .slices = 1};

static void shade(uint32_t *px, unsigned n)
{
	for (unsigned i = 0; i < W * H; i++)
		px[i] = (i * 2654435761u + n * 40503u) ^ (i / W * n);
}

static size_t load(const char *name, uint8_t **bytes)
{
	FILE *f = fopen(in_scratch(name), "rb");
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*bytes = malloc((size_t)st.st_size + 1);
	assert_non_null(*bytes);
	assert_int_equal(fread(*bytes, 1, (size_t)st.st_size, f), st.st_size);
	fclose(f);
	return (size_t)st.st_size;
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

static struct source {
	struct slots slots;
	struct frame frame[POOL];
	uint32_t pixels[POOL][W * H];
} source;

static void frame_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	slots_put(&source.slots, f->slot);
}

/* As a capture that waits for its buffers. */
static void give(struct movie *m, uint64_t seq, uint64_t captured_ns, uint32_t fourcc)
{
	struct frame_link *link = movie_link(m);
	struct frame *f;
	int n;

	while ((n = slots_take(&source.slots)) < 0)
		clock_sleep_until(clock_ns() + NS_PER_MS / 10);
	f = &source.frame[n];
	shade(source.pixels[n], (unsigned)seq);
	*f = (struct frame){
		.release = frame_back,
		.refs = 1,
		.slot = (uint8_t)n,
		.width = W,
		.height = H,
		.fourcc = fourcc,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = W * 4},
		.map[0] = source.pixels[n],
		.acquire_fence = -1,
		.seq = seq,
		.t.captured = captured_ns,
	};
	assert_true(ring_push(link->every, f));
	wake_poke(link->wake);
}

static struct movie *start(const char *name, uint64_t length_ns)
{
	const struct movie_params p = {.length_ns = length_ns, .convert = CONVERT_CPU, .file = y4m};
	struct movie *m;

	slots_init(&source.slots, POOL);
	assert_int_equal(movie_start(&m, in_scratch(name), &p), 0);
	return m;
}

static void wait_over(struct movie *m)
{
	while (!movie_state(m).over && !movie_state(m).err)
		clock_sleep_until(clock_ns() + NS_PER_MS);
}

static void every_picture_is_in_the_file_as_it_is_converted(void **state)
{
	enum { N = 400 };
	struct movie_state end;
	struct movie *m = start("a.y4m", NS_NEVER);
	static uint32_t px[W * H];
	struct frame f = {.width = W,
			  .height = H,
			  .fourcc = FOURCC_XRGB8888,
			  .n_planes = 1,
			  .plane[0] = {.fd = -1, .stride = W * 4},
			  .map[0] = px,
			  .acquire_fence = -1};
	struct picture want;
	struct scale s = {0};
	uint8_t *bytes;

	(void)state;
	for (unsigned n = 0; n < N; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	movie_stop(m, &end);
	assert_int_equal(end.frames, N);
	assert_int_equal(end.gaps + end.unusable, 0);
	assert_int_equal(end.err, 0);

	assert_int_equal(load("a.y4m", &bytes), strlen(HEADER) + N * FRAME);
	assert_memory_equal(bytes, HEADER, strlen(HEADER));
	assert_int_equal(picture_init(&want, W, H, COLOUR_BT709, false), 0);
	for (unsigned n = 0; n < N; n++) {
		const uint8_t *at = bytes + strlen(HEADER) + n * FRAME;

		shade(px, n);
		assert_int_equal(scale_run(&s, &f, &want), 0);
		assert_memory_equal(at, "FRAME\n", 6);
		at += 6;
		for (unsigned y = 0; y < H; y++)
			assert_memory_equal(at + y * W, want.luma + y * want.stride, W);
		at += W * H;
		for (unsigned y = 0; y < H / 2; y++)
			for (unsigned x = 0; x < W / 2; x++) {
				assert_int_equal(at[y * W / 2 + x], want.chroma[y * want.stride + 2 * x]);
				assert_int_equal(at[W * H / 4 + y * W / 2 + x],
						 want.chroma[y * want.stride + 2 * x + 1]);
			}
	}
	scale_finish(&s);
	picture_finish(&want);
	free(bytes);
}

static void what_the_source_left_out_and_what_cannot_be_read_is_counted(void **state)
{
	static const uint64_t seq[] = {7, 8, 11, 12, 12, 20};
	struct movie *m = start("a.y4m", NS_NEVER);
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
	struct movie *m = start("a.y4m", 2 * NS_PER_S);
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
	slots_init(&source.slots, POOL);
	p.file.force = true;
	assert_int_equal(movie_start(&m, "/dev/full", &p), 0);
	for (unsigned n = 0; n < 600; n++)
		give(m, n, 1 + n, FOURCC_XRGB8888);
	wait_over(m);
	movie_stop(m, &end);
	assert_int_equal(end.err, -ENOSPC);
	assert_int_equal(end.frames, 0);
	assert_int_equal(slots_out(&source.slots), 0);
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
		cmocka_unit_test_setup_teardown(what_the_source_left_out_and_what_cannot_be_read_is_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_is_over_when_the_time_is_of_the_pictures_not_of_the_clock, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_that_fails_ends_it_and_gives_every_buffer_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
