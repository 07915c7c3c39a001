/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes behind members: where packets go, who may send them, and what rules see of them. */
#include <errno.h>
#include "dataplane/route.h"
#include "dataplane/tcp.h"
#include "dp_fixture.h"
#include "packet/frame.h"

#define SYN LM_TCP_SYN
#define ACK LM_TCP_ACK
enum { E_WEB, E_APP, E_DB, E_CACHE };
#define GONE(e) (1u << (e))

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {prefixes: 10.20.9.0/24, protocol: udp, ports: 54, action: deny}\n"
    "      - {prefixes: [10.20.0.0/16, \"fd99::/32\", 8.8.8.8], protocol: udp}\n"
    "      - {to: [db, app], protocol: icmp}\n"
    "      - {to: [db, app], protocol: tcp, ports: 80}\n"
    "    ingress:\n"
    "      - {prefixes: [10.20.0.0/16, \"fd99::/32\"], protocol: udp, ports: 99}\n"
    "      - {from: db, protocol: udp, ports: 98}\n"
    "  - name: app\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.11, ipv6: \"fd5a:10::11\"}]\n"
    "    ingress: [{from: any, protocol: any}]\n"
    "    egress: [{to: any, protocol: any}]\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress: [{from: any, protocol: any}]\n"
    "    egress: [{to: any, protocol: any}]\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n"
    "    ingress: [{from: web, protocol: any}]\n";

static const uint16_t db_app[] = {E_DB, E_APP}, cache[] = {E_CACHE}, app[] = {E_APP};

static const struct lm_dp_route routes[] = {
    {{{4, {10, 20}}, 16}, db_app, 2},
    {{{4, {10, 20, 5}}, 24}, cache, 1},
    {{{4, {0}}, 0}, app, 1},
    {{{6, {0xfd, 0x99}}, 32}, db_app, 2},
    {{{6, {0}}, 0}, app, 1},
};
#define N_ROUTES (sizeof routes / sizeof routes[0])

static bool passes(struct rig *r, struct rig_packet p)
{
	return rig_passes(r, &p, NULL, NULL);
}

/* True if the packet was dropped for this reason, at this gateway, and for no other. */
static bool refused(struct rig *r, struct rig_packet p, unsigned gw, enum lm_drop why)
{
	uint64_t before = rig_drops(r, gw, why);

	return !passes(r, p) && rig_drops(r, gw, why) == before + 1;
}

static void publish(struct rig *r, unsigned gone)
{
	for (unsigned g = 0; g < 2; g++) {
		r->gone[g] = gone;
		rig_publish(r, g, 0, policy);
	}
}

static struct rig *create_with(unsigned n)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (unsigned g = 0; g < 2; g++) {
		r->routes[g] = routes;
		r->n_routes[g] = n;
	}
	publish(r, 0);
	return r;
}

static struct rig *create(void)
{
	return create_with(N_ROUTES);
}

static struct rig_packet udp(
    enum rig_host_id from, const char *src, enum rig_host_id to, const char *dst, uint16_t port)
{
	return (struct rig_packet){.from = from,
	    .to = to,
	    .src_ip = src,
	    .dst_ip = dst,
	    .ipv6 = (src && strchr(src, ':')) || (dst && strchr(dst, ':')),
	    .protocol = IPPROTO_UDP,
	    .src_port = 4000,
	    .dst_port = port,
	    .payload = 32};
}

static struct rig_packet back(const struct rig_packet *p)
{
	struct rig_packet reply = rig_reply(p);

	reply.src_ip = p->dst_ip;
	reply.dst_ip = p->src_ip;
	return reply;
}

/* There, and back. */
static bool exchanges(struct rig *r, struct rig_packet p)
{
	return passes(r, p) && passes(r, back(&p));
}

