// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The paired clients, one JSON file each in STATE/clients, named by the SHA-256 of the certificate. A client is its
 * certificate: pairing again replaces the entry. A file that cannot be read is reported and left alone. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/cert.h"
#include "http/identity.h"

#define CLIENT_NAME 64
#define CLIENTS_MAX 256

struct clients;

struct client {
	uint8_t hash[CERT_HASH]; /* SHA-256 of the DER */
	char id[2 * CERT_HASH + 1];
	char name[CLIENT_NAME];
	char uuid[UUID_TEXT];
	int64_t paired_at; /* seconds since 1970 */
};

/* Reads STATE/clients, making the folder when it is missing. -errno. */
int clients_load(struct clients **out, const char *state_dir);
void clients_destroy(struct clients *c); /* accepts NULL */

/* Stores the certificate on disk before it counts as paired. A client that is there already keeps its uuid, and its
 * name when the new one is empty. -ENOSPC: CLIENTS_MAX reached; or the error of the disk. */
int clients_add(struct clients *c, const struct cert *cert, const char *name);
/* Removes by id, by its first digits (8 or more), uuid or name. -ENOENT; -EEXIST: several fit, none was removed. On
 * success the entry that is gone is in *gone. */
int clients_remove(struct clients *c, const char *which, struct client *gone);

/* Valid until the next add or remove. NULL: not paired. */
const struct client *clients_find(const struct clients *c, const uint8_t hash[CERT_HASH]);
/* The n-th in order of pairing, or NULL past the end. */
const struct client *clients_get(const struct clients *c, unsigned n);
