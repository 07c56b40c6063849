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
	m->dmabuf = dmabuf;
	m->fd = fcntl((int)d->fd, F_DUPFD_CLOEXEC, 3);
	if (m->fd < 0) {
		err = -errno;
		buffer_map_close(m);
		return err;
	}
	return 0;
}

int buffer_map_import(struct buffer_map *m, const struct spa_buffer *b, uint32_t n_planes)
{
	*m = (struct buffer_map){.fd = -1};
	if (!n_planes || n_planes > b->n_datas || n_planes > FRAME_PLANES_MAX)
		return -ENOTSUP;
	for (uint32_t i = 0; i < n_planes; i++) {
		const struct spa_data *d = &b->datas[i];
		int fd = d->type == SPA_DATA_DmaBuf && d->fd >= 0 ? fcntl((int)d->fd, F_DUPFD_CLOEXEC, 3) : -1;

		if (fd < 0) {
			int err = d->type == SPA_DATA_DmaBuf && d->fd >= 0 ? -errno : -ENOTSUP;

			buffer_map_close(m);
			return err;
		}
		m->plane_fd[m->n_planes++] = fd;
	}
	return 0;
}

void buffer_map_close(struct buffer_map *m)
{
	for (unsigned i = 0; i < m->n_planes; i++)
		close(m->plane_fd[i]);
	if (m->addr) {
		munmap(m->addr, m->len);
		if (m->fd >= 0)
			close(m->fd);
	}
	*m = (struct buffer_map){.fd = -1};
}

static void sync_dmabuf(const struct buffer_map *m, uint64_t flags)
{
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};

	if (!m->addr || !m->dmabuf)
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
	f->same = false;
	if (!meta)
		return;
	r = meta->data;
	count = meta->size / sizeof(*r);
	f->same = count && !spa_meta_region_is_valid(&r[0]);
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

/* What must pass before a dma-buf may be read; -1: nothing, or not known (then a reader polls the buffer itself). */
static int writers_fence(int fd)
{
	struct dma_buf_export_sync_file e = {.flags = DMA_BUF_SYNC_READ, .fd = -1};

	return ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &e) < 0 ? -1 : e.fd;
}

static int imported_planes(struct frame *f, const struct spa_buffer *b, const struct buffer_map *m)
{
	for (uint32_t i = 0; i < m->n_planes; i++) {
		const struct spa_chunk *c = b->datas[i].chunk;

		if (c->stride <= 0)
			return -EINVAL;
		f->plane[i] = (struct frame_plane){
			.fd = m->plane_fd[i],
			.offset = c->offset,
			.stride = (uint32_t)c->stride,
		};
		f->map[i] = NULL;
	}
	f->n_planes = m->n_planes;
	if (!m->told)
		f->acquire_fence = writers_fence(f->plane[0].fd);
	return 0;
}

static int mapped_plane(struct frame *f, const struct spa_data *d, const struct buffer_map *m,
			const struct pw_format *format)
{
	uint64_t offset = d->chunk->offset, end, row = (uint64_t)format->width * BYTES_PER_PIXEL;
	int64_t stride = d->chunk->stride ? d->chunk->stride : (int64_t)row;

	if (stride < (int64_t)row)
		return -EINVAL;
	end = m->skip + offset + (uint64_t)stride * (format->height - 1) + row;
	if (end > m->len)
		return -EINVAL;
	f->n_planes = 1;
	f->plane[0] = (struct frame_plane){
		.fd = m->fd,
		.offset = (uint32_t)(format->dmabuf ? offset : d->mapoffset + offset),
		.stride = (uint32_t)stride,
	};
	f->map[0] = (const uint8_t *)m->addr + m->skip + offset;
	return 0;
}

bool buffer_has_picture(const struct spa_buffer *b)
{
	const struct spa_chunk *c = b->n_datas ? b->datas[0].chunk : NULL;
	const struct spa_meta_header *header = spa_buffer_find_meta_data(b, SPA_META_Header, sizeof(*header));

	return c && c->size && !(c->flags & SPA_CHUNK_FLAG_CORRUPTED) &&
	       !(header && (header->flags & SPA_META_HEADER_FLAG_CORRUPTED));
}

int buffer_frame(struct frame *f, const struct spa_buffer *b, const struct buffer_map *m,
		 const struct pw_format *format, uint64_t now_ns)
{
	const struct spa_data *d = &b->datas[0];
	int err;

	if (!buffer_has_picture(b))
		return -EAGAIN;
	f->acquire_fence = -1;
	err = m->n_planes ? imported_planes(f, b, m) : mapped_plane(f, d, m, format);
	if (err)
		return err;
	f->width = format->width;
	f->height = format->height;
	f->fourcc = format->fourcc;
	f->modifier = format->modifier;
	f->colour = format->colour;
	read_metas(f, b, now_ns);
	return 0;
}

void buffer_judge_damage(struct frame *f, bool *tells, const struct frame *before)
{
	const bool alike = before && f->transform == before->transform && f->crop.x == before->crop.x &&
			   f->crop.y == before->crop.y && f->crop.w == before->crop.w && f->crop.h == before->crop.h;

	*tells |= f->n_damage > 0;
	f->same &= *tells && alike;
	if (!alike)
		f->n_damage = 0;
}
