// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which queue of the kernel a socket's packets pass. One that keeps times (fq) lets each packet out when it is due, so
 * that a train can be handed over some milliseconds ahead and its spacing does not depend on when a thread wakes.
 */
#pragma once

#include <stdbool.h>

/* Asks the kernel about the interface through which this connected socket's packets leave: true when every queue of it
 * is fq. (etf is left alone: it drops what is late.) Does not block beyond the kernel's answer. Main thread. */
bool qdisc_keeps_times(int fd);
