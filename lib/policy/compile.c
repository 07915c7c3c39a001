/* SPDX-License-Identifier: Apache-2.0 */
/* From a manifest's rules to the vectors of layout.h: on the control thread. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "policy/layout.h"

#define TARGET_FIRST 0
#define EVENTS_MAX (2 * LM_RULES_MAX * LM_RULE_PORTS_MAX)
#define PAIRS_MAX (LM_RULES_MAX * LM_RULE_PEERS_MAX)

/* A rule names a peer. */
struct pair {
	uint16_t peer, rule;
};

/* A range of targets of a rule begins or ends here. */
struct event {
	uint32_t at;
	uint16_t rule;
	int16_t change; /* +1, -1 */
};

/* An array that grows. */
struct pool {
	void *data;
	size_t n, room;
};

struct compiler {
	struct lm_policy *policy;
	struct pool peers, points, bits;
	struct event *events; /* EVENTS_MAX, of the list that is compiled now */
	struct pair *pairs; /* PAIRS_MAX, likewise */
};

/* Room for n more items of this size; they are zero. NULL without memory. */
static void *pool_add(struct pool *p, size_t n, size_t size)
{
	if (p->n + n > p->room) {
		size_t room = p->room ? p->room : 64;
		while (room < p->n + n)
			room *= 2;
		void *data = reallocarray(p->data, room, size);
		if (!data)
			return NULL;
		p->data = data;
		p->room = room;
	}
	char *at = (char *)p->data + p->n * size;
	memset(at, 0, n * size);
	p->n += n;
	return at;
}

static void set_bit(uint64_t *vector, unsigned i)
{
	vector[i / LM_POLICY_WORD_BITS] |= UINT64_C(1) << i % LM_POLICY_WORD_BITS;
}

static void clear_bit(uint64_t *vector, unsigned i)
{
	vector[i / LM_POLICY_WORD_BITS] &= ~(UINT64_C(1) << i % LM_POLICY_WORD_BITS);
}

/* ---- who ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	return x->peer != y->peer ? (int)x->peer - y->peer : (int)x->rule - y->rule;
}

static unsigned collect_pairs(
    struct pair *pairs, uint64_t *unnamed, const struct lm_rule *rules, unsigned n_rules)
{
	unsigned n = 0;
	for (unsigned r = 0; r < n_rules; r++) {
		if (rules[r].any_peer)
			set_bit(unnamed, r);
		for (unsigned i = 0; i < rules[r].n_peers; i++)
			pairs[n++] = (struct pair){.peer = rules[r].peers[i], .rule = (uint16_t)r};
	}
	qsort(pairs, n, sizeof(*pairs), compare_pairs);
	return n;
}

static int compile_peers(
    struct compiler *c, struct lm_policy_list *list, const struct lm_rule *rules, unsigned n_rules)
{
	uint64_t unnamed[LM_POLICY_WORDS_MAX] = {0};
	unsigned n = collect_pairs(c->pairs, unnamed, rules, n_rules);
	uint64_t *vector = pool_add(&c->bits, list->words, sizeof(*vector));
	if (!vector)
		return -ENOMEM;
	memcpy(vector, unnamed, list->words * sizeof(*vector));
	for (unsigned i = 0; i < n; i++) {
		if (i == 0 || c->pairs[i].peer != c->pairs[i - 1].peer) {
			uint16_t *peer = pool_add(&c->peers, 1, sizeof(*peer));
			vector = pool_add(&c->bits, list->words, sizeof(*vector));
			if (!peer || !vector)
				return -ENOMEM;
			*peer = c->pairs[i].peer;
			memcpy(vector, unnamed, list->words * sizeof(*vector));
			list->n_peers++;
		}
		set_bit(vector, c->pairs[i].rule);
	}
	return 0;
}

/* ---- where to ---- */

