/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/flow.h"

#include <errno.h>
#include <rte_common.h>
#include <rte_malloc.h>

static bool is_free(const struct lm_flow *flow)
{
	return flow->key.net_proto == LM_FLOW_FREE;
}

int lm_flows_init(struct lm_flows *f, uint32_t limit, uint64_t seed, int socket)
{
	if (limit < LM_FLOW_WAYS || !rte_is_power_of_2(limit) || limit > UINT32_MAX / 4)
		return -EINVAL;
	size_t n = (size_t)limit * 2;
	*f = (struct lm_flows){.limit = limit, .seed = seed};
	f->bucket_mask = (uint32_t)(n / LM_FLOW_WAYS) - 1;
	/* DPDK's memory, because huge pages spare the table's random accesses TLB misses. */
	f->slots = rte_malloc_socket("lm_flows", n * sizeof *f->slots, RTE_CACHE_LINE_SIZE, socket);
	if (!f->slots)
		return -ENOMEM;
	memset(f->slots, 0, n * sizeof *f->slots);
	for (size_t i = 0; i < n; i++)
		f->slots[i].key.net_proto = LM_FLOW_FREE;
	return 0;
}

void lm_flows_free(struct lm_flows *f)
{
	rte_free(f->slots);
	f->slots = NULL;
}

void lm_flow_remove(struct lm_flows *f, struct lm_flow *flow)
{
	flow->key.net_proto = LM_FLOW_FREE;
	f->by_state[flow->state]--;
	f->count--;
}

void lm_flow_enter(struct lm_flows *f, struct lm_flow *flow, enum lm_flow_state state)
{
	f->by_state[flow->state]--;
	f->by_state[state]++;
	flow->state = state;
}

/*
 * Of both buckets the emptier one, so that neither fills up. The first free entry from the front:
 * that is the one whose line a lookup has prefetched.
 */
struct lm_flow *lm_flow_insert(struct lm_flows *f, const struct lm_flow_key *key,
    uint64_t slot_hash, enum lm_flow_state state, uint32_t now)
{
	struct lm_flow *found = NULL, *stale = NULL;
	unsigned best = 0;

	for (int second = 0; second < 2; second++) {
		struct lm_flow *bucket = lm_flow_bucket(f, slot_hash, second), *first = NULL;
		unsigned room = 0;

		for (unsigned i = 0; i < LM_FLOW_WAYS; i++) {
			if (is_free(&bucket[i])) {
				room++;
				first = first ? first : &bucket[i];
			} else if (lm_flow_expired(f, &bucket[i], now)) {
				stale = &bucket[i];
			}
		}
		if (room > best) {
			best = room;
			found = first;
		}
	}
	if (f->count >= f->limit || !found) {
		if (!stale)
			return NULL;
		lm_flow_remove(f, stale);
		found = stale;
	}
	*found = (struct lm_flow){.key = *key, .seen = now, .state = state};
	f->by_state[state]++;
	f->count++;
	return found;
}

void lm_flows_age(struct lm_flows *f, uint32_t now, uint32_t n)
{
	for (; n > 0; n--) {
		struct lm_flow *bucket = &f->slots[(size_t)f->hand * LM_FLOW_WAYS];

		for (unsigned i = 0; i < LM_FLOW_WAYS; i++)
			if (!is_free(&bucket[i]) && lm_flow_expired(f, &bucket[i], now))
				lm_flow_remove(f, &bucket[i]);
		f->hand = (f->hand + 1) & f->bucket_mask;
	}
}
