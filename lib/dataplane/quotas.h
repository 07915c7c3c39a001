/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rates of a network's rules: how many new flows each may let in. Made by the
 * control lcore with the network's table, and shared by all tables of the network with
 * the same policy; each worker has buckets of its own, and an equal part of each rate.
 */
#ifndef LM_DATAPLANE_QUOTAS_H
#define LM_DATAPLANE_QUOTAS_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/limit.h"
#include "policy/policy.h"

struct lm_quota {
	struct lm_limit limit;
	uint64_t cost; /* cycles a flow; constant, as burst */
	uint64_t refused; /* control reads it, too */
	uint32_t burst;
};

struct lm_quotas {
	unsigned holders; /* control's alone */
	uint32_t n; /* buckets of each worker */
	uint32_t stride; /* from one worker's to the next one's: whole cache lines */
	struct lm_quota *buckets;
};

/* Of a policy with rates. hz: cycles a second. NULL: no memory. */
struct lm_quotas *lm_quotas_create(const struct lm_policy *policy, unsigned n_workers, uint64_t hz);
/* NULL is allowed, and returned. */
struct lm_quotas *lm_quotas_hold(struct lm_quotas *r);
/* The last one to call it frees it; NULL is allowed. */
void lm_quotas_release(struct lm_quotas *r);

/* ---- on the worker, of a network with rates -------------------------------- */

struct lm_net;
/*
 * May one more flow begin that these rules allow? False: *ruling says which side's rule has no
 * more. Nothing is taken yet: the flow may fail for another reason.
 */
bool lm_quotas_allow(const struct lm_net *net, unsigned worker, uint64_t now,
    struct lm_ruling *ruling, uint16_t src_member, uint16_t dst_member);
/* It has begun, or was refused. */
void lm_quotas_count(const struct lm_net *net, unsigned worker, uint64_t now,
    const struct lm_ruling *ruling, uint16_t src_member, uint16_t dst_member);

#endif
