/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest leaves to the gateways: endpoints without address or provider, and the pool. */
#include <errno.h>
#include "refused.h"

/* A document with these prefixes and these members. Line 4: prefixes, 6: the first member. */
static char *document(const char *prefixes, const char *members)
{
	struct fixture_text t = {0};
	fixture_add(&t,
	    "leasemesh: 1\nnetwork: n\nserial: 1\nprefixes: {%s}\n"
	    "providers: [{name: p, key: " FIXTURE_KEY_ALPHA ", addresses: ['192.0.2.1:1']}]\n"
	    "members:\n%s",
	    prefixes, members);
	return t.text;
}

/* One member with so many endpoints of which nothing is said. */
static char *document_of(const char *prefixes, unsigned replicas)
{
	char member[64];
	snprintf(member, sizeof(member), "- {name: m, deployment: 1, replicas: %u}\n", replicas);
	return document(prefixes, replicas ? member : "- {name: m, deployment: 1, endpoints: []}");
}

/* Parses and frees the text; fails the test if it cannot. */
static struct lm_manifest *parsed(char *text)
{
	struct lm_manifest *m = NULL;
	struct lm_why why;
	if (fixture_parse(&m, text, &why) < 0)
		fprintf(stderr, "\n  %s\n%s\n", why.text, text);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

/* Takes the text over. */
static void check_refused_text(char *text, int expected_err, const char *expected)
{
	check_refused(text, expected_err, expected);
	free(text);
}

static void check_ip(struct lm_ip ip, const char *expected)
{
	char text[LM_IP_TEXT];
	CU_ASSERT_STRING_EQUAL(lm_ip_text(text, &ip), expected);
	if (strcmp(text, expected) != 0)
		fprintf(stderr, "\n  expected %s\n  but got  %s\n", expected, text);
}

/* ---- endpoints ---- */

static void test_what_is_not_said(void)
{
	struct lm_manifest *m = parsed(document("ipv4: 100.64.10.0/24, ipv6: 'fd5a:10::/64'",
	    "- name: a\n  deployment: 1\n  endpoints:\n"
	    "  - {}\n"
	    "  - {provider: p}\n"
	    "  - {ipv4: 100.64.10.9}\n"
	    "  - {ipv6: 'fd5a:10::9'}\n"
	    "  - {provider: p, ipv6: 'fd5a:10::a'}\n"
	    "- {name: b, deployment: 1, replicas: 3}\n"
	    "- {name: c, deployment: 1, endpoints: []}\n"
	    "- {name: d, deployment: 1, endpoints: [{provider: p, ipv4: 100.64.10.10}]}\n"));
	static const struct {
		bool given, decided;
		unsigned provider;
	} expected[] = {
	    {true, true, LM_ANY_PROVIDER},
	    {true, true, 0},
	    {false, true, LM_ANY_PROVIDER},
	    {false, true, LM_ANY_PROVIDER},
	    {false, false, 0},
	    {true, true, LM_ANY_PROVIDER},
	    {true, true, LM_ANY_PROVIDER},
	    {true, true, LM_ANY_PROVIDER},
	    {false, false, 0},
	};
	CU_ASSERT_EQUAL_FATAL(m->n_endpoints, sizeof(expected) / sizeof(expected[0]));
	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		CU_ASSERT_EQUAL(lm_endpoint_given(e), expected[i].given);
		CU_ASSERT_EQUAL(lm_endpoint_decided(e), expected[i].decided);
		CU_ASSERT_EQUAL(e->provider, expected[i].provider);
	}
	CU_ASSERT_EQUAL(m->n_decided, 7);
	CU_ASSERT_TRUE(lm_manifest_decided(m));
	CU_ASSERT_EQUAL(m->members[1].first_endpoint, 5);
	CU_ASSERT_EQUAL(m->members[1].n_endpoints, 3);
	CU_ASSERT_EQUAL(m->endpoints[7].member, 1);
	CU_ASSERT_EQUAL(m->endpoints[7].replica, 2);
	CU_ASSERT_EQUAL(m->members[2].n_endpoints, 0);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "b", 2), 7);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "b", 3), -ENOENT);
	CU_ASSERT_EQUAL(lm_manifest_endpoint(m, "d", 0), 8);
	lm_manifest_free(m);

	m = parsed(document("ipv4: 100.64.10.0/24",
	    "- {name: d, deployment: 1, endpoints: [{provider: p, ipv4: 100.64.10.10}]}\n"));
	CU_ASSERT_FALSE(lm_manifest_decided(m));
	lm_manifest_free(m);
}

