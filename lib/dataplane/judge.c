/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table, and policy for what is not in it. Each gateway judges for itself,
 * on both sides: a peer's word that a packet is allowed counts for nothing.
 *
 * A connection is judged in the direction in which it was opened; its replies pass
 * with it. What is denied is not remembered, lest it fill the table.
 *
 * A TCP segment in the middle of a connection that we do not know: flows are lost when
 * a gateway restarts, when an endpoint moves, and when nothing was said for long, and
 * none of these shall end a connection silently. From the side that may open it, it
 * is taken over; that gives nobody more than a SYN would. From the other side it is for
 * some time after the endpoint came here (tcp_pickup). Then the receiver's own TCP
 * is what refuses a segment that belongs to nothing, and says so to the sender. The
 * like for other protocols is in pickup.h.
 */
#include "dataplane/access.h"
#include "dataplane/inner.h"
#include "dataplane/meters.h"
#include "dataplane/pickup.h"
#include "dataplane/route.h"
#include "dataplane/tcp.h"
#include "dataplane/worker.h"

/* An address, and who has it or routes to it. */
struct side {
	const struct lm_ep *ep;
	struct lm_addr addr;
};

static struct side source(const struct lm_pkt *p)
{
	return (struct side){p->src_ep, p->flags & LM_PKT_FROM_B ? p->key.b : p->key.a};
}

static struct side destination(const struct lm_pkt *p)
{
	return (struct side){p->dst_ep, p->flags & LM_PKT_FROM_B ? p->key.a : p->key.b};
}

/* May src open a flow to dst? Which rules say so, too. */
static enum lm_drop ask(const struct lm_net *net, struct side src, struct side dst, uint8_t proto,
    uint16_t dst_port, struct lm_ruling *ruling)
{
	struct lm_policy_key key = {.src_member = src.ep->member,
	    .dst_member = dst.ep->member,
	    .protocol = proto,
	    .dst_port = dst_port,
	    .src = lm_addr_ip(src.addr),
	    .dst = lm_addr_ip(dst.addr)};

	if (!net->policy)
		return LM_DROP_POLICY_EGRESS;
	*ruling = lm_policy_judge(net->policy, &key);
	switch (ruling->verdict) {
	case LM_ALLOW:
		return LM_FINE;
	case LM_DENY_INGRESS:
		return LM_DROP_POLICY_INGRESS;
	default:
		return LM_DROP_POLICY_EGRESS;
	}
}

/* The packet's own wish. */
static enum lm_drop ask_for(const struct lm_pkt *p, struct lm_ruling *ruling)
{
	return ask(p->net, source(p), destination(p), p->proto, p->dst_port, ruling);
}

/* Out of a tunnel, the source is one of that peer's endpoints, and the destination ours. */
static enum lm_drop check_sides(struct lm_pkt *p)
{
	if (!p->sa)
		return p->dst_ep->away ? LM_DROP_NO_ROUTE : LM_FINE;
	if (likely(p->src_ep->peer == p->sa->peer && p->dst_ep->peer == LM_DP_NONE))
		return LM_FINE;
	return lm_route_other_via(p);
}

/* The same for the connection that this packet would be an answer in. */
static enum lm_drop ask_back(const struct lm_pkt *p, struct lm_ruling *ruling)
{
	uint16_t port = p->flags & LM_PKT_FROM_B ? p->key.port_b : p->key.port_a;

	return ask(p->net, destination(p), source(p), p->proto, rte_be_to_cpu_16(port), ruling);
}

/* Counts and notes which rules said so. back: they were asked about the other direction. */
static void count(
    struct lm_worker *w, const struct lm_pkt *p, bool back, const struct lm_ruling *ruling)
{
	const struct lm_ep *src = back ? p->dst_ep : p->src_ep, *dst = back ? p->src_ep : p->dst_ep;
	const struct lm_net *net = p->net;

	if (!net->policy)
		return;
	lm_hits_count(net->hits, w->index,
	    lm_policy_counter(net->policy, src->member, LM_EGRESS, ruling->egress));
	lm_hits_count(net->hits, w->index,
	    lm_policy_counter(net->policy, dst->member, LM_INGRESS, ruling->ingress));
	if (unlikely(net->quotas != NULL))
		lm_quotas_count(net, w->index, w->now, ruling, src->member, dst->member);
	lm_note_ruling(w, p, back, ruling);
}

