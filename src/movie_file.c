// SPDX-License-Identifier: GPL-3.0-or-later
#include "movie_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "encode/encoder.h"
#include "encode/picture.h"
#include "encode/registry.h"

#define LOG_MODULE "movie"
#include "base/log.h"

#define BITS_PER_PIXEL_PERCENT 20u /* 25 Mbit/s at 1920x1080 and 60 */
#define KEY_EACH_S             2u  /* a place to seek to */
#define FRAME_MARK             "FRAME\n"

struct movie_file {
	struct movie_file_params p;
	char *path;
	int fd;
	uint64_t frames;
	off_t whole;  /* bytes of them */
	off_t at;     /* written, of the frame under way too */
	int err;      /* of the first write that failed */
	bool regular; /* can be cut off and removed */
	bool created; /* was not there before */
	uint16_t width, height;
	struct encoder *encoder; /* MOVIE_H264, from the first picture on */
	uint8_t *frame;          /* MOVIE_Y4M: as it is written */
	size_t frame_size;
};

int movie_kind_of(const char *path, enum movie_kind *kind)
{
	static const struct {
		const char *ending;
		enum movie_kind kind;
	} known[] = {{".h264", MOVIE_H264}, {".264", MOVIE_H264}, {".y4m", MOVIE_Y4M}};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(known); i++)
		if (strcmp(dot, known[i].ending) == 0) {
			*kind = known[i].kind;
			return 0;
		}
	return -EINVAL;
}

static void put_bytes(struct movie_file *m, const uint8_t *data, size_t len)
{
	while (len && !m->err) {
		ssize_t n = write(m->fd, data, len);

		if (n < 0) {
			m->err = errno == EINTR ? 0 : -errno;
			continue;
		}
		data += n;
		len -= (size_t)n;
		m->at += n;
	}
}

static void on_au(void *ctx, struct au *a)
{
	put_bytes(ctx, a->data, a->len);
	au_release(a);
}

static const struct encoder_events encoder_events = {.au = on_au};

static int open_h264(struct movie_file *m, const struct picture *pic)
{
	uint64_t kbps = (uint64_t)pic->width * pic->height * m->p.fps_mhz / 1000 * BITS_PER_PIXEL_PERCENT / 100 / 1000;
	const struct enc_params p = {
		.video =
			{
				.codec = CODEC_H264,
				.width = pic->width,
				.height = pic->height,
				.fps_mhz = m->p.fps_mhz,
				.depth = 8,
				.space = pic->space,
				.full_range = pic->full_range,
				.slices = m->p.slices,
				.single_ref = true,
			},
		.slices = m->p.slices,
		.dpb = 1,
		.kbps = kbps < VIDEO_KBPS_MIN   ? VIDEO_KBPS_MIN
			: kbps > VIDEO_KBPS_MAX ? VIDEO_KBPS_MAX
						: (uint32_t)kbps,
		.preset = m->p.preset,
	};
	const struct encoder_ops *ops = encoder_find("x264", CODEC_H264, NULL);

	if (!ops) {
		log_err("this build cannot write H.264: it has no x264");
		return -ENOTSUP;
	}
	return encoder_open(&m->encoder, ops, &p, &encoder_events, m);
}

/* Chroma lies in the middle of its four pixels, as encode/convert.h makes it: 420jpeg. */
static int open_y4m(struct movie_file *m, const struct picture *pic)
{
	char head[160];
	int n = snprintf(head, sizeof(head), "YUV4MPEG2 W%u H%u F%u:1000 Ip A1:1 C420jpeg XCOLORRANGE=%s\n", pic->width,
			 pic->height, m->p.fps_mhz, pic->full_range ? "FULL" : "LIMITED");

	m->frame_size = strlen(FRAME_MARK) + (size_t)pic->width * pic->height * 3 / 2;
	m->frame = malloc(m->frame_size);
	if (!m->frame)
		return -ENOMEM;
	put_bytes(m, (const uint8_t *)head, (size_t)n);
	return m->err;
}

