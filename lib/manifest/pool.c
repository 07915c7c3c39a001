/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: the addresses that gateways give to endpoints, as host numbers that mean the same in
 * both prefixes, and what it asks of the rest of the document.
 */
#include <errno.h>
#include <stdio.h>
#include "manifest/schema.h"

/* 65,536 blocks of the usual 64 addresses: as many as a chain holds. */
#define POOL_MAX (UINT32_C(1) << 22)
#define POOL_LEN4_MIN 10 /* prefix lengths of a pool of POOL_MAX addresses */
#define POOL_LEN6_MIN 106
#define BLOCKS_MAX (UINT32_C(1) << 16)
#define BLOCK_LEN_MIN 16
#define BLOCK_LEN_MAX 32
/* Without an IPv4 prefix: above what people number by hand, and as large as a /15's. */
#define POOL6_DEFAULT (UINT32_C(1) << 16)

#define BLOCK_DEFAULT 64
#define BLOCK_DEFAULT_MIN 4
#define BLOCKS_DEFAULT 16 /* at least so many, rather than larger ones */

/* How many addresses the prefix has, cut at 2^32. */
static uint64_t prefix_size(const struct lm_prefix *p)
{
	unsigned host_bits = (p->ip.family == 4 ? 32u : 128u) - p->len;
	return UINT64_C(1) << (host_bits < 32 ? host_bits : 32);
}

/* The prefix that host numbers are those of. */
static const struct lm_prefix *main_prefix(const struct lm_manifest *m)
{
	return m->ipv4.ip.family ? &m->ipv4 : &m->ipv6;
}

/* ---- where it is ---- */

static void default_pool(struct lm_manifest *m)
{
	uint64_t half = prefix_size(main_prefix(m)) / 2;
	if (m->ipv4.ip.family) {
		m->pool.first = (uint32_t)half;
		m->pool.n = (uint32_t)(half < POOL_MAX ? half : POOL_MAX);
	} else {
		m->pool.first = (uint32_t)(half < POOL6_DEFAULT ? half : POOL6_DEFAULT);
		m->pool.n = m->pool.first;
	}
}

/* What is behind the network's prefix, as a number; false if it needs more than 32 bits. */
static bool host_number(uint32_t *out, const struct lm_prefix *in, const struct lm_ip *ip)
{
	unsigned len = ip->family == 4 ? 4 : 16;
	uint32_t host = 0;
	for (unsigned i = 0; i < len; i++) {
		uint8_t bits = ip->b[i] ^ in->ip.b[i];
		if (i + 4 < len && bits)
			return false;
		host = host << 8 | bits;
	}
	*out = host;
	return true;
}

static int read_pool(struct lm_manifest *m, const struct lm_place *p)
{
	const struct lm_prefix *in = main_prefix(m);
	const bool four = in->ip.family == 4;
	const char *what = four ? "an IPv4 prefix like 100.64.10.128/25 (bits beyond its length "
				  "zero)"
				: "an IPv6 prefix like fd5a:10::1:0/112 (bits beyond its length "
				  "zero)";
	const char *text = lm_place_text(p, what);
	if (!text)
		return -EINVAL;
	struct lm_prefix pool;
	if (lm_prefix_parse(&pool, text) < 0 || pool.ip.family != in->ip.family)
		return lm_place_expected(p, what);
	char name[LM_PREFIX_TEXT];
	if (pool.len < in->len || !lm_prefix_contains(in, &pool.ip))
		return lm_place_error(
		    p, EINVAL, "outside of the network's prefix %s", lm_prefix_text(name, in));
	if (pool.len < (four ? POOL_LEN4_MIN : POOL_LEN6_MIN))
		return lm_place_error(p, EINVAL,
		    "more than 4194304 addresses, which is 65536 blocks of 64: the length must be "
		    "from /%d",
		    four ? POOL_LEN4_MIN : POOL_LEN6_MIN);
	if (!host_number(&m->pool.first, in, &pool.ip))
		return lm_place_error(p, EINVAL, "must be within the first 2^32 addresses of %s",
		    lm_prefix_text(name, in));
	m->pool.n = (uint32_t)prefix_size(&pool);
	return 0;
}

static uint32_t default_block(uint32_t n)
{
	uint32_t size = n / BLOCKS_DEFAULT;
	if (size > BLOCK_DEFAULT)
		size = BLOCK_DEFAULT;
	if (size < BLOCK_DEFAULT_MIN)
		size = BLOCK_DEFAULT_MIN;
	return size < n ? size : n;
}

