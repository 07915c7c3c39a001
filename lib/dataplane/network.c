/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/network.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_bitops.h>
#include <rte_common.h>
#include "dataplane/route.h"

static int put(struct lm_net *net, struct lm_addr addr, uint32_t ep)
{
	uint32_t i = lm_net_slot(net, addr);

	if (addr.w[1] == 0 && addr.w[0] == 0)
		return 0;
	if (lm_net_route(net, addr) != LM_DP_NONE)
		return -EINVAL;
	while (net->slots[i & net->mask] != 0)
		i++;
	net->slots[i & net->mask] = ep + 1;
	return 0;
}

/* Since when it is where it is. */
static uint64_t since(const struct lm_net_made *made, const struct lm_ep *ep, struct lm_addr addr4,
    struct lm_addr addr6)
{
	struct lm_addr addr = (addr4.w[0] | addr4.w[1]) != 0 ? addr4 : addr6;

	if (!made->old || (addr.w[0] | addr.w[1]) == 0)
		return made->now;
	uint32_t at = lm_net_route(made->old, addr);
	if (at == LM_DP_NONE || made->old->eps[at].peer != ep->peer ||
	    made->old->eps[at].attachment != ep->attachment)
		return made->now;
	return made->old->eps[at].since;
}

static int add(struct lm_net *net, const struct lm_dp_endpoint *from,
    const struct lm_net_made *made, struct lm_tunnels *tunnels)
{
	struct lm_ep ep = {.member = from->member,
	    .attachment = from->attachment,
	    .peer = from->peer,
	    .away = from->away};
	struct lm_addr addr4 = lm_addr_of(&from->ipv4), addr6 = lm_addr_of(&from->ipv6);

	if (from->peer != LM_DP_NONE) {
		ep.tunnel = lm_tunnel_hold(tunnels, made->index, from->peer);
		if (!ep.tunnel)
			return -ENOMEM;
		ep.attachment = LM_DP_NONE;
	}
	ep.since = since(made, &ep, addr4, addr6);
	/* Counted first: lm_net_free lets go of the tunnel also if an address is refused. */
	net->eps[net->n_eps] = ep;
	uint32_t at = net->n_eps++;
	/* The addresses come last, so that a lookup cannot find this endpoint by its own. */
	if (put(net, addr4, at) != 0)
		return -EINVAL;
	net->eps[at].addr4 = addr4;
	if (put(net, addr6, at) != 0)
		return -EINVAL;
	net->eps[at].addr6 = addr6;
	return 0;
}

/* The same rules go on being counted. */
static struct lm_hits *hits_of(struct lm_policy *policy, const struct lm_net_made *made)
{
	if (made->old && made->old->policy == policy)
		return lm_hits_hold(made->old->hits);
	return lm_hits_create(policy, made->n_workers);
}

static int take_rules(struct lm_net *net, struct lm_policy *policy, const struct lm_net_made *made)
{
	net->hits = hits_of(policy, made);
	if (!net->hits)
		return -ENOMEM;
	if (made->old && made->old->policy == policy)
		net->quotas = lm_quotas_hold(made->old->quotas);
	else if (lm_policy_info(policy).n_rates > 0)
		net->quotas = lm_quotas_create(policy, made->n_workers, made->hz);
	return lm_policy_info(policy).n_rates > 0 && !net->quotas ? -ENOMEM : 0;
}

int lm_net_create(struct lm_net **out, const struct lm_dp_network *spec,
    const struct lm_net_made *made, struct lm_tunnels *tunnels)
{
	uint32_t n_slots = rte_align32pow2(spec->n_endpoints * 4 + 4);
	int err = 0;

	struct lm_net *net = calloc(1, sizeof *net);
	if (!net)
		return -ENOMEM;
	net->eps = calloc(spec->n_endpoints + 1, sizeof *net->eps);
	net->slots = calloc(n_slots, sizeof *net->slots);
	net->notes = made->old ? lm_notes_hold(made->old->notes) : lm_notes_create(made->n_workers);
	if (!net->eps || !net->slots || !net->notes ||
	    (spec->policy && take_rules(net, spec->policy, made) < 0)) {
		lm_net_free(net);
		return -ENOMEM;
	}
	net->mask = n_slots - 1;
	net->generation = made->generation;
	net->seed = made->seed;
	net->mtu = spec->mtu;
	net->gateway4 = lm_addr_of(&spec->gateway4);
	net->gateway6 = lm_addr_of(&spec->gateway6);
	for (unsigned i = 0; i < spec->n_endpoints && err == 0; i++)
		err = add(net, &spec->endpoints[i], made, tunnels);
	if (err == 0)
		err = lm_routes_create(&net->routes, net, spec, made);
	if (err != 0) {
		lm_net_free(net);
		return err;
	}
	net->policy = spec->policy;
	*out = net;
	return 0;
}

void lm_net_free(void *arg)
{
	struct lm_net *net = arg;

	if (!net)
		return;
	for (uint32_t i = 0; i < net->n_eps; i++)
		lm_tunnel_release(net->eps[i].tunnel);
	lm_policy_free(net->policy);
	lm_hits_release(net->hits);
	lm_routes_free(net->routes);
	lm_quotas_release(net->quotas);
	lm_notes_release(net->notes);
	free(net->eps);
	free(net->slots);
	free(net);
}
