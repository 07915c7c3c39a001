/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From workloads, the long way: who is it, is it who it says, and what becomes of
 * everything that is not a usual packet.
 */
#include <rte_arp.h>
#include <rte_ether.h>
#include "dataplane/access.h"
#include "dataplane/inner.h"
#include "dataplane/part.h"
#include "dataplane/quick.h"
#include "dataplane/route.h"

#define PUNT_BURST 64 /* of one attachment at once */
#define DNS_BURST 256 /* likewise, of its questions */
#define DNS_PORT 53
#define DHCP6_SERVER_PORT 547
#define ND_FIRST 133 /* router solicitation */
#define ND_LAST 137 /* redirect */

/* Taken out of the burst by a step: dropped, punted or handed over. */
#define GONE false

static bool drop(const struct access *a, struct lm_pkt *p, enum lm_drop why)
{
	lm_worker_drop(a->w, p->m, why);
	return GONE;
}

static bool spoofed(const struct access *a, struct lm_pkt *p, enum lm_drop why)
{
	a->w->attached[p->from].spoofed++;
	return drop(a, p, why);
}

/* The source is no address of this workload, which may have none at all just now. */
static bool no_source(const struct access *a, struct lm_pkt *p, const struct lm_attached *at)
{
	return at->waits ? drop(a, p, LM_DROP_NOT_SERVED) : spoofed(a, p, LM_DROP_SPOOFED_SOURCE);
}

static bool punt(struct lm_worker *w, struct lm_pkt *p, enum lm_punt reason, uint16_t mtu)
{
	struct lm_limit *limit = &w->attached[p->from].punts;

	if (lm_limit_take(limit, w->now, w->dp->costs.attachment, PUNT_BURST))
		lm_worker_punt(w, p->m, reason, p->port, p->from, mtu);
	else
		lm_worker_drop(w, p->m, LM_DROP_PUNT_LIMIT);
	return GONE;
}

/*
 * To the gateway's address. Questions have an allowance of their own: workloads ask more often than
 * anything else, and shall get their leases nevertheless.
 */
static bool to_gateway(struct lm_worker *w, struct lm_pkt *p, enum lm_drop why)
{
	struct lm_limit *limit = &w->attached[p->from].dns;

	if (why != LM_FINE || p->dst_port != DNS_PORT)
		return punt(w, p, LM_PUNT_WORKLOAD, 0);
	uint64_t cost = __atomic_load_n(&w->dp->costs.dns, __ATOMIC_RELAXED);
	if (lm_limit_take(limit, w->now, cost, DNS_BURST))
		lm_worker_punt(w, p->m, LM_PUNT_DNS, p->port, p->from, 0);
	else
		lm_worker_drop(w, p->m, LM_DROP_PUNT_LIMIT);
	return GONE;
}

/* Before anything in the frame was changed: control answers it. */
void lm_access_too_big(struct lm_worker *w, struct lm_pkt *p, uint16_t mtu)
{
	punt(w, p, LM_PUNT_TOO_BIG, mtu);
}

/*
 * Networks and attachments are published one after the other, so for a moment indices may disagree.
 * What the network itself says about the address is what counts.
 */
static __rte_noinline const struct lm_ep *search_endpoint(
    const struct lm_net *net, uint32_t id, struct lm_addr addr)
{
	if ((addr.w[0] | addr.w[1]) == 0)
		return NULL;
	uint32_t ep = lm_net_route(net, addr);
	return ep != LM_DP_NONE && net->eps[ep].attachment == id ? &net->eps[ep] : NULL;
}

/* The endpoint of this attachment, if it has this address. */
static __rte_always_inline const struct lm_ep *endpoint_of(
    const struct lm_net *net, const struct lm_attached *at, uint32_t id, struct lm_addr addr)
{
	if (likely(at->endpoint < net->n_eps)) {
		const struct lm_ep *ep = &net->eps[at->endpoint];

		if (likely(ep->attachment == id &&
			   (lm_addr_equal(ep->addr4, addr) || lm_addr_equal(ep->addr6, addr))))
			return ep;
	}
	return search_endpoint(net, id, addr);
}

static bool is_link_local(const uint8_t *ip6)
{
	return ip6[0] == 0xfe && (ip6[1] & 0xc0) == 0x80;
}

/* Only in its own name, or in nobody's: a probe (RFC 5227), a host without an address yet. */
static bool arp(
    const struct access *a, struct lm_pkt *p, const struct lm_attached *at, unsigned room)
{
	const struct rte_arp_hdr *arp_hdr = (const void *)p->ip;

	if (room < sizeof *arp_hdr)
		return drop(a, p, LM_DROP_MALFORMED);
	uint32_t sender = arp_hdr->arp_data.arp_sip;
	if (sender != 0 && !endpoint_of(p->net, at, p->from, lm_addr4(sender)))
		return no_source(a, p, at);
	return punt(a->w, p, LM_PUNT_WORKLOAD, 0);
}

