/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes: keys that change, sessions that end, gateways that start again. */
#include "membership_sim.h"
#include "suite.h"

#include <stdio.h>

#define ALL3 0x7u

/* ---- lanes ---- */

static void test_rekey_by_secret(void)
{
	struct sim *s = sim_new(4, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
	struct sim_doc same = sim_sign(s, "shop", 2, ALL3, NULL);
	struct sim_doc fewer = sim_sign(s, "shop", 3, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	struct sim_out first = *sim_out(s, 0, 1, &one);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &same, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(memcmp(&first, sim_out(s, 0, 1, &one), sizeof(first)) == 0);

	/* Someone left: another secret, other keys, and the old ones stay until they are unused. */
	uint32_t before = s->node[0]->live_sas + s->node[1]->live_sas;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &fewer, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 0, 1, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &one));
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	const struct sim_out *second = sim_out(s, 0, 1, &one);
	CU_ASSERT(memcmp(first.keys[0], second->keys[0], 36) != 0);
	CU_ASSERT(first.spis[0] != second->spis[0]);
	CU_ASSERT(s->node[1]->sas[first.spis[0] - SIM_FIRST_SPI].there);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT(!s->node[1]->sas[first.spis[0] - SIM_FIRST_SPI].there);
	CU_ASSERT(s->node[0]->live_sas + s->node[1]->live_sas < before);
	sim_doc_free(&one);
	sim_doc_free(&same);
	sim_doc_free(&fewer);
	sim_end(s);
}

/* Runs for so long, with a packet from gateway 0 to gateway 1 now and then. */
static void run_with_traffic(struct sim *s, const struct sim_doc *d, uint64_t ns)
{
	for (uint64_t end = s->now.mono + ns; s->now.mono < end;) {
		CU_ASSERT(sim_traffic(s, 0, 1, d));
		sim_run(s, 10 * SIM_SECOND);
	}
}

/* Lanes that carry something get new keys with the session, both ways. */
static void test_rekey_by_session(void)
{
	struct sim *s = sim_new(5, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	uint32_t live = s->node[1]->live_sas;
	struct sim_out first[2] = {*sim_out(s, 0, 1, &d), *sim_out(s, 1, 0, &d)};
	run_with_traffic(s, &d, 150 * SIM_SECOND);
	CU_ASSERT(memcmp(first[0].keys[0], sim_out(s, 0, 1, &d)->keys[0], 36) != 0);
	CU_ASSERT(memcmp(first[1].keys[0], sim_out(s, 1, 0, &d)->keys[0], 36) != 0);
	uint32_t made = s->node[1]->n_sas;
	run_with_traffic(s, &d, 2000 * SIM_SECOND);
	CU_ASSERT(s->node[1]->n_sas - made >= 13 * live);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(s->node[1]->live_sas <= 2 * live); /* the old ones went */
	sim_doc_free(&d);
	sim_end(s);
}

/*
 * Keys that nothing was sent under stay, however often the session changes its own. Hours later
 * they carry the first packet, and then they are renewed.
 */
static void test_unused_lanes_stay(void)
{
	struct sim *s = sim_new(11, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	struct sim_out first = *sim_out(s, 1, 0, &d);
	uint32_t made = s->node[0]->n_sas + s->node[1]->n_sas;
	sim_run(s, 5 * 3600 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[0]->n_sas + s->node[1]->n_sas, made);
	CU_ASSERT(sim_traffic(s, 1, 0, &d));
	sim_run(s, (LM_REKEY_AFTER + 30) * SIM_SECOND);
	CU_ASSERT(memcmp(first.keys[0], sim_out(s, 1, 0, &d)->keys[0], 36) != 0);
	CU_ASSERT(!s->node[0]->sas[first.spis[0] - SIM_FIRST_SPI].there);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_end(s);
}

#define MANY 200

/* Two gateways share many networks: each rekey is a handshake, and no word about lanes. */
static void test_rekey_of_many(void)
{
	struct sim *s = sim_new(12, 2);
	struct sim_doc docs[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		char name[16];
		snprintf(name, sizeof(name), "net-%u", i);
		docs[i] = sim_sign(s, name, 1, 0x3, NULL);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &docs[i], NULL), 0);
	}
	sim_run(s, 60 * SIM_SECOND);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT(sim_lanes_ready(s, 0, 1, &docs[i]));
	uint32_t made = s->node[0]->n_sas + s->node[1]->n_sas;
	uint64_t sent = s->sent;
	run_with_traffic(s, &docs[7], 600 * SIM_SECOND);
	/* Of one network, some five times. */
	CU_ASSERT(s->node[0]->n_sas + s->node[1]->n_sas - made <= 6 * 2 * SIM_LANES);
	CU_ASSERT(s->node[0]->n_sas + s->node[1]->n_sas - made >= 4 * 2);
	/* Keep-alives, comparisons of ledgers, handshakes. */
	CU_ASSERT(s->sent - sent < 250);

	/* One that has started again is told everything at once. */
	sim_crash(s, 1);
	sim_start(s, 1);
	for (uint32_t i = 0; i < lm_membership_networks_end(s->node[1]->m); i++)
		CU_ASSERT_PTR_NOT_NULL(lm_membership_network(s->node[1]->m, i));
	sim_run(s, 3 * SIM_SECOND);
	for (unsigned i = 0; i < MANY; i++) {
		CU_ASSERT(sim_lanes_ready(s, 0, 1, &docs[i]));
		sim_doc_free(&docs[i]);
	}
	sim_end(s);
}

