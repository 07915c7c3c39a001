/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions against those who want them broken: forged, replayed, flooded. */
#include "session_sim.h"

#include <errno.h>

static const struct lm_udp_addr attacker = {{4, {203, 0, 113, 66}}, 6666};

/* Keeps the first datagram of each type. */
struct capture {
	struct sim_packet first[8];
	bool drop[8]; /* and lose those of this type */
};

static bool keep_first(struct sim *sim, struct sim_packet *p)
{
	struct capture *c = sim->tap_ctx;
	unsigned type = p->data[4] % 8;
	if (!c->first[type].len)
		c->first[type] = *p;
	return !c->drop[type];
}

static void watch(struct sim *sim, struct capture *c)
{
	memset(c, 0, sizeof(*c));
	sim->tap = keep_first;
	sim->tap_ctx = c;
}

static uint64_t all_drops(const struct sim_node *n)
{
	uint64_t sum = 0;
	for (int i = 0; i < LM_SD_MAX; i++)
		sum += sim_drops(n, i);
	return sum;
}

static void replay(struct sim *sim, const struct sim_packet *p, unsigned to)
{
	sim_inject(sim, to, &attacker, p->data, p->len);
}

/* ---- who does not know us ---- */

static void test_silent_without_our_key(void)
{
	static struct sim sim;
	static struct capture c;
	sim_init(&sim, 1);
	for (unsigned i = 0; i < 3; i++)
		sim_start(&sim, i);
	watch(&sim, &c);
	sim_know(&sim, 0, 1, true);
	/* An initiation made for node 1, sent to node 2. */
	replay(&sim, &c.first[LM_WIRE_INITIATION], 2);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[2], LM_SD_MAC1), 1);
	for (int i = 0; i < 200; i++) {
		uint8_t noise[LM_INIT_LEN];
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)sim_random(&sim);
		lm_wire_header(noise, LM_WIRE_INITIATION);
		sim_inject(&sim, 2, &attacker, noise, sizeof(noise));
	}
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[2], LM_SD_MAC1), 201);
	CU_ASSERT_EQUAL(sim.nodes[2].sent, 0);
	sim_free(&sim);
}

static void test_every_bit_counts(void)
{
	static struct sim sim;
	static struct capture c;
	const struct lm_session_config no_cookies = {
	    .lanes = 1, .max_peers = 2, .max_guests = 2, .max_handshakes_per_s = 10000};
	sim_init(&sim, 2);
	sim_start(&sim, 0);
	sim_start_with(&sim, 1, &no_cookies);
	watch(&sim, &c);
	sim_meet(&sim, SEC);
	sim.nodes[1].guest = NULL;
	unsigned ups = sim.nodes[0].ups + sim.nodes[1].ups;
	for (unsigned type = LM_WIRE_INITIATION; type <= LM_WIRE_TRANSPORT; type++) {
		const struct sim_packet *p = &c.first[type];
		if (type == LM_WIRE_COOKIE)
			continue;
		unsigned to = type == LM_WIRE_RESPONSE ? 0 : 1;
		CU_ASSERT_FATAL(p->len > 0);
		for (size_t i = 0; i < p->len * 8; i++) {
			struct sim_packet bad = *p;
			bad.data[i / 8] ^= (uint8_t)(1 << i % 8);
			uint64_t drops = all_drops(&sim.nodes[to]);
			unsigned sent = sim.nodes[to].sent;
			replay(&sim, &bad, to);
			/* The second MAC is not looked at without load: then it is a replay. */
			CU_ASSERT_EQUAL(all_drops(&sim.nodes[to]), drops + 1);
			CU_ASSERT_EQUAL(sim.nodes[to].sent, sent);
		}
		for (size_t len = 0; len < p->len; len++)
			sim_inject(&sim, to, &attacker, p->data, len);
	}
	CU_ASSERT_EQUAL(sim.nodes[0].ups + sim.nodes[1].ups, ups);
	CU_ASSERT_EQUAL(sim.nodes[0].messages + sim.nodes[1].messages, 0);
	CU_ASSERT_EQUAL(sim.nodes[1].moves, 1);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	/* And what is true still gets through: no forged counter has moved the window. */
	int64_t seq = sim_send(&sim, 0, sim.nodes[0].peers[1]);
	sim_run(&sim, SEC);
	CU_ASSERT(sim_seen(&sim.nodes[1], (uint64_t)seq));
	sim_free(&sim);
}

/* ---- replays ---- */

static void test_replayed_initiation(void)
{
	static struct sim sim;
	static struct capture c;
	sim_two(&sim, 3);
	watch(&sim, &c);
	sim_meet(&sim, SEC);
	unsigned sent = sim.nodes[1].sent;
	replay(&sim, &c.first[LM_WIRE_INITIATION], 1);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_STALE_TIMESTAMP), 1);
	CU_ASSERT_EQUAL(sim.nodes[1].sent, sent);
	/* Nor after the session died: the timestamp is remembered as long as the peer. */
	sim_stop(&sim, 0);
	sim_run(&sim, 60 * SEC);
	CU_ASSERT_EQUAL(sim.nodes[1].downs, 1);
	replay(&sim, &c.first[LM_WIRE_INITIATION], 1);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_STALE_TIMESTAMP), 2);
	sim_free(&sim);
}

