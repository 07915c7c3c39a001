/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is attached where: (port, VLAN, MAC) -> attachment, and the way back.
 * Immutable once published; made and freed by the control lcore, read by workers.
 */
#ifndef LM_DATAPLANE_ATTACH_H
#define LM_DATAPLANE_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "dataplane/dataplane.h"
#include "dataplane/hash.h"

/* Bytes 0..5 source MAC as in memory, 6..7 VLAN. */
#define LM_MAC_MASK UINT64_C(0x0000ffffffffffff)
/* The line for "anybody else". No frame can ask for it: not even with a broadcast source. */
#define LM_MAC_ANY (UINT64_C(1) << 63)

struct lm_meters;

/* An attachment as workers need it: one cache line. */
struct lm_attached {
	uint8_t l2[16]; /* towards it: destination, source and maybe the tag; ether type follows */
	uint8_t l2_len; /* 12 or 16 */
	uint8_t port;
	bool valid, has_mac, waits;
	bool limited; /* there is one of the two below */
	uint16_t port_mtu; /* IP bytes that fit */
	uint16_t vlan;
	uint32_t net, endpoint;
	/* Its limits and its network's, see meters.h; NULL: there is none. */
	struct lm_meters *meters, *net_meters;
	uint8_t pad[8];
};
_Static_assert(sizeof(struct lm_attached) == 64, "an attachment is one cache line");

/* With what every packet of it asks for. */
struct lm_attach_slot {
	uint64_t key;
	uint32_t id; /* of "anybody else": LM_DP_NONE where only known MACs may speak */
	uint32_t net : 23;
	uint32_t limited : 1;
	uint32_t port : 8; /* LM_ATTACH_EMPTY */
};
#define LM_ATTACH_EMPTY 0xff
_Static_assert(LM_DP_PORTS_MAX < LM_ATTACH_EMPTY, "ports fit");

struct lm_attach_table {
	struct lm_attach_slot *slots;
	uint32_t mask;
	uint32_t n; /* ids below */
	struct lm_attached by_id[];
};

/* What workers ask of a port when a frame leaves by it. */
struct lm_attach_port {
	struct lm_mac mac;
	uint16_t mtu;
	bool access;
};

/* -EINVAL (id, port), -EEXIST (two attachments at one place), -ENOMEM. */
int lm_attach_table_create(struct lm_attach_table **out, const struct lm_dp_attachment *list,
    unsigned n, uint32_t max_id, const struct lm_attach_port *ports, unsigned n_ports);
void lm_attach_table_free(void *table);
/* Before it is published: an attachment has limits. */
void lm_attach_limit(struct lm_attach_table *t, const struct lm_dp_attachment *a);

/* So many slots do not stay in the fastest cache. */
#define LM_ATTACH_MANY 1024

static inline uint64_t lm_attach_key(uint16_t vlan, uint64_t mac)
{
	return mac | (uint64_t)vlan << 48;
}

/* Where to begin to look. */
static inline uint32_t lm_attach_begin(uint64_t key, uint32_t port)
{
	return (uint32_t)lm_mix(key ^ LM_HASH_K0, port ^ LM_HASH_K1);
}

/* The slot that lm_attach_find looks at first. */
static inline const struct lm_attach_slot *lm_attach_first(
    const struct lm_attach_table *t, uint32_t port, uint16_t vlan, uint64_t mac)
{
	return &t->slots[lm_attach_begin(lm_attach_key(vlan, mac), port) & t->mask];
}

static inline struct lm_attach_slot *lm_attach_find(
    const struct lm_attach_table *t, uint32_t port, uint16_t vlan, uint64_t mac)
{
	uint64_t key = lm_attach_key(vlan, mac);

	for (uint32_t i = lm_attach_begin(key, port);; i++) {
		struct lm_attach_slot *s = &t->slots[i & t->mask];

		if (s->key == key && s->port == port)
			return s;
		if (s->port == LM_ATTACH_EMPTY)
			return NULL;
	}
}

#endif
