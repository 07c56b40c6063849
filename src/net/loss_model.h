// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How packets get lost on a path, learnt from the client's reports of troubled blocks, and how much parity that makes
 * worth while. Two views of the same reports: the share of packets that vanish, as if each did so by itself, and how
 * many vanish together from one block. Whichever is worse for a given parity counts: the first sees what has not
 * happened yet, the second sees bursts. Parity is bought where it buys something: each packet of it is taken from the
 * picture, so it must save frames in return. Pure; control thread.
 */
#pragma once

#include <stdint.h>

#define LOSS_TOGETHER_MAX 64u /* packets of one block; more count as that many */

struct loss_model {
	/* sums that fade; packets of data, for parity that vanishes goes unreported */
	double packets, missing, blocks;
	double together[LOSS_TOGETHER_MAX + 1]; /* blocks by packets missing */
};

/*
 * Time passes: the past counts for half after LOSS_HALF_NS, or as soon as LOSS_HALF_PACKETS of data were sent, where
 * that takes longer: few packets say little. After LOSS_HALF_MOST_NS in any case.
 */
#define LOSS_HALF_NS      2000000000ull
#define LOSS_HALF_PACKETS 1000u
#define LOSS_HALF_MOST_NS (4 * LOSS_HALF_NS)
void loss_model_fade(struct loss_model *m, uint64_t dt_ns, unsigned data_packets);

/* What was sent. */
void loss_model_sent(struct loss_model *m, unsigned blocks, unsigned data_packets);

/* A block of which packets were missing. */
void loss_model_block(struct loss_model *m, unsigned missing);

/* Share of packets that vanish. */
double loss_model_rate(const struct loss_model *m);

/* Share of blocks of n packets that stay incomplete with n_parity of them parity. */
double loss_model_broken(const struct loss_model *m, unsigned n, unsigned n_parity);

/* How many packets of parity a block had best have, within least..most, both below n: its picture would fill n_data
 * packets, and has to give way where parity makes it more than n together. */
unsigned loss_model_parity(const struct loss_model *m, unsigned n_data, unsigned n, unsigned least, unsigned most);
