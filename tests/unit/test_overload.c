/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More than a worker can carry: who sends little loses nothing. The worker is the real one, but
 * what its work costs is reckoned, and a clock that runs only by that says what arrives meanwhile,
 * so that a busy machine changes nothing.
 */
#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "chance.h"
#include "dataplane/tcp.h"
#include "dataplane/worker.h"
#include "dp_rig.h"
#include "suite.h"

#define QUEUE 1000 /* frames that a port holds */
#define TENANTS 2 /* networks 0 and 1 */
#define MISS 1500 /* cycles that a packet of no known flow takes to be judged */

struct tenant {
	enum rig_host_id from, to;
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;
	unsigned ports; /* it takes turns with so many source ports */
	uint16_t port;
	double rate, due; /* packets a cycle */
	uint64_t offered, carried;
};

struct world {
	struct rig *r;
	unsigned gw; /* whose worker is the one */
	struct lm_worker *w;
	struct lm_counters counted;
	uint64_t chance;
	uint64_t time; /* its clock, in cycles */
	double cycles; /* likewise, since we look */
	struct tenant t[TENANTS];
	/* Of its port out, frames that leave in a round; 0: all. */
	unsigned out;
	/* Both are of network 0 then: the second one's frames are longer when they leave. */
	uint32_t longer;
};

static void world_open(struct world *x, unsigned gw, uint16_t payload)
{
	static const enum rig_host_id from[] = {WEB, TWIN}, to[] = {DB, MIRROR};
	struct rig_options o = {.workers = {1, 1}};

	*x = (struct world){.gw = gw, .chance = 1};
	x->r = rig_create(&o);
	x->w = x->r->gw[gw].dp->workers[0];
	lm_dp_counters(x->r->gw[gw].dp, -1, &x->counted);
	for (unsigned i = 0; i < TENANTS; i++) {
		struct tenant *t = &x->t[i];
		struct rig_packet p = {.from = from[i],
		    .to = to[i],
		    .protocol = IPPROTO_UDP,
		    .src_port = 1000,
		    .dst_port = 53,
		    .payload = payload};

		t->from = from[i];
		t->to = to[i];
		t->ports = 1;
		t->len = rig_build(x->r, t->frame, &p);
		CU_ASSERT_TRUE(rig_passes(x->r, &p, NULL, NULL));
	}
	x->time = rte_rdtsc();
	/* What it would measure is not what work takes here. */
	x->w->overload.newcomers.cost = MISS;
	x->w->overload.newcomers.next = UINT32_MAX;
}

static void world_close(struct world *x)
{
	rig_run(x->r);
	for (unsigned g = 0; g < 2; g++)
		rig_drain(x->r, g);
	CU_ASSERT_TRUE(rig_balanced(x->r));
	rig_free(x->r);
}

static struct rte_ring *entry(const struct world *x)
{
	return x->gw == 0 ? x->r->gw[0].access.rx[0] : x->r->gw[1].under.rx[0];
}

/* What gateway 0 makes of the frame is what gateway 1 gets; its time does not count. */
static void through_the_other(struct world *x)
{
	struct rte_ring *wire = x->r->gw[0].under.tx[0];
	uint8_t frame[RIG_FRAME_MAX];
	struct rte_mbuf *m = NULL;

	lm_dp_poll_once(x->r->gw[0].dp, 0);
	if (rte_ring_dequeue(wire, (void **)&m) != 0) {
		CU_FAIL_FATAL("gateway 0 carries nothing");
		return;
	}
	size_t len = rte_pktmbuf_data_len(m);
	memcpy(frame, rte_pktmbuf_mtod(m, void *), len);
	rte_pktmbuf_free(m);
	rig_put(x->r, 1, &x->r->gw[1].under, frame, len, 0);
}

static void arrive(struct world *x, struct tenant *t)
{
	uint8_t *udp = t->frame + (rig_hosts[t->from].vlan ? 18 : 14) + 20;

	t->offered++;
	if (rte_ring_count(entry(x)) >= QUEUE)
		return; /* as a card does: nobody asks whose it is */
	uint16_t port = (uint16_t)(1000 + t->port++ % t->ports);
	udp[0] = (uint8_t)(port >> 8);
	udp[1] = (uint8_t)port;
	rig_send(x->r, t->from, t->frame, t->len);
	if (x->gw == 1)
		through_the_other(x);
}

