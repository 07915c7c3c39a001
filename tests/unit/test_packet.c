/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include "packet/build.h"
#include "packet/frame.h"
#include "packet/mss.h"
#include "packet/ttl.h"

/* RFC 1071 section 3, and the header that Wikipedia and textbooks use as the example. */
static void test_checksum(void)
{
	static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
	    0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	struct rte_ipv4_hdr ip;

	CU_ASSERT_EQUAL(
	    lm_sum_fold(lm_sum_add(0, rfc1071, sizeof rfc1071)), rte_cpu_to_be_16(0xddf2));
	CU_ASSERT_EQUAL(lm_checksum(header, sizeof header), 0);
	memcpy(&ip, header, sizeof ip);
	CU_ASSERT_EQUAL(lm_ipv4_checksum(&ip), rte_cpu_to_be_16(0xb861));
	ip.hdr_checksum = 0x1234; /* the field's own content must not matter */
	CU_ASSERT_EQUAL(lm_ipv4_checksum(&ip), rte_cpu_to_be_16(0xb861));
}

/* Every length, against the definition: 16-bit words, the last byte padded with zero. */
static void test_checksum_lengths(void)
{
	uint8_t data[67];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(0xff - 3 * i);
	for (size_t len = 0; len <= sizeof data; len++) {
		uint32_t sum = 0;

		for (size_t i = 0; i < len; i++)
			sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		CU_ASSERT_EQUAL(lm_checksum(data, len), rte_cpu_to_be_16((uint16_t)~sum));
	}
}

/* The short way comes to the same as the sum of 16-bit words, with every carry and any options. */
static void test_ipv4_checksum_ok(void)
{
	static const uint8_t bytes[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
	uint8_t header[60];
	uint32_t seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		unsigned len = i % 8 ? 20 : 20 + i / 8 % 11 * 4;

		for (unsigned k = 0; k < len; k++) {
			seed = seed * 1664525 + 1013904223;
			header[k] = i & 1 ? bytes[(seed >> 16) % 6] : (uint8_t)(seed >> 24);
		}
		header[0] = (uint8_t)(0x40 | len / 4);
		uint16_t sum = lm_ipv4_checksum((void *)header);
		memcpy(header + 10, &sum, 2);
		CU_ASSERT_TRUE(lm_ipv4_checksum_ok(header));
		header[1 + seed % (len - 1)] ^= (uint8_t)(1 << (seed >> 8) % 8);
		CU_ASSERT_FALSE(lm_ipv4_checksum_ok(header));
	}
	memset(header, 0, sizeof header);
	header[0] = 5;
	header[10] = 0xfa, header[11] = 0xff;
	CU_ASSERT_TRUE(lm_ipv4_checksum_ok(header));
}

/* Incremental equals whole for every TTL, also where equation 2 of RFC 1624 goes wrong. */
static void test_ttl(void)
{
	struct rte_ipv4_hdr ip = {.version_ihl = 0x45, .next_proto_id = 6};
	struct rte_ipv6_hdr ip6 = {.hop_limits = 2};

	for (uint32_t id = 0; id < 0x10000; id += 7) {
		ip.packet_id = (uint16_t)id;
		ip.time_to_live = (uint8_t)(2 + id % 254);
		ip.hdr_checksum = lm_ipv4_checksum(&ip);
		uint8_t before = ip.time_to_live;
		CU_ASSERT_TRUE(lm_ipv4_ttl_decrement(&ip));
		CU_ASSERT_EQUAL(ip.time_to_live, before - 1);
		CU_ASSERT_EQUAL(lm_checksum(&ip, sizeof ip), 0);
	}
	/* Whatever the checksum was, right or wrong: by one more hop as far off as before. */
	for (uint32_t sum = 0; sum < 0x10000; sum++) {
		const uint16_t old = rte_cpu_to_be_16(0x4006), new = rte_cpu_to_be_16(0x3f06);

		ip.time_to_live = 0x40;
		ip.hdr_checksum = (uint16_t)sum;
		lm_ipv4_ttl_decrement(&ip);
		CU_ASSERT_EQUAL(ip.hdr_checksum, lm_checksum_replace((uint16_t)sum, old, new));
	}
	/* RFC 1624 section 4: 0xdd2f, with 0x5555 becoming 0x3285, gives 0x0000. */
	CU_ASSERT_EQUAL(lm_checksum_replace(rte_cpu_to_be_16(0xdd2f), rte_cpu_to_be_16(0x5555),
			    rte_cpu_to_be_16(0x3285)),
	    0);
	for (uint8_t ttl = 0; ttl < 2; ttl++) {
		ip.time_to_live = ttl;
		ip.hdr_checksum = 77;
		CU_ASSERT_FALSE(lm_ipv4_ttl_decrement(&ip));
		CU_ASSERT_EQUAL(ip.time_to_live, ttl);
		CU_ASSERT_EQUAL(ip.hdr_checksum, 77);
	}
	CU_ASSERT_TRUE(lm_ipv6_hop_limit_decrement(&ip6));
	CU_ASSERT_EQUAL(ip6.hop_limits, 1);
	CU_ASSERT_FALSE(lm_ipv6_hop_limit_decrement(&ip6));
	CU_ASSERT_EQUAL(ip6.hop_limits, 1);
}

