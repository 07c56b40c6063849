// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames in memory reach the pass, copied or in place; imports are kept under the buffer's id and go when it is
 * gone. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct gpu_device *dev;

static struct gpu_geometry whole(const struct source *s, const struct chain *c)
{
	return (struct gpu_geometry){
		.visible = {.w = s->frame.width, .h = s->frame.height},
		.w = c->target.layout.width,
		.h = c->target.layout.height,
	};
}

static void need_imports(void)
{
	if (!import_possible(dev, MODIFIER_LINEAR) || !dev->cpu)
		skip();
}

static void memory_files_are_read_in_place_with_the_same_result(void **state)
{
	struct chain c;
	struct source s;
	struct gpu_geometry g;

	(void)state;
	need_imports();
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 70, 50, 8);
	s.frame.plane[0].offset = 0;
	g = whole(&s, &c);
	for (unsigned i = 0; i < 10; i++) {
		struct readback_picture *copied, *in_place;

		/* Later contents of the same buffer are seen: nothing was kept but the import. */
		source_random(&s, i);
		c.upload.imports = NULL;
		copied = chain_run(&c, &s.frame, &g, NULL);
		c.upload.imports = &c.imports;
		in_place = chain_run(&c, &s.frame, &g, NULL);
		assert_memory_equal(copied->data, in_place->data, c.target.layout.size);
		readback_give_back(c.ring, copied);
		readback_give_back(c.ring, in_place);
	}
	assert_int_equal(c.upload.imported, 10);
	assert_int_equal(c.imports.misses, 1);
	assert_int_equal(c.imports.hits, 9);
	assert_int_equal(c.upload.copied_bytes, 10 * 70 * 4 * 50);
	source_finish(&s);
	chain_finish(&c);
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void imports_go_with_their_buffers_and_leak_no_fd(void **state)
{
	struct chain c;
	unsigned before;

	(void)state;
	need_imports();
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	c.upload.imports = &c.imports;
	before = open_fds();
	for (unsigned i = 0; i < 3 * IMPORT_MAX; i++) {
		struct source s;
		struct gpu_geometry g;

		source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
		g = whole(&s, &c);
		readback_give_back(c.ring, chain_run(&c, &s.frame, &g, NULL));
		source_finish(&s); /* the import keeps the memory, not the fd */
		assert_true(open_fds() <= before + IMPORT_MAX);
	}
	assert_int_equal(c.imports.misses, 3 * IMPORT_MAX);
	import_clear(&c.imports);
	for (unsigned i = 0; i < IMPORT_MAX; i++)
		assert_true(c.imports.entry[i].memory == VK_NULL_HANDLE);
	assert_int_equal(open_fds(), before);
	chain_finish(&c);
}

static void a_buffer_with_another_shape_is_imported_anew(void **state)
{
	struct chain c;
	struct source s;
	struct gpu_source src;

	(void)state;
	need_imports();
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
	assert_int_equal(import_get(&c.imports, &s.frame, &src), 0);
	assert_int_equal(import_get(&c.imports, &s.frame, &src), 0);
	s.frame.height = 40;
	assert_int_equal(import_get(&c.imports, &s.frame, &src), 0);
	assert_int_equal(src.height, 40);
	assert_int_equal(c.imports.misses, 2);
	source_finish(&s);
	chain_finish(&c);
}

static void what_cannot_be_imported_is_refused(void **state)
{
	struct chain c;
	struct source s;
	struct gpu_source src;
	struct frame f;

	(void)state;
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
	f = s.frame;
	f.plane[0].fd = -1;
	assert_int_equal(import_get(&c.imports, &f, &src), -ENOTSUP);
	f = s.frame;
	f.fourcc = FOURCC('N', 'V', '1', '2');
	assert_int_equal(import_get(&c.imports, &f, &src), -ENOTSUP);
	f = s.frame;
	f.modifier = 0x0123456789abcdefull;
	assert_int_equal(import_get(&c.imports, &f, &src), -ENOTSUP);
	f = s.frame;
	f.modifier = MODIFIER_INVALID; /* some secret tiling, unless the CPU can read it */
	f.map[0] = NULL;
	assert_int_equal(import_get(&c.imports, &f, &src), -ENOTSUP);
	f = s.frame;
	f.width = GPU_DIM_MAX + 1;
	assert_true(import_get(&c.imports, &f, &src) < 0);
	f = s.frame;
	f.n_planes = FRAME_PLANES_MAX + 1;
	assert_true(import_get(&c.imports, &f, &src) < 0);
	f = s.frame;
	f.plane[0].offset = 8192;
	assert_true(import_get(&c.imports, &f, &src) < 0);
	f = s.frame;
	f.height = 4000;
	assert_true(import_get(&c.imports, &f, &src) < 0);
	assert_int_equal(c.imports.misses, 0);
	source_finish(&s);
	chain_finish(&c);
}

static void frames_that_are_not_memory_are_refused(void **state)
{
	struct chain c;
	struct source s;
	struct gpu_source src;
	struct rect v = {0, 0, 64, 48}, bad = {1, 0, 64, 48};
	struct frame f;

	(void)state;
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
	f = s.frame;
	f.map[0] = NULL;
	assert_int_equal(upload_frame(&c.upload, &f, &v, &src), -ENOTSUP);
	f = s.frame;
	f.modifier = 1;
	assert_int_equal(upload_frame(&c.upload, &f, &v, &src), -ENOTSUP);
	f = s.frame;
	f.plane[0].stride = 64 * 4 - 4;
	assert_int_equal(upload_frame(&c.upload, &f, &v, &src), -EINVAL);
	assert_int_equal(upload_frame(&c.upload, &s.frame, &bad, &src), -EINVAL);
	source_finish(&s);
	chain_finish(&c);
}

static void staging_slots_in_use_are_not_touched(void **state)
{
	struct chain c;
	struct source s;
	struct gpu_source a, b, d;
	struct rect v = {0, 0, 64, 48};

	(void)state;
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
	assert_int_equal(upload_frame(&c.upload, &s.frame, &v, &a), 0);
	upload_used(&c.upload, dev->submitted + 1); /* a point that never passes here */
	assert_int_equal(upload_frame(&c.upload, &s.frame, &v, &b), 0);
	assert_true(a.buffer != b.buffer);
	upload_used(&c.upload, dev->submitted + 1);
	assert_int_equal(upload_frame(&c.upload, &s.frame, &v, &d), -EBUSY);
	source_finish(&s);
	chain_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_files_are_read_in_place_with_the_same_result),
		cmocka_unit_test(imports_go_with_their_buffers_and_leak_no_fd),
		cmocka_unit_test(a_buffer_with_another_shape_is_imported_anew),
		cmocka_unit_test(what_cannot_be_imported_is_refused),
		cmocka_unit_test(frames_that_are_not_memory_are_refused),
		cmocka_unit_test(staging_slots_in_use_are_not_touched),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
