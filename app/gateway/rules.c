/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of networks, compiled: once for each manifest, though a network is
 * published whenever an endpoint comes, goes or moves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gateway.h"
#include "policy/policy.h"

#define LM_LOG_MODULE "rules"

int gw_rules_open(struct gateway *gw)
{
	gw->rules = calloc(gw->config->max_networks, sizeof(gw->rules[0]));
	return gw->rules ? 0 : -ENOMEM;
}

void gw_rules_drop(struct gateway *gw, uint32_t index)
{
	lm_policy_free(gw->rules[index].policy);
	gw->rules[index] = (struct gw_rules){0};
}

void gw_rules_close(struct gateway *gw)
{
	for (uint32_t i = 0; gw->rules && i < gw->config->max_networks; i++)
		gw_rules_drop(gw, i);
	free(gw->rules);
	gw->rules = NULL;
}

int gw_rules_get(struct gateway *gw, const struct lm_network *net, struct lm_policy **out)
{
	struct gw_rules *r = &gw->rules[net->index];
	uint64_t begin = gw_now().mono;
	struct lm_policy *policy;

	if (!r->policy || memcmp(r->hash, net->sm->hash, sizeof(r->hash)) != 0) {
		int err = lm_policy_compile(&policy, net->manifest);
		if (err)
			return err;
		gw_rules_drop(gw, net->index);
		r->policy = policy;
		r->compile_us = (gw_now().mono - begin) / 1000;
		memcpy(r->hash, net->sm->hash, sizeof(r->hash));
		struct lm_policy_info info = lm_policy_info(policy);
		lm_debug("network '%s': %u rules compiled in %llu us to %zu bytes",
		    net->manifest->network, info.n_rules, (unsigned long long)r->compile_us,
		    info.bytes);
	}
	*out = lm_policy_hold(r->policy);
	return 0;
}