/* A SYN with these options, in memory of exactly its size, its checksum right (without pseudo
 * header). */
static uint8_t *make_syn(const uint8_t *options, size_t n, size_t *len)
{
	*len = sizeof(struct rte_tcp_hdr) + n;
	uint8_t *p = calloc(1, *len);
	struct rte_tcp_hdr *tcp = (void *)p;
	uint16_t sum;

	tcp->src_port = rte_cpu_to_be_16(40000);
	tcp->dst_port = rte_cpu_to_be_16(443);
	tcp->sent_seq = rte_cpu_to_be_32(0xfedcba98);
	tcp->data_off = (uint8_t)(*len / 4 << 4);
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	memcpy(p + sizeof *tcp, options, n);
	sum = lm_checksum(p, *len);
	memcpy(&tcp->cksum, &sum, 2);
	return p;
}

/* Clamps to 1300; returns what the two bytes at offset hold afterwards. */
static unsigned clamped(const uint8_t *options, size_t n, size_t offset, bool expect_change)
{
	size_t len;
	uint8_t *p = make_syn(options, n, &len);

	CU_ASSERT_EQUAL(lm_tcp_mss_clamp(p, len, 1300), expect_change);
	CU_ASSERT_EQUAL(lm_checksum(p, len), 0);
	unsigned mss = (unsigned)p[20 + offset] << 8 | p[20 + offset + 1];
	free(p);
	return mss;
}
#define CLAMPED(offset, change, ...) \
	clamped((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), offset, \
	    change)

static void test_mss(void)
{
	/* What Linux sends: MSS 1460, SACK permitted, timestamps, NOP, window scale. */
	CU_ASSERT_EQUAL(
	    CLAMPED(2, true, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7),
	    1300);
	/* At an odd offset. */
	CU_ASSERT_EQUAL(CLAMPED(3, true, 1, 2, 4, 0x05, 0xb4, 1, 1, 1), 1300);
	CU_ASSERT_EQUAL(CLAMPED(3, true, 1, 2, 4, 0xff, 0xff, 1, 1, 1), 1300);
	/* Two of them: whichever the receiver takes, it is small enough. */
	CU_ASSERT_EQUAL(CLAMPED(2, true, 2, 4, 0x05, 0xb4, 2, 4, 0x05, 0xb4), 1300);
	CU_ASSERT_EQUAL(CLAMPED(6, true, 2, 4, 0x05, 0xb4, 2, 4, 0x05, 0xb4), 1300);
	/* Never raised. */
	CU_ASSERT_EQUAL(CLAMPED(2, false, 2, 4, 0x05, 0x14), 1300);
	CU_ASSERT_EQUAL(CLAMPED(2, false, 2, 4, 0x02, 0x18), 536);
	/* Behind the end of the options, or of a wrong length, it is no MSS. */
	CU_ASSERT_EQUAL(CLAMPED(6, false, 0, 0, 0, 0, 2, 4, 0x05, 0xb4, 0, 0), 0x05b4);
	CU_ASSERT_EQUAL(CLAMPED(2, false, 2, 3, 0x05, 0xb4), 0x05b4);
	CU_ASSERT_EQUAL(CLAMPED(2, false, 2, 5, 0x05, 0xb4, 1, 0, 0, 0), 0x05b4);
}

