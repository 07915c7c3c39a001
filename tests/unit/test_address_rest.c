/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways that are cut off for long, addresses that rest, and blocks that are given back. */
#include "address_rig.h"

/* ---- cut off for long ---- */

static void fenced(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	world_run(w, 6 * DAY - 2 * HOUR);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	world_run(w, 3 * HOUR);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).wait, LM_AW_FENCED);
	CU_ASSERT_TRUE(counts(w, 0).fenced);
	world_attach(w, 0, 2, true);
	CU_ASSERT_FALSE(serves(w, 0, 2));
	isolate(w, 0, false);
	world_run(w, 15 * SECOND);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_TRUE(serves(w, 0, 2));
	end(w);
}

/* A restart makes it forget nothing, whatever its clock says. */
static void fenced_after_restart(void)
{
	for (int back = 0; back < 2; back++) {
		struct setup s = plain(3);
		struct world *w = begin(&s);
		attach(w, 0, 1);
		isolate(w, 0, true);
		world_run(w, 3 * DAY);
		world_crash(w, 0);
		world_run(w, 2 * DAY);
		if (back)
			w->node[0].clock -= (int64_t)(9 * DAY);
		world_start(w, 0);
		world_run(w, 10 * SECOND);
		CU_ASSERT_EQUAL(serves(w, 0, 1), !back);
		world_run(w, DAY + 2 * HOUR);
		CU_ASSERT_FALSE(serves(w, 0, 1));
		isolate(w, 0, false);
		world_run(w, 15 * SECOND);
		CU_ASSERT_TRUE(serves(w, 0, 1));
		end(w);
	}
}

/* The machine slept: the monotonic clock stood still. */
static void fenced_after_sleep(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	w->node[0].clock += (int64_t)(8 * DAY);
	world_attach(w, 0, 2, true);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	end(w);
}

/* Of two members the other one decides nothing alone. */
static void two_need_each_other(void)
{
	struct setup s = plain(2);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	world_run(w, 20 * DAY);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_FALSE(counts(w, 0).fenced);
	end(w);
}

/* ---- resting ---- */

