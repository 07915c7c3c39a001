/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, labels, the default and tests: what they mean in a document, and how mistakes are refused.
 */
#include <errno.h>
#include "manifest_fixture.h"
#include "suite.h"

/* Line 23 of the base document, and its end. */
static const char web_rule[] = "{to: db, protocol: tcp, ports: [5432, 8000-8010]}";
static const char last_rule[] = "{from: any, protocol: 50}\n";

static struct lm_manifest *parse(const char *find, const char *replace)
{
	char *text = fixture_edited(find, replace);
	struct lm_manifest *m = NULL;
	struct lm_why why;
	if (fixture_parse(&m, text, &why) < 0)
		fprintf(stderr, "\n  %s\n", why.text);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static void check_refused(const char *find, const char *replace, int err, const char *expected)
{
	char *text = fixture_edited(find, replace), full[LM_WHY_MAX];
	struct lm_manifest *m;
	struct lm_why why;
	snprintf(full, sizeof(full), "t.yaml:%s", expected);
	int got = fixture_parse(&m, text, &why);
	if (got != err || strcmp(why.text, full) != 0)
		fprintf(stderr, "\n  expected %d %s\n  but got  %d %s\n", err, full, got, why.text);
	CU_ASSERT_EQUAL(got, err);
	CU_ASSERT_STRING_EQUAL(why.text, full);
	if (got == 0)
		lm_manifest_free(m);
	free(text);
}

/* ---- what is meant ---- */

static struct lm_manifest *labelled(const char *rule)
{
	struct fixture_text t = {0};
	fixture_add(&t,
	    "%s  - name: c\n    deployment: 1\n    endpoints: []\n    labels: [zoo, eu]\n"
	    "    ingress:\n      - %s\n"
	    "  - name: d\n    deployment: 1\n    endpoints: []\n    labels: [eu, front]\n"
	    "policy: {default: allow}\n",
	    last_rule, rule);
	struct lm_manifest *m = parse(last_rule, t.text);
	free(t.text);
	return m;
}

static void check_prefix(const struct lm_prefix *p, const char *expected)
{
	char text[LM_PREFIX_TEXT];
	CU_ASSERT_STRING_EQUAL(lm_prefix_text(text, p), expected);
}

static void test_meaning(void)
{
	struct lm_manifest *m =
	    labelled("{from: [db, web], labels: front, prefixes: [10.0.0.0/8, \"fd00::/8\", "
		     "192.0.2.1],\n"
		     "         except: [10.1.0.0/16, \"fd00::1\"], protocol: sctp, ports: [https, "
		     "1-2],\n         action: deny, log: true, comment: \"no \xc3\xbc here\"}");
	CU_ASSERT_TRUE(m->default_allow);
	CU_ASSERT_EQUAL_FATAL(m->n_labels, 3);
	CU_ASSERT_STRING_EQUAL(m->labels[0], "eu");
	CU_ASSERT_STRING_EQUAL(m->labels[1], "front");
	CU_ASSERT_STRING_EQUAL(m->labels[2], "zoo");
	CU_ASSERT_EQUAL(m->members[0].n_labels, 0);
	CU_ASSERT_EQUAL_FATAL(m->members[2].n_labels, 2);
	CU_ASSERT_EQUAL(m->members[2].labels[0], 2);
	CU_ASSERT_EQUAL(m->members[2].labels[1], 0);
	CU_ASSERT_EQUAL(m->members[3].labels[0], 0);
	const struct lm_rule *r = &m->members[2].ingress[0];
	CU_ASSERT_EQUAL(m->members[2].n_ingress, 1);
	CU_ASSERT_TRUE(r->deny && r->log && !r->any_peer);
	CU_ASSERT_EQUAL(r->n_peers, 2);
	CU_ASSERT_EQUAL_FATAL(r->n_labels, 1);
	CU_ASSERT_EQUAL(r->labels[0], 1);
	CU_ASSERT_EQUAL_FATAL(r->n_prefixes, 3);
	check_prefix(&r->prefixes[1], "fd00::/8");
	check_prefix(&r->prefixes[2], "192.0.2.1/32");
	CU_ASSERT_EQUAL_FATAL(r->n_except, 2);
	check_prefix(&r->except[1], "fd00::1/128");
	CU_ASSERT_EQUAL(r->protocol, 132);
	CU_ASSERT_EQUAL_FATAL(r->n_ports, 2);
	CU_ASSERT_EQUAL(r->ports[0].from, 443);
	CU_ASSERT_EQUAL(r->ports[0].to, 443);
	CU_ASSERT_STRING_EQUAL(r->comment, "no \xc3\xbc here");
	CU_ASSERT_EQUAL(r->line, 37);
	lm_manifest_free(m);

	/* Nothing said: as it always was. */
	m = parse("serial: 7", "serial: 7");
	r = &m->members[0].egress[0];
	CU_ASSERT_FALSE(m->default_allow || r->deny || r->log);
	CU_ASSERT_PTR_NULL(r->comment);
	CU_ASSERT_EQUAL(m->n_probes + m->n_labels, 0);
	lm_manifest_free(m);
}

static void test_protocols_and_services(void)
{
	static const struct {
		const char *text;
		uint16_t protocol, port;
	} cases[] = {
	    {"icmp", 1, 0},
	    {"1", 1, 0},
	    {"icmpv6", 58, 0},
	    {"58", 58, 0},
	    {"tcp, ports: http", 6, 80},
	    {"tcp, ports: ms-sql-s", 6, 1433},
	    {"udp, ports: domain", 17, 53},
	    {"sctp, ports: 7", 132, 7},
	    {"tcp, ports: mongodb", 6, 27017},
	    {"tcp, ports: postgresql", 6, 5432},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char rule[64];
		snprintf(rule, sizeof(rule), "{to: db, protocol: %s}", cases[i].text);
		struct lm_manifest *m = parse(web_rule, rule);
		const struct lm_rule *r = &m->members[0].egress[0];
		CU_ASSERT_EQUAL(r->protocol, cases[i].protocol);
		CU_ASSERT_EQUAL(r->n_ports ? r->ports[0].from : 0, cases[i].port);
		lm_manifest_free(m);
	}
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		struct lm_flow_rate rate;
	} cases[] = {{"1/s", {1, 1}}, {"\"90/m\"", {90, 60}}, {"1000000/h", {1000000, 3600}}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char rule[80], text[LM_FLOW_RATE_TEXT];
		snprintf(rule, sizeof(rule), "{to: db, protocol: any, action: allow, rate: %s}",
		    cases[i].text);
		struct lm_manifest *m = parse(web_rule, rule);
		const struct lm_flow_rate *r = &m->members[0].egress[0].rate;
		CU_ASSERT_EQUAL(r->n, cases[i].rate.n);
		CU_ASSERT_EQUAL(r->seconds, cases[i].rate.seconds);
		lm_flow_rate_text(text, r);
		CU_ASSERT_PTR_NOT_NULL(strstr(cases[i].text, text));
		CU_ASSERT_EQUAL(m->members[1].ingress[0].rate.n, 0);
		lm_manifest_free(m);
	}
}

