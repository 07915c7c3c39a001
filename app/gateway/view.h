/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lib/workload is to know of an attachment and its network. Valid as long as
 * both are; not to be copied, as it points into itself.
 */
#ifndef LM_GATEWAY_VIEW_H
#define LM_GATEWAY_VIEW_H

#include "attachments.h"
#include "manifest/manifest.h"
#include "membership/membership.h"
#include "workload/workload.h"

struct gw_view {
	struct lm_workload_view w;
	const struct lm_membership *membership;
	const struct lm_network *net;
	unsigned endpoint; /* the workload's */
	char host[LM_NAME_MAX + 16], domain[LM_NAME_MAX + 80];
};

/* at is active in net. */
void gw_view_fill(struct gateway *gw, const struct gw_attachment *at, const struct lm_network *net,
    struct gw_view *view);

#endif
