/* SPDX-License-Identifier: Apache-2.0 */
#include "underlay_rig.h"

#define REQUEST 1
#define REPLY 2
#define NS 135
#define NA 136
#define SOLICITED 0x40
#define OVERRIDE 0x20

/* An ARP request of ours for this address: to everybody, or unicast to a station. */
static bool is_arp_request(const struct frame *f, const char *target, const struct lm_mac *to)
{
	struct lm_ip t = ip_of(target);
	const uint8_t *dst = to ? to->b : lm_mac_broadcast.b;

	return bytes_at(f, 0, dst, 6) && bytes_at(f, 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10) &&
	       bytes_at(f, 22, rig_mac.b, 6) && bytes_at(f, 28, "\xc0\0\2\1", 4) &&
	       bytes_at(f, 32, to ? to->b : (const uint8_t[6]){0}, 6) && bytes_at(f, 38, t.b, 4);
}

static void resolve(struct rig *r, uint8_t n, const char *ip)
{
	struct frame f = arp_frame(n, &rig_mac, REPLY, ip, "192.0.2.1");

	CU_ASSERT_EQUAL(rig_give(r, &f), LM_UL_HANDLED);
}

/* ---- next hops ------------------------------------------------------------------ */

static void test_resolve(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac peer = station(2);

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_TRUE(is_arp_request(&r->sent[0], "192.0.2.2", NULL));
	CU_ASSERT_FALSE(rig_path(r, "192.0.2.2:4500").ready);
	CU_ASSERT_EQUAL(r->n_changed, 0);
	resolve(r, 2, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 1);
	CU_ASSERT_EQUAL(r->changed.port, 4500);
	struct lm_underlay_path p = rig_path(r, "192.0.2.2:4500");
	struct lm_ip own = ip_of("192.0.2.1"), other = ip_of("192.0.2.2");
	CU_ASSERT_TRUE(p.ready);
	CU_ASSERT_EQUAL(p.family, 4);
	CU_ASSERT_EQUAL(memcmp(p.dst.b, peer.b, 6), 0);
	CU_ASSERT_EQUAL(memcmp(p.src.b, rig_mac.b, 6), 0);
	CU_ASSERT_TRUE(lm_ip_equal(&p.src_ip, &own) && lm_ip_equal(&p.dst_ip, &other));
	CU_ASSERT_TRUE(p.src_port == 4500 && p.dst_port == 4500 && p.vlan == 0);
	/* Said again, nothing changes. */
	resolve(r, 2, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 1);
	/* What is not watched, but behind the same next hop, has a path as well. */
	CU_ASSERT_TRUE(rig_path(r, "192.0.2.2:9").ready);
	CU_ASSERT_FALSE(rig_path(r, "192.0.2.3:9").ready);

	/* A far one goes by the gateway; two of them ask once. */
	CU_ASSERT_EQUAL(rig_watch(r, "198.51.100.7:4500"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "198.51.100.8:4500"), 0);
	CU_ASSERT_EQUAL(r->n_sent, 2);
	CU_ASSERT_TRUE(is_arp_request(rig_last(r), "192.0.2.254", NULL));
	resolve(r, 254, "192.0.2.254");
	CU_ASSERT_EQUAL(r->n_changed, 3);
	p = rig_path(r, "198.51.100.7:4500");
	other = ip_of("198.51.100.7");
	peer = station(254);
	CU_ASSERT_TRUE(p.ready && lm_ip_equal(&p.dst_ip, &other) && lm_ip_equal(&p.src_ip, &own));
	CU_ASSERT_EQUAL(memcmp(p.dst.b, peer.b, 6), 0);
	rig_free(r);
}

