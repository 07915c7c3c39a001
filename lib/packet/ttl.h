/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hop less: what a router does to every packet it forwards. For the data
 * path; headers are the caller's to check.
 */
#ifndef LM_PACKET_TTL_H
#define LM_PACKET_TTL_H

#include "packet/checksum.h"

/* False: the packet ends here (RFC 1812 section 5.3.1), and is as it was. */
static inline bool lm_ipv4_ttl_decrement(struct rte_ipv4_hdr *ip)
{
	uint8_t *word =
	    (uint8_t *)ip + offsetof(struct rte_ipv4_hdr, time_to_live); /* and protocol */
	uint16_t old, new;

	if (ip->time_to_live <= 1)
		return false;
	/* In a register: a byte stored and the word around it loaded at once would stall. */
	memcpy(&old, word, 2);
	new = (uint16_t)(old - rte_cpu_to_be_16(0x0100));
	memcpy(word, &new, 2);
	ip->hdr_checksum = lm_checksum_replace(ip->hdr_checksum, old, new);
	return true;
}

/* RFC 8200 section 3; IPv6 has no header checksum. */
static inline bool lm_ipv6_hop_limit_decrement(struct rte_ipv6_hdr *ip)
{
	if (ip->hop_limits <= 1)
		return false;
	ip->hop_limits--;
	return true;
}

#endif
