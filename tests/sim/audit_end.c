/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all must have agreed upon once the faults are over. Of each network the newest document that
 * is in force anywhere counts: every gateway that it names enforces it, unless that one has seen a
 * newer one which takes it off. Of these, whoever has something attached takes part; all that do
 * have the same records, lanes with each other, and routes to exactly what is attached.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "audit.h"

struct outcome {
	struct audit *a;
	unsigned net;
	const struct audit_paper *law; /* NULL: in force nowhere */
	bool loud;
	unsigned said;
};

#define wrong(o, ...) \
	do { \
		(o)->said++; \
		if ((o)->loud) \
			sim_broken((o)->a->sim, __VA_ARGS__); \
	} while (0)

static const struct lm_network *in_force(const struct outcome *o, const struct sim_gateway *g)
{
	return g->m ? lm_membership_find(g->m, &o->a->nets[o->net].id) : NULL;
}

static const struct audit_paper *stored(const struct outcome *o, const struct sim_gateway *g)
{
	return audit_of(o->a, g)->in[o->net].stored;
}

static void find_law(struct outcome *o)
{
	for (unsigned i = 0; i < o->a->sim->n_gateways; i++) {
		const struct sim_gateway *g = o->a->sim->gateways[i];
		if (in_force(o, g) && audit_newer(stored(o, g), o->law))
			o->law = stored(o, g);
	}
}

/* The law names it, holds by its clock, and it knows nothing newer: so it must enforce the law. */
static bool is_bound(const struct outcome *o, const struct sim_gateway *g)
{
	const struct audit_paper *has = stored(o, g);

	if (!o->law || !o->law->names[g->index] || (o->law->closes && audit_expired(o->law, g)))
		return false;
	return !has || !audit_newer(has, o->law);
}

/*
 * Where the law has expired by the clock, others may go on by theirs: such a gateway may still have
 * the document before it, and one whose network has ended says so only once. Who missed that learns
 * it when it sends something, and by clocks that were set back not before its records expire.
 */
static bool is_known_away(const struct outcome *o, const struct sim_gateway *g)
{
	return in_force(o, g) && stored(o, g) == o->law && !o->a->clocks_set;
}

static bool takes_part(const struct outcome *o, const struct sim_gateway *g)
{
	const struct lm_network *net = in_force(o, g);

	for (unsigned i = 0; net && is_bound(o, g) && i < net->manifest->n_endpoints; i++)
		if (sim_hosts(g, &net->id, net->manifest, i))
			return true;
	return false;
}

static void check_law(struct outcome *o, const struct sim_gateway *g)
{
	const struct lm_network *net = in_force(o, g);

	if (is_bound(o, g) && (!net || stored(o, g) != o->law))
		wrong(o, "at the end gw%u enforces serial %" PRIu64 " of %s, not %" PRIu64,
		    g->index, net ? net->manifest->serial : 0, o->a->nets[o->net].name,
		    o->law->serial);
	if (net && stored(o, g)->closes && audit_expired(stored(o, g), g))
		wrong(o, "at the end gw%u enforces %s, which has expired", g->index,
		    o->a->nets[o->net].name);
	if (net &&
	    lm_membership_part(g->m, net->index) !=
		(takes_part(o, g) ? LM_PART_JOINED : LM_PART_OUT) &&
	    is_bound(o, g))
		wrong(o, "at the end gw%u %s in %s", g->index,
		    takes_part(o, g) ? "takes no part" : "takes part", o->a->nets[o->net].name);
}

/* ---- records ---- */

struct digest {
	const struct outcome *o;
	const struct lm_network *net;
	uint64_t sum; /* over records, in any order */
	unsigned n, gateways, endpoints;
	bool unfounded; /* an honest author's that is not so */
};

static bool is_founded(
    struct digest *d, const struct sim_gateway *author, const struct lm_ledger_record *r)
{
	int at = audit_endpoint(d->net, r);

	if (r->kind == LM_LEDGER_GATEWAY)
		return takes_part(d->o, author) && memcmp(r->value + 10, d->o->law->hash, 8) == 0;
	return at >= 0 && sim_hosts(author, &d->net->id, d->net->manifest, (unsigned)at);
}

