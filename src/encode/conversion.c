// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/conversion.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "build_config.h"
#include "encode/closer.h"

#define LOG_MODULE "convert"
#include "base/log.h"

#define FENCE_WAIT_MS 100 /* a GPU that needs longer has hung */

#if !HAVE_VULKAN
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst, uint64_t drm, bool ahead)
{
	(void)dst, (void)ahead;
	*out = NULL;
	if (!drm)
		log_warn("built without Vulkan: nothing is converted on the GPU");
	return -ENODEV;
}

void conversion_gpu_close(struct conversion_gpu *g)
{
	(void)g;
}

int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst, uint64_t *copied)
{
	(void)g, (void)f, (void)dst, (void)copied;
	return -ENOTSUP;
}

bool conversion_gpu_busy(const struct conversion_gpu *g)
{
	(void)g;
	return false;
}

int conversion_gpu_submit(struct conversion_gpu *g, const struct frame *f, uint64_t *copied)
{
	(void)g, (void)f, (void)copied;
	return -ENOTSUP;
}

int conversion_gpu_receive(struct conversion_gpu *g, struct picture *dst, bool wait, uint64_t *copied)
{
	(void)g, (void)dst, (void)wait, (void)copied;
	return -ENOTSUP;
}

unsigned conversion_gpu_aside(const struct conversion_gpu *g)
{
	(void)g;
	return 0;
}

bool conversion_gpu_is(const struct conversion_gpu *g, uint64_t drm)
{
	(void)g, (void)drm;
	return false;
}

int conversion_gpu_share(struct conversion_gpu *g, bool on, const struct picture *dst)
{
	(void)g, (void)on, (void)dst;
	return -ENOTSUP;
}

int conversion_gpu_fetch(struct conversion_gpu *g, struct picture *dst)
{
	(void)g, (void)dst;
	return -ENOTSUP;
}

void conversion_gpu_importable(uint64_t drm, struct dmabuf_formats *out)
{
	(void)drm;
	out->n = 0;
}
#endif

static const char gpu_kind = 0; /* of what encode/closer.h closes */

/* One that hangs from another stream may hold whoever opens it. */
static int open_on(struct conversion *s, const struct picture *dst, uint64_t drm, bool ahead)
{
	if (closer_hangs(&gpu_kind, false)) {
		log_warn("a GPU hangs: none is opened for pictures");
		return -EBUSY;
	}
	return conversion_gpu_open(&s->gpu, dst, drm, ahead);
}

static bool gpu_open(struct conversion *s, const struct picture *dst)
{
	if (!s->gpu && !s->gpu_failed)
		s->gpu_failed = open_on(s, dst, 0, s->ahead) < 0;
	return !s->gpu_failed;
}

static void init(struct conversion *s, enum convert_where where, const struct picture *dst, bool ahead)
{
	*s = (struct conversion){.where = where, .ahead = ahead};
	scale_init(&s->scale);
	if (where == CONVERT_GPU && !gpu_open(s, dst))
		log_warn("pictures are converted on the CPU instead");
}

void conversion_init(struct conversion *s, enum convert_where where, const struct picture *dst)
{
	init(s, where, dst, false);
}

void conversion_init_ahead(struct conversion *s, enum convert_where where, const struct picture *dst)
{
	init(s, where, dst, true);
}

/* A device that is lost or hangs stays so, and what was there with it. */
static void gpu_is_lost(struct conversion *s, struct picture *dst)
{
	s->gpu_failed = true;
	if (!dst || !dst->share)
		return;
	dst->share = NULL;
	picture_fill_black(dst);
}

/* Of a GPU that failed: a frame that it was given. */
static void hold(struct conversion *s, struct frame *f)
{
	if (!conversion_gpu_busy(s->gpu))
		return;
	assert(s->n_held < CONVERSION_HELD_MAX);
	if (!s->n_held) {
		s->held_ns = clock_ns();
		log_warn("the GPU may still read the last frames: they stay out until it is done");
	}
	s->held[s->n_held++] = frame_ref(f);
}

static void let_go(struct conversion *s)
{
	while (s->n_held)
		frame_unref(s->held[--s->n_held], -1);
}

void conversion_tend(struct conversion *s, uint64_t now_ns)
{
	if (s->n_held && (!conversion_gpu_busy(s->gpu) || now_ns - s->held_ns >= CONVERSION_HOLD_NS))
		let_go(s);
}

static void close_gpu(void *what)
{
	conversion_gpu_close(what);
}

void conversion_finish(struct conversion *s)
{
	if (s->gpu && conversion_gpu_busy(s->gpu))
		closer_run(&gpu_kind, "GPU", close_gpu, s->gpu, CLOSER_GRACE_NS);
	else
		conversion_gpu_close(s->gpu);
	/* What is read of it now becomes nobody's picture, and its owner waits for it. */
	let_go(s);
	scale_finish(&s->scale);
	*s = (struct conversion){0};
}

/* Another encoder has to begin with something. */
static void fetch(struct conversion *s, struct picture *dst)
{
	int rc = s->gpu_failed ? -EIO : conversion_gpu_fetch(s->gpu, dst);

	picture_paint_all(dst);
	if (rc < 0) {
		log_errno(rc, "the newest picture was lost with the GPU");
		gpu_is_lost(s, dst);
		return;
	}
	dst->share = NULL;
	s->copied += picture_bytes(dst);
}