static void arrivals(struct world *x, double cycles)
{
	unsigned whole[TENANTS], all = 0;

	for (unsigned i = 0; i < TENANTS; i++) {
		x->t[i].due += x->t[i].rate * cycles;
		all += whole[i] = (unsigned)x->t[i].due;
		x->t[i].due -= whole[i];
	}
	for (; all > 0; all--) {
		unsigned first = chance_next(&x->chance) % all < whole[0] ? 0 : 1;

		whole[first]--;
		arrive(x, &x->t[first]);
	}
}

/* Whose is what came out? */
static unsigned whose(const struct world *x, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (x->longer > 0)
		return rte_pktmbuf_pkt_len(m) >= x->longer;
	if (x->gw == 1)
		return frame[12] == 0x81; /* db's port has no tag, mirror's has */
	uint32_t spi = (uint32_t)frame[RIG_OUTER] << 24 | (uint32_t)frame[RIG_OUTER + 1] << 16 |
		       (uint32_t)frame[RIG_OUTER + 2] << 8 | frame[RIG_OUTER + 3];
	return spi == x->r->gw[1].spi[1][0];
}

static void depart(struct world *x)
{
	struct rte_ring *out = x->gw == 0 ? x->r->gw[0].under.tx[0] : x->r->gw[1].access.tx[0];
	struct rte_mbuf *m;

	for (unsigned n = 0; x->out == 0 || n < x->out; n++) {
		if (rte_ring_dequeue(out, (void **)&m) != 0)
			return;
		x->t[whose(x, m)].carried++;
		rte_pktmbuf_free(m);
	}
}

/* What this worker's work takes, in cycles; about what it is, see docs/architecture.md. */
static uint64_t work(const struct world *x, struct lm_counters *before)
{
	enum { ROUND = 100, PACKET = 300, BYTE_SHIFT = 2, DROP = 60, REFUSED = 200 };
	struct lm_counters now;

	lm_dp_counters(x->r->gw[x->gw].dp, -1, &now);
	uint64_t carried = now.rx - before->rx, misses = now.flow_misses - before->flow_misses,
		 dropped = now.drops[LM_DROP_FAIR_SHARE] - before->drops[LM_DROP_FAIR_SHARE],
		 refused =
		     now.drops[LM_DROP_NEW_FLOW_SHARE] - before->drops[LM_DROP_NEW_FLOW_SHARE];
	*before = now;
	carried -= dropped + refused;
	misses -= refused;
	return ROUND + carried * (PACKET + (x->t[0].len >> BYTE_SHIFT)) + misses * MISS +
	       dropped * DROP + refused * REFUSED;
}

/* One round of the worker, and what arrives and leaves meanwhile. step: cycles; 0: what it took. */
static void turn(struct world *x, uint64_t step)
{
	lm_worker_poll_at(x->w, x->time);
	step = step ? step : work(x, &x->counted);
	x->cycles += (double)step;
	arrivals(x, (double)step);
	x->time += step;
	depart(x);
}

static void forget(struct world *x)
{
	x->cycles = 0;
	for (unsigned i = 0; i < TENANTS; i++)
		x->t[i].offered = x->t[i].carried = 0;
}

static void run(struct world *x, unsigned intervals)
{
	double until = x->cycles + (double)x->w->overload.interval * intervals;

	while (x->cycles < until)
		turn(x, 0);
}

/* Packets a cycle that a tenant could send if it were alone. */
static double capacity(struct world *x, unsigned tenant)
{
	x->w->overload.endless = true;
	x->t[tenant].rate = 1;
	run(x, 3);
	forget(x);
	run(x, 15);
	double got = (double)x->t[tenant].carried / x->cycles;
	x->t[tenant].rate = 0;
	x->w->overload.endless = false;
	run(x, 3);
	forget(x);
	return got;
}

static double passed(const struct tenant *t)
{
	return (double)t->carried / (double)t->offered;
}

static uint64_t over_share(const struct world *x, uint32_t net)
{
	return lm_dp_network_over_share(x->r->gw[x->gw].dp, net);
}

static void flood(unsigned gw)
{
	for (unsigned fair = 0; fair < 2; fair++) {
		struct world x;

		world_open(&x, gw, 1300);
		double all = capacity(&x, 0);
		x.w->overload.endless = !fair;
		x.t[0].rate = 2.2 * all;
		x.t[1].rate = 0.03 * all;
		run(&x, 40);
		forget(&x);
		run(&x, 60);
		double got = (double)x.t[0].carried / x.cycles / all;
		if (fair) {
			CU_ASSERT_TRUE(passed(&x.t[1]) > 0.97);
			CU_ASSERT_TRUE(got > 0.3);
			CU_ASSERT_TRUE(over_share(&x, 0) > 0);
			CU_ASSERT_EQUAL(over_share(&x, 0), rig_drops(x.r, gw, LM_DROP_FAIR_SHARE));
		} else {
			CU_ASSERT_TRUE(passed(&x.t[1]) < 0.8);
			CU_ASSERT_EQUAL(rig_drops(x.r, gw, LM_DROP_FAIR_SHARE), 0);
		}
		world_close(&x);
	}
}

