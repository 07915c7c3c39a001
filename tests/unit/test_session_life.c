/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over time: death and return, goodbye, clocks, bounds, and many at once. */
#include "session_sim.h"

#include <errno.h>

/* ---- death, return, goodbye ---- */

static void test_death_and_return(void)
{
	static struct sim sim;
	sim_two_up(&sim, 10);
	sim_run(&sim, 100 * SEC);
	uint64_t died = sim.now;
	sim_stop(&sim, 1);
	sim_run(&sim, 60 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	CU_ASSERT_STRING_EQUAL(sim.nodes[0].reason, "nothing heard");
	CU_ASSERT(sim.nodes[0].last_down <= died + LM_DEAD_AFTER * SEC + 100 * MSEC);
	CU_ASSERT(sim.nodes[0].last_down > died + (LM_DEAD_AFTER - LM_KEEPALIVE - 1) * SEC);
	CU_ASSERT_EQUAL(sim_send(&sim, 0, sim.nodes[0].peers[1]), -ENOTCONN);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false); /* it must be called */
	sim_run(&sim, (LM_HANDSHAKE_RETRY + 2) * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* Restarted, and it calls: healed within round trips; the other never went down. */
static void test_restart_that_calls(void)
{
	static struct sim sim;
	sim_two_up(&sim, 11);
	sim_run(&sim, 50 * SEC);
	sim_stop(&sim, 1);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, true);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 2);
	sim_free(&sim);
}

/* Back from the dead while the other, which has the larger name or not, keeps calling: no 5 s lost.
 */
static void test_return_while_called(void)
{
	static struct sim sim;
	for (uint64_t seed = 320; seed < 360; seed++) {
		unsigned dead = seed % 2;
		sim_two_up(&sim, seed);
		sim_stop(&sim, dead);
		sim_run(&sim, 60 * SEC + seed * 137 * MSEC);
		CU_ASSERT_EQUAL(sim.nodes[1 - dead].downs, 1);
		sim_start(&sim, dead);
		sim_know(&sim, dead, 1 - dead, true);
		sim_run(&sim, SEC);
		CU_ASSERT(sim_agree(&sim, 0, 1));
		sim_free(&sim);
	}
}

/* Restarted, and it cannot call: the other notices the silence and calls, still without going down.
 */
static void test_restart_that_waits(void)
{
	static struct sim sim;
	for (uint64_t seed = 300; seed < 310; seed++) {
		sim_two_up(&sim, seed);
		sim_run(&sim, 50 * SEC);
		sim_stop(&sim, 1);
		sim_start(&sim, 1);
		sim_know(&sim, 1, 0, false);
		sim_run(&sim, 16 * SEC);
		CU_ASSERT(sim_agree(&sim, 0, 1));
		CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
		sim_free(&sim);
	}
}

static void test_goodbye(void)
{
	static struct sim sim;
	sim_two_up(&sim, 12);
	struct lm_now now = sim_now(&sim, &sim.nodes[1]);
	unsigned sent = sim.nodes[0].sent;
	lm_sessions_goodbye(sim.nodes[1].s, &now);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	CU_ASSERT_STRING_EQUAL(sim.nodes[0].reason, "said goodbye");
	unsigned sent1 = sim.nodes[1].sent;
	sim_run(&sim, 4 * SEC); /* the closing door is not knocked at at once ... */
	CU_ASSERT_EQUAL(sim.nodes[0].sent, sent);
	sim_run(&sim, 60 * SEC); /* ... and the one that left stays silent */
	CU_ASSERT_EQUAL(sim.nodes[1].sent, sent1);
	CU_ASSERT(sim.nodes[0].sent - sent >= 9 && sim.nodes[0].sent - sent <= 13);
	sim_stop(&sim, 1);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, true);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

static void test_remove(void)
{
	static struct sim sim;
	sim_two_up(&sim, 13);
	struct lm_now now = sim_now(&sim, &sim.nodes[1]);
	lm_peer_remove(sim.nodes[1].s, &now, sim.nodes[1].peers[0]);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	CU_ASSERT_STRING_EQUAL(sim.nodes[1].reason, "removed");
	CU_ASSERT_EQUAL(sim.nodes[1].s->n_peers, 0);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT_STRING_EQUAL(sim.nodes[0].reason, "said goodbye");
	sim_free(&sim);
}

static void remove_sender(
    struct sim_node *n, struct lm_peer *p, uint8_t type, const uint8_t *body, size_t len)
{
	(void)type;
	(void)body;
	(void)len;
	struct lm_now now = sim_now(n->sim, n);
	lm_peer_remove(n->s, &now, p);
}

