/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions between two: opening, keys, rekey, loss, addresses. */
#include "session_sim.h"

#include <errno.h>

static void test_opens(void)
{
	static struct sim sim;
	sim_two(&sim, 1);
	struct lm_peer *b = sim_know(&sim, 0, 1, true);
	CU_ASSERT_EQUAL(lm_peer_state(b), LM_PEER_HANDSHAKE);
	CU_ASSERT_EQUAL(sim_send(&sim, 0, b), -ENOTCONN);
	struct lm_peer *a = sim_know(&sim, 1, 0, false);
	CU_ASSERT_EQUAL(lm_peer_state(a), LM_PEER_DOWN);
	sim_run(&sim, 25 * MSEC); /* one round trip: the initiator is up, the responder waits */
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 0);
	CU_ASSERT_EQUAL(sim_send(&sim, 1, a), -ENOTCONN);
	sim_run(&sim, 10 * MSEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].moves, 1);
	CU_ASSERT(lm_udp_addr_equal(lm_peer_addr(a), &sim.nodes[0].addr));
	int64_t there = sim_send(&sim, 0, b), back = sim_send(&sim, 1, a);
	sim_run(&sim, 10 * MSEC);
	CU_ASSERT(sim_seen(&sim.nodes[1], (uint64_t)there));
	CU_ASSERT(sim_seen(&sim.nodes[0], (uint64_t)back));
	sim_free(&sim);
}

static void test_lane_keys(void)
{
	static struct sim sim;
	sim_two_up(&sim, 2);
	const struct lm_peer *a = sim.nodes[1].peers[0], *b = sim.nodes[0].peers[1];
	struct lm_net_id net = {{1}}, other_net = {{2}};
	struct lm_secret secret = {{3}}, other_secret = {{4}};
	const struct lm_lane_set set = {5, 6}, later = {5, 7}, restarted = {8, 6};
	uint32_t epoch = lm_peer_epoch(a);
	uint8_t out[36], in[36], differs[7][36];

	CU_ASSERT_EQUAL(lm_peer_lane_key(b, epoch, &net, &secret, &set, false, 1, out), 0);
	CU_ASSERT_EQUAL(lm_peer_lane_key(a, epoch, &net, &secret, &set, true, 1, in), 0);
	CU_ASSERT_EQUAL(memcmp(out, in, sizeof(out)), 0);
	/* Everything that goes in matters. */
	lm_peer_lane_key(b, epoch, &net, &secret, &set, true, 1, differs[0]);
	lm_peer_lane_key(b, epoch, &net, &secret, &set, false, 0, differs[1]);
	lm_peer_lane_key(b, epoch, &other_net, &secret, &set, false, 1, differs[2]);
	lm_peer_lane_key(b, epoch, &net, &other_secret, &set, false, 1, differs[3]);
	lm_peer_lane_key(a, epoch, &net, &secret, &set, false, 1, differs[4]);
	lm_peer_lane_key(b, epoch, &net, &secret, &later, false, 1, differs[5]);
	lm_peer_lane_key(b, epoch, &net, &secret, &restarted, false, 1, differs[6]);
	for (int i = 0; i < 7; i++)
		CU_ASSERT_NOT_EQUAL(memcmp(out, differs[i], sizeof(out)), 0);
	CU_ASSERT_EQUAL(memcmp(differs[0], differs[4], sizeof(out)), 0);
	CU_ASSERT_EQUAL(
	    lm_peer_lane_key(b, epoch + 1, &net, &secret, &set, false, 1, out), -ENOENT);
	sim_free(&sim);
}

/* Whatever the delay: both call at once, one session results, and both mean the same one. */
static void test_simultaneous(void)
{
	static struct sim sim;
	for (uint64_t seed = 0; seed < 40; seed++) {
		sim_two(&sim, seed);
		sim.delay_min = seed * 10 * MSEC;
		sim.delay_max = sim.delay_min + (seed % 4) * 20 * MSEC;
		sim_know(&sim, 0, 1, true);
		sim_know(&sim, 1, 0, true);
		sim_run(&sim, 20 * SEC);
		CU_ASSERT(sim_agree(&sim, 0, 1));
		CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
		CU_ASSERT_EQUAL(sim.nodes[1].ups, 1);
		CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_CROSSED) +
				    sim_drops(&sim.nodes[1], LM_SD_CROSSED),
		    1);
		sim_free(&sim);
	}
}