static void test_session_dies_and_returns(void)
{
	struct sim *s = sim_new(6, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	sim_partition(s, 0, 1, true);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d)); /* nothing is sent into the void */
	CU_ASSERT_PTR_NULL(sim_out(s, 1, 0, &d));
	CU_ASSERT(!s->node[0]->path_there[0]);
	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, NULL), 0);
	sim_run(s, 200 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[0]->live_sas, 0); /* inbound ones linger, but not for ever */
	sim_partition(s, 0, 1, false);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 2);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_end(s);
}

/* The session ends at one side only: the other one, which knows of nothing, tells its lanes again.
 */
static void test_one_side_forgets(void)
{
	struct sim *s = sim_new(13, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	s->cut[1][0] = true;
	sim_run(s, (LM_DEAD_AFTER + 4) * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d));
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 1, 0, &d));
	s->cut[1][0] = false;
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(sim_traffic(s, 0, 1, &d) && sim_traffic(s, 1, 0, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* It left and came back, and the other one never knew: it asks for that one's lanes. */
static void test_rejoined_unheard(void)
{
	struct sim *s = sim_new(14, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	s->cut[0][1] = true;
	sim_attach(s, 0, false);
	sim_run(s, (LM_LEAVE_TIME + 1) * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d));
	sim_attach(s, 0, true);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 1, 0, &d));
	s->cut[0][1] = false;
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(sim_traffic(s, 0, 1, &d) && sim_traffic(s, 1, 0, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* A peer whose disk is full stays with the old secret, and so with the old lanes. */
static void test_peer_lags_behind(void)
{
	struct sim *s = sim_new(10, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	struct sim_out first = *sim_out(s, 1, 0, &one);
	s->node[1]->persist_fails = true;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_run(s, 20 * SIM_SECOND);

	/* The session ends at one side only and returns: the other side goes on with those lanes.
	 */
	s->cut[1][0] = true;
	sim_run(s, 34 * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &one));
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 1, 0, &one));
	s->cut[1][0] = false;
	sim_run(s, 600 * SIM_SECOND);
	const struct sim_out *now = sim_out(s, 1, 0, &one);
	CU_ASSERT(now && memcmp(&first, now, sizeof(first)) == 0);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);

	s->node[1]->persist_fails = false;
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_end(s);
}

