/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions under load: cookies, rates, floods, and guests, who are anybody. */
#include "session_sim.h"

#include <errno.h>

static const struct lm_udp_addr attacker = {{4, {203, 0, 113, 66}}, 6666};

static struct lm_udp_addr stranger(uint32_t n)
{
	return (struct lm_udp_addr){
	    {4, {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}}, 999};
}

/* Node 0 comes up with node 1 through a flood of initiations from addresses that are not there. */
static void test_cookies_under_load(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN];
	sim_two(&sim, 8);
	for (uint32_t i = 0; i < 200; i++) {
		struct lm_udp_addr from = stranger(i);
		sim_initiation(&sim, 1, NULL, i, NULL, out);
		sim_inject(&sim, 1, &from, out, sizeof(out));
	}
	/* The first 50 of the second are served, the others get cookies. */
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_COOKIE_SENT), 150);
	sim_meet(&sim, 15 * MSEC);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 0);
	/* Only 10 ms later, so that no free token is in play: cookie and second try do it. */
	sim_run(&sim, 40 * MSEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_COOKIE_SENT), 151);
	sim_free(&sim);
}

static void drain(struct sim *sim, unsigned to)
{
	while (lm_gate_open(&sim->nodes[to].s->gate, sim->now))
		;
}

static void test_cookie_is_bound(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN], cookie[LM_COOKIE_LEN];
	struct lm_udp_addr here = stranger(1), other_port = here, other_ip = stranger(2);
	other_port.port++;
	sim_two(&sim, 9);
	sim_stop(&sim, 0);
	drain(&sim, 1);
	struct lm_sessions *s = sim.nodes[1].s;
	sim_initiation(&sim, 1, NULL, 1, NULL, out);
	sim_inject(&sim, 1, &here, out, sizeof(out)); /* fills the jar */
	lm_cookie_bake(cookie, &s->jar, &here);
	sim_initiation(&sim, 1, NULL, 1, cookie, out);
	sim_inject(&sim, 1, &other_port, out, sizeof(out));
	sim_inject(&sim, 1, &other_ip, out, sizeof(out));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_COOKIE_SENT), 3);
	CU_ASSERT_EQUAL(s->n_guests, 0);
	sim_inject(&sim, 1, &here, out, sizeof(out));
	CU_ASSERT_EQUAL(s->n_guests, 1);
	/* The secret before the last but one is forgotten. */
	for (int i = 0; i < 3; i++) {
		sim.now += LM_COOKIE_LIFE_S * SEC;
		drain(&sim, 1);
		sim_initiation(&sim, 1, NULL, 2 + (uint32_t)i, cookie, out);
		uint64_t before = sim_drops(&sim.nodes[1], LM_SD_COOKIE_SENT);
		sim_inject(&sim, 1, &here, out, sizeof(out));
		CU_ASSERT_EQUAL(
		    sim_drops(&sim.nodes[1], LM_SD_COOKIE_SENT) - before, i == 0 ? 0 : 1);
	}
	sim_free(&sim);
}

/* A proven source is served, but not without end; others are not hurt by it. */
static void test_rate_of_one_source(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN], cookie[LM_COOKIE_LEN];
	sim_two(&sim, 10);
	sim_stop(&sim, 0);
	drain(&sim, 1);
	struct lm_sessions *s = sim.nodes[1].s;
	sim_initiation(&sim, 1, NULL, 0, NULL, out);
	sim_inject(&sim, 1, &attacker, out, sizeof(out));
	lm_cookie_bake(cookie, &s->jar, &attacker);
	for (uint32_t i = 1; i <= 100; i++) {
		sim_initiation(&sim, 1, NULL, i, cookie, out);
		sim_inject(&sim, 1, &attacker, out, sizeof(out));
	}
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_RATE), 100 - LM_GATE_SOURCE_RATE);
	struct lm_udp_addr other = stranger(7);
	lm_cookie_bake(cookie, &s->jar, &other);
	sim_initiation(&sim, 1, NULL, 200, cookie, out);
	sim_inject(&sim, 1, &other, out, sizeof(out));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_RATE), 100 - LM_GATE_SOURCE_RATE);
	CU_ASSERT(s->n_guests <= s->config.max_guests);
	sim_free(&sim);
}

/*
 * More proven strangers than we can serve, all the time: a session that is up carries on without a
 * loss, and a peer that calls from where it is known comes through.
 */