/*
 * A responder that restarted remembers no timestamps. The replay gets a response, to the attacker,
 * who can do nothing with it: no session comes up, and the true one is not disturbed.
 */
static void test_replayed_initiation_after_restart(void)
{
	static struct sim sim;
	static struct capture c;
	sim_two(&sim, 4);
	watch(&sim, &c);
	sim_meet(&sim, SEC);
	sim_stop(&sim, 1);
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false);
	unsigned sent = sim.nodes[1].sent;
	replay(&sim, &c.first[LM_WIRE_INITIATION], 1);
	replay(&sim, &c.first[LM_WIRE_TRANSPORT], 1);
	CU_ASSERT_EQUAL(sim.nodes[1].sent, sent + 1);
	CU_ASSERT_EQUAL(sim.nodes[1].ups, 0);
	CU_ASSERT_EQUAL(sim.nodes[1].moves, 0);
	CU_ASSERT_NOT_EQUAL(lm_peer_state(sim.nodes[1].peers[0]), LM_PEER_UP);
	sim_run(&sim, 20 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT(lm_udp_addr_equal(lm_peer_addr(sim.nodes[1].peers[0]), &sim.nodes[0].addr));
	sim_free(&sim);
}

static struct sim_packet *tape;
static unsigned n_tape;

static bool record(struct sim *sim, struct sim_packet *p)
{
	(void)sim;
	CU_ASSERT_FATAL(n_tape < 4096);
	tape[n_tape++] = *p;
	return true;
}

/* Everything that was ever said, said again: nothing happens, whatever the order. */
static void test_replay_of_everything(void)
{
	static struct sim sim;
	tape = calloc(4096, sizeof(*tape));
	n_tape = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(tape);
	sim_two(&sim, 5);
	sim.tap = record;
	sim_meet(&sim, SEC);
	for (int i = 0; i < 600; i++) {
		sim_send(&sim, 0, sim.nodes[0].peers[1]);
		sim_send(&sim, 1, sim.nodes[1].peers[0]);
		sim_run(&sim, 250 * MSEC);
	}
	sim_run(&sim, SEC);
	sim.tap = NULL;
	unsigned messages[2] = {sim.nodes[0].messages, sim.nodes[1].messages};
	unsigned sent = sim.nodes[0].sent + sim.nodes[1].sent, moves = sim.nodes[1].moves;
	CU_ASSERT_EQUAL(messages[1], 600);
	for (unsigned i = 0; i < 2 * n_tape; i++) {
		const struct sim_packet *p = &tape[i < n_tape ? i : 2 * n_tape - 1 - i];
		replay(&sim, p, 0);
		replay(&sim, p, 1);
	}
	CU_ASSERT_EQUAL(sim.nodes[0].messages, messages[0]);
	CU_ASSERT_EQUAL(sim.nodes[1].messages, messages[1]);
	CU_ASSERT_EQUAL(sim.nodes[0].sent + sim.nodes[1].sent, sent);
	CU_ASSERT_EQUAL(sim.nodes[1].moves, moves);
	CU_ASSERT(sim_drops(&sim.nodes[1], LM_SD_REPLAY) > 0);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
	free(tape);
}

/* ---- forged answers ---- */

