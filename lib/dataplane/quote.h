/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet that an ICMP error quotes (RFC 792, RFC 4443): as much of it as names its flow.
 *
 * A later fragment names none, as it has no ports, and what would is forgotten with the datagram's
 * last one: before the error can come. Nothing is lost by that: what stops a later fragment, a
 * link that is too small or a host that is not there, stops the first one as well.
 */
#ifndef LM_DATAPLANE_QUOTE_H
#define LM_DATAPLANE_QUOTE_H

#include <rte_ip.h>
#include "dataplane/flow.h"
#include "dataplane/header.h"

#define LM_QUOTED_MIN 8 /* bytes of the upper layer: ports, or an echo's identifier */

struct lm_quote {
	struct lm_addr src, dst;
	const uint8_t *upper; /* LM_QUOTED_MIN bytes are there */
	uint8_t proto;
};

/* Behind the extension headers. 0: it is not there. */
static inline unsigned lm_quote_upper6(const uint8_t *ip, unsigned left, uint8_t *proto)
{
	unsigned at = sizeof(struct rte_ipv6_hdr);

	for (unsigned n = 0; lm_is_extension(*proto); n++) {
		const uint8_t *header = ip + at;

		if (n == LM_EXTENSIONS_MAX || at + LM_EXTENSION_MIN > left)
			return 0;
		if (*proto != IPPROTO_FRAGMENT)
			at += (header[1] + 1u) * LM_EXTENSION_MIN;
		else if (lm_be16(header + 2) & RTE_IPV6_EHDR_FO_MASK)
			return 0;
		else
			at += LM_EXTENSION_MIN;
		*proto = header[0];
	}
	return at;
}

/* Left: bytes there. False: it cannot be told whose it was. */
static inline bool lm_quote_read(struct lm_quote *q, const uint8_t *ip, unsigned left, bool ipv6)
{
	unsigned header;

	if (ipv6) {
		if (left < sizeof(struct rte_ipv6_hdr) || ip[0] >> 4 != 6)
			return false;
		q->proto = ip[6];
		q->src = lm_addr6(ip + 8);
		q->dst = lm_addr6(ip + 24);
		header = lm_quote_upper6(ip, left, &q->proto);
	} else {
		if (left < sizeof(struct rte_ipv4_hdr) || ip[0] >> 4 != 4 ||
		    (lm_be16(ip + 6) & RTE_IPV4_HDR_OFFSET_MASK) != 0)
			return false;
		header = (ip[0] & 15u) * 4;
		q->proto = ip[9];
		q->src = lm_addr4(lm_load32(ip + 12));
		q->dst = lm_addr4(lm_load32(ip + 16));
	}
	q->upper = ip + header;
	return header >= sizeof(struct rte_ipv4_hdr) && header + LM_QUOTED_MIN <= left;
}

#endif
