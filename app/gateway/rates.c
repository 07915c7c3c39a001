/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of endpoints and networks: whose word counts, and the workers' parts. */
#include "gateway.h"

struct lm_rates gw_attachment_rates(const struct gateway *gw, const struct gw_attachment *at)
{
	struct lm_rates rates = gw->config->endpoint_rates;

	for (unsigned i = 0; i < LM_RATE_MAX; i++)
		if (at->a.rates_given & 1u << i)
			rates.of[i] = at->a.rates.of[i];
	return rates;
}

void gw_rates_apply(struct gateway *gw)
{
	lm_dp_set_rates(gw->dp, &gw->config->network_rates, gw->config->rate_burst_ms);
	gw->attachments.unpublished = true;
}

uint64_t gw_rates_tick(struct gateway *gw, uint64_t now)
{
	if (gw->config->n_workers == 1 || !lm_dp_limited(gw->dp))
		return UINT64_MAX;
	if (now >= gw->balance_at) {
		lm_dp_balance(gw->dp);
		gw->balance_at = now + GW_BALANCE_EVERY;
	}
	return gw->balance_at;
}
