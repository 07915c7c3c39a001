/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the data plane that have no packets: hash, flow table, replay window, limit. */
#include <errno.h>
#include <netinet/in.h>
#include <rte_common.h>
#include <rte_rcu_qsbr.h>
#include "dataplane/flow.h"
#include "dataplane/limit.h"
#include "dataplane/reclaim.h"
#include "dataplane/window.h"
#include "dp_rig.h"
#include "suite.h"

static struct lm_flow_key key_of(
    uint32_t src, uint32_t dst, uint16_t src_port, uint16_t dst_port, uint8_t proto)
{
	struct lm_flow_key k;
	uint64_t hash;

	lm_flow_key_set(&k, &hash, lm_addr4(rte_cpu_to_be_32(src)), lm_addr4(rte_cpu_to_be_32(dst)),
	    rte_cpu_to_be_16(src_port), rte_cpu_to_be_16(dst_port), 0, proto);
	return k;
}

static uint64_t hash_of(const struct lm_flow_key *k)
{
	uint32_t ports = (uint32_t)rte_be_to_cpu_16(k->port_a) << 16 | rte_be_to_cpu_16(k->port_b);

	return lm_flow_hash_words(k->a, k->b, ports, (uint8_t)k->net_proto);
}

static void test_key_is_canonical(void)
{
	static const uint32_t addrs[] = {0x64400a0a, 0x64400a14, 0x01000000, 0x000000ff};
	unsigned from_b = 0;

	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			for (unsigned port = 1; port < 1000; port += 37) {
				struct lm_flow_key x, y;
				uint64_t hx, hy;
				bool b = lm_flow_key_set(&x, &hx, lm_addr4(addrs[i]),
				    lm_addr4(addrs[j]), (uint16_t)port, 500, 7, 6);
				bool c = lm_flow_key_set(&y, &hy, lm_addr4(addrs[j]),
				    lm_addr4(addrs[i]), 500, (uint16_t)port, 7, 6);

				CU_ASSERT_TRUE(lm_flow_key_equal(&x, &y));
				CU_ASSERT_EQUAL(hx, hy);
				CU_ASSERT_EQUAL(hx, lm_flow_hash(&x));
				CU_ASSERT_NOT_EQUAL(b, c);
				from_b += b;
			}
	CU_ASSERT_TRUE(from_b > 0);
}

/* Peers of other builds choose lanes by it: it must never change. */
static void test_hash_is_fixed(void)
{
	struct lm_flow_key k4 = key_of(0x64400a0a, 0x64400a14, 4000, 53, IPPROTO_UDP), k6;
	uint64_t h6;
	struct lm_ip a = rig_ip("fd5a:10::10"), b = rig_ip("fd5a:10::20");

	lm_flow_key_set(&k6, &h6, lm_addr6(a.b), lm_addr6(b.b), rte_cpu_to_be_16(4000),
	    rte_cpu_to_be_16(53), 9, IPPROTO_TCP);
	CU_ASSERT_EQUAL(hash_of(&k4), UINT64_C(0xeefb613c7195fa6e));
	CU_ASSERT_EQUAL(h6, UINT64_C(0x157666a84ecb5d3a));
}

/*
 * Chi-square of 64 lanes, and of the fill of buckets, on keys as they really are: one address and
 * consecutive ports, consecutive addresses and one port, both.
 */
static double chi_square(const unsigned *count, unsigned n, double expected)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
	return sum;
}