static int read_block(struct lm_manifest *m, const struct lm_place *p)
{
	uint64_t len;
	int err = lm_place_number(p, BLOCK_LEN_MIN, BLOCK_LEN_MAX, &len);
	if (err < 0)
		return err;
	uint32_t size = UINT32_C(1) << (32 - len);
	if (size > m->pool.n)
		return lm_place_error(
		    p, EINVAL, "blocks of %u addresses, but the pool has only %u", size, m->pool.n);
	if (m->pool.n / size > BLOCKS_MAX)
		return lm_place_error(p, EINVAL,
		    "%u blocks of %u addresses, at most %u are allowed", m->pool.n / size, size,
		    BLOCKS_MAX);
	m->pool.block_size = size;
	return 0;
}

int lm_schema_pool(struct lm_manifest *m, const struct lm_place *prefixes,
    const struct lm_yaml_node *pool, const struct lm_yaml_node *block)
{
	int err = 0;
	default_pool(m);
	if (pool) {
		struct lm_place p = lm_place_key(prefixes, "pool", pool);
		err = read_pool(m, &p);
	}
	m->pool.block_size = default_block(m->pool.n);
	if (err == 0 && block) {
		struct lm_place p = lm_place_key(prefixes, "block", block);
		err = read_block(m, &p);
	}
	return err;
}

/* ---- what is in it ---- */

/* Host numbers of which both prefixes have one that an endpoint can bear: from 2 to below this. */
static uint64_t usable_end(const struct lm_manifest *m)
{
	uint64_t end = UINT64_C(1) << 32;
	if (m->ipv4.ip.family)
		end = prefix_size(&m->ipv4) - 1; /* its broadcast */
	if (m->ipv6.ip.family && prefix_size(&m->ipv6) < end)
		end = prefix_size(&m->ipv6);
	return end;
}

uint32_t lm_manifest_pool_room(const struct lm_manifest *m)
{
	uint64_t from = m->pool.first, to = from + m->pool.n, end = usable_end(m);
	if (from < 2) /* the prefix's own address, and the gateway's */
		from = 2;
	if (to > end)
		to = end;
	return to > from ? (uint32_t)(to - from) : 0;
}

struct lm_prefix lm_manifest_pool(const struct lm_manifest *m, int family)
{
	const struct lm_prefix *in = family == 4 ? &m->ipv4 : &m->ipv6;
	uint64_t end = (uint64_t)m->pool.first + m->pool.n;
	if (in->ip.family == 0 || m->pool.n == 0 || end > prefix_size(in))
		return (struct lm_prefix){0};
	/* As many as a power of two, and first is a multiple of it. */
	unsigned host_bits = (unsigned)__builtin_ctz(m->pool.n);
	return (struct lm_prefix){.ip = lm_prefix_nth(in, m->pool.first),
	    .len = (uint8_t)((family == 4 ? 32 : 128) - host_bits)};
}

struct lm_ip lm_manifest_pool_ip(const struct lm_manifest *m, int family, uint32_t index)
{
	const struct lm_prefix *p = family == 4 ? &m->ipv4 : &m->ipv6;
	if (p->ip.family == 0 || index >= m->pool.n)
		return (struct lm_ip){0};
	uint64_t host = (uint64_t)m->pool.first + index;
	uint64_t end = family == 4 ? prefix_size(p) - 1 : prefix_size(p);
	if (host < 2 || host >= end)
		return (struct lm_ip){0};
	return lm_prefix_nth(p, (uint32_t)host);
}

/* ---- what it asks of the document ---- */

int lm_schema_check_room(const struct lm_manifest *m, const struct lm_place *prefixes)
{
	if (m->n_decided == 0)
		return 0;
	const struct lm_yaml_node *node = lm_yaml_get(prefixes->node, "pool");
	struct lm_place p = node ? lm_place_key(prefixes, "pool", node) : *prefixes;
	struct lm_prefix pool = lm_manifest_pool(m, main_prefix(m)->ip.family);
	char text[LM_PREFIX_TEXT], small[LM_PREFIX_TEXT];
	lm_prefix_text(text, &pool);
	if (m->ipv6.ip.family && lm_manifest_pool(m, 6).ip.family == 0) {
		node = lm_yaml_get(prefixes->node, "ipv6");
		p = lm_place_key(prefixes, "ipv6", node);
		return lm_place_error(&p, EINVAL,
		    "%s is too small for the pool %s, which takes the same host numbers in both "
		    "prefixes",
		    lm_prefix_text(small, &m->ipv6), text);
	}
	uint32_t room = lm_manifest_pool_room(m);
	if (m->n_decided > room)
		return lm_place_error(&p, EINVAL,
		    "%u endpoint%s without an address or a provider, but the pool %s has only %u",
		    m->n_decided, m->n_decided == 1 ? "" : "s", text, room);
	return 0;
}
