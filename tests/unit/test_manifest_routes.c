/* SPDX-License-Identifier: Apache-2.0 */
/* Routes in a document: what they mean, which address they lead to, and how mistakes are refused.
 */
#include <errno.h>
#include "refused.h"

/* Members of one and of many replicas, behind the base document; the routes are line 36. */
static char *with(const char *routes)
{
	struct fixture_text t = {0};
	fixture_add(&t,
	    "%s"
	    /* 32 */ "  - {name: router, deployment: 3, endpoints: [{provider: alpha}, "
	    "{provider: beta}]}\n"
	    /* 33 */ "  - {name: many, deployment: 4, replicas: 65}\n"
	    /* 34 */ "  - {name: none, deployment: 5, endpoints: []}\n"
	    /* 35 */ "routes:\n"
	    /* 36 */ "%s",
	    fixture_document, routes);
	return t.text;
}

static void check_routes_refused(const char *routes, int err, const char *expected)
{
	char *text = with(routes);
	check_refused(text, err, expected);
	free(text);
}

static struct lm_manifest *parse(const char *routes)
{
	char *text = with(routes);
	struct lm_manifest *m = NULL;
	struct lm_why why;
	if (fixture_parse(&m, text, &why) < 0)
		fprintf(stderr, "\n  %s\n", why.text);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static void check_endpoint(
    const struct lm_manifest *m, uint16_t endpoint, const char *member, unsigned replica)
{
	CU_ASSERT_STRING_EQUAL(m->members[m->endpoints[endpoint].member].name, member);
	CU_ASSERT_EQUAL(m->endpoints[endpoint].replica, replica);
}

static void test_meaning(void)
{
	struct lm_manifest *m = parse("  - {prefix: 10.20.0.0/16, via: router}\n"
				      "  - prefix: \"::/0\"\n"
				      "    via: [db, router/1, web]\n"
				      "    comment: to the internet\n"
				      "  - {prefix: 192.0.2.7, via: [web/1]}\n"
				      "  - {prefix: 0.0.0.0/0, via: many/64}\n");
	CU_ASSERT_EQUAL_FATAL(m->n_routes, 4);
	const struct lm_route *r = m->routes;
	char text[LM_PREFIX_TEXT];
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, &r[0].prefix), "10.20.0.0/16");
	CU_ASSERT_EQUAL(r[0].n_vias, 1);
	CU_ASSERT_EQUAL(r[0].vias[0].replica, -1);
	CU_ASSERT_EQUAL_FATAL(r[0].n_endpoints, 2);
	check_endpoint(m, r[0].endpoints[0], "router", 0);
	check_endpoint(m, r[0].endpoints[1], "router", 1);
	CU_ASSERT_PTR_NULL(r[0].comment);
	CU_ASSERT_EQUAL(r[0].line, 36);
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, &r[1].prefix), "::/0");
	CU_ASSERT_EQUAL(r[1].n_vias, 3);
	CU_ASSERT_EQUAL_FATAL(r[1].n_endpoints, 4);
	check_endpoint(m, r[1].endpoints[0], "db", 0);
	check_endpoint(m, r[1].endpoints[1], "router", 1);
	check_endpoint(m, r[1].endpoints[2], "web", 0);
	check_endpoint(m, r[1].endpoints[3], "web", 1);
	CU_ASSERT_STRING_EQUAL(r[1].comment, "to the internet");
	CU_ASSERT_EQUAL(r[1].line, 37);
	CU_ASSERT_EQUAL(r[2].prefix.len, 32);
	check_endpoint(m, r[3].endpoints[0], "many", 64);
	CU_ASSERT_TRUE(lm_route_has(&r[3], r[3].endpoints[0]));
	CU_ASSERT_FALSE(lm_route_has(&r[3], r[0].endpoints[0]));
	lm_manifest_free(m);
	m = parse("  []\n");
	CU_ASSERT_EQUAL(m->n_routes, 0);
	lm_manifest_free(m);
}

