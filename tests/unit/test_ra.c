/* SPDX-License-Identifier: Apache-2.0 */
#include "workload_fixture.h"

#define ICMP 54 /* in an untagged frame */
#define OPTIONS (ICMP + 16)
#define LIFETIME "\0\0\x15\x18" /* 5,400 s */

/* A sound advertisement from our link-local address, whose options fill it exactly. */
static void check(const struct frame *out, const char *dst)
{
	struct lm_frame f;

	CU_ASSERT_EQUAL_FATAL(lm_frame_parse(&f, out->b, out->len), 0);
	CU_ASSERT_TRUE(bytes_at(out, 0, CLIENT_MAC GATEWAY_MAC "\x86\xdd", 14));
	CU_ASSERT_TRUE(lm_frame_l4_checksum_ok(&f));
	CU_ASSERT_EQUAL(f.protocol, IPPROTO_ICMPV6);
	CU_ASSERT_EQUAL(f.ip6->hop_limits, 255);
	CU_ASSERT_TRUE(bytes_at(out, 22, ip_of("fe80::ff:fe00:1").b, 16));
	CU_ASSERT_TRUE(bytes_at(out, 38, ip_of(dst).b, 16));
	CU_ASSERT_TRUE(bytes_at(out, ICMP, "\x86\0", 2));
	/* Hop limit 64, addresses by DHCPv6; no times of ours. */
	CU_ASSERT_TRUE(bytes_at(out, ICMP + 4, "\x40\x80", 2));
	CU_ASSERT_TRUE(bytes_at(out, ICMP + 8, "\0\0\0\0\0\0\0\0", 8));
	CU_ASSERT_EQUAL(out->len, ICMP + f.l4_len);
}

/* The option of this type, or NULL; there is at most one. */
static const uint8_t *option(const struct frame *f, uint8_t type)
{
	const uint8_t *found = NULL;
	size_t at = OPTIONS;

	for (; at < f->len; at += (size_t)f->b[at + 1] * 8) {
		CU_ASSERT_FATAL(at + 8 <= f->len && f->b[at + 1] > 0);
		if (f->b[at] != type)
			continue;
		CU_ASSERT_PTR_NULL(found);
		found = f->b + at;
	}
	CU_ASSERT_EQUAL(at, f->len);
	return found;
}

static bool has(const struct frame *f, const void *bytes, size_t n)
{
	const uint8_t *p = option(f, *(const uint8_t *)bytes);

	return p && n == (size_t)p[1] * 8 && memcmp(p, bytes, n) == 0;
}

