/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's tests, asked of the compiled rules. An end of a test is a replica, or
 * all of a member's, or an address; one that is routed counts as each of the members it is routed
 * via. Where rules look at addresses, each that the replica may have is asked for; of a range,
 * since gateways give the address, its first and every one at which the answer may become another.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "policy/layout.h"

/* What one side's list says, over all addresses of the peer. */
struct answers {
	bool any[2]; /* by denied */
	uint16_t rule[2]; /* the first that says so */
	struct lm_ip at[2]; /* family 0: it does not depend on the address */
};

struct probing {
	const struct lm_policy *p;
	const struct lm_manifest *m;
	const struct lm_probe *probe;
	unsigned *steps;
	int family;
	enum lm_way way;
	struct answers *answers;
};

static const struct lm_policy_index *index_of(const struct probing *g)
{
	uint16_t own = g->way == LM_EGRESS ? g->probe->from.who.member : g->probe->to.who.member;
	const struct lm_policy_list *l = &g->p->lists[g->way][own];
	return g->family == 4 ? &l->ip4 : &l->ip6;
}

static bool spend(struct probing *g)
{
	return *g->steps > 0 && (*g->steps)--;
}

static int ask(struct probing *g, const struct lm_ip *peer)
{
	const struct lm_probe *probe = g->probe;
	struct lm_policy_key key = {.src_member = probe->from.who.member,
	    .dst_member = probe->to.who.member,
	    .protocol = probe->protocol,
	    .dst_port = probe->port,
	    .src = {.family = (uint8_t)g->family},
	    .dst = {.family = (uint8_t)g->family}};
	uint16_t rule;
	if (!spend(g))
		return -E2BIG;
	if (peer)
		*(g->way == LM_EGRESS ? &key.dst : &key.src) = *peer;
	bool denied = !lm_policy_allows(g->p, &key, g->way, &rule);
	struct answers *a = g->answers;
	if (a->any[denied])
		return 0;
	a->any[denied] = true;
	a->rule[denied] = rule;
	if (peer)
		a->at[denied] = *peer;
	return 0;
}

/* ---- the peer's addresses ---- */

static struct lm_ip point_ip(const struct probing *g, const struct lm_policy_index *x, uint32_t i)
{
	struct lm_ip ip = {.family = (uint8_t)g->family};
	if (g->family == 4) {
		uint32_t v = g->p->points[x->first + i];
		for (unsigned b = 0; b < 4; b++)
			ip.b[b] = (uint8_t)(v >> (24 - 8 * b));
		return ip;
	}
	const struct lm_policy_ip6 *v = &g->p->points6[x->first + i];
	for (unsigned b = 0; b < 8; b++) {
		ip.b[b] = (uint8_t)(v->hi >> (56 - 8 * b));
		ip.b[8 + b] = (uint8_t)(v->lo >> (56 - 8 * b));
	}
	return ip;
}

static int ask_range(struct probing *g, const struct lm_prefix *range)
{
	const struct lm_policy_index *x = index_of(g);
	int err = ask(g, &range->ip);
	for (uint32_t i = 0; i < x->n && err == 0; i++) {
		struct lm_ip ip = point_ip(g, x, i);
		if (!spend(g))
			return -E2BIG;
		if (lm_prefix_contains(range, &ip))
			err = ask(g, &ip);
	}
	return err;
}

static const struct lm_prefix *prefix_of(const struct probing *g)
{
	return g->family == 4 ? &g->m->ipv4 : &g->m->ipv6;
}

/* The replicas that are meant: from the n-th endpoint on. */
static unsigned replicas_of(
    const struct probing *g, const struct lm_probe_end *end, const struct lm_endpoint **first)
{
	const struct lm_member *member = &g->m->members[end->who.member];
	*first = g->m->endpoints + member->first_endpoint +
		 (end->who.replica > 0 ? end->who.replica : 0);
	return end->who.replica >= 0 ? 1 : member->n_endpoints;
}

/* Can it have an address of the family? A member without replicas may get one. */
static bool has_family(const struct probing *g, const struct lm_probe_end *end)
{
	const struct lm_endpoint *e;
	unsigned n = replicas_of(g, end, &e);
	if (end->ip.family)
		return g->family == end->ip.family;
	if (!prefix_of(g)->ip.family)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (lm_endpoint_given(&e[i]) || (g->family == 4 ? e[i].ipv4 : e[i].ipv6).family)
			return true;
	return n == 0;
}

static int ask_replicas(struct probing *g, const struct lm_probe_end *peer)
{
	const struct lm_endpoint *e;
	unsigned n = replicas_of(g, peer, &e);
	bool given = false;
	if (peer->ip.family)
		return ask(g, &peer->ip);
	int err = n == 0 ? ask_range(g, prefix_of(g)) : 0;
	for (unsigned i = 0; i < n && err == 0; i++) {
		const struct lm_ip *ip = g->family == 4 ? &e[i].ipv4 : &e[i].ipv6;
		given |= lm_endpoint_given(&e[i]);
		if (ip->family)
			err = ask(g, ip);
	}
	struct lm_prefix pool = lm_manifest_pool(g->m, g->family);
	return given && err == 0 ? ask_range(g, &pool) : err;
}

