// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/xml.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "probe/judge.h"

#define RULE      "1-session 2.2"
#define DEPTH_MAX 8u

enum token_kind { TOKEN_END, TOKEN_TEXT, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_EMPTY, TOKEN_DECL, TOKEN_OTHER, TOKEN_BAD };

struct token {
	enum token_kind kind;
	const char *p; /* name of a tag, or the text */
	size_t len;
	const char *attrs; /* of a tag */
	size_t attrs_len;
};

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '.' || c == ':';
}

/* The end of a tag, quotes respected, or NULL. */
static const char *tag_end(const char *p, const char *end)
{
	char quote = 0;

	for (; p < end; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p;
	}
	return NULL;
}

static struct token next_token(const char **at, const char *end)
{
	const char *p = *at, *close;
	struct token t = {.kind = TOKEN_END};

	if (p >= end)
		return t;
	if (*p != '<') {
		const char *lt = memchr(p, '<', (size_t)(end - p));

		t = (struct token){.kind = TOKEN_TEXT, .p = p, .len = (size_t)((lt ? lt : end) - p)};
		*at = p + t.len;
		return t;
	}
	close = tag_end(p, end);
	if (!close || close - p < 2) {
		*at = end;
		t.kind = TOKEN_BAD;
		return t;
	}
	*at = close + 1;
	p++;
	if (*p == '?' || *p == '!') {
		t.kind = *p == '?' ? TOKEN_DECL : TOKEN_OTHER;
		t.p = p;
		t.len = (size_t)(close - p);
		return t;
	}
	t.kind = TOKEN_OPEN;
	if (*p == '/') {
		t.kind = TOKEN_CLOSE;
		p++;
	} else if (close[-1] == '/') {
		t.kind = TOKEN_EMPTY;
		close--;
	}
	t.p = p;
	while (p < close && name_char(*p))
		p++;
	t.len = (size_t)(p - t.p);
	t.attrs = p;
	t.attrs_len = (size_t)(close - p);
	if (!t.len)
		t.kind = TOKEN_BAD;
	return t;
}

static bool named(const struct token *t, const char *name)
{
	return t->len == strlen(name) && memcmp(t->p, name, t->len) == 0;
}

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* One entity at p ('&'); the bytes it stands for, and how long it was. 0: not one. */
static size_t entity(const char *p, size_t len, char out[4], size_t *out_len)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	const char *semi = memchr(p, ';', len < 12 ? len : 12);
	size_t n = semi ? (size_t)(semi - p) + 1 : 0;
	uint32_t code = 0;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (n == strlen(known[i].name) && memcmp(p, known[i].name, n) == 0) {
			out[0] = known[i].c;
			*out_len = 1;
			return n;
		}
	}
	if (n < 4 || p[1] != '#')
		return 0;
	for (size_t i = p[2] == 'x' ? 3 : 2; i < n - 1; i++) {
		unsigned base = p[2] == 'x' ? 16 : 10, d;

		if (p[i] >= '0' && p[i] <= '9')
			d = (unsigned)(p[i] - '0');
		else if (base == 16 && (p[i] | 32) >= 'a' && (p[i] | 32) <= 'f')
			d = (unsigned)((p[i] | 32) - 'a') + 10;
		else
			return 0;
		code = code * base + d;
		if (code > 0x10ffff)
			return 0;
	}
	*out_len = put_utf8(out, code);
	return n;
}

/* False: an entity that is none, or out of room. */
static bool unescape(const char *p, size_t len, char *out, size_t cap)
{
	size_t n = 0;

	while (len) {
		char bytes[4] = {*p};
		size_t made = 1, took = 1;

		if (*p == '&')
			took = entity(p, len, bytes, &made);
		if (!took || n + made >= cap)
			return false;
		memcpy(out + n, bytes, made);
		n += made;
		p += took;
		len -= took;
	}
	if (n >= cap)
		return false;
	out[n] = 0;
	return true;
}

/* The value of an attribute in p; where it was found, or NULL. */
static const char *attribute(const char *p, size_t len, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name);

	for (size_t i = 1; i + n + 2 < len; i++) {
		const char *v = p + i + n + 2, *end;

		if ((p[i - 1] != ' ' && p[i - 1] != '\t' && p[i - 1] != '\n') || memcmp(p + i, name, n) != 0 ||
		    p[i + n] != '=' || (p[i + n + 1] != '"' && p[i + n + 1] != '\''))
			continue;
		end = memchr(v, p[i + n + 1], len - (size_t)(v - p));
		if (!end || !unescape(v, (size_t)(end - v), out, cap))
			return NULL;
		return p + i;
	}
	return NULL;
}

