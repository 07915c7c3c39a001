/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARP: every address of the network is reached through the gateway, so every
 * one has the gateway's MAC. The one exception is the asker's own: an answer to
 * that would look like a conflict to a client that probes the address which it
 * has just been given (RFC 5227 section 2.1.1).
 */
#include <rte_arp.h>
#include "workload/answer.h"

enum lm_workload_result lm_answer_arp(struct lm_answer *a)
{
	const struct rte_arp_hdr *arp = (const void *)a->frame->l3;
	struct lm_build b;

	if (a->frame->l3_len < sizeof *arp)
		return LM_WL_MALFORMED;
	if (arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || arp->arp_hlen != 6 ||
	    arp->arp_plen != 4)
		return LM_WL_MALFORMED;
	/* Who speaks for another station is not answered. */
	if (arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) ||
	    memcmp(arp->arp_data.arp_sha.addr_bytes, a->asker.b, sizeof a->asker.b) != 0)
		return LM_WL_ARP_IGNORED;

	struct lm_ip target = lm_ip_of4(&arp->arp_data.arp_tip);
	/* Probes and announcements of its own address; an announcement of another's asks nothing
	 * either. */
	if (lm_ip_equal(&target, &a->view->ipv4) ||
	    arp->arp_data.arp_sip == arp->arp_data.arp_tip || !lm_answer_knows(a, &target))
		return LM_WL_ARP_IGNORED;

	lm_answer_start(a, &b, RTE_ETHER_TYPE_ARP);
	lm_write_u16(&b.w, RTE_ARP_HRD_ETHER);
	lm_write_u16(&b.w, RTE_ETHER_TYPE_IPV4);
	lm_write_u8(&b.w, 6);
	lm_write_u8(&b.w, 4);
	lm_write_u16(&b.w, RTE_ARP_OP_REPLY);
	lm_write(&b.w, a->view->gateway_mac.b, 6);
	lm_write(&b.w, target.b, 4);
	lm_write(&b.w, a->asker.b, 6);
	lm_write(&b.w, &arp->arp_data.arp_sip, 4);
	return lm_answer_end(a, &b, LM_WL_ARP_IGNORED);
}
