// SPDX-License-Identifier: GPL-3.0-or-later
/* Which device is taken, and the line of points that its work counts on. */
#include "rig.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

static struct gpu_device *dev;

static void a_wish_is_part_of_a_name_in_any_case(void **state)
{
	struct gpu_device *d;
	char wish[8];

	(void)state;
	for (unsigned i = 0; i < sizeof(wish) - 1; i++) /* 0x20: the other case of a letter */
		wish[i] = dev->name[i] >= 'a' && dev->name[i] <= 'z' ? (char)(dev->name[i] ^ 0x20) : dev->name[i];
	wish[sizeof(wish) - 1] = 0;
	assert_int_equal(gpu_device_open(&d, &(struct gpu_choice){.wish = wish}), 0);
	assert_string_equal(d->name, dev->name);
	gpu_device_close(d);
	assert_int_equal(gpu_device_open(&d, &(struct gpu_choice){.wish = "no such device"}), -ENODEV);
	assert_null(d);
}

static void buffers_of_another_device_are_nobodys(void **state)
{
	struct gpu_device *d;

	(void)state;
	assert_int_equal(gpu_device_open(&d, &(struct gpu_choice){.owner = true, .drm = 0xfffff}), -ENODEV);
	assert_null(d);
	/* A device without a node owns none, and no node is not one that matches. */
	assert_int_equal(gpu_device_open(&d, &(struct gpu_choice){.owner = true}), -ENODEV);
	if (dev->cpu)
		assert_int_equal(gpu_device_open(&d, &(struct gpu_choice){.no_cpu = true, .wish = dev->name}), -ENODEV);
}

static void points_pass_in_order(void **state)
{
	struct gpu_buffer b;
	VkCommandBuffer cmd[4];
	uint64_t point[4];

	(void)state;
	assert_int_equal(gpu_buffer_init(dev, &b, GPU_BUFFER_READBACK, 4096), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(gpu_commands_init(dev, &cmd[i]), 0);
		assert_int_equal(gpu_commands_begin(cmd[i]), 0);
		vkCmdFillBuffer(cmd[i], b.vk, i * 1024, 1024, i);
		assert_int_equal(gpu_submit(dev, cmd[i], &point[i]), 0);
		assert_true(i == 0 || point[i] == point[i - 1] + 1);
	}
	assert_int_equal(gpu_wait(dev, point[3], 60 * NS_PER_S), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(gpu_passed(dev, point[i]));
		gpu_commands_finish(dev, &cmd[i]);
	}
	assert_false(gpu_passed(dev, point[3] + 1));
	assert_int_equal(gpu_wait(dev, point[3] + 1, 0), -ETIMEDOUT);
	gpu_buffer_finish(dev, &b);
}

static void buffers_beyond_what_a_shader_sees_are_refused(void **state)
{
	struct gpu_buffer b;

	(void)state;
	assert_int_equal(gpu_buffer_init(dev, &b, GPU_BUFFER_DEVICE, 0), -ENOTSUP);
	assert_int_equal(gpu_buffer_init(dev, &b, GPU_BUFFER_DEVICE, dev->buffer_max + 1), -ENOTSUP);
	gpu_buffer_finish(dev, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wish_is_part_of_a_name_in_any_case),
		cmocka_unit_test(buffers_of_another_device_are_nobodys),
		cmocka_unit_test(points_pass_in_order),
		cmocka_unit_test(buffers_beyond_what_a_shader_sees_are_refused),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
