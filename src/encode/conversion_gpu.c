// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Conversion on a GPU: the frame goes up or is imported, the pass makes the picture, and the ring brings it back for
 * encoders that take memory; for others it stays in a dma-buf. The encode thread waits for it, as it waits for the
 * CPU's conversion: no frame of latency is added, nobody upstream waits, and encoders need no fence. For recordings
 * several are under way: while the GPU makes one the next goes up and the last comes back.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "encode/conversion.h"
#include "gpu/convert.h"
#include "gpu/readback.h"
#include "gpu/shared.h"
#include "gpu/upload.h"

#define LOG_MODULE "convert"
#include "base/log.h"

#define SLOTS     CONVERSION_GPU_SLOTS
#define STASH     (CONVERSION_GPU_AHEAD - SLOTS)
#define HUNG_NS   (2 * NS_PER_S)
#define AHEAD_NS  (10 * NS_PER_S)   /* the same where nobody waits at the other end */
#define FETCH_NS  (300 * NS_PER_MS) /* within the second that another encoder has to take over */
#define WRITER_MS 100               /* for whoever still draws into a dma-buf */

struct conversion_gpu {
	struct gpu_device *dev;
	struct import_cache imports;
	struct upload upload;
	struct gpu_convert convert;
	struct readback *ring;
	struct gpu_shared shared; /* dev NULL: pictures go to memory */
	struct picture_share share;
	uint64_t shares; /* made so far */
	bool ahead;      /* the ring holds more than the newest picture */
	unsigned lies;   /* imports in a row that were not what they said */
	/* of the frame under way */
	struct gpu_source source;
	struct gpu_geometry geometry;
	struct gpu_cursor cursor;
	uint64_t cursor_id; /* of the image that the GPU has; 0: none */
	/* of the last one that went up, for another cursor over the same; 0: none did */
	uint64_t picture;
	struct rect uploaded; /* where its visible part lies in the source */
};

static const enum gpu_format formats[PICTURE_FORMATS] = {
	[PICTURE_NV12] = GPU_NV12,
	[PICTURE_P010] = GPU_P010,
	[PICTURE_YUV444] = GPU_YUV444,
	[PICTURE_YUV444P10] = GPU_YUV444P10,
};

int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst, uint64_t drm, bool ahead)
{
	struct gpu_target target = {.space = dst->space, .full_range = dst->full_range, .pq = dst->pq};
	const struct readback_params ring = {
		.format = formats[dst->format],
		.width = dst->width,
		.height = dst->height,
		.slots = SLOTS,
		.stash_max = ahead ? STASH : 0,
	};
	struct conversion_gpu *g = calloc(1, sizeof(*g));
	int rc;

	*out = NULL;
	if (!g)
		return -ENOMEM;
	g->ahead = ahead;
	rc = gpu_device_open(&g->dev, &(struct gpu_choice){.owner = drm, .drm = drm, .optional = drm});
	if (rc < 0)
		goto fail;
	import_init(&g->imports, g->dev);
	/* The next one goes up while every slot of the ring is in flight. */
	upload_init(&g->upload, g->dev, ahead ? SLOTS + 1 : SLOTS, &g->imports);
	rc = gpu_layout_init(&target.layout, formats[dst->format], dst->width, dst->height);
	if (rc == 0)
		rc = gpu_convert_init(&g->convert, g->dev, &target);
	if (rc == 0)
		rc = readback_create(&g->ring, g->dev, &ring);
	if (rc < 0) {
		log_errno(rc, "%s cannot make pictures of %ux%u", g->dev->name, dst->width, dst->height);
		goto fail;
	}
	log_info("pictures are converted on %s", g->dev->name);
	*out = g;
	return 0;
fail:
	conversion_gpu_close(g);
	return rc;
}

void conversion_gpu_importable(uint64_t drm, struct dmabuf_formats *out)
{
	struct gpu_device *dev;

	out->n = 0;
	if (gpu_device_open(&dev, &(struct gpu_choice){.owner = drm, .drm = drm, .optional = drm}) < 0)
		return;
	import_formats(dev, out);
	log_info("%s imports %u kinds of dma-bufs", dev->name, out->n);
	gpu_device_close(dev);
}

void conversion_gpu_close(struct conversion_gpu *g)
{
	if (!g)
		return;
	/* A lost GPU may still be at it: what follows frees what it writes. */
	if (g->dev)
		gpu_device_idle(g->dev);
	gpu_shared_finish(&g->shared);
	readback_destroy(g->ring);
	gpu_convert_finish(&g->convert);
	upload_finish(&g->upload);
	import_finish(&g->imports);
	gpu_device_close(g->dev);
	free(g);
}

