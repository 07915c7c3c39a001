/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/meter.h"

/* What is in a bucket is bytes, or packets. It is counted in time, which is worth another amount
 * now. */
static uint64_t full_at(
    const struct lm_meter *m, enum lm_meter_unit unit, uint64_t cost, uint64_t burst, uint64_t now)
{
	if (m->cost[unit] == 0 || cost == 0)
		return now;
	double missing = m->full_at[unit] > now ? (double)(m->full_at[unit] - now) : 0;
	double there = ((double)m->burst - missing) * (double)cost / (double)m->cost[unit];
	double left = (double)burst - there;
	return left > 0 ? now + (uint64_t)left : now;
}

void lm_meter_adopt(struct lm_meter *m, uint64_t now)
{
	uint64_t burst = __atomic_load_n(&m->wanted_burst, __ATOMIC_RELAXED);

	/* First, so that what control changes meanwhile is looked at with the next packet. */
	m->version = __atomic_load_n(&m->wanted_version, __ATOMIC_ACQUIRE);
	for (unsigned unit = 0; unit < LM_METER_UNITS; unit++) {
		uint64_t cost = __atomic_load_n(&m->wanted_cost[unit], __ATOMIC_RELAXED);

		m->full_at[unit] = full_at(m, unit, cost, burst, now);
		m->cost[unit] = cost;
	}
	m->burst = burst;
}
