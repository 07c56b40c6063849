// SPDX-License-Identifier: GPL-3.0-or-later
#include "encoders.h"

#include <stdio.h>
#include <string.h>

#include "encode/choice.h"
#include "encode/picture.h"
#include "encode/registry.h"

/* What the daemon says of it, or NULL. */
static const char *why_noted(const json_t *noted, const struct encoder_ops *ops, enum codec codec, const char *format)
{
	const json_t *o;
	size_t i;

	json_array_foreach(noted, i, o)
	{
		const char *backend, *name, *of;

		if (json_unpack((json_t *)(uintptr_t)o, "{s:s, s:s, s:s}", "backend", &backend, "codec", &name,
				"format", &of) == 0 &&
		    !strcmp(backend, ops->name) && !strcmp(name, codec_name(codec)) && !strcmp(of, format))
			return json_string_value(json_object_get(o, "why"));
	}
	return NULL;
}

static void add_name(json_t *list, enum picture_format f)
{
	json_array_append_new(list, json_string(picture_format_name(f)));
}

/* What it has, what of that "auto" takes, and why not the rest. */
static void formats(json_t *row, const struct encoder_ops *ops, enum codec codec, const struct enc_caps *c,
		    const json_t *noted)
{
	json_t *has = json_array(), *taken = json_array();
	char all[4 * ENCODER_WHY_MAX] = "";

	for (enum picture_format f = 0; f < PICTURE_FORMATS; f++) {
		const char *name = picture_format_name(f), *daemon = why_noted(noted, ops, codec, name), *why;
		const size_t at = strlen(all);

		if (!enc_caps_have(c, picture_is_10bit(f) ? 10 : 8, picture_is_444(f)))
			continue;
		add_name(has, f);
		if (encoder_choice_takes(ops, codec, f, &why))
			add_name(taken, f);
		if (daemon)
			why = daemon;
		if (*why)
			snprintf(all + at, sizeof(all) - at, "%s%s%s%s", at ? "; " : "", f ? name : "", f ? ": " : "",
				 why);
	}
	json_object_set_new(row, "formats", has);
	json_object_set_new(row, "auto_formats", taken);
	json_object_set_new(row, "why", json_string(all));
}

static json_t *row(const struct encoder_ops *ops, enum codec codec, const struct enc_caps *c, const json_t *noted)
{
	const char *why;
	bool taken = encoder_choice_takes(ops, codec, PICTURE_NV12, &why);
	struct encoder_details d = {.low_power = false};
	bool rfi = c->flags & ENC_RFI;
	json_t *o = json_pack("{s:s, s:s, s:b}", "backend", ops->name, "codec", codec_name(codec), "auto", taken);

	if (ops->describe)
		ops->describe(codec, &d);
	formats(o, ops, codec, c, noted);
	json_object_update_new(o, json_pack("{s:i, s:i, s:i, s:b}", "max_width", (int)c->max_width, "max_height",
					    (int)c->max_height, "max_depth", c->max_depth, "yuv444", c->yuv444));
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
		for (unsigned n = 0; n < CODECS * PICTURE_FORMATS; n++) {
			enum codec codec = (enum codec)(n / PICTURE_FORMATS);
			enum picture_format f = (enum picture_format)(n % PICTURE_FORMATS);

			encoder_choice_takes(ops, codec, f, &why);
			if (*why)
				json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "backend", ops->name,
								      "codec", codec_name(codec), "format",
								      picture_format_name(f), "why", why));
		}
	return list;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void list_text(const json_t *names, struct buf *out)
{
	const json_t *s;
	size_t i;

	if (!json_array_size(names))
		buf_str(out, "none");
	json_array_foreach(names, i, s) buf_fmt(out, "%s%s", i ? ", " : "", json_string_value(s));
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
		buf_str(out, "         formats: ");
		list_text(json_object_get(o, "formats"), out);
		buf_str(out, "; auto takes ");
		list_text(json_object_get(o, "auto_formats"), out);
		buf_fmt(out, "\n         %s: %s\n", text(o, "device"), text(o, "driver"));
		buf_fmt(out, "         profile %s, %s%s, packed headers: %s\n", text(o, "profile"),
			text(o, "entry_point"), is(o, "low_power") ? " (low power)" : "",
			*text(o, "packed_headers") ? text(o, "packed_headers") : "none");
		buf_fmt(out, "         %s\n", text(o, "quirks"));
	}
}
