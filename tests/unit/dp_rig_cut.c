/* SPDX-License-Identifier: Apache-2.0 */
/* What workloads send in parts, and with IPv6 extension headers. */
#include <netinet/in.h>
#include <string.h>
#include <rte_common.h>
#include <rte_ip.h>
#include "dp_rig.h"
#include "packet/checksum.h"

unsigned rig_l2(const struct rig_packet *p)
{
	return rig_hosts[p->from].vlan ? 18 : 14;
}

void rig_put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

size_t rig_cut(const struct rig *r, uint8_t *out, const struct rig_packet *p, unsigned from,
    unsigned to, bool more, uint16_t id)
{
	uint8_t whole[RIG_FRAME_MAX];
	unsigned l2 = rig_l2(p), header = p->ipv6 ? 40 : 20;
	size_t len = rig_build(r, whole, p);
	uint8_t *ip = out + l2;

	memset(out, 0, RIG_FRAME_MAX);
	memcpy(out, whole, l2 + header);
	if (p->ipv6) {
		ip[40] = ip[6];
		ip[6] = IPPROTO_FRAGMENT;
		rig_put16(ip + 42, (from & 0xfff8) | more);
		rig_put16(ip + 46, id);
		rig_put16(ip + 4, 8 + to - from);
		header += 8;
	} else {
		rig_put16(ip + 2, 20 + to - from);
		rig_put16(ip + 4, id);
		rig_put16(ip + 6, from / 8 | (more ? 0x2000 : 0));
		rig_put16(ip + 10, 0);
		uint16_t sum = lm_ipv4_checksum((void *)ip);
		memcpy(ip + 10, &sum, 2);
	}
	if (from < len - l2 - (p->ipv6 ? 40 : 20))
		memcpy(ip + header, whole + l2 + (p->ipv6 ? 40 : 20) + from,
		    RTE_MIN(to - from, (unsigned)len - l2 - (p->ipv6 ? 40 : 20) - from));
	return l2 + header + to - from;
}

bool rig_sent(struct rig *r, const struct rig_packet *p, const uint8_t *frame, size_t len)
{
	uint8_t out[RIG_FRAME_MAX];

	rig_send(r, p->from, frame, len);
	rig_run(r);
	size_t n = rig_take(r, rig_hosts[p->to].gw, out);
	unsigned to_l2 = rig_hosts[p->to].vlan ? 18 : 14;
	bool same = n == len - rig_l2(p) + to_l2 &&
		    memcmp(out + to_l2 + 12, frame + rig_l2(p) + 12, n - to_l2 - 12) == 0;
	return rig_drain(r, 0) + rig_drain(r, 1) == 0 && n > 0 && same;
}

size_t rig_chained(const struct rig *r, uint8_t *out, const struct rig_packet *p,
    const uint8_t *types, bool fragmented)
{
	uint8_t whole[RIG_FRAME_MAX];
	unsigned l2 = rig_l2(p), at = l2 + 40, next = l2 + 6;
	size_t len = rig_build(r, whole, p), upper = len - at;
	uint8_t proto = whole[l2 + 6];

	memcpy(out, whole, at);
	for (unsigned i = 0; types[i] != RIG_CHAIN_END; i++) {
		unsigned n = types[i] != IPPROTO_FRAGMENT && i % 2 ? 16 : 8;

		out[next] = types[i];
		memset(out + at, 0, n);
		out[at + 1] = (uint8_t)(n / 8 - 1);
		if (types[i] == IPPROTO_FRAGMENT) {
			out[at + 1] = 0;
			out[at + 3] = fragmented;
			out[at + 7] = 9;
		}
		next = at;
		at += n;
	}
	out[next] = proto;
	memcpy(out + at, whole + l2 + 40, upper);
	rig_put16(out + l2 + 4, (unsigned)(at + upper - l2 - 40));
	return at + upper;
}
