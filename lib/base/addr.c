/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/text.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned ip_bits(const struct lm_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

int lm_ip_parse(struct lm_ip *out, const char *text)
{
	struct lm_ip ip = {0};

	if (inet_pton(AF_INET, text, ip.b) == 1) {
		ip.family = 4;
	} else if (inet_pton(AF_INET6, text, ip.b) == 1) {
		/* An IPv4 address has one form here, or comparisons would have holes. */
		if (memcmp(ip.b, v4_mapped, sizeof v4_mapped) == 0)
			return -EINVAL;
		ip.family = 6;
	} else {
		return -EINVAL;
	}
	*out = ip;
	return 0;
}

int lm_ifaddr_parse(struct lm_ifaddr *out, const char *text)
{
	char copy[LM_PREFIX_TEXT];
	struct lm_ifaddr a = {0};
	uint64_t len;
	size_t n = strnlen(text, sizeof copy);

	if (n >= sizeof copy)
		return -EINVAL;
	memcpy(copy, text, n + 1);
	char *slash = strchr(copy, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	if (lm_ip_parse(&a.ip, copy) < 0 || lm_text_number(&len, slash + 1, ip_bits(&a.ip)) < 0)
		return -EINVAL;
	a.len = (uint8_t)len;
	*out = a;
	return 0;
}

/* The address with everything behind the first len bits cleared. */
static struct lm_ip ip_mask(const struct lm_ip *ip, unsigned len)
{
	struct lm_ip net = *ip;

	for (unsigned i = 0; i < sizeof net.b; i++) {
		unsigned keep = len > 8 * i ? len - 8 * i : 0;
		if (keep < 8)
			net.b[i] &= (uint8_t)(0xff00 >> keep);
	}
	return net;
}

int lm_prefix_parse(struct lm_prefix *out, const char *text)
{
	struct lm_ifaddr a;

	if (lm_ifaddr_parse(&a, text) < 0)
		return -EINVAL;
	struct lm_ip net = ip_mask(&a.ip, a.len);
	if (!lm_ip_equal(&net, &a.ip))
		return -EINVAL;
	*out = (struct lm_prefix){.ip = a.ip, .len = a.len};
	return 0;
}

int lm_udp_addr_parse(struct lm_udp_addr *out, const char *text)
{
	char copy[LM_UDP_TEXT];
	struct lm_udp_addr a = {0};
	uint64_t port;
	size_t n = strnlen(text, sizeof copy);

	if (n >= sizeof copy)
		return -EINVAL;
	memcpy(copy, text, n + 1);
	char *colon = strrchr(copy, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	char *host = copy;
	bool bracketed = host[0] == '[' && colon > host && colon[-1] == ']';
	if (bracketed) {
		host++;
		colon[-1] = '\0';
	}
	if (lm_ip_parse(&a.ip, host) < 0 || bracketed != (a.ip.family == 6) ||
	    lm_text_number(&port, colon + 1, UINT16_MAX) < 0 || port == 0)
		return -EINVAL;
	a.port = (uint16_t)port;
	*out = a;
	return 0;
}

int lm_mac_parse(struct lm_mac *out, const char *text)
{
	struct lm_mac mac;

	if (strnlen(text, LM_MAC_TEXT) != LM_MAC_TEXT - 1)
		return -EINVAL;
	for (unsigned i = 0; i < sizeof mac.b; i++) {
		if (i > 0 && text[3 * i - 1] != ':')
			return -EINVAL;
		if (lm_unhex(&mac.b[i], 1, text + (size_t)3 * i, 2) < 0)
			return -EINVAL;
	}
	*out = mac;
	return 0;
}

char *lm_ip_text(char *out, const struct lm_ip *ip)
{
	if (ip->family != 4 && ip->family != 6)
		strcpy(out, "none");
	else
		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->b, out, LM_IP_TEXT);
	return out;
}

char *lm_prefix_text(char *out, const struct lm_prefix *p)
{
	char ip[LM_IP_TEXT];

	snprintf(out, LM_PREFIX_TEXT, "%s/%u", lm_ip_text(ip, &p->ip), p->len);
	return out;
}

char *lm_udp_addr_text(char *out, const struct lm_udp_addr *a)
{
	char ip[LM_IP_TEXT];

	snprintf(out, LM_UDP_TEXT, a->ip.family == 6 ? "[%s]:%u" : "%s:%u", lm_ip_text(ip, &a->ip),
	    a->port);
	return out;
}

char *lm_mac_text(char *out, const struct lm_mac *m)
{
	snprintf(out, LM_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
	    m->b[3], m->b[4], m->b[5]);
	return out;
}

bool lm_ip_equal(const struct lm_ip *a, const struct lm_ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool lm_udp_addr_equal(const struct lm_udp_addr *a, const struct lm_udp_addr *b)
{
	return a->port == b->port && lm_ip_equal(&a->ip, &b->ip);
}

bool lm_prefix_contains(const struct lm_prefix *p, const struct lm_ip *ip)
{
	if (ip->family == 0 || ip->family != p->ip.family)
		return false;
	struct lm_ip net = ip_mask(ip, p->len);
	return lm_ip_equal(&net, &p->ip);
}

bool lm_ip_is_link_local(const struct lm_ip *ip)
{
	return ip->family == 6 && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool lm_ip_is_special(const struct lm_ip *ip)
{
	static const uint8_t zero[15], all_ones[4] = {0xff, 0xff, 0xff, 0xff};
	const uint8_t *b = ip->b;

	if (ip->family == 4)
		return b[0] == 0 || b[0] == 127 || (b[0] == 169 && b[1] == 254) ||
		       (b[0] & 0xf0) == 0xe0 || memcmp(b, all_ones, sizeof all_ones) == 0;
	if (ip->family == 6)
		return (memcmp(b, zero, sizeof zero) == 0 && b[15] <= 1) || b[0] == 0xff ||
		       lm_ip_is_link_local(ip) || memcmp(b, v4_mapped, sizeof v4_mapped) == 0;
	return true;
}

const struct lm_prefix *lm_prefixes_special(unsigned *n)
{
	static const struct lm_prefix list[] = {
	    {{4, {0}}, 8},
	    {{4, {127}}, 8},
	    {{4, {169, 254}}, 16},
	    {{4, {224}}, 3}, /* with 240.0.0.0/4 */
	    {{6, {0}}, 64},
	    {{6, {0xfe, 0x80}}, 10},
	    {{6, {0xff}}, 8},
	};

	*n = sizeof(list) / sizeof(list[0]);
	return list;
}

struct lm_ip lm_prefix_nth(const struct lm_prefix *p, uint32_t n)
{
	struct lm_ip ip = p->ip;
	uint64_t carry = n;

	for (unsigned i = ip_bits(&ip) / 8; i-- > 0 && carry > 0; carry >>= 8) {
		carry += ip.b[i];
		ip.b[i] = (uint8_t)carry;
	}
	return ip;
}
