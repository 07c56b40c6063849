// SPDX-License-Identifier: GPL-3.0-or-later
/* Fixed distances of all ports from the HTTP port, 1-session 0. Clients derive some of them: never
 * change one. */
#pragma once

enum { PORT_HTTPS = -5, PORT_HTTP = 0, PORT_VIDEO = 9, PORT_CONTROL = 10, PORT_AUDIO = 11, PORT_RTSP = 21 };
