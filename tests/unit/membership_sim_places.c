/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that the gateways decide about: where they are, and what must always hold. */
#include "membership_sim.h"

#include <stdio.h>
#include <string.h>

static const struct lm_network *network(const struct sim_node *n, const struct sim_doc *d)
{
	return n->m ? lm_membership_find(n->m, &d->net) : NULL;
}

int sim_endpoint(const struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned replica)
{
	const struct lm_network *net = network(s->node[gateway], d);

	return net ? lm_manifest_endpoint(net->manifest, "app", replica) : -1;
}

bool sim_serves_app(const struct sim *s, unsigned gateway, const struct sim_doc *d,
    unsigned replica, const char **why)
{
	const struct sim_node *n = s->node[gateway];
	int at = sim_endpoint(s, gateway, d, replica);

	if (why)
		*why = NULL;
	return at >= 0 && lm_membership_served(n->m, network(n, d), (unsigned)at, why);
}

unsigned sim_address(
    const struct sim *s, unsigned gateway, const struct sim_doc *d, unsigned replica)
{
	const struct sim_node *n = s->node[gateway];
	int at = sim_endpoint(s, gateway, d, replica);
	const struct lm_ip *ip = at < 0 ? NULL : &network(n, d)->endpoints[at].ipv4;

	if (!ip || !ip->family || lm_membership_address(n->m, network(n, d), ip) != at)
		return 0;
	return ip->b[3];
}

int sim_route(const struct sim *s, unsigned from, const struct sim_doc *d, unsigned replica)
{
	const struct sim_node *n = s->node[from];
	int at = sim_endpoint(s, from, d, replica);
	uint32_t slot =
	    at < 0 ? LM_NO_ROUTE : lm_membership_route(n->m, network(n, d), (unsigned)at);

	return slot == LM_NO_ROUTE ? -1 : n->peer_node[slot];
}

bool sim_app_is_at(
    const struct sim *s, unsigned mask, const struct sim_doc *d, unsigned replica, unsigned at)
{
	unsigned address = sim_address(s, at, d, replica);

	if (!sim_serves_app(s, at, d, replica, NULL) || address == 0)
		return false;
	for (unsigned i = 0; i < s->n; i++) {
		if (!(mask >> i & 1) || i == at)
			continue;
		if (sim_route(s, i, d, replica) != (int)at ||
		    sim_address(s, i, d, replica) != address ||
		    sim_serves_app(s, i, d, replica, NULL))
			return false;
	}
	return true;
}

uint64_t sim_until_app_is_at(
    struct sim *s, unsigned mask, const struct sim_doc *d, unsigned replica, unsigned at)
{
	uint64_t from = s->now.mono;

	while (!sim_app_is_at(s, mask, d, replica, at)) {
		if (s->now.mono - from > SIM_PATIENCE)
			return UINT64_MAX;
		sim_run(s, 10 * SIM_MS);
	}
	return s->now.mono - from;
}

/* ---- what must hold ---- */

static int who_serves(const struct sim_node *n, const struct lm_net_id *id, const struct lm_ip *ip)
{
	const struct lm_network *net = n->m ? lm_membership_find(n->m, id) : NULL;
	int at = net ? lm_membership_address(n->m, net, ip) : -1;

	if (at < 0 || !lm_membership_served(n->m, net, (unsigned)at, NULL))
		return -1;
	const struct lm_endpoint *e = &net->manifest->endpoints[at];
	return net->manifest->members[e->member].name[0] * 65536 + e->replica;
}

const char *sim_check_places(struct sim *s, const struct sim_node *a, const struct lm_network *net)
{
	for (unsigned i = 0; i < net->manifest->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->endpoints[i];
		if (!lm_endpoint_decided(&net->manifest->endpoints[i]) ||
		    !lm_membership_served(a->m, net, i, NULL))
			continue;
		if (e->provider != (unsigned)net->self)
			return "serves what lives elsewhere";
		if (!e->ipv4.family && !e->ipv6.family)
			return "serves what has no address";
		const struct lm_ip *ip = e->ipv4.family ? &e->ipv4 : &e->ipv6;
		int ours = who_serves(a, &net->id, ip);
		for (unsigned k = 0; k < s->n; k++) {
			int theirs = who_serves(s->node[k], &net->id, ip);
			if (theirs >= 0 && theirs != ours)
				return "two endpoints are served with one address";
		}
	}
	return NULL;
}
