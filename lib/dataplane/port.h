/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports: which worker polls which receive queue, and by whom a worker's frames
 * leave. Written by the control lcore before the workers run, read by all.
 */
#ifndef LM_DATAPLANE_PORT_H
#define LM_DATAPLANE_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/dataplane.h"

#define LM_PORT_ANY_QUEUE (-1)

struct lm_port {
	struct lm_dp_port_config config;
	uint16_t ethdev, mtu, n_rxq, n_txq;
	uint16_t n_rxd, n_txd; /* descriptors of each */
	struct lm_mac mac;
	/*
	 * What a sleeping worker can poll() for: the device's sockets, and whose queue it is where
	 * that is known; the others wake whoever polls the port. None: a device without sockets,
	 * whose workers nap.
	 */
	int fds[LM_DP_WORKERS_MAX];
	int fd_queues[LM_DP_WORKERS_MAX]; /* or LM_PORT_ANY_QUEUE */
	unsigned n_fds;
	uint8_t rx_worker[LM_DP_WORKERS_MAX]; /* of a queue */
	uint8_t tx_worker[LM_DP_WORKERS_MAX]; /* of a worker: itself, or who transmits for it */
	uint8_t tx_queue[LM_DP_WORKERS_MAX]; /* of a worker that transmits */
};

struct rte_mempool;

/*
 * pools: what queues receive into, one for all, or each worker's own for those that it polls.
 * Negative errno, and *why.
 */
int lm_port_open(struct lm_port *port, const struct lm_dp_port_config *config, unsigned index,
    unsigned n_workers, struct rte_mempool *const *pools, unsigned n_pools, struct lm_why *why);
void lm_port_stop(struct lm_port *port);

#endif
