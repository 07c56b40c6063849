// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The control stream: one ENet peer with 48 channels (2-media 5.1), pings, requests and reports of a stock client, and
 * what the host says. Main thread, but for the four request functions, which the video thread calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "probe/crypto.h"
#include "probe/video_queue.h"

#define CONTROL_LOG 512u

enum control_channel {
	CHANNEL_GENERIC = 0,
	CHANNEL_URGENT = 1,
	CHANNEL_KEYBOARD = 2,
	CHANNEL_MOUSE = 3,
	CHANNEL_PEN = 4,
	CHANNEL_TOUCH = 5,
	CHANNEL_TEXT = 6,
	CHANNEL_PAD = 0x10,
	CHANNEL_SENSOR = 0x20,
};

struct judge;

struct control_params {
	union addr host; /* with the control port */
	uint32_t connect_data;
	const uint8_t *key;
	bool v2;
	uint64_t start_ns; /* zero of the message log */
	struct judge *judge;
};

struct control_stats {
	uint32_t idr_sent, rfi_sent, ltr_sent, fec_sent, pings, received;
	unsigned rtt_ms, rtt_var_ms;
	unsigned hdr_messages;
	bool hdr;                      /* as the newest of them says */
	uint8_t hdr_metadata[26];      /* same */
	bool terminated, disconnected; /* by the host */
	uint32_t termination_code;
};

struct control_log_entry {
	uint32_t ms;
	uint16_t type, len;
	uint8_t head[32];
};

struct control;

/* Connects (10 s) and sends the two start messages. -errno. */
int control_open(struct control **out, const struct control_params *p);
/* Asks for a disconnect, waits up to 2 s for what is not acknowledged. Accepts NULL. */
void control_close(struct control *c);

/* Serves the peer, sends what is due; waits until until_ns at most, less when there is something to do. False once the
 * host has ended the connection. */
bool control_round(struct control *c, uint64_t until_ns);
int control_send(struct control *c, unsigned channel, bool reliable, uint16_t type, const void *payload, size_t len);
const struct control_stats *control_stats(struct control *c);
const struct control_log_entry *control_log(const struct control *c, unsigned *n);

/* Video thread. */
void control_want_idr(struct control *c);
void control_want_invalidate(struct control *c, uint32_t first, uint32_t last);
void control_want_ltr_ack(struct control *c, uint32_t frame);
void control_want_fec_status(struct control *c, const uint8_t status[FEC_STATUS_LEN]);
