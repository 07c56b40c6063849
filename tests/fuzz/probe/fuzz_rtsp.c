// SPDX-License-Identifier: GPL-3.0-or-later
/* An answer, plain or sealed, and its body as an offer. */
#include <stdlib.h>
#include <string.h>

#include "probe/crypto.h"
#include "probe/rtsp_msg.h"
#include "probe/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[KEY_LEN];
	static struct sealer *sealer;
	struct rtsp_response r;
	struct sdp_offer offer;
	uint8_t *copy = malloc(size + 1);
	char *plain;
	uint32_t seq;
	size_t len;

	if (!sealer)
		sealer = sealer_create(key, SEAL_IV);
	if (!sealer || !copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	copy[size] = 0;
	if (rtsp_response_parse(&r, (char *)copy, size, NULL) == 0) {
		(void)rtsp_response_header(&r, "Session");
		(void)rtsp_response_header(&r, "Transport");
		sdp_offer_parse(&offer, r.body, NULL);
	}
	(void)rtsp_unseal(sealer, 'H', copy, size, &seq, &plain, &len);
	free(copy);
	return 0;
}
