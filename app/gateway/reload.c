/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reload: parse all, compare, then merge. A file with an error, or one that changes
 * what only a restart can change, leaves everything as it was.
 */
#include <errno.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "reload"

/* Applying announces our addresses to all neighbours: not with every reload. */
static bool underlay_differs(const struct lm_gateway_config *a, const struct lm_gateway_config *b)
{
	bool same = a->n_addrs == b->n_addrs && lm_ip_equal(&a->gateway4, &b->gateway4) &&
		    lm_ip_equal(&a->gateway6, &b->gateway6);

	for (unsigned i = 0; same && i < a->n_addrs; i++)
		same = lm_ip_equal(&a->addrs[i].ip, &b->addrs[i].ip) &&
		       a->addrs[i].len == b->addrs[i].len;
	return !same;
}

/* What routers advertise; the MTU is published to the workers as well. */
static bool advertised_differs(const struct lm_gateway_config *a, const struct lm_gateway_config *b)
{
	return a->default_route != b->default_route || strcmp(a->domain, b->domain) != 0;
}

static bool rates_differ(const struct lm_gateway_config *a, const struct lm_gateway_config *b)
{
	return !lm_rates_equal(&a->endpoint_rates, &b->endpoint_rates) ||
	       !lm_rates_equal(&a->network_rates, &b->network_rates) ||
	       a->rate_burst_ms != b->rate_burst_ms;
}

static int apply(struct gateway *gw, struct lm_gateway_config *old, struct lm_why *text)
{
	bool underlay = underlay_differs(old, gw->config);
	int err = underlay ? gw_underlay_apply(gw) : 0;

	if (err)
		return lm_why(text, -err, "underlay: %s", strerror(-err));
	err = gw_owners_apply(gw);
	if (err)
		return lm_why(text, -err, "owners: %s", strerror(-err));
	err = gw_dns_apply(gw);
	if (err)
		return lm_why(text, -err, "dns: %s", strerror(-err));
	lm_log_set_level(gw->config->log_level);
	lm_dp_set_busy_poll(gw->dp, gw->config->busy_poll);
	lm_dp_set_flow_seconds(gw->dp, &gw->config->flow_seconds);
	if (rates_differ(old, gw->config)) {
		gw_rates_apply(gw);
		gw_attachments_publish(gw);
	}

	/* The next hop or the source of a path may be another one now, and so may we be for peers.
	 */
	if (underlay) {
		struct lm_now now = gw_now();
		gw_paths_refresh(gw);
		lm_membership_moved(gw->membership, &now);
	}
	if (old->workload_mtu != gw->config->workload_mtu || gw->tunnel_mtu_changed) {
		gw_attachments_settle(gw, GW_ALL_NETWORKS);
		gw->tunnel_mtu_changed = false;
	} else if (advertised_differs(old, gw->config)) {
		gw_advertise_network(gw, GW_ALL_NETWORKS);
	}
	return 0;
}

int gw_reload(struct gateway *gw, struct lm_why *text)
{
	struct lm_gateway_config *old = gw->config, *next = NULL;

	text->text[0] = '\0';
	int err = lm_config_load(&next, gw->config_path, text);
	if (!err)
		err = lm_config_restart_needed(old, next, gw->config_path, text);
	if (err) {
		lm_error("%s; nothing was changed", text->text);
		lm_config_free(next);
		return err;
	}
	gw->config = next;
	err = apply(gw, old, text);
	if (err) {
		/* What was in force was applied once, so it can be again. */
		struct lm_why ignored = {0};
		gw->config = old;
		apply(gw, next, &ignored);
		lm_config_free(next);
		lm_error("%s; back to what was in force", text->text);
		return err;
	}
	lm_config_free(old);
	lm_info("%s: in force", gw->config_path);
	unsigned n = gw_owners_warn(gw);
	if (n)
		lm_why(text, 0,
		    "%s: in force; %u network%s whose owner is not accepted any more: see the log",
		    gw->config_path, n, n == 1 ? "" : "s");
	else
		lm_why(text, 0, "%s: in force", gw->config_path);
	return 0;
}
