/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include "dataplane/lines.h"
#include "dataplane/meters.h"
#include "dataplane/shares.h"
#include "dataplane/worker.h"

/* ---- workers -------------------------------------------------------------- */

static enum lm_drop over(
    struct lm_worker *w, const struct lm_meters *of, struct lm_meter *m, enum lm_drop why)
{
	m->dropped++;
	if (w->dp->config.n_workers > 1)
		lm_marks_put(&w->marks, m, of->id);
	return why;
}

enum lm_drop lm_meters_ask(
    struct lm_worker *w, const struct lm_attached *at, enum lm_way way, unsigned bytes)
{
	struct lm_meter *own = at->meters ? &at->meters->of[w->index].way[way] : NULL;
	struct lm_meter *net = at->net_meters ? &at->net_meters->of[w->index].way[way] : NULL;
	uint64_t own_full[LM_METER_UNITS], net_full[LM_METER_UNITS];
	uint64_t now = w->now << LM_METER_TIME_SHIFT;

	if (own && !lm_meter_fits(own, now, bytes, own_full))
		return over(w, at->meters, own,
		    way == LM_EGRESS ? LM_DROP_ENDPOINT_RATE_OUT : LM_DROP_ENDPOINT_RATE_IN);
	if (net && !lm_meter_fits(net, now, bytes, net_full))
		return over(w, at->net_meters, net,
		    way == LM_EGRESS ? LM_DROP_NETWORK_RATE_OUT : LM_DROP_NETWORK_RATE_IN);
	if (own)
		lm_meter_take(own, own_full);
	if (net)
		lm_meter_take(net, net_full);
	return LM_FINE;
}

/* ---- control: making and setting ------------------------------------------ */

static struct lm_meters *create(unsigned n_workers, uint32_t id)
{
	struct lm_meters *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->of = lm_lines_alloc(n_workers * sizeof m->of[0]);
	if (!m->of) {
		free(m);
		return NULL;
	}
	for (unsigned i = 0; i < n_workers * 2; i++)
		for (unsigned unit = 0; unit < LM_METER_UNITS; unit++)
			m->of[i / 2].way[i % 2].share[unit] = LM_SHARES / n_workers;
	m->id = id;
	m->holders = 1;
	m->n_workers = n_workers;
	return m;
}

static struct lm_meters *hold(struct lm_meters *m)
{
	m->holders++;
	return m;
}

void lm_meters_release(struct lm_meters *m)
{
	if (!m || --m->holders > 0)
		return;
	free(m->of);
	free(m);
}

static void set_meter(const struct lm_dp *dp, struct lm_meters *m, unsigned worker, enum lm_way way)
{
	struct lm_meter *meter = &m->of[worker].way[way];

	for (unsigned unit = 0; unit < LM_METER_UNITS; unit++) {
		uint64_t rate = m->rates.of[lm_rate_of(way, unit)], cost = 0;

		if (rate != 0)
			cost = 1 + (uint64_t)((double)lm_meter_cost(dp->hz, rate, unit) *
					      LM_SHARES / meter->share[unit]);
		__atomic_store_n(&meter->wanted_cost[unit], cost, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&meter->wanted_burst, m->burst << LM_METER_TIME_SHIFT, __ATOMIC_RELAXED);
	__atomic_store_n(&meter->wanted_version, meter->wanted_version + 1, __ATOMIC_RELEASE);
}

void lm_meters_set(const struct lm_dp *dp, struct lm_meters *m)
{
	for (unsigned i = 0; i < m->n_workers; i++) {
		set_meter(dp, m, i, LM_EGRESS);
		set_meter(dp, m, i, LM_INGRESS);
	}
}

static void set(const struct lm_dp *dp, struct lm_meters *m, const struct lm_rates *rates)
{
	if (!m || (lm_rates_equal(&m->rates, rates) && m->burst == dp->rate_burst))
		return;
	m->rates = *rates;
	m->burst = dp->rate_burst;
	lm_meters_set(dp, m);
}

/* Those that the same endpoint has already, or new ones. NULL: none are wanted, or no memory. */
static struct lm_meters *meters_of(const struct lm_dp *dp, const struct lm_dp_attachment *a)
{
	const struct lm_attach_table *table = dp->attachments;
	const struct lm_attached *old = a->id < table->n ? &table->by_id[a->id] : NULL;

	if (lm_rates_none(&a->rates))
		return NULL;
	if (old && old->valid && old->meters && old->net == a->net && old->endpoint == a->endpoint)
		return hold(old->meters);
	return create(dp->config.n_workers, a->id);
}

static struct lm_meters *meters_of_network(struct lm_dp *dp, uint32_t net)
{
	if (lm_rates_none(&dp->network_rates))
		return NULL;
	if (!dp->network_meters[net])
		dp->network_meters[net] = create(dp->config.n_workers, LM_METERS_NETWORK | net);
	return dp->network_meters[net] ? hold(dp->network_meters[net]) : NULL;
}

int lm_meters_attach(struct lm_dp *dp, struct lm_attach_table *table,
    const struct lm_dp_attachment *list, unsigned n)
{
	bool networks = !lm_rates_none(&dp->network_rates);

	for (unsigned i = 0; i < n; i++) {
		struct lm_attached *at = &table->by_id[list[i].id];

		at->meters = meters_of(dp, &list[i]);
		at->net_meters = meters_of_network(dp, at->net);
		if (at->meters || at->net_meters)
			lm_attach_limit(table, &list[i]);
		if ((!at->meters && !lm_rates_none(&list[i].rates)) ||
		    (!at->net_meters && networks))
			return -ENOMEM;
	}
	/* Nothing can fail any more. */
	dp->limited = networks && n > 0;
	for (unsigned i = 0; i < n; i++) {
		dp->limited |= table->by_id[list[i].id].meters != NULL;
		set(dp, table->by_id[list[i].id].meters, &list[i].rates);
		set(dp, table->by_id[list[i].id].net_meters, &dp->network_rates);
	}
	return 0;
}

void lm_meters_forget_network(struct lm_dp *dp, uint32_t net)
{
	lm_meters_release(dp->network_meters[net]);
	dp->network_meters[net] = NULL;
}

void lm_dp_set_rates(struct lm_dp *dp, const struct lm_rates *network, unsigned burst_ms)
{
	dp->network_rates = *network;
	dp->rate_burst = dp->hz / 1000 * burst_ms;
	for (uint32_t net = 0; net < dp->config.max_networks && lm_rates_none(network); net++)
		lm_meters_forget_network(dp, net);
}

bool lm_dp_limited(const struct lm_dp *dp)
{
	return dp->limited;
}

/* ---- control: what one sees ------------------------------------------------ */

static struct lm_dp_limited dropped(const struct lm_meters *m)
{
	struct lm_dp_limited sum = {0};

	for (unsigned i = 0; m && i < m->n_workers; i++) {
		const struct lm_meter *way = m->of[i].way;
		sum.out += __atomic_load_n(&way[LM_EGRESS].dropped, __ATOMIC_RELAXED);
		sum.in += __atomic_load_n(&way[LM_INGRESS].dropped, __ATOMIC_RELAXED);
	}
	return sum;
}

struct lm_dp_limited lm_dp_attachment_limited(const struct lm_dp *dp, uint32_t id)
{
	const struct lm_attach_table *table = dp->attachments;

	return dropped(id < table->n ? table->by_id[id].meters : NULL);
}

struct lm_dp_limited lm_dp_network_limited(const struct lm_dp *dp, uint32_t net)
{
	return dropped(net < dp->config.max_networks ? dp->network_meters[net] : NULL);
}
