/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in a world, from its seed: first anything, all faults together, over seconds and
 * over days; then a majority of the members can talk, and whatever is attached at them must be
 * served within BOUND; in the end all is well, and must become silent with all alike.
 */
#ifndef LM_TESTS_ADDRESS_STORY_H
#define LM_TESTS_ADDRESS_STORY_H

#include <stdio.h>
#include "base/log.h"
#include "world.h"

#define BOUND (150 * SECOND)

struct story_sum {
	uint64_t blocks, served, moved, conflicts, fenced, crashes, removed, rounds;
	uint64_t slowest; /* ns, of those that BOUND is for */
};

struct teller {
	struct world *w;
	struct story_sum *sum;
};

static inline uint64_t below(struct teller *t, uint64_t n)
{
	return sim_random_below(&t->w->story, n);
}

static inline unsigned any_node(struct teller *t)
{
	return (unsigned)below(t, t->w->n);
}

static inline uint16_t all_nodes(const struct world *w)
{
	return (uint16_t)((1u << w->n) - 1);
}

/* All faults, in any order. */
void story_anything(struct teller *t);
/* What two want to serve is asked for again and again; for days that would only take time. */
void story_attach_once(struct world *w);

/* True, or why not. */
bool story(uint64_t seed, FILE *trace, struct story_sum *sum, char *why, size_t size);
void story_log(void *ctx, enum lm_log_level level, const char *line);

#endif
