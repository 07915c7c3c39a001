/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>
#include <rte_malloc.h>

static bool is_free(const struct lm_flow *flow)
{
	return flow->net_proto == LM_FLOW_FREE;
}

static bool is_half_open(enum lm_flow_state state)
{
	return state == LM_FLOW_TCP_OPENING || state == LM_FLOW_TCP_ANSWERED;
}

/* Into, or out of, all counts. */
static void count(struct lm_flows *f, const struct lm_flow *flow, int n)
{
	struct lm_flow_net *net = &f->nets[lm_flow_net_of(flow->net_proto)];

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
	*f = (struct lm_flows){.limit = c->limit,
	    .seed = {lm_mix(c->seed ^ LM_HASH_K0, LM_HASH_K1) ^ LM_HASH_K2,
		lm_mix(c->seed ^ LM_HASH_K3, LM_HASH_K4) ^ LM_HASH_K5}};
	f->net_limit = c->net_limit > 0 ? c->net_limit : c->limit;
	f->nets = calloc(c->n_nets, sizeof *f->nets);
	if (!f->nets)
		return -ENOMEM;
	f->slot_mask = (uint32_t)n - 1;
	/* DPDK's memory, because huge pages spare the table's random accesses TLB misses. */
	f->slots =
	    rte_malloc_socket("lm_flows", n * sizeof *f->slots, RTE_CACHE_LINE_SIZE, c->socket);
	if (!f->slots)
		return -ENOMEM;
	memset(f->slots, 0, n * sizeof *f->slots);
	for (size_t i = 0; i < n; i++)
		f->slots[i].net_proto = LM_FLOW_FREE;
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
	flow->net_proto = LM_FLOW_FREE;
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

static bool is(const struct lm_flow *flow, const struct lm_flow_key *key)
{
	if (flow->net_proto != key->net_proto)
		return false;
	if (key->net_proto & LM_FLOW_V6)
		return lm_addr_equal(flow->a, key->a) && lm_addr_equal(flow->b, key->b) &&
		       flow->port_a == key->port_a && flow->port_b == key->port_b;
	const struct lm_flow_ends ends = lm_flow_ends_of(key);
	return lm_flow_is4(flow, &ends, key->net_proto);
}

struct lm_flow *lm_flow_find(
    struct lm_flows *f, const struct lm_flow_key *key, uint64_t slot_hash, uint32_t now)
{
	for (unsigned i = 0; i < 2 * LM_FLOW_WAYS; i++) {
		struct lm_flow *flow =
		    lm_flow_way(f, slot_hash, i / LM_FLOW_WAYS, i % LM_FLOW_WAYS);

		if (!is(flow, key))
			continue;
		if (likely(!lm_flow_expired(f, flow, now)))
			return flow;
		lm_flow_remove(f, flow);
		return NULL;
	}
	return NULL;
}

struct lm_flow *lm_flow_search4(
    const struct lm_flows *f, const struct lm_flow_ends *e, uint32_t net_proto, uint64_t slot_hash)
{
	for (unsigned i = 1; i < 2 * LM_FLOW_WAYS; i++) {
		struct lm_flow *flow =
		    lm_flow_way(f, slot_hash, i / LM_FLOW_WAYS, i % LM_FLOW_WAYS);

		if (lm_flow_is4(flow, e, net_proto))
			return flow;
	}
	return NULL;
}

void lm_flow_key_of(struct lm_flow_key *key, const struct lm_flow *flow)
{
	if (!(flow->net_proto & LM_FLOW_V6)) {
		lm_flow_key_from(key, &flow->ends, flow->net_proto);
		return;
	}
	*key = (struct lm_flow_key){.a = flow->a,
	    .b = flow->b,
	    .port_a = flow->port_a,
	    .port_b = flow->port_b,
	    .net_proto = flow->net_proto};
}

static void name(struct lm_flow *flow, const struct lm_flow_key *key)
{
	flow->net_proto = key->net_proto;
	if (key->net_proto & LM_FLOW_V6) {
		flow->a = key->a;
		flow->b = key->b;
		flow->port_a = key->port_a;
		flow->port_b = key->port_b;
	} else {
		flow->ends = lm_flow_ends_of(key);
		flow->where[0] = flow->where[1] = LM_WHERE_NOWHERE;
	}
}

/* A free way, the nearest to the front; *room: how many there are. */
static struct lm_flow *free_way(
    const struct lm_flows *f, uint64_t slot_hash, unsigned second, unsigned *room)
{
	struct lm_flow *first = NULL;

	*room = 0;
	for (unsigned i = LM_FLOW_WAYS; i-- > 0;) {
		struct lm_flow *flow = lm_flow_way(f, slot_hash, second, i);

		if (is_free(flow)) {
			++*room;
			first = flow;
		}
	}
	return first;
}

/* A way that timed out becomes free; NULL: none did. */
static __rte_noinline struct lm_flow *free_stale(
    struct lm_flows *f, uint64_t slot_hash, uint32_t now)
{
	for (unsigned i = 0; i < 2 * LM_FLOW_WAYS; i++) {
		struct lm_flow *flow =
		    lm_flow_way(f, slot_hash, i / LM_FLOW_WAYS, i % LM_FLOW_WAYS);

		if (!is_free(flow) && lm_flow_expired(f, flow, now)) {
			lm_flow_remove(f, flow);
			return flow;
		}
	}
	return NULL;
}

/*
 * Both of a key's buckets are full, seldom before the table is: one of the flows there goes to its
 * own other bucket (Pagh and Rodler, "Cuckoo hashing", 2004). Its place; NULL: none can.
 */
static __rte_noinline struct lm_flow *move_one(struct lm_flows *f, uint64_t slot_hash)
{
	struct lm_flow_key key;
	unsigned room;

	for (unsigned i = 0; i < 2 * LM_FLOW_WAYS; i++) {
		struct lm_flow *flow =
		    lm_flow_way(f, slot_hash, i / LM_FLOW_WAYS, i % LM_FLOW_WAYS);

		lm_flow_key_of(&key, flow);
		uint64_t hash = lm_flow_slot_hash(f, &key, lm_flow_hash(&key));
		/* The bucket where it is has no room. */
		struct lm_flow *to = free_way(f, hash, 0, &room);
		if (!to)
			to = free_way(f, hash, 1, &room);
		if (to) {
			*to = *flow;
			flow->net_proto = LM_FLOW_FREE;
			return flow;
		}
	}
	return NULL;
}

/*
 * In the first bucket, whose line a look-up has prefetched, unless it is nearly full and the second
 * one is emptier.
 */
struct lm_flow *lm_flow_insert(struct lm_flows *f, const struct lm_flow_key *key,
    uint64_t slot_hash, enum lm_flow_state state, uint32_t now)
{
	unsigned room, other;
	struct lm_flow *found = free_way(f, slot_hash, 0, &room);

	if (room < LM_FLOW_WAYS / 2) {
		struct lm_flow *second = free_way(f, slot_hash, 1, &other);
		if (other > room)
			found = second;
	}
	if (unlikely(f->count >= f->limit || !found)) {
		found = free_stale(f, slot_hash, now);
		if (!found && f->count < f->limit)
			found = move_one(f, slot_hash);
		if (!found)
			return NULL;
	}
	*found = (struct lm_flow){.seen = now, .state = state};
	name(found, key);
	count(f, found, 1);
	return found;
}

void lm_flows_age(struct lm_flows *f, uint32_t now, uint32_t n,
    bool (*keep)(void *ctx, struct lm_flow *flow), void *ctx)
{
	for (; n > 0; n--) {
		struct lm_flow *flow = &f->slots[f->hand];

		if (!is_free(flow) && (lm_flow_expired(f, flow, now) || (keep && !keep(ctx, flow))))
			lm_flow_remove(f, flow);
		f->hand = (f->hand + 1) & f->slot_mask;
	}
}
