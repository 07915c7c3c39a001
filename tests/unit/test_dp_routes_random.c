/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random routes, rules, replicas that are not served, and packets through two gateways, beside a
 * slow reading of what must come of them: where to, and whether at all.
 *
 *   LM_ROUTES_SEED=1234 LM_ROUTES_SEEDS=1 test_dp_routes_random
 */
#include "dp_fixture.h"
#include "manifest_fixture.h"
#include "packet/frame.h"

#define HOSTS 4
#define RULES 3
#define PACKETS 60
#define NOBODY HOSTS

static const enum rig_host_id hosts[HOSTS] = {WEB, APP, DB, CACHE}; /* by endpoint */

static const struct lm_prefix prefixes[] = {
    {{4, {10, 20}}, 16},
    {{4, {10, 20, 5}}, 24},
    {{4, {10, 20, 5, 128}}, 25},
    {{4, {10, 30}}, 16},
    {{4, {0}}, 0},
    {{6, {0xfd, 0x99}}, 32},
    {{6, {0}}, 0},
};
#define PREFIXES (sizeof prefixes / sizeof prefixes[0])

/* Of endpoints, of what may be routed, and of the network's that nobody has. */
static const char *const addresses[] = {"100.64.10.10", "100.64.10.11", "100.64.10.20",
    "100.64.10.21", "fd5a:10::10", "fd5a:10::11", "fd5a:10::20", "fd5a:10::21", "10.20.1.1",
    "10.20.5.1", "10.20.5.200", "10.30.0.1", "8.8.8.8", "fd99::1", "2001:db8::1", "100.64.10.99",
    "fd5a:10::99", "127.0.0.1"};
#define ADDRESSES (sizeof addresses / sizeof addresses[0])

struct rule {
	bool deny;
	int member, prefix; /* one of them; -1 */
	unsigned port; /* 0: all */
};

static struct {
	struct lm_dp_route routes[PREFIXES];
	uint16_t vias[PREFIXES][HOSTS];
	unsigned n_routes, gone;
	struct rule rules[HOSTS][2][RULES]; /* egress, ingress */
	unsigned n_rules[HOSTS][2];
} model;

/* ---- the slow reading ---- */

static bool served(unsigned host)
{
	return !(model.gone >> host & 1);
}

static const struct lm_dp_route *route_of(const struct lm_ip *ip)
{
	static const struct lm_prefix own[] = {
	    {{4, {100, 64, 10}}, 24}, {{6, {0xfd, 0x5a, 0, 0x10}}, 64}, {{4, {127}}, 8}};
	const struct lm_dp_route *best = NULL;

	for (unsigned i = 0; i < 3; i++)
		if (lm_prefix_contains(&own[i], ip))
			return NULL;
	for (unsigned i = 0; i < model.n_routes; i++) {
		const struct lm_dp_route *r = &model.routes[i];
		if (lm_prefix_contains(&r->prefix, ip) &&
		    (!best || r->prefix.len > best->prefix.len))
			best = r;
	}
	return best;
}

/* Who has the address, or is the first of those that route to it, and is served. */
static unsigned owner(const struct lm_ip *ip)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct lm_ip own =
		    rig_ip(ip->family == 4 ? rig_hosts[hosts[i]].ip4 : rig_hosts[hosts[i]].ip6);
		if (lm_ip_equal(&own, ip))
			return served(i) ? i : NOBODY;
	}
	const struct lm_dp_route *r = route_of(ip);
	for (unsigned i = 0; r && i < r->n_vias; i++)
		if (served(r->vias[i]))
			return r->vias[i];
	return NOBODY;
}

static bool may_send(unsigned host, const struct lm_ip *ip)
{
	struct lm_ip own4 = rig_ip(rig_hosts[hosts[host]].ip4),
		     own6 = rig_ip(rig_hosts[hosts[host]].ip6);
	const struct lm_dp_route *r = route_of(ip);

	if (lm_ip_equal(&own4, ip) || lm_ip_equal(&own6, ip))
		return true;
	for (unsigned i = 0; r && i < r->n_vias; i++)
		if (r->vias[i] == host)
			return true;
	return false;
}

