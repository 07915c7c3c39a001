/* SPDX-License-Identifier: Apache-2.0 */
/* Between workers and control: what is handed up, what is refused at what rate, what goes down. */
#include <errno.h>
#include <poll.h>
#include <rte_ether.h>
#include "dp_fixture.h"
#include "packet/build.h"

struct last {
	struct lm_dp_punt punt;
	uint8_t frame[RIG_FRAME_MAX];
	unsigned n;
};

static void keep(void *ctx, const struct lm_dp_punt *punt)
{
	struct last *l = ctx;

	l->punt = *punt;
	memcpy(l->frame, punt->data, punt->len);
	l->n++;
}

/* The only punt that this frame of web's causes; n = 0: none. */
static struct last from_web(struct rig *r, const uint8_t *frame, size_t len)
{
	struct last l = {0};

	rig_send(r, WEB, frame, len);
	rig_run(r);
	lm_dp_punts(r->gw[0].dp, 32, keep, &l);
	if (l.n > 0) {
		CU_ASSERT_EQUAL(l.n, 1);
		CU_ASSERT_EQUAL(l.punt.port, r->gw[0].access.index);
		CU_ASSERT_EQUAL(l.punt.attachment, rig_hosts[WEB].attachment);
		CU_ASSERT_EQUAL(l.punt.len, len);
		CU_ASSERT_EQUAL(memcmp(l.frame, frame, len), 0);
	}
	return l;
}

static size_t build_arp(uint8_t *frame, const char *sender)
{
	const struct rig_host *web = &rig_hosts[WEB];
	struct lm_ip spa = rig_ip(sender), tpa = rig_ip("100.64.10.1");
	struct lm_build b;

	lm_build_ether(
	    &b, frame, RIG_FRAME_MAX, &lm_mac_broadcast, &web->mac, web->vlan, RTE_ETHER_TYPE_ARP);
	lm_write_u64(&b.w, 0x0001080006040001);
	lm_write(&b.w, web->mac.b, 6);
	lm_write(&b.w, spa.b, 4);
	lm_write_be(&b.w, 0, 6);
	lm_write(&b.w, tpa.b, 4);
	return lm_build_end(&b);
}

static void test_arp(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	uint8_t frame[RIG_FRAME_MAX];

	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.10")).n, 1);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "0.0.0.0")).n, 1);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.11")).n, 0);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.1")).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE), 2);
	CU_ASSERT_EQUAL(from_web(r, frame, 40).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MALFORMED), 1);
	rig_end(r);
}

static struct last packet(struct rig *r, struct rig_packet p)
{
	uint8_t frame[RIG_FRAME_MAX];

	return from_web(r, frame, rig_build(r, frame, &p));
}

static void test_to_the_gateway(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct rig_packet p = rig_query;

	p.src_port = 68;
	p.dst_port = 67;
	p.src_ip = "0.0.0.0";
	p.dst_ip = "255.255.255.255";
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_WORKLOAD);
	p.dst_port = 68; /* no server's */
	CU_ASSERT_EQUAL(packet(r, p).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MULTICAST), 1);
	/* The same from a host that has its address, which takes the short way otherwise. */
	p.src_ip = NULL;
	CU_ASSERT_EQUAL(packet(r, p).n, 0);
	p.dst_ip = "224.0.0.9";
	CU_ASSERT_EQUAL(packet(r, p).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MULTICAST), 3);
	p.dst_port = 67;
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_WORKLOAD);
	p.dst_ip = NULL;
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_WORKLOAD);
	p = rig_query;
	p.dst_ip = "100.64.10.1";
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_DNS);
	p.protocol = IPPROTO_TCP;
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_DNS);
	p.dst_port = 54;
	CU_ASSERT_EQUAL(packet(r, p).punt.reason, LM_PUNT_WORKLOAD);
	p.src_ip = "100.64.10.11";
	CU_ASSERT_EQUAL(packet(r, p).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE), 1);

	struct rig_packet nd = {
	    .from = WEB, .ipv6 = true, .protocol = IPPROTO_ICMPV6, .src_port = 135};
	nd.dst_ip = "ff02::1:ff00:20";
	CU_ASSERT_EQUAL(packet(r, nd).n, 1);
	nd.src_ip = "::";
	CU_ASSERT_EQUAL(packet(r, nd).n, 1);
	nd.src_ip = "fe80::1";
	CU_ASSERT_EQUAL(packet(r, nd).n, 1);
	nd.src_ip = "fd5a:10::11";
	CU_ASSERT_EQUAL(packet(r, nd).n, 0);
	nd.src_ip = NULL;
	nd.src_port = 143; /* listener reports are for multicast routers, also in nobody's name */
	CU_ASSERT_EQUAL(packet(r, nd).n, 0);
	nd.src_ip = "::";
	CU_ASSERT_EQUAL(packet(r, nd).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MULTICAST), 5);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MALFORMED), 0);
	nd.src_ip = NULL;
	nd.src_port = 133;
	nd.dst_ip = "ff02::2";
	CU_ASSERT_EQUAL(packet(r, nd).n, 1);
	nd.src_port = 128;
	nd.dst_ip = "fd5a:10::1";
	CU_ASSERT_EQUAL(packet(r, nd).n, 1);
	struct rig_packet dhcp6 = {.from = WEB,
	    .ipv6 = true,
	    .protocol = IPPROTO_UDP,
	    .src_port = 546,
	    .dst_port = 547,
	    .src_ip = "fe80::1",
	    .dst_ip = "ff02::1:2"};
	CU_ASSERT_EQUAL(packet(r, dhcp6).n, 1);
	/* By unicast, which is refused by a word that says so; and in another's name. */
	dhcp6.src_ip = NULL;
	dhcp6.dst_ip = "fd5a:10::1";
	CU_ASSERT_EQUAL(packet(r, dhcp6).n, 1);
	dhcp6.src_ip = "fd5a:10::11";
	CU_ASSERT_EQUAL(packet(r, dhcp6).n, 0);
	rig_end(r);
}

