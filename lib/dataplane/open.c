/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of the tunnel: replay check, decryption, then everything that a packet must
 * prove before a workload sees it. Nonces and AAD of the whole burst are written
 * before the first packet is decrypted, see seal.c.
 */
#include "dataplane/esp.h"
#include "dataplane/inner.h"
#include "dataplane/part.h"
#include "dataplane/worker.h"
#include "packet/checksum.h"

/* p->ip is the ESP header, p->len its length with ICV. */
static enum lm_drop prepare(struct lm_pkt *p)
{
	struct lm_sa_in *sa = p->sa;
	const uint8_t *esp = p->ip;
	uint64_t seq_be;

	if (p->len < LM_ESP_FRONT + LM_ESP_SEALED_MIN + LM_GCM_TAG_LEN ||
	    p->len % LM_ESP_ALIGN != 0)
		return LM_DROP_MALFORMED;
	p->seq = lm_window_extend(&sa->window, rte_be_to_cpu_32(lm_load32(esp + 4)));
	if (unlikely(!lm_window_fresh(&sa->window, p->seq))) {
		if (!sa->loops) {
			sa->replays++;
			return LM_DROP_REPLAY;
		}
		sa->window = (struct lm_window){0};
		p->seq = lm_load32(esp + 4) ? rte_be_to_cpu_32(lm_load32(esp + 4)) : 1;
	}
	rte_prefetch0(lm_window_word(&sa->window, p->seq));
	seq_be = rte_cpu_to_be_64(p->seq);
	memcpy(p->nonce, &sa->salt, 4);
	memcpy(p->nonce + 4, esp + LM_ESP_HEADER, LM_ESP_IV);
	memcpy(p->aad, esp, 4);
	memcpy(p->aad + 4, &seq_be, 8);
	p->ip += LM_ESP_FRONT;
	p->seal_len = (uint16_t)(p->len - LM_ESP_FRONT - LM_GCM_TAG_LEN);
	return LM_FINE;
}

/* Does padding count 1, 2, 3 ... (RFC 4303, 2.4)? Four bytes behind it are there. */
static __rte_always_inline bool is_padding(const uint8_t *pad, unsigned len)
{
	if (likely(len < LM_ESP_ALIGN))
		return ((rte_le_to_cpu_32(lm_load32(pad)) ^ 0x030201) &
			   ((UINT32_C(1) << 8 * len) - 1)) == 0;
	for (unsigned i = 0; i < len; i++)
		if (pad[i] != i + 1)
			return false;
	return true;
}

/* Sets room to what is left of it. */
static enum lm_drop strip_trailer(struct lm_pkt *p, unsigned *room, bool *ipv6)
{
	const uint8_t *end = p->ip + p->seal_len;
	unsigned pad_len = end[-2];

	if (pad_len + LM_ESP_TRAILER + sizeof(struct rte_ipv4_hdr) > p->seal_len)
		return LM_DROP_BAD_PADDING;
	const uint8_t *pad = end - LM_ESP_TRAILER - pad_len;
	if (unlikely(!is_padding(pad, pad_len)))
		return LM_DROP_BAD_PADDING;
	if (end[-1] != IPPROTO_IPIP && end[-1] != IPPROTO_IPV6)
		return LM_DROP_MALFORMED;
	*ipv6 = end[-1] == IPPROTO_IPV6;
	*room = (unsigned)(pad - p->ip);
	return LM_FINE;
}

/*
 * Congestion that the underlay marked is told to the inner packet (RFC 6040, 4.2). One whose sender
 * does not understand the mark is dropped, which is how that sender learns.
 */
static bool pass_congestion(struct lm_pkt *p)
{
	bool ipv6 = p->flags & LM_PKT_V6;
	uint8_t inner = ipv6 ? p->ip[1] >> 4 : p->ip[1];

	if ((inner & LM_ECN_MASK) == 0)
		return false;
	if (ipv6) {
		p->ip[1] |= LM_ECN_CE << 4;
	} else {
		struct rte_ipv4_hdr *ip = (void *)p->ip;
		uint16_t old = lm_load16(p->ip);

		p->ip[1] |= LM_ECN_CE;
		ip->hdr_checksum = lm_checksum_replace(ip->hdr_checksum, old, lm_load16(p->ip));
	}
	return true;
}

/* All but whole IPv4 packets of TCP and UDP. */
static __rte_noinline enum lm_drop unusual(
    struct lm_worker *w, struct lm_pkt *p, unsigned room, bool ipv6)
{
	struct lm_ends ends;

	p->net = lm_load(w->nets[p->sa->net]);
	if (!p->net)
		return LM_DROP_NO_NETWORK;
	enum lm_drop why = lm_inner_parse(p, &ends, room, ipv6, p->sa->net);

	if (lm_is_part(p, why))
		why = lm_part(w, p, ends, p->sa->net);
	if (why == LM_FINE)
		p->slot_hash = lm_flow_slot_hash(&w->flows, &p->key, p->hash);
	return why;
}

static enum lm_drop examine(struct lm_worker *w, struct lm_pkt *p)
{
	struct lm_sa_in *sa = p->sa;
	unsigned room;
	bool ipv6;

	if (unlikely(!lm_gcm_tag_equal(p->tag, p->ip + p->seal_len))) {
		sa->auth_failures++;
		return LM_DROP_AUTH_FAILED;
	}
	if (unlikely(!lm_window_commit(&sa->window, p->seq))) {
		sa->replays++;
		return LM_DROP_REPLAY;
	}
	sa->packets++;
	w->peers[sa->peer].rx++;
	enum lm_drop why = strip_trailer(p, &room, &ipv6);
	if (unlikely(why != LM_FINE))
		return why;
	sa->bytes += room;
	p->from = sa->peer | LM_WHERE_PEER;
	/* Bytes behind the inner packet are traffic flow confidentiality padding, and end here. */
	if (likely(!ipv6 && lm_inner_plain4(p, room, sa->net)))
		p->slot_hash = lm_flow_slot_hash4(&w->flows, &p->ends, p->key.net_proto);
	else
		why = unusual(w, p, room, ipv6);
	if (unlikely(why != LM_FINE))
		return why;
	if (unlikely((p->tos & LM_ECN_MASK) == LM_ECN_CE) && !pass_congestion(p))
		return LM_DROP_ECN;
	lm_flow_prefetch(&w->flows, p->slot_hash);
	return LM_FINE;
}

static unsigned each(struct lm_worker *w, struct lm_pkt *p, enum lm_drop why)
{
	if (likely(why == LM_FINE))
		return 1;
	lm_worker_drop(w, p->m, why);
	return 0;
}

unsigned lm_open_burst(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	unsigned live = 0, left = 0;
	const struct lm_sa_in *last = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct lm_sa_in *sa = p[i]->sa;

		if (sa != last)
			lm_gcm_prefetch(sa->key);
		last = sa;
		p[live] = p[i];
		live += each(w, p[i], prepare(p[i]));
	}
	for (unsigned i = 0; i < live; i++)
		lm_gcm_open(w->gcm, p[i]->sa->key, p[i]->ip, p[i]->ip, p[i]->seal_len, p[i]->nonce,
		    p[i]->aad, LM_ESP_AAD_LEN, p[i]->tag);
	for (unsigned i = 0; i < live; i++) {
		p[left] = p[i];
		left += each(w, p[i], examine(w, p[i]));
	}
	return left;
}