bool conversion_gpu_busy(const struct conversion_gpu *g)
{
	return !gpu_passed(g->dev, g->dev->submitted);
}

/* Implicit synchronisation: a dma-buf is readable when its writers are done. */
static bool drawn(const struct frame *f)
{
	for (uint32_t i = 0; i < f->n_planes && i < FRAME_PLANES_MAX; i++) {
		struct pollfd fd = {.fd = f->plane[i].fd, .events = POLLIN};

		if (fd.fd >= 0 && poll(&fd, 1, WRITER_MS) != 1)
			return false;
	}
	return true;
}

static int record(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct conversion_gpu *g = ctx;

	return gpu_convert_record(&g->convert, cmd, &g->source, &g->geometry, &g->cursor, dst);
}

/* seen, there: the visible part in the frame and in the source. */
static int place_cursor(struct conversion_gpu *g, const struct cursor *c, const struct rect *seen,
			const struct rect *there)
{
	const struct cursor_image *i = c->image;
	int rc = 0;

	g->cursor = (struct gpu_cursor){0};
	if (!i)
		return 0;
	/* The GPU must not be at work. */
	if (g->cursor_id != i->id && g->ahead)
		rc = gpu_wait(g->dev, g->dev->submitted, AHEAD_NS);
	if (rc == 0 && g->cursor_id != i->id)
		rc = gpu_convert_set_cursor(&g->convert, i->argb, (size_t)i->w * 4, i->w, i->h);
	g->cursor_id = rc < 0 ? 0 : i->id;
	g->cursor = (struct gpu_cursor){c->x + there->x - seen->x, c->y + there->y - seen->y, i->w, i->h};
	/* Further out it cannot be seen. */
	if (g->cursor.x != (int16_t)g->cursor.x || g->cursor.y != (int16_t)g->cursor.y)
		g->cursor = (struct gpu_cursor){0};
	return rc;
}

/* Only what was not made of the last frame. */
static int bring_up(struct conversion_gpu *g, const struct frame *f, struct rect *visible)
{
	int rc;

	/* What is read in place may be drawn into by now, if this is another buffer. */
	if (f->picture && f->picture == g->picture && (!g->upload.last_imported || f->buffer_id == g->upload.last_id)) {
		*visible = g->uploaded;
		return 0;
	}
	g->picture = 0;
	rc = upload_frame(&g->upload, f, visible, &g->source);
	if (rc == 0) {
		g->picture = f->picture;
		g->uploaded = *visible;
	}
	return rc;
}

static struct readback_planes planes_of(const struct picture *p)
{
	return (struct readback_planes){
		.data = {p->luma, p->chroma, p->cr},
		.stride = {p->stride, p->stride, p->stride},
	};
}

/* What the ring holds becomes the picture. */
static int receive(struct conversion_gpu *g, struct picture *dst, uint64_t timeout_ns)
{
	const struct readback_planes planes = planes_of(dst);
	int rc = readback_wait(g->ring, timeout_ns);

	return rc < 0 ? rc : readback_try_recv_into(g->ring, &planes, NULL);
}

/* The pass is on its way; *point: until then it reads the frame. */
static int start(struct conversion_gpu *g, const struct frame *f, uint64_t *copied, uint64_t *point)
{
	const struct gpu_layout *to = &g->convert.target.layout;
	const uint64_t uploaded = g->upload.copied_bytes;
	const bool mapped = f->map[0];
	const struct rect seen = frame_visible(f);
	struct rect visible = seen;
	struct layout at;
	int rc;

	if (!visible.w || !visible.h || visible.w > GPU_DIM_MAX || visible.h > GPU_DIM_MAX)
		return -EINVAL;
	if (f->acquire_fence < 0 && !drawn(f))
		return -EAGAIN;
	/* Odd values of enum transform are quarter turns. */
	at = f->transform & 1 ? layout_fit(visible.h, visible.w, (uint16_t)to->width, (uint16_t)to->height)
			      : layout_fit(visible.w, visible.h, (uint16_t)to->width, (uint16_t)to->height);
	if (mapped) {
		rc = bring_up(g, f, &visible);
	} else {
		g->picture = 0;
		rc = import_get(&g->imports, f, &g->source);
	}
	/* A buffer that is not what it says it is, and the next one neither: so it will go on. */
	g->lies = rc == -EINVAL && !mapped ? g->lies + 1 : 0;
	if (rc < 0)
		return g->lies >= 2 ? -ENOTSUP : rc;
	rc = place_cursor(g, &f->cursor, &seen, &visible);
	if (rc < 0)
		return rc;
	g->geometry = (struct gpu_geometry){
		.visible = visible,
		.transform = f->transform,
		.x = at.x,
		.y = at.y,
		.w = at.w,
		.h = at.h,
	};
	if (g->shared.dev)
		rc = gpu_shared_submit(&g->shared, record, g, point);
	else if (g->ahead)
		rc = readback_submit_blocking(g->ring, record, g, NULL, point);
	else
		rc = readback_try_submit(g->ring, record, g, NULL, point);
	if (rc < 0)
		return rc;
	if (mapped)
		upload_used(&g->upload, *point);
	else
		import_used(&g->imports, f->buffer_id, *point);
	*copied += g->upload.copied_bytes - uploaded;
	return 0;
}

