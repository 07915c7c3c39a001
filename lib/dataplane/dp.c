/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/dp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_random.h>
#include "base/log.h"
#include "dataplane/lines.h"
#include "dataplane/meters.h"
#include "dataplane/worker.h"

#define LM_LOG_MODULE "dataplane"
#define POOL_CACHE 256
/* With fewer of its own a worker could not fill the queues of two ports. */
#define POOL_MIN 4000

/* Punts a second of each worker. Sessions come first: they keep everything else alive. */
#define PUNTS_ATTACHMENT 100
#define PUNTS_DNS 2000 /* one attachment asks, until something else is set */
#define PUNTS_SESSION 5000 /* of all strangers, and of all peers */
#define PUNTS_STRANGER 500
#define PUNTS_PEER 4000
#define PUNTS_UNDERLAY 1000
#define PUNTS_RESOLVER 20000

int lm_meta_offset = -1;

static int register_meta(void)
{
	static const struct rte_mbuf_dynfield field = {
	    .name = "leasemesh_meta",
	    .size = sizeof(struct lm_meta),
	    .align = _Alignof(struct lm_meta),
	};

	if (lm_meta_offset >= 0)
		return 0;
	int offset = rte_mbuf_dynfield_register(&field);
	if (offset < 0) {
		lm_error("no room for %zu bytes in packet buffers", sizeof(struct lm_meta));
		return -rte_errno;
	}
	lm_meta_offset = offset;
	return 0;
}

static int check_config(const struct lm_dp_config *c)
{
	if (c->n_workers == 0 || c->n_workers > LM_DP_WORKERS_MAX || c->max_networks == 0 ||
	    c->max_networks >= LM_FLOW_NETS_MAX || c->max_peers == 0 || c->max_endpoints == 0 ||
	    c->max_sas == 0 || !rte_is_power_of_2(c->flows) || c->mbufs == 0 || c->udp_port == 0)
		return -EINVAL;
	return 0;
}

static int create_pools(struct lm_dp *dp)
{
	static unsigned serial; /* names are the process's; tests make several data planes */
	unsigned each = dp->config.mbufs / dp->config.n_workers, n = dp->config.n_workers;
	char name[32];

	if (each < POOL_MIN) {
		each = dp->config.mbufs;
		n = 1;
	}
	unsigned cache = RTE_MIN((unsigned)POOL_CACHE, each / 8);
	for (; dp->n_pools < n; dp->n_pools++) {
		snprintf(name, sizeof name, "lm_pool_%u", serial++);
		dp->pools[dp->n_pools] = rte_pktmbuf_pool_create(
		    name, each, cache, 0, LM_MBUF_ROOM, (int)rte_socket_id());
		if (!dp->pools[dp->n_pools]) {
			lm_error("no memory for %u packet buffers: %s", dp->config.mbufs,
			    rte_strerror(rte_errno));
			return -rte_errno;
		}
	}
	return 0;
}

static void assign_lanes(struct lm_dp *dp)
{
	uint32_t n = rte_align32pow2(dp->config.n_workers);

	dp->lane_mask = n - 1;
	for (uint32_t i = 0; i < n; i++)
		dp->worker_of_lane[i] = (uint8_t)(i % dp->config.n_workers);
}

static int create_parts(struct lm_dp *dp)
{
	int err = register_meta();

	if (err == 0)
		err = lm_reclaim_init(&dp->reclaim, dp->config.n_workers);
	if (err == 0)
		err = lm_gcm_engine_create(&dp->gcm);
	if (err == 0)
		err = lm_sa_table_init(&dp->sas, dp->config.max_sas);
	if (err == 0)
		err = create_pools(dp);
	if (err != 0)
		return err;
	dp->nets = calloc(dp->config.max_networks, sizeof(struct lm_net *));
	dp->briefs = lm_lines_alloc(dp->config.max_networks * sizeof *dp->briefs);
	dp->paths = calloc(dp->config.max_peers, sizeof(struct lm_path *));
	dp->network_meters = calloc(dp->config.max_networks, sizeof(struct lm_meters *));
	dp->over_share = calloc(dp->config.max_networks, sizeof *dp->over_share);
	dp->underlay = calloc(1, sizeof *dp->underlay);
	dp->resolvers = calloc(1, sizeof *dp->resolvers);
	dp->punt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!dp->nets || !dp->briefs || !dp->paths || !dp->network_meters || !dp->over_share ||
	    !dp->underlay || !dp->resolvers || dp->punt_fd < 0)
		return -ENOMEM;
	err = lm_attach_table_create(&dp->attachments, NULL, 0, 0, NULL, 0);
	for (unsigned i = 0; i < dp->config.n_workers && err == 0; i++)
		err = lm_worker_create(&dp->workers[i], dp, i);
	return err;
}

