/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publication: each table is built aside, swapped in by one atomic exchange, and
 * what it replaces is retired. Control lcore only.
 */
#include <errno.h>
#include <stdlib.h>
#include <rte_cycles.h>
#include <rte_random.h>
#include "dataplane/dp.h"
#include "dataplane/meters.h"

static int publish_list(
    struct lm_dp *dp, struct lm_addr_list **where, const struct lm_ip *addrs, unsigned n)
{
	if (n > LM_ADDR_LIST_MAX)
		return -ENOSPC;
	struct lm_addr_list *list = calloc(1, sizeof *list);
	if (!list)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		list->addr[list->n++] = lm_addr_of(&addrs[i]);
	lm_retire(&dp->reclaim, lm_publish(*where, list), free);
	return 0;
}

int lm_dp_underlay_addrs(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n)
{
	return publish_list(dp, &dp->underlay, addrs, n);
}

int lm_dp_resolvers(struct lm_dp *dp, const struct lm_ip *addrs, unsigned n)
{
	return publish_list(dp, &dp->resolvers, addrs, n);
}

int lm_dp_attachments_publish(struct lm_dp *dp, const struct lm_dp_attachment *list, unsigned n)
{
	struct lm_attach_port ports[LM_DP_PORTS_MAX];
	struct lm_attach_table *table;

	for (unsigned i = 0; i < dp->n_ports; i++)
		ports[i] = (struct lm_attach_port){.mac = dp->ports[i].mac,
		    .mtu = dp->ports[i].mtu,
		    .access = !dp->ports[i].config.underlay};
	for (unsigned i = 0; i < n; i++)
		if (list[i].net >= dp->config.max_networks)
			return -EINVAL;
	int err =
	    lm_attach_table_create(&table, list, n, dp->config.max_endpoints, ports, dp->n_ports);
	if (err != 0)
		return err;
	err = lm_meters_attach(dp, table, list, n);
	if (err != 0) {
		lm_attach_table_free(table);
		return err;
	}
	lm_retire(&dp->reclaim, lm_publish(dp->attachments, table), lm_attach_table_free);
	return 0;
}

/* Flows of the old one must not be taken for known any more before it is freed. */
static void publish_net(struct lm_dp *dp, uint32_t index, struct lm_net *net)
{
	struct lm_net_brief brief = {0};
	uint64_t word;

	if (net)
		brief = (struct lm_net_brief){.generation = net->generation, .mtu = net->mtu};
	memcpy(&word, &brief, sizeof word);
	struct lm_net *old = lm_publish(dp->nets[index], net);
	__atomic_store_n(&dp->briefs[index], word, __ATOMIC_RELEASE);
	lm_retire(&dp->reclaim, old, lm_net_free);
}

int lm_dp_network_publish(struct lm_dp *dp, uint32_t index, const struct lm_dp_network *spec)
{
	struct lm_net *net;
	struct lm_net_made made = {.index = index,
	    .n_workers = dp->config.n_workers,
	    .now = rte_rdtsc() + dp->skew,
	    .hz = dp->hz};

	if (index >= dp->config.max_networks || spec->n_endpoints > LM_NET_ENDPOINTS_MAX)
		return -EINVAL;
	/*
	 * The index may just have been another tenant's. A worker in the middle of a burst may
	 * still hold that one's SAs and tunnels, which know their network by nothing but the index.
	 */
	if (!dp->nets[index])
		lm_reclaim_wait(&dp->reclaim);
	for (unsigned i = 0; i < spec->n_endpoints; i++)
		if (spec->endpoints[i].peer != LM_DP_NONE &&
		    spec->endpoints[i].peer >= dp->config.max_peers)
			return -EINVAL;
	made.generation = ++dp->generation;
	made.seed = rte_rand();
	made.old = dp->nets[index];
	int err = lm_net_create(&net, spec, &made, &dp->tunnels);
	if (err != 0)
		return err;
	if (!made.old)
		dp->over_share[index] += lm_dp_network_over_share(dp, index);
	publish_net(dp, index, net);
	return 0;
}

void lm_dp_network_remove(struct lm_dp *dp, uint32_t index)
{
	if (index >= dp->config.max_networks)
		return;
	lm_meters_forget_network(dp, index);
	publish_net(dp, index, NULL);
}

int lm_dp_peer_path(struct lm_dp *dp, uint32_t peer, const struct lm_dp_path *spec)
{
	struct lm_path *path = NULL;

	if (peer >= dp->config.max_peers)
		return -EINVAL;
	if (spec) {
		if (spec->port >= dp->n_ports || !dp->ports[spec->port].config.underlay)
			return -EINVAL;
		int err = lm_path_create(&path, spec, dp->config.udp_port);
		if (err != 0)
			return err;
		path->source = lm_source_of(&dp->sources, lm_addr_of(&spec->dst_ip));
		lm_source_count(&dp->sources, path->source, 1);
	}
	struct lm_path *old = lm_publish(dp->paths[peer], path);
	if (old)
		lm_source_count(&dp->sources, old->source, -1);
	lm_retire(&dp->reclaim, old, free);
	return 0;
}
