/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that go on although we do not know them, because a gateway has restarted or
 * an endpoint has moved: may this packet belong to one that the other side opened? Whether
 * that side may open it, is for policy to say.
 *
 * What it gives to somebody who waits for a restart. TCP and SCTP tell what opens a connection
 * (a SYN, an INIT); all else is refused by a receiver that does not know the connection. A UDP
 * datagram might be a question, and to a service that policy keeps from the sender. So the time is
 * shorter, the source must be a port that the receiver may ask, and the destination one that
 * services do not have: those from which hosts ask.
 */
#ifndef LM_DATAPLANE_PICKUP_H
#define LM_DATAPLANE_PICKUP_H

#include "dataplane/route.h"
#include "dataplane/tcp.h"
#include "dataplane/worker.h"

/* Linux asks from 32768 on; others from 49152 on, as RFC 6335 section 6 has it. */
#define LM_PICKUP_PORT_MIN 32768
#define LM_SCTP_HEADER 12
#define LM_SCTP_INIT 1 /* alone in its packet, RFC 9260 section 6.10 */

static inline bool lm_pickup_young(const struct lm_worker *w, const struct lm_pkt *p, uint64_t time)
{
	return time > 0 && w->now < lm_route_since(p) + time;
}

/* Both endpoints are known, and its flow is not. */
static inline bool lm_pickup_may(const struct lm_worker *w, const struct lm_pkt *p)
{
	const uint8_t *chunk = p->ip + p->l4 + LM_SCTP_HEADER;

	switch (p->proto) {
	case IPPROTO_TCP:
		return !(p->tcp & LM_TCP_SYN) && lm_pickup_young(w, p, w->tcp_pickup);
	case IPPROTO_SCTP:
		return p->l4 + LM_SCTP_HEADER < p->len && *chunk != LM_SCTP_INIT &&
		       lm_pickup_young(w, p, w->tcp_pickup);
	case IPPROTO_UDP:
		return p->dst_port >= LM_PICKUP_PORT_MIN && lm_pickup_young(w, p, w->udp_pickup);
	default:
		return false;
	}
}

#endif
