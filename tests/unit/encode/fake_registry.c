// SPDX-License-Identifier: GPL-3.0-or-later
#include "fake_registry.h"

#include <stddef.h>
#include <string.h>

const struct encoder_ops *const *fake_registry;

const struct encoder_ops *encoder_at(unsigned n)
{
	return fake_registry[n];
}

const struct encoder_ops *encoder_find(const char *name, enum codec codec, struct enc_caps *caps)
{
	const struct encoder_ops *ops;
	struct enc_caps found = {0};

	for (unsigned i = 0; (ops = fake_registry[i]); i++)
		if (!strcmp(ops->name, name) && ops->probe(codec, caps ? caps : &found) == 0)
			return ops;
	return NULL;
}

void encoder_use_device(const char *path)
{
	(void)path;
}

const char *encoder_device(void)
{
	return "";
}