static void test_resolve6(void)
{
	static const uint8_t solicit[] = {0x33, 0x33, 0xff, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
	    0x60, 0, 0, 0, 0, 32, 58, 255, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	    0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 2, 135, 0};
	static const uint8_t body[] = {0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 2, 1, 1, 2, 0, 0, 0, 0, 1};
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_frame f;
	struct frame in;

	CU_ASSERT_EQUAL(rig_watch(r, "[2001:db8::2]:4500"), 0);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_EQUAL(r->sent[0].len, 86);
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 0, solicit, sizeof solicit));
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 58, body, sizeof body));
	CU_ASSERT_EQUAL(lm_frame_parse(&f, r->sent[0].b, r->sent[0].len), 0);
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	/* An answer without a MAC tells nothing yet; one for somebody else neither. */
	in = nd_frame(2, "2001:db8::2", "2001:db8::1", NA, SOLICITED | OVERRIDE, "2001:db8::2", 0);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	in = nd_frame(2, "2001:db8::2", "2001:db8::9", NA, SOLICITED | OVERRIDE, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = nd_frame(3, "2001:db8::3", "2001:db8::1", NA, SOLICITED | OVERRIDE, "2001:db8::3", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	CU_ASSERT_EQUAL(r->n_changed, 0);
	in = nd_frame(2, "2001:db8::2", "2001:db8::1", NA, SOLICITED | OVERRIDE, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_changed, 1);
	CU_ASSERT_TRUE(rig_path(r, "[2001:db8::2]:4500").ready);

	/* The gateway is link-local: it is asked from our link-local address, packets have the
	 * global one. */
	CU_ASSERT_EQUAL(rig_watch(r, "[2001:db8:1::7]:4500"), 0);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 2);
	struct lm_ip local = ip_of("fe80::ff:fe00:1"), global = ip_of("2001:db8::1");
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 0, "\x33\x33\xff\0\x02\x54", 6));
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 22, local.b, 16));
	in = nd_frame(4, "fe80::254", "fe80::ff:fe00:1", NA, 0x80 | SOLICITED, "fe80::254", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	struct lm_underlay_path p = rig_path(r, "[2001:db8:1::7]:4500");
	CU_ASSERT_TRUE(p.ready && lm_ip_equal(&p.src_ip, &global));
	rig_free(r);
}

static void test_send(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac peer = station(2);
	static uint8_t large[1500];
	struct lm_frame f;

	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4501", "first", 5), 0);
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4501", "second", 6), 0);
	CU_ASSERT_EQUAL(r->n_sent, 1); /* the ARP request */
	resolve(r, 2, "192.0.2.2");
	/* Only the second waited. */
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 2);
	CU_ASSERT_EQUAL(lm_frame_parse(&f, r->sent[1].b, r->sent[1].len), 0);
	CU_ASSERT_EQUAL(memcmp(f.ether->dst_addr.addr_bytes, peer.b, 6), 0);
	CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&f) && lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_EQUAL(f.l4_len, 14);
	CU_ASSERT_EQUAL(memcmp(f.l4, "\x11\x94\x11\x95\0\x0e", 6), 0);
	CU_ASSERT_EQUAL(memcmp(f.l4 + 8, "second", 6), 0);
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4501", "third", 5), 0);
	CU_ASSERT_EQUAL(r->n_sent, 3);
	/* From a port of its own, which is kept while it waits. */
	struct lm_udp_addr to = udp_of("192.0.2.2:53");
	CU_ASSERT_EQUAL(lm_underlay_ask(r->u, r->now, 40000, &to, (const uint8_t *)"ask", 3), 0);
	CU_ASSERT_EQUAL(lm_frame_parse(&f, rig_last(r)->b, rig_last(r)->len), 0);
	CU_ASSERT_EQUAL(memcmp(f.l4, "\x9c\x40\0\x35\0\x0b", 6), 0);
	to = udp_of("192.0.2.3:53");
	CU_ASSERT_EQUAL(lm_underlay_ask(r->u, r->now, 40001, &to, (const uint8_t *)"ask", 3), 0);
	resolve(r, 3, "192.0.2.3");
	CU_ASSERT_EQUAL(lm_frame_parse(&f, rig_last(r)->b, rig_last(r)->len), 0);
	CU_ASSERT_EQUAL(memcmp(f.l4, "\x9c\x41\0\x35\0\x0b", 6), 0);
	/* The link's MTU. */
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4501", large, 1472), 0);
	CU_ASSERT_EQUAL(rig_last(r)->len, 1514);
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4501", large, 1473), -EMSGSIZE);
	CU_ASSERT_EQUAL(rig_send(r, "[2001:db8::2]:4501", large, 1453), -EMSGSIZE);
	CU_ASSERT_EQUAL(rig_send(r, "[2001:db8::2]:4501", large, 1452), 0);
	/* Nowhere to go. */
	static const char *const nowhere[] = {"0.0.0.0:1", "127.0.0.1:1", "224.0.0.1:1",
	    "255.255.255.255:1", "192.0.2.1:1", "[::1]:1", "[ff02::1]:1", "[2001:db8::1]:1"};
	for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
		CU_ASSERT_EQUAL(rig_send(r, nowhere[i], "x", 1), -EHOSTUNREACH);
	rig_free(r);
	c.gateway4 = (struct lm_ip){0};
	r = rig_create(&c);
	CU_ASSERT_EQUAL(rig_send(r, "198.51.100.7:1", "x", 1), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.9:1", "x", 1), 0);
	rig_free(r);
}

