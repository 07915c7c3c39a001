/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane's own view of itself: what control writes and workers read.
 * Inside lib/dataplane only.
 */
#ifndef LM_DATAPLANE_DP_H
#define LM_DATAPLANE_DP_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/attach.h"
#include "dataplane/dataplane.h"
#include "dataplane/flow.h"
#include "dataplane/network.h"
#include "dataplane/path.h"
#include "dataplane/port.h"
#include "dataplane/reclaim.h"
#include "dataplane/sa.h"
#include "dataplane/sources.h"

#define LM_ADDR_LIST_MAX 16
#define LM_MBUF_ROOM 3840 /* the most that AF_XDP takes: with its headers it fills a page */

/* A few addresses: our own on the underlay, or resolvers'. */
struct lm_addr_list {
	unsigned n;
	struct lm_addr addr[LM_ADDR_LIST_MAX];
};

static inline bool lm_addr_listed(const struct lm_addr_list *list, struct lm_addr addr)
{
	for (unsigned i = 0; i < list->n; i++)
		if (lm_addr_equal(list->addr[i], addr))
			return true;
	return false;
}

/* Cycles a token, of each worker. */
struct lm_punt_costs {
	uint64_t attachment, dns, session, underlay, resolver;
	uint64_t stranger, peer; /* messages of sessions, of one source */
};

struct lm_dp {
	/* Constant while workers run. */
	struct lm_dp_config config;
	struct lm_port ports[LM_DP_PORTS_MAX];
	unsigned n_ports;
	/*
	 * Each worker's, or one of all. Buffers of two workers that lie side by side in memory slow
	 * both of them down.
	 */
	struct rte_mempool *pools[LM_DP_WORKERS_MAX];
	unsigned n_pools;
	struct lm_worker *workers[LM_DP_WORKERS_MAX];
	uint32_t lane_mask; /* worker count rounded up to a power of two, minus 1 */
	uint8_t worker_of_lane[LM_DP_WORKERS_MAX];
	struct lm_punt_costs costs; /* but dns */
	uint64_t hz;

	/* Published: control swaps pointers, workers load them. */
	struct lm_addr_list *underlay, *resolvers;
	struct lm_attach_table *attachments;
	struct lm_net **nets; /* by network index; NULL: none */
	uint64_t *briefs; /* likewise: struct lm_net_brief, published as one word */
	struct lm_path **paths; /* by peer slot; NULL: no way now */
	struct lm_sa_table sas;
	struct lm_sources sources;

	/* Flags and numbers that control writes and workers read, each on its own. */
	uint32_t stopping, busy_poll;
	uint32_t flow_timeout[LM_FLOW_STATE_MAX]; /* ticks */
	uint64_t tcp_pickup, udp_pickup; /* cycles */

	/* Doorbell of the punt rings: workers ring it if control has armed it. */
	int punt_fd;
	uint32_t punt_armed LM_CACHE_ALIGNED;

	/* The control lcore's own. */
	struct lm_reclaim reclaim LM_CACHE_ALIGNED;
	struct lm_tunnels tunnels;
	struct lm_gcm_engine *gcm; /* expands keys */
	uint32_t generation;
	struct lm_rates network_rates;
	uint64_t rate_burst; /* cycles */
	bool limited; /* something attached has a limit */
	struct lm_meters **network_meters; /* by network index; NULL: none */
	uint64_t *over_share; /* by network: what workers had counted when it came to its index */
	unsigned punt_turn; /* worker whose punts are read first */
	uint64_t skew; /* the workers', in tests */
};

#define lm_load(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define lm_publish(p, v) __atomic_exchange_n(&(p), v, __ATOMIC_ACQ_REL)

/* The least number of lanes with which each of our workers has its own. */
static inline unsigned lm_dp_lanes_min(const struct lm_dp *dp)
{
	return dp->lane_mask + 1;
}

#endif
