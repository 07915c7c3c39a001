/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of lib/address share: small worlds of gateways, whose own checks look on. */
#ifndef LM_TESTS_UNIT_ADDRESS_RIG_H
#define LM_TESTS_UNIT_ADDRESS_RIG_H

#include "suite.h"

#include "../address/world.h"

#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define ALL ((1u << THINGS) - 1)

static inline struct setup plain(unsigned members)
{
	return (struct setup){
	    .members = members, .family = 46, .block_bits = 2, .pool_bits = 6, .things = ALL};
}

static inline struct world *begin(const struct setup *s)
{
	struct world *w = world_new(1, s, NULL);

	world_run(w, 5 * SECOND);
	return w;
}

static inline void end(struct world *w)
{
	CU_ASSERT_EQUAL(w->broken, 0);
	if (w->broken)
		fprintf(stderr, "%s\n", w->first_broken);
	world_free(w);
}

static inline struct lm_address_place place(const struct world *w, unsigned node, unsigned thing)
{
	const struct node *n = &w->node[node];
	struct lm_address_place p = {0};

	CU_ASSERT_EQUAL(lm_address_get(n->address, &w->net, version_of(n)->endpoint[thing], &p), 0);
	return p;
}

static inline bool serves(const struct world *w, unsigned node, unsigned thing)
{
	return place(w, node, thing).serve;
}

static inline struct lm_address_counts counts(const struct world *w, unsigned node)
{
	struct lm_address_counts c = {0};

	CU_ASSERT_EQUAL(lm_address_counts(w->node[node].address, &w->net, &c), 0);
	return c;
}

static inline void attach(struct world *w, unsigned node, unsigned thing)
{
	world_attach(w, node, thing, true);
	world_run(w, 3 * SECOND);
}

static inline void isolate(struct world *w, unsigned node, bool cut)
{
	for (unsigned i = 0; i < w->n; i++) {
		world_cut(w, i, node, cut);
		world_cut(w, node, i, cut);
	}
}

static inline void manifest(struct world *w, uint16_t providers, uint32_t things)
{
	world_manifest(w, providers, things);
	for (unsigned i = 0; i < w->n; i++)
		world_tell(w, i, w->serial);
}

static inline uint16_t all_nodes(const struct world *w)
{
	return (uint16_t)((1u << w->n) - 1);
}

#endif
