// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "play.h"

#define ANSWER_MAX    (64u << 10)
#define RTSP_OFFSET   21
#define SESSION       "\r\nSession: "
#define SESSION_CHARS 16

/* Sends bytes on a connection of its own and reads to the end. */
static size_t exchange(struct play *p, const void *data, size_t len, uint8_t *out)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(p->port + RTSP_OFFSET))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t n = 0;
	ssize_t got = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (expect(p, fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect") &&
	    expect(p, send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len, "send"))
		while (n < ANSWER_MAX && (got = recv(fd, out + n, ANSWER_MAX - n, 0)) > 0)
			n += (size_t)got;
	expect(p, got == 0, "the host ends the connection after its answer, not by a reset");
	if (fd >= 0)
		close(fd);
	return n;
}

static char *text_of(struct play *p, const void *data, size_t len, bool sent, uint32_t *seq)
{
	char *text = fixture_unseal(&p->f, data, len, sent, seq);

	if (text || p->sealed)
		return text;
	text = calloc(1, len + 1);
	if (text)
		memcpy(text, data, len);
	return text;
}

/* The recorded request; where it repeats the Session id of its host, that of this one. */
static size_t send_request(struct play *p, const struct record *r, uint8_t *answer)
{
	uint32_t seq = 0;
	char *text = text_of(p, r->data, r->len, true, &seq), *at;
	uint8_t *sealed = NULL;
	size_t len = 0, n;

	if (!expect(p, text != NULL, "a recorded request opens"))
		return 0;
	at = strstr(text, SESSION);
	if (!at) {
		p->identical++;
		n = exchange(p, r->data, r->len, answer);
	} else {
		memcpy(at + strlen(SESSION), p->session_id, SESSION_CHARS);
		if (p->sealed)
			sealed = fixture_seal(&p->f, seq, text, strlen(text), &len);
		n = p->sealed ? exchange(p, sealed, len, answer) : exchange(p, text, strlen(text), answer);
	}
	free(sealed);
	free(text);
	return n;
}

static const char *value_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(line, name, n) && !strncmp(line + n, ": ", 2) ? line + n + 2 : NULL;
}

static bool all(const char *s, int (*is)(int))
{
	while (*s && is((unsigned char)*s))
		s++;
	return !*s;
}

/* A line with a value that every session has of its own: the same name, and a value of the same form. True when it is
 * one. */
static bool own_value(struct play *p, const char *now, const char *then)
{
	const char *a, *b;
	char id[SESSION_CHARS + 1];

	if ((b = value_of(then, "Session"))) {
		a = value_of(now, "Session");
		if (expect(p, a && strlen(a) == strlen(b) && !strcmp(a + SESSION_CHARS, b + SESSION_CHARS), "%s",
			   now)) {
			snprintf(id, sizeof(id), "%s", a);
			expect(p, all(id, isxdigit), "%s", now);
			expect(p, !*p->session_id || !strcmp(p->session_id, id), "one Session id for all: %s", now);
			strcpy(p->session_id, id);
		}
	} else if ((b = value_of(then, "Transport"))) {
		int was = 0, is = 0;

		a = value_of(now, "Transport");
		expect(p,
		       a && sscanf(a, "server_port=%d", &is) == 1 && sscanf(b, "server_port=%d", &was) == 1 &&
			       is - p->port == was - p->f.port,
		       "%s", now);
	} else if (value_of(then, "X-SS-Ping-Payload")) {
		a = value_of(now, "X-SS-Ping-Payload");
		if (expect(p, a && strlen(a) == 16 && all(a, isxdigit), "%s", now))
			strcpy(p->ping_payload, a);
	} else if (value_of(then, "X-SS-Connect-Data")) {
		a = value_of(now, "X-SS-Connect-Data");
		if (expect(p, a && *a != '0' && all(a, isdigit), "decimal: %s", now))
			p->connect_data = (uint32_t)strtoul(a, NULL, 10);
	} else {
		return false;
	}
	return true;
}

/* The next line without its end; *s moves behind it. */
static char *line(char **s)
{
	char *start = *s, *end = strchr(start, '\n');

	*s = end ? end + 1 : start + strlen(start);
	if (end)
		*end = '\0';
	return start;
}

static void compare(struct play *p, unsigned n, char *now, char *then)
{
	while (*then) {
		char *a = line(&now), *b = line(&then);
		size_t la = strlen(a), lb = strlen(b);

		expect(p, (la && a[la - 1] == '\r') == (lb && b[lb - 1] == '\r'), "line ends of answer %u", n + 1);
		a[strcspn(a, "\r")] = '\0';
		b[strcspn(b, "\r")] = '\0';
		if (!own_value(p, a, b))
			expect(p, !strcmp(a, b), "answer %u: \"%s\", recorded \"%s\"", n + 1, a, b);
	}
	expect(p, !*now, "answer %u goes on: \"%s\"", n + 1, now);
}

void play_rtsp(struct play *p, unsigned n, const struct record *request, const struct record *answer)
{
	uint8_t *bytes = malloc(ANSWER_MAX);
	size_t len = bytes ? send_request(p, request, bytes) : 0;
	uint32_t seq_now = 0, seq_then = 0;
	char *now = text_of(p, bytes, len, false, &seq_now);
	char *then = text_of(p, answer->data, answer->len, false, &seq_then);

	if (expect(p, now && then, "answer %u of %zu bytes opens", n + 1, len)) {
		expect(p, seq_now == seq_then, "answer %u has sequence %u", n + 1, seq_now);
		compare(p, n, now, then);
	}
	free(now);
	free(then);
	free(bytes);
}
