/* SPDX-License-Identifier: Apache-2.0 */
/* A limit among several workers: its parts follow who needs them, and their sum holds. */
#include <pthread.h>
#include <sched.h>
#include "dataplane/worker.h"
#include "limits_rig.h"

static const struct rig_options two_workers = {.workers = {2, 2}};

static uint64_t looked_up(const struct rig *r, int worker)
{
	struct lm_counters c;

	lm_dp_counters(r->gw[0].dp, worker, &c);
	return c.flow_hits + c.flow_misses;
}

/* A source port from which the flow is this worker's, at both gateways. */
static uint16_t port_of(struct rig *r, enum rig_host_id to, int worker, uint16_t from)
{
	for (uint16_t port = from;; port++) {
		struct rig_packet p = datagram(WEB, to, port);
		uint64_t before = looked_up(r, worker);

		send_packet(r, &p);
		rig_run(r);
		if (looked_up(r, worker) > before)
			return port;
	}
}

/* As run_loads, with control's look at limits as often as the gateway has it. */
static struct span run_balanced(struct rig *r, struct load *l, unsigned n, unsigned ms)
{
	uint64_t sent[4] = {0}, got[4] = {0};
	struct span span = {0};

	for (unsigned at = 0; at < ms; at += 200) {
		struct span part = run_loads(r, l, n, 200);

		for (unsigned i = 0; i < n; i++) {
			sent[i] += l[i].sent;
			got[i] += l[i].got;
		}
		span.least += part.least;
		span.most += part.most;
		lm_dp_balance(r->gw[0].dp);
		lm_dp_balance(r->gw[1].dp);
	}
	for (unsigned i = 0; i < n; i++) {
		l[i].sent = sent[i];
		l[i].got = got[i];
	}
	return span;
}

/* Two flows from web, each of a worker of its own, limited at web, db or in the network. */
static void two_flows(struct load loads[2], struct rig *r, unsigned each0, unsigned each1)
{
	loads[0] =
	    (struct load){.packet = datagram(WEB, DB, port_of(r, DB, 0, 4000)), .each = each0};
	loads[1] = (struct load){
	    .packet = datagram(WEB, CACHE, port_of(r, CACHE, 1, 5000)), .each = each1};
}

static void test_one_elephant(void)
{
	static const struct {
		bool network;
		enum lm_rate which;
		uint64_t rate;
	} cases[] = {
	    {false, LM_RATE_PACKETS_OUT, 1000},
	    {false, LM_RATE_BITS_OUT, 8000000},
	    {false, LM_RATE_BITS_IN, 8000000},
	    {true, LM_RATE_PACKETS_IN, 1000},
	    {true, LM_RATE_BITS_OUT, 8000000},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rig *r = create(&two_workers);
		struct load loads[2];
		struct lm_rates rates = {{0}};

		two_flows(loads, r, 4, 0);
		rates.of[cases[i].which] = cases[i].rate;
		if (cases[i].network)
			for (unsigned gw = 0; gw < 2; gw++)
				lm_dp_set_rates(r->gw[gw].dp, &rates, BURST_MS);
		else
			r->rates[WEB] = r->rates[DB] = rates;
		rig_publish_attachments(r, 0);
		rig_publish_attachments(r, 1);
		/* Half of it, until control has seen enough. */
		run_balanced(r, loads, 2, 1000);
		struct span span = run_balanced(r, loads, 2, 3000);
		CU_ASSERT_TRUE((double)loads[0].got > 1000 * span.least * 0.94);
		CU_ASSERT_TRUE((double)loads[0].got <= 1000 * span.most + 1);
		rig_end(r);
	}
}

/* Both send too much: an even part each, and the limit in sum. */
static void test_two_elephants(void)
{
	struct rig *r = create(&two_workers);
	struct load loads[2];

	two_flows(loads, r, 3, 6);
	set_web(r, 1000);
	struct span span = run_balanced(r, loads, 2, 4000);
	held(loads[0].got + loads[1].got, 1000, span, BURST_MS / 1e3);
	CU_ASSERT_TRUE(loads[0].got > 1600 && loads[1].got > 1600);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_ENDPOINT_RATE_OUT),
	    loads[0].sent + loads[1].sent - loads[0].got - loads[1].got);
	rig_end(r);
}

