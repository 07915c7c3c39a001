/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each rule of a network decided. Made by the control lcore with the
 * network's table, and shared by all tables of the network with the same policy;
 * each worker writes an array of its own.
 */
#ifndef LM_DATAPLANE_HITS_H
#define LM_DATAPLANE_HITS_H

#include "policy/policy.h"

struct lm_hits {
	unsigned holders; /* control's alone */
	uint32_t n; /* counters of each worker */
	uint32_t stride; /* from one worker's to the next one's: whole cache lines */
	uint64_t *counts;
};

/* NULL: no memory. */
struct lm_hits *lm_hits_create(const struct lm_policy *policy, unsigned n_workers);
struct lm_hits *lm_hits_hold(struct lm_hits *h);
/* The last one to call it frees it; NULL is allowed. */
void lm_hits_release(struct lm_hits *h);

/* On the worker. at: see lm_policy_counter; what is none of them is not counted. */
static inline void lm_hits_count(const struct lm_hits *h, unsigned worker, uint32_t at)
{
	if (at < h->n)
		h->counts[(size_t)worker * h->stride + at]++;
}

#endif
