/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes in, each packet is counted once on its way out, and its buffer
 * comes back: valid, invalid and random packets, from both sides, while control
 * publishes. And the same with real threads that sleep and wake.
 */
#include <netinet/in.h>
#include <unistd.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include "dataplane/worker.h"
#include "dp_rig.h"
#include "suite.h"

static uint64_t state = 1;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static const uint8_t protocols[] = {
    IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_ICMPV6, 47, 0, 44};

static size_t random_packet(const struct rig *r, uint8_t *frame, enum rig_host_id *from)
{
	static const uint16_t ports[] = {53, 67, 547, 5432, 8005, 22, 0, 3, 128, 8, 135};
	struct rig_packet p = {.from = (enum rig_host_id)rnd(RIG_HOSTS),
	    .to = (enum rig_host_id)rnd(RIG_HOSTS),
	    .ipv6 = rnd(2),
	    .protocol = protocols[rnd(sizeof protocols)],
	    .src_port = ports[rnd(11)],
	    .dst_port = ports[rnd(11)],
	    .tcp_flags = (uint8_t)rnd(256),
	    .mss = (uint16_t)(rnd(2) * 1460),
	    .payload = (uint16_t)rnd(rnd(10) ? 200 : 1460),
	    .ttl = (uint8_t)rnd(rnd(10) ? 256 : 3)};

	*from = p.from;
	size_t len = rig_build(r, frame, &p);
	if (!p.ipv6 && rnd(4) == 0) { /* some part of something, of few names */
		uint8_t *ip = frame + (rig_hosts[p.from].vlan ? 18 : 14);

		ip[5] = (uint8_t)rnd(8);
		ip[6] = (uint8_t)(rnd(2) << 5);
		ip[7] = (uint8_t)rnd(4);
	}
	return len;
}

static size_t mutate(uint8_t *frame, size_t len)
{
	switch (rnd(6)) {
	case 0: /* a few bytes anywhere */
		for (unsigned i = rnd(4); i > 0; i--)
			frame[rnd((uint32_t)len)] = (uint8_t)rnd(256);
		return len;
	case 1: /* a bit in the headers */
		frame[rnd(len < 60 ? (uint32_t)len : 60)] ^= (uint8_t)(1u << rnd(8));
		return len;
	case 2: /* cut off */
		return rnd((uint32_t)len) + 1;
	case 3: /* nothing but noise behind the addresses */
		for (size_t i = 12; i < len; i++)
			frame[i] = (uint8_t)rnd(256);
		return len;
	default:
		return len;
	}
}

static bool bad_wire(void *ctx, unsigned from, uint8_t *frame, size_t *len)
{
	(void)ctx;
	(void)from;
	if (rnd(8) == 0)
		*len = mutate(frame, *len);
	return rnd(50) != 0;
}

static uint64_t some_rate(uint32_t least)
{
	return rnd(3) == 0 ? 0 : least + rnd(10 * least);
}

static void some_rates(struct lm_rates *rates)
{
	rates->of[LM_RATE_BITS_OUT] = some_rate(5000);
	rates->of[LM_RATE_PACKETS_OUT] = some_rate(5);
	rates->of[LM_RATE_BITS_IN] = some_rate(1000);
	rates->of[LM_RATE_PACKETS_IN] = some_rate(1);
}

static void limit_something(struct rig *r, unsigned gw)
{
	struct lm_rates network = {{0}};

	if (rnd(2) == 0)
		some_rates(&network);
	for (unsigned i = 0; i < RIG_HOSTS; i++)
		some_rates(&r->rates[i]);
	lm_dp_set_rates(r->gw[gw].dp, &network, 1 + rnd(300));
	rig_publish_attachments(r, gw);
}

