/* SPDX-License-Identifier: Apache-2.0 */
/* What workloads send, and what a bad peer would. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <rte_ether.h>
#include "crypto/gcm.h"
#include "dp_rig.h"
#include "packet/build.h"
#include "packet/frame.h"

/* ---- workloads' frames ---------------------------------------------------- */

static void build_tcp(struct lm_build *b, const struct rig_packet *p)
{
	lm_write_u16(&b->w, p->src_port);
	lm_write_u16(&b->w, p->dst_port);
	lm_write_u64(&b->w, 1);
	lm_write_u8(&b->w, p->mss ? 6 << 4 : 5 << 4);
	lm_write_u8(&b->w, p->tcp_flags);
	lm_write_u16(&b->w, 65535);
	lm_write_u32(&b->w, 0);
	if (p->mss) {
		lm_write_u16(&b->w, 2 << 8 | 4);
		lm_write_u16(&b->w, p->mss);
	}
}

static void build_icmp(struct lm_build *b, const struct rig_packet *p)
{
	lm_build_icmp(b, (uint8_t)p->src_port, 0);
	lm_write_u16(&b->w, p->dst_port);
	lm_write_u16(&b->w, 1);
}

static void finish_tcp(struct lm_build *b)
{
	size_t len = (size_t)(b->w.at - b->l4);
	uint16_t sum = b->family == 4 ? lm_ipv4_l4_checksum((void *)b->ip, IPPROTO_TCP, b->l4, len)
				      : lm_ipv6_l4_checksum((void *)b->ip, IPPROTO_TCP, b->l4, len);

	memcpy(b->l4 + 16, &sum, 2);
}

size_t rig_build(const struct rig *r, uint8_t *frame, const struct rig_packet *p)
{
	const struct rig_host *from = &rig_hosts[p->from], *to = &rig_hosts[p->to];
	struct lm_ip src = rig_ip(p->src_ip ? p->src_ip : p->ipv6 ? from->ip6 : from->ip4);
	struct lm_ip dst = rig_ip(p->dst_ip ? p->dst_ip : p->ipv6 ? to->ip6 : to->ip4);
	struct lm_build b;

	lm_build_ether(&b, frame, RIG_FRAME_MAX, &r->gw[from->gw].access_mac, &from->mac,
	    from->vlan, p->ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &src, &dst, p->protocol, p->ttl ? p->ttl : 64);
	if (p->protocol == IPPROTO_UDP)
		lm_build_udp(&b, p->src_port, p->dst_port);
	else if (p->protocol == IPPROTO_TCP)
		build_tcp(&b, p);
	else if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6)
		build_icmp(&b, p);
	for (unsigned i = 0; i < p->payload; i++)
		lm_write_u8(&b.w, p->inside ? p->inside[i]
				  : i < 4   ? (uint8_t)(p->tag >> (8 * i))
					    : (uint8_t)i);
	if (p->protocol == IPPROTO_TCP) {
		/* Its pseudo header needs the lengths of the IP header, which the end writes. */
		struct lm_build first = b;

		lm_build_end(&first);
		finish_tcp(&b);
	}
	return lm_build_end(&b);
}

bool rig_passes(struct rig *r, const struct rig_packet *p, uint8_t *frame, size_t *len)
{
	uint8_t own[RIG_FRAME_MAX];
	size_t n, dummy;

	frame = frame ? frame : own;
	len = len ? len : &dummy;
	n = rig_build(r, frame, p);
	rig_send(r, p->from, frame, n);
	rig_run(r);
	*len = rig_take(r, rig_hosts[p->to].gw, frame);
	unsigned more = rig_drain(r, 0) + rig_drain(r, 1);
	return *len > 0 && more == 0;
}

/* ---- a bad peer -------------------------------------------------------------- */

static struct lm_gcm_engine *engine;
static struct lm_gcm_key *key; /* gateway 1's, inbound, of rig_keys(r, 1) */

static void bad_peer_end(void)
{
	lm_gcm_key_free(key);
	lm_gcm_engine_free(engine);
}

static void bad_peer_start(void)
{
	uint8_t keymat[LM_GCM_KEY_LEN];

	if (key)
		return;
	memset(keymat, RIG_KEY(1, 0, 1, 0), sizeof keymat);
	if (lm_gcm_engine_create(&engine) != 0 || lm_gcm_key_create(&key, engine, keymat) != 0)
		abort();
	atexit(bad_peer_end);
}

size_t rig_seal(
    const struct rig *r, uint8_t *frame, uint64_t seq, const uint8_t *payload, size_t len)
{
	const uint32_t spi = rte_cpu_to_be_32(r->gw[1].spi[0][0]);
	const uint64_t seq_be = rte_cpu_to_be_64(seq);
	uint8_t nonce[12], aad[12];
	struct lm_build b;

	bad_peer_start();
	memset(nonce, RIG_KEY(1, 0, 1, 0), 4); /* the salt */
	memcpy(nonce + 4, &seq_be, 8);
	memcpy(aad, &spi, 4);
	memcpy(aad + 4, &seq_be, 8);
	lm_build_ether(&b, frame, RIG_FRAME_MAX, &r->gw[1].under_mac, &r->gw[0].under_mac, 0,
	    RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&b, &r->gw[0].outer, &r->gw[1].outer, IPPROTO_UDP, 64);
	lm_build_udp(&b, RIG_UDP, RIG_UDP);
	lm_write(&b.w, &spi, 4);
	lm_write_u32(&b.w, (uint32_t)seq);
	lm_write_u64(&b.w, seq);
	uint8_t *sealed = lm_write_ref(&b.w, len + LM_GCM_TAG_LEN);
	if (!sealed)
		return 0;
	lm_gcm_seal(engine, key, sealed, payload, len, nonce, aad, sizeof aad, sealed + len);
	return lm_build_end(&b);
}

size_t rig_inner(const struct rig *r, uint8_t *payload, const struct rig_packet *p)
{
	uint8_t frame[RIG_FRAME_MAX];
	struct lm_frame f;

	lm_frame_parse(&f, frame, rig_build(r, frame, p));
	size_t len = f.l3_len;
	memcpy(payload, f.l3, len);
	uint8_t pad = (uint8_t)(-(len + 2) & 3);
	for (uint8_t i = 1; i <= pad; i++)
		payload[len++] = i;
	payload[len++] = pad;
	payload[len++] = p->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	return len;
}
