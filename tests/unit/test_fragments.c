/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments and IPv6 extension headers: they pass where the whole packet would, and nowhere
 * else. The table alone, then both gateways with real keys.
 */
#include <rte_ip.h>
#include "dataplane/fragment.h"
#include "dataplane/tcp.h"
#include "dp_fixture.h"
#include "packet/checksum.h"
#include "packet/frame.h"

#define FINE LM_DROP_MAX

/* ---- the table ------------------------------------------------------------------- */

static struct lm_frag_key key_of(uint32_t net, uint32_t id)
{
	return (struct lm_frag_key){.src = lm_addr4(1), .dst = lm_addr4(2), .id = id, .net = net};
}

static const struct lm_frag_ports some_ports = {.src = 1, .dst = 2, .proto = IPPROTO_UDP};

static enum lm_drop first(struct lm_frags *f, struct lm_frag_key k, uint32_t now)
{
	return lm_frag_first(f, &k, &some_ports, 10, now);
}

static enum lm_drop later(
    struct lm_frags *f, struct lm_frag_key k, uint16_t at, uint16_t units, bool more, uint32_t now)
{
	const struct lm_frag_part part = {.at = at, .units = units, .more = more};
	struct lm_frag_ports ports = {0};
	enum lm_drop why = lm_frag_later(f, &k, &part, now, &ports);

	CU_ASSERT_EQUAL(why == FINE, ports.proto == IPPROTO_UDP);
	return why;
}

static void test_table(void)
{
	struct lm_frag_key k = key_of(0, 1);
	struct lm_frags f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_frags_init(&f, 100, 7, 0), 0);
	CU_ASSERT_EQUAL(later(&f, k, 10, 5, true, 1), LM_DROP_FRAGMENT);
	CU_ASSERT_EQUAL(first(&f, k, 1), FINE);
	/* So many that some are in the same bucket. */
	for (uint32_t i = 3; i < 3000; i++) {
		struct lm_frag_key other[5] = {k, k, k, k, k};

		other[0].src = lm_addr4(i);
		other[1].dst = lm_addr4(i);
		other[2].id = i;
		other[3].net = i;
		other[4].peer = i;
		for (unsigned n = 0; n < 5; n++)
			CU_ASSERT_EQUAL(later(&f, other[n], 10, 5, true, 1), LM_DROP_FRAGMENT);
	}
	/* In order, to the last; then the same numbers may name another datagram. */
	CU_ASSERT_EQUAL(later(&f, k, 10, 5, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 15, 5, false, 101), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 20, 5, false, 1), LM_DROP_FRAGMENT);
	CU_ASSERT_EQUAL(first(&f, k, 2), FINE);
	/* What overlaps ends it for all others. */
	CU_ASSERT_EQUAL(later(&f, k, 9, 5, true, 2), LM_DROP_FRAGMENT_BAD);
	CU_ASSERT_EQUAL(later(&f, k, 10, 5, true, 2), LM_DROP_FRAGMENT_BAD);
	CU_ASSERT_EQUAL(first(&f, k, 102), LM_DROP_FRAGMENT_BAD);
	CU_ASSERT_EQUAL(first(&f, k, 103), FINE);
	CU_ASSERT_EQUAL(first(&f, k, 103), LM_DROP_FRAGMENT_BAD);
	CU_ASSERT_EQUAL(later(&f, k, 10, 5, true, 103), LM_DROP_FRAGMENT_BAD);
	/* Age. */
	CU_ASSERT_EQUAL(first(&f, key_of(0, 2), UINT32_MAX - 50), FINE);
	CU_ASSERT_EQUAL(later(&f, key_of(0, 2), 10, 5, true, 49), FINE);
	CU_ASSERT_EQUAL(later(&f, key_of(0, 2), 15, 5, true, 50), LM_DROP_FRAGMENT);
	lm_frags_free(&f);
}

