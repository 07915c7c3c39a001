/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes behind members: what is routed, and via which replicas in which order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

enum { K_PREFIX, K_VIA, K_COMMENT, N_KEYS };

static const struct lm_key_rule keys[N_KEYS] = {
    [K_PREFIX] = {"prefix", true},
    [K_VIA] = {"via", true},
    [K_COMMENT] = {"comment", false},
};

/* ---- the prefix ---- */

static bool overlaps(const struct lm_prefix *a, const struct lm_prefix *b)
{
	return lm_prefix_contains(a, &b->ip) || lm_prefix_contains(b, &a->ip);
}

/* All of it, so nobody could be reached there. Where only a part of it is, that is left out. */
static bool is_special(const struct lm_prefix *p)
{
	unsigned n;
	const struct lm_prefix *special = lm_prefixes_special(&n);
	for (unsigned i = 0; i < n; i++)
		if (p->len >= special[i].len && lm_prefix_contains(&special[i], &p->ip))
			return true;
	return false;
}

static int check_prefix(const struct lm_manifest *m, unsigned index, const struct lm_place *p)
{
	const struct lm_prefix *prefix = &m->routes[index].prefix;
	int family = prefix->ip.family;
	const struct lm_prefix *own = family == 4 ? &m->ipv4 : &m->ipv6;
	char text[LM_PREFIX_TEXT];
	if (own->ip.family == 0)
		return lm_place_error(p, EINVAL, "the network has no prefixes.ipv%d", family);
	/* Everything is: the network's own prefix is more specific, and wins. */
	if (prefix->len > 0 && overlaps(prefix, own))
		return lm_place_error(
		    p, EINVAL, "overlaps the network's own prefix %s", lm_prefix_text(text, own));
	if (is_special(prefix))
		return lm_place_error(
		    p, EINVAL, "not for hosts: reserved, multicast, loopback or link-local");
	for (unsigned i = 0; i < index; i++)
		if (m->routes[i].prefix.len == prefix->len &&
		    lm_ip_equal(&m->routes[i].prefix.ip, &prefix->ip))
			return lm_place_error(p, EINVAL, "the same as in routes[%u]", i);
	return 0;
}

/* ---- via whom ---- */

static int add_endpoints(struct lm_route *r, const struct lm_manifest *m, const struct lm_via *via,
    const struct lm_place *p)
{
	const struct lm_member *member = &m->members[via->member];
	unsigned first = member->first_endpoint + (via->replica < 0 ? 0 : (unsigned)via->replica);
	unsigned n = via->replica < 0 ? member->n_endpoints : 1;
	if (n == 0)
		return lm_place_error(p, EINVAL, "%s has no replicas", member->name);
	if (n > LM_ROUTE_REPLICAS_MAX - r->n_endpoints)
		return lm_place_error(
		    p, E2BIG, "more than %d replicas behind one route", LM_ROUTE_REPLICAS_MAX);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < r->n_endpoints; k++)
			if (r->endpoints[k] == first + i)
				return lm_place_error(p, EINVAL, "repeated replica %s/%u",
				    member->name, m->endpoints[first + i].replica);
		r->endpoints[r->n_endpoints++] = (uint16_t)(first + i);
	}
	return 0;
}

static int read_vias(struct lm_route *r, const struct lm_manifest_full *f, const struct lm_place *p)
{
	struct lm_place item;
	unsigned n;
	int err = lm_place_items(p, LM_ROUTE_VIAS_MAX, &n);
	if (err < 0)
		return err;
	r->vias = calloc(n, sizeof(*r->vias));
	r->endpoints = calloc(LM_ROUTE_REPLICAS_MAX, sizeof(*r->endpoints));
	if (!r->vias || !r->endpoints)
		return -ENOMEM;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		err = lm_schema_via(&r->vias[i], f, &item);
		if (err == 0)
			err = add_endpoints(r, &f->m, &r->vias[i], &item);
		r->n_vias = i + 1;
	}
	return err;
}

/* ---- the list ---- */

static int read_route(struct lm_manifest_full *f, unsigned index, const struct lm_place *p)
{
	struct lm_route *r = &f->m.routes[index];
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	r->line = p->node->line;
	struct lm_place v = lm_place_key(p, "prefix", values[K_PREFIX]);
	err = lm_schema_prefix(&r->prefix, &v);
	if (err == 0)
		err = check_prefix(&f->m, index, &v);
	v = lm_place_key(p, "via", values[K_VIA]);
	if (err == 0)
		err = read_vias(r, f, &v);
	v = lm_place_key(p, "comment", values[K_COMMENT]);
	if (v.node && err == 0)
		err = lm_schema_comment(&r->comment, &v);
	return err;
}

int lm_schema_routes(struct lm_manifest_full *f, const struct lm_place *p)
{
	int err = lm_place_list(p, 0, LM_ROUTES_MAX);
	if (err < 0 || p->node->count == 0)
		return err;
	f->m.routes = calloc(p->node->count, sizeof(*f->m.routes));
	if (!f->m.routes)
		return -ENOMEM;
	struct lm_place item;
	for (unsigned i = 0; err == 0 && lm_place_next(p, &item, i); i++) {
		f->m.n_routes = i + 1;
		err = read_route(f, i, &item);
	}
	return err;
}

void lm_routes_release(struct lm_manifest *m)
{
	for (unsigned i = 0; i < m->n_routes; i++) {
		free(m->routes[i].vias);
		free(m->routes[i].endpoints);
		free(m->routes[i].comment);
	}
	free(m->routes);
}

/* ---- looking up ---- */

int lm_manifest_route(const struct lm_manifest *m, const struct lm_ip *ip)
{
	const struct lm_prefix host = {.ip = *ip, .len = ip->family == 4 ? 32 : 128};
	int best = -ENOENT;
	if (lm_prefix_contains(ip->family == 4 ? &m->ipv4 : &m->ipv6, ip) || is_special(&host))
		return -ENOENT;
	for (unsigned i = 0; i < m->n_routes; i++)
		if (lm_prefix_contains(&m->routes[i].prefix, ip) &&
		    (best < 0 || m->routes[i].prefix.len > m->routes[best].prefix.len))
			best = (int)i;
	return best;
}

bool lm_route_has(const struct lm_route *r, unsigned endpoint)
{
	for (unsigned i = 0; i < r->n_endpoints; i++)
		if (r->endpoints[i] == endpoint)
			return true;
	return false;
}