/* Who is watched is asked for ever, less and less often; who is not, three times. */
static void test_retries(void)
{
	static const unsigned at[] = {0, 1, 3, 7, 15, 31, 61};
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	uint64_t start = r->now;

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	rig_run(r, 80 * SECOND);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 7);
	for (unsigned i = 0; i < 7; i++) {
		CU_ASSERT_TRUE(is_arp_request(&r->sent[i], "192.0.2.2", NULL));
		uint64_t due = start + at[i] * SECOND;
		/* Timers are late by less than a tick each. */
		CU_ASSERT_TRUE(r->sent_at[i] >= due && r->sent_at[i] < due + SECOND);
	}
	CU_ASSERT_EQUAL(r->n_changed, 0);
	rig_unwatch(r, "192.0.2.2:4500");
	rig_run(r, 60 * SECOND);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	CU_ASSERT_EQUAL(rig_info(r).watches, 0);

	r->n_sent = 0;
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.3:4500", "lost", 4), 0);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 1);
	rig_run(r, 60 * SECOND);
	CU_ASSERT_EQUAL(r->n_sent, 3);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	CU_ASSERT_EQUAL(lm_underlay_tick(r->u, r->now), UINT64_MAX);
	rig_free(r);
}

/* A path in use is confirmed before it grows old; then unicast, then everybody, then lost. */
static void test_probes(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac peer = station(2);

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	resolve(r, 2, "192.0.2.2");
	for (unsigned i = 0; i < 5; i++) {
		r->n_sent = 0;
		rig_run(r, 19 * SECOND);
		CU_ASSERT_EQUAL(r->n_sent, 0);
		rig_run(r, 3 * SECOND / 2);
		CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
		CU_ASSERT_TRUE(is_arp_request(&r->sent[0], "192.0.2.2", &peer));
		resolve(r, 2, "192.0.2.2");
	}
	CU_ASSERT_EQUAL(r->n_changed, 1);
	/* Silence. */
	r->n_sent = 0;
	rig_run(r, 22 * SECOND + SECOND / 2);
	CU_ASSERT_EQUAL(r->n_sent, 3);
	rig_run(r, 3 * SECOND);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 6);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_TRUE(is_arp_request(&r->sent[i], "192.0.2.2", i < 3 ? &peer : NULL));
	CU_ASSERT_TRUE(rig_path(r, "192.0.2.2:4500").ready);
	CU_ASSERT_EQUAL(r->n_changed, 1);
	rig_run(r, 3 * SECOND / 2);
	CU_ASSERT_FALSE(rig_path(r, "192.0.2.2:4500").ready);
	CU_ASSERT_EQUAL(r->n_changed, 2);
	CU_ASSERT_EQUAL(rig_info(r).lost, 1);
	CU_ASSERT_EQUAL(rig_info(r).resolved, 0);
	/* Back, with another MAC. */
	resolve(r, 3, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 3);
	peer = station(3);
	CU_ASSERT_EQUAL(memcmp(rig_path(r, "192.0.2.2:4500").dst.b, peer.b, 6), 0);
	/* Moved again without a word: asking everybody finds it before it is lost. */
	rig_run(r, 24 * SECOND);
	CU_ASSERT_TRUE(is_arp_request(rig_last(r), "192.0.2.2", NULL));
	resolve(r, 4, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 4);
	CU_ASSERT_EQUAL(rig_info(r).lost, 1);
	rig_free(r);
}

