/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way of what workloads send, which nearly all packets take. Both steps say
 * false of a packet that is not as usual, wherever they see it first; then admit.c
 * takes the same step on the long way, which knows all kinds of packets and what
 * becomes of them. So nothing is dropped or counted as dropped here, and whatever
 * comes to be checked there must be asked for here.
 *
 * Usual is: IP; the MAC is known, the network is there. Then: as in lm_inner_plain4,
 * from the attachment's own endpoint, not to the gateway.
 */
#ifndef LM_DATAPLANE_QUICK_H
#define LM_DATAPLANE_QUICK_H

#include <rte_ether.h>
#include "dataplane/inner.h"
#include "dataplane/worker.h"

#define LM_DHCP_SERVER_PORT 67
#define LM_MULTICAST4 224 /* first byte; with 240/4 and the broadcast address behind it */

/* mac: the port's, as in memory. Sets what lm_access_receive does. */
static __rte_always_inline bool lm_quick_receive(struct lm_worker *w,
    const struct lm_attach_table *table, unsigned port, uint64_t mac, struct lm_pkt *p,
    struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned room = m->data_len, l2 = sizeof(struct rte_ether_hdr);
	uint64_t dst, src, vlan = 0;
	uint16_t type;

	if (unlikely(room < l2 + sizeof(struct rte_vlan_hdr) || m->nb_segs != 1))
		return false;
	memcpy(&dst, frame, sizeof dst);
	memcpy(&src, frame + RTE_ETHER_ADDR_LEN, sizeof src);
	type = lm_load16(frame + 12);
	if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		vlan = lm_be16(frame + 14) & 0xfff;
		type = lm_load16(frame + 16);
		l2 += sizeof(struct rte_vlan_hdr);
	}
	uint16_t flags = 0;
	if (unlikely(type != RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
		if (type != RTE_BE16(RTE_ETHER_TYPE_IPV6))
			return false;
		flags = LM_PKT_V6;
	}
	if (unlikely(((dst ^ mac) & LM_MAC_MASK) != 0))
		return false;
	const struct lm_attach_slot *s =
	    lm_attach_find(table, port, (uint16_t)vlan, src & LM_MAC_MASK);
	if (unlikely(!s))
		return false;
	const uint32_t id = s->id;
	p->net = lm_load(w->nets[table->by_id[id].net]);
	if (unlikely(!p->net))
		return false;
	p->m = m;
	p->sa = NULL;
	p->ip = frame + l2;
	p->len = (uint16_t)(room - l2);
	p->flags = flags;
	p->port = (uint8_t)port;
	p->attachment = id;
	w->attached[id].rx_packets++;
	w->attached[id].rx_bytes += m->pkt_len;
	return true;
}

/*
 * True: it goes on to its flow. False: of all that was
 * received, at most len is another one: the IP packet's, which is no longer.
 */
static __rte_always_inline bool lm_quick_admit(
    const struct lm_attach_table *table, struct lm_pkt *p)
{
	const struct lm_attached *at = &table->by_id[p->attachment];
	const struct lm_net *net = p->net;
	const uint8_t *ip = p->ip;
	struct lm_ends ends;

	if (unlikely((p->flags & LM_PKT_V6) || !lm_inner_plain4(p, &ends, p->len, at->net)))
		return false;
	if (unlikely(p->dst_port == LM_DHCP_SERVER_PORT || ip[16] >= LM_MULTICAST4))
		return false;
	if (unlikely(at->endpoint >= net->n_eps || !at->has_mac))
		return false;
	const struct lm_ep *ep = &net->eps[at->endpoint];
	if (unlikely(ep->attachment != p->attachment || !lm_addr_equal(ep->addr4, ends.src)))
		return false;
	if (unlikely(lm_addr_equal(ends.dst, net->gateway4)))
		return false;
	p->src_ep = ep;
	p->tos = ip[1];
	return true;
}

#endif
