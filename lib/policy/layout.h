/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a compiled policy lies in memory. Private to lib/policy.
 *
 * Each list of rules (a member's egress, a member's ingress) is searched in
 * independent dimensions: which member the peer is, which labels it carries, which
 * address it has, and where the packet goes, which is one number: protocol << 16 |
 * destination port. Each answers with a vector of bits, one a rule. The peer matches
 * by any of the first three, so a rule matches if its bit is set in one of them and in
 * the last; of those that match the first decides. So a look-up costs a few binary
 * searches and as many ORs and ANDs of at most four words, however the tenant wrote
 * the rules: nobody can write a policy that makes other tenants' packets wait. And it
 * takes memory in proportion to the manifest's text.
 * (Lakshman and Stiliadis, SIGCOMM 1998, with peers and targets as dimensions.)
 */
#ifndef LM_POLICY_LAYOUT_H
#define LM_POLICY_LAYOUT_H

#include <stdint.h>
#include "policy/policy.h"

/* A dimension: n sorted keys, each with a vector. */
struct lm_policy_index {
	uint32_t first; /* into the array of keys of its kind */
	uint32_t n;
	uint32_t bits; /* into bits: the vector of the first key */
};

struct lm_policy_ip6 {
	uint64_t hi, lo; /* numbers, not bytes */
};

struct lm_policy_list {
	struct lm_policy_index members, labels; /* a key is what rules name; others are 0 */
	/* A key starts a range up to the next one. The first is 0, or there are none at all. */
	struct lm_policy_index targets, ip4, ip6;
	uint32_t any; /* into bits: rules that match every peer */
	uint32_t first_rule;
	uint16_t n_rules;
	uint16_t words; /* of a vector; 0: no rules */
};

struct lm_policy {
	unsigned holders; /* written by the control thread, not looked at by workers */
	uint32_t n_members;
	bool default_allow;
	struct lm_policy_list *lists[2]; /* by enum lm_way, one a member */
	struct lm_policy_rule *rules;
	struct lm_flow_rate *rates;
	uint32_t *label_at; /* of a member: into carried, up to the next member's */
	uint16_t *carried; /* labels */
	uint16_t *names; /* keys: members and labels */
	uint32_t *points; /* keys: targets and IPv4 addresses */
	struct lm_policy_ip6 *points6;
	uint64_t *bits;
	struct lm_policy_info info;
};

#define LM_POLICY_WORD_BITS 64
#define LM_POLICY_WORDS_MAX (LM_RULES_MAX / LM_POLICY_WORD_BITS)

_Static_assert(LM_RULES_MAX % LM_POLICY_WORD_BITS == 0, "vectors of whole words");
_Static_assert(LM_RULES_MAX < LM_RULE_UNASKED, "no rule is called like none");

static inline uint32_t lm_policy_target(uint8_t protocol, uint16_t port)
{
	return (uint32_t)protocol << 16 | port;
}

static inline uint32_t lm_policy_ip4(const struct lm_ip *ip)
{
	return (uint32_t)ip->b[0] << 24 | (uint32_t)ip->b[1] << 16 | (uint32_t)ip->b[2] << 8 |
	       ip->b[3];
}

static inline uint64_t lm_policy_word(const uint8_t *b)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < sizeof(v); i++)
		v = v << 8 | b[i];
	return v;
}

static inline struct lm_policy_ip6 lm_policy_ip6(const struct lm_ip *ip)
{
	return (struct lm_policy_ip6){.hi = lm_policy_word(ip->b), .lo = lm_policy_word(ip->b + 8)};
}

static inline bool lm_policy_ip6_less(struct lm_policy_ip6 a, struct lm_policy_ip6 b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

#endif
