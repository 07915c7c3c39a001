/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/part.h"

struct lm_frag_ports lm_part_ports(const struct lm_pkt *p)
{
	bool from_b = p->flags & LM_PKT_FROM_B;

	return (struct lm_frag_ports){.src = from_b ? p->key.port_b : p->key.port_a,
	    .dst = from_b ? p->key.port_a : p->key.port_b,
	    .proto = (uint8_t)p->key.net_proto};
}

void lm_part_name(
    struct lm_pkt *p, struct lm_ends ends, uint32_t net, const struct lm_frag_ports *ports)
{
	p->proto = ports->proto;
	p->dst_port = 0;
	p->l4 = p->frag_begin;
	if (lm_flow_key_set(
		&p->key, &p->hash, ends.src, ends.dst, ports->src, ports->dst, net, ports->proto))
		p->flags |= LM_PKT_FROM_B;
}

enum lm_drop lm_part(struct lm_worker *w, struct lm_pkt *p, struct lm_ends ends, uint32_t net)
{
	const struct lm_frag_key key = {.src = ends.src,
	    .dst = ends.dst,
	    .id = p->frag_id,
	    .net = net,
	    .peer = p->sa ? p->sa->peer : LM_DP_NONE};
	unsigned len = (unsigned)p->len - p->frag_begin;
	const struct lm_frag_part part = {.at = p->frag_at,
	    .units = (uint16_t)((len + LM_FRAG_UNIT - 1) / LM_FRAG_UNIT),
	    .more = p->flags & LM_PKT_MORE};
	struct lm_frag_ports ports;

	if (!(p->flags & LM_PKT_LATER)) {
		ports = lm_part_ports(p);
		return lm_frag_first(&w->frags, &key, &ports, part.units, w->tick);
	}
	enum lm_drop why = lm_frag_later(&w->frags, &key, &part, w->tick, &ports);
	if (why == LM_FINE)
		lm_part_name(p, ends, net, &ports);
	return why;
}
