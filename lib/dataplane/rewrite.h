/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What forwarding changes in a packet: one hop less, and a smaller MSS in a SYN.
 */
#ifndef LM_DATAPLANE_REWRITE_H
#define LM_DATAPLANE_REWRITE_H

#include "dataplane/worker.h"
#include "packet/mss.h"
#include "packet/ttl.h"

static __rte_noinline void lm_rewrite_syn(struct lm_pkt *p)
{
	bool ipv6 = p->flags & LM_PKT_V6;

	lm_tcp_mss_clamp(p->ip + p->l4, p->len - p->l4, lm_mss_of_mtu(p->mtu, ipv6));
}

/* False: its hops are used up. */
static __rte_always_inline bool lm_rewrite(struct lm_pkt *p)
{
	bool ipv6 = p->flags & LM_PKT_V6;

	if (unlikely(ipv6 ? !lm_ipv6_hop_limit_decrement((void *)p->ip)
			  : !lm_ipv4_ttl_decrement((void *)p->ip)))
		return false;
	if (unlikely(p->flags & LM_PKT_SYN))
		lm_rewrite_syn(p);
	return true;
}

#endif
