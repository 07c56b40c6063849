// SPDX-License-Identifier: GPL-3.0-or-later
#include "page.h"

#define NAME "org.freedesktop.impl.portal.desktop.page" /* start_page's, in lib.sh */

static int on_close(sd_bus_message *m, void *page, sd_bus_error *err)
{
	const struct page *p = page;

	(void)err;
	if (p->closed)
		p->closed();
	return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Close", NULL, NULL, on_close, 0),
	SD_BUS_SIGNAL("Closed", NULL, 0),
	SD_BUS_VTABLE_END,
};

int page_create_session(sd_bus_message *m, void *page, sd_bus_error *err)
{
	const struct page *p = page;
	const char *handle, *session, *app;

	(void)err;
	if (sd_bus_message_read(m, "oos", &handle, &session, &app) < 0 ||
	    sd_bus_add_object_vtable(p->bus, NULL, session, "org.freedesktop.impl.portal.Session", session_vtable,
				     page) < 0)
		return sd_bus_reply_method_return(m, "ua{sv}", 2, 0);
	return sd_bus_reply_method_return(m, "ua{sv}", 0, 0);
}

bool page_open(struct page *p, const char *interface, const sd_bus_vtable *vtable)
{
	return sd_bus_open_user(&p->bus) >= 0 &&
	       sd_bus_add_object_vtable(p->bus, NULL, "/org/freedesktop/portal/desktop", interface, vtable, p) >= 0 &&
	       sd_bus_request_name(p->bus, NAME, 0) >= 0;
}