static void test_too_big(void)
{
	struct rig *r = rig_create(&rig_one_worker);

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct rig_packet p = rig_query;

		p.ipv6 = ipv6;
		p.payload = (uint16_t)(RIG_MTU - (ipv6 ? 48 : 28));
		CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
		p.payload++;
		struct last l = packet(r, p);
		CU_ASSERT_EQUAL(l.n, 1);
		CU_ASSERT_EQUAL(l.punt.reason, LM_PUNT_TOO_BIG);
		CU_ASSERT_EQUAL(l.punt.mtu, RIG_MTU);
		/* On this gateway, what counts is the port. */
		p.to = APP;
		CU_ASSERT_TRUE(rig_passes(r, &p, NULL, NULL));
		p.payload = (uint16_t)(1501 - (ipv6 ? 48 : 28));
		l = packet(r, p);
		CU_ASSERT_EQUAL(l.punt.reason, LM_PUNT_TOO_BIG);
		CU_ASSERT_EQUAL(l.punt.mtu, 1500);
		/* Only the sender of what would pass is told. */
		p.dst_port = 54;
		CU_ASSERT_EQUAL(packet(r, p).n, 0);
	}
	rig_end(r);
}

/* One workload cannot keep control from hearing another. */
static void test_flood(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	unsigned by_reason[LM_PUNT_MAX] = {0};
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = build_arp(frame, "100.64.10.10");

	for (unsigned i = 0; i < 1000; i++)
		rig_send(r, WEB, frame, len);
	rig_run(r);
	rig_punts(r, 0, by_reason);
	CU_ASSERT_TRUE(by_reason[LM_PUNT_WORKLOAD] >= 64 && by_reason[LM_PUNT_WORKLOAD] < 100);
	CU_ASSERT_EQUAL(by_reason[LM_PUNT_WORKLOAD] + rig_drops(r, 0, LM_DROP_PUNT_LIMIT), 1000);
	struct rig_packet p = rig_query;
	p.from = APP;
	p.dst_ip = "100.64.10.1";
	len = rig_build(r, frame, &p);
	rig_send(r, APP, frame, len);
	rig_run(r);
	CU_ASSERT_EQUAL(rig_punts(r, 0, by_reason), 1);
	lm_dp_pass_time(r->gw[0].dp, 0, 1);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.10")).n, 1);
	rig_end(r);
}

