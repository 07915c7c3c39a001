/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building telemetry answers. DPDK nests dictionaries in dictionaries but no
 * dictionaries in arrays, so a list is a dictionary of rows named "0", "1", ...
 * An answer holds 16 KiB: lists come in pages of at most GW_PAGE_ROWS, and of no
 * more than fit. The parameter is the first index, "next" is where the following
 * page begins.
 */
#ifndef LM_GATEWAY_REPORT_H
#define LM_GATEWAY_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_telemetry.h>
#include "base/why.h"

#define GW_PAGE_ROWS 32

struct gw_page {
	struct rte_tel_data *d, *rows;
	const char *name;
	uint32_t first; /* index of the first row that was asked for */
	uint32_t seen; /* rows offered so far */
	unsigned filled; /* rows in this page */
	bool more;
};

void gw_put_u64(struct rte_tel_data *d, const char *key, uint64_t value);
/* What came of a command, in two halves: a reason may be longer than one string of telemetry. */
void gw_put_result_text(struct rte_tel_data *d, const struct lm_why *text);
/* Longer than telemetry allows (127 characters): cut. */
void gw_put_text(struct rte_tel_data *d, const char *key, const char *text);

/* Starts d as a dictionary with a list in it. -EINVAL for a bad parameter, -ENOMEM. */
int gw_page_start(
    struct gw_page *page, struct rte_tel_data *d, const char *name, const char *params);
/*
 * The same of one network's: "3" or "3,32", its index and the first row. -EINVAL, -ENOENT, -ENOMEM.
 */
struct gateway;
struct lm_network;
int gw_net_page_start(struct gateway *gw, struct gw_page *page, struct rte_tel_data *d,
    const char *name, const char *params, const struct lm_network **net);
/* The next row to fill, or NULL if it is on another page. */
struct rte_tel_data *gw_page_row(struct gw_page *page);
/* No further row will be taken: a loop may end early. */
bool gw_page_full(const struct gw_page *page);
int gw_page_end(struct gw_page *page);

/* report_net.c, report_part.c, report_chain.c, report_rules.c, report_routes.c, report_denied.c,
 * report_trace.c, report_data.c, report_control.c: answers on the control lcore (ask.h). */
int gw_report_control(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_sessions(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_networks(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_gateways(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_chain(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_recovery(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_served(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_rules(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_routes(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_trace(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_endpoints(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_attachments(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_ports(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_lanes(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_flows(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_denied(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_drops(struct gateway *gw, const char *params, struct rte_tel_data *d);
int gw_report_workers(struct gateway *gw, const char *params, struct rte_tel_data *d);

/* report_data.c: limits that there are, and what was over them, if there are any. */
struct lm_rates;
struct lm_dp_limited;
void gw_put_limits(
    struct rte_tel_data *d, const struct lm_rates *rates, const struct lm_dp_limited *limited);

/* Counters of all chains into a dictionary: 22 of them. */
void gw_put_chains(const struct gateway *gw, struct rte_tel_data *d);

#endif
