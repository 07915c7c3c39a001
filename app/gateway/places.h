/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which place: a port and VLAN, or one MAC there. Without a MAC a workload has its port
 * and VLAN to itself; with one it shares them. Kept from one settling to the next.
 */
#ifndef LM_GATEWAY_PLACES_H
#define LM_GATEWAY_PLACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

struct gw_attachment;

struct gw_place_key {
	uint32_t port;
	uint16_t vlan;
	uint8_t has_mac; /* the place of a MAC, even of one of zeros, is not the VLAN itself */
	uint8_t mac[6];
	uint8_t zero[3];
};

/* An attachment has one in its VLAN, and one at its MAC if that is given. */
struct gw_stay {
	struct gw_place *place; /* NULL: none */
	const struct gw_attachment *at;
	LIST_ENTRY(gw_stay) link;
};
LIST_HEAD(gw_stay_list, gw_stay);

struct gw_place {
	struct gw_place_key key;
	struct gw_stay_list stays; /* several only in a VLAN that is shared */
	UT_hash_handle hh;
};

struct gw_places {
	struct gw_place *by_key;
	bool freed; /* since the owner looked last */
};

/* NULL: at has its place now. Else who is in its way, or at itself without memory. */
const struct gw_attachment *gw_place_claim(struct gw_places *places, struct gw_attachment *at);
/* Gives back what at has, if it has any. */
void gw_place_release(struct gw_places *places, struct gw_attachment *at);

#endif