static bool allows(unsigned own, unsigned way, unsigned peer, const struct lm_ip *ip, unsigned port)
{
	for (unsigned i = 0; i < model.n_rules[own][way]; i++) {
		const struct rule *r = &model.rules[own][way][i];
		if (r->port && r->port != port)
			continue;
		if (r->member >= 0 ? (unsigned)r->member == peer
				   : lm_prefix_contains(&prefixes[r->prefix], ip))
			return !r->deny;
	}
	return false;
}

/* Where the packet comes out; NOBODY: nowhere. */
static unsigned expect(
    unsigned from, const struct lm_ip *src, const struct lm_ip *dst, unsigned port)
{
	unsigned to = owner(dst), member = owner(src);

	if (!may_send(from, src) || to == NOBODY || to == from || src->family != dst->family)
		return NOBODY;
	return allows(member, 0, to, dst, port) && allows(to, 1, member, src, port) ? to : NOBODY;
}

/* ---- random models ---- */

static uint64_t state;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 16) % n);
}

static void random_routes(void)
{
	model.n_routes = 0;
	for (unsigned i = 0; i < PREFIXES; i++) {
		uint16_t *vias = model.vias[model.n_routes];
		unsigned n = 0;

		for (unsigned first = below(HOSTS), k = 0; k < HOSTS; k++)
			if (below(2))
				vias[n++] = (uint16_t)((first + k) % HOSTS);
		if (n > 0)
			model.routes[model.n_routes++] = (struct lm_dp_route){prefixes[i], vias, n};
	}
}

static void random_rules(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		for (unsigned way = 0; way < 2; way++) {
			model.n_rules[i][way] = 1 + below(RULES);
			for (unsigned k = 0; k < RULES; k++) {
				bool member = below(2);
				model.rules[i][way][k] = (struct rule){.deny = below(4) == 0,
				    .member = member ? (int)below(HOSTS) : -1,
				    .prefix = member ? -1 : (int)below(PREFIXES),
				    .port = below(3) ? 0 : 53};
			}
		}
}

static char *write_rules(void)
{
	struct fixture_text t = {0};
	char text[LM_PREFIX_TEXT];

	for (unsigned i = 0; i < HOSTS; i++) {
		const struct rig_host *h = &rig_hosts[hosts[i]];
		fixture_add(&t,
		    "  - {name: %s, deployment: 1, endpoints: [{provider: %c, ipv4: %s, ipv6: "
		    "\"%s\"}]",
		    h->member, h->gw ? 'b' : 'a', h->ip4, h->ip6);
		for (unsigned way = 0; way < 2; way++) {
			fixture_add(&t, ",\n     %s: [", way ? "ingress" : "egress");
			for (unsigned k = 0; k < model.n_rules[i][way]; k++) {
				const struct rule *r = &model.rules[i][way][k];
				fixture_add(&t, "%s{protocol: udp, ", k ? ", " : "");
				if (r->member >= 0)
					fixture_add(&t, "%s: %s", way ? "from" : "to",
					    rig_hosts[hosts[r->member]].member);
				else
					fixture_add(&t, "prefixes: \"%s\"",
					    lm_prefix_text(text, &prefixes[r->prefix]));
				if (r->port)
					fixture_add(&t, ", ports: %u", r->port);
				fixture_add(&t, ", action: %s}", r->deny ? "deny" : "allow");
			}
			fixture_add(&t, "]");
		}
		fixture_add(&t, "}\n");
	}
	return t.text;
}

static void publish(struct rig *r, const char *rules)
{
	for (unsigned g = 0; g < 2; g++) {
		r->routes[g] = model.routes;
		r->n_routes[g] = model.n_routes;
		r->gone[g] = model.gone;
		rig_publish(r, g, 0, rules);
	}
}

/* ---- comparing ---- */

/*
 * The answer of whoever got it goes to the source's owner; if that is not who sent it, by a gateway
 * that may not have seen the question, and judges the answer by itself.
 */
static unsigned expect_answer(unsigned from, unsigned got, const struct lm_ip *src,
    const struct lm_ip *dst, unsigned src_port)
{
	unsigned to = owner(src), gw = rig_hosts[hosts[to]].gw;

	if (to == got)
		return NOBODY;
	if (gw != rig_hosts[hosts[from]].gw && gw != rig_hosts[hosts[got]].gw)
		return expect(got, dst, src, src_port);
	return to;
}