/* Numbers in both directions all the time, keys renewed again and again: none is lost. */
static void traffic_over_rekeys(struct sim *sim, uint64_t seed)
{
	unsigned sent = 0, lost = 0;
	sim_two_up(sim, seed);
	sim->delay_min = 5 * MSEC;
	sim->delay_max = 120 * MSEC; /* much reordering */
	uint64_t first = sim->next_seq;
	for (; sent < 10000; sent += 2) {
		CU_ASSERT_FATAL(sim_send(sim, 0, sim->nodes[0].peers[1]) >= 0);
		CU_ASSERT_FATAL(sim_send(sim, 1, sim->nodes[1].peers[0]) >= 0);
		sim_run(sim, 100 * MSEC);
	}
	sim_run(sim, SEC);
	for (uint64_t seq = first; seq < first + sent; seq += 2)
		lost += !sim_seen(&sim->nodes[1], seq) + !sim_seen(&sim->nodes[0], seq + 1);
	CU_ASSERT_EQUAL(lost, 0);
}

static void test_rekey_loses_nothing(void)
{
	static struct sim sim;
	for (uint64_t seed = 100; seed < 105; seed++) {
		traffic_over_rekeys(&sim, seed);
		for (int i = 0; i < 2; i++) {
			CU_ASSERT_EQUAL(sim.nodes[i].ups, 5); /* 500 s: at 0, 120, 240 ... */
			CU_ASSERT_EQUAL(sim.nodes[i].downs, 0);
			CU_ASSERT_EQUAL(sim.nodes[i].doubled, 0);
		}
		CU_ASSERT(sim_agree(&sim, 0, 1));
		sim_free(&sim);
	}
}

static void test_previous_epoch_kept(void)
{
	static struct sim sim;
	struct lm_net_id net = {{1}};
	struct lm_secret secret = {{3}};
	const struct lm_lane_set set = {5, 6};
	uint8_t before[36], after[36];
	sim_two_up(&sim, 3);
	struct lm_peer *p = sim.nodes[0].peers[1];
	uint32_t old = lm_peer_epoch(p);
	lm_peer_lane_key(p, old, &net, &secret, &set, true, 0, before);
	sim_run(&sim, 130 * SEC);
	CU_ASSERT_NOT_EQUAL(lm_peer_epoch(p), old);
	CU_ASSERT_EQUAL(lm_peer_lane_key(p, old, &net, &secret, &set, true, 0, after), 0);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(before)), 0);
	lm_peer_lane_key(p, lm_peer_epoch(p), &net, &secret, &set, true, 0, after);
	CU_ASSERT_NOT_EQUAL(memcmp(before, after, sizeof(before)), 0);
	sim_run(&sim, 60 * SEC); /* 190 s old */
	CU_ASSERT_EQUAL(lm_peer_lane_key(p, old, &net, &secret, &set, true, 0, after), -ENOENT);
	sim_free(&sim);
}

/* If the initiator of the current keys does not renew them, the responder does. */
static void test_responder_rekeys(void)
{
	static struct sim sim;
	sim_two_up(&sim, 4);
	CU_ASSERT(sim.nodes[0].peers[1]->current->initiator);
	/* It neither calls nor knows where to; the responder learned the address. */
	sim.nodes[0].peers[1]->current->rekey_jitter = 1000 * SEC;
	sim_run(&sim, 139 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 1);
	sim_run(&sim, 10 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 2);
	CU_ASSERT(!sim.nodes[0].peers[1]->current->initiator);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* ---- loss ---- */

static void test_lossy_network(void)
{
	static struct sim sim;
	for (uint64_t seed = 200; seed < 220; seed++) {
		sim_two(&sim, seed);
		sim.loss = 30;
		sim.dup = 20;
		sim.delay_min = MSEC;
		sim.delay_max = 400 * MSEC;
		sim_know(&sim, 0, 1, true);
		sim_know(&sim, 1, 0, true);
		sim_run(&sim, 60 * SEC);
		unsigned sent = 0;
		for (int i = 0; i < 3000; i++) {
			sent += sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0;
			sim_run(&sim, 200 * MSEC);
		}
		CU_ASSERT(sent > 2700);
		CU_ASSERT_EQUAL(sim.nodes[1].doubled, 0);
		/* What the network let through has arrived, but for a few around a change. */
		CU_ASSERT(sim.nodes[1].messages > sent * 65 / 100);
		sim.loss = 0;
		sim_run(&sim, 40 * SEC);
		CU_ASSERT(sim_agree(&sim, 0, 1));
		sim_free(&sim);
	}
}

/* A lost proof is repeated: the responder is not left waiting. */
static void test_lost_confirmation(void)
{
	static struct sim sim;
	unsigned lost = 0;
	sim_two(&sim, 5);
	sim.tap = sim_lose_first_transport;
	sim.tap_ctx = &lost;
	sim_meet(&sim, 500 * MSEC);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 0);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* ---- where the peer is ---- */

static void test_roaming(void)
{
	static struct sim sim;
	sim_two_up(&sim, 6);
	struct lm_udp_addr before = sim.nodes[0].addr;
	sim.nodes[0].addr = (struct lm_udp_addr){{4, {198, 51, 100, 7}}, 32001};
	int64_t lost = sim_send(&sim, 1, sim.nodes[1].peers[0]);
	sim_run(&sim, SEC);
	CU_ASSERT(!sim_seen(&sim.nodes[0], (uint64_t)lost));
	sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].moves, 2);
	CU_ASSERT(lm_udp_addr_equal(lm_peer_addr(sim.nodes[1].peers[0]), &sim.nodes[0].addr));
	int64_t there = sim_send(&sim, 1, sim.nodes[1].peers[0]);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_seen(&sim.nodes[0], (uint64_t)there));
	CU_ASSERT(!lm_udp_addr_equal(&before, lm_peer_addr(sim.nodes[1].peers[0])));
	sim_free(&sim);
}

