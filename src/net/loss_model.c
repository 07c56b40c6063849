// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/loss_model.h"

#include <math.h>

/*
 * What a broken block weighs against parity's share of the bytes: WORTH * broken + log2(n / data) is to be least.
 * A frame that is not shown in ten seconds of 60 Hz is worth about 12 % of the bytes: players see the one and not the
 * other.
 */
#define WORTH 5000.0
/* Bursts are believed when so many were seen: one bad moment is no property of the path. */
#define BURSTS_BELIEVED 3.0
/* Of the estimate of few losses: two standard deviations more than seen. */
#define CAUTION 2.0

void loss_model_fade(struct loss_model *m, uint64_t dt_ns, unsigned data_packets)
{
	double most = (double)dt_ns / (double)LOSS_HALF_NS, least = (double)dt_ns / (double)LOSS_HALF_MOST_NS;
	double halves = (double)data_packets / LOSS_HALF_PACKETS, keep;

	halves = halves > most ? most : halves < least ? least : halves;
	keep = exp2(-halves);

	m->packets *= keep;
	m->missing *= keep;
	m->blocks *= keep;
	for (unsigned i = 0; i <= LOSS_TOGETHER_MAX; i++)
		m->together[i] *= keep;
}

void loss_model_sent(struct loss_model *m, unsigned blocks, unsigned data_packets)
{
	m->blocks += blocks;
	m->packets += data_packets;
}

void loss_model_block(struct loss_model *m, unsigned missing)
{
	m->missing += missing;
	m->together[missing < LOSS_TOGETHER_MAX ? missing : LOSS_TOGETHER_MAX] += 1;
}

double loss_model_rate(const struct loss_model *m)
{
	double rate = m->packets >= 1 ? m->missing / m->packets : 0;

	return rate < 1 ? rate : 1;
}

/* Each packet by itself, and somewhat worse than seen. */
static double broken_by_chance(const struct loss_model *m, unsigned n, unsigned n_parity)
{
	double p, q, term, sum;

	if (m->missing < 0.5 || m->packets < 1)
		return 0;
	p = (m->missing + CAUTION * sqrt(m->missing)) / m->packets;
	if (p >= 0.9)
		return 1;
	q = 1 - p;
	term = pow(q, n);
	sum = term;
	for (unsigned k = 1; k <= n_parity; k++) {
		term *= (double)(n - k + 1) / k * p / q;
		sum += term;
	}
	return sum < 1 ? 1 - sum : 0;
}

/* As it happened. */
static double broken_as_seen(const struct loss_model *m, unsigned n_parity)
{
	double seen = 0;

	if (m->blocks < 1)
		return 0;
	for (unsigned i = n_parity + 1; i <= LOSS_TOGETHER_MAX; i++)
		seen += m->together[i];
	seen -= BURSTS_BELIEVED;
	return seen <= 0 ? 0 : seen < m->blocks ? seen / m->blocks : 1;
}

double loss_model_broken(const struct loss_model *m, unsigned n, unsigned n_parity)
{
	double a = broken_by_chance(m, n, n_parity), b = broken_as_seen(m, n_parity);

	return a > b ? a : b;
}

unsigned loss_model_parity(const struct loss_model *m, unsigned n_data, unsigned n, unsigned least, unsigned most)
{
	unsigned best = least;
	double best_cost = INFINITY;

	for (unsigned k = least; k <= most && k < n; k++) {
		unsigned all = n_data + k < n ? n_data + k : n;
		double cost = WORTH * loss_model_broken(m, all, k) + log2((double)all / (all - k));

		/* More than one in two only against bursts, which were seen: chance is an estimate. */
		if (k > least && 3 * k > all && broken_as_seen(m, k - 1) <= 0)
			break;
		if (cost < best_cost) {
			best_cost = cost;
			best = k;
		}
	}
	return best;
}
