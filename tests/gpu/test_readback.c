// SPDX-License-Identifier: GPL-3.0-or-later
/* The ring: order, what full and empty mean, nothing lost when it may not be, nothing allocated after warm-up. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define W 64u
#define H 32u

#define PATIENCE_NS (60 * NS_PER_S)

static struct gpu_device *dev;

/* Every word of the picture is the number that was given, with work before it that takes the GPU a while. */
struct fill {
	uint32_t value;
	struct gpu_buffer *ballast;
};

/* Between what fills and what copies, either way. */
static void filled(VkCommandBuffer cmd)
{
	gpu_barrier(cmd, VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
		    VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT | VK_PIPELINE_STAGE_2_HOST_BIT,
		    VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT | VK_ACCESS_2_HOST_READ_BIT);
}

static int record_fill(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	const struct fill *f = ctx;

	filled(cmd);
	if (f->ballast)
		vkCmdFillBuffer(cmd, f->ballast->vk, 0, VK_WHOLE_SIZE, f->value);
	vkCmdFillBuffer(cmd, dst, 0, VK_WHOLE_SIZE, f->value);
	filled(cmd);
	return 0;
}

static int record_fails(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	(void)ctx, (void)cmd, (void)dst;
	return -EINVAL;
}

static struct readback *ring(unsigned slots, unsigned stash)
{
	struct readback *r;

	assert_int_equal(
		readback_create(
			&r, dev,
			&(struct readback_params){
				.format = GPU_NV12, .width = W, .height = H, .slots = slots, .stash_max = stash}),
		0);
	return r;
}

static void submit(struct readback *r, uint32_t value)
{
	uint64_t index;

	assert_int_equal(readback_try_submit(r, record_fill, &(struct fill){.value = value}, &index, NULL), 0);
	assert_int_equal(index, value);
}

static void assert_picture(const struct readback_picture *p, uint32_t value)
{
	assert_int_equal(p->index, value);
	for (size_t i = 0; i < p->layout->size; i += 4)
		assert_memory_equal(p->data + i, &value, 4);
}

static void getters_and_what_is_not_supported(void **state)
{
	struct readback *r = ring(3, 0);

	(void)state;
	assert_int_equal(readback_layout(r)->width, W);
	assert_int_equal(readback_layout(r)->height, H);
	assert_int_equal(readback_layout(r)->format, GPU_NV12);
	assert_int_equal(readback_slots(r), 3);
	assert_int_equal(readback_submitted(r), 0);
	assert_int_equal(readback_pending(r), 0);
	submit(r, 0);
	assert_int_equal(readback_submitted(r), 1);
	assert_int_equal(readback_pending(r), 1);
	readback_destroy(r); /* with one in flight */
	assert_int_equal(readback_create(&r, dev, &(struct readback_params){GPU_FORMATS, W, H, 2, 0}),
			 READBACK_UNSUPPORTED_FORMAT);
	assert_int_equal(readback_create(&r, dev, &(struct readback_params){GPU_NV12, W, 0, 2, 0}),
			 READBACK_UNSUPPORTED_FORMAT);
	assert_int_equal(readback_create(&r, dev, &(struct readback_params){GPU_NV12, W, H, 0, 0}), -EINVAL);
	assert_int_equal(readback_create(&r, dev, &(struct readback_params){GPU_NV12, W, H, READBACK_SLOTS_MAX + 1, 0}),
			 -EINVAL);
	assert_null(r);
}

static void try_submit_says_full_and_never_waits(void **state)
{
	struct readback *r = ring(3, 0);
	struct gpu_buffer ballast;
	struct readback_picture *p;
	struct fill slow = {.ballast = &ballast};

	(void)state;
	assert_int_equal(gpu_buffer_init(dev, &ballast, GPU_BUFFER_DEVICE, 32 << 20), 0);
	for (uint32_t i = 0; i < 3; i++) {
		slow.value = i;
		assert_int_equal(readback_try_submit(r, record_fill, &slow, NULL, NULL), 0);
	}
	/* Done or not, what was not received keeps its slot. */
	assert_int_equal(readback_try_submit(r, record_fill, &slow, NULL, NULL), READBACK_RING_FULL);
	assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
	assert_int_equal(readback_try_submit(r, record_fill, &slow, NULL, NULL), READBACK_RING_FULL);
	assert_int_equal(readback_submitted(r), 3);
	assert_int_equal(readback_try_recv(r, &p), 0);
	assert_picture(p, 0);
	readback_give_back(r, p);
	submit(r, 3);
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
		assert_int_equal(readback_try_recv(r, &p), 0);
		assert_picture(p, i);
		readback_give_back(r, p);
	}
	assert_int_equal(readback_try_recv(r, &p), READBACK_EMPTY);
	assert_int_equal(readback_wait(r, 0), READBACK_EMPTY);
	readback_destroy(r);
	gpu_buffer_finish(dev, &ballast);
}

