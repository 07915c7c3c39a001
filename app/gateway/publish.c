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

/* Active attachments in the order of their networks: those of i are at[from[i]] .. at[from[i + 1]].
 */
struct by_network {
	const struct gw_attachment **at;
	uint32_t *from;
};

static const struct gw_attachment *active(const struct gw_attachments *as, uint32_t id)
{
	const struct gw_attachment *at = as->slots[id];

	return at && at->state == GW_ACTIVE ? at : NULL;
}

void gw_attachments_publish(struct gateway *gw)
{
	struct gw_attachments *as = &gw->attachments;
	struct lm_dp_attachment *list = calloc(as->n_slots, sizeof(*list));
	unsigned n = 0;

	if (!list) {
		lm_error("out of memory: attachments are not published");
		return;
	}
	as->unpublished = false;
	for (uint32_t id = 0; id < as->n_slots; id++) {
		const struct gw_attachment *at = active(as, id);
		if (!at)
			continue;
		list[n++] = (struct lm_dp_attachment){
		    .id = id,
		    .port = at->port,
		    .vlan = at->a.vlan,
		    .has_mac = at->mac_known,
		    .mac = at->mac,
		    .net = at->net,
		    .endpoint = at->endpoint,
		};
	}
	int err = lm_dp_attachments_publish(gw->dp, list, n);
	if (err)
		lm_error("cannot publish %u attachments: %s", n, strerror(-err));
	free(list);
}

static void sort_by_network(
    struct by_network *by, const struct gw_attachments *as, uint32_t n_networks)
{
	for (uint32_t id = 0; id < as->n_slots; id++) {
		const struct gw_attachment *at = active(as, id);
		if (at)
			by->from[at->net + 2]++;
	}
	for (uint32_t i = 2; i < n_networks + 2; i++)
		by->from[i] += by->from[i - 1];
	/* from[i + 1] runs through the places of network i, and ends where it belongs. */
	for (uint32_t id = 0; id < as->n_slots; id++) {
		const struct gw_attachment *at = active(as, id);
		if (at)
			by->at[by->from[at->net + 1]++] = at;
	}
}

static void describe(
    const struct gateway *gw, struct lm_dp_endpoint *out, const struct lm_network *net)
{
	const struct lm_manifest *m = net->manifest;

	for (unsigned i = 0; i < m->n_endpoints; i++) {
		const struct lm_endpoint *e = &m->endpoints[i];
		const struct lm_peer *peer = net->peers[e->provider];
		bool remote = e->provider != (unsigned)net->self && peer;
		out[i] = (struct lm_dp_endpoint){
		    .ipv4 = e->ipv4,
		    .ipv6 = e->ipv6,
		    .member = e->member,
		    .attachment = LM_DP_NONE,
		    .peer = remote ? lm_peer_slot(peer) : LM_DP_NONE,
		    .away = remote && lm_membership_route(gw->membership, net, i) == LM_NO_ROUTE,
		};
	}
}

static void publish(struct gateway *gw, const struct lm_network *net,
    const struct gw_attachment *const *at, uint32_t n)
{
	const struct lm_manifest *m = net->manifest;
	struct lm_dp_endpoint *endpoints = calloc(m->n_endpoints + 1, sizeof(*endpoints));
	struct lm_policy *policy = NULL;
	int err = endpoints ? lm_policy_compile(&policy, m) : -ENOMEM;

	if (err)
		goto out;
	describe(gw, endpoints, net);
	for (uint32_t i = 0; i < n; i++)
		endpoints[at[i]->endpoint].attachment = at[i]->id;
	struct lm_dp_network spec = {
	    .net4 = m->ipv4,
	    .net6 = m->ipv6,
	    .gateway4 = lm_manifest_gateway_ip(m, 4),
	    .gateway6 = lm_manifest_gateway_ip(m, 6),
	    .mtu = gw_workload_mtu(gw),
	    .policy = policy,
	    .endpoints = endpoints,
	    .n_endpoints = m->n_endpoints,
	};
	err = lm_dp_network_publish(gw->dp, net->index, &spec);
	if (err)
		lm_policy_free(policy);
out:
	if (err)
		lm_error("network '%s': not published to the workers, what they had stays: %s",
		    m->network, strerror(-err));
	free(endpoints);
}

static void tell_served(struct gateway *gw, const struct lm_network *net,
    const struct gw_attachment *const *at, uint32_t n)
{
	uint32_t *served = calloc(n + 1, sizeof(*served));
	int err = served ? 0 : -ENOMEM;

	for (uint32_t i = 0; served && i < n; i++)
		served[i] = at[i]->endpoint;
	if (served)
		err = lm_membership_set_served(gw->membership, net->index, served, n);
	if (err)
		lm_error("network '%s': peers do not learn what is attached here: %s",
		    net->manifest->network, strerror(-err));
	free(served);
}

void gw_networks_publish(struct gateway *gw, const bool *which, uint32_t n)
{
	const struct gw_attachments *as = &gw->attachments;
	struct by_network by = {
	    .at = calloc(as->n_slots, sizeof(*by.at)),
	    .from = calloc(n + 2, sizeof(*by.from)),
	};

	if (by.at && by.from) {
		sort_by_network(&by, as, n);
		for (uint32_t i = 0; i < n; i++) {
			const struct lm_network *net = lm_membership_network(gw->membership, i);
			if (!net || !which[i])
				continue;
			const struct gw_attachment *const *at = by.at + by.from[i];
			publish(gw, net, at, by.from[i + 1] - by.from[i]);
			tell_served(gw, net, at, by.from[i + 1] - by.from[i]);
		}
	} else {
		lm_error("out of memory: networks are not published, what the workers had stays");
	}
	free(by.at);
	free(by.from);
}