/* Who sends little on another worker than the flood is not its victim. */
static void test_mouse(void)
{
	struct rig *r = create(&two_workers);
	struct load loads[2];

	two_flows(loads, r, 8, 1);
	set_web(r, 4000);
	run_balanced(r, loads, 2, 1000);
	struct span span = run_balanced(r, loads, 2, 2000);
	CU_ASSERT_TRUE(loads[1].got * 100 >= loads[1].sent * 99);
	CU_ASSERT_TRUE((double)(loads[0].got + loads[1].got) > 4000 * span.least * 0.94);
	CU_ASSERT_TRUE((double)(loads[0].got + loads[1].got) <= 4000 * span.most + 2);
	rig_end(r);
}

/* From one worker to the other and back: no change of parts gives anything away. */
static void test_restless(void)
{
	struct rig *r = create(&two_workers);
	struct load loads[2];
	uint64_t got = 0;
	double least = 0, most = 0;

	two_flows(loads, r, 4, 4);
	set_web(r, 1000);
	for (unsigned i = 0; i < 20; i++) {
		loads[i % 2].each = 4;
		loads[!(i % 2)].each = 0;
		struct span span = run_balanced(r, loads, 2, 600);
		got += loads[0].got + loads[1].got;
		least += span.least;
		most += span.most;
	}
	CU_ASSERT_TRUE((double)got <= 1000 * (most + BURST_MS / 1e3) * 1.005);
	CU_ASSERT_TRUE((double)got >= 1000 * least * 0.6);
	rig_end(r);
}

/* Nothing is looked at that nobody exceeds, and with one worker nothing at all. */
static void test_looked_at(void)
{
	struct rig *r = create(&two_workers);
	struct load loads[2];

	two_flows(loads, r, 1, 1);
	CU_ASSERT_FALSE(lm_dp_limited(r->gw[0].dp));
	set_web(r, 5000);
	CU_ASSERT_TRUE(lm_dp_limited(r->gw[0].dp));
	run_loads(r, loads, 2, 300);
	CU_ASSERT_EQUAL(lm_dp_balance(r->gw[0].dp), 0);
	set_web(r, 100);
	run_loads(r, loads, 2, 300);
	CU_ASSERT_EQUAL(lm_dp_balance(r->gw[0].dp), 1);
	CU_ASSERT_EQUAL(lm_dp_balance(r->gw[0].dp), 0);
	/* It was exceeded, and has gone since. */
	run_loads(r, loads, 2, 300);
	set_web(r, 0);
	CU_ASSERT_EQUAL(lm_dp_balance(r->gw[0].dp), 0);
	rig_end(r);

	r = create(&rig_one_worker);
	struct load load = {.packet = datagram(WEB, DB, 4000), .each = 4};
	set_web(r, 100);
	run_loads(r, &load, 1, 300);
	CU_ASSERT_TRUE(load.got < load.sent);
	CU_ASSERT_EQUAL(lm_dp_balance(r->gw[0].dp), 0);
	rig_end(r);
}

