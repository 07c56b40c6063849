// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A GPU that hangs, and waits for it that fail: calls of Vulkan that this program answers itself. What the GPU may
 * still write stays until it is idle, and no picture is taken for another.
 */
#include "rig.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "encode/closer.h"
#include "encode/conversion.h"

#define W 96
#define H 64

static struct gpu_device *dev; /* only to know whether there is one */
static atomic_bool hung;       /* nothing is ever done, until the device is waited for as a whole */
static unsigned failing_waits; /* the next so many waits find no memory */
static bool fail_any;          /* else only looks, which do not wait */
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
	if (failing_waits && (fail_any || !timeout)) {
		failing_waits--;
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
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
	failing_waits = 0;
	freed = 0;
	fail_any = false;
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

/* Each frame is of one brightness. */
static void assert_shows(uint8_t grey)
{
	const struct picture_share *share;
	uint8_t *seen;

	memset(source.pixels, grey, source.size);
	assert_int_equal(conversion_run(&conversion, &source.frame, &picture), 0);
	share = picture.share;
	seen = share ? mmap(NULL, share->size, PROT_READ, MAP_SHARED, share->fd, 0) : picture.luma;
	assert_true(seen != MAP_FAILED);
	assert_in_range(*seen, 16 + grey * 219 / 255 - 2, 16 + grey * 219 / 255 + 2);
	if (share)
		munmap(seen, share->size);
}

/* One that could not be waited for is still on its way, and none that follows may be taken for it. */
static void goes_on_in_time(void)
{
	assert_shows(50);
	failing_waits = 1;
	memset(source.pixels, 100, source.size);
	conversion_run(&conversion, &source.frame, &picture);
	assert_int_equal(failing_waits, 0);
	assert_shows(150);
	assert_shows(200);
	finish();
}

static void no_picture_is_late_when_a_wait_failed(void **state)
{
	(void)state;
	goes_on_in_time();
}

static void nor_one_that_is_shared(void **state)
{
	(void)state;
	if (!import_possible(dev, MODIFIER_LINEAR))
		skip();
	conversion_share(&conversion, 1, &picture);
	fail_any = true;
	goes_on_in_time();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_shared_buffer_that_is_still_painted_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shared_buffer_that_is_still_written_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(what_brings_pictures_back_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(no_picture_is_late_when_a_wait_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(nor_one_that_is_shared, setup, teardown),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