static void rests(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	attach(w, 0, 2);
	CU_ASSERT_EQUAL(counts(w, 0).given, 2);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).given, 1);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 20 * HOUR);
	world_crash(w, 0);
	world_start(w, 0);
	world_run(w, 5 * HOUR - 60 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/* Others may have served it, and one of them may be cut off. */
static void rests_for_long(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	world_attach(w, 0, 1, false);
	attach(w, 1, 1);
	world_run(w, 10 * SECOND);
	CU_ASSERT_TRUE(serves(w, 1, 1));
	attach(w, 0, 2);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_run(w, 7 * DAY - HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 2 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/* Nobody can give up what was at a provider that is none any more: members do. */
static void orphans_are_forgotten(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct lm_chain_info info;

	attach(w, 2, 1);
	isolate(w, 2, true);
	world_manifest(w, 3, ALL & ~(1u << 1));
	world_tell(w, 0, 2);
	world_tell(w, 1, 2);
	world_run(w, 120 * SECOND);
	lm_chain_info(w->node[0].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_endpoints, 0);
	end(w);
}

/* The MOVE that noted it may still be on its way: until nothing of its manifest is decided. */
static void rests_until_known(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	attach(w, 0, 2);
	CU_ASSERT_TRUE(serves(w, 0, 2));
	manifest(w, all_nodes(w), ALL & ~(1u << 2));
	world_run(w, 30 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	isolate(w, 0, false);
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/*
 * A block comes with an endpoint in it, which is forgotten when its new owner goes down, be it in
 * the middle of learning that.
 */
static void rests_though_another_gave_it(void)
{
	for (unsigned i = 0; i < 24; i++) {
		struct setup s = plain(5);
		struct world *w = world_new(1 + i % 3, &s, NULL);
		world_run(w, 5 * SECOND);
		attach(w, 4, 1);
		uint32_t index = place(w, 4, 1).index;
		manifest(w, 0xf, ALL);
		attach(w, 1, 1);
		world_run(w, 8 * DAY);
		CU_ASSERT_EQUAL(place(w, 1, 1).index, index);
		attach(w, 0, 2);
		CU_ASSERT_EQUAL(place(w, 0, 2).index / 4, index / 4);
		CU_ASSERT_EQUAL(counts(w, 0).given, 2);
		w->node[0].dies_after = i / 3;
		if (i < 3)
			world_crash(w, 0);
		manifest(w, 0xf, ALL & ~(1u << 1));
		world_run(w, 60 * SECOND);
		w->node[0].dies_after = 0;
		world_start(w, 0);
		world_tell(w, 0, w->serial);
		world_run(w, 20 * SECOND);
		CU_ASSERT_EQUAL(counts(w, 0).given, 1);
		CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
		end(w);
	}
}

/* What is given back is nobody's for a week, and then anybody's. */
static void given_back(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct lm_chain_info info;

	attach(w, 0, 1);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_attach(w, 0, 1, false);
	world_run(w, 26 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 0);
	lm_chain_info(w->node[1].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_owned, 0);
	CU_ASSERT_EQUAL(info.n_quarantined, 1);
	world_run(w, 7 * DAY + HOUR);
	lm_chain_info(w->node[1].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_quarantined, 0);
	end(w);
}

/* After a crash it must be known that nothing may be given out any more. */
static void given_back_once_durable(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_attach(w, 0, 1, false);
	world_run(w, 24 * HOUR);
	w->node[0].bad_disk = 1000;
	world_run(w, 2 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 1);
	CU_ASSERT_EQUAL(world_net(&w->node[0])->n_kind[LM_CHAIN_RELEASE], 0);
	w->node[0].bad_disk = 0;
	world_run(w, 60 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 0);
	end(w);
}

/* Blocks that came with a crowd go when it has gone; one stays while anything is attached. */
static void one_spare(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	for (unsigned i = 0; i < 12; i++)
		world_attach(w, 0, i, true);
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 4);
	manifest(w, all_nodes(w), 1u << 0 | 1u << 13);
	world_run(w, 26 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 2);
	CU_ASSERT_TRUE(serves(w, 0, 0));
	end(w);
}

/* While nobody can say whether it has been given back nothing is given out of it, ever. */
static void being_given_back(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	for (unsigned i = 0; i < 12; i++)
		world_attach(w, 0, i, true);
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 4);
	manifest(w, all_nodes(w), 1u << 0);
	world_run(w, 24 * HOUR);
	isolate(w, 0, true);
	world_run(w, 2 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	world_crash(w, 0);
	world_start(w, 0);
	world_run(w, 10 * SECOND);
	world_manifest(w, all_nodes(w), ALL);
	world_tell(w, 0, w->serial);
	for (unsigned i = 0; i < 14; i++)
		world_attach(w, 0, i, true);
	world_run(w, 30 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).given, 12);
	isolate(w, 0, false);
	for (unsigned i = 0; i < 3; i++)
		world_tell(w, i, w->serial);
	world_run(w, 60 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).given, 14);
	end(w);
}

static void silent_when_idle(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	world_run(w, 60 * SECOND);
	for (unsigned i = 0; i < 3; i++) {
		struct lm_now now = world_now(&w->node[i]);
		CU_ASSERT(lm_address_tick(w->node[i].address, &now) - now.mono > 20 * HOUR);
	}
	end(w);
}

LM_SUITE("address_rest", {"fenced", fenced}, {"fenced_after_restart", fenced_after_restart},
    {"fenced_after_sleep", fenced_after_sleep}, {"two_need_each_other", two_need_each_other},
    {"rests", rests}, {"rests_for_long", rests_for_long},
    {"orphans_are_forgotten", orphans_are_forgotten}, {"rests_until_known", rests_until_known},
    {"rests_though_another_gave_it", rests_though_another_gave_it}, {"given_back", given_back},
    {"given_back_once_durable", given_back_once_durable}, {"one_spare", one_spare},
    {"being_given_back", being_given_back}, {"silent_when_idle", silent_when_idle})