/* Questions for names have an allowance of their own, and leave room for all others. */
static void test_dns_flood(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	unsigned by_reason[LM_PUNT_MAX] = {0};
	uint8_t frame[RIG_FRAME_MAX];
	struct rig_packet p = rig_query;

	p.dst_ip = "100.64.10.1";
	size_t len = rig_build(r, frame, &p);
	for (unsigned i = 0; i < 1000; i++)
		rig_send(r, WEB, frame, len);
	rig_run(r);
	rig_punts(r, 0, by_reason);
	CU_ASSERT_TRUE(by_reason[LM_PUNT_DNS] >= 256 && by_reason[LM_PUNT_DNS] < 400);
	CU_ASSERT_EQUAL(by_reason[LM_PUNT_DNS] + rig_drops(r, 0, LM_DROP_PUNT_LIMIT), 1000);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.10")).n, 1);

	/* As many as the operator says. */
	lm_dp_pass_time(r->gw[0].dp, 0, 1);
	lm_dp_set_questions(r->gw[0].dp, 1000000);
	for (unsigned i = 0; i < 2000; i++) {
		rig_send(r, WEB, frame, rig_build(r, frame, &p));
		rig_run(r);
		memset(by_reason, 0, sizeof by_reason);
		rig_punts(r, 0, by_reason);
		CU_ASSERT_EQUAL(by_reason[LM_PUNT_DNS], 1);
	}
	lm_dp_set_questions(r->gw[0].dp, 2000);

	/* Two that ask as often as they may fill their part of the ring, while control is busy. */
	for (unsigned round = 0; round < 4; round++) {
		lm_dp_pass_time(r->gw[0].dp, 0, 1);
		p.from = round % 2 ? APP : WEB;
		len = rig_build(r, frame, &p);
		for (unsigned i = 0; i < 256; i++)
			rig_send(r, p.from, frame, len);
		rig_run(r);
	}
	rig_send(r, WEB, frame, build_arp(frame, "100.64.10.10"));
	rig_run(r);
	memset(by_reason, 0, sizeof by_reason);
	rig_punts(r, 0, by_reason);
	CU_ASSERT_TRUE(by_reason[LM_PUNT_DNS] >= 500 && by_reason[LM_PUNT_DNS] <= 512);
	CU_ASSERT_EQUAL(by_reason[LM_PUNT_WORKLOAD], 1);
	rig_end(r);
}

/* What of a newcomer's IPv6 talk goes up, and what is dropped, for its MAC is another's. */
static void newcomer6(struct rig *r, bool learned)
{
	struct rig_packet dhcp = {.from = WEB,
	    .ipv6 = true,
	    .protocol = IPPROTO_UDP,
	    .src_port = 546,
	    .dst_port = 547,
	    .src_ip = "fe80::1",
	    .dst_ip = "ff02::1:2"};
	struct rig_packet nd = {.from = WEB,
	    .ipv6 = true,
	    .protocol = IPPROTO_ICMPV6,
	    .src_port = 133,
	    .src_ip = "fe80::1",
	    .dst_ip = "ff02::2"};
	unsigned macs = rig_drops(r, 0, LM_DROP_SPOOFED_MAC);
	unsigned sources = rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE);

	CU_ASSERT_EQUAL(packet(r, dhcp).n, learned);
	CU_ASSERT_EQUAL(packet(r, nd).n, learned);
	nd.src_ip = "fd5a:10::11";
	CU_ASSERT_EQUAL(packet(r, nd).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE), sources + learned);
	nd.src_ip = "fe80::1";
	nd.src_port = 135; /* it may ask for neighbours once it has an address */
	CU_ASSERT_EQUAL(packet(r, nd).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_MAC), macs + (learned ? 1 : 4));
}

