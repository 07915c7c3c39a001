/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/path.h"

#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <rte_ether.h>

#define OUTER_TTL 64

static uint8_t *put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_ether(uint8_t *at, const struct lm_dp_path *spec, uint16_t ether_type)
{
	memcpy(at, spec->dst.b, 6);
	memcpy(at + 6, spec->src.b, 6);
	at += 12;
	if (spec->vlan != 0) {
		at = put16(at, RTE_ETHER_TYPE_VLAN);
		at = put16(at, spec->vlan);
	}
	return put16(at, ether_type);
}

int lm_path_create(struct lm_path **out, const struct lm_dp_path *spec, uint16_t udp_port)
{
	bool ipv6 = spec->dst_ip.family == 6;
	size_t len = sizeof(struct rte_ether_hdr) + (spec->vlan ? sizeof(struct rte_vlan_hdr) : 0) +
		     (ipv6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr)) +
		     sizeof(struct rte_udp_hdr);

	if (spec->src_ip.family != spec->dst_ip.family || (!ipv6 && spec->dst_ip.family != 4))
		return -EINVAL;
	struct lm_path *path = calloc(1, sizeof *path);
	if (!path)
		return -ENOMEM;
	path->len = (uint8_t)len;
	path->port = (uint8_t)spec->port;
	path->ipv6 = ipv6;
	path->one_source_port = spec->one_source_port;
	path->udp_port = udp_port;
	uint8_t *at = path->header + LM_OUTER_MAX - len;
	at = put_ether(at, spec, ipv6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ipv6) {
		struct rte_ipv6_hdr *ip = (void *)at;

		ip->proto = IPPROTO_UDP;
		ip->hop_limits = OUTER_TTL;
		memcpy(at + 8, spec->src_ip.b, 16);
		memcpy(at + 24, spec->dst_ip.b, 16);
		at += sizeof *ip;
	} else {
		struct rte_ipv4_hdr *ip = (void *)at;

		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
		ip->time_to_live = OUTER_TTL;
		ip->next_proto_id = IPPROTO_UDP;
		memcpy(&ip->src_addr, spec->src_ip.b, 4);
		memcpy(&ip->dst_addr, spec->dst_ip.b, 4);
		for (unsigned i = 0; i < sizeof *ip; i += 2)
			path->sum += (uint32_t)at[i] << 8 | at[i + 1];
		at += sizeof *ip;
	}
	put16(at, udp_port);
	put16(at + 2, spec->dst_port);
	*out = path;
	return 0;
}