static void test_replicas_refused(void)
{
	static const char v4[] = "ipv4: 10.0.0.0/8";
	check_refused_text(document(v4, "- {name: m, deployment: 1}\n"), -EINVAL,
	    "7:3: members[0]: needs 'endpoints' or 'replicas'");
	check_refused_text(document(v4, "- {name: m, deployment: 1, replicas: 2, endpoints: []}\n"),
	    -EINVAL, "7:38: members[0].replicas: has no meaning beside 'endpoints'");
	check_refused_text(document(v4, "- {name: m, deployment: 1, replicas: 0}\n"), -EINVAL,
	    "7:38: members[0].replicas: expected a number from 1 to 16384, found '0'");
	check_refused_text(document(v4, "- {name: m, deployment: 1, replicas: 16385}\n"), -EINVAL,
	    "7:38: members[0].replicas: expected a number from 1 to 16384, found '16385'");
	check_refused_text(document(v4, "- {name: m, deployment: 1, replicas: [2]}\n"), -EINVAL,
	    "7:38: members[0].replicas: expected a number from 1 to 16384, found a list");
	check_refused_text(document(v4, "- {name: m, deployment: 1, replicas: 10000}\n"
					"- {name: n, deployment: 1, replicas: 6385}\n"),
	    -E2BIG, "8:38: members[1].replicas: more than 16384 endpoints in one network");
	struct lm_manifest *m =
	    parsed(document(v4, "- {name: m, deployment: 1, replicas: 10000}\n"
				"- {name: n, deployment: 1, replicas: 6384}\n"));
	CU_ASSERT_EQUAL(m->n_endpoints, LM_ENDPOINTS_MAX);
	CU_ASSERT_EQUAL(m->n_decided, LM_ENDPOINTS_MAX);
	lm_manifest_free(m);
}

/* ---- the pool ---- */

static void test_pool_geometry(void)
{
	static const struct {
		const char *prefixes;
		uint32_t first, n, block_size, room;
	} list[] = {
	    /* The upper half of the IPv4 prefix ... */
	    {"ipv4: 100.64.10.0/24", 128, 128, 8, 127},
	    {"ipv4: 100.64.10.0/24, ipv6: 'fd5a:10::/64'", 128, 128, 8, 127},
	    {"ipv4: 100.64.0.0/16", 32768, 32768, 64, 32767},
	    {"ipv4: 100.64.0.0/22", 512, 512, 32, 511},
	    {"ipv4: 100.64.10.0/26", 32, 32, 4, 31},
	    {"ipv4: 100.64.10.0/29", 4, 4, 4, 3},
	    {"ipv4: 100.64.10.0/30", 2, 2, 2, 1},
	    /* ... as far as there may be blocks of 64. */
	    {"ipv4: 10.0.0.0/9", 1u << 22, 1u << 22, 64, (1u << 22) - 1},
	    {"ipv4: 10.0.0.0/8", 1u << 23, 1u << 22, 64, 1u << 22},
	    /* Without IPv4: above what people number by hand. */
	    {"ipv6: 'fd5a:10::/64'", 65536, 65536, 64, 65536},
	    {"ipv6: 'fd5a:10::/111'", 65536, 65536, 64, 65536},
	    {"ipv6: 'fd5a:10::/112'", 32768, 32768, 64, 32768},
	    {"ipv6: 'fd5a:10::/126'", 2, 2, 2, 2},
	    /* Said. */
	    {"ipv4: 10.1.0.0/16, pool: 10.1.0.0/16", 0, 65536, 64, 65533},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.4.0/22", 1024, 1024, 64, 1024},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.4.0/22, block: 28", 1024, 1024, 16, 1024},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.4.0/22, block: 22", 1024, 1024, 1024, 1024},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.0.0/32", 0, 1, 1, 0},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.0.1/32", 1, 1, 1, 0},
	    {"ipv4: 10.1.0.0/16, pool: 10.1.255.255/32, block: 32", 65535, 1, 1, 0},
	    {"ipv4: 10.1.0.0/16, block: 32", 32768, 32768, 1, 32767},
	    {"ipv4: 10.0.0.0/8, pool: 10.64.0.0/10, block: 16", 1u << 22, 1u << 22, 65536,
		1u << 22},
	    {"ipv4: 10.0.0.0/8, pool: 10.64.0.0/10, block: 26", 1u << 22, 1u << 22, 64, 1u << 22},
	    {"ipv6: 'fd5a:10::/64', pool: 'fd5a:10::4000/114', block: 24", 16384, 16384, 256,
		16384},
	    {"ipv6: 'fd5a:10::/64', pool: 'fd5a:10::ffc0:0/106'", 0xffc00000, 1u << 22, 64,
		1u << 22},
	    /* Nothing is asked of a pool that nothing comes from. */
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a:10::/120'", 32768, 32768, 64, 0},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct lm_manifest *m = parsed(document_of(list[i].prefixes, 0));
		CU_ASSERT_EQUAL(m->pool.first, list[i].first);
		CU_ASSERT_EQUAL(m->pool.n, list[i].n);
		CU_ASSERT_EQUAL(m->pool.block_size, list[i].block_size);
		CU_ASSERT_EQUAL(lm_manifest_pool_room(m), list[i].room);
		if (m->pool.first != list[i].first || m->pool.n != list[i].n ||
		    m->pool.block_size != list[i].block_size ||
		    lm_manifest_pool_room(m) != list[i].room)
			fprintf(stderr, "\n  %s: %u+%u/%u, room %u\n", list[i].prefixes,
			    m->pool.first, m->pool.n, m->pool.block_size, lm_manifest_pool_room(m));
		/* As many as are counted, and no more. */
		uint32_t usable = 0;
		for (uint32_t k = 0; k < m->pool.n; k++)
			usable += (!m->ipv4.ip.family || lm_manifest_pool_ip(m, 4, k).family) &&
				  (!m->ipv6.ip.family || lm_manifest_pool_ip(m, 6, k).family);
		CU_ASSERT_EQUAL(usable, list[i].room);
		lm_manifest_free(m);
	}
}

