// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_NS (60 * NS_PER_S)

struct gpu_device *rig_device(void)
{
	struct gpu_device *dev;
	int rc = gpu_device_open(&dev, &(struct gpu_choice){.wish = getenv("MOONRILL_TEST_GPU")});

	if (rc == -ENODEV) {
		printf("1..0 # SKIP no Vulkan device here\n");
		exit(0);
	}
	assert_int_equal(rc, 0);
	return dev;
}

void rig_image_becomes(VkCommandBuffer cmd, VkImage image, VkImageLayout from, VkImageLayout to,
		       const struct gpu_device *giver)
{
	const uint32_t taker = giver && giver->foreign ? VK_QUEUE_FAMILY_FOREIGN_EXT : VK_QUEUE_FAMILY_EXTERNAL;
	const VkImageMemoryBarrier2 b = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
		.srcStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		.srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT,
		.dstStageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
		.dstAccessMask = VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT,
		.oldLayout = from,
		.newLayout = to,
		.srcQueueFamilyIndex = giver ? giver->family : VK_QUEUE_FAMILY_IGNORED,
		.dstQueueFamilyIndex = giver ? taker : VK_QUEUE_FAMILY_IGNORED,
		.image = image,
		.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
	};
	const VkDependencyInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.imageMemoryBarrierCount = 1,
		.pImageMemoryBarriers = &b,
	};

	vkCmdPipelineBarrier2(cmd, &info);
}

void source_init(struct source *s, uint32_t fourcc, unsigned width, unsigned height, unsigned extra_stride)
{
	static uint64_t id;
	const unsigned stride = width * gpu_source_format(fourcc)->bytes + extra_stride;
	int fd = memfd_create("source", MFD_CLOEXEC);

	s->size = ((size_t)stride * height + 4095) & ~(size_t)4095;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)s->size), 0);
	s->pixels = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(s->pixels != MAP_FAILED);
	s->frame = (struct frame){
		.width = width,
		.height = height,
		.fourcc = fourcc,
		.n_planes = 1,
		.modifier = MODIFIER_LINEAR,
		.buffer_id = ++id,
		.plane = {{.fd = fd, .stride = stride}},
		.map = {s->pixels},
		.crop = {.w = width, .h = height},
		.acquire_fence = -1,
	};
}

void source_finish(struct source *s)
{
	munmap(s->pixels, s->size);
	close(s->frame.plane[0].fd);
}

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 32);
}

void source_random(struct source *s, uint64_t seed)
{
	const bool halves = gpu_source_format(s->frame.fourcc)->kind == GPU_HALF;

	for (size_t i = 0; i < s->size; i += 2) {
		uint32_t v = next(&seed);

		/* Sign, exponent, fraction: below 4, seldom negative and then small. */
		if (halves)
			v = v & 0x70000 ? (v & 0x3ff) | (v >> 20 & 15) % 17 << 10 : 0x8000 | (v & 0x2bff) % 0x2e00;
		s->pixels[i] = (uint8_t)v;
		s->pixels[i + 1] = (uint8_t)(v >> 8);
	}
}

void chain_init(struct chain *c, struct gpu_device *dev, enum gpu_format format, unsigned width, unsigned height,
		enum colour_space space, bool full_range, bool pq)
{
	*c = (struct chain){.dev = dev, .target = {.space = space, .full_range = full_range, .pq = pq}};
	assert_int_equal(gpu_layout_init(&c->target.layout, format, width, height), 0);
	import_init(&c->imports, dev);
	upload_init(&c->upload, dev, 2, NULL);
	assert_int_equal(gpu_convert_init(&c->convert, dev, &c->target), 0);
	assert_int_equal(readback_create(&c->ring, dev,
					 &(struct readback_params){
						 .format = format,
						 .width = width,
						 .height = height,
						 .slots = 2,
					 }),
			 0);
}

void chain_finish(struct chain *c)
{
	readback_destroy(c->ring);
	upload_finish(&c->upload);
	import_finish(&c->imports);
	gpu_convert_finish(&c->convert);
}

struct pass {
	struct chain *c;
	struct gpu_source source;
	struct gpu_geometry geometry;
	const struct gpu_cursor *cursor;
};

static int record(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct pass *p = ctx;

	return gpu_convert_record(&p->c->convert, cmd, &p->source, &p->geometry, p->cursor, dst);
}

struct readback_picture *chain_run(struct chain *c, const struct frame *f, const struct gpu_geometry *g,
				   const struct gpu_cursor *cursor)
{
	struct gpu_cursor moved = cursor ? *cursor : (struct gpu_cursor){0};
	struct pass p = {.c = c, .geometry = *g, .cursor = &moved};
	struct readback_picture *out;
	uint64_t point;

	assert_int_equal(upload_frame(&c->upload, f, &p.geometry.visible, &p.source), 0);
	/* The cursor goes with the part that was uploaded. */
	moved.x -= g->visible.x - p.geometry.visible.x;
	moved.y -= g->visible.y - p.geometry.visible.y;
	assert_int_equal(readback_try_submit(c->ring, record, &p, NULL, &point), 0);
	upload_used(&c->upload, point);
	assert_int_equal(readback_wait(c->ring, PATIENCE_NS), 0);
	assert_int_equal(readback_try_recv(c->ring, &out), 0);
	return out;
}
