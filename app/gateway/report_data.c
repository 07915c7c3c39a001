/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of the data plane: ports, lanes, flows, drops, workers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "gateway.h"
#include "ledger/ledger.h"
#include "report.h"

int gw_report_ports(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "ports", params);
	struct lm_dp_port_info info;

	for (unsigned i = 0; !err && lm_dp_port_info(gw->dp, i, &info) == 0; i++) {
		struct rte_tel_data *row = gw_page_row(&page);
		char mac[LM_MAC_TEXT];

		if (!row)
			continue;
		gw_put_text(row, "name", info.name);
		gw_put_text(row, "role", info.underlay ? "underlay" : "access");
		gw_put_text(row, "device", info.device);
		gw_put_text(row, "driver", info.driver);
		gw_put_text(row, "mac", lm_mac_text(mac, &info.mac));
		gw_put_u64(row, "mtu", info.mtu);
		gw_put_text(row, "link", info.link_up ? "up" : "down");
		gw_put_u64(row, "rx_queues", info.n_rxq);
		gw_put_u64(row, "tx_queues", info.n_txq);
		gw_put_u64(row, "rx_packets", info.rx_packets);
		gw_put_u64(row, "rx_bytes", info.rx_bytes);
		gw_put_u64(row, "tx_packets", info.tx_packets);
		gw_put_u64(row, "tx_bytes", info.tx_bytes);
		gw_put_u64(row, "rx_missed", info.rx_missed);
		gw_put_u64(row, "rx_errors", info.rx_errors);
		gw_put_u64(row, "rx_nombuf", info.rx_nombuf);
	}
	return err ? err : gw_page_end(&page);
}

int gw_report_lanes(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_dp_lane_info lanes[64];
	struct gw_page page;
	uint32_t cursor = 0;
	unsigned n;
	int err = gw_page_start(&page, d, "lanes", params);

	while (!err && !gw_page_full(&page) && (n = lm_dp_lanes(gw->dp, &cursor, lanes, 64)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			const struct lm_dp_lane_info *l = &lanes[i];
			const struct lm_network *net =
			    lm_membership_network(gw->membership, l->net);
			struct rte_tel_data *row = gw_page_row(&page);
			char spi[16];

			if (!row)
				continue;
			snprintf(spi, sizeof(spi), "0x%08x", l->spi);
			gw_put_text(row, "spi", spi);
			gw_put_text(row, "network", net ? net->manifest->network : "");
			gw_put_u64(row, "peer", l->peer);
			gw_put_u64(row, "lane", l->lane);
			gw_put_u64(row, "worker", l->worker);
			gw_put_text(row, "direction", l->inbound ? "in" : "out");
			gw_put_u64(row, "packets", l->packets);
			gw_put_u64(row, "bytes", l->bytes);
			gw_put_u64(row, "sequence", l->sequence);
			gw_put_u64(row, "replays", l->replays);
			gw_put_u64(row, "auth_failures", l->auth_failures);
		}
	}
	return err ? err : gw_page_end(&page);
}

static int put_counts(struct rte_tel_data *d, const char *key, const char *const *names,
    const uint64_t *counts, unsigned n)
{
	struct rte_tel_data *sub = rte_tel_data_alloc();

	if (!sub)
		return -ENOMEM;
	rte_tel_data_start_dict(sub);
	for (unsigned i = 0; i < n; i++)
		gw_put_u64(sub, names[i], counts[i]);
	return rte_tel_data_add_dict_container(d, key, sub, 0);
}

static int put_states(struct gateway *gw, struct rte_tel_data *d)
{
	uint64_t counts[LM_FLOW_STATE_MAX];

	for (unsigned state = 0; state < LM_FLOW_STATE_MAX; state++)
		counts[state] = lm_dp_flows_in(gw->dp, state);
	gw_put_u64(d, "count", lm_dp_flow_count(gw->dp));
	return put_counts(d, "states", lm_flow_state_names, counts, LM_FLOW_STATE_MAX);
}

int gw_report_flows(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_dp_flow_info flows[64];
	struct gw_page page;
	int err = gw_page_start(&page, d, "flows", params);

	for (unsigned w = 0; !err && w < gw->config->n_workers && !gw_page_full(&page); w++) {
		uint32_t cursor = 0;
		unsigned n;
		while (
		    !gw_page_full(&page) && (n = lm_dp_flows(gw->dp, w, &cursor, flows, 64)) > 0) {
			for (unsigned i = 0; i < n; i++) {
				const struct lm_dp_flow_info *f = &flows[i];
				const struct lm_network *net =
				    lm_membership_network(gw->membership, f->net);
				struct rte_tel_data *row = gw_page_row(&page);
				char ip[LM_IP_TEXT];

				if (!row)
					continue;
				gw_put_text(row, "network", net ? net->manifest->network : "");
				gw_put_text(row, "src", lm_ip_text(ip, &f->src));
				gw_put_text(row, "dst", lm_ip_text(ip, &f->dst));
				gw_put_u64(row, "protocol", f->protocol);
				gw_put_u64(row, "sport", f->src_port);
				gw_put_u64(row, "dport", f->dst_port);
				gw_put_u64(row, "worker", f->worker);
				gw_put_text(row, "state", lm_flow_state_names[f->state]);
				gw_put_u64(row, "idle_s", f->idle_s);
				gw_put_u64(row, "packets", f->packets);
				gw_put_u64(row, "bytes", f->bytes);
			}
		}
	}
	if (!err)
		err = put_states(gw, d);
	return err ? err : gw_page_end(&page);
}

