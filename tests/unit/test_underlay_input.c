/* SPDX-License-Identifier: Apache-2.0 */
#include "underlay_rig.h"

#define REQUEST 1
#define REPLY 2
#define NS 135
#define NA 136

/* ---- ARP and neighbour discovery for our addresses ------------------------------- */

static void test_arp(void)
{
	static const uint8_t expect[] = {2, 0, 0, 0, 9, 7, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4,
	    0, 2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0, 0, 0, 9, 7, 192, 0, 2, 7};
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct frame in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");

	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_EQUAL(r->sent[0].len, LM_FRAME_MIN);
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 0, expect, sizeof expect));
	/* A probe for our address: answered, so the prober finds the conflict. */
	in = arp_frame(7, NULL, REQUEST, "0.0.0.0", "192.0.2.1");
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 38, "\0\0\0\0", 4));
	CU_ASSERT_EQUAL(r->n_sent, 2);
	/* Others' business; a reply; what ARP for IPv4 over Ethernet never is. */
	in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.8");
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = arp_frame(7, &rig_mac, REPLY, "192.0.2.7", "192.0.2.1");
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	for (unsigned at = 14; at < 20; at++) {
		in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");
		in.b[at]++;
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	}
	in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");
	in.b[22] = 1; /* a group as sender */
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	memcpy(in.b + 22, rig_mac.b, 6); /* our own, come back */
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	/* Frames that are not for us, or from nobody. */
	in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");
	in.b[0] = 2;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");
	struct frame tagged = frame_tag(&in, 5);
	CU_ASSERT_EQUAL(rig_give(r, &tagged), LM_UL_NOT_OURS);
	memset(in.b + 6, 0, 6);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	CU_ASSERT_EQUAL(r->n_sent, 2);
	rig_free(r);
}

static void test_nd(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac asker = station(7);
	struct lm_ip own = ip_of("2001:db8::1"), src = ip_of("2001:db8::7");
	struct frame in = nd_frame(7, "2001:db8::7", "ff02::1:ff00:1", NS, 0, "2001:db8::1", 1);
	struct lm_frame f;

	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	struct frame *out = rig_last(r);
	CU_ASSERT_EQUAL(out->len, 86);
	CU_ASSERT_EQUAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_TRUE(bytes_at(out, 0, asker.b, 6) && bytes_at(out, 21, "\xff", 1));
	CU_ASSERT_TRUE(bytes_at(out, 22, own.b, 16) && bytes_at(out, 38, src.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 54, "\x88\0", 2));
	CU_ASSERT_TRUE(bytes_at(out, 58, "\x60\0\0\0", 4)); /* solicited, override, no router */
	CU_ASSERT_TRUE(bytes_at(out, 62, own.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 78, "\2\1\2\0\0\0\0\1", 8));
	/* Unicast, without option; our link-local address. */
	in = nd_frame(7, "2001:db8::7", "2001:db8::1", NS, 0, "2001:db8::1", 0);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 0, asker.b, 6));
	in = nd_frame(7, "fe80::7", "ff02::1:ff00:1", NS, 0, "fe80::ff:fe00:1", 1);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_sent, 3);
	/* Somebody tries our address: it is told to all nodes. */
	in = nd_frame(7, "::", "ff02::1:ff00:1", NS, 0, "2001:db8::1", 0);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	out = rig_last(r);
	CU_ASSERT_EQUAL(r->n_sent, 4);
	CU_ASSERT_TRUE(bytes_at(out, 0, "\x33\x33\0\0\0\1", 6));
	CU_ASSERT_TRUE(bytes_at(out, 38, lm_ip_all_nodes.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 58, "\x20\0\0\0", 4));
	/* Another's address; router discovery. */
	in = nd_frame(7, "2001:db8::7", "ff02::1:ff00:2", NS, 0, "2001:db8::2", 1);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = nd_frame(7, "fe80::7", "ff02::1", 134, 0, "::", 1);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	/* RFC 4861 section 7.1.1 */
	in = nd_frame(7, "::", "ff02::1:ff00:1", NS, 0, "2001:db8::1", 1);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = nd_frame(7, "::", "2001:db8::1", NS, 0, "2001:db8::1", 0);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = nd_frame(7, "2001:db8::7", "ff02::1:ff00:1", NS, 0, "2001:db8::1", 1);
	in.b[21] = 254;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in.b[21] = 255, in.b[60]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in.b[55] = 1;
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	CU_ASSERT_EQUAL(r->n_sent, 4);
	rig_free(r);
}

