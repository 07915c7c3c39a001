/* SPDX-License-Identifier: Apache-2.0 */
/* The short way of taking a packet apart, beside the long one that knows all of them. */
#include <rte_ip.h>
#include "chance.h"
#include "dataplane/inner.h"
#include "packet/checksum.h"
#include "suite.h"

#define NET 77
#define MOST 96
#define ROUNDS 400000u

struct made {
	uint8_t bytes[MOST];
	unsigned room;
};

static uint32_t below(uint64_t *chance, uint32_t n)
{
	return (uint32_t)(chance_next(chance) % n);
}

/* Mostly right, of few addresses and ports, so that both ends are often alike. */
static void make(struct made *m, uint64_t *chance)
{
	static const uint8_t protocols[] = {
	    IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_SCTP};
	unsigned total = 20 + below(chance, 60);
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
	    .total_length = rte_cpu_to_be_16((uint16_t)total),
	    .fragment_offset = rte_cpu_to_be_16(below(chance, 2) ? RTE_IPV4_HDR_DF_FLAG : 0),
	    .time_to_live = 9,
	    .next_proto_id = protocols[below(chance, RTE_DIM(protocols))],
	    .src_addr = rte_cpu_to_be_32(0x64400a0a + below(chance, 3) * 0x7fffff),
	    .dst_addr = rte_cpu_to_be_32(0x64400a0a + below(chance, 3) * 0x7fffff)};

	for (unsigned i = 0; i < MOST; i++)
		m->bytes[i] = (uint8_t)chance_next(chance);
	memcpy(m->bytes, &ip, sizeof ip);
	for (unsigned i = 20; i < 24; i++)
		m->bytes[i] = (uint8_t)below(chance, 3);
	if (below(chance, 4) > 0)
		m->bytes[32] = 0x50;
	for (unsigned n = below(chance, 3); n > 0; n--)
		m->bytes[below(chance, 40)] = (uint8_t)chance_next(chance);
	unsigned header = (m->bytes[0] & 15u) * 4;
	struct rte_ipv4_hdr *sent = (void *)m->bytes;
	if (header >= sizeof ip && below(chance, 8) > 0) {
		sent->hdr_checksum = 0;
		sent->hdr_checksum = lm_checksum(m->bytes, header);
	}
	m->room = below(chance, 4) == 0 ? below(chance, MOST + 1) : total + below(chance, 4);
}

static bool same(const struct lm_pkt *x, const struct lm_pkt *y, bool tcp)
{
	return x->len == y->len && x->flags == y->flags && x->dst_port == y->dst_port &&
	       x->proto == y->proto && x->l4 == y->l4 && x->hash == y->hash &&
	       memcmp(&x->key, &y->key, sizeof x->key) == 0 && (!tcp || x->tcp == y->tcp);
}

static void test_short_way(void)
{
	uint64_t chance = 1;
	unsigned taken = 0, fine = 0, wrong = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct lm_pkt x = {0}, y = {0};
		struct lm_ends of_x = {0}, of_y = {0};
		struct made m;

		make(&m, &chance);
		/* A copy that is no longer than it may be read, for the sanitizer. */
		uint8_t *bytes = malloc(m.room ? m.room : 1);
		memcpy(bytes, m.bytes, m.room);
		x.ip = y.ip = bytes;
		bool plain = lm_inner_plain4(&x, m.room, NET);
		if (plain) {
			lm_inner_name(&x);
			of_x = lm_inner_ends(&x);
		}
		bool right = lm_inner_any4(&y, &of_y, m.room, NET) == LM_FINE;
		taken += plain;
		fine += right && (y.flags & LM_PKT_FRAGMENT) == 0 && y.l4 == 20 &&
			(y.proto == IPPROTO_UDP || y.proto == IPPROTO_TCP);
		wrong += plain && (!right || !same(&x, &y, y.proto == IPPROTO_TCP) ||
				      !lm_addr_equal(of_x.src, of_y.src) ||
				      !lm_addr_equal(of_x.dst, of_y.dst));
		free(bytes);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(taken, fine);
	CU_ASSERT_TRUE(taken > ROUNDS / 10 && taken < ROUNDS * 9 / 10);
}

LM_SUITE("inner", {"short way", test_short_way})
