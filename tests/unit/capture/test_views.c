// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames under another cursor: who holds what, in which order it comes back. */
#include "../cmocka_all.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/views.h"

static struct views views;
static struct frame frame;
static struct cursor_image image;
static unsigned released, refused, freed;

static void on_release(struct frame *f, int fence_fd)
{
	assert_ptr_equal(f, &frame);
	assert_int_equal(fence_fd, -1);
	/* Whatever else there was is free by now. */
	assert_int_equal(atomic_load(&views.out), 0);
	assert_int_equal(atomic_load(&image.refs), 0);
	released++;
}

static void on_refuse(struct frame *f, bool all)
{
	assert_ptr_equal(f, &frame);
	refused += all ? 10 : 1;
}

/* Whoever it is belongs to the frame's owner, which may be closed when that is back. */
static void on_free(void *ctx)
{
	assert_ptr_equal(ctx, &views);
	assert_int_equal(released, 0);
	freed++;
}

static int setup(void **state)
{
	(void)state;
	released = refused = freed = 0;
	views.freed = on_free;
	views.ctx = &views;
	image = (struct cursor_image){.id = 5, .w = 4, .h = 4};
	frame = (struct frame){
		.release = on_release,
		.refuse = on_refuse,
		.width = 64,
		.height = 32,
		.fourcc = FOURCC_XRGB8888,
		.n_planes = 1,
		.plane[0] = {.fd = 9, .stride = 256},
		.map[0] = &frame,
		.crop = {1, 2, 3, 4},
		.n_damage = 2,
		.picture = 77,
		.seq = 12,
		.acquire_fence = dup(STDERR_FILENO),
		.t.captured = 1000,
	};
	atomic_init(&frame.refs, 1);
	return 0;
}

static struct cursor at(int32_t x)
{
	return (struct cursor){cursor_image_ref(&image), x, 3};
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void a_view_is_the_picture_under_another_cursor(void **state)
{
	struct frame *v = views_take(&views, &frame, at(8), 2000);
	const int fence = frame.acquire_fence, own = v->acquire_fence;

	(void)state;
	assert_int_equal(v->width, 64);
	assert_int_equal(v->plane[0].stride, 256);
	assert_ptr_equal(v->map[0], frame.map[0]);
	assert_int_equal(v->crop.y, 2);
	assert_int_equal(v->picture, 77);
	assert_int_equal(v->seq, 12);
	assert_int_equal(v->cursor.x, 8);
	assert_ptr_equal(v->cursor.image, &image);
	assert_int_equal(v->t.captured, 2000);
	assert_int_equal(v->n_damage, 0);
	/* It is drawn when the frame is; each closes its own. */
	assert_int_not_equal(v->acquire_fence, fence);
	assert_true(same_file(v->acquire_fence, fence));
	frame_refuse(v, false);
	frame_refuse(v, true);
	assert_int_equal(refused, 11);
	/* It keeps the buffer. */
	frame_unref(&frame, -1);
	assert_int_equal(released, 0);
	frame_unref(frame_ref(v), -1);
	assert_int_equal(released, 0);
	assert_int_equal(fcntl(fence, F_GETFD), 0);
	frame_unref(v, -1);
	assert_int_equal(released, 1);
	assert_int_equal(fcntl(fence, F_GETFD), -1);
	assert_int_equal(fcntl(own, F_GETFD), -1);
}

/* Shown too early it would be half a picture. */
static void there_is_no_view_without_its_fence(void **state)
{
	const int fence = frame.acquire_fence;

	(void)state;
	frame.acquire_fence = 1 << 20;
	assert_null(views_take(&views, &frame, at(8), 2000));
	assert_int_equal(atomic_load(&views.out), 0);
	assert_int_equal(atomic_load(&image.refs), 0);
	assert_int_equal(atomic_load(&frame.refs), 1);
	frame.acquire_fence = -1;
	frame_unref(views_take(&views, &frame, at(8), 2000), -1);
	frame.acquire_fence = fence;
}

static void there_are_so_many_and_no_more(void **state)
{
	struct frame *v[VIEWS_MAX];

	(void)state;
	for (unsigned i = 0; i < VIEWS_MAX; i++) {
		v[i] = views_take(&views, &frame, at((int32_t)i), 1);
		assert_non_null(v[i]);
	}
	assert_null(views_take(&views, &frame, at(1), 1));
	assert_int_equal(atomic_load(&image.refs), VIEWS_MAX); /* taken and dropped */
	assert_int_equal(freed, 0);
	frame_unref(v[7], -1);
	assert_int_equal(freed, 1); /* who found none is told */
	v[7] = views_take(&views, &frame, (struct cursor){0}, 1);
	assert_non_null(v[7]);
	assert_null(v[7]->cursor.image);
	frame_unref(&frame, -1);
	for (unsigned i = 0; i < VIEWS_MAX; i++) {
		assert_int_equal(released, 0);
		frame_unref(v[i], -1);
	}
	assert_int_equal(released, 1);
	assert_int_equal(freed, 2); /* by the first of them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_view_is_the_picture_under_another_cursor, setup),
		cmocka_unit_test_setup(there_is_no_view_without_its_fence, setup),
		cmocka_unit_test_setup(there_are_so_many_and_no_more, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
