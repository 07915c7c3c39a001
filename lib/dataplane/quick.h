/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way of what workloads send, which nearly all packets take: whose is it, and
 * to which flow does it belong? All else that must be true of it was true of the packet that
 * began the flow, and is for as long as where both ends are has not changed: see
 * lm_judge_burst.
 *
 * Both steps say false of a packet that is not as usual, wherever they see it first;
 * then admit.c takes the same step on the long way, which knows all kinds of packets and
 * what becomes of them. So nothing is dropped or counted as dropped here. Whatever comes
 * to be checked there, and is not a question of the flow's two ends, must be asked for here.
 *
 * Usual is: IP; the MAC is known. Then: as in lm_inner_plain4, not to the
 * gateway's DHCP server.
 */
#ifndef LM_DATAPLANE_QUICK_H
#define LM_DATAPLANE_QUICK_H

#include <rte_ether.h>
#include "dataplane/inner.h"
#include "dataplane/worker.h"

#define LM_DHCP_SERVER_PORT 67
#define LM_MULTICAST4 224 /* first byte; with 240/4 and the broadcast address behind it */

/*
 * mac: the port's, as in memory. Sets what lm_access_receive does, but the network; and who sent it
 * is counted later, when that line is there.
 */
static __rte_always_inline bool lm_quick_receive(struct lm_worker *w,
    const struct lm_attach_table *table, unsigned port, uint64_t mac, struct lm_pkt *p,
    struct rte_mbuf *m)
{
	const uint8_t *const frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const unsigned room = m->data_len;
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr));
	uint64_t dst, src, vlan = 0;
	uint16_t type;

	if (unlikely(room < sizeof(struct rte_ether_hdr) + sizeof(struct rte_vlan_hdr) ||
		     m->nb_segs != 1))
		return false;
	memcpy(&dst, frame, sizeof dst);
	memcpy(&src, frame + RTE_ETHER_ADDR_LEN, sizeof src);
	type = lm_load16(frame + 12);
	if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		vlan = lm_be16(frame + 14) & 0xfff;
		type = lm_load16(frame + 16);
		ip += sizeof(struct rte_vlan_hdr);
	}
	uint16_t flags = LM_PKT_QUICK;
	if (unlikely(type != RTE_BE16(RTE_ETHER_TYPE_IPV4))) {
		if (type != RTE_BE16(RTE_ETHER_TYPE_IPV6))
			return false;
		flags |= LM_PKT_V6;
	}
	if (unlikely(((dst ^ mac) & LM_MAC_MASK) != 0))
		return false;
	const struct lm_attach_slot *s =
	    lm_attach_find(table, port, (uint16_t)vlan, src & LM_MAC_MASK);
	if (unlikely(!s))
		return false;
	const uint32_t id = s->id;
	__builtin_prefetch(&w->attached[id], 1);
	p->key.net_proto = (uint32_t)s->net << 8; /* the protocol is not known yet */
	p->m = m;
	p->sa = NULL;
	p->ip = ip;
	p->len = (uint16_t)(room - (unsigned)(ip - frame));
	p->flags = (uint16_t)(flags | (s->limited ? LM_PKT_LIMITED : 0));
	p->port = (uint8_t)port;
	p->from = id;
	return true;
}

/*
 * True: it goes on to its flow. False: of all that was received, at most len and flags are
 * others: the IP packet's, which is no longer.
 */
static __rte_always_inline bool lm_quick_admit(struct lm_worker *w, struct lm_pkt *p)
{
	const uint16_t flags = p->flags;

	/* What was received by the long way stays on it. */
	if (unlikely((flags & (LM_PKT_V6 | LM_PKT_QUICK)) != LM_PKT_QUICK ||
		     !lm_inner_plain4(p, p->len, p->key.net_proto >> 8)))
		return false;
	const uint8_t *dst_port = p->ip + sizeof(struct rte_ipv4_hdr) + sizeof(uint16_t);
	if (unlikely(lm_load16(dst_port) == RTE_BE16(LM_DHCP_SERVER_PORT)))
		return false;
	p->flags |= flags;
	p->slot_hash = lm_flow_slot_hash4(&w->flows, &p->ends, p->key.net_proto);
	lm_flow_prefetch(&w->flows, p->slot_hash);
	return true;
}

#endif