/* Behind the first in any order: until all is there, and with so many gaps. */
static void test_table_order(void)
{
	struct lm_frag_key k = key_of(0, 1);
	struct lm_frags f;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_frags_init(&f, 100, 7, 0), 0);
	CU_ASSERT_EQUAL(first(&f, k, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 40, 2, false, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 20, 10, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 10, 10, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 30, 10, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 30, 10, true, 1), LM_DROP_FRAGMENT);
	/* Four pieces: a fifth is let in only where it joins one. */
	CU_ASSERT_EQUAL(first(&f, k, 1), FINE);
	for (uint16_t at = 20; at < 80; at += 20)
		CU_ASSERT_EQUAL(later(&f, k, at, 5, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 90, 5, true, 1), LM_DROP_FRAGMENT);
	CU_ASSERT_EQUAL(later(&f, k, 25, 15, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 90, 5, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 39, 2, true, 1), LM_DROP_FRAGMENT_BAD);
	CU_ASSERT_EQUAL(later(&f, k, 95, 5, true, 1), LM_DROP_FRAGMENT_BAD);
	/* Behind the end, a second end, an end before the end. */
	for (uint32_t i = 2; i < 6; i++) {
		const uint16_t at = i == 2 ? 55 : i == 3 ? 45 : i == 4 ? 15 : 40;

		k = key_of(0, i);
		CU_ASSERT_EQUAL(first(&f, k, 1), FINE);
		CU_ASSERT_EQUAL(later(&f, k, 50, 5, false, 1), FINE);
		CU_ASSERT_EQUAL(later(&f, k, at, 5, at == 55 || at == 45, 1) == FINE, at == 45);
	}
	k = key_of(0, 7);
	CU_ASSERT_EQUAL(first(&f, k, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 50, 5, true, 1), FINE);
	CU_ASSERT_EQUAL(later(&f, k, 40, 5, false, 1), LM_DROP_FRAGMENT_BAD);
	lm_frags_free(&f);
}

/* A network that begins thousands of datagrams and ends none drives nobody else's out. */
static void test_table_full(void)
{
	enum { ALL = LM_FRAG_WAYS * LM_FRAG_BUCKETS };
	struct lm_frags f;
	unsigned kept = 0;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_frags_init(&f, 100, 7, 0), 0);
	for (uint32_t id = 0; id < 50 * ALL; id++)
		CU_ASSERT_EQUAL(first(&f, key_of(0, id), 1 + id / ALL), FINE);
	/* Others take from it, and keep what they have. */
	for (uint32_t id = 0; id < ALL / 8; id++)
		CU_ASSERT_EQUAL(first(&f, key_of(1, id), 60), FINE);
	for (uint32_t id = 50 * ALL; id < 70 * ALL; id++)
		CU_ASSERT_EQUAL(first(&f, key_of(0, id), 61), FINE);
	for (uint32_t id = 0; id < ALL / 8; id++)
		kept += later(&f, key_of(1, id), 10, 5, true, 61) == FINE;
	CU_ASSERT_TRUE(kept > ALL / 8 * 95 / 100);
	/* It drove out its own oldest. */
	for (uint32_t id = 0; id < ALL; id++)
		CU_ASSERT_EQUAL(later(&f, key_of(0, id), 10, 5, true, 61), LM_DROP_FRAGMENT);
	CU_ASSERT_EQUAL(later(&f, key_of(0, 70 * ALL - 1), 10, 5, true, 61), FINE);
	CU_ASSERT_EQUAL(later(&f, key_of(0, 49 * ALL), 10, 5, true, 61), LM_DROP_FRAGMENT);
	lm_frags_free(&f);
}

/* Where two have the same, neither takes from the other. */
static void test_table_shared(void)
{
	enum { ALL = LM_FRAG_WAYS * LM_FRAG_BUCKETS };
	static uint32_t alive[ALL];
	struct lm_frags f;
	unsigned n = 0, kept = 0;

	rig_start();
	CU_ASSERT_EQUAL_FATAL(lm_frags_init(&f, 100, 7, 0), 0);
	for (uint32_t id = 0; id < 50 * ALL; id++)
		first(&f, key_of(id & 1, id), 1);
	for (uint32_t id = 0; id < 50 * ALL; id += 2)
		if (later(&f, key_of(0, id), 10, 5, true, 2) == FINE)
			alive[n++] = id;
	CU_ASSERT_EQUAL(n, ALL / 2);
	for (uint32_t id = 50 * ALL + 1; id < 90 * ALL; id += 2)
		first(&f, key_of(1, id), 2);
	for (unsigned i = 0; i < n; i++)
		kept += later(&f, key_of(0, alive[i]), 15, 5, true, 2) == FINE;
	CU_ASSERT_EQUAL(kept, n);
	lm_frags_free(&f);
}