/* What the control lcore did not answer of what was punted to it, and why. */
static int put_control(struct gateway *gw, struct rte_tel_data *d)
{
	const struct {
		const char *who;
		const char *const *names;
		const uint64_t *counts;
		unsigned n;
	} parts[] = {
	    {"workload", lm_workload_result_names, gw->workload_results, LM_WL_MAX},
	    {"dns", lm_dns_count_names, gw->dns.counts, LM_DC_MAX},
	    {"dns_tcp", lm_tcp_count_names, lm_tcp_counts(gw->dns.tcp), LM_TC_MAX},
	    {"underlay", lm_underlay_result_names, gw->underlay_results, LM_UL_MAX},
	    {"session", lm_session_drop_names,
		lm_sessions_drops(lm_membership_sessions(gw->membership)), LM_SD_MAX},
	    {"membership", lm_membership_drop_names, lm_membership_drops(gw->membership),
		LM_MD_MAX},
	    {"ledger", lm_ledger_drop_names, lm_ledger_drops(lm_membership_ledger(gw->membership)),
		LM_LD_MAX},
	};
	struct rte_tel_data *sub = rte_tel_data_alloc();
	char key[64];

	if (!sub)
		return -ENOMEM;
	rte_tel_data_start_dict(sub);
	for (unsigned p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
		for (unsigned i = 0; i < parts[p].n; i++) {
			snprintf(key, sizeof(key), "%s_%s", parts[p].who, parts[p].names[i]);
			gw_put_u64(sub, key, parts[p].counts[i]);
		}
	gw_put_chains(gw, sub);
	gw_put_u64(sub, "unattached", gw->punts_unattached);
	gw_put_u64(sub, "injects_failed", gw->injects_failed);
	gw_put_u64(sub, "advertisements", gw->advertisements);
	return rte_tel_data_add_dict_container(d, "control", sub, 0);
}

static uint64_t sum(const uint64_t *counts, unsigned n)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += counts[i];
	return total;
}

int gw_report_drops(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_counters c;

	(void)params;
	lm_dp_counters(gw->dp, -1, &c);
	rte_tel_data_start_dict(d);
	gw_put_u64(d, "rx", c.rx);
	gw_put_u64(d, "injected", c.injected);
	gw_put_u64(d, "tx", c.tx);
	gw_put_u64(d, "dropped", sum(c.drops, LM_DROP_MAX));
	gw_put_u64(d, "punted", sum(c.punts, LM_PUNT_MAX));
	int err = put_counts(d, "drops", lm_drop_names, c.drops, LM_DROP_MAX);
	if (!err)
		err = put_counts(d, "punts", lm_punt_names, c.punts, LM_PUNT_MAX);
	return err ? err : put_control(gw, d);
}

static int put_stages(struct rte_tel_data *row, const struct lm_counters *c)
{
	struct rte_tel_data *stages = rte_tel_data_alloc();

	if (!stages)
		return -ENOMEM;
	rte_tel_data_start_dict(stages);
	for (unsigned i = 0; i < LM_STAGE_MAX; i++) {
		char key[32];
		snprintf(key, sizeof(key), "%s_packets", lm_stage_names[i]);
		gw_put_u64(stages, key, c->stage_packets[i]);
		snprintf(key, sizeof(key), "%s_cycles", lm_stage_names[i]);
		gw_put_u64(stages, key, c->stage_cycles[i]);
	}
	return rte_tel_data_add_dict_container(row, "stages", stages, 0);
}

void gw_put_limits(
    struct rte_tel_data *d, const struct lm_rates *rates, const struct lm_dp_limited *limited)
{
	static const char *const names[] = {
#define X(id, name) name,
	    LM_RATES_OF(X)
#undef X
	};
	static const enum lm_rate out[] = {LM_RATE_BITS_OUT, LM_RATE_PACKETS_OUT},
				  in[] = {LM_RATE_BITS_IN, LM_RATE_PACKETS_IN};

	for (unsigned i = 0; i < LM_RATE_MAX; i++)
		if (rates->of[i])
			gw_put_u64(d, names[i], rates->of[i]);
	if (rates->of[out[0]] || rates->of[out[1]])
		gw_put_u64(d, "limited_out", limited->out);
	if (rates->of[in[0]] || rates->of[in[1]])
		gw_put_u64(d, "limited_in", limited->in);
}

int gw_report_workers(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct gw_page page;
	int err = gw_page_start(&page, d, "workers", params);

	/* The stages' clock: of two answers, what was not spent in a stage was idle. */
	gw_put_u64(d, "cycles", rte_get_tsc_cycles());
	gw_put_u64(d, "hz", rte_get_tsc_hz());
	for (unsigned w = 0; !err && w < gw->config->n_workers; w++) {
		struct rte_tel_data *row = gw_page_row(&page);
		struct lm_counters c;

		if (!row)
			continue;
		lm_dp_counters(gw->dp, (int)w, &c);
		gw_put_u64(row, "index", w);
		gw_put_u64(row, "rx", c.rx);
		gw_put_u64(row, "injected", c.injected);
		gw_put_u64(row, "tx", c.tx);
		gw_put_u64(row, "handed_in", c.handed_in);
		gw_put_u64(row, "handed_out", c.handed_out);
		gw_put_u64(row, "dropped", sum(c.drops, LM_DROP_MAX));
		gw_put_u64(row, "punted", sum(c.punts, LM_PUNT_MAX));
		gw_put_u64(row, "flow_hits", c.flow_hits);
		gw_put_u64(row, "flow_misses", c.flow_misses);
		err = put_stages(row, &c);
	}
	return err ? err : gw_page_end(&page);
}
