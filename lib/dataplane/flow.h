/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that policy has allowed, one table a worker: no lock, no sharing.
 * Both directions of a connection are one entry, since its key is canonical: the
 * lower (address, port) comes first.
 *
 * Owned and written by one worker. The control lcore reads entries for display
 * only, racily; the memory stays where it is as long as the data plane lives.
 */
#ifndef LM_DATAPLANE_FLOW_H
#define LM_DATAPLANE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include "base/addr.h"
#include "dataplane/hash.h"
#include "dataplane/tcp.h"
#include "dataplane/timeouts.h"

/* IPv4 as an IPv4-mapped address, ::ffff:a.b.c.d. Words as they stand in memory. */
struct lm_addr {
	uint64_t w[2];
};

struct lm_flow_key {
	struct lm_addr a, b;
	uint16_t port_a, port_b; /* network byte order, as in the packet */
	uint32_t net_proto; /* network index << 8 | IP protocol, and LM_FLOW_V6 */
};

#define LM_FLOW_V6 (1u << 31)
#define LM_FLOW_NETS_MAX (1u << 23)
#define LM_FLOW_FREE UINT32_MAX /* net_proto of an unused entry: no network has that index */

static inline uint32_t lm_flow_net_of(uint32_t net_proto)
{
	return net_proto >> 8 & (LM_FLOW_NETS_MAX - 1);
}

/* The two ends of an IPv4 flow as numbers, address << 16 | port: a and b of its key. */
struct lm_flow_ends {
	uint64_t lo, hi;
};

/* Where an end of an IPv4 flow is: its attachment's id, or that of the peer with this bit. */
#define LM_WHERE_PEER (1u << 31)
#define LM_WHERE_NOWHERE UINT32_MAX

/*
 * IPv4 addresses leave room for what packets of a known flow need to be told: where both ends
 * are, by which tunnel, and by which lane of it. True for as long as the generation is.
 */
struct lm_flow {
	union {
		struct {
			struct lm_addr a, b;
			uint16_t port_a, port_b;
			uint32_t net_proto; /* of IPv4 too */
		}; /* as in the key of IPv6 */
		struct {
			struct lm_flow_ends ends;
			const uint64_t *lanes; /* to the end that is a peer's; NULL: none is */
			uint32_t where[2]; /* of a, of b */
			uint32_t hash; /* lower half of that of the key */
			uint32_t same; /* net_proto */
		}; /* IPv4 */
	};
	uint32_t seen; /* tick of the last packet */
	uint32_t generation; /* of the network that allowed it */
	uint16_t ep_a, ep_b; /* endpoints of that generation */
	uint32_t packets; /* wraps */
	uint64_t state : 4; /* enum lm_flow_state */
	uint64_t fins : 2; /* enum lm_tcp_fins */
	uint64_t from_b : 1; /* b opened the connection */
	uint64_t bytes : 57; /* wraps */
};
_Static_assert(sizeof(struct lm_flow) == 64, "an entry is one cache line");

#define LM_FLOW_WAYS 4
/* One network may have so many times what is left free, so that there is room for the next. */
#define LM_FLOW_SHARE 8u
/* And of what it may have, one in so many may be half-open. */
#define LM_FLOW_HALF_OPEN 4u

/* Ages are counted in ticks of 2^26 cycles: 14 to 60 ms. */
#define LM_TICK_SHIFT 26
static inline uint32_t lm_tick(uint64_t cycles)
{
	return (uint32_t)(cycles >> LM_TICK_SHIFT);
}

/* How much of the table a network takes. */
struct lm_flow_net {
	uint32_t flows, half_open;
};

enum lm_flow_room { LM_FLOW_ROOM, LM_FLOW_NO_ROOM, LM_FLOW_NET_FULL, LM_FLOW_NET_HALF_OPEN };

struct lm_flows {
	struct lm_flow *slots;
	uint32_t slot_mask;
	uint32_t count, limit;
	uint32_t timeout[LM_FLOW_STATE_MAX]; /* ticks */
	uint32_t by_state[LM_FLOW_STATE_MAX]; /* how many there are */
	struct lm_flow_net *nets; /* by index */
	uint32_t n_nets; /* of them, those that have any */
	uint32_t net_limit; /* of each network */
	uint32_t hand; /* next slot that aging looks at */
	uint64_t seed[2]; /* so that nobody can aim at one bucket */
};

