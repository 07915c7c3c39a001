/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP maximum segment size (RFC 9293 section 3.7.1): lowered in every SYN that
 * passes, so that segments fit into the tunnel without fragments or ICMP. For
 * the data path. The options are a stranger's: whatever is in them, only bytes
 * of the TCP header are read, and only the MSS and the checksum are written.
 */
#ifndef LM_PACKET_MSS_H
#define LM_PACKET_MSS_H

#include <rte_tcp.h>
#include "packet/checksum.h"

#define LM_TCP_OPTION_END 0
#define LM_TCP_OPTION_NOP 1
#define LM_TCP_OPTION_MSS 2
#define LM_TCP_OPTION_MSS_LEN 4

/* The largest MSS for an MTU: fixed IP header and TCP header taken off (RFC 6691). */
static inline uint16_t lm_mss_of_mtu(uint16_t mtu, bool ipv6)
{
	uint16_t headers =
	    (uint16_t)(ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));

	headers += sizeof(struct rte_tcp_hdr);
	return mtu > headers ? (uint16_t)(mtu - headers) : 0;
}

/* Out of line in spirit: only a SYN with options comes here. Returns whether anything changed. */
static inline bool lm_tcp_mss_clamp_options(
    struct rte_tcp_hdr *tcp, size_t header_len, uint16_t mss)
{
	uint8_t *const start = (uint8_t *)tcp;
	size_t at = sizeof *tcp;
	bool changed = false;

	/* To the end of the options: a receiver may take the last MSS of several. */
	while (at < header_len && start[at] != LM_TCP_OPTION_END) {
		if (start[at] == LM_TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (header_len - at < 2)
			break;
		size_t len = start[at + 1];
		if (len < 2 || len > header_len - at)
			break;
		if (start[at] == LM_TCP_OPTION_MSS && len == LM_TCP_OPTION_MSS_LEN) {
			uint16_t old, new = rte_cpu_to_be_16(mss);

			memcpy(&old, start + at + 2, 2);
			if (rte_be_to_cpu_16(old) > mss) {
				memcpy(start + at + 2, &new, 2);
				/* At an odd offset its bytes are halves of two of the checksum's
				 * words. */
				if (at & 1) {
					old = rte_bswap16(old);
					new = rte_bswap16(new);
				}
				tcp->cksum = lm_checksum_replace(tcp->cksum, old, new);
				changed = true;
			}
		}
		at += len;
	}
	return changed;
}

/*
 * tcp: the TCP header of an unfragmented packet or first fragment; len: bytes from there to the
 * end of the packet. An MSS at or below mss, or none, stays. Returns whether anything changed.
 */
static inline bool lm_tcp_mss_clamp(void *tcp, size_t len, uint16_t mss)
{
	struct rte_tcp_hdr *h = tcp;

	if (len < sizeof *h || !(h->tcp_flags & RTE_TCP_SYN_FLAG))
		return false;
	size_t header_len = (size_t)(h->data_off >> 4) * 4;
	if (header_len <= sizeof *h || header_len > len)
		return false;
	return lm_tcp_mss_clamp_options(h, header_len, mss);
}

#endif
