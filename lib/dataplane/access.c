/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From workloads: a burst from the port to its flows, and on to the next stage. Nearly
 * all packets take the short way (quick.h), what is not as usual the long one
 * (admit.c).
 */
#include "dataplane/access.h"
#include "dataplane/meters.h"
#include "dataplane/quick.h"
#include "dataplane/route.h"

/*
 * The burst in three steps, so that its packets do not wait for each other: a processor has only
 * few of them under way when all is done for one packet after the other. Each step is a function
 * of its own, which has all registers for itself.
 */
static __rte_noinline unsigned receive_all(const struct access *a, struct rte_mbuf **m, unsigned n)
{
	const struct lm_attach_table *const table = a->table;
	struct lm_worker *const w = a->w;
	const unsigned port = a->index;
	struct lm_pkt **known = w->live;
	uint64_t mac = 0;

	memcpy(&mac, a->port->mac.b, sizeof a->port->mac.b);
	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = &w->pkts[i];

		if (likely(lm_quick_receive(w, table, port, mac, p, m[i])) ||
		    lm_access_receive(a, p, m[i]))
			*known++ = p;
	}
	return (unsigned)(known - w->live);
}

static __rte_noinline unsigned admit_all(const struct access *a, unsigned n)
{
	const struct lm_attach_table *const table = a->table;
	struct lm_worker *const w = a->w;
	struct lm_pkt **live = w->live;

	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = w->live[i];

		if (likely(lm_quick_admit(table, p)) || lm_access_admit(a, p))
			*live++ = p;
	}
	return (unsigned)(live - w->live);
}

/* Into the flow table, or to the worker that has the flow, which meters it as well. */
static __rte_noinline unsigned enter_all(const struct access *a, unsigned n)
{
	const struct lm_attach_table *const table = a->table;
	struct lm_worker *const w = a->w;
	struct lm_pkt **live = w->live;

	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = w->live[i];
		const uint64_t hash = lm_flow_hash(&p->key);
		unsigned owner = lm_worker_of(w, hash);

		p->hash = hash;
		if (unlikely(owner != w->index)) {
			lm_access_hand(a, p, owner, p->flags & (LM_PKT_FRAGMENT | LM_PKT_LATER));
			continue;
		}
		enum lm_drop why =
		    lm_meters_pass(w, &table->by_id[p->attachment], LM_EGRESS, p->len);
		if (unlikely(why != LM_FINE)) {
			lm_worker_drop(w, p->m, why);
			continue;
		}
		p->slot_hash = lm_flow_slot_hash(&w->flows, &p->key, hash);
		lm_flow_prefetch(&w->flows, p->slot_hash);
		*live++ = p;
	}
	return (unsigned)(live - w->live);
}

/* To peers: *sealed, with lane and path. To our own workloads: the rest, at the front. */
static unsigned split(struct lm_worker *w, struct lm_pkt **p, unsigned n, unsigned *sealed)
{
	unsigned local = 0, remote = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct lm_tunnel *tunnel = p[i]->dst_ep->tunnel;

		if (!tunnel) {
			if (unlikely(lm_route_loops(p[i])))
				lm_worker_drop(w, p[i]->m, LM_DROP_LOOP);
			else
				p[local++] = p[i];
			continue;
		}
		struct lm_sa_out *out = lm_load(tunnel->out);
		p[i]->path = lm_load(w->paths[tunnel->peer]);
		if (unlikely(!out || !p[i]->path)) {
			lm_worker_drop(w, p[i]->m, out ? LM_DROP_NO_PATH : LM_DROP_NO_LANE);
			continue;
		}
		p[i]->lane = &out->lanes[p[i]->hash & (out->n_lanes - 1)];
		rte_prefetch0(p[i]->lane);
		rte_prefetch0(p[i]->path);
		w->aside[remote++] = p[i];
	}
	*sealed = remote;
	return local;
}

void lm_access_burst(struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n, bool told)
{
	const struct access a = {.w = w,
	    .table = lm_load(w->dp->attachments),
	    .port = &w->dp->ports[port],
	    .index = port,
	    .told = told};
	unsigned live = receive_all(&a, m, n), remote;

	if (unlikely(w->fair_time))
		live = lm_overload_admit(w, a.table, w->live, live);
	live = enter_all(&a, admit_all(&a, live));
	lm_stage_done(w, LM_STAGE_ACCESS, n);
	unsigned judged = live;
	live = lm_judge_burst(w, w->live, live);
	live = split(w, w->live, live, &remote);
	lm_stage_done(w, LM_STAGE_FLOW, judged);
	if (remote > 0) {
		lm_seal_burst(w, w->aside, remote);
		lm_stage_done(w, LM_STAGE_SEAL, remote);
	}
	if (live > 0) {
		lm_deliver_burst(w, w->live, live);
		lm_stage_done(w, LM_STAGE_DELIVER, live);
	}
}