int lm_dp_create(struct lm_dp **out, const struct lm_dp_config *config)
{
	int err = check_config(config);

	if (err != 0)
		return err;
	struct lm_dp *dp = lm_lines_alloc(sizeof *dp);
	if (!dp)
		return -ENOMEM;
	dp->config = *config;
	dp->punt_fd = -1;
	dp->punt_armed = 1;
	dp->busy_poll = config->busy_poll;
	dp->hz = rte_get_tsc_hz();
	dp->sources.seed = rte_rand();
	dp->costs = (struct lm_punt_costs){
	    .attachment = dp->hz / PUNTS_ATTACHMENT,
	    .session = dp->hz / PUNTS_SESSION,
	    .underlay = dp->hz / PUNTS_UNDERLAY,
	    .resolver = dp->hz / PUNTS_RESOLVER,
	    .stranger = dp->hz / PUNTS_STRANGER,
	    .peer = dp->hz / PUNTS_PEER,
	};
	dp->rate_burst = dp->hz / 1000 * LM_RATE_BURST_MS;
	lm_dp_set_questions(dp, PUNTS_DNS);
	lm_dp_set_flow_seconds(dp, &config->flow_seconds);
	assign_lanes(dp);
	err = create_parts(dp);
	if (err != 0) {
		lm_dp_free(dp);
		return err;
	}
	*out = dp;
	return 0;
}

void lm_dp_free(struct lm_dp *dp)
{
	if (!dp)
		return;
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		lm_worker_free(dp->workers[i]);
	for (uint32_t i = 0; dp->nets && i < dp->config.max_networks; i++)
		lm_net_free(dp->nets[i]);
	for (uint32_t i = 0; dp->paths && i < dp->config.max_peers; i++)
		free(dp->paths[i]);
	lm_reclaim_fini(&dp->reclaim);
	/* What is left are tunnels that only their own lanes hold. */
	for (struct lm_tunnel *t = dp->tunnels.by_id, *next; t; t = next) {
		next = t->hh.next;
		lm_tunnel_release(t);
	}
	lm_tunnels_free(&dp->tunnels);
	lm_sa_table_free(&dp->sas);
	lm_attach_table_free(dp->attachments);
	for (uint32_t i = 0; dp->network_meters && i < dp->config.max_networks; i++)
		lm_meters_forget_network(dp, i);
	free(dp->network_meters);
	free(dp->underlay);
	free(dp->resolvers);
	free(dp->over_share);
	free(dp->nets);
	free(dp->briefs);
	free(dp->paths);
	lm_gcm_engine_free(dp->gcm);
	for (unsigned i = 0; i < dp->n_pools; i++)
		rte_mempool_free(dp->pools[i]);
	if (dp->punt_fd >= 0)
		close(dp->punt_fd);
	free(dp);
}

void lm_dp_stop(struct lm_dp *dp)
{
	__atomic_store_n(&dp->stopping, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		lm_worker_wake(dp->workers[i]);
}

void lm_dp_set_busy_poll(struct lm_dp *dp, bool busy)
{
	__atomic_store_n(&dp->busy_poll, busy, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		lm_worker_wake(dp->workers[i]);
}

static void set_ticks(const struct lm_dp *dp, uint32_t *where, uint32_t seconds)
{
	uint64_t ticks = ((uint64_t)seconds * dp->hz) >> LM_TICK_SHIFT;

	ticks = RTE_MAX(ticks, UINT64_C(1));
	/* Half of the tick's range at most, so that ages never wrap into youth. */
	ticks = RTE_MIN(ticks, UINT64_C(1) << 31);
	__atomic_store_n(where, (uint32_t)ticks, __ATOMIC_RELAXED);
}

void lm_dp_set_questions(struct lm_dp *dp, unsigned per_second)
{
	__atomic_store_n(&dp->costs.dns, dp->hz / per_second, __ATOMIC_RELAXED);
}

void lm_dp_set_flow_seconds(struct lm_dp *dp, const struct lm_flow_seconds *seconds)
{
#define SET(id, name, timeout) set_ticks(dp, &dp->flow_timeout[LM_FLOW_##id], seconds->timeout);
	LM_FLOW_STATES(SET)
#undef SET
	__atomic_store_n(&dp->tcp_pickup, seconds->tcp_pickup * dp->hz, __ATOMIC_RELAXED);
	__atomic_store_n(&dp->udp_pickup, seconds->udp_pickup * dp->hz, __ATOMIC_RELAXED);
}

/* ---- ports ---------------------------------------------------------------- */

int lm_dp_port_add(struct lm_dp *dp, const struct lm_dp_port_config *config, struct lm_why *why)
{
	if (dp->n_ports == LM_DP_PORTS_MAX)
		return lm_why(
		    why, ENOSPC, "port %s: %u ports at most", config->name, LM_DP_PORTS_MAX);
	unsigned index = dp->n_ports;
	struct lm_port *port = &dp->ports[index];
	int err =
	    lm_port_open(port, config, index, dp->config.n_workers, dp->pools, dp->n_pools, why);
	if (err != 0)
		return err;
	for (uint16_t q = 0; q < port->n_rxq; q++) {
		struct lm_worker *w = dp->workers[port->rx_worker[q]];

		w->rxq[w->n_rxq++] = (struct lm_rx_queue){.port = (uint8_t)index,
		    .ethdev = port->ethdev,
		    .queue = q,
		    .underlay = config->underlay};
	}
	for (unsigned i = 0; i < dp->config.n_workers; i++)
		dp->workers[i]->tx_by[index] = port->tx_worker[i];
	dp->n_ports++;
	return (int)index;
}

void lm_dp_ports_stop(struct lm_dp *dp)
{
	for (unsigned i = 0; i < dp->n_ports; i++)
		lm_port_stop(&dp->ports[i]);
	dp->n_ports = 0;
}
