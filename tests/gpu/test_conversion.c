// SPDX-License-Identifier: GPL-3.0-or-later
/* The conversion step of the encode thread with a GPU: as on the CPU, also for what the CPU cannot read. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "encode/conversion.h"

#define W 96
#define H 64

static struct gpu_device *dev; /* only to know whether there is one */

static struct picture picture(void)
{
	struct picture p;

	assert_int_equal(picture_init(&p, W, H, COLOUR_BT709, false), 0);
	return p;
}

static struct picture picture_of(unsigned depth, bool yuv444)
{
	const struct video_params v = {
		.width = W,
		.height = H,
		.depth = (uint8_t)depth,
		.yuv444 = yuv444,
		.space = COLOUR_BT709,
	};
	struct picture p;

	assert_int_equal(picture_init_for(&p, &v), 0);
	return p;
}

static void assert_plane_near(const struct picture *a, const uint8_t *pa, const uint8_t *pb, unsigned lines)
{
	for (unsigned y = 0; y < lines; y++)
		for (unsigned x = 0; x < W; x++) {
			const uint8_t *qa = pa + (size_t)y * a->stride, *qb = pb + (size_t)y * a->stride;
			int va = qa[x], vb = qb[x];

			if (picture_is_10bit(a->format)) {
				va = (qa[2 * x] | qa[2 * x + 1] << 8) >> (a->format == PICTURE_P010 ? 6 : 0);
				vb = (qb[2 * x] | qb[2 * x + 1] << 8) >> (a->format == PICTURE_P010 ? 6 : 0);
			}
			assert_true(abs(va - vb) <= 2);
		}
}

static void assert_near(const struct picture *a, const struct picture *b)
{
	assert_plane_near(a, a->luma, b->luma, H);
	assert_plane_near(a, a->chroma, b->chroma, picture_is_444(a->format) ? H : H / 2);
	if (a->cr)
		assert_plane_near(a, a->cr, b->cr, H);
}

static void both_give_the_same(enum picture_format format)
{
	static const unsigned sizes[][2] = {{W, H}, {W, H / 2}, {W / 2, H}};
	const unsigned depth = picture_is_10bit(format) ? 10 : 8;
	struct picture a = picture_of(depth, picture_is_444(format)), b = picture_of(depth, picture_is_444(format));
	struct conversion cpu, gpu;

	conversion_init(&cpu, CONVERT_CPU, &a);
	conversion_init(&gpu, CONVERT_GPU, &b);
	assert_non_null(gpu.gpu);
	for (unsigned i = 0; i < 3; i++)
		for (int t = TRANSFORM_NONE; t <= TRANSFORM_FLIPPED_270; t++) {
			struct source s;

			/* Upright it has the client's size in one direction: nothing is scaled, for there they
			 * differ. */
			source_init(&s, i & 1 ? FOURCC_XRGB2101010 : FOURCC_XBGR8888, sizes[i][t & 1],
				    sizes[i][!(t & 1)], 4 * i);
			source_random(&s, i);
			s.frame.transform = (enum transform)t;
			assert_int_equal(conversion_run(&cpu, &s.frame, &a), 0);
			assert_int_equal(conversion_run(&gpu, &s.frame, &b), 0);
			assert_false(cpu.on_gpu);
			assert_true(gpu.on_gpu);
			assert_near(&a, &b);
			source_finish(&s);
		}
	conversion_finish(&cpu);
	conversion_finish(&gpu);
	picture_finish(&a);
	picture_finish(&b);
}

static void both_give_the_same_picture_turned_and_in_place_in_each_format(void **state)
{
	(void)state;
	for (unsigned f = 0; f < PICTURE_FORMATS; f++)
		both_give_the_same((enum picture_format)f);
}