/* Without a MAC, an attachment only gets to say who it is. */
static void test_learning(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	const struct rig_host *web = &rig_hosts[WEB];
	struct lm_dp_attachment a = {.id = web->attachment,
	    .port = r->gw[0].access.index,
	    .vlan = web->vlan,
	    .net = 0,
	    .endpoint = 0};
	struct rig_packet dhcp = rig_query;
	uint8_t frame[RIG_FRAME_MAX];

	dhcp.src_port = 68;
	dhcp.dst_port = 67;
	dhcp.src_ip = "0.0.0.0";
	dhcp.dst_ip = "255.255.255.255";
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "0.0.0.0")).n, 1);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MAC_UNKNOWN), 1);
	a.has_mac = true;
	a.mac = web->mac;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	/* Another MAC in its place: of a learned one DHCP tells, of a given one nothing does. */
	a.mac.b[5] ^= 1;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_EQUAL(packet(r, dhcp).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_MAC), 1);
	newcomer6(r, false);
	a.learned = true;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_EQUAL(packet(r, dhcp).punt.reason, LM_PUNT_WORKLOAD);
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.10")).n, 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_MAC), 7);
	newcomer6(r, true);
	a.mac = web->mac;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	/* While its endpoint is not served here, it pretends nothing by using its address. */
	unsigned sources = rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE);
	struct rig_packet other = rig_query;
	other.src_ip = "100.64.10.11";
	a.waits = true;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[0].dp, &a, 1), 0);
	CU_ASSERT_FALSE(rig_passes(r, &other, NULL, NULL));
	CU_ASSERT_EQUAL(from_web(r, frame, build_arp(frame, "100.64.10.11")).n, 0);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NOT_SERVED), 2);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_SPOOFED_SOURCE), sources);
	CU_ASSERT_EQUAL(packet(r, dhcp).punt.reason, LM_PUNT_WORKLOAD);
	/* The other way, to one who is not attached, or whose MAC nobody knows. */
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[1].dp, NULL, 0), 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_NOT_ATTACHED), 1);
	a = (struct lm_dp_attachment){
	    .id = rig_hosts[DB].attachment, .port = r->gw[1].access.index, .endpoint = 2};
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[1].dp, &a, 1), 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_MAC_UNKNOWN), 1);
	/* Its number was given to a workload of another network meanwhile. */
	a.has_mac = true;
	a.mac = rig_hosts[DB].mac;
	a.net = 1;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[1].dp, &a, 1), 0);
	CU_ASSERT_FALSE(rig_passes(r, &rig_query, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_NOT_ATTACHED), 2);
	a.net = 0;
	/* An index that is out of date for a moment does no harm. */
	a.has_mac = true;
	a.mac = rig_hosts[DB].mac;
	a.endpoint = 3;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(r->gw[1].dp, &a, 1), 0);
	CU_ASSERT_TRUE(rig_passes(r, &rig_query, NULL, NULL));
	struct rig_packet reply = rig_reply(&rig_query);
	CU_ASSERT_TRUE(rig_passes(r, &reply, NULL, NULL));
	reply.src_ip = "100.64.10.21"; /* nor does it lend somebody else's address */
	CU_ASSERT_FALSE(rig_passes(r, &reply, NULL, NULL));
	CU_ASSERT_EQUAL(rig_drops(r, 1, LM_DROP_SPOOFED_SOURCE), 1);
	rig_end(r);
}

static void test_attachments_refused(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp *dp = r->gw[0].dp;
	struct lm_dp_attachment a[2] = {
	    {.id = 1, .port = r->gw[0].access.index, .vlan = 5, .has_mac = true},
	    {.id = 2, .port = r->gw[0].access.index, .vlan = 5, .has_mac = true}};

	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EEXIST);
	a[1].mac.b[5] = 1;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), 0);
	a[1].id = 1;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EEXIST);
	a[1].id = 256;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EINVAL);
	a[1].id = 2;
	a[1].port = r->gw[0].under.index;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EINVAL);
	a[1].port = r->gw[0].access.index;
	a[1].net = 4;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EINVAL);
	a[1].net = 0;
	a[0].has_mac = a[1].has_mac = false;
	CU_ASSERT_EQUAL(lm_dp_attachments_publish(dp, a, 2), -EEXIST);
	rig_end(r);
}

/* ---- underlay ----------------------------------------------------------------- */

static size_t build_outer_from(const struct rig *r, uint8_t *frame, const char *src,
    const char *dst, uint8_t protocol, uint16_t dst_port, const void *payload, size_t len)
{
	struct lm_ip from = rig_ip(src), to = rig_ip(dst);
	struct lm_build b;

	lm_build_ether(&b, frame, RIG_FRAME_MAX, &r->gw[0].under_mac, &r->gw[1].under_mac, 0,
	    RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &from, &to, protocol, 64);
	if (protocol == IPPROTO_UDP)
		lm_build_udp(&b, 4500, dst_port);
	else
		lm_build_icmp(&b, 8, 0);
	lm_write(&b.w, payload, len);
	return lm_build_end(&b);
}

static size_t build_outer(const struct rig *r, uint8_t *frame, const char *dst, uint8_t protocol,
    uint16_t dst_port, const void *payload, size_t len)
{
	return build_outer_from(r, frame, "192.0.2.2", dst, protocol, dst_port, payload, len);
}

/* What becomes of a frame on the underlay: a punt's reason, or -1. */
static int outer(struct rig *r, const char *dst, uint8_t protocol, uint16_t dst_port,
    const void *payload, size_t len)
{
	uint8_t frame[RIG_FRAME_MAX];
	struct last l = {0};

	rig_put(r, 0, &r->gw[0].under, frame,
	    build_outer(r, frame, dst, protocol, dst_port, payload, len), -1);
	rig_run(r);
	lm_dp_punts(r->gw[0].dp, 32, keep, &l);
	return l.n > 0 ? (int)l.punt.reason : -1;
}

