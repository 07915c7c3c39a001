/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of the control thread in one row, whatever number of networks there
 * are: how many of everything, and how long others have to wait for its turns.
 */
#include "gateway.h"
#include "report.h"

static uint64_t peers_up(const struct gateway *gw)
{
	uint32_t end = lm_membership_peers_end(gw->membership);
	uint64_t n = 0;

	for (uint32_t slot = 0; slot < end; slot++) {
		const struct lm_peer *peer = lm_membership_peer(gw->membership, slot);
		n += peer && lm_peer_state(peer) == LM_PEER_UP;
	}
	return n;
}

struct gw_counts gw_count(const struct gateway *gw)
{
	uint32_t end = lm_membership_networks_end(gw->membership);
	const struct gw_attachments *as = &gw->attachments;
	struct gw_counts c = {.attachments = HASH_COUNT(as->by_name)};

	for (uint32_t i = 0; i < end; i++) {
		c.networks += lm_membership_network(gw->membership, i) != NULL;
		c.joined += lm_membership_part(gw->membership, i) == LM_PART_JOINED;
	}
	for (const struct gw_attachment *at = as->by_name; at; at = at->hh.next)
		c.active += gw_attachment_shown(at) == GW_ACTIVE;
	return c;
}

int gw_report_control(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct gw_counts c = gw_count(gw);
	const struct gw_turns *t = &gw->turns;
	uint32_t in, out;

	(void)params;
	rte_tel_data_start_dict(d);
	gw_put_u64(d, "networks", c.networks);
	gw_put_u64(d, "joined", c.joined);
	gw_put_u64(d, "attachments", c.attachments);
	gw_put_u64(d, "active", c.active);
	gw_put_u64(d, "peers_up", peers_up(gw));
	lm_dp_lane_counts(gw->dp, &in, &out);
	gw_put_u64(d, "lanes_in", in);
	gw_put_u64(d, "lanes_out", out);
	gw_put_u64(d, "turns", t->n);
	gw_put_u64(d, "busy_us", t->busy_ns / 1000);
	gw_put_u64(d, "longest_us", t->longest_ns / 1000);
	gw_put_u64(d, "over_10ms", t->over_10ms);
	gw_put_u64(d, "over_100ms", t->over_100ms);
	gw_put_u64(d, "over_1s", t->over_1s);
	return 0;
}