/* RFC 5227 section 2.4: an address that somebody else uses is defended, but not in a war. */
static void test_conflict(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct frame in = arp_frame(7, NULL, REQUEST, "192.0.2.1", "192.0.2.9");
	static const uint8_t announcement[] = {
	    0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};

	for (unsigned i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 0, lm_mac_broadcast.b, 6));
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 14, announcement, sizeof announcement));
	CU_ASSERT_EQUAL(rig_info(r).conflicts, 50);
	r->now += 10 * SECOND;
	in = nd_frame(7, "2001:db8::1", "ff02::1", NA, 0x20, "2001:db8::1", 2);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_sent, 2);
	CU_ASSERT_TRUE(bytes_at(rig_last(r), 54, "\x88\0", 2));
	in = nd_frame(7, "2001:db8::1", "ff02::1:ff00:9", NS, 0, "2001:db8::9", 1);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(rig_info(r).conflicts, 52);
	CU_ASSERT_EQUAL(r->n_sent, 2);
	rig_free(r);
}

static void test_announce(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);

	lm_underlay_announce(r->u, r->now);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 3); /* IPv4, IPv6, link-local */
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 12, "\x08\x06", 2));
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 28, "\xc0\0\2\1\0\0\0\0\0\0\xc0\0\2\1", 14));
	CU_ASSERT_TRUE(
	    bytes_at(&r->sent[1], 54, "\x88\0", 2) && bytes_at(&r->sent[1], 58, "\x20", 1));
	CU_ASSERT_TRUE(bytes_at(&r->sent[1], 78, "\2\1\2\0\0\0\0\1", 8));
	rig_run(r, 60 * SECOND);
	CU_ASSERT_EQUAL(r->n_sent, 6); /* twice, RFC 5227 */
	CU_ASSERT_TRUE(r->sent_at[3] - r->sent_at[0] >= 2 * SECOND);
	rig_free(r);
}

/* ---- echo ------------------------------------------------------------------------------ */

static const uint8_t echo4[] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
static const uint8_t echo6[] = {128, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};

static struct frame echo(const char *src, const char *dst)
{
	bool v6 = strchr(src, ':') != NULL;

	return ip_frame(
	    7, src, dst, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, v6 ? echo6 : echo4, sizeof echo4);
}

