// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/rand.h"
#include "base/str.h"
#include "probe/http.h"
#include "probe/judge.h"
#include "probe/server.h"
#include "probe/xml.h"

#define LAUNCH_MS 120000u
#define CANCEL_MS 30000u
#define RULE      "1-session 5.2"

/* Constants that go with every wish for ten bits (1-session 5.2). */
#define HDR_WISH                                                                                                       \
	"&hdrMode=1&clientHdrCapVersion=0&clientHdrCapSupportedFlagsInUint32=0"                                        \
	"&clientHdrCapMetaDataId=NV_STATIC_METADATA_TYPE_1&clientHdrCapDisplayData=0x0x0x0x0x0x0x0x0x0x0"

/* sessionUrl0: the scheme we may use, the address this request came in on, a port, no path. */
static int read_url(struct http_client *c, const struct launch_params *p, const struct http_reply *reply,
		    struct launch_result *r)
{
	const char *scheme = p->sealed ? "rtspenc://" : "rtsp://", *port = strrchr(r->url, ':');
	char want[ADDR_TEXT + 16], host[ADDR_TEXT];
	union addr peer = reply->peer;
	int64_t n;

	r->sealed = strstr(r->url, "rtspenc://") != NULL;
	if (strncmp(r->url, scheme, strlen(scheme)) != 0)
		judge_fault(c->judge, RULE, "sessionUrl0 %s does not begin with %s", r->url, scheme);
	if (!port || str_to_i64(port + 1, strlen(port + 1), 1, UINT16_MAX, &n)) {
		judge_fault(c->judge, RULE, "sessionUrl0 %s does not end with a port", r->url);
		return -EPROTO;
	}
	r->rtsp_port = (uint16_t)n;
	addr_unmap(&peer);
	snprintf(want, sizeof(want), "//%s:", addr_host(&peer, true, host));
	if (!strstr(r->url, want))
		judge_fault(c->judge, RULE, "sessionUrl0 %s does not name the address that was asked, %s", r->url,
			    host);
	return 0;
}

int launch_run(struct http_client *c, const struct launch_params *p, struct launch_result *r)
{
	const char *word = p->resume ? "resume" : "gamesession";
	char path[1024], key[2 * KEY_LEN + 1], session[16] = "";
	struct http_reply reply;
	struct xml x;
	int rc;

	*r = (struct launch_result){0};
	rand_bytes(r->key, sizeof(r->key));
	r->key_id = rand_u32();
	hex_encode(key, r->key, sizeof(r->key));
	/* rikeyid is signed decimal on the wire. */
	snprintf(path, sizeof(path),
		 "/%s?appid=%d&mode=%ux%ux%u&additionalStates=1&sops=0&rikey=%s&rikeyid=%d&localAudioPlayMode=0"
		 "&surroundAudioInfo=%u&remoteControllersBitmap=0&gcmap=0&gcpersist=0%s%s",
		 p->resume ? "resume" : "launch", p->appid, p->width, p->height, p->fps, key, (int)r->key_id,
		 p->channel_mask << 16 | p->channels, p->hdr ? HDR_WISH : "", p->sealed ? "&corever=1" : "");
	rc = server_ask(c, true, path, LAUNCH_MS, &reply, &x, r->message);
	if (!rc && (!xml_get(&x, word, NULL, session, sizeof(session)) || !session[0] || strcmp(session, "0") == 0)) {
		judge_fault(c->judge, RULE, "answer without %s", word);
		rc = -EPROTO;
	}
	if (!rc && !xml_get(&x, "sessionUrl0", NULL, r->url, sizeof(r->url))) {
		judge_fault(c->judge, RULE, "answer without sessionUrl0");
		rc = -EPROTO;
	}
	if (!rc)
		rc = read_url(c, p, &reply, r);
	buf_finish(&reply.body);
	return rc;
}

int launch_cancel(struct http_client *c)
{
	struct server_info info;
	struct http_reply reply;
	char message[128], done[16] = "";
	struct xml x;
	int rc = server_ask(c, true, "/cancel", CANCEL_MS, &reply, &x, message);

	if (!rc && (!xml_get(&x, "cancel", NULL, done, sizeof(done)) || strcmp(done, "1") != 0)) {
		judge_fault(c->judge, "1-session 5.4", "/cancel is not answered with 1");
		rc = -EPROTO;
	}
	buf_finish(&reply.body);
	if (!rc && server_info_get(c, true, &info) == 0 && (info.busy || info.current_game))
		judge_fault(c->judge, "1-session 5.4", "still %s, currentgame %d, right after /cancel", info.state,
			    info.current_game);
	return rc;
}
