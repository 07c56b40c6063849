// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Sealed RTSP: one frame around one whole message. Big-endian header {u32 bit 31 | ciphertext
 * length, u32 sequence, tag}, then the ciphertext; the sequence enters the IV little-endian. Pure.
 * Wire facts: 1-session 6.4.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypt/aes.h"

#define SEAL_HEADER_LEN 24u

struct seal_frame {
	uint32_t seq;
	const uint8_t *tag, *text;
	size_t len; /* of text */
};

/* 1: f points at a whole frame inside data (bytes after it are ignored), 0: more is needed,
 * -EBADMSG: no frame, -EMSGSIZE: the ciphertext is longer than max. Decided from the first bytes:
 * nothing has to be stored for it. */
int seal_find(const void *data, size_t len, size_t max, struct seal_frame *f);

/* A request of the client. out has f->len bytes. -EBADMSG: not this key. */
int seal_open(struct gcm *g, const struct seal_frame *f, void *out);

/* An answer of the host. The caller never uses a sequence number twice under one key. -ENOSPC,
 * -EIO. */
int seal_write(struct gcm *g, uint32_t seq, const void *in, size_t len, struct buf *out);
