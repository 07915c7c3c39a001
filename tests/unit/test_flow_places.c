/* SPDX-License-Identifier: Apache-2.0 */
/* Every flow finds a place in the table until it is full, and stays to be found when others move.
 */
#include <netinet/in.h>
#include "chance.h"
#include "dataplane/flow.h"
#include "dp_rig.h"
#include "suite.h"

#define LIMIT (1u << 13)

/* Every fourth is IPv6's. */
static struct lm_flow_key random_key(uint64_t *seed, uint32_t i)
{
	const uint64_t r = chance_next(seed);
	struct lm_flow_key k;
	uint64_t hash;

	if (i % 4 != 0) {
		lm_flow_key_set(&k, &hash, lm_addr4((uint32_t)r), lm_addr4((uint32_t)(r >> 32)),
		    (uint16_t)i, 443, i % 3, IPPROTO_TCP);
		return k;
	}
	lm_flow_key_set(&k, &hash, (struct lm_addr){{r | 1, chance_next(seed)}},
	    (struct lm_addr){{r | 1, chance_next(seed)}}, (uint16_t)i, 443, i % 3, IPPROTO_UDP);
	k.net_proto |= LM_FLOW_V6;
	return k;
}

static bool fills(uint64_t seed)
{
	const struct lm_flows_config c = {.limit = LIMIT, .n_nets = 4, .seed = seed};
	static struct lm_flow_key keys[LIMIT];
	struct lm_flows f;
	unsigned refused = 0, lost = 0;

	if (lm_flows_init(&f, &c) != 0)
		return false;
	f.timeout[LM_FLOW_UDP] = 100;
	for (uint32_t i = 0; i < LIMIT; i++) {
		keys[i] = random_key(&seed, i);
		struct lm_flow *flow = lm_flow_insert(&f, &keys[i],
		    lm_flow_slot_hash(&f, &keys[i], lm_flow_hash(&keys[i])), LM_FLOW_UDP, 1);
		if (flow)
			flow->packets = i;
		refused += !flow;
	}
	for (uint32_t i = 0; i < LIMIT; i++) {
		const struct lm_flow *flow = lm_flow_find(
		    &f, &keys[i], lm_flow_slot_hash(&f, &keys[i], lm_flow_hash(&keys[i])), 1);

		lost += !flow || flow->packets != i;
	}
	bool ok = refused == 0 && lost == 0 && f.count == LIMIT;
	lm_flows_age(&f, 1000, f.slot_mask + 1, NULL, NULL);
	ok = ok && f.count == 0 && f.n_nets == 0;
	lm_flows_free(&f);
	return ok;
}

static void test_fills(void)
{
	rig_start();
	CU_ASSERT_EQUAL(chance_play(fills, 100), 0);
}

LM_SUITE("flow places", {"fills", test_fills})
