// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The GPU's side of a stream, on the device that the machine has (MOONRILL_TEST_GPU: part of its name): a copy within
 * the device's memory and the conversion of BGRx to NV12 in turn, by the GPU's own clock; then the readback ring as a
 * stream uses it: how long the submitting thread is held up, how many frames later a picture is there, what comes back
 * a second, alone and with the upload of the frame in front. JSON. Arguments: width height rounds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gpu/convert.h"
#include "gpu/readback.h"
#include "gpu/upload.h"

#define BATCH 16 /* of one kind in one submission, between two time stamps */

#define PATIENCE_NS (120 * NS_PER_S)

static struct gpu_device *dev;
static unsigned width = 3840, height = 2160, rounds = 31;

static void die(const char *what, int rc)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

/* --- copy and conversion --- */

struct work {
	VkCommandBuffer cmd;
	VkQueryPool stamps;
	struct gpu_buffer from, to, picture;
	struct gpu_convert convert;
	struct gpu_source source;
	struct gpu_geometry geometry;
};

static void record_copies(struct work *w)
{
	const VkBufferCopy all = {.size = w->from.size};

	for (unsigned i = 0; i < BATCH; i++) {
		vkCmdCopyBuffer(w->cmd, w->from.vk, w->to.vk, 1, &all);
		gpu_barrier(w->cmd, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
			    VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT);
	}
}

/* Nanoseconds of one, by the GPU's clock or, where it has none, by ours. */
static double run(struct work *w, bool convert)
{
	uint64_t stamp[2], point, t0;
	int rc = gpu_commands_begin(w->cmd);

	if (rc < 0)
		die("commands", rc);
	if (dev->ns_per_tick > 0) {
		vkCmdResetQueryPool(w->cmd, w->stamps, 0, 2);
		vkCmdWriteTimestamp2(w->cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, w->stamps, 0);
	}
	if (!convert)
		record_copies(w);
	for (unsigned i = 0; convert && i < BATCH; i++) {
		rc = gpu_convert_record(&w->convert, w->cmd, &w->source, &w->geometry, NULL, w->picture.vk);
		if (rc < 0)
			die("convert", rc);
	}
	if (dev->ns_per_tick > 0)
		vkCmdWriteTimestamp2(w->cmd, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, w->stamps, 1);
	t0 = clock_ns();
	rc = gpu_submit(dev, w->cmd, &point);
	if (rc == 0)
		rc = gpu_wait(dev, point, PATIENCE_NS);
	if (rc < 0)
		die("submit", rc);
	if (dev->ns_per_tick <= 0)
		return (double)(clock_ns() - t0) / BATCH;
	vkGetQueryPoolResults(dev->vk, w->stamps, 0, 2, sizeof(stamp), stamp, sizeof(stamp[0]),
			      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
	return (double)(stamp[1] - stamp[0]) * (double)dev->ns_per_tick / BATCH;
}

static void measure_pass(const struct gpu_target *target)
{
	const VkQueryPoolCreateInfo stamps = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = 2,
	};
	const size_t frame = (size_t)width * height * 4, nv12 = (size_t)width * height * 3 / 2;
	/* A copy that moves as many bytes as the conversion, so that a cache treats both alike. */
	const size_t copied = (frame + nv12) / 2 & ~(size_t)63;
	struct work w = {
		.geometry = {.visible = {.w = width, .h = height}, .w = (uint16_t)width, .h = (uint16_t)height}};
	struct gpu_buffer source;
	double *copy_ns = calloc(rounds, sizeof(*copy_ns)), *convert_ns = calloc(rounds, sizeof(*convert_ns));
	double copy, convert;
	int rc = gpu_commands_init(dev, &w.cmd);

	if (!copy_ns || !convert_ns || rc < 0 || vkCreateQueryPool(dev->vk, &stamps, NULL, &w.stamps) != VK_SUCCESS)
		die("commands", -ENOMEM);
	if ((rc = gpu_buffer_init(dev, &w.from, GPU_BUFFER_DEVICE, copied)) < 0 ||
	    (rc = gpu_buffer_init(dev, &w.to, GPU_BUFFER_DEVICE, copied)) < 0 ||
	    (rc = gpu_buffer_init(dev, &source, GPU_BUFFER_DEVICE, frame)) < 0 ||
	    (rc = gpu_buffer_init(dev, &w.picture, GPU_BUFFER_DEVICE, target->layout.size)) < 0 ||
	    (rc = gpu_convert_init(&w.convert, dev, target)) < 0)
		die("buffers", rc);
	w.source = (struct gpu_source){
		.format = gpu_source_format(FOURCC_XRGB8888),
		.width = width,
		.height = height,
		.buffer = source.vk,
		.size = frame,
		.stride = width * 4,
	};
	run(&w, true);
	run(&w, false);
	for (unsigned i = 0; i < rounds; i++) {
		copy_ns[i] = run(&w, false);
		convert_ns[i] = run(&w, true);
	}
	copy = median(copy_ns, rounds);
	convert = median(convert_ns, rounds);
	/* Bytes that are read and written. */
	printf("  \"copy_us\": %.1f, \"copy_gb_s\": %.1f,\n", copy / 1e3, 2 * (double)copied / copy);
	printf("  \"convert_us\": %.1f, \"convert_gb_s\": %.1f, \"share_of_copy\": %.3f,\n", convert / 1e3,
	       (double)(frame + nv12) / convert, (double)(frame + nv12) / convert / (2 * (double)copied / copy));
	free(copy_ns);
	free(convert_ns);
	gpu_convert_finish(&w.convert);
	gpu_buffer_finish(dev, &w.from);
	gpu_buffer_finish(dev, &w.to);
	gpu_buffer_finish(dev, &source);
	gpu_buffer_finish(dev, &w.picture);
	vkDestroyQueryPool(dev->vk, w.stamps, NULL);
	gpu_commands_finish(dev, &w.cmd);
}

