// SPDX-License-Identifier: GPL-3.0-or-later
/* RTSP responses by the rules of 1-session 6.3, and the sealed frames of 6.4. Pure but for the cipher. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RTSP_HEADERS      24u
#define RTSP_RESPONSE_MAX (1u << 20)
#define RTSP_SEAL_HEADER  24u

struct judge;
struct sealer;

struct rtsp_response {
	int status;
	char reason[64];
	unsigned n;
	struct {
		char name[48], value[192];
	} header[RTSP_HEADERS];
	const char *body; /* into the bytes that were parsed */
	size_t body_len;
};

/* Parses as a client does and states every rule that is bent. -EPROTO: a client could not read it at all. */
int rtsp_response_parse(struct rtsp_response *r, const char *data, size_t len, struct judge *j);
/* The last value of that (case-sensitive) name, or NULL. */
const char *rtsp_response_header(const struct rtsp_response *r, const char *name);

/* out has room for len + RTSP_SEAL_HEADER. -EIO. */
int rtsp_seal(struct sealer *s, uint32_t seq, char who, const void *plain, size_t len, uint8_t *out);
/* Opens a frame in place: *plain points into frame. who: whose frame it is. -EPROTO: not a frame of exactly len bytes;
 * -EBADMSG: wrong key, IV or content. */
int rtsp_unseal(struct sealer *s, char who, uint8_t *frame, size_t len, uint32_t *seq, char **plain, size_t *plain_len);