static void test_mss_hostile(void)
{
	/* Lengths of 0 and 1 must end the walk; lengths over the end must not be followed. */
	CLAMPED(0, false, 5, 0, 2, 4);
	CLAMPED(0, false, 5, 1, 2, 4);
	CLAMPED(0, false, 2, 0, 0xff, 0xff);
	CLAMPED(0, false, 1, 1, 2, 4);
	CLAMPED(0, false, 1, 1, 1, 2);
	CLAMPED(0, false, 1, 1, 1, 254);
	CLAMPED(0, false, 1, 254, 255, 255);

	/* Every truncation, every data offset, in memory of exactly that size. */
	static const uint8_t options[] = {1, 2, 4, 0x05, 0xb4, 1, 1, 1};
	size_t full;
	uint8_t *whole = make_syn(options, sizeof options, &full);
	for (size_t len = 0; len <= full; len++)
		for (unsigned offset = 0; offset < 16; offset++) {
			uint8_t *p = malloc(len + (len == 0));

			memcpy(p, whole, len);
			if (len > 12)
				p[12] = (uint8_t)(offset << 4);
			bool changed = lm_tcp_mss_clamp(p, len, 1300);
			CU_ASSERT_EQUAL(changed, len == full && (offset == 7));
			free(p);
		}
	struct rte_tcp_hdr *tcp = (void *)whole;
	tcp->tcp_flags = RTE_TCP_ACK_FLAG;
	CU_ASSERT_FALSE(lm_tcp_mss_clamp(whole, full, 1300));
	tcp->tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
	CU_ASSERT_TRUE(lm_tcp_mss_clamp(whole, full, 1300));
	free(whole);
	CU_ASSERT_EQUAL(lm_mss_of_mtu(1418, false), 1378);
	CU_ASSERT_EQUAL(lm_mss_of_mtu(1418, true), 1358);
	CU_ASSERT_EQUAL(lm_mss_of_mtu(30, true), 0);
}

static const struct lm_mac mac_a = {{2, 0, 0, 0, 0, 0xa}}, mac_b = {{2, 0, 0, 0, 0, 0xb}};

static struct lm_ip ip_of(const char *text)
{
	struct lm_ip ip = {0};

	CU_ASSERT_EQUAL(lm_ip_parse(&ip, text), 0);
	return ip;
}

static size_t build_udp(uint8_t *out, size_t size, const char *src, const char *dst, uint16_t vlan,
    const void *data, size_t len)
{
	struct lm_ip s = ip_of(src), d = ip_of(dst);
	struct lm_build b;

	lm_build_ether(&b, out, size, &mac_b, &mac_a, vlan,
	    s.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &s, &d, IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&b, 4500, 53);
	lm_write(&b.w, data, len);
	return lm_build_end(&b);
}

/* A segment with an odd number of bytes, whose checksum the receiver's code agrees with. */
static void test_build_tcp(void)
{
	static const uint8_t header[] = {
	    0, 53, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 4, 0, 0, 0, 0, 0, 'o', 'd', 'd'};
	const char *const ends[][2] = {{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}};
	uint8_t out[128];
	struct lm_frame f;

	for (unsigned i = 0; i < 2; i++) {
		struct lm_ip s = ip_of(ends[i][0]), d = ip_of(ends[i][1]);
		struct lm_build b;
		lm_build_ether(&b, out, sizeof out, &mac_b, &mac_a, 0,
		    i ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
		lm_build_ip(&b, &s, &d, IPPROTO_TCP, LM_HOP_LIMIT);
		lm_write(&b.w, header, sizeof header);
		CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out, lm_build_end(&b)), 0);
		CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
		CU_ASSERT_NOT_EQUAL(f.l4[16] << 8 | f.l4[17], 0);
		out[f.l4 + 20 - out] ^= 1;
		CU_ASSERT_FALSE(lm_frame_l4_checksum_ok(&f));
	}
}

