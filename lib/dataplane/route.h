/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefixes behind endpoints: which replica their packets go to, and who may send from them. Part of
 * a published network: made by the control lcore, read by workers on flow misses, and for packets
 * whose source is not the sender's own address.
 *
 * A routed address is, for rules and flows, the address of the replica that is active: the first in
 * order of preference that is served. So both gateways judge alike, whichever replica sent.
 */
#ifndef LM_DATAPLANE_ROUTE_H
#define LM_DATAPLANE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/network.h"
#include "dataplane/worker.h"

struct lm_routed {
	struct lm_prefix prefix;
	const uint16_t *vias; /* endpoints, in order of preference; not none */
	unsigned n_vias;
	uint32_t active; /* endpoint; the first one if none is served */
	bool up; /* it is served */
	uint64_t since; /* cycles: when it became the active one, as we see it */
};

/* Addresses from here to the next range. As numbers; IPv4 as IPv4-mapped. */
struct lm_route_range {
	uint64_t hi, lo;
	uint32_t route; /* LM_DP_NONE: nothing is routed */
};

struct lm_routes {
	struct lm_routed *list; /* in the order of the network's */
	unsigned n;
	struct lm_route_range *ranges; /* sorted; the first begins at 0 */
	unsigned n_ranges;
	uint16_t *vias; /* of all of them */
};

/*
 * Of a network whose endpoints are there. *out is NULL if it has no routes. -EINVAL: a via that is
 * none of its endpoints, a prefix inside of the network's own or of no use to hosts, one twice.
 */
int lm_routes_create(struct lm_routes **out, const struct lm_net *net,
    const struct lm_dp_network *spec, const struct lm_net_made *made);
void lm_routes_free(struct lm_routes *routes);

/* The longest prefix with this address; NULL: none, or the network's own. routes may be NULL. */
const struct lm_routed *lm_routes_find(const struct lm_routes *routes, struct lm_addr addr);

/* Who has this address, or is the active via of its route: an endpoint, or LM_DP_NONE. */
static inline uint32_t lm_net_owner(const struct lm_net *net, struct lm_addr addr)
{
	uint32_t ep = lm_net_route(net, addr);

	if (ep != LM_DP_NONE || !net->routes)
		return ep;
	const struct lm_routed *r = lm_routes_find(net->routes, addr);
	return r ? r->active : LM_DP_NONE;
}

/* The same for where a packet is to go: LM_DP_NONE also if no replica is served. */
static inline uint32_t lm_net_next(const struct lm_net *net, struct lm_addr addr)
{
	uint32_t ep = lm_net_route(net, addr);

	if (ep != LM_DP_NONE || !net->routes)
		return ep;
	const struct lm_routed *r = lm_routes_find(net->routes, addr);
	return r && r->up ? r->active : LM_DP_NONE;
}

/* The endpoint of this attachment that is a via of this address's route; NULL: there is none. */
const struct lm_ep *lm_route_sender(
    const struct lm_net *net, uint32_t attachment, struct lm_addr addr);
/*
 * Out of a tunnel, the owners of source and destination are not where they should be: may another
 * via of their routes be meant? Sets p->dst_ep to ours.
 */
enum lm_drop lm_route_other_via(struct lm_pkt *p);
/* From a workload, and p->to is set: would it go back to the one that sent it? */
static inline bool lm_route_loops(const struct lm_pkt *p)
{
	return p->to == p->from;
}
/* An ICMP error of a router on the way: is that one behind the endpoint that it speaks for? */
bool lm_route_on_way(const struct lm_pkt *p);
/* When the later one of the packet's two sides came to where packets to its address go now. */
uint64_t lm_route_since(const struct lm_pkt *p);

#endif