static void test_hash_spreads(void)
{
	enum { KEYS = 1 << 15, BINS = 1024 };
	static const struct {
		uint32_t src_step, dst_step;
		uint16_t sport_step, dport_step;
	} patterns[] = {{0, 0, 1, 0}, {0, 0, 2, 0}, {1, 0, 0, 0}, {1, 1, 0, 0}, {0, 1, 1, 0},
	    {256, 0, 0, 0}, {1, 0, 1, 0}, {0, 0, 1, 1}, {0x10000, 0, 0, 0}, {1, 256, 0, 0}};

	for (unsigned p = 0; p < sizeof patterns / sizeof patterns[0]; p++)
		for (unsigned shift = 0; shift <= 54; shift += 9) {
			unsigned bins[BINS] = {0};

			for (uint32_t i = 0; i < KEYS; i++) {
				struct lm_flow_key k = key_of(0x0a000001 + i * patterns[p].src_step,
				    0x64400a14 + i * patterns[p].dst_step,
				    (uint16_t)(1 + i * patterns[p].sport_step),
				    (uint16_t)(443 + i * patterns[p].dport_step), IPPROTO_TCP);

				bins[hash_of(&k) >> shift & (BINS - 1)]++;
			}
			/* 1,023 degrees of freedom: mean 1,023, deviation 45. */
			CU_ASSERT_TRUE(chi_square(bins, BINS, (double)KEYS / BINS) < 1023 + 5 * 45);
		}
}

static int init(struct lm_flows *f, uint32_t limit)
{
	const struct lm_flows_config c = {.limit = limit, .n_nets = 4, .seed = 12345};

	return lm_flows_init(f, &c);
}

static struct lm_flow *insert(struct lm_flows *f, const struct lm_flow_key *k, uint32_t now)
{
	return lm_flow_insert(f, k, lm_flow_slot_hash(f, k, hash_of(k)), LM_FLOW_UDP, now);
}

static struct lm_flow *find(struct lm_flows *f, const struct lm_flow_key *k, uint32_t now)
{
	const uint64_t slot = lm_flow_slot_hash(f, k, hash_of(k));
	const struct lm_flow_ends ends = lm_flow_ends_of(k);
	struct lm_flow *quick = lm_flow_find4(f, &ends, k->net_proto, slot);
	struct lm_flow *found = lm_flow_find(f, k, slot, now);

	/* The one that does not ask for age finds the same. */
	if (found)
		CU_ASSERT_PTR_EQUAL(quick, found);
	return found;
}

/*
 * Whoever knows a flow must not find others for its places without the seed: those of another
 * network or protocol whose addresses or ports make up for it.
 */
static void test_places_are_not_foretold(void)
{
	const struct lm_flow_ends known = {
	    .lo = UINT64_C(0x0a010203) << 16 | 500, .hi = UINT64_C(0x0a010204) << 16 | 500};
	const uint32_t net_proto = 5 << 8 | 17;
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(init(&f, 1 << 10), 0);
	const uint64_t place = lm_flow_slot_hash4(&f, &known, net_proto);
	for (unsigned i = 0; i < 31; i++)
		for (unsigned k = 0; k < 48; k++) {
			struct lm_flow_ends lo = known, hi = known;

			lo.lo ^= UINT64_C(1) << k;
			hi.hi ^= UINT64_C(1) << k;
			CU_ASSERT_NOT_EQUAL(
			    lm_flow_slot_hash4(&f, &lo, net_proto ^ UINT32_C(1) << i), place);
			CU_ASSERT_NOT_EQUAL(
			    lm_flow_slot_hash4(&f, &hi, net_proto ^ UINT32_C(1) << i), place);
		}
	lm_flows_free(&f);
}

