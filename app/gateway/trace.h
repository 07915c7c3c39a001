/* SPDX-License-Identifier: Apache-2.0 */
/* A question of `leasemesh trace`, while it is answered on the control lcore: report_trace.c. */
#ifndef LM_GATEWAY_TRACE_H
#define LM_GATEWAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include "membership/membership.h"

struct gateway;
struct rte_tel_data;

struct trace_end {
	const struct lm_endpoint *e;
	unsigned index; /* of the endpoint */
	struct lm_ip
	    routed; /* this address, which is not its own but routed via it; family 0: none */
	const struct lm_route *route; /* with routed */
	bool unserved; /* with routed: no replica of the route is */
	uint8_t family; /* it was named by an address of this one; else 0 */
	const char *away; /* why its packets find no way to it from here; NULL: they do */
};

struct trace {
	const struct lm_network *net;
	struct trace_end from, to;
	uint8_t protocol;
	uint16_t port;
};

/* trace_ends.c: says where it is and, if its packets find no way to it, why; sets end->away. */
void gw_trace_put_end(const struct gateway *gw, const struct lm_network *net, struct trace_end *end,
    struct rte_tel_data *row);
/* The address of this family that is meant; family 0: it has none. */
struct lm_ip gw_trace_ip(const struct trace_end *end, int family);

#endif
