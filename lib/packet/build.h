/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that the control plane sends: headers are written front to back, then
 * lm_build_end() fills in lengths and checksums. A frame that does not fit is no
 * frame: the writer fails, and the end returns 0.
 *
 *	lm_build_ether(&b, out, size, &dst, &src, vlan, RTE_ETHER_TYPE_IPV4);
 *	lm_build_ip(&b, &src_ip, &dst_ip, IPPROTO_ICMP, 64);
 *	lm_write(&b.w, ...);
 *	len = lm_build_end(&b);
 *
 * Control code; not for the data path.
 */
#ifndef LM_PACKET_BUILD_H
#define LM_PACKET_BUILD_H

#include "base/addr.h"
#include "base/bytes.h"

#define LM_HOP_LIMIT 64 /* IANA's recommendation for IPv4, and as good for IPv6 */
#define LM_HOP_LIMIT_ND 255 /* proves that a packet came from this link, RFC 4861 */
#define LM_FRAME_MIN 60 /* Ethernet's minimum without its check sequence */

struct lm_build {
	struct lm_writer w;
	uint8_t *ip, *l4; /* NULL: not there (yet) */
	uint8_t family, protocol;
};

/* vlan 0: untagged. */
void lm_build_ether(struct lm_build *b, void *out, size_t size, const struct lm_mac *dst,
    const struct lm_mac *src, uint16_t vlan, uint16_t ether_type);
/* Both addresses are of one family. IPv4: no options, an atomic datagram (RFC 6864: DF, id 0). */
void lm_build_ip(struct lm_build *b, const struct lm_ip *src, const struct lm_ip *dst,
    uint8_t protocol, uint8_t hop_limit);
/* UDP's length and checksum are filled in at the end. */
void lm_build_udp(struct lm_build *b, uint16_t src_port, uint16_t dst_port);
/* Type, code and an empty checksum, for ICMP and ICMPv6. */
void lm_build_icmp(struct lm_build *b, uint8_t type, uint8_t code);
/* Pads to Ethernet's minimum with zeros. The frame's length; 0: it did not fit. */
size_t lm_build_end(struct lm_build *b);

/* 33:33 and the last four bytes of an IPv6 multicast address (RFC 2464 section 7). */
struct lm_mac lm_mac_of_multicast6(const struct lm_ip *group);
/* ff02::1:ff00:0/104 and the last three bytes of the address (RFC 4291 section 2.7.1). */
struct lm_ip lm_solicited_node(const struct lm_ip *ip);
/* fe80::/64 and the interface's identifier (RFC 2464 section 4). */
struct lm_ip lm_link_local_of(const struct lm_mac *mac);

extern const struct lm_mac lm_mac_broadcast;
extern const struct lm_ip lm_ip_broadcast; /* 255.255.255.255 */
extern const struct lm_ip lm_ip_all_nodes; /* ff02::1 */
extern const struct lm_ip lm_ip_unspecified6; /* :: */

/* A unicast address that a host can have: neither multicast nor all zeros. */
static inline bool lm_mac_is_host(const uint8_t mac[6])
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

#endif
