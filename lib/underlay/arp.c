/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP (RFC 826) on the underlay, with announcements and defence (RFC 5227).
 */
#include <rte_arp.h>
#include "underlay/host.h"

static void arp_send(struct lm_underlay *u, uint16_t operation, const struct lm_mac *frame_dst,
    const uint8_t src_ip[4], const struct lm_mac *target_mac, const uint8_t target_ip[4])
{
	struct lm_build b;

	frame_start(u, &b, frame_dst, RTE_ETHER_TYPE_ARP);
	lm_write_u16(&b.w, RTE_ARP_HRD_ETHER);
	lm_write_u16(&b.w, RTE_ETHER_TYPE_IPV4);
	lm_write_u8(&b.w, 6);
	lm_write_u8(&b.w, 4);
	lm_write_u16(&b.w, operation);
	lm_write(&b.w, u->config.mac.b, 6);
	lm_write(&b.w, src_ip, 4);
	lm_write(&b.w, target_mac->b, 6);
	lm_write(&b.w, target_ip, 4);
	frame_send(u, &b);
}

static const struct lm_mac unknown;

void arp_request(struct lm_underlay *u, const struct lm_ip *src, const struct lm_ip *target,
    const struct lm_mac *mac)
{
	arp_send(u, RTE_ARP_OP_REQUEST, mac ? mac : &lm_mac_broadcast, src->b, mac ? mac : &unknown,
	    target->b);
}

void arp_announce(struct lm_underlay *u, const struct lm_ip *own)
{
	arp_send(u, RTE_ARP_OP_REQUEST, &lm_mac_broadcast, own->b, &unknown, own->b);
}

enum lm_underlay_result arp_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f)
{
	const struct rte_arp_hdr *arp = (const void *)f->l3;
	const struct rte_arp_ipv4 *data = &arp->arp_data;

	if (f->l3_len < sizeof *arp || arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || arp->arp_hlen != 6 ||
	    arp->arp_plen != 4 || !lm_mac_is_host(data->arp_sha.addr_bytes))
		return LM_UL_MALFORMED;
	if (is_own_mac(u, data->arp_sha.addr_bytes))
		return LM_UL_NOT_OURS; /* an echo of our own */

	struct lm_ip sender = lm_ip_of4(&data->arp_sip), target = lm_ip_of4(&data->arp_tip);
	struct lm_mac mac;
	memcpy(mac.b, data->arp_sha.addr_bytes, sizeof mac.b);
	if (is_own(u, &sender)) {
		defend(u, now, &sender);
		return LM_UL_HANDLED;
	}
	bool is_request = arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	bool is_reply = arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	bool to_us = is_own(u, &target);
	/* RFC 826 merges whatever a sender says of itself, but only into what is there already. */
	struct neighbour *n = neighbour_find(u, &sender);
	if (n && is_reply && to_us && n->state != NEIGHBOUR_REACHABLE)
		neighbour_confirmed(u, now, n, &mac);
	else if (n)
		neighbour_heard(u, now, n, &mac);
	/* A probe (sender 0.0.0.0) is answered as well: that is how a conflict is found. */
	if (is_request && to_us && limit_take(u, &u->answers, now, UL_ANSWERS_PER_S))
		arp_send(u, RTE_ARP_OP_REPLY, &mac, target.b, &mac, sender.b);
	return n || to_us ? LM_UL_HANDLED : LM_UL_NOT_OURS;
}
