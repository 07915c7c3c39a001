/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hop less: what a router does to every packet it forwards. For the data
 * path; headers are the caller's to check.
 */
#ifndef LM_PACKET_TTL_H
#define LM_PACKET_TTL_H

#include "packet/checksum.h"

/*
 * False: the packet ends here (RFC 1812 section 5.3.1), and is as it was. The checksum grows by
 * what the hops lose, and by the carry (RFC 1141, RFC 1624 section 4): 0xffff is its other zero.
 */
static inline bool lm_ipv4_ttl_decrement(struct rte_ipv4_hdr *ip)
{
	if (ip->time_to_live <= 1)
		return false;
	uint32_t sum = (uint32_t)ip->hdr_checksum + rte_cpu_to_be_16(0x0100);
	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)(sum + (sum >= UINT16_MAX));
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
