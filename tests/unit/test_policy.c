/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: examples by hand, and random ones against a reference that just reads the rules. */
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

static void test_both_ends_must_allow(void)
{
	struct lm_policy *p = compile_members("- {name: web, deployment: 1, endpoints: [], egress: "
					      "[{to: db, protocol: tcp, ports: 5432},"
					      "   {to: cache, protocol: tcp, ports: 6379}]}\n"
					      "- {name: db, deployment: 2, endpoints: [], ingress: "
					      "[{from: web, protocol: tcp, ports: [5432, 9000]}]}\n"
					      "- {name: cache, deployment: 3, endpoints: []}\n");
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, TCP, 5432), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, TCP, 9000), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, CACHE, TCP, 6379), LM_DENY_INGRESS);
	/* Neither the other direction, nor oneself, nor another protocol follows from it. */
	CU_ASSERT_EQUAL(lm_policy_judge(p, DB, WEB, TCP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, WEB, TCP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, UDP, 5432), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, ICMP, 0), LM_DENY_EGRESS);
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
				CU_ASSERT_EQUAL(lm_policy_judge(p, src, dst, (uint8_t)protocol, 80),
				    LM_DENY_EGRESS);
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
		CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, (uint8_t)protocol, 0), LM_ALLOW);
		CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, (uint8_t)protocol, 65535), LM_ALLOW);
		CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, CACHE, (uint8_t)protocol, 7),
		    protocol == SCTP ? LM_ALLOW : LM_DENY_INGRESS);
	}
	lm_policy_free(p);
}

static void test_icmp_means_both_families(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: db, protocol: icmp}]}\n"
	    "- {name: db, deployment: 1, endpoints: [], ingress: [{from: web, protocol: icmp}]}\n");
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, ICMP, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, ICMPV6, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, 2, 0), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, 0, 0), LM_DENY_EGRESS);
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
		CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, TCP, cases[i].port),
		    cases[i].allowed ? LM_ALLOW : LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, TCP - 1, 65535), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, TCP + 1, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, UDP, 0), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, UDP, 65535), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, WEB, DB, UDP + 1, 0), LM_DENY_EGRESS);
	lm_policy_free(p);
}

static void test_unknown_members_are_denied(void)
{
	struct lm_policy *p = compile_members(
	    "- {name: web, deployment: 1, endpoints: [], egress: [{to: any, protocol: any}],"
	    " ingress: [{from: any, protocol: any}]}\n");
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 0, TCP, 1), LM_ALLOW);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 1, 0, TCP, 1), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 1, TCP, 1), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, UINT16_MAX, UINT16_MAX, TCP, 1), LM_DENY_EGRESS);
	lm_policy_free(p);
}

/* ---- random policies against the reference ---- */

static uint64_t random_state;

/* xorshift64*: the tests are the same on every machine. */
static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 32) % n;
}

/* What manifest.h says, word by word. */
static bool rule_matches(const struct lm_rule *r, uint16_t peer, uint8_t protocol, uint16_t port)
{
	bool who = r->any_peer, where = r->n_ports == 0;
	for (unsigned i = 0; i < r->n_peers; i++)
		who |= r->peers[i] == peer;
	for (unsigned i = 0; i < r->n_ports; i++)
		where |= port >= r->ports[i].from && port <= r->ports[i].to;
	return who && where && (r->protocol == LM_PROTO_ANY || r->protocol == protocol);
}

static enum lm_verdict reference(
    const struct lm_manifest *m, uint16_t src, uint16_t dst, uint8_t protocol, uint16_t port)
{
	bool egress = false, ingress = false;
	if (protocol == ICMPV6)
		protocol = ICMP;
	for (unsigned i = 0; i < m->members[src].n_egress; i++)
		egress |= rule_matches(&m->members[src].egress[i], dst, protocol, port);
	for (unsigned i = 0; i < m->members[dst].n_ingress; i++)
		ingress |= rule_matches(&m->members[dst].ingress[i], src, protocol, port);
	return !egress ? LM_DENY_EGRESS : !ingress ? LM_DENY_INGRESS : LM_ALLOW;
}

static const uint8_t protocols[] = {TCP, UDP, SCTP, ICMP, ICMPV6, ESP, 0, 254, 255};

/* Few different ports, so that ranges meet, nest and touch. */
static uint16_t random_port(void)
{
	switch (random_below(8)) {
	case 0:
		return 1;
	case 1:
		return 65535;
	default:
		return (uint16_t)(1 + random_below(40));
	}
}

