/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway says to workloads: ARP (RFC 826) and neighbour discovery
 * (RFC 4861) for every address of the network, router advertisements, DHCPv4 (RFC
 * 2131, 2132) and DHCPv6 (RFC 8415) with the endpoint's fixed address, ICMP echo on the gateway's
 * own address, and ICMP errors ("fragmentation needed" RFC 1191, "packet too big" RFC 4443).
 *
 * Pure: a received frame and what is known of its sender go in, at most one
 * reply frame comes out. Control thread; no allocation.
 */
#ifndef LM_WORKLOAD_WORKLOAD_H
#define LM_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"

#define LM_WORKLOAD_FRAME_MAX 1518
/* A client that has declined an address waits as long before it asks again (RFC 2131 section 3.1).
 */
#define LM_WORKLOAD_HOLD_SECONDS 10

/* Everything is the caller's; addresses with family 0 are absent. */
struct lm_workload_view {
	struct lm_mac gateway_mac; /* the access port's */
	uint16_t vlan; /* tag of this workload, 0: untagged */
	struct lm_ip ipv4, ipv6; /* the endpoint's */
	struct lm_prefix net4, net6;
	struct lm_ip gateway4, gateway6;
	uint16_t mtu; /* inner IP bytes, as told by DHCP option 26 and router advertisements */
	uint32_t lease_seconds;
	/* False: the network is reached by us, and what is routed, the rest is not our business. */
	bool default4, default6;
	/*
	 * The prefixes of a family that are routed in the network and not via this workload, but
	 * the default, one a call: cursor begins at 0. False: no more. NULL: there are none.
	 */
	bool (*route)(void *ctx, int family, unsigned *cursor, struct lm_prefix *out);
	/* Is ip routed via this workload, which may send from it, then? NULL: nothing is. */
	bool (*is_behind)(void *ctx, const struct lm_ip *ip);
	const char *host_name; /* "web-0" or NULL: option 12 */
	const char *domain; /* "shop.internal" or NULL: options 15 and 119, and IPv6's */
	/*
	 * The endpoint is not served here, or not yet; ipv4 and ipv6 are absent. Nobody is given an
	 * address. Who has one may keep it, as it may be served again in a moment; but if it lives
	 * elsewhere, who wants to keep one is told that it is not his any more.
	 */
	bool waits, elsewhere; /* the second only with the first */
	/* The workload has declined its address a moment ago: it is not given out just now. */
	bool held4, held6;
	uint8_t uuid[16]; /* the gateway's (RFC 9562): DHCPv6's server is known by it */
	/* Is ip an endpoint's address? ARP and ND answer for those and for the gateway's own. */
	bool (*is_known)(void *ctx, const struct lm_ip *ip);
	void *ctx;
};

enum lm_workload_result {
	LM_WL_REPLY, /* answered as asked */
	LM_WL_REFUSAL, /* answered with a no: DHCPNAK, or DHCPv6 without the address */
	LM_WL_ARP_IGNORED,
	LM_WL_ND_IGNORED,
	LM_WL_DHCP_IGNORED, /* these are of DHCPv4 and DHCPv6 alike */
	LM_WL_DHCP_OTHER_SERVER, /* the client's word is for another server */
	LM_WL_DHCP_RELAYED,
	LM_WL_DHCP_BOOTP,
	LM_WL_DHCP_NO_ADDRESS, /* the endpoint has none of this family, or waits */
	LM_WL_DHCP_RELEASED, /* DHCPv6: and answered */
	LM_WL_DHCP_DECLINED, /* the caller sets held4 for LM_WORKLOAD_HOLD_SECONDS */
	LM_WL_DHCP6_DECLINED, /* likewise held6; answered */
	LM_WL_DHCP_HELD,
	LM_WL_ICMP_IGNORED,
	LM_WL_DNS, /* a question, or a segment of TCP that brings one: workload/dns.h */
	LM_WL_MALFORMED,
	LM_WL_UNHANDLED,
	LM_WL_MAX
};
extern const char *const lm_workload_result_names[LM_WL_MAX];

/*
 * frame: the whole Ethernet frame as received, its VLAN tag (if any) still in it. out holds
 * LM_WORKLOAD_FRAME_MAX bytes; *out_len is the answer's length, 0: there is none. Bad checksums,
 * truncated headers, options that run over the end: LM_WL_MALFORMED.
 */
enum lm_workload_result lm_workload_input(const struct lm_workload_view *view, const uint8_t *frame,
    size_t len, uint8_t *out, size_t *out_len);

/*
 * A router advertisement that nobody asked for, to the workload with this MAC: what the view says
 * of IPv6, and who asks for addresses (DHCPv6). Returns its length, or 0: the endpoint has no IPv6.
 * ra_times.h says when.
 */
size_t lm_workload_advertise(
    const struct lm_workload_view *view, const struct lm_mac *to, uint8_t *out);

/*
 * The frame that tells a workload that its packet was too large: built from the offending frame
 * (Ethernet, maybe VLAN, IPv4 or IPv6). Returns its length, or 0 where the RFCs forbid an answer
 * (an ICMP error, a later fragment, a multicast source ...).
 */
size_t lm_workload_too_big(const struct lm_workload_view *view, const uint8_t *frame, size_t len,
    uint16_t mtu, uint8_t *out);
/* Likewise destination unreachable, administratively prohibited (IPv4 code 13, ICMPv6 code 1). */
size_t lm_workload_prohibited(
    const struct lm_workload_view *view, const uint8_t *frame, size_t len, uint8_t *out);

#endif
