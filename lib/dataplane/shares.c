/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_cycles.h>
#include "dataplane/shares.h"
#include "dataplane/worker.h"

/* What came longer ago says nothing about who sends now. */
#define RECENT_SECONDS 1

/* ---- dividing -------------------------------------------------------------- */

/* Max-min: who wants no more than an even part gets it, the others divide what is left. */
static double give(double *given, const uint64_t *came, unsigned n, double capacity)
{
	bool met[LM_DP_WORKERS_MAX] = {false};
	unsigned open = n, before;
	double sum = 0, left = capacity;

	do {
		double even = left / open;

		before = open;
		for (unsigned i = 0; i < n; i++)
			if (!met[i] && (double)came[i] <= even) {
				met[i] = true;
				given[i] = (double)came[i];
				left -= given[i];
				open--;
			}
	} while (open > 0 && open < before);
	for (unsigned i = 0; i < n; i++) {
		if (!met[i])
			given[i] = left / open;
		sum += given[i];
	}
	return sum;
}

void lm_shares_divide(uint32_t *share, const uint64_t *came, unsigned n, double capacity)
{
	uint32_t even = LM_SHARES / LM_SHARES_EVEN / n, rest = LM_SHARES - even * n;
	double given[LM_DP_WORKERS_MAX], sum = give(given, came, n, capacity);

	if (sum <= 0)
		return;
	for (unsigned i = 0; i < n; i++)
		share[i] = even + (uint32_t)(rest * given[i] / sum);
}

/* ---- looking --------------------------------------------------------------- */

/* since: cycles, 0 if that was too long ago. */
static void divide(const struct lm_dp *dp, struct lm_meters *m, enum lm_way way,
    enum lm_meter_unit unit, uint64_t since)
{
	uint64_t came[LM_DP_WORKERS_MAX];
	uint32_t share[LM_DP_WORKERS_MAX];
	double rate = (double)m->rates.of[lm_rate_of(way, unit)];

	for (unsigned i = 0; i < m->n_workers; i++) {
		struct lm_meter *meter = &m->of[i].way[way];
		uint64_t offered = __atomic_load_n(&meter->offered[unit], __ATOMIC_RELAXED);

		came[i] = offered - meter->seen[unit];
		meter->seen[unit] = offered;
		share[i] = meter->share[unit];
	}
	if (since == 0 || rate == 0)
		return;
	if (unit == LM_METER_BYTES)
		rate /= 8;
	lm_shares_divide(share, came, m->n_workers, rate * (double)since / (double)dp->hz);
	for (unsigned i = 0; i < m->n_workers; i++)
		m->of[i].way[way].share[unit] = share[i];
}

static void look(const struct lm_dp *dp, struct lm_meters *m, uint64_t now)
{
	uint64_t since = now - m->looked_at;

	m->looked_at = now;
	if (since > dp->hz * RECENT_SECONDS)
		since = 0;
	for (unsigned way = 0; way < 2; way++)
		for (unsigned unit = 0; unit < LM_METER_UNITS; unit++)
			divide(dp, m, way, unit, since);
	if (since != 0)
		lm_meters_set(dp, m);
}

/* NULL: it has gone meanwhile. */
static struct lm_meters *find(const struct lm_dp *dp, uint32_t id)
{
	const struct lm_attach_table *t = dp->attachments;

	if (id & LM_METERS_NETWORK)
		return dp->network_meters[id & ~LM_METERS_NETWORK];
	return id < t->n ? t->by_id[id].meters : NULL;
}

/* With each mark, also where it is one of several: no mark is left in a meter but not in the ring.
 */
static void unmark(struct lm_meters *m, unsigned worker)
{
	__atomic_store_n(&m->of[worker].way[LM_EGRESS].marked, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&m->of[worker].way[LM_INGRESS].marked, 0, __ATOMIC_RELAXED);
}

unsigned lm_dp_balance(struct lm_dp *dp)
{
	uint64_t now = rte_rdtsc() + dp->skew;
	unsigned looked = 0;

	for (unsigned i = 0; i < dp->config.n_workers; i++) {
		struct lm_marks *marks = &dp->workers[i]->marks;
		uint32_t written = __atomic_load_n(&marks->written, __ATOMIC_ACQUIRE);

		for (uint32_t at = marks->taken; at != written; at++) {
			struct lm_meters *m = find(dp, marks->id[at % LM_MARKS]);

			if (!m)
				continue;
			unmark(m, i);
			/* Of several workers one mark is enough. */
			if (m->looked_at == now)
				continue;
			look(dp, m, now);
			looked++;
		}
		__atomic_store_n(&marks->taken, written, __ATOMIC_RELEASE);
	}
	return looked;
}
