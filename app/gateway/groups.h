/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attachments of each network, whether its manifest is in force here or not: what a change
 * of one network has to look at. A group is there while it has attachments or a network.
 */
#ifndef LM_GATEWAY_GROUPS_H
#define LM_GATEWAY_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>
#include "crypto/identity.h"
#include "manifest/manifest.h"

struct gw_attachment;
struct lm_network;

LIST_HEAD(gw_attachment_list, gw_attachment);

/* How attachments name a network: by its owner's key id and its own name, zero-padded. */
struct gw_group_key {
	uint8_t owner[LM_KEY_ID_LEN];
	char network[LM_NAME_MAX + 1];
};

struct gw_group {
	struct gw_group_key key;
	uint32_t net; /* its index while it is in force here, or GW_NO_NETWORK */
	struct gw_attachment_list members;
	struct gw_attachment *seated; /* those that are active, by endpoint */
	bool unsettled; /* on the list of those to settle */
	bool unpublished; /* the network is to be published anew, if it is in force */
	TAILQ_ENTRY(gw_group) link;
	UT_hash_handle hh;
};
TAILQ_HEAD(gw_group_list, gw_group);

struct gw_groups {
	struct gw_group *by_key;
	struct gw_group **of_net; /* by network index */
	uint32_t n_nets;
	struct gw_group_list unsettled;
};

/* -ENOMEM. n_nets: indices are below. */
int gw_groups_open(struct gw_groups *groups, uint32_t n_nets);
void gw_groups_close(struct gw_groups *groups); /* attachments have left */

/* The network is in force; NULL without memory. */
struct gw_group *gw_group_begin(struct gw_groups *groups, const struct lm_network *net);
/* It is not any more. */
void gw_group_end(struct gw_groups *groups, uint32_t net);
/* Of a network in force; NULL: none has this index. */
struct gw_group *gw_group_of(const struct gw_groups *groups, uint32_t net);

/* at, whose file was read, is where its file says. It may have been elsewhere. -ENOMEM. */
int gw_group_enter(struct gw_groups *groups, struct gw_attachment *at);
void gw_group_leave(struct gw_groups *groups, struct gw_attachment *at);

/* at is active, as the endpoint that it has now. */
void gw_group_seat(struct gw_attachment *at);
/* Who is seated there, or NULL. */
struct gw_attachment *gw_group_find(const struct gw_group *g, uint32_t endpoint);
void gw_group_unseat_all(struct gw_group *g);

void gw_group_unsettle(struct gw_groups *groups, struct gw_group *g);
/* Has been settled and published; goes away if there is nothing left of it. */
void gw_group_settled(struct gw_groups *groups, struct gw_group *g);

#endif
