/* SPDX-License-Identifier: Apache-2.0 */
/* The small machines inside a session: replay window, gate, cookies, payload formats. */
#include "suite.h"

#include <errno.h>

#include "session/cookie.h"
#include "session/gate.h"
#include "session/places.h"
#include "session/replay.h"
#include "session/wire.h"

#define SEC 1000000000ull

/* ---- replay window, against a model that remembers everything ---- */

#define COUNTERS 20000

static bool model_fresh(const bool *seen, uint64_t highest, bool any, uint64_t counter)
{
	if (!any || counter > highest)
		return true;
	return highest + 1 - counter <= LM_REPLAY_WINDOW && !seen[counter];
}

static void test_replay_model(void)
{
	static bool seen[COUNTERS];
	uint64_t rng = 1;
	for (unsigned round = 0; round < 20; round++) {
		struct lm_replay r = {0};
		uint64_t base = 0, highest = 0;
		bool any = false;
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < 30000; i++) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			uint64_t jump = (rng >> 33) % 1500;
			uint64_t counter = base > 700 ? base + jump - 700 : jump;
			if ((rng >> 20) % 64 == 0)
				counter += (rng >> 40) % 3000; /* sometimes far ahead */
			if (counter >= COUNTERS)
				break;
			bool fresh = model_fresh(seen, highest, any, counter);
			CU_ASSERT_EQUAL_FATAL(lm_replay_fresh(&r, counter), fresh);
			if (!fresh)
				continue;
			lm_replay_commit(&r, counter);
			seen[counter] = any = true;
			highest = counter > highest ? counter : highest;
			base += (rng >> 50) % 3;
		}
	}
}

static void test_replay_edges(void)
{
	struct lm_replay r = {0};
	CU_ASSERT(lm_replay_fresh(&r, 0));
	lm_replay_commit(&r, 0);
	CU_ASSERT(!lm_replay_fresh(&r, 0));
	lm_replay_commit(&r, LM_REPLAY_WINDOW);
	CU_ASSERT(!lm_replay_fresh(&r, 0)); /* too old now */
	CU_ASSERT(lm_replay_fresh(&r, 1));
	lm_replay_commit(&r, (uint64_t)1 << 62); /* everything is cleared */
	CU_ASSERT(!lm_replay_fresh(&r, 1));
	CU_ASSERT(lm_replay_fresh(&r, ((uint64_t)1 << 62) - 1));
	CU_ASSERT(!lm_replay_fresh(&r, (uint64_t)1 << 62));
	lm_replay_commit(&r, UINT64_MAX - 1);
	CU_ASSERT(!lm_replay_fresh(&r, UINT64_MAX - 1));
	CU_ASSERT(!lm_replay_fresh(&r, UINT64_MAX));
	CU_ASSERT(!lm_replay_fresh(&r, 0));
}

/* ---- gate ---- */

static void test_gate_rate(void)
{
	const uint8_t key[16] = {0};
	static struct lm_gate g;
	unsigned passed = 0;
	lm_gate_init(&g, 20, key);
	for (uint64_t ms = 0; ms < 10000; ms++)
		passed += lm_gate_open(&g, 5 * SEC + ms * 1000000);
	CU_ASSERT(passed >= 219 && passed <= 221); /* one second's worth at once, then the rate */
	for (unsigned i = 0; i < 500; i++) {
		struct lm_udp_addr from = {{4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}}, 1};
		passed += lm_gate_proven(&g, 5 * SEC, &from, false);
	}
	CU_ASSERT(passed >= 219 + 80 && passed <= 221 + 80); /* all strangers together */
}

