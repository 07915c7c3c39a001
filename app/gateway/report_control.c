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

static void put_networks(const struct gateway *gw, struct rte_tel_data *d)
{
	uint32_t end = lm_membership_networks_end(gw->membership);
	uint64_t n = 0, joined = 0;

	for (uint32_t i = 0; i < end; i++) {
		n += lm_membership_network(gw->membership, i) != NULL;
		joined += lm_membership_part(gw->membership, i) == LM_PART_JOINED;
	}
	gw_put_u64(d, "networks", n);
	gw_put_u64(d, "joined", joined);
}

static void put_attachments(const struct gateway *gw, struct rte_tel_data *d)
{
	const struct gw_attachments *as = &gw->attachments;
	uint64_t active = 0;

	for (const struct gw_attachment *at = as->by_name; at; at = at->hh.next)
		active += at->state == GW_ACTIVE;
	gw_put_u64(d, "attachments", HASH_COUNT(as->by_name));
	gw_put_u64(d, "active", active);
}

int gw_report_control(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct gw_turns *t = &gw->turns;
	uint32_t in, out;

	(void)params;
	rte_tel_data_start_dict(d);
	put_networks(gw, d);
	put_attachments(gw, d);
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