/*
 * limit: a power of two. Twice as many slots are made, so that nearly all find a place until then.
 * net_limit: of each network; 0: none but the share. n_nets: indices there are.
 */
struct lm_flows_config {
	uint32_t limit, net_limit, n_nets;
	uint64_t seed;
	int socket;
};
int lm_flows_init(struct lm_flows *f, const struct lm_flows_config *config);
void lm_flows_free(struct lm_flows *f);
/* May this network have one more? */
enum lm_flow_room lm_flow_room(const struct lm_flows *f, uint32_t net, enum lm_flow_state state);
/*
 * A free entry for this key, or one that timed out, in this state; NULL: the table is full. Others
 * may have moved.
 */
struct lm_flow *lm_flow_insert(struct lm_flows *f, const struct lm_flow_key *key,
    uint64_t slot_hash, enum lm_flow_state state, uint32_t now);
void lm_flow_remove(struct lm_flows *f, struct lm_flow *flow);
/* Its key, put together again. Of an entry that is in use. */
void lm_flow_key_of(struct lm_flow_key *key, const struct lm_flow *flow);
void lm_flow_enter(struct lm_flows *f, struct lm_flow *flow, enum lm_flow_state state);
/* Frees what timed out in the next n slots, and what is not to be kept. keep: NULL, or asked. */
void lm_flows_age(struct lm_flows *f, uint32_t now, uint32_t n,
    bool (*keep)(void *ctx, struct lm_flow *flow), void *ctx);

/* ::ffff:be, put together in a register: through memory the load would wait for two stores. */
static inline struct lm_addr lm_addr4(uint32_t be)
{
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
	return (struct lm_addr){{0, UINT64_C(0xffff0000) | (uint64_t)be << 32}};
#else
	return (struct lm_addr){{0, UINT64_C(0xffff) << 32 | be}};
#endif
}

static inline struct lm_addr lm_addr6(const uint8_t b[16])
{
	struct lm_addr addr;

	memcpy(&addr, b, 16);
	return addr;
}

/* Of the control plane's form; all zero for none. */
static inline struct lm_addr lm_addr_of(const struct lm_ip *ip)
{
	uint32_t be;

	if (ip->family == 6)
		return lm_addr6(ip->b);
	if (ip->family != 4)
		return (struct lm_addr){{0, 0}};
	memcpy(&be, ip->b, sizeof be);
	return lm_addr4(be);
}

/* The way back. */
static inline struct lm_ip lm_addr_ip(struct lm_addr addr)
{
	struct lm_ip ip = {.family = addr.w[0] != 0 ? 6 : addr.w[1] != 0 ? 4 : 0};

	if (ip.family == 6)
		memcpy(ip.b, &addr, 16);
	else if (ip.family == 4)
		memcpy(ip.b, (const uint8_t *)&addr + 12, 4);
	return ip;
}

static inline bool lm_addr_equal(struct lm_addr x, struct lm_addr y)
{
	return ((x.w[0] ^ y.w[0]) | (x.w[1] ^ y.w[1])) == 0;
}

/* Ordered as the bytes are on the wire. */
static inline bool lm_addr_above(struct lm_addr x, struct lm_addr y)
{
	if (x.w[0] != y.w[0])
		return rte_be_to_cpu_64(x.w[0]) > rte_be_to_cpu_64(y.w[0]);
	return rte_be_to_cpu_64(x.w[1]) > rte_be_to_cpu_64(y.w[1]);
}

/*
 * The same on every gateway, whatever its byte order, and for both directions: lanes are chosen by
 * it (docs/protocol.md). The network is not in it. All are numbers: addresses in two halves, ports
 * a's, then b's.
 */
static __rte_always_inline uint64_t lm_flow_hash_numbers(
    uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1, uint32_t ports, uint8_t proto)
{
	uint64_t h = lm_mix(a0 ^ LM_HASH_K0, a1 ^ LM_HASH_K1);

	h ^= lm_mix(b0 ^ LM_HASH_K2, b1 ^ LM_HASH_K3);
	h = lm_mix(h ^ LM_HASH_K4, (ports | (uint64_t)proto << 32) ^ LM_HASH_K5);
	/* Once more: ports that count up together would show in the middle bits. */
	return lm_mix(h, LM_HASH_K0);
}

