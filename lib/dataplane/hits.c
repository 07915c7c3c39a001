/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include "dataplane/hits.h"
#include "dataplane/lines.h"
#include "dataplane/worker.h"

#define LINE (RTE_CACHE_LINE_SIZE / sizeof(uint64_t)) /* counters */

struct lm_hits *lm_hits_create(const struct lm_policy *policy, unsigned n_workers)
{
	struct lm_hits *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->holders = 1;
	h->n = lm_policy_counters(policy);
	h->stride = (uint32_t)RTE_ALIGN_CEIL((size_t)h->n + 1, LINE);
	h->counts = lm_lines_alloc((size_t)n_workers * h->stride * sizeof(uint64_t));
	if (!h->counts) {
		free(h);
		return NULL;
	}
	return h;
}

struct lm_hits *lm_hits_hold(struct lm_hits *h)
{
	h->holders++;
	return h;
}

void lm_hits_release(struct lm_hits *h)
{
	if (!h || --h->holders > 0)
		return;
	free(h->counts);
	free(h);
}

uint64_t lm_dp_rule_hits(const struct lm_dp *dp, uint32_t index, const struct lm_policy *policy,
    uint16_t member, enum lm_way way, uint16_t rule)
{
	const struct lm_net *net = index < dp->config.max_networks ? dp->nets[index] : NULL;
	uint64_t sum = 0;

	if (!net || !policy || net->policy != policy)
		return 0;
	uint32_t at = lm_policy_counter(policy, member, way, rule);
	for (unsigned i = 0; i < dp->config.n_workers && at < net->hits->n; i++)
		sum += __atomic_load_n(
		    &net->hits->counts[(size_t)i * net->hits->stride + at], __ATOMIC_RELAXED);
	return sum;
}
