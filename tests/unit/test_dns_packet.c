/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of workloads to port 53 of the gateway: taken apart, refused, answered. */
#include "frames.h"

#include "workload/dns.h"

static struct lm_workload_view make_view(void)
{
	struct lm_workload_view v = {.ipv4 = ip_of("100.64.0.10"),
	    .ipv6 = ip_of("fd00::a"),
	    .gateway4 = ip_of("100.64.0.1"),
	    .gateway6 = ip_of("fd00::1"),
	    .gateway_mac = {{2, 0, 0, 0, 0, 1}}};

	return v;
}

/* The gateway's own frames to a workload, turned round: they are as a workload's would be. */
static struct lm_workload_view mirrored(const struct lm_workload_view *v)
{
	struct lm_workload_view m = *v;

	m.gateway4 = v->ipv4;
	m.gateway6 = v->ipv6;
	m.gateway_mac = (struct lm_mac){{2, 0, 0, 0, 1, 1}};
	return m;
}

static struct lm_asker gateway_as_asker(const struct lm_workload_view *v, int family)
{
	return (struct lm_asker){
	    .mac = v->gateway_mac, .ip = family == 4 ? v->gateway4 : v->gateway6, .port = 53};
}

/* Source port 53, too: a builder knows no other. */
static struct frame datagram(const struct lm_workload_view *v, int family, const char *text)
{
	struct lm_workload_view m = mirrored(v);
	struct lm_asker to = gateway_as_asker(v, family);
	struct frame f;

	f.len = lm_dns_datagram(&m, &to, (const uint8_t *)text, strlen(text), f.b);
	CU_ASSERT_FATAL(f.len > 0);
	return f;
}

static struct frame segment(
    const struct lm_workload_view *v, int family, const struct lm_tcp_segment *s)
{
	struct lm_workload_view m = mirrored(v);
	struct lm_asker to = gateway_as_asker(v, family);
	struct frame f;

	f.len = lm_dns_segment(&m, &to, s, f.b);
	CU_ASSERT_FATAL(f.len > 0);
	return f;
}

static enum lm_workload_result parse(
    const struct lm_workload_view *v, const struct frame *f, struct lm_dns_packet *out)
{
	static uint8_t *copy;

	free(copy);
	copy = exact_copy(f->b, f->len);
	return lm_dns_packet_parse(v, copy, f->len, out);
}

static void test_datagram(void)
{
	struct lm_workload_view v = make_view();
	struct lm_dns_packet p;

	for (int family = 4; family <= 6; family += 2)
		for (uint16_t vlan = 0; vlan < 200; vlan += 101) {
			v.vlan = vlan;
			struct frame f = datagram(&v, family, "a question");
			CU_ASSERT_EQUAL_FATAL(parse(&v, &f, &p), LM_WL_DNS);
			CU_ASSERT_FALSE(p.tcp);
			CU_ASSERT_TRUE(p.len == 10 && memcmp(p.data, "a question", 10) == 0);
			CU_ASSERT_EQUAL(p.from.port, 53);
			CU_ASSERT_EQUAL(memcmp(p.from.mac.b, "\2\0\0\0\1\1", 6), 0);
			CU_ASSERT_TRUE(lm_ip_equal(&p.from.ip, family == 4 ? &v.ipv4 : &v.ipv6));
			v.vlan++;
			CU_ASSERT_EQUAL(parse(&v, &f, &p), LM_WL_UNHANDLED);
		}
}

static void test_segment(void)
{
	struct lm_workload_view v = make_view();
	struct lm_tcp_segment s = {.seq = 0x01020304,
	    .ack = 0x05060708,
	    .flags = LM_TCP_ACK | LM_TCP_PSH,
	    .window = 1000,
	    .data = (const uint8_t *)"odd",
	    .len = 3};
	struct lm_dns_packet p;

	for (int family = 4; family <= 6; family += 2) {
		struct frame f = segment(&v, family, &s);
		CU_ASSERT_EQUAL_FATAL(parse(&v, &f, &p), LM_WL_DNS);
		CU_ASSERT_TRUE(p.tcp);
		CU_ASSERT_EQUAL(p.segment.seq, s.seq);
		CU_ASSERT_EQUAL(p.segment.ack, s.ack);
		CU_ASSERT_EQUAL(p.segment.flags, s.flags);
		CU_ASSERT_EQUAL(p.segment.window, s.window);
		CU_ASSERT_EQUAL(p.segment.mss, 0);
		CU_ASSERT_TRUE(p.segment.len == 3 && memcmp(p.segment.data, "odd", 3) == 0);
	}
	s = (struct lm_tcp_segment){.flags = LM_TCP_SYN, .mss = 1220};
	struct frame f = segment(&v, 4, &s);
	CU_ASSERT_EQUAL_FATAL(parse(&v, &f, &p), LM_WL_DNS);
	CU_ASSERT_EQUAL(p.segment.mss, 1220);
	CU_ASSERT_EQUAL(p.segment.len, 0);
}

#define L4 34 /* of a frame with IPv4 and no tag */

