/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints that live where they are attached, and addresses that gateways give out. At each event:
 * what is served is attached, lives here and has an address that is served nowhere as another's.
 * At the end, if a majority of the chain's members can be asked: whatever is attached anywhere is
 * served at one of these gateways, and all the others send there.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

static bool is_same(const struct lm_network *a, unsigned i, const struct lm_network *b, unsigned k)
{
	const struct lm_endpoint *x = &a->manifest->endpoints[i], *y = &b->manifest->endpoints[k];

	return x->replica == y->replica && strcmp(a->manifest->members[x->member].name,
					       b->manifest->members[y->member].name) == 0;
}

static void check_others(struct audit *a, const struct sim_gateway *g, const struct lm_network *net,
    unsigned endpoint, const struct lm_ip *ip)
{
	for (unsigned i = 0; i < a->sim->n_gateways; i++) {
		const struct sim_gateway *other = a->sim->gateways[i];
		const struct lm_network *theirs =
		    other->m ? lm_membership_find(other->m, &net->id) : NULL;
		int at = theirs ? lm_membership_address(other->m, theirs, ip) : -1;
		if (at < 0 || !lm_membership_served(other->m, theirs, (unsigned)at, NULL))
			continue;
		/* What the manifest gives, another manifest may have given to another one. */
		if (!lm_endpoint_given(&theirs->manifest->endpoints[at]))
			continue;
		a->checked++;
		if (!is_same(net, endpoint, theirs, (unsigned)at))
			sim_broken(a->sim,
			    "gw%u and gw%u serve two endpoints of %s with one address", g->index,
			    other->index, net->manifest->network);
	}
}

static void check_served(
    struct audit *a, const struct sim_gateway *g, const struct lm_network *net, unsigned endpoint)
{
	const struct lm_endpoint *e = &net->endpoints[endpoint];
	const char *name = net->manifest->network;

	if (!sim_hosts(g, &net->id, net->manifest, endpoint))
		sim_broken(a->sim, "gw%u serves in %s what is not attached there", g->index, name);
	if (e->provider != net->self)
		sim_broken(a->sim, "gw%u serves in %s what lives elsewhere", g->index, name);
	if (!e->ipv4.family)
		sim_broken(a->sim, "gw%u serves in %s what has no address", g->index, name);
	else if (lm_membership_address(g->m, net, &e->ipv4) != (int)endpoint)
		sim_broken(a->sim, "gw%u does not find in %s what it serves", g->index, name);
	if (lm_endpoint_given(&net->manifest->endpoints[endpoint]))
		check_others(a, g, net, endpoint, &e->ipv4);
}

void audit_places(struct audit *a, struct sim_gateway *g)
{
	for (unsigned n = 0; n < a->n_nets; n++) {
		const struct lm_network *net = lm_membership_find(g->m, &a->nets[n].id);
		if (!net || !lm_manifest_decided(net->manifest))
			continue;
		for (unsigned i = 0; i < net->manifest->n_endpoints; i++)
			if (lm_endpoint_decided(&net->manifest->endpoints[i]) &&
			    lm_membership_served(g->m, net, i, NULL))
				check_served(a, g, net, i);
	}
}

/* ---- at the end ---- */

static bool enforces(
    const struct audit *a, const struct sim_gateway *g, const struct audit_paper *law)
{
	return g->m && a->gateways[g->index].in[law->net].in_force &&
	       a->gateways[g->index].in[law->net].stored == law;
}

/* The longest chain that an enforcing gateway has; -ENOENT. */
static int longest(const struct audit *a, const struct audit_paper *law, struct lm_chain_info *out)
{
	int err = -1;

	for (unsigned i = 0; i < a->sim->n_gateways; i++) {
		const struct sim_gateway *g = a->sim->gateways[i];
		struct lm_chain_info info;
		if (!enforces(a, g, law) || !lm_membership_chain(g->m) ||
		    lm_chain_info(lm_membership_chain(g->m), &a->nets[law->net].id, &info) < 0)
			continue;
		if (err || info.height > out->height)
			*out = info;
		err = 0;
	}
	return err;
}