/* Over all members' lists. */
static void test_many_rates(void)
{
	for (unsigned n = LM_RULE_RATES_MAX; n <= LM_RULE_RATES_MAX + 1; n++) {
		struct fixture_text t = {0};
		fixture_add(&t, "%s", last_rule);
		for (unsigned i = 0; i < n; i++) {
			if (i % 200 == 0)
				fixture_add(&t,
				    "  - name: m%u\n    deployment: 1\n    endpoints: []\n"
				    "    egress:\n",
				    i);
			fixture_add(&t, "      - {to: any, protocol: any, rate: 1/s}\n");
		}
		if (n > LM_RULE_RATES_MAX)
			check_refused(last_rule, t.text, -E2BIG,
			    "1080:40: members[7].egress[24].rate: more than 1024 rules with a rate "
			    "in one network");
		else
			lm_manifest_free(parse(last_rule, t.text));
		free(t.text);
	}
}

static void test_probes(void)
{
	struct lm_manifest *m = parse(last_rule,
	    "{from: any, protocol: 50}\n"
	    "tests:\n"
	    "  - {from: web, to: db/0, protocol: tcp, port: postgresql, expect: allow}\n"
	    "  - {from: web/1, to: web, protocol: icmpv6, expect: deny}\n");
	CU_ASSERT_EQUAL_FATAL(m->n_probes, 2);
	const struct lm_probe *a = &m->probes[0], *b = &m->probes[1];
	CU_ASSERT_TRUE(a->from.who.member == 0 && a->from.who.replica == -1);
	CU_ASSERT_TRUE(a->to.who.member == 1 && a->to.who.replica == 0);
	CU_ASSERT_TRUE(a->protocol == 6 && a->port == 5432 && !a->deny && a->line == 33);
	CU_ASSERT_TRUE(b->from.who.member == 0 && b->from.who.replica == 1);
	CU_ASSERT_TRUE(b->protocol == 58 && b->port == 0 && b->deny && b->line == 34);
	lm_manifest_free(m);
}

