/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a DHCPv4 reply. Options are written in the order of their use, each
 * where there is room: behind the header as far as the client's message size goes,
 * then in `file`, then in `sname` (option overload, RFC 2132 section 9.3). What
 * fits nowhere is left out, always whole; what a reply must have always fits.
 */
#include <rte_udp.h>
#include "workload/dhcp4.h"
#include "base/domain.h"

#define BOOTP_LEN_MIN 300 /* RFC 951; some clients still insist */
/* IP bytes: what every client takes (RFC 2131 section 2), and what every access port takes. */
#define MESSAGE_SIZE_MIN 576
#define MESSAGE_SIZE_MAX 1280
#define OVERLOAD_LEN 3
#define ROUTE_MAX 9

enum { OPTIONS, FILE_FIELD, SNAME, AREAS };

/* Behind end there is room for the area's end option, and in OPTIONS for an overload option. */
struct area {
	uint8_t *start, *at, *end;
};

struct reply {
	struct lm_build b;
	uint8_t *bootp;
	struct area areas[AREAS];
};

static bool option_in(struct area *area, uint8_t code, const void *data, size_t len)
{
	if (len > UINT8_MAX || (size_t)(area->end - area->at) < 2 + len)
		return false;
	*area->at++ = code;
	*area->at++ = (uint8_t)len;
	memcpy(area->at, data, len);
	area->at += len;
	return true;
}

