/* SPDX-License-Identifier: Apache-2.0 */
#include "one_gateway.h"

#include <rte_byteorder.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_udp.h>
#include "bench.h"
#include "dataplane/bench.h"

#define BURST 32
#define FRAME 64
#define FOREVER 7200 /* seconds */

/* ---- flows ------------------------------------------------------------------ */

uint64_t one_gateway_flow(const struct one_gateway *g, uint32_t number)
{
	const struct tenants_flow f = tenants_flow(&g->tenants, number);

	return (uint64_t)f.net << 48 | (uint64_t)f.src << 40 | (uint64_t)f.dst << 32 |
	       (uint32_t)f.src_port << 16 | f.dst_port;
}

struct frame {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	uint8_t payload[FRAME - 42];
};
_Static_assert(sizeof(struct frame) == FRAME, "64 bytes");

static void write_frame(const struct one_gateway *g, struct frame *f, uint64_t flow)
{
	uint32_t net = (uint32_t)(flow >> 48), src = flow >> 40 & 0xff, dst = flow >> 32 & 0xff;
	struct lm_mac mac = tenants_mac(net, src);

	memset(f, 0, sizeof(*f));
	memcpy(&f->ether.dst_addr, g->mac.b, sizeof(g->mac.b));
	memcpy(&f->ether.src_addr, mac.b, sizeof(mac.b));
	f->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	f->ip.version_ihl = 0x45;
	f->ip.total_length = RTE_BE16(FRAME - sizeof(struct rte_ether_hdr));
	f->ip.time_to_live = 64;
	f->ip.next_proto_id = IPPROTO_UDP;
	f->ip.src_addr = rte_cpu_to_be_32(tenants_ip(net, src));
	f->ip.dst_addr = rte_cpu_to_be_32(tenants_ip(net, dst));
	f->ip.hdr_checksum = rte_ipv4_cksum(&f->ip);
	f->udp.src_port = rte_cpu_to_be_16((uint16_t)(flow >> 16));
	f->udp.dst_port = rte_cpu_to_be_16((uint16_t)flow);
	f->udp.dgram_len = RTE_BE16(FRAME - sizeof(struct rte_ether_hdr) - sizeof(f->ip));
}

/* ---- playing ------------------------------------------------------------------ */

static void put_burst(struct one_gateway *g, const uint64_t *flows, unsigned n)
{
	struct rte_mbuf *m[BURST];

	if (rte_pktmbuf_alloc_bulk(lm_dp_pool(g->dp, 0), m, n) != 0)
		bench_check(-ENOMEM, "packet buffers");
	for (unsigned i = 0; i < n; i++)
		write_frame(g, (struct frame *)rte_pktmbuf_append(m[i], FRAME), flows[i]);
	rte_ring_sp_enqueue_bulk(g->in, (void **)m, n, NULL);
}

static unsigned take_burst(struct rte_ring *ring)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, BURST, NULL);

	rte_pktmbuf_free_bulk(m, n);
	return n;
}

unsigned one_gateway_play(struct one_gateway *g, const uint64_t *flows, unsigned n)
{
	unsigned out = 0;

	for (unsigned i = 0; i < n; i += BURST) {
		put_burst(g, flows + i, n - i < BURST ? n - i : BURST);
		lm_dp_poll_once(g->dp, 0);
		out += take_burst(g->config.peers > 0 ? g->under_out : g->out);
	}
	return out;
}

void one_gateway_rehearse(struct one_gateway *g, const uint64_t *flows, unsigned n)
{
	for (unsigned i = 0; i < n; i += BURST) {
		put_burst(g, flows + i, n - i < BURST ? n - i : BURST);
		take_burst(g->in);
	}
}

void one_gateway_forget(struct one_gateway *g)
{
	lm_dp_pass_time(g->dp, 0, FOREVER);
	while (lm_dp_flow_count(g->dp) > 0)
		lm_dp_poll_once(g->dp, 0);
}

void one_gateway_publish(struct one_gateway *g, unsigned network, bool deny)
{
	tenants_publish(&g->tenants, g->dp, network, deny);
}

/* ---- opening ------------------------------------------------------------------- */

static unsigned open_port(
    struct one_gateway *g, bool underlay, struct rte_ring **in, struct rte_ring **out)
{
	static unsigned serial;
	struct lm_dp_port_config config = {.underlay = underlay};
	struct lm_why why = {0};
	char name[32];

	snprintf(config.name, sizeof(config.name), underlay ? "underlay" : "access");
	if (g->config.busy) {
		snprintf(config.device, sizeof(config.device), "net_null%u", serial++);
	} else {
		snprintf(name, sizeof(name), "perf_in%u", serial);
		*in =
		    bench_must(rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ), name);
		snprintf(name, sizeof(name), "perf_out%u", serial);
		*out =
		    bench_must(rte_ring_create(name, 256, 0, RING_F_SP_ENQ | RING_F_SC_DEQ), name);
		snprintf(name, sizeof(name), "perf%u", serial++);
		int ethdev = rte_eth_from_rings(name, in, 1, out, 1, 0);
		bench_check(ethdev, name);
		bench_check(
		    rte_eth_dev_get_name_by_port((uint16_t)ethdev, config.device), "port's name");
	}
	int port = lm_dp_port_add(g->dp, &config, &why);
	bench_check(port, why.text);
	return (unsigned)port;
}

void one_gateway_open(struct one_gateway *g, const struct one_gateway_config *config)
{
	*g = (struct one_gateway){.config = *config};
	tenants_open(&g->tenants, &(struct tenants_config){.networks = config->networks,
				      .endpoints = config->endpoints,
				      .rules = config->rules,
				      .peers = config->peers});
	const struct lm_dp_config dp = {.n_workers = 1,
	    .max_networks = config->networks,
	    .max_peers = config->peers + 1,
	    .max_endpoints = config->networks * config->endpoints,
	    .max_sas = 1,
	    .flows = rte_align32pow2(config->flows + config->flows / 4),
	    .flow_seconds = {.udp_one_way = FOREVER / 2, .udp = FOREVER / 2},
	    .udp_port = 4500,
	    .busy_poll = true,
	    .mbufs = 4095};
	bench_check(lm_dp_create(&g->dp, &dp), "data plane");
	lm_dp_bench_endless(g->dp);
	g->port = open_port(g, false, &g->in, &g->out);
	g->mac = lm_dp_port_mac(g->dp, g->port);
	for (unsigned i = 0; i < config->networks; i++)
		one_gateway_publish(g, i, false);
	if (config->peers > 0) {
		g->under = open_port(g, true, &g->under_in, &g->under_out);
		tenants_reach(&g->tenants, g->dp, g->under);
	}
	tenants_attach(&g->tenants, g->dp, g->port);
}

void one_gateway_close(struct one_gateway *g)
{
	lm_dp_ports_stop(g->dp);
	lm_dp_free(g->dp);
	rte_ring_free(g->in);
	rte_ring_free(g->out);
	rte_ring_free(g->under_in);
	rte_ring_free(g->under_out);
	tenants_close(&g->tenants);
}