/* ---- fragments ---------------------------------------------------------------------- */

static bool part_passes(
    struct rig *r, const struct rig_packet *p, unsigned from, unsigned to, bool more, uint16_t id)
{
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = rig_cut(r, frame, p, from, to, more, id);

	return rig_sent(r, p, frame, len);
}

/* Dropped for this reason, at this gateway, and for no other. */
static bool part_refused(struct rig *r, const struct rig_packet *p, unsigned from, unsigned to,
    bool more, uint16_t id, unsigned gw, enum lm_drop why)
{
	uint64_t before = rig_drops(r, gw, why);

	return !part_passes(r, p, from, to, more, id) && rig_drops(r, gw, why) == before + 1;
}

static struct rig_packet large(bool ipv6)
{
	struct rig_packet p = rig_query;

	p.ipv6 = ipv6;
	p.payload = 1200;
	return p;
}

/* Whole datagrams in three parts, both ways, whatever worker has the flow. */
static void test_pass(void)
{
	static const struct rig_options options[] = {{.workers = {1, 1}},
	    {.workers = {4, 3}, .queues = {2, 1}}, {.workers = {2, 4}, .queues = {1, 4}}};

	for (unsigned o = 0; o < 3; o++) {
		struct rig *r = rig_create(&options[o]);

		for (uint16_t i = 0; i < 60; i++) {
			struct rig_packet p = large(i & 1), back;

			p.src_port = (uint16_t)(5000 + i);
			p.to = i % 4 < 2 ? DB : APP; /* through a tunnel, and not */
			back = rig_reply(&p);
			CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, i));
			CU_ASSERT_TRUE(part_passes(r, &p, 800, 1000, true, i));
			CU_ASSERT_TRUE(part_passes(r, &p, 1000, 1208, false, i));
			CU_ASSERT_TRUE(part_passes(r, &back, 0, 8, true, i));
			CU_ASSERT_TRUE(part_passes(r, &back, 8, 1208, false, i));
			/* It is the same flow as that of whole packets. */
			CU_ASSERT_TRUE(rig_passes(r, &back, NULL, NULL));
			CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
		}
		CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[0].dp), 60);
		CU_ASSERT_EQUAL(lm_dp_flow_count(r->gw[1].dp), 30);
		CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_FRAGMENT), 0);
		rig_end(r);
	}
}

static void test_echo_and_tcp(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet echo = {.from = WEB,
		    .to = DB,
		    .ipv6 = ipv6,
		    .protocol = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		    .src_port = ipv6 ? 128 : 8,
		    .dst_port = 7,
		    .payload = 1000};
		struct rig_packet tcp = {.from = WEB,
		    .to = DB,
		    .ipv6 = ipv6,
		    .protocol = IPPROTO_TCP,
		    .src_port = 4000,
		    .dst_port = 5432,
		    .tcp_flags = LM_TCP_SYN,
		    .payload = 100};
		struct rig_packet back = rig_reply(&echo);

		back.src_port = ipv6 ? 129 : 0;
		back.dst_port = 7;
		CU_ASSERT_TRUE(part_refused(r, &back, 0, 800, true, 1, 1, LM_DROP_NO_FLOW));
		CU_ASSERT_TRUE(part_refused(r, &back, 800, 1008, false, 1, 1, LM_DROP_FRAGMENT));
		CU_ASSERT_TRUE(part_passes(r, &echo, 0, 800, true, 2));
		CU_ASSERT_TRUE(part_passes(r, &echo, 800, 1008, false, 2));
		CU_ASSERT_TRUE(part_passes(r, &back, 0, 800, true, 3));
		CU_ASSERT_TRUE(part_passes(r, &back, 800, 1008, false, 3));
		CU_ASSERT_TRUE(part_passes(r, &tcp, 0, 40, true, 4));
		CU_ASSERT_TRUE(part_passes(r, &tcp, 40, 120, false, 4));
		/* Nor is a later one taken for a SYN that opens the connection again. */
		CU_ASSERT_TRUE(part_passes(r, &tcp, 0, 40, true, 5));
		tcp.tcp_flags = LM_TCP_RST;
		CU_ASSERT_TRUE(rig_passes(r, &tcp, NULL, NULL));
		tcp.tcp_flags = LM_TCP_SYN;
		tcp.dst_port = 22;
		CU_ASSERT_FALSE(rig_passes(r, &tcp, NULL, NULL));
		tcp.dst_port = 5432;
		CU_ASSERT_TRUE(part_passes(r, &tcp, 40, 120, false, 5));
	}
	rig_end(r);
}