static void put_y4m(struct movie_file *m, const struct picture *pic)
{
	size_t half = pic->width / 2u, quarter = half * (pic->height / 2u);
	uint8_t *out = m->frame + strlen(FRAME_MARK), *cb = out + (size_t)pic->width * pic->height, *cr = cb + quarter;

	memcpy(m->frame, FRAME_MARK, strlen(FRAME_MARK));
	for (unsigned y = 0; y < pic->height; y++)
		memcpy(out + (size_t)y * pic->width, pic->luma + (size_t)y * pic->stride, pic->width);
	for (unsigned y = 0; y < pic->height / 2u; y++) {
		const uint8_t *from = pic->chroma + (size_t)y * pic->stride;

		for (size_t x = 0; x < half; x++) {
			*cb++ = from[2 * x];
			*cr++ = from[2 * x + 1];
		}
	}
	put_bytes(m, m->frame, m->frame_size);
}

static int put_h264(struct movie_file *m, const struct picture *pic)
{
	uint64_t key_each = (uint64_t)KEY_EACH_S * m->p.fps_mhz / 1000;
	const struct enc_request r = {
		.frame_no = (uint32_t)(m->frames + 1),
		.pts_ns = m->frames + 1,
		.idr = m->frames % (key_each ? key_each : 1) == 0,
	};

	return encoder_submit(m->encoder, pic, &r);
}

int movie_file_create(struct movie_file **out, const char *path, const struct movie_file_params *p)
{
	struct movie_file *m = calloc(1, sizeof(*m));
	struct stat st;
	int err = -ENOMEM;

	*out = NULL;
	if (!m)
		return err;
	m->p = *p;
	m->fd = -1;
	m->path = strdup(path);
	if (!m->path)
		goto fail;
	m->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	m->created = m->fd >= 0;
	/* Who waits for the reader of a FIFO may wait for ever. */
	if (m->fd < 0 && errno == EEXIST && p->force)
		m->fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (m->fd < 0 || fcntl(m->fd, F_SETFL, 0) < 0) {
		err = -errno;
		goto fail;
	}
	m->regular = fstat(m->fd, &st) == 0 && S_ISREG(st.st_mode);
	*out = m;
	return 0;
fail:
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m);
	return err;
}

/* Of the first picture: now that there is one, what was in the file goes. */
static int begin(struct movie_file *m, const struct picture *pic)
{
	int rc = m->p.kind == MOVIE_H264 ? open_h264(m, pic) : 0;

	if (rc == 0 && m->regular && !m->created && ftruncate(m->fd, 0) < 0)
		rc = -errno;
	return rc == 0 && m->p.kind == MOVIE_Y4M ? open_y4m(m, pic) : rc;
}

/* What was begun and is not whole. */
static void cut_off(struct movie_file *m)
{
	if (m->regular && m->at > m->whole && (ftruncate(m->fd, m->whole) < 0 || lseek(m->fd, m->whole, SEEK_SET) < 0))
		log_errno(errno, "the last picture in the file is broken");
	m->at = m->whole;
}

int movie_file_put(struct movie_file *m, const struct picture *pic)
{
	bool h264 = m->p.kind == MOVIE_H264;
	int rc = 0;

	if (m->err)
		return m->err;
	if (!m->width) {
		rc = begin(m, pic);
		m->width = pic->width;
		m->height = pic->height;
	}
	if (rc == 0 && h264)
		rc = put_h264(m, pic);
	else if (rc == 0)
		put_y4m(m, pic);
	if (m->err == 0)
		m->err = rc;
	if (m->err) {
		cut_off(m);
		return m->err;
	}
	m->whole = m->at;
	m->frames++;
	return 0;
}

uint64_t movie_file_frames(const struct movie_file *m)
{
	return m->frames;
}

int movie_file_close(struct movie_file *m)
{
	int err = 0;

	if (!m)
		return 0;
	encoder_close(m->encoder);
	if (m->regular && m->frames && fsync(m->fd) < 0)
		err = -errno;
	if (close(m->fd) < 0 && !err)
		err = -errno;
	if (!m->frames && m->regular && m->created)
		unlink(m->path);
	free(m->frame);
	free(m->path);
	free(m);
	return err;
}
