/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was settled, as the data plane wants it: the ports' table of attachments,
 * and networks with the attachments of their endpoints. Membership tells the peers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

#define LM_LOG_MODULE "publish"

void gw_attachments_publish(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct lm_dp_attachment *list = calloc(HASH_COUNT(as->by_name) + 1, sizeof(*list));
	unsigned n = 0;

	if (!list) {
		lm_error("out of memory: attachments are not published");
		return;
	}
	as->unpublished = false;
	for (const struct gw_attachment *at = as->by_name; at; at = at->hh.next) {
		if (at->state != GW_ACTIVE)
			continue;
		list[n++] = (struct lm_dp_attachment){
		    .id = at->id,
		    .port = at->port,
		    .vlan = at->a.vlan,
		    .has_mac = at->mac_known,
		    .learned = at->mac_known && !at->a.has_mac,
		    .waits = !at->served,
		    .mac = at->mac,
		    .net = at->net,
		    .endpoint = at->endpoint,
		    .rates = gw_attachment_rates(gw, at),
		};
	}
	int err = lm_dp_attachments_publish(gw->dp, list, n);
	if (err)
		lm_error("cannot publish %u attachments: %s", n, strerror(-err));
	free(list);
}

static void describe(
    const struct gateway *gw, struct lm_dp_endpoint *out, const struct lm_network *net)
{
	const struct lm_manifest *m = net->manifest;

	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->endpoints[i];
		const struct lm_peer *peer =
		    e->provider == LM_ANY_PROVIDER ? NULL : net->peers[e->provider];
		bool remote = e->provider != (unsigned)net->self && peer;
		bool away = remote ? lm_membership_route(gw->membership, net, i) == LM_NO_ROUTE
				   : e->provider == LM_ANY_PROVIDER;
		out[i] = (struct lm_dp_endpoint){
		    .ipv4 = e->ipv4,
		    .ipv6 = e->ipv6,
		    .member = e->member,
		    .attachment = LM_DP_NONE,
		    .peer = remote ? lm_peer_slot(peer) : LM_DP_NONE,
		    .away = away,
		};
	}
}

/* The endpoints of a route are written as the data plane wants them. */
static void describe_routes(struct lm_dp_route *out, const struct lm_manifest *m)
{
	for (unsigned i = 0; i < m->n_routes; i++)
		out[i] = (struct lm_dp_route){.prefix = m->routes[i].prefix,
		    .vias = m->routes[i].endpoints,
		    .n_vias = m->routes[i].n_endpoints};
}

static void publish(
    struct gateway *gw, const struct lm_network *net, const struct gw_attachment *seated)
{
	const struct lm_manifest *m = net->manifest;
	struct lm_dp_endpoint *endpoints = calloc(m->n_endpoints + 1, sizeof(*endpoints));
	struct lm_dp_route *routes = calloc(m->n_routes + 1, sizeof(*routes));
	struct lm_policy *policy = NULL;
	int err = endpoints && routes ? gw_rules_get(gw, net, &policy) : -ENOMEM;

	if (err)
		goto out;
	describe(gw, endpoints, net);
	describe_routes(routes, m);
	for (const struct gw_attachment *at = seated; at; at = at->in_seats.next)
		if (at->served)
			endpoints[at->endpoint].attachment = at->id;
	struct lm_dp_network spec = {
	    .net4 = m->ipv4,
	    .net6 = m->ipv6,
	    .gateway4 = lm_manifest_gateway_ip(m, 4),
	    .gateway6 = lm_manifest_gateway_ip(m, 6),
	    .mtu = gw_workload_mtu(gw),
	    .policy = policy,
	    .endpoints = endpoints,
	    .n_endpoints = m->n_endpoints,
	    .routes = routes,
	    .n_routes = m->n_routes,
	};
	err = lm_dp_network_publish(gw->dp, net->index, &spec);
out:
	if (err) {
		lm_policy_free(policy);
		lm_error("network '%s': not published to the workers, what they had stays: %s",
		    m->network, strerror(-err));
	}
	free(routes);
	free(endpoints);
}

static void tell_served(
    struct gateway *gw, const struct lm_network *net, const struct gw_attachment *seated)
{
	uint32_t *served = calloc(HASH_CNT(in_seats, seated) + 1, sizeof(*served));
	int err = served ? 0 : -ENOMEM;
	unsigned n = 0;

	for (const struct gw_attachment *at = seated; served && at; at = at->in_seats.next)
		served[n++] = at->endpoint;
	if (served)
		err = lm_membership_set_served(gw->membership, net->index, served, n);
	if (err)
		lm_error("network '%s': peers do not learn what is attached here: %s",
		    net->manifest->network, strerror(-err));
	free(served);
}

static void say_served(const struct gw_attachment *at)
{
	char ip4[LM_IP_TEXT] = "", ip6[LM_IP_TEXT] = "";

	if (!at->served) {
		lm_info_limited("%s: not served: %s/%u: %s", at->name, at->a.member, at->a.replica,
		    at->unserved ? at->unserved : "not yet");
		return;
	}
	if (at->ipv4.family)
		lm_ip_text(ip4, &at->ipv4);
	if (at->ipv6.family)
		lm_ip_text(ip6, &at->ipv6);
	lm_info_limited("%s: served: %s/%u has %s%s%s", at->name, at->a.member, at->a.replica, ip4,
	    ip4[0] && ip6[0] ? " and " : "", ip6);
}

/* What membership says of it now. Who has an address since, or another one, is advertised to. */
static void look_at(struct gateway *gw, const struct lm_network *net, struct gw_attachment *at)
{
	const struct lm_endpoint *e = &net->endpoints[at->endpoint];
	const char *why = NULL;
	bool served = lm_membership_served(gw->membership, net, at->endpoint, &why);
	bool news =
	    served != at->served ||
	    (served && !(lm_ip_equal(&at->ipv4, &e->ipv4) && lm_ip_equal(&at->ipv6, &e->ipv6)));

	if (!news && why == at->unserved)
		return;
	gw->attachments.unpublished |= served != at->served;
	at->served = served;
	at->unserved = served ? NULL : why;
	at->ipv4 = e->ipv4;
	at->ipv6 = e->ipv6;
	if (lm_endpoint_decided(&net->manifest->endpoints[at->endpoint]))
		say_served(at);
	if (served)
		gw_advertise_news(gw, at);
}

void gw_network_publish(struct gateway *gw, uint32_t index)
{
	const struct lm_network *net = lm_membership_network(gw->membership, index);
	const struct gw_group *g = gw_group_of(&gw->attachments.groups, index);
	struct gw_attachment *seated = g ? g->seated : NULL;

	if (!net)
		return;
	tell_served(gw, net, seated); /* first, as it decides which of them are served */
	for (struct gw_attachment *at = seated; at; at = at->in_seats.next)
		look_at(gw, net, at);
	publish(gw, net, seated);
}