/* A message that was on its way when a newer one came from elsewhere says nothing new. */
static bool hold_back(struct sim *sim, struct sim_packet *p)
{
	struct sim_packet *held = sim->tap_ctx;
	if (p->data[4] != LM_WIRE_TRANSPORT || held->len)
		return true;
	*held = *p;
	return false;
}

static void test_late_message_moves_nothing(void)
{
	static struct sim sim;
	struct sim_packet held = {.len = 0};
	sim_two_up(&sim, 7);
	sim.tap_ctx = &held;
	sim.tap = hold_back;
	int64_t late = sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, SEC);
	struct lm_udp_addr elsewhere = {{4, {203, 0, 113, 1}}, 1};
	sim_inject(&sim, 1, &elsewhere, held.data, held.len);
	CU_ASSERT(sim_seen(&sim.nodes[1], (uint64_t)late));
	CU_ASSERT_EQUAL(sim.nodes[1].moves, 1);
	sim_free(&sim);
}

static void test_candidates_in_turn(void)
{
	static struct sim sim;
	sim_two(&sim, 8);
	struct lm_udp_addr addrs[3] = {
	    {{4, {203, 0, 113, 9}}, 4500}, {{6, {0x20, 1, 0xd, 0xb8}}, 4500}, sim.nodes[1].addr};
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	struct lm_peer *p;
	CU_ASSERT_EQUAL(lm_peer_add(sim.nodes[0].s, &now, &sim.nodes[1].id.pub, addrs, 3, &p), 0);
	sim_know(&sim, 1, 0, false);
	sim_run(&sim, 2 * (LM_HANDSHAKE_RETRY + 1) * SEC + SEC);
	CU_ASSERT_EQUAL(lm_peer_state(p), LM_PEER_UP);
	CU_ASSERT(lm_udp_addr_equal(lm_peer_addr(p), &sim.nodes[1].addr));
	sim_free(&sim);
}

static void test_new_address_is_tried_at_once(void)
{
	static struct sim sim;
	sim_two(&sim, 9);
	struct lm_udp_addr wrong = {{4, {203, 0, 113, 9}}, 4500};
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	struct lm_peer *p;
	sim_know(&sim, 1, 0, false);
	CU_ASSERT_EQUAL(lm_peer_add(sim.nodes[0].s, &now, &sim.nodes[1].id.pub, &wrong, 1, &p), 0);
	sim_run(&sim, SEC);
	CU_ASSERT_PTR_EQUAL(sim_know(&sim, 0, 1, true), p);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT_EQUAL(lm_peer_state(p), LM_PEER_UP);
	CU_ASSERT_EQUAL(sim.nodes[0].s->n_peers, 1);
	sim_free(&sim);
}

LM_SUITE("session", {"opens", test_opens}, {"lane_keys", test_lane_keys},
    {"simultaneous", test_simultaneous}, {"rekey_loses_nothing", test_rekey_loses_nothing},
    {"previous_epoch_kept", test_previous_epoch_kept}, {"responder_rekeys", test_responder_rekeys},
    {"lossy_network", test_lossy_network}, {"lost_confirmation", test_lost_confirmation},
    {"roaming", test_roaming}, {"late_message_moves_nothing", test_late_message_moves_nothing},
    {"candidates_in_turn", test_candidates_in_turn},
    {"new_address_is_tried_at_once", test_new_address_is_tried_at_once})
