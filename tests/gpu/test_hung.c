// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A GPU that hangs: calls of Vulkan that this program answers itself. What it may still write stays until it is idle.
 */
#include "rig.h"

#include <dlfcn.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "encode/closer.h"
#include "encode/conversion.h"

#define W 96
#define H 64

static struct gpu_device *dev; /* only to know whether there is one */
static atomic_bool hung;       /* nothing is ever done, until the device is waited for as a whole */
static atomic_uint freed;      /* buffers and memory, while it hung */

static void *real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	assert_non_null(fn);
	return fn;
}

VkResult vkWaitSemaphores(VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
	if (hung)
		return VK_TIMEOUT;
	return ((PFN_vkWaitSemaphores)real("vkWaitSemaphores"))(device, info, timeout);
}

VkResult vkGetSemaphoreCounterValue(VkDevice device, VkSemaphore semaphore, uint64_t *value)
{
	VkResult r = ((PFN_vkGetSemaphoreCounterValue)real("vkGetSemaphoreCounterValue"))(device, semaphore, value);

	if (hung)
		*value = 0;
	return r;
}

VkResult vkDeviceWaitIdle(VkDevice device)
{
	hung = false;
	return ((PFN_vkDeviceWaitIdle)real("vkDeviceWaitIdle"))(device);
}

void vkDestroyBuffer(VkDevice device, VkBuffer buffer, const VkAllocationCallbacks *a)
{
	freed += hung;
	((PFN_vkDestroyBuffer)real("vkDestroyBuffer"))(device, buffer, a);
}

void vkFreeMemory(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks *a)
{
	freed += hung;
	((PFN_vkFreeMemory)real("vkFreeMemory"))(device, memory, a);
}

static struct conversion conversion;
static struct picture picture;
static struct source source;

static int setup(void **state)
{
	(void)state;
	hung = false;
	freed = 0;
	assert_int_equal(picture_init(&picture, W, H, COLOUR_BT709, false), 0);
	conversion_init(&conversion, CONVERT_GPU, &picture);
	source_init(&source, FOURCC_XRGB8888, W, H, 0);
	atomic_store(&source.frame.refs, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	source_finish(&source);
	picture_finish(&picture);
	return 0;
}

/* A GPU that is still at work is closed by a thread of its own. */
static void finish(void)
{
	conversion_finish(&conversion);
	while (closer_look())
		clock_sleep_until(clock_ns() + NS_PER_MS);
}

/* Its end is that of the hang as well. */
static void assert_all_stays_until_the_end(void)
{
	assert_int_equal(conversion_by(&conversion), CONVERTER_GPU_FAILED);
	assert_true(hung);
	finish();
	assert_false(hung);
	assert_int_equal(freed, 0);
}

static void a_shared_buffer_that_is_still_painted_stays(void **state)
{
	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR))
		skip();
	hung = true;
	conversion_share(&conversion, 1, &picture);
	assert_all_stays_until_the_end();
}

static void a_shared_buffer_that_is_still_written_stays(void **state)
{
	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR))
		skip();
	conversion_share(&conversion, 1, &picture);
	assert_int_equal(conversion_run(&conversion, &source.frame, &picture), 0);
	assert_non_null(picture.share);
	picture.share = NULL;
	hung = true;
	conversion_share(&conversion, 0, &picture);
	assert_all_stays_until_the_end();
}

static void what_brings_pictures_back_stays(void **state)
{
	(void)state;
	hung = true;
	/* The CPU makes this one. */
	assert_int_equal(conversion_run(&conversion, &source.frame, &picture), 0);
	assert_all_stays_until_the_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_shared_buffer_that_is_still_painted_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shared_buffer_that_is_still_written_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_brings_pictures_back_stays, setup, teardown),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
