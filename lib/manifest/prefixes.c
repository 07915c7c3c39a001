/* SPDX-License-Identifier: Apache-2.0 */
/* The prefixes of a network: unicast, and neither too large nor too small to be meant. */
#include <errno.h>
#include "manifest/schema.h"

#define IPV4_LEN_MIN 8
#define IPV4_LEN_MAX 30 /* network, gateway, one endpoint, broadcast */
#define IPV6_LEN_MIN 32
#define IPV6_LEN_MAX 126

enum { K_IPV4, K_IPV6, K_POOL, K_BLOCK, N_KEYS };

static const struct lm_key_rule keys[N_KEYS] = {
    [K_IPV4] = {"ipv4", false},
    [K_IPV6] = {"ipv6", false},
    [K_POOL] = {"pool", false},
    [K_BLOCK] = {"block", false},
};

static bool is_unicast4(const struct lm_prefix *p)
{
	static const struct lm_prefix link_local = {{4, {169, 254}}, 16};
	if (p->ip.b[0] == 0 || p->ip.b[0] == 127 || p->ip.b[0] >= 224)
		return false;
	return !lm_prefix_contains(p, &link_local.ip) && !lm_prefix_contains(&link_local, &p->ip);
}

/* Global unicast (RFC 4291) or unique local (RFC 4193). */
static bool is_unicast6(const struct lm_prefix *p)
{
	return (p->ip.b[0] & 0xe0) == 0x20 || (p->ip.b[0] & 0xfe) == 0xfc;
}

static int read_ipv4(struct lm_prefix *out, const struct lm_place *p)
{
	static const char what[] =
	    "an IPv4 prefix like 100.64.10.0/24 (bits beyond its length zero)";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_prefix prefix;
	if (lm_prefix_parse(&prefix, text) < 0 || prefix.ip.family != 4)
		return lm_place_expected(p, what);
	if (prefix.len < IPV4_LEN_MIN || prefix.len > IPV4_LEN_MAX)
		return lm_place_error(
		    p, EINVAL, "the length must be from /%d to /%d", IPV4_LEN_MIN, IPV4_LEN_MAX);
	if (!is_unicast4(&prefix))
		return lm_place_error(p, EINVAL, "not for hosts: reserved or link-local addresses");
	*out = prefix;
	return 0;
}

static int read_ipv6(struct lm_prefix *out, const struct lm_place *p)
{
	static const char what[] = "an IPv6 prefix like fd5a:10::/64 (bits beyond its length zero)";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_prefix prefix;
	if (lm_prefix_parse(&prefix, text) < 0 || prefix.ip.family != 6)
		return lm_place_expected(p, what);
	if (prefix.len < IPV6_LEN_MIN || prefix.len > IPV6_LEN_MAX)
		return lm_place_error(
		    p, EINVAL, "the length must be from /%d to /%d", IPV6_LEN_MIN, IPV6_LEN_MAX);
	if (!is_unicast6(&prefix))
		return lm_place_error(
		    p, EINVAL, "not for hosts: neither unique local nor global unicast");
	*out = prefix;
	return 0;
}

int lm_schema_prefixes(struct lm_manifest *m, const struct lm_place *p)
{
	const struct lm_yaml_node *values[N_KEYS];
	int err = lm_place_map(p, keys, N_KEYS, values);
	if (err < 0)
		return err;
	if (!values[K_IPV4] && !values[K_IPV6])
		return lm_place_error(p, EINVAL, "needs 'ipv4' or 'ipv6' or both");
	if (values[K_IPV4]) {
		struct lm_place v4 = lm_place_key(p, "ipv4", values[K_IPV4]);
		err = read_ipv4(&m->ipv4, &v4);
	}
	if (err == 0 && values[K_IPV6]) {
		struct lm_place v6 = lm_place_key(p, "ipv6", values[K_IPV6]);
		err = read_ipv6(&m->ipv6, &v6);
	}
	return err ? err : lm_schema_pool(m, p, values[K_POOL], values[K_BLOCK]);
}
