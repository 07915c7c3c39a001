/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the underlay: what is for us, and of that, what is ESP.
 */
#include <rte_ether.h>
#include <rte_udp.h>
#include "dataplane/esp.h"
#include "dataplane/inner.h"
#include "dataplane/worker.h"

/* Messages of sessions at once: of one source, of all of them. */
#define PEER_BURST 640
#define PEERS_BURST 768
#define STRANGER_BURST 64
#define STRANGERS_BURST 256
#define UNDERLAY_BURST 256
#define RESOLVER_BURST 256
#define DNS_PORT 53
#define KEEPALIVE 0xff /* RFC 3948 section 2.3 */
#define ND_FIRST 133
#define ND_LAST 137
#define UDP_HEADER sizeof(struct rte_udp_hdr)

/* Taken out of the burst: dropped, punted or handed over. */
#define GONE false

struct outer {
	struct lm_worker *w;
	const struct lm_addr_list *addrs;
	const struct lm_port *port;
	unsigned index; /* of the port */
};

/* What the front of a usual datagram must be, as in memory. */
struct usual {
	uint64_t mac;
	uint32_t addr4;
	uint16_t udp_port, tag;
	unsigned l2; /* bytes */
};

static bool drop(const struct outer *o, struct lm_pkt *p, enum lm_drop why)
{
	lm_worker_drop(o->w, p->m, why);
	return GONE;
}

static bool punt(const struct outer *o, struct lm_pkt *p, enum lm_punt reason, bool ok)
{
	if (!ok)
		return drop(o, p, LM_DROP_PUNT_LIMIT);
	lm_worker_punt(o->w, p->m, reason, p->port, LM_DP_NONE, 0);
	return GONE;
}

/* Neighbours, ICMP. */
static bool underlay(const struct outer *o, struct lm_pkt *p)
{
	struct lm_worker *w = o->w;

	return punt(o, p, LM_PUNT_UNDERLAY,
	    lm_limit_take(&w->underlay_punts, w->now, w->dp->costs.underlay, UNDERLAY_BURST));
}

/* A message of a session: from its own allowance first, then from the common one. */
static bool session(const struct outer *o, struct lm_pkt *p, struct lm_addr from)
{
	struct lm_worker *w = o->w;
	const struct lm_punt_costs *costs = &w->dp->costs;
	uint16_t source = lm_source_of(&w->dp->sources, from);
	struct lm_limit *own = &w->sources[source];
	bool ok;

	if (lm_source_is_peer(&w->dp->sources, source))
		ok = lm_limit_take(own, w->now, costs->peer, PEER_BURST) &&
		     lm_limit_take(&w->peer_punts, w->now, costs->session, PEERS_BURST);
	else
		ok = lm_limit_take(own, w->now, costs->stranger, STRANGER_BURST) &&
		     lm_limit_take(&w->stranger_punts, w->now, costs->session, STRANGERS_BURST);
	return punt(o, p, LM_PUNT_SESSION, ok);
}

/* UDP to another port than ours: is it an answer that we may have asked for? */
static __rte_noinline bool other_port(
    const struct outer *o, struct lm_pkt *p, const uint8_t *udp_hdr, struct lm_addr from)
{
	struct lm_worker *w = o->w;
	const struct lm_dp_config *c = &w->dp->config;
	uint16_t port = (uint16_t)(lm_be16(udp_hdr + 2) - c->reply_port_first);

	if (port >= c->n_reply_ports || lm_be16(udp_hdr) != DNS_PORT ||
	    !lm_addr_listed(lm_load(w->dp->resolvers), from))
		return drop(o, p, LM_DROP_NOT_OURS);
	return punt(o, p, LM_PUNT_RESOLVER,
	    lm_limit_take(&w->resolver_punts, w->now, w->dp->costs.resolver, RESOLVER_BURST));
}

static bool is_ours(const struct outer *o, struct lm_addr dst)
{
	return lm_addr_listed(o->addrs, dst);
}

/* True: ESP of a lane of ours, which goes on to be opened. */
static bool esp(const struct outer *o, struct lm_pkt *p, uint8_t *payload, unsigned len)
{
	struct lm_worker *w = o->w;
	struct lm_sa_in *sa = lm_sa_find(&w->dp->sas, rte_be_to_cpu_32(lm_load32(payload)));

	if (unlikely(!sa))
		return drop(o, p, LM_DROP_UNKNOWN_SPI);
	if (sa->worker != w->index) {
		lm_worker_hand(w, sa->worker, o->index, p->m);
		return GONE;
	}
	p->sa = sa;
	p->ip = payload;
	p->len = (uint16_t)len;
	return true;
}

