/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table beside DPDK's rte_hash, as one would take it for this: lock free for
 * readers, with CRC hashes, flows in an array by the position that it returns. Both
 * get the same keys in the same order, and each look-up touches its flow as a packet
 * does. "in 32s" is how the data path asks ours, prefetching a burst ahead, and
 * rte_hash's bulk call.
 */
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include "bench.h"
#include "dataplane/flow.h"
#include "flows.h"
#include "rules.h"

#define BURST 32
#define LOOKUPS (1u << 19) /* of a round */
#define OFTEN (1u << 16) /* likewise, of insertions and removals, at least */
#define NOW 1 /* ticks */

struct contest {
	unsigned n, n_asked;
	struct lm_flow_key *keys, *asked; /* n_asked: at random */
	struct lm_flows ours;
	struct rte_hash *theirs;
	struct lm_flow *their_flows; /* by position */
};

static uint64_t slot_hash(const struct contest *c, const struct lm_flow_key *k)
{
	return lm_flow_slot_hash(&c->ours, k, lm_flow_hash(k));
}

static void touch(struct lm_flow *f)
{
	f->seen = NOW;
	f->packets++;
	f->bytes += 64;
}

static void lost(void)
{
	bench_check(-ENOENT, "a flow that is there");
}

/* ---- ours ------------------------------------------------------------------ */

static void insert_ours(struct contest *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct lm_flow_key *k = &c->keys[i];

		if (lm_flow_room(&c->ours, lm_flow_net_of(k->net_proto), LM_FLOW_UDP) !=
			LM_FLOW_ROOM ||
		    !lm_flow_insert(&c->ours, k, slot_hash(c, k), LM_FLOW_UDP, NOW))
			bench_check(-ENOSPC, "our table");
	}
}

static void remove_ours(struct contest *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct lm_flow *f =
		    lm_flow_find(&c->ours, &c->keys[i], slot_hash(c, &c->keys[i]), NOW);
		if (!f)
			lost();
		lm_flow_remove(&c->ours, f);
	}
}

static void ask_ours(struct contest *c)
{
	for (unsigned i = 0; i < c->n_asked; i++) {
		const struct lm_flow_key *k = &c->asked[i];
		struct lm_flow *f = lm_flow_find(&c->ours, k, slot_hash(c, k), NOW);

		if (!f)
			lost();
		touch(f);
	}
}

static void ask_ours_in_bursts(struct contest *c)
{
	uint64_t hashes[BURST];

	for (unsigned i = 0; i < c->n_asked; i += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			hashes[k] = slot_hash(c, &c->asked[i + k]);
			lm_flow_prefetch(&c->ours, hashes[k]);
		}
		for (unsigned k = 0; k < BURST; k++) {
			struct lm_flow *f =
			    lm_flow_find(&c->ours, &c->asked[i + k], hashes[k], NOW);

			if (!f)
				lost();
			touch(f);
		}
	}
}

/* ---- theirs ---------------------------------------------------------------- */

static void insert_theirs(struct contest *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		int32_t at = rte_hash_add_key(c->theirs, &c->keys[i]);

		bench_check(at, "rte_hash_add_key");
		c->their_flows[at] = (struct lm_flow){.state = LM_FLOW_UDP};
	}
}

static void remove_theirs(struct contest *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		int32_t at = rte_hash_del_key(c->theirs, &c->keys[i]);

		bench_check(at, "rte_hash_del_key");
		/* Nobody else reads: it may be used again at once. */
		bench_check(rte_hash_free_key_with_position(c->theirs, at), "position");
	}
}

static void ask_theirs(struct contest *c)
{
	for (unsigned i = 0; i < c->n_asked; i++) {
		int32_t at = rte_hash_lookup(c->theirs, &c->asked[i]);

		if (at < 0)
			lost();
		touch(&c->their_flows[at]);
	}
}

static void ask_theirs_in_bursts(struct contest *c)
{
	const void *keys[BURST];
	int32_t at[BURST];

	for (unsigned i = 0; i < c->n_asked; i += BURST) {
		for (unsigned k = 0; k < BURST; k++)
			keys[k] = &c->asked[i + k];
		rte_hash_lookup_bulk(c->theirs, keys, BURST, at);
		for (unsigned k = 0; k < BURST; k++) {
			if (at[k] < 0)
				lost();
			touch(&c->their_flows[at[k]]);
		}
	}
}

