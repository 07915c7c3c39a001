/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neighbour discovery (RFC 4861): the gateway answers solicitations for every
 * address of the network with its own MAC, except the asker's own, so that
 * duplicate address detection (RFC 4862) of the address we gave it succeeds. Its
 * link-local address is a neighbour like others: it is workloads' next hop.
 */
#include "workload/answer.h"

#define ND_ROUTER_SOLICITATION 133
#define ND_NEIGHBOUR_SOLICITATION 135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_SOLICITATION_LEN 24 /* a neighbour's, without options */
#define ND_ROUTER_SOLICITATION_LEN 8
#define ND_OPTION_SOURCE_MAC 1
#define ND_OPTION_TARGET_MAC 2
#define ND_ROUTER (1u << 31)
#define ND_SOLICITED (1u << 30)
#define ND_OVERRIDE (1u << 29)

/* RFC 4861 section 7.1.1: each option has a length, in units of 8 bytes, and it fits. */
static bool options_ok(const uint8_t *at, size_t left, bool *source_mac)
{
	*source_mac = false;
	while (left > 0) {
		size_t len = left >= 2 ? (size_t)at[1] * 8 : 0;

		if (len == 0 || len > left)
			return false;
		*source_mac = *source_mac || at[0] == ND_OPTION_SOURCE_MAC;
		at += len;
		left -= len;
	}
	return true;
}

static enum lm_workload_result answer_neighbour(
    struct lm_answer *a, const struct lm_ip *src, bool source_mac)
{
	const struct lm_frame *f = a->frame;
	struct lm_ip dst = lm_frame_dst(f), target = lm_ip_of6(f->l4 + 8);
	struct lm_ip solicited = lm_solicited_node(&target);
	bool detection = lm_ip_equal(src, &lm_ip_unspecified6); /* of a duplicate address */
	struct lm_build b;

	if (target.b[0] == 0xff || (detection && (source_mac || !lm_ip_equal(&dst, &solicited))))
		return LM_WL_MALFORMED;
	if (lm_ip_equal(&target, &a->view->ipv6) || !lm_answer_knows(a, &target))
		return LM_WL_ND_IGNORED;

	/*
	 * Who asks without an address is told through all-nodes (section 7.2.4), in a frame that
	 * only he gets (RFC 6085): others at the port may be other tenants'.
	 */
	lm_answer_start(a, &b, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, a->view->gateway6.family == 6 ? &a->view->gateway6 : &target,
	    detection ? &lm_ip_all_nodes : src, IPPROTO_ICMPV6, LM_HOP_LIMIT_ND);
	lm_build_icmp(&b, ND_NEIGHBOUR_ADVERTISEMENT, 0);
	lm_write_u32(&b.w, ND_ROUTER | ND_OVERRIDE | (detection ? 0 : ND_SOLICITED));
	lm_write(&b.w, target.b, sizeof target.b);
	lm_write_u8(&b.w, ND_OPTION_TARGET_MAC);
	lm_write_u8(&b.w, 1);
	lm_write(&b.w, a->view->gateway_mac.b, sizeof a->view->gateway_mac.b);
	return lm_answer_end(a, &b, LM_WL_ND_IGNORED);
}

/* Sections 6.1.1 and 7.1.1: what makes a solicitation valid. */
enum lm_workload_result lm_answer_nd(struct lm_answer *a)
{
	const struct lm_frame *f = a->frame;
	struct lm_ip src = lm_frame_src(f);
	bool router = f->l4[0] == ND_ROUTER_SOLICITATION, source_mac;
	size_t header = router ? ND_ROUTER_SOLICITATION_LEN : ND_SOLICITATION_LEN;

	if (f->ip6->hop_limits != LM_HOP_LIMIT_ND || f->l4[1] != 0 || src.b[0] == 0xff)
		return LM_WL_MALFORMED;
	if (!router && f->l4[0] != ND_NEIGHBOUR_SOLICITATION)
		return LM_WL_ND_IGNORED;
	if (f->l4_len < header || !options_ok(f->l4 + header, f->l4_len - header, &source_mac))
		return LM_WL_MALFORMED;
	if (!router)
		return answer_neighbour(a, &src, source_mac);
	if (source_mac && lm_ip_equal(&src, &lm_ip_unspecified6))
		return LM_WL_MALFORMED;
	return lm_answer_rs(a, &src);
}
