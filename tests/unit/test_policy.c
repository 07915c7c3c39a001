/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: examples by hand. Random ones are in test_policy_reference.c. */
#include <errno.h>
#include "manifest_fixture.h"
#include "policy/policy.h"
#include "suite.h"

enum { TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58, ESP = 50, SCTP = 132 };

/* ---- examples, from YAML ---- */

static struct lm_manifest *parse_members(const char *members)
{
	struct fixture_text t = {0};
	fixture_add(&t,
	    "leasemesh: 1\nnetwork: n\nserial: 1\nprefixes: {ipv4: 10.0.0.0/24}\n"
	    "providers: [{name: a, key: " FIXTURE_KEY_ALPHA ", addresses: ['192.0.2.1:1']}]\n"
	    "members:\n%s",
	    members);
	struct lm_manifest *m = NULL;
	struct lm_why why;
	if (fixture_parse(&m, t.text, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
		abort();
	}
	free(t.text);
	return m;
}

static struct lm_policy *compile_members(const char *members)
{
	struct lm_manifest *m = parse_members(members);
	struct lm_policy *p = NULL;
	CU_ASSERT_EQUAL_FATAL(lm_policy_compile(&p, m), 0);
	lm_manifest_free(m); /* a policy keeps no reference to it */
	return p;
}

enum { WEB, DB, CACHE };

/* Between addresses that no rule names. */
static enum lm_verdict judge(const struct lm_policy *p, uint16_t src_member, uint16_t dst_member,
    uint8_t protocol, uint16_t dst_port)
{
	const struct lm_policy_key key = {.src_member = src_member,
	    .dst_member = dst_member,
	    .protocol = protocol,
	    .dst_port = dst_port,
	    .src = {.family = 4, .b = {192, 0, 2, 1}},
	    .dst = {.family = 4, .b = {192, 0, 2, 2}}};
	return lm_policy_judge(p, &key).verdict;
}

/* From web to port 80 of db, between these addresses. */
static struct lm_ruling judge_at(
    const struct lm_policy *p, uint8_t protocol, const char *src, const char *dst)
{
	struct lm_policy_key key = {
	    .src_member = WEB, .dst_member = DB, .protocol = protocol, .dst_port = 80};
	CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&key.src, src), 0);
	CU_ASSERT_EQUAL_FATAL(lm_ip_parse(&key.dst, dst), 0);
	return lm_policy_judge(p, &key);
}

static void test_both_ends_must_allow(void)
{
	struct lm_policy *p = compile_members("- {name: web, deployment: 1, endpoints: [], egress: "
					      "[{to: db, protocol: tcp, ports: 5432},"
					      "   {to: cache, protocol: tcp, ports: 6379}]}\n"
					      "- {name: db, deployment: 2, endpoints: [], ingress: "
					      "[{from: web, protocol: tcp, ports: [5432, 9000]}]}\n"
					      "- {name: cache, deployment: 3, endpoints: []}\n");
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 5432), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 9000), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, CACHE, TCP, 6379), LM_DENY_INGRESS);
	/* Neither the other direction, nor oneself, nor another protocol follows from it. */
	CU_ASSERT_EQUAL(judge(p, DB, WEB, TCP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, WEB, TCP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, UDP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, ICMP, 0), LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_default_deny(void)
{
	struct lm_policy *p = compile_members("- {name: web, deployment: 1, endpoints: []}\n"
					      "- {name: db, deployment: 1, endpoints: [],"
					      " egress: [], ingress: []}\n");
	for (unsigned protocol = 0; protocol < 256; protocol++)
		for (uint16_t src = 0; src < 2; src++)
			for (uint16_t dst = 0; dst < 2; dst++)
				CU_ASSERT_EQUAL(
				    judge(p, src, dst, (uint8_t)protocol, 80), LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_any(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: any, protocol: any}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: [{from: any, protocol: any}]}\n"
	    "- {name: cache, deployment: 1, endpoints: [], ingress: [{from: any, protocol: "
	    "sctp}]}\n");
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		CU_ASSERT_EQUAL(judge(p, WEB, DB, (uint8_t)protocol, 0), LM_ALLOW);
		CU_ASSERT_EQUAL(judge(p, WEB, DB, (uint8_t)protocol, 65535), LM_ALLOW);
		CU_ASSERT_EQUAL(judge(p, WEB, CACHE, (uint8_t)protocol, 7),
		    protocol == SCTP ? LM_ALLOW : LM_DENY_INGRESS);
	}
	lm_policy_free(p);
}

