/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reaches our addresses by IP: echo requests and UDP to our port.
 *
 * An echo goes back to the station that the request came from, not by our own
 * routes: so answering strangers takes no neighbour entries.
 */
#include <rte_udp.h>
#include "underlay/host.h"

#define ICMP6_ND_FIRST 133
#define ICMP6_ND_LAST 137
#define ICMP4_ECHO_REPLY 0
#define ICMP4_ECHO_REQUEST 8
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ICMP_HEADER_LEN 8

static enum lm_underlay_result echo(
    struct lm_underlay *u, uint64_t now, const struct lm_frame *f, uint8_t reply)
{
	struct lm_ip src = lm_frame_src(f), dst = lm_frame_dst(f);
	struct lm_build b;
	struct lm_mac mac;

	if (f->l4_len < ICMP_HEADER_LEN)
		return LM_UL_MALFORMED;
	if (!limit_take(u, &u->echoes, now, UL_ECHOES_PER_S))
		return LM_UL_HANDLED;
	memcpy(mac.b, f->ether->src_addr.addr_bytes, sizeof mac.b);
	frame_start(u, &b, &mac, f->ether_type);
	lm_build_ip(&b, &dst, &src, f->protocol, LM_HOP_LIMIT);
	lm_build_icmp(&b, reply, 0);
	lm_write(&b.w, f->l4 + 4, f->l4_len - 4);
	frame_send(u, &b);
	return LM_UL_HANDLED;
}

static enum lm_underlay_result icmp4(struct lm_underlay *u, uint64_t now, const struct lm_frame *f)
{
	if (f->l4_len < 4 || lm_checksum(f->l4, f->l4_len) != 0)
		return LM_UL_MALFORMED;
	if (f->l4[0] != ICMP4_ECHO_REQUEST || f->l4[1] != 0)
		return LM_UL_UNHANDLED;
	return echo(u, now, f, ICMP4_ECHO_REPLY);
}

static enum lm_underlay_result icmp6(struct lm_underlay *u, uint64_t now, const struct lm_frame *f)
{
	if (f->l4[0] != ICMP6_ECHO_REQUEST || f->l4[1] != 0)
		return LM_UL_UNHANDLED;
	return echo(u, now, f, ICMP6_ECHO_REPLY);
}

static enum lm_underlay_result udp_input(struct lm_underlay *u, const struct lm_frame *f)
{
	const struct rte_udp_hdr *udp = (const void *)f->l4;

	if (f->l4_len < sizeof *udp || rte_be_to_cpu_16(udp->dgram_len) != f->l4_len)
		return LM_UL_MALFORMED;
	uint16_t to_port = rte_be_to_cpu_16(udp->dst_port);
	bool reply = to_port != u->config.port;
	if (reply && (uint16_t)(to_port - u->config.reply_port_first) >= u->config.n_reply_ports)
		return LM_UL_NOT_OURS;
	/*
	 * IPv4 may go without a checksum (RFC 768), IPv6 not: RFC 6935 allows it to tunnels, whose
	 * packets do not come here, and control messages are no tunnel.
	 */
	bool none = udp->dgram_cksum == 0 && f->ip == 4;
	if (udp->src_port == 0 || (!none && (udp->dgram_cksum == 0 || !lm_frame_l4_checksum_ok(f))))
		return LM_UL_MALFORMED;
	struct lm_udp_addr from = {.ip = lm_frame_src(f), .port = rte_be_to_cpu_16(udp->src_port)};
	const uint8_t *data = f->l4 + sizeof *udp;
	size_t len = f->l4_len - sizeof *udp;
	if (reply)
		u->ops->reply(u->ctx, &from, to_port, data, len);
	else
		u->ops->udp(u->ctx, &from, data, len);
	return LM_UL_UDP;
}

/* Link-local is a fine source of IPv6's; no other special address is anybody's. */
static bool source_ok(const struct lm_underlay *u, const struct lm_ip *src)
{
	bool link_local = lm_ip_is_link_local(src);

	return (link_local || !lm_ip_is_special(src)) && !is_own(u, src);
}

enum lm_underlay_result ip_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f)
{
	struct lm_ip src = lm_frame_src(f), dst = lm_frame_dst(f);
	bool nd = f->ip == 6 && f->protocol == IPPROTO_ICMPV6 && f->l4_len >= 4 &&
		  !f->later_fragment && f->l4[0] >= ICMP6_ND_FIRST && f->l4[0] <= ICMP6_ND_LAST;

	if (f->ip == 4 && !lm_frame_ipv4_checksum_ok(f))
		return LM_UL_MALFORMED;
	/* Only discovery speaks to groups, and only it may come from nobody. */
	if (!nd && !is_own(u, &dst))
		return LM_UL_NOT_OURS;
	/* RFC 6980: discovery is never in fragments. */
	if (f->options || f->fragment)
		return LM_UL_UNHANDLED;
	if (f->protocol == IPPROTO_ICMPV6 && f->ip == 6 &&
	    (f->l4_len < 4 || !lm_frame_l4_checksum_ok(f)))
		return LM_UL_MALFORMED;
	if (nd)
		return nd_input(u, now, f);
	/* RFC 1122 section 3.3.6: unicast IP in a broadcast frame is a mistake or worse. */
	if (!source_ok(u, &src) || (f->ether->dst_addr.addr_bytes[0] & 1))
		return LM_UL_MALFORMED;
	if (f->protocol == IPPROTO_UDP)
		return udp_input(u, f);
	if (f->ip == 4 && f->protocol == IPPROTO_ICMP)
		return icmp4(u, now, f);
	if (f->ip == 6 && f->protocol == IPPROTO_ICMPV6)
		return icmp6(u, now, f);
	return LM_UL_UNHANDLED;
}

void udp_output(struct lm_underlay *u, const struct neighbour *via, const struct lm_ip *src,
    uint16_t from_port, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct lm_build b;

	frame_start(
	    u, &b, &via->mac, to->ip.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, src, &to->ip, IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&b, from_port, to->port);
	lm_write(&b.w, data, len);
	frame_send(u, &b);
}