static void test_pool_addresses(void)
{
	struct lm_manifest *m =
	    parsed(document_of("ipv4: 100.64.10.0/24, ipv6: 'fd5a:10::/64'", 127));
	check_ip(lm_manifest_pool_ip(m, 4, 0), "100.64.10.128");
	check_ip(lm_manifest_pool_ip(m, 6, 0), "fd5a:10::80");
	check_ip(lm_manifest_pool_ip(m, 4, 126), "100.64.10.254");
	check_ip(lm_manifest_pool_ip(m, 4, 127), "none"); /* the broadcast address */
	check_ip(lm_manifest_pool_ip(m, 6, 127), "fd5a:10::ff");
	check_ip(lm_manifest_pool_ip(m, 4, 128), "none");
	check_ip(lm_manifest_pool_ip(m, 6, 128), "none");
	check_ip(lm_manifest_pool_ip(m, 6, UINT32_MAX), "none");
	char text[LM_PREFIX_TEXT];
	struct lm_prefix pool = lm_manifest_pool(m, 4);
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, &pool), "100.64.10.128/25");
	pool = lm_manifest_pool(m, 6);
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, &pool), "fd5a:10::80/121");
	lm_manifest_free(m);

	m = parsed(document_of("ipv4: 10.1.0.0/16, pool: 10.1.0.0/24", 1));
	check_ip(lm_manifest_pool_ip(m, 4, 0), "none"); /* the prefix's own */
	check_ip(lm_manifest_pool_ip(m, 4, 1), "none"); /* the gateway's */
	check_ip(lm_manifest_pool_ip(m, 4, 2), "10.1.0.2");
	check_ip(lm_manifest_pool_ip(m, 6, 2), "none");
	CU_ASSERT_EQUAL(lm_manifest_pool(m, 6).ip.family, 0);
	lm_manifest_free(m);

	m = parsed(document_of("ipv6: 'fd5a:10::/64', pool: 'fd5a:10::ffc0:0/106'", 1));
	check_ip(lm_manifest_pool_ip(m, 6, (1u << 22) - 1), "fd5a:10::ffff:ffff");
	check_ip(lm_manifest_pool_ip(m, 4, 5), "none");
	lm_manifest_free(m);

	/* Of a pool that a prefix is too small for, what is in it. */
	m = parsed(document_of("ipv4: 10.1.0.0/16, pool: 10.1.0.0/24, ipv6: 'fd5a:10::/121'", 0));
	check_ip(lm_manifest_pool_ip(m, 6, 127), "fd5a:10::7f");
	check_ip(lm_manifest_pool_ip(m, 6, 128), "none");
	CU_ASSERT_EQUAL(lm_manifest_pool(m, 6).ip.family, 0);
	lm_manifest_free(m);
}