/* ---- what is refused ---- */

#define RATE "expected a number from 1 to 1000000 a second, minute or hour: 100/s, 100/m or 100/h, "

static void test_bad_peers(void)
{
	static const struct {
		const char *rule, *why;
	} list[] = {
	    {"{labels: x, protocol: any}", "labels: no member carries the label 'x'"},
	    {"{to: any, labels: x, protocol: any}", "labels: has no meaning beside 'any'"},
	    {"{to: any, prefixes: 10.0.0.0/8, protocol: any}",
		"prefixes: has no meaning beside 'any'"},
	    {"{to: db, except: 10.0.0.0/8, protocol: any}",
		"except: has no meaning without 'prefixes'"},
	    {"{prefixes: 10.0.0.0/8, except: 11.0.0.0/16, protocol: any}",
		"except: in none of the rule's prefixes"},
	    {"{prefixes: 10.0.0.0/8, except: 0.0.0.0/0, protocol: any}",
		"except: in none of the rule's prefixes"},
	    {"{prefixes: 10.0.0.0/8, except: 10.0.0.0/7, protocol: any}",
		"except: in none of the rule's prefixes"},
	    {"{prefixes: 10.0.0.0/8, except: [10.0.0.0/8, \"fd00::\"], protocol: any}",
		"except[1]: in none of the rule's prefixes"},
	    {"{prefixes: 10.0.0.1/8, protocol: any}", "prefixes: has bits beyond its length 8"},
	    {"{prefixes: [10.0.0.0/8, 10.0.0.0/8], protocol: any}",
		"prefixes[1]: repeated prefix '10.0.0.0/8'"},
	    {"{prefixes: web, protocol: any}",
		"prefixes: expected a prefix like 10.0.0.0/8 or \"fd00::/8\", or an address, found "
		"'web'"},
	    {"{prefixes: 10.0.0.0/33, protocol: any}",
		"prefixes: expected a prefix like 10.0.0.0/8 or \"fd00::/8\", or an address, found "
		"'10.0.0.0/33'"},
	    {"{prefixes: [], protocol: any}", "prefixes: needs at least 1 item"},
	    {"{to: db, protocol: any, action: drop}",
		"action: expected 'allow' or 'deny', found 'drop'"},
	    {"{to: db, protocol: any, log: yes}",
		"log: expected true or false without quotes, found 'yes'"},
	    {"{to: db, protocol: any, log: 'true'}",
		"log: expected true or false without quotes, found 'true'"},
	    {"{to: db, protocol: any, comment: []}", "comment: expected a text, found a list"},
	    {"{to: db, protocol: any, comment: \"a\\e[1m\"}",
		"comment: a control character in the text"},
	    {"{to: db, protocol: any, comment: \"a\\nb\"}",
		"comment: a control character in the text"},
	    {"{to: db, protocol: any, comment: \"a\\x9b\"}",
		"comment: a control character in the text"},
	    {"{to: db, protocol: tcp, ports: HTTP}",
		"ports: expected a port from 1 to 65535, a range like 8000-8010 or the name of a "
		"service like https, found 'HTTP'"},
	    {"{to: db, protocol: tcp, ports: http-https}",
		"ports: expected a port from 1 to 65535, a range like 8000-8010 or the name of a "
		"service like https, found 'http-https'"},
	    {"{to: db, protocol: any, rate: 1/s, action: deny}",
		"rate: has no meaning beside 'action: deny'"},
	    {"{to: db, protocol: any, rate: [1/s]}", "rate: " RATE "found a list"},
	    {"{to: db, protocol: any, rate: 1}", "rate: " RATE "found '1'"},
	    {"{to: db, protocol: any, rate: 0/s}", "rate: " RATE "found '0/s'"},
	    {"{to: db, protocol: any, rate: 01/s}", "rate: " RATE "found '01/s'"},
	    {"{to: db, protocol: any, rate: 1000001/s}", "rate: " RATE "found '1000001/s'"},
	    {"{to: db, protocol: any, rate: 1/d}", "rate: " RATE "found '1/d'"},
	    {"{to: db, protocol: any, rate: 1/}", "rate: " RATE "found '1/'"},
	    {"{to: db, protocol: any, rate: 1/ss}", "rate: " RATE "found '1/ss'"},
	    {"{to: db, protocol: any, rate: /s}", "rate: " RATE "found '/s'"},
	    {"{to: db, protocol: any, rates: 1/s}", NULL},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		char full[LM_WHY_MAX];
		char *text = fixture_edited(web_rule, list[i].rule);
		struct lm_manifest *m = NULL;
		struct lm_why why;
		CU_ASSERT_EQUAL(fixture_parse(&m, text, &why), -EINVAL);
		/* The line is the rule's; the column is tested with the older keys. */
		snprintf(full, sizeof(full), "members[0].egress[0]%s%s", list[i].why ? "." : ": ",
		    list[i].why ? list[i].why : "unknown key 'rates'");
		const char *at = strstr(why.text, "members");
		CU_ASSERT_EQUAL(strncmp(why.text, "t.yaml:23:", 10), 0);
		CU_ASSERT_TRUE(at && strcmp(at, full) == 0);
		if (!at || strcmp(at, full) != 0)
			fprintf(stderr, "\n  expected %s\n  but got  %s\n", full, why.text);
		free(text);
		if (m)
			lm_manifest_free(m);
	}
}

