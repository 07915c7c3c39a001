/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/dns: what a name stands for in a network. */
#ifndef LM_DNS_LOOKUP_H
#define LM_DNS_LOOKUP_H

#include "dns/dns.h"
#include "dns/name.h"

enum dns_found {
	DNS_NOT_OURS, /* outside of our zones */
	DNS_NO_NAME, /* inside, but there is no such name */
	DNS_NAME_ONLY, /* the name is there, but nothing has it but perhaps names below */
	DNS_GATEWAY,
	DNS_MEMBER, /* n endpoints from first: those that are up */
	DNS_REPLICA, /* the endpoint first */
};

struct dns_target {
	enum dns_found found;
	unsigned apex; /* labels in front of the zone's own name: 0, the name is the zone's */
	bool reverse; /* a name of an address */
	unsigned first, n;
};

struct dns_target dns_lookup(const struct lm_dns_zone *zone, const struct dns_name *name);

#endif
