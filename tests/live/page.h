// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What each desktop behind the real xdg-desktop-portal has, here a page of code: its place on the session bus, and
 * sessions that the portal closes. One thread.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

struct page {
	sd_bus *bus;
	void (*closed)(void); /* a session was; NULL: nobody asks */
};

/* INTERFACE of the portal's back end, whose CreateSession is page_create_session. False: no place on the bus. */
bool page_open(struct page *p, const char *interface, const sd_bus_vtable *vtable);

int page_create_session(sd_bus_message *m, void *page, sd_bus_error *err);
