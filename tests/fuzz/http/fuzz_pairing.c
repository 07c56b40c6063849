// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pairing state machine driven by bytes: each line of the input is one step, its first character says which, the
 * second who speaks, the rest is the step's value. Checked: no one is paired but by the right sequence with a proof
 * that fits, the number that wait stays in bounds, and every parked phase is answered once or dropped.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/identity.h"
#include "http/pairing.h"

#define WAITING_MAX 4
#define PARKED_MAX  1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity *host;
static char client_hex[2 * CERT_PEM_MAX + 1];
static uint32_t parked[PARKED_MAX];
static unsigned n_parked;

static void count_random(void *buf, size_t len)
{
	memset(buf, 0x20, len);
}

static void on_answer(void *ctx, uint32_t id, const struct pairing_reply *r)
{
	(void)ctx;
	if (r->status != 200 && r->paired)
		abort();
	for (unsigned i = 0; i < n_parked; i++) {
		if (parked[i] == id) {
			parked[i] = parked[--n_parked];
			return;
		}
	}
	abort();
}

static void make_host(void)
{
	char dir[] = "/tmp/moonrill-fuzz-XXXXXX", path[64];
	const char *pem;

	if (!mkdtemp(dir) || identity_load(&host, dir))
		abort();
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	if (system(path))
		abort();
	pem = identity_cert_pem(host);
	hex_encode(client_hex, pem, strlen(pem));
}

static void one(struct pairing *p, uint64_t *now, char what, const struct pairing_client *who, const char *value)
{
	static struct pairing_reply r;
	static struct pairing_done done;
	uint32_t id;

	switch (what) {
	case 's':
		id = pairing_start(p, *now, who, value, "000102030405060708090a0b0c0d0e0f", client_hex, &r);
		if (id && n_parked < PARKED_MAX)
			parked[n_parked++] = id;
		break;
	case 'S':
		if (pairing_start(p, *now, who, NULL, value, value, &r))
			abort(); /* never a certificate and a salt at once */
		break;
	case 'p':
		pairing_pin(p, *now, value, value);
		break;
	case '2':
		pairing_challenge(p, *now, who, value, &r);
		break;
	case '3':
		pairing_response(p, *now, who, value, &r);
		break;
	case '4':
		/* Nobody here holds a client's key. */
		if (pairing_secret(p, *now, who, value, &r, &done))
			abort();
		break;
	case 'u':
		pairing_unpair(p, *now, who);
		break;
	case 'd':
		if (n_parked) {
			id = parked[n_parked - 1];
			n_parked--;
			pairing_drop(p, id);
		}
		break;
	case 't':
		*now += (uint64_t)(uint8_t)*value * NS_PER_S;
		pairing_tick(p, *now);
		if (pairing_next_ns(p) <= *now)
			abort();
		break;
	default:
		break;
	}
	if (pairing_waiting(p) > WAITING_MAX || pairing_waiting(p) != n_parked)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pairing_params pp = {120 * NS_PER_S, WAITING_MAX, NULL, count_random};
	struct pairing *p;
	uint64_t now = 1;
	char *text = malloc(size + 1), *line, *next;
	unsigned steps = 0;

	if (!host)
		make_host();
	pp.identity = host;
	n_parked = 0;
	p = pairing_create(&pp, on_answer, NULL);
	if (!p || !text)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	for (line = text; line && *line && steps < 200; line = next, steps++) {
		struct pairing_client who = {.uniqueid = "0123456789ABCDEF"};
		char address[32];

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		snprintf(address, sizeof(address), "10.0.0.%u", line[0] && line[1] ? line[1] & 7u : 0);
		addr_parse(&who.peer, address, 1);
		one(p, &now, line[0], &who, line[0] && line[1] ? line + 2 : "");
	}
	pairing_destroy(p);
	free(text);
	return 0;
}
