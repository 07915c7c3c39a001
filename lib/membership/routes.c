/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which peers take part in a network, and who serves which endpoint: what the
 * ledger's records say, as far as the manifest in force agrees.
 *
 *   GATEWAY   key empty; value: format (1), lanes (1), serial (8), hash prefix (8)
 *   ENDPOINT  key: replica (2), member's name; value: format (1)
 *
 * Values may grow: what follows is for those who know it.
 */
#include "membership/internal.h"

#include <errno.h>

#define GATEWAY_LEN (1 + 1 + 8 + 8)

size_t lm_endpoint_key(
    uint8_t out[LM_ENDPOINT_KEY_MAX], const struct lm_manifest *man, unsigned endpoint)
{
	const struct lm_endpoint *e = &man->endpoints[endpoint];
	const char *name = man->members[e->member].name;
	struct lm_writer w = lm_writer(out, LM_ENDPOINT_KEY_MAX);

	lm_write_u16(&w, e->replica);
	lm_write(&w, name, strlen(name));
	return lm_writer_len(&w);
}

/* The endpoint's index in the manifest in force, or -ENOENT. */
static int endpoint_of(const struct lm_manifest *man, const struct lm_ledger_record *record)
{
	struct lm_reader r = lm_reader(record->key, record->key_len);
	char name[LM_NAME_MAX + 1] = "";
	uint16_t replica = lm_read_u16(&r);
	size_t len = lm_reader_left(&r);

	if (r.failed || len == 0 || len > LM_NAME_MAX || record->value_len == 0)
		return -ENOENT;
	lm_read(&r, name, len);
	return strlen(name) == len ? lm_manifest_endpoint(man, name, replica) : -ENOENT;
}

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
};

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
	if (record->kind != LM_LEDGER_ENDPOINT)
		return 0;
	int at = endpoint_of(man, record);
	if (at >= 0 && man->endpoints[at].provider == p->provider)
		l->there[at] = true;
	return 0;
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
	for (unsigned i = 0; i < man->n_endpoints; i++) {
		if (!there[i])
			continue;
		const struct pair *p = net->pairs[man->endpoints[i].provider];
		there[i] = p->takes_part && p->key.peer->up;
	}
	bool changed =
	    !net->there || memcmp(net->there, there, man->n_endpoints * sizeof(*there)) != 0;
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
	const struct pair *p = net->pairs[pub->manifest->endpoints[endpoint].provider];
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

int lm_membership_address(
    const struct lm_membership *m, const struct lm_network *net, const struct lm_ip *ip)
{
	(void)m;
	return lm_manifest_address(net->manifest, ip);
}
