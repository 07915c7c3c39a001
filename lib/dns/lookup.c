/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include "base/text.h"

/* ---- names of members ------------------------------------------------------------ */

/* Replica `text` of this member. */
static struct dns_target replica(
    const struct lm_dns_zone *zone, const char *member, const char *text)
{
	struct dns_target t = {.found = DNS_NO_NAME};
	uint64_t number;
	int n = zone->member(zone->ctx, member, &t.first);

	if (n > 0 && lm_text_number(&number, text, (uint64_t)n - 1) == 0) {
		t.found = DNS_REPLICA;
		t.first += (unsigned)number;
	}
	return t;
}

/* "db", or "db-0" where that is no member of its own. */
static struct dns_target one_label(const struct lm_dns_zone *zone, char *label)
{
	struct dns_target t = {.found = DNS_MEMBER};
	int n = zone->member(zone->ctx, label, &t.first);

	if (n >= 0) {
		t.n = (unsigned)n;
		return t;
	}
	char *hyphen = strrchr(label, '-');
	if (!hyphen)
		return (struct dns_target){.found = DNS_NO_NAME};
	*hyphen = '\0';
	return replica(zone, label, hyphen + 1);
}

static struct dns_target forward(
    const struct lm_dns_zone *zone, const struct dns_name *name, unsigned labels)
{
	char first[DNS_LABEL_MAX + 1], second[DNS_LABEL_MAX + 1];
	struct dns_target t = {.found = DNS_NO_NAME};

	if (labels == 0)
		t.found = DNS_GATEWAY;
	else if (labels == 1 && dns_label_text(first, name, 0))
		t = one_label(zone, first);
	else if (labels == 2 && dns_label_text(first, name, 0) && dns_label_text(second, name, 1))
		t = replica(zone, second, first);
	t.apex = labels;
	return t;
}

/* ---- names of addresses ------------------------------------------------------------ */

/* RFC 1035 section 3.5, RFC 3596 section 2.5 */
static const struct tree {
	const char *suffix;
	uint8_t family, bits; /* of a label */
	uint8_t depth; /* labels of a whole address */
} trees[] = {{"in-addr.arpa", 4, 8, 4}, {"ip6.arpa", 6, 4, 32}};

/* One spelling each: no leading zeros, one hexadecimal digit of either case. */
static bool label_value(const struct tree *tree, const char *text, uint8_t *out)
{
	uint64_t number;
	char digits[3] = {'0', text[0], '\0'};

	if (tree->family == 6)
		return text[1] == '\0' && lm_unhex(out, 1, digits, strlen(digits)) == 0;
	if (lm_text_number(&number, text, UINT8_MAX))
		return false;
	*out = (uint8_t)number;
	return true;
}

/* The address whose first n parts are the labels in front of the suffix, from the right. */
static bool address(const struct tree *tree, const struct dns_name *name, unsigned labels,
    unsigned n, struct lm_ip *ip)
{
	char text[DNS_LABEL_MAX + 1];
	uint8_t value;

	*ip = (struct lm_ip){.family = tree->family};
	for (unsigned i = 0; i < n; i++) {
		if (!dns_label_text(text, name, labels - 1 - i) || !label_value(tree, text, &value))
			return false;
		unsigned bit = i * tree->bits;
		ip->b[bit / 8] |= (uint8_t)(value << (8 - tree->bits - bit % 8));
	}
	return true;
}

/* Who has this address. */
static struct dns_target owner(const struct lm_dns_zone *zone, const struct lm_ip *ip)
{
	struct dns_target t = {.found = DNS_NO_NAME};
	int endpoint;

	if (lm_ip_equal(ip, ip->family == 4 ? &zone->gateway4 : &zone->gateway6)) {
		t.found = DNS_GATEWAY;
	} else if ((endpoint = zone->address(zone->ctx, ip)) >= 0) {
		t.found = DNS_REPLICA;
		t.first = (unsigned)endpoint;
	}
	return t;
}

/*
 * The zones here are the largest that lie wholly inside of the network's prefix: one of a /24, 16
 * of a /20, and where a prefix has less than a zone, each address is one.
 */
static struct dns_target reverse(const struct lm_dns_zone *zone, const struct tree *tree,
    const struct dns_name *name, unsigned labels)
{
	const struct lm_prefix *net = tree->family == 4 ? &zone->net4 : &zone->net6;
	unsigned zone_depth = (net->len + tree->bits - 1u) / tree->bits;
	struct dns_target t = {.found = DNS_NOT_OURS};
	struct lm_ip ip;

	if (net->ip.family == 0 || labels < zone_depth ||
	    !address(tree, name, labels, zone_depth, &ip) || !lm_prefix_contains(net, &ip))
		return t;
	if (labels > tree->depth || !address(tree, name, labels, labels, &ip))
		t.found = DNS_NO_NAME;
	else if (labels == tree->depth)
		t = owner(zone, &ip);
	else /* there may be addresses below */
		t.found = DNS_NAME_ONLY;
	t.reverse = true;
	t.apex = labels - zone_depth;
	if (t.apex == 0 && t.found == DNS_NO_NAME)
		t.found = DNS_NAME_ONLY; /* a zone's own name exists */
	return t;
}

struct dns_target dns_lookup(const struct lm_dns_zone *zone, const struct dns_name *name)
{
	int labels = dns_name_below(name, zone->origin);

	if (labels >= 0)
		return forward(zone, name, (unsigned)labels);
	for (unsigned i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if ((labels = dns_name_below(name, trees[i].suffix)) >= 0)
			return reverse(zone, &trees[i], name, (unsigned)labels);
	return (struct dns_target){.found = DNS_NOT_OURS};
}