/* udp: a UDP header, of which len bytes are there. */
static bool udp(
    const struct outer *o, struct lm_pkt *p, uint8_t *udp_hdr, unsigned len, struct lm_addr from)
{
	uint8_t *payload = udp_hdr + UDP_HEADER;

	if (unlikely(len < UDP_HEADER))
		return drop(o, p, LM_DROP_MALFORMED);
	unsigned claimed = lm_be16(udp_hdr + 4);
	if (lm_be16(udp_hdr + 2) != o->w->dp->config.udp_port)
		return other_port(o, p, udp_hdr, from);
	if (unlikely(claimed < UDP_HEADER || claimed > len))
		return drop(o, p, LM_DROP_MALFORMED);
	len = claimed - (unsigned)UDP_HEADER;
	if (unlikely(len < 4))
		return drop(o, p,
		    len == 1 && payload[0] == KEEPALIVE ? LM_DROP_KEEPALIVE : LM_DROP_MALFORMED);
	if (unlikely(lm_load32(payload) == 0))
		return session(o, p, from);
	return esp(o, p, payload, len);
}

static bool ip4(const struct outer *o, struct lm_pkt *p, uint8_t *ip, unsigned room, bool multicast)
{
	if (unlikely(room < sizeof(struct rte_ipv4_hdr)))
		return drop(o, p, LM_DROP_MALFORMED);
	unsigned header = (ip[0] & 15u) * 4, total = lm_be16(ip + 2);
	if (unlikely(ip[0] >> 4 != 4 || header < sizeof(struct rte_ipv4_hdr) || total < header ||
		     total > room))
		return drop(o, p, LM_DROP_MALFORMED);
	if (multicast || !is_ours(o, lm_addr4(lm_load32(ip + 16))))
		return drop(o, p, LM_DROP_NOT_OURS);
	/* Peers send atomic datagrams, and we do not reassemble. */
	if (unlikely(lm_be16(ip + 6) & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)))
		return drop(o, p, LM_DROP_FRAGMENT);
	p->tos = ip[1];
	if (likely(ip[9] == IPPROTO_UDP))
		return udp(o, p, ip + header, total - header, lm_addr4(lm_load32(ip + 12)));
	if (ip[9] == IPPROTO_ICMP)
		return underlay(o, p);
	return drop(o, p, LM_DROP_NOT_OURS);
}

static bool ip6(const struct outer *o, struct lm_pkt *p, uint8_t *ip, unsigned room, bool multicast)
{
	const unsigned header = sizeof(struct rte_ipv6_hdr);

	if (unlikely(room < header))
		return drop(o, p, LM_DROP_MALFORMED);
	unsigned len = lm_be16(ip + 4);
	if (unlikely(ip[0] >> 4 != 6 || len > room - header))
		return drop(o, p, LM_DROP_MALFORMED);
	/* Neighbour discovery also speaks to link-local addresses and groups, which control knows.
	 */
	if (ip[6] == IPPROTO_ICMPV6 && len >= LM_ICMP_HEADER && ip[header] >= ND_FIRST &&
	    ip[header] <= ND_LAST)
		return underlay(o, p);
	if (multicast || !is_ours(o, lm_addr6(ip + 24)))
		return drop(o, p, LM_DROP_NOT_OURS);
	p->tos = (uint8_t)(lm_be16(ip) >> 4);
	if (likely(ip[6] == IPPROTO_UDP))
		return udp(o, p, ip + header, len, lm_addr6(ip + 8));
	if (ip[6] == IPPROTO_ICMPV6)
		return underlay(o, p);
	return drop(o, p, ip[6] == IPPROTO_FRAGMENT ? LM_DROP_FRAGMENT : LM_DROP_NOT_OURS);
}

static __rte_noinline bool receive(const struct outer *o, struct lm_pkt *p, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned room = rte_pktmbuf_data_len(m), l2 = sizeof(struct rte_ether_hdr);
	uint16_t type, vlan = 0;

	p->m = m;
	p->port = (uint8_t)o->index;
	if (unlikely(room < l2 + sizeof(struct rte_vlan_hdr) || m->nb_segs != 1))
		return drop(o, p, LM_DROP_MALFORMED);
	type = lm_be16(frame + 12);
	if (type == RTE_ETHER_TYPE_VLAN) {
		vlan = lm_be16(frame + 14) & 0xfff;
		type = lm_be16(frame + 16);
		l2 += sizeof(struct rte_vlan_hdr);
	}
	bool multicast = frame[0] & 1;
	if (vlan != o->port->config.vlan ||
	    (!multicast && memcmp(frame, o->port->mac.b, RTE_ETHER_ADDR_LEN) != 0))
		return drop(o, p, LM_DROP_NOT_OURS);
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		return ip4(o, p, frame + l2, room - l2, multicast);
	case RTE_ETHER_TYPE_IPV6:
		return ip6(o, p, frame + l2, room - l2, multicast);
	case RTE_ETHER_TYPE_ARP:
		return underlay(o, p);
	default:
		return drop(o, p, LM_DROP_UNKNOWN_ETHERTYPE);
	}
}