static void remove_at_up(struct sim_node *n, struct lm_peer *p)
{
	remove_sender(n, p, 0, NULL, 0);
}

/* A callback may remove the very peer that it is called for. */
static void test_removed_by_callback(void)
{
	static struct sim sim;
	sim_two_up(&sim, 14);
	sim.nodes[1].on_message = remove_sender;
	sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	sim_free(&sim);
	for (unsigned who = 0; who < 2; who++) {
		sim_two(&sim, 15);
		sim.nodes[who].on_up = remove_at_up;
		sim_know(&sim, 1, 0, false);
		sim_know(&sim, 0, 1, true);
		sim_run(&sim, SEC);
		CU_ASSERT_EQUAL(sim.nodes[who].s->n_peers, 0);
		sim_free(&sim);
	}
}

/* Removed while it comes up: the message that confirmed the keys is for nobody then. */
static void test_removed_at_confirmation(void)
{
	static struct sim sim;
	unsigned lost = 0;
	sim_two(&sim, 21);
	sim.tap = sim_lose_first_transport;
	sim.tap_ctx = &lost;
	sim.nodes[1].on_up = remove_at_up;
	sim_meet(&sim, 500 * MSEC);
	sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].messages, 0);
	sim_free(&sim);
}

/* ---- time and clocks ---- */

/* Old keys are dead at once, also before a timer has cleared them away. */
static bool keep_and_lose(struct sim *sim, struct sim_packet *p)
{
	*(struct sim_packet *)sim->tap_ctx = *p;
	return false;
}

static void test_expired_keys(void)
{
	static struct sim sim;
	struct sim_packet kept = {.len = 0};
	sim_two_up(&sim, 22);
	sim.tap = keep_and_lose;
	sim.tap_ctx = &kept;
	sim.now += (LM_REJECT_AFTER - 2) * SEC;
	CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
	sim.now += 2 * SEC;
	struct sim_packet last = kept;
	CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0); /* it waits for others */
	CU_ASSERT_EQUAL(memcmp(&last, &kept, sizeof(last)), 0);
	sim_inject(&sim, 1, &kept.from, kept.data, kept.len);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_NO_SESSION), 1);
	CU_ASSERT_EQUAL(sim.nodes[1].messages, 0);
	sim_free(&sim);
}

static void test_clock_steps(void)
{
	static struct sim sim;
	sim_two_up(&sim, 16);
	sim.nodes[0].clock_offset -= (int64_t)(365 * 86400 * SEC);
	sim_run(&sim, 300 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 3);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 0);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_STALE_TIMESTAMP), 0);
	sim.nodes[0].clock_offset += (int64_t)(730 * 86400 * SEC);
	sim_run(&sim, 300 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 0);
	/* Restarted with a clock that is behind: its calls are refused, so it must be called. */
	sim_stop(&sim, 0);
	sim.nodes[0].clock_offset -= (int64_t)(365 * 86400 * SEC);
	sim_start(&sim, 0);
	sim_know(&sim, 0, 1, true);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_drops(&sim.nodes[1], LM_SD_STALE_TIMESTAMP) > 0);
	sim_run(&sim, 20 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* An idle session costs two keep-alives in ten seconds and a handshake in two minutes. */
static void test_idle_is_quiet(void)
{
	static struct sim sim;
	sim_two_up(&sim, 17);
	unsigned before = sim.nodes[0].sent + sim.nodes[1].sent;
	sim_run(&sim, 3600 * SEC);
	unsigned sent = sim.nodes[0].sent + sim.nodes[1].sent - before;
	CU_ASSERT(sent > 700 && sent < 850);
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	sim_free(&sim);
}

static void test_evidence_of_esp(void)
{
	static struct sim sim;
	sim_two_up(&sim, 18);
	sim.loss = 100;
	for (int i = 0; i < 10; i++) {
		sim_run(&sim, 10 * SEC);
		struct lm_now now = sim_now(&sim, &sim.nodes[0]);
		lm_peer_heard(sim.nodes[0].peers[1], &now);
	}
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	sim_run(&sim, 90 * SEC); /* but keys have an end, whatever is heard */
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	sim_free(&sim);
}

/* ---- bounds and sizes ---- */

static void test_bounds(void)
{
	static struct sim sim;
	const struct lm_session_config config = {
	    .lanes = 4, .max_peers = 1, .max_guests = 0, .max_handshakes_per_s = 50};
	struct lm_session_config bad = config;
	struct lm_sessions *none = NULL;
	struct lm_session_ops ops = {0};
	struct lm_peer *p;
	sim_init(&sim, 19);
	sim_start_with(&sim, 0, &config);
	sim_start(&sim, 1);
	sim_start(&sim, 2);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	sim_know(&sim, 0, 1, true);
	CU_ASSERT_EQUAL(
	    lm_peer_add(sim.nodes[0].s, &now, &sim.nodes[2].id.pub, NULL, 0, &p), -ENOSPC);
	CU_ASSERT_EQUAL(
	    lm_peer_add(sim.nodes[0].s, &now, &sim.nodes[0].id.pub, NULL, 0, &p), -EINVAL);
	struct lm_public_key no_point = {{2}};
	CU_ASSERT_EQUAL(lm_peer_add(sim.nodes[0].s, &now, &no_point, NULL, 0, &p), -EINVAL);
	sim_know(&sim, 1, 0, false);
	sim_know(&sim, 2, 0, true);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_drops(&sim.nodes[0], LM_SD_UNKNOWN_PEER) > 0);
	CU_ASSERT_EQUAL(sim.nodes[2].ups, 0);
	/* The larger offer counts. */
	CU_ASSERT_EQUAL(lm_peer_lanes(sim.nodes[0].peers[1]), 4);
	CU_ASSERT_EQUAL(lm_peer_lanes(sim.nodes[1].peers[0]), 4);
	bad.lanes = 3;
	CU_ASSERT_EQUAL(lm_sessions_create(&none, &sim.nodes[0].id, &bad, &ops, NULL), -EINVAL);
	bad = config;
	bad.max_handshakes_per_s = 0;
	CU_ASSERT_EQUAL(lm_sessions_create(&none, &sim.nodes[0].id, &bad, &ops, NULL), -EINVAL);
	sim_free(&sim);
}

