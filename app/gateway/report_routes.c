/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of a network's routes: where the packets of each go from here. The parameter is the
 * network's index, then the first row.
 */
#include <stdio.h>

#include "gateway.h"
#include "report.h"

/* As the workers have it; what was published last may be of another manifest for a moment. */
static void put_active(const struct gateway *gw, const struct lm_network *net, unsigned route,
    struct rte_tel_data *row)
{
	const struct lm_manifest *m = net->manifest;
	struct lm_dp_route_info info;

	if (lm_dp_route_at(gw->dp, net->index, route, &info) < 0 || !info.up ||
	    info.endpoint >= m->n_endpoints) {
		gw_put_text(row, "up", "no");
		return;
	}
	const struct lm_endpoint *e = &net->endpoints[info.endpoint];
	char via[LM_NAME_MAX + 8];
	gw_put_text(row, "up", "yes");
	snprintf(via, sizeof(via), "%s/%u", m->members[e->member].name, e->replica);
	gw_put_text(row, "via", via);
	if (e->provider != LM_ANY_PROVIDER)
		gw_put_text(row, "provider", m->providers[e->provider].name);
}

int gw_report_routes(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	const struct lm_network *net;
	struct gw_page page;
	char text[LM_PREFIX_TEXT];
	int err = gw_net_page_start(gw, &page, d, "routes", params, &net);

	for (unsigned i = 0; !err && i < net->manifest->n_routes && !gw_page_full(&page); i++) {
		const struct lm_route *r = &net->manifest->routes[i];
		struct rte_tel_data *row = gw_page_row(&page);

		if (!row)
			continue;
		gw_put_text(row, "prefix", lm_prefix_text(text, &r->prefix));
		gw_put_u64(row, "line", r->line);
		gw_put_u64(row, "replicas", r->n_endpoints);
		put_active(gw, net, i, row);
		gw_put_text(row, "comment", r->comment ? r->comment : "");
	}
	return err ? err : gw_page_end(&page);
}
