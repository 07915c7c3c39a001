/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP: echo to the gateway's own addresses, and the errors that tell a
 * workload why its packet went nowhere. An error is sent only where RFC 1812
 * section 4.3.2.7 and RFC 4443 section 2.4 (e) allow one, and only to the
 * workload that sent the packet, under its own address or one that is routed via it.
 */
#include "workload/answer.h"

#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4 /* RFC 1191 */
#define ICMP_PROHIBITED 13 /* RFC 1812 section 5.2.7.1 */
#define ICMP_QUOTE_MAX 576 /* the whole error packet: RFC 1812 section 4.3.2.3 */
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_PROHIBITED 1
#define ICMP4_ECHO_REPLY 0
#define ICMP4_ECHO_REQUEST 8
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_REDIRECT 137
#define ICMP_HEADER_LEN 8

static enum lm_workload_result echo(struct lm_answer *a, const struct lm_ip *own,
    const struct lm_ip *endpoint, uint8_t protocol, uint8_t reply)
{
	const struct lm_frame *f = a->frame;
	struct lm_ip src = lm_frame_src(f), dst = lm_frame_dst(f);
	struct lm_build b;

	if (f->l4_len < ICMP_HEADER_LEN)
		return LM_WL_MALFORMED;
	if (own->family == 0 || !lm_ip_equal(&dst, own) || !lm_ip_equal(&src, endpoint))
		return LM_WL_ICMP_IGNORED;
	lm_answer_start(a, &b, f->ether_type);
	lm_build_ip(&b, own, &src, protocol, LM_HOP_LIMIT);
	lm_build_icmp(&b, reply, 0);
	lm_write(&b.w, f->l4 + 4, f->l4_len - 4);
	return lm_answer_end(a, &b, LM_WL_ICMP_IGNORED);
}

enum lm_workload_result lm_answer_echo4(struct lm_answer *a)
{
	const struct lm_frame *f = a->frame;

	if (lm_checksum(f->l4, f->l4_len) != 0)
		return LM_WL_MALFORMED;
	if (f->l4_len > 0 && (f->l4[0] != ICMP4_ECHO_REQUEST || f->l4[1] != 0))
		return LM_WL_ICMP_IGNORED;
	return echo(a, &a->view->gateway4, &a->view->ipv4, IPPROTO_ICMP, ICMP4_ECHO_REPLY);
}

enum lm_workload_result lm_answer_echo6(struct lm_answer *a)
{
	if (a->frame->l4[0] != ICMP6_ECHO_REQUEST || a->frame->l4[1] != 0)
		return LM_WL_ICMP_IGNORED;
	return echo(a, &a->view->gateway6, &a->view->ipv6, IPPROTO_ICMPV6, ICMP6_ECHO_REPLY);
}

/* Errors are never answered with errors: RFC 1122 section 3.2.2 has the list. */
static bool is_icmp4_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_multicast(const struct lm_workload_view *view, const struct lm_ip *dst)
{
	if (dst->family == 6)
		return dst->b[0] == 0xff;
	if (view->net4.ip.family == 4 && view->net4.len > 0 && view->net4.len < 31) {
		struct lm_ip broadcast =
		    lm_prefix_nth(&view->net4, (UINT32_C(1) << (32 - view->net4.len)) - 1);

		if (lm_ip_equal(dst, &broadcast))
			return true;
	}
	return dst->b[0] >= 224; /* class E and the limited broadcast as well */
}

/* multicast_too: "packet too big" serves path MTU discovery of multicast as well, RFC 4443 (e.3).
 */
static bool may_answer(const struct lm_workload_view *view, const struct lm_frame *f,
    const struct lm_ip *src, const struct lm_ip *dst, bool multicast_too)
{
	if (f->ip == 4 && !lm_frame_ipv4_checksum_ok(f))
		return false;
	if (f->later_fragment || !lm_mac_is_host(f->ether->src_addr.addr_bytes))
		return false;
	/* Its own address, or one behind it: what else a packet may claim is no host that we know.
	 */
	if (!lm_ip_equal(src, f->ip == 4 ? &view->ipv4 : &view->ipv6) &&
	    !(view->is_behind && view->is_behind(view->ctx, src)))
		return false;
	bool multicast = (f->ether->dst_addr.addr_bytes[0] & 1) || is_multicast(view, dst);
	if (multicast && !(multicast_too && f->ip == 6))
		return false;
	/* Behind more extension headers than anybody walks through there may be an error. */
	if (f->ip == 6 && lm_ipv6_is_extension(f->protocol))
		return false;
	if (f->ip == 4)
		return f->protocol != IPPROTO_ICMP || (f->l4_len > 0 && !is_icmp4_error(f->l4[0]));
	return f->protocol != IPPROTO_ICMPV6 ||
	       (f->l4_len > 0 && f->l4[0] >= 128 && f->l4[0] != ICMP6_REDIRECT);
}

static size_t icmp_error(const struct lm_workload_view *view, const uint8_t *frame, size_t len,
    uint8_t type4, uint8_t code4, uint8_t type6, uint8_t code6, uint32_t mtu, uint8_t *out)
{
	struct lm_frame f;
	struct lm_answer a = {.view = view, .frame = &f, .out = out};
	struct lm_build b;

	if (lm_frame_parse(&f, frame, len) < 0 || f.ip == 0)
		return 0;
	const struct lm_ip *own = f.ip == 4 ? &view->gateway4 : &view->gateway6;
	struct lm_ip src = lm_frame_src(&f), dst = lm_frame_dst(&f);
	if (own->family == 0 || !may_answer(view, &f, &src, &dst, type6 == ICMP6_TOO_BIG))
		return 0;
	memcpy(a.asker.b, f.ether->src_addr.addr_bytes, sizeof a.asker.b);
	lm_answer_start(&a, &b, f.ether_type);
	if (f.ip == 4) {
		lm_build_ip(&b, own, &src, IPPROTO_ICMP, LM_HOP_LIMIT);
		lm_build_icmp(&b, type4, code4);
	} else {
		lm_build_ip(&b, own, &src, IPPROTO_ICMPV6, LM_HOP_LIMIT);
		lm_build_icmp(&b, type6, code6);
	}
	/* ICMP has the MTU in the lower half of this word, ICMPv6 in all of it. */
	lm_write_u32(&b.w, mtu);
	size_t room = (f.ip == 4 ? ICMP_QUOTE_MAX : RTE_IPV6_MIN_MTU) - (size_t)(b.w.at - b.ip);
	lm_write(&b.w, f.l3, RTE_MIN(room, f.l3_len));
	return lm_build_end(&b);
}

/*
 * Also to IPv4 packets that may be fragmented: the gateway does not do that for them, and hosts
 * that are told fragment by themselves.
 */
size_t lm_workload_too_big(const struct lm_workload_view *view, const uint8_t *frame, size_t len,
    uint16_t mtu, uint8_t *out)
{
	return icmp_error(view, frame, len, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED,
	    ICMP6_TOO_BIG, 0, mtu, out);
}

size_t lm_workload_prohibited(
    const struct lm_workload_view *view, const uint8_t *frame, size_t len, uint8_t *out)
{
	return icmp_error(view, frame, len, ICMP_UNREACHABLE, ICMP_PROHIBITED, ICMP6_UNREACHABLE,
	    ICMP6_PROHIBITED, 0, out);
}