/* No first one, another datagram's first one, a first one that policy does not let pass. */
static void test_without_first(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet p = large(ipv6), denied = large(ipv6), tcp = large(ipv6);

		CU_ASSERT_TRUE(part_refused(r, &p, 800, 1208, false, 1, 0, LM_DROP_FRAGMENT));
		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, 1));
		CU_ASSERT_TRUE(part_refused(r, &p, 800, 1208, false, 2, 0, LM_DROP_FRAGMENT));
		CU_ASSERT_TRUE(part_passes(r, &p, 1000, 1208, false, 1));
		CU_ASSERT_TRUE(part_passes(r, &p, 800, 1000, true, 1));
		CU_ASSERT_TRUE(part_refused(r, &p, 800, 1208, false, 1, 0, LM_DROP_FRAGMENT));
		denied.to = CACHE;
		CU_ASSERT_TRUE(part_refused(r, &denied, 0, 800, true, 3, 0, LM_DROP_POLICY_EGRESS));
		CU_ASSERT_TRUE(part_refused(r, &denied, 800, 1208, false, 3, 0, LM_DROP_FRAGMENT));
		/* The protocol is part of IPv4's name for a datagram. */
		tcp.protocol = IPPROTO_TCP;
		tcp.dst_port = 5432;
		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, 4));
		if (!ipv6)
			CU_ASSERT_TRUE(
			    part_refused(r, &tcp, 800, 1208, false, 4, 0, LM_DROP_FRAGMENT));
		/* Too late. */
		lm_dp_pass_time(r->gw[0].dp, 0, 7);
		CU_ASSERT_TRUE(part_refused(r, &p, 800, 1208, false, 4, 0, LM_DROP_FRAGMENT));
	}
	rig_end(r);
}

