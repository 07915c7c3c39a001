/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints to which the gateways give addresses, and which live where they are attached. */
#include "places_world.h"

/* ---- given at once, and for life ---- */

static void first_attachment(unsigned n)
{
	struct sim_doc d;
	struct sim *s = world(&d, n);
	unsigned all = (1u << n) - 1;

	sim_host(s, n - 1, 0, true);
	/* The first needs an address block first. */
	uint64_t took = sim_until_app_is_at(s, all, &d, 0, n - 1);
	CU_ASSERT(took <= NOW);
	/* With one of its blocks the gateway asks nobody. */
	sim_host(s, n - 1, 1, true);
	CU_ASSERT(sim_serves_app(s, n - 1, &d, 1, NULL));
	CU_ASSERT_NOT_EQUAL(sim_address(s, n - 1, &d, 1), 0);
	CU_ASSERT_NOT_EQUAL(sim_address(s, n - 1, &d, 1), sim_address(s, n - 1, &d, 0));
	took = sim_until_app_is_at(s, all, &d, 1, n - 1);
	CU_ASSERT(took <= NOW);
	end(s, &d);
}

static void test_first(void)
{
	first_attachment(2);
	first_attachment(3);
	first_attachment(5);
}

/* Many at once are durable at once: none is served before, and all are known afterwards. */
static void test_many(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 2);
	unsigned address[20];

	s->node[1]->commit_fails = true;
	for (unsigned i = 0; i < 20; i++)
		sim_host(s, 1, i, true);
	sim_run(s, SETTLE);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT(!sim_serves_app(s, 1, &d, i, NULL));
	unsigned batches = s->node[1]->n_batches;
	s->node[1]->commit_fails = false;
	sim_run(s, NOW + SIM_SECOND); /* what could not be stored is tried again after one */
	CU_ASSERT(s->node[1]->n_batches - batches < 10);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT(sim_serves_app(s, 1, &d, i, NULL));
		address[i] = sim_address(s, 1, &d, i);
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(address[i], address[k]);
	}
	sim_crash(s, 1);
	sim_start(s, 1);
	sim_run(s, 3 * SETTLE);
	for (unsigned i = 0; i < 20; i++) {
		CU_ASSERT(sim_serves_app(s, 1, &d, i, NULL));
		CU_ASSERT_EQUAL(sim_address(s, 1, &d, i), address[i]);
	}
	end(s, &d);
}

static void test_keeps(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE); /* the chain knows it now */

	sim_host(s, 1, 0, false);
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
	sim_run(s, SETTLE);
	CU_ASSERT_EQUAL(sim_route(s, 0, &d, 0), -1);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_serves_app(s, 1, &d, 0, NULL));
	CU_ASSERT_EQUAL(sim_address(s, 1, &d, 0), address);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);

	sim_crash(s, 1);
	sim_start(s, 1);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);

	/* Given moments before its gateway died, and noted by nobody else. */
	sim_host(s, 1, 1, true);
	unsigned second = sim_address(s, 1, &d, 1);
	CU_ASSERT_NOT_EQUAL(second, 0);
	sim_crash(s, 1);
	sim_run(s, SETTLE);
	sim_start(s, 1);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 1, 1) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 1), second);
	end(s, &d);
}

/* ---- moving ---- */

static void test_move(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	sim_host(s, 1, 0, false);
	sim_host(s, 2, 0, true);
	for (unsigned ms = 0; ms < 1000 && !sim_serves_app(s, 2, &d, 0, NULL); ms++)
		sim_run(s, SIM_MS);
	uint64_t decided = s->now.mono;
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= NOW);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	CU_ASSERT(s->node[0]->routed_at > decided);
	printf(" others followed after %.0f ms ...",
	    (double)(s->node[0]->routed_at - decided) / (double)SIM_MS);

	/* It stays there, though its gateway begins anew. */
	sim_crash(s, 2);
	sim_start(s, 2);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) <= 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);
	end(s, &d);
}

/* Two workloads claim to be one replica: the second waits, and takes over when the first ends. */
static void test_waits(void)
{
	struct sim_doc d;
	const char *why;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	sim_run(s, SETTLE);
	sim_host(s, 2, 0, true);
	sim_run(s, 30 * SIM_SECOND);
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 0, 1));
	CU_ASSERT(!sim_serves_app(s, 2, &d, 0, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_STRING_EQUAL(why, lm_address_wait_names[LM_AW_ELSEWHERE]);
	sim_host(s, 1, 0, false);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 2) < SIM_PATIENCE);
	end(s, &d);
}