static inline uint64_t lm_flow_hash_words(
    struct lm_addr a, struct lm_addr b, uint32_t ports, uint8_t proto)
{
	return lm_flow_hash_numbers(rte_be_to_cpu_64(a.w[0]), rte_be_to_cpu_64(a.w[1]),
	    rte_be_to_cpu_64(b.w[0]), rte_be_to_cpu_64(b.w[1]), ports, proto);
}

/*
 * Sets the key and its hash; returns whether the source became b. Ports in network byte order. All
 * in registers: what was just stored in parts must not be loaded as a whole.
 */
static inline bool lm_flow_key_set(struct lm_flow_key *k, uint64_t *hash, struct lm_addr src,
    struct lm_addr dst, uint16_t src_port, uint16_t dst_port, uint32_t net, uint8_t proto)
{
	uint16_t from = rte_be_to_cpu_16(src_port), to = rte_be_to_cpu_16(dst_port);
	bool swap = lm_addr_equal(src, dst) ? from > to : lm_addr_above(src, dst);
	struct lm_addr a = {{swap ? dst.w[0] : src.w[0], swap ? dst.w[1] : src.w[1]}};
	struct lm_addr b = {{src.w[0] ^ dst.w[0] ^ a.w[0], src.w[1] ^ dst.w[1] ^ a.w[1]}};

	k->a = a;
	k->b = b;
	k->port_a = swap ? dst_port : src_port;
	k->port_b = swap ? src_port : dst_port;
	/* ::/64 holds no host. */
	k->net_proto = net << 8 | proto | (src.w[0] ? LM_FLOW_V6 : 0);
	uint32_t ports = swap ? (uint32_t)to << 16 | from : (uint32_t)from << 16 | to;
	*hash = lm_flow_hash_words(a, b, ports, proto);
	return swap;
}

static inline bool lm_flow_key_equal(const struct lm_flow_key *x, const struct lm_flow_key *y)
{
	return lm_addr_equal(x->a, y->a) && lm_addr_equal(x->b, y->b) && x->port_a == y->port_a &&
	       x->port_b == y->port_b && x->net_proto == y->net_proto;
}

/*
 * The ends of an IPv4 packet: no branch that depends on who is the lower one, which nobody can
 * foretell. Returns whether the source is hi. Addresses (the source's first) and ports as in the
 * packet.
 */
static __rte_always_inline bool lm_flow_ends_set(
    struct lm_flow_ends *e, uint64_t addrs, uint32_t ports)
{
	addrs = rte_be_to_cpu_64(addrs);
	ports = rte_be_to_cpu_32(ports);
	const uint64_t from = (addrs >> 32) << 16 | ports >> 16;
	const uint64_t to = (uint64_t)(uint32_t)addrs << 16 | (ports & UINT16_MAX);
	const bool swap = from > to;

	e->lo = swap ? to : from;
	e->hi = swap ? from : to;
	return swap;
}

/* Of a key of IPv4. */
static inline struct lm_flow_ends lm_flow_ends_of(const struct lm_flow_key *k)
{
	return (struct lm_flow_ends){
	    .lo = (rte_be_to_cpu_64(k->a.w[1]) & UINT32_MAX) << 16 | rte_be_to_cpu_16(k->port_a),
	    .hi = (rte_be_to_cpu_64(k->b.w[1]) & UINT32_MAX) << 16 | rte_be_to_cpu_16(k->port_b)};
}

/* The other way round. */
static inline void lm_flow_key_from(
    struct lm_flow_key *k, const struct lm_flow_ends *e, uint32_t net_proto)
{
	k->a = lm_addr4(rte_cpu_to_be_32((uint32_t)(e->lo >> 16)));
	k->b = lm_addr4(rte_cpu_to_be_32((uint32_t)(e->hi >> 16)));
	k->port_a = rte_cpu_to_be_16((uint16_t)e->lo);
	k->port_b = rte_cpu_to_be_16((uint16_t)e->hi);
	k->net_proto = net_proto;
}