/* What hides ports from a filter, or changes them behind its back. */
static void test_attacks(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet p = large(ipv6), tcp = large(ipv6);
		uint8_t frame[RIG_FRAME_MAX];
		uint16_t id = 100;

		tcp.protocol = IPPROTO_TCP;
		tcp.dst_port = 5432;
		tcp.tcp_flags = LM_TCP_SYN;
		/* Tiny: flags, or ports, or options in the second one. */
		CU_ASSERT_TRUE(part_refused(r, &tcp, 0, 8, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		CU_ASSERT_TRUE(part_refused(r, &tcp, 0, 16, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		tcp.mss = 1000;
		tcp.payload = 0;
		CU_ASSERT_TRUE(part_passes(r, &tcp, 0, 24, true, id++));
		size_t len = rig_cut(r, frame, &tcp, 0, 24, true, id++);
		frame[len - 24 + 12] = 10 << 4;
		CU_ASSERT_FALSE(rig_sent(r, &tcp, frame, len));
		/* ICMP that is never so long. */
		p.protocol = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		p.src_port = ipv6 ? 139 : 13;
		CU_ASSERT_TRUE(part_refused(r, &p, 0, 800, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		p = large(ipv6);
		/* Overlapping, by one unit; then nothing of it passes any more. */
		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, id));
		CU_ASSERT_TRUE(part_refused(r, &p, 792, 1208, false, id, 0, LM_DROP_FRAGMENT_BAD));
		CU_ASSERT_TRUE(
		    part_refused(r, &p, 800, 1208, false, id++, 0, LM_DROP_FRAGMENT_BAD));
		/* All of the header again, with other ports. */
		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, id));
		p.dst_port = 54;
		CU_ASSERT_TRUE(part_refused(r, &p, 0, 800, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		p.dst_port = 53;
		/* RFC 3128: a second one at 8 that brings flags. */
		tcp.payload = 100;
		CU_ASSERT_TRUE(part_passes(r, &tcp, 0, 24, true, id));
		CU_ASSERT_TRUE(part_refused(r, &tcp, 8, 24, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		/* Not a multiple of 8; nothing at all; longer than anything can be. */
		CU_ASSERT_TRUE(part_refused(r, &p, 0, 801, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		CU_ASSERT_TRUE(part_refused(r, &p, 800, 800, true, id++, 0, LM_DROP_FRAGMENT_BAD));
		CU_ASSERT_TRUE(
		    part_refused(r, &p, 65528, 65536 + 40, false, id++, 0, LM_DROP_FRAGMENT_BAD));
		/* From somebody else's address. */
		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, id));
		p.from = APP;
		p.src_ip = ipv6 ? rig_hosts[WEB].ip6 : rig_hosts[WEB].ip4;
		CU_ASSERT_TRUE(
		    part_refused(r, &p, 800, 1208, false, id, 0, LM_DROP_SPOOFED_SOURCE));
	}
	rig_end(r);
}

static size_t seal_part(
    const struct rig *r, uint8_t *sealed, uint64_t seq, const uint8_t *part, size_t len)
{
	uint8_t inner[RIG_FRAME_MAX], pad = (uint8_t)(-(len + 2) & 3);

	memcpy(inner, part, len);
	for (uint8_t k = 1; k <= pad; k++)
		inner[len++] = k;
	inner[len++] = pad;
	inner[len++] = IPPROTO_IPIP;
	return rig_seal(r, sealed, seq, inner, len);
}

/* A peer that does not keep to it: its gateway is not asked. Nor is another peer's word taken. */
static void test_hostile_peer(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX], sealed[RIG_FRAME_MAX];
	struct rig_packet p = large(false), reply = rig_reply(&p);
	static const struct {
		unsigned from, to;
		bool more;
		enum lm_drop why;
	} steps[] = {
	    {800, 1208, false, LM_DROP_FRAGMENT},
	    {0, 8, true, FINE},
	    {0, 16, true, LM_DROP_FRAGMENT_BAD},
	    {8, 16, true, LM_DROP_FRAGMENT_BAD},
	};
	uint64_t seq = 1000;

	for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		uint64_t before = steps[i].why == FINE ? 0 : rig_drops(r, 1, steps[i].why);
		size_t len = rig_cut(r, frame, &p, steps[i].from, steps[i].to, steps[i].more, 5) -
			     rig_l2(&p);

		len = seal_part(r, sealed, seq++, frame + rig_l2(&p), len);
		rig_put(r, 1, &r->gw[1].under, sealed, len, 0);
		rig_run(r);
		CU_ASSERT_EQUAL(rig_drain(r, 1), steps[i].why == FINE);
		if (steps[i].why != FINE)
			CU_ASSERT_EQUAL(rig_drops(r, 1, steps[i].why), before + 1);
	}
	/* It begins a datagram in the name of db, which begins the same one. */
	CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, 6));
	size_t len = rig_cut(r, frame, &reply, 0, 16, true, 7) - rig_l2(&reply);
	len = seal_part(r, sealed, seq++, frame + rig_l2(&reply), len);
	rig_put(r, 1, &r->gw[1].under, sealed, len, 0);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_INNER_SOURCE), 1);
	CU_ASSERT_TRUE(part_passes(r, &reply, 0, 800, true, 7));
	CU_ASSERT_TRUE(part_passes(r, &reply, 800, 1208, false, 7));
	rig_end(r);
}

/* ---- IPv6 extension headers ------------------------------------------------------------ */

struct chain {
	uint8_t types[8]; /* 0xff: the end */
	enum lm_drop why; /* FINE: it passes */
};
#define HOP IPPROTO_HOPOPTS
#define DST IPPROTO_DSTOPTS
#define RH IPPROTO_ROUTING
#define FRAG IPPROTO_FRAGMENT

