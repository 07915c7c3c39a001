/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To a workload of ours, whether the packet came from a peer or from its neighbour.
 */
#include <rte_ether.h>
#include "dataplane/meters.h"
#include "dataplane/rewrite.h"
#include "dataplane/worker.h"

static const struct lm_attached *find(
    const struct lm_attach_table *t, const struct lm_pkt *p, enum lm_drop *why)
{
	uint32_t id = p->to;
	uint32_t net = lm_flow_net_of(p->key.net_proto);

	*why = LM_DROP_NOT_ATTACHED;
	if (unlikely(id >= t->n || !t->by_id[id].valid || t->by_id[id].net != net))
		return NULL;
	*why = LM_DROP_MAC_UNKNOWN;
	return likely(t->by_id[id].has_mac) ? &t->by_id[id] : NULL;
}

static void write_l2(struct lm_pkt *p, const struct lm_attached *to)
{
	uint8_t *type = p->ip - sizeof(uint16_t);
	uint16_t ether_type = p->flags & LM_PKT_V6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4;
	struct rte_mbuf *m = p->m;

	type[0] = (uint8_t)(ether_type >> 8);
	type[1] = (uint8_t)ether_type;
	if (to->l2_len == 12)
		memcpy(type - 12, to->l2, 12);
	else
		memcpy(type - 16, to->l2, 16);
	uint8_t *frame = type - to->l2_len;
	m->data_off = (uint16_t)(frame - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(to->l2_len + sizeof(uint16_t) + p->len);
	m->pkt_len = m->data_len;
}

/* Those that their port takes, where it cannot take all, and those that go nowhere. */
static __rte_noinline unsigned admit(
    struct lm_worker *w, const struct lm_attach_table *t, struct lm_pkt **p, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		enum lm_drop why;
		const struct lm_attached *to = find(t, p[i], &why);

		if (!to || lm_overload_send(w, p[i]->m, to->net, to->port,
			       (uint32_t)(to->l2_len + sizeof(uint16_t) + p[i]->len)))
			p[left++] = p[i];
	}
	return left;
}

void lm_deliver_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	const struct lm_attach_table *t = lm_load(w->dp->attachments);
	unsigned left = 0;

	if (unlikely(w->fair_ports != 0))
		n = admit(w, t, p, n);
	for (unsigned i = 0; i < n; i++) {
		enum lm_drop why;
		const struct lm_attached *to = find(t, p[i], &why);

		if (unlikely(!to)) {
			lm_worker_drop(w, p[i]->m, why);
			continue;
		}
		if (unlikely(p[i]->len > to->port_mtu)) {
			/* Its sender is a peer's workload: told by that peer, if at all. */
			if (p[i]->sa)
				lm_worker_drop(w, p[i]->m, LM_DROP_TOO_BIG);
			else
				lm_access_too_big(w, p[i], to->port_mtu);
			continue;
		}
		size_t front = (size_t)(p[i]->ip - (uint8_t *)p[i]->m->buf_addr);
		if (unlikely(front < to->l2_len + sizeof(uint16_t))) {
			lm_worker_drop(w, p[i]->m, LM_DROP_NO_ROOM);
			continue;
		}
		why = lm_meters_pass(w, to, LM_INGRESS, p[i]->len);
		if (unlikely(why != LM_FINE)) {
			lm_worker_drop(w, p[i]->m, why);
			continue;
		}
		if (unlikely(!lm_rewrite(p[i]))) {
			lm_worker_drop(w, p[i]->m, LM_DROP_TTL_EXPIRED);
			continue;
		}
		write_l2(p[i], to);
		struct lm_attach_state *state = &w->attached[p[i]->to];
		state->tx_packets++;
		state->tx_bytes += p[i]->m->pkt_len;
		p[i]->port = to->port;
		p[left++] = p[i];
	}
	lm_worker_tx_all(w, p, left);
}
