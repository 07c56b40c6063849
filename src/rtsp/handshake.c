// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/str.h"

#define PING_PAYLOAD_LEN 16

static bool key_in_use(const struct handshake_list *l, const uint8_t key[AES_KEY_LEN])
{
	for (const struct rtsp_handshake *h = l->first; h; h = h->next)
		if (h->p.sealed && mem_equal_ct(h->p.key, key, AES_KEY_LEN))
			return true;
	return false;
}

static void handshake_free(struct rtsp_handshake *h)
{
	gcm_destroy(h->gcm);
	buf_finish(&h->announced);
	explicit_bzero(h, sizeof(*h));
	free(h);
}

int handshake_add(struct handshake_list *l, const struct rtsp_handshake_params *p, const struct rtsp_events *ev,
		  void *ctx, struct rtsp_handshake **out)
{
	uint8_t id[SESSION_ID_LEN / 2];
	struct rtsp_handshake *h;

	if (strnlen(p->ping_payload, sizeof(p->ping_payload)) != PING_PAYLOAD_LEN)
		return -EINVAL;
	if (!p->sealed && handshake_plain_pending(l, &p->peer))
		return -EBUSY;
	if (p->sealed && key_in_use(l, p->key))
		return -EEXIST;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->p = *p;
	h->ev = *ev;
	h->ctx = ctx;
	buf_init(&h->announced, SIZE_MAX);
	if (p->sealed && !(h->gcm = gcm_create(p->key, GCM_IV_LEN))) {
		handshake_free(h);
		return -ENOMEM;
	}
	rand_bytes(id, sizeof(id));
	hex_encode(h->session_id, id, sizeof(id));
	h->next = l->first;
	l->first = h;
	*out = h;
	return 0;
}

void handshake_remove(struct handshake_list *l, struct rtsp_handshake *h)
{
	for (struct rtsp_handshake **p = &l->first; *p; p = &(*p)->next) {
		if (*p == h) {
			*p = h->next;
			break;
		}
	}
	h->next = NULL;
	h->forgotten = true;
	if (!h->held)
		handshake_free(h);
}

void handshake_enter(struct rtsp_handshake *h)
{
	h->held++;
}

void handshake_leave(struct rtsp_handshake *h)
{
	if (!--h->held && h->forgotten)
		handshake_free(h);
}

bool handshake_pending(const struct rtsp_handshake *h)
{
	return h->state < HANDSHAKE_PLAYING;
}

static bool is_plain_of(const struct rtsp_handshake *h, const union addr *peer)
{
	return !h->p.sealed && addr_same_host(&h->p.peer, peer);
}

struct rtsp_handshake *handshake_plain_pending(const struct handshake_list *l, const union addr *peer)
{
	for (struct rtsp_handshake *h = l->first; h; h = h->next)
		if (is_plain_of(h, peer) && handshake_pending(h))
			return h;
	return NULL;
}

struct rtsp_handshake *handshake_find_plain(const struct handshake_list *l, const union addr *peer,
					    const struct rtsp_request *q)
{
	struct rtsp_text id = rtsp_request_session(q);
	struct rtsp_handshake *newest = NULL;

	for (struct rtsp_handshake *h = l->first; h; h = h->next) {
		if (!is_plain_of(h, peer))
			continue;
		if (id.len ? rtsp_text_equal(id, h->session_id) : handshake_pending(h))
			return h;
		if (!id.len && !newest)
			newest = h;
	}
	return newest;
}

bool handshake_plain_any(const struct handshake_list *l, const union addr *peer)
{
	for (const struct rtsp_handshake *h = l->first; h; h = h->next)
		if (is_plain_of(h, peer))
			return true;
	return false;
}

bool handshake_has_sealed(const struct handshake_list *l, const union addr *peer)
{
	for (const struct rtsp_handshake *h = l->first; h; h = h->next)
		if (h->p.sealed && addr_same_host(&h->p.peer, peer))
			return true;
	return false;
}

struct rtsp_handshake *handshake_open(const struct handshake_list *l, const struct seal_frame *frame, void *out)
{
	for (struct rtsp_handshake *h = l->first; h; h = h->next)
		if (h->p.sealed && seal_open(h->gcm, frame, out) == 0)
			return h;
	return NULL;
}

int handshake_seal(struct rtsp_handshake *h, const struct buf *answer, struct buf *out)
{
	if (h->host_seq == UINT32_MAX)
		return -EOVERFLOW;
	return seal_write(h->gcm, ++h->host_seq, answer->data, answer->len, out);
}