static void test_longest_prefix(void)
{
	static const struct {
		const char *ip;
		int route; /* -1: none */
	} cases[] = {
	    {"10.20.0.0", 0},
	    {"10.20.255.255", 0},
	    {"10.20.4.255", 0},
	    {"10.20.5.0", 1},
	    {"10.20.5.255", 1},
	    {"10.20.6.0", 0},
	    {"10.19.255.255", 2},
	    {"10.21.0.0", 2},
	    {"223.255.255.255", 2},
	    {"1.0.0.0", 2},
	    {"0.0.0.1", -1},
	    {"127.0.0.1", -1},
	    {"169.254.1.1", -1},
	    {"224.0.0.1", -1},
	    {"255.255.255.255", -1},
	    {"100.64.10.1", -1},
	    {"100.64.10.99", -1},
	    {"100.64.11.0", 2},
	    {"100.64.9.255", 2},
	    {"fd99::1", 3},
	    {"fd99:0:ffff:ffff:ffff:ffff:ffff:ffff", 3},
	    {"fd99:1::", 4},
	    {"2001:db8::1", 4},
	    {"64:ff9b::1", 4},
	    {"0:0:0:1::", 4},
	    {"::1", -1},
	    {"fe80::1", -1},
	    {"ff02::1", -1},
	    {"feff::1", 4},
	    {"fd5a:10::77", -1},
	    {"fd5a:10:0:1::", 4},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", -1},
	};
	struct rig *r = create();

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lm_ip ip = rig_ip(cases[i].ip);
		struct lm_dp_route_info info;
		int got = lm_dp_route_of(r->gw[0].dp, 0, &ip, &info) == 0 ? (int)info.route : -1;

		if (got != cases[i].route)
			fprintf(stderr, "\n  %s: route %d, expected %d\n", cases[i].ip, got,
			    cases[i].route);
		CU_ASSERT_EQUAL(got, cases[i].route);
	}
	rig_end(r);
}

static uint32_t chance = 1;

static uint32_t below(uint32_t n)
{
	chance = chance * 1664525 + 1013904223;
	return (chance >> 8) % n;
}

/* Of few bits, so that prefixes nest and touch. */
static struct lm_ip random_ip(void)
{
	struct lm_ip ip = {.family = below(2) ? 4 : 6, .b = {11, 0}};

	if (ip.family == 6) {
		ip.b[0] = 0x20;
		ip.b[15] = below(3) ? 0 : (uint8_t)below(4);
	}
	ip.b[1] = (uint8_t)(below(4) << 6 | below(2));
	ip.b[3] = below(3) ? 0 : (uint8_t)(below(4) << 6 | below(3));
	return ip;
}

/* Any set of prefixes, beside a look at each of them. */
static void test_random_prefixes(void)
{
	struct rig *r = create();

	for (unsigned round = 0; round < 300; round++) {
		struct lm_dp_route list[24];
		unsigned n = 0;

		while (n < 1 + round % 24) {
			struct lm_ip ip = random_ip();
			struct lm_dp_route x = {.vias = app, .n_vias = 1};
			bool repeated = false;

			x.prefix.len = (uint8_t)below(ip.family == 4 ? 33 : 129);
			x.prefix.ip.family = ip.family;
			for (unsigned bit = 0; bit < x.prefix.len; bit++)
				x.prefix.ip.b[bit / 8] |= ip.b[bit / 8] & (0x80 >> bit % 8);
			for (unsigned i = 0; i < n; i++)
				repeated |= x.prefix.len == list[i].prefix.len &&
					    lm_ip_equal(&x.prefix.ip, &list[i].prefix.ip);
			/* Those at the very front of an address family are for nobody. */
			if (x.prefix.ip.b[0] == 0 && x.prefix.len >= 8)
				continue;
			if (repeated)
				break;
			list[n++] = x;
		}
		if (n == 0)
			continue;
		r->routes[0] = list;
		r->n_routes[0] = n;
		rig_publish(r, 0, 0, policy);
		for (unsigned k = 0; k < 200; k++) {
			struct lm_ip ip = random_ip();
			struct lm_dp_route_info info;
			int best = -1;

			for (unsigned i = 0; i < n; i++)
				if (lm_prefix_contains(&list[i].prefix, &ip) &&
				    (best < 0 || list[i].prefix.len > list[best].prefix.len))
					best = (int)i;
			int got =
			    lm_dp_route_of(r->gw[0].dp, 0, &ip, &info) == 0 ? (int)info.route : -1;
			if (got != best) {
				char text[LM_IP_TEXT];
				fprintf(stderr, "\n  round %u: %s: route %d, expected %d\n", round,
				    lm_ip_text(text, &ip), got, best);
				CU_FAIL_FATAL("differs from a look at each prefix");
			}
		}
	}
	rig_end(r);
}

