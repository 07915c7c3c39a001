/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCPv4 (RFC 2131) for an endpoint whose address never changes: there is no
 * pool and no lease database, so every message can be answered from itself and
 * the view. RELEASE and DECLINE change nothing: the address stays this endpoint's.
 */
#include <rte_udp.h>
#include "workload/answer.h"
#include "workload/dhcp4.h"

#define BOOTP_CLIENT_PORT 68
#define BOOTP_SERVER_PORT 67
#define BOOTP_LEN_MIN 300 /* RFC 951; some clients still insist */
#define DHCP_OPTIONS_LEN_MAX \
	312 /* any client takes so much, cookie included: RFC 2131 section 2 \
	     */

static const struct lm_ip limited_broadcast = {.family = 4, .b = {0xff, 0xff, 0xff, 0xff}};

struct reply {
	struct lm_build b;
	const uint8_t *options_end;
};

/* An option that finds no room is left out. Those that a reply must have come first and always fit.
 */
static void option(struct reply *r, uint8_t code, const void *data, size_t len)
{
	struct lm_writer *w = &r->b.w;

	if (w->failed || len > UINT8_MAX || (size_t)(r->options_end - w->at) < 2 + len + 1)
		return;
	lm_write_u8(w, code);
	lm_write_u8(w, (uint8_t)len);
	lm_write(w, data, len);
}

static void option_u32(struct reply *r, uint8_t code, uint32_t value)
{
	rte_be32_t be = rte_cpu_to_be_32(value);

	option(r, code, &be, sizeof be);
}

static void option_text(struct reply *r, uint8_t code, const char *text)
{
	if (text && text[0] != '\0')
		option(r, code, text, strlen(text));
}

/* What belongs to every OFFER and ACK: how the network looks, and for how long it is so. */
static void network_options(
    struct reply *r, const struct lm_workload_view *v, const struct dhcp4_request *q)
{
	uint32_t mask = v->net4.len == 0 ? 0 : UINT32_MAX << (32 - v->net4.len);
	rte_be16_t mtu = rte_cpu_to_be_16(v->mtu);

	if (q->type != DHCP_INFORM) {
		option_u32(r, DHCP_LEASE_TIME, v->lease_seconds);
		option_u32(r, DHCP_RENEWAL_TIME, v->lease_seconds / 2);
		option_u32(r, DHCP_REBINDING_TIME, (uint32_t)((uint64_t)v->lease_seconds * 7 / 8));
	}
	/* Not only on request: without them, the MTU above all, the address is of no use. */
	option_u32(r, DHCP_SUBNET_MASK, mask);
	/* The network itself is on link by its mask: without a router nothing else leads here. */
	if (v->default_route)
		option(r, DHCP_ROUTER, v->gateway4.b, 4);
	option(r, DHCP_MTU, &mtu, sizeof mtu);
	if (v->net4.len < 31)
		option_u32(r, DHCP_BROADCAST,
		    (uint32_t)v->net4.ip.b[0] << 24 | (uint32_t)v->net4.ip.b[1] << 16 |
			(uint32_t)v->net4.ip.b[2] << 8 | v->net4.ip.b[3] | ~mask);
}

static void requested_options(
    struct reply *r, const struct lm_workload_view *v, const struct dhcp4_request *q)
{
	/* Clients that ask for it ignore the router option: the default route is in here as well.
	 */
	if (v->default_route && dhcp4_wants(q, DHCP_CLASSLESS_ROUTES)) {
		uint8_t route[5] = {0};

		memcpy(route + 1, v->gateway4.b, 4);
		option(r, DHCP_CLASSLESS_ROUTES, route, sizeof route);
	}
	if (!q->wanted || dhcp4_wants(q, DHCP_HOST_NAME))
		option_text(r, DHCP_HOST_NAME, v->host_name);
	if (!q->wanted || dhcp4_wants(q, DHCP_DOMAIN))
		option_text(r, DHCP_DOMAIN, v->domain);
}

static void write_header(struct reply *r, const struct dhcp4_request *q, const struct lm_ip *yours)
{
	struct dhcp4_header h = {.op = BOOTP_REPLY, .htype = 1, .hlen = 6};

	/* The rest is zero: nobody boots from here (siaddr, sname, file), no relay (giaddr). */
	memcpy(h.xid, q->header->xid, sizeof h.xid);
	memcpy(h.flags, q->header->flags, sizeof h.flags);
	memcpy(h.chaddr, q->header->chaddr, sizeof h.chaddr);
	/* Table 3 of RFC 2131: only an ACK repeats the client's address, and to INFORM gives none.
	 */
	if (yours && q->type != DHCP_DISCOVER)
		memcpy(h.ciaddr, q->header->ciaddr, sizeof h.ciaddr);
	if (yours && q->type != DHCP_INFORM)
		memcpy(h.yiaddr, yours->b, sizeof h.yiaddr);
	memcpy(h.cookie, dhcp4_cookie, sizeof h.cookie);
	lm_write(&r->b.w, &h, sizeof h);
}

