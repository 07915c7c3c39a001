/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internet checksums: whole (RFC 1071) and incremental (RFC 1624). Sums and
 * checksums are 16-bit words as they stand in memory: the arithmetic does not
 * depend on byte order (RFC 1071 section 2), so nothing is swapped.
 *
 * Any thread, any alignment. Lengths are the caller's to check.
 */
#ifndef LM_PACKET_CHECKSUM_H
#define LM_PACKET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

/* Adds len bytes to a running sum. Only the last part of a message may be of odd length. */
static inline uint64_t lm_sum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		sum += word;
	}
	if (len > 0) {
		uint32_t rest = 0;

		memcpy(&rest, p, len);
		sum += rest;
	}
	return sum;
}

static inline uint16_t lm_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of a message that contains its own checksum: 0 if that is right. */
static inline uint16_t lm_checksum(const void *data, size_t len)
{
	return (uint16_t)~lm_sum_fold(lm_sum_add(0, data, len));
}

/* The IPv4 header's, as if its checksum field were zero. */
static inline uint16_t lm_ipv4_checksum(const struct rte_ipv4_hdr *ip)
{
	uint64_t sum = lm_sum_add(0, ip, rte_ipv4_hdr_len(ip));

	/* Subtracting is adding the complement. */
	return (uint16_t)~lm_sum_fold(sum + (uint16_t)~ip->hdr_checksum);
}

/*
 * Is the header checksum right (RFC 1812 section 5.2.2)? All of the header is there. Without
 * options it is summed in words as wide as can be, and the carries are folded at the end.
 */
static inline bool lm_ipv4_checksum_ok(const void *header)
{
	const uint8_t *p = header;
	uint64_t first, second, sum, carry;
	uint32_t third;

	if (unlikely((p[0] & 15u) != sizeof(struct rte_ipv4_hdr) / 4))
		return lm_checksum(header, (p[0] & 15u) * 4u) == 0;
	memcpy(&first, p, 8);
	memcpy(&second, p + 8, 8);
	memcpy(&third, p + 16, 4);
	/* 2^64 and 2^32 count as 1, so carries and both halves may be added up apart. */
	carry = __builtin_add_overflow(first, second, &sum);
	sum = (sum & UINT32_MAX) + (sum >> 32) + third + carry;
	sum = (sum & UINT32_MAX) + (sum >> 32);
	uint32_t low = (uint32_t)sum + (uint32_t)(sum >> 32);
	/* Upper half plus lower, with the carry: all ones if the complement is in it. */
	return (uint16_t)((low + (low << 16 | low >> 16)) >> 16) == UINT16_MAX;
}

/* RFC 9293 section 3.1: addresses, protocol, length. len: of what follows the IP header. */
static inline uint64_t lm_sum_pseudo4(const struct rte_ipv4_hdr *ip, uint8_t protocol, size_t len)
{
	uint64_t sum = lm_sum_add(0, &ip->src_addr, 8);

	return sum + rte_cpu_to_be_16(protocol) + rte_cpu_to_be_16((uint16_t)len);
}

/* RFC 8200 section 8.1. protocol is the upper layer's, which an extension header may hide. */
static inline uint64_t lm_sum_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t protocol, size_t len)
{
	/* Both addresses; their type differs between DPDK 22.11 and 24.11. */
	const uint8_t *addrs = (const uint8_t *)ip + offsetof(struct rte_ipv6_hdr, src_addr);
	uint64_t sum = lm_sum_add(0, addrs, 32);

	return sum + rte_cpu_to_be_32(protocol) + rte_cpu_to_be_32((uint32_t)len);
}

/*
 * What goes into the checksum field of TCP, UDP or ICMPv6, which is zero now. Of a message that
 * has its checksum: 0 if that is right. UDP sends 0 as 0xffff: see lm_udp_checksum.
 */
static inline uint16_t lm_ipv4_l4_checksum(
    const struct rte_ipv4_hdr *ip, uint8_t protocol, const void *l4, size_t len)
{
	return (uint16_t)~lm_sum_fold(lm_sum_add(lm_sum_pseudo4(ip, protocol, len), l4, len));
}

static inline uint16_t lm_ipv6_l4_checksum(
    const struct rte_ipv6_hdr *ip, uint8_t protocol, const void *l4, size_t len)
{
	return (uint16_t)~lm_sum_fold(lm_sum_add(lm_sum_pseudo6(ip, protocol, len), l4, len));
}

/* Zero means "no checksum" in UDP (RFC 768); both zeros are equal in one's complement. */
static inline uint16_t lm_udp_checksum(uint16_t checksum)
{
	return checksum == 0 ? 0xffff : checksum;
}

/*
 * The checksum after one 16-bit word of the message changed: RFC 1624, equation 3,
 * HC' = ~(~HC + ~m + m'), which unlike equation 2 and RFC 1141 never makes a wrong 0xffff.
 */
static inline uint16_t lm_checksum_replace(uint16_t checksum, uint16_t old, uint16_t new)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~old + new;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

#endif