/* Allowed, but are there too many already? Then *ruling says by which rule. */
static enum lm_drop ration(
    const struct lm_worker *w, const struct lm_pkt *p, bool back, struct lm_ruling *ruling)
{
	const struct lm_net *net = p->net;

	if (likely(!net->quotas))
		return LM_FINE;
	return lm_quotas_allow(net, w->index, w->now, ruling,
		   (back ? p->dst_ep : p->src_ep)->member, (back ? p->src_ep : p->dst_ep)->member)
		   ? LM_FINE
		   : LM_DROP_RULE_RATE;
}

/* Did rules decide what becomes of a packet, and not what it is? */
static bool by_rules(enum lm_drop why)
{
	return why == LM_FINE || why == LM_DROP_POLICY_EGRESS || why == LM_DROP_POLICY_INGRESS ||
	       why == LM_DROP_RULE_RATE;
}

static uint32_t where_is(const struct lm_ep *ep)
{
	if (ep->peer == LM_DP_NONE)
		return ep->attachment;
	return ep->away ? LM_WHERE_NOWHERE : ep->peer | LM_WHERE_PEER;
}

/*
 * Its ends are these endpoints, as long as the network stays as it is. Who sends by lanes that are
 * not the flows' makes us know flows of another worker. What our workloads send of these is for
 * that one, as the lanes are: so it is not told here where it goes.
 */
static void settle(const struct lm_worker *w, struct lm_flow *f, const struct lm_net *net,
    uint16_t ep_a, uint16_t ep_b)
{
	const struct lm_ep *a = &net->eps[ep_a], *b = &net->eps[ep_b];

	f->ep_a = ep_a;
	f->ep_b = ep_b;
	f->generation = net->generation;
	if (f->net_proto & LM_FLOW_V6 || lm_worker_of(w, f->hash) != w->index)
		return;
	f->where[0] = where_is(a);
	f->where[1] = where_is(b);
	const struct lm_tunnel *tunnel = a->tunnel ? a->tunnel : b->tunnel;
	f->lanes = tunnel ? tunnel->lanes : NULL;
}

/*
 * The network was published anew since this flow was allowed: ask again, in the flow's own
 * direction. False: no longer.
 */
static bool renew(const struct lm_worker *w, const struct lm_net *net, struct lm_flow *f)
{
	bool from_b = f->from_b;
	uint8_t proto = (uint8_t)f->net_proto;
	uint16_t port = 0;
	struct lm_flow_key key;
	struct lm_ruling ruling; /* was counted when the flow began */

	lm_flow_key_of(&key, f);
	uint32_t a = lm_net_owner(net, key.a), b = lm_net_owner(net, key.b);
	if (lm_proto_has_ports(proto))
		port = rte_be_to_cpu_16(from_b ? key.port_a : key.port_b);
	if (a == LM_DP_NONE || b == LM_DP_NONE)
		return false;
	struct side sides[] = {{&net->eps[a], key.a}, {&net->eps[b], key.b}};
	if (ask(net, sides[from_b], sides[!from_b], proto, port, &ruling) != LM_FINE)
		return false;
	settle(w, f, net, (uint16_t)a, (uint16_t)b);
	return true;
}

/* A segment that finds no flow, and of which policy says so. */
static enum lm_drop first_segment(const struct lm_pkt *p, enum lm_drop why)
{
	if (!lm_tcp_valid(p->tcp))
		return LM_DROP_TCP_FLAGS;
	return (p->tcp & LM_TCP_SYN) && !lm_tcp_opens(p->tcp) ? LM_DROP_TCP_STATE : why;
}

/* Denied as a first packet; as an answer? The connection is the other side's, and so says *ruling.
 */
static bool picked_up(
    const struct lm_worker *w, const struct lm_pkt *p, enum lm_drop why, struct lm_ruling *ruling)
{
	struct lm_ruling other;

	if (!by_rules(why) || !lm_pickup_may(w, p) || ask_back(p, &other) != LM_FINE)
		return false;
	*ruling = other;
	return true;
}

