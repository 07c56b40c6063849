// SPDX-License-Identifier: GPL-3.0-or-later
/* The one JSON object on stdout. Main thread. */
#pragma once

#include <jansson.h>

struct judge;
struct options;
struct session_result;

/* A new object with "errors" filled in. */
json_t *report_begin(struct judge *j);
void report_stream(json_t *o, const struct options *opt, const struct session_result *r);
/* Prints on one line and releases o. */
void report_print(json_t *o);
