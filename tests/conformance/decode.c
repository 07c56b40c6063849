// SPDX-License-Identifier: GPL-3.0-or-later
#include "decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool decode_available(void)
{
	return system("ffmpeg -version >/dev/null 2>&1") == 0;
}

static uint8_t *read_all(FILE *f, size_t *len)
{
	size_t cap = 1 << 20, n;
	uint8_t *data = malloc(cap);

	*len = 0;
	while (data && (n = fread(data + *len, 1, cap - *len, f)) > 0) {
		*len += n;
		if (*len == cap) {
			uint8_t *more = realloc(data, cap *= 2);

			if (!more)
				free(data);
			data = more;
		}
	}
	return data;
}

/* What ffmpeg calls the streams that we make. */
static const char *demuxer(enum codec codec)
{
	return codec == CODEC_AV1 ? "obu" : codec == CODEC_HEVC ? "hevc" : "h264";
}

/* The stream as a file for other programs; false: it cannot be written. */
static bool lay_down(char path[32], const uint8_t *stream, size_t len)
{
	int fd;
	bool ok;

	strcpy(path, "/tmp/moonrill-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return false;
	ok = write(fd, stream, len) == (ssize_t)len;
	close(fd);
	return ok;
}

static bool decode_to(struct decoded *d, enum codec codec, const uint8_t *stream, size_t len, const char *pixels)
{
	char path[32], command[320];
	size_t size = 0;
	FILE *f;

	if (lay_down(path, stream, len)) {
		snprintf(command, sizeof(command),
			 "ffmpeg -v quiet -threads 1 -flags low_delay+output_corrupt -flags2 showall -f %s -i %s "
			 "-vsync passthrough -f rawvideo "
			 "-pix_fmt %s -",
			 demuxer(codec), path, pixels);
		f = popen(command, "r");
		if (f) {
			d->frames = read_all(f, &size);
			pclose(f);
		}
	}
	unlink(path);
	d->count = d->frames ? (unsigned)(size / d->frame_size) : 0;
	return d->count > 0 && size % d->frame_size == 0;
}

bool decode(struct decoded *d, enum codec codec, const uint8_t *stream, size_t len, unsigned width, unsigned height)
{
	*d = (struct decoded){.frame_size = (size_t)width * height * 3 / 2};
	return decode_to(d, codec, stream, len, "nv12");
}

static const char *pixels_of(const struct video_params *v)
{
	if (v->yuv444)
		return v->depth > 8 ? "yuv444p10le" : "yuv444p";
	return v->depth > 8 ? "yuv420p10le" : "yuv420p";
}

bool decode_planes(struct decoded *d, const struct video_params *v, const uint8_t *stream, size_t len)
{
	size_t luma = (size_t)v->width * v->height * (v->depth > 8 ? 2 : 1);

	*d = (struct decoded){.frame_size = v->yuv444 ? 3 * luma : luma * 3 / 2};
	return decode_to(d, v->codec, stream, len, pixels_of(v));
}

/* What the command says, cut to cap - 1 bytes. */
static void read_command(const char *command, char *out, size_t cap)
{
	FILE *f = popen(command, "r");

	if (f) {
		out[fread(out, 1, cap - 1, f)] = '\0';
		pclose(f);
	}
}

bool decode_describe(const struct video_params *v, const uint8_t *stream, size_t len, char out[160])
{
	char path[32], command[320];

	out[0] = '\0';
	if (lay_down(path, stream, len)) {
		/* Pictures are decoded too: what the decoder warns of stands in the answer. */
		snprintf(command, sizeof(command),
			 "{ ffprobe -v warning -f %s -show_entries "
			 "stream=pix_fmt,color_range,color_space,color_transfer,color_primaries -of csv=p=0 %s;"
			 "ffmpeg -v warning -f %s -i %s -f null -; } 2>&1",
			 demuxer(v->codec), path, demuxer(v->codec), path);
		read_command(command, out, 160);
	}
	unlink(path);
	return out[0];
}

bool decode_light(const struct video_params *v, const uint8_t *stream, size_t len, char out[2048])
{
	char path[32], command[320];

	out[0] = '\0';
	if (lay_down(path, stream, len)) {
		snprintf(command, sizeof(command),
			 "ffprobe -v error -f %s -read_intervals %%+#1 -show_frames -of default=nw=1 %s | "
			 "sed -n '/^side_data_type/,$p'",
			 demuxer(v->codec), path);
		read_command(command, out, 2048);
	}
	unlink(path);
	return out[0];
}

void decoded_finish(struct decoded *d)
{
	free(d->frames);
	*d = (struct decoded){0};
}

double luma_psnr(const uint8_t *a, unsigned a_stride, const uint8_t *b, unsigned b_stride, unsigned w, unsigned h)
{
	double sum = 0;

	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			double e = (double)a[y * a_stride + x] - b[y * b_stride + x];

			sum += e * e;
		}
	return sum == 0 ? 100 : 10 * log10(255.0 * 255.0 * w * h / sum);
}