/* Announcements move an entry, and are checked; a flood of them moves it once a second at most. */
static void test_announced(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac peer = station(5);
	struct frame in = arp_frame(5, NULL, REQUEST, "192.0.2.2", "192.0.2.2");

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	resolve(r, 2, "192.0.2.2");
	rig_run(r, 2 * SECOND);
	r->n_sent = 0;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_changed, 2);
	CU_ASSERT_EQUAL(memcmp(rig_path(r, "192.0.2.2:4500").dst.b, peer.b, 6), 0);
	CU_ASSERT_TRUE(lm_underlay_tick(r->u, r->now) > r->now);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_TRUE(is_arp_request(&r->sent[0], "192.0.2.2", &peer));
	resolve(r, 5, "192.0.2.2");
	for (uint8_t n = 6; n < 100; n++) {
		in = arp_frame(n, NULL, n & 1 ? REQUEST : REPLY, "192.0.2.2", "192.0.2.2");
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	}
	CU_ASSERT_EQUAL(r->n_changed, 2);
	CU_ASSERT_EQUAL(memcmp(rig_path(r, "192.0.2.2:4500").dst.b, peer.b, 6), 0);
	/* Being asked by the one that we ask for resolves it too, and is checked. */
	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.9:4500"), 0);
	in = arp_frame(9, NULL, REQUEST, "192.0.2.9", "192.0.2.1");
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_TRUE(rig_path(r, "192.0.2.9:4500").ready);
	peer = station(9);
	lm_underlay_tick(r->u, r->now);
	bool checked = false;
	for (unsigned i = 0; i < r->n_sent; i++)
		checked = checked || is_arp_request(&r->sent[i], "192.0.2.9", &peer);
	CU_ASSERT_TRUE(checked);
	rig_free(r);
}

