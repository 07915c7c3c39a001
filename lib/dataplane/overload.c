/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/overload.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>
#include "dataplane/worker.h"

/* An interval: so long, and so many rounds. */
#define INTERVALS_SECOND 500
#define ROUNDS_MIN 32
/* Queues that are full in 15 of 16 rounds, so many intervals in a row, are not being emptied. */
#define LATE 2
/*
 * A round with fewer packets could have had more of them for little more time: what a round costs
 * by itself makes a worker turn all the time long before it has no time left.
 */
#define BUSY_PACKETS (LM_BURST / 2)

int lm_overload_init(struct lm_overload *o, uint32_t n_nets, uint64_t hz)
{
	*o = (struct lm_overload){.interval = hz / INTERVALS_SECOND, .miss_cost = LM_COST_MISS};
	/* Of which hardly anything is ever touched. */
	o->nets = calloc((size_t)n_nets * (LM_DP_PORTS_MAX + 2), sizeof *o->nets);
	o->drops = calloc(n_nets, sizeof *o->drops);
	if (!o->nets || !o->drops)
		return -ENOMEM;
	int err = lm_fair_init(&o->time, o->nets);
	o->time.shrink = 4;
	o->time.grow = 5;
	o->time.drop_cost = LM_COST_DROP;
	for (unsigned i = 0; i < LM_DP_PORTS_MAX && err == 0; i++) {
		err = lm_fair_init(&o->ports[i], o->nets + (size_t)n_nets * (i + 1));
		o->ports[i].shrink = 5;
		o->ports[i].grow = 8;
		o->ports[i].drain = 3;
	}
	if (err == 0)
		err = lm_newcomers_init(
		    &o->newcomers, o->nets + (size_t)n_nets * (LM_DP_PORTS_MAX + 1), o->interval);
	return err;
}

void lm_overload_free(struct lm_overload *o)
{
	lm_fair_free(&o->time);
	for (unsigned i = 0; i < LM_DP_PORTS_MAX; i++)
		lm_fair_free(&o->ports[i]);
	lm_newcomers_free(&o->newcomers);
	free(o->nets);
	free(o->drops);
}

static bool over_share(struct lm_worker *w, struct rte_mbuf *m, uint32_t net)
{
	w->overload.drops[net]++;
	lm_worker_drop(w, m, LM_DROP_FAIR_SHARE);
	return false;
}

unsigned lm_overload_admit(
    struct lm_worker *w, const struct lm_attach_table *table, struct lm_pkt **p, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t net = table ? table->by_id[p[i]->from].net : p[i]->sa->net;

		if (lm_fair_take(&w->overload.time, net, LM_COST_PACKET + p[i]->m->pkt_len) ||
		    over_share(w, p[i]->m, net))
			p[left++] = p[i];
	}
	return left;
}

bool lm_overload_send(
    struct lm_worker *w, struct rte_mbuf *m, uint32_t net, unsigned port, uint32_t len)
{
	return (w->fair_ports >> port & 1) == 0 ||
	       lm_fair_take(&w->overload.ports[port], net, LM_COST_WIRE + len) ||
	       over_share(w, m, net);
}

void lm_overload_missed(struct lm_worker *w, uint32_t net)
{
	lm_fair_charge(&w->overload.time, net, w->overload.miss_cost);
}

bool lm_overload_meet(struct lm_worker *w, uint32_t net)
{
	if (lm_newcomers_take(&w->overload.newcomers, net))
		return true;
	w->c.flow_misses++;
	w->overload.drops[net]++;
	return false;
}

void lm_overload_refused(struct lm_worker *w, unsigned port, unsigned packets, uint64_t bytes)
{
	w->overload.refused[port] += packets;
	w->overload.ports[port].refused += bytes + (uint64_t)packets * LM_COST_WIRE;
}

/* Of the fullest queue: in how many rounds did it give a full burst? */
static uint32_t full_rounds(struct lm_worker *w)
{
	struct lm_overload *o = &w->overload;
	uint32_t most = 0;

	for (unsigned i = 0; i < w->n_rxq; i++) {
		most = RTE_MAX(most, w->rxq[i].full);
		w->rxq[i].full = 0;
	}
	for (unsigned i = 0; i < w->dp->config.n_workers; i++) {
		most = RTE_MAX(most, o->ring_full[i]);
		o->ring_full[i] = 0;
	}
	return o->endless ? 0 : most;
}