/* --- the ring --- */

struct pass {
	struct gpu_convert convert;
	struct gpu_source source;
	struct gpu_geometry geometry;
};

static int record(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct pass *p = ctx;

	return gpu_convert_record(&p->convert, cmd, &p->source, &p->geometry, NULL, dst);
}

/* Frames as fast as they go: submit, receive what is ready, skip nothing. */
static void measure_ring(const struct gpu_target *target, struct upload *up, const struct frame *f, bool upload_each)
{
	const unsigned slots = 3, frames = rounds * 4;
	struct pass p = {
		.geometry = {.visible = {.w = width, .h = height}, .w = (uint16_t)width, .h = (uint16_t)height}};
	double *stall = calloc(frames, sizeof(*stall)), *upload = calloc(frames, sizeof(*upload));
	struct gpu_layout l = target->layout;
	uint8_t *mem = malloc(l.size);
	struct readback_planes planes;
	uint64_t t0, index, point, lag = 0, got = 0, full = 0;
	struct rect visible = p.geometry.visible;
	struct readback *r;
	int rc = readback_create(
		&r, dev,
		&(struct readback_params){.format = l.format, .width = width, .height = height, .slots = slots});

	if (rc == 0)
		rc = gpu_convert_init(&p.convert, dev, target);
	if (rc == 0)
		rc = upload_frame(up, f, &visible, &p.source);
	if (rc < 0 || !mem || !stall || !upload)
		die("ring", rc < 0 ? rc : -ENOMEM);
	for (unsigned i = 0; i < l.n_planes; i++) {
		planes.data[i] = mem + l.plane[i].offset;
		planes.stride[i] = l.plane[i].stride;
	}
	/* Warm. */
	for (unsigned i = 0; i < 2 * slots; i++) {
		rc = readback_try_submit(r, record, &p, NULL, NULL);
		if (rc < 0 || readback_wait(r, PATIENCE_NS) < 0 || readback_try_recv_into(r, &planes, NULL) < 0)
			die("warm-up", rc < 0 ? rc : -EIO);
	}
	t0 = clock_ns();
	for (unsigned i = 0; got < frames;) {
		if (i < frames) {
			uint64_t a = clock_ns(), b;

			if (upload_each && readback_pending(r) < slots) {
				visible = p.geometry.visible;
				rc = upload_frame(up, f, &visible, &p.source);
				if (rc < 0 && rc != -EBUSY)
					die("upload", rc);
			}
			b = clock_ns();
			rc = readback_try_submit(r, record, &p, NULL, &point);
			if (rc == 0) {
				stall[i] = (double)(clock_ns() - b);
				upload[i++] = (double)(b - a);
				if (upload_each)
					upload_used(up, point);
			} else if (rc == READBACK_RING_FULL) {
				full++;
				readback_wait(r, PATIENCE_NS);
			} else {
				die("submit", rc);
			}
		} else {
			readback_wait(r, PATIENCE_NS);
		}
		while ((rc = readback_try_recv_into(r, &planes, &index)) == 0) {
			lag += readback_submitted(r) - 1 - index;
			got++;
		}
		if (rc != READBACK_EMPTY)
			die("receive", rc);
	}
	t0 = clock_ns() - t0;
	printf("  \"%s\": {\"slots\": %u, \"frames\": %u, \"frames_s\": %.1f, \"gb_s\": %.2f, \"latency_frames\": "
	       "%.2f, "
	       "\"ring_full\": %llu,\n    \"submit_us\": {\"median\": %.1f, ",
	       upload_each ? "upload_convert_readback" : "convert_readback", slots, frames, frames * 1e9 / (double)t0,
	       (double)l.size * frames / (double)t0, (double)lag / frames, (unsigned long long)full,
	       median(stall, frames) / 1e3);
	printf("\"p99\": %.1f, \"max\": %.1f}", stall[frames * 99 / 100] / 1e3, stall[frames - 1] / 1e3);
	if (upload_each)
		printf(", \"upload_us\": %.1f, \"upload_gb_s\": %.2f", median(upload, frames) / 1e3,
		       (double)width * height * 4 / median(upload, frames));
	printf("}%s\n", upload_each ? "" : ",");
	readback_destroy(r);
	gpu_convert_finish(&p.convert);
	free(mem);
	free(stall);
	free(upload);
}

