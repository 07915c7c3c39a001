/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket in one word: the time at which it will be full again (GCRA,
 * ITU-T I.371 annex A). Belongs to one worker.
 */
#ifndef LM_DATAPLANE_LIMIT_H
#define LM_DATAPLANE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct lm_limit {
	uint64_t full_at; /* cycles */
};

/* cost: cycles a token. Is there one? */
static inline bool lm_limit_has(
    const struct lm_limit *l, uint64_t now, uint64_t cost, unsigned burst)
{
	return l->full_at <= now || l->full_at - now <= cost * (burst - 1);
}

/* Takes one. False: over the rate, and nothing was taken. */
static inline bool lm_limit_take(struct lm_limit *l, uint64_t now, uint64_t cost, unsigned burst)
{
	if (!lm_limit_has(l, now, cost, burst))
		return false;
	l->full_at = (l->full_at > now ? l->full_at : now) + cost;
	return true;
}

#endif