/* What costs are, is cycles for newcomers and bytes for shares of time: what is a cycle worth? */
static void measure_miss(struct lm_overload *o)
{
	const uint64_t bytes = o->time.taken + o->time.dropped * LM_COST_DROP;

	if (o->busy == 0 || bytes == 0)
		return;
	double cost = (double)o->newcomers.cost * (double)bytes / (double)o->busy;
	cost = RTE_MIN(cost, (double)LM_COST_MISS * LM_COST_MISS_RANGE);
	cost = RTE_MAX(cost, (double)LM_COST_MISS / LM_COST_MISS_RANGE);
	o->miss_cost = (uint32_t)((o->miss_cost * 7 + cost) / 8);
}

static void end_of_time(struct lm_worker *w)
{
	struct lm_overload *o = &w->overload;
	const uint64_t full = full_rounds(w), rounds = o->rounds;
	const bool late = full * 16 >= rounds * 15;
	/* While not on, nobody has added it up. */
	const uint64_t spent = o->on ? o->spent : w->now - o->last;
	enum lm_pressure pressure = o->on  ? lm_fair_pressure(o->busy, o->spent, full, rounds)
				    : late ? LM_OVER
					   : LM_CALM;
	/* While they can give way, networks need not. */
	const bool met = lm_newcomers_end(&o->newcomers, w->c.flow_misses, spent, pressure);

	if (o->time.on) {
		measure_miss(o);
		lm_fair_end(&o->time, met ? LM_TIGHT : pressure, w->flows.n_nets);
		o->late = 0;
		return;
	}
	o->late = late && !met ? o->late + 1 : 0;
	if (o->late < LATE)
		return;
	o->late = 0;
	/* Whoever sends what no rule allows has no flows, so these do not say who is here. */
	lm_fair_start(&o->time);
}

static void end_of_port(struct lm_worker *w, unsigned port)
{
	struct lm_fair *f = &w->overload.ports[port];
	bool refused = w->overload.refused[port] > 0;

	w->overload.refused[port] = 0;
	if (f->on)
		lm_fair_end(f, refused ? LM_OVER : LM_CALM, w->flows.n_nets);
	else if (refused && w->flows.n_nets > 1)
		lm_fair_start(f);
}

static void end_interval(struct lm_worker *w)
{
	struct lm_overload *o = &w->overload;

	end_of_time(w);
	w->fair_time = o->time.on;
	w->fair_ports = 0;
	for (unsigned i = 0; i < w->dp->n_ports; i++) {
		end_of_port(w, i);
		w->fair_ports |= (uint32_t)o->ports[i].on << i;
	}
	o->on = w->fair_time || w->fair_ports != 0 || o->newcomers.on;
	o->rounds = 0;
	o->spent = o->busy = 0;
	o->last = w->now;
	o->until = w->now + o->interval;
}

void lm_overload_look(struct lm_worker *w, unsigned moved)
{
	struct lm_overload *o = &w->overload;

	if (o->on) {
		/* What somebody else had our core for is not our time. */
		uint64_t passed = RTE_MIN(w->now - o->last, o->interval / 4);

		o->spent += passed;
		o->busy += o->moved >= BUSY_PACKETS ? passed : 0;
		o->moved = moved;
		o->last = w->now;
		if (o->spent < o->interval || o->rounds < ROUNDS_MIN) {
			if (w->fair_time)
				lm_fair_pace(&o->time, o->spent, o->interval);
			if (o->newcomers.on)
				lm_fair_pace(&o->newcomers.fair, o->spent, o->interval);
			for (uint32_t left = w->fair_ports; left != 0; left &= left - 1)
				lm_fair_pace(&o->ports[__builtin_ctz(left)], o->spent, o->interval);
			return;
		}
	} else if (o->rounds < ROUNDS_MIN) {
		return;
	}
	end_interval(w);
}
