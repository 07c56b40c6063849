// SPDX-License-Identifier: GPL-3.0-or-later
/* One row of any code over GF(2^8), 0x11d, in plain C. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* out[b] = sum over i < n of row[i] * data[i][b]; n at most 255. */
void fec_row_portable(const uint8_t *row, unsigned n, size_t len, const uint8_t *const *data, uint8_t *out);
