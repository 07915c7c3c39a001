/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From workloads: a burst from the port to its flows, and on to the next stage. Nearly
 * all packets take the short way (quick.h), what is not as usual the long one
 * (admit.c).
 */
#include "dataplane/access.h"
#include "dataplane/meters.h"
#include "dataplane/quick.h"

enum lm_drop lm_access_meter(const struct access *a, const struct lm_pkt *p)
{
	return lm_meters_pass(a->w, &a->table->by_id[p->from], LM_EGRESS, p->len);
}

/* Into the flow table, or to the worker that has the flow, which meters it as well. */
static bool enter(const struct access *a, struct lm_pkt *p)
{
	struct lm_worker *w = a->w;
	unsigned owner = lm_worker_of(w, p->hash);

	if (owner != w->index)
		return lm_access_hand(a, p, owner, p->flags & (LM_PKT_FRAGMENT | LM_PKT_LATER));
	enum lm_drop why = lm_access_meter(a, p);
	if (why != LM_FINE) {
		lm_worker_drop(w, p->m, why);
		return false;
	}
	p->slot_hash = lm_flow_slot_hash(&w->flows, &p->key, p->hash);
	lm_flow_prefetch(&w->flows, p->slot_hash);
	return true;
}

bool lm_access_rest(const struct access *a, struct lm_pkt *p)
{
	return lm_access_admit(a, p) && enter(a, p);
}

/* From the attachment's own endpoint, and not to the gateway or a group? Then that is p->src_ep. */
static bool is_plain_sender(const struct access *a, struct lm_pkt *p)
{
	const struct lm_attached *at = &a->table->by_id[p->from];
	const struct lm_net *net = p->net;
	const struct lm_ends ends = lm_inner_ends(p);

	if (at->endpoint >= net->n_eps || p->ip[16] >= LM_MULTICAST4 ||
	    lm_addr_equal(ends.dst, net->gateway4))
		return false;
	p->src_ep = &net->eps[at->endpoint];
	return p->src_ep->attachment == p->from && lm_addr_equal(p->src_ep->addr4, ends.src);
}

static void uncount(const struct access *a, const struct lm_pkt *p)
{
	a->w->attached[p->from].rx_packets--;
	a->w->attached[p->from].rx_bytes -= rte_pktmbuf_pkt_len(p->m);
}

/* What lm_quick_receive left out. False: the network is not there, and it is gone. */
static bool catch_up(const struct access *a, struct lm_pkt *p)
{
	lm_access_count(a->w, p);
	p->net = lm_load(a->w->nets[lm_flow_net_of(p->key.net_proto)]);
	if (p->net)
		return true;
	lm_worker_drop(a->w, p->m, LM_DROP_NO_NETWORK);
	return false;
}

bool lm_access_closer(const struct access *a, struct lm_pkt *p)
{
	if (!catch_up(a, p))
		return false;
	lm_inner_name(p);
	return (is_plain_sender(a, p) || lm_access_admit(a, p)) && enter(a, p);
}

/*
 * Where there are many, their slots are not at hand: all of a burst are asked for at once, in a
 * loop that is short enough.
 */
static __rte_noinline void fetch_slots(
    const struct lm_attach_table *t, unsigned port, struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(m[i], uint8_t *);
		uint64_t src, vlan = 0;

		if (unlikely(m[i]->data_len <
			     sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr)))
			continue;
		memcpy(&src, frame + RTE_ETHER_ADDR_LEN, sizeof src);
		if (lm_load16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_VLAN))
			vlan = lm_be16(frame + 14) & 0xfff;
		rte_prefetch0(lm_attach_first(t, port, (uint16_t)vlan, src & LM_MAC_MASK));
	}
}

/*
 * One loop, in which as many packets are under way at once as the processor can have, as long as
 * few instructions are spent on each. What is unusual is elsewhere, so that it has no registers.
 */
static __rte_noinline unsigned take_all(const struct access *a, struct rte_mbuf **m, unsigned n)
{
	const struct lm_attach_table *const table = a->table;
	struct lm_worker *const w = a->w;
	const unsigned port = a->index;
	struct lm_pkt **known = w->live;
	uint64_t mac = 0;

	memcpy(&mac, a->port->mac.b, sizeof a->port->mac.b);
	if (table->mask >= LM_ATTACH_MANY)
		fetch_slots(table, port, m, n);
	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = &w->pkts[i];

		if (likely(lm_quick_receive(w, table, port, mac, p, m[i]))) {
			if (likely(lm_quick_admit(w, p)) ||
			    (catch_up(a, p) && lm_access_rest(a, p)))
				*known++ = p;
		} else if (lm_access_receive(a, p, m[i]) && lm_access_rest(a, p)) {
			*known++ = p;
		}
	}
	return (unsigned)(known - w->live);
}

/* The same when networks have shares of our time: in between, some are left out. */
static __rte_noinline unsigned take_shares(const struct access *a, struct rte_mbuf **m, unsigned n)
{
	struct lm_worker *const w = a->w;
	unsigned live = 0, left = 0;
	uint64_t mac = 0;

	memcpy(&mac, a->port->mac.b, sizeof a->port->mac.b);
	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = &w->pkts[i];

		if (lm_quick_receive(w, a->table, a->index, mac, p, m[i])) {
			if (catch_up(a, p))
				w->live[live++] = p;
		} else if (lm_access_receive(a, p, m[i])) {
			w->live[live++] = p;
		}
	}
	live = lm_overload_admit(w, a->table, w->live, live);
	for (unsigned i = 0; i < live; i++) {
		struct lm_pkt *p = w->live[i];

		if (lm_quick_admit(w, p))
			uncount(a, p);
		else if (!lm_access_rest(a, p))
			continue;
		w->live[left++] = p;
	}
	return left;
}

void lm_access_burst(struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n, bool told)
{
	const struct access a = {.w = w,
	    .table = lm_load(w->dp->attachments),
	    .port = &w->dp->ports[port],
	    .index = port,
	    .told = told};
	unsigned remote, live = unlikely(w->fair_time) ? take_shares(&a, m, n) : take_all(&a, m, n);

	w->access = &a;
	lm_stage_done(w, LM_STAGE_ACCESS, n);
	unsigned judged = live;
	live = lm_judge_sent(w, w->live, live, &remote);
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