/* From 192.0.2.2 and this port; a punt's reason, or -1. */
static int resolver(struct rig *r, uint16_t src_port, uint16_t dst_port)
{
	static const uint8_t answer[40];
	struct last l = {0};
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_build b;
	struct lm_ip from = rig_ip("192.0.2.2"), to = rig_ip("192.0.2.1");

	lm_build_ether(&b, frame, RIG_FRAME_MAX, &r->gw[0].under_mac, &r->gw[1].under_mac, 0,
	    RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &from, &to, IPPROTO_UDP, 64);
	lm_build_udp(&b, src_port, dst_port);
	lm_write(&b.w, answer, sizeof answer);
	rig_put(r, 0, &r->gw[0].under, frame, lm_build_end(&b), -1);
	rig_run(r);
	lm_dp_punts(r->gw[0].dp, 32, keep, &l);
	return l.n > 0 ? (int)l.punt.reason : -1;
}

/* Answers come from resolvers' port 53 to reply ports; nothing else does. */
static void test_resolvers(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_ip known[] = {rig_ip("192.0.2.53"), rig_ip("192.0.2.2")};

	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT), -1);
	CU_ASSERT_EQUAL(lm_dp_resolvers(r->gw[0].dp, known, 2), 0);
	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT), LM_PUNT_RESOLVER);
	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT + 99), LM_PUNT_RESOLVER);
	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT + 100), -1);
	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT - 1), -1);
	CU_ASSERT_EQUAL(resolver(r, 54, RIG_REPLY_PORT), -1);
	CU_ASSERT_EQUAL(lm_dp_resolvers(r->gw[0].dp, known, 1), 0);
	CU_ASSERT_EQUAL(resolver(r, 53, RIG_REPLY_PORT), -1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NOT_OURS), 5);
	rig_end(r);
}

static void test_underlay(void)
{
	static const uint8_t control[40] = {0, 0, 0, 0, 1}, keepalive[1] = {0xff}, esp[40] = {9};
	struct rig *r = rig_create(&rig_one_worker);

	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_UDP, 4500, control, 40), LM_PUNT_SESSION);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_ICMP, 0, control, 40), LM_PUNT_UNDERLAY);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_UDP, 4500, keepalive, 1), -1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_KEEPALIVE), 1);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_UDP, 4500, keepalive, 0), -1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_MALFORMED), 1);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_UDP, 4500, esp, 40), -1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_UNKNOWN_SPI), 1);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.1", IPPROTO_UDP, 4501, control, 40), -1);
	CU_ASSERT_EQUAL(outer(r, "192.0.2.3", IPPROTO_UDP, 4500, control, 40), -1);
	CU_ASSERT_EQUAL(rig_drops(r, 0, LM_DROP_NOT_OURS), 2);
	rig_end(r);
}

/* Sessions are heard whatever else floods the way up. */
static void test_sessions_come_through(void)
{
	static const uint8_t control[40];
	struct rig *r = rig_create(&rig_one_worker);
	unsigned by_reason[LM_PUNT_MAX] = {0};
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = build_outer(r, frame, "192.0.2.1", IPPROTO_ICMP, 0, control, 40);

	for (unsigned i = 0; i < 2000; i++) {
		rig_put(r, 0, &r->gw[0].under, frame, len, -1);
		if (i % 256 == 255) {
			lm_dp_pass_time(r->gw[0].dp, 0, 1); /* so that the ring is what limits */
			rig_run(r);
		}
	}
	rig_run(r);
	len = build_outer(r, frame, "192.0.2.1", IPPROTO_UDP, 4500, control, 40);
	for (unsigned i = 0; i < 100; i++)
		rig_put(r, 0, &r->gw[0].under, frame, len, -1);
	rig_run(r);
	rig_punts(r, 0, by_reason);
	CU_ASSERT_EQUAL(by_reason[LM_PUNT_SESSION], 100);
	CU_ASSERT_TRUE(by_reason[LM_PUNT_UNDERLAY] < 1000);
	CU_ASSERT_TRUE(rig_drops(r, 0, LM_DROP_PUNT_LIMIT) > 1000);
	rig_end(r);
}

