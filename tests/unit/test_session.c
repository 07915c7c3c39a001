/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions between two and more: opening, keys, rekey, death and return. */
#include "session_sim.h"

#include <errno.h>

static void two(struct sim *sim, uint64_t seed)
{
	sim_init(sim, seed);
	sim_start(sim, 0);
	sim_start(sim, 1);
}

static void two_up(struct sim *sim, uint64_t seed)
{
	two(sim, seed);
	sim_know(sim, 1, 0, false);
	sim_know(sim, 0, 1, true);
	sim_run(sim, SEC);
	CU_ASSERT_FATAL(sim_agree(sim, 0, 1));
}

static void test_opens(void)
{
	static struct sim sim;
	two(&sim, 1);
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
	two_up(&sim, 2);
	const struct lm_peer *a = sim.nodes[1].peers[0], *b = sim.nodes[0].peers[1];
	struct lm_net_id net = {{1}}, other_net = {{2}};
	struct lm_secret secret = {{3}}, other_secret = {{4}};
	uint32_t epoch = lm_peer_epoch(a);
	uint8_t out[36], in[36], differs[5][36];

	CU_ASSERT_EQUAL(lm_peer_lane_key(b, epoch, &net, &secret, false, 1, out), 0);
	CU_ASSERT_EQUAL(lm_peer_lane_key(a, epoch, &net, &secret, true, 1, in), 0);
	CU_ASSERT_EQUAL(memcmp(out, in, sizeof(out)), 0);
	/* Everything that goes in matters. */
	lm_peer_lane_key(b, epoch, &net, &secret, true, 1, differs[0]);
	lm_peer_lane_key(b, epoch, &net, &secret, false, 0, differs[1]);
	lm_peer_lane_key(b, epoch, &other_net, &secret, false, 1, differs[2]);
	lm_peer_lane_key(b, epoch, &net, &other_secret, false, 1, differs[3]);
	lm_peer_lane_key(a, epoch, &net, &secret, false, 1, differs[4]);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_NOT_EQUAL(memcmp(out, differs[i], sizeof(out)), 0);
	CU_ASSERT_EQUAL(memcmp(differs[0], differs[4], sizeof(out)), 0);
	CU_ASSERT_EQUAL(lm_peer_lane_key(b, epoch + 1, &net, &secret, false, 1, out), -ENOENT);
	sim_free(&sim);
}

LM_SUITE("session", {"opens", test_opens}, {"lane_keys", test_lane_keys})
