/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses, prefixes and UDP addresses of the control plane. Addresses are
 * in network byte order, ports in host byte order. Values, compared with the
 * functions below (or memcmp: unused bytes are always zero).
 */
#ifndef LM_BASE_ADDR_H
#define LM_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lm_ip {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t b[16]; /* IPv4: the first four, the rest zero */
};

struct lm_prefix {
	struct lm_ip ip; /* host bits are zero */
	uint8_t len; /* bits */
};

/* An address of an interface: host bits may be set. */
struct lm_ifaddr {
	struct lm_ip ip;
	uint8_t len;
};

struct lm_udp_addr {
	struct lm_ip ip;
	uint16_t port; /* host byte order */
};

struct lm_mac {
	uint8_t b[6];
};

#define LM_IP_TEXT 46
#define LM_PREFIX_TEXT 50
#define LM_UDP_TEXT 56 /* "[v6]:65535" */
#define LM_MAC_TEXT 18

/* Parsers take the whole string or fail with -EINVAL; out is untouched on failure. */
int lm_ip_parse(struct lm_ip *out, const char *text);
int lm_prefix_parse(struct lm_prefix *out, const char *text); /* no host bits may be set */
int lm_ifaddr_parse(struct lm_ifaddr *out, const char *text); /* "192.0.2.1/24" */
/* "192.0.2.1:4500", "[2001:db8::1]:4500" */
int lm_udp_addr_parse(struct lm_udp_addr *out, const char *text);
int lm_mac_parse(struct lm_mac *out, const char *text);

/* Formatters write into out, of the size named above, and return it. */
char *lm_ip_text(char *out, const struct lm_ip *ip);
char *lm_prefix_text(char *out, const struct lm_prefix *p);
char *lm_udp_addr_text(char *out, const struct lm_udp_addr *a);
char *lm_mac_text(char *out, const struct lm_mac *m);

bool lm_ip_equal(const struct lm_ip *a, const struct lm_ip *b);
bool lm_udp_addr_equal(const struct lm_udp_addr *a, const struct lm_udp_addr *b);
bool lm_prefix_contains(const struct lm_prefix *p, const struct lm_ip *ip);
/* fe80::/10: reachable on any link. */
bool lm_ip_is_link_local(const struct lm_ip *ip);
/* Multicast, broadcast, loopback, unspecified or link-local: no host of a network has it. */
bool lm_ip_is_special(const struct lm_ip *ip);
/*
 * Prefixes that no route can lead to: "this network", loopback, link-local, multicast, reserved,
 * and all of ::/64 with the IPv4-mapped addresses in it. *n: how many.
 */
const struct lm_prefix *lm_prefixes_special(unsigned *n);
/* The n-th address of a prefix (n = 0: its network address). */
struct lm_ip lm_prefix_nth(const struct lm_prefix *p, uint32_t n);

#endif