/* ---- the contest -------------------------------------------------------------- */

static void open_tables(struct contest *c)
{
	unsigned limit = rte_align32pow2(c->n + c->n / 4);
	const struct lm_flows_config config = {
	    .limit = limit, .n_nets = 1, .seed = 1, .socket = SOCKET_ID_ANY};
	const struct rte_hash_parameters theirs = {.name = "flows",
	    .entries = limit,
	    .key_len = sizeof(struct lm_flow_key),
	    .hash_func = rte_hash_crc,
	    .socket_id = SOCKET_ID_ANY,
	    .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF};

	bench_check(lm_flows_init(&c->ours, &config), "our table");
	for (unsigned i = 0; i < LM_FLOW_STATE_MAX; i++)
		c->ours.timeout[i] = 1000;
	c->theirs = bench_must(rte_hash_create(&theirs), "rte_hash_create");
	c->their_flows = bench_must(
	    rte_zmalloc("flows", ((size_t)limit + 1) * sizeof(struct lm_flow), 64), "flows");
}

static void make_keys(struct contest *c)
{
	c->keys = bench_must(calloc(c->n, sizeof(*c->keys)), "keys");
	c->asked = bench_must(calloc(c->n_asked, sizeof(*c->asked)), "keys");
	for (unsigned i = 0; i < c->n; i++)
		c->keys[i] = (struct lm_flow_key){.a = lm_addr4(rte_cpu_to_be_32(0x64400a0a)),
		    .b = lm_addr4(rte_cpu_to_be_32(0x64400a14 + i / 50000)),
		    .port_a = rte_cpu_to_be_16((uint16_t)(1024 + i % 50000)),
		    .port_b = rte_cpu_to_be_16(443),
		    .net_proto = 17};
	/* In no order: hosts count ports up, and CRC puts such flows side by side. */
	for (unsigned i = c->n - 1; i > 0; i--) {
		unsigned k = rules_below(i + 1);
		struct lm_flow_key key = c->keys[i];

		c->keys[i] = c->keys[k];
		c->keys[k] = key;
	}
	for (unsigned i = 0; i < c->n_asked; i++)
		c->asked[i] = c->keys[rules_below(c->n)];
}

static uint64_t timed(struct contest *c, void (*what)(struct contest *))
{
	uint64_t begin = bench_ns();

	what(c);
	return bench_ns() - begin;
}

enum { INSERT, ONE, MANY, REMOVE, STEPS };

void flows_table(unsigned flows)
{
	static void (*const steps[STEPS][2])(struct contest *) = {
	    [INSERT] = {insert_ours, insert_theirs},
	    [ONE] = {ask_ours, ask_theirs},
	    [MANY] = {ask_ours_in_bursts, ask_theirs_in_bursts},
	    [REMOVE] = {remove_ours, remove_theirs},
	};
	struct contest c = {.n = flows};
	uint64_t ns[STEPS][2][BENCH_ROUNDS] = {0};
	/* Few flows: often, as looking at the clock takes time as well. */
	unsigned times = flows < OFTEN ? OFTEN / flows : 1;

	c.n_asked = LOOKUPS / times / BURST * BURST;
	open_tables(&c);
	make_keys(&c);
	for (unsigned round = 0; round < BENCH_ROUNDS; round++)
		for (unsigned who = 0; who < 2; who++)
			for (unsigned i = 0; i < times; i++)
				for (unsigned s = 0; s < STEPS; s++)
					ns[s][who][round] += timed(&c, steps[s][who]);
	printf("%8u", flows);
	for (unsigned s = 0; s < STEPS; s++) {
		double n = times * (double)(s == ONE || s == MANY ? c.n_asked : flows);
		double ours = bench_median(ns[s][0], n), theirs = bench_median(ns[s][1], n);

		printf(" | %6.1f %6.1f %5.2f", ours, theirs, theirs / ours);
	}
	printf("\n");
	lm_flows_free(&c.ours);
	rte_hash_free(c.theirs);
	rte_free(c.their_flows);
	free(c.keys);
	free(c.asked);
}
