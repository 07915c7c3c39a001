/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "gateway.h"

#define LM_LOG_MODULE "path"

int gw_paths_open(struct gateway *gw)
{
	gw->paths.n_slots = gw->config->max_peers;
	gw->paths.slots = calloc(gw->paths.n_slots, sizeof(gw->paths.slots[0]));
	return gw->paths.slots ? 0 : -ENOMEM;
}

void gw_paths_close(struct gateway *gw)
{
	free(gw->paths.slots);
	gw->paths.slots = NULL;
}

static struct lm_underlay_path next_hop(const struct gateway *gw, uint32_t slot)
{
	const struct gw_path *p = &gw->paths.slots[slot];
	struct lm_underlay_path hop = {.ready = false};

	if (p->to.ip.family)
		lm_underlay_path(gw->underlay, &p->to, &hop);
	return hop;
}

bool gw_path_ready(const struct gateway *gw, uint32_t slot)
{
	return next_hop(gw, slot).ready;
}

static void publish(struct gateway *gw, uint32_t slot)
{
	struct lm_underlay_path hop = next_hop(gw, slot);

	if (!hop.ready) {
		lm_dp_peer_path(gw->dp, slot, NULL);
		return;
	}
	struct lm_dp_path path = {
	    .port = gw->underlay_port,
	    .src = hop.src,
	    .dst = hop.dst,
	    .vlan = hop.vlan,
	    .src_ip = hop.src_ip,
	    .dst_ip = hop.dst_ip,
	    .dst_port = hop.dst_port,
	};
	int err = lm_dp_peer_path(gw->dp, slot, &path);
	if (err)
		lm_error("peer %u: cannot publish its path: %s", slot, strerror(-err));
}

static void remember(struct gw_path *p, struct lm_dp_peer_info seen)
{
	p->rx_packets = seen.rx_packets;
	p->tx_packets = seen.tx_packets;
}

void gw_path_set(struct gateway *gw, uint32_t slot, const struct lm_udp_addr *to)
{
	struct gw_path *p = &gw->paths.slots[slot];
	struct lm_now now = gw_now();

	struct lm_udp_addr old = p->to;
	p->to = to ? *to : (struct lm_udp_addr){0};
	/* What came before, maybe from another peer in this slot, says nothing of this one. */
	if (!old.ip.family)
		remember(p, lm_dp_peer(gw->dp, slot));
	/* Watch the new one first: where both share a next hop it stays resolved. */
	if (to && lm_underlay_watch(gw->underlay, now.mono, to) < 0) {
		char text[LM_UDP_TEXT];
		lm_warn_limited("peer %u: too many next hops to watch the one towards %s", slot,
		    lm_udp_addr_text(text, to));
		p->to = (struct lm_udp_addr){0};
	}
	if (old.ip.family)
		lm_underlay_unwatch(gw->underlay, &old);
	publish(gw, slot);
}

void gw_path_refresh(struct gateway *gw, const struct lm_udp_addr *to)
{
	for (uint32_t slot = 0; slot < gw->paths.n_slots; slot++)
		if (lm_udp_addr_equal(&gw->paths.slots[slot].to, to))
			publish(gw, slot);
}

void gw_paths_refresh(struct gateway *gw)
{
	for (uint32_t slot = 0; slot < gw->paths.n_slots; slot++)
		if (gw->paths.slots[slot].to.ip.family)
			publish(gw, slot);
}

void gw_paths_used(struct gateway *gw)
{
	struct lm_now now = gw_now();

	for (uint32_t slot = 0; slot < gw->paths.n_slots; slot++) {
		struct gw_path *p = &gw->paths.slots[slot];
		if (!p->to.ip.family)
			continue;
		struct lm_dp_peer_info seen = lm_dp_peer(gw->dp, slot);
		if (seen.rx_packets != p->rx_packets)
			lm_membership_heard(gw->membership, &now, slot);
		if (seen.tx_packets != p->tx_packets)
			lm_membership_sent(gw->membership, &now, slot);
		remember(p, seen);
	}
}
