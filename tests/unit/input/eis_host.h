// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An EIS server with a keyboard, a pointer and a touch screen over one region of 1280x720 at 0,0. What its clients do
 * becomes words: "eis", "bind keyboard", "start keyboard", "key 30 1", "rel 3 -4", "abs 640 360", "button 272 1",
 * "scroll 0 120", "delta 0 5", "down 640 360", "move 641 361", "up", "eis gone".
 */
#pragma once

struct eis_host;

/* keymap: text of XKB, NULL: the keyboard has none. */
struct eis_host *eis_host_create(const char *keymap, void (*word)(void *ctx, const char *text), void *ctx);
void eis_host_destroy(struct eis_host *h);
int eis_host_fd(struct eis_host *h); /* readable: dispatch */
void eis_host_dispatch(struct eis_host *h);
int eis_host_connect(struct eis_host *h); /* the client's end of a new connection, the caller's */
void eis_host_drop(struct eis_host *h);   /* its last client */