static void publish_something(struct rig *r)
{
	unsigned gw = rnd(2);

	switch (rnd(5)) {
	case 0:
		for (unsigned g = 0; g < 2; g++)
			for (uint32_t net = 0; net < 2; net++)
				for (unsigned lane = 0; lane < r->n_lanes; lane++)
					lm_dp_sa_in_del(r->gw[g].dp, r->gw[g].spi[net][lane]);
		rig_keys(r, (uint8_t)rnd(256));
		break;
	case 1:
		rig_publish(r, gw, rnd(2), NULL);
		break;
	case 2:
		lm_dp_network_remove(r->gw[gw].dp, rnd(2));
		rig_publish(r, gw, 0, NULL);
		rig_publish(r, gw, 1, NULL);
		break;
	case 3:
		limit_something(r, gw);
		break;
	default:
		break;
	}
}

static void storm(struct rig_options o, unsigned rounds)
{
	struct rig *r = rig_create(&o);

	r->wire = bad_wire;
	for (unsigned round = 0; round < rounds; round++) {
		uint8_t frame[RIG_FRAME_MAX];
		enum rig_host_id from;

		for (unsigned i = rnd(200); i > 0; i--) {
			size_t len = random_packet(r, frame, &from);
			unsigned gw = rig_hosts[from].gw;

			len = mutate(frame, len);
			if (rnd(10) == 0)
				rig_put(r, gw, &r->gw[gw].under, frame, len, -1);
			else
				rig_send(r, from, frame, len);
		}
		if (rnd(4) == 0) {
			lm_dp_pass_time(r->gw[rnd(2)].dp, 0, rnd(10));
			publish_something(r);
		}
		rig_run(r);
		for (unsigned g = 0; g < 2; g++) {
			lm_dp_balance(r->gw[g].dp);
			rig_drain(r, g);
			if (rnd(20) == 0)
				rig_punts(r, g, NULL);
		}
	}
	CU_ASSERT_TRUE(rig_balanced(r));
	/* It was a storm: both ends delivered, dropped for many reasons, and punted. */
	for (unsigned g = 0; g < 2; g++) {
		struct lm_counters c;
		unsigned reasons = 0;

		lm_dp_counters(r->gw[g].dp, -1, &c);
		for (unsigned i = 0; i < LM_DROP_MAX; i++)
			reasons += c.drops[i] > 0;
		CU_ASSERT_TRUE(reasons >= 12);
		CU_ASSERT_TRUE(c.tx > 0 && c.flow_hits > 0 && c.punts[LM_PUNT_WORKLOAD] > 0);
	}
	CU_ASSERT_TRUE(rig_drops(r, 0, LM_DROP_ENDPOINT_RATE_OUT) +
			   rig_drops(r, 1, LM_DROP_ENDPOINT_RATE_OUT) >
		       0);
	CU_ASSERT_TRUE(
	    rig_drops(r, 0, LM_DROP_ENDPOINT_RATE_IN) + rig_drops(r, 1, LM_DROP_ENDPOINT_RATE_IN) >
	    0);
	rig_free(r);
}

static void test_storm(void)
{
	storm((struct rig_options){.workers = {1, 1}, .flows = 64, .guard = true}, 300);
	storm((struct rig_options){.workers = {2, 3}, .queues = {1, 2}}, 300);
	storm((struct rig_options){.workers = {2, 2}, .ipv6 = true, .guard = true}, 300);
}

/*
 * More flows than one network may have: the rest is refused, nothing is overwritten, and another
 * network does not notice.
 */
static void test_flow_flood(void)
{
	struct rig_options o = {.workers = {1, 1}, .flows = 256};
	struct rig *r = rig_create(&o);
	struct rig_packet p = {
	    .from = WEB, .to = DB, .protocol = IPPROTO_UDP, .src_port = 1000, .dst_port = 53};
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++, p.src_port++)
		n += rig_passes(r, &p, NULL, NULL);
	CU_ASSERT_TRUE(n <= 256 * 8 / 9 + 1 && n > 210);
	CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), n);
	CU_ASSERT_EQUAL(lm_dp_network_flows(r->gw[0].dp, 0).flows, n);
	CU_ASSERT_EQUAL(
	    rig_drops(r, 0, LM_DROP_NETWORK_FLOWS) + rig_drops(r, 0, LM_DROP_FLOW_TABLE_FULL),
	    1000 - n);
	CU_ASSERT_TRUE(rig_drops(r, 0, LM_DROP_NETWORK_FLOWS) > 700);
	p.src_port = 1000;
	CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
	p.from = TWIN;
	p.to = MIRROR;
	for (unsigned i = 0; i < 20; i++, p.src_port++)
		CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
	CU_ASSERT_TRUE(rig_balanced(r));
	rig_free(r);
}

