/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of targets and of addresses: a sweep over their ends, which makes a point,
 * and a vector, wherever the set of rules becomes another one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/compiler.h"

#define TARGET_MAX ((UINT32_C(256) << 16) - 1)

/* A range of a rule begins or ends here. */
struct event {
	struct lm_policy_ip6 at; /* targets and IPv4 addresses: .lo */
	uint16_t rule;
	int8_t change; /* +1, -1 */
	uint8_t except; /* what the rule does not match */
};

/* How deep in ranges of each rule, and of its exceptions, the sweep is: they may overlap. */
struct sweep {
	uint32_t depth[LM_RULES_MAX][2];
	uint64_t now[LM_POLICY_WORDS_MAX], last[LM_POLICY_WORDS_MAX];
};

static int compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	return lm_policy_ip6_less(y->at, x->at) - lm_policy_ip6_less(x->at, y->at);
}

/* From `from` to `to`, inclusive; max: the last there is, beyond which nothing begins. */
static int add_range(struct lm_compiler *c, unsigned rule, bool except, struct lm_policy_ip6 from,
    struct lm_policy_ip6 to, struct lm_policy_ip6 max)
{
	struct event *e;
	int err = lm_compiler_scratch(&c->events, 1, sizeof(*e), &e);
	if (err < 0)
		return err;
	*e = (struct event){.at = from, .rule = (uint16_t)rule, .change = 1, .except = except};
	if (!lm_policy_ip6_less(to, max))
		return 0;
	err = lm_compiler_scratch(&c->events, 1, sizeof(*e), &e);
	if (err < 0)
		return err;
	to.lo++;
	to.hi += to.lo == 0;
	*e = (struct event){.at = to, .rule = (uint16_t)rule, .change = -1, .except = except};
	return 0;
}

static int add_point(
    struct lm_compiler *c, struct lm_policy_index *index, struct lm_policy_ip6 at, bool wide)
{
	void *key;
	int err = wide ? lm_compiler_add(c, &c->points6, 1, sizeof(at), &key)
		       : lm_compiler_add(c, &c->points, 1, sizeof(uint32_t), &key);
	if (err < 0)
		return err;
	if (wide)
		*(struct lm_policy_ip6 *)key = at;
	else
		*(uint32_t *)key = (uint32_t)at.lo;
	index->n++;
	return 0;
}

static void cross(struct sweep *s, const struct event *e)
{
	uint32_t *depth = s->depth[e->rule];
	uint64_t bit = UINT64_C(1) << e->rule % LM_POLICY_WORD_BITS;
	uint64_t *word = &s->now[e->rule / LM_POLICY_WORD_BITS];
	depth[e->except] += (uint32_t)e->change;
	*word = depth[0] > 0 && depth[1] == 0 ? *word | bit : *word & ~bit;
}

static int sweep(struct lm_compiler *c, struct lm_policy_index *index, bool wide)
{
	struct sweep s = {.depth = {{0}}};
	struct event *events = c->events.data;
	size_t n = c->events.n;
	struct lm_policy_ip6 at = {0};
	index->first = (uint32_t)(wide ? c->points6.n : c->points.n);
	index->bits = (uint32_t)c->bits.n;
	if (n == 0)
		return 0;
	qsort(events, n, sizeof(*events), compare_events);
	for (size_t i = 0;;) {
		while (i < n && !lm_policy_ip6_less(at, events[i].at))
			cross(&s, &events[i++]);
		if (index->n == 0 || memcmp(s.now, s.last, sizeof(s.now)) != 0) {
			uint64_t *vector;
			int err = add_point(c, index, at, wide);
			if (err == 0)
				err = lm_compiler_add(
				    c, &c->bits, c->words, sizeof(*vector), &vector);
			if (err < 0)
				return err;
			memcpy(vector, s.now, c->words * sizeof(*vector));
			memcpy(s.last, s.now, sizeof(s.last));
		}
		if (i == n)
			return 0;
		at = events[i].at;
	}
}

/* ---- where to ---- */

static int add_targets(struct lm_compiler *c, unsigned rule, uint32_t from, uint32_t to)
{
	const struct lm_policy_ip6 a = {.lo = from}, b = {.lo = to}, max = {.lo = TARGET_MAX};
	return add_range(c, rule, false, a, b, max);
}

static int add_protocol(struct lm_compiler *c, unsigned rule, uint8_t protocol)
{
	return add_targets(
	    c, rule, lm_policy_target(protocol, 0), lm_policy_target(protocol, UINT16_MAX));
}

static int collect_targets(struct lm_compiler *c, unsigned r)
{
	const struct lm_rule *rule = &c->list[r];
	uint8_t protocol = (uint8_t)rule->protocol;
	int err = 0;
	if (rule->protocol == LM_PROTO_ANY)
		return add_targets(c, r, 0, TARGET_MAX);
	if (rule->n_ports == 0)
		err = add_protocol(c, r, protocol);
	if (rule->protocol == LM_PROTO_ICMP && err == 0)
		err = add_protocol(c, r, LM_PROTO_ICMPV6);
	for (unsigned i = 0; i < rule->n_ports && err == 0; i++)
		err = add_targets(c, r, lm_policy_target(protocol, rule->ports[i].from),
		    lm_policy_target(protocol, rule->ports[i].to));
	return err;
}

int lm_compile_targets(struct lm_compiler *c, struct lm_policy_index *index)
{
	int err = 0;
	c->events.n = 0;
	for (unsigned r = 0; r < c->n_list && err == 0; r++)
		err = collect_targets(c, r);
	return err ? err : sweep(c, index, false);
}

/* ---- the peer's address ---- */

static int add_prefix(struct lm_compiler *c, unsigned rule, bool except, const struct lm_prefix *p)
{
	bool wide = p->ip.family == 6;
	struct lm_policy_ip6 from =
	    wide ? lm_policy_ip6(&p->ip) : (struct lm_policy_ip6){.lo = lm_policy_ip4(&p->ip)};
	struct lm_policy_ip6 to = from;
	const struct lm_policy_ip6 max = {
	    .hi = wide ? UINT64_MAX : 0, .lo = wide ? UINT64_MAX : UINT32_MAX};
	unsigned host = (wide ? 128 : 32) - p->len;
	to.lo |= host >= 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	if (host > 64)
		to.hi |= host == 128 ? UINT64_MAX : (UINT64_C(1) << (host - 64)) - 1;
	return add_range(c, rule, except, from, to, max);
}

static int collect_prefixes(struct lm_compiler *c, unsigned rule, bool except,
    const struct lm_prefix *list, unsigned n, int family)
{
	int err = 0;
	for (unsigned i = 0; i < n && err == 0; i++)
		if (list[i].ip.family == family)
			err = add_prefix(c, rule, except, &list[i]);
	return err;
}

int lm_compile_addresses(struct lm_compiler *c, struct lm_policy_index *index, int family)
{
	int err = 0;
	c->events.n = 0;
	for (unsigned r = 0; r < c->n_list && err == 0; r++) {
		const struct lm_rule *rule = &c->list[r];
		err = collect_prefixes(c, r, false, rule->prefixes, rule->n_prefixes, family);
		if (err == 0)
			err = collect_prefixes(c, r, true, rule->except, rule->n_except, family);
	}
	return err ? err : sweep(c, index, family == 6);
}