static struct usual usual_of(const struct outer *o)
{
	const unsigned vlan = o->port->config.vlan;
	struct usual u = {.udp_port = rte_cpu_to_be_16(o->w->dp->config.udp_port),
	    .tag = rte_cpu_to_be_16((uint16_t)vlan),
	    .l2 = sizeof(struct rte_ether_hdr) + (vlan ? sizeof(struct rte_vlan_hdr) : 0)};

	memcpy(&u.mac, o->port->mac.b, sizeof o->port->mac.b);
	for (unsigned i = 0; i < o->addrs->n && u.addr4 == 0; i++)
		if (o->addrs->addr[i].w[0] == 0)
			u.addr4 = (uint32_t)(o->addrs->addr[i].w[1] >> 32);
	/* If we have no IPv4 address, none is usual: no frame is as long. */
	if (u.addr4 == 0)
		u.l2 = UINT16_MAX;
	return u;
}

/*
 * Nearly all: whole IPv4 datagrams without options that hold ESP of a lane of ours. False: it is
 * another one, which takes the long way, where all is counted that is not as it should be.
 */
static __rte_always_inline bool quick_receive(
    struct lm_worker *w, const struct usual *u, struct lm_pkt *p, struct rte_mbuf *m)
{
	const unsigned front = sizeof(struct rte_ipv4_hdr) + UDP_HEADER;
	uint8_t *const frame = rte_pktmbuf_mtod(m, uint8_t *), *const ip = frame + u->l2;
	uint8_t *const udp_hdr = ip + sizeof(struct rte_ipv4_hdr);
	const unsigned room = m->data_len;
	uint64_t dst;

	if (unlikely(m->nb_segs != 1 || room < u->l2 + front + LM_ESP_FRONT))
		return false;
	memcpy(&dst, frame, sizeof dst);
	if (unlikely(((dst ^ u->mac) & LM_MAC_MASK) != 0))
		return false;
	if (u->tag != 0 && (lm_load16(frame + 12) != RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
			       (lm_load16(frame + 14) & RTE_BE16(0xfff)) != u->tag))
		return false;
	const unsigned total = lm_be16(ip + 2);
	if (unlikely(lm_load16(ip - 2) != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		     ip[0] != RTE_IPV4_VHL_DEF || total > room - u->l2 ||
		     total < front + LM_ESP_FRONT))
		return false;
	if (unlikely(
		(lm_load16(ip + 6) & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) ||
		ip[9] != IPPROTO_UDP || lm_load32(ip + 16) != u->addr4))
		return false;
	if (unlikely(lm_load16(udp_hdr + 2) != u->udp_port ||
		     lm_be16(udp_hdr + 4) != total - sizeof(struct rte_ipv4_hdr)))
		return false;
	struct lm_sa_in *sa =
	    lm_sa_find(&w->dp->sas, rte_be_to_cpu_32(lm_load32(udp_hdr + UDP_HEADER)));
	if (unlikely(!sa || sa->worker != w->index))
		return false;
	p->m = m;
	p->sa = sa;
	p->ip = udp_hdr + UDP_HEADER;
	p->len = (uint16_t)(total - front);
	p->tos = ip[1];
	return true;
}

static __rte_noinline unsigned receive_all(const struct outer *o, struct rte_mbuf **m, unsigned n)
{
	const struct usual u = usual_of(o);
	struct lm_worker *const w = o->w;
	struct lm_pkt **live = w->live;

	for (unsigned i = 0; i < n; i++) {
		struct lm_pkt *p = &w->pkts[i];

		if (likely(quick_receive(w, &u, p, m[i])) || receive(o, p, m[i]))
			*live++ = p;
	}
	return (unsigned)(live - w->live);
}

void lm_underlay_burst(struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n)
{
	const struct outer o = {
	    .w = w, .addrs = lm_load(w->dp->underlay), .port = &w->dp->ports[port], .index = port};
	unsigned live = receive_all(&o, m, n);

	/* Before decryption: whoever forges an SPI spends that network's share, and no other's. */
	if (unlikely(w->fair_time))
		live = lm_overload_admit(w, NULL, w->live, live);
	lm_stage_done(w, LM_STAGE_UNDERLAY, n);
	if (live == 0)
		return;
	unsigned opened = lm_open_burst(w, w->live, live);
	lm_stage_done(w, LM_STAGE_OPEN, live);
	live = lm_judge_opened(w, w->live, opened);
	lm_stage_done(w, LM_STAGE_FLOW, opened);
	lm_deliver_burst(w, w->live, live);
	lm_stage_done(w, LM_STAGE_DELIVER, live);
}