static void test_lookup(void)
{
	static const struct {
		const char *ip;
		int route;
	} cases[] = {
	    {"10.20.1.1", 0},
	    {"10.20.5.1", 1},
	    {"10.21.0.1", 2},
	    {"100.64.10.20", -ENOENT}, /* the network's own */
	    {"127.0.0.1", -ENOENT},
	    {"169.254.0.1", -ENOENT},
	    {"255.255.255.255", -ENOENT},
	    {"fd99::1", 3},
	    {"fd98::1", -ENOENT},
	    {"::1", -ENOENT},
	};
	struct lm_manifest *m = parse("  - {prefix: 10.20.0.0/16, via: router}\n"
				      "  - {prefix: 10.20.5.0/24, via: db}\n"
				      "  - {prefix: 0.0.0.0/0, via: web}\n"
				      "  - {prefix: \"fd99::/32\", via: web}\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lm_ip ip;
		CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&ip, cases[i].ip), 0);
		CU_ASSERT_EQUAL(lm_manifest_route(m, &ip), cases[i].route);
	}
	lm_manifest_free(m);
}

static void test_bad_prefixes(void)
{
	static const struct {
		const char *prefix, *why;
	} list[] = {
	    {"10.20.0.1/16", "has bits beyond its length 16"},
	    {"\"fd99::1/32\"", "has bits beyond its length 32"},
	    {"shop",
		"expected a prefix like 10.0.0.0/8 or \"fd00::/8\", or an address, found 'shop'"},
	    {"100.64.10.0/24", "overlaps the network's own prefix 100.64.10.0/24"},
	    {"100.64.10.64/26", "overlaps the network's own prefix 100.64.10.0/24"},
	    {"100.64.0.0/10", "overlaps the network's own prefix 100.64.10.0/24"},
	    {"\"fd5a:10::7\"", "overlaps the network's own prefix fd5a:10::/64"},
	    {"\"fd00::/8\"", "overlaps the network's own prefix fd5a:10::/64"},
	    {"127.1.0.0/16", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"0.0.0.0/8", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"169.254.7.0/24", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"224.0.0.0/4", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"240.0.0.0/4", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"255.255.255.255", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"\"fe80::/64\"", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"\"ff05::/16\"", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"\"::1\"", "not for hosts: reserved, multicast, loopback or link-local"},
	    {"\"::/64\"", "not for hosts: reserved, multicast, loopback or link-local"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct fixture_text route = {0}, why = {0};
		fixture_add(&route, "  - {prefix: %s, via: router}\n", list[i].prefix);
		fixture_add(&why, "36:14: routes[0].prefix: %s", list[i].why);
		check_routes_refused(route.text, -EINVAL, why.text);
		free(route.text);
		free(why.text);
	}
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: router}\n"
			     "  - {prefix: 10.20.5.0/24, via: router}\n"
			     "  - {prefix: 10.20.0.0/16, via: web}\n",
	    -EINVAL, "38:14: routes[2].prefix: the same as in routes[0]");
	char *text = with("  - {prefix: \"fd99::/32\", via: router}\n"), *line;
	/* A network without IPv6; of the same lines. */
	while ((line = strstr(text, ", ipv6: \"fd5a:10::")))
		memset(line, ' ', strcspn(line, "}"));
	memcpy(strstr(text, "  ipv6: fd5a:10::/64"), "  block: 32         ", 20);
	check_refused(text, -EINVAL, "36:14: routes[0].prefix: the network has no prefixes.ipv6");
	free(text);
}