int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst, uint64_t *copied)
{
	uint64_t point;
	int rc = start(g, f, copied, &point);

	if (rc < 0)
		return rc;
	if (g->shared.dev) {
		rc = gpu_wait(g->dev, point, HUNG_NS);
		if (rc == 0)
			dst->share = &g->share;
		return rc;
	}
	rc = receive(g, dst, HUNG_NS);
	if (rc == 0)
		*copied += picture_bytes(dst);
	return rc;
}

/* --- several at once --- */

int conversion_gpu_submit(struct conversion_gpu *g, const struct frame *f, uint64_t *copied)
{
	uint64_t point;

	return start(g, f, copied, &point);
}

int conversion_gpu_receive(struct conversion_gpu *g, struct picture *dst, bool wait, uint64_t *copied)
{
	int rc = receive(g, dst, wait ? AHEAD_NS : 0);

	if (rc == 0)
		*copied += picture_bytes(dst);
	if (rc == -ETIMEDOUT && !wait)
		return -EAGAIN;
	return rc;
}

unsigned conversion_gpu_aside(const struct conversion_gpu *g)
{
	const unsigned pending = readback_pending(g->ring), slots = readback_slots(g->ring);

	/* What is put aside makes room for another in the slots, and leaves before those. */
	return pending > slots ? pending - slots : 0;
}

/* --- pictures that stay --- */

bool conversion_gpu_is(const struct conversion_gpu *g, uint64_t drm)
{
	return drm && (g->dev->drm[0] == drm || g->dev->drm[1] == drm);
}

static void describe_share(struct conversion_gpu *g)
{
	const struct gpu_layout *l = &g->shared.layout;

	g->share = (struct picture_share){
		.fd = g->shared.fd,
		.id = ++g->shares,
		.size = l->size,
		.stride = l->plane[0].stride,
	};
	for (unsigned i = 0; i < l->n_planes; i++)
		g->share.offset[i] = l->plane[i].offset;
}

int conversion_gpu_share(struct conversion_gpu *g, bool on, const struct picture *dst)
{
	int rc;

	if (!on) {
		if (!g->shared.dev)
			return 0;
		rc = gpu_wait(g->dev, g->shared.point, HUNG_NS);
		if (rc < 0 && !gpu_passed(g->dev, g->shared.point))
			return rc;
		gpu_shared_finish(&g->shared);
		if (g->ring)
			gpu_convert_place(&g->convert, readback_layout(g->ring));
		return 0;
	}
	rc = gpu_shared_init(&g->shared, g->dev, formats[dst->format], dst->width, dst->height, dst->full_range);
	if (rc < 0) {
		log_errno(rc, "%s cannot hand pictures to the encoder", g->dev->name);
		return rc;
	}
	gpu_convert_place(&g->convert, &g->shared.layout);
	describe_share(g);
	log_info("pictures stay on %s for the encoder", g->dev->name);
	return 0;
}

static int record_copy(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct conversion_gpu *g = ctx;

	gpu_shared_copy(&g->shared, cmd, dst, readback_layout(g->ring));
	return 0;
}

int conversion_gpu_fetch(struct conversion_gpu *g, struct picture *dst)
{
	int rc = readback_try_submit(g->ring, record_copy, g, NULL, &g->shared.point);

	return rc < 0 ? rc : receive(g, dst, FETCH_NS);
}