static void test_table(void)
{
	enum { LIMIT = 1 << 14 };
	struct lm_flows f;
	unsigned n = 0, lost = 0;

	rig_start();
	CU_ASSERT_EQUAL(init(&f, 1000), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(init(&f, LIMIT), 0);
	f.timeout[LM_FLOW_UDP] = 100;
	for (uint32_t i = 0; i < LIMIT + 100; i++) {
		struct lm_flow_key k =
		    key_of(0x0a000001, 0x64400a14, (uint16_t)i, 443, IPPROTO_TCP);

		n += insert(&f, &k, 1000) != NULL;
	}
	CU_ASSERT_EQUAL(n, LIMIT);
	CU_ASSERT_EQUAL(f.count, LIMIT);
	/* Hardly any pair of buckets filled up before the table did. */
	for (uint32_t i = 0; i < LIMIT; i++) {
		struct lm_flow_key k =
		    key_of(0x0a000001, 0x64400a14, (uint16_t)i, 443, IPPROTO_TCP);

		lost += find(&f, &k, 1050) == NULL;
	}
	CU_ASSERT_TRUE(lost < LIMIT / 1000);
	/* Nobody who is alive makes room; who has timed out does. */
	struct lm_flow_key late = key_of(1, 2, 3, 4, IPPROTO_UDP);
	CU_ASSERT_PTR_NULL(insert(&f, &late, 1100));
	CU_ASSERT_PTR_NOT_NULL(insert(&f, &late, 1101));
	CU_ASSERT_EQUAL(f.count, LIMIT);
	CU_ASSERT_PTR_NOT_NULL(find(&f, &late, 1101));
	lm_flows_age(&f, 1101, f.slot_mask + 1, NULL, NULL);
	CU_ASSERT_EQUAL(f.count, 1);
	/* Ages survive the wrap of ticks. */
	find(&f, &late, 1101)->seen = UINT32_MAX - 10;
	CU_ASSERT_PTR_NOT_NULL(find(&f, &late, 50));
	CU_ASSERT_PTR_NULL(find(&f, &late, 95));
	CU_ASSERT_EQUAL(f.count, 0);
	lm_flows_free(&f);
}

/* Each state has its own age, and they are counted. */
static void test_states(void)
{
	struct lm_flows f;
	struct lm_flow_key k[2] = {
	    key_of(1, 2, 3, 4, IPPROTO_TCP), key_of(1, 2, 3, 5, IPPROTO_TCP)};

	rig_start();
	CU_ASSERT_EQUAL_FATAL(init(&f, 64), 0);
	f.timeout[LM_FLOW_UDP] = 100;
	f.timeout[LM_FLOW_TCP_ESTABLISHED] = 1000;
	f.timeout[LM_FLOW_TCP_CLOSED] = 10;
	insert(&f, &k[0], 1);
	lm_flow_enter(&f, insert(&f, &k[1], 1), LM_FLOW_TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(f.by_state[LM_FLOW_UDP], 1);
	CU_ASSERT_EQUAL(f.by_state[LM_FLOW_TCP_ESTABLISHED], 1);
	lm_flows_age(&f, 102, f.slot_mask + 1, NULL, NULL);
	CU_ASSERT_EQUAL(f.by_state[LM_FLOW_UDP], 0);
	CU_ASSERT_PTR_NULL(find(&f, &k[0], 102));
	CU_ASSERT_PTR_NOT_NULL_FATAL(find(&f, &k[1], 1001));
	lm_flow_enter(&f, find(&f, &k[1], 1001), LM_FLOW_TCP_CLOSED);
	CU_ASSERT_PTR_NULL(find(&f, &k[1], 1001));
	for (unsigned i = 0; i < LM_FLOW_STATE_MAX; i++)
		CU_ASSERT_EQUAL(f.by_state[i], 0);
	CU_ASSERT_EQUAL(f.count, 0);
	lm_flows_free(&f);
}

/* As a worker does: asked first, then put in. False: there is no room. */
static bool open_one(struct lm_flows *f, uint32_t net, uint32_t i, enum lm_flow_state state)
{
	struct lm_flow_key k = key_of(1, 2 + (i >> 16), (uint16_t)i, 80, IPPROTO_TCP);

	k.net_proto |= net << 8;
	return lm_flow_room(f, net, state) == LM_FLOW_ROOM &&
	       lm_flow_insert(f, &k, lm_flow_slot_hash(f, &k, hash_of(&k)), state, 1);
}

static unsigned open_all(struct lm_flows *f, uint32_t net, enum lm_flow_state state)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < 2 * f->limit; i++)
		n += open_one(f, net, i, state);
	return n;
}