/* Of a key that is set. */
static inline uint64_t lm_flow_hash(const struct lm_flow_key *k)
{
	uint32_t ports = (uint32_t)rte_be_to_cpu_16(k->port_a) << 16 | rte_be_to_cpu_16(k->port_b);

	return lm_flow_hash_words(k->a, k->b, ports, (uint8_t)k->net_proto);
}

/* The same of its ends. */
static inline uint64_t lm_flow_hash4(const struct lm_flow_ends *e, uint8_t proto)
{
	const uint64_t mapped = UINT64_C(0xffff) << 32;

	return lm_flow_hash_numbers(0, mapped | e->lo >> 16, 0, mapped | e->hi >> 16,
	    (uint32_t)(e->lo & UINT16_MAX) << 16 | (uint32_t)(e->hi & UINT16_MAX), proto);
}

/*
 * Where in this table: seeded, and with the network. One multiplication for IPv4, since it is
 * asked for every packet; its seeds are secret, and both of its halves serve as places. Network and
 * protocol are where ends have no bits: else other addresses could make up for another network, and
 * whoever knows a flow there could fill its places without knowing the seeds.
 */
static __rte_always_inline uint64_t lm_flow_slot_hash4(
    const struct lm_flows *f, const struct lm_flow_ends *e, uint32_t net_proto)
{
	const uint64_t lower = (uint64_t)net_proto << 48, upper = (uint64_t)(net_proto >> 16) << 48;

	return lm_mix(e->lo ^ f->seed[0] ^ lower, e->hi ^ f->seed[1] ^ upper);
}

static inline uint64_t lm_flow_slot_hash(
    const struct lm_flows *f, const struct lm_flow_key *k, uint64_t hash)
{
	if (k->net_proto & LM_FLOW_V6)
		return lm_mix(hash ^ f->seed[0], lm_flow_net_of(k->net_proto) ^ f->seed[1]);
	const struct lm_flow_ends ends = lm_flow_ends_of(k);
	return lm_flow_slot_hash4(f, &ends, k->net_proto);
}

/*
 * A bucket is LM_FLOW_WAYS slots in a row. Which of them is looked at first is a matter of the
 * hash too: so most flows are found in the first line, even in a full table.
 */
static inline struct lm_flow *lm_flow_way(
    const struct lm_flows *f, uint64_t slot_hash, unsigned second, unsigned way)
{
	uint32_t slot = (uint32_t)(second ? slot_hash >> 32 : slot_hash) & f->slot_mask;

	return &f->slots[slot ^ way];
}

static inline void lm_flow_prefetch(const struct lm_flows *f, uint64_t slot_hash)
{
	rte_prefetch0(lm_flow_way(f, slot_hash, 0, 0));
	/* One in eight is there, and would be asked for late, after a wrong guess. */
	rte_prefetch0(lm_flow_way(f, slot_hash, 0, 1));
}

static inline bool lm_flow_expired(
    const struct lm_flows *f, const struct lm_flow *flow, uint32_t now)
{
	return now - flow->seen > f->timeout[flow->state];
}

/* Does it have these ends, in this network and with this protocol? */
static __rte_always_inline bool lm_flow_is4(
    const struct lm_flow *flow, const struct lm_flow_ends *e, uint32_t net_proto)
{
	return flow->ends.lo == e->lo && flow->ends.hi == e->hi && flow->net_proto == net_proto;
}

/* NULL: unknown, or timed out. */
struct lm_flow *lm_flow_find(
    struct lm_flows *f, const struct lm_flow_key *key, uint64_t slot_hash, uint32_t now);

/* The same for IPv4; but one that timed out is still there. */
struct lm_flow *lm_flow_search4(
    const struct lm_flows *f, const struct lm_flow_ends *e, uint32_t net_proto, uint64_t slot_hash);

static __rte_always_inline struct lm_flow *lm_flow_find4(
    const struct lm_flows *f, const struct lm_flow_ends *e, uint32_t net_proto, uint64_t slot_hash)
{
	struct lm_flow *first = lm_flow_way(f, slot_hash, 0, 0);

	if (likely(lm_flow_is4(first, e, net_proto)))
		return first;
	return lm_flow_search4(f, e, net_proto, slot_hash);
}

#endif
