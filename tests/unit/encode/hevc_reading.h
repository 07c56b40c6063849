// SPDX-License-Identifier: GPL-3.0-or-later
/* Headers that encode/hevc_headers.h writes, behind each other, and what ffmpeg reads there, element by element. */
#pragma once

#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../conformance/decode.h"
#include "base/str.h"
#include "encode/hevc_headers.h"

static inline struct hevc_stream stream_of(uint16_t w, uint16_t h, uint32_t fps_mhz, uint8_t dpb, uint32_t kbps)
{
	struct hevc_stream s = {
		.tools = {.min_cb = 3,
			  .ctb = 6,
			  .min_tb = 2,
			  .max_tb = 5,
			  .depth_inter = 2,
			  .depth_intra = 1,
			  .qp_delta = true},
		.dpb = dpb,
		.width = w,
		.height = h,
		.fps_mhz = fps_mhz,
		.depth = 8,
		.space = COLOUR_BT709,
	};

	hevc_level(&s, kbps);
	return s;
}

struct made {
	uint8_t *data;
	size_t len;
};

static inline void put(struct made *m, const uint8_t *bytes, size_t len)
{
	memcpy(m->data + m->len, bytes, len);
	m->len += len;
}

static inline void put_sets(struct made *m, const struct hevc_stream *s)
{
	uint8_t set[HEVC_HEADER_MAX];

	put(m, set, hevc_vps_write(set, s));
	put(m, set, hevc_sps_write(set, s));
	put(m, set, hevc_pps_write(set, s));
}

/* The header and some bytes of no meaning. */
static inline void put_slice(struct made *m, const struct hevc_stream *s, const struct pic_refs *r,
			     const struct pic_plan *p)
{
	uint8_t out[HEVC_HEADER_MAX + 8] = {0};
	size_t len = hevc_slice_header_write(out, s, r, p, 0);

	memcpy(out + len, "\x5a\x5a\x5a\x80", 4);
	put(m, out, len + 4);
}

/* Calls fn with each element in order. */
static inline void read_headers(const struct made *m, void (*fn)(void *ctx, const char *name, long value), void *ctx)
{
	char path[] = "/tmp/moonrill-test-XXXXXX", command[256], line[400];
	int fd = mkstemp(path);
	FILE *f;

	assert_true(fd >= 0 && write(fd, m->data, m->len) == (ssize_t)m->len);
	close(fd);
	snprintf(command, sizeof(command), "ffmpeg -v info -f hevc -i %s -c copy -bsf:v trace_headers -f null - 2>&1",
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char name[100], bits[100];
		long value;
		unsigned at;

		if (sscanf(line, "[trace_headers @ %*[^]]] %u %99s %99s = %ld", &at, name, bits, &value) == 4)
			fn(ctx, name, value);
	}
	pclose(f);
	unlink(path);
}

struct expected {
	const char *name;
	long value;
	unsigned found;
};

struct expectations {
	struct expected *list;
	size_t n;
};

static inline void compare(void *ctx, const char *name, long value)
{
	struct expectations *e = ctx;

	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->list[i].name, name) == 0) {
			if (value != e->list[i].value)
				fail_msg("%s: %ld, %ld expected", name, value, e->list[i].value);
			e->list[i].found++;
		}
}

/* The element of that name: set to what is expected. */
static inline void expect(struct expectations *e, const char *name, long value)
{
	e->list[e->n++] = (struct expected){name, value, 0};
}