static void random_rule(struct lm_rule *r, unsigned n_members, unsigned max_peers)
{
	static const uint16_t choices[] = {TCP, TCP, UDP, SCTP, ICMP, ESP, 254, LM_PROTO_ANY};
	*r = (struct lm_rule){.any_peer = random_below(12) == 0,
	    .peers = calloc(max_peers, sizeof(*r->peers)),
	    .ports = calloc(LM_RULE_PORTS_MAX, sizeof(*r->ports)),
	    .protocol = choices[random_below(8)]};
	if (!r->any_peer)
		for (unsigned n = 1 + random_below(max_peers); r->n_peers < n;)
			r->peers[r->n_peers++] = (uint16_t)random_below(n_members);
	bool has_ports = r->protocol == TCP || r->protocol == UDP || r->protocol == SCTP;
	if (has_ports && random_below(6))
		for (unsigned n = 1 + random_below(5); r->n_ports < n;) {
			uint16_t a = random_port(), b = random_below(3) ? a : random_port();
			r->ports[r->n_ports++] =
			    (struct lm_port_range){a < b ? a : b, a < b ? b : a};
		}
}

static void random_rules(struct lm_rule **list, unsigned *n, unsigned n_members, unsigned max_rules)
{
	*n = random_below(max_rules + 1);
	*list = calloc(*n + 1, sizeof(**list));
	for (unsigned i = 0; i < *n; i++)
		random_rule(&(*list)[i], n_members, 1 + random_below(4));
}

static void free_rules(struct lm_rule *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(list[i].peers);
		free(list[i].ports);
	}
	free(list);
}

/* Only what the compiler reads: not a manifest that lm_manifest_parse would give. */
static void random_manifest(struct lm_manifest *m, unsigned max_rules)
{
	*m = (struct lm_manifest){.n_members = 1 + random_below(12)};
	m->members = calloc(m->n_members, sizeof(*m->members));
	for (unsigned i = 0; i < m->n_members; i++) {
		struct lm_member *member = &m->members[i];
		random_rules(&member->egress, &member->n_egress, m->n_members, max_rules);
		random_rules(&member->ingress, &member->n_ingress, m->n_members, max_rules);
	}
}

static void free_random_manifest(struct lm_manifest *m)
{
	for (unsigned i = 0; i < m->n_members; i++) {
		free_rules(m->members[i].egress, m->members[i].n_egress);
		free_rules(m->members[i].ingress, m->members[i].n_ingress);
	}
	free(m->members);
}

static void compare_with_reference(uint64_t seed, unsigned max_rules, unsigned verdicts[3])
{
	random_state = seed;
	struct lm_manifest m;
	random_manifest(&m, max_rules);
	struct lm_policy *p;
	CU_ASSERT_EQUAL_FATAL(lm_policy_compile(&p, &m), 0);
	for (unsigned i = 0; i < 2000; i++) {
		uint16_t src = (uint16_t)random_below(m.n_members);
		uint16_t dst = (uint16_t)random_below(m.n_members);
		uint8_t protocol = protocols[random_below(sizeof(protocols))];
		uint16_t port = random_below(10) ? (uint16_t)(random_port() - random_below(2)) : 0;
		enum lm_verdict expected = reference(&m, src, dst, protocol, port);
		enum lm_verdict got = lm_policy_judge(p, src, dst, protocol, port);
		verdicts[expected]++;
		if (got != expected) {
			fprintf(stderr, "seed %llu: %u -> %u protocol %u port %u\n",
			    (unsigned long long)seed, src, dst, protocol, port);
			CU_FAIL("differs from the reference");
			break;
		}
	}
	lm_policy_free(p);
	free_random_manifest(&m);
}

static void test_random_policies(void)
{
	unsigned verdicts[3] = {0};
	for (uint64_t seed = 1; seed <= 400; seed++)
		compare_with_reference(seed, 6, verdicts);
	/* One word, more than one word, all four words of a vector. */
	for (uint64_t seed = 1001; seed <= 1060; seed++)
		compare_with_reference(seed, seed % 2 ? 100 : LM_RULES_MAX, verdicts);
	/* The comparison is worth something only if each verdict is common. */
	CU_ASSERT_TRUE(verdicts[LM_ALLOW] > 50000);
	CU_ASSERT_TRUE(verdicts[LM_DENY_EGRESS] > 50000);
	CU_ASSERT_TRUE(verdicts[LM_DENY_INGRESS] > 50000);
}

/* ---- the largest list ---- */

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
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 0, TCP, 1), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 0, TCP, 2), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 63, TCP, 63), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 63, TCP, 65), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 64, TCP, 65), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 4095, TCP, 16383), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 4031, TCP, 16383), LM_DENY_EGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 4095, TCP, 4095), LM_DENY_INGRESS);
	CU_ASSERT_EQUAL(lm_policy_judge(p, 0, 4095, TCP, 4096), LM_DENY_EGRESS);
	lm_policy_free(p);
	free_rules(rules, LM_RULES_MAX);
	free(m.members);
}

LM_SUITE("policy", {"both_ends_must_allow", test_both_ends_must_allow},
    {"default_deny", test_default_deny}, {"any", test_any},
    {"icmp_means_both_families", test_icmp_means_both_families}, {"port_edges", test_port_edges},
    {"unknown_members_are_denied", test_unknown_members_are_denied},
    {"random_policies", test_random_policies}, {"largest_list", test_largest_list})
