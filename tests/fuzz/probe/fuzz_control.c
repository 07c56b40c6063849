// SPDX-License-Identifier: GPL-3.0-or-later
/* The envelope as it is, and the message inside a correct one. */
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "probe/control_msg.h"
#include "probe/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[KEY_LEN];
	static struct sealer *sealer;
	uint8_t wire[2048], iv[16];
	struct control_message m;

	if (!sealer)
		sealer = sealer_create(key, SEAL_IV);
	if (!sealer)
		abort();
	(void)control_open_message(sealer, true, data, size, &m);
	if (!size || size > sizeof(wire) - CONTROL_ENVELOPE)
		return 0;
	put_le16(wire, 1);
	put_le16(wire + 2, (uint16_t)(20 + size));
	put_le32(wire + 4, 7);
	iv_of_message(iv, 7, 'H', 'C');
	if (sealer_close(sealer, iv, data, size, wire + CONTROL_ENVELOPE, wire + 8))
		abort();
	if (control_open_message(sealer, true, wire, CONTROL_ENVELOPE + size, &m) == 0)
		control_judge_message(&m, NULL);
	return 0;
}
