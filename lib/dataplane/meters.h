/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of an endpoint, or of a network: a meter of each worker, each way. Made,
 * set and freed by the control lcore, as attachments are published; an endpoint's go
 * on with the next table for as long as it stays where it is. Workers meter packets
 * of workloads where the flow table is asked for them, and packets to workloads where
 * they are delivered.
 */
#ifndef LM_DATAPLANE_METERS_H
#define LM_DATAPLANE_METERS_H

#include <stdint.h>
#include <rte_branch_prediction.h>
#include "dataplane/attach.h"
#include "dataplane/counters.h"
#include "dataplane/meter.h"
#include "policy/policy.h"

struct lm_dp;
struct lm_worker;

/* A worker's, by enum lm_way. */
struct lm_meter_pair {
	struct lm_meter way[2];
};

struct lm_meters {
	struct lm_meter_pair *of; /* by worker */
	uint32_t id; /* the attachment's, or LM_METERS_NETWORK and the network's index */
	/* Control's. */
	unsigned holders, n_workers;
	struct lm_rates rates;
	uint64_t burst; /* cycles */
	uint64_t looked_at; /* likewise: when it was last divided among workers */
};
#define LM_METERS_NETWORK (UINT32_C(1) << 31)

/* Which of the four is the rate of this direction and unit? */
static inline enum lm_rate lm_rate_of(enum lm_way way, enum lm_meter_unit unit)
{
	return (enum lm_rate)(way * LM_METER_UNITS + unit);
}

/* The table's attachments get their meters. -ENOMEM; those that they have are let go with it. */
int lm_meters_attach(struct lm_dp *dp, struct lm_attach_table *table,
    const struct lm_dp_attachment *list, unsigned n);
/* Tells the workers their parts of the rates. */
void lm_meters_set(const struct lm_dp *dp, struct lm_meters *m);
/* NULL is allowed. */
void lm_meters_release(struct lm_meters *m);
/* The network at this index is another one from now on. */
void lm_meters_forget_network(struct lm_dp *dp, uint32_t net);

/* On the worker: a packet that would leave by one of several limits. See lm_meters_pass. */
enum lm_drop lm_meters_ask(
    struct lm_worker *w, const struct lm_attached *at, enum lm_way way, unsigned bytes);

/* LM_DROP_MAX (LM_FINE): no limit is exceeded by inner IP bytes more, and they are taken. */
static inline enum lm_drop lm_meters_pass(
    struct lm_worker *w, const struct lm_attached *at, enum lm_way way, unsigned bytes)
{
	if (likely(!at->limited))
		return LM_DROP_MAX;
	return lm_meters_ask(w, at, way, bytes);
}

#endif