static void test_bad_vias(void)
{
	static const struct {
		const char *via, *why;
		int err;
	} list[] = {
	    {"nobody", ": no member is called 'nobody'", -EINVAL},
	    {"router/2", ": router has 2 replicas", -EINVAL},
	    {"router/x",
		": expected the name of a member, or of a replica like web/0, found 'router/x'",
		-EINVAL},
	    {"[]", ": needs at least 1 item", -EINVAL},
	    {"none", ": none has no replicas", -EINVAL},
	    {"many", ": more than 64 replicas behind one route", -E2BIG},
	    {"{}", ": expected the name of a member, or of a replica like web/0, found a map",
		-EINVAL},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct fixture_text route = {0}, why = {0};
		fixture_add(&route, "  - {prefix: 10.20.0.0/16, via: %s}\n", list[i].via);
		fixture_add(&why, "36:33: routes[0].via%s", list[i].why);
		check_routes_refused(route.text, list[i].err, why.text);
		free(route.text);
		free(why.text);
	}
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: [router/1, router]}\n", -EINVAL,
	    "36:44: routes[0].via[1]: repeated replica router/1");
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: [web, web, web, web, web, web, web, "
			     "web, web]}\n",
	    -E2BIG, "36:33: routes[0].via: 9 items, at most 8 are allowed");
	check_routes_refused(
	    "  - {prefix: 10.20.0.0/16}\n", -EINVAL, "36:5: routes[0]: missing key 'via'");
	check_routes_refused(
	    "  - {via: router}\n", -EINVAL, "36:5: routes[0]: missing key 'prefix'");
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: router, metric: 1}\n", -EINVAL,
	    "36:41: routes[0]: unknown key 'metric'");
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: router, comment: \"a\\x07\"}\n",
	    -EINVAL, "36:50: routes[0].comment: a control character in the text");
	struct fixture_text t = {0};
	for (unsigned i = 0; i <= LM_ROUTES_MAX; i++)
		fixture_add(&t, "  - {prefix: 10.%u.%u.0/24, via: router}\n", i / 256, i % 256);
	check_routes_refused(t.text, -E2BIG, "36:3: routes: 257 items, at most 256 are allowed");
	free(t.text);
}

static void test_probes(void)
{
	struct lm_manifest *m =
	    parse("  - {prefix: 10.20.0.0/16, via: [router/1, db]}\n"
		  "tests:\n"
		  "  - {from: web, to: 10.20.5.1, protocol: icmp, expect: deny}\n"
		  "  - {from: 100.64.10.11, to: \"fd5a:10::20\", protocol: icmp, expect: deny}\n");
	CU_ASSERT_EQUAL_FATAL(m->n_probes, 2);
	const struct lm_probe *p = m->probes;
	CU_ASSERT_EQUAL(p[0].from.ip.family, 0);
	CU_ASSERT_EQUAL(p[0].from.route, -1);
	CU_ASSERT_EQUAL(p[0].to.ip.family, 4);
	CU_ASSERT_EQUAL(p[0].to.route, 0);
	CU_ASSERT_EQUAL(p[0].to.who.member, 2);
	CU_ASSERT_EQUAL(p[0].to.who.replica, 1);
	CU_ASSERT_TRUE(p[1].from.who.member == 0 && p[1].from.who.replica == 1);
	CU_ASSERT_TRUE(p[1].to.who.member == 1 && p[1].to.who.replica == 0);
	CU_ASSERT_EQUAL(p[1].to.ip.family, 6);
	CU_ASSERT_TRUE(p[1].from.route < 0 && p[1].to.route < 0);
	lm_manifest_free(m);
	check_routes_refused("  - {prefix: 10.20.0.0/16, via: router}\n"
			     "tests:\n"
			     "  - {from: web, to: 10.21.0.1, protocol: icmp, expect: deny}\n",
	    -EINVAL,
	    "38:21: tests[0].to: no endpoint is given this address here, and no route leads there");
	check_routes_refused("  - {prefix: 0.0.0.0/0, via: router}\n"
			     "tests:\n"
			     "  - {from: web, to: 100.64.10.99, protocol: icmp, expect: deny}\n",
	    -EINVAL,
	    "38:21: tests[0].to: no endpoint is given this address here, and no route leads there");
}

LM_SUITE("manifest_routes", {"meaning", test_meaning}, {"lookup", test_lookup},
    {"bad_prefixes", test_bad_prefixes}, {"bad_vias", test_bad_vias}, {"probes", test_probes})
