// SPDX-License-Identifier: GPL-3.0-or-later
/* /applist and /appasset, 1-session 2.6 and 2.7. */
#include "http/handlers.h"

#include <string.h>

#include "http/xml.h"

#define APPS_MAX 4096

void handle_applist(struct http *h, struct http_call *c)
{
	struct applist_entry app;
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, 200, NULL);
	for (unsigned i = 0; i < APPS_MAX && h->ev.app(h->ctx, i, &app); i++) {
		xml_open(&b, "App");
		xml_uint(&b, "IsHdrSupported", app.hdr);
		xml_text(&b, "AppTitle", app.title);
		xml_uint(&b, "ID", app.id);
		xml_close(&b, "App");
	}
	xml_end(&b);
	answer_xml(c, &b);
}

static const char *image_type(const struct buf *b)
{
	if (b->len >= 8 && memcmp(b->data, "\x89PNG\r\n\x1a\n", 8) == 0)
		return "image/png";
	if (b->len >= 3 && memcmp(b->data, "\xff\xd8\xff", 3) == 0)
		return "image/jpeg";
	return NULL;
}

/* The one place with a true HTTP error: clients read it as "no picture", where a 200 would be taken for one. */
void handle_appasset(struct http *h, struct http_call *c)
{
	const char *type = NULL;
	struct buf b;
	int64_t id;

	buf_init(&b, ART_MAX);
	if (!query_int(&c->query, "appid", 1, INT32_MAX, &id) && !h->ev.asset(h->ctx, (uint32_t)id, &b))
		type = image_type(&b);
	if (type) {
		call_answer(c, 200, type, &b);
	} else {
		buf_reset(&b);
		xml_begin(&b, 404, "No picture");
		xml_end(&b);
		call_answer(c, 404, "application/xml; charset=utf-8", &b);
	}
	buf_finish(&b);
}
