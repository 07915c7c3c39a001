/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf/workers, in parts: the wire of a worker's queues (workers_wire.c), phases in which threads
 * work at once (workers_phases.c), gateways and the table (workers.c).
 */
#ifndef LM_PERF_WORKERS_H
#define LM_PERF_WORKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_common.h>
#include "tests/unit/dp_rig.h"

enum {
	WORKERS_MAX = 2,
	BURST = 32, /* that a worker takes at once */
	FRAMES = 1024, /* of each worker: less than a replay window */
	TRAIN = 2, /* of one flow, one behind the other: FRAMES / TRAIN flows */
	PACKETS = 2 * FRAMES, /* of each worker, in a phase */
	AWAY = 512, /* sent, and the buffers not given back yet */
};

struct rte_mbuf;
struct rte_mempool;

struct frame {
	uint8_t bytes[RIG_FRAME_MAX];
	uint16_t len;
};

/*
 * The wire at a worker's two queues, in place of the ring driver, whose queues count in one cache
 * line. As with a NIC there are as many buffers for packets that come as there were packets, and
 * those of packets that went are given back some time later: both by the worker, from and to the
 * gateway's pool. Belongs to the thread that turns the worker.
 */
struct wire {
	struct rte_mempool *pool;
	unsigned taken, sent; /* packets, in this phase */
	bool starved; /* the pool had no buffers left */
	struct rte_mbuf *coming[PACKETS];
	struct rte_mbuf *away[AWAY];
	uint32_t order[PACKETS]; /* of those sent: the how manieth to come it was */
} __rte_cache_aligned;

/* The wires of a gateway, by worker, put in its ports' place. */
struct wires {
	struct wire *of[WORKERS_MAX];
	void *rx[WORKERS_MAX], *tx[WORKERS_MAX]; /* by queue */
};

/* in, out: of DPDK's ports, the ones that packets come by and leave by. */
void wires_join(struct wires *w, uint16_t in, uint16_t out);
/* What is next to come: these frames, over and over. */
void wire_load(struct wire *w, const struct frame frames[FRAMES]);
/* Have all left, those of each flow in the order in which they came? NULL: yes. Else what not. */
const char *wire_check(const struct wire *w);
void wire_free(struct wire *w);

/* What a thread does: turns a worker, or nothing. */
struct player {
	struct lm_dp *dp;
	struct wire *wire; /* NULL: it idles */
	const struct frame *frames;
	unsigned worker;
};

struct result {
	double mpps; /* of all workers together, by the clock on the wall */
	double mpps_cpu; /* likewise, had each its processor for itself */
	double together; /* share of the time in which both were at work; 0: one worker */
	unsigned all; /* phases */
	unsigned phases; /* that were looked at ... */
	unsigned disturbed; /* ... and of which others had a processor meanwhile: not counted */
};

/*
 * Phases until so many were undisturbed, or patience ends. The first thread is the caller's, the
 * other one the next lcore's. name: of what is measured, for what is said where packets are lost,
 * which ends the program.
 */
struct result phases_run(
    const char *name, const struct player players[WORKERS_MAX], unsigned undisturbed);

#endif