static void test_dead_without_goodbye(void)
{
	struct sim_doc d;
	const char *why;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	unsigned address = sim_address(s, 0, &d, 0);
	sim_run(s, SETTLE);
	sim_crash(s, 1);
	sim_host(s, 2, 0, true);
	uint64_t took = sim_until_app_is_at(s, 0x5, &d, 0, 2);
	CU_ASSERT(took >= 9 * SIM_SECOND); /* it might have been alive */
	CU_ASSERT(took <= 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, 0, &d, 0), address);

	/* It is back with its workload, which has lost its place. */
	sim_start(s, 1);
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
	for (unsigned i = 0; i < 200; i++) {
		CU_ASSERT(!sim_serves_app(s, 1, &d, 0, NULL));
		sim_run(s, 50 * SIM_MS);
	}
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 0, 2));
	CU_ASSERT(!sim_serves_app(s, 1, &d, 0, &why));
	CU_ASSERT_PTR_NOT_NULL_FATAL(why);
	CU_ASSERT_STRING_EQUAL(why, lm_address_wait_names[LM_AW_ELSEWHERE]);
	end(s, &d);
}

/* The second has long given up asking: it hears that the first one's gateway is gone. */
static void test_dies_waited_for(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 3);

	sim_host(s, 1, 0, true);
	CU_ASSERT(sim_until_app_is_at(s, ALL3, &d, 0, 1) <= NOW);
	sim_run(s, SETTLE);
	sim_host(s, 2, 0, true);
	sim_run(s, 300 * SIM_SECOND);
	CU_ASSERT(sim_app_is_at(s, ALL3, &d, 0, 1));
	sim_crash(s, 1);
	CU_ASSERT(sim_until_app_is_at(s, 0x5, &d, 0, 2) <= 60 * SIM_SECOND);
	end(s, &d);
}

/* ---- minorities ---- */

static void kill_two(unsigned a, unsigned b)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	unsigned left = ALL5 & ~(1u << a) & ~(1u << b), alive = 0;
	unsigned address[5];

	for (unsigned i = 0; i < 5; i++) {
		sim_host(s, i, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, i, i) <= NOW);
		address[i] = sim_address(s, i, &d, i);
	}
	sim_run(s, SETTLE);
	sim_crash(s, a);
	sim_crash(s, b);
	while (!(left >> alive & 1))
		alive++; /* the first of them */
	sim_run(s, 2 * SETTLE);
	for (unsigned i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(sim_address(s, alive, &d, i), address[i]);
		if (left >> i & 1)
			CU_ASSERT(sim_app_is_at(s, left, &d, i, i));
	}
	/* More than are left in the blocks that are there. */
	for (unsigned r = 5; r < 20; r++) {
		sim_host(s, alive, r, true);
		CU_ASSERT(sim_until_app_is_at(s, left, &d, r, alive) <= 5 * SIM_SECOND);
	}
	/* And what was at a dead one starts again here. */
	sim_host(s, alive, a, true);
	CU_ASSERT(sim_until_app_is_at(s, left, &d, a, alive) <= 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_address(s, alive, &d, a), address[a]);
	end(s, &d);
}

static void test_minority_down(void)
{
	kill_two(0, 1);
	kill_two(1, 3);
	kill_two(3, 4);
}

static void part(struct sim *s, unsigned island, bool is)
{
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = 0; b < s->n; b++)
			if ((island >> a & 1) != (island >> b & 1))
				s->cut[a][b] = is;
}

static void test_partition(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 5);
	const unsigned small = 0x18, large = 0x7;

	for (unsigned i = 0; i < 5; i++) {
		sim_host(s, i, i, true);
		CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, i, i) <= NOW);
	}
	sim_run(s, SETTLE);
	part(s, small, true);
	sim_run(s, 90 * SIM_SECOND);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT(sim_app_is_at(s, i < 3 ? large : small, &d, i, i));
	/* Both sides give out addresses of their blocks. */
	sim_host(s, 1, 10, true);
	CU_ASSERT(sim_until_app_is_at(s, large, &d, 10, 1) <= NOW);
	sim_host(s, 3, 11, true);
	CU_ASSERT(sim_until_app_is_at(s, small, &d, 11, 3) <= NOW);
	/* One replica on both sides: nobody can know. */
	sim_host(s, 2, 12, true);
	CU_ASSERT(sim_until_app_is_at(s, large, &d, 12, 2) <= NOW);
	sim_host(s, 4, 12, true);
	CU_ASSERT(sim_until_app_is_at(s, small, &d, 12, 4) <= NOW);
	unsigned of_many = sim_address(s, 2, &d, 12);
	sim_run(s, SETTLE);
	part(s, small, false);
	/* What a majority could note stands. */
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 12, 2) < SIM_PATIENCE);
	CU_ASSERT_EQUAL(sim_address(s, 4, &d, 12), of_many);
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 10, 1) < SIM_PATIENCE);
	CU_ASSERT(sim_until_app_is_at(s, ALL5, &d, 11, 3) < SIM_PATIENCE);
	end(s, &d);
}

LM_SUITE("membership_places", {"first", test_first}, {"many", test_many}, {"keeps", test_keeps},
    {"move", test_move}, {"waits", test_waits}, {"dead", test_dead_without_goodbye},
    {"dies_waited_for", test_dies_waited_for}, {"minority", test_minority_down},
    {"partition", test_partition})
