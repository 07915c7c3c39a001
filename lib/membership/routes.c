/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which peers take part in a network, and who serves which endpoint: what the
 * ledger's records say, as far as the manifest in force agrees.
 *
 *   GATEWAY   key empty; value: format (1), lanes (1), serial (8), hash prefix (8)
 *   ENDPOINT  key: replica (2), member's name; value: format 1 (1), or of an endpoint that the
 *             gateways decide: format 2 (1), index of its address (4), generation (8)
 *
 * Values may grow: what follows is for those who know it.
 */
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>

#define GATEWAY_LEN (1 + 1 + 8 + 8)

static bool read_gateway(const struct lm_ledger_record *record, struct lm_enforced *out)
{
	struct lm_reader r = lm_reader(record->value, record->value_len);

	if (record->key_len || record->value_len < GATEWAY_LEN || lm_read_u8(&r) == 0)
		return false;
	out->lanes = lm_read_u8(&r);
	out->serial = lm_read_u64(&r);
	lm_read(&r, out->hash, sizeof(out->hash));
	return true;
}

struct look {
	struct lm_membership *m;
	struct network *net;
	bool *there;
	struct claims claims;
};

/* It says that it serves this one. */
static void served_there(
    struct look *l, const struct pair *p, unsigned at, const struct lm_ledger_record *record)
{
	struct lm_address_claim claim = {.endpoint = at, .provider = p->provider};

	if (!lm_place_decided(l->net, at))
		l->there[at] |= l->net->pub.manifest->endpoints[at].provider == p->provider;
	else if (lm_place_read(&claim, record))
		lm_claims_add(&l->claims, &claim);
}

static int look_at(void *ctx, const struct lm_ledger_record *record)
{
	struct look *l = ctx;
	const struct lm_manifest *man = l->net->pub.manifest;
	struct remote *r;

	if (record->kind == LM_LEDGER_MISSING)
		lm_watch_heard(l->m, l->net, record);
	HASH_FIND(hh, l->m->by_key, record->author, sizeof(*record->author), r);
	struct pair *p = r ? lm_pair_find(l->m, l->net, r) : NULL;
	if (!p)
		return 0;
	if (record->kind == LM_LEDGER_GATEWAY && read_gateway(record, &p->enforced)) {
		p->version = record->version;
		p->takes_part = p->version > p->void_version;
	}
	if (record->kind != LM_LEDGER_ENDPOINT || record->value_len == 0)
		return 0;
	int at = lm_endpoint_of(man, record->key, record->key_len);
	if (at >= 0)
		served_there(l, p, (unsigned)at, record);
	return 0;
}

/* Whoever does not take part claims nothing; who cannot be reached may be dead. */
static void drop_absent(struct look *l)
{
	struct claims *c = &l->claims;
	unsigned n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		const struct pair *p = l->net->pairs[c->at[i].provider];
		if (p->takes_part && p->key.peer->up)
			c->at[n++] = c->at[i];
	}
	c->n = n;
}

/* True: an endpoint is not where or what it was. */
static bool look_at_places(struct look *l)
{
	const struct places *places = l->net->places;

	if (!places)
		return false;
	drop_absent(l);
	bool changed = lm_places_heard(l->m, l->net, &l->claims);
	for (unsigned i = 0; i < places->claims.n; i++) {
		const struct lm_address_claim *c = &places->claims.at[i];
		l->there[c->endpoint] |= places->endpoints[c->endpoint].provider == c->provider;
	}
	return changed;
}

bool lm_routes_look(struct lm_membership *m, struct network *net, bool *there)
{
	const struct lm_manifest *man = net->pub.manifest;
	struct look l = {.m = m, .net = net, .there = there};

	for (unsigned i = 0; i < man->n_providers; i++) {
		if (!net->pairs[i])
			continue;
		net->pairs[i]->takes_part = false;
		net->pairs[i]->accusers = 0;
	}
	if (net->part == LM_PART_JOINED)
		lm_ledger_each(m->ledger, &net->pub.id, 0, look_at, &l);
	bool changed = look_at_places(&l);
	for (unsigned i = 0; i < man->n_endpoints; i++) {
		if (!there[i])
			continue;
		const struct pair *p = net->pairs[net->pub.endpoints[i].provider];
		there[i] = p->takes_part && p->key.peer->up;
	}
	changed |= !net->there || memcmp(net->there, there, man->n_endpoints * sizeof(*there)) != 0;
	free(net->there);
	net->there = there;
	return changed;
}

bool lm_routes_apply(struct lm_membership *m, struct network *net)
{
	bool changed = false;

	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		struct pair *p = net->pairs[i];
		if (!p || p->on == p->takes_part)
			continue;
		changed = true;
		p->on = p->takes_part;
		if (p->on)
			lm_lanes_renew(m, p);
		else
			lm_lanes_cut(m, p);
	}
	return changed;
}

uint32_t lm_membership_route(
    const struct lm_membership *m, const struct lm_network *pub, unsigned endpoint)
{
	const struct network *net = m->networks[pub->index];

	if (endpoint >= pub->manifest->n_endpoints || !net->there || !net->there[endpoint])
		return LM_NO_ROUTE;
	if (pub->endpoints[endpoint].provider == LM_ANY_PROVIDER)
		return LM_NO_ROUTE; /* it was somewhere at the last look */
	const struct pair *p = net->pairs[pub->endpoints[endpoint].provider];
	return p && p->on ? p->key.peer->party.slot : LM_NO_ROUTE;
}

bool lm_membership_enforced(const struct lm_membership *m, const struct lm_network *pub,
    unsigned provider, struct lm_enforced *out)
{
	const struct network *net = m->networks[pub->index];

	if ((int)provider == pub->self && net->part == LM_PART_JOINED) {
		out->serial = pub->manifest->serial;
		out->lanes = m->config.lanes;
		memcpy(out->hash, pub->sm->hash, sizeof(out->hash));
		return true;
	}
	if (provider >= pub->manifest->n_providers || !net->pairs[provider] ||
	    !net->pairs[provider]->on)
		return false;
	*out = net->pairs[provider]->enforced;
	return true;
}
