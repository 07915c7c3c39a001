/* SPDX-License-Identifier: Apache-2.0 */
#include "workload_fixture.h"

static struct frame recorded(const char *name)
{
	return frame_load(FRAMES, name);
}

/* ---- ARP -------------------------------------------------------------------- */

static void test_arp(void)
{
	static const uint8_t expect[] = {0x02, 0, 0, 0, 0x01, 0x01, 0x02, 0, 0, 0, 0, 0x01, 0x08,
	    0x06, 0, 1, 8, 0, 6, 4, 0, 2, 0x02, 0, 0, 0, 0, 0x01, 100, 64, 0, 1, 0x02, 0, 0, 0,
	    0x01, 0x01, 100, 64, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct lm_workload_view v = make_view();
	struct frame out, in = recorded("arp_request"), tagged;

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(out.len, sizeof expect);
	CU_ASSERT_TRUE(bytes_at(&out, 0, expect, sizeof expect));

	/* Another endpoint has the gateway's MAC as well. */
	in.b[41] = 11;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(
	    bytes_at(&out, 22, GATEWAY_MAC "\x64\x40\0\x0b" CLIENT_MAC "\x64\x40\0\x0a", 20));
	/* A probe for somebody else's address finds the conflict. */
	struct frame probe = in;
	memset(probe.b + 28, 0, 4);
	CU_ASSERT_EQUAL(give(&v, &probe, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(bytes_at(&out, 38, "\0\0\0\0", 4));
	/* Nobody has this one. */
	in.b[41] = 12;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);

	/* The tag of the workload comes back; another tag is not this workload's. */
	in = recorded("arp_request");
	tagged = frame_tag(&in, 101);
	CU_ASSERT_EQUAL(give(&v, &tagged, &out), LM_WL_UNHANDLED);
	v.vlan = 101;
	CU_ASSERT_EQUAL(give(&v, &tagged, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(bytes_at(&out, 12, "\x81\0\0\x65\x08\x06", 6));
	CU_ASSERT_TRUE(bytes_at(&out, 18, expect + 14, 28));
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_UNHANDLED);
	/* The priority bits are not the VLAN's. */
	tagged.b[14] |= 0xe0;
	CU_ASSERT_EQUAL(give(&v, &tagged, &out), LM_WL_REPLY);
}

static void test_arp_silence(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = recorded("arp_probe");

	/* Its own address: what udhcpc -a sent, an announcement, and a plain question. */
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
	in = recorded("arp_request");
	in.b[41] = 10;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
	/* An announcement of another's address. */
	in.b[41] = in.b[31] = 11;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
	/* A reply asks nothing; who speaks for another MAC gets nothing. */
	in = recorded("arp_request");
	in.b[21] = 2;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
	in = recorded("arp_request");
	in.b[27]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
	/* Other hardware, protocol and lengths. */
	for (unsigned at = 14; at < 20; at++) {
		in = recorded("arp_request");
		in.b[at]++;
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	}
	/* Frames to and from the wrong station. */
	in = recorded("arp_request");
	memcpy(in.b, "\x02\0\0\0\0\x02", 6);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_UNHANDLED);
	in = recorded("arp_request");
	in.b[6] = 1;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	memset(in.b + 6, 0, 6);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	/* Without IPv4 the gateway speaks for nobody it does not know. */
	in = recorded("arp_request");
	v.gateway4 = v.ipv4 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ARP_IGNORED);
}

/* ---- neighbour discovery ------------------------------------------------------ */

static void check_advertisement(
    const struct frame *out, const char *target, const char *dst, uint8_t flags)
{
	struct lm_ip t = ip_of(target), d = ip_of(dst), gateway = ip_of("fd00::1");

	CU_ASSERT_EQUAL(out->len, 86);
	CU_ASSERT_TRUE(bytes_at(out, 18, "\0\x20\x3a\xff", 4)); /* length, ICMPv6, hop limit 255 */
	CU_ASSERT_TRUE(bytes_at(out, 22, gateway.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 38, d.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 54, "\x88\0", 2));
	CU_ASSERT_EQUAL(out->b[58], flags);
	CU_ASSERT_TRUE(bytes_at(out, 59, "\0\0\0", 3));
	CU_ASSERT_TRUE(bytes_at(out, 62, t.b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 78, "\x02\x01" GATEWAY_MAC, 8));
}

static void test_nd(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = recorded("ns");

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_advertisement(&out, "fd00::1", "fd00::a", 0xe0);
	/* Another endpoint; unicast, as a probe of an old entry is. */
	in.b[77] = in.b[53] = in.b[5] = 11;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_advertisement(&out, "fd00::b", "fd00::a", 0xe0);
	memcpy(in.b, GATEWAY_MAC, 6);
	memcpy(in.b + 38, in.b + 62, 16);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_advertisement(&out, "fd00::b", "fd00::a", 0xe0);
	in.b[77] = 12;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ND_IGNORED);

	/* Duplicate detection: of its own address silence, of another's an answer to all nodes. */
	in = recorded("ns_dad");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ND_IGNORED);
	in.b[77] = in.b[53] = 11;
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_advertisement(&out, "fd00::b", "ff02::1", 0xa0);
	in = recorded("ns_dad_linklocal");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ND_IGNORED);
	in = recorded("mld");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ICMP_IGNORED);
	/* Workloads' next hop is our link-local address, where there is IPv6 at all. */
	in = recorded("ns");
	memcpy(in.b + 62, lm_link_local_of(&v.gateway_mac).b, 16);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check_advertisement(&out, "fe80::ff:fe00:1", "fd00::a", 0xe0);
	v.gateway6 = v.ipv6 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ND_IGNORED);
}

