/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named reasons. Every packet that is not sent has exactly one of them.
 */
#ifndef LM_DATAPLANE_COUNTERS_H
#define LM_DATAPLANE_COUNTERS_H

#include <stdint.h>

/* X(identifier, name in telemetry) */
#define LM_DROPS(X) \
	X(MALFORMED, "malformed") /* headers or lengths do not hold together */ \
	X(IP_CHECKSUM, "ip_checksum") /* of a workload's IPv4 header */ \
	X(UNKNOWN_ETHERTYPE, "unknown_ethertype") \
	X(NOT_OURS, "not_ours") /* underlay: other MAC, address, port or protocol */ \
	X(NO_ATTACHMENT, "no_attachment") /* access: nobody is attached at this port, VLAN, MAC */ \
	X(SPOOFED_MAC, "spoofed_mac") \
	X(SPOOFED_SOURCE, "spoofed_source") /* inner source is not the endpoint's address */ \
	X(NOT_SERVED, "not_served") /* of a workload whose endpoint is not served here */ \
	X(NO_NETWORK, "no_network") /* attached, but no manifest is in force */ \
	X(NO_ROUTE, "no_route") /* no endpoint has this destination, or nobody serves it now */ \
	X(LOOP, "loop") /* it would go back to the workload that sent it */ \
	X(MULTICAST, "multicast") \
	X(FRAGMENT, "fragment") /* a later fragment whose datagram we do not know */ \
	X(FRAGMENT_BAD, "fragment_bad") /* too short a first one, overlapping, too long */ \
	X(IP_OPTION, "ip_option") /* IPv4: a source route, or options that do not hold together */ \
	X(EXTENSION, "ipv6_extension") /* a routing header, or more headers than we look at */ \
	X(TTL_EXPIRED, "ttl_expired") \
	X(TCP_FLAGS, "tcp_flags") /* a combination that no TCP sends */ \
	X(TCP_STATE, "tcp_state") /* an answer to nothing */ \
	X(NO_FLOW, "no_flow") /* an echo reply or an ICMP error that belongs to nothing */ \
	X(ENDPOINT_RATE_OUT, "endpoint_rate_out") /* of workloads: more than the endpoint may */ \
	X(ENDPOINT_RATE_IN, "endpoint_rate_in") /* to workloads, likewise */ \
	X(NETWORK_RATE_OUT, "network_rate_out") /* its endpoints together, likewise */ \
	X(NETWORK_RATE_IN, "network_rate_in") \
	X(POLICY_EGRESS, "policy_egress") \
	X(POLICY_INGRESS, "policy_ingress") \
	X(RULE_RATE, "rule_rate") /* a rule allows it, but not so many a second */ \
	X(FLOW_TABLE_FULL, "flow_table_full") \
	X(NETWORK_FLOWS, "network_flows") /* this network's share of the table is used up */ \
	X(HALF_OPEN, "half_open") /* too many of the network's connections are half-open */ \
	X(NOT_ATTACHED, "not_attached") /* the destination is ours but has no attachment */ \
	X(MAC_UNKNOWN, "mac_unknown") /* the source's or destination's MAC was not learned yet */ \
	X(NO_LANE, "no_lane") /* no keys with the peer */ \
	X(NO_PATH, "no_path") /* the peer's next hop is not resolved */ \
	X(NO_ROOM, "no_room") /* head- or tailroom of the buffer */ \
	X(SEQUENCE_EXHAUSTED, "sequence_exhausted") \
	X(UNKNOWN_SPI, "unknown_spi") \
	X(REPLAY, "replay") \
	X(AUTH_FAILED, "auth_failed") \
	X(BAD_PADDING, "bad_padding") \
	X(INNER_SOURCE, \
	    "inner_source") /* decrypted, but the source is not that peer's endpoint */ \
	X(KEEPALIVE, "keepalive") /* one byte 0xff on the underlay */ \
	X(PUNT_LIMIT, "punt_limit") /* over the rate or the ring to control is full */ \
	X(FAIR_SHARE, "fair_share") /* overload: its network had its share already */ \
	X(NEW_FLOW_SHARE, "new_flow_share") /* overload: new flows had their share already */ \
	X(HANDOVER_FULL, "handover_full") /* ring to the worker that owns the lane is full */ \
	X(TX_FULL, "tx_full") \
	X(TOO_BIG, "too_big") /* over the MTU of the port it leaves by */ \
	X(ECN, "ecn") /* congestion that the inner packet cannot tell, RFC 6040 */

#define LM_PUNTS(X) \
	X(UNDERLAY, "underlay") /* ARP, ND, ICMP to us */ \
	X(SESSION, "session") /* UDP to our port, first four bytes zero */ \
	X(WORKLOAD, "workload") /* ARP, ND, DHCP, ICMP to the gateway's address */ \
	X(RESOLVER, "resolver") /* what the operator's resolvers answer */ \
	X(DNS, "dns") /* UDP and TCP to port 53 of the gateway's address */ \
	X(TOO_BIG, "too_big") /* answered with fragmentation needed / packet too big */

#define LM_STAGES(X) \
	X(RX, "rx") \
	X(ACCESS, "access") \
	X(UNDERLAY, "underlay") \
	X(OPEN, "open") X(FLOW, "flow") X(SEAL, "seal") X(DELIVER, "deliver") X(TX, "tx")

enum lm_drop {
#define X(id, name) LM_DROP_##id,
	LM_DROPS(X)
#undef X
	    LM_DROP_MAX
};

enum lm_punt {
#define X(id, name) LM_PUNT_##id,
	LM_PUNTS(X)
#undef X
	    LM_PUNT_MAX
};

enum lm_stage {
#define X(id, name) LM_STAGE_##id,
	LM_STAGES(X)
#undef X
	    LM_STAGE_MAX
};

extern const char *const lm_drop_names[LM_DROP_MAX];
extern const char *const lm_punt_names[LM_PUNT_MAX];
extern const char *const lm_stage_names[LM_STAGE_MAX];

struct lm_counters {
	uint64_t rx, injected, tx; /* packets: from ports, from control, to ports */
	uint64_t handed_in,
	    handed_out; /* from and to other workers, by ring; equal in sum, at rest */
	uint64_t drops[LM_DROP_MAX];
	uint64_t punts[LM_PUNT_MAX];
	uint64_t stage_packets[LM_STAGE_MAX], stage_cycles[LM_STAGE_MAX];
	uint64_t flow_hits, flow_misses;
};

#endif
