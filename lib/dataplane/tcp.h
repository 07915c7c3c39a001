/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TCP segment does to the state of its connection (RFC 9293, 3.3.2), as
 * someone in the middle sees it. Pure: flags in, verdict out.
 *
 * Sequence numbers are not followed. They would keep out segments that third
 * parties forge, which have no way here: a workload sends with its own address only,
 * and what comes out of a tunnel is an endpoint's of that peer. What the two ends send
 * each other, they can judge better than we. So checksums are not looked at, either: after
 * a reset that its receiver does not believe, the connection is forgotten sooner once nothing
 * is said, which harms who sent it.
 */
#ifndef LM_DATAPLANE_TCP_H
#define LM_DATAPLANE_TCP_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/timeouts.h"

enum lm_tcp_flags {
	LM_TCP_FIN = 1,
	LM_TCP_SYN = 2,
	LM_TCP_RST = 4,
	LM_TCP_ACK = 16,
};

enum lm_tcp_fins { LM_FIN_OPENER = 1, LM_FIN_OTHER = 2, LM_FIN_BOTH = 3 };

enum lm_tcp_verdict {
	LM_TCP_PASS,
	LM_TCP_INVALID, /* no TCP sends this */
	LM_TCP_NO_STATE, /* not in this state */
	LM_TCP_CONTRARY, /* a new connection by the side that did not open this one */
};

struct lm_tcp_state {
	uint8_t state; /* enum lm_flow_state, one of TCP's */
	uint8_t fins; /* enum lm_tcp_fins */
};

/* Every segment but the first has ACK, except a reset; nobody begins and ends at once. */
static inline bool lm_tcp_valid(uint8_t flags)
{
	if (flags & LM_TCP_SYN)
		return (flags & (LM_TCP_FIN | LM_TCP_RST)) == 0;
	if (flags & LM_TCP_RST)
		return (flags & LM_TCP_FIN) == 0;
	return flags & LM_TCP_ACK;
}

static inline bool lm_tcp_opens(uint8_t flags)
{
	return (flags & (LM_TCP_SYN | LM_TCP_ACK)) == LM_TCP_SYN;
}

/* reverse: from the side that did not open it. */
enum lm_tcp_verdict lm_tcp_step(struct lm_tcp_state *s, uint8_t flags, bool reverse);

/* Nothing to be done: by far the most segments. */
static inline bool lm_tcp_plain(uint8_t state, uint8_t flags)
{
	return state == LM_FLOW_TCP_ESTABLISHED &&
	       (flags & (LM_TCP_FIN | LM_TCP_SYN | LM_TCP_RST | LM_TCP_ACK)) == LM_TCP_ACK;
}

#endif