/* The bytes, as another implementation (Scapy 2.5) made them from the same fields. */
static void test_build(void)
{
	static const uint8_t expect4[] = {0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a, 0x81,
	    0x00, 0x00, 0x65, 0x08, 0x00, 0x45, 0x00, 0x00, 0x21, 0x00, 0x00, 0x40, 0x00, 0x40,
	    0x11, 0x26, 0xca, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x11, 0x94, 0x00,
	    0x35, 0x00, 0x0d, 0x96, 0x36, 0x68, 0x65, 0x6c, 0x6c, 0x6f};
	static const uint8_t expect6[] = {0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a, 0x86,
	    0xdd, 0x60, 0, 0, 0, 0, 0x0d, 0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x11,
	    0x94, 0, 0x35, 0x00, 0x0d, 0x4e, 0xc4, 0x68, 0x65, 0x6c, 0x6c, 0x6f};
	uint8_t out[128];

	CU_ASSERT_EQUAL(build_udp(out, sizeof out, "10.0.0.1", "10.0.0.2", 101, "hello", 5), 60);
	CU_ASSERT_EQUAL(memcmp(out, expect4, sizeof expect4), 0);
	for (size_t i = sizeof expect4; i < 60; i++)
		CU_ASSERT_EQUAL(out[i], 0);
	CU_ASSERT_EQUAL(
	    build_udp(out, sizeof out, "2001:db8::1", "2001:db8::2", 0, "hello", 5), 67);
	CU_ASSERT_EQUAL(memcmp(out, expect6, sizeof expect6), 0);
	/* What does not fit is not sent in part. */
	CU_ASSERT_EQUAL(build_udp(out, 66, "2001:db8::1", "2001:db8::2", 0, "hello", 5), 0);
	CU_ASSERT_EQUAL(build_udp(out, 59, "10.0.0.1", "10.0.0.2", 0, "hello", 5), 0);
	/* A UDP checksum of zero is sent as 0xffff: search for a payload that has it. */
	bool seen = false;
	for (uint32_t v = 0; v < 0x10000; v++) {
		uint16_t word = (uint16_t)v, sum;

		build_udp(out, sizeof out, "10.0.0.1", "10.0.0.2", 0, &word, 2);
		memcpy(&sum, out + 40, 2);
		CU_ASSERT_NOT_EQUAL_FATAL(sum, 0);
		seen = seen || sum == 0xffff;
	}
	CU_ASSERT_TRUE(seen);

	struct lm_ip ip = ip_of("2001:db8::1:2:30a"), group = ip_of("ff02::1:ff02:30a");
	struct lm_ip solicited = lm_solicited_node(&ip);
	CU_ASSERT_TRUE(lm_ip_equal(&solicited, &group));
	struct lm_mac mac = lm_mac_of_multicast6(&group);
	CU_ASSERT_EQUAL(memcmp(mac.b, "\x33\x33\xff\x02\x03\x0a", 6), 0);
}

static void test_frame(void)
{
	uint8_t data[128];
	struct lm_frame f;
	struct lm_ip src = ip_of("10.0.0.1"), dst = ip_of("10.0.0.2"), ip;
	size_t len = build_udp(data, sizeof data, "10.0.0.1", "10.0.0.2", 101, "hello", 5);

	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_EQUAL(f.vlan, 101);
	CU_ASSERT_EQUAL(f.ether_type, RTE_ETHER_TYPE_IPV4);
	CU_ASSERT_EQUAL(f.ip, 4);
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_PTR_EQUAL(f.l4, data + 38);
	CU_ASSERT_EQUAL(f.l3_len, 33); /* Ethernet's padding is not part of it */
	CU_ASSERT_EQUAL(f.l4_len, 13);
	CU_ASSERT_FALSE(f.options || f.fragment || f.later_fragment);
	CU_ASSERT_TRUE(lm_frame_ipv4_checksum_ok(&f));
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_TRUE((ip = lm_frame_src(&f), lm_ip_equal(&ip, &src)));
	CU_ASSERT_TRUE((ip = lm_frame_dst(&f), lm_ip_equal(&ip, &dst)));
	data[50]++;
	CU_ASSERT_FALSE(lm_frame_l4_checksum_ok(&f));
	data[26]++;
	CU_ASSERT_FALSE(lm_frame_ipv4_checksum_ok(&f));
	/* First, middle and last fragment. */
	data[24] = 0x20, data[25] = 0;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_TRUE(f.fragment && !f.later_fragment);
	data[25] = 1;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_TRUE(f.fragment && f.later_fragment);
	data[24] = 0;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_TRUE(f.fragment && f.later_fragment);
	/* Options; a header longer than the packet; a packet longer than the frame; versions. */
	data[18] = 0x46;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_TRUE(f.options);
	CU_ASSERT_EQUAL(f.l4_len, 9);
	data[18] = 0x4f;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);
	data[18] = 0x44;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);
	data[18] = 0x65;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);
	data[18] = 0x45, data[21] = 43;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);
	data[21] = 19;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);

	len = build_udp(data, sizeof data, "2001:db8::1", "2001:db8::2", 0, "hello", 5);
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_EQUAL(f.vlan, 0);
	CU_ASSERT_EQUAL(f.ip, 6);
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_EQUAL(f.l4_len, 13);
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	data[60] ^= 0x80;
	CU_ASSERT_FALSE(lm_frame_l4_checksum_ok(&f));
	data[19] = 14;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), -EINVAL);

	/* Not IP is not an error; neither is a second tag. */
	data[12] = 0x88, data[13] = 0xcc;
	CU_ASSERT_EQUAL(lm_frame_parse(&f, data, len), 0);
	CU_ASSERT_EQUAL(f.ip, 0);
	CU_ASSERT_EQUAL(f.l3_len, len - 14);
}

/* IPv6 with this chain of extension headers in front of five bytes of UDP payload; first: its type.
 */
