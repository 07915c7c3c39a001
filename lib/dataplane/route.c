/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/route.h"

#include <errno.h>
#include <stdlib.h>
#include "dataplane/inner.h"
#include "dataplane/worker.h"

/* ---- on the control lcore -------------------------------------------------- */

struct number {
	uint64_t hi, lo;
};

struct span {
	struct number from, to; /* inclusive */
	unsigned len; /* bits, of 128 */
	uint32_t route;
};

/* What the sweep over spans has so far: those that are open, one inside of the other. */
struct sweep {
	struct lm_routes *routes;
	struct span **open;
	unsigned n_open;
};

static struct number number_of(struct lm_addr addr)
{
	return (struct number){
	    .hi = rte_be_to_cpu_64(addr.w[0]), .lo = rte_be_to_cpu_64(addr.w[1])};
}

static bool below(struct number a, struct number b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static struct span span_of(const struct lm_prefix *p, uint32_t route)
{
	unsigned len = p->len + (p->ip.family == 4 ? 96u : 0), host = 128 - len;
	struct span s = {.from = number_of(lm_addr_of(&p->ip)), .len = len, .route = route};

	s.to = s.from;
	s.to.lo |= host >= 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	if (host > 64)
		s.to.hi |= host == 128 ? UINT64_MAX : (UINT64_C(1) << (host - 64)) - 1;
	return s;
}

/* One that holds others comes before them. */
static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (below(x->from, y->from) || below(y->from, x->from))
		return below(x->from, y->from) ? -1 : 1;
	return (int)x->len - (int)y->len;
}

static void begin_range(struct lm_routes *r, struct number at, uint32_t route)
{
	struct lm_route_range *last = r->n_ranges ? &r->ranges[r->n_ranges - 1] : NULL;

	if (!last || last->hi != at.hi || last->lo != at.lo)
		last = &r->ranges[r->n_ranges++];
	*last = (struct lm_route_range){.hi = at.hi, .lo = at.lo, .route = route};
}

/* Behind the innermost open span, the one around it goes on. */
static void close_span(struct sweep *s)
{
	struct number next = s->open[--s->n_open]->to;

	if (++next.lo == 0 && ++next.hi == 0)
		return; /* there is nothing behind it */
	begin_range(s->routes, next, s->n_open ? s->open[s->n_open - 1]->route : LM_DP_NONE);
}

static void make_ranges(struct sweep *s, struct span *spans, unsigned n)
{
	qsort(spans, n, sizeof *spans, compare_spans);
	begin_range(s->routes, (struct number){0}, LM_DP_NONE);
	for (unsigned i = 0; i < n; i++) {
		while (s->n_open > 0 && below(s->open[s->n_open - 1]->to, spans[i].from))
			close_span(s);
		begin_range(s->routes, spans[i].from, spans[i].route);
		s->open[s->n_open++] = &spans[i];
	}
	while (s->n_open > 0)
		close_span(s);
}

static bool holds(const struct lm_prefix *outer, const struct lm_prefix *inner)
{
	return inner->len >= outer->len && lm_prefix_contains(outer, &inner->ip);
}

static bool is_allowed(const struct lm_dp_network *spec, unsigned route)
{
	const struct lm_prefix *p = &spec->routes[route].prefix;

	unsigned n;
	const struct lm_prefix *never = lm_prefixes_special(&n);

	for (unsigned i = 0; i < n; i++)
		if (holds(&never[i], p))
			return false;
	for (unsigned i = 0; i < route; i++)
		if (p->len == spec->routes[i].prefix.len &&
		    lm_ip_equal(&p->ip, &spec->routes[i].prefix.ip))
			return false;
	return p->ip.family != 0 && !holds(&spec->net4, p) && !holds(&spec->net6, p);
}

