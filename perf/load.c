/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <stdio.h>
#include <rte_common.h>
#include "bench.h"
#include "dataplane/bench.h"
#include "rules.h"

/*
 * Packets of a capture, at least. Every round of it puts each SA's replay window back, which no
 * gateway does and which costs both of them; this makes it seldom. Fewer than a window has of any
 * SA, so that a second round looks like replays.
 */
#define PACKETS (1u << 18)
#define FIRST_SPI 0x1000 /* ipsec-secgw's */

void load_open(struct load *l, unsigned flows)
{
	*l = (struct load){.flows = flows};
	tenants_open(&l->tenants, &(struct tenants_config){.networks = LOAD_NETWORKS,
				      .endpoints = LOAD_ENDPOINTS,
				      .member_rules = LOAD_RULES,
				      .peers = LOAD_PEERS});
	unsigned tunnels = tenants_tunnels(&l->tenants);
	l->sas = bench_must(calloc(tunnels, sizeof(*l->sas)), "SAs");
	for (uint32_t i = 0; i < tunnels; i++) {
		l->sas[i].spi = FIRST_SPI + i;
		tenants_keymat(i, l->sas[i].keymat);
	}
	l->order = bench_must(calloc(flows, sizeof(*l->order)), "flows");
	for (uint32_t i = 0; i < flows; i++) {
		uint32_t k = rules_below(i + 1);

		l->order[i] = l->order[k];
		l->order[k] = i;
	}
}

void load_close(struct load *l)
{
	for (uint32_t i = 0; i < tenants_tunnels(&l->tenants); i++)
		perf_sa_close(&l->sas[i]);
	free(l->sas);
	free(l->order);
	tenants_close(&l->tenants);
}

void load_publish(struct load *l, struct lm_dp *dp, unsigned access, unsigned underlay)
{
	const struct tenants *t = &l->tenants;

	for (uint32_t i = 0; i < t->config.networks; i++)
		tenants_publish(t, dp, i, false);
	tenants_attach(t, dp, access);
	tenants_reach(t, dp, underlay);
	for (uint32_t i = 0; i < tenants_tunnels(t); i++) {
		bench_check(lm_dp_sa_in_add(dp, tenants_tunnel_net(t, i), tenants_tunnel_peer(t, i),
				0, 1, l->sas[i].keymat, &l->sas[i].spi),
		    "inbound lane");
		lm_dp_bench_loop(dp, l->sas[i].spi);
	}
	lm_dp_bench_endless(dp);
}

/* ---- captures -------------------------------------------------------------------- */

struct capture {
	struct load *load;
	const struct perf_mix *mix;
	bool from_here;
};

static void packet_at(void *ctx, unsigned i, struct perf_packet *out)
{
	const struct capture *c = ctx;
	struct load *l = c->load;
	const struct tenants_flow f = tenants_flow(&l->tenants, l->order[i % l->flows]);
	const uint32_t here = tenants_ip(f.net, f.src), there = tenants_ip(f.net, f.dst);
	const struct lm_mac mac = tenants_mac(f.net, f.src);

	*out = (struct perf_packet){.size = c->mix->sizes[i % RTE_DIM(c->mix->sizes)],
	    .src = c->from_here ? here : there,
	    .dst = c->from_here ? there : here,
	    .src_port = f.src_port,
	    .dst_port = f.dst_port,
	    .tunnel_src = tenants_gateway(tenants_peer(&l->tenants, f.net, f.dst)),
	    .tunnel_dst = TENANTS_HERE,
	    .sa = &l->sas[tenants_tunnel(&l->tenants, f.net, f.dst)]};
	memcpy(out->src_mac, mac.b, sizeof(out->src_mac));
}

int load_capture(struct load *l, const char *path, const struct perf_mix *mix, enum perf_wrap wrap,
    const uint8_t dst_mac[6])
{
	struct capture c = {.load = l, .mix = mix, .from_here = wrap == PERF_PLAIN};
	const struct perf_packets packets = {
	    .n = l->flows * RTE_MAX(1u, PACKETS / l->flows), .at = packet_at, .ctx = &c};

	return perf_capture_write(path, &packets, wrap, dst_mac);
}

/* ---- ipsec-secgw ----------------------------------------------------------------- */

struct text {
	char at[16];
};

static struct text dotted(uint32_t ip)
{
	struct text t;

	snprintf(t.at, sizeof(t.at), "%u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff,
	    ip & 0xff);
	return t;
}

/* Which packets of a network belong to which tunnel. */
static void put_policies(FILE *file, const struct load *l, uint32_t net)
{
	const struct text own = dotted(tenants_ip(net, 0));

	for (uint32_t i = 1; i < l->tenants.config.endpoints; i += 2) {
		const unsigned spi = FIRST_SPI + tenants_tunnel(&l->tenants, net, i);
		const struct text there = dotted(tenants_ip(net, i));

		fprintf(file,
		    "sp ipv4 out esp protect %u pri 1 src %s/%d dst %s/32 sport 0:65535 dport "
		    "0:65535\n",
		    spi, own.at, TENANTS_IP_BITS, there.at);
		fprintf(file,
		    "sp ipv4 in esp protect %u pri 1 src %s/32 dst %s/%d sport 0:65535 dport "
		    "0:65535\n",
		    spi, there.at, own.at, TENANTS_IP_BITS);
	}
}

static void put_sa(FILE *file, const struct load *l, uint32_t tunnel, bool out)
{
	const struct text here = dotted(TENANTS_HERE),
			  there = dotted(tenants_gateway(tenants_tunnel_peer(&l->tenants, tunnel)));

	fprintf(file, "sa %s %u aead_algo aes-256-gcm aead_key ", out ? "out" : "in",
	    FIRST_SPI + tunnel);
	for (unsigned i = 0; i < LM_GCM_KEYMAT_LEN; i++)
		fprintf(file, "%s%02x", i ? ":" : "", l->sas[tunnel].keymat[i]);
	fprintf(file, " mode ipv4-tunnel src %s dst %s type cpu-crypto\n", out ? here.at : there.at,
	    out ? there.at : here.at);
}

int load_write_secgw(const struct load *l, const char *path)
{
	const struct tenants *t = &l->tenants;
	FILE *file = fopen(path, "w");

	if (!file)
		return -errno;
	for (uint32_t i = 0; i < t->config.networks; i++)
		put_policies(file, l, i);
	for (uint32_t i = 0; i < tenants_tunnels(t); i++) {
		put_sa(file, l, i, true);
		put_sa(file, l, i, false);
	}
	for (uint32_t i = 0; i < t->config.peers; i++)
		fprintf(file, "rt ipv4 dst %s/32 port 1\n", dotted(tenants_gateway(i)).at);
	/* It has room for 1,024 routes, so all networks share one. */
	fprintf(file, "rt ipv4 dst %s/10 port 1\n", dotted(tenants_ip(0, 0)).at);
	fprintf(file, "neigh port 1 02:00:00:00:00:0a\n");
	bool failed = ferror(file);
	return fclose(file) != 0 || failed ? -EIO : 0;
}