static void test_icmp_means_both_families(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: db, protocol: icmp}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: [{from: web, protocol: icmp}]}\n");
	CU_ASSERT_EQUAL(judge(p, WEB, DB, ICMP, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, ICMPV6, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, 2, 0), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, 0, 0), LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_port_edges(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: db, protocol: tcp, ports: ["
	    "1, 100-200, 150-250, 251-260, 65535]}, {to: db, protocol: udp}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: [{from: any, protocol: any}]}\n");
	static const struct {
		uint16_t port;
		bool allowed;
	} cases[] = {{0, false}, {1, true}, {2, false}, {99, false}, {100, true}, {150, true},
	    {200, true}, {201, true}, {250, true}, {251, true}, {260, true}, {261, false},
	    {65534, false}, {65535, true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, cases[i].port),
		    cases[i].allowed ? LM_ALLOW : LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP - 1, 65535), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP + 1, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, UDP, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, UDP, 65535), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, UDP + 1, 0), LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_unknown_members_are_denied(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: any, protocol: any}],"
	    " ingress: [{from: any, protocol: any}]}\n");
	CU_ASSERT_EQUAL(judge(p, 0, 0, TCP, 1), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, 1, 0, TCP, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 1, TCP, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, UINT16_MAX, UINT16_MAX, TCP, 1), LM_DENY_EGRESS);
	lm_policy_free(p);
}

#define ALLOW_ALL(name, way, peer) \
	"- {name: " name ", deployment: 1, endpoints: [], " way ": [{" peer \
	": any, protocol: any}]}\n"

static void test_the_first_match_decides(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: ["
	    "{to: db, protocol: tcp, ports: 80-90},"
	    "{to: any, protocol: tcp, ports: 1-1000, action: deny},"
	    "{to: db, protocol: tcp, action: allow}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: [\n"
	    "    {from: web, protocol: tcp, ports: 85, action: deny, log: true},\n"
	    "    {from: any, protocol: any}]}\n" ALLOW_ALL("cache", "ingress", "from"));
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 80), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 85), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 91), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 1001), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, CACHE, TCP, 80), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, CACHE, TCP, 1001), LM_DENY_EGRESS);
	/* Which rules it was, and where they stand. */
	struct lm_policy_key key = {
	    .src_member = WEB, .dst_member = DB, .protocol = TCP, .dst_port = 85};
	struct lm_ruling r = lm_policy_judge(p, &key);
	CU_ASSERT_EQUAL(r.egress, 0);
	CU_ASSERT_EQUAL(r.ingress, 0);
	const struct lm_policy_rule *rule = lm_policy_rule(p, DB, LM_INGRESS, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
	CU_ASSERT_EQUAL(rule->line, 9);
	CU_ASSERT_TRUE(rule->deny && rule->log);
	CU_ASSERT_EQUAL(lm_policy_rule(p, DB, LM_INGRESS, 1)->line, 10);
	CU_ASSERT_PTR_NULL(lm_policy_rule(p, DB, LM_INGRESS, 2));
	CU_ASSERT_PTR_NULL(lm_policy_rule(p, DB, LM_EGRESS, LM_RULE_NONE));
	CU_ASSERT_PTR_NULL(lm_policy_rule(p, 3, LM_EGRESS, 0));
	key.dst_port = 2000;
	r = lm_policy_judge(p, &key);
	CU_ASSERT_EQUAL(r.egress, 2);
	CU_ASSERT_EQUAL(r.ingress, 1);
	key.protocol = UDP;
	r = lm_policy_judge(p, &key);
	CU_ASSERT_EQUAL(r.verdict, LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(r.egress, LM_RULE_NONE);
	CU_ASSERT_EQUAL(r.ingress, LM_RULE_UNASKED);
	CU_ASSERT_EQUAL(lm_policy_info(p).n_rules, 6);
	lm_policy_free(p);
}

static void test_default_allow(void)
{
	struct lm_policy *p =
	    compile_members("- {name: web, deployment: 1, endpoints: []}\n"
			    "- {name: db, deployment: 1, endpoints: [], ingress: ["
			    "{from: any, protocol: tcp, ports: 22, action: deny}]}\n"
			    "policy: {default: allow}\n");
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 80), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 22), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, DB, WEB, TCP, 22), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, 2, TCP, 80), LM_DENY_EGRESS); /* nobody */
	lm_policy_free(p);
}

static void test_labels(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], labels: [front, eu], egress: ["
	    "{labels: [store], protocol: tcp}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], labels: store, ingress: ["
	    "{labels: eu, protocol: tcp, ports: 1}, {from: cache, labels: [front, store], "
	    "protocol: tcp, ports: 2}], egress: [{to: any, protocol: tcp}]}\n"
	    "- {name: cache, deployment: 1, endpoints: [], egress: [{to: db, protocol: tcp}],"
	    " ingress: [{labels: eu, protocol: any}]}\n");
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 1), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 2), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, TCP, 3), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, DB, DB, TCP, 2), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, DB, DB, TCP, 1), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, CACHE, DB, TCP, 2), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, CACHE, DB, TCP, 1), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, WEB, CACHE, TCP, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, DB, CACHE, TCP, 1), LM_DENY_INGRESS);
	lm_policy_free(p);
}