/* n messages of a session from src; how many came up. */
static unsigned messages(struct rig *r, const char *src, unsigned n)
{
	static const uint8_t control[40];
	unsigned by_reason[LM_PUNT_MAX] = {0};
	uint8_t frame[RIG_FRAME_MAX];
	const char *dst = strchr(src, ':') ? "2001:db8::1" : "192.0.2.1";
	size_t len = build_outer_from(r, frame, src, dst, IPPROTO_UDP, 4500, control, 40);

	for (unsigned i = 0; i < n; i++) {
		rig_put(r, 0, &r->gw[0].under, frame, len, -1);
		if (i % 64 == 63)
			rig_run(r);
	}
	rig_run(r);
	rig_punts(r, 0, by_reason);
	return by_reason[LM_PUNT_SESSION];
}

/* Strangers who flood spend their own allowance, then that of all strangers, never the peers'. */
static void test_strangers_and_peers(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	char src[32];
	unsigned n = 0;

	CU_ASSERT_TRUE(messages(r, "198.51.100.1", 1000) < 400);
	CU_ASSERT_EQUAL(messages(r, "198.51.100.2", 10), 10);
	CU_ASSERT_EQUAL(messages(r, "192.0.2.2", 10), 10);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(src, sizeof(src), "203.0.113.%u", i);
		n += messages(r, src, 100);
	}
	CU_ASSERT_TRUE(n < 10000);
	CU_ASSERT_EQUAL(messages(r, "192.0.2.2", 100), 100);
	rig_end(r);
}

/* ---- doorbell and injection --------------------------------------------------- */

static bool rings(const struct lm_dp *dp)
{
	struct pollfd fd = {.fd = lm_dp_punt_fd(dp), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void test_doorbell(void)
{
	struct rig *r = rig_create(&rig_one_worker);
	struct lm_dp *dp = r->gw[0].dp;
	struct last l = {0};
	uint8_t frame[RIG_FRAME_MAX];
	size_t len = build_arp(frame, "0.0.0.0");

	CU_ASSERT_FALSE(rings(dp));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 10; i++)
			rig_send(r, WEB, frame, len);
		rig_run(r);
		CU_ASSERT_TRUE(rings(dp));
		CU_ASSERT_EQUAL(lm_dp_punts(dp, 4, keep, &l), 4);
		CU_ASSERT_TRUE(rings(dp)); /* there is more */
		CU_ASSERT_EQUAL(lm_dp_punts(dp, 100, keep, &l), 6);
		CU_ASSERT_FALSE(rings(dp));
	}
	rig_end(r);
}

static void test_inject(void)
{
	struct rig_options o = {.workers = {3, 1}, .queues = {1, 1}};
	struct rig *r = rig_create(&o);
	uint8_t frame[RIG_FRAME_MAX] = {1, 2, 3};
	struct lm_counters c;

	for (size_t len = 14; len < 1518; len += 100) {
		uint8_t got[RIG_FRAME_MAX];

		frame[13] = (uint8_t)len;
		CU_ASSERT_EQUAL(lm_dp_inject(r->gw[0].dp, r->gw[0].access.index, frame, len), 0);
		rig_run(r);
		CU_ASSERT_EQUAL(rig_take(r, 0, got), len);
		CU_ASSERT_EQUAL(memcmp(frame, got, len), 0);
	}
	lm_dp_counters(r->gw[0].dp, -1, &c);
	CU_ASSERT_EQUAL(c.injected, 16);
	CU_ASSERT_EQUAL(c.tx, 16);
	CU_ASSERT_EQUAL(lm_dp_inject(r->gw[0].dp, 2, frame, 60), -EINVAL);
	CU_ASSERT_EQUAL(lm_dp_inject(r->gw[0].dp, 0, frame, 5000), -EMSGSIZE);
	unsigned n = 0;
	while (lm_dp_inject(r->gw[0].dp, r->gw[0].access.index, frame, 60) == 0)
		n++;
	CU_ASSERT_EQUAL(n, 1023);
	rig_run(r);
	rig_end(r);
}

LM_SUITE("punts", {"ARP", test_arp}, {"to the gateway", test_to_the_gateway},
    {"too big", test_too_big}, {"flood", test_flood}, {"DNS flood", test_dns_flood},
    {"resolvers", test_resolvers}, {"learning", test_learning},
    {"attachments refused", test_attachments_refused}, {"underlay", test_underlay},
    {"sessions come through", test_sessions_come_through},
    {"strangers and peers", test_strangers_and_peers}, {"doorbell", test_doorbell},
    {"inject", test_inject})