static void test_flood_of_guests(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN], cookie[LM_COOKIE_LEN];
	sim_two_up(&sim, 11);
	sim_start(&sim, 2);
	sim_know(&sim, 1, 2, true);
	sim_run(&sim, SEC); /* as a guest of node 2, which does not know it */
	struct lm_sessions *s = sim.nodes[1].s;
	lm_cookie_jar_turn(&s->jar, sim.now, s->ops.random, s->ctx);
	uint32_t n = 0;
	unsigned lost = 0;
	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 50; k++, n++) {
			struct lm_udp_addr from = stranger(n);
			lm_cookie_bake(cookie, &s->jar, &from);
			sim_initiation(&sim, 1, NULL, n % 65536, cookie, out);
			sim_inject(&sim, 1, &from, out, sizeof(out));
		}
		if (i == 100) { /* node 0 restarts in the middle of it */
			sim_stop(&sim, 0);
			sim_start(&sim, 0);
			sim_know(&sim, 0, 1, true);
		}
		int64_t seq = i < 100 || i > 110 ? sim_send(&sim, 0, sim.nodes[0].peers[1]) : -1;
		sim_run(&sim, 30 * MSEC);
		lost += seq >= 0 && !sim_seen(&sim.nodes[1], (uint64_t)seq);
		CU_ASSERT_FATAL(s->n_guests <= s->config.max_guests);
	}
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT(sim_drops(&sim.nodes[1], LM_SD_RATE) > 5000);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 0);
	CU_ASSERT_EQUAL(s->n_peers, 2);
	sim_free(&sim);
}

/* When there are too many strangers, who calls from where a peer is known comes first. */
static void test_peers_before_strangers(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN], cookie[LM_COOKIE_LEN];
	struct lm_udp_addr elsewhere = stranger(5);
	sim_two(&sim, 19);
	sim_know(&sim, 1, 0, true);
	struct lm_sessions *s = sim.nodes[1].s;
	drain(&sim, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		struct lm_udp_addr from = stranger(1000 + i);
		lm_gate_proven(&s->gate, sim.now, &from, false);
	}
	lm_cookie_jar_turn(&s->jar, sim.now, s->ops.random, s->ctx);
	lm_cookie_bake(cookie, &s->jar, &elsewhere);
	sim_initiation(&sim, 1, NULL, 1, cookie, out);
	sim_inject(&sim, 1, &elsewhere, out, sizeof(out));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_RATE), 1);
	lm_cookie_bake(cookie, &s->jar, &sim.nodes[0].addr);
	sim_initiation(&sim, 1, NULL, 2, cookie, out);
	sim_inject(&sim, 1, &sim.nodes[0].addr, out, sizeof(out));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_RATE), 1);
	CU_ASSERT_EQUAL(s->n_guests, 1);
	sim_free(&sim);
}

/* No answer to anything unproven is larger than the question. */
static void test_no_amplification(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN];
	sim_two(&sim, 12);
	sim_stop(&sim, 0);
	for (uint32_t i = 0; i < 300; i++) {
		unsigned before = sim.nodes[1].bytes_sent, sent = sim.nodes[1].sent;
		sim_initiation(&sim, 1, NULL, i, NULL, out);
		sim_inject(&sim, 1, &attacker, out, sizeof(out));
		CU_ASSERT(sim.nodes[1].bytes_sent - before < sizeof(out));
		CU_ASSERT_EQUAL(sim.nodes[1].sent, sent + 1);
	}
	unsigned sent = sim.nodes[1].sent;
	sim_run(&sim, 100 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].sent, sent); /* and it is said once */
	CU_ASSERT_EQUAL(sim.nodes[1].s->n_guests, 0);
	CU_ASSERT_PTR_NULL(sim.nodes[1].s->indices.head);
	sim_free(&sim);
}

/* ---- guests ---- */

static void guest_up(struct sim *sim, uint64_t seed)
{
	sim_two(sim, seed);
	sim_know(sim, 0, 1, true);
	sim_run(sim, SEC);
	CU_ASSERT_EQUAL_FATAL(sim->nodes[0].ups, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sim->nodes[1].guest);
}

static void test_guest(void)
{
	static struct sim sim;
	guest_up(&sim, 13);
	struct lm_peer *g = sim.nodes[1].guest;
	CU_ASSERT(lm_peer_is_guest(g));
	CU_ASSERT_EQUAL(memcmp(lm_peer_key(g)->b, sim.nodes[0].id.x_public, 32), 0);
	for (int i = 0; i < 10; i++) { /* at work: it stays */
		int64_t seq = sim_send(&sim, 0, sim.nodes[0].peers[1]);
		sim_run(&sim, 30 * SEC);
		CU_ASSERT(sim_seen(&sim.nodes[1], (uint64_t)seq));
	}
	int64_t back = sim_send(&sim, 1, sim.nodes[1].guest);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_seen(&sim.nodes[0], (uint64_t)back));
	/* Keep-alives are no work. */
	sim_run(&sim, 60 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].guest_downs, 1);
	CU_ASSERT_STRING_EQUAL(sim.nodes[1].reason, "idle");
	CU_ASSERT_STRING_EQUAL(sim.nodes[0].reason, "said goodbye");
	sim_free(&sim);
}