static void test_prefixes(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: ["
	    "{prefixes: [10.0.0.0/28, \"fd00::/64\"], except: [10.0.0.4/30, \"fd00::8000:0/97\"],"
	    " protocol: tcp}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: ["
	    "{prefixes: 10.0.0.200, protocol: tcp, action: deny},"
	    "{prefixes: [0.0.0.0/0, \"::/0\"], except: \"fd00::66\", protocol: tcp}]}\n");
	static const struct {
		const char *src, *dst;
		enum lm_verdict verdict;
	} cases[] = {
	    {"10.0.0.100", "10.0.0.0", LM_ALLOW},
	    {"10.0.0.100", "9.255.255.255", LM_DENY_EGRESS},
	    {"10.0.0.100", "10.0.0.3", LM_ALLOW},
	    {"10.0.0.100", "10.0.0.4", LM_DENY_EGRESS},
	    {"10.0.0.100", "10.0.0.7", LM_DENY_EGRESS},
	    {"10.0.0.100", "10.0.0.8", LM_ALLOW},
	    {"10.0.0.100", "10.0.0.15", LM_ALLOW},
	    {"10.0.0.100", "10.0.0.16", LM_DENY_EGRESS},
	    {"10.0.0.199", "10.0.0.1", LM_ALLOW},
	    {"10.0.0.200", "10.0.0.1", LM_DENY_INGRESS},
	    {"10.0.0.201", "10.0.0.1", LM_ALLOW},
	    {"0.0.0.0", "10.0.0.1", LM_ALLOW},
	    {"255.255.255.255", "10.0.0.1", LM_ALLOW},
	    {"fd00::65", "fd00::7fff:ffff", LM_ALLOW},
	    {"fd00::66", "fd00::7fff:ffff", LM_DENY_INGRESS},
	    {"fd00::67", "fd00::8000:0", LM_DENY_EGRESS},
	    {"fd00::67", "fd00::ffff:ffff", LM_DENY_EGRESS},
	    {"fd00::67", "fd00::1:0:0", LM_ALLOW},
	    {"fd00::67", "fd00::ffff:ffff:ffff:ffff", LM_ALLOW},
	    {"fd00::67", "fd00:0:0:1::", LM_DENY_EGRESS},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fd00::", LM_ALLOW},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(
		    judge_at(p, TCP, cases[i].src, cases[i].dst).verdict, cases[i].verdict);
	CU_ASSERT_EQUAL(judge_at(p, UDP, "10.0.0.1", "10.0.0.1").verdict, LM_DENY_EGRESS);
	/* Not known is in no prefix. */
	const struct lm_policy_key nowhere = {.dst_member = DB, .protocol = TCP};
	CU_ASSERT_EQUAL(lm_policy_judge(p, &nowhere).verdict, LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_icmpv6_alone(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: ["
	    "{to: db, protocol: icmpv6}, {to: db, protocol: sctp, ports: 80}]}\n" ALLOW_ALL(
		"db", "ingress", "from"));
	CU_ASSERT_EQUAL(judge_at(p, ICMPV6, "fd00::1", "fd00::2").verdict, LM_ALLOW);
	CU_ASSERT_EQUAL(judge_at(p, ICMP, "10.0.0.1", "10.0.0.2").verdict, LM_DENY_EGRESS);
	/* As the data path says it. */
	CU_ASSERT_EQUAL(judge(p, WEB, DB, ICMP, 0), LM_DENY_EGRESS);
	struct lm_policy_key key = {
	    .dst_member = DB, .protocol = ICMP, .src = {.family = 6}, .dst = {.family = 6}};
	CU_ASSERT_EQUAL(lm_policy_judge(p, &key).verdict, LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, SCTP, 80), LM_ALLOW);
	CU_ASSERT_EQUAL(judge(p, WEB, DB, SCTP, 81), LM_DENY_EGRESS);
	lm_policy_free(p);
}

/* With sanitizers: freed by the last who has it, and not earlier. */
static void test_several_have_it(void)
{
	struct lm_policy *p = compile_members("- {name: web, deployment: 1, endpoints: []}\n"
					      "policy: {default: allow}\n");
	CU_ASSERT_PTR_EQUAL(lm_policy_hold(p), p);
	lm_policy_free(p);
	CU_ASSERT_EQUAL(judge(p, WEB, WEB, TCP, 1), LM_ALLOW);
	lm_policy_free(p);
	lm_policy_free(NULL);
}

/* ---- the largest ---- */

static void test_largest_list(void)
{
	struct lm_rule *rules = calloc(LM_RULES_MAX, sizeof(*rules));
	for (unsigned r = 0; r < LM_RULES_MAX; r++) {
		rules[r].protocol = TCP;
		rules[r].peers = calloc(LM_RULE_PEERS_MAX, sizeof(*rules[r].peers));
		rules[r].ports = calloc(LM_RULE_PORTS_MAX, sizeof(*rules[r].ports));
		for (unsigned i = 0; i < LM_RULE_PEERS_MAX; i++)
			rules[r].peers[rules[r].n_peers++] =
			    (uint16_t)((r * 64 + i) % LM_MEMBERS_MAX);
		for (unsigned i = 0; i < LM_RULE_PORTS_MAX; i++) {
			uint16_t port = (uint16_t)(1 + 2 * (r * LM_RULE_PORTS_MAX + i));
			rules[r].ports[rules[r].n_ports++] = (struct lm_port_range){port, port};
		}
	}
	struct lm_manifest m = {.n_members = LM_MEMBERS_MAX};
	m.members = calloc(LM_MEMBERS_MAX, sizeof(*m.members));
	m.members[0].egress = rules;
	m.members[0].n_egress = LM_RULES_MAX;
	struct lm_policy *p;
	CU_ASSERT_EQUAL_FATAL(lm_policy_compile(&p, &m), 0);
	/* Rule r names members 64 r .. 64 r + 63 (modulo 4,096) and ports 64 r + 1, 64 r + 3 ... 64
	 * r + 63. */
	CU_ASSERT_EQUAL(judge(p, 0, 0, TCP, 1), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 0, TCP, 2), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 63, TCP, 63), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 63, TCP, 65), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 64, TCP, 65), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 4095, TCP, 16383), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 4031, TCP, 16383), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 4095, TCP, 4095), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(judge(p, 0, 4095, TCP, 4096), LM_DENY_EGRESS);
	lm_policy_free(p);
	for (unsigned r = 0; r < LM_RULES_MAX; r++) {
		free(rules[r].peers);
		free(rules[r].ports);
	}
	free(rules);
	free(m.members);
}