/* A SYN flood is stopped earlier, and nothing but SYNs with it. */
static void test_syn_flood(void)
{
	struct rig_options o = {.workers = {1, 1}, .flows = 256};
	struct rig *r = rig_create(&o);
	struct rig_packet p = {.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_TCP,
	    .src_port = 1000,
	    .dst_port = 5432,
	    .tcp_flags = 2};
	unsigned n = 0;

	for (unsigned i = 0; i < 200; i++, p.src_port++)
		n += rig_passes(r, &p, NULL, NULL);
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_HALF_OPEN), 200 - n);
	CU_ASSERT_EQUAL(lm_dp_network_flows(r->gw[0].dp, 0).half_open, n);
	p.protocol = IPPROTO_UDP;
	p.dst_port = 53;
	CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
	lm_dp_pass_time(r->gw[0].dp, 0, 70);
	for (unsigned i = 0; i < 100; i++)
		lm_dp_poll_once(r->gw[0].dp, 0);
	CU_ASSERT_EQUAL(lm_dp_network_flows(r->gw[0].dp, 0).half_open, 0);
	CU_ASSERT_TRUE(rig_balanced(r));
	rig_free(r);
}

/* A port that takes no more: what does not fit is dropped and counted. */
static void test_full_port(void)
{
	enum { FRAMES = 3000 };
	struct rig_options o = {.workers = {1, 1}};
	struct rig *r = rig_create(&o);
	struct rig_packet p = {
	    .from = WEB, .to = APP, .protocol = IPPROTO_UDP, .src_port = 1000, .dst_port = 53};
	uint8_t frame[RIG_FRAME_MAX];

	for (unsigned i = 0; i < FRAMES; i++) {
		rig_send(r, WEB, frame, rig_build(r, frame, &p));
		if (i % 100 == 99)
			rig_run(r);
	}
	uint64_t full = rig_drops(r, 0, LM_DROP_TX_FULL);
	CU_ASSERT_TRUE(full > 0);
	CU_ASSERT_EQUAL(rig_drain(r, 0), FRAMES - full);
	CU_ASSERT_TRUE(rig_balanced(r));
	rig_free(r);
}

/* ---- threads ---------------------------------------------------------------- */

static bool wait_for(unsigned (*ready)(struct rig *r), struct rig *r, unsigned n)
{
	/* Generous, because sanitizers and loaded machines are slow; it ends as soon as it is so.
	 */
	for (unsigned i = 0; i < 20000; i++) {
		if (ready(r) >= n)
			return true;
		usleep(1000);
	}
	return false;
}

static unsigned handled(struct rig *r)
{
	struct lm_counters c;
	uint64_t sum = 0;

	lm_dp_counters(r->gw[0].dp, -1, &c);
	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		sum += c.drops[i];
	return (unsigned)(sum + c.tx);
}

static int sleep_once(void *worker)
{
	lm_worker_sleep(worker);
	return 0;
}

