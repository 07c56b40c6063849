// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <spa/buffer/meta.h>

#include "base/clock.h"

#define BYTES_PER_PIXEL 4
#define AGE_MAX_NS      (1 * NS_PER_S) /* a time stamp older than that is of another clock */

int buffer_map_open(struct buffer_map *m, const struct spa_data *d)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	bool dmabuf = d->type == SPA_DATA_DmaBuf;
	size_t start, end, size;
	off_t file;
	int err;

	*m = (struct buffer_map){.fd = -1};
	if ((!dmabuf && d->type != SPA_DATA_MemFd) || d->fd < 0)
		return -ENOTSUP;
	/* maxsize means nothing for a dma-buf (some give 0), the file's end does. */
	file = lseek((int)d->fd, 0, SEEK_END);
	if (file < 0)
		return -errno;
	size = (size_t)file;
	start = d->mapoffset;
	end = dmabuf ? size : start + d->maxsize;
	if (end > size)
		end = size;
	if (start >= end)
		return -EINVAL;
	m->skip = start % page;
	m->len = end - start + m->skip;
	m->addr = mmap(NULL, m->len, PROT_READ, MAP_SHARED, (int)d->fd, (off_t)(start - m->skip));
	if (m->addr == MAP_FAILED) {
		err = -errno;
		m->addr = NULL;
		return err;
	}
	if (dmabuf) {
		m->fd = fcntl((int)d->fd, F_DUPFD_CLOEXEC, 3);
		if (m->fd < 0) {
			err = -errno;
			buffer_map_close(m);
			return err;
		}
	}
	return 0;
}

void buffer_map_close(struct buffer_map *m)
{
	if (!m->addr)
		return;
	munmap(m->addr, m->len);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct buffer_map){.fd = -1};
}

static void sync_dmabuf(const struct buffer_map *m, uint64_t flags)
{
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};

	if (m->fd < 0)
		return;
	/* A failure (ENOTTY: memory that only calls itself a dma-buf) leaves nothing to be done. */
	while (ioctl(m->fd, DMA_BUF_IOCTL_SYNC, &sync) < 0 && (errno == EINTR || errno == EAGAIN))
		;
}

void buffer_map_begin_read(const struct buffer_map *m)
{
	sync_dmabuf(m, DMA_BUF_SYNC_START);
}

void buffer_map_end_read(const struct buffer_map *m)
{
	sync_dmabuf(m, DMA_BUF_SYNC_END);
}

/* Cuts r to the picture; false when nothing is left. */
static bool clip(const struct spa_region *r, uint32_t width, uint32_t height, struct rect *out)
{
	int64_t x0 = r->position.x, y0 = r->position.y;
	int64_t x1 = x0 + r->size.width, y1 = y0 + r->size.height;

	x0 = x0 < 0 ? 0 : x0;
	y0 = y0 < 0 ? 0 : y0;
	x1 = x1 > width ? width : x1;
	y1 = y1 > height ? height : y1;
	if (x0 >= x1 || y0 >= y1)
		return false;
	*out = (struct rect){(int32_t)x0, (int32_t)y0, (uint32_t)(x1 - x0), (uint32_t)(y1 - y0)};
	return true;
}

static void read_damage(struct frame *f, const struct spa_buffer *b)
{
	const struct spa_meta *meta = spa_buffer_find_meta(b, SPA_META_VideoDamage);
	const struct spa_meta_region *r;
	uint32_t count;

	f->n_damage = 0;
	if (!meta)
		return;
	r = meta->data;
	count = meta->size / sizeof(*r);
	for (uint32_t i = 0; i < count && spa_meta_region_is_valid(&r[i]); i++) {
		struct rect d;

		if (!clip(&r[i].region, f->width, f->height, &d))
			continue;
		if (f->n_damage == FRAME_DAMAGE_MAX) {
			f->n_damage = 0; /* more than we carry: everything */
			return;
		}
		f->damage[f->n_damage++] = d;
	}
}

static void read_metas(struct frame *f, const struct spa_buffer *b, uint64_t now_ns)
{
	const struct spa_meta_header *header = spa_buffer_find_meta_data(b, SPA_META_Header, sizeof(*header));
	const struct spa_meta_region *crop = spa_buffer_find_meta_data(b, SPA_META_VideoCrop, sizeof(*crop));
	const struct spa_meta_videotransform *turn =
		spa_buffer_find_meta_data(b, SPA_META_VideoTransform, sizeof(*turn));

	f->t.captured = now_ns;
	if (header && header->pts > 0 && (uint64_t)header->pts <= now_ns && now_ns - (uint64_t)header->pts < AGE_MAX_NS)
		f->t.captured = (uint64_t)header->pts;
	if (!crop || !spa_meta_region_is_valid(crop) || !clip(&crop->region, f->width, f->height, &f->crop))
		f->crop = (struct rect){.w = f->width, .h = f->height};
	f->transform = TRANSFORM_NONE;
	if (turn && turn->transform <= TRANSFORM_FLIPPED_270)
		f->transform = (enum transform)turn->transform;
	read_damage(f, b);
}

int buffer_frame(struct frame *f, const struct spa_buffer *b, const struct buffer_map *m,
		 const struct pw_format *format, uint64_t now_ns)
{
	const struct spa_data *d = &b->datas[0];
	const struct spa_meta_header *header = spa_buffer_find_meta_data(b, SPA_META_Header, sizeof(*header));
	uint64_t offset, end, row = (uint64_t)format->width * BYTES_PER_PIXEL;
	int64_t stride;

	if (!d->chunk->size || (d->chunk->flags & SPA_CHUNK_FLAG_CORRUPTED) ||
	    (header && (header->flags & SPA_META_HEADER_FLAG_CORRUPTED)))
		return -EAGAIN;
	stride = d->chunk->stride ? d->chunk->stride : (int64_t)row;
	offset = d->chunk->offset;
	if (stride < (int64_t)row)
		return -EINVAL;
	end = m->skip + offset + (uint64_t)stride * (format->height - 1) + row;
	if (end > m->len)
		return -EINVAL;
	f->width = format->width;
	f->height = format->height;
	f->fourcc = format->fourcc;
	f->modifier = format->modifier;
	f->colour = format->colour;
	f->n_planes = 1;
	f->plane[0] = (struct frame_plane){
		.fd = (int)d->fd,
		.offset = (uint32_t)(format->dmabuf ? offset : d->mapoffset + offset),
		.stride = (uint32_t)stride,
	};
	f->map[0] = (const uint8_t *)m->addr + m->skip + offset;
	f->acquire_fence = -1;
	read_metas(f, b, now_ns);
	return 0;
}