/* Can anything be decided? */
static bool can_decide(const struct audit *a, const struct audit_paper *law)
{
	struct lm_chain_info info;
	unsigned n = 0;

	if (longest(a, law, &info) < 0)
		return false;
	for (unsigned i = 0; i < info.n_members; i++) {
		const struct sim_gateway *g = sim_by_key(a->sim, &info.members[i]);
		n += g && enforces(a, g, law);
	}
	return 2 * n > info.n_members;
}

static bool serves(
    const struct audit *a, const struct sim_gateway *g, const struct lm_network *net, unsigned i)
{
	const struct lm_network *theirs = g->m ? lm_membership_find(g->m, &net->id) : NULL;

	(void)a;
	return theirs && theirs->manifest->serial == net->manifest->serial &&
	       lm_membership_served(g->m, theirs, i, NULL);
}

struct seat { /* an endpoint at the end */
	unsigned hosts, servers;
	const struct sim_gateway *server;
	bool excused; /* there is no address for it, or a liar or a latecomer has it */
};

static struct seat find_seat(
    const struct audit *a, const struct lm_network *net, const struct audit_paper *law, unsigned i)
{
	struct seat seat = {0};

	for (unsigned k = 0; k < a->sim->n_gateways; k++) {
		const struct sim_gateway *g = a->sim->gateways[k];
		const char *why = NULL;
		if (!sim_hosts(g, &net->id, net->manifest, i))
			continue;
		if (!enforces(a, g, law)) {
			/* By its clock the law had expired: it goes on as before. */
			seat.excused |= g->m && lm_membership_find(g->m, &net->id);
			continue;
		}
		seat.hosts++;
		const struct lm_network *theirs = lm_membership_find(g->m, &net->id);
		if (serves(a, g, net, i)) {
			seat.servers++;
			seat.server = g;
		} else if (!lm_membership_served(g->m, theirs, i, &why) && why) {
			seat.excused |= strcmp(why, lm_address_wait_names[LM_AW_POOL]) == 0;
		}
		seat.excused |= a->gateways[k].liar;
	}
	return seat;
}

static const char *judge(struct audit *a, const struct sim_gateway *g, const struct lm_network *net,
    unsigned i, const struct seat *seat)
{
	uint32_t slot = lm_membership_route(g->m, net, i);

	if (seat->hosts && !seat->servers)
		return "is served nowhere";
	if (seat->servers > 1)
		return "is served twice";
	if (!seat->servers && slot != LM_NO_ROUTE)
		return audit_of(a, g->slots[slot].gateway)->liar
			   ? NULL
			   : "has a route, but is not attached";
	if (!seat->servers || seat->server == g ||
	    lm_membership_part(g->m, net->index) != LM_PART_JOINED)
		return NULL;
	if (slot == LM_NO_ROUTE)
		return "has no route";
	if (g->slots[slot].gateway != seat->server)
		return "is routed elsewhere";
	const struct lm_network *theirs = lm_membership_find(seat->server->m, &net->id);
	return lm_ip_equal(&theirs->endpoints[i].ipv4, &net->endpoints[i].ipv4)
		   ? NULL
		   : "has another address elsewhere";
}

unsigned audit_places_end(struct audit *a, const struct sim_gateway *g,
    const struct lm_network *net, const struct audit_paper *law, bool loud)
{
	unsigned said = 0;

	if (!enforces(a, g, law))
		return 0;
	if (lm_manifest_decided(net->manifest) && !can_decide(a, law)) {
		a->stuck++;
		return 0;
	}
	for (unsigned i = 0; i < net->manifest->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->manifest->endpoints[i];
		if (!lm_endpoint_decided(e))
			continue;
		struct seat seat = find_seat(a, net, law, i);
		const char *wrong = seat.excused ? NULL : judge(a, g, net, i, &seat);
		said += wrong != NULL;
		a->placed += seat.server == g;
		if (wrong && loud)
			sim_broken(a->sim, "at the end %s/%u of %s %s (%u have it), says gw%u",
			    net->manifest->members[e->member].name, e->replica,
			    net->manifest->network, wrong, seat.hosts, g->index);
	}
	return said;
}
