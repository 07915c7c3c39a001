/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint is routed only to the gateway at which the manifest in force, or what the gateways
 * have decided, places it, while that one says in the ledger that it takes part and serves it, and
 * its session is up. Routes may be behind the records by as much as lib/membership takes to look at
 * them.
 */
#include <stdlib.h>
#include "audit.h"

#define LATE (150 * SIM_MS) /* a look every 100 ms, and timers */

struct said { /* by the authors, of what the manifest places at them */
	const struct lm_network *net;
	bool *gateway; /* by provider */
	bool *endpoint;
};

static int listen(void *ctx, const struct lm_ledger_record *r)
{
	struct said *said = ctx;
	struct lm_key_id id = lm_key_id(r->author);
	int provider = lm_manifest_provider(said->net->manifest, &id);
	int at = audit_endpoint(said->net, r);

	if (provider >= 0 && r->kind == LM_LEDGER_GATEWAY)
		said->gateway[provider] = true;
	if (at >= 0 && said->net->endpoints[at].provider == provider)
		said->endpoint[at] = true;
	return 0;
}

void audit_routes_forget(struct audit_gateway *ag, unsigned net)
{
	free(ag->unfounded[net]);
	ag->unfounded[net] = NULL;
	ag->n_unfounded[net] = 0;
}

static uint64_t *unfounded(struct audit_gateway *ag, unsigned net, unsigned n)
{
	if (ag->n_unfounded[net] != n) {
		audit_routes_forget(ag, net);
		ag->unfounded[net] = calloc(n, sizeof(uint64_t));
		if (!ag->unfounded[net])
			abort();
		ag->n_unfounded[net] = n;
	}
	return ag->unfounded[net];
}

/* True: this route may still be about to go. */
static bool check_route(struct audit *a, struct sim_gateway *g, const struct said *said,
    unsigned endpoint, uint64_t *since)
{
	const struct lm_network *net = said->net;
	const struct lm_endpoint *e = &net->endpoints[endpoint];
	uint32_t slot = lm_membership_route(g->m, net, endpoint);
	const struct sim_gateway *to = slot < g->n_slots ? g->slots[slot].gateway : NULL;

	if (slot == LM_NO_ROUTE) {
		*since = 0;
		return false;
	}
	if (!to || lm_manifest_provider(net->manifest, &to->id.id) != e->provider)
		sim_broken(a->sim, "gw%u routes an endpoint of %s to where it is not placed",
		    g->index, net->manifest->network);
	if (lm_membership_part(g->m, net->index) != LM_PART_JOINED)
		sim_broken(a->sim, "gw%u routes in %s, in which it takes no part", g->index,
		    net->manifest->network);
	if (said->gateway[e->provider] && said->endpoint[endpoint] && g->slots[slot].path) {
		*since = 0;
		return false;
	}
	if (!*since)
		*since = a->sim->now;
	else if (a->sim->now - *since > LATE)
		sim_broken(a->sim, "gw%u has a route of %s to gw%u without records or session",
		    g->index, net->manifest->network, to ? to->index : 0);
	return true;
}

static bool check_network(struct audit *a, struct sim_gateway *g, unsigned index)
{
	const struct lm_network *net = lm_membership_find(g->m, &a->nets[index].id);
	bool late = false;

	if (!net)
		return false;
	unsigned n = net->manifest->n_endpoints;
	uint64_t *since = unfounded(audit_of(a, g), index, n);
	struct said said = {.net = net};
	said.gateway = calloc(net->manifest->n_providers + n, sizeof(bool));
	if (!said.gateway)
		abort();
	said.endpoint = said.gateway + net->manifest->n_providers;
	lm_ledger_each(lm_membership_ledger(g->m), &net->id, 0, listen, &said);
	for (unsigned i = 0; i < n; i++)
		late |= check_route(a, g, &said, i, &since[i]);
	free(said.gateway);
	return late;
}

void audit_routes(struct audit *a, struct sim_gateway *g)
{
	struct audit_gateway *ag = audit_of(a, g);
	bool late = false;

	if (ag->n_stirs != g->n_stirs)
		ag->look_until = 0;
	ag->n_stirs = g->n_stirs;
	if (ag->look_until && a->sim->now > ag->look_until)
		return;
	if (!ag->look_until)
		ag->look_until = a->sim->now + 2 * LATE;
	for (unsigned i = 0; i < a->n_nets; i++)
		late |= check_network(a, g, i);
	if (late)
		ag->look_until = a->sim->now + 2 * LATE;
}
