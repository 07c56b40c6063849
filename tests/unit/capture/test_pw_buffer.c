// SPDX-License-Identifier: GPL-3.0-or-later
/* Buffers and metadata that the other side's compositor hands us. No daemon is needed. */
#include "../cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spa/buffer/meta.h>

#include "base/clock.h"
#include "base/str.h"
#include "capture/pw_buffer.h"
#include "capture/pw_format.h"

#define NOW   (1000 * NS_PER_S)
#define TILED 0x0100000000000002ull

/* One buffer as PipeWire presents it. */
struct fake {
	struct spa_buffer buffer;
	struct spa_data data;
	struct spa_chunk chunk;
	struct spa_meta metas[4];
	struct spa_meta_header header;
	struct spa_meta_region crop, damage[12];
	struct spa_meta_videotransform turn;
};

enum { W = 100, H = 50, STRIDE = W * 4 + 32, PAGE = 4096 };

static void fake_init(struct fake *k, uint32_t type, size_t file_size)
{
	memset(k, 0, sizeof(*k));
	k->data = (struct spa_data){.type = type, .fd = memfd_create("fake", MFD_CLOEXEC), .chunk = &k->chunk};
	assert_true(k->data.fd >= 0);
	assert_int_equal(ftruncate((int)k->data.fd, (off_t)file_size), 0);
	k->data.maxsize = STRIDE * H;
	k->chunk = (struct spa_chunk){.size = STRIDE * H, .stride = STRIDE};
	k->metas[0] = (struct spa_meta){SPA_META_Header, sizeof(k->header), &k->header};
	k->metas[1] = (struct spa_meta){SPA_META_VideoCrop, sizeof(k->crop), &k->crop};
	k->metas[2] = (struct spa_meta){SPA_META_VideoDamage, sizeof(k->damage), k->damage};
	k->metas[3] = (struct spa_meta){SPA_META_VideoTransform, sizeof(k->turn), &k->turn};
	k->buffer = (struct spa_buffer){.n_metas = 4, .n_datas = 1, .metas = k->metas, .datas = &k->data};
}

static void fake_finish(struct fake *k)
{
	close((int)k->data.fd);
}

static const struct pw_format format = {.width = W, .height = H, .fourcc = FOURCC_XRGB8888};

static void a_picture_must_lie_within_what_is_mapped(void **state)
{
	static const struct {
		uint32_t mapoffset, maxsize, offset;
		int32_t stride;
		size_t file;
		int map_err, err;
	} cases[] = {
		{0, STRIDE * H, 0, STRIDE, STRIDE * H, 0, 0},
		{0, STRIDE * H, 32, STRIDE, STRIDE * H, 0, 0}, /* the last row needs no padding */
		{0, STRIDE * H, 33, STRIDE, STRIDE * H, 0, -EINVAL},
		{0, STRIDE * H, UINT32_MAX, STRIDE, STRIDE * H, 0, -EINVAL},
		{0, STRIDE * H, 0, INT32_MAX, STRIDE * H, 0, -EINVAL},
		{0, STRIDE * H, 0, -STRIDE, STRIDE * H, 0, -EINVAL},
		{0, STRIDE * H, 0, W * 4 - 1, STRIDE * H, 0, -EINVAL},
		{0, STRIDE * H, 0, 0, STRIDE * H, 0, 0},                 /* tight rows */
		{0, UINT32_MAX, 0, STRIDE, STRIDE * H - 33, 0, -EINVAL}, /* the file is shorter than it says */
		{0, UINT32_MAX, 0, STRIDE, STRIDE * H - 32, 0, 0},
		{8192 + 100, STRIDE * H, 0, STRIDE, 8192 + 100 + STRIDE * H, 0, 0},
		{8192 + 100, STRIDE * H, 33, STRIDE, 3 * 8192 + STRIDE * H, 0, -EINVAL}, /* the neighbour's memory */
		{STRIDE * H, STRIDE * H, 0, STRIDE, STRIDE * H, -EINVAL, 0},
		{UINT32_MAX, UINT32_MAX, 0, STRIDE, STRIDE * H, -EINVAL, 0},
		{0, 0, 0, STRIDE, STRIDE * H, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buffer_map m;
		struct frame f = {0};
		struct fake k;

		fake_init(&k, SPA_DATA_MemFd, cases[i].file);
		k.data.mapoffset = cases[i].mapoffset;
		k.data.maxsize = cases[i].maxsize;
		k.chunk.offset = cases[i].offset;
		k.chunk.stride = cases[i].stride;
		assert_int_equal(buffer_map_open(&m, &k.data), cases[i].map_err);
		if (!cases[i].map_err) {
			assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), cases[i].err);
			if (!cases[i].err) { /* every byte of it can be read: ASan and the kernel see otherwise */
				const uint8_t *p = f.map[0];
				volatile uint8_t sum = 0;

				for (uint32_t y = 0; y < H; y++)
					sum = (uint8_t)(sum + p[y * f.plane[0].stride] +
							p[y * f.plane[0].stride + W * 4 - 1]);
				assert_int_equal(f.plane[0].offset, cases[i].mapoffset + cases[i].offset);
			}
			buffer_map_close(&m);
		}
		fake_finish(&k);
	}
}