static void option(struct reply *r, uint8_t code, const void *data, size_t len)
{
	for (unsigned i = 0; i < AREAS; i++)
		if (option_in(&r->areas[i], code, data, len))
			return;
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

/* RFC 3397: one domain, so nothing to compress. */
static void option_search(struct reply *r, const char *domain)
{
	uint8_t name[LM_DOMAIN_MAX];
	struct lm_writer w = lm_writer(name, sizeof name);

	lm_write_domain(&w, domain);
	if (!w.failed && lm_writer_len(&w) > 0)
		option(r, DHCP_SEARCH, name, lm_writer_len(&w));
}

/* RFC 3442: the length, as many bytes of the prefix as count, the router. */
static size_t write_route(uint8_t out[ROUTE_MAX], const struct lm_prefix *p, const struct lm_ip *by)
{
	size_t n = (p->len + 7u) / 8;

	out[0] = p->len;
	memcpy(out + 1, p->ip.b, n);
	memcpy(out + 1 + n, by->b, 4);
	return 1 + n + 4;
}

/* Also behind what another instance of the option holds: clients put them together (RFC 3396). */
static bool route_in(struct area *area, uint8_t **current, const uint8_t *route, size_t len)
{
	if (*current && *current >= area->start && *current < area->at &&
	    (*current)[1] + len <= UINT8_MAX && (size_t)(area->end - area->at) >= len) {
		memcpy(area->at, route, len);
		area->at += len;
		(*current)[1] = (uint8_t)((*current)[1] + len);
		return true;
	}
	uint8_t *begin = area->at;
	if (!option_in(area, DHCP_CLASSLESS_ROUTES, route, len))
		return false;
	*current = begin;
	return true;
}

/*
 * Clients that ask for it ignore the router option: the default route is in here as well, and
 * first, for not all may fit. Nothing goes into an earlier area than what came before it, as areas
 * are put together in their order.
 */
static void option_routes(struct reply *r, const struct lm_workload_view *v)
{
	struct lm_prefix p = {.ip.family = 4};
	uint8_t route[ROUTE_MAX], *current = NULL;
	unsigned cursor = 0, area = 0;
	bool more = v->default4 || (v->route && v->route(v->ctx, 4, &cursor, &p));

	while (more && area < AREAS) {
		size_t len = write_route(route, &p, &v->gateway4);

		if (!route_in(&r->areas[area], &current, route, len))
			area++;
		else
			more = v->route && v->route(v->ctx, 4, &cursor, &p);
	}
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
	if (v->default4)
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
	if (!q->wanted || dhcp4_wants(q, DHCP_DNS))
		option(r, DHCP_DNS, v->gateway4.b, 4);
	if (dhcp4_wants(q, DHCP_CLASSLESS_ROUTES))
		option_routes(r, v);
	if (!q->wanted || dhcp4_wants(q, DHCP_DOMAIN))
		option_text(r, DHCP_DOMAIN, v->domain);
	if (!q->wanted || dhcp4_wants(q, DHCP_HOST_NAME))
		option_text(r, DHCP_HOST_NAME, v->host_name);
	if (v->domain && dhcp4_wants(q, DHCP_SEARCH))
		option_search(r, v->domain);
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
		return &lm_ip_broadcast;
	if (client->family == 4)
		return client;
	return q->header->flags[0] & DHCP_FLAG_BROADCAST ? &lm_ip_broadcast : yours;
}

static struct area make_area(void *start, size_t size, size_t reserved)
{
	return (struct area){
	    .start = start, .at = start, .end = (uint8_t *)start + size - 1 - reserved};
}

/* False: the frame has no room for a message, and the writer failed. */
static bool open_areas(struct reply *r, const struct dhcp4_request *q)
{
	size_t wanted = RTE_MAX(q->message_size, MESSAGE_SIZE_MIN);
	size_t room = RTE_MIN(wanted, (size_t)MESSAGE_SIZE_MAX) - sizeof(struct rte_ipv4_hdr) -
		      sizeof(struct rte_udp_hdr) - sizeof(struct dhcp4_header);
	uint8_t *options = lm_write_ref(&r->b.w, room);
	struct dhcp4_header *h = (void *)r->bootp;

	if (!options)
		return false;
	r->areas[OPTIONS] = make_area(options, room, OVERLOAD_LEN);
	r->areas[FILE_FIELD] = make_area(h->file, sizeof h->file, 0);
	r->areas[SNAME] = make_area(h->sname, sizeof h->sname, 0);
	return true;
}

/* Says where else there are options, ends all of them, and gives back what was not used. */
static void close_areas(struct reply *r)
{
	uint8_t overload = 0;

	for (unsigned i = FILE_FIELD; i < AREAS; i++)
		if (r->areas[i].at > r->areas[i].start) {
			*r->areas[i].at = DHCP_END;
			overload |= (uint8_t)i;
		}
	struct area *options = &r->areas[OPTIONS];
	options->end += OVERLOAD_LEN;
	if (overload)
		option_in(options, DHCP_OVERLOAD, &overload, 1);
	*options->at++ = DHCP_END;
	r->b.w.at = options->at;
	while (!r->b.w.failed && r->b.w.at < r->bootp + BOOTP_LEN_MIN)
		lm_write_u8(&r->b.w, DHCP_PAD);
}

/*
 * RFC 3046 section 2.1: what a switch on the way has added comes back whole, as the last option, so
 * its room is kept free of others.
 */
static size_t reserve_relay_agent(struct reply *r, const struct dhcp4_request *q)
{
	struct area *options = &r->areas[OPTIONS];
	size_t len = q->relay_agent ? 2 + (size_t)q->relay_agent_len : 0;

	if (len > (size_t)(options->end - options->at))
		return 0;
	options->end -= len;
	return len;
}

enum lm_workload_result dhcp4_reply(struct lm_answer *a, const struct dhcp4_request *q,
    enum dhcp4_type type, const struct lm_ip *yours)
{
	const struct lm_workload_view *v = a->view;
	struct lm_ip client = dhcp4_client_address(q);
	uint8_t code = (uint8_t)type;
	struct reply r;

	lm_answer_start(a, &r.b, RTE_ETHER_TYPE_IPV4);
	lm_build_ip(&r.b, &v->gateway4, destination(q, yours, &client), IPPROTO_UDP, LM_HOP_LIMIT);
	lm_build_udp(&r.b, BOOTP_SERVER_PORT, BOOTP_CLIENT_PORT);
	r.bootp = r.b.w.at;
	write_header(&r, q, yours);
	if (!open_areas(&r, q))
		return LM_WL_DHCP_IGNORED;
	option(&r, DHCP_MESSAGE_TYPE, &code, 1);
	option(&r, DHCP_SERVER_ID, v->gateway4.b, 4);
	if (q->type == DHCP_DISCOVER && type == DHCP_ACK)
		option(&r, DHCP_RAPID_COMMIT, "", 0);
	if (q->client_id) /* RFC 6842 */
		option(&r, DHCP_CLIENT_ID, q->client_id, q->client_id_len);
	if (yours)
		network_options(&r, v, q);
	size_t kept = reserve_relay_agent(&r, q);
	if (yours)
		requested_options(&r, v, q);
	r.areas[OPTIONS].end += kept;
	if (kept)
		option_in(&r.areas[OPTIONS], DHCP_RELAY_AGENT, q->relay_agent, q->relay_agent_len);
	close_areas(&r);
	enum lm_workload_result result = lm_answer_end(a, &r.b, LM_WL_DHCP_IGNORED);
	return result == LM_WL_REPLY && !yours ? LM_WL_REFUSAL : result;
}