static void test_message_sizes(void)
{
	static struct sim sim;
	static uint8_t body[LM_MESSAGE_MAX + 1];
	sim_two_up(&sim, 20);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	struct lm_peer *p = sim.nodes[0].peers[1];
	CU_ASSERT_EQUAL(lm_peer_send(p, &now, 0x30, body, LM_MESSAGE_MAX), 0);
	CU_ASSERT_EQUAL(lm_peer_send(p, &now, 0x30, NULL, 0), 0);
	CU_ASSERT_EQUAL(lm_peer_send(p, &now, 0x30, body, LM_MESSAGE_MAX + 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(lm_peer_send(p, &now, 0x01, body, 1), -EINVAL);
	sim_run(&sim, SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].messages, 2);
	CU_ASSERT_EQUAL(sim.nodes[1].bytes_got, LM_MESSAGE_MAX);
	struct lm_peer_info info;
	lm_peer_info(sim.nodes[1].peers[0], &info);
	CU_ASSERT_EQUAL(info.rx_messages, 2);
	CU_ASSERT_EQUAL(info.handshakes, 1);
	CU_ASSERT_EQUAL(info.rx_rejected, 0);
	sim_free(&sim);
}

/* Four gateways, a bad network, restarts at random: in the end everybody has everybody. */
static void test_mesh(void)
{
	static struct sim sim;
	for (uint64_t seed = 400; seed < 410; seed++) {
		sim_init(&sim, seed);
		sim.delay_max = 300 * MSEC;
		sim.loss = 10;
		sim.dup = 5;
		for (unsigned i = 0; i < SIM_NODES; i++)
			sim_start(&sim, i);
		for (unsigned round = 0; round < 10; round++) {
			unsigned n = (unsigned)(sim_random(&sim) % SIM_NODES);
			sim_stop(&sim, n);
			sim_start(&sim, n);
			for (unsigned i = 0; i < SIM_NODES; i++)
				for (unsigned j = 0; j < SIM_NODES; j++)
					if (i != j)
						sim_know(&sim, i, j, true);
			sim_run(&sim, sim_random(&sim) % (60 * SEC));
		}
		sim.loss = 0;
		sim_run(&sim, 40 * SEC);
		for (unsigned i = 0; i < SIM_NODES; i++)
			for (unsigned j = 0; j < i; j++)
				CU_ASSERT(sim_agree(&sim, i, j));
		sim_free(&sim);
	}
}

LM_SUITE("session_life", {"death_and_return", test_death_and_return},
    {"restart_that_calls", test_restart_that_calls},
    {"return_while_called", test_return_while_called},
    {"restart_that_waits", test_restart_that_waits}, {"goodbye", test_goodbye},
    {"remove", test_remove}, {"removed_by_callback", test_removed_by_callback},
    {"removed_at_confirmation", test_removed_at_confirmation}, {"expired_keys", test_expired_keys},
    {"clock_steps", test_clock_steps}, {"idle_is_quiet", test_idle_is_quiet},
    {"evidence_of_esp", test_evidence_of_esp}, {"bounds", test_bounds},
    {"message_sizes", test_message_sizes}, {"mesh", test_mesh})
