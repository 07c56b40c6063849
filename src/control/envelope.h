// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encryption of control messages, 2-media 3.3: u16 0x0001, u16 length, u32 sequence, tag, ciphertext. One envelope
 * per session and direction pair, used by one thread. No allocation after init, no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypt/aes.h"

#define ENVELOPE_OVERHEAD  24u  /* header, sequence, tag */
#define ENVELOPE_PLAIN_MIN 4u   /* type and length of the message inside */
#define ENVELOPE_PLAIN_MAX 512u /* twice what clients can build */
#define ENVELOPE_MAX       (ENVELOPE_OVERHEAD + ENVELOPE_PLAIN_MAX)

/*
 * Which sequence numbers were seen: channels are not ordered among each other, so numbers arrive mixed. Anything older
 * than the window counts as seen.
 */
#define REPLAY_BITS 1024u

struct replay {
	uint64_t next; /* one above the highest seen */
	uint64_t seen[REPLAY_BITS / 64];
};

/* Pure. fresh does not mark; mark is called once the message proved genuine. */
bool replay_fresh(const struct replay *r, uint32_t seq);
void replay_mark(struct replay *r, uint32_t seq);

struct envelope {
	struct gcm *gcm;
	bool v2;
	char self, peer; /* 'H' and 'C' */
	uint64_t next_seq;
	struct replay replay;
};

/* v2: 12-byte IV with the direction in it; else the 16-byte form. host: seals as host, opens as client did.
 * -ENOMEM. */
int envelope_init(struct envelope *e, const uint8_t key[AES_KEY_LEN], bool v2, bool host);
void envelope_finish(struct envelope *e); /* accepts a zeroed envelope */

/*
 * Opens one datagram into out (room for len bytes); the plaintext length on success. -EPROTO: not an envelope
 * (plaintext, wrong lengths); -EBADMSG: the tag does not match; -EALREADY: seen before. Under v1 there is no replay
 * protection: only 8 bits of the sequence are authenticated, so whoever can replay can also renumber.
 */
int envelope_open(struct envelope *e, const uint8_t *data, size_t len, uint8_t *out);

/* Seals a message; out has len + ENVELOPE_OVERHEAD bytes. The length, -EMSGSIZE, -EIO, or -EOVERFLOW when the sequence
 * is used up: a number is never used twice. */
int envelope_seal(struct envelope *e, const uint8_t *data, size_t len, uint8_t *out);
