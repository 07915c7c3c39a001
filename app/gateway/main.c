/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leasemeshd: start, wire, run, stop. Each step that fails has logged why; what
 * was set up before it is taken down again in reverse order.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "base/bytes.h"
#include "crypto/gcm.h"
#include "gateway.h"

#define LM_LOG_MODULE "leasemeshd"

#define STORE_BYTES (UINT64_C(16) << 30) /* address space; the file grows as it is filled */
#define GOODBYE_MS 200

static struct lm_dp_worker_arg worker_args[LM_WORKERS_MAX];

/*
 * Both directions of every lane towards a few peers of each network, and two
 * generations of them while keys change.
 */
static unsigned max_sas(const struct lm_gateway_config *c)
{
	const uint64_t min = 1u << 12, max = 1u << 20;
	uint64_t n = (uint64_t)c->max_networks * rte_align32pow2(c->n_workers) * 2 * 2 * 4;

	return (unsigned)(n < min ? min : n > max ? max : rte_align32pow2((uint32_t)n));
}

/* Without it a gateway carries the same packets, some of them later. */
static unsigned realtime_priority(const struct lm_gateway_config *c)
{
	int err = c->realtime_priority > 0 ? lm_dp_realtime_allowed(c->realtime_priority) : 0;

	if (err == 0)
		return c->realtime_priority;
	lm_warn("workers cannot be real-time threads (dpdk.realtime_priority): %s", strerror(-err));
	return 0;
}

static int open_dataplane(struct gateway *gw)
{
	const struct lm_gateway_config *c = gw->config;
	struct lm_dp_config dp = {
	    .n_workers = c->n_workers,
	    .max_networks = c->max_networks,
	    .max_peers = c->max_peers,
	    .max_endpoints = c->max_endpoints,
	    .max_sas = max_sas(c),
	    .flows = c->flows,
	    .network_flows = c->network_flows,
	    .flow_seconds = c->flow_seconds,
	    .udp_port = c->udp_port,
	    .reply_port_first = LM_DNS_REPLY_PORT_FIRST,
	    .n_reply_ports = LM_DNS_REPLY_PORTS,
	    .busy_poll = c->busy_poll,
	    .realtime_priority = realtime_priority(c),
	    .lane_source_ports = c->lane_source_ports,
	    .mbufs = c->mbufs,
	};
	int err = lm_dp_create(&gw->dp, &dp);

	if (err) {
		lm_error("cannot make the data plane: %s", strerror(-err));
		return err;
	}
	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct lm_port_config *p = &c->ports[i];
		struct lm_dp_port_config port = {.underlay = p->role == LM_PORT_UNDERLAY,
		    .mtu = p->mtu,
		    .vlan = p->vlan,
		    .rx_descriptors = p->rx_descriptors,
		    .tx_descriptors = p->tx_descriptors};
		struct lm_why why = {0};

		strcpy(port.name, p->name);
		strcpy(port.device, p->device);
		int index = lm_dp_port_add(gw->dp, &port, &why);
		if (index < 0) {
			lm_error("%s:%u: ports.%s: %s", gw->config_path, p->line, p->name,
			    why.text[0] ? why.text : strerror(-index));
			return index;
		}
		if (port.underlay)
			gw->underlay_port = (unsigned)index;
	}
	gw_bpf_log_ports_are_up();
	return 0;
}

/* Before DPDK: a child checks the store, and devices write into memory that must not be shared. */
static int open_store(struct gateway *gw)
{
	struct lm_why why = {0}, key = {0};
	int err = lm_store_open(&gw->store, gw->config->state_dir, STORE_BYTES, &why);

	if (!err)
		return gw_mark_open(gw);
	lm_config_why(gw->config, gw->config_path, "state_dir", &key, "%s", why.text);
	lm_error("%s", key.text);
	return err;
}

static int open_control(struct gateway *gw)
{
	const struct lm_gateway_config *c = gw->config;
	struct lm_membership_config membership = {
	    .lanes = (uint8_t)rte_align32pow2(c->n_workers),
	    .max_networks = c->max_networks,
	    .max_peers = c->max_peers,
	    .lost_store = gw->lost_store,
	};
	struct lm_membership_ops ops = gw_membership_ops;

	gw_records_open(gw, &ops);
	gw->stale = calloc(c->max_networks, sizeof(gw->stale[0]));
	int err = gw->stale ? gw_rules_open(gw) : -ENOMEM;
	if (!err)
		err = gw_underlay_apply(gw);
	if (!err)
		err = gw_paths_open(gw);
	if (!err)
		err = gw_dns_open(gw);
	if (!err)
		err = gw_reader_open(&gw->reader, &gw->reader_fd);
	if (!err)
		err = lm_membership_create(&gw->membership, &gw->identity, &membership, &ops, gw);
	if (!err)
		err = gw_owners_apply(gw);
	if (err) {
		lm_error("cannot set up the control plane: %s", strerror(-err));
		return err;
	}
	/* Attachments are settled once, when all networks are there, and not with each of them. */
	err = gw_networks_restore(gw);
	if (!err) {
		gw_records_prune(gw);
		gw_owners_warn(gw);
	}
	if (!err)
		err = gw_attachments_open(gw);
	if (err)
		return err;
	gw_rates_apply(gw);
	gw_attachments_settle(gw, GW_ALL_NETWORKS);
	struct gw_counts n = gw_count(gw);
	lm_info("%u networks from the store, %u attachments, %u of them active", n.networks,
	    n.attachments, n.active);
	lm_underlay_announce(gw->underlay, gw_now().mono);
	return gw_control_open(gw);
}