static void test_gate_sources(void)
{
	const uint8_t key[16] = {1};
	static struct lm_gate g;
	struct lm_udp_addr a = {{4, {192, 0, 2, 1}}, 1}, b = {{4, {192, 0, 2, 2}}, 1};
	struct lm_udp_addr v6 = {{6, {0x20, 1, 0xd, 0xb8}}, 1}, same_net = v6, other_net = v6;
	same_net.ip.b[15] = 9;
	other_net.ip.b[7] = 9;
	lm_gate_init(&g, 1000, key);
	for (int i = 0; i < LM_GATE_SOURCE_RATE; i++) {
		a.port++; /* ports are free to whoever has the address */
		CU_ASSERT(lm_gate_proven(&g, SEC, &a, false));
		CU_ASSERT(lm_gate_proven(&g, SEC, i % 2 ? &v6 : &same_net, false));
	}
	CU_ASSERT(!lm_gate_proven(&g, SEC, &a, false));
	CU_ASSERT(lm_gate_proven(&g, SEC, &b, false));
	CU_ASSERT(!lm_gate_proven(&g, SEC, &same_net, false));
	CU_ASSERT(lm_gate_proven(&g, SEC, &other_net, false));
	CU_ASSERT(lm_gate_proven(&g, 2 * SEC, &a, false));
	/* Strangers have used up everything: a peer is not touched by it, but has a bound as well.
	 */
	for (unsigned i = 0; i < 65536; i++) {
		struct lm_udp_addr from = {{4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}}, 1};
		lm_gate_proven(&g, 3 * SEC, &from, false);
	}
	CU_ASSERT(!lm_gate_proven(&g, 3 * SEC, &a, false));
	for (int i = 0; i < LM_GATE_SOURCE_RATE; i++)
		CU_ASSERT(lm_gate_proven(&g, 3 * SEC, &a, true));
	CU_ASSERT(!lm_gate_proven(&g, 3 * SEC, &a, true));
}

/* ---- cookies ---- */

static void count_up(void *ctx, void *buf, size_t len)
{
	uint8_t *n = ctx;
	memset(buf, ++*n, len);
}