/* RFC 4861 section 7.1.1: what must be discarded. Each line changes one byte of a good one. */
static void test_nd_invalid(void)
{
	static const struct {
		const char *frame;
		size_t at;
		uint8_t value;
	} bad[] = {
	    {"ns", 21, 254}, /* hop limit */
	    {"ns", 55, 1}, /* code */
	    {"ns", 62, 0xff}, /* multicast target */
	    {"ns", 22, 0xff}, /* multicast source */
	    {"ns", 79, 0}, /* option of length 0 */
	    {"ns", 79, 2}, /* option over the end */
	    {"ns_dad", 38, 0xfe}, /* from nobody, but not to the solicited-node group */
	    {"ns_dad", 78, 1}, /* from nobody, but with a source MAC */
	    {"rs", 21, 254},
	    {"rs", 55, 1},
	    {"rs", 22, 0xff},
	    {"rs", 63, 0},
	    {"rs", 63, 2},
	};
	struct lm_workload_view v = make_view();

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct frame out, in = recorded(bad[i].frame);

		if (strcmp(bad[i].frame, "ns_dad") == 0)
			in.b[77] = in.b[53] = 11;
		frame_mend(&in);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
		in.b[bad[i].at] = bad[i].value;
		frame_mend(&in);
		CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	}
	struct frame out, in = recorded("ns");
	in.b[56]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	/* Shorter than its fixed part. */
	in = recorded("ns");
	for (size_t cut = 1; cut <= 24; cut++) {
		struct frame small = frame_shorten(&in, cut);

		CU_ASSERT_EQUAL(give(&v, &small, &out), cut == 8 ? LM_WL_REPLY : LM_WL_MALFORMED);
	}
}

/* ---- ICMP ---------------------------------------------------------------------- */