/*
 * RFC 2131 section 4.1: to the client's address if it has one, to everybody if it cannot receive
 * unicast yet or has a wrong address, else to the address that it is about to get. The frame goes
 * to the asker alone in all cases: others at the port may be other tenants'.
 */
static const struct lm_ip *destination(
    const struct dhcp4_request *q, const struct lm_ip *yours, const struct lm_ip *client)
{
	if (!yours)
		return &limited_broadcast;
	if (client->family == 4)
		return client;
	return q->header->flags[0] & DHCP_FLAG_BROADCAST ? &limited_broadcast : yours;
}

/* yours: the endpoint's address; NULL: a NAK. */
static enum lm_workload_result send_reply(
    struct lm_answer *a, const struct dhcp4_request *q, uint8_t type, const struct lm_ip *yours)
{
	const struct lm_workload_view *v = a->view;
	struct lm_ip client = dhcp4_client_address(q);
	struct reply r;

	lm_answer_start(a, &r.b, RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&r.b, &v->gateway4, destination(q, yours, &client), IPPROTO_UDP, LM_HOP_LIMIT);
	const uint8_t *bootp = r.b.w.at + sizeof(struct rte_udp_hdr);
	lm_build_udp(&r.b, BOOTP_SERVER_PORT, BOOTP_CLIENT_PORT);
	write_header(&r, q, yours);
	r.options_end = bootp + sizeof *q->header - sizeof dhcp4_cookie + DHCP_OPTIONS_LEN_MAX;
	option(&r, DHCP_MESSAGE_TYPE, &type, 1);
	option(&r, DHCP_SERVER_ID, v->gateway4.b, 4);
	if (yours)
		network_options(&r, v, q);
	if (q->client_id) /* RFC 6842 */
		option(&r, DHCP_CLIENT_ID, q->client_id, q->client_id_len);
	if (yours)
		requested_options(&r, v, q);
	lm_write_u8(&r.b.w, DHCP_END);
	while (!r.b.w.failed && r.b.w.at < bootp + BOOTP_LEN_MIN)
		lm_write_u8(&r.b.w, DHCP_PAD);
	return lm_answer_end(a, &r.b, LM_WL_DHCP_IGNORED);
}

/* RFC 2131 section 4.3.2, whichever state the client is in: it names one address, right or wrong.
 */
static enum lm_workload_result answer_request(struct lm_answer *a, const struct dhcp4_request *q)
{
	struct lm_ip asked = q->requested.family ? q->requested : dhcp4_client_address(q);

	if (q->server.family && !lm_ip_equal(&q->server, &a->view->gateway4))
		return LM_WL_DHCP_OTHER_SERVER;
	if (asked.family == 0)
		return LM_WL_DHCP_IGNORED;
	if (!lm_ip_equal(&asked, &a->view->ipv4))
		return send_reply(a, q, DHCP_NAK, NULL);
	return send_reply(a, q, DHCP_ACK, &a->view->ipv4);
}

enum lm_workload_result lm_answer_dhcp4(struct lm_answer *a)
{
	const struct lm_workload_view *v = a->view;
	const struct lm_frame *f = a->frame;
	const struct rte_udp_hdr *udp = (const void *)f->l4;
	struct lm_ip dst = lm_frame_dst(f), client;
	struct dhcp4_request q;

	if (rte_be_to_cpu_16(udp->dgram_len) != f->l4_len ||
	    (udp->dgram_cksum != 0 && !lm_frame_l4_checksum_ok(f)) ||
	    dhcp4_parse(&q, f->l4 + sizeof *udp, f->l4_len - sizeof *udp) < 0)
		return LM_WL_MALFORMED;
	if (v->ipv4.family == 0 || v->gateway4.family == 0 ||
	    !(lm_ip_equal(&dst, &limited_broadcast) || lm_ip_equal(&dst, &v->gateway4)))
		return LM_WL_DHCP_IGNORED;
	/* There are no relays here, and nobody asks for another station. */
	if (!dhcp4_is_direct(&q) || memcmp(q.header->chaddr, a->asker.b, sizeof a->asker.b) != 0)
		return LM_WL_DHCP_IGNORED;

	switch (q.type) {
	case DHCP_DISCOVER:
		return send_reply(a, &q, DHCP_OFFER, &v->ipv4);
	case DHCP_REQUEST:
		return answer_request(a, &q);
	case DHCP_INFORM:
		client = dhcp4_client_address(&q);
		if (lm_ip_equal(&client, &v->ipv4))
			return send_reply(a, &q, DHCP_ACK, &v->ipv4);
		return LM_WL_DHCP_IGNORED;
	default:
		return LM_WL_DHCP_IGNORED;
	}
}
