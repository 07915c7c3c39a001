/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Router advertisements that nobody asked for. Not to workloads whose MAC is not
 * known: those have not spoken yet, and they ask when they start.
 */
#include <stddef.h>
#include <rte_random.h>

#include "gateway.h"
#include "view.h"

void gw_advertise_news(struct gateway *gw, struct gw_attachment *at)
{
	lm_ra_times_news(&gw->ra_times, &at->ra, gw_now().mono);
}

void gw_advertise_network(struct gateway *gw, uint32_t net)
{
	const struct gw_groups *groups = &gw->attachments.groups;
	uint32_t first = net == GW_ALL_NETWORKS ? 0 : net, end = first + 1;

	if (net == GW_ALL_NETWORKS)
		end = groups->n_nets;
	for (uint32_t i = first; i < end; i++) {
		const struct gw_group *g = gw_group_of(groups, i);
		for (struct gw_attachment *at = g ? g->seated : NULL; at; at = at->in_seats.next)
			gw_advertise_news(gw, at);
	}
}

static void advertise(struct gateway *gw, const struct gw_attachment *at)
{
	const struct lm_network *net = lm_membership_network(gw->membership, at->net);
	uint8_t frame[LM_WORKLOAD_FRAME_MAX];
	struct gw_view view;

	if (!at->mac_known || at->state != GW_ACTIVE || !net)
		return;
	gw_view_fill(gw, at, net, &view);
	size_t len = lm_workload_advertise(&view.w, &at->mac, frame);
	if (len) {
		gw_inject(gw, at->port, frame, len);
		gw->advertisements++;
	}
}

uint64_t gw_advertise_tick(struct gateway *gw, uint64_t now)
{
	while (lm_ra_times_next(&gw->ra_times) <= now) {
		struct lm_ra_time *t = lm_ra_times_take(&gw->ra_times, now, (uint32_t)rte_rand());
		if (t)
			advertise(
			    gw, (const struct gw_attachment *)((char *)t -
							       offsetof(struct gw_attachment, ra)));
	}
	return lm_ra_times_next(&gw->ra_times);
}