static void test_echo(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = recorded("echo4");

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(out.len, in.len);
	CU_ASSERT_TRUE(bytes_at(&out, 14, "\x45\0\0\x54", 4));
	CU_ASSERT_TRUE(bytes_at(&out, 22, "\x40\x01", 2));
	CU_ASSERT_TRUE(bytes_at(&out, 26, "\x64\x40\0\x01\x64\x40\0\x0a\0\0", 10));
	CU_ASSERT_TRUE(bytes_at(&out, 38, in.b + 38, in.len - 38)); /* id, sequence, data */
	in = recorded("echo6");
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(out.len, in.len);
	CU_ASSERT_TRUE(bytes_at(&out, 18, "\0\x40\x3a\x40", 4));
	CU_ASSERT_TRUE(bytes_at(&out, 22, v.gateway6.b, 16));
	CU_ASSERT_TRUE(bytes_at(&out, 38, v.ipv6.b, 16));
	CU_ASSERT_TRUE(bytes_at(&out, 54, "\x81\0", 2));
	CU_ASSERT_TRUE(bytes_at(&out, 58, in.b + 58, in.len - 58));

	/* Only its own pings, only to the gateway, only requests, only whole. */
	static const struct {
		const char *frame;
		size_t at;
		uint8_t value;
		enum lm_workload_result result;
	} other[] = {
	    {"echo4", 33, 11, LM_WL_ICMP_IGNORED},
	    {"echo4", 29, 11, LM_WL_ICMP_IGNORED},
	    {"echo4", 34, 0, LM_WL_ICMP_IGNORED},
	    {"echo4", 35, 1, LM_WL_ICMP_IGNORED},
	    {"echo4", 20, 0x20, LM_WL_UNHANDLED},
	    {"echo4", 14, 0x46, LM_WL_UNHANDLED},
	    {"echo6", 53, 11, LM_WL_ICMP_IGNORED},
	    {"echo6", 37, 11, LM_WL_ICMP_IGNORED},
	    {"echo6", 54, 129, LM_WL_ICMP_IGNORED},
	    {"echo6", 55, 1, LM_WL_ICMP_IGNORED},
	};
	for (unsigned i = 0; i < sizeof other / sizeof other[0]; i++) {
		in = recorded(other[i].frame);
		in.b[other[i].at] = other[i].value;
		frame_mend(&in);
		CU_ASSERT_EQUAL(give(&v, &in, &out), other[i].result);
	}
	/* Checksums. */
	in = recorded("echo4");
	in.b[50]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = recorded("echo4");
	in.b[24]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	in = recorded("echo6");
	in.b[70]++;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
}

/* A packet of the workload's, of n bytes of IP. */
static struct frame make_packet(const char *src, const char *dst, uint8_t protocol, size_t n)
{
	struct lm_mac gateway, client;
	struct lm_ip s = ip_of(src), d = ip_of(dst);
	struct frame f = {.len = 0};
	struct lm_build b;

	memcpy(gateway.b, GATEWAY_MAC, 6);
	memcpy(client.b, CLIENT_MAC, 6);
	lm_build_ether(&b, f.b, sizeof f.b, &gateway, &client, 0,
	    s.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &s, &d, protocol, LM_HOP_LIMIT);
	for (size_t i = s.family == 4 ? 20 : 40; i < n; i++)
		lm_write_u8(&b.w, (uint8_t)(i + 13));
	f.len = lm_build_end(&b);
	CU_ASSERT_FATAL(f.len >= 14 + n);
	return f;
}

static size_t too_big(const struct lm_workload_view *v, const struct frame *in, struct frame *out)
{
	uint8_t *copy = exact_copy(in->b, in->len), *room = malloc(LM_WORKLOAD_FRAME_MAX);

	out->len = lm_workload_too_big(v, copy, in->len, 1418, room);
	memcpy(out->b, room, out->len);
	free(copy);
	free(room);
	return out->len;
}

static size_t prohibited(
    const struct lm_workload_view *v, const struct frame *in, struct frame *out)
{
	return out->len = lm_workload_prohibited(v, in->b, in->len, out->b);
}

static void check_error(const struct frame *out, const struct frame *in, const void *head)
{
	struct lm_frame f;

	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(bytes_at(out, 0, CLIENT_MAC GATEWAY_MAC, 12));
	CU_ASSERT_TRUE(f.ip != 4 || lm_frame_ipv4_checksum_ok(&f));
	CU_ASSERT_EQUAL(f.ip == 4 ? lm_checksum(f.l4, f.l4_len) : !lm_frame_l4_checksum_ok(&f), 0);
	CU_ASSERT_EQUAL(memcmp(f.l4, head, 2), 0);
	CU_ASSERT_EQUAL(memcmp(f.l4 + 4, (const uint8_t *)head + 2, 4), 0);
	/* What follows is the start of the packet, as much as fits. */
	size_t fits = (f.ip == 4 ? 576 - 28 : 1280 - 48), sent = in->len - 14;
	CU_ASSERT_EQUAL(f.l4_len, 8 + (sent < fits ? sent : fits));
	CU_ASSERT_EQUAL(memcmp(f.l4 + 8, in->b + 14, f.l4_len - 8), 0);
}

