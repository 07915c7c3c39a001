/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: what our prefixes contain is on the link, all else goes by the default
 * gateway of its family.
 */
#include "underlay/host.h"

enum place { ELSEWHERE, STATION, BROADCAST };

/* What is ip to the prefix of our address? Both are of one family. */
static enum place place_of(const struct lm_ip *ip, const struct lm_ifaddr *own)
{
	unsigned bits = own->ip.family == 4 ? 32 : 128, ones = 0;

	for (unsigned i = 0; i < bits; i++) {
		uint8_t mask = (uint8_t)(0x80 >> i % 8);

		if (i < own->len && ((own->ip.b[i / 8] ^ ip->b[i / 8]) & mask))
			return ELSEWHERE;
		if (i >= own->len && (ip->b[i / 8] & mask))
			ones++;
	}
	unsigned host_bits = bits - own->len;
	/* IPv4's network and directed broadcast addresses, which a /31 has not (RFC 3021). */
	if (ip->family == 4 && host_bits > 1 && (ones == 0 || ones == host_bits))
		return BROADCAST;
	return STATION;
}

/* Our address whose prefix is the longest that contains ip; first: any of its family. May be NULL.
 */
static const struct lm_ifaddr *longest(
    const struct lm_underlay *u, const struct lm_ip *ip, const struct lm_ifaddr **first)
{
	const struct lm_ifaddr *best = NULL;

	*first = NULL;
	for (unsigned i = 0; i < u->config.n_addrs; i++) {
		const struct lm_ifaddr *a = &u->config.addrs[i];

		if (a->ip.family != ip->family)
			continue;
		if (!*first)
			*first = a;
		if (place_of(ip, a) == STATION && (!best || a->len > best->len))
			best = a;
	}
	return best;
}

static bool is_broadcast(const struct lm_underlay *u, const struct lm_ip *ip)
{
	for (unsigned i = 0; i < u->config.n_addrs; i++) {
		const struct lm_ifaddr *a = &u->config.addrs[i];

		if (a->ip.family == ip->family && place_of(ip, a) == BROADCAST)
			return true;
	}
	return false;
}

const struct lm_ip *route_source(const struct lm_underlay *u, const struct lm_ip *ip)
{
	const struct lm_ifaddr *first, *best;

	if (lm_ip_is_link_local(ip))
		return &u->link_local;
	best = longest(u, ip, &first);
	if (!best)
		best = first;
	return best ? &best->ip : NULL;
}

bool route_is_hop(const struct lm_underlay *u, const struct lm_ip *ip)
{
	const struct lm_ifaddr *first, *best = longest(u, ip, &first);

	if (!first || is_own(u, ip))
		return false;
	return best || lm_ip_equal(ip, &u->config.gateway4) || lm_ip_equal(ip, &u->config.gateway6);
}

bool route_find(const struct lm_underlay *u, const struct lm_ip *dst, struct route *out)
{
	const struct lm_ip *gateway = dst->family == 4 ? &u->config.gateway4 : &u->config.gateway6;
	const struct lm_ifaddr *first, *best;

	if (lm_ip_is_special(dst) || is_own(u, dst) || is_broadcast(u, dst))
		return false;
	best = longest(u, dst, &first);
	if (best) {
		*out = (struct route){.hop = *dst, .src = best->ip};
		return true;
	}
	if (gateway->family == 0 || !first)
		return false;
	/* A gateway outside of our prefixes is on the link too, as where every host has a /32. */
	best = longest(u, gateway, &first);
	*out = (struct route){.hop = *gateway, .src = best ? best->ip : first->ip};
	return true;
}
