/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway with one worker and one access port, on rings and turned by hand, that
 * carries packets between workloads of its own: all of the data path but crypto; or, if it has
 * peers, from its own into tunnels (tenants.h).
 */
#ifndef LM_PERF_ONE_GATEWAY_H
#define LM_PERF_ONE_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/dataplane.h"
#include "tenants.h"

struct one_gateway_config {
	unsigned networks;
	unsigned endpoints, rules; /* of each network; endpoints: at most 256 */
	unsigned peers; /* 0: none; otherwise every second endpoint is at one of them */
	unsigned flows; /* that it has room for, with some to spare: the table's size */
	bool busy; /* its port receives for ever what nobody wants; one_gateway_play cannot be used
		    */
};

struct one_gateway {
	struct one_gateway_config config;
	struct lm_dp *dp;
	struct rte_ring *in, *out;
	struct rte_ring *under_in, *under_out; /* with peers */
	struct lm_mac mac;
	unsigned port, under;
	struct tenants tenants;
};

void one_gateway_open(struct one_gateway *g, const struct one_gateway_config *config);
void one_gateway_close(struct one_gateway *g);
/* Anew, all of it: so all flows are judged anew. */
void one_gateway_publish(struct one_gateway *g, unsigned network, bool deny);

/* A flow of the tenants': network, source and destination endpoint, and ports, in one word. */
uint64_t one_gateway_flow(const struct one_gateway *g, uint32_t number);
/* A packet of each of these, 64 bytes, in bursts. How many came out. */
unsigned one_gateway_play(struct one_gateway *g, const uint64_t *flows, unsigned n);
/* What that costs without the gateway: the same packets are made and thrown away. */
void one_gateway_rehearse(struct one_gateway *g, const uint64_t *flows, unsigned n);
/* No packet for so long that all flows are forgotten. */
void one_gateway_forget(struct one_gateway *g);

#endif
