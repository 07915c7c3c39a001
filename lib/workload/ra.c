/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Router advertisements (RFC 4861 section 6.2): the prefix is on link, addresses
 * come by DHCPv6 alone (M, and no autonomous prefix): whatever else a host would
 * make up is dropped as spoofed. An endpoint without IPv6 is told nothing.
 */
#include "workload/answer.h"
#include "base/domain.h"
#include "workload/ra_times.h"

#define ND_ROUTER_ADVERTISEMENT 134
#define ND_OPTION_SOURCE_MAC 1
#define ND_OPTION_PREFIX 3
#define ND_OPTION_MTU 5
#define ND_OPTION_ROUTE 24 /* RFC 4191 */
#define ND_OPTION_DNS 25 /* RFC 8106 */
#define ND_OPTION_SEARCH 31 /* RFC 8106 */
#define RA_MANAGED 0x80
#define PREFIX_ON_LINK 0x80

static void write_option(struct lm_writer *w, uint8_t type, uint8_t units)
{
	lm_write_u8(w, type);
	lm_write_u8(w, units); /* of 8 bytes, with these two */
}

static void write_prefix(struct lm_writer *w, const struct lm_prefix *net)
{
	write_option(w, ND_OPTION_PREFIX, 4);
	lm_write_u8(w, net->len);
	lm_write_u8(w, PREFIX_ON_LINK);
	lm_write_u32(w, LM_RA_LIFETIME_SECONDS); /* valid */
	lm_write_u32(w, LM_RA_LIFETIME_SECONDS); /* preferred */
	lm_write_u32(w, 0);
	lm_write(w, net->ip.b, 16);
}

/* With as much of the prefix as counts: none, half, or all (RFC 4191 section 2.3). */
static unsigned route_units(const struct lm_prefix *p)
{
	return p->len == 0 ? 1 : p->len <= 64 ? 2 : 3;
}

static void write_route(struct lm_writer *w, const struct lm_prefix *p)
{
	unsigned units = route_units(p);

	write_option(w, ND_OPTION_ROUTE, (uint8_t)units);
	lm_write_u8(w, p->len);
	lm_write_u8(w, 0); /* medium preference */
	lm_write_u32(w, LM_RA_LIFETIME_SECONDS);
	lm_write(w, p->ip.b, (units - 1) * 8);
}

/* What is routed in the network, as far as it fits into a packet that passes everywhere. */
static void write_routes(struct lm_writer *w, const uint8_t *ip, const struct lm_workload_view *v)
{
	struct lm_prefix p;
	unsigned cursor = 0;

	while (v->route && v->route(v->ctx, 6, &cursor, &p) &&
	       (size_t)(w->at - ip) + route_units(&p) * 8 <= RTE_IPV6_MIN_MTU)
		write_route(w, &p);
}

static void write_dns(struct lm_writer *w, const struct lm_ip *server)
{
	write_option(w, ND_OPTION_DNS, 3);
	lm_write_u16(w, 0);
	lm_write_u32(w, LM_RA_LIFETIME_SECONDS);
	lm_write(w, server->b, 16);
}

static void write_search(struct lm_writer *w, const char *domain)
{
	uint8_t name[(LM_DOMAIN_MAX + 7) / 8 * 8] = {0};
	struct lm_writer n = lm_writer(name, sizeof name);

	lm_write_domain(&n, domain);
	size_t padded = (lm_writer_len(&n) + 7) / 8 * 8;
	if (padded == 0)
		return;
	write_option(w, ND_OPTION_SEARCH, (uint8_t)(1 + padded / 8));
	lm_write_u16(w, 0);
	lm_write_u32(w, LM_RA_LIFETIME_SECONDS);
	lm_write(w, name, padded);
}

static void write_body(struct lm_writer *w, const uint8_t *ip, const struct lm_workload_view *v)
{
	lm_write_u8(w, LM_HOP_LIMIT);
	lm_write_u8(w, RA_MANAGED);
	lm_write_u16(w, v->default6 ? LM_RA_LIFETIME_SECONDS : 0);
	lm_write_u64(w, 0); /* reachable time, retransmission timer: the host's own */
	write_option(w, ND_OPTION_SOURCE_MAC, 1);
	lm_write(w, v->gateway_mac.b, sizeof v->gateway_mac.b);
	if (v->mtu >= RTE_IPV6_MIN_MTU) {
		write_option(w, ND_OPTION_MTU, 1);
		lm_write_u16(w, 0);
		lm_write_u32(w, v->mtu);
	}
	write_prefix(w, &v->net6);
	/* Who is nobody's default router can still say what is behind it. */
	if (!v->default6)
		write_route(w, &v->net6);
	write_dns(w, &v->gateway6);
	if (v->domain)
		write_search(w, v->domain);
	write_routes(w, ip, v);
}

static enum lm_workload_result advertise(struct lm_answer *a, const struct lm_ip *to)
{
	const struct lm_workload_view *v = a->view;
	struct lm_ip own = lm_link_local_of(&v->gateway_mac);
	struct lm_build b;

	if (v->ipv6.family == 0 || v->gateway6.family == 0)
		return LM_WL_ND_IGNORED;
	lm_answer_start(a, &b, RTE_ETHER_TYPE_IPV6);
	lm_build_ip(&b, &own, to, IPPROTO_ICMPV6, LM_HOP_LIMIT_ND);
	lm_build_icmp(&b, ND_ROUTER_ADVERTISEMENT, 0);
	write_body(&b.w, b.ip, v);
	return lm_answer_end(a, &b, LM_WL_ND_IGNORED);
}

/* At once and to the asker alone (section 6.2.6), so nobody else pays for who asks often. */
enum lm_workload_result lm_answer_rs(struct lm_answer *a, const struct lm_ip *from)
{
	return advertise(a, lm_ip_equal(from, &lm_ip_unspecified6) ? &lm_ip_all_nodes : from);
}

/* To all nodes, in a frame that one of them gets (RFC 6085): others there may be other tenants'. */
size_t lm_workload_advertise(
    const struct lm_workload_view *view, const struct lm_mac *to, uint8_t *out)
{
	struct lm_answer a = {.view = view, .asker = *to, .out = out};

	advertise(&a, &lm_ip_all_nodes);
	return a.len;
}
