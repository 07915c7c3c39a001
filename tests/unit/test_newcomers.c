/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newcomers' part of a worker's time without a data plane: in a model of a worker with one receive
 * queue, whose clock runs by what its work is said to cost.
 */
#include "dataplane/newcomers.h"
#include "chance.h"
#include "dataplane/overload.h"
#include "suite.h"

#define NETS 200
#define SOURCES 3
#define QUEUE 1024
#define BURST 32
#define ROUND 300 /* cycles that a round costs by itself */
#define KNOWN 150 /* a packet of a known flow */
#define LOOK_UP 100 /* finding out that a flow is not known, and dropping it */
#define JUDGE 700 /* judging it */
#define INTERVAL 5000000u /* cycles */
#define STEPS 512 /* of an interval */

struct source {
	uint32_t net;
	bool new; /* each packet is a new flow's */
	double rate, due; /* packets a cycle */
	uint64_t offered, carried;
};

struct model {
	struct lm_newcomers n;
	struct lm_fair_net nets[NETS];
	struct source s[SOURCES];
	bool off; /* as if there were no such thing */
	uint8_t queue[QUEUE];
	unsigned head, queued;
	int64_t time;
	uint64_t seen, full, rounds, busy; /* of newcomers: since start; else of the interval */
	uint64_t intervals, on, judged; /* since we look; cycles */
	uint64_t chance;
};

static struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof *m);

	if (!m || lm_newcomers_init(&m->n, m->nets, INTERVAL) != 0)
		abort();
	m->chance = 1;
	m->n.cost = JUDGE;
	return m;
}

static void model_free(struct model *m)
{
	lm_newcomers_free(&m->n);
	free(m);
}

/* share: of a worker's time, if each packet cost as much as one of a known flow. */
static void offer(struct model *m, unsigned source, uint32_t net, bool new, double share)
{
	m->s[source] = (struct source){.net = net, .new = new, .rate = share / KNOWN};
}

/* In random order, as they come from many wires. */
static void arrive(struct model *m, double cycles)
{
	unsigned whole[SOURCES], all = 0;

	for (unsigned i = 0; i < SOURCES; i++) {
		m->s[i].due += m->s[i].rate * cycles;
		all += whole[i] = (unsigned)m->s[i].due;
		m->s[i].due -= whole[i];
	}
	for (; all > 0; all--) {
		unsigned at = (unsigned)(chance_next(&m->chance) % all), i = 0;

		for (; at >= whole[i]; i++)
			at -= whole[i];
		whole[i]--;
		m->s[i].offered++;
		if (m->queued < QUEUE)
			m->queue[(m->head + m->queued++) % QUEUE] = (uint8_t)i;
	}
}

static int64_t handle(struct model *m, struct source *s)
{
	if (!s->new) {
		s->carried++;
		return KNOWN;
	}
	m->seen++;
	if (m->n.on && !lm_newcomers_take(&m->n, s->net))
		return LOOK_UP;
	s->carried++;
	m->judged += JUDGE;
	return LOOK_UP + JUDGE;
}

static void round_of(struct model *m)
{
	const unsigned n = m->queued < BURST ? m->queued : BURST;
	int64_t took = ROUND;

	for (unsigned i = 0; i < n; i++, m->queued--) {
		took += handle(m, &m->s[m->queue[m->head]]);
		m->head = (m->head + 1) % QUEUE;
	}
	m->rounds++;
	m->full += n == BURST;
	m->busy += n >= BURST / 2 ? (uint64_t)took : 0;
	m->time -= took;
}

static void end_interval(struct model *m)
{
	enum lm_pressure late = m->full * 16 >= m->rounds * 15 ? LM_OVER : LM_CALM;

	if (m->n.on)
		late = lm_fair_pressure(m->busy, INTERVAL, m->full, m->rounds);
	if (!m->off)
		lm_newcomers_end(&m->n, m->seen, INTERVAL, late);
	m->full = m->rounds = m->busy = 0;
	m->intervals++;
	m->on += m->n.on;
}

