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
#include "rules.h"

#define BURST 32
#define FRAME 64
#define FIRST_HOST 10 /* of 100.64.0.0/16 */
#define FIRST_PORT 1024
#define PORTS 60000
#define SERVICE 20000 /* above what any rule is about */
#define FOREVER 7200 /* seconds */

_Static_assert(SERVICE > RULES_PORT_MAX, "no rule matches");

/* ---- flows ------------------------------------------------------------------ */

uint64_t one_gateway_flow(const struct one_gateway *g, uint32_t number)
{
	uint32_t n = g->config.endpoints;
	uint32_t net = number % g->config.networks, i = number / g->config.networks;
	/* With peers the even ones are here, and the odd ones there. */
	uint32_t each = g->config.peers > 0 ? 2 : 1, n_src = n / each;
	uint32_t n_dst = g->config.peers > 0 ? n_src : n - 1, src = i % n_src * each;
	i /= n_src;
	uint32_t dst = (src + 1 + i % n_dst * each) % n;
	i /= n_dst;
	uint32_t from = FIRST_PORT + i % PORTS, to = SERVICE + i / PORTS;

	return (uint64_t)net << 48 | (uint64_t)src << 40 | (uint64_t)dst << 32 | from << 16 | to;
}

static uint32_t host_ip(uint32_t endpoint)
{
	return UINT32_C(100) << 24 | UINT32_C(64) << 16 | (FIRST_HOST + endpoint);
}

static struct lm_mac host_mac(uint32_t net, uint32_t endpoint)
{
	return (struct lm_mac){
	    {2, 1, (uint8_t)(net >> 8), (uint8_t)net, (uint8_t)(endpoint >> 8), (uint8_t)endpoint}};
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
	uint32_t src = flow >> 40 & 0xff, dst = flow >> 32 & 0xff;
	struct lm_mac mac = host_mac((uint32_t)(flow >> 48), src);

	memset(f, 0, sizeof(*f));
	memcpy(&f->ether.dst_addr, g->mac.b, sizeof(g->mac.b));
	memcpy(&f->ether.src_addr, mac.b, sizeof(mac.b));
	f->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	f->ip.version_ihl = 0x45;
	f->ip.total_length = RTE_BE16(FRAME - sizeof(struct rte_ether_hdr));
	f->ip.time_to_live = 64;
	f->ip.next_proto_id = IPPROTO_UDP;
	f->ip.src_addr = rte_cpu_to_be_32(host_ip(src));
	f->ip.dst_addr = rte_cpu_to_be_32(host_ip(dst));
	f->ip.hdr_checksum = rte_ipv4_cksum(&f->ip);
	f->udp.src_port = rte_cpu_to_be_16((uint16_t)(flow >> 16));
	f->udp.dst_port = rte_cpu_to_be_16((uint16_t)flow);
	f->udp.dgram_len = RTE_BE16(FRAME - sizeof(struct rte_ether_hdr) - sizeof(f->ip));
}

/* ---- playing ------------------------------------------------------------------ */

static void put_burst(struct one_gateway *g, const uint64_t *flows, unsigned n)
{
	struct rte_mbuf *m[BURST];

	if (rte_pktmbuf_alloc_bulk(lm_dp_pool(g->dp), m, n) != 0)
		bench_check(-ENOMEM, "packet buffers");
	for (unsigned i = 0; i < n; i++)
		write_frame(g, (struct frame *)rte_pktmbuf_append(m[i], FRAME), flows[i]);
	rte_ring_sp_enqueue_bulk(g->in, (void **)m, n, NULL);
}