static void paint_cursor(struct cursor_image *i, bool sharp)
{
	*i = (struct cursor_image){.id = frame_picture_no(), .w = 20, .h = 14};
	for (unsigned n = 0; n < 20 * 14; n++) {
		const uint8_t a = sharp ? n % 5 ? 255 : 0 : (uint8_t)(n * 37);
		const uint8_t px[4] = {(uint8_t)(a / 2), (uint8_t)(a / 3), a, a};

		memcpy(i->argb + 4 * n, px, 4);
	}
}

/* In the pass, and over the picture in memory. Where light changes the CPU rounds before that, so there nothing is half
 * transparent. */
static void both_show_the_cursor_alike(void **state)
{
	static const int at[][2] = {{30, 20}, {31, 20}, {-5, -3}, {90, 60}, {500, 0}, {40, 33}};
	static struct cursor_image image;

	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		struct picture a = picture_of(n & 1 ? 10 : 8, n & 2), b = picture_of(n & 1 ? 10 : 8, n & 2);
		const bool to_pq = n & 1 && n & 12, from_pq = n & 1 && n & 8;
		struct conversion cpu, gpu;
		struct source s;

		a.pq = b.pq = to_pq;
		paint_cursor(&image, to_pq != from_pq);
		conversion_init(&cpu, CONVERT_CPU, &a);
		conversion_init(&gpu, CONVERT_GPU, &b);
		/* With a margin, for it counts from the buffer's corner. */
		source_init(&s, n & 1 ? FOURCC_XRGB2101010 : FOURCC_XRGB8888, W + 8, H + 6, 0);
		source_random(&s, n);
		s.frame.crop = (struct rect){4, 3, W, H};
		s.frame.colour.pq = from_pq;
		s.frame.transform = n & 8 ? TRANSFORM_FLIPPED_180 : TRANSFORM_NONE;
		s.frame.picture = frame_picture_no();
		for (unsigned i = 0; i < 6; i++) {
			s.frame.cursor = (struct cursor){i < 5 ? &image : NULL, at[i][0], at[i][1]};
			assert_int_equal((i ? conversion_cursor : conversion_run)(&cpu, &s.frame, &a), 0);
			assert_int_equal((i ? conversion_cursor : conversion_run)(&gpu, &s.frame, &b), 0);
			assert_true(gpu.on_gpu && !cpu.on_gpu);
			assert_near(&a, &b);
		}
		source_finish(&s);
		conversion_finish(&cpu);
		conversion_finish(&gpu);
		picture_finish(&a);
		picture_finish(&b);
	}
}

/* What was copied up is not copied again for a cursor: changes of the memory since are not seen. */
static void the_gpu_moves_it_over_what_it_has(void **state)
{
	static struct cursor_image image;
	struct picture a = picture(), b = picture();
	struct conversion gpu;
	struct source s;
	int fd;

	(void)state;
	paint_cursor(&image, true);
	conversion_init(&gpu, CONVERT_GPU, &a);
	source_init(&s, FOURCC_XRGB8888, W, H, 0);
	fd = s.frame.plane[0].fd;
	s.frame.plane[0].fd = -1; /* nor read where it lies */
	source_random(&s, 3);
	s.frame.cursor = (struct cursor){&image, 10, 10};
	assert_int_equal(conversion_run(&gpu, &s.frame, &b), 0);
	s.frame.picture = frame_picture_no();
	s.frame.cursor.x = 30;
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), 0);
	memset(s.pixels, 0, s.size);
	s.frame.cursor.x = 10;
	assert_int_equal(conversion_cursor(&gpu, &s.frame, &a), 0);
	assert_memory_equal(a.luma, b.luma, picture_bytes(&a));
	/* Another picture is. */
	s.frame.picture = frame_picture_no();
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), 0);
	assert_memory_not_equal(a.luma, b.luma, picture_bytes(&a));
	s.frame.plane[0].fd = fd;
	source_finish(&s);
	conversion_finish(&gpu);
	picture_finish(&a);
	picture_finish(&b);
}

