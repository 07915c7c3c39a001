/* SPDX-License-Identifier: Apache-2.0 */
/* The tests that a manifest brings along: what they are about, and how they fail. */
#include <errno.h>
#include "manifest_fixture.h"
#include "policy/policy.h"
#include "suite.h"

static struct lm_manifest *parse(const char *rest)
{
	struct fixture_text t = {0};
	struct lm_manifest *m = NULL;
	struct lm_why why;
	fixture_add(&t,
	    "leasemesh: 1\nnetwork: n\nserial: 1\n"
	    "prefixes: {ipv4: 10.0.0.0/24, ipv6: \"fd00::/64\"}\n"
	    "providers: [{name: a, key: " FIXTURE_KEY_ALPHA ", addresses: ['192.0.2.1:1']}]\n%s",
	    rest);
	if (fixture_parse(&m, t.text, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		abort();
	}
	free(t.text);
	return m;
}

/* reason: after the name of the file; NULL: all tests pass. */
static void check(const char *members, const char *tests, int expected_err, const char *reason)
{
	struct fixture_text t = {0}, full = {0};
	struct lm_why why = {{0}};
	fixture_add(&t, "members:\n%stests:\n%s", members, tests);
	fixture_add(&full, "%s%s", reason ? "n.yaml:" : "", reason ? reason : "");
	struct lm_manifest *m = parse(t.text);
	int err = lm_policy_check(m, "n.yaml", &why);
	if (err != expected_err || strcmp(why.text, full.text) != 0)
		fprintf(stderr, "\n  expected %d %s\n  but got  %d %s\n", expected_err, full.text,
		    err, why.text);
	CU_ASSERT_EQUAL(err, expected_err);
	CU_ASSERT_STRING_EQUAL(why.text, full.text);
	lm_manifest_free(m);
	free(t.text);
	free(full.text);
}

static const char two[] =
    /*  7 */ "- name: web\n"
	     /*  8 */ "  deployment: 1\n"
	     /*  9 */ "  endpoints: [{provider: a, ipv4: 10.0.0.10}, {provider: a, ipv4: "
	     "10.0.0.11}]\n"
	     /* 10 */ "  egress:\n"
	     /* 11 */ "  - {to: db, protocol: tcp, ports: 22, action: deny}\n"
	     /* 12 */ "  - {prefixes: 10.0.0.20/32, protocol: tcp}\n"
	     /* 13 */ "- name: db\n"
	     /* 14 */ "  deployment: 2\n"
	     /* 15 */ "  endpoints: [{provider: a, ipv4: 10.0.0.20, ipv6: \"fd00::20\"},\n"
	     /* 16 */ "    {provider: a, ipv4: 10.0.0.21}]\n"
	     /* 17 */ "  ingress:\n"
	     /* 18 */ "  - {prefixes: 10.0.0.11, protocol: tcp, ports: 81, action: deny}\n"
	     /* 19 */ "  - {from: web, protocol: tcp}\n";
/* The first test is in line 21. */

static void test_as_expected(void)
{
	check(two,
	    "- {from: web, to: db/0, protocol: tcp, port: http, expect: allow}\n"
	    "- {from: web/0, to: db/0, protocol: tcp, port: 81, expect: allow}\n"
	    "- {from: web/1, to: db/0, protocol: tcp, port: 81, expect: deny}\n"
	    "- {from: web, to: db/1, protocol: tcp, port: 80, expect: deny}\n"
	    "- {from: web, to: db, protocol: tcp, port: ssh, expect: deny}\n"
	    "- {from: web, to: db, protocol: icmp, expect: deny}\n"
	    "- {from: db, to: web, protocol: tcp, port: 80, expect: deny}\n",
	    0, NULL);
	check(two, "  []\n", 0, NULL);
}

static void test_each_way_to_fail(void)
{
	check(two, "- {from: web, to: db/0, protocol: tcp, port: 22, expect: allow}\n", -EINVAL,
	    "21: tests[0]: expected allow, but the egress of web (line 11, for 10.0.0.20) denies "
	    "it");
	check(two, "- {from: web, to: db/0, protocol: udp, port: 22, expect: allow}\n", -EINVAL,
	    "21: tests[0]: expected allow, but the egress of web (no rule for it, for 10.0.0.20) "
	    "denies it");
	/* All replicas are meant. */
	check(two,
	    "- {from: web/0, to: db/0, protocol: tcp, port: 81, expect: allow}\n"
	    "- {from: web, to: db, protocol: tcp, port: 80, expect: allow}\n",
	    -EINVAL,
	    "22: tests[1]: expected allow, but the egress of web (no rule for it, for 10.0.0.21) "
	    "denies it");
	check(two, "- {from: web, to: db/0, protocol: tcp, port: 81, expect: allow}\n", -EINVAL,
	    "21: tests[0]: expected allow, but the ingress of db (line 18, for 10.0.0.11) denies "
	    "it");
	check(two, "- {from: web, to: db/0, protocol: tcp, port: 81, expect: deny}\n", -EINVAL,
	    "21: tests[0]: expected deny, but the egress of web (line 12, for 10.0.0.20) and the "
	    "ingress of db (line 19, for 10.0.0.10) allow it");
	check(two, "- {from: web, to: db, protocol: icmpv6, expect: deny}\n", -EINVAL,
	    "21: tests[0]: the two have no addresses between which this could be sent");
}

#define OPEN "- {name: web, deployment: 1, endpoints: [], egress: [{to: any, protocol: any}]}\n"

/* A rule that depends on the address decides for all that the gateways may give. */
static void test_given_addresses(void)
{
	/* The pool: 10.0.0.128/25. */
	static const char allowed[] = OPEN
	    "- {name: db, deployment: 1, endpoints: [], ingress: [{from: any, protocol: any}]}\n"
	    "- {name: c, deployment: 1, replicas: 2, ingress: [{prefixes: 10.0.0.200/32, protocol: "
	    "any, action: deny}, {from: any, protocol: any}]}\n"
	    "- {name: d, deployment: 1, replicas: 2, egress: [{prefixes: [10.0.0.128/25, "
	    "\"::/0\"], except: \"fd00::90\", protocol: udp}, {prefixes: 10.0.0.128/25, protocol: "
	    "tcp}]}\n";
	check(allowed, "- {from: web, to: db, protocol: tcp, port: 1, expect: allow}\n", 0, NULL);
	check(allowed, "- {from: d, to: c, protocol: udp, port: 1, expect: allow}\n", -EINVAL,
	    "12: tests[0]: expected allow, but the ingress of c (line 9, for 10.0.0.200) denies "
	    "it");
	check(allowed, "- {from: web, to: c, protocol: tcp, port: 1, expect: deny}\n", -EINVAL,
	    "12: tests[0]: expected deny, but the egress of web (line 7) and the ingress of c "
	    "(line 9, for 10.0.0.0) allow it");
	check(allowed, "- {from: d, to: d, protocol: udp, port: 1, expect: deny}\n", 0, NULL);
	check(allowed, "- {from: d, to: db, protocol: tcp, port: 1, expect: allow}\n", -EINVAL,
	    "12: tests[0]: expected allow, but the egress of d (no rule for it, for 10.0.0.0) "
	    "denies it");
}

/* However many tests of however many addresses: they come to an end. */
static void test_too_many_steps(void)
{
	struct fixture_text t = {0};
	fixture_add(
	    &t, "members:\n" OPEN "- name: db\n  deployment: 1\n  replicas: 1\n  ingress:\n");
	for (unsigned r = 0; r < 200; r++) {
		fixture_add(&t, "  - {protocol: tcp, ports: %u, prefixes: [", r + 1);
		for (unsigned i = 0; i < LM_RULE_PREFIXES_MAX; i++)
			fixture_add(&t, "%s10.%u.%u.0/32", i ? ", " : "", r, i);
		fixture_add(&t, "]}\n");
	}
	fixture_add(&t, "tests:\n");
	for (unsigned i = 0; i < LM_PROBES_MAX; i++)
		fixture_add(&t, "- {from: web, to: db, protocol: udp, port: 1, expect: deny}\n");
	struct lm_manifest *m = parse(t.text);
	struct lm_why why = {{0}};
	CU_ASSERT_EQUAL(lm_policy_check(m, "n.yaml", &why), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "the tests ask for too many addresses"));
	m->n_probes = 10;
	CU_ASSERT_EQUAL(lm_policy_check(m, "n.yaml", NULL), 0);
	lm_manifest_free(m);
	free(t.text);
}

