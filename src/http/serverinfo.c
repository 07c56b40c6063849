// SPDX-License-Identifier: GPL-3.0-or-later
/* /serverinfo, element by element as 1-session 2.3 has it. */
#include "http/handlers.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "http/identity.h"
#include "http/xml.h"

#define APP_VERSION "7.1.431.-1" /* decides the whole dialect: 1-session 2.4 */
#define GFE_VERSION "3.23.0.74"
#define HEVC_PIXELS 1869449984u
#define MAC_TEXT    18

/* The hardware address of the interface that has this address. */
static void find_mac(const union addr *local, char out[MAC_TEXT])
{
	struct ifaddrs *list, *own = NULL;

	str_copy(out, MAC_TEXT, "00:00:00:00:00:00");
	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i && !own; i = i->ifa_next) {
		union addr a = {0};

		if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		a.sa.sa_family = i->ifa_addr->sa_family;
		memcpy(&a, i->ifa_addr, addr_len(&a));
		if (addr_same_host(&a, local))
			own = i;
	}
	for (struct ifaddrs *i = list; i && own; i = i->ifa_next) {
		const struct sockaddr_ll *ll = (const struct sockaddr_ll *)(const void *)i->ifa_addr;

		if (!ll || ll->sll_family != AF_PACKET || strcmp(i->ifa_name, own->ifa_name) != 0 || ll->sll_halen != 6)
			continue;
		snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", ll->sll_addr[0], ll->sll_addr[1],
			 ll->sll_addr[2], ll->sll_addr[3], ll->sll_addr[4], ll->sll_addr[5]);
		break;
	}
	freeifaddrs(list);
}

/* At least one client is said to refuse hosts that do not list its mode; the others ignore the list. */
static void display_modes(struct buf *b)
{
	static const uint16_t size[][2] = {{1280, 720}, {1920, 1080}, {2560, 1440}, {3840, 2160}};
	static const uint16_t rate[] = {30, 60, 90, 120};

	xml_open(b, "SupportedDisplayMode");
	for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
		for (unsigned k = 0; k < ARRAY_LEN(rate); k++) {
			xml_open(b, "DisplayMode");
			xml_uint(b, "Width", size[i][0]);
			xml_uint(b, "Height", size[i][1]);
			xml_uint(b, "RefreshRate", rate[k]);
			xml_close(b, "DisplayMode");
		}
	}
	xml_close(b, "SupportedDisplayMode");
}

void handle_serverinfo(struct http *h, struct http_call *c)
{
	bool known = call_client(h, c) != NULL; /* over HTTPS only */
	char mac[MAC_TEXT] = "00:00:00:00:00:00", ip[ADDR_TEXT];
	struct serverinfo info = {0};
	struct buf b;

	h->ev.serverinfo(h->ctx, known ? c->client : NULL, &info);
	if (!known)
		info.current_app = 0; /* what runs is nobody else's business */
	if (known)
		find_mac(&c->local, mac);
	/* IPv4 only: clients store it as the LAN address and ignore 127.* */
	if (c->local.sa.sa_family == AF_INET)
		addr_host(&c->local, false, ip);
	else
		str_copy(ip, sizeof(ip), "127.0.0.1");

	buf_init(&b, XML_MAX);
	xml_begin(&b, 200, NULL);
	xml_text(&b, "hostname", h->host_name);
	xml_text(&b, "appversion", APP_VERSION);
	xml_text(&b, "GfeVersion", GFE_VERSION);
	xml_text(&b, "uniqueid", identity_unique_id(h->params.identity));
	xml_uint(&b, "HttpsPort", http_port(h, true));
	xml_uint(&b, "ExternalPort", http_port(h, false));
	xml_uint(&b, "MaxLumaPixelsHEVC", info.hevc ? HEVC_PIXELS : 0);
	xml_text(&b, "mac", mac);
	xml_text(&b, "LocalIP", ip);
	xml_uint(&b, "ServerCodecModeSupport", info.codec_support);
	xml_uint(&b, "PairStatus", known);
	xml_uint(&b, "currentgame", info.current_app);
	xml_text(&b, "state", info.current_app ? "SUNSHINE_SERVER_BUSY" : "SUNSHINE_SERVER_FREE");
	display_modes(&b);
	xml_end(&b);
	answer_xml(c, &b);
}