static void test_divide(void)
{
	static const struct {
		uint64_t came[4];
		unsigned n;
		double capacity, part[4]; /* of what is not divided evenly */
	} cases[] = {{{100, 0}, 2, 100, {1, 0}}, {{1000, 0}, 2, 100, {1, 0}},
	    {{10, 0}, 2, 100, {1, 0}}, {{1000, 1000}, 2, 100, {0.5, 0.5}},
	    {{1000, 400}, 2, 100, {0.5, 0.5}}, {{1000, 20}, 2, 100, {0.8, 0.2}},
	    {{30, 10}, 2, 100, {0.75, 0.25}}, /* nothing is exceeded: by what came */
	    {{500, 500, 10, 0}, 4, 100, {0.45, 0.45, 0.1, 0}},
	    {{500, 30, 25, 20}, 4, 100, {0.275, 0.275, 0.25, 0.2}}};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t share[4] = {0}, sum = 0, even = LM_SHARES / LM_SHARES_EVEN / cases[i].n;

		lm_shares_divide(share, cases[i].came, cases[i].n, cases[i].capacity);
		for (unsigned k = 0; k < cases[i].n; k++) {
			double part = (double)(share[k] - even) / (LM_SHARES - even * cases[i].n);

			CU_ASSERT_TRUE(share[k] >= even);
			CU_ASSERT_DOUBLE_EQUAL(part, cases[i].part[k], 0.03);
			sum += share[k];
		}
		CU_ASSERT_TRUE(sum <= LM_SHARES && sum > LM_SHARES - 8);
	}
	/* Nothing came: as before. */
	uint32_t share[2] = {7, 8};
	lm_shares_divide(share, (const uint64_t[]){0, 0}, 2, 100);
	CU_ASSERT_TRUE(share[0] == 7 && share[1] == 8);
}

/* Never more marks than there is room for; a limit that found none is marked later. */
static void test_marks(void)
{
	struct lm_marks marks = {.written = UINT32_MAX - 3, .taken = UINT32_MAX - 3};
	struct lm_meter m[LM_MARKS + 10] = {0};

	for (unsigned round = 0; round < 3; round++)
		for (uint32_t i = 0; i < LM_MARKS + 10; i++)
			lm_marks_put(&marks, &m[i], i);
	CU_ASSERT_EQUAL(marks.written - marks.taken, LM_MARKS);
	for (uint32_t i = 0; i < LM_MARKS; i++)
		CU_ASSERT_EQUAL(marks.id[(marks.taken + i) % LM_MARKS], i);
	CU_ASSERT_EQUAL(m[LM_MARKS].marked, 0);
	marks.taken = marks.written;
	lm_marks_put(&marks, &m[3], 3); /* nobody has looked at it yet */
	lm_marks_put(&marks, &m[LM_MARKS], LM_MARKS);
	CU_ASSERT_EQUAL(marks.written - marks.taken, 1);
}

struct marker {
	struct lm_marks *marks;
	struct lm_meter *meter;
	uint32_t id;
	bool stop;
};

static void *drop_always(void *arg)
{
	struct marker *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE))
		lm_marks_put(m->marks, m->meter, m->id);
	return NULL;
}

static bool has_marks(const struct lm_marks *marks)
{
	return __atomic_load_n(&marks->written, __ATOMIC_ACQUIRE) != marks->taken;
}

/* Whoever drops while control looks is looked at the next time. */
static void test_marks_race(void)
{
	struct rig *r = create(&two_workers);
	set_web(r, 1000);
	struct lm_dp *dp = r->gw[0].dp;
	struct lm_meters *of = dp->attachments->by_id[rig_hosts[WEB].attachment].meters;
	struct marker second = {
	    .marks = &dp->workers[1]->marks, .meter = &of->of[1].way[LM_EGRESS], .id = of->id};
	uint64_t patience = 20 * rte_get_tsc_hz();
	pthread_t thread;
	bool seen = true;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, drop_always, &second), 0);
	for (unsigned i = 0; i < 1000 && seen; i++) {
		lm_marks_put(&dp->workers[0]->marks, &of->of[0].way[LM_EGRESS], of->id);
		lm_dp_balance(dp);
		for (uint64_t begin = rte_rdtsc();
		    !has_marks(second.marks) && rte_rdtsc() - begin < patience;)
			sched_yield();
		seen = has_marks(second.marks);
	}
	__atomic_store_n(&second.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	CU_ASSERT_TRUE(seen);
	rig_end(r);
}

LM_SUITE("shares", {"one elephant", test_one_elephant}, {"two elephants", test_two_elephants},
    {"mouse", test_mouse}, {"restless", test_restless}, {"looked at", test_looked_at},
    {"divide", test_divide}, {"marks", test_marks}, {"marks_race", test_marks_race})