static bool is_behind(void *ctx, const struct lm_ip *ip)
{
	(void)ctx;
	return ip->family == 4 && ip->b[0] == 10 && ip->b[1] == 20;
}

static void test_icmp_errors(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_TCP, 1500);
	struct lm_ip src, own = v.gateway4;
	struct lm_frame f;

	CU_ASSERT_EQUAL(too_big(&v, &in, &out), 14 + 576);
	check_error(&out, &in, "\3\4\0\0\x05\x8a");
	CU_ASSERT_EQUAL(lm_frame_parse(&f, out.b, out.len), 0);
	CU_ASSERT_TRUE((src = lm_frame_src(&f), lm_ip_equal(&src, &own)));
	CU_ASSERT_TRUE((src = lm_frame_dst(&f), lm_ip_equal(&src, &v.ipv4)));
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);
	check_error(&out, &in, "\3\x0d\0\0\0\0");
	/* A small one is quoted whole. */
	in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_TCP, 60);
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 14 + 28 + 60);
	check_error(&out, &in, "\3\x0d\0\0\0\0");

	in = make_packet("fd00::a", "fd00::b", IPPROTO_TCP, 1500);
	CU_ASSERT_EQUAL(too_big(&v, &in, &out), 14 + 1280);
	check_error(&out, &in, "\2\0\0\0\x05\x8a");
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);
	check_error(&out, &in, "\1\1\0\0\0\0");
	/* From behind a workload: to it, for who sent it there. */
	struct frame behind = make_packet("10.20.5.9", "100.64.0.11", IPPROTO_TCP, 1500);
	CU_ASSERT_EQUAL(too_big(&v, &behind, &out), 0);
	v.is_behind = is_behind;
	CU_ASSERT_EQUAL(too_big(&v, &behind, &out), 14 + 576);
	check_error(&out, &behind, "\3\4\0\0\x05\x8a");
	CU_ASSERT_EQUAL(lm_frame_parse(&f, out.b, out.len), 0);
	CU_ASSERT_TRUE((src = lm_frame_dst(&f), src.b[0] == 10 && src.b[3] == 9));
	behind = make_packet("10.21.5.9", "100.64.0.11", IPPROTO_TCP, 1500);
	CU_ASSERT_EQUAL(too_big(&v, &behind, &out), 0);
	/* The tag comes back. */
	v.vlan = 101;
	struct frame tagged = frame_tag(&in, 101);
	CU_ASSERT_EQUAL(too_big(&v, &tagged, &out), 18 + 1280);
	CU_ASSERT_TRUE(bytes_at(&out, 12, "\x81\0\0\x65\x86\xdd", 6));
}

/* RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e) */
static void test_icmp_errors_silence(void)
{
	static const uint8_t errors4[] = {3, 4, 5, 11, 12}, errors6[] = {1, 2, 3, 4, 127, 137};
	struct lm_workload_view v = make_view();
	struct frame out, in;

	for (unsigned i = 0; i < sizeof errors4; i++) {
		in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_ICMP, 100);
		in.b[34] = errors4[i];
		CU_ASSERT_EQUAL(too_big(&v, &in, &out), 0);
		CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	}
	in.b[34] = 8;
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);
	for (unsigned i = 0; i < sizeof errors6; i++) {
		in = make_packet("fd00::a", "fd00::b", IPPROTO_ICMPV6, 100);
		in.b[54] = errors6[i];
		CU_ASSERT_EQUAL(too_big(&v, &in, &out), 0);
		CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	}
	in.b[54] = 128;
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);
	/* An ICMPv6 error behind an extension header. */
	in = make_packet("fd00::a", "fd00::b", LM_IPV6_DESTINATION, 100);
	in.b[54] = IPPROTO_ICMPV6, in.b[55] = 0, in.b[62] = 1;
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	in.b[62] = 128;
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);

	/* Later fragments; the first is answered. */
	in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_UDP, 100);
	in.b[20] = 0x20;
	frame_mend(&in);
	CU_ASSERT_TRUE(prohibited(&v, &in, &out) > 0);
	in.b[21] = 1;
	frame_mend(&in);
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	in = make_packet("fd00::a", "fd00::b", LM_IPV6_FRAGMENT, 100);
	in.b[54] = IPPROTO_UDP, in.b[56] = 1, in.b[57] = 0;
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);

	/* To a group or everybody: only "packet too big" of IPv6. */
	static const char *const groups4[] = {
	    "224.0.0.1", "239.1.2.3", "255.255.255.255", "100.64.0.255", "240.0.0.1"};
	for (unsigned i = 0; i < sizeof groups4 / sizeof groups4[0]; i++) {
		in = make_packet("100.64.0.10", groups4[i], IPPROTO_UDP, 100);
		CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
		CU_ASSERT_EQUAL(too_big(&v, &in, &out), 0);
	}
	in = make_packet("fd00::a", "ff05::2", IPPROTO_UDP, 1500);
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	CU_ASSERT_TRUE(too_big(&v, &in, &out) > 0);
	in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_UDP, 100);
	memset(in.b, 0xff, 6);
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);

	/* From anybody but the workload itself. */
	static const char *const sources[] = {
	    "0.0.0.0", "127.0.0.1", "100.64.0.11", "255.255.255.255"};
	for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		in = make_packet(sources[i], "100.64.0.11", IPPROTO_UDP, 100);
		CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	}
	in = make_packet("fd00::b", "fd00::b", IPPROTO_UDP, 100);
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_UDP, 100);
	in.b[7]++, in.b[6] |= 1;
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	/* A broken header. */
	in = make_packet("100.64.0.10", "100.64.0.11", IPPROTO_UDP, 100);
	in.b[24]++;
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
	/* Nothing but IP. */
	in = recorded("arp_request");
	CU_ASSERT_EQUAL(prohibited(&v, &in, &out), 0);
}

/* ---- robustness ------------------------------------------------------------------ */

static const char *const names[] = {"mld", "ns_dad_linklocal", "udhcpc_discover", "udhcpc_request",
    "arp_probe", "rs", "arp_request", "echo4", "udhcpc_renew", "ns_dad", "ns", "echo6",
    "dhclient_discover", "dhclient_request", "dhclient_rebind"};

/* Every truncation of every frame: as it is, and with all lengths and checksums telling the same.
 */
static void test_truncation(void)
{
	struct lm_workload_view v = make_view();

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct frame out, in = recorded(names[i]);
		struct lm_frame view;

		CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&view, in.b, in.len), 0);
		for (size_t len = 0; len < in.len; len++) {
			struct frame cut = in;

			cut.len = len;
			enum lm_workload_result r = give(&v, &cut, &out);
			/* Ethernet's padding may be missing; nothing else. */
			bool whole = len >= (view.ip ? 14 + view.l3_len : 42);
			CU_ASSERT_EQUAL(r == LM_WL_MALFORMED, !whole);
			CU_ASSERT_EQUAL(too_big(&v, &cut, &out) > 0 && len < in.len, false);
		}
		for (size_t n = 1; view.ip && n < view.l4_len; n++) {
			struct frame cut = frame_shorten(&in, n);

			give(&v, &cut, &out);
			too_big(&v, &cut, &out);
		}
	}
}

/* Every byte of every frame set to several values, checksums mended where they can be. */
static void test_damage(void)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0xff};
	struct lm_workload_view v = make_view();

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct frame in = recorded(names[i]), out;

		for (size_t at = 0; at < in.len; at++)
			for (unsigned k = 0; k < sizeof values; k++) {
				struct frame bad = in;
				struct lm_frame f;

				bad.b[at] = values[k];
				give(&v, &bad, &out);
				if (lm_frame_parse(&f, bad.b, bad.len) == 0 && f.ip &&
				    f.l4_len >= 8)
					frame_mend(&bad);
				give(&v, &bad, &out);
			}
	}
}

static void test_names(void)
{
	for (unsigned i = 0; i < LM_WL_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(lm_workload_result_names[i]);
}

LM_SUITE("workload", {"arp", test_arp}, {"arp_silence", test_arp_silence}, {"nd", test_nd},
    {"nd_invalid", test_nd_invalid}, {"echo", test_echo}, {"icmp_errors", test_icmp_errors},
    {"icmp_errors_silence", test_icmp_errors_silence}, {"truncation", test_truncation},
    {"damage", test_damage}, {"names", test_names})
