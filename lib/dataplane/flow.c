/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>
#include <rte_malloc.h>

static bool is_free(const struct lm_flow *flow)
{
	return flow->key.net_proto == LM_FLOW_FREE;
}

static bool is_half_open(enum lm_flow_state state)
{
	return state == LM_FLOW_TCP_OPENING || state == LM_FLOW_TCP_ANSWERED;
}

/* Into, or out of, all counts. */
static void count(struct lm_flows *f, const struct lm_flow *flow, int n)
{
	struct lm_flow_net *net = &f->nets[flow->key.net_proto >> 8];

	f->count += (uint32_t)n;
	f->by_state[flow->state] += (uint32_t)n;
	f->n_nets -= net->flows > 0;
	net->flows += (uint32_t)n;
	f->n_nets += net->flows > 0;
	if (is_half_open(flow->state))
		net->half_open += (uint32_t)n;
}

int lm_flows_init(struct lm_flows *f, const struct lm_flows_config *c)
{
	if (c->limit < LM_FLOW_WAYS || !rte_is_power_of_2(c->limit) || c->limit > UINT32_MAX / 8)
		return -EINVAL;
	size_t n = (size_t)c->limit * 2;
	*f = (struct lm_flows){.limit = c->limit, .seed = c->seed};
	f->net_limit = c->net_limit > 0 ? c->net_limit : c->limit;
	f->nets = calloc(c->n_nets, sizeof *f->nets);
	if (!f->nets)
		return -ENOMEM;
	f->bucket_mask = (uint32_t)(n / LM_FLOW_WAYS) - 1;
	/* DPDK's memory, because huge pages spare the table's random accesses TLB misses. */
	f->slots =
	    rte_malloc_socket("lm_flows", n * sizeof *f->slots, RTE_CACHE_LINE_SIZE, c->socket);
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
	free(f->nets);
	f->slots = NULL;
	f->nets = NULL;
}

void lm_flow_remove(struct lm_flows *f, struct lm_flow *flow)
{
	count(f, flow, -1);
	flow->key.net_proto = LM_FLOW_FREE;
}

void lm_flow_enter(struct lm_flows *f, struct lm_flow *flow, enum lm_flow_state state)
{
	count(f, flow, -1);
	flow->state = state;
	count(f, flow, 1);
}

/*
 * What a network may have shrinks as the table fills (Choudhury and Hahne, "Dynamic queue length
 * thresholds", 1998): one flood leaves a ninth of it free, ten leave 1 of 81, and a network that
 * has little may always have more.
 */
enum lm_flow_room lm_flow_room(const struct lm_flows *f, uint32_t net, enum lm_flow_state state)
{
	uint64_t most = (uint64_t)LM_FLOW_SHARE * (f->limit - f->count);
	const struct lm_flow_net *n = &f->nets[net];

	if (most == 0)
		return LM_FLOW_NO_ROOM;
	most = RTE_MIN(most, (uint64_t)f->net_limit);
	if (n->flows >= most)
		return LM_FLOW_NET_FULL;
	if (is_half_open(state) && (uint64_t)n->half_open * LM_FLOW_HALF_OPEN >= most)
		return LM_FLOW_NET_HALF_OPEN;
	return LM_FLOW_ROOM;
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
	count(f, found, 1);
	return found;
}

void lm_flows_age(struct lm_flows *f, uint32_t now, uint32_t n,
    bool (*keep)(void *ctx, struct lm_flow *flow), void *ctx)
{
	for (; n > 0; n--) {
		struct lm_flow *bucket = &f->slots[(size_t)f->hand * LM_FLOW_WAYS];

		for (unsigned i = 0; i < LM_FLOW_WAYS; i++) {
			if (is_free(&bucket[i]))
				continue;
			if (lm_flow_expired(f, &bucket[i], now) || (keep && !keep(ctx, &bucket[i])))
				lm_flow_remove(f, &bucket[i]);
		}
		f->hand = (f->hand + 1) & f->bucket_mask;
	}
}