static void test_solicited(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = frame_load(FRAMES, "rs");

	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check(&out, "fe80::ff:fe00:101"); /* the recorded host's */
	CU_ASSERT_TRUE(bytes_at(&out, ICMP + 6, &LIFETIME[2], 2)); /* default router */
	CU_ASSERT_TRUE(has(&out, "\x01\x01" GATEWAY_MAC, 8));
	CU_ASSERT_TRUE(has(&out, "\x05\x01\0\0\0\0\x05\x8a", 8));
	/* On link, nothing to make addresses of. */
	CU_ASSERT_TRUE(has(&out,
	    "\x03\x04\x40\x80" LIFETIME LIFETIME "\0\0\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32));
	CU_ASSERT_TRUE(
	    has(&out, "\x19\x03\0\0" LIFETIME "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 24));
	CU_ASSERT_TRUE(has(&out, "\x1f\x03\0\0" LIFETIME "\x04shop\x08internal\0\0", 24));
	CU_ASSERT_PTR_NULL(option(&out, 24));

	/* From a host that has no address yet: to all nodes, in a frame for it alone. */
	in = frame_shorten(&in, 8);
	memset(in.b + 22, 0, 16);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check(&out, "ff02::1");
	/* Which has no MAC to say, either. */
	in = frame_load(FRAMES, "rs");
	memset(in.b + 22, 0, 16);
	frame_mend(&in);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
	/* Too short for a solicitation. */
	in = frame_load(FRAMES, "rs");
	in = frame_shorten(&in, 9);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_MALFORMED);
}

static void test_view(void)
{
	struct lm_workload_view v = make_view();
	struct frame out, in = frame_load(FRAMES, "rs");

	/* Workloads have another way out: no default router, but a route to the network. */
	v.default4 = v.default6 = false;
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(&v.net6, "fd5a:10::/56"), 0);
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	check(&out, "fe80::ff:fe00:101");
	CU_ASSERT_TRUE(bytes_at(&out, ICMP + 6, "\0\0", 2));
	CU_ASSERT_TRUE(has(&out, "\x18\x02\x38\0" LIFETIME "\xfd\x5a\0\x10\0\0\0\0", 16));
	CU_ASSERT_PTR_NOT_NULL(option(&out, 3));
	/* Less than IPv6's minimum is no MTU. No domain, no search list. */
	v.mtu = 1279;
	v.domain = NULL;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_PTR_NULL(option(&out, 5));
	CU_ASSERT_PTR_NULL(option(&out, 31));
	v.mtu = 1280;
	v.domain = "a..b";
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_PTR_NOT_NULL(option(&out, 5));
	CU_ASSERT_PTR_NULL(option(&out, 31));
	/* The longest name that there is. */
	char domain[254];
	memset(domain, 'd', sizeof domain - 1);
	domain[63] = domain[127] = domain[191] = '.';
	domain[sizeof domain - 1] = '\0';
	v.domain = domain;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_EQUAL(option(&out, 31)[1], 33);
	/* An endpoint without IPv6 is not told that there is any. */
	v.ipv6 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_ND_IGNORED);
	CU_ASSERT_EQUAL(out.len, 0);
}

static bool one_route(void *ctx, int family, unsigned *cursor, struct lm_prefix *out)
{
	const char *const *list = ctx;

	if (family != 6 || !list[*cursor])
		return false;
	CU_ASSERT_EQUAL_FATAL(lm_prefix_parse(out, list[(*cursor)++]), 0);
	return true;
}

/* Without end. */
static bool many_routes(void *ctx, int family, unsigned *cursor, struct lm_prefix *out)
{
	(void)ctx;
	*out = (struct lm_prefix){.ip = {6, {0xfd, 0x99, 0, (uint8_t)++*cursor}}, .len = 64};
	return family == 6;
}

/* There may be several of its kind. */
static bool told(const struct frame *f, const void *option, size_t len)
{
	return memmem(f->b + ICMP + 16, f->len - ICMP - 16, option, len);
}

static void test_routes(void)
{
	static const char *const list[] = {"fd99::/32", "2001:db8::7/128", NULL};
	struct lm_workload_view v = make_view();
	struct frame out, in = frame_load(FRAMES, "rs");

	v.route = one_route;
	v.ctx = (void *)(uintptr_t)list;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(told(&out, "\x18\x02\x20\0" LIFETIME "\xfd\x99\0\0\0\0\0\0", 16));
	CU_ASSERT_TRUE(
	    told(&out, "\x18\x03\x80\0" LIFETIME "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 24));
	CU_ASSERT_FALSE(bytes_at(&out, ICMP + 6, "\0\0", 2)); /* and the default router */
	/* Where it is not: the lifetime says so, routes are as before. */
	v.default6 = false;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(bytes_at(&out, ICMP + 6, "\0\0", 2));
	CU_ASSERT_TRUE(told(&out, "\x18\x02\x20\0" LIFETIME "\xfd\x99\0\0\0\0\0\0", 16));
	/* As many as pass on every link. */
	v.route = many_routes;
	CU_ASSERT_EQUAL(give(&v, &in, &out), LM_WL_REPLY);
	CU_ASSERT_TRUE(out.len <= 14 + 1280 && out.len > 14 + 1280 - 16);
}

static void test_unsolicited(void)
{
	struct lm_workload_view v = make_view();
	const struct lm_mac to = {{2, 0, 0, 0, 1, 1}};
	struct frame out;

	out.len = lm_workload_advertise(&v, &to, out.b);
	check(&out, "ff02::1");
	v.vlan = 101;
	out.len = lm_workload_advertise(&v, &to, out.b);
	CU_ASSERT_TRUE(bytes_at(&out, 12, "\x81\0\0\x65\x86\xdd", 6));
	v.ipv6 = (struct lm_ip){0};
	CU_ASSERT_EQUAL(lm_workload_advertise(&v, &to, out.b), 0);
}

LM_SUITE("ra", {"solicited", test_solicited}, {"view", test_view},
    {"unsolicited", test_unsolicited}, {"routes", test_routes})