/* More than the bytes of a document have room for; test_membership_aside has one that has. */
static void test_too_large(void)
{
	static struct lm_port_range ports[LM_RULE_PORTS_MAX];
	static struct lm_rule rules[LM_RULES_MAX];
	for (unsigned i = 0; i < LM_RULE_PORTS_MAX; i++)
		ports[i].from = ports[i].to = (uint16_t)(1 + 2 * i);
	for (unsigned r = 0; r < LM_RULES_MAX; r++)
		rules[r] = (struct lm_rule){.any_peer = true,
		    .protocol = (uint16_t)r,
		    .ports = ports,
		    .n_ports = LM_RULE_PORTS_MAX};
	struct lm_manifest m = {.n_members = 64};
	m.members = calloc(m.n_members, sizeof(*m.members));
	for (unsigned i = 0; i < m.n_members; i++) {
		m.members[i].ingress = rules;
		m.members[i].n_ingress = LM_RULES_MAX;
	}
	struct lm_policy *p = NULL;
	struct lm_why why = {{0}};
	m.n_members = 8;
	CU_ASSERT_EQUAL_FATAL(lm_policy_compile(&p, &m), 0);
	CU_ASSERT_TRUE(lm_policy_info(p).bytes > LM_POLICY_BYTES_MAX / 2);
	CU_ASSERT_TRUE(lm_policy_info(p).bytes <= LM_POLICY_BYTES_MAX);
	lm_policy_free(p);
	m.n_members = 64;
	CU_ASSERT_EQUAL(lm_policy_compile(&p, &m), -E2BIG);
	CU_ASSERT_EQUAL(lm_policy_check(&m, "big.yaml", &why), -E2BIG);
	CU_ASSERT_STRING_EQUAL(
	    why.text, "big.yaml: the rules take more than 8388608 bytes compiled");
	free(m.members);
}

LM_SUITE("policy", {"both_ends_must_allow", test_both_ends_must_allow},
    {"default_deny", test_default_deny}, {"any", test_any},
    {"icmp_means_both_families", test_icmp_means_both_families}, {"port_edges", test_port_edges},
    {"unknown_members_are_denied", test_unknown_members_are_denied},
    {"the_first_match_decides", test_the_first_match_decides},
    {"default_allow", test_default_allow}, {"labels", test_labels}, {"prefixes", test_prefixes},
    {"icmpv6_alone", test_icmpv6_alone}, {"several_have_it", test_several_have_it},
    {"largest_list", test_largest_list}, {"too_large", test_too_large})
