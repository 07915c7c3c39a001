/* SPDX-License-Identifier: Apache-2.0 */
#include "workers.h"

#include <stdlib.h>
#include <string.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include "bench.h"

static uint16_t receive(void *queue, struct rte_mbuf **m, uint16_t most)
{
	struct wire *w = queue;
	unsigned n = RTE_MIN((unsigned)most, PACKETS - w->taken);
	struct rte_mbuf **slots = &w->coming[w->taken];

	if (n == 0)
		return 0;
	memcpy(m, slots, n * sizeof *m);
	w->taken += n;
	if (unlikely(rte_mempool_get_bulk(w->pool, (void **)slots, n) != 0)) {
		memset(slots, 0, n * sizeof *slots);
		w->starved = true;
	}
	return (uint16_t)n;
}

static uint16_t nothing(void *queue, struct rte_mbuf **m, uint16_t most)
{
	(void)queue, (void)m, (void)most;
	return 0;
}

static uint16_t transmit(void *queue, struct rte_mbuf **m, uint16_t n)
{
	struct wire *w = queue;
	struct rte_mbuf *back[AWAY];
	unsigned n_back = 0;

	n = (uint16_t)RTE_MIN((unsigned)n, PACKETS - w->sent);
	for (unsigned i = 0; i < n; i++, w->sent++) {
		struct rte_mbuf **slot = &w->away[w->sent % AWAY];

		if (*slot)
			back[n_back++] = *slot;
		*slot = m[i];
		w->order[w->sent] = m[i]->hash.usr;
	}
	/* As drivers do with RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE. */
	if (n_back > 0)
		rte_mempool_put_bulk(w->pool, (void **)back, n_back);
	return n;
}

void wires_join(struct wires *w, uint16_t in, uint16_t out)
{
	rte_eth_fp_ops[in].rx_pkt_burst = receive;
	rte_eth_fp_ops[in].rxq.data = w->rx;
	rte_eth_fp_ops[out].rx_pkt_burst = nothing;
	rte_eth_fp_ops[out].tx_pkt_burst = transmit;
	rte_eth_fp_ops[out].txq.data = w->tx;
}

void wire_load(struct wire *w, const struct frame frames[FRAMES])
{
	for (unsigned i = 0; i < PACKETS; i++) {
		const struct frame *f = &frames[i % FRAMES];
		struct rte_mbuf *m = w->coming[i];

		if (!m)
			m = w->coming[i] = bench_must(rte_pktmbuf_alloc(w->pool), "a buffer");
		rte_pktmbuf_reset(m);
		m->hash.usr = i;
		memcpy(rte_pktmbuf_append(m, f->len), f->bytes, f->len);
	}
	w->taken = w->sent = 0;
}

const char *wire_check(const struct wire *w)
{
	uint32_t behind[FRAMES / TRAIN] = {0}; /* each flow's latest, and one more */

	if (w->starved)
		return "the pool had no buffers left";
	if (w->taken != PACKETS)
		return "packets stayed where they came";
	if (w->sent != PACKETS)
		return "packets were lost";
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned flow = w->order[i] % FRAMES / TRAIN;

		if (w->order[i] < behind[flow])
			return "a flow's packets left in another order";
		behind[flow] = w->order[i] + 1;
	}
	return NULL;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	rte_pktmbuf_free_bulk(w->coming, PACKETS);
	rte_pktmbuf_free_bulk(w->away, AWAY);
	free(w);
}