static int read_root(struct xml *x, const struct token *t, struct judge *j)
{
	char code[24] = "";
	const char *at_code, *at_message;
	int64_t status;

	if (!named(t, "root")) {
		judge_fault(j, RULE, "the document element is not root");
		return -EPROTO;
	}
	at_code = attribute(t->attrs, t->attrs_len, "status_code", code, sizeof(code));
	at_message = attribute(t->attrs, t->attrs_len, "status_message", x->message, sizeof(x->message));
	if (!at_code || str_to_i64(code, strlen(code), 0, UINT32_MAX, &status)) {
		judge_fault(j, RULE, "root has no decimal status_code");
		return -EPROTO;
	}
	x->status = (int)status;
	if (at_message && at_message < at_code)
		judge_fault(j, RULE, "status_message stands before status_code");
	if (x->status != 200 && !at_message)
		judge_fault(j, "1-session 2.11", "status %d without status_message", x->status);
	return 0;
}

static void judge_text(const struct token *t, unsigned depth, const struct token *inside, struct judge *j)
{
	bool blank = true;

	for (size_t i = 0; i < t->len; i++)
		blank &= t->p[i] == ' ' || t->p[i] == '\n' || t->p[i] == '\r' || t->p[i] == '\t';
	if (!depth && !blank)
		judge_fault(j, RULE, "text outside the document element");
	/* A pull parser of one client dies on any text in front of the first App (2.2). */
	if (depth && (named(inside, "root") || named(inside, "App")))
		judge_fault(j, RULE, "text (or white space) between elements");
	for (size_t i = 0; i < t->len; i++) {
		char out[4];
		size_t n;

		if (t->p[i] == '&' && !entity(t->p + i, t->len - i, out, &n)) {
			judge_fault(j, RULE, "'&' that is no entity");
			break;
		}
	}
}

int xml_parse(struct xml *x, const char *text, size_t len, struct judge *j)
{
	const char *at = text, *end = text + len;
	struct token t, stack[DEPTH_MAX];
	unsigned depth = 0, roots = 0;

	*x = (struct xml){.text = text, .len = len};
	if (!utf8_valid(text, len))
		judge_fault(j, RULE, "not well-formed UTF-8");
	if (len < 5 || memcmp(text, "<?xml", 5) != 0)
		judge_fault(j, RULE, "no XML declaration at the start");
	while ((t = next_token(&at, end)).kind != TOKEN_END) {
		switch (t.kind) {
		case TOKEN_TEXT:
			judge_text(&t, depth, depth ? &stack[depth - 1] : NULL, j);
			break;
		case TOKEN_OTHER:
			judge_fault(j, RULE, "DTD, comment or CDATA");
			break;
		case TOKEN_OPEN:
		case TOKEN_EMPTY:
			if (!depth && (roots++ || read_root(x, &t, j))) {
				judge_fault(j, RULE, "no single root element");
				return -EPROTO;
			}
			if (t.kind == TOKEN_EMPTY)
				break;
			if (depth == DEPTH_MAX) {
				judge_fault(j, RULE, "elements nested too deep");
				return -EPROTO;
			}
			stack[depth++] = t;
			break;
		case TOKEN_CLOSE:
			if (!depth || stack[depth - 1].len != t.len || memcmp(stack[depth - 1].p, t.p, t.len) != 0) {
				judge_fault(j, RULE, "closing tag without its opening one");
				return -EPROTO;
			}
			depth--;
			break;
		case TOKEN_BAD:
			judge_fault(j, RULE, "broken tag");
			return -EPROTO;
		default:
			break;
		}
	}
	if (depth || !roots) {
		judge_fault(j, RULE, "document ends early");
		return -EPROTO;
	}
	return 0;
}

bool xml_get(const struct xml *x, const char *name, size_t *from, char *out, size_t cap)
{
	const char *at = x->text + (from ? *from : 0), *end = x->text + x->len;
	struct token t;
	bool ok = false;

	while (at <= end && (t = next_token(&at, end)).kind != TOKEN_END) {
		if ((t.kind != TOKEN_OPEN && t.kind != TOKEN_EMPTY) || !named(&t, name))
			continue;
		out[0] = 0;
		ok = true;
		if (t.kind == TOKEN_OPEN) {
			t = next_token(&at, end);
			if (t.kind == TOKEN_TEXT)
				ok = unescape(t.p, t.len, out, cap);
			else
				ok = t.kind == TOKEN_CLOSE;
		}
		break;
	}
	if (from)
		*from = (size_t)(at - x->text);
	return ok;
}

long long xml_get_number(const struct xml *x, const char *name, long long fallback)
{
	char text[32];
	int64_t v;

	if (!xml_get(x, name, NULL, text, sizeof(text)) || str_to_i64(text, strlen(text), INT64_MIN, INT64_MAX, &v))
		return fallback;
	return v;
}

unsigned xml_count(const struct xml *x, const char *name)
{
	const char *at = x->text, *end = x->text + x->len;
	unsigned n = 0;
	struct token t;

	while ((t = next_token(&at, end)).kind != TOKEN_END)
		n += (t.kind == TOKEN_OPEN || t.kind == TOKEN_EMPTY) && named(&t, name);
	return n;
}
