/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up a flow: on the workers, reads only. */
#include <stdbool.h>
#include <string.h>
#include "policy/layout.h"

/* The position of this key, or n. */
static uint32_t find_name(const uint16_t *names, uint32_t n, uint16_t name)
{
	uint32_t from = 0, to = n;
	while (from < to) {
		uint32_t middle = (from + to) / 2;
		if (names[middle] < name)
			from = middle + 1;
		else
			to = middle;
	}
	return from < n && names[from] == name ? from : n;
}

/* The last point that is not beyond this one. The first point is 0, so there is one. */
static uint32_t find_point(const uint32_t *points, uint32_t n, uint32_t at)
{
	uint32_t from = 0, to = n;
	while (to - from > 1) {
		uint32_t middle = (from + to) / 2;
		if (points[middle] <= at)
			from = middle;
		else
			to = middle;
	}
	return from;
}

static uint32_t find_point6(const struct lm_policy_ip6 *points, uint32_t n, struct lm_policy_ip6 at)
{
	uint32_t from = 0, to = n;
	while (to - from > 1) {
		uint32_t middle = (from + to) / 2;
		if (lm_policy_ip6_less(at, points[middle]))
			to = middle;
		else
			from = middle;
	}
	return from;
}

static void add_vector(uint64_t *who, const struct lm_policy *p, const struct lm_policy_list *l,
    const struct lm_policy_index *index, uint32_t i)
{
	const uint64_t *vector = p->bits + index->bits + (size_t)i * l->words;
	for (unsigned w = 0; w < l->words; w++)
		who[w] |= vector[w];
}

static void add_labels(
    uint64_t *who, const struct lm_policy *p, const struct lm_policy_list *l, uint16_t peer)
{
	if (l->labels.n == 0)
		return;
	for (uint32_t i = p->label_at[peer]; i < p->label_at[peer + 1]; i++) {
		uint32_t k = find_name(p->names + l->labels.first, l->labels.n, p->carried[i]);
		if (k < l->labels.n)
			add_vector(who, p, l, &l->labels, k);
	}
}

static void add_address(uint64_t *who, const struct lm_policy *p, const struct lm_policy_list *l,
    const struct lm_ip *ip)
{
	if (ip->family == 4 && l->ip4.n > 0)
		add_vector(who, p, l, &l->ip4,
		    find_point(p->points + l->ip4.first, l->ip4.n, lm_policy_ip4(ip)));
	if (ip->family == 6 && l->ip6.n > 0)
		add_vector(who, p, l, &l->ip6,
		    find_point6(p->points6 + l->ip6.first, l->ip6.n, lm_policy_ip6(ip)));
}

static void match_peer(uint64_t *who, const struct lm_policy *p, const struct lm_policy_list *l,
    uint16_t peer, const struct lm_ip *ip)
{
	memcpy(who, p->bits + l->any, l->words * sizeof(*who));
	/* Without keys of a kind there may be no array of it to point into. */
	if (l->members.n > 0) {
		uint32_t k = find_name(p->names + l->members.first, l->members.n, peer);
		if (k < l->members.n)
			add_vector(who, p, l, &l->members, k);
	}
	add_labels(who, p, l, peer);
	add_address(who, p, l, ip);
}

static uint16_t first_match(const struct lm_policy *p, const struct lm_policy_list *l,
    uint16_t peer, const struct lm_ip *ip, uint32_t target)
{
	uint64_t who[LM_POLICY_WORDS_MAX];
	if (l->words == 0)
		return LM_RULE_NONE;
	match_peer(who, p, l, peer, ip);
	uint32_t t = find_point(p->points + l->targets.first, l->targets.n, target);
	const uint64_t *where = p->bits + l->targets.bits + (size_t)t * l->words;
	for (unsigned w = 0; w < l->words; w++) {
		uint64_t both = who[w] & where[w];
		if (both)
			return (
			    uint16_t)(w * LM_POLICY_WORD_BITS + (unsigned)__builtin_ctzll(both));
	}
	return LM_RULE_NONE;
}

static uint32_t target_of(const struct lm_policy_key *key)
{
	uint8_t protocol = key->protocol;
	if (protocol == LM_PROTO_ICMP && key->src.family == 6)
		protocol = LM_PROTO_ICMPV6;
	return lm_policy_target(protocol, key->dst_port);
}

bool lm_policy_allows(
    const struct lm_policy *p, const struct lm_policy_key *key, enum lm_way way, uint16_t *rule)
{
	bool out = way == LM_EGRESS;
	uint16_t own = out ? key->src_member : key->dst_member;
	uint16_t peer = out ? key->dst_member : key->src_member;
	*rule = LM_RULE_NONE;
	if (own >= p->n_members || peer >= p->n_members)
		return false;
	const struct lm_policy_list *l = &p->lists[way][own];
	*rule = first_match(p, l, peer, out ? &key->dst : &key->src, target_of(key));
	return *rule == LM_RULE_NONE ? p->default_allow : !p->rules[l->first_rule + *rule].deny;
}

struct lm_ruling lm_policy_judge(const struct lm_policy *p, const struct lm_policy_key *key)
{
	struct lm_ruling r = {.verdict = LM_DENY_EGRESS, .ingress = LM_RULE_UNASKED};
	if (lm_policy_allows(p, key, LM_EGRESS, &r.egress))
		r.verdict =
		    lm_policy_allows(p, key, LM_INGRESS, &r.ingress) ? LM_ALLOW : LM_DENY_INGRESS;
	return r;
}

const struct lm_policy_rule *lm_policy_rule(
    const struct lm_policy *p, uint16_t member, enum lm_way way, uint16_t rule)
{
	if (member >= p->n_members || rule >= p->lists[way][member].n_rules)
		return NULL;
	return &p->rules[p->lists[way][member].first_rule + rule];
}

struct lm_flow_rate lm_policy_flow_rate(const struct lm_policy *p, uint32_t rate)
{
	return rate < p->info.n_rates ? p->rates[rate] : (struct lm_flow_rate){.n = 0};
}

uint32_t lm_policy_counters(const struct lm_policy *p)
{
	return p->info.n_rules + 2 * p->n_members;
}

uint32_t lm_policy_counter(
    const struct lm_policy *p, uint16_t member, enum lm_way way, uint16_t rule)
{
	if (member >= p->n_members)
		return UINT32_MAX;
	if (rule == LM_RULE_NONE)
		return p->info.n_rules + 2u * member + (unsigned)way;
	const struct lm_policy_list *l = &p->lists[way][member];
	return rule < l->n_rules ? l->first_rule + rule : UINT32_MAX;
}

struct lm_policy_info lm_policy_info(const struct lm_policy *p)
{
	return p->info;
}
