/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What perf/datapath --flows loads a gateway with: tenants (tenants.h), and captures of their
 * flows' packets, in which every flow comes in a random order that is the same in each run.
 */
#ifndef LM_PERF_LOAD_H
#define LM_PERF_LOAD_H

#include "tenants.h"
#include "traffic.h"

#define LOAD_NETWORKS 1000
#define LOAD_ENDPOINTS 10 /* of each network, half of them at peers */
#define LOAD_RULES 20 /* of each member, and each endpoint is a member */
#define LOAD_PEERS 50
/* Each network has a flow by each of its tunnels, at least; addresses in the player are 32 bits. */
#define LOAD_FLOWS_MIN 10000
#define LOAD_FLOWS_MAX 2000000

struct load {
	struct tenants tenants;
	unsigned flows;
	uint32_t *order; /* of flows */
	struct perf_sa *sas; /* towards us, by tunnel */
};

void load_open(struct load *l, unsigned flows);
void load_close(struct load *l);
/*
 * Everything that the control plane would have published. SPIs of what comes in are chosen by dp,
 * and replays of those lanes are new rounds of a capture.
 */
void load_publish(struct load *l, struct lm_dp *dp, unsigned access, unsigned underlay);
/* Plain packets are from endpoints here, wrapped ones from those at peers. 0 or -errno. */
int load_capture(struct load *l, const char *path, const struct perf_mix *mix, enum perf_wrap wrap,
    const uint8_t dst_mac[6]);
/* The same tunnels and addresses as a configuration of ipsec-secgw. 0 or -errno. */
int load_write_secgw(const struct load *l, const char *path);

#endif