static enum lm_flow_state first_state(const struct lm_pkt *p, bool back)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return back ? LM_FLOW_TCP_ANSWERED : LM_FLOW_TCP_OPENING;
	case IPPROTO_UDP:
		return LM_FLOW_UDP_ONE_WAY;
	case IPPROTO_ICMP:
		return LM_FLOW_ICMP;
	default:
		return LM_FLOW_OTHER;
	}
}

static enum lm_drop room(
    const struct lm_worker *w, const struct lm_pkt *p, enum lm_flow_state state)
{
	switch (lm_flow_room(&w->flows, lm_flow_net_of(p->key.net_proto), state)) {
	case LM_FLOW_ROOM:
		return LM_FINE;
	case LM_FLOW_NET_FULL:
		return LM_DROP_NETWORK_FLOWS;
	case LM_FLOW_NET_HALF_OPEN:
		return LM_DROP_HALF_OPEN;
	default:
		return LM_DROP_FLOW_TABLE_FULL;
	}
}

static enum lm_drop remember(struct lm_worker *w, struct lm_pkt *p, bool back)
{
	enum lm_flow_state state = first_state(p, back);
	bool from_b = p->flags & LM_PKT_FROM_B;
	uint16_t src = (uint16_t)(p->src_ep - p->net->eps),
		 dst = (uint16_t)(p->dst_ep - p->net->eps);
	enum lm_drop why = room(w, p, state);

	if (why != LM_FINE)
		return why;
	struct lm_flow *f = lm_flow_insert(&w->flows, &p->key, p->slot_hash, state, w->tick);
	if (!f)
		return LM_DROP_FLOW_TABLE_FULL;
	if (!(f->net_proto & LM_FLOW_V6))
		f->hash = (uint32_t)p->hash;
	settle(w, f, p->net, from_b ? dst : src, from_b ? src : dst);
	f->from_b = from_b != back;
	if (p->proto == IPPROTO_TCP && (p->tcp & LM_TCP_FIN))
		f->fins = back ? LM_FIN_OTHER : LM_FIN_OPENER;
	f->packets = 1;
	f->bytes = p->len;
	return LM_FINE;
}

/* Where to: p->src_ep (out of a tunnel) and p->dst_ep. */
static enum lm_drop route(struct lm_pkt *p)
{
	const struct lm_net *net = p->net;
	uint32_t src, dst = lm_net_next(net, destination(p).addr);

	/* Who is at a port is its attachment; whose address it sends from, the routes say. */
	if (p->sa || net->routes) {
		src = lm_net_owner(net, source(p).addr);
		if (src == LM_DP_NONE)
			return LM_DROP_INNER_SOURCE;
		p->src_ep = &net->eps[src];
	}
	if (dst == LM_DP_NONE)
		return LM_DROP_NO_ROUTE;
	p->dst_ep = &net->eps[dst];
	p->to = p->dst_ep->attachment;
	/* So that there is no flow of it; by those of others it may come back nevertheless. */
	if (!p->sa && lm_route_loops(p))
		return LM_DROP_LOOP;
	return check_sides(p);
}

static enum lm_drop begin(struct lm_worker *w, struct lm_pkt *p)
{
	struct lm_ruling ruling = {.egress = LM_RULE_UNASKED, .ingress = LM_RULE_UNASKED};
	bool back = false;
	enum lm_drop why = route(p);

	if (unlikely(w->fair_time))
		lm_overload_missed(w, lm_flow_net_of(p->key.net_proto));
	if (why != LM_FINE)
		return why;
	if (p->flags & LM_PKT_LATER)
		return LM_DROP_FRAGMENT; /* its first one did not pass */
	if (p->flags & (LM_PKT_REPLY | LM_PKT_ERROR))
		return LM_DROP_NO_FLOW;
	why = ask_for(p, &ruling);
	if (p->proto == IPPROTO_TCP)
		why = first_segment(p, why);
	if (why != LM_FINE && picked_up(w, p, why, &ruling)) {
		back = true;
		why = LM_FINE;
	}
	if (why == LM_FINE)
		why = ration(w, p, back, &ruling);
	/* There is nothing to follow a reset. */
	if (why == LM_FINE && !(p->flags & LM_PKT_STATELESS) &&
	    !(p->proto == IPPROTO_TCP && (p->tcp & LM_TCP_RST)))
		why = remember(w, p, back);
	if (by_rules(why))
		count(w, p, back, &ruling);
	return why;
}

