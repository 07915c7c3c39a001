/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows there are between two ends: for people's questions, on the control lcore. */
#include "dataplane/flow.h"
#include "dataplane/worker.h"

/* By the packet's own number: "icmp" is both of them. */
static uint32_t net_proto_of(const struct lm_dp_flow_query *q)
{
	bool icmp6 = q->protocol == LM_PROTO_ICMP && q->src.family == 6;

	return q->net << 8 | (icmp6 ? LM_PROTO_ICMPV6 : q->protocol) |
	       (q->src.family == 6 ? LM_FLOW_V6 : 0);
}

static bool is_like(const struct lm_flow *f, const struct lm_dp_flow_query *q)
{
	struct lm_addr src = lm_addr_of(&q->src), dst = lm_addr_of(&q->dst);
	struct lm_flow_key k;
	bool from_b = f->from_b;

	lm_flow_key_of(&k, f);
	return k.net_proto == net_proto_of(q) && lm_addr_equal(from_b ? k.b : k.a, src) &&
	       lm_addr_equal(from_b ? k.a : k.b, dst) &&
	       (!lm_proto_has_ports(q->protocol) ||
		   rte_be_to_cpu_16(from_b ? k.port_a : k.port_b) == q->dst_port);
}

static uint32_t idle_of(const struct lm_worker *w, const struct lm_flow *f)
{
	return w->tick - f->seen;
}

unsigned lm_dp_flows_like(
    const struct lm_dp *dp, const struct lm_dp_flow_query *q, struct lm_dp_flow_info *latest)
{
	unsigned n = 0;
	uint32_t idle = 0;

	for (unsigned i = 0; i < dp->config.n_workers; i++) {
		const struct lm_worker *w = dp->workers[i];

		for (size_t s = 0; s <= w->flows.slot_mask; s++) {
			if (w->flows.slots[s].net_proto != net_proto_of(q))
				continue;
			const struct lm_flow copy = w->flows.slots[s];
			if (!is_like(&copy, q) || lm_flow_expired(&w->flows, &copy, w->tick))
				continue;
			if (n++ == 0 || idle_of(w, &copy) < idle) {
				idle = idle_of(w, &copy);
				lm_flow_describe(latest, &copy, w);
			}
		}
	}
	return n;
}
