/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that nobody needs at present: silent, then asleep, and there when they are needed. */
#include "session_sim.h"

#include <errno.h>

#define HOUR (3600 * SEC)

static void watch(struct sim *sim, unsigned n, unsigned other, bool watched)
{
	struct lm_now now = sim_now(sim, &sim->nodes[n]);
	lm_peer_watch(sim->nodes[n].peers[other], &now, watched);
}

static void quiet_up(struct sim *sim, uint64_t seed)
{
	sim_two_up(sim, seed);
	sim_know(sim, 1, 0, true);
	watch(sim, 0, 1, false);
	watch(sim, 1, 0, false);
}

static bool asleep(const struct sim *sim, unsigned n, unsigned other)
{
	const struct lm_peer *p = sim->nodes[n].peers[other];
	struct lm_peer_info info;
	lm_peer_info(p, &info);
	CU_ASSERT_EQUAL(info.asleep, lm_peer_state(p) == LM_PEER_UP && lm_peer_epoch(p) == 0);
	return info.asleep;
}

static void esp_sent(struct sim *sim, unsigned n, unsigned other)
{
	struct lm_now now = sim_now(sim, &sim->nodes[n]);
	lm_peer_sent(sim->nodes[n].peers[other], &now);
}

static unsigned total_sent(const struct sim *sim)
{
	return sim->nodes[0].sent + sim->nodes[1].sent;
}

static void test_silent(void)
{
	static struct sim sim;
	quiet_up(&sim, 1);
	unsigned before = total_sent(&sim);
	uint8_t lanes = lm_peer_lanes(sim.nodes[0].peers[1]);
	sim_run(&sim, (LM_REJECT_AFTER + 1) * SEC);
	CU_ASSERT(asleep(&sim, 0, 1) && asleep(&sim, 1, 0));
	CU_ASSERT_PTR_NULL(sim.nodes[0].peers[1]->previous);
	sim_run(&sim, 24 * HOUR);
	CU_ASSERT_EQUAL(total_sent(&sim), before);
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	CU_ASSERT_EQUAL(lm_peer_lanes(sim.nodes[0].peers[1]), lanes);
	sim_free(&sim);
}

/* What is said to a session that sleeps arrives, in order, as far as there is room for it. */
static void test_message_wakes(void)
{
	static struct sim sim;
	int64_t seq[LM_WAITING_MAX];
	quiet_up(&sim, 2);
	sim_run(&sim, HOUR);
	for (unsigned i = 0; i < LM_WAITING_MAX; i++) {
		seq[i] = sim_send(&sim, 0, sim.nodes[0].peers[1]);
		CU_ASSERT_FATAL(seq[i] >= 0);
	}
	CU_ASSERT_EQUAL(sim_send(&sim, 0, sim.nodes[0].peers[1]), -ENOBUFS);
	sim_run(&sim, SEC);
	for (unsigned i = 0; i < LM_WAITING_MAX; i++)
		CU_ASSERT(sim_seen(&sim.nodes[1], (uint64_t)seq[i]));
	CU_ASSERT_EQUAL(sim.nodes[1].messages, LM_WAITING_MAX);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 2);
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	/* Then it becomes quiet again, and sleeps. */
	unsigned sent = total_sent(&sim);
	sim_run(&sim, 10 * 60 * SEC);
	CU_ASSERT(asleep(&sim, 0, 1) && asleep(&sim, 1, 0));
	CU_ASSERT(total_sent(&sim) - sent <= 2 * (LM_IN_USE / LM_KEEPALIVE + 1));
	sim_free(&sim);
}

