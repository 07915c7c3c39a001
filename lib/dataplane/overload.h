/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When more comes than can be carried: each worker notices it by itself, and then
 * gives networks fair shares (fair.h), of its own time and of what each port takes
 * from it. What is over a share is dropped as early as its network is known.
 *
 * Not overloaded, all of this is a count and a few branches a burst.
 */
#ifndef LM_DATAPLANE_OVERLOAD_H
#define LM_DATAPLANE_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/dataplane.h"
#include "dataplane/fair.h"
#include "dataplane/newcomers.h"

/*
 * Costs are bytes: a packet takes as long as so many of them (docs/architecture.md has the
 * figures), a flow that is not known yet as so many more ...
 */
#define LM_COST_PACKET 512u
#define LM_COST_MISS 3072u
/* That is until we know better: what one takes is measured. At most so many times as much, or 1/n.
 */
#define LM_COST_MISS_RANGE 8u
/* ... and one that is dropped for its share only so many. */
#define LM_COST_DROP 128u
/* On the wire: preamble, frame check sequence, gap. */
#define LM_COST_WIRE 24u

struct lm_attach_table;
struct lm_pkt;
struct lm_worker;
struct rte_mbuf;

struct lm_overload {
	bool on; /* any shares are kept */
	bool endless; /* benchmarks: full queues are no overload */
	uint8_t late; /* intervals in a row in which time did not suffice */
	uint32_t rounds; /* of the interval */
	uint64_t until; /* cycles: when it ends, while not on */
	uint64_t interval; /* cycles */
	uint64_t last, spent, busy; /* while on: when the round began; of the interval */
	unsigned moved; /* while on: packets in the last round */
	uint32_t ring_full[LM_DP_WORKERS_MAX]; /* rounds in which that ring gave a full burst */
	uint32_t refused[LM_DP_PORTS_MAX]; /* packets that the port did not take */
	uint32_t miss_cost; /* as LM_COST_MISS, by what was measured */
	struct lm_newcomers newcomers; /* who give way first */
	struct lm_fair time, ports[LM_DP_PORTS_MAX];
	struct lm_fair_net *nets; /* for all of these */
	uint64_t *drops; /* by network, since start; read by control */
};

int lm_overload_init(struct lm_overload *o, uint32_t n_nets, uint64_t hz);
void lm_overload_free(struct lm_overload *o);
/* A round has ended after which something is to be done, see lm_overload_round. moved: packets. */
void lm_overload_look(struct lm_worker *w, unsigned moved);
/*
 * While shares are kept of our time (fair_time): of packets of which no more than the network is
 * known those that are within its share, moved to the front. How many; the others are dropped.
 * table: they came by attachments of it; NULL: by lanes.
 */
unsigned lm_overload_admit(
    struct lm_worker *w, const struct lm_attach_table *table, struct lm_pkt **p, unsigned n);
/*
 * While shares are kept of ports (fair_ports). len: bytes of the frame, as it will be. False: over
 * the network's share of this port, and dropped.
 */
bool lm_overload_send(
    struct lm_worker *w, struct rte_mbuf *m, uint32_t net, unsigned port, uint32_t len);
/* A packet that was let in is of no flow that we know, and will be judged. */
void lm_overload_missed(struct lm_worker *w, uint32_t net);
/* While newcomers have but a part of our time: may this one, of no flow that we know, be judged? */
bool lm_overload_meet(struct lm_worker *w, uint32_t net);
/* Packets that a port refused, and their bytes. */
void lm_overload_refused(struct lm_worker *w, unsigned port, unsigned packets, uint64_t bytes);

#endif
