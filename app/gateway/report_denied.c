/* SPDX-License-Identifier: Apache-2.0 */
/* Telemetry: the last flows that rules denied, or allowed with `log`. */
#include "gateway.h"
#include "report.h"

static void denied_row(
    const struct lm_network *net, const struct lm_dp_noted_info *f, struct rte_tel_data *row)
{
	static const char *const verdicts[] = {
	    [LM_NOTED_DENIED] = "denied",
	    [LM_NOTED_ALLOWED] = "allowed",
	    [LM_NOTED_RATE] = "over rate",
	};
	char ip[LM_IP_TEXT];

	gw_put_u64(row, "ago_s", f->ago_s);
	gw_put_text(row, "network", net->manifest->network);
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

static void denied_rows(
    const struct gateway *gw, const struct lm_network *net, struct gw_page *page)
{
	struct lm_dp_noted_info noted[LM_DP_NOTED_MAX];

	for (unsigned w = 0; w < gw->config->n_workers && !gw_page_full(page); w++) {
		unsigned n = lm_dp_noted(gw->dp, net->index, w, noted);
		for (unsigned i = 0; i < n; i++) {
			struct rte_tel_data *row = gw_page_row(page);
			if (row)
				denied_row(net, &noted[i], row);
		}
	}
}

int gw_report_denied(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "denied", params);
	uint32_t end = lm_membership_networks_end(gw->membership);

	for (uint32_t i = 0; !err && i < end && !gw_page_full(&page); i++) {
		const struct lm_network *net = lm_membership_network(gw->membership, i);
		if (net)
			denied_rows(gw, net, &page);
	}
	return err ? err : gw_page_end(&page);
}