/* It died while nobody looked: whoever uses it finds out in time. */
static void test_dead_while_asleep(void)
{
	static struct sim sim;
	void (*const use[])(struct sim *, unsigned, unsigned) = {esp_sent, NULL};
	for (unsigned how = 0; how < 2; how++) {
		quiet_up(&sim, 3 + how);
		sim_run(&sim, HOUR);
		sim_stop(&sim, 1);
		sim_run(&sim, HOUR);
		CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
		uint64_t before = sim.now;
		if (use[how])
			use[how](&sim, 0, 1);
		else
			CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
		sim_run(&sim, (LM_DEAD_AFTER + 1) * SEC);
		CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
		CU_ASSERT_STRING_EQUAL(sim.nodes[0].reason, "nothing heard");
		CU_ASSERT(sim.nodes[0].last_down - before >= LM_DEAD_AFTER * SEC);
		CU_ASSERT_EQUAL(sim_send(&sim, 0, sim.nodes[0].peers[1]), -ENOTCONN);
		sim_free(&sim);
	}
}

/* Quiet, its keys still good: the long silence before does not count against it. */
static void test_use_after_silence(void)
{
	static struct sim sim;
	for (unsigned at = 20; at < LM_REJECT_AFTER; at += 31) {
		quiet_up(&sim, 5);
		sim_run(&sim, at * SEC);
		CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
		sim_run(&sim, 50 * SEC);
		CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
		CU_ASSERT_EQUAL(sim.nodes[1].messages, 1);
		sim_stop(&sim, 1);
		CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
		sim_run(&sim, (LM_DEAD_AFTER + 1) * SEC);
		CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
		sim_free(&sim);
	}
}

/* Just before the keys end, and the first call is lost: there is time for another. */
static void test_use_before_keys_end(void)
{
	static struct sim sim;
	quiet_up(&sim, 6);
	sim_run(&sim, (LM_REJECT_AFTER - 3) * SEC);
	sim.loss = 100;
	esp_sent(&sim, 0, 1);
	sim_run(&sim, 5 * SEC);
	sim.loss = 0;
	sim_run(&sim, 10 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* One watches the other, who does not care: as if both did. */
static void test_one_watches(void)
{
	static struct sim sim;
	for (unsigned who = 0; who < 2; who++) {
		quiet_up(&sim, 7 + who);
		watch(&sim, who, !who, true);
		unsigned before = total_sent(&sim);
		sim_run(&sim, HOUR);
		CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
		CU_ASSERT(total_sent(&sim) - before > 700 && total_sent(&sim) - before < 850);
		uint64_t died = sim.now;
		sim_stop(&sim, !who);
		sim_run(&sim, 60 * SEC);
		CU_ASSERT_EQUAL(sim.nodes[who].downs, 1);
		CU_ASSERT(sim.nodes[who].last_down <= died + LM_DEAD_AFTER * SEC + 100 * MSEC);
		sim_free(&sim);
	}
}

/* Woken by a doubt: alive, and it is quiet again; dead, and it is down. */
static void test_doubt(void)
{
	static struct sim sim;
	quiet_up(&sim, 9);
	sim_run(&sim, HOUR);
	unsigned before = total_sent(&sim);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	lm_peer_wake(sim.nodes[0].peers[1], &now);
	sim_run(&sim, HOUR);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
	CU_ASSERT(total_sent(&sim) > before && total_sent(&sim) - before < 30);
	sim_stop(&sim, 1);
	now = sim_now(&sim, &sim.nodes[0]);
	lm_peer_wake(sim.nodes[0].peers[1], &now);
	sim_run(&sim, (LM_DEAD_AFTER + 1) * SEC);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	sim_free(&sim);
}

/* Lanes have carried something: their keys are renewed at the usual age, also of a quiet session.
 */
static void test_used_keys_are_renewed(void)
{
	static struct sim sim;
	quiet_up(&sim, 10);
	sim_run(&sim, 10 * SEC);
	esp_sent(&sim, 0, 1);
	sim_run(&sim, (LM_REKEY_AFTER + 20) * SEC);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 2);
	sim_run(&sim, HOUR);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 2);
	CU_ASSERT(asleep(&sim, 0, 1));
	/* If that does not succeed, the peer is down: its lanes end as well. */
	esp_sent(&sim, 0, 1);
	sim_run(&sim, LM_IN_USE * SEC);
	sim_stop(&sim, 1);
	esp_sent(&sim, 0, 1);
	sim_run(&sim, (LM_REJECT_AFTER + 10) * SEC);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 1);
	sim_free(&sim);
}