static void test_bad_labels(void)
{
	static const char find[] = "deployment: 1002\n";
	check_refused(find, "deployment: 1002\n    labels: [a, a]\n", -EINVAL,
	    "27:17: members[1].labels[1]: repeated label 'a'");
	check_refused(find, "deployment: 1002\n    labels: [a, B]\n", -EINVAL,
	    "27:17: members[1].labels[1]: expected a name of at most 63 characters a-z, 0-9 and "
	    "'-' (not first or last), found 'B'");
	check_refused(find, "deployment: 1002\n    labels: []\n", -EINVAL,
	    "27:13: members[1].labels: needs at least 1 item");
	check_refused(find, "deployment: 1002\n    labels: [a, b, c, d, e, f, g, h, i]\n", -E2BIG,
	    "27:13: members[1].labels: 9 items, at most 8 are allowed");
	check_refused(find, "deployment: 1002\n    labels: {a: b}\n", -EINVAL,
	    "27:13: members[1].labels: expected a name of at most 63 characters a-z, 0-9 and '-' "
	    "(not first or last), found a map");
}

static void test_bad_tests(void)
{
	static const struct {
		const char *text, *why;
	} list[] = {
	    {"policy: {}", "32:9: policy: missing key 'default'"},
	    {"policy: {default: drop}",
		"32:19: policy.default: expected 'allow' or 'deny', found 'drop'"},
	    {"policy: deny", "32:9: policy: expected a map, found 'deny'"},
	    {"tests: x", "32:8: tests: expected a list, found 'x'"},
	    {"tests: [{from: web, to: db, protocol: tcp, expect: deny}]",
		"32:9: tests[0]: missing key 'port'"},
	    {"tests: [{from: web, to: db, protocol: icmp, port: 1, expect: deny}]",
		"32:51: tests[0].port: only tcp, udp and sctp have ports"},
	    {"tests: [{from: web, to: db, protocol: any, expect: deny}]",
		"32:39: tests[0].protocol: expected tcp, udp, icmp, icmpv6, sctp, gre or a number "
		"from 1 to 254, found 'any'"},
	    {"tests: [{from: any, to: db, protocol: icmp, expect: deny}]",
		"32:16: tests[0].from: no member is called 'any'"},
	    {"tests: [{from: web/2, to: db, protocol: icmp, expect: deny}]",
		"32:16: tests[0].from: web has 2 replicas"},
	    {"tests: [{from: web, to: db/00, protocol: icmp, expect: deny}]",
		"32:25: tests[0].to: expected the name of a member, or of a replica like web/0, "
		"found 'db/00'"},
	    {"tests: [{from: web, to: db/, protocol: icmp, expect: deny}]",
		"32:25: tests[0].to: expected the name of a member, or of a replica like web/0, "
		"found 'db/'"},
	    {"tests: [{from: web, to: db/1, protocol: icmp, expect: deny}]",
		"32:25: tests[0].to: db has 1 replica"},
	    {"tests: [{from: web, to: db, protocol: tcp, port: 1-2, expect: deny}]",
		"32:50: tests[0].port: expected a port from 1 to 65535 or the name of a service "
		"like https, found '1-2'"},
	    {"tests: [{from: web, to: db, protocol: icmp, expect: yes}]",
		"32:53: tests[0].expect: expected 'allow' or 'deny', found 'yes'"},
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct fixture_text t = {0};
		fixture_add(&t, "%s%s\n", last_rule, list[i].text);
		check_refused(last_rule, t.text, -EINVAL, list[i].why);
		free(t.text);
	}
}

