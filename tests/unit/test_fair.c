/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair shares without a data plane: the level beside a slow and obvious reckoning,
 * and the search for what suffices in a model of a worker with one receive queue.
 */
#include "dataplane/fair.h"
#include "chance.h"
#include "dataplane/overload.h"
#include "suite.h"

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(chance_next(state) % n);
}

/* ---- the level -------------------------------------------------------------- */

static uint64_t min(uint64_t x, uint64_t y)
{
	return x < y ? x : y;
}

static uint64_t given(const uint64_t *asked, unsigned n, uint64_t level)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += min(asked[i], level);
	return sum;
}

/* The highest level that fits, by halving. */
static uint64_t slow_level(const uint64_t *asked, unsigned n, uint64_t capacity)
{
	uint64_t low = 0, high = capacity + 1;

	if (given(asked, n, UINT64_MAX) <= capacity)
		return LM_FAIR_ALL;
	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (given(asked, n, mid) <= capacity)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static uint64_t level(const uint64_t *asked, unsigned n, uint64_t capacity)
{
	uint64_t copy[64];

	memcpy(copy, asked, n * sizeof *asked);
	return lm_fair_level(copy, n, capacity);
}

static void test_level(void)
{
	CU_ASSERT_EQUAL(level((uint64_t[]){10, 100, 100}, 3, 90), 40);
	CU_ASSERT_EQUAL(level((uint64_t[]){100, 10, 100}, 3, 90), 40);
	CU_ASSERT_EQUAL(level((uint64_t[]){50, 50}, 2, 60), 30);
	CU_ASSERT_EQUAL(level((uint64_t[]){1, 2, 3, 1000}, 4, 106), 100);
	CU_ASSERT_EQUAL(level((uint64_t[]){30, 30}, 2, 60), LM_FAIR_ALL);
	CU_ASSERT_EQUAL(level((uint64_t[]){70}, 1, 60), 60);
	CU_ASSERT_EQUAL(level((uint64_t[]){0}, 0, 60), LM_FAIR_ALL);
	CU_ASSERT_EQUAL(level((uint64_t[]){5, 5, 5}, 3, 2), 0);
}

static void test_level_random(void)
{
	uint64_t state = 1;

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t asked[64], sum = 0;
		unsigned n = 1 + below(&state, 64);

		for (unsigned i = 0; i < n; i++)
			sum += asked[i] = below(&state, 1u << below(&state, 30));
		uint64_t capacity = below(&state, (uint32_t)min(sum + sum / 4 + 1, UINT32_MAX));
		uint64_t got = level(asked, n, capacity), best = slow_level(asked, n, capacity);

		/* Rounds of filling are bounded, so it may end a little below, never above. */
		CU_ASSERT_TRUE(got <= best);
		if (best != LM_FAIR_ALL)
			CU_ASSERT_TRUE(given(asked, n, got) + n + capacity / 64 >= capacity);
	}
}

/* Each round of filling settles one: the level ends too low, but nobody loses much. */
static void test_level_hard(void)
{
	uint64_t asked[64], capacity = 0;

	for (unsigned i = 0; i < 64; i++)
		capacity += asked[i] = 1000000 / (64 - i);
	capacity -= 1000;
	uint64_t got = level(asked, 64, capacity);
	CU_ASSERT_TRUE(given(asked, 64, got) <= capacity);
	CU_ASSERT_TRUE(given(asked, 64, got) > capacity / 2);
}

/* ---- a worker ---------------------------------------------------------------- */

#define NETS 4
#define QUEUE 512
#define BURST 32
#define ROUND 400 /* what a round costs by itself */
#define CAPACITY 2000000u /* in an interval */
#define STEPS 256 /* of an interval */

struct model {
	struct lm_fair f;
	struct lm_fair_net nets[NETS];
	struct {
		uint32_t bytes, misses; /* one packet in so many is a new flow's; 0: none */
		double rate; /* packets an interval */
		double due;
		uint64_t offered, carried, carried_cost;
	} net[NETS];
	unsigned known;
	uint8_t queue[QUEUE];
	unsigned head, queued;
	int64_t time;
	bool off; /* as if there were no fair shares */
	uint64_t full, rounds, busy, intervals, on;
	uint64_t chance;
};

static struct model *model_new(unsigned known)
{
	struct model *m = calloc(1, sizeof *m);

	if (!m || lm_fair_init(&m->f, m->nets) != 0)
		abort();
	m->f.shrink = 4;
	m->f.grow = 5;
	m->f.drop_cost = LM_COST_DROP;
	m->known = known;
	m->chance = 1;
	return m;
}

static void model_free(struct model *m)
{
	lm_fair_free(&m->f);
	free(m);
}

