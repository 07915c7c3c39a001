/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random documents and packets: what parser, compiler and look-up make of them must
 * be what a slow reading of the rules says, verdict and rule. The reading is of what
 * the document was written from, not of what was parsed. A failure names its seed:
 *
 *   LM_POLICY_SEED=1234 LM_POLICY_SEEDS=1 test_policy_reference
 */
#include "manifest_fixture.h"
#include "policy/policy.h"
#include "suite.h"

#define MEMBERS_MAX 8
#define LABELS 5
#define LIST_MAX 6
#define PACKETS 1500

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ICMPV6 = 58, SCTP = 132, ANY = 256 };

/* ---- what a document is written from ---- */

struct net {
	int family;
	uint8_t b[16];
	unsigned len;
};

struct rule {
	bool deny, any;
	unsigned members, labels; /* bits */
	struct net prefixes[LIST_MAX], except[LIST_MAX];
	unsigned n_prefixes, n_except;
	unsigned protocol;
	unsigned ports[LIST_MAX][2];
	unsigned n_ports;
	unsigned rate, seconds; /* rate 0: none */
};

struct member {
	unsigned labels; /* bits */
	struct rule list[2][LM_RULES_MAX]; /* by enum lm_way */
	unsigned n[2];
};

static struct {
	bool default_allow;
	unsigned n_members;
	struct member members[MEMBERS_MAX];
} model;

struct packet {
	unsigned src, dst, protocol, port;
	int family;
	uint8_t from[16], to[16];
};

/* ---- the slow reading ---- */