static void a_dmabuf_is_measured_by_its_file_never_by_the_chunk(void **state)
{
	struct pw_format dma = format;
	struct buffer_map m;
	struct frame f = {0};
	struct fake k;

	(void)state;
	dma.dmabuf = true;
	fake_init(&k, SPA_DATA_DmaBuf, STRIDE * H);
	k.data.maxsize = 0;
	k.chunk.size = 9;
	assert_int_equal(buffer_map_open(&m, &k.data), 0);
	buffer_map_begin_read(&m); /* a memfd knows no such bracket: that is no error */
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &dma, NOW), 0);
	buffer_map_end_read(&m);
	buffer_map_close(&m);
	k.data.type = SPA_DATA_MemPtr;
	assert_int_equal(buffer_map_open(&m, &k.data), -ENOTSUP);
	fake_finish(&k);
}

/* PipeWire may close its file, and open another under the same number, while a reader has the frame. */
static void a_mapped_frame_has_a_file_of_its_own(void **state)
{
	struct buffer_map m;
	struct frame f = {0};
	struct stat a, b;
	struct fake k;

	(void)state;
	for (unsigned dmabuf = 0; dmabuf < 2; dmabuf++) {
		fake_init(&k, dmabuf ? SPA_DATA_DmaBuf : SPA_DATA_MemFd, STRIDE * H);
		assert_int_equal(buffer_map_open(&m, &k.data), 0);
		assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
		assert_int_equal(fstat((int)k.data.fd, &a), 0);
		assert_int_not_equal(f.plane[0].fd, k.data.fd);
		fake_finish(&k);
		assert_int_equal(fstat(f.plane[0].fd, &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
		buffer_map_close(&m);
		assert_int_equal(fstat(f.plane[0].fd, &b), -1);
	}
}

static void what_is_imported_is_not_mapped_and_outlives_its_buffer(void **state)
{
	struct pw_format dma = format;
	struct buffer_map m;
	struct frame f = {0};
	struct stat a, b;
	struct fake k;

	(void)state;
	dma.dmabuf = dma.import = true;
	dma.modifier = TILED;
	fake_init(&k, SPA_DATA_DmaBuf, STRIDE * H);
	k.chunk.offset = 64;
	assert_int_equal(buffer_map_import(&m, &k.buffer, k.buffer.n_datas), 0);
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &dma, NOW), 0);
	assert_null(f.map[0]);
	assert_int_equal(f.n_planes, 1);
	assert_int_equal(f.plane[0].offset, 64);
	assert_int_equal(f.plane[0].stride, STRIDE);
	assert_int_equal(f.acquire_fence, -1); /* a memfd has none */
	assert_int_equal(fstat((int)k.data.fd, &a), 0);
	/* The reader's file is its own. */
	assert_int_not_equal(f.plane[0].fd, k.data.fd);
	k.chunk.stride = 0;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &dma, NOW), -EINVAL);
	fake_finish(&k);
	assert_int_equal(fstat(f.plane[0].fd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	buffer_map_begin_read(&m);
	buffer_map_end_read(&m);
	buffer_map_close(&m);
	assert_int_equal(fstat(f.plane[0].fd, &b), -1);

	fake_init(&k, SPA_DATA_MemFd, STRIDE * H);
	assert_int_equal(buffer_map_import(&m, &k.buffer, k.buffer.n_datas), -ENOTSUP);
	k.data.type = SPA_DATA_DmaBuf;
	k.buffer.n_datas = 0;
	assert_int_equal(buffer_map_import(&m, &k.buffer, k.buffer.n_datas), -ENOTSUP);
	k.buffer.n_datas = FRAME_PLANES_MAX + 1;
	assert_int_equal(buffer_map_import(&m, &k.buffer, k.buffer.n_datas), -ENOTSUP);
	k.buffer.n_datas = 1;
	assert_int_equal(buffer_map_import(&m, &k.buffer, 0), -ENOTSUP);
	assert_int_equal(buffer_map_import(&m, &k.buffer, 2), -ENOTSUP); /* more than it has */
	fake_finish(&k);
}

static void chunks_without_a_picture_are_told(void **state)
{
	struct buffer_map m;
	struct frame f = {0};
	struct fake k;

	(void)state;
	fake_init(&k, SPA_DATA_MemFd, STRIDE * H);
	assert_int_equal(buffer_map_open(&m, &k.data), 0);
	k.chunk.size = 0;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), -EAGAIN);
	k.chunk.size = 1;
	k.chunk.flags = SPA_CHUNK_FLAG_CORRUPTED;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), -EAGAIN);
	k.chunk.flags = 0;
	k.header.flags = SPA_META_HEADER_FLAG_CORRUPTED;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), -EAGAIN);
	k.header.flags = 0;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	buffer_map_close(&m);
	fake_finish(&k);
}