/* Both hear ESP of each other, and call at once: one session. */
static void test_both_wake(void)
{
	static struct sim sim;
	quiet_up(&sim, 11);
	sim_run(&sim, HOUR);
	for (unsigned i = 0; i < 2; i++) {
		struct lm_now now = sim_now(&sim, &sim.nodes[i]);
		lm_peer_heard(sim.nodes[i].peers[!i], &now);
	}
	sim_run(&sim, 10 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	sim_free(&sim);
}

/*
 * Its calls come from elsewhere than is said, so there may be a NAT between, which forgets who is
 * silent: the session is kept alive, by both ends. Once its address is known, it is let alone.
 */
static void test_behind_nat(void)
{
	static struct sim sim;
	sim_two_up(&sim, 15);
	watch(&sim, 0, 1, false);
	watch(&sim, 1, 0, false);
	unsigned sent = sim.nodes[0].sent;
	sim_run(&sim, HOUR);
	CU_ASSERT(sim.nodes[0].sent - sent >= 3600 / LM_KEEPALIVE - 1);
	CU_ASSERT(!asleep(&sim, 1, 0));
	sim_know(&sim, 1, 0, true);
	sim_run(&sim, LM_REJECT_AFTER * SEC);
	CU_ASSERT(asleep(&sim, 1, 0));
	/* The other way round, while it sleeps. */
	struct lm_now now = sim_now(&sim, &sim.nodes[1]);
	CU_ASSERT_EQUAL(lm_peer_add(sim.nodes[1].s, &now, &sim.nodes[0].id.pub, NULL, 0, NULL), 0);
	sim_run(&sim, HOUR);
	CU_ASSERT(!asleep(&sim, 1, 0));
	CU_ASSERT_EQUAL(sim.nodes[0].downs + sim.nodes[1].downs, 0);
	sim_free(&sim);
}

/* ---- calling who is not there ---- */

static void test_called_less_and_less(void)
{
	static struct sim sim;
	quiet_up(&sim, 12);
	sim_stop(&sim, 1);
	CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
	sim_run(&sim, 60 * SEC);
	unsigned sent = sim.nodes[0].sent;
	sim_run(&sim, 10 * HOUR);
	unsigned seldom = 10 * 3600 / LM_CALL_EVERY_MAX;
	CU_ASSERT(sim.nodes[0].sent - sent >= seldom);
	CU_ASSERT(sim.nodes[0].sent - sent < seldom * 4 / 3 + 30);
	/* News of it: at once, and eagerly. */
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	sent = sim.nodes[0].sent;
	lm_peer_wake(sim.nodes[0].peers[1], &now);
	sim_run(&sim, 31 * SEC);
	CU_ASSERT(sim.nodes[0].sent - sent >= 5);
	/* It is back, and cannot call. */
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false);
	sim_run(&sim, (LM_CALL_EVERY_MAX + 10) * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* Who is watched is called at the full rate, for as long as it takes. */
static void test_watched_is_called(void)
{
	static struct sim sim;
	sim_two_up(&sim, 13);
	sim_stop(&sim, 1);
	sim_run(&sim, HOUR);
	unsigned sent = sim.nodes[0].sent;
	sim_run(&sim, HOUR);
	CU_ASSERT(sim.nodes[0].sent - sent >= 3600 / (LM_HANDSHAKE_RETRY + 1));
	/* From here on it is not, and then it is again. */
	watch(&sim, 0, 1, false);
	sim_run(&sim, HOUR);
	sent = sim.nodes[0].sent;
	sim_run(&sim, HOUR);
	CU_ASSERT(sim.nodes[0].sent - sent <= 3600 / LM_CALL_EVERY_MAX * 4 / 3 + 1);
	watch(&sim, 0, 1, true);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false);
	sim_run(&sim, (LM_HANDSHAKE_RETRY + 2) * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* A session that sleeps at one end only, for its process is another one: it heals when it is used.
 */
static void test_restarted_unnoticed(void)
{
	static struct sim sim;
	quiet_up(&sim, 14);
	sim_run(&sim, HOUR);
	uint32_t was = lm_peer_incarnation(sim.nodes[0].peers[1]);
	CU_ASSERT_EQUAL(was, 0);
	sim_stop(&sim, 1);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false); /* it cannot call */
	sim_run(&sim, HOUR);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
	CU_ASSERT(sim_send(&sim, 0, sim.nodes[0].peers[1]) >= 0);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_EQUAL(sim.nodes[1].messages, 1);
	CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
	CU_ASSERT_EQUAL(lm_peer_incarnation(sim.nodes[0].peers[1]), sim.nodes[1].s->incarnation);
	sim_free(&sim);
}

/* Its clock has gone back as well: it cannot call, but that it tries makes the other one call. */
static void test_restarted_in_the_past(void)
{
	static struct sim sim;
	for (unsigned at = 30; at <= 600; at += 570) { /* before its keys end, and after */
		quiet_up(&sim, 15);
		sim_run(&sim, HOUR);
		CU_ASSERT(sim_send(&sim, 1, sim.nodes[1].peers[0]) >= 0);
		sim_run(&sim, at * SEC);
		sim_stop(&sim, 1);
		sim.nodes[1].clock_offset = -(int64_t)(HOUR / 2);
		sim_start(&sim, 1);
		sim_know(&sim, 1, 0, true);
		sim_run(&sim, LM_DEAD_AFTER * SEC);
		CU_ASSERT(sim_drops(&sim.nodes[0], LM_SD_STALE_TIMESTAMP) > 0);
		CU_ASSERT(sim_agree(&sim, 0, 1));
		CU_ASSERT_EQUAL(sim.nodes[0].downs, 0);
		sim_free(&sim);
	}
}

/* Others keep saying that it is back: all of its addresses get their turn. */
static void test_called_at_each_address(void)
{
	static struct sim sim;
	const struct lm_udp_addr *at = &sim.nodes[1].addr;
	quiet_up(&sim, 16);
	struct lm_udp_addr addrs[3] = {*at, *at, *at};
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	struct lm_peer *p = sim.nodes[0].peers[1];
	addrs[0].port += 1;
	addrs[1].port += 2;
	addrs[2].port += 3;
	sim_stop(&sim, 1);
	CU_ASSERT_EQUAL(
	    lm_peer_add(sim.nodes[0].s, &now, lm_peer_key(p), addrs, 3, &sim.nodes[0].peers[1]), 0);
	CU_ASSERT(sim_send(&sim, 0, p) >= 0);
	sim_run(&sim, 60 * SEC);
	unsigned called = 0;
	for (unsigned i = 0; i < 8; i++) {
		now = sim_now(&sim, &sim.nodes[0]);
		lm_peer_wake(p, &now);
		sim_run(&sim, LM_HANDSHAKE_RETRY * SEC);
		called |= 1u << (lm_peer_try_addr(p)->port - at->port);
	}
	CU_ASSERT_EQUAL(called, 0xf);
	sim_free(&sim);
}

LM_SUITE("session_quiet", {"silent", test_silent}, {"message_wakes", test_message_wakes},
    {"dead_while_asleep", test_dead_while_asleep}, {"use_after_silence", test_use_after_silence},
    {"use_before_keys_end", test_use_before_keys_end}, {"one_watches", test_one_watches},
    {"doubt", test_doubt}, {"used_keys_are_renewed", test_used_keys_are_renewed},
    {"both_wake", test_both_wake}, {"behind_nat", test_behind_nat},
    {"called_less_and_less", test_called_less_and_less},
    {"watched_is_called", test_watched_is_called},
    {"restarted_unnoticed", test_restarted_unnoticed},
    {"restarted_in_the_past", test_restarted_in_the_past},
    {"called_at_each_address", test_called_at_each_address})