static bool has_address(const struct net *net, int family, const uint8_t *b)
{
	if (net->family != family)
		return false;
	for (unsigned bit = 0; bit < net->len; bit++)
		if ((net->b[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static bool is_in(const struct net *list, unsigned n, int family, const uint8_t *b)
{
	for (unsigned i = 0; i < n; i++)
		if (has_address(&list[i], family, b))
			return true;
	return false;
}

static bool matches_peer(const struct rule *r, unsigned peer, int family, const uint8_t *b)
{
	if (r->any || r->members >> peer & 1)
		return true;
	for (unsigned label = 0; label < LABELS; label++)
		if (r->labels >> label & 1 && model.members[peer].labels >> label & 1)
			return true;
	return is_in(r->prefixes, r->n_prefixes, family, b) &&
	       !is_in(r->except, r->n_except, family, b);
}

static bool matches_packet(const struct rule *r, const struct packet *p)
{
	if (r->protocol != ANY && r->protocol != p->protocol &&
	    !(r->protocol == ICMP && p->protocol == ICMPV6))
		return false;
	for (unsigned i = 0; i < r->n_ports; i++)
		if (p->port >= r->ports[i][0] && p->port <= r->ports[i][1])
			return true;
	return r->n_ports == 0;
}

static bool side(const struct packet *p, enum lm_way way, uint16_t *decided_by)
{
	const struct member *own = &model.members[way == LM_EGRESS ? p->src : p->dst];
	unsigned peer = way == LM_EGRESS ? p->dst : p->src;
	for (unsigned i = 0; i < own->n[way]; i++) {
		const struct rule *r = &own->list[way][i];
		if (!matches_packet(r, p) ||
		    !matches_peer(r, peer, p->family, way == LM_EGRESS ? p->to : p->from))
			continue;
		*decided_by = (uint16_t)i;
		return !r->deny;
	}
	*decided_by = LM_RULE_NONE;
	return model.default_allow;
}

static struct lm_ruling reference(const struct packet *p)
{
	struct lm_ruling r = {.verdict = LM_DENY_EGRESS, .ingress = LM_RULE_UNASKED};
	if (!side(p, LM_EGRESS, &r.egress))
		return r;
	r.verdict = side(p, LM_INGRESS, &r.ingress) ? LM_ALLOW : LM_DENY_INGRESS;
	return r;
}

/* ---- random documents ---- */

static uint64_t random_state;

/* xorshift64*: the tests are the same on every machine. */
static uint32_t below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 32) % n;
}

/* Few different addresses and ports, so that ranges meet, nest and touch. */
static void random_address(uint8_t b[16], int family)
{
	unsigned last = family == 4 ? 3 : 15;
	memset(b, 0, 16);
	switch (below(12)) {
	case 0:
		memset(b, 0xff, last + 1);
		return;
	case 1:
		return;
	case 2: /* beyond the lower half of an IPv6 address */
		b[family == 4 ? 1 : 7] = (uint8_t)below(3);
		break;
	default:
		break;
	}
	b[0] = family == 4 ? 10 : 0xfd;
	b[last] = (uint8_t)below(48);
}

static void mask(struct net *net)
{
	for (unsigned bit = net->len; bit < 128; bit++)
		net->b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

static bool same_net(const struct net *a, const struct net *b)
{
	return a->family == b->family && a->len == b->len && memcmp(a->b, b->b, 16) == 0;
}

static void add_net(struct net *list, unsigned *n, struct net net)
{
	mask(&net);
	for (unsigned i = 0; i < *n; i++)
		if (same_net(&list[i], &net))
			return;
	list[(*n)++] = net;
}

static void random_prefixes(struct rule *r)
{
	for (unsigned n = 1 + below(3); n > 0; n--) {
		struct net net = {.family = below(2) ? 4 : 6};
		unsigned bits = net.family == 4 ? 32 : 128;
		random_address(net.b, net.family);
		net.len = below(4) ? bits - below(7) : below(bits + 1);
		add_net(r->prefixes, &r->n_prefixes, net);
	}
	for (unsigned n = below(3); n > 0; n--) {
		struct net net = r->prefixes[below(r->n_prefixes)];
		unsigned bits = net.family == 4 ? 32 : 128, left = bits - net.len;
		net.len += below(left + 1);
		for (unsigned bit = bits - left; bit < net.len; bit++)
			if (below(2))
				net.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		add_net(r->except, &r->n_except, net);
	}
}

static unsigned random_port(void)
{
	static const unsigned rare[] = {1, 65535, 80, 443};
	return below(6) ? 1 + below(40) : rare[below(4)];
}

static void random_rule(struct rule *r)
{
	static const unsigned protocols[] = {TCP, TCP, TCP, UDP, SCTP, ICMP, ICMPV6, GRE, 50, ANY};
	*r = (struct rule){.deny = below(3) == 0, .any = below(8) == 0};
	r->protocol = protocols[below(sizeof(protocols) / sizeof(protocols[0]))];
	while (!r->any && !r->members && !r->labels && !r->n_prefixes) {
		if (below(2))
			r->members = below(1u << model.n_members);
		if (below(3) == 0)
			r->labels = below(1u << LABELS);
		if (below(2))
			random_prefixes(r);
	}
	if (!r->deny && below(3) == 0) {
		static const unsigned units[] = {1, 60, 3600};
		r->rate = 1 + below(1000000);
		r->seconds = units[below(3)];
	}
	if ((r->protocol == TCP || r->protocol == UDP || r->protocol == SCTP) && below(5))
		for (unsigned n = 1 + below(LIST_MAX); n > 0; n--) {
			unsigned a = random_port(), b = below(3) ? a : random_port();
			r->ports[r->n_ports][0] = a < b ? a : b;
			r->ports[r->n_ports++][1] = a < b ? b : a;
		}
}

static void random_model(unsigned max_rules)
{
	model.default_allow = below(4) == 0;
	model.n_members = 1 + below(MEMBERS_MAX);
	for (unsigned i = 0; i < model.n_members; i++) {
		struct member *m = &model.members[i];
		m->labels = below(1u << LABELS) & below(1u << LABELS);
		for (unsigned way = 0; way < 2; way++) {
			m->n[way] = below(max_rules + 1);
			for (unsigned r = 0; r < m->n[way]; r++)
				random_rule(&m->list[way][r]);
		}
	}
	/* Each label is carried by somebody: a rule may name no other. */
	model.members[0].labels = (1u << LABELS) - 1;
}

/* ---- as a document ---- */

static void write_nets(struct fixture_text *t, const char *key, const struct net *list, unsigned n)
{
	char text[LM_PREFIX_TEXT];
	for (unsigned i = 0; i < n; i++) {
		struct lm_prefix p = {
		    .ip.family = (uint8_t)list[i].family, .len = (uint8_t)list[i].len};
		memcpy(p.ip.b, list[i].b, list[i].family == 4 ? 4 : 16);
		if (i == 0)
			fixture_add(t, ", %s: [", key);
		fixture_add(t, "%s\"%s\"", i ? ", " : "", lm_prefix_text(text, &p));
	}
	if (n > 0)
		fixture_add(t, "]");
}

static void write_bits(struct fixture_text *t, const char *key, char prefix, unsigned bits)
{
	const char *comma = "";
	if (!bits)
		return;
	fixture_add(t, ", %s: [", key);
	for (unsigned i = 0; bits >> i; i++)
		if (bits >> i & 1) {
			fixture_add(t, "%s%c%u", comma, prefix, i);
			comma = ", ";
		}
	fixture_add(t, "]");
}

static void write_protocol(struct fixture_text *t, unsigned protocol)
{
	static const struct {
		unsigned number;
		const char *name;
	} names[] = {{ICMP, "icmp"}, {TCP, "tcp"}, {UDP, "udp"}, {GRE, "gre"}, {ICMPV6, "icmpv6"},
	    {SCTP, "sctp"}, {ANY, "any"}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == protocol && (protocol == ANY || below(4))) {
			fixture_add(t, "protocol: %s", names[i].name);
			return;
		}
	fixture_add(t, "protocol: %u", protocol);
}

static void write_port(struct fixture_text *t, unsigned from, unsigned to)
{
	if (from != to)
		fixture_add(t, "%u-%u", from, to);
	else if (from == 80 || from == 443)
		fixture_add(t, "%s", from == 80 ? "http" : "https");
	else
		fixture_add(t, "%u", from);
}

static void write_rule(struct fixture_text *t, const struct rule *r, enum lm_way way)
{
	const char *peer = way == LM_EGRESS ? "to" : "from";
	fixture_add(t, "      - {");
	write_protocol(t, r->protocol);
	if (r->any)
		fixture_add(t, ", %s: any", peer);
	write_bits(t, peer, 'm', r->members);
	write_bits(t, "labels", 'l', r->labels);
	write_nets(t, "prefixes", r->prefixes, r->n_prefixes);
	write_nets(t, "except", r->except, r->n_except);
	for (unsigned i = 0; i < r->n_ports; i++) {
		fixture_add(t, i ? ", " : ", ports: [");
		write_port(t, r->ports[i][0], r->ports[i][1]);
	}
	if (r->n_ports)
		fixture_add(t, "]");
	if (r->rate)
		fixture_add(t, ", rate: %u/%s", r->rate,
		    r->seconds == 60  ? "m"
		    : r->seconds == 1 ? "s"
				      : "h");
	fixture_add(t, "%s}\n", r->deny ? ", action: deny" : below(4) ? "" : ", action: allow");
}

static void write_model(struct fixture_text *t)
{
	fixture_add(t,
	    "leasemesh: 1\nnetwork: n\nserial: 1\nprefixes: {ipv4: 10.0.0.0/24}\n"
	    "providers: [{name: a, key: " FIXTURE_KEY_ALPHA ", addresses: ['192.0.2.1:1']}]\n");
	if (model.default_allow || below(2))
		fixture_add(t, "policy: {default: %s}\n", model.default_allow ? "allow" : "deny");
	fixture_add(t, "members:\n");
	for (unsigned i = 0; i < model.n_members; i++) {
		const struct member *m = &model.members[i];
		fixture_add(t, "  - {name: m%u, deployment: 1, endpoints: []", i);
		write_bits(t, "labels", 'l', m->labels);
		for (unsigned way = 0; way < 2; way++) {
			fixture_add(t, ",\n    %s: [", way == LM_EGRESS ? "egress" : "ingress");
			for (unsigned r = 0; r < m->n[way]; r++) {
				struct fixture_text rule = {0};
				write_rule(&rule, &m->list[way][r], way);
				/* "- {...}" of a block becomes "{...}" of a flow list. */
				fixture_add(t, "%s\n%.*s", r ? "," : "",
				    (int)strcspn(rule.text + 8, "\n"), rule.text + 8);
				free(rule.text);
			}
			fixture_add(t, "]");
		}
		fixture_add(t, "}\n");
	}
}

/* ---- comparing ---- */

static void random_packet(struct packet *p)
{
	static const unsigned protocols[] = {
	    TCP, TCP, TCP, TCP, UDP, SCTP, ICMP, ICMPV6, GRE, 50, 0, 255};
	*p = (struct packet){.src = below(model.n_members), .dst = below(model.n_members)};
	p->protocol = protocols[below(sizeof(protocols) / sizeof(protocols[0]))];
	if (p->protocol == TCP || p->protocol == UDP || p->protocol == SCTP)
		p->port = (random_port() + 65535 + below(3)) & 65535;
	p->family = p->protocol == ICMP ? 4 : p->protocol == ICMPV6 ? 6 : below(2) ? 4 : 6;
	random_address(p->from, p->family);
	random_address(p->to, p->family);
}

static struct lm_ruling ask(const struct lm_policy *policy, const struct packet *p)
{
	struct lm_policy_key key = {.src_member = (uint16_t)p->src,
	    .dst_member = (uint16_t)p->dst,
	    .protocol = (uint8_t)p->protocol,
	    .dst_port = (uint16_t)p->port,
	    .src.family = (uint8_t)p->family,
	    .dst.family = (uint8_t)p->family};
	/* The data path calls both ICMPs by one number. */
	if (p->protocol == ICMPV6 && below(2))
		key.protocol = ICMP;
	memcpy(key.src.b, p->from, 16);
	memcpy(key.dst.b, p->to, 16);
	return lm_policy_judge(policy, &key);
}

static struct lm_policy *compile_model(uint64_t seed)
{
	struct fixture_text t = {0};
	struct lm_policy *policy = NULL;
	struct lm_manifest *m = NULL;
	struct lm_why why = {{0}};
	write_model(&t);
	if (fixture_parse(&m, t.text, &why) < 0 || lm_policy_compile(&policy, m) < 0) {
		fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, why.text);
		abort();
	}
	lm_manifest_free(m);
	free(t.text);
	return policy;
}

/* Each rule's rate is the one that was written, and each has a number of its own. */
static bool same_rates(const struct lm_policy *policy, uint64_t seed)
{
	unsigned n = 0;
	for (unsigned i = 0; i < model.n_members; i++)
		for (unsigned way = 0; way < 2; way++)
			for (unsigned k = 0; k < model.members[i].n[way]; k++) {
				const struct rule *r = &model.members[i].list[way][k];
				const struct lm_policy_rule *got = lm_policy_rule(
				    policy, (uint16_t)i, (enum lm_way)way, (uint16_t)k);
				struct lm_flow_rate rate = lm_policy_flow_rate(policy, got->rate);
				if (rate.n == r->rate && rate.seconds == r->seconds &&
				    got->rate == (r->rate ? n++ : LM_RULE_NO_RATE))
					continue;
				fprintf(stderr, "seed %llu: rule %u of m%u has rate %u\n",
				    (unsigned long long)seed, k, i, rate.n);
				return false;
			}
	return lm_policy_info(policy).n_rates == n;
}

static bool compare(uint64_t seed, unsigned max_rules, unsigned counts[3])
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	random_model(max_rules);
	struct lm_policy *policy = compile_model(seed);
	bool same = same_rates(policy, seed);
	for (unsigned i = 0; i < PACKETS && same; i++) {
		struct packet p;
		random_packet(&p);
		struct lm_ruling expected = reference(&p), got = ask(policy, &p);
		same = got.verdict == expected.verdict && got.egress == expected.egress &&
		       got.ingress == expected.ingress;
		counts[expected.verdict]++;
		if (!same)
			fprintf(stderr,
			    "seed %llu, packet %u: m%u to m%u, protocol %u, port %u: expected %d "
			    "by rules %u and %u, but got %d by %u and %u\n",
			    (unsigned long long)seed, i, p.src, p.dst, p.protocol, p.port,
			    expected.verdict, expected.egress, expected.ingress, got.verdict,
			    got.egress, got.ingress);
	}
	lm_policy_free(policy);
	return same;
}

static unsigned long env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	return text ? strtoul(text, NULL, 0) : otherwise;
}

/* One word, more than one word, all four words of a vector. */
static unsigned max_rules_of(uint64_t seed)
{
	return seed % 40 == 39 ? LM_RULES_MAX : seed % 20 == 9 ? 90 : seed % 2 ? 4 : 12;
}

static void test_random_policies(void)
{
	unsigned counts[3] = {0};
	unsigned long first = env("LM_POLICY_SEED", 1), n = env("LM_POLICY_SEEDS", 800);
	for (unsigned long seed = first; seed < first + n; seed++)
		if (!compare(seed, max_rules_of(seed), counts)) {
			CU_FAIL("differs from the slow reading");
			return;
		}
	/* The comparison is worth something only if each verdict is common. */
	for (unsigned i = 0; i < 3 && n >= 100; i++)
		CU_ASSERT_TRUE(counts[i] > n * PACKETS / 10);
}

LM_SUITE("policy_reference", {"random_policies", test_random_policies})
