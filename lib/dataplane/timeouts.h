/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of connections, and for how many seconds each is remembered without a
 * packet. Plain numbers, also for who reads the configuration.
 */
#ifndef LM_DATAPLANE_TIMEOUTS_H
#define LM_DATAPLANE_TIMEOUTS_H

#include <stdint.h>

/* X(identifier, name in telemetry, the timeout it has) */
#define LM_FLOW_STATES(X) \
	X(TCP_OPENING, "tcp_opening", tcp_opening) /* not answered yet */ \
	X(TCP_ANSWERED, "tcp_answered", tcp_opening) /* who opened it has not confirmed */ \
	X(TCP_ESTABLISHED, "tcp_established", tcp_established) \
	X(TCP_CLOSING, "tcp_closing", tcp_closing) /* one side has finished */ \
	X(TCP_CLOSED, "tcp_closed", tcp_closed) /* both have, or one has reset it */ \
	X(UDP_ONE_WAY, "udp_one_way", udp_one_way) /* not answered yet */ \
	X(UDP, "udp", udp) \
	X(ICMP, "icmp", icmp) /* echo */ \
	X(OTHER, "other", other)

enum lm_flow_state {
#define X(id, name, timeout) LM_FLOW_##id,
	LM_FLOW_STATES(X)
#undef X
	    LM_FLOW_STATE_MAX
};

extern const char *const lm_flow_state_names[LM_FLOW_STATE_MAX];

struct lm_flow_seconds {
	uint32_t tcp_opening, tcp_established, tcp_closing, tcp_closed;
	uint32_t udp_one_way, udp, icmp, other;
	/*
	 * After an endpoint came to where it is, as this gateway sees it: connections that are not
	 * known are taken over whichever side speaks first, see pickup.h. TCP and SCTP; UDP. 0:
	 * only from the side that may open.
	 */
	uint32_t tcp_pickup, udp_pickup;
};

/* RFC 5382 and RFC 4787 ask translators for as much. */
#define LM_FLOW_SECONDS_DEFAULT \
	((struct lm_flow_seconds){.tcp_opening = 60, \
	    .tcp_established = 7440, \
	    .tcp_closing = 240, \
	    .tcp_closed = 10, \
	    .udp_one_way = 60, \
	    .udp = 300, \
	    .icmp = 30, \
	    .other = 300, \
	    .tcp_pickup = 900, \
	    .udp_pickup = 300})

#endif