/* The same, and now and then how long it takes. */
static enum lm_drop meet(struct lm_worker *w, struct lm_pkt *p)
{
	struct lm_newcomers *newcomers = &w->overload.newcomers;

	if (likely(!lm_newcomers_sample(newcomers)))
		return begin(w, p);
	const uint64_t start = rte_rdtsc();
	const enum lm_drop why = begin(w, p);
	lm_newcomers_clock(newcomers, rte_rdtsc() - start);
	return why;
}

/* Too many packets are of no flow that we know, and so is this one. */
static __rte_always_inline bool is_over(struct lm_worker *w, const struct lm_pkt *p)
{
	return unlikely(w->overload.newcomers.on) &&
	       !lm_overload_meet(w, lm_flow_net_of(p->key.net_proto));
}

/* Then finding out that they are of none is most of the work: so all at once. */
static __rte_noinline void prefetch_all(const struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (p[i]->flags & LM_PKT_QUICK &&
		    lm_flow_is4(lm_flow_way(&w->flows, p[i]->slot_hash, 0, 0), &p[i]->ends,
			p[i]->key.net_proto))
			continue;
		for (unsigned k = 1; k < 2 * LM_FLOW_WAYS; k++)
			rte_prefetch0(lm_flow_way(
			    &w->flows, p[i]->slot_hash, k / LM_FLOW_WAYS, k % LM_FLOW_WAYS));
	}
}

/* A segment that may change the state of its connection. */
static __rte_noinline enum lm_drop segment(
    struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f, bool reverse)
{
	struct lm_tcp_state s = {.state = f->state, .fins = f->fins};
	struct lm_ruling ruling = {.egress = LM_RULE_UNASKED, .ingress = LM_RULE_UNASKED};
	enum lm_drop why;

	switch (lm_tcp_step(&s, p->tcp, reverse)) {
	case LM_TCP_INVALID:
		return LM_DROP_TCP_FLAGS;
	case LM_TCP_NO_STATE:
		return LM_DROP_TCP_STATE;
	case LM_TCP_CONTRARY:
		/* Both at once, or a mistake, but in any case a wish of its own. */
		why = ask_for(p, &ruling);
		if (why == LM_FINE)
			why = ration(w, p, false, &ruling);
		count(w, p, false, &ruling);
		return why;
	default:
		break;
	}
	if (s.state != f->state)
		lm_flow_enter(&w->flows, f, s.state);
	f->fins = s.fins;
	return LM_FINE;
}

/* What a packet does to its flow. */
static __rte_always_inline enum lm_drop advance(
    struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f, bool reverse)
{
	if (p->proto == IPPROTO_TCP) {
		if (likely(lm_tcp_plain(f->state, p->tcp)))
			return LM_FINE;
		return segment(w, p, f, reverse);
	}
	/* With identifier 0, request and reply have the same key: tell them apart by direction. */
	if (unlikely(f->state == LM_FLOW_ICMP))
		return reverse == (bool)(p->flags & LM_PKT_REPLY) ? LM_FINE : LM_DROP_NO_FLOW;
	if (unlikely(reverse) && f->state == LM_FLOW_UDP_ONE_WAY)
		lm_flow_enter(&w->flows, f, LM_FLOW_UDP);
	return LM_FINE;
}

static enum lm_drop follow(struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f)
{
	bool from_b = p->flags & LM_PKT_FROM_B;

	p->src_ep = &p->net->eps[from_b ? f->ep_b : f->ep_a];
	p->dst_ep = &p->net->eps[from_b ? f->ep_a : f->ep_b];
	enum lm_drop why = check_sides(p);
	if (unlikely(why != LM_FINE))
		return why;
	if (unlikely(p->flags & (LM_PKT_ERROR | LM_PKT_LATER))) {
		if (p->flags & LM_PKT_ERROR)
			return !(p->flags & LM_PKT_ON_WAY) || lm_route_on_way(p) ? LM_FINE
										 : LM_DROP_NO_FLOW;
	} else {
		why = advance(w, p, f, from_b != f->from_b);
		if (unlikely(why != LM_FINE))
			return why;
	}
	f->seen = w->tick;
	f->packets++;
	f->bytes += p->len;
	return LM_FINE;
}