static void test_pool_refused(void)
{
	static const struct {
		const char *prefixes, *why;
	} list[] = {
	    {"ipv4: 10.1.0.0/16, pool: 10.1.0.1/24",
		"4:37: prefixes.pool: expected an IPv4 prefix like 100.64.10.128/25 (bits beyond "
		"its length zero), found '10.1.0.1/24'"},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/64', pool: 'fd5a::/120'",
		"4:56: prefixes.pool: expected an IPv4 prefix like 100.64.10.128/25 (bits beyond "
		"its length zero), found 'fd5a::/120'"},
	    {"ipv6: 'fd5a::/64', pool: 10.1.0.0/24",
		"4:37: prefixes.pool: expected an IPv6 prefix like fd5a:10::1:0/112 (bits beyond "
		"its length zero), found '10.1.0.0/24'"},
	    {"ipv4: 10.1.0.0/16, pool: 10.2.0.0/24",
		"4:37: prefixes.pool: outside of the network's prefix 10.1.0.0/16"},
	    {"ipv4: 10.0.0.0/16, pool: 10.0.0.0/15",
		"4:37: prefixes.pool: outside of the network's prefix 10.0.0.0/16"},
	    {"ipv4: 10.0.0.0/8, pool: 10.128.0.0/9",
		"4:36: prefixes.pool: more than 4194304 addresses, which is 65536 blocks of 64: "
		"the length must be from /10"},
	    {"ipv6: 'fd5a::/64', pool: 'fd5a::/105'",
		"4:37: prefixes.pool: more than 4194304 addresses, which is 65536 blocks of 64: "
		"the length must be from /106"},
	    {"ipv6: 'fd5a::/64', pool: 'fd5a::1:0:0/112'",
		"4:37: prefixes.pool: must be within the first 2^32 addresses of fd5a::/64"},
	    {"ipv6: 'fd5a::/64', pool: 'fd5a::8000:0:0:0/112'",
		"4:37: prefixes.pool: must be within the first 2^32 addresses of fd5a::/64"},
	    {"ipv4: 10.1.0.0/16, pool: [10.1.0.0/24]",
		"4:37: prefixes.pool: expected an IPv4 prefix like 100.64.10.128/25 (bits beyond "
		"its length zero), found a list"},
	    {"ipv4: 10.1.0.0/16, block: 15",
		"4:38: prefixes.block: expected a number from 16 to 32, found '15'"},
	    {"ipv4: 10.1.0.0/16, block: 33",
		"4:38: prefixes.block: expected a number from 16 to 32, found '33'"},
	    {"ipv4: 10.1.0.0/16, block: /26",
		"4:38: prefixes.block: expected a number from 16 to 32, found '/26'"},
	    {"ipv4: 10.1.0.0/16, block: 16",
		"4:38: prefixes.block: blocks of 65536 addresses, but the pool has only 32768"},
	    {"ipv4: 10.0.0.0/8, block: 27",
		"4:37: prefixes.block: 131072 blocks of 32 addresses, at most 65536 are allowed"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		check_refused_text(document_of(list[i].prefixes, 0), -EINVAL, list[i].why);
}

/* ---- what it asks of the rest ---- */

static void test_room(void)
{
	static const struct {
		const char *prefixes;
		unsigned most; /* endpoints that it has room for */
		const char *why; /* for one more */
	} list[] = {
	    {"ipv4: 100.64.10.0/24", 127,
		"4:11: prefixes: 128 endpoints without an address or a provider, but the pool "
		"100.64.10.128/25 has only 127"},
	    {"ipv4: 100.64.10.0/30", 1,
		"4:11: prefixes: 2 endpoints without an address or a provider, but the pool "
		"100.64.10.2/31 has only 1"},
	    {"ipv4: 100.64.10.0/30, pool: 100.64.10.3/32", 0,
		"4:40: prefixes.pool: 1 endpoint without an address or a provider, but the pool "
		"100.64.10.3/32 has only 0"},
	    {"pool: 100.64.10.0/29, ipv4: 100.64.10.0/24", 6,
		"4:18: prefixes.pool: 7 endpoints without an address or a provider, but the pool "
		"100.64.10.0/29 has only 6"},
	    {"ipv6: 'fd5a::/126'", 2,
		"4:11: prefixes: 3 endpoints without an address or a provider, but the pool "
		"fd5a::2/127 has only 2"},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/112'", 16384, NULL},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/113'", 0,
		"4:37: prefixes.ipv6: fd5a::/113 is too small for the pool 10.1.128.0/17, which "
		"takes the same host numbers in both prefixes"},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/113', pool: 10.1.0.0/17", 16384, NULL},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/121', pool: 10.1.0.127/32", 1,
		"4:57: prefixes.pool: 2 endpoints without an address or a provider, but the pool "
		"10.1.0.127/32 has only 1"},
	    {"ipv4: 10.1.0.0/16, ipv6: 'fd5a::/121', pool: 10.1.0.128/32", 0,
		"4:37: prefixes.ipv6: fd5a::/121 is too small for the pool 10.1.0.128/32, which "
		"takes the same host numbers in both prefixes"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct lm_manifest *m = parsed(document_of(list[i].prefixes, list[i].most));
		CU_ASSERT_EQUAL(m->n_decided, list[i].most);
		lm_manifest_free(m);
		if (list[i].why)
			check_refused_text(
			    document_of(list[i].prefixes, list[i].most + 1), -EINVAL, list[i].why);
	}
}