/* RFC 4861 section 7.2.5 and appendix C */
static void test_advertisements(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac old = station(2), new = station(3);
	struct frame in;

	CU_ASSERT_EQUAL(rig_watch(r, "[2001:db8::2]:4500"), 0);
	in = nd_frame(2, "2001:db8::2", "2001:db8::1", NA, SOLICITED | OVERRIDE, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	rig_run(r, 2 * SECOND);
	r->n_sent = 0;
	/* Another MAC without override: not taken, but doubted. */
	in = nd_frame(3, "2001:db8::2", "2001:db8::1", NA, SOLICITED, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(memcmp(rig_path(r, "[2001:db8::2]:4500").dst.b, old.b, 6), 0);
	lm_underlay_tick(r->u, r->now);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	/* The probe is unicast, MAC and address. */
	struct lm_ip target = ip_of("2001:db8::2");
	CU_ASSERT_TRUE(
	    bytes_at(&r->sent[0], 0, old.b, 6) && bytes_at(&r->sent[0], 38, target.b, 16));
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 54, "\x87\0", 2));
	/* Confirmed without a MAC: the one that we know. */
	in = nd_frame(2, "2001:db8::2", "2001:db8::1", NA, SOLICITED, "2001:db8::2", 0);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	r->n_sent = 0;
	rig_run(r, 19 * SECOND);
	CU_ASSERT_EQUAL(r->n_sent, 0);
	/* Unasked, to all nodes, with override: taken and checked. */
	in = nd_frame(3, "2001:db8::2", "ff02::1", NA, OVERRIDE, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(memcmp(rig_path(r, "[2001:db8::2]:4500").dst.b, new.b, 6), 0);
	CU_ASSERT_EQUAL(r->n_changed, 2);
	lm_underlay_tick(r->u, r->now);
	CU_ASSERT_EQUAL(r->n_sent, 1);
	/* What must be discarded. */
	in = nd_frame(3, "2001:db8::2", "ff02::1", NA, SOLICITED, "2001:db8::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = nd_frame(3, "2001:db8::2", "ff02::1", NA, 0, "ff02::2", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = nd_frame(3, "2001:db8::2", "2001:db8::1", NA, 0, "2001:db8::2", 2);
	in.b[21] = 64;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in.b[21] = 255, in.b[79] = 0;
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in.b[79] = 1, in.b[80] = 3; /* a multicast MAC */
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	rig_free(r);
}

/* ---- bounds -------------------------------------------------------------------------- */

static void test_bounds(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	char text[LM_UDP_TEXT];
	struct frame in;

	/* Whatever strangers say, nothing is remembered. */
	for (unsigned i = 2; i < 250; i++) {
		char ip[LM_IP_TEXT];

		snprintf(ip, sizeof ip, "192.0.2.%u", i);
		in = arp_frame((uint8_t)i, NULL, REQUEST, ip, "192.0.2.1");
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
		in = arp_frame((uint8_t)i, &rig_mac, REPLY, ip, "192.0.2.1");
		rig_give(r, &in);
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	r->n_sent = 0;
	/* Answering strangers on the link has its share of the table; watched ones have the rest.
	 */
	unsigned sent = 0;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "[2001:db8::1:%x]:4500", i);
		int rc = rig_send(r, text, "x", 1);
		CU_ASSERT_TRUE(rc == 0 || rc == -ENOBUFS);
		sent += rc == 0;
	}
	CU_ASSERT_EQUAL(sent, 256);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 256);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "[2001:db8::2:%x]:4500", i);
		CU_ASSERT_EQUAL(rig_watch(r, text), 0);
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 1256);
	r->n_sent = 0;
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.9:1", "x", 1), -ENOBUFS);
	/* They go by themselves. */
	for (unsigned i = 0; i < 10; i++) {
		r->n_sent = 0;
		rig_run(r, SECOND / 2);
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 1000);
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.9:1", "x", 1), 0);
	/* The table's end, and that of the watches. */
	for (unsigned i = 1000; i < LM_NEIGHBOURS_MAX + 10; i++) {
		snprintf(text, sizeof text, "[2001:db8::2:%x]:4500", i);
		r->n_sent = 0;
		CU_ASSERT_EQUAL(rig_watch(r, text), i < LM_NEIGHBOURS_MAX - 1 ? 0 : -ENOSPC);
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, LM_NEIGHBOURS_MAX);
	unsigned watches = rig_info(r).watches;
	for (unsigned i = 0; watches + i < LM_WATCHES_MAX + 10; i++) {
		snprintf(text, sizeof text, "192.0.2.9:%u", i + 1);
		CU_ASSERT_EQUAL(rig_watch(r, text), watches + i < LM_WATCHES_MAX ? 0 : -ENOSPC);
	}
	rig_free(r);
}

static void test_references(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4501"), 0);
	CU_ASSERT_EQUAL(rig_info(r).watches, 2);
	rig_unwatch(r, "192.0.2.2:4500");
	rig_unwatch(r, "192.0.2.2:4501");
	resolve(r, 2, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 1);
	rig_unwatch(r, "192.0.2.2:4500");
	rig_unwatch(r, "192.0.2.2:4500"); /* once too often does no harm */
	CU_ASSERT_EQUAL(rig_info(r).watches, 0);
	/* A datagram keeps it for a while, then it goes. */
	CU_ASSERT_EQUAL(rig_send(r, "192.0.2.2:4500", "x", 1), 0);
	for (unsigned i = 0; i < 2; i++) {
		rig_run(r, 21 * SECOND);
		resolve(r, 2, "192.0.2.2");
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 1);
	rig_run(r, 60 * SECOND);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	CU_ASSERT_EQUAL(rig_info(r).lost, 0);
	rig_free(r);
}

