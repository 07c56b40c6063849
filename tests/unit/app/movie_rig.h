// SPDX-License-Identifier: GPL-3.0-or-later
/* A source of small pictures for recordings, each another one, and what is then in the file. */
#pragma once

#include "scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/slots.h"
#include "encode/picture.h"
#include "encode/scale.h"
#include "media/frame.h"
#include "movie.h"

#define W      64u
#define H      48u
#define POOL   4u
#define HEADER "YUV4MPEG2 W64 H48 F60000:1000 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n"
#define FRAME  (6 + W * H * 3 / 2)

static const struct movie_file_params y4m = {.kind = MOVIE_Y4M, .fps_mhz = 60000, .preset = "superfast", .slices = 1};

static inline void shade(uint32_t *px, unsigned n)
{
	for (unsigned i = 0; i < W * H; i++)
		px[i] = (i * 2654435761u + n * 40503u) ^ (i / W * n);
}

static inline size_t load(const char *name, uint8_t **bytes)
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

/* --- from the source to the file --- */

static struct feed {
	struct slots slots;
	struct frame frame[POOL];
	uint32_t pixels[POOL][W * H];
} feed;

static inline void frame_back(struct frame *f, int fence_fd)
{
	(void)fence_fd;
	slots_put(&feed.slots, f->slot);
}

/* As a capture that waits for its buffers. */
static inline void give(struct movie *m, uint64_t seq, uint64_t captured_ns, uint32_t fourcc)
{
	struct frame_link *link = movie_link(m);
	struct frame *f;
	int n;

	while ((n = slots_take(&feed.slots)) < 0)
		clock_sleep_until(clock_ns() + NS_PER_MS / 10);
	f = &feed.frame[n];
	shade(feed.pixels[n], (unsigned)seq);
	*f = (struct frame){
		.release = frame_back,
		.refs = 1,
		.slot = (uint8_t)n,
		.width = W,
		.height = H,
		.fourcc = fourcc,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = W * 4},
		.map[0] = feed.pixels[n],
		.acquire_fence = -1,
		.seq = seq,
		.t.captured = captured_ns,
	};
	assert_true(ring_push(link->every, f));
	wake_poke(link->wake);
}

static inline struct movie *start(const char *name, uint64_t length_ns, enum convert_where where)
{
	const struct movie_params p = {.length_ns = length_ns, .convert = where, .file = y4m};
	struct movie *m;

	slots_init(&feed.slots, POOL);
	assert_int_equal(movie_start(&m, in_scratch(name), &p), 0);
	return m;
}

static inline void wait_over(struct movie *m)
{
	while (!movie_state(m).over && !movie_state(m).err)
		clock_sleep_until(clock_ns() + NS_PER_MS);
}

static inline void assert_near(const uint8_t *at, const uint8_t *want, size_t step, size_t n, int off)
{
	for (size_t i = 0; i < n; i++)
		assert_in_range(at[i] + off, want[i * step], want[i * step] + 2 * off);
}

/* Pictures 0 to count - 1, each at most that much off what the CPU makes of it. */
static inline void assert_holds(const uint8_t *bytes, size_t len, unsigned count, int off)
{
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

	assert_int_equal(len, strlen(HEADER) + (size_t)count * FRAME);
	assert_memory_equal(bytes, HEADER, strlen(HEADER));
	assert_int_equal(picture_init(&want, W, H, COLOUR_BT709, false), 0);
	for (unsigned n = 0; n < count; n++) {
		const uint8_t *at = bytes + strlen(HEADER) + (size_t)n * FRAME;

		shade(px, n);
		assert_int_equal(scale_run(&s, &f, &want), 0);
		assert_memory_equal(at, "FRAME\n", 6);
		at += 6;
		for (unsigned y = 0; y < H; y++)
			assert_near(at + y * W, want.luma + y * want.stride, 1, W, off);
		at += W * H;
		for (unsigned y = 0; y < H / 2; y++) {
			const uint8_t *chroma = want.chroma + y * want.stride;

			assert_near(at + y * W / 2, chroma, 2, W / 2, off);
			assert_near(at + W * H / 4 + y * W / 2, chroma + 1, 2, W / 2, off);
		}
	}
	scale_finish(&s);
	picture_finish(&want);
}

/* --- a disk that stands still --- */

/* The far end of a FIFO: nobody reads until the recording waits for it. */
struct reader {
	struct movie *movie;
	int fd;
	bool leaves; /* instead of reading on */
	uint8_t *bytes;
	size_t len, room;
};

static inline void *reader_run(void *arg)
{
	struct reader *r = arg;
	ssize_t n = 1;

	while (!movie_state(r->movie).waits)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	while (!r->leaves && n > 0 && r->len < r->room) {
		n = read(r->fd, r->bytes + r->len, r->room - r->len);
		r->len += n > 0 ? (size_t)n : 0;
	}
	close(r->fd);
	return NULL;
}

/* More pictures than fit into the FIFO and all that waits in memory, which is given back. */
static inline struct movie_state record_to_reader(struct reader *r, enum convert_where where, unsigned count)
{
	struct movie_params p = {.length_ns = NS_NEVER, .convert = where, .file = y4m};
	struct movie_state end;
	pthread_t thread;

	p.file.force = true;
	slots_init(&feed.slots, POOL);
	assert_int_equal(mkfifo(in_scratch("a.y4m"), 0600), 0);
	r->fd = open(in_scratch("a.y4m"), O_RDONLY | O_NONBLOCK);
	assert_true(r->fd >= 0);
	r->room = strlen(HEADER) + (size_t)count * FRAME;
	r->bytes = malloc(r->room);
	assert_non_null(r->bytes);
	assert_int_equal(movie_start(&r->movie, in_scratch("a.y4m"), &p), 0);
	assert_int_equal(fcntl(r->fd, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, reader_run, r), 0);
	for (unsigned n = 0; n < count; n++)
		give(r->movie, n, 1 + n, FOURCC_XRGB8888);
	/* That all were taken says that it did wait, and the reader looks at it no more. */
	movie_stop(r->movie, &end);
	pthread_join(thread, NULL);
	assert_int_equal(slots_out(&feed.slots), 0);
	return end;
}