/* A flow that no packet asks for must not take a place, least of all one of another tenant's. */
bool lm_judge_keep(void *worker, struct lm_flow *f)
{
	struct lm_worker *w = worker;
	const struct lm_net *net = lm_load(w->nets[lm_flow_net_of(f->net_proto)]);

	return net && (f->generation == net->generation || renew(w, net, f));
}

/* A new connection between the ports of one that has ended, by either side. */
static bool opens_again(const struct lm_pkt *p, const struct lm_flow *f)
{
	return f->state == LM_FLOW_TCP_CLOSED && !(p->flags & (LM_PKT_ERROR | LM_PKT_LATER)) &&
	       lm_tcp_opens(p->tcp) && lm_tcp_valid(p->tcp);
}

static __rte_always_inline bool has_ended(
    const struct lm_worker *w, const struct lm_pkt *p, struct lm_flow *f)
{
	return (unlikely(f->generation != p->net->generation) && !renew(w, p->net, f)) ||
	       opens_again(p, f);
}

/* f: what the table says; NULL: nothing. */
static enum lm_drop judge_by(struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f)
{
	enum lm_drop why;

	if (f && unlikely(has_ended(w, p, f))) {
		lm_flow_remove(&w->flows, f);
		f = NULL;
	}
	if (f) {
		w->c.flow_hits++;
		why = follow(w, p, f);
	} else {
		w->c.flow_misses++;
		why = meet(w, p);
	}
	if (why == LM_FINE) {
		p->to = p->dst_ep->attachment;
		p->mtu = p->net->mtu;
	}
	return why;
}

static enum lm_drop judge(struct lm_worker *w, struct lm_pkt *p)
{
	struct lm_flow *f = NULL;

	if (likely(!(p->flags & LM_PKT_STATELESS)))
		f = lm_flow_find(&w->flows, &p->key, p->slot_hash, w->tick);
	if (!f && is_over(w, p))
		return LM_DROP_NEW_FLOW_SHARE;
	return judge_by(w, p, f);
}

/* Of the short way: is it we who would know its flow? */
static bool is_ours(const struct lm_worker *w, const struct lm_pkt *p)
{
	return p->sa || w->lane_mask == 0 ||
	       lm_worker_of(w, lm_flow_hash4(&p->ends, (uint8_t)p->key.net_proto)) == w->index;
}

/* Of the short way, but of no flow that we know (f is NULL), or something about it is different. */
static __rte_noinline enum lm_drop look_closer(
    struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f)
{
	if (f && lm_flow_expired(&w->flows, f, w->tick)) {
		lm_flow_remove(&w->flows, f);
		f = NULL;
	}
	if (!f && is_ours(w, p) && is_over(w, p)) {
		if (!p->sa)
			lm_access_count(w, p);
		return LM_DROP_NEW_FLOW_SHARE;
	}
	if (!p->sa)
		return lm_access_closer(w->access, p) ? judge_by(w, p, f) : LM_GONE;
	p->net = lm_load(w->nets[p->sa->net]);
	if (!p->net)
		return LM_DROP_NO_NETWORK;
	lm_inner_name(p);
	return judge_by(w, p, f);
}

/*
 * Does a packet of the short way belong to this flow, and is all as it was when the flow was last
 * allowed? Then it comes from where that end is, whatever it says, and the other end is where it
 * may go: out of a tunnel, to ours only.
 */
static __rte_always_inline bool fits(const struct lm_worker *w, const struct lm_pkt *p,
    const struct lm_flow *f, uint32_t generation, bool from_b)
{
	const uint32_t to = f->where[!from_b];

	return f->where[from_b] == p->from && f->generation == generation &&
	       to != LM_WHERE_NOWHERE && !(to & p->from & LM_WHERE_PEER) &&
	       !lm_flow_expired(&w->flows, f, w->tick);
}

/* Does it leave the flow in the state that it is in? */
static __rte_always_inline bool changes_nothing(
    const struct lm_pkt *p, const struct lm_flow *f, bool from_b)
{
	if ((uint8_t)p->key.net_proto == IPPROTO_TCP)
		return lm_tcp_plain(f->state, p->tcp);
	return f->state == LM_FLOW_UDP || from_b == f->from_b;
}

