/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "view.h"

static bool is_known(void *ctx, const struct lm_ip *ip)
{
	const struct gw_view *view = ctx;

	return lm_membership_address(view->membership, view->net, ip) >= 0;
}

/* A workload is not told to send to us what it is itself to forward. */
static bool is_told(const struct gw_view *view, const struct lm_route *r, int family)
{
	return r->prefix.ip.family == family && !lm_route_has(r, view->endpoint);
}

static bool next_route(void *ctx, int family, unsigned *cursor, struct lm_prefix *out)
{
	const struct gw_view *view = ctx;
	const struct lm_manifest *m = view->net->manifest;

	while (*cursor < m->n_routes) {
		const struct lm_route *r = &m->routes[(*cursor)++];
		if (r->prefix.len == 0 || !is_told(view, r, family))
			continue;
		*out = r->prefix;
		return true;
	}
	return false;
}

static bool is_behind(void *ctx, const struct lm_ip *ip)
{
	const struct gw_view *view = ctx;
	int r = lm_manifest_route(view->net->manifest, ip);

	return r >= 0 && lm_route_has(&view->net->manifest->routes[r], view->endpoint);
}

/* Where the network routes everything, that counts; else what the operator has said. */
static bool has_default(const struct gw_view *view, int family, bool otherwise)
{
	const struct lm_manifest *m = view->net->manifest;

	for (unsigned i = 0; i < m->n_routes; i++)
		if (m->routes[i].prefix.len == 0 && m->routes[i].prefix.ip.family == family)
			return is_told(view, &m->routes[i], family);
	return otherwise;
}

/* Made of a hash, which RFC 9562 calls version 8. */
static void fill_uuid(uint8_t uuid[16], const struct lm_key_id *id)
{
	memcpy(uuid, id->b, 16);
	uuid[6] = (uuid[6] & 0x0f) | 0x80;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

void gw_view_fill(struct gateway *gw, const struct gw_attachment *at, const struct lm_network *net,
    struct gw_view *view)
{
	const struct lm_manifest *m = net->manifest;
	const struct lm_endpoint *e = &net->endpoints[at->endpoint];
	uint64_t now = gw_now().mono;
	bool lives = e->provider != LM_ANY_PROVIDER && e->provider != (unsigned)net->self;

	view->membership = gw->membership;
	view->net = net;
	view->endpoint = at->endpoint;
	snprintf(view->host, sizeof(view->host), "%s-%u", m->members[e->member].name, e->replica);
	snprintf(view->domain, sizeof(view->domain), "%s.%s", m->network, gw->config->domain);
	view->w = (struct lm_workload_view){
	    .gateway_mac = lm_dp_port_mac(gw->dp, at->port),
	    .vlan = at->a.vlan,
	    .ipv4 = at->served ? e->ipv4 : (struct lm_ip){0},
	    .ipv6 = at->served ? e->ipv6 : (struct lm_ip){0},
	    .waits = !at->served,
	    .elsewhere = !at->served && lives,
	    .net4 = m->ipv4,
	    .net6 = m->ipv6,
	    .gateway4 = lm_manifest_gateway_ip(m, 4),
	    .gateway6 = lm_manifest_gateway_ip(m, 6),
	    .mtu = gw_workload_mtu(gw),
	    .lease_seconds = gw->config->dhcp_lease_seconds,
	    .default4 = has_default(view, 4, gw->config->default_route),
	    .default6 = has_default(view, 6, gw->config->default_route),
	    .host_name = view->host,
	    .domain = view->domain,
	    .held4 = now < at->held4,
	    .held6 = now < at->held6,
	    .is_known = is_known,
	    .route = m->n_routes ? next_route : NULL,
	    .is_behind = m->n_routes ? is_behind : NULL,
	    .ctx = view,
	};
	fill_uuid(view->w.uuid, &gw->identity.id);
}