/* An HDR source for a client without, and the other way round: by the same rules on both sides. */
static void both_change_light_alike(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		const bool from_pq = n & 1;
		struct picture a = picture_of(from_pq ? 8 : 10, n & 2), b = picture_of(from_pq ? 8 : 10, n & 2);
		struct conversion cpu, any;
		struct source s;

		a.pq = b.pq = !from_pq;
		conversion_init(&cpu, CONVERT_CPU, &a);
		conversion_init(&any, CONVERT_AUTO, &b);
		source_init(&s, from_pq ? FOURCC_XRGB2101010 : FOURCC_XRGB8888, W, H, 0);
		source_random(&s, n);
		s.frame.colour.pq = from_pq;
		assert_int_equal(conversion_run(&cpu, &s.frame, &a), 0);
		assert_int_equal(conversion_run(&any, &s.frame, &b), 0);
		assert_false(cpu.on_gpu);
		assert_true(any.on_gpu); /* which is quicker at it */
		assert_near(&a, &b);
		source_finish(&s);
		conversion_finish(&cpu);
		conversion_finish(&any);
		picture_finish(&a);
		picture_finish(&b);
	}
}

static void auto_takes_the_gpu_for_what_cannot_be_mapped_alone(void **state)
{
	struct picture a = picture(), b = picture();
	struct conversion any, cpu;
	struct source s;

	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR) || !dev->cpu)
		skip();
	conversion_init(&any, CONVERT_AUTO, &a);
	conversion_init(&cpu, CONVERT_CPU, &b);
	assert_null(any.gpu); /* not before it is needed */
	source_init(&s, FOURCC_XRGB8888, W, H, 0);
	source_random(&s, 1);
	assert_int_equal(conversion_run(&any, &s.frame, &a), 0);
	assert_false(any.on_gpu);
	assert_null(any.gpu);
	assert_int_equal(conversion_run(&cpu, &s.frame, &b), 0);

	picture_fill_black(&a);
	s.frame.map[0] = NULL; /* as a dma-buf of a GPU that gives the CPU no access */
	assert_int_equal(conversion_run(&cpu, &s.frame, &b), -ENOTSUP);
	assert_int_equal(conversion_run(&any, &s.frame, &a), 0);
	assert_true(any.on_gpu);
	assert_near(&a, &b);
	/* And back. */
	s.frame.map[0] = s.pixels;
	assert_int_equal(conversion_run(&any, &s.frame, &a), 0);
	assert_false(any.on_gpu);
	source_finish(&s);
	conversion_finish(&any);
	conversion_finish(&cpu);
	picture_finish(&a);
	picture_finish(&b);
}

static unsigned refused, refused_all;

static void on_refuse(struct frame *f, bool all_dmabufs)
{
	(void)f;
	refused++;
	refused_all += all_dmabufs;
}

static bool importable(enum convert_where where, uint32_t fourcc, uint64_t modifier)
{
	static struct dmabuf_formats list;

	conversion_importable(where, 1, &list);
	for (unsigned i = 0; i < list.n; i++)
		if (list.format[i].fourcc == fourcc && list.format[i].modifier == modifier)
			return list.format[i].n_planes;
	return false;
}