static int compare_events(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

/* Targets from..to, inclusive. */
static unsigned add_range(
    struct event *events, unsigned n, unsigned rule, uint32_t from, uint32_t to)
{
	events[n++] = (struct event){.at = from, .rule = (uint16_t)rule, .change = 1};
	events[n++] = (struct event){.at = to + 1, .rule = (uint16_t)rule, .change = -1};
	return n;
}

static unsigned collect_events(struct event *events, const struct lm_rule *rules, unsigned n_rules)
{
	unsigned n = 0;
	for (unsigned r = 0; r < n_rules; r++) {
		const struct lm_rule *rule = &rules[r];
		uint8_t protocol = (uint8_t)rule->protocol;
		if (rule->protocol == LM_PROTO_ANY)
			n = add_range(events, n, r, TARGET_FIRST, LM_POLICY_TARGET_END - 1);
		else if (rule->n_ports == 0)
			n = add_range(events, n, r, lm_policy_target(protocol, 0),
			    lm_policy_target(protocol, UINT16_MAX));
		for (unsigned i = 0; i < rule->n_ports; i++)
			n = add_range(events, n, r, lm_policy_target(protocol, rule->ports[i].from),
			    lm_policy_target(protocol, rule->ports[i].to));
	}
	qsort(events, n, sizeof(*events), compare_events);
	return n;
}

static int add_point(
    struct compiler *c, struct lm_policy_list *list, uint32_t at, const uint64_t *vector)
{
	uint32_t *point = pool_add(&c->points, 1, sizeof(*point));
	uint64_t *bits = pool_add(&c->bits, list->words, sizeof(*bits));
	if (!point || !bits)
		return -ENOMEM;
	*point = at;
	memcpy(bits, vector, list->words * sizeof(*bits));
	list->n_points++;
	return 0;
}

/* Sweeps over the ranges' ends; a rule's own ranges may overlap, hence it counts them. */
static int compile_points(
    struct compiler *c, struct lm_policy_list *list, const struct lm_rule *rules, unsigned n_rules)
{
	unsigned n = collect_events(c->events, rules, n_rules);
	uint64_t now[LM_POLICY_WORDS_MAX] = {0}, last[LM_POLICY_WORDS_MAX];
	uint16_t depth[LM_RULES_MAX] = {0};
	uint32_t at = TARGET_FIRST;
	for (unsigned i = 0;;) {
		for (; i < n && c->events[i].at == at; i++) {
			unsigned r = c->events[i].rule;
			depth[r] = (uint16_t)(depth[r] + c->events[i].change);
			if (depth[r])
				set_bit(now, r);
			else
				clear_bit(now, r);
		}
		if (list->n_points == 0 || memcmp(now, last, sizeof(now)) != 0) {
			int err = add_point(c, list, at, now);
			if (err < 0)
				return err;
			memcpy(last, now, sizeof(last));
		}
		if (i == n)
			return 0;
		at = c->events[i].at;
	}
}

/* ---- the whole ---- */

static int compile_list(
    struct compiler *c, struct lm_policy_list *list, const struct lm_rule *rules, unsigned n_rules)
{
	if (n_rules == 0)
		return 0;
	list->words = (uint16_t)((n_rules + LM_POLICY_WORD_BITS - 1) / LM_POLICY_WORD_BITS);
	list->first_peer = (uint32_t)c->peers.n;
	list->first_point = (uint32_t)c->points.n;
	list->first_bits = (uint32_t)c->bits.n;
	int err = compile_peers(c, list, rules, n_rules);
	return err ? err : compile_points(c, list, rules, n_rules);
}

static int compile_members(struct compiler *c, const struct lm_manifest *m)
{
	struct lm_policy *p = c->policy;
	int err = 0;
	for (unsigned i = 0; i < m->n_members && err == 0; i++) {
		const struct lm_member *member = &m->members[i];
		err = compile_list(c, &p->egress[i], member->egress, member->n_egress);
		if (err == 0)
			err = compile_list(c, &p->ingress[i], member->ingress, member->n_ingress);
	}
	p->peers = c->peers.data;
	p->points = c->points.data;
	p->bits = c->bits.data;
	return err;
}

int lm_policy_compile(struct lm_policy **out, const struct lm_manifest *m)
{
	struct lm_policy *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	size_t n = m->n_members ? m->n_members : 1;
	p->n_members = m->n_members;
	p->egress = calloc(n, sizeof(*p->egress));
	p->ingress = calloc(n, sizeof(*p->ingress));
	struct compiler c = {.policy = p,
	    .events = calloc(EVENTS_MAX, sizeof(*c.events)),
	    .pairs = calloc(PAIRS_MAX, sizeof(*c.pairs))};
	int err = -ENOMEM;
	if (p->egress && p->ingress && c.events && c.pairs)
		err = compile_members(&c, m);
	free(c.events);
	free(c.pairs);
	if (err < 0) {
		lm_policy_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void lm_policy_free(struct lm_policy *p)
{
	if (!p)
		return;
	free(p->egress);
	free(p->ingress);
	free(p->peers);
	free(p->points);
	free(p->bits);
	free(p);
}