/* However many networks flood the table, and in whatever order: the next one finds room. */
static void test_shares(void)
{
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(init(&f, 8192), 0);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_OTHER), LM_FLOW_ROOM);
	unsigned first = open_all(&f, 0, LM_FLOW_OTHER);
	CU_ASSERT_EQUAL(first, 8192 * 8 / 9 + 1);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_OTHER), LM_FLOW_NET_FULL);
	unsigned second = open_all(&f, 1, LM_FLOW_OTHER);
	CU_ASSERT_TRUE(second > 800);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 1, LM_FLOW_OTHER), LM_FLOW_NET_FULL);
	CU_ASSERT_TRUE(open_all(&f, 2, LM_FLOW_OTHER) > 80);
	CU_ASSERT_TRUE(open_one(&f, 3, 0, LM_FLOW_OTHER));
	CU_ASSERT_EQUAL(f.nets[0].flows, first);
	CU_ASSERT_EQUAL(f.nets[1].flows, second);
	lm_flows_free(&f);
}

static void test_network_limit(void)
{
	const struct lm_flows_config c = {.limit = 1024, .net_limit = 100, .n_nets = 2, .seed = 3};
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_flows_init(&f, &c), 0);
	f.timeout[LM_FLOW_OTHER] = 10;
	CU_ASSERT_EQUAL(open_all(&f, 0, LM_FLOW_OTHER), 100);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_OTHER), LM_FLOW_NET_FULL);
	CU_ASSERT_EQUAL(open_all(&f, 1, LM_FLOW_OTHER), 100);
	/* What has ended counts no more. */
	lm_flows_age(&f, 100, f.slot_mask + 1, NULL, NULL);
	CU_ASSERT_EQUAL(f.nets[0].flows, 0);
	CU_ASSERT_EQUAL(open_all(&f, 0, LM_FLOW_OTHER), 100);
	lm_flows_free(&f);
}

static void test_half_open_limit(void)
{
	const struct lm_flows_config c = {.limit = 1024, .net_limit = 100, .n_nets = 2, .seed = 3};
	struct lm_flow_key k = key_of(1, 2, 0, 80, IPPROTO_TCP);
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_flows_init(&f, &c), 0);
	for (unsigned i = 0; i < LM_FLOW_STATE_MAX; i++)
		f.timeout[i] = 10;
	CU_ASSERT_EQUAL(open_all(&f, 0, LM_FLOW_TCP_OPENING), 25);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_TCP_OPENING), LM_FLOW_NET_HALF_OPEN);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_UDP_ONE_WAY), LM_FLOW_ROOM);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 1, LM_FLOW_TCP_OPENING), LM_FLOW_ROOM);
	/* An answer alone is no relief; what is confirmed is, and so is what ends. */
	lm_flow_enter(&f, find(&f, &k, 1), LM_FLOW_TCP_ANSWERED);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_TCP_OPENING), LM_FLOW_NET_HALF_OPEN);
	lm_flow_enter(&f, find(&f, &k, 1), LM_FLOW_TCP_ESTABLISHED);
	CU_ASSERT_EQUAL(lm_flow_room(&f, 0, LM_FLOW_TCP_OPENING), LM_FLOW_ROOM);
	CU_ASSERT_EQUAL(f.nets[0].half_open, 24);
	lm_flows_age(&f, 100, f.slot_mask + 1, NULL, NULL);
	CU_ASSERT_EQUAL(f.nets[0].half_open, 0);
	lm_flows_free(&f);
}

