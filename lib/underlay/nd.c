/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neighbour discovery (RFC 4861) on the underlay: solicitations and
 * advertisements. Router advertisements and redirects are not followed: the
 * operator configures addresses and gateway.
 */
#include "underlay/host.h"

#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_MESSAGE_LEN 24 /* of both, without options */
#define ND_OPTION_SOURCE_MAC 1
#define ND_OPTION_TARGET_MAC 2
#define ND_FLAG_SOLICITED 0x40 /* in the first byte of the advertisement's flags */
#define ND_FLAG_OVERRIDE 0x20

static void nd_send(struct lm_underlay *u, uint8_t type, uint8_t flags, const struct lm_mac *mac,
    const struct lm_ip *src, const struct lm_ip *dst, const struct lm_ip *target, uint8_t option)
{
	struct lm_mac group = lm_mac_of_multicast6(dst);
	struct lm_build b;

	frame_start(u, &b, mac ? mac : &group, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, src, dst, IPPROTO_ICMPV6, LM_HOP_LIMIT_ND);
	lm_build_icmp(&b, type, 0);
	lm_write_u32(&b.w, (uint32_t)flags << 24);
	lm_write(&b.w, target->b, sizeof target->b);
	lm_write_u8(&b.w, option);
	lm_write_u8(&b.w, 1);
	lm_write(&b.w, u->config.mac.b, sizeof u->config.mac.b);
	frame_send(u, &b);
}

void nd_solicit(struct lm_underlay *u, const struct lm_ip *src, const struct lm_ip *target,
    const struct lm_mac *mac)
{
	struct lm_ip group = lm_solicited_node(target);

	nd_send(
	    u, ND_SOLICITATION, 0, mac, src, mac ? target : &group, target, ND_OPTION_SOURCE_MAC);
}

void nd_announce(struct lm_underlay *u, const struct lm_ip *own)
{
	nd_send(u, ND_ADVERTISEMENT, ND_FLAG_OVERRIDE, NULL, own, &lm_ip_all_nodes, own,
	    ND_OPTION_TARGET_MAC);
}

/* The MAC in the option of this type, NULL if there is none. False: an option does not fit. */
static bool find_mac(const struct lm_frame *f, uint8_t type, const uint8_t **mac)
{
	const uint8_t *at = f->l4 + ND_MESSAGE_LEN;
	size_t left = f->l4_len - ND_MESSAGE_LEN;

	*mac = NULL;
	while (left > 0) {
		size_t len = left >= 2 ? (size_t)at[1] * 8 : 0;

		if (len == 0 || len > left)
			return false;
		if (at[0] == type && !*mac)
			*mac = at +
			       2; /* Ethernet's has 6 of the 8 bytes that the shortest option has */
		at += len;
		left -= len;
	}
	return true;
}

static enum lm_underlay_result solicitation(struct lm_underlay *u, uint64_t now,
    const struct lm_frame *f, const struct lm_ip *src, const struct lm_ip *dst,
    const struct lm_ip *target)
{
	bool detection = lm_ip_equal(src, &lm_ip_unspecified6); /* of a duplicate address */
	struct lm_ip group = lm_solicited_node(target);
	struct neighbour *n = neighbour_find(u, src);
	const uint8_t *said;
	struct lm_mac mac;

	if (!find_mac(f, ND_OPTION_SOURCE_MAC, &said) ||
	    (detection && (said || !lm_ip_equal(dst, &group))))
		return LM_UL_MALFORMED;
	if (is_own(u, src)) {
		defend(u, now, src);
		return LM_UL_HANDLED;
	}
	if (said && !lm_mac_is_host(said))
		return LM_UL_MALFORMED;
	memcpy(mac.b, said ? said : f->ether->src_addr.addr_bytes, sizeof mac.b);
	if (n && said)
		neighbour_heard(u, now, n, &mac);
	if (!is_own(u, target))
		return n ? LM_UL_HANDLED : LM_UL_NOT_OURS;
	if (!limit_take(u, &u->answers, now, UL_ANSWERS_PER_S))
		return LM_UL_HANDLED;
	if (detection)
		nd_announce(u, target);
	else
		nd_send(u, ND_ADVERTISEMENT, ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE, &mac, target,
		    src, target, ND_OPTION_TARGET_MAC);
	return LM_UL_HANDLED;
}

/* RFC 4861 section 7.2.5 */
static enum lm_underlay_result advertisement(struct lm_underlay *u, uint64_t now,
    const struct lm_frame *f, const struct lm_ip *dst, const struct lm_ip *target)
{
	struct neighbour *n = neighbour_find(u, target);
	bool solicited = f->l4[4] & ND_FLAG_SOLICITED, override = f->l4[4] & ND_FLAG_OVERRIDE;
	const uint8_t *said;
	struct lm_mac mac;

	if (!find_mac(f, ND_OPTION_TARGET_MAC, &said) || (solicited && dst->b[0] == 0xff) ||
	    (said && !lm_mac_is_host(said)))
		return LM_UL_MALFORMED;
	if (is_own(u, target)) {
		defend(u, now, target);
		return LM_UL_HANDLED;
	}
	if (!n)
		return LM_UL_NOT_OURS;
	/* Without a MAC it speaks of the one that we know, which must be there. */
	if (!said && !neighbour_ready(n))
		return LM_UL_HANDLED;
	memcpy(mac.b, said ? said : n->mac.b, sizeof mac.b);
	bool same = neighbour_ready(n) && memcmp(n->mac.b, mac.b, sizeof mac.b) == 0;
	if (!same && neighbour_ready(n) && !override)
		neighbour_doubt(u, now, n);
	else if (solicited && n->state != NEIGHBOUR_REACHABLE)
		neighbour_confirmed(u, now, n, &mac);
	else
		neighbour_heard(u, now, n, &mac);
	return LM_UL_HANDLED;
}

/* l4_len is at least 4, the checksum is right. */
enum lm_underlay_result nd_input(struct lm_underlay *u, uint64_t now, const struct lm_frame *f)
{
	struct lm_ip src = lm_frame_src(f), dst = lm_frame_dst(f);

	if (f->ip6->hop_limits != LM_HOP_LIMIT_ND || f->l4[1] != 0)
		return LM_UL_MALFORMED;
	if (f->l4[0] != ND_SOLICITATION && f->l4[0] != ND_ADVERTISEMENT)
		return LM_UL_UNHANDLED;
	if (f->l4_len < ND_MESSAGE_LEN)
		return LM_UL_MALFORMED;
	if (is_own_mac(u, f->ether->src_addr.addr_bytes) || !(dst.b[0] == 0xff || is_own(u, &dst)))
		return LM_UL_NOT_OURS;
	struct lm_ip target = lm_ip_of6(f->l4 + 8);
	if (target.b[0] == 0xff)
		return LM_UL_MALFORMED;
	if (f->l4[0] == ND_SOLICITATION)
		return solicitation(u, now, f, &src, &dst, &target);
	return advertisement(u, now, f, &dst, &target);
}
