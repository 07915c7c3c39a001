/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/quotas.h"

#include <stdlib.h>
#include <string.h>
#include <rte_common.h>
#include "dataplane/lines.h"
#include "dataplane/worker.h"

/*
 * A worker's part: flows come to workers by a hash, so evenly if there are many. What one may have
 * at once is its part of what the rate allows in a second, minute or hour, and one flow at least,
 * since a worker that could never have any would break the flows that hash to it.
 */
static struct lm_quota bucket_of(struct lm_flow_rate rate, unsigned n_workers, uint64_t hz)
{
	return (struct lm_quota){.cost = hz * rate.seconds * n_workers / rate.n,
	    .burst = (rate.n + n_workers - 1) / n_workers};
}

static struct lm_quota *buckets_of(const struct lm_quotas *r, unsigned worker)
{
	return (struct lm_quota *)((char *)r->buckets + (size_t)worker * r->stride);
}

struct lm_quotas *lm_quotas_create(const struct lm_policy *policy, unsigned n_workers, uint64_t hz)
{
	struct lm_quotas *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->holders = 1;
	r->n = lm_policy_info(policy).n_rates;
	r->stride = (uint32_t)RTE_ALIGN_CEIL(r->n * sizeof(struct lm_quota), RTE_CACHE_LINE_SIZE);
	r->buckets = lm_lines_alloc((size_t)n_workers * r->stride);
	if (!r->buckets) {
		free(r);
		return NULL;
	}
	for (unsigned w = 0; w < n_workers; w++)
		for (uint32_t i = 0; i < r->n; i++)
			buckets_of(r, w)[i] =
			    bucket_of(lm_policy_flow_rate(policy, i), n_workers, hz);
	return r;
}

struct lm_quotas *lm_quotas_hold(struct lm_quotas *r)
{
	if (r)
		r->holders++;
	return r;
}

void lm_quotas_release(struct lm_quotas *r)
{
	if (!r || --r->holders > 0)
		return;
	free(r->buckets);
	free(r);
}

/* NULL: this side's rule has no rate, or no rule decided. */
static struct lm_quota *find(
    const struct lm_net *net, unsigned worker, uint16_t member, enum lm_way way, uint16_t rule)
{
	const struct lm_policy_rule *r = lm_policy_rule(net->policy, member, way, rule);

	return r && r->rate < net->quotas->n ? &buckets_of(net->quotas, worker)[r->rate] : NULL;
}

static bool has(const struct lm_quota *b, uint64_t now)
{
	return !b || lm_limit_has(&b->limit, now, b->cost, b->burst);
}

bool lm_quotas_allow(const struct lm_net *net, unsigned worker, uint64_t now,
    struct lm_ruling *ruling, uint16_t src_member, uint16_t dst_member)
{
	if (!has(find(net, worker, src_member, LM_EGRESS, ruling->egress), now))
		ruling->verdict = LM_OVER_EGRESS;
	else if (!has(find(net, worker, dst_member, LM_INGRESS, ruling->ingress), now))
		ruling->verdict = LM_OVER_INGRESS;
	return ruling->verdict == LM_ALLOW;
}

static void refuse(struct lm_quota *b)
{
	__atomic_store_n(&b->refused, b->refused + 1, __ATOMIC_RELAXED);
}

void lm_quotas_count(const struct lm_net *net, unsigned worker, uint64_t now,
    const struct lm_ruling *ruling, uint16_t src_member, uint16_t dst_member)
{
	struct lm_quota *out = find(net, worker, src_member, LM_EGRESS, ruling->egress),
			*in = find(net, worker, dst_member, LM_INGRESS, ruling->ingress);

	if (ruling->verdict == LM_OVER_EGRESS)
		refuse(out);
	if (ruling->verdict == LM_OVER_INGRESS)
		refuse(in);
	if (ruling->verdict != LM_ALLOW)
		return;
	if (out)
		lm_limit_take(&out->limit, now, out->cost, out->burst);
	if (in)
		lm_limit_take(&in->limit, now, in->cost, in->burst);
}

/* ---- on the control lcore -------------------------------------------------- */

uint64_t lm_dp_rule_refused(const struct lm_dp *dp, uint32_t index, const struct lm_policy *policy,
    uint16_t member, enum lm_way way, uint16_t rule)
{
	const struct lm_net *net = index < dp->config.max_networks ? dp->nets[index] : NULL;
	uint64_t sum = 0;

	if (!net || !policy || net->policy != policy || !net->quotas)
		return 0;
	for (unsigned i = 0; i < dp->config.n_workers; i++) {
		const struct lm_quota *b = find(net, i, member, way, rule);
		if (b)
			sum += __atomic_load_n(&b->refused, __ATOMIC_RELAXED);
	}
	return sum;
}
