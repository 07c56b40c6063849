// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The strict reader of video datagrams: looks at every one that arrives, before any loss of our own making, and states
 * what breaks 2-media 1.2, 1.4, 2.1, 2.3 or 3.2. It changes nothing and knows nothing of the client's queue. What a
 * network may do (loss, reordering, duplicates) is counted, not blamed. Video thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct judge;
struct video_hdr;

struct video_judge_stats {
	uint64_t shards, parity, lost, reordered, duplicates, blocks, blocks_plain, frames; /* lost: never arrived */
	unsigned max_d, max_blocks;
};

struct video_judge;

/* shard_len: PS + 16. verify: keep the shards of each block and recompute its parity (costs CPU). NULL: no memory. */
struct video_judge *video_judge_create(struct judge *j, size_t shard_len, bool verify);
void video_judge_destroy(struct video_judge *v); /* accepts NULL */

/* A plain or decrypted shard. */
void video_judge_shard(struct video_judge *v, const struct video_hdr *h, const uint8_t *data, size_t len);

/* An encrypted datagram: its IV, the frame number in clear, and the one inside. */
void video_judge_sealed(struct video_judge *v, const uint8_t iv[12], uint32_t clear_frame, uint32_t frame);

/* Ends the current block; call once at the end. */
void video_judge_finish(struct video_judge *v);
const struct video_judge_stats *video_judge_stats(const struct video_judge *v);