/* What is behind members, by its own address, as the rules of the member that it is routed via. */
static void test_routed(void)
{
	static const char members[] =
	    /*  7 */
	    "- {name: web, deployment: 1, endpoints: [{provider: a, ipv4: 10.0.0.10}],\n"
	    /*  8 */ "   egress: [{prefixes: 10.20.5.0/24, protocol: tcp, ports: 443-444}, "
	    "{to: gw-b, protocol: icmp}]}\n"
	    /*  9 */ "- {name: gw-a, deployment: 2, endpoints: [{provider: a, ipv4: 10.0.0.20}],\n"
	    /* 10 */ "   ingress: [{from: any, protocol: any}]}\n"
	    /* 11 */ "- {name: gw-b, deployment: 3, endpoints: [{provider: a, ipv4: 10.0.0.21}],\n"
	    /* 12 */ "   ingress: [{prefixes: 10.0.0.10, protocol: tcp, ports: 443}]}\n"
	    /* 13 */ "routes:\n"
	    /* 14 */ "- {prefix: 10.20.0.0/16, via: [gw-a, gw-b]}\n"
	    /* 15 */ "- {prefix: 10.30.0.0/16, via: gw-b}\n";
	/* The first test is in line 17. */
	check(members,
	    "- {from: web, to: 10.20.5.1, protocol: tcp, port: https, expect: allow}\n"
	    "- {from: web, to: 10.20.5.1, protocol: tcp, port: 80, expect: deny}\n"
	    "- {from: web, to: 10.20.6.1, protocol: tcp, port: https, expect: deny}\n"
	    "- {from: web, to: 10.30.6.1, protocol: icmp, expect: deny}\n"
	    "- {from: 10.0.0.10, to: 10.20.5.255, protocol: tcp, port: https, expect: allow}\n"
	    "- {from: 10.20.5.1, to: web, protocol: tcp, port: 443, expect: deny}\n"
	    "- {from: 10.30.5.1, to: 10.20.1.1, protocol: tcp, port: 443, expect: deny}\n",
	    0, NULL);
	check(members, "- {from: web, to: 10.20.6.1, protocol: tcp, port: 443, expect: allow}\n",
	    -EINVAL,
	    "17: tests[0]: expected allow, but the egress of web (no rule for it, for 10.20.6.1) "
	    "denies it");
	/* Any of the members that it is routed via may be the one. */
	check(members, "- {from: web, to: 10.20.1.1, protocol: icmp, expect: allow}\n", -EINVAL,
	    "17: tests[0]: expected allow, but the egress of web (no rule for it, for 10.20.1.1) "
	    "denies it");
	check(members, "- {from: web, to: 10.20.5.1, protocol: tcp, port: 444, expect: allow}\n",
	    -EINVAL,
	    "17: tests[0]: expected allow, but the ingress of gw-b (no rule for it, for "
	    "10.0.0.10) denies it");
	check(members, "- {from: web, to: 10.30.1.1, protocol: icmp, expect: allow}\n", -EINVAL,
	    "17: tests[0]: expected allow, but the ingress of gw-b (no rule for it, for "
	    "10.0.0.10) denies it");
	check(members, "- {from: web, to: 10.20.5.1, protocol: tcp, port: 443, expect: deny}\n",
	    -EINVAL,
	    "17: tests[0]: expected deny, but the egress of web (line 8, for 10.20.5.1) and the "
	    "ingress of gw-a (line 10) allow it");
	check(members, "- {from: web, to: 10.20.5.1, protocol: icmpv6, expect: deny}\n", -EINVAL,
	    "17: tests[0]: the two have no addresses between which this could be sent");
}

LM_SUITE("policy_probes", {"as_expected", test_as_expected},
    {"each_way_to_fail", test_each_way_to_fail}, {"given_addresses", test_given_addresses},
    {"too_many_steps", test_too_many_steps}, {"routed", test_routed})
