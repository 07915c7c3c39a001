/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCPv4 (RFC 2131) for an endpoint whose address never changes: there is no
 * pool and no lease database, so every message can be answered from itself and
 * the view. A RELEASE changes nothing: the address stays this endpoint's. After a
 * DECLINE it is still the only one, so the caller holds it back for a moment
 * (view->held4), as long as a client waits by itself, and then it is offered again.
 */
#include <rte_udp.h>
#include "workload/answer.h"
#include "workload/dhcp4.h"

static bool chose_another_server(const struct lm_answer *a, const struct dhcp4_request *q)
{
	return q->server.family && !lm_ip_equal(&q->server, &a->view->gateway4);
}

/*
 * To everybody or to the gateway. Who renews asks the server of its lease, which was another one
 * if the network's prefix has changed since; the frame came to us, so nobody else will tell it.
 */
static bool is_for_us(const struct lm_answer *a, const struct dhcp4_request *q)
{
	struct lm_ip dst = lm_frame_dst(a->frame);
	bool renews = q->type == DHCP_REQUEST && !q->server.family && !q->requested.family &&
		      dhcp4_client_address(q).family;

	return renews || lm_ip_equal(&dst, &lm_ip_broadcast) ||
	       lm_ip_equal(&dst, &a->view->gateway4);
}

static enum lm_workload_result answer_discover(struct lm_answer *a, const struct dhcp4_request *q)
{
	if (a->view->held4)
		return LM_WL_DHCP_HELD;
	return dhcp4_reply(a, q, q->rapid_commit ? DHCP_ACK : DHCP_OFFER, &a->view->ipv4);
}

/* RFC 2131 section 4.3.2, whichever state the client is in: it names one address, right or wrong.
 */
static enum lm_workload_result answer_request(struct lm_answer *a, const struct dhcp4_request *q)
{
	struct lm_ip asked = q->requested.family ? q->requested : dhcp4_client_address(q);

	if (chose_another_server(a, q))
		return LM_WL_DHCP_OTHER_SERVER;
	if (asked.family == 0)
		return LM_WL_DHCP_IGNORED;
	if (!lm_ip_equal(&asked, &a->view->ipv4))
		return dhcp4_reply(a, q, DHCP_NAK, NULL);
	if (a->view->held4)
		return LM_WL_DHCP_HELD;
	return dhcp4_reply(a, q, DHCP_ACK, &a->view->ipv4);
}

/* RELEASE, DECLINE and INFORM are about the endpoint's own address, or about nothing. */
static enum lm_workload_result answer_other(struct lm_answer *a, const struct dhcp4_request *q)
{
	struct lm_ip ip = q->type == DHCP_DECLINE ? q->requested : dhcp4_client_address(q);

	if (chose_another_server(a, q))
		return LM_WL_DHCP_OTHER_SERVER;
	if (!lm_ip_equal(&ip, &a->view->ipv4))
		return LM_WL_DHCP_IGNORED;
	switch (q->type) {
	case DHCP_INFORM:
		return dhcp4_reply(a, q, DHCP_ACK, &ip);
	case DHCP_RELEASE:
		return LM_WL_DHCP_RELEASED;
	case DHCP_DECLINE:
		return LM_WL_DHCP_DECLINED;
	default:
		return LM_WL_DHCP_IGNORED;
	}
}

/* A refusal needs no address. */
static bool has_answer(const struct lm_workload_view *v, const struct dhcp4_request *q)
{
	return v->gateway4.family && (v->ipv4.family || (v->elsewhere && q->type == DHCP_REQUEST));
}

enum lm_workload_result lm_answer_dhcp4(struct lm_answer *a)
{
	const struct lm_frame *f = a->frame;
	const struct rte_udp_hdr *udp = (const void *)f->l4;
	struct dhcp4_request q;

	if (rte_be_to_cpu_16(udp->dgram_len) != f->l4_len ||
	    (udp->dgram_cksum != 0 && !lm_frame_l4_checksum_ok(f)) ||
	    dhcp4_parse(&q, f->l4 + sizeof *udp, f->l4_len - sizeof *udp) < 0)
		return LM_WL_MALFORMED;
	/* There are no relays here: an attachment is one workload. */
	if (dhcp4_is_relayed(&q))
		return LM_WL_DHCP_RELAYED;
	/* Nor does anybody ask for another station. */
	if (!dhcp4_is_request(&q) || memcmp(q.header->chaddr, a->asker.b, sizeof a->asker.b) != 0)
		return LM_WL_DHCP_IGNORED;
	if (q.type == 0)
		return LM_WL_DHCP_BOOTP;
	if (!has_answer(a->view, &q))
		return LM_WL_DHCP_NO_ADDRESS;
	if (!is_for_us(a, &q))
		return LM_WL_DHCP_IGNORED;
	switch (q.type) {
	case DHCP_DISCOVER:
		return answer_discover(a, &q);
	case DHCP_REQUEST:
		return answer_request(a, &q);
	default:
		return answer_other(a, &q);
	}
}