static int launch_workers(struct gateway *gw)
{
	unsigned i = 0, lcore;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		worker_args[i] = (struct lm_dp_worker_arg){.dp = gw->dp, .index = i};
		int err = rte_eal_remote_launch(lm_dp_worker_main, &worker_args[i], lcore);
		if (err) {
			lm_error("worker %u does not start: %s", i, strerror(-err));
			return err;
		}
		i++;
	}
	return 0;
}

/* Goodbyes are on their way through the workers: give them a moment before they stop. */
static void say_goodbye(struct gateway *gw)
{
	struct lm_now now = gw_now();

	lm_membership_goodbye(gw->membership, &now);
	for (int ms = 0; ms < GOODBYE_MS; ms++) {
		if (lm_dp_inject_pending(gw->dp) == 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	lm_warn("peers may not have heard our goodbye");
}

static void close_all(struct gateway *gw)
{
	gw_control_close(gw);
	if (gw->attachments.slots)
		gw_attachments_close(gw);
	if (gw->dp) {
		lm_dp_stop(gw->dp);
		rte_eal_mp_wait_lcore();
		lm_dp_ports_stop(gw->dp);
	}
	gw_reader_close(gw->reader);
	if (gw->membership)
		lm_membership_free(gw->membership);
	if (gw->underlay)
		lm_underlay_free(gw->underlay);
	gw_paths_close(gw);
	gw_dns_close(gw);
	free(gw->stale);
	gw_rules_close(gw);
	if (gw->dp)
		lm_dp_free(gw->dp);
	lm_journal_close(gw->records);
	if (gw->store)
		lm_store_close(gw->store);
}

static int run(struct gateway *gw)
{
	char id[LM_KEY_ID_TEXT];
	int shared;
	int err = open_store(gw);

	if (!err)
		err = gw_eal_start(gw->config);
	if (err) {
		lm_store_close(gw->store);
		return err;
	}
	gw_bpf_log();
	gw->started = gw_now().mono;
	const char *version = lm_gcm_library(&shared);
	lm_info("gateway %s, intel-ipsec-mb %s, %u worker%s",
	    lm_hex(id, &gw->identity.id, sizeof(gw->identity.id)), version, gw->config->n_workers,
	    gw->config->n_workers == 1 ? "" : "s");
	if (shared && gw->config->n_workers > 1)
		lm_warn(
		    "intel-ipsec-mb %s writes one process-wide word in every call: several workers "
		    "slow each other down by 15 to 80 %%; version 2.0 does not "
		    "(docs/dependencies.md)",
		    version);
	err = open_dataplane(gw);
	if (!err)
		err = open_control(gw);
	if (!err)
		err = launch_workers(gw);
	if (!err)
		err = gw_report_register(gw);
	if (!err) {
		lm_info("running");
		gw_control_run(gw);
		say_goodbye(gw);
		gw_mark_close(gw);
	}
	close_all(gw);
	rte_eal_cleanup();
	return err;
}

static bool core_usable(void *ctx, unsigned core)
{
	cpu_set_t set;

	(void)ctx;
	CPU_ZERO(&set);
	return core < CPU_SETSIZE && sched_getaffinity(0, sizeof(set), &set) == 0 &&
	       CPU_ISSET(core, &set);
}

static int usage(FILE *to)
{
	fputs("usage: leasemeshd -c FILE [--check]\n"
	      "\n"
	      "  -c, --config FILE   gateway configuration (see conf/gateway.conf)\n"
	      "      --check         read the configuration and the key, say what is wrong, end\n"
	      "      --version       print the version\n"
	      "\n"
	      "SIGHUP reads the configuration again; SIGTERM says goodbye to peers and ends.\n",
	    to);
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'k'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	struct gateway gw = {.epoll_fd = -1, .signal_fd = -1, .attachments.inotify_fd = -1};
	struct lm_why why = {0};
	bool check = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			gw.config_path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'V':
			puts("leasemeshd " LM_VERSION);
			return 0;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (!gw.config_path || optind != argc)
		return usage(stderr);

	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	if (lm_crypto_init() < 0) {
		lm_error("libsodium does not start");
		return 1;
	}
	int err = lm_config_load(&gw.config, gw.config_path, &why);
	if (!err) {
		struct lm_why key = {0};
		err = lm_identity_load(&gw.identity, gw.config->identity, &key);
		if (err)
			lm_config_why(gw.config, gw.config_path, "identity", &why, "%s", key.text);
	}
	if (!err && !check)
		err = lm_config_check_cores(gw.config, gw.config_path, core_usable, NULL, &why);
	if (err) {
		lm_error("%s", why.text);
		lm_config_free(gw.config);
		return 1;
	}
	lm_log_set_level(gw.config->log_level);
	if (check) {
		printf("%s: good\n", gw.config_path);
		lm_wipe(&gw.identity, sizeof(gw.identity));
		lm_config_free(gw.config);
		return 0;
	}
	err = run(&gw);
	lm_wipe(&gw.identity, sizeof(gw.identity));
	lm_config_free(gw.config);
	return err ? 1 : 0;
}