static void what_is_imported_is_asked_for_and_what_is_not_is_refused(void **state)
{
	struct picture a = picture();
	struct conversion gpu, cpu;
	struct source s;

	(void)state;
	assert_int_equal(importable(CONVERT_GPU, FOURCC_XRGB8888, MODIFIER_LINEAR),
			 import_possible(dev, MODIFIER_LINEAR));
	assert_false(importable(CONVERT_GPU, FOURCC_XRGB8888, 0x0123456789abcdefull));
	assert_false(importable(CONVERT_AUTO, FOURCC_XRGB8888, MODIFIER_LINEAR));
	assert_false(importable(CONVERT_CPU, FOURCC_XRGB8888, MODIFIER_LINEAR));
	conversion_init(&gpu, CONVERT_GPU, &a);
	conversion_init(&cpu, CONVERT_CPU, &a);
	source_init(&s, FOURCC_XRGB8888, W, H, 0);
	s.frame.refuse = on_refuse;
	/* What the CPU can read is never refused. */
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), 0);
	assert_int_equal(conversion_run(&cpu, &s.frame, &a), 0);
	assert_int_equal(refused, 0);
	/* Another modifier may do ... */
	s.frame.map[0] = NULL;
	s.frame.modifier = 0x0123456789abcdefull;
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), -ENOTSUP);
	assert_int_equal(refused, 1);
	assert_int_equal(refused_all, 0);
	/* A buffer that is not what it says it is, twice. */
	if (import_possible(dev, MODIFIER_LINEAR)) {
		s.frame.modifier = MODIFIER_LINEAR;
		s.frame.plane[0].offset = UINT32_MAX / 2;
		assert_int_equal(conversion_run(&gpu, &s.frame, &a), -EINVAL);
		assert_int_equal(refused, 1);
		assert_int_equal(conversion_run(&gpu, &s.frame, &a), -ENOTSUP);
		assert_int_equal(refused--, 2);
		s.frame.plane[0].offset = 0;
	}
	/* ... or none. */
	assert_int_equal(conversion_run(&cpu, &s.frame, &a), -ENOTSUP);
	assert_int_equal(refused_all, 1);
	gpu.gpu_failed = true;
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), -ENOTSUP);
	assert_int_equal(refused_all, 2);
	source_finish(&s);
	conversion_finish(&gpu);
	conversion_finish(&cpu);
	picture_finish(&a);
}

static void what_nobody_reads_leaves_the_picture_alone(void **state)
{
	struct picture a = picture(), b = picture();
	struct conversion gpu;
	struct source s;

	(void)state;
	conversion_init(&gpu, CONVERT_GPU, &a);
	source_init(&s, FOURCC_XRGB8888, W, H, 0);
	source_random(&s, 1);
	s.frame.modifier = 0x0123456789abcdefull;
	s.frame.map[0] = NULL;
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), -ENOTSUP);
	assert_false(gpu.gpu_failed);
	assert_memory_equal(a.luma, b.luma, (size_t)a.stride * H * 3 / 2);
	s.frame.modifier = MODIFIER_LINEAR;
	s.frame.map[0] = s.pixels;
	assert_int_equal(conversion_run(&gpu, &s.frame, &a), 0);
	assert_true(gpu.on_gpu);
	source_finish(&s);
	conversion_finish(&gpu);
	picture_finish(&a);
	picture_finish(&b);
}

/* The picture as it lies in the dma-buf. */
static void read_share(const struct picture *p, struct picture *out)
{
	const struct picture_share *s = p->share;
	const unsigned sample = picture_sample(p->format), planes = picture_is_444(p->format) ? 3 : 2;
	uint8_t *map = mmap(NULL, s->size, PROT_READ, MAP_SHARED, s->fd, 0);
	uint8_t *const to[] = {out->luma, out->chroma, out->cr};

	assert_true(map != MAP_FAILED);
	for (unsigned i = 0; i < planes; i++)
		for (unsigned y = 0; y < (i && planes == 2 ? p->height / 2u : p->height); y++)
			memcpy(to[i] + (size_t)y * out->stride, map + s->offset[i] + (size_t)y * s->stride,
			       (size_t)p->width * sample);
	/* Below it the last line comes again, down to whole blocks; beside it is black, but for a word of four
	 * samples. */
	for (unsigned i = 0; i < planes; i++) {
		const size_t end = i + 1 < planes ? s->offset[i + 1] : s->size;
		const unsigned lines = (unsigned)((end - s->offset[i]) / s->stride), wide = p->width * sample;
		const uint8_t *last =
			map + s->offset[i] + (size_t)((i && planes == 2 ? p->height / 2 : p->height) - 1) * s->stride;

		assert_int_equal(lines % (i && planes == 2 ? 32 : 64), 0);
		for (const uint8_t *line = last + s->stride; line < map + s->offset[i] + (size_t)lines * s->stride;
		     line += s->stride)
			assert_memory_equal(line, last, wide);
		for (unsigned x = (wide + 4 * sample - 1) & ~(4 * sample - 1); x < s->stride; x += sample)
			assert_int_equal(sample == 1
						 ? last[x]
						 : (last[x] | last[x + 1] << 8) >> (p->format == PICTURE_P010 ? 8 : 2),
					 i ? 128 : 16);
	}
	munmap(map, s->size);
}