static void test_echo(void)
{
	static const struct {
		const char *src, *dst;
	} good[] = {
	    {"192.0.2.7", "192.0.2.1"},
	    {"198.51.100.7", "192.0.2.1"}, /* from afar: back to the station that brought it */
	    {"2001:db8::7", "2001:db8::1"},
	    {"fe80::7", "fe80::ff:fe00:1"},
	};
	static const struct {
		const char *src, *dst;
		enum lm_underlay_result result;
	} bad[] = {
	    {"192.0.2.7", "192.0.2.2", LM_UL_NOT_OURS},
	    {"192.0.2.7", "224.0.0.1", LM_UL_NOT_OURS},
	    {"192.0.2.7", "192.0.2.255", LM_UL_NOT_OURS},
	    {"0.0.0.0", "192.0.2.1", LM_UL_MALFORMED},
	    {"127.0.0.1", "192.0.2.1", LM_UL_MALFORMED},
	    {"224.0.0.1", "192.0.2.1", LM_UL_MALFORMED},
	    {"255.255.255.255", "192.0.2.1", LM_UL_MALFORMED},
	    {"192.0.2.1", "192.0.2.1", LM_UL_MALFORMED},
	    {"2001:db8::7", "ff02::1", LM_UL_NOT_OURS},
	    {"::", "2001:db8::1", LM_UL_MALFORMED},
	    {"ff02::1", "2001:db8::1", LM_UL_MALFORMED},
	};
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct lm_mac asker = station(7);
	struct frame in;
	struct lm_frame f;

	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		in = echo(good[i].src, good[i].dst);
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_HANDLED);
		CU_ASSERT_EQUAL_FATAL(r->n_sent, i + 1);
		struct lm_ip src = ip_of(good[i].dst), dst = ip_of(good[i].src), ip;
		CU_ASSERT_EQUAL(lm_frame_parse(&f, rig_last(r)->b, rig_last(r)->len), 0);
		CU_ASSERT_EQUAL(memcmp(f.ether->dst_addr.addr_bytes, asker.b, 6), 0);
		CU_ASSERT_TRUE((ip = lm_frame_src(&f), lm_ip_equal(&ip, &src)));
		CU_ASSERT_TRUE((ip = lm_frame_dst(&f), lm_ip_equal(&ip, &dst)));
		CU_ASSERT_TRUE(
		    f.ip == 6 ? lm_frame_l4_checksum_ok(&f) : lm_checksum(f.l4, f.l4_len) == 0);
		CU_ASSERT_EQUAL(f.l4[0], f.ip == 4 ? 0 : 129);
		CU_ASSERT_EQUAL(f.l4_len, sizeof echo4);
		CU_ASSERT_EQUAL(memcmp(f.l4 + 4, echo4 + 4, sizeof echo4 - 4), 0);
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 0);
	r->n_sent = 0;
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		in = echo(bad[i].src, bad[i].dst);
		CU_ASSERT_EQUAL(rig_give(r, &in), bad[i].result);
	}
	in = echo("192.0.2.7", "192.0.2.1");
	memset(in.b, 0xff, 6); /* in a broadcast frame */
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = echo("192.0.2.7", "192.0.2.1");
	in.b[40]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = echo("192.0.2.7", "192.0.2.1");
	in.b[24]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = echo("2001:db8::7", "2001:db8::1");
	in.b[64]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	/* Not echo requests: errors, replies. */
	in = echo("192.0.2.7", "192.0.2.1");
	in.b[34] = 3;
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	in = echo("2001:db8::7", "2001:db8::1");
	in.b[54] = 2;
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	/* Fragments and options; the unknown. */
	in = echo("192.0.2.7", "192.0.2.1");
	in.b[20] = 0x20;
	frame_mend(&in);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	in =
	    ip_frame(7, "2001:db8::7", "2001:db8::1", LM_IPV6_DESTINATION, "\x3a\0\1\4\0\0\0\0", 8);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	in = ip_frame(7, "192.0.2.7", "192.0.2.1", IPPROTO_TCP, echo4, sizeof echo4);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	in.b[12] = 0x88, in.b[13] = 0xcc;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UNHANDLED);
	CU_ASSERT_EQUAL(r->n_sent, 0);
	rig_free(r);
}

static void test_limits(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct frame ping = echo("192.0.2.7", "192.0.2.1");
	struct frame arp = arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1");

	for (unsigned i = 0; i < 1500; i++)
		CU_ASSERT_EQUAL(rig_give(r, &ping), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_sent, 200);
	CU_ASSERT_EQUAL(rig_info(r).limited, 1300);
	/* Pings do not use up what ARP needs. */
	for (unsigned i = 0; i < 1500; i++)
		CU_ASSERT_EQUAL(rig_give(r, &arp), LM_UL_HANDLED);
	CU_ASSERT_EQUAL(r->n_sent, 1200);
	/* Over ten seconds, evenly. */
	r->n_sent = 0;
	for (unsigned i = 0; i < 10000; i++) {
		r->now += SECOND / 1000;
		rig_give(r, &ping);
	}
	CU_ASSERT_EQUAL(r->n_sent, 2000);
	/* A pause saves up for one second, not for ever; time that stands still gives nothing. */
	r->n_sent = 0;
	r->now += 1000 * SECOND;
	for (unsigned i = 0; i < 1000; i++)
		rig_give(r, &ping);
	CU_ASSERT_EQUAL(r->n_sent, 200);
	rig_free(r);
}