/* In packets an interval: so many times what could be carried if nobody else were there. */
static void offer(struct model *m, unsigned net, double times, uint32_t bytes)
{
	m->net[net].bytes = bytes;
	m->net[net].rate = times * CAPACITY / (LM_COST_PACKET + bytes);
}

/* In random order, as they come from many wires. */
static void arrive(struct model *m)
{
	uint32_t whole[NETS], all = 0;

	for (unsigned i = 0; i < NETS; i++) {
		m->net[i].due += m->net[i].rate / STEPS;
		all += whole[i] = (uint32_t)m->net[i].due;
		m->net[i].due -= whole[i];
	}
	for (; all > 0; all--) {
		uint32_t at = below(&m->chance, all);
		unsigned i = 0;

		for (; at >= whole[i]; i++)
			at -= whole[i];
		whole[i]--;
		m->net[i].offered++;
		if (m->queued < QUEUE)
			m->queue[(m->head + m->queued++) % QUEUE] = (uint8_t)i;
	}
}

static void handle(struct model *m, unsigned i)
{
	uint32_t cost = LM_COST_PACKET + m->net[i].bytes;

	if (m->f.on && !lm_fair_take(&m->f, i, cost)) {
		m->time -= LM_COST_DROP;
		return;
	}
	if (m->net[i].misses && below(&m->chance, m->net[i].misses) == 0) {
		if (m->f.on)
			lm_fair_charge(&m->f, i, LM_COST_MISS);
		cost += LM_COST_MISS;
	}
	m->time -= cost;
	m->net[i].carried++;
	m->net[i].carried_cost += cost;
}

static void round_of(struct model *m)
{
	unsigned n = m->queued < BURST ? m->queued : BURST;

	m->rounds++;
	m->full += n == BURST;
	m->time -= ROUND;
	int64_t begin = m->time + ROUND;
	bool moved = n >= 4;
	for (; n > 0; n--) {
		unsigned net = m->queue[m->head];

		m->head = (m->head + 1) % QUEUE;
		m->queued--;
		handle(m, net);
	}
	m->busy += moved ? (uint64_t)(begin - m->time) : 0;
}

static void run(struct model *m, unsigned intervals)
{
	for (; intervals > 0; intervals--) {
		for (unsigned step = 0; step < STEPS; step++) {
			arrive(m);
			if (m->f.on)
				lm_fair_pace(&m->f, step, STEPS);
			for (m->time += CAPACITY / STEPS; m->time > 0;)
				round_of(m);
		}
		if (m->f.on)
			lm_fair_end(&m->f, lm_fair_pressure(m->busy, CAPACITY, m->full, m->rounds),
			    m->known);
		else if (m->full * 16 >= m->rounds * 15 && m->known > 1 && !m->off)
			lm_fair_start(&m->f);
		m->full = m->rounds = m->busy = 0;
		m->intervals++;
		m->on += m->f.on;
	}
}

static void forget(struct model *m)
{
	for (unsigned i = 0; i < NETS; i++)
		m->net[i].offered = m->net[i].carried = m->net[i].carried_cost = 0;
	m->intervals = m->on = 0;
}

static double passed(const struct model *m, unsigned net)
{
	return (double)m->net[net].carried / (double)m->net[net].offered;
}

/* Part of the capacity that it got. */
static double share(const struct model *m, unsigned net)
{
	return (double)m->net[net].carried_cost / ((double)CAPACITY * (double)m->intervals);
}

static void test_flood(void)
{
	for (unsigned fair = 0; fair < 2; fair++) {
		struct model *m = model_new(2);

		m->off = !fair;
		offer(m, 0, 2.5, 64);
		offer(m, 1, 0.05, 200);
		run(m, 60);
		forget(m);
		run(m, 300);
		if (fair) {
			CU_ASSERT_TRUE(passed(m, 1) > 0.99);
			CU_ASSERT_TRUE(share(m, 0) > 0.3);
		} else {
			CU_ASSERT_TRUE(passed(m, 1) < 0.5);
		}
		model_free(m);
	}
}

/* Who sends a packet now and then counts as much, though most intervals do not see it. */
static void test_silent(void)
{
	struct model *m = model_new(2);

	offer(m, 0, 2.5, 64);
	offer(m, 1, 0.00003, 64);
	run(m, 60);
	forget(m);
	run(m, 3000);
	CU_ASSERT_TRUE(m->net[1].offered > 200 && passed(m, 1) > 0.98);
	model_free(m);
}

