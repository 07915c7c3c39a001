/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of a network's rules: how often each decided here. The parameter is the
 * network's index, then the first row.
 */
#include "gateway.h"
#include "report.h"

/* One of a member's two lists. */
struct list {
	const struct lm_network *net;
	uint16_t member;
	enum lm_way way;
};

static uint64_t hits_of(const struct gateway *gw, const struct list *l, uint16_t rule)
{
	return lm_dp_rule_hits(
	    gw->dp, l->net->index, gw->rules[l->net->index].policy, l->member, l->way, rule);
}

/* Only of a rule with a rate. */
static void put_rate(const struct gateway *gw, const struct list *l, uint16_t rule,
    const struct lm_flow_rate *rate, struct rte_tel_data *row)
{
	char text[LM_FLOW_RATE_TEXT];

	if (rate->n == 0)
		return;
	gw_put_text(row, "rate", lm_flow_rate_text(text, rate));
	gw_put_u64(row, "refused",
	    lm_dp_rule_refused(
		gw->dp, l->net->index, gw->rules[l->net->index].policy, l->member, l->way, rule));
}

static struct rte_tel_data *start_row(struct gw_page *page, const struct list *l)
{
	struct rte_tel_data *row = gw_page_row(page);

	if (!row)
		return NULL;
	gw_put_text(row, "member", l->net->manifest->members[l->member].name);
	gw_put_text(row, "direction", l->way == LM_EGRESS ? "egress" : "ingress");
	return row;
}

static void list_rows(const struct gateway *gw, struct gw_page *page, const struct list *l)
{
	const struct lm_manifest *m = l->net->manifest;
	const struct lm_member *member = &m->members[l->member];
	const struct lm_rule *rules = l->way == LM_EGRESS ? member->egress : member->ingress;
	unsigned n = l->way == LM_EGRESS ? member->n_egress : member->n_ingress;
	struct rte_tel_data *row;

	for (unsigned i = 0; i < n && !gw_page_full(page); i++) {
		const struct lm_rule *r = &rules[i];

		row = start_row(page, l);
		if (!row)
			continue;
		gw_put_u64(row, "rule", i);
		gw_put_u64(row, "line", r->line);
		gw_put_text(row, "action", r->deny ? "deny" : "allow");
		gw_put_u64(row, "hits", hits_of(gw, l, (uint16_t)i));
		put_rate(gw, l, (uint16_t)i, &r->rate, row);
		gw_put_text(row, "comment", r->comment ? r->comment : "");
	}
	row = start_row(page, l);
	if (!row)
		return;
	gw_put_text(row, "action", m->default_allow ? "allow" : "deny");
	gw_put_u64(row, "hits", hits_of(gw, l, LM_RULE_NONE));
	gw_put_text(row, "comment", "");
}

int gw_report_rules(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct list l = {0};
	struct gw_page page;
	int err = gw_net_page_start(gw, &page, d, "rules", params, &l.net);

	for (unsigned i = 0; !err && i < l.net->manifest->n_members && !gw_page_full(&page); i++) {
		l.member = (uint16_t)i;
		l.way = LM_EGRESS;
		list_rows(gw, &page, &l);
		l.way = LM_INGRESS;
		list_rows(gw, &page, &l);
	}
	return err ? err : gw_page_end(&page);
}