/* ---- UDP ------------------------------------------------------------------------------------ */

static struct frame udp(const char *src, const char *dst, uint16_t src_port, uint16_t dst_port)
{
	uint8_t l4[8 + 5] = {(uint8_t)(src_port >> 8), (uint8_t)src_port, (uint8_t)(dst_port >> 8),
	    (uint8_t)dst_port, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o'};

	return ip_frame(7, src, dst, IPPROTO_UDP, l4, sizeof l4);
}

/* Answers to what was asked from another port than ours. */
static void test_reply(void)
{
	struct lm_underlay_config c = rig_config();
	c.reply_port_first = 40000;
	c.n_reply_ports = 100;
	struct rig *r = rig_create(&c);
	struct frame in = udp("192.0.2.53", "192.0.2.1", 53, 40099);
	struct lm_udp_addr from = udp_of("192.0.2.53:53");

	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UDP);
	CU_ASSERT_EQUAL(r->n_udp, 0);
	CU_ASSERT_EQUAL(r->n_reply, 1);
	CU_ASSERT_EQUAL(r->reply_port, 40099);
	CU_ASSERT_TRUE(lm_udp_addr_equal(&r->udp_from, &from));
	CU_ASSERT_TRUE(r->udp_len == 5 && memcmp(r->udp, "hello", 5) == 0);
	in = udp("192.0.2.53", "192.0.2.1", 53, 40100);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = udp("192.0.2.53", "192.0.2.1", 53, 39999);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = udp("192.0.2.53", "192.0.2.1", 53, 40050);
	in.b[44]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	CU_ASSERT_EQUAL(r->n_reply, 1);
	rig_free(r);
}

static void test_udp(void)
{
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);
	struct frame in = udp("198.51.100.7", "192.0.2.1", 4700, 4500);
	struct lm_udp_addr from = udp_of("198.51.100.7:4700");

	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UDP);
	CU_ASSERT_EQUAL(r->n_udp, 1);
	CU_ASSERT_TRUE(lm_udp_addr_equal(&r->udp_from, &from));
	CU_ASSERT_TRUE(r->udp_len == 5 && memcmp(r->udp, "hello", 5) == 0);
	from = udp_of("[2001:db8::7]:4700");
	in = udp("2001:db8::7", "2001:db8::1", 4700, 4500);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UDP);
	CU_ASSERT_TRUE(lm_udp_addr_equal(&r->udp_from, &from));
	CU_ASSERT_EQUAL(r->n_udp, 2);

	/* No checksum: IPv4 may, IPv6 not. A wrong one: neither. */
	in = udp("192.0.2.7", "192.0.2.1", 4700, 4500);
	in.b[40] = in.b[41] = 0;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_UDP);
	in = udp("2001:db8::7", "2001:db8::1", 4700, 4500);
	in.b[60] = in.b[61] = 0;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = udp("2001:db8::7", "2001:db8::1", 4700, 4500);
	in.b[62]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	in = udp("192.0.2.7", "192.0.2.1", 4700, 4500);
	in.b[44]++;
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	/* Ports and lengths. */
	in = udp("192.0.2.7", "192.0.2.1", 4700, 4501);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	in = udp("192.0.2.7", "192.0.2.1", 0, 4500);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	static const uint8_t lengths[] = {0, 7, 12, 14, 255};
	for (unsigned i = 0; i < sizeof lengths; i++) {
		in = udp("192.0.2.7", "192.0.2.1", 4700, 4500);
		in.b[39] = lengths[i];
		frame_mend(&in);
		CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_MALFORMED);
	}
	CU_ASSERT_EQUAL(r->n_udp, 3);
	CU_ASSERT_EQUAL(r->n_sent, 0);
	struct lm_underlay_info info = rig_info(r);
	CU_ASSERT_EQUAL(info.results[LM_UL_UDP], 3);
	CU_ASSERT_EQUAL(info.results[LM_UL_NOT_OURS], 1);
	CU_ASSERT_EQUAL(info.results[LM_UL_MALFORMED], 9);
	rig_free(r);
}

