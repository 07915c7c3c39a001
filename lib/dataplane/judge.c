/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table, and policy for what is not in it. Each gateway judges for itself,
 * on both sides: a peer's word that a packet is allowed counts for nothing.
 *
 * A connection is judged in the direction in which it was opened; its replies pass
 * with it. A TCP segment that finds no flow is judged like a first packet, so that
 * connections outlive a restart: those whose next packet comes from the side that
 * opened them. What is denied is not remembered, lest it fill the table.
 */
#include "dataplane/inner.h"
#include "dataplane/worker.h"

static enum lm_drop denied(const struct lm_pkt *p)
{
	return p->sa ? LM_DROP_POLICY_INGRESS : LM_DROP_POLICY_EGRESS;
}

static enum lm_drop ask(const struct lm_net *net, const struct lm_ep *src, const struct lm_ep *dst,
    uint8_t proto, uint16_t dst_port)
{
	if (!net->policy)
		return LM_DROP_POLICY_EGRESS;
	switch (lm_policy_judge(net->policy, src->member, dst->member, proto, dst_port)) {
	case LM_ALLOW:
		return LM_FINE;
	case LM_DENY_INGRESS:
		return LM_DROP_POLICY_INGRESS;
	default:
		return LM_DROP_POLICY_EGRESS;
	}
}

/* Out of a tunnel, the source is one of that peer's endpoints, and the destination ours. */
static enum lm_drop check_sides(const struct lm_pkt *p)
{
	if (!p->sa)
		return p->dst_ep->away ? LM_DROP_NO_ROUTE : LM_FINE;
	if (p->src_ep->peer != p->sa->peer)
		return LM_DROP_INNER_SOURCE;
	return p->dst_ep->peer == LM_DP_NONE ? LM_FINE : LM_DROP_NO_ROUTE;
}

/*
 * The network was published anew since this flow was allowed: ask again, in the flow's own
 * direction. False: no longer, and it ended here.
 */
static bool renew(struct lm_worker *w, const struct lm_net *net, struct lm_flow *f)
{
	const struct lm_flow_key *k = &f->key;
	bool from_b = f->flags & LM_FLOW_FROM_B;
	uint32_t a = lm_net_route(net, k->a), b = lm_net_route(net, k->b);
	uint8_t proto = (uint8_t)k->net_proto;
	uint16_t port = 0;

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP)
		port = rte_be_to_cpu_16(from_b ? k->port_a : k->port_b);
	if (proto == IPPROTO_ICMPV6 && k->a.w[0] != 0)
		proto = IPPROTO_ICMP;
	if (a == LM_DP_NONE || b == LM_DP_NONE ||
	    ask(net, &net->eps[from_b ? b : a], &net->eps[from_b ? a : b], proto, port) !=
		LM_FINE) {
		lm_flow_remove(&w->flows, f);
		return false;
	}
	f->ep_a = (uint16_t)a;
	f->ep_b = (uint16_t)b;
	f->generation = net->generation;
	return true;
}

static enum lm_drop follow(struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f)
{
	bool from_b = p->flags & LM_PKT_FROM_B;
	bool reverse = from_b != (bool)(f->flags & LM_FLOW_FROM_B);

	p->src_ep = &p->net->eps[from_b ? f->ep_b : f->ep_a];
	p->dst_ep = &p->net->eps[from_b ? f->ep_a : f->ep_b];
	enum lm_drop why = check_sides(p);
	if (why != LM_FINE || (p->flags & LM_PKT_ERROR))
		return why;
	/* With identifier 0, request and reply have the same key: tell them apart by direction. */
	if (p->proto == IPPROTO_ICMP && reverse != (bool)(p->flags & LM_PKT_REPLY))
		return denied(p);
	f->seen = w->tick;
	f->packets++;
	f->bytes += p->len;
	return LM_FINE;
}

static enum lm_drop begin(struct lm_worker *w, struct lm_pkt *p)
{
	const struct lm_net *net = p->net;
	bool from_b = p->flags & LM_PKT_FROM_B;
	uint32_t src, dst = lm_net_route(net, from_b ? p->key.a : p->key.b);

	if (p->sa) {
		src = lm_net_route(net, from_b ? p->key.b : p->key.a);
		if (src == LM_DP_NONE)
			return LM_DROP_INNER_SOURCE;
		p->src_ep = &net->eps[src];
	} else {
		src = (uint32_t)(p->src_ep - net->eps);
	}
	if (dst == LM_DP_NONE)
		return LM_DROP_NO_ROUTE;
	p->dst_ep = &net->eps[dst];
	enum lm_drop why = check_sides(p);
	if (why != LM_FINE)
		return why;
	if (p->flags & (LM_PKT_REPLY | LM_PKT_ERROR))
		return denied(p);
	why = ask(net, p->src_ep, p->dst_ep, p->proto, p->dst_port);
	if (why != LM_FINE || (p->flags & LM_PKT_STATELESS))
		return why;
	struct lm_flow *f = lm_flow_insert(&w->flows, &p->key, p->slot_hash, w->tick);
	if (!f)
		return LM_DROP_FLOW_TABLE_FULL;
	f->generation = net->generation;
	f->ep_a = (uint16_t)(from_b ? dst : src);
	f->ep_b = (uint16_t)(from_b ? src : dst);
	f->flags = from_b ? LM_FLOW_FROM_B : 0;
	f->packets = 1;
	f->bytes = p->len;
	return LM_FINE;
}

unsigned lm_judge_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		struct lm_flow *f = NULL;

		if (likely(!(p[i]->flags & LM_PKT_STATELESS)))
			f = lm_flow_find(&w->flows, &p[i]->key, p[i]->slot_hash, w->tick);
		if (f && unlikely(f->generation != p[i]->net->generation) &&
		    !renew(w, p[i]->net, f))
			f = NULL;
		if (f)
			w->c.flow_hits++;
		else
			w->c.flow_misses++;
		enum lm_drop why = likely(f != NULL) ? follow(w, p[i], f) : begin(w, p[i]);
		if (likely(why == LM_FINE))
			p[left++] = p[i];
		else
			lm_worker_drop(w, p[i]->m, why);
	}
	return left;
}