static void run(struct model *m, unsigned intervals)
{
	for (; intervals > 0; intervals--) {
		for (unsigned step = 0; step < STEPS; step++) {
			arrive(m, INTERVAL / STEPS);
			if (m->n.on)
				lm_fair_pace(&m->n.fair, step, STEPS);
			for (m->time += INTERVAL / STEPS; m->time > 0;)
				round_of(m);
		}
		end_interval(m);
	}
}

static void forget(struct model *m)
{
	for (unsigned i = 0; i < SOURCES; i++)
		m->s[i].offered = m->s[i].carried = 0;
	m->intervals = m->on = m->judged = 0;
}

static double passed(const struct model *m, unsigned source)
{
	return (double)m->s[source].carried / (double)m->s[source].offered;
}

/* Of the time, so much went into judging newcomers. */
static double judged(const struct model *m)
{
	return (double)m->judged / ((double)INTERVAL * (double)m->intervals);
}

/* Within one network, and from another. */
static void test_flood(void)
{
	for (uint32_t net = 0; net < 2; net++)
		for (unsigned off = 0; off < 2; off++) {
			struct model *m = model_new();

			m->off = off;
			offer(m, 0, 0, false, 0.45);
			offer(m, 1, net, true, 0.5);
			run(m, 40);
			forget(m);
			run(m, 200);
			if (off) {
				CU_ASSERT_TRUE(passed(m, 0) < 0.5);
			} else {
				CU_ASSERT_TRUE(passed(m, 0) > 0.99);
				CU_ASSERT_EQUAL(m->on, m->intervals);
				/* What is left of the time is theirs. */
				CU_ASSERT_TRUE(judged(m) > 0.05);
			}
			model_free(m);
		}
}

/* In the first intervals, too, no more than a few packets are lost: the queue bears it. */
static void test_soon(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 0.45);
	offer(m, 1, 0, true, 0.5);
	run(m, 3);
	CU_ASSERT_TRUE(m->n.on);
	run(m, 5);
	forget(m);
	run(m, 20);
	CU_ASSERT_TRUE(passed(m, 0) > 0.98);
	model_free(m);
}

/* A flood is not what keeps another network's new flows out, nor does it keep out all of its own.
 */
static void test_others(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 0.45);
	offer(m, 1, 1, true, 0.5);
	offer(m, 2, 2, true, 0.001);
	run(m, 40);
	forget(m);
	run(m, 400);
	CU_ASSERT_TRUE(passed(m, 0) > 0.99);
	CU_ASSERT_TRUE(passed(m, 2) > 0.95);
	CU_ASSERT_TRUE(passed(m, 1) > 0.02);
	model_free(m);
}

/* Two floods: as much for each, however much they ask for. */
static void test_two_floods(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 0.3);
	offer(m, 1, 1, true, 0.4);
	offer(m, 2, 2, true, 0.2);
	run(m, 40);
	forget(m);
	run(m, 200);
	double ratio = (double)m->s[1].carried / (double)m->s[2].carried;
	CU_ASSERT_TRUE(ratio > 0.9 && ratio < 1.1);
	CU_ASSERT_TRUE(passed(m, 0) > 0.99);
	model_free(m);
}

/* Where known flows alone are too much, it is not for newcomers to give way. */
static void test_known_alone(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 2);
	offer(m, 1, 0, true, 0.005);
	run(m, 100);
	CU_ASSERT_EQUAL(m->on, 0);
	model_free(m);
}

/* Many new flows, but there is time for them; and a flood that ends. */
static void test_enough(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 0.3);
	offer(m, 1, 0, true, 0.08);
	run(m, 200);
	CU_ASSERT_EQUAL(m->on, 0);
	CU_ASSERT_TRUE(passed(m, 1) > 0.999);
	offer(m, 1, 0, true, 0.5);
	run(m, 50);
	CU_ASSERT_TRUE(m->n.on);
	offer(m, 1, 0, true, 0.08);
	run(m, 100);
	CU_ASSERT_FALSE(m->n.on);
	forget(m);
	run(m, 20);
	CU_ASSERT_TRUE(passed(m, 1) > 0.999);
	model_free(m);
}