/* Is it all as usual, so that its flow says where it goes? *f: the flow, if there is one. */
static __rte_always_inline bool is_usual(
    struct lm_worker *w, struct lm_pkt *p, bool from_b, struct lm_flow **f)
{
	if (unlikely(!(p->flags & LM_PKT_QUICK)))
		return false;
	*f = lm_flow_find4(&w->flows, &p->ends, p->key.net_proto, p->slot_hash);
	const struct lm_net_brief net =
	    lm_net_brief_of(w->briefs, lm_flow_net_of(p->key.net_proto));
	p->mtu = (uint16_t)net.mtu;
	return likely(
	    *f && fits(w, p, *f, net.generation, from_b) && changes_nothing(p, *f, from_b));
}

static enum lm_drop other(struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f)
{
	return p->flags & LM_PKT_QUICK ? look_closer(w, p, f) : judge(w, p);
}

/* Of a packet whose flow is known. */
static __rte_always_inline enum lm_drop pass(
    struct lm_worker *w, struct lm_pkt *p, struct lm_flow *f, bool sent, unsigned *hits)
{
	if (sent)
		lm_access_count(w, p);
	if (sent && unlikely(p->flags & LM_PKT_LIMITED)) {
		enum lm_drop why = lm_access_meter(w->access, p);
		if (why != LM_FINE)
			return why;
	}
	++*hits;
	f->seen = w->tick;
	f->packets++;
	f->bytes += p->len;
	return LM_FINE;
}

unsigned lm_judge_opened(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	const struct lm_attach_table *table = lm_load(w->dp->attachments);
	unsigned left = 0, hits = 0;
	uint32_t last = LM_DP_NONE;

	if (unlikely(w->overload.newcomers.on))
		prefetch_all(w, p, n);
	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *const q = p[i];
		const bool from_b = q->flags & LM_PKT_FROM_B;
		struct lm_flow *f = NULL;
		enum lm_drop why;

		if (likely(is_usual(w, q, from_b, &f))) {
			q->to = f->where[!from_b];
			why = pass(w, q, f, false, &hits);
		} else {
			why = other(w, q, f);
		}
		if (unlikely(why != LM_FINE)) {
			lm_worker_drop(w, q->m, why);
			continue;
		}
		/* Delivery asks for these two of each. */
		if (q->to != last) {
			rte_prefetch0(&table->by_id[q->to]);
			__builtin_prefetch(&w->attached[q->to], 1);
			last = q->to;
		}
		p[left++] = q;
	}
	w->c.flow_hits += hits;
	return left;
}

/* By a lane of this tunnel. */
static __rte_always_inline enum lm_drop choose_lane(
    struct lm_pkt *p, const lm_lanes_word *lanes, uint64_t hash)
{
	p->lane = lm_lane_of(lanes, hash);
	rte_prefetch0(p->lane);
	return likely(p->lane != NULL) ? LM_FINE : LM_DROP_NO_LANE;
}

unsigned lm_judge_sent(struct lm_worker *w, struct lm_pkt **p, unsigned n, unsigned *aside)
{
	unsigned local = 0, remote = 0, hits = 0;

	if (unlikely(w->overload.newcomers.on))
		prefetch_all(w, p, n);
	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *const q = p[i];
		const bool from_b = q->flags & LM_PKT_FROM_B;
		struct lm_flow *f = NULL;
		const lm_lanes_word *lanes = NULL;
		uint64_t hash = 0;
		enum lm_drop why;

		if (likely(is_usual(w, q, from_b, &f))) {
			lanes = f->lanes;
			hash = f->hash;
			q->to = f->where[!from_b];
			why = pass(w, q, f, true, &hits);
		} else {
			why = other(w, q, f);
			if (why == LM_FINE && q->dst_ep->tunnel) {
				lanes = q->dst_ep->tunnel->lanes;
				hash = q->hash;
			}
		}
		if (likely(why == LM_FINE && lanes))
			why = choose_lane(q, lanes, hash);
		else if (why == LM_FINE && unlikely(lm_route_loops(q)))
			why = LM_DROP_LOOP;
		if (unlikely(why != LM_FINE)) {
			if (why != LM_GONE)
				lm_worker_drop(w, q->m, why);
		} else if (lanes) {
			w->aside[remote++] = q;
		} else {
			p[local++] = q;
		}
	}
	w->c.flow_hits += hits;
	*aside = remote;
	return local;
}
