// SPDX-License-Identifier: GPL-3.0-or-later
#include "encoders.h"

#include <stdio.h>
#include <string.h>

#include "encode/choice.h"
#include "encode/picture.h"
#include "encode/registry.h"

/* What the daemon says of it, or NULL. */
static const char *why_noted(const json_t *noted, const struct encoder_ops *ops, enum codec codec)
{
	const json_t *o;
	size_t i;

	json_array_foreach(noted, i, o)
	{
		const char *backend = json_string_value(json_object_get(o, "backend"));
		const char *name = json_string_value(json_object_get(o, "codec"));

		if (backend && name && !strcmp(backend, ops->name) && !strcmp(name, codec_name(codec)))
			return json_string_value(json_object_get(o, "why"));
	}
	return NULL;
}

static json_t *formats(const struct enc_caps *c)
{
	json_t *list = json_array();

	for (unsigned whole = 0; whole < 2; whole++)
		for (uint8_t depth = 8; depth <= 10; depth += 2) {
			const struct video_params v = {.depth = depth, .yuv444 = whole};

			if (enc_caps_have(c, depth, whole))
				json_array_append_new(list, json_string(picture_format_name(picture_format_for(&v))));
		}
	return list;
}

static json_t *row(const struct encoder_ops *ops, enum codec codec, const struct enc_caps *c, const json_t *noted)
{
	const char *why, *daemon = why_noted(noted, ops, codec);
	bool taken = encoder_choice_takes(ops, codec, &why);
	struct encoder_details d = {.low_power = false};
	bool rfi = c->flags & ENC_RFI;
	json_t *o = json_pack("{s:s, s:s, s:b, s:s}", "backend", ops->name, "codec", codec_name(codec), "auto", taken,
			      "why", daemon ? daemon : why);

	if (ops->describe)
		ops->describe(codec, &d);
	json_object_update_new(o, json_pack("{s:i, s:i, s:i, s:b}", "max_width", (int)c->max_width, "max_height",
					    (int)c->max_height, "max_depth", c->max_depth, "yuv444", c->yuv444));
	json_object_set_new(o, "formats", formats(c));
	json_object_update_new(o, json_pack("{s:i, s:i, s:b, s:b}", "max_slices", c->max_slices, "max_refs",
					    c->max_refs, "early", c->flags & ENC_SLICES, "rate", c->flags & ENC_RATE));
	/* rfi: answers a loss without a key frame; ltr: keeps what the client acknowledged. */
	json_object_update_new(o, json_pack("{s:b, s:b}", "rfi", rfi, "ltr", rfi && ops->acked));
	json_object_update_new(o, json_pack("{s:s, s:s, s:b, s:s}", "profile", d.profile, "entry_point", d.entry,
					    "low_power", d.low_power, "packed_headers", d.packed));
	json_object_update_new(
		o, json_pack("{s:s, s:s, s:s}", "device", d.device, "driver", d.driver, "quirks", d.quirks));
	return o;
}

json_t *encoders_json(const json_t *noted)
{
	json_t *list = json_array();
	const struct encoder_ops *ops;

	for (unsigned i = 0; list && (ops = encoder_at(i)); i++)
		for (enum codec codec = CODEC_H264; codec <= CODEC_AV1; codec++) {
			struct enc_caps caps = {0};

			if (ops->probe(codec, &caps) == 0 &&
			    json_array_append_new(list, row(ops, codec, &caps, noted)) < 0) {
				json_decref(list);
				return NULL;
			}
		}
	return list;
}

json_t *encoders_noted(void)
{
	json_t *list = json_array();
	const struct encoder_ops *ops;
	const char *why;

	for (unsigned i = 0; list && (ops = encoder_at(i)); i++)
		for (enum codec codec = CODEC_H264; codec <= CODEC_AV1; codec++) {
			encoder_choice_takes(ops, codec, &why);
			if (*why)
				json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "backend", ops->name, "codec",
								      codec_name(codec), "why", why));
		}
	return list;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int number(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

static bool is(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

void encoders_text(const json_t *list, struct buf *out)
{
	size_t i;
	json_t *o;

	buf_fmt(out, "%-8s %-5s %-5s %-10s %-6s %-6s %-10s %-6s\n", "encoder", "codec", "auto", "size", "slices",
		"depth", "lost", "early");
	json_array_foreach(list, i, o)
	{
		char size[32];

		snprintf(size, sizeof(size), "%dx%d", number(o, "max_width"), number(o, "max_height"));
		buf_fmt(out, "%-8s %-5s %-5s %-10s %-6d %-6d %-10s %-6s\n", text(o, "backend"), text(o, "codec"),
			is(o, "auto") ? "yes" : "no", size, number(o, "max_slices"), number(o, "max_depth"),
			!is(o, "rfi")  ? "key frame"
			: is(o, "ltr") ? "rfi, ltr"
				       : "rfi",
			is(o, "early") ? "yes" : "no");
		if (*text(o, "why"))
			buf_fmt(out, "         %s\n", text(o, "why"));
		if (!*text(o, "driver"))
			continue;
		buf_fmt(out, "         %s: %s\n", text(o, "device"), text(o, "driver"));
		buf_fmt(out, "         profile %s, %s%s, packed headers: %s\n", text(o, "profile"),
			text(o, "entry_point"), is(o, "low_power") ? " (low power)" : "",
			*text(o, "packed_headers") ? text(o, "packed_headers") : "none");
		buf_fmt(out, "         %s\n", text(o, "quirks"));
	}
}