static void test_forged_responses(void)
{
	static struct sim sim;
	static struct capture c;
	sim_two(&sim, 6);
	watch(&sim, &c);
	c.drop[LM_WIRE_RESPONSE] = true;
	sim_meet(&sim, 100 * MSEC);
	const struct sim_packet *good = &c.first[LM_WIRE_RESPONSE];
	struct sim_packet bad = *good;
	bad.data[LM_RESP_NOISE + 40] ^= 1;
	/* Without the first MAC it is not even worked on, and takes no try away. */
	for (int i = 0; i < 100; i++)
		replay(&sim, &bad, 0);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_MAC1), 100);
	CU_ASSERT_EQUAL(sim.nodes[0].peers[1]->hs.bad_responses, 0);
	/* The attacker knows the initiator's public key, so that his first MAC is right. */
	lm_wire_mac(bad.data + LM_RESP_MAC1, sim.nodes[0].s->macs.mac1, 32, bad.data, LM_RESP_MAC1);
	for (int i = 0; i < RESPONSE_TRIES - 1; i++)
		replay(&sim, &bad, 0);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_HANDSHAKE), RESPONSE_TRIES - 1);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 0);
	sim_inject(&sim, 0, &sim.nodes[1].addr, good->data, good->len);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
	sim_free(&sim);

	sim_two(&sim, 6);
	watch(&sim, &c);
	c.drop[LM_WIRE_RESPONSE] = true;
	sim_meet(&sim, 100 * MSEC);
	for (int i = 0; i < 100; i++)
		replay(&sim, &bad, 0);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_HANDSHAKE), RESPONSE_TRIES);
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_RATE), 100 - RESPONSE_TRIES);
	c.drop[LM_WIRE_RESPONSE] = false; /* the next try is not affected */
	sim_run(&sim, (LM_HANDSHAKE_RETRY + 2) * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* Whoever knows the responder's public key can make cookie replies; they cost one more try. */
static void test_forged_cookies(void)
{
	static struct sim sim;
	static struct capture c;
	uint8_t reply[LM_COOKIE_MSG_LEN], zero[24] = {0};
	sim_two(&sim, 7);
	watch(&sim, &c);
	sim_know(&sim, 0, 1, true);
	sim_stop(&sim, 1);
	for (int i = 0; i < 20; i++) {
		const struct lm_handshake *hs = &sim.nodes[0].peers[1]->hs;
		struct lm_mac_keys macs;
		lm_mac_keys(&macs, sim.nodes[0].peers[1]->name);
		lm_cookie_reply(reply, &macs, hs->index.value, zero, zero, hs->mac1);
		sim_inject(&sim, 0, &attacker, reply, sizeof(reply));
	}
	CU_ASSERT_EQUAL(sim.nodes[0].sent, 2);
	/* And one that answers another of our messages is none. */
	lm_cookie_reply(
	    reply, &sim.nodes[0].s->macs, sim.nodes[0].peers[1]->hs.index.value, zero, zero, zero);
	sim_inject(&sim, 0, &attacker, reply, sizeof(reply));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[0], LM_SD_AUTH), 1);
	/* A false cookie does no harm where none is asked for. */
	sim_start(&sim, 1);
	sim_know(&sim, 1, 0, false);
	sim_run(&sim, (LM_HANDSHAKE_RETRY + 2) * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

/* ---- keys that are almost ours ---- */

/*
 * An Ed25519 key and its negative have one X25519 form. Whoever writes the negative of node 1's key
 * into a manifest of his own gets no session out of it, and takes none away.
 */
static void test_negative_key(void)
{
	static struct sim sim;
	sim_two(&sim, 17);
	struct lm_now now = sim_now(&sim, &sim.nodes[0]);
	struct lm_public_key negative = sim.nodes[1].id.pub;
	struct lm_peer *false_peer;
	negative.b[31] ^= 0x80;
	CU_ASSERT_EQUAL_FATAL(
	    lm_peer_add(sim.nodes[0].s, &now, &negative, &sim.nodes[1].addr, 1, &false_peer), 0);
	sim_know(&sim, 1, 0, true);
	sim_know(&sim, 0, 1, true);
	sim_run(&sim, 30 * SEC);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	CU_ASSERT_NOT_EQUAL(lm_peer_state(false_peer), LM_PEER_UP);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, 1);
	CU_ASSERT(sim_drops(&sim.nodes[1], LM_SD_MAC1) > 0);
	sim_free(&sim);
}

/* Two gateways that were given one identity: neither takes the other for a guest or a peer. */
static void test_our_own_key(void)
{
	static struct sim sim;
	uint8_t out[LM_INIT_LEN];
	sim_two(&sim, 19);
	sim_initiation(&sim, 1, &sim.nodes[1].id, 5, NULL, out);
	sim_inject(&sim, 1, &attacker, out, sizeof(out));
	CU_ASSERT_EQUAL(sim_drops(&sim.nodes[1], LM_SD_HANDSHAKE), 1);
	CU_ASSERT_EQUAL(sim.nodes[1].sent, 0);
	CU_ASSERT_EQUAL(sim.nodes[1].s->n_guests, 0);
	sim_free(&sim);
}

static void test_reflection(void)
{
	static struct sim sim;
	static struct capture c;
	sim_two(&sim, 18);
	watch(&sim, &c);
	sim_know(&sim, 1, 0, true);
	sim_know(&sim, 0, 1, true);
	sim_run(&sim, SEC);
	uint64_t ups = sim.nodes[0].ups;
	for (int type = LM_WIRE_INITIATION; type <= LM_WIRE_TRANSPORT; type++)
		if (c.first[type].len)
			sim_inject(&sim,
			    lm_udp_addr_equal(&c.first[type].from, &sim.nodes[0].addr) ? 0 : 1,
			    &sim.nodes[1].addr, c.first[type].data, c.first[type].len);
	CU_ASSERT_EQUAL(sim.nodes[0].ups, ups);
	CU_ASSERT_EQUAL(sim.nodes[0].messages + sim.nodes[1].messages, 0);
	CU_ASSERT(sim_agree(&sim, 0, 1));
	sim_free(&sim);
}

LM_SUITE("session_hostile", {"silent_without_our_key", test_silent_without_our_key},
    {"every_bit_counts", test_every_bit_counts}, {"replayed_initiation", test_replayed_initiation},
    {"replayed_initiation_after_restart", test_replayed_initiation_after_restart},
    {"replay_of_everything", test_replay_of_everything},
    {"forged_responses", test_forged_responses}, {"forged_cookies", test_forged_cookies},
    {"negative_key", test_negative_key}, {"our_own_key", test_our_own_key},
    {"reflection", test_reflection})