static void test_halves(void)
{
	struct model *m = model_new(3);

	offer(m, 0, 2, 1400);
	offer(m, 1, 1, 64);
	offer(m, 2, 0.1, 64);
	run(m, 60);
	forget(m);
	run(m, 300);
	/* In time, not in packets. */
	CU_ASSERT_TRUE(share(m, 0) > 0.22 && share(m, 1) > 0.22);
	CU_ASSERT_TRUE(share(m, 0) < share(m, 1) * 1.15 && share(m, 1) < share(m, 0) * 1.15);
	CU_ASSERT_TRUE(passed(m, 2) > 0.99);
	model_free(m);
}

/* What one does not use is the others'. */
static void test_unused(void)
{
	struct model *m = model_new(2);

	offer(m, 0, 1.2, 1400);
	offer(m, 1, 0.2, 1400);
	run(m, 60);
	forget(m);
	run(m, 300);
	CU_ASSERT_TRUE(share(m, 0) > 0.6);
	CU_ASSERT_TRUE(passed(m, 1) > 0.99);
	model_free(m);
}

/* New flows cost more, and who sends them pays. */
static void test_misses(void)
{
	struct model *m = model_new(2);

	offer(m, 0, 1, 64); /* were they hits */
	m->net[0].misses = 1;
	offer(m, 1, 0.2, 64);
	run(m, 60);
	forget(m);
	run(m, 300);
	CU_ASSERT_TRUE(passed(m, 1) > 0.97);
	CU_ASSERT_TRUE(share(m, 0) > 0.2);
	model_free(m);
}

static void test_alone(void)
{
	struct model *m = model_new(1);

	offer(m, 0, 5, 64);
	run(m, 100);
	CU_ASSERT_EQUAL(m->on, 0);
	CU_ASSERT_TRUE(share(m, 0) > 0.85);
	model_free(m);
}

/* All alike: nobody is to be protected, so nothing is gained by dropping. */
static void test_alike(void)
{
	struct model *m = model_new(NETS);

	for (unsigned i = 0; i < NETS; i++)
		offer(m, i, 1, 64);
	run(m, 500);
	CU_ASSERT_TRUE(m->on < m->intervals / 10);
	CU_ASSERT_TRUE(share(m, 0) + share(m, 1) + share(m, 2) + share(m, 3) > 0.85);
	model_free(m);
}

/* More than could even be dropped: half of the time still goes into carrying. */
static void test_endless(void)
{
	struct model *m = model_new(2);

	offer(m, 0, 50, 64);
	offer(m, 1, 0.05, 64);
	run(m, 60);
	forget(m);
	run(m, 200);
	CU_ASSERT_TRUE(share(m, 0) + share(m, 1) > 0.4);
	model_free(m);
}

/* Loaded, but not too much; and a flood that ends. */
static void test_healthy(void)
{
	struct model *m = model_new(2);

	offer(m, 0, 0.6, 64);
	offer(m, 1, 0.1, 64);
	run(m, 200);
	CU_ASSERT_EQUAL(m->on, 0);
	CU_ASSERT_TRUE(passed(m, 0) > 0.999 && passed(m, 1) > 0.999);
	offer(m, 0, 3, 64);
	run(m, 100);
	CU_ASSERT_TRUE(m->on > 90);
	offer(m, 0, 0.6, 64);
	run(m, 60);
	CU_ASSERT_FALSE(m->f.on);
	model_free(m);
}

/* More networks than are compared with each other. */
static void test_many(void)
{
	enum { MANY = 3000 };
	struct lm_fair_net *nets = calloc(MANY, sizeof *nets);
	struct lm_fair f;
	unsigned turned_away = 0;

	CU_ASSERT_EQUAL_FATAL(lm_fair_init(&f, nets), 0);
	f.shrink = 4;
	f.grow = 5;
	lm_fair_start(&f);
	for (unsigned turn = 0; turn < 4; turn++) {
		turned_away = 0;
		for (uint32_t i = 0; i < MANY; i++)
			for (unsigned k = 0; k < (i % 2 ? 100 : 10); k++)
				turned_away += !lm_fair_take(&f, i, 1000) && i % 2 == 0;
		CU_ASSERT_TRUE(f.n_active == LM_FAIR_ACTIVE);
		lm_fair_end(&f, LM_OVER, MANY);
		lm_fair_pace(&f, 1, 1);
	}
	CU_ASSERT_TRUE(f.level > 10 * 1000 && f.level < 100 * 1000);
	CU_ASSERT_EQUAL(turned_away, 0);
	lm_fair_free(&f);
	free(nets);
}

LM_SUITE("fair", {"level", test_level}, {"level at random", test_level_random},
    {"level, the hard way", test_level_hard}, {"flood", test_flood}, {"silent", test_silent},
    {"halves", test_halves}, {"unused", test_unused}, {"misses", test_misses},
    {"alone", test_alone}, {"alike", test_alike}, {"endless", test_endless},
    {"healthy", test_healthy}, {"many", test_many})