/* Who has a fixed address but no provider takes an index of the pool as well. */
static void test_room_for_moves(void)
{
	static const char prefixes[] = "ipv4: 100.64.10.0/24, pool: 100.64.10.128/31";
	static const char two[] = "- {name: m, deployment: 1, endpoints: [{ipv4: 100.64.10.9}, "
				  "{provider: p}, {provider: p, ipv4: 100.64.10.10}]}\n";
	static const char three[] = "- {name: m, deployment: 1, endpoints: [{ipv4: 100.64.10.9}, "
				    "{provider: p}, {ipv4: 100.64.10.10}]}\n";
	lm_manifest_free(parsed(document(prefixes, two)));
	check_refused_text(document(prefixes, three), -EINVAL,
	    "4:40: prefixes.pool: 3 endpoints without an address or a provider, but the pool "
	    "100.64.10.128/31 has only 2");
}

static void test_own_addresses_in_the_pool(void)
{
	static const char prefixes[] = "ipv4: 100.64.10.0/24, ipv6: 'fd5a:10::/64'";
	static const char fixed[] =
	    "- {name: a, deployment: 1, endpoints: [{provider: p, ipv4: 100.64.10.9}]}\n"
	    "- {name: b, deployment: 1, endpoints: [{provider: p, ipv4: 100.64.10.127, ipv6: "
	    "'fd5a:10::7f'}, {provider: p, ipv6: 'fd5a:10::100'}, {provider: p, %s}]}\n%s";
	static const char undecided[] = "- {name: c, deployment: 1, replicas: 1}\n";
	static const struct {
		const char *address, *why;
	} list[] = {
	    {"ipv4: 100.64.10.128", "8:154: members[1].endpoints[2].ipv4: inside of the pool "
				    "100.64.10.128/25, which the gateways give out"},
	    {"ipv4: 100.64.10.254", "8:154: members[1].endpoints[2].ipv4: inside of the pool "
				    "100.64.10.128/25, which the gateways give out"},
	    {"ipv6: 'fd5a:10::80'", "8:154: members[1].endpoints[2].ipv6: inside of the pool "
				    "fd5a:10::80/121, which the gateways give out"},
	    {"ipv6: 'fd5a:10::ff'", "8:154: members[1].endpoints[2].ipv6: inside of the pool "
				    "fd5a:10::80/121, which the gateways give out"},
	    {"ipv4: 100.64.10.126", NULL},
	    {"ipv6: 'fd5a:10::1:80'", NULL},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char *text[2];
		for (int with = 0; with < 2; with++) {
			struct fixture_text t = {0};
			fixture_add(&t, fixed, list[i].address, with ? undecided : "");
			text[with] = document(prefixes, t.text);
			free(t.text);
		}
		/* As ever, while nothing comes out of the pool. */
		lm_manifest_free(parsed(text[0]));
		if (list[i].why)
			check_refused_text(text[1], -EINVAL, list[i].why);
		else
			lm_manifest_free(parsed(text[1]));
	}
}

LM_SUITE("manifest_pool", {"what_is_not_said", test_what_is_not_said},
    {"replicas_refused", test_replicas_refused}, {"pool_geometry", test_pool_geometry},
    {"pool_addresses", test_pool_addresses}, {"pool_refused", test_pool_refused},
    {"room", test_room}, {"room_for_moves", test_room_for_moves},
    {"own_addresses_in_the_pool", test_own_addresses_in_the_pool})
