// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A desktop of a page for the back end portal: on a socket of its own a message bus that knows one name, the
 * RemoteDesktop portal behind it, and behind that an EIS server. A thread of its own plays it and writes down what it
 * hears.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum desk_answer {
	DESK_YES,
	DESK_NO,      /* response 1 */
	DESK_ENDED,   /* response 2 */
	DESK_LATER,   /* when desk_go_on() says so */
	DESK_NEVER,   /* not even that the request is there */
	DESK_ERROR,   /* of D-Bus */
	DESK_CLOSES,  /* the session */
	DESK_HANGS_UP /* leaves the bus */
};

/* Odd answers, some of which no portal gives. */
enum desk_oddity {
	DESK_SANE,
	DESK_NO_VALUES,     /* a response without its results */
	DESK_WRONG_TYPES,   /* every value is a number where it is a text, and the other way round */
	DESK_NO_SESSION,    /* no session_handle */
	DESK_BAD_PATH,      /* a session_handle that is no path */
	DESK_LONG_VALUES,   /* texts of 60000 bytes */
	DESK_MANY_VALUES,   /* 5000 of them before those that count */
	DESK_NO_SOCKET,     /* ConnectToEIS answers with a number */
	DESK_DEAD_SOCKET,   /* whose other end is closed */
	DESK_REPLY_IS_TEXT, /* in the place of each request's handle */
	DESK_RESPONSE_IS_TEXT,
};

struct desk_answers {
	enum desk_answer create, select, start, connect;
};

struct desk_plan {
	uint32_t version; /* 0: no such interface */
	uint32_t types;   /* that there are */
	struct desk_answers answer;
	enum desk_oddity oddity;
	const char *odd_call;  /* the only one that is answered oddly; NULL: all */
	bool old_paths;        /* requests have names of the portal's choice */
	bool early;            /* the response comes before the call's reply */
	bool mute;             /* does not even say what there is, until desk_go_on() */
	uint32_t granted;      /* of types; 0: what was asked for */
	const char *new_token; /* NULL: none is given */
	const char *knows;     /* the token that it takes without a dialog; with another start is as above */
	bool checks_tokens;    /* others are an error */
};

struct desk;

struct desk *desk_start(const struct desk_plan *plan); /* DBUS_SESSION_BUS_ADDRESS is its bus */
void desk_stop(struct desk *d);
/* What it has heard until now: calls as "CreateSession", "SelectDevices(types,persist,token)", "Start", ..., events as
 * "key 30 1", each ended by ";". Valid until the next call. */
const char *desk_heard(struct desk *d);
void desk_go_on(struct desk *d);         /* what was to be answered later is answered with yes */
void desk_close_session(struct desk *d); /* as the desktop's own indicator does */
void desk_drop_eis(struct desk *d);
void desk_leave_bus(struct desk *d);
