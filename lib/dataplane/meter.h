/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker's part of a limit, in one direction: bytes and packets a second, each
 * as the time at which its bucket will be full again (GCRA, ITU-T I.371 annex A).
 * Either takes what a packet costs only if both, and whatever other meter is asked,
 * have room for it.
 *
 * Why not rte_meter: see docs/performance.md, "Limits".
 */
#ifndef LM_DATAPLANE_METER_H
#define LM_DATAPLANE_METER_H

#include <stdbool.h>
#include <stdint.h>

enum lm_meter_unit { LM_METER_BYTES, LM_METER_PACKETS, LM_METER_UNITS };

/*
 * Times are in sixteenths of a cycle, so that rates are exact at a few cycles a packet, too. Costs
 * are in 65536ths of a cycle, for each byte or packet.
 */
#define LM_METER_TIME_SHIFT 4
#define LM_METER_COST_SHIFT 16
#define LM_METER_FINER (LM_METER_COST_SHIFT - LM_METER_TIME_SHIFT)

struct lm_meter {
	/* The worker's. Others read what it counts. */
	uint64_t full_at[LM_METER_UNITS];
	uint64_t cost[LM_METER_UNITS]; /* 0: no limit */
	uint64_t burst; /* the time that a bucket takes to fill */
	uint64_t offered[LM_METER_UNITS]; /* passed or not */
	uint64_t dropped; /* packets */

	/* Control's. Workers read the first three, when version says that they have changed. */
	uint64_t wanted_cost[LM_METER_UNITS], wanted_burst;
	uint32_t wanted_version;
	uint32_t version; /* the worker's */
	uint32_t share[LM_METER_UNITS]; /* control's alone, see shares.h */
	uint64_t seen[LM_METER_UNITS]; /* likewise: of offered, when last looked at */
	uint32_t marked; /* see shares.h: the worker sets it, control takes it back */
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct lm_meter) == 128, "two cache lines, one of them the worker's");

/* Of a byte or a packet, at so many bits or packets a second; hz: cycles a second. */
static inline uint64_t lm_meter_cost(uint64_t hz, uint64_t rate, enum lm_meter_unit unit)
{
	double each = (double)hz * (1 << LM_METER_COST_SHIFT) / (double)rate;

	return (uint64_t)(unit == LM_METER_BYTES ? each * 8 : each) + 1;
}

/* Goes over to what control wants, and keeps what is in the buckets, as far as they hold it. */
void lm_meter_adopt(struct lm_meter *m, uint64_t now);

/*
 * Has a packet of this many bytes room? Counts it as offered. *full_at is what is to be stored if
 * it goes on. now: sixteenths of a cycle.
 */
static inline bool lm_meter_fits(
    struct lm_meter *m, uint64_t now, unsigned bytes, uint64_t full_at[LM_METER_UNITS])
{
	const uint64_t amount[LM_METER_UNITS] = {bytes, 1};
	bool fits = true;

	if (__builtin_expect(
		__atomic_load_n(&m->wanted_version, __ATOMIC_ACQUIRE) != m->version, 0))
		lm_meter_adopt(m, now);
	for (unsigned unit = 0; unit < LM_METER_UNITS; unit++) {
		bool full = m->full_at[unit] <= now;
		uint64_t cost = amount[unit] * m->cost[unit];

		m->offered[unit] += amount[unit];
		/* Rounded up, so that small packets pass no faster than the rate either. */
		full_at[unit] = (full ? now : m->full_at[unit]) +
				((cost + (1u << LM_METER_FINER) - 1) >> LM_METER_FINER);
		/* A full bucket lets pass what is larger than itself, lest nothing ever does. */
		fits &= full | (full_at[unit] - now <= m->burst);
	}
	return fits;
}

static inline void lm_meter_take(struct lm_meter *m, const uint64_t full_at[LM_METER_UNITS])
{
	for (unsigned unit = 0; unit < LM_METER_UNITS; unit++)
		m->full_at[unit] = full_at[unit];
}

#endif