static void test_bounds(void)
{
	struct fixture_text t = {0};
	fixture_add(&t, "{to: db, protocol: any, comment: \"");
	for (unsigned i = 0; i < LM_RULE_COMMENT_MAX; i++)
		fixture_add(&t, "x");
	char *longest = strdup(t.text), *longer = strdup(t.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(longest);
	CU_ASSERT_PTR_NOT_NULL_FATAL(longer);
	free(t.text);
	t = (struct fixture_text){0};
	fixture_add(&t, "%s\"}", longest);
	struct lm_manifest *m = parse(web_rule, t.text);
	CU_ASSERT_EQUAL(strlen(m->members[0].egress[0].comment), LM_RULE_COMMENT_MAX);
	lm_manifest_free(m);
	free(t.text);
	t = (struct fixture_text){0};
	fixture_add(&t, "%sx\"}", longer);
	check_refused(web_rule, t.text, -E2BIG,
	    "23:42: members[0].egress[0].comment: 121 bytes, at most 120 are allowed");
	free(t.text);
	free(longest);
	free(longer);

	for (unsigned n = LM_RULE_PREFIXES_MAX; n <= LM_RULE_PREFIXES_MAX + 1; n++) {
		t = (struct fixture_text){0};
		fixture_add(&t, "{protocol: any, prefixes: [");
		for (unsigned i = 0; i < n; i++)
			fixture_add(&t, "%s10.0.0.%u", i ? ", " : "", i);
		fixture_add(&t, "]}");
		if (n > LM_RULE_PREFIXES_MAX)
			check_refused(web_rule, t.text, -E2BIG,
			    "23:35: members[0].egress[0].prefixes: 65 items, at most 64 are "
			    "allowed");
		else
			lm_manifest_free(parse(web_rule, t.text));
		free(t.text);
	}
}

LM_SUITE("manifest_rules", {"meaning", test_meaning},
    {"protocols_and_services", test_protocols_and_services}, {"rates", test_rates},
    {"many rates", test_many_rates}, {"probes", test_probes}, {"bad_peers", test_bad_peers},
    {"bad_labels", test_bad_labels}, {"bad_tests", test_bad_tests}, {"bounds", test_bounds})
