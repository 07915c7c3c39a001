/* SPDX-License-Identifier: Apache-2.0 */
/* What one sees: read on the control lcore, while workers go on counting. */
#include <errno.h>
#include <stdio.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include "dataplane/bench.h"
#include "dataplane/worker.h"

#define NAME(id, name) name,
const char *const lm_drop_names[LM_DROP_MAX] = {LM_DROPS(NAME)};
const char *const lm_punt_names[LM_PUNT_MAX] = {LM_PUNTS(NAME)};
const char *const lm_stage_names[LM_STAGE_MAX] = {LM_STAGES(NAME)};
#define STATE_NAME(id, name, timeout) name,
const char *const lm_flow_state_names[LM_FLOW_STATE_MAX] = {LM_FLOW_STATES(STATE_NAME)};

void lm_dp_counters(const struct lm_dp *dp, int worker, struct lm_counters *out)
{
	/* Nothing but 64-bit counters in it, so it can be summed as an array. */
	enum { N = sizeof *out / sizeof(uint64_t) };
	uint64_t sum[N] = {0};

	_Static_assert(sizeof *out % sizeof(uint64_t) == 0, "only counters");
	for (unsigned i = 0; i < dp->config.n_workers; i++) {
		const uint64_t *c = (const uint64_t *)&dp->workers[i]->c;

		if (worker >= 0 && i != (unsigned)worker)
			continue;
		for (unsigned k = 0; k < N; k++)
			sum[k] += __atomic_load_n(&c[k], __ATOMIC_RELAXED);
	}
	memcpy(out, sum, sizeof *out);
}

struct lm_dp_peer_info lm_dp_peer(const struct lm_dp *dp, uint32_t peer)
{
	struct lm_dp_peer_info sum = {0};

	for (unsigned i = 0; i < dp->config.n_workers && peer < dp->config.max_peers; i++) {
		const struct lm_peer_traffic *t = &dp->workers[i]->peers[peer];
		sum.rx_packets += __atomic_load_n(&t->rx, __ATOMIC_RELAXED);
		sum.tx_packets += __atomic_load_n(&t->tx, __ATOMIC_RELAXED);
	}
	return sum;
}

void lm_dp_attachment_counters(
    const struct lm_dp *dp, uint32_t attachment, struct lm_dp_endpoint_info *out)
{
	*out = (struct lm_dp_endpoint_info){0};
	if (attachment >= dp->config.max_endpoints)
		return;
	for (unsigned i = 0; i < dp->config.n_workers; i++) {
		const struct lm_attach_state *s = &dp->workers[i]->attached[attachment];

		out->rx_packets += s->rx_packets;
		out->rx_bytes += s->rx_bytes;
		out->tx_packets += s->tx_packets;
		out->tx_bytes += s->tx_bytes;
		out->spoofed += s->spoofed;
	}
}

static struct lm_ip ip_of(struct lm_addr addr)
{
	struct lm_ip ip = {.family = 6};

	if (addr.w[0] == 0) {
		ip.family = 4;
		memcpy(ip.b, (const uint8_t *)&addr + 12, 4);
	} else {
		memcpy(ip.b, &addr, 16);
	}
	return ip;
}

void lm_flow_describe(
    struct lm_dp_flow_info *out, const struct lm_flow *f, const struct lm_worker *w)
{
	bool from_b = f->from_b;
	struct lm_flow_key key;
	uint64_t idle = (uint64_t)(w->tick - f->seen) << LM_TICK_SHIFT;

	lm_flow_key_of(&key, f);
	*out = (struct lm_dp_flow_info){.net = lm_flow_net_of(key.net_proto),
	    .protocol = (uint8_t)key.net_proto,
	    .worker = (uint8_t)w->index,
	    .state = f->state,
	    .src = ip_of(from_b ? key.b : key.a),
	    .dst = ip_of(from_b ? key.a : key.b),
	    .src_port = rte_be_to_cpu_16(from_b ? key.port_b : key.port_a),
	    .dst_port = rte_be_to_cpu_16(from_b ? key.port_a : key.port_b),
	    .idle_s = (uint32_t)(idle / w->dp->hz),
	    .packets = f->packets,
	    .bytes = f->bytes};
}