/* Whose endpoint it is. */
static uint32_t peer_of(const struct one_gateway *g, uint32_t net, uint32_t endpoint)
{
	if (g->config.peers == 0 || endpoint % 2 == 0)
		return LM_DP_NONE;
	return (net + endpoint / 2) % g->config.peers;
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

/* ---- what control would publish ------------------------------------------------ */

void one_gateway_publish(struct one_gateway *g, unsigned network, bool deny)
{
	unsigned n = g->config.endpoints;
	struct lm_dp_endpoint *list = bench_must(calloc(n, sizeof(*list)), "endpoints");

	for (unsigned i = 0; i < n; i++) {
		uint32_t ip = rte_cpu_to_be_32(host_ip(i));

		list[i] = (struct lm_dp_endpoint){.ipv4 = {.family = 4},
		    .member = (uint16_t)(i * g->members / n),
		    .attachment = network * n + i,
		    .peer = peer_of(g, network, i)};
		if (list[i].peer != LM_DP_NONE)
			list[i].attachment = LM_DP_NONE;
		memcpy(list[i].ipv4.b, &ip, sizeof(ip));
	}
	const struct lm_dp_network spec = {.mtu = 1420,
	    .policy = lm_policy_hold(g->policies[deny][network]),
	    .endpoints = list,
	    .n_endpoints = n};
	bench_check(lm_dp_network_publish(g->dp, network, &spec), "network");
	free(list);
}

static void compile(struct one_gateway *g)
{
	struct lm_manifest m;

	for (unsigned deny = 0; deny < 2; deny++)
		g->policies[deny] =
		    bench_must(calloc(g->config.networks, sizeof(struct lm_policy *)), "policies");
	for (unsigned i = 0; i < g->config.networks; i++) {
		rules_manifest(&m, g->config.rules);
		g->members = m.n_members;
		for (unsigned deny = 0; deny < 2; deny++) {
			uint64_t begin = bench_ns();

			m.default_allow = !deny;
			bench_check(lm_policy_compile(&g->policies[deny][i], &m), "policy");
			g->compile_ns += (bench_ns() - begin) / (2 * g->config.networks);
		}
		rules_manifest_free(&m);
	}
}

static void attach(struct one_gateway *g)
{
	unsigned each = g->config.endpoints, n = g->config.networks * each;
	struct lm_dp_attachment *list = bench_must(calloc(n, sizeof(*list)), "attachments");
	unsigned here = 0;

	for (unsigned i = 0; i < n; i++)
		if (peer_of(g, i / each, i % each) == LM_DP_NONE)
			list[here++] = (struct lm_dp_attachment){.id = i,
			    .port = g->port,
			    .has_mac = true,
			    .mac = host_mac(i / each, i % each),
			    .net = i / each,
			    .endpoint = i % each};
	bench_check(lm_dp_attachments_publish(g->dp, list, here), "attachments");
	free(list);
}

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

/* ---- peers --------------------------------------------------------------------- */

static void open_path(struct one_gateway *g, uint32_t peer, const struct lm_ip *here)
{
	struct lm_dp_path path = {.port = g->under,
	    .src = lm_dp_port_mac(g->dp, g->under),
	    .dst = {{2, 2, 0, 0, (uint8_t)(peer >> 8), (uint8_t)peer}},
	    .src_ip = *here,
	    .dst_ip = {.family = 4, .b = {198, 18, (uint8_t)(peer >> 8), (uint8_t)peer}},
	    .dst_port = 4500};

	bench_check(lm_dp_peer_path(g->dp, peer, &path), "path");
}

/* One lane of each network to each peer that has endpoints of it. */
static void open_lanes(struct one_gateway *g)
{
	for (uint32_t net = 0; net < g->config.networks; net++)
		for (uint32_t i = 1; i < g->config.endpoints && i / 2 < g->config.peers; i += 2) {
			uint8_t keymat[1][36];
			const uint32_t spi = 0x10000 + net;

			for (unsigned k = 0; k < sizeof(keymat[0]); k++)
				keymat[0][k] = (uint8_t)rules_below(256);
			bench_check(
			    lm_dp_sa_out_set(g->dp, net, peer_of(g, net, i), 1, &spi, keymat),
			    "lane");
		}
}

static void open_peers(struct one_gateway *g)
{
	const struct lm_ip here = {.family = 4, .b = {192, 0, 2, 1}};

	g->under = open_port(g, true, &g->under_in, &g->under_out);
	bench_check(lm_dp_underlay_addrs(g->dp, &here, 1), "underlay");
	for (uint32_t peer = 0; peer < g->config.peers; peer++)
		open_path(g, peer, &here);
}

void one_gateway_open(struct one_gateway *g, const struct one_gateway_config *config)
{
	*g = (struct one_gateway){.config = *config};
	compile(g);
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
	if (config->peers > 0)
		open_peers(g);
	for (unsigned i = 0; i < config->networks; i++)
		one_gateway_publish(g, i, false);
	if (config->peers > 0)
		open_lanes(g);
	attach(g);
}

void one_gateway_close(struct one_gateway *g)
{
	lm_dp_ports_stop(g->dp);
	lm_dp_free(g->dp);
	rte_ring_free(g->in);
	rte_ring_free(g->out);
	rte_ring_free(g->under_in);
	rte_ring_free(g->under_out);
	for (unsigned deny = 0; deny < 2; deny++) {
		for (unsigned i = 0; i < g->config.networks; i++)
			lm_policy_free(g->policies[deny][i]);
		free(g->policies[deny]);
	}
}