static bool is_decided(const struct lm_network *net, const struct lm_ledger_record *r)
{
	int at = audit_endpoint(net, r);

	return at >= 0 && lm_endpoint_decided(&net->manifest->endpoints[at]);
}

static int add(void *ctx, const struct lm_ledger_record *r)
{
	struct digest *d = ctx;
	const struct sim_gateway *author = sim_by_key(d->o->a->sim, r->author);
	uint64_t h = audit_mix(AUDIT_MIX_BASIS, r->author, sizeof(*r->author));

	h = audit_mix(h, &r->kind, 1);
	h = audit_mix(h, r->key, r->key_len);
	h = audit_mix(h, &r->version, sizeof(r->version));
	d->sum += audit_mix(h, r->value, r->value_len);
	d->n++;
	/* Who has left without being heard is known to be away; its records stay until they expire.
	 */
	if (!author || audit_of(d->o->a, author)->liar || !takes_part(d->o, author))
		return 0;
	d->gateways += r->kind == LM_LEDGER_GATEWAY;
	d->endpoints += r->kind == LM_LEDGER_ENDPOINT && !is_decided(d->net, r);
	d->unfounded |= !is_founded(d, author, r);
	return 0;
}

static struct digest records_of(const struct outcome *o, const struct sim_gateway *g)
{
	struct digest d = {.o = o, .net = in_force(o, g)};

	lm_ledger_each(lm_membership_ledger(g->m), &d.net->id, 0, add, &d);
	return d;
}

/* How many of each an honest world has, but for endpoints that gateways decide. */
static void count_due(
    const struct outcome *o, const struct lm_network *net, unsigned *gateways, unsigned *endpoints)
{
	const struct lm_manifest *man = net->manifest;
	const struct sim *s = o->a->sim;

	*gateways = *endpoints = 0;
	for (unsigned i = 0; i < s->n_gateways; i++)
		*gateways += !o->a->gateways[i].liar && takes_part(o, s->gateways[i]);
	for (unsigned i = 0; i < man->n_endpoints; i++) {
		const struct lm_endpoint *e = &man->endpoints[i];
		if (lm_endpoint_decided(e))
			continue;
		const struct sim_gateway *at = sim_by_key(s, &man->providers[e->provider].key);
		*endpoints +=
		    !audit_of(o->a, at)->liar && is_bound(o, at) && sim_hosts(at, &net->id, man, i);
	}
}

static void check_records(
    struct outcome *o, const struct sim_gateway *g, const struct sim_gateway *first)
{
	struct digest d = records_of(o, g), e = records_of(o, first);
	const char *name = o->a->nets[o->net].name;
	unsigned gateways, endpoints;

	count_due(o, d.net, &gateways, &endpoints);
	if (d.sum != e.sum || d.n != e.n)
		wrong(o, "at the end gw%u has other records of %s than gw%u: %u and %u", g->index,
		    name, first->index, d.n, e.n);
	if (d.unfounded || d.gateways != gateways || d.endpoints != endpoints)
		wrong(o,
		    "at the end gw%u has records of %u gateways and %u endpoints of %s, not "
		    "%u and %u%s",
		    g->index, d.gateways, d.endpoints, name, gateways, endpoints,
		    d.unfounded ? ", or wrong ones" : "");
}

/* ---- lanes and routes ---- */

/* Its keys come from the secret of just the providers that the law names. */
static bool are_of_law(const struct outcome *o, const struct sim_gateway *g,
    const struct sim_gateway *to, const struct lm_network *net)
{
	const struct sim_out *out =
	    sim_lanes_out(&g->lanes, (struct sim_out_key){net->index, sim_slot(g, to)});
	const struct audit_paper *under = out ? audit_under(o->a, out->lanes[0].key) : NULL;

	return !under || memcmp(under->names, o->law->names,
			     o->a->sim->n_gateways * sizeof(o->law->names[0])) == 0;
}

