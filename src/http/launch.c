// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/launch.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/str.h"
#include "http/xml.h"

#define SIDE_MAX 16384
#define FPS_MAX  1000

/* "WxHxFPS"; all zero means that the client leaves it open. Some clients send thousandths of a frame per second. */
static int parse_mode(const char *text, struct launch_query *out)
{
	int64_t part[3];

	for (unsigned i = 0; i < 3; i++) {
		size_t n = strcspn(text, "x");

		if (str_to_i64(text, n, 0, i < 2 ? SIDE_MAX : FPS_MAX * 1000, &part[i]))
			return -EINVAL;
		text += n;
		if (i < 2 && *text++ != 'x')
			return -EINVAL;
	}
	if (*text || !part[0] != !part[1])
		return -EINVAL;
	if (part[2] > FPS_MAX)
		part[2] = (part[2] + 500) / 1000;
	out->width = (uint16_t)part[0];
	out->height = (uint16_t)part[1];
	out->fps = (uint32_t)part[2];
	return 0;
}

/* An optional number. */
static bool number(const struct query *q, const char *key, int64_t min, int64_t max, int64_t absent, int64_t *out)
{
	int err = query_int(q, key, min, max, out);

	if (err == -ENOENT)
		*out = absent;
	return !err || err == -ENOENT;
}

static bool flag(const struct query *q, const char *key, bool *out)
{
	int64_t v;
	bool ok = number(q, key, INT32_MIN, INT32_MAX, 0, &v);

	*out = ok && v != 0;
	return ok;
}

static bool surround_known(uint32_t info)
{
	uint32_t channels = info & 0xffff;

	return info >> 16 && (channels == 2 || channels == 6 || channels == 8);
}

static const char *parse(const struct query *q, bool resume, struct launch_query *out)
{
	const char *rikey = query_get(q, "rikey"), *mode = query_get(q, "mode");
	int64_t v;
	int err;

	out->resume = resume;
	if (!rikey)
		return "Missing rikey parameter";
	if (strlen(rikey) != 2 * sizeof(out->rikey) ||
	    hex_decode(out->rikey, sizeof(out->rikey), rikey, strlen(rikey)) < 0)
		return "Invalid rikey parameter";

	err = query_int(q, "rikeyid", INT32_MIN, INT32_MAX, &v);
	if (err)
		return err == -ENOENT ? "Missing rikeyid parameter" : "Invalid rikeyid parameter";
	out->rikeyid = (int32_t)v;

	v = 0;
	err = query_int(q, "appid", resume ? 0 : 1, INT32_MAX, &v);
	if (err && !(resume && err == -ENOENT))
		return err == -ENOENT ? "Missing appid parameter" : "Invalid appid parameter";
	out->app_id = (uint32_t)v;

	if (!resume && !query_get(q, "localAudioPlayMode"))
		return "Missing localAudioPlayMode parameter";
	if (!flag(q, "localAudioPlayMode", &out->local_audio) || !flag(q, "sops", &out->sops) ||
	    !flag(q, "hdrMode", &out->hdr))
		return "Invalid localAudioPlayMode, sops or hdrMode parameter";

	if (mode && parse_mode(mode, out))
		return "Invalid mode parameter";

	if (!number(q, "surroundAudioInfo", 0, UINT32_MAX, SURROUND_STEREO, &v) || !surround_known((uint32_t)v))
		return "Invalid surroundAudioInfo parameter";
	out->surround_info = (uint32_t)v;

	if (!number(q, query_get(q, "gcmap") ? "gcmap" : "remoteControllersBitmap", 0, UINT32_MAX, 0, &v))
		return "Invalid gcmap parameter";
	out->gcmap = (uint32_t)v;

	if (!number(q, "corever", 0, UINT32_MAX, 0, &v))
		return "Invalid corever parameter";
	out->corever = (uint32_t)v;
	return NULL;
}

const char *launch_parse(const struct query *q, bool resume, struct launch_query *out)
{
	const char *why;

	*out = (struct launch_query){0};
	why = parse(q, resume, out);
	if (why)
		OPENSSL_cleanse(out, sizeof(*out));
	return why;
}

void launch_url(struct buf *b, const union addr *local, uint16_t port, bool sealed)
{
	char host[ADDR_TEXT];

	buf_fmt(b, "%s://%s:%u", sealed ? "rtspenc" : "rtsp", addr_host(local, true, host), port);
}

void launch_answer(struct buf *b, bool resume, int status, const char *message, const char *session_url)
{
	xml_begin(b, status, status == 200 ? NULL : message);
	if (status == 200)
		xml_text(b, "sessionUrl0", session_url);
	xml_uint(b, resume ? "resume" : "gamesession", status == 200);
	xml_end(b);
}