/* Callbacks that call back: everything that was watched goes, something else comes. */
static void replace_watch(struct rig *r, const struct lm_udp_addr *to)
{
	struct lm_udp_addr other = *to;

	lm_underlay_unwatch(r->u, to);
	other.port++;
	if (other.port < 4520)
		CU_ASSERT_EQUAL(lm_underlay_watch(r->u, r->now, &other), 0);
	other.port = 4503;
	lm_underlay_unwatch(r->u, &other);
	CU_ASSERT_EQUAL(lm_underlay_send(r->u, r->now, to, (const uint8_t *)"x", 1), 0);
}

static void test_reentrant(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	char text[LM_UDP_TEXT];

	for (unsigned i = 0; i < 10; i++) {
		snprintf(text, sizeof text, "192.0.2.2:%u", 4500 + i);
		CU_ASSERT_EQUAL(rig_watch(r, text), 0);
	}
	r->on_changed = replace_watch;
	resolve(r, 2, "192.0.2.2");
	CU_ASSERT_TRUE(r->n_changed > 0 && r->n_changed <= 10);
	CU_ASSERT_EQUAL(r->n_sent, 1 + r->n_changed);
	rig_run(r, 100 * SECOND);
	rig_free(r);
}

/* ---- configuration ---------------------------------------------------------------------- */

static void test_reconfigure(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);

	c.gateway4 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "198.51.100.7:4500"), 0); /* waits for a route */
	resolve(r, 2, "192.0.2.2");
	CU_ASSERT_EQUAL(r->n_changed, 1);
	/* A route appears: what is resolved stays so, and is not told again. */
	r->n_sent = 0;
	c.gateway4 = ip_of("192.0.2.254");
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_TRUE(is_arp_request(&r->sent[0], "192.0.2.254", NULL));
	CU_ASSERT_EQUAL(r->n_changed, 1);
	CU_ASSERT_TRUE(rig_path(r, "192.0.2.2:4500").ready);
	resolve(r, 254, "192.0.2.254");
	CU_ASSERT_EQUAL(r->n_changed, 2);
	/* Another gateway: the old next hop goes. */
	c.gateway4 = ip_of("192.0.2.253");
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_EQUAL(r->n_changed, 3);
	CU_ASSERT_FALSE(rig_path(r, "198.51.100.7:4500").ready);
	resolve(r, 253, "192.0.2.253");
	CU_ASSERT_EQUAL(r->n_changed, 4);
	/* Another address of ours: the paths have another source. */
	c.addrs[0] = ifaddr_of("192.0.2.77/24");
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_EQUAL(r->n_changed, 6);
	struct lm_ip own = ip_of("192.0.2.77");
	struct lm_underlay_path p = rig_path(r, "192.0.2.2:4500");
	CU_ASSERT_TRUE(p.ready && lm_ip_equal(&p.src_ip, &own));
	/* Another VLAN: nothing that we know of the old one holds. */
	c.vlan = 7;
	r->n_sent = 0;
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_EQUAL(r->n_changed, 8);
	CU_ASSERT_FALSE(rig_path(r, "192.0.2.2:4500").ready);
	for (unsigned i = 0; i < r->n_sent; i++)
		CU_ASSERT_TRUE(bytes_at(&r->sent[i], 12, "\x81\0\0\7", 4));
	struct frame in = arp_frame(2, &rig_mac, REPLY, "192.0.2.2", "192.0.2.77");
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = frame_tag(&in, 7);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	p = rig_path(r, "192.0.2.2:4500");
	CU_ASSERT_TRUE(p.ready && p.vlan == 7);
	/* What waited for a next hop that is no longer its own is not sent there. */
	c.vlan = 0;
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_EQUAL(rig_send(r, "198.51.100.9:4500", "x", 1), 0);
	c.addrs[1] = ifaddr_of("198.51.100.1/24");
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	r->n_sent = 0;
	resolve(r, 253, "192.0.2.253");
	CU_ASSERT_EQUAL(r->n_sent, 0);
	/* No address, no path. */
	c.n_addrs = 0;
	CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &c), 0);
	CU_ASSERT_FALSE(rig_path(r, "192.0.2.2:4500").ready);
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	rig_run(r, 100 * SECOND);
	rig_free(r);
}