static void submit_blocking_loses_nothing_up_to_the_stash(void **state)
{
	struct readback *r = ring(2, 3);
	struct readback_picture *p;
	uint64_t index;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(readback_submit_blocking(r, record_fill, &(struct fill){.value = i}, &index, NULL), 0);
		assert_int_equal(index, i);
	}
	assert_int_equal(readback_submit_blocking(r, record_fill, &(struct fill){.value = 5}, &index, NULL),
			 READBACK_STASH_FULL);
	assert_int_equal(readback_submitted(r), 5);
	assert_int_equal(readback_pending(r), 5);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(readback_try_recv(r, &p), 0);
		assert_picture(p, i);
		readback_give_back(r, p);
	}
	for (uint32_t i = 5; i < 7; i++)
		assert_int_equal(readback_submit_blocking(r, record_fill, &(struct fill){.value = i}, NULL, NULL), 0);
	for (uint32_t i = 2; i < 7; i++) {
		assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
		assert_int_equal(readback_try_recv(r, &p), 0);
		assert_picture(p, i);
		readback_give_back(r, p);
	}
	readback_destroy(r);
}

struct flushed {
	struct readback *r;
	uint32_t next;
};

static void on_flushed(void *ctx, struct readback_picture *p)
{
	struct flushed *f = ctx;

	assert_picture(p, f->next++);
	readback_give_back(f->r, p);
}

static void flush_returns_stash_and_ring_in_order(void **state)
{
	struct flushed f = {.r = ring(3, 4)};

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(readback_submit_blocking(f.r, record_fill, &(struct fill){.value = i}, NULL, NULL), 0);
	assert_int_equal(readback_flush(f.r, on_flushed, &f), 0);
	assert_int_equal(f.next, 6);
	assert_int_equal(readback_pending(f.r), 0);
	assert_int_equal(readback_flush(f.r, on_flushed, &f), 0);
	assert_int_equal(f.next, 6);
	readback_destroy(f.r);
}

static void planes_of_the_callers_own_strides(void **state)
{
	struct readback *r = ring(2, 1);
	uint8_t luma[H * (W + 16)], chroma[H / 2 * W];
	struct readback_planes dst = {.data = {luma, chroma}, .stride = {W + 16, W}};
	uint64_t index;

	(void)state;
	memset(luma, 0xee, sizeof(luma));
	assert_int_equal(readback_try_recv_into(r, &dst, &index), READBACK_EMPTY);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(
			readback_submit_blocking(r, record_fill, &(struct fill){.value = i * 0x01010101}, NULL, NULL),
			0);
	for (uint32_t i = 0; i < 3; i++) { /* the first from the stash */
		assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
		assert_int_equal(readback_try_recv_into(r, &dst, &index), 0);
		assert_int_equal(index, i);
		for (unsigned y = 0; y < H; y++)
			for (unsigned x = 0; x < W + 16; x++)
				assert_int_equal(luma[y * (W + 16) + x], x < W ? i : 0xee);
		for (unsigned k = 0; k < sizeof(chroma); k++)
			assert_int_equal(chroma[k], i);
	}
	readback_destroy(r);
}

static void a_record_that_fails_changes_nothing(void **state)
{
	struct readback *r = ring(2, 0);
	struct readback_picture *p;

	(void)state;
	assert_int_equal(readback_try_submit(r, record_fails, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(readback_submitted(r), 0);
	submit(r, 0);
	assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
	assert_int_equal(readback_try_recv(r, &p), 0);
	assert_picture(p, 0);
	readback_give_back(r, p);
	readback_destroy(r);
}

static void pictures_of_the_pool_come_again(void **state)
{
	struct readback *r = ring(2, 2);
	struct readback_picture *p;
	const uint8_t *seen[4] = {0};
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		unsigned k = 0;

		submit(r, i);
		assert_int_equal(readback_wait(r, PATIENCE_NS), 0);
		assert_int_equal(readback_try_recv(r, &p), 0);
		while (k < n && seen[k] != p->data)
			k++;
		if (k == n)
			seen[n++] = p->data;
		assert_int_equal(n, 1);
		readback_give_back(r, p);
	}
	readback_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(getters_and_what_is_not_supported),
		cmocka_unit_test(try_submit_says_full_and_never_waits),
		cmocka_unit_test(submit_blocking_loses_nothing_up_to_the_stash),
		cmocka_unit_test(flush_returns_stash_and_ring_in_order),
		cmocka_unit_test(planes_of_the_callers_own_strides),
		cmocka_unit_test(a_record_that_fails_changes_nothing),
		cmocka_unit_test(pictures_of_the_pool_come_again),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