/* Keys that differ in one thing from k, which may be any address's. */
static void find_others(struct lm_flow_key k)
{
	enum { ADDRESS_BIT = 40, OTHERS = 7 };
	struct lm_flow_key other[OTHERS];
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(init(&f, 64), 0);
	f.timeout[LM_FLOW_UDP] = 100;
	insert(&f, &k, 1);
	for (unsigned i = 0; i < OTHERS; i++)
		other[i] = k;
	other[0].a.w[1] ^= UINT64_C(1) << ADDRESS_BIT;
	other[1].b.w[1] ^= UINT64_C(1) << ADDRESS_BIT;
	other[2].port_a ^= 1;
	other[3].port_b ^= 1;
	other[4].net_proto ^= 1;
	other[5].net_proto ^= LM_FLOW_V6;
	other[6].net_proto ^= 1u << 30;
	/* Even in the same bucket. */
	uint64_t slot = lm_flow_slot_hash(&f, &k, hash_of(&k));
	for (unsigned i = 0; i < OTHERS; i++)
		CU_ASSERT_PTR_NULL(lm_flow_find(&f, &other[i], slot, 1));
	CU_ASSERT_PTR_NOT_NULL(lm_flow_find(&f, &k, slot, 1));
	lm_flows_free(&f);
}

static void test_table_keys_differ(void)
{
	struct lm_ip a = rig_ip("fd5a:10::10"), b = rig_ip("fd5a:10::20");
	struct lm_flow_key k6;
	uint64_t hash;

	find_others(key_of(1, 2, 3, 4, IPPROTO_UDP));
	lm_flow_key_set(&k6, &hash, lm_addr6(a.b), lm_addr6(b.b), rte_cpu_to_be_16(3),
	    rte_cpu_to_be_16(4), 0, IPPROTO_UDP);
	find_others(k6);
}

