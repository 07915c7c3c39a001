/* SPDX-License-Identifier: Apache-2.0 */
#include "tenants.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include "bench.h"
#include "rules.h"

#define FIRST_IP (UINT32_C(100) << 24 | UINT32_C(64) << 16)
#define FIRST_GATEWAY (UINT32_C(198) << 24 | UINT32_C(18) << 16)
#define FIRST_PORT 1024
#define PORTS 60000
#define SERVICE 20000 /* above what any rule is about */
#define FIRST_SPI 0x10000
#define UDP_PORT 4500

_Static_assert(SERVICE > RULES_PORT_MAX, "no rule matches");

/* ---- who is where ---------------------------------------------------------------- */

struct tenants_flow tenants_flow(const struct tenants *t, uint32_t number)
{
	const struct tenants_config *c = &t->config;
	uint32_t net = number % c->networks, i = number / c->networks;
	/* With peers the even ones are here, and the odd ones there. */
	uint32_t each = c->peers > 0 ? 2 : 1, n_src = c->endpoints / each;
	uint32_t n_dst = c->peers > 0 ? n_src : c->endpoints - 1, src = i % n_src * each;
	i /= n_src;
	uint32_t dst = (src + 1 + i % n_dst * each) % c->endpoints;
	i /= n_dst;

	return (struct tenants_flow){.net = net,
	    .src = src,
	    .dst = dst,
	    .src_port = (uint16_t)(FIRST_PORT + i % PORTS),
	    .dst_port = (uint16_t)(SERVICE + i / PORTS)};
}

uint32_t tenants_ip(uint32_t net, uint32_t endpoint)
{
	return FIRST_IP + (net << (32 - TENANTS_IP_BITS)) + endpoint;
}

struct lm_mac tenants_mac(uint32_t net, uint32_t endpoint)
{
	return (struct lm_mac){
	    {2, 1, (uint8_t)(net >> 8), (uint8_t)net, (uint8_t)(endpoint >> 8), (uint8_t)endpoint}};
}

uint32_t tenants_peer(const struct tenants *t, uint32_t net, uint32_t endpoint)
{
	if (t->config.peers == 0 || endpoint % 2 == 0)
		return LM_DP_NONE;
	return (net + endpoint / 2) % t->config.peers;
}

uint32_t tenants_gateway(uint32_t peer)
{
	return FIRST_GATEWAY + peer;
}

/* Of each network. */
static unsigned tunnels_each(const struct tenants *t)
{
	return RTE_MIN(t->config.endpoints / 2, t->config.peers);
}

unsigned tenants_tunnels(const struct tenants *t)
{
	return t->config.networks * tunnels_each(t);
}

uint32_t tenants_tunnel(const struct tenants *t, uint32_t net, uint32_t endpoint)
{
	return net * tunnels_each(t) + endpoint / 2 % t->config.peers;
}

uint32_t tenants_tunnel_net(const struct tenants *t, uint32_t tunnel)
{
	return tunnel / tunnels_each(t);
}

uint32_t tenants_tunnel_peer(const struct tenants *t, uint32_t tunnel)
{
	return (tenants_tunnel_net(t, tunnel) + tunnel % tunnels_each(t)) % t->config.peers;
}

void tenants_keymat(uint32_t tunnel, uint8_t out[LM_GCM_KEYMAT_LEN])
{
	for (unsigned i = 0; i < LM_GCM_KEYMAT_LEN; i++)
		out[i] = (uint8_t)(i + (tunnel >> i % 4 * 8));
}

static struct lm_ip ip_of(uint32_t address)
{
	struct lm_ip ip = {.family = 4};
	uint32_t be = rte_cpu_to_be_32(address);

	memcpy(ip.b, &be, sizeof(be));
	return ip;
}

/* ---- what control would publish -------------------------------------------------- */