/* Guests may come with the manifest that makes them peers: the session goes on. */
static void test_guest_becomes_peer(void)
{
	static struct sim sim;
	guest_up(&sim, 14);
	struct lm_peer *g = sim.nodes[1].guest;
	uint32_t epoch = lm_peer_epoch(g);
	struct lm_peer *p = sim_know(&sim, 1, 0, true);
	CU_ASSERT_PTR_EQUAL(p, g);
	CU_ASSERT(!lm_peer_is_guest(p));
	CU_ASSERT_EQUAL(memcmp(lm_peer_key(p), &sim.nodes[0].id.pub, 32), 0);
	CU_ASSERT_EQUAL(memcmp(lm_peer_id(p), &sim.nodes[0].id.id, LM_KEY_ID_LEN), 0);
	CU_ASSERT_EQUAL(sim.nodes[1].s->n_guests, 0);
	CU_ASSERT_EQUAL(sim.nodes[1].s->n_peers, 1);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 1);
	sim_run(&sim, 100 * MSEC);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 2);
	CU_ASSERT_EQUAL(lm_peer_epoch(p), epoch);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
	sim_run(&sim, 300 * SEC); /* and no guest's timers are left */
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 0);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	/* Its address is a peer's, for as long as it is one. */
	CU_ASSERT(lm_places_has(&sim.nodes[1].s->places, &sim.nodes[0].addr.ip));
	struct lm_now now = sim_now(&sim, &sim.nodes[1]);
	lm_peer_remove(sim.nodes[1].s, &now, p);
	CU_ASSERT(!lm_places_has(&sim.nodes[1].s->places, &sim.nodes[0].addr.ip));
	sim_free(&sim);
}

/* A guest that never shows its keys is forgotten; with the table full, such go first. */
static void test_guest_table(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN];
	guest_up(&sim, 15);
	struct lm_sessions *s = sim.nodes[1].s;
	for (uint32_t i = 0; i < 30; i++) {
		struct lm_udp_addr from = stranger(i);
		sim_initiation(&sim, 1, NULL, i, NULL, out);
		sim_inject(&sim, 1, &from, out, sizeof(out));
		CU_ASSERT(s->n_guests <= 4);
		sim_send(&sim, 0, sim.nodes[0].peers[1]);
		sim_run(&sim, 100 * MSEC);
	}
	CU_ASSERT_EQUAL(sim.nodes[1].guest_downs, 0); /* the one at work is still there */
	CU_ASSERT_EQUAL(sim.nodes[1].messages, 30);
	CU_ASSERT_EQUAL(s->n_guests, 4);
	sim_run(&sim, 11 * SEC);
	CU_ASSERT_EQUAL(s->n_guests, 1);
	sim_free(&sim);
}

static void test_guests_at_work_fill_the_table(void)
{
	static struct sim sim;
	const struct lm_session_config one = {
	    .lanes = 1, .max_peers = 1, .max_guests = 1, .max_handshakes_per_s = 50};
	sim_init(&sim, 16);
	sim_start(&sim, 0);
	sim_start_with(&sim, 1, &one);
	sim_start(&sim, 2);
	sim_know(&sim, 0, 1, true);
	sim_run(&sim, SEC);
	sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, SEC);
	sim_know(&sim, 2, 1, true);
	sim_run(&sim, SEC);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_TABLE_FULL), 1);
	CU_ASSERT_EQUAL(sim.nodes[2].ups, 0);
	sim_run(&sim, 10 * SEC); /* idle for five seconds: it gives way */
	CU_ASSERT_EQUAL(sim.nodes[2].ups, 1);
	CU_ASSERT_STRING_EQUAL(sim.nodes[1].reason, "evicted for another guest");
	sim_free(&sim);
}

LM_SUITE("session_flood", {"cookies_under_load", test_cookies_under_load},
    {"cookie_is_bound", test_cookie_is_bound}, {"rate_of_one_source", test_rate_of_one_source},
    {"flood_of_guests", test_flood_of_guests},
    {"peers_before_strangers", test_peers_before_strangers},
    {"no_amplification", test_no_amplification}, {"guest", test_guest},
    {"guest_becomes_peer", test_guest_becomes_peer}, {"guest_table", test_guest_table},
    {"guests_at_work_fill_the_table", test_guests_at_work_fill_the_table})