/* Where it came out. */
static unsigned send_it(struct rig *r, const struct rig_packet *p)
{
	uint8_t frame[RIG_FRAME_MAX];
	unsigned to = NOBODY, n = 0;

	rig_send(r, p->from, frame, rig_build(r, frame, p));
	rig_run(r);
	for (unsigned g = 0; g < 2; g++)
		for (; rig_take(r, g, frame) > 0; n++)
			for (unsigned i = 0; i < HOSTS; i++)
				if (memcmp(frame, rig_hosts[hosts[i]].mac.b, 6) == 0)
					to = i;
	return n <= 1 ? to : HOSTS + 1;
}

static bool compare(struct rig *r, uint64_t seed, unsigned from, const char *src, const char *dst,
    uint16_t ports[2])
{
	struct lm_ip a = rig_ip(src), b = rig_ip(dst);
	struct rig_packet p = {.from = hosts[from],
	    .to = WEB,
	    .ipv6 = a.family == 6,
	    .src_ip = src,
	    .dst_ip = dst,
	    .protocol = IPPROTO_UDP,
	    .src_port = ports[0],
	    .dst_port = ports[1],
	    .payload = 16};
	unsigned expected = expect(from, &a, &b, ports[1]), got = send_it(r, &p);
	bool same = got == expected;

	/* Once more, by its flow. */
	if (same && got != NOBODY) {
		same = send_it(r, &p) == expected;
		p.from = hosts[got];
		p.src_ip = dst;
		p.dst_ip = src;
		p.src_port = ports[1];
		p.dst_port = ports[0];
		same = same && send_it(r, &p) == expect_answer(from, got, &a, &b, ports[0]);
	}
	if (!same)
		fprintf(stderr, "\n  seed %llu: %s as %s to %s port %u: at %u, expected %u\n",
		    (unsigned long long)seed, rig_hosts[hosts[from]].member, src, dst, ports[1],
		    got, expected);
	return same;
}

/* More often than not one that it may have. */
static const char *random_source(unsigned from)
{
	for (unsigned tries = below(12);; tries--) {
		const char *text = addresses[below(ADDRESSES)];
		struct lm_ip ip = rig_ip(text);
		if (tries == 0 || may_send(from, &ip))
			return text;
	}
}

static void run(struct rig *r, uint64_t seed, unsigned passed[2])
{
	uint16_t ports[2] = {1000, 0};

	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	/* The last seed's flows have ended. */
	for (unsigned g = 0; g < 2; g++)
		lm_dp_pass_time(r->gw[g].dp, 0, 1000);
	random_routes();
	random_rules();
	model.gone = below(3) ? 0 : 1u << below(HOSTS);
	char *rules = write_rules();
	publish(r, rules);
	free(rules);
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned from = below(HOSTS);
		const char *src = random_source(from), *dst = addresses[below(ADDRESSES)];

		if (!served(from) || !strchr(src, ':') != !strchr(dst, ':'))
			continue;
		struct lm_ip a = rig_ip(src), b = rig_ip(dst);
		ports[0]++; /* no flow has been seen */
		ports[1] = below(2) ? 53 : 54;
		passed[expect(from, &a, &b, ports[1]) != NOBODY]++;
		if (!compare(r, seed, from, src, dst, ports))
			CU_FAIL_FATAL("differs from the slow reading");
	}
}

static unsigned long env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void test_random(void)
{
	unsigned long first = env("LM_ROUTES_SEED", 1), n = env("LM_ROUTES_SEEDS", 400);
	struct rig *r = rig_create(&rig_one_worker);
	unsigned passed[2] = {0};

	for (unsigned long seed = first; seed < first + n; seed++)
		run(r, seed, passed);
	/* It is worth something only if both are common. */
	CU_ASSERT_TRUE(n < 100 || (passed[0] > 10 * n && passed[1] > n / 2));
	rig_end(r);
}

LM_SUITE("dp_routes_random", {"random", test_random})
