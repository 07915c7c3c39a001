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

void gw_rules_offer(struct gateway *gw, struct lm_document *d, uint64_t us)
{
	gw->offer =
	    (struct gw_rules_offer){.document = d && d->sm && d->policy ? d : NULL, .us = us};
	if (gw->offer.document)
		memcpy(gw->offer.hash, d->sm->hash, sizeof(gw->offer.hash));
}

/* Compiled by the reader, or now. */
static int compile(struct gateway *gw, const struct lm_network *net, struct gw_rules *out)
{
	struct gw_rules_offer *offer = &gw->offer;
	uint64_t begin = gw_now().mono;

	memcpy(out->hash, net->sm->hash, sizeof(out->hash));
	if (offer->document && memcmp(offer->hash, out->hash, sizeof(out->hash)) == 0) {
		out->policy = offer->document->policy;
		out->compile_us = offer->us;
		offer->document->policy = NULL;
		offer->document = NULL;
		return 0;
	}
	int err = lm_policy_compile(&out->policy, net->manifest);
	out->compile_us = (gw_now().mono - begin) / 1000;
	return err;
}

int gw_rules_get(struct gateway *gw, const struct lm_network *net, struct lm_policy **out)
{
	struct gw_rules *r = &gw->rules[net->index], fresh;

	if (!r->policy || memcmp(r->hash, net->sm->hash, sizeof(r->hash)) != 0) {
		int err = compile(gw, net, &fresh);
		if (err)
			return err;
		gw_rules_drop(gw, net->index);
		*r = fresh;
		struct lm_policy_info info = lm_policy_info(r->policy);
		lm_debug("network '%s': %u rules compiled in %llu us to %zu bytes",
		    net->manifest->network, info.n_rules, (unsigned long long)r->compile_us,
		    info.bytes);
	}
	*out = lm_policy_hold(r->policy);
	return 0;
}