static void test_reaches(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(exchanges(r, udp(WEB, NULL, DB, "10.20.1.1", 53)));
	CU_ASSERT_TRUE(exchanges(r, udp(WEB, NULL, CACHE, "10.20.5.1", 53)));
	CU_ASSERT_TRUE(exchanges(r, udp(WEB, NULL, DB, "fd99::7", 53)));
	/* The neighbour's own prefix, without a tunnel. */
	CU_ASSERT_TRUE(exchanges(r, udp(WEB, NULL, APP, "8.8.8.8", 53)));
	/* From behind a member, to another member, and to what is behind that one. */
	CU_ASSERT_TRUE(passes(r, udp(DB, "10.20.1.1", WEB, NULL, 99)));
	CU_ASSERT_TRUE(passes(r, udp(DB, "fd99::1", WEB, NULL, 99)));
	CU_ASSERT_TRUE(exchanges(r, udp(APP, "9.9.9.9", DB, "10.20.1.1", 53)));
	/* The network's own prefix is no part of the default route. */
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, APP, "100.64.10.99", 53), 0, LM_DROP_NO_ROUTE));
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, APP, "fd5a:10::99", 53), 0, LM_DROP_NO_ROUTE));
	/* It costs a hop at each gateway, as any router. */
	struct rig_packet p = udp(WEB, NULL, DB, "10.20.1.2", 53);
	uint8_t frame[RIG_FRAME_MAX];
	size_t len;
	struct lm_frame f;
	p.ttl = 9;
	CU_ASSERT_TRUE(rig_passes(r, &p, frame, &len));
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, frame, len), 0);
	CU_ASSERT_EQUAL(f.l3[8], 7);
	struct lm_ip dst = rig_ip("10.20.1.2"), seen = lm_frame_dst(&f);
	CU_ASSERT_TRUE(lm_ip_equal(&dst, &seen));
	rig_end(r);

	r = create_with(2);
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, APP, "8.8.8.8", 53), 0, LM_DROP_NO_ROUTE));
	rig_end(r);
}