int main(int argc, char **argv)
{
	struct gpu_target target = {.space = COLOUR_BT709};
	struct upload up;
	struct frame f;
	uint8_t *pixels;
	int rc;

	if (argc > 3) {
		width = (unsigned)atoi(argv[1]) & ~3u;
		height = (unsigned)atoi(argv[2]) & ~1u;
		rounds = (unsigned)atoi(argv[3]);
	}
	rc = gpu_device_open(&dev, &(struct gpu_choice){.wish = getenv("MOONRILL_TEST_GPU")});
	if (rc == -ENODEV)
		return 77;
	if (rc < 0 || !rounds || gpu_layout_init(&target.layout, GPU_NV12, width, height) < 0)
		die("device", rc < 0 ? rc : -EINVAL);
	pixels = malloc((size_t)width * height * 4);
	if (!pixels)
		die("memory", -ENOMEM);
	memset(pixels, 0x5a, (size_t)width * height * 4);
	f = (struct frame){
		.width = width,
		.height = height,
		.fourcc = FOURCC_XRGB8888,
		.n_planes = 1,
		.modifier = MODIFIER_LINEAR,
		.plane = {{.fd = -1, .stride = width * 4}},
		.map = {pixels},
		.acquire_fence = -1,
	};
	upload_init(&up, dev, 4, NULL);
	printf("{\n  \"device\": \"%s\", \"width\": %u, \"height\": %u,\n", dev->name, width, height);
	measure_pass(&target);
	measure_ring(&target, &up, &f, false);
	measure_ring(&target, &up, &f, true);
	printf("}\n");
	upload_finish(&up);
	free(pixels);
	gpu_device_close(dev);
	return 0;
}