static void test_extensions(void)
{
	static const struct chain chains[] = {
	    {{HOP, RIG_CHAIN_END}, FINE},
	    {{DST, RIG_CHAIN_END}, FINE},
	    {{HOP, DST, RIG_CHAIN_END}, FINE},
	    {{HOP, DST, FRAG, DST, RIG_CHAIN_END}, FINE},
	    {{FRAG, RIG_CHAIN_END}, FINE}, /* of one part, RFC 6946 */
	    {{DST, HOP, RIG_CHAIN_END}, LM_DROP_EXTENSION},
	    {{RH, RIG_CHAIN_END}, LM_DROP_EXTENSION},
	    {{HOP, RH, RIG_CHAIN_END}, LM_DROP_EXTENSION},
	    {{HOP, DST, DST, DST, DST, RIG_CHAIN_END}, LM_DROP_EXTENSION},
	};
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];

	for (unsigned i = 0; i < sizeof chains / sizeof chains[0]; i++) {
		struct rig_packet p = rig_query;
		uint64_t before = i > 4 ? rig_drops(r, 0, chains[i].why) : 0;

		p.ipv6 = true;
		p.src_port = (uint16_t)(6000 + i);
		size_t len = rig_chained(r, frame, &p, chains[i].types, false);
		CU_ASSERT_EQUAL(rig_sent(r, &p, frame, len), chains[i].why == FINE);
		if (chains[i].why != FINE)
			CU_ASSERT_EQUAL(rig_drops(r, 0, chains[i].why), before + 1);
		/* The ports behind them are what policy is asked for. */
		p.to = APP;
		p.dst_port = 54;
		before = rig_drops(r, 0, LM_DROP_POLICY_INGRESS);
		len = rig_chained(r, frame, &p, chains[i].types, false);
		CU_ASSERT_FALSE(rig_sent(r, &p, frame, len));
		if (chains[i].why == FINE)
			CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_POLICY_INGRESS), before + 1);
	}
	rig_end(r);
}

/* Cut off anywhere, and with lengths that lie. */
static void test_extensions_malformed(void)
{
	static const uint8_t types[] = {HOP, DST, FRAG, DST, RIG_CHAIN_END};
	struct rig_options o = rig_one_worker;
	uint8_t frame[RIG_FRAME_MAX];
	struct rig_packet p = rig_query;

	o.guard = true;
	struct rig *r = rig_create(&o);
	p.ipv6 = true;
	p.payload = 0;
	for (int fragmented = 0; fragmented < 2; fragmented++) {
		unsigned l2 = rig_l2(&p);
		size_t len = rig_chained(r, frame, &p, types, fragmented);

		CU_ASSERT_EQUAL(rig_sent(r, &p, frame, len), true);
		for (size_t n = l2 + 40; n < len; n++) {
			rig_put16(frame + l2 + 4, (unsigned)(n - l2 - 40));
			CU_ASSERT_FALSE(rig_sent(r, &p, frame, n));
		}
		len = rig_chained(r, frame, &p, types, fragmented);
		for (unsigned at = l2 + 41; at < l2 + 41 + 48; at += 8) {
			uint8_t was = frame[at];

			frame[at] = 0xf0;
			rig_sent(r, &p, frame, len);
			frame[at] = was;
		}
	}
	/* A first fragment that does not reach to the upper layer hides it. */
	static const uint8_t hidden[] = {FRAG, DST, RIG_CHAIN_END};
	size_t len = rig_chained(r, frame, &p, hidden, true);
	uint64_t before = rig_drops(r, 0, LM_DROP_FRAGMENT_BAD);
	for (unsigned n = 16; n <= 24; n += 8) {
		rig_put16(frame + rig_l2(&p) + 4, n);
		frame[rig_l2(&p) + 40 + 7]++;
		CU_ASSERT_FALSE(rig_sent(r, &p, frame, rig_l2(&p) + 40 + n));
		CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_FRAGMENT_BAD), ++before);
	}
	/* Nor may a fragment be of fragments. */
	static const uint8_t twice[] = {FRAG, FRAG, RIG_CHAIN_END};
	len = rig_chained(r, frame, &p, twice, true);
	before = rig_drops(r, 0, LM_DROP_EXTENSION);
	CU_ASSERT_FALSE(rig_sent(r, &p, frame, len));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_EXTENSION), before + 1);
	rig_end(r);
}

