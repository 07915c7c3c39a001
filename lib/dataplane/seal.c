/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into the tunnel. Headers, IV, AAD and trailer of the whole burst are written
 * before the first packet is encrypted: the cipher reads them with vector loads,
 * which stall on bytes that were stored just before.
 */
#include "dataplane/esp.h"
#include "dataplane/path.h"
#include "dataplane/rewrite.h"
#include "dataplane/worker.h"

static void write_trailer(struct lm_pkt *p)
{
	static const uint8_t pad[LM_ESP_ALIGN] = {1, 2, 3};
	uint8_t *end = p->ip + p->len;
	uint8_t pad_len = (uint8_t)(-(p->len + LM_ESP_TRAILER) & (LM_ESP_ALIGN - 1));

	memcpy(end, pad, sizeof pad);
	end[pad_len] = pad_len;
	end[pad_len + 1] = p->flags & LM_PKT_V6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	p->seal_len = (uint16_t)(p->len + pad_len + LM_ESP_TRAILER);
}

static void write_front(struct lm_pkt *p, uint64_t seq)
{
	struct lm_lane_out *lane = p->lane;
	uint8_t *esp = p->ip - LM_ESP_FRONT;
	uint64_t seq_be = rte_cpu_to_be_64(seq);
	uint32_t low_be = rte_cpu_to_be_32((uint32_t)seq);
	uint16_t esp_len = (uint16_t)(LM_ESP_FRONT + p->seal_len + LM_GCM_TAG_LEN);

	/* First, because the template's copy ends where ESP begins but starts before its header. */
	lm_path_write(p->path, esp, esp_len, p->tos, lane->src_port);
	memcpy(esp, &lane->spi_be, 4);
	memcpy(esp + 4, &low_be, 4);
	memcpy(esp + LM_ESP_HEADER, &seq_be, 8);
	memcpy(p->nonce, &lane->salt, 4);
	memcpy(p->nonce + 4, &seq_be, 8);
	memcpy(p->aad, &lane->spi_be, 4);
	memcpy(p->aad + 4, &seq_be, 8);
}

static enum lm_drop prepare(struct lm_pkt *p)
{
	struct rte_mbuf *m = p->m;
	uint8_t *buffer = m->buf_addr;
	size_t front = (size_t)(p->ip - buffer), back = m->buf_len - front - p->len;

	if (unlikely(front < LM_ESP_FRONT + LM_OUTER_MAX || back < LM_ESP_BACK_MAX))
		return LM_DROP_NO_ROOM;
	if (unlikely(p->lane->next == 0))
		return LM_DROP_SEQUENCE_EXHAUSTED;
	if (unlikely(!lm_rewrite(p)))
		return LM_DROP_TTL_EXPIRED;
	write_trailer(p);
	write_front(p, p->lane->next++);
	p->lane->packets++;
	p->lane->bytes += p->len;
	unsigned outer = p->path->len + LM_ESP_FRONT;
	m->data_off = (uint16_t)(front - outer);
	m->data_len = (uint16_t)(outer + p->seal_len + LM_GCM_TAG_LEN);
	m->pkt_len = m->data_len;
	return LM_FINE;
}

void lm_seal_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	unsigned live = 0;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(p[i]->len > p[i]->net->mtu)) {
			lm_access_too_big(w, p[i], p[i]->net->mtu);
			continue;
		}
		enum lm_drop why = prepare(p[i]);
		if (likely(why == LM_FINE))
			p[live++] = p[i];
		else
			lm_worker_drop(w, p[i]->m, why);
	}
	for (unsigned i = 0; i < live; i++)
		lm_gcm_seal(w->gcm, p[i]->lane->key, p[i]->ip, p[i]->ip, p[i]->seal_len,
		    p[i]->nonce, p[i]->aad, LM_ESP_AAD_LEN, p[i]->ip + p[i]->seal_len);
	for (unsigned i = 0; i < live; i++)
		lm_worker_tx(w, p[i]->path->port, p[i]->m);
}