static void assert_same(const struct picture *a, const struct picture *b)
{
	const uint8_t *const pa[] = {a->luma, a->chroma, a->cr}, *const pb[] = {b->luma, b->chroma, b->cr};
	const unsigned planes = picture_is_444(a->format) ? 3 : 2;

	for (unsigned i = 0; i < planes; i++)
		for (unsigned y = 0; y < (i && planes == 2 ? a->height / 2u : a->height); y++)
			assert_memory_equal(pa[i] + (size_t)y * a->stride, pb[i] + (size_t)y * b->stride,
					    a->width * picture_sample(a->format));
}

static void what_stays_on_the_gpu_is_the_same_and_comes_back(void **state)
{
	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR))
		skip();
	for (unsigned f = 0; f < PICTURE_FORMATS; f++)
		for (unsigned n = 0; n < 2; n++) {
			struct video_params v = {
				.width = n ? 98 : W,
				.height = n ? 70 : H,
				.depth = picture_is_10bit((enum picture_format)f) ? 10 : 8,
				.yuv444 = picture_is_444((enum picture_format)f),
				.space = COLOUR_BT709,
			};
			struct conversion away, kept;
			struct picture a, b, seen;
			struct source s;

			assert_int_equal(picture_init_for(&a, &v), 0);
			assert_int_equal(picture_init_for(&b, &v), 0);
			assert_int_equal(picture_init_for(&seen, &v), 0);
			conversion_init(&away, CONVERT_GPU, &a);
			conversion_init(&kept, CONVERT_GPU, &b);
			conversion_share(&kept, 1, &b);
			assert_int_equal(conversion_by(&kept), CONVERTER_GPU_SHARED);
			for (unsigned i = 0; i < 3; i++) {
				source_init(&s, FOURCC_XRGB8888, v.width, v.height, 0);
				source_random(&s, i);
				s.frame.map[0] = NULL;
				assert_int_equal(conversion_run(&away, &s.frame, &a), 0);
				assert_int_equal(conversion_run(&kept, &s.frame, &b), 0);
				assert_non_null(b.share);
				read_share(&b, &seen);
				assert_same(&seen, &a);
				source_finish(&s);
			}
			assert_int_equal(kept.copied, 0);
			assert_true(away.copied);
			conversion_share(&kept, 0, &b);
			assert_null(b.share);
			assert_same(&b, &a);
			/* And as ever. */
			source_init(&s, FOURCC_XRGB8888, v.width, v.height, 0);
			source_random(&s, 9);
			assert_int_equal(conversion_run(&away, &s.frame, &a), 0);
			assert_int_equal(conversion_run(&kept, &s.frame, &b), 0);
			assert_same(&b, &a);
			source_finish(&s);
			conversion_finish(&away);
			conversion_finish(&kept);
			picture_finish(&a);
			picture_finish(&b);
			picture_finish(&seen);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_give_the_same_picture_turned_and_in_place_in_each_format),
		cmocka_unit_test(both_change_light_alike),
		cmocka_unit_test(both_show_the_cursor_alike),
		cmocka_unit_test(the_gpu_moves_it_over_what_it_has),
		cmocka_unit_test(auto_takes_the_gpu_for_what_cannot_be_mapped_alone),
		cmocka_unit_test(what_is_imported_is_asked_for_and_what_is_not_is_refused),
		cmocka_unit_test(what_nobody_reads_leaves_the_picture_alone),
		cmocka_unit_test(what_stays_on_the_gpu_is_the_same_and_comes_back),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