static void check_pair(struct outcome *o, const struct sim_gateway *g, const struct sim_gateway *to)
{
	const struct lm_network *net = in_force(o, g);
	const char *name = o->a->nets[o->net].name;
	uint32_t slot = sim_slot(g, to);
	bool due = takes_part(o, g) && takes_part(o, to);

	if (due && !sim_lanes_ready(g, to, &net->id))
		wrong(o, "at the end gw%u and gw%u have no lanes in %s", g->index, to->index, name);
	if (due && !are_of_law(o, g, to, net))
		wrong(o, "at the end gw%u sends to gw%u in %s under keys of other providers",
		    g->index, to->index, name);
	if (!due && is_known_away(o, to) && slot != UINT32_MAX &&
	    sim_lanes_out(&g->lanes, (struct sim_out_key){net->index, slot}))
		wrong(o, "at the end gw%u has lanes to gw%u in %s", g->index, to->index, name);
}

static void check_routes(struct outcome *o, const struct sim_gateway *g)
{
	const struct lm_network *net = in_force(o, g);
	const struct lm_manifest *man = net->manifest;

	for (unsigned i = 0; i < man->n_endpoints; i++) {
		const struct lm_endpoint *e = &man->endpoints[i];
		if (lm_endpoint_decided(e))
			continue; /* audit_places_end */
		const struct sim_gateway *at =
		    sim_by_key(o->a->sim, &man->providers[e->provider].key);
		if (audit_of(o->a, at)->liar)
			continue;
		bool due = at != g && takes_part(o, g) && is_bound(o, at) &&
			   sim_hosts(at, &net->id, man, i);
		if (!due && !is_known_away(o, at))
			continue;
		if (due != (lm_membership_route(g->m, net, i) != LM_NO_ROUTE))
			wrong(o, "at the end gw%u has %s to %s/%u of %s at gw%u", g->index,
			    due ? "no route" : "a route", man->members[e->member].name, e->replica,
			    o->a->nets[o->net].name, at->index);
	}
}

/* It goes on with an older document that nobody will replace: its chain answers it no more. */
static bool is_behind(const struct outcome *o, const struct sim_gateway *g)
{
	const struct lm_network *net = in_force(o, g);

	return net && lm_manifest_decided(net->manifest) && stored(o, g) != o->law;
}

static void check_gateway(
    struct outcome *o, const struct sim_gateway *g, const struct sim_gateway **first)
{
	const struct sim *s = o->a->sim;

	check_law(o, g);
	if (!is_bound(o, g) || !in_force(o, g) || o->said)
		return;
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (s->gateways[i] != g && !o->a->gateways[i].liar)
			check_pair(o, g, s->gateways[i]);
	check_routes(o, g);
	o->said += audit_places_end(o->a, g, in_force(o, g), o->law, o->loud);
	if (!takes_part(o, g))
		return;
	if (!*first)
		*first = g;
	check_records(o, g, *first);
}

/* Of each pair at most four generations of inbound lanes are kept, whatever the peer does. */
static bool too_many_lanes(const struct sim_gateway *g)
{
	unsigned newest = 0;

	for (uint32_t net = 0; net < lm_membership_networks_end(g->m); net++)
		for (uint32_t slot = 0; slot < g->n_slots; slot++) {
			struct lm_lanes_info info;
			lm_membership_lanes(g->m, net, slot, &info);
			newest += info.n_in;
		}
	return g->lanes.live > 4 * newest;
}

static unsigned check_bounds(const struct audit *a, bool loud)
{
	unsigned said = 0;

	for (unsigned i = 0; i < a->sim->n_gateways; i++) {
		if (!too_many_lanes(a->sim->gateways[i]))
			continue;
		said++;
		if (loud)
			sim_broken(a->sim, "at the end gw%u keeps %u inbound lanes", i,
			    a->sim->gateways[i]->lanes.live);
	}
	return said;
}

unsigned audit_end(struct audit *a, bool loud)
{
	unsigned said = check_bounds(a, loud);

	a->placed = a->stuck = 0;

	for (unsigned net = 0; net < a->n_nets; net++) {
		struct outcome o = {.a = a, .net = net, .loud = loud};
		const struct sim_gateway *first = NULL;
		find_law(&o);
		for (unsigned i = 0; i < a->sim->n_gateways; i++) {
			a->stuck += is_behind(&o, a->sim->gateways[i]);
			if (!a->gateways[i].liar)
				check_gateway(&o, a->sim->gateways[i], &first);
		}
		said += o.said;
	}
	return said;
}