static int ask_side(struct probing *g, enum lm_way way, struct answers *a)
{
	g->way = way;
	g->answers = a;
	if (index_of(g)->n == 0)
		return ask(g, NULL);
	return ask_replicas(g, way == LM_EGRESS ? &g->probe->to : &g->probe->from);
}

/* ---- the verdict ---- */

/* "the egress of web (line 23, for 100.64.10.20)" */
#define SIDE_TEXT (LM_NAME_MAX + LM_IP_TEXT + 64)

static const char *side_text(char out[SIDE_TEXT], const struct probing *g, enum lm_way way,
    const struct answers *a, bool denied)
{
	bool egress = way == LM_EGRESS;
	uint16_t member = egress ? g->probe->from.who.member : g->probe->to.who.member;
	const struct lm_policy_rule *rule = lm_policy_rule(g->p, member, way, a->rule[denied]);
	char ip[LM_IP_TEXT], by[32] = "no rule for it";
	const char *at = a->at[denied].family ? lm_ip_text(ip, &a->at[denied]) : NULL;
	if (rule)
		snprintf(by, sizeof(by), "line %u", rule->line);
	snprintf(out, SIDE_TEXT, "the %s of %s (%s%s%s)", egress ? "egress" : "ingress",
	    g->m->members[member].name, by, at ? ", for " : "", at ? at : "");
	return out;
}

static int judge_family(struct probing *g, struct lm_why *why)
{
	struct answers out = {.any = {false}}, in = {.any = {false}};
	char a[SIDE_TEXT], b[SIDE_TEXT];
	int err = ask_side(g, LM_EGRESS, &out);
	if (err == 0)
		err = ask_side(g, LM_INGRESS, &in);
	if (err < 0)
		return lm_why(why, -err, "the tests ask for too many addresses");
	if (!g->probe->deny && (out.any[true] || in.any[true]))
		return lm_why(why, EINVAL, "expected allow, but %s denies it",
		    out.any[true] ? side_text(a, g, LM_EGRESS, &out, true)
				  : side_text(a, g, LM_INGRESS, &in, true));
	if (g->probe->deny && out.any[false] && in.any[false])
		return lm_why(why, EINVAL, "expected deny, but %s and %s allow it",
		    side_text(a, g, LM_EGRESS, &out, false),
		    side_text(b, g, LM_INGRESS, &in, false));
	return 0;
}

/* In all families in which the two may meet. *asked: there was one. */
static int judge_pair(struct probing *g, bool *asked, struct lm_why *why)
{
	int err = 0;
	for (g->family = 4; g->family <= 6 && err == 0; g->family += 2) {
		if ((g->family == 4 && g->probe->protocol == LM_PROTO_ICMPV6) ||
		    !has_family(g, &g->probe->from) || !has_family(g, &g->probe->to))
			continue;
		*asked = true;
		err = judge_family(g, why);
	}
	return err;
}

/* A routed address may be of any member that it is routed via: the i-th. False: there is none. */
static bool choose(struct lm_probe_end *end, const struct lm_manifest *m, unsigned i)
{
	if (end->route < 0)
		return i == 0;
	const struct lm_route *r = &m->routes[end->route];
	if (i >= r->n_vias)
		return false;
	end->who = r->vias[i];
	return true;
}

int lm_policy_probe(const struct lm_policy *p, const struct lm_manifest *m, unsigned i,
    unsigned *steps, struct lm_why *why)
{
	struct lm_probe probe = m->probes[i];
	struct probing g = {.p = p, .m = m, .probe = &probe, .steps = steps};
	bool asked = false;
	int err = 0;
	for (unsigned a = 0; err == 0 && choose(&probe.from, m, a); a++)
		for (unsigned b = 0; err == 0 && choose(&probe.to, m, b); b++)
			err = judge_pair(&g, &asked, why);
	if (err < 0 || asked)
		return err;
	return lm_why(why, EINVAL, "the two have no addresses between which this could be sent");
}

int lm_policy_make(
    struct lm_policy **out, const struct lm_manifest *m, const char *file, struct lm_why *why)
{
	struct lm_policy *p;
	unsigned steps = LM_PROBE_STEPS_MAX;
	int err = lm_policy_compile(&p, m);
	*out = NULL;
	if (err == -E2BIG)
		return lm_why(why, E2BIG, "%s: the rules take more than %u bytes compiled", file,
		    LM_POLICY_BYTES_MAX);
	if (err < 0)
		return lm_why(why, -err, "%s: not enough memory for the rules", file);
	for (unsigned i = 0; i < m->n_probes && err == 0; i++) {
		struct lm_why reason = {{0}};
		err = lm_policy_probe(p, m, i, &steps, &reason);
		if (err < 0)
			lm_why(why, -err, "%s:%u: tests[%u]: %s", file, m->probes[i].line, i,
			    reason.text);
	}
	if (err == 0)
		*out = p;
	else
		lm_policy_free(p);
	return err;
}

int lm_policy_check(const struct lm_manifest *m, const char *file, struct lm_why *why)
{
	struct lm_policy *p;
	int err = lm_policy_make(&p, m, file, why);
	lm_policy_free(p);
	return err;
}