static void test_rules(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(passes(r, udp(WEB, NULL, DB, "10.20.9.1", 53)));
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, DB, "10.20.9.1", 54), 0, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(passes(r, udp(WEB, NULL, DB, "10.20.8.255", 54)));
	/* That the member may be reached by some rule opens nothing that is behind it, or by none.
	 */
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, APP, "8.8.4.4", 53), 0, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, DB, NULL, 53), 0, LM_DROP_POLICY_EGRESS));
	CU_ASSERT_TRUE(refused(r, udp(DB, NULL, WEB, NULL, 99), 1, LM_DROP_POLICY_INGRESS));
	/* A rule that names the member is about what is behind it, too. */
	struct rig_packet p = udp(WEB, NULL, DB, "10.20.1.1", 80);
	p.protocol = IPPROTO_TCP;
	p.tcp_flags = SYN;
	CU_ASSERT_TRUE(passes(r, p));
	p.dst_port = 81;
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_EGRESS));
	/* Asked again with the packet's addresses. */
	struct rig_packet flow = udp(WEB, NULL, DB, "10.20.1.1", 53),
			  ends = udp(WEB, NULL, DB, "10.20.9.1", 53);
	CU_ASSERT_TRUE(passes(r, flow));
	CU_ASSERT_TRUE(passes(r, ends));
	char *other = strdup(policy);
	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	memcpy(strstr(other, "ports: 54"), "ports: 53", 9);
	rig_publish(r, 0, 0, other);
	rig_publish(r, 1, 0, other);
	free(other);
	CU_ASSERT_TRUE(passes(r, back(&flow)));
	CU_ASSERT_TRUE(passes(r, flow));
	CU_ASSERT_TRUE(refused(r, back(&ends), 1, LM_DROP_POLICY_INGRESS));
	CU_ASSERT_TRUE(refused(r, ends, 0, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static void test_sources(void)
{
	struct rig *r = create();

	/* Exactly the prefixes of the routes that name it, active or not. */
	CU_ASSERT_TRUE(passes(r, udp(DB, "10.20.1.1", WEB, NULL, 99)));
	CU_ASSERT_TRUE(refused(r, udp(DB, "10.20.5.1", WEB, NULL, 99), 1, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(refused(r, udp(DB, "10.21.0.1", WEB, NULL, 99), 1, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(refused(r, udp(DB, "fd99:1::1", WEB, NULL, 99), 1, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(refused(r, udp(WEB, "10.20.1.1", DB, NULL, 80), 0, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(
	    refused(r, udp(DB, "100.64.10.21", WEB, NULL, 99), 1, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(passes(r, udp(APP, "10.20.1.1", WEB, NULL, 99))); /* stands by */
	/* The prefix counts as the active one's, whoever sends; its own address as its own. */
	CU_ASSERT_TRUE(passes(r, udp(APP, "10.20.1.1", WEB, NULL, 98)));
	CU_ASSERT_TRUE(refused(r, udp(APP, NULL, WEB, NULL, 98), 0, LM_DROP_POLICY_INGRESS));
	CU_ASSERT_TRUE(
	    refused(r, udp(APP, "100.64.10.99", WEB, NULL, 99), 0, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(
	    refused(r, udp(APP, "100.64.10.1", WEB, NULL, 99), 0, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(refused(r, udp(APP, "127.0.0.1", WEB, NULL, 99), 0, LM_DROP_SPOOFED_SOURCE));
	CU_ASSERT_TRUE(refused(r, udp(APP, "fe80::5", WEB, NULL, 99), 0, LM_DROP_SPOOFED_SOURCE));
	/* Answers go to the active one. */
	struct rig_packet reply = back(&(struct rig_packet){.from = DB,
	    .to = WEB,
	    .src_ip = "10.20.1.1",
	    .protocol = IPPROTO_UDP,
	    .src_port = 4000,
	    .dst_port = 99});
	CU_ASSERT_TRUE(passes(r, reply));
	rig_end(r);
}

/* why LM_DROP_MAX: it passes. */
static bool forged(struct rig *r, const char *src, uint64_t seq, enum lm_drop why)
{
	uint8_t frame[RIG_FRAME_MAX], payload[RIG_FRAME_MAX];
	const struct rig_packet p = udp(WEB, src, DB, strchr(src, ':') ? "fd99::1" : NULL, 77);
	bool fine = why == LM_DROP_MAX;
	uint64_t before = fine ? 0 : rig_drops(r, 1, why);

	size_t len = rig_seal(r, frame, seq, payload, rig_inner(r, payload, &p));
	rig_put(r, 1, &r->gw[1].under, frame, len, -1);
	rig_run(r);
	bool passed = rig_drain(r, 1) == 1;
	return fine ? passed : !passed && rig_drops(r, 1, why) == before + 1;
}

/* The peer's workload checks count for nothing: what its routes do not say is dropped here. */
static void test_sources_of_peer(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(forged(r, "100.64.10.11", 1, LM_DROP_MAX));
	CU_ASSERT_TRUE(forged(r, "10.20.1.1", 2, LM_DROP_MAX)); /* app stands by for it there */
	CU_ASSERT_TRUE(forged(r, "8.8.8.8", 3, LM_DROP_MAX));
	CU_ASSERT_TRUE(forged(r, "10.20.5.1", 4, LM_DROP_INNER_SOURCE)); /* cache's alone */
	CU_ASSERT_TRUE(forged(r, "100.64.10.21", 5, LM_DROP_INNER_SOURCE));
	CU_ASSERT_TRUE(forged(r, "100.64.10.99", 6, LM_DROP_INNER_SOURCE));
	CU_ASSERT_TRUE(forged(r, "127.0.0.1", 7, LM_DROP_INNER_SOURCE));
	CU_ASSERT_TRUE(forged(r, "fe80::1", 8, LM_DROP_INNER_SOURCE));
	CU_ASSERT_TRUE(forged(r, "fd99::2", 9, LM_DROP_MAX));
	/* Neither by a flow that its owner has opened. */
	struct rig_packet p = udp(CACHE, "10.20.5.1", DB, NULL, 77);
	CU_ASSERT_TRUE(refused(r, p, 1, LM_DROP_POLICY_EGRESS));
	rig_end(r);
}

static void test_failover(void)
{
	struct rig *r = create();
	struct rig_packet p = udp(WEB, NULL, DB, "10.20.1.1", 80);
	struct lm_dp_route_info info;

	p.protocol = IPPROTO_TCP;
	p.tcp_flags = SYN;
	CU_ASSERT_TRUE(passes(r, p));
	struct rig_packet reply = back(&p);
	reply.tcp_flags = SYN | ACK;
	CU_ASSERT_TRUE(passes(r, reply));
	p.tcp_flags = ACK;
	CU_ASSERT_TRUE(passes(r, p));
	/* The same connection by the other replica, without a word of its opener. */
	publish(r, GONE(E_DB));
	CU_ASSERT_EQUAL(lm_dp_route_at(r->gw[0].dp, 0, 0, &info), 0);
	CU_ASSERT_TRUE(info.up && info.endpoint == E_APP);
	p.to = reply.from = APP;
	reply.tcp_flags = ACK;
	CU_ASSERT_TRUE(passes(r, reply));
	CU_ASSERT_TRUE(passes(r, p));
	/* None left: nothing new, and what there was waits. */
	publish(r, GONE(E_DB) | GONE(E_APP));
	CU_ASSERT_EQUAL(lm_dp_route_at(r->gw[0].dp, 0, 0, &info), 0);
	CU_ASSERT_FALSE(info.up);
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_NO_ROUTE));
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, DB, "10.20.1.2", 53), 0, LM_DROP_NO_ROUTE));
	CU_ASSERT_TRUE(refused(r, udp(WEB, NULL, APP, "8.8.8.8", 53), 0, LM_DROP_NO_ROUTE));
	/* And back to the first. */
	publish(r, 0);
	p.to = reply.from = DB;
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_TRUE(passes(r, reply));
	CU_ASSERT_EQUAL(lm_dp_route_at(r->gw[0].dp, 0, 5, &info), -ENOENT);
	rig_end(r);
}

/* A gateway that has not seen the flow takes it over from the side that did not open it. */
static void test_failover_picks_up(void)
{
	struct rig *r = create();
	struct rig_packet p = udp(APP, "10.20.1.1", WEB, NULL, 4000);

	p.protocol = IPPROTO_TCP;
	p.src_port = 80;
	p.tcp_flags = ACK;
	for (unsigned g = 0; g < 2; g++)
		lm_dp_pass_time(r->gw[g].dp, 0, 1000);
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_INGRESS));
	publish(r, GONE(E_DB));
	CU_ASSERT_TRUE(passes(r, p));
	/* Published again, it is not news. */
	for (unsigned g = 0; g < 2; g++)
		lm_dp_pass_time(r->gw[g].dp, 0, 1000);
	publish(r, GONE(E_DB));
	p.src_ip = "10.20.1.2";
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_POLICY_INGRESS));
	rig_end(r);
}

/* Gateways that do not agree on the active one: each delivers to its own. */
static void test_other_view(void)
{
	struct rig *r = create();
	struct rig_packet p = udp(DB, NULL, APP, "10.20.1.1", 53);

	/* Gateway 0 knows nothing of what gateway 1 does not see any more. */
	static const uint16_t app_db[] = {E_APP, E_DB};
	const struct lm_dp_route here = {{{4, {10, 20}}, 16}, app_db, 2},
				 there = {{{4, {10, 20}}, 16}, db_app, 2};
	r->routes[0] = &there;
	r->routes[1] = &here;
	r->n_routes[0] = r->n_routes[1] = 1;
	publish(r, 0);
	CU_ASSERT_TRUE(exchanges(r, p));
	CU_ASSERT_TRUE(exchanges(r, p)); /* by the flow, too */
	/* With nobody of ours behind it, it is not sent on to a third. */
	r->gone[0] = GONE(E_APP);
	rig_publish(r, 0, 0, policy);
	CU_ASSERT_TRUE(refused(r, p, 0, LM_DROP_NO_ROUTE));
	rig_end(r);
}

static void test_no_loop(void)
{
	struct rig *r = create();

	CU_ASSERT_TRUE(refused(r, udp(DB, "10.20.1.1", DB, "10.20.1.2", 53), 1, LM_DROP_LOOP));
	CU_ASSERT_TRUE(refused(r, udp(DB, NULL, DB, "10.20.1.2", 53), 1, LM_DROP_LOOP));
	CU_ASSERT_TRUE(refused(r, udp(APP, NULL, APP, "8.8.8.8", 53), 0, LM_DROP_LOOP));
	/* By a flow that began elsewhere. */
	CU_ASSERT_TRUE(passes(r, udp(DB, "10.20.1.1", APP, "9.9.9.9", 53)));
	CU_ASSERT_TRUE(refused(r, udp(APP, "10.20.1.1", APP, "9.9.9.9", 53), 0, LM_DROP_LOOP));
	rig_end(r);
}

/* Errors belong to flows, also those of routers behind the member. */
static void test_errors(void)
{
	struct rig *r = create();

	for (unsigned family = 0; family < 2; family++) {
		bool ipv6 = family;
		struct rig_packet p = udp(WEB, NULL, DB, ipv6 ? "fd99::9" : "10.20.1.1", 53);
		struct rig_packet error = {.from = DB,
		    .to = WEB,
		    .ipv6 = ipv6,
		    .protocol = ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		    .src_port = ipv6 ? 3 : 11,
		    .payload = ipv6 ? 48 : 28};
		uint8_t sent[RIG_FRAME_MAX];
		struct lm_frame f;

		CU_ASSERT_TRUE(passes(r, p));
		CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, sent, rig_build(r, sent, &p)), 0);
		error.inside = f.l3;
		error.src_ip = p.dst_ip;
		CU_ASSERT_TRUE(passes(r, error));
		error.src_ip = ipv6 ? "fd99::fe" : "10.20.1.254";
		CU_ASSERT_TRUE(passes(r, error));
		error.src_ip = NULL; /* the member itself */
		CU_ASSERT_TRUE(passes(r, error));
		error.from = APP; /* not behind that one */
		CU_ASSERT_TRUE(refused(r, error, 0, LM_DROP_NO_FLOW));
		error.src_ip = ipv6 ? "2001:db8::1" : "8.8.8.8";
		CU_ASSERT_TRUE(refused(r, error, 0, LM_DROP_NO_FLOW));
		/* To somebody else than who sent it. */
		error.from = DB;
		error.to = APP;
		error.src_ip = NULL;
		CU_ASSERT_TRUE(refused(r, error, 1, LM_DROP_NO_FLOW));
	}
	rig_end(r);

	/* Without routes, an error is of whom the packet went to. */
	r = create_with(0);
	struct rig_packet p = {
	    .from = WEB, .to = DB, .protocol = IPPROTO_ICMP, .src_port = 8, .payload = 8};
	struct rig_packet error = {
	    .from = CACHE, .to = WEB, .protocol = IPPROTO_ICMP, .src_port = 11, .payload = 28};
	uint8_t sent[RIG_FRAME_MAX];
	struct lm_frame f;
	CU_ASSERT_TRUE(passes(r, p));
	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, sent, rig_build(r, sent, &p)), 0);
	error.inside = f.l3;
	CU_ASSERT_TRUE(refused(r, error, 1, LM_DROP_NO_FLOW));
	rig_end(r);
}

static void test_refused(void)
{
	static const uint16_t beyond[] = {4};
	static const struct lm_dp_route bad[][2] = {
	    {{{{4, {100, 64, 10}}, 24}, app, 1}},
	    {{{{4, {100, 64, 10, 16}}, 28}, app, 1}},
	    {{{{6, {0xfd, 0x5a, 0, 0x10}}, 64}, app, 1}},
	    {{{{4, {127}}, 8}, app, 1}},
	    {{{{4, {239, 1}}, 16}, app, 1}},
	    {{{{6, {0xfe, 0x80}}, 64}, app, 1}},
	    {{{{6, {0}}, 96}, app, 1}},
	    {{{{0, {0}}, 0}, app, 1}},
	    {{{{4, {10}}, 8}, app, 0}},
	    {{{{4, {10}}, 8}, beyond, 1}},
	    {{{{4, {10}}, 8}, app, 1}, {{{4, {10}}, 8}, cache, 1}},
	};
	struct rig *r = create();
	struct lm_dp_endpoint eps[4] = {{.attachment = LM_DP_NONE, .peer = LM_DP_NONE}};
	struct lm_dp_network spec = {.net4 = {{4, {100, 64, 10}}, 24},
	    .net6 = {{6, {0xfd, 0x5a, 0, 0x10}}, 64},
	    .endpoints = eps,
	    .n_endpoints = 4};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		spec.routes = bad[i];
		spec.n_routes = bad[i][1].n_vias ? 2 : 1;
		CU_ASSERT_EQUAL(lm_dp_network_publish(r->gw[0].dp, 0, &spec), -EINVAL);
	}
	/* What was there stays. */
	CU_ASSERT_TRUE(exchanges(r, udp(WEB, NULL, DB, "10.20.1.1", 53)));
	rig_end(r);
}

LM_SUITE("dp_routes", {"longest_prefix", test_longest_prefix},
    {"random_prefixes", test_random_prefixes}, {"reaches", test_reaches}, {"rules", test_rules},
    {"sources", test_sources}, {"sources_of_peer", test_sources_of_peer},
    {"failover", test_failover}, {"failover_picks_up", test_failover_picks_up},
    {"other_view", test_other_view}, {"no_loop", test_no_loop}, {"errors", test_errors},
    {"refused", test_refused})
