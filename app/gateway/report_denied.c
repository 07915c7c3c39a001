/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry: the last flows that rules denied, or allowed with `log`. */
#include "gateway.h"
#include "report.h"

static void denied_row(
    const struct gateway *gw, const struct lm_dp_noted_info *f, struct rte_tel_data *row)
{
	const struct lm_network *net = lm_membership_network(gw->membership, f->net);
	static const char *const verdicts[] = {
	    [LM_NOTED_DENIED] = "denied",
	    [LM_NOTED_ALLOWED] = "allowed",
	    [LM_NOTED_RATE] = "over rate",
	};
	char ip[LM_IP_TEXT];

	gw_put_u64(row, "ago_s", f->ago_s);
	gw_put_text(row, "network", net ? net->manifest->network : "");
	gw_put_text(row, "verdict", verdicts[f->verdict]);
	gw_put_u64(row, "protocol", f->protocol);
	gw_put_text(row, "src", lm_ip_text(ip, &f->src));
	gw_put_text(row, "dst", lm_ip_text(ip, &f->dst));
	gw_put_u64(row, "sport", f->src_port);
	gw_put_u64(row, "dport", f->dst_port);
	gw_put_text(row, "direction", f->way == LM_EGRESS ? "egress" : "ingress");
	if (f->line)
		gw_put_u64(row, "line", f->line);
}

int gw_report_denied(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_dp_noted_info noted[64];
	struct gw_page page;
	int err = gw_page_start(&page, d, "denied", params);

	for (unsigned w = 0; !err && w < gw->config->n_workers && !gw_page_full(&page); w++) {
		uint32_t cursor = 0;
		unsigned n;
		while ((n = lm_dp_noted(gw->dp, w, &cursor, noted, 64)) > 0) {
			for (unsigned i = 0; i < n; i++) {
				struct rte_tel_data *row = gw_page_row(&page);
				if (row)
					denied_row(gw, &noted[i], row);
			}
		}
	}
	return err ? err : gw_page_end(&page);
}
