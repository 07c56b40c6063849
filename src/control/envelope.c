// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

#define TYPE_SEALED 0x0001
#define V1_IV_LEN   16
#define LENGTH_BASE (4u + GCM_TAG_LEN) /* what the length field counts beside the ciphertext */

bool replay_fresh(const struct replay *r, uint32_t seq)
{
	if (seq >= r->next)
		return true;
	if (r->next - seq > REPLAY_BITS)
		return false;
	return !(r->seen[seq % REPLAY_BITS / 64] >> (seq % 64) & 1);
}

void replay_mark(struct replay *r, uint32_t seq)
{
	if (seq >= r->next) {
		uint64_t gap = seq + 1ull - r->next;

		if (gap >= REPLAY_BITS) {
			memset(r->seen, 0, sizeof(r->seen));
		} else {
			for (uint64_t s = r->next; s <= seq; s++)
				r->seen[s % REPLAY_BITS / 64] &= ~(1ull << (s % 64));
		}
		r->next = seq + 1ull;
	}
	r->seen[seq % REPLAY_BITS / 64] |= 1ull << (seq % 64);
}

int envelope_init(struct envelope *e, const uint8_t key[AES_KEY_LEN], bool v2, bool host)
{
	memset(e, 0, sizeof(*e));
	e->v2 = v2;
	e->self = host ? 'H' : 'C';
	e->peer = host ? 'C' : 'H';
	e->gcm = gcm_create(key, v2 ? GCM_IV_LEN : V1_IV_LEN);
	return e->gcm ? 0 : -ENOMEM;
}

void envelope_finish(struct envelope *e)
{
	gcm_destroy(e->gcm);
	e->gcm = NULL;
}

static void make_iv(const struct envelope *e, uint32_t seq, char who, uint8_t iv[V1_IV_LEN])
{
	memset(iv, 0, V1_IV_LEN);
	if (e->v2)
		iv_message(iv, seq, who, IV_CONTROL);
	else
		iv[0] = (uint8_t)seq;
}

int envelope_open(struct envelope *e, const uint8_t *data, size_t len, uint8_t *out)
{
	struct rd r = rd_init(data, len);
	uint16_t type = rd_le16(&r), length = rd_le16(&r);
	uint32_t seq = rd_le32(&r);
	const uint8_t *tag = rd_bytes(&r, GCM_TAG_LEN);
	size_t plain = rd_left(&r);
	uint8_t iv[V1_IV_LEN];

	if (!rd_ok(&r) || type != TYPE_SEALED || length != LENGTH_BASE + plain || plain < ENVELOPE_PLAIN_MIN ||
	    plain > ENVELOPE_PLAIN_MAX)
		return -EPROTO;
	if (e->v2 && !replay_fresh(&e->replay, seq))
		return -EALREADY;
	make_iv(e, seq, e->peer, iv);
	if (gcm_open(e->gcm, iv, r.p, plain, tag, out))
		return -EBADMSG;
	if (e->v2)
		replay_mark(&e->replay, seq);
	return (int)plain;
}

int envelope_seal(struct envelope *e, const uint8_t *data, size_t len, uint8_t *out)
{
	uint8_t iv[V1_IV_LEN];
	int err;

	if (len < ENVELOPE_PLAIN_MIN || len > ENVELOPE_PLAIN_MAX)
		return -EMSGSIZE;
	if (e->next_seq > UINT32_MAX)
		return -EOVERFLOW;
	put_le16(out, TYPE_SEALED);
	put_le16(out + 2, (uint16_t)(LENGTH_BASE + len));
	put_le32(out + 4, (uint32_t)e->next_seq);
	make_iv(e, (uint32_t)e->next_seq, e->self, iv);
	e->next_seq++; /* also when sealing fails: better a gap than a repeat */
	err = gcm_seal(e->gcm, iv, data, len, out + ENVELOPE_OVERHEAD, out + 8);
	return err ? err : (int)(ENVELOPE_OVERHEAD + len);
}
