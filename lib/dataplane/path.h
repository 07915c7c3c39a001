/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer header towards a peer, built once: Ethernet, maybe a tag, IPv4 or
 * IPv6, UDP. Immutable once published; made and freed by the control lcore.
 *
 * Outer IPv4 packets are atomic datagrams (RFC 6864): DF set, id 0. The UDP
 * checksum is 0, as RFC 3948 asks for over IPv4 and RFC 6935 allows over IPv6:
 * the ICV protects everything that matters.
 */
#ifndef LM_DATAPLANE_PATH_H
#define LM_DATAPLANE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "dataplane/dataplane.h"

#define LM_OUTER_MAX 80 /* 14 + 4 + 40 + 8, rounded up to whole vectors */
#define LM_OUTER_MAX4 48 /* 14 + 4 + 20 + 8, likewise */

struct lm_path {
	uint8_t
	    header[LM_OUTER_MAX]; /* right aligned: copied as a whole, it ends where ESP begins */
	uint8_t len; /* of the header proper */
	uint8_t port;
	bool ipv6, one_source_port;
	uint32_t sum; /* of the IPv4 header without length and traffic class */
	uint16_t udp_port; /* ours */
	uint16_t source; /* control's: where the peer is counted, see sources.h */
};

int lm_path_create(struct lm_path **out, const struct lm_dp_path *spec, uint16_t udp_port);

static __rte_noinline void lm_path_write6(
    const struct lm_path *path, uint8_t *esp, uint16_t udp_len, uint8_t tos)
{
	struct rte_udp_hdr *udp = (void *)(esp - sizeof *udp);
	struct rte_ipv6_hdr *ip = (void *)((uint8_t *)udp - sizeof *ip);

	memcpy(esp - LM_OUTER_MAX, path->header, LM_OUTER_MAX);
	ip->vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28 | (uint32_t)tos << 20);
	ip->payload_len = rte_cpu_to_be_16(udp_len);
}

static __rte_always_inline void lm_path_write4(
    const struct lm_path *path, uint8_t *esp, uint32_t udp_len, uint8_t tos)
{
	struct rte_ipv4_hdr *ip = (void *)(esp - sizeof(struct rte_udp_hdr) - sizeof *ip);
	const uint32_t total = udp_len + (uint32_t)sizeof *ip, sum = path->sum + tos + total;

	memcpy(esp - LM_OUTER_MAX4, path->header + LM_OUTER_MAX - LM_OUTER_MAX4, LM_OUTER_MAX4);
	ip->type_of_service = tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)total);
	/* Upper half plus lower, with the carry. */
	ip->hdr_checksum = rte_cpu_to_be_16((uint16_t)~((sum + (sum << 16 | sum >> 16)) >> 16));
}

/* In front of esp, whose length with ICV is esp_len. tos: the inner packet's, RFC 6040 and 4301. */
static __rte_always_inline void lm_path_write(
    const struct lm_path *path, uint8_t *esp, uint32_t esp_len, uint8_t tos, uint16_t src_port)
{
	const uint32_t udp_len = esp_len + (uint32_t)sizeof(struct rte_udp_hdr);
	struct rte_udp_hdr *udp = (void *)(esp - sizeof *udp);

	if (unlikely(path->ipv6))
		lm_path_write6(path, esp, (uint16_t)udp_len, tos);
	else
		lm_path_write4(path, esp, udp_len, tos);
	if (unlikely(path->one_source_port))
		src_port = path->udp_port;
	udp->src_port = rte_cpu_to_be_16(src_port);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)udp_len);
}

#endif