static void test_routes(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r;

	/* Two prefixes, one inside of the other: the longer one speaks. */
	c.addrs[0] = ifaddr_of("10.0.0.1/8");
	c.addrs[1] = ifaddr_of("10.1.0.1/16");
	c.gateway4 = ip_of("10.0.0.254");
	r = rig_create(&c);
	struct lm_ip narrow = ip_of("10.1.0.1"), wide = ip_of("10.0.0.1");
	CU_ASSERT_EQUAL(rig_watch(r, "10.1.2.3:1"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "10.2.2.3:1"), 0);
	struct lm_underlay_path p = rig_path(r, "10.1.2.3:1");
	CU_ASSERT_TRUE(lm_ip_equal(&p.src_ip, &narrow));
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 28, narrow.b, 4));
	p = rig_path(r, "10.2.2.3:1");
	CU_ASSERT_TRUE(lm_ip_equal(&p.src_ip, &wide));
	/* Broadcast addresses of our prefixes are nobody's, whatever other prefix contains them. */
	CU_ASSERT_EQUAL(rig_send(r, "10.1.255.255:1", "x", 1), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(rig_send(r, "10.1.0.0:1", "x", 1), -EHOSTUNREACH);
	CU_ASSERT_EQUAL(rig_send(r, "10.2.255.255:1", "x", 1), 0);
	rig_free(r);

	/* A host route, its gateway outside; and a /31. */
	c.addrs[0] = ifaddr_of("203.0.113.5/32");
	c.addrs[1] = ifaddr_of("192.0.2.0/31");
	c.gateway4 = ip_of("198.51.100.1");
	r = rig_create(&c);
	CU_ASSERT_EQUAL(rig_watch(r, "8.8.8.8:1"), 0);
	struct lm_ip gateway = ip_of("198.51.100.1"), own = ip_of("203.0.113.5");
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 38, gateway.b, 4));
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 28, own.b, 4));
	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.1:1"), 0);
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 38, "\xc0\0\2\1", 4));
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 28, "\xc0\0\2\0", 4));
	rig_free(r);

	/* Nonsense is refused, and changes nothing. */
	struct lm_underlay_config bad;
	struct lm_underlay *u = NULL;
	r = rig_create((c = rig_config(), &c));
	for (unsigned i = 0; i < 8; i++) {
		bad = rig_config();
		if (i == 0)
			bad.mac.b[0] = 1;
		else if (i == 1)
			bad.n_addrs = LM_UNDERLAY_ADDRS_MAX + 1;
		else if (i == 2)
			bad.mtu = 1279;
		else if (i == 3)
			bad.vlan = 4095;
		else if (i == 4)
			bad.addrs[0].ip = ip_of("224.0.0.1");
		else if (i == 5)
			bad.addrs[0].len = 33;
		else if (i == 6)
			bad.gateway4 = ip_of("2001:db8::9");
		else
			bad.port = 0;
		CU_ASSERT_EQUAL(lm_underlay_create(&u, &bad, &rig_ops, r), -EINVAL);
		CU_ASSERT_EQUAL(lm_underlay_reconfigure(r->u, r->now, &bad), -EINVAL);
	}
	CU_ASSERT_EQUAL(r->n_sent, 0);
	rig_free(r);
}

LM_SUITE("underlay", {"resolve", test_resolve}, {"resolve6", test_resolve6}, {"send", test_send},
    {"retries", test_retries}, {"probes", test_probes}, {"announced", test_announced},
    {"advertisements", test_advertisements}, {"bounds", test_bounds},
    {"references", test_references}, {"reentrant", test_reentrant},
    {"reconfigure", test_reconfigure}, {"routes", test_routes})
