/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into the tunnel. Headers, IV, AAD and trailer of the whole burst are written
 * before the first packet is encrypted: the cipher reads them with vector loads,
 * which stall on bytes that were stored just before.
 */
#include "dataplane/esp.h"
#include "dataplane/header.h"
#include "dataplane/path.h"
#include "dataplane/rewrite.h"
#include "dataplane/worker.h"

/* Padding counts 1, 2, 3. Returns what is to be encrypted: packet, padding, trailer. */
static __rte_always_inline uint32_t write_trailer(uint8_t *ip, uint32_t len, uint32_t next_header)
{
	static const uint8_t pad[LM_ESP_ALIGN] = {1, 2, 3};
	const uint32_t pad_len = -(len + LM_ESP_TRAILER) & (LM_ESP_ALIGN - 1);
	const uint16_t trailer = rte_cpu_to_le_16((uint16_t)(pad_len | next_header << 8));

	memcpy(ip + len, pad, sizeof pad);
	memcpy(ip + len + pad_len, &trailer, sizeof trailer);
	return len + pad_len + LM_ESP_TRAILER;
}

static __rte_always_inline void write_front(
    struct lm_pkt *p, const struct lm_lane_out *lane, uint8_t *esp, uint64_t seq)
{
	const uint64_t seq_be = rte_cpu_to_be_64(seq);
	const uint32_t low_be = rte_cpu_to_be_32((uint32_t)seq), spi = lane->spi_be,
		       salt = lane->salt;

	memcpy(esp, &spi, 4);
	memcpy(esp + 4, &low_be, 4);
	memcpy(esp + LM_ESP_HEADER, &seq_be, 8);
	memcpy(p->nonce, &salt, 4);
	memcpy(p->nonce + 4, &seq_be, 8);
	memcpy(p->aad, &spi, 4);
	memcpy(p->aad + 4, &seq_be, 8);
}

static __rte_always_inline enum lm_drop prepare(const struct lm_worker *w, struct lm_pkt *p)
{
	/* Bytes that are stored may be anything's: what is needed later is loaded before. */
	struct lm_lane_out *const lane = p->lane;
	const struct lm_path *const path = lm_load(w->paths[lane->peer]);
	struct rte_mbuf *const m = p->m;
	uint8_t *const ip = p->ip, *const esp = ip - LM_ESP_FRONT;
	const uint32_t len = p->len;
	const bool ipv6 = p->flags & LM_PKT_V6;
	const uint64_t seq = lane->next;
	const uint32_t front = (uint32_t)(ip - (uint8_t *)m->buf_addr), room = m->buf_len;
	uint32_t tos = ip[1], next = IPPROTO_IPIP;

	if (unlikely(!path))
		return LM_DROP_NO_PATH;
	if (unlikely(front < LM_ESP_FRONT + LM_OUTER_MAX || room < front + len + LM_ESP_BACK_MAX))
		return LM_DROP_NO_ROOM;
	if (unlikely(seq == 0))
		return LM_DROP_SEQUENCE_EXHAUSTED;
	if (unlikely(ipv6)) {
		tos = (uint8_t)(lm_be16(ip) >> 4);
		next = IPPROTO_IPV6;
	}
	if (unlikely(!lm_rewrite(p)))
		return LM_DROP_TTL_EXPIRED;
	const uint32_t outer = path->len + (uint32_t)LM_ESP_FRONT;
	lane->next = seq + 1;
	lane->packets++;
	lane->bytes += len;
	const uint32_t seal_len = write_trailer(ip, len, next);
	const uint32_t esp_len = LM_ESP_FRONT + seal_len + LM_GCM_TAG_LEN;
	p->port = path->port;
	p->seal_len = (uint16_t)seal_len;
	m->data_off = (uint16_t)(front - outer);
	m->pkt_len = outer - LM_ESP_FRONT + esp_len;
	m->data_len = (uint16_t)m->pkt_len;
	/* First, because the template's copy ends where ESP begins but starts before its header. */
	lm_path_write(path, esp, esp_len, (uint8_t)tos, lane->src_port);
	write_front(p, lane, esp, seq);
	return LM_FINE;
}

/* Those that their port takes, where it cannot take all. */
static __rte_noinline unsigned admit(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct lm_path *path = lm_load(w->paths[p[i]->lane->peer]);

		if (!path ||
		    lm_overload_send(w, p[i]->m, lm_flow_net_of(p[i]->key.net_proto), path->port,
			p[i]->len + path->len + LM_ESP_FRONT + LM_ESP_TRAILER + LM_GCM_TAG_LEN))
			p[left++] = p[i];
	}
	return left;
}

void lm_seal_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	unsigned live = 0;
	const struct lm_lane_out *last = NULL;

	if (unlikely(w->fair_ports != 0))
		n = admit(w, p, n);
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(p[i]->len > p[i]->mtu)) {
			lm_access_too_big(w, p[i], p[i]->mtu);
			continue;
		}
		enum lm_drop why = prepare(w, p[i]);
		if (unlikely(why != LM_FINE)) {
			lm_worker_drop(w, p[i]->m, why);
			continue;
		}
		if (p[i]->lane != last)
			lm_gcm_prefetch(p[i]->lane->key);
		last = p[i]->lane;
		w->peers[p[i]->lane->peer].tx++;
		p[live++] = p[i];
	}
	for (unsigned i = 0; i < live; i++)
		lm_gcm_seal(w->gcm, p[i]->lane->key, p[i]->ip, p[i]->ip, p[i]->seal_len,
		    p[i]->nonce, p[i]->aad, LM_ESP_AAD_LEN, p[i]->ip + p[i]->seal_len);
	lm_worker_tx_all(w, p, live);
}