static void test_flood_from_workload(void)
{
	flood(0);
}

static void test_flood_from_peer(void)
{
	flood(1);
}

static void test_two_heavy(void)
{
	struct world x;

	world_open(&x, 0, 1300);
	double all = capacity(&x, 0);
	x.t[0].rate = 1.8 * all;
	x.t[1].rate = 0.7 * all;
	run(&x, 40);
	forget(&x);
	run(&x, 60);
	double ratio = (double)x.t[0].carried / (double)x.t[1].carried;
	CU_ASSERT_TRUE(ratio > 0.8 && ratio < 1.25);
	/* A packet of 1,342 bytes takes 636 cycles here, and a miss 1,500. */
	CU_ASSERT_TRUE(x.w->overload.miss_cost > 3800 && x.w->overload.miss_cost < 5000);
	world_close(&x);
}

/* No network has a flow any more. */
static void age(struct world *x)
{
	lm_dp_pass_time(x->r->gw[0].dp, 0, 600);
	for (unsigned i = 0; i < 1000 && x->w->flows.n_nets > 0; i++)
		lm_dp_poll_once(x->r->gw[0].dp, 0);
	x->time = rte_rdtsc() + x->w->skew;
}

static void test_alone(void)
{
	struct world x;

	world_open(&x, 0, 18);
	age(&x);
	x.t[0].rate = 1;
	run(&x, 40);
	CU_ASSERT_EQUAL(rig_drops(x.r, 0, LM_DROP_FAIR_SHARE), 0);
	CU_ASSERT_EQUAL(x.w->overload.time.turn, 1); /* looked at once */
	CU_ASSERT_FALSE(x.w->fair_time);
	world_close(&x);
}

/* Nor does it help to send what no rule allows, and so to have no flow. */
static void test_denied(void)
{
	const struct rig_packet denied = {.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_TCP,
	    .tcp_flags = LM_TCP_SYN,
	    .src_port = 1000,
	    .dst_port = 9000};
	struct world x;

	world_open(&x, 0, 18);
	age(&x);
	double all = capacity(&x, 1);
	CU_ASSERT_EQUAL(x.w->flows.n_nets, 1);
	x.t[0].len = rig_build(x.r, x.t[0].frame, &denied);
	x.t[0].rate = all;
	x.t[1].rate = 0.1 * all;
	run(&x, 200);
	forget(&x);
	run(&x, 60);
	CU_ASSERT_EQUAL(x.w->flows.n_nets, 1);
	CU_ASSERT_TRUE(passed(&x.t[1]) > 0.95);
	CU_ASSERT_EQUAL(over_share(&x, 1), 0);
	world_close(&x);
}

/* A flood of new flows pays for what they cost, and those who have theirs keep their rate. */
static void test_new_flows(void)
{
	struct world x;

	world_open(&x, 0, 18);
	double all = capacity(&x, 1);
	x.t[0].ports = 60000;
	x.t[0].rate = 1.2 * all;
	x.t[1].rate = 0.2 * all;
	run(&x, 40);
	forget(&x);
	run(&x, 60);
	CU_ASSERT_TRUE(passed(&x.t[1]) > 0.95);
	CU_ASSERT_EQUAL(over_share(&x, 1), 0);
	world_close(&x);
}

/* A part of the time that newcomers took. */
static double judged(const struct world *x, const struct lm_counters *since)
{
	uint64_t came = x->counted.flow_misses - since->flow_misses;
	uint64_t refused =
	    x->counted.drops[LM_DROP_NEW_FLOW_SHARE] - since->drops[LM_DROP_NEW_FLOW_SHARE];

	return (double)(came - refused) * MISS / x->cycles;
}

/* If it suffices that newcomers give way, nobody else does, also who has more than an equal share.
 */
static void test_new_flows_first(void)
{
	struct lm_counters since;
	struct world x;

	world_open(&x, 0, 18);
	double all = capacity(&x, 1);
	x.t[0].ports = 60000;
	/* What newcomers have at first is too much beside so many others. */
	x.t[0].rate = 0.22 * all;
	x.t[1].rate = 0.78 * all;
	run(&x, 40);
	forget(&x);
	since = x.counted;
	run(&x, 60);
	CU_ASSERT_TRUE(passed(&x.t[1]) > 0.98);
	CU_ASSERT_EQUAL(rig_drops(x.r, 0, LM_DROP_FAIR_SHARE), 0);
	CU_ASSERT_TRUE(judged(&x, &since) > 0.03);
	world_close(&x);
}

