// SPDX-License-Identifier: GPL-3.0-or-later
#include "conversion_rig.h"

#include <errno.h>
#include <string.h>

struct conversion_gpu {
	int unused;
};

static struct conversion_gpu the_gpu;
struct rig_gpu gpu;
const struct picture_share gpu_share = {.fd = -1, .id = 1};

/* In place of conversion_gpu.c. */
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *p, uint64_t drm, bool ahead)
{
	int rc = drm && drm != gpu.node ? -ENODEV : gpu.open_rc;

	(void)p;
	gpu.ahead = ahead;
	gpu.opens++;
	*out = rc ? NULL : &the_gpu;
	return rc;
}

void conversion_gpu_close(struct conversion_gpu *g)
{
	while (g && gpu.close_hangs)
		clock_sleep_until(clock_ns() + NS_PER_MS);
	gpu.closes += g != NULL;
}

bool conversion_gpu_busy(const struct conversion_gpu *g)
{
	assert_ptr_equal(g, &the_gpu);
	return gpu.busy;
}

void conversion_gpu_importable(uint64_t drm, struct dmabuf_formats *out)
{
	out->n = drm ? drm == gpu.node : 2;
}

bool conversion_gpu_is(const struct conversion_gpu *g, uint64_t drm)
{
	assert_ptr_equal(g, &the_gpu);
	return drm == gpu.node;
}

int conversion_gpu_share(struct conversion_gpu *g, bool on, const struct picture *p)
{
	(void)p;
	assert_ptr_equal(g, &the_gpu);
	assert_int_not_equal(on, gpu.sharing);
	while (gpu.holds)
		rig_sleep_ms(1);
	if (on && gpu.share_rc)
		return gpu.share_rc;
	gpu.sharing = on;
	gpu.shares += on;
	return 0;
}

int conversion_gpu_fetch(struct conversion_gpu *g, struct picture *p)
{
	assert_ptr_equal(g, &the_gpu);
	assert_true(gpu.sharing);
	assert_ptr_equal(p->share, &gpu_share);
	gpu.fetches++;
	rig_sleep_ms((unsigned)gpu.fetch_ms);
	if (!gpu.fetch_rc)
		memset(p->luma, KEPT, p->stride);
	return gpu.fetch_rc;
}

static bool fails(void)
{
	gpu.runs++;
	return gpu.fails_from ? gpu.runs >= gpu.fails_from : gpu.run_rc;
}

unsigned conversion_gpu_aside(const struct conversion_gpu *g)
{
	assert_ptr_equal(g, &the_gpu);
	return gpu.pending > CONVERSION_GPU_SLOTS ? (unsigned)gpu.pending - CONVERSION_GPU_SLOTS : 0;
}

int conversion_gpu_submit(struct conversion_gpu *g, const struct frame *f, uint64_t *copied)
{
	(void)f, (void)copied;
	assert_ptr_equal(g, &the_gpu);
	assert_true(gpu.ahead);
	if (gpu.pending == CONVERSION_GPU_AHEAD)
		return -ENOBUFS;
	if (fails())
		return gpu.run_rc;
	gpu.pending++;
	return 0;
}

int conversion_gpu_receive(struct conversion_gpu *g, struct picture *p, bool wait, uint64_t *copied)
{
	assert_true(gpu.ahead && gpu.pending);
	/* What is aside is there, whatever became of the GPU. */
	if (!conversion_gpu_aside(g)) {
		if (gpu.receive_rc)
			return gpu.receive_rc;
		if (!wait && gpu.late)
			return -EAGAIN;
	}
	gpu.pending--;
	*copied += 1;
	memset(p->luma, DONE + gpu.received++, p->stride);
	return 0;
}

int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *p, uint64_t *copied)
{
	(void)f;
	assert_ptr_equal(g, &the_gpu);
	assert_false(gpu.ahead);
	if (fails())
		return gpu.run_rc;
	if (gpu.sharing) {
		p->share = &gpu_share;
		return 0;
	}
	*copied += 1;
	memset(p->luma, DONE, p->stride);
	return 0;
}

static uint32_t pixels[W * H];
struct picture dst;
struct conversion conversion;

static void refuse(struct frame *f, bool all_dmabufs)
{
	(void)f;
	gpu.refused_one += !all_dmabufs;
	gpu.refused_all += all_dmabufs;
}

struct frame rig_frame(bool mapped)
{
	return (struct frame){
		.width = W,
		.height = H,
		.fourcc = FOURCC_XRGB8888,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = W * 4},
		.map[0] = mapped ? pixels : NULL,
		.acquire_fence = -1,
		.refuse = refuse,
	};
}

int rig_setup(void **state)
{
	(void)state;
	gpu = (struct rig_gpu){.node = NODE};
	rig_convert = CONVERT_AUTO;
	memset(pixels, 0xff, sizeof(pixels));
	return picture_init(&dst, W, H, COLOUR_BT709, false);
}

int rig_teardown(void **state)
{
	(void)state;
	picture_finish(&dst);
	return 0;
}

int rig_run(bool mapped)
{
	struct frame f = rig_frame(mapped);

	memset(dst.luma, 0, dst.stride);
	return conversion_run(&conversion, &f, &dst);
}

void rig_assert_by_cpu(void)
{
	assert_int_equal(dst.luma[0], 235);
	assert_false(conversion.on_gpu);
}