/* A worker without ports and flows would sleep for ever, if a wake-up could be missed. */
static void test_sleep(void)
{
	struct rig_options o = {.workers = {3, 1}, .queues = {1, 1}};
	struct rig *r = rig_create(&o);
	struct lm_worker *w = r->gw[0].dp->workers[2];
	unsigned lcore = rte_get_next_lcore(-1, 1, 0);

	alarm(60);
	CU_ASSERT_EQUAL_FATAL(w->n_rxq, 0);
	/* It came before the worker announced its sleep, so nobody kicked. */
	struct rte_mbuf *m = rte_pktmbuf_alloc(lm_dp_pool(r->gw[0].dp, 0));
	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_TX, .port = 0};
	CU_ASSERT_EQUAL(rte_ring_enqueue(w->from[0], m), 0);
	lm_worker_sleep(w);
	rig_run(r);
	for (unsigned i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(sleep_once, w, lcore), 0);
		while (__atomic_load_n(&w->asleep, __ATOMIC_ACQUIRE) == 0)
			;
		lm_worker_wake(w);
		rte_eal_wait_lcore(lcore);
	}
	alarm(0);
	rig_drain(r, 0);
	rig_free(r);
}

/*
 * Workers of gateway 0 on threads of their own, with naps and kicks, while this thread publishes
 * networks, keys and attachments as fast as it can.
 */
static void test_threads(void)
{
	enum { ROUNDS = 40, FLOWS = 50 };
	struct rig_options o = {.workers = {2, 2}, .queues = {1, 1}};
	struct rig *r = rig_create(&o);
	struct lm_dp_worker_arg args[2];
	unsigned lcore = rte_get_next_lcore(-1, 1, 0), sent = 0;

	lm_dp_set_busy_poll(r->gw[0].dp, false);
	for (unsigned w = 0; w < 2; w++) {
		args[w] = (struct lm_dp_worker_arg){.dp = r->gw[0].dp, .index = w};
		CU_ASSERT_EQUAL_FATAL(rte_eal_remote_launch(lm_dp_worker_main, &args[w], lcore), 0);
		lcore = rte_get_next_lcore(lcore, 1, 0);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < FLOWS; i++) {
			struct rig_packet p = {.from = WEB,
			    .to = i % 2 ? DB : APP,
			    .protocol = IPPROTO_UDP,
			    .src_port = (uint16_t)(1000 + i),
			    .dst_port = 53,
			    .payload = 200};
			uint8_t frame[RIG_FRAME_MAX];

			rig_send(r, WEB, frame, rig_build(r, frame, &p));
			sent++;
			if (i % 8 == 0)
				rig_publish(r, 0, 0, NULL);
		}
		if (round % 4 == 0) {
			for (unsigned lane = 0; lane < 2 && round > 0; lane++)
				for (unsigned g = 0; g < 2; g++)
					for (uint32_t net = 0; net < 2; net++)
						lm_dp_sa_in_del(
						    r->gw[g].dp, r->gw[g].spi[net][lane]);
			rig_keys(r, (uint8_t)round);
		}
		CU_ASSERT_TRUE_FATAL(wait_for(handled, r, sent));
		CU_ASSERT_EQUAL(rig_drain(r, 0), FLOWS / 2);
		uint8_t frame[RIG_FRAME_MAX];
		struct rte_mbuf *m;
		unsigned wired = 0;
		for (; rte_ring_dequeue(r->gw[0].under.tx[0], (void **)&m) == 0; wired++)
			rte_pktmbuf_free(m);
		CU_ASSERT_EQUAL(wired, FLOWS / 2);
		CU_ASSERT_EQUAL(lm_dp_inject(r->gw[0].dp, r->gw[0].access.index, frame, 60), 0);
		sent++;
		CU_ASSERT_TRUE_FATAL(wait_for(handled, r, sent));
		CU_ASSERT_EQUAL(rig_drain(r, 0), 1);
	}
	lm_dp_stop(r->gw[0].dp);
	rte_eal_mp_wait_lcore();
	CU_ASSERT_EQUAL(handled(r), sent);
	CU_ASSERT_TRUE(rig_balanced(r));
	rig_free(r);
}

LM_SUITE("storm", {"storm", test_storm}, {"flow flood", test_flow_flood},
    {"SYN flood", test_syn_flood}, {"full port", test_full_port}, {"sleep", test_sleep},
    {"threads", test_threads})