/* More than could even be dropped: some are let in nevertheless, of each network. */
static void test_least(void)
{
	struct model *m = model_new();

	offer(m, 0, 0, false, 0.5);
	offer(m, 1, 1, true, 40);
	offer(m, 2, 2, true, 0.5);
	run(m, 40);
	forget(m);
	run(m, 100);
	CU_ASSERT_TRUE(judged(m) > 0.02);
	CU_ASSERT_TRUE(m->s[2].carried > 0);
	model_free(m);
}

/* Who has no flow yet is nobody's neighbour: many such networks at once do not have a share each.
 */
static void test_strangers(void)
{
	struct model *m = model_new();
	uint64_t taken = 0;

	lm_newcomers_end(&m->n, 0, INTERVAL, LM_CALM);
	lm_newcomers_end(&m->n, INTERVAL, INTERVAL, LM_OVER);
	CU_ASSERT_TRUE_FATAL(m->n.on);
	for (unsigned step = 0; step < STEPS; step++) {
		lm_fair_pace(&m->n.fair, step, STEPS);
		for (uint32_t net = 0; net < NETS; net++)
			for (unsigned i = 0; i < 20; i++)
				taken += lm_newcomers_take(&m->n, net) ? JUDGE : 0;
		if (step == 0)
			CU_ASSERT_TRUE(taken <= INTERVAL / 64);
	}
	CU_ASSERT_TRUE(taken > INTERVAL / 16 && taken < INTERVAL / 3);
	model_free(m);
}

/* A part is spread over the interval, also for who is alone: the queue holds no more than a burst.
 */
static void test_pace(void)
{
	struct model *m = model_new();
	unsigned at_once = 0, at_half = 0;

	lm_newcomers_end(&m->n, 0, INTERVAL, LM_CALM);
	lm_newcomers_end(&m->n, INTERVAL, INTERVAL, LM_OVER);
	lm_fair_pace(&m->n.fair, 0, 2);
	while (lm_newcomers_take(&m->n, 7))
		at_once++;
	lm_fair_pace(&m->n.fair, 1, 2);
	while (lm_newcomers_take(&m->n, 7))
		at_half++;
	CU_ASSERT_TRUE(at_once > 0 && at_once * JUDGE < INTERVAL / 128);
	CU_ASSERT_TRUE(at_half * JUDGE > INTERVAL / 20 && at_half * JUDGE < INTERVAL / 12);
	model_free(m);
}

static void test_cost(void)
{
	struct model *m = model_new();
	unsigned sampled = 0;

	for (unsigned i = 0; i < 200; i++)
		lm_newcomers_clock(&m->n, 2000);
	CU_ASSERT_TRUE(m->n.cost > 1900 && m->n.cost <= 2000);
	lm_newcomers_clock(&m->n, 1000000); /* somebody else had the processor */
	CU_ASSERT_TRUE(m->n.cost > 1900 && m->n.cost < 3000);
	for (unsigned i = 0; i < 200; i++)
		lm_newcomers_clock(&m->n, 300);
	CU_ASSERT_TRUE(m->n.cost >= 300 && m->n.cost < 330);
	for (unsigned i = 0; i < 1000; i++)
		lm_newcomers_clock(&m->n, 0);
	CU_ASSERT_TRUE(m->n.cost >= 16 && m->n.cost < 50);
	for (unsigned i = 0; i < 100 * LM_NEWCOMERS_SAMPLE; i++)
		sampled += lm_newcomers_sample(&m->n);
	CU_ASSERT_EQUAL(sampled, 100);
	model_free(m);
}

LM_SUITE("newcomers", {"flood", test_flood}, {"soon", test_soon}, {"others", test_others},
    {"two floods", test_two_floods}, {"known alone", test_known_alone}, {"enough", test_enough},
    {"least", test_least}, {"strangers", test_strangers}, {"pace", test_pace}, {"cost", test_cost})
