/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attachments directory and what became of each file in it.
 *
 * A file that cannot be read or parsed leaves what was there before in force; a
 * removed file ends its attachment. The directory itself may be replaced: while it
 * is not there, everything stays. After any change it is settled anew which
 * attachments the manifests in force agree with, and which clash.
 */
#ifndef LM_GATEWAY_ATTACHMENTS_H
#define LM_GATEWAY_ATTACHMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include "base/why.h"
#include "membership/attachment.h"
#include "groups.h"
#include "places.h"
#include "workload/ra_times.h"

struct gateway;

enum gw_attachment_state {
	GW_WAITING, /* no manifest of its network is in force here; shown, too: it is not served yet
		     */
	GW_ACTIVE,
	GW_REFUSED,
};

struct gw_attachment {
	char name[LM_ATTACHMENT_NAME_MAX + 1];
	uint32_t id; /* the data plane's handle, stable while the file is there */
	bool readable; /* a is valid: the file was parsed at least once */
	bool changed; /* since the last settling */
	struct lm_attachment a;
	enum gw_attachment_state state;
	struct lm_why reason; /* unless active: why not */
	struct lm_why bad_file; /* why the file's newest version is not used; "": it is */
	unsigned port; /* index in the data plane, valid when readable and known */
	uint32_t net, endpoint; /* valid when active */
	/*
	 * Of those that are active: the endpoint is ours to serve, or why not (a constant text).
	 * What gateways decide may be decided elsewhere, and any time.
	 */
	bool served;
	const char *unserved;
	struct lm_ip ipv4, ipv6; /* while it is served: the endpoint's */
	struct gw_group *group; /* of its network; NULL: the file was never readable */
	LIST_ENTRY(gw_attachment) in_group;
	bool seated; /* in the group's table of those that are active */
	UT_hash_handle in_seats; /* by endpoint */
	struct gw_stay in_vlan, at_mac; /* its place */
	bool displaced; /* refused, because another one has its place */
	bool mac_known;
	struct lm_mac mac; /* given or learned */
	/* Until then a declined address is not given out; monotonic ns, 0: none was declined. */
	uint64_t held4, held6;
	struct lm_ra_time ra; /* set while active */
	UT_hash_handle hh; /* by name */
};

struct gw_attachments {
	struct gw_attachment *by_name;
	struct gw_attachment **slots; /* by id; NULL: free */
	uint32_t n_slots;
	uint32_t lowest_free;
	struct gw_groups groups;
	struct gw_places places;
	uint32_t n_displaced;
	bool crowded; /* files were left out, because every slot was taken */
	bool unsettled; /* something has changed */
	bool unpublished; /* the ports' table is to follow */
	int inotify_fd;
	int watch; /* of the directory; -1: it is not there */
	uint64_t look_at; /* again, while it is not there */
};

/* In place of a network's index. */
#define GW_NO_NETWORK UINT32_MAX
#define GW_ALL_NETWORKS (UINT32_MAX - 1)

int gw_attachments_open(struct gateway *gw);
void gw_attachments_close(struct gateway *gw);
/* The inotify descriptor is readable: reads a portion, for tick to settle. */
void gw_attachments_event(struct gateway *gw);
/* Does what events have left to do; returns when it wants to be called again. */
uint64_t gw_attachments_tick(struct gateway *gw, uint64_t now);
/*
 * Judges the attachments whose file or network has changed, and publishes what came of it and,
 * whatever became of its attachments, the network with this index. Nothing happens before
 * gw_attachments_open.
 */
void gw_attachments_settle(struct gateway *gw, uint32_t net);
/* The ports' table as the attachments stand now. */
void gw_attachments_publish(struct gateway *gw);
/* A frame of a workload whose attachment names no MAC has told it. */
void gw_attachment_learn(struct gateway *gw, struct gw_attachment *at, const struct lm_mac *mac);
struct gw_attachment *gw_attachment(struct gateway *gw, uint32_t id);
const char *gw_attachment_state_text(enum gw_attachment_state state);
/* As people are to see it: who is not served waits as well. */
enum gw_attachment_state gw_attachment_shown(const struct gw_attachment *at);

#endif
