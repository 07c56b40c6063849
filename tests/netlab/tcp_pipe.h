// SPDX-License-Identifier: GPL-3.0-or-later
/* TCP connections handed on unchanged, each end's close included. On the loop that it is given. */
#pragma once

#include "base/addr.h"

struct loop;
struct tcp_pipe;

/* Listens on listen and connects each client to target. -errno. */
int tcp_pipe_create(struct tcp_pipe **out, struct loop *loop, const char *listen, const char *target, uint16_t port);
void tcp_pipe_destroy(struct tcp_pipe *p); /* accepts NULL; ends its connections */