/* Whether what converts is where the encoder reads. */
static bool can_share(struct conversion *s, uint64_t drm, const struct picture *dst)
{
	if (!drm || s->where == CONVERT_CPU || s->gpu_failed || s->share_failed)
		return false;
	if (s->where == CONVERT_GPU)
		return gpu_open(s, dst);
	if (!s->gpu && open_on(s, dst, drm, false) < 0)
		s->share_failed = true;
	return s->gpu && conversion_gpu_is(s->gpu, drm);
}

void conversion_share(struct conversion *s, uint64_t drm, struct picture *dst)
{
	bool on = can_share(s, drm, dst);
	int rc;

	if (on == s->share)
		return;
	if (dst->share)
		fetch(s, dst);
	s->share = false;
	if (s->gpu_failed)
		return;
	rc = conversion_gpu_share(s->gpu, on, dst);
	s->share = on && rc == 0;
	s->share_failed = rc < 0;
	if (rc == -EIO || rc == -ETIMEDOUT)
		gpu_is_lost(s, dst);
}

static bool fence_passed(const struct frame *f)
{
	struct pollfd fd = {.fd = f->acquire_fence, .events = POLLIN};

	return f->acquire_fence < 0 || poll(&fd, 1, FENCE_WAIT_MS) == 1;
}

static bool cpu_can(const struct frame *f)
{
	return f->map[0] && (f->modifier == MODIFIER_LINEAR || f->modifier == MODIFIER_INVALID) &&
	       convert_supports(f->fourcc);
}

void conversion_importable(enum convert_where where, uint64_t drm, struct dmabuf_formats *out)
{
	out->n = 0;
	if (where == CONVERT_GPU || (where == CONVERT_AUTO && drm))
		conversion_gpu_importable(where == CONVERT_AUTO ? drm : 0, out);
}

static bool wants_gpu(const struct conversion *s, const struct frame *f, const struct picture *dst)
{
	return s->where == CONVERT_GPU ||
	       (s->where == CONVERT_AUTO && (!cpu_can(f) || s->share || f->colour.pq != dst->pq));
}

/* After an error of the GPU: whether it is the CPU's turn. dst: NULL: nothing is made yet. */
static bool falls_back(struct conversion *s, struct frame *f, struct picture *dst, int err)
{
	const bool readable = cpu_can(f);

	if (err == -EIO || err == -ETIMEDOUT) {
		gpu_is_lost(s, dst);
		hold(s, f);
		log_err("the GPU failed%s", readable ? ": pictures are converted on the CPU from now on" : "");
	}
	if (err == -ENOTSUP && !readable)
		frame_refuse(f, false);
	return readable || s->gpu_failed;
}

int conversion_on_cpu(struct conversion *s, struct frame *f, struct picture *dst)
{
	int rc;

	s->on_gpu = false;
	if (!cpu_can(f)) {
		frame_refuse(f, true);
		return -ENOTSUP;
	}
	rc = scale_run(&s->scale, f, dst);
	if (rc < 0)
		return rc;
	dst->share = NULL;
	s->copied += (uint64_t)f->plane[0].stride * f->height;
	return 0;
}

int conversion_run(struct conversion *s, struct frame *f, struct picture *dst)
{
	int rc;

	if (!fence_passed(f))
		return -ETIMEDOUT;
	s->on_gpu = wants_gpu(s, f, dst);
	if (s->on_gpu && gpu_open(s, dst)) {
		picture_paint_all(dst);
		rc = conversion_gpu_run(s->gpu, f, dst, &s->copied);
		if (rc == 0 || !falls_back(s, f, dst, rc))
			return rc;
	}
	return conversion_on_cpu(s, f, dst);
}

int conversion_submit(struct conversion *s, struct frame *f, const struct picture *dst)
{
	int rc;

	if (!fence_passed(f))
		return -ETIMEDOUT;
	if (!wants_gpu(s, f, dst) || !gpu_open(s, dst))
		return CONVERSION_CPU;
	rc = conversion_gpu_submit(s->gpu, f, &s->copied);
	if (rc == 0)
		return CONVERSION_GPU;
	return rc == -ENOBUFS || !falls_back(s, f, NULL, rc) ? rc : CONVERSION_CPU;
}

int conversion_receive(struct conversion *s, struct frame *f, struct picture *dst, bool wait)
{
	int rc;

	/* What is aside outlives the GPU. */
	if (f && s->gpu_failed) {
		hold(s, f);
		return conversion_on_cpu(s, f, dst);
	}
	picture_paint_all(dst);
	rc = conversion_gpu_receive(s->gpu, dst, wait, &s->copied);
	s->on_gpu = rc == 0;
	if (rc == 0 || rc == -EAGAIN || !f)
		return rc;
	/* The ring is of no use any more, whatever it says. */
	falls_back(s, f, dst, rc == -ETIMEDOUT ? rc : -EIO);
	return conversion_on_cpu(s, f, dst);
}

unsigned conversion_aside(const struct conversion *s)
{
	return s->gpu ? conversion_gpu_aside(s->gpu) : 0;
}

int conversion_cursor(struct conversion *s, struct frame *f, struct picture *dst)
{
	int rc;

	/* The GPU makes all of it, from what it was given (conversion_gpu.c). */
	if (s->on_gpu || !cpu_can(f))
		return conversion_run(s, f, dst);
	if (!fence_passed(f))
		return -ETIMEDOUT;
	s->copied += (uint64_t)s->scale.drawn.w * s->scale.drawn.h * 4; /* what it was over */
	rc = scale_cursor(&s->scale, f, dst);
	s->copied += (uint64_t)s->scale.drawn.w * s->scale.drawn.h * 4;
	return rc;
}
