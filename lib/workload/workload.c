/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/workload.h"

#include <rte_udp.h>
#include "workload/answer.h"
#include "workload/dhcp4.h"
#include "workload/dhcp6.h"

#define ICMP6_ND_FIRST 133 /* router solicitation */
#define ICMP6_ND_LAST 137 /* redirect */

const char *const lm_workload_result_names[LM_WL_MAX] = {
    [LM_WL_REPLY] = "reply",
    [LM_WL_REFUSAL] = "refusal",
    [LM_WL_ARP_IGNORED] = "arp_ignored",
    [LM_WL_ND_IGNORED] = "nd_ignored",
    [LM_WL_DHCP_IGNORED] = "dhcp_ignored",
    [LM_WL_DHCP_OTHER_SERVER] = "dhcp_other_server",
    [LM_WL_DHCP_RELAYED] = "dhcp_relayed",
    [LM_WL_DHCP_BOOTP] = "dhcp_bootp",
    [LM_WL_DHCP_NO_ADDRESS] = "dhcp_no_address",
    [LM_WL_DHCP_RELEASED] = "dhcp_released",
    [LM_WL_DHCP_DECLINED] = "dhcp_declined",
    [LM_WL_DHCP6_DECLINED] = "dhcp6_declined",
    [LM_WL_DHCP_HELD] = "dhcp_held",
    [LM_WL_ICMP_IGNORED] = "icmp_ignored",
    [LM_WL_DNS] = "dns",
    [LM_WL_MALFORMED] = "malformed",
    [LM_WL_UNHANDLED] = "unhandled",
};

void lm_answer_start(struct lm_answer *a, struct lm_build *b, uint16_t ether_type)
{
	lm_build_ether(b, a->out, LM_WORKLOAD_FRAME_MAX, &a->asker, &a->view->gateway_mac,
	    a->view->vlan, ether_type);
}

enum lm_workload_result lm_answer_end(
    struct lm_answer *a, struct lm_build *b, enum lm_workload_result ignored)
{
	a->len = lm_build_end(b);
	return a->len > 0 ? LM_WL_REPLY : ignored;
}

bool lm_answer_knows(const struct lm_answer *a, const struct lm_ip *ip)
{
	const struct lm_workload_view *v = a->view;
	struct lm_ip link_local = lm_link_local_of(&v->gateway_mac);

	return lm_ip_equal(ip, ip->family == 4 ? &v->gateway4 : &v->gateway6) ||
	       (v->gateway6.family == 6 && lm_ip_equal(ip, &link_local)) || v->is_known(v->ctx, ip);
}

static enum lm_workload_result answer_ipv4(struct lm_answer *a)
{
	const struct lm_frame *f = a->frame;
	const struct rte_udp_hdr *udp = (const void *)f->l4;

	if (!lm_frame_ipv4_checksum_ok(f))
		return LM_WL_MALFORMED;
	/* Nobody who asks for an address or pings his gateway needs either. */
	if (f->fragment || f->options)
		return LM_WL_UNHANDLED;
	if (f->protocol == IPPROTO_ICMP)
		return lm_answer_echo4(a);
	if (f->protocol != IPPROTO_UDP)
		return LM_WL_UNHANDLED;
	if (f->l4_len < sizeof *udp)
		return LM_WL_MALFORMED;
	if (rte_be_to_cpu_16(udp->dst_port) == BOOTP_SERVER_PORT)
		return lm_answer_dhcp4(a);
	return LM_WL_UNHANDLED;
}

static enum lm_workload_result answer_udp6(struct lm_answer *a)
{
	const struct rte_udp_hdr *udp = (const void *)a->frame->l4;

	if (a->frame->l4_len < sizeof *udp)
		return LM_WL_MALFORMED;
	if (rte_be_to_cpu_16(udp->dst_port) == DHCP6_SERVER_PORT && !a->frame->options)
		return lm_answer_dhcp6(a);
	return LM_WL_UNHANDLED;
}

static enum lm_workload_result answer_ipv6(struct lm_answer *a)
{
	const struct lm_frame *f = a->frame;

	if (f->fragment)
		return LM_WL_UNHANDLED;
	if (f->protocol == IPPROTO_UDP)
		return answer_udp6(a);
	if (f->protocol != IPPROTO_ICMPV6)
		return LM_WL_UNHANDLED;
	if (f->l4_len < 4 || !lm_frame_l4_checksum_ok(f))
		return LM_WL_MALFORMED;
	/* Also multicast listener reports, which have an option and ask for nothing. */
	if (f->options)
		return LM_WL_ICMP_IGNORED;
	if (f->l4[0] >= ICMP6_ND_FIRST && f->l4[0] <= ICMP6_ND_LAST)
		return lm_answer_nd(a);
	return lm_answer_echo6(a);
}

enum lm_workload_result lm_workload_input(const struct lm_workload_view *view, const uint8_t *frame,
    size_t len, uint8_t *out, size_t *out_len)
{
	struct lm_frame f;
	struct lm_answer a = {.view = view, .frame = &f, .out = out};
	enum lm_workload_result result = LM_WL_UNHANDLED;

	*out_len = 0;
	if (lm_frame_parse(&f, frame, len) < 0 || !lm_mac_is_host(f.ether->src_addr.addr_bytes))
		return LM_WL_MALFORMED;
	memcpy(a.asker.b, f.ether->src_addr.addr_bytes, sizeof a.asker.b);
	const uint8_t *dst = f.ether->dst_addr.addr_bytes;
	if (f.vlan != view->vlan ||
	    (!(dst[0] & 1) && memcmp(dst, view->gateway_mac.b, sizeof view->gateway_mac.b) != 0))
		return LM_WL_UNHANDLED;
	if (f.ether_type == RTE_ETHER_TYPE_ARP)
		result = lm_answer_arp(&a);
	else if (f.ip == 4)
		result = answer_ipv4(&a);
	else if (f.ip == 6)
		result = answer_ipv6(&a);
	*out_len = a.len;
	return result;
}
