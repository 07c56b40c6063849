// SPDX-License-Identifier: GPL-3.0-or-later
/* The back end portal between a case, the file of its token and a desktop of a page (portal_desk.h). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "input/backend.h"
#include "portal_desk.h"

#define RIG_WAITS "portal, which waits for a person at the host to allow it"

struct rig {
	struct desk *desk;
	struct input *in; /* NULL: closed */
};

extern const struct desk_plan rig_willing;
extern char rig_token_file[80];
extern bool rig_hurry; /* a second is a millisecond, for this case */

/* Around each case: a new folder for the token, with nothing else in it at the end. */
int rig_make_dir(void **state);
int rig_remove_dir(void **state);
#define RIG_CASE(f) cmocka_unit_test_setup_teardown(f, rig_make_dir, rig_remove_dir)

void rig_put_token(const char *line);
void rig_forget_token(void);
const char *rig_token(void); /* "": there is no such file */

void rig_desk(struct rig *r, const struct desk_plan *plan);
int rig_open_by_name(struct rig *r);
void rig_open(struct rig *r, const struct desk_plan *plan);  /* both, and it opens */
void rig_begin(struct rig *r, const struct desk_plan *plan); /* and serves */
/* A desk, and what opening by name comes to, which must end: its error, or 1 when it ended later, maybe in use. */
int rig_outcome(struct rig *r, const struct desk_plan *plan);
/* What "auto" would make of it: the classes that are served, 0: none. The desk must have heard words, NULL: nothing. */
uint32_t rig_automatic(struct rig *r, const struct input_ops *ops, uint32_t classes, const char *words);
void rig_close(struct rig *r); /* the input; the desk stays */
void rig_end(struct rig *r);   /* both */

void rig_turn(struct rig *r);
bool rig_heard(struct rig *r, const char *words); /* the desk has until now */
bool rig_hears(struct rig *r, const char *words); /* it does, or will soon */
bool rig_works(struct rig *r);                    /* its devices are all there, or will be */
bool rig_shows(struct rig *r, enum input_class c, const char *text);
void rig_key(struct rig *r, uint8_t vk, bool down);