/* Of a packet that was parsed. */
static inline bool is_dhcp(const struct lm_pkt *p)
{
	return unlikely(p->dst_port == LM_DHCP_SERVER_PORT) && p->proto == IPPROTO_UDP;
}

static bool is_nd_or_dhcp6(const uint8_t *ip, unsigned room)
{
	const uint8_t *l4 = ip + sizeof(struct rte_ipv6_hdr);

	if (room < sizeof(struct rte_ipv6_hdr) + 8)
		return false;
	if (ip[6] == IPPROTO_ICMPV6)
		return l4[0] >= ND_FIRST && l4[0] <= ND_LAST;
	return ip[6] == IPPROTO_UDP && lm_be16(l4 + 2) == DHCP6_SERVER_PORT;
}

static bool nd_or_dhcp6(const struct access *a, struct lm_pkt *p, const struct lm_attached *at)
{
	struct lm_addr src = lm_addr6(p->ip + 8);

	if ((src.w[0] | src.w[1]) != 0 && !is_link_local(p->ip + 8) &&
	    (src.w[0] == 0 || !endpoint_of(p->net, at, p->from, src)))
		return no_source(a, p, at);
	return punt(a->w, p, LM_PUNT_WORKLOAD, 0);
}

bool lm_access_hand(const struct access *a, struct lm_pkt *p, unsigned to, bool with_ports)
{
	struct lm_worker *w = a->w;

	w->attached[p->from].rx_packets--;
	w->attached[p->from].rx_bytes -= rte_pktmbuf_pkt_len(p->m);
	if (unlikely(with_ports)) {
		const struct lm_frag_ports ports = lm_part_ports(p);
		lm_worker_hand_fragment(w, to, a->index, p->m, &ports);
	} else {
		lm_worker_hand(w, to, a->index, p->m);
	}
	return GONE;
}

/*
 * Fragments go first to the worker that has all of those between the same two: it knows their
 * ports, and with them the flow and its worker. In this order they stay in order.
 */
static __rte_noinline bool fragment(
    const struct access *a, struct lm_pkt *p, struct lm_ends ends, const struct lm_attached *at)
{
	struct lm_worker *w = a->w;

	if (a->told) {
		const struct lm_meta *meta = lm_meta(p->m);
		const struct lm_frag_ports ports = {
		    .src = meta->src_port, .dst = meta->dst_port, .proto = meta->proto};
		if (p->flags & LM_PKT_LATER)
			lm_part_name(p, ends, at->net, &ports);
		return true;
	}
	unsigned keeper = lm_part_worker(w, ends);
	if (keeper != w->index)
		return lm_access_hand(a, p, keeper, false);
	enum lm_drop why = lm_part(w, p, ends, at->net);
	return why == LM_FINE || drop(a, p, why);
}

/* From a known attachment. True: goes on to its flow. */
static __rte_always_inline bool ip(const struct access *a, struct lm_pkt *p,
    const struct lm_attached *at, unsigned room, bool ipv6)
{
	const struct lm_net *net = p->net;
	struct lm_ends ends;
	enum lm_drop why = lm_inner_parse(p, &ends, room, ipv6, at->net);

	if (unlikely(why != LM_FINE) &&
	    (why == LM_DROP_MALFORMED || why == LM_DROP_IP_CHECKSUM || why == LM_DROP_IP_OPTION ||
		why == LM_DROP_FRAGMENT_BAD || why == LM_DROP_EXTENSION))
		return drop(a, p, why);
	/* Before it has an address, and to a broadcast one. */
	if (!ipv6 && why == LM_FINE && unlikely(is_dhcp(p)))
		return punt(a->w, p, LM_PUNT_WORKLOAD, 0);
	if (unlikely(!at->has_mac))
		return drop(a, p, LM_DROP_MAC_UNKNOWN);
	if (unlikely(!ipv6 && p->ip[16] >= LM_MULTICAST4))
		return drop(a, p, LM_DROP_MULTICAST);
	p->src_ep = endpoint_of(net, at, p->from, ends.src);
	if (unlikely(!p->src_ep))
		p->src_ep = lm_route_sender(net, p->from, ends.src);
	if (unlikely(!p->src_ep))
		return no_source(a, p, at);
	if (unlikely(lm_addr_equal(ends.dst, ipv6 ? net->gateway6 : net->gateway4)))
		return to_gateway(a->w, p, why);
	if (unlikely(why != LM_FINE || (p->flags & LM_PKT_FRAGMENT)))
		return lm_is_part(p, why) ? fragment(a, p, ends, at) : drop(a, p, why);
	return true;
}

