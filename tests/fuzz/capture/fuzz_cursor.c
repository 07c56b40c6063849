// SPDX-License-Identifier: GPL-3.0-or-later
/* A cursor in a buffer's metadata, whatever the compositor writes there. What is taken can be shown: in sight, not too
 * large, no primary above its alpha. */
#include <stdlib.h>
#include <string.h>

#include "capture/pw_cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its size, and aligned as PipeWire's. */
	uint8_t *copy = malloc(size ? size : 1);
	struct spa_meta meta = {SPA_META_Cursor, (uint32_t)size, copy};
	const struct spa_buffer buffer = {.n_metas = 1, .metas = &meta};
	struct pw_cursor c;
	struct cursor now;

	if (!copy || pw_cursor_init(&c) < 0)
		abort();
	memcpy(copy, data, size);
	pw_cursor_read(&c, &buffer);
	if (pw_cursor_read(&c, &buffer) > 0 && !c.newest && c.shown)
		abort(); /* the same again is news of another image alone */
	now = pw_cursor_take(&c);
	if (now.image) {
		const struct cursor_image *i = now.image;

		if (!i->w || !i->h || i->w > CURSOR_DIM_MAX || i->h > CURSOR_DIM_MAX || !i->id ||
		    abs(now.x) > PW_CURSOR_AT_MAX || abs(now.y) > PW_CURSOR_AT_MAX)
			abort();
		for (size_t n = 0; n < (size_t)i->w * i->h * 4; n += 4)
			for (unsigned k = 0; k < 3; k++)
				if (i->argb[n + k] > i->argb[n + 3])
					abort();
	}
	cursor_image_unref(now.image);
	pw_cursor_finish(&c);
	free(copy);
	return 0;
}
