/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.conf and the attachment files (libconfig syntax). Strict: an unknown,
 * repeated, missing or ill-typed key is an error that names file, line and key.
 * Nothing is applied here: a parsed configuration is a value.
 *
 * Control thread (attachment and configuration files are read there).
 */
#ifndef LM_CONFIG_CONFIG_H
#define LM_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/log.h"
#include "base/why.h"
#include "crypto/identity.h"
#include "dataplane/rates.h"
#include "dataplane/timeouts.h"
#include "membership/attachment.h"

#define LM_PORTS_MAX 32
#define LM_CONFIG_PATH_MAX 256
#define LM_WORKERS_MAX 32
#define LM_CONFIG_KEYS_MAX 96
#define LM_FORWARDERS_MAX 4

enum lm_port_role { LM_PORT_UNDERLAY, LM_PORT_ACCESS };

struct lm_port_config {
	char name[32];
	enum lm_port_role role;
	char device[512]; /* DPDK device arguments: "0000:01:00.0", "net_af_xdp0,iface=eth1" */
	uint16_t mtu; /* IP bytes; 0: what the device has */
	uint16_t vlan; /* underlay only: 0 untagged */
	uint16_t rx_descriptors, tx_descriptors; /* of each queue, powers of two; 0: what suits */
	unsigned line;
};

struct lm_owner_config {
	char name[64];
	struct lm_public_key key;
};

/* Keys marked [live] may change on reload; the others need a restart. */
struct lm_gateway_config {
	char identity[LM_CONFIG_PATH_MAX]; /* key file */
	char state_dir[LM_CONFIG_PATH_MAX];
	char attachments[LM_CONFIG_PATH_MAX]; /* directory of *.conf */
	char key_log[LM_CONFIG_PATH_MAX]; /* [live] "" or a file for tshark's esp_sa; secrets! */
	enum lm_log_level log_level; /* [live] */

	/* dpdk = { } */
	bool huge_pages; /* false: --no-huge */
	unsigned memory_mb;
	char file_prefix[64];
	unsigned control_core;
	unsigned worker_cores[LM_WORKERS_MAX];
	unsigned n_workers;
	bool pin; /* false: cores are threads that the kernel schedules (laptops, tests) */
	bool busy_poll; /* [live] true: never sleep */
	unsigned realtime_priority; /* of workers, 1..99; 0: they are ordinary threads */
	char eal_args[512]; /* further EAL arguments, split at spaces */
	unsigned mbufs; /* of the packet pool */

	struct lm_port_config ports[LM_PORTS_MAX];
	unsigned n_ports;

	/* underlay = { } */
	uint16_t udp_port;
	struct lm_ifaddr addrs[8]; /* [live] */
	unsigned n_addrs;
	struct lm_ip gateway4, gateway6; /* [live] */
	bool lane_source_ports; /* each lane from its own UDP source port: RSS spreads them */

	/* owners = ( ) [live] */
	struct lm_owner_config *owners;
	unsigned n_owners;

	/* ledger = { } */
	bool ledger_on_disk; /* what other gateways say survives a restart */

	/* workload = { } [live] */
	uint16_t workload_mtu; /* 0: computed from the underlay's */
	uint32_t dhcp_lease_seconds;
	bool default_route; /* workloads are told that we are the router for everything */
	char domain[64]; /* suffix after the network's name, "internal" */

	/* dns = { } [live] */
	struct lm_ip forwarders[LM_FORWARDERS_MAX]; /* for names outside of the network */
	unsigned n_forwarders; /* 0: such names are refused */
	unsigned dns_questions; /* packets to port 53 of one workload, a second, of each worker */

	/* limits = { } */
	unsigned max_networks, max_peers, max_endpoints;
	unsigned flows; /* entries of each worker's flow table, a power of two */
	unsigned network_flows; /* of these, one network's; 0: what leaves room for others */

	/* flows = { } [live] */
	struct lm_flow_seconds flow_seconds;

	/* rates = { } [live] */
	struct lm_rates endpoint_rates; /* unless the attachment says otherwise */
	struct lm_rates network_rates; /* of each network, all its endpoints here together */
	uint32_t rate_burst_ms;

	unsigned lines[LM_CONFIG_KEYS_MAX]; /* where each key was set, for messages; 0: nowhere */
};

/* -EINVAL, -ENOENT ... with "file:line: key: reason". On failure *out is untouched. */
int lm_config_load(struct lm_gateway_config **out, const char *path, struct lm_why *why);
/* The same from memory (tests, fuzzing). Paths are relative to path's folder; nothing is opened. */
int lm_config_parse(struct lm_gateway_config **out, const char *path, const char *text, size_t len,
    struct lm_why *why);
void lm_config_free(struct lm_gateway_config *c);
/*
 * Say what is wrong with the value of a key ("dpdk.mbufs"), as loading does, for whoever finds out
 * later: -EINVAL with "file:line: key: ...". The line is where the key was set.
 */
int lm_config_why(const struct lm_gateway_config *c, const char *file, const char *key,
    struct lm_why *why, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/*
 * Cores that this host does not let us use: -EINVAL with "file:line: key: reason". Not part of
 * loading, so that a file can be checked on another machine. Nothing is asked if pin is false.
 */
int lm_config_check_cores(const struct lm_gateway_config *c, const char *path,
    bool (*usable)(void *ctx, unsigned core), void *ctx, struct lm_why *why);
/*
 * Names the first key that differs between the two and cannot change while running: -EBUSY with
 * "file:line: key: needs a restart", or 0.
 */
int lm_config_restart_needed(const struct lm_gateway_config *running,
    const struct lm_gateway_config *next, const char *path, struct lm_why *why);

/* The name is the file's, without folder and ".conf". On failure *out is untouched. */
int lm_attachment_load(struct lm_attachment *out, const char *path, struct lm_why *why);
int lm_attachment_parse(
    struct lm_attachment *out, const char *path, const char *text, size_t len, struct lm_why *why);

#endif
