/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS as wired: packets of workloads to lib/dns and back, by UDP and TCP, and
 * questions for other names to the operator's resolvers over the underlay.
 */
#ifndef LM_GATEWAY_DNS_H
#define LM_GATEWAY_DNS_H

#include "attachments.h"
#include "dataplane/dataplane.h"
#include "dns/forward.h"
#include "view.h"
#include "workload/tcp.h"

struct gw_dns {
	struct lm_tcp *tcp;
	struct lm_dns_forwarder *forwarder;
	struct gw_dns_asker *askers; /* of forwarded questions, by slot */
	uint8_t *answer; /* LM_DNS_TCP_MAX bytes: the one that is being made */
	uint64_t counts[LM_DC_MAX];
};

int gw_dns_open(struct gateway *gw);
void gw_dns_close(struct gateway *gw);
/* The resolvers of the configuration. */
int gw_dns_apply(struct gateway *gw);
/* A packet for port 53 of the gateway's address in at's network. */
void gw_dns_punt(struct gateway *gw, const struct gw_attachment *at, const struct lm_network *net,
    const struct gw_view *view, const struct lm_dp_punt *punt);
/* As struct lm_underlay_ops. */
void gw_dns_reply(
    void *ctx, const struct lm_udp_addr *from, uint16_t to_port, const uint8_t *data, size_t len);
uint64_t gw_dns_tick(struct gateway *gw, uint64_t now);

#endif
