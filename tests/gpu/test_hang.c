// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion step on a GPU that hangs until it is told: what is submitted waits for a semaphore of ours. The
 * functions of libvulkan below stand in front of the loader's.
 */
#include "rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "encode/closer.h"
#include "encode/conversion.h"

#define W 96
#define H 64

static VkDevice device;
static VkSemaphore gate; /* counts the times that it was opened */
static uint64_t opened;
static bool closed;

#define REAL(name) ((PFN_##name)dlsym(RTLD_NEXT, #name))

VKAPI_ATTR VkResult VKAPI_CALL vkCreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
					      const VkAllocationCallbacks *alloc, VkDevice *out)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo sem = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
	VkResult r = REAL(vkCreateDevice)(physical, info, alloc, out);

	if (r != VK_SUCCESS)
		return r;
	device = *out;
	opened = 0;
	return vkCreateSemaphore(device, &sem, NULL, &gate);
}

VKAPI_ATTR void VKAPI_CALL vkDestroyDevice(VkDevice d, const VkAllocationCallbacks *alloc)
{
	vkDestroySemaphore(d, gate, NULL);
	REAL(vkDestroyDevice)(d, alloc);
}

VKAPI_ATTR VkResult VKAPI_CALL vkQueueSubmit2(VkQueue queue, uint32_t n, const VkSubmitInfo2 *submits, VkFence fence)
{
	const VkSemaphoreSubmitInfo wait = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = gate,
		.value = opened + 1,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	VkSubmitInfo2 one = submits[0];

	assert_int_equal(n, 1);
	assert_int_equal(one.waitSemaphoreInfoCount, 0);
	if (closed) {
		one.waitSemaphoreInfoCount = 1;
		one.pWaitSemaphoreInfos = &wait;
	}
	return REAL(vkQueueSubmit2)(queue, 1, &one, fence);
}

static void open_gate(void)
{
	const VkSemaphoreSignalInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
		.semaphore = gate,
		.value = ++opened,
	};

	closed = false;
	assert_int_equal(vkSignalSemaphore(device, &info), VK_SUCCESS);
}

static atomic_uint given_back;

static void on_release(struct frame *f, int fence_fd)
{
	(void)f;
	assert_int_equal(fence_fd, -1);
	atomic_fetch_add(&given_back, 1);
}

/* As the encode thread: one reference, dropped behind the conversion. */
static int run(struct conversion *s, struct source *src, struct picture *p)
{
	int rc;

	src->frame.release = on_release;
	atomic_init(&src->frame.refs, 1);
	rc = conversion_run(s, &src->frame, p);
	frame_unref(&src->frame, -1);
	return rc;
}

static void begin(struct conversion *s, struct source *src, struct picture *p)
{
	atomic_store(&given_back, 0);
	assert_int_equal(picture_init(p, W, H, COLOUR_BT709, false), 0);
	source_init(src, FOURCC_XRGB8888, W, H, 0);
	source_random(src, 1);
	conversion_init(s, CONVERT_GPU, p);
	assert_int_equal(run(s, src, p), 0);
	assert_int_equal(conversion_by(s), CONVERTER_GPU);
	assert_int_equal(atomic_load(&given_back), 1);
	closed = true;
	assert_int_equal(run(s, src, p), 0); /* by the CPU, which can read it */
	assert_int_equal(conversion_by(s), CONVERTER_GPU_FAILED);
	assert_int_equal(atomic_load(&given_back), 1);
}

static void a_frame_stays_out_until_the_gpu_has_read_it(void **state)
{
	struct conversion s;
	struct source src;
	struct picture p;

	(void)state;
	begin(&s, &src, &p);
	conversion_tend(&s, clock_ns());
	assert_int_equal(atomic_load(&given_back), 1);
	open_gate();
	while (s.n_held) {
		conversion_tend(&s, clock_ns());
		clock_sleep_until(clock_ns() + NS_PER_MS);
	}
	assert_int_equal(atomic_load(&given_back), 2);
	conversion_finish(&s);
	assert_true(closer_finish());
	picture_finish(&p);
	source_finish(&src);
}

static void a_stream_ends_while_the_gpu_hangs(void **state)
{
	struct conversion s, next;
	struct source src;
	struct picture p;

	(void)state;
	begin(&s, &src, &p);
	conversion_finish(&s);
	assert_int_equal(atomic_load(&given_back), 2);
	assert_false(closer_finish());
	while (!closer_hung())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	/* The next one is not brought there. */
	conversion_init(&next, CONVERT_GPU, &p);
	assert_int_equal(conversion_by(&next), CONVERTER_GPU_FAILED);
	conversion_finish(&next);
	open_gate();
	while (closer_look())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	picture_finish(&p);
	source_finish(&src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_stays_out_until_the_gpu_has_read_it),
		cmocka_unit_test(a_stream_ends_while_the_gpu_hangs),
	};

	gpu_device_close(rig_device());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