static void test_restart(void)
{
	struct sim *s = sim_new(8, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	/* It comes back before the other has noticed, and counts its generations from the start. */
	sim_crash(s, 1);
	sim_run(s, SIM_SECOND);
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));

	/* It has lost its disk as well: the other one notices, and gives it everything again. */
	sim_crash(s, 1);
	for (unsigned i = 0; i < SIM_NETWORKS; i++) {
		free(s->node[1]->store[i].bytes);
		s->node[1]->store[i].bytes = NULL;
	}
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 0);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 1);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_end(s);
}

static void test_data_plane_full(void)
{
	struct sim *s = sim_new(9, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	s->node[1]->sa_fails = true;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[1]->live_sas, 0);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d));
	CU_ASSERT(sim_drops(s, 1, LM_MD_NO_SA) > 0);
	s->node[1]->sa_fails = false;
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* AES-GCM must not see a sequence number twice under one key, and each set begins with number 1. */
static void test_no_key_twice(void)
{
	struct sim *s = sim_new(10, 2);
	struct sim_doc both = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc alone = sim_sign(s, "shop", 2, 0x1, NULL);
	struct sim_doc again = sim_sign(s, "shop", 3, 0x3, NULL);
	struct sim_out sent[3];

	CU_ASSERT_EQUAL(sim_submit(s, 0, &both, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	sent[0] = *sim_out(s, 0, 1, &both);
	/* The last workload goes, and another one comes. */
	sim_attach(s, 1, false);
	sim_run(s, 8 * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &both));
	sim_attach(s, 1, true);
	sim_run(s, 5 * SIM_SECOND);
	sent[1] = *sim_out(s, 0, 1, &both);
	/* The provider goes, and comes back: the same set, and so the same network secret. */
	CU_ASSERT_EQUAL(sim_submit(s, 0, &alone, NULL), 0);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &both));
	CU_ASSERT_EQUAL(sim_submit(s, 0, &again, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &both));
	sent[2] = *sim_out(s, 0, 1, &both);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(memcmp(sent[i].keys[0], sent[(i + 1) % 3].keys[0], 36) != 0);
	sim_doc_free(&both);
	sim_doc_free(&alone);
	sim_doc_free(&again);
	sim_end(s);
}

/* LANES of before a provider was taken off and put back, which come when it is back. */
static void test_late_from_before(void)
{
	struct sim *s = sim_new(11, 2);
	struct sim_doc other = sim_sign(s, "other", 1, 0x3, NULL); /* keeps the session */
	struct sim_doc both = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc alone = sim_sign(s, "shop", 2, 0x1, NULL);
	struct sim_doc again = sim_sign(s, "shop", 3, 0x3, NULL);

	sim_crash(s, 1);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &other, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &both, NULL), 0);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_run(s, SIM_SECOND);
	sim_raw_join(raw, &both);
	sim_run(s, 3 * SIM_SECOND);
	sim_raw_lanes(raw, &both, 77, 5, 300);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 0, 1, &both));

	CU_ASSERT_EQUAL(sim_submit(s, 0, &alone, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &again, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	uint64_t old = sim_drops(s, 0, LM_MD_OLD);
	sim_raw_lanes(raw, &both, 77, 5, 300);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &both));
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_OLD), old + 1);
	sim_raw_lanes(raw, &both, 77, 6, 301);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 0, 1, &both));
	sim_doc_free(&other);
	sim_doc_free(&both);
	sim_doc_free(&alone);
	sim_doc_free(&again);
	sim_end(s);
}

LM_SUITE("membership_lanes", {"rekey_by_secret", test_rekey_by_secret},
    {"rekey_by_session", test_rekey_by_session}, {"unused_lanes_stay", test_unused_lanes_stay},
    {"rekey_of_many", test_rekey_of_many}, {"dies_and_returns", test_session_dies_and_returns},
    {"one_side_forgets", test_one_side_forgets}, {"rejoined_unheard", test_rejoined_unheard},
    {"peer_lags_behind", test_peer_lags_behind}, {"restart", test_restart},
    {"data_plane_full", test_data_plane_full}, {"no_key_twice", test_no_key_twice},
    {"late_from_before", test_late_from_before})
