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

bool decode(struct decoded *d, enum codec codec, const uint8_t *stream, size_t len, unsigned width, unsigned height)
{
	char path[] = "/tmp/moonrill-test-XXXXXX", command[256];
	int fd = mkstemp(path);
	size_t size = 0;
	FILE *f;

	*d = (struct decoded){.frame_size = (size_t)width * height * 3 / 2};
	if (fd < 0)
		return false;
	if (write(fd, stream, len) == (ssize_t)len) {
		snprintf(command, sizeof(command),
			 "ffmpeg -v quiet -threads 1 -flags low_delay+output_corrupt -flags2 showall -f %s -i %s "
			 "-vsync passthrough -f rawvideo "
			 "-pix_fmt nv12 -",
			 codec == CODEC_AV1 ? "obu" : codec_name(codec), path);
		f = popen(command, "r");
		if (f) {
			d->frames = read_all(f, &size);
			pclose(f);
		}
	}
	close(fd);
	unlink(path);
	d->count = d->frames ? (unsigned)(size / d->frame_size) : 0;
	return d->count > 0 && size % d->frame_size == 0;
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
