/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sends messages of sessions, told apart by a hash of the outer source address
 * (of IPv6 the /64, which one host can fill at will). Everybody spends an allowance
 * of his own before the common one, and peers have a common one of theirs: so a
 * stranger who floods, from one address or from many, does not drown what keeps
 * the sessions alive.
 */
#ifndef LM_DATAPLANE_SOURCES_H
#define LM_DATAPLANE_SOURCES_H

#include <stdint.h>
#include "dataplane/flow.h"

#define LM_SOURCES 4096

struct lm_sources {
	uint64_t seed; /* constant while workers run: nobody can aim at a peer's place */
	uint16_t peers[LM_SOURCES]; /* how many are there now; control writes, workers read */
};

static inline uint16_t lm_source_of(const struct lm_sources *s, struct lm_addr from)
{
	uint64_t who = from.w[0] ? from.w[0] : from.w[1];

	return (uint16_t)(lm_mix(who ^ s->seed, LM_HASH_K1) & (LM_SOURCES - 1));
}

static inline bool lm_source_is_peer(const struct lm_sources *s, uint16_t source)
{
	return __atomic_load_n(&s->peers[source], __ATOMIC_RELAXED) > 0;
}

static inline void lm_source_count(struct lm_sources *s, uint16_t source, int change)
{
	__atomic_fetch_add(&s->peers[source], (uint16_t)change, __ATOMIC_RELAXED);
}

#endif