/* ---- errors about them -------------------------------------------------------------------- */

/* db's gateway or db itself complains about this frame of p's. quoted: bytes of it. */
static bool complaint_passes(
    struct rig *r, const struct rig_packet *p, const uint8_t *frame, size_t quoted)
{
	const struct rig_packet error = {.from = p->to,
	    .to = p->from,
	    .ipv6 = p->ipv6,
	    .protocol = p->ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
	    .src_port = p->ipv6 ? 2 : 3,
	    .inside = frame + rig_l2(p),
	    .payload = (uint16_t)quoted};
	uint64_t before = rig_drops(r, 1, LM_DROP_NO_FLOW);
	bool passed = rig_passes(r, &error, NULL, NULL);

	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_NO_FLOW), before + !passed);
	return passed;
}

/* A first one says whose it is; a later one has no ports, and nobody guesses them. */
static void test_errors(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet p = large(ipv6);
		size_t headers = ipv6 ? 40 + 8 + 8 : 20 + 8;

		CU_ASSERT_TRUE(part_passes(r, &p, 0, 800, true, 1));
		rig_cut(r, frame, &p, 0, 800, true, 1);
		CU_ASSERT_TRUE(complaint_passes(r, &p, frame, headers));
		CU_ASSERT_FALSE(complaint_passes(r, &p, frame, headers - 1));
		rig_cut(r, frame, &p, 800, 1208, false, 1);
		CU_ASSERT_FALSE(complaint_passes(r, &p, frame, headers + 100));
		/* Not even if it begins with what would be the ports. */
		rig_cut(r, frame, &p, 0, 800, true, 1);
		rig_put16(frame + rig_l2(&p) + (ipv6 ? 42 : 6), ipv6 ? 9 : 0x2001);
		CU_ASSERT_FALSE(complaint_passes(r, &p, frame, headers));
		/* Of a flow that there is not. */
		p.src_port++;
		rig_cut(r, frame, &p, 0, 800, true, 1);
		CU_ASSERT_FALSE(complaint_passes(r, &p, frame, headers));
	}
	rig_end(r);
}

static void test_errors_extensions(void)
{
	static const uint8_t types[] = {HOP, DST, FRAG, DST, RIG_CHAIN_END},
			     many[] = {DST, DST, DST, DST, DST, RIG_CHAIN_END};
	struct rig_options o = rig_one_worker;
	uint8_t frame[RIG_FRAME_MAX];
	struct rig_packet p = rig_query;

	o.guard = true;
	struct rig *r = rig_create(&o);
	p.ipv6 = true;
	CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
	p.payload = 0;
	size_t len = rig_chained(r, frame, &p, types, false) - rig_l2(&p);
	for (size_t n = 0; n <= len; n++)
		CU_ASSERT_EQUAL(complaint_passes(r, &p, frame, n), n == len);
	for (unsigned at = 41; at < 41 + 40; at += 8) {
		uint8_t *length = frame + rig_l2(&p) + at, was = *length;

		*length = 0xff;
		complaint_passes(r, &p, frame, len);
		*length = was;
	}
	len = rig_chained(r, frame, &p, many, false) - rig_l2(&p);
	CU_ASSERT_FALSE(complaint_passes(r, &p, frame, len));
	rig_end(r);
}

LM_SUITE("fragments", {"table", test_table}, {"table order", test_table_order},
    {"table full", test_table_full}, {"table shared", test_table_shared}, {"pass", test_pass},
    {"echo and TCP", test_echo_and_tcp}, {"without first", test_without_first},
    {"attacks", test_attacks}, {"hostile peer", test_hostile_peer}, {"extensions", test_extensions},
    {"extensions malformed", test_extensions_malformed}, {"errors", test_errors},
    {"errors extensions", test_errors_extensions})