unsigned lm_dp_flows(const struct lm_dp *dp, unsigned worker, uint32_t *cursor,
    struct lm_dp_flow_info *out, unsigned max)
{
	unsigned n = 0;

	if (worker >= dp->config.n_workers)
		return 0;
	const struct lm_worker *w = dp->workers[worker];
	for (; *cursor <= w->flows.slot_mask && n < max; ++*cursor) {
		const struct lm_flow copy = w->flows.slots[*cursor];

		if (copy.net_proto != LM_FLOW_FREE)
			lm_flow_describe(&out[n++], &copy, w);
	}
	return n;
}

uint32_t lm_dp_flow_count(const struct lm_dp *dp)
{
	uint32_t sum = 0;

	for (unsigned state = 0; state < LM_FLOW_STATE_MAX; state++)
		sum += lm_dp_flows_in(dp, state);
	return sum;
}

struct lm_dp_network_flows lm_dp_network_flows(const struct lm_dp *dp, uint32_t net)
{
	struct lm_dp_network_flows sum = {0};

	for (unsigned i = 0; i < dp->config.n_workers && net < dp->config.max_networks; i++) {
		const struct lm_flow_net *n = &dp->workers[i]->flows.nets[net];

		sum.flows += __atomic_load_n(&n->flows, __ATOMIC_RELAXED);
		sum.half_open += __atomic_load_n(&n->half_open, __ATOMIC_RELAXED);
	}
	return sum;
}

uint64_t lm_dp_network_over_share(const struct lm_dp *dp, uint32_t net)
{
	uint64_t sum = 0;

	if (net >= dp->config.max_networks)
		return 0;
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		sum += __atomic_load_n(&dp->workers[i]->overload.drops[net], __ATOMIC_RELAXED);
	return sum - dp->over_share[net];
}

uint32_t lm_dp_flows_in(const struct lm_dp *dp, enum lm_flow_state state)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < dp->config.n_workers; i++)
		sum += __atomic_load_n(&dp->workers[i]->flows.by_state[state], __ATOMIC_RELAXED);
	return sum;
}

int lm_dp_port_info(const struct lm_dp *dp, unsigned index, struct lm_dp_port_info *out)
{
	struct rte_eth_dev_info dev;
	struct rte_eth_stats stats = {0};
	struct rte_eth_link link = {0};

	if (index >= dp->n_ports)
		return -ENOENT;
	const struct lm_port *port = &dp->ports[index];
	*out = (struct lm_dp_port_info){.underlay = port->config.underlay,
	    .dpdk_port = port->ethdev,
	    .mtu = port->mtu,
	    .n_rxq = port->n_rxq,
	    .n_txq = port->n_txq,
	    .mac = port->mac};
	memcpy(out->name, port->config.name, sizeof out->name);
	memcpy(out->device, port->config.device, sizeof out->device);
	if (rte_eth_dev_info_get(port->ethdev, &dev) == 0 && dev.driver_name)
		snprintf(out->driver, sizeof out->driver, "%s", dev.driver_name);
	if (rte_eth_link_get_nowait(port->ethdev, &link) == 0)
		out->link_up = link.link_status == RTE_ETH_LINK_UP;
	if (rte_eth_stats_get(port->ethdev, &stats) == 0) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->rx_missed = stats.imissed;
		out->rx_errors = stats.ierrors;
		out->rx_nombuf = stats.rx_nombuf;
	}
	return 0;
}

struct lm_mac lm_dp_port_mac(const struct lm_dp *dp, unsigned port)
{
	return port < dp->n_ports ? dp->ports[port].mac : (struct lm_mac){{0}};
}
