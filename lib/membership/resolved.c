/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the network's endpoints are now: the manifest's, with the addresses and providers that the
 * gateways have decided; which of them we serve; who has which address; and how the ledger says it.
 */
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define VALUE_FORMAT 2 /* of an endpoint that gateways decide */
#define OURS (UINT64_MAX - 1)

static struct lm_ip ip_of(const struct lm_manifest *man, int family, uint32_t index)
{
	return index == LM_ADDRESS_NONE ? (struct lm_ip){0}
					: lm_manifest_pool_ip(man, family, index);
}

/* ---- who has which address ---- */

static int compare_ips(const void *a, const void *b)
{
	const struct owned_ip *x = a, *y = b;
	int order = memcmp(&x->ip, &y->ip, sizeof(x->ip));

	if (order == 0 && x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return order ? order : (x->endpoint > y->endpoint) - (x->endpoint < y->endpoint);
}

static uint64_t rank_of(const struct network *net, unsigned endpoint)
{
	const struct lm_address_place *at = &net->places->at[endpoint];

	if (!lm_place_decided(net, endpoint))
		return UINT64_MAX;
	return at->serve ? OURS : at->generation;
}

static void list_ip(const struct network *net, unsigned endpoint, const struct lm_ip *ip)
{
	struct places *p = net->places;

	if (ip->family)
		p->ips[p->n_ips++] = (struct owned_ip){
		    .ip = *ip, .endpoint = endpoint, .rank = rank_of(net, endpoint)};
}

/* The data plane takes no address twice, whatever others claim. */
static void drop_repeated(const struct network *net)
{
	struct places *p = net->places;
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_ips; i++) {
		const struct owned_ip *o = &p->ips[i];
		if (n == 0 || !lm_ip_equal(&p->ips[n - 1].ip, &o->ip)) {
			p->ips[n++] = *o;
			continue;
		}
		struct lm_endpoint *loser = &p->endpoints[o->endpoint];
		*(o->ip.family == 4 ? &loser->ipv4 : &loser->ipv6) = (struct lm_ip){0};
		lm_warn_limited("network %s: two endpoints have the same address by what other "
				"gateways say; one of them cannot be reached from here",
		    net->pub.manifest->network);
	}
	p->n_ips = n;
}

void lm_places_sort(struct network *net)
{
	const struct lm_manifest *man = net->pub.manifest;
	struct places *p = net->places;

	p->n_ips = 0;
	for (unsigned i = 0; i < man->n_endpoints; i++) {
		struct lm_endpoint *e = &p->endpoints[i];
		e->ipv4 = man->endpoints[i].ipv4;
		e->ipv6 = man->endpoints[i].ipv6;
		if (lm_endpoint_given(&man->endpoints[i])) {
			e->ipv4 = ip_of(man, 4, p->at[i].index);
			e->ipv6 = ip_of(man, 6, p->at[i].index);
		}
		list_ip(net, i, &e->ipv4);
		list_ip(net, i, &e->ipv6);
	}
	qsort(p->ips, p->n_ips, sizeof(p->ips[0]), compare_ips);
	drop_repeated(net);
}

static int compare_ip(const void *key, const void *at)
{
	return memcmp(key, &((const struct owned_ip *)at)->ip, sizeof(struct lm_ip));
}

int lm_membership_address(
    const struct lm_membership *m, const struct lm_network *pub, const struct lm_ip *ip)
{
	const struct places *p = m->networks[pub->index]->places;

	if (!p)
		return lm_manifest_address(pub->manifest, ip);
	const struct owned_ip *o =
	    p->n_ips ? bsearch(ip, p->ips, p->n_ips, sizeof(p->ips[0]), compare_ip) : NULL;
	return o ? (int)o->endpoint : -ENOENT;
}

/* ---- where they are ---- */

static struct lm_address_place look_up(
    const struct lm_membership *m, const struct network *net, unsigned endpoint)
{
	struct lm_address_place place;

	if (net->placed && lm_address_get(m->address, &net->pub.id, endpoint, &place) == 0)
		return place;
	return (struct lm_address_place){.index = LM_ADDRESS_NONE,
	    .provider = net->pub.manifest->endpoints[endpoint].provider,
	    .wait = LM_AW_CHAIN};
}

bool lm_places_resolve(struct lm_membership *m, struct network *net)
{
	const struct lm_manifest *man = net->pub.manifest;
	struct places *p = net->places;
	bool changed = false, tell = false;

	for (unsigned i = 0; i < man->n_endpoints; i++) {
		if (!lm_place_decided(net, i))
			continue;
		struct lm_address_place *at = &p->at[i], now = look_up(m, net, i);
		bool serves = net->served && net->attached[i] && now.serve;
		bool other = now.index != at->index || now.generation != at->generation ||
			     now.serve != at->serve;
		changed |= other || now.provider != at->provider || now.wait != at->wait;
		*at = now;
		p->endpoints[i].provider = (uint16_t)now.provider;
		tell |= serves && other;
		if (net->served && serves != net->served[i]) {
			net->served[i] = serves;
			changed = tell = true;
		}
	}
	if (changed)
		lm_places_sort(net);
	if (tell)
		lm_part_tell(m, net);
	return changed;
}

bool lm_membership_served(const struct lm_membership *m, const struct lm_network *pub,
    unsigned endpoint, const char **why)
{
	const struct network *net = m->networks[pub->index];
	bool known = net->served && endpoint < pub->manifest->n_endpoints;
	bool served = known && net->served[endpoint];
	const char *reason = NULL;

	if (known && net->attached[endpoint] && !served) {
		enum lm_address_wait wait = net->places->at[endpoint].wait;
		reason = lm_address_wait_names[wait == LM_AW_NOT ? LM_AW_CHAIN : wait];
	}
	if (reason && !m->address)
		reason = "this gateway cannot store what it would promise others";
	else if (reason && net->damaged)
		reason = "what was stored of the addresses given out here cannot be read";
	if (why)
		*why = reason;
	return served;
}

/* ---- how the ledger says it ---- */

size_t lm_place_write(
    uint8_t out[LM_ENDPOINT_VALUE_MAX], const struct network *net, unsigned endpoint)
{
	struct lm_writer w = lm_writer(out, LM_ENDPOINT_VALUE_MAX);

	if (!lm_place_decided(net, endpoint)) {
		lm_write_u8(&w, 1);
		return lm_writer_len(&w);
	}
	lm_write_u8(&w, VALUE_FORMAT);
	lm_write_u32(&w, net->places->at[endpoint].index);
	lm_write_u64(&w, net->places->at[endpoint].generation);
	return lm_writer_len(&w);
}

bool lm_place_read(struct lm_address_claim *out, const struct lm_ledger_record *record)
{
	struct lm_reader r = lm_reader(record->value, record->value_len);
	uint8_t format = lm_read_u8(&r);

	out->index = lm_read_u32(&r);
	out->generation = lm_read_u64(&r);
	return !r.failed && format == VALUE_FORMAT;
}

void lm_claims_add(struct claims *claims, const struct lm_address_claim *claim)
{
	if (claims->n == claims->room) {
		unsigned room = claims->room ? 2 * claims->room : 16;
		struct lm_address_claim *at = realloc(claims->at, room * sizeof(*at));
		if (!at) {
			claims->failed = true;
			return;
		}
		claims->at = at;
		claims->room = room;
	}
	claims->at[claims->n++] = *claim;
}

void lm_claims_free(struct claims *claims)
{
	free(claims->at);
	*claims = (struct claims){0};
}