static int index_prefixes(struct lm_routes *r, const struct lm_dp_network *spec)
{
	unsigned n_never, n = 0;
	const struct lm_prefix *never = lm_prefixes_special(&n_never);
	unsigned most = spec->n_routes + n_never + 2;
	struct span *spans = calloc(most, sizeof *spans);
	struct sweep s = {.routes = r, .open = calloc(most, sizeof *s.open)};
	int err = spans && s.open ? 0 : -ENOMEM;

	r->ranges = calloc(2 * most + 1, sizeof *r->ranges);
	if (!r->ranges)
		err = -ENOMEM;
	for (unsigned i = 0; i < spec->n_routes && err == 0; i++) {
		err = is_allowed(spec, i) ? 0 : -EINVAL;
		if (err == 0)
			spans[n++] = span_of(&spec->routes[i].prefix, i);
	}
	if (err == 0) {
		for (unsigned i = 0; i < n_never; i++)
			spans[n++] = span_of(&never[i], LM_DP_NONE);
		if (spec->net4.ip.family)
			spans[n++] = span_of(&spec->net4, LM_DP_NONE);
		if (spec->net6.ip.family)
			spans[n++] = span_of(&spec->net6, LM_DP_NONE);
		make_ranges(&s, spans, n);
	}
	free(s.open);
	free(spans);
	return err;
}

static bool is_served(const struct lm_ep *ep)
{
	return ep->peer == LM_DP_NONE ? ep->attachment != LM_DP_NONE : !ep->away;
}

static void choose(struct lm_routed *r, const struct lm_net *net)
{
	r->active = r->vias[0];
	for (unsigned i = 0; i < r->n_vias && !r->up; i++)
		if (is_served(&net->eps[r->vias[i]])) {
			r->active = r->vias[i];
			r->up = true;
		}
}

/* What the network had before for this prefix. The order changes seldom. */
static const struct lm_routed *before(
    const struct lm_routes *old, const struct lm_prefix *prefix, unsigned hint)
{
	for (unsigned i = 0; old && i < old->n; i++) {
		const struct lm_routed *r = &old->list[(hint + i) % old->n];
		if (r->prefix.len == prefix->len && lm_ip_equal(&r->prefix.ip, &prefix->ip))
			return r;
	}
	return NULL;
}

static uint64_t active_since(const struct lm_routed *r, unsigned index, const struct lm_net *net,
    const struct lm_net_made *made)
{
	const struct lm_routed *old =
	    made->old ? before(made->old->routes, &r->prefix, index) : NULL;
	if (!old || !old->up)
		return made->now;
	const struct lm_ep *was = &made->old->eps[old->active], *is = &net->eps[r->active];
	bool same = was->peer == is->peer && was->attachment == is->attachment &&
		    lm_addr_equal(was->addr4, is->addr4) && lm_addr_equal(was->addr6, is->addr6);
	return same ? old->since : made->now;
}

static int add(struct lm_routes *routes, const struct lm_dp_route *from, const struct lm_net *net,
    const struct lm_net_made *made, uint16_t *vias)
{
	struct lm_routed *r = &routes->list[routes->n];

	for (unsigned i = 0; i < from->n_vias; i++) {
		if (from->vias[i] >= net->n_eps)
			return -EINVAL;
		vias[i] = from->vias[i];
	}
	if (from->n_vias == 0)
		return -EINVAL;
	*r = (struct lm_routed){.prefix = from->prefix, .vias = vias, .n_vias = from->n_vias};
	choose(r, net);
	r->since = active_since(r, routes->n, net, made);
	routes->n++;
	return 0;
}

