// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What our HTTPS differs in from the library's default (1-session 3.3, 3.4): every client is asked for a certificate
 * with an empty list of names, none is refused for what it shows or does not show, and the certificate is then looked
 * up by its bytes. That the peer owns its key is proven by the handshake. Main thread.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/cert.h"

/* TLS 1.2 and 1.3, no resumption: a resumed session would carry no client certificate. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"

/* Before the handshake. */
void tls_ask_certificate(gnutls_session_t s);
/* After it: SHA-256 of the DER of the client's certificate; false when it showed none. */
bool tls_peer_hash(gnutls_session_t s, uint8_t hash[CERT_HASH]);