static __rte_noinline bool ip6(
    const struct access *a, struct lm_pkt *p, const struct lm_attached *at, unsigned room)
{
	if (is_nd_or_dhcp6(p->ip, room))
		return nd_or_dhcp6(a, p, at);
	/* Hosts report the groups that they listen to before they have an address: not malformed.
	 */
	if (unlikely(room >= sizeof(struct rte_ipv6_hdr) && p->ip[24] == 0xff))
		return drop(a, p, LM_DROP_MULTICAST);
	return ip(a, p, at, room, true);
}

/* Whose frame is it? NULL: nobody's, and it is gone. *known: by its MAC. */
static const struct lm_attached *identify(
    const struct access *a, struct lm_pkt *p, const uint8_t *frame, uint16_t vlan, bool *known)
{
	uint64_t mac;

	memcpy(&mac, frame + RTE_ETHER_ADDR_LEN, sizeof mac);
	const struct lm_attach_slot *s =
	    lm_attach_find(a->table, a->index, vlan, mac & LM_MAC_MASK);
	*known = s != NULL;
	if (unlikely(!s)) {
		s = lm_attach_find(a->table, a->index, vlan, LM_MAC_ANY);
		if (!s || s->id == LM_DP_NONE) {
			drop(a, p, s ? LM_DROP_SPOOFED_MAC : LM_DROP_NO_ATTACHMENT);
			return NULL;
		}
	}
	p->from = s->id;
	a->w->attached[s->id].rx_packets++;
	a->w->attached[s->id].rx_bytes += rte_pktmbuf_pkt_len(p->m);
	return &a->table->by_id[s->id];
}

/* What a host says before it has an IPv6 address. */
static bool is_newcomer6(const uint8_t *ip, unsigned room)
{
	return is_nd_or_dhcp6(ip, room) && (ip[6] == IPPROTO_UDP || ip[40] == ND_FIRST);
}

/*
 * The workload's MAC was learned and this is another one: a workload that was started again may
 * have a new one, but only DHCP says so. Where that is DHCPv6, it has to find a router first.
 */
static __rte_noinline bool other_mac(const struct access *a, struct lm_pkt *p,
    const struct lm_attached *at, uint16_t type, unsigned room)
{
	struct lm_ends ends;

	if (type == RTE_ETHER_TYPE_IPV4 && lm_inner_parse(p, &ends, room, false, 0) == LM_FINE &&
	    is_dhcp(p))
		return punt(a->w, p, LM_PUNT_WORKLOAD, 0);
	if (type == RTE_ETHER_TYPE_IPV6 && is_newcomer6(p->ip, room))
		return nd_or_dhcp6(a, p, at);
	return spoofed(a, p, LM_DROP_SPOOFED_MAC);
}

__rte_cold bool lm_access_receive(const struct access *a, struct lm_pkt *p, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned room = rte_pktmbuf_data_len(m), l2 = sizeof(struct rte_ether_hdr);
	uint16_t type, vlan = 0;

	p->m = m;
	p->port = (uint8_t)a->index;
	p->sa = NULL;
	if (unlikely(room < l2 + sizeof(struct rte_vlan_hdr) || m->nb_segs != 1))
		return drop(a, p, LM_DROP_MALFORMED);
	type = lm_be16(frame + 12);
	if (type == RTE_ETHER_TYPE_VLAN) {
		vlan = lm_be16(frame + 14) & 0xfff;
		type = lm_be16(frame + 16);
		l2 += sizeof(struct rte_vlan_hdr);
	}
	if (unlikely(!(frame[0] & 1) && memcmp(frame, a->port->mac.b, RTE_ETHER_ADDR_LEN) != 0))
		return drop(a, p, LM_DROP_NOT_OURS);
	bool known;
	const struct lm_attached *at = identify(a, p, frame, vlan, &known);
	if (unlikely(!at))
		return GONE;
	p->net = lm_load(a->w->nets[at->net]);
	if (unlikely(!p->net))
		return drop(a, p, LM_DROP_NO_NETWORK);
	p->ip = rte_pktmbuf_mtod_offset(m, uint8_t *, l2);
	room -= l2;
	if (unlikely(!known && at->has_mac))
		return other_mac(a, p, at, type, room);
	p->len = (uint16_t)room;
	p->flags = type == RTE_ETHER_TYPE_IPV6 ? LM_PKT_V6 : 0;
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
	case RTE_ETHER_TYPE_IPV6:
		return true;
	case RTE_ETHER_TYPE_ARP:
		return arp(a, p, at, room);
	default:
		return drop(a, p, LM_DROP_UNKNOWN_ETHERTYPE);
	}
}

__rte_cold bool lm_access_admit(const struct access *a, struct lm_pkt *p)
{
	const struct lm_attached *at = &a->table->by_id[p->from];

	return p->flags & LM_PKT_V6 ? ip6(a, p, at, p->len) : ip(a, p, at, p->len, false);
}