static int parse_chain(
    struct lm_frame *f, uint8_t *out, uint8_t first, const uint8_t *chain, size_t n)
{
	struct lm_ip src = ip_of("2001:db8::1"), dst = ip_of("2001:db8::2");
	struct lm_build b;

	lm_build_ether(&b, out, 256, &mac_b, &mac_a, 0, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &src, &dst, first, 64);
	lm_write(&b.w, chain, n);
	lm_write(&b.w, "\x11\x94\0\x35\0\x0d\0\0hello", 13);
	return lm_frame_parse(f, out, lm_build_end(&b));
}
#define PARSE_CHAIN(first, ...) \
	parse_chain(&f, out, first, (const uint8_t[]){__VA_ARGS__}, \
	    sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_extension_headers(void)
{
	uint8_t out[256];
	struct lm_frame f;

	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_HOP_BY_HOP, 60, 0, 5, 2, 0, 0, 1, 0,
			    /* destination: */ 17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	    0);
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_TRUE(f.options && !f.fragment);
	CU_ASSERT_EQUAL(f.l4_len, 13);
	CU_ASSERT_PTR_EQUAL(f.l4, out + 54 + 24);
	/* A first fragment has its header; a later one has not, and nothing is walked behind it. */
	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_FRAGMENT, 17, 0, 0, 1, 0, 0, 0, 9), 0);
	CU_ASSERT_TRUE(f.fragment && !f.later_fragment);
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_UDP);
	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_FRAGMENT, 60, 0, 0, 8, 0, 0, 0, 9), 0);
	CU_ASSERT_TRUE(f.fragment && f.later_fragment);
	CU_ASSERT_EQUAL(f.protocol, LM_IPV6_DESTINATION);
	CU_ASSERT_EQUAL(f.l4_len, 13);
	/* An atomic fragment (RFC 6946) is whole. */
	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_FRAGMENT, 17, 0, 0, 0, 0, 0, 0, 9), 0);
	CU_ASSERT_FALSE(f.fragment);
	/* A header that runs over the end, by its length field and by its first eight bytes. */
	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_ROUTING, 17, 2, 0, 0, 0, 0, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(PARSE_CHAIN(LM_IPV6_ROUTING, 60, 1, 0, 0, 0, 0, 0, 0), -EINVAL);
	/* Endless chains end. */
	uint8_t chain[8 * (LM_IPV6_EXTENSIONS_MAX + 2)] = {0};
	for (size_t i = 0; i < sizeof chain; i += 8)
		chain[i] = LM_IPV6_DESTINATION;
	CU_ASSERT_EQUAL(parse_chain(&f, out, LM_IPV6_DESTINATION, chain, sizeof chain), 0);
	CU_ASSERT_EQUAL(f.protocol, LM_IPV6_DESTINATION);
}

/* Every truncation of valid frames, in memory of exactly that size: for ASan to watch. */
static void test_truncation(void)
{
	static const uint8_t chain[] = {
	    60, 0, 5, 2, 0, 0, 1, 0, 44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9};
	uint8_t frames[3][256];
	struct lm_frame f;
	size_t lens[3] = {
	    build_udp(frames[0], 256, "10.0.0.1", "10.0.0.2", 101, "01234567890123456789", 20),
	    build_udp(frames[1], 256, "2001:db8::1", "2001:db8::2", 7, "hello", 5),
	    54 + sizeof chain + 13,
	};
	CU_ASSERT_EQUAL(parse_chain(&f, frames[2], LM_IPV6_HOP_BY_HOP, chain, sizeof chain), 0);

	for (unsigned i = 0; i < 3; i++)
		for (size_t len = 0; len <= lens[i]; len++) {
			uint8_t *p = malloc(len + (len == 0));

			memcpy(p, frames[i], len);
			int rc = lm_frame_parse(&f, p, len);
			CU_ASSERT_EQUAL(rc, len == lens[i] ? 0 : -EINVAL);
			if (rc == 0) {
				CU_ASSERT_PTR_EQUAL(f.l4 + f.l4_len, p + len);
				lm_frame_l4_checksum_ok(&f);
			}
			free(p);
		}
}

LM_SUITE("packet", {"checksum", test_checksum}, {"checksum_lengths", test_checksum_lengths},
    {"IPv4 checksum", test_ipv4_checksum_ok}, {"ttl", test_ttl}, {"mss", test_mss},
    {"mss_hostile", test_mss_hostile}, {"build", test_build}, {"build TCP", test_build_tcp},
    {"frame", test_frame}, {"extension_headers", test_extension_headers},
    {"truncation", test_truncation})