static void test_options(void)
{
	/* What Linux sends: MSS, SACK permitted, timestamps, a pad, window scale. */
	static const uint8_t linux_options[] = {
	    2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
	static const struct {
		uint8_t b[4];
		bool ok;
	} cases[] = {{{0, 2, 4, 5}, true}, {{1, 1, 1, 0}, true}, {{1, 1, 1, 1}, true},
	    {{2, 3, 5, 0}, true}, {{2, 5, 5, 0xb4}, false}, {{2, 0, 5, 0xb4}, false},
	    {{2, 1, 5, 0xb4}, false}, {{1, 1, 1, 2}, false}, {{1, 1, 254, 255}, false}};
	struct lm_workload_view v = make_view();
	struct lm_dns_packet p;
	uint8_t data[20];

	memcpy(data, linux_options, sizeof data);
	struct lm_tcp_segment s = {.flags = LM_TCP_SYN, .data = data, .len = sizeof data};
	struct frame f = segment(&v, 4, &s);
	f.b[L4 + 12] = 10 << 4; /* they are header, not data */
	frame_mend(&f);
	CU_ASSERT_EQUAL_FATAL(parse(&v, &f, &p), LM_WL_DNS);
	CU_ASSERT_EQUAL(p.segment.mss, 1460);
	CU_ASSERT_EQUAL(p.segment.len, 0);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		s = (struct lm_tcp_segment){.flags = LM_TCP_SYN, .data = cases[i].b, .len = 4};
		f = segment(&v, 4, &s);
		f.b[L4 + 12] = 6 << 4;
		frame_mend(&f);
		CU_ASSERT_EQUAL(parse(&v, &f, &p), cases[i].ok ? LM_WL_DNS : LM_WL_MALFORMED);
		CU_ASSERT_EQUAL(p.segment.mss, 0);
	}
}

/* Of every byte that was changed: it is noticed, or it is none that matters to us. */
static void test_damage(void)
{
	struct lm_workload_view v = make_view();
	struct lm_tcp_segment s = {.flags = LM_TCP_ACK, .data = (const uint8_t *)"data", .len = 4};
	struct lm_dns_packet p;

	for (unsigned tcp = 0; tcp < 2; tcp++) {
		const struct frame good =
		    tcp ? segment(&v, 4, &s) : datagram(&v, 4, "a question that is longer");
		CU_ASSERT_EQUAL(parse(&v, &good, &p), LM_WL_DNS);
		for (size_t at = 12; at < L4 + 20; at++) {
			struct frame bad = good;
			bad.b[at] ^= 0x10;
			CU_ASSERT_NOT_EQUAL(parse(&v, &bad, &p), LM_WL_DNS);
		}
		for (size_t len = 0; len < L4 + 20; len++) {
			struct frame bad = good;
			bad.len = len;
			CU_ASSERT_EQUAL(parse(&v, &bad, &p), LM_WL_MALFORMED);
		}
	}
}

static void test_not_for_us(void)
{
	struct lm_workload_view v = make_view(), other;
	struct frame f = datagram(&v, 4, "question");
	struct lm_dns_packet p;

	other = v;
	other.ipv4 = ip_of("100.64.0.11");
	CU_ASSERT_EQUAL(parse(&other, &f, &p), LM_WL_UNHANDLED);
	other = v;
	other.gateway4 = ip_of("100.64.0.2");
	CU_ASSERT_EQUAL(parse(&other, &f, &p), LM_WL_UNHANDLED);
	/* Another port, a broadcast frame, no source port, no checksum. */
	struct frame g = f;
	g.b[L4 + 3] = 54;
	frame_mend(&g);
	CU_ASSERT_EQUAL(parse(&v, &g, &p), LM_WL_UNHANDLED);
	g = f;
	memset(g.b, 0xff, 6);
	CU_ASSERT_EQUAL(parse(&v, &g, &p), LM_WL_UNHANDLED);
	g = f;
	g.b[L4 + 1] = 0;
	frame_mend(&g);
	CU_ASSERT_EQUAL(parse(&v, &g, &p), LM_WL_MALFORMED);
	g = f;
	g.b[L4 + 6] = g.b[L4 + 7] = 0;
	CU_ASSERT_EQUAL(parse(&v, &g, &p), LM_WL_DNS);
	f = datagram(&v, 6, "question");
	f.b[54 + 6] = f.b[54 + 7] = 0;
	CU_ASSERT_EQUAL(parse(&v, &f, &p), LM_WL_MALFORMED);
}

/* The largest answers that there are pass as frames; what is larger is none. */
static void test_large(void)
{
	static uint8_t large[1600];
	struct lm_workload_view v = make_view();
	struct lm_asker to = {.mac = {{2, 0, 0, 0, 1, 1}}, .ip = v.ipv6, .port = 4000};
	uint8_t out[LM_WORKLOAD_FRAME_MAX];

	v.vlan = 7;
	CU_ASSERT_EQUAL(lm_dns_datagram(&v, &to, large, 1232, out), 18 + 40 + 8 + 1232);
	CU_ASSERT_EQUAL(lm_dns_datagram(&v, &to, large, 1500, out), 0);
	struct lm_tcp_segment s = {.data = large, .len = 1220};
	CU_ASSERT_EQUAL(lm_dns_segment(&v, &to, &s, out), 18 + 40 + 20 + 1220);
}

LM_SUITE("dns_packet", {"datagram", test_datagram}, {"segment", test_segment},
    {"options", test_options}, {"damage", test_damage}, {"not for us", test_not_for_us},
    {"large", test_large})
