/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a compiled policy lies in memory. Private to lib/policy.
 *
 * Each list of rules (a member's egress, a member's ingress) is searched in two
 * independent dimensions: who the peer is, and where the packet goes, which is
 * one number: protocol << 16 | destination port. Each answers with a vector of
 * bits, one a rule; a rule matches if its bit is set in both. So a look-up costs
 * two binary searches and an AND of at most four words, however the tenant wrote
 * the rules: nobody can write a policy that makes other tenants' packets wait.
 * (Lakshman and Stiliadis, SIGCOMM 1998, with peers and targets as dimensions.)
 */
#ifndef LM_POLICY_LAYOUT_H
#define LM_POLICY_LAYOUT_H

#include <stdint.h>
#include "policy/policy.h"

struct lm_policy_list {
	uint32_t first_peer; /* into peers: members named by some rule, ascending */
	uint32_t first_point; /* into points */
	/*
	 * Into bits, vectors of `words` each: first for members that no rule names, then for each
	 * of the peers, then for each of the points.
	 */
	uint32_t first_bits;
	uint32_t n_points; /* a point starts a range of targets up to the next one; 0: no rules */
	uint16_t n_peers;
	uint16_t words;
};

struct lm_policy {
	uint32_t n_members;
	struct lm_policy_list *egress, *ingress; /* one a member */
	uint16_t *peers;
	uint32_t *points;
	uint64_t *bits;
};

#define LM_POLICY_WORD_BITS 64
#define LM_POLICY_WORDS_MAX (LM_RULES_MAX / LM_POLICY_WORD_BITS)
#define LM_POLICY_TARGET_END (UINT32_C(256) << 16) /* beyond every target */

_Static_assert(LM_RULES_MAX % LM_POLICY_WORD_BITS == 0, "vectors of whole words");

static inline uint32_t lm_policy_target(uint8_t protocol, uint16_t port)
{
	return (uint32_t)protocol << 16 | port;
}

#endif
