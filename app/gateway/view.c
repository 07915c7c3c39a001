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
	    .default_route = gw->config->default_route,
	    .host_name = view->host,
	    .domain = view->domain,
	    .held4 = now < at->held4,
	    .held6 = now < at->held6,
	    .is_known = is_known,
	    .ctx = view,
	};
	fill_uuid(view->w.uuid, &gw->identity.id);
}