/* Likewise within one network; and with no flood they all are let in. */
static void test_new_flows_of_one(void)
{
	struct rig_packet known = {.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_UDP,
	    .src_port = 1000,
	    .dst_port = 5353,
	    .payload = 60};
	struct lm_counters since;
	struct world x;

	world_open(&x, 0, 18);
	double all = capacity(&x, 0);
	x.t[1] = (struct tenant){.from = WEB, .ports = 1, .to = DB};
	x.t[1].len = rig_build(x.r, x.t[1].frame, &known);
	x.longer = (uint32_t)x.t[1].len + 30;
	x.t[0].ports = 60000;
	x.t[1].rate = 0.3 * all;
	x.t[0].rate = 0.05 * all;
	run(&x, 40);
	CU_ASSERT_EQUAL(rig_drops(x.r, 0, LM_DROP_NEW_FLOW_SHARE), 0);
	x.t[0].rate = 0.7 * all;
	run(&x, 40);
	forget(&x);
	since = x.counted;
	run(&x, 60);
	CU_ASSERT_TRUE(passed(&x.t[1]) > 0.98);
	/* What is left of the time is theirs. */
	CU_ASSERT_TRUE(judged(&x, &since) > 0.06);
	CU_ASSERT_TRUE(rig_drops(x.r, 0, LM_DROP_NEW_FLOW_SHARE) > 0);
	CU_ASSERT_EQUAL(rig_drops(x.r, 0, LM_DROP_FAIR_SHARE), 0);
	CU_ASSERT_EQUAL(over_share(&x, 0), rig_drops(x.r, 0, LM_DROP_NEW_FLOW_SHARE));
	CU_ASSERT_EQUAL(over_share(&x, 1), 0);
	world_close(&x);
}

/* A flood does not keep out the new flows of others. */
static void test_new_flows_of_others(void)
{
	struct world x;

	world_open(&x, 0, 18);
	double all = capacity(&x, 1);
	x.t[0].ports = x.t[1].ports = 60000;
	x.t[0].rate = 1.2 * all;
	x.t[1].rate = 0.002 * all;
	run(&x, 40);
	forget(&x);
	run(&x, 100);
	CU_ASSERT_TRUE(x.t[1].offered > 100);
	/* The table may have no room for all, but time there was. */
	CU_ASSERT_TRUE(over_share(&x, 1) * 20 < x.t[1].offered);
	CU_ASSERT_TRUE(over_share(&x, 0) > x.t[0].offered / 3);
	world_close(&x);
}

/* ---- ports -------------------------------------------------------------------- */

/* A port takes ten frames in a round; twenty and more are sent there. */
static void port(double first, double second, double *got)
{
	struct world x;
	const uint64_t step = rte_get_tsc_hz() / 100;

	world_open(&x, 0, 100);
	x.w->overload.interval = 100 * step;
	x.out = 10;
	x.t[0].rate = first / (double)step;
	x.t[1].rate = second / (double)step;
	for (unsigned i = 0; i < 4000; i++)
		turn(&x, step);
	forget(&x);
	for (unsigned i = 0; i < 6000; i++)
		turn(&x, step);
	got[0] = (double)x.t[0].carried / 6000;
	got[1] = (double)x.t[1].carried / 6000;
	CU_ASSERT_FALSE(x.w->fair_time);
	CU_ASSERT_TRUE(x.w->fair_ports == 1u << x.r->gw[0].under.index);
	x.out = 0;
	world_close(&x);
}

static void test_port(void)
{
	double got[2];

	port(20, 1, got);
	CU_ASSERT_TRUE(got[1] > 0.98 && got[0] > 8.3);
	port(20, 8, got);
	CU_ASSERT_TRUE(got[0] > 4.3 && got[1] > 4.3 && got[0] < 5.7 && got[1] < 5.7);
}

LM_SUITE("overload", {"flood from a workload", test_flood_from_workload},
    {"flood from a peer", test_flood_from_peer}, {"two heavy ones", test_two_heavy},
    {"alone", test_alone}, {"new flows", test_new_flows}, {"new flows first", test_new_flows_first},
    {"new flows of one network", test_new_flows_of_one},
    {"new flows of others", test_new_flows_of_others}, {"denied", test_denied}, {"port", test_port})
