/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control would have published to a gateway that many tenants share: networks of as many
 * endpoints and rules each, all here, or every second one at one of its peers; and their flows.
 * The rules are random (rules.h) and none is about the flows; what no rule matches is allowed, or
 * denied. Addresses differ between networks, so that a peer that knows no networks can carry them.
 */
#ifndef LM_PERF_TENANTS_H
#define LM_PERF_TENANTS_H

#include <stdbool.h>
#include <stdint.h>
#include "crypto/gcm.h"
#include "dataplane/dataplane.h"

struct tenants_config {
	unsigned networks; /* at most 16,384 */
	unsigned endpoints; /* of each network, at most 256; with peers an even number */
	unsigned rules; /* of each network, of few members; or, if not 0: */
	unsigned member_rules; /* of each member, and each endpoint is a member */
	unsigned peers; /* 0: none */
};

struct tenants {
	struct tenants_config config;
	unsigned members; /* of a network, among which the endpoints are spread */
	struct lm_policy **policies[2]; /* by network; the second: what no rule matches is denied */
	uint64_t compile_ns; /* of one network's, on average */
};

void tenants_open(struct tenants *t, const struct tenants_config *config);
void tenants_close(struct tenants *t);

/* A UDP flow between two endpoints, with peers from one here to one there. */
struct tenants_flow {
	uint32_t net, src, dst; /* endpoints of the network */
	uint16_t src_port, dst_port; /* host byte order */
};
struct tenants_flow tenants_flow(const struct tenants *t, uint32_t number);
/* Host byte order. */
uint32_t tenants_ip(uint32_t net, uint32_t endpoint);
#define TENANTS_IP_BITS 24 /* of a network's own prefix */
struct lm_mac tenants_mac(uint32_t net, uint32_t endpoint);

/* LM_DP_NONE: the endpoint is here. */
uint32_t tenants_peer(const struct tenants *t, uint32_t net, uint32_t endpoint);
/* A peer's gateway, host byte order. */
uint32_t tenants_gateway(uint32_t peer);
#define TENANTS_HERE UINT32_C(0xc0000201) /* ours: 192.0.2.1 */
/* (network, peer) pairs that have endpoints, counted through; each network has as many. */
unsigned tenants_tunnels(const struct tenants *t);
uint32_t tenants_tunnel(const struct tenants *t, uint32_t net, uint32_t endpoint);
uint32_t tenants_tunnel_net(const struct tenants *t, uint32_t tunnel);
uint32_t tenants_tunnel_peer(const struct tenants *t, uint32_t tunnel);
/* A tunnel's key material, of either direction. */
void tenants_keymat(uint32_t tunnel, uint8_t out[LM_GCM_KEYMAT_LEN]);

/* One network anew, so that all of its flows are judged anew. */
void tenants_publish(const struct tenants *t, struct lm_dp *dp, uint32_t net, bool deny);
/* Whoever is here, told apart by MACs at one port. */
void tenants_attach(const struct tenants *t, struct lm_dp *dp, unsigned port);
/* Paths to all peers, by one port, and one outbound lane of each tunnel. After tenants_publish. */
void tenants_reach(const struct tenants *t, struct lm_dp *dp, unsigned port);

#endif
