// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/tls.h"

void tls_ask_certificate(gnutls_session_t s)
{
	gnutls_certificate_server_set_request(s, GNUTLS_CERT_REQUEST);
	/* 1 means: send no names. */
	gnutls_certificate_send_x509_rdn_sequence(s, 1);
}

bool tls_peer_hash(gnutls_session_t s, uint8_t hash[CERT_HASH])
{
	unsigned n = 0;
	const gnutls_datum_t *chain;

	if (gnutls_certificate_type_get2(s, GNUTLS_CTYPE_CLIENT) != GNUTLS_CRT_X509)
		return false;
	chain = gnutls_certificate_get_peers(s, &n);
	if (!chain || !n)
		return false;
	cert_hash(hash, chain[0].data, chain[0].size);
	return true;
}
