/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/dns.h"

#include <rte_tcp.h>
#include <rte_udp.h>
#include "workload/answer.h"

#define DNS_PORT 53
#define OPTION_END 0
#define OPTION_PAD 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

/* ---- what comes ------------------------------------------------------------------ */

static enum lm_workload_result parse_udp(const struct lm_frame *f, struct lm_dns_packet *out)
{
	const struct rte_udp_hdr *udp = (const void *)f->l4;

	if (f->l4_len < sizeof(*udp) || rte_be_to_cpu_16(udp->dgram_len) != f->l4_len)
		return LM_WL_MALFORMED;
	/* Only IPv4 may go without (RFC 768, RFC 8200 section 8.1). */
	bool none = udp->dgram_cksum == 0 && f->ip == 4;
	if (udp->src_port == 0 || (!none && !lm_frame_l4_checksum_ok(f)))
		return LM_WL_MALFORMED;
	if (rte_be_to_cpu_16(udp->dst_port) != DNS_PORT)
		return LM_WL_UNHANDLED;
	out->from.port = rte_be_to_cpu_16(udp->src_port);
	out->data = f->l4 + sizeof(*udp);
	out->len = f->l4_len - sizeof(*udp);
	return LM_WL_DNS;
}

static int parse_options(struct lm_tcp_segment *s, const uint8_t *options, size_t len)
{
	struct lm_reader r = lm_reader(options, len);

	while (lm_reader_left(&r) > 0) {
		uint8_t kind = lm_read_u8(&r);

		if (kind == OPTION_END)
			return 0;
		if (kind == OPTION_PAD)
			continue;
		uint8_t option_len = lm_read_u8(&r);
		const uint8_t *data = lm_read_ref(&r, option_len < 2 ? SIZE_MAX : option_len - 2u);
		if (!data)
			return -EINVAL;
		if (kind == OPTION_MSS && option_len == OPTION_MSS_LEN)
			s->mss = (uint16_t)(data[0] << 8 | data[1]);
	}
	return 0;
}

static enum lm_workload_result parse_tcp(const struct lm_frame *f, struct lm_dns_packet *out)
{
	const struct rte_tcp_hdr *tcp = (const void *)f->l4;
	struct lm_tcp_segment *s = &out->segment;

	if (f->l4_len < sizeof(*tcp))
		return LM_WL_MALFORMED;
	size_t header_len = (size_t)(tcp->data_off >> 4) * 4;
	if (header_len < sizeof(*tcp) || header_len > f->l4_len || tcp->src_port == 0 ||
	    !lm_frame_l4_checksum_ok(f))
		return LM_WL_MALFORMED;
	if (rte_be_to_cpu_16(tcp->dst_port) != DNS_PORT)
		return LM_WL_UNHANDLED;
	out->tcp = true;
	out->from.port = rte_be_to_cpu_16(tcp->src_port);
	*s = (struct lm_tcp_segment){.seq = rte_be_to_cpu_32(tcp->sent_seq),
	    .ack = rte_be_to_cpu_32(tcp->recv_ack),
	    .flags = tcp->tcp_flags,
	    .window = rte_be_to_cpu_16(tcp->rx_win),
	    .data = f->l4 + header_len,
	    .len = f->l4_len - header_len};
	if (parse_options(s, f->l4 + sizeof(*tcp), header_len - sizeof(*tcp)) < 0)
		return LM_WL_MALFORMED;
	return LM_WL_DNS;
}

enum lm_workload_result lm_dns_packet_parse(const struct lm_workload_view *view,
    const uint8_t *frame, size_t len, struct lm_dns_packet *out)
{
	struct lm_frame f;

	*out = (struct lm_dns_packet){0};
	if (lm_frame_parse(&f, frame, len) < 0 || !lm_mac_is_host(f.ether->src_addr.addr_bytes))
		return LM_WL_MALFORMED;
	if (f.ip == 0 || f.vlan != view->vlan || (f.ether->dst_addr.addr_bytes[0] & 1))
		return LM_WL_UNHANDLED;
	if (f.ip == 4 && !lm_frame_ipv4_checksum_ok(&f))
		return LM_WL_MALFORMED;
	struct lm_ip src = lm_frame_src(&f), dst = lm_frame_dst(&f);
	/* A question fits into any packet: fragments and options have no good reason. */
	if (f.fragment || f.options || !lm_ip_equal(&src, f.ip == 4 ? &view->ipv4 : &view->ipv6) ||
	    !lm_ip_equal(&dst, f.ip == 4 ? &view->gateway4 : &view->gateway6))
		return LM_WL_UNHANDLED;
	memcpy(out->from.mac.b, f.ether->src_addr.addr_bytes, sizeof(out->from.mac.b));
	out->from.ip = src;
	if (f.protocol == IPPROTO_UDP)
		return parse_udp(&f, out);
	return f.protocol == IPPROTO_TCP ? parse_tcp(&f, out) : LM_WL_UNHANDLED;
}

/* ---- what goes back ---------------------------------------------------------------- */

static void start(struct lm_build *b, const struct lm_workload_view *view,
    const struct lm_asker *to, uint8_t protocol, uint8_t *out)
{
	bool ipv4 = to->ip.family == 4;

	lm_build_ether(b, out, LM_WORKLOAD_FRAME_MAX, &to->mac, &view->gateway_mac, view->vlan,
	    ipv4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	lm_build_ip(b, ipv4 ? &view->gateway4 : &view->gateway6, &to->ip, protocol, LM_HOP_LIMIT);
}

size_t lm_dns_datagram(const struct lm_workload_view *view, const struct lm_asker *to,
    const uint8_t *data, size_t len, uint8_t *out)
{
	struct lm_build b;

	start(&b, view, to, IPPROTO_UDP, out);
	lm_build_udp(&b, DNS_PORT, to->port);
	lm_write(&b.w, data, len);
	return lm_build_end(&b);
}

size_t lm_dns_segment(const struct lm_workload_view *view, const struct lm_asker *to,
    const struct lm_tcp_segment *s, uint8_t *out)
{
	unsigned words = (sizeof(struct rte_tcp_hdr) + (s->mss ? OPTION_MSS_LEN : 0)) / 4;
	struct lm_build b;

	start(&b, view, to, IPPROTO_TCP, out);
	lm_write_u16(&b.w, DNS_PORT);
	lm_write_u16(&b.w, to->port);
	lm_write_u32(&b.w, s->seq);
	lm_write_u32(&b.w, s->ack);
	lm_write_u8(&b.w, (uint8_t)(words << 4));
	lm_write_u8(&b.w, s->flags);
	lm_write_u16(&b.w, s->window);
	lm_write_u32(&b.w, 0); /* checksum: at the end; nothing is urgent */
	if (s->mss) {
		lm_write_u8(&b.w, OPTION_MSS);
		lm_write_u8(&b.w, OPTION_MSS_LEN);
		lm_write_u16(&b.w, s->mss);
	}
	lm_write(&b.w, s->data, s->len);
	return lm_build_end(&b);
}