static void test_cookie_reply(void)
{
	uint8_t name[LM_WIRE_NAME] = {1}, other_name[LM_WIRE_NAME] = {1}, nonce[24] = {2};
	uint8_t cookie[16] = {3}, mac1[16] = {4}, other_mac1[16] = {5}, out[LM_COOKIE_MSG_LEN];
	uint8_t back[16];
	struct lm_mac_keys keys, other;
	other_name[LM_WIRE_NAME - 1] = 1; /* only the sign differs */
	lm_mac_keys(&keys, name);
	lm_mac_keys(&other, other_name);
	CU_ASSERT_NOT_EQUAL(memcmp(keys.mac1, other.mac1, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(keys.mac1, keys.cookie, 32), 0);
	lm_cookie_reply(out, &keys, 77, nonce, cookie, mac1);
	CU_ASSERT_EQUAL(lm_wire_type(out), LM_WIRE_COOKIE);
	CU_ASSERT_EQUAL(lm_wire_index(out + LM_COOKIE_RECEIVER), 77);
	CU_ASSERT_EQUAL(lm_cookie_open(back, out, &keys, mac1), 0);
	CU_ASSERT_EQUAL(memcmp(back, cookie, 16), 0);
	CU_ASSERT_EQUAL(lm_cookie_open(back, out, &keys, other_mac1), -EBADMSG);
	CU_ASSERT_EQUAL(lm_cookie_open(back, out, &other, mac1), -EBADMSG);
}

static void test_cookie_jar(void)
{
	struct lm_cookie_jar jar = {.filled = false};
	uint8_t n = 0, first[32];
	lm_cookie_jar_turn(&jar, 0, count_up, &n);
	memcpy(first, jar.secret[0], 32);
	lm_cookie_jar_turn(&jar, (LM_COOKIE_LIFE_S - 1) * SEC, count_up, &n);
	CU_ASSERT_EQUAL(memcmp(jar.secret[0], first, 32), 0);
	lm_cookie_jar_turn(&jar, LM_COOKIE_LIFE_S * SEC, count_up, &n);
	CU_ASSERT_NOT_EQUAL(memcmp(jar.secret[0], first, 32), 0);
	CU_ASSERT_EQUAL(memcmp(jar.secret[1], first, 32), 0);
	lm_cookie_jar_turn(&jar, 2 * LM_COOKIE_LIFE_S * SEC, count_up, &n);
	CU_ASSERT_NOT_EQUAL(memcmp(jar.secret[1], first, 32), 0);
	memcpy(first, jar.secret[0], 32);
	lm_cookie_jar_turn(&jar, 4 * LM_COOKIE_LIFE_S * SEC, count_up, &n);
	CU_ASSERT_NOT_EQUAL(memcmp(jar.secret[1], first, 32), 0);
}

/* ---- payloads ---- */

static void test_hello(void)
{
	struct lm_hello h = {1, 64, 1, 0x0a0b0c0d, 0x0102030405060708}, back;
	uint8_t out[LM_HELLO1_LEN];
	lm_hello1_write(out, &h);
	const uint8_t want[] = {1, 64, 1, 0, 10, 11, 12, 13, 1, 2, 3, 4, 5, 6, 7, 8};
	CU_ASSERT_EQUAL(memcmp(out, want, sizeof(want)), 0);
	CU_ASSERT_EQUAL(lm_hello1_read(&back, out), 0);
	CU_ASSERT(back.version == 1 && back.lanes == 64 && back.sign == 1);
	CU_ASSERT_EQUAL(back.timestamp, h.timestamp);
	CU_ASSERT_EQUAL(back.incarnation, h.incarnation);
	lm_hello2_write(out, &h);
	const uint8_t want2[LM_HELLO2_LEN] = {1, 64, 0, 0, 10, 11, 12, 13};
	CU_ASSERT_EQUAL(memcmp(out, want2, sizeof(want2)), 0);
	CU_ASSERT_EQUAL(lm_hello2_read(&back, out), 0);
	CU_ASSERT_EQUAL(back.incarnation, h.incarnation);
	out[0] = 9; /* a later version may say more */
	memset(out + 3, 0xff, 1);
	CU_ASSERT_EQUAL(lm_hello1_read(&back, out), 0);
	for (int lanes = 0; lanes < 256; lanes++) {
		out[1] = (uint8_t)lanes;
		CU_ASSERT_EQUAL(
		    lm_hello1_read(&back, out), lanes && (lanes & (lanes - 1)) == 0 ? 0 : -EPROTO);
		CU_ASSERT_EQUAL(
		    lm_hello2_read(&back, out), lanes && (lanes & (lanes - 1)) == 0 ? 0 : -EPROTO);
	}
	out[1] = 1;
	out[0] = 0;
	CU_ASSERT_EQUAL(lm_hello1_read(&back, out), -EPROTO);
	CU_ASSERT_EQUAL(lm_hello2_read(&back, out), -EPROTO);
	out[0] = 1;
	memset(out + 8, 0, 8);
	CU_ASSERT_EQUAL(lm_hello1_read(&back, out), -EPROTO);
}

static void test_header(void)
{
	uint8_t h[LM_WIRE_HEADER];
	lm_wire_header(h, LM_WIRE_TRANSPORT);
	CU_ASSERT_EQUAL(lm_wire_type(h), LM_WIRE_TRANSPORT);
	for (int i = 0; i < LM_WIRE_HEADER; i++) {
		if (i == 4)
			continue;
		h[i] ^= 0x40;
		CU_ASSERT_EQUAL(lm_wire_type(h), -EPROTO);
		h[i] ^= 0x40;
	}
}

/* ---- places ---- */

/* Two peers behind one address: it is a peer's place until the last of them has left. */
static void test_places(void)
{
	const struct lm_ip here = {4, {192, 0, 2, 1}}, there = {4, {192, 0, 2, 2}}, none = {0};
	struct lm_places ps = {0};

	lm_places_add(&ps, &here);
	lm_places_add(&ps, &here);
	lm_places_add(&ps, &none);
	CU_ASSERT(lm_places_has(&ps, &here));
	CU_ASSERT(!lm_places_has(&ps, &there));
	CU_ASSERT(!lm_places_has(&ps, &none));
	lm_places_remove(&ps, &there);
	lm_places_remove(&ps, &here);
	CU_ASSERT(lm_places_has(&ps, &here));
	lm_places_remove(&ps, &here);
	CU_ASSERT(!lm_places_has(&ps, &here));
	lm_places_add(&ps, &there);
	lm_places_free(&ps);
}

LM_SUITE("session_parts", {"replay_model", test_replay_model}, {"replay_edges", test_replay_edges},
    {"gate_rate", test_gate_rate}, {"gate_sources", test_gate_sources},
    {"cookie_reply", test_cookie_reply}, {"cookie_jar", test_cookie_jar}, {"hello", test_hello},
    {"header", test_header}, {"places", test_places})
