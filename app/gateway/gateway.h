/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leasemeshd's control state: what the features of lib/ are wired to. Owned by
 * the control lcore; no other thread touches it (telemetry threads ask through
 * ask.h). Each file below is one noun.
 */
#ifndef LM_GATEWAY_GATEWAY_H
#define LM_GATEWAY_GATEWAY_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "config/config.h"
#include "crypto/identity.h"
#include "dataplane/dataplane.h"
#include "membership/membership.h"
#include "store/journal.h"
#include "store/store.h"
#include "underlay/underlay.h"
#include "workload/ra_times.h"
#include "workload/workload.h"

#include "attachments.h"
#include "dns.h"
#include "paths.h"
#include "reader.h"

#define GW_SECOND UINT64_C(1000000000)
#define GW_BALANCE_EVERY (GW_SECOND / 5)
#define GW_FACTS "fact" /* table of the store: by network, then the key that membership gives */

/* Turns of the control loop: while one lasts, nobody else is answered. */
struct gw_turns {
	uint64_t n, busy_ns, longest_ns;
	uint64_t over_10ms, over_100ms, over_1s; /* the first counts those of the others, too */
};

/* A network's rules, as of the manifest with this hash. policy NULL: not compiled. */
struct gw_rules {
	struct lm_policy *policy;
	uint64_t compile_us; /* of a large manifest with its own tests of them */
	uint8_t hash[32];
};

/* What the reader has made of a manifest that may come into force now. */
struct gw_rules_offer {
	struct lm_document *document; /* NULL: nothing */
	uint8_t hash[32];
	uint64_t us;
};

struct gateway {
	const char *config_path;
	struct lm_gateway_config *config;
	struct lm_identity identity;
	uint64_t started; /* monotonic ns */

	struct lm_store *store;
	bool lost_store; /* what our key has promised was in another one */
	bool unmarked; /* nobody would notice if this one were lost */
	struct lm_journal *records; /* the ledger on disk; NULL: it is in memory only */
	struct lm_dp *dp;
	struct lm_underlay *underlay;
	struct lm_membership *membership;
	unsigned underlay_port;
	uint16_t tunnel_mtu; /* inner bytes that fit through the underlay */
	bool tunnel_mtu_changed;

	struct gw_attachments attachments;
	bool *stale; /* by network: its routes are to be published */
	bool any_stale;
	struct gw_rules *rules; /* by network */
	struct gw_rules_offer offer;
	struct gw_reader *reader;
	struct gw_paths paths;
	struct lm_ra_times ra_times;
	uint64_t balance_at; /* monotonic ns: gw_rates_tick */
	struct gw_dns dns;

	int epoll_fd, signal_fd, ask_fd, reader_fd;
	bool stopping;
	struct gw_turns turns;

	/* Frames from the workers that control had no answer to, by reason. */
	uint64_t workload_results[LM_WL_MAX];
	uint64_t underlay_results[LM_UL_MAX];
	uint64_t punts_unattached; /* the attachment went away while the frame was queued */
	uint64_t injects_failed;
	uint64_t advertisements; /* of routers, that nobody asked for */
};

/* One clock reading for all that one event causes. */
struct lm_now gw_now(void);

/* control.c: the event loop; returns when a signal asked to stop. */
int gw_control_open(struct gateway *gw);
void gw_control_run(struct gateway *gw);
void gw_control_close(struct gateway *gw);

/* eal.c: DPDK's arguments from the configuration. 0 or a negative errno, logged. */
int gw_eal_start(const struct lm_gateway_config *config);
/* bpf_log.c: what the libraries of AF_XDP print goes through our log from now on. */
void gw_bpf_log(void);
void gw_bpf_log_ports_are_up(void);

/*
 * mark.c: was the store lost, or put back? After it was opened, and before anything reads it. 0 or
 * a negative errno, logged. Closing counts once more.
 */
int gw_mark_open(struct gateway *gw);
void gw_mark_close(struct gateway *gw);

/* records.c: the ledger on disk, if it is configured. What is wrong with it is logged, no more. */
void gw_records_open(struct gateway *gw, struct lm_membership_ops *ops);
/* Those of networks that are not in force are of no use. */
void gw_records_prune(struct gateway *gw);

/* network.c: membership's effects on store, data plane and peers. */
extern const struct lm_membership_ops gw_membership_ops;
int gw_networks_restore(struct gateway *gw);
int gw_owners_apply(struct gateway *gw);
/* Names the networks in force whose owner is not accepted (any more), and says how many. */
unsigned gw_owners_warn(const struct gateway *gw);
/* After membership's tick: publishes changed routes. True: attachments want to be looked at now. */
bool gw_networks_tick(struct gateway *gw);
/* Inner IP bytes that workloads are told to use, and MSS is clamped to. */
uint16_t gw_workload_mtu(const struct gateway *gw);

/*
 * publish.c: a network, if one with this index is in force, with its attachments as settled.
 * Membership learns which of its endpoints are served here.
 */
void gw_network_publish(struct gateway *gw, uint32_t index);

/* rates.c. Its own limits, or the configuration's. */
struct lm_rates gw_attachment_rates(const struct gateway *gw, const struct gw_attachment *at);
/* The configuration's limits are in force with the next publication of attachments, soon. */
void gw_rates_apply(struct gateway *gw);
/* Divides limits among the workers as they need them; returns when it wants to be called again. */
uint64_t gw_rates_tick(struct gateway *gw, uint64_t now);

/*
 * rules.c: compiled rules. gw_rules_get: *out is one to be freed, or given to the data plane.
 * -ENOMEM, -E2BIG.
 */
int gw_rules_open(struct gateway *gw);
void gw_rules_close(struct gateway *gw);
int gw_rules_get(struct gateway *gw, const struct lm_network *net, struct lm_policy **out);
void gw_rules_drop(struct gateway *gw, uint32_t net);
/* Compiled already, which took so long: gw_rules_get takes them, if it wants them. NULL: no more.
 */
void gw_rules_offer(struct gateway *gw, struct lm_document *d, uint64_t us);

/* punts.c: what the workers could not finish. */
void gw_punt(void *ctx, const struct lm_dp_punt *punt);
/* A frame of ours out of a port; what finds no room is counted. */
void gw_inject(struct gateway *gw, unsigned port, const uint8_t *frame, size_t len);
extern const struct lm_underlay_ops gw_underlay_ops;
/* The underlay's configuration as lib/underlay and the data plane want it. */
int gw_underlay_apply(struct gateway *gw);
int gw_underlay_config(const struct gateway *gw, struct lm_underlay_config *out);

/* advertise.c: what routers advertise has changed for one attachment, or a network's. */
void gw_advertise_news(struct gateway *gw, struct gw_attachment *at);
void gw_advertise_network(struct gateway *gw, uint32_t net);
/* Sends what is due; returns when it wants to be called again. */
uint64_t gw_advertise_tick(struct gateway *gw, uint64_t now);

/* reload.c: reads the file again; all or nothing. text says what happened, for people. */
int gw_reload(struct gateway *gw, struct lm_why *text);

/* keylog.c: lines for tshark's esp_sa table; nothing unless key_log is set. */
void gw_keylog_sa(const struct gateway *gw, uint32_t spi, const uint8_t keymat[36]);

/* report_control.c: however many there are, in a few numbers. */
struct gw_counts {
	unsigned networks, joined, attachments, active;
};
struct gw_counts gw_count(const struct gateway *gw);

/* report.c: the telemetry commands. -errno if they cannot be registered. */
int gw_report_register(struct gateway *gw);

#endif
