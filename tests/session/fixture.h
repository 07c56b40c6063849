// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Recorded sessions of a stock client with this host, tests/vectors/session-*.jsonl: what the client sent and received,
 * in its order, with the session's throwaway keys. The first video and audio datagrams only (tests/tools/
 * session_fixture.py). For tests: whatever is wrong with a file ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_channel {
	RECORD_HTTP,        /* text only */
	RECORD_RTSP,        /* whole messages, sealed or plain */
	RECORD_VIDEO,       /* datagrams: pings from the client, media from the host */
	RECORD_AUDIO,       /* the same */
	RECORD_CONTROL,     /* ENet datagrams */
	RECORD_CONTROL_MSG, /* payloads of the control messages inside */
};

struct record {
	enum record_channel channel;
	bool sent;    /* by the client */
	bool dropped; /* simulated loss: the client did not look at it */
	double ms;
	uint8_t *data;
	size_t len;
	/* control messages */
	uint16_t type;
	uint8_t enet_channel;
	uint32_t enet_flags, seq;
};

struct fixture {
	uint8_t key[16];
	uint32_t rikeyid;
	uint16_t port; /* of HTTP when it was recorded; the others keep their distance */
	struct record *record;
	size_t n;
};

void fixture_load(struct fixture *f, const char *path);
/* From the folder of TEST_VECTORS. */
void fixture_load_vector(struct fixture *f, const char *name);
void fixture_free(struct fixture *f);

/* The next record of that channel and direction after r (NULL: the first), or NULL. */
const struct record *fixture_next(const struct fixture *f, const struct record *r, enum record_channel channel,
				  bool sent);
unsigned fixture_count(const struct fixture *f, enum record_channel channel, bool sent);

/* The message of a sealed frame of either direction, terminated; NULL: it is not sealed, or not with this key. Its
 * sequence number in *seq. The caller's to free. */
char *fixture_unseal(const struct fixture *f, const void *data, size_t len, bool sent, uint32_t *seq);
/* The same message of the client, sealed: *len bytes, the caller's to free. */
uint8_t *fixture_seal(const struct fixture *f, uint32_t seq, const void *plain, size_t plain_len, size_t *len);

/* A control message as the envelope takes it: type, length, payload. The length. */
size_t record_message(const struct record *r, uint8_t *out, size_t cap);

/* What the audio datagram carries, opened when encrypted; the length. */
size_t fixture_audio_payload(const struct fixture *f, const uint8_t *datagram, size_t len, bool encrypted,
			     uint8_t out[1400]);
/* A video shard, opened into out when it is sealed under this key, else copied; the length. counter: of its IV. */
size_t fixture_video_shard(const struct fixture *f, const uint8_t *datagram, size_t len, bool encrypted,
			   uint8_t out[2080], uint64_t *counter);