static void metadata_is_read_and_cut_to_the_picture(void **state)
{
	struct buffer_map m;
	struct frame f = {0};
	struct fake k;

	(void)state;
	fake_init(&k, SPA_DATA_MemFd, STRIDE * H);
	assert_int_equal(buffer_map_open(&m, &k.data), 0);
	/* nothing said */
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_int_equal(f.crop.w, W);
	assert_int_equal(f.crop.h, H);
	assert_int_equal(f.n_damage, 0);
	assert_true(f.same);
	assert_int_equal(f.transform, TRANSFORM_NONE);
	assert_int_equal(f.t.captured, NOW);
	/* sane */
	k.header.pts = NOW - 5 * NS_PER_MS;
	k.crop.region = SPA_REGION(10, 5, 60, 20);
	k.turn.transform = SPA_META_TRANSFORMATION_Flipped270;
	k.damage[0].region = SPA_REGION(-10, -10, 20, 20);
	k.damage[1].region = SPA_REGION(90, 40, 1000, 1000);
	k.damage[2].region = SPA_REGION(200, 200, 5, 5);
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_int_equal(f.t.captured, NOW - 5 * NS_PER_MS);
	assert_int_equal(f.crop.x, 10);
	assert_int_equal(f.crop.h, 20);
	assert_int_equal(f.transform, TRANSFORM_FLIPPED_270);
	assert_int_equal(f.n_damage, 2);
	assert_false(f.same);
	assert_int_equal(f.damage[0].x, 0);
	assert_int_equal(f.damage[0].w, 10);
	assert_int_equal(f.damage[1].w, 10);
	assert_int_equal(f.damage[1].h, 10);
	/* not: times of the future or of another clock, crops outside, turns that do not exist, too many regions */
	k.header.pts = NOW + 1;
	k.crop.region = SPA_REGION(W, 0, 10, 10);
	k.turn.transform = 8;
	for (unsigned i = 0; i < ARRAY_LEN(k.damage); i++)
		k.damage[i].region = SPA_REGION((int32_t)i, 0, 1, 1);
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_int_equal(f.t.captured, NOW);
	assert_int_equal(f.crop.w, W);
	assert_int_equal(f.transform, TRANSFORM_NONE);
	assert_int_equal(f.n_damage, 0);
	assert_false(f.same);
	k.header.pts = 12345;
	k.crop.region = SPA_REGION(INT32_MAX, INT32_MIN, UINT32_MAX, UINT32_MAX);
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_int_equal(f.t.captured, NOW);
	assert_int_equal(f.crop.w, W);
	/* Nothing within the picture is not nothing; no list says nothing. */
	memset(k.damage, 0, sizeof(k.damage));
	k.damage[0].region = SPA_REGION(200, 200, 5, 5);
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_false(f.same);
	k.metas[2].type = SPA_META_Bitmap;
	assert_int_equal(buffer_frame(&f, &k.buffer, &m, &format, NOW), 0);
	assert_false(f.same);
	buffer_map_close(&m);
	fake_finish(&k);
}

static void an_empty_list_is_believed_of_those_who_fill_it_in(void **state)
{
	struct frame f = {.same = true};
	bool tells = false;

	(void)state;
	buffer_judge_damage(&f, &tells, &f);
	assert_false(f.same);
	f = (struct frame){.n_damage = 2};
	buffer_judge_damage(&f, &tells, &f);
	assert_int_equal(f.n_damage, 2);
	f = (struct frame){.same = true};
	buffer_judge_damage(&f, &tells, &f);
	assert_true(f.same);
	/* The same as one that nobody got. */
	buffer_judge_damage(&f, &tells, NULL);
	assert_false(f.same);
	f.n_damage = 1;
	buffer_judge_damage(&f, &tells, NULL);
	assert_int_equal(f.n_damage, 0);
	/* Nor is another part of it, or the same one turned. */
	for (unsigned i = 0; i < 5; i++) {
		struct frame before = f;

		f.same = true;
		before.crop.x += i == 0;
		before.crop.y += i == 1;
		before.crop.w += i == 2;
		before.crop.h += i == 3;
		before.transform = i == 4 ? TRANSFORM_180 : TRANSFORM_NONE;
		buffer_judge_damage(&f, &tells, &before);
		assert_false(f.same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_must_lie_within_what_is_mapped),
		cmocka_unit_test(a_dmabuf_is_measured_by_its_file_never_by_the_chunk),
		cmocka_unit_test(a_mapped_frame_has_a_file_of_its_own),
		cmocka_unit_test(what_is_imported_is_not_mapped_and_outlives_its_buffer),
		cmocka_unit_test(chunks_without_a_picture_are_told),
		cmocka_unit_test(metadata_is_read_and_cut_to_the_picture),
		cmocka_unit_test(an_empty_list_is_believed_of_those_who_fill_it_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