void tenants_publish(const struct tenants *t, struct lm_dp *dp, uint32_t net, bool deny)
{
	unsigned n = t->config.endpoints;
	struct lm_dp_endpoint *list = bench_must(calloc(n, sizeof(*list)), "endpoints");

	for (unsigned i = 0; i < n; i++) {
		list[i] = (struct lm_dp_endpoint){.ipv4 = ip_of(tenants_ip(net, i)),
		    .member = (uint16_t)(i * t->members / n),
		    .attachment = net * n + i,
		    .peer = tenants_peer(t, net, i)};
		if (list[i].peer != LM_DP_NONE)
			list[i].attachment = LM_DP_NONE;
	}
	const struct lm_dp_network spec = {.mtu = 1420,
	    .policy = lm_policy_hold(t->policies[deny][net]),
	    .endpoints = list,
	    .n_endpoints = n};
	bench_check(lm_dp_network_publish(dp, net, &spec), "network");
	free(list);
}

void tenants_attach(const struct tenants *t, struct lm_dp *dp, unsigned port)
{
	unsigned each = t->config.endpoints, n = t->config.networks * each, here = 0;
	struct lm_dp_attachment *list = bench_must(calloc(n, sizeof(*list)), "attachments");

	for (unsigned i = 0; i < n; i++)
		if (tenants_peer(t, i / each, i % each) == LM_DP_NONE)
			list[here++] = (struct lm_dp_attachment){.id = i,
			    .port = port,
			    .has_mac = true,
			    .mac = tenants_mac(i / each, i % each),
			    .net = i / each,
			    .endpoint = i % each};
	bench_check(lm_dp_attachments_publish(dp, list, here), "attachments");
	free(list);
}

static void reach_peer(struct lm_dp *dp, unsigned port, uint32_t peer)
{
	struct lm_dp_path path = {.port = port,
	    .src = lm_dp_port_mac(dp, port),
	    .dst = {{2, 2, 0, 0, (uint8_t)(peer >> 8), (uint8_t)peer}},
	    .src_ip = ip_of(TENANTS_HERE),
	    .dst_ip = ip_of(tenants_gateway(peer)),
	    .dst_port = UDP_PORT};

	bench_check(lm_dp_peer_path(dp, peer, &path), "path");
}

void tenants_reach(const struct tenants *t, struct lm_dp *dp, unsigned port)
{
	const struct lm_ip here = ip_of(TENANTS_HERE);

	bench_check(lm_dp_underlay_addrs(dp, &here, 1), "underlay");
	for (uint32_t peer = 0; peer < t->config.peers; peer++)
		reach_peer(dp, port, peer);
	for (uint32_t i = 0; i < tenants_tunnels(t); i++) {
		uint8_t keymat[1][LM_GCM_KEYMAT_LEN];
		const uint32_t spi = FIRST_SPI + i;

		tenants_keymat(i, keymat[0]);
		bench_check(lm_dp_sa_out_set(dp, tenants_tunnel_net(t, i),
				tenants_tunnel_peer(t, i), 1, &spi, keymat),
		    "lane");
	}
}

/* ---- rules ----------------------------------------------------------------------- */

static void compile(struct tenants *t, uint32_t net, struct lm_manifest *m)
{
	for (unsigned deny = 0; deny < 2; deny++) {
		uint64_t begin = bench_ns();

		m->default_allow = !deny;
		bench_check(lm_policy_compile(&t->policies[deny][net], m), "policy");
		t->compile_ns += (bench_ns() - begin) / (2 * t->config.networks);
	}
}

void tenants_open(struct tenants *t, const struct tenants_config *config)
{
	struct lm_manifest m;

	*t = (struct tenants){.config = *config};
	for (unsigned deny = 0; deny < 2; deny++)
		t->policies[deny] =
		    bench_must(calloc(config->networks, sizeof(struct lm_policy *)), "policies");
	for (uint32_t i = 0; i < config->networks; i++) {
		if (config->member_rules > 0)
			rules_members(&m, config->endpoints, config->member_rules);
		else
			rules_manifest(&m, config->rules);
		t->members = m.n_members;
		compile(t, i, &m);
		rules_manifest_free(&m);
	}
}

void tenants_close(struct tenants *t)
{
	for (unsigned deny = 0; deny < 2; deny++) {
		for (unsigned i = 0; i < t->config.networks; i++)
			lm_policy_free(t->policies[deny][i]);
		free(t->policies[deny]);
	}
}