int lm_routes_create(struct lm_routes **out, const struct lm_net *net,
    const struct lm_dp_network *spec, const struct lm_net_made *made)
{
	size_t n_vias = 0, at = 0;

	*out = NULL;
	if (spec->n_routes == 0)
		return 0;
	for (unsigned i = 0; i < spec->n_routes; i++)
		n_vias += spec->routes[i].n_vias;
	struct lm_routes *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->list = calloc(spec->n_routes, sizeof *r->list);
	r->vias = calloc(n_vias + 1, sizeof *r->vias);
	int err = r->list && r->vias ? index_prefixes(r, spec) : -ENOMEM;
	for (unsigned i = 0; i < spec->n_routes && err == 0; i++) {
		err = add(r, &spec->routes[i], net, made, &r->vias[at]);
		at += spec->routes[i].n_vias;
	}
	if (err != 0) {
		lm_routes_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void lm_routes_free(struct lm_routes *routes)
{
	if (!routes)
		return;
	free(routes->list);
	free(routes->ranges);
	free(routes->vias);
	free(routes);
}

static void describe(
    struct lm_dp_route_info *out, const struct lm_routes *routes, const struct lm_routed *r)
{
	*out = (struct lm_dp_route_info){
	    .route = (unsigned)(r - routes->list), .endpoint = r->active, .up = r->up};
}

int lm_dp_route_at(
    const struct lm_dp *dp, uint32_t index, unsigned route, struct lm_dp_route_info *out)
{
	const struct lm_net *net = index < dp->config.max_networks ? dp->nets[index] : NULL;

	if (!net || !net->routes || route >= net->routes->n)
		return -ENOENT;
	describe(out, net->routes, &net->routes->list[route]);
	return 0;
}

int lm_dp_route_of(
    const struct lm_dp *dp, uint32_t index, const struct lm_ip *ip, struct lm_dp_route_info *out)
{
	const struct lm_net *net = index < dp->config.max_networks ? dp->nets[index] : NULL;
	const struct lm_routed *r = net ? lm_routes_find(net->routes, lm_addr_of(ip)) : NULL;

	if (!r)
		return -ENOENT;
	describe(out, net->routes, r);
	return 0;
}

/* ---- on workers ------------------------------------------------------------- */

const struct lm_routed *lm_routes_find(const struct lm_routes *routes, struct lm_addr addr)
{
	const struct number at = number_of(addr);

	if (!routes)
		return NULL;
	unsigned from = 0, to = routes->n_ranges;
	while (to - from > 1) {
		unsigned middle = (from + to) / 2;
		const struct lm_route_range *r = &routes->ranges[middle];

		if (below(at, (struct number){r->hi, r->lo}))
			to = middle;
		else
			from = middle;
	}
	uint32_t route = routes->ranges[from].route;
	return route == LM_DP_NONE ? NULL : &routes->list[route];
}

const struct lm_ep *lm_route_sender(
    const struct lm_net *net, uint32_t attachment, struct lm_addr addr)
{
	const struct lm_routed *r = lm_routes_find(net->routes, addr);

	for (unsigned i = 0; r && i < r->n_vias; i++)
		if (net->eps[r->vias[i]].attachment == attachment)
			return &net->eps[r->vias[i]];
	return NULL;
}

static bool lives_at(const struct lm_net *net, struct lm_addr addr, uint32_t peer)
{
	const struct lm_routed *r = lm_routes_find(net->routes, addr);

	for (unsigned i = 0; r && i < r->n_vias; i++)
		if (net->eps[r->vias[i]].peer == peer)
			return true;
	return false;
}

/*
 * Gateways that do not see the same others may hold different replicas for the active one. A peer
 * that sent us a packet means one of ours.
 */
enum lm_drop lm_route_other_via(struct lm_pkt *p)
{
	const struct lm_net *net = p->net;
	bool from_b = p->flags & LM_PKT_FROM_B;
	struct lm_addr src = from_b ? p->key.b : p->key.a, dst = from_b ? p->key.a : p->key.b;

	if (p->src_ep->peer != p->sa->peer && !lives_at(net, src, p->sa->peer))
		return LM_DROP_INNER_SOURCE;
	if (p->dst_ep->peer == LM_DP_NONE)
		return LM_FINE;
	const struct lm_routed *r = lm_routes_find(net->routes, dst);
	for (unsigned i = 0; r && i < r->n_vias; i++) {
		const struct lm_ep *ep = &net->eps[r->vias[i]];
		if (ep->peer == LM_DP_NONE && is_served(ep)) {
			p->dst_ep = ep;
			return LM_FINE;
		}
	}
	return LM_DROP_NO_ROUTE;
}

bool lm_route_on_way(const struct lm_pkt *p)
{
	struct lm_addr src =
	    p->flags & LM_PKT_V6 ? lm_addr6(p->ip + 8) : lm_addr4(lm_load32(p->ip + 12));
	uint32_t owner = lm_net_owner(p->net, src);

	return owner != LM_DP_NONE && &p->net->eps[owner] == p->src_ep;
}

static uint64_t side_since(const struct lm_net *net, const struct lm_ep *ep, struct lm_addr addr)
{
	if (!net->routes || lm_addr_equal(ep->addr4, addr) || lm_addr_equal(ep->addr6, addr))
		return ep->since;
	const struct lm_routed *r = lm_routes_find(net->routes, addr);
	return r ? RTE_MAX(r->since, ep->since) : ep->since;
}

uint64_t lm_route_since(const struct lm_pkt *p)
{
	bool from_b = p->flags & LM_PKT_FROM_B;
	uint64_t src = side_since(p->net, p->src_ep, from_b ? p->key.b : p->key.a);
	uint64_t dst = side_since(p->net, p->dst_ep, from_b ? p->key.a : p->key.b);

	return RTE_MAX(src, dst);
}