/* What an entry keeps of a key is all of it, for both families. */
static void test_key_comes_back(void)
{
	static const char *const addrs[] = {
	    "100.64.10.10", "255.255.255.254", "fd5a:10::10", "2001:db8::ffff:6440:a14"};
	struct lm_flows f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(init(&f, 64), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct lm_ip a = rig_ip(addrs[i]), b = rig_ip(addrs[i / 2 * 2]);
		struct lm_flow_key k, back;
		uint64_t hash;

		lm_flow_key_set(
		    &k, &hash, lm_addr_of(&a), lm_addr_of(&b), 0xfffe, 0x00ff, 3, IPPROTO_TCP);
		struct lm_flow *flow = lm_flow_insert(
		    &f, &k, lm_flow_slot_hash(&f, &k, hash), LM_FLOW_TCP_ESTABLISHED, 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(flow);
		lm_flow_key_of(&back, flow);
		CU_ASSERT_TRUE(lm_flow_key_equal(&k, &back));
		CU_ASSERT_EQUAL(lm_flow_net_of(back.net_proto), 3);
	}
	lm_flows_free(&f);
}

/* Against the obvious: a set of all that was seen. */
static void test_window(void)
{
	enum { SPAN = 20000 };
	static bool seen[SPAN + 4 * LM_WINDOW_BITS];
	struct lm_window w = {0};
	uint64_t top = 0, x = 88172645463325252u;

	CU_ASSERT_FALSE(lm_window_fresh(&w, 0));
	for (unsigned i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		uint64_t seq =
		    top + 3 + x % 64 - RTE_MIN(top, (uint64_t)(x >> 32) % (LM_WINDOW_BITS + 99));
		if (x % 1000 == 0)
			seq += 2 * LM_WINDOW_BITS;
		if (seq >= SPAN + 2 * LM_WINDOW_BITS)
			break;
		bool fresh = seq != 0 && !seen[seq] && (seq > top || top - seq < LM_WINDOW_BITS);
		CU_ASSERT_EQUAL_FATAL(lm_window_fresh(&w, seq), fresh);
		CU_ASSERT_EQUAL_FATAL(lm_window_commit(&w, seq), fresh);
		if (fresh)
			seen[seq] = true;
		top = fresh && seq > top ? seq : top;
		CU_ASSERT_EQUAL_FATAL(w.top, top);
	}
	CU_ASSERT_TRUE(top > SPAN / 2);
}

static void test_window_extends(void)
{
	static const uint64_t tops[] = {0, 1, 5000, UINT32_MAX - 10, UINT32_MAX,
	    UINT64_C(0x100000000), UINT64_C(0x100000005), UINT64_C(0x1000007ff),
	    UINT64_C(0x7ffffffff), UINT64_C(0xfffffffffffff000)};

	for (unsigned i = 0; i < sizeof tops / sizeof tops[0]; i++)
		for (int64_t d = -(LM_WINDOW_BITS - 1); d < 5000; d++) {
			struct lm_window w = {.top = tops[i]};
			uint64_t seq = tops[i] + (uint64_t)d;

			if ((d < 0 && seq > tops[i]) || (d > 0 && seq < tops[i]))
				continue; /* before the first, behind the last */
			CU_ASSERT_EQUAL(lm_window_extend(&w, (uint32_t)seq), seq);
		}
}

static void test_limit(void)
{
	struct lm_limit l = {0};
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		n += lm_limit_take(&l, 1000000, 1000, 10);
	CU_ASSERT_EQUAL(n, 10);
	for (unsigned i = 0; i < 100; i++)
		n += lm_limit_take(&l, 1000000 + i * 100, 1000, 10);
	CU_ASSERT_EQUAL(n, 19); /* one each 1,000 cycles */
	CU_ASSERT_TRUE(lm_limit_take(&l, 90000000, 1000, 10));
}

static unsigned freed;

static void count_free(void *what)
{
	(void)what;
	freed++;
}

/* What was replaced lives until each worker has been between two bursts, or sleeps. */
static void test_reclaim(void)
{
	struct lm_reclaim r;
	int thing;

	CU_ASSERT_EQUAL_FATAL(lm_reclaim_init(&r, 2), 0);
	freed = 0;
	for (unsigned worker = 0; worker < 2; worker++) {
		rte_rcu_qsbr_thread_register(r.qsbr, worker);
		rte_rcu_qsbr_thread_online(r.qsbr, worker);
	}
	lm_retire(&r, &thing, count_free);
	lm_reclaim_poll(&r);
	CU_ASSERT_EQUAL(freed, 0);
	rte_rcu_qsbr_quiescent(r.qsbr, 0);
	lm_retire(&r, &thing, count_free);
	lm_retire(&r, NULL, count_free);
	CU_ASSERT_EQUAL(freed, 0);
	rte_rcu_qsbr_quiescent(r.qsbr, 1);
	lm_reclaim_poll(&r);
	CU_ASSERT_EQUAL(freed, 1); /* the second came after worker 0 had been there */
	rte_rcu_qsbr_thread_offline(r.qsbr, 0);
	lm_reclaim_poll(&r);
	CU_ASSERT_EQUAL(freed, 2);
	lm_retire(&r, &thing, count_free);
	rte_rcu_qsbr_thread_unregister(r.qsbr, 0);
	rte_rcu_qsbr_thread_unregister(r.qsbr, 1);
	lm_reclaim_fini(&r);
	CU_ASSERT_EQUAL(freed, 3);
}

LM_SUITE("flow", {"reclaim", test_reclaim}, {"key is canonical", test_key_is_canonical},
    {"hash is fixed", test_hash_is_fixed}, {"hash spreads", test_hash_spreads},
    {"places are not foretold", test_places_are_not_foretold}, {"table", test_table},
    {"states", test_states}, {"shares", test_shares}, {"network limit", test_network_limit},
    {"half-open limit", test_half_open_limit}, {"table tells keys apart", test_table_keys_differ},
    {"key comes back", test_key_comes_back}, {"window", test_window},
    {"window extends", test_window_extends}, {"limit", test_limit})
