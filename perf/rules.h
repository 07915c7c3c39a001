/* SPDX-License-Identifier: Apache-2.0 */
/* Random rules, and packets that they are about; the same in every run. */
#ifndef LM_PERF_RULES_H
#define LM_PERF_RULES_H

#include "policy/policy.h"

#define RULES_LIST 100 /* rules of one list */
#define RULES_PORT_MAX 2200 /* no rule is about a port above it */

uint32_t rules_below(uint32_t n);
/*
 * Lists of at most RULES_LIST, members' egress and ingress in turns, from the first member on; two
 * more members have none. Each rule has one peer, or any, and one range of ports.
 */
void rules_manifest(struct lm_manifest *m, unsigned rules);
/* So many members, each of which has so many rules, half of them of its egress. */
void rules_members(struct lm_manifest *m, unsigned members, unsigned rules);
void rules_manifest_free(struct lm_manifest *m);
/* Most are what some rule of the source is about, so that both sides are asked. */
struct lm_policy_key rules_packet(const struct lm_manifest *m);
/* The costliest lists that there can be: both of member 0. */
void rules_worst(struct lm_manifest *m);
void rules_worst_free(struct lm_manifest *m);

#endif