static void test_vlan(void)
{
	struct lm_underlay_config c = rig_config();
	struct frame in = echo("192.0.2.7", "192.0.2.1"), tagged;

	c.vlan = 42;
	struct rig *r = rig_create(&c);
	CU_ASSERT_EQUAL(rig_give(r, &in), LM_UL_NOT_OURS);
	tagged = frame_tag(&in, 42);
	CU_ASSERT_EQUAL(rig_give(r, &tagged), LM_UL_HANDLED);
	CU_ASSERT_EQUAL_FATAL(r->n_sent, 1);
	CU_ASSERT_TRUE(bytes_at(&r->sent[0], 12, "\x81\0\0\x2a\x08\0\x45", 7));
	in = udp("192.0.2.7", "192.0.2.1", 4700, 4500);
	tagged = frame_tag(&in, 42);
	CU_ASSERT_EQUAL(rig_give(r, &tagged), LM_UL_UDP);
	CU_ASSERT_TRUE(r->udp_len == 5 && memcmp(r->udp, "hello", 5) == 0);
	rig_free(r);
}

/* ---- robustness -------------------------------------------------------------------------------
 */

/* Each with every truncation, and every byte set to several values; neighbours wait for answers. */
static void test_damage(void)
{
	static const uint8_t values[] = {0x00, 0x01, 0x80, 0xff};
	struct frame frames[] = {
	    arp_frame(7, NULL, REQUEST, "192.0.2.7", "192.0.2.1"),
	    arp_frame(2, &rig_mac, REPLY, "192.0.2.2", "192.0.2.1"),
	    nd_frame(7, "2001:db8::7", "ff02::1:ff00:1", NS, 0, "2001:db8::1", 1),
	    nd_frame(2, "2001:db8::2", "2001:db8::1", NA, 0x60, "2001:db8::2", 2),
	    echo("192.0.2.7", "192.0.2.1"),
	    echo("2001:db8::7", "2001:db8::1"),
	    udp("192.0.2.7", "192.0.2.1", 4700, 4500),
	    udp("2001:db8::7", "2001:db8::1", 4700, 4500),
	};
	struct lm_underlay_config c = rig_config();
	struct rig *r = rig_create(&c);

	CU_ASSERT_EQUAL(rig_watch(r, "192.0.2.2:4500"), 0);
	CU_ASSERT_EQUAL(rig_watch(r, "[2001:db8::2]:4500"), 0);
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		struct frame in = frames[i];
		struct lm_frame f;

		CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, in.b, in.len), 0);
		size_t needed = f.ip ? (size_t)(f.l4 + f.l4_len - in.b) : 42;
		for (in.len = 0; in.len < frames[i].len; in.len++)
			CU_ASSERT_EQUAL(rig_give(r, &in) == LM_UL_MALFORMED, in.len < needed);
		for (size_t n = 1; f.ip && n < f.l4_len; n++) {
			in = frame_shorten(&frames[i], n);
			rig_give(r, &in);
		}
		for (size_t at = 0; at < frames[i].len; at++)
			for (unsigned k = 0; k < sizeof values; k++) {
				in = frames[i];
				in.b[at] = values[k];
				rig_give(r, &in);
				struct lm_frame bad;
				if (lm_frame_parse(&bad, in.b, in.len) == 0 && bad.ip &&
				    bad.l4_len >= 8)
					frame_mend(&in);
				rig_give(r, &in);
				r->n_sent = 0;
				rig_run(r, SECOND / 7);
				r->n_sent = 0;
			}
	}
	CU_ASSERT_EQUAL(rig_info(r).neighbours, 2);
	rig_free(r);
}

static void test_names(void)
{
	for (unsigned i = 0; i < LM_UL_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(lm_underlay_result_names[i]);
}

LM_SUITE("underlay_input", {"arp", test_arp}, {"nd", test_nd}, {"conflict", test_conflict},
    {"announce", test_announce}, {"echo", test_echo}, {"limits", test_limits}, {"udp", test_udp},
    {"reply", test_reply}, {"vlan", test_vlan}, {"damage", test_damage}, {"names", test_names})
